//! Whose sampler decides, what is honoured of a request whoever decides, and what cannot be meant.

use super::*;

fn native(more: Value) -> Value {
    whole(&app(), Surface::Native, with(json!({"prompt": "a wolf", "seed": 5, "max_tokens": 40, "ignore_eos": true}), more))
}

#[test]
fn a_preset_is_chosen_by_every_one_of_its_names() {
    let expected = native(json!({"preset": "plain"}));
    for more in [json!({"model": "toy@plain"}), json!({"model": "stale@plain"}), json!({"afterword": {"preset": "plain"}})] {
        assert_eq!(native(more.clone())["content"], expected["content"], "{more}");
    }
    assert_eq!(expected["afterword"]["preset"], "plain");
    assert_eq!(native(json!({"model": "gpt-4"}))["afterword"]["preset"], "wave");
    let app = app();
    for more in [json!({"preset": "tide"}), json!({"model": "toy@tide"}), json!({"afterword": {"preset": "tide"}})] {
        let (status, message) = refused(&app, Surface::Native, with(json!({"prompt": "a"}), more));
        assert!(status == 404 && message.contains("`tide`") && message.contains("wave, plain, greedy"), "{message}");
    }
}

#[test]
fn a_preset_can_be_changed_by_a_request() {
    let greedy = native(json!({"preset": "greedy"}));
    let set = native(json!({"preset": "plain", "afterword": {"set": {"draw.pick": "argmax"}}}));
    assert_eq!(set["content"], greedy["content"]);
    let (status, message) = refused(&app(), Surface::Native, json!({"prompt": "a", "afterword": {"set": {"future.alhpa": 1}}}));
    assert!(status == 400 && message.contains("`afterword.set`") && message.contains("alpha"), "{message}");
}

#[test]
fn words_are_biased_and_banned_by_number_and_text_whoever_decides() {
    let told = |more: Value| text(&native(more)).to_owned();
    assert!(told(json!({})).contains('e'));
    for more in [
        json!({"banned_tokens": ["e"]}),
        json!({"banned_strings": ["e"]}),
        json!({"custom_token_bans": "4"}),
        json!({"logit_bias": [[4, false]]}),
        json!({"logit_bias": {"e": -100}}),
    ] {
        assert!(!told(more.clone()).contains('e'), "{more}");
    }
    let all = told(json!({"logit_bias": {"4": 100}}));
    assert_eq!(all, "e".repeat(all.len()));
    let phrases = native(json!({"banned_strings": ["a testament", "e"]}));
    assert_eq!(phrases["afterword"]["ignored"], json!([]));
    assert!(!text(&phrases).contains('e'));
    // What is no single token is taken back where it was said.
    let signs = [".,", ",.", "..", ",,"];
    let says = |more: Value| native(with(json!({"preset": "plain", "max_tokens": 300}), more));
    assert!(signs.iter().any(|sign| text(&says(json!({}))).contains(sign)));
    let without = says(json!({"banned_strings": signs}));
    assert!(!signs.iter().any(|sign| text(&without).contains(sign)), "{without}");
    assert!(without["afterword"]["banned"]["rewinds"].as_u64() > Some(0) && without["tokens_predicted"] == 300, "{without}");
    let (status, message) = refused(&app(), Surface::Native, json!({"prompt": "a", "banned_strings": [" \n "]}));
    assert!(status == 400 && message.contains("`banned_strings`") && message.contains("blank"), "{message}");
}

#[test]
fn what_cannot_be_meant_is_told_by_the_name_of_its_field() {
    let app = app_of(backend(letters()).with_template(TEMPLATE), |_| ());
    let last = app.engine.vocabulary().len();
    for (surface, body, field) in [
        (Surface::Native, json!({}), "prompt"),
        (Surface::Native, json!({"prompt": ""}), "prompt"),
        (Surface::Native, json!({"prompt": []}), "prompt"),
        (Surface::Native, json!({"prompt": [last]}), "prompt"),
        (Surface::Native, json!({"prompt": [-1]}), "prompt"),
        (Surface::Native, json!({"prompt": {"a": 1}}), "prompt"),
        (Surface::Native, json!({"prompt": "a", "temperature": "hot"}), "temperature"),
        (Surface::Native, json!({"prompt": "a", "top_k": [1]}), "top_k"),
        (Surface::Native, json!({"prompt": "a", "temperature": "NaN"}), "temperature"),
        (Surface::Native, json!({"prompt": "a", "n": 1_000_000_000}), "n"),
        (Surface::Native, json!({"prompt": "a", "stop": {"a": 1}}), "stop"),
        (Surface::Native, json!({"prompt": "a", "logit_bias": [[last, 1]]}), "logit_bias"),
        (Surface::Native, json!({"prompt": "a", "seed": "x"}), "seed"),
        (Surface::Native, json!({"prompt": "a", "n_predict": "many"}), "n_predict"),
        (Surface::Completions, json!({"prompt": "a", "grammar": "root"}), "grammar"),
        (Surface::Chat, json!({"messages": []}), "messages"),
        (Surface::Chat, json!({}), "messages"),
        (Surface::Chat, json!({"messages": [{"role": "user", "content": "a"}], "tools": [1]}), "tools"),
    ] {
        let (status, message) = refused(&app, surface, body.clone());
        assert!(status == 400 && message.starts_with(&format!("`{field}`: ")), "{body}: {message}");
    }
    // What is harmless is taken into its range, and `null` is nothing.
    let body = json!({"prompt": "a", "repeat_last_n": -1, "n_probs": -5, "min_tokens": 999, "max_tokens": 3, "stop": null, "logit_bias": null});
    assert_eq!(whole(&app, Surface::Native, body)["tokens_predicted"], 3);
}

#[test]
fn a_story_does_not_end_before_its_time() {
    let app = app_that_ends();
    let ends_early = |more: Value| {
        let early = |seed: usize| {
            let body = json!({"prompt": "a wolf", "seed": seed, "max_tokens": 30});
            whole(&app, Surface::Native, with(body, more.clone()))["tokens_predicted"].as_u64() < Some(30)
        };
        (0..40).filter(|&seed| early(seed)).count()
    };
    assert!(ends_early(json!({})) > 0);
    assert_eq!((ends_early(json!({"min_tokens": 30})), ends_early(json!({"ban_eos_token": true}))), (0, 0));
}
