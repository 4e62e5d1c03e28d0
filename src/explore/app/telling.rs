//! What the model is asked, and what it reports.

use std::sync::Arc;

use super::{App, Effect, Screen};
use crate::engine::{Explanation, StoryRequest};
use crate::explore::guide::{Aim, Report, Request, Wish};
use crate::explore::tree::{How, NodeId, Piece, Place, Told};
use crate::prob::Token;
use crate::story::{StopReason, TracedToken};
use crate::text::some;

/// Candidates whose way on is shown.
const GHOSTS: usize = 8;

/// Words that are shown of it.
const WORDS: usize = 2;

/// What the model is at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Task {
    number: u64,
    what: Work,
    /// How much of a text is read, where it was not in memory.
    reading: Option<(usize, usize)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Work {
    Decides,
    Ghosts,
    Scores,
    Tells(Vec<NodeId>),
}

impl App {
    /// Asks for the decision at the cursor; a story that is being told goes on, and the decision is asked for behind it.
    pub(super) fn ask_decision(&mut self) {
        (self.decision, self.chosen) = (None, 0);
        self.texts.clear();
        self.ghosts.clear();
        if !self.is_telling() {
            let wish = Wish::Decide { own: self.token_at(self.cursor) };
            self.ask(self.here(), wish, Work::Decides, self.story.clone());
        }
    }

    /// Asks where the candidates would lead, the chosen one first.
    pub(super) fn ask_ghosts(&mut self) {
        let Some(decision) = self.decision.as_ref().filter(|_| self.shows_ghosts && !self.is_telling()) else { return };
        let candidates = decision.candidates.iter().filter(|one| !one.named.ends).map(|one| one.named.token);
        let candidates: Vec<Token> = candidates.filter(|token| !self.ghosts.contains_key(token)).take(GHOSTS).collect();
        if !candidates.is_empty() {
            self.ask(self.here(), Wish::Ghosts { candidates, words: WORDS }, Work::Ghosts, self.story.clone());
        }
    }

    /// Asks what the words of the text were worth to the model, where words are to be coloured of which that is not known.
    pub(super) fn ask_scores(&mut self) {
        let leaf = self.tree.current();
        let is_known = self.layer.is_none() || self.scored == Some(leaf) || self.spots().all(|spot| spot.trace().is_some());
        if !is_known && !self.is_telling() {
            self.scored = Some(leaf);
            self.ask(self.tree.end(leaf), Wish::Score, Work::Scores, self.story.clone());
        }
    }

    fn ask(&mut self, place: Place, wish: Wish, what: Work, story: StoryRequest) {
        self.number += 1;
        let (number, way, recipe) = (self.number, self.tree.before(place), Arc::clone(self.voices.recipe()));
        self.task = Some(Task { number, what, reading: None });
        self.effects.push(Effect::Ask(Box::new(Request { number, way, recipe, story, wish })));
    }

    /// Whether a story is being told.
    #[must_use]
    pub fn is_telling(&self) -> bool {
        self.task.as_ref().is_some_and(|task| matches!(task.what, Work::Tells(_)))
    }

    /// What the model is doing, in words; nothing where it rests.
    #[must_use]
    pub fn doing(&self) -> Option<String> {
        let Task { what, reading, .. } = self.task.as_ref()?;
        if let Some((read, of)) = reading {
            return Some(format!("reading {read} of {of} tokens"));
        }
        Some(match what {
            Work::Decides => "looking".to_owned(),
            Work::Ghosts => "looking ahead".to_owned(),
            Work::Scores => "reading the text".to_owned(),
            Work::Tells(into) if into.len() == 1 => "telling · Space stops".to_owned(),
            Work::Tells(into) => format!("telling {} · Space stops", some(into.len(), "draft")),
        })
    }

    /// Tells on from the cursor, in so many drafts.
    pub(super) fn tell(&mut self, aim: Aim, drafts: usize) {
        self.tell_from(self.here(), self.story.seed, aim, drafts);
    }

    /// Tells the piece at the cursor again, beside it.
    pub(super) fn retry(&mut self) {
        let node = self.node_here();
        let told = self.tree.node(node).map(|node| (node.how.clone(), node.len()));
        let Some((How::Told(told), length)) = told else {
            self.said = Some("only what was told can be told again: Space tells on".to_owned());
            return;
        };
        // Of all that was told from there the next seed.
        let seeds = self.tree.siblings(node).iter().filter_map(|node| match &self.tree.node(*node)?.how {
            How::Told(other) if (&other.preset, &other.set) == (&told.preset, &told.set) => Some(other.seed),
            _ => None,
        });
        let seed = seeds.max().unwrap_or(told.seed).wrapping_add(1);
        let place = Place { node, at: 0 };
        self.tell_from(place, seed, Aim::Tokens(length.max(self.tokens)), 1);
    }

    fn tell_from(&mut self, place: Place, seed: u64, aim: Aim, drafts: usize) {
        if self.is_telling() {
            self.said = Some("a story is being told: Space stops it".to_owned());
            return;
        }
        let recipe = self.voices.recipe();
        let t = self.tree.told_before(place);
        let how = |draft: u64| {
            let (preset, set, model) = (recipe.name.clone(), recipe.set.clone(), self.tree.model().name.clone());
            How::Told(Box::new(Told { preset, set, seed: seed.wrapping_add(draft), t, model }))
        };
        let hows = (0..drafts as u64).map(how).collect();
        let made = self.tree.sprout(place, hows, self.now);
        let Some(into) = self.changed(made) else { return };
        let Some(first) = into.first().copied() else { return };
        let behind = self.tree.node(first).and_then(|node| node.parent).map_or(place, |parent| self.tree.end(parent));
        self.stand_quietly(first);
        let (wish, story) = (Wish::Tell { into: into.clone(), aim }, StoryRequest { seed, ..self.story.clone() });
        self.ask(behind, wish, Work::Tells(into), story);
    }

    /// Stands at the end of what is about to be told; nothing is asked about it yet.
    fn stand_quietly(&mut self, leaf: NodeId) {
        let asked = self.effects.len();
        self.stand(leaf, usize::MAX);
        self.effects.truncate(asked);
    }

    /// Stops what the model is at.
    pub(super) fn stop(&mut self) {
        if self.task.is_some() {
            self.effects.push(Effect::Cancel);
        }
    }

    /// What is told into nodes that are gone is told for nobody.
    pub(super) fn give_up_gone(&mut self) {
        let is_gone = |node: &NodeId| self.tree.node(*node).is_none();
        if self.task.as_ref().is_some_and(|task| matches!(&task.what, Work::Tells(into) if into.iter().any(is_gone))) {
            self.effects.push(Effect::Cancel);
        }
    }

    fn is_asked(&self, number: u64) -> bool {
        self.task.as_ref().is_some_and(|task| task.number == number)
    }

    pub(super) fn report(&mut self, report: Report) {
        match report {
            Report::Cut { node, tokens } | Report::Scored { node, tokens, .. } => self.learn(node, &tokens),
            Report::Reading { number, read, of } => {
                if let Some(task) = self.task.as_mut().filter(|task| task.number == number) {
                    task.reading = (read < of).then_some((read, of));
                }
            }
            Report::Decided { number, explanation, texts } if self.is_asked(number) => {
                self.chosen = self.first_choice(&explanation);
                (self.decision, self.texts) = (Some(explanation), texts);
            }
            Report::Ghost { number, candidate, text } if self.is_asked(number) => {
                self.ghosts.insert(candidate, text);
            }
            Report::Told { node, text, piece, .. } => self.told(node, &text, &piece),
            Report::Ended { number, node, stop, keep, text, then } => {
                let cursor = self.here();
                self.tree.trim(node, keep, &text, &then);
                self.keep_cursor(cursor, node);
                // That it ended where it was to end needs no word.
                if self.is_asked(number) && !matches!(stop, StopReason::Tokens | StopReason::Whole(_) | StopReason::Interrupted)
                {
                    self.said = Some(stop.to_string());
                }
            }
            Report::Over { number, failed, .. } if self.is_asked(number) => self.over(failed),
            Report::Gone => {
                self.task = None;
                self.said = Some("the model has ended: what is here can still be read and saved".to_owned());
            }
            Report::Decided { .. } | Report::Ghost { .. } | Report::Over { .. } => {}
        }
    }

    /// The candidate that stands there, else the one that would be drawn.
    fn first_choice(&self, decision: &Explanation) -> usize {
        let token = self.token_at(self.cursor).unwrap_or(decision.taken.named.token);
        decision.candidates.iter().position(|one| one.named.token == token).unwrap_or(0)
    }

    /// The token that the line has at a piece, where it is cut into tokens.
    #[must_use]
    pub fn token_at(&self, piece: usize) -> Option<Token> {
        let (node, at) = self.spot(piece).filter(|_| piece < self.len())?;
        Some(self.tree.node(node)?.tokens.get(at)?.token)
    }

    fn learn(&mut self, node: NodeId, tokens: &[Piece]) {
        let cursor = self.here();
        if self.tree.learn(node, tokens) {
            self.unsaved = true;
            let whole = cursor.node == node && cursor.at > 0;
            let cursor = if whole { self.tree.end(node) } else { cursor };
            self.cursor = self.before(cursor).min(self.len());
        }
    }

    fn told(&mut self, node: NodeId, text: &[u8], piece: &Piece) {
        // Whoever stands at its end goes along.
        let follows = self.tree.current() == node && self.cursor == self.whole() && self.cut.is_none();
        if self.tree.append(node, text, piece) {
            self.unsaved = true;
            if follows {
                self.cursor += 1;
            }
        } else {
            self.effects.push(Effect::Cancel);
        }
    }

    /// The cursor stays where it was, or goes to the end of what is left there.
    fn keep_cursor(&mut self, place: Place, node: NodeId) {
        let place = if place.node == node && place.at > 0 { self.place_within(place) } else { place };
        self.cursor = self.before(place).min(self.len());
    }

    fn place_within(&self, place: Place) -> Place {
        Place { at: place.at.min(self.tree.node(place.node).map_or(0, crate::explore::tree::Node::len)), ..place }
    }

    fn over(&mut self, failed: Option<String>) {
        let Some(Task { what, .. }) = self.task.take() else { return };
        if let Some(why) = failed {
            self.said = Some(why);
            if what == Work::Decides {
                return;
            }
        }
        match what {
            Work::Ghosts => {}
            Work::Scores if self.decision.is_none() => self.ask_decision(),
            Work::Decides | Work::Scores => self.ask_ghosts(),
            Work::Tells(into) => {
                for node in into {
                    self.tree.withdraw(node);
                }
                self.cursor = self.cursor.min(self.len());
                if self.screen == Screen::Page {
                    self.ask_decision();
                }
            }
        }
    }
}

/// What is known of a candidate that somebody takes, as a trace has it.
pub(super) fn traced(decision: &Explanation, at: usize) -> Option<TracedToken> {
    let one = decision.candidates.get(at)?;
    Some(TracedToken {
        id: one.named.token,
        piece: one.named.piece.clone(),
        p: one.named.log_p.exp(),
        rank: decision.candidates.iter().filter(|other| other.named.log_p > one.named.log_p).count(),
        surprisal: -one.named.log_p,
        entropy: decision.entropy,
        normalised_entropy: decision.normalised_entropy,
        alpha: decision.alpha,
        excess: decision.excess,
        temperature: decision.temperature,
        future: one.future,
        skipped: None,
        candidates: Vec::new(),
        removed: Vec::new(),
        cuts: Vec::new(),
    })
}
