//! The header of a GGUF file, read with care: no count and no length in it is believed before the file is known to be long
//! enough for it, and what is kept of it has a bound.
//!
//! Layout: magic, version, the counts of tensors and of metadata; the metadata as key, type and value; name, shape, type and
//! place of every tensor; then, aligned, the tensors themselves, which are not read. Source: the GGUF specification in the ggml
//! repository.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::kinds::Kind;
use super::source::Source;
use crate::files::words;
use crate::text::{EXCERPT, excerpt};

/// The most bytes of metadata that are kept. A chat template has some thousands; the pieces of a vocabulary are only counted.
const KEPT: u64 = 16 << 20;

/// The longest array of numbers that is kept: one a layer. Longer ones are only counted.
const LONGEST: u64 = 1024;

/// The longest key, by the specification.
const LONGEST_KEY: u64 = u16::MAX as u64;

/// The longest name of a tensor; llama.cpp reads no longer ones.
const LONGEST_NAME: u64 = 64;

/// The most tensors that a file may name: a hundred times those of the largest models.
const MOST_TENSORS: u64 = 1 << 18;

/// The most metadata entries: a thousand times those of models.
const MOST_ENTRIES: u64 = 1 << 16;

/// The most things in an array: sixteen times the largest vocabularies.
const MOST_THINGS: u64 = 1 << 22;

/// The longest text of a vocabulary, in bytes. Those of models have at most some hundred; llama.cpp builds trees as deep as a piece
/// is long, by functions that call themselves.
const LONGEST_PIECE: u64 = 4096;

/// The most bytes of all pieces of a vocabulary together, ten times those of the largest: such a tree takes a hundred times as much.
const MOST_PIECES: u64 = 1 << 24;

/// The key of the pieces of the vocabulary.
const PIECES: &str = "tokenizer.ggml.tokens";

/// What a GGUF file says before its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// By key.
    pub metadata: BTreeMap<String, Value>,
    /// In the order of the file.
    pub tensors: Vec<Tensor>,
    /// The pieces of the vocabulary; all 0 where there is none.
    pub pieces: Pieces,
    /// The file in bytes.
    pub size: u64,
}

/// The texts of an array, measured and not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pieces {
    /// The longest one, in bytes.
    pub longest: u64,
    /// All together, in bytes.
    pub bytes: u64,
    /// The sum of the cubes of their lengths: the work of a tokenizer that looks at every part of every piece.
    pub cubes: u64,
}

/// A metadata value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number of any width.
    Whole(i128),
    /// A number of 32 or 64 bits with a fraction.
    Real(f64),
    /// Yes or no.
    Truth(bool),
    /// A text.
    Text(String),
    /// An array of few numbers or truths.
    Numbers(Vec<f64>),
    /// What is not kept: an array of texts, or of many numbers, or a very long text, with its length.
    Many(u64),
}

/// A tensor, without its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name: `blk.0.attn_k.weight`.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Its sizes; the first one is that whose neighbours are neighbours in the file.
    pub shape: Vec<u64>,
    /// How many numbers it has.
    pub numbers: u64,
    /// How many bytes they take.
    pub bytes: u64,
}

impl Header {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// The file cannot be read, is no GGUF of version 2 or 3, is cut off, or names sizes that cannot be. The cause is a clause
    /// without its subject: "it is cut off within its header".
    pub fn read(path: &Path) -> Result<Self> {
        let unread = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => anyhow!("there is no such file"),
            _ => anyhow!("{}", words(&error)),
        };
        let facts = path.metadata().map_err(unread)?;
        ensure!(!facts.is_dir(), "it is a directory");
        ensure!(facts.is_file(), "it is not an ordinary file");
        Self::parse(File::open(path).map_err(unread)?, facts.len())
    }

    /// Reads the header of a file of `size` bytes.
    ///
    /// # Errors
    /// As [`Header::read`].
    pub fn parse(file: impl Read + Seek, size: u64) -> Result<Self> {
        let mut source = Source::new(file, size);
        ensure!(size > 0, "it is empty");
        magic(&mut source, size)?;
        let version = source.u32()?;
        ensure!(!matches!(version.swap_bytes(), 2 | 3), "it is a big-endian GGUF, for machines of the other byte order");
        ensure!(matches!(version, 2 | 3), "it is a GGUF of version {version}, and only versions 2 and 3 can be read");
        let (tensors, entries) = (source.u64()?, source.u64()?);
        // A tensor has at least the length of its name, the number of its dimensions, its type and its place; an entry the
        // length of its key, its type and a byte.
        source.holds(tensors, 24, "tensors")?;
        ensure!(tensors <= MOST_TENSORS, "it is damaged: it names {tensors} tensors");
        source.holds(entries, 13, "metadata entries")?;
        ensure!(entries <= MOST_ENTRIES, "it is damaged: it names {entries} metadata entries");

        let mut metadata = BTreeMap::new();
        let mut pieces = Pieces::default();
        for _ in 0..entries {
            let length = source.u64()?;
            ensure!(length <= LONGEST_KEY, "it is damaged: a metadata key is {length} bytes long");
            let key = source.text(length)?;
            let kind = source.u32()?;
            let keep = source.at() <= KEPT;
            let named = || format!("the metadata `{}`", shown(&key));
            let (value, measured) = value(&mut source, &key, kind, keep).with_context(named)?;
            if key == PIECES {
                pieces = measured;
            }
            if keep {
                metadata.entry(key).or_insert(value);
            }
        }
        let mut places = Vec::new();
        let mut infos = Vec::new();
        for _ in 0..tensors {
            let (tensor, place) = tensor(&mut source)?;
            infos.push(tensor);
            places.push(place);
        }
        let alignment = match metadata.get("general.alignment") {
            Some(Value::Whole(bytes)) => u64::try_from(*bytes).ok().filter(|bytes| bytes.is_power_of_two()),
            Some(_) => None,
            None => Some(32),
        };
        let start = alignment.and_then(|alignment| source.at().checked_next_multiple_of(alignment));
        let start = start.context("it is damaged: its alignment is no power of two")?;
        for (tensor, place) in infos.iter().zip(places) {
            let end = start.checked_add(place).and_then(|begin| begin.checked_add(tensor.bytes));
            ensure!(
                end.is_some_and(|end| end <= size),
                "it is cut off or damaged: the tensor `{}` does not end within its {size} bytes",
                shown(&tensor.name)
            );
        }
        Ok(Self { metadata, tensors: infos, pieces, size })
    }

    /// A text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.metadata.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A whole number from 0 up.
    #[must_use]
    pub fn whole(&self, key: &str) -> Option<u64> {
        match self.metadata.get(key) {
            Some(Value::Whole(number)) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The largest of the numbers under a key, which may have one for each layer.
    #[must_use]
    pub fn largest(&self, key: &str) -> Option<u64> {
        match self.metadata.get(key) {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the cast ends at the ends of the range"
            )]
            Some(Value::Numbers(numbers)) => Some(numbers.iter().fold(0.0, |most: f64, &one| most.max(one)) as u64),
            _ => self.whole(key),
        }
    }

    /// How many things an array holds, kept or not.
    #[must_use]
    pub fn length(&self, key: &str) -> Option<u64> {
        match self.metadata.get(key) {
            Some(Value::Numbers(numbers)) => Some(numbers.len() as u64),
            Some(Value::Many(count)) => Some(*count),
            _ => None,
        }
    }
}

/// The four letters with which a GGUF begins.
fn magic<R: Read + Seek>(source: &mut Source<R>, size: u64) -> Result<()> {
    let mut beginning = Vec::new();
    while (beginning.len() as u64) < size.min(8) && beginning != *b"GGUF" {
        beginning.extend(source.bytes::<1>()?);
    }
    // What it begins with tells people what they gave: a page of a web site, an archive, a text.
    let shown = String::from_utf8_lossy(&beginning).escape_debug().to_string();
    ensure!(beginning == *b"GGUF", "it is not a GGUF file: it begins with `{shown}`");
    Ok(())
}

/// A value of the type with this number, and where it is an array of texts their measure. What is not to be kept is passed over
/// all the same.
fn value<R: Read + Seek>(source: &mut Source<R>, key: &str, kind: u32, keep: bool) -> Result<(Value, Pieces)> {
    let value = match kind {
        8 => {
            let length = source.u64()?;
            if keep && length <= KEPT {
                Value::Text(source.text(length)?)
            } else {
                source.skip(length)?;
                Value::Many(length)
            }
        }
        9 => return array(source, key, keep),
        _ => number(source, kind)?,
    };
    Ok((value, Pieces::default()))
}

fn array<R: Read + Seek>(source: &mut Source<R>, key: &str, keep: bool) -> Result<(Value, Pieces)> {
    let (kind, count) = (source.u32()?, source.u64()?);
    let (width, what) = match kind {
        8 => (8, "texts"),
        9 => bail!("it is damaged: an array of arrays"),
        _ => (width(kind)?, "numbers"),
    };
    source.holds(count, width, what)?;
    ensure!(count <= MOST_THINGS, "it is damaged: it names {count} {what}, and there can be {MOST_THINGS}");
    if kind == 8 {
        return Ok((Value::Many(count), texts(source, key, count)?));
    }
    if !keep || count > LONGEST {
        source.skip(count * width)?;
        return Ok((Value::Many(count), Pieces::default()));
    }
    let numbers = (0..count).map(|_| match number(source, kind)? {
        Value::Whole(number) => Ok(number as f64),
        Value::Truth(truth) => Ok(f64::from(u8::from(truth))),
        Value::Real(number) => Ok(number),
        Value::Text(_) | Value::Numbers(_) | Value::Many(_) => bail!("it is damaged: an array of no numbers"),
    });
    Ok((Value::Numbers(numbers.collect::<Result<_>>()?), Pieces::default()))
}

/// Passes so many texts by and measures them.
fn texts<R: Read + Seek>(source: &mut Source<R>, key: &str, count: u64) -> Result<Pieces> {
    let of_tokenizer = key.starts_with("tokenizer.ggml.");
    let mut pieces = Pieces::default();
    for number in 0..count {
        let length = source.u64()?;
        let within = length <= LONGEST_PIECE || !of_tokenizer;
        ensure!(within, "it is damaged: its text {number} is {length} bytes long, and can be {LONGEST_PIECE}");
        source.skip(length)?;
        pieces.longest = pieces.longest.max(length);
        pieces.bytes = pieces.bytes.saturating_add(length);
        pieces.cubes = pieces.cubes.saturating_add(length.saturating_pow(3));
    }
    let within = pieces.bytes <= MOST_PIECES || key != PIECES;
    ensure!(within, "it is damaged: its texts have {} bytes together, and can have {MOST_PIECES}", pieces.bytes);
    Ok(pieces)
}

/// The bytes of a number of this type.
fn width(kind: u32) -> Result<u64> {
    Ok(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => bail!("it is damaged: a value of the unknown type {kind}"),
    })
}

fn number<R: Read + Seek>(source: &mut Source<R>, kind: u32) -> Result<Value> {
    Ok(match kind {
        0 => Value::Whole(u8::from_le_bytes(source.bytes()?).into()),
        1 => Value::Whole(i8::from_le_bytes(source.bytes()?).into()),
        2 => Value::Whole(u16::from_le_bytes(source.bytes()?).into()),
        3 => Value::Whole(i16::from_le_bytes(source.bytes()?).into()),
        4 => Value::Whole(source.u32()?.into()),
        5 => Value::Whole(i32::from_le_bytes(source.bytes()?).into()),
        6 => Value::Real(f32::from_le_bytes(source.bytes()?).into()),
        7 => Value::Truth(source.bytes::<1>()? != [0]),
        10 => Value::Whole(source.u64()?.into()),
        11 => Value::Whole(i64::from_le_bytes(source.bytes()?).into()),
        12 => Value::Real(f64::from_le_bytes(source.bytes()?)),
        _ => bail!("it is damaged: a value of the unknown type {kind}"),
    })
}

/// A tensor, and where it begins behind the header.
fn tensor<R: Read + Seek>(source: &mut Source<R>) -> Result<(Tensor, u64)> {
    let length = source.u64()?;
    ensure!(length <= LONGEST_NAME, "it is damaged: the name of a tensor is {length} bytes long");
    let name = source.text(length)?;
    let dimensions = source.u32()?;
    ensure!((1..=4).contains(&dimensions), "it is damaged: the tensor `{}` has {dimensions} dimensions", shown(&name));
    let shape = (0..dimensions).map(|_| source.u64()).collect::<Result<Vec<u64>>>()?;
    let number = source.u32()?;
    let place = source.u64()?;
    let kind = Kind::of(number).with_context(|| format!("the tensor `{}` has the unknown type {number}", shown(&name)))?;
    let numbers = shape.iter().try_fold(1_u64, |numbers, &size| numbers.checked_mul(size));
    // Blocks run along the first dimension.
    let rows = numbers.filter(|_| shape[0] > 0).map(|numbers| numbers / shape[0]);
    let bytes = rows.and_then(|rows| kind.bytes(shape[0])?.checked_mul(rows));
    let (Some(numbers), Some(bytes)) = (numbers, bytes) else {
        bail!("it is damaged: the tensor `{}` cannot have the shape {shape:?}", shown(&name));
    };
    Ok((Tensor { name, kind, shape, numbers, bytes }, place))
}

/// A name from a file that nobody has vetted, on one line.
fn shown(name: &str) -> String {
    excerpt(name, EXCERPT)
}
