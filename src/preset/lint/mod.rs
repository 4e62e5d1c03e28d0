//! What in a preset does nothing, or does harm, and why.

mod schedules;
mod stages;

use std::fmt;

use super::schema::Preset;
use crate::sampler::{Dry, Future, Pick, Role, Stage};

/// Something in a preset that is allowed, but surely not what its writer wants: the stage, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The name of the stage.
    pub stage: &'static str,
    /// What is the matter with it, as the rest of a sentence that begins with its name.
    pub reason: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.stage, self.reason)
    }
}

/// A share of the likeliest token's probability below which broken pieces of words pass: the article's 0.05.
const RELATIVE_CUT: f64 = 0.05;

/// Looks a preset over. An empty answer means that every stage does something, and that nothing is known against its place.
#[must_use]
pub fn lint(preset: &Preset) -> Vec<Warning> {
    let Preset { description: _, chain, pick, bans: _ } = preset;
    let stages = chain.stages();
    let mut warnings = Vec::new();
    for (at, stage) in stages.iter().enumerate() {
        let (before, after) = (&stages[..at], &stages[at + 1..]);
        let reasons = [stage.idle(), unpicked(stage, after, *pick), misplaced(stage, before), again(stage, before)];
        let of_kind = match stage {
            Stage::Future(future) => about_future(future, before),
            Stage::Shuffle(_) => vec![
                "is for experiments: it weighs at random, as far from p as `future` would, and looks at every candidate"
                    .to_owned(),
            ],
            Stage::Dry(dry) => about_dry(dry, before),
            Stage::Temperature(temperature) => schedules::about("temperature", &temperature.0).into_iter().collect(),
            Stage::MinP(cut) => schedules::about("min-p", &cut.0).into_iter().collect(),
            Stage::TopP(cut) => schedules::about("top-p", &cut.0).into_iter().collect(),
            Stage::TopH(cut) => schedules::about("top-h", &cut.0).into_iter().collect(),
            Stage::Typical(cut) => schedules::about("typical", &cut.0).into_iter().collect(),
            Stage::TopNSigma(cut) => schedules::about("top-n-sigma", &cut.0).into_iter().collect(),
            other => stages::about(other, before),
        };
        // A stage that does nothing does it at any place.
        let reasons = reasons.into_iter().flatten().take(1).chain(of_kind);
        warnings.extend(reasons.map(|reason| Warning { stage: stage.name(), reason }));
    }
    warnings
}

/// Where the likeliest token is picked, cuts and temperatures do not change which one it is, unless `future` weighs them again.
fn unpicked(stage: &Stage, after: &[Stage], pick: Pick) -> Option<String> {
    let weighed = after.iter().any(Stage::may_take_another);
    match pick {
        Pick::Argmax if !weighed && !stage.may_take_another() => {
            Some("does nothing: `pick = \"argmax\"` takes the likeliest token, which it leaves the likeliest".to_owned())
        }
        Pick::Argmax | Pick::Sample => None,
    }
}

/// A stage that stands where it does harm, or where another one has left it nothing to do.
fn misplaced(stage: &Stage, before: &[Stage]) -> Option<String> {
    if let Some(alone) = before.iter().find(|stage| stage.leaves_one()) {
        return Some(format!("comes after `{}`, which leaves one token: there is nothing left to do", alone.name()));
    }
    let after_future = before.iter().any(|stage| stage.role() == Role::Future);
    match stage {
        stage if after_future && !matches!(stage.role(), Role::Future) && !matches!(stage, Stage::Temperature(_)) => Some(
            "comes after `future`: to know what it leaves, every candidate must be looked at, which costs several times as much"
                .to_owned(),
        ),
        stage if matches!(stage.role(), Role::Cut | Role::Exclude) && !stage.ignores_temperature() => {
            let hot = before.iter().find_map(stages::heat)?;
            Some(format!("comes after `{hot}`, which has lifted the unlikely tokens that it should cut away"))
        }
        _ => None,
    }
}

/// A stage whose work is done twice.
fn again(stage: &Stage, before: &[Stage]) -> Option<String> {
    let twice = before.iter().any(|earlier| earlier.name() == stage.name());
    let reason = match stage.role() {
        Role::Temper if stages::undoes(stage, before) => "undoes the one before it: together they change nothing",
        Role::Temper => "stands twice in the chain: the second reshapes what the first has made",
        Role::Words => "stands twice in the chain: the penalties add up",
        Role::Exclude => "stands twice in the chain: the second excludes of what the first has left",
        Role::Cut | Role::Future | Role::Draw => "stands twice in the chain: one of the two is enough",
    };
    twice.then(|| reason.to_owned())
}

fn about_dry(dry: &Dry, before: &[Stage]) -> Vec<String> {
    let mut reasons: Vec<String> = stages::after_a_cut(before).into_iter().collect();
    if dry.base.get() < 1.0 {
        reasons.push(format!("with a base of {}, below 1, punishes a longer repetition less", dry.base.get()));
    }
    reasons
}

fn about_future(future: &Future, before: &[Stage]) -> Vec<String> {
    let Future { candidates, entropy_top: _, alpha, curve: _, horizon: _, ceiling: _, baseline: _, derail, end_of_text: _ } =
        future;
    let mut reasons = Vec::new();
    if let Some(warm) = before.iter().find(|stage| stage.reshapes()).map(Stage::name) {
        reasons.push(format!(
            "comes after `{warm}`: it weighs the p that the temperature has made, and not the model's own; put it before"
        ));
    }
    let is_cut = |stage: &Stage| matches!(stage, Stage::MinP(share) if share.0.extremes()[0] >= RELATIVE_CUT);
    if !before.iter().any(is_cut) {
        reasons.push(format!(
            "has no relative cut before it, such as `min-p = {RELATIVE_CUT}`: broken pieces of words have wide-open futures"
        ));
    }
    if !before.iter().any(|stage| matches!(stage, Stage::Dry(dry) if dry.multiplier.get() > 0.0)) {
        reasons.push("has no `dry` before it: a loop whose future looks open locks itself in".to_owned());
    }
    let kept = before.iter().find_map(|stage| match stage {
        Stage::TopK(k) if k.0 < *candidates => Some(k.0),
        _ => None,
    });
    if let Some(k) = kept {
        reasons.push(format!("asks for {candidates} candidates, but `top-k = {k}` before it leaves {k}"));
    }
    if alpha.extremes()[1] == -1.0 {
        reasons.push(format!("at alpha = -1 looks at no future: it is `top-k = {candidates}`"));
    }
    reasons.extend(schedules::about("alpha", alpha));
    if let Some(bound) = derail.filter(|bound| bound.get() >= 0.0 && before.iter().any(is_cut)) {
        reasons.push(format!(
            "has a `derail` of {}, which a story behind a cut never comes to: its surprisal is some .9 nats below the entropy of \
             the uncut model; -0.5 catches what goes far",
            bound.get()
        ));
    }
    let against = |stage: &Stage| matches!(stage, Stage::MinP(cut) if schedules::runs_against(alpha, &cut.0));
    if before.iter().any(against) {
        reasons
            .push("reaches for the future where the wave of `min-p` before it cuts least: shift one by half a turn".to_owned());
    }
    reasons
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::preset::overlay::read;

    pub(in crate::preset::lint) fn warnings(stages: &[&str], pick: &str) -> Vec<String> {
        let chain: Vec<String> = stages.iter().map(|stage| format!("[[chain]]\n{stage}\n")).collect();
        let preset = read(&format!("{}[draw]\npick = \"{pick}\"", chain.concat())).unwrap();
        lint(&preset).iter().map(Warning::to_string).collect()
    }

    const DRY: &str = "dry = { multiplier = 0.8 }";
    const CUT: &str = "min-p = 0.05";
    const FUTURE: &str = "future = { candidates = 20, entropy-top = 20, alpha = 0 }";

    /// `stage` in a good chain gives one warning, about it, with these words.
    fn warns(stages: &[&str], pick: &str, words: &str) {
        let warnings = warnings(stages, pick);
        assert!(warnings.len() == 1 && warnings[0].contains(words), "{stages:?} {pick}: {warnings:?}");
    }

    #[test]
    fn good_chains_are_passed_in_silence() {
        for stages in [
            &[][..],
            &["temperature = 0.8"],
            &["top-k = 40", "top-p = 0.95", CUT, "temperature = 0.8"],
            &[CUT, "temperature = 1.5"],
            &["temperature = 1.5", "top-k = 40"],
            &[DRY, CUT, FUTURE, "temperature = 1"],
            &[DRY, "top-k = 20", CUT, FUTURE],
        ] {
            assert_eq!(warnings(stages, "sample"), Vec::<String>::new(), "{stages:?}");
        }
        assert_eq!(warnings(&[DRY, CUT, FUTURE], "argmax"), Vec::<String>::new());
        assert_eq!(warnings(&[DRY], "argmax"), Vec::<String>::new());
    }

    #[test]
    fn a_stage_that_does_nothing_is_named() {
        warns(&["top-p = 1"], "sample", "`top-p` = 1 keeps every token");
        warns(&["min-p = 0"], "sample", "`min-p` = 0 keeps every token");
        warns(&["dry = { multiplier = 0 }"], "sample", "`dry` with a multiplier of 0");
        warns(&["dry = { multiplier = 1, last = 2 }"], "sample", "`dry` looks back over no more tokens");
        warns(&["temperature = 1"], "argmax", "`temperature` does nothing");
        warns(&[CUT], "argmax", "`min-p` does nothing");
        warns(&[DRY, CUT, FUTURE, "temperature = 2"], "argmax", "`temperature` does nothing");
        warns(&["top-k = 1", "temperature = 2"], "sample", "`temperature` comes after `top-k`, which leaves one token");
        warns(&[DRY, CUT, "temperature = 0", FUTURE], "sample", "`future` comes after `temperature`, which leaves one token");
        warns(&[DRY, CUT, "future = { candidates = 1, entropy-top = 20, alpha = 0 }"], "sample", "`future` with one candidate");
        warns(&[DRY, CUT, "future = { candidates = 20, entropy-top = 20, alpha = -1 }"], "sample", "it is `top-k = 20`");
    }

    #[test]
    fn a_stage_at_the_wrong_place_is_named() {
        let guarded = |bound: &str| FUTURE.replace(" }", &format!(", derail = {bound} }}"));
        warns(
            &[DRY, CUT, &guarded("0.5")],
            "sample",
            "`future` has a `derail` of 0.5, which a story behind a cut never comes to",
        );
        assert_eq!(warnings(&[DRY, CUT, &guarded("-0.5")], "sample"), Vec::<String>::new());
        let shuffle = FUTURE.replace("future", "shuffle");
        warns(&[DRY, CUT, &shuffle], "sample", "`shuffle` is for experiments");
        warns(&[DRY, CUT, FUTURE, "top-p = 0.9"], "sample", "`top-p` comes after `future`");
        warns(&[CUT, FUTURE, "temperature = 1"], "sample", "`future` has no `dry` before it");
        warns(&[DRY, FUTURE], "sample", "`future` has no relative cut before it");
        warns(&[DRY, "min-p = 0.01", FUTURE], "sample", "`future` has no relative cut before it");
        warns(&[DRY, "top-k = 5", CUT, FUTURE], "sample", "asks for 20 candidates, but `top-k = 5`");
        warns(&["temperature = 1.5", CUT], "sample", "`min-p` comes after `temperature = 1.5`");
        warns(&[CUT, DRY, FUTURE], "sample", "`dry` comes after a cut");
        warns(&["dry = { multiplier = 1, base = 0.5 }"], "sample", "`dry` with a base of 0.5");
        warns(&[DRY, CUT, "temperature = 0.7", FUTURE], "sample", "`future` comes after `temperature`: it weighs the p that");
        let dynamic = "dynamic-temperature = { low = 0.5, high = 0.9 }";
        warns(&[DRY, CUT, dynamic, FUTURE], "sample", "`future` comes after `dynamic-temperature`: it weighs the p that");
        assert_eq!(warnings(&[DRY, CUT, "temperature = 1", FUTURE], "sample"), Vec::<String>::new());
    }

    #[test]
    fn a_stage_that_stands_twice_is_named() {
        warns(&["top-k = 40", "top-k = 20"], "sample", "`top-k` stands twice");
        warns(&["temperature = 2", "temperature = 0.4"], "sample", "reshapes what the first has made");
    }

    #[test]
    fn a_schedule_that_is_none_is_named() {
        let future = "future = { candidates = 20, entropy-top = 20, alpha = { wave = { period = 60, amplitude = 2 } } }";
        warns(&[DRY, CUT, future], "sample", "`future` has a wave that leaves [-1, 1]");
        warns(&["temperature = { wave = { period = 60, amplitude = 0 } }"], "sample", "it is `temperature = 1`");
        let breathing = |phase: &str| format!("min-p = {{ wave = {{ period = 60, phase = {phase} }} }}");
        let wave = "future = { candidates = 20, entropy-top = 20, alpha = { wave = { period = 60 } } }";
        assert_eq!(warnings(&[DRY, &breathing("0"), wave], "sample"), Vec::<String>::new());
        warns(&[DRY, &breathing("0.5"), wave], "sample", "where the wave of `min-p` before it cuts least");
        warns(&["min-p = { wave = { period = 60, amplitude = 0.2 } }"], "sample", "`min-p` has a wave that leaves [0, 1]");
        warns(&["temperature = { wave = { period = 60 } }", CUT], "sample", "`min-p` comes after `temperature = 1.3`");
    }
}
