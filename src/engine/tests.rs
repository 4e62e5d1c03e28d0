//! The application on the toy: every rule of it in milliseconds, without a line of C++.

mod baseline;
mod clock;
mod dialogue;
mod handle;
mod healing;
mod manuscript;
mod prompt;
mod resting;
mod resume;
mod scoring;
mod story;
mod tuned;

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::*;
use crate::catalog::Machine;
use crate::chat::InProcess;
use crate::decode::{Cancel, Completion, Ended, Observer, Plan, Stories, Told, drive, each};
use crate::model::{Kind, Token, Vocabulary};
use crate::prob::Noise;
use crate::sampler::{Chain, Draw, Pick, Sampler, Stage};

/// Words, marks and an end; the letters of the alphabet come first, so that every text can be cut.
fn vocabulary() -> Vocabulary {
    let letters = (b'a'..=b'z').chain(*b" .,!\n").map(|byte| (char::from(byte).to_string(), Kind::Text));
    let words = ["write ", "a story ", "once ", "upon ", "time "].map(|word| (word.to_owned(), Kind::Text));
    let marks = ["<user>", "<assistant>", "<system>", "<think>", "</think>"].map(|mark| (mark.to_owned(), Kind::Control));
    Vocabulary::new(letters.chain(words).chain(marks).chain([("</s>".to_owned(), Kind::End)]))
}

/// Pseudo-random logits between 0 and 6, the end a rare one.
fn row(text: &[Token]) -> Vec<f32> {
    let noise = Noise::new(7, text).at(0, 0);
    let last = Token::try_from(vocabulary().len() - 1).unwrap();
    #[allow(clippy::cast_possible_truncation, reason = "a logit")]
    let logit = |token| if token == last { -4.0 } else { noise.uniform(token) as f32 * 6.0 };
    (0..=last).map(logit).collect()
}

const TEMPLATE: &str = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";

fn toy() -> ToyBackend {
    ToyBackend::new(vocabulary(), row)
}

fn engine_of(backend: ToyBackend, change: impl FnOnce(&mut EngineOptions)) -> Engine {
    let mut options = EngineOptions::new("toy");
    change(&mut options);
    Engine::new(Box::new(backend), options, Machine::default(), None, None, Arc::new(InProcess)).unwrap()
}

fn engine() -> Engine {
    engine_of(toy(), |_| ())
}

fn wave() -> Sampler {
    sampler(&["dry = { multiplier = 0.8 }", "min-p = 0.05", "future = { candidates = 8, entropy-top = 8, alpha = 0.2 }"])
}

fn sampler(stages: &[&str]) -> Sampler {
    let stages = stages.iter().map(|stage| toml::from_str::<Stage>(stage).unwrap()).collect();
    Sampler::new(Chain::new(stages).unwrap(), Pick::Sample)
}

fn occasion() -> Occasion {
    Occasion { now: chrono::NaiveDateTime::default(), seed: 1, max_tokens: 30 }
}

fn prompt(engine: &Engine, text: &str) -> Prompt {
    let spec = PromptSpec { text: text.to_owned(), is_typed: true, ..PromptSpec::default() };
    engine.prompt(&spec, occasion(), &mut (), &Cancel::new()).unwrap()
}

/// A story that somebody listens to, up to a token.
#[derive(Default)]
struct Listener {
    enough: Option<usize>,
    draws: Vec<Draw>,
    text: String,
    completion: Option<Completion>,
}

impl Observer for Listener {
    fn told(&mut self, _: usize, told: &Told) -> ControlFlow<()> {
        self.draws.push(told.draw.clone());
        self.text += told.text;
        if self.enough == Some(self.draws.len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn ended(&mut self, _: usize, ended: Ended) {
        self.text += &ended.rest;
        self.completion = Some(ended.completion);
    }
}

/// A story told in a memory of its own, and heard up to `enough` tokens.
fn tell(engine: &Engine, plan: &Plan, enough: Option<usize>) -> (Listener, SettingsOf) {
    let width = engine.width(std::slice::from_ref(plan), 1);
    let mut session = engine.session(std::slice::from_ref(plan), width).unwrap();
    let mut listener = Listener { enough, ..Listener::default() };
    let settings = session.settings().clone();
    drive(&mut Stories::new(&mut *session, width), 1, &mut each([plan.clone()]), &mut listener, &Cancel::new());
    (listener, SettingsOf { settings, width })
}

/// What a story was told with.
struct SettingsOf {
    settings: crate::model::SessionSettings,
    width: usize,
}

fn refusal(error: &anyhow::Error) -> Refusal {
    error.downcast_ref::<Refusal>().unwrap_or_else(|| panic!("{error:#}")).clone()
}

#[test]
fn as_many_candidates_are_looked_at_at_once_as_there_are_branches_for() {
    let wide = engine_of(toy(), |options| options.width = Width::Fixed(NonZeroUsize::new(1000).unwrap()));
    let greedy = Plan::new(sampler(&["future = { candidates = 40, entropy-top = 8, alpha = 0.2 }"]), vec![1], 1, 10);
    let width = wide.width(std::slice::from_ref(&greedy), 1);
    assert!(width >= 40 && Stories::room_for(std::slice::from_ref(&greedy), width).1 <= 256, "{width}");
    assert_eq!(engine().width(&[greedy], 1), 1);
    let future = "future = { candidates = 100, entropy-top = 8, alpha = 0.2, horizon = 'word' }";
    let too_many = Plan::new(sampler(&[future, "top-p = 0.9"]), vec![1], 1, 10);
    let refused = refusal(&engine().session(&[too_many], 1).err().unwrap());
    assert_eq!((refused.remedy, refused.is_usage), (Remedy::FewerCandidates, false));
}

#[test]
fn options_that_do_nothing_here_are_told() {
    let threads = |count| move |options: &mut EngineOptions| options.threads = NonZeroUsize::new(count);
    assert_eq!(engine_of(toy(), threads(2)).idle_options(2), []);
    assert_eq!(engine_of(toy(), threads(3)).idle_options(2), [Note::ThreadsAboveCores { threads: 3, cores: 2 }]);
    // More than any machine has are refused where a memory is opened.
    assert_eq!(engine_of(toy(), threads(1000)).idle_options(2), []);
    let idle = engine_of(toy(), |options| {
        options.gpu_layers = crate::model::GpuLayers::Fixed(3);
        options.devices = Some(vec!["CPU".to_owned()]);
        options.use_mlock = true;
    });
    let devices = Some(vec!["CPU".to_owned()]);
    assert_eq!(idle.idle_options(9), [Note::GpuLayersIdle(3, devices), Note::NotLocked]);
}

#[test]
fn a_context_is_no_longer_than_the_model_was_trained_for() {
    let mut options = EngineOptions::new("toy");
    options.context = NonZeroUsize::new(1001);
    let opened = Engine::new(Box::new(toy()), options, Machine::default(), None, None, Arc::new(InProcess));
    let refused = refusal(&opened.err().unwrap());
    assert_eq!((refused.remedy, refused.is_usage), (Remedy::LargerContext(1000), true));
}

#[test]
fn a_memory_that_does_not_fit_the_machine_is_refused_with_what_would() {
    let card = crate::catalog::ModelCard::read(std::path::Path::new("models/fable-3m-q8_0.gguf")).unwrap();
    let memory = crate::catalog::Memory { total: 40_000_000, available: 40_000_000 };
    let machine = Machine { memory: Some(memory), gpus: Vec::new() };
    let engine =
        Engine::new(Box::new(toy()), EngineOptions::new("toy"), machine, Some(card), None, Arc::new(InProcess)).unwrap();
    assert!(engine.session_of(256, 2).is_ok());
    let error = engine.session_of(100_000, 2).err().unwrap();
    assert!(matches!(error.chain().find_map(|cause| cause.downcast_ref::<Refusal>()).unwrap().remedy, Remedy::Fit(_)));
    assert!(error.to_string().starts_with("cannot open the model `toy` for 100000 tokens"), "{error}");
}
