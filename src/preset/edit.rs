//! One value of a preset, changed from outside: `future.alpha=0.3`.

use std::fmt;

use anyhow::{Result, anyhow, bail};
use toml::{Table, Value};

use super::additions::owner;
use super::mistake::Fault;
use super::overlay::{Draft, OFF};
use super::schema::Preset;
use super::vocabulary::{is_stage, names};
use super::words;
use super::writing::line;

/// The tables of a preset beside its chain.
const TABLES: [&str; 2] = ["draw", "bans"];

/// A change of one value: the path to it and what it becomes. It displays as it was typed, which is its label in comparisons.
///
/// The path begins with the name of a stage or with `draw`; the value is one of TOML, and a bare word is a string:
/// `future.alpha=0.3`, `min-p=0.1`, `future.alpha.wave.period=40`, `dry.breakers=["\n"]`, `draw.pick=argmax`; `dry=off` takes a
/// stage away.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    path: Vec<String>,
    value: Value,
    typed: String,
}

impl Edit {
    /// Reads `path=value`.
    ///
    /// # Errors
    /// There is no `=`, no path before it, or no value of TOML behind it.
    pub fn parse(typed: &str) -> Result<Self> {
        let (path, values) = halves(typed)?;
        Self::new(path, values)
    }

    fn new(path: &str, value: &str) -> Result<Self> {
        let (path, value) = (path.trim(), value.trim());
        let typed = format!("{path}={value}");
        if value.is_empty() {
            bail!("cannot set `{typed}`: there is no value behind `=`");
        }
        let value = read_value(value).map_err(|fault| refusal(&typed, &fault))?;
        Ok(Self { path: path.split('.').map(|part| part.trim().to_owned()).collect(), value, typed })
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

/// The edits of a comparison: `future.alpha=-1,0,1` is three of them. A comma within brackets, braces or quotes divides nothing.
///
/// # Errors
/// As [`Edit::parse`], for any of the values.
pub fn vary(typed: &str) -> Result<Vec<Edit>> {
    let (path, values) = halves(typed)?;
    split(values).into_iter().map(|value| Edit::new(path, value)).collect()
}

impl Preset {
    /// Changes one value, as a file would that extends the preset and writes that value alone: so the other keys of the stage
    /// stay, a stage that is absent is added where it does its work, and the value `off` takes a stage away.
    ///
    /// # Errors
    /// There is no such stage or key (with the nearest one as a hint); the value is of the wrong kind or out of range; the stage
    /// is added, but a value that it cannot do without is not given; the chain has several stages of the name.
    pub fn set(&mut self, edit: &Edit) -> Result<()> {
        let Edit { path, value, typed } = edit;
        *self = self.changed(path, value).map_err(|fault| refusal(typed, &fault))?;
        Ok(())
    }

    fn changed(&self, path: &[String], value: &Value) -> Result<Self, Fault> {
        let Some((name, keys)) = path.split_first() else { return Err(Fault::new("there is no path before `=`")) };
        let value = keys.iter().rfold(value.clone(), |value, key| Value::Table(Table::from_iter([(key.clone(), value)])));
        let header = if TABLES.contains(&name.as_str()) {
            ""
        } else if is_stage(name) {
            let count = self.chain.stages().iter().filter(|stage| stage.name() == name).count();
            if count > 1 && value.as_str() != Some(OFF) {
                return Err(Fault::new(format!("the chain has {count} stages `{name}`")));
            }
            "[[chain]]\n"
        } else {
            let known: Vec<&str> = names().into_iter().chain(TABLES).collect();
            let fault = Fault::new(format!("unknown stage `{name}`"));
            return Err(match owner(name) {
                Some(stage) => fault.hint(format!("did you mean `{stage}.{name}`?")),
                None => fault.hint(words::suggestion(name, &known)),
            });
        };
        let text = header.to_owned() + &line(name, &value);
        Draft::read(&text)?.typed().resolve(Some(self))
    }
}

fn refusal(typed: &str, fault: &Fault) -> anyhow::Error {
    match &fault.hint {
        Some(hint) => anyhow!("cannot set `{typed}`: {}\nhint: {hint}", fault.cause),
        None => anyhow!("cannot set `{typed}`: {}", fault.cause),
    }
}

/// Path and value.
fn halves(typed: &str) -> Result<(&str, &str)> {
    match typed.split_once('=') {
        Some((path, values)) if !path.trim().is_empty() => Ok((path, values)),
        Some(_) => bail!("cannot set `{typed}`: there is no path before `=`\nhint: write it as `future.alpha=0.3`"),
        None => bail!("cannot set `{typed}`: there is no `=`\nhint: write it as `future.alpha=0.3`"),
    }
}

/// A value of TOML, or a bare word.
fn read_value(text: &str) -> Result<Value, Fault> {
    let constant = ["true", "false", "inf", "nan"].contains(&text);
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if word && !constant {
        return Ok(Value::from(text));
    }
    let document = format!("value = {text}");
    let mut table: Table = toml::from_str(&document).map_err(|error| Fault::of_syntax(&error, &document))?;
    // A value with a newline in it could smuggle in keys of its own.
    match (table.remove("value"), table.is_empty()) {
        (Some(value), true) => Ok(value),
        _ => Err(Fault::new("it is more than one value")),
    }
}

/// The parts between commas that stand in no bracket, brace or quotes.
fn split(values: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start) = (0_usize, None, 0);
    let mut parts = Vec::new();
    for (at, c) in values.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(&values[start..at]);
                start = at + 1;
            }
            (Some(_) | None, _) => {}
        }
    }
    parts.push(&values[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::{Folders, find};
    use crate::sampler::{Chain, Stage};

    fn preset(name: &str) -> Preset {
        find(name, &Folders::default()).unwrap()
    }

    fn set(mut preset: Preset, edit: &str) -> Result<Preset> {
        preset.set(&Edit::parse(edit)?)?;
        Ok(preset)
    }

    fn names(preset: &Preset) -> Vec<&str> {
        preset.chain.stages().iter().map(Stage::name).collect()
    }

    /// The line of a stage in the preset as it is written.
    fn written(preset: &Preset, stage: &str) -> String {
        preset.to_toml().unwrap().lines().find(|line| line.starts_with(stage)).unwrap().to_owned()
    }

    #[test]
    fn one_value_changes_and_the_others_stay() {
        let wave = preset("wave");
        let edited = set(wave.clone(), "future.alpha.wave.period=40").unwrap();
        assert_eq!(written(&edited, "future"), written(&wave, "future").replace("period = 60.0", "period = 40.0"));
        let edited = set(wave.clone(), "future.alpha=0.3").unwrap();
        assert!(written(&edited, "future").contains("entropy-top = 20, alpha = 0.3, curve"));
        assert_eq!(written(&set(wave.clone(), "min-p=0.1").unwrap(), "min-p"), "min-p = 0.1");
        assert_eq!(set(wave, "draw.pick=argmax").unwrap().to_toml().unwrap().lines().last(), Some("pick = \"argmax\""));
    }

    #[test]
    fn a_constant_becomes_a_wave() {
        let edited = set(preset("future"), "future.alpha.wave.period=40").unwrap();
        assert!(
            written(&edited, "future")
                .contains("alpha = { wave = { period = 40.0, amplitude = 1.0, centre = 0.0, phase = 0.0 } }")
        );
    }

    #[test]
    fn an_absent_stage_is_added_where_it_does_its_work() {
        assert_eq!(names(&set(preset("future"), "top-k=40").unwrap()), ["dry", "min-p", "top-k", "future", "temperature"]);
        assert_eq!(names(&set(preset("min-p"), "dry.multiplier=1").unwrap()), ["dry", "min-p", "temperature"]);
        assert_eq!(names(&set(preset("greedy"), "temperature=1").unwrap()), ["temperature"]);
        assert_eq!(
            names(&set(preset("min-p"), "xtc={ probability = 0.5, threshold = 0.1 }").unwrap()),
            ["min-p", "xtc", "temperature"]
        );
        assert_eq!(names(&set(preset("min-p"), "mirostat.tau=4").unwrap()), ["min-p", "temperature", "mirostat"]);
        assert_eq!(names(&set(preset("min-p"), "ban=['cat']").unwrap()), ["ban", "min-p", "temperature"]);
        let future = "future={ candidates = 20, entropy-top = 20, alpha = 0 }";
        assert_eq!(names(&set(preset("min-p"), future).unwrap()), ["min-p", "future", "temperature"]);
    }

    #[test]
    fn a_stage_is_switched_off_by_a_word_and_what_is_absent_stays_off() {
        assert_eq!(names(&set(preset("wave"), "future=off").unwrap()), ["dry", "min-p", "temperature"]);
        assert_eq!(names(&set(preset("wave"), "dry=off").unwrap()), ["min-p", "future", "temperature"]);
        assert_eq!(set(preset("greedy"), "future=off").unwrap(), preset("greedy"));
    }

    #[test]
    fn a_table_changes_the_keys_that_it_names_and_no_others() {
        for (table, path) in [
            ("future={ alpha = 0.5 }", "future.alpha=0.5"),
            ("future={ alpha = { wave = { period = 40 } } }", "future.alpha.wave.period=40"),
            ("dry={ multiplier = 2 }", "dry.multiplier=2"),
            ("draw={ pick = 'argmax' }", "draw.pick=argmax"),
        ] {
            assert_eq!(set(preset("wave"), table).unwrap(), set(preset("wave"), path).unwrap());
        }
        let edited = set(preset("wave"), "future={ alpha = 0.5 }").unwrap();
        assert!(written(&edited, "future").contains("candidates = 20, entropy-top = 20, alpha = 0.5"));
        // Another kind of schedule takes nothing of the one before it.
        let edited = set(preset("wave"), "future.alpha.saw.period=40").unwrap();
        assert!(written(&edited, "future").contains("alpha = { saw = { period = 40.0, amplitude = 1.0"));
    }

    #[test]
    fn future_stands_behind_every_cut_even_where_a_temperature_came_first() {
        let hot = set(set(preset("greedy"), "temperature=1.2").unwrap(), "penalties.repeat=1.1").unwrap();
        let stages = [hot.chain.stages()[1].clone(), set(preset("greedy"), "min-p=0.1").unwrap().chain.stages()[0].clone()];
        let chain = Chain::new([&hot.chain.stages()[..1], &stages].concat()).unwrap();
        let first = Preset { chain, ..hot };
        assert_eq!(names(&first), ["penalties", "temperature", "min-p"]);
        let future = "future={ candidates = 20, entropy-top = 20, alpha = 0 }";
        assert_eq!(names(&set(first, future).unwrap()), ["penalties", "temperature", "min-p", "future"]);
    }

    #[test]
    fn a_comparison_is_one_edit_a_value() {
        let labels = |typed: &str| vary(typed).unwrap().iter().map(Edit::to_string).collect::<Vec<_>>();
        assert_eq!(labels("future.alpha=-1,0,1"), ["future.alpha=-1", "future.alpha=0", "future.alpha=1"]);
        assert_eq!(labels("draw.pick = sample, argmax"), ["draw.pick=sample", "draw.pick=argmax"]);
        let waves = labels("future.alpha={ wave = { period = 20, phase = 0.5 } },{wave={period=40}}");
        assert_eq!(waves, ["future.alpha={ wave = { period = 20, phase = 0.5 } }", "future.alpha={wave={period=40}}"]);
        assert_eq!(labels("dry.breakers=[\",\", ']'],[]"), ["dry.breakers=[\",\", ']']", "dry.breakers=[]"]);
    }

    #[test]
    fn a_refusal_names_the_edit_the_cause_and_the_nearest_word() {
        for (name, edit, message) in [
            ("wave", "min-p", "cannot set `min-p`: there is no `=`\nhint: write it as `future.alpha=0.3`"),
            ("wave", "=3", "cannot set `=3`: there is no path before `=`\nhint: write it as `future.alpha=0.3`"),
            ("wave", "min-p=", "cannot set `min-p=`: there is no value behind `=`"),
            (
                "wave",
                "min-p=.5",
                "cannot set `min-p=.5`: a number that begins with its point\nhint: write a digit before it: `0.5`",
            ),
            (
                "wave",
                "min-p=0,5",
                "cannot set `min-p=0,5`: a comma in a number\nhint: a fraction is written with a point: `0.5`",
            ),
            ("wave", "min-p=0.5\ndescription = 3", "cannot set `min-p=0.5\ndescription = 3`: it is more than one value"),
            ("wave", "min-p=2", "cannot set `min-p=2`: 2 is not a probability: expected a number from 0 to 1"),
            (
                "wave",
                "min-p=much",
                "cannot set `min-p=much`: expected a number from 0 to 1, or a schedule such as `{ wave = { period = 60 } }`, found the string \"much\"",
            ),
            ("wave", "min_p=0.1", "cannot set `min_p=0.1`: unknown stage `min_p`\nhint: did you mean `min-p`?"),
            ("wave", "drw.pick=argmax", "cannot set `drw.pick=argmax`: unknown stage `drw`\nhint: did you mean `draw`?"),
            ("wave", "draw.pik=argmax", "cannot set `draw.pik=argmax`: unknown key `pik`\nhint: did you mean `pick`?"),
            (
                "wave",
                "draw.pick=best",
                "cannot set `draw.pick=best`: unknown value `best`\nhint: expected `sample` or `argmax`",
            ),
            (
                "wave",
                "future.alpha=1.5",
                "cannot set `future.alpha=1.5`: 1.5 is not a position of the crossfader: expected a number from -1 to 1",
            ),
            ("wave", "future.alfa=1", "cannot set `future.alfa=1`: unknown key `alfa`\nhint: did you mean `alpha`?"),
            (
                "wave",
                "future.alpha.sine.period=4",
                "cannot set `future.alpha.sine.period=4`: unknown schedule `sine`\nhint: expected `wave`, `triangle`, `square`, `saw`, `steps`, `keyframes` or `band`",
            ),
            ("wave", "future=0.5", "cannot set `future=0.5`: expected a table, found 0.5"),
            ("wave", "top-k.x=3", "cannot set `top-k.x=3`: expected a whole number from 1 up, found a table"),
            (
                "greedy",
                "future.alpha=1",
                "cannot set `future.alpha=1`: the preset has no stage `future`, and a new one needs `candidates` and `entropy-top` too\nhint: give it whole: `'future={ candidates = 20, entropy-top = 20, alpha = 1 }'`",
            ),
            (
                "greedy",
                "xtc={}",
                "cannot set `xtc={}`: the preset has no stage `xtc`, and a new one needs `probability` and `threshold` too\nhint: give it whole: `'xtc={ probability = 0.5, threshold = 0.1 }'`",
            ),
            ("wave", "dyr=off", "cannot set `dyr=off`: unknown stage `dyr`\nhint: did you mean `dry`?"),
            ("wave", "alpha=0.5", "cannot set `alpha=0.5`: unknown stage `alpha`\nhint: did you mean `future.alpha`?"),
            (
                "wave",
                "mirostat.tau=4",
                "cannot set `mirostat.tau=4`: the chain has `mirostat` beside `future`: both decide what is drawn\nhint: keep one of them",
            ),
        ] {
            assert_eq!(set(preset(name), edit).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_name_that_stands_twice_cannot_be_set() {
        let mut preset = preset("greedy");
        let twice = set(preset.clone(), "top-k=3").unwrap().chain.stages()[0].clone();
        preset.chain = Chain::new(vec![twice.clone(), twice]).unwrap();
        let refusal = set(preset.clone(), "top-k=1").unwrap_err().to_string();
        assert_eq!(refusal, "cannot set `top-k=1`: the chain has 2 stages `top-k`");
        assert_eq!(names(&set(preset, "top-k=off").unwrap()), [""; 0]);
    }
}
