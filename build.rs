//! Embeds the shipped presets, and writes down what this build is made of: the commit, the bindings, the flags.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(variable("OUT_DIR"));
    println!("cargo::rerun-if-changed=build.rs");
    embed(&root.join("configs"), &out.join("presets.rs"));
    embed(&root.join("configs/bans"), &out.join("bans.rs"));
    record("COMMIT", &commit(&root));
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
    record("LLAMA_CPP_2", locked(&lock, "llama-cpp-2"));
    record("LLAMA_SYS", locked(&lock, "llama-cpp-sys-2"));
    record("FEATURES", &features());
    record("TARGET", &variable("TARGET"));
    record("PROFILE", &variable("PROFILE"));
    // Cargo divides the flags by the unit separator, because a flag may hold a space.
    record("RUSTFLAGS", &variable("CARGO_ENCODED_RUSTFLAGS").replace('\u{1f}', " "));
}

/// Writes a slice of (name, text) of the files of a folder, sorted by name, for `preset` to include.
fn embed(folder: &Path, to: &Path) {
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot read `{}`: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort_by(|one, other| one.file_stem().cmp(&other.file_stem()));
    let mut code = String::from("&[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let _ = writeln!(code, "    ({name:?}, include_str!({:?})),", file.display().to_string());
    }
    code.push_str("]\n");
    fs::write(to, code).unwrap_or_else(|error| panic!("cannot write `{}`: {error}", to.display()));
}

/// The short name of the commit; "unknown" outside a repository.
///
/// Only a `.git` of our own counts: a source archive that is unpacked inside another repository is not of that one's commit.
fn commit(root: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(root).args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        output.status.success().then_some(text)
    };
    if !root.join(".git").exists() {
        return "unknown".to_owned();
    }
    // A commit changes the log of HEAD, a checkout both; the places differ in a worktree, so git names them.
    for place in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", place]).filter(|path| root.join(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short", "HEAD"]).unwrap_or_else(|| "unknown".to_owned())
}

/// The version of a package in the lock file; "unknown" where it is not locked.
fn locked<'a>(lock: &'a str, package: &str) -> &'a str {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1).and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"')).unwrap_or("unknown")
}

/// The features that are on, in the order of the alphabet, without `default`, which only stands for others.
fn features() -> String {
    let on =
        |(name, _): (String, String)| name.strip_prefix("CARGO_FEATURE_").map(|name| name.to_lowercase().replace('_', "-"));
    let mut features: Vec<String> = env::vars().filter_map(on).filter(|name| name != "default").collect();
    features.sort();
    features.join(" ")
}

/// Hands a fact to the crate, as `env!("AFTERWORD_…")`.
fn record(what: &str, value: &str) {
    println!("cargo::rustc-env=AFTERWORD_{what}={value}");
}

/// What Cargo tells a build script; empty where it says nothing.
fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
