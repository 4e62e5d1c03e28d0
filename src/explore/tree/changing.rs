//! The changes of a tree.

use std::fmt;

use super::{How, Node, NodeId, Piece, Place, Tree, Vote};

/// Why a change cannot be made: a sentence for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchanged {
    /// There is no such node any more.
    Gone,
    /// What all texts begin with cannot be taken away, merged or compared.
    Root,
    /// The node before it goes on in other ways too.
    HasSiblings,
    /// The text is not cut into tokens yet, or the place is not in it.
    NoPlace,
    /// They do not go on from the same text.
    NoSiblings,
}

impl fmt::Display for Unchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "that text is gone",
            Self::Root => "the beginning stays as it is",
            Self::HasSiblings => "the text before it goes on in other ways too: prune them first",
            Self::NoPlace => "there is no such place in the text",
            Self::NoSiblings => "the two do not go on from the same text",
        })
    }
}

impl std::error::Error for Unchanged {}

impl Tree {
    /// Stands in the text of another node. It changes nothing that would have to be undone.
    ///
    /// # Errors
    /// There is no such node.
    pub fn go(&mut self, node: NodeId) -> Result<(), Unchanged> {
        self.known(node)?;
        self.current = node;
        Ok(())
    }

    /// A new node behind a place, which is split off where it lies within one; the writer stands there then. Whatever stood behind the
    /// place goes on beside it.
    ///
    /// # Errors
    /// There is no such place.
    pub fn grow(&mut self, place: Place, text: &[u8], tokens: Vec<Piece>, how: How, created: u64) -> Result<NodeId, Unchanged> {
        self.check(place)?;
        self.begin();
        let parent = self.part(place, created);
        let node = self.put(parent, Node { text: text.to_vec(), tokens, how, created, ..Node::default() });
        self.current = node;
        Ok(node)
    }

    /// Several new nodes behind a place, which hold nothing yet: drafts that are about to be told. The writer stands in the first.
    ///
    /// # Errors
    /// There is no such place.
    pub fn sprout(&mut self, place: Place, hows: Vec<How>, created: u64) -> Result<Vec<NodeId>, Unchanged> {
        self.check(place)?;
        self.begin();
        let parent = self.part(place, created);
        let made: Vec<NodeId> =
            hows.into_iter().map(|how| self.put(parent, Node { how, created, ..Node::default() })).collect();
        self.current = made.first().copied().unwrap_or(self.current);
        Ok(made)
    }

    /// The node that ends at a place: what stands before it becomes a node of its own, if the place lies within one.
    ///
    /// # Errors
    /// There is no such place.
    pub fn split(&mut self, place: Place) -> Result<NodeId, Unchanged> {
        self.check(place)?;
        self.begin();
        Ok(self.part(place, self.node(place.node).map_or(0, |node| node.created)))
    }

    /// Takes a node away with all behind it; the writer who stood there stands before it then.
    ///
    /// # Errors
    /// There is no such node, or it is the root.
    pub fn prune(&mut self, node: NodeId) -> Result<(), Unchanged> {
        let parent = self.known(node)?.parent.ok_or(Unchanged::Root)?;
        let (below, stood_there) = (self.below(node), self.line().contains(&node));
        self.begin();
        self.touch(parent).children.retain(|child| *child != node);
        for gone in below {
            self.take_out(gone);
        }
        if stood_there {
            self.current = parent;
        }
        Ok(())
    }

    /// Makes one node of a node and the one before it, if that goes on in no other way; it keeps the name of the node.
    ///
    /// # Errors
    /// There is no such node, it or the one before it is the root, the one before it has other children, or one of the two is cut into
    /// tokens and the other is not.
    pub fn merge(&mut self, node: NodeId) -> Result<(), Unchanged> {
        let parent = self.known(node)?.parent.ok_or(Unchanged::Root)?;
        let (before, own) = (self.known(parent)?.clone(), self.known(node)?);
        let above = before.parent.ok_or(Unchanged::Root)?;
        if before.children.len() > 1 {
            return Err(Unchanged::HasSiblings);
        }
        if !before.is_cut() || !own.is_cut() {
            return Err(Unchanged::NoPlace);
        }
        self.begin();
        self.take_out(parent);
        let siblings = &mut self.touch(above).children;
        siblings.iter_mut().filter(|child| **child == parent).for_each(|child| *child = node);
        let merged = self.touch(node);
        merged.parent = Some(above);
        merged.text.splice(..0, before.text);
        merged.tokens.splice(..0, before.tokens);
        merged.bookmark |= before.bookmark;
        if merged.note.is_empty() {
            merged.note = before.note;
        }
        if self.current == parent {
            self.current = node;
        }
        Ok(())
    }

    /// Marks a node, or takes its mark away.
    ///
    /// # Errors
    /// There is no such node.
    pub fn mark(&mut self, node: NodeId, bookmark: bool) -> Result<(), Unchanged> {
        self.known(node)?;
        self.begin();
        self.touch(node).bookmark = bookmark;
        Ok(())
    }

    /// Notes something about a node.
    ///
    /// # Errors
    /// There is no such node.
    pub fn annotate(&mut self, node: NodeId, words: &str) -> Result<(), Unchanged> {
        self.known(node)?;
        self.begin();
        words.clone_into(&mut self.touch(node).note);
        Ok(())
    }

    /// Keeps that somebody who did not see which was which preferred a node to its sibling.
    ///
    /// # Errors
    /// There is no such node, or the two are no siblings.
    pub fn vote(&mut self, chosen: NodeId, over: NodeId, at: u64) -> Result<(), Unchanged> {
        self.known(over)?;
        if self.known(chosen)?.parent.is_none() || chosen == over || !self.siblings(chosen).contains(&over) {
            return Err(Unchanged::NoSiblings);
        }
        self.begin();
        self.touch(chosen).votes.push(Vote { over, at });
        Ok(())
    }

    /// A token was told at the end of a node that is being told; whether it is there to be told. It belongs to the change that made the
    /// node.
    pub fn append(&mut self, node: NodeId, text: &[u8], piece: &Piece) -> bool {
        if self.node(node).is_none_or(|node| !node.children.is_empty() || !node.is_cut()) {
            return false;
        }
        self.know(node, |node| {
            node.text.extend_from_slice(text);
            node.tokens.push(piece.clone());
        });
        true
    }

    /// The last tokens of a node that was told are no part of the text: it keeps so many of them, and then these; whether it is there.
    pub fn trim(&mut self, node: NodeId, keep: usize, text: &[u8], then: &[Piece]) -> bool {
        let Some(tokens) = self.node(node).map(|node| node.tokens.len()) else { return false };
        let gone = tokens.saturating_sub(keep);
        if gone > 0 || !then.is_empty() {
            self.know(node, |node| {
                node.tokens.truncate(node.tokens.len().saturating_sub(gone));
                node.text.truncate(node.tokens.iter().map(|piece| piece.len).sum());
                node.text.extend_from_slice(text);
                node.tokens.extend_from_slice(then);
            });
        }
        true
    }

    /// The tokens of a text are known, or what they were worth: a text that was not cut is cut then, and a token that nothing was known of
    /// has its trace; whether they spell the text. It is no change.
    pub fn learn(&mut self, node: NodeId, tokens: &[Piece]) -> bool {
        let length: usize = tokens.iter().map(|piece| piece.len).sum();
        let fits = |node: &Node| node.text.len() == length && node.parent.is_some();
        if !self.node(node).is_some_and(fits) {
            return false;
        }
        self.know(node, |node| {
            if fits(node) && !node.is_cut() {
                node.tokens = tokens.to_vec();
            } else if fits(node) && node.tokens.len() == tokens.len() {
                for (piece, known) in node.tokens.iter_mut().zip(tokens).filter(|(piece, known)| piece.token == known.token) {
                    piece.trace = piece.trace.take().or_else(|| known.trace.clone());
                }
            }
        });
        true
    }

    fn known(&self, node: NodeId) -> Result<&Node, Unchanged> {
        self.node(node).ok_or(Unchanged::Gone)
    }

    fn check(&self, place: Place) -> Result<(), Unchanged> {
        let node = self.known(place.node)?;
        let is_there = if place.node == self.root { place.at == node.len() } else { place.at <= node.len() };
        if is_there { Ok(()) } else { Err(Unchanged::NoPlace) }
    }

    /// The node that ends at a place, as a part of the change that has begun.
    fn part(&mut self, place: Place, created: u64) -> NodeId {
        let Place { node: id, at } = place;
        let Some(node) = self.node(id).cloned() else { return id };
        let (Some(parent), true) = (node.parent, at < node.len()) else { return id };
        if at == 0 {
            return parent;
        }
        let bytes = node.bytes_before(at);
        let head = Node {
            parent: Some(parent),
            children: vec![id],
            text: node.text[..bytes].to_vec(),
            tokens: node.tokens[..at].to_vec(),
            how: node.how.clone(),
            created,
            ..Node::default()
        };
        let name = self.name();
        *self.touch(name) = head;
        let siblings = &mut self.touch(parent).children;
        siblings.iter_mut().filter(|child| **child == id).for_each(|child| *child = name);
        let tail = self.touch(id);
        tail.parent = Some(name);
        tail.text.drain(..bytes);
        tail.tokens.drain(..at);
        if let How::Told(told) = &mut tail.how {
            told.t += at;
        }
        name
    }

    /// Puts a node behind another one.
    fn put(&mut self, parent: NodeId, node: Node) -> NodeId {
        let name = self.name();
        *self.touch(name) = Node { parent: Some(parent), ..node };
        self.touch(parent).children.push(name);
        name
    }

    fn name(&mut self) -> NodeId {
        let name = NodeId(self.next);
        self.next += 1;
        name
    }
}
