//! What was read is not read again, and no text tells.

use super::*;

fn ask(app: &Arc<App>, prompt: &str) -> Value {
    whole(
        app,
        Surface::Completions,
        json!({"prompt": prompt, "seed": 5, "max_tokens": 20, "logprobs": 3, "afterword": {"clock": "text"}}),
    )
}

fn cached(answer: &Value) -> u64 {
    let cached = answer["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
    assert_eq!(answer["timings"]["cache_n"], cached);
    let read = answer["usage"]["prompt_tokens"].as_u64().unwrap() - cached;
    assert_eq!(answer["timings"]["prompt_n"], read);
    cached
}

#[test]
fn a_text_that_goes_on_is_read_from_there_and_tells_what_it_would_have_told() {
    let app = app();
    let start = "a wolf came to the door. ".repeat(20);
    assert_eq!(cached(&ask(&app, &start)), 0);
    let longer = format!("{start}it was ");
    let again = ask(&app, &longer);
    assert!(cached(&again) >= start.len() as u64 - 1, "{}", again["usage"]);
    let fresh = ask(&super::app(), &longer);
    assert_eq!((cached(&fresh), &fresh["choices"][0]["logprobs"]), (0, &again["choices"][0]["logprobs"]));
    // An edit in the middle: from there.
    let edited = start.replacen("door", "sill", 10).replacen("sill", "door", 9);
    let at = edited.find("sill").unwrap() as u64;
    let other = ask(&app, &edited);
    assert!((at - 1..=at).contains(&cached(&other)), "{at} {}", other["usage"]);
    assert_eq!(ask(&super::app(), &edited)["choices"][0]["text"], other["choices"][0]["text"]);
}
