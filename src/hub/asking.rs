//! Asking which files a model has, how long they are, and what their headers say.

use anyhow::{Context, Result};

use super::address::Address;
use super::cache::Place;
use super::choose::{Choice, Offer, Why, choose};
use super::client::{Answer, Ask, Client, Trouble, refused};
use super::download::content_range;
use super::event::{Event, Watch};
use super::failure::{Failure, Remedy};
use super::listing::{self, Listed};
use super::name::{Name, Wanted};
use super::peek;
use super::plan::{Hub, Kept, Plan, Planned, alone, check_folder, here, names};
use crate::catalog::{Header, ModelCard};

impl Hub {
    /// What is to be done for what is wanted: the hub is asked which files, and what their headers say. Where nobody can be reached and all
    /// is here, it is what is here.
    ///
    /// # Errors
    /// A [`Failure`], or what is wrong with the model.
    pub fn plan(&self, wanted: &Wanted, kept: &Kept, watch: &mut Watch<'_>) -> Result<Plan> {
        let here = self.here(wanted, kept).ok().flatten();
        // Who has it need not wait long for an answer.
        let client = if here.is_some() { self.client.hasty() } else { self.client.clone() };
        let planned = match wanted {
            Wanted::Repository(name) => self.of_repository(&client, name, kept, watch),
            Wanted::Address(address) => self.of_address(&client, address, kept, watch),
        };
        match (planned, here) {
            (Err(error), Some(here)) if error.downcast_ref::<Failure>().is_some_and(|failure| failure.is_passing) => {
                watch.tell(Event::Unreachable(error.to_string()));
                Ok(here)
            }
            (planned, _) => planned,
        }
    }

    fn of_repository(&self, client: &Client, name: &Name, kept: &Kept, watch: &mut Watch<'_>) -> Result<Plan> {
        let (revision, commit) = listing::revision(client, name, watch)?;
        let listed = listing::files(client, name, &commit, watch)?;
        let offers: Vec<Offer> = listed.iter().map(|one| Offer { path: one.path.clone(), size: one.size }).collect();
        let chosen = choose(&offers, &name.pick).map_err(|failure| in_repository(&failure, name));
        let Choice { model, why, others } = chosen?;
        let repository = self.cache.repository(name);
        let planned = |&at: &usize| {
            let Listed { path, size, oid, is_sum } = &listed[at];
            let (file, place) = match kept {
                Kept::Cache => (repository.snapshot(&commit, path), repository.place(oid)),
                Kept::Folder(folder) => (folder.join(path), Place::of(folder.join(path))),
            };
            let endpoint = &client.settings().endpoint;
            let address =
                endpoint.below([&*name.user, &name.repository, "resolve", &commit].into_iter().chain(path.split('/')));
            let here = here(&place, *size);
            let sum = is_sum.then(|| oid.clone());
            Planned { path: path.clone(), size: *size, sum, file, here, address: Some(address), place, oid: oid.clone() }
        };
        let files: Vec<Planned> = model.files.iter().map(planned).collect();
        check_folder(&files, kept)?;
        Ok(Plan {
            card: card(client, &files, &|file| check(client, name, &commit, file), watch)?,
            wanted: Wanted::Repository(name.clone()),
            revision: Some((revision, commit.clone())),
            why,
            others,
            files,
            repository: matches!(kept, Kept::Cache).then_some(repository),
        })
    }

    fn of_address(&self, client: &Client, address: &Address, kept: &Kept, watch: &mut Watch<'_>) -> Result<Plan> {
        let folder = self.folder(address, kept)?;
        watch.tell(Event::Asking(address.site()));
        let mut files = Vec::new();
        for (name, address) in names(address)? {
            let (size, sum) = facts(client, &address, watch)?;
            files.push(alone(name.clone(), folder.join(&name), size, sum, Some(address)));
        }
        check_folder(&files, kept)?;
        let check = |_: &Planned| Box::new(|answer: &Answer| found(address, answer)) as Checks<'_>;
        let card = card(client, &files, &check, watch)?;
        let (wanted, why) = (Wanted::Address(address.clone()), Why::File);
        Ok(Plan { wanted, revision: None, why, others: Vec::new(), files, card, repository: None })
    }
}

/// A failure of the choice, with the repository that it was made in.
fn in_repository(failure: &Failure, name: &Name) -> Failure {
    let place = name.place();
    let words = failure.to_string();
    let words = words.strip_prefix("it ").map_or_else(|| format!("`{place}`: {words}"), |rest| format!("`{place}` {rest}"));
    Failure::new(words, failure.remedy.clone())
}

type Checks<'c> = Box<dyn Fn(&Answer) -> Result<(), Trouble> + 'c>;

/// What the model of these files says of itself; what is here is read here.
fn card<'c>(
    client: &Client,
    files: &[Planned],
    check: &dyn Fn(&Planned) -> Checks<'c>,
    watch: &mut Watch<'_>,
) -> Result<ModelCard> {
    let mut headers = Vec::new();
    for file in files {
        headers.push(match &file.address {
            Some(address) if !file.is_here() => peek::header(client, address, file.size, &*check(file), watch)?,
            _ => Header::read(&file.place.done).with_context(|| format!("cannot read the model `{}`", file.file.display()))?,
        });
    }
    let first = files.first().context("it has no file")?;
    ModelCard::of(&first.file, &headers).with_context(|| format!("`{}` is no model", first.path))
}

/// Whether an answer is about this file of a commit.
pub(super) fn check<'c>(client: &'c Client, name: &'c Name, commit: &str, file: &Planned) -> Checks<'c> {
    let (commit, oid, size, path) = (commit.to_owned(), file.oid.clone(), file.size, file.path.clone());
    Box::new(move |answer| {
        let endpoint = client.settings().endpoint.site();
        listing::check(client, answer, &endpoint, name, &format!("there is no file `{path}` in it"))?;
        let quoted = |text: &str| text.trim_start_matches("W/").trim_matches('"').to_lowercase();
        let differs = |header: &str, right: &str| answer.first(header).is_some_and(|said| quoted(said) != right);
        if differs("x-linked-etag", &oid) || differs("x-linked-size", &size.to_string()) || differs("x-repo-commit", &commit) {
            return Err(Failure::new(format!("`{endpoint}` gives out another `{path}` than it lists"), Remedy::Again).into());
        }
        Ok(())
    })
}

/// Whether a server has the file at an address.
pub(super) fn found(address: &Address, answer: &Answer) -> Result<(), Trouble> {
    let site = address.site();
    if let Some(trouble) = refused(answer, &site) {
        return Err(trouble);
    }
    match answer.status {
        401 | 403 => Err(Failure::new(format!("`{site}` does not give it out: it answers {}", answer.status), None).into()),
        404 => Err(Failure::new(format!("`{site}` has no such file"), None).into()),
        _ => Ok(()),
    }
}

/// Size and checksum of the file at an address, as far as the server tells.
fn facts(client: &Client, address: &Address, watch: &mut Watch<'_>) -> Result<(u64, Option<String>)> {
    client.patiently(watch, |client| {
        let answer = client.ask(Ask { address, range: Some((0, Some(0))), if_range: None })?;
        found(address, &answer)?;
        let size = match answer.status {
            206 => answer.header("content-range").and_then(content_range).map(|(_, size)| size),
            200 => answer.header("content-length").and_then(|length| length.trim().parse().ok()),
            _ => Some(0),
        };
        let sum = answer.first("x-linked-etag").map(|etag| etag.trim_matches('"').to_lowercase());
        let sum = sum.filter(|sum| sum.len() == 64 && sum.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let refused = |cause: &str| Trouble::from(Failure::new(format!("`{}` {cause}", address.site()), None));
        match size {
            None => Err(refused("does not say how long the file is")),
            Some(0) => Err(refused("has an empty file there")),
            Some(size) => Ok((size, sum)),
        }
    })
}
