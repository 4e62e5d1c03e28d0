//! A node of the tree: a stretch of text, and how it came to be there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::prob::Token;
use crate::story::TracedToken;

/// The name of a node. It stays that of the node's end, wherever the node is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub u64);

/// A place in a text of the tree: behind the first `at` pieces of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The node.
    pub node: NodeId,
    /// How many of its [pieces](Node::pieces) stand before the place.
    pub at: usize,
}

/// A stretch of text behind its parent's.
///
/// The text is bytes, for a node may end within a character. The tokens spell it: piece by piece, each of so many bytes. A text that was
/// not cut into tokens yet has none, and counts as one piece. The root is what all texts begin with: it is one piece, whatever it holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// The node before it; none before the root.
    pub parent: Option<NodeId>,
    /// Those behind it, in the order in which they came.
    pub children: Vec<NodeId>,
    /// Its text, exactly as it was written or told.
    pub text: Vec<u8>,
    /// The tokens of the text, if it is cut; their lengths make up that of the text.
    pub tokens: Vec<Piece>,
    /// How it came to be there.
    pub how: How,
    /// Whether the writer wants to find it again.
    pub bookmark: bool,
    /// What the writer has noted about it.
    pub note: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// Where it was preferred to a sibling without its name being known.
    pub votes: Vec<Vote>,
}

/// A token of a node's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The token.
    pub token: Token,
    /// Bytes of the node's text that it spells: those of its piece, but for a token that spells the end of the writer's own text
    /// before it, or ends a text.
    pub len: usize,
    /// What was known at it, and decided.
    pub trace: Option<Arc<TracedToken>>,
}

/// How a stretch of text came to be there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Somebody wrote it.
    #[default]
    Typed,
    /// The model told it.
    Told(Box<Told>),
    /// Somebody took this token where the model could have gone on otherwise; so many the model found likelier.
    Chosen {
        /// How many tokens were likelier.
        rank: usize,
    },
}

/// By what the model told a stretch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Told {
    /// The name by which the preset was asked for.
    pub preset: String,
    /// What was changed in it, as it was typed: `future.alpha=0.3`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// The seed.
    pub seed: u64,
    /// The step of the story at which the stretch begins: tokens told before it.
    pub t: usize,
    /// The model's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
}

/// A judgement of somebody who did not see which was which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The node that was not preferred.
    pub over: NodeId,
    /// When, in seconds since 1970.
    pub at: u64,
}

impl Told {
    /// The preset in words: its name and what was changed in it.
    #[must_use]
    pub fn recipe(&self) -> String {
        std::iter::once(&self.preset).chain(&self.set).map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

impl Node {
    /// How many pieces it has: its tokens, or one where there is text that is not cut.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.tokens.is_empty() { usize::from(!self.text.is_empty()) } else { self.tokens.len() }
    }

    /// Whether there is nothing of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether its text is cut into tokens.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        !self.tokens.is_empty() || self.text.is_empty()
    }

    /// The text of each piece.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let whole = (!self.is_cut()).then_some(&self.text[..]);
        let mut rest = &self.text[..];
        let cut = self.tokens.iter().map(move |piece| rest.split_off(..piece.len.min(rest.len())).unwrap_or_default());
        whole.into_iter().chain(cut)
    }

    /// Bytes of its text before this piece.
    #[must_use]
    pub fn bytes_before(&self, at: usize) -> usize {
        if self.is_cut() {
            self.tokens[..at.min(self.tokens.len())].iter().map(|piece| piece.len).sum()
        } else if at == 0 {
            0
        } else {
            self.text.len()
        }
    }

    /// Its text for people: `�` where a character is not whole.
    #[must_use]
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }
}

/// The beginning of a character with which a text ends; nothing where it ends with a whole one.
pub(in crate::explore) fn open_character(text: &[u8]) -> &[u8] {
    let last = text.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    let is_open = std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none());
    if is_open { last } else { &[] }
}
