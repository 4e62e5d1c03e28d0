//! Places to go to: bookmarks, and what a search has found.

use anyhow::Result;

use super::{App, Screen};
use crate::explore::key::{Code, Key};
use crate::explore::tree::{Place, Tree};
use crate::text::excerpt;

/// Characters that are shown of a place.
const EXCERPT: usize = 200;

/// Bytes that are shown before what was found.
const BEFORE: usize = 24;

/// A place to go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The place.
    pub place: Place,
    /// The words there.
    pub words: String,
    /// What was noted about it.
    pub note: String,
}

/// Places to go to, of which one is pointed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// What they are.
    pub title: String,
    /// The places.
    pub found: Vec<Found>,
    /// Which one is pointed at.
    pub at: usize,
}

impl List {
    /// The branches with a bookmark or a note.
    #[must_use]
    pub fn bookmarks(tree: &Tree) -> Self {
        let marked = tree.in_order().into_iter().filter_map(|id| Some((id, tree.node(id)?)));
        let marked = marked.filter(|(_, node)| node.bookmark || !node.note.is_empty());
        let found = |(id, node): (_, &crate::explore::tree::Node)| {
            let place = if node.parent.is_none() { tree.end(id) } else { Place { node: id, at: 0 } };
            Found { place, words: excerpt(&node.shown(), EXCERPT), note: node.note.clone() }
        };
        Self { title: "bookmarks and notes".to_owned(), found: marked.map(found).collect(), at: 0 }
    }

    /// All places of the tree where these words stand.
    ///
    /// # Errors
    /// Words that are too long to look for.
    pub fn search(tree: &Tree, words: &str) -> Result<Self> {
        let found = |place: Place| {
            let text = tree.text(place.node);
            let own = tree.node(place.node).map_or(0, |node| node.text.len() - node.bytes_before(place.at));
            let from = text.len().saturating_sub(own + BEFORE);
            // From a whole word on.
            let blank = text[from..].iter().position(u8::is_ascii_whitespace).filter(|at| from > 0 && *at < BEFORE);
            let words = excerpt(&String::from_utf8_lossy(&text[from + blank.unwrap_or(0)..]), EXCERPT);
            Found { place, words: words.trim_start_matches('\u{fffd}').to_owned(), note: String::new() }
        };
        Ok(Self { title: format!("search: {words}"), found: tree.search(words)?.into_iter().map(found).collect(), at: 0 })
    }

    /// Points at one, the last where there are not so many.
    pub(super) fn point(&mut self, at: usize) {
        self.at = at.min(self.found.len().saturating_sub(1));
    }
}

impl App {
    /// Shows a list, where there is something in it.
    pub(super) fn list(&mut self, list: List) {
        if list.found.is_empty() {
            self.said = Some(format!("{}: nothing", list.title));
        } else {
            self.screen = Screen::List(list);
        }
    }

    pub(super) fn list_key(&mut self, mut list: List, key: Key) {
        match key.code {
            Code::Up => list.point(list.at.saturating_sub(1)),
            Code::Down => list.point(list.at + 1),
            Code::PageUp => list.point(list.at.saturating_sub(10)),
            Code::PageDown => list.point(list.at + 10),
            Code::Home => list.point(0),
            Code::End => list.point(usize::MAX),
            Code::Enter => {
                self.screen = Screen::Page;
                if let Some(found) = list.found.get(list.at) {
                    self.stand_at(found.place);
                }
                return;
            }
            _ => return self.back(),
        }
        self.screen = Screen::List(list);
    }
}
