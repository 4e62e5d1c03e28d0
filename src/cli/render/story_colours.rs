//! A story with its words coloured as they come: in as many colours as the terminal has.

use anstyle::{Ansi256Color, AnsiColor, Color, RgbColor, Style};

use crate::cli::render::figures::BLOCKS;
use crate::cli::render::line::{Ink, Line};
use crate::report::{ColourScale, LIGHT, STEPS};
use crate::story::TracedToken;

/// How many colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Those of 1980: eight, and eight bright ones.
    Sixteen,
    /// A cube of six to the third, and greys.
    Indexed,
    /// All.
    True,
}

impl Depth {
    /// What the environment says of the terminal: `COLORTERM`, then `TERM`.
    pub fn here() -> Self {
        let says = |name: &str, what: &str| std::env::var(name).is_ok_and(|value| value.contains(what));
        match () {
            () if says("COLORTERM", "truecolor") || says("COLORTERM", "24bit") => Self::True,
            () if says("TERM", "-direct") => Self::True,
            () if says("TERM", "256") => Self::Indexed,
            () => Self::Sixteen,
        }
    }
}

/// Colours the words of one story, and remembers by what.
#[derive(Debug)]
pub struct StoryColours {
    by: ColourScale,
    depth: Depth,
    values: Vec<f64>,
}

impl StoryColours {
    pub fn new(by: ColourScale, depth: Depth) -> Self {
        Self { by, depth, values: Vec::new() }
    }

    /// The style of a part of the story that a token of this value let appear.
    pub fn next(&mut self, value: Option<f64>) -> Style {
        self.values.extend(value);
        value.map_or(Style::new(), |value| ground(self.by, self.depth, self.by.step(value)))
    }

    /// The style of a part of the story that this token let appear, if it was one.
    pub fn next_of(&mut self, token: Option<&TracedToken>) -> Style {
        self.next(token.and_then(|token| self.by.of(token)))
    }

    /// What the colours mean, on one line.
    pub fn legend(&self) -> Line {
        let scale = self.by.scale();
        let mut line = Line::of(Ink::Dim, &format!("{} · {}", self.by.sign(), scale.low)).and(Ink::Plain, " ");
        for step in 0..STEPS {
            // Glue, so that a narrow terminal breaks the line before them and not within.
            line.push(ground(self.by, self.depth, step), "\u{a0}\u{a0}");
        }
        line.and(Ink::Plain, " ").and(Ink::Dim, scale.high)
    }

    /// What the words were coloured by as a line of blocks, in at most `width` columns; `None` where nothing is known.
    pub fn wave(&self, width: usize) -> Option<Line> {
        let sign = self.by.sign();
        let room = width.saturating_sub(sign.chars().count() + 1).max(1);
        let count = self.values.len().min(room);
        if count == 0 {
            return None;
        }
        let mut line = Line::of(Ink::Dim, sign).and(Ink::Plain, " ");
        for column in 0..count {
            let part = &self.values[column * self.values.len() / count..(column + 1) * self.values.len() / count];
            let step = self.by.step(part.iter().sum::<f64>() / part.len() as f64);
            line.push(Ink::Plain, BLOCKS[step.saturating_sub(1)]);
        }
        Some(line)
    }
}

/// Dark letters on the colour of a step, nothing for what the page leaves as paper: so the ground of the terminal, light or dark, takes no part in it.
pub fn ground(by: ColourScale, depth: Depth, step: usize) -> Style {
    let scale = by.scale();
    // Paper on a dark terminal would shine the brightest where there is the least to show.
    if step == if scale.diverges { STEPS / 2 } else { 0 } {
        return Style::new();
    }
    let colour = LIGHT.colour(scale.diverges, step);
    let (ink, ground) = match depth {
        Depth::True => (rgb(LIGHT.ink), rgb(colour)),
        Depth::Indexed => (Ansi256Color(16).into(), Ansi256Color(nearest(colour)).into()),
        Depth::Sixteen => return sixteen(scale.diverges, step),
    };
    Style::new().fg_color(Some(ink)).bg_color(Some(ground))
}

fn rgb(colour: crate::report::Colour) -> Color {
    RgbColor(colour.0, colour.1, colour.2).into()
}

/// The nearest colour of the cube.
fn nearest(colour: crate::report::Colour) -> u8 {
    // The cube's levels are 0, 95, 135, 175, 215, 255.
    let level = |part: u8| if part < 48 { 0 } else { (u16::from(part).saturating_sub(35) / 40).clamp(1, 5) as u8 };
    16 + 36 * level(colour.0) + 6 * level(colour.1) + level(colour.2)
}

/// Few colours make few steps: what is in the middle of a scale that diverges, or at the foot of another, has none.
fn sixteen(diverges: bool, step: usize) -> Style {
    let share = step * 4 / (STEPS - 1);
    let (ground, ink) = match (diverges, share) {
        (true, 2) | (false, 0) => return Style::new(),
        (true, 0) | (false, 3) => (AnsiColor::Blue, AnsiColor::BrightWhite),
        (true, 1) | (false, 2) => (AnsiColor::Cyan, AnsiColor::Black),
        (true, 3) => (AnsiColor::Yellow, AnsiColor::Black),
        (true, _) => (AnsiColor::BrightYellow, AnsiColor::Black),
        (false, 1) => (AnsiColor::BrightCyan, AnsiColor::Black),
        (false, _) => (AnsiColor::Magenta, AnsiColor::BrightWhite),
    };
    ground.on_default().fg_color(Some(ink.into())).bg_color(Some(ground.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_value_has_no_colour() {
        for depth in [Depth::Sixteen, Depth::Indexed, Depth::True] {
            let mut colours = StoryColours::new(ColourScale::Alpha, depth);
            assert!(!colours.next(Some(1.0)).is_plain() && colours.next(None).is_plain());
            // Nor has what is in the middle of a scale that diverges.
            assert!(colours.next(Some(0.0)).is_plain());
        }
    }

    #[test]
    fn the_wave_fits_its_columns() {
        let mut colours = StoryColours::new(ColourScale::Alpha, Depth::True);
        assert_eq!(colours.wave(20), None);
        for at in 0..100_i32 {
            colours.next(Some(f64::from(at) / 50.0 - 1.0));
        }
        let wave = anstream::adapter::strip_str(&colours.wave(11).unwrap().to_string()).to_string();
        assert_eq!(wave, "α ▁▁▂▃▄▅▆▇▇");
        assert!(
            anstream::adapter::strip_str(&colours.legend().to_string())
                .to_string()
                .starts_with("α · −1 the model’s own voice ")
        );
    }

    #[test]
    fn a_colour_of_the_cube_is_the_nearest() {
        let cube = |r, g, b| nearest(crate::report::Colour(r, g, b));
        assert_eq!([cube(0, 0, 0), cube(255, 255, 255), cube(95, 135, 175), cube(47, 114, 116)], [16, 231, 67, 16 + 6 + 2]);
    }
}
