//! Arms against the temperature curve at equal surprisal, and against frontiers of families at equal coherence.

use serde::Serialize;

use super::columns::Column;
use super::evaluation::JudgeInfo;
use super::ground::Ground;
use super::statistics::{Curve, Interval, Resamples, between, deviation, hull, interpolate, mean};
use super::verdict::{Estimate, Evidence, ON_CURVE, Place, Verdict, decide, together};

/// Where an arm stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Standing {
    /// What may be said, for all judges together.
    pub verdict: Verdict,
    /// In words.
    pub said: String,
    /// For every judge.
    pub judges: Vec<Judged>,
}

/// Where an arm stands for one judge.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Judged {
    /// What may be said by this judge alone.
    pub verdict: Verdict,
    /// In words.
    pub said: String,
    /// The share of resamples in which the arm has a place on the temperature curve.
    pub on_curve: f64,
    /// Its coherence gain beyond that of the curve at equal surprisal, nats a byte.
    pub gain: Option<Estimate>,
    /// So much less gain is no less.
    pub gain_margin: f64,
    /// Its diversity (1 − shared-4) beyond that of the curve at equal surprisal.
    pub diversity: Option<Estimate>,
    /// So much less diversity is no less.
    pub diversity_margin: f64,
    /// What its stories share across prompts (across-4) beyond the curve at equal surprisal: less is better.
    pub across: Option<Estimate>,
    /// Its diversity beyond the frontier of every baseline family at equal coherence gain.
    pub families: Vec<AgainstFamily>,
}

/// An arm against the frontier of a family.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgainstFamily {
    /// The family.
    pub family: String,
    /// The arm's diversity beyond the family's at equal gain; none where the family has nothing there, for no frontier is drawn out.
    pub diversity: Option<Estimate>,
    /// How far the frontier of the arm's own family lies above, over the gain that both have; none where they have none in common.
    pub frontier: Option<f64>,
}

/// All that standings are found from.
pub(super) struct Curves<'a> {
    pub ground: &'a Ground,
    pub columns: &'a [Column],
    pub judges: &'a [JudgeInfo],
    pub baseline: usize,
    pub temperatures: &'a [usize],
    pub resamples: &'a Resamples,
}

/// A measure of every arm (and of the halves): over all prompts, and in every resample.
struct Axis {
    values: Vec<f64>,
    samples: Vec<Vec<f64>>,
}

/// The axes of one judge.
struct Axes {
    surprisal: Axis,
    gain: Axis,
    diversity: Axis,
    across: Axis,
}

impl Axis {
    fn of(prompts: impl Iterator<Item = Vec<f64>>, resamples: &Resamples) -> Self {
        let (values, samples) = prompts.map(|values| (mean(&values), resamples.means(&values))).unzip();
        Self { values, samples }
    }

    /// What an arm has beyond another.
    fn beyond(&self, arm: usize, other: usize) -> Estimate {
        let differences = self.samples[arm].iter().zip(&self.samples[other]).map(|(one, two)| one - two);
        Estimate { value: self.values[arm] - self.values[other], interval: Interval::of(differences.collect()) }
    }

    /// What an arm has beyond the curve of others over another axis, and the share of resamples in which it has a place there; none
    /// where it has no place with all prompts, or in too few resamples.
    fn beyond_curve(&self, over: &Self, arm: usize, curve: &[usize]) -> (Option<Estimate>, f64) {
        let beyond = |over: &dyn Fn(usize) -> f64, own: &dyn Fn(usize) -> f64| {
            let through = Curve::through(curve.iter().map(|&at| (over(at), own(at))));
            through.at(over(arm)).map(|value| own(arm) - value)
        };
        let value = beyond(&|at| over.values[at], &|at| self.values[at]);
        let count = self.samples[arm].len();
        let differences: Vec<f64> =
            (0..count).filter_map(|row| beyond(&|at| over.samples[at][row], &|at| self.samples[at][row])).collect();
        let share = differences.len() as f64 / count as f64;
        let interval = Interval::of(differences);
        (value.filter(|_| share >= ON_CURVE).map(|value| Estimate { value, interval }), share)
    }
}

impl Curves<'_> {
    /// Where every arm stands, in their order.
    pub fn standings(&self) -> Vec<Standing> {
        let axes: Vec<Axes> = (0..self.judges.len()).map(|judge| self.axes(judge)).collect();
        let diversity = self.diversity();
        let arms = 0..self.ground.arms.len();
        arms.map(|arm| self.standing(arm, &axes, &diversity)).collect()
    }

    fn standing(&self, arm: usize, axes: &[Axes], diversity: &Axis) -> Standing {
        let judges: Vec<Judged> = axes.iter().map(|axes| self.judged(arm, axes)).collect();
        let verdicts: Vec<(Verdict, bool)> =
            judges.iter().zip(self.judges).map(|(judged, judge)| (judged.verdict, judge.wrote)).collect();
        let unjudged = self.role(arm).unwrap_or_else(|| {
            decide(&Evidence { place: Place::Unjudged, diversity: diversity.beyond(arm, self.baseline), ..self.evidence(arm) })
        });
        let verdict = together(&verdicts, unjudged);
        Standing { verdict, said: verdict.to_string(), judges }
    }

    /// What an arm is, where it is what others are compared with.
    fn role(&self, arm: usize) -> Option<Verdict> {
        let on_curve = self.temperatures.contains(&arm).then_some(Verdict::Curve);
        if arm == self.baseline { Some(Verdict::Baseline) } else { on_curve }
    }

    /// What is known without a judge; no diversity yet.
    fn evidence(&self, arm: usize) -> Evidence {
        let degenerate = self.column("degenerate", None);
        let nothing = Estimate { value: f64::NAN, interval: Interval { low: f64::NAN, high: f64::NAN } };
        Evidence {
            degenerate: degenerate.cells[arm].value(),
            baseline_degenerate: degenerate.cells[self.baseline].value(),
            place: Place::Outside,
            diversity: nothing,
            diversity_margin: 0.0,
            families: Vec::new(),
        }
    }

    fn judged(&self, arm: usize, axes: &Axes) -> Judged {
        let Axes { surprisal, gain, diversity, across } = axes;
        let measured = !gain.values[arm].is_nan();
        let (beyond, on_curve) = gain.beyond_curve(surprisal, arm, self.temperatures);
        let more_diverse = diversity.beyond_curve(surprisal, arm, self.temperatures).0;
        let (gain_margin, diversity_margin) = (self.margin(gain), self.margin(diversity));
        let families = if measured { self.families(arm, axes) } else { Vec::new() };
        let place = match beyond {
            _ if !measured => Place::Unjudged,
            Some(beyond) => Place::Inside { gain: beyond, margin: gain_margin },
            None => Place::Outside,
        };
        // Beyond the curve's hot end it must be more diverse than that end; else it is compared with the baseline.
        let (curve, own) = (self.temperatures, surprisal.values[arm]);
        let hottest = curve.iter().copied().max_by(|&one, &two| surprisal.values[one].total_cmp(&surprisal.values[two]));
        let end = hottest.filter(|&end| own > surprisal.values[end]).unwrap_or(self.baseline);
        let evidence = Evidence {
            place,
            diversity: more_diverse.unwrap_or_else(|| diversity.beyond(arm, end)),
            diversity_margin,
            families: self.against_others(arm, axes, &families),
            ..self.evidence(arm)
        };
        let verdict = self.role(arm).unwrap_or_else(|| decide(&evidence));
        Judged {
            verdict,
            said: verdict.to_string(),
            on_curve,
            gain: beyond,
            gain_margin,
            diversity: more_diverse,
            diversity_margin,
            across: across.beyond_curve(surprisal, arm, self.temperatures).0,
            families,
        }
    }

    /// What a difference must exceed to be one: half of that between the temperatures nearest to .8 and to 1, or twice the standard
    /// deviation of what the baseline's halves differ by, whichever is larger.
    fn margin(&self, axis: &Axis) -> f64 {
        let nearest = |wanted: f64| {
            let far = |&at: &usize| (self.ground.arms[at].setting.temperature.unwrap_or(f64::INFINITY) - wanted).abs();
            self.temperatures.iter().copied().min_by(|one, two| far(one).total_cmp(&far(two)))
        };
        let step = match (nearest(0.8), nearest(1.0)) {
            (Some(one), Some(two)) => (axis.values[one] - axis.values[two]).abs() / 2.0,
            _ => 0.0,
        };
        let arms = self.ground.arms.len();
        let chance = match axis.samples.get(arms..) {
            Some([one, two]) => 2.0 * deviation(&one.iter().zip(two).map(|(one, two)| one - two).collect::<Vec<_>>()),
            _ => 0.0,
        };
        // NaN where the halves have no such value: then the step alone counts.
        step.max(chance)
    }

    /// The baseline families: all that do not look ahead, but the arm's own.
    fn families(&self, arm: usize, axes: &Axes) -> Vec<AgainstFamily> {
        let own = &self.ground.arms[arm].setting.family;
        let mut names: Vec<&str> = Vec::new();
        for side in self.ground.arms.iter().filter(|side| !side.setting.looks_ahead && side.setting.family != *own) {
            if !names.contains(&side.setting.family.as_str()) {
                names.push(&side.setting.family);
            }
        }
        let against = |family: &str| {
            let members = self.members(family);
            let points = |value: &dyn Fn(&Axis, usize) -> f64, of: &[usize]| {
                hull(&of.iter().map(|&at| (value(&axes.gain, at), value(&axes.diversity, at))).collect::<Vec<_>>())
            };
            let beyond = |value: &dyn Fn(&Axis, usize) -> f64| {
                interpolate(&points(value, &members), value(&axes.gain, arm)).map(|there| value(&axes.diversity, arm) - there)
            };
            let all = |axis: &Axis, at: usize| axis.values[at];
            let rows = axes.gain.samples[arm].len();
            let drawn: Vec<f64> = (0..rows).filter_map(|row| beyond(&|axis, at| axis.samples[at][row])).collect();
            let common = drawn.len() as f64 >= ON_CURVE * rows as f64;
            let diversity = beyond(&all).filter(|_| common).map(|value| Estimate { value, interval: Interval::of(drawn) });
            let frontier = between(&points(&all, &self.members(own)), &points(&all, &members));
            AgainstFamily { family: family.to_owned(), diversity, frontier }
        };
        names.into_iter().map(against).collect()
    }

    fn members(&self, family: &str) -> Vec<usize> {
        let arms = self.ground.arms.iter().enumerate();
        arms.filter(|(_, side)| side.setting.family == family).map(|(at, _)| at).collect()
    }

    /// Of the families beside temperature, those with which an arm can be compared, or which are more coherent than it; what is nowhere
    /// as coherent as the arm stands in no one's way.
    fn against_others(&self, arm: usize, axes: &Axes, families: &[AgainstFamily]) -> Vec<Option<Estimate>> {
        let temperature = self.temperatures.first().map(|&at| &self.ground.arms[at].setting.family);
        let others = families.iter().filter(|against| Some(&against.family) != temperature);
        others
            .filter(|against| {
                let reached = self.members(&against.family).iter().map(|&at| axes.gain.values[at]).fold(f64::MIN, f64::max);
                against.diversity.is_some() || reached > axes.gain.values[arm]
            })
            .map(|against| against.diversity)
            .collect()
    }

    fn axes(&self, judge: usize) -> Axes {
        let of = |key| self.axis(key, Some(judge), |value| value);
        Axes {
            surprisal: of("surprisal"),
            gain: of("gain"),
            diversity: self.diversity(),
            across: self.axis("across-4", None, |value| value),
        }
    }

    /// The primary diversity: 1 − shared-4 within prompts.
    fn diversity(&self) -> Axis {
        self.axis("shared-4", None, |shared| 1.0 - shared)
    }

    fn axis(&self, key: &str, judge: Option<usize>, value: fn(f64) -> f64) -> Axis {
        let cells = self.column(key, judge).cells.iter();
        Axis::of(cells.map(|cell| cell.prompts.iter().copied().map(value).collect()), self.resamples)
    }

    fn column(&self, key: &str, judge: Option<usize>) -> &Column {
        let is = |column: &&Column| column.measure.key == key && column.judge == judge;
        self.columns.iter().find(is).expect("every measure has its column")
    }
}
