//! Stories that a GPU tells, by the program and by the library: the same as elsewhere, and ended wherever someone wishes.

use std::ops::ControlFlow;
use std::path::Path;

use super::OnGpu;
use crate::batch;
use crate::support::{BUNDLED, Ends, afterword, err, folder, read_json};
use afterword::decode::{Cancel, Completion, Ended, Observer, Plan, Stories, Told, drive, each};
use afterword::llama::Weights;
use afterword::model::{Model, SessionOptions};
use afterword::preset::{Folders, find};
use afterword::sampler::Sampler;
use afterword::story::{Record, StopReason};

/// The record of a story of the bundled model under this seed.
#[track_caller]
fn told(name: &str, args: &[&str]) -> Record {
    let path = folder(name).join("story.json");
    afterword(["write", "Once upon a time", "--seed", "7", "--threads", "1", "--record"]).arg(&path).args(args).done();
    read_json(path)
}

#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn the_likeliest_tokens_are_those_of_the_processor() {
    let gpu = OnGpu::first();
    let greedy = ["--preset", "greedy", "--tokens", "20"];
    let here = told("greedy", &[&greedy[..], &["--device", &gpu.name]].concat());
    let there = told("greedy-there", &[&greedy[..], &["--device", "CPU"]].concat());
    assert_eq!((here.run.devices, there.run.devices), (vec![gpu.name.clone()], Vec::new()));
    assert_eq!((here.tokens.len(), here.text), (20, there.text));
    assert_eq!(here.tokens, there.tokens);
}

#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn a_gpu_is_asked_for_four_candidates_in_a_decode_and_a_processor_for_one() {
    let gpu = OnGpu::first();
    let width = |name: &str, args: &[&str]| told(name, &[&["--preset", "future", "--tokens", "12"], args].concat()).run.width;
    assert_eq!(width("auto", &[]), 4);
    assert_eq!(width("named", &["--device", &gpu.name]), 4);
    assert_eq!(width("some", &["--gpu-layers", "2"]), 4);
    assert_eq!(width("none", &["--gpu-layers", "0"]), 1);
    assert_eq!(width("processor", &["--device", "CPU"]), 1);
    assert_eq!(width("asked", &["--width", "3"]), 3);
}

#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn a_story_is_told_again_from_its_record() {
    let _gpu = OnGpu::first();
    let path = folder("replay").join("story.json");
    let write =
        ["write", "Once upon a time", "--preset", "wave", "--seed", "7", "--tokens", "40", "--threads", "1", "--record"];
    afterword(write).arg(&path).done();
    let again = afterword(["replay"]).arg(&path).done();
    assert!(err(&again).ends_with("the same story: 40 tokens, each as in the record\n"), "{}", err(&again));
}

#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn the_lazy_and_the_full_draw_take_the_same_tokens() {
    let _gpu = OnGpu::first();
    let story = |name: &str, args: &[&str]| told(name, &[&["--preset", "future", "--tokens", "30"], args].concat());
    // A token is looked at in a decode of its own, so that its row does not depend on who is beside it.
    let (lazy, full) = (story("lazy", &["--width", "1", "--trace"]), story("full", &["--width", "1", "--trace=full"]));
    assert_eq!((lazy.tokens.len(), &lazy.tokens), (30, &full.tokens));
    let looks = |record: &Record| record.trace.iter().map(|token| token.candidates.len()).sum::<usize>();
    assert!(looks(&full) > 3 * looks(&lazy), "{} and {}", looks(&full), looks(&lazy));
    // Eight in a decode are rows of other bits, and a draw that is nearly even may fall the other way.
    let wide = story("wide", &["--width", "8"]);
    let same = wide.tokens.iter().zip(&lazy.tokens).take_while(|(one, other)| one == other).count();
    println!("of 30 tokens {same} are the same with one candidate in a decode and with eight");
    println!("decodes a token: {:.2} and {:.2}", lazy.decodes as f64 / 30.0, wide.decodes as f64 / 30.0);
    assert!(same >= 5 && wide.tokens.len() == 30 && wide.decodes <= lazy.decodes, "{same}");
}

#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn drafts_and_many_stories_at_once_are_told_to_their_ends() {
    let gpu = OnGpu::first();
    let drafts = folder("drafts").join("out");
    let write = ["write", "Once upon a time", "--drafts", "3", "--seed", "7", "--tokens", "30", "--threads", "1", "--out"];
    afterword(write).arg(&drafts).done();
    let draft = |number: usize| read_json::<Record>(drafts.join(format!("draft-{number}.json")));
    for (number, seed) in [(1, 7), (2, 8), (3, 9)] {
        let Record { seed: its, stop, tokens, run, .. } = draft(number);
        assert_eq!((its, stop, tokens.len()), (seed, StopReason::Tokens, 30));
        assert_eq!((run.drafts, run.devices), (3, vec![gpu.name.clone()]));
    }
    let (root, prompts) = batch::place("gpu-together");
    let args = [&prompts, "--seeds", "1..4", "--tokens", "20", "--preset", "wave", "--parallel", "6", "--threads", "1"];
    let stories = batch::told(&root.join("out"), &args);
    assert_eq!(stories.len(), 12);
    for (name, Record { stop, tokens, run, .. }) in stories {
        assert_eq!((stop, tokens.len(), run.devices), (StopReason::Tokens, 20, vec![gpu.name.clone()]), "{name}");
    }
}

#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn a_strict_story_of_a_batch_is_the_one_that_is_written_alone() {
    let _gpu = OnGpu::first();
    let (root, prompts) = batch::place("gpu-strict");
    let args = [&prompts, "--seeds", "5..7", "--tokens", "30", "--preset", "wave", "--strict", "--threads", "1"];
    let stories = batch::told(&root.join("out"), &args);
    for seed in ["5", "6", "7"] {
        let path = root.join("alone.json");
        let write = ["write", "Once upon a time", "--tokens", "30", "--preset", "wave", "--width", "1", "--threads", "1"];
        afterword(write).args(["--seed", seed, "--record"]).arg(&path).done();
        let (alone, strict) = (read_json::<Record>(&path), &stories[&format!("once-upon-a-time--wave--{seed}")]);
        assert_eq!((strict.run.width, &strict.tokens), (1, &alone.tokens), "seed {seed}");
        assert_eq!(strict.mean_log_p, alone.mean_log_p, "seed {seed}");
    }
}

#[cfg(unix)]
#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn an_interruption_keeps_the_story_so_far_and_ends_as_on_a_processor() {
    let gpu = OnGpu::first();
    for record in [crate::write::interrupted("gpu-story", "INT"), crate::write::interrupted_while_reading("gpu-prompt")] {
        assert_eq!((record.run.devices, record.stop), (vec![gpu.name.clone()], StopReason::Interrupted));
    }
}

/// Cancels at some moment.
struct Stopping {
    /// At so many tokens of the prompt.
    read: Option<usize>,
    /// At so many tokens of the story.
    told: Option<usize>,
    cancel: Cancel,
    heard: usize,
    completion: Option<Completion>,
}

impl Observer for Stopping {
    fn reading(&mut self, _: usize, read: usize, of: usize) -> ControlFlow<()> {
        if self.read.is_some_and(|enough| read >= enough && read < of) {
            self.cancel.cancel();
        }
        ControlFlow::Continue(())
    }

    fn told(&mut self, _: usize, _: &Told) -> ControlFlow<()> {
        self.heard += 1;
        if self.told == Some(self.heard) {
            self.cancel.cancel();
        }
        ControlFlow::Continue(())
    }

    fn ended(&mut self, _: usize, ended: Ended) {
        self.completion = Some(ended.completion);
    }
}

#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn a_cancelled_story_leaves_a_memory_that_tells_the_next_one() {
    let gpu = OnGpu::first();
    let weights = Weights::load(Path::new(BUNDLED), &gpu.options(None), |_| true).unwrap();
    let prompt = weights.tokenize(&"the wolf and the seven little kids went into the wood ".repeat(60), true, false).unwrap();
    let prompt = &prompt[..700];
    let plan = |preset: &str| {
        let preset = find(preset, &Folders::default()).unwrap();
        let sampler: Sampler = preset.sampler();
        Plan::new(sampler, prompt.to_vec(), 7, 40)
    };
    let (cells, branches) = Stories::room_for(&[plan("wave")], 8);
    let options = SessionOptions { cells, branches, batch: 128, threads: Some(1), ..SessionOptions::default() };
    let mut session = weights.session(&options).unwrap();
    let room = session.room();
    let mut tell = |preset: &str, read, told| {
        let cancel = Cancel::new();
        let mut observer = Stopping { read, told, cancel: cancel.clone(), heard: 0, completion: None };
        drive(&mut Stories::new(&mut session, 8), 1, &mut each([plan(preset)]), &mut observer, &cancel);
        assert_eq!(session.room(), room, "a branch has leaked");
        observer.completion.unwrap()
    };
    let whole = tell("greedy", None, None);
    assert!(whole.failure().is_none() && whole.tokens.len() > 9, "{:?}", whole.stop);
    let reading = tell("greedy", Some(200), None);
    assert_eq!((reading.stop, reading.tokens.len()), (StopReason::Interrupted, 0));
    for preset in ["greedy", "wave"] {
        let telling = tell(preset, None, Some(9));
        assert_eq!((telling.stop, telling.tokens.len()), (StopReason::Interrupted, 9), "{preset}");
    }
    assert_eq!(tell("greedy", Some(200), Some(1)).stop, StopReason::Interrupted);
    assert_eq!(tell("greedy", None, None).tokens, whole.tokens);
}
