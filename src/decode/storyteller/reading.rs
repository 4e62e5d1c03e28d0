//! How a story comes to hold its text: read in parts, taken over from others, scored, and read anew where it was lost.

use anyhow::Result;

use super::super::request::{DecodeRequest, Known, Purpose};
use super::{Phase, Storyteller};
use crate::model::{Branch, Origin};
use crate::prob::{Partition, Token};

/// The most tokens that are scored in one decode: a row for each of them is held at once.
const SCORED: usize = 32;

impl Storyteller {
    /// Whether it has to read its prompt itself, however many have read it before.
    pub fn scores(&self) -> bool {
        self.scores.is_some()
    }

    /// Whether all of its text is read, and it tells.
    pub fn tells(&self) -> bool {
        !matches!(self.phase, Phase::Reading(_))
    }

    /// Whether it stands before the first token of its text, has nothing of it, and can go on from where others have read to.
    pub fn is_bare(&self) -> bool {
        self.trunk.is_none() && matches!(self.phase, Phase::Reading(0)) && !self.scores()
    }

    /// −ln p of the token that was told before and follows this one of a part that is read, in the row behind that one, and the row's
    /// entropy; nothing where it is not asked for. A token that the model holds impossible tells nothing of how surprising the text is.
    pub fn score(&self, position: usize, row: &[f32]) -> Option<[f64; 2]> {
        let Phase::Reading(read) = self.phase else { return None };
        let (at, origin) = (read + position + 1, self.plan.origin().len());
        let token = *self.plan.prompt.get(at).filter(|_| at >= origin)?;
        let row = self.healing.fitting(row, &self.plan.prompt[origin..at]);
        let (logit, partition) = (row.get(token as usize)?, Partition::of(&row)?);
        Some([-partition.log_p(*logit), partition.entropy()]).filter(|[surprisal, _]| surprisal.is_finite())
    }

    /// The prompt that it is to read, and how much of that it may take over from others; `None` where it has begun, or is to read it all.
    pub fn unread(&self) -> Option<(Vec<Token>, usize)> {
        let begins = self.trunk.is_none() && matches!(self.phase, Phase::Reading(0)) && self.told().is_empty();
        let begins = begins && !self.plan.reads_afresh;
        let text: Vec<Token> = begins.then(|| self.seen_from(0).collect())?;
        let most = self.scores.as_ref().map_or(text.len(), |_| self.first_scored());
        Some((text, most))
    }

    /// Moves its trunk on to the token that it told last, where that has been looked at: the row behind it, with the branch that is no
    /// longer its own. Whoever goes on from there goes on as the story itself would have.
    pub fn arrive(&mut self) -> Option<(Vec<f32>, Branch)> {
        let (last, behind) = (*self.told().last()?, self.held + 1 == self.seen());
        // While a beginning is still to be spelt, a row has lost what does not fit.
        let behind = behind && self.healing.left(self.story()).is_empty();
        let at = self.known.iter().position(|known| behind && known.path.0 == [last])?;
        let left = self.trunk?;
        let Known { branch, row, .. } = self.known.swap_remove(at);
        (self.trunk, self.held) = (Some(branch), self.held + 1);
        Some((row, left))
    }

    /// The text that its trunk holds, with the trunk, which is no longer its own; `None` where it has none.
    pub fn give_trunk(&mut self) -> Option<(Vec<Token>, Branch)> {
        let text = self.seen_from(0).take(self.held).collect();
        self.trunk.take().map(|trunk| (text, trunk))
    }

    /// The cells that it holds of its prompt, those beyond it, and its branches.
    pub fn holds(&self) -> (usize, usize, usize) {
        let prompt = self.plan.prompt.len();
        (self.held.min(prompt), self.held.saturating_sub(prompt) + self.known.len(), self.known.len() + self.trunk.iter().len())
    }

    /// Whether the prompt is read to its end by this request, and nothing more.
    pub fn ends_prompt(&self, request: &DecodeRequest) -> bool {
        matches!((&request.purpose, &self.phase), (Purpose::Trunk, Phase::Reading(read))
            if read + request.tokens.len() == self.plan.prompt.len())
    }

    /// How far its prompt is read with this request, where all of it up to there was read in chunks of this length from the first
    /// token on; `alone` is whether nothing else was read beside this one.
    pub fn read_in_chunks(&mut self, request: &DecodeRequest, alone: bool, chunk: usize) -> Option<usize> {
        let (Purpose::Trunk, &Phase::Reading(read)) = (&request.purpose, &self.phase) else { return None };
        let length = request.tokens.len();
        let whole = read.is_multiple_of(chunk) && length == chunk.min(self.seen() - read);
        self.in_chunks &= alone && whole && !request.scored && self.told().is_empty();
        self.in_chunks.then_some(read + length)
    }

    /// How many tokens of its prompt it took over from others.
    pub fn taken_over(&self) -> usize {
        self.cached_tokens
    }

    /// As [`Storyteller::begin_behind`], where that was read in chunks, as it would have read it.
    pub fn begin_behind_chunks(&mut self, branch: Branch, len: usize, row: Option<Vec<f32>>) {
        self.begin_behind(branch, len, row);
        self.in_chunks = true;
    }

    /// Goes on behind a branch of its own that holds the first `len` tokens of its text, which others have read; `row` is the
    /// one behind them, needed where that is all.
    pub fn begin_behind(&mut self, branch: Branch, len: usize, row: Option<Vec<f32>>) {
        (self.trunk, self.held) = (Some(branch), len);
        if self.told().is_empty() {
            self.cached_tokens = len;
        }
        (self.phase, self.in_chunks) = (Phase::Reading(len), false);
        self.behind = row.filter(|_| len == self.seen());
    }

    /// Where others have read all of its text: its trunk, the row behind it, and whether that is the prompt and nothing more.
    pub fn behind(&mut self) -> Option<(Branch, Vec<f32>, bool)> {
        let is_prompt = self.seen() == self.plan.prompt.len();
        Some((self.trunk?, self.behind.take()?, is_prompt))
    }

    /// Goes on from the row behind all of its text.
    ///
    /// # Errors
    /// A row that no decision can be made from.
    pub fn go_on_behind(&mut self, row: &[f32]) -> Result<()> {
        self.counts.evaluations += 1;
        self.choose(row.to_vec())
    }

    /// While a text is read: how many of its tokens have been, and how many there are.
    pub fn reading(&self) -> Option<(usize, usize)> {
        match self.phase {
            Phase::Reading(read) => Some((read, self.seen())),
            Phase::Choosing(..) | Phase::Stepping(_) => None,
        }
    }

    /// How many tokens of prompt and story the model sees, the one told last among them.
    pub(super) fn seen(&self) -> usize {
        self.history.text().len() - self.dropped
    }

    /// The same tokens, from this one on.
    fn seen_from(&self, from: usize) -> impl Iterator<Item = Token> {
        let kept = self.told()[self.dropped..].iter();
        self.plan.prompt.iter().chain(kept).copied().skip(from)
    }

    /// The request for the next part, of at most `chunk` tokens, behind what has been read.
    pub(super) fn reading_on(&self, read: usize, chunk: usize) -> DecodeRequest {
        let first = self.first_scored();
        let (scored, chunk) = match self.scores {
            Some(_) if read < first => (false, chunk.min(first - read)),
            Some(_) => (true, chunk.min(SCORED)),
            None => (false, chunk),
        };
        let tokens = self.seen_from(read).take(chunk).collect();
        DecodeRequest { from: self.trunk.map_or(Origin::Root, Origin::Move), tokens, purpose: Purpose::Trunk, scored }
    }

    /// Drops the older half of what the model sees of the story, the larger one of two, and goes back to reading: nothing but
    /// a fresh reading can take tokens out of every kind of memory. Returns the branches that held it.
    pub(super) fn shift_context(&mut self) -> Vec<Branch> {
        self.dropped += (self.seen() - self.plan.prompt.len()).div_ceil(2);
        self.counts.context_shifts += 1;
        self.read_again()
    }

    /// The first token whose row tells how surprising a token was that was told before: the one before that.
    fn first_scored(&self) -> usize {
        self.plan.origin().len().saturating_sub(1)
    }

    /// The trunk of a story that went back, where it holds more than is left of the text, and how much of it that is.
    pub fn overhang(&self) -> Option<(Branch, usize)> {
        let own = self.seen() - usize::from(matches!(self.phase, Phase::Stepping(_)));
        self.trunk.filter(|_| self.held > own).map(|trunk| (trunk, own))
    }

    /// Has this trunk now, which holds so many tokens of its text; returns the one before.
    pub fn stand_on(&mut self, trunk: Branch, held: usize) -> Option<Branch> {
        self.held = held;
        self.trunk.replace(trunk)
    }

    /// Goes back to reading all that the model is to see, for its branches can no longer be trusted; returns them.
    pub fn read_again(&mut self) -> Vec<Branch> {
        if self.told().is_empty() {
            self.cached_tokens = 0;
        }
        (self.phase, self.behind) = (Phase::Reading(0), None);
        self.scores.iter_mut().for_each(Vec::clear);
        self.branches()
    }
}
