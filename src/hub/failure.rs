//! What cannot be had: the reason in words, and what would help as data, for an edge to name in its own way.

use std::fmt;

/// Something that could not be brought, with what would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    message: String,
    cause: String,
    /// What would help, where something would.
    pub remedy: Option<Remedy>,
    /// Whether the request itself cannot be meant.
    pub is_usage: bool,
    /// Whether it may be otherwise later: the net or the server is away, or has a fault.
    pub is_passing: bool,
}

/// What would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// A name in the right form.
    NameIt,
    /// Its licence accepted on this page, and a token that shows it; `true` where one was sent.
    Licence {
        /// The page of the repository.
        page: String,
        /// Whether a token was sent.
        had_token: bool,
    },
    /// The name looked up on the hub.
    LookUp,
    /// One of these revisions.
    Revisions(Vec<String>),
    /// One of these models, each with its size in bytes.
    Models(Vec<(String, u64)>),
    /// The same once more, later: it goes on where it ended.
    Again,
    /// The net: nothing was asked.
    Online,
    /// So many bytes more of free space.
    Space(u64),
    /// Another folder.
    AnotherFolder,
    /// An address with `https`, or a word that one without will do.
    Https,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// The deed and its cause, in one sentence.
    pub(super) fn new(message: impl Into<String>, remedy: impl Into<Option<Remedy>>) -> Self {
        let message = message.into();
        Self { cause: message.clone(), message, remedy: remedy.into(), is_usage: false, is_passing: false }
    }

    /// Something that cannot be meant.
    pub(super) fn usage(message: impl Into<String>, cause: &str, remedy: Remedy) -> Self {
        Self { cause: cause.to_owned(), is_usage: true, ..Self::new(message, remedy) }
    }

    /// Something that may be otherwise later.
    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self { is_passing: true, ..Self::new(message, Remedy::Again) }
    }

    /// The cause without the deed, where they are apart.
    pub(super) fn cause(&self) -> &str {
        &self.cause
    }
}
