//! A story for one of these clients: their request in llama-server's words, and what it comes to in theirs.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::key_of;
use super::memory::{Kept, Memory};
use crate::serve::reply::{Answer, Choice, Entry, Happened, Scored, next, story};
use crate::serve::request::Fields;
use crate::serve::{App, Fault, Visit};
use crate::story::StopReason;

/// So many of the likeliest tokens are told where somebody wants to know what tokens were worth.
const LIKELIEST: usize = 5;

/// A story that is told for one of these clients.
pub(super) struct Story {
    pub answer: Answer,
    choice: Choice,
    /// What is remembered of it.
    kept: Kept,
    /// Whether the text ends before what stops it, and not behind it.
    trims: bool,
    scored: Vec<Scored>,
}

impl Story {
    /// Hands in the story of a request.
    pub async fn begin(
        app: Arc<App>,
        memory: &Arc<Memory>,
        visit: Arc<Visit>,
        body: Map<String, Value>,
    ) -> Result<Self, Fault> {
        let (key, trims) = (key_of(&body), Fields::of(&body).flag(&["trim_stop"])?.unwrap_or(false));
        let kept = memory.keep(key);
        let body = app.aside(move |app, _| in_native_words(app, body)).await?;
        let (answer, choice) = story(&app, &visit, body).await?;
        kept.begins(choice.order.plan.seed, choice.leaver());
        Ok(Self { answer, choice, kept, trims, scored: Vec::new() })
    }

    /// What is told next, token by token; `None` behind the end.
    pub async fn goes_on(&mut self) -> Option<Vec<String>> {
        loop {
            let (_, happened) = next(std::slice::from_mut(&mut self.choice)).await?;
            let (Happened::Told(entries) | Happened::Ended(entries)) = happened else { continue };
            self.scored.extend(self.answer.scored(&entries));
            let mut pieces: Vec<String> = entries.into_iter().map(|entry: Entry| entry.text).collect();
            if let (false, Some(StopReason::Stop(word))) = (self.trims, self.stop()) {
                pieces.push(word.clone());
            }
            self.kept.goes_on(&pieces);
            if self.stop().is_some() {
                self.kept.ends(self.choice.told(), self.worth());
            }
            return Some(pieces);
        }
    }

    /// Why it ended, once it has.
    fn stop(&self) -> Option<&StopReason> {
        self.choice.end.as_ref().map(|end| &end.completion.stop)
    }

    pub fn failure(&self) -> Option<&str> {
        self.choice.end.as_ref()?.completion.failure()
    }

    /// The same in the two words that these clients know.
    pub fn finish(&self) -> &'static str {
        self.choice.finish().unwrap_or("stop")
    }

    /// What its tokens were worth, where that was asked for.
    fn worth(&self) -> Option<Value> {
        self.answer.probabilities.as_ref().map(|told| told.both(&self.scored, 0))
    }

    /// The whole answer.
    pub fn results(&self) -> Value {
        let choice = &self.choice;
        json!({
            "results": [{
                "text": self.kept.text(), "finish_reason": self.finish(), "logprobs": self.worth(),
                "prompt_tokens": choice.counts.prompt, "completion_tokens": choice.told(),
            }],
            "afterword": self.answer.ours(choice),
        })
    }
}

/// A request of theirs as one of llama-server's: the memory stands before the prompt, of which the end is read that has room.
fn in_native_words(app: &App, mut body: Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    let fields = Fields::of(&body);
    let text = |name: &'static str| Ok::<_, Fault>(fields.text(&[name])?.unwrap_or_default().to_owned());
    let (memory, prompt) = (text("memory")?, text("prompt")?);
    let most = |name: &'static str| fields.clamped(&[name], 0..=i64::from(u32::MAX));
    let count = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let context = most("max_context_length")?.filter(|&most| most > 0).map_or(usize::MAX, count).min(app.engine.context());
    let length = most("max_length")?.map_or(app.options.tokens, count);
    let ignores_end = fields.flag(&["use_default_badwordsids", "ignore_eos", "ban_eos_token"])?.unwrap_or(false);
    let wants_worth = fields.flag(&["logprobs"])?.unwrap_or(false);
    let prompt = fitting(app, &memory, &prompt, context.saturating_sub(length.max(1)).max(1))?;
    for theirs in
        ["memory", "genkey", "trim_stop", "max_context_length", "use_default_badwordsids", "logprobs", "n", "stream", "quiet"]
    {
        body.remove(theirs);
    }
    body.insert("prompt".to_owned(), prompt);
    body.insert("ignore_eos".to_owned(), ignores_end.into());
    if wants_worth {
        body.insert("n_probs".to_owned(), LIKELIEST.into());
    }
    Ok(body)
}

/// A prompt behind a memory as it is where that has at most so many tokens, else its tokens, the first of the prompt's left out.
fn fitting(app: &App, memory: &str, prompt: &str, most: usize) -> Result<Value, Fault> {
    let engine = &app.engine;
    // What cannot have a place is not cut.
    let longest = engine.backend().longest_text(engine.context()).unwrap_or(usize::MAX);
    let end = |text: &str| {
        let from = text.len().saturating_sub(longest);
        (from..=text.len()).find(|&at| text.is_char_boundary(at)).map_or_else(String::new, |at| text[at..].to_owned())
    };
    let cut = |text: &str, begins| engine.backend().tokenize(text, begins, true).map_err(|error| Fault::refused(&error));
    let whole = end(memory) + &end(prompt);
    if cut(&whole, true)?.len() <= most {
        return Ok(whole.into());
    }
    let mut tokens = if memory.is_empty() { Vec::new() } else { cut(&end(memory), true)? };
    tokens.truncate(most / 2);
    let behind = cut(&end(prompt), tokens.is_empty())?;
    let room = most - tokens.len();
    tokens.extend(&behind[behind.len().saturating_sub(room)..]);
    Ok(tokens.into())
}
