//! A preset as a page of TOML.

use std::borrow::Cow;

use anyhow::{Context, Result};
use toml::Value;
use toml_writer::{ToTomlKey, ToTomlValue, TomlKeyBuilder, TomlStringBuilder};

use super::form::{Entry, Form};
use super::schema::{Draw, Preset, value_of};
use super::vocabulary;
use crate::bans::Bans;
use crate::text::sanitize;

/// A comment is broken before it is wider.
const WIDEST: usize = 100;

impl Preset {
    /// The preset as a file that reads back as this very preset, one stage a line.
    ///
    /// # Errors
    /// A count above 2⁶³ − 1, which TOML cannot hold.
    pub fn to_toml(&self) -> Result<String> {
        let Self { description, chain, pick, bans } = self;
        let mut parts = vec![line("description", &Value::from(description.as_str()))];
        for stage in chain.stages() {
            parts.push("\n[[chain]]\n".to_owned() + &line(stage.name(), &value_of(stage)?));
        }
        let pick = Value::try_from(pick).context("cannot write the preset as TOML")?;
        parts.push("\n[draw]\n".to_owned() + &line("pick", &pick));
        if let Some(bans) = bans {
            parts.push("\n[bans]\n".to_owned() + &lines(&table_of(bans.bans())?));
        }
        Ok(parts.concat())
    }

    /// The preset as a file to be changed: it reads back as this very preset too, and every key stands on a line of its own
    /// below a comment on what it does and what it may be.
    ///
    /// # Errors
    /// As [`Preset::to_toml`].
    pub fn to_commented_toml(&self) -> Result<String> {
        let Self { description, chain, pick, bans } = self;
        let mut page = line("description", &Value::from(description.as_str()));
        for stage in chain.stages() {
            let value = value_of(stage)?;
            let entry = vocabulary::stage(stage.name());
            let entry = entry.with_context(|| format!("the stage `{}` stands in no reference", stage.name()))?;
            page.push('\n');
            if spread(entry, &value) {
                comment(&mut page, &entry.what);
                page.push_str("[[chain]]\n");
                tell_keys(&mut page, &entry.name, entry, &value);
            } else {
                comment(&mut page, &with_form(entry));
                page.push_str("[[chain]]\n");
                page.push_str(&line(&entry.name, &value));
            }
        }
        let pick = Value::try_from(pick).context("cannot write the preset as TOML")?;
        page.push('\n');
        for (_, pick) in vocabulary::keys(&vocabulary::schema::<Draw>()) {
            comment(&mut page, &vocabulary::told(pick));
        }
        page.push_str("[draw]\n");
        page.push_str(&line("pick", &pick));
        if let Some(bans) = bans {
            let known = vocabulary::bans();
            page.push('\n');
            comment(&mut page, &vocabulary::told(&known));
            page.push_str("[bans]\n");
            for (key, value) in table_of(bans.bans())? {
                let told = vocabulary::keys(&known).find(|(name, _)| *name == key).map(|(_, schema)| vocabulary::told(schema));
                comment(&mut page, &told.unwrap_or_default());
                page.push_str(&line(&key, &value));
            }
        }
        Ok(page)
    }
}

/// A table of TOML.
fn table_of(bans: &Bans) -> Result<toml::Table> {
    toml::Table::try_from(bans).context("cannot write the preset as TOML")
}

/// A table, each key on a line of its own.
fn lines(table: &toml::Table) -> String {
    table.iter().map(|(key, value)| line(key, value)).collect()
}

/// Whether a value is a table of which every key has something to be said of it.
fn spread(entry: &Entry, value: &Value) -> bool {
    matches!((&entry.form, value), (Form::Table(_) | Form::Schedule(..), Value::Table(_)))
}

/// The keys of a table, each below its comment. `path` is what stands before them.
fn tell_keys(page: &mut String, path: &str, entry: &Entry, value: &Value) {
    let (Form::Table(known) | Form::Schedule(_, known)) = &entry.form else { return };
    for (key, value) in value.as_table().into_iter().flatten() {
        let path = format!("{path}.{}", key_of(key));
        match known.iter().find(|entry| entry.name == *key) {
            Some(inner) if spread(inner, value) => {
                // Of several schedules it is said which one this is.
                let words =
                    if matches!(entry.form, Form::Table(_)) { inner.what.clone() } else { format!("{key}: {}", inner.what) };
                comment(page, &words);
                tell_keys(page, &path, inner, value);
            }
            leaf => {
                leaf.map(with_form).iter().for_each(|words| comment(page, words));
                page.extend([&path, " = ", &inline(value), "\n"]);
            }
        }
    }
}

/// What an entry does, and what it may be.
fn with_form(Entry { form, usual, what, .. }: &Entry) -> String {
    let absent = usual.as_ref().map_or(String::new(), |usual| format!("; without it {usual}"));
    format!("{what} ({}{absent})", form.words().replace('-', "−"))
}

/// A comment in lines that are not too wide.
fn comment(page: &mut String, words: &str) {
    let mut width = 0;
    for word in words.split_whitespace() {
        let columns = word.chars().count() + 1;
        if width == 0 || width + columns > WIDEST {
            page.push_str(if width == 0 { "#" } else { "\n#" });
            width = 1;
        }
        page.push(' ');
        page.push_str(word);
        width += columns;
    }
    page.push('\n');
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
    let bare = TomlKeyBuilder::new(key).as_unquoted();
    bare.map_or_else(|| quoted(key), |key| key.to_toml_key())
}

/// A basic string of TOML: what the format does not take as it stands is escaped, and marks of direction too; all else stands as
/// it is.
fn quoted(text: &str) -> String {
    let string = TomlStringBuilder::new(text).as_basic().to_toml_value();
    let tame = |c: char| match sanitize(c.encode_utf8(&mut [0; 4])) {
        Cow::Owned(_) => format!("\\u{:04X}", u32::from(c)),
        Cow::Borrowed(_) => c.to_string(),
    };
    string.chars().map(tame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::{Folders, list, parse};

    #[test]
    fn a_commented_preset_reads_back_the_same_and_fits_a_page() {
        for listed in list(&Folders::default()).unwrap() {
            let preset = listed.preset.unwrap();
            let page = preset.to_commented_toml().unwrap();
            assert_eq!(parse(&page, &listed.name).unwrap(), preset);
            assert!(page.lines().all(|line| line.chars().count() <= WIDEST), "{page}");
        }
    }

    #[test]
    fn every_key_stands_below_what_it_does() {
        let wave = list(&Folders::default()).unwrap().into_iter().find(|listed| listed.name == "wave").unwrap();
        let page = wave.preset.unwrap().to_commented_toml().unwrap();
        let lines: Vec<&str> = page.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = ") && !line.starts_with('#')) {
            assert!(at == 0 || lines[at - 1].starts_with('#') || lines[at - 1].starts_with('['), "{line}");
        }
        for part in ["(a number above 0)\nfuture.alpha.wave.period = 60.0\n", "\n# wave: centre + ", "\ndry.base = 1.75\n"] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
