//! An evaluation: all measures of all arms with what chance may do to them, and what may be said. Pages and tables are made from this
//! alone, and its JSON is for other programs.

use anyhow::Result;
use serde::Serialize;

use super::columns::{Cell, Column, columns};
use super::curves::{Curves, Standing};
use super::ground::{Ground, Side, Story};
use super::judgement::Judge;
use super::measure::{Group, Measure, PRIMARY};
use super::measuring::is_degenerate;
use super::overuse::{Overused, overused};
use super::slop::SlopList;
use super::statistics::{Interval, Resamples, effect, holm, jackknife, mean, sign_flip, wins};
use super::verdict::Estimate;
use super::words::Word;
use crate::prob::Noise;

/// The version of the form of an evaluation; it rises when a field changes its meaning.
pub const EVALUATION_FORMAT: u32 = 1;

/// Resamples of prompts, as many as are usual.
pub const RESAMPLES: usize = 10_000;

/// A mean over pairs of prompts takes so many steps a resample, and all of them no more than this: with many prompts it has fewer.
const STEPS: usize = 40_000_000;

/// So many overused words and phrases are told.
const OVERUSED: usize = 20;

/// Words of an excerpt from the beginning of a story, and of one from the end.
const BEGINNING: usize = 60;
const END: usize = 30;

/// So many degenerate stories of an arm are shown.
const EXAMPLES: usize = 3;

/// How to evaluate.
#[derive(Debug, Clone)]
pub struct Options {
    /// What decides about resamples and flips.
    pub seed: u64,
    /// Resamples of prompts.
    pub resamples: usize,
    /// The arm that others are compared with; where none is named that of the temperature curve nearest to 1, or the first.
    pub baseline: Option<String>,
    /// The slop list.
    pub slop: SlopList,
    /// Threads to count with.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, resamples: RESAMPLES, baseline: None, slop: SlopList::own(), threads: 1 }
    }
}

/// All that is found out. Numbers that are not there are `null` in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Evaluation {
    /// [`EVALUATION_FORMAT`].
    pub format: u32,
    /// Words to which every story is cut.
    pub length: usize,
    /// Prompts that all arms share: the unit of all statistics.
    pub prompts: Vec<String>,
    /// Prompts that are left out, since some arm has no story of them.
    pub unshared: usize,
    /// What decides about resamples and flips.
    pub seed: u64,
    /// Resamples of prompts.
    pub resamples: usize,
    /// The number of the arm that others are compared with.
    pub baseline: usize,
    /// The numbers of the arms of the temperature curve, ascending; empty where there is none.
    pub temperatures: Vec<usize>,
    /// Words and phrases of the slop list.
    pub slop_list: usize,
    /// The judges.
    pub judges: Vec<JudgeInfo>,
    /// Texts of people, if there are any that are long enough.
    pub human: Option<usize>,
    /// The arms, in their order.
    pub arms: Vec<ArmInfo>,
    /// The measures.
    pub measures: Vec<Measured>,
    /// Where every arm stands, and what may be said of it.
    pub standings: Vec<Standing>,
}

/// A judge.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct JudgeInfo {
    /// What it is called.
    pub name: String,
    /// Whether it told any arm: then it checks what was done, and does not judge alone.
    pub wrote: bool,
    /// The surprisal of the worst stretch beyond which a story has derailed, nats a byte.
    pub bound: f64,
}

/// An arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ArmInfo {
    /// What it is called.
    pub name: String,
    /// Its family.
    pub family: String,
    /// Its temperature, where its chain has one and nothing else that reweights.
    pub temperature: Option<f64>,
    /// Whether its chain asks for the future.
    pub looks_ahead: bool,
    /// Stories that are measured.
    pub stories: usize,
    /// Stories that it had.
    pub had: usize,
    /// The share of them that is too short.
    pub short: f64,
    /// The shortest, the median and the longest of them in words.
    pub lengths: [usize; 3],
    /// What it overuses against texts of people: words, and phrases of three words.
    pub overused: [Vec<Overused>; 2],
    /// The beginning of a story that was drawn, and not chosen.
    pub excerpt: Example,
    /// Some of its degenerate stories, with their ends; all gates that a story can fail at are measures of their own.
    pub degenerate: Vec<Example>,
    /// The mean surprisal in each tenth of its stories, nats a token, a row for every judge; a row is empty where it was not measured.
    pub profiles: Vec<Vec<f64>>,
}

/// Some words of a story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Example {
    /// The name of its file, without its ending.
    pub story: String,
    /// The name of its prompt.
    pub prompt: String,
    /// The words, as they were told.
    pub text: String,
}

/// A measure of all arms.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Measured {
    /// The measure.
    #[serde(flatten)]
    pub measure: Measure,
    /// The number of the judge, where it is one's.
    pub judge: Option<usize>,
    /// The mean and the standard deviation over texts of people.
    pub human: Option<(f64, f64)>,
    /// What each arm has of it.
    pub arms: Vec<Value>,
    /// What the second half of the baseline's stories has beyond the first: the difference that nothing makes. None where no prompt has
    /// two stories.
    pub a_a: Option<Difference>,
}

/// What an arm has of a measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Value {
    /// The value with its interval: bootstrap over prompts, or the jackknife where all stories are pooled.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// What it has beyond the baseline; none for the baseline.
    pub difference: Option<Difference>,
    /// (value − mean of people) / standard deviation over texts of people.
    pub z: Option<f64>,
}

/// A difference of two arms, paired by prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// The difference with its interval.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// The two-sided p of the sign-flip test; NaN where prompts alone have no value.
    pub p: f64,
    /// p adjusted by Holm: of the primary measures over arms, of the others over arms and measures.
    pub holm: f64,
    /// The mean of the differences in their standard deviations.
    pub effect: f64,
    /// The share of prompts that have more.
    pub wins: f64,
}

/// Evaluates arms on equal ground.
///
/// # Errors
/// The baseline is no arm, or a judge has not read all of [`Ground::readings`].
pub fn evaluate(ground: &Ground, judges: &[Judge], options: &Options) -> Result<Evaluation> {
    let curve = ground.temperatures();
    let baseline = ground.baseline(options.baseline.as_deref())?;
    let (columns, bounds) = columns(ground, judges, baseline, &options.slop, options.threads)?;
    let resamples = Resamples::new(ground.prompts.len(), options.resamples, options.seed);
    let few = STEPS / (ground.prompts.len() * ground.prompts.len() / 2 + 1);
    let fewer = Resamples::new(ground.prompts.len(), options.resamples.min(few.max(100)), options.seed);
    let mut measures: Vec<Measured> =
        columns.iter().map(|column| measured(column, baseline, ground.arms.len(), &resamples, &fewer, options.seed)).collect();
    adjust(&mut measures);

    let mut arms = arms(ground, options.seed);
    for (arm, info) in arms.iter_mut().enumerate() {
        info.profiles = judges.iter().map(|judge| profile(ground, judge, arm)).collect();
    }
    let judges: Vec<JudgeInfo> = judges
        .iter()
        .zip(bounds)
        .map(|(judge, bound)| JudgeInfo { name: judge.name.clone(), wrote: judge.wrote(ground), bound })
        .collect();
    let curves = Curves { ground, columns: &columns, judges: &judges, baseline, temperatures: &curve, resamples: &resamples };
    Ok(Evaluation {
        format: EVALUATION_FORMAT,
        length: ground.length,
        prompts: ground.prompts.iter().map(|prompt| prompt.name.clone()).collect(),
        unshared: ground.unshared,
        seed: options.seed,
        resamples: options.resamples,
        baseline,
        standings: curves.standings(),
        temperatures: curve.clone(),
        slop_list: options.slop.len(),
        judges,
        human: ground.human.as_ref().map(|side| side.stories.len()),
        arms,
        measures,
    })
}

fn arms(ground: &Ground, seed: u64) -> Vec<ArmInfo> {
    let human: Vec<&[Word]> = ground.human.iter().flat_map(|side| &side.stories).map(|story| &story.words[..]).collect();
    let example = |story: &Story, words: &dyn Fn(&[&str]) -> String| Example {
        story: story.name.clone(),
        prompt: ground.prompts[story.prompt].name.clone(),
        text: words(&story.text().split_whitespace().collect::<Vec<_>>()),
    };
    let arm = |(number, side): (u32, &Side)| {
        let drawn = Noise::new(seed, &[number]).at(0, 5).bits(0) % side.stories.len() as u64;
        let drawn = &side.stories[usize::try_from(drawn).unwrap_or_default()];
        let failed = side.stories.iter().filter(|story| is_degenerate(story)).take(EXAMPLES);
        let stories: Vec<(usize, &[Word])> = side.stories.iter().map(|story| (story.prompt, &story.words[..])).collect();
        let over = |n| if human.is_empty() { Vec::new() } else { overused(&stories, &human, n, OVERUSED, &ground.lexicon) };
        let lengths = &side.lengths;
        ArmInfo {
            name: side.name.clone(),
            family: side.setting.family.clone(),
            temperature: side.setting.temperature,
            looks_ahead: side.setting.looks_ahead,
            stories: stories.len(),
            had: side.had,
            short: side.short,
            lengths: [lengths[0], lengths[lengths.len() / 2], lengths[lengths.len() - 1]],
            overused: [over(1), over(3)],
            excerpt: example(drawn, &|words| words[..words.len().min(BEGINNING)].join(" ")),
            degenerate: failed
                .map(|story| example(story, &|words| words[words.len().saturating_sub(END)..].join(" ")))
                .collect(),
            profiles: Vec::new(),
        }
    };
    (0..).zip(&ground.arms).map(arm).collect()
}

/// The mean surprisal in each tenth of an arm's stories; nothing where it was not measured.
fn profile(ground: &Ground, judge: &Judge, arm: usize) -> Vec<f64> {
    let readings = ground.readings().zip(&judge.judgements);
    let profiles: Vec<&[f64]> = readings
        .filter(|(reading, said)| reading.arm == arm && !said.profile.is_empty())
        .map(|(_, said)| &said.profile[..])
        .collect();
    let tenths = profiles.iter().map(|profile| profile.len()).min().unwrap_or_default();
    (0..tenths).map(|tenth| mean(&profiles.iter().map(|profile| profile[tenth]).collect::<Vec<_>>())).collect()
}

/// A column with what chance may do to it.
fn measured(column: &Column, baseline: usize, arms: usize, resamples: &Resamples, fewer: &Resamples, seed: u64) -> Measured {
    let drawn = |cell: &Cell| match (&cell.pooled, &cell.pairs) {
        (Some(_), _) => Vec::new(),
        (None, Some(pairs)) => fewer.pair_means(pairs),
        (None, None) => resamples.means(&cell.prompts),
    };
    let samples: Vec<Vec<f64>> = column.cells.iter().map(drawn).collect();
    let estimate = |at: usize| {
        let value = column.cells[at].value();
        let interval = match &column.cells[at].pooled {
            Some(pooled) => jackknife(value, &pooled.without),
            None => Interval::of(samples[at].clone()),
        };
        Estimate { value, interval }
    };
    let difference = |one: usize, two: usize| difference(&column.cells, &samples, one, two, seed);
    let values = (0..arms).map(|at| {
        let estimate = estimate(at);
        let z = column.human.map(|(mean, deviation)| (estimate.value - mean) / deviation).filter(|z| z.is_finite());
        Value { estimate, difference: (at != baseline).then(|| difference(at, baseline)), z }
    });
    Measured {
        measure: column.measure,
        judge: column.judge,
        human: column.human,
        arms: values.collect(),
        a_a: (column.cells.len() > arms).then(|| difference(arms + 1, arms)),
    }
}

/// What one cell has beyond another.
fn difference(cells: &[Cell], samples: &[Vec<f64>], one: usize, two: usize, seed: u64) -> Difference {
    let minus = |one: &[f64], two: &[f64]| one.iter().zip(two).map(|(one, two)| one - two).collect::<Vec<f64>>();
    let value = cells[one].value() - cells[two].value();
    let interval = match (&cells[one].pooled, &cells[two].pooled) {
        (Some(one), Some(two)) => jackknife(value, &minus(&one.without, &two.without)),
        _ => Interval::of(minus(&samples[one], &samples[two])),
    };
    let by_prompt = minus(&cells[one].prompts, &cells[two].prompts);
    Difference {
        estimate: Estimate { value, interval },
        p: sign_flip(&by_prompt, seed),
        holm: f64::NAN,
        effect: effect(&by_prompt),
        wins: wins(&by_prompt),
    }
}

/// Adjusts the p-values of the primary measures, and those of all others.
fn adjust(measures: &mut [Measured]) {
    for primary in [true, false] {
        let mut differences: Vec<&mut Difference> = measures
            .iter_mut()
            .filter(|measured| PRIMARY.contains(&measured.measure.key) == primary)
            .flat_map(|measured| measured.arms.iter_mut().filter_map(|value| value.difference.as_mut()))
            .collect();
        let adjusted = holm(&differences.iter().map(|difference| difference.p).collect::<Vec<_>>());
        for (difference, adjusted) in differences.iter_mut().zip(adjusted) {
            difference.holm = adjusted;
        }
    }
}

impl Evaluation {
    /// The measure of this name; a judge's by its number.
    #[must_use]
    pub fn measure(&self, key: &str, judge: Option<usize>) -> Option<&Measured> {
        self.measures.iter().find(|measured| measured.measure.key == key && measured.judge == judge)
    }

    /// The measures of a group, in their order.
    pub fn group(&self, group: Group) -> impl Iterator<Item = &Measured> {
        self.measures.iter().filter(move |measured| measured.measure.group == group)
    }
}
