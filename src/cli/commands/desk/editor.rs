//! The person's own editor.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

/// Opens a file in the editor that the person has named, and waits for it.
pub fn open_editor(path: &Path) -> Result<()> {
    let named =
        ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.trim().is_empty());
    let Some(named) = named else { bail!("no editor is named\nhint: set EDITOR, as in `export EDITOR=nano`") };
    let mut words = shlex::split(&named).ok_or_else(|| anyhow!("EDITOR is `{named}`, which is no command"))?.into_iter();
    let program = words.next().unwrap_or_default();
    let mut editor = Command::new(&program);
    editor.args(words).arg(path).stdin(Stdio::inherit());
    let status = editor.status().with_context(|| format!("cannot start the editor `{program}`"))?;
    if !status.success() {
        bail!("the editor `{program}` ended with an error: what it saved is read");
    }
    Ok(())
}
