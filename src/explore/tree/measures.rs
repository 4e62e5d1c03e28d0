//! What is to be known of the texts of a tree: numbers of a node, orders of siblings, and where words stand.

use std::cmp::Ordering;

use anyhow::Result;
use regex::bytes::{Regex, RegexBuilder};

use super::{Node, NodeId, Place, Tree};

/// Numbers of a stretch of text. Means are over the tokens of which they are known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Statistics {
    /// Tokens; a text that is not cut has none.
    pub tokens: usize,
    /// Mean −ln p of the tokens, the model's own, in nats.
    pub surprisal: Option<f64>,
    /// Mean entropy of the distributions from which they came, in nats.
    pub entropy: Option<f64>,
    /// Mean Ĥ behind the tokens.
    pub future: Option<f64>,
}

/// An order of siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// As they came.
    #[default]
    Time,
    /// The likeliest first, by the mean log-probability of the tokens.
    Probability,
    /// The most open first, by the mean Ĥ.
    Openness,
}

impl Sort {
    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Probability => "probability",
            Self::Openness => "openness",
        }
    }

    /// The next one, and after the last the first.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Time => Self::Probability,
            Self::Probability => Self::Openness,
            Self::Openness => Self::Time,
        }
    }
}

impl Statistics {
    /// Of these nodes together.
    fn of(nodes: &[&Node]) -> Self {
        let pieces = || nodes.iter().flat_map(|node| &node.tokens);
        let traces = || pieces().filter_map(|piece| piece.trace.as_deref());
        Self {
            tokens: pieces().count(),
            surprisal: mean(traces().map(|trace| trace.surprisal)),
            entropy: mean(traces().map(|trace| trace.entropy)),
            future: mean(traces().filter_map(|trace| trace.future)),
        }
    }
}

fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = numbers.fold((0.0, 0_usize), |(sum, count), number| (sum + number, count + 1));
    (count > 0).then(|| sum / count as f64)
}

impl Tree {
    /// The numbers of a node's own stretch.
    #[must_use]
    pub fn statistics(&self, node: NodeId) -> Statistics {
        Statistics::of(self.node(node).as_slice())
    }

    /// The numbers of the whole text of a node, behind the beginning.
    #[must_use]
    pub fn statistics_of_text(&self, node: NodeId) -> Statistics {
        let way: Vec<&Node> = self.way(node).into_iter().filter_map(|node| self.node(node)).collect();
        Statistics::of(&way)
    }

    /// The nodes behind one, in this order; those of which it is not known come last, as they came.
    #[must_use]
    pub fn sorted(&self, node: NodeId, by: Sort) -> Vec<NodeId> {
        let mut children = self.children(node).to_vec();
        let key = |node: NodeId| match by {
            Sort::Time => None,
            Sort::Probability => self.statistics(node).surprisal.map(|surprisal| -surprisal),
            Sort::Openness => self.statistics(node).future,
        };
        children.sort_by(|&one, &other| match (key(one), key(other)) {
            (Some(one), Some(other)) => other.total_cmp(&one),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        });
        children
    }

    /// The leaves, in the order in which they are read.
    #[must_use]
    pub fn leaves(&self) -> Vec<NodeId> {
        self.in_order().into_iter().filter(|&node| self.children(node).is_empty()).collect()
    }

    /// The nodes that the writer has marked, in the order in which they are read.
    #[must_use]
    pub fn bookmarks(&self) -> Vec<NodeId> {
        self.in_order().into_iter().filter(|&node| self.node(node).is_some_and(|node| node.bookmark)).collect()
    }

    /// Where these words stand, however they are written, large or small: the places behind the pieces in which each of them ends, in the
    /// order in which the tree is read. Words that go over several nodes are found in the last of them.
    ///
    /// # Errors
    /// Words that are too long to look for.
    pub fn search(&self, words: &str) -> Result<Vec<Place>> {
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let words = RegexBuilder::new(&regex::escape(words)).case_insensitive(true).build()?;
        let mut places = Vec::new();
        for id in self.in_order() {
            places.extend(self.found_in(id, &words));
        }
        Ok(places)
    }

    /// Where words end within a node.
    fn found_in(&self, id: NodeId, words: &Regex) -> Vec<Place> {
        /// Of the text before a node so much is looked at.
        const BEFORE: usize = 400;
        let Some(node) = self.node(id) else { return Vec::new() };
        let (mut before, mut above) = (Vec::new(), node.parent);
        while let Some(parent) = above.and_then(|above| self.node(above)).filter(|_| before.len() < BEFORE) {
            before.splice(..0, parent.text.iter().copied());
            above = parent.parent;
        }
        before.drain(..before.len().saturating_sub(BEFORE));
        let text = [&before[..], &node.text].concat();
        let ends = words.find_iter(&text).map(|found| found.end()).filter(|&end| end > before.len());
        let place = |end: usize| {
            let (mut at, mut length) = (0, before.len());
            for piece in node.pieces() {
                if length >= end {
                    break;
                }
                (at, length) = (at + 1, length + piece.len());
            }
            Place { node: id, at }
        };
        ends.map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::{pieces, tree_of};
    use super::*;
    use crate::explore::How;
    use crate::story::{ScoredToken, TracedToken};

    /// A node of one token whose surprisal and Ĥ are these.
    fn traced(tree: &mut Tree, surprisal: f64, future: Option<f64>) -> NodeId {
        let read = TracedToken::read(&ScoredToken { id: 1, bytes: 1, surprisal, rank: 0, entropy: 2.0 }, "a".to_owned());
        let mut piece = pieces(b"a");
        piece[0].trace = Some(Arc::new(TracedToken { future, ..read }));
        tree.grow(tree.end(tree.root()), b"a", piece, How::Typed, 0).unwrap()
    }

    #[test]
    fn siblings_are_ordered_by_what_is_known_of_them() {
        let mut tree = tree_of("Once");
        let [sure, open] = [traced(&mut tree, 0.5, Some(0.2)), traced(&mut tree, 2.5, Some(0.9))];
        let typed = tree.grow(tree.end(tree.root()), b"b", vec![], How::Typed, 0).unwrap();
        let dull = traced(&mut tree, 1.5, None);
        let sorted = |by| tree.sorted(tree.root(), by);
        assert_eq!(sorted(Sort::Time), [sure, open, typed, dull]);
        assert_eq!(sorted(Sort::Probability), [sure, dull, open, typed]);
        assert_eq!(sorted(Sort::Openness), [open, sure, typed, dull]);
        assert_eq!(
            [Sort::Time, Sort::Probability, Sort::Openness].map(Sort::next),
            [Sort::Probability, Sort::Openness, Sort::Time]
        );
        let numbers = Statistics { tokens: 1, surprisal: Some(2.5), entropy: Some(2.0), future: Some(0.9) };
        assert_eq!((tree.statistics(open), tree.statistics(typed)), (numbers, Statistics::default()));
        assert_eq!(tree.statistics_of_text(open), numbers);
        assert_eq!(tree.leaves(), [sure, open, typed, dull]);
    }

    #[test]
    fn words_are_found_however_they_are_written_and_over_seams() {
        let mut tree = tree_of("Once upon a");
        let root = tree.end(tree.root());
        let told = tree.grow(root, b" Time, a TIME", pieces(b" Time, a TIME"), How::Typed, 0).unwrap();
        let typed = tree.grow(Place { node: told, at: 7 }, " a zeit, \u{c4}rger".as_bytes(), vec![], How::Typed, 0).unwrap();
        let search = |words: &str| tree.search(words).unwrap();
        let head = tree.node(told).unwrap().parent.unwrap();
        let at = |node, at| Place { node, at };
        assert_eq!(search("time"), [at(head, 5), at(told, 6)]);
        // The head is " Time, ", and both of its children begin with an a.
        assert_eq!(search("a time, a"), [at(told, 1)]);
        assert_eq!(search("a TIME,  A"), [at(typed, 1)]);
        assert_eq!(search("\u{e4}RGER"), [at(typed, 1)]);
        assert_eq!((search(""), search("a.*")), (vec![], vec![]));
        assert_eq!(search("once"), [at(tree.root(), 1)]);
    }
}
