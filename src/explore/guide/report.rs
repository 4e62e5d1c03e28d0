//! What the model's side of a tree reports.

use super::super::tree::{NodeId, Piece, Tree};
use crate::engine::Explanation;
use crate::prob::Token;
use crate::story::StopReason;

/// What the model's side reports.
#[derive(Debug, Clone)]
pub enum Report {
    /// The tokens of a text that was not cut before.
    Cut {
        /// Its node.
        node: NodeId,
        /// The tokens.
        tokens: Vec<Piece>,
    },
    /// So many tokens of a text are read: it was not in memory.
    Reading {
        /// The request.
        number: u64,
        /// Read now.
        read: usize,
        /// To be read in all.
        of: usize,
    },
    /// The decision at the place.
    Decided {
        /// The request.
        number: u64,
        /// All that is known of it.
        explanation: Box<Explanation>,
        /// The bytes that each of its candidates would add to the text.
        texts: Vec<Vec<u8>>,
    },
    /// Where a candidate would lead.
    Ghost {
        /// The request.
        number: u64,
        /// The candidate.
        candidate: Token,
        /// Its text, and what would come after it.
        text: String,
    },
    /// What each token of a node was worth to the model.
    Scored {
        /// The request.
        number: u64,
        /// The node.
        node: NodeId,
        /// Its tokens, with their traces.
        tokens: Vec<Piece>,
    },
    /// A token was told.
    Told {
        /// The request.
        number: u64,
        /// The node that it is told into.
        node: NodeId,
        /// The bytes that it adds to the node's text.
        text: Vec<u8>,
        /// The token.
        piece: Piece,
    },
    /// What was told into a node has ended.
    Ended {
        /// The request.
        number: u64,
        /// The node.
        node: NodeId,
        /// Why.
        stop: StopReason,
        /// How many of the tokens that were told make the text, as [`Tree::trim`] takes them; all where nothing is cut.
        keep: usize,
        /// Bytes behind those.
        text: Vec<u8>,
        /// The tokens that spell them.
        then: Vec<Piece>,
    },
    /// The request is over: the last report of it.
    Over {
        /// The request.
        number: u64,
        /// Why it broke off, in a sentence; nothing where it is done or was cancelled.
        failed: Option<String>,
        /// What it has cost.
        cost: Cost,
    },
    /// The model's side has ended, and nothing more will be reported.
    Gone,
}

/// What a request has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Decodes.
    pub decodes: usize,
    /// Tokens that were evaluated in them.
    pub evaluations: usize,
}

impl Tree {
    /// Puts in what was reported of its texts; whether there still is what it is about. What is no text is left to others.
    pub fn take_in(&mut self, report: &Report) -> bool {
        match report {
            Report::Cut { node, tokens } | Report::Scored { node, tokens, .. } => self.learn(*node, tokens),
            Report::Told { node, text, piece, .. } => self.append(*node, text, piece),
            Report::Ended { node, keep, text, then, .. } => self.trim(*node, *keep, text, then),
            Report::Reading { .. } | Report::Decided { .. } | Report::Ghost { .. } | Report::Over { .. } | Report::Gone => true,
        }
    }
}
