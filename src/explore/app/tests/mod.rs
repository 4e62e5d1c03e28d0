//! The explorer without a screen: keys go in, a stub answers for the model, and the tree is what was done.

mod choosing;
mod leaving;
mod random;
mod telling;
mod toy;
mod trees;

use std::sync::Arc;

use super::*;
use crate::engine::{ExplainedCandidate, Moment, Named, Taken};
use crate::explore::guide::{Aim, Cost, Recipe, Wish};
use crate::explore::tree::{Beginning, ModelName, Piece};
use crate::preset::{Folders, Preset, find};
use crate::sampler::Pick;
use crate::story::{StopReason, TracedToken};

/// What the stub knows to say.
const WORDS: [&str; 5] = [" a", " king", " had", "\n", "."];

/// A token that stands for a byte of a text that somebody typed.
const BYTES: Token = 1000;

fn preset(name: &str) -> Preset {
    find(name, &Folders::default()).unwrap()
}

fn voices() -> Voices {
    let others = ["open", "temperature"].map(|name| Voice { name: name.to_owned(), preset: preset(name) });
    let recipe = Recipe { name: "wave".to_owned(), set: Vec::new(), preset: preset("wave") };
    Voices::new(recipe, preset("wave"), others.to_vec())
}

fn setup() -> Setup {
    Setup { voices: voices(), story: StoryRequest::new(7, 1000), tokens: 6, file: None, now: 100 }
}

/// An explorer and its stub.
pub(crate) struct Sitting {
    pub(crate) app: App,
    /// What is asked and not answered yet.
    asked: Option<Request>,
    /// What is to be done beside asking.
    effects: Vec<Effect>,
    /// Whether requests are answered at once.
    answers: bool,
}

impl Sitting {
    pub(crate) fn new() -> Self {
        let beginning = Beginning { prompt: "Once upon a time".to_owned(), ..Beginning::default() };
        Self::at(Tree::new(beginning, ModelName { name: "stub".to_owned(), sha256: String::new() }, 0))
    }

    fn at(tree: Tree) -> Self {
        let mut sitting = Self { app: App::new(tree, setup()), asked: None, effects: Vec::new(), answers: true };
        let effects = sitting.app.begin();
        sitting.perform(effects);
        sitting
    }

    pub(crate) fn hear(&mut self, event: Event) {
        let effects = self.app.hear(event);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask(request) => self.asked = Some(*request),
                Effect::Cancel => {
                    if let Some(request) = self.asked.take() {
                        self.over(request.number);
                    }
                }
                other => self.effects.push(other),
            }
        }
        if self.answers {
            self.answer(usize::MAX);
        }
    }

    fn report(&mut self, report: Report) {
        self.hear(Event::Reported(report));
    }

    fn over(&mut self, number: u64) {
        self.report(Report::Over { number, failed: None, cost: Cost::default() });
    }

    /// Answers what is asked; of a story so many tokens at most, and the rest later.
    fn answer(&mut self, most: usize) {
        let Some(request) = self.asked.take() else { return };
        for stretch in request.way.stretches.iter().filter(|stretch| stretch.tokens.is_empty() && !stretch.text.is_empty()) {
            let piece = |byte: &u8| Piece { token: BYTES + Token::from(*byte), len: 1, trace: None };
            let tokens = stretch.text.iter().map(piece).collect();
            self.report(Report::Cut { node: stretch.node, tokens });
        }
        let step = request.way.stretches.iter().map(|stretch| stretch.tokens.len()).sum();
        let number = request.number;
        match &request.wish {
            Wish::Decide { .. } => {
                let explanation = Box::new(explanation(step, request.story.seed));
                let texts = WORDS.iter().map(|word| word.as_bytes().to_vec()).collect();
                self.report(Report::Decided { number, explanation, texts });
            }
            Wish::Ghosts { candidates, .. } => {
                for &candidate in candidates {
                    self.report(Report::Ghost { number, candidate, text: format!("{} …", WORDS[candidate as usize]) });
                }
            }
            Wish::Tell { into, aim } => {
                let count = if let Aim::Tokens(count) = aim { *count } else { 4 };
                for (draft, &node) in into.iter().enumerate() {
                    for at in 0..count.min(most) {
                        let word = (usize::try_from(request.story.seed).unwrap() + draft + step + at) % WORDS.len();
                        let (text, piece) = told(word);
                        self.report(Report::Told { number, node, text, piece });
                    }
                    if most < count {
                        self.asked = Some(request);
                        return;
                    }
                    let (text, then) = (Vec::new(), Vec::new());
                    self.report(Report::Ended { number, node, stop: StopReason::Tokens, keep: usize::MAX, text, then });
                }
            }
            Wish::Score => {
                for stretch in &request.way.stretches {
                    let piece = |token: &Token, len: usize| Piece { token: *token, len, ..told(0).1 };
                    let known = self.app.tree().node(stretch.node).map(|node| node.tokens.clone()).unwrap_or_default();
                    let tokens = known.iter().map(|known| piece(&known.token, known.len)).collect();
                    self.report(Report::Scored { number, node: stretch.node, tokens });
                }
            }
        }
        self.over(number);
    }

    pub(crate) fn press(&mut self, keys: &str) {
        keys.chars().for_each(|c| self.hear(Event::Key(pressed(c))));
    }

    /// The text in sight.
    fn text(&self) -> String {
        self.app.spots().map(|spot| String::from_utf8_lossy(spot.text).into_owned()).collect()
    }

    /// All texts of the tree, each to its end.
    fn texts(&self) -> Vec<String> {
        let tree = self.app.tree();
        let leaves = tree.in_order().into_iter().filter(|node| tree.children(*node).is_empty());
        leaves.map(|leaf| String::from_utf8(tree.text(leaf)).unwrap().replacen("Once upon a time", "", 1)).collect()
    }

    fn said(&self) -> &str {
        self.app.said().unwrap_or_default()
    }
}

/// The key that a sign stands for.
fn pressed(sign: char) -> Key {
    match sign {
        '←' => Key::plain(Code::Left),
        '→' => Key::plain(Code::Right),
        '↑' => Key::plain(Code::Up),
        '↓' => Key::plain(Code::Down),
        '⏎' => Key::plain(Code::Enter),
        '⌫' => Key::plain(Code::Backspace),
        '⇥' => Key::plain(Code::Tab),
        '⎋' => Key::plain(Code::Escape),
        '⇤' => Key::plain(Code::Home),
        '⇱' => Key::plain(Code::End),
        '↻' => Key::ctrl(Code::Char('r')),
        c => Key::typed(c),
    }
}

fn token(word: usize) -> Token {
    Token::try_from(word).unwrap()
}

fn told(word: usize) -> (Vec<u8>, Piece) {
    let text = WORDS[word].as_bytes().to_vec();
    let trace = TracedToken {
        id: token(word),
        piece: WORDS[word].to_owned(),
        p: 0.25,
        rank: 0,
        surprisal: 1.5,
        entropy: 2.0,
        normalised_entropy: Some(0.5),
        alpha: Some(0.25),
        excess: None,
        temperature: None,
        future: Some(0.5),
        skipped: None,
        candidates: Vec::new(),
        removed: Vec::new(),
        cuts: Vec::new(),
    };
    let piece = Piece { token: token(word), len: text.len(), trace: Some(Arc::new(trace)) };
    (text, piece)
}

/// A decision among all words, likeliest first; the second one would be drawn.
fn explanation(step: usize, seed: u64) -> Explanation {
    let named =
        |word: usize| Named { token: token(word), piece: WORDS[word].to_owned(), ends: false, log_p: -(word as f64) - 0.5 };
    let candidate = |word: usize| ExplainedCandidate {
        named: named(word),
        p: 0.4 / (word + 1) as f64,
        future: Some(0.2 * word as f64),
        openness: None,
        log_s: Some(-1.0),
        share: Some(0.2),
        left: None,
        completes: None,
        next: Vec::new(),
    };
    Explanation {
        moment: Moment {
            model: "stub".to_owned(),
            prompt: String::new(),
            prompt_tokens: Vec::new(),
            seed,
            step,
            story_tokens: None,
        },
        preset: "wave".to_owned(),
        resolved: String::new(),
        entropy: 2.0,
        normalised_entropy: Some(0.5),
        alpha: Some(0.25),
        excess: None,
        temperature: None,
        exponents: None,
        stages: Vec::new(),
        left: WORDS.len(),
        candidates: (0..WORDS.len()).map(candidate).collect(),
        pick: Pick::Sample,
        taken: Taken { named: named(1), rank: Some(1) },
        recorded: None,
        strayed: None,
    }
}
