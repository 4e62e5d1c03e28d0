//! The explorer as a state machine: what a writer does and what the model reports go in, what is to be done comes out.
//!
//! [`App`] draws nothing and waits for nothing. Whoever holds it hands it each [`Event`], does the [`Effect`]s that come back, and
//! draws what it tells of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::export::Export;
use super::guide::{Report, Request};
use super::key::{Code, Key};
use super::tree::{NodeId, Tree};
use crate::engine::{Explanation, StoryRequest};
use crate::prob::Token;
use crate::report::ColourScale;

mod blind;
mod comparison;
mod deeds;
mod field;
mod line;
mod lists;
mod page;
mod telling;
mod trunk;
mod voices;

pub use blind::Blind;
pub use comparison::Comparison;
pub use field::{Asked, Field};
pub use line::Spot;
pub use lists::{Found, List};
pub use trunk::{Row, Trunk};
pub use voices::{Voice, Voices};

use telling::Task;

/// Something that happens.
#[derive(Debug, Clone)]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// Something on the screen was clicked.
    Click(Target),
    /// The wheel was turned by so many notches, down where they are more than nothing.
    Wheel(i32),
    /// Time has passed: it is so many seconds since 1970.
    Tick(u64),
    /// The text that was given to be edited came back, or was left as it was.
    Edited(Option<String>),
    /// The tree was saved, or why it was not.
    Saved(Result<(), String>),
    /// An export is done: where it is, or why it is not.
    Exported(Result<PathBuf, String>),
    /// The model's side reports.
    Reported(Report),
}

/// What can be clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A piece of the line.
    Piece(usize),
    /// A candidate of the decision.
    Candidate(usize),
    /// A row of the tree or of a list.
    Row(usize),
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Effect {
    /// The model is asked; it gives up what it was asked before.
    Ask(Box<Request>),
    /// The model gives up what it was asked.
    Cancel,
    /// A text is edited: [`Event::Edited`].
    Edit(String),
    /// The tree is saved here: [`Event::Saved`].
    Save(PathBuf),
    /// The tree is exported: [`Event::Exported`].
    Export(Export, PathBuf),
    /// It is over.
    Quit,
}

/// What stands on the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Screen {
    /// The story with the decision at the cursor.
    Page,
    /// All branches.
    Tree,
    /// Two branches side by side.
    Compare(Comparison),
    /// Two branches without names.
    Blind(Blind),
    /// Places to go to.
    List(List),
    /// In what form to export.
    Forms,
    /// The keys, of which so many lines are scrolled away.
    Help(usize),
    /// Whether to leave what is not saved.
    Leave,
}

/// What somebody who opens the explorer has.
#[derive(Debug, Clone)]
pub struct Setup {
    /// By what is decided.
    pub voices: Voices,
    /// The limits of a story, and its first seed.
    pub story: StoryRequest,
    /// Tokens that are told at once.
    pub tokens: usize,
    /// Where the tree is kept.
    pub file: Option<PathBuf>,
    /// The time, in seconds since 1970.
    pub now: u64,
}

/// The explorer.
#[derive(Debug, Clone)]
pub struct App {
    tree: Tree,
    /// Pieces of the line before the cursor.
    cursor: usize,
    /// Pieces of the line that are in sight, where some at its end are not.
    cut: Option<usize>,
    screen: Screen,
    field: Option<Field>,
    trunk: Trunk,
    voices: Voices,
    story: StoryRequest,
    tokens: usize,
    /// Which candidate is chosen.
    chosen: usize,
    /// The decision at the cursor, where it is known.
    decision: Option<Box<Explanation>>,
    /// What each of its candidates would add to the text.
    texts: Vec<Vec<u8>>,
    /// Where candidates would lead.
    ghosts: BTreeMap<Token, String>,
    shows_ghosts: bool,
    layer: Option<ColourScale>,
    /// The text that was scored last for a layer.
    scored: Option<NodeId>,
    task: Option<Task>,
    /// Of the last request.
    number: u64,
    /// What has just been said to the writer.
    said: Option<String>,
    /// Where the writer last went from a node.
    visited: BTreeMap<NodeId, NodeId>,
    closed: BTreeSet<NodeId>,
    file: Option<PathBuf>,
    form: Export,
    /// Whether something is not saved.
    unsaved: bool,
    is_leaving: bool,
    now: u64,
    effects: Vec<Effect>,
}

impl App {
    /// Stands at the end of a tree's current text.
    #[must_use]
    pub fn new(tree: Tree, setup: Setup) -> Self {
        let Setup { voices, story, tokens, file, now } = setup;
        let mut app = Self {
            tree,
            cursor: 0,
            cut: None,
            screen: Screen::Page,
            field: None,
            trunk: Trunk::default(),
            voices,
            story,
            tokens,
            chosen: 0,
            decision: None,
            texts: Vec::new(),
            ghosts: BTreeMap::new(),
            shows_ghosts: true,
            layer: None,
            scored: None,
            task: None,
            number: 0,
            said: None,
            visited: BTreeMap::new(),
            closed: BTreeSet::new(),
            file,
            form: Export::Text,
            unsaved: false,
            is_leaving: false,
            now,
            effects: Vec::new(),
        };
        app.cursor = app.len();
        app.ask_decision();
        app
    }

    /// What is to be done before anything has happened.
    pub fn begin(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Takes an event in; what is to be done then.
    pub fn hear(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) => self.key(key),
            Event::Click(target) => self.click(target),
            Event::Wheel(notches) => self.wheel(notches),
            Event::Tick(now) => self.tick(now),
            Event::Edited(text) => self.edited(text),
            Event::Saved(outcome) => self.saved(outcome),
            Event::Exported(outcome) => {
                self.said = Some(outcome.map_or_else(|why| why, |path| format!("exported to `{}`", path.display())));
            }
            Event::Reported(report) => self.report(report),
        }
        std::mem::take(&mut self.effects)
    }

    fn key(&mut self, key: Key) {
        self.said = None;
        if key == Key::ctrl(Code::Char('c')) {
            return self.leave();
        }
        if let Some(field) = self.field.take() {
            return self.typed(field, key);
        }
        match self.screen.clone() {
            Screen::Page => self.page_key(key),
            Screen::Tree => self.tree_key(key),
            Screen::Compare(comparison) => self.compare_key(comparison, key),
            Screen::Blind(blind) => self.blind_key(&blind, key),
            Screen::List(list) => self.list_key(list, key),
            Screen::Forms => self.form_key(key),
            Screen::Help(scrolled) => self.help_key(scrolled, key),
            Screen::Leave => self.leave_key(key),
        }
    }

    fn click(&mut self, target: Target) {
        match (target, &mut self.screen) {
            (Target::Piece(piece), Screen::Page) => self.move_to(piece),
            (Target::Candidate(candidate), Screen::Page) if candidate == self.chosen => self.take(),
            (Target::Candidate(candidate), Screen::Page) => self.choose(candidate),
            (Target::Row(row), Screen::Tree) => self.point(row),
            (Target::Row(row), Screen::List(list)) => list.point(row),
            _ => {}
        }
    }

    fn wheel(&mut self, notches: i32) {
        let code = if notches > 0 { Code::Down } else { Code::Up };
        for _ in 0..notches.unsigned_abs().min(10) {
            match self.screen {
                Screen::Page if self.field.is_none() => self.step(if notches > 0 { 1 } else { -1 }),
                _ => self.key(Key::plain(code)),
            }
        }
    }

    fn tick(&mut self, now: u64) {
        self.now = now;
        if self.unsaved && self.file.is_some() {
            self.save();
        }
    }

    fn save(&mut self) {
        if let Some(file) = self.file.clone() {
            self.unsaved = false;
            self.effects.push(Effect::Save(file));
        }
    }

    fn saved(&mut self, outcome: Result<(), String>) {
        match outcome {
            Ok(()) if self.is_leaving => self.effects.push(Effect::Quit),
            Ok(()) => {}
            Err(why) => {
                // It is tried again at the next change, and where somebody asks for it.
                (self.is_leaving, self.file) = (false, None);
                self.unsaved = true;
                self.said = Some(why);
            }
        }
    }

    /// The tree.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What stands on the screen.
    #[must_use]
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// The line that is being typed.
    #[must_use]
    pub fn field(&self) -> Option<&Field> {
        self.field.as_ref()
    }

    /// Pieces of the line before the cursor.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The decision at the cursor, where it is known, and which candidate is chosen.
    #[must_use]
    pub fn decision(&self) -> Option<(&Explanation, usize)> {
        self.decision.as_deref().map(|decision| (decision, self.chosen))
    }

    /// Where a candidate would lead, where that is known and wanted.
    #[must_use]
    pub fn ghost(&self, candidate: Token) -> Option<&str> {
        self.ghosts.get(&candidate).filter(|_| self.shows_ghosts).map(String::as_str)
    }

    /// By what words are coloured.
    #[must_use]
    pub fn layer(&self) -> Option<ColourScale> {
        self.layer
    }

    /// By what is decided.
    #[must_use]
    pub fn voices(&self) -> &Voices {
        &self.voices
    }

    /// The seed of what is told next.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.story.seed
    }

    /// What has just been said to the writer.
    #[must_use]
    pub fn said(&self) -> Option<&str> {
        self.said.as_deref()
    }

    /// Whether something is not saved.
    #[must_use]
    pub fn is_unsaved(&self) -> bool {
        self.unsaved
    }

    /// Where the tree is kept.
    #[must_use]
    pub fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }
}

#[cfg(test)]
pub(crate) mod tests;
