//! KoboldAI's routes, as KoboldAI Lite drives them.

use afterword::serve::Options;
use serde_json::{Value, json};

use super::toy::{CONTEXT, Toy};
use crate::support::http::{Asking, get, post};

fn toy() -> Toy {
    Toy::of(Options { kobold: true, ..Options::default() })
}

/// As Lite sends it.
fn of_lite(prompt: &str, more: &Value) -> Value {
    let mut body = json!({
        "n": 1, "max_context_length": 2048, "max_length": 20, "rep_pen": 1.07, "temperature": 0.75, "top_p": 0.92, "top_k": 100, "top_a": 0,
        "typical": 1, "tfs": 1, "rep_pen_range": 360, "rep_pen_slope": 0.7, "sampler_order": [6, 0, 1, 3, 4, 2, 5], "memory": "",
        "trim_stop": true, "genkey": "KCPP1234", "min_p": 0, "dynatemp_range": 0, "dynatemp_exponent": 1, "smoothing_factor": 0,
        "nsigma": 0, "banned_tokens": [], "render_special": false, "logprobs": false, "replace_instruct_placeholders": true,
        "presence_penalty": 0, "logit_bias": {}, "stop_sequence": [], "use_default_badwordsids": false, "bypass_eos": false,
        "sampler_seed": 7, "prompt": prompt,
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// What Lite reads: the text of the first result.
fn text(body: &Value) -> String {
    body["results"][0]["text"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

/// The tokens of a stream of theirs, and how it ended.
fn pieces(mut asking: Asking) -> (Vec<String>, Value) {
    let (status, headers) = asking.head();
    assert_eq!(status, 200);
    assert!(headers.contains(&("content-type".to_owned(), "text/event-stream; charset=utf-8".to_owned())));
    let (mut pieces, mut finish) = (Vec::new(), Value::Null);
    while let Some(chunk) = asking.chunk() {
        let event = String::from_utf8(chunk).unwrap();
        let data = event.strip_prefix("event: message\ndata: ").unwrap_or_else(|| panic!("{event}")).trim_end();
        let data: Value = serde_json::from_str(data).unwrap();
        pieces.push(data["token"].as_str().unwrap().to_owned());
        finish = data["finish_reason"].clone();
    }
    (pieces, finish)
}

#[test]
fn lite_connects_and_claims_no_more_than_there_is() {
    let toy = toy();
    assert_eq!(toy.get("/api/v1/model").json(), json!({ "result": "toy" }));
    assert_eq!(toy.get("/api/v1/info/version").json(), json!({ "result": "1.2.5" }));
    let version = toy.get("/api/extra/version").json();
    assert_eq!((&version["result"], &version["version"]), (&json!("KoboldCpp"), &json!("1.74")));
    for missing in ["vision", "transcribe", "multiplayer", "websearch", "tts", "txt2img", "protected"] {
        assert_eq!(version[missing], false, "{missing}");
    }
    for path in ["/api/v1/config/max_context_length", "/api/extra/true_max_context_length"] {
        assert_eq!(toy.get(path).json(), json!({ "value": CONTEXT }));
    }
    assert_eq!(toy.get("/api/extra/preloadstory").json(), json!({}));
    let count = toy.post("/api/extra/tokencount", &json!({ "prompt": "once upon a time " })).json();
    assert_eq!((&count["value"], count["ids"].as_array().unwrap().len()), (&json!(3), 3));
    // Without the option there is nothing of it.
    let plain = Toy::new();
    assert_eq!(plain.get("/api/v1/model").status, 404);
    assert_eq!(plain.post("/api/v1/generate", &of_lite("once", &json!({}))).status, 404);
}

#[test]
fn whole_and_streamed_a_story_is_the_one_that_all_other_routes_tell() {
    let toy = toy();
    let body = of_lite("once upon ", &json!({}));
    let got = toy.post("/api/v1/generate", &body);
    assert_eq!(got.header("x-afterword-seed"), "7");
    let whole = got.json();
    let native = toy.post("/completion", &json!({ "prompt": "once upon ", "n_predict": 20, "seed": 7 })).json();
    assert_eq!(text(&whole), native["content"]);
    let result = &whole["results"][0];
    assert_eq!(
        (&result["finish_reason"], &result["completion_tokens"], &result["logprobs"]),
        (&json!("length"), &json!(20), &Value::Null)
    );
    // What a preset leaves of the sliders is told, as everywhere.
    assert!(whole["afterword"]["ignored"].as_array().unwrap().contains(&json!("top_p")), "{whole}");
    let (pieces, finish) = pieces(Asking::post(toy.address, "/api/extra/generate/stream", &body));
    assert_eq!((pieces.concat(), finish), (text(&whole), json!("length")));
    assert_eq!(
        pieces.iter().filter(|piece| !piece.is_empty()).count(),
        pieces.len() - 1,
        "one event a token, and one for the end"
    );
}

#[test]
fn a_memory_stands_before_the_prompt_and_stays_where_the_beginning_of_a_long_prompt_goes() {
    let toy = toy();
    let told = |prompt: &str, more: Value| {
        let whole = toy.post("/api/v1/generate", &of_lite(prompt, &more)).json();
        (text(&whole), whole["results"][0]["prompt_tokens"].as_u64().unwrap())
    };
    assert_eq!(told("upon ", json!({ "memory": "once " })), told("once upon ", json!({})));
    // 100 tokens with room for 60: the memory, and the end of the prompt.
    let long: String = ('a'..='z').cycle().take(100).collect();
    let (text, tokens) = told(&long, json!({ "memory": "once ", "max_context_length": 80 }));
    assert_eq!(tokens, 60);
    assert_eq!((text, tokens), told(&format!("once {}", &long[100 - 59..]), json!({})));
}

#[test]
fn a_stop_sequence_is_told_or_cut_as_the_client_has_it() {
    let toy = toy();
    let whole = text(&toy.post("/api/v1/generate", &of_lite("once upon ", &json!({}))).json());
    let stop: String = whole.chars().skip(5).take(2).collect();
    let before = &whole[..whole.find(&stop).unwrap()];
    let cut = toy.post("/api/v1/generate", &of_lite("once upon ", &json!({ "stop_sequence": [stop] }))).json();
    assert_eq!((text(&cut).as_str(), &cut["results"][0]["finish_reason"]), (before, &json!("stop")));
    let body = of_lite("once upon ", &json!({ "stop_sequence": [stop], "trim_stop": false }));
    assert_eq!(text(&toy.post("/api/v1/generate", &body).json()), format!("{before}{stop}"));
    let (pieces, finish) = pieces(Asking::post(toy.address, "/api/extra/generate/stream", &body));
    assert_eq!((pieces.concat(), finish), (format!("{before}{stop}"), json!("stop")));
}

#[test]
fn by_its_key_a_story_is_looked_at_and_ended_and_by_no_other() {
    let toy = toy();
    let before = toy.gate.passed();
    toy.gate.shut();
    toy.gate.permit(9 + 4);
    let body = of_lite("once upon ", &json!({ "max_length": 500 }));
    let asking = Asking::post(toy.address, "/api/extra/generate/stream", &body);
    let check = |key: &str| text(&post(toy.address, "/api/extra/generate/check", &json!({ "genkey": key })).json());
    toy.until("it tells", |_| !check("KCPP1234").is_empty());
    assert!(toy.gate.passed() > before);
    assert_eq!(check("KCPP9999"), "");
    assert_eq!(text(&get(toy.address, "/api/extra/generate/check").json()), "");
    let abort = |key: &str| post(toy.address, "/api/extra/abort", &json!({ "genkey": key })).json();
    assert_eq!(abort("KCPP9999"), json!({ "success": "false", "done": "false" }));
    assert_eq!(abort("KCPP1234"), json!({ "success": "true", "done": "true" }));
    toy.gate.open();
    let (pieces, finish) = pieces(asking);
    assert_eq!(finish, "stop");
    assert!((1..100).contains(&pieces.len()), "{pieces:?}");
    // It can be looked at when it is over.
    assert_eq!(check("KCPP1234"), pieces.concat());
    toy.until("its place is free", |toy| toy.stories() == (0, 0));
    assert_eq!(abort("KCPP1234")["success"], "false");
}

#[test]
fn what_tokens_were_worth_is_told_with_them_and_afterwards() {
    let toy = toy();
    let whole = toy.post("/api/v1/generate", &of_lite("once upon", &json!({ "logprobs": true, "max_length": 6 }))).json();
    let worth = &whole["results"][0]["logprobs"];
    let content = worth["content"].as_array().unwrap();
    assert_eq!(content.len(), 6);
    let tokens: String = content.iter().map(|entry| entry["token"].as_str().unwrap()).collect();
    assert_eq!(tokens, text(&whole));
    assert!(content.iter().all(|entry| entry["top_logprobs"].as_array().unwrap().len() >= 5));
    let later = toy.post("/api/extra/last_logprobs", &json!({ "genkey": "KCPP1234" })).json();
    assert_eq!(&later["logprobs"], worth);
    assert_eq!(toy.post("/api/extra/last_logprobs", &json!({ "genkey": "KCPP9" })).json(), json!({ "logprobs": null }));
    let performance = toy.get("/api/extra/perf").json();
    assert_eq!(
        (&performance["total_gens"], &performance["last_token_count"], &performance["last_seed"]),
        (&json!(1), &json!(6), &json!(7))
    );
}

#[test]
fn what_is_wrong_is_told_in_the_shape_that_these_clients_read() {
    let toy = toy();
    for (body, status) in [
        (of_lite("once", &json!({ "temperature": "hot" })), 400),
        (of_lite("once", &json!({ "grammar": "root ::= \"a\"" })), 400),
        (of_lite("", &json!({})), 400),
        (of_lite("once", &json!({ "prompt": 5 })), 400),
    ] {
        for path in ["/api/v1/generate", "/api/extra/generate/stream"] {
            let got = toy.post(path, &body);
            assert_eq!(got.status, status, "{}", got.text());
            let json = got.json();
            assert_eq!(json["detail"]["msg"], got.fault());
            assert_eq!(json["detail"]["type"], "bad_input");
        }
    }
    // Busy is 503, and its kind makes Lite come again.
    let busy = Toy::of(Options { kobold: true, stories: 1, queue: 0, ..Options::default() });
    busy.gate.shut();
    let _asking = Asking::post(busy.address, "/api/v1/generate", &of_lite("once", &json!({})));
    busy.gate.wait();
    let got = busy.post("/api/v1/generate", &of_lite("once", &json!({})));
    assert_eq!((got.status, &got.json()["detail"]["type"]), (503, &json!("service_unavailable")));
    assert!(!got.header("retry-after").is_empty());
}
