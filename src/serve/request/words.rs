//! Words of a request: where a story stops, and which tokens it is to say more often, less or never.

use serde_json::Value;

use super::fields::{Field, Fields, number, whole, wrong};
use crate::prob::Token;
use crate::serve::Fault;
use crate::text::some;

/// The most stop strings, biases or bans of one request.
const MOST: usize = 1024;

/// A token, by its number or by its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// Its number.
    Token(Token),
    /// Its text, with and without a space before it.
    Text(String),
}

/// A word whose chances are changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The field that asks for it.
    pub field: String,
    /// The word.
    pub word: Word,
    /// What is added to its logit, in nats; `None` bans it.
    pub bias: Option<f64>,
}

/// Texts before which the story ends, each once; empty ones are none.
///
/// # Errors
/// A field that holds no texts, or too many.
pub fn stops(fields: Fields) -> Result<Vec<String>, Fault> {
    let mut stops: Vec<String> = Vec::new();
    for field in fields.all(&["stop", "stopping_strings", "stop_sequence"]) {
        for text in field.texts()? {
            if !stops.iter().any(|stop| stop == text) {
                stops.push(text.to_owned());
                few(field, stops.len())?;
            }
        }
    }
    Ok(stops)
}

/// Every word whose chances are changed, in the order in which fields and entries stand.
///
/// # Errors
/// A field of another form, a token that cannot be, or too many words.
pub fn changes(fields: Fields) -> Result<Vec<Change>, Fault> {
    let mut changes = Vec::new();
    if let Some(field) = fields.get(&["logit_bias"]) {
        changes = biases(field)?;
    }
    for field in fields.all(&["banned_tokens", "custom_token_bans", "banned_strings"]) {
        let words = banned(field)?;
        changes.extend(words.into_iter().map(|word| Change { field: field.named(), word, bias: None }));
        few(field, changes.len())?;
    }
    Ok(changes)
}

/// `[[id | text, bias | false], …]`, or an object from ids or texts to biases.
fn biases(field: Field) -> Result<Vec<Change>, Fault> {
    let name = field.named();
    let change = |word: Word, value: &Value| {
        let bias = match value {
            Value::Bool(false) => None,
            value => Some(number(value).ok_or_else(|| wrong(&name, value, "a number or `false` behind a token"))?),
        };
        Ok(Change { field: name.clone(), word, bias })
    };
    let pair = |entry: &Value| match entry.as_array().map(Vec::as_slice) {
        Some([word, bias]) => change(of_value(field, word)?, bias),
        _ => Err(wrong(&name, entry, "a pair of a token and its bias")),
    };
    let changes: Vec<Change> = match field.value {
        Value::Array(entries) => entries.iter().map(pair).collect::<Result<_, Fault>>()?,
        Value::Object(entries) => {
            entries.iter().map(|(word, bias)| change(of_text(word), bias)).collect::<Result<_, Fault>>()?
        }
        // What an interface sends that has none.
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        _ => return Err(field.wrong("a list of pairs or an object from tokens to numbers")),
    };
    few(field, changes.len())?;
    Ok(changes)
}

/// A list of texts and numbers of tokens, or numbers divided by commas.
fn banned(field: Field) -> Result<Vec<Word>, Fault> {
    match field.value {
        Value::Array(words) => {
            let words = words.iter().filter(|word| !word.is_null() && word.as_str() != Some(""));
            words.map(|word| of_value(field, word)).collect()
        }
        Value::String(text) if field.named() == "custom_token_bans" => {
            let numbers = text.split([',', ' ']).map(str::trim).filter(|number| !number.is_empty());
            let token = |number: &str| number.parse().map(Word::Token).map_err(|_| field.wrong("numbers of tokens"));
            numbers.map(token).collect()
        }
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::String(text) => Ok(vec![Word::Text(text.clone())]),
        _ => Err(field.wrong("a list of texts or of tokens")),
    }
}

fn of_value(field: Field, value: &Value) -> Result<Word, Fault> {
    let wrong = || wrong(&field.named(), value, "a text or the number of a token");
    match value {
        Value::String(text) if !text.is_empty() => Ok(Word::Text(text.clone())),
        value => whole(value).and_then(|token| token.try_into().ok()).map(Word::Token).ok_or_else(wrong),
    }
}

/// A key of an object: a number, where it is one.
fn of_text(text: &str) -> Word {
    text.trim().parse().map_or_else(|_| Word::Text(text.to_owned()), Word::Token)
}

fn few(field: Field, count: usize) -> Result<(), Fault> {
    if count <= MOST {
        return Ok(());
    }
    Err(Fault::field(&field.named(), format!("it has {} or more, and at most {MOST} were expected", some(count, "entry"))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of<T>(body: &Value, read: impl Fn(Fields) -> Result<T, Fault>) -> Result<T, String> {
        read(Fields::of(body.as_object().unwrap())).map_err(|fault| fault.message)
    }

    fn changed(body: &Value) -> Result<Vec<(Word, Option<f64>)>, String> {
        of(body, changes).map(|changes| changes.into_iter().map(|change| (change.word, change.bias)).collect())
    }

    #[test]
    fn stops_of_both_names_are_joined_and_empty_ones_ignored() {
        let stops = |body: Value| of(&body, stops);
        assert_eq!(stops(json!({"stop": "\n"})), Ok(vec!["\n".into()]));
        let both = json!({"stop": ["a", "", "b"], "stopping_strings": ["b", "c"]});
        assert_eq!(stops(both), Ok(vec!["a".into(), "b".into(), "c".into()]));
        assert_eq!(stops(json!({"stop": null, "stopping_strings": []})), Ok(vec![]));
        assert!(stops(json!({"stop": 3})).unwrap_err().starts_with("`stop`: it is 3"));
        let many: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
        assert!(stops(json!({ "stop": many })).unwrap_err().contains("at most 1024"));
    }

    #[test]
    fn a_logit_bias_is_a_list_or_an_object_and_false_bans() {
        let text = |text: &str| Word::Text(text.to_owned());
        let list = json!({"logit_bias": [[5, 1.5], ["cat", -2], [7, false], ["9", "3"]]});
        let read = changed(&list).unwrap();
        assert_eq!(
            read,
            [(Word::Token(5), Some(1.5)), (text("cat"), Some(-2.0)), (Word::Token(7), None), (text("9"), Some(3.0))]
        );
        let object = json!({"logit_bias": {"5": -100, "cat": false}});
        assert_eq!(changed(&object).unwrap(), [(Word::Token(5), Some(-100.0)), (text("cat"), None)]);
        for empty in [json!([]), json!({}), json!(null), json!("")] {
            assert_eq!(changed(&json!({ "logit_bias": empty })), Ok(vec![]));
        }
        for wrong in
            [json!([5]), json!([[5]]), json!([[5, "x"]]), json!([[5, true]]), json!(5), json!([[-1, 1]]), json!([["", 1]])]
        {
            assert!(changed(&json!({ "logit_bias": wrong })).unwrap_err().starts_with("`logit_bias`: "), "{wrong}");
        }
    }

    #[test]
    fn bans_are_texts_numbers_or_numbers_divided_by_commas() {
        let text = |text: &str| (Word::Text(text.to_owned()), None);
        let token = |token| (Word::Token(token), None);
        assert_eq!(changed(&json!({"banned_tokens": ["cat", "", 3]})), Ok(vec![text("cat"), token(3)]));
        assert_eq!(changed(&json!({"custom_token_bans": "1, 2,3"})), Ok(vec![token(1), token(2), token(3)]));
        assert_eq!(changed(&json!({"custom_token_bans": ""})), Ok(vec![]));
        assert_eq!(changed(&json!({"custom_token_bans": [4]})), Ok(vec![token(4)]));
        assert_eq!(changed(&json!({"banned_strings": ["a testament to"]})), Ok(vec![text("a testament to")]));
        assert!(changed(&json!({"custom_token_bans": "1,x"})).unwrap_err().contains("numbers of tokens"));
        assert!(changed(&json!({"banned_tokens": 3})).unwrap_err().contains("a list of texts"));
    }
}
