//! Every measure of every arm: for each prompt a number, and what is pooled.

use std::thread;

use anyhow::{Result, anyhow};

use super::ground::{Ground, Side, Story};
use super::judgement::Judge;
use super::measure::{ACROSS, Measure, OF_JUDGES, OF_PROMPTS, OF_STORIES, POOLED};
use super::measuring::{Pooled, Sets, across, compressed, distinct, of_prompt, of_story, pair_matrix};
use super::slop::SlopList;
use super::statistics::{deviation, mean, quantile};

/// The place of `worst` among the values of a judge.
const WORST: usize = 9;

/// What an arm has of one measure.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cell {
    /// A value for every prompt; NaN where there is none, and empty where a prompt alone has no such value.
    pub prompts: Vec<f64>,
    /// The value of all stories together, where that is more than a mean over prompts.
    pub pooled: Option<Pooled>,
    /// The values of pairs of prompts, where it is a mean over these.
    pub pairs: Option<Vec<Vec<f64>>>,
}

impl Cell {
    /// The value of the arm.
    #[must_use]
    pub fn value(&self) -> f64 {
        match (&self.pooled, &self.pairs) {
            (Some(pooled), _) => pooled.value,
            (None, Some(pairs)) => {
                mean(&pairs.iter().enumerate().flat_map(|(at, row)| row[..at].iter().copied()).collect::<Vec<f64>>())
            }
            (None, None) => mean(&self.prompts),
        }
    }
}

/// A measure of all arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The measure.
    pub measure: Measure,
    /// The number of the judge, where it is one's.
    pub judge: Option<usize>,
    /// The arms, and behind them the baseline once more, or its two halves.
    pub cells: Vec<Cell>,
    /// In texts of people: the mean and the standard deviation over texts.
    pub human: Option<(f64, f64)>,
}

/// An arm with what each judge said of its stories: of a story one value a measure.
struct Told<'a> {
    side: &'a Side,
    judged: Vec<Vec<[f64; 10]>>,
}

/// The bound of a judge's surprisal at the worst stretch of a story, beyond which it has derailed: the far fence of the baseline's
/// stories, Q₃ + 3·(Q₃ − Q₁).
///
/// Source: Tukey 1977.
#[must_use]
pub fn bound(worst: &[f64]) -> f64 {
    let mut there: Vec<f64> = worst.iter().copied().filter(|value| !value.is_nan()).collect();
    let (first, third) = (quantile(&mut there, 0.25), quantile(&mut there, 0.75));
    third + 3.0 * (third - first)
}

/// Two arms of half of the baseline's stories each, equally many of every prompt; none where no prompt has two.
#[must_use]
fn halves(side: &Side) -> Option<[Vec<usize>; 2]> {
    let mut halves = [Vec::new(), Vec::new()];
    let mut at = 0;
    for group in side.stories.chunk_by(|one, two| one.prompt == two.prompt) {
        for pair in 0..group.len() / 2 {
            halves[0].push(at + 2 * pair);
            halves[1].push(at + 2 * pair + 1);
        }
        at += group.len();
    }
    (!halves[0].is_empty()).then_some(halves)
}

/// The two cells that differ by chance alone, if there are such: the baseline and the baseline once more, or its halves.
#[must_use]
pub fn by_chance(ground: &Ground, cells: usize) -> Option<[usize; 2]> {
    let arms = ground.arms.len();
    match cells - arms {
        1 => Some([ground.baseline, arms]),
        2 => Some([arms, arms + 1]),
        _ => None,
    }
}

/// All measures of these arms; of judges each has a value for every reading of the ground. Gives the bounds of derailment too, one a
/// judge.
///
/// # Errors
/// A judge has not said something of every story; or a compressor fails.
pub fn columns(ground: &Ground, judges: &[Judge], slop: &SlopList, threads: usize) -> Result<(Vec<Column>, Vec<f64>)> {
    let readings = ground.readings().count();
    if let Some(judge) = judges.iter().find(|judge| judge.judgements.len() != readings) {
        return Err(anyhow!("the judge `{}` read {} of {readings} texts", judge.name, judge.judgements.len()));
    }
    let mut start = 0;
    let mut told: Vec<Told> = Vec::new();
    let baseline = ground.baseline;
    for (_, side) in ground.sides() {
        let range = start..start + side.stories.len();
        start = range.end;
        let said = judges.iter().map(|judge| judge.judgements[range.clone()].iter().map(super::Judgement::values).collect());
        told.push(Told { side, judged: said.collect() });
    }
    let human = ground.human.as_ref().and_then(|_| told.pop());
    let bounds: Vec<f64> = told[baseline]
        .judged
        .iter()
        .map(|values| bound(&values.iter().map(|value| value[WORST]).collect::<Vec<_>>()))
        .collect();

    let halves = if ground.again.is_some() { None } else { halves(&ground.arms[baseline]) };
    let parts: Vec<(Side, Vec<Vec<[f64; 10]>>)> = halves
        .into_iter()
        .flatten()
        .map(|half| {
            let side = &ground.arms[baseline];
            let stories = half.iter().map(|&at| side.stories[at].clone()).collect();
            let said = told[baseline].judged.iter().map(|values| half.iter().map(|&at| values[at]).collect()).collect();
            (Side { stories, ..side.clone() }, said)
        })
        .collect();
    told.extend(parts.iter().map(|(side, judged)| Told { side, judged: judged.clone() }));

    let mut columns = shape(judges.len());
    for cells in in_parallel(&told, threads, |told| cells(told, ground, &bounds, slop)) {
        for (column, cell) in columns.iter_mut().zip(cells?) {
            column.cells.push(cell);
        }
    }
    if let Some(human) = human {
        for (column, human) in columns.iter_mut().zip(of_people(&human, ground, &bounds, slop)?) {
            column.human = human;
        }
    }
    Ok((columns, bounds))
}

/// The columns without their cells.
fn shape(judges: usize) -> Vec<Column> {
    let column = |measure: &Measure, judge| Column { measure: *measure, judge, cells: Vec::new(), human: None };
    let own = OF_STORIES.iter().chain(&OF_PROMPTS).chain(&ACROSS).chain(&POOLED).map(|measure| column(measure, None));
    own.chain((0..judges).flat_map(|judge| OF_JUDGES.iter().map(move |measure| column(measure, Some(judge))))).collect()
}

/// The cells of one arm, in the order of [`shape`].
fn cells(told: &Told, ground: &Ground, bounds: &[f64], slop: &SlopList) -> Result<Vec<Cell>> {
    let (side, prompts) = (told.side, ground.prompts.len());
    let sets = Sets::of(side, &ground.prompt_words);
    let stories: Vec<[f64; 24]> = side.stories.iter().map(|story| of_story(story, ground, slop)).collect();
    let mut cells: Vec<Cell> = (0..OF_STORIES.len())
        .map(|at| Cell { prompts: by_prompt(side, prompts, |story| stories[story][at]), ..Cell::default() })
        .collect();

    let mut of_prompts = vec![[f64::NAN; 9]; prompts];
    for (prompt, range) in groups(side) {
        let group: Vec<&Story> = side.stories[range.clone()].iter().collect();
        let own: Vec<_> = sets.own[range.clone()].iter().map(Vec::as_slice).collect();
        let all: Vec<_> = sets.all[range].iter().map(Vec::as_slice).collect();
        of_prompts[prompt] = of_prompt(&group, &own, &all, &ground.prompt_words[prompt], ground);
    }
    cells.extend(
        (0..OF_PROMPTS.len())
            .map(|at| Cell { prompts: of_prompts.iter().map(|values| values[at]).collect(), ..Cell::default() }),
    );

    cells.extend(across(side, &sets, prompts).map(|(values, pooled)| Cell {
        prompts: by_prompt(side, prompts, |story| values[story]),
        pooled: Some(pooled),
        pairs: None,
    }));
    cells.push(Cell { pairs: Some(pair_matrix(side, &sets, prompts)), ..Cell::default() });
    let pooled = distinct(side, prompts, ground.lexicon.len()).into_iter().chain(compressed(side)?);
    cells.extend(pooled.map(|pooled| Cell { pooled: Some(pooled), ..Cell::default() }));

    let derailed = OF_STORIES.len() - 1;
    for (judge, values) in told.judged.iter().enumerate() {
        let of = |story: usize, at: usize| match values[story].get(at) {
            Some(value) => *value,
            None => is_lost(stories[story][derailed], values[story][WORST], bounds[judge]),
        };
        cells.extend(
            (0..OF_JUDGES.len()).map(|at| Cell { prompts: by_prompt(side, prompts, |story| of(story, at)), ..Cell::default() }),
        );
    }
    Ok(cells)
}

/// 1 where a story has derailed, by its words or for a judge.
fn is_lost(by_words: f64, worst: f64, bound: f64) -> f64 {
    if worst > bound { 1.0 } else { by_words }
}

/// The measures of texts of people, in the order of [`shape`]; a text alone has none that are of a prompt, or of all together.
fn of_people(told: &Told, ground: &Ground, bounds: &[f64], slop: &SlopList) -> Result<Vec<Option<(f64, f64)>>> {
    let side = told.side;
    let over = |values: Vec<f64>| Some((mean(&values), deviation(&values))).filter(|(mean, _)| !mean.is_nan());
    let stories: Vec<[f64; 24]> = side.stories.iter().map(|story| of_story(story, ground, slop)).collect();
    let mut all: Vec<Option<(f64, f64)>> =
        (0..OF_STORIES.len()).map(|at| over(stories.iter().map(|values| values[at]).collect())).collect();
    all.extend(OF_PROMPTS.map(|_| None));
    // Their prompts are numbers of their own: each is counted anew.
    let prompts = groups(side).count();
    let mut renumbered = side.clone();
    for (at, (_, range)) in groups(side).enumerate() {
        renumbered.stories[range].iter_mut().for_each(|story| story.prompt = at);
    }
    let sets = Sets::of(&renumbered, &[]);
    let value = |cell: Cell| Some((cell.value(), f64::NAN)).filter(|(value, _)| !value.is_nan());
    all.extend(across(&renumbered, &sets, prompts).map(|(values, _)| over(values)));
    all.push(value(Cell { pairs: Some(pair_matrix(&renumbered, &sets, prompts)), ..Cell::default() }));
    let pooled = distinct(&renumbered, prompts, ground.lexicon.len()).into_iter().chain(compressed(side)?);
    all.extend(pooled.map(|pooled| value(Cell { pooled: Some(pooled), ..Cell::default() })));
    for (judge, values) in told.judged.iter().enumerate() {
        let lost =
            values.iter().zip(&stories).map(|(value, words)| is_lost(words[OF_STORIES.len() - 1], value[WORST], bounds[judge]));
        let lost = over(lost.collect());
        all.extend((0..=WORST).map(|at| over(values.iter().map(|value| value[at]).collect())));
        all.push(lost);
    }
    Ok(all)
}

/// The stories of each prompt: they stand together.
fn groups(side: &Side) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
    let mut start = 0;
    side.stories.chunk_by(|one, two| one.prompt == two.prompt).map(move |group| {
        let range = start..start + group.len();
        start = range.end;
        (group[0].prompt, range)
    })
}

/// For every prompt the mean of a value over its stories.
fn by_prompt(side: &Side, prompts: usize, value: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut means = vec![f64::NAN; prompts];
    for (prompt, range) in groups(side) {
        means[prompt] = mean(&range.map(&value).collect::<Vec<_>>());
    }
    means
}

/// Each of these, as many at once as there are threads.
fn in_parallel<T: Sync, R: Send>(all: &[T], threads: usize, each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let each = &each;
    thread::scope(|scope| {
        let at_once = threads.clamp(1, all.len().max(1));
        let running: Vec<_> = (0..at_once)
            .map(|first| scope.spawn(move || all.iter().skip(first).step_by(at_once).map(each).collect::<Vec<R>>()))
            .collect();
        let mut parts: Vec<_> = running
            .into_iter()
            .map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).into_iter())
            .collect();
        (0..all.len()).filter_map(|at| parts[at % at_once].next()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::distinct::tests::near;
    use super::*;

    #[test]
    fn work_that_is_shared_comes_back_in_its_order() {
        let all: Vec<usize> = (0..17).collect();
        for threads in [0, 1, 3, 40] {
            assert_eq!(in_parallel(&all, threads, |at| at * 2), all.iter().map(|at| at * 2).collect::<Vec<_>>());
        }
        assert!(in_parallel(&[] as &[usize], 2, |at| *at).is_empty());
    }

    #[test]
    fn a_surprisal_far_beyond_the_usual_is_derailed() {
        let usual: Vec<f64> = (0..=100).map(|at| 0.5 + f64::from(at) / 1000.0).collect();
        near(bound(&usual), 0.575 + 0.15);
        assert!(bound(&[f64::NAN]).is_nan());
        near(is_lost(0.0, 0.8, bound(&usual)), 1.0);
        near(is_lost(0.0, 0.7, bound(&usual)), 0.0);
        near(is_lost(1.0, f64::NAN, f64::NAN), 1.0);
    }
}
