//! Stories that are told on from a node of the tree, and become a part of it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use anyhow::{Result, ensure};

use super::super::cancel::Cancel;
use super::super::drive::{drive, each};
use super::super::kept::Keep;
use super::super::observer::{Ended, Observer, Told};
use super::super::plan::{Completion, Plan};
use super::super::round::Stories;
use super::super::scoring::{Given, Scoring};
use super::{Explorer, NodeId};
use crate::model::{Branch, Model};
use crate::prob::{Score, Token};
use crate::sampler::{Carried, Draw};

impl Explorer<'_> {
    /// Tells stories that all go on from the same text, as they are told by [`drive`](super::super::drive) in a memory that has
    /// read it: the tokens are those that are told anywhere. They are heard by their places among `plans`, and what was told is in the
    /// tree then, with its memory.
    ///
    /// What the stories need to know of the tokens that were told before is taken from the tree, where the plan does not carry it;
    /// what the tree does not know is computed while the text is read once more.
    ///
    /// # Errors
    /// Plans that do not go on from one text, or no room for them, or as [`Explorer::row`]. A story that cannot be told or breaks off
    /// is heard to end so; where it is cancelled before it began it is not heard.
    pub fn tell(&mut self, mut plans: Vec<Plan>, width: usize, observer: &mut dyn Observer, cancel: &Cancel) -> Result<()> {
        let Some(text) = plans.first().map(|plan| plan.prompt.clone()) else { return Ok(()) };
        let one = |plan: &Plan| plan.prompt == text && plan.continuation.told == plans[0].continuation.told;
        ensure!(plans.iter().all(one), "the stories do not go on from one text");
        let node = self.add(self.root(), &text);
        let mut knows = true;
        for plan in &mut plans {
            knows &= self.carry(node, plan);
        }
        // What is to be scored is read by the stories themselves.
        if knows && !self.read(node, observer, cancel)? {
            return Ok(());
        }
        let (count, told) = (plans.len(), plans[0].continuation.told);
        let held = self.hand_over(node, &plans, width)?;
        let mut witness = Witness { observer, draws: vec![Vec::new(); count], ended: Vec::new() };
        let mut stories = Stories::new(&mut self.model, width).keeping(Keep { prompts: 1, stories: count });
        if let Some((branch, row)) = held {
            stories.hold(text, branch, row);
        }
        drive(&mut stories, count, &mut each(plans), &mut witness, cancel);
        let kept = stories.hand_back();
        drop(stories);
        let Witness { draws, ended, .. } = witness;
        for (story, completion) in ended {
            self.know_told(node, told, &completion);
            draws[story].iter().fold(node, |at, draw| self.take(at, draw));
        }
        for (text, branch, row) in kept {
            self.take_in(&text, branch, row);
        }
        Ok(())
    }

    /// Whether it is known how surprising the last `told` tokens of a node's text were.
    #[must_use]
    pub fn remembers(&self, node: NodeId, told: usize) -> bool {
        self.way(node).take(told).all(|node| self.nodes[node.0].drawn.is_some())
    }

    /// What each of the last `told` tokens of a node's text was worth to the model, as [`Scoring`] has it; the tree remembers it. For
    /// that the text is read once more. Nothing where `hear`, which hears how much is read, breaks off, or `cancel` is set.
    ///
    /// # Errors
    /// As [`Explorer::row`].
    pub fn score(
        &mut self,
        node: NodeId,
        told: usize,
        hear: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
        cancel: &Cancel,
    ) -> Result<Option<Vec<Option<Score>>>> {
        let text = self.text(node);
        // Of the first token of all nothing can be said.
        let first = text.len().saturating_sub(told).max(1).min(text.len());
        let (context, story) = text.split_at(first);
        let scoring = Scoring::of(&[Given { context, text: story }]);
        let (of, (cells, branches)) = (scoring.to_read(), scoring.room(self.model.room().batch));
        ensure!(self.fits(&BTreeSet::new(), branches, cells), "the model has no room for {cells} tokens");
        let Some(scores) = scoring.run(&mut self.model, &mut |read| hear(read, of), cancel)? else { return Ok(None) };
        let scores: Vec<Option<Score>> = scores.into_iter().flatten().collect();
        let way: Vec<NodeId> = self.way(node).take(story.len()).collect();
        for (node, score) in way.into_iter().rev().zip(&scores) {
            let known = score.map(|Score { surprisal, entropy, .. }| [-surprisal, entropy]);
            self.nodes[node.0].drawn = self.nodes[node.0].drawn.or(known);
        }
        Ok(Some(std::iter::repeat_n(None, told - story.len()).chain(scores).collect()))
    }

    /// Lets a story know what the tree knows of what was told before; whether that is all it needs.
    fn carry(&self, node: NodeId, plan: &mut Plan) -> bool {
        let Plan { sampler, continuation, .. } = plan;
        if continuation.carried.is_none() {
            let carried = self.history(node, continuation.told).carried();
            let is_whole = carried.surprisals.len() == continuation.told;
            continuation.scored |= !is_whole && sampler.chain().follows_surprisal();
            let feedback = carried.feedback;
            continuation.carried = Some(if is_whole { carried } else { Carried { feedback, ..Carried::default() } });
        }
        !continuation.scored || continuation.told == 0
    }

    /// Reads the text of a node; whether it is read, and somebody still waits.
    fn read(&mut self, node: NodeId, observer: &mut dyn Observer, cancel: &Cancel) -> Result<bool> {
        let mut hear = |read, of| {
            let left = cancel.is_cancelled() || observer.reading(0, read, of).is_break();
            if left { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        Ok(!cancel.is_cancelled() && self.reach(node, &mut hear)?)
    }

    /// Makes room for stories behind a node, and gives its memory out of the tree; nothing where it is not known.
    fn hand_over(&mut self, node: NodeId, plans: &[Plan], width: usize) -> Result<Option<(Branch, Vec<f32>)>> {
        let (cells, branches) = Stories::room_for_all(plans, width);
        let length = self.nodes[node.0].depth;
        let Some(row) = self.nodes[node.0].row.clone() else {
            ensure!(self.fits(&BTreeSet::new(), branches, cells), "the model has no room for {cells} tokens");
            return Ok(None);
        };
        let standing = BTreeSet::from([node]);
        self.hold(node, &standing)?;
        // At a full context a story is read afresh, and its text lies in memory twice where others hold it.
        let shifts = plans.iter().any(|plan| plan.context_shift);
        let own = if shifts { cells } else { cells - length.min(cells) };
        ensure!(self.fits(&standing, branches, own), "the model has no room for {own} tokens more");
        self.living.remove(&node);
        Ok(self.nodes[node.0].branch.take().map(|branch| (branch, row)))
    }

    /// What a story knew at its end of the `told` tokens before a node that were told before it began.
    fn know_told(&mut self, node: NodeId, told: usize, completion: &Completion) {
        let (Carried { surprisals, entropies, .. }, all) = (&completion.carried, told + completion.tokens.len());
        if surprisals.len() != all || entropies.len() != all {
            return;
        }
        let way: Vec<NodeId> = self.way(node).take(told).collect();
        for (node, (surprisal, entropy)) in way.into_iter().rev().zip(surprisals.iter().zip(entropies)) {
            self.nodes[node.0].drawn.get_or_insert([-surprisal, *entropy]);
        }
    }

    /// Takes a text that lies in memory into the tree; what was used least recently makes place for it.
    fn take_in(&mut self, text: &[Token], branch: Branch, row: Option<Vec<f32>>) {
        let node = self.add(self.root(), text);
        let is_full = self.living.len() >= self.budget.branches && !self.living.contains(&node);
        if let Some(&oldest) = self.living.iter().min_by_key(|node| self.nodes[node.0].used).filter(|_| is_full) {
            self.forget(oldest);
        }
        self.settle(node, branch);
        if let Some(row) = row {
            self.know(node, row);
        }
    }
}

/// Hears stories, and keeps what they drew.
struct Witness<'o> {
    observer: &'o mut dyn Observer,
    draws: Vec<Vec<Draw>>,
    ended: Vec<(usize, Completion)>,
}

impl Observer for Witness<'_> {
    fn began(&mut self, story: usize) {
        self.observer.began(story);
    }

    fn reading(&mut self, story: usize, read: usize, of: usize) -> ControlFlow<()> {
        self.observer.reading(story, read, of)
    }

    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        self.draws[story].push(told.draw.clone());
        self.observer.told(story, told)
    }

    fn ended(&mut self, story: usize, ended: Ended) {
        self.ended.push((story, ended.completion.clone()));
        self.observer.ended(story, ended);
    }
}
