//! From another program's settings to a chain.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::Value;

use super::names::{self, Number, Sampler};
use super::order::{OF_LLAMA, Order};
use super::{Imported, Program, rest};
use crate::preset::overlay::read;
use crate::preset::writing::line;

/// What another program would sample by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    program: Program,
    numbers: BTreeMap<Number, f64>,
    breakers: Option<Vec<String>>,
    order: Vec<Sampler>,
    /// Whether the likeliest token is taken, and none drawn.
    argmax: bool,
    notes: Vec<String>,
}

/// What a program does where its settings do not say: only of those that do something then.
fn usual(program: Program) -> &'static [(Number, f64)] {
    match program {
        Program::LlamaCpp => &[(Number::TopK, 40.0), (Number::TopP, 0.95), (Number::MinP, 0.05), (Number::Temperature, 0.8)],
        Program::KoboldCpp => &[(Number::TopK, 100.0), (Number::TopP, 0.92), (Number::Temperature, 0.75)],
        Program::Ollama => &[(Number::TopK, 40.0), (Number::TopP, 0.9), (Number::Temperature, 0.8), (Number::Repeat, 1.1)],
        // A preset of these is laid over what was set before, or a model only advises.
        Program::SillyTavern | Program::TextGenerationWebui | Program::ModelFile => &[],
    }
}

impl Settings {
    /// Reads an object of settings.
    pub fn of(program: Program, object: &Value) -> Self {
        let Order { samplers, notes } = Order::of(program, object);
        let mut settings = Self { program, numbers: BTreeMap::new(), breakers: None, order: samplers, argmax: false, notes };
        let mut others = Vec::new();
        for (key, value) in object.as_object().into_iter().flatten() {
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
                settings.breakers = names::breakers(value);
            } else if key == "do_sample" && number_of(value) == Some(0.0) {
                settings.argmax = true;
            } else if names::WORDS.contains(&key.as_str()) {
                if !rest::is_empty(value) {
                    settings.notes.push(format!("`{key}` was left out: write `bias` or `ban` by hand where it names words"));
                }
            } else if !names::ORDERS.contains(&key.as_str()) {
                others.push((key, value));
            }
        }
        settings.notes.extend(rest::told(program, &others));
        for (number, usual) in usual(program) {
            settings.numbers.entry(*number).or_insert(*usual);
        }
        if program == Program::Ollama {
            settings.notes.push(
                "what the file does not name stands as Ollama has it; its newer engine punishes no repetition, as `--set penalties=off`"
                    .into(),
            );
        }
        if settings.is_on(Number::TemperatureLast) {
            settings.order.retain(|&sampler| sampler != Sampler::Temperature);
            settings.order.push(Sampler::Temperature);
        }
        settings
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
            (0, Program::LlamaCpp | Program::KoboldCpp | Program::Ollama | Program::ModelFile) => None,
            (n, _) if n <= 0 => Some("\"all\"".to_owned()),
            (n, _) => Some(n.to_string()),
        };
        // Where nothing is said; a range of 0 is the whole text in the last two.
        let [usual_last, usual_dry_last, usual_threshold] = match self.program {
            Program::KoboldCpp => [320.0, 320.0, 0.2],
            Program::TextGenerationWebui => [1024.0, self.get(Number::RepeatLast, 1024.0), 0.1],
            Program::SillyTavern => [0.0, 0.0, 0.1],
            Program::LlamaCpp | Program::Ollama | Program::ModelFile => [64.0, -1.0, 0.1],
        };
        match sampler {
            Sampler::Penalties => {
                let [repeat, frequency, presence] = [(Number::Repeat, 1.0), (Number::Frequency, 0.0), (Number::Presence, 0.0)]
                    .map(|(number, off)| self.get(number, off));
                let last = last(self.get(Number::RepeatLast, usual_last))?;
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
                let last = last(self.get(Number::DryLast, usual_dry_last))?;
                // Its interface knows none where none are given.
                let none = (self.program == Program::KoboldCpp).then(Vec::new);
                let breakers = self.breakers.clone().or(none).map_or(String::new(), |breakers| {
                    let breakers = toml::Value::from(breakers);
                    format!(", {}", line("breakers", &breakers).trim_end())
                });
                // All of these programs punish a token inside a word too.
                let at = "at = \"token\"";
                Some(format!(
                    "dry = {{ multiplier = {multiplier:?}, base = {base:?}, allowed-length = {allowed}, last = {last}{breakers}, {at} }}"
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
                let threshold = self.get(Number::XtcThreshold, usual_threshold);
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
        if stages.is_empty() && !self.argmax {
            bail!("it holds no sampler that does something");
        }
        let program = self.program.name();
        let tame = |text: &str| text.replace(char::is_control, " ");
        let mut parts = vec![format!("# Imported from {program}: {}\n", tame(from))];
        parts.extend(self.notes.iter().map(|note| format!("# Of the import: {}\n", tame(note))));
        parts.push(line("description", &toml::Value::from(format!("imported from {program}"))));
        parts.extend(stages.iter().map(|stage| format!("\n[[chain]]\n{stage}\n")));
        if self.argmax {
            parts.push("\n[draw]\npick = \"argmax\"\n".to_owned());
        }
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
pub(super) fn number_of(value: &Value) -> Option<f64> {
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
