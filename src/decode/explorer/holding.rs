//! Which texts of the tree are in memory, and what is given up for another.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use anyhow::{Result, ensure};

use super::{Explorer, Node, NodeId};
use crate::model::{Branch, Model, Origin};

impl Explorer<'_> {
    /// Makes sure that a node's text is in memory, computed anew if it is gone; whether it is.
    pub(super) fn hold(&mut self, node: NodeId, standing: &BTreeSet<NodeId>) -> Result<bool> {
        let Node { depth, branch, .. } = self.nodes[node.0];
        if branch.is_none() {
            let back = match self.longest(node, depth) {
                // The beginning of a longer text needs no decode.
                Some((len, other)) if len == depth => self.step_back(other, len, standing)?,
                _ => None,
            };
            if let Some(branch) = back {
                self.settle(node, branch);
            } else {
                // Its last token is read again, whatever is known of it.
                let row = self.nodes[node.0].row.take();
                let reached = self.reach(node, &mut |_, _| ControlFlow::Continue(()));
                if row.is_some() {
                    self.nodes[node.0].row = row;
                }
                reached?;
            }
        }
        self.touch(node);
        Ok(self.nodes[node.0].branch.is_some())
    }

    /// Where the reading of a node's text begins, and how many tokens of it lie behind that; at most `most`.
    pub(super) fn begin(&mut self, node: NodeId, most: usize) -> Result<(Origin, usize)> {
        let (depth, nothing) = (self.nodes[node.0].depth, BTreeSet::new());
        let above = |explorer: &Self| {
            let is_there = |above: &NodeId| explorer.nodes[above.0].branch.is_some() && explorer.nodes[above.0].depth <= most;
            explorer.way(node).find(is_there)
        };
        let held = above(self).map_or(0, |above| self.nodes[above.0].depth);
        if let Some((len, other)) = self.longest(node, most).filter(|(len, _)| *len > held)
            && let Some(branch) = self.step_back(other, len, &nothing)?
        {
            if self.fits(&nothing, 0, depth - len) {
                return Ok((Origin::Move(branch), len));
            }
            self.model.release(branch);
        }
        if let Some(above) = above(self)
            && let Some(branch) = self.nodes[above.0].branch
        {
            let (held, standing) = (self.nodes[above.0].depth, BTreeSet::from([above]));
            if self.fits(&standing, 1, depth - held) {
                return Ok((Origin::Fork(branch), held));
            }
            if self.fits(&standing, 0, depth - held) {
                // There is no room for both: the shorter text becomes the longer one.
                self.nodes[above.0].branch = None;
                self.living.remove(&above);
                return Ok((Origin::Move(branch), held));
            }
        }
        ensure!(self.fits(&nothing, 1, depth), "the model has no room for a text of {depth} tokens");
        Ok((Origin::Root, 0))
    }

    /// The text in memory that has most in common with that of a node: how many tokens, at most `most` and not 0, and whose.
    fn longest(&self, node: NodeId, most: usize) -> Option<(usize, NodeId)> {
        let own: BTreeSet<NodeId> = self.way(node).collect();
        let common = |other: NodeId| self.way(other).find(|node| own.contains(node)).map_or(0, |node| self.nodes[node.0].depth);
        self.living.iter().map(|&other| (common(other).min(most), other)).filter(|(len, _)| *len > 0).max()
    }

    /// A branch of the first `len` tokens of a text in memory, for which anything that is not in `standing` may be given up;
    /// `None` where the memory cannot step back so far, or there is no place for one more.
    fn step_back(&mut self, other: NodeId, len: usize, standing: &BTreeSet<NodeId>) -> Result<Option<Branch>> {
        let mut keep = standing.clone();
        keep.insert(other);
        let in_its_place = !self.fits(&keep, 1, 0);
        let Some(branch) = self.nodes[other.0].branch else { return Ok(None) };
        if in_its_place && (standing.contains(&other) || self.model.room().branches == 0) {
            return Ok(None);
        }
        let back = self.model.prefix(branch, len)?;
        if in_its_place && back.is_some() {
            self.forget(other);
        }
        Ok(back)
    }

    /// Whether so many branches and cells more fit; what is not in `standing` is given up for them, the least recently used
    /// first.
    pub(super) fn fits(&mut self, standing: &BTreeSet<NodeId>, branches: usize, cells: usize) -> bool {
        loop {
            let room = self.model.room();
            if self.living.len() + branches <= self.budget.branches && room.branches >= branches && room.cells >= cells {
                return true;
            }
            let oldest = self.living.difference(standing).min_by_key(|node| self.nodes[node.0].used);
            let Some(&oldest) = oldest else { return false };
            self.forget(oldest);
        }
    }

    /// Gives up the memory of a node and of all behind it, and their rows; the nodes stay.
    pub fn release(&mut self, node: NodeId) {
        let mut behind = vec![node];
        while let Some(node) = behind.pop() {
            self.forget(node);
            self.nodes[node.0].row = None;
            behind.extend(self.nodes[node.0].children.values());
        }
    }

    /// A node's text is in memory, on this branch.
    pub(super) fn settle(&mut self, node: NodeId, branch: Branch) {
        self.forget(node);
        self.nodes[node.0].branch = Some(branch);
        self.living.insert(node);
        self.touch(node);
    }

    pub(super) fn forget(&mut self, node: NodeId) {
        if let Some(branch) = self.nodes[node.0].branch.take() {
            self.living.remove(&node);
            self.model.release(branch);
        }
    }
}
