//! Ollama's Modelfile: a line an instruction, of which `PARAMETER` is about sampling.

use serde_json::{Map, Value};

/// The instructions that a Modelfile may hold.
const INSTRUCTIONS: [&str; 8] = ["FROM", "PARAMETER", "TEMPLATE", "SYSTEM", "ADAPTER", "LICENSE", "MESSAGE", "REQUIRES"];

/// Whether a text is a Modelfile: it names a model first, or sets a parameter.
pub(super) fn is_one(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let sets = |line: &str| matches!(instruction(line), Some(("PARAMETER", rest)) if rest.contains(char::is_whitespace));
    lines.clone().next().is_some_and(|first| first.starts_with("FROM ")) || lines.any(sets)
}

/// Its settings, each under its own name, the other instructions in small letters.
pub(super) fn settings(text: &str) -> Value {
    let mut object = Map::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((name, rest)) = instruction(line.trim()) else { continue };
        let (key, rest) = match name {
            "PARAMETER" => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            _ => (name, rest),
        };
        let value = value(rest.trim(), &mut lines);
        let key = key.to_lowercase();
        match object.get_mut(&key) {
            // This one may be repeated.
            Some(Value::Array(values)) if key == "stop" => values.push(value.into()),
            _ if key == "stop" => drop(object.insert(key, vec![value].into())),
            _ => drop(object.insert(key, value.into())),
        }
    }
    Value::Object(object)
}

/// An instruction and what stands behind it.
fn instruction(line: &str) -> Option<(&'static str, &str)> {
    let (name, rest) = line.split_once(char::is_whitespace)?;
    let name = INSTRUCTIONS.into_iter().find(|known| known.eq_ignore_ascii_case(name))?;
    Some((name, rest.trim()))
}

/// A value: as it stands, in quotes, or over several lines in three of them.
fn value<'t>(text: &'t str, lines: &mut impl Iterator<Item = &'t str>) -> String {
    let Some(begun) = text.strip_prefix("\"\"\"") else {
        let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        return inside.unwrap_or(text).to_owned();
    };
    let mut parts = Vec::new();
    let mut part = Some(begun);
    while let Some(text) = part {
        if let Some((last, _)) = text.split_once("\"\"\"") {
            parts.push(last);
            break;
        }
        parts.push(text);
        part = lines.next();
    }
    parts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_is_a_line_or_stands_in_three_quotes() {
        let text = "# mine\nFROM llama3.2\nparameter temperature 1\nPARAMETER stop \"<|user|>\"\nPARAMETER stop END\n\
                    SYSTEM \"\"\"You are a bard.\nPARAMETER top_k 1\n\"\"\"\nPARAMETER top_p 0.8";
        assert!(is_one(text));
        let expected = serde_json::json!({
            "from": "llama3.2", "temperature": "1", "stop": ["<|user|>", "END"],
            "system": "You are a bard.\nPARAMETER top_k 1\n", "top_p": "0.8",
        });
        assert_eq!(settings(text), expected);
        for other in ["", "temperature: 1", "From the sea.", "{}", "--temp 1", "FROM", "parameter: 1 2"] {
            assert!(!is_one(other), "{other}");
        }
    }
}
