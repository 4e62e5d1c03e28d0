//! The book of living branches: which sequence each one is, and which cells they share. No llama.cpp here.
//!
//! Texts that share their beginning share its cells, so the memory in use is a tree of segments: a branch is a tip, and
//! its text the path from a root to that tip.

use anyhow::{Result, bail};

use crate::model::{Branch, MOST_BRANCHES};

/// What llama.cpp calls a sequence: a small number that is used again.
pub(super) type Sequence = u8;

/// The living branches of one session.
pub(super) struct Branches {
    /// Indexed by sequence.
    slots: Vec<Option<Living>>,
    segments: Vec<Segment>,
    /// Segments that are free to be used again.
    spare: Vec<usize>,
    /// Cells in use: the lengths of all segments that are not spare.
    cells: usize,
    /// How many names were given: none is given twice.
    named: u64,
}

#[derive(Clone, Copy)]
struct Living {
    name: Branch,
    tip: usize,
}

/// The positions `start..end` of all texts that go through here.
#[derive(Clone, Copy)]
struct Segment {
    before: Option<usize>,
    start: usize,
    end: usize,
    /// Branches whose tip this is, and segments that come after it. At 0 its cells are free.
    holders: usize,
}

/// Where a living branch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LiveBranch {
    pub sequence: Sequence,
    /// Tokens in its text.
    pub len: usize,
}

impl Branches {
    /// Room for so many branches, at most [`MOST_BRANCHES`].
    pub fn new(most: usize) -> Self {
        let slots = vec![None; most.min(MOST_BRANCHES)];
        Self { slots, segments: Vec::new(), spare: Vec::new(), cells: 0, named: 0 }
    }

    /// Cells in use; shared ones count once.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// Sequences that no branch lives in, the smallest first.
    pub fn free(&self) -> impl Iterator<Item = Sequence> {
        (0..=Sequence::MAX).zip(&self.slots).filter(|(_, slot)| slot.is_none()).map(|(sequence, _)| sequence)
    }

    /// # Errors
    /// The branch does not live.
    pub fn find(&self, branch: Branch) -> Result<LiveBranch> {
        match self.living(branch) {
            Some((sequence, living)) => Ok(LiveBranch { sequence, len: self.segments[living.tip].end }),
            None => bail!("branch {} does not live", branch.0),
        }
    }

    /// A new branch in the free `sequence`, `tokens` long behind the text of `parent`, which lives on; `None`: behind
    /// nothing.
    pub fn grow(&mut self, parent: Option<Branch>, sequence: Sequence, tokens: usize) -> Branch {
        let before = parent.and_then(|parent| self.living(parent)).map(|(_, living)| living.tip);
        let tip = self.segment(before, tokens);
        if let Some(before) = before {
            self.segments[before].holders += 1;
        }
        self.settle(sequence, tip)
    }

    /// The branch with more text, under a new name. It must live.
    pub fn lengthen(&mut self, branch: Branch, tokens: usize) -> Option<Branch> {
        let (sequence, Living { tip, .. }) = self.living(branch)?;
        let tip = if self.segments[tip].holders == 1 {
            self.segments[tip].end += tokens;
            self.cells += tokens;
            tip
        } else {
            // The branch's own hold on the segment becomes that of the segment behind it.
            self.segment(Some(tip), tokens)
        };
        Some(self.settle(sequence, tip))
    }

    /// A new branch in the free `sequence` with the first `len` tokens of `of`, which lives on; `len` is 1 to its length.
    pub fn shorten(&mut self, of: Branch, len: usize, sequence: Sequence) -> Option<Branch> {
        let (_, Living { mut tip, .. }) = self.living(of)?;
        while self.segments[tip].start >= len {
            tip = self.segments[tip].before?;
        }
        let Segment { before, start, end, .. } = self.segments[tip];
        if len < end {
            // Cut the segment in two. Its number stays with the later part, which others hold.
            let earlier = self.new_segment(Segment { before, start, end: len, holders: 1 });
            self.segments[tip].before = Some(earlier);
            self.segments[tip].start = len;
            tip = earlier;
        }
        self.segments[tip].holders += 1;
        Some(self.settle(sequence, tip))
    }

    /// Forgets a branch and returns the sequence that it lived in; `None` if it does not live.
    pub fn release(&mut self, branch: Branch) -> Option<Sequence> {
        let (sequence, living) = self.living(branch)?;
        self.slots[usize::from(sequence)] = None;
        let mut next = Some(living.tip);
        while let Some(number) = next {
            let segment = &mut self.segments[number];
            segment.holders -= 1;
            if segment.holders > 0 {
                break;
            }
            self.cells -= segment.end - segment.start;
            next = segment.before;
            self.spare.push(number);
        }
        Some(sequence)
    }

    /// A name holds its sequence in the low 8 bits and a number that only grows above them: it is found without a search,
    /// and a dead one never found.
    fn living(&self, branch: Branch) -> Option<(Sequence, Living)> {
        let sequence = branch.0.to_le_bytes()[0];
        let living = (*self.slots.get(usize::from(sequence))?)?;
        (living.name == branch).then_some((sequence, living))
    }

    fn settle(&mut self, sequence: Sequence, tip: usize) -> Branch {
        let name = Branch(self.named << 8 | u64::from(sequence));
        self.named += 1;
        self.slots[usize::from(sequence)] = Some(Living { name, tip });
        name
    }

    /// A segment of new cells, held once.
    fn segment(&mut self, before: Option<usize>, tokens: usize) -> usize {
        let start = before.map_or(0, |before| self.segments[before].end);
        self.cells += tokens;
        self.new_segment(Segment { before, start, end: start + tokens, holders: 1 })
    }

    fn new_segment(&mut self, segment: Segment) -> usize {
        if let Some(number) = self.spare.pop() {
            self.segments[number] = segment;
            number
        } else {
            self.segments.push(segment);
            self.segments.len() - 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(branches: &Branches) -> Sequence {
        branches.free().next().unwrap()
    }

    fn root(branches: &mut Branches, tokens: usize) -> Branch {
        let sequence = free(branches);
        branches.grow(None, sequence, tokens)
    }

    fn fork(branches: &mut Branches, parent: Branch, tokens: usize) -> Branch {
        let sequence = free(branches);
        branches.grow(Some(parent), sequence, tokens)
    }

    #[test]
    fn shared_cells_count_once_and_all_come_back() {
        let mut branches = Branches::new(4);
        let trunk = root(&mut branches, 10);
        let left = fork(&mut branches, trunk, 2);
        let right = fork(&mut branches, trunk, 3);
        assert_eq!(branches.cells(), 15);
        branches.release(trunk);
        assert_eq!(branches.cells(), 15, "its children still hold the trunk's cells");
        branches.release(left);
        assert_eq!(branches.cells(), 13);
        branches.release(right);
        assert_eq!((branches.cells(), branches.free().count()), (0, 4));
    }

    #[test]
    fn a_lengthened_branch_has_a_new_name_and_its_old_sequence() {
        let mut branches = Branches::new(2);
        let young = root(&mut branches, 3);
        let old = branches.lengthen(young, 2).unwrap();
        assert!(branches.find(young).is_err());
        assert_eq!(branches.find(old).unwrap(), LiveBranch { sequence: 0, len: 5 });
        assert_eq!(branches.cells(), 5);
    }

    #[test]
    fn a_shared_trunk_is_not_lengthened_under_its_children() {
        let mut branches = Branches::new(2);
        let trunk = root(&mut branches, 3);
        let child = fork(&mut branches, trunk, 1);
        let trunk = branches.lengthen(trunk, 4).unwrap();
        assert_eq!((branches.find(trunk).unwrap().len, branches.find(child).unwrap().len), (7, 4));
        branches.release(trunk);
        assert_eq!(branches.cells(), 4);
        branches.release(child);
        assert_eq!(branches.cells(), 0);
    }

    #[test]
    fn a_prefix_shares_the_cells_of_the_text_that_it_begins() {
        let mut branches = Branches::new(3);
        let trunk = root(&mut branches, 6);
        let child = fork(&mut branches, trunk, 4);
        let sequence = free(&branches);
        let prefix = branches.shorten(child, 2, sequence).unwrap();
        assert_eq!((branches.cells(), branches.find(prefix).unwrap().len), (10, 2));
        branches.release(trunk);
        branches.release(child);
        assert_eq!(branches.cells(), 2);
        branches.release(prefix);
        assert_eq!(branches.cells(), 0);
    }

    #[test]
    fn a_prefix_as_long_as_its_text_is_a_second_name() {
        let mut branches = Branches::new(2);
        let trunk = root(&mut branches, 6);
        let twin = branches.shorten(trunk, 6, 1).unwrap();
        branches.release(trunk);
        assert_eq!((branches.cells(), branches.find(twin).unwrap().len), (6, 6));
    }

    #[test]
    fn a_name_is_never_given_twice_and_nothing_grows_with_use() {
        let mut branches = Branches::new(2);
        let trunk = root(&mut branches, 5);
        let first = fork(&mut branches, trunk, 1);
        branches.release(first);
        for _ in 0..10_000 {
            let again = fork(&mut branches, trunk, 1);
            assert_ne!(again, first);
            branches.release(again);
        }
        assert!(branches.release(first).is_none());
        assert_eq!((branches.cells(), branches.segments.len()), (5, 2));
    }

    #[test]
    fn a_story_of_forks_keeps_one_segment_a_token() {
        let mut branches = Branches::new(3);
        let mut trunk = root(&mut branches, 5);
        for _ in 0..40 {
            let (chosen, lost) = (fork(&mut branches, trunk, 1), fork(&mut branches, trunk, 1));
            branches.release(lost);
            branches.release(trunk);
            trunk = chosen;
        }
        assert_eq!(branches.cells(), 45);
        branches.release(trunk);
        assert_eq!(branches.cells(), 0);
    }
}
