//! How the explorer looks: in as many colours as the terminal has, or in none.

use anstyle::Effects;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use crate::cli::render::story_colours::{Depth, ground};
use crate::report::ColourScale;
use crate::story::TracedToken;

/// What stands back.
pub const DIM: Style = Style::new().add_modifier(Modifier::DIM);
/// What stands out.
pub const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
/// Where the writer is.
pub const HERE: Style = Style::new().add_modifier(Modifier::REVERSED);
/// What the writer wrote or chose.
pub const OWN: Style = Style::new().fg(Color::Cyan);

/// The colours of 1980, in their order.
const SIXTEEN: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

/// How many colours there are; none where none are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look(pub Option<Depth>);

impl Look {
    /// What colours a word by this.
    pub fn layer(self, by: ColourScale, token: &TracedToken) -> Style {
        match (self.0, by.of(token)) {
            (Some(depth), Some(value)) => style(ground(by, depth, by.step(value))),
            _ => Style::new(),
        }
    }

    /// Takes the colours away, where none are wanted: what is bold, dim or turned round stays so.
    pub fn finish(self, buffer: &mut Buffer) {
        if self.0.is_none() {
            let area = *buffer.area();
            buffer.set_style(area, Style::new().fg(Color::Reset).bg(Color::Reset));
        }
    }
}

/// A style of the terminal in the words of the screen.
fn style(style: anstyle::Style) -> Style {
    let colour = |colour: anstyle::Color| match colour {
        anstyle::Color::Ansi(colour) => {
            SIXTEEN[usize::from(anstyle::Ansi256Color::from_ansi(colour).index()).min(SIXTEEN.len() - 1)]
        }
        anstyle::Color::Ansi256(colour) => Color::Indexed(colour.index()),
        anstyle::Color::Rgb(colour) => Color::Rgb(colour.r(), colour.g(), colour.b()),
    };
    let mut made = Style::new();
    (made.fg, made.bg) = (style.get_fg_color().map(colour), style.get_bg_color().map(colour));
    if style.get_effects().contains(Effects::BOLD) { made.add_modifier(Modifier::BOLD) } else { made }
}
