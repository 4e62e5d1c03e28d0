//! One decision looked at closely: the token after a prompt, or one of a story's.

use anyhow::Result;

use super::engine::Engine;
use super::remedy::{Refusal, Remedy};
use super::replay::Replay;
use crate::decode::{Cancel, Decided, Observer, Plan, Stories, StoryStep, decide};
use crate::model::MOST_BRANCHES;
use crate::prob::Token;
use crate::sampler::Sampler;
use crate::story::{Banned, Record};
use crate::text::some;

/// How many tokens after each candidate are told.
const NEXT: usize = 5;

/// What is to be explained.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The story, with the sampler that told it, and those that were told beside it.
    plans: Vec<Plan>,
    which: usize,
    told: &'a [Token],
    record: Option<&'a Record>,
}

impl<'a> Question<'a> {
    /// The token after a prompt.
    #[must_use]
    pub fn after(plan: Plan) -> Self {
        Self { plans: vec![plan], which: 0, told: &[], record: None }
    }

    /// The token of a told story behind its first `after` ones, of which it has more; of a story that was gone on with, one that was
    /// told since.
    ///
    /// # Errors
    /// It stood before the story was gone on with, or there is no such token.
    pub fn within(replay: &Replay, record: &'a Record, after: usize) -> Result<Self, Refusal> {
        let ((plans, which), stood) = (replay.stories(), record.stood());
        if after < stood {
            let message = format!("token {} stood before the story was gone on with, from token {} on", after + 1, stood + 1);
            return Err(Refusal::usage(message, Remedy::EarlierRecord));
        }
        let told = record.tokens.get(stood..after).filter(|_| after < record.tokens.len());
        let told = told.ok_or_else(|| {
            let message = format!("the story has {}, and none behind {after}", some(record.tokens.len(), "token"));
            Refusal::usage(message, Remedy::PlaceUpTo(record.tokens.len()))
        })?;
        Ok(Self { plans: plans.to_vec(), which, told, record: Some(record) })
    }

    /// The story.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plans[self.which]
    }

    /// The tokens of the story before it, without those that stood when it was gone on with.
    #[must_use]
    pub fn told(&self) -> &'a [Token] {
        self.told
    }
}

impl Question<'_> {
    /// The number of the token in its story, counted from 0.
    #[must_use]
    pub fn place(&self) -> usize {
        self.record.map_or(0, Record::stood) + self.told.len()
    }
}

impl Engine {
    /// The decision, by `closely`, which is the story's own sampler or one to compare it with; all candidates are looked at.
    /// Nothing where it is cancelled, or the observer breaks off.
    ///
    /// # Errors
    /// More candidates than the memory has branches for, a sampler that does not fit the vocabulary, or as [`decide`].
    pub fn explain(
        &self,
        question: &Question,
        closely: &Sampler,
        observer: &mut dyn Observer,
        cancel: &Cancel,
    ) -> Result<Option<Decided>> {
        let Question { plans, which, told, record } = question;
        let plan = question.plan();
        let closely = self.furnished(closely)?.with_min_tokens(plan.sampler.min_tokens());
        closely.check(self.vocabulary())?;
        let shapes = [plan.clone(), Plan { sampler: closely.clone(), ..plan.clone() }];
        let width = self.width(&shapes, 1);
        let (cells, branches) = Stories::room_for(&shapes, width);
        if branches > MOST_BRANCHES {
            let message = format!(
                "cannot look at all candidates: they need {branches} sequences of the KV cache, which has {MOST_BRANCHES}"
            );
            return Err(Refusal::new(message, Remedy::FewerCandidates).into());
        }
        let mut session = match record {
            None => self.session_of(cells, branches)?,
            Some(Record { run, .. }) => {
                // A memory of the record's kind; beside others the close look has room of its own.
                let others = if plans.len() > 1 { (run.cells, run.branches) } else { (0, 0) };
                let (cells, branches) = ((cells + others.0).max(run.cells), (branches + others.1).max(run.branches));
                self.session_in_batches(cells, branches.min(MOST_BRANCHES), run.batch)?
            }
        };
        let stood = record.map_or(0, Record::stood);
        let own = record.map(|record| record.tokens[stood + told.len()]);
        let rewinds = record.map_or(Banned::default(), |record| record.banned.clone().counted_from(stood)).rewinds;
        let place = StoryStep { plans, which: *which, told, rewinds: &rewinds, own };
        let decided = decide(&mut *session, &closely, place, NEXT, width, observer, cancel)?;
        Ok(decided.map(|decided| Decided { strayed: decided.strayed.map(|at| stood + at), ..decided }))
    }
}
