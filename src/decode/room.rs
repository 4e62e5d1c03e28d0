//! The room in which stories can be told.

use std::collections::BTreeMap;

use super::plan::Plan;
use super::round::Stories;
use super::storyteller::Storyteller;
use crate::model::Room;
use crate::prob::Token;

/// The most cells and branches that a story can come to hold when `width` candidates are looked at at once.
pub(super) fn needs(plan: &Plan, width: usize) -> (usize, usize) {
    let forks = plan.sampler.forks(width);
    let longest = plan.prompt.len().saturating_add(plan.most_tokens());
    // Where a story goes back, both branches live for a moment.
    let back = usize::from(plan.sampler.bans().is_some());
    (plan.context_within_budget(width).min(longest).saturating_add(forks), 1 + forks + back)
}

impl Stories<'_> {
    /// The cells and branches that running stories were promised and do not hold yet.
    pub(super) fn owed(&self) -> (usize, usize) {
        let (mut cells, mut branches) = (0_usize, 0_usize);
        for (story, promised) in self.tellers.iter().zip(&self.promised) {
            let (_, beyond, held) = story.as_ref().map_or((0, 0, 0), Storyteller::holds);
            cells += promised.0.saturating_sub(beyond);
            branches += promised.1.saturating_sub(held);
        }
        for (len, stories, reserved, kept) in self.prompts.all() {
            // Until it is kept it lies where the first of its stories has read to.
            let reader = stories.first().and_then(|&first| self.tellers.get(first)?.as_ref());
            let read = if kept { len } else { reader.map_or(0, |story| story.holds().0) };
            cells += len.saturating_sub(read);
            branches += reserved.saturating_sub(usize::from(kept));
        }
        (cells, branches)
    }

    /// Gives up what is kept until running stories find all that they were promised.
    pub(super) fn make_room(&mut self) {
        self.give_up_until(|room, (cells, branches)| room.cells >= cells && room.branches >= branches);
    }

    /// The same for branches alone.
    pub(super) fn make_branches(&mut self) {
        self.give_up_until(|room, (_, branches)| room.branches >= branches);
    }

    fn give_up_until(&mut self, enough: impl Fn(Room, (usize, usize)) -> bool) {
        while !self.kept.is_empty() && !enough(self.model.room(), self.owed()) {
            let gone = self.kept.give_up();
            self.release(gone.into_iter().collect());
        }
    }

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
