//! Tiny clients that read as the real ones do, by what their sources say.

use super::*;

/// `SillyTavern`: the text by its order of places, the list of rivals by its type of server.
mod sillytavern {
    use super::*;

    pub fn text(data: &Value) -> String {
        assert!(["error", "message", "detail"].iter().all(|key| data.get(key).is_none()), "{data}");
        let places = [&data["choices"][0]["text"], &data["content"], &data["response"]];
        places.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
    }

    pub fn swipe(data: &Value) -> u64 {
        data["choices"][0]["index"].as_u64().or(data["index"].as_u64()).unwrap_or(0)
    }

    /// Of llama.cpp: `completion_probabilities[0].top_logprobs`.
    pub fn llamacpp(data: &Value) -> Option<Vec<(String, f64)>> {
        let first = data["completion_probabilities"].as_array()?.first()?;
        let rival = |rival: &Value| (rival["token"].as_str().unwrap().to_owned(), rival["logprob"].as_f64().unwrap());
        Some(first["top_logprobs"].as_array().unwrap().iter().map(rival).collect())
    }

    /// Of all others: `choices[0].logprobs.top_logprobs[0]`, a map.
    pub fn others(data: &Value) -> Option<Vec<(String, f64)>> {
        let first = data["choices"][0]["logprobs"]["top_logprobs"].as_array()?.first()?;
        Some(first.as_object()?.iter().map(|(token, worth)| (token.clone(), worth.as_f64().unwrap())).collect())
    }
}

fn of_sillytavern(more: Value) -> Value {
    with(crate::serve::request::tests::of_sillytavern(), more)
}

#[test]
fn sillytavern_gets_text_swipes_and_rivals_of_both_kinds_of_server() {
    let app = app_of(backend(wolves()), |_| ());
    let body = of_sillytavern(json!({"prompt": "once upon a time", "stop": ["zzz"], "stopping_strings": ["zzz"], "seed": 3}));
    for surface in [Surface::Native, Surface::Completions] {
        let got = send(&app, surface, body.clone());
        let mut swipes = [String::new(), String::new()];
        for event in got.events().iter().filter(|event| *event != "[DONE]") {
            let data: Value = serde_json::from_str(event).unwrap();
            let swipe = usize::try_from(sillytavern::swipe(&data)).unwrap();
            let text = sillytavern::text(&data);
            let rivals = if surface == Surface::Native { sillytavern::llamacpp(&data) } else { sillytavern::others(&data) };
            if !text.is_empty() {
                assert!(rivals.unwrap().iter().any(|(token, _)| *token == text), "{data}");
            }
            swipes[swipe] += &text;
        }
        assert!(swipes.iter().all(|swipe| !swipe.is_empty()) && swipes[0] != swipes[1], "{swipes:?}");
    }
    let whole = whole(&app, Surface::Completions, with(body, json!({"stream": false, "n": 1})));
    assert!(!sillytavern::text(&whole).is_empty());
}

#[test]
fn sillytavern_is_told_which_of_its_sliders_did_nothing() {
    let app = app();
    let ignored = whole(&app, Surface::Native, of_sillytavern(json!({"prompt": "once", "stream": false, "n": 1})));
    let names: Vec<&str> =
        ignored["afterword"]["ignored"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for name in ["min_p", "repetition_penalty", "dry_multiplier"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    for name in [
        "top_k",
        "typical_p",
        "mirostat",
        "xtc_probability",
        "grammar",
        "stop",
        "seed",
        "logit_bias",
        "api_type",
        "truncation_length",
    ] {
        assert!(!names.contains(&name), "{name}: {names:?}");
    }
}

/// mikupad in its mode for llama.cpp: it throws where there are no probabilities, and colours a token whose text it finds among the
/// rivals.
#[test]
fn mikupad_finds_every_token_among_its_rivals() {
    let app = app_of(backend(wolves()), |_| ());
    let body = json!({"prompt": "a wolf", "n_predict": 60, "n_probs": 10, "seed": 8, "cache_prompt": true, "stop": []});
    let answer = whole(&app, Surface::Native, body.clone());
    let shown: String = answer["completion_probabilities"]
        .as_array()
        .expect("mikupad throws here")
        .iter()
        .map(|entry| entry["token"].as_str().unwrap())
        .collect();
    assert_eq!(shown, text(&answer));
    let mut coloured = 0;
    for chunk in chunks(&app, Surface::Native, body) {
        let Some(first) = chunk["completion_probabilities"].as_array().map(|all| &all[0]) else { continue };
        let content = chunk["content"].as_str().unwrap();
        assert!(first["top_logprobs"].as_array().unwrap().iter().any(|rival| rival["token"] == content), "{chunk}");
        coloured += 1;
    }
    assert!(coloured > 5);
    // In its other mode it reads `content` first, and of a chat every chunk's first choice.
    let app = app_of(backend(letters()).with_template(TEMPLATE), |_| ());
    let body = json!({"prompt": "a wolf", "max_tokens": 5, "logprobs": 10, "seed": 8});
    for chunk in chunks(&app, Surface::Completions, body).iter().filter(|chunk| !piece(chunk).is_empty()) {
        assert!(chunk["choices"][0]["logprobs"]["content"][0]["top_logprobs"].as_array().unwrap().len() >= 10);
    }
    let chat = json!({"messages": [{"role": "user", "content": "a"}], "max_tokens": 5, "seed": 8});
    assert!(chunks(&app, Surface::Chat, chat).iter().all(|chunk| chunk["choices"][0]["delta"].is_object()));
}

/// Tapestry Loom: entries first, each with the number, bytes and log-probability of its token and its rivals.
#[test]
fn tapestry_builds_a_node_of_every_token_and_of_every_rival() {
    let app = app_of(backend(letters()).with_template(TEMPLATE), |_| ());
    let completion = json!({"prompt": [0, 1, 2], "suffix": "", "temperature": 1, "max_tokens": 10, "logprobs": 20, "seed": 1});
    let message = json!({"role": "user", "content": "a"});
    let chat =
        json!({"messages": [message], "temperature": 1, "max_tokens": 1, "logprobs": true, "top_logprobs": 20, "seed": 1});
    for (surface, body, tokens) in [(Surface::Completions, completion, 10), (Surface::Chat, chat, 1)] {
        let answer = whole(&app, surface, body);
        let content = answer["choices"][0]["logprobs"]["content"].as_array().unwrap();
        assert_eq!(content.len(), tokens);
        for entry in content {
            let rivals = entry["top_logprobs"].as_array().unwrap();
            assert!((20..=21).contains(&rivals.len()));
            for node in rivals.iter().chain([entry]) {
                assert!(node["id"].is_u64() && node["bytes"].is_array() && node["token"].is_string());
                assert!(node["logprob"].as_f64().unwrap() <= 0.0);
            }
        }
    }
}

/// logitloom: a chat with a beginning of the answer, entries that are a list wherever the key is there.
#[test]
fn logitloom_goes_on_with_what_the_assistant_began() {
    let app = app_of(backend(letters()).with_template(TEMPLATE), |_| ());
    let ask = |begun: &str, tokens: usize| {
        let messages = json!([{"role": "user", "content": "a tale"}, {"role": "assistant", "content": begun}]);
        let body = json!({"messages": messages, "max_tokens": tokens, "logprobs": true, "top_logprobs": 5, "seed": 1, "preset": "greedy"});
        let answer = whole(&app, Surface::Chat, body);
        assert!(answer["choices"][0]["logprobs"]["content"].is_array());
        text(&answer).to_owned()
    };
    let told = ask("once", 8);
    assert_eq!(told.len(), 8);
    assert_eq!(ask(&format!("once{}", &told[..3]), 5), told[3..]);
    // Without a beginning the message is a new one.
    assert_ne!(ask("", 8), told);
}

/// loomsidian: five drafts, and the sentence of an error.
#[test]
fn loomsidian_gets_five_texts_or_a_sentence() {
    let app = app();
    let body = json!({"prompt": "once", "max_tokens": 60, "n": 5, "best_of": 5, "temperature": 1, "top_p": 1, "frequency_penalty": 0,
        "presence_penalty": 0});
    let answer = whole(&app, Surface::Completions, body);
    assert_eq!(answer["choices"].as_array().unwrap().iter().filter(|choice| choice["text"].is_string()).count(), 5);
    assert!(refused(&app, Surface::Completions, json!({"prompt": "a", "n": 99})).1.contains("from 1 to 16"));
}

/// openai for Python: strict about events, reasons and lists; keeps what it does not know.
#[test]
fn a_strict_reader_of_the_api_is_content() {
    let app = app_of(backend(letters()).with_template(TEMPLATE), |_| ());
    let chat = json!({"messages": [{"role": "user", "content": "a"}], "max_tokens": 5, "logprobs": true, "stream": true,
        "stream_options": {"include_usage": true}});
    let completion =
        json!({"prompt": "a", "max_tokens": 5, "logprobs": 2, "stream": true, "stream_options": {"include_usage": true}});
    for (surface, body) in [(Surface::Chat, chat), (Surface::Completions, completion)] {
        let got = send(&app, surface, body);
        assert_eq!(got.events().iter().filter(|event| *event == "[DONE]").count(), 1);
        for chunk in got.chunks() {
            assert!(
                chunk["id"].is_string()
                    && chunk["object"].is_string()
                    && chunk["created"].is_u64()
                    && chunk["model"].is_string()
            );
            for choice in chunk["choices"].as_array().unwrap() {
                let reason = &choice["finish_reason"];
                assert!(reason.is_null() || ["stop", "length"].contains(&reason.as_str().unwrap()));
                let entries = choice["logprobs"]["content"].as_array().into_iter().flatten();
                assert!(entries.clone().all(|entry| entry["top_logprobs"].is_array() && entry["logprob"].is_f64()));
            }
        }
        let last = got.chunks().pop().unwrap();
        assert_eq!(last["usage"]["total_tokens"], last["usage"]["prompt_tokens"].as_u64().unwrap() + 5);
        assert_eq!(last["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
    }
}

/// `Open WebUI` and `LibreChat`: parts of text, no limit, and a model that knows no chat.
#[test]
fn a_base_model_is_driven_as_a_chat_without_roles() {
    let app = app();
    let messages = json!([
        {"role": "system", "content": "a tale"},
        {"role": "user", "content": [{"type": "text", "text": "once "}, {"type": "text", "text": "upon"}]},
    ]);
    let chat = whole(&app, Surface::Chat, json!({"messages": messages, "seed": 2, "max_tokens": 9}));
    let plain = whole(&app, Surface::Completions, json!({"prompt": "a tale\n\nonce upon", "seed": 2, "max_tokens": 9}));
    assert_eq!(text(&chat), text(&plain));
}
