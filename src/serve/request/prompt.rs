//! What a story goes on from, as a completion names it: text, tokens, or both in a row.

use serde_json::Value;

use super::fields::{Field, Fields, whole, wrong};
use crate::prob::Token;
use crate::serve::Fault;
use crate::text::some;

/// The most prompts of one request.
pub const MOST_PROMPTS: usize = 32;

/// A piece of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Words.
    Text(String),
    /// Tokens, as they stand.
    Tokens(Vec<Token>),
}

/// A prompt, piece by piece; whoever sends a text sends one piece.
pub type Pieces = Vec<Piece>;

/// The prompts of a request. Where `several` may be asked for a list of texts or of lists is as many prompts.
///
/// # Errors
/// There is none, too many, or one that is neither text nor tokens.
pub fn prompts(fields: Fields, several: bool) -> Result<Vec<Pieces>, Fault> {
    let Some(field) = fields.get(&["prompt"]) else {
        return Err(Fault::field("prompt", "it is missing, and a text or a list of tokens was expected"));
    };
    let list = match field.value {
        Value::String(text) => return Ok(vec![vec![Piece::Text(text.clone())]]),
        Value::Array(list) => list,
        _ => return Err(field.wrong(ALLOWED)),
    };
    let is_many = !list.is_empty() && (list.iter().all(Value::is_string) || list.iter().all(Value::is_array));
    if !is_many {
        return Ok(vec![pieces(field, list)?]);
    }
    let most = if several { MOST_PROMPTS } else { 1 };
    if list.len() > most {
        let hint = if several { "" } else { ": `/v1/completions` takes several" };
        let message = format!("it is a list of {}, and at most {most} was expected{hint}", some(list.len(), "prompt"));
        return Err(Fault::field(&field.named(), message));
    }
    let one = |prompt: &Value| match prompt {
        Value::Array(list) => pieces(field, list),
        text => pieces(field, std::slice::from_ref(text)),
    };
    list.iter().map(one).collect()
}

/// What a prompt may be.
const ALLOWED: &str = "a text, a list of tokens or a list of both";

/// The pieces of one prompt: tokens that stand side by side are one of them.
fn pieces(field: Field, list: &[Value]) -> Result<Pieces, Fault> {
    let mut pieces = Pieces::new();
    for value in list {
        match value {
            Value::String(text) => pieces.push(Piece::Text(text.clone())),
            Value::Number(_) => {
                let token = whole(value).and_then(|token| Token::try_from(token).ok());
                let token = token.ok_or_else(|| wrong(&field.named(), value, "the number of a token"))?;
                match pieces.last_mut() {
                    Some(Piece::Tokens(tokens)) => tokens.push(token),
                    _ => pieces.push(Piece::Tokens(vec![token])),
                }
            }
            other => return Err(wrong(&field.named(), other, ALLOWED)),
        }
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(prompt: &Value, several: bool) -> Result<Vec<Pieces>, String> {
        let body = json!({ "prompt": prompt });
        prompts(Fields::of(body.as_object().unwrap()), several).map_err(|fault| fault.message)
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    #[test]
    fn a_prompt_is_a_text_or_tokens_or_both_in_a_row() {
        assert_eq!(read(&json!("The"), false), Ok(vec![vec![text("The")]]));
        assert_eq!(read(&json!([5, 7.0]), false), Ok(vec![vec![Piece::Tokens(vec![5, 7])]]));
        let mixed = vec![text("a"), Piece::Tokens(vec![1, 2]), text("b")];
        assert_eq!(read(&json!(["a", 1, 2, "b"]), false), Ok(vec![mixed]));
        assert_eq!(read(&json!(["a"]), false), Ok(vec![vec![text("a")]]));
        assert_eq!(read(&json!([]), false), Ok(vec![vec![]]));
    }

    #[test]
    fn several_prompts_are_taken_only_where_several_choices_can_be_answered() {
        let two = Ok(vec![vec![text("a")], vec![text("b")]]);
        assert_eq!(read(&json!(["a", "b"]), true), two);
        assert_eq!(read(&json!([["a"], ["b"]]), true), two);
        let tokens = |tokens: &[Token]| vec![Piece::Tokens(tokens.to_vec())];
        assert_eq!(read(&json!([[1, 2], [3]]), true), Ok(vec![tokens(&[1, 2]), tokens(&[3])]));
        assert!(read(&json!(["a", "b"]), false).unwrap_err().contains("`/v1/completions`"));
        assert!(read(&json!(vec!["a"; 33]), true).unwrap_err().contains("at most 32"));
    }

    #[test]
    fn what_is_neither_text_nor_tokens_is_told_by_name() {
        for wrong in [json!(5), json!({"prompt_string": "a"}), json!([-1]), json!([0.5]), json!([["a"], 1]), json!([1, null])] {
            assert!(read(&wrong, true).unwrap_err().starts_with("`prompt`: it is "), "{wrong}");
        }
        let long = read(&json!([5_000_000_000_u64]), true).unwrap_err();
        assert_eq!(long, "`prompt`: it is 5000000000, and the number of a token was expected");
        assert!(read(&Value::Null, true).unwrap_err().contains("missing"));
    }
}
