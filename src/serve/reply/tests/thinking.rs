//! Models that think before they answer.

use super::*;

const THINKER: &str = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>\
    {% if enable_thinking %}<think>\n{% endif %}";

/// A model that thinks "ab" and then ends its thinking.
fn thinker() -> Arc<App> {
    let marks = ["<think>", "</think>"].map(|mark| (mark.as_bytes().to_vec(), Kind::Control));
    let vocabulary = Vocabulary::new(letters().into_iter().chain(marks));
    let known = vocabulary.clone();
    let token = |text: &str| (0..).take(vocabulary.len()).find(|&token| vocabulary.piece(token) == text.as_bytes()).unwrap();
    let (open, close, [a, b]) = (token("<think>"), token("</think>"), [token("a"), token("b")]);
    let rule = move |text: &[Token]| {
        let thinks = text.iter().rposition(|&token| token == open).filter(|_| !text.contains(&close));
        let Some(open) = thinks else { return row(text, &known) };
        let next = match text.len() - open {
            2 => a,
            3 => b,
            _ => close,
        };
        (0..).take(known.len()).map(|token| if token == next { 50.0 } else { 0.0 }).collect()
    };
    app_of(ToyBackend::new(vocabulary, rule).with_template(THINKER), |_| ())
}

fn body(more: Value) -> Value {
    with(json!({"messages": [{"role": "user", "content": "the sea"}], "max_tokens": 6, "seed": 1}), more)
}

#[test]
fn what_was_thought_stands_beside_what_is_told() {
    let app = thinker();
    for more in
        [json!({"reasoning_effort": "low"}), json!({"think": true}), json!({"chat_template_kwargs": {"enable_thinking": true}})]
    {
        let all = whole(&app, Surface::Chat, body(more.clone()));
        let message = &all["choices"][0]["message"];
        assert_eq!(message["reasoning_content"], "ab", "{more}");
        assert_eq!(message["content"].as_str().unwrap().len(), 6);
        let parts = chunks(&app, Surface::Chat, body(more));
        assert_eq!(parts[0]["choices"][0]["delta"]["role"], "assistant");
        let thought: String =
            parts.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["reasoning_content"].as_str()).collect();
        let told: String = parts.iter().map(piece).collect();
        assert_eq!((thought.as_str(), told.as_str()), ("ab", message["content"].as_str().unwrap()));
        let last = |delta: &str| parts.iter().rposition(|chunk| chunk["choices"][0]["delta"].get(delta).is_some()).unwrap();
        assert!(last("reasoning_content") < last("content"));
        assert_eq!(parts.last().unwrap()["choices"][0]["finish_reason"], "length");
    }
}

#[test]
fn nobody_thinks_who_is_not_asked_to() {
    let app = thinker();
    for more in [json!({}), json!({"reasoning_effort": "none"}), json!({"think": false})] {
        let all = whole(&app, Surface::Chat, body(more));
        assert_eq!(all["choices"][0]["message"].get("reasoning_content"), None);
    }
}

#[test]
fn a_stream_that_fails_behind_the_thinking_says_so_in_one_event() {
    let messages = json!([{"role": "user", "content": "a".repeat(2000)}]);
    let got = send(&thinker(), Surface::Chat, body(json!({"think": true, "stream": true, "messages": messages})));
    let parts = got.chunks();
    assert_eq!(parts.last().unwrap()["error"]["code"], 400);
    assert_eq!(got.events().last().unwrap(), "[DONE]");
}
