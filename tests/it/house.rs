//! The house as it is described in `lib.rs`: this test reads `src/` and holds its invariants.
//!
//! It reads words, not types: comments, strings and tests are taken out first, then paths that begin at `crate` or `super`
//! are followed to the module that they name.

use std::fs;
use std::path::{Path, PathBuf};

/// The floor of every module. A module names only what lies below it.
const FLOORS: [(&str, u32); 16] = [
    ("files", 1),
    ("prob", 1),
    ("text", 1),
    ("chat", 2),
    ("gguf", 2),
    ("model", 2),
    ("sampler", 2),
    ("story", 3),
    ("preset", 3),
    ("llama", 3),
    ("decode", 4),
    ("catalog", 5),
    ("batch", 5),
    ("report", 5),
    ("bench", 6),
    ("cli", 7),
];

/// The one step along a floor.
const NEIGHBOURS: [(&str, &str); 1] = [("sampler", "model")];

/// What only `cli` does: print, end the process, read the clock and the environment.
const EDGE: [&str; 10] = [
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "exit(",
    "std::env::",
    "env::var",
    "env::args",
    "Instant::now",
    "SystemTime",
];

/// What stands nowhere.
const NOWHERE: [&str; 3] = ["todo!", "unimplemented!", "dbg!"];

#[test]
fn the_house_keeps_its_invariants() {
    let files = sources(Path::new("src"));
    assert!(files.len() > 40, "only {} files were read", files.len());
    let breaches: Vec<String> = files.iter().flat_map(|(path, text)| breaches(path, text)).collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn every_module_has_its_floor_and_every_file_is_a_chapter() {
    for (path, text) in sources(Path::new("src")) {
        let module = path.iter().nth(1).unwrap().to_str().unwrap().trim_end_matches(".rs");
        let known = FLOORS.iter().any(|(name, _)| *name == module) || ["lib", "main"].contains(&module);
        assert!(known, "`{module}` has no floor");
        let code = text.split("#[cfg(test)]").next().unwrap().lines().count();
        assert!(code <= 400, "`{}` has {code} lines of code: it has found its second subject", path.display());
        assert!(text.starts_with("//! "), "`{}` does not say what it is", path.display());
    }
}

#[test]
fn a_planted_breach_is_found() {
    let breaks = |path: &str, text: &str| breaches(Path::new(path), text).join("\n");
    for (path, text, what) in [
        ("src/prob/x.rs", "use crate::model::Token;", "names `model`"),
        ("src/prob/x.rs", "use super::super::{cli, prob::Noise};", "names `cli`"),
        ("src/prob/mod.rs", "use super::model;", "names `model`"),
        ("src/model/seam.rs", "use crate::{prob::{Noise, Token}, sampler::Draw};", "names `sampler`"),
        ("src/story/record.rs", "fn f() { crate::preset::find() }", "names `preset`"),
        ("src/preset/find.rs", "use crate::llama;", "names `llama`"),
        ("src/decode/mod.rs", "pub use crate::cli::run;", "names `cli`"),
        ("src/decode/round.rs", "use llama_cpp_2::model;", "llama_cpp_2"),
        ("src/cli/mod.rs", "llama_cpp_sys_2::f()", "llama_cpp_sys_2"),
        ("src/cli/mod.rs", "unsafe { f() }", "unsafe"),
        ("src/story/mod.rs", "println!(\"{x}\");", "println!"),
        ("src/decode/round.rs", "let now = std::time::Instant::now();", "Instant::now"),
        ("src/preset/find.rs", "use std::env;\nfn f() { env::var(\"HOME\") }", "env::var"),
        ("src/llama/mod.rs", "std::process::exit(1)", "exit("),
        ("src/cli/mod.rs", "todo!()", "todo!"),
        ("src/cli/mod.rs", "dbg!(x)", "dbg!"),
        // What stands after a module of tests is read as well.
        ("src/prob/x.rs", "#[cfg(test)]\nmod tests {\n    use crate::cli;\n}\nuse crate::cli;", "names `cli`"),
    ] {
        let found = breaks(path, text);
        assert!(found.contains(what), "{path}: {text}: {found:?}");
        assert_eq!(found.lines().count(), 1, "{found}");
    }
}

#[test]
fn what_is_allowed_is_no_breach() {
    for (path, text) in [
        ("src/sampler/turn.rs", "use crate::model::Lexicon;\nuse super::draw::{Draw, self};\nuse crate::prob;"),
        ("src/model/toy.rs", "use super::super::prob::Token; // not crate::cli"),
        ("src/prob/mod.rs", "//! What `crate::cli` does, unsafe or not: println!\npub use noise::Noise;"),
        (
            "src/prob/x.rs",
            "use super::noise;\n#[cfg(test)]\nmod tests {\n    fn f() { println!(\"}\"); crate::cli::run(); }\n}",
        ),
        ("src/llama/mod.rs", "unsafe { llama_cpp_sys_2::f() }"),
        ("src/cli/mod.rs", "println!(); std::process::exit(1)"),
        ("src/story/record.rs", "env!(\"CARGO_PKG_VERSION\"); let unsafe_code = \"todo!\"; blueprint!()"),
    ] {
        assert_eq!(breaches(Path::new(path), text), Vec::<String>::new(), "{text}");
    }
}

/// Every file below a folder with its text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
    files
}

/// What a file does that its module must not, each as one line.
fn breaches(path: &Path, text: &str) -> Vec<String> {
    let parts: Vec<&str> = path.iter().skip(1).map(|part| part.to_str().unwrap().trim_end_matches(".rs")).collect();
    let module = parts[0];
    let code = without_tests(&bare(text));
    let mut found = Vec::new();
    let mut forbid = |what: &str| found.push(format!("`{}` holds `{what}`", path.display()));

    let holds = |word: &&&str| holds(&code, word);
    NOWHERE.iter().filter(holds).for_each(|word| forbid(word));
    if module != "llama" {
        ["llama_cpp_2", "llama_cpp_sys_2", "unsafe"].iter().filter(holds).for_each(|word| forbid(word));
    }
    let floor = |module: &str| FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor);
    let Some(own) = floor(module) else { return found };
    if module != "cli" {
        // One breach is told once: `std::env::var` is both of these.
        let edges: Vec<&str> = EDGE.iter().filter(holds).copied().collect();
        edges.iter().filter(|word| !(word.starts_with("env::") && edges.contains(&"std::env::"))).for_each(|word| forbid(word));
    }
    let mut named = named(&code, &parts);
    named.sort();
    named.dedup();
    for other in named.iter().filter(|other| *other != module) {
        let beside = NEIGHBOURS.contains(&(module, other));
        if floor(other).is_some_and(|floor| floor >= own && !beside) {
            found.push(format!("`{}` names `{other}`, which does not lie below `{module}`", path.display()));
        }
    }
    found
}

/// Whether a word stands in the code, and not as the end or the beginning of a longer one.
fn holds(code: &str, word: &str) -> bool {
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let open_end = word.ends_with(|c: char| !c.is_alphanumeric());
    code.match_indices(word)
        .any(|(at, _)| !joins(code[..at].chars().next_back()) && (open_end || !joins(code[at + word.len()..].chars().next())))
}

/// The modules of the house that paths from `crate` or upwards by `super` name. `parts` is the way to the file.
fn named(code: &str, parts: &[&str]) -> Vec<String> {
    // `super` in `prob/noise.rs` is `prob`, in `prob/mod.rs` and `prob.rs` it is the crate.
    let depth = parts.len() - usize::from(parts.last() == Some(&"mod"));
    let root = "super::".repeat(depth);
    let mut found = Vec::new();
    for start in ["crate::", root.as_str()] {
        for (at, _) in code.match_indices(start) {
            let before = &code[..at];
            // `$crate::` and `other_crate::` are other words, and a longer row of `super::` leaves the crate.
            if before.ends_with(|c: char| c.is_alphanumeric() || "_$:".contains(c)) {
                continue;
            }
            found.extend(heads(&code[at + start.len()..]));
        }
    }
    found
}

/// The first names of a path or of a group of paths: of `{a::{b, c}, d as e}` `a` and `d`.
fn heads(path: &str) -> Vec<String> {
    let name = |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut depth, mut begins, mut found) = (1, true, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' => begins = depth == 1,
            c if c.is_whitespace() => {}
            _ if begins => {
                found.push(name(&group[at..]));
                begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// The code without comments, and with empty strings and characters.
fn bare(text: &str) -> String {
    let (mut code, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        let raw = rest.strip_prefix('r').map(|text| text.trim_start_matches('#')).filter(|text| text.starts_with('"'));
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let (Some(text), false) = (raw, code.ends_with(|c: char| c.is_alphanumeric() || c == '_')) {
            let hashes = rest.len() - 1 - text.len();
            let end = format!("\"{}", "#".repeat(hashes));
            rest = text[1..].split_once(end.as_str()).map_or("", |(_, after)| after);
            code.push_str("\"\"");
        } else if c == '"' {
            rest = &rest[1 + quoted(&rest[1..], '"')..];
            code.push_str("\"\"");
        } else if let Some(length) = character(rest) {
            rest = &rest[length..];
            code.push_str("''");
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

/// The length of a quoted text with its end.
fn quoted(text: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == end => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal, if one stands here and not a lifetime.
fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let first = inside.chars().next()?;
    if first == '\\' {
        return Some(1 + quoted(inside, '\''));
    }
    inside[first.len_utf8()..].starts_with('\'').then(|| 2 + first.len_utf8())
}

/// Bare code without its modules of tests.
fn without_tests(code: &str) -> String {
    let (mut kept, mut rest) = (String::new(), code);
    while let Some((before, tests)) = rest.split_once("#[cfg(test)]") {
        kept.push_str(before);
        let body = tests.find('{').unwrap_or(tests.len());
        let mut depth = 0;
        let end = tests[body..].char_indices().find(|(_, c)| {
            depth += i32::from(*c == '{') - i32::from(*c == '}');
            depth == 0
        });
        rest = end.map_or("", |(at, _)| &tests[body + at + 1..]);
    }
    kept + rest
}
