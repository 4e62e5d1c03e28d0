//! From words to the tokens that a story goes on from: as they are, or as a request to an instruct model.

use std::ops::ControlFlow;

use anyhow::{Result, anyhow};
use chrono::NaiveDateTime;

use super::dialogue::{DialogueSpec, folded};
use super::engine::Engine;
use super::healing::Heal;
use super::note::Note;
use super::remedy::{AsksForChat, Cancelled, Refusal, Remedy};
use crate::chat::{Dialogue, Message, Request, Script, Speaker, Template, Thinking, Whose, is_instruction};
use crate::decode::{Cancel, Completion, Counts, Ended, Observer, Plan, Stories, Told, Until, drive, each, plain_sampler};
use crate::prob::Token;
use crate::story::{Chat, Mode, StopReason};
use crate::text::{excerpt, is_blank};

/// The most tokens that are thought; then the thinking is ended, and the story begins.
const MOST_THINKING: usize = 4096;

/// A prompt, and how it is to be put to the model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PromptSpec {
    /// The words, as they were written.
    pub text: String,
    /// Whether they were typed for this story. A text that lay ready is a text to go on from, however it begins.
    pub is_typed: bool,
    /// Raw or chat, where somebody has said so.
    pub put: Put,
    /// What an instruct model is told about itself.
    pub system: Option<String>,
    /// The words with which its answer begins.
    pub prefill: Option<String>,
    /// Whether a model that can think does so first.
    pub thinks: bool,
    /// Whether names of control tokens in these texts are taken as those tokens.
    pub parse_special: bool,
    /// What at the end of the text, or of the beginning of an answer, is told anew.
    pub heal: Heal,
}

/// How a prompt is put to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Put {
    /// As the prompt reads and the model allows: a short typed instruction to a model with a chat template is a request, all else
    /// the beginning of a story. What asks for a chat (a system text, a beginning of the answer, thinking) decides too.
    #[default]
    Guess,
    /// As the beginning of a story.
    Raw,
    /// As a request in the model's chat template.
    Chat,
}

/// What is to be known for thinking and for templates that ask for the time.
#[derive(Debug, Clone, Copy)]
pub struct Occasion {
    /// The local time.
    pub now: NaiveDateTime,
    /// The seed of the thinking.
    pub seed: u64,
    /// Room that the thinking leaves to the story, in tokens.
    pub max_tokens: usize,
}

/// A prompt, ready to be told from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The words, as they were written.
    pub text: String,
    /// How they were put.
    pub mode: Mode,
    /// Whether names of control tokens in them were taken as those.
    pub parse_special: bool,
    /// Their tokens, without those that are told anew.
    pub tokens: Vec<Token>,
    /// The end of the words that the tokens leave out: the story's first tokens spell it.
    pub healed: String,
    /// What was decided on the way.
    pub notes: Vec<Note>,
}

impl Prompt {
    /// What is shown before the story goes on: the prompt, or the words in which an answer was begun.
    #[must_use]
    pub fn beginning(&self) -> &str {
        match &self.mode {
            Mode::Raw => &self.text,
            Mode::Chat(chat) => &chat.prefill,
        }
    }

    /// What is told, with the writer's own words where they began the answer.
    #[must_use]
    pub fn story(&self, told: &str) -> String {
        match &self.mode {
            Mode::Raw => told.to_owned(),
            Mode::Chat(chat) => format!("{}{told}", chat.prefill),
        }
    }
}

/// Who hears of a prompt while it is put to the model, and of the model's thinking.
pub trait PromptObserver {
    /// A text is being cut into tokens, which does not look at the flag that cancels; or it is cut.
    fn tokenizing(&mut self, is: bool) {
        let _ = is;
    }

    /// The model is about to think, at most so many tokens.
    fn thinks(&mut self, max_tokens: usize) {
        let _ = max_tokens;
    }

    /// It has thought of a token, which let this text appear.
    fn thought(&mut self, text: &str, counts: Counts) {
        let _ = (text, counts);
    }

    /// It has thought.
    fn thought_through(&mut self) {}
}

/// Nobody hears of it.
impl PromptObserver for () {}

impl Engine {
    /// Puts a prompt to the model. A model that is to think does so here, under this seed, and leaves room for the story.
    ///
    /// # Errors
    /// Words that the vocabulary cannot write or that leave no room for a story; a chat that was asked for of a model without a
    /// template; a template that fails; a thinking that fails, or was cancelled ([`Cancelled`]).
    pub fn prompt(
        &self,
        spec: &PromptSpec,
        occasion: Occasion,
        observer: &mut dyn PromptObserver,
        cancel: &Cancel,
    ) -> Result<Prompt> {
        let mut notes = Vec::new();
        let PromptSpec { text, parse_special, .. } = spec;
        let Some(template) = self.template_for(spec, &mut notes)? else {
            observer.tokenizing(true);
            let tokens = self.tokens_by(text, |backend| backend.tokenize(text, true, *parse_special));
            observer.tokenizing(false);
            let mut tokens = tokens?;
            let healed = self.heal(&mut tokens, text, spec.heal);
            notes.extend(ending(spec, &healed));
            return Ok(Prompt { text: text.clone(), mode: Mode::Raw, parse_special: *parse_special, tokens, healed, notes });
        };
        let asking = Asking { engine: self, spec: &DialogueSpec::of(spec), occasion, observer, cancel, notes };
        asking.in_chat(&template, text.clone())
    }

    /// The chat template, if the prompt is to be put in it. Where nobody has said so the guess decides, and the choice is told.
    fn template_for(&self, spec: &PromptSpec, notes: &mut Vec<Note>) -> Result<Option<Template>> {
        if spec.put == Put::Raw {
            return Ok(None);
        }
        let asks = [
            (AsksForChat::Put, spec.put == Put::Chat),
            (AsksForChat::System, spec.system.is_some()),
            (AsksForChat::Prefill, spec.prefill.is_some()),
            (AsksForChat::Thinking, spec.thinks),
        ];
        let asks = asks.into_iter().find_map(|(what, asks)| asks.then_some(what));
        match (self.backend().chat_template(self.renderer()), asks) {
            (None, Some(what)) => {
                let message = format!("the model `{}` has no chat template, which a request needs", self.info().path.display());
                Err(Refusal::usage(message, Remedy::NoChat(what)).into())
            }
            (None, None) => Ok(None),
            (Some(template), Some(_)) => Ok(Some(template)),
            (Some(template), None) if spec.is_typed && is_instruction(&spec.text) => {
                notes.push(Note::TakenAsInstruction);
                Ok(Some(template))
            }
            (Some(_), None) => {
                notes.push(Note::TakenAsBeginning);
                Ok(None)
            }
        }
    }
}

/// A prompt on its way to an instruct model.
pub(super) struct Asking<'a> {
    pub engine: &'a Engine,
    pub spec: &'a DialogueSpec,
    pub occasion: Occasion,
    pub observer: &'a mut dyn PromptObserver,
    pub cancel: &'a Cancel,
    pub notes: Vec<Note>,
}

impl Asking<'_> {
    /// The conversation up to where the story begins, of which this is the text.
    pub fn in_chat(mut self, template: &Template, text: String) -> Result<Prompt> {
        let (said, prefill) = self.spec.said();
        let Request { mut script, thinking } = self.request(template, said)?;
        let thinks = self.spec.thinks();
        let thinking = match thinking {
            Some(thinking) if !thinks => {
                thinking.close(&mut script);
                None
            }
            Some(thinking) if thinking.open(&mut script) => {
                let thought = self.think(&script, thinking)?;
                thinking.end(&mut script, &thought);
                Some(thought)
            }
            _ => {
                self.notes.extend(thinks.then_some(Note::NoThinking));
                None
            }
        };
        let parse_special = self.spec.parse_special;
        script.add(prefill, if parse_special { Whose::Template } else { Whose::Writer });
        let mut tokens = self.tokens(&script)?;
        let healed = self.engine.heal(&mut tokens, prefill, self.spec.heal);
        self.notes.extend((healed.is_empty() && prefill.ends_with(is_blank)).then_some(Note::PrefillEndsInSpace));
        let system = said.first().filter(|one| one.speaker == Speaker::System).map(|one| one.text.clone());
        let chat = Chat { system, prefill: prefill.to_owned(), thinking, rendered: script.text() };
        Ok(Prompt { text, mode: Mode::Chat(Box::new(chat)), parse_special, tokens, healed, notes: self.notes })
    }

    fn tokens(&mut self, script: &Script) -> Result<Vec<Token>> {
        self.observer.tokenizing(true);
        let tokens = self.engine.tokens_by(&script.text(), |backend| backend.tokenize_script(script));
        self.observer.tokenizing(false);
        tokens
    }

    /// What was said in the template, up to where the answer begins.
    fn request(&mut self, template: &Template, said: &[Message]) -> Result<Request> {
        let backend = self.engine.backend();
        let (bos, eos) = backend.ends_of_text();
        let names = backend.control_names();
        let controls: Vec<&str> = if self.spec.parse_special { Vec::new() } else { names.iter().map(String::as_str).collect() };
        let (think, more, now) = (self.spec.thinks(), &self.spec.more, self.occasion.now);
        let conversation = Dialogue { messages: said, think, more, bos: &bos, eos: &eos, now };
        let asked = template.ask_on(&conversation, &controls);
        let systems: Vec<&str> = said.iter().filter(|one| one.speaker == Speaker::System).map(|one| one.text.trim()).collect();
        let mut request = match asked {
            Ok(asked) if systems.is_empty() || said_in(&asked.script.text(), &systems) => asked,
            asked => {
                // Some templates refuse a system's text or one speaker twice, some leave the system out. What they say where it is
                // said by who asks decides.
                let folded_said = folded(said);
                let folded = if folded_said == said {
                    None
                } else {
                    template.ask_on(&Dialogue { messages: &folded_said, ..conversation }, &controls).ok()
                };
                let Some(folded) = folded else { return asked.map_err(|error| self.fails(&error)) };
                self.notes.extend((!systems.is_empty()).then_some(Note::SystemBeforePrompt));
                folded
            }
        };
        if self.spec.parse_special {
            request.script = request.script.all_template();
        }
        Ok(request)
    }

    /// Why the chat template does not do.
    fn fails(&self, error: &anyhow::Error) -> anyhow::Error {
        if self.cancel.is_cancelled() {
            return Cancelled.into();
        }
        let message = format!("the chat template of `{}` fails: {error:#}", self.engine.info().path.display());
        let remedy = if error.is::<crate::chat::HidesControl>() { Remedy::ParseSpecialOrRaw } else { Remedy::Raw };
        Refusal::new(message, remedy).into()
    }

    /// What the model thinks before it answers.
    fn think(&mut self, script: &Script, thinking: Thinking) -> Result<String> {
        let (engine, marks) = (self.engine, thinking.marks);
        let prompt = self.tokens(script)?;
        let room = engine.context().saturating_sub(prompt.len() + self.occasion.max_tokens);
        let plan = Plan {
            context: engine.context(),
            stops: vec![marks.stop.to_owned()],
            ..Plan::new(plain_sampler()?, prompt, self.occasion.seed, room.clamp(1, MOST_THINKING))
        };
        let mut session = engine.session(std::slice::from_ref(&plan), 1)?;
        let mut model = Until::new(&mut *session, engine.backend().token_named(marks.stop));
        self.observer.thinks(plan.max_tokens);
        let mut thoughts = Thoughts { observer: self.observer, completion: None };
        drive(&mut Stories::new(&mut model, 1), 1, &mut each([plan]), &mut thoughts, self.cancel);
        let completion = thoughts.completion;
        self.observer.thought_through();
        // One that was cancelled before it began never ended.
        let told = completion.ok_or(Cancelled)?;
        match told.stop {
            StopReason::Interrupted => return Err(Cancelled.into()),
            StopReason::Failed(cause) => {
                return Err(anyhow!("the thinking before the story failed: {}", excerpt(&cause, 200)));
            }
            StopReason::Tokens | StopReason::Context => self.notes.push(Note::ThinkingEnded(told.counts.tokens)),
            StopReason::End | StopReason::Stop(_) | StopReason::Whole(_) | StopReason::Loop => {}
        }
        // Some models open it again, though the prompt has.
        Ok(told.text.strip_prefix(marks.open).map_or(told.text.clone(), str::to_owned))
    }
}

/// Whether all of these texts stand in this one.
fn said_in(text: &str, all: &[&str]) -> bool {
    all.iter().all(|one| text.contains(one))
}

/// Hears a model think.
struct Thoughts<'o> {
    observer: &'o mut dyn PromptObserver,
    completion: Option<Completion>,
}

impl Observer for Thoughts<'_> {
    fn told(&mut self, _: usize, told: &Told) -> ControlFlow<()> {
        self.observer.thought(told.text, told.counts);
        ControlFlow::Continue(())
    }

    fn ended(&mut self, _: usize, ended: Ended) {
        if !ended.rest.is_empty() {
            self.observer.thought(&ended.rest, ended.completion.counts);
        }
        self.completion = Some(ended.completion);
    }
}

/// What at the end of a text to go on from is read by the model, though it may not be meant; `healed` is read with what comes.
fn ending(spec: &PromptSpec, healed: &str) -> Option<Note> {
    let PromptSpec { text, is_typed, .. } = spec;
    if healed.is_empty() && text.ends_with(is_blank) {
        return Some(Note::PromptEndsInSpace);
    }
    (!is_typed && text.matches('\n').count() == 1 && text.ends_with('\n')).then_some(Note::PromptEndsInLineBreak)
}
