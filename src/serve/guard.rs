//! Who may ask, and with what: keys, the names of this machine, pages of other origins, and bodies.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde_json::{Map, Value};
use tokio_stream::StreamExt;

use super::fault::Fault;

/// The longest body that is read, in bytes: a long novel passes.
const LONGEST: usize = 32 << 20;

/// The JSON object that a request is.
pub struct Object(pub Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Object {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Fault::not_json("the body is to be JSON, with the header `Content-Type: application/json`"));
        }
        object(&body(request.into_body()).await?).map(Self)
    }
}

/// All bytes of a body. What is too long is read to its end and forgotten, so that whoever sends it gets to the answer.
async fn body(body: Body) -> Result<Vec<u8>, Fault> {
    let (mut bytes, mut length, mut frames) = (Vec::new(), 0_usize, body.into_data_stream());
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|error| Fault::invalid(format!("the body breaks off: {error}")))?;
        length += frame.len();
        match length {
            ..=LONGEST => bytes.extend_from_slice(&frame),
            length if length > 4 * LONGEST => break,
            _ => bytes = Vec::new(),
        }
    }
    if length > LONGEST {
        return Err(Fault::too_large(format!("the body is longer than {} MB", LONGEST >> 20)));
    }
    Ok(bytes)
}

/// The object in a body.
fn object(body: &[u8]) -> Result<Map<String, Value>, Fault> {
    if body.is_empty() {
        return Err(Fault::invalid("the body is empty: it is to be a JSON object"));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Fault::invalid("the body is to be a JSON object")),
        Err(error) => Err(Fault::invalid(format!("cannot read the body as JSON: {error}"))),
    }
}
