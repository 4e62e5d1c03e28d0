//! A writer's chapter on the command line: opened, shown to the model as far as it fits, and added to.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use crate::cli::args::PromptArgs;
use crate::cli::prompt::TypedPrompt;
use crate::cli::prompting::put;
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::journals;
use crate::cli::usage::Usage;
use crate::decode::{Completion, Continuation};
use crate::engine::{Engine, Prompt, StoryRequest};
use crate::files;
use crate::manuscript::Manuscript;
use crate::story::StopReason;
use crate::text::{decode, no_nul, some, whole_words};

/// The longest notes that are read, in bytes.
const LONGEST_NOTES: u64 = 16 << 20;

/// A file that is told on, and what the model reads before it.
#[derive(Debug)]
pub struct Chapter {
    pub manuscript: Manuscript,
    notes: String,
}

impl Chapter {
    /// Opens a file to add to it. Where no notes are named, those of its front matter are read.
    pub fn open(path: &Path, with: &[PathBuf], terminal: &Terminal) -> Result<Self> {
        if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            let hint = "write its first words yourself, in any editor";
            return Err(anyhow!("cannot add to `{}`: no such file or directory\nhint: {hint}", path.display()));
        }
        let journals = journals();
        if journals.is_none() {
            terminal.note("there is no home folder to keep a journal in: what is added cannot be taken back");
        }
        let manuscript = Manuscript::open(path, journals.as_deref())?;
        if let Some(place) = manuscript.behind_link() {
            terminal.note(format_args!("`{}` is a link: added to is `{}`", path.display(), place.display()));
        }
        let own = manuscript.front_matter().notes;
        let notes = if with.is_empty() { &own } else { with };
        let notes = notes.iter().map(|path| read_notes(path)).collect::<Result<Vec<_>>>()?;
        Ok(Self { notes: notes.iter().map(|notes| notes.trim_end()).collect::<Vec<_>>().join("\n\n"), manuscript })
    }

    /// The seed that its first lines name.
    pub fn seed(&self) -> Option<u64> {
        self.manuscript.front_matter().seed
    }

    /// Puts as much of it to the model as fits beside the story that is asked for. The story goes on with the clock of what was told
    /// there since the writer last wrote.
    pub fn put(
        &self,
        engine: &Engine,
        request: &StoryRequest,
        asking: &PromptArgs,
        terminal: &Terminal,
    ) -> Result<(Prompt, Continuation)> {
        let (text, path) = (self.manuscript.text(), self.manuscript.path().display());
        if text.trim().is_empty() && self.notes.trim().is_empty() {
            return Err(Usage(format!("`{path}` has no text to go on from\nhint: give the story a first word")).into());
        }
        let most = request.most_tokens();
        let seen = engine.seen(&self.notes, text, most)?;
        if !seen.left_out.trim().is_empty() {
            let words = some(seen.left_out.split_whitespace().count(), "word");
            let what = if self.notes.is_empty() { "its beginning and its end" } else { "the notes and its end" };
            terminal.note(format_args!("`{path}` is longer than the context: the model sees {what}, and not {words} between"));
        }
        let prompt = put(engine, TypedPrompt { text: seen.text, typed: false }, asking, request.seed, most, terminal)?;
        let told = self.manuscript.told().min(seen.end).saturating_sub(prompt.healed.len());
        let told = engine.tokens_of_end(&prompt.tokens, told);
        Ok((prompt, Continuation { told, before_heal: told, ..Continuation::default() }))
    }

    /// What stands right before the story: the last paragraph.
    pub fn lead(&self) -> &str {
        last_paragraph(self.manuscript.text())
    }

    /// What stands right before a piece at its end.
    pub fn lead_before(&self, piece: &str) -> &str {
        let text = self.manuscript.text();
        last_paragraph(text.strip_suffix(piece).unwrap_or(text))
    }

    /// What is kept of a story: all of it, and of one that broke off whole words.
    pub fn kept(told: &Completion) -> &str {
        match told.stop {
            StopReason::Interrupted | StopReason::Failed(_) => whole_words(&told.text),
            _ => &told.text,
        }
    }

    /// Adds what is kept of a story.
    pub fn add(&mut self, told: &Completion, terminal: &Terminal) -> Result<()> {
        self.add_text(Self::kept(told), terminal).map(drop)
    }

    /// Adds a text; whether there was any.
    pub fn add_text(&mut self, text: &str, terminal: &Terminal) -> Result<bool> {
        let path = self.manuscript.path().to_owned();
        if text.is_empty() {
            terminal.note(format_args!("nothing was added to `{}`", path.display()));
            return Ok(false);
        }
        self.manuscript.append(text)?;
        let words = some(text.split_whitespace().count(), "word");
        terminal.note(format_args!("added {words} to `{}`", path.display()));
        Ok(true)
    }
}

/// The last paragraph of a text, with the blank lines behind it.
fn last_paragraph(text: &str) -> &str {
    let end = text.trim_end().len();
    text[..end].rfind("\n\n").map_or(text, |at| &text[at + 2..])
}

/// Notes in a file.
fn read_notes(path: &Path) -> Result<String> {
    let deed = || format!("cannot read the notes `{}`", path.display());
    let bytes = files::read(path, LONGEST_NOTES).with_context(deed)?;
    let text = decode(bytes).map_err(|found| anyhow!("{}: it is {found}", deed()))?;
    no_nul("it", &text).map_err(|found| anyhow!("{}: {found}", deed()))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_paragraph_has_the_blank_lines_behind_it() {
        for (text, last) in [
            ("", ""),
            ("One.", "One."),
            ("One.\n\nTwo.\nThree.", "Two.\nThree."),
            ("One.\n\nTwo.\n\n", "Two.\n\n"),
            ("One.\n\n\n", "One.\n\n\n"),
        ] {
            assert_eq!(last_paragraph(text), last);
        }
    }
}
