//! The tree of texts that a writer stands in: what is there, and how it is changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::engine::Prompt;
use crate::prob::Token;
use crate::story::{Mode, Record};

mod changing;
mod measures;
mod node;
mod past;
#[cfg(test)]
mod tests;

pub use changing::Unchanged;
pub use measures::{Sort, Statistics};
pub(super) use node::open_character;
pub use node::{How, Node, NodeId, Piece, Place, Told, Vote};
use past::Past;

/// What all texts of a tree go on from: the words, and how they were put to a model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Beginning {
    /// The prompt as text.
    #[serde(default)]
    pub prompt: String,
    /// How it was put to the model.
    #[serde(default)]
    pub mode: Mode,
    /// Whether names of control tokens in it were taken as those tokens.
    #[serde(default)]
    pub parse_special: bool,
    /// The end of the writer's words that the tokens leave out: the first tokens told spell it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub healed: String,
    /// The tokens; none where no model has cut them yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompt_tokens: Vec<Token>,
    /// How many of the last of these were told before, in a text that grows: to waves and noise the story began before them.
    #[serde(default, skip_serializing_if = "crate::story::is_none")]
    pub clock: usize,
}

/// The model whose texts these are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelName {
    /// What it calls itself.
    #[serde(default)]
    pub name: String,
    /// The SHA-256 of its file, in hexadecimal digits.
    #[serde(default)]
    pub sha256: String,
}

/// A tree of texts: every node is a stretch behind its parent's, and so a text, that of the way from the root.
///
/// Every change is remembered and can be undone, to an equal tree; what is merely learnt of a text (its tokens, what the model tells on)
/// is no change of its own, and stays known whatever is undone.
#[derive(Debug, Clone)]
pub struct Tree {
    beginning: Beginning,
    model: ModelName,
    nodes: BTreeMap<NodeId, Arc<Node>>,
    root: NodeId,
    current: NodeId,
    next: u64,
    past: Past,
}

/// Trees are equal that hold the same texts and stand at the same one; what can be undone is no part of that.
impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        let Self { beginning, model, nodes, root, current, next: _, past: _ } = self;
        *beginning == other.beginning
            && *model == other.model
            && *nodes == other.nodes
            && (*root, *current) == (other.root, other.current)
    }
}

impl Tree {
    /// A tree of nothing but its beginning.
    #[must_use]
    pub fn new(beginning: Beginning, model: ModelName, created: u64) -> Self {
        let root = NodeId(0);
        let node = Node { text: beginning.shown().as_bytes().to_vec(), created, ..Node::default() };
        let nodes = BTreeMap::from([(root, Arc::new(node))]);
        Self { beginning, model, nodes, root, current: root, next: 1, past: Past::default() }
    }

    /// The same tree for this model, and how many texts are no longer cut into tokens: all of them, where another one cut them, for its
    /// tokens mean nothing to this one, and neither does what was known at them. It cannot be undone.
    ///
    /// # Errors
    /// The story is an answer to a request, which was put to the other model in its own template.
    pub fn for_model(mut self, model: ModelName) -> Result<(Self, usize)> {
        if self.model.sha256 == model.sha256 || self.model.sha256.is_empty() {
            return Ok((Self { model, ..self }, 0));
        }
        if matches!(self.beginning.mode, Mode::Chat(_)) {
            bail!("the story answers a request that was put to another model in its chat template: `{}`", self.model.name);
        }
        let cut = self.nodes.values().filter(|node| !node.tokens.is_empty()).count();
        for node in self.nodes.values_mut() {
            Arc::make_mut(node).tokens.clear();
        }
        let beginning = Beginning { healed: String::new(), prompt_tokens: Vec::new(), clock: 0, ..self.beginning };
        Ok((Self { beginning, model, past: Past::default(), ..self }, cut))
    }

    /// The tree of these nodes, of which each knows those behind it.
    ///
    /// # Errors
    /// A root or a current node that is not there, a root that does not hold the beginning, or nodes that do not hang on the root.
    pub(super) fn of_nodes(
        beginning: Beginning,
        model: ModelName,
        nodes: BTreeMap<NodeId, Arc<Node>>,
        root: NodeId,
        current: NodeId,
    ) -> Result<Self> {
        let next = nodes.last_key_value().map_or(0, |(last, _)| last.0.saturating_add(1));
        let tree = Self { beginning, model, nodes, root, current, next, past: Past::default() };
        let Some(first) = tree.node(root) else { bail!("the tree begins with node {}, which is not there", root.0) };
        ensure!(first.text == tree.beginning.shown().as_bytes(), "the tree begins with another text than that of its prompt");
        ensure!(first.parent.is_none(), "the tree begins with node {}, which goes on from another one", root.0);
        ensure!(tree.nodes.contains_key(&current), "the tree stands at node {}, which is not there", current.0);
        let stray = tree.nodes.iter().find(|(id, node)| node.parent.is_none() && **id != root);
        if let Some((stray, _)) = stray {
            bail!("node {} of the tree goes on from nothing", stray.0);
        }
        ensure!(tree.in_order().len() == tree.len(), "nodes of the tree go on from each other");
        Ok(tree)
    }

    /// What all texts go on from.
    #[must_use]
    pub fn beginning(&self) -> &Beginning {
        &self.beginning
    }

    /// The model whose texts these are.
    #[must_use]
    pub fn model(&self) -> &ModelName {
        &self.model
    }

    /// The node of the beginning.
    #[must_use]
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// The end of the text in which the writer stands.
    #[must_use]
    pub fn current(&self) -> NodeId {
        self.current
    }

    /// The node of this name, if there is one.
    #[must_use]
    pub fn node(&self, node: NodeId) -> Option<&Node> {
        self.nodes.get(&node).map(|node| &**node)
    }

    /// How many nodes there are, the root among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is nothing but the beginning.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 1
    }

    /// The nodes from the root to this one.
    #[must_use]
    pub fn way(&self, node: NodeId) -> Vec<NodeId> {
        let up = |at: &NodeId| self.node(*at)?.parent;
        let mut way: Vec<NodeId> = std::iter::successors(self.nodes.contains_key(&node).then_some(node), up).collect();
        way.reverse();
        way
    }

    /// The nodes of the text in which the writer stands.
    #[must_use]
    pub fn line(&self) -> Vec<NodeId> {
        self.way(self.current)
    }

    /// The text of a node: all from the root to its end.
    #[must_use]
    pub fn text(&self, node: NodeId) -> Vec<u8> {
        let texts = self.way(node).into_iter().filter_map(|node| self.node(node));
        texts.flat_map(|node| node.text.iter().copied()).collect()
    }

    /// The nodes behind this one.
    #[must_use]
    pub fn children(&self, node: NodeId) -> &[NodeId] {
        self.node(node).map_or(&[], |node| &node.children)
    }

    /// The nodes behind the same parent, this one among them.
    #[must_use]
    pub fn siblings(&self, node: NodeId) -> &[NodeId] {
        self.node(node).and_then(|node| node.parent).map_or(&[], |parent| self.children(parent))
    }

    /// All nodes in the order in which they are read: each before those behind it, siblings in their order.
    #[must_use]
    pub fn in_order(&self) -> Vec<NodeId> {
        self.below(self.root)
    }

    /// A node and all behind it, in the order in which they are read.
    #[must_use]
    pub fn below(&self, node: NodeId) -> Vec<NodeId> {
        let (mut order, mut open) = (Vec::new(), Vec::from_iter(self.nodes.contains_key(&node).then_some(node)));
        while let Some(node) = open.pop() {
            order.push(node);
            open.extend(self.children(node).iter().rev());
        }
        order
    }

    /// The place behind a node.
    #[must_use]
    pub fn end(&self, node: NodeId) -> Place {
        Place { node, at: self.node(node).map_or(0, Node::len) }
    }

    /// How many tokens of the story stand before a place, those that were told before it began among them: t there. A text that is not
    /// cut counts as one.
    #[must_use]
    pub fn told_before(&self, place: Place) -> usize {
        let before = |id: NodeId| self.node(id).map_or(0, |node| if id == place.node { place.at } else { node.len() });
        self.beginning.clock + self.way(place.node).into_iter().skip(1).map(before).sum::<usize>()
    }

    /// The node behind this place in the text of `leaf`, where the place is the end of its node and the text goes on.
    #[must_use]
    pub fn after(&self, place: Place, leaf: NodeId) -> Option<NodeId> {
        let way = self.way(leaf);
        let at = way.iter().position(|&node| node == place.node)?;
        way.get(at + 1).copied().filter(|_| place.at >= self.node(place.node).map_or(0, Node::len))
    }
}

impl Beginning {
    /// What is shown before the story: the prompt, or the words in which an answer was begun.
    #[must_use]
    pub fn shown(&self) -> &str {
        match &self.mode {
            Mode::Raw => &self.prompt,
            Mode::Chat(chat) => &chat.prefill,
        }
    }

    /// A prompt that was put to a model.
    #[must_use]
    pub fn of_prompt(prompt: &Prompt) -> Self {
        let Prompt { text, mode, parse_special, tokens, healed, notes: _ } = prompt.clone();
        Self { prompt: text, mode, parse_special, healed, prompt_tokens: tokens, clock: 0 }
    }

    /// What a recorded story goes on from.
    #[must_use]
    pub fn of_record(record: &Record) -> Self {
        Self { clock: record.clock, ..Self::of_prompt(&Prompt::of_record(record)) }
    }
}
