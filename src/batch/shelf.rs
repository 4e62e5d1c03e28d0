//! The stories of a run that are told.

use std::collections::{BTreeMap, HashMap};

use super::index::Entry;
use super::matrix::Item;

/// Lines of the index by the number of the story in its matrix.
#[derive(Debug, Default)]
pub struct Shelf(BTreeMap<usize, Kept>);

/// A story that is told.
#[derive(Debug)]
pub(super) struct Kept {
    /// Its line.
    pub entry: Entry,
    /// The size of its record in bytes.
    pub size: u64,
}

impl Shelf {
    /// Their lines, in the order of the matrix.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.values().map(|kept| &kept.entry)
    }

    /// Whether this story is told.
    #[must_use]
    pub fn has(&self, item: Item) -> bool {
        self.0.contains_key(&item.number)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Leaves these out.
    pub fn forget(&mut self, which: impl Fn(&Entry) -> bool) {
        self.0.retain(|_, kept| !which(&kept.entry));
    }

    pub(super) fn put(&mut self, item: Item, kept: Kept) {
        self.0.insert(item.number, kept);
    }

    pub(super) fn lose(&mut self, item: Item) {
        self.0.remove(&item.number);
    }

    /// The size of its record in bytes.
    pub(super) fn size(&self, item: Item) -> Option<u64> {
        self.0.get(&item.number).map(|kept| kept.size)
    }

    /// Whether these lines, in any order, are those of the stories.
    pub(super) fn agrees(&self, lines: &[Entry]) -> bool {
        let named: HashMap<&str, &Entry> = lines.iter().map(|entry| (entry.name.as_str(), entry)).collect();
        let each_once = named.len() == lines.len() && lines.len() == self.len();
        each_once && self.entries().all(|entry| named.get(entry.name.as_str()) == Some(&entry))
    }
}
