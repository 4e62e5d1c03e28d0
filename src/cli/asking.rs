//! From what was typed to the tokens that a story goes on from: as they are, or as a request to an instruct model.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};

use super::Interruption;
use super::args::{PromptArgs, Think};
use super::engine::{Engine, interrupted};
use super::progress::Progress;
use super::prompt::{Prompt, ending};
use super::tell::{Tale, tell};
use super::terminal::{DIM, Terminal};
use super::usage::Usage;
use crate::chat::{Conversation, Request, Script, Template, Thinking, Whose, is_instruction};
use crate::decode::{Plan, Until, plain_sampler};
use crate::prob::Token;
use crate::story::{Chat, Mode, StopReason};

/// The most tokens that are thought; then the thinking is ended, and the story begins.
const MOST_THINKING: usize = 4096;

/// A prompt, ready to be told from.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What the writer typed.
    pub prompt: String,
    /// How it was put.
    pub mode: Mode,
    /// Whether names of control tokens in it were taken as those.
    pub parse_special: bool,
    /// Its tokens.
    pub tokens: Vec<Token>,
}

impl Asked {
    /// What is shown before the story goes on: the prompt, or the words in which an answer was begun.
    pub fn beginning(&self) -> &str {
        match &self.mode {
            Mode::Raw => &self.prompt,
            Mode::Chat(chat) => &chat.prefill,
        }
    }

    /// What is told, with the writer's own words where they began the answer.
    pub fn story(&self, told: &str) -> String {
        match &self.mode {
            Mode::Raw => told.to_owned(),
            Mode::Chat(chat) => format!("{}{told}", chat.prefill),
        }
    }
}

impl Engine {
    /// Puts a prompt to the model as the arguments ask for it. A model that is to think thinks here, under this seed, and
    /// leaves room for `tokens` of a story.
    ///
    /// Where nobody has said how it is to be put, a typed prompt may be taken as an instruction; the text of a file never is.
    pub fn ask(&self, prompt: Prompt, args: &PromptArgs, seed: u64, tokens: usize, terminal: &Terminal) -> Result<Asked> {
        let guess = prompt.typed && is_instruction(&prompt.text);
        if let Some(template) = self.template_for(guess, args, terminal)? {
            return self.ask_in_chat(&template, prompt.text, args, seed, tokens, terminal);
        }
        let tokens = self.tokenized(&prompt.text, |weights| weights.tokenize(&prompt.text, true, args.parse_special))?;
        prompt.warn(terminal);
        Ok(Asked { prompt: prompt.text, mode: Mode::Raw, parse_special: args.parse_special, tokens })
    }

    /// The chat template, if the prompt is to be put in it. Where nobody has said so the guess decides, and the choice is told.
    fn template_for(&self, guess: bool, args: &PromptArgs, terminal: &Terminal) -> Result<Option<Template>> {
        if args.raw {
            return Ok(None);
        }
        let asks = [
            ("--chat", args.chat),
            ("--system", args.system.is_some()),
            ("--prefill", args.prefill.is_some()),
            ("--think", args.think.is_some_and(|think| think != Think::Off)),
        ];
        let asked = asks.iter().find(|(_, given)| *given);
        let template = self.weights.chat_template(Arc::clone(&self.renderer));
        match (template, asked) {
            (None, Some((option, _))) => {
                let path = self.weights.path().display();
                let hint = "a base model goes on with what it is given: begin the story, and leave this option out";
                Err(Usage(format!("the model `{path}` has no chat template, which `{option}` needs\nhint: {hint}")).into())
            }
            (None, None) => Ok(None),
            (template, Some(_)) => Ok(template),
            (template, None) if guess => {
                terminal.note("taken as an instruction to the model · `--raw` takes it as a beginning");
                Ok(template)
            }
            (_, None) => {
                terminal.note("taken as the beginning of a story · `--chat` takes it as an instruction");
                Ok(None)
            }
        }
    }

    fn ask_in_chat(
        &self,
        template: &Template,
        prompt: String,
        args: &PromptArgs,
        seed: u64,
        tokens: usize,
        terminal: &Terminal,
    ) -> Result<Asked> {
        let Request { mut script, thinking } = self.request(template, &prompt, args, terminal)?;
        let think = args.think.unwrap_or(Think::Off);
        let thinking = match (thinking, think) {
            (Some(thinking), Think::Off) => {
                thinking.close(&mut script);
                None
            }
            (Some(thinking), Think::Show | Think::Hide) if thinking.open(&mut script) => {
                let thought = self.think(&script, thinking, think, seed, tokens, terminal)?;
                thinking.end(&mut script, &thought);
                Some(thought)
            }
            (_, Think::Off) => None,
            (_, Think::Show | Think::Hide) => {
                terminal.note("the model's chat template knows no thinking: it tells at once");
                None
            }
        };
        let prefill = args.prefill.clone().unwrap_or_default();
        if let Some(warning) = ending(&prefill, "`--prefill`") {
            terminal.note(warning);
        }
        script.add(&prefill, if args.parse_special { Whose::Template } else { Whose::Writer });
        let tokens = self.tokenized(&script.text(), |weights| weights.tokenize_script(&script))?;
        let chat = Chat { system: args.system.clone(), prefill, thinking, rendered: script.text() };
        Ok(Asked { prompt, mode: Mode::Chat(Box::new(chat)), parse_special: args.parse_special, tokens })
    }

    /// The request in the template, up to where the answer begins.
    fn request(&self, template: &Template, request: &str, args: &PromptArgs, terminal: &Terminal) -> Result<Request> {
        let (bos, eos) = self.weights.ends_of_text();
        let names = self.weights.control_names();
        let controls: Vec<&str> = if args.parse_special { Vec::new() } else { names.iter().map(String::as_str).collect() };
        let conversation = Conversation {
            system: args.system.as_deref(),
            request,
            think: args.think.is_some_and(|think| think != Think::Off),
            bos: &bos,
            eos: &eos,
            now: chrono::Local::now().naive_local(),
        };
        let asked = template.ask(&conversation, &controls);
        let mut request = match (asked, args.system.as_deref()) {
            (Ok(asked), Some(system)) if asked.script.text().contains(system.trim()) => asked,
            (asked, Some(system)) => {
                // Some templates refuse a system's text, some leave it out. What they say without it decides.
                let request = format!("{system}\n\n{request}");
                let folded = template.ask(&Conversation { system: None, request: &request, ..conversation }, &controls);
                let Ok(folded) = folded else { return asked.map_err(|error| self.fails(&error)) };
                terminal.note("the chat template has no place for `--system`: it stands before the prompt");
                folded
            }
            (asked, None) => asked.map_err(|error| self.fails(&error))?,
        };
        if args.parse_special {
            request.script = request.script.all_template();
        }
        Ok(request)
    }

    /// Why the chat template does not do.
    fn fails(&self, error: &anyhow::Error) -> anyhow::Error {
        if interrupted() {
            return Interruption.into();
        }
        let hint = if error.to_string().contains("\nhint: ") { "" } else { "\nhint: `--raw` leaves the template out" };
        anyhow!("the chat template of `{}` fails: {error:#}{hint}", self.weights.path().display())
    }

    /// What the model thinks before it answers.
    fn think(
        &self,
        script: &Script,
        thinking: Thinking,
        think: Think,
        seed: u64,
        tokens: usize,
        terminal: &Terminal,
    ) -> Result<String> {
        let marks = thinking.marks;
        let prompt = self.tokenized(&script.text(), |weights| weights.tokenize_script(script))?;
        let room = self.context.saturating_sub(prompt.len() + tokens);
        let plan = Plan {
            context: self.context,
            stops: vec![marks.stop.to_owned()],
            ..Plan::new(plain_sampler()?, prompt, seed, room.clamp(1, MOST_THINKING))
        };
        let shown = think == Think::Show;
        let progress = if shown {
            Progress::telling(terminal, plan.max_tokens)
        } else {
            Progress::telling_apart(terminal, "thinking", plan.max_tokens)
        };
        let mut session = self.session(std::slice::from_ref(&plan), 1)?;
        let mut model = Until::new(&mut session, self.weights.token_named(marks.stop));
        let mut aside = shown.then(|| terminal.aside());
        let told = tell(&mut model, plan, 1, &progress, |text| {
            if let Some(aside) = &mut aside {
                progress.clear();
                // As with a note: nobody is left to be told that this failed.
                let _ = aside.say(DIM, text);
            }
            Ok(())
        });
        progress.clear();
        if let Some(aside) = &mut aside {
            let _ = aside.say(DIM, "\n").and_then(|()| aside.end_line());
        }
        let told = told.and_then(Tale::whole).context("the thinking before the story failed")?.told;
        match told.stop {
            StopReason::Interrupted => return Err(Interruption.into()),
            StopReason::Tokens | StopReason::Context => {
                terminal.note(format_args!("the thinking was ended after {} tokens", told.counts.tokens));
            }
            _ => {}
        }
        // Some models open it again, though the prompt has.
        Ok(told.text.strip_prefix(marks.open).map_or(told.text.clone(), str::to_owned))
    }
}
