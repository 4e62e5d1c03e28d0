//! The header of a model that is still on a server: as much of the file is fetched as its header takes.

use std::io::{self, Read, Seek, SeekFrom};

use anyhow::{Context, Result};

use super::address::Address;
use super::client::{Answer, Ask, Client, Trouble};
use super::download::content_range;
use super::event::Watch;
use super::failure::Failure;
use crate::catalog::Header;

/// So much is fetched first; then as much again as is here.
const FIRST: u64 = 1 << 20;

/// Why an answer is not about the file that was asked for.
pub(super) type Check<'c> = &'c dyn Fn(&Answer) -> Result<(), Trouble>;

/// The header of a file of so many bytes.
///
/// # Errors
/// It cannot be had, or is none.
pub(super) fn header(client: &Client, address: &Address, size: u64, check: Check<'_>, watch: &mut Watch<'_>) -> Result<Header> {
    let mut peek = Peek { client, address, size, check, watch, here: Vec::new(), at: 0, trouble: None };
    let header = Header::parse(&mut peek, size);
    match peek.trouble {
        Some(trouble) => Err(trouble),
        None => header.with_context(|| format!("cannot read the model at `{}`", address.site())),
    }
}

/// A file on a server that is read from its beginning.
struct Peek<'p, 'w> {
    client: &'p Client,
    address: &'p Address,
    size: u64,
    check: Check<'p>,
    watch: &'p mut Watch<'w>,
    /// What is here of it.
    here: Vec<u8>,
    at: u64,
    /// Why nothing more came.
    trouble: Option<anyhow::Error>,
}

impl Peek<'_, '_> {
    /// Fetches the next bytes.
    fn more(&mut self) -> Result<()> {
        let from = self.here.len() as u64;
        let until = from.saturating_add(from.max(FIRST)).min(self.size);
        let Self { client, address, size, check, here, .. } = self;
        let (size, check) = (*size, *check);
        let whole = client.patiently(self.watch, |client| {
            let answer = client.ask(Ask { address, range: Some((from, Some(until - 1))), if_range: None })?;
            check(&answer)?;
            let begins = match answer.status {
                206 if answer.header("content-range").and_then(content_range) == Some((from, size)) => from,
                200 => 0,
                _ => {
                    return Err(Failure::new(format!("`{}` sent another part than was asked for", address.site()), None).into());
                }
            };
            let mut bytes = Vec::new();
            let mut body = answer.body.into_with_config().limit(u64::MAX).reader().take(until - begins);
            let read = body.read_to_end(&mut bytes);
            if read.is_err() || bytes.len() as u64 != until - begins {
                return Err(Trouble::passing(format!("`{}` ended before the file did", address.site())));
            }
            Ok(if begins == 0 { bytes } else { [here.as_slice(), &bytes].concat() })
        })?;
        self.here = whole;
        Ok(())
    }
}

impl Read for Peek<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.here.len() as u64 && (self.here.len() as u64) < self.size {
            if let Err(trouble) = self.more() {
                self.trouble = Some(trouble);
                return Err(io::Error::other("it is not here"));
            }
        }
        let mut rest = usize::try_from(self.at).ok().and_then(|at| self.here.get(at..)).unwrap_or_default();
        let read = rest.read(into)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Peek<'_, '_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
