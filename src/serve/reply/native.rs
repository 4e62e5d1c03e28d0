//! A completion in llama-server's own words.

use serde_json::{Map, Value, json};

use super::aligning::Entry;
use super::answer::{Answer, Told};
use super::choice::Choice;
use crate::story::StopReason;

/// One token.
pub fn chunk(answer: &Answer, choice: &Choice, entry: &Entry) -> Value {
    let mut chunk = json!({
        "index": choice.order.index, "content": entry.text, "tokens": [entry.token()], "stop": false, "id_slot": choice.place(),
        "tokens_predicted": entry.number + 1, "tokens_evaluated": choice.counts.prompt,
    });
    if let Some(told) = &answer.probabilities {
        chunk["completion_probabilities"] = json!([told.native(&told.of(entry))]);
    }
    chunk
}

/// How far the prompt is read.
pub fn progress(choice: &Choice, progress: &Value) -> Value {
    json!({
        "index": choice.order.index, "content": "", "tokens": [], "stop": false, "id_slot": choice.place(), "tokens_predicted": 0,
        "tokens_evaluated": choice.counts.prompt, "prompt_progress": progress,
    })
}

/// The end, behind all tokens.
pub fn last(answer: &Answer, choice: &Choice) -> Value {
    only(answer, ended(answer, choice, ""))
}

/// All of it in one: where there are several drafts, a list of them.
pub fn whole(answer: &Answer, told: &[Told]) -> Value {
    let one = |told: &Told| {
        let mut whole = ended(answer, &told.choice, &told.choice.text);
        if answer.shown.tokens {
            whole["tokens"] = json!(told.tokens);
        }
        if let Some(probabilities) = &answer.probabilities {
            whole["completion_probabilities"] = json!(probabilities.content(&told.scored));
        }
        if !told.trace.is_empty() {
            whole["afterword"]["trace"] = json!(told.trace);
        }
        only(answer, whole)
    };
    match told {
        [told] => one(told),
        told => told.iter().map(one).collect(),
    }
}

/// How a choice ended, with this as its content.
fn ended(answer: &Answer, choice: &Choice, content: &str) -> Value {
    let stop = choice.end.as_ref().map(|end| &end.completion.stop);
    let (stop_type, word) = match stop {
        Some(StopReason::Stop(word)) => ("word", word.as_str()),
        Some(StopReason::End | StopReason::Loop) => ("eos", ""),
        _ => ("limit", ""),
    };
    let (told, prompt) = (choice.told(), choice.counts.prompt);
    json!({
        "index": choice.order.index, "content": content, "tokens": [], "id_slot": choice.place(), "stop": true, "model": answer.model,
        "tokens_predicted": told, "tokens_evaluated": prompt, "tokens_cached": prompt + told, "generation_settings": answer.settings(choice),
        "prompt": answer.prompts[choice.order.prompt].text, "has_new_line": choice.text.contains('\n'), "truncated": false,
        "stop_type": stop_type, "stopping_word": word, "timings": choice.timings(), "afterword": answer.ours(choice),
    })
}

/// Of an object the fields that were asked for, each under the last part of its path; all where none were.
fn only(answer: &Answer, whole: Value) -> Value {
    if answer.shown.fields.is_empty() {
        return whole;
    }
    let found = |path: &String| {
        let value = path.split('/').try_fold(&whole, |value, key| value.get(key))?;
        Some((path.rsplit('/').next()?.to_owned(), value.clone()))
    };
    Value::Object(answer.shown.fields.iter().filter_map(found).collect::<Map<String, Value>>())
}
