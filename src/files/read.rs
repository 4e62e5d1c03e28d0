//! Reading what others wrote: an ordinary file, and no more of it than there is reason for.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The bytes of an ordinary file of at most `most` bytes.
///
/// # Errors
/// Those of the system; it is a folder, a pipe or a device; or it is longer, which is found without reading on. No path makes
/// this wait.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    bounded(open(path)?, most)
}

/// As [`read`], for a text in UTF-8.
///
/// # Errors
/// As there; or a byte begins no character.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        io::Error::new(ErrorKind::InvalidData, format!("it is no text in UTF-8: byte {place} begins no character"))
    })
}

/// All bytes of a source that has at most `most` of them.
///
/// # Errors
/// Those of the source; or it has more.
pub fn bounded(source: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is longer than {}", size(most))));
    }
    Ok(bytes)
}

/// Opens an ordinary file for reading, and never waits for one.
///
/// # Errors
/// Those of the system; or it is a folder, a pipe or a device.
pub fn open(path: &Path) -> io::Result<File> {
    // A pipe waits for its writer, and a device may do anything when it is opened; so it is asked before. What takes the file's
    // place between the two is asked once more, and cannot make the opening wait.
    ordinary(&path.metadata()?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    let file = options.open(path)?;
    ordinary(&file.metadata()?)?;
    Ok(file)
}

/// Refuses what is no ordinary file.
fn ordinary(facts: &Metadata) -> io::Result<()> {
    if facts.is_file() {
        return Ok(());
    }
    let kind = if facts.is_dir() { ErrorKind::IsADirectory } else { ErrorKind::InvalidInput };
    Err(io::Error::new(kind, format!("it is {}, and no file", what(facts))))
}

/// What something that is no ordinary file is.
pub(super) fn what(facts: &Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = facts.file_type();
        if kind.is_fifo() {
            return "a pipe";
        } else if kind.is_socket() {
            return "a socket";
        } else if kind.is_block_device() {
            return "a disk";
        }
    }
    if facts.is_dir() { "a folder" } else { "a device" }
}

/// The system's own words for an error, in lower case and without its number.
#[must_use]
pub fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().collect::<String>() + characters.as_str()).unwrap_or_default()
}

/// An error from the outside in, `deed: cause: cause`, with [`words`] for what the system says.
#[must_use]
pub fn causes(error: &anyhow::Error) -> String {
    let causes = error.chain().map(|cause| cause.downcast_ref().map_or_else(|| cause.to_string(), words));
    causes.collect::<Vec<_>>().join(": ")
}

/// A bound in the unit in which it is a whole number.
fn size(bytes: u64) -> String {
    match bytes {
        _ if bytes >= 1 << 30 && bytes.is_multiple_of(1 << 30) => format!("{} GiB", bytes >> 30),
        _ if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes >= 1 << 10 && bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        1 => "1 byte".to_owned(),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_bound_is_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"12345");
        let words = |result: io::Result<Vec<u8>>| words(&result.unwrap_err());
        assert_eq!(words(read(&file, 4)), "it is longer than 4 bytes");
        assert_eq!(words(bounded(io::repeat(0), 1 << 20)), "it is longer than 1 MiB");
        assert_eq!(words(read(folder.path(), 5)), "it is a folder, and no file");
        assert_eq!(words(read(&folder.path().join("none"), 5)), "no such file or directory");
        fs::write(&file, b"ab\xff").unwrap();
        assert!(read_text(&file, 9).unwrap_err().to_string().contains("byte 2 begins no character"));
    }

    #[cfg(unix)]
    #[test]
    fn nothing_makes_reading_wait_or_go_on_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        let words = |path: &Path| words(&read(path, 5).unwrap_err());
        assert_eq!(words(&pipe), "it is a pipe, and no file");
        assert_eq!(words(Path::new("/dev/zero")), "it is a device, and no file");
        assert_eq!(words(&link), "it is a device, and no file");
    }
}
