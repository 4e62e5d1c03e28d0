//! Texts that stay in the model's memory when their stories have ended, for those that begin alike.
//!
//! They live in the room that no running story is promised, the least recently used one goes first, and all of them go before
//! a story lacks anything.

use anyhow::Result;

use crate::model::{Branch, Model};
use crate::prob::Token;

/// How many texts stay in memory when their stories have ended.
///
/// Nothing of a story's decisions depends on it, where the model's rows do not: the toy's never do. Those of llama.cpp depend on
/// how a text was cut into decodes and on where it lies in memory. There
///
/// - a story whose whole prompt was kept goes on from the very row behind it, and is the one that is told in an empty memory, as
///   long as no kept `stories` lie between: so with `prompts` alone;
/// - a story that goes on from all of an ended one whose last token had been looked at has its row, and goes on as that one would
///   have, where nothing else was told meanwhile;
/// - a story that takes over a part of its prompt reads the rest in other parts than it would have read the whole, and may part
///   from the one that is told in an empty memory.
///
/// So nothing is kept unless it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// Prompts, each with the row behind it: a story with the same prompt reads nothing of it. Each takes a branch.
    pub prompts: usize,
    /// Stories with what they were told from, as far as the model has read them: a prompt that begins alike is read from
    /// where it differs. Each takes a branch and the cells of its text. Those that run count too: every token of a llama.cpp
    /// attends, masked, to all cells that are taken, so that what is kept beside many stories makes all of them slow.
    pub stories: usize,
}

/// What a kept text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Prompt,
    Story,
}

/// The texts that are kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    keep: Keep,
    /// The least recently used first.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    tokens: Vec<Token>,
    branch: Branch,
    /// The row behind it, where it is known.
    row: Option<Vec<f32>>,
}

/// The beginning of a text that was kept.
#[derive(Debug)]
pub(super) struct Beginning {
    /// A branch of its own, which holds it.
    pub branch: Branch,
    /// Its tokens.
    pub len: usize,
    /// The row behind it, where it is the whole text.
    pub row: Option<Vec<f32>>,
}

impl Kept {
    /// As many as that.
    pub fn new(keep: Keep) -> Self {
        Self { keep, entries: Vec::new() }
    }

    /// Whether prompts are kept, and stories.
    pub fn keeps(&self) -> [bool; 2] {
        [self.keep.prompts > 0, self.keep.stories > 0]
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many texts are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Keeps a text, which this branch holds, beside so many stories that run; returns the branches that are kept no longer.
    pub fn keep(
        &mut self,
        kind: Kind,
        tokens: Vec<Token>,
        branch: Branch,
        row: Option<Vec<f32>>,
        running: usize,
    ) -> Vec<Branch> {
        // One text is kept once, and a row that is known stays known.
        let equal = |entry: &mut Entry| entry.tokens == tokens && entry.kind == kind;
        let mut gone: Vec<Branch> = Vec::new();
        let mut known = None;
        for entry in self.entries.extract_if(.., equal) {
            gone.push(entry.branch);
            known = known.or(entry.row);
        }
        self.entries.push(Entry { kind, tokens, branch, row: row.or(known) });
        gone.extend(self.bound(running));
        gone
    }

    /// Gives up the texts, the least recently used first, that are too many beside so many stories that run.
    pub fn bound(&mut self, running: usize) -> Vec<Branch> {
        let mut gone = Vec::new();
        for (kind, most) in [(Kind::Prompt, self.keep.prompts), (Kind::Story, self.keep.stories.saturating_sub(running))] {
            let alike = |entry: &Entry| entry.kind == kind;
            let mut surplus = self.entries.iter().filter(|entry| alike(entry)).count().saturating_sub(most);
            let is_surplus = |entry: &mut Entry| {
                let goes = surplus > 0 && alike(entry);
                surplus -= usize::from(goes);
                goes
            };
            gone.extend(self.entries.extract_if(.., is_surplus).map(|entry| entry.branch));
        }
        gone
    }

    /// The longest beginning of this text that is kept and is not the whole of it without the row behind it, on a branch of its
    /// own; at most `most` tokens of it.
    ///
    /// A memory that cannot step back gives a text only to one that begins with all of it.
    ///
    /// # Errors
    /// No branch is free.
    pub fn take_over(&mut self, model: &mut dyn Model, text: &[Token], most: usize) -> Result<Option<Beginning>> {
        let mut known: Vec<(usize, bool, usize)> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let common = entry.tokens.iter().zip(text).take_while(|(a, b)| a == b).count().min(most);
            let whole = common == text.len() && common == entry.tokens.len() && entry.row.is_some();
            // A row is needed to go on from, and that behind the last token is known by reading that token.
            let len = if whole { common } else { common.min(text.len().saturating_sub(1)) };
            known.push((len, whole, at));
        }
        known.retain(|&(len, ..)| len > 0);
        known.sort_unstable_by(|one, other| other.cmp(one));
        for (len, whole, at) in known {
            let entry = &self.entries[at];
            let Some(branch) = model.prefix(entry.branch, len)? else { continue };
            let row = entry.row.clone().filter(|_| whole);
            let used = self.entries.remove(at);
            self.entries.push(used);
            return Ok(Some(Beginning { branch, len, row }));
        }
        Ok(None)
    }

    /// Gives all of them up: each text with the branch that holds it, and the row behind it where that is known.
    pub fn give_all(&mut self) -> Vec<(Vec<Token>, Branch, Option<Vec<f32>>)> {
        self.entries.drain(..).map(|Entry { tokens, branch, row, .. }| (tokens, branch, row)).collect()
    }

    /// Gives up the one that was used least recently.
    pub fn give_up(&mut self) -> Option<Branch> {
        (!self.entries.is_empty()).then(|| self.entries.remove(0).branch)
    }
}
