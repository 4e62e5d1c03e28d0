//! What t is: a story told in pieces is the story told at once.

use std::ops::ControlFlow;

use super::*;
use crate::decode::{Cancel, Observer, Stories, Told, drive, each};
use crate::engine::{Occasion, PromptSpec, Put, StoryRequest};
use crate::sampler::Sampler;

const START: &str = "a wolf came to the door, and the ";

/// The text of a hundred tokens, asked for in requests of so many, and what each token was worth.
fn told(app: &Arc<App>, step: usize, more: &Value) -> (String, Vec<Value>) {
    let (mut text, mut worths) = (String::new(), Vec::new());
    while worths.len() < 100 {
        let prompt = format!("{START}{text}");
        let body = json!({"prompt": prompt, "seed": 11, "max_tokens": step, "logprobs": 1, "ignore_eos": true});
        let answer = whole(app, Surface::Completions, with(body, more.clone()));
        let choice = &answer["choices"][0];
        text += choice["text"].as_str().unwrap();
        worths.extend(choice["logprobs"]["token_logprobs"].as_array().unwrap().clone());
    }
    (text, worths)
}

#[test]
fn ten_requests_of_ten_tokens_are_one_of_a_hundred_to_the_bit() {
    // Each by a server that has told nothing else: what one told of the space at the end it knows.
    for model in ["toy@wave", "toy@plain", "toy@greedy"] {
        let more = json!({ "model": model });
        assert_eq!(told(&app(), 10, &more), told(&app(), 100, &more), "{model}");
        assert_eq!(told(&app(), 1, &more), told(&app(), 50, &more), "{model}");
    }
}

#[test]
fn with_a_clock_that_begins_anew_they_are_not() {
    let more = json!({"model": "toy@wave", "afterword": {"clock": "request"}});
    assert_ne!(told(&app(), 10, &more).0, told(&app(), 100, &more).0);
}

#[test]
fn a_number_says_where_the_story_begins() {
    let app = app();
    // The space at its end is told anew, and so it is none of its tokens.
    let start = app.engine.tokens(START.trim_end()).unwrap().len();
    let behind = json!({"model": "toy@wave", "afterword": {"clock": start}});
    assert_eq!(told(&app, 10, &behind), told(&app, 100, &behind));
    // At once it is the story of a request's own clock; behind nothing that of the text's.
    let request = json!({"model": "toy@wave", "afterword": {"clock": "request"}});
    assert_eq!(told(&app, 100, &behind), told(&app, 100, &request));
    let nothing = json!({"model": "toy@wave", "afterword": {"clock": 0}});
    assert_eq!(told(&app, 100, &nothing), told(&app, 100, &json!({"model": "toy@wave"})));
    assert_ne!(told(&app, 100, &nothing).0, told(&app, 100, &request).0);
}

#[test]
fn t_is_told() {
    let t = |clock: Value| {
        let body = json!({"prompt": "a wolf", "max_tokens": 4, "seed": 1, "afterword": {"clock": clock}});
        whole(&app(), Surface::Native, body)["afterword"]["t"].clone()
    };
    assert_eq!([t(json!("text")), t(json!("request")), t(json!(2))], [json!(10), json!(4), json!(8)]);
}

/// Hears a text.
struct Heard(String);

impl Observer for Heard {
    fn told(&mut self, _: usize, told: &Told) -> ControlFlow<()> {
        self.0 += told.text;
        ControlFlow::Continue(())
    }
}

#[test]
fn a_request_by_its_own_clock_is_what_the_command_line_tells() {
    let app = app();
    let engine = &app.engine;
    for voice in voices() {
        let spec = PromptSpec { text: START.trim_end().to_owned(), put: Put::Raw, ..PromptSpec::default() };
        let occasion = Occasion { now: chrono::NaiveDateTime::default(), seed: 5, max_tokens: 60 };
        let prompt = engine.prompt(&spec, occasion, &mut (), &Cancel::new()).unwrap();
        let sampler = Sampler::new(voice.preset.chain.clone(), voice.preset.pick);
        let plan = engine.plan(&sampler, &prompt, &StoryRequest::new(5, 60)).unwrap();
        let mut session = engine.session(std::slice::from_ref(&plan), 1).unwrap();
        let mut heard = Heard(String::new());
        drive(&mut Stories::new(&mut *session, 1), 1, &mut each([plan]), &mut heard, &Cancel::new());
        let body = json!({
            "prompt": START.trim_end(), "seed": 5, "max_tokens": 60, "preset": voice.name, "afterword": {"clock": "request"}
        });
        assert_eq!(text(&whole(&app, Surface::Native, body)), heard.0, "{}", voice.name);
    }
}
