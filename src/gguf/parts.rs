//! A model in several files: each of them is a GGUF, and the first one holds the metadata.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::header::Header;

/// More parts than any model has: a damaged count is not believed.
const MOST_PARTS: u64 = 10_000;

/// Whether a file of this name or path is called as a GGUF file is.
#[must_use]
pub fn is_gguf_name(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf"))
}

/// What the name of a file says of its place among the parts of a model: `tale-00002-of-00003.gguf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartName<'p> {
    /// What stands before the number, as `tale`.
    pub stem: &'p str,
    /// Its number, from 1 up.
    pub number: usize,
    /// How many there are.
    pub count: usize,
}

impl PartName<'_> {
    /// The name of another part.
    #[must_use]
    pub fn of(&self, number: usize) -> String {
        format!("{}-{number:05}-of-{:05}.gguf", self.stem, self.count)
    }
}

/// The part of a model that a file of this name or path is, if it is one of several.
#[must_use]
pub fn part_of(path: &str) -> Option<PartName<'_>> {
    let at = path.len().checked_sub(".gguf".len()).filter(|&at| path.is_char_boundary(at))?;
    let (name, end) = path.split_at(at);
    let (before, count) = name.rsplit_once("-of-").filter(|_| end.eq_ignore_ascii_case(".gguf"))?;
    let (stem, number) = before.rsplit_once('-')?;
    let five = |digits: &str| (digits.len() == 5).then(|| digits.parse::<u32>().ok()).flatten().filter(|&number| number > 0);
    let (number, count) = (five(number)? as usize, five(count)? as usize);
    (number <= count && count as u64 <= MOST_PARTS && count > 1).then_some(PartName { stem, number, count })
}

impl Header {
    /// Reads the headers of all parts of a model, of which any stands for the whole, and the path of the first one. A model in
    /// one file has one part.
    ///
    /// # Errors
    /// A file cannot be read, is no GGUF, or is one of several that are not all there; the cause is a clause without its
    /// subject.
    pub fn read_parts(path: &Path) -> Result<(PathBuf, Vec<Self>)> {
        let named = Self::read(path)?;
        let parts = named.part_paths(path)?;
        let [first, _, ..] = &parts[..] else { return Ok((path.to_owned(), vec![named])) };
        let count = parts.len() as u64;
        let mut headers = Vec::new();
        for (number, part) in (1..).zip(&parts) {
            let header = Self::read(part).with_context(|| format!("its part `{}`", part.display()))?;
            let whole = header.whole("split.no") == Some(number - 1) && header.whole("split.count") == Some(count);
            ensure!(whole, "`{}` is not part {number} of {count}", part.display());
            headers.push(header);
        }
        Ok((first.clone(), headers))
    }

    /// The paths of the files that make up the model of which this is a header, in their order: this one, or all parts.
    ///
    /// # Errors
    /// It is one of several, and the name of its file does not say which.
    pub fn part_paths(&self, path: &Path) -> Result<Vec<PathBuf>> {
        let count = self.whole("split.count").unwrap_or(1);
        if count <= 1 {
            return Ok(vec![path.to_owned()]);
        }
        let stem = stem(path, count)?;
        Ok((1..=count).map(|number| part(&stem, number, count)).collect())
    }
}

/// What stands before `-00001-of-00003.gguf` in the path of a part.
fn stem(path: &Path, count: u64) -> Result<PathBuf> {
    ensure!(count <= MOST_PARTS, "it is damaged: it claims to be one of {count} parts");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let end = format!("-of-{count:05}.gguf");
    let digits = |number: &str| number.len() == 6 && number.starts_with('-') && number[1..].bytes().all(|b| b.is_ascii_digit());
    let stem = name.strip_suffix(&end).and_then(|name| {
        let at = name.len().checked_sub(6).filter(|&at| name.is_char_boundary(at))?;
        digits(&name[at..]).then(|| name[..at].to_owned())
    });
    let stem = stem.with_context(|| format!("it is one of {count} parts, and its name does not end in `-00001{end}`"))?;
    Ok(path.with_file_name(stem))
}

fn part(stem: &Path, number: u64, count: u64) -> PathBuf {
    let mut name = stem.file_name().unwrap_or_default().to_owned();
    name.push(format!("-{number:05}-of-{count:05}.gguf"));
    stem.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_which_part_it_is() {
        for (name, part) in [
            ("tale-00002-of-00003.gguf", Some(("tale", 2, 3))),
            ("a/b-of-c-00001-of-00002.GGUF", Some(("a/b-of-c", 1, 2))),
            ("tale.gguf", None),
            ("tale-00001-of-00001.gguf", None),
            ("tale-00004-of-00003.gguf", None),
            ("tale-00000-of-00003.gguf", None),
            ("tale-1-of-3.gguf", None),
            ("tale-00001-of-00003.bin", None),
            ("狼-of-狼", None),
        ] {
            assert_eq!(part_of(name).map(|part| (part.stem, part.number, part.count)), part, "{name}");
        }
        assert_eq!(part_of("tale-00002-of-00003.gguf").unwrap().of(1), "tale-00001-of-00003.gguf");
    }
}
