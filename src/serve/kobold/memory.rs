//! What is remembered of the last stories by the keys of their clients: others look at them, and end them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// So many stories are remembered.
const REMEMBERED: usize = 16;

/// What is remembered of the last stories.
#[derive(Default)]
pub(super) struct Memory(Mutex<Book>);

#[derive(Default)]
struct Book {
    count: u64,
    /// The oldest first.
    stories: VecDeque<Remembered>,
}

/// What is remembered of a story.
#[derive(Clone, Default)]
pub(super) struct Remembered {
    number: u64,
    key: String,
    /// What was told.
    pub text: String,
    /// What its tokens were worth.
    pub worth: Option<Value>,
    /// Tokens told.
    pub tokens: usize,
    /// Its seed.
    pub seed: u64,
    is_over: bool,
    /// Whether it is to end as soon as it begins.
    leaves: bool,
    /// Ends it.
    leave: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Memory {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a story of this key from here on.
    pub fn keep(self: &Arc<Self>, key: String) -> Kept {
        let mut book = self.book();
        book.count += 1;
        let number = book.count;
        book.stories.push_back(Remembered { number, key, ..Remembered::default() });
        if book.stories.len() > REMEMBERED
            && let Some(over) = book.stories.iter().position(|story| story.is_over)
        {
            book.stories.remove(over);
        }
        Kept { memory: Arc::clone(self), number }
    }

    /// The last story of this key.
    pub fn of(&self, key: &str) -> Option<Remembered> {
        self.book().stories.iter().rev().find(|story| story.key == key).cloned()
    }

    /// The last one that is over, and how many there were.
    pub fn last(&self) -> (Option<Remembered>, u64) {
        let book = self.book();
        (book.stories.iter().rev().find(|story| story.is_over).cloned(), book.count)
    }

    /// Ends the stories of this key; whether there are any.
    pub fn end(&self, key: &str) -> bool {
        let mut leaves = Vec::new();
        let mut any = false;
        for story in self.book().stories.iter_mut().filter(|story| story.key == key && !story.is_over) {
            (story.leaves, any) = (true, true);
            leaves.extend(story.leave.clone());
        }
        for leave in leaves {
            leave();
        }
        any
    }
}

/// A story that is remembered while it is told, and for a while afterwards.
pub(super) struct Kept {
    memory: Arc<Memory>,
    number: u64,
}

impl Kept {
    fn change<T: Default>(&self, change: impl FnOnce(&mut Remembered) -> T) -> T {
        let mut book = self.memory.book();
        book.stories.iter_mut().find(|story| story.number == self.number).map(change).unwrap_or_default()
    }

    /// It is handed in; this ends it.
    pub fn begins(&self, seed: u64, leave: impl Fn() + Send + Sync + 'static) {
        let leave: Arc<dyn Fn() + Send + Sync> = Arc::new(leave);
        let leaves = self.change(|story| {
            (story.seed, story.leave) = (seed, Some(Arc::clone(&leave)));
            story.leaves
        });
        if leaves {
            leave();
        }
    }

    pub fn goes_on(&self, pieces: &[String]) {
        self.change(|story| {
            story.text.extend(pieces.iter().map(String::as_str));
            story.tokens += pieces.len();
        });
    }

    pub fn ends(&self, tokens: usize, worth: Option<Value>) {
        self.change(|story| (story.tokens, story.worth) = (tokens, worth));
    }

    pub fn text(&self) -> String {
        self.change(|story| story.text.clone())
    }
}

/// Whoever asked is gone, or has all.
impl Drop for Kept {
    fn drop(&mut self) {
        self.change(|story| (story.is_over, story.leave) = (true, None));
    }
}
