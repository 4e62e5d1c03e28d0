//! Who hears what happens to stories while they are told.

use std::ops::ControlFlow;

use super::again::Again;
use super::plan::{Completion, Counts, Plan};
use crate::model::Room;
use crate::sampler::Draw;

/// Hears what happens to stories, each by its number. What is not overridden is not listened to.
///
/// [`ControlFlow::Break`] says that nobody is left to hear this story: it ends there as interrupted, what is told of it is
/// kept, and the others go on.
pub trait Observer {
    /// The story is about to begin.
    fn began(&mut self, story: usize) {
        let _ = story;
    }

    /// `read` of the `of` tokens of a text are read: of the prompt, or of all that was told too where a decode failed or the
    /// context was shifted. A prompt that stories share is read by the first of them.
    fn reading(&mut self, story: usize, read: usize, of: usize) -> ControlFlow<()> {
        let _ = (story, read, of);
        ControlFlow::Continue(())
    }

    /// A token was told.
    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        let _ = (story, told);
        ControlFlow::Continue(())
    }

    /// The story has ended: nothing more will be heard of it, and its number is free.
    fn ended(&mut self, story: usize, ended: Ended) {
        let _ = (story, ended);
    }

    /// Whether the story has a part in the next decode; asked of every story that runs before each.
    fn attention(&mut self, story: usize) -> Attention {
        let _ = story;
        Attention::Listens
    }

    /// Every story that runs rests: comes back when one of them may listen again, or more is to be told.
    fn all_rest(&mut self) {}

    /// What is taken and what is free, told between decodes: before it is looked for more to tell.
    fn occupied(&mut self, occupancy: Occupancy) {
        let _ = occupancy;
    }

    /// A decode for all is over, with all that followed from it. Here `Break` is for every story.
    fn round_over(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// How somebody listens to a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// It goes on.
    Listens,
    /// It rests with all that it holds, and the others go on. A text that is being read is read to its end, for others may wait for
    /// it.
    Rests,
    /// Nobody listens any more: it ends as interrupted.
    Leaves,
}

/// What is taken of a memory in which stories are told, and what is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occupancy {
    /// Stories that have not ended.
    pub running: usize,
    /// Those of them that rest.
    pub resting: usize,
    /// Texts that are kept of stories that have ended.
    pub kept: usize,
    /// What nothing lies in: kept texts take of it, too.
    pub room: Room,
    /// Cells that no running story was promised. What is kept there is given up for one that needs them.
    pub free_cells: usize,
    /// The same of branches.
    pub free_branches: usize,
}

/// Nobody, who hears nothing.
impl Observer for () {}

/// A token that was told.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The decision.
    pub draw: &'a Draw,
    /// The text that it let appear: often its piece; nothing while a character or a possible stop string is incomplete.
    pub text: &'a str,
    /// Whose text that is, part by part: the last parts of what was held back may be those of tokens before it.
    pub parts: &'a [Part],
    /// What the story has cost up to this decode.
    pub counts: Counts,
}

impl<'a> Told<'a> {
    /// The text of each token that appeared, with the number of the token in the story, counted from 0.
    pub fn pieces(&self) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        pieces(self.text, self.parts)
    }
}

/// A story at its end.
#[derive(Debug)]
pub struct Ended {
    /// What was asked for.
    pub plan: Plan,
    /// What came of it.
    pub completion: Completion,
    /// The end of its text, which nobody has heard yet: what was held back, or told when nobody listened any more.
    pub rest: String,
    /// Whose text that is, as in [`Told::parts`].
    pub parts: Vec<Part>,
    /// What was seen, where the story was told again.
    pub(super) again: Option<Again>,
}

impl Ended {
    /// The text of each token in the rest, as [`Told::pieces`] has it.
    pub fn pieces(&self) -> impl Iterator<Item = (usize, &str)> {
        pieces(&self.rest, &self.parts)
    }
}

/// A part of a text, in bytes: as many as belong to one token.
///
/// The parts of a token, over all that is heard of a story, are its text, and all parts are the text of the story. A character
/// that is spread over tokens belongs to the one that completed it; of a stop string no part is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The token's number in the story, counted from 0.
    pub token: usize,
    /// Bytes, never 0.
    pub bytes: usize,
}

fn pieces<'a>(text: &'a str, parts: &[Part]) -> impl Iterator<Item = (usize, &'a str)> {
    let mut rest = text;
    parts.iter().map(move |part| {
        let (piece, after) = rest.split_at(part.bytes);
        rest = after;
        (part.token, piece)
    })
}
