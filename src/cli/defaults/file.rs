//! The file of defaults: read as a person wrote it, and changed without a byte of it that is not meant.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};
use toml::Value;
use toml::de::{DeTable, DeValue};

use super::{Given, Key, Place, at_home};
use crate::cli::usage::Usage;
use crate::files;
use crate::preset::{Fault, Mistake, found, suggestion};

/// No file of defaults has more bytes.
const LONGEST: u64 = 1 << 20;

/// The first line of a new file.
const HEAD: &str = "# Defaults of afterword. `afterword config --help` tells what may stand here.\n";

/// What an editor may put before a text.
const MARK: char = '\u{feff}';

/// A key in a text: where it begins, and where its value stands.
struct Spot {
    key: usize,
    value: Range<usize>,
}

/// The values in a file; `None` where there is none, unless it is to be there.
///
/// # Errors
/// It cannot be read, is no TOML, or holds what is no key or no value.
pub fn read(path: &Path, is_to_be_there: bool) -> Result<Option<Vec<Given>>> {
    let text = match files::read_text(path, LONGEST) {
        Err(error) if error.kind() == ErrorKind::NotFound && !is_to_be_there => return Ok(None),
        text => text.with_context(|| format!("cannot read the configuration `{}`", path.display())),
    };
    let text = text.map_err(|error| Usage(files::causes(&error)))?;
    let name = path.display().to_string();
    let wrong = |fault| Usage(Mistake::new(&name, bare(&text), fault).of("configuration").to_string());
    Ok(Some(values(&text).map_err(wrong)?.into_iter().map(|(given, _)| given).collect()))
}

/// The text without the mark of an editor.
fn bare(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// The values in a text, and where they stand in it without its mark.
fn values(text: &str) -> Result<Vec<(Given, Spot)>, Fault> {
    let text = bare(text);
    let table = DeTable::parse(text).map_err(|error| Fault::of_syntax(&error, text))?;
    let mut values = Vec::new();
    for (name, value) in table.get_ref() {
        let Some(key) = Key::named(name.get_ref()) else {
            let known = super::KEYS.each_ref().map(|key| key.name);
            let cause = format!("unknown key `{}`", crate::text::excerpt(name.get_ref(), crate::text::EXCERPT));
            return Err(Fault::at(name.span(), cause).hint(suggestion(name.get_ref(), &known)));
        };
        let written = match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(number) if key.is_number => Some(number.as_str().to_owned()),
            _ => None,
        };
        let unquoted =
            || if key.is_number { key.check("").err().unwrap_or_default() } else { "expected a string in quotes".to_owned() };
        let checked = match &written {
            Some(text) => key.check(text),
            None => Err(unquoted()),
        };
        if let Err(cause) = checked {
            return Err(Fault::at(value.span(), format!("`{}`: {cause}, found {}", key.name, found(value.get_ref()))));
        }
        let line = 1 + text[..name.span().start].matches('\n').count();
        let given = Given { key, value: at_home(written.unwrap_or_default()), place: Place::Line(line) };
        values.push((given, Spot { key: name.span().start, value: value.span() }));
    }
    Ok(values)
}

/// Where the value of a key stands in a text.
///
/// # Errors
/// The text cannot be read.
fn spot(text: &str, key: &Key) -> Result<Option<Spot>, Fault> {
    Ok(values(text)?.into_iter().find(|(given, _)| given.key.name == key.name).map(|(_, spot)| spot))
}

/// A text in which this key has this value, and everything else is as it was.
pub fn with(text: &str, key: &Key, value: &str) -> Option<String> {
    let is_plain = key.is_number && value.bytes().all(|byte| byte.is_ascii_digit());
    let written = if is_plain { value.to_owned() } else { Value::String(value.to_owned()).to_string() };
    let mark = &text[..text.len() - bare(text).len()];
    let text = bare(text);
    if let Some(Spot { value, .. }) = spot(text, key).ok()? {
        return Some(format!("{mark}{}{written}{}", &text[..value.start], &text[value.end..]));
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let head = if text.is_empty() { HEAD } else { "" };
    let seam = if text.is_empty() || text.ends_with('\n') { "" } else { end };
    Some(format!("{mark}{head}{text}{seam}{} = {written}{end}", key.name))
}

/// A text without the line of this key, or nothing where it has none.
pub fn without(text: &str, key: &Key) -> Option<String> {
    let mark = &text[..text.len() - bare(text).len()];
    let text = bare(text);
    let Spot { key: begins, value } = spot(text, key).ok()??;
    let start = text[..begins].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[value.end..].find('\n').map_or(text.len(), |newline| value.end + newline + 1);
    Some(format!("{mark}{}{}", &text[..start], &text[end..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn held(text: &str) -> Vec<(&'static str, String)> {
        values(text).unwrap().into_iter().map(|(given, _)| (given.key.name, given.value)).collect()
    }

    fn wrong(text: &str) -> String {
        Mistake::new("c.toml", bare(text), values(text).err().unwrap()).of("configuration").to_string()
    }

    #[test]
    fn numbers_may_stand_with_or_without_quotes() {
        let text = "model = 'gemma'\n# mine\nthreads = 2 # of 4\ntokens = \"500\"\ngpu-layers = \"auto\"\n";
        let values = [("model", "gemma"), ("threads", "2"), ("tokens", "500"), ("gpu-layers", "auto")];
        assert_eq!(held(text), values.map(|(key, value)| (key, value.to_owned())));
        assert_eq!(held("\u{feff}threads = 2\r\n"), [("threads", "2".to_owned())]);
        assert_eq!(held(""), []);
    }

    #[test]
    fn a_mistake_is_shown_at_its_line_with_what_is_allowed() {
        for (text, said) in [
            (
                "threads = 2\nmodl = 'x'",
                "cannot read the configuration `c.toml`, line 2, column 1: unknown key `modl`\n  2 | modl = 'x'\n    | ^^^^\nhint: did you mean `model`?",
            ),
            ("color = 'never'", "unknown key `color`\n  1 | color = 'never'\n    | ^^^^^\nhint: did you mean `colour`?"),
            ("seed = 7", "hint: expected `model`, `preset`, `threads`, `tokens`, `gpu-layers` or `colour`"),
            ("threads = 0", "line 1, column 11: `threads`: expected a whole number from 1 up, found 0"),
            ("threads = 1.5", "`threads`: expected a whole number from 1 up, found 1.5"),
            ("threads = 'x'", "`threads`: expected a whole number from 1 up, found the string \"x\""),
            ("gpu-layers = -1", "`gpu-layers`: expected a whole number from 0 up, or `auto`, found -1"),
            ("model = 5", "`model`: expected a string in quotes, found 5"),
            ("colour = 'mauve'", "`colour`: expected `auto`, `always` or `never`, found the string \"mauve\""),
            ("colour = 'alpha'", "`colour`: expected `auto`, `always` or `never`"),
            ("preset = 'wave,open'", "expected the name of one preset or its path"),
            ("[model]\nname = 'x'", "`model`: expected a string in quotes, found a table"),
            ("model = gemma", "hint: write `\"gemma\"`"),
            ("model = 'a'\nmodel = 'b'", "the key `model` is written twice"),
        ] {
            let wrong = wrong(text);
            assert!(wrong.contains(said), "{text}: {wrong}");
        }
    }

    #[test]
    fn a_value_changes_and_not_a_byte_beside_it() {
        let key = |name| Key::named(name).unwrap();
        for (before, after) in [
            ("", "# Defaults of afterword. `afterword config --help` tells what may stand here.\nthreads = 4\n"),
            ("threads = 1", "threads = 4"),
            ("# my file\r\nthreads  =  1 # one\r\n\r\n", "# my file\r\nthreads  =  4 # one\r\n\r\n"),
            ("\u{feff}model = 'x'", "\u{feff}model = 'x'\nthreads = 4\n"),
            ("model = 'x'\r\n", "model = 'x'\r\nthreads = 4\r\n"),
            ("threads = '1'\nmodel = 'threads = 1'\n", "threads = 4\nmodel = 'threads = 1'\n"),
        ] {
            assert_eq!(with(before, key("threads"), "4").unwrap(), after, "{before:?}");
        }
        for (before, after) in [
            ("threads = 1", ""),
            ("# a\r\nthreads = 1 # one\r\nmodel = 'x'\r\n", "# a\r\nmodel = 'x'\r\n"),
            ("\u{feff}  threads = 1\n", "\u{feff}"),
        ] {
            assert_eq!(without(before, key("threads")).unwrap(), after, "{before:?}");
        }
        assert_eq!(without("model = 'x'", key("threads")), None);
    }

    proptest! {
        #[test]
        fn whatever_is_set_is_read_back_and_taken_away_again(
            value in "[^\\s,\\x00-\\x1f\\x7f~][^,\\x00-\\x1f\\x7f]{0,40}",
            lines in prop::collection::vec("(# [a-zé 🐺]{0,20}|threads = [1-9]|)", 0..2),
            end in prop::sample::select(vec!["\n", "\r\n"]),
            mark in prop::bool::ANY,
        ) {
            let key = Key::named("preset").unwrap();
            let lines: Vec<String> = lines.iter().map(|line| format!("{line}{end}")).collect();
            let before = format!("{}{}", if mark { "\u{feff}" } else { "" }, lines.concat());
            let after = with(&before, key, &value).unwrap();
            prop_assert!(held(&after).contains(&("preset", value)), "{after:?}");
            prop_assert!(bare(&before).is_empty() || after.starts_with(&before));
            let again = without(&after, key).unwrap();
            prop_assert!(again == before || bare(&before).is_empty(), "{again:?}");
        }
    }
}
