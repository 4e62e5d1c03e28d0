//! What a repository holds, as the hub's API tells it: its revisions, and the files of one of them.

use anyhow::Result;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::address::Address;
use super::client::{Answer, Ask, Client, Trouble, refused};
use super::event::{Event, Watch};
use super::failure::{Failure, Remedy};
use super::name::{Name, check_path};
use crate::catalog::is_gguf_name;
use crate::files::bounded;
use crate::text::{EXCERPT, excerpt};

/// The most bytes of an answer of the API.
const LONGEST: u64 = 64 << 20;

/// The most pages of files. One has up to a thousand.
const MOST_PAGES: usize = 100;

/// The branch that is meant where none is named.
pub(super) const MAIN: &str = "main";

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its path within the repository, which is one below a folder.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// The name of its blob: hexadecimal digits.
    pub oid: String,
    /// Whether that is the SHA-256 of its bytes.
    pub is_sum: bool,
}

#[derive(Deserialize)]
struct Refs {
    #[serde(default)]
    branches: Vec<Ref>,
    #[serde(default)]
    tags: Vec<Ref>,
    #[serde(default)]
    converts: Vec<Ref>,
    #[serde(default, rename = "pullRequests")]
    requests: Vec<Ref>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ref {
    name: String,
    #[serde(default, rename = "ref")]
    reference: String,
    target_commit: String,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: Option<String>,
    path: String,
    #[serde(default)]
    size: u64,
    oid: Option<String>,
    lfs: Option<Large>,
}

#[derive(Deserialize)]
struct Large {
    oid: String,
    size: Option<u64>,
}

/// The revision that a name means, as its branch or tag is called, and the commit that it is now.
pub(super) fn revision(client: &Client, name: &Name, watch: &mut Watch<'_>) -> Result<(String, String)> {
    if let Some(commit) = name.revision.as_ref().filter(|revision| is_commit(revision)) {
        return Ok((commit.clone(), commit.clone()));
    }
    let address = client.settings().endpoint.below(["api", "models", &name.user, &name.repository, "refs"]);
    watch.tell(Event::Asking(address.site()));
    let (refs, _): (Refs, _) = json(client, &address, name, watch)?;
    let Refs { branches, tags, converts, requests } = refs;
    let all = || branches.iter().chain(&tags).chain(&converts).chain(&requests);
    let named = |name: &str| all().find(|one| one.name == name || one.reference == name);
    let found = match &name.revision {
        Some(revision) => named(revision).ok_or_else(|| {
            let there = branches.iter().chain(&tags).map(|one| excerpt(&one.name, EXCERPT)).collect();
            Failure::new(format!("`{}` has no revision `{revision}`", name.place()), Remedy::Revisions(there))
        })?,
        None => named(MAIN).or(branches.first()).ok_or_else(|| Failure::new(format!("`{}` is empty", name.place()), None))?,
    };
    if !is_commit(&found.target_commit) {
        return Err(odd(name, "a commit that is none").into());
    }
    let revision = name.revision.clone().unwrap_or_else(|| found.name.clone());
    let is_name = check_path(&revision).is_ok();
    if is_name { Ok((revision, found.target_commit.clone())) } else { Err(odd(name, "a branch without a name").into()) }
}

/// The files of a commit.
pub(super) fn files(client: &Client, name: &Name, commit: &str, watch: &mut Watch<'_>) -> Result<Vec<Listed>> {
    let endpoint = &client.settings().endpoint;
    let mut next =
        Some(endpoint.below(["api", "models", &name.user, &name.repository, "tree", commit]).asking("recursive=true"));
    let mut files = Vec::new();
    let mut pages = 0;
    while let Some(address) = next.take() {
        pages += 1;
        if pages > MOST_PAGES {
            return Err(odd(name, "files on more than 100 pages").into());
        }
        let (entries, following): (Vec<Entry>, _) = json(client, &address, name, watch)?;
        for entry in entries {
            files.extend(listed(entry, name, watch)?);
        }
        next =
            following.map(|link| address.join(&link).map_err(|_| odd(name, "a next page that is no address"))).transpose()?;
    }
    Ok(files)
}

/// A file, if it may be one of a model.
fn listed(entry: Entry, name: &Name, watch: &mut Watch<'_>) -> Result<Option<Listed>> {
    let Entry { kind, path, size, oid, lfs } = entry;
    if kind.is_some_and(|kind| kind != "file") || !is_gguf_name(&path) {
        return Ok(None);
    }
    if check_path(&path).is_err() {
        watch.tell(Event::PassedOver(path));
        return Ok(None);
    }
    let is_sum = lfs.is_some();
    let (oid, size) = match lfs {
        Some(Large { oid, size: own }) => (Some(oid), own.unwrap_or(size)),
        None => (oid, size),
    };
    let oid = oid.map(|oid| oid.trim_start_matches("sha256:").to_lowercase());
    let oid = oid.filter(|oid| is_hex(oid, if is_sum { 64 } else { 40 }) || (!is_sum && is_hex(oid, 64)));
    let Some(oid) = oid else { return Err(odd(name, &format!("no checksum of `{}`", excerpt(&path, EXCERPT))).into()) };
    Ok(Some(Listed { path, size, oid, is_sum }))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Whether a revision is a whole commit.
pub(super) fn is_commit(text: &str) -> bool {
    is_hex(text, 40) || is_hex(text, 64)
}

fn odd(name: &Name, what: &str) -> Failure {
    Failure::new(format!("the hub's answer about `{}` cannot be meant: it has {what}", name.place()), None)
}

/// An answer of the API, and where it goes on.
fn json<T: DeserializeOwned>(
    client: &Client,
    address: &Address,
    name: &Name,
    watch: &mut Watch<'_>,
) -> Result<(T, Option<String>)> {
    client.patiently(watch, |client| {
        let answer = client.ask(Ask::whole(address))?;
        check(client, &answer, &address.site(), name, "there is no repository of this name")?;
        let next = answer.header("link").and_then(next_page);
        let mut body = answer.body;
        let bytes = bounded(body.with_config().limit(u64::MAX).reader(), LONGEST).map_err(|_| cut_off(&address.site()))?;
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok((value, next)),
            Err(error) if error.is_eof() => Err(cut_off(&address.site())),
            Err(_) => Err(Failure::new(format!("`{}` answers what no hub answers", address.site()), None).into()),
        }
    })
}

fn cut_off(site: &str) -> Trouble {
    Trouble::passing(format!("the answer of `{site}` is cut off"))
}

/// Whether an answer holds what was asked for; `missing` is said where nothing is there.
pub(super) fn check(client: &Client, answer: &Answer, site: &str, name: &Name, missing: &str) -> Result<(), Trouble> {
    if let Some(trouble) = refused(answer, site) {
        return Err(trouble);
    }
    let place = name.place();
    let had_token = client.settings().token.is_some();
    match answer.status {
        401 | 403 => {
            let page = client.settings().endpoint.below([name.user.as_str(), &name.repository]).to_string();
            let what = if had_token {
                "its licence is not accepted, or it is of others"
            } else {
                "it is gated or private, or is not there"
            };
            Err(Failure::new(format!("`{place}` is not given out: {what}"), Remedy::Licence { page, had_token }).into())
        }
        404 => {
            let or = if had_token { "" } else { ", or it is private" };
            Err(Failure::new(format!("cannot get `{place}`: {missing}{or}"), Remedy::LookUp).into())
        }
        _ => Ok(()),
    }
}

/// The address behind `rel="next"` of a `Link` header.
fn next_page(link: &str) -> Option<String> {
    link.split(',').find_map(|one| {
        let (address, relation) = one.trim().strip_prefix('<')?.split_once('>')?;
        relation.replace(' ', "").contains("rel=\"next\"").then(|| address.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_the_next_one() {
        let link = "<https://h.co/a>; rel=\"prev\", <https://h.co/b?cursor=x%3D>; rel=\"next\"";
        assert_eq!(next_page(link).as_deref(), Some("https://h.co/b?cursor=x%3D"));
        assert_eq!(next_page("<https://h.co/a>; rel=\"last\""), None);
        assert_eq!(next_page("nonsense"), None);
    }
}
