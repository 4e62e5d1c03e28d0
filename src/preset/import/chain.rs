//! From another program's settings to a chain.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};
use serde_json::Value;
use toml::{Table, Value as Toml};

use super::names::{self, StageName, elsewhere};
use super::order::Order;
use super::{Imported, Program, rest};
use crate::preset::form::Form;
use crate::preset::schema::value_of;
use crate::preset::vocabulary;
use crate::preset::writing::line;
use crate::sampler::{Chain, Role, Stage};

/// What another program would sample by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    program: Program,
    /// By stage and key.
    pub numbers: BTreeMap<(StageName, &'static str), f64>,
    /// What the key of a number is called there.
    theirs: BTreeMap<(StageName, &'static str), String>,
    /// Keys of samplers that are not here, and would do something.
    foreign: Vec<String>,
    breakers: Option<Vec<String>>,
    order: Vec<StageName>,
    /// Whether the likeliest token is taken, and none drawn.
    pub argmax: bool,
    notes: Vec<String>,
}

/// What a program does where its settings do not say: only of those that do something then.
fn usual(program: Program) -> &'static [(StageName, &'static str, f64)] {
    match program {
        Program::LlamaCpp => &[("top-k", "", 40.0), ("top-p", "", 0.95), ("min-p", "", 0.05), ("temperature", "", 0.8)],
        Program::KoboldCpp => &[("top-k", "", 100.0), ("top-p", "", 0.92), ("temperature", "", 0.75)],
        Program::Ollama => &[("top-k", "", 40.0), ("top-p", "", 0.9), ("temperature", "", 0.8), ("penalties", "repeat", 1.1)],
        // A preset of these is laid over what was set before, or a model only advises.
        Program::SillyTavern | Program::TextGenerationWebui | Program::ModelFile | Program::Request => &[],
    }
}

impl Settings {
    /// Reads an object of settings.
    pub fn of(program: Program, object: &Value) -> Self {
        let Order { samplers, foreign, notes } = Order::of(program, object);
        let (numbers, theirs) = (BTreeMap::new(), BTreeMap::new());
        let (breakers, order, argmax) = (None, samplers, false);
        let mut settings = Self { program, numbers, theirs, foreign: Vec::new(), breakers, order, argmax, notes };
        let mut others = Vec::new();
        for (key, value) in object.as_object().into_iter().flatten() {
            if let Some(number) = names::number(key) {
                match number_of(value) {
                    Some(x) => {
                        settings.numbers.insert(number, x);
                        settings.theirs.insert(number, key.clone());
                    }
                    None if value.is_null() => {}
                    None => settings.notes.push(format!("`{key} = {value}` is no number and was left out")),
                }
            } else if let (Some(off), Some(x)) = (names::unsupported(key), number_of(value)) {
                if x != off {
                    settings.foreign.push(key.clone());
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
        for (stage, key, usual) in usual(program) {
            settings.numbers.entry((stage, key)).or_insert(*usual);
        }
        let foreign: Vec<StageName> = foreign.into_iter().filter(|stage| settings.is_on(stage)).collect();
        let placed =
            |stage| format!("`{stage}` has no place in llama.cpp's order: it stands where text-generation-webui has it");
        settings.notes.extend(foreign.into_iter().map(placed));
        if program == Program::Ollama {
            settings.notes.push(
                "what the file does not name stands as Ollama has it; its newer engine punishes no repetition, as `penalties=off` here"
                    .into(),
            );
        }
        if settings.get("temperature", "last", 0.0) != 0.0 {
            for last in ["temperature", "quadratic"] {
                settings.order.retain(|&stage| stage != last);
                settings.order.push(last);
            }
        }
        settings
    }

    /// The keys by which something was to be done that these stages do not do.
    pub fn left_out(&self, stages: &[Stage]) -> Result<Vec<String>> {
        let mut left_out = self.foreign.clone();
        for kind in Stage::KINDS {
            let is_done = |stage: &Stage| stages.iter().any(|one| one.name() == stage.name());
            if self.stage(kind.name)?.is_some_and(|stage| !is_done(&stage)) {
                left_out.extend(self.keys_of(kind.name).take(1).cloned());
            }
        }
        Ok(left_out)
    }

    /// What the keys of a stage are called there, the first of them first; those of a dynamic temperature are the temperature's.
    pub fn keys_of(&self, stage: StageName) -> impl Iterator<Item = &String> {
        let ranges = if stage == "temperature" { "dynamic-temperature" } else { stage };
        [ranges, stage]
            .into_iter()
            .take(if ranges == stage { 1 } else { 2 })
            .flat_map(move |stage| elsewhere(stage).keys.iter().filter_map(move |(key, _)| self.theirs.get(&(stage, key))))
    }

    fn number(&self, stage: StageName, key: &'static str) -> Option<f64> {
        self.numbers.get(&(stage, key)).copied()
    }

    fn get(&self, stage: StageName, key: &'static str, usual: f64) -> f64 {
        self.number(stage, key).unwrap_or(usual)
    }

    /// Whether the first key of a stage has a value at which it does something.
    fn is_on(&self, stage: StageName) -> bool {
        let first = elsewhere(stage).keys.first().and_then(|(key, _)| self.number(stage, key));
        first.is_some_and(|x| !(elsewhere(stage).off)(x))
    }

    /// The stages in their order.
    pub fn stages(&mut self) -> Result<Vec<Stage>> {
        let mode = self.get("mirostat", "mode", 0.0);
        if mode == 1.0 {
            self.notes.push("Mirostat 1 became `mirostat`, which is its second version".into());
        }
        let mut stages = Vec::new();
        // Beside Mirostat nothing runs elsewhere but penalties and the temperature.
        let runs = |stage: &StageName| mode <= 0.0 || matches!(*stage, "penalties" | "temperature" | "quadratic");
        for stage in self.order.iter().filter(|stage| runs(stage)) {
            stages.extend(self.stage(stage)?);
        }
        if mode > 0.0 {
            let (tau, eta) = (self.get("mirostat", "tau", 5.0), self.get("mirostat", "eta", 0.1));
            stages.push(made("mirostat", table([("tau", tau.into()), ("eta", eta.into())]))?);
            return Ok(stages);
        }
        for kind in Stage::KINDS.iter().filter(|kind| !self.order.contains(&kind.name)) {
            match self.stage(kind.name)? {
                Some(stage) if kind.role == Role::Draw => stages.push(stage),
                Some(stage) => {
                    let line = line(kind.name, &value_of(&stage)?);
                    self.notes.push(format!("`{}` was left out: it is not in the order, so it did not run", line.trim_end()));
                }
                None => {}
            }
        }
        // What draws stands last.
        stages.sort_by_key(|stage| stage.role() == Role::Draw);
        Ok(stages)
    }

    /// One stage, if it does something.
    fn stage(&self, name: StageName) -> Result<Option<Stage>> {
        let value = match name {
            "penalties" => self.penalties(),
            "dry" => self.dry(),
            "temperature" => return self.temperature(),
            // They belong to others: to the temperature, and to what draws.
            "dynamic-temperature" | "mirostat" => None,
            _ => self.plain(name),
        };
        value.map(|value| self.made(name, value)).transpose()
    }

    /// A stage of this value.
    ///
    /// # Errors
    /// The value is out of range: in the words of the request, where it is one of those that were sent.
    fn made(&self, name: StageName, value: Toml) -> Result<Stage> {
        made(name, value).map_err(|error| match self.keys_of(name).next() {
            Some(key) if self.program == Program::Request => error.context(format!("`{key}` cannot be sampled by")),
            _ => error,
        })
    }

    /// The value of a stage of which every key has a number: the numbers that are given, where the first one is on.
    fn plain(&self, name: StageName) -> Option<Toml> {
        let elsewhere = elsewhere(name);
        let (first, _) = elsewhere.keys.first().filter(|_| self.is_on(name))?;
        let given = |key: &'static str| {
            let x = self.number(name, key)?;
            Some(if key == *first && elsewhere.unit != 1.0 { x / elsewhere.unit } else { x })
        };
        if first.is_empty() {
            let is_whole = matches!(vocabulary::stage(name)?.form, Form::Whole(_));
            return given(first).map(|x| if is_whole { whole(x).into() } else { x.into() });
        }
        let mut keys = table(elsewhere.keys.iter().filter_map(|(key, _)| Some((*key, given(key)?.into()))));
        if let (Toml::Table(keys), "xtc") = (&mut keys, name) {
            let usual = if self.program == Program::KoboldCpp { 0.2 } else { 0.1 };
            keys.entry("threshold").or_insert(usual.into());
        }
        Some(keys)
    }

    /// How far back is looked: 0 and less mean different things in each of the programs.
    fn last(&self, n: f64) -> Option<Toml> {
        match (whole(n), self.program) {
            (0, Program::LlamaCpp | Program::KoboldCpp | Program::Ollama | Program::ModelFile | Program::Request) => None,
            (n, _) if n <= 0 => Some("all".into()),
            (n, _) => Some(n.into()),
        }
    }

    /// How far penalties and DRY look back where nothing is said; a range of 0 is the whole text in the last two.
    fn usual_last(&self) -> [f64; 2] {
        match self.program {
            Program::KoboldCpp => [320.0, 320.0],
            Program::TextGenerationWebui => [1024.0, self.get("penalties", "last", 1024.0)],
            Program::SillyTavern => [0.0, 0.0],
            // Nobody who did not ask for a window has one.
            Program::Request => [-1.0, -1.0],
            Program::LlamaCpp | Program::Ollama | Program::ModelFile => [64.0, -1.0],
        }
    }

    fn penalties(&self) -> Option<Toml> {
        let [repeat, frequency, presence] =
            [("repeat", 1.0), ("frequency", 0.0), ("presence", 0.0)].map(|(key, off)| self.get("penalties", key, off));
        let last = self.last(self.get("penalties", "last", self.usual_last()[0]))?;
        let on = (repeat != 1.0 && repeat > 0.0) || frequency != 0.0 || presence != 0.0;
        let keys = [("repeat", repeat), ("frequency", frequency), ("presence", presence)].map(|(key, x)| (key, x.into()));
        on.then(|| table(keys.into_iter().chain([("last", last)])))
    }

    fn dry(&self) -> Option<Toml> {
        let multiplier = self.number("dry", "multiplier").filter(|&multiplier| multiplier > 0.0)?;
        let allowed = whole(self.get("dry", "allowed-length", 2.0)).max(1);
        let last = self.last(self.get("dry", "last", self.usual_last()[1]))?;
        // Its interface knows none where none are given.
        let none = (self.program == Program::KoboldCpp).then(Vec::new);
        let breakers = self.breakers.clone().or(none).map(|breakers| ("breakers", breakers.into()));
        let keys = [
            ("multiplier", multiplier.into()),
            ("base", self.get("dry", "base", 1.75).into()),
            ("allowed-length", allowed.into()),
            ("last", last),
            // All of these programs punish a token inside a word too.
            ("at", "token".into()),
        ];
        Some(table(keys.into_iter().chain(breakers)))
    }

    /// A temperature, or a dynamic one.
    pub fn temperature(&self) -> Result<Option<Stage>> {
        let dynamic = |key, usual| self.get("dynamic-temperature", key, usual);
        let temperature = self.number("temperature", "");
        let (t, range) = (temperature.unwrap_or(1.0), dynamic("range", 0.0));
        let ends = if range > 0.0 {
            Some((t - range, t + range))
        } else if dynamic("on", 0.0) != 0.0 {
            Some((dynamic("low", 1.0), dynamic("high", 1.0)))
        } else {
            None
        };
        match ends {
            Some((low, high)) => {
                let keys = [("low", low.max(0.0)), ("high", high), ("exponent", dynamic("exponent", 1.0))];
                self.made("dynamic-temperature", table(keys.map(|(key, x)| (key, x.into())))).map(Some)
            }
            None => temperature.map(|t| self.made("temperature", t.max(0.0).into())).transpose(),
        }
    }

    /// The preset.
    pub fn write(mut self, from: &str) -> Result<Imported> {
        let stages = self.stages()?;
        if stages.is_empty() && !self.argmax {
            bail!("it holds no sampler that does something");
        }
        let program = self.program.name();
        let tame = |text: &str| text.replace(char::is_control, " ");
        let mut parts = vec![format!("# Imported from {program}: {}\n", tame(from))];
        parts.extend(self.notes.iter().map(|note| format!("# Of the import: {}\n", tame(note))));
        parts.push(line("description", &toml::Value::from(format!("imported from {program}"))));
        for stage in Chain::new(stages)?.stages() {
            parts.push(format!("\n[[chain]]\n{}", line(stage.name(), &value_of(stage)?)));
        }
        if self.argmax {
            parts.push("\n[draw]\npick = \"argmax\"\n".to_owned());
        }
        Ok(Imported { program, toml: parts.concat(), notes: self.notes })
    }
}

/// A stage of this value. What is out of range there is out of range here.
fn made(name: StageName, value: Toml) -> Result<Stage> {
    let written = line(name, &value);
    table([(name, value)])
        .try_into()
        .map_err(|error: toml::de::Error| anyhow!("`{}` cannot be: {}", written.trim_end(), error.message()))
}

fn table<'k>(keys: impl IntoIterator<Item = (&'k str, Toml)>) -> Toml {
    Toml::Table(keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Table>())
}

#[allow(clippy::cast_possible_truncation, reason = "a count of tokens")]
fn whole(x: f64) -> i64 {
    x as i64
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
