//! The folder in which drafts are kept, each with its record.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cli::usage::Usage;
use crate::files::{self, Form, Inputs, Output, left_behind};
use crate::model::MOST_BRANCHES;
use crate::story::Record;

/// The folder in which drafts are kept.
#[derive(Debug)]
pub struct Kept {
    folder: PathBuf,
    /// What no draft may take the place of.
    inputs: Inputs,
}

impl Kept {
    /// Makes the folder, unless a file stands in it that one of so many drafts would take the place of. A draft that an earlier
    /// process had written to its end and not yet named gets its name.
    pub fn new(folder: PathBuf, drafts: NonZeroUsize, inputs: Inputs) -> Result<Self> {
        if folder == Path::new("-") {
            let hint = "without `--out` drafts are printed";
            return Err(Usage(format!("`--out -` cannot be standard output: it is the name of a folder\nhint: {hint}")).into());
        }
        let kept = Self { folder, inputs };
        kept.finish_what_was_begun();
        // No more drafts than branches are ever told.
        for number in 1..=drafts.get().min(MOST_BRANCHES) {
            for path in [kept.path(number, "txt"), kept.path(number, "json")] {
                if path.symlink_metadata().is_ok() {
                    let path = path.display();
                    bail!(
                        "cannot keep a draft as `{path}`: there is such a file already, and it stays\nhint: choose another folder"
                    );
                }
            }
        }
        let folder = &kept.folder;
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        kept.output(1, "txt", Form::TEXT)?;
        Ok(kept)
    }

    pub fn path(&self, number: usize, extension: &str) -> PathBuf {
        self.folder.join(format!("draft-{number}.{extension}"))
    }

    pub fn output(&self, number: usize, extension: &str, form: Form) -> Result<Output> {
        Output::new(self.path(number, extension), form, &self.inputs)
    }

    /// A process that was killed between the names of a text and its record has left the record whole, under no name.
    fn finish_what_was_begun(&self) {
        for path in left_behind(&self.folder) {
            let Ok(record) = Record::read(&path) else { continue };
            let number = record.draft.map_or(1, |draft| draft.number);
            let (text, place) = (self.path(number, "txt"), self.path(number, "json"));
            let told =
                files::read_text(&text, Record::LONGEST).is_ok_and(|told| told.trim_end().ends_with(record.text.trim_end()));
            if told && place.symlink_metadata().is_err() {
                // Whatever keeps it from that name, the text is there.
                let _ = fs::rename(&path, &place);
            }
        }
    }
}
