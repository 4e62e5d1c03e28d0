//! Stories that rest while others go on, those that go back, and what all of them take of a memory.

use anyhow::Result;

use super::observer::Occupancy;
use super::round::Stories;

impl Stories<'_> {
    /// Lets a story rest with all that it holds, or go on. While it reads a text it does not rest, for others may wait for that. A
    /// number that no story has is ignored.
    pub fn rest(&mut self, number: usize, rests: bool) {
        if rests && self.tellers.get(number).is_some_and(Option::is_some) {
            self.resting.insert(number);
        } else {
            self.resting.remove(&number);
        }
    }

    /// Takes out of the memory what a story has taken back; one that cannot step back reads its text again.
    pub(super) fn step_back(&mut self, number: usize) -> Result<()> {
        let Some(story) = self.tellers[number].as_mut() else { return Ok(()) };
        let Some((trunk, len)) = story.overhang() else { return Ok(()) };
        let free = match self.model.prefix(trunk, len)? {
            Some(branch) => story.stand_on(branch, len).into_iter().collect(),
            None => story.read_again(),
        };
        self.release(free);
        Ok(())
    }

    /// The stories that have a part in the next decode.
    pub(super) fn attending(&self) -> impl Iterator<Item = usize> {
        let attends = |number: &usize| {
            let story = self.tellers[*number].as_ref();
            story.is_some_and(|story| story.reading().is_some() || !self.resting.contains(number))
        };
        (0..self.tellers.len()).filter(attends)
    }

    /// Whether there are stories, and all of them rest.
    pub(super) fn all_rest(&self) -> bool {
        self.running() > 0 && self.attending().next().is_none()
    }

    /// What stories take of the memory, and what they leave.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        let running = self.running();
        let (free_cells, free_branches) = self.unpromised;
        Occupancy {
            running,
            resting: running - self.attending().count(),
            kept: self.kept.len(),
            room: self.model.room(),
            free_cells,
            free_branches,
        }
    }
}
