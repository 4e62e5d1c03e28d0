//! Reading a body leniently: `null` is nothing, a number may be written as a text, and whoever is wrong is told which field it is, what
//! it is and what it may be.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::serve::Fault;
use crate::text::excerpt;

/// So much of a wrong value is told.
const SHOWN: usize = 60;

/// The fields of an object: of a body, or of what stands within one.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'b> {
    object: &'b Map<String, Value>,
    /// What stands before their names where they are told of.
    path: &'static str,
}

/// A field that is there, under the name by which it was sent.
#[derive(Debug, Clone, Copy)]
pub struct Field<'b> {
    name: &'static str,
    path: &'static str,
    /// What it is.
    pub value: &'b Value,
}

impl<'b> Fields<'b> {
    /// Those of a body.
    pub fn of(body: &'b Map<String, Value>) -> Self {
        Self { object: body, path: "" }
    }

    /// Those of the object that is a field of this name; `path` is what its own names are told with.
    ///
    /// # Errors
    /// It is no object.
    pub fn within(self, name: &'static str, path: &'static str) -> Result<Option<Self>, Fault> {
        let Some(field) = self.get(&[name]) else { return Ok(None) };
        let object = field.value.as_object().ok_or_else(|| field.wrong("an object"))?;
        Ok(Some(Self { object, path }))
    }

    /// All of them.
    pub fn object(self) -> Map<String, Value> {
        self.object.clone()
    }

    /// The first of these names that is there.
    pub fn get(self, names: &[&'static str]) -> Option<Field<'b>> {
        names.iter().find_map(|&name| {
            let value = self.object.get(name).filter(|value| !value.is_null())?;
            Some(Field { name, path: self.path, value })
        })
    }

    /// All of these names that are there.
    pub fn all(self, names: &[&'static str]) -> impl Iterator<Item = Field<'b>> {
        names.iter().filter_map(move |&name| self.get(&[name]))
    }

    /// Every name and what it is, `null` left out.
    pub fn each(self) -> impl Iterator<Item = (&'b str, &'b Value)> {
        self.object.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.as_str(), value))
    }

    /// A whole number in a range.
    ///
    /// # Errors
    /// It is none, or outside.
    pub fn whole(self, names: &[&'static str], range: RangeInclusive<i64>) -> Result<Option<i64>, Fault> {
        let Some(field) = self.get(names) else { return Ok(None) };
        let whole = whole(field.value).filter(|whole| range.contains(whole));
        whole.map(Some).ok_or_else(|| field.wrong(&allowed(&range)))
    }

    /// A whole number, taken into the range where it lies outside.
    ///
    /// # Errors
    /// It is none.
    pub fn clamped(self, names: &[&'static str], range: RangeInclusive<i64>) -> Result<Option<i64>, Fault> {
        let whole = self.whole(names, i64::MIN..=i64::MAX)?;
        Ok(whole.map(|whole| whole.clamp(*range.start(), *range.end())))
    }

    /// Yes or no.
    ///
    /// # Errors
    /// It is neither.
    pub fn flag(self, names: &[&'static str]) -> Result<Option<bool>, Fault> {
        self.get(names).map(|field| flag(field.value).ok_or_else(|| field.wrong("`true` or `false`"))).transpose()
    }

    /// A text.
    ///
    /// # Errors
    /// It is none.
    pub fn text(self, names: &[&'static str]) -> Result<Option<&'b str>, Fault> {
        self.get(names).map(|field| field.value.as_str().ok_or_else(|| field.wrong("a text"))).transpose()
    }
}

impl<'b> Field<'b> {
    /// Its name, with what it stands within.
    pub fn named(self) -> String {
        format!("{}{}", self.path, self.name)
    }

    /// What is said where it is wrong.
    pub fn wrong(self, allowed: &str) -> Fault {
        wrong(&self.named(), self.value, allowed)
    }

    /// A text or a list of them, those that are empty left out.
    ///
    /// # Errors
    /// It is neither.
    pub fn texts(self) -> Result<Vec<&'b str>, Fault> {
        let wrong = || self.wrong("a text or a list of texts");
        let texts: Option<Vec<&str>> = match self.value {
            Value::String(text) => Some(vec![text]),
            Value::Array(texts) => texts.iter().filter(|text| !text.is_null()).map(Value::as_str).collect(),
            _ => None,
        };
        let mut texts = texts.ok_or_else(wrong)?;
        texts.retain(|text| !text.is_empty());
        Ok(texts)
    }
}

/// What is said of a value that is wrong.
pub fn wrong(name: &str, value: &Value, allowed: &str) -> Fault {
    Fault::field(name, format!("it is {}, and {allowed} was expected", excerpt(&value.to_string(), SHOWN)))
}

/// A number, also one that is written as a text.
pub fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// A whole number, also one that is written as a text or with a point.
pub fn whole(value: &Value) -> Option<i64> {
    let exact = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    #[allow(clippy::cast_possible_truncation, reason = "so large a number is the largest")]
    exact.or_else(|| number(value).filter(|number| number.fract() == 0.0).map(|number| number as i64))
}

/// Yes or no, also as a number or a text.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        value => number(value).map(|number| number != 0.0),
    }
}

fn allowed(range: &RangeInclusive<i64>) -> String {
    match (*range.start(), *range.end()) {
        (i64::MIN, _) => "a whole number".to_owned(),
        (least, i64::MAX) => format!("a whole number from {least} up"),
        (least, most) => format!("a whole number from {least} to {most}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn null_is_nothing_and_the_first_name_that_is_there_counts() {
        let body = body(&json!({"n_predict": null, "max_tokens": 5, "max_new_tokens": 7}));
        let fields = Fields::of(&body);
        assert_eq!(fields.whole(&["n_predict", "max_tokens", "max_new_tokens"], -1..=99).unwrap(), Some(5));
        assert_eq!(fields.whole(&["n_predict"], -1..=99).unwrap(), None);
        assert_eq!(fields.text(&["stop"]).unwrap(), None);
    }

    #[test]
    fn a_number_may_be_written_as_a_text_and_a_flag_as_a_number() {
        for value in [json!(10), json!(10.0), json!("10"), json!(" 10 "), json!("1e1")] {
            assert_eq!(whole(&value), Some(10), "{value}");
        }
        for value in [json!(0.5), json!("0.5"), json!(true), json!([1]), json!("NaN"), json!("ten"), json!({})] {
            assert_eq!(whole(&value), None, "{value}");
        }
        assert_eq!((number(&json!("0.5")), number(&json!("inf")), number(&json!("NaN"))), (Some(0.5), None, None));
        assert_eq!(whole(&json!(1e300)), Some(i64::MAX));
        for (value, yes) in [(json!(true), true), (json!(0), false), (json!("True"), true), (json!("false"), false)] {
            assert_eq!(flag(&value), Some(yes));
        }
        assert_eq!(flag(&json!("yes")), None);
    }

    #[test]
    fn whoever_is_wrong_is_told_the_field_what_it_is_and_what_it_may_be() {
        let body = body(&json!({"n": 1_000_000_000, "temperature": "hot", "stop": [1], "stream": "maybe", "model": 3}));
        let fields = Fields::of(&body);
        let said = |fault: Fault| (fault.status.as_u16(), fault.message);
        assert_eq!(
            said(fields.whole(&["n"], 1..=16).unwrap_err()),
            (400, "`n`: it is 1000000000, and a whole number from 1 to 16 was expected".to_owned())
        );
        let hot = said(fields.get(&["temperature"]).unwrap().wrong("a number")).1;
        assert_eq!(hot, "`temperature`: it is \"hot\", and a number was expected");
        assert!(said(fields.get(&["stop"]).unwrap().texts().unwrap_err()).1.contains("a text or a list of texts"));
        assert!(said(fields.flag(&["stream"]).unwrap_err()).1.contains("`true` or `false`"));
        assert!(said(fields.text(&["model"]).unwrap_err()).1.contains("a text"));
        assert_eq!(fields.clamped(&["n"], 0..=64).unwrap(), Some(64));
    }
}
