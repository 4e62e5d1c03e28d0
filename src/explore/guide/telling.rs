//! Stories that are told on into nodes of the tree.

use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Result;

use super::super::tree::{NodeId, Piece, open_character};
use super::cutting::cut;
use super::planning::Prepared;
use super::{Report, Work};
use crate::decode::{Ended, Explorer, Observer, Told};
use crate::engine::Engine;
use crate::files::causes;
use crate::model::Detokenizer;
use crate::story::{StopReason, TracedToken};

/// What is told into one node.
struct Growing {
    node: NodeId,
    /// Bytes of the writer's own text that the next tokens spell.
    owed: usize,
    text: Vec<u8>,
    lengths: Vec<usize>,
    has_ended: bool,
}

/// Hears what is told, and reports it.
struct Teller<'t> {
    engine: &'t Engine,
    number: u64,
    /// The beginning of a character with which the text before ends.
    open: Vec<u8>,
    growing: Vec<Growing>,
    hear: &'t mut dyn FnMut(Report),
}

impl Work<'_> {
    /// Tells on into these nodes.
    pub fn tell(&mut self, explorer: &mut Explorer, prepared: Prepared, into: &[NodeId]) -> Result<()> {
        let Prepared { plans, owed, width, .. } = prepared;
        let growing =
            |&node: &NodeId| Growing { node, owed: owed.len(), text: Vec::new(), lengths: Vec::new(), has_ended: false };
        let mut teller = Teller {
            engine: self.engine,
            number: self.request.number,
            open: open_character(self.request.way.stretches.last().map_or(&[], |stretch| &stretch.text)).to_vec(),
            growing: into.iter().map(growing).collect(),
            hear: &mut *self.hear,
        };
        let told = explorer.tell(plans, width, &mut teller, self.cancel);
        let stop = match &told {
            Err(error) => StopReason::Failed(causes(error)),
            Ok(()) => StopReason::Interrupted,
        };
        teller.end_all(&stop);
        told
    }
}

impl Teller<'_> {
    /// Ends what has not ended.
    fn end_all(&mut self, stop: &StopReason) {
        for Growing { node, lengths, has_ended, .. } in &self.growing {
            if !has_ended {
                let (number, node, keep) = (self.number, *node, lengths.len());
                (self.hear)(Report::Ended { number, node, stop: stop.clone(), keep, text: Vec::new(), then: Vec::new() });
            }
        }
    }
}

impl Observer for Teller<'_> {
    fn reading(&mut self, _: usize, read: usize, of: usize) -> ControlFlow<()> {
        (self.hear)(Report::Reading { number: self.number, read, of });
        ControlFlow::Continue(())
    }

    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        let (vocabulary, growing) = (self.engine.vocabulary(), &mut self.growing[story]);
        let token = told.draw.token;
        let bytes = if vocabulary.ends(token) { &[] } else { vocabulary.piece(token) };
        let (own, bytes) = bytes.split_at(growing.owed.min(bytes.len()));
        growing.owed -= own.len();
        growing.text.extend_from_slice(bytes);
        growing.lengths.push(bytes.len());
        let trace = Some(Arc::new(TracedToken::of(told.draw, vocabulary)));
        let piece = Piece { token, len: bytes.len(), trace };
        (self.hear)(Report::Told { number: self.number, node: growing.node, text: bytes.to_vec(), piece });
        ControlFlow::Continue(())
    }

    fn ended(&mut self, story: usize, ended: Ended) {
        let (engine, growing) = (self.engine, &mut self.growing[story]);
        growing.has_ended = true;
        let (node, number, completion) = (growing.node, self.number, ended.completion);
        let mut stop = completion.stop;
        let (mut keep, mut text, mut then) = (growing.lengths.len(), Vec::new(), Vec::new());
        if matches!(stop, StopReason::Stop(_) | StopReason::Whole(_)) {
            let length = told_length(&self.open, &growing.text, &completion.text);
            let (whole, bytes) = whole_pieces(&growing.lengths, length);
            let rest = &growing.text[bytes..length];
            match cut(engine, rest, &[]) {
                Ok(pieces) => (keep, text, then) = (whole, rest.to_vec(), pieces),
                Err(error) => stop = StopReason::Failed(causes(&error)),
            }
        }
        (self.hear)(Report::Ended { number, node, stop, keep, text, then });
    }
}

/// How many bytes of what was drawn are the text that was told, which ends before a stop string or behind a sentence.
fn told_length(open: &[u8], drawn: &[u8], told: &str) -> usize {
    let is = |length: &usize| Detokenizer::text_of(&[open, &drawn[..*length]].concat()) == told;
    (0..=drawn.len()).find(is).unwrap_or(drawn.len())
}

/// How many pieces lie within so many bytes, and how many bytes those have.
fn whole_pieces(lengths: &[usize], bytes: usize) -> (usize, usize) {
    let mut sum = 0;
    let whole = lengths.iter().take_while(|&&length| {
        let fits = sum + length <= bytes;
        sum += if fits { length } else { 0 };
        fits
    });
    (whole.count(), sum)
}
