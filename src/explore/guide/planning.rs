//! A request becomes a plan: which tokens stand before the place, and what is told behind them.

use anyhow::{Result, ensure};

use super::cutting::cut;
use super::{Aim, Report, Stretch, Way, Wish, Work};
use crate::decode::{Continuation, Plan, Stories};
use crate::engine::StoryRequest;
use crate::prob::Token;
use crate::sampler::{Horizon, Reach};

/// A request that can be answered.
pub(super) struct Prepared {
    /// The story as it goes on at the place: once for each node that is told into, else once.
    pub plans: Vec<Plan>,
    /// Bytes of the writer's own text that the next tokens spell.
    pub owed: Vec<u8>,
    /// How many candidates are looked at in one decode.
    pub width: usize,
    /// Cells and branches that it needs.
    pub room: (usize, usize),
}

/// What stands before a place.
struct Before {
    /// What the story began behind.
    origin: Vec<Token>,
    /// The story so far, without ends of it.
    story: Vec<Token>,
    /// Whether the model had ended it there.
    had_ended: bool,
}

impl Work<'_> {
    /// What the request needs.
    ///
    /// # Errors
    /// A text that the vocabulary cannot write, one that leaves no room in the context, or a preset that does not fit the model.
    pub fn prepare(&mut self) -> Result<Prepared> {
        let before = self.before()?;
        let spelt = self.engine.vocabulary().bytes(&before.story).len();
        let healed = self.request.way.beginning.healed.as_bytes();
        let owed = healed[spelt.min(healed.len())..].to_vec();
        let plan = self.plan(&before)?;
        let seeds = match &self.request.wish {
            Wish::Tell { into, .. } => into.len() as u64,
            _ => 1,
        };
        let plans: Vec<Plan> = (0..seeds).map(|next| Plan { seed: plan.seed.wrapping_add(next), ..plan.clone() }).collect();
        let width = self.engine.width(&plans, plans.len());
        let room = self.room(&plans, width);
        Ok(Prepared { plans, owed, width, room })
    }

    /// Cells and branches.
    fn room(&self, plans: &[Plan], width: usize) -> (usize, usize) {
        match &self.request.wish {
            Wish::Tell { .. } => Stories::room_for_all(plans, width),
            Wish::Decide { .. } => {
                let closely = |plan: &Plan| Plan { sampler: plan.sampler.with_reach(Reach::Exhaustive), ..plan.clone() };
                let shapes: Vec<Plan> = plans.iter().map(closely).collect();
                Stories::room_for(&shapes, width)
            }
            Wish::Ghosts { candidates, words } => {
                let text = plans.first().map_or(0, |plan| plan.prompt.len());
                (text + candidates.len() * words * Horizon::CAP, 1 + candidates.len())
            }
            // It is read once more, beside nothing.
            Wish::Score => (plans.first().map_or(0, |plan| plan.prompt.len()), 2),
        }
    }

    /// The tokens before the place; of a text that was not cut they are reported.
    fn before(&mut self) -> Result<Before> {
        let Self { engine, request, .. } = *self;
        let Way { beginning, stretches } = &request.way;
        let origin = if beginning.prompt_tokens.is_empty() {
            engine.tokens(beginning.shown())?
        } else {
            beginning.prompt_tokens.clone()
        };
        let (mut story, mut ends_with_end, mut owed) = (Vec::new(), false, beginning.healed.as_bytes());
        for Stretch { node, text, tokens } in stretches {
            let tokens = if tokens.is_empty() && !text.is_empty() {
                let pieces = cut(engine, text, owed)?;
                let tokens = pieces.iter().map(|piece| piece.token).collect();
                (self.hear)(Report::Cut { node: *node, tokens: pieces });
                tokens
            } else {
                tokens.clone()
            };
            owed = &owed[engine.vocabulary().bytes(&tokens).len().min(owed.len())..];
            ends_with_end = tokens.last().map_or(ends_with_end, |last| engine.vocabulary().ends(*last));
            story.extend(tokens.into_iter().filter(|token| !engine.vocabulary().ends(*token)));
        }
        ensure!(!origin.is_empty() || !story.is_empty(), "there is no text yet that the model could go on from");
        Ok(Before { origin, story, had_ended: ends_with_end })
    }

    /// The story as it goes on there.
    fn plan(&self, before: &Before) -> Result<Plan> {
        let Self { engine, request, .. } = self;
        let Before { origin, story, had_ended } = before;
        let (max_tokens, to) = match &request.wish {
            Wish::Tell { aim: Aim::Tokens(tokens), .. } => (*tokens, None),
            Wish::Tell { aim: Aim::Whole(unit), .. } => (1, Some(*unit)),
            Wish::Decide { .. } | Wish::Ghosts { .. } | Wish::Score => (1, None),
        };
        let sampler = request.recipe.preset.sampler().with_detail();
        // What the prompt holds of the story was told before it.
        let clock = request.way.beginning.clock.min(origin.len());
        let planned = request.story.plan(&sampler, origin.clone(), engine.context()).planned().saturating_add(clock);
        let wanted = StoryRequest { max_tokens, to, min_tokens: 0, ..request.story.clone() };
        let plan = engine.plan_behind(&sampler, &[&origin[..], story].concat(), &wanted)?;
        plan.check(engine.vocabulary())?;
        // The step at which the model ended it would draw the same end again.
        let told = clock + story.len();
        let least = if *had_ended { told + 1 } else { 0 };
        let continuation = Continuation { told, planned: Some(planned), ..Continuation::default() };
        Ok(Plan {
            sampler: plan.sampler.with_min_tokens(request.story.min_tokens.max(least)),
            heal: request.way.beginning.healed.clone(),
            continuation,
            ..plan
        })
    }
}
