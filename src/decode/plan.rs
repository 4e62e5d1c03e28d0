//! What story is to be told, and what came of it.

use anyhow::{Result, bail, ensure};

use super::healing::Healing;
use crate::model::Vocabulary;
use crate::prob::Token;
use crate::sampler::{Carried, Sampler, TextUnit};
use crate::story::{Banned, StopReason};

/// What story is to be told.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The decisions.
    pub sampler: Sampler,
    /// The tokens that the story goes on from, at least 1: what was told of it before among them.
    pub prompt: Vec<Token>,
    /// The end of the writer's text that these tokens leave out: the first tokens told spell it, and the text of the story begins behind
    /// it. What was told before begins with it too, or stands before it, as the continuation says. A token is drawn among those that fit to it, with the model's probabilities renormalised over them; noise is that of the
    /// prompt without it. Empty where the tokens are the whole text.
    pub heal: String,
    /// How much of it was told before.
    pub continuation: Continuation,
    /// The seed of its noise.
    pub seed: u64,
    /// The most tokens to tell, at least 1; `usize::MAX` where only the context ends it.
    pub max_tokens: usize,
    /// The unit of text that is ended at `max_tokens`: the story goes on until the sentence or paragraph is over in which it then is,
    /// for at most [`TextUnit::most`] tokens in all and as far as the context holds them. `None`: it ends there, in mid-sentence.
    pub to: Option<TextUnit>,
    /// The most tokens of prompt and story that the model sees together.
    pub context: usize,
    /// The most cells of the model's memory that the story may use, forks for its lookahead among them: so many are reserved
    /// for it, where it could come to need more. A story without a limit then ends, or shifts its context, where its slot is
    /// full, and not where the whole context is. `None`: as many as it needs.
    pub budget: Option<usize>,
    /// Whether the prompt is read, whatever is kept of it in memory. What others read of it at the same time is shared all the same.
    pub reads_afresh: bool,
    /// Whether a story goes on at a full context: with the prompt and the later half of what the model saw of the story, read
    /// afresh. Without, it ends there.
    pub context_shift: bool,
    /// Whether a story ends that only repeats itself: whose last tokens are a phrase of at most 64 tokens over and over, at
    /// least three times and over at least 96 tokens. Without, it goes on.
    pub stop_on_loop: bool,
    /// Strings before which the text ends.
    pub stops: Vec<String>,
}

impl Plan {
    /// A story of so many tokens, in a context that holds it all: it ends as long as asked for, unless the model ends it.
    #[must_use]
    pub fn new(sampler: Sampler, prompt: Vec<Token>, seed: u64, max_tokens: usize) -> Self {
        let context = prompt.len().saturating_add(max_tokens);
        let (heal, continuation) = (String::new(), Continuation::default());
        let (to, budget, stops) = (None, None, Vec::new());
        let [reads_afresh, context_shift, stop_on_loop] = [false; 3];
        Self {
            sampler,
            prompt,
            heal,
            continuation,
            seed,
            max_tokens,
            to,
            context,
            budget,
            reads_afresh,
            context_shift,
            stop_on_loop,
            stops,
        }
    }

    /// The same story as one that goes on. The least number of tokens is of those that are to be told now.
    #[must_use]
    pub fn going_on(self, continuation: Continuation) -> Self {
        let least = self.sampler.min_tokens();
        let least = if least > 0 { least.saturating_add(continuation.told) } else { 0 };
        Self { sampler: self.sampler.with_min_tokens(least), continuation, ..self }
    }

    /// The most tokens that can be told: `max_tokens`, and what the end of a whole unit may take.
    #[must_use]
    pub fn most_tokens(&self) -> usize {
        self.to.map_or(self.max_tokens, |unit| unit.most(self.max_tokens))
    }

    /// The same story in a context that its budget holds, where `width` candidates are looked at at once.
    pub(super) fn within_budget(self, width: usize) -> Self {
        let context = self.context_within_budget(width);
        Self { context, ..self }
    }

    /// The tokens of prompt and story that it may come to beside its forks.
    pub(super) fn context_within_budget(&self, width: usize) -> usize {
        let forks = self.sampler.forks(width);
        self.budget.map_or(self.context, |budget| self.context.min(budget.saturating_sub(forks)))
    }

    /// The most tokens that the story will have, those told before among them: what a schedule over its length goes by. What the end of
    /// a whole unit takes beyond that is told as its last token is.
    #[must_use]
    pub fn planned(&self) -> usize {
        let room = self.context.saturating_sub(self.prompt.len());
        let more = if self.context_shift { self.max_tokens } else { self.max_tokens.min(room) };
        self.continuation.planned.unwrap_or(self.continuation.told.saturating_add(more))
    }

    /// The tokens that the story began behind, which with the seed are the key of its noise.
    #[must_use]
    pub fn origin(&self) -> &[Token] {
        &self.prompt[..self.prompt.len().saturating_sub(self.continuation.told)]
    }

    /// Whether it can be told at all, wherever there is room for it.
    ///
    /// # Errors
    /// An empty prompt, one that leaves no room in the context, an end of the text that no token spells, no token to be told, or a sampler
    /// that does not fit the vocabulary.
    pub fn check(&self, vocabulary: &Vocabulary) -> Result<()> {
        let (prompt, context) = (self.prompt.len(), self.context);
        ensure!(prompt > 0, "the prompt is empty");
        if prompt >= context {
            bail!("the prompt has {prompt} tokens and leaves no room for a story in a context of {context}");
        }
        let told = self.continuation.told;
        ensure!(told <= prompt, "of a prompt of {prompt} tokens {told} cannot have been told");
        let healing = Healing::new(&self.heal, vocabulary);
        ensure!(healing.is_possible(), "no token of the vocabulary begins as the end of the prompt does");
        ensure!(self.max_tokens > 0, "no token is to be told");
        self.sampler.check(vocabulary)
    }
}

/// Where a story stands that goes on from one that ended: its clock.
///
/// A story that is told in pieces is the one that is told at once. To the step that comes next, which is the t of waves and the key
/// of the noise, `told` tokens have been told; what stands before them in the prompt is the text that it began behind.
/// Sentences and paragraphs are counted from there, and `min-tokens`, the search for loops and penalties see all that was told.
/// So the pieces need no more than their text and this number, with these exceptions:
///
/// - Schedules over the length of the story (keyframes, fades) go by `planned`.
/// - What follows the surprisal (`band`, `derail`) needs that of every token told, and the entropy that it came from. Where it is not `carried` it is computed from
///   the rows behind the told tokens, while they are read: the same to the bit where the model's rows are, which on llama.cpp
///   depends on how many tokens a decode reads.
/// - Stages that steer by every draw (`mirostat`, `adaptive-p`) begin afresh where their state is not `carried`.
/// - A stop string that begins in one piece and ends in the next stops nothing, for its beginning was given out; and a piece
///   whose context was shifted cannot be gone on from as it was told.
///
/// With `told` the length of the prompt all of it is story: then the clock is the position in the text, whoever wrote it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Continuation {
    /// How many of the prompt's last tokens are the story's own; 0 where it begins behind the prompt.
    pub told: usize,
    /// How many of the last of these were not drawn, but put there by the writer. It changes nothing of what is told.
    pub taken: usize,
    /// How many of them, the first ones, stand before the end of the text that [`Plan::heal`] leaves out: 0 where the story began with
    /// that, `told` where it is yet to be told.
    pub before_heal: usize,
    /// Whether it is computed how surprising the told tokens were even where no stage follows that, so that it is known of the whole story.
    pub scored: bool,
    /// The most tokens that the whole story may have; `None`: those told before and those that are to be told now.
    pub planned: Option<usize>,
    /// What the piece before left behind beside its tokens: [`Completion::carried`].
    pub carried: Option<Carried>,
    /// How often the story has gone back because of what it was not to say ([`Banned::time_of`]).
    pub time: usize,
}

/// What a story has cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Tokens told, one that ended the story among them.
    pub tokens: usize,
    /// Rows of logits that were known to decide about tokens: the prompt's last row, which other stories may share, candidates'
    /// rows, plain steps. Plain sampling needs exactly one a token.
    pub evaluations: usize,
    /// Decodes in which the story had a part, those in which a text was read left out.
    pub decodes: usize,
    /// How often it went on without the older half of what the model saw of it.
    pub context_shifts: usize,
}

/// A story that has ended, however it did: one that broke off is one whose stop is [`StopReason::Failed`].
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The tokens, one that ended the story among them.
    pub tokens: Vec<Token>,
    /// The text without the prompt.
    pub text: String,
    /// Why it ended.
    pub stop: StopReason,
    /// The sum of the tokens' log-probabilities, the model's own and unmodified, in nats.
    pub log_p: f64,
    /// What it cost.
    pub counts: Counts,
    /// Tokens of the prompt that were not read for this story: others had read them, and they were still in memory.
    pub cached_tokens: usize,
    /// What a story that goes on from this one may need to know beside the tokens.
    pub carried: Carried,
    /// What became of what it was not to say.
    pub banned: Banned,
}

impl Completion {
    /// A story that ended before it began, behind a prompt of so many tokens.
    #[must_use]
    pub fn unbegun(prompt: usize, stop: StopReason) -> Self {
        let counts = Counts { prompt, ..Counts::default() };
        Self {
            tokens: Vec::new(),
            text: String::new(),
            stop,
            log_p: 0.0,
            counts,
            cached_tokens: 0,
            carried: Carried::default(),
            banned: Banned::default(),
        }
    }

    /// Why it broke off, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        match &self.stop {
            StopReason::Failed(cause) => Some(cause),
            _ => None,
        }
    }

    /// Whether the model ended the story before there was a word of it.
    #[must_use]
    pub fn ended_at_once(&self) -> bool {
        self.stop == StopReason::End && self.text.trim().is_empty()
    }
}
