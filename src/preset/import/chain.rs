//! From another program's settings to a chain.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::Value;

use super::names::{self, Number, Sampler};
use super::{Imported, Program};
use crate::preset::overlay::read;
use crate::preset::writing::line;

/// What another program would sample by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    program: Program,
    numbers: BTreeMap<Number, f64>,
    breakers: Option<Vec<String>>,
    order: Vec<Sampler>,
    notes: Vec<String>,
}

/// The order in which llama.cpp samples where nothing is said.
const OF_LLAMA: [Sampler; 9] = [
    Sampler::Penalties,
    Sampler::Dry,
    Sampler::TopNSigma,
    Sampler::TopK,
    Sampler::Typical,
    Sampler::TopP,
    Sampler::MinP,
    Sampler::Xtc,
    Sampler::Temperature,
];

/// That of text-generation-webui.
const OF_WEBUI: [Sampler; 9] = [
    Sampler::Penalties,
    Sampler::Dry,
    Sampler::TopNSigma,
    Sampler::Temperature,
    Sampler::TopK,
    Sampler::TopP,
    Sampler::Typical,
    Sampler::MinP,
    Sampler::Xtc,
];

/// What llama.cpp does where nothing is said.
const USUAL_OF_LLAMA: [(Number, f64); 4] =
    [(Number::TopK, 40.0), (Number::TopP, 0.95), (Number::MinP, 0.05), (Number::Temperature, 0.8)];

/// More tokens than any context: the whole text.
const WHOLE_TEXT: i64 = 1 << 30;

impl Settings {
    /// Reads an object of settings.
    pub fn of(program: Program, object: &Value) -> Self {
        let mut settings = Self { program, numbers: BTreeMap::new(), breakers: None, order: Vec::new(), notes: Vec::new() };
        let entries = object.as_object().into_iter().flatten();
        for (key, value) in entries {
            if let Some(number) = names::number(key) {
                match number_of(value) {
                    Some(x) => drop(settings.numbers.insert(number, x)),
                    None if value.is_null() => {}
                    None => settings.notes.push(format!("`{key} = {value}` is no number and was left out")),
                }
            } else if let (Some(off), Some(x)) = (names::stranger(key), number_of(value)) {
                if x != off {
                    settings.notes.push(format!("`{key} = {x}` was left out: there is no such stage here"));
                }
            } else if key.contains("sequence_breaker") {
                settings.breakers = texts(value);
            } else if names::WORDS.contains(&key.as_str()) && !is_empty(value) {
                settings.notes.push(format!("`{key}` was left out: write `bias` or `ban` by hand where it names words"));
            }
        }
        settings.order(object);
        if program == Program::LlamaCpp {
            for (number, usual) in USUAL_OF_LLAMA {
                settings.numbers.entry(number).or_insert(usual);
            }
        }
        settings
    }

    /// Finds the order in which the program samples.
    fn order(&mut self, object: &Value) {
        let names = |key: &str| object.get(key).and_then(texts).filter(|names| !names.is_empty());
        let mut order = Vec::new();
        if self.program == Program::KoboldCpp {
            let numbers = object.get("sampler_order").and_then(Value::as_array).cloned();
            let usual = [6, 0, 1, 3, 4, 2, 5].map(Value::from).to_vec();
            // DRY runs before all of them and XTC after them, whatever is said.
            order.extend([Sampler::Dry, Sampler::TopNSigma]);
            order.extend(numbers.unwrap_or(usual).iter().filter_map(Value::as_u64).flat_map(names::of_kobold));
            order.extend([Sampler::Xtc, Sampler::AdaptiveP]);
        } else if let Some(letters) = object.get("sampler_seq").and_then(Value::as_str) {
            order.extend(letters.chars().filter_map(names::of_letter));
        } else if let Some(key) = ["samplers", "sampler_priority"].into_iter().find(|key| names(key).is_some()) {
            let listed = names(key).unwrap_or_default();
            let unknown = |name: &&String| names::sampler(name).is_none() && names::stranger(name).is_none();
            order.extend(listed.iter().filter_map(|name| names::sampler(name)));
            let others: Vec<String> = listed.iter().filter(unknown).map(|name| format!("`{name}`")).collect();
            let known_elsewhere = ["mirostat", "quadratic_sampling", "no_repeat_ngram", "infill"];
            let others: Vec<String> =
                others.into_iter().filter(|name| !known_elsewhere.contains(&name.trim_matches('`'))).collect();
            if !others.is_empty() {
                self.notes.push(format!("{} in `{key}` are stages that are not here", others.join(", ")));
            }
            if self.program == Program::SillyTavern && names("samplers").is_some() && names("sampler_priority").is_some() {
                self.notes.push("the order is that of `samplers`, for llama.cpp; `sampler_priority` has one of its own".into());
            }
        } else if self.program == Program::SillyTavern && object.get("sampler_order").is_some() {
            let numbers = object.get("sampler_order").and_then(Value::as_array).into_iter().flatten();
            order.extend([Sampler::Dry, Sampler::TopNSigma]);
            order.extend(numbers.filter_map(Value::as_u64).flat_map(names::of_kobold));
            order.push(Sampler::Xtc);
        } else if self.program == Program::TextGenerationWebui {
            order.extend(OF_WEBUI);
        } else {
            order.extend(OF_LLAMA);
        }
        if self.is_on(Number::TemperatureLast) {
            order.retain(|&sampler| sampler != Sampler::Temperature);
            order.push(Sampler::Temperature);
        }
        let mut seen = Vec::new();
        order.retain(|sampler| {
            !seen.contains(sampler) && {
                seen.push(*sampler);
                true
            }
        });
        self.order = order;
    }

    fn is_on(&self, number: Number) -> bool {
        self.numbers.get(&number).is_some_and(|&x| x != 0.0)
    }

    fn get(&self, number: Number, usual: f64) -> f64 {
        self.numbers.get(&number).copied().unwrap_or(usual)
    }

    /// The stages as they are written, in their order.
    fn stages(&mut self) -> Vec<String> {
        let mirostat = self.get(Number::Mirostat, 0.0);
        if mirostat == 1.0 {
            self.notes.push("Mirostat 1 became `mirostat`, which is its second version".into());
        }
        if mirostat > 0.0 {
            // Elsewhere nothing runs beside it but penalties and the temperature.
            let order = self.order.clone();
            let stays = |sampler: &Sampler| matches!(sampler, Sampler::Penalties | Sampler::Temperature);
            let mut stages: Vec<String> = order.into_iter().filter(stays).filter_map(|sampler| self.stage(sampler)).collect();
            let (tau, eta) = (self.get(Number::Tau, 5.0), self.get(Number::Eta, 0.1));
            stages.push(format!("mirostat = {{ tau = {tau:?}, eta = {eta:?} }}"));
            return stages;
        }
        let missing: Vec<Sampler> = OF_LLAMA
            .into_iter()
            .chain([Sampler::TopH, Sampler::AdaptiveP])
            .filter(|sampler| !self.order.contains(sampler))
            .collect();
        let mut stages: Vec<String> = self.order.clone().into_iter().filter_map(|sampler| self.stage(sampler)).collect();
        for sampler in missing {
            let Some(stage) = self.stage(sampler) else { continue };
            if sampler == Sampler::AdaptiveP {
                stages.push(stage);
            } else {
                self.notes.push(format!("`{stage}` was left out: it is not in the order, so it did not run"));
            }
        }
        // What draws stands last.
        let draws = stages.iter().position(|stage| stage.starts_with("adaptive-p"));
        if let Some(stage) = draws.map(|at| stages.remove(at)) {
            stages.push(stage);
        }
        stages
    }

    /// One stage, if it does something.
    fn stage(&self, sampler: Sampler) -> Option<String> {
        let number = |number: Number| self.numbers.get(&number).copied();
        #[allow(clippy::cast_possible_truncation, reason = "a count of tokens")]
        let whole = |x: f64| x as i64;
        // 0 and less mean different things in each of the programs.
        let last = |n: f64| match (whole(n), self.program) {
            (0, Program::LlamaCpp | Program::KoboldCpp | Program::ModelFile) => None,
            (n, _) if n <= 0 => Some(WHOLE_TEXT),
            (n, _) => Some(n),
        };
        match sampler {
            Sampler::Penalties => {
                let [repeat, frequency, presence] = [(Number::Repeat, 1.0), (Number::Frequency, 0.0), (Number::Presence, 0.0)]
                    .map(|(number, off)| self.get(number, off));
                let last = last(self.get(Number::RepeatLast, 64.0))?;
                let on = (repeat != 1.0 && repeat > 0.0) || frequency != 0.0 || presence != 0.0;
                on.then(|| {
                    format!(
                        "penalties = {{ repeat = {repeat:?}, frequency = {frequency:?}, presence = {presence:?}, last = {last} }}"
                    )
                })
            }
            Sampler::Dry => {
                let multiplier = number(Number::DryMultiplier).filter(|&multiplier| multiplier > 0.0)?;
                let (base, allowed) = (self.get(Number::DryBase, 1.75), whole(self.get(Number::DryAllowed, 2.0)).max(1));
                let last = last(self.get(Number::DryLast, -1.0))?;
                let breakers = self.breakers.clone().map_or(String::new(), |breakers| {
                    let breakers = toml::Value::from(breakers);
                    format!(", {}", line("breakers", &breakers).trim_end())
                });
                Some(format!(
                    "dry = {{ multiplier = {multiplier:?}, base = {base:?}, allowed-length = {allowed}, last = {last}{breakers} }}"
                ))
            }
            Sampler::TopNSigma => number(Number::TopNSigma).filter(|&n| n > 0.0).map(|n| format!("top-n-sigma = {n:?}")),
            Sampler::TopK => number(Number::TopK).filter(|&k| k >= 1.0).map(|k| format!("top-k = {}", whole(k))),
            Sampler::Typical => share(number(Number::Typical)).map(|p| format!("typical = {p:?}")),
            Sampler::TopP => share(number(Number::TopP)).map(|p| format!("top-p = {p:?}")),
            Sampler::TopH => share(number(Number::TopH)).map(|p| format!("top-h = {p:?}")),
            Sampler::MinP => number(Number::MinP).filter(|&p| p > 0.0).map(|p| format!("min-p = {p:?}")),
            Sampler::Xtc => {
                let probability = number(Number::XtcProbability).filter(|&p| p > 0.0)?;
                let threshold = self.get(Number::XtcThreshold, 0.1);
                Some(format!("xtc = {{ probability = {probability:?}, threshold = {threshold:?} }}"))
            }
            Sampler::Temperature => self.temperature(),
            Sampler::AdaptiveP => {
                let target = number(Number::Target).filter(|&target| target > 0.0)?;
                Some(format!("adaptive-p = {{ target = {target:?}, decay = {:?} }}", self.get(Number::Decay, 0.9)))
            }
        }
    }

    fn temperature(&self) -> Option<String> {
        let temperature = self.numbers.get(&Number::Temperature).copied();
        let exponent = self.get(Number::DynamicExponent, 1.0);
        let range = self.get(Number::DynamicRange, 0.0);
        let t = temperature.unwrap_or(1.0);
        let ends = if range > 0.0 {
            Some((t - range, t + range))
        } else if self.is_on(Number::DynamicOn) {
            Some((self.get(Number::DynamicLow, 1.0), self.get(Number::DynamicHigh, 1.0)))
        } else {
            None
        };
        match ends {
            Some((low, high)) => {
                let low = low.max(0.0);
                Some(format!("dynamic-temperature = {{ low = {low:?}, high = {high:?}, exponent = {exponent:?} }}"))
            }
            None => temperature.map(|t| format!("temperature = {:?}", t.max(0.0))),
        }
    }

    /// The preset.
    pub fn write(mut self, from: &str) -> Result<Imported> {
        let stages = self.stages();
        if stages.is_empty() {
            bail!("it holds no sampler that does something");
        }
        let program = self.program.name();
        let tame = |text: &str| text.replace(char::is_control, " ");
        let mut parts = vec![format!("# Imported from {program}: {}\n", tame(from))];
        parts.extend(self.notes.iter().map(|note| format!("# Of the import: {}\n", tame(note))));
        parts.push(line("description", &toml::Value::from(format!("imported from {program}"))));
        parts.extend(stages.iter().map(|stage| format!("\n[[chain]]\n{stage}\n")));
        // What is out of range there is out of range here, and is told by its stage.
        for stage in &stages {
            if let Err(fault) = read(&format!("[[chain]]\n{stage}")) {
                bail!("`{stage}` cannot be: {}", fault.cause);
            }
        }
        Ok(Imported { program, toml: parts.concat(), notes: self.notes })
    }
}

/// A share below 1; 0 is "off" in some of the programs, and 1 in all of them.
fn share(p: Option<f64>) -> Option<f64> {
    p.filter(|&p| p > 0.0 && p < 1.0)
}

/// A number, however it is written; yes is 1 and no is 0.
fn number_of(value: &Value) -> Option<f64> {
    match value {
        // What was written with 32 bits is read with them: 0.95 and not 0.949999988079071.
        #[allow(clippy::cast_possible_truncation)]
        Value::Number(number) => number.as_f64().map(|x| {
            let short = x as f32;
            if f64::from(short) == x { short.to_string().parse().unwrap_or(x) } else { x }
        }),
        Value::Bool(on) => Some(f64::from(u8::from(*on))),
        Value::String(text) => text.trim().parse().ok().filter(|x: &f64| x.is_finite()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Texts, as a list, as a list written as a text, or divided by semicolons or lines.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(values) => Some(values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()),
        Value::String(text) => {
            let bracketed = if text.trim_start().starts_with('[') { text.clone() } else { format!("[{text}]") };
            let listed = serde_json::from_str(&bracketed).ok();
            let divided =
                || text.split([';', '\n']).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
            Some(listed.unwrap_or_else(divided))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}
