//! A story that front-ends ask for in small pieces: its clock is the position in the text.

use super::*;
use crate::decode::{Continuation, Keep};
use crate::engine::handle::spawn;
use crate::story::StopReason;

/// A model of letters, whose every text is cut as it was told.
fn letters() -> Engine {
    let letters = (b'a'..=b'z').chain(*b" .,!\n").map(|byte| (char::from(byte).to_string(), Kind::Text));
    let vocabulary = Vocabulary::new(letters.chain([("</s>".to_owned(), Kind::End)]));
    let end = vocabulary.len() - 1;
    #[allow(clippy::cast_possible_truncation, reason = "a logit")]
    let row = move |text: &[Token]| {
        let noise = Noise::new(7, text).at(0, 0);
        let logit = |token: Token| if token as usize == end { -30.0 } else { noise.uniform(token) as f32 * 6.0 };
        (0..).take(end + 1).map(logit).collect()
    };
    engine_of(ToyBackend::new(vocabulary, row), |_| ())
}

/// What goes on behind this text, all of which is story to the clock.
fn on(engine: &Engine, sampler: &Sampler, text: &str, tokens: usize) -> Plan {
    let prompt = engine.tokens(text).unwrap();
    let request = StoryRequest { stop_on_loop: false, ..StoryRequest::new(7, tokens) };
    let plan = engine.plan_behind(sampler, &prompt, &request).unwrap();
    let told = plan.prompt.len();
    plan.going_on(Continuation { told, ..Continuation::default() })
}

#[test]
fn ten_requests_of_ten_tokens_tell_the_story_of_one_of_a_hundred() {
    let engine = Arc::new(letters());
    let text = "once upon a time. there was a cat.";
    let preset = |name: &str| {
        let file = std::fs::read_to_string(format!("configs/{name}.toml")).unwrap();
        let preset = crate::preset::parse(&file, name).unwrap();
        preset.sampler()
    };
    let future =
        "future = { candidates = 8, entropy-top = 8, alpha = { band = { surprisal = [1.5, 2.5], window = 16 } }, derail = 1 }";
    let samplers = [
        preset("wave"),
        preset("article-wave"),
        preset("tide"),
        preset("steady"),
        preset("creative"),
        sampler(&[
            "dry = { multiplier = 0.8, allowed-length = 1 }",
            "penalties = { repeat = 1.2 }",
            "xtc = { probability = 0.5, threshold = 0.1 }",
        ]),
        sampler(&["min-p = 0.05", future, "temperature = { steps = { values = [0.7, 1.3], every = 7 } }"]),
    ];
    let slots = Slots::for_stories(&engine, 2, &samplers.each_ref().map(|sampler| on(&engine, sampler, text, 110)));
    for keep in [Keep::default(), Keep { prompts: 2, stories: 2 }] {
        let (handle, thread) = spawn(Arc::clone(&engine), slots.keeping(keep)).unwrap();
        for sampler in &samplers {
            let whole = tell(&engine, &on(&engine, sampler, text, 100), None).0;
            assert_eq!(whole.completion.as_ref().unwrap().stop, StopReason::Tokens);
            let (mut so_far, mut log_p, mut cached) = (text.to_owned(), Vec::new(), 0);
            for _ in 0..10 {
                let (send, heard) = std::sync::mpsc::channel();
                let hear = move |event: StoryEvent| {
                    if send.send(event).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                };
                handle.tell(on(&engine, sampler, &so_far, 10), Box::new(hear)).unwrap();
                for event in heard {
                    match event {
                        StoryEvent::Told { draw, text, .. } => {
                            so_far += &text;
                            log_p.push(draw.log_p);
                        }
                        StoryEvent::Ended { completion, rest, .. } => {
                            so_far += &rest;
                            cached += completion.cached_tokens;
                        }
                        StoryEvent::Began | StoryEvent::Reading { .. } => {}
                    }
                }
            }
            assert_eq!(so_far, format!("{text}{}", whole.text), "{:?}", sampler.chain());
            assert_eq!(log_p, whole.draws.iter().map(|draw| draw.log_p).collect::<Vec<_>>(), "to the bit");
            // What follows the surprisal reads the rows of all that was told, and so all of it.
            let reads = sampler.chain().follows_surprisal();
            assert_eq!(cached > 0, keep.stories > 0 && !reads, "{:?}", sampler.chain());
        }
        drop(handle);
        thread.join().unwrap();
    }
}

#[test]
fn with_the_clock_of_a_request_every_piece_begins_anew() {
    let engine = letters();
    let preset = sampler(&["min-p = 0.05", "future = { candidates = 8, entropy-top = 8, alpha = { wave = { period = 60 } } }"]);
    let text = "once upon a time";
    let at = |told| {
        let plan = on(&engine, &preset, text, 5);
        let heard = tell(&engine, &Plan { continuation: Continuation { told, ..Continuation::default() }, ..plan }, None).0;
        heard.draws.iter().map(|draw| draw.alpha.unwrap()).collect::<Vec<_>>()
    };
    let wave = |t: usize| (std::f64::consts::TAU * t as f64 / 60.0).sin();
    for (told, first) in [(0, 0), (16, 16), (4, 4)] {
        for (step, alpha) in at(told).into_iter().enumerate() {
            assert!((alpha - wave(first + step)).abs() < 1e-9, "{told}: {alpha}");
        }
    }
}
