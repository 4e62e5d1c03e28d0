//! The page of an evaluation: verdicts, curves, every measure of every arm. Made from the evaluation alone.

use std::fmt::Write;

use anyhow::Result;
use minijinja::{Value, context};

use super::page::style;
use super::scatter::{Path, Point, scatter};
use crate::eval::statistics::hull;
use crate::eval::{Better, Difference, Estimate, Evaluation, Group, Judged, Measured};
use crate::files::MARK;
use crate::text::{html_page, sanitize, some};

/// Below this adjusted p a difference is told as one.
const SURE: f64 = 0.05;

/// The page of an evaluation as HTML; `title` stands over it. It holds its styles and pictures, no script, and asks for nothing from
/// anywhere.
///
/// # Errors
/// None that an evaluation could bring.
pub fn evaluation_page(title: &str, evaluation: &Evaluation) -> Result<String> {
    let judges: Vec<Value> = (0..evaluation.judges.len()).map(|judge| of_judge(evaluation, judge)).collect();
    let values = context! {
        title => sanitize(title),
        mark => MARK,
        style => Value::from_safe_string(style() + include_str!("evaluation.css")),
        facts => facts(evaluation),
        resamples => evaluation.resamples,
        arms => (0..evaluation.arms.len()).map(|arm| of_arm(evaluation, arm)).collect::<Vec<_>>(),
        judges,
        unjudged => Value::from_safe_string(unjudged(evaluation)),
        groups => GROUPS.iter().filter_map(|group| of_group(evaluation, *group)).collect::<Vec<_>>(),
    };
    html_page(include_str!("evaluation.html"), values)
}

/// What was compared, in a line.
fn facts(evaluation: &Evaluation) -> Vec<String> {
    let mut facts = vec![
        some(evaluation.arms.len(), "arm"),
        format!("{} that all arms share", some(evaluation.prompts.len(), "prompt")),
        format!("stories cut to {} words", evaluation.length),
        format!("baseline {}", name(evaluation, evaluation.baseline)),
        format!("seed {}", evaluation.seed),
    ];
    if evaluation.unshared > 0 {
        facts.push(format!("{} left out, which some arm has no story of", some(evaluation.unshared, "prompt")));
    }
    facts.extend(evaluation.human.map(|texts| format!("{} of people", some(texts, "text"))));
    facts
}

fn name(evaluation: &Evaluation, arm: usize) -> String {
    sanitize(&evaluation.arms[arm].name).into_owned()
}

fn of_arm(evaluation: &Evaluation, at: usize) -> Value {
    let arm = &evaluation.arms[at];
    let [least, median, most] = arm.lengths;
    let example = |example: &crate::eval::Example| {
        context! { story => sanitize(&example.story), text => sanitize(&example.text) }
    };
    let overused =
        arm.overused.iter().zip(["words that people use less", "phrases that people use less"]).map(|(list, title)| {
            let words: Vec<String> = list.iter().map(|word| format!("{} ×{:.0}", word.text, word.ratio)).collect();
            context! { title, words => words.join(", ") }
        });
    context! {
        name => name(evaluation, at),
        stories => arm.stories,
        had => arm.had,
        short => percent(arm.short),
        lengths => format!("{least} – {median} – {most}"),
        verdict => &evaluation.standings[at].said,
        excerpt => example(&arm.excerpt),
        degenerate => arm.degenerate.iter().map(example).collect::<Vec<_>>(),
        overused => overused.collect::<Vec<_>>(),
    }
}

fn of_judge(evaluation: &Evaluation, judge: usize) -> Value {
    let info = &evaluation.judges[judge];
    let rows = evaluation.standings.iter().enumerate().map(|(arm, standing)| {
        let Judged { said, on_curve, gain, diversity, across, families, .. } = &standing.judges[judge];
        let families = families.iter().map(|against| {
            context! {
                family => sanitize(&against.family),
                estimate => estimate(against.diversity.as_ref()),
                frontier => against.frontier.map(number),
            }
        });
        context! {
            name => name(evaluation, arm),
            gain => estimate(gain.as_ref()),
            diversity => estimate(diversity.as_ref()),
            across => estimate(across.as_ref()),
            on_curve => percent(*on_curve),
            families => families.collect::<Vec<_>>(),
            said,
        }
    });
    let profiles = evaluation.arms.iter().enumerate().filter(|(_, arm)| !arm.profiles[judge].is_empty()).map(|(at, arm)| {
        context! { name => name(evaluation, at), values => arm.profiles[judge].iter().map(|value| format!("{value:.2}")).collect::<Vec<_>>() }
    });
    let Judged { gain_margin, diversity_margin, .. } = &evaluation.standings[evaluation.baseline].judges[judge];
    let about = format!(
        "A story has derailed where its worst 40 tokens have more than {} nats a byte. A gain that is less by under {} is no less, and a \
         diversity by under {}.",
        number(info.bound),
        number(*gain_margin),
        number(*diversity_margin)
    );
    context! {
        name => format!("Judged by {}", sanitize(&info.name)),
        wrote => info.wrote,
        about,
        rows => rows.collect::<Vec<_>>(),
        profiles => profiles.collect::<Vec<_>>(),
        curve => Value::from_safe_string(curve(evaluation, judge)),
        frontier => Value::from_safe_string(frontier(evaluation, judge)),
    }
}

/// Lower end, value and upper end of a measure of every arm, and of people.
struct Axis {
    title: &'static str,
    arms: Vec<[f64; 3]>,
    human: Option<f64>,
}

impl Axis {
    fn of(evaluation: &Evaluation, key: &str, judge: Option<usize>, title: &'static str) -> Self {
        let measured = evaluation.measure(key, judge);
        let ends = |estimate: &Estimate| [estimate.interval.low, estimate.value, estimate.interval.high];
        Self {
            title,
            arms: measured.into_iter().flat_map(|measured| &measured.arms).map(|value| ends(&value.estimate)).collect(),
            human: measured.and_then(|measured| measured.human).map(|(mean, _)| mean),
        }
    }

    /// What is not shared: 1 − each value.
    fn unshared(mut self) -> Self {
        self.arms.iter_mut().for_each(|[low, value, high]| (*low, *value, *high) = (1.0 - *high, 1.0 - *value, 1.0 - *low));
        self.human = self.human.map(|value| 1.0 - value);
        self
    }
}

/// Coherence against surprisal, with the curve of temperatures.
fn curve(evaluation: &Evaluation, judge: usize) -> String {
    let x = Axis::of(evaluation, "surprisal", Some(judge), "surprisal, nats a byte");
    let y = Axis::of(evaluation, "gain", Some(judge), "coherence gain, nats a byte");
    let places: Vec<(f64, f64)> = evaluation.temperatures.iter().map(|&arm| (x.arms[arm][1], y.arms[arm][1])).collect();
    draw(evaluation, &x, &y, &[Path { class: "temperatures", places: ascending(places) }])
}

/// Diversity against coherence, with the frontiers of families.
fn frontier(evaluation: &Evaluation, judge: usize) -> String {
    let x = Axis::of(evaluation, "gain", Some(judge), "coherence gain, nats a byte");
    let y = Axis::of(evaluation, "shared-4", None, "diversity within prompts, 1 − shared-4").unshared();
    let mut families: Vec<&str> = evaluation.arms.iter().map(|arm| arm.family.as_str()).collect();
    families.sort_unstable();
    families.dedup();
    let of = |family: &str| {
        let members = evaluation.arms.iter().enumerate().filter(|(_, arm)| arm.family == family);
        hull(&members.map(|(at, _)| (x.arms[at][1], y.arms[at][1])).collect::<Vec<_>>())
    };
    let curve = evaluation.temperatures.iter().map(|&arm| (x.arms[arm][1], y.arms[arm][1]));
    let mut paths: Vec<Path> = families.into_iter().map(|family| Path { class: "frontier", places: of(family) }).collect();
    paths.push(Path { class: "temperatures", places: ascending(curve.collect()) });
    draw(evaluation, &x, &y, &paths)
}

/// What can be drawn without a judge: what stories share within prompts and across them.
fn unjudged(evaluation: &Evaluation) -> String {
    let x = Axis::of(evaluation, "across-4", None, "not shared across prompts, 1 − across-4").unshared();
    let y = Axis::of(evaluation, "shared-4", None, "not shared within prompts, 1 − shared-4").unshared();
    draw(evaluation, &x, &y, &[])
}

fn ascending(mut places: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    places.sort_by(|one, two| one.0.total_cmp(&two.0));
    places
}

/// Arms, and people where they have both values.
fn draw(evaluation: &Evaluation, x: &Axis, y: &Axis, paths: &[Path]) -> String {
    let class = |at: usize| match &evaluation.arms[at] {
        _ if evaluation.temperatures.contains(&at) => "temperature",
        arm if arm.looks_ahead => "ahead",
        _ => "arm",
    };
    let mut points: Vec<Point> = evaluation
        .arms
        .iter()
        .enumerate()
        .map(|(at, arm)| Point { name: sanitize(&arm.name).into_owned(), class: class(at), x: x.arms[at], y: y.arms[at] })
        .collect();
    if let (Some(x), Some(y)) = (x.human, y.human) {
        points.push(Point { name: "people".into(), class: "human", x: [f64::NAN, x, f64::NAN], y: [f64::NAN, y, f64::NAN] });
    }
    scatter([x.title, y.title], &points, paths)
}

/// The groups of measures, each with its title and what it is for.
const GROUPS: [(Group, &str, &str); 6] = [
    (
        Group::Judge,
        "What judges say",
        "Surprisal has two sides: low is bland, high is noise, and people surprise models more than models do.",
    ),
    (Group::Guard, "Whether the text holds", "Where an arm fails here its other numbers mean nothing."),
    (
        Group::Within,
        "How different the stories of one prompt are",
        "Noise wins all of these. Without coherence they are no evidence.",
    ),
    (Group::Across, "What stories of different prompts share", "A house style shows here. Noise wins these too."),
    (Group::Formulaic, "Everybody’s phrases", "A sampler that bans words wins these, and says little by it."),
    (Group::TwoSided, "As people write", "Neither less nor more is better: compare with texts of people."),
];

fn of_group(evaluation: &Evaluation, (group, title, about): (Group, &str, &str)) -> Option<Value> {
    let columns: Vec<&Measured> = evaluation.group(group).collect();
    if columns.is_empty() {
        return None;
    }
    let several = evaluation.judges.len() > 1;
    let key = |measured: &Measured| match measured.judge {
        Some(judge) if several => format!("{} · {}", measured.measure.key, sanitize(&evaluation.judges[judge].name)),
        _ => measured.measure.key.to_owned(),
    };
    let heads = columns.iter().map(|measured| {
        let better = match measured.measure.better {
            Better::More => "more is better",
            Better::Less => "less is better",
            Better::Near => "",
        };
        context! { key => key(measured), about => measured.measure.about, better }
    });
    let mut rows: Vec<Value> = (0..evaluation.arms.len())
        .map(|arm| {
            let cells: Vec<Value> = columns.iter().map(|measured| cell(&measured.arms[arm])).collect();
            context! { name => name(evaluation, arm), cells }
        })
        .collect();
    let apart = |name: &str, cells: Vec<Value>| context! { name, cells, apart => true };
    if columns.iter().any(|measured| measured.a_a.is_some()) {
        let cells = columns.iter().map(|measured| match &measured.a_a {
            Some(difference) => context! { about => said(difference), ..estimate(Some(&difference.estimate)) },
            None => estimate(None),
        });
        rows.push(apart("A/A", cells.collect()));
    }
    if columns.iter().any(|measured| measured.human.is_some()) {
        let cells = columns.iter().map(|measured| match measured.human {
            Some((mean, deviation)) if deviation.is_finite() => {
                context! { value => format!("{} ± {}", number(mean), number(deviation)) }
            }
            Some((mean, _)) => context! { value => number(mean) },
            None => context! { value => "–" },
        });
        rows.push(apart("people", cells.collect()));
    }
    Some(context! { title, about, columns => heads.collect::<Vec<_>>(), rows })
}

fn cell(value: &crate::eval::Value) -> Value {
    let about = value.difference.as_ref().map_or("the baseline".to_owned(), said);
    let sure = value.difference.as_ref().is_some_and(|difference| difference.holm < SURE);
    let z = value.z.map(|z| format!("{z:+.1}"));
    context! { about, sure, z, ..estimate(Some(&value.estimate)) }
}

/// A difference in words.
fn said(difference: &Difference) -> String {
    let Difference { estimate, p, holm, effect, wins } = difference;
    let interval = interval(estimate).map(|interval| format!(" [{interval}]")).unwrap_or_default();
    let mut said = format!("Δ {}{interval}", number(estimate.value));
    if p.is_finite() {
        let _ = write!(said, " · p {p:.4}");
        if holm.is_finite() {
            let _ = write!(said, " · Holm {holm:.4}");
        }
        let _ = write!(said, " · d_z {effect:.2} · more for {:.0} % of prompts", 100.0 * wins);
    }
    said
}

fn estimate(estimate: Option<&Estimate>) -> Value {
    let Some(estimate) = estimate.filter(|estimate| estimate.value.is_finite()) else { return context! { value => "–" } };
    context! { value => number(estimate.value), interval => interval(estimate) }
}

fn interval(estimate: &Estimate) -> Option<String> {
    let Estimate { interval, .. } = estimate;
    (interval.low.is_finite() && interval.high.is_finite())
        .then(|| format!("{}, {}", number(interval.low), number(interval.high)))
}

/// A measure as tables show it: with about three digits that count.
#[must_use]
pub fn number(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "–".to_owned(),
        0.0 => "0".to_owned(),
        large if large >= 100.0 => format!("{value:.0}"),
        large if large >= 10.0 => format!("{value:.1}"),
        large if large >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

fn percent(share: f64) -> String {
    if share.is_nan() { "–".to_owned() } else { format!("{:.0} %", 100.0 * share) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{Arm, Corpus, Ground, Judge, Judgement, MOST_WORDS, Options, Prompt, Setting, Text, evaluate};
    use crate::files::Form;

    /// Two temperatures and an arm of a hostile name, of three prompts with two stories each, read by a judge of a hostile name.
    fn evaluation(judged: bool) -> Evaluation {
        let words = ["ash", "bog", "cup", "dew", "elm", "fog", "gap", "hut", "ivy", "jar", "kid", "lot", "mud"];
        let told =
            |arm: usize, at: usize| (0..40).map(|word| words[(word * (arm + at + 1) + at) % 13]).collect::<Vec<_>>().join(" ");
        let text = |arm: usize, at: usize| Text {
            name: format!("s<{at}>"),
            prompt: at / 2,
            text: told(arm, at) + ".",
            tokens: None,
            surprisal: None,
            answers: false,
        };
        let arms = ["t-0.8", "t-1", "<b>arm</b>\u{202e}"].iter().enumerate().map(|(arm, name)| Arm {
            name: (*name).to_owned(),
            setting: Setting::of_name(name),
            writer: None,
            texts: (0..6).map(|at| text(arm, at)).collect(),
        });
        let prompts = (0..3).map(|at| Prompt { name: format!("p{at}"), text: None }).collect();
        let corpus = Corpus { prompts, arms: arms.collect(), ..Corpus::default() };
        let ground = Ground::new(&corpus, MOST_WORDS, 1, None).unwrap();
        let said = |(at, _)| {
            let at = f64::from(u8::try_from(at).unwrap());
            Judgement { surprisal: 0.5 + 0.01 * at, gain: 0.2 - 0.005 * at, profile: vec![1.0; 10], ..Judgement::default() }
        };
        let judgements = ground.readings().enumerate().map(said).collect();
        let judge = Judge { name: "j<i>".into(), sha256: "0".into(), judgements };
        evaluate(
            &ground,
            if judged { std::slice::from_ref(&judge) } else { &[] },
            &Options { resamples: 200, ..Options::default() },
        )
        .unwrap()
    }

    #[test]
    fn a_page_needs_nothing_else_and_shows_foreign_names_harmlessly() {
        let html = evaluation_page("a </title> of <b>", &evaluation(true)).unwrap();
        assert!((Form::PAGE.is)(&html.as_bytes()[..4096]));
        for foreign in ["<b>arm", "</title> of", "j<i>", "s<0>", "\u{202e}", "<script", "://", "src="] {
            assert!(!html.contains(foreign), "{foreign}");
        }
        assert!(html.contains("&lt;b&gt;arm&lt;&#x2f;b&gt;") && html.contains("Judged by j&lt;i&gt;"));
        // Coherence over surprisal, and diversity over coherence.
        assert_eq!(html.matches("<svg ").count(), 2);
        assert_eq!(html.matches("class=\"line temperatures\"").count(), 2);
        for group in GROUPS {
            assert!(html.contains(group.1), "{}", group.1);
        }
        assert!(html.contains(">A&#x2f;A<") && html.contains("the baseline"));
    }

    #[test]
    fn without_a_judge_the_page_says_that_coherence_is_not_established() {
        let html = evaluation_page("stories", &evaluation(false)).unwrap();
        assert!(html.contains("No judge has read these stories") && !html.contains("What judges say"));
        assert!(html.contains("coherence not established"));
        assert_eq!(html.matches("<svg ").count(), 1);
    }

    #[test]
    fn numbers_have_the_digits_that_count() {
        let all = [0.012_34, 1.234, 12.34, 1234.4, 0.0, f64::NAN, -0.5].map(number);
        assert_eq!(all, ["0.0123", "1.23", "12.3", "1234", "0", "–", "-0.5000"]);
    }
}
