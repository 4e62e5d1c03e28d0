//! Two branches side by side.

use super::{App, Screen};
use crate::explore::key::{Code, Key};
use crate::explore::tree::NodeId;

/// The writer's text beside another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The ends of the other texts, the nearest first.
    pub others: Vec<NodeId>,
    /// Which one is shown.
    pub at: usize,
    /// Lines of it that are scrolled away.
    pub scroll: usize,
}

impl Comparison {
    /// The end of the text that is shown beside the writer's.
    #[must_use]
    pub fn other(&self) -> NodeId {
        self.others[self.at]
    }
}

impl App {
    /// Shows the text beside the one that has most in common with it.
    pub(super) fn compare(&mut self) {
        let line = self.tree.line();
        let leaves =
            self.tree.in_order().into_iter().filter(|node| self.tree.children(*node).is_empty() && !line.contains(node));
        let shared = |leaf: NodeId| self.tree.way(leaf).iter().zip(&line).take_while(|(one, other)| one == other).count();
        let mut others: Vec<NodeId> = leaves.collect();
        others.sort_by_key(|leaf| std::cmp::Reverse(shared(*leaf)));
        if others.is_empty() {
            self.said = Some("there is one branch only".to_owned());
        } else {
            self.screen = Screen::Compare(Comparison { others, at: 0, scroll: 0 });
        }
    }

    /// How many bytes of the writer's text and of another one are the same.
    #[must_use]
    pub fn shared(&self, other: NodeId) -> usize {
        let (line, way) = (self.tree.line(), self.tree.way(other));
        let nodes = line.iter().zip(&way).take_while(|(one, other)| one == other).map(|(node, _)| *node);
        let last = nodes.last().unwrap_or(self.tree.root());
        let before = self.tree.text(last).len();
        let (own, others) = (self.tree.text(self.tree.current()), self.tree.text(other));
        // What grows from the same place may go on alike for a while.
        before + own[before..].iter().zip(&others[before..]).take_while(|(one, other)| one == other).count()
    }

    pub(super) fn compare_key(&mut self, mut comparison: Comparison, key: Key) {
        let count = comparison.others.len();
        match key.code {
            Code::Tab | Code::Right => (comparison.at, comparison.scroll) = ((comparison.at + 1) % count, 0),
            Code::BackTab | Code::Left => (comparison.at, comparison.scroll) = ((comparison.at + count - 1) % count, 0),
            Code::Down => comparison.scroll += 1,
            Code::Up => comparison.scroll = comparison.scroll.saturating_sub(1),
            Code::PageDown => comparison.scroll += 10,
            Code::PageUp => comparison.scroll = comparison.scroll.saturating_sub(10),
            Code::Enter => {
                self.screen = Screen::Page;
                let other = comparison.other();
                let cursor = self.cursor;
                return self.stand(other, cursor);
            }
            _ => return self.back(),
        }
        self.screen = Screen::Compare(comparison);
    }
}
