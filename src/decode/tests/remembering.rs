//! Prompts that outlive their memory, on a toy whose rows depend on the decodes in which a text was read, as llama.cpp's do.

use std::collections::HashMap;

use anyhow::{Result, ensure};

use super::ledger::Dice;
use super::*;
use crate::decode::{PromptCache, PromptState};
use crate::model::{Branch, Model, Origin, Step};

/// A token, and the decode in which it was read: where its text stood in it, and how many tokens it had.
type Cell = (Token, u32, u32);

struct Seams {
    vocabulary: Vocabulary,
    texts: HashMap<Branch, Vec<Cell>>,
    next: u64,
    room: Room,
    steps_back: bool,
    evaluations: usize,
}

impl Seams {
    fn new(room: Room, steps_back: bool) -> Self {
        Self { vocabulary: vocabulary(), texts: HashMap::new(), next: 0, room, steps_back, evaluations: 0 }
    }

    fn grow(&mut self, cells: Vec<Cell>) -> Branch {
        self.next += 1;
        self.texts.insert(Branch(self.next), cells);
        Branch(self.next)
    }
}

fn row_of(cells: &[Cell]) -> Vec<f32> {
    let all: Vec<Token> = cells.iter().flat_map(|&(token, start, length)| [token, start, length]).collect();
    row(&all)
}

impl Model for Seams {
    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn extend(&mut self, steps: &[Step], read: &mut dyn FnMut(usize, usize, &[f32])) -> Result<Vec<Branch>> {
        let all: usize = steps.iter().map(|step| step.tokens.len()).sum();
        ensure!(all <= self.room.batch, "the rounds of stories ask for one decode");
        self.evaluations += all;
        let mut branches = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let mut cells = match step.from {
                Origin::Root => Vec::new(),
                Origin::Fork(branch) => self.texts[&branch].clone(),
                Origin::Move(branch) => self.texts.remove(&branch).unwrap(),
            };
            let start = u32::try_from(cells.len()).unwrap();
            for (position, &token) in step.tokens.iter().enumerate() {
                cells.push((token, start, u32::try_from(all).unwrap()));
                if step.rows.wants(position, step.tokens.len()) {
                    read(number, position, &row_of(&cells));
                }
            }
            branches.push(self.grow(cells));
        }
        Ok(branches)
    }

    fn prefix(&mut self, of: Branch, len: usize) -> Result<Option<Branch>> {
        let cells = self.texts[&of][..len].to_vec();
        Ok((self.steps_back || len == self.texts[&of].len()).then(|| self.grow(cells)))
    }

    fn release(&mut self, branch: Branch) {
        self.texts.remove(&branch);
    }

    fn save(&mut self, branch: Branch, most: u64) -> Result<Option<Vec<u8>>> {
        let cells = &self.texts[&branch];
        ensure!(12 * cells.len() as u64 <= most, "it has too many bytes");
        let bytes = cells.iter().flat_map(|&(token, start, length)| [token, start, length]).flat_map(u32::to_le_bytes);
        Ok((self.texts.len() == 1).then(|| bytes.collect()))
    }

    fn restore(&mut self, state: &[u8], len: usize, keep: usize) -> Result<Option<Branch>> {
        ensure!(state.len() == 12 * len && keep <= len, "these bytes are no memory of {len} tokens");
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
        let cell = |bytes: &[u8]| (number(&bytes[..4]), number(&bytes[4..8]), number(&bytes[8..]));
        let cells: Vec<Cell> = state.chunks_exact(12).take(keep).map(cell).collect();
        let can = self.texts.is_empty() && len <= self.room.cells && (self.steps_back || keep == len);
        Ok(can.then(|| self.grow(cells)))
    }

    fn steps_back(&self) -> bool {
        self.steps_back
    }

    fn room(&self) -> Room {
        let Room { cells, branches, batch } = self.room;
        // Nothing here is shared; what is told alone beside its forks fits all the same.
        let held = self.texts.values().map(Vec::len).max().unwrap_or(0);
        Room { cells: cells - held, branches: branches - self.texts.len(), batch }
    }
}

/// A cache that forgets nothing but what it is told to.
#[derive(Default)]
struct Shelf {
    kept: Vec<PromptState>,
    failed: Vec<String>,
}

impl PromptCache for Shelf {
    fn find(&mut self, usable: &dyn Fn(&[Token], bool) -> usize) -> Option<PromptState> {
        let usable = |state: &PromptState| usable(&state.tokens, state.row.is_some());
        let found = self.kept.iter().max_by_key(|state| usable(state))?;
        (usable(found) > 0).then(|| found.clone())
    }

    fn keep(&mut self, state: PromptState, steps_back: bool) {
        self.kept.retain(|kept| !(steps_back && state.tokens.starts_with(&kept.tokens)) && kept.tokens != state.tokens);
        self.kept.push(state);
    }

    fn limit(&self) -> u64 {
        12 * 1000
    }

    fn unusable(&mut self, cause: &anyhow::Error) {
        self.failed.push(cause.to_string());
    }

    fn unkept(&mut self, cause: &anyhow::Error) {
        self.failed.push(cause.to_string());
    }
}

fn prompt(length: Token) -> Vec<Token> {
    (0..length).map(|at| (at * 5 + at / 7) % 13).collect()
}

/// Tells these stories together in a new memory, with this cache or none; returns them and how many tokens were evaluated.
fn told(plans: &[Plan], steps_back: bool, cache: Option<&mut Shelf>) -> (Vec<Completion>, usize) {
    let (cells, branches) = Stories::room_for_all(plans, 1);
    let mut seams = Seams::new(Room { cells, branches, batch: 64 }, steps_back);
    let mut ear = Ear::default();
    let mut stories = Stories::new(&mut seams, 1);
    if let Some(cache) = cache {
        stories = stories.remembering(cache);
    }
    drive(&mut stories, plans.len(), &mut each(plans.to_vec()), &mut ear, &Cancel::new());
    drop(stories);
    assert_eq!(seams.texts.len(), 0, "a branch has leaked");
    (ear.completions(), seams.evaluations)
}

/// The same stories: what was told, and what that cost.
fn same(some: &[Completion], others: &[Completion]) -> bool {
    let facts = |told: &Completion| (told.tokens.clone(), told.text.clone(), told.log_p, told.counts);
    some.iter().map(facts).eq(others.iter().map(facts))
}

#[test]
fn a_prompt_that_was_read_once_is_not_read_again_and_its_story_is_the_same() {
    let plan = plan(&sampler("0", "token"), &prompt(300), 3);
    for steps_back in [true, false] {
        let mut shelf = Shelf::default();
        let (fresh, cost) = told(std::slice::from_ref(&plan), steps_back, None);
        let (first, same_cost) = told(std::slice::from_ref(&plan), steps_back, Some(&mut shelf));
        let (second, less) = told(std::slice::from_ref(&plan), steps_back, Some(&mut shelf));
        assert!(same(&fresh, &first) && same(&fresh, &second));
        // Who cannot step back goes on from the last chunk that another prompt could begin with.
        let kept = if steps_back { 300 } else { 256 };
        assert_eq!((same_cost, less, second[0].cached_tokens), (cost, cost - kept, kept));
        assert_eq!((shelf.kept.len(), shelf.kept[0].tokens.len(), shelf.kept[0].row.is_some()), (1, kept, steps_back));
    }
}

#[test]
fn a_chapter_that_grows_reads_what_is_new_and_the_rest_of_a_chunk() {
    let mut chapter = prompt(200);
    for steps_back in [true, false] {
        let mut shelf = Shelf::default();
        let mut read = Vec::new();
        for _ in 0..5 {
            let next = plan(&sampler("-1", "token"), &chapter, 7);
            let (fresh, _) = told(std::slice::from_ref(&next), steps_back, None);
            let (story, _) = told(std::slice::from_ref(&next), steps_back, Some(&mut shelf));
            assert!(same(&fresh, &story));
            read.push(chapter.len() - story[0].cached_tokens);
            chapter.extend(&story[0].tokens);
        }
        assert_eq!(read[0], chapter.len().min(read[0]));
        assert!(read[1..].iter().all(|&read| read <= 60 + 64 + 64), "{read:?}");
        // What is only the beginning of another text is of no use where that one can be cut.
        assert!(!steps_back || shelf.kept.len() == 1);
    }
}

#[test]
fn drafts_begin_behind_what_is_kept_together() {
    let plans: Vec<Plan> = (0..3).map(|seed| plan(&sampler("1", "word"), &prompt(150), seed)).collect();
    let mut shelf = Shelf::default();
    let (fresh, cost) = told(&plans, true, None);
    let (first, _) = told(&plans, true, Some(&mut shelf));
    let (second, less) = told(&plans, true, Some(&mut shelf));
    assert!(same(&fresh, &first) && same(&fresh, &second));
    assert_eq!((cost - less, shelf.kept.len()), (150, 1));
    // A story told alone keeps what drafts go on from, and the other way round.
    let (alone, _) = told(&plans[..1], true, Some(&mut shelf));
    assert!(same(&alone, &told(&plans[..1], true, None).0));
    assert_eq!(alone[0].cached_tokens, 150);
}

#[test]
fn whatever_is_kept_no_bit_tells() {
    let samplers = [sampler("-1", "token"), sampler("0", "token"), sampler("1", "word")];
    for steps_back in [true, false] {
        let (mut shelf, mut cached) = (Shelf::default(), 0);
        for round in 0..150 {
            let mut dice = Dice(round);
            // Texts that begin alike: parts of one, or parting from it somewhere.
            let mut text = prompt(1 + dice.token(400));
            if dice.below(3) > 0 {
                let at = dice.below(text.len());
                text[at] = dice.token(13);
            }
            let mut next = plan(&samplers[dice.below(3)], &text, round);
            next.max_tokens = 1 + dice.below(12);
            next.continuation.told = dice.below(2) * dice.below(text.len());
            let fresh = told(std::slice::from_ref(&next), steps_back, None).0;
            let story = told(std::slice::from_ref(&next), steps_back, Some(&mut shelf)).0;
            assert!(same(&fresh, &story), "{round}");
            cached += story[0].cached_tokens;
            if dice.below(4) == 0 {
                shelf.kept.clear();
            }
        }
        assert!(cached > 5_000, "only {cached} tokens were in the cache");
        assert_eq!(shelf.failed, Vec::<String>::new());
    }
}

#[test]
fn a_state_that_cannot_be_restored_is_told_of_and_the_story_is_read_afresh() {
    let plan = plan(&sampler("0", "token"), &prompt(200), 3);
    let mut shelf = Shelf::default();
    told(std::slice::from_ref(&plan), true, Some(&mut shelf));
    shelf.kept[0].memory.pop();
    let (story, _) = told(std::slice::from_ref(&plan), true, Some(&mut shelf));
    assert!(same(&story, &told(&[plan], true, None).0));
    assert_eq!((story[0].cached_tokens, &shelf.failed[..]), (0, &["these bytes are no memory of 200 tokens".to_owned()][..]));
}

#[test]
fn a_memory_that_is_too_large_to_be_kept_is_said_and_the_story_is_told() {
    let plan = plan(&sampler("-1", "token"), &prompt(1001), 3);
    let mut shelf = Shelf::default();
    let (story, _) = told(std::slice::from_ref(&plan), true, Some(&mut shelf));
    assert!(same(&story, &told(&[plan], true, None).0));
    assert_eq!((shelf.kept.len(), &shelf.failed[..]), (0, &["it has too many bytes".to_owned()][..]));
}
