//! An evaluation in the terminal: a line of numbers for every arm, and what may be said of it.

use crate::cli::render::table::lines;
use crate::eval::{Estimate, Evaluation, Standing};
use crate::report::number;
use crate::text::{excerpt, sanitize};

/// The measures that every arm is shown with, as far as there is room, and how they are called there.
const SHOWN: [(&str, &str); 6] = [
    ("degenerate", "loops"),
    ("derailed", "derailed"),
    ("shared-4", "within"),
    ("across-4", "across"),
    ("slop-words", "slop"),
    ("zstd", "zstd"),
];

/// The most letters of a judge's name over its columns.
const JUDGE: usize = 16;

/// The lines of the table: first for whom there is least doubt that it is wanted, since the last columns go where there is no room.
pub fn table(evaluation: &Evaluation, width: usize) -> Vec<String> {
    let names: Vec<String> = evaluation.arms.iter().map(|arm| sanitize(&arm.name).into_owned()).collect();
    let people = evaluation.human.map(|_| "people".to_owned());
    let rows: Vec<&str> = std::iter::once("arm").chain(names.iter().map(String::as_str)).chain(people.as_deref()).collect();
    let column = |head: String, key: &str, judge: Option<usize>| {
        let measured = evaluation.measure(key, judge);
        let values = measured.into_iter().flat_map(|measured| measured.arms.iter().map(|value| value.estimate.value));
        let human = people.iter().map(|_| measured.and_then(|measured| measured.human).map_or(f64::NAN, |(mean, _)| mean));
        std::iter::once(head).chain(values.chain(human).map(number)).collect::<Vec<String>>()
    };
    let stories = std::iter::once("stories".to_owned()).chain(evaluation.arms.iter().map(|arm| arm.stories.to_string()));
    let mut columns: Vec<Vec<String>> = vec![stories.chain(evaluation.human.map(|texts| texts.to_string())).collect()];
    for (judge, info) in evaluation.judges.iter().enumerate() {
        let several = if evaluation.judges.len() > 1 { format!(" {}", excerpt(&info.name, JUDGE)) } else { String::new() };
        columns.extend(["surprisal", "gain"].map(|key| column(format!("{key}{several}"), key, Some(judge))));
    }
    columns.extend(SHOWN.iter().map(|(key, head)| column((*head).to_owned(), key, None)));
    let short =
        std::iter::once("short".to_owned()).chain(evaluation.arms.iter().map(|arm| format!("{:.0} %", 100.0 * arm.short)));
    columns.push(short.chain(people.iter().map(|_| "–".to_owned())).collect());
    lines(&rows, columns, width)
}

/// What may be said of every arm, a paragraph each.
pub fn verdicts(evaluation: &Evaluation) -> Vec<String> {
    let mut lines = Vec::new();
    for (arm, Standing { said, judges, .. }) in evaluation.arms.iter().zip(&evaluation.standings) {
        lines.push(format!("{}: {said}", sanitize(&arm.name)));
        for (judged, judge) in judges.iter().zip(&evaluation.judges) {
            let (Some(gain), Some(diversity)) = (&judged.gain, &judged.diversity) else { continue };
            let (gain, diversity) = (estimate(gain), estimate(diversity));
            let name = if judges.len() > 1 { format!("{}: ", excerpt(&judge.name, JUDGE)) } else { String::new() };
            lines.push(format!("  {name}at equal surprisal gain {gain}, diversity {diversity}"));
        }
    }
    lines
}

fn estimate(estimate: &Estimate) -> String {
    let Estimate { value, interval } = estimate;
    format!("{value:+.4} [{:+.4}, {:+.4}]", interval.low, interval.high)
}
