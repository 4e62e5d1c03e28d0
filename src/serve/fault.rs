//! What is answered where a request cannot be: the shape that clients of OpenAI's API read.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::catalog::Instead;
use crate::engine::{AsksForChat, Refusal, Remedy};
use crate::files::causes;

/// Why a request gets no story: `{"error": {"code", "message", "type", …}}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The status of the answer.
    pub status: StatusCode,
    /// What kind it is, in the words of OpenAI and llama-server.
    pub kind: &'static str,
    /// The deed and its cause, in one sentence, and what would help.
    pub message: String,
    /// In how many seconds it may be otherwise.
    pub retry_after: Option<u32>,
    /// What else is told beside code, message and type.
    pub extra: Map<String, Value>,
}

impl Fault {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), retry_after: None, extra: Map::new() }
    }

    /// 400: the request cannot be meant.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// 400: this field of the request is wrong.
    #[must_use]
    pub fn field(name: &str, cause: impl std::fmt::Display) -> Self {
        Self::invalid(format!("`{name}`: {cause}")).with("param", name.into())
    }

    /// 400: the prompt leaves no room for a story.
    #[must_use]
    pub fn too_long(message: impl Into<String>, prompt_tokens: usize, context: usize) -> Self {
        let fault = Self::new(StatusCode::BAD_REQUEST, "exceed_context_size_error", message);
        fault.with("n_prompt_tokens", prompt_tokens.into()).with("n_ctx", context.into())
    }

    /// 401: the key is missing or wrong.
    #[must_use]
    pub fn unauthorised(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication_error", message)
    }

    /// 403: whoever asks may not.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission_error", message)
    }

    /// 404: there is no such thing.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found_error", message)
    }

    /// 405: the route is there for another method.
    #[must_use]
    pub fn wrong_method(message: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", message)
    }

    /// 408: the rest of the request did not come.
    #[must_use]
    pub fn too_slow(message: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "invalid_request_error", message)
    }

    /// 413: the body is longer than any that is read.
    #[must_use]
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", message)
    }

    /// 415: the body is no JSON.
    #[must_use]
    pub fn not_json(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request_error", message)
    }

    /// 503: not now; perhaps in so many seconds.
    #[must_use]
    pub fn unavailable(message: impl Into<String>, retry_after: u32) -> Self {
        let fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable_error", message);
        Self { retry_after: Some(retry_after), ..fault }
    }

    /// 500: it is not the request's fault.
    #[must_use]
    pub fn server(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
    }

    /// 500: a story could not go on.
    #[must_use]
    pub fn broke_off(cause: &str) -> Self {
        Self::server(format!("the story broke off: {cause}"))
    }

    /// 400 with what would help: the engine refuses what a request asks for.
    #[must_use]
    pub fn refused(error: &anyhow::Error) -> Self {
        match error.chain().find_map(|cause| cause.downcast_ref::<Refusal>()) {
            Some(refusal) => Self::of(refusal, causes(error)),
            None => Self::invalid(causes(error)),
        }
    }

    fn of(refusal: &Refusal, message: String) -> Self {
        let kind = match refusal.remedy {
            Remedy::LargerContext(_) | Remedy::ShorterPrompt | Remedy::LastBytes(_) | Remedy::LastCharacters(_) => {
                "exceed_context_size_error"
            }
            _ => "invalid_request_error",
        };
        let message = match hint(&refusal.remedy) {
            Some(hint) => format!("{message}; hint: {hint}"),
            None => message,
        };
        Self::new(StatusCode::BAD_REQUEST, kind, message)
    }

    /// The same, with this beside the message.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.extra.insert(name.to_owned(), value);
        self
    }

    /// As JSON: an answer, or an event of a stream that has begun.
    #[must_use]
    pub fn json(&self) -> Value {
        let Self { status, kind, message, extra, .. } = self;
        let mut error = extra.clone();
        error.insert("code".to_owned(), status.as_u16().into());
        error.insert("message".to_owned(), message.as_str().into());
        error.insert("type".to_owned(), (*kind).into());
        json!({ "error": error })
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::of(&refusal, refusal.message.clone())
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.json())).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            // What failed by itself fails again.
            headers.insert(HeaderName::from_static("x-should-retry"), HeaderValue::from_static("false"));
        }
        response
    }
}

/// What would help, in the words of a request; `None` where a request can do nothing about it.
fn hint(remedy: &Remedy) -> Option<String> {
    let words = match remedy {
        Remedy::LargerContext(tokens) => format!("shorten it, or start the server with a context of up to {tokens} tokens"),
        Remedy::ShorterPrompt => "shorten it".to_owned(),
        Remedy::FewerTokens => "ask for fewer with `max_tokens`".to_owned(),
        Remedy::LastBytes(bytes) => format!("its last {bytes} bytes fit"),
        Remedy::LastCharacters(count) => format!("its last {count} characters fit"),
        Remedy::FewerCandidates => {
            "ask for fewer candidates with `\"afterword\": {\"set\": {\"future.candidates\": 8}}`".to_owned()
        }
        Remedy::NoChat(what) => match what {
            AsksForChat::Put | AsksForChat::System => "send it to `/v1/completions`".to_owned(),
            AsksForChat::Prefill => "send it to `/v1/completions`, the beginning of the answer in `prompt`".to_owned(),
            AsksForChat::Thinking => "leave `reasoning_effort` out".to_owned(),
        },
        Remedy::Raw | Remedy::ParseSpecialOrRaw => "`/v1/completions` leaves the template out".to_owned(),
        Remedy::MinTokensWithinMax => "`min_tokens` is at most `max_tokens`".to_owned(),
        Remedy::LeaveOutStop => "leave it out of `stop`".to_owned(),
        Remedy::PlaceUpTo(last) => format!("places are counted from 1 to {last}"),
        Remedy::OtherWord => "name another word".to_owned(),
        Remedy::Calibrate { model, entropy_top, horizon } => format!(
            "whoever runs the server makes one with `afterword calibrate`, for `{}`, {entropy_top} tokens and the horizon {}",
            model.display(),
            horizon.name()
        ),
        Remedy::Fit(instead) => match instead {
            Instead::GpuLayers(layers) => format!("with {layers} layers on GPUs it would fit"),
            Instead::Context(tokens) => format!("a context of {tokens} tokens would fit"),
            Instead::Cache(cache) => format!("a cache of the type {cache} would fit"),
            Instead::FewerStories => "fewer stories at once would fit".to_owned(),
            Instead::SmallerModel => "a smaller model would fit".to_owned(),
        },
        Remedy::TellAgain | Remedy::EarlierRecord | Remedy::AnotherFolder | Remedy::StartAnew => return None,
    };
    Some(words)
}
