//! What the server tells of itself, in the shapes that clients read.

use afterword::serve::Options;
use serde_json::{Value, json};

use super::toy::{CONTEXT, Toy, story};
use crate::support::http::{Asking, ask};

#[test]
fn presets_are_models() {
    let toy = Toy::new();
    let models = toy.get("/v1/models").json();
    let ids: Vec<&str> = models["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["toy", "toy@plain", "toy@wave", "toy@<b>&", "toy@client"]);
    for model in models["data"].as_array().unwrap() {
        assert_eq!((&model["object"], &model["owned_by"]), (&json!("model"), &json!("llamacpp")));
        assert_eq!(model["meta"]["n_ctx"], CONTEXT);
        assert!(model["created"].as_u64() > Some(1_600_000_000));
    }
    for path in ["/models", "/v1/model/list"] {
        assert_eq!(toy.get(path).json(), models);
    }
    assert_eq!(toy.get("/v1/models/toy@wave").json(), models["data"][2]);
    assert_eq!(toy.get("/models/toy%40wave").json(), models["data"][2]);
    assert_eq!(toy.get("/v1/models/other").status, 404);
    assert_eq!(toy.get("/v1/model").json()["parameters"]["max_seq_len"], CONTEXT);
    assert_eq!(toy.get("/v1/internal/model/info").json()["model_name"], "toy");
    let named = Toy::of(Options { alias: Some("org/my@tale".to_owned()), ..Options::default() });
    assert_eq!(named.get("/v1/models/org/my@tale@wave").json()["id"], "org/my@tale@wave");
}

#[test]
fn a_preset_is_chosen_by_the_name_of_a_model() {
    let toy = Toy::new();
    let preset = |model: &str| {
        let mut body = story("once upon ", 3);
        body["model"] = model.into();
        let reply = toy.post("/v1/completions", &body);
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["afterword"]["preset"].as_str().unwrap().to_owned()
    };
    for (model, name) in [
        ("toy", "plain"),
        ("toy@wave", "wave"),
        ("gpt-4o", "plain"),
        ("gpt-4o@wave", "wave"),
        ("toy@<b>&", "<b>&"),
        ("toy@client", "client"),
    ] {
        assert_eq!(preset(model), name, "{model}");
    }
    let mut body = story("once upon ", 3);
    body["model"] = "toy@nobody".into();
    let reply = toy.post("/v1/completions", &body);
    assert_eq!(reply.status, 404);
    let said = reply.fault();
    assert!(said.contains("`nobody`") && said.contains("plain, wave"), "{said}");
}

#[test]
fn properties_hold_what_clients_ask_before_they_begin() {
    let toy = Toy::new();
    let props = toy.get("/props").json();
    assert!(props["chat_template"].as_str().unwrap().contains("<assistant>"));
    assert_eq!(props["default_generation_settings"]["n_ctx"], CONTEXT);
    assert_eq!((&props["total_slots"], &props["model_alias"], &props["model_path"]), (&json!(2), &json!("toy"), &json!("toy")));
    assert_eq!(props["afterword"]["presets"], json!(["plain", "wave", "<b>&"]));
    assert!(props["build_info"].as_str().unwrap().starts_with("afterword "));
    let slots = toy.get("/slots").json();
    assert_eq!(slots.as_array().map(Vec::len), Some(2));
    assert_eq!((&slots[1]["id"], &slots[1]["is_processing"]), (&json!(1), &json!(false)));
}

#[test]
fn tokens_are_told_in_every_shape() {
    let toy = Toy::new();
    let told = toy.post("/tokenize", &json!({ "content": "a king<user>" })).json();
    let tokens: Vec<u64> = told["tokens"].as_array().unwrap().iter().map(|token| token.as_u64().unwrap()).collect();
    assert_eq!((tokens.len(), &told["count"]), (4, &json!(4)));
    assert_eq!(toy.post("/detokenize", &json!({ "tokens": tokens })).json()["content"], "a king<user>");
    for (path, field) in [
        ("/v1/token/encode", "text"),
        ("/v1/internal/encode", "text"),
        ("/v1/internal/token-count", "text"),
        ("/tokenize", "prompt"),
    ] {
        let told = toy.post(path, &json!({ field: "a king<user>" })).json();
        assert_eq!(told["tokens"], json!(tokens), "{path}");
        assert!(told["length"] == 4 || told["count"] == 4);
    }
    let letters = toy.post("/tokenize", &json!({ "content": "<user>", "parse_special": false })).json();
    assert_eq!(letters["count"], 6);
    let pieces = toy.post("/tokenize", &json!({ "content": "a 🐺", "with_pieces": true })).json();
    assert_eq!(pieces["tokens"][0]["piece"], "a");
    assert_eq!(pieces["tokens"][2]["piece"], json!([0xf0]));
    assert_eq!(toy.post("/tokenize", &json!({ "content": "" })).json()["tokens"], json!([]));
}

#[test]
fn a_conversation_is_shown_as_the_model_reads_it() {
    let toy = Toy::new();
    let messages = json!([{ "role": "system", "content": "be brief" }, { "role": "user", "content": "a king?" }]);
    let shown = toy.post("/apply-template", &json!({ "messages": messages })).json();
    assert_eq!(shown["prompt"], "<system>be brief<user>a king?<assistant>");
}

#[test]
fn what_is_not_there_is_told_in_the_shape_of_faults() {
    let toy = Toy::new();
    for (method, path, status) in [
        ("GET", "/nowhere", 404),
        ("POST", "/api/v1/generate", 404),
        ("GET", "/v1/completions", 405),
        ("DELETE", "/v1/models", 405),
    ] {
        let reply = ask(toy.address, method, path, &[], b"{}");
        assert_eq!(reply.status, status, "{path}");
        assert!(reply.fault().contains(path));
    }
    assert_eq!(Asking::send(toy.address, "HEAD", "/health", &[], b"").head().0, 200);
}

#[test]
fn every_route_that_is_described_is_there() {
    let toy = Toy::new();
    let described = toy.get("/openapi.json").json();
    let paths = described["paths"].as_object().unwrap();
    assert!(paths.len() > 20);
    for (path, deeds) in paths {
        for (method, deed) in deeds.as_object().unwrap() {
            let reply = ask(toy.address, &method.to_uppercase(), &path.replace("{id}", "toy"), &[], b"{}");
            assert!(![404, 405, 500].contains(&reply.status), "{method} {path}: {}", reply.status);
            assert!(deed["summary"].is_string());
            let schema = deed.pointer("/requestBody/content/application~1json/schema/$ref").and_then(Value::as_str);
            if let Some(schema) = schema {
                assert!(described.pointer(&schema[1..]).is_some(), "{schema}");
            }
        }
    }
}

#[test]
fn before_the_model_is_loaded_everybody_is_told_so() {
    let mut toy = Toy::unopened(Options::default());
    for path in ["/health", "/v1/health", "/v1/models", "/props", "/slots"] {
        let reply = toy.get(path);
        assert_eq!((reply.status, reply.header("retry-after")), (503, "1"));
        assert_eq!((reply.fault().as_str(), &reply.json()["error"]["type"]), ("Loading model", &json!("unavailable_error")));
    }
    assert_eq!(toy.post("/completion", &story("once ", 2)).status, 503);
    let page = toy.get("/");
    assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
    toy.open();
    assert_eq!(toy.get("/health").json(), json!({ "status": "ok" }));
    assert_eq!(toy.post("/completion", &story("once ", 2)).status, 200);
}

#[test]
fn the_page_asks_for_nothing_from_elsewhere_and_no_name_breaks_it() {
    let toy = Toy::of(Options { alias: Some("</script><script>alert(1)</script>".to_owned()), ..Options::default() });
    let page = toy.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let text = page.text().replace("&#x2f;", "/");
    assert!(!text.contains("<script>alert") && !text.contains("<b>&") && text.contains("&lt;b&gt;&amp;"));
    for elsewhere in ["src=", "@import", "url("] {
        assert!(!text.contains(elsewhere), "{elsewhere}");
    }
    assert!(text.contains("connect-src 'self'") && text.contains("nothing but chance"));
    assert!(text.contains(&format!("http://{}/v1/completions", toy.address)), "the address that was asked for");
    assert!(!text.contains("id=\"key-of-server") && page.header("x-frame-options") == "DENY");
}

#[test]
fn one_decision_is_explained() {
    let toy = Toy::new();
    let body =
        json!({ "prompt": "once upon a", "seed": 3, "model": "toy@wave", "afterword": { "set": { "future.candidates": 5 } } });
    let reply = toy.post("/afterword/explain", &body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let told = reply.json();
    assert_eq!((&told["preset"], &told["prompt"], &told["seed"]), (&json!("wave"), &json!("once upon a"), &json!(3)));
    assert_eq!(told["candidates"].as_array().map(Vec::len), Some(5));
    assert!(told["candidates"].as_array().unwrap().iter().all(|candidate| candidate["future"].is_f64()));
    // It is the decision that a story of one token makes.
    let mut one = body.clone();
    one["max_tokens"] = 1.into();
    one["logprobs"] = 1.into();
    let story = toy.post("/v1/completions", &one).json();
    assert_eq!(told["taken"]["token"], story["choices"][0]["logprobs"]["content"][0]["id"]);
    assert_eq!(toy.post("/afterword/explain", &json!({ "prompt": "a", "preset": "nobody" })).status, 404);
}
