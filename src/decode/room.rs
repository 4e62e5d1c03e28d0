//! The room in which stories can be told.

use std::collections::BTreeMap;

use super::plan::Plan;
use super::round::Stories;
use crate::prob::Token;

/// The most cells and branches that a story can come to hold when `width` candidates are looked at at once.
pub(super) fn needs(plan: &Plan, width: usize) -> (usize, usize) {
    let forks = plan.sampler.forks(width);
    (plan.context.min(plan.prompt.len().saturating_add(plan.max_tokens)) + forks, 1 + forks)
}

impl Stories<'_> {
    /// The cells and branches in which any one of these plans can be told.
    #[must_use]
    pub fn room_for(plans: &[Plan], width: usize) -> (usize, usize) {
        let needs = plans.iter().map(|plan| needs(plan, width.max(1)));
        needs.fold((1, 1), |(cells, branches), need| (cells.max(need.0), branches.max(need.1)))
    }

    /// The cells and branches in which all of these plans can be told together. The cells of a prompt that several of them
    /// share count once; a branch more keeps it for them.
    #[must_use]
    pub fn room_for_all(plans: &[Plan], width: usize) -> (usize, usize) {
        let mut prompts: BTreeMap<&[Token], usize> = BTreeMap::new();
        let (mut cells, mut branches) = (0_usize, 0_usize);
        for plan in plans {
            let need = needs(plan, width.max(1));
            *prompts.entry(&plan.prompt).or_default() += 1;
            cells = cells.saturating_add(need.0.saturating_sub(plan.prompt.len()));
            branches = branches.saturating_add(need.1);
        }
        let (read, kept) = (prompts.keys().map(|prompt| prompt.len()).sum(), prompts.values().filter(|&&by| by > 1).count());
        (cells.saturating_add(read).max(1), branches.saturating_add(kept).max(1))
    }
}
