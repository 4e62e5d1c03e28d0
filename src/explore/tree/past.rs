//! What was before: the changes that can be undone, and those that were.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Node, NodeId, Tree};

/// The changes of a tree, the last one last.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    undo: Vec<Change>,
    redo: Vec<Change>,
}

/// What a change has touched, as it was on the other side of it.
#[derive(Debug, Clone)]
struct Change {
    nodes: BTreeMap<NodeId, Option<Arc<Node>>>,
    current: NodeId,
}

impl Tree {
    /// Begins a change: what is touched from now on is undone together.
    pub(super) fn begin(&mut self) {
        self.past.redo.clear();
        self.past.undo.push(Change { nodes: BTreeMap::new(), current: self.current });
    }

    /// A node that the change that has begun is about to touch; a new one where there was none.
    pub(super) fn touch(&mut self, node: NodeId) -> &mut Node {
        if let Some(change) = self.past.undo.last_mut() {
            change.nodes.entry(node).or_insert_with(|| self.nodes.get(&node).cloned());
        }
        Arc::make_mut(self.nodes.entry(node).or_default())
    }

    /// Takes a node out, as a part of the change that has begun.
    pub(super) fn take_out(&mut self, node: NodeId) {
        let gone = self.nodes.remove(&node);
        if let Some(change) = self.past.undo.last_mut() {
            change.nodes.entry(node).or_insert(gone);
        }
    }

    /// Lets something be known of a node, as if it had always been known: now, and in every past and future of it.
    pub(super) fn know(&mut self, node: NodeId, learn: impl Fn(&mut Node)) {
        let now = self.nodes.get_mut(&node);
        let changes = self.past.undo.iter_mut().chain(&mut self.past.redo);
        let others = changes.filter_map(|change| change.nodes.get_mut(&node)?.as_mut());
        // One that is not changed in between stays one.
        let mut known: Option<(*const Node, Arc<Node>)> = None;
        for held in now.into_iter().chain(others) {
            match &known {
                Some((before, after)) if *before == Arc::as_ptr(held) => *held = Arc::clone(after),
                _ => {
                    let before = Arc::as_ptr(held);
                    learn(Arc::make_mut(held));
                    known = Some((before, Arc::clone(held)));
                }
            }
        }
    }

    /// Forgets what was before: this is how the tree begins.
    pub(in crate::explore) fn forget_past(&mut self) {
        self.past = Past::default();
    }

    /// A node into which nothing was told goes, as if it had never been: now, and in every past and future; and so does the change that
    /// made it, if that has done nothing else. Whether there was such a node.
    pub fn withdraw(&mut self, node: NodeId) -> bool {
        let empty = self.node(node).filter(|node| node.is_empty() && node.children.is_empty());
        let Some(parent) = empty.and_then(|node| node.parent) else { return false };
        let without = |held: &mut Arc<Node>| {
            if held.children.contains(&node) {
                Arc::make_mut(held).children.retain(|child| *child != node);
            }
        };
        self.nodes.remove(&node);
        self.nodes.get_mut(&parent).into_iter().for_each(without);
        for change in self.past.undo.iter_mut().chain(&mut self.past.redo) {
            change.nodes.remove(&node);
            change.nodes.values_mut().flatten().for_each(without);
            if change.current == node {
                change.current = parent;
            }
        }
        let stood_there = self.current == node;
        if stood_there {
            self.current = parent;
        }
        let nothing = |change: &mut Change| change.nodes.iter().all(|(id, was)| self.nodes.get(id) == was.as_ref());
        if let Some(change) = self.past.undo.pop_if(nothing)
            && stood_there
        {
            self.current = change.current;
        }
        true
    }

    /// Whether there is a change to be undone, and one to be made again.
    #[must_use]
    pub fn can_undo_and_redo(&self) -> [bool; 2] {
        [!self.past.undo.is_empty(), !self.past.redo.is_empty()]
    }

    /// Takes the last change back; whether there was one. The writer stands where they stood before it.
    pub fn undo(&mut self) -> bool {
        let Some(change) = self.past.undo.pop() else { return false };
        let again = self.cross(change);
        self.past.redo.push(again);
        true
    }

    /// Makes the change again that was taken back last; whether there was one.
    pub fn redo(&mut self) -> bool {
        let Some(change) = self.past.redo.pop() else { return false };
        let back = self.cross(change);
        self.past.undo.push(back);
        true
    }

    /// Goes to the other side of a change; returns the way back.
    fn cross(&mut self, change: Change) -> Change {
        let Change { nodes, current } = change;
        let swap = |(node, other): (NodeId, Option<Arc<Node>>)| {
            let here = match other {
                Some(other) => self.nodes.insert(node, other),
                None => self.nodes.remove(&node),
            };
            (node, here)
        };
        let nodes = nodes.into_iter().map(swap).collect();
        Change { nodes, current: std::mem::replace(&mut self.current, current) }
    }
}
