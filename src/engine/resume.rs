//! A recorded story that is gone on with: from its end, or from a place in it, perhaps with other words there.

use std::ops::ControlFlow;

use anyhow::Result;

use super::engine::{BATCH, Engine};
use super::prompt::Prompt;
use super::remedy::{Refusal, Remedy};
use super::request::StoryRequest;
use crate::decode::{Cancel, Continuation, Given, Plan, Scoring};
use crate::model::Kind;
use crate::prob::{Score, Token};
use crate::sampler::{Carried, Sampler};
use crate::story::{Record, ScoredToken, TracedToken};
use crate::text::{some, visible};

/// What stands of a recorded story when it is gone on with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The tokens that it goes on behind: those of the record that stay, and those that were put in place of the next.
    pub tokens: Vec<Token>,
    /// How many of the last of them were put there.
    pub taken: usize,
    /// Whether the model had ended the story there: then it goes on without that end.
    pub had_ended: bool,
}

impl Prompt {
    /// The prompt of a recorded story, as it was put to the model.
    #[must_use]
    pub fn of_record(record: &Record) -> Self {
        Self {
            text: record.prompt.clone(),
            mode: record.mode.clone(),
            parse_special: record.parse_special,
            tokens: record.prompt_tokens.clone(),
            healed: record.healed.clone(),
            notes: Vec::new(),
        }
    }
}

impl Engine {
    /// What stands of a record's story: all of it, or what stands before its token `at`, counted from 1; and behind that `take`, a word
    /// to be there instead: the text of a token, or one that is cut into tokens.
    ///
    /// # Errors
    /// A story that never began, or without the token; or a text that the vocabulary cannot write.
    pub fn standing(&self, record: &Record, at: Option<usize>, take: Option<&str>) -> Result<Standing> {
        let count = record.tokens.len();
        if record.prompt_tokens.is_empty() || count == 0 {
            let message = "the record holds no token of a story that could be gone on with";
            return Err(Refusal::usage(message, Remedy::TellAgain).into());
        }
        // Whatever is put there may stand behind the last one, too.
        let most = count + usize::from(take.is_some());
        let kept = match at {
            Some(at) if (1..=most).contains(&at) => at - 1,
            Some(at) => {
                let message = format!("the story has {}, and none with the number {at}", some(count, "token"));
                return Err(Refusal::usage(message, Remedy::PlaceUpTo(most)).into());
            }
            None => count,
        };
        let ends = |token: &Token| self.vocabulary().ends(*token);
        let mut tokens: Vec<Token> = record.tokens[..kept].to_vec();
        let had_ended = tokens.pop_if(|last| ends(last)).is_some();
        let taken = match take {
            Some(text) => self.taken(record, &tokens, text)?,
            None => Vec::new(),
        };
        tokens.extend(&taken);
        Ok(Standing { tokens, taken: taken.len(), had_ended: had_ended && taken.is_empty() })
    }

    /// The tokens of a text that is put behind these of a story.
    fn taken(&self, record: &Record, before: &[Token], text: &str) -> Result<Vec<Token>> {
        let vocabulary = self.vocabulary();
        // The first tokens spell the end of the writer's own text, which a word that is taken need not repeat.
        let spelt = vocabulary.bytes(before).len().min(record.healed.len());
        let own = record.healed.get(spelt..).filter(|own| !text.starts_with(own)).unwrap_or_default();
        let text = format!("{own}{text}");
        let is = |token: &Token| vocabulary.kind(*token) == Kind::Text && vocabulary.piece(*token) == text.as_bytes();
        if let Some(token) = (0..).take(vocabulary.len()).find(is) {
            return Ok(vec![token]);
        }
        let refusal = || Refusal::usage(format!("the model's vocabulary cannot write `{}`", visible(&text)), Remedy::OtherWord);
        let tokens = self.backend().tokenize_on(&text).map_err(|_| refusal())?;
        if tokens.is_empty() || vocabulary.bytes(&tokens) != text.as_bytes() {
            return Err(refusal().into());
        }
        Ok(tokens)
    }

    /// The story of a record as it goes on behind what stands of it: its clock, its noise, and all that follows what was told before are
    /// those of the story told at once. `request` has how many more tokens are told, and the seed of their noise.
    ///
    /// A stage that steers by every draw (`mirostat`, `adaptive-p`) goes on by what the record says that it remembered, where the story goes
    /// on from its end; else it begins afresh.
    ///
    /// # Errors
    /// As [`Engine::plan`].
    pub fn resume(&self, sampler: &Sampler, record: &Record, standing: &Standing, request: &StoryRequest) -> Result<Plan> {
        let clock = record.clock.min(record.prompt_tokens.len());
        let told = clock + standing.tokens.len();
        let prompt = self.fitting([&record.prompt_tokens[..], &standing.tokens].concat())?;
        let plan = self.plan_behind(sampler, &prompt, &StoryRequest { min_tokens: 0, ..request.clone() })?;
        // The step at which the model ended it draws the same end again, under the same seed.
        let least = if standing.had_ended { request.min_tokens.max(told + 1) } else { request.min_tokens };
        let taken = standing.taken;
        let time = record.banned.time_of(standing.tokens.len() - taken);
        let feedback = record.feedback.filter(|_| standing.tokens == record.tokens);
        let carried = feedback.map(|_| Carried { feedback, ..Carried::default() });
        Ok(Plan {
            sampler: plan.sampler.with_min_tokens(least),
            heal: record.healed.clone(),
            continuation: Continuation { told, before_heal: clock, taken, scored: true, planned: None, carried, time },
            ..plan
        })
    }

    /// What is known of each token that stands, for a trace of the whole story: what the record's trace has of it, and where that has
    /// nothing how the token was read, which says nothing of what was looked at. Nothing where it is cancelled.
    ///
    /// # Errors
    /// A memory that does not fit, a decode that fails, or a word that the model holds impossible.
    pub fn trace_of(&self, record: &Record, standing: &Standing, cancel: &Cancel) -> Result<Option<Vec<TracedToken>>> {
        let kept = if record.trace.len() == record.tokens.len() { standing.tokens.len() - standing.taken } else { 0 };
        let mut trace = record.trace[..kept].to_vec();
        let (before, text) = standing.tokens.split_at(kept);
        if text.is_empty() {
            return Ok(Some(trace));
        }
        let context = [&record.prompt_tokens[..], before].concat();
        let scoring = Scoring::of(&[Given { context: &context, text }]);
        let (cells, branches) = scoring.room(BATCH);
        let mut session = self.session_of(cells, branches)?;
        let heard = &mut |_| ControlFlow::Continue(());
        let Some(scores) = scoring.run(&mut *session, heard, cancel)? else { return Ok(None) };
        for (&id, score) in text.iter().zip(scores.into_iter().flatten()) {
            let piece = self.vocabulary().show(id);
            let impossible =
                || Refusal::usage(format!("the model holds `{}` impossible there", visible(&piece)), Remedy::OtherWord);
            let Score { surprisal, rank, entropy } = score.ok_or_else(impossible)?;
            let bytes = self.vocabulary().piece(id).len();
            trace.push(TracedToken::read(&ScoredToken { id, bytes, surprisal, rank, entropy }, piece));
        }
        Ok(Some(trace))
    }
}
