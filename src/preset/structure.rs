//! The structure of a preset file: a list of tables with one stage each, in an order that can be.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::Fault;
use super::overlay::OFF;
use super::vocabulary::{is_stage, names};
use super::words;
use crate::sampler::{Role, Stage};

/// Values that are a number or a table with one key, the name of what it is.
pub(super) const NUMBER_OR_NAMED: [&str; 7] = ["alpha", "temperature", "min-p", "top-p", "top-h", "typical", "top-n-sigma"];

/// Checks that every table of the chain holds one stage, that tables are tables, and that what is one of several things is one.
/// With `over` it lies over another preset: then stages may be switched off, and their order is not that of the file.
pub(super) fn check(root: &DeTable, text: &str, over: bool) -> Result<(), Fault> {
    for (key, value) in root {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("chain", DeValue::Array(stages)) => check_chain(stages, text, over)?,
            ("chain", DeValue::Table(_)) => {
                return Err(Fault::at(value.span(), "`chain` is a list of stages").hint("write `[[chain]]` above each stage"));
            }
            (name @ ("draw" | "bans"), DeValue::Array(_)) => {
                let fault = Fault::at(value.span(), format!("`{name}` is one table, not a list"));
                return Err(fault.hint(format!("write `[{name}]`")));
            }
            _ => check_value(key.get_ref(), value)?,
        }
    }
    Ok(())
}

/// Where each table of the chain stands, and where the value of the one stage in it.
pub(super) fn values_of_stages(root: &DeTable) -> Vec<(Range<usize>, Range<usize>)> {
    let Some(DeValue::Array(stages)) = root.get("chain").map(Spanned::get_ref) else { return Vec::new() };
    let value = |stage: &Spanned<DeValue>| match stage.get_ref() {
        DeValue::Table(table) => table.values().next().map(|value| (stage.span(), value.span())),
        _ => None,
    };
    stages.iter().filter_map(value).collect()
}

fn check_chain(stages: &[Spanned<DeValue>], text: &str, over: bool) -> Result<(), Fault> {
    let mut futures = 0;
    for stage in stages {
        let DeValue::Table(table) = stage.get_ref() else {
            let fault = Fault::at(stage.span(), format!("expected a table with one stage, found {}", kind(stage.get_ref())));
            return Err(fault.hint("write `[[chain]]`, and the stage under it: `min-p = 0.05`"));
        };
        let mut keys: Vec<_> = table.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        let [only] = keys[..] else {
            return Err(not_one_stage(stage.span(), &keys, text));
        };
        let off = table.values().find(|value| value.get_ref().as_str() == Some(OFF));
        if let Some(off) = off.filter(|_| !over && is_stage(only.get_ref())) {
            let cause = format!("there is no `{}` to switch off: this preset extends nothing", only.get_ref());
            return Err(Fault::at(off.span(), cause).hint("leave the table out: a stage is off by being absent"));
        }
        if has_role(only.get_ref(), Role::Future) {
            futures += 1;
        }
        if futures > 1 && !over {
            let cause =
                format!("the chain has a second stage, `{}`, which would weigh what the first has weighed", only.get_ref());
            return Err(Fault::at(only.span(), cause).hint("keep one of them"));
        }
        for (key, value) in table {
            check_value(key.get_ref(), value)?;
        }
    }
    if over { Ok(()) } else { check_draws(stages) }
}

/// Whether the stage of this name is one of this role.
fn has_role(name: &str, role: Role) -> bool {
    Stage::KINDS.iter().any(|kind| kind.name == name && kind.role == role)
}

/// A stage that draws stands last, and not beside `future`.
fn check_draws(stages: &[Spanned<DeValue>]) -> Result<(), Fault> {
    let tables = stages.iter().filter_map(|stage| stage.get_ref().as_table());
    let stages: Vec<_> = tables.filter_map(|table| table.keys().next()).collect();
    let draws = |name: &str| has_role(name, Role::Draw);
    let Some(at) = stages.iter().position(|name| draws(name.get_ref())) else { return Ok(()) };
    let drawing = stages[at];
    let future = stages.iter().find(|name| has_role(name.get_ref(), Role::Future));
    if let Some(second) = future.map(|future| if future.span().start > drawing.span().start { future } else { &drawing }) {
        let first =
            if draws(second.get_ref()) { future.map_or("future", |future| future.get_ref()) } else { drawing.get_ref() };
        let cause = format!("`{}` beside `{first}`: both decide what is drawn", second.get_ref());
        return Err(Fault::at(second.span(), cause).hint("keep one of them"));
    }
    let Some(next) = stages.get(at + 1) else { return Ok(()) };
    let cause = format!("`{}` after `{}`, which draws the token", next.get_ref(), drawing.get_ref());
    Err(Fault::at(next.span(), cause).hint(format!("put `{}` at the end of the chain", drawing.get_ref())))
}

fn not_one_stage(table: Range<usize>, keys: &[&Spanned<std::borrow::Cow<str>>], text: &str) -> Fault {
    let Some(second) = keys.get(1) else {
        return Fault::at(table, "no stage in this table of the chain")
            .hint(format!("write one under it: {}", words::listed(&names())));
    };
    let cause = format!("a second stage, `{}`, in one table of the chain", second.get_ref());
    // Where both stages stand on lines of their own, a header between them is all that is missing.
    let hint = if text[table].starts_with("[[") {
        format!("write `[[chain]]` above `{}`", second.get_ref())
    } else {
        "give each stage a table of its own".to_owned()
    };
    Fault::at(second.span(), cause).hint(hint)
}

/// Dates have no place in a preset, and what is one of several things is one.
fn check_value(key: &str, value: &Spanned<DeValue>) -> Result<(), Fault> {
    match value.get_ref() {
        DeValue::Datetime(_) => Err(Fault::at(value.span(), "a date has no place in a preset")),
        DeValue::Array(values) => values.iter().try_for_each(|value| check_value("", value)),
        DeValue::Table(table) => {
            if NUMBER_OR_NAMED.contains(&key) {
                check_named(key, value.span(), table)?;
            }
            table.iter().try_for_each(|(key, value)| check_value(key.get_ref(), value))
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => Ok(()),
    }
}

fn check_named(key: &str, place: Range<usize>, table: &DeTable) -> Result<(), Fault> {
    let mut keys: Vec<_> = table.keys().collect();
    keys.sort_by_key(|key| key.span().start);
    match keys[..] {
        [_] => Ok(()),
        [] => {
            Err(Fault::at(place, format!("an empty table for `{key}`")).hint("write a number, or `{ wave = { period = 60 } }`"))
        }
        [first, second, ..] => {
            let cause = format!("`{}` beside `{}`: `{key}` is one thing", second.get_ref(), first.get_ref());
            Err(Fault::at(second.span(), cause).hint("keep one of them"))
        }
    }
}

/// What a value is, in words.
pub(super) fn kind(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
