//! The stages of a chain, one file each: what a stage does to the candidates, what its values mean, and what it is called
//! elsewhere. The enum, the names in presets, the JSON Schema and the reference page come from these files: a new stage is one
//! file here, and its name in the list below.

mod elsewhere;
mod rule;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::prepared::{Scene, StageOp};
use super::token_patterns::TokenPattern;
use crate::prob::Motion;
pub use elsewhere::Elsewhere;
pub use rule::{Apply, Role};
pub(crate) use rule::{Feedback, Rule};

/// What is known of a kind of stage before one is written.
#[derive(Debug)]
pub struct Kind {
    /// The name by which a preset knows it.
    pub name: &'static str,
    /// What it is for.
    pub role: Role,
    /// What other programs call it.
    pub elsewhere: &'static Elsewhere,
    /// The JSON Schema of its value.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Kind {
    const fn of<S: Rule + JsonSchema>() -> Self {
        Self { name: S::NAME, role: S::ROLE, elsewhere: S::ELSEWHERE, schema: S::json_schema }
    }
}

/// Lists the stages as `file::Name`; the name in a preset is the same word in small letters with hyphens.
macro_rules! stages {
    ($($file:ident::$Stage:ident,)*) => {
        $(mod $file; pub use $file::$Stage;)*

        /// One stage. What a preset writes is what runs: a stage is off by being absent.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Stage {
            $(#[doc = concat!("[`", stringify!($Stage), "`].")] $Stage($Stage),)*
        }

        impl Stage {
            /// Every kind of stage, in the order in which the reference tells of them.
            pub const KINDS: &'static [Kind] = &[$(Kind::of::<$Stage>()),*];

            /// The name by which a preset knows the stage.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$Stage(_) => <$Stage as Rule>::NAME,)* }
            }

            /// What it is for.
            #[must_use]
            pub fn role(&self) -> Role {
                match self { $(Self::$Stage(_) => <$Stage as Rule>::ROLE,)* }
            }

            /// The stage in two words: its name, and the number that says most about it.
            #[must_use]
            pub fn label(&self) -> String {
                match self { $(Self::$Stage(stage) => stage.label(),)* }
            }

            /// Why it changes nothing at all, wherever it stands, as the rest of a sentence that begins with its name; `None`
            /// where it does something.
            #[must_use]
            pub fn idle(&self) -> Option<String> {
                match self { $(Self::$Stage(stage) => stage.idle(),)* }
            }

            /// What moves its first number, where a schedule may.
            #[must_use]
            pub fn schedule(&self) -> Option<&dyn Motion> {
                match self { $(Self::$Stage(stage) => stage.schedule(),)* }
            }

            /// Whether it leaves one token of every row, equals aside.
            #[must_use]
            pub fn leaves_one(&self) -> bool {
                match self { $(Self::$Stage(stage) => stage.leaves_one(),)* }
            }

            /// Whether it can make another token the likeliest.
            #[must_use]
            pub fn may_take_another(&self) -> bool {
                match self { $(Self::$Stage(stage) => stage.may_take_another(),)* }
            }

            /// Whether it changes all probabilities, and leaves more than one token.
            #[must_use]
            pub fn reshapes(&self) -> bool {
                match self { $(Self::$Stage(stage) => stage.reshapes(),)* }
            }

            /// Whether it keeps the same tokens of a row at every temperature.
            #[must_use]
            pub fn ignores_temperature(&self) -> bool {
                match self { $(Self::$Stage(stage) => stage.ignores_temperature(),)* }
            }

            /// What it does at this step; `None` for `future`, which is decided by what comes after each candidate.
            pub(super) fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
                match self { $(Self::$Stage(stage) => stage.prepare(scene),)* }
            }

            /// The texts whose tokens it must know.
            pub(super) fn patterns(&self) -> Vec<&TokenPattern> {
                match self { $(Self::$Stage(stage) => stage.patterns(),)* }
            }
        }

        $(impl From<$Stage> for Stage {
            fn from(stage: $Stage) -> Self {
                Self::$Stage(stage)
            }
        })*
    };
}

stages! {
    bias::Bias,
    ban::Ban,
    penalties::Penalties,
    dry::Dry,
    top_n_sigma::TopNSigma,
    top_k::TopK,
    top_a::TopA,
    tail_free::TailFree,
    typical::Typical,
    epsilon::Epsilon,
    eta::Eta,
    top_p::TopP,
    min_p::MinP,
    top_h::TopH,
    xtc::Xtc,
    temperature::Temperature,
    dynamic_temperature::DynamicTemperature,
    quadratic::Quadratic,
    future::Future,
    shuffle::Shuffle,
    mirostat::Mirostat,
    adaptive_p::AdaptiveP,
}

pub use dry::{OpenWord, PenaltyAt};
pub use future::{Against, Curve, EndOfText, Horizon};
pub(crate) use shuffle::{Changed, dealt};

/// The tokens that are left of a row of these probabilities, as the tests of cuts tell of them.
#[cfg(test)]
fn left_of(p: &[f64], op: &dyn Apply) -> Vec<crate::prob::Token> {
    let all = (0..).zip(p).map(|(token, p)| crate::prob::Candidate { token, logit: p.ln() + 3.0 });
    let mut candidates = crate::prob::Candidates::new(all.collect()).unwrap();
    op.apply(&mut candidates);
    candidates.iter().map(|candidate| candidate.token).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_written_under_its_name() {
        let names: Vec<&str> = Stage::KINDS.iter().map(|kind| kind.name).collect();
        let fault = toml::from_str::<Stage>("zzz = 1").unwrap_err().to_string();
        let read: Vec<&str> = fault.split("expected one of ").nth(1).unwrap().split('`').skip(1).step_by(2).collect();
        assert_eq!(read, names);
    }

    #[test]
    fn no_two_stages_go_by_one_name_elsewhere() {
        let names = |kind: &Kind| -> Vec<String> {
            kind.elsewhere.samplers.iter().chain([&kind.name]).map(|name| name.replace('-', "_")).collect()
        };
        let mut all: Vec<String> = Stage::KINDS.iter().flat_map(names).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
