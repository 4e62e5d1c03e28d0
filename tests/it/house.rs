//! The house as it is described in `src/architecture.md`: this test reads `src/` and holds its invariants.
//!
//! Each file is taken apart as Rust does it, without its comments and its tests; what it names is then found among its tokens, so
//! that what stands within macros counts as well.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// The floor of every module. A module names only what lies below it.
const FLOORS: [(&str, u32); 24] = [
    ("bans", 1),
    ("files", 1),
    ("prob", 1),
    ("text", 1),
    ("chat", 2),
    ("gguf", 2),
    ("model", 2),
    ("sampler", 2),
    ("story", 3),
    ("preset", 3),
    ("manuscript", 3),
    ("llama", 3),
    ("decode", 4),
    ("catalog", 4),
    ("engine", 5),
    ("batch", 6),
    ("hub", 6),
    ("report", 6),
    ("bench", 6),
    ("eval", 6),
    ("explore", 6),
    ("judging", 6),
    ("serve", 6),
    ("cli", 7),
];

/// The steps along a floor.
const NEIGHBOURS: [(&str, &str); 5] =
    [("sampler", "model"), ("report", "eval"), ("judging", "eval"), ("serve", "report"), ("explore", "report")];

/// What stands nowhere.
const NOWHERE: [&str; 3] = ["todo !", "unimplemented !", "dbg !"];

/// What only `llama` does.
const FOREIGN: [&str; 3] = ["llama_cpp_2", "llama_cpp_sys_2", "unsafe"];

/// What only `cli` does: print, end the process, read the clock and the environment, take arguments and draw bars.
const EDGE: [&str; 11] = [
    "println !",
    "eprintln !",
    "print !",
    "eprint !",
    "exit (",
    "std :: env",
    "env ::",
    "Instant :: now",
    "SystemTime",
    "clap",
    "indicatif",
];

/// The lines of code that a file may have: one that grows beyond has found its second subject.
const CHAPTER: usize = 400;

/// The lines that a function may have, from its name to its last brace.
const PARAGRAPH: usize = 60;

/// Files below `cli` whose texts hold what looks like an option of a command line. The list only shrinks.
const OPTIONS: [&str; 3] = [
    // Its options are those of other programs.
    "preset/import/command.rs",
    // What other programs' settings are called here: a comment in the preset that is written.
    "preset/import/rest.rs",
    // Its dashes are of style sheets.
    "report/page.rs",
];

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
        let module = module(&path);
        let known = FLOORS.iter().any(|(name, _)| *name == module) || ["lib", "main"].contains(&module.as_str());
        assert!(known, "`{module}` has no floor");
        let code = text.split("#[cfg(test)]").next().unwrap().lines().count();
        assert!(code <= CHAPTER, "`{}` has {code} lines of code: it has found its second subject", path.display());
        assert!(text.starts_with("//! "), "`{}` does not say what it is", path.display());
    }
}

#[test]
fn the_page_of_the_architecture_names_every_module_on_its_floor() {
    let page = fs::read_to_string("src/architecture.md").unwrap();
    for (module, floor) in FLOORS {
        let row = page.lines().find(|line| line.starts_with(&format!("| {floor} | "))).unwrap_or_default();
        let named = row.contains(&format!("[`{module}`]")) || row.contains(&format!("[`mod@{module}`]"));
        assert!(named, "`{module}` is not on floor {floor}");
    }
}

#[test]
fn a_function_is_a_paragraph() {
    let files = sources(Path::new("src"));
    let long =
        files.iter().flat_map(|(path, text)| long_functions(text).into_iter().map(|name| format!("{}::{name}", module(path))));
    assert_eq!(long.collect::<Vec<_>>(), Vec::<String>::new(), "of more than {PARAGRAPH} lines");
}

#[test]
fn only_the_command_line_names_its_options() {
    let below = |path: &&(PathBuf, String)| !path.0.starts_with("src/cli") && !is_of_tests(&path.0);
    let files = sources(Path::new("src"));
    let naming = files.iter().filter(below).filter(|(_, text)| names_an_option(text));
    let naming = naming.map(|(path, _)| parts(path).join("/") + ".rs").collect();
    assert_eq!(beyond(&OPTIONS, naming), Vec::<String>::new(), "name an option of the command line");
}

#[test]
fn a_planted_breach_is_found() {
    let breaks = |path: &str, text: &str| breaches(Path::new(path), text).join("\n");
    for (path, text, what) in [
        ("src/prob/x.rs", "use crate::model::Token;", "names `model`"),
        ("src/prob/x.rs", "use super::super::{cli, prob::Noise};", "names `cli`"),
        ("src/prob/mod.rs", "use super::model;", "names `model`"),
        ("src/prob/x.rs", "fn f(token: crate::model::Token) {}", "names `model`"),
        ("src/model/seam.rs", "use crate::{prob::{Noise, Token}, sampler::Draw};", "names `sampler`"),
        ("src/story/record.rs", "fn f() { crate::preset::find() }", "names `preset`"),
        ("src/preset/find.rs", "use crate::llama;", "names `llama`"),
        ("src/decode/mod.rs", "pub use crate::cli::run;", "names `cli`"),
        ("src/decode/round.rs", "use llama_cpp_2::model;", "llama_cpp_2"),
        ("src/cli/mod.rs", "fn f() { llama_cpp_sys_2::f() }", "llama_cpp_sys_2"),
        ("src/cli/mod.rs", "fn f() { unsafe { f() } }", "unsafe"),
        ("src/story/mod.rs", "fn f() { println!(\"{x}\"); }", "println!"),
        ("src/story/mod.rs", "fn f() { assert!(g(), \"{}\", { println!(); 1 }); }", "println!"),
        ("src/decode/round.rs", "fn f() { let now = std::time::Instant::now(); }", "Instant::now"),
        ("src/preset/find.rs", "fn f() { std::env::var(\"HOME\") }", "std::env"),
        ("src/preset/find.rs", "use std::env;", "std::env"),
        ("src/llama/mod.rs", "fn f() { std::process::exit(1) }", "exit("),
        ("src/batch/mod.rs", "use clap::Parser;", "clap"),
        ("src/bench/mod.rs", "fn f(bar: &indicatif::ProgressBar) {}", "indicatif"),
        ("src/cli/mod.rs", "fn f() { todo!() }", "todo!"),
        ("src/cli/mod.rs", "fn f() { dbg!(x) }", "dbg!"),
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
        ("src/sampler/turn.rs", "use crate::model::Vocabulary;\nuse super::draw::{Draw, self};\nuse crate::prob;"),
        ("src/model/toy.rs", "use super::super::prob::Token; // not crate::cli"),
        ("src/prob/mod.rs", "//! What `crate::cli` does, unsafe or not: println!\npub use noise::Noise;"),
        (
            "src/prob/x.rs",
            "use super::noise;\n#[cfg(test)]\nmod tests {\n    fn f() { println!(\"}\"); crate::cli::run(); }\n}",
        ),
        ("src/llama/mod.rs", "fn f() { unsafe { llama_cpp_sys_2::f() } }"),
        ("src/cli/mod.rs", "fn f() { println!(); std::process::exit(1) }"),
        (
            "src/story/record.rs",
            "fn f() { env!(\"CARGO_PKG_VERSION\"); let unsafe_code = \"todo!\"; blueprint!(); a != b; $crate::cli }",
        ),
    ] {
        assert_eq!(breaches(Path::new(path), text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn long_functions_and_options_are_found_where_they_are() {
    let body = "    f();\n".repeat(PARAGRAPH - 1);
    let text =
        format!("/// Long\n/// words.\nfn fits() {{\n{}}}\nimpl<T> Held<T> {{ fn long(&self) {{\n{body}}} }}\n", &body[9..]);
    let tests = format!("#[cfg(test)]\nmod tests {{ fn longer() {{\n{body}\n}} }}");
    assert_eq!(long_functions(&(text + &tests)), ["Held::long"]);
    assert!(names_an_option("fn f() { bail!(\"{x} \\n`--seed` is taken\") }"));
    assert!(names_an_option("const OPTION: &str = r#\"--seed\"#;"));
    for other in ["/// `--seed`\nfn f() { g(\"a -- b\", \"---\") }", "#[cfg(test)]\nfn f() { g(\"--seed\") }"] {
        assert!(!names_an_option(other), "{other}");
    }
    assert_eq!(beyond(&["a", "b"], vec!["b".into(), "c".into()]), ["c", "`a` is none any more: take it off the list"]);
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

/// The way to a file from `src`, without its ending.
fn parts(path: &Path) -> Vec<&str> {
    path.iter().skip(1).map(|part| part.to_str().unwrap().trim_end_matches(".rs")).collect()
}

/// The module of the house that a file is of.
fn module(path: &Path) -> String {
    parts(path)[0].to_owned()
}

/// Whether a whole file is compiled for tests only.
fn is_of_tests(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs")
}

/// What is found and not listed, and what is listed and not found.
fn beyond(listed: &[&str], mut found: Vec<String>) -> Vec<String> {
    found.sort();
    let gone = listed.iter().filter(|name| !found.iter().any(|found| found == *name));
    let gone: Vec<String> = gone.map(|name| format!("`{name}` is none any more: take it off the list")).collect();
    found.retain(|name| !listed.contains(&name.as_str()));
    found.into_iter().chain(gone).collect()
}

/// What a file does that its module must not, each as one line.
fn breaches(path: &Path, text: &str) -> Vec<String> {
    let parts = parts(path);
    let module = parts[0];
    let code = code(text);
    let floor = |module: &str| FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor);
    let own = floor(module);

    let mut forbidden = NOWHERE.to_vec();
    if module != "llama" {
        forbidden.extend(FOREIGN);
    }
    if own.is_some() && module != "cli" {
        forbidden.extend(EDGE);
    }
    let (mut held, mut named) = (Vec::new(), Vec::new());
    walk(&code, &mut |tokens, at| {
        held.extend(forbidden.iter().copied().find(|words| begins(&tokens[at..], words)));
        named.extend(modules(tokens, at, &parts));
    });
    // `std::env::var` is told once.
    let of_std = held.contains(&"std :: env");
    held.retain(|words| !of_std || *words != "env ::");
    let held = once(held).into_iter().map(|words| format!("`{}` holds `{}`", path.display(), words.replace(' ', "")));
    let above = |other: &String| {
        let beside = NEIGHBOURS.contains(&(module, other));
        other != module && !beside && own.is_some_and(|own| floor(other).is_some_and(|floor| floor >= own))
    };
    let named = once(named).into_iter().filter(above);
    let named = named.map(|other| format!("`{}` names `{other}`, which does not lie below `{module}`", path.display()));
    held.chain(named).collect()
}

fn once<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all.dedup();
    all
}

/// The tokens of a file without its comments and without what is compiled for tests only.
fn code(text: &str) -> Vec<TokenTree> {
    shipped(text.parse::<TokenStream>().unwrap_or_else(|error| panic!("{error}: {text}")))
}

fn shipped(stream: TokenStream) -> Vec<TokenTree> {
    let mut tokens = stream.into_iter().peekable();
    let mut kept = Vec::new();
    while let Some(token) = tokens.next() {
        let bang = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '!');
        if let (TokenTree::Punct(hash), Some(next)) = (&token, tokens.peek())
            && hash.as_char() == '#'
        {
            let inner = bang(next).then(|| tokens.next()).flatten();
            let Some(TokenTree::Group(attribute)) = tokens.peek() else { panic!("`#` begins an attribute") };
            let said = attribute.stream().to_string().replace(' ', "");
            let (comment, tests) =
                (said.starts_with("doc="), said.starts_with("cfg(") && said.contains("test") && !said.contains("not("));
            if comment || tests {
                tokens.next();
            } else {
                kept.push(token);
                kept.extend(inner);
            }
            if tests {
                // The item ends with its body, or with a semicolon.
                let ends = |token: &TokenTree| match token {
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                    TokenTree::Punct(punct) => punct.as_char() == ';',
                    _ => false,
                };
                tokens.by_ref().find(ends);
            }
            continue;
        }
        kept.push(match token {
            TokenTree::Group(group) => {
                let mut inside = proc_macro2::Group::new(group.delimiter(), shipped(group.stream()).into_iter().collect());
                inside.set_span(group.span());
                inside.into()
            }
            token => token,
        });
    }
    kept
}

/// Visits every place of the tokens, and those within their groups.
fn walk(tokens: &[TokenTree], visit: &mut dyn FnMut(&[TokenTree], usize)) {
    for (at, token) in tokens.iter().enumerate() {
        visit(tokens, at);
        if let TokenTree::Group(group) = token {
            walk(&group.stream().into_iter().collect::<Vec<_>>(), visit);
        }
    }
}

/// Whether the tokens begin with these words: names, and `!`, `::` or an open parenthesis.
fn begins(tokens: &[TokenTree], words: &str) -> bool {
    let mut tokens = tokens.iter();
    words.split(' ').all(|word| match word {
        "::" => (0..2).all(|_| tokens.next().is_some_and(|token| is_punct(token, ':'))),
        // `a != b` is no macro.
        "!" => tokens.next().is_some_and(|token| is_punct(token, '!')) && tokens.next().is_some_and(is_group),
        "(" => tokens.next().is_some_and(is_group),
        name => tokens.next().is_some_and(|token| matches!(token, TokenTree::Ident(ident) if ident == name)),
    })
}

fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

fn is_group(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(_))
}

/// The modules of the house that a path names which begins here, at `crate` or upwards by `super`. `parts` is the way to the file.
fn modules(tokens: &[TokenTree], at: usize, parts: &[&str]) -> Vec<String> {
    // `super` in `prob/noise.rs` is `prob`, in `prob/mod.rs` and `prob.rs` it is the crate.
    let depth = parts.len() - usize::from(parts.last() == Some(&"mod"));
    let upwards = format!("{} ::", vec!["super"; depth].join(" :: "));
    let begun = ["crate ::", &upwards].into_iter().find(|start| begins(&tokens[at..], start));
    // `$crate::` and `other::super::` are other paths, and a longer row of `super::` leaves the crate.
    let behind = |count: usize, char| at >= count && tokens[at - count..at].iter().all(|token| is_punct(token, char));
    let goes_on = behind(2, ':') || behind(1, '$');
    let Some(start) = begun.filter(|_| !goes_on) else { return Vec::new() };
    heads(&tokens[at + start.split(' ').map(|word| if word == "::" { 2 } else { 1 }).sum::<usize>()..])
}

/// The first names of a path or of a group of paths: of `{a::{b, c}, d as e}` `a` and `d`.
fn heads(path: &[TokenTree]) -> Vec<String> {
    match path.first() {
        Some(TokenTree::Ident(name)) => vec![name.to_string()],
        Some(TokenTree::Group(group)) => {
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            inside.split(|token| is_punct(token, ',')).filter_map(|path| path.first()).map(ToString::to_string).collect()
        }
        _ => Vec::new(),
    }
}

/// The functions of a file that are longer than a paragraph, with the type that they are of.
fn long_functions(text: &str) -> Vec<String> {
    let file: syn::File = syn::parse2(code(text).into_iter().collect()).unwrap();
    let mut reader = Functions::default();
    reader.visit_file(&file);
    reader.long
}

#[derive(Default)]
struct Functions {
    of: String,
    long: Vec<String>,
}

impl Functions {
    fn read(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let lines = body.brace_token.span.close().end().line - signature.ident.span().start().line + 1;
        if lines > PARAGRAPH {
            self.long.push(format!("{}{}", self.of, signature.ident));
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.read(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let syn::Type::Path(path) = &*item.self_ty {
            self.of = path.path.segments.last().map(|last| format!("{}::", last.ident)).unwrap_or_default();
        }
        visit::visit_item_impl(self, item);
        self.of.clear();
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.read(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.read(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

/// Whether a text of the file holds an option of a command line: two dashes before a letter.
fn names_an_option(text: &str) -> bool {
    let mut found = false;
    walk(&code(text), &mut |tokens, at| {
        let TokenTree::Literal(literal) = &tokens[at] else { return };
        let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else { return };
        let text = text.value();
        found |= text.match_indices("--").any(|(at, _)| text[at + 2..].starts_with(|c: char| c.is_ascii_lowercase()));
    });
    found
}
