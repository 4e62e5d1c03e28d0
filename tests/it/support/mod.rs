//! What tests share: one way each to call the program, to read what it said, and to have a place of one's own.

pub mod gguf;
#[cfg(feature = "serve")]
pub mod http;
#[cfg(feature = "cli")]
mod program;
// Without a backend nothing that takes its time is seen.
#[cfg(all(feature = "cli", unix))]
#[cfg_attr(not(feature = "llama"), allow(dead_code))]
pub mod pty;
#[cfg(feature = "hub")]
pub mod server;

use std::panic::Location;
use std::path::{Path, PathBuf};

#[cfg(feature = "cli")]
pub use program::*;
use snapbox::IntoData;

/// The folder of the repository, where every command begins.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The model that comes with the program.
pub const BUNDLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/fable-3m-q8_0.gguf");

/// What a file of JSON holds: a record, or any value.
pub fn read_json<T: serde::de::DeserializeOwned>(path: impl AsRef<Path>) -> T {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The files of the shipped presets, by name.
pub fn shipped() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(ROOT).join("configs")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

/// Holds a text against the file that keeps it, and shows where they part. With `SNAPSHOTS=overwrite` the file is written anew, to
/// be read before it is committed.
pub fn kept(text: String, file: &Path) -> Result<(), String> {
    let assert = snapbox::Assert::new().action_env(snapbox::assert::DEFAULT_ACTION_ENV);
    let expected = snapbox::Data::read_from(file, None).raw();
    assert.try_eq(Some(&file.display()), text.into_data(), expected).map_err(|error| error.to_string())
}

/// A place of this name where nothing is, which no other file of tests uses.
#[track_caller]
pub fn nowhere(name: &str) -> PathBuf {
    let tests = Path::new(Location::caller().file()).file_stem().unwrap();
    let room = Path::new(env!("CARGO_TARGET_TMPDIR")).join(tests);
    std::fs::create_dir_all(&room).unwrap();
    let path = room.join(name);
    let _ = std::fs::remove_dir_all(&path);
    let _ = std::fs::remove_file(&path);
    path
}

/// A fresh folder of this name, which no other file of tests uses.
#[track_caller]
pub fn folder(name: &str) -> PathBuf {
    let folder = nowhere(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
