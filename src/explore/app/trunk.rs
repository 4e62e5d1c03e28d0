//! The tree as a list of its branches.

use super::blind::Blind;
use super::{App, Screen};
use crate::explore::key::{Code, Key};
use crate::explore::tree::{NodeId, Place, Sort};

/// What of the tree is shown, and where the writer points.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trunk {
    /// The node that is pointed at.
    pub at: Option<NodeId>,
    /// The node whose branches alone are shown; all where there is none.
    pub hoisted: Option<NodeId>,
    /// The order of branches that go on from the same place.
    pub sort: Sort,
}

/// A branch in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its node.
    pub node: NodeId,
    /// How many places with a choice lie before it.
    pub depth: usize,
    /// Whether branches grow from it that are not shown.
    pub is_closed: bool,
    /// Whether the writer's text goes through it.
    pub is_on_line: bool,
}

impl App {
    /// What of the tree is shown.
    #[must_use]
    pub fn trunk(&self) -> &Trunk {
        &self.trunk
    }

    /// The branches in the order in which they are shown. A branch stands deeper than the one before it where that goes on in several ways.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let line = self.tree.line();
        let top = self.trunk.hoisted.filter(|node| self.tree.node(*node).is_some()).unwrap_or(self.tree.root());
        let (mut rows, mut open) = (Vec::new(), vec![(top, 0)]);
        while let Some((node, depth)) = open.pop() {
            let children = self.tree.sorted(node, self.trunk.sort);
            let is_closed = self.closed.contains(&node) && !children.is_empty();
            rows.push(Row { node, depth, is_closed, is_on_line: line.contains(&node) });
            if !is_closed {
                let depth = depth + usize::from(children.len() > 1);
                open.extend(children.into_iter().rev().map(|child| (child, depth)));
            }
        }
        rows
    }

    /// Which of the rows is pointed at.
    #[must_use]
    pub fn pointed(&self, rows: &[Row]) -> usize {
        rows.iter().position(|row| Some(row.node) == self.trunk.at).unwrap_or(0)
    }

    pub(super) fn open_tree(&mut self) {
        self.screen = Screen::Tree;
        self.trunk.at = Some(self.node_here());
        if self.trunk.hoisted.is_some_and(|node| self.tree.node(node).is_none()) {
            self.trunk.hoisted = None;
        }
    }

    /// Points at a row.
    pub(super) fn point(&mut self, row: usize) {
        let rows = self.rows();
        self.trunk.at = rows.get(row.min(rows.len().saturating_sub(1))).map(|row| row.node);
    }

    /// Back to the page.
    pub(super) fn back(&mut self) {
        self.screen = Screen::Page;
        if self.decision.is_none() {
            self.ask_decision();
        }
    }

    pub(super) fn tree_key(&mut self, key: Key) {
        let rows = self.rows();
        let at = self.pointed(&rows);
        let Some(Row { node, is_closed, .. }) = rows.get(at).copied() else { return self.back() };
        match key.code {
            Code::Up => self.point(at.saturating_sub(1)),
            Code::PageUp => self.point(at.saturating_sub(10)),
            Code::PageDown => self.point(at + 10),
            Code::Home => self.point(0),
            Code::End => self.point(usize::MAX),
            Code::Left if !is_closed && self.tree.children(node).len() > 1 => drop(self.closed.insert(node)),
            Code::Left => {
                let above = self.tree.node(node).and_then(|node| node.parent);
                self.trunk.at = above.filter(|above| rows.iter().any(|row| row.node == *above)).or(self.trunk.at);
            }
            Code::Right if is_closed => drop(self.closed.remove(&node)),
            Code::Right | Code::Down => self.point(at + 1),
            Code::Enter => {
                self.screen = Screen::Page;
                let start = if node == self.tree.root() { self.tree.end(node) } else { Place { node, at: 0 } };
                self.stand_at(start);
            }
            Code::Escape | Code::Char('t') => self.back(),
            Code::Char('r') if key.ctrl => self.undo(false),
            Code::Char(c) if !key.ctrl => self.tree_letter(c, node, at),
            _ => {}
        }
    }

    fn tree_letter(&mut self, c: char, node: NodeId, at: usize) {
        match c {
            'd' => {
                let place = self.here();
                let pruned = self.tree.prune(node);
                if self.changed(pruned).is_some() {
                    self.said = Some("pruned: u brings it back".to_owned());
                    self.changed_below(place);
                    self.point(at);
                }
            }
            'm' => {
                let place = self.here();
                let merged = self.tree.merge(node);
                if self.changed(merged).is_some() {
                    self.changed_below(place);
                }
            }
            'u' => self.undo(true),
            'h' => self.trunk.hoisted = if self.trunk.hoisted == Some(node) { None } else { Some(node) },
            'o' => self.trunk.sort = self.trunk.sort.next(),
            'b' => {
                let is_marked = self.tree.node(node).is_some_and(|node| node.bookmark);
                let marked = self.tree.mark(node, !is_marked);
                self.changed(marked);
            }
            'v' => match Blind::of(&self.tree, node) {
                Some(blind) => self.screen = Screen::Blind(blind),
                None => self.said = Some("there is no other branch from the same place".to_owned()),
            },
            'x' => self.screen = Screen::Forms,
            '?' => self.screen = Screen::Help(0),
            'q' => self.leave(),
            _ => {}
        }
    }

    /// The text in which the writer stands may have become another one.
    fn changed_below(&mut self, place: Place) {
        self.give_up_gone();
        let cursor = self.before(place);
        self.stand(self.tree.current(), cursor);
    }
}
