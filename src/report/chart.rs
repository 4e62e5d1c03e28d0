//! The α-wave and the running surprisal of a story as a chart, in SVG.

use std::fmt::Write;

use crate::story::TracedToken;

/// Tokens that the running surprisal is the mean of: this one and those before it.
pub const WINDOW: usize = 20;

/// The most points of a line: more could not be seen, and would only make a page heavy.
const POINTS: usize = 600;

/// The surprisal at the top of its band, in nats; what is more stays there.
pub const HIGHEST: f64 = 5.0;

/// Where a chart's parts lie, in its own units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    /// The whole width.
    pub width: f64,
    /// The height of one band.
    pub band: f64,
    /// What stands left of the lines.
    pub left: f64,
    /// What stands right of them.
    pub right: f64,
}

/// A chart under or over a story.
pub const WIDE: Layout = Layout { width: 720.0, band: 52.0, left: 64.0, right: 8.0 };

/// A chart over one of several columns.
pub const COLUMN: Layout = Layout { width: 360.0, band: 40.0, left: 46.0, right: 2.0 };

/// A chart beside others.
pub const SMALL: Layout = Layout { width: 200.0, band: 22.0, left: 2.0, right: 2.0 };

/// The running surprisal, −ln p in nats: of each token the mean of the last 20.
#[must_use]
pub fn running(surprisals: &[f64]) -> Vec<f64> {
    let mean = |at: usize| {
        let window = &surprisals[(at + 1).saturating_sub(WINDOW)..=at];
        window.iter().sum::<f64>() / window.len() as f64
    };
    (0..surprisals.len()).map(mean).collect()
}

/// The chart of a story with a trace, as an `<svg>` element. It names classes and no colours.
///
/// One band for α where the chain has a `future`, one for the running surprisal; `labels` for a chart that is not small. A
/// page finds in `data-left`, `data-right` and `data-tokens` what it needs to mark a token.
#[must_use]
pub fn chart(trace: &[TracedToken], place: Layout, labels: bool) -> String {
    let Layout { width, band, left, right } = place;
    let has_alpha = trace.iter().any(|token| token.alpha.is_some());
    let gap = band / 2.6;
    let foot = if labels { 16.0 } else { 0.0 };
    let height = if has_alpha { band * 2.0 + gap } else { band } + foot + 2.0;
    let about = if has_alpha { "α and running surprisal over the tokens" } else { "running surprisal over the tokens" };
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{about}\" data-left=\"{left}\" \
         data-right=\"{}\" data-tokens=\"{}\">",
        width - right,
        trace.len()
    );
    let mut top = 1.0;
    if has_alpha {
        let alphas: Vec<f64> = trace.iter().map(|token| token.alpha.unwrap_or(0.0)).collect();
        grid(&mut svg, place, top, [("+1", 0.0), ("α 0", 0.5), ("−1", 1.0)], labels);
        line(&mut svg, "alpha", &alphas, place, |alpha| top + band * (0.5 - alpha / 2.0));
        top += band + gap;
    }
    grid(&mut svg, place, top, [("5 nats", 0.0), ("", 0.5), ("0", 1.0)], labels);
    let surprisals: Vec<f64> = trace.iter().map(|token| token.surprisal).collect();
    line(&mut svg, "surprisal", &running(&surprisals), place, |nats| top + band * (1.0 - nats.clamp(0.0, HIGHEST) / HIGHEST));
    if labels {
        let under = top + band + 13.0;
        let _ = write!(svg, "<text x=\"{left}\" y=\"{under}\">token 1</text>");
        let _ = write!(svg, "<text class=\"end\" x=\"{}\" y=\"{under}\">{}</text>", width - right, trace.len());
        let middle = f64::midpoint(left, width - right);
        let _ = write!(svg, "<text class=\"middle\" x=\"{middle}\" y=\"{under}\">surprisal, mean of {WINDOW} tokens</text>");
    }
    svg + "</svg>"
}

/// Lines across a band, each with its label.
fn grid(svg: &mut String, place: Layout, top: f64, lines: [(&str, f64); 3], labels: bool) {
    let Layout { width, band, left, right } = place;
    for (label, share) in lines {
        let y = top + band * share;
        let _ = write!(svg, "<path class=\"grid\" d=\"M{left} {y}H{}\"/>", width - right);
        if labels && !label.is_empty() {
            let _ = write!(svg, "<text class=\"end\" x=\"{}\" y=\"{}\">{label}</text>", left - 6.0, y + 4.0);
        }
    }
}

/// Values as a line; where there are too many for it, each point is the mean of some.
fn line(svg: &mut String, class: &str, values: &[f64], place: Layout, y: impl Fn(f64) -> f64) {
    let Layout { width, left, right, .. } = place;
    let each = values.len().div_ceil(POINTS).max(1);
    let step = (width - left - right) / values.len().max(1) as f64;
    let mut path = String::new();
    for (at, some) in values.chunks(each).enumerate() {
        let mean = some.iter().sum::<f64>() / some.len() as f64;
        // The middle of the tokens that the point stands for.
        let x = left + step * ((at * each) as f64 + some.len() as f64 / 2.0);
        let _ = write!(path, "{}{x:.1} {:.1}", if at == 0 { 'M' } else { 'L' }, y(mean));
    }
    let _ = write!(svg, "<path class=\"line {class}\" d=\"{path}\"/>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(alpha: Option<f64>, surprisal: f64) -> TracedToken {
        TracedToken {
            id: 0,
            piece: " a".into(),
            p: (-surprisal).exp(),
            rank: 0,
            surprisal,
            entropy: 0.0,
            normalised_entropy: None,
            alpha,
            excess: None,
            temperature: None,
            future: None,
            skipped: None,
            candidates: Vec::new(),
            removed: Vec::new(),
            cuts: Vec::new(),
        }
    }

    #[test]
    fn the_running_surprisal_is_the_mean_of_the_last_tokens() {
        let surprisals: Vec<f64> = (0..40_u8).map(f64::from).collect();
        let running = running(&surprisals);
        assert_eq!((running[0], running[1], running[19], running[39]), (0.0, 0.5, 9.5, 29.5));
    }

    #[test]
    fn lines_reach_from_the_top_of_their_band_to_its_foot() {
        let svg = chart(&[token(Some(1.0), 0.0), token(Some(-1.0), 0.0)], WIDE, true);
        assert!(svg.contains("<path class=\"line alpha\" d=\"M226.0 1.0L550.0 53.0\"/>"), "{svg}");
        assert!(svg.contains("<path class=\"line surprisal\" d=\"M226.0 125.0L550.0 125.0\"/>"), "{svg}");
    }

    #[test]
    fn a_chain_without_future_has_no_wave_and_a_long_story_no_longer_line() {
        let trace: Vec<TracedToken> = (0..5000).map(|_| token(None, 2.0)).collect();
        let svg = chart(&trace, WIDE, true);
        assert!(!svg.contains("line alpha") && svg.len() < 10_000, "{}", svg.len());
        assert!(!chart(&trace[..30], SMALL, false).contains("<text"));
        assert!(chart(&[], SMALL, false).ends_with("</svg>"));
    }
}
