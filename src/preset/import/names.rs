//! What other programs call the things that a chain is made of.

use serde_json::Value;

/// A number that a stage is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Number {
    Temperature,
    TopK,
    TopP,
    MinP,
    Typical,
    TopNSigma,
    TopH,
    Repeat,
    Frequency,
    Presence,
    RepeatLast,
    DryMultiplier,
    DryBase,
    DryAllowed,
    DryLast,
    XtcProbability,
    XtcThreshold,
    DynamicOn,
    DynamicRange,
    DynamicLow,
    DynamicHigh,
    DynamicExponent,
    Mirostat,
    Tau,
    Eta,
    Target,
    Decay,
    TemperatureLast,
}

/// A stage of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sampler {
    Penalties,
    Dry,
    TopNSigma,
    TopK,
    Typical,
    TopP,
    MinP,
    TopH,
    Xtc,
    Temperature,
    AdaptiveP,
}

/// Their keys, in small letters with underscores.
const NUMBERS: &[(&str, Number)] = &[
    ("temp", Number::Temperature),
    ("temperature", Number::Temperature),
    ("top_k", Number::TopK),
    ("top_p", Number::TopP),
    ("min_p", Number::MinP),
    ("typical", Number::Typical),
    ("typical_p", Number::Typical),
    ("typ_p", Number::Typical),
    ("nsigma", Number::TopNSigma),
    ("top_n_sigma", Number::TopNSigma),
    ("top_nsigma", Number::TopNSigma),
    ("top_h", Number::TopH),
    ("rep_pen", Number::Repeat),
    ("repetition_penalty", Number::Repeat),
    ("repeat_penalty", Number::Repeat),
    ("freq_pen", Number::Frequency),
    ("frequency_penalty", Number::Frequency),
    ("presence_pen", Number::Presence),
    ("presence_penalty", Number::Presence),
    ("rep_pen_range", Number::RepeatLast),
    ("repetition_penalty_range", Number::RepeatLast),
    ("repeat_last_n", Number::RepeatLast),
    ("dry_multiplier", Number::DryMultiplier),
    ("dry_base", Number::DryBase),
    ("dry_allowed_length", Number::DryAllowed),
    ("dry_penalty_last_n", Number::DryLast),
    ("xtc_probability", Number::XtcProbability),
    ("xtc_threshold", Number::XtcThreshold),
    ("dynatemp", Number::DynamicOn),
    ("dynamic_temperature", Number::DynamicOn),
    ("dynatemp_range", Number::DynamicRange),
    ("min_temp", Number::DynamicLow),
    ("dynatemp_low", Number::DynamicLow),
    ("max_temp", Number::DynamicHigh),
    ("dynatemp_high", Number::DynamicHigh),
    ("dynatemp_exponent", Number::DynamicExponent),
    ("dynatemp_exp", Number::DynamicExponent),
    ("mirostat", Number::Mirostat),
    ("mirostat_mode", Number::Mirostat),
    ("mirostat_tau", Number::Tau),
    ("mirostat_ent", Number::Tau),
    ("mirostat_eta", Number::Eta),
    ("mirostat_lr", Number::Eta),
    ("adaptive_target", Number::Target),
    ("adaptive_decay", Number::Decay),
    ("temperature_last", Number::TemperatureLast),
];

/// Samplers that are not here, each with the value at which it does nothing.
const STRANGERS: &[(&str, f64)] = &[
    ("tfs", 1.0),
    ("tfs_z", 1.0),
    ("top_a", 0.0),
    ("epsilon_cutoff", 0.0),
    ("eta_cutoff", 0.0),
    ("smoothing_factor", 0.0),
    ("guidance_scale", 1.0),
    ("encoder_rep_pen", 1.0),
    ("encoder_repetition_penalty", 1.0),
    ("no_repeat_ngram_size", 0.0),
    ("penalty_alpha", 0.0),
    ("rep_pen_slope", 0.0),
    ("rep_pen_decay", 0.0),
    ("skew", 0.0),
    ("num_beams", 1.0),
];

/// Keys of things that are no numbers and would change what is drawn.
pub(super) const WORDS: &[&str] =
    &["logit_bias", "banned_tokens", "custom_token_bans", "grammar", "grammar_string", "json_schema", "negative_prompt"];

/// Keys under which an order stands.
pub(super) const ORDERS: &[&str] =
    &["samplers", "sampler_priority", "samplers_priorities", "sampler_order", "sampler_seq", "temperature_last", "id"];

const SAMPLERS: &[(&str, Sampler)] = &[
    ("penalties", Sampler::Penalties),
    ("repetition_penalty", Sampler::Penalties),
    ("presence_penalty", Sampler::Penalties),
    ("frequency_penalty", Sampler::Penalties),
    ("rep_pen", Sampler::Penalties),
    ("dry", Sampler::Dry),
    ("top_n_sigma", Sampler::TopNSigma),
    ("top_nsigma", Sampler::TopNSigma),
    ("nsigma", Sampler::TopNSigma),
    ("top_k", Sampler::TopK),
    ("typ_p", Sampler::Typical),
    ("typical_p", Sampler::Typical),
    ("typical", Sampler::Typical),
    ("top_p", Sampler::TopP),
    ("min_p", Sampler::MinP),
    ("top_h", Sampler::TopH),
    ("xtc", Sampler::Xtc),
    ("temperature", Sampler::Temperature),
    ("temp", Sampler::Temperature),
    ("dynamic_temperature", Sampler::Temperature),
    ("adaptive_p", Sampler::AdaptiveP),
];

/// A key as it is known: in small letters with underscores.
pub(super) fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace('-', "_")
}

pub(super) fn number(key: &str) -> Option<Number> {
    let key = plain(key);
    NUMBERS.iter().find(|(name, _)| *name == key).map(|(_, number)| *number)
}

pub(super) fn stranger(key: &str) -> Option<f64> {
    let key = plain(key);
    STRANGERS.iter().find(|(name, _)| *name == key).map(|(_, off)| *off)
}

pub(super) fn sampler(name: &str) -> Option<Sampler> {
    let name = plain(name);
    SAMPLERS.iter().find(|(known, _)| *known == name).map(|(_, sampler)| *sampler)
}

/// The samplers of `KoboldCpp`'s `sampler_order`: its min-p runs behind its top-p, its top-nσ behind its temperature; 1 and 3 are
/// top-a and tail-free sampling.
pub(super) fn of_kobold(number: u64) -> &'static [Sampler] {
    match number {
        0 => &[Sampler::TopK],
        2 => &[Sampler::TopP, Sampler::MinP],
        4 => &[Sampler::Typical],
        5 => &[Sampler::Temperature, Sampler::TopNSigma],
        6 => &[Sampler::Penalties],
        _ => &[],
    }
}

/// The samplers of llama.cpp's `--sampler-seq`, a letter each.
pub(super) fn of_letter(letter: char) -> Option<Sampler> {
    Some(match letter {
        'e' => Sampler::Penalties,
        'd' => Sampler::Dry,
        's' => Sampler::TopNSigma,
        'k' => Sampler::TopK,
        'y' => Sampler::Typical,
        'p' => Sampler::TopP,
        'm' => Sampler::MinP,
        'x' => Sampler::Xtc,
        't' => Sampler::Temperature,
        'a' => Sampler::AdaptiveP,
        _ => return None,
    })
}

/// Names, as a list, as a list written as a text, or divided by semicolons or lines.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    listed(value, |text| text.split([';', '\n']).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Texts at which a match breaks, as a list, as a list written as a text, or divided by commas; then they are written with
/// escapes.
pub(super) fn breakers(value: &Value) -> Option<Vec<String>> {
    listed(value, |text| text.split(',').filter(|part| !part.is_empty()).map(unescaped).collect())
}

fn listed(value: &Value, divided: impl Fn(&str) -> Vec<String>) -> Option<Vec<String>> {
    match value {
        Value::Array(values) => Some(values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()),
        Value::String(text) => {
            let bracketed = if text.trim_start().starts_with('[') { text.clone() } else { format!("[{text}]") };
            Some(serde_json::from_str(&bracketed).unwrap_or_else(|_| divided(text)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// A text with its escapes read, as llama.cpp reads them: `\n`, `\r`, `\t`, quotes, backslashes and `\x41`; others stand.
pub(super) fn unescaped(text: &str) -> String {
    let (mut read, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('\\') {
        read.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let byte = behind.strip_prefix('x').and_then(|hex| hex.get(..2)).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (sign, length) = match (behind.chars().next(), byte) {
            (Some('n'), _) => (Some('\n'), 1),
            (Some('r'), _) => (Some('\r'), 1),
            (Some('t'), _) => (Some('\t'), 1),
            (Some(c @ ('\'' | '"' | '\\')), _) => (Some(c), 1),
            // Above it is half a character of theirs.
            (Some('x'), Some(byte)) if byte.is_ascii() => (Some(char::from(byte)), 3),
            _ => (None, 0),
        };
        read.push(sign.unwrap_or('\\'));
        rest = &behind[length..];
    }
    read + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_and_what_is_none_stands() {
        for (text, read) in [
            ("", ""),
            ("\\n", "\n"),
            ("a\\tb\\\\n", "a\tb\\n"),
            ("\\x41\\x4", "A\\x4"),
            ("\\q\\", "\\q\\"),
            ("\\\"狼\\'", "\"狼'"),
            ("\\xff", "\\xff"),
        ] {
            assert_eq!(unescaped(text), read, "{text}");
        }
    }

    #[test]
    fn breakers_are_read_in_every_form_in_which_they_are_written() {
        let read = |value: &str| breakers(&Value::from(value)).unwrap();
        assert_eq!(read(r#"["\n", ":"]"#), ["\n", ":"]);
        assert_eq!(read(r#""\n", ":""#), ["\n", ":"]);
        assert_eq!(read(r"\n,:,*"), ["\n", ":", "*"]);
    }
}
