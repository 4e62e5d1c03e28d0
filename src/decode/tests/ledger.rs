//! What tests of memory need: a toy that counts its cells honestly, and numbers without a pattern.

use std::collections::{HashMap, HashSet};

use anyhow::{Result, ensure};

use super::{Token, toy};
use crate::model::{Branch, From, Lexicon, Model, Room, Step, Toy};

/// The toy in a memory whose cells are shared by forks alone, as in a real one, and which may not be able to step back.
pub struct Ledger {
    pub toy: Toy,
    pub cells: HashMap<Branch, Vec<u64>>,
    next: u64,
    room: Room,
    steps_back: bool,
}

impl Ledger {
    pub fn new(room: Room, steps_back: bool) -> Self {
        Self { toy: toy(), cells: HashMap::new(), next: 0, room, steps_back }
    }
}

impl Model for Ledger {
    fn lexicon(&self) -> &Lexicon {
        self.toy.lexicon()
    }

    fn extend(&mut self, steps: &[Step], read: &mut dyn FnMut(usize, usize, &[f32])) -> Result<Vec<Branch>> {
        let (room, tokens) = (self.room(), steps.iter().map(|step| step.tokens.len()).sum::<usize>());
        let made = steps.iter().filter(|step| !matches!(step.from, From::Move(_))).count();
        ensure!(tokens <= room.cells && made <= room.branches, "{tokens} cells and {made} branches do not fit into {room:?}");
        let before = |from| match from {
            From::Root => Vec::new(),
            From::Fork(branch) | From::Move(branch) => self.cells[&branch].clone(),
        };
        let texts: Vec<Vec<u64>> = steps.iter().map(|step| before(step.from)).collect();
        for step in steps {
            if let From::Move(branch) = step.from {
                self.cells.remove(&branch);
            }
        }
        let branches = self.toy.extend(steps, read)?;
        for ((branch, mut text), step) in branches.iter().zip(texts).zip(steps) {
            text.extend(self.next..self.next + step.tokens.len() as u64);
            self.next += step.tokens.len() as u64;
            self.cells.insert(*branch, text);
        }
        Ok(branches)
    }

    fn prefix(&mut self, of: Branch, len: usize) -> Result<Option<Branch>> {
        ensure!(self.room().branches > 0, "no branch is free");
        let text = self.cells[&of][..len].to_vec();
        if !self.steps_back && len < self.cells[&of].len() {
            return Ok(None);
        }
        let branch = self.toy.prefix(of, len)?;
        if let Some(branch) = branch {
            self.cells.insert(branch, text);
        }
        Ok(branch)
    }

    fn release(&mut self, branch: Branch) {
        self.cells.remove(&branch);
        self.toy.release(branch);
    }

    fn room(&self) -> Room {
        let held: HashSet<u64> = self.cells.values().flatten().copied().collect();
        let Room { cells, branches, batch } = self.room;
        Room { cells: cells - held.len(), branches: branches - self.cells.len(), batch }
    }
}

/// Numbers without a pattern, below a bound.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    /// The same, as a token.
    pub fn token(&mut self, bound: usize) -> Token {
        Token::try_from(self.below(bound)).unwrap()
    }
}
