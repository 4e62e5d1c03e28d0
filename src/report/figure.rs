//! Compared stories as one figure in SVG: columns of coloured words, each over its wave. For a post or a paper.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::chart::{Layout, chart};
use super::colour_scale::{ColourScale, LIGHT, STEPS};
use super::page::parting;
use super::story::Story;
use crate::files::MARK;
use crate::text::sanitize;

/// The width of a column of text.
const COLUMN: f64 = 300.0;

/// Between columns, and around the figure.
const GAP: f64 = 32.0;

/// The size of letters, and the height of their lines.
const SIZE: f64 = 15.0;
const LINE: f64 = 23.0;

/// Names of one family: faces that were drawn to the widths of [`advance`], and what stands in for them.
const SERIF: &str = "'Times New Roman','Liberation Serif',Tinos,'Nimbus Roman',Times,'DejaVu Serif',serif";

/// The figure of these stories, coloured by `by`, as an SVG document. What a story shares with the first one is pale.
#[must_use]
pub fn figure(title: &str, stories: &[Story], by: ColourScale) -> String {
    // The stories are harmless already.
    let title = &*sanitize(title);
    let columns: Vec<Vec<Vec<Run>>> = stories.iter().map(|story| lines(story, &stories[0])).collect();
    let longest = columns.iter().map(Vec::len).max().unwrap_or(0) as f64;
    let width = GAP + (COLUMN + GAP) * stories.len() as f64;
    let (head, text) = (GAP + 34.0, GAP + 78.0);
    let charts = text + longest * LINE + 6.0;
    let waves = stories.iter().any(|story| !story.trace.is_empty());
    let legend = charts + if waves { 108.0 } else { 0.0 };
    let height = legend + 44.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"{SERIF}\" font-size=\"{SIZE}\" fill=\"{}\">\n<!-- {MARK} -->\n<title>{}</title>\n{}\n",
        LIGHT.ink.css(),
        escaped(title),
        style(),
    );
    let _ = writeln!(svg, "<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>", LIGHT.paper.css());
    let room = width - 2.0 * GAP;
    let _ = writeln!(svg, "<text x=\"{GAP}\" y=\"{}\" font-size=\"22\">{}</text>", GAP + 8.0, escaped(&cut(title, room, 22.0)));
    for (at, (story, lines)) in stories.iter().zip(&columns).enumerate() {
        let left = GAP + (COLUMN + GAP) * at as f64;
        let _ = writeln!(
            svg,
            "<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{}</text><path class=\"grid\" d=\"M{left} {}H{}\"/>",
            head + 8.0,
            escaped(&cut(&story.label, COLUMN, SIZE * 1.1)),
            head + 16.0,
            left + COLUMN,
        );
        for (at, line) in lines.iter().enumerate() {
            draw_line(&mut svg, line, left, text + at as f64 * LINE, story, by);
        }
        if !story.trace.is_empty() {
            let place = Layout { width: COLUMN, band: 32.0, left: 40.0, right: 0.0 };
            let inner = chart(&story.trace, place, true);
            let placed = format!(
                "<svg x=\"{left}\" y=\"{charts}\" width=\"{COLUMN}\" height=\"96\" preserveAspectRatio=\"xMinYMin\" overflow=\"visible\" "
            );
            let _ = writeln!(svg, "{}", inner.replacen("<svg ", &placed, 1));
        }
    }
    draw_legend(&mut svg, legend + 16.0, by);
    svg + "</svg>\n"
}

/// Letters of one token on one line.
struct Run {
    token: Option<usize>,
    text: String,
    /// Whether the first story has it too.
    shared: bool,
    /// Whether the story parts here.
    parts: bool,
}

/// A story in lines: first the words that it begins with, then its tokens.
fn lines(story: &Story, first: &Story) -> Vec<Vec<Run>> {
    let parts = parting(first, story);
    let shared = |at: usize| !std::ptr::eq(story, first) && parts.is_none_or(|parts| at < parts);
    let untold = if story.trace.is_empty() { story.text.as_str() } else { "" };
    let lead = if story.answers { &story.begun } else { &story.prompt };
    let mut letters: Vec<(Option<usize>, &str)> = vec![(None, lead), (None, untold)];
    letters.extend(story.slices.iter().enumerate().map(|(at, slice)| (Some(at), slice.as_str())));
    let letters = letters.into_iter().flat_map(|(token, text)| text.chars().map(move |c| (token, c)));
    let mut setter = Setter { lines: vec![Vec::new()], used: 0.0, word: Vec::new() };
    for (token, c) in letters {
        match c {
            '\n' => {
                setter.end_word();
                if !setter.lines.last().is_some_and(Vec::is_empty) {
                    setter.lines.push(Vec::new());
                    setter.used = 0.0;
                }
            }
            c if c.is_whitespace() => {
                setter.end_word();
                setter.word.push((token, ' '));
            }
            c => setter.word.push((token, c)),
        }
    }
    setter.end_word();
    let mut marked = false;
    let run = |(token, text): (Option<usize>, String)| {
        let here = token.is_some() && token == parts && !marked && !std::ptr::eq(story, first);
        marked |= here;
        Run { token, text, shared: token.is_none_or(shared), parts: here }
    };
    let mut run = run;
    setter.lines.into_iter().map(|line| line.into_iter().map(&mut run).collect()).collect()
}

/// Puts words on lines. A space stands before the word that it belongs to, and vanishes at the beginning of a line.
struct Setter {
    lines: Vec<Vec<(Option<usize>, String)>>,
    used: f64,
    word: Vec<(Option<usize>, char)>,
}

impl Setter {
    fn end_word(&mut self) {
        let mut word = std::mem::take(&mut self.word);
        let wide: f64 = word.iter().map(|(_, c)| advance(*c)).sum();
        if self.used > 0.0 && self.used + wide > COLUMN {
            self.lines.push(Vec::new());
            self.used = 0.0;
        }
        if self.used == 0.0 && word.first().is_some_and(|(_, c)| *c == ' ') {
            word.remove(0);
        }
        for (token, c) in word {
            if self.used + advance(c) > COLUMN {
                self.lines.push(Vec::new());
                self.used = 0.0;
            }
            self.used += advance(c);
            let Some(line) = self.lines.last_mut() else { continue };
            match line.last_mut() {
                Some((last, text)) if *last == token => text.push(c),
                _ => line.push((token, c.to_string())),
            }
        }
    }
}

fn draw_line(svg: &mut String, line: &[Run], left: f64, base: f64, story: &Story, by: ColourScale) {
    let mut x = left;
    for run in line {
        let wide = length(&run.text);
        let value = run.token.and_then(|token| by.of(&story.trace[token]));
        if let Some(value) = value {
            let colour = LIGHT.colour(by.scale().diverges, by.step(value)).css();
            let top = base - SIZE;
            let _ = write!(svg, "<rect x=\"{x:.2}\" y=\"{top:.2}\" width=\"{wide:.2}\" height=\"20\" fill=\"{colour}\"/>");
        }
        if run.parts {
            let (top, at) = (base - SIZE - 2.0, x + if run.text.starts_with(' ') { advance(' ') / 2.0 } else { 0.0 });
            let _ = write!(svg, "<path class=\"parts\" d=\"M{:.2} {top:.2}v24M{:.2} {top:.2}v24\"/>", at - 1.5, at + 1.5);
        }
        x += wide;
    }
    // Letters of several tokens are one text, so that they stand as a person sets them.
    let mut x = left;
    for runs in line.chunk_by(|one, other| one.shared == other.shared) {
        let text: String = runs.iter().map(|run| run.text.as_str()).collect();
        let class = if runs[0].shared { "shared" } else { "own" };
        let inner = text.trim();
        let indent = length(&text[..text.len() - text.trim_start().len()]);
        set(svg, class, x + indent, base, inner, length(inner));
        x += length(&text);
    }
    svg.push('\n');
}

/// A text of a given length, so that letters of another face move no colour away from its word.
fn set(svg: &mut String, class: &str, x: f64, y: f64, text: &str, length: f64) {
    if !text.is_empty() {
        let adjust = format!("textLength=\"{length:.2}\" lengthAdjust=\"spacingAndGlyphs\"");
        let _ = write!(svg, "<text class=\"{class}\" x=\"{x:.2}\" y=\"{y:.2}\" {adjust}>{}</text>", escaped(text));
    }
}

/// How long a text of the size of the story is.
fn length(text: &str) -> f64 {
    text.chars().map(advance).sum()
}

fn draw_legend(svg: &mut String, top: f64, by: ColourScale) {
    let scale = by.scale();
    let low = format!("{} · {}", by.sign(), scale.low);
    let mut x = GAP;
    set(svg, "note", x, top + 12.0, &low, length(&low));
    x += length(&low) + 10.0;
    for step in 0..STEPS {
        let colour = LIGHT.colour(scale.diverges, step).css();
        let _ = write!(svg, "<rect x=\"{x:.2}\" y=\"{top}\" width=\"20\" height=\"15\" fill=\"{colour}\"/>");
        x += 20.0;
    }
    set(svg, "note", x + 10.0, top + 12.0, scale.high, length(scale.high));
    svg.push('\n');
}

fn style() -> &'static str {
    "<style>.grid{stroke:#d9d4ca;fill:none}.line{fill:none;stroke-width:1.6;stroke-linejoin:round}.alpha{stroke:#b35a00}\
     .surprisal{stroke:#0b62a8}.parts{stroke:#b35a00;stroke-width:1.4}.chart text,.note{fill:#5f5a52}.chart text{font-size:10px}\
     .end{text-anchor:end}.middle{text-anchor:middle}.shared{fill:#5f5a52}</style>"
}

/// A text in at most so much room.
fn cut(text: &str, room: f64, size: f64) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut used = 0.0;
    for (at, c) in line.char_indices() {
        used += advance(c) * size / SIZE;
        if used + size > room {
            return format!("{}…", &line[..at]);
        }
    }
    line
}

pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            // XML knows no such characters, not even escaped.
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// How far a letter moves on. For ASCII the widths, in thousandths of the size, of Times and of the faces drawn to match it
/// (Adobe's font metrics); for others what their columns in a terminal say.
fn advance(c: char) -> f64 {
    #[rustfmt::skip]
    const TIMES: [u16; 95] = [
        250, 333, 408, 500, 500, 833, 778, 180, 333, 333, 500, 564, 250, 333, 250, 278,
        500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 278, 278, 564, 564, 564, 444,
        921, 722, 667, 667, 722, 611, 556, 722, 722, 333, 389, 722, 611, 889, 722, 722,
        556, 722, 667, 556, 611, 722, 722, 944, 722, 722, 611, 333, 278, 333, 469, 500,
        333, 444, 500, 444, 500, 444, 333, 500, 500, 278, 278, 500, 278, 778, 500, 500,
        500, 500, 333, 389, 278, 500, 500, 722, 500, 500, 444, 480, 200, 480, 541,
    ];
    let thousandths = match c {
        ' '..='~' => TIMES[c as usize - ' ' as usize],
        '‘' | '’' => 333,
        '“' | '”' => 444,
        '—' | '…' => 1000,
        c => 500 * u16::try_from(c.encode_utf8(&mut [0; 4]).width()).unwrap_or(1),
    };
    f64::from(thousandths) / 1000.0 * SIZE
}
