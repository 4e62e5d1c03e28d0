//! The values of a preset, each held against what may stand behind its word, before they are read.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::form::{Entry, Form};
use super::mistake::Fault;
use super::schema::Draw;
use super::vocabulary::{self, STAGES};
use super::words::{self, suggestion};
use crate::text::{EXCERPT, excerpt};

/// The words at the top of a file.
const TOP: [&str; 5] = ["description", "extends", "chain", "draw", "bans"];

/// Checks that every word is one that is known there, that none is missing, and that behind each stands what may. What a number
/// may be its type says, and why.
pub(super) fn check(root: &DeTable) -> Result<(), Fault> {
    for (key, value) in root {
        match key.get_ref().as_ref() {
            "description" | "extends" => check_form(value, &Form::Text)?,
            "draw" => check_form(value, &Form::of(&vocabulary::schema::<Draw>()))?,
            "bans" => check_form(value, &Form::of(&vocabulary::bans()))?,
            "chain" => {
                let DeValue::Array(stages) = value.get_ref() else { return Err(unexpected(value, "an array")) };
                stages.iter().try_for_each(|stage| check_named(stage, &STAGES, "stage"))?;
            }
            _ => return Err(unknown(key, "key", &TOP)),
        }
    }
    Ok(())
}

fn check_form(value: &Spanned<DeValue>, form: &Form) -> Result<(), Fault> {
    match (form, value.get_ref()) {
        (
            Form::Number(..) | Form::Above(..) | Form::Scheduled | Form::Schedule(..),
            DeValue::Integer(_) | DeValue::Float(_),
        )
        | (Form::Text, DeValue::String(_)) => Ok(()),
        (Form::Whole(_) | Form::WholeOrAll(_), DeValue::Integer(number)) => check_count(value, number, form),
        (Form::WholeOrAll(_), DeValue::String(word)) if word == "all" => Ok(()),
        (Form::Word(known), DeValue::String(word)) => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            if known.contains(&word.as_ref()) {
                return Ok(());
            }
            let cause = format!("unknown value `{}`", excerpt(word, EXCERPT));
            Err(Fault::at(value.span(), cause).hint(suggestion(word, &known)))
        }
        (Form::List(of), DeValue::Array(values)) => values.iter().try_for_each(|value| check_form(value, of)),
        (Form::Pair(of), DeValue::Array(values)) if values.len() == 2 => {
            values.iter().zip(of.iter()).try_for_each(|(value, form)| check_form(value, form))
        }
        (Form::Weights, DeValue::Table(table)) => {
            table.values().try_for_each(|value| check_form(value, &Form::Number(None, None)))
        }
        (Form::Table(keys), DeValue::Table(table)) => check_table(value, table, keys),
        (Form::Schedule(_, tables), DeValue::Table(_)) => check_named(value, tables, "schedule"),
        (form, _) => Err(unexpected(value, &expected(form))),
    }
}

/// A table with these keys and no others.
fn check_table(place: &Spanned<DeValue>, table: &DeTable, keys: &[Entry]) -> Result<(), Fault> {
    for (key, value) in table {
        match keys.iter().find(|entry| entry.name == *key.get_ref()) {
            Some(entry) => check_form(value, &entry.form)?,
            None => return Err(unknown(key, "key", &names(keys))),
        }
    }
    match keys.iter().find(|key| key.usual.is_none() && !table.contains_key(key.name.as_str())) {
        Some(missing) => Err(Fault::at(place.span(), format!("the key `{}` is missing", missing.name))),
        None => Ok(()),
    }
}

/// A table with one key, which names what it is: a stage, or a schedule.
fn check_named(value: &Spanned<DeValue>, known: &[Entry], what: &str) -> Result<(), Fault> {
    let DeValue::Table(table) = value.get_ref() else { return Err(unexpected(value, "a table")) };
    table.iter().try_for_each(|(key, value)| match known.iter().find(|entry| entry.name == *key.get_ref()) {
        Some(entry) => check_form(value, &entry.form),
        None => Err(unknown(key, what, &names(known))),
    })
}

/// A count is at least 1. Where more is needed, its type says why.
fn check_count(value: &Spanned<DeValue>, number: &DeInteger, form: &Form) -> Result<(), Fault> {
    match i64::from_str_radix(number.as_str(), number.radix()) {
        Ok(count) if count >= 1 => Ok(()),
        Ok(_) => Err(unexpected(value, &form.words())),
        Err(_) => Err(Fault::at(value.span(), format!("{} is too large", excerpt(number.as_str(), EXCERPT)))),
    }
}

fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.name.as_str()).collect()
}

fn unknown(key: &Spanned<Cow<str>>, what: &str, known: &[&str]) -> Fault {
    let cause = format!("unknown {what} `{}`", excerpt(key.get_ref(), EXCERPT));
    Fault::at(key.span(), cause).hint(suggestion(key.get_ref(), known))
}

fn unexpected(value: &Spanned<DeValue>, expected: &str) -> Fault {
    Fault::at(value.span(), format!("expected {expected}, found {}", words::found(value.get_ref())))
}

/// What may stand there, as a person would say it.
fn expected(form: &Form) -> String {
    match form {
        Form::Word(_) => "a word in quotes".to_owned(),
        Form::Text => "a string in quotes".to_owned(),
        Form::List(_) => "an array".to_owned(),
        Form::Pair(_) => "a pair in brackets".to_owned(),
        Form::Weights | Form::Table(_) => "a table".to_owned(),
        Form::Schedule(of, _) => format!("{}, or a schedule such as `{{ wave = {{ period = 60 }} }}`", of.words()),
        other => other.words(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::overlay::read;
    use super::super::vocabulary::SCHEDULES;
    use super::*;

    /// What a preset says is wrong with a stage of this text.
    fn hint(stage: &str) -> String {
        let fault = read(&format!("[[chain]]\n{stage}")).unwrap_err();
        fault.hint.unwrap_or(fault.cause)
    }

    #[test]
    fn the_keys_that_are_known_are_those_that_are_read() {
        let listed = |keys: &[Entry]| format!("expected {}", words::listed(&names(keys)));
        for entry in STAGES.iter() {
            if let Form::Table(keys) = &entry.form {
                assert_eq!(hint(&format!("{} = {{ qqqqqqqq = 1 }}", entry.name)), listed(keys));
            }
        }
        assert_eq!(hint("temperature = { qqqqqqqq = 1 }"), listed(&SCHEDULES));
        for entry in SCHEDULES.iter() {
            if let Form::Table(keys) = &entry.form {
                assert_eq!(hint(&format!("temperature = {{ {} = {{ qqqqqqqq = 1 }} }}", entry.name)), listed(keys));
            }
        }
    }
}
