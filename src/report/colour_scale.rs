//! What a word can be coloured by, and the colours: one source for pages, figures and terminals.
//!
//! The scales run between colours that people with the common colour-blindnesses tell apart: blue and orange with paper
//! between them where zero has a meaning, else one hue that only darkens. Each step keeps a contrast of at least 4.5 with the
//! text on it (WCAG 2, AA), which a test computes.

use std::str::FromStr;

use crate::story::TracedToken;

/// A colour: red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

/// What a word is coloured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourScale {
    /// Where the crossfader stood.
    Alpha,
    /// Ĥ after the token.
    Future,
    /// The model's own probability of it.
    Probability,
    /// −ln p, in nats.
    Surprisal,
    /// The entropy of the model's own distribution there, in nats.
    Entropy,
}

/// Where a quantity runs from and to on its scale; what lies beyond has the colour of the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The value of the first colour.
    pub least: f64,
    /// The value of the last colour.
    pub most: f64,
    /// Whether the middle is paper, and both ends are colours.
    pub diverges: bool,
    /// What the first colour means.
    pub low: &'static str,
    /// What the last colour means.
    pub high: &'static str,
}

/// Steps of a scale.
pub const STEPS: usize = 9;

impl ColourScale {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 5] = [Self::Alpha, Self::Future, Self::Probability, Self::Surprisal, Self::Entropy];

    /// Its name, as it is typed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alpha => "alpha",
            Self::Future => "future",
            Self::Probability => "probability",
            Self::Surprisal => "surprisal",
            Self::Entropy => "entropy",
        }
    }

    /// Whether only a chain with a `future` knows it.
    #[must_use]
    pub fn needs_future(self) -> bool {
        matches!(self, Self::Alpha | Self::Future)
    }

    /// Its sign, as it is read.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Alpha => "α",
            Self::Future => "Ĥ",
            Self::Probability => "p",
            Self::Surprisal => "surprisal",
            Self::Entropy => "entropy",
        }
    }

    /// The value of a token, where it is known.
    #[must_use]
    pub fn of(self, token: &TracedToken) -> Option<f64> {
        match self {
            Self::Alpha => token.alpha,
            Self::Future => token.future,
            Self::Probability => Some(token.p),
            Self::Surprisal => Some(token.surprisal),
            Self::Entropy => Some(token.entropy),
        }
    }

    /// Its scale. Ends do not depend on the story, so that stories can be compared.
    #[must_use]
    pub fn scale(self) -> Scale {
        let (least, most, low, high) = match self {
            Self::Alpha => (-1.0, 1.0, "−1 the model’s own voice", "+1 only the future"),
            Self::Future => (0.0, 1.0, "0 settled", "1 wide open"),
            Self::Probability => (0.0, 1.0, "0 never", "1 certain"),
            Self::Surprisal => (0.0, 8.0, "0 expected", "8 nats, a surprise"),
            Self::Entropy => (0.0, 6.0, "0 one way on", "6 nats, many"),
        };
        Scale { least, most, diverges: self == Self::Alpha, low, high }
    }

    /// The step of a value, from 0 to [`STEPS`] − 1.
    #[must_use]
    pub fn step(self, value: f64) -> usize {
        let Scale { least, most, .. } = self.scale();
        let share = ((value - least) / (most - least)).clamp(0.0, 1.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of steps, and NaN becomes 0")]
        let step = (share * (STEPS - 1) as f64).round() as usize;
        step
    }
}

impl FromStr for ColourScale {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join("`, `");
        Self::ALL.into_iter().find(|by| by.name() == typed).ok_or_else(|| format!("expected one of `{}`", names()))
    }
}

/// The colours that one kind of light needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// What is written on.
    pub paper: Colour,
    /// What is written with.
    pub ink: Colour,
    /// The low end of a scale that diverges.
    pub cold: Colour,
    /// Its high end.
    pub warm: Colour,
    /// The high end of one that does not.
    pub deep: Colour,
}

/// By day, on white paper and on every terminal, where the ink is set too.
pub const LIGHT: Palette = Palette {
    paper: Colour(0xfd, 0xfc, 0xf8),
    ink: Colour(0x1d, 0x1b, 0x18),
    cold: Colour(0x7d, 0xb4, 0xe8),
    warm: Colour(0xf5, 0xa8, 0x52),
    deep: Colour(0xb6, 0x93, 0xdd),
};

/// By night.
pub const DARK: Palette = Palette {
    paper: Colour(0x17, 0x18, 0x1b),
    ink: Colour(0xec, 0xe8, 0xe0),
    cold: Colour(0x1d, 0x55, 0x94),
    warm: Colour(0x8f, 0x4d, 0x08),
    deep: Colour(0x64, 0x3f, 0x93),
};

impl Palette {
    /// The colour of a step.
    #[must_use]
    pub fn colour(&self, diverges: bool, step: usize) -> Colour {
        let share = step.min(STEPS - 1) as f64 / (STEPS - 1) as f64;
        if !diverges {
            return mix(self.paper, self.deep, share);
        }
        let away = 2.0 * share - 1.0;
        mix(self.paper, if away < 0.0 { self.cold } else { self.warm }, away.abs())
    }
}

impl Colour {
    /// As CSS writes it.
    #[must_use]
    pub fn css(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

fn mix(from: Colour, to: Colour, share: f64) -> Colour {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes lies a byte")]
    let part = |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * share).round() as u8;
    Colour(part(from.0, to.0), part(from.1, to.1), part(from.2, to.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of two colours as WCAG 2 defines it, 1 to 21.
    fn contrast(one: Colour, other: Colour) -> f64 {
        let linear = |part: u8| {
            let share = f64::from(part) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        let light = |Colour(red, green, blue)| 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
        let (one, other) = (light(one), light(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_every_colour() {
        assert!((contrast(Colour(0, 0, 0), Colour(255, 255, 255)) - 21.0).abs() < 1e-9);
        for palette in [LIGHT, DARK] {
            for step in 0..STEPS {
                for diverges in [true, false] {
                    let contrast = contrast(palette.ink, palette.colour(diverges, step));
                    assert!(contrast >= 4.5, "{palette:?} {step}: {contrast}");
                }
            }
        }
    }

    #[test]
    fn a_step_is_its_share_of_the_scale() {
        let steps = |by: ColourScale, values: [f64; 5]| values.map(|value| by.step(value));
        assert_eq!(steps(ColourScale::Alpha, [-2.0, -1.0, 0.0, 0.5, 1.0]), [0, 0, 4, 6, 8]);
        assert_eq!(steps(ColourScale::Surprisal, [0.0, 1.0, 8.0, 99.0, f64::NAN]), [0, 1, 8, 8, 0]);
        assert_eq!(LIGHT.colour(true, 4), LIGHT.paper);
        assert_eq!(
            (LIGHT.colour(true, 0), LIGHT.colour(true, 8), LIGHT.colour(false, 8)),
            (LIGHT.cold, LIGHT.warm, LIGHT.deep)
        );
    }

    #[test]
    fn a_tint_has_its_name() {
        for by in ColourScale::ALL {
            assert_eq!(by.name().parse(), Ok(by));
        }
        assert!("beta".parse::<ColourScale>().unwrap_err().contains("`alpha`, `future`"));
    }
}
