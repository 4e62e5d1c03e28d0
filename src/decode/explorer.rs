//! A tree of texts: what the model would say, if another word stood there, without reading the text again.
//!
//! Every node is a token behind its parent, and so a text: that of the way from the root. Adding nodes costs nothing; the row
//! behind a node is computed when it is asked for, from the nearest text that is still in memory. Room is bounded: what was used
//! least recently goes first, and is computed anew when it is asked for again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use anyhow::{Context, Result, ensure};

use super::round::CHUNK;
use crate::model::{Branch, Model, Origin, Rows, Step};
use crate::prob::Token;
use crate::sampler::{Carried, Draw, History};

mod counted;
mod deciding;
mod holding;
mod telling;

use counted::Counted;
pub use deciding::Closely;

/// The name of a node of an [`Explorer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(usize);

/// The room of an [`Explorer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Texts that stay in the model's memory, at least 1. With 1 every step moves the only one on.
    pub branches: usize,
    /// Rows that stay known, at least 1, each as long as the vocabulary.
    pub rows: usize,
}

/// A token behind its parent.
#[derive(Debug, Default)]
struct Node {
    parent: Option<NodeId>,
    token: Token,
    /// Tokens of its text.
    depth: usize,
    children: BTreeMap<Token, NodeId>,
    /// The model's own log-probability of the token, and the entropy of what it was drawn from, where it was drawn.
    drawn: Option<[f64; 2]>,
    /// What a stage that steers remembers behind it.
    feedback: Option<f64>,
    /// The memory of its text.
    branch: Option<Branch>,
    row: Option<Vec<f32>>,
    /// When it was last used.
    used: u64,
}

/// A tree of texts over one model, whose free room is its own.
pub struct Explorer<'m> {
    model: Counted<'m>,
    budget: Budget,
    nodes: Vec<Node>,
    /// Nodes whose texts are in memory.
    living: BTreeSet<NodeId>,
    now: u64,
}

impl<'m> Explorer<'m> {
    /// A tree of nothing but its root, which is the empty text.
    pub fn new(model: &'m mut dyn Model, budget: Budget) -> Self {
        let budget = Budget { branches: budget.branches.max(1), rows: budget.rows.max(1) };
        let model = Counted { model, decodes: 0, evaluations: 0 };
        Self { model, budget, nodes: vec![Node::default()], living: BTreeSet::new(), now: 0 }
    }

    /// The empty text, of which there is no row.
    #[must_use]
    pub fn root(&self) -> NodeId {
        NodeId(0)
    }

    /// The node of the text that goes on from a node with these tokens. Nothing is decoded for it.
    pub fn add(&mut self, from: NodeId, tokens: &[Token]) -> NodeId {
        let mut at = from;
        for &token in tokens {
            if let Some(&child) = self.nodes[at.0].children.get(&token) {
                at = child;
                continue;
            }
            let (child, depth) = (NodeId(self.nodes.len()), self.nodes[at.0].depth + 1);
            self.nodes.push(Node { parent: Some(at), token, depth, ..Node::default() });
            self.nodes[at.0].children.insert(token, child);
            at = child;
        }
        at
    }

    /// The node behind a draw at this node, with what the draw tells of it.
    pub fn take(&mut self, at: NodeId, draw: &Draw) -> NodeId {
        let child = self.add(at, &[draw.token]);
        let node = &mut self.nodes[child.0];
        (node.drawn, node.feedback) = (Some([draw.log_p, draw.now.entropy]), draw.feedback);
        child
    }

    /// The text of a node.
    #[must_use]
    pub fn text(&self, node: NodeId) -> Vec<Token> {
        let mut text: Vec<Token> = self.way(node).map(|node| self.nodes[node.0].token).collect();
        text.reverse();
        text
    }

    /// What a sampler remembers at a node, the last `told` tokens of whose text are the story's own. What stages that follow the
    /// surprisal or steer need of these tokens is known as far back as they were [taken](Explorer::take).
    #[must_use]
    pub fn history(&self, node: NodeId, told: usize) -> History {
        let mut drawn: Vec<[f64; 2]> = self.way(node).take(told).map_while(|node| self.nodes[node.0].drawn).collect();
        drawn.reverse();
        let surprisals = drawn.iter().map(|[log_p, _]| -log_p).collect();
        let entropies = drawn.iter().map(|[_, entropy]| *entropy).collect();
        let carried = Carried { surprisals, entropies, feedback: self.nodes[node.0].feedback };
        History::of_text(&self.text(node), told).carrying(carried)
    }

    /// The tokens that were added behind a node.
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = (Token, NodeId)> {
        self.nodes[node.0].children.iter().map(|(token, node)| (*token, *node))
    }

    /// Decodes so far.
    #[must_use]
    pub fn decodes(&self) -> usize {
        self.model.decodes
    }

    /// Tokens that were evaluated in them.
    #[must_use]
    pub fn evaluations(&self) -> usize {
        self.model.evaluations
    }

    /// The row behind a node's text.
    ///
    /// # Errors
    /// The root, a token outside the vocabulary, a failed decode, or not enough room for the text. The tree is as it was, though
    /// memory may have been given up.
    pub fn row(&mut self, node: NodeId) -> Result<&[f32]> {
        self.reach(node, &mut |_, _| ControlFlow::Continue(()))?;
        self.nodes[node.0].row.as_deref().context("the row was not computed")
    }

    /// Computes the row behind a node's text, if it is not known; `hear` gets how many tokens of how many are read while a
    /// text is read in parts, and stops it by breaking off: then nothing is known. Whether the row is.
    ///
    /// # Errors
    /// As [`Explorer::row`].
    pub fn reach(&mut self, node: NodeId, hear: &mut dyn FnMut(usize, usize) -> ControlFlow<()>) -> Result<bool> {
        ensure!(node != self.root(), "there is no row behind an empty text");
        self.touch(node);
        if self.nodes[node.0].row.is_some() {
            return Ok(true);
        }
        let text = self.text(node);
        let (mut from, mut read) = self.begin(node, text.len() - 1)?;
        let mut row = Vec::new();
        while read < text.len() {
            let part = CHUNK.min(self.model.room().batch).max(1).min(text.len() - read);
            let step = Step { from, tokens: &text[read..read + part], rows: Rows::Last };
            let made = self.model.extend(&[step], &mut |_, _, last| row = last.to_vec());
            let branch = match made {
                Ok(made) => made[0],
                Err(error) => {
                    // What was to be moved on is of no use, if it lives at all; what was forked is whole.
                    if let Origin::Move(branch) = from {
                        self.model.release(branch);
                    }
                    return Err(error);
                }
            };
            (from, read) = (Origin::Move(branch), read + part);
            if read < text.len() && hear(read, text.len()).is_break() {
                self.model.release(branch);
                return Ok(false);
            }
        }
        if let Origin::Move(branch) = from {
            self.settle(node, branch);
        }
        self.know(node, row);
        Ok(true)
    }

    /// The rows behind several nodes, in their order, in as few decodes as the room allows: one where they are children of
    /// texts in memory.
    ///
    /// # Errors
    /// As [`Explorer::row`].
    pub fn rows(&mut self, nodes: &[NodeId]) -> Result<Vec<Vec<f32>>> {
        let mut rows: BTreeMap<NodeId, Vec<f32>> = BTreeMap::new();
        for &node in nodes {
            if let Some(row) = &self.nodes[node.0].row {
                rows.insert(node, row.clone());
            }
        }
        let mut missing: Vec<NodeId> = nodes.iter().copied().filter(|node| !rows.contains_key(node)).collect();
        let mut seen = BTreeSet::new();
        missing.retain(|node| seen.insert(*node));
        while let [first, ..] = missing[..] {
            let known = self.fork_children(&missing)?;
            if known.is_empty() {
                rows.insert(first, self.row(first)?.to_vec());
            }
            for (node, row) in known {
                self.know(node, row.clone());
                rows.insert(node, row);
            }
            missing.retain(|node| !rows.contains_key(node));
        }
        nodes.iter().map(|node| rows.get(node).cloned().context("a row was not computed")).collect()
    }

    /// Forks as many of these nodes from their parents as there is room for, in one decode, and returns their rows; none where
    /// there is no room for a parent and a child.
    fn fork_children(&mut self, nodes: &[NodeId]) -> Result<Vec<(NodeId, Vec<f32>)>> {
        let mut chosen: Vec<(NodeId, NodeId)> = Vec::new();
        let mut standing: BTreeSet<NodeId> = BTreeSet::new();
        for &node in nodes {
            // A parent that is asked for itself, and not known yet, comes first.
            let parent = self.nodes[node.0].parent.filter(|&parent| parent != self.root());
            let known = |parent: &NodeId| self.nodes[parent.0].row.is_some() || !nodes.contains(parent);
            let Some(parent) = parent.filter(known) else { continue };
            standing.insert(parent);
            let more = chosen.len() + 1;
            let fits = more <= self.model.room().batch.max(1)
                && standing.len() + more <= self.budget.branches
                && self.hold(parent, &standing)?
                && self.fits(&standing, more, more);
            if !fits {
                break;
            }
            chosen.push((node, parent));
        }
        // What was chosen for a later one may have taken the room of an earlier one, or given its parent up.
        let parents = |chosen: &[(NodeId, NodeId)]| chosen.iter().map(|(_, parent)| *parent).collect::<BTreeSet<NodeId>>();
        while !chosen.is_empty() && !self.fits(&parents(&chosen), chosen.len(), chosen.len()) {
            chosen.pop();
        }
        let branch = |parent: NodeId| self.nodes[parent.0].branch;
        let forks: Vec<(NodeId, Branch)> = chosen.iter().filter_map(|&(node, parent)| Some((node, branch(parent)?))).collect();
        if forks.is_empty() {
            return Ok(Vec::new());
        }
        let token = |node: NodeId| std::slice::from_ref(&self.nodes[node.0].token);
        let step =
            |&(node, branch): &(NodeId, Branch)| Step { from: Origin::Fork(branch), tokens: token(node), rows: Rows::Last };
        let steps: Vec<Step> = forks.iter().map(step).collect();
        let mut rows = vec![Vec::new(); steps.len()];
        let made = self.model.extend(&steps, &mut |step, _, row| rows[step] = row.to_vec());
        for (&(node, _), branch) in forks.iter().zip(made?) {
            self.settle(node, branch);
        }
        Ok(forks.into_iter().map(|(node, _)| node).zip(rows).collect())
    }

    /// The nodes from this one up to the first token, the root left out.
    fn way(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(Some(node), |node| self.nodes[node.0].parent).filter(|node| node.0 > 0)
    }

    fn touch(&mut self, node: NodeId) {
        self.now += 1;
        self.nodes[node.0].used = self.now;
    }

    /// Keeps a row, as long as there is place for it.
    fn know(&mut self, node: NodeId, row: Vec<f32>) {
        self.touch(node);
        self.nodes[node.0].row = Some(row);
        let known = || (0..self.nodes.len()).filter(|&node| self.nodes[node].row.is_some());
        if known().count() > self.budget.rows
            && let Some(oldest) = known().min_by_key(|&node| self.nodes[node].used)
        {
            self.nodes[oldest].row = None;
        }
    }
}

/// The model gets back what the tree holds of it.
impl Drop for Explorer<'_> {
    fn drop(&mut self) {
        self.release(self.root());
    }
}
