//! Texts as tokens, and tokens as texts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::app::{App, Door};
use super::fault::Fault;
use super::guard::Object;
use crate::model::Vocabulary;
use crate::prob::Token;

type Told = Result<Json<Value>, Fault>;

/// llama-server's `/tokenize`, and vLLM's of the same name.
pub async fn tokenize(State(door): State<Arc<Door>>, Object(body): Object) -> Told {
    let app = door.app()?;
    let with_pieces = is(&body, "with_pieces", false)?;
    let tokens = cut(&app, body).await?;
    let vocabulary = app.engine.vocabulary();
    let told = |&token: &Token| {
        if with_pieces { json!({ "id": token, "piece": piece(vocabulary, token) }) } else { token.into() }
    };
    let told: Vec<Value> = tokens.iter().map(told).collect();
    Ok(Json(json!({ "tokens": told, "count": tokens.len(), "max_model_len": app.engine.context() })))
}

/// What TabbyAPI and text-generation-webui answer.
pub async fn encode(State(door): State<Arc<Door>>, Object(body): Object) -> Told {
    let tokens = cut(&door.app()?, body).await?;
    Ok(Json(json!({ "tokens": tokens, "length": tokens.len() })))
}

/// The text of tokens; what is no whole character is `�`.
pub async fn detokenize(State(door): State<Arc<Door>>, Object(body): Object) -> Told {
    let app = door.app()?;
    let most = app.engine.vocabulary().len();
    let wanted = || Fault::field("tokens", "expected a list of token ids");
    let listed = body.get("tokens").and_then(Value::as_array).ok_or_else(wanted)?;
    let id = |id: &Value| {
        let token = id.as_u64().and_then(|id| Token::try_from(id).ok()).filter(|&token| (token as usize) < most);
        let shown = || crate::text::excerpt(&id.to_string(), crate::text::EXCERPT);
        token.ok_or_else(|| Fault::field("tokens", format!("expected ids from 0 to {}, found {}", most - 1, shown())))
    };
    let tokens: Vec<Token> = listed.iter().map(id).collect::<Result<_, _>>()?;
    Ok(Json(json!({ "content": app.engine.vocabulary().text(&tokens) })))
}

/// The tokens of the text in a request, under whichever name it comes.
async fn cut(app: &Arc<App>, mut body: Map<String, Value>) -> Result<Vec<Token>, Fault> {
    let (begins, special) = (is(&body, "add_special", false)?, is(&body, "parse_special", true)?);
    let name = ["content", "prompt", "text"].into_iter().find(|name| body.get(*name).is_some_and(|value| !value.is_null()));
    let text = match name.and_then(|name| body.remove(name)) {
        None => return Err(Fault::field("content", "expected a text, and it is missing")),
        Some(Value::String(text)) => text,
        Some(other) => {
            let shown = crate::text::excerpt(&other.to_string(), crate::text::EXCERPT);
            return Err(Fault::field(name.unwrap_or("content"), format!("expected a text, found {shown}")));
        }
    };
    let cut =
        move |app: &App, _: &_| app.engine.backend().tokenize(&text, begins, special).map_err(|error| Fault::refused(&error));
    app.aside(cut).await
}

/// The value of a switch.
fn is(body: &Map<String, Value>, name: &str, usual: bool) -> Result<bool, Fault> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(usual),
        Some(Value::Bool(is)) => Ok(*is),
        Some(_) => Err(Fault::field(name, "expected `true` or `false`")),
    }
}

/// The piece of a token: a text, or its bytes where it is no whole character.
fn piece(vocabulary: &Vocabulary, token: Token) -> Value {
    let bytes = vocabulary.piece(token);
    std::str::from_utf8(bytes).map_or_else(|_| bytes.into(), Value::from)
}
