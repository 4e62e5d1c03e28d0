//! An answer: what its chunks have in common, whole or streamed.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::aligning::Entry;
use super::cast::{Cast, stages};
use super::choice::{Choice, End, Happened, next};
use super::order::{Order, Put};
use super::probabilities::{Probabilities, Scored};
use super::{chat, completions, native};
use crate::model::Vocabulary;
use crate::serve::request::{Limits, Request, Shown, Surface, Trace};
use crate::serve::sse::{Sink, stream};
use crate::serve::{App, Fault, Sampling, Visit};
use crate::story::{Banned, TracedToken};

/// What all chunks of an answer have in common.
pub struct Answer {
    /// In whose words it is put.
    pub surface: Surface,
    /// Its id.
    pub id: String,
    /// When it was begun, in seconds since 1970.
    pub created: u64,
    /// The model, as it was asked for.
    pub model: String,
    /// Who tells.
    pub cast: Cast,
    /// How far.
    pub limits: Limits,
    /// What is told beside the text.
    pub shown: Shown,
    /// How much is told of each token.
    pub trace: Trace,
    /// The seed of the first draft.
    pub seed: u64,
    /// The prompts.
    pub prompts: Vec<Put>,
    /// Where the prompts come before the stories, what each of their tokens was worth; empty where that is not to be told.
    pub echo: Vec<Vec<Scored>>,
    /// What was thought before.
    pub reasoning: String,
    /// How probabilities are told, where they are.
    pub probabilities: Option<Probabilities>,
    /// Whether equal requests get equal bits.
    pub is_exact: bool,
    now: fn() -> Duration,
    vocabulary: Vocabulary,
}

/// A choice that is whole.
pub struct Told {
    /// The choice.
    pub choice: Choice,
    /// Its tokens, where they are to be told.
    pub scored: Vec<Scored>,
    /// Their numbers.
    pub tokens: Vec<u32>,
    /// What was known of each, where that is to be told.
    pub trace: Vec<TracedToken>,
}

impl Answer {
    /// That of a request whose prompts are yet to be put.
    pub fn new(app: &App, request: &Request, cast: Cast, seed: u64) -> Self {
        let now = (app.edge.now)();
        let prefix = if request.surface == Surface::Chat { "chatcmpl" } else { "cmpl" };
        let vocabulary = app.engine.vocabulary().clone();
        let probabilities = request.shown.top.map(|top| Probabilities {
            vocabulary: vocabulary.clone(),
            top,
            after_sampling: request.shown.after_sampling,
            with_taken: request.surface != Surface::Chat,
        });
        Self {
            surface: request.surface,
            id: format!("{prefix}-{:x}-{seed:x}", now.as_nanos()),
            created: now.as_secs(),
            model: request.ours.model.clone().unwrap_or_else(|| app.catalogue.model().to_owned()),
            cast,
            limits: request.limits.clone(),
            shown: request.shown.clone(),
            trace: request.ours.trace,
            seed,
            prompts: Vec::new(),
            echo: Vec::new(),
            reasoning: String::new(),
            probabilities,
            is_exact: app.options.strict,
            now: app.edge.now,
            vocabulary,
        }
    }

    /// The text of a story's prompt, where it is to stand before it.
    pub fn echoed(&self, order: &Order) -> &str {
        if self.shown.echo && self.surface == Surface::Completions { &self.prompts[order.prompt].text } else { "" }
    }

    /// What is told of these tokens.
    pub fn scored(&self, entries: &[Entry]) -> Vec<Scored> {
        let told = self.probabilities.as_ref();
        told.map_or_else(Vec::new, |told| entries.iter().map(|entry| told.of(entry)).collect())
    }

    /// What was known of a token, where that is to be told.
    pub fn traced(&self, entry: &Entry) -> Option<TracedToken> {
        let mut traced = (self.trace != Trace::Off).then(|| TracedToken::of(&entry.draw, &self.vocabulary))?;
        if self.trace == Trace::Chosen {
            traced.candidates.clear();
        }
        Some(traced)
    }

    /// What of an answer is ours: in its last chunk, and in that of every choice.
    pub fn ours(&self, choice: &Choice) -> Value {
        let Cast { preset, sampling, ignored, .. } = &self.cast;
        let (plan, told) = (&choice.order.plan, choice.told());
        let mut ours = json!({
            "preset": preset, "sampling": sampling.name(), "seed": plan.seed, "tokens": told, "t": plan.continuation.told + told,
            "evaluations": choice.counts.evaluations, "decodes": choice.counts.decodes, "ignored": ignored, "exact": self.is_exact,
        });
        if let Some(end) = &choice.end {
            ours["stop"] = end.word.into();
            let banned = &end.completion.banned;
            if !banned.is_none() {
                let Banned { before: _, rewinds, stood } = banned;
                ours["banned"] = json!({ "rewinds": rewinds.len(), "stood": stood.len() });
            }
        }
        ours
    }

    /// How many tokens there were. A prompt counts once, however many drafts there are of it, and was read if one of them read it.
    pub fn usage(&self, choices: &[&Choice]) -> Value {
        let prompt: usize = self.prompts.iter().map(|prompt| prompt.tokens.len()).sum();
        let told: usize = choices.iter().map(|choice| choice.told()).sum();
        let cached = |prompt: usize| {
            let of = choices.iter().filter(|choice| choice.order.prompt == prompt);
            of.filter_map(|choice| choice.end.as_ref()).map(|end| end.completion.cached_tokens).min().unwrap_or(0)
        };
        let cached: usize = (0..self.prompts.len()).map(cached).sum();
        json!({
            "prompt_tokens": prompt, "completion_tokens": told, "total_tokens": prompt + told,
            "prompt_tokens_details": { "cached_tokens": cached },
        })
    }

    /// What decided, under the names that llama-server has for it.
    pub fn settings(&self, choice: &Choice) -> Value {
        let (plan, shown) = (&choice.order.plan, &self.shown);
        let most = if choice.order.reads_only { 0 } else { i64::try_from(plan.max_tokens).unwrap_or(-1) };
        json!({
            "seed": plan.seed, "n_predict": most, "max_tokens": most, "min_tokens": self.limits.min_tokens, "stop": self.limits.stops,
            "ignore_eos": self.limits.ignores_end, "n_probs": shown.top.unwrap_or(0), "post_sampling_probs": shown.after_sampling,
            "stream": shown.stream, "samplers": stages(&self.cast.sampler), "preset": self.cast.preset,
            "temperature": self.temperature(),
        })
    }

    /// The temperature, where there is one number for it.
    fn temperature(&self) -> Option<f64> {
        let stages = self.cast.sampler.chain().stages();
        let numbers = stages.iter().filter(|stage| stage.name() == "temperature");
        let mut values = numbers.filter_map(|stage| serde_json::to_value(stage).ok()?.get("temperature")?.as_f64());
        values.next_back().filter(|_| self.cast.sampling == Sampling::Client)
    }

    /// Hands the stories in.
    ///
    /// # Errors
    /// One fits no place, or the queue is full.
    pub fn begin(&self, app: &App, visit: &Arc<Visit>, orders: Vec<Order>) -> Result<Vec<Choice>, Fault> {
        let begin = |order: Order| {
            let telling = app.tell(visit, order.plan.clone())?;
            let units = self.echoed(&order).encode_utf16().count();
            let text = self.prompts.get(order.prompt).map(|prompt| prompt.text.clone()).unwrap_or_default();
            let choice = Choice::new(order, telling, &self.vocabulary, units, self.limits.time);
            Ok(choice.behind(text, Arc::clone(app.spaces())))
        };
        orders.into_iter().map(begin).collect()
    }

    /// What tells of itself above the body.
    pub fn headers(&self) -> Headers {
        Headers([("x-afterword-preset", self.cast.preset.clone()), ("x-afterword-seed", self.seed.to_string())])
    }

    /// Tells the stories and answers.
    ///
    /// # Errors
    /// The queue is full, or a story fails that is not streamed.
    pub async fn send(self, app: &App, visit: &Arc<Visit>, orders: Vec<Order>) -> Result<Response, Fault> {
        let headers = self.headers();
        let choices = self.begin(app, visit, orders)?;
        let response = if self.shown.stream {
            stream(move |sink| async move {
                self.begun(&sink).await;
                self.streamed(choices, &sink).await;
            })
        } else {
            Json(self.whole(choices).await?).into_response()
        };
        Ok(headers.put(response))
    }

    /// Tells them to their ends, then answers.
    async fn whole(&self, choices: Vec<Choice>) -> Result<Value, Fault> {
        let mut choices = choices;
        let mut parts: Vec<(Vec<Scored>, Vec<u32>, Vec<TracedToken>)> = choices.iter().map(|_| Default::default()).collect();
        while let Some((at, happened)) = next(&mut choices).await {
            let (Happened::Told(entries) | Happened::Ended(entries)) = happened else { continue };
            let (scored, tokens, trace) = &mut parts[at];
            scored.extend(self.scored(&entries));
            tokens.extend(entries.iter().map(Entry::token));
            trace.extend(entries.iter().filter_map(|entry| self.traced(entry)));
        }
        if let Some((choice, cause)) = choices.iter().find_map(|choice| Some((choice, failure(choice)?))) {
            return Err(Fault::broke_off(cause).with("content", choice.text.as_str().into()));
        }
        // Those that waited when the server began to end are for whoever asks the next one.
        let waited = |choice: &Choice| choice.began().is_none() && choice.end.as_ref().is_some_and(End::is_interrupted);
        if choices.iter().all(waited) {
            return Err(Fault::unavailable("the server is about to end", 30));
        }
        let told = |(choice, (scored, tokens, trace))| Told { choice, scored, tokens, trace };
        let told: Vec<Told> = choices.into_iter().zip(parts).map(told).collect();
        Ok(match self.surface {
            Surface::Native => native::whole(self, &told),
            Surface::Completions => completions::whole(self, &told),
            Surface::Chat => chat::whole(self, &told),
        })
    }

    /// Says who speaks.
    pub async fn begun(&self, sink: &Sink) {
        if self.surface == Surface::Chat {
            for draft in 0..self.limits.drafts {
                sink.data(&chat::opening(self, draft)).await;
            }
        }
    }

    /// Says what was thought.
    pub async fn thought(&self, text: &str, sink: &Sink) {
        for draft in 0..self.limits.drafts {
            sink.data(&chat::thought(self, draft, text)).await;
        }
    }

    /// Sends what happens as it happens.
    pub async fn streamed(&self, mut choices: Vec<Choice>, sink: &Sink) {
        if self.surface == Surface::Completions {
            for chunk in choices.iter().filter_map(|choice| completions::opening(self, choice)) {
                sink.data(&chunk).await;
            }
        }
        while let Some((at, happened)) = next(&mut choices).await {
            let choice = &mut choices[at];
            let entries = match happened {
                Happened::Read(read, of) => {
                    if self.shown.progress {
                        sink.data(&self.reading(choice, read, of)).await;
                    }
                    continue;
                }
                Happened::Told(entries) | Happened::Ended(entries) => entries,
            };
            for entry in &entries {
                let chunk = self.chunk(choice, entry);
                choice.units += entry.text.encode_utf16().count();
                sink.data(&chunk).await;
            }
            if let Some(cause) = failure(choice) {
                sink.data(&Fault::broke_off(cause).json()).await;
            } else if choice.end.is_some() {
                sink.data(&self.last(choice)).await;
            }
        }
        if self.surface != Surface::Native {
            if self.shown.usage {
                let all: Vec<&Choice> = choices.iter().collect();
                let usage = self.usage(&all);
                sink.data(&self.framed(Vec::new(), [("usage", usage)])).await;
            }
            sink.done().await;
        }
    }

    /// One token.
    fn chunk(&self, choice: &Choice, entry: &Entry) -> Value {
        let mut chunk = match self.surface {
            Surface::Native => native::chunk(self, choice, entry),
            Surface::Completions => completions::chunk(self, choice, entry),
            Surface::Chat => chat::chunk(self, choice, entry),
        };
        if let Some(traced) = self.traced(entry) {
            chunk["afterword"] = json!(traced);
        }
        chunk
    }

    /// The end of a choice.
    fn last(&self, choice: &Choice) -> Value {
        match self.surface {
            Surface::Native => native::last(self, choice),
            Surface::Completions => completions::last(self, choice),
            Surface::Chat => chat::last(self, choice),
        }
    }

    /// How far a prompt is read.
    fn reading(&self, choice: &Choice, read: usize, of: usize) -> Value {
        let since = choice.began().map_or(Duration::ZERO, |began| (self.now)().saturating_sub(began));
        let progress = json!({ "total": of, "cache": 0, "processed": read, "time_ms": since.as_secs_f64() * 1e3 });
        match self.surface {
            Surface::Native => native::progress(choice, &progress),
            Surface::Completions => completions::progress(self, choice, progress),
            Surface::Chat => chat::progress(self, choice, progress),
        }
    }

    /// A whole choice, with what is ours of it where there are several.
    pub fn finished(&self, mut choice: Value, told: &Told) -> Value {
        if self.limits.drafts * self.prompts.len() > 1 {
            choice["afterword"] = self.ours_of(told);
        }
        choice
    }

    /// What is ours of a whole choice.
    fn ours_of(&self, told: &Told) -> Value {
        let mut ours = self.ours(&told.choice);
        if !told.trace.is_empty() {
            ours["trace"] = json!(told.trace);
        }
        ours
    }

    /// `OpenAI`'s whole answer of these choices; what is ours is that of the first.
    pub fn whole_of(&self, choices: Vec<Value>, told: &[Told]) -> Value {
        let all: Vec<&Choice> = told.iter().map(|told| &told.choice).collect();
        let (timings, ours) = told.first().map(|told| (told.choice.timings(), self.ours_of(told))).unwrap_or_default();
        self.framed(choices, [("usage", self.usage(&all)), ("timings", timings), ("afterword", ours)])
    }

    /// A chunk of `OpenAI`'s of these choices, and what stands beside them.
    pub fn framed<const N: usize>(&self, choices: Vec<Value>, more: [(&str, Value); N]) -> Value {
        let object = match (self.surface, self.shown.stream) {
            (Surface::Chat, true) => "chat.completion.chunk",
            (Surface::Chat, false) => "chat.completion",
            _ => "text_completion",
        };
        let mut frame: Map<String, Value> = Map::new();
        frame.insert("id".into(), self.id.as_str().into());
        frame.insert("object".into(), object.into());
        frame.insert("created".into(), self.created.into());
        frame.insert("model".into(), self.model.as_str().into());
        frame.insert("system_fingerprint".into(), concat!("afterword-", env!("CARGO_PKG_VERSION")).into());
        frame.insert("choices".into(), choices.into());
        frame.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Value::Object(frame)
    }
}

/// What stands above a body: the preset and the seed, for whoever looks with curl.
pub struct Headers([(&'static str, String); 2]);

impl Headers {
    /// The answer with them.
    pub fn put(self, mut response: Response) -> Response {
        for (name, value) in self.0 {
            // A name that no header can hold is in the body.
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// Why a choice broke off, if it did.
fn failure(choice: &Choice) -> Option<&str> {
    choice.end.as_ref()?.completion.failure()
}
