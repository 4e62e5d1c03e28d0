//! The file of judgements: JSON, a line each, only ever added to.
//!
//! A line is written at once and put on the disk before the next pair is asked. Whatever ends the program, at most the line that was
//! being written is torn; it is taken off when the file is opened again.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use fs4::{FileExt, TryLockError};
use same_file::Handle;
use serde::Deserialize;

use super::judgement::{JUDGEMENT_FORMAT, Judgement};
use crate::files;

/// How every line begins, and so what a torn one may be.
const BEGINNING: &[u8] = b"{\"format\":";

/// No file of judgements has more bytes: those of some hundred thousand.
const LONGEST: u64 = 64 << 20;

/// A file of judgements that this process alone adds to.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    judgements: Vec<Judgement>,
}

/// A line as far as every version of its form has it.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Ledger {
    /// Opens a file of judgements to add to it; one that is missing is made.
    ///
    /// # Errors
    /// There is something else than a file of judgements, which stays as it is; another process adds to it; or the disk fails.
    pub fn open(path: &Path) -> Result<Self> {
        let refusal = || format!("cannot keep judgements in `{}`", path.display());
        let is_new = path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound);
        if !is_new {
            // A pipe or a device would be opened with what follows, and may wait.
            files::open(path).with_context(refusal)?;
        }
        // What is not there is made, and never behind a link that leads nowhere.
        let file = OpenOptions::new().read(true).append(true).create_new(is_new).open(path).with_context(refusal)?;
        match FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("{}: somebody is judging into it\nhint: name another file for each judge", refusal())
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(refusal),
        }
        // Read behind the lock: what another process has added before is no torn line.
        let (judgements, length) = parse(&files::bounded(&file, LONGEST).with_context(refusal)?).with_context(refusal)?;
        mend(&file, length).with_context(refusal)?;
        Ok(Self { path: path.to_owned(), file, judgements })
    }

    /// The judgements in a file.
    ///
    /// # Errors
    /// It cannot be read, or is no file of judgements.
    pub fn read(path: &Path) -> Result<Vec<Judgement>> {
        let refusal = || format!("cannot read the judgements `{}`", path.display());
        Ok(parse(&files::read(path, LONGEST).with_context(refusal)?).with_context(refusal)?.0)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All that stands in it, what was taken back among it.
    #[must_use]
    pub fn judgements(&self) -> &[Judgement] {
        &self.judgements
    }

    /// Adds a judgement, down to the device.
    ///
    /// # Errors
    /// The file has been removed or another one has its name; or the disk fails.
    pub fn keep(&mut self, judgement: Judgement) -> Result<()> {
        let refusal = || format!("cannot keep judgements in `{}`", self.path.display());
        let own = self.file.try_clone().and_then(Handle::from_file);
        let here = Handle::from_path(&self.path).is_ok_and(|here| own.is_ok_and(|own| own == here));
        ensure!(here, "{}: the file was removed, or another one has its name now", refusal());
        let line = serde_json::to_string(&judgement).with_context(refusal)? + "\n";
        self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data()).with_context(refusal)?;
        self.judgements.push(judgement);
        Ok(())
    }
}

/// What is whole of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Length {
    /// Its bytes.
    bytes: u64,
    /// Whether an editor has taken the last line break.
    lacks_end: bool,
}

/// Takes off what is torn, and ends the last line.
fn mend(mut file: &File, length: Length) -> std::io::Result<()> {
    if file.metadata()?.len() > length.bytes {
        file.set_len(length.bytes)?;
    }
    if length.lacks_end { file.write_all(b"\n") } else { Ok(()) }
}

/// The judgements in these bytes, and how much of them is whole: a last line without its end may be torn.
fn parse(bytes: &[u8]) -> Result<(Vec<Judgement>, Length)> {
    let mut judgements = Vec::new();
    let mut whole = Length::default();
    for (at, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let ended = line.ends_with(b"\n");
        match of_line(line.trim_ascii()) {
            Ok(judgement) => judgements.extend(judgement),
            // A disk that lost its power leaves zeros.
            Err(_) if !ended && is_torn(line) => break,
            Err(cause) => bail!("line {}: {cause}", at + 1),
        }
        whole = Length { bytes: whole.bytes + line.len() as u64, lacks_end: !ended };
    }
    Ok((judgements, whole))
}

/// The judgement in a line; none in an empty one.
fn of_line(line: &[u8]) -> Result<Option<Judgement>> {
    if line.is_empty() {
        return Ok(None);
    }
    let none = || anyhow!("it is no judgement\nhint: name a file that judging has written");
    let Head { format } = serde_json::from_slice(line).map_err(|_| none())?;
    if format > JUDGEMENT_FORMAT {
        let hint = "a newer version of afterword wrote it, and reads it";
        bail!("it has the form {format}, and this program reads up to {JUDGEMENT_FORMAT}\nhint: {hint}");
    }
    serde_json::from_slice(line).map(Some).map_err(|_| none())
}

/// Whether these bytes can be the beginning of a line of ours, and zeros.
fn is_torn(line: &[u8]) -> bool {
    let length = line.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let line = &line[..length];
    line.starts_with(BEGINNING) || BEGINNING.starts_with(line)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::judgement::Choice;
    use super::super::judgement::tests::judgement;
    use super::*;

    fn line(choice: Choice) -> String {
        serde_json::to_string(&judgement("ann", "p", "x", "y", choice)).unwrap() + "\n"
    }

    #[test]
    fn a_file_is_gone_on_with_where_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("judgements.jsonl");
        let mut ledger = Ledger::open(&path).unwrap();
        ledger.keep(judgement("ann", "p", "x", "y", Choice::A)).unwrap();
        drop(ledger);
        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.judgements().len(), 1);
        ledger.keep(judgement("ann", "q", "x", "y", Choice::Tie)).unwrap();
        assert_eq!(Ledger::read(&path).unwrap(), ledger.judgements());
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    /// Killed at any byte of a line, or with the power gone.
    #[test]
    fn a_torn_line_is_taken_off_and_no_other_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("judgements.jsonl");
        let (first, second) = (line(Choice::A), line(Choice::B));
        for torn in (0..second.len()).map(|end| second[..end].to_owned()).chain(["\0\0\0".into(), "{\"for\0\0".into()]) {
            fs::write(&path, first.clone() + &torn).unwrap();
            // A line that only lacks its break is whole.
            let whole = if torn.len() + 1 == second.len() { 2 } else { 1 };
            assert_eq!(Ledger::read(&path).unwrap().len(), whole, "{torn:?}");
            Ledger::open(&path).unwrap().keep(judgement("ann", "q", "x", "y", Choice::Tie)).unwrap();
            assert_eq!(Ledger::read(&path).unwrap().len(), whole + 1, "{torn:?}");
        }
    }

    #[test]
    fn what_is_no_file_of_judgements_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.jsonl");
        let newer = line(Choice::A).replace("\"format\":1", "\"format\":9");
        for (text, cause) in [
            ("Once upon a time".to_owned(), "line 1: it is no judgement\nhint: "),
            ("{\"format\":1,\"prompt\":\"a record\"}\n".to_owned(), "line 1: it is no judgement\nhint: "),
            (line(Choice::A) + "\nmy notes\n" + &line(Choice::B), "line 3: it is no judgement\nhint: "),
            (line(Choice::A) + &newer, "line 2: it has the form 9, and this program reads up to 1\nhint: "),
        ] {
            fs::write(&path, &text).unwrap();
            for said in [Ledger::open(&path).map(drop), Ledger::read(&path).map(drop)] {
                let said = format!("{:#}", said.unwrap_err());
                assert!(said.contains(cause), "{said}");
            }
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert!(format!("{:#}", Ledger::open(folder.path()).unwrap_err()).starts_with("cannot keep judgements in "));
        assert!(
            format!("{:#}", Ledger::read(&folder.path().join("none")).unwrap_err()).starts_with("cannot read the judgements")
        );
    }

    #[test]
    fn only_one_process_adds_and_only_to_the_file_that_it_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("judgements.jsonl");
        let mut ledger = Ledger::open(&path).unwrap();
        assert!(format!("{:#}", Ledger::open(&path).unwrap_err()).contains("somebody is judging into it\nhint: "));
        ledger.keep(judgement("ann", "p", "x", "y", Choice::A)).unwrap();
        fs::remove_file(&path).unwrap();
        let said = ledger.keep(judgement("ann", "q", "x", "y", Choice::A)).unwrap_err().to_string();
        assert!(said.contains("was removed"), "{said}");
        fs::write(&path, "").unwrap();
        assert!(ledger.keep(judgement("ann", "q", "x", "y", Choice::A)).is_err());
        assert_eq!(ledger.judgements().len(), 1);
    }
}
