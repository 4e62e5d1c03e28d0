//! The rows of a decode and what the stories do with them: by several threads where rows are long and many stories tell.
//!
//! Over a large vocabulary the first look at a row takes as long as a GPU takes for its token, and every story looks at its own rows.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use super::observer::Observer;
use super::request::{Answer, DecodeRequest};
use super::round::Stories;
use super::storyteller::Storyteller;
use crate::model::{Branch, Step, WORTH_THREADS};

/// A story with what it is to be told.
struct Answered<'s> {
    number: usize,
    story: &'s mut Storyteller,
    answers: Vec<(DecodeRequest, Answer)>,
}

/// What came of an answer: for which story, the branch that it brought, and the branches that nobody needs any more.
type Outcome = (usize, Branch, Result<Vec<Branch>>);

/// What is kept of the rows of a request: the last one, and by position what others say of the token behind them.
#[derive(Default)]
struct RowsRead {
    last: Vec<f32>,
    scores: Vec<(usize, [f64; 2])>,
}

impl Stories<'_> {
    /// Makes the branches that are asked for, with their rows.
    pub(super) fn evaluate(&mut self, requests: &[(usize, DecodeRequest)]) -> Result<Vec<Answer>> {
        let steps: Vec<Step> = requests.iter().map(|(_, request)| request.step()).collect();
        let read: Vec<Mutex<RowsRead>> = steps.iter().map(|_| Mutex::default()).collect();
        let tellers = &self.tellers;
        let read_row = |step: usize, position: usize, row: &[f32]| {
            let (number, request) = &requests[step];
            let story = tellers[*number].as_ref().filter(|_| request.scored);
            let score = story.and_then(|story| story.score(position, row));
            let last = (position + 1 == request.tokens.len()).then(|| row.to_vec());
            let mut read = read[step].lock().unwrap_or_else(PoisonError::into_inner);
            read.scores.extend(score.map(|score| (position, score)));
            if let Some(last) = last {
                read.last = last;
            }
        };
        let branches = match self.model.threads() {
            1 => self.model.extend(&steps, &mut |step, position, row| read_row(step, position, row))?,
            _ => self.model.extend_unordered(&steps, &read_row)?,
        };
        let answer = |(branch, read): (Branch, Mutex<RowsRead>)| {
            let RowsRead { last, mut scores } = read.into_inner().unwrap_or_else(PoisonError::into_inner);
            scores.sort_by_key(|(position, _)| *position);
            Answer { branch, row: last, scores: scores.into_iter().map(|(_, score)| score).collect() }
        };
        Ok(branches.into_iter().zip(read).map(answer).collect())
    }

    /// Whether none of these stories reads: what is asked for has no part in a prompt that others may share.
    pub(super) fn all_tell(&self, requests: &[(usize, DecodeRequest)]) -> bool {
        requests.iter().all(|(number, _)| self.tellers[*number].as_ref().is_some_and(Storyteller::tells))
    }

    /// Hands out answers to stories that tell. Those of one story stand together.
    pub(super) fn answer_tellers(&mut self, answers: Vec<(usize, DecodeRequest, Answer)>, observer: &mut dyn Observer) {
        let logits: usize = answers.iter().map(|(_, _, answer)| answer.row.len()).sum();
        let threads = if logits < WORTH_THREADS { 1 } else { self.model.threads() };
        for (number, branch, outcome) in answer_all(&mut self.tellers, answers, threads) {
            match outcome {
                Ok(free) => self.release(free),
                Err(error) => {
                    self.fail(number, &error, observer);
                    self.model.release(branch);
                }
            }
        }
    }
}

/// Lets every story take in its answers, so many stories at a time; what came of them, in the order of the stories.
fn answer_all(
    tellers: &mut [Option<Storyteller>],
    answers: Vec<(usize, DecodeRequest, Answer)>,
    threads: usize,
) -> Vec<Outcome> {
    let mut answers = answers.into_iter().peekable();
    let mut answered = Vec::new();
    for (number, story) in tellers.iter_mut().enumerate() {
        let own = std::iter::from_fn(|| answers.next_if(|(of, ..)| *of == number));
        let answers: Vec<_> = own.map(|(_, request, answer)| (request, answer)).collect();
        answered.extend(story.as_mut().filter(|_| !answers.is_empty()).map(|story| Answered { number, story, answers }));
    }
    let share = answered.len().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        let mut shares = answered.chunks_mut(share);
        let own = shares.next().unwrap_or_default();
        let others: Vec<_> = shares.map(|answered| scope.spawn(|| take_in(answered))).collect();
        let mut outcomes = take_in(own);
        for thread in others {
            outcomes.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        outcomes
    })
}

/// Lets these stories take in their answers. One that fails over an answer is told no more.
fn take_in(answered: &mut [Answered]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for Answered { number, story, answers } in answered {
        story.count_decode();
        let mut failed = false;
        for (request, answer) in std::mem::take(answers) {
            let branch = answer.branch;
            let outcome = if failed { Ok(vec![branch]) } else { story.answer(request, answer) };
            failed |= outcome.is_err();
            outcomes.push((*number, branch, outcome));
        }
    }
    outcomes
}
