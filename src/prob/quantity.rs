//! Numbers that carry their range: whoever holds one may rely on it. Conditions are written so that NaN fails.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A number that is not in the range of what it was meant to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutOfRange {
    value: f64,
    what: &'static str,
    range: &'static str,
}

impl OutOfRange {
    /// `value` is not `what`: expected `range`.
    pub(crate) fn new(value: f64, what: &'static str, range: &'static str) -> Self {
        Self { value, what, range }
    }
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not {}: expected {}", self.value, self.what, self.range)
    }
}

impl std::error::Error for OutOfRange {}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $what:literal, $range:literal, |$x:ident| $holds:expr, { $($limits:tt)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            #[doc = concat!("Takes ", $range, ".")]
            ///
            /// # Errors
            /// Any other number, NaN among them.
            pub fn new($x: f64) -> Result<Self, OutOfRange> {
                if $holds { Ok(Self($x)) } else { Err(OutOfRange { value: $x, what: $what, range: $range }) }
            }

            /// The number.
            #[must_use]
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = OutOfRange;
            fn try_from(x: f64) -> Result<Self, OutOfRange> {
                Self::new(x)
            }
        }

        impl From<$name> for f64 {
            fn from(x: $name) -> f64 {
                x.0
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "number", $($limits)* })
            }
        }
    };
}

quantity! {
    /// A probability.
    Probability, "a probability", "a number from 0 to 1", |x| (0.0..=1.0).contains(&x),
    { "minimum": 0.0, "maximum": 1.0 }
}
quantity! {
    /// The least share of the likeliest token's probability that a token must have: 0 is reached by every token, 1 by the likeliest.
    Least, "a probability", "a number from 0 to 1", |x| (0.0..=1.0).contains(&x),
    { "minimum": 0.0, "maximum": 1.0 }
}
quantity! {
    /// The share that a cut keeps, of the mass or of the entropy: 0 keeps the likeliest token, 1 all.
    Kept, "a probability", "a number from 0 to 1", |x| (0.0..=1.0).contains(&x),
    { "minimum": 0.0, "maximum": 1.0 }
}
quantity! {
    /// The divisor T of logits; 0 keeps only the likeliest token, 1 changes nothing.
    Temperature, "a temperature", "a number from 0 up", |x| x >= 0.0 && x.is_finite(),
    { "minimum": 0.0 }
}
quantity! {
    /// A position of the crossfader: −1 the model's own voice, 0 the article's product, +1 only the future.
    Alpha, "a position of the crossfader", "a number from -1 to 1", |x| (-1.0..=1.0).contains(&x),
    { "minimum": -1.0, "maximum": 1.0 }
}
quantity! {
    /// A share of a story that is planned: 0 none of it, 1 all of it.
    Share, "a share of the story", "a number from 0 to 1", |x| (0.0..=1.0).contains(&x),
    { "minimum": 0.0, "maximum": 1.0 }
}
quantity! {
    /// The length of one turn of a wave, in the units that it counts.
    Period, "a period", "a number above 0", |x| x > 0.0 && x.is_finite(),
    { "exclusiveMinimum": 0.0 }
}
quantity! {
    /// A factor or a base of a penalty; 0 switches a factor off.
    Multiplier, "a multiplier", "a number from 0 up", |x| x >= 0.0 && x.is_finite(),
    { "minimum": 0.0 }
}

quantity! {
    /// How far a wave swings to either side of its centre; 0 is no wave, above 1 its crests are clipped flat.
    Amplitude, "an amplitude", "a number from 0 up", |x| x >= 0.0 && x.is_finite(),
    { "minimum": 0.0 }
}
quantity! {
    /// How much of its swing a wave has to one side of its centre: 0 nothing, 1 all of it.
    Part, "a part of a swing", "a number from 0 to 1", |x| (0.0..=1.0).contains(&x),
    { "minimum": 0.0, "maximum": 1.0 }
}
quantity! {
    /// Where a wave stands at the first token, as a fraction of a turn; whole turns change nothing.
    Phase, "a phase", "a finite number", |x| x.is_finite(),
    {}
}

quantity! {
    /// The Ĥ from which on a future counts as wide open; 1 lets every Ĥ count as it is.
    Ceiling, "a ceiling of openness", "a number above 0 and at most 1", |x| x > 0.0 && x <= 1.0,
    { "exclusiveMinimum": 0.0, "maximum": 1.0 }
}
quantity! {
    /// How much more surprising than its own entropy a text is, in nats a token; below 0 it is less so.
    Excess, "an excess in nats", "a finite number", |x| x.is_finite(),
    {}
}
quantity! {
    /// A number of standard deviations.
    Sigmas, "a number of standard deviations", "a number above 0", |x| x > 0.0 && x.is_finite(),
    { "exclusiveMinimum": 0.0 }
}
quantity! {
    /// The exponent of a curve; 1 is a straight line, 0 its upper end throughout.
    Exponent, "an exponent", "a number from 0 up", |x| x >= 0.0 && x.is_finite(),
    { "minimum": 0.0 }
}
quantity! {
    /// What divides the logit of a repeated token; 1 changes nothing, below 1 repetition is rewarded.
    Repeat, "a penalty on repetition", "a number above 0", |x| x > 0.0 && x.is_finite(),
    { "exclusiveMinimum": 0.0 }
}
quantity! {
    /// What is added to a logit, or taken off it, in nats; 0 changes nothing.
    Bias, "a change of a logit", "a finite number", |x| x.is_finite(),
    {}
}
quantity! {
    /// A surprise, −log₂ p, in bits.
    Bits, "a surprise in bits", "a number above 0", |x| x > 0.0 && x.is_finite(),
    { "exclusiveMinimum": 0.0 }
}
quantity! {
    /// How much of an error is made good at each step; 0 is none of it, above 2 each step overshoots by more than the last.
    Rate, "a learning rate", "a number from 0 to 2", |x| (0.0..=2.0).contains(&x),
    { "minimum": 0.0, "maximum": 2.0 }
}
quantity! {
    /// What a running average keeps of itself at each step: it remembers about 1 / (1 − decay) of them; 0 only the last.
    Decay, "a decay", "a number from 0 to 0.99", |x| (0.0..=0.99).contains(&x),
    { "minimum": 0.0, "maximum": 0.99 }
}

quantity! {
    /// What a difference of logits is multiplied by.
    Factor, "a factor", "a number above 0", |x| x > 0.0 && x.is_finite(),
    { "exclusiveMinimum": 0.0 }
}
quantity! {
    /// How a fall is bent: 1 is a parabola, 3 a cubic.
    Bend, "a curve", "a number from 1 up", |x| x >= 1.0 && x.is_finite(),
    { "minimum": 1.0 }
}

macro_rules! clamped {
    ($($name:ident, $low:expr, $high:expr, $usual:literal;)*) => {
        $(impl $name {
            #[doc = concat!("The nearest to `x` that there is; ", $usual, " for NaN.")]
            #[must_use]
            pub fn clamped(x: f64) -> Self {
                Self(if x.is_nan() { $usual } else { x.clamp($low, $high) })
            }
        })*
    };
}

clamped! {
    Alpha, -1.0, 1.0, 0.0;
    Temperature, 0.0, f64::MAX, 1.0;
    Least, 0.0, 1.0, 0.0;
    Kept, 0.0, 1.0, 1.0;
    Sigmas, f64::MIN_POSITIVE, f64::MAX, 1.0;
}

impl Least {
    /// The same as a probability.
    #[must_use]
    pub fn share(self) -> Probability {
        Probability(self.0)
    }
}

impl Kept {
    /// The same as a probability.
    #[must_use]
    pub fn share(self) -> Probability {
        Probability(self.0)
    }
}

impl Part {
    /// Whether it is all of it.
    // Serde hands it over so.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn is_whole(&self) -> bool {
        self.0 == 1.0
    }
}

impl Share {
    /// Whether it is no part at all.
    // Serde hands it over so.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn is_nothing(&self) -> bool {
        self.0 == 0.0
    }
}

impl Default for Share {
    /// No part at all.
    fn default() -> Self {
        Self(0.0)
    }
}

impl Ceiling {
    /// Whether it lets every Ĥ count as it is.
    // Serde hands it over so.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(crate) fn is_open(&self) -> bool {
        self.0 == 1.0
    }

    /// Ĥ' = min(Ĥ, c) / c ∈ [0, 1]: exactly 1 for every Ĥ ≥ c, and Ĥ to the last bit at c = 1.
    #[must_use]
    pub fn below(self, future: f64) -> f64 {
        future.min(self.0) / self.0
    }
}

impl Amplitude {
    /// A number known to be in range where it is written.
    pub(crate) const fn usual(x: f64) -> Self {
        assert!(x >= 0.0 && x.is_finite());
        Self(x)
    }
}

impl Temperature {
    /// The temperature that changes nothing.
    pub const ONE: Self = Self(1.0);

    /// Whether T keeps only the likeliest token: 0, or so near to it that nothing else can have a chance left.
    #[must_use]
    pub fn is_frozen(self) -> bool {
        self.0 < 1e-9
    }
}

impl Multiplier {
    /// A number known to be in range where it is written.
    pub(crate) const fn usual(x: f64) -> Self {
        assert!(x >= 0.0 && x.is_finite());
        Self(x)
    }
}

impl Default for Amplitude {
    /// The full swing, 1.
    fn default() -> Self {
        Self(1.0)
    }
}

impl Default for Alpha {
    /// The article's product, 0.
    fn default() -> Self {
        Self(0.0)
    }
}

macro_rules! usual {
    ($($name:ident = $usual:literal, $why:literal;)*) => {
        $(impl Default for $name {
            #[doc = $why]
            fn default() -> Self {
                Self($usual)
            }
        })*
    };
}

usual! {
    Ceiling = 1.0, "Every Ĥ counts as it is.";
    Part = 1.0, "All of it.";
    Exponent = 1.0, "A straight line.";
    Repeat = 1.0, "No penalty.";
    Bias = 0.0, "No change.";
    Rate = 0.1, "A tenth, as in the article on Mirostat.";
    Decay = 0.9, "About ten tokens.";
    Bend = 1.0, "A parabola.";
}

impl Default for Phase {
    /// The first token stands at the centre, on its way up.
    fn default() -> Self {
        Self(0.0)
    }
}

/// How many of the likeliest tokens an entropy is measured over: n ≥ 2, for one token has no entropy to normalise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "usize", into = "usize")]
pub struct Top(usize);

impl Top {
    /// Takes a number from 2 up.
    ///
    /// # Errors
    /// 0 and 1.
    pub fn new(n: usize) -> Result<Self, OutOfRange> {
        let refused = OutOfRange { value: n as f64, what: "enough to measure an entropy over", range: "a number from 2 up" };
        if n >= 2 { Ok(Self(n)) } else { Err(refused) }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

impl JsonSchema for Top {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Top".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 2 })
    }
}

impl TryFrom<usize> for Top {
    type Error = OutOfRange;
    fn try_from(n: usize) -> Result<Self, OutOfRange> {
        Self::new(n)
    }
}

impl From<Top> for usize {
    fn from(n: Top) -> usize {
        n.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_belong_to_the_range_and_nan_to_none() {
        assert!(Alpha::new(-1.0).is_ok() && Alpha::new(1.0).is_ok() && Alpha::new(1.000_1).is_err());
        assert!(Probability::new(0.0).is_ok() && Probability::new(1.0).is_ok() && Probability::new(-0.1).is_err());
        assert!(Temperature::new(0.0).is_ok() && Temperature::new(f64::INFINITY).is_err());
        assert!(Period::new(0.0).is_err() && Multiplier::new(0.0).is_ok());
        assert!(Top::new(2).is_ok() && Top::new(1).is_err());
        assert!(Alpha::new(f64::NAN).is_err() && Period::new(f64::NAN).is_err() && Temperature::new(f64::NAN).is_err());
    }

    #[test]
    fn the_schema_has_the_ends_of_the_range() {
        fn check<Q: JsonSchema + TryFrom<f64, Error = OutOfRange>>() {
            let schema = Q::json_schema(&mut SchemaGenerator::default());
            let end = |key: &str| schema.get(key).and_then(serde_json::Value::as_f64);
            let takes = |x: f64| Q::try_from(x).is_ok();
            let name = Q::schema_name();
            let (low, above) = (end("minimum"), end("exclusiveMinimum"));
            assert!(low.is_none_or(|low| takes(low) && !takes(low - 1e-9)), "{name}");
            assert!(above.is_none_or(|low| !takes(low) && takes(low + 1e-9)), "{name}");
            assert_eq!(low.or(above).is_none(), takes(-1e9), "{name}");
            assert!(end("maximum").map_or(takes(1e9), |high| takes(high) && !takes(high + 1e-9)), "{name}");
        }
        check::<Probability>();
        check::<Temperature>();
        check::<Alpha>();
        check::<Share>();
        check::<Period>();
        check::<Multiplier>();
        check::<Amplitude>();
        check::<Phase>();
        check::<Least>();
        check::<Kept>();
        check::<Part>();
        check::<Excess>();
        check::<Ceiling>();
        check::<Sigmas>();
        check::<Exponent>();
        check::<Repeat>();
        check::<Bias>();
        check::<Bits>();
        check::<Rate>();
        check::<Decay>();
        check::<Factor>();
        check::<Bend>();
    }

    #[test]
    fn a_refusal_names_the_value_and_the_range() {
        let message = Alpha::new(1.5).unwrap_err().to_string();
        assert_eq!(message, "1.5 is not a position of the crossfader: expected a number from -1 to 1");
    }
}
