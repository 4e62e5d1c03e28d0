//! A writer of GGUF files, version 3, as small as the tests need, and the tiny models that it writes.
//!
//! Layout: magic, version, the counts of tensors and metadata; the metadata; names, shapes and offsets of the tensors; the
//! tensors, aligned. All little-endian. Source: the GGUF specification in the ggml repository.

// The benchmark and some tests compile this module for themselves and use their own part of it.
#![allow(dead_code, unused_imports)]
#![allow(clippy::unwrap_used)] // A panic in a helper of tests is a failed test.

mod mutant;
mod tiny;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

pub use mutant::{hostile, mutant, pick};
pub use tiny::{Family, tiny};

const ALIGNMENT: usize = 32;

/// A metadata value.
#[derive(Debug, Clone)]
pub enum Value {
    U16(u16),
    I32(i32),
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(String),
    U32s(Vec<u32>),
    I32s(Vec<i32>),
    F32s(Vec<f32>),
    Texts(Vec<String>),
}

/// A file to be written: metadata, and tensors of 32-bit floats.
#[derive(Debug, Clone)]
pub struct Gguf {
    pub version: u32,
    pub metadata: Vec<(String, Value)>,
    pub tensors: Vec<Tensor>,
}

/// The first dimension is the one whose neighbours are neighbours in memory.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub name: String,
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

impl Default for Gguf {
    fn default() -> Self {
        Self { version: 3, metadata: Vec::new(), tensors: Vec::new() }
    }
}

impl Gguf {
    /// Adds a metadata entry, or replaces the one of this key.
    pub fn set(&mut self, key: &str, value: Value) {
        self.metadata.retain(|(other, _)| other != key);
        self.metadata.push((key.to_owned(), value));
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Out(b"GGUF".to_vec());
        out.u32(self.version);
        out.count(self.tensors.len());
        out.count(self.metadata.len());
        for (key, value) in &self.metadata {
            out.text(key);
            out.value(value);
        }
        let mut offset = 0;
        for tensor in &self.tensors {
            assert_eq!(tensor.shape.iter().product::<usize>(), tensor.data.len(), "{}", tensor.name);
            out.text(&tensor.name);
            out.u32(u32::try_from(tensor.shape.len()).unwrap());
            tensor.shape.iter().for_each(|&size| out.count(size));
            out.u32(0); // the type: 32-bit float
            out.count(offset);
            offset += (4 * tensor.data.len()).next_multiple_of(ALIGNMENT);
        }
        for tensor in &self.tensors {
            out.align();
            tensor.data.iter().for_each(|&weight| out.f32(weight));
        }
        out.align();
        out.0
    }

    /// The model in so many files: the metadata stand in the first one, the tensors are dealt out in order.
    pub fn split(&self, count: usize) -> Vec<Self> {
        let share = self.tensors.len().div_ceil(count);
        let part = |number: usize| {
            let tensors = self.tensors.iter().skip(number * share).take(share).cloned().collect();
            let metadata = if number == 0 { self.metadata.clone() } else { Vec::new() };
            let mut part = Self { version: self.version, metadata, tensors };
            part.set("split.no", Value::U16(u16::try_from(number).unwrap()));
            part.set("split.count", Value::U16(u16::try_from(count).unwrap()));
            part.set("split.tensors.count", Value::I32(i32::try_from(self.tensors.len()).unwrap()));
            part
        };
        (0..count).map(part).collect()
    }

    /// The file in a place of its own.
    pub fn write(&self) -> Scratch {
        Scratch::new("tiny.gguf", &self.bytes())
    }
}

struct Out(Vec<u8>);

impl Out {
    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    fn i32(&mut self, value: i32) {
        self.0.extend(value.to_le_bytes());
    }

    fn f32(&mut self, value: f32) {
        self.0.extend(value.to_le_bytes());
    }

    fn count(&mut self, value: usize) {
        self.0.extend(u64::try_from(value).unwrap().to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend(text.as_bytes());
    }

    fn align(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(ALIGNMENT), 0);
    }

    /// A value behind the number of its type; an array behind the number 9, that of its elements, and their count.
    fn value(&mut self, value: &Value) {
        match value {
            Value::U16(number) => {
                self.u32(2);
                self.0.extend(number.to_le_bytes());
            }
            Value::I32(number) => {
                self.u32(5);
                self.i32(*number);
            }
            Value::U32(number) => {
                self.u32(4);
                self.u32(*number);
            }
            Value::F32(number) => {
                self.u32(6);
                self.f32(*number);
            }
            Value::Bool(truth) => {
                self.u32(7);
                self.0.push(u8::from(*truth));
            }
            Value::Text(text) => {
                self.u32(8);
                self.text(text);
            }
            Value::U32s(numbers) => self.array(4, numbers, |out, &number| out.u32(number)),
            Value::I32s(numbers) => self.array(5, numbers, |out, &number| out.i32(number)),
            Value::F32s(numbers) => self.array(6, numbers, |out, &number| out.f32(number)),
            Value::Texts(texts) => self.array(8, texts, |out, text| out.text(text)),
        }
    }

    fn array<T>(&mut self, kind: u32, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.u32(9);
        self.u32(kind);
        self.count(items.len());
        for item in items {
            write(self, item);
        }
    }
}

/// A file that goes away with its name.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = folder.join(format!("{}-{number}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Deref for Scratch {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
