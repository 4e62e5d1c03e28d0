//! What a preset is.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Value;

use super::{Edit, overlay};
use crate::bans::{Bans, Matcher};
use crate::prob::keys_in_order;
use crate::sampler::{Chain, Pick, Sampler, Stage};

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
    /// What its stories are not to say.
    pub bans: Option<Arc<Matcher>>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bans: Option<Bans>,
}

/// The table `[draw]`.
#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = keys_in_order::<Self>)]
pub(super) struct Draw {
    /// How a token is picked from what the chain leaves: "sample" draws, "argmax" takes the likeliest.
    #[serde(default)]
    pub pick: Pick,
}

impl Preset {
    /// Its sampler.
    #[must_use]
    pub fn sampler(&self) -> Sampler {
        Sampler::new(self.chain.clone(), self.pick).with_bans(self.bans.clone())
    }

    /// The preset that a record has kept as TOML.
    ///
    /// # Errors
    /// It is no preset: what is wrong with it, in one sentence.
    pub fn of_record(resolved: &str) -> Result<Self> {
        let mut preset = overlay::read(resolved).map_err(|fault| anyhow!(fault.cause))?;
        // Records name every key of a stage. One in which DRY has no `at` is of a time when it punished at any token.
        let table: toml::Table = toml::from_str(resolved)?;
        let stages = table.get("chain").and_then(Value::as_array).into_iter().flatten();
        if stages.filter_map(|stage| stage.get("dry")).any(|dry| dry.get("at").is_none()) {
            preset.set(&Edit::parse("dry.at=token")?)?;
        }
        Ok(preset)
    }
}

impl TryFrom<Resolved> for Preset {
    type Error = anyhow::Error;
    fn try_from(Resolved { description, chain, draw, bans }: Resolved) -> Result<Self> {
        let bans = bans.map(Matcher::new).transpose()?.map(Arc::new);
        Ok(Self { description, chain: Chain::new(chain)?, pick: draw.pick, bans })
    }
}

impl From<Preset> for Resolved {
    fn from(Preset { description, chain, pick, bans }: Preset) -> Self {
        let bans = bans.map(|bans| bans.bans().clone());
        Self { description, chain: chain.stages().to_vec(), draw: Draw { pick }, bans }
    }
}

/// The value of a stage, without its name.
pub(super) fn value_of(stage: &Stage) -> Result<Value> {
    let named = Value::try_from(stage).with_context(|| format!("cannot write the stage `{}` as TOML", stage.name()))?;
    named.get(stage.name()).cloned().with_context(|| format!("the stage `{}` is not written under its name", stage.name()))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::ops::RangeInclusive;

    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::super::mistake::{Fault, Mistake};
    use super::super::overlay::Draft;
    use super::super::writing::line;
    use super::*;
    use crate::bans::Redraw;
    use crate::prob::{
        Alpha, Amplitude, Ceiling, Cycle, Excess, Last, Multiplier, Part, Period, Phase, Schedule, Shape, Share, Top, Unit,
    };
    use crate::sampler::{Against, Curve, Dry, EndOfText, Future, Horizon, PenaltyAt, Role, TopK};

    fn read(text: &str) -> Preset {
        overlay::read(text).unwrap()
    }

    fn over(below: &Preset, text: &str) -> Result<Preset, Fault> {
        Draft::read(text)?.resolve(Some(below))
    }

    fn names(preset: &Preset) -> Vec<&str> {
        preset.chain.stages().iter().map(Stage::name).collect()
    }

    #[test]
    fn a_record_of_before_dry_had_a_place_keeps_the_rule_that_told_its_story() {
        let at = |resolved: &str| match Preset::of_record(resolved).unwrap().chain.stages() {
            [Stage::Dry(dry)] => dry.at,
            other => panic!("{other:?}"),
        };
        let before = "[[chain]]\ndry = { multiplier = 0.8, base = 1.75, allowed-length = 2, last = 1024, breakers = [] }";
        assert_eq!(at(before), PenaltyAt::Token);
        let now = Preset::of_record(before).unwrap();
        assert_eq!(at(&now.to_toml().unwrap()), PenaltyAt::Token);
        assert_eq!(at(&read("[[chain]]\ndry = { multiplier = 0.8 }").to_toml().unwrap()), PenaltyAt::Word);
    }

    #[test]
    fn the_names_of_the_stages_are_those_that_are_read() {
        let fault = overlay::read("[[chain]]\nzzz = 1").unwrap_err();
        assert_eq!(
            fault.hint.unwrap(),
            format!("expected {}", super::super::words::listed(&super::super::vocabulary::names()))
        );
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
    fn a_stage_of_the_same_name_changes_in_place_and_a_new_one_comes_where_it_does_its_work() {
        let below =
            read("description = \"below\"\n[[chain]]\nmin-p = 0.1\n[[chain]]\ntemperature = 1\n[draw]\npick = \"argmax\"");
        let preset = over(&below, "[[chain]]\ntop-k = 5\n[[chain]]\nmin-p = 0.2").unwrap();
        assert_eq!(names(&preset), ["min-p", "top-k", "temperature"]);
        assert_eq!(preset.chain.stages()[0], read("[[chain]]\nmin-p = 0.2").chain.stages()[0]);
        assert_eq!((preset.pick, preset.description.as_str()), (Pick::Argmax, "below"));
        assert_eq!(over(&below, "[draw]").unwrap(), below);
    }

    #[test]
    fn a_table_changes_the_keys_that_it_names_and_keeps_the_others() {
        let below = read(
            "[[chain]]\nbias = { rain = 2 }\n[[chain]]\ndry = { multiplier = 2, base = 1.5 }\n[[chain]]\ntemperature = { wave = { period = 9, centre = 0.5 } }",
        );
        let changed = |text: &str| over(&below, &format!("[[chain]]\n{text}")).unwrap().to_toml().unwrap();
        assert!(
            changed("dry = { last = \"all\" }").contains("multiplier = 2.0, base = 1.5, allowed-length = 2, last = \"all\"")
        );
        assert!(changed("bias.snow = -1").contains("bias = { rain = 2.0, snow = -1.0 }"));
        assert!(changed("temperature.wave.period = 5").contains("wave = { period = 5.0, amplitude = 0.3, centre = 0.5"));
        assert!(
            changed("temperature = { saw = { period = 5 } }").contains("saw = { period = 5.0, amplitude = 0.3, centre = 1.0")
        );
        assert!(changed("temperature = 2").contains("temperature = 2.0"));
    }

    #[test]
    fn off_takes_away_every_stage_of_the_name_that_nothing_has_replaced() {
        let below = read("[[chain]]\ntop-k = 40\n[[chain]]\nmin-p = 0.1\n[[chain]]\ntop-k = 20");
        assert_eq!(names(&over(&below, "[[chain]]\ntop-k = \"off\"").unwrap()), ["min-p"]);
        assert_eq!(names(&over(&below, "[[chain]]\ntop-k = 3\n[[chain]]\ntop-k = \"off\"").unwrap()), ["top-k", "min-p"]);
        assert_eq!(names(&over(&below, "[[chain]]\ntop-k = \"off\"\n[[chain]]\ntop-k = 3").unwrap()), ["min-p", "top-k"]);
        assert_eq!(over(&below, "[[chain]]\ndry = \"off\"").unwrap(), below);
        // It makes room for what could not stand beside it.
        let steered = read("[[chain]]\nmin-p = 0.1\n[[chain]]\nmirostat.tau = 5");
        let future = "[[chain]]\nfuture = { candidates = 9, entropy-top = 9, alpha = 0 }\n[[chain]]\nmirostat = \"off\"";
        assert_eq!(names(&over(&steered, future).unwrap()), ["min-p", "future"]);
    }

    #[test]
    fn what_is_new_comes_before_a_stage_that_draws() {
        let below = read("[[chain]]\nmin-p = 0.1\n[[chain]]\nmirostat.tau = 5");
        let preset = over(&below, "[[chain]]\ntop-k = 5\n[[chain]]\ntemperature = 2").unwrap();
        assert_eq!(names(&preset), ["min-p", "top-k", "temperature", "mirostat"]);
        let text = "[[chain]]\ntop-k = 5\n[[chain]]\nadaptive-p.target = 0.3";
        let fault = over(&below, text).unwrap_err();
        assert!(fault.cause.contains("goes on with `adaptive-p` after `mirostat`"), "{fault:?}");
        assert!(text[fault.span.unwrap().start..].starts_with("adaptive-p"));
    }

    #[test]
    fn the_second_of_a_name_changes_the_second() {
        let below = read("[[chain]]\ntop-k = 40\n[[chain]]\nmin-p = 0.1\n[[chain]]\ntop-k = 20");
        let preset = over(&below, "[[chain]]\ntop-k = 4\n[[chain]]\ntop-k = 2\n[[chain]]\ntop-k = 1").unwrap();
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

    #[test]
    fn bans_are_read_added_to_and_written_as_they_are() {
        let bans = |preset: &Preset| preset.bans.as_ref().unwrap().bans().clone();
        let own = read("[bans]\nphrases = ['a testament to']\nat = 'end'");
        assert_eq!(
            (bans(&own).phrases, bans(&own).at, bans(&own).within.get()),
            (vec!["a testament to".to_owned()], Redraw::End, 200)
        );
        assert_eq!(read(&own.to_toml().unwrap()), own);
        assert_eq!(read(&own.to_commented_toml().unwrap()), own);
        assert_eq!(Preset::of_record(&own.to_toml().unwrap()).unwrap(), own);
        // A list is in the preset with all that it holds, whatever becomes of the list.
        let listed = over(&own, "[bans]\nlists = ['worn']").unwrap();
        assert!(bans(&listed).phrases.len() > 20 && bans(&listed).lists.is_empty() && bans(&listed).at == Redraw::End);
        assert_eq!(bans(&listed).phrases.iter().filter(|phrase| *phrase == "a testament to").count(), 1);
        // What is not written stays, and what bans nothing is none.
        assert_eq!(over(&own, "[[chain]]\nmin-p = 0.1").unwrap().bans, own.bans);
        assert_eq!(read("[bans]").bans, None);
        let mut edited = own.clone();
        edited.set(&Edit::parse("bans.strength=0.5").unwrap()).unwrap();
        assert_eq!((bans(&edited).strength, bans(&edited).phrases), (0.5, bans(&own).phrases));
        let json = serde_json::to_string(&own).unwrap();
        assert_eq!(serde_json::from_str::<Preset>(&json).unwrap(), own);
    }

    #[test]
    fn bans_that_cannot_be_meant_are_refused_where_they_stand() {
        for (text, cause, hint) in [
            (
                "phrases = ['e']",
                "the bans cannot be meant: phrase 1 is the one letter `e`: every text would be banned that has it as a word",
                None,
            ),
            ("patterns = ['.*']", "the bans cannot be meant: pattern 1 matches every text", None),
            ("lists = ['wrn']", "there is no list of bans `wrn`", Some("did you mean `worn`?")),
            ("at = 'middle'", "unknown value `middle`", Some("expected `start`, `end` or `auto`")),
            ("phrase = ['so']", "unknown key `phrase`", Some("did you mean `phrases`?")),
            ("strength = 0", "the bans cannot be meant: `strength` must be above 0 and at most 1", None),
        ] {
            let phrases = if text.contains("strength") { "phrases = ['so it goes']\n" } else { "" };
            let whole = format!("[bans]\n{phrases}{text}");
            let fault = overlay::read(&whole).unwrap_err();
            assert_eq!((fault.cause.as_str(), fault.hint.as_deref()), (cause, hint), "{text}");
            assert!(fault.span.is_some_and(|span| span.end <= whole.len()), "{text}");
        }
        let twice = overlay::read("[[bans]]\nphrases = ['so']").unwrap_err();
        assert_eq!((twice.cause.as_str(), twice.hint.as_deref()), ("`bans` is one table, not a list", Some("write `[bans]`")));
    }

    fn any_stage() -> impl Strategy<Value = Stage> {
        let number = |name: &'static str, range: RangeInclusive<f64>| {
            range.prop_map(move |x| read(&format!("[[chain]]\n{name} = {x:?}")).chain.stages()[0].clone())
        };
        let breakers = proptest::collection::vec(".*", 0..4);
        let dry = (0.0..9.0, 0.0..9.0, 1_usize..99, 1_usize..=usize::MAX >> 1, breakers, any::<bool>());
        let future = (1_usize..300, 2_usize..300, -1.0..=1.0, 1e-9..1e9, 0.0..9.0, any::<bool>(), 0..3_usize);
        let words = proptest::collection::btree_map(".{1,9}", -1e9..1e9, 0..4);
        let stage_of =
            |value: Value, name: &'static str| read(&format!("[[chain]]\n{}", line(name, &value))).chain.stages()[0].clone();
        let table =
            |pairs: Vec<(&str, Value)>| Value::Table(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect());
        let numbers = (1e-9..1e9, -9.0..9.0, 1_i64..999, 0.0..=0.99);
        prop_oneof![
            words.clone().prop_map(move |words| stage_of(Value::try_from(words).unwrap(), "bias")),
            words.prop_map(move |words| stage_of(Value::try_from(words.into_keys().collect::<Vec<_>>()).unwrap(), "ban")),
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
                let quadratic = table(vec![("factor", positive.into()), ("curve", (1.0 + positive).into())]);
                match count % 6 {
                    5 => stage_of(quadratic, "quadratic"),
                    0 => stage_of(penalties, "penalties"),
                    1 => stage_of(dynamic, "dynamic-temperature"),
                    2 => stage_of(adaptive, "adaptive-p"),
                    3 => stage_of(table(vec![("tau", positive.into()), ("eta", share.into())]), "mirostat"),
                    _ => stage_of(table(vec![("probability", share.into()), ("threshold", share.into())]), "xtc"),
                }
            }),
            number("typical", 0.0..=1.0),
            number("top-h", 0.0..=1.0),
            number("top-n-sigma", 1e-9..=1e9),
            number("top-p", 0.0..=1.0),
            number("top-a", 0.0..=1.0),
            number("epsilon", 0.0..=1.0),
            number("eta", 0.0..=1.0),
            number("tail-free", 0.0..=1.0),
            number("min-p", 0.0..=1.0),
            number("temperature", 0.0..=1e300),
            (1_usize..=usize::MAX >> 1).prop_map(|k| Stage::TopK(TopK(NonZeroUsize::new(k).unwrap()))),
            dry.prop_map(|(multiplier, base, allowed, last, breakers, words)| Stage::Dry(Dry {
                multiplier: Multiplier::new(multiplier).unwrap(),
                base: Multiplier::new(base).unwrap(),
                allowed_length: NonZeroUsize::new(allowed).unwrap(),
                last: if last % 7 == 0 { Last::All } else { Last::Tokens(NonZeroUsize::new(last).unwrap()) },
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
                            above: Part::new(alpha.abs()).unwrap(),
                            below: Part::default(),
                            phase: Phase::new(period * alpha).unwrap(),
                            unit: Unit::Sentence,
                            fade_in: Share::new(alpha.abs()).unwrap(),
                            fade_out: Share::default(),
                        },
                    )
                } else {
                    Schedule::Constant(Alpha::new(alpha).unwrap())
                },
                curve: [Curve::Article, Curve::Crossfade, Curve::Openness][end],
                horizon: if wave { Horizon::Word } else { Horizon::Token },
                ceiling: Ceiling::new(1.0 - alpha.abs() / 2.0).unwrap(),
                derail: wave.then(|| Excess::new(amplitude + 0.1).unwrap()),
                baseline: if alpha < 0.0 { Against::Model } else { Against::None },
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
            bans: None,
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
            if let Err(fault) = overlay::read(&text) {
                let message = Mistake::new("torn", &text, fault).to_string();
                prop_assert!(message.contains("torn"));
            }
        }
    }
}
