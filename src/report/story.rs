//! A story as a page knows it: taken from a record, with nothing that a page does not show.

use std::path::Path;

use super::align::slices_behind;
use crate::story::{Banned, Mode, Record, Resumed, Rewind, ScoredText, Stood, StopReason, TracedToken};
use crate::text::{sanitize, some};

/// A story to be shown. Its texts are harmless already, see [`sanitize`]; what they mean to HTML they still mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// What it is called: the name of its file.
    pub name: String,
    /// Where its record is, for a shell; `None` where none is kept.
    pub file: Option<String>,
    /// What tells it from those beside it: its preset.
    pub label: String,
    /// The prompt.
    pub prompt: String,
    /// Whether it was told in answer to the prompt, and does not go on from it.
    pub answers: bool,
    /// The writer's own words at its beginning.
    pub begun: String,
    /// What was told.
    pub text: String,
    /// The part of it that each traced token told.
    pub slices: Vec<String>,
    /// What was known at each token; empty where no trace was kept.
    pub trace: Vec<TracedToken>,
    /// How many tokens were told.
    pub tokens: usize,
    /// −ln p in nats, the mean over the tokens.
    pub surprisal: f64,
    /// Rows of logits for each token.
    pub evaluations: f64,
    /// The name of the preset.
    pub preset: String,
    /// The preset as it ran, as TOML.
    pub resolved: String,
    /// How it was made: pairs of a name and a value.
    pub facts: Vec<(String, String)>,
    /// What it was not to say, in the order in which it was met.
    pub unsaid: Vec<Unsaid>,
    /// Whether it was given and read, and not told.
    pub read: bool,
}

/// What a story was not to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsaid {
    /// The number of the token at which it was told otherwise, or with which it was complete and stands, counted from 0.
    pub at: usize,
    /// What was taken back, as it stood in the text; nothing where it stands.
    pub text: Option<String>,
    /// The phrase or the pattern.
    pub ban: String,
    /// How many tokens were taken back.
    pub tokens: usize,
}

impl Story {
    /// The story of a record that is called `name`.
    #[must_use]
    pub fn of(record: &Record, name: &str) -> Self {
        let (answers, begun) = match &record.mode {
            Mode::Raw => (false, ""),
            Mode::Chat(chat) => (true, chat.prefill.as_str()),
        };
        let told = record.text.strip_prefix(begun).unwrap_or(&record.text);
        Self {
            name: clean(name),
            answers,
            begun: clean(begun),
            tokens: record.tokens.len(),
            surprisal: -record.mean_log_p,
            evaluations: record.evaluations as f64 / (record.tokens.len() - record.stood()).max(1) as f64,
            resolved: clean(&record.resolved),
            facts: facts(record).into_iter().map(|(name, value)| (name.to_owned(), clean(&value))).collect(),
            ..Self::healed(&record.preset, &record.prompt, &record.healed, told, &record.trace)
        }
        .without(&record.banned)
    }

    /// The same story, of which it is known what it was not to say.
    #[must_use]
    pub fn without(self, banned: &Banned) -> Self {
        let Banned { before: _, rewinds, stood } = banned;
        let back = rewinds.iter().map(|Rewind { at, ban, text, tokens }| Unsaid {
            at: *at,
            text: Some(clean(text)),
            ban: clean(ban),
            tokens: tokens.len(),
        });
        let stands = stood.iter().map(|Stood { at, ban }| Unsaid { at: *at, text: None, ban: clean(ban), tokens: 0 });
        Self { unsaid: back.chain(stands).collect(), ..self }
    }

    /// A story that goes on from its prompt, with nothing known about how it was made.
    #[must_use]
    pub fn told(label: &str, prompt: &str, text: &str, trace: &[TracedToken]) -> Self {
        Self::healed(label, prompt, "", text, trace)
    }

    /// The same, where the first tokens spell this end of the writer's text before they tell.
    #[must_use]
    pub fn healed(label: &str, prompt: &str, healed: &str, text: &str, trace: &[TracedToken]) -> Self {
        Self {
            name: clean(label),
            file: None,
            label: clean(label),
            prompt: clean(prompt),
            answers: false,
            begun: String::new(),
            text: clean(text),
            slices: slices_behind(healed, text, trace).iter().map(|slice| clean(slice)).collect(),
            trace: trace.iter().map(harmless).collect(),
            tokens: trace.len(),
            surprisal: trace.iter().map(|token| token.surprisal).sum::<f64>() / trace.len().max(1) as f64,
            evaluations: 0.0,
            preset: clean(label),
            resolved: String::new(),
            facts: Vec::new(),
            unsaid: Vec::new(),
            read: false,
        }
    }

    /// A given text as a model reads it behind a prompt, with what is known of that.
    #[must_use]
    pub fn read(name: &str, prompt: &str, text: &ScoredText, facts: &[(&str, String)]) -> Self {
        let (opening, slices) = text.parts();
        Self {
            prompt: clean(&format!("{prompt}{opening}")),
            slices: slices.into_iter().map(clean).collect(),
            facts: facts.iter().map(|(name, value)| ((*name).to_owned(), clean(value))).collect(),
            read: true,
            ..Self::told(name, "", &text.text[opening.len()..], &text.trace())
        }
    }

    /// The same story, of which it is known in which file its record is.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        Self { file: Some(clean(&for_a_shell(&path.to_string_lossy()))), ..self }
    }

    /// The first words of the prompt, or of a text without one: a title.
    #[must_use]
    pub fn title(&self) -> String {
        const LONGEST: usize = 60;
        let mut title = String::new();
        let words = if self.read { [self.prompt.as_str(), &self.text].concat() } else { self.prompt.clone() };
        for word in words.split_whitespace() {
            if title.chars().count() + word.chars().count() >= LONGEST {
                // A single word may be a whole prompt in a script without spaces.
                if title.is_empty() {
                    title.extend(word.chars().take(LONGEST));
                }
                title.push('…');
                break;
            }
            title += if title.is_empty() { "" } else { " " };
            title += word;
        }
        title
    }
}

/// A path as a word that a shell reads back.
fn for_a_shell(path: &str) -> String {
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%\\".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

fn clean(text: &str) -> String {
    sanitize(text).into_owned()
}

fn harmless(token: &TracedToken) -> TracedToken {
    let mut token = token.clone();
    token.piece = sanitize(&token.piece).into_owned();
    for candidate in &mut token.candidates {
        candidate.piece = sanitize(&candidate.piece).into_owned();
    }
    token
}

/// All that decided about a story, for people.
fn facts(record: &Record) -> Vec<(&'static str, String)> {
    let Record { stop, preset, seed, model, run, versions, times, evaluations, decodes, mean_log_p, tokens, .. } = record;
    let stop = match stop {
        StopReason::Stop(_) | StopReason::Failed(_) => sanitize(&stop.to_string()).into_owned(),
        other => other.to_string(),
    };
    let layers = run.gpu_layers.map_or("none".to_owned(), |layers| format!("{layers} on {}", run.devices.join(", ")));
    let mut facts = vec![
        ("preset", preset.clone()),
        ("seed", seed.to_string()),
        ("ended", stop),
        ("tokens", format!("{} of at most {}", tokens.len(), run.limit)),
        ("mean surprisal", format!("{:.3} nats", -mean_log_p)),
        ("evaluations", format!("{evaluations} rows of logits in {decodes} decodes")),
        ("told in", format!("{:.2} s, the prompt read in {:.2} s", times.tell, times.read)),
        ("model", model.file.clone()),
        ("size", format!("{} bytes", model.size)),
        ("SHA-256", model.sha256.clone()),
        ("architecture", model.architecture.clone()),
        ("context", format!("{} tokens", run.context)),
        ("width", run.width.to_string()),
        ("prompt read by", format!("{} tokens", run.batch)),
        ("threads", run.threads.to_string()),
        ("layers on GPUs", layers),
        ("flash attention", run.flash_attention.to_string()),
        ("keys and values", run.cache.map(|cache| cache.to_string()).join(" and ")),
        ("afterword", format!("{} ({})", versions.afterword, versions.commit)),
        ("backend", versions.backend.clone()),
        ("bindings", versions.bindings.join(" and ")),
        ("build", versions.build.clone()),
    ];
    if let Some(quantisation) = &model.quantisation {
        facts.insert(11, ("weights", quantisation.clone()));
    }
    if !run.stops.is_empty() {
        let stops: Vec<String> = run.stops.iter().map(|stop| format!("{stop:?}")).collect();
        facts.insert(4, ("stop strings", stops.join(", ")));
    }
    facts.splice(2..2, beginning(record));
    facts
}

/// How the story was begun, where that was not at the end of its prompt.
fn beginning(record: &Record) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if !record.healed.is_empty() {
        facts.push(("healed", format!("{:?}, with which the first tokens begin", record.healed)));
    }
    if let Some(Resumed { tokens, taken, .. }) = record.resumed {
        let words =
            if taken > 0 { format!(", with {} of the writer's before it", some(taken, "token")) } else { String::new() };
        facts.push(("gone on with", format!("from token {}{words}", tokens.saturating_add(1))));
    }
    facts
}
