//! The README is run: what it types succeeds, and what it shows is shown, where time does not decide it.

use std::path::Path;
use std::process::Output;

use snapbox::{Assert, IntoData};

use crate::stability::computes_as_recorded;
use crate::support::{Ends, ROOT, afterword, err, folder, out, shell};

fn readme() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap()
}

/// Blocks between fences, and the prose around them.
fn parts() -> (Vec<String>, String) {
    let (mut blocks, mut prose) = (Vec::new(), String::new());
    for (at, part) in readme().split("```").enumerate() {
        if at % 2 == 0 { prose.push_str(part) } else { blocks.push(part.split_once('\n').unwrap().1.to_owned()) }
    }
    (blocks, prose)
}

/// Types a line in this folder, where `afterword` is the program.
fn typed(line: &str, place: &Path) -> Output {
    shell(&format!("afterword() {{ \"$0\" \"$@\"; }}; {line}"), [""; 0]).current_dir(place).ended()
}

/// What is shown, with a wildcard for all that time decides.
fn timeless(line: &str, shown: &str) -> String {
    let measures = line.starts_with("afterword bench");
    let mask = |line: &str| match line.split_whitespace().next() {
        Some(first) if measures => format!("[..]{first}[..]\n"),
        Some(_) if line.contains("tokens/s") => "[..]tokens/s[..]\n".to_owned(),
        _ => format!("{line}\n"),
    };
    shown.lines().map(mask).collect()
}

#[test]
fn what_is_typed_and_shown_is_shown() {
    let place = folder("sessions");
    let (blocks, _) = parts();
    let sessions: Vec<(&str, &str)> = blocks.iter().filter_map(|block| block.strip_prefix("$ ")?.split_once('\n')).collect();
    assert!(sessions.len() >= 3, "{sessions:?}");
    for (line, shown) in sessions {
        // A measurement takes its time, and what is measured is not looked at.
        let more = if line.starts_with("afterword bench") { " --runs 1 --tokens 8" } else { "" };
        let output = typed(&format!("{line}{more}"), &place);
        assert_eq!(output.status.code(), Some(0), "{line}: {}", err(&output));
        if computes_as_recorded() {
            Assert::new().eq(out(&output), timeless(line, shown).into_data());
        }
    }
}

#[test]
fn what_is_typed_in_passing_succeeds() {
    let place = folder("passing");
    std::fs::create_dir_all(place.join(".github/pictures")).unwrap();
    std::fs::write(place.join("chapter.md"), "Once upon a time").unwrap();
    std::fs::write(place.join("prompts.txt"), "Once upon a time\n").unwrap();
    typed("afterword write Once --seed 1 --tokens 9 --record story.json", &place);
    let (_, prose) = parts();
    let prose = prose.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = prose.split('`').skip(1).step_by(2).filter(|code| code.starts_with("afterword "));
    let mut count = 0;
    for line in lines {
        // What stands for something else cannot be typed, and a measurement of minutes is none of this test's.
        let stands_for = |word: &str| word.contains('…') || word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase());
        if line.split(' ').any(stands_for) || line.starts_with("afterword bench") {
            continue;
        }
        // A command by itself is a name.
        let named = line.split(' ').count() == 2 && line != "afterword doctor";
        let output = typed(&format!("{line}{}", if named { " --help" } else { "" }), &place);
        // A picture needs a font.
        assert!(output.status.success() || err(&output).contains("no font"), "{line}: {}", err(&output));
        count += 1;
    }
    assert!(count >= 6, "only {count} were found");
}

#[test]
fn every_command_of_its_list_is_there() {
    let (blocks, _) = parts();
    let list = blocks.iter().find(|block| block.starts_with("afterword write PROMPT")).unwrap();
    for line in list.lines() {
        let command = line.split_whitespace().nth(1).unwrap();
        afterword([command, "--help"]).done();
    }
}
