//! The folder in which states of prompts are kept: bounded, and shared by all processes that use it.

use std::fs::{self, File};
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};

use super::file::{About, StateFile};
use crate::decode::PromptState;
use crate::files::{self, Sums, replace_in_cache, tidy, words};

/// How a file's name ends.
const ENDING: &str = ".state";

/// The digits of each half of its name.
const DIGITS: usize = 16;

/// A folder of states, which never takes more of the disk than its limit.
///
/// A file comes under its name whole or not at all, so that several processes may read, write and clear it at once. Where there is
/// no room for a new state, those that were used least recently go.
#[derive(Debug, Clone)]
pub struct StateFolder {
    path: PathBuf,
    limit: u64,
    /// What time it is, since 1970.
    now: Duration,
}

/// A file in the folder.
#[derive(Debug, Clone)]
pub struct KeptState {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// When it was used last, since 1970.
    pub used: Duration,
}

impl KeptState {
    /// What it says of itself.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn head(&self) -> Result<StateFile> {
        Ok(self.open()?.0)
    }

    /// Its state, every byte of it checked.
    ///
    /// # Errors
    /// As [`KeptState::head`].
    pub fn state(&self) -> Result<PromptState> {
        let (head, mut rest) = self.open()?;
        head.read_memory(&mut rest)
    }

    fn open(&self) -> Result<(StateFile, BufReader<File>)> {
        let file = files::open(&self.path)?;
        let size = file.metadata()?.len();
        let mut from = BufReader::new(file);
        Ok((StateFile::read(&mut from, size)?, from))
    }
}

impl StateFolder {
    /// The states in this folder, which is made when there is something to keep; they take `limit` bytes at most. `now` is the time
    /// since 1970, by which states are used.
    #[must_use]
    pub fn new(path: PathBuf, limit: u64, now: Duration) -> Self {
        Self { path, limit, now }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The most bytes that its states may take.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The remembered checksums of models, which states are keyed by.
    #[must_use]
    pub fn sums(&self) -> Sums {
        Sums::new(self.path.join("sums"))
    }

    /// All states, the one that was used last first. Files of other names are none.
    ///
    /// # Errors
    /// The folder cannot be read; one that is not there is empty.
    pub fn all(&self) -> Result<Vec<KeptState>> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| anyhow!(words(&error))).with_context(|| self.named())?,
        };
        let kept = |entry: fs::DirEntry| {
            let (path, facts) = (entry.path(), entry.metadata().ok()?);
            let used = facts.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let is_ours = facts.is_file() && is_name(&entry.file_name().to_string_lossy());
            is_ours.then_some(KeptState { path, size: facts.len(), used })
        };
        let mut all: Vec<KeptState> = entries.flatten().filter_map(kept).collect();
        all.sort_by(|one, other| (other.used, &one.path).cmp(&(one.used, &other.path)));
        Ok(all)
    }

    /// Those of this key, in the same order. Whether they are is still to be asked of their heads.
    ///
    /// # Errors
    /// As [`StateFolder::all`].
    pub fn of(&self, key: &str) -> Result<Vec<KeptState>> {
        let named = |kept: &KeptState| kept.path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start(key)));
        Ok(self.all()?.into_iter().filter(named).collect())
    }

    /// Notes that a state was used now.
    pub fn touch(&self, kept: &KeptState) {
        // Who may not write there finds it used less recently, and nothing else.
        let _ = File::options().append(true).open(&kept.path).and_then(|file| file.set_modified(UNIX_EPOCH + self.now));
    }

    /// Removes a state; one that is gone already is.
    ///
    /// # Errors
    /// Those of the system.
    pub fn remove(&self, kept: &KeptState) -> Result<()> {
        match fs::remove_file(&kept.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(anyhow!(words(&error)).context(self.named())),
            _ => Ok(()),
        }
    }

    /// Keeps a state, and removes those that were used least recently until all are within the limit. Where the memory
    /// `steps_back`, states of the same key whose texts are beginnings of this one go as well.
    ///
    /// # Errors
    /// It is larger than the limit, or cannot be written; then nothing is left of it.
    pub fn keep(&self, about: &About, state: &PromptState, steps_back: bool) -> Result<()> {
        let head = StateFile::of(about.clone(), state);
        let bytes = head.to_bytes()?;
        let size = (bytes.len() + state.memory.len()) as u64;
        let (path, limit) = (self.path.join(name(&head)?), self.limit);
        anyhow::ensure!(size <= limit, "it has {size} bytes, and all that is kept may have {limit}");
        fs::create_dir_all(&self.path).map_err(|error| anyhow!(words(&error))).with_context(|| self.named())?;
        tidy(&self.path);
        let of_this_key = if steps_back { self.of(&about.key)? } else { Vec::new() };
        let is_beginning = |kept: &KeptState| {
            kept.path != path && kept.head().is_ok_and(|kept| kept.about == *about && state.tokens.starts_with(&kept.tokens))
        };
        of_this_key.iter().filter(|kept| is_beginning(kept)).try_for_each(|kept| self.remove(kept))?;
        self.make_room(limit - size, &path)?;
        replace_in_cache(&path, &[&bytes, &state.memory])
            .map_err(|error| anyhow!(words(&error)))
            .with_context(|| self.named())?;
        // Others may have written meanwhile.
        self.make_room(limit.saturating_sub(size), &path)
    }

    /// Removes what was used least recently until the others, this one not counted, have at most so many bytes.
    fn make_room(&self, limit: u64, but: &Path) -> Result<()> {
        let mut taken = 0_u64;
        for kept in self.all()?.into_iter().filter(|kept| kept.path != but) {
            taken = taken.saturating_add(kept.size);
            if taken > limit {
                self.remove(&kept)?;
            }
        }
        Ok(())
    }

    /// Removes all states, and what belongs to them; returns how many there were, and how many bytes they had.
    ///
    /// # Errors
    /// Those of the system.
    pub fn clear(&self) -> Result<(usize, u64)> {
        let all = self.all()?;
        all.iter().try_for_each(|kept| self.remove(kept))?;
        tidy(&self.path);
        self.sums().clear().map_err(|error| anyhow!(words(&error))).with_context(|| self.named())?;
        Ok((all.len(), all.iter().map(|kept| kept.size).sum()))
    }

    fn named(&self) -> String {
        format!("the folder `{}`", self.path.display())
    }
}

/// The name of a file: the beginnings of its key, and of the checksum of its tokens.
fn name(head: &StateFile) -> Result<String> {
    let tokens: Vec<u8> = head.tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
    let sum = files::sha256(&tokens[..])?;
    Ok(format!("{}-{}{ENDING}", start(&head.about.key), start(&sum)))
}

fn start(digits: &str) -> &str {
    digits.get(..DIGITS).unwrap_or(digits)
}

fn is_name(name: &str) -> bool {
    let halves = name.strip_suffix(ENDING).and_then(|name| name.split_once('-'));
    let is_half = |half: &str| half.len() == DIGITS && half.bytes().all(|digit| digit.is_ascii_hexdigit());
    halves.is_some_and(|(key, tokens)| is_half(key) && is_half(tokens))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(key: &str) -> About {
        About { key: key.repeat(32), model: "Toy".to_owned() }
    }

    fn state(tokens: std::ops::Range<u32>) -> PromptState {
        PromptState { tokens: tokens.collect(), row: None, memory: vec![7; 1000] }
    }

    /// The lengths of the texts that are kept, the one that was used last first.
    fn lengths(folder: &StateFolder) -> Vec<usize> {
        folder.all().unwrap().iter().map(|kept| kept.head().unwrap().tokens.len()).collect()
    }

    /// The folder at this second.
    fn at(folder: &StateFolder, seconds: u64) -> StateFolder {
        StateFolder::new(folder.path.clone(), folder.limit, Duration::from_secs(seconds))
    }

    #[test]
    fn what_was_used_least_recently_goes_first_and_all_stays_within_the_limit() {
        let room = tempfile::tempdir().unwrap();
        let folder = StateFolder::new(room.path().join("states"), 5_000, Duration::ZERO);
        assert_eq!(lengths(&folder), Vec::<usize>::new());
        for (second, first) in (1..=6).zip([0, 100, 200, 300, 400, 500]) {
            folder.keep(&about("a1"), &state(first..first + 2 + first / 100), true).unwrap();
            at(&folder, second).touch(&folder.all().unwrap().remove(0));
            // Whoever is asked for stays.
            if let Some(kept) = folder.all().unwrap().into_iter().find(|kept| kept.head().unwrap().tokens.len() == 2) {
                at(&folder, second + 10).touch(&kept);
            }
            assert!(folder.all().unwrap().iter().map(|kept| kept.size).sum::<u64>() <= 5_000);
        }
        let kept = lengths(&folder);
        assert!(kept.contains(&2) && kept.contains(&7) && !kept.contains(&3), "{kept:?}");
        let large = PromptState { memory: vec![7; 6_000], ..state(0..9) };
        let said = folder.keep(&about("a1"), &large, true).unwrap_err().to_string();
        assert!(said.contains("and all that is kept may have 5000"), "{said}");
        assert_eq!(lengths(&folder), kept, "what cannot be kept costs nothing");
        assert_eq!(folder.clear().unwrap().0, kept.len());
        assert_eq!(lengths(&folder), Vec::<usize>::new());
    }

    #[test]
    fn a_beginning_of_a_longer_text_goes_where_a_memory_can_step_back() {
        let room = tempfile::tempdir().unwrap();
        let folder = StateFolder::new(room.path().to_owned(), 1_000_000, Duration::ZERO);
        for (key, tokens, steps_back, left) in [
            ("a1", 0..4, true, 1),
            ("a1", 1..9, true, 2),
            ("b2", 0..6, true, 3),
            ("a1", 0..8, true, 3),
            ("a1", 0..10, false, 4),
            ("a1", 0..10, true, 3),
        ] {
            folder.keep(&about(key), &state(tokens.clone()), steps_back).unwrap();
            assert_eq!(folder.all().unwrap().len(), left, "{key} {tokens:?}");
        }
        assert_eq!((folder.of(&about("a1").key).unwrap().len(), folder.of(&about("b2").key).unwrap().len()), (2, 1));
        assert_eq!(folder.of(&about("c3").key).unwrap().len(), 0);
        fs::write(room.path().join("mine.state"), "mine").unwrap();
        assert_eq!((folder.all().unwrap().len(), folder.clear().unwrap().0), (3, 3));
        assert_eq!(fs::read_to_string(room.path().join("mine.state")).unwrap(), "mine");
    }
}
