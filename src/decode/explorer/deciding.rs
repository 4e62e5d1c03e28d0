//! A decision at a node of the tree.

use std::ops::ControlFlow;

use anyhow::{Context, Result, ensure};

use super::super::again::{Again, Seen};
use super::super::cancel::Cancel;
use super::super::healing::Healing;
use super::super::plan::Plan;
use super::super::single_step::Decided;
use super::{Explorer, NodeId};
use crate::bans::Watch;
use crate::model::{Kind, Model, Vocabulary};
use crate::prob::{Noise, Token, top};
use crate::sampler::{Ask, BoundSampler, Draw, History, LogitBias, TokenPath, TopTokenTrace, Turn, Without};

/// What a candidate that was looked at becomes: the row from which it is weighed; nothing where nobody waits for it any more.
type See<'s> = &'s mut dyn FnMut(&TokenPath, Vec<f32>) -> Option<Vec<f32>>;

/// How a decision is made that somebody looks at closely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closely {
    /// How many tokens after each candidate are told.
    pub nexts: usize,
    /// How many candidates are looked at in one decode, at least 1.
    pub width: usize,
    /// Whether candidates stay in memory that cannot be drawn: whoever may take one of them nevertheless needs no decode then.
    pub keeps: bool,
    /// The token that the text has there already, where it has one.
    pub own: Option<Token>,
}

impl Explorer<'_> {
    /// Decides about the token behind a node, as a story does that comes there and looks at `width` candidates in one decode.
    ///
    /// `memory` is what the sampler remembers there, such as [`Explorer::history`] of it. `see` gets each path that was looked
    /// at, with the row behind it. What was looked at stays in memory as far as it can still be taken: to go on with the drawn
    /// token costs nothing then.
    ///
    /// # Errors
    /// As [`Explorer::row`], or a row that no decision can be made from.
    pub fn decide(
        &mut self,
        node: NodeId,
        sampler: &BoundSampler,
        history: &History,
        noise: Noise,
        width: usize,
        see: &mut dyn FnMut(&TokenPath, &[f32]),
    ) -> Result<Draw> {
        let ahead = sampler.sampler().bans().map(|bans| Watch::behind(bans, &sampler.vocabulary().bytes(&self.text(node))));
        let without = Without { ahead, ..Without::default() };
        let turn = sampler.turn_without(history, self.row(node)?, noise, without)?;
        let closely = Closely { nexts: 0, width, keeps: false, own: None };
        let draw = self.finish(node, turn, closely, &mut |path, row| {
            see(path, &row);
            Some(row)
        })?;
        draw.context("nobody waited for the decision")
    }

    /// The decision with which this story goes on behind its prompt, by `sampler`, which looks at all candidates and in detail: what
    /// the story decides there, in the words of [`decide`](super::super::decide). What the story remembers of the tokens that were told
    /// before is known as far as they were [taken](Explorer::take), where the plan does not carry it.
    ///
    /// `hear` hears how a text is read that is not in memory, and stops it by breaking off; then, or where `cancel` is set, there is no
    /// decision.
    ///
    /// # Errors
    /// A plan that cannot be told, or as [`Explorer::decide`].
    pub fn decide_next(
        &mut self,
        plan: &Plan,
        sampler: &BoundSampler,
        closely: Closely,
        hear: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
        cancel: &Cancel,
    ) -> Result<Option<Decided>> {
        let vocabulary = self.model.vocabulary().clone();
        plan.check(&vocabulary)?;
        let node = self.add(self.root(), &plan.prompt);
        let mut reading = |read, of| if cancel.is_cancelled() { ControlFlow::Break(()) } else { hear(read, of) };
        if cancel.is_cancelled() || !self.reach(node, &mut reading)? {
            return Ok(None);
        }
        let (story, told) = (&plan.prompt[plan.origin().len()..], plan.continuation.told);
        let carried = plan.continuation.carried.clone().unwrap_or_else(|| self.history(node, told).carried());
        let history = History::of_text(&plan.prompt, told).planning(plan.planned()).carrying(carried);
        let healing = Healing::new(&plan.heal, &vocabulary).behind(plan.continuation.before_heal);
        let ahead = sampler.sampler().bans().map(|bans| Watch::behind(bans, &vocabulary.bytes(&plan.prompt)));
        let mut again = Again::new(&[], &[], sampler.clone(), closely.nexts);
        let row = healing.fitting(self.row(node)?, story);
        again.meet(0, &row);
        let without = Without { bias: LogitBias::default(), ahead };
        let turn = sampler.turn_without(&history, &row, Noise::new(plan.seed, plan.origin()), without)?;
        let draw = self.finish(node, turn, closely, &mut |path, row| {
            let row = healing.fitting(&row, story.iter().chain(&path.0)).into_owned();
            again.see(0, path, &row);
            (!cancel.is_cancelled()).then_some(row)
        })?;
        let Some(draw) = draw else { return Ok(None) };
        let own = closely.own.map(|token| TopTokenTrace { token, log_p: again.log_p(token) });
        let Seen { strayed, next, .. } = again.seen();
        Ok(Some(Decided { draw, own, strayed, next }))
    }

    /// Looks at what a turn behind a node asks for, until it has decided.
    fn finish(&mut self, node: NodeId, mut turn: Turn, closely: Closely, see: See) -> Result<Option<Draw>> {
        loop {
            let paths = match turn.ask() {
                Ask::Take(draw) => return Ok(Some(draw)),
                Ask::Look(paths) => paths,
            };
            // A turn that needs all candidates gets them in as few decodes as there can be.
            let width = if turn.decides_by_all() { usize::MAX } else { closely.width.max(1) };
            let paths = &paths[..paths.len().min(width)];
            let nodes: Vec<NodeId> = paths.iter().map(|path| self.add(node, &path.0)).collect();
            let rows = self.rows(&nodes)?;
            for (path, row) in paths.iter().zip(rows) {
                let Some(row) = see(path, row) else { return Ok(None) };
                turn.learn(path, &row);
                for lost in turn.lost().into_iter().filter(|_| !closely.keeps) {
                    let lost = self.add(node, &lost.0);
                    self.release(lost);
                }
            }
        }
    }

    /// What the likeliest way on is behind each of these nodes, to the end of so many words: that in which the node's last token stands
    /// is the first. `hear` gets the number of each node that has come there, with the tokens behind it, and stops all by breaking off.
    ///
    /// All of them are fewer than `most` tokens. Where the likeliest token is no text, the way ends.
    ///
    /// # Errors
    /// As [`Explorer::row`].
    pub fn roll(
        &mut self,
        nodes: &[NodeId],
        words: usize,
        most: usize,
        hear: &mut dyn FnMut(usize, &[Token]) -> ControlFlow<()>,
    ) -> Result<()> {
        ensure!(words > 0, "a way of no words leads nowhere");
        let vocabulary = self.model.vocabulary().clone();
        let way = |(number, &at): (usize, &NodeId)| Way { number, at, tokens: Vec::new(), word: 1 };
        let mut open: Vec<Way> = nodes.iter().enumerate().map(way).collect();
        while !open.is_empty() {
            let at: Vec<NodeId> = open.iter().map(|way| way.at).collect();
            let rows = self.rows(&at)?;
            let mut going = Vec::new();
            for (mut way, row) in open.into_iter().zip(rows) {
                match way.next(&row, words, most, &vocabulary) {
                    Some(token) => {
                        way.tokens.push(token);
                        way.at = self.add(way.at, &[token]);
                        going.push(way);
                    }
                    None if hear(way.number, &way.tokens).is_break() => return Ok(()),
                    None => {}
                }
            }
            open = going;
        }
        Ok(())
    }
}

/// A likeliest way on.
struct Way {
    number: usize,
    at: NodeId,
    tokens: Vec<Token>,
    /// In which word it is, counted from 1.
    word: usize,
}

impl Way {
    /// The token with which it goes on, to the end of so many words and for fewer than `most` tokens; nothing at its end.
    fn next(&mut self, row: &[f32], words: usize, most: usize, vocabulary: &Vocabulary) -> Option<Token> {
        let token = top(row, 1).first()?.token;
        if vocabulary.kind(token) != Kind::Text || self.tokens.len() + 1 >= most {
            return None;
        }
        if !vocabulary.continues_word(token) {
            if self.word == words {
                return None;
            }
            // Marks and white space between two words are of neither.
            self.word += usize::from(vocabulary.text(&[token]).contains(char::is_alphanumeric));
        }
        Some(token)
    }
}
