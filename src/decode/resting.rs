//! Stories that rest while others go on, and what all of them take of a memory.

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
