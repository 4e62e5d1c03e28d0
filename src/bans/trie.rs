//! Phrases by their beginnings.

use std::collections::{HashMap, HashSet};

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
    /// Where the first word of a phrase is whole.
    first: HashSet<Node>,
    nodes: Node,
}

impl Trie {
    /// Adds a phrase under its number. Of equal ones the first counts.
    pub fn add(&mut self, phrase: &[char], number: usize) {
        let mut node = ROOT;
        let word = phrase.iter().position(|c| *c == ' ').unwrap_or(phrase.len());
        for (at, &c) in phrase.iter().enumerate() {
            node = *self.next.entry((node, c)).or_insert_with(|| {
                self.nodes += 1;
                self.nodes
            });
            if at + 1 == word {
                self.first.insert(node);
            }
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

    /// Whether the first word of a phrase has been read, and no more.
    pub fn is_first_word(&self, node: Node) -> bool {
        self.first.contains(&node)
    }

    pub fn is_empty(&self) -> bool {
        self.nodes == ROOT
    }
}
