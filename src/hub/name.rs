//! What somebody asks for: a repository of the hub and which of its models, or an address.

use std::fmt;
use std::str::FromStr;

use super::address::Address;
use super::failure::{Failure, Remedy};
use crate::catalog::is_gguf_name;
use crate::text::{EXCERPT, excerpt};

/// What a name begins with where a file may be meant as well.
const SCHEME: &str = "hf:";

/// What a name may begin with as well: so Ollama has it.
const HOSTS: [&str; 3] = [SCHEME, "hf.co/", "huggingface.co/"];

/// The hub by its names.
const HUBS: [&str; 3] = ["huggingface.co", "www.huggingface.co", "hf.co"];

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A model of a repository.
    Repository(Name),
    /// The file at an address.
    Address(Address),
}

/// A repository of the hub, and which of its models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Whose it is.
    pub user: String,
    /// What it is called.
    pub repository: String,
    /// A branch, a tag or a commit; `None` where it was not said.
    pub revision: Option<String>,
    /// Which model.
    pub pick: Pick,
}

/// Which model of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// That which most would take.
    Usual,
    /// The one of this quantisation.
    Quantisation(String),
    /// This file.
    File(String),
}

impl Wanted {
    /// Whether a text that may be a file's path is meant as a name of the hub or as an address.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        [SCHEME, "https://", "http://"].iter().any(|scheme| starts_with(text, scheme))
    }
}

fn starts_with(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(scheme))
}

impl FromStr for Wanted {
    type Err = Failure;

    /// Reads `USER/REPOSITORY[@REVISION][:QUANTISATION | :FILE.gguf]`, with or without `hf:` before it, or an address. The page of a
    /// repository or of a file of the hub stands for those.
    fn from_str(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        if !starts_with(text, "https://") && !starts_with(text, "http://") {
            let host = HOSTS.iter().find(|host| starts_with(text, host));
            return text[host.map_or(0, |host| host.len())..].parse().map(Self::Repository);
        }
        let address: Address = text.parse().map_err(|cause: String| misnamed(text, &cause))?;
        if HUBS.contains(&address.site().as_str()) {
            return page(&address).map(Self::Repository).map_err(|cause| misnamed(text, &cause));
        }
        let last = address.path().rsplit('/').next().unwrap_or_default();
        let cause = "its path does not end in the name of a file, as in `/model.gguf`";
        if is_gguf_name(last) { Ok(Self::Address(address)) } else { Err(misnamed(text, cause)) }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(name) => name.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl FromStr for Name {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let refuse = |cause: &str| misnamed(text, cause);
        let (place, pick) = text.split_once(':').map_or((text, None), |(place, pick)| (place, Some(pick)));
        let (place, revision) = place.split_once('@').map_or((place, None), |(place, revision)| (place, Some(revision)));
        let Some((user, repository)) = place.split_once('/') else {
            return Err(refuse("it does not name a user and a repository"));
        };
        for part in [user, repository] {
            check_part(part).map_err(|cause| refuse(&cause))?;
        }
        if let Some(revision) = revision {
            check_revision(revision).map_err(|cause| refuse(&cause))?;
        }
        let pick = match pick {
            None => Pick::Usual,
            Some("") => return Err(refuse("nothing stands behind its `:`")),
            Some(file) if is_gguf_name(file) => {
                check_path(file).map_err(|cause| refuse(&format!("its file {cause}")))?;
                Pick::File(file.to_owned())
            }
            Some(tag) if tag.chars().all(is_plain) => Pick::Quantisation(tag.to_owned()),
            Some(_) => return Err(refuse("behind its `:` stands neither a quantisation nor a file that ends in `.gguf`")),
        };
        let revision = revision.map(str::to_owned);
        Ok(Self { user: user.to_owned(), repository: repository.to_owned(), revision, pick })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place())?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        match &self.pick {
            Pick::Usual => Ok(()),
            Pick::Quantisation(pick) | Pick::File(pick) => write!(f, ":{pick}"),
        }
    }
}

impl Name {
    /// `USER/REPOSITORY`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}/{}", self.user, self.repository)
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Why a text is no user and no repository.
fn check_part(part: &str) -> Result<(), String> {
    match part.chars().find(|&c| !is_plain(c)) {
        _ if part.is_empty() => Err("it does not name a user and a repository".to_owned()),
        Some('/') => Err("it has more than two parts".to_owned()),
        Some(c) => Err(format!("names hold letters, digits, `-`, `_` and `.`, and no `{c}`")),
        None if part.starts_with(['-', '.']) || part.contains("..") => Err(format!("nobody is called `{part}`")),
        None if part.len() > 96 => Err("no name has more than 96 letters".to_owned()),
        None => Ok(()),
    }
}

/// Why a text is no revision. Revisions may have parts: `refs/pr/1`.
fn check_revision(revision: &str) -> Result<(), String> {
    let is_part = |part: &str| check_part(part).is_ok();
    if revision.split('/').all(is_part) { Ok(()) } else { Err("behind its `@` stands no revision".to_owned()) }
}

/// Why a path cannot be that of a file below a folder: the clause behind its name.
pub(super) fn check_path(path: &str) -> Result<(), &'static str> {
    let odd = |part: &str| part.is_empty() || part == "." || part == ".." || part.len() > 255 || part.ends_with([' ', '.']);
    if path.starts_with('/') || path.contains(['\\', ':']) {
        return Err("does not lie below a folder");
    }
    if path.chars().any(char::is_control) {
        return Err("has a name with control characters");
    }
    if path.len() > 1024 || path.split('/').any(odd) {
        return Err("has a path that leads elsewhere, or is none");
    }
    Ok(())
}

/// The name that a page of the hub stands for: `/USER/REPO`, `/USER/REPO/blob/REVISION/FILE.gguf`, `/USER/REPO/tree/REVISION`.
fn page(address: &Address) -> Result<Name, String> {
    let path = percent_encoding::percent_decode_str(address.path()).decode_utf8_lossy().into_owned();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let named = |revision: &str, file: &str| format!("{}/{}{revision}{file}", parts[0], parts[1]);
    let name = match parts[..] {
        [_, _] => named("", ""),
        [_, _, "tree", revision] => named(&format!("@{revision}"), ""),
        [_, _, "blob" | "resolve" | "raw", revision, _, ..] if is_gguf_name(&path) => {
            named(&format!("@{revision}"), &format!(":{}", parts[4..].join("/")))
        }
        _ => return Err("it is no page of a repository or of a GGUF file in one".to_owned()),
    };
    // The branch that everybody means is not named.
    name.replace("@main", "").parse::<Name>().map_err(|failure| failure.cause().to_owned())
}

fn misnamed(text: &str, cause: &str) -> Failure {
    Failure::usage(format!("`{}` names no model of the hub: {cause}", excerpt(text, EXCERPT)), cause, Remedy::NameIt)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        match text.parse::<Wanted>() {
            Ok(Wanted::Repository(Name { user, repository, revision, pick })) => {
                format!("{user} {repository} {} {pick:?}", revision.unwrap_or("–".to_owned()))
            }
            Ok(Wanted::Address(address)) => address.to_string(),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn a_name_has_a_user_a_repository_and_perhaps_a_revision_and_a_choice() {
        for (text, meant) in [
            ("a/b", "a b – Usual"),
            ("hf:a/b", "a b – Usual"),
            ("HF:a/b-1.0_x", "a b-1.0_x – Usual"),
            ("hf.co/a/b:Q8_0", "a b – Quantisation(\"Q8_0\")"),
            ("a/b:Q4_K_M", "a b – Quantisation(\"Q4_K_M\")"),
            ("a/b@v1.0:q8_0", "a b v1.0 Quantisation(\"q8_0\")"),
            ("a/b@refs/pr/1", "a b refs/pr/1 Usual"),
            ("a/b:c.gguf", "a b – File(\"c.gguf\")"),
            ("a/b:Q8/c d-00001-of-00002.GGUF", "a b – File(\"Q8/c d-00001-of-00002.GGUF\")"),
            ("https://huggingface.co/a/b", "a b – Usual"),
            ("https://hf.co/a/b/", "a b – Usual"),
            ("https://huggingface.co/a/b/tree/main", "a b – Usual"),
            ("https://huggingface.co/a/b/blob/main/c.gguf", "a b – File(\"c.gguf\")"),
            ("https://huggingface.co/a/b/resolve/v1/d/c%20e.gguf?download=true", "a b v1 File(\"d/c e.gguf\")"),
            ("https://example.com/d/model.gguf", "https://example.com/d/model.gguf"),
        ] {
            assert_eq!(read(text), meant, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_a_name_is_told_as_it_is_read(text in "(hf:)?[a-c./-]{0,4}/?[a-c._-]{0,4}(@[a-c/.]{0,4})?(:[a-c/.Q_8]{0,4}(\\.gguf)?)?") {
            if let Ok(wanted) = text.parse::<Wanted>() {
                prop_assert_eq!(&wanted.to_string().parse::<Wanted>().unwrap(), &wanted);
                let Wanted::Repository(name) = wanted else { panic!("no address was written") };
                prop_assert!(!name.user.contains("..") && !name.repository.starts_with('.') && !name.place().contains("//"));
            }
        }
    }

    #[test]
    fn what_names_nothing_is_refused_with_the_reason() {
        for (text, cause) in [
            ("", "it does not name a user and a repository"),
            ("gpt2", "it does not name a user and a repository"),
            ("a/", "it does not name a user and a repository"),
            ("/b", "it does not name a user and a repository"),
            ("a/b/c", "it has more than two parts"),
            ("../b", "nobody is called `..`"),
            ("a/..", "nobody is called `..`"),
            ("a/b..c", "nobody is called `b..c`"),
            ("-a/b", "nobody is called `-a`"),
            (".a/b", "nobody is called `.a`"),
            ("a/b c", "and no ` `"),
            ("a/b\0", "and no `"),
            ("a/b\\c", "and no `\\`"),
            ("a/b@", "behind its `@` stands no revision"),
            ("a/b@../x", "behind its `@` stands no revision"),
            ("a/b@/x", "behind its `@` stands no revision"),
            ("a/b:", "nothing stands behind its `:`"),
            ("a/b:Q4 K", "neither a quantisation nor a file"),
            ("a/b:../c.gguf", "its file has a path that leads elsewhere, or is none"),
            ("a/b:/c.gguf", "its file does not lie below a folder"),
            ("a/b:d/./c.gguf", "its file has a path that leads elsewhere, or is none"),
            ("a/b:c\0.gguf", "its file has a name with control characters"),
            ("a/b:C:\\c.gguf", "its file does not lie below a folder"),
            ("https://huggingface.co/a", "it is no page of a repository"),
            ("https://huggingface.co/a/b/blob/main/readme.md", "it is no page of a repository"),
            ("https://example.com/", "does not end in the name of a file"),
            ("https://me:pw@example.com/c.gguf", "it holds a name or a password"),
        ] {
            let said = read(text);
            assert!(said.contains("names no model of the hub: ") && said.contains(cause), "{text:?}: {said}");
        }
    }
}
