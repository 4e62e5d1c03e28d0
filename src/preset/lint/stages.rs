//! What is known against single stages: the part of the linter that knows each of them.

use crate::prob::Temperature;
use crate::sampler::{Role, Stage, Xtc};

/// A stage that lifts unlikely tokens, as it is written.
pub(super) fn heat(stage: &Stage) -> Option<String> {
    match stage {
        Stage::Temperature(t) if t.0.extremes()[1] > 1.0 => Some(format!("temperature = {}", t.0.extremes()[1])),
        Stage::DynamicTemperature(t) if t.high().get() > 1.0 => Some(stage.name().to_owned()),
        _ => None,
    }
}

/// Whether a temperature is the one that undoes another before it.
pub(super) fn undoes(stage: &Stage, before: &[Stage]) -> bool {
    let Stage::Temperature(second) = stage else { return false };
    let Some(second) = second.0.constant().map(Temperature::get).filter(|&second| second != 1.0) else { return false };
    let first = |stage: &Stage| if let Stage::Temperature(first) = stage { first.0.constant() } else { None };
    before.iter().filter_map(first).any(|first| (first.get() * second - 1.0).abs() < 1e-9)
}

/// What is the matter with a penalty that comes too late.
pub(super) fn after_a_cut(before: &[Stage]) -> Option<String> {
    let cut = before.iter().any(|stage| matches!(stage.role(), Role::Cut | Role::Exclude));
    cut.then(|| "comes after a cut: what a punished token has pushed out does not come back".to_owned())
}

/// What is known against a stage that does something.
pub(super) fn about(stage: &Stage, before: &[Stage]) -> Vec<String> {
    let mut reasons = Vec::new();
    match stage {
        Stage::Bias(_) | Stage::Penalties(_) => reasons.extend(after_a_cut(before)),
        Stage::Ban(texts) => {
            reasons.extend(
                after_a_cut(before)
                    .map(|_| "comes after a cut: what a banned token has pushed out does not come back".to_owned()),
            );
            let biased =
                |stage: &Stage| matches!(stage, Stage::Bias(biases) if texts.0.iter().any(|text| biases.0.contains_key(text)));
            if before.iter().any(biased) {
                reasons.push("removes what `bias` has moved: the bias does nothing".to_owned());
            }
        }
        Stage::Xtc(Xtc { threshold, .. }) if threshold.get() == 0.0 => {
            reasons.push("with a threshold of 0 leaves only the least likely token of all".to_owned());
        }
        Stage::DynamicTemperature(t) if t.low() == t.high() => {
            reasons.push(format!("has equal ends: it is `temperature = {}`", t.low().get()));
        }
        Stage::Mirostat(_) => {
            if let Some(cut) = before.iter().find(|stage| matches!(stage.role(), Role::Cut | Role::Exclude)) {
                reasons.push(format!(
                    "comes after `{}`: what is cut away before it cannot surprise, and it aims at a surprise that it cannot reach",
                    cut.name()
                ));
            }
        }
        Stage::AdaptiveP(_) if !before.iter().any(|stage| stage.role() == Role::Cut) => {
            reasons.push(
                "has no cut before it, such as `min-p = 0.05`: it gives hopeless tokens about the same weight as others"
                    .to_owned(),
            );
        }
        _ => {}
    }
    reasons
}

#[cfg(test)]
mod tests {
    use crate::preset::lint::tests::warnings;

    /// The last stage of a chain has this one doubt against it.
    fn warns(stages: &[&str], words: &str) {
        let warnings = warnings(stages, "sample");
        assert!(warnings.len() == 1 && warnings[0].contains(words), "{stages:?}: {warnings:?}");
    }

    const XTC: &str = "xtc = { probability = 0.5, threshold = 0.1 }";

    #[test]
    fn good_chains_are_passed_in_silence() {
        for stages in [
            &["bias = { word = -2 }", "ban = ['other']", "penalties = { repeat = 1.1 }", "min-p = 0.05"][..],
            &["top-n-sigma = 1.5", XTC, "temperature = 1.5"],
            &["temperature = 2", "top-n-sigma = 1"],
            &["dynamic-temperature = { low = 0.5, high = 1.5 }"],
            &["dry = { multiplier = 0.8 }", "temperature = 0.9", "mirostat = { tau = 4 }"],
            &["min-p = 0.05", "adaptive-p = { target = 0.4 }"],
            &["top-k = 40", "tail-free = 0.9", "epsilon = 0.0003", "quadratic = { factor = 0.2 }"],
        ] {
            assert_eq!(warnings(stages, "sample"), Vec::<String>::new(), "{stages:?}");
        }
        // These can change which token is the likeliest.
        for stage in [XTC, "typical = 0.5", "penalties = { presence = 1 }", "quadratic = { factor = 1, curve = 4 }"] {
            assert_eq!(warnings(&[stage], "argmax"), Vec::<String>::new(), "{stage}");
            assert_eq!(warnings(&["top-k = 40", stage], "argmax").len(), usize::from(stage.starts_with("penalties")));
        }
    }

    #[test]
    fn a_stage_that_does_nothing_is_named() {
        warns(&["typical = 1"], "`typical` = 1 keeps every token");
        warns(&["top-h = 1"], "`top-h` = 1 keeps every token");
        warns(&["top-a = 0"], "`top-a` = 0 keeps every token");
        warns(&["epsilon = 0"], "`epsilon` = 0 keeps every token");
        warns(&["eta = 0"], "`eta` = 0 keeps every token");
        warns(&["tail-free = 1"], "`tail-free` = 1 keeps every token");
        warns(&["bias = { word = 0 }"], "`bias` moves no word");
        warns(&["ban = []"], "`ban` names no word");
        warns(&["penalties = {}"], "punishes nothing");
        warns(&["xtc = { probability = 0, threshold = 0.1 }"], "is never done");
        warns(&["xtc = { probability = 1, threshold = 0.51 }"], "`xtc` with a threshold of 0.51, above 0.5, does nothing");
        assert_eq!(warnings(&["xtc = { probability = 1, threshold = 0.5 }"], "sample"), Vec::<String>::new());
        warns(&["top-h = 0", "temperature = 2"], "after `top-h`, which leaves one token");
        assert!(warnings(&["mirostat = { tau = 3 }"], "argmax")[0].contains("`mirostat` does nothing"));
    }

    #[test]
    fn a_stage_that_does_harm_is_named() {
        warns(&["temperature = 1.5", XTC], "`xtc` comes after `temperature = 1.5`");
        warns(&["dynamic-temperature = { low = 0.5, high = 1.5 }", "top-p = 0.9"], "`top-p` comes after `dynamic-temperature`");
        warns(&["top-k = 40", "penalties = { repeat = 1.1 }"], "`penalties` comes after a cut");
        warns(&["temperature = 1.5", "tail-free = 0.9"], "`tail-free` comes after `temperature = 1.5`");
        warns(&["top-k = 40", "ban = ['word']"], "what a banned token has pushed out");
        warns(&["xtc = { probability = 0.5, threshold = 0 }"], "the least likely token of all");
        warns(&["min-p = 0.05", "mirostat = { tau = 4 }"], "`mirostat` comes after `min-p`");
        warns(&["adaptive-p = { target = 0.4 }"], "`adaptive-p` has no cut before it");
        warns(&["dynamic-temperature = { low = 0.7, high = 0.7 }"], "it is `temperature = 0.7`");
        warns(&[XTC, XTC], "`xtc` stands twice");
    }

    #[test]
    fn stages_that_cancel_out_are_named() {
        warns(&["bias = { word = 2 }", "ban = ['word']"], "`ban` removes what `bias` has moved");
        warns(&["temperature = 2", "temperature = 0.5"], "undoes the one before it");
    }
}
