//! A fair sweep: families of settings, as many of each, that differ in nothing else; and what is matched with them once they are told.
//!
//! All share one penalty against loops and, where a family brings no cut of its own, `min-p` 0.05. A family that is tuned on many
//! settings beats one that is tuned on few by luck alone, so each has equally many. Two ablations ask whether a future does more than
//! heat: `shuffle` changes p as far as the future does but at random, and [`matched`] temperatures let the writer itself be as surprised.

use super::corpus::Corpus;
use super::setting::temperatures;
use super::statistics::{Curve, mean};

/// The most settings of a family.
pub const MOST_SETTINGS: usize = 6;

/// Settings that differ in their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// What it is called.
    pub name: &'static str,
    /// What is varied, in a line.
    pub about: &'static str,
    /// Its settings, those first that tell most.
    pub settings: Vec<Candidate>,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What its preset is called: the family, `--`, and its numbers.
    pub name: String,
    /// The preset as TOML.
    pub preset: String,
}

/// The stages before and behind what a family varies.
const DRY: &str = "dry = { multiplier = 0.8, base = 1.75, allowed-length = 2, last = 1024 }";
const CUT: &str = "min-p = 0.05";
const WARM: &str = "temperature = 1.0";

/// A preset of these stages.
fn preset(about: &str, stages: &[String]) -> String {
    format!("description = \"{about}\"\n\n[[chain]]\n{}\n", stages.join("\n\n[[chain]]\n"))
}

/// All families, each with its first `each` settings, of which there are [`MOST_SETTINGS`].
#[must_use]
pub fn families(each: usize) -> Vec<Family> {
    let plain = [
        family("temperature", "temperature behind min-p 0.05", each, hot(&[1.0, 0.7, 1.8, 1.3, 2.5, 0.85])),
        family(
            "min-p",
            "min-p, cool and hot",
            each,
            cuts("min-p = ", &[(0.1, 1.0), (0.1, 1.5), (0.02, 1.0), (0.2, 1.5), (0.2, 1.0), (0.3, 2.0)]),
        ),
        family(
            "xtc",
            "XTC behind min-p 0.05",
            each,
            xtc(&[(0.5, 0.1), (0.5, 0.05), (1.0, 0.1), (1.0, 0.05), (0.3, 0.1), (0.3, 0.05)]),
        ),
        family(
            "top-n-sigma",
            "top-nσ, cool and hot",
            each,
            cuts("top-n-sigma = ", &[(1.0, 1.0), (1.0, 1.5), (2.0, 1.0), (2.0, 1.5), (1.5, 1.0), (1.5, 1.5)]),
        ),
        family(
            "top-h",
            "top-H, cool and hot",
            each,
            cuts("top-h = ", &[(0.4, 1.0), (0.4, 1.5), (0.6, 1.0), (0.6, 1.5), (0.8, 1.0), (0.8, 1.5)]),
        ),
    ];
    plain.into_iter().chain(ahead(each)).collect()
}

/// The families that ask for the future, and the ablation that asks for nothing but its strength.
fn ahead(each: usize) -> [Family; 8] {
    let soft = wave(-0.3, 0.5, "");
    let alphas = ["0.0", "-0.5", "0.5", "-0.25", "0.25", "1.0"].map(str::to_owned);
    let waves = [
        wave(0.0, 1.0, ""),
        soft.clone(),
        wave(0.0, 0.5, ""),
        wave(-0.5, 0.5, ""),
        wave(-0.3, 0.5, "").replace("60", "30"),
        wave(-0.3, 0.5, "").replace("60", "120"),
    ];
    let halves = [
        wave(0.0, 1.0, ", below = 0.0"),
        wave(0.0, 1.0, ", above = 0.0"),
        wave(-1.0, 1.0, ", below = 0.0"),
        wave(-0.5, 0.5, ", below = 0.0"),
        wave(0.0, 0.5, ", below = 0.0"),
        wave(0.0, 0.5, ", above = 0.0"),
    ];
    let both = [alphas[0].clone(), soft.clone(), waves[0].clone(), alphas[1].clone(), alphas[2].clone(), waves[3].clone()];
    let all = |about, name, keys: &str, alphas: &[String]| {
        family(name, about, each, alphas.iter().map(|alpha| future("future", alpha, keys)).collect())
    };
    [
        all("α with the horizon of a token", "future-token", "", &alphas),
        all("α with the horizon of a word", "future-word", ", horizon = \"word\"", &alphas),
        all("waves of α", "wave", "", &waves),
        all("waves of α to one side only", "half-wave", "", &halves),
        all("α and waves under a ceiling of 0.5", "ceiling", ", ceiling = 0.5", &both),
        all("α and waves against what is usual", "baseline", ", baseline = \"model\"", &both),
        all("α and waves under a ceiling and against what is usual", "both", ", ceiling = 0.5, baseline = \"model\"", &both),
        family(
            "shuffle",
            "the ablation: as far from p as α and waves, at random",
            each,
            both.iter().map(|alpha| future("shuffle", alpha, "")).collect(),
        ),
    ]
}

/// A setting on its way: what it is called, and its stages between the penalty and the end.
type Part = (String, Vec<String>);

fn family(name: &'static str, about: &'static str, each: usize, parts: Vec<Part>) -> Family {
    let candidate = |(numbers, stages): Part| {
        let stages: Vec<String> = std::iter::once(DRY.to_owned()).chain(stages).collect();
        Candidate { name: format!("{name}--{numbers}"), preset: preset(about, &stages) }
    };
    Family { name, about, settings: parts.into_iter().take(each).map(candidate).collect() }
}

fn hot(temperatures: &[f64]) -> Vec<Part> {
    temperatures.iter().map(|t| (format!("{t}"), vec![CUT.to_owned(), format!("temperature = {t:?}")])).collect()
}

fn cuts(stage: &str, settings: &[(f64, f64)]) -> Vec<Part> {
    let part =
        |&(cut, t): &(f64, f64)| (format!("{cut}-t{t}"), vec![format!("{stage}{cut:?}"), format!("temperature = {t:?}")]);
    settings.iter().map(part).collect()
}

fn xtc(settings: &[(f64, f64)]) -> Vec<Part> {
    let stage = |p: f64, threshold: f64| format!("xtc = {{ probability = {p:?}, threshold = {threshold:?} }}");
    settings.iter().map(|&(p, t)| (format!("{p}-{t}"), vec![CUT.to_owned(), stage(p, t), WARM.to_owned()])).collect()
}

fn wave(centre: f64, amplitude: f64, keys: &str) -> String {
    format!("{{ wave = {{ period = 60, centre = {centre:?}, amplitude = {amplitude:?}{keys} }} }}")
}

/// A setting of `future`, or of what stands in its place. Its numbers are those of α.
fn future(stage: &str, alpha: &str, keys: &str) -> Part {
    let stage = format!("{stage} = {{ candidates = 20, entropy-top = 20, alpha = {alpha}{keys} }}");
    (numbers(alpha), vec![CUT.to_owned(), stage, WARM.to_owned()])
}

/// An α as a part of a name: `-0.5`, or of a wave what differs from others: `60-0.0-1.0`.
fn numbers(alpha: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || ".-".contains(c) { c } else { ' ' };
    let words: String = alpha.chars().map(kept).collect();
    words
        .split_whitespace()
        .filter(|word| !["wave", "period", "centre", "amplitude"].contains(word))
        .collect::<Vec<_>>()
        .join("-")
}

/// The temperature at which the writer is as surprised by what it tells as in another arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The arm.
    pub arm: String,
    /// Its mean surprisal for the writer itself, nats a token.
    pub surprisal: f64,
    /// The temperature; none where it is beyond every one that was told.
    pub temperature: Option<f64>,
}

/// For every arm that looks ahead the temperature with the same mean surprisal for the writer itself, between those that were told.
///
/// Surprisal under the model's own distribution is what heat and future both raise; at equal surprisal what is left is not heat.
#[must_use]
pub fn matched(corpus: &Corpus) -> Vec<Match> {
    let of =
        |arm: &super::corpus::Arm| mean(&arm.texts.iter().map(|text| text.surprisal.unwrap_or(f64::NAN)).collect::<Vec<_>>());
    let settings: Vec<_> = corpus.arms.iter().map(|arm| &arm.setting).collect();
    let told = temperatures(&settings).into_iter().map(|at| &corpus.arms[at]);
    let curve = Curve::through(told.map(|arm| (of(arm), arm.setting.temperature.unwrap_or(f64::NAN))));
    let ahead = corpus.arms.iter().filter(|arm| arm.setting.looks_ahead);
    ahead.map(|arm| Match { arm: arm.name.clone(), surprisal: of(arm), temperature: curve.at(of(arm)) }).collect()
}

/// The preset of a matched temperature.
#[must_use]
pub fn matched_preset(arm: &str, temperature: f64) -> Candidate {
    let about = "the ablation: a temperature at which the writer is as surprised";
    let stages = [DRY.to_owned(), CUT.to_owned(), format!("temperature = {temperature:?}")];
    Candidate { name: format!("matched--{arm}"), preset: preset(about, &stages) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::corpus::{Arm, Prompt, Text};
    use super::super::setting::Setting;
    use super::*;

    #[test]
    fn every_family_has_as_many_settings_and_all_are_presets_that_differ() {
        for each in [1, 3, MOST_SETTINGS] {
            let families = families(each);
            assert!(families.iter().all(|family| family.settings.len() == each));
            let settings: Vec<&Candidate> = families.iter().flat_map(|family| &family.settings).collect();
            assert_eq!(settings.iter().map(|one| &one.name).collect::<BTreeSet<_>>().len(), settings.len());
            let mut chains = BTreeSet::new();
            for Candidate { name, preset } in settings {
                let read = crate::preset::parse(preset, name).unwrap_or_else(|error| panic!("{name}: {error:#}\n{preset}"));
                let warnings = crate::preset::lint(&read);
                // The control says that it is one.
                let is_meant = name.contains("0.85") || name.starts_with("shuffle");
                assert!(warnings.is_empty() || is_meant, "{name}: {warnings:?}");
                assert!(chains.insert(preset.split_once('\n').unwrap().1.to_owned()), "{name} is another one too");
            }
        }
    }

    #[test]
    fn an_arm_of_a_plan_is_known_by_its_family() {
        for family in families(2) {
            for Candidate { name, preset } in &family.settings {
                let setting = Setting::of_preset(&format!("plan/presets/{name}.toml"), preset);
                assert_eq!(setting.family, family.name);
                assert_eq!(setting.temperature.is_some(), ["temperature", "min-p"].contains(&family.name), "{name}");
                let ahead = ["future", "wave", "ceiling", "baseline", "both", "shuffle"].iter().any(|part| name.contains(part));
                assert_eq!(setting.looks_ahead, ahead, "{name}");
            }
        }
    }

    #[test]
    fn a_matched_temperature_lies_where_the_writer_is_as_surprised() {
        let arm = |name: &str, chain: &str, surprisal: f64| Arm {
            name: name.into(),
            setting: Setting::of_preset(name, chain),
            writer: None,
            texts: vec![Text {
                name: "a".into(),
                prompt: 0,
                text: "a".into(),
                tokens: None,
                surprisal: Some(surprisal),
                answers: false,
            }],
        };
        let wave = "[[chain]]\nfuture = { alpha = 0.0 }";
        let arms = vec![
            arm("t1", "[[chain]]\ntemperature = 1.0", 1.4),
            arm("t2", "[[chain]]\ntemperature = 2.0", 2.0),
            arm("wave", wave, 1.7),
            arm("hot", wave, 2.1),
        ];
        let corpus = Corpus { prompts: vec![Prompt { name: "p".into(), text: None }], arms, ..Corpus::default() };
        let told: Vec<_> = matched(&corpus).into_iter().map(|one| (one.arm, one.temperature)).collect();
        assert_eq!(told, [("wave".to_owned(), Some(1.5)), ("hot".to_owned(), None)]);
        assert_eq!(matched_preset("wave--0", 1.5).name, "matched--wave--0");
    }
}
