//! A line of the index for every story that is told, and what the stories of a preset come to.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::files;
use crate::story::{Record, StopReason};

/// How every line begins, and so what a torn one may be.
const BEGINNING: &[u8] = b"{\"name\":\"";

/// The most bytes of an index: some for each line, and some more for causes of failures, which have no bound of their own.
const fn longest(stories: usize) -> u64 {
    (64 << 20) + 1024 * stories as u64
}

/// A story in one line: enough for tables and for choosing, derived from its record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Entry {
    /// The name of its files, without their ending.
    pub name: String,
    /// What its prompt is called in names.
    pub prompt: String,
    /// The preset with its changes.
    pub preset: String,
    /// The seed.
    pub seed: u64,
    /// Why it ended.
    pub stop: StopReason,
    /// Words that were told.
    pub words: usize,
    /// Tokens that were told.
    pub tokens: usize,
    /// Rows of logits that were computed to decide about them.
    pub evaluations: usize,
    /// The mean of the tokens' log-probabilities, the model's own, in nats.
    pub mean_log_p: f64,
    /// Seconds from the first token to the end.
    pub seconds: f64,
}

impl Entry {
    /// The line of this record.
    #[must_use]
    pub fn of(name: String, prompt: &str, record: &Record) -> Self {
        Self {
            name,
            prompt: prompt.to_owned(),
            preset: record.preset.clone(),
            seed: record.seed,
            stop: record.stop.clone(),
            words: record.text.split_whitespace().count(),
            tokens: record.tokens.len(),
            evaluations: record.evaluations,
            mean_log_p: record.mean_log_p,
            seconds: record.times.tell,
        }
    }

    /// Its line, with the break at its end.
    pub(super) fn line(&self) -> Result<String> {
        Ok(serde_json::to_string(self).context("cannot write a line of the index")? + "\n")
    }

    /// Whether the model ended it before its first word.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stop == StopReason::End && self.words == 0
    }
}

/// A line as far as every version of this program writes it.
#[derive(Deserialize)]
#[allow(dead_code, reason = "that they are there tells whose line it is")]
struct Known {
    name: String,
    prompt: String,
    preset: String,
    seed: u64,
}

/// The lines of an index of so many stories; `None` where there is none, or where its end is torn: then it is written anew.
///
/// # Errors
/// It is not an index of this program's, which is not to be written over.
pub(super) fn read(path: &Path, stories: usize) -> Result<Option<Vec<Entry>>> {
    let refusal = || format!("cannot write the index `{}`", path.display());
    let hint = "\nhint: move it away, or name another folder";
    let facts = match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        facts => facts.with_context(refusal)?,
    };
    ensure!(!facts.is_symlink(), "{}: there is a link, and it stays{hint}", refusal());
    let bytes = files::read(path, longest(stories)).with_context(refusal)?;
    let (lines, torn) = match bytes.iter().rposition(|&byte| byte == b'\n') {
        Some(end) => bytes.split_at(end + 1),
        None => bytes.split_at(0),
    };
    // A disk that lost its power leaves zeros.
    let torn = &torn[..torn.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)];
    let (mut entries, mut current) = (Vec::new(), torn.is_empty() && lines.len() == bytes.len());
    let mut ours = torn.starts_with(BEGINNING) || BEGINNING.starts_with(torn);
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        if let Ok(entry) = serde_json::from_slice(line) {
            entries.push(entry);
        } else {
            current = false;
            ours &= serde_json::from_slice::<Known>(line).is_ok();
        }
    }
    ensure!(ours, "{}: there is a file that is no index of stories, and it stays{hint}", refusal());
    Ok(current.then_some(entries))
}

/// What stories come to together.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sums {
    /// Stories.
    pub stories: usize,
    /// Their words.
    pub words: usize,
    /// Their tokens.
    pub tokens: usize,
    /// Rows of logits that were computed.
    pub evaluations: usize,
    /// Stories that the model ended.
    pub ended: usize,
    /// Stories that met a stop string.
    pub stopped: usize,
    /// Stories as long as asked for.
    pub full: usize,
    /// Stories that filled the context.
    pub context: usize,
    /// Stories that only repeated themselves in the end.
    pub looped: usize,
    /// Stories that failed.
    pub failed: usize,
    /// Stories without a word: the model ended them at once.
    pub empty: usize,
    /// Seconds from their first tokens to their ends, together.
    pub seconds: f64,
}

impl Sums {
    /// One more.
    pub fn add(&mut self, entry: &Entry) {
        self.stories += 1;
        self.words += entry.words;
        self.tokens += entry.tokens;
        self.evaluations += entry.evaluations;
        self.seconds += entry.seconds;
        self.empty += usize::from(entry.is_empty());
        *match entry.stop {
            StopReason::End => &mut self.ended,
            StopReason::Stop(_) => &mut self.stopped,
            StopReason::Tokens | StopReason::Whole(_) => &mut self.full,
            StopReason::Context => &mut self.context,
            StopReason::Loop => &mut self.looped,
            // An interrupted story is never kept; one that says so is no whole story.
            StopReason::Interrupted | StopReason::Failed(_) => &mut self.failed,
        } += 1;
    }

    /// By preset, in the order in which presets appear.
    #[must_use]
    pub fn by_preset<'e>(entries: impl Iterator<Item = &'e Entry>) -> Vec<(String, Self)> {
        let mut sums: Vec<(String, Self)> = Vec::new();
        let mut places: HashMap<&'e str, usize> = HashMap::new();
        for entry in entries {
            let at = *places.entry(&entry.preset).or_insert_with(|| {
                sums.push((entry.preset.clone(), Self::default()));
                sums.len() - 1
            });
            sums[at].1.add(entry);
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str) -> Entry {
        Entry {
            name: name.into(),
            prompt: "a".into(),
            preset: "wave".into(),
            seed: 1,
            stop: StopReason::End,
            words: 2,
            tokens: 3,
            evaluations: 4,
            mean_log_p: -1.5,
            seconds: 0.5,
        }
    }

    #[test]
    fn only_lines_of_our_own_are_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.jsonl");
        assert_eq!(read(&path, 9).unwrap(), None);
        let line = serde_json::to_string(&entry("a")).unwrap() + "\n";
        for (text, found) in [
            (String::new(), Some(vec![])),
            (line.clone(), Some(vec![entry("a")])),
            (line.clone() + &line[..line.len() / 2], None),
            (line.clone() + "\0\0\0", None),
            (line.clone() + "{\"na", None),
            // A newer program has written it.
            (line.replace("\"words\"", "\"sentences\":9,\"words\""), None),
        ] {
            std::fs::write(&path, &text).unwrap();
            assert_eq!(read(&path, 9).unwrap(), found, "{text:?}");
        }
        for text in ["{\"text\":\"Once\"}\n", "Once\n", "Once", "\n", "[1]\n{\"name\":\"", "{\"name\":\"a\"}\n"] {
            std::fs::write(&path, text).unwrap();
            let error = read(&path, 9).unwrap_err().to_string();
            assert!(error.contains("no index of stories, and it stays\nhint: "), "{text:?}: {error}");
        }
    }

    #[test]
    fn what_the_model_ended_at_once_is_counted() {
        let empty = Entry { words: 0, tokens: 1, ..entry("b") };
        let failed = Entry { stop: StopReason::Failed("x".into()), words: 0, ..entry("c") };
        let sums = Sums::by_preset([entry("a"), empty, failed].iter());
        assert_eq!((sums.len(), sums[0].1.stories, sums[0].1.empty), (1, 3, 1));
    }
}
