//! `afterword write` as a person meets it: the binary, the bundled model, real streams and signals.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::support::{BUNDLED, Ends, afterword, err, folder, out, read_json, signal};
use afterword::model::FlashAttention;
use afterword::preset::{Folders, list, read};
use afterword::story::{Record, StopReason};
use sha2::{Digest, Sha256};

const PROMPT: &str = "Once upon a time";

fn write() -> Command {
    afterword(["write", "--threads", "1"])
}

fn output(args: &[&str]) -> Output {
    write().args(args).ended()
}

/// The standard output of a story that ends well.
fn told(args: &[&str]) -> String {
    write().args(args).prints()
}

/// What was told with this on standard input.
fn told_from(stdin: &[u8], args: &[&str]) -> String {
    let output = write().args(args).fed(stdin);
    assert!(output.status.success(), "{}", err(&output));
    out(&output)
}

/// A story's record, and its output.
fn recorded(name: &str, args: &[&str]) -> (Record, String) {
    let path = folder(name).join("story.json");
    let text = told(&[args, &["--record", path.to_str().unwrap()]].concat());
    (read_json::<Record>(&path), text)
}

#[test]
fn the_same_seed_tells_the_same_story_and_another_seed_another() {
    let story = |seed| told(&[PROMPT, "--tokens", "40", "--seed", seed]);
    assert_eq!(story("7"), story("7"));
    assert_ne!(story("7"), story("8"));
    // The whole range is a seed.
    story("18446744073709551615");
}

#[test]
fn a_seed_that_was_chosen_is_printed_and_tells_the_story_again() {
    let chosen = output(&[PROMPT, "--tokens", "40"]);
    let note = err(&chosen);
    let seed = note.lines().next().unwrap().rsplit_once("seed ").unwrap().1.to_owned();
    assert_eq!(told(&[PROMPT, "--tokens", "40", "--seed", &seed]).into_bytes(), chosen.stdout);
    assert_ne!(output(&[PROMPT, "--tokens", "40"]).stdout, chosen.stdout, "two seeds in a row are equal");
}

#[test]
fn standard_output_is_the_story_and_standard_error_two_notes() {
    let whole = output(&[PROMPT, "--tokens", "30", "--seed", "1"]);
    let story = String::from_utf8(whole.stdout.clone()).unwrap();
    let without = told(&[PROMPT, "--tokens", "30", "--seed", "1", "--no-prompt"]);
    assert_eq!(story, format!("{PROMPT}{without}"));
    assert!(!story.contains('\u{1b}'));
    let note = err(&whole);
    let lines: Vec<&str> = note.lines().collect();
    assert_eq!(lines[0], "Fable 3M · preset wave · seed 1");
    assert!(lines[1].starts_with("30 tokens · ") && lines[1].contains(" tokens/s · "), "{note}");
    assert!(lines[1].ends_with(" evaluations a token · as long as asked for"), "{note}");
    assert!(lines.len() == 2 && lines[1].chars().count() <= 80, "{note}");
    let quiet = output(&[PROMPT, "--tokens", "30", "--seed", "1", "--quiet"]);
    assert_eq!((err(&quiet).as_str(), quiet.stdout), ("", whole.stdout));
}

#[test]
fn colours_can_be_asked_for_and_change_no_word() {
    let plain = told(&[PROMPT, "--tokens", "9", "--seed", "1"]);
    let coloured = told(&[PROMPT, "--tokens", "9", "--seed", "1", "--colour", "always"]);
    assert_eq!(coloured, plain.replacen(PROMPT, &format!("\u{1b}[1m{PROMPT}\u{1b}[0m"), 1));
}

#[test]
fn a_prompt_from_a_pipe_is_the_same_prompt_as_a_typed_one_to_its_last_line_break() {
    let args = ["--tokens", "9", "--seed", "1"];
    for text in ["Once upon a time", "Once upon a time\n", "Once upon a time.\n\n", "Once\n\nupon a "] {
        let typed = told(&[&[text][..], &args].concat());
        assert!(typed.starts_with(text));
        assert_eq!(told_from(text.as_bytes(), &args), typed);
        assert_eq!(told_from(text.as_bytes(), &[&["-"][..], &args].concat()), typed);
        // What an editor of Windows adds is no text.
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        assert_eq!(told_from(windows.as_bytes(), &args), typed);
    }
}

#[test]
fn what_is_appended_to_a_text_goes_on_from_it_without_a_seam() {
    let args = ["--tokens", "7", "--seed", "3", "--no-prompt"];
    let mut text = "The sea was calm, and".to_owned();
    for _ in 0..3 {
        let more = told_from(text.as_bytes(), &args);
        assert_eq!(told(&[&[text.as_str()][..], &args].concat()), more);
        assert!(!more.ends_with('\n'), "{more:?}");
        text += &more;
    }
    assert!(!text.contains('\n'), "{text:?}");
}

#[test]
fn a_prompt_that_ends_in_a_space_or_one_line_break_is_told_of() {
    let said = |stdin: &str| err(&write().args(["--tokens", "1", "--heal", "off"]).fed(stdin.as_bytes()));
    assert!(said("Once upon a ").contains("the prompt ends in a space"));
    assert!(said("Once upon a time\n").contains("the prompt ends in a line break"));
    for quiet in ["Once", "Once.\n\n", "One.\n\nTwo.\n"] {
        assert!(!said(quiet).contains("the prompt ends"), "{quiet:?}");
    }
    assert!(err(&output(&["Once upon a ", "--tokens", "1", "--heal", "off"])).contains("the prompt ends in a space"));
    // A blank that is told anew does no harm.
    assert!(!err(&output(&["Once upon a ", "--tokens", "1"])).contains("the prompt ends"));
}

#[test]
fn values_and_prompts_may_begin_with_a_dash() {
    let text = told(&["--tokens", "5", "--", "- said he"]);
    assert!(text.starts_with("- said he"));
    told(&[PROMPT, "--tokens", "5", "--stop", "---"]);
    told(&[PROMPT, "--tokens", "5", "--stop", "-"]);
    let refused = output(&["- said he"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("`afterword write -- \"- said he\"`"), "{}", err(&refused));
}

#[test]
fn a_line_break_to_stop_at_can_be_typed() {
    let args = ["He said:\n\n", "--tokens", "60", "--seed", "2", "--no-prompt"];
    let whole = told(&args);
    assert!(whole.contains('\n'), "{whole:?}");
    assert_eq!(told(&[&args[..], &["--stop", r"\n"]].concat()), whole.split('\n').next().unwrap());
}

#[test]
fn a_prompt_may_hold_any_character() {
    for prompt in ["Die Wölfin sprach:", "狼と森", "🐺", "a\tb\u{7}c\u{1b}[31md", "<s></s>", "-"] {
        let story = told_from(prompt.as_bytes(), &["--tokens", "5", "--seed", "1"]);
        assert!(story.starts_with(prompt), "{prompt:?} became {story:?}");
    }
}

#[test]
fn one_token_is_a_story() {
    let (record, _) = recorded("one", &[PROMPT, "--tokens", "1", "--seed", "3"]);
    assert_eq!((record.tokens.len(), record.stop, record.decodes), (1, StopReason::Tokens, record.evaluations - 1));
}

#[test]
fn a_stop_string_is_found_across_the_borders_of_tokens_and_is_not_told() {
    let args = [PROMPT, "--tokens", "60", "--seed", "5", "--no-prompt", "--quiet"];
    let text = told(&args);
    for (at, length) in [(0, 1), (10, 9), (33, 12), (51, 20)] {
        let stop: String = text.chars().skip(at).take(length).collect();
        let before = text.split(&stop).next().unwrap();
        assert_eq!(told(&[&args[..], &["--stop", &stop]].concat()), before, "{stop:?}");
    }
    // Of two that begin at one place the shorter is complete first; of two places the first counts.
    let stop: String = text.chars().skip(20).take(12).collect();
    let (half, later): (String, String) = (stop.chars().take(6).collect(), text.chars().skip(40).take(6).collect());
    let (record, _) =
        recorded("stops", &[PROMPT, "--tokens", "60", "--seed", "5", "--stop", &later, "--stop", &stop, "--stop", &half]);
    assert_eq!(record.stop, StopReason::Stop(half.clone()));
    assert_eq!(record.text, text.split(&half).next().unwrap());
    // One that never comes leaves nothing behind.
    assert_eq!(told(&[&args[..], &["--stop", &format!("{}!!", text.trim_end())]].concat()), text);
}

#[test]
fn every_shipped_preset_tells_a_story() {
    for listed in list(&Folders::default()).unwrap() {
        let story = told(&[PROMPT, "--preset", &listed.name, "--tokens", "40", "--seed", "2"]);
        assert!(story.len() > PROMPT.len() + 40, "{}: {story}", listed.name);
    }
}

/// The record of a story told with this chain of stages.
fn chained(name: &str, stages: &[&str]) -> Record {
    let file = folder(&format!("{name}-preset")).join("preset.toml");
    let chain: Vec<String> = stages.iter().map(|stage| format!("[[chain]]\n{stage}\n")).collect();
    fs::write(&file, chain.concat()).unwrap();
    recorded(name, &[PROMPT, "--preset", file.to_str().unwrap(), "--tokens", "80", "--seed", "4"]).0
}

#[test]
fn a_wave_without_amplitude_is_the_future_at_its_centre() {
    let future = |alpha: &str| format!("future = {{ candidates = 20, entropy-top = 20, alpha = {alpha} }}");
    let wave = future("{ wave = { period = 30, amplitude = 0, centre = 0.3 } }");
    let flat = chained("flat", &["min-p = 0.05", &wave, "temperature = 1"]);
    let constant = chained("constant", &["min-p = 0.05", &future("0.3"), "temperature = 1"]);
    assert_eq!((flat.tokens, flat.evaluations), (constant.tokens, constant.evaluations));
    assert!(constant.evaluations > 80);
    // A shipped wave too, flattened from the command line.
    let args = [PROMPT, "--tokens", "80", "--seed", "4"];
    let flattened = ["--preset", "wave", "--set", "future.alpha.wave.amplitude=0", "--set", "future.alpha.wave.centre=0.3"];
    let constant = ["--preset", "wave", "--set", "future.alpha=0.3"];
    assert_eq!(told(&[&args[..], &flattened].concat()), told(&[&args[..], &constant].concat()));
}

#[test]
fn a_closed_loop_turns_to_the_future_where_the_text_is_dull_and_to_the_own_voice_where_it_is_wild() {
    let ends = |name: &str, band: &str| {
        let set = format!("future.alpha.band.surprisal={band}");
        let args = ["--preset", "steady", "--set", &set, "--tokens", "300", "--min-tokens", "300", "--seed", "2", "--trace"];
        let (record, _) = recorded(name, &[&[PROMPT][..], &args].concat());
        let alphas: Vec<f64> = record.trace.iter().filter_map(|token| token.alpha).collect();
        let surprisal = -record.mean_log_p;
        assert_eq!((alphas.len(), alphas[0]), (300, 0.0));
        (*alphas.last().unwrap(), surprisal)
    };
    let (wild, dull) = (ends("wild", "[0.2, 0.3]"), ends("dull", "[5, 6]"));
    assert!(wild.0 < -0.9 && dull.0 > 0.9, "{wild:?} {dull:?}");
    assert!(wild.1 < dull.1, "{wild:?} {dull:?}");
}

#[test]
fn at_minus_1_future_is_top_k_at_no_extra_decode() {
    let future = "future = { candidates = 20, entropy-top = 20, alpha = -1 }";
    let dry = "dry = { multiplier = 0.8 }";
    for (name, behind) in [("lazy", "temperature = 0.9"), ("full", "top-p = 0.9")] {
        let voice = chained(&format!("voice-{name}"), &[dry, "min-p = 0.02", future, behind]);
        let plain = chained(&format!("plain-{name}"), &[dry, "min-p = 0.02", "top-k = 20", behind]);
        assert_eq!((&voice.tokens, &voice.text), (&plain.tokens, &plain.text));
        for record in [voice, plain] {
            // The first row is the prompt's own.
            assert_eq!((record.evaluations, record.decodes), (record.tokens.len(), record.tokens.len() - 1));
        }
    }
}

#[test]
fn the_record_holds_what_happened() {
    let args =
        ["--tokens", "50", "--seed", "11", "--preset", "future", "--set", "future.alpha=0.4", "--stop", "§§", "--ctx", "200"];
    let (record, out) = recorded("record", &[&[PROMPT][..], &args].concat());
    let model = Path::new(BUNDLED);
    let bytes = fs::read(model).unwrap();
    let digits: String = Sha256::digest(&bytes).iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
    assert_eq!((record.model.sha256.as_str(), record.model.size), (digits.as_str(), bytes.len() as u64));
    assert!(record.model.file.ends_with("fable-3m-q8_0.gguf"));
    assert_eq!((record.model.architecture.as_str(), record.model.quantisation.as_deref()), ("llama", Some("Q8_0")));
    assert_eq!((record.format, record.prompt.as_str(), record.seed), (1, PROMPT, 11));
    assert_eq!((record.preset.as_str(), &record.stop, record.tokens.len()), ("future", &StopReason::Tokens, 50));
    assert_eq!(out, format!("{PROMPT}{}", record.text));
    assert!(record.prompt_tokens.len() > 3 && record.prompt_tokens[1..].iter().all(|&token| token < 4096));
    assert!(record.mean_log_p < 0.0 && record.mean_log_p > -10.0, "{}", record.mean_log_p);
    assert!(record.evaluations > 50 && record.decodes >= 49);
    let run = &record.run;
    assert_eq!((run.limit, run.context, run.threads, run.width), (50, 200, 1, 1));
    assert_eq!((run.stops.as_slice(), run.gpu_layers), (&["§§".to_owned()][..], None));
    assert!(run.cells >= 50 + record.prompt_tokens.len() && run.branches >= 2 && run.batch >= 1);
    assert_eq!(run.flash_attention, FlashAttention::Auto);
    assert_eq!(record.versions.afterword, env!("CARGO_PKG_VERSION"));
    assert!(record.versions.backend.starts_with("llama.cpp ") && !record.versions.build.is_empty());
    assert!(record.times.load > 0.0 && record.times.read > 0.0 && record.times.tell > 0.0);

    // What it holds tells the same story again.
    let resolved = folder("resolved").join("resolved.toml");
    fs::write(&resolved, &record.resolved).unwrap();
    assert!(record.resolved.contains("alpha = 0.4"), "{}", record.resolved);
    read(&resolved, &Folders::default()).unwrap();
    let preset = ["--preset", resolved.to_str().unwrap()];
    let (again, _) = recorded("again", &[&[PROMPT, "--tokens", "50", "--seed", "11"][..], &preset].concat());
    assert_eq!((again.tokens, again.evaluations), (record.tokens, record.evaluations));
    assert_eq!(again.mean_log_p.to_bits(), record.mean_log_p.to_bits());
}

#[test]
fn a_record_takes_the_place_of_an_older_one_and_leaves_nothing_beside_it() {
    let folder = folder("replaced");
    let path = folder.join("story.json");
    fs::write(&path, "{\"format\":1,\"prompt\":\"older\"}").unwrap();
    told(&[PROMPT, "--tokens", "3", "--record", path.to_str().unwrap()]);
    assert_eq!(read_json::<Record>(&path).tokens.len(), 3);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_record_follows_a_link_and_goes_into_a_pipe() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("links");
    let (link, file, pipe) = (folder.join("link.json"), folder.join("file.json"), folder.join("pipe"));
    fs::write(&file, "{\"format\":1,\"prompt\":\"older\"}").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    told(&[PROMPT, "--tokens", "3", "--record", link.to_str().unwrap()]);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(read_json::<Record>(&file).tokens.len(), 3);
    // Readable by whoever may read a new file, not secret as a temporary one is.
    let new = folder.join("new");
    fs::write(&new, "").unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode(), new.metadata().unwrap().permissions().mode());

    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || read_json::<Record>(&pipe))
    };
    told(&[PROMPT, "--tokens", "3", "--record", pipe.to_str().unwrap()]);
    assert_eq!(reader.join().unwrap().tokens.len(), 3);
}

#[test]
fn a_full_context_ends_the_story_and_says_so() {
    let (record, _) = recorded("context", &[PROMPT, "--ctx", "24", "--tokens", "18446744073709551615", "--seed", "1"]);
    assert_eq!((record.stop, record.tokens.len() + record.prompt_tokens.len()), (StopReason::Context, 24));
    let last = record.prompt_tokens.len() + 1;
    let (record, _) = recorded("last", &[PROMPT, "--ctx", &last.to_string(), "--seed", "1"]);
    assert_eq!((record.stop, record.tokens.len()), (StopReason::Context, 1));
    let whole = output(&[PROMPT, "--ctx", "24", "--seed", "1"]);
    assert!(err(&whole).ends_with(" · the context is full\n"), "{}", err(&whole));
}

#[test]
fn the_first_tokens_of_a_longer_story_are_the_shorter_story() {
    let story = |tokens| told(&[PROMPT, "--tokens", tokens, "--seed", "6", "--quiet"]);
    assert!(story("60").starts_with(story("20").trim_end()));
}

/// A preset that looks at a hundred candidates for each token, so that its stories take long enough to be interrupted.
fn slow(folder: &Path) -> String {
    let file = folder.join("slow.toml");
    let future = "future = { candidates = 100, entropy-top = 20, alpha = 0 }";
    fs::write(&file, format!("[[chain]]\n{future}\n[[chain]]\ntop-p = 0.9\n")).unwrap();
    file.to_str().unwrap().to_owned()
}

/// A long story under way, with its record to come.
fn begun(name: &str, prompt: &str) -> (Child, PathBuf) {
    let folder = folder(name);
    let path = folder.join("story.json");
    let mut command = write();
    command.args(["--tokens", "100000", "--seed", "3", "--preset", &slow(&folder)]).arg("--record").arg(&path).arg(prompt);
    (command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(), path)
}

#[test]
fn whoever_reads_one_line_only_gets_it_and_no_error() {
    let (mut child, path) = begun("head", "A tale.\nOnce");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    // The story has begun when there is more than the prompt: who goes before leaves nothing to record.
    out.read_exact(&mut [0; "Once ".len()]).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), line.as_str()), (Some(0), "A tale.\n"));
    let note = err(&output);
    assert!(note.starts_with("Fable 3M · preset ") && note.lines().count() == 1, "{note}");
    assert_eq!(read_json::<Record>(&path).stop, StopReason::Interrupted);
}

#[cfg(unix)]
#[test]
fn an_interruption_ends_the_story_and_keeps_it() {
    for (name, signalled) in [("interrupt", "INT"), ("terminate", "TERM")] {
        interrupted(name, signalled);
    }
}

/// The record of a story that this signal has ended.
#[cfg(unix)]
pub(crate) fn interrupted(name: &str, signalled: &str) -> Record {
    let (mut child, path) = begun(name, PROMPT);
    let mut out = child.stdout.take().unwrap();
    let mut text = vec![0; PROMPT.len() + 1];
    out.read_exact(&mut text).unwrap();
    signal(&child, signalled);
    out.read_to_end(&mut text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", err(&output));
    let note = err(&output);
    assert!(note.ends_with(" · interrupted\n") && note.lines().count() == 2, "{note}");
    let record = read_json::<Record>(&path);
    assert_eq!(record.stop, StopReason::Interrupted);
    assert_eq!(String::from_utf8(text).unwrap(), format!("{PROMPT}{}", record.text));
    assert!(!record.tokens.is_empty());
    record
}

#[cfg(unix)]
#[test]
fn an_interruption_while_the_prompt_is_read_is_recorded_too() {
    interrupted_while_reading("prefill");
}

/// The record of a story that was ended while its prompt was read, or right behind that.
#[cfg(unix)]
pub(crate) fn interrupted_while_reading(name: &str) -> Record {
    let prompt = "the wolf and the seven little kids went into the wood ".repeat(60);
    let (mut child, path) = begun(name, &prompt);
    // The prompt is shown right before it is read.
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0]).unwrap();
    signal(&child, "INT");
    let mut text = Vec::new();
    out.read_to_end(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let record = read_json::<Record>(&path);
    assert_eq!((&record.stop, record.prompt.as_str()), (&StopReason::Interrupted, prompt.as_str()));
    assert_eq!(format!("{prompt}{}", record.text).as_bytes()[1..], text);
    record
}

#[test]
fn a_full_trace_is_of_the_story_that_is_told_without_it() {
    let record = |name: &str, trace: &[&str]| {
        let fixed = ["Once upon a time", "--preset", "future", "--seed", "4", "--tokens", "80"];
        recorded(name, &[&fixed[..], trace].concat()).0
    };
    let (plain, looked, full) = (record("plain", &[]), record("looked", &["--trace"]), record("full", &["--trace=full"]));
    assert_eq!((plain.tokens.clone(), plain.trace.len()), (looked.tokens.clone(), 0));
    assert_eq!(full.tokens, looked.tokens);
    for (few, all) in looked.trace.iter().zip(&full.trace) {
        assert_eq!((few.id, few.p, few.rank, few.surprisal), (all.id, all.p, all.rank, all.surprisal));
        assert!(few.candidates.iter().all(|candidate| all.candidates.contains(candidate)));
        assert!(few.skipped.is_some() || few.candidates.iter().any(|candidate| candidate.id == few.id));
    }
    let looks = |record: &Record| record.trace.iter().map(|token| token.candidates.len()).sum::<usize>();
    assert!(looks(&full) > 3 * looks(&looked), "{} and {}", looks(&full), looks(&looked));
}

#[test]
fn words_are_coloured_where_colours_are_shown_and_the_text_stays_the_same() {
    let plain = told(&[PROMPT, "--tokens", "30", "--seed", "7"]);
    for by in ["alpha", "future", "probability", "surprisal", "entropy"] {
        let coloured = output(&[PROMPT, "--tokens", "30", "--seed", "7", "--colour", "always", "--colour-by", by]);
        let text = String::from_utf8(coloured.stdout.clone()).unwrap();
        assert!(text.matches("\u{1b}[").count() > 20, "{by}: {text:?}");
        assert_eq!(anstream::adapter::strip_str(&text).to_string(), plain);
        // The legend and the wave stand beside the story.
        let said = anstream::adapter::strip_str(&err(&coloured)).to_string();
        assert!(said.contains(" · ") && said.contains(['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']), "{said}");
        assert_eq!(told(&[PROMPT, "--tokens", "30", "--seed", "7", "--colour", by]), plain, "a pipe has no colours");
    }
    let refused = output(&[PROMPT, "--preset", "greedy", "--colour", "alpha"]);
    assert!(refused.status.code() == Some(2) && err(&refused).contains("no `future`"), "{}", err(&refused));
}
