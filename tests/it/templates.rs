//! Chat templates render here as in Python's Jinja2: `tests/templates/*.txt` are what it made of the templates beside them
//! (`record.py` there writes them anew).

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use afterword::chat::{Conversation, InProcess, Template};
use chrono::NaiveDate;

const SYSTEM: &str = "You are a storyteller.\nBe brief.";
const REQUEST: &str = "  Tell of the sea & a \"wolf\", 狼.\n";

/// All conversations in the form of the recorded ones.
fn rendered(template: &Template) -> String {
    let now = NaiveDate::from_ymd_opt(2026, 3, 7).unwrap().and_hms_opt(14, 5, 9).unwrap();
    let mut results = String::new();
    for (system, what) in [(None, "request"), (Some(SYSTEM), "system and request")] {
        for (think, thinking) in [(false, "no thinking"), (true, "thinking")] {
            let asked = Conversation { system, request: REQUEST, think, bos: "<s>", eos: "</s>", now };
            let text = template.render(&asked).unwrap_or_else(|error| {
                let reason = error.to_string();
                format!("refused: {}", reason.split('`').nth(1).unwrap_or(&reason))
            });
            writeln!(results, "=== {what}, {thinking}\n{text}").unwrap();
        }
    }
    results
}

#[test]
fn every_template_renders_as_in_python() {
    let mut templates: Vec<_> =
        fs::read_dir(Path::new("tests/templates")).unwrap().map(|entry| entry.unwrap().path()).collect();
    templates.retain(|path| path.extension().is_some_and(|extension| extension == "jinja"));
    assert!(templates.len() >= 12);
    let mut differing = Vec::new();
    for path in templates {
        let recorded = fs::read_to_string(path.with_extension("txt")).unwrap();
        let source = fs::read_to_string(&path).unwrap();
        let rendered = rendered(&Template::new(&source, Arc::new(InProcess)));
        let differs = |(ours, theirs): &(&str, &str)| ours != theirs;
        if rendered != recorded {
            let line = rendered.lines().zip(recorded.lines()).find(differs);
            differing.push(format!("{}: {line:#?}", path.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
