//! One file from a server, whole and with the right checksum, or a beginning of it that the next call goes on from.
//!
//! What is here grows beside its place, under another name, behind a lock. Beside it stands what the server called the file, so that a
//! beginning is gone on with only if the file is still the same: it is written when the beginning is empty, before its first byte. So
//! whatever ends the process, a beginning is of the file that stands beside it, or empty.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use sha2::{Digest, Sha256};

use super::address::Address;
use super::cache::Place;
use super::client::{Answer, Ask, Client, Tries, Trouble};
use super::event::{Anew, Event, Watch};
use super::failure::{Failure, Remedy};
use super::lock::Lock;
use crate::files::{folder, hexadecimal, read_text, replace, sync, words};

/// So many bytes are read and written at a time.
const CHUNK: usize = 1 << 17;

/// So often a file begins again before it is given up.
const MOST_BEGINNINGS: u32 = 6;

/// What is to be brought.
pub(super) struct Goal<'a> {
    /// Its name, for people.
    pub name: &'a str,
    pub address: &'a Address,
    pub size: u64,
    /// Its SHA-256, where that is known.
    pub sum: Option<&'a str>,
    pub place: &'a Place,
    /// Why an answer is not about this file.
    pub check: &'a dyn Fn(&Answer) -> Result<(), Trouble>,
}

impl Goal<'_> {
    /// Whether it is here already.
    fn is_here(&self) -> bool {
        self.place.done.metadata().is_ok_and(|facts| facts.is_file() && facts.len() == self.size)
    }
}

/// Brings a file, and says how many bytes of it came.
///
/// # Errors
/// It cannot be had, or written; its checksum was wrong twice; or it was ended from outside. What is here of it stays, but for what has
/// a wrong checksum.
pub(super) fn bring(client: &Client, goal: &Goal<'_>, watch: &mut Watch<'_>) -> Result<u64> {
    let lock = Lock::take(&goal.place.lock, goal.name, watch)?;
    let came = if goal.is_here() { Ok(0) } else { bring_locked(client, goal, watch) };
    if came.is_ok() {
        // Of a process that was killed right behind the last step.
        let _ = fs::remove_file(&goal.place.etag);
        if !goal.place.keeps_lock {
            lock.vanish();
        }
    }
    came
}

fn bring_locked(client: &Client, goal: &Goal<'_>, watch: &mut Watch<'_>) -> Result<u64> {
    let mut part = Part::open(goal, watch)?;
    let mut tries = Tries::new(client.settings().patience);
    let mut came = 0;
    let mut is_second = false;
    loop {
        while part.length < goal.size {
            let (before, came_before) = (part.length, came);
            if let Err(trouble) = fetch(client, goal, &mut part, &mut came, watch) {
                if part.length > before && came > came_before {
                    tries.hope();
                }
                tries.again(trouble, watch)?;
            }
        }
        let sum = part.sum();
        if goal.sum.is_none_or(|right| right == sum) {
            break;
        }
        if is_second {
            part.remove()?;
            let (right, name) = (goal.sum.unwrap_or_default(), goal.name);
            let what = format!("`{name}` came with a wrong checksum, twice: {sum} and not {right}");
            return Err(Failure::new(what, Remedy::Again).into());
        }
        part.anew(Anew::WrongSum, watch)?;
        is_second = true;
    }
    part.finish()?;
    watch.tell(Event::Whole);
    Ok(came)
}

/// Fetches what is missing, as far as one answer goes.
fn fetch(client: &Client, goal: &Goal<'_>, part: &mut Part<'_>, came: &mut u64, watch: &mut Watch<'_>) -> Result<(), Trouble> {
    watch.ask()?;
    let from = part.length;
    let range = (from > 0).then_some((from, None));
    let if_range = Some(part.etag.as_str()).filter(|etag| from > 0 && !etag.is_empty());
    let answer = client.ask(Ask { address: goal.address, range, if_range })?;
    (goal.check)(&answer)?;
    let site = goal.address.site();
    let etag = answer.header("etag").and_then(strong).unwrap_or_default().to_owned();
    match answer.status {
        206 if from > 0 => {
            let is_changed = !etag.is_empty() && !part.etag.is_empty() && etag != part.etag;
            let is_asked = answer.header("content-range").and_then(content_range) == Some((from, goal.size));
            if is_changed || !is_asked {
                part.anew(if is_changed { Anew::Changed } else { Anew::NoParts }, watch)?;
                return Err(Trouble::passing(format!("`{site}` sent another part than was asked for")));
            }
        }
        200 => {
            check_length(goal, &answer)?;
            if from > 0 {
                part.anew(if etag == part.etag { Anew::NoParts } else { Anew::Changed }, watch)?;
            }
            part.call(&etag)?;
        }
        _ => {
            part.anew(Anew::NoParts, watch)?;
            return Err(Trouble::passing(format!("`{site}` answers {}", answer.status)));
        }
    }
    let mut body = answer.body.into_with_config().limit(u64::MAX).reader();
    let mut chunk = vec![0; CHUNK];
    loop {
        watch.ask()?;
        let broken = |error: io::Error| Trouble::Passing {
            cause: format!("the connection to `{site}` broke: {}", words(&error)),
            wait: None,
        };
        let read = match body.read(&mut chunk) {
            Ok(0) if part.length < goal.size => return Err(Trouble::passing(format!("`{site}` ended before the file did"))),
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(error)),
        };
        if part.length + read as u64 > goal.size {
            return Err(
                Failure::new(format!("`{site}` sends more of `{}` than its {} bytes", goal.name, goal.size), None).into()
            );
        }
        part.add(&chunk[..read])?;
        *came += read as u64;
        watch.tell(Event::Bytes(part.length));
    }
}

/// Asks that a whole file is as long as it was said to be.
fn check_length(goal: &Goal<'_>, answer: &Answer) -> Result<(), Failure> {
    let length = answer.header("content-length").and_then(|length| length.trim().parse::<u64>().ok());
    match length {
        Some(length) if length != goal.size => {
            let (name, size) = (goal.name, goal.size);
            Err(Failure::new(format!("`{name}` is to have {size} bytes, and the server sends {length}"), Remedy::Again))
        }
        _ => Ok(()),
    }
}

/// The first byte and the size of the whole, of `bytes 5-9/10` where it is all the rest.
pub(super) fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, size) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, size): (u64, u64, u64) = (first.parse().ok()?, last.parse().ok()?, size.parse().ok()?);
    (first <= last && last < size).then_some((first, size))
}

/// A name that a server gives a file, if equal names mean equal bytes.
fn strong(etag: &str) -> Option<&str> {
    let etag = etag.trim();
    (etag.starts_with('"') && etag.ends_with('"') && etag.len() > 2 && etag.len() < 512).then_some(etag)
}

/// A beginning of a file, with the checksum of what is here.
struct Part<'a> {
    place: &'a Place,
    file: File,
    length: u64,
    sum: Sha256,
    /// What the server called the file; empty where it gave no name that holds.
    etag: String,
    beginnings: u32,
}

impl<'a> Part<'a> {
    /// What is here of it: nothing, where it cannot be told of what it is.
    fn open(goal: &Goal<'a>, watch: &mut Watch<'_>) -> Result<Self> {
        let place = goal.place;
        let unopened = || format!("cannot write `{}`", place.part.display());
        fs::create_dir_all(folder(&place.part)).map_err(|error| anyhow!("{}", words(&error))).with_context(unopened)?;
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&place.part)
            .map_err(|error| anyhow!("{}", words(&error)))
            .with_context(unopened)?;
        let etag = read_text(&place.etag, 1024).ok();
        let kept = file.metadata()?.len();
        let goes_on = kept <= goal.size && etag.as_ref().is_some_and(|etag| !etag.is_empty() || goal.sum.is_some());
        if !goes_on && kept > 0 {
            file.set_len(0)?;
        }
        let mut part = Self {
            place,
            length: 0,
            sum: Sha256::new(),
            etag: etag.unwrap_or_default(),
            beginnings: 0,
            file: file.try_clone()?,
        };
        let kept = if goes_on { kept } else { 0 };
        watch.tell(Event::Begun { file: goal.name.to_owned(), kept, size: goal.size });
        file.rewind()?;
        let mut chunk = vec![0; CHUNK];
        while part.length < kept {
            watch.ask()?;
            let read = file.read(&mut chunk)?;
            if read == 0 {
                break;
            }
            part.sum.update(&chunk[..read]);
            part.length += read as u64;
        }
        part.file.seek(SeekFrom::Start(part.length))?;
        Ok(part)
    }

    /// Begins from the first byte.
    fn anew(&mut self, why: Anew, watch: &mut Watch<'_>) -> Result<()> {
        self.beginnings += 1;
        if self.beginnings > MOST_BEGINNINGS {
            return Err(Failure::new("the file changes while it is brought", Remedy::Again).into());
        }
        watch.tell(Event::Anew(why));
        self.file.set_len(0).and_then(|()| self.file.rewind()).map_err(|error| self.unwritten(&error))?;
        self.length = 0;
        self.sum = Sha256::new();
        Ok(())
    }

    /// Notes what the server calls the file whose first byte comes next.
    fn call(&mut self, etag: &str) -> Result<()> {
        etag.clone_into(&mut self.etag);
        replace(&self.place.etag, etag.as_bytes()).map_err(|error| self.unwritten(&error))
    }

    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| self.unwritten(&error))?;
        self.sum.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn sum(&self) -> String {
        hexadecimal(&self.sum.clone().finalize())
    }

    /// Gives the whole file its name.
    fn finish(&self) -> Result<()> {
        let Place { done, part, .. } = self.place;
        let finish = || {
            self.file.sync_all()?;
            fs::rename(part, done)?;
            sync(folder(done))
        };
        finish().map_err(|error: io::Error| anyhow!("cannot write `{}`: {}", done.display(), words(&error)))
    }

    /// Takes it away.
    fn remove(&self) -> Result<()> {
        let remove = |path: &Path| match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.unwritten(&error)),
            _ => Ok(()),
        };
        remove(&self.place.part).and_then(|()| remove(&self.place.etag))
    }

    fn unwritten(&self, error: &io::Error) -> anyhow::Error {
        anyhow!("cannot write `{}`: {}", self.place.part.display(), words(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_tells_where_it_begins_and_how_long_the_whole_is() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, 10)));
        for other in ["bytes 5-9/*", "bytes */10", "bytes 9-5/10", "bytes 5-10/10", "5-9/10", "bytes 5-9", ""] {
            assert_eq!(content_range(other), None, "{other}");
        }
    }

    #[test]
    fn only_a_strong_name_means_equal_bytes() {
        assert_eq!(strong(" \"abc\" "), Some("\"abc\""));
        for other in ["W/\"abc\"", "abc", "\"\"", "\""] {
            assert_eq!(strong(other), None);
        }
    }
}
