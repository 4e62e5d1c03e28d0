//! A decision at a node of the tree.

use anyhow::Result;

use super::{Explorer, NodeId};
use crate::bans::Watch;
use crate::prob::Noise;
use crate::sampler::{Ask, BoundSampler, Draw, History, TokenPath, Without};

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
        let mut turn = sampler.turn_without(history, self.row(node)?, noise, without)?;
        loop {
            let paths = match turn.ask() {
                Ask::Take(draw) => return Ok(draw),
                Ask::Look(paths) => paths,
            };
            // A turn that needs all candidates gets them in as few decodes as there can be.
            let width = if turn.decides_by_all() { usize::MAX } else { width.max(1) };
            let paths = &paths[..paths.len().min(width)];
            let nodes: Vec<NodeId> = paths.iter().map(|path| self.add(node, &path.0)).collect();
            let rows = self.rows(&nodes)?;
            for (path, row) in paths.iter().zip(&rows) {
                see(path, row);
                turn.learn(path, row);
                for lost in turn.lost() {
                    let lost = self.add(node, &lost.0);
                    self.release(lost);
                }
            }
        }
    }
}
