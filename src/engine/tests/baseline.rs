//! Tables of what is usual after a token: measured, kept, found again, and refused where they are others.

use std::path::Path;

use super::*;
use crate::decode::Counts;
use crate::preset::Preset;
use crate::prob::Top;
use crate::sampler::{Baseline, Horizon};
use crate::story::Record;

fn keeping(folder: &Path) -> Engine {
    engine().keeping_baselines_in(folder.join("baselines"))
}

fn calibration(seed: u64) -> Calibration {
    let mut wanted = Calibration::usual(Top::new(8).unwrap(), Horizon::Token).unwrap();
    wanted.openings = vec!["once upon ".to_owned(), "a story ".to_owned()];
    wanted.max_tokens = NonZeroUsize::new(40).unwrap();
    wanted.seed = seed;
    wanted
}

fn calibrate(engine: &Engine, seed: u64) -> Baseline {
    let wanted = calibration(seed);
    let place = engine.place_of_baseline(wanted.future()).unwrap();
    let baseline = engine.calibrate(&wanted, &mut (), &Cancel::new()).unwrap().unwrap();
    place.write(&baseline.to_json().unwrap()).unwrap();
    baseline
}

fn preset() -> Preset {
    let chain =
        "[[chain]]\nmin-p = 0.05\n[[chain]]\nfuture = { candidates = 8, entropy-top = 8, alpha = 0, baseline = 'model' }";
    crate::preset::parse(chain, "measured").unwrap()
}

fn measured() -> Sampler {
    preset().sampler()
}

/// The record of a story that is measured against the engine's table.
fn told(engine: &Engine) -> Record {
    let prompt = engine.tokens("once ").unwrap();
    let plan = engine.plan_behind(&measured(), &prompt, &StoryRequest::new(1, 20)).unwrap();
    let mut session = engine.session(std::slice::from_ref(&plan), 1).unwrap();
    let recorder = Recorder::new(engine, session.settings(), 1, 0.0).unwrap();
    let completion = crate::decode::tell(&mut *session, 1, vec![plan.clone()]).remove(0);
    assert!(completion.counts.evaluations > Counts::default().evaluations);
    let put = Prompt {
        text: "once ".to_owned(),
        mode: crate::story::Mode::Raw,
        parse_special: false,
        tokens: prompt,
        healed: String::new(),
        notes: Vec::new(),
    };
    recorder.record(Recorded {
        preset: "measured",
        resolved: preset().to_toml().unwrap(),
        prompt: &put,
        plan: &plan,
        completion,
        times: [0.0; 2],
        trace: Vec::new(),
        draft: None,
    })
}

fn refusal<T>(result: anyhow::Result<T>) -> anyhow::Error {
    result.err().expect("it is refused")
}

#[test]
fn a_calibration_sees_every_candidate_of_every_choice_and_repeats() {
    let wanted = calibration(1);
    let table = engine().calibrate(&wanted, &mut (), &Cancel::new()).unwrap().unwrap();
    assert_eq!(engine().calibrate(&wanted, &mut (), &Cancel::new()).unwrap(), Some(table.clone()));
    let (observations, tokens) = table.counts();
    assert!(observations > 80 && tokens > 10 && tokens < vocabulary().len(), "{observations} of {tokens}");
    assert!((0.0..1.0).contains(&table.mean()));
    let cancelled = Cancel::new();
    cancelled.cancel();
    assert_eq!(engine().calibrate(&wanted, &mut (), &cancelled).unwrap(), None);
}

#[test]
fn without_a_table_a_baseline_is_refused_with_what_makes_one() {
    let folder = tempfile::tempdir().unwrap();
    for engine in [engine(), keeping(folder.path())] {
        let tokens = engine.tokens("once ").unwrap();
        let error = refusal(engine.plan_behind(&measured(), &tokens, &StoryRequest::new(1, 9)));
        let refused = error.downcast_ref::<Refusal>().unwrap();
        let remedy = Remedy::Calibrate { model: "toy".into(), entropy_top: 8, horizon: Horizon::Token };
        assert_eq!(refused.remedy, remedy);
        // Who asks for none needs none.
        assert!(engine.plan_behind(&wave(), &tokens, &StoryRequest::new(1, 9)).is_ok());
    }
}

#[test]
fn a_record_carries_its_table_and_a_replay_refuses_another() {
    let folder = tempfile::tempdir().unwrap();
    let engine = keeping(folder.path());
    let first = calibrate(&engine, 1);
    let record = told(&engine);
    assert_eq!(record.baseline.as_deref(), Some(first.checksum()));
    let replay = |engine: &Engine| Replay::of(&record).unwrap().furnished(engine, &record);
    let plans = replay(&engine).unwrap();
    let mut session = engine.session(plans.stories().0, 1).unwrap();
    let again = plans.tell(&mut *session, &mut (), &Cancel::new());
    assert_eq!(parting(&record, &again), None);

    let later = keeping(folder.path());
    let second = calibrate(&later, 99);
    assert_ne!(second.checksum(), first.checksum());
    let words = refusal(replay(&later)).to_string();
    assert!(words.contains(&first.checksum()[..12]) && words.contains(&second.checksum()[..12]), "{words}");
    // A record of a story that was measured against nothing has none, and is told again without one.
    let plain =
        Record { baseline: None, resolved: "[[chain]]\nmin-p = 0.05\n[draw]\npick = 'sample'".to_owned(), ..record.clone() };
    assert!(Replay::of(&plain).unwrap().furnished(&later, &plain).is_ok());
}

#[test]
fn a_table_that_is_torn_or_of_another_model_is_refused_by_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let engine = keeping(folder.path());
    let place = engine.place_of_baseline(calibration(1).future()).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(place.path(), bytes).unwrap();
        format!("{:#}", refusal(engine.furnished(&measured())))
    };
    let other = Baseline::of(&"f".repeat(64), 8, Horizon::Token, vocabulary().len(), [(1, 0.5)]).unwrap();
    for (bytes, cause) in [(b"{\"format\":1,".to_vec(), "or torn"), (other.to_json().unwrap(), "it is of another model")] {
        let words = refused(&bytes);
        assert!(
            words.contains(&format!("cannot read the table `{}`", place.path().display())) && words.contains(cause),
            "{words}"
        );
    }
    // What is no table of ours stays where it is.
    std::fs::write(place.path(), "my notes").unwrap();
    assert!(engine.place_of_baseline(calibration(1).future()).is_err());
}
