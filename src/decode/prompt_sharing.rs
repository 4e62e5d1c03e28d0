//! A prompt that several stories go on from is read once.
//!
//! The first of its stories reads it while the others wait. Then a branch that holds nothing but the prompt is kept, with the
//! row behind it: each of its stories forks it, whenever it begins or has to begin again, for as long as one of them runs. A
//! prompt of one story is kept by nobody: the story moves on with it, and needs no branch more than its own.

use anyhow::{Context, Result};

use crate::model::{Branch, Model};
use crate::prob::Token;

/// The prompts of all running stories.
#[derive(Debug, Default)]
pub(super) struct Prompts(Vec<Prompt>);

#[derive(Debug)]
struct Prompt {
    tokens: Vec<Token>,
    /// The numbers of the stories that run, ascending: the first one reads.
    stories: Vec<usize>,
    state: State,
    /// Whether a branch is reserved to keep it.
    branch: bool,
}

#[derive(Debug)]
enum State {
    /// The first of its stories reads it.
    Unread,
    /// It is read: the branch that keeps it, and the row behind it.
    Kept(Branch, Vec<f32>),
    /// Its only story has moved on with it.
    Taken,
}

/// What a prompt gives back when its last story leaves it.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub cells: usize,
    pub branches: usize,
    /// The branch that kept it.
    pub kept: Option<Branch>,
}

impl Prompts {
    /// How many branches more a story needs to share this prompt with those that run; `None` where none of them can.
    pub fn to_share(&self, tokens: &[Token]) -> Option<usize> {
        self.open(tokens).map(|at| usize::from(!self.0[at].branch))
    }

    /// A story shares the prompt of others.
    pub fn share(&mut self, tokens: &[Token], story: usize) {
        if let Some(at) = self.open(tokens) {
            self.0[at].stories.push(story);
            self.0[at].branch = true;
        }
    }

    /// A story has a prompt to itself, until others share it.
    pub fn begin(&mut self, tokens: &[Token], story: usize) {
        self.0.push(Prompt { tokens: tokens.to_vec(), stories: vec![story], state: State::Unread, branch: false });
    }

    /// The prompt of these tokens that can still be shared.
    fn open(&self, tokens: &[Token]) -> Option<usize> {
        self.0.iter().position(|prompt| prompt.tokens == tokens && !matches!(prompt.state, State::Taken))
    }

    fn of(&self, story: usize) -> Option<&Prompt> {
        self.0.iter().find(|prompt| prompt.stories.contains(&story))
    }

    /// Whether another story reads the prompt for this one.
    pub fn waits(&self, story: usize) -> bool {
        self.of(story).is_some_and(|prompt| matches!(prompt.state, State::Unread) && prompt.stories[0] != story)
    }

    /// The branch that keeps the prompt of this story, and the row behind it.
    pub fn kept(&self, story: usize) -> Option<(Branch, &[f32])> {
        match &self.of(story)?.state {
            State::Kept(branch, row) => Some((*branch, row)),
            State::Unread | State::Taken => None,
        }
    }

    /// A story has read its prompt, into this branch, and this is the row behind it: keeps them for the others.
    ///
    /// # Errors
    /// The branch cannot be forked.
    pub fn read(&mut self, story: usize, model: &mut dyn Model, branch: Branch, row: &[f32]) -> Result<()> {
        let Some(prompt) = self.0.iter_mut().find(|prompt| prompt.stories.contains(&story)) else { return Ok(()) };
        if matches!(prompt.state, State::Unread) {
            prompt.state = match prompt.stories[..] {
                [_] => State::Taken,
                _ => State::Kept(fork(model, branch, prompt.tokens.len())?, row.to_vec()),
            };
        }
        Ok(())
    }

    /// A story has ended.
    pub fn leave(&mut self, story: usize) -> Left {
        let Some(at) = self.0.iter().position(|prompt| prompt.stories.contains(&story)) else { return Left::default() };
        self.0[at].stories.retain(|&other| other != story);
        if !self.0[at].stories.is_empty() {
            return Left::default();
        }
        let Prompt { tokens, state, branch, .. } = self.0.remove(at);
        let kept = if let State::Kept(kept, _) = state { Some(kept) } else { None };
        Left { cells: tokens.len(), branches: usize::from(branch), kept }
    }
}

/// Another branch of the same text of `len` tokens. No memory has to step back for it, so every kind of model can.
///
/// # Errors
/// The branch does not live, or none is free.
pub(super) fn fork(model: &mut dyn Model, branch: Branch, len: usize) -> Result<Branch> {
    model.prefix(branch, len)?.context("the memory of a prompt cannot be forked")
}
