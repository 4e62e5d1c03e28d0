//! The future-entropy sampler.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Role, Rule};
use crate::prob::{Alpha, Ceiling, Excess, Motion, Place, Schedule, Top, keys_in_order};
use crate::sampler::prepared::{Scene, StageOp};

/// Weighs every candidate w by how open the story is after it: s = p(w)^a · Ĥ(w)^b, where Ĥ is the entropy of the next token over
/// its n likeliest, from 0 (settled) to 1 (wide open). It stands after every cut.
///
/// # Source
/// Will Kurt, "Making LLMs Better at Creative Writing using Entropy", countbayesie.com, 2026.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(transform = keys_in_order::<Self>)]
pub struct Future {
    /// k: how many of the likeliest candidates are candidates; 1 looks at nothing.
    #[schemars(example = 20)]
    pub candidates: NonZeroUsize,
    /// n: how many of the likeliest tokens after a candidate its entropy is measured over.
    #[schemars(example = 20)]
    pub entropy_top: Top,
    /// The crossfader: −1 the model's own voice (and its cost), 0 the article's product, 1 only the future, or what `curve` says.
    #[schemars(example = 0)]
    pub alpha: Schedule<Alpha>,
    /// How α becomes exponents: article a = 1 − max(0, α), b = 1 − max(0, −α), at 0 the full product; crossfade a = 1 − t, b = t
    /// with t = (α + 1)/2, at 0 the geometric mean; openness a = 1, b = 1 + α, so that p always counts in full, at 1 p · Ĥ².
    #[serde(default)]
    pub curve: Curve,
    /// How far a candidate is followed before its future is measured: not at all, or to the end of its word.
    #[serde(default)]
    pub horizon: Horizon,
    /// c: open enough is open enough. Ĥ counts as min(Ĥ, c) / c; 1 lets every Ĥ count as it is.
    ///
    /// A state in which the model is lost has the widest future of all; under a ceiling it earns no more than one with a handful
    /// of good ways on. And a candidate with Ĥ ≥ c reaches its bound exactly, so that a lazy draw mostly ends at its first look.
    #[serde(default, skip_serializing_if = "Ceiling::is_open")]
    #[schemars(extend("default" = 1))]
    pub ceiling: Ceiling,
    /// What Ĥ is measured against: nothing, or what is usual after the token, from the model's own table: s = p^a · (Ĥ/Ē)^b. The
    /// table is made once for a model, by `afterword calibrate`.
    #[serde(default, skip_serializing_if = "Against::is_nothing")]
    #[schemars(extend("default" = "none"))]
    pub baseline: Against,
    /// A guard, in nats a token: while the running mean of surprisal − entropy is above this, α is −1, and the model leads the story
    /// back in its own voice. That mean is 0 for the uncut model, and near −0.9 for its own voice behind `min-p = 0.05`, where −0.5
    /// catches what goes far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Excess", example = -0.5)]
    pub derail: Option<Excess>,
    /// What a candidate that ends the story counts: as open as this very moment if the story goes on, never a candidate, or what
    /// the model says after an end.
    #[serde(default)]
    pub end_of_text: EndOfText,
}

impl Future {
    /// Where α stands at this place: where its schedule has it, or at −1 where the story has gone beyond its model.
    #[must_use]
    pub fn alpha_at(&self, place: &Place) -> Alpha {
        let derailed = self.derail.is_some_and(|bound| bound.is_passed(place));
        if derailed { Alpha::clamped(-1.0) } else { self.alpha.at(place) }
    }
}

/// How far a candidate is followed before its future is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Horizon {
    /// Not at all: Ĥ is that of the row after the candidate, as in the article.
    #[default]
    Token,
    /// To the end of its word: as long as the likeliest next token continues the word, up to 8 tokens, the candidate goes on with
    /// it. One token of lookahead punishes a rare word of several tokens, for it is followed by forced pieces; this does not.
    /// Scripts without spaces between words are measured as with `token`.
    Word,
}

/// What Ĥ is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// Nothing: s = p^a · Ĥ^b.
    #[default]
    None,
    /// What is usual after the token: s = p^a · (Ĥ/Ē)^b, with Ē from the model's table of observations
    /// ([`Baseline`](crate::sampler::Baseline)).
    Model,
}

impl Against {
    // Serde hands it over so.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_nothing(&self) -> bool {
        *self == Self::None
    }
}

impl Horizon {
    /// Its name in a preset.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Word => "word",
        }
    }

    /// The longest path that is followed, in tokens, the candidate among them.
    pub const CAP: usize = 8;
}

/// How α ∈ [−1, 1] becomes the exponents of s = p^a · Ĥ^b.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Curve {
    /// a = 1 − max(0, α), b = 1 − max(0, −α): at the centre the full product p · Ĥ.
    #[default]
    Article,
    /// a = 1 − t, b = t with t = (α + 1)/2: at the centre the geometric mean of p and Ĥ.
    Crossfade,
    /// a = 1, b = 1 + α: at the centre the full product, and p is never let go. A wave rides on Ĥ alone.
    Openness,
}

impl Curve {
    /// The exponents (a, b) at α. At α = −1 b is exactly 0; at α = 1 a is exactly 0, or with [`Curve::Openness`] exactly 1.
    ///
    /// ```
    /// use afterword::prob::Alpha;
    /// use afterword::sampler::Curve;
    ///
    /// assert_eq!(Curve::Article.exponents(Alpha::new(0.5)?), (0.5, 1.0));
    /// assert_eq!(Curve::Crossfade.exponents(Alpha::new(0.5)?), (0.25, 0.75));
    /// # Ok::<(), afterword::prob::OutOfRange>(())
    /// ```
    #[must_use]
    pub fn exponents(self, alpha: Alpha) -> (f64, f64) {
        let alpha = alpha.get();
        match self {
            Self::Article => (1.0 - alpha.max(0.0), 1.0 - (-alpha).max(0.0)),
            Self::Crossfade => {
                let t = f64::midpoint(alpha, 1.0);
                (1.0 - t, t)
            }
            Self::Openness => (1.0, 1.0 + alpha),
        }
    }
}

/// What a candidate that ends the story counts: after it there is no future to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EndOfText {
    /// It counts as open as this very moment is if the story goes on: Ĥ is the entropy over the n likeliest tokens now that do
    /// not end it. With the end among them a moment would be the more closed the surer the model is of its end, and the end
    /// would pay for that.
    #[default]
    Neutral,
    /// It is never a candidate, unless nothing else is left.
    Never,
    /// It is looked at like any other token, whatever the model says after an end.
    Article,
}

impl Rule for Future {
    const NAME: &'static str = "future";
    const ROLE: Role = Role::Future;

    fn prepare(&self, _: &mut Scene) -> Option<StageOp> {
        None
    }

    fn schedule(&self) -> Option<&dyn Motion> {
        Some(&self.alpha)
    }

    fn label(&self) -> String {
        format!("future {}", self.candidates)
    }

    fn idle(&self) -> Option<String> {
        (self.candidates.get() == 1).then(|| "with one candidate looks at nothing: it is `top-k = 1`".to_owned())
    }

    fn leaves_one(&self) -> bool {
        self.candidates.get() == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_at_the_ends_and_in_the_middle() {
        let at = |curve: Curve, alpha: f64| curve.exponents(Alpha::new(alpha).unwrap());
        for (alpha, article, crossfade, openness) in [
            (-1.0, (1.0, 0.0), (1.0, 0.0), (1.0, 0.0)),
            (-0.5, (1.0, 0.5), (0.75, 0.25), (1.0, 0.5)),
            (0.0, (1.0, 1.0), (0.5, 0.5), (1.0, 1.0)),
            (0.5, (0.5, 1.0), (0.25, 0.75), (1.0, 1.5)),
            (1.0, (0.0, 1.0), (0.0, 1.0), (1.0, 2.0)),
        ] {
            assert_eq!(at(Curve::Article, alpha), article);
            assert_eq!(at(Curve::Crossfade, alpha), crossfade);
            assert_eq!(at(Curve::Openness, alpha), openness);
        }
    }
}
