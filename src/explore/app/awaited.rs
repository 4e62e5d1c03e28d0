//! What the tree will have of its own.

use anyhow::Result;

use crate::explore::tree::{How, NodeId, Place, Tree};

/// An order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Time.
    #[default]
    Time,
    /// Mean log-probability.
    Probability,
    /// Mean Ĥ.
    Openness,
}

impl Sort {
    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Time => Self::Probability,
            Self::Probability => Self::Openness,
            Self::Openness => Self::Time,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Probability => "mean log p",
            Self::Openness => "mean Ĥ",
        }
    }
}

/// Facts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// Tokens.
    pub tokens: usize,
    /// Mean surprisal.
    pub surprisal: Option<f64>,
    /// Mean Ĥ.
    pub openness: Option<f64>,
}

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Line.
    #[default]
    Line,
    /// Text.
    Text,
}

impl Form {
    /// All.
    pub const ALL: [Self; 2] = [Self::Line, Self::Text];

    /// Name.
    #[must_use]
    pub fn name(self) -> &'static str {
        if self == Self::Line { "Markdown: this text" } else { "text: this text" }
    }

    /// Extension.
    #[must_use]
    pub fn extension(self) -> &'static str {
        if self == Self::Line { "md" } else { "txt" }
    }
}

impl Tree {
    /// T.
    #[must_use]
    pub fn told_before(&self, place: Place) -> usize {
        let way = self.way(place.node);
        way.iter()
            .skip(1)
            .filter_map(|id| self.node(*id))
            .filter(|node| node.how != How::Typed)
            .map(super::super::tree::Node::len)
            .sum()
    }

    /// Children.
    #[must_use]
    pub fn sorted(&self, node: NodeId, sort: Sort) -> Vec<NodeId> {
        let mut children = self.children(node).to_vec();
        let key = |node: &NodeId| {
            let facts = self.facts(*node);
            match sort {
                Sort::Time => 0.0,
                Sort::Probability => facts.surprisal.unwrap_or(f64::MAX),
                Sort::Openness => -facts.openness.unwrap_or(f64::MIN),
            }
        };
        children.sort_by(|one, other| key(one).total_cmp(&key(other)));
        children
    }

    /// Search.
    #[must_use]
    pub fn search(&self, words: &str) -> Vec<Place> {
        let hits = |id: NodeId| {
            let node = self.node(id)?;
            let at = node.pieces().position(|piece| String::from_utf8_lossy(piece).contains(words))?;
            Some(if node.parent.is_none() { self.end(id) } else { Place { node: id, at } })
        };
        self.in_order().into_iter().filter_map(hits).collect()
    }

    /// Facts.
    #[must_use]
    pub fn facts(&self, node: NodeId) -> Facts {
        let node = self.node(node).cloned().unwrap_or_default();
        let traces: Vec<_> = node.tokens.iter().filter_map(|piece| piece.trace.clone()).collect();
        let mean = |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        Facts {
            tokens: node.tokens.len(),
            surprisal: mean(traces.iter().map(|trace| trace.surprisal).collect()),
            openness: mean(traces.iter().filter_map(|trace| trace.future).collect()),
        }
    }

    /// Export.
    pub fn export(&self, _: Form) -> Result<Vec<u8>> {
        Ok(self.text(self.current()))
    }

    /// Withdraw.
    pub fn withdraw(&mut self, node: NodeId) {
        if self.node(node).is_some_and(|node| node.text.is_empty()) {
            let _ = self.undo();
        }
    }
}
