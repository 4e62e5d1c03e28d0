//! The course of a schedule, drawn in the terminal.

use crate::cli::render::figures::short;
use crate::cli::render::prose::wrap;
use crate::cli::render::terminal::{BOLD, DIM, HINT};
use crate::prob::{Band, Measure, Place, Schedule, Scheduled, Unit};
use crate::sampler::{Chain, Shuffle, Stage};

/// The fewest columns of a drawing, and the most; a character is two points wide and four high.
const COLUMNS: [usize; 2] = [10, 64];
const LINES: usize = 5;

/// Columns before the drawing: the `# ` of its lines, a number, the axis.
const MARGIN: usize = 10;

/// The tokens of a story of which nothing else is said, as in `write`.
const USUAL_LENGTH: usize = 300;

/// The schedules of a chain that move, each drawn for a terminal of this width. Every line begins with `# `, so that a preset
/// with its drawings is a preset.
pub fn drawings(chain: &Chain, width: usize) -> Vec<String> {
    let columns = width.saturating_sub(MARGIN).clamp(COLUMNS[0], COLUMNS[1]);
    let drawing = |stage: &Stage| match stage {
        Stage::Temperature(temperature) => drawing("temperature", &temperature.0, columns),
        Stage::Future(future) | Stage::Shuffle(Shuffle(future)) => drawing("future.alpha", &future.alpha, columns),
        Stage::MinP(cut) => drawing("min-p", &cut.0, columns),
        Stage::TopP(cut) => drawing("top-p", &cut.0, columns),
        Stage::TopH(cut) => drawing("top-h", &cut.0, columns),
        Stage::Typical(cut) => drawing("typical", &cut.0, columns),
        Stage::TopNSigma(cut) => drawing("top-n-sigma", &cut.0, columns),
        _ => Vec::new(),
    };
    chain.stages().iter().flat_map(drawing).map(|line| format!("{DIM}#{DIM:#} {line}").trim_end().to_owned()).collect()
}

fn drawing<Q: Scheduled>(name: &str, schedule: &Schedule<Q>, columns: usize) -> Vec<String> {
    let (unit, count) = match schedule {
        Schedule::Constant(_) => return Vec::new(),
        Schedule::Band(band) => return in_words(name, band, columns),
        Schedule::Keyframes(_) => (Unit::Token, USUAL_LENGTH),
        Schedule::Cycle(_, cycle) => (cycle.unit, length(cycle.unit, cycle.period.get())),
        Schedule::Steps(steps) => (steps.unit, length(steps.unit, steps.every.get() * steps.values.get().len() as f64)),
    };
    let points: Vec<f64> = (0..columns * 2)
        .map(|at| {
            let passed = at * count / (columns * 2);
            let fraction = at as f64 / (columns * 2 - 1) as f64;
            schedule.at(&Place { token: passed, sentence: passed, paragraph: passed, fraction, ..Place::default() }).get()
        })
        .collect();
    let low = points.iter().copied().fold(f64::INFINITY, f64::min);
    let high = points.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let [low, high] = if high - low < 1e-9 { [low - 0.5, high + 0.5] } else { [low, high] };
    let mut lines = vec![format!("{BOLD}{name}{BOLD:#}")];
    for (at, row) in braille(&points, low, high).iter().enumerate() {
        let label = match at {
            0 => short(high),
            at if at == LINES - 1 => short(low),
            at if at == LINES / 2 => short(f64::midpoint(low, high)),
            _ => String::new(),
        };
        lines.push(format!("{label:>6} {DIM}┤{DIM:#}{HINT}{row}{HINT:#}"));
    }
    let what = match unit {
        Unit::Token => "tokens",
        Unit::Sentence => "sentences",
        Unit::Paragraph => "paragraphs",
    };
    // In a narrow terminal the number stands alone, apart from the 0.
    let end = format!("{count} {what}");
    let end = if end.len() < columns { end } else { count.to_string() };
    lines.push(format!("{DIM}{:>8}{end:>width$}{DIM:#}", "0", width = columns));
    lines
}

/// So many units that about three turns are seen, or a usual story of tokens.
fn length(unit: Unit, turn: f64) -> usize {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is too long to count is cut off")]
    let three = (3.0 * turn).ceil().clamp(2.0, 10_000.0) as usize;
    if unit == Unit::Token { three.max(USUAL_LENGTH) } else { three }
}

/// A closed loop has no course of its own.
fn in_words<Q: Scheduled>(name: &str, band: &Band<Q>, columns: usize) -> Vec<String> {
    let Band { surprisal, unit, window, gain, start } = band;
    let [low, high] = surprisal.get().map(short);
    let [up, down] = if Q::RAISES > 0.0 { ["up", "down"] } else { ["down", "up"] };
    let [one, each] = match unit {
        Measure::Nats => ["a nat", "nats a token"],
        Measure::Entropy => ["an entropy", "of the model's own entropy"],
    };
    let words = format!(
        "begins at {} and moves itself, {} {one} in {window} tokens: {up} while the story is below {low} {each}, \
         {down} while it is above {high}.",
        short(start.get()),
        short(gain.get()),
    );
    let lines = wrap(&words, columns + MARGIN - 2, None).into_iter().map(|line| line.to_string());
    std::iter::once(format!("{BOLD}{name}{BOLD:#}")).chain(lines).collect()
}

/// Points as a line of dots; one that jumps is drawn through.
fn braille(points: &[f64], low: f64, high: f64) -> Vec<String> {
    const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    let height = LINES * 4 - 1;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a line of the drawing")]
    let level = |x: f64| height - ((x - low) / (high - low) * height as f64).round().clamp(0.0, height as f64) as usize;
    let mut cells = vec![vec![0_u32; points.len().div_ceil(2)]; LINES];
    let mut before = points.first().map_or(0, |&x| level(x));
    for (at, &x) in points.iter().enumerate() {
        let here = level(x);
        let (from, to) = (before.min(here + 1), before.max(here.saturating_sub(1)));
        let span = if from.abs_diff(here) > 1 || to.abs_diff(here) > 1 { here.min(from)..=here.max(to) } else { here..=here };
        for dot in span {
            cells[dot / 4][at / 2] |= DOTS[at % 2][dot % 4];
        }
        before = here;
    }
    let row = |cells: &Vec<u32>| cells.iter().filter_map(|dots| char::from_u32(0x2800 + dots)).collect::<String>();
    cells.iter().map(|cells| row(cells).trim_end_matches('\u{2800}').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::preset::{Folders, find, read};

    fn shown(chain: &Chain, width: usize) -> Vec<String> {
        drawings(chain, width).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn a_line_of_dots_passes_through_its_points() {
        // Twenty points up twenty dots: in each line of four, two columns more.
        let ramp: Vec<f64> = (0_u8..20).map(f64::from).collect();
        let lengths: Vec<usize> = braille(&ramp, 0.0, 19.0).iter().map(|row| row.chars().count()).collect();
        assert_eq!(lengths, [10, 8, 6, 4, 2]);
        assert_eq!(braille(&ramp, 0.0, 19.0)[4], "⡠⠊");
        // A jump is a line from top to bottom.
        assert!(braille(&[0.0, 1.0], 0.0, 1.0).iter().all(|row| !row.is_empty()));
    }

    #[test]
    fn a_preset_with_its_drawings_is_the_preset() {
        let wave = find("wave", &Folders::default()).unwrap();
        let text = wave.to_toml().unwrap() + &shown(&wave.chain, 80).join("\n");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("drawn.toml");
        std::fs::write(&file, text).unwrap();
        assert_eq!(read(&file, &Folders::default()).unwrap(), wave);
    }

    #[test]
    fn every_shipped_preset_is_drawn_to_the_width_of_the_terminal() {
        for listed in crate::preset::list(&Folders::default()).unwrap() {
            let chain = listed.preset.unwrap().chain;
            for width in [20, 40, 60, 80, 200] {
                for line in shown(&chain, width) {
                    assert!(
                        line.width() <= width.min(80) && line.trim_end() == line && line.starts_with('#'),
                        "{width}: {line:?}"
                    );
                }
            }
        }
        let wave = find("wave", &Folders::default()).unwrap();
        let widest = |width| shown(&wave.chain, width).iter().map(|line| line.width()).max().unwrap();
        assert_eq!([40, 60, 80, 200].map(widest), [40, 60, 74, 74]);
    }
}
