//! `json.dumps`.

use minijinja::value::Kwargs;
use minijinja::{Error, Value};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::refused;

/// JSON as Python's `json.dumps` writes it, with letters of all scripts as they are: the engine's own filter escapes what
/// would disturb HTML.
#[allow(clippy::needless_pass_by_value, reason = "the engine hands options over")]
pub(super) fn tojson(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let separators: Option<Vec<String>> = options.get("separators")?;
    let sorted: Option<bool> = options.get("sort_keys")?;
    // Letters are never escaped, as there.
    let _: Option<bool> = options.get("ensure_ascii")?;
    options.assert_all_used()?;
    if sorted == Some(true) {
        // A tree of values keeps its keys sorted.
        let tree = serde_json::to_value(value).map_err(|error| refused(format!("cannot be written as JSON: {error}")))?;
        written(&tree, indent, separators.as_deref())
    } else {
        written(value, indent, separators.as_deref())
    }
}

fn written(value: &impl Serialize, indent: Option<usize>, separators: Option<&[String]>) -> Result<Value, Error> {
    let text = match (indent, separators) {
        (Some(indent), _) => write(value, PrettyFormatter::with_indent(" ".repeat(indent.min(64)).as_bytes())),
        (None, Some([item, key])) => write(value, Separated { item, key }),
        (None, _) => write(value, Separated { item: ", ", key: ": " }),
    };
    text.map(Value::from)
}

fn write(value: &impl Serialize, formatter: impl Formatter) -> Result<String, Error> {
    let mut bytes = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        .map_err(|error| refused(format!("cannot be written as JSON: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// One line, with these between items and behind keys.
struct Separated<'a> {
    item: &'a str,
    key: &'a str,
}

impl Separated<'_> {
    fn between<W: ?Sized + std::io::Write>(&self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(self.item.as_bytes()) }
    }
}

impl Formatter for Separated<'_> {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        self.between(writer, first)
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        self.between(writer, first)
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(self.key.as_bytes())
    }
}
