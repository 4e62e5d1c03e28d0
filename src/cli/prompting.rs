//! A prompt is put to the model, and what was decided on the way is said.

use anyhow::Result;

use crate::cli::args::{PromptArgs, Think};
use crate::cli::interrupt::{deaf, interruption};
use crate::cli::prompt;
use crate::cli::render::notes::words;
use crate::cli::render::progress::Progress;
use crate::cli::render::sheet::Sheet;
use crate::cli::render::terminal::{DIM, Terminal};
use crate::decode::Counts;
use crate::engine::{Engine, Occasion, Prompt, PromptObserver, PromptSpec};

/// Puts a prompt to the model as the arguments ask for it, and says what was decided. A model that is to think thinks here, under
/// this seed, and leaves room for so many tokens of a story.
pub fn put(
    engine: &Engine,
    prompt: prompt::TypedPrompt,
    args: &PromptArgs,
    seed: u64,
    max_tokens: usize,
    terminal: &Terminal,
) -> Result<Prompt> {
    let spec = args.spec(prompt.text, prompt.typed);
    let shows = args.think == Some(Think::Show);
    let prompt = quietly(engine, &spec, seed, max_tokens, shows, terminal)?;
    for note in &prompt.notes {
        terminal.note(words(note));
    }
    Ok(prompt)
}

/// The same, with nothing said of what was decided.
pub fn quietly(
    engine: &Engine,
    spec: &PromptSpec,
    seed: u64,
    max_tokens: usize,
    shows: bool,
    terminal: &Terminal,
) -> Result<Prompt> {
    let occasion = Occasion { now: chrono::Local::now().naive_local(), seed, max_tokens };
    let mut overhears = Overhears { terminal, shows, progress: None, aside: None };
    engine.prompt(spec, occasion, &mut overhears, interruption())
}

/// Shows what a model thinks, or that it does.
struct Overhears<'t> {
    terminal: &'t Terminal,
    shows: bool,
    progress: Option<Progress>,
    aside: Option<Sheet>,
}

impl PromptObserver for Overhears<'_> {
    fn tokenizing(&mut self, is: bool) {
        deaf(is);
    }

    fn thinks(&mut self, max_tokens: usize) {
        self.progress = Some(if self.shows {
            Progress::telling(self.terminal, max_tokens)
        } else {
            Progress::telling_apart(self.terminal, "thinking", max_tokens)
        });
        self.aside = self.shows.then(|| self.terminal.aside());
    }

    fn thought(&mut self, text: &str, counts: Counts) {
        let Some(progress) = &self.progress else { return };
        progress.told(counts);
        if let Some(aside) = self.aside.as_mut().filter(|_| !text.is_empty()) {
            progress.clear();
            // As with a note: nobody is left to be told that this failed.
            let _ = aside.say(DIM, text);
        }
    }

    fn thought_through(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.clear();
        }
        if let Some(mut aside) = self.aside.take() {
            let _ = aside.say(DIM, "\n").and_then(|()| aside.end_line());
        }
    }
}
