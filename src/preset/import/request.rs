//! What a client of a server would sample by: the fields of its request as a preset, alone or before another preset's future.

use anyhow::{Result, bail};
use serde_json::{Map, Value};

use super::Program;
use super::chain::{Settings, number_of};
use super::names;
use crate::preset::Preset;
use crate::sampler::{Chain, Pick, Role, Stage};

/// The preset that a request asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct OfRequest {
    /// The preset.
    pub preset: Preset,
    /// The names of fields that would do something elsewhere, and do nothing here.
    pub left_out: Vec<String>,
}

/// The chain of a request's own fields, by whatever names `SillyTavern`, `KoboldCpp`, text-generation-webui and llama.cpp know them, in
/// the order of `samplers`, `sampler_order` or `sampler_priority`. What no field names is off, and no default of those programs
/// stands in its place; who names no order gets llama.cpp's. A window that is not named, or is below 0, is the whole context, and
/// one of 0 is none. At a `temperature` of 0 the likeliest token is taken. Fields of anything else are ignored.
///
/// # Errors
/// A field of a sampler that is no number, or out of its range, by its name.
pub fn of_request(fields: &Map<String, Value>) -> Result<OfRequest> {
    let mut settings = read(fields)?;
    let stages = settings.stages()?;
    let left_out = settings.left_out(&stages)?;
    let pick = if settings.argmax { Pick::Argmax } else { Pick::Sample };
    Ok(OfRequest { preset: Preset { description: String::new(), chain: Chain::new(stages)?, pick, bans: None }, left_out })
}

/// The penalties and cuts of a request's fields, and behind them the preset's `future` with all that follows it there; the request's
/// `temperature`, where it has one, stands for those of the preset. Where the preset has no `future` it is the request's own chain.
///
/// # Errors
/// As [`of_request`].
pub fn laid_over(fields: &Map<String, Value>, preset: &Preset) -> Result<OfRequest> {
    let is_future = |stage: &Stage| stage.role() == Role::Future;
    let Some(at) = preset.chain.stages().iter().position(is_future) else { return of_request(fields) };
    let mut settings = read(fields)?;
    // What draws by its own rule cannot stand beside a future, nor keep the cuts from running.
    let steers = settings.numbers.remove(&("mirostat", "mode")).is_some_and(|mode| mode > 0.0);
    let comes_before = |stage: &Stage| matches!(stage.role(), Role::Words | Role::Cut | Role::Exclude);
    let mut stages: Vec<Stage> = settings.stages()?.into_iter().filter(comes_before).collect();
    let own = settings.temperature()?.filter(|stage| matches!(stage, Stage::Temperature(_)));
    let mut done = stages.clone();
    done.extend(own.clone());
    let mut left_out = settings.left_out(&done)?;
    left_out.extend(settings.keys_of("mirostat").take(usize::from(steers)).cloned());

    let tempers = |stage: &Stage| matches!(stage, Stage::Temperature(_) | Stage::DynamicTemperature(_));
    let mut behind = preset.chain.stages()[at..].to_vec();
    if let Some(own) = own {
        let place = behind.iter().position(tempers).unwrap_or(behind.len());
        behind.retain(|stage| !tempers(stage));
        behind.insert(place, own);
    }
    stages.extend(behind);
    let pick = if settings.argmax { Pick::Argmax } else { preset.pick };
    let (description, bans) = (preset.description.clone(), preset.bans.clone());
    Ok(OfRequest { preset: Preset { description, chain: Chain::new(stages)?, pick, bans }, left_out })
}

/// Whether a field of this name and value would change by itself what is drawn, where the client rules: it is a sampler's, and not
/// at the value at which that does nothing. What only shapes another field does nothing by itself.
#[must_use]
pub fn would_do(name: &str, value: &Value) -> bool {
    let Some(x) = number_of(value) else { return false };
    if let Some(off) = names::unsupported(name) {
        return x != off;
    }
    match names::number(name) {
        Some(("temperature", "")) => x != 1.0,
        Some(("penalties", "frequency" | "presence")) => x != 0.0,
        Some(("dynamic-temperature", "on" | "range")) => x > 0.0,
        Some((stage, key)) => {
            let elsewhere = names::elsewhere(stage);
            elsewhere.keys.first().is_some_and(|(first, _)| *first == key) && !(elsewhere.off)(x)
        }
        None => names::plain(name) == "do_sample" && x == 0.0,
    }
}

/// The settings in these fields.
fn read(fields: &Map<String, Value>) -> Result<Settings> {
    for (key, value) in fields {
        let is_number = names::number(key).is_some() || names::unsupported(key).is_some();
        if is_number && !value.is_null() && number_of(value).is_none() {
            bail!("`{key}` is {}, which is no number", crate::text::excerpt(&value.to_string(), 60));
        }
    }
    Ok(Settings::of(Program::Request, &Value::Object(fields.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> Map<String, Value> {
        serde_json::from_str(json).unwrap()
    }

    fn labels(preset: &Preset) -> Vec<String> {
        preset.chain.stages().iter().map(Stage::label).collect()
    }

    /// The labels of the chain that a request asks for, and what was left out.
    fn asked(json: &str) -> (Vec<String>, Vec<String>) {
        let OfRequest { preset, left_out } = of_request(&fields(json)).unwrap();
        (labels(&preset), left_out)
    }

    fn chain(stages: &[&str]) -> Preset {
        let stages = stages.iter().map(|stage| toml::from_str(stage).unwrap()).collect();
        Preset { description: "wave".to_owned(), chain: Chain::new(stages).unwrap(), pick: Pick::Sample, bans: None }
    }

    fn same(json: &str, stages: &[&str]) {
        let asked = of_request(&fields(json)).unwrap();
        assert_eq!(asked.preset.chain, chain(stages).chain, "{json}");
    }

    #[test]
    fn what_no_field_names_is_off() {
        assert_eq!(asked("{}"), (vec![], vec![]));
        assert_eq!(asked(r#"{"prompt": "a", "max_tokens": 9, "temperature": null, "grammar": "", "n": 3}"#), (vec![], vec![]));
        same(r#"{"temperature": 0.7}"#, &["temperature = 0.7"]);
        // All at the values at which they do nothing, as front-ends send them.
        let idle = r#"{"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "typical_p": 1, "typical": 1, "top_a": 0, "tfs": 1, "tfs_z": 1,
            "repetition_penalty": 1, "rep_pen": 1, "repeat_penalty": 1, "frequency_penalty": 0, "presence_penalty": 0, "rep_pen_range": 0,
            "repeat_last_n": 0, "dynatemp_range": 0, "dynatemp_exponent": 1, "smoothing_factor": 0, "smoothing_curve": 1,
            "dry_multiplier": 0, "dry_base": 1.75, "dry_allowed_length": 2, "dry_penalty_last_n": -1, "xtc_threshold": 0.1,
            "xtc_probability": 0, "nsigma": 0, "top_n_sigma": -1, "mirostat": 0, "mirostat_mode": 0, "mirostat_tau": 5,
            "adaptive_target": -1, "adaptive_decay": 0.9, "guidance_scale": 1, "skew": 0, "rep_pen_slope": 0, "epsilon_cutoff": 0,
            "eta_cutoff": 0, "do_sample": true, "dynamic_temperature": false}"#;
        assert_eq!(asked(idle), (vec!["temperature 1".to_owned()], vec![]));
        assert!(fields(idle).iter().all(|(name, value)| !would_do(name, value)));
    }

    #[test]
    fn stages_stand_in_the_order_that_the_client_names_or_in_llama_cpps() {
        let all = r#""temp": 0.8, "min_p": 0.1, "top_k": 40, "xtc_probability": 0.5, "smoothing_factor": 0.2"#;
        let names = |order: &str| {
            let asked = of_request(&fields(&format!("{{{all}{order}}}"))).unwrap();
            let names: Vec<&str> = asked.preset.chain.stages().iter().map(Stage::name).collect();
            (names.join(" "), asked.left_out)
        };
        let none = Vec::<String>::new();
        assert_eq!(names(""), ("top-k min-p xtc temperature quadratic".into(), none.clone()));
        let samplers = r#", "samplers": ["temperature", "min_p", "top_k", "quadratic_sampling", "xtc"]"#;
        assert_eq!(names(samplers), ("temperature min-p top-k quadratic xtc".into(), none.clone()));
        // What llama.cpp's list leaves out does not run, and is told.
        assert_eq!(names(r#", "samplers": ["min_p", "temperature"]"#).0, "min-p temperature");
        assert_eq!(names(r#", "samplers": ["min_p", "temperature"]"#).1, ["top_k", "xtc_probability", "smoothing_factor"]);
        assert_eq!(
            names(r#", "sampler_order": [6, 5, 0, 1, 3, 4, 2]"#),
            ("temperature quadratic top-k min-p xtc".into(), none.clone())
        );
        let priority = r#", "sampler_priority": ["top_k", "temperature", "min_p", "quadratic_sampling", "xtc"]"#;
        assert_eq!(names(priority), ("top-k temperature min-p quadratic xtc".into(), none.clone()));
        assert_eq!(
            names(r#", "sampler_priority": "top_k\ntemperature", "temperature_last": true"#).0,
            "min-p xtc top-k temperature quadratic"
        );
    }

    #[test]
    fn a_window_below_0_or_unnamed_is_the_whole_context_and_one_of_0_is_none() {
        let penalties = |last: &str| [format!("penalties = {{ repeat = 1.1, frequency = 0, presence = 0, last = {last} }}")];
        for (window, last) in [("", "'all'"), (r#", "repeat_last_n": -1"#, "'all'"), (r#", "rep_pen_range": 512"#, "512")] {
            same(&format!(r#"{{"repeat_penalty": 1.1{window}}}"#), &penalties(last).each_ref().map(String::as_str));
        }
        same(r#"{"repeat_penalty": 1.1, "repeat_last_n": 0}"#, &[]);
        same(r#"{"presence_penalty": 0.5}"#, &["penalties = { repeat = 1, frequency = 0, presence = 0.5, last = 'all' }"]);
        let dry = |more: &str| format!("dry = {{ multiplier = 0.8, base = 1.75, allowed-length = 2, at = 'token', {more} }}");
        same(r#"{"dry_multiplier": 0.8, "dry_penalty_last_n": -1}"#, &[&dry("last = 'all'")]);
        same(r#"{"dry_multiplier": 0.8, "dry_penalty_last_n": 300}"#, &[&dry("last = 300")]);
    }

    #[test]
    fn breakers_come_as_a_list_as_a_text_of_one_or_empty() {
        let dry = |breakers: &str| format!("dry = {{ multiplier = 0.8, at = 'token', last = 'all', breakers = {breakers} }}");
        for (sent, breakers) in
            [(r#"["\n", ":"]"#, r#"["\n", ":"]"#), (r#""[\"\\n\", \":\"]""#, r#"["\n", ":"]"#), (r#""""#, "[]"), ("[]", "[]")]
        {
            same(&format!(r#"{{"dry_multiplier": 0.8, "dry_sequence_breakers": {sent}}}"#), &[&dry(breakers)]);
        }
        // Where none are sent they are those that this stage has by itself.
        same(
            r#"{"dry_multiplier": 0.8, "dry_sequence_breakers": null}"#,
            &["dry = { multiplier = 0.8, at = 'token', last = 'all' }"],
        );
    }

    #[test]
    fn what_cannot_be_honoured_is_named_and_what_cannot_be_is_refused() {
        assert_eq!(
            asked(r#"{"guidance_scale": 1.5, "no_repeat_ngram_size": 3, "skew": 0}"#).1,
            ["guidance_scale", "no_repeat_ngram_size"]
        );
        let (stages, left_out) = asked(r#"{"mirostat": 2, "mirostat_tau": 4, "min_p": 0.1, "temperature": 0.8}"#);
        assert_eq!((stages.len(), left_out), (2, vec!["min_p".to_owned()]));
        let refused = |json: &str| format!("{:#}", of_request(&fields(json)).unwrap_err());
        assert_eq!(refused(r#"{"temperature": "hot"}"#), "`temperature` is \"hot\", which is no number");
        assert_eq!(refused(r#"{"top_k": [4]}"#), "`top_k` is [4], which is no number");
        assert!(refused(r#"{"xtc_probability": 4}"#).starts_with("`xtc_probability` cannot be sampled by: "));
        // A number in a text is one.
        same(r#"{"temperature": "0.5"}"#, &["temperature = 0.5"]);
    }

    #[test]
    fn the_likeliest_token_is_taken_where_nothing_is_drawn() {
        same(r#"{"temperature": 0, "top_p": 0.9}"#, &["top-p = 0.9", "temperature = 0"]);
        assert_eq!(of_request(&fields(r#"{"do_sample": false}"#)).unwrap().preset.pick, Pick::Argmax);
        assert!(would_do("do_sample", &Value::Bool(false)) && would_do("temperature", &0.into()));
    }

    #[test]
    fn over_a_preset_the_clients_cuts_stand_before_its_future_and_the_clients_temperature_behind() {
        let future = "future = { candidates = 20, entropy-top = 20, alpha = { wave = { period = 60 } } }";
        let wave = chain(&["dry = { multiplier = 0.8 }", "min-p = 0.02", future, "temperature = 1.2"]);
        let over = |json: &str, preset: &Preset| {
            let OfRequest { preset, left_out } = laid_over(&fields(json), preset).unwrap();
            (preset, left_out)
        };
        let (both, left_out) = over(r#"{"temperature": 0.9, "top_k": 40, "repeat_penalty": 1.1, "repeat_last_n": 64}"#, &wave);
        let penalties = "penalties = { repeat = 1.1, frequency = 0, presence = 0, last = 64 }";
        assert_eq!(both, chain(&[penalties, "top-k = 40", future, "temperature = 0.9"]));
        assert!(left_out.is_empty());
        // Without a temperature of the client's the preset's stays, and without any the client's is added.
        assert_eq!(over(r#"{"min_p": 0.1}"#, &wave).0, chain(&["min-p = 0.1", future, "temperature = 1.2"]));
        assert_eq!(over(r#"{"temperature": 0.5}"#, &chain(&[future])).0, chain(&[future, "temperature = 0.5"]));
        // What draws by a rule of its own, or reshapes otherwise, has no place beside a future.
        let (both, left_out) = over(
            r#"{"mirostat": 2, "min_p": 0.1, "smoothing_factor": 0.3, "adaptive_target": 0.5, "dynatemp_range": 0.5}"#,
            &wave,
        );
        assert_eq!(both, chain(&["min-p = 0.1", future, "temperature = 1.2"]));
        assert_eq!(left_out, ["dynatemp_range", "smoothing_factor", "adaptive_target", "mirostat"]);
        // A preset without a future has nothing to follow the client's.
        assert_eq!(over(r#"{"top_k": 3}"#, &chain(&["min-p = 0.1"])).0.chain, chain(&["top-k = 3"]).chain);
    }
}
