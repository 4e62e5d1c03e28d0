//! Who rules: the preset, the client, or both.

use super::*;

fn told(more: Value) -> Value {
    whole(&app(), Surface::Native, with(json!({"prompt": "a wolf", "seed": 5, "max_tokens": 40}), more))
}

fn content(more: Value) -> String {
    text(&told(more)).to_owned()
}

#[test]
fn where_the_preset_rules_a_clients_values_do_nothing_and_are_named() {
    let plain = told(json!({}));
    let sent = told(
        json!({"temperature": 0.1, "top_p": 0.5, "typical_p": 1, "min_p": 0, "tfs_z": 0.9, "mirostat": 2, "samplers": ["top_k"]}),
    );
    assert_eq!(sent["content"], plain["content"]);
    let ignored = &sent["afterword"]["ignored"];
    assert_eq!(ignored, &json!(["mirostat", "temperature", "tfs_z", "top_p"]));
    assert_eq!(plain["afterword"]["ignored"], json!([]));
}

#[test]
fn where_the_client_rules_what_it_does_not_name_is_off() {
    let own = json!({"model": "toy@client"});
    assert_eq!(content(own.clone()), content(json!({"preset": "plain"})));
    for more in [json!({"afterword": {"sampling": "client"}}), json!({"model": "stale@client"})] {
        assert_eq!(content(more), content(own.clone()));
    }
    assert_eq!(told(own)["afterword"]["preset"], "client");
}

#[test]
fn a_clients_temperature_of_nothing_takes_the_likeliest() {
    let greedy = content(json!({"preset": "greedy"}));
    for zero in [json!(0), json!("0"), json!(0.0)] {
        assert_eq!(content(json!({"model": "toy@client", "temperature": zero})), greedy);
    }
}

#[test]
fn a_clients_values_are_the_stages_that_a_preset_would_write() {
    let client = content(json!({"model": "toy@client", "min_p": "0.3", "temperature": 0.7, "top_k": 0, "repeat_last_n": -1}));
    let set = json!({"draw.pick": "sample", "min-p": 0.3, "temperature": 0.7});
    assert_eq!(client, content(json!({"preset": "plain", "afterword": {"set": set}})));
    assert_ne!(client, content(json!({"preset": "plain"})));
}

#[test]
fn both_are_the_clients_cuts_before_the_presets_future_at_the_clients_temperature() {
    let both = told(json!({"min_p": 0.2, "temperature": 0.5, "mirostat": 2, "afterword": {"sampling": "both"}}));
    let set = json!({"min-p": 0.2, "temperature": 0.5});
    assert_eq!(text(&both), content(json!({"afterword": {"set": set}})));
    assert_eq!((&both["afterword"]["preset"], &both["afterword"]["ignored"]), (&json!("wave"), &json!(["mirostat"])));
}

#[test]
fn the_server_decides_who_rules_where_a_request_does_not() {
    let client = app_of(backend(letters()), |options| options.sampling = crate::serve::Sampling::Client);
    let body = json!({"prompt": "a wolf", "seed": 5, "max_tokens": 40});
    let of = |more: Value| text(&whole(&client, Surface::Native, with(body.clone(), more))).to_owned();
    assert_eq!(of(json!({})), content(json!({"preset": "plain"})));
    assert_eq!(of(json!({"afterword": {"sampling": "preset"}})), content(json!({})));
}

#[test]
fn every_form_of_a_breaker_is_read_and_a_window_below_nothing_is_all() {
    let of = |breakers: Value| {
        let dry = json!({"model": "toy@client", "dry_multiplier": 5, "dry_allowed_length": 1, "dry_penalty_last_n": -1});
        content(with(dry, json!({"dry_sequence_breakers": breakers, "max_tokens": 200})))
    };
    let list = of(json!(["e", "a"]));
    assert_eq!(of(json!("[\"e\", \"a\"]")), list);
    assert_ne!(of(json!([])), list);
}

#[test]
fn the_log_is_told_once_what_does_nothing_and_never_what_a_client_made_up() {
    let log = Log::default();
    let app = app_telling(backend(letters()), |_| (), Arc::clone(&log));
    let body = json!({"prompt": "a wolf", "max_tokens": 2, "min_p": 0.1, "afterword": {"made up": 1}});
    for _ in 0..3 {
        let ignored = whole(&app, Surface::Native, body.clone())["afterword"]["ignored"].clone();
        assert_eq!(ignored, json!(["afterword.made up", "min_p"]));
    }
    whole(&app, Surface::Chat, json!({"messages": [{"role": "user", "content": "a"}]}));
    let log = log.lock().unwrap();
    let said = |words: &str| log.iter().filter(|line| line.contains(words)).count();
    assert_eq!((said("`min_p`"), said("made up"), said("no chat template"), said("wolf")), (1, 0, 1, 0), "{log:?}");
}

#[test]
fn what_cannot_be_is_told_by_its_field_where_it_counts() {
    let xtc = json!({"prompt": "a", "xtc_probability": 0.5, "xtc_threshold": 7});
    let (status, message) = refused(&app(), Surface::Native, with(xtc.clone(), json!({"model": "toy@client"})));
    assert!(status == 400 && message.contains("xtc"), "{message}");
    assert_eq!(send(&app(), Surface::Native, xtc).status, 200);
}
