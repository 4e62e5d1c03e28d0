//! The files of a run that are read: no output takes the place of one, under whatever name it comes.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::Path;

use same_file::Handle;

use super::read::open;

/// What a file is, whatever its names are: numbers of its device and on it, or where there are none the open file.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = std::sync::Arc<Handle>;

/// Files that are read, each with its part in the run.
#[derive(Debug, Clone, Default)]
pub struct Inputs(Vec<(Identity, Cow<'static, str>)>);

impl Inputs {
    /// Standard input, and the files that the other two streams go to: `< story.txt > story.txt` names files too.
    #[must_use]
    pub fn streams() -> Self {
        let mut inputs = Self::default();
        for (handle, role) in [
            (Handle::stdin(), "read from standard input"),
            (Handle::stdout(), "where standard output goes"),
            (Handle::stderr(), "where standard error goes"),
        ] {
            inputs.take(handle, role.into());
        }
        inputs
    }

    /// Adds a file; `role` stands behind "it is", such as `the model`. What is no ordinary file, or cannot be read, is no input.
    #[must_use]
    pub fn with(mut self, path: &Path, role: impl Into<Cow<'static, str>>) -> Self {
        self.take(open(path).and_then(Handle::from_file), role.into());
        self
    }

    /// The part of a file in the run, if it has one.
    pub(super) fn role(&self, file: File) -> io::Result<Option<&str>> {
        let file = identity(Handle::from_file(file)?);
        Ok(self.0.iter().find(|(input, _)| *input == file).map(|(_, role)| &**role))
    }

    fn take(&mut self, handle: io::Result<Handle>, role: Cow<'static, str>) {
        // Terminals, pipes and devices may be read and written at once.
        let file = handle.ok().filter(|handle| handle.as_file().metadata().is_ok_and(|facts| facts.is_file()));
        self.0.extend(file.map(|handle| (identity(handle), role)));
    }
}

#[cfg(unix)]
#[allow(clippy::needless_pass_by_value, reason = "elsewhere the open file is what it is")]
fn identity(handle: Handle) -> Identity {
    (handle.dev(), handle.ino())
}

#[cfg(not(unix))]
fn identity(handle: Handle) -> Identity {
    std::sync::Arc::new(handle)
}
