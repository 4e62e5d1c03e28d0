//! Texts that ended in a space when they were told: whoever sends one back to have it gone on with did not type that space.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Mutex, PoisonError};

use crate::text::is_blank;

/// So many texts are remembered: those that are told at one time are far fewer.
const MOST: usize = 1024;

/// What is remembered of them, the oldest first: what their texts come to, and no text.
#[derive(Debug, Default)]
pub(super) struct Spaces(Mutex<VecDeque<u64>>);

impl Spaces {
    /// Behind this prompt this was told; nothing where its tokens did no more than spell the prompt's own space.
    pub fn told(&self, prompt: &str, told: &str) {
        let last = if told.is_empty() { prompt } else { told };
        if last.ends_with(is_blank) {
            let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            ends.push_back(sum(&[prompt, told].concat()));
            if ends.len() > MOST {
                ends.pop_front();
            }
        }
    }

    /// Whether this text ends in a space that was told.
    pub fn has_told(&self, text: &str) -> bool {
        text.ends_with(is_blank) && self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&sum(text))
    }
}

fn sum(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_that_was_told_is_known_and_one_that_was_typed_is_not() {
        let spaces = Spaces::default();
        spaces.told("a wolf", " and a ");
        spaces.told("a wolf ", "king");
        assert!(!spaces.has_told("a king "));
        spaces.told("a king ", "");
        assert!(spaces.has_told("a king "));
        assert!(spaces.has_told("a wolf and a "));
        assert!(!spaces.has_told("a wolf ") && !spaces.has_told("a wolf king") && !spaces.has_told(""));
        for number in 0..MOST {
            spaces.told("a wolf", &format!("{number} "));
        }
        assert!(!spaces.has_told("a wolf and a ") && spaces.has_told("a wolf0 "));
    }
}
