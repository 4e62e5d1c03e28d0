//! Bodies as front-ends send them, typed in from what their sources say.

use serde_json::json;

use super::Surface::{Chat, Completions, Native};
use super::*;

fn read(surface: Surface, body: Value) -> Result<Request, String> {
    let Value::Object(body) = body else { panic!("a body is an object") };
    Request::read(surface, body).map_err(|fault| fault.message)
}

fn prompt(text: &str) -> Source {
    Source::Prompts(vec![vec![Piece::Text(text.to_owned())]])
}

/// What `SillyTavern` sends to llama.cpp: every name of everything at once.
pub fn of_sillytavern() -> Value {
    // Too long for the macro.
    let sent = r#"{
        "prompt": "Once upon a time", "model": "fable", "max_new_tokens": 120, "max_tokens": 120, "n_predict": 120, "num_predict": 120,
        "logprobs": 10, "n_probs": 10, "temperature": 1, "top_k": 0, "top_p": 1, "typical_p": 1, "typical": 1, "min_p": 0.1, "top_a": 0,
        "tfs": 1, "repetition_penalty": 1.1, "rep_pen": 1.1, "repeat_penalty": 1.1, "rep_pen_range": 0, "repetition_penalty_range": 0,
        "repeat_last_n": 0, "rep_pen_slope": 1, "frequency_penalty": 0, "presence_penalty": 0, "skew": 0, "min_tokens": 0,
        "add_bos_token": true, "dynamic_temperature": false, "dynatemp_low": 1, "dynatemp_high": 1, "dynatemp_range": 0,
        "dynatemp_exponent": 1, "smoothing_factor": 0, "smoothing_curve": 1, "dry_multiplier": 0.8, "dry_base": 1.75,
        "dry_allowed_length": 2, "dry_penalty_last_n": -1, "dry_sequence_breakers": ["\n", ":", "\"", "*"], "xtc_threshold": 0.1,
        "xtc_probability": 0, "nsigma": 0, "top_n_sigma": 0, "min_keep": 0, "adaptive_target": -0.01, "adaptive_decay": 0.9,
        "mirostat": 0, "mirostat_mode": 0, "mirostat_tau": 5, "mirostat_eta": 0.1, "samplers": ["penalties", "dry", "top_k", "min_p", "temperature"],
        "stop": ["\nUser:"], "stopping_strings": ["\nUser:", ""], "truncation_length": 8192, "num_ctx": 8192, "ban_eos_token": false,
        "ignore_eos": false, "skip_special_tokens": true, "custom_token_bans": "", "banned_strings": [], "guidance_scale": 1,
        "negative_prompt": "", "grammar": "", "grammar_string": "", "json_schema": null, "logit_bias": [[12, -5], [13, false]],
        "cache_prompt": true, "n": 2, "api_type": "llamacpp", "api_server": "http://127.0.0.1:8080/", "stream": true
    }"#;
    serde_json::from_str(sent).unwrap()
}

#[test]
fn every_name_at_once_is_one_request() {
    let asked = read(Native, of_sillytavern()).unwrap();
    assert_eq!(asked.source, prompt("Once upon a time"));
    let Limits { length, stops, seed, drafts, ignores_end, .. } = &asked.limits;
    assert_eq!((*length, *seed, *drafts, *ignores_end), (Length::Most(120), None, 2, false));
    assert_eq!(stops, &["\nUser:"]);
    assert_eq!(asked.changes.len(), 2);
    assert_eq!((asked.shown.stream, asked.shown.top), (true, Some(10)));
    assert!(asked.idle.is_empty(), "{:?}", asked.idle);
}

#[test]
fn a_page_that_sends_strings_to_be_banned_and_no_limit_is_understood() {
    let asked = read(
        Native,
        json!({
            "prompt": "The lamp", "model": "", "temperature": 0.7, "dynatemp_range": 0, "repeat_penalty": 1.1, "repeat_last_n": 256,
            "penalize_nl": false, "ignore_eos": true, "logit_bias": [], "grammar": "", "presence_penalty": 0, "frequency_penalty": 0,
            "mirostat": 0, "top_p": 0.95, "top_k": 40, "typical_p": 1, "min_p": 0, "tfs_z": 1, "xtc_probability": 0.5, "xtc_threshold": 0.1,
            "banned_tokens": [" suddenly"], "n_predict": -1, "n_probs": 10, "post_sampling_probs": false, "stream": true, "stop": [],
            "cache_prompt": true,
        }),
    );
    let asked = asked.unwrap();
    assert_eq!((asked.limits.length, asked.limits.ignores_end), (Length::ToTheEnd, true));
    assert_eq!(asked.changes[0].word, Word::Text(" suddenly".to_owned()));
    assert_eq!(asked.ours.model, None);
}

#[test]
fn a_loom_asks_for_tokens_drafts_and_probabilities() {
    let tapestry = json!({"prompt": [5, 7, 9], "suffix": "", "temperature": 1, "max_tokens": 10, "logprobs": 20, "echo": true, "model": "fable@wave"});
    let asked = read(Completions, tapestry).unwrap();
    assert_eq!(asked.source, Source::Prompts(vec![vec![Piece::Tokens(vec![5, 7, 9])]]));
    assert_eq!((asked.shown.top, asked.shown.echo, asked.ours.model.as_deref()), (Some(20), true, Some("fable@wave")));
    let loomsidian = json!({
        "prompt": "a", "model": "x", "max_tokens": 60, "n": 5, "temperature": 1, "top_p": 1, "best_of": 5, "frequency_penalty": 0, "presence_penalty": 0
    });
    assert_eq!(read(Completions, loomsidian).unwrap().limits.drafts, 5);
    let logitloom = json!({
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Once"}], "model": "x", "max_tokens": 1,
        "stream": false, "logprobs": true, "top_logprobs": 20, "temperature": 0,
    });
    assert_eq!(read(Chat, logitloom).unwrap().shown.top, Some(20));
}

#[test]
fn a_chat_without_a_limit_goes_to_the_end_of_its_slot() {
    let open_webui = json!({
        "model": "fable@wave", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": [{"type": "text", "text": "A story!"}]}], "tools": [], "user": "ann", "metadata": {"chat": 1},
    });
    let asked = read(Chat, open_webui).unwrap();
    assert_eq!((asked.limits.length, asked.shown.usage, asked.shown.stream), (Length::ToTheEnd, true, true));
    assert_eq!(read(Completions, json!({"prompt": "a"})).unwrap().limits.length, Length::Usual);
}

#[test]
fn probabilities_are_asked_for_in_the_words_of_each_surface() {
    let top = |surface, more: Value| {
        let mut body = json!({"prompt": "a", "messages": [{"role": "user", "content": "a"}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(surface, body).map(|asked| asked.shown.top)
    };
    for (surface, more, expected) in [
        (Native, json!({"n_probs": 0}), None),
        (Native, json!({"n_probs": 20}), Some(20)),
        (Native, json!({"n_probs": -1}), None),
        (Native, json!({"logprobs": true}), Some(1)),
        (Completions, json!({"logprobs": 0}), Some(0)),
        (Completions, json!({"logprobs": true}), Some(1)),
        (Completions, json!({"logprobs": false}), None),
        (Completions, json!({"logprobs": "5"}), Some(5)),
        (Completions, json!({}), None),
        (Chat, json!({"logprobs": true}), Some(1)),
        (Chat, json!({"logprobs": true, "top_logprobs": 0}), Some(0)),
        (Chat, json!({"logprobs": true, "top_logprobs": 20}), Some(20)),
        (Chat, json!({"logprobs": false, "top_logprobs": 20}), None),
        (Chat, json!({"top_logprobs": 0}), None),
    ] {
        assert_eq!(top(surface, more.clone()), Ok(expected), "{surface:?} {more}");
    }
    assert!(top(Native, json!({"n_probs": "many"})).unwrap_err().starts_with("`n_probs`"));
}

#[test]
fn what_would_be_answered_wrongly_is_refused_and_its_empty_forms_are_not() {
    let with = |name: &str, value: Value| read(Completions, json!({"prompt": "a", name: value}));
    for (name, value) in [
        ("grammar", json!("root ::= \"a\"")),
        ("grammar_string", json!("root")),
        ("json_schema", json!({"type": "object"})),
        ("tools", json!([{"type": "function"}])),
        ("suffix", json!("the end")),
        ("response_format", json!({"type": "json_object"})),
    ] {
        let message = with(name, value).unwrap_err();
        assert!(message.starts_with(&format!("`{name}`: ")) && message.contains("Afterword"), "{message}");
    }
    for (name, value) in [
        ("grammar", json!("")),
        ("grammar", Value::Null),
        ("json_schema", json!({})),
        ("tools", json!([])),
        ("suffix", json!("")),
        ("response_format", json!({"type": "text"})),
        ("response_format", Value::Null),
        ("functions", json!([])),
    ] {
        assert!(with(name, value.clone()).is_ok(), "{name}: {value}");
    }
}

#[test]
fn what_does_nothing_here_is_named_where_it_would_do_something_elsewhere() {
    let body = json!({
        "prompt": "a", "id_slot": 1, "n_keep": 64, "lora": [{"id": 0, "scale": 1}], "cache_prompt": false, "user": "ann", "metadata": {},
    });
    let mut idle = read(Native, body).unwrap().idle;
    idle.sort();
    assert_eq!(idle, ["id_slot", "lora", "n_keep"]);
    let quiet = json!({"prompt": "a", "id_slot": -1, "n_keep": 0, "lora": [], "cache_prompt": true});
    assert!(read(Native, quiet).unwrap().idle.is_empty());
}

#[test]
fn the_seed_of_an_answer_is_taken_where_no_other_is_given() {
    let seed = |body: Value| read(Native, body).unwrap().limits.seed;
    assert_eq!(seed(json!({"prompt": "a", "afterword": {"seed": 5}})), Some(5));
    assert_eq!(seed(json!({"prompt": "a", "seed": 6, "afterword": {"seed": 5}})), Some(6));
}
