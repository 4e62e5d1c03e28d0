//! How an arm was told, as far as it matters for comparing it: its family, and its temperature where that is all that tells it from
//! others.

use std::sync::LazyLock;

use regex::Regex;
use toml::{Table, Value};

/// How an arm was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Settings of one family differ in their numbers: the name of the preset, without its folder and changes.
    pub family: String,
    /// The temperature, where the chain draws from what the model says at one temperature throughout.
    pub temperature: Option<f64>,
    /// What else is in that chain: arms with the same stand on one curve of temperature.
    pub beside: String,
    /// Whether its chain asks for the future: then it is what is evaluated, and no baseline.
    pub looks_ahead: bool,
    /// The period of its wave in tokens, where it has one.
    pub period: Option<f64>,
}

/// What changes nothing in how a temperature is told from another: what is cut, and what is penalised. Anything else looks ahead,
/// reweights, or steers, and is a family of its own.
const PLAIN: [&str; 8] = ["temperature", "top-k", "top-p", "min-p", "dry", "penalties", "ban", "bias"];

impl Setting {
    /// The setting of a preset: the name by which it was asked for with its changes, and the preset as it ran.
    #[must_use]
    pub fn of_preset(label: &str, resolved: &str) -> Self {
        let asked = label.split(" · ").next().unwrap_or(label);
        let family = asked.rsplit(['/', '\\']).next().unwrap_or(asked).trim_end_matches(".toml").to_owned();
        let preset: Option<Table> = toml::from_str(resolved).ok();
        let (temperature, beside) = preset.as_ref().and_then(plain).unzip();
        let looks_ahead = preset.as_ref().is_some_and(|preset| stages(preset).any(|(name, _)| name == "future"));
        let period = preset.as_ref().and_then(period);
        Self { family, temperature, beside: beside.unwrap_or_default(), looks_ahead, period }
    }

    /// The setting of a folder, which may be called after its temperature: `temperature-0.8`, `t=1.2`.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        static NAME: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"(?i)^(?:temperature|temp|t)[-=_ ]?(\d+(?:\.\d+)?)$").expect("a test compiles it"));
        let temperature = NAME.captures(name).and_then(|found| found[1].parse().ok());
        let family = if temperature.is_some() { "temperature" } else { name };
        Self { family: family.to_owned(), temperature, beside: String::new(), looks_ahead: false, period: None }
    }
}

/// The stages of a chain, each with what it is set to.
fn stages(preset: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let chain = preset.get("chain").and_then(Value::as_array).into_iter().flatten();
    chain.filter_map(Value::as_table).flat_map(Table::iter)
}

/// The period of the wave of a chain's `future`, where it is a number of tokens.
fn period(preset: &Table) -> Option<f64> {
    let (_, future) = stages(preset).find(|(name, _)| *name == "future")?;
    let wave = future.get("alpha")?.get("wave")?;
    let in_tokens = wave.get("unit").is_none_or(|unit| unit.as_str() == Some("token"));
    wave.get("period").filter(|_| in_tokens).and_then(number)
}

fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}

/// The temperature of a chain that does nothing else than cut and penalise, and the rest of it.
fn plain(preset: &Table) -> Option<(f64, String)> {
    let draws = preset.get("draw").and_then(|draw| draw.get("pick")).is_none_or(|pick| pick.as_str() == Some("sample"));
    let stages: Vec<(&String, &Value)> = stages(preset).collect();
    if !draws || !stages.iter().all(|(name, _)| PLAIN.contains(&name.as_str())) {
        return None;
    }
    let temperatures: Vec<&Value> = stages.iter().filter(|(name, _)| *name == "temperature").map(|(_, value)| *value).collect();
    let temperature = match temperatures[..] {
        [] => 1.0,
        [value] => number(value)?,
        _ => return None,
    };
    let beside: Vec<String> =
        stages.iter().filter(|(name, _)| *name != "temperature").map(|(name, value)| format!("{name} = {value}")).collect();
    Some((temperature, beside.join(", ")))
}

/// The arms of the temperature curve: of those that share all else the most, at two temperatures or more, ascending. Of equally many
/// the first; none where no two arms differ in their temperature only.
#[must_use]
pub fn temperatures(settings: &[&Setting]) -> Vec<usize> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, setting) in settings.iter().enumerate().filter(|(_, setting)| setting.temperature.is_some()) {
        match groups.iter_mut().find(|group| settings[group[0]].beside == setting.beside) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    let temperature = |at: usize| settings[at].temperature.unwrap_or(f64::NAN);
    for group in &mut groups {
        group.sort_by(|&one, &two| temperature(one).total_cmp(&temperature(two)));
        group.dedup_by(|one, two| temperature(*one) == temperature(*two));
    }
    let groups = groups.into_iter().filter(|group| group.len() > 1);
    groups.rev().max_by_key(Vec::len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(label: &str, chain: &str) -> Setting {
        Setting::of_preset(label, chain)
    }

    #[test]
    fn a_chain_that_only_cuts_and_penalises_has_a_temperature() {
        let told = of("plans/temperature.toml · temperature=0.8", "[[chain]]\nmin-p = 0.05\n[[chain]]\ntemperature = 0.8");
        assert_eq!((told.family.as_str(), told.temperature, told.beside.as_str()), ("temperature", Some(0.8), "min-p = 0.05"));
        assert_eq!(of("a", "[[chain]]\nmin-p = 0.05").temperature, Some(1.0));
        for other in [
            "[[chain]]\nfuture = { alpha = 0.0 }\n[[chain]]\ntemperature = 1.0",
            "[[chain]]\ntemperature = { fade = { from = 1.0, to = 2.0, over = 9 } }",
            "[[chain]]\ntemperature = 1.0\n[draw]\npick = \"argmax\"",
            "nothing",
        ] {
            assert_eq!(of("a", other).temperature, None, "{other}");
        }
    }

    #[test]
    fn a_chain_that_asks_for_the_future_looks_ahead_and_may_have_a_wave() {
        let wave = of("wave", "[[chain]]\nfuture = { alpha = { wave = { period = 60 } } }");
        assert_eq!((wave.looks_ahead, wave.period), (true, Some(60.0)));
        let of_sentences = of("tide", "[[chain]]\nfuture = { alpha = { wave = { period = 3, unit = \"sentence\" } } }");
        assert_eq!((of_sentences.looks_ahead, of_sentences.period), (true, None));
        assert!(!of("a", "[[chain]]\nmin-p = 0.05").looks_ahead);
    }

    #[test]
    fn a_folder_may_be_called_after_its_temperature() {
        for (name, temperature) in
            [("temperature-0.8", Some(0.8)), ("T=1.2", Some(1.2)), ("t1", Some(1.0)), ("tide", None), ("t1x", None)]
        {
            assert_eq!(Setting::of_name(name).temperature, temperature, "{name}");
        }
    }

    #[test]
    fn the_temperature_curve_is_the_longest_of_what_differs_in_temperature_only() {
        let min_p = |p: f64, t: f64| of("x", &format!("[[chain]]\nmin-p = {p}\n[[chain]]\ntemperature = {t:?}"));
        let all = [
            min_p(0.1, 1.0),
            min_p(0.05, 1.4),
            min_p(0.05, 0.7),
            of("wave", "[[chain]]\nfuture = {}"),
            min_p(0.1, 1.5),
            min_p(0.05, 1.0),
        ];
        assert_eq!(temperatures(&all.each_ref()), [2, 5, 1]);
        assert_eq!(temperatures(&[&all[0], &all[1]]), Vec::<usize>::new());
    }
}
