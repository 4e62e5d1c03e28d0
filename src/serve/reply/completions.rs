//! A completion in the words of `OpenAI`'s API.

use serde_json::{Value, json};

use super::aligning::Entry;
use super::answer::{Answer, Told};
use super::choice::Choice;
use super::probabilities::{Probabilities, Scored};

/// The prompt, where it is to stand before the story.
pub fn opening(answer: &Answer, choice: &Choice) -> Option<Value> {
    let text = answer.echoed(&choice.order);
    let scored = echo(answer, choice);
    let part = || choice_of(choice, text, answer.probabilities.as_ref().map(|told| told.both(scored, 0)).as_ref());
    (!text.is_empty()).then(|| answer.framed(vec![part()], []))
}

/// One token.
pub fn chunk(answer: &Answer, choice: &Choice, entry: &Entry) -> Value {
    let both = |told: &Probabilities| told.both(&[told.of(entry)], choice.units);
    answer.framed(vec![choice_of(choice, &entry.text, answer.probabilities.as_ref().map(both).as_ref())], [])
}

/// How far the prompt is read.
pub fn progress(answer: &Answer, choice: &Choice, progress: Value) -> Value {
    answer.framed(vec![choice_of(choice, "", None)], [("prompt_progress", progress)])
}

/// The end of a choice, behind all its tokens.
pub fn last(answer: &Answer, choice: &Choice) -> Value {
    let mut end = choice_of(choice, "", None);
    end["finish_reason"] = choice.finish().into();
    answer.framed(vec![end], [("timings", choice.timings()), ("afterword", answer.ours(choice))])
}

/// All of it in one.
pub fn whole(answer: &Answer, told: &[Told]) -> Value {
    let one = |told: &Told| {
        let Told { choice, scored, .. } = told;
        let text = format!("{}{}", answer.echoed(&choice.order), choice.text);
        let scored = [echo(answer, choice), scored].concat();
        let mut one = choice_of(choice, &text, answer.probabilities.as_ref().map(|told| told.both(&scored, 0)).as_ref());
        one["finish_reason"] = choice.finish().into();
        answer.finished(one, told)
    };
    answer.whole_of(told.iter().map(one).collect(), told)
}

/// What each token of the prompt was worth, where the prompt is told.
fn echo<'a>(answer: &'a Answer, choice: &Choice) -> &'a [Scored] {
    answer.echo.get(choice.order.prompt).map_or(&[], Vec::as_slice)
}

fn choice_of(choice: &Choice, text: &str, logprobs: Option<&Value>) -> Value {
    json!({ "index": choice.order.index, "text": text, "logprobs": logprobs, "finish_reason": null })
}
