//! Methods of Python's texts, lists and dicts, beyond those that the engine's own companion has.

use minijinja::value::{Tuple, ValueKind, from_args};
use minijinja::{Error, State, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::refused;

/// Calls a method that the engine does not know itself.
pub(super) fn call(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let ours = match value.kind() {
        ValueKind::String => text(state, value.as_str().unwrap_or_default(), method, args)?,
        ValueKind::Seq => list(value, method, args)?,
        ValueKind::Map if method == "copy" => Some(value.clone()),
        _ => None,
    };
    ours.map_or_else(|| unknown_method_callback(state, value, method, args), Ok)
}

fn text(state: &State, text: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let result = match method {
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            text.strip_prefix(prefix).unwrap_or(text).into()
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            text.strip_suffix(suffix).unwrap_or(text).into()
        }
        "partition" => {
            let (separator,): (&str,) = from_args(args)?;
            parts(text.split_once(separator), separator, [text, "", ""])
        }
        "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            parts(text.rsplit_once(separator), separator, ["", "", text])
        }
        "rsplit" => {
            let (separator, most): (Option<&str>, Option<i64>) = from_args(args)?;
            rsplit(text, separator, most)?
        }
        "index" | "rindex" => {
            let (what,): (&str,) = from_args(args)?;
            let found = if method == "index" { text.find(what) } else { text.rfind(what) };
            let found = found.ok_or_else(|| refused("substring not found".to_owned()))?;
            text[..found].chars().count().into()
        }
        "zfill" | "ljust" | "rjust" | "center" => filled(state, text, method, args)?,
        "casefold" => {
            let () = from_args(args)?;
            text.to_lowercase().replace('ß', "ss").into()
        }
        "swapcase" => {
            let () = from_args(args)?;
            let swapped = |c: char| if c.is_uppercase() { c.to_lowercase().to_string() } else { c.to_uppercase().to_string() };
            text.chars().map(swapped).collect::<String>().into()
        }
        "isdecimal" => {
            let () = from_args(args)?;
            (!text.is_empty() && text.chars().all(char::is_numeric)).into()
        }
        _ => return Ok(None),
    };
    Ok(Some(result))
}

/// A text made as wide as is asked for: by zeros behind its sign, or by spaces or another sign around it.
fn filled(state: &State, text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    if method == "zfill" {
        let (width,): (usize,) = from_args(args)?;
        let missing = missing(state, text, width)?;
        let sign = usize::from(text.starts_with(['+', '-']));
        return Ok(format!("{}{}{}", &text[..sign], "0".repeat(missing), &text[sign..]).into());
    }
    let (width, fill): (usize, Option<char>) = from_args(args)?;
    let missing = missing(state, text, width)?;
    let before = match method {
        "ljust" => 0,
        "rjust" => missing,
        _ => missing / 2 + (missing & width & 1),
    };
    let fill = |count: usize| fill.unwrap_or(' ').to_string().repeat(count);
    Ok(format!("{}{text}{}", fill(before), fill(missing - before)).into())
}

fn list(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    match method {
        "index" => {
            let (what,): (&Value,) = from_args(args)?;
            let at = value.try_iter()?.position(|item| item == *what);
            at.map(|at| Some(at.into())).ok_or_else(|| refused("the value is not in the list".to_owned()))
        }
        "copy" => Ok(Some(value.clone())),
        _ => Ok(None),
    }
}

/// What stands before a separator, itself, and what stands behind it; these where it does not stand there.
fn parts(cut: Option<(&str, &str)>, separator: &str, whole: [&str; 3]) -> Value {
    let parts = cut.map_or(whole, |(before, behind)| [before, separator, behind]);
    Value::from(Tuple::new(parts.map(Value::from).to_vec()))
}

/// Cut at most so often, from the end.
fn rsplit(text: &str, separator: Option<&str>, most: Option<i64>) -> Result<Value, Error> {
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let mut parts: Vec<&str> = match separator {
        Some("") => return Err(refused("the separator is empty".to_owned())),
        Some(separator) => text.rsplitn(most.saturating_add(1), separator).collect(),
        None => {
            let (mut parts, mut rest) = (Vec::new(), text.trim_end());
            while !rest.is_empty() {
                let cut = (parts.len() < most).then(|| rest.rfind(char::is_whitespace)).flatten();
                let word = cut.map_or(0, |cut| cut + rest[cut..].chars().next().map_or(0, char::len_utf8));
                parts.push(&rest[word..]);
                rest = rest[..word].trim_end();
            }
            parts
        }
    };
    parts.reverse();
    Ok(parts.into_iter().map(Value::from).collect())
}

/// How many characters a text lacks of this width; they are paid for before they are written.
fn missing(state: &State, text: &str, width: usize) -> Result<usize, Error> {
    let missing = width.saturating_sub(text.chars().count());
    // A character has four bytes at most, and 64 bytes cost one.
    state.consume_fuel(missing as u64 / 16)?;
    Ok(missing)
}
