//! What a preset is, and how it is written.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use toml::{Spanned, Value};

use super::mistake::Fault;
use super::shape;
use crate::sampler::{Chain, Pick, Role, Stage};

/// A preset with nothing left to look up: what it says is what runs.
///
/// In a record it is `{ description, chain: [stage, …], draw: { pick } }`, the words of the file without `extends`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Resolved", into = "Resolved")]
pub struct Preset {
    /// One line on what it is like; empty where nobody wrote one.
    pub description: String,
    /// The stages in their order; an empty chain leaves the model's distribution as it is.
    pub chain: Chain,
    /// How a token is picked from what the chain leaves.
    pub pick: Pick,
}

/// The form of a preset in a record.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolved {
    description: String,
    // TOML has no empty list of tables: a preset without stages has none there.
    #[serde(default)]
    chain: Vec<Stage>,
    draw: Draw,
}

/// The form of a preset in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub description: Option<String>,
    /// The name or path of the preset whose chain is taken first.
    pub extends: Option<Spanned<String>>,
    #[serde(default)]
    pub chain: Vec<Stage>,
    pub draw: Option<Draw>,
}

/// The table `[draw]`.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draw {
    #[serde(default)]
    pub pick: Pick,
}

/// The names of all stages.
pub(super) const STAGES: [&str; 16] = [
    "bias",
    "ban",
    "penalties",
    "dry",
    "top-n-sigma",
    "top-k",
    "typical",
    "top-p",
    "min-p",
    "top-h",
    "xtc",
    "temperature",
    "dynamic-temperature",
    "future",
    "mirostat",
    "adaptive-p",
];

impl Written {
    /// Reads the text of a preset file.
    ///
    /// The shape of the tree is looked at before serde sees it: so a table with two stages is reported at its second stage.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let tree = toml::de::DeTable::parse(text).map_err(|error| Fault::of_syntax(&error, text))?;
        shape::check(tree.get_ref(), text)?;
        let values = shape::values_of_stages(tree.get_ref());
        Self::deserialize(toml::Deserializer::from(tree)).map_err(|error| {
            let fault = Fault::of_meaning(&error, text);
            // A number out of range is reported for the table around it, which has one value: that one.
            match values.into_iter().find(|(table, _)| fault.span.as_ref() == Some(table)) {
                Some((_, value)) => Fault { span: Some(value), ..fault },
                None => fault,
            }
        })
    }
}

impl Preset {
    /// What is written, laid over the preset that it extends.
    pub(super) fn resolve(written: Written, base: Option<Self>) -> Result<Self> {
        let Written { description, extends: _, chain, draw } = written;
        let Some(base) = base else {
            let (description, Draw { pick }) = (description.unwrap_or_default(), draw.unwrap_or_default());
            return Ok(Self { description, chain: Chain::new(chain)?, pick });
        };
        Ok(Self {
            description: description.unwrap_or(base.description),
            chain: Chain::new(overlay(base.chain.stages(), chain))?,
            pick: draw.map_or(base.pick, |Draw { pick }| pick),
        })
    }

    /// The preset as a file that reads back as this very preset, one stage a line.
    ///
    /// # Errors
    /// A count above 2⁶³ − 1, which TOML cannot hold.
    pub fn to_toml(&self) -> Result<String> {
        let Self { description, chain, pick } = self;
        let mut parts = vec![line("description", &Value::from(description.as_str()))];
        for stage in chain.stages() {
            parts.push("\n[[chain]]\n".to_owned() + &line(stage.name(), &value_of(stage)?));
        }
        let pick = Value::try_from(pick).context("cannot write the preset as TOML")?;
        parts.push("\n[draw]\n".to_owned() + &line("pick", &pick));
        Ok(parts.concat())
    }
}

impl TryFrom<Resolved> for Preset {
    type Error = anyhow::Error;
    fn try_from(Resolved { description, chain, draw }: Resolved) -> Result<Self> {
        Ok(Self { description, chain: Chain::new(chain)?, pick: draw.pick })
    }
}

impl From<Preset> for Resolved {
    fn from(Preset { description, chain, pick }: Preset) -> Self {
        Self { description, chain: chain.stages().to_vec(), draw: Draw { pick } }
    }
}

/// The first stage of a name replaces the base's first of that name in its place, the second its second; what is new comes
/// last, but before a stage of the base that draws.
fn overlay(base: &[Stage], stages: Vec<Stage>) -> Vec<Stage> {
    let mut chain = base.to_vec();
    let mut replaced = vec![false; chain.len()];
    for stage in stages {
        match (0..replaced.len()).find(|&at| !replaced[at] && chain[at].name() == stage.name()) {
            Some(at) => {
                chain[at] = stage;
                replaced[at] = true;
            }
            None if chain.last().is_some_and(|last| last.role() == Role::Draw) => chain.insert(chain.len() - 1, stage),
            None => chain.push(stage),
        }
    }
    chain
}

/// The value of a stage, without its name.
pub(super) fn value_of(stage: &Stage) -> Result<Value> {
    let named = Value::try_from(stage).with_context(|| format!("cannot write the stage `{}` as TOML", stage.name()))?;
    named.get(stage.name()).cloned().with_context(|| format!("the stage `{}` is not written under its name", stage.name()))
}

/// A line of a file: a key and its value.
pub(super) fn line(key: &str, value: &Value) -> String {
    format!("{} = {}\n", key_of(key), inline(value))
}

/// A value on one line. (The toml crate spreads a string with a newline over several, in the middle of an inline table.)
fn inline(value: &Value) -> String {
    let list = |values: Vec<String>| values.join(", ");
    match value {
        Value::String(text) => quoted(text),
        Value::Array(values) => format!("[{}]", list(values.iter().map(inline).collect())),
        Value::Table(table) if table.is_empty() => "{}".to_owned(),
        Value::Table(table) => {
            let entry = |(key, value): (&String, &Value)| format!("{} = {}", key_of(key), inline(value));
            format!("{{ {} }}", list(table.iter().map(entry).collect()))
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => value.to_string(),
    }
}

fn key_of(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if bare { key.to_owned() } else { quoted(key) }
}

/// A basic string of TOML: quotes, backslashes and control characters are escaped, all else stands as it is.
fn quoted(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::ops::RangeInclusive;

    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::super::mistake::Mistake;
    use super::*;
    use crate::prob::{Alpha, Amplitude, Cycle, Dry, Multiplier, PenaltyAt, Period, Phase, Schedule, Shape, Share, Top, Unit};
    use crate::sampler::{Curve, EndOfText, Future, Horizon};

    fn read(text: &str) -> Preset {
        Preset::resolve(Written::read(text).unwrap(), None).unwrap()
    }

    fn names(preset: &Preset) -> Vec<&str> {
        preset.chain.stages().iter().map(Stage::name).collect()
    }

    #[test]
    fn the_names_of_the_stages_are_those_that_are_read() {
        let fault = Written::read("[[chain]]\nzzz = 1").err().unwrap();
        assert_eq!(fault.hint.unwrap(), format!("expected {}", super::super::words::listed(&STAGES)));
    }

    #[test]
    fn the_order_of_the_file_is_the_order_of_the_chain() {
        let preset =
            read("[[chain]]\ntemperature = 2\n[[chain]]\nmin-p = 0.1\n[[chain]]\ndry.multiplier = 1\n[[chain]]\ntop-k = 3");
        assert_eq!(names(&preset), ["temperature", "min-p", "dry", "top-k"]);
    }

    #[test]
    fn what_is_absent_is_off() {
        let preset = read("");
        assert_eq!((preset.chain.stages(), preset.pick, preset.description.as_str()), (&[][..], Pick::Sample, ""));
    }

    #[test]
    fn a_written_preset_reads_back_and_stands_on_lines_of_its_own() {
        let text = "description = \"a \\\"quote\\\"\"\n\n[[chain]]\ndry = { multiplier = 0.8, base = 1.75, allowed-length = 2, \
                    last = 1024, breakers = [\"\\n\", \"\\u007F\"], at = \"token\" }\n\n[[chain]]\ntop-k = 40\n\n[draw]\npick = \"argmax\"\n";
        assert_eq!(read(text).to_toml().unwrap(), text);
    }

    #[test]
    fn a_stage_of_the_same_name_replaces_in_place_and_a_new_one_is_appended() {
        let base =
            read("description = \"base\"\n[[chain]]\nmin-p = 0.1\n[[chain]]\ntemperature = 1\n[draw]\npick = \"argmax\"");
        let written = Written::read("[[chain]]\ntop-k = 5\n[[chain]]\nmin-p = 0.2").unwrap();
        let preset = Preset::resolve(written, Some(base)).unwrap();
        assert_eq!(names(&preset), ["min-p", "temperature", "top-k"]);
        assert_eq!(preset.chain.stages()[0], read("[[chain]]\nmin-p = 0.2").chain.stages()[0]);
        assert_eq!((preset.pick, preset.description.as_str()), (Pick::Argmax, "base"));
    }

    #[test]
    fn what_is_new_comes_before_a_stage_that_draws() {
        let base = read("[[chain]]\nmin-p = 0.1\n[[chain]]\nmirostat.tau = 5");
        let written = Written::read("[[chain]]\ntop-k = 5\n[[chain]]\ntemperature = 2").unwrap();
        let preset = Preset::resolve(written, Some(base.clone())).unwrap();
        assert_eq!(names(&preset), ["min-p", "top-k", "temperature", "mirostat"]);
        let two = Written::read("[[chain]]\nadaptive-p.target = 0.3").unwrap();
        assert!(
            Preset::resolve(two, Some(base)).unwrap_err().to_string().contains("goes on with `mirostat` after `adaptive-p`")
        );
    }

    #[test]
    fn the_second_of_a_name_replaces_the_second() {
        let base = read("[[chain]]\ntop-k = 40\n[[chain]]\nmin-p = 0.1\n[[chain]]\ntop-k = 20");
        let written = Written::read("[[chain]]\ntop-k = 4\n[[chain]]\ntop-k = 2\n[[chain]]\ntop-k = 1").unwrap();
        let preset = Preset::resolve(written, Some(base)).unwrap();
        assert_eq!(preset, read("[[chain]]\ntop-k = 4\n[[chain]]\nmin-p = 0.1\n[[chain]]\ntop-k = 2\n[[chain]]\ntop-k = 1"));
    }

    #[test]
    fn a_record_holds_the_preset_and_refuses_two_futures() {
        let preset = read("[[chain]]\nfuture = { candidates = 20, entropy-top = 20, alpha = { wave = { period = 60 } } }");
        let record = serde_json::to_string(&preset).unwrap();
        assert_eq!(serde_json::from_str::<Preset>(&record).unwrap(), preset);
        let (before, after) = record.split_once("\"chain\":[").unwrap();
        let (stage, rest) = after.split_once("],\"draw\"").unwrap();
        let twice = format!("{before}\"chain\":[{stage},{stage}],\"draw\"{rest}");
        assert!(serde_json::from_str::<Preset>(&twice).unwrap_err().to_string().contains("more than one stage `future`"));
    }

    fn any_stage() -> impl Strategy<Value = Stage> {
        let number = |name: &'static str, range: RangeInclusive<f64>| {
            range.prop_map(move |x| Written::read(&format!("[[chain]]\n{name} = {x:?}")).unwrap().chain.remove(0))
        };
        let breakers = proptest::collection::vec(".*", 0..4);
        let dry = (0.0..9.0, 0.0..9.0, 1_usize..99, 1_usize..=usize::MAX >> 1, breakers, any::<bool>());
        let future = (1_usize..300, 2_usize..300, -1.0..=1.0, 1e-9..1e9, 0.0..9.0, any::<bool>(), 0..3_usize);
        let words = proptest::collection::btree_map(".{1,9}", -1e9..1e9, 0..4);
        let read = |value: Value, name: &'static str| {
            Written::read(&format!("[[chain]]\n{}", line(name, &value))).unwrap().chain.remove(0)
        };
        let table =
            |pairs: Vec<(&str, Value)>| Value::Table(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect());
        let numbers = (1e-9..1e9, -9.0..9.0, 1_i64..999, 0.0..=0.99);
        prop_oneof![
            words.clone().prop_map(move |words| read(Value::try_from(words).unwrap(), "bias")),
            words.prop_map(move |words| read(Value::try_from(words.into_keys().collect::<Vec<_>>()).unwrap(), "ban")),
            numbers.prop_map(move |(positive, any, count, share): (f64, f64, i64, f64)| {
                let penalties = table(vec![
                    ("repeat", positive.into()),
                    ("frequency", any.into()),
                    ("presence", share.into()),
                    ("last", count.into()),
                ]);
                let dynamic =
                    table(vec![("low", share.into()), ("high", (1.0 + positive).into()), ("exponent", positive.into())]);
                let adaptive = table(vec![("target", share.into()), ("decay", share.into())]);
                match count % 5 {
                    0 => read(penalties, "penalties"),
                    1 => read(dynamic, "dynamic-temperature"),
                    2 => read(adaptive, "adaptive-p"),
                    3 => read(table(vec![("tau", positive.into()), ("eta", share.into())]), "mirostat"),
                    _ => read(table(vec![("probability", share.into()), ("threshold", share.into())]), "xtc"),
                }
            }),
            number("typical", 0.0..=1.0),
            number("top-h", 0.0..=1.0),
            number("top-n-sigma", 1e-9..=1e9),
            number("top-p", 0.0..=1.0),
            number("min-p", 0.0..=1.0),
            number("temperature", 0.0..=1e300),
            (1_usize..=usize::MAX >> 1).prop_map(|k| Stage::TopK(NonZeroUsize::new(k).unwrap())),
            dry.prop_map(|(multiplier, base, allowed, last, breakers, words)| Stage::Dry(Dry {
                multiplier: Multiplier::new(multiplier).unwrap(),
                base: Multiplier::new(base).unwrap(),
                allowed_length: NonZeroUsize::new(allowed).unwrap(),
                last: NonZeroUsize::new(last).unwrap(),
                breakers,
                at: if words { PenaltyAt::Word } else { PenaltyAt::Token },
            })),
            future.prop_map(|(k, n, alpha, period, amplitude, wave, end)| Stage::Future(Future {
                candidates: NonZeroUsize::new(k).unwrap(),
                entropy_top: Top::new(n).unwrap(),
                alpha: if wave {
                    Schedule::Cycle(
                        Shape::Saw,
                        Cycle {
                            period: Period::new(period).unwrap(),
                            amplitude: Amplitude::new(amplitude).unwrap(),
                            centre: Alpha::new(alpha).unwrap(),
                            phase: Phase::new(period * alpha).unwrap(),
                            unit: Unit::Sentence,
                            fade_in: Share::new(alpha.abs()).unwrap(),
                            fade_out: Share::default(),
                        },
                    )
                } else {
                    Schedule::Constant(Alpha::new(alpha).unwrap())
                },
                curve: if wave { Curve::Article } else { Curve::Crossfade },
                horizon: if wave { Horizon::Word } else { Horizon::Token },
                end_of_text: [EndOfText::Neutral, EndOfText::Never, EndOfText::Article][end],
            })),
        ]
    }

    fn any_preset() -> impl Strategy<Value = Preset> {
        let chain = proptest::collection::vec(any_stage(), 0..8).prop_map(|mut stages| {
            // One future, and what draws only at the end and not beside it.
            let (mut futures, count) = (0, stages.len());
            let mut at = 0;
            stages.retain(|stage| {
                futures += usize::from(stage.role() == Role::Future);
                at += 1;
                match stage.role() {
                    Role::Future => futures == 1,
                    Role::Draw => at == count && futures == 0,
                    _ => true,
                }
            });
            Chain::new(stages).unwrap()
        });
        (".*", chain, any::<bool>()).prop_map(|(description, chain, sample)| Preset {
            description,
            chain,
            pick: if sample { Pick::Sample } else { Pick::Argmax },
        })
    }

    proptest! {
        // A failure is told with its smallest case, which becomes a test by hand; no file of seeds is kept.
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_preset_is_written_and_read_back_the_same(preset in any_preset()) {
            prop_assert_eq!(&read(&preset.to_toml().unwrap()), &preset);
        }

        #[test]
        fn any_preset_survives_in_a_record(preset in any_preset()) {
            let record = serde_json::to_string(&preset).unwrap();
            prop_assert_eq!(serde_json::from_str::<Preset>(&record).unwrap(), preset);
        }

        #[test]
        fn a_torn_preset_is_a_mistake_or_a_preset_and_never_a_panic(preset in any_preset(), at in any::<Index>(), typed in ".{0,3}") {
            let mut text = preset.to_toml().unwrap();
            let at = (0..=at.index(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap();
            let end = (at + 1..=text.len()).find(|&end| text.is_char_boundary(end)).unwrap_or(at);
            text.replace_range(at..end, &typed);
            if let Err(fault) = Written::read(&text) {
                let message = Mistake::new("torn", &text, fault).to_string();
                prop_assert!(message.contains("torn"));
            }
        }
    }
}
