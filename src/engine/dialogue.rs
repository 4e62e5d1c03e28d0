//! A conversation of many messages, put to the model as one prompt.

use anyhow::Result;
use serde_json::{Map, Value};

use super::engine::Engine;
use super::healing::Heal;
use super::note::Note;
use super::prompt::{Asking, Occasion, Prompt, PromptObserver, PromptSpec};
use crate::chat::{Message, Speaker};
use crate::decode::Cancel;
use crate::story::Mode;

/// A conversation to go on from, and how it is to be put to the model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DialogueSpec {
    /// What was said, in its order. Where the model spoke last, its answer has begun, and the story goes on from there.
    pub messages: Vec<Message>,
    /// Whether a model that can think does so first; `None`: as `enable_thinking` or `thinking` in `more` say, else not.
    pub thinks: Option<bool>,
    /// Variables for the chat template, beside those that it is told anyway.
    pub more: Map<String, Value>,
    /// Whether names of control tokens in these texts are taken as those tokens.
    pub parse_special: bool,
    /// What at the end of the beginning of an answer is told anew; without a chat template at the end of the text.
    pub heal: Heal,
}

impl DialogueSpec {
    /// The conversation that a prompt is for an instruct model: one request.
    pub(super) fn of(spec: &PromptSpec) -> Self {
        let PromptSpec { text, system, prefill, thinks, parse_special, heal, is_typed: _, put: _ } = spec;
        let said = |speaker, text: &String| Message { speaker, text: text.clone() };
        let system = system.as_ref().map(|text| said(Speaker::System, text));
        let prefill = prefill.as_ref().map(|text| said(Speaker::Assistant, text));
        let messages = system.into_iter().chain([said(Speaker::User, text)]).chain(prefill).collect();
        Self { messages, thinks: Some(*thinks), more: Map::new(), parse_special: *parse_special, heal: *heal }
    }

    /// What was said before the answer, and the words in which that was begun.
    pub(super) fn said(&self) -> (&[Message], &str) {
        match self.messages.split_last() {
            Some((last, said)) if last.speaker == Speaker::Assistant => (said, &last.text),
            _ => (&self.messages, ""),
        }
    }

    /// Whether the model is to think first.
    pub(super) fn thinks(&self) -> bool {
        let said = || ["enable_thinking", "thinking"].into_iter().find_map(|name| self.more.get(name)?.as_bool());
        self.thinks.or_else(said).unwrap_or(false)
    }

    /// All that was said, without who said it: how a model is told that knows no conversations.
    fn text(&self) -> String {
        let texts: Vec<&str> = self.messages.iter().map(|one| one.text.as_str()).filter(|text| !text.is_empty()).collect();
        texts.join("\n\n")
    }
}

impl Engine {
    /// Puts a conversation to the model in its chat template; to a model without one as a text, its messages divided by blank lines
    /// ([`Mode::Raw`]). Control tokens are the template's alone: their names in what somebody says are letters. Where a template
    /// refuses a system's words, or one speaker twice, the user says what the system does, and what one speaker says is one
    /// message. A model that is to think does so here, under the occasion's seed, and leaves room for the story.
    ///
    /// # Errors
    /// As [`Engine::prompt`].
    pub fn converse(
        &self,
        spec: &DialogueSpec,
        occasion: Occasion,
        observer: &mut dyn PromptObserver,
        cancel: &Cancel,
    ) -> Result<Prompt> {
        let text = spec.text();
        if let Some(template) = self.backend().chat_template(self.renderer()) {
            let asking = Asking { engine: self, spec, occasion, observer, cancel, notes: Vec::new() };
            return asking.in_chat(&template, text);
        }
        observer.tokenizing(true);
        let tokens = self.tokens_by(&text, |backend| backend.tokenize(&text, true, spec.parse_special));
        observer.tokenizing(false);
        let mut tokens = tokens?;
        let healed = self.heal(&mut tokens, &text, spec.heal);
        let notes = spec.thinks().then_some(Note::NoThinking).into_iter().collect();
        Ok(Prompt { text, mode: Mode::Raw, parse_special: spec.parse_special, tokens, healed, notes })
    }
}

/// The same conversation for a template that knows only a user and a model who take turns: what the system says the user says, and
/// what one of them says in several messages is one, divided by blank lines. The user speaks first, without a word if need be.
pub(super) fn folded(said: &[Message]) -> Vec<Message> {
    let mut folded: Vec<Message> = Vec::new();
    for one in said {
        let speaker = if one.speaker == Speaker::System { Speaker::User } else { one.speaker };
        match folded.last_mut().filter(|last| last.speaker == speaker) {
            Some(last) => last.text = format!("{}\n\n{}", last.text, one.text),
            None => folded.push(Message { speaker, text: one.text.clone() }),
        }
    }
    if folded.first().is_some_and(|first| first.speaker == Speaker::Assistant) {
        folded.insert(0, Message { speaker: Speaker::User, text: String::new() });
    }
    folded
}
