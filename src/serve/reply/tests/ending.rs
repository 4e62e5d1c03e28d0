//! How stories end: reasons, stops, limits, seeds, and what goes wrong.

use super::*;

fn end(app: &Arc<App>, more: Value) -> (Value, Value, Value) {
    let body = with(json!({"prompt": "a wolf", "seed": 5}), more);
    let native = whole(app, Surface::Native, body.clone());
    let openai = whole(app, Surface::Completions, body);
    assert_eq!(native["content"], openai["choices"][0]["text"]);
    (native["stop_type"].clone(), openai["choices"][0]["finish_reason"].clone(), openai["afterword"]["stop"].clone())
}

#[test]
fn every_end_has_its_reason_in_the_words_of_each() {
    let app = app_that_ends();
    let told = text(&whole(&app, Surface::Native, json!({"prompt": "a wolf", "seed": 5, "max_tokens": 40}))).to_owned();
    assert!(told.len() > 10);
    assert_eq!(end(&app, json!({"max_tokens": 5})), (json!("limit"), json!("length"), json!("tokens")));
    assert_eq!(end(&app, json!({"stop": &told[8..10]})), (json!("word"), json!("stop"), json!("stop-text")));
    assert_eq!(end(&app, json!({"max_tokens": 100_000})), (json!("eos"), json!("stop"), json!("end-of-text")));
    let short = app_of(backend(letters()).trained_for(40), |_| ());
    assert_eq!(end(&short, json!({"max_tokens": -1, "ignore_eos": true})), (json!("limit"), json!("length"), json!("context")));
    let native = whole(&app, Surface::Native, json!({"prompt": "a wolf", "seed": 5, "stop": [&told[8..10]]}));
    assert_eq!((&native["stopping_word"], text(&native)), (&json!(told[8..10]), told.split(&told[8..10]).next().unwrap()));
}

#[test]
fn a_story_that_only_repeats_itself_ends_unless_it_never_is_to() {
    let app = app_of(
        ToyBackend::new(Vocabulary::new(letters()), |_| {
            let mut row = vec![0.0; letters().len()];
            row[0] = 90.0;
            row
        }),
        |_| (),
    );
    assert_eq!(end(&app, json!({"max_tokens": 300})), (json!("eos"), json!("stop"), json!("loop")));
    assert_eq!(end(&app, json!({"max_tokens": 300, "ignore_eos": true})), (json!("limit"), json!("length"), json!("tokens")));
}

#[test]
fn a_token_that_ends_the_story_is_an_entry_without_text() {
    let body = json!({"prompt": "a wolf", "seed": 5, "max_tokens": 100_000, "n_probs": 1});
    let all = whole(&app_that_ends(), Surface::Native, body);
    let entries = all["completion_probabilities"].as_array().unwrap();
    assert_eq!(entries.len() as u64, all["tokens_predicted"].as_u64().unwrap());
    let last = entries.last().unwrap();
    assert_eq!((&last["token"], &last["bytes"]), (&json!(""), &json!([])));
    assert!(last["top_logprobs"].as_array().unwrap().iter().any(|rival| rival["token"] == "</s>"));
}

#[test]
fn a_stop_is_never_leaked_and_what_is_ruled_out_is_never_lost() {
    let app = app();
    let body = json!({"prompt": "a wolf", "seed": 5, "max_tokens": 60, "ignore_eos": true});
    let told = text(&whole(&app, Surface::Native, body.clone())).to_owned();
    for at in 0..58 {
        // It is met, or has a beginning in common with what is told, or with its end.
        for stop in [told[at..at + 2].to_owned(), format!("{}~", &told[at..at + 2]), format!("{}~", &told[58..])] {
            let expected = told.split(stop.as_str()).next().unwrap();
            let asked = with(body.clone(), json!({"stop": ["", stop]}));
            assert_eq!(text(&whole(&app, Surface::Native, asked.clone())), expected, "{stop:?}");
            let joined: String = chunks(&app, Surface::Native, asked).iter().map(piece).collect();
            assert_eq!(joined, expected, "{stop:?}");
        }
    }
}

#[test]
fn no_token_is_told_where_none_is_wanted_and_all_that_fit_where_no_number_is() {
    let app = app_of(backend(letters()).trained_for(50), |_| ());
    let none = whole(&app, Surface::Native, json!({"prompt": "a wolf", "n_predict": 0, "n_probs": 2}));
    assert_eq!((text(&none), &none["tokens_predicted"], &none["tokens_evaluated"]), ("", &json!(0), &json!(6)));
    assert_eq!(none["completion_probabilities"], json!([]));
    let all = whole(&app, Surface::Native, json!({"prompt": "a wolf", "n_predict": -1, "ignore_eos": true, "preset": "plain"}));
    assert_eq!(all["tokens_predicted"], 44);
    assert_eq!(all["generation_settings"]["n_predict"], -1);
    let usual = whole(&app, Surface::Completions, json!({"prompt": "a wolf", "ignore_eos": true}));
    assert_eq!(usual["usage"]["completion_tokens"], 12);
}

#[test]
fn the_seed_is_always_told_and_tells_the_same_story_again() {
    let app = app();
    for seed in [json!(null), json!(-1), json!("-1")] {
        let drawn = whole(&app, Surface::Native, json!({"prompt": "a wolf", "seed": seed}));
        assert_eq!((&drawn["afterword"]["seed"], &drawn["generation_settings"]["seed"]), (&json!(4242), &json!(4242)));
    }
    let first = whole(&app, Surface::Completions, json!({"prompt": "a wolf", "model": "toy@plain", "max_tokens": 30}));
    let again = json!({"prompt": "a wolf", "max_tokens": 30, "afterword": first["afterword"]});
    let again = whole(&app, Surface::Completions, again);
    assert_eq!(again["choices"][0]["text"], first["choices"][0]["text"]);
    assert_eq!(again["afterword"]["ignored"], json!([]));
    let large = whole(&app, Surface::Native, json!({"prompt": "a wolf", "seed": u64::MAX}));
    assert_eq!(large["afterword"]["seed"], u64::MAX);
}

#[test]
fn a_time_that_is_over_ends_a_story_with_what_it_held() {
    let body = json!({"prompt": "a wolf", "seed": 5, "t_max_predict_ms": 8, "n_predict": 900, "ignore_eos": true, "stop": "~"});
    let all = whole(&app(), Surface::Native, body);
    assert_eq!((&all["stop_type"], &all["afterword"]["stop"]), (&json!("limit"), &json!("time")));
    let told = all["tokens_predicted"].as_u64().unwrap();
    assert!(told < 900, "{told}");
    assert_eq!(text(&all).len() as u64, told);
}

/// A model whose row behind so many tokens is no distribution.
fn breaks_at(length: usize) -> Arc<App> {
    let vocabulary = Vocabulary::new(letters());
    let known = vocabulary.clone();
    let row = move |text: &[Token]| if text.len() < length { row(text, &known) } else { vec![f32::NAN; known.len()] };
    app_of(ToyBackend::new(vocabulary, row), |_| ())
}

#[test]
fn a_story_that_breaks_off_is_an_error_with_its_text_and_in_a_stream_one_event() {
    let app = breaks_at(10);
    let body = json!({"prompt": "a wolf", "seed": 5, "max_tokens": 30, "preset": "plain"});
    let got = send(&app, Surface::Completions, body.clone());
    assert_eq!((got.status, got.json()["error"]["content"].as_str().unwrap().len()), (500, 4));
    for surface in [Surface::Native, Surface::Completions] {
        let parts = chunks(&app, surface, body.clone());
        let (last, told) = parts.split_last().unwrap();
        assert_eq!(told.iter().map(piece).collect::<String>().len(), 4);
        assert_eq!(last["error"]["type"], "server_error");
        assert!(last["error"]["message"].as_str().unwrap().starts_with("the story broke off: "));
    }
    // Whoever else is told is not disturbed.
    let well = whole(&app, Surface::Native, json!({"prompt": "a", "seed": 5, "max_tokens": 4}));
    assert_eq!(well["tokens_predicted"], 4);
}

#[test]
fn a_prompt_that_is_too_long_is_told_in_numbers() {
    let app = app_of(backend(letters()).trained_for(20), |_| ());
    for prompt in ["a".repeat(20), "a".repeat(1000)] {
        let got = send(&app, Surface::Native, json!({ "prompt": prompt }));
        let error = &got.json()["error"];
        assert_eq!((got.status, &error["type"], &error["n_ctx"]), (400, &json!("exceed_context_size_error"), &json!(20)));
        assert!(error["n_prompt_tokens"].as_u64().unwrap() >= 20);
    }
    assert_eq!(send(&app, Surface::Native, json!({"prompt": "a".repeat(19)})).status, 200);
}
