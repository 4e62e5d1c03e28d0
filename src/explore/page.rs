//! A page of a tree: each of its branches as a story, with what is known of its tokens.

use anyhow::Result;

use super::tree::{How, NodeId, Tree};
use crate::report::{Page, Story, page};
use crate::story::{Mode, TracedToken};
use crate::text::sanitize;

impl Tree {
    /// The page of all branches, as [`page`] makes it. A branch of which not every token is known is shown as text.
    ///
    /// # Errors
    /// Numbers that JSON cannot hold.
    pub fn page(&self) -> Result<String> {
        let stories = self.branches();
        let kind = if stories.len() == 1 { Page::Story } else { Page::Folder };
        let title = stories.first().map_or(String::new(), Story::title);
        page(kind, &title, &stories)
    }

    /// Every branch as a story, in the order in which they are read: what stands behind the beginning.
    #[must_use]
    pub fn branches(&self) -> Vec<Story> {
        (1..).zip(self.leaves()).map(|(number, leaf)| self.branch(number, leaf)).collect()
    }

    fn branch(&self, number: usize, leaf: NodeId) -> Story {
        let way = self.way(leaf);
        let nodes = || way.iter().skip(1).filter_map(|node| self.node(*node));
        let text: Vec<u8> = nodes().flat_map(|node| node.text.iter().copied()).collect();
        let is_known = nodes().all(|node| node.is_cut() && node.tokens.iter().all(|piece| piece.trace.is_some()));
        let pieces = || nodes().flat_map(|node| &node.tokens);
        let trace: Vec<TracedToken> = pieces().filter_map(|piece| piece.trace.as_deref().cloned()).collect();
        let mut last = nodes().filter_map(|node| match &node.how {
            How::Told(told) => Some(told),
            How::Typed | How::Chosen { .. } => None,
        });
        let preset = last.next_back().map_or("typed".to_owned(), |told| told.recipe());
        let beginning = self.beginning();
        let (answers, begun) = match &beginning.mode {
            Mode::Raw => (false, ""),
            Mode::Chat(chat) => (true, chat.prefill.as_str()),
        };
        let (text, known) = (String::from_utf8_lossy(&text), if is_known { &trace[..] } else { &[] });
        let story = Story::healed(&preset, &beginning.prompt, &beginning.healed, &text, known);
        let numbers = self.statistics_of_text(leaf);
        Story {
            name: format!("branch {number}"),
            answers,
            begun: sanitize(begun).into_owned(),
            tokens: numbers.tokens,
            surprisal: numbers.surprisal.unwrap_or_default(),
            facts: self.facts(&way),
            ..story
        }
    }

    /// How a branch came to be what it is, stretch by stretch.
    fn facts(&self, way: &[NodeId]) -> Vec<(String, String)> {
        let mut facts = Vec::new();
        for node in way.iter().skip(1).filter_map(|node| self.node(*node)) {
            let how = match &node.how {
                How::Typed => "written".to_owned(),
                How::Chosen { rank } => format!("chosen, where {rank} tokens were likelier"),
                How::Told(told) => {
                    format!("told by {} from token {} on, seed {}", told.recipe(), told.t + 1, told.seed)
                }
            };
            let words: String =
                node.shown().split_whitespace().take(4).collect::<Vec<_>>().join(" ").chars().take(40).collect();
            facts.push((sanitize(&words).into_owned(), sanitize(&how).into_owned()));
            if !node.note.is_empty() {
                facts.push(("note".to_owned(), sanitize(&node.note).into_owned()));
            }
        }
        let model = &self.model().name;
        if !model.is_empty() {
            facts.push(("model".to_owned(), sanitize(model).into_owned()));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tree::{Beginning, ModelName, Piece, Place, Told};
    use super::*;
    use crate::story::ScoredToken;

    #[test]
    fn a_branch_of_which_all_is_known_is_shown_with_it_and_another_one_as_text() {
        let beginning = Beginning { prompt: "Once".to_owned(), ..Beginning::default() };
        let mut tree = Tree::new(beginning, ModelName { name: "Toy".to_owned(), ..ModelName::default() }, 0);
        let piece = |id, text: &str, surprisal| {
            let scored = ScoredToken { id, bytes: text.len(), surprisal, rank: 0, entropy: 1.0 };
            Piece { token: id, len: text.len(), trace: Some(Arc::new(TracedToken::read(&scored, text.to_owned()))) }
        };
        let told = Told { preset: "wave".to_owned(), set: vec!["dry=off".to_owned()], seed: 4, t: 0, model: "Toy".to_owned() };
        let pieces = vec![piece(1, " a", 1.0), piece(2, " king", 3.0)];
        let root = tree.end(tree.root());
        let node = tree.grow(root, b" a king", pieces, How::Told(Box::new(told)), 0).unwrap();
        tree.grow(Place { node, at: 1 }, b" <queen>", vec![], How::Typed, 0).unwrap();
        let [known, typed] = &tree.branches()[..] else { panic!("{:?}", tree.branches()) };
        assert_eq!((&known.name[..], &known.label[..], known.surprisal, known.tokens), ("branch 1", "wave dry=off", 2.0, 2));
        assert_eq!((known.trace.len(), &known.slices[..]), (2, &[" a".to_owned(), " king".to_owned()][..]));
        assert_eq!((typed.trace.len(), &typed.text[..]), (0, " a <queen>"));
        assert_eq!(typed.facts.last(), Some(&("model".to_owned(), "Toy".to_owned())));
        assert!(known.facts.contains(&("king".to_owned(), "told by wave dry=off from token 2 on, seed 4".to_owned())));
        assert!(tree.page().unwrap().contains("branch 2"));
    }
}
