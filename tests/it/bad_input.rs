//! Bad input, and the one clear sentence that it gets: the thing is named, the exit code is 1 or 2, and nothing else is said.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::gguf::{Family, Gguf, Scratch, Value, tiny};
use crate::support::{BUNDLED, Ends, afterword, err, folder, nowhere, out, shell, shipped};

/// What a refusal says, its notes left out: `error: …`, lines of a preset with their mark, `hint: …`.
fn refusal(output: &Output, code: i32) -> String {
    let said = err(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    let lines = said.lines().filter(|line| !line.starts_with("Fable 3M · ") && !line.contains(" evaluations a token · "));
    let lines: Vec<&str> = lines.collect();
    for (at, line) in lines.iter().enumerate() {
        let shown = line.starts_with("  ") && line.contains(" | ");
        assert!(shown || line.starts_with(if at == 0 { "error: " } else { "hint: " }), "{said}");
        assert!(!line.contains("os error") && !line.contains("panicked") && !line.ends_with('.'), "{said}");
    }
    assert!(lines.first().is_some_and(|line| line.starts_with("error: ")), "nothing is said");
    assert!(lines.iter().filter(|line| !line.starts_with("  ")).count() <= 2, "{said}");
    lines.join("\n")
}

/// The refusal of a command line before anything is told.
fn refused(code: i32, args: &[&str]) -> String {
    let output = afterword(args).ended();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{args:?}");
    refusal(&output, code)
}

fn refused_stdin(code: i32, stdin: &[u8], args: &[&str]) -> String {
    refusal(&afterword(args).fed(stdin), code)
}

/// The cause for which a model is refused, behind its name.
fn no_model(path: &Path) -> String {
    let said = refused(1, &["write", "Once", "--model", path.to_str().unwrap()]);
    let beginning = format!("error: cannot load the model `{}`: ", path.display());
    said.strip_prefix(&beginning).unwrap_or_else(|| panic!("{said}")).to_owned()
}

/// A preset file with this text.
fn preset(name: &str, text: &str) -> String {
    let file = folder(name).join("mine.toml");
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_model_that_is_none_is_refused() {
    assert_eq!(
        no_model(Path::new("nowhere/story.gguf")),
        "there is no such file\nhint: `afterword models list` names the models that are here"
    );
    assert_eq!(no_model(Path::new("src")), "it is a directory");
    assert_eq!(no_model(Path::new("Cargo.toml")), "it is not a GGUF file: it begins with `[package`");
    assert_eq!(no_model(&Gguf::default().write()), "it is a GGUF without weights");
    let mut embedding = tiny(Family::Llama, 7);
    embedding.set("general.architecture", Value::Text("bert".into()));
    assert_eq!(no_model(&embedding.write()), "`bert` is an embedding model, and cannot tell stories");
}

#[test]
fn the_name_of_a_file_is_no_prompt_unless_it_is_said_to_be() {
    let words = "`--raw` takes the name itself for the first words";
    for command in ["write", "explain", "compare"] {
        let said = refused(2, &[command, "README.md"]);
        assert_eq!(
            said,
            format!(
                "error: `README.md` is a file, and a prompt is words\nhint: `afterword write --append README.md` goes on with its text and adds to it, `- < README.md` only goes on; {words}"
            )
        );
    }
    assert_eq!(refused(2, &["write", "chaptre.md"]), format!("error: there is no file `chaptre.md`\nhint: {words}"));
    let told = afterword(["write", "--raw", "README.md", "-n", "2", "--seed", "1", "--threads", "1"]).prints();
    assert!(told.starts_with("README.md"), "{told}");
    // What the hint says works: another way to have it read is standard input.
    let told = afterword(["write", "-", "-n", "2", "--seed", "1", "--threads", "1"]).fed(b"Once upon a time");
    assert_eq!(told.status.code(), Some(0));
}

#[test]
fn a_line_of_another_program_is_answered_with_the_line_that_works_here() {
    let said = refused(2, &["run", "fable", "Once upon a time", "--temp", "0.7", "--num-predict", "3"]);
    let (_, hint) = said.split_once("hint: so it is typed here: `afterword ").unwrap_or_else(|| panic!("{said}"));
    let line = shlex::split(hint.trim_end_matches('`')).unwrap();
    let told = afterword(line).args(["--seed", "1", "--threads", "1"]).prints();
    assert!(told.starts_with("Once upon a time"), "{told}");
    let said = refused(2, &["-m", "fable", "-p", "Once", "-ngl", "0"]);
    assert!(said.ends_with("hint: so it is typed here: `afterword write -m fable --gpu-layers 0 Once`"), "{said}");
}

#[test]
fn a_model_that_is_cut_off_is_refused_wherever_it_ends() {
    let whole = fs::read(BUNDLED).unwrap();
    for length in [4, 23, 24, 100, 5_000, 60_000, 120_000, whole.len() / 2, whole.len() - 1] {
        let cause = no_model(&Scratch::new("cut.gguf", &whole[..length]));
        assert!(cause.contains("cut off"), "{length}: {cause}");
    }
}

#[test]
fn a_vocabulary_that_can_say_nothing_but_the_end_ends_at_once() {
    let mut silent = tiny(Family::Llama, 7);
    for (key, value) in &mut silent.metadata {
        if let ("tokenizer.ggml.token_type", Value::I32s(types)) = (key.as_str(), value) {
            types.fill(3);
        }
    }
    let model = silent.write();
    let output = afterword(["write", "Once", "--set", "future.entropy-top=2", "--model"]).arg(model.as_os_str()).ended();
    let said = err(&output);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"Once"[..]), "{said}");
    let notes = "the model ended the story\nthe model ended the story at once: `--min-tokens 50` makes it go on\n";
    assert!(said.ends_with(&format!("1 token · 1.00 evaluations a token · {notes}")), "{said}");
}

#[test]
fn a_prompt_that_begins_no_story_is_refused() {
    let empty = "error: the prompt is empty\nhint: give the story a first word";
    for prompt in ["", "  ", "\n\t\n"] {
        assert_eq!(refused(2, &["write", prompt]), empty);
        assert_eq!(refused_stdin(2, prompt.as_bytes(), &["write", "-"]), empty);
    }
    assert_eq!(refused(2, &["write"]), empty);
    let broken = "error: the prompt on standard input is not UTF-8: byte 5 begins no character";
    assert_eq!(refused_stdin(2, b"Once \xFF upon", &["write"]), broken);
    assert_eq!(refused_stdin(2, b"Once \xE2\x82", &["write"]), broken);
    let nul = "error: the prompt holds a NUL character, at byte 4: it is no text";
    assert_eq!(refused_stdin(2, b"Once\0upon", &["write"]), nul);
}

#[test]
fn a_prompt_beyond_the_context_is_refused() {
    let long = "the wolf went into the wood ".repeat(500);
    let said = refused_stdin(1, long.as_bytes(), &["write"]);
    assert!(
        said.starts_with("error: the prompt has ") && said.contains(" of 1024\nhint: its end fits, as in `tail -c "),
        "{said}"
    );
    let said = refused(1, &["write", "Once upon a time", "--ctx", "3"]);
    assert!(said.contains("no room for a story in the context of 3\nhint: `--ctx` may be up to 1024"), "{said}");
    let said = refused(2, &["write", "Once", "--ctx", "5000"]);
    assert!(said.contains("for a context of 5000 tokens: it was trained for 1024\nhint: `--ctx` may be up to 1024"), "{said}");
}

/// The vocabulary has no letter of it, so that cutting it would take minutes.
#[test]
fn a_prompt_that_no_context_can_hold_is_refused_at_once() {
    let file = nowhere("wolves.txt");
    fs::write(&file, "🐺".repeat(1_250_000)).unwrap();
    let started = std::time::Instant::now();
    let output = afterword(["write", "-"]).stdin(fs::File::open(&file).unwrap()).ended();
    let said = err(&output);
    let expected =
        "the prompt has 5000000 bytes and leaves no room for a story in the context of 1024 tokens\nhint: shorten it";
    assert!(output.status.code() == Some(1) && said.contains(expected), "{said}");
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

#[cfg(unix)]
#[test]
fn a_prompt_that_is_no_text_at_all_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let output = afterword(["write"]).arg(std::ffi::OsStr::from_bytes(b"Once \xFF")).ended();
    assert!(refusal(&output, 2).starts_with("error: an argument is not UTF-8"));
    let folder = fs::File::open("/").unwrap();
    let output = afterword(["write"]).stdin(folder).ended();
    assert_eq!(refusal(&output, 1), "error: cannot read the prompt from standard input: is a directory");
}

#[test]
fn a_value_out_of_its_range_is_refused() {
    let set = |edit: &str| refused(2, &["write", "Once", "--set", edit]);
    assert_eq!(
        set("future.alpha=1.5"),
        "error: cannot set `future.alpha=1.5`: 1.5 is not a position of the crossfader: expected a number from -1 to 1"
    );
    assert!(set("future.entropy-top=1").contains("`future.entropy-top=1`: 1 is not enough"));
    assert!(set("future.alpha").contains("there is no `=`"));
    assert!(set("future.alpha=").contains("there is no value"));
    assert!(set("=").contains("there is no path"));
    assert!(set("futur.alpha=1").contains("did you mean `future`?"));
    assert!(set("future.alfa=1").contains("did you mean `alpha`?"));
    assert!(set("future=3").contains("expected a table"));
    assert!(set("temperature=hot").starts_with("error: cannot set `temperature=hot`: "));
    assert!(set("temperature=nan").starts_with("error: cannot set `temperature=nan`: "));
    assert!(set("draw.pick=worst").contains("unknown value `worst`"));
}

#[test]
fn a_preset_that_does_not_fit_the_model_is_refused() {
    assert_eq!(
        refused(1, &["write", "Once", "--set", "future.entropy-top=4097"]),
        "error: `future.entropy-top` is 4097, but the model's vocabulary has only 4096 tokens"
    );
    let wide = "[[chain]]\nfuture = { candidates = 256, entropy-top = 20, alpha = 0 }\n[[chain]]\ntop-p = 0.9\n";
    assert_eq!(
        refused(1, &["write", "Once", "--preset", &preset("wide", wide)]),
        "error: the preset looks at up to 256 paths at once, and the KV cache has sequences for 255\n\
         hint: ask for fewer candidates with `--set future.candidates=20`"
    );
    // At their ends both fit.
    for fits in [["--set", "future.entropy-top=4096"], ["--set", "future.candidates=100000"]] {
        let output = afterword(["write", "Once", "--tokens", "3"]).args(fits).ended();
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn a_mistake_in_a_preset_is_shown_where_it_stands() {
    let file = preset("alpha", "[[chain]]\nfuture = { candidates = 20, entropy-top = 20, alpha = 1.5 }\n");
    let place = format!("error: cannot read the preset `{file}`, line 2, column 55: ");
    let shown = "  2 | future = { candidates = 20, entropy-top = 20, alpha = 1.5 }\n";
    let mark = format!("    | {}^^^", " ".repeat(54));
    let cause = "1.5 is not a position of the crossfader: expected a number from -1 to 1\n";
    let expected = format!("{place}{cause}{shown}{mark}");
    assert_eq!(refused(1, &["write", "Once", "--preset", &file]), expected);
    // A check says each mistake once and nothing behind it.
    assert_eq!(refused(1, &["presets", "check", &file]), expected);

    let file = preset("key", "[[chain]]\nfuture = { candidates = 20, entropy-tip = 20, alpha = 1 }\n");
    let said = refused(1, &["write", "Once", "--preset", &file]);
    assert!(
        said.contains("line 2, column 29: unknown key `entropy-tip`\n  2 | future") && said.contains("^^^^^^^^^^^\n"),
        "{said}"
    );
    assert!(said.ends_with("hint: did you mean `entropy-top`?"), "{said}");
}

#[test]
fn a_check_goes_on_behind_a_mistake() {
    let [one, other] = [preset("one", "[["), preset("other", "extends = 3")];
    let output = afterword(["presets", "check", &one, "wave", &other]).ended();
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(1), "wave: good\n"));
    let said = err(&output);
    assert_eq!(said.matches("error: cannot read the preset").count(), 2, "{said}");
    assert_eq!(said.matches("error: ").count(), 2, "{said}");
}

#[test]
fn an_unknown_preset_is_refused_with_the_nearest() {
    let said = "error: there is no preset `wav`\nhint: did you mean `wave`?";
    assert_eq!(refused(2, &["write", "Once", "--preset", "wav"]), said);
    for command in ["show", "check"] {
        assert_eq!(refused(2, &["presets", command, "wav"]), said);
    }
    assert_eq!(refused(2, &["presets", "new", "mine", "--from", "wav"]), said);
    // A file that is not there is no wrong usage, as with a model.
    assert!(refused(1, &["write", "Once", "--preset", "wav.toml"]).contains("there is no such file"));
    let mut names: Vec<String> = shipped().iter().map(|file| format!("`{}`", file.file_stem().unwrap().display())).collect();
    names.sort_by_key(|name| name.trim_matches('`').to_owned());
    let last = names.pop().unwrap();
    let all = format!("hint: expected {} or {last}", names.join(", "));
    assert_eq!(refused(2, &["presets", "show", "xyzzy"]), format!("error: there is no preset `xyzzy`\n{all}"));
    assert!(refused(1, &["write", "Once", "--preset", BUNDLED]).contains("it is a model, not a preset\nhint: "));
}

#[test]
fn arguments_that_cannot_be_meant_are_refused() {
    for (args, said) in [
        (&["write", "Once", "--threads", "0"][..], "`0` is no value of `--threads`: expected a whole number from 1 up"),
        (&["write", "Once", "--tokens", "0"], "`0` is no value of `--tokens`: expected a whole number from 1 up"),
        (&["write", "Once", "--tokens", "many"], "`many` is no value of `--tokens`: expected a whole number from 1 up"),
        (&["write", "Once", "--ctx", "-5"], "`-5` is no value of `--ctx`: expected a whole number from 1 up"),
        (&["write", "Once", "--seed", "-1"], "`-1` is no value of `--seed`: expected a whole number from 0 to"),
        (&["write", "Once", "--seed", "1.5"], "`1.5` is no value of `--seed`: expected a whole number from 0 to"),
        (&["write", "Once", "--loud"], "there is no option `--loud`"),
        (&["write", "Once", "upon"], "`upon` is one argument too many"),
        (&["write", "Once", "--stop", ""], "a stop text is empty: every story would end before its first word\nhint: `--stop`"),
        (&["write", "Once", "--model", ""], "`--model` has no value"),
        (&["wirte", "Once"], "there is no command `wirte`"),
        (&["presets", "sow", "wave"], "there is no command `sow`"),
        (&["presets", "check"], "`<FILES>...` is missing"),
        (&["--colour", "pink", "presets", "list"], "`pink` is no value of `--colour`"),
    ] {
        let refusal = refused(2, args);
        assert!(refusal.starts_with(&format!("error: {said}")), "{args:?}: {refusal}");
    }
    assert!(refused(1, &["write", "Once", "--threads", "513"]).contains("513 threads"));
}

#[test]
fn a_place_that_takes_no_record_is_refused_before_the_story() {
    let record = |path: &str| refused(1, &["write", "Once", "--tokens", "3", "--record", path]);
    let beginning = |path: &str| format!("error: cannot write the record `{path}`: ");
    for path in ["nowhere/story.json", "Cargo.toml/story.json", "src"] {
        assert!(record(path).starts_with(&beginning(path)), "{}", record(path));
    }
    assert!(record("nowhere/story.json").ends_with("no such file or directory"));
    assert!(record("src").ends_with("it is a folder"));
    if cfg!(target_os = "linux") {
        // Nobody can make a file there, not even root.
        assert!(record("/proc/story.json").starts_with(&beginning("/proc/story.json")));
    }
}

/// A shell in which every file that grows beyond a block is refused, as on a full disk.
#[cfg(unix)]
#[test]
fn a_record_that_does_not_fit_leaves_the_story_and_the_older_record() {
    let path = folder("full").join("story.json");
    let older = "{\"format\":1,\"prompt\":\"older\"}";
    fs::write(&path, older).unwrap();
    let script = "ulimit -f 1; exec \"$0\" write Once --tokens 200 --seed 1 --record \"$1\"";
    let output = shell(script, [&path]).ended();
    let said = refusal(&output, 1);
    assert_eq!(said, format!("error: cannot write the record `{}`: file too large", path.display()));
    assert!(output.stdout.starts_with(b"Once") && output.stdout.len() > 100);
    assert_eq!(fs::read_to_string(&path).unwrap(), older);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_takes_nothing_is_an_error() {
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let said = "error: cannot write to standard output: no space left on device";
    for args in [&["write", "Once", "--tokens", "3"][..], &["presets", "list"], &["presets", "show", "wave"], &["--version"]] {
        assert_eq!(refusal(&afterword(args).stdout(full()).ended(), 1), said, "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_is_written_to_and_not_replaced() {
    // Through a link: should the law ever break, it breaks the link and not the machine.
    let link = folder("device").join("full");
    std::os::unix::fs::symlink("/dev/full", &link).unwrap();
    let output = afterword(["write", "Once", "--tokens", "3", "--record"]).arg(&link).ended();
    let said = refusal(&output, 1);
    assert_eq!(said, format!("error: cannot write the record `{}`: no space left on device", link.display()));
    assert!(link.symlink_metadata().unwrap().is_symlink() && output.stdout.starts_with(b"Once"));
}

/// When the output fails in the middle of a story, the record holds what was told and why it is not more.
#[cfg(unix)]
#[test]
fn a_story_that_breaks_off_is_recorded() {
    let folder = folder("broken");
    let (out, path) = (folder.join("story.txt"), folder.join("story.json"));
    // The prompt fits into the one block that the file may have, the story does not. The record must fit nowhere then, so it
    // goes into a pipe, which has no such limit.
    let script = "trap '' XFSZ; mkfifo \"$1\"; cat \"$1\" > \"$3\" & ulimit -f 1; \"$0\" write Once --tokens 900 --seed 1 \
                  --preset temperature --record \"$1\" > \"$2\"; code=$?; wait; exit $code";
    let output = shell(script, [&folder.join("pipe"), &out, &path]).ended();
    let said = refusal(&output, 1);
    assert_eq!(said, "error: the story broke off: cannot write to standard output: file too large");
    let record: afterword::story::Record = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let cause = "cannot write to standard output: file too large".to_owned();
    assert_eq!(record.stop, afterword::story::StopReason::Failed(cause));
    assert!(format!("Once{}", record.text).starts_with(&fs::read_to_string(out).unwrap()));
    assert!(record.tokens.len() > 50);
}
