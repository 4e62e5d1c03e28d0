//! Thinking before a story: told as a story of its own, plainly, until its closing mark.

use anyhow::Result;

use crate::model::{Branch, Kind, Model, Room, Step, Vocabulary};
use crate::prob::{self, Kept, Schedule, Token};
use crate::sampler::{Chain, Pick, Sampler, Temperature, TopP};

/// How thinking is sampled, whatever the preset: as the makers of thinking models advise (top-p 0.95, temperature 0.6), for
/// its use is to be right and not to be open.
///
/// # Errors
/// None that these numbers could bring.
pub fn plain_sampler() -> Result<Sampler> {
    let temperature = Temperature(Schedule::Constant(prob::Temperature::new(0.6)?));
    let stages = vec![TopP(Schedule::Constant(Kept::new(0.95)?)).into(), temperature.into()];
    Ok(Sampler::new(Chain::new(stages)?, Pick::Sample))
}

/// The same model, for which a token more ends the text: a closing mark is often a control token, which no sampler would
/// ever take and whose piece no stop string would meet.
pub struct Until<'m> {
    model: &'m mut dyn Model,
    vocabulary: Vocabulary,
}

impl<'m> Until<'m> {
    /// The model until this token; `None` changes nothing.
    pub fn new(model: &'m mut dyn Model, last: Option<Token>) -> Self {
        let known = model.vocabulary();
        let kind = |token| if last == Some(token) { Kind::End } else { known.kind(token) };
        let vocabulary = Vocabulary::new((0..).take(known.len()).map(|token| (known.piece(token), kind(token))));
        Self { model, vocabulary }
    }
}

impl Model for Until<'_> {
    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn extend(&mut self, steps: &[Step], read: &mut dyn FnMut(usize, usize, &[f32])) -> Result<Vec<Branch>> {
        self.model.extend(steps, read)
    }

    fn prefix(&mut self, of: Branch, len: usize) -> Result<Option<Branch>> {
        self.model.prefix(of, len)
    }

    fn release(&mut self, branch: Branch) {
        self.model.release(branch);
    }

    fn room(&self) -> Room {
        self.model.room()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{self, Plan};
    use crate::model::Toy;
    use crate::story::StopReason;

    #[test]
    fn thinking_ends_at_a_control_token_that_nothing_else_would_take() {
        let vocabulary = || Vocabulary::new([("a", Kind::Text), ("", Kind::Control), ("b", Kind::Text)]);
        let row = |text: &[Token]| if text.len() < 5 { vec![1.0, -9.0, 1.0] } else { vec![-90.0, 9.0, -90.0] };
        let tell = |last| {
            let mut toy = Toy::new(vocabulary(), row);
            let mut model = Until::new(&mut toy, last);
            let plan = Plan::new(plain_sampler().unwrap(), vec![0], 1, 9);
            let told = decode::tell(&mut model, 1, vec![plan]).remove(0);
            assert_eq!(toy.living(), 0);
            (told.stop, told.text.len())
        };
        assert_eq!(tell(Some(1)), (StopReason::End, 4));
        assert_eq!(tell(None), (StopReason::Tokens, 9));
    }
}
