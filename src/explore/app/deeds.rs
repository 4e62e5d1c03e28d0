//! What a writer does to the tree.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Error;

use super::field::{Asked, Typed};
use super::lists::List;
use super::telling::traced;
use super::voices::completions;
use super::{App, Effect, Field, Screen};
use crate::explore::export::Export;
use crate::explore::key::{Code, Key};
use crate::explore::tree::{How, NodeId, Piece, Place, Unchanged};
use crate::files::causes;

impl App {
    /// Stands in the text of a leaf, behind so many pieces.
    pub(super) fn stand(&mut self, leaf: NodeId, cursor: usize) {
        if self.tree.go(leaf).is_err() {
            self.said = Some(Unchanged::Gone.to_string());
            return;
        }
        for (before, behind) in self.tree.way(leaf).iter().zip(self.tree.way(leaf).iter().skip(1)) {
            self.visited.insert(*before, *behind);
        }
        self.cut = None;
        self.cursor = cursor.min(self.len());
        self.ask_decision();
    }

    /// Stands at a place, in the text to which it leads.
    pub(super) fn stand_at(&mut self, place: Place) {
        let is_on_line = self.tree.line().contains(&place.node);
        let leaf = if is_on_line { self.tree.current() } else { self.leaf(place.node) };
        if self.tree.go(leaf).is_ok() {
            let cursor = self.before(place);
            self.stand(leaf, cursor);
        }
    }

    /// Something was changed, or could not be.
    pub(super) fn changed<T>(&mut self, outcome: Result<T, Unchanged>) -> Option<T> {
        match outcome {
            Ok(made) => {
                self.unsaved = true;
                Some(made)
            }
            Err(why) => {
                self.said = Some(why.to_string());
                None
            }
        }
    }

    /// Takes the chosen candidate: goes on where the story has it already, and else grows a branch beside what stands there.
    pub(super) fn take(&mut self) {
        let Some(candidate) = self.decision.as_ref().and_then(|decision| decision.candidates.get(self.chosen)).cloned() else {
            return;
        };
        let (token, place) = (candidate.named.token, self.here());
        if candidate.named.ends {
            self.said = Some("here the story would end".to_owned());
            return;
        }
        let is_it = |id: NodeId, at: usize| {
            self.tree.node(id).and_then(|node| node.tokens.get(at)).is_some_and(|piece| piece.token == token)
        };
        if self.spot(self.cursor).is_some_and(|(id, at)| is_it(id, at)) {
            return self.step(1);
        }
        let is_end = self.tree.node(place.node).is_some_and(|node| place.at >= node.len());
        let there = self.tree.children(place.node).iter().copied().find(|child| is_end && is_it(*child, 0));
        if let Some(there) = there {
            return self.stand(self.leaf(there), self.cursor + 1);
        }
        let trace = self.decision.as_ref().and_then(|decision| traced(decision, self.chosen));
        let (Some(trace), Some(text)) = (trace, self.texts.get(self.chosen).cloned()) else { return };
        let rank = trace.rank;
        let piece = Piece { token, len: text.len(), trace: Some(Arc::new(trace)) };
        let made = self.tree.grow(place, &text, vec![piece], How::Chosen { rank }, self.now);
        if let Some(made) = self.changed(made) {
            self.stand(made, usize::MAX);
        }
    }

    /// Hands out the text from the cursor on, to be edited.
    pub(super) fn edit(&mut self) {
        match String::from_utf8(self.rest()) {
            Ok(text) => self.effects.push(Effect::Edit(text)),
            Err(_) => self.said = Some("a character is cut here: edit from another token on".to_owned()),
        }
    }

    /// The text that is in sight behind the cursor.
    fn rest(&self) -> Vec<u8> {
        self.spots().skip(self.cursor).flat_map(|spot| spot.text.iter().copied()).collect()
    }

    /// What stands behind the cursor is to read like this: as far as it does it stays, and a typed branch goes on from there.
    pub(super) fn edited(&mut self, text: Option<String>) {
        let before = self.rest();
        let Some(text) = text.filter(|text| text.as_bytes() != before) else { return };
        let mut rest = text.as_bytes();
        let mut kept = self.cursor;
        for spot in self.spots().skip(self.cursor) {
            match rest.strip_prefix(spot.text) {
                Some(behind) if std::str::from_utf8(behind).is_ok() => (rest, kept) = (behind, kept + 1),
                _ => break,
            }
        }
        let place = self.place(kept);
        let made = if rest.is_empty() {
            self.tree.split(place)
        } else {
            self.tree.grow(place, rest, Vec::new(), How::Typed, self.now)
        };
        if let Some(made) = self.changed(made) {
            self.stand(made, usize::MAX);
        }
    }

    /// Takes the last change back, or makes it again.
    pub(super) fn undo(&mut self, back: bool) {
        let place = self.here();
        let done = if back { self.tree.undo() } else { self.tree.redo() };
        if !done {
            self.said = Some(if back { "there is nothing to undo" } else { "there is nothing to do again" }.to_owned());
            return;
        }
        self.unsaved = true;
        self.give_up_gone();
        let cursor = self.before(place);
        self.stand(self.tree.current(), cursor);
    }

    /// The node that the cursor is in, or behind.
    pub(super) fn node_here(&self) -> NodeId {
        self.spot(self.cursor).map_or(self.here().node, |(node, _)| node)
    }

    pub(super) fn bookmark(&mut self) {
        let node = self.node_here();
        let is_marked = self.tree.node(node).is_some_and(|node| node.bookmark);
        let marked = self.tree.mark(node, !is_marked);
        if self.changed(marked).is_some() {
            self.said = Some(if is_marked { "the bookmark is gone" } else { "a bookmark: B shows all" }.to_owned());
        }
    }

    /// What is noted about the branch at the cursor.
    #[must_use]
    pub fn note(&self) -> &str {
        self.tree.node(self.node_here()).map_or("", |node| &node.note)
    }

    pub(super) fn turn_voice(&mut self, by: isize) {
        self.voices.turn(by);
        self.ask_decision();
    }

    pub(super) fn fade(&mut self, up: bool) {
        match self.voices.faded(up) {
            Some(change) => self.set(&change),
            None => self.said = Some("this preset has no α that moves by steps: `=` sets a value".to_owned()),
        }
    }

    fn set(&mut self, change: &str) {
        match self.voices.set(change) {
            Ok(()) => self.ask_decision(),
            Err(error) => self.said = Some(one_line(&error)),
        }
    }

    /// Takes a key of a line that is typed.
    pub(super) fn typed(&mut self, mut field: Field, key: Key) {
        match field.hear(key) {
            Typed::On => {
                self.field = Some(field);
                self.complete();
            }
            Typed::Left => self.is_leaving = false,
            Typed::Done => self.answered(field.asked, &field.text),
        }
    }

    pub(super) fn complete(&mut self) {
        if let Some(field) = self.field.as_mut().filter(|field| field.asked == Asked::Set) {
            field.completions = completions(&field.text);
        }
    }

    fn answered(&mut self, asked: Asked, text: &str) {
        let path = || (!text.trim().is_empty()).then(|| PathBuf::from(text.trim()));
        match asked {
            Asked::Set => self.set(text),
            Asked::Search => match List::search(&self.tree, text) {
                Ok(list) => self.list(list),
                Err(error) => self.said = Some(one_line(&error)),
            },
            Asked::Note => {
                let noted = self.tree.annotate(self.node_here(), text.trim());
                self.changed(noted);
            }
            Asked::Export => self.effects.extend(path().map(|path| Effect::Export(self.form, path))),
            Asked::SaveAs => match path() {
                Some(path) => {
                    self.file = Some(path);
                    self.save();
                }
                None => self.is_leaving = false,
            },
        }
    }

    /// Takes a key of the forms of exports.
    pub(super) fn form_key(&mut self, key: Key) {
        self.screen = Screen::Page;
        let Code::Char(c) = key.code else { return };
        let chosen = Export::ALL.iter().enumerate().find(|(at, _)| c.to_digit(10) == u32::try_from(at + 1).ok());
        if let Some((_, form)) = chosen {
            self.form = *form;
            let field = Field::new(Asked::Export, format!("story.{}", form.ending()));
            self.field = Some(field);
        }
    }
}

/// An error on one line.
pub(super) fn one_line(error: &Error) -> String {
    causes(error).lines().map(|line| line.trim_start_matches("hint: ")).collect::<Vec<_>>().join(" · ")
}
