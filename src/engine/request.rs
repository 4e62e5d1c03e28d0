//! What story is wanted: limits and seed, which with a preset and a prompt become a plan.

use anyhow::Result;

use super::engine::Engine;
use super::prompt::Prompt;
use super::remedy::{Refusal, Remedy};
use crate::decode::Plan;
use crate::prob::Token;
use crate::sampler::{Sampler, TextUnit};

/// The limits of a story and the seed of its noise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryRequest {
    /// The seed of all randomness.
    pub seed: u64,
    /// The most tokens to tell, at least 1.
    pub max_tokens: usize,
    /// The unit of text that is ended at `max_tokens`, as [`Plan::to`] has it; `None` ends the story there, in mid-sentence.
    pub to: Option<TextUnit>,
    /// Before so many tokens no end of the model's is taken; 0 lets it end at once.
    pub min_tokens: usize,
    /// Whether it goes on at a full context, without the older half of what was told.
    pub context_shift: bool,
    /// Whether it ends where it only repeats itself.
    pub stop_on_loop: bool,
    /// Texts before which it ends; none of them empty.
    pub stops: Vec<String>,
}

impl StoryRequest {
    /// A story of at most so many tokens under this seed, which ends where the model ends it or where it only repeats itself.
    #[must_use]
    pub fn new(seed: u64, max_tokens: usize) -> Self {
        Self { seed, max_tokens, to: None, min_tokens: 0, context_shift: false, stop_on_loop: true, stops: Vec::new() }
    }

    /// The most tokens that can be told: `max_tokens`, and what the end of a whole unit may take.
    #[must_use]
    pub fn most_tokens(&self) -> usize {
        self.to.map_or(self.max_tokens, |unit| unit.most(self.max_tokens))
    }

    /// Whether it can be meant.
    ///
    /// # Errors
    /// A least number of tokens above the most, or an empty stop text.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.stops.iter().any(String::is_empty) {
            let message = "a stop text is empty: every story would end before its first word";
            return Err(Refusal::usage(message, Remedy::LeaveOutStop));
        }
        let Self { min_tokens, max_tokens, .. } = *self;
        if min_tokens > max_tokens {
            let message = format!("no end is to be taken before {min_tokens} tokens, but the story ends after {max_tokens}");
            return Err(Refusal::usage(message, Remedy::MinTokensWithinMax));
        }
        Ok(())
    }

    /// The story in a context of so many tokens, decided by a sampler that has all it needs.
    #[must_use]
    pub fn plan(&self, sampler: &Sampler, prompt: Vec<Token>, context: usize) -> Plan {
        Plan {
            to: self.to,
            context,
            context_shift: self.context_shift,
            stop_on_loop: self.stop_on_loop,
            stops: self.stops.clone(),
            ..Plan::new(sampler.clone().with_min_tokens(self.min_tokens), prompt, self.seed, self.max_tokens)
        }
    }
}

impl Engine {
    /// The story that is wanted behind this prompt, decided by this sampler.
    ///
    /// # Errors
    /// A request that cannot be meant, a sampler that does not fit the vocabulary, or a baseline for which there is no table.
    pub fn plan(&self, sampler: &Sampler, prompt: &Prompt, request: &StoryRequest) -> Result<Plan> {
        let plan = self.plan_behind(sampler, &prompt.tokens, request)?;
        Ok(Plan { heal: prompt.healed.clone(), ..plan })
    }

    /// The story that is wanted behind these tokens, which are all of its beginning.
    ///
    /// # Errors
    /// As [`Engine::plan`].
    pub fn plan_behind(&self, sampler: &Sampler, prompt: &[Token], request: &StoryRequest) -> Result<Plan> {
        request.check()?;
        let sampler = self.furnished(sampler)?;
        sampler.check(self.vocabulary())?;
        Ok(request.plan(&sampler, prompt.to_vec(), self.context()))
    }
}
