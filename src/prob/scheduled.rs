//! What schedules can move: the crossfader, temperatures and cuts, each with its range and its usual wave.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Alpha, Amplitude, Kept, Least, OutOfRange, Sigmas, Temperature};

/// A number that a schedule can move.
pub trait Scheduled: Copy + Serialize + DeserializeOwned + JsonSchema + TryFrom<f64, Error = OutOfRange> + 'static {
    /// What may stand where one is expected.
    const EXPECTED: &'static str;
    /// The number.
    fn get(self) -> f64;
    /// The value nearest to `x`.
    fn clamped(x: f64) -> Self;
    /// The value nearest to `x` that a closed loop may go to.
    fn steered(x: f64) -> Self;
    /// Around what a wave swings that does not say.
    fn centre() -> Self;
    /// How far a wave swings that does not say.
    fn amplitude() -> Amplitude;
    /// Which way a closed loop moves it to make a story more surprising: 1 up, −1 down.
    const RAISES: f64 = 1.0;
}

impl Scheduled for Alpha {
    const EXPECTED: &'static str = "a number from -1 to 1, or a schedule such as `{ wave = { period = 60 } }`";

    fn get(self) -> f64 {
        self.get()
    }

    fn clamped(x: f64) -> Self {
        Self::clamped(x)
    }

    fn steered(x: f64) -> Self {
        Self::clamped(x)
    }

    fn centre() -> Self {
        Self::default()
    }

    fn amplitude() -> Amplitude {
        Amplitude::default()
    }
}

impl Scheduled for Temperature {
    const EXPECTED: &'static str = "a number from 0 up, or a schedule such as `{ wave = { period = 60, amplitude = 0.3 } }`";

    fn get(self) -> f64 {
        self.get()
    }

    fn clamped(x: f64) -> Self {
        Self::clamped(x)
    }

    /// A loop stays between 0.1 and 2: below it nothing changes any more, above it text falls apart faster than a loop can see.
    fn steered(x: f64) -> Self {
        Self::clamped(x.clamp(0.1, 2.0))
    }

    /// 1, at which nothing changes.
    fn centre() -> Self {
        Self::clamped(1.0)
    }

    /// 0.3: from 0.7 to 1.3 around the usual centre.
    fn amplitude() -> Amplitude {
        Amplitude::usual(0.3)
    }
}

impl Scheduled for Least {
    const EXPECTED: &'static str =
        "a number from 0 to 1, or a schedule such as `{ wave = { period = 60, centre = 0.1, amplitude = 0.05 } }`";

    fn get(self) -> f64 {
        self.get()
    }

    fn clamped(x: f64) -> Self {
        Self::clamped(x)
    }

    /// A loop goes no further than to a half: there hardly any token is left but the likeliest.
    fn steered(x: f64) -> Self {
        Self::clamped(x.clamp(0.0, 0.5))
    }

    /// 0.1, in the middle of what writers use.
    fn centre() -> Self {
        Self::clamped(0.1)
    }

    /// 0.05: from 0.05 to 0.15 around the usual centre.
    fn amplitude() -> Amplitude {
        Amplitude::usual(0.05)
    }

    /// The more must be reached, the less is left to surprise.
    const RAISES: f64 = -1.0;
}

impl Scheduled for Kept {
    const EXPECTED: &'static str =
        "a number from 0 to 1, or a schedule such as `{ wave = { period = 60, centre = 0.9, amplitude = 0.05 } }`";

    fn get(self) -> f64 {
        self.get()
    }

    fn clamped(x: f64) -> Self {
        Self::clamped(x)
    }

    fn steered(x: f64) -> Self {
        Self::clamped(x)
    }

    /// 0.9.
    fn centre() -> Self {
        Self::clamped(0.9)
    }

    /// 0.05: from 0.85 to 0.95 around the usual centre.
    fn amplitude() -> Amplitude {
        Amplitude::usual(0.05)
    }
}

impl Scheduled for Sigmas {
    const EXPECTED: &'static str =
        "a number above 0, or a schedule such as `{ wave = { period = 60, centre = 1, amplitude = 0.3 } }`";

    fn get(self) -> f64 {
        self.get()
    }

    fn clamped(x: f64) -> Self {
        Self::clamped(x)
    }

    /// A loop stays between 0.1 and 5: below it one token is left, above it nearly all are.
    fn steered(x: f64) -> Self {
        Self::clamped(x.clamp(0.1, 5.0))
    }

    /// 1.
    fn centre() -> Self {
        Self::clamped(1.0)
    }

    /// 0.3: from 0.7 to 1.3 around the usual centre.
    fn amplitude() -> Amplitude {
        Amplitude::usual(0.3)
    }
}
