//! The next message of a conversation, in the words of `OpenAI`'s API.

use serde_json::{Value, json};

use super::aligning::Entry;
use super::answer::{Answer, Told};
use super::choice::Choice;
use super::probabilities::Scored;

/// Who speaks.
pub fn opening(answer: &Answer, draft: usize) -> Value {
    answer.framed(vec![delta_of(draft, &json!({ "role": "assistant", "content": "" }))], [])
}

/// What is thought before.
pub fn thought(answer: &Answer, draft: usize, text: &str) -> Value {
    answer.framed(vec![delta_of(draft, &json!({ "reasoning_content": text }))], [])
}

/// One token.
pub fn chunk(answer: &Answer, choice: &Choice, entry: &Entry) -> Value {
    let mut part = delta_of(choice.order.index, &json!({ "content": entry.text }));
    if let Some(told) = &answer.probabilities {
        part["logprobs"] = content(answer, &[told.of(entry)]);
    }
    answer.framed(vec![part], [])
}

/// How far the prompt is read.
pub fn progress(answer: &Answer, choice: &Choice, progress: Value) -> Value {
    answer.framed(vec![delta_of(choice.order.index, &json!({}))], [("prompt_progress", progress)])
}

/// The end of a choice, behind all its tokens.
pub fn last(answer: &Answer, choice: &Choice) -> Value {
    let mut end = delta_of(choice.order.index, &json!({}));
    end["finish_reason"] = choice.finish().into();
    answer.framed(vec![end], [("timings", choice.timings()), ("afterword", answer.ours(choice))])
}

/// All of it in one.
pub fn whole(answer: &Answer, told: &[Told]) -> Value {
    let one = |told: &Told| {
        let mut message = json!({ "role": "assistant", "content": told.choice.text });
        if !answer.reasoning.is_empty() {
            message["reasoning_content"] = answer.reasoning.as_str().into();
        }
        let mut one = json!({ "index": told.choice.order.index, "message": message, "finish_reason": told.choice.finish() });
        if answer.probabilities.is_some() {
            one["logprobs"] = content(answer, &told.scored);
        }
        answer.finished(one, told)
    };
    answer.whole_of(told.iter().map(one).collect(), told)
}

fn content(answer: &Answer, scored: &[Scored]) -> Value {
    answer.probabilities.as_ref().map_or(Value::Null, |told| json!({ "content": told.content(scored) }))
}

fn delta_of(draft: usize, delta: &Value) -> Value {
    json!({ "index": draft, "delta": delta, "finish_reason": null })
}
