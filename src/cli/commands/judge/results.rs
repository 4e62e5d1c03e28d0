//! What files of judgements come to, as tables and sentences, or as JSON.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use unicode_width::UnicodeWidthStr;

use super::{FILE, stem};
use crate::cli::render::prose::{Ink, wrap};
use crate::cli::render::terminal::{BOLD, Terminal, fit};
use crate::eval::statistics::Interval;
use crate::judging::{
    ArmOutcome, Duel, JudgeAgreement, Judgement, Lead, Ledger, MeasureAgreement, Measures, Outcome, measures,
};
use crate::text::{plural, sanitize, some};

/// Intervals over fewer prompts are too narrow.
const FEW: usize = 10;

/// The orders of fewer arms are met by chance more than once in twenty, one way or the other: 2 of 4! = 24.
const FEW_ARMS: usize = 5;

/// The widest that tables and sentences are set.
const LONGEST: usize = 100;

/// The least columns of the names of arms.
const NARROWEST_NAME: usize = 8;

pub fn run(
    paths: &[PathBuf],
    evaluation: Option<&Path>,
    seed: u64,
    json: bool,
    terminal: &Terminal,
) -> Result<crate::cli::Outcome> {
    let files = read(paths)?;
    let measures = evaluation.map_or_else(|| Ok(Measures::new()), measures)?;
    let outcome = Outcome::of(&files, &measures, seed);
    ensure!(
        outcome.judgements > 0,
        "there is nothing to tell: nobody has judged a pair{}\nhint: `afterword judge DIR` asks",
        if outcome.skipped > 0 { format!(", and {} skipped", plural(outcome.skipped, "was", "were")) } else { String::new() }
    );
    let mut out = terminal.out();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&outcome)?)?;
    } else {
        show(&mut out, &outcome, terminal.width.min(LONGEST))?;
    }
    out.flush()?;
    Ok(crate::cli::Outcome::Done)
}

/// The judgements of these files, each with the name of the judge where its lines tell none.
fn read(paths: &[PathBuf]) -> Result<Vec<(String, Vec<Judgement>)>> {
    let files: Vec<PathBuf> = paths.iter().map(|path| if path.is_dir() { path.join(FILE) } else { path.clone() }).collect();
    let name = |file: &Path| {
        let alike = files.iter().filter(|other| stem(other) == stem(file)).count();
        if alike > 1 { file.display().to_string() } else { stem(file) }
    };
    files.iter().map(|file| Ok((name(file), Ledger::read(file)?))).collect()
}

fn show(out: &mut impl Write, outcome: &Outcome, width: usize) -> Result<()> {
    for line in wrap(&counts(outcome), width, None) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    let arms = outcome.arms.iter().map(arm);
    let head = ["arm", "chance to be preferred", "strength", "won", "of"].map(str::to_owned).to_vec();
    for line in table(std::iter::once(head).chain(arms).collect(), width) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    let head = ["of two arms", "lead", "won", "lost", "ties"].map(str::to_owned).to_vec();
    for line in table(std::iter::once(head).chain(outcome.duels.iter().map(duel)).collect(), width) {
        writeln!(out, "{line}")?;
    }
    if !outcome.measure_agreement.is_empty() {
        writeln!(out)?;
        let head = ["measure", "Kendall's τ", "Spearman's ρ", "arms"].map(str::to_owned).to_vec();
        for line in table(std::iter::once(head).chain(by_agreement(outcome).map(measure)).collect(), width) {
            writeln!(out, "{line}")?;
        }
    }
    writeln!(out)?;
    for sentence in sentences(outcome) {
        for line in wrap(&sentence, width, None) {
            writeln!(out, "{}", line.inked(Ink::Dim))?;
        }
    }
    Ok(())
}

/// `240 judgements of 40 prompts by 2 judges (ann 120, ben 120) · 31 ties · 5 skipped`.
fn counts(outcome: &Outcome) -> String {
    let judges: Vec<String> = outcome.judges.iter().map(|(name, count)| format!("{} {count}", sanitize(name))).collect();
    let who = if let [_] = &judges[..] { String::new() } else { format!(" ({})", judges.join(", ")) };
    let skipped = if outcome.skipped > 0 { format!(" · {} skipped", outcome.skipped) } else { String::new() };
    format!(
        "{} of {} by {}{who} · {}{skipped}",
        some(outcome.judgements, "judgement"),
        some(outcome.prompts, "prompt"),
        some(judges.len(), "judge"),
        some(outcome.ties, "tie"),
    )
}

fn arm(arm: &ArmOutcome) -> Vec<String> {
    vec![
        sanitize(&arm.arm).into_owned(),
        with(arm.chance.map(|chance| format!("{chance:.2}")), arm.chance_interval, |end| format!("{end:.2}")),
        with(arm.strength.map(signed), arm.strength_interval, signed),
        format!("{}", arm.won),
        format!("{}", arm.judgements),
    ]
}

fn duel(duel: &Duel) -> Vec<String> {
    vec![
        format!("{} over {}", sanitize(&duel.arm), sanitize(&duel.other)),
        with(duel.lead.number().map(signed), duel.lead_interval, signed),
        duel.won.to_string(),
        duel.lost.to_string(),
        duel.ties.to_string(),
    ]
}

/// The measures, those that agree most, one way or the other, first.
fn by_agreement(outcome: &Outcome) -> impl Iterator<Item = &MeasureAgreement> {
    let mut measures: Vec<&MeasureAgreement> = outcome.measure_agreement.iter().collect();
    let agrees = |measure: &MeasureAgreement| measure.kendall.map_or(-1.0, f64::abs);
    measures.sort_by(|one, other| agrees(other).total_cmp(&agrees(one)));
    measures.into_iter()
}

fn measure(of: &MeasureAgreement) -> Vec<String> {
    vec![
        sanitize(&of.measure).into_owned(),
        with(of.kendall.map(signed), of.kendall_interval, signed),
        of.spearman.map_or_else(|| "–".into(), signed),
        of.arms.to_string(),
    ]
}

/// A number with its interval; a dash where there is none.
fn with(number: Option<String>, interval: Option<Interval>, form: impl Fn(f64) -> String) -> String {
    let number = number.unwrap_or_else(|| "–".into());
    interval.map_or(number.clone(), |Interval { low, high }| format!("{number} [{}, {}]", form(low), form(high)))
}

/// A number with its sign, ∞ where it has no end.
fn signed(number: f64) -> String {
    match format!("{number:+.2}").as_str() {
        "+0.00" | "-0.00" => "0.00".to_owned(),
        "+inf" => "+∞".to_owned(),
        "-inf" => "-∞".to_owned(),
        text => text.to_owned(),
    }
}

/// What the numbers do not say themselves.
fn sentences(outcome: &Outcome) -> Vec<String> {
    let mut said = Vec::new();
    if outcome.parts.len() > 1 {
        let part = |part: &Vec<String>| part.iter().map(|arm| format!("`{}`", sanitize(arm))).collect::<Vec<_>>().join(", ");
        let parts: Vec<String> = outcome.parts.iter().map(part).collect();
        said.push(format!("No comparison links {}: nothing is known between them.", parts.join(" with ")));
    }
    let endless = |duel: &&Duel| matches!(duel.lead, Lead::Above | Lead::Below);
    if let Some(duel) = outcome.duels.iter().find(endless) {
        let (arm, other) = (sanitize(&duel.arm), sanitize(&duel.other));
        said.push(format!(
            "∞: between two such arms one side won all that links them, as with `{arm}` and `{other}`. How far they are apart has no \
             end yet, and no arm a strength against all; more judgements give it one."
        ));
    }
    said.push(match outcome.prompts {
        1 => "One prompt: there is no interval over prompts.".to_owned(),
        prompts => {
            let few = if prompts < FEW { format!(" Over {prompts} they are too narrow.") } else { String::new() };
            format!(
                "Intervals hold 95 % of what other prompts would give, to these judges; none is corrected for many arms.{few}"
            )
        }
    });
    said.push(
        "Strength and lead are in nats of odds, by the model of Bradley and Terry: +0.69 is preferred two times of three."
            .into(),
    );
    let decided = outcome.judgements - outcome.ties;
    if decided > 0 {
        said.push(format!(
            "The story that was shown first was preferred in {} of {decided} that were decided.",
            outcome.first_preferred
        ));
    }
    said.extend(outcome.judge_agreement.iter().map(agreement));
    let arms = outcome.measure_agreement.iter().map(|measure| measure.arms).max();
    if let Some(arms) = arms.filter(|arms| *arms < FEW_ARMS) {
        said.push(format!("The order of {} is met by chance too often to speak for a measure.", some(arms, "arm")));
    }
    said
}

fn agreement(of: &JudgeAgreement) -> String {
    let (judge, other) = (sanitize(&of.judge), sanitize(&of.other));
    let who = if of.judge == of.other {
        format!("{judge} said the same again")
    } else {
        format!("{judge} and {other} said the same")
    };
    let kappa = of.kappa.map_or(String::new(), |kappa| format!(", κ {kappa:.2}"));
    format!("{who} in {} of {}{kappa}.", of.equal, some(of.pairs, "pair"))
}

/// Rows under a head, the first column to the left and the others to the right; the last ones are left out where there is no room.
fn table(mut rows: Vec<Vec<String>>, width: usize) -> Vec<String> {
    let widest = |rows: &[Vec<String>], column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let taken = |rows: &[Vec<String>]| (1..rows[0].len()).map(|column| widest(rows, column) + 2).sum::<usize>();
    while rows[0].len() > 2 && NARROWEST_NAME + taken(&rows) > width {
        for row in &mut rows {
            row.pop();
        }
    }
    let first = widest(&rows, 0).min(width.saturating_sub(taken(&rows))).max(NARROWEST_NAME);
    let line = |(at, row): (usize, &Vec<String>)| {
        let cells = row[1..]
            .iter()
            .enumerate()
            .map(|(column, cell)| format!("{}{cell}", " ".repeat(2 + widest(&rows, column + 1) - cell.width())));
        let text = fit(&row[0], first) + &cells.collect::<String>();
        if at == 0 { format!("{BOLD}{text}{BOLD:#}") } else { text }
    };
    rows.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judging::{Choice, JUDGEMENT_FORMAT, Side};

    fn judgement(prompt: usize, a: &str, b: &str, choice: Choice) -> Judgement {
        let side = |arm: &str| Side { arm: arm.into(), story: format!("{prompt}-{arm}") };
        Judgement {
            format: JUDGEMENT_FORMAT,
            judge: None,
            round: 1,
            prompt: format!("p{prompt}"),
            a: side(a),
            b: side(b),
            words: None,
            choice,
        }
    }

    fn shown(judgements: Vec<Judgement>, width: usize) -> String {
        let outcome = Outcome::of(&[("ann".into(), judgements)], &Measures::new(), 1);
        let mut out = Vec::new();
        show(&mut out, &outcome, width).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    #[test]
    fn three_to_one_is_read_from_the_tables() {
        let said = (0..12).map(|at| judgement(at, "wave", "open", if at % 4 == 0 { Choice::B } else { Choice::A }));
        let shown = shown(said.collect(), 100);
        assert!(shown.starts_with("12 judgements of 12 prompts by 1 judge · 0 ties\n"), "{shown}");
        assert!(shown.contains("wave over open") && shown.contains("+1.10 ["), "{shown}");
        assert!(shown.contains("preferred in 9 of 12"), "{shown}");
        assert!(!shown.contains("No comparison") && !shown.contains("too narrow"), "{shown}");
    }

    #[test]
    fn what_has_no_end_or_no_link_is_said_in_words() {
        let endless = shown((0..3).map(|at| judgement(at, "wave", "open", Choice::A)).collect(), 100);
        assert!(endless.contains("+∞ [+∞, +∞]") && endless.contains("∞: between two such arms"), "{endless}");
        assert!(endless.contains("Over 3 they are too narrow."), "{endless}");
        let parts = vec![judgement(0, "wave", "open", Choice::Tie), judgement(0, "tide", "steady", Choice::Tie)];
        let parts = shown(parts, 100);
        assert!(parts.contains("No comparison links `open`, `wave` with `steady`, `tide`: nothing is known"), "{parts}");
        assert!(parts.contains("One prompt: there is no interval"), "{parts}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let arm = "future · future.alpha=-1 · \u{1b}[2Jtemperature=1.25";
        let said: Vec<Judgement> = (0..20).map(|at| judgement(at, arm, "wave", Choice::B)).collect();
        for width in [40, 60, 100] {
            let shown = shown(said.clone(), width);
            assert!(shown.lines().all(|line| line.width() <= width), "{width}: {shown}");
            assert!(!shown.contains('\u{1b}'));
        }
    }
}
