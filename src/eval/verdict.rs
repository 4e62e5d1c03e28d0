//! What may be said of an arm, and nothing beyond it.

use std::fmt;

use serde::Serialize;

use super::statistics::Interval;

/// A number with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Its interval.
    #[serde(flatten)]
    pub interval: Interval,
}

impl Estimate {
    fn is_better(&self) -> bool {
        self.interval.is_above(0.0)
    }

    fn is_worse(&self) -> bool {
        self.interval.is_below(0.0)
    }

    /// Whether it is not worse by the margin or more.
    fn holds(&self, margin: f64) -> bool {
        self.interval.is_above(-margin)
    }
}

/// What is said of an arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is what others are compared with.
    Baseline,
    /// It is a setting of the temperature curve.
    Curve,
    /// Too many of its stories repeat themselves: no other number of it means anything.
    Degenerate,
    /// The temperature curve has no setting that surprises the judge as much or as little.
    NotComparable,
    /// More diverse; whether it is as coherent is not shown.
    DiversityOnly,
    /// Neither is shown: no judge measured coherence, and diversity is not better.
    NotEstablished,
    /// More coherent; whether it is as diverse is not shown.
    CoherenceOnly,
    /// Better in one, not worse in the other, at equal surprisal; and so against every other family.
    Dominates,
    /// The same against the temperature curve, but not against every other family.
    AboveTemperature,
    /// No difference to the temperature curve is shown.
    SameCurve,
    /// Worse in one, and better in none.
    Dominated,
    /// Judges say different things.
    Disagreement,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Baseline => "the baseline",
            Self::Curve => "on the temperature curve itself",
            Self::Degenerate => "degenerate",
            Self::NotComparable => "not comparable",
            Self::DiversityOnly => "better diversity, coherence not established",
            Self::NotEstablished => "coherence not established",
            Self::CoherenceOnly => "better coherence, diversity not established",
            Self::Dominates => "dominates at equal coherence",
            Self::AboveTemperature => "above the temperature curve, not above every family",
            Self::SameCurve => "on the same curve as temperature",
            Self::Dominated => "dominated",
            Self::Disagreement => "the judges disagree",
        })
    }
}

/// Over this share of degenerate stories an arm is degenerate, where the baseline has fewer.
pub const DEGENERATE: f64 = 0.2;

/// The share of resamples in which an arm must have a place on the temperature curve.
pub const ON_CURVE: f64 = 0.9;

/// What is known of an arm when it is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The share of its stories that are degenerate.
    pub degenerate: f64,
    /// That of the baseline's.
    pub baseline_degenerate: f64,
    /// Where it stands against the temperature curve.
    pub place: Place,
    /// What it has of diversity beyond the curve at equal surprisal; beyond the baseline where it has no place on the curve.
    pub diversity: Estimate,
    /// So much less diversity is no less.
    pub diversity_margin: f64,
    /// For every other baseline family what it has of diversity beyond that family's frontier at equal coherence; none where it is more
    /// coherent than all of the family.
    pub families: Vec<Option<Estimate>>,
}

/// Where an arm stands against the temperature curve, for one judge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// No judge measured coherence.
    Unjudged,
    /// It surprises more or less than every temperature.
    Outside,
    /// On it, with its coherence gain beyond the curve, and so much less of which is no less.
    Inside {
        /// The gain beyond the curve's at equal surprisal.
        gain: Estimate,
        /// The margin.
        margin: f64,
    },
}

/// What may be said for one judge.
#[must_use]
pub fn decide(evidence: &Evidence) -> Verdict {
    let Evidence { degenerate, baseline_degenerate, place, diversity, diversity_margin, families } = evidence;
    if *degenerate > DEGENERATE && degenerate > baseline_degenerate {
        return Verdict::Degenerate;
    }
    let (gain, margin) = match *place {
        Place::Unjudged | Place::Outside if diversity.is_better() => return Verdict::DiversityOnly,
        Place::Unjudged => return Verdict::NotEstablished,
        Place::Outside => return Verdict::NotComparable,
        Place::Inside { gain, margin } => (gain, margin),
    };
    let better = (diversity.is_better() && gain.holds(margin)) || (gain.is_better() && diversity.holds(*diversity_margin));
    if better {
        let above_all = families.iter().flatten().all(Estimate::is_better);
        return if above_all { Verdict::Dominates } else { Verdict::AboveTemperature };
    }
    match (diversity.is_better(), gain.is_better()) {
        (true, _) => Verdict::DiversityOnly,
        (_, true) => Verdict::CoherenceOnly,
        _ if diversity.is_worse() || gain.is_worse() => Verdict::Dominated,
        _ => Verdict::SameCurve,
    }
}

/// What may be said for all judges together: what they agree in. Those that told any of the arms do not speak alone.
#[must_use]
pub fn together(verdicts: &[(Verdict, bool)], unjudged: Verdict) -> Verdict {
    let mut others = verdicts.iter().filter(|(_, wrote)| !wrote).map(|(verdict, _)| *verdict);
    let Some(first) = others.next() else { return unjudged };
    match others.find(|verdict| *verdict != first) {
        None => first,
        Some(other)
            if [first, other].iter().all(|verdict| matches!(verdict, Verdict::Dominates | Verdict::AboveTemperature)) =>
        {
            Verdict::AboveTemperature
        }
        Some(_) => Verdict::Disagreement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(low: f64, high: f64) -> Estimate {
        Estimate { value: f64::midpoint(low, high), interval: Interval { low, high } }
    }

    const UP: (f64, f64) = (0.01, 0.03);
    const SAME: (f64, f64) = (-0.01, 0.01);
    const DOWN: (f64, f64) = (-0.05, -0.03);
    const UNSURE: (f64, f64) = (-0.05, 0.05);

    fn inside(gain: (f64, f64), diversity: (f64, f64)) -> Evidence {
        let gain = estimate(gain.0, gain.1);
        Evidence {
            degenerate: 0.0,
            baseline_degenerate: 0.0,
            place: Place::Inside { gain, margin: 0.02 },
            diversity: estimate(diversity.0, diversity.1),
            diversity_margin: 0.02,
            families: vec![],
        }
    }

    #[test]
    fn what_is_better_in_one_must_hold_in_the_other() {
        for (gain, diversity, verdict) in [
            (UP, SAME, Verdict::Dominates),
            (SAME, UP, Verdict::Dominates),
            (UNSURE, UP, Verdict::DiversityOnly),
            (DOWN, UP, Verdict::DiversityOnly),
            (UP, UNSURE, Verdict::CoherenceOnly),
            (UP, DOWN, Verdict::CoherenceOnly),
            (SAME, SAME, Verdict::SameCurve),
            (UNSURE, UNSURE, Verdict::SameCurve),
            (DOWN, SAME, Verdict::Dominated),
            (UNSURE, DOWN, Verdict::Dominated),
        ] {
            assert_eq!(decide(&inside(gain, diversity)), verdict, "{gain:?} {diversity:?}");
        }
    }

    #[test]
    fn to_dominate_is_to_be_above_every_family() {
        let with = |families| decide(&Evidence { families, ..inside(SAME, UP) });
        assert_eq!(with(vec![Some(estimate(0.01, 0.02)), None]), Verdict::Dominates);
        assert_eq!(with(vec![Some(estimate(0.01, 0.02)), Some(estimate(-0.01, 0.02))]), Verdict::AboveTemperature);
    }

    #[test]
    fn without_a_judge_or_a_place_on_the_curve_coherence_is_not_established() {
        let with = |place, diversity| decide(&Evidence { place, ..inside(SAME, diversity) });
        assert_eq!(with(Place::Unjudged, UP), Verdict::DiversityOnly);
        assert_eq!(with(Place::Unjudged, SAME), Verdict::NotEstablished);
        assert_eq!(with(Place::Outside, UP), Verdict::DiversityOnly);
        assert_eq!(with(Place::Outside, SAME), Verdict::NotComparable);
        assert!(Verdict::DiversityOnly.to_string().ends_with("coherence not established"));
    }

    #[test]
    fn what_loops_more_than_the_baseline_is_degenerate_whatever_else_it_is() {
        let with = |degenerate, baseline_degenerate| decide(&Evidence { degenerate, baseline_degenerate, ..inside(UP, UP) });
        assert_eq!(with(0.21, 0.0), Verdict::Degenerate);
        assert_eq!(with(0.2, 0.0), Verdict::Dominates);
        assert_eq!(with(0.5, 0.6), Verdict::Dominates);
    }

    #[test]
    fn who_told_a_story_does_not_judge_it_alone() {
        use Verdict::{AboveTemperature, Disagreement, Dominated, Dominates, NotEstablished};
        assert_eq!(together(&[(Dominates, true)], NotEstablished), NotEstablished);
        assert_eq!(together(&[(Dominates, true), (Dominated, false)], NotEstablished), Dominated);
        assert_eq!(together(&[(Dominates, false), (Dominated, false)], NotEstablished), Disagreement);
        assert_eq!(together(&[(Dominates, false), (AboveTemperature, false)], NotEstablished), AboveTemperature);
        assert_eq!(together(&[], NotEstablished), NotEstablished);
    }
}
