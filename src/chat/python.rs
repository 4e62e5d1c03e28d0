//! What chat templates expect of the Python around them.

mod json;
mod methods;

use chrono::NaiveDateTime;
use chrono::format::{Item, StrftimeItems};
use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Tuple, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value};

/// Gives the environment the functions, filters, tests and methods that a Jinja2 set up for chat templates has beyond its own.
pub(super) fn furnish(environment: &mut Environment<'_>, now: NaiveDateTime) {
    minijinja_contrib::add_to_environment(environment);
    environment.set_unknown_method_callback(methods::call);
    environment.add_filter("tojson", json::tojson);
    environment.add_filter("printf", printf);
    environment.add_test("callable", |value: &Value| matches!(value.kind(), ValueKind::Plain | ValueKind::Undefined));
    environment.add_test("iterable", is_iterable);
    environment.add_test("sequence", is_sequence);
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", move |format: &str| strftime(now, format));
}

/// The template refuses the conversation.
fn raise_exception(message: &str) -> Result<Value, Error> {
    Err(refused(message.to_owned()))
}

/// The date and time in the words of C's `strftime`.
fn strftime(now: NaiveDateTime, format: &str) -> Result<String, Error> {
    let items: Vec<Item> = StrftimeItems::new(format).collect();
    if items.contains(&Item::Error) {
        return Err(refused(format!("{format} is no format of a date")));
    }
    Ok(now.format_with_items(items.into_iter()).to_string())
}

/// `format % values`: a tuple holds several values, anything else is one.
fn printf(style: &str, values: &Value) -> Result<String, Error> {
    match values.downcast_object_ref::<Tuple>() {
        Some(several) => format(FormatStyle::Printf, style, several),
        None => format(FormatStyle::Printf, style, std::slice::from_ref(values)),
    }
}

/// Whether Python's `iter` takes it: the engine also goes over nothing where there is none.
fn is_iterable(value: &Value) -> bool {
    value.kind() == ValueKind::String || (!value.is_none() && value.try_iter().is_ok())
}

/// Whether it has a length and items, as texts and dicts have too.
fn is_sequence(value: &Value) -> bool {
    use ValueKind::{Bytes, Map, Seq, String, Undefined};
    matches!(value.kind(), Bytes | Map | Seq | String | Undefined)
        || (value.kind() == ValueKind::Iterable && value.len().is_some())
}

fn refused(reason: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason)
}
