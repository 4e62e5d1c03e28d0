//! Given texts put to a model: how they are cut into tokens, in what parts they are read, and what each token was worth.

use std::ops::{ControlFlow, Range};

use anyhow::{Context as _, Result, anyhow};

use super::engine::{BATCH, Engine};
use super::remedy::{Cancelled, Refusal, Remedy};
use crate::decode::{Cancel, Given, Scoring};
use crate::model::Vocabulary;
use crate::prob::{Score, Token};
use crate::story::{ScoredText, ScoredToken, Windows};
use crate::text::{EXCERPT, excerpt, some};

/// A given text behind a prompt, cut into tokens.
///
/// Prompt and text are cut apart. The prompt has the tokens that it has when a story is told from it, and the tokens of the text are
/// those that go on behind them: so each byte of the text belongs to one token of the text, and none of them holds a part of the
/// prompt. Cut together, a token could stand across the seam, and its surprisal would be that of letters which were given. Where
/// the prompt ends with a whole word and the text begins with a space or a line break, as stories do, both ways give the same
/// tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    text: String,
    /// What stands before the scored tokens: the prompt, the token with which texts begin, or where there is neither the first
    /// token of the text.
    context: Vec<Token>,
    /// The tokens that are scored.
    tokens: Vec<Token>,
    /// How many bytes of the text each of them stands for.
    bytes: Vec<usize>,
    /// The bytes before them.
    opening: usize,
}

impl Passage {
    /// The text, as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many of its tokens are scored.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// The parts in which it is read in a context of so many tokens: in each the tokens that stand before those that are scored
    /// there, and those. The context of the text stands before each, and in each but the first one half of what is left of the model's
    /// context is taken by tokens that were scored before.
    fn windows(&self, most: usize) -> Option<Vec<(Range<usize>, Range<usize>)>> {
        let (all, lead) = (self.tokens.len(), self.lead().len());
        if self.context.len() + all <= most {
            return Some(vec![(0..0, 0..all)]);
        }
        if lead > most / 2 || most < 4 {
            return None;
        }
        let room = most - lead;
        let first = 0..room - (self.context.len() - lead);
        let overlap = room / 2;
        let rest = (first.end..all).step_by(room - overlap).map(|at| (at - overlap..at, at..all.min(at + room - overlap)));
        Some(std::iter::once((0..0, first.clone())).chain(rest).collect())
    }

    /// What is read again before every part: not the first token of the text, where that had to be its own context.
    fn lead(&self) -> &[Token] {
        if self.opening > 0 { &[] } else { &self.context }
    }
}

impl Engine {
    /// A text, to be scored behind a prompt, which may be empty; then the text is cut as a prompt is, with the token before it with
    /// which texts begin, if the model wants one.
    ///
    /// # Errors
    /// A text that the vocabulary cannot write, or does not give back as it was.
    pub fn passage(&self, prompt: &str, text: &str) -> Result<Passage> {
        let backend = self.backend();
        let mut context = if prompt.is_empty() { Vec::new() } else { backend.tokenize(prompt, true, false)? };
        let mut tokens = if context.is_empty() { backend.tokenize(text, true, false)? } else { backend.tokenize_on(text)? };
        let mut bytes = cover(self.vocabulary(), text, &tokens).map_err(|at| {
            let before = excerpt(&String::from_utf8_lossy(&text.as_bytes()[at..]), EXCERPT);
            anyhow!(
                "the model's vocabulary does not give the text back as it is: at byte {at}, `{before}`, it has other letters"
            )
        })?;
        // Tokens that were put before the text are context.
        let before = bytes.iter().take_while(|&&bytes| bytes == 0).count();
        context.extend(tokens.drain(..before));
        bytes.drain(..before);
        let mut opening = 0;
        if context.is_empty() && !tokens.is_empty() {
            context.push(tokens.remove(0));
            opening = bytes.remove(0);
        }
        Ok(Passage { text: text.to_owned(), context, tokens, bytes, opening })
    }

    /// Scores these texts: surprisal, rank and entropy of every token. Texts with the same beginning share it, and many are read in
    /// one decode. One that is longer than the model's context is read in parts that overlap, and says so. `heard` is told how many
    /// tokens have been read, and of how many; it may stop all.
    ///
    /// # Errors
    /// A text in parts whose prompt takes more than half of the context; a memory that does not fit; a decode that fails; a token
    /// that the model holds impossible; or it was stopped ([`Cancelled`]).
    pub fn score(
        &self,
        passages: &[Passage],
        heard: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
        cancel: &Cancel,
    ) -> Result<Vec<ScoredText>> {
        let windows: Result<Vec<_>> = passages.iter().map(|passage| self.windows(passage)).collect();
        let windows = windows?;
        let mut contexts = Vec::new();
        for (passage, windows) in passages.iter().zip(&windows) {
            let lead = |first: bool| if first { &passage.context[..] } else { passage.lead() };
            let parts = windows.iter().enumerate();
            contexts.extend(parts.map(|(at, (before, own))| {
                ([lead(at == 0), &passage.tokens[before.clone()]].concat(), &passage.tokens[own.clone()])
            }));
        }
        let given: Vec<Given> =
            contexts.iter().filter(|(_, text)| !text.is_empty()).map(|(context, text)| Given { context, text }).collect();
        let scoring = Scoring::of(&given);
        let (cells, branches) = scoring.room(BATCH);
        let mut session = self.session_of(cells, branches)?;
        let of = scoring.to_read();
        let scores = scoring.run(&mut *session, &mut |read| heard(read, of), cancel)?.ok_or(Cancelled)?;
        let mut scores = scores.into_iter().flatten();
        passages.iter().zip(&windows).map(|(passage, windows)| self.scored(passage, windows.len(), &mut scores)).collect()
    }

    fn windows(&self, passage: &Passage) -> Result<Vec<(Range<usize>, Range<usize>)>> {
        let context = self.context();
        passage.windows(context).ok_or_else(|| {
            let [whole, before] = [passage.tokens.len(), passage.context.len()].map(|count| some(count, "token"));
            let message = format!(
                "the text has {whole} and does not fit into the context of {context}, and its prompt of {before} leaves too few to read \
                 it in parts"
            );
            let trained = self.info().trained_context;
            let remedy = if context < trained { Remedy::LargerContext(trained) } else { Remedy::ShorterPrompt };
            Refusal::new(message, remedy).into()
        })
    }

    /// A text with the next scores.
    fn scored(
        &self,
        passage: &Passage,
        windows: usize,
        scores: &mut impl Iterator<Item = Option<Score>>,
    ) -> Result<ScoredText> {
        let Passage { text, tokens, bytes, opening, .. } = passage;
        let mut place = *opening;
        let whole = tokens.iter().zip(bytes).zip(scores).map(|((&id, &bytes), score)| {
            let Score { surprisal, rank, entropy } = score.with_context(|| {
                let (piece, begins) = (self.vocabulary().show(id), excerpt(text, EXCERPT));
                format!("the model gives no probability to `{piece}` at byte {place} of the text `{begins}`")
            })?;
            place += bytes;
            Ok(ScoredToken { id, bytes, surprisal, rank, entropy })
        });
        let tokens = whole.collect::<Result<Vec<_>>>()?;
        let (context, lead) = (self.context(), passage.lead().len());
        let windows = (windows > 1).then(|| Windows { count: windows, context, overlap: (context - lead) / 2 });
        Ok(ScoredText { text: text.clone(), opening: *opening, tokens, windows })
    }
}

/// How many bytes of the text each of its tokens stands for; all together are all of them. A space that was put before the text, or
/// behind a token of several words, is none of its bytes.
///
/// # Errors
/// The byte at which the tokens have something else.
fn cover(vocabulary: &Vocabulary, text: &str, tokens: &[Token]) -> Result<Vec<usize>, usize> {
    let mut rest = text.as_bytes();
    let mut covered = Vec::with_capacity(tokens.len());
    for &token in tokens {
        let piece = vocabulary.piece(token);
        // Some vocabularies write a space as a letter of its own, which a text may hold as well.
        let marked = || String::from_utf8_lossy(piece).replace(' ', "▁").into_bytes();
        let length = if rest.starts_with(piece) {
            piece.len()
        } else if let Some(bare) = piece.strip_prefix(b" ").filter(|bare| rest.starts_with(bare)) {
            bare.len()
        } else {
            Some(marked()).filter(|marked| rest.starts_with(marked)).ok_or(text.len() - rest.len())?.len()
        };
        covered.push(length);
        rest = &rest[length..];
    }
    if rest.is_empty() { Ok(covered) } else { Err(text.len() - rest.len()) }
}
