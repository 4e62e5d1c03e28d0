//! Prompts that were read before: what a command that tells stories has of the cache, and what it says of that.

use crate::cli::args::KeepingArgs;
use crate::cli::render::figures::grouped;
use crate::cli::render::notes::words;
use crate::cli::render::terminal::Terminal;
use crate::decode::Stories;
use crate::engine::{Engine, States};
use crate::files::causes;
use crate::model::SessionSettings;

/// What is kept of prompts, for stories behind one of them.
pub struct Remembered {
    states: Option<States>,
    /// The tokens of the prompt.
    prompt: usize,
}

impl Remembered {
    /// What this engine keeps for stories behind a prompt of so many tokens, in a memory with these settings, if it is to keep any.
    pub fn of(engine: &Engine, settings: &SessionSettings, prompt: usize, keeping: KeepingArgs, terminal: &Terminal) -> Self {
        let states = if keeping.no_cache { Ok(None) } else { engine.states(settings, prompt) };
        let states = states.unwrap_or_else(|error| {
            terminal.note(format_args!("the prompt is read afresh, and not kept: {}", causes(&error)));
            None
        });
        Self { states, prompt }
    }

    /// Stories that begin behind it.
    pub fn in_mind<'m>(&'m mut self, stories: Stories<'m>) -> Stories<'m> {
        match &mut self.states {
            Some(states) => stories.remembering(states),
            None => stories,
        }
    }

    /// Waits until it is kept, and says how much need not be read, and what could not be used or kept.
    pub fn tell(self, terminal: &Terminal) {
        let Some(states) = self.states else { return };
        match (states.taken(), self.prompt) {
            (0, _) => {}
            (taken, prompt) if taken == prompt => {
                terminal.note(format_args!("all {} tokens of the prompt were in the cache", grouped(prompt)));
            }
            (taken, prompt) => {
                let (taken, prompt) = (grouped(taken), grouped(prompt));
                terminal.note(format_args!("{taken} of {prompt} tokens of the prompt were in the cache"));
            }
        }
        for note in states.finish() {
            terminal.note(words(&note));
        }
    }
}
