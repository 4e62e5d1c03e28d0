//! Two branches without names: which is better?

use super::{App, Screen};
use crate::explore::key::{Code, Key};
use crate::explore::tree::{NodeId, Tree};
use crate::prob::Noise;

/// Two branches from one place, in an order drawn by lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blind {
    /// The two, as they are shown.
    pub pair: [NodeId; 2],
}

impl Blind {
    /// A branch and the one beside it that was judged the least; none where it is alone.
    #[must_use]
    pub fn of(tree: &Tree, node: NodeId) -> Option<Self> {
        let siblings = tree.siblings(node);
        let votes = |node: NodeId| tree.node(node).map_or(0, |node| node.votes.len());
        let at = siblings.iter().position(|one| *one == node)?;
        // From the next one on around, so that equal ones come in turn.
        let others = (1..siblings.len()).map(|by| siblings[(at + by) % siblings.len()]);
        let other = others
            .filter(|other| tree.node(*other).is_some_and(|other| !other.is_empty()))
            .min_by_key(|other| votes(*other))?;
        let lot = Noise::new(node.0 ^ other.0.rotate_left(32), &[]).at(votes(node) + votes(other), 0).bits(0);
        Some(Self { pair: if lot.is_multiple_of(2) { [node, other] } else { [other, node] } })
    }
}

impl App {
    pub(super) fn blind_key(&mut self, blind: &Blind, key: Key) {
        let [first, second] = blind.pair;
        let (chosen, over) = match key.code {
            Code::Char('1') => (first, second),
            Code::Char('2') => (second, first),
            _ => {
                self.screen = Screen::Tree;
                return;
            }
        };
        self.screen = Screen::Tree;
        let voted = self.tree.vote(chosen, over, self.now);
        if self.changed(voted).is_some() {
            self.trunk.at = Some(chosen);
            self.said = Some("kept: this is the one".to_owned());
        }
    }
}
