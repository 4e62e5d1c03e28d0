//! The model's side on the toy: what it tells is what is told anywhere, and what it costs.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::super::tree::{Beginning, How, ModelName, NodeId, Piece, Place, Tree};
use super::*;
use crate::catalog::Machine;
use crate::chat::InProcess;
use crate::decode::{Completion, Plan, tell};
use crate::engine::Explanation;
use crate::engine::{
    EngineOptions, Heal, Occasion, Prompt, PromptSpec, Question, Recorded, Recorder, StoryRequest, ToyBackend,
};
use crate::model::{Detokenizer, Kind, Token, Vocabulary};
use crate::preset::parse;
use crate::prob::Noise;
use crate::sampler::TextUnit;
use crate::story::StopReason;

const WAVE: &str = "[[chain]]\ndry = { multiplier = 0.8 }\n[[chain]]\nmin-p = 0.05\n[[chain]]\nfuture = { candidates = 8, entropy-top = 8, alpha = { wave = { period = 9 } } }";
const BAND: &str = "[[chain]]\ntemperature = { band = { surprisal = [1.0, 1.2], window = 8, gain = 3 } }";
const MIROSTAT: &str = "[[chain]]\nmirostat = { tau = 2, eta = 0.5 }";
const BANNED: &str = "[[chain]]\nmin-p = 0.02\n[bans]\nphrases = [\"once\", \"time\"]";

/// Letters, marks, words, a character in three parts, and an end.
fn vocabulary() -> Vocabulary {
    let letters = (b'a'..=b'z').chain(*b" .,!\n").map(|byte| (vec![byte], Kind::Text));
    let words = ["once ", "upon ", "time ", ". ", " king", "ly"].map(|word| (word.as_bytes().to_vec(), Kind::Text));
    let parts = "狼".bytes().map(|byte| (vec![byte], Kind::Text));
    Vocabulary::new(letters.chain(words).chain(parts).chain([(b"</s>".to_vec(), Kind::End)]))
}

/// Pseudo-random logits, the end a rare one.
#[allow(clippy::cast_possible_truncation, reason = "a logit")]
fn row(text: &[Token]) -> Vec<f32> {
    let noise = Noise::new(7, &text[text.len().saturating_sub(5)..]).at(0, 0);
    let last = Token::try_from(vocabulary().len() - 1).unwrap();
    (0..=last).map(|token| if token == last { -4.0 } else { noise.uniform(token) as f32 * 6.0 }).collect()
}

pub(in crate::explore) fn engine() -> Arc<Engine> {
    let backend = Box::new(ToyBackend::new(vocabulary(), row).trained_for(4000));
    let options = EngineOptions::new("toy");
    Arc::new(Engine::new(backend, options, Machine::default(), None, None, Arc::new(InProcess)).unwrap())
}

pub(in crate::explore) fn prompt(engine: &Engine, text: &str) -> Prompt {
    let spec = PromptSpec { text: text.to_owned(), heal: Heal::default(), ..PromptSpec::default() };
    let occasion = Occasion { now: chrono::NaiveDateTime::default(), seed: 1, max_tokens: 30 };
    engine.prompt(&spec, occasion, &mut (), &Cancel::new()).unwrap()
}

/// Somebody who asks, and puts into the tree what is reported.
struct Writer {
    engine: Arc<Engine>,
    guide: Guide,
    heard: Receiver<Report>,
    tree: Tree,
    recipe: Arc<Recipe>,
    story: StoryRequest,
    number: u64,
}

impl Writer {
    fn new(preset: &str, text: &str, story: StoryRequest) -> Self {
        let (engine, (tell, heard)) = (engine(), channel());
        let (guide, _) = Guide::spawn(Arc::clone(&engine), move |report| drop(tell.send(report))).unwrap();
        let tree = Tree::new(Beginning::of_prompt(&prompt(&engine, text)), ModelName::default(), 0);
        let recipe = Arc::new(Recipe { name: "own".to_owned(), set: Vec::new(), preset: parse(preset, "own").unwrap() });
        Self { engine, guide, heard, tree, recipe, story, number: 0 }
    }

    fn ask(&mut self, place: Place, wish: Wish) -> (Vec<Report>, Cost) {
        let (way, recipe, story) = (self.tree.before(place), Arc::clone(&self.recipe), self.story.clone());
        self.number += 1;
        assert!(self.guide.ask(Request { number: self.number, way, recipe, story, wish }));
        let mut reports = Vec::new();
        loop {
            let report = self.heard.recv_timeout(Duration::from_secs(60)).expect("every request is over at last");
            match report {
                Report::Over { number, failed, cost } => {
                    assert_eq!((number, failed), (self.number, None));
                    return (reports, cost);
                }
                report => {
                    self.tree.take_in(&report);
                    reports.push(report);
                }
            }
        }
    }

    /// Tells on behind a node, and returns the new one with its cost.
    fn tell(&mut self, behind: NodeId, aim: Aim) -> (NodeId, StopReason, Cost) {
        let into = self.tree.sprout(self.tree.end(behind), vec![How::Typed], 0).unwrap();
        let (reports, cost) = self.ask(self.tree.end(behind), Wish::Tell { into: into.clone(), aim });
        let stop = reports.into_iter().find_map(|report| match report {
            Report::Ended { stop, .. } => Some(stop),
            _ => None,
        });
        (into[0], stop.unwrap(), cost)
    }

    /// The story that the plan of the whole is, told by itself.
    fn at_once(&self, text: &str) -> Completion {
        let sampler = self.recipe.preset.sampler();
        let plan = self.engine.plan(&sampler, &prompt(&self.engine, text), &self.story).unwrap();
        let (cells, branches) = crate::decode::Stories::room_for(std::slice::from_ref(&plan), 1);
        let mut session = self.engine.session_of(cells, branches).unwrap();
        tell(&mut *session, 1, vec![plan]).remove(0)
    }

    fn told(&self) -> String {
        let text = self.tree.text(self.tree.current());
        Detokenizer::text_of(&text[self.tree.beginning().shown().len()..])
    }

    /// The tokens that were told.
    fn tokens(&self) -> Vec<Token> {
        let line = self.tree.line();
        line.iter().flat_map(|&node| self.tree.node(node).unwrap().tokens.iter().map(|piece| piece.token)).collect()
    }
}

/// Every node's tokens spell its text.
fn assert_spelt(tree: &Tree) {
    for id in tree.in_order().into_iter().skip(1) {
        let node = tree.node(id).unwrap();
        let length: usize = node.tokens.iter().map(|piece| piece.len).sum();
        assert!(node.tokens.is_empty() || length == node.text.len(), "{node:?}");
        assert_eq!(node.pieces().collect::<Vec<_>>().concat(), node.text);
    }
}

#[test]
fn what_is_told_on_is_the_story_that_is_told_at_once() {
    for preset in [WAVE, BAND, MIROSTAT] {
        for text in ["once upon ", "once upon a ti"] {
            let mut writer = Writer::new(preset, text, StoryRequest { min_tokens: 60, ..StoryRequest::new(5, 60) });
            let whole = writer.at_once(text);
            let mut at = writer.tree.root();
            for tokens in [7, 1, 30, 22] {
                (at, ..) = writer.tell(at, Aim::Tokens(tokens));
                assert_spelt(&writer.tree);
            }
            assert_eq!(writer.tokens(), whole.tokens, "{text}: {preset}");
            assert_eq!(writer.told(), whole.text);
            let node = writer.tree.node(at).unwrap();
            assert!(node.tokens.iter().all(|piece| piece.trace.as_ref().is_some_and(|trace| trace.id == piece.token)));
        }
    }
}

#[test]
fn another_word_in_the_middle_of_a_long_trunk_costs_one_decode() {
    let mut writer = Writer::new(WAVE, "once upon ", StoryRequest { min_tokens: 1000, ..StoryRequest::new(5, 1000) });
    let (trunk, stop, _) = writer.tell(writer.tree.root(), Aim::Tokens(1000));
    assert_eq!((stop, writer.tree.node(trunk).unwrap().tokens.len()), (StopReason::Tokens, 1000));
    let place = Place { node: trunk, at: 499 };
    let own = writer.tree.node(trunk).unwrap().tokens[499].token;
    let other = Piece { token: (own + 1) % 26, len: 1, trace: None };
    let nothing = || Wish::Ghosts { candidates: Vec::new(), words: 1 };
    let taken = writer.tree.grow(place, &[b'a' + u8::try_from(other.token).unwrap()], vec![other], How::Typed, 0).unwrap();
    let (_, cost) = writer.ask(writer.tree.end(taken), nothing());
    assert_eq!(cost, Cost { decodes: 1, evaluations: 1 });
    // And whatever was looked at is there already.
    let head = writer.tree.node(taken).unwrap().parent.unwrap();
    let (reports, _) = writer.ask(writer.tree.end(head), Wish::Decide { own: Some(own) });
    let Some(Report::Decided { explanation, .. }) = reports.last() else { panic!("{reports:?}") };
    assert_eq!((explanation.taken.named.token, explanation.recorded.as_ref().unwrap().token), (own, own));
    for candidate in &explanation.candidates {
        let id = candidate.named.token;
        let bytes = vocabulary().piece(id).to_vec();
        let piece = Piece { token: id, len: bytes.len(), trace: None };
        let taken = writer.tree.grow(writer.tree.end(head), &bytes, vec![piece], How::Typed, 0).unwrap();
        let (_, cost) = writer.ask(writer.tree.end(taken), nothing());
        assert_eq!(cost, Cost::default());
    }
    // The trunk is whole, and told on as if nothing had been.
    let (_, _, cost) = writer.tell(trunk, Aim::Tokens(1));
    assert!(cost.evaluations < 20, "{cost:?}");
}

#[test]
fn a_decision_has_the_numbers_of_explain() {
    for text in ["once upon ", "once upon a ti"] {
        for preset in [WAVE, BANNED] {
            let mut writer = Writer::new(preset, text, StoryRequest::new(5, 1));
            let (reports, _) = writer.ask(writer.tree.end(writer.tree.root()), Wish::Decide { own: None });
            let Some(Report::Decided { explanation, .. }) = reports.last() else { panic!("{reports:?}") };
            let sampler = writer.recipe.preset.sampler();
            let plan = writer.engine.plan(&sampler, &prompt(&writer.engine, text), &writer.story).unwrap();
            let question = Question::after(plan);
            let decided = writer.engine.explain(&question, &sampler, &mut (), &Cancel::new()).unwrap().unwrap();
            let (name, preset) = (&writer.recipe.name, &writer.recipe.preset);
            let same = Explanation::of(explanation.moment.clone(), name, preset, &decided, &vocabulary()).unwrap();
            assert_eq!(**explanation, same, "{text}");
        }
    }
}

#[test]
fn what_is_told_ends_before_a_stop_and_behind_a_sentence_and_its_tokens_spell_it() {
    let stops = vec!["ly".to_owned(), "狼".to_owned(), "k".to_owned()];
    let mut stopped = 0;
    for seed in 0..12 {
        let story = StoryRequest { stops: stops.clone(), min_tokens: 200, ..StoryRequest::new(seed, 200) };
        let mut writer = Writer::new("", "once upon ", story);
        let whole = writer.at_once("once upon ");
        let (_, stop, _) = writer.tell(writer.tree.root(), Aim::Tokens(200));
        assert_eq!((&stop, writer.told()), (&whole.stop, whole.text));
        stopped += usize::from(matches!(stop, StopReason::Stop(_)));
        assert_spelt(&writer.tree);
        let (node, stop, _) = writer.tell(writer.tree.current(), Aim::Whole(TextUnit::Sentence));
        assert_spelt(&writer.tree);
        if matches!(stop, StopReason::Whole(_)) {
            let text = writer.tree.node(node).unwrap().shown();
            assert!(text.trim_end().ends_with(['.', '!', '\n']) || text.ends_with('\n'), "{text:?}");
        }
    }
    assert!(stopped > 3);
}

#[test]
fn drafts_are_told_under_seeds_that_follow_each_other() {
    let mut writer = Writer::new(WAVE, "once upon ", StoryRequest { min_tokens: 20, ..StoryRequest::new(3, 20) });
    let root = writer.tree.end(writer.tree.root());
    let into = writer.tree.sprout(root, vec![How::Typed; 3], 0).unwrap();
    writer.ask(root, Wish::Tell { into: into.clone(), aim: Aim::Tokens(20) });
    for (node, seed) in into.into_iter().zip(3..) {
        writer.story.seed = seed;
        let told: Vec<Token> = writer.tree.node(node).unwrap().tokens.iter().map(|piece| piece.token).collect();
        assert_eq!(told, writer.at_once("once upon ").tokens);
    }
}

#[test]
fn a_typed_text_is_cut_as_it_stands_and_what_cannot_be_written_is_a_sentence() {
    let mut writer = Writer::new("", "once upon a ti", StoryRequest::new(1, 9));
    // The end of the prompt that no token spells yet is spelt by the first token of what was typed.
    let typed = writer.tree.grow(writer.tree.end(writer.tree.root()), b"me king\xE7\x8B", vec![], How::Typed, 0).unwrap();
    let (reports, _) = writer.ask(writer.tree.end(typed), Wish::Score);
    assert_spelt(&writer.tree);
    assert!(writer.tree.node(typed).unwrap().is_cut());
    let scored = reports.iter().any(|report| matches!(report, Report::Scored { node, .. } if *node == typed));
    assert!(scored && writer.tree.node(typed).unwrap().tokens.iter().all(|piece| piece.trace.is_some()));
    // A story goes on from there.
    let (_, stop, _) = writer.tell(typed, Aim::Tokens(5));
    assert_eq!(stop, StopReason::Tokens);

    let lost = writer.tree.grow(writer.tree.end(typed), "Ω".as_bytes(), vec![], How::Typed, 0).unwrap();
    let (way, recipe, story) = (writer.tree.before(writer.tree.end(lost)), Arc::clone(&writer.recipe), writer.story.clone());
    writer.guide.ask(Request { number: 99, way, recipe, story, wish: Wish::Score });
    let over = writer.heard.recv_timeout(Duration::from_secs(60)).unwrap();
    let Report::Over { failed: Some(failed), .. } = over else { panic!("{over:?}") };
    assert_eq!(failed, "the model's vocabulary cannot write `Ω`");
}

#[test]
fn a_story_that_the_model_had_ended_goes_on_without_its_end() {
    let mut writer = Writer::new("", "once upon ", StoryRequest::new(1, 9));
    let end = Token::try_from(vocabulary().len() - 1).unwrap();
    let told = writer.tree.grow(
        writer.tree.end(writer.tree.root()),
        b"a",
        vec![Piece { token: 0, len: 1, trace: None }, Piece { token: end, len: 0, trace: None }],
        How::Typed,
        0,
    );
    let (node, stop, _) = writer.tell(told.unwrap(), Aim::Tokens(1));
    assert_eq!(stop, StopReason::Tokens);
    assert_ne!(writer.tree.node(node).unwrap().tokens[0].token, end);
}

#[test]
fn a_recorded_story_goes_on_as_it_was_told() {
    let text = "once upon a ti";
    let mut writer = Writer::new(WAVE, text, StoryRequest { min_tokens: 40, ..StoryRequest::new(5, 40) });
    let (whole, engine, put) = (writer.at_once(text), Arc::clone(&writer.engine), prompt(&writer.engine, text));
    let plan = engine.plan(&writer.recipe.preset.sampler().with_detail(), &put, &writer.story).unwrap();
    let plan = Plan { max_tokens: 15, ..plan };
    let mut session = engine.session(std::slice::from_ref(&plan), 1).unwrap();
    let recorder = Recorder::new(&engine, session.settings(), 1, 0.0).unwrap();
    let completion = tell(&mut *session, 1, vec![plan.clone()]).remove(0);
    let resolved = writer.recipe.preset.to_toml().unwrap();
    let (trace, times) = (Vec::new(), [0.0; 2]);
    let told = Recorded { preset: "own", resolved, prompt: &put, plan: &plan, completion, times, trace, draft: None };
    let mut record = recorder.record(told);
    writer.tree = Tree::of_record(&record, Some(&vocabulary()), 0);
    assert_eq!((writer.told(), writer.tree.can_undo_and_redo()), (record.text.clone(), [false, false]));
    writer.tell(writer.tree.current(), Aim::Tokens(25));
    assert_eq!((writer.tokens(), writer.told()), (whole.tokens, whole.text));
    // A story that ends within a token ends there in the tree too.
    record.tokens = engine.backend().tokenize_on(&format!("{}ly king", put.healed)).unwrap();
    record.text = "ly kin".to_owned();
    let tree = Tree::of_record(&record, Some(&vocabulary()), 0);
    assert_eq!(String::from_utf8(tree.text(tree.current())).unwrap(), "once upon a tily kin");
    assert_spelt(&tree);
    let bare = Tree::of_record(&record, None, 0);
    assert_eq!(bare.text(bare.current()), tree.text(tree.current()));
}

#[test]
fn what_a_candidate_leads_to_is_reported_to_the_end_of_its_words() {
    let mut writer = Writer::new("", "once upon ", StoryRequest::new(1, 9));
    let end = Token::try_from(vocabulary().len() - 1).unwrap();
    let candidates = vec![0, 7, end];
    let (reports, _) =
        writer.ask(writer.tree.end(writer.tree.root()), Wish::Ghosts { candidates: candidates.clone(), words: 2 });
    let ghosts: Vec<(Token, &str)> = reports
        .iter()
        .filter_map(|report| match report {
            Report::Ghost { candidate, text, .. } => Some((*candidate, &text[..])),
            _ => None,
        })
        .collect();
    assert_eq!(ghosts.len(), 3);
    assert!(ghosts.contains(&(end, "")));
    assert!(ghosts.iter().any(|(token, text)| *token == 7 && text.starts_with('h') && text.len() > 1), "{ghosts:?}");
}

#[test]
fn a_memory_that_became_too_small_is_opened_anew_and_says_that_it_reads_again() {
    let mut writer = Writer::new(WAVE, "once upon ", StoryRequest { min_tokens: 2000, ..StoryRequest::new(5, 2000) });
    let whole = writer.at_once("once upon ");
    let (first, ..) = writer.tell(writer.tree.root(), Aim::Tokens(400));
    let into = writer.tree.sprout(writer.tree.end(first), vec![How::Typed], 0).unwrap();
    let (reports, _) = writer.ask(writer.tree.end(first), Wish::Tell { into, aim: Aim::Tokens(1600) });
    assert!(reports.iter().any(|report| matches!(report, Report::Reading { of: 400.., .. })), "{:?}", reports.first());
    assert_eq!(writer.tokens(), whole.tokens);
}

#[test]
fn whoever_cancels_keeps_what_was_told_and_is_answered_again() {
    let (engine, (tell, heard), (open, gate)) = (engine(), channel(), channel::<()>());
    let mut is_first = true;
    let hear = move |report| {
        let waits = is_first && matches!(report, Report::Told { .. });
        is_first &= !waits;
        drop(tell.send(report));
        if waits {
            // Nothing more is told before it was cancelled.
            let _ = gate.recv();
        }
    };
    let (guide, thread) = Guide::spawn(Arc::clone(&engine), hear).unwrap();
    let mut tree = Tree::new(Beginning::of_prompt(&prompt(&engine, "once upon ")), ModelName::default(), 0);
    let root = tree.end(tree.root());
    let into = tree.sprout(root, vec![How::Typed], 0).unwrap();
    let recipe = Arc::new(Recipe { name: String::new(), set: Vec::new(), preset: parse("", "own").unwrap() });
    let request = |number, wish| Request {
        number,
        way: tree.before(root),
        recipe: Arc::clone(&recipe),
        story: StoryRequest::new(1, 99),
        wish,
    };
    guide.ask(request(1, Wish::Tell { into: into.clone(), aim: Aim::Tokens(99) }));
    guide.ask(request(2, Wish::Decide { own: None }));
    let wait = || heard.recv_timeout(Duration::from_secs(60)).unwrap();
    while !matches!(wait(), Report::Told { .. }) {}
    guide.cancel();
    open.send(()).unwrap();
    // One more may be told by the decode that runs.
    let mut told = 1;
    let ended = loop {
        match wait() {
            Report::Told { .. } => told += 1,
            other => break other,
        }
    };
    let Report::Ended { stop: StopReason::Interrupted, keep, .. } = ended else { panic!("{ended:?}") };
    assert!(keep == told && told < 3, "{told}");
    assert!(matches!(wait(), Report::Over { number: 1, failed: None, .. }));
    // What was asked before is given up too; what is asked now is answered.
    assert!(matches!(wait(), Report::Over { number: 2, failed: None, .. }));
    guide.ask(request(3, Wish::Decide { own: None }));
    while !matches!(wait(), Report::Decided { number: 3, .. }) {}
    assert!(matches!(wait(), Report::Over { number: 3, failed: None, .. }));
    drop(guide);
    thread.join().unwrap();
    assert!(matches!(wait(), Report::Gone));
}
