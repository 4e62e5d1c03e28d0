//! One decision by itself: the token after a text that is known already.

use anyhow::{Context, Result, ensure};

use super::round::CHUNK;
use crate::model::{Branch, From, Model, Rows, Step};
use crate::prob::{Noise, Partition, Token};
use crate::sampler::{Ask, Draw, Memory, Path, Sampler};

/// A place in a story.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The tokens of the prompt.
    pub prompt: &'a [Token],
    /// The tokens that were told behind it.
    pub told: &'a [Token],
    /// The seed of the story's noise.
    pub seed: u64,
    /// How many tokens the story may have: [`Plan::planned`](super::Plan::planned).
    pub planned: usize,
}

/// Decides about the token there, as the story does when it comes to it. `look` sees the row behind every path that is looked
/// at; `width`, at least 1, is how many are looked at in one decode.
///
/// What was told is read token by token, as the story did: a quantised model's logits depend on how many tokens are decoded
/// together, visibly so. Other cells in its cache move them too, by less.
///
/// # Errors
/// An empty prompt, a failed decode, too little room, or a row that no decision can be made from.
pub fn decide(
    model: &mut dyn Model,
    sampler: &Sampler,
    place: Place,
    width: usize,
    look: &mut dyn FnMut(&Path, &[f32]),
) -> Result<Draw> {
    let mut held = Held { trunk: None, known: Vec::new() };
    let draw = held.decide(model, sampler, place, width.max(1), look);
    held.known.into_iter().map(|(_, branch)| branch).chain(held.trunk).for_each(|branch| model.release(branch));
    draw
}

/// The branches that the decision needs.
struct Held {
    trunk: Option<Branch>,
    known: Vec<(Path, Branch)>,
}

impl Held {
    fn decide(
        &mut self,
        model: &mut dyn Model,
        sampler: &Sampler,
        place: Place,
        width: usize,
        look: &mut dyn FnMut(&Path, &[f32]),
    ) -> Result<Draw> {
        let Place { prompt, told, seed, .. } = place;
        ensure!(
            told.is_empty() || !sampler.chain().steers(),
            "the preset steers by every draw before it (`mirostat`, `adaptive-p`), and what it remembered of them is not recorded"
        );
        let sampler = sampler.bind(model.lexicon())?;
        let (memory, row) = self.read(model, place)?;
        let mut turn = sampler.turn(&memory, &row, model.lexicon(), Noise::new(seed, prompt))?;
        let trunk = self.trunk.context("the prompt is empty")?;
        loop {
            let paths = match turn.ask() {
                Ask::Take(draw) => return Ok(draw),
                Ask::Look(paths) => paths.into_iter().take(width).collect::<Vec<Path>>(),
            };
            let mut steps: Vec<Step> = Vec::with_capacity(paths.len());
            for Path(tokens) in &paths {
                let (before, last) = tokens.split_at(tokens.len().saturating_sub(1));
                let parent = self.known.iter().find(|(known, _)| known.0 == before).map_or(trunk, |(_, branch)| *branch);
                steps.push(Step { from: From::Fork(parent), tokens: last, rows: Rows::Last });
            }
            let mut rows = vec![Vec::new(); steps.len()];
            let branches = model.extend(&steps, &mut |step, _, row| rows[step] = row.to_vec())?;
            for ((path, branch), row) in paths.into_iter().zip(branches).zip(rows) {
                look(&path, &row);
                turn.learn(&path, &row, model.lexicon());
                self.known.push((path, branch));
            }
            let lost = turn.lost();
            let is_lost = |(path, _): &mut (Path, Branch)| lost.iter().any(|lost| path.0.starts_with(&lost.0));
            self.known.extract_if(.., is_lost).for_each(|(_, branch)| model.release(branch));
        }
    }

    /// Reads the text in the parts in which a story reads it; returns what is remembered of it, and its last row.
    fn read(&mut self, model: &mut dyn Model, place: Place) -> Result<(Memory, Vec<f32>)> {
        let Place { prompt, told, planned, .. } = place;
        let chunk = CHUNK.min(model.room().batch).max(1);
        let mut memory = Memory::of_prompt(prompt).planning(planned);
        let mut last = Vec::new();
        for tokens in prompt.chunks(chunk) {
            self.go_on(model, tokens, &mut last)?;
        }
        for token in told {
            let logit = last.get(*token as usize).copied().unwrap_or(f32::NEG_INFINITY);
            let log_p = Partition::of(&last).map_or(f64::NEG_INFINITY, |partition| partition.log_p(logit));
            memory = memory.retold(*token, log_p);
            self.go_on(model, std::slice::from_ref(token), &mut last)?;
        }
        Ok((memory, last))
    }

    fn go_on(&mut self, model: &mut dyn Model, tokens: &[Token], last: &mut Vec<f32>) -> Result<()> {
        let step = Step { from: self.trunk.take().map_or(From::Root, From::Move), tokens, rows: Rows::Last };
        self.trunk = model.extend(&[step], &mut |_, _, row| *last = row.to_vec())?.pop();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Event, Plan, Stories};
    use crate::model::{Kind, Lexicon, Toy};
    use crate::sampler::{Chain, Future, Pick, Reach, Stage};

    fn toy() -> Toy {
        let lexicon = Lexicon::new(["a", "b", "c", "d"].map(|piece| (piece, Kind::Text)));
        Toy::new(lexicon, |text| {
            let sum = text.iter().fold(7_u32, |sum, token| sum.wrapping_mul(31).wrapping_add(*token));
            (0..4_u32).map(|token| f32::from(u8::try_from((sum >> (token * 4)) % 16).unwrap()) / 5.0).collect()
        })
    }

    #[test]
    fn every_token_of_a_story_is_decided_again_as_it_was() {
        let future: Future = serde_json::from_str(r#"{"candidates": 4, "entropy-top": 3, "alpha": 0.3}"#).unwrap();
        let sampler =
            Sampler::new(Chain::new(vec![Stage::Future(future)]).unwrap(), Pick::Sample).with_reach(Reach::Exhaustive);
        let plan = Plan {
            sampler: sampler.clone(),
            prompt: vec![0, 1],
            seed: 3,
            tokens: 30,
            context: 100,
            slides: false,
            may_loop: true,
            stops: Vec::new(),
        };
        let (mut model, mut draws) = (toy(), Vec::new());
        let mut stories = Stories::new(&mut model, 2);
        stories.begin(plan).unwrap();
        while stories.running() > 0 {
            let mut listen = |event: Event| {
                if let Event::Told { draw, .. } = event {
                    draws.push(draw.clone());
                }
            };
            stories.round(&mut listen).unwrap();
        }
        let told = stories.finish().pop().unwrap().tokens;
        assert_eq!(draws.len(), 30);
        for (at, draw) in draws.iter().enumerate() {
            let (place, mut seen) = (Place { prompt: &[0, 1], told: &told[..at], seed: 3, planned: 30 }, 0);
            let again = decide(&mut model, &sampler, place, 2, &mut |_, row| seen += usize::from(row.len() == 4)).unwrap();
            assert_eq!((&again, model.living()), (draw, 0));
            assert!(seen >= 4);
        }
    }

    #[test]
    fn a_decode_that_fails_leaves_no_branch() {
        let sampler = Sampler::new(Chain::new(Vec::new()).unwrap(), Pick::Sample);
        let mut model = toy();
        model.fail_at = Some(1);
        let place = Place { prompt: &[0], told: &[1], seed: 3, planned: 30 };
        assert!(decide(&mut model, &sampler, place, 1, &mut |_, _| ()).is_err());
        assert_eq!(model.living(), 0);
    }
}
