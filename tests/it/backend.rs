//! The real backend keeps the contract of the seam: on tiny random models it computes what a fresh reading would.
//!
//! Weights and memory are 32-bit floats, flash attention is off and one thread computes, so that what differs between two
//! ways to a row is the order of sums alone: 1e-4 of the row's spread.

use std::path::Path;

use crate::support::BUNDLED;
use crate::support::gguf::{Family, tiny};
use afterword::llama::{Session, Weights};
use afterword::model::{
    Branch, CacheType, FlashAttention, Kind, LoadOptions, Model, Origin, Room, Rows, SessionOptions, Step, Token,
};

pub(crate) fn options() -> SessionOptions {
    SessionOptions {
        cells: 512,
        branches: 16,
        batch: 64,
        threads: Some(1),
        flash_attention: FlashAttention::Off,
        keys: CacheType::F32,
        values: CacheType::F32,
    }
}

fn weights(family: Family) -> Weights {
    let file = tiny(family, 7).write();
    Weights::load(&file, &LoadOptions::default(), |_| true).unwrap()
}

/// Tokens of text in an order without a pattern.
pub(crate) fn text(length: usize, seed: u64) -> Vec<Token> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        262 + u32::try_from(state >> 33).unwrap() % 36
    };
    (0..length).map(next).collect()
}

pub(crate) fn last(from: Origin, tokens: &[Token]) -> Step<'_> {
    Step { from, tokens, rows: Rows::Last }
}

/// Extends and keeps all rows, in the order in which they came.
pub(crate) fn extend(session: &mut Session, steps: &[Step]) -> (Vec<Branch>, Vec<Vec<f32>>) {
    let mut rows = Vec::new();
    let branches = session.extend(steps, &mut |_, _, row| rows.push(row.to_vec())).unwrap();
    (branches, rows)
}

pub(crate) fn one(session: &mut Session, step: Step) -> (Branch, Vec<f32>) {
    let (branches, mut rows) = extend(session, &[step]);
    (branches[0], rows.pop().unwrap())
}

/// The rows are equal up to the order of sums: 1e-4 of their spread.
fn assert_close(row: &[f32], other: &[f32], what: &str) {
    assert_within(1e-4, row, other, what);
}

/// What two ways to a row may differ by, in parts of its spread. The feed-forward layers of Gemma and GPT-2 look their activation up
/// in a table of 16-bit floats, where the last bit of a sum can turn into the last bit of a half.
fn tolerance(family: Family) -> f32 {
    if matches!(family, Family::Gemma3 | Family::Gpt2) { 2e-3 } else { 1e-4 }
}

fn assert_within(tolerance: f32, row: &[f32], other: &[f32], what: &str) {
    let apart = apart(row, other);
    assert!(apart <= tolerance, "{what}: {apart} of its spread apart");
}

/// How far two rows are apart at most, in parts of the first one's spread.
pub(crate) fn apart(row: &[f32], other: &[f32]) -> f32 {
    let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(f32::NEG_INFINITY, f32::max);
    let spread = largest(&mut row.iter().copied()) + largest(&mut row.iter().map(|value| -value));
    assert!(spread > 0.1 && row.len() == other.len(), "a row without a shape");
    largest(&mut row.iter().zip(other).map(|(a, b)| (a - b).abs())) / spread
}

/// A story of 40 forks: at each step three candidates are looked at in one batch, one of them becomes the trunk. How far the row of each
/// is from that of a fresh prefill.
pub(crate) fn forks_and_fresh_prefills(weights: &Weights) -> Vec<f32> {
    let mut all_apart = Vec::new();
    let (mut told, mut fresh) = (weights.session(&options()).unwrap(), weights.session(&options()).unwrap());
    let mut story = text(9, 1);
    let (mut trunk, _) = one(&mut told, last(Origin::Root, &story));
    for step in 0..40 {
        let candidates = text(3, 100 + step);
        let steps: Vec<Step> = candidates.chunks(1).map(|token| last(Origin::Fork(trunk), token)).collect();
        let (forks, rows) = extend(&mut told, &steps);
        for (candidate, row) in candidates.iter().zip(&rows) {
            let whole = [&story[..], &[*candidate]].concat();
            let (branch, again) = one(&mut fresh, last(Origin::Root, &whole));
            all_apart.push(apart(row, &again));
            fresh.release(branch);
        }
        let chosen = usize::try_from(step % 3).unwrap();
        story.push(candidates[chosen]);
        told.release(trunk);
        trunk = forks[chosen];
        for fork in forks.into_iter().filter(|&fork| fork != trunk) {
            told.release(fork);
        }
        assert_eq!(told.room().cells, 512 - story.len());
    }
    all_apart
}

#[test]
fn a_fork_equals_a_fresh_prefill() {
    for family in Family::ALL {
        let all_apart = forks_and_fresh_prefills(&weights(family));
        let far = all_apart.iter().position(|&apart| apart > tolerance(family));
        assert!(all_apart.len() == 120 && far.is_none(), "{family:?}: {far:?} of {all_apart:?}");
    }
}

#[test]
fn one_candidate_alone_is_bitwise_plain_decoding() {
    for family in Family::ALL {
        one_candidate_alone(&weights(family), &format!("{family:?}"));
    }
}

/// A story whose every token was a fork that became the trunk has the bits of one that was read on.
pub(crate) fn one_candidate_alone(weights: &Weights, what: &str) {
    let (mut plain, mut forked) = (weights.session(&options()).unwrap(), weights.session(&options()).unwrap());
    let prompt = text(9, 1);
    let (mut alone, first) = one(&mut plain, last(Origin::Root, &prompt));
    let (mut trunk, again) = one(&mut forked, last(Origin::Root, &prompt));
    assert_eq!(first, again, "{what}");
    for token in text(40, 2) {
        let (longer, row) = one(&mut plain, last(Origin::Move(alone), &[token]));
        let (fork, same) = one(&mut forked, last(Origin::Fork(trunk), &[token]));
        forked.release(trunk);
        assert_eq!(row, same, "{what}");
        (alone, trunk) = (longer, fork);
    }
    assert_eq!(plain.room(), forked.room());
}

#[test]
fn all_rows_of_a_step_are_those_of_single_steps() {
    for family in Family::ALL {
        let weights = weights(family);
        let mut session = weights.session(&options()).unwrap();
        let tokens = text(20, 3);
        let (_, rows) = extend(&mut session, &[Step { from: Origin::Root, tokens: &tokens, rows: Rows::All }]);
        assert_eq!(rows.len(), tokens.len());
        let (mut branch, first) = one(&mut session, last(Origin::Root, &tokens[..1]));
        assert_close(&rows[0], &first, "the first row");
        for (row, token) in rows[1..].iter().zip(&tokens[1..]) {
            let (moved, single) = one(&mut session, last(Origin::Move(branch), &[*token]));
            assert_within(tolerance(family), row, &single, &format!("{family:?}"));
            branch = moved;
        }
    }
}

#[test]
fn a_prompt_longer_than_a_batch_equals_its_tokens_one_by_one() {
    for family in Family::ALL {
        let weights = weights(family);
        let mut session = weights.session(&SessionOptions { batch: 7, ..options() }).unwrap();
        let tokens = text(40, 4);
        let (whole, long) = one(&mut session, last(Origin::Root, &tokens));
        let (mut branch, mut row) = one(&mut session, last(Origin::Root, &tokens[..1]));
        for token in &tokens[1..] {
            (branch, row) = one(&mut session, last(Origin::Move(branch), &[*token]));
        }
        assert_within(tolerance(family), &long, &row, &format!("{family:?}"));
        session.release(branch);
        session.release(whole);
        assert_eq!(session.room().cells, 512);
    }
}

#[test]
fn steps_of_one_call_do_not_know_of_each_other() {
    for family in Family::ALL {
        let weights = weights(family);
        let mut session = weights.session(&SessionOptions { batch: 9, ..options() }).unwrap();
        let (start, added) = (text(12, 1), text(10, 2));
        let (trunk, _) = one(&mut session, last(Origin::Root, &start));
        let (other, _) = one(&mut session, last(Origin::Root, &start[..5]));
        let steps = [
            last(Origin::Fork(trunk), &added[..1]),
            last(Origin::Root, &added),
            last(Origin::Move(other), &added[..4]),
            last(Origin::Fork(trunk), &added[..3]),
        ];
        let (_, rows) = extend(&mut session, &steps);
        let before: [&[Token]; 4] = [&start, &[], &start[..5], &start];
        for (number, step) in steps.iter().enumerate() {
            let whole = [before[number], step.tokens].concat();
            let (branch, fresh) = one(&mut session, last(Origin::Root, &whole));
            assert_within(tolerance(family), &rows[number], &fresh, &format!("{family:?}, step {number}"));
            session.release(branch);
        }
    }
}

#[test]
fn rows_come_in_the_order_of_steps_and_positions_over_batches() {
    let weights = weights(Family::Llama);
    let mut session = weights.session(&SessionOptions { batch: 4, ..options() }).unwrap();
    let (short, long) = (text(3, 5), text(6, 6));
    let steps =
        [last(Origin::Root, &short), Step { from: Origin::Root, tokens: &long, rows: Rows::All }, last(Origin::Root, &short)];
    let mut seen = Vec::new();
    session.extend(&steps, &mut |step, position, row| seen.push((step, position, row.len()))).unwrap();
    let size = weights.vocabulary().len();
    let all = (0..6).map(|position| (1, position, size));
    assert_eq!(seen, [(0, 2, size)].into_iter().chain(all).chain([(2, 2, size)]).collect::<Vec<_>>());
}

#[test]
fn room_is_refused_exactly_at_its_border() {
    for family in [Family::Llama, Family::Gemma3] {
        let weights = weights(family);
        let options = SessionOptions { cells: 2048, branches: 64, batch: 128, ..options() };
        let mut session = weights.session(&options).unwrap();
        let prompt = text(2000, 7);
        let (trunk, _) = one(&mut session, last(Origin::Root, &prompt));
        let candidates = text(49, 8);
        let steps: Vec<Step> = candidates.chunks(1).map(|token| last(Origin::Fork(trunk), token)).collect();

        let refused = session.extend(&steps, &mut |_, _, _| panic!("nothing is evaluated")).unwrap_err();
        assert_eq!(refused.to_string(), "49 tokens do not fit into 48 free cells");
        let (forks, _) = extend(&mut session, &steps[..48]);
        assert_eq!(session.room(), Room { cells: 0, branches: 64 - 49, batch: 128 });
        assert!(session.extend(&steps[48..], &mut |_, _, _| ()).is_err());

        for fork in forks {
            session.release(fork);
        }
        let (_, row) = one(&mut session, last(Origin::Move(trunk), &candidates[..1]));
        let mut fresh = weights.session(&options).unwrap();
        let (_, again) = one(&mut fresh, last(Origin::Root, &[&prompt[..], &candidates[..1]].concat()));
        assert_within(tolerance(family), &row, &again, "the trunk after the border");
    }
}

#[test]
fn a_batch_smaller_than_the_number_of_branches_is_no_trouble() {
    let weights = weights(Family::Llama);
    let tight = SessionOptions { cells: 20, branches: 256, batch: 1, ..options() };
    let (mut narrow, mut wide) = (weights.session(&tight).unwrap(), weights.session(&options()).unwrap());
    let tokens = text(20, 1);
    let (_, row) = one(&mut narrow, last(Origin::Root, &tokens));
    assert_eq!(narrow.room(), Room { cells: 0, branches: 255, batch: 1 });
    assert_close(&row, &one(&mut wide, last(Origin::Root, &tokens)).1, "20 batches of 1");
}

#[test]
fn branches_are_refused_exactly_at_their_number() {
    let weights = weights(Family::Mamba);
    let mut session = weights.session(&SessionOptions { branches: 4, ..options() }).unwrap();
    let (trunk, _) = one(&mut session, last(Origin::Root, &text(5, 1)));
    let fork = last(Origin::Fork(trunk), &[262]);
    assert!(session.extend(&[fork; 4], &mut |_, _, _| ()).unwrap_err().to_string().contains("3 are free"));
    let (_, rows) = extend(&mut session, &[fork; 3]);
    assert_close(&rows[0], &rows[2], "equal forks");
    let (_, _) = one(&mut session, last(Origin::Move(trunk), &[263]));
    assert_eq!(session.room().branches, 0);
}

#[test]
fn shared_cells_count_once_and_all_return() {
    let weights = weights(Family::Llama);
    let mut session = weights.session(&options()).unwrap();
    let empty = session.room();
    let (trunk, _) = one(&mut session, last(Origin::Root, &text(30, 1)));
    let draft = text(5, 2);
    let (drafts, _) = extend(&mut session, &[last(Origin::Fork(trunk), &draft), last(Origin::Fork(trunk), &draft)]);
    assert_eq!(session.room().cells, empty.cells - 30 - 5 - 5);
    session.release(trunk);
    session.release(drafts[0]);
    assert_eq!(session.room().cells, empty.cells - 30 - 5);
    session.release(drafts[1]);
    assert_eq!(session.room(), empty);
}

#[test]
fn ten_thousand_forks_leave_no_trace() {
    let weights = weights(Family::Llama);
    let mut session = weights.session(&SessionOptions { cells: 64, branches: 3, ..options() }).unwrap();
    let (trunk, _) = one(&mut session, last(Origin::Root, &text(50, 1)));
    let before = session.room();
    let mut rows = (Vec::new(), Vec::new());
    for cycle in 0..10_000 {
        let (fork, row) = one(&mut session, last(Origin::Fork(trunk), &[270]));
        session.release(fork);
        if cycle == 0 {
            rows.0 = row;
        } else {
            rows.1 = row;
        }
    }
    assert_eq!(session.room(), before);
    assert_eq!(rows.0, rows.1);
}

#[test]
fn a_wrong_step_changes_nothing() {
    let weights = weights(Family::Llama);
    let mut session = weights.session(&options()).unwrap();
    let (dead, _) = one(&mut session, last(Origin::Root, &text(3, 1)));
    session.release(dead);
    session.release(dead);
    let (trunk, _) = one(&mut session, last(Origin::Root, &text(3, 1)));
    let room = session.room();
    let outside = Token::try_from(weights.vocabulary().len()).unwrap();
    let good = last(Origin::Fork(trunk), &[270]);
    for (wrong, cause) in [
        (last(Origin::Fork(dead), &[270]), "does not live"),
        (last(Origin::Move(dead), &[270]), "does not live"),
        (last(Origin::Fork(trunk), &[]), "without tokens"),
        (last(Origin::Fork(trunk), &[outside]), "outside the vocabulary"),
        (last(Origin::Move(trunk), &[270]), "both forked and moved"),
    ] {
        let refused = session.extend(&[good, wrong], &mut |_, _, _| panic!("nothing is evaluated")).unwrap_err();
        assert!(refused.to_string().contains(cause), "{refused}");
        assert_eq!(session.room(), room);
    }
    let twice = last(Origin::Move(trunk), &[270]);
    assert!(session.extend(&[twice, twice], &mut |_, _, _| ()).is_err());
    one(&mut session, good);
}

/// A session of a model with a window of 8 tokens, in which two texts took turns until their cells are used up.
fn windowed(weights: &Weights, cells: usize) -> (Session<'_>, [Branch; 2], [Vec<Token>; 2]) {
    let mut session = weights.session(&SessionOptions { cells, ..options() }).unwrap();
    let texts = [text(100, 1), text(100, 2)];
    let mut branches = [0, 1].map(|at| one(&mut session, last(Origin::Root, &texts[at][..20])).0);
    for token in 20..100 {
        for (branch, text) in branches.iter_mut().zip(&texts) {
            *branch = one(&mut session, last(Origin::Move(*branch), &text[token..=token])).0;
        }
    }
    (session, branches, texts)
}

#[test]
fn a_sliding_window_steps_back_to_wherever_its_memory_still_holds_the_window() {
    let weights = weights(Family::Gemma3);
    assert_eq!(weights.window(), Some(8));
    // llama.cpp rounds the cells up to 256: there both texts find cells of their own, and all of them is held.
    let (mut session, branches, texts) = windowed(&weights, 256);
    let (mut fresh, mut back) = (weights.session(&options()).unwrap(), 0);
    for len in [1, 5, 8, 9, 40, 93, 99, 100] {
        for (branch, text) in branches.iter().zip(&texts) {
            let Some(prefix) = session.prefix(*branch, len).unwrap() else { continue };
            back += 1;
            let (grown, row) = one(&mut session, last(Origin::Move(prefix), &[270]));
            let (branch, again) = one(&mut fresh, last(Origin::Root, &[&text[..len], &[270]].concat()));
            assert_within(tolerance(Family::Gemma3), &row, &again, &format!("{len} tokens"));
            session.release(grown);
            fresh.release(branch);
        }
    }
    assert_eq!(back, 16, "all of both texts is held");
    // A text that alone fills the memory is written over where it began: there is no way back there, and no wrong one.
    session.release(branches[1]);
    let (mut long, mut held) = (branches[0], Vec::new());
    for token in text(150, 3) {
        long = one(&mut session, last(Origin::Move(long), &[token])).0;
    }
    let whole = [&texts[0][..], &text(150, 3)].concat();
    for len in [10, 100, 200, 245, 250] {
        let Some(prefix) = session.prefix(long, len).unwrap() else { continue };
        let (grown, row) = one(&mut session, last(Origin::Move(prefix), &[270]));
        let (branch, again) = one(&mut fresh, last(Origin::Root, &[&whole[..len], &[270]].concat()));
        assert_within(tolerance(Family::Gemma3), &row, &again, &format!("{len} tokens of a text that fills the memory"));
        session.release(grown);
        fresh.release(branch);
        held.push(len);
    }
    assert_eq!(held, [100, 200, 245, 250]);
}

#[test]
fn a_prefix_steps_back_where_memory_can() {
    for family in Family::ALL {
        let weights = weights(family);
        let mut session = weights.session(&options()).unwrap();
        let tokens = text(30, 1);
        let (whole, _) = one(&mut session, last(Origin::Root, &tokens));
        let back = session.prefix(whole, 12).unwrap();
        let can = !matches!(family, Family::Mamba | Family::Lfm2);
        assert_eq!(back.is_some(), can, "{family:?}");
        if let Some(back) = back {
            session.release(whole);
            assert_eq!(session.room().cells, 512 - 12);
            let (_, row) = one(&mut session, last(Origin::Move(back), &[270]));
            let (_, fresh) = one(&mut session, last(Origin::Root, &[&tokens[..12], &[270]].concat()));
            assert_within(tolerance(family), &row, &fresh, &format!("{family:?}"));
        }
        let (other, _) = one(&mut session, last(Origin::Root, &tokens));
        assert!(session.prefix(other, 31).is_err() && session.prefix(other, 0).is_err());
    }
}

#[test]
fn a_cleared_session_has_the_bits_of_a_new_one() {
    let weights = weights(Family::Llama);
    let (mut used, mut new) = (weights.session(&options()).unwrap(), weights.session(&options()).unwrap());
    one(&mut used, last(Origin::Root, &text(33, 1)));
    one(&mut used, last(Origin::Root, &text(20, 2)));
    used.clear();
    assert_eq!(used.room(), new.room());
    let prompt = text(25, 3);
    assert_eq!(one(&mut used, last(Origin::Root, &prompt)).1, one(&mut new, last(Origin::Root, &prompt)).1);
}

#[test]
fn a_batch_never_exceeds_the_memory_and_defaults_are_filled_in() {
    let weights = weights(Family::Llama);
    let asked = SessionOptions { cells: 50, batch: 64, threads: None, ..options() };
    let session = weights.session(&asked).unwrap();
    assert_eq!((session.settings().batch, session.settings().threads, session.room().cells), (50, 1, 50));
    assert!(weights.session(&SessionOptions { branches: 257, ..options() }).is_err());
}

#[test]
fn the_bundled_model_forks_as_it_reads() {
    let weights = Weights::load(Path::new(BUNDLED), &LoadOptions::default(), |_| true).unwrap();
    let mut session = weights.session(&options()).unwrap();
    let prompt = weights.tokenize("Once upon a time", true, false).unwrap();
    let (trunk, row) = one(&mut session, last(Origin::Root, &prompt));
    let likeliest = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
    assert_eq!(weights.vocabulary().kind(Token::try_from(likeliest).unwrap()), Kind::Text);
    let token = [Token::try_from(likeliest).unwrap()];
    let (_, forked) = one(&mut session, last(Origin::Fork(trunk), &token));
    let (_, moved) = one(&mut session, last(Origin::Move(trunk), &token));
    assert_eq!(forked, moved);
}
