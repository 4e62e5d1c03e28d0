//! Whole and streamed, in the words of every surface.

use super::*;

const CHAT: fn() -> Value = || json!({"messages": [{"role": "user", "content": "a wolf"}], "seed": 3, "max_tokens": 12});
const TEXT: fn() -> Value = || json!({"prompt": "a wolf", "seed": 3, "max_tokens": 12});

fn surfaces() -> [(Surface, Value); 3] {
    [(Surface::Native, TEXT()), (Surface::Completions, TEXT()), (Surface::Chat, CHAT())]
}

#[test]
fn streamed_it_is_what_it_is_whole() {
    for tokens in [letters(), wolves()] {
        let app = app_of(backend(tokens).with_template(TEMPLATE), |_| ());
        for (surface, body) in surfaces() {
            for more in [json!({}), json!({"stop": ["e", "ab"]}), json!({"logprobs": 3, "top_logprobs": 3, "n_probs": 3})] {
                let body = with(body.clone(), more);
                let (all, parts) = (whole(&app, surface, body.clone()), chunks(&app, surface, body));
                let joined: String = parts.iter().map(piece).collect();
                assert_eq!(joined, text(&all), "{surface:?}");
                let last = parts.last().unwrap();
                for key in ["seed", "stop", "tokens", "t", "preset"] {
                    assert_eq!(last["afterword"][key], all["afterword"][key], "{surface:?} {key}");
                }
            }
        }
    }
}

#[test]
fn a_native_stream_has_one_event_a_token_and_ends_with_its_account() {
    let app = app();
    let parts = chunks(&app, Surface::Native, with(TEXT(), json!({"n_probs": 4})));
    let (last, told) = parts.split_last().unwrap();
    assert_eq!(told.len(), 12);
    for (number, chunk) in told.iter().enumerate() {
        assert_eq!((&chunk["stop"], &chunk["index"], &chunk["tokens_evaluated"]), (&json!(false), &json!(0), &json!(6)));
        assert_eq!(chunk["tokens_predicted"], number + 1);
        let [entry] = chunk["completion_probabilities"].as_array().unwrap().as_slice() else { panic!("{chunk}") };
        assert_eq!((&entry["token"], &entry["id"]), (&chunk["content"], &chunk["tokens"][0]));
    }
    assert_eq!(last.get("completion_probabilities"), None);
    let account = json!({"content": "", "tokens": [], "stop": true, "stop_type": "limit", "stopping_word": "", "truncated": false,
        "tokens_predicted": 12, "tokens_evaluated": 6, "tokens_cached": 18, "model": "toy", "prompt": "a wolf"});
    for (key, value) in account.as_object().unwrap() {
        assert_eq!(&last[key], value, "{key}");
    }
    assert_eq!((&last["generation_settings"]["seed"], &last["generation_settings"]["n_predict"]), (&json!(3), &json!(12)));
    assert_eq!((&last["timings"]["prompt_n"], &last["timings"]["predicted_n"]), (&json!(6), &json!(12)));
    assert!(last["timings"]["predicted_ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn openai_streams_end_with_a_reason_and_done_and_have_choices_throughout() {
    let app = app_of(backend(letters()).with_template(TEMPLATE), |_| ());
    for (surface, body) in [(Surface::Completions, TEXT()), (Surface::Chat, CHAT())] {
        let got = send(&app, surface, with(body.clone(), json!({"stream": true})));
        assert_eq!(got.events().last().unwrap(), "[DONE]");
        let parts = got.chunks();
        assert!(parts.iter().all(|chunk| chunk["choices"].as_array().unwrap().len() == 1));
        assert!(parts.iter().all(|chunk| chunk["id"] == parts[0]["id"] && chunk.get("usage").is_none()));
        let (last, before) = parts.split_last().unwrap();
        assert_eq!(last["choices"][0]["finish_reason"], "length");
        assert!(before.iter().all(|chunk| chunk["choices"][0]["finish_reason"].is_null()));
        for chunk in &parts {
            assert!(["error", "message", "detail"].iter().all(|key| chunk.get(key).is_none()), "{chunk}");
        }
        let asked = with(body, json!({"stream_options": {"include_usage": true}}));
        let parts = chunks(&app, surface, asked);
        let last = parts.last().unwrap();
        assert_eq!((&last["choices"], &last["usage"]["completion_tokens"]), (&json!([]), &json!(12)));
    }
}

#[test]
fn a_chat_stream_begins_with_who_speaks() {
    let app = app_of(backend(letters()).with_template(TEMPLATE), |_| ());
    let parts = chunks(&app, Surface::Chat, CHAT());
    assert_eq!(parts[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    assert_eq!(parts[0]["object"], "chat.completion.chunk");
    assert_eq!(parts.last().unwrap()["choices"][0]["delta"], json!({}));
    let all = whole(&app, Surface::Chat, CHAT());
    assert_eq!((&all["object"], &all["choices"][0]["message"]["role"]), (&json!("chat.completion"), &json!("assistant")));
    assert_eq!(all["choices"][0].get("logprobs"), None);
}

#[test]
fn drafts_have_a_seed_each_and_are_what_each_alone_would_be() {
    let app = app();
    let body = with(TEXT(), json!({"n": 5}));
    let all = whole(&app, Surface::Completions, body.clone());
    let choices = all["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 5);
    for (number, choice) in choices.iter().enumerate() {
        assert_eq!((&choice["index"], &choice["afterword"]["seed"]), (&json!(number), &json!(3 + number)));
        let alone = whole(&app, Surface::Completions, with(TEXT(), json!({"seed": 3 + number})));
        assert_eq!(choice["text"], alone["choices"][0]["text"]);
    }
    assert_eq!(all["usage"]["prompt_tokens"], 6);
    assert_eq!(all["usage"]["completion_tokens"], 60);
    // Streamed they come side by side, each by its number; natively too.
    for surface in [Surface::Completions, Surface::Native] {
        let parts = chunks(&app, surface, body.clone());
        let index = |chunk: &Value| chunk["choices"][0]["index"].as_u64().or(chunk["index"].as_u64()).unwrap();
        for (number, choice) in (0..).zip(choices) {
            let joined: String = parts.iter().filter(|chunk| index(chunk) == number).map(piece).collect();
            assert_eq!(joined, choice["text"]);
        }
    }
    let native = whole(&app, Surface::Native, body);
    assert_eq!(native.as_array().unwrap()[4]["content"], choices[4]["text"]);
}

#[test]
fn several_prompts_are_several_choices() {
    let all = whole(&app(), Surface::Completions, json!({"prompt": ["a wolf", "the sea"], "n": 2, "seed": 3}));
    let choices = all["choices"].as_array().unwrap();
    assert_eq!(choices.iter().map(|choice| choice["index"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(all["usage"]["prompt_tokens"], 13);
    let alone = whole(&app(), Surface::Completions, json!({"prompt": "the sea", "seed": 4}));
    assert_eq!(choices[3]["text"], alone["choices"][0]["text"]);
}

#[test]
fn a_prompt_of_tokens_is_that_of_its_text() {
    let app = app();
    let tokens: Vec<Token> = app.engine.tokens("a wolf").unwrap();
    let of = |prompt: Value| whole(&app, Surface::Native, json!({"prompt": prompt, "seed": 3}))["content"].clone();
    let expected = of(json!("a wolf"));
    assert_eq!(of(json!(tokens)), expected);
    assert_eq!(of(json!(["a w", tokens[3], "lf"])), expected);
    assert_eq!(of(json!(["a wolf"])), expected);
}

#[test]
fn of_a_native_answer_only_what_was_asked_for_comes_back() {
    let fields = json!({"response_fields": ["content", "generation_settings/seed", "timings/nothing"]});
    let some = whole(&app(), Surface::Native, with(TEXT(), fields));
    let keys: Vec<&String> = some.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 2, "{some}");
    assert_eq!(some["seed"], 3);
    let all = whole(&app(), Surface::Native, with(TEXT(), json!({"return_tokens": true})));
    assert_eq!(all["tokens"].as_array().unwrap().len(), 12);
}

#[test]
fn progress_is_told_while_a_prompt_is_read() {
    let body = json!({"prompt": " a wolf".repeat(100), "return_progress": true, "n_predict": 2, "seed": 1});
    let parts = chunks(&app(), Surface::Native, body);
    let read: Vec<u64> = parts.iter().filter_map(|chunk| chunk["prompt_progress"]["processed"].as_u64()).collect();
    assert!(read.len() >= 2 && read.is_sorted(), "{read:?}");
    assert_eq!(parts[0]["prompt_progress"]["total"], 700);
}

#[test]
fn what_ends_a_line_for_some_readers_ends_no_event() {
    let signs = ["\u{2028}", "\u{2029}", "\u{85}", "\r", "\n", "\r\n"].map(|sign| (sign.as_bytes().to_vec(), Kind::Text));
    let app = app_of(backend(signs.into_iter().chain(letters()).collect()), |_| ());
    let body = with(TEXT(), json!({"max_tokens": 200, "n_probs": 3}));
    let got = send(&app, Surface::Native, with(body.clone(), json!({"stream": true})));
    let told: String = got.chunks().iter().map(piece).collect();
    assert_eq!(told, text(&whole(&app, Surface::Native, body)));
    for sign in ['\u{2028}', '\u{2029}', '\u{85}', '\r'] {
        assert!(told.contains(sign) && !got.text.contains(sign), "{sign:?}");
    }
}

#[test]
fn the_headers_tell_preset_and_seed() {
    let app = app();
    for stream in [false, true] {
        let got = send(&app, Surface::Completions, with(TEXT(), json!({"stream": stream, "model": "toy@plain"})));
        assert_eq!((got.header("x-afterword-preset"), got.header("x-afterword-seed")), ("plain", "3"));
    }
}
