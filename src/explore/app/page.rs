//! The keys of the page.

use super::field::Asked;
use super::lists::List;
use super::{App, Effect, Field, Screen};
use crate::explore::guide::Aim;
use crate::explore::key::{Code, Key, PAGE, TREE};
use crate::report::ColourScale;
use crate::sampler::TextUnit;

/// What words can be coloured by, in the order of the key.
const LAYERS: [Option<ColourScale>; 6] = [
    None,
    Some(ColourScale::Probability),
    Some(ColourScale::Surprisal),
    Some(ColourScale::Entropy),
    Some(ColourScale::Future),
    Some(ColourScale::Alpha),
];

/// Drafts that are told at once.
const DRAFTS: usize = 3;

impl App {
    pub(super) fn page_key(&mut self, key: Key) {
        match (key.code, key.ctrl) {
            (Code::Left, false) => self.step(-1),
            (Code::Right, false) => self.step(1),
            (Code::Left, true) => self.step_word(false),
            (Code::Right, true) => self.step_word(true),
            (Code::Home, _) => self.move_to(0),
            (Code::End, _) => self.move_to(self.whole()),
            (Code::PageUp, _) => self.step(-20),
            (Code::PageDown, _) => self.step(20),
            (Code::Up, _) => self.choose(self.chosen.saturating_sub(1)),
            (Code::Down, _) => self.choose(self.chosen + 1),
            (Code::Enter, _) => self.take(),
            (Code::Backspace, _) => self.rewind(),
            (Code::Tab, _) => self.turn_to(1),
            (Code::BackTab, _) => self.turn_to(-1),
            (Code::Escape, _) => self.stop(),
            (Code::Char('r'), true) => self.undo(false),
            (Code::Char(c), false) => self.page_letter(c),
            (Code::Char(_), true) => {}
        }
    }

    fn page_letter(&mut self, c: char) {
        match c {
            ' ' if self.is_telling() => self.stop(),
            ' ' => self.tell(Aim::Tokens(self.tokens), 1),
            's' => self.tell(Aim::Whole(TextUnit::Sentence), 1),
            'p' => self.tell(Aim::Whole(TextUnit::Paragraph), 1),
            'n' => self.tell(Aim::Tokens(self.tokens), DRAFTS),
            'r' => self.retry(),
            'u' => self.undo(true),
            'e' => self.edit(),
            'c' => {
                let at = LAYERS.iter().position(|layer| *layer == self.layer).unwrap_or(0);
                self.layer = LAYERS[(at + 1) % LAYERS.len()];
                self.ask_scores();
            }
            'g' => {
                self.shows_ghosts = !self.shows_ghosts;
                self.ask_ghosts();
            }
            '[' => self.turn_voice(-1),
            ']' => self.turn_voice(1),
            '{' => self.fade(false),
            '}' => self.fade(true),
            '=' => self.ask_line(Asked::Set, String::new()),
            'b' => self.bookmark(),
            'B' => self.list(List::bookmarks(&self.tree)),
            'i' => self.ask_line(Asked::Note, self.note().to_owned()),
            '/' => self.ask_line(Asked::Search, String::new()),
            't' => self.open_tree(),
            '|' => self.compare(),
            'x' => self.screen = Screen::Forms,
            '?' => self.screen = Screen::Help(0),
            'q' => self.leave(),
            _ => {}
        }
    }

    /// Moves the cursor by so many pieces; behind the end of what is in sight come those out of sight, one by one.
    pub(super) fn step(&mut self, by: isize) {
        self.move_to(self.cursor.saturating_add_signed(by));
    }

    fn step_word(&mut self, on: bool) {
        let mut to = self.cursor;
        loop {
            let next = if on { to + 1 } else { to.saturating_sub(1) };
            to = next.min(self.len());
            if to == 0 || to == self.len() || self.begins_word(to) {
                break;
            }
        }
        self.move_to(to);
    }

    /// Moves the cursor behind so many pieces.
    pub(super) fn move_to(&mut self, pieces: usize) {
        let to = pieces.min(self.whole());
        self.cut = self.cut.filter(|cut| to < self.whole() && *cut < self.whole()).map(|cut| cut.max(to));
        if to != self.cursor {
            self.cursor = to;
            self.ask_decision();
        }
    }

    /// Chooses a candidate, the last one where there are not so many.
    pub(super) fn choose(&mut self, candidate: usize) {
        let most = self.decision.as_ref().map_or(0, |decision| decision.candidates.len().saturating_sub(1));
        self.chosen = candidate.min(most);
    }

    /// Goes a piece back, and what stood there is out of sight.
    fn rewind(&mut self) {
        if self.cursor > 0 {
            self.cut = Some(self.cursor - 1);
            self.cursor -= 1;
            self.ask_decision();
        }
    }

    /// Goes to another branch from the last place at or before the cursor where there are several.
    fn turn_to(&mut self, by: isize) {
        let Some((piece, next)) = self.fork_before() else {
            self.said = Some("there is one branch only before the cursor".to_owned());
            return;
        };
        let siblings = self.tree.siblings(next);
        let at = siblings.iter().position(|node| *node == next).unwrap_or(0).cast_signed();
        let other = siblings[(at + by).rem_euclid(siblings.len().cast_signed()).cast_unsigned()];
        self.stand(self.leaf(other), piece);
    }

    fn ask_line(&mut self, asked: Asked, text: String) {
        self.field = Some(Field::new(asked, text));
        self.complete();
    }

    /// Leaves, where nothing is lost by it.
    pub(super) fn leave(&mut self) {
        if !self.unsaved {
            self.effects.extend([Effect::Cancel, Effect::Quit]);
        } else if self.file.is_some() {
            self.is_leaving = true;
            self.save();
        } else {
            self.screen = Screen::Leave;
        }
    }

    /// Takes a key of the help: it is scrolled, or left.
    pub(super) fn help_key(&mut self, scrolled: usize, key: Key) {
        let most = PAGE.len() + TREE.len();
        self.screen = match key.code {
            Code::Down => Screen::Help((scrolled + 1).min(most)),
            Code::PageDown | Code::Char(' ') => Screen::Help((scrolled + 10).min(most)),
            Code::Up => Screen::Help(scrolled.saturating_sub(1)),
            Code::PageUp => Screen::Help(scrolled.saturating_sub(10)),
            _ => return self.back(),
        };
    }

    pub(super) fn leave_key(&mut self, key: Key) {
        match key.code {
            Code::Char('s') | Code::Enter => {
                self.screen = Screen::Page;
                self.is_leaving = true;
                self.ask_line(Asked::SaveAs, "tree.json".to_owned());
            }
            Code::Char('d') => self.effects.extend([Effect::Cancel, Effect::Quit]),
            _ => self.screen = Screen::Page,
        }
    }
}
