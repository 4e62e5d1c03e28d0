//! Candidate lookahead as it is usually written: one candidate after the other, and the chosen one again. A yardstick only.

use anyhow::Result;

use crate::decode::Plan;
use crate::model::{Branch, From, Model, Rows, Step};
use crate::prob::{Noise, Token};
use crate::sampler::{Ask, BoundSampler, Memory, Reach};

/// A story told with k + 1 passes a token: each candidate is read behind the text and forgotten, then the chosen one is read.
///
/// Is equivalent to the same sampler in [`drive`](crate::decode::drive()): the tokens are equal, the cost is not.
pub(super) struct Naive {
    sampler: BoundSampler,
    noise: Noise,
    memory: Memory,
    trunk: Branch,
    row: Vec<f32>,
}

impl Naive {
    /// Reads the prompt.
    pub fn begin(model: &mut dyn Model, plan: &Plan) -> Result<Self> {
        let (trunk, row) = read(model, From::Root, &plan.prompt)?;
        Ok(Self {
            // As the program's own loop does: what its chain reads of the vocabulary is looked up once.
            sampler: plan.sampler.with_reach(Reach::Full).bind(model.lexicon())?,
            noise: Noise::new(plan.seed, &plan.prompt),
            memory: Memory::of_prompt(&plan.prompt).planning(plan.planned()),
            trunk,
            row,
        })
    }

    /// Tells one token.
    pub fn tell(&mut self, model: &mut dyn Model) -> Result<Token> {
        let mut turn = self.sampler.turn(&self.memory, &self.row, self.noise)?;
        let draw = loop {
            match turn.ask() {
                Ask::Take(draw) => break draw,
                Ask::Look(paths) => {
                    for path in paths {
                        let (fork, row) = read(model, From::Fork(self.trunk), &path.0)?;
                        turn.learn(&path, &row);
                        model.release(fork);
                    }
                }
            }
        };
        self.memory = self.memory.after(&draw);
        let token = draw.token;
        (self.trunk, self.row) = read(model, From::Move(self.trunk), &[token])?;
        Ok(token)
    }

    /// Forgets the story.
    pub fn end(self, model: &mut dyn Model) {
        model.release(self.trunk);
    }
}

/// Reads tokens and keeps the last row.
fn read(model: &mut dyn Model, from: From, tokens: &[Token]) -> Result<(Branch, Vec<f32>)> {
    let mut last = Vec::new();
    let step = Step { from, tokens, rows: Rows::Last };
    let made = model.extend(&[step], &mut |_, _, row| last = row.to_vec())?;
    Ok((made[0], last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::measure::tests::{sampler, toy};
    use crate::decode;

    #[test]
    fn naive_lookahead_tells_the_tokens_of_the_lazy_draw() {
        for horizon in ["token", "word"] {
            let sampler = sampler("0.3", horizon);
            for seed in 0..8 {
                let prompt = [1, 2, 3];
                let plan = Plan::new(sampler.clone(), prompt.to_vec(), seed, 50);
                let lazy = decode::tell(&mut toy(), 1, vec![plan.clone()]).remove(0).tokens;
                let mut model = toy();
                let mut naive = Naive::begin(&mut model, &plan).unwrap();
                let told: Vec<Token> = lazy.iter().map(|_| naive.tell(&mut model).unwrap()).collect();
                assert_eq!(told, lazy);
                naive.end(&mut model);
                assert_eq!(model.living(), 0);
            }
        }
    }
}
