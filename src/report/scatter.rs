//! Arms as points between two measures, with the curve of temperatures and the frontiers of families, in SVG.

use std::fmt::Write;

use crate::text::excerpt;

use super::figure::escaped;

/// The whole width and height, and what stands around the field, in the picture's own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const FOOT: f64 = 44.0;

/// Lines across the field, each way.
const TICKS: u32 = 5;

/// The most letters of a name beside its point.
const NAME: usize = 30;

/// A point with its intervals.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What stands beside it.
    pub name: String,
    /// How it looks: a class of the page's style.
    pub class: &'static str,
    /// Lower end, value and upper end along the axis.
    pub x: [f64; 3],
    /// The same up the axis.
    pub y: [f64; 3],
}

/// A line through places.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// How it looks.
    pub class: &'static str,
    /// Its places.
    pub places: Vec<(f64, f64)>,
}

/// A picture of points and paths between two axes, as an `<svg>` element. It names classes and no colours. Nothing where no point has
/// both values.
#[must_use]
pub fn scatter(axes: [&str; 2], points: &[Point], paths: &[Path]) -> String {
    let there: Vec<&Point> = points.iter().filter(|point| point.x[1].is_finite() && point.y[1].is_finite()).collect();
    if there.is_empty() {
        return String::new();
    }
    let (across, up) = (Scale::of(there.iter().map(|point| point.x)), Scale::of(there.iter().map(|point| point.y)));
    let x = |value: f64| LEFT + across.share(value) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - FOOT - up.share(value) * (HEIGHT - TOP - FOOT);
    let about = format!("{} against {} of every arm", axes[1], axes[0]);
    let mut svg = format!(
        "<svg class=\"chart scatter\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escaped(&about)
    );
    for tick in 0..=TICKS {
        let share = f64::from(tick) / f64::from(TICKS);
        let (at, value) = (up.at(share), across.at(share));
        let _ = write!(svg, "<path class=\"grid\" d=\"M{LEFT} {:.1}H{}\"/>", y(at), WIDTH - RIGHT);
        let _ = write!(svg, "<text class=\"end\" x=\"{}\" y=\"{:.1}\">{}</text>", LEFT - 6.0, y(at) + 4.0, up.label(at));
        let (place, under) = (x(value), HEIGHT - FOOT + 16.0);
        let _ = write!(svg, "<text class=\"middle\" x=\"{place:.1}\" y=\"{under}\">{}</text>", across.label(value));
    }
    let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
    let _ = write!(svg, "<text class=\"middle\" x=\"{middle}\" y=\"{}\">{}</text>", HEIGHT - 8.0, escaped(axes[0]));
    let _ = write!(svg, "<text x=\"{LEFT}\" y=\"{}\">{}</text>", TOP - 3.0, escaped(axes[1]));
    for Path { class, places } in paths {
        let places = places.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        let line: Vec<String> = places.map(|&(across, up)| format!("{:.1} {:.1}", x(across), y(up))).collect();
        if line.len() > 1 {
            let _ = write!(svg, "<path class=\"line {class}\" d=\"M{}\"/>", line.join("L"));
        }
    }
    for point in there {
        let Point { name, class, x: [left, at, right], y: [low, height, high] } = point;
        let (cx, cy) = (x(*at), y(*height));
        if left.is_finite() && right.is_finite() {
            let _ = write!(svg, "<path class=\"line bar {class}\" d=\"M{:.1} {cy:.1}H{:.1}\"/>", x(*left), x(*right));
        }
        if low.is_finite() && high.is_finite() {
            let _ = write!(svg, "<path class=\"line bar {class}\" d=\"M{cx:.1} {:.1}V{:.1}\"/>", y(*low), y(*high));
        }
        let whole = escaped(name);
        let _ = write!(svg, "<circle class=\"{class}\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"4\"><title>{whole}</title></circle>");
        let (class, from) = if cx > WIDTH * 0.75 { ("end ", cx - 7.0) } else { ("", cx + 7.0) };
        let short = escaped(&excerpt(name, NAME));
        let _ = write!(svg, "<text class=\"{class}name\" x=\"{from:.1}\" y=\"{:.1}\">{short}</text>", cy - 5.0);
    }
    svg + "</svg>"
}

/// What an axis shows.
struct Scale {
    least: f64,
    most: f64,
}

impl Scale {
    /// All values, with some room around them; of intervals no more than the values reach over again on each side.
    fn of(values: impl Iterator<Item = [f64; 3]>) -> Self {
        let all: Vec<[f64; 3]> = values.collect();
        let fold = |of: usize, start: f64, best: fn(f64, f64) -> f64| {
            all.iter().map(|value| value[of]).filter(|value| value.is_finite()).fold(start, best)
        };
        let (low, high) = (fold(1, f64::INFINITY, f64::min), fold(1, f64::NEG_INFINITY, f64::max));
        let reach = if high > low { high - low } else { high.abs().max(0.01) / 10.0 };
        let (least, most) = (fold(0, low, f64::min).max(low - reach), fold(2, high, f64::max).min(high + reach));
        Self { least: least - 0.05 * reach, most: most + 0.05 * reach }
    }

    fn share(&self, value: f64) -> f64 {
        ((value - self.least) / (self.most - self.least)).clamp(0.0, 1.0)
    }

    fn at(&self, share: f64) -> f64 {
        self.least + share * (self.most - self.least)
    }

    /// A value with as many digits as tell it from its neighbours.
    fn label(&self, value: f64) -> String {
        let step = (self.most - self.least) / f64::from(TICKS);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some digits")]
        let digits = (1.0 - step.log10()).ceil().clamp(0.0, 9.0) as usize;
        format!("{value:.digits$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(name: &str, x: f64, y: f64) -> Point {
        Point { name: name.into(), class: "arm", x: [x - 0.1, x, x + 0.1], y: [f64::NAN, y, f64::NAN] }
    }

    #[test]
    fn a_point_stands_where_its_values_are_and_its_name_is_harmless() {
        let points = [point("<low>", 0.0, 0.0), point("high", 1.0, 1.0), point("nowhere", f64::NAN, 1.0)];
        let svg = scatter(["x & y", "z"], &points, &[Path { class: "curve", places: vec![(0.0, 0.0), (1.0, 1.0)] }]);
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("&lt;low&gt;") && svg.contains("x &amp; y") && !svg.contains("nowhere"), "{svg}");
        let places: Vec<f64> =
            svg.split("cx=\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect();
        assert!(places[0] < places[1] && places[0] > LEFT && places[1] < WIDTH - RIGHT);
        assert_eq!(svg.matches("class=\"line curve\"").count(), 1);
        assert_eq!(svg.matches("class=\"line bar").count(), 2);
    }

    #[test]
    fn a_single_point_has_a_scale_and_no_point_no_picture() {
        assert!(scatter(["x", "y"], &[point("one", 0.5, 0.5)], &[]).contains("<circle"));
        assert_eq!(scatter(["x", "y"], &[point("none", f64::NAN, 0.5)], &[]), "");
        assert_eq!(Scale { least: 0.0, most: 0.05 }.label(0.012_34), "0.012");
    }
}
