//! The model's side of a tree: what it is asked, and what it reports.

use std::sync::Arc;

use super::tree::{Beginning, NodeId, Piece, Place, Tree};
use crate::engine::{Explanation, StoryRequest};
use crate::preset::Preset;
use crate::prob::Token;
use crate::sampler::TextUnit;
use crate::story::StopReason;

/// By what is decided: a preset as it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The name by which it was asked for.
    pub name: String,
    /// What was changed in it, as it was typed.
    pub set: Vec<String>,
    /// The preset, with all changes made.
    pub preset: Preset,
}

/// A text of the tree, as a model reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// What it goes on from.
    pub beginning: Arc<Beginning>,
    /// What stands behind that, node by node.
    pub stretches: Vec<Stretch>,
}

/// A node of such a text, or its beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// The node.
    pub node: NodeId,
    /// Its text.
    pub text: Vec<u8>,
    /// The tokens of its text; none where that is not cut yet.
    pub tokens: Vec<Token>,
}

/// What the model is asked at a place. Everything that follows is reported under the number.
#[derive(Debug, Clone)]
pub struct Request {
    /// The number of the request, which its asker gives.
    pub number: u64,
    /// The text that it is about.
    pub way: Way,
    /// By what is decided.
    pub recipe: Arc<Recipe>,
    /// The limits of the whole story, and the seed.
    pub story: StoryRequest,
    /// What is wanted.
    pub wish: Wish,
}

/// What is wanted of the model at a place.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// The decision about the next token, with all candidates looked at: [`Report::Decided`].
    Decide,
    /// Where each of these candidates would lead, to the end of so many words: a [`Report::Ghost`] each.
    Ghosts {
        /// The candidates.
        candidates: Vec<Token>,
        /// How many words, that of the candidate among them; at least 1.
        words: usize,
    },
    /// To tell on, once into each of these nodes, under seeds that follow each other: [`Report::Told`] for each token.
    Tell {
        /// The nodes, which hold nothing yet.
        into: Vec<NodeId>,
        /// How far.
        aim: Aim,
    },
    /// How surprising each token of the text was to the model: [`Report::Scored`].
    Score,
}

/// How far is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// So many tokens.
    Tokens(usize),
    /// To the end of the sentence or paragraph.
    Whole(TextUnit),
}

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
        /// What each of its candidates would add to the text, in bytes.
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
    /// The text before a place, as a model reads it.
    #[must_use]
    pub fn before(&self, place: Place) -> Way {
        let cut = |id: NodeId| {
            let node = self.node(id)?;
            let at = if id == place.node { place.at } else { node.len() };
            let tokens = node.tokens.iter().take(at).map(|piece| piece.token).collect();
            Some(Stretch { node: id, text: node.text[..node.bytes_before(at)].to_vec(), tokens })
        };
        let stretches = self.way(place.node).into_iter().skip(1).filter_map(cut);
        Way { beginning: Arc::new(self.beginning().clone()), stretches: stretches.collect() }
    }
}
