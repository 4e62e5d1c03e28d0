//! Probabilities: counts, places, and what is told of them.

use super::*;

fn body(more: Value) -> Value {
    with(json!({"prompt": "a wolf", "seed": 5, "max_tokens": 30}), more)
}

#[test]
fn entries_are_tokens_and_joined_they_are_the_text_in_text_and_in_bytes() {
    let app = app_of(backend(wolves()), |_| ());
    let mut split = 0;
    for seed in 0..30 {
        for stop in [json!([]), json!(["e", "ab", "狼"]), json!(["狼🐺", "zz"])] {
            let asked = json!({"prompt": "a wolf", "seed": seed, "max_tokens": 30, "logprobs": 2, "stop": stop});
            let all = whole(&app, Surface::Completions, asked.clone());
            let (choice, logprobs) = (&all["choices"][0], &all["choices"][0]["logprobs"]);
            let content = logprobs["content"].as_array().unwrap();
            let joined: String = content.iter().map(|entry| entry["token"].as_str().unwrap()).collect();
            assert_eq!(joined, choice["text"].as_str().unwrap());
            let bytes = content.iter().flat_map(|entry| entry["bytes"].as_array().unwrap());
            let bytes: Vec<u8> = bytes.map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap()).collect();
            // What is no character of the text is what nothing completed or what a stop string was cut from.
            assert!(String::from_utf8_lossy(&bytes).starts_with(choice["text"].as_str().unwrap().trim_end_matches('\u{FFFD}')));
            split += content.iter().filter(|entry| entry["token"] == "狼").count();
            if all["afterword"]["stop"] != "stop-text" {
                assert_eq!(content.len() as u64, all["usage"]["completion_tokens"].as_u64().unwrap());
            }
            let streamed = chunks(&app, Surface::Completions, asked);
            let parts: Vec<&Value> =
                streamed.iter().filter_map(|chunk| chunk["choices"][0]["logprobs"]["content"].as_array()).flatten().collect();
            assert_eq!(parts, content.iter().collect::<Vec<_>>());
            let offsets =
                streamed.iter().filter_map(|chunk| chunk["choices"][0]["logprobs"]["text_offset"].as_array()).flatten();
            assert_eq!(offsets.collect::<Vec<_>>(), logprobs["text_offset"].as_array().unwrap().iter().collect::<Vec<_>>());
        }
    }
    assert!(split > 0, "no wolf came in parts");
}

#[test]
fn as_many_are_told_as_were_asked_for_and_the_drawn_one_always() {
    let app = app();
    let vocabulary = app.engine.vocabulary().len();
    for (asked, least, most) in
        [(1, 1, 2), (5, 5, 6), (20, 20, 21), (vocabulary, vocabulary, vocabulary), (1_000_000, vocabulary, vocabulary)]
    {
        let all = whole(&app, Surface::Native, body(json!({"n_probs": asked})));
        for entry in all["completion_probabilities"].as_array().unwrap() {
            let top = entry["top_logprobs"].as_array().unwrap();
            assert!((least..=most).contains(&top.len()), "{asked}: {}", top.len());
            assert!(top.iter().any(|rival| rival["id"] == entry["id"]));
        }
    }
    assert_eq!(whole(&app, Surface::Native, body(json!({"n_probs": 0}))).get("completion_probabilities"), None);
    let none = whole(&app, Surface::Completions, body(json!({})));
    assert!(none["choices"][0]["logprobs"].is_null());
    let zero = whole(&app, Surface::Completions, body(json!({"logprobs": 0})));
    assert_eq!(zero["choices"][0]["logprobs"]["content"][0]["top_logprobs"], json!([]));
}

#[test]
fn probabilities_are_the_models_own_whatever_the_chain_and_change_no_token() {
    let app = app();
    let prompt = app.engine.tokens("a wolf").unwrap();
    let logits = super::row(&prompt, app.engine.vocabulary());
    let mass: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
    for model in ["toy@wave", "toy@greedy"] {
        let all = whole(&app, Surface::Native, body(json!({"n_probs": 3, "model": model})));
        let entry = &all["completion_probabilities"][0];
        let id = usize::try_from(entry["id"].as_u64().unwrap()).unwrap();
        let expected = f64::from(logits[id]) - mass.ln();
        assert!((entry["logprob"].as_f64().unwrap() - expected).abs() < 1e-5, "{entry} {expected}");
        let plain = whole(&app, Surface::Native, body(json!({"model": model})));
        assert_eq!(plain["content"], all["content"]);
        let traced = whole(
            &app,
            Surface::Native,
            body(json!({"model": model, "afterword": {"trace": "all"}, "post_sampling_probs": true, "n_probs": 9})),
        );
        assert_eq!(plain["content"], traced["content"]);
    }
}

#[test]
fn after_sampling_shares_are_told() {
    let all = whole(&app(), Surface::Native, body(json!({"n_probs": 50, "post_sampling_probs": true})));
    for entry in all["completion_probabilities"].as_array().unwrap() {
        let top = entry["top_probs"].as_array().unwrap();
        let sum: f64 = top.iter().map(|rival| rival["prob"].as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9 && top.len() <= 6, "{entry}");
        assert!(entry["prob"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn a_trace_is_told_with_every_token_and_candidates_tell_their_future() {
    let app = app();
    let parts = chunks(&app, Surface::Native, body(json!({"n_probs": 8, "afterword": {"trace": "candidates"}})));
    let (_, told) = parts.split_last().unwrap();
    assert!(told.iter().all(|chunk| chunk["afterword"]["id"] == chunk["tokens"][0] && chunk["afterword"]["alpha"].is_number()));
    assert!(told.iter().any(|chunk| !chunk["afterword"]["candidates"].as_array().unwrap_or(&Vec::new()).is_empty()));
    let rivals = told.iter().flat_map(|chunk| chunk["completion_probabilities"][0]["top_logprobs"].as_array().unwrap());
    assert!(rivals.clone().any(|rival| rival["afterword"]["future"].is_number() && rival["afterword"]["s"].is_number()));
    assert!(rivals.clone().any(|rival| rival.get("afterword").is_none()));
    let chosen = whole(&app, Surface::Completions, body(json!({"afterword": {"trace": "chosen"}})));
    let trace = chosen["afterword"]["trace"].as_array().unwrap();
    assert_eq!(trace.len(), 30);
    assert!(trace.iter().all(|token| token.get("candidates").is_none()));
    let off = whole(&app, Surface::Completions, body(json!({})));
    assert_eq!(off["afterword"].get("trace"), None);
}

#[test]
fn an_echo_tells_the_prompt_and_what_each_of_its_tokens_was_worth() {
    let app = app();
    let asked = body(json!({"echo": true, "logprobs": 2}));
    let all = whole(&app, Surface::Completions, asked.clone());
    let choice = &all["choices"][0];
    assert!(choice["text"].as_str().unwrap().starts_with("a wolf"));
    let plain = whole(&app, Surface::Completions, body(json!({})));
    assert_eq!(choice["text"], format!("a wolf{}", plain["choices"][0]["text"].as_str().unwrap()));
    let logprobs = &choice["logprobs"];
    assert_eq!(logprobs["tokens"].as_array().unwrap().len(), 36);
    assert_eq!((&logprobs["token_logprobs"][0], &logprobs["top_logprobs"][0]), (&Value::Null, &Value::Null));
    assert_eq!(logprobs["text_offset"][6], 6);
    // The second token, behind the first.
    let prompt = app.engine.tokens("a wolf").unwrap();
    let logits = super::row(&prompt[..1], app.engine.vocabulary());
    let mass: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
    let expected = f64::from(logits[prompt[1] as usize]) - mass.ln();
    assert!((logprobs["token_logprobs"][1].as_f64().unwrap() - expected).abs() < 1e-5);
    let parts = chunks(&app, Surface::Completions, asked);
    assert_eq!(piece(&parts[0]), "a wolf");
    let tokens: Vec<&Value> =
        parts.iter().filter_map(|chunk| chunk["choices"][0]["logprobs"]["tokens"].as_array()).flatten().collect();
    assert_eq!(tokens, logprobs["tokens"].as_array().unwrap().iter().collect::<Vec<_>>());
    // Only the prompt, where nothing is to be told.
    let read = whole(&app, Surface::Completions, with(body(json!({"echo": true, "logprobs": 1})), json!({"max_tokens": 0})));
    assert_eq!((&read["choices"][0]["text"], &read["usage"]["completion_tokens"]), (&json!("a wolf"), &json!(0)));
    assert_eq!(read["choices"][0]["logprobs"]["tokens"].as_array().unwrap().len(), 6);
}
