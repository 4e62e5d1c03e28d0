//! What is to be brought: which files, what is here of them, and what the model is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::address::Address;
use super::cache::{Cache, Place, Repository};
use super::choose::{Offer, Why, choose};
use super::client::Client;
use super::failure::{Failure, Remedy};
use super::name::{Name, Pick, Wanted, check_path};
use crate::catalog::{ModelCard, part_of};
use crate::files::{open, sha256};

/// A hub, the net around it, and where what comes from there is kept.
#[derive(Debug, Clone)]
pub struct Hub {
    /// Whoever asks.
    pub client: Client,
    /// For what comes from repositories.
    pub cache: Cache,
    /// The folder for what comes from other addresses.
    pub addresses: PathBuf,
    /// How many bytes are free where this folder is.
    pub free: fn(&Path) -> io::Result<u64>,
}

/// Where files are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Kept {
    /// Where other programs find them, and each once.
    #[default]
    Cache,
    /// In this folder, under their own names.
    Folder(PathBuf),
}

/// A model that is to be brought.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What was asked for.
    pub wanted: Wanted,
    /// The revision and its commit; `None` of an address.
    pub revision: Option<(String, String)>,
    /// Why these files.
    pub why: Why,
    /// Others that were meant as much.
    pub others: Vec<String>,
    /// Its files in their order.
    pub files: Vec<Planned>,
    /// What it says of itself.
    pub card: ModelCard,
    /// Where in the cache it has its names; `None` where it lies in a folder.
    pub(super) repository: Option<Repository>,
}

/// A file of it.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Its path within the repository, or its name.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// Its SHA-256, where that is known.
    pub sum: Option<String>,
    /// Its name here, when it is whole.
    pub file: PathBuf,
    /// Bytes that are here.
    pub here: u64,
    /// Where it is on the net; `None` where nobody was asked.
    pub(super) address: Option<Address>,
    pub(super) place: Place,
    /// What the hub calls it.
    pub(super) oid: String,
}

impl Planned {
    /// Whether all of it is here.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.here == self.size && self.place.done.exists()
    }
}

impl Plan {
    /// All bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// The bytes that are not here.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.files.iter().map(|file| file.size.saturating_sub(file.here)).sum()
    }

    /// Whether nothing has to be brought.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.files.iter().all(|file| file.is_here() && file.file.exists())
    }

    /// The name of its first file here, by which it is opened.
    #[must_use]
    pub fn file(&self) -> &Path {
        self.files.first().map_or(Path::new(""), |file| &file.file)
    }
}

impl Hub {
    /// What is here of what is wanted, and nobody is asked; `None` where it is not all here.
    ///
    /// # Errors
    /// Its header cannot be read.
    pub fn here(&self, wanted: &Wanted, kept: &Kept) -> Result<Option<Plan>> {
        match (wanted, kept) {
            (Wanted::Repository(name), Kept::Cache) => self.in_cache(name),
            (Wanted::Repository(name), Kept::Folder(folder)) => in_folder(wanted, name, folder),
            (Wanted::Address(address), kept) => {
                let folder = self.folder(address, kept)?;
                let planned = |(name, _): &(String, Address)| {
                    let file = folder.join(name);
                    let size = fs::metadata(&file).ok()?.len();
                    Some(alone(name.clone(), file, size, None, None))
                };
                let Some(files) = names(address)?.iter().map(planned).collect() else { return Ok(None) };
                local(wanted.clone(), None, Why::File, Vec::new(), files, None).map(Some)
            }
        }
    }

    /// As [`Hub::here`], where nobody may be asked.
    ///
    /// # Errors
    /// It is not here.
    pub fn offline(&self, wanted: &Wanted, kept: &Kept) -> Result<Plan> {
        let missing = || Failure::new(format!("`{wanted}` is not here, and nobody is asked for it"), Remedy::Online);
        Ok(self.here(wanted, kept)?.ok_or_else(missing)?)
    }

    fn in_cache(&self, name: &Name) -> Result<Option<Plan>> {
        let repository = self.cache.repository(name);
        let Some((revision, commit)) = repository.commit(name.revision.as_deref()) else { return Ok(None) };
        let offers = repository.offers(&commit);
        let Ok(choice) = choose(&offers, &name.pick) else { return Ok(None) };
        let planned = |&at: &usize| {
            let Offer { path, size } = &offers[at];
            alone(path.clone(), repository.snapshot(&commit, path), *size, None, None)
        };
        let files = choice.model.files.iter().map(planned).collect();
        let revision = Some((revision, commit));
        local(Wanted::Repository(name.clone()), revision, choice.why, choice.others, files, Some(repository.clone())).map(Some)
    }

    /// Where the file at an address is kept: files of the same name from elsewhere are in other folders.
    pub(super) fn folder(&self, address: &Address, kept: &Kept) -> Result<PathBuf> {
        if let Kept::Folder(folder) = kept {
            return Ok(folder.clone());
        }
        let path = address.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        let whole = format!("{}{}", address.site(), path);
        let plain: String = whole.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("--");
        let name: String =
            plain.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
        if name == plain && name.len() <= 120 {
            return Ok(self.addresses.join(name));
        }
        let sum = sha256(whole.as_bytes())?;
        let short: String = name.chars().take(100).collect();
        Ok(self.addresses.join(format!("{short}-{}", &sum[..12])))
    }
}

/// Asks of a folder of somebody's own that nothing else has the names that come there.
pub(super) fn check_folder(files: &[Planned], kept: &Kept) -> Result<()> {
    if matches!(kept, Kept::Cache) {
        return Ok(());
    }
    for file in files {
        let Ok(facts) = file.place.done.symlink_metadata() else { continue };
        let has_size = facts.is_file() && facts.len() == file.size;
        let is_it = match &file.sum {
            Some(sum) if has_size => *sum == sha256(open(&file.place.done)?)?,
            _ => has_size,
        };
        if !is_it {
            let path = file.file.display();
            return Err(Failure::new(format!("there is another file `{path}`, and it stays"), Remedy::AnotherFolder).into());
        }
    }
    Ok(())
}

/// How many bytes are here of a file.
pub(super) fn here(place: &Place, size: u64) -> u64 {
    let length = |path: &Path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|facts| facts.len());
    match length(&place.done) {
        Some(done) if done == size => size,
        _ if place.etag.exists() => length(&place.part).unwrap_or(0).min(size),
        _ => 0,
    }
}

/// A file that is kept by itself.
pub(super) fn alone(path: String, file: PathBuf, size: u64, sum: Option<String>, address: Option<Address>) -> Planned {
    let place = Place::of(file.clone());
    Planned { here: here(&place, size), path, size, sum, file, address, place, oid: String::new() }
}

/// What is all here.
fn local(
    wanted: Wanted,
    revision: Option<(String, String)>,
    why: Why,
    others: Vec<String>,
    files: Vec<Planned>,
    repository: Option<Repository>,
) -> Result<Plan> {
    let first = files.first().context("it has no file")?;
    let card = ModelCard::read(&first.file)?;
    Ok(Plan { wanted, revision, why, others, files, card, repository })
}

/// A model of a repository that was brought into a folder.
fn in_folder(wanted: &Wanted, name: &Name, folder: &Path) -> Result<Option<Plan>> {
    let Pick::File(path) = &name.pick else { return Ok(None) };
    let file = folder.join(path);
    let Some(size) = fs::metadata(&file).ok().map(|facts| facts.len()) else { return Ok(None) };
    local(wanted.clone(), None, Why::File, Vec::new(), vec![alone(path.clone(), file, size, None, None)], None).map(Some)
}

/// The files that an address stands for: all parts, where it names one of several.
pub(super) fn names(address: &Address) -> Result<Vec<(String, Address)>> {
    let last = address.path().rsplit('/').next().unwrap_or_default();
    let decoded = |name: &str| percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned();
    let name = decoded(last);
    if name.contains('/') || check_path(&name).is_err() {
        return Err(Failure::new(format!("`{}` names no file", address.site()), Remedy::NameIt).into());
    }
    let Some(part) = part_of(last) else { return Ok(vec![(name, address.clone())]) };
    let of = |number| (decoded(&part.of(number)), address.beside(&part.of(number)));
    Ok((1..=part.count).map(of).collect())
}
