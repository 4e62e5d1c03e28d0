//! Who may ask: pages, names, keys.

use afterword::serve::Options;
use serde_json::json;

use super::toy::{Toy, story, streamed};
use crate::support::http::{Asking, Reply, ask};

fn asked(toy: &Toy, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    ask(toy.address, method, path, headers, body.as_bytes())
}

fn keyed() -> Toy {
    Toy::of(Options { keys: vec!["tell-me".to_owned(), "two".to_owned()], ..Options::default() })
}

#[test]
fn a_preflight_is_granted_whatever_headers_a_page_wants_to_send() {
    let toy = keyed();
    let wanted = "authorization, x-api-key, anthropic-dangerous-direct-browser-access, x-stainless-os";
    for path in ["/v1/completions", "/completion", "/v1/models", "/nowhere", "/v1/chat/completions"] {
        for origin in ["http://localhost:3000", "null", "https://127.0.0.1:8443"] {
            let headers = [
                ("Origin", origin),
                ("Access-Control-Request-Method", "POST"),
                ("Access-Control-Request-Headers", wanted),
                ("Access-Control-Request-Private-Network", "true"),
            ];
            let reply = asked(&toy, "OPTIONS", path, &headers, "");
            assert_eq!((reply.status, reply.header("access-control-allow-origin")), (204, origin));
            assert_eq!(reply.header("access-control-allow-headers"), wanted);
            assert_eq!(reply.header("access-control-allow-methods"), "GET, POST, OPTIONS");
            assert_eq!(reply.header("access-control-allow-private-network"), "true");
            assert!(reply.header("vary").contains("Origin") && !reply.header("access-control-max-age").is_empty());
        }
    }
    let plain = asked(&toy, "OPTIONS", "*", &[], "");
    assert_eq!((plain.status, plain.header("allow")), (204, "GET, POST, OPTIONS"));
}

#[test]
fn a_page_reads_faults_and_streams_too() {
    let toy = keyed();
    let page = ("Origin", "http://localhost:3000");
    let key = ("Authorization", "Bearer two");
    for (status, method, path, headers, body) in [
        (401, "POST", "/completion", vec![page], "{}"),
        (404, "GET", "/nowhere", vec![page, key], ""),
        (405, "GET", "/completion", vec![page, key], ""),
        (400, "POST", "/completion", vec![page, key], "{"),
        (415, "POST", "/completion", vec![page, key, ("Content-Type", "text/plain")], "{}"),
        (200, "GET", "/v1/models", vec![page], ""),
        (200, "POST", "/v1/completions", vec![page, key], &streamed("once ", 3).to_string()),
    ] {
        let reply = asked(&toy, method, path, &headers, body);
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (status, page.1), "{path}");
        assert!(reply.header("access-control-expose-headers").contains("X-Afterword-Seed"));
        if status >= 400 {
            reply.fault();
        }
    }
}

#[test]
fn a_foreign_page_is_refused_and_cannot_read_why() {
    let toy = Toy::new();
    for origin in ["https://evil.example", "http://localhost.evil.example", "file://"] {
        for (method, path) in [("OPTIONS", "/v1/completions"), ("POST", "/v1/completions"), ("GET", "/v1/models"), ("GET", "/")]
        {
            let reply = asked(&toy, method, path, &[("Origin", origin)], &story("once ", 3).to_string());
            assert_eq!((reply.status, reply.header("access-control-allow-origin")), (403, ""), "{origin} {path}");
            assert!(reply.fault().contains(origin), "{}", reply.text());
        }
    }
    assert!(!toy.log().iter().any(|line| line.contains("token")), "nothing was told: {:?}", toy.log());
    let open = Toy::of(Options { origins: vec!["https://evil.example".to_owned()], ..Options::default() });
    let reply = asked(&open, "GET", "/v1/models", &[("Origin", "https://evil.example")], "");
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, "https://evil.example"));
}

#[test]
fn a_name_that_was_pointed_here_leads_nowhere() {
    let toy = Toy::new();
    for host in ["evil.example:8080", "0.0.0.0", "localhost.evil.example"] {
        let reply = asked(&toy, "GET", "/v1/models", &[("Host", host)], "");
        assert_eq!(reply.status, 403);
        assert!(reply.fault().contains("127.0.0.1"));
    }
    for host in ["localhost:1", "127.0.0.1", "[::1]:8080"] {
        assert_eq!(asked(&toy, "GET", "/v1/models", &[("Host", host)], "").status, 200, "{host}");
    }
    // A client of the last century names no host.
    assert_eq!(Asking::raw(toy.address, b"GET /health HTTP/1.0\r\n\r\n").reply().status, 200);
}

#[test]
fn a_key_opens_and_another_does_not() {
    let toy = keyed();
    let body = story("once ", 2).to_string();
    for (headers, status) in [
        (vec![("Authorization", "Bearer tell-me")], 200),
        (vec![("authorization", "bearer two")], 200),
        (vec![("X-Api-Key", "two")], 200),
        (vec![("Authorization", "Bearer sk-none"), ("x-api-key", "tell-me")], 200),
        (vec![], 401),
        (vec![("Authorization", "Bearer ")], 401),
        (vec![("Authorization", "Bearer tell-m")], 401),
        (vec![("Authorization", "Basic dGVsbC1tZQ==")], 401),
        (vec![("X-Api-Key", "tell-me2")], 401),
    ] {
        let reply = asked(&toy, "POST", "/v1/completions", &headers, &body);
        assert_eq!(reply.status, status, "{headers:?}: {}", reply.text());
        if status == 401 {
            reply.fault();
            assert_eq!(
                (reply.json()["error"]["type"].as_str(), reply.header("www-authenticate")),
                (Some("authentication_error"), "Bearer")
            );
        }
    }
    for path in ["/", "/guide.md", "/openapi.json", "/health", "/v1/health", "/v1/models", "/models"] {
        assert_eq!(toy.get(path).status, 200, "{path} is for everybody");
    }
    for path in ["/props", "/slots", "/v1/models/toy", "/v1/model"] {
        assert_eq!(toy.get(path).status, 401, "{path}");
    }
    assert!(!toy.log().iter().any(|line| line.contains("tell-m") || line.contains("two")), "{:?}", toy.log());
    // Where no key is asked for, clients send one all the same.
    let open = Toy::new();
    assert_eq!(asked(&open, "POST", "/v1/completions", &[("Authorization", "Bearer sk-none")], &body).status, 200);
}

#[test]
fn the_log_has_a_line_for_every_request_and_no_word_of_a_text() {
    let toy = Toy::new();
    let headers = [("User-Agent", "SillyTavern/1.13 \u{9b}31m")];
    let body = json!({ "prompt": "a secret king", "max_tokens": 5, "seed": 3, "model": "toy@wave" }).to_string();
    let reply = asked(&toy, "POST", "/v1/completions", &headers, &body);
    let told = reply.json()["choices"][0]["text"].as_str().unwrap().to_owned();
    toy.until("a line of the log", |toy| !toy.log().is_empty());
    let line = toy.log().pop().unwrap();
    for part in ["POST /v1/completions", "SillyTavern/1.13", "200", "wave", "5 tokens", "tokens/s", "as long as asked for"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!line.contains("secret") && !line.contains(&told) && !line.contains('\u{9b}'), "{line}");
    let loud = Toy::of(Options { verbose: true, ..Options::default() });
    asked(&loud, "POST", "/v1/completions", &headers, &body);
    assert!(loud.log().iter().any(|line| line.contains("a secret king")), "{:?}", loud.log());
}
