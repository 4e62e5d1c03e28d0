//! The line: the text in which the writer stands, piece by piece, and the cursor in it.

use super::App;
use crate::explore::tree::{Node, NodeId, Place};
use crate::story::TracedToken;

/// A piece of the line.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    /// Its node.
    pub node: &'a Node,
    /// The name of that.
    pub id: NodeId,
    /// Which of the node's pieces it is.
    pub at: usize,
    /// What it says.
    pub text: &'a [u8],
}

impl Spot<'_> {
    /// What was known and decided there.
    #[must_use]
    pub fn trace(&self) -> Option<&TracedToken> {
        self.node.tokens.get(self.at)?.trace.as_deref()
    }
}

impl App {
    /// The pieces of the line, without the beginning and without what is out of sight.
    pub fn spots(&self) -> impl Iterator<Item = Spot<'_>> {
        self.spots_of(self.tree.current()).take(self.len())
    }

    /// The pieces of another line.
    pub fn spots_of(&self, leaf: NodeId) -> impl Iterator<Item = Spot<'_>> {
        let nodes = self.tree.way(leaf).into_iter().skip(1).filter_map(|id| Some((id, self.tree.node(id)?)));
        nodes.flat_map(|(id, node)| node.pieces().enumerate().map(move |(at, text)| Spot { node, id, at, text }))
    }

    /// How many pieces of the line are in sight.
    #[must_use]
    pub fn len(&self) -> usize {
        let all = self.whole();
        self.cut.map_or(all, |cut| cut.min(all))
    }

    /// Whether nothing stands behind the beginning.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many pieces the line has.
    pub(super) fn whole(&self) -> usize {
        self.nodes().map(|(_, node)| node.len()).sum()
    }

    /// The nodes of the line behind the root.
    fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.tree.line().into_iter().skip(1).filter_map(|id| Some((id, self.tree.node(id)?)))
    }

    /// The place before which so many pieces of the line stand; at the end of a node rather than at the beginning of the next.
    pub(super) fn place(&self, pieces: usize) -> Place {
        let mut before = 0;
        let mut last = self.tree.end(self.tree.root());
        for (node, held) in self.nodes() {
            if pieces <= before {
                break;
            }
            let at = (pieces - before).min(held.len());
            (before, last) = (before + held.len(), Place { node, at });
        }
        last
    }

    /// The place of the cursor.
    #[must_use]
    pub fn here(&self) -> Place {
        self.place(self.cursor)
    }

    /// How many pieces of the line stand before a place of it; all where it is no place of it.
    pub(super) fn before(&self, place: Place) -> usize {
        if place.node == self.tree.root() {
            return 0;
        }
        let mut before = 0;
        for (node, held) in self.nodes() {
            if node == place.node {
                return before + place.at.min(held.len());
            }
            before += held.len();
        }
        before
    }

    /// The node of a piece, and which of its pieces that is.
    #[must_use]
    pub fn spot(&self, piece: usize) -> Option<(NodeId, usize)> {
        let mut before = 0;
        for (node, held) in self.nodes() {
            if piece < before + held.len() {
                return Some((node, piece - before));
            }
            before += held.len();
        }
        None
    }

    /// The text of a piece.
    pub(super) fn piece(&self, piece: usize) -> Option<&[u8]> {
        let (node, at) = self.spot(piece)?;
        self.tree.node(node)?.pieces().nth(at)
    }

    /// Whether a word begins with a piece: behind or with white space.
    pub(super) fn begins_word(&self, piece: usize) -> bool {
        let is_blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
        let begins = self.piece(piece).is_none_or(|text| is_blank(text.first()));
        begins || piece == 0 || self.piece(piece - 1).is_some_and(|text| is_blank(text.last()))
    }

    /// The last place at or before the cursor where the line has a choice: pieces before it, and the node with which it goes on.
    pub(super) fn fork_before(&self) -> Option<(usize, NodeId)> {
        let mut before = 0;
        let mut last = None;
        for (node, held) in self.nodes() {
            if before > self.cursor {
                break;
            }
            if self.tree.siblings(node).len() > 1 {
                last = Some((before, node));
            }
            before += held.len();
        }
        last
    }

    /// The leaf to which a node leads: where the writer last went from it, else the first.
    pub(super) fn leaf(&self, node: NodeId) -> NodeId {
        let mut leaf = node;
        loop {
            let children = self.tree.children(leaf);
            let visited = self.visited.get(&leaf).filter(|child| children.contains(child));
            match visited.or(children.first()) {
                Some(&child) => leaf = child,
                None => return leaf,
            }
        }
    }
}
