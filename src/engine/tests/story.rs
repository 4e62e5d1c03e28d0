//! A story from the request to the record and back.

use super::*;
use crate::bans::List;
use crate::decode::{Continuation, Decided};
use crate::preset::Preset;
use crate::story::{Banned, Record, StopReason, TracedToken};

const PRESET: &str = r"
[[chain]]
dry = { multiplier = 0.8 }
[[chain]]
min-p = 0.05
[[chain]]
future = { candidates = 8, entropy-top = 8, alpha = { wave = { period = 12 } } }
[[chain]]
temperature = 1.1
";

pub(super) fn preset() -> Preset {
    crate::preset::parse(PRESET, "test").unwrap()
}

/// Tells a story and records it.
fn recorded(engine: &Engine, request: &StoryRequest, enough: Option<usize>) -> (Record, Listener) {
    recorded_of(engine, &prompt(engine, "once upon a time ,"), request, enough)
}

/// The same behind another prompt.
pub(super) fn recorded_of(
    engine: &Engine,
    prompt: &Prompt,
    request: &StoryRequest,
    enough: Option<usize>,
) -> (Record, Listener) {
    let preset = preset();
    let sampler = preset.sampler().with_detail();
    let plan = engine.plan(&sampler, prompt, request).unwrap();
    recorded_plan(engine, &preset, prompt, &plan, enough)
}

/// The same of a plan.
pub(super) fn recorded_plan(
    engine: &Engine,
    preset: &Preset,
    prompt: &Prompt,
    plan: &Plan,
    enough: Option<usize>,
) -> (Record, Listener) {
    let (listener, SettingsOf { settings, width }) = tell(engine, plan, enough);
    let recorder = Recorder::new(engine, &settings, width, 0.0).unwrap();
    let record = recorder.record(Recorded {
        preset: "test",
        resolved: preset.to_toml().unwrap(),
        prompt,
        plan,
        completion: listener.completion.clone().unwrap(),
        times: [0.0; 2],
        trace: listener.draws.iter().map(|draw| TracedToken::of(draw, engine.vocabulary())).collect(),
        draft: None,
    });
    (record, listener)
}

pub(super) fn replayed(engine: &Engine, record: &Record) -> Completion {
    let options = record.run.session_options();
    let mut session = engine.session_in_batches(options.cells, options.branches, options.batch).unwrap();
    Replay::of(record).unwrap().tell(&mut *session, &mut (), &Cancel::new())
}

#[test]
fn what_is_recorded_is_told_again_and_found_where_it_parts() {
    let engine = engine();
    for request in [
        StoryRequest::new(5, 40),
        StoryRequest { stops: vec!["q".to_owned()], ..StoryRequest::new(6, 200) },
        StoryRequest { min_tokens: 20, ..StoryRequest::new(7, 25) },
    ] {
        let (record, listener) = recorded(&engine, &request, None);
        assert_eq!(record.text, listener.text);
        assert_eq!(record.tokens.len(), record.trace.len());
        // Through a file it comes back as it was.
        let read = Record::parse(&record.to_json().unwrap()).unwrap();
        assert_eq!(read, record);
        let again = replayed(&engine, &read);
        assert_eq!(parting(&read, &again), None);
        assert_eq!(
            (again.stop, again.text, again.log_p / again.tokens.len() as f64),
            (read.stop.clone(), read.text.clone(), read.mean_log_p)
        );
        let mut other = read.clone();
        other.tokens[3] += 1;
        assert_eq!(parting(&other, &replayed(&engine, &other)), Some(3));
        other.tokens.truncate(3);
        assert_eq!(parting(&other, &replayed(&engine, &other)), Some(3));
    }
}

#[test]
fn whoever_has_heard_enough_keeps_what_is_told() {
    let engine = engine();
    let (whole, _) = recorded(&engine, &StoryRequest::new(5, 40), None);
    let (cut, listener) = recorded(&engine, &StoryRequest::new(5, 40), Some(7));
    assert_eq!((cut.stop.clone(), cut.tokens.as_slice()), (StopReason::Interrupted, &whole.tokens[..7]));
    assert_eq!(cut.text, listener.text);
    let again = replayed(&engine, &cut);
    assert_eq!((again.stop.clone(), parting(&cut, &again)), (StopReason::Interrupted, None));
}

#[test]
fn a_request_that_cannot_be_meant_is_refused() {
    let empty = StoryRequest { stops: vec![String::new()], ..StoryRequest::new(1, 9) };
    let least = StoryRequest { min_tokens: 10, ..StoryRequest::new(1, 9) };
    for (request, remedy) in [(empty, Remedy::LeaveOutStop), (least, Remedy::MinTokensWithinMax)] {
        let refused = refusal(&engine().plan_behind(&wave(), &[1], &request).unwrap_err());
        assert_eq!((refused.remedy, refused.is_usage), (remedy, true));
    }
}

#[test]
fn a_record_brings_back_every_option_that_it_tells_of() {
    let engine = engine_of(toy(), |options| {
        options.context = NonZeroUsize::new(500);
        options.threads = NonZeroUsize::new(3);
        options.width = Width::Fixed(NonZeroUsize::new(2).unwrap());
        options.split = crate::model::Split::Row;
        options.main_gpu = 1;
        options.use_mmap = false;
        options.use_mlock = true;
        options.flash_attention = crate::model::FlashAttention::Off;
        (options.keys, options.values) = (crate::model::CacheType::Q8_0, crate::model::CacheType::Bf16);
    });
    let (record, _) = recorded(&engine, &StoryRequest::new(5, 10), None);
    let read = Record::parse(&record.to_json().unwrap()).unwrap();
    let expected = EngineOptions {
        // A story of a processor stays there, also where there is a GPU later.
        devices: Some(Vec::new()),
        gpu_layers: crate::model::GpuLayers::Fixed(0),
        ..engine.options().clone()
    };
    assert_eq!(EngineOptions::of_run("toy", &read.run), expected);
    let (cells, branches, batch) = (read.run.cells, read.run.branches, read.run.batch);
    assert_eq!(read.run.session_options(), expected.session_options(cells, branches, batch));
}

pub(super) fn explained(engine: &Engine, question: &Question) -> Decided {
    let closely = preset().sampler();
    engine.explain(question, &closely, &mut (), &Cancel::new()).unwrap().unwrap()
}

#[test]
fn every_token_of_a_story_is_explained_as_it_was_decided() {
    let engine = engine();
    let (record, listener) = recorded(&engine, &StoryRequest::new(5, 20), None);
    let replay = Replay::of(&record).unwrap();
    for (after, draw) in listener.draws.iter().enumerate() {
        let decided = explained(&engine, &Question::within(&replay, &record, after).unwrap());
        assert_eq!((decided.draw.token, decided.draw.log_p), (draw.token, draw.log_p));
        assert_eq!((decided.own.unwrap().token, decided.strayed), (draw.token, None));
        assert!(decided.draw.candidates.iter().all(|one| one.future.is_some()), "{:?}", decided.draw);
    }
    // The first one is what follows the prompt.
    let (plans, which) = replay.stories();
    let decided = explained(&engine, &Question::after(plans[which].clone()));
    assert_eq!(decided.draw.token, record.tokens[0]);
    let moment = Moment {
        model: engine.title(),
        prompt: record.prompt.clone(),
        prompt_tokens: record.prompt_tokens.clone(),
        seed: 5,
        step: 0,
        story_tokens: None,
    };
    let explanation = Explanation::of(moment, "test", &preset(), &decided, engine.vocabulary()).unwrap();
    assert_eq!(explanation.taken.named.token, record.tokens[0]);
    let shares: f64 = explanation.candidates.iter().filter_map(|candidate| candidate.share).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
}

/// What the toy says now and then.
const PATTERN: &str = "[aeiou] ?[a-z]";

#[test]
fn a_story_that_went_back_is_told_again_explained_and_gone_on_with() {
    let engine = engine();
    let blind = crate::preset::parse("[[chain]]\nmin-p = 0.02\n[[chain]]\ntemperature = 1.1\n", "test").unwrap();
    let prompt = prompt(&engine, "once upon a time ,");
    // To waves and noise a part of the prompt may be told already: tokens of the record are counted without it. Who looks ahead
    // goes back to nothing that the toy says.
    for (mut banning, clock, sees) in [(blind.clone(), 0, false), (blind, 3, false), (preset(), 0, true)] {
        let patterns = vec![PATTERN.to_owned()];
        banning.ban(List { phrases: vec!["a story".to_owned(), "time".to_owned()], patterns }).unwrap();
        let plan = engine.plan(&banning.sampler().with_detail(), &prompt, &StoryRequest::new(5, 60)).unwrap();
        let plan = plan.going_on(Continuation { told: clock, ..Continuation::default() });
        let (record, listener) = recorded_plan(&engine, &banning, &prompt, &plan, None);
        let record = Record::parse(&record.to_json().unwrap()).unwrap();
        let Banned { before, rewinds, stood } = &record.banned;
        assert!(*before == 0 && (rewinds.len() > 4 || sees) && stood.is_empty(), "{:?}", record.banned);
        assert!(rewinds.iter().all(|back| back.at < 60 && record.tokens.get(back.at) != Some(&back.tokens[0])), "{rewinds:?}");
        assert_eq!(parting(&record, &replayed(&engine, &record)), None);
        let replay = Replay::of(&record).unwrap();
        for (at, draw) in listener.draws.iter().enumerate() {
            let question = Question::within(&replay, &record, at).unwrap();
            let decided = engine.explain(&question, &banning.sampler(), &mut (), &Cancel::new()).unwrap().unwrap();
            assert_eq!((decided.draw.token, decided.draw.log_p, decided.strayed), (draw.token, draw.log_p, None));
            let moment = Moment {
                model: engine.title(),
                prompt: record.prompt.clone(),
                prompt_tokens: [&record.prompt_tokens[..], &record.tokens[..at]].concat(),
                seed: 5,
                step: at,
                story_tokens: Some(60),
            };
            let explanation = Explanation::of(moment, "test", &banning, &decided, engine.vocabulary()).unwrap();
            // What it had there and was not to say is told before the chain.
            let back = rewinds.iter().any(|back| back.at == at && record.banned.time_of(at) == 0);
            let first = &explanation.stages[0];
            assert!(!back || first.label == "taken back" && first.removed > 0, "{:?}", explanation.stages);
            assert_eq!(explanation.stages.last().unwrap().stage, "temperature");
            let completes = |one: &&ExplainedCandidate| one.completes.as_deref() == Some(PATTERN);
            // What is looked at only to be shown is not weighed by it.
            let weighs = explanation.exponents.is_some_and(|exponents| exponents.b > 0.0) && explanation.candidates.len() > 1;
            for one in explanation.candidates.iter().filter(completes) {
                assert_eq!(one.left.is_some_and(|left| left < 0.01), weighs, "{one:?}");
                assert_ne!(one.named.token, draw.token);
            }
        }
        // From any place it goes on as it did.
        for at in [9, 31] {
            let standing = engine.standing(&record, Some(at), None).unwrap();
            let on = engine.resume(&banning.sampler(), &record, &standing, &StoryRequest::new(5, 61 - at)).unwrap();
            let (on, _) = recorded_plan(&engine, &banning, &prompt, &on, None);
            assert_eq!((&on.tokens, on.stood()), (&record.tokens, at - 1), "from token {at} of {:?}", record.banned);
            assert_eq!(parting(&on, &replayed(&engine, &on)), None);
        }
    }
}

#[test]
fn an_explanation_that_is_cancelled_is_none() {
    let cancel = Cancel::new();
    cancel.cancel();
    let plan = engine().plan_behind(&wave(), &[1, 2], &StoryRequest::new(1, 5)).unwrap();
    assert!(engine().explain(&Question::after(plan), &wave(), &mut (), &cancel).unwrap().is_none());
}
