//! What every stage can say of itself.

use std::fmt::Debug;

use super::Elsewhere;
use crate::prob::{Candidates, Motion, Schedule, Scheduled, Token};
use crate::sampler::TokenPattern;
use crate::sampler::prepared::{Scene, StageOp};

/// What a stage is for, which decides where in a chain it makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Changes the chances of certain tokens: before anything is cut.
    Words,
    /// Shrinks: removes tokens that are not likely enough.
    Cut,
    /// Removes the likeliest: of what the cuts have found good.
    Exclude,
    /// Weighs what is left by its future.
    Future,
    /// Reweighs: makes the distribution flatter or steeper.
    Temper,
    /// Draws, and remembers how likely it was: last.
    Draw,
}

/// What is done to the candidates of a row. Something is left of every row, and every logit stays finite.
///
/// ```
/// use afterword::prob::{Probability, Candidates};
/// use afterword::sampler::{Apply, MinP};
///
/// let mut candidates = Candidates::of(&[1.0, 3.0, 2.9], |_| true).ok_or("an empty row")?;
/// MinP(Probability::new(0.5)?).apply(&mut candidates);
/// assert_eq!(candidates.iter().map(|one| one.token).collect::<Vec<_>>(), [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Apply: Debug + Send + Sync {
    /// Cuts, reweighs or does both.
    fn apply(&self, candidates: &mut Candidates);
}

/// Feedback: what is done depends on how likely the tokens were that were drawn before.
pub(crate) trait Feedback: Apply {
    /// Whether what it is to remember is about what it found, and no longer to be seen in what it left.
    fn looks_back(&self) -> bool {
        false
    }

    /// What is to be remembered after the draw of a token: `found` is what it found if it looks back, `left` what it left.
    fn follow(&self, found: Option<&Candidates>, left: &Candidates, token: Token) -> Option<f64>;
}

/// A stage of a chain.
pub(crate) trait Rule {
    /// The name by which a preset knows it.
    const NAME: &'static str;
    /// What it is for.
    const ROLE: Role;
    /// What other programs call it.
    const ELSEWHERE: &'static Elsewhere = Elsewhere::NOWHERE;

    /// What it does at this step, its reading done and its coins thrown; `None` where that is decided elsewhere.
    fn prepare(&self, scene: &mut Scene) -> Option<StageOp>;

    /// What moves its first number, where a schedule does.
    fn schedule(&self) -> Option<&dyn Motion> {
        None
    }

    /// The stage in two words.
    fn label(&self) -> String;

    /// Why it changes nothing at all.
    fn idle(&self) -> Option<String> {
        None
    }

    /// Whether it leaves one token of every row, equals aside.
    fn leaves_one(&self) -> bool {
        false
    }

    /// Whether it can make another token the likeliest.
    fn may_take_another(&self) -> bool {
        matches!(Self::ROLE, Role::Words | Role::Exclude | Role::Future)
    }

    /// Whether it changes all probabilities, and leaves more than one token.
    fn reshapes(&self) -> bool {
        Self::ROLE == Role::Temper
    }

    /// Whether it keeps the same tokens of a row at every temperature.
    fn ignores_temperature(&self) -> bool {
        false
    }

    /// The texts whose tokens it must know.
    fn patterns(&self) -> Vec<&TokenPattern> {
        Vec::new()
    }
}

/// A stage in two words whose number a schedule may move.
pub(super) fn labelled<Q: Scheduled>(name: &str, schedule: &Schedule<Q>) -> String {
    schedule.constant().map_or_else(|| format!("{name} ~"), |value| format!("{name} {}", value.get()))
}

/// What a cut says of itself at a value at which it keeps everything.
pub(super) fn keeps_all(value: f64) -> String {
    format!("= {value} keeps every token: it does nothing")
}
