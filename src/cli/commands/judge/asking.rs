//! Pair after pair, in the terminal or through a pipe.

use std::collections::{HashMap, HashSet};
use std::io::Write;

use anyhow::Result;

use super::keys::{Answer, next};
use super::note_equal;
use crate::cli::Outcome;
use crate::cli::args::Layout;
use crate::cli::keys::Keys;
use crate::cli::render::columns::{Shown, page};
use crate::cli::render::prose::{Ink, wrap};
use crate::cli::render::terminal::Terminal;
use crate::judging::{Choice, JUDGEMENT_FORMAT, Judgement, Ledger, Pair, Pairs, Side, Tales, settled};
use crate::text::{grouped, some};

/// The longest line that is read with ease.
const LONGEST: usize = 100;

/// What is asked after each pair.
const QUESTION: &str = "Which is better? A, B, T (neither), S (skip), U (undo), Q (quit)";

/// Who is asked what.
pub struct Questions {
    pub tales: Tales,
    pub ledger: Ledger,
    pub name: Option<String>,
    pub words: Option<usize>,
    pub seed: u64,
    pub again: bool,
}

/// The pairs of a round, and what stands of them.
struct Round {
    number: usize,
    pairs: Pairs,
    /// Whether each is judged.
    judged: Vec<bool>,
    /// The judged ones, the last one last.
    order: Vec<usize>,
}

pub fn run(mut questions: Questions, terminal: &Terminal) -> Result<Outcome> {
    let mut round = questions.round();
    if round.next().is_none() && questions.again {
        round = questions.begin(round.number + 1);
    }
    note_equal(&round.pairs, terminal)?;
    let before = round.order.len();
    let keys = Keys::new();
    while let Some(at) = round.next() {
        questions.show(&round, at, terminal)?;
        match ask(&keys, terminal)? {
            Answer::Said(choice) => {
                questions.keep(&round, at, choice)?;
                round.judged[at] = true;
                round.order.push(at);
            }
            Answer::Undo => match round.order.pop() {
                Some(last) => {
                    questions.keep(&round, last, Choice::Undone)?;
                    round.judged[last] = false;
                }
                None => terminal.err("there is nothing to undo"),
            },
            Answer::Quit => break,
        }
    }
    questions.part(&round, before, terminal);
    Ok(Outcome::Done)
}

/// The answer to the question, asked until there is one.
fn ask(keys: &Keys, terminal: &Terminal) -> Result<Answer> {
    loop {
        terminal.err(QUESTION);
        match next(keys)? {
            Ok(answer) => {
                if let Keys::Keys(_) = keys {
                    terminal.err(said(answer));
                }
                return Ok(answer);
            }
            Err(other) => terminal.err(format_args!("{other} is no answer")),
        }
    }
}

/// A key is not shown where it is pressed, so what was understood is.
fn said(answer: Answer) -> &'static str {
    match answer {
        Answer::Said(Choice::A) => "A is better",
        Answer::Said(Choice::B) => "B is better",
        Answer::Said(Choice::Tie) => "neither is better",
        Answer::Said(Choice::Skip) => "skipped",
        Answer::Said(Choice::Undone) | Answer::Undo => "undone",
        Answer::Quit => "quit",
    }
}

impl Questions {
    /// The round that this judge has come to.
    fn round(&self) -> Round {
        let own = self.ledger.judgements().iter().filter(|judgement| judgement.judge == self.name);
        self.begin(own.map(|judgement| judgement.round).max().unwrap_or(1))
    }

    fn begin(&self, number: usize) -> Round {
        let pairs = Pairs::of(&self.tales, self.seed, number);
        let own = settled(self.ledger.judgements());
        let own = own.into_iter().filter(|judgement| judgement.judge == self.name && judgement.round == number);
        // Under another seed a pair may have been shown the other way round.
        let ordered = |a: Side, b: Side| if a <= b { (a, b) } else { (b, a) };
        let places: HashMap<(Side, Side), usize> =
            pairs.all.iter().map(|pair| ordered(self.side(pair.a), self.side(pair.b))).zip(0..).collect();
        let place = |judgement: &Judgement| places.get(&ordered(judgement.a.clone(), judgement.b.clone())).copied();
        let order: Vec<usize> = own.filter_map(place).collect();
        let known: HashSet<usize> = order.iter().copied().collect();
        let judged = (0..pairs.all.len()).map(|at| known.contains(&at)).collect();
        Round { number, pairs, judged, order }
    }

    fn side(&self, tale: usize) -> Side {
        let tale = &self.tales.all[tale];
        Side { arm: self.tales.arms[tale.arm].clone(), story: tale.id.clone() }
    }

    /// Puts a pair on standard output: its prompt, and both stories as far as they are to be seen.
    fn show(&self, round: &Round, at: usize, terminal: &Terminal) -> Result<()> {
        let Pair { a, b } = round.pairs.all[at];
        let [one, other] = [a, b].map(|tale| &self.tales.all[tale]);
        let mut out = terminal.out();
        let width = terminal.width_now();
        writeln!(out)?;
        for line in wrap(&self.tales.prompts[one.prompt].text, width.min(LONGEST), None) {
            writeln!(out, "{}", line.inked(Ink::Dim))?;
        }
        writeln!(out)?;
        let shown =
            |label: &str, text: &str| Shown { label: label.into(), text: text.into(), parting: None, facts: Vec::new() };
        for line in page(&[shown("A", &one.text), shown("B", &other.text)], Layout::Auto, width) {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        let (judged, all) = (grouped(round.order.len()), grouped(round.pairs.all.len()));
        terminal.note(format_args!("{judged} of {all} judged"));
        Ok(())
    }

    /// Keeps what was said of a pair.
    fn keep(&mut self, round: &Round, at: usize, choice: Choice) -> Result<()> {
        let Pair { a, b } = round.pairs.all[at];
        let prompt = self.tales.prompts[self.tales.all[a].prompt].name.clone();
        let (a, b) = (self.side(a), self.side(b));
        let (judge, words) = (self.name.clone(), self.words);
        self.ledger.keep(Judgement { format: JUDGEMENT_FORMAT, judge, round: round.number, prompt, a, b, words, choice })
    }

    /// Says what was done, and what can be done next.
    fn part(&self, round: &Round, before: usize, terminal: &Terminal) {
        let (judged, all, file) = (round.order.len(), round.pairs.all.len(), self.ledger.path().display());
        let now = if before == 0 || judged <= before { String::new() } else { format!(" ({} now)", grouped(judged - before)) };
        terminal.note(format_args!("{} of {} judged{now} · {file}", grouped(judged), some(all, "pair")));
        match round.next() {
            Some(_) => terminal.note("the same command goes on"),
            None => terminal.note(format_args!("all pairs of round {} are judged; `--again` begins another", round.number)),
        }
        terminal.note(format_args!("`afterword judge --result {file}` tells what it comes to"));
    }
}

impl Round {
    /// The next pair that is not judged.
    fn next(&self) -> Option<usize> {
        self.judged.iter().position(|judged| !judged)
    }
}
