//! Curves that a family of settings draws, and what they have at another's place. Nothing is extrapolated.

/// The value at `x` of the line through these points, ascending in x; `None` outside of them, or without any.
#[must_use]
pub fn interpolate(points: &[(f64, f64)], x: f64) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    if !(first.0..=last.0).contains(&x) {
        return None;
    }
    let above = points.partition_point(|(at, _)| *at < x);
    let (right, value) = points[above];
    if right == x || above == 0 {
        return Some(value);
    }
    let (left, before) = points[above - 1];
    Some(before + (value - before) * (x - left) / (right - left))
}

/// The upper-right hull of points (x, y): those of them to the right of which none is higher, and between which no other lies above the
/// line; ascending in x. What is left of its first point is reached by going back in x at its height.
#[must_use]
pub fn hull(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<(f64, f64)> = points.iter().copied().filter(|(x, y)| !x.is_nan() && !y.is_nan()).collect();
    // From the right: the highest of equals first.
    sorted.sort_by(|one, two| two.0.total_cmp(&one.0).then(two.1.total_cmp(&one.1)));
    let mut upper: Vec<(f64, f64)> = Vec::new();
    for (x, y) in sorted {
        if upper.last().is_some_and(|(_, highest)| y <= *highest) {
            continue;
        }
        // What lies on or below the line from the one before it to this one goes.
        while let [.., (x1, y1), (x2, y2)] = upper[..]
            && (y2 - y1) * (x1 - x) <= (y - y1) * (x1 - x2)
        {
            upper.pop();
        }
        upper.push((x, y));
    }
    upper.reverse();
    upper
}

/// How far one frontier lies above another: the mean of their difference over the x that both have; `None` where they have none in
/// common.
#[must_use]
pub fn between(one: &[(f64, f64)], two: &[(f64, f64)]) -> Option<f64> {
    let (low, high) = (one.first()?.0.max(two.first()?.0), one.last()?.0.min(two.last()?.0));
    if low >= high {
        return None;
    }
    let mut places: Vec<f64> = one.iter().chain(two).map(|(x, _)| *x).filter(|x| (low..=high).contains(x)).collect();
    places.sort_by(f64::total_cmp);
    let differences: Option<Vec<(f64, f64)>> =
        places.iter().map(|&x| Some((x, interpolate(one, x)? - interpolate(two, x)?))).collect();
    let area: f64 = differences?.windows(2).map(|pair| f64::midpoint(pair[0].1, pair[1].1) * (pair[1].0 - pair[0].0)).sum();
    Some(area / (high - low))
}

/// The curve of a family over an axis, such as the temperatures over the judge's surprisal: a line through its settings in the order of
/// that axis. Settings at the same place are one, with the mean of their values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve(Vec<(f64, f64)>);

impl Curve {
    /// The curve through these points; those with a NaN are none.
    #[must_use]
    pub fn through(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut points: Vec<(f64, f64)> = points.into_iter().filter(|(x, y)| !x.is_nan() && !y.is_nan()).collect();
        points.sort_by(|one, two| one.0.total_cmp(&two.0));
        let mean = |same: &[(f64, f64)]| (same[0].0, same.iter().map(|(_, y)| y).sum::<f64>() / same.len() as f64);
        Self(points.chunk_by(|one, two| one.0 == two.0).map(mean).collect())
    }

    /// Its value at a place; `None` outside of it.
    #[must_use]
    pub fn at(&self, x: f64) -> Option<f64> {
        interpolate(&self.0, x)
    }

    /// Its points.
    #[must_use]
    pub fn points(&self) -> &[(f64, f64)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::distinct::tests::near;
    use super::*;

    #[test]
    fn the_worked_value_of_a_frontier() {
        let frontier = hull(&[(0.9, 0.2), (0.7, 0.6)]);
        near(0.5 - interpolate(&frontier, 0.8).unwrap(), 0.1);
        assert!(interpolate(&frontier, 0.95).is_none() && interpolate(&frontier, 0.6).is_none());
        near(interpolate(&frontier, 0.7).unwrap(), 0.6);
        near(interpolate(&frontier, 0.9).unwrap(), 0.2);
    }

    #[test]
    fn a_hull_holds_what_nothing_beats_on_both_axes() {
        let points = [(0.9, 0.2), (0.8, 0.3), (0.7, 0.6), (0.6, 0.5), (0.85, 0.1), (f64::NAN, 1.0)];
        // (.8, .3) lies below the line from (.9, .2) to (.7, .6).
        assert_eq!(hull(&points), [(0.7, 0.6), (0.9, 0.2)]);
        assert_eq!(hull(&[(0.9, 0.2), (0.8, 0.5), (0.7, 0.6)]), [(0.7, 0.6), (0.8, 0.5), (0.9, 0.2)]);
        assert_eq!(hull(&[(1.0, 1.0), (1.0, 2.0), (0.5, 1.5)]), [(1.0, 2.0)]);
        assert!(hull(&[]).is_empty());
    }

    #[test]
    fn the_distance_of_two_frontiers_is_the_mean_over_what_they_share() {
        let (one, two) = ([(0.0, 1.0), (1.0, 1.0)], [(0.5, 0.0), (1.5, 1.0)]);
        // Over [.5, 1] from 1 to ½.
        near(between(&one, &two).unwrap(), 0.75);
        assert!(between(&one, &[(1.0, 0.0), (2.0, 0.0)]).is_none() && between(&one, &[]).is_none());
    }

    #[test]
    fn a_curve_goes_through_its_settings_and_not_beyond() {
        let curve = Curve::through([(2.0, 1.0), (1.0, 0.0), (2.0, 3.0), (f64::NAN, 9.0)]);
        assert_eq!(curve.points(), [(1.0, 0.0), (2.0, 2.0)]);
        near(curve.at(1.25).unwrap(), 0.5);
        assert!(curve.at(0.99).is_none() && curve.at(2.01).is_none() && curve.at(f64::NAN).is_none());
        assert!(Curve::default().at(0.0).is_none());
    }
}
