//! The cache that `huggingface_hub` and llama.cpp share: blobs under their checksums, snapshots that link to them, and names of commits.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::choose::Offer;
use super::listing::{MAIN, is_commit};
use super::name::{Name, check_path};
use crate::catalog::is_gguf_name;
use crate::files::{folder, read_text, replace, sync, tidy};

/// How deep a repository's folders are looked through.
const DEEPEST: usize = 8;

/// The folder of the cache, as the variable `HF_HUB_CACHE` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache(PathBuf);

/// The files of one file while it is brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// When it is whole.
    pub done: PathBuf,
    /// Before.
    pub part: PathBuf,
    /// What the server calls it: which part of which file there is.
    pub etag: PathBuf,
    /// Whoever has this one's lock brings it.
    pub lock: PathBuf,
    /// Whether the lock's file stays.
    pub keeps_lock: bool,
}

impl Place {
    /// A file by itself.
    pub(super) fn of(done: PathBuf) -> Self {
        let name = done.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = |name: String| done.with_file_name(name);
        Self {
            part: beside(format!("{name}.incomplete")),
            etag: beside(format!("{name}.incomplete.etag")),
            lock: beside(format!(".{name}.lock")),
            done,
            keeps_lock: false,
        }
    }
}

/// A repository in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    folder: PathBuf,
    locks: PathBuf,
}

impl Cache {
    /// The cache in this folder, which is made when there is something for it.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(super) fn repository(&self, name: &Name) -> Repository {
        let folder = format!("models--{}--{}", name.user, name.repository);
        Repository { locks: self.0.join(".locks").join(&folder), folder: self.0.join(folder) }
    }
}

/// The ways in which a name of a snapshot can lead to a blob, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A relative link, which still holds where the whole cache is moved.
    Link,
    /// A second name of the file.
    HardLink,
    /// A second file.
    Copy,
}

impl Repository {
    /// Where the blob of this name is brought.
    pub(super) fn place(&self, oid: &str) -> Place {
        let blobs = self.folder.join("blobs");
        Place {
            done: blobs.join(oid),
            part: blobs.join(format!("{oid}.incomplete")),
            etag: blobs.join(format!("{oid}.incomplete.etag")),
            lock: self.locks.join(format!("{oid}.lock")),
            keeps_lock: true,
        }
    }

    /// The name of a file in the snapshot of a commit.
    pub(super) fn snapshot(&self, commit: &str, path: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit).join(path)
    }

    /// The revision that is meant and the commit that it was when it was brought last.
    pub(super) fn commit(&self, revision: Option<&str>) -> Option<(String, String)> {
        if let Some(commit) = revision.filter(|revision| is_commit(revision)) {
            return Some((commit.to_owned(), commit.to_owned()));
        }
        let refs = self.folder.join("refs");
        let read = |name: &str| {
            let commit = read_text(&refs.join(name), 128).ok()?.trim().to_owned();
            is_commit(&commit).then_some((name.to_owned(), commit))
        };
        let Some(revision) = revision else {
            let mut names: Vec<String> = fs::read_dir(&refs)
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(|one| one.file_name().into_string().ok())
                .collect();
            names.sort();
            return read(MAIN).or_else(|| names.iter().find_map(|name| read(name)));
        };
        read(revision)
    }

    /// The GGUF files that the snapshot of a commit holds, each whole.
    pub(super) fn offers(&self, commit: &str) -> Vec<Offer> {
        let root = self.folder.join("snapshots").join(commit);
        let mut offers = Vec::new();
        let mut folders = vec![(root.clone(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.extend((depth < DEEPEST).then_some((path, depth + 1)));
                    continue;
                }
                let Some(name) = path.strip_prefix(&root).ok().and_then(slashed) else { continue };
                // A link to nothing has no size.
                let size = fs::metadata(&path).ok().filter(fs::Metadata::is_file).map(|facts| facts.len());
                if is_gguf_name(&name) && check_path(&name).is_ok() {
                    offers.extend(size.map(|size| Offer { path: name, size }));
                }
            }
        }
        offers.sort_by(|a, b| a.path.cmp(&b.path));
        offers
    }

    /// Gives a blob its name in the snapshot of a commit.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn link(&self, oid: &str, commit: &str, path: &str) -> io::Result<()> {
        let at = self.snapshot(commit, path);
        let up = "../".repeat(path.split('/').count() + 1);
        let ways = [Way::Link, Way::HardLink, Way::Copy];
        lead(&at, &self.place(oid).done, Path::new(&format!("{up}blobs/{oid}")), &ways)
    }

    /// Says which commit a revision is. Whoever reads that finds all that was linked before.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn point(&self, revision: &str, commit: &str) -> io::Result<()> {
        if revision == commit {
            return Ok(());
        }
        let path = self.folder.join("refs").join(revision);
        if read_text(&path, 128).is_ok_and(|known| known.trim() == commit) {
            return Ok(());
        }
        fs::create_dir_all(folder(&path))?;
        tidy(folder(&path));
        replace(&path, commit.as_bytes())
    }
}

/// A path with `/` between its parts; `None` where it is no UTF-8.
fn slashed(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}

/// Makes a name lead to a blob, in the first way that this place allows. One that does already stays.
fn lead(at: &Path, blob: &Path, relative: &Path, ways: &[Way]) -> io::Result<()> {
    fs::create_dir_all(folder(at))?;
    tidy(folder(at));
    if let Ok(facts) = at.symlink_metadata() {
        let is_it = at.canonicalize().ok().zip(blob.canonicalize().ok()).is_some_and(|(at, blob)| at == blob);
        if is_it || (facts.is_file() && facts.len() == blob.metadata()?.len()) {
            return Ok(());
        }
        fs::remove_file(at)?;
    }
    let mut last = None;
    for way in ways {
        let led = match way {
            Way::Link => symlink(relative, at),
            Way::HardLink => fs::hard_link(blob, at),
            Way::Copy => copy(blob, at),
        };
        match led {
            Ok(()) => return sync(folder(at)),
            // Another process was faster.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("no way leads there")))
}

#[cfg(unix)]
fn symlink(to: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(windows)]
fn symlink(to: &Path, at: &Path) -> io::Result<()> {
    let to: PathBuf = to.iter().collect();
    std::os::windows::fs::symlink_file(to, at)
}

/// A copy that has its name only when it is whole.
fn copy(blob: &Path, at: &Path) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".afterword-").suffix(".unfinished").tempfile_in(folder(at))?;
    io::copy(&mut fs::File::open(blob)?, &mut file)?;
    file.as_file().sync_all()?;
    file.persist(at)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_name_leads_to_a_blob_in_whatever_way_there_is() {
        let root = tempfile::tempdir().unwrap();
        let repository = Cache::new(root.path().to_owned()).repository(&"a/b".parse().unwrap());
        let (oid, commit) = ("0".repeat(64), "1".repeat(40));
        let blob = repository.place(&oid).done;
        fs::create_dir_all(folder(&blob)).unwrap();
        fs::write(&blob, "weights").unwrap();
        for (path, target) in [("c.gguf", "../../blobs/"), ("d/e/c.gguf", "../../../../blobs/")] {
            for _ in 0..2 {
                repository.link(&oid, &commit, path).unwrap();
            }
            let at = repository.snapshot(&commit, path);
            assert_eq!(fs::read_link(&at).unwrap().to_str().unwrap(), format!("{target}{oid}"));
            assert_eq!(fs::read_to_string(&at).unwrap(), "weights");
        }
        let offer = |path: &str| Offer { path: path.to_owned(), size: 7 };
        assert_eq!(repository.offers(&commit), [offer("c.gguf"), offer("d/e/c.gguf")]);
        for (name, ways) in [("hard.gguf", &[Way::HardLink, Way::Copy][..]), ("copy.gguf", &[Way::Copy])] {
            let at = repository.snapshot(&commit, name);
            for _ in 0..2 {
                lead(&at, &blob, Path::new("nowhere"), ways).unwrap();
            }
            assert!(at.symlink_metadata().unwrap().is_file());
            assert_eq!(fs::read_to_string(&at).unwrap(), "weights");
        }
        // A name that leads elsewhere is led here.
        let at = repository.snapshot(&commit, "c.gguf");
        fs::remove_file(&at).unwrap();
        symlink(Path::new("nothing"), &at).unwrap();
        repository.link(&oid, &commit, "c.gguf").unwrap();
        assert_eq!(fs::read_to_string(&at).unwrap(), "weights");
    }

    #[test]
    fn a_revision_is_the_commit_that_was_written_last() {
        let root = tempfile::tempdir().unwrap();
        let repository = Cache::new(root.path().to_owned()).repository(&"a/b".parse().unwrap());
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        assert_eq!(repository.commit(None), None);
        repository.point("v1", &one).unwrap();
        assert_eq!(repository.commit(None), Some(("v1".to_owned(), one.clone())));
        for commit in [&one, &two, &two] {
            repository.point("main", commit).unwrap();
        }
        repository.point("refs/pr/1", &one).unwrap();
        assert_eq!(repository.commit(None), Some(("main".to_owned(), two.clone())));
        assert_eq!(repository.commit(Some("refs/pr/1")), Some(("refs/pr/1".to_owned(), one.clone())));
        assert_eq!(repository.commit(Some(&two)), Some((two.clone(), two.clone())));
        assert_eq!(repository.commit(Some("v2")), None);
        fs::write(root.path().join("models--a--b/refs/v1"), "../../evil").unwrap();
        assert_eq!(repository.commit(Some("v1")), None);
    }
}
