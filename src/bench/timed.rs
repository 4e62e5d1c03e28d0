//! A model that counts what is asked of it, and how long it takes.

use std::cell::Cell;
use std::time::Duration;

use anyhow::Result;

use crate::model::{Branch, Model, Room, Step, Vocabulary};

/// Tells the time since some fixed moment.
pub type Clock<'a> = &'a dyn Fn() -> Duration;

/// What a model has been asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Calls of [`Model::extend`].
    pub decodes: usize,
    /// Tokens that they evaluated.
    pub evaluations: usize,
    /// Time in them, without that in which their rows were read.
    pub time: Duration,
}

impl Spent {
    /// What has been spent since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            decodes: self.decodes - before.decodes,
            evaluations: self.evaluations - before.evaluations,
            time: self.time.saturating_sub(before.time),
        }
    }
}

/// The model underneath, and an account of it.
pub struct Timed<'a> {
    model: &'a mut dyn Model,
    clock: Clock<'a>,
    spent: &'a Cell<Spent>,
}

impl<'a> Timed<'a> {
    /// Is equivalent to `model`, and adds to `spent` what it is asked for.
    pub fn new(model: &'a mut dyn Model, clock: Clock<'a>, spent: &'a Cell<Spent>) -> Self {
        Self { model, clock, spent }
    }
}

impl Model for Timed<'_> {
    fn vocabulary(&self) -> &Vocabulary {
        self.model.vocabulary()
    }

    fn extend(&mut self, steps: &[Step], read: &mut dyn FnMut(usize, usize, &[f32])) -> Result<Vec<Branch>> {
        let clock = self.clock;
        let mut reading = Duration::ZERO;
        let began = clock();
        let made = self.model.extend(steps, &mut |step, position, row| {
            let began = clock();
            read(step, position, row);
            reading += clock().saturating_sub(began);
        });
        let Spent { decodes, evaluations, time } = self.spent.get();
        self.spent.set(Spent {
            decodes: decodes + 1,
            evaluations: evaluations + steps.iter().map(|step| step.tokens.len()).sum::<usize>(),
            time: time + clock().saturating_sub(began + reading),
        });
        made
    }

    fn prefix(&mut self, of: Branch, len: usize) -> Result<Option<Branch>> {
        self.model.prefix(of, len)
    }

    fn release(&mut self, branch: Branch) {
        self.model.release(branch);
    }

    fn threads(&self) -> usize {
        self.model.threads()
    }

    fn room(&self) -> Room {
        self.model.room()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Origin, Rows, Toy};

    #[test]
    fn the_reading_of_rows_is_no_time_of_the_model() {
        // A clock that moves on by a second whenever it is asked: began, two around the row, and the end.
        let ticks = Cell::new(0);
        let clock = || {
            ticks.set(ticks.get() + 1);
            Duration::from_secs(ticks.get())
        };
        let mut toy = Toy::bigram(Vocabulary::new([("a", Kind::Text)]), vec![vec![0.0]]);
        let spent = Cell::new(Spent::default());
        let step = Step { from: Origin::Root, tokens: &[0, 0], rows: Rows::Last };
        Timed::new(&mut toy, &clock, &spent).extend(&[step], &mut |_, _, _| ()).unwrap();
        assert_eq!(spent.get(), Spent { decodes: 1, evaluations: 2, time: Duration::from_secs(2) });
    }
}
