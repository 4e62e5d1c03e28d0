//! Who may ask, and with what: keys, the names of this machine, pages of other origins, and bodies.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use tokio::time::timeout;
use tokio_stream::StreamExt;

use super::app::Door;
use super::fault::Fault;
use super::options::Options;

/// The longest body that is read, in bytes: a long novel passes.
const LONGEST: usize = 32 << 20;

/// What may be asked without a key.
const PUBLIC: [&str; 7] = ["/", "/guide.md", "/openapi.json", "/health", "/v1/health", "/models", "/v1/models"];

/// For how many seconds a browser remembers that a page may ask.
const REMEMBERED: &str = "600";

/// What a page may read of an answer beside its body.
const EXPOSED: &str = "X-Afterword-Preset, X-Afterword-Seed, Retry-After";

/// Lets those through who may ask, and tells browsers so: on answers of all kinds, faults and streams among them.
pub async fn guard(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let options = &door.options;
    let origin = request.headers().get(header::ORIGIN).cloned();
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let is_private = request.headers().contains_key("access-control-request-private-network");
    let is_preflight = request.method() == Method::OPTIONS;
    let host = host(&request);
    let checked = checked_host(options, host.as_ref()).and_then(|()| checked_origin(options, origin.as_ref(), host.as_ref()));
    let allowed = checked.is_ok().then_some(origin).flatten();
    let mut response = match checked {
        Err(fault) => fault.into_response(),
        Ok(()) if is_preflight => StatusCode::NO_CONTENT.into_response(),
        Ok(()) => match checked_key(options, &request) {
            Ok(()) => next.run(request).await,
            Err(fault) => fault.into_response(),
        },
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if is_preflight {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, POST, OPTIONS"));
    }
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        if is_preflight {
            permit(headers, asked, is_private);
        }
    }
    response
}

/// What a page may send, in answer to a browser that asks beforehand.
fn permit(headers: &mut HeaderMap, asked: Option<HeaderValue>, is_private: bool) {
    let known = || HeaderValue::from_static("Authorization, Content-Type, X-Api-Key");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or_else(known));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(REMEMBERED));
    if is_private {
        headers.insert(HeaderName::from_static("access-control-allow-private-network"), HeaderValue::from_static("true"));
    }
}

/// The name under which the server was asked, where the request has one.
fn host(request: &Request) -> Option<Authority> {
    let named = || request.headers().get(header::HOST)?.to_str().ok()?.parse().ok();
    request.uri().authority().cloned().or_else(named)
}

/// A page of a foreign name may lead to this machine by its own name server, and would then be of one origin with the server: so a
/// server of this machine answers to this machine's names alone.
fn checked_host(options: &Options, host: Option<&Authority>) -> Result<(), Fault> {
    match host {
        Some(host) if options.is_local && !is_loopback(host.host()) => {
            let host = crate::text::excerpt(host.host(), crate::text::EXCERPT);
            Err(Fault::forbidden(format!("the server is not called `{host}`; hint: ask for it as `127.0.0.1` or `localhost`")))
        }
        _ => Ok(()),
    }
}

/// Whether a name is one of this machine for itself.
fn is_loopback(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name == "localhost" || name.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Pages of this machine may ask, those of the server itself, those that were named, and on this machine files that are opened as pages.
fn checked_origin(options: &Options, origin: Option<&HeaderValue>, host: Option<&Authority>) -> Result<(), Fault> {
    let Some(origin) = origin else { return Ok(()) };
    let origin = String::from_utf8_lossy(origin.as_bytes()).into_owned();
    let named = |allowed: &String| allowed == "*" || allowed.trim_end_matches('/').eq_ignore_ascii_case(&origin);
    if options.origins.iter().any(named) || (origin == "null" && options.is_local) {
        return Ok(());
    }
    let of = origin.split_once("://").and_then(|(scheme, rest)| {
        let is_page = matches!(scheme, "http" | "https");
        rest.parse::<Authority>().ok().filter(|_| is_page)
    });
    let is_own = |of: &Authority| {
        // By a name that anybody may point here the server is its own origin only for those with a key.
        let is_named = of.host().trim_matches(['[', ']']).parse::<IpAddr>().is_err();
        host.is_some_and(|host| host == of) && !(is_named && options.keys.is_empty())
    };
    if of.is_some_and(|of| is_loopback(of.host()) || is_own(&of)) {
        return Ok(());
    }
    let origin = crate::text::excerpt(&origin, crate::text::EXCERPT);
    Err(Fault::forbidden(format!("pages of `{origin}` may not ask; hint: whoever started the server can allow that origin")))
}

/// Whoever knows a key may ask; where there is none, everybody.
fn checked_key(options: &Options, request: &Request) -> Result<(), Fault> {
    let path = request.uri().path();
    if options.keys.is_empty() || PUBLIC.contains(&path) {
        return Ok(());
    }
    let headers = request.headers();
    let bearer = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).and_then(|value| {
        let (scheme, key) = value.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then_some(key.trim_ascii())
    });
    let plain = headers.get("x-api-key").map(HeaderValue::as_bytes);
    let offered: Vec<&[u8]> = bearer.into_iter().chain(plain).collect();
    if offered.is_empty() {
        return Err(Fault::unauthorised("a key is wanted; hint: send it as `Authorization: Bearer KEY` or as `X-Api-Key`"));
    }
    if is_known(&options.keys, &offered) { Ok(()) } else { Err(Fault::unauthorised("the key is wrong")) }
}

/// Whether one of the keys is offered, in a time that tells nothing of them: their hashes are compared, each with each.
fn is_known(keys: &[String], offered: &[&[u8]]) -> bool {
    let mut known = Choice::from(0);
    for offered in offered {
        let offered = Sha256::digest(offered);
        for key in keys {
            known |= Sha256::digest(key.as_bytes()).as_slice().ct_eq(offered.as_slice());
        }
    }
    known.into()
}

/// The JSON object that a request is.
pub struct Object(pub Map<String, Value>);

impl FromRequest<Arc<Door>> for Object {
    type Rejection = Fault;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Fault> {
        // What a page may send without asking beforehand is no JSON to a browser.
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Fault::not_json("the body is to be JSON, with the header `Content-Type: application/json`"));
        }
        object(&body(request.into_body(), door.options.stall).await?).map(Self)
    }
}

/// All bytes of a body, of which something comes at least so often. What is too long is read on and forgotten, so that whoever sends it gets to the answer.
async fn body(body: Body, stall: Duration) -> Result<Vec<u8>, Fault> {
    let (mut bytes, mut length, mut frames) = (Vec::new(), 0_usize, body.into_data_stream());
    let too_slow = |_| Fault::too_slow(format!("no more of the body came for {} seconds", stall.as_secs()));
    while let Some(frame) = timeout(stall, frames.next()).await.map_err(too_slow)? {
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
    match serde_json::from_slice(body).or_else(|error| serde_json::from_slice(&whole_pairs(body).ok_or(error)?)) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Fault::invalid("the body is to be a JSON object")),
        Err(error) => Err(Fault::invalid(format!("cannot read the body as JSON: {error}"))),
    }
}

/// The same JSON with U+FFFD in the place of each half of a surrogate pair: a page that cuts a text by units of UTF-16 sends one where
/// it has cut a character. `None` where there is no such half.
fn whole_pairs(body: &[u8]) -> Option<Vec<u8>> {
    let unit = |at: usize| -> Option<u16> {
        let escape = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(escape).ok()?, 16).ok()
    };
    let (mut mended, mut at, mut halves) = (Vec::with_capacity(body.len()), 0, 0);
    while at < body.len() {
        let taken = match (unit(at), unit(at + 6)) {
            _ if body[at] != b'\\' => 1,
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                halves += 1;
                mended.extend(b"\\ufffd");
                at += 6;
                continue;
            }
            // A backslash goes with what it escapes.
            _ => 2,
        };
        mended.extend(&body[at..body.len().min(at + taken)]);
        at += taken;
    }
    (halves > 0).then_some(mended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(options: &Options, origin: &str, host: &str) -> bool {
        let host = host.parse().unwrap();
        checked_origin(options, Some(&HeaderValue::from_str(origin).unwrap()), Some(&host)).is_ok()
    }

    #[test]
    fn a_server_of_this_machine_answers_to_its_names_alone() {
        let local = Options::default();
        for (host, may) in [
            ("127.0.0.1:8080", true),
            ("localhost", true),
            ("LOCALHOST.:8080", true),
            ("llm.localhost", true),
            ("127.1.2.3", true),
            ("[::1]:8080", true),
            ("evil.example:8080", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("0.0.0.0:8080", false),
            ("192.168.1.2", false),
            ("[::2]", false),
        ] {
            assert_eq!(checked_host(&local, Some(&host.parse().unwrap())).is_ok(), may, "{host}");
        }
        let open = Options { is_local: false, ..Options::default() };
        assert!(checked_host(&open, Some(&"any.example".parse().unwrap())).is_ok());
    }

    #[test]
    fn pages_of_this_machine_may_ask_and_foreign_ones_only_where_that_is_said() {
        let local = Options::default();
        for (page, may) in [
            ("http://localhost:3000", true),
            ("https://127.0.0.1", true),
            ("http://[::1]:5173", true),
            ("null", true),
            ("https://evil.example", false),
            ("http://localhost.evil.example", false),
            ("http://127.0.0.1@evil.example", false),
            ("file://localhost", false),
            ("chrome-extension://localhost", false),
            ("", false),
        ] {
            assert_eq!(origin(&local, page, "127.0.0.1:8080"), may, "{page}");
        }
        let named = Options { origins: vec!["https://tale.example/".into(), "app://obsidian.md".into()], ..Options::default() };
        assert!(origin(&named, "https://tale.example", "localhost") && origin(&named, "app://obsidian.md", "localhost"));
        assert!(!origin(&named, "https://tale.example.evil.example", "localhost"));
        let all = Options { origins: vec!["*".into()], ..Options::default() };
        assert!(origin(&all, "https://evil.example", "localhost"));
    }

    #[test]
    fn in_a_network_the_page_of_the_server_may_ask_and_a_file_may_not() {
        let keyless = Options { is_local: false, ..Options::default() };
        let keyed = Options { keys: vec!["k".into()], ..keyless.clone() };
        for options in [&keyless, &keyed] {
            assert!(origin(options, "http://192.168.1.2:8080", "192.168.1.2:8080"));
            assert!(!origin(options, "http://192.168.1.3:8080", "192.168.1.2:8080"));
            assert!(!origin(options, "null", "192.168.1.2:8080"));
        }
        // A name may be pointed here by anybody.
        assert!(origin(&keyed, "http://tale.example:8080", "tale.example:8080"));
        assert!(!origin(&keyless, "http://tale.example:8080", "tale.example:8080"));
    }

    #[test]
    fn a_key_is_known_as_a_whole() {
        let keys = ["one".to_owned(), "zwei".to_owned()];
        for (offered, known) in [("one", true), ("zwei", true), ("on", false), ("onee", false), ("", false), ("One", false)] {
            assert_eq!(is_known(&keys, &[offered.as_bytes()]), known, "{offered}");
        }
        assert!(is_known(&keys, &[b"sk-none", b"zwei"]) && !is_known(&[], &[b""]));
    }
}
