//! Phrases by their beginnings.

use std::collections::HashMap;

/// A place in the phrases: what has been read of some of them.
pub(super) type Node = u32;

/// The beginning of all phrases.
pub(super) const ROOT: Node = 0;

/// The phrases, those that begin alike together.
#[derive(Debug, Default)]
pub(super) struct Trie {
    next: HashMap<(Node, char), Node>,
    /// The phrase that is complete at a node, by its number.
    complete: HashMap<Node, usize>,
    nodes: Node,
}

impl Trie {
    /// Adds a phrase under its number. Of equal ones the first counts.
    pub fn add(&mut self, phrase: impl Iterator<Item = char>, number: usize) {
        let mut node = ROOT;
        for c in phrase {
            node = *self.next.entry((node, c)).or_insert_with(|| {
                self.nodes += 1;
                self.nodes
            });
        }
        self.complete.entry(node).or_insert(number);
    }

    /// What has been read with one character more, if any phrase goes on so.
    pub fn next(&self, node: Node, c: char) -> Option<Node> {
        self.next.get(&(node, c)).copied()
    }

    /// The phrase that has been read whole.
    pub fn complete(&self, node: Node) -> Option<usize> {
        self.complete.get(&node).copied()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes == ROOT
    }
}
