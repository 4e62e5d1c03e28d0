//! Blind judgements by people: which pairs of stories they are asked about, where their answers are kept, and what those come to.
//!
//! [`Tales`] are the stories of some folders, each of an arm (a preset with its changes) and of a prompt. [`Pairs`] puts two
//! stories of one prompt and of two arms before a person, who is not told which arms they are of. A [`Judgement`] is the answer, a
//! line of a [`Ledger`]. [`Outcome`] makes of such lines the strengths of the arms by the model of Bradley and Terry, with
//! intervals over prompts, and says how far judges agree.
//!
//! A measure is only worth what people who do not know where a story comes from say of it.

mod agreement;
mod games;
mod judgement;
mod ledger;
mod measures;
mod outcome;
mod page;
mod pairs;
mod resampling;
mod strength;
mod tales;

pub use agreement::{kappa, kendall, spearman};
pub use games::Games;
pub use judgement::{Choice, JUDGEMENT_FORMAT, Judgement, Side, settled};
pub use ledger::Ledger;
pub use measures::{Measures, measures};
pub use outcome::{ArmOutcome, Duel, JudgeAgreement, MeasureAgreement, Outcome};
pub use page::page;
pub use pairs::{Pair, Pairs};
pub use resampling::RESAMPLES;
pub use strength::{Lead, Strengths};
pub use tales::{Prompt, Tale, Tales};
