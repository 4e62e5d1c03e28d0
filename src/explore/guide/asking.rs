//! What the model is asked at a place of the tree.

use std::sync::Arc;

use super::super::tree::{Beginning, NodeId, Place, Tree};
#[cfg(doc)]
use super::Report;
use crate::engine::StoryRequest;
use crate::preset::Preset;
use crate::prob::Token;
use crate::sampler::TextUnit;

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
    Decide {
        /// The token that stands there, if one does.
        own: Option<Token>,
    },
    /// Where each of these candidates would lead, to the end of so many words: a [`Report::Ghost`] each.
    Ghosts {
        /// The candidates.
        candidates: Vec<Token>,
        /// How many words, that of the candidate among them; at least 1.
        words: usize,
    },
    /// To tell on, once into each of these nodes, under seeds that follow each other: a [`Report::Told`] for each token, and a
    /// [`Report::Ended`] for each node, unless the request fails before anything is told.
    Tell {
        /// The nodes, which hold nothing yet.
        into: Vec<NodeId>,
        /// How far.
        aim: Aim,
    },
    /// How surprising each token behind the beginning was to the model: a [`Report::Scored`] for each node.
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
