//! Checksums that are remembered: a file that did not change is not read again for its own.

use std::fs::{self, File};
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

use super::{Stamp, read, replace, sha256};

/// A folder of checksums, each under what tells whether its file is still the one that it was.
#[derive(Debug, Clone)]
pub struct Sums(PathBuf);

impl Sums {
    /// Those in this folder, which is made when there is something to keep.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The SHA-256 of an open file, in hexadecimal digits: from memory where nothing was done to it since.
    ///
    /// # Errors
    /// Those of the system in reading the file; or it was written to meanwhile. A sum that cannot be kept is known all the same.
    pub fn sha256(&self, mut file: &File) -> io::Result<String> {
        let stamp = Stamp::of(file)?;
        let kept = name(file)?.map(|name| self.0.join(name));
        let known = kept.as_ref().filter(|path| is_settled(file, path));
        let known = known.and_then(|path| String::from_utf8(read(path, 64).ok()?).ok());
        if let Some(sum) = known.filter(|sum| sum.len() == 64 && sum.bytes().all(|digit| digit.is_ascii_hexdigit())) {
            return Ok(sum);
        }
        file.rewind()?;
        let sum = sha256(file)?;
        if Stamp::of(file)? != stamp {
            return Err(io::Error::other("it was changed while it was read"));
        }
        if let Some(path) = kept {
            let _ = fs::create_dir_all(&self.0).and_then(|()| replace(&path, sum.as_bytes()));
        }
        Ok(sum)
    }

    /// Forgets all.
    ///
    /// # Errors
    /// Those of the system.
    pub fn clear(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether a file was last changed so long before its sum was kept that no other change has the same time: clocks of file systems
/// move on by some milliseconds.
fn is_settled(file: &File, kept: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        const TICK: i128 = 50_000_000;
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        let (Ok(facts), Ok(kept)) = (file.metadata(), kept.metadata()) else { return false };
        nanoseconds(kept.mtime(), kept.mtime_nsec()) > nanoseconds(facts.ctime(), facts.ctime_nsec()) + TICK
    }
    #[cfg(not(unix))]
    {
        let _ = (file, kept);
        false
    }
}

/// The name of a file's sum. The time at which a file was last changed in any way is the system's own, and nobody sets it; where there
/// is no such time nothing is remembered.
fn name(file: &File) -> io::Result<Option<String>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let facts = file.metadata()?;
        let place = (facts.dev(), facts.ino(), facts.size());
        let times = (facts.mtime(), facts.mtime_nsec(), facts.ctime(), facts.ctime_nsec());
        sha256(format!("{place:?} {times:?}").as_bytes()).map(Some)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(None)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_remembered_until_its_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (path, sums) = (folder.path().join("file"), Sums::new(folder.path().join("sums")));
        let sum = || sums.sha256(&File::open(&path).unwrap()).unwrap();
        let settle = || std::thread::sleep(std::time::Duration::from_millis(120));
        fs::write(&path, "abc").unwrap();
        settle();
        let abc = sha256(&b"abc"[..]).unwrap();
        assert_eq!(sum(), abc);
        let kept = fs::read_dir(folder.path().join("sums")).unwrap().next().unwrap().unwrap().path();
        // What is remembered is believed, if it is a sum.
        fs::write(&kept, "0".repeat(64)).unwrap();
        assert_eq!(sum(), "0".repeat(64));
        fs::write(&kept, "no sum").unwrap();
        assert_eq!(sum(), abc);
        // The same size and the same time of writing, and other bytes.
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "abd").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
        assert_eq!(sum(), sha256(&b"abd"[..]).unwrap());
        sums.clear().unwrap();
        sums.clear().unwrap();
        assert!(!kept.exists());
    }
}
