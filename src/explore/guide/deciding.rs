//! What is to be known at a place: the decision, where each candidate leads, and how surprising the text was.

use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::planning::Prepared;
use super::{Report, Stretch, Work};
use crate::decode::{Closely, Explorer, Plan};
use crate::engine::{Explanation, Moment};
use crate::model::Kind;
use crate::prob::{Score, Token};
use crate::sampler::{Horizon, Reach};
use crate::story::{ScoredToken, TracedToken};

use super::super::tree::Piece;

/// How many tokens after each candidate are told.
const NEXT: usize = 5;

impl Work<'_> {
    /// The decision about the next token.
    pub fn decide(&mut self, explorer: &mut Explorer, prepared: &Prepared, own: Option<Token>) -> Result<()> {
        let (plan, number) = (prepared.plan()?, self.request.number);
        let vocabulary = self.engine.vocabulary();
        let sampler = plan.sampler.with_reach(Reach::Exhaustive).bind(vocabulary)?;
        if plan.sampler.chain().follows_surprisal() && !self.recall(explorer, plan)? {
            return Ok(());
        }
        let hear = &mut *self.hear;
        let mut reading = |read, of| {
            hear(Report::Reading { number, read, of });
            ControlFlow::Continue(())
        };
        let closely = Closely { nexts: NEXT, width: prepared.width, keeps: true, own };
        let Some(decided) = explorer.decide_next(plan, &sampler, closely, &mut reading, self.cancel)? else { return Ok(()) };
        let moment = Moment {
            model: self.engine.title(),
            prompt: vocabulary.text(&plan.prompt),
            prompt_tokens: plan.prompt.clone(),
            seed: plan.seed,
            step: plan.continuation.told,
            story_tokens: None,
        };
        let recipe = &self.request.recipe;
        let explanation = Explanation::of(moment, &recipe.name, &recipe.preset, &decided, vocabulary)?;
        let added = |token: Token| {
            let bytes = if vocabulary.ends(token) { &[] } else { vocabulary.piece(token) };
            bytes[prepared.owed.len().min(bytes.len())..].to_vec()
        };
        let texts = explanation.candidates.iter().map(|candidate| added(candidate.named.token)).collect();
        (self.hear)(Report::Decided { number, explanation: Box::new(explanation), texts });
        Ok(())
    }

    /// Makes sure that it is known how surprising the story was, for a preset that follows that; whether it is.
    fn recall(&mut self, explorer: &mut Explorer, plan: &Plan) -> Result<bool> {
        let (node, told) = (explorer.add(explorer.root(), &plan.prompt), plan.continuation.told);
        Ok(explorer.remembers(node, told) || self.scores(explorer, plan)?.is_some())
    }

    /// What each token of the story was worth to the model.
    fn scores(&mut self, explorer: &mut Explorer, plan: &Plan) -> Result<Option<Vec<Option<Score>>>> {
        let (node, number) = (explorer.add(explorer.root(), &plan.prompt), self.request.number);
        let hear = &mut *self.hear;
        let mut reading = |read, of| {
            hear(Report::Reading { number, read, of });
            ControlFlow::Continue(())
        };
        explorer.score(node, plan.continuation.told, &mut reading, self.cancel)
    }

    /// How surprising each token of the story was.
    pub fn score(&mut self, explorer: &mut Explorer, prepared: &Prepared) -> Result<()> {
        let (plan, number) = (prepared.plan()?, self.request.number);
        let Some(scores) = self.scores(explorer, plan)? else { return Ok(()) };
        let vocabulary = self.engine.vocabulary();
        let clock = self.request.way.beginning.clock;
        let mut scores = plan.prompt[plan.origin().len()..].iter().zip(scores).skip(clock);
        let mut owed = self.request.way.beginning.healed.len();
        for Stretch { node, text, tokens } in &self.request.way.stretches {
            let mut left = text.len();
            let mut pieces = Vec::new();
            // A text that was not cut when it was asked about has as many tokens as spell it.
            while left > 0 || pieces.len() < tokens.len() {
                if tokens.get(pieces.len()).is_some_and(|token| vocabulary.ends(*token)) {
                    pieces.push(Piece { token: tokens[pieces.len()], len: 0, trace: None });
                    continue;
                }
                let Some((&id, score)) = scores.next() else { break };
                let bytes = vocabulary.piece(id).len();
                let own = owed.min(bytes);
                owed -= own;
                left -= (bytes - own).min(left);
                let traced = score.map(|Score { surprisal, rank, entropy }| {
                    Arc::new(TracedToken::read(&ScoredToken { id, bytes, surprisal, rank, entropy }, vocabulary.show(id)))
                });
                pieces.push(Piece { token: id, len: bytes - own, trace: traced });
            }
            (self.hear)(Report::Scored { number, node: *node, tokens: pieces });
        }
        Ok(())
    }

    /// Where each of these candidates would lead.
    pub fn ghosts(&mut self, explorer: &mut Explorer, prepared: &Prepared, candidates: &[Token], words: usize) -> Result<()> {
        let (plan, number) = (prepared.plan()?, self.request.number);
        let (vocabulary, cancel, hear) = (self.engine.vocabulary(), self.cancel, &mut *self.hear);
        let at = explorer.add(explorer.root(), &plan.prompt);
        let mut reading = |read, of| {
            hear(Report::Reading { number, read, of });
            if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        if cancel.is_cancelled() || !explorer.reach(at, &mut reading)? {
            return Ok(());
        }
        let (leading, ending): (Vec<Token>, Vec<Token>) =
            candidates.iter().partition(|&&candidate| vocabulary.kind(candidate) == Kind::Text);
        for candidate in ending {
            hear(Report::Ghost { number, candidate, text: String::new() });
        }
        let nodes: Vec<_> = leading.iter().map(|&candidate| explorer.add(at, &[candidate])).collect();
        explorer.roll(&nodes, words.max(1), words.max(1) * Horizon::CAP, &mut |which, tokens| {
            let candidate = leading[which];
            let text = vocabulary.text(&[&[candidate], tokens].concat());
            hear(Report::Ghost { number, candidate, text });
            if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }
}

impl Prepared {
    /// The story as it goes on at the place.
    fn plan(&self) -> Result<&Plan> {
        self.plans.first().context("there is nothing to be decided")
    }
}
