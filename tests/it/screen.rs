//! What a person sees of a story: the binary and the bundled model in a real terminal.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::gguf::{Family, Scratch, Value, tiny};
use crate::support::pty::{Act, Seen, see, see_while};
use crate::support::{Ends, afterword, err, nowhere, read_json, shell};
use afterword::story::Record;

const PROMPT: &str = "Once upon a time there lived a king who had three daughters, and the eldest of them said to her sisters:";

/// The program as it is typed in a terminal, with one thread.
fn typed(args: &[&str]) -> Command {
    let mut command = afterword(args);
    command.args(["--threads", "1"]);
    command
}

/// What the same command writes into a pipe.
fn piped(args: &[&str]) -> String {
    typed(args).prints()
}

/// Words of a text, without the rules between drafts, which are as wide as the terminal.
fn words<'t>(text: impl IntoIterator<Item = &'t str>) -> Vec<&'t str> {
    text.into_iter().filter(|word| !word.starts_with('─')).collect()
}

/// A prompt that is read in several decodes.
fn long_prompt() -> String {
    "The wolf and the seven little kids went into the wood, and there they met a fox. ".repeat(20) + "He said:"
}

/// A preset that takes its time.
fn slow() -> Scratch {
    let future = "future = { candidates = 100, entropy-top = 20, alpha = 0 }";
    Scratch::new("slow.toml", format!("[[chain]]\n{future}\n[[chain]]\ntop-p = 0.9\n").as_bytes())
}

fn assert_no_bar(seen: &Seen) {
    let text = seen.text();
    assert!(!text.contains(['█', '░']) && !text.contains("reading"), "{text}");
}

#[test]
fn a_story_on_a_terminal_is_that_of_a_pipe_with_every_word_whole() {
    let record = Scratch::new("again.json", b"");
    fs::remove_file(&*record).unwrap();
    let path = record.to_str().unwrap();
    piped(&["write", PROMPT, "--seed", "7", "--tokens", "90", "--record", path]);
    let told = ["write", PROMPT, "-q", "--seed", "7", "--tokens", "90"];
    for more in [&[][..], &["--no-prompt"], &["--colour", "alpha"], &["--drafts", "2"], &["--drafts", "2", "--colour", "alpha"]]
    {
        let args = [&told[..], more].concat();
        let story = piped(&args);
        for columns in [20, 33, 60, 80] {
            let seen = see(typed(&args), 24, columns);
            assert_eq!(words(seen.words()), words(story.split_whitespace()), "{more:?} in {columns}");
            assert!(!seen.ran_over && seen.code == Some(0), "{more:?} in {columns}:\n{}", seen.text());
        }
    }
    let seen = see(afterword(["replay", "-q", path]), 24, 33);
    assert_eq!(seen.words(), piped(&told).split_whitespace().collect::<Vec<_>>());
    assert!(!seen.ran_over);
}

#[test]
fn words_are_seen_while_the_story_is_told_and_none_is_lost_when_it_is_interrupted() {
    let slow = slow();
    let record = Scratch::new("interrupted.json", b"");
    fs::remove_file(&*record).unwrap();
    let args = ["write", PROMPT, "-q", "--seed", "3", "--tokens", "800", "--preset", slow.to_str().unwrap(), "--record"];
    let args = [&args[..], &[record.to_str().unwrap()]].concat();
    let mut pressed = false;
    let seen = see_while(typed(&args), 24, 40, |so_far| {
        // Five words more than the prompt.
        let enough = so_far.split_whitespace().count() > PROMPT.split_whitespace().count() + 5;
        if enough && !std::mem::replace(&mut pressed, true) { Act::Interrupt } else { Act::Nothing }
    });
    let told: Record = read_json(&*record);
    assert_eq!(seen.code, Some(130));
    // What the terminal shows of the key itself is not ours.
    let text = seen.text().replace("^C", "");
    let story = format!("{PROMPT}{}", told.text);
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), story.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn what_is_read_leaves_nothing_in_the_story() {
    let prompt = long_prompt();
    let args = ["write", &prompt, "--seed", "1", "--tokens", "40"];
    let story = piped(&args);
    let seen = see(typed(&args), 60, 60);
    assert!(seen.wrote("reading"), "there was no bar to be seen");
    assert_no_bar(&seen);
    let words = seen.words();
    let from = words.iter().position(|word| *word == "The").unwrap();
    let story: Vec<&str> = story.split_whitespace().collect();
    assert_eq!(words[from..from + story.len()], story);
    assert!(seen.lines[0].starts_with("Fable 3M · preset wave · seed 1") && !seen.ran_over);
    // The story may run over the terminal behind a pipe too.
    let mut behind = shell("\"$0\" \"$@\" | cat", args);
    behind.args(["--threads", "1"]);
    let seen = see(behind, 60, 60);
    assert!(seen.wrote("reading"), "there was no bar to be seen");
    assert_no_bar(&seen);
}

#[test]
fn an_interruption_while_the_prompt_is_read_leaves_nothing_either() {
    let (prompt, slow) = (long_prompt(), slow());
    let args = ["write", &prompt, "--seed", "1", "--tokens", "500", "--preset", slow.to_str().unwrap()];
    let mut pressed = false;
    let seen = see_while(typed(&args), 60, 60, |so_far| {
        let reads = so_far.contains("reading");
        if reads && !std::mem::replace(&mut pressed, true) { Act::Interrupt } else { Act::Nothing }
    });
    assert_eq!(seen.code, Some(130), "{}", seen.text());
    assert_no_bar(&seen);
    let words = seen.words().join(" ");
    assert!(words.contains(prompt.trim()) && words.ends_with("interrupted"), "{words}");
    // Nor does that of a batch, which has several lines.
    let (out, prompts) = (nowhere("interrupted"), Scratch::new("prompts.txt", PROMPT.as_bytes()));
    let args = ["batch", prompts.to_str().unwrap(), "--out", out.to_str().unwrap(), "--seeds", "1..4", "--tokens", "900"];
    let args = [&args[..], &["--preset", slow.to_str().unwrap(), "--sessions", "2"]].concat();
    let mut pressed = false;
    let seen = see_while(typed(&args), 60, 60, |so_far| {
        let tells = so_far.contains("3 of 900");
        if tells && !std::mem::replace(&mut pressed, true) { Act::Interrupt } else { Act::Nothing }
    });
    assert!(seen.code == Some(130) && !seen.ran_over, "{}", seen.text());
    assert_no_bar(&seen);
}

#[test]
fn a_prompt_longer_than_the_screen_shows_its_last_lines() {
    let prompt = format!("First {}", long_prompt());
    let args = ["write", &prompt, "-q", "--seed", "1", "--tokens", "20"];
    let seen = see(typed(&args), 24, 40);
    assert_eq!(seen.lines[0], "…");
    assert!(!seen.text().contains("First") && seen.words().windows(2).any(|two| two == ["He", "said:"]), "{}", seen.text());
    assert!(piped(&args).starts_with(&prompt), "a pipe gets all of it");
}

#[test]
fn what_the_colours_mean_stands_above_the_story() {
    for tint in ["alpha", "surprisal"] {
        let seen = see(typed(&["write", PROMPT, "--seed", "1", "--tokens", "20", "--colour", tint]), 24, 80);
        assert!(seen.lines[1].contains(" · ") && !seen.lines[1].contains("Once"), "{}", seen.text());
        assert!(seen.lines[2].starts_with("Once upon a time there lived"), "{}", seen.text());
    }
}

#[test]
fn bars_and_notes_are_as_narrow_as_the_terminal() {
    let (prompt, slow) = (long_prompt(), slow());
    let prompts = Scratch::new("prompts.txt", PROMPT.as_bytes());
    for columns in [20, 40, 60] {
        // A path longer than a line is left to the terminal, so that it can be copied.
        let place = nowhere("narrow");
        let out = Path::new(place.file_name().unwrap());
        let compare = ["compare", &prompt, "--seed", "1", "--tokens", "30", "--presets", "wave", "--layout", "rows"];
        let batch = ["batch", prompts.to_str().unwrap(), "--out", out.to_str().unwrap(), "--tokens", "12", "--seeds", "1..2"];
        let batch = [&batch[..], &["--preset", slow.to_str().unwrap(), "--sessions", "1"]].concat();
        for args in [&compare[..], &batch] {
            let mut command = typed(args);
            command.current_dir(place.parent().unwrap());
            let seen = see(command, 40, columns);
            assert_eq!(seen.code, Some(0), "{}", seen.text());
            assert!(seen.wrote("░"), "there was no bar to be seen");
            assert!(!seen.ran_over, "{} in {columns}:\n{}", args[0], String::from_utf8_lossy(&seen.bytes));
            assert_no_bar(&seen);
        }
    }
}

#[test]
fn compared_stories_are_laid_out_for_the_terminal_as_it_is_then() {
    let slow = slow();
    let presets = format!("wave,{}", slow.to_str().unwrap());
    let args = ["compare", PROMPT, "--seed", "1", "--tokens", "120", "--presets", &presets, "--layout", "columns"];
    let mut made = false;
    let seen = see_while(typed(&args), 60, 100, |so_far| {
        let tells = so_far.contains("1 of 2");
        if tells && !std::mem::replace(&mut made, true) { Act::Resize(60, 50) } else { Act::Nothing }
    });
    let text = seen.text();
    assert!(made && seen.code == Some(0) && text.contains('‖'), "{text}");
    // Two columns of 23 with a gap of 3.
    let rule = seen.lines.iter().find(|line| line.starts_with('─')).unwrap();
    assert_eq!(rule.split_whitespace().next().unwrap().chars().count(), 23, "{text}");
}

#[test]
fn a_comparison_shows_the_last_words_of_a_long_prompt() {
    let prompt = long_prompt();
    let page = piped(&["compare", &prompt, "--seed", "1", "--tokens", "10", "--presets", "wave"]);
    let first = page.lines().next().unwrap();
    assert!(first.starts_with('…') && first.ends_with("He said:") && page.lines().nth(1).unwrap().contains("seed 1"), "{page}");
    assert!(piped(&["compare", &prompt, "--tokens", "2", "--presets", "wave", "--json"]).contains(prompt.trim()));
}

#[test]
fn a_model_that_ends_at_once_says_what_makes_it_go_on() {
    let mut file = tiny(Family::Llama, 7);
    let model = file.write();
    let record = Scratch::new("first.json", b"");
    fs::remove_file(&*record).unwrap();
    let always = ["write", "once", "--preset", "greedy", "--threads", "1", "--tokens", "4", "--model"];
    let run = |model: &Path, more: &[&str]| afterword(always).arg(model).args(more).ended();
    assert!(run(&model, &["--record", record.to_str().unwrap()]).status.success());
    let told: Record = read_json(&*record);
    // What it says first is now how it ends.
    file.set("tokenizer.ggml.eos_token_id", Value::U32(told.tokens[0]));
    let model = file.write();
    let ended = "the model ended the story at once: `--min-tokens 50` makes it go on";
    let said = |more: &[&str]| err(&run(&model, more));
    assert!(said(&[]).lines().any(|line| line == ended), "{}", said(&[]));
    assert!(said(&["--drafts", "2"]).lines().filter(|line| *line == ended).count() == 2, "{}", said(&["--drafts", "2"]));
    // So few tokens tell no speed.
    assert!(!said(&[]).contains("tokens/s") && !said(&["--min-tokens", "3"]).contains(ended));
}
