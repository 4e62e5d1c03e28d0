//! A story told in pieces is the story told at once.

use std::path::Path;

use super::*;
use crate::decode::Continuation;
use crate::preset::{Folders, read};

const WORDS: Token = 40;
const END: Token = 39;

/// Words, marks that end sentences and lines, a character in three parts, and an end.
fn prose() -> Vocabulary {
    let wolf = "狼".as_bytes();
    Vocabulary::new((0..WORDS).map(|token| match token {
        END => (b"</s>".to_vec(), Kind::End),
        36..39 => (vec![wolf[token as usize - 36]], Kind::Text),
        30..33 => (b".".to_vec(), Kind::Text),
        33 => (b"!".to_vec(), Kind::Text),
        34 => (b".\n".to_vec(), Kind::Text),
        35 => (b"ish".to_vec(), Kind::Text),
        _ => (format!(" W{token}").into_bytes(), Kind::Text),
    }))
}

/// Rows in which some words are likely; `end` is added to the logit of the end.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn teller(end: f32) -> Toy {
    Toy::new(prose(), move |text| {
        let last = &text[text.len().saturating_sub(3)..];
        let noise = Noise::new(9, last).at(0, 0);
        (0..WORDS).map(|token| (noise.uniform(token) * 6.0) as f32 + if token == END { end } else { 0.0 }).collect()
    })
}

/// How the pieces of a story come to know what was told before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Hands {
    /// From the text alone.
    Text,
    /// With what the piece before left behind.
    All,
}

/// The story of a plan, told in pieces of so many tokens.
fn in_pieces(toy: &mut Toy, whole: &Plan, pieces: &[usize], hands: Hands) -> Completion {
    let mut plan = whole.clone();
    plan.continuation.planned = Some(whole.planned());
    let mut all: Option<Completion> = None;
    let (first, mut pieces) = (whole.continuation.told, pieces.iter().cycle());
    loop {
        let told = all.as_ref().map_or(0, |all| all.tokens.len());
        plan.max_tokens = (*pieces.next().unwrap()).min(whole.max_tokens - told);
        let piece = tell(toy, 2, vec![plan.clone()]).remove(0);
        plan.prompt.extend(&piece.tokens);
        plan.continuation.told = first + plan.prompt.len() - whole.prompt.len();
        plan.continuation.carried = (hands == Hands::All).then(|| piece.carried.clone());
        let mut sum = all.unwrap_or_else(|| Completion::unbegun(whole.prompt.len(), StopReason::Tokens));
        sum.tokens.extend(&piece.tokens);
        sum.text += &piece.text;
        sum.stop = piece.stop;
        if sum.stop != StopReason::Tokens || sum.tokens.len() >= whole.max_tokens {
            return sum;
        }
        all = Some(sum);
    }
}

pub(super) fn assert_same(toy: impl Fn() -> Toy, whole: &Plan, hands: &[Hands], what: &str) {
    let once = tell(&mut toy(), 2, vec![whole.clone()]).remove(0);
    for pieces in [&[10][..], &[1], &[3, 17, 1, 31], &[99]] {
        for &hands in hands {
            let mut toy = toy();
            let told = in_pieces(&mut toy, whole, pieces, hands);
            let same = (&told.tokens, &told.text, &told.stop) == (&once.tokens, &once.text, &once.stop);
            assert!(same, "{what}, {pieces:?}, {hands:?}:\n{:?}\n{:?}", told.text, once.text);
            assert_eq!(toy.living(), 0);
        }
    }
}

pub(super) fn sampler_of(stages: &[&str]) -> Sampler {
    let stages = stages.iter().map(|stage| toml::from_str::<Stage>(stage).unwrap());
    Sampler::new(Chain::new(stages.collect()).unwrap(), Pick::Sample)
}

pub(super) fn hundred(sampler: &Sampler, seed: u64) -> Plan {
    Plan::new(sampler.clone(), vec![7, 30, 36], seed, 100)
}

#[test]
fn every_shipped_preset_tells_in_ten_requests_what_it_tells_in_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let preset = read(&path, &Folders::default()).unwrap();
            let sampler = preset.sampler();
            assert_same(|| teller(-90.0), &hundred(&sampler, 3), &[Hands::Text, Hands::All], &path.display().to_string());
            count += 1;
        }
    }
    assert!(count >= 11, "{count}");
}

#[test]
fn every_clock_goes_on_where_it_stood() {
    let future = |alpha: &str| format!("future = {{ candidates = 9, entropy-top = 9, alpha = {alpha} }}");
    let word = "future = { candidates = 9, entropy-top = 9, alpha = { wave = { period = 30 } }, horizon = 'word' }";
    for stages in [
        &["penalties = { repeat = 1.3, presence = 0.5, last = 40 }"][..],
        &["dry = { multiplier = 2, base = 2, allowed-length = 1 }", "temperature = { wave = { period = 20 } }"],
        &["temperature = { wave = { period = 3, unit = 'sentence' } }"],
        &["temperature = { steps = { values = [0.2, 1.8], every = 1, unit = 'paragraph' } }"],
        &["temperature = { keyframes = [[0, 0.3], [0.5, 1.5], [1, 0.3]] }"],
        &["temperature = { wave = { period = 20, fade-in = 0.3, fade-out = 0.3 } }"],
        &["temperature = { band = { surprisal = [1.0, 1.2], window = 8, gain = 3 } }"],
        &["temperature = { band = { surprisal = [0.8, 0.9], unit = 'entropy', window = 8, gain = 3 } }"],
        &["min-p = { band = { surprisal = [1.0, 1.2], window = 8, gain = 1 } }"],
        &[
            "min-p = { wave = { period = 20, below = 0 } }",
            &format!("{}, derail = 0.05 }}", future("0").trim_end_matches(" }")),
        ],
        &["xtc = { probability = 0.5, threshold = 0.05 }"],
        &["min-p = 0.02", &future("{ band = { surprisal = [1.0, 1.2], window = 8, gain = 3 } }"), "temperature = 0.9"],
        &["min-p = 0.02", word],
    ] {
        let plan = hundred(&sampler_of(stages), 5);
        assert_same(|| teller(-90.0), &plan, &[Hands::Text, Hands::All], &format!("{stages:?}"));
        // By the clock of the text all of it is story.
        let text = Continuation { told: plan.prompt.len(), ..Continuation::default() };
        assert_same(|| teller(-90.0), &Plan { continuation: text, ..plan }, &[Hands::Text], &format!("{stages:?}, text"));
    }
}

#[test]
fn what_steers_by_every_draw_goes_on_by_what_it_is_handed() {
    for stage in ["mirostat = { tau = 2, eta = 0.5 }", "adaptive-p = { target = 0.3, decay = 0.9 }"] {
        let plan = hundred(&sampler_of(&["min-p = 0.01", stage]), 5);
        assert_same(|| teller(-90.0), &plan, &[Hands::All], stage);
        let (once, alone) =
            (tell(&mut teller(-90.0), 1, vec![plan.clone()]), in_pieces(&mut teller(-90.0), &plan, &[9], Hands::Text));
        assert_ne!(once[0].tokens, alone.tokens, "{stage}: nothing is to be handed on");
    }
}

#[test]
fn an_end_is_held_off_until_as_many_tokens_as_were_asked_for() {
    for seed in 0..9 {
        let plan = hundred(&sampler_of(&["temperature = 0.8"]).with_min_tokens(40), seed);
        assert_same(|| teller(3.0), &plan, &[Hands::Text], "min-tokens");
        assert!(tell(&mut teller(3.0), 1, vec![plan])[0].tokens.len() > 40);
    }
}

#[test]
fn a_loop_is_noticed_across_requests() {
    let circle = |text: &[Token]| (0..V).map(|t| if t == (text[text.len() - 1] + 1) % 5 { 30.0 } else { 0.0 }).collect();
    let circling = Plan { stop_on_loop: true, ..Plan::new(sampler_of(&[]), vec![4], 1, 150) };
    let told = in_pieces(&mut Toy::new(vocabulary(), circle), &circling, &[10], Hands::Text);
    assert_eq!((told.stop, told.tokens.len()), (StopReason::Loop, 96));
}

#[test]
fn a_character_that_two_requests_share_is_told_by_the_one_that_completes_it() {
    let wolves =
        |text: &[Token]| (0..WORDS).map(|t| if t == [36, 37, 38][(text.len() - 1) % 3] { 30.0 } else { 0.0 }).collect();
    let plan = Plan::new(sampler_of(&["top-k = 1"]), vec![1], 1, 30);
    let told = in_pieces(&mut Toy::new(prose(), wolves), &plan, &[2], Hands::Text);
    assert_eq!(told.text, "狼".repeat(10));
}

#[test]
fn surprisals_are_scored_while_the_text_is_read_whoever_shares_its_prompt_and_whatever_fails() {
    let band = sampler_of(&["temperature = { band = { surprisal = [1.0, 1.2], window = 8, gain = 3 } }"]);
    let whole = tell(&mut teller(-90.0), 1, vec![hundred(&band, 5)]).remove(0);
    let (before, after) = whole.tokens.split_at(70);
    let prompt = [&hundred(&band, 5).prompt[..], before].concat();
    let rest = Plan {
        continuation: Continuation { told: 70, planned: Some(100), ..Continuation::default() },
        ..Plan::new(band.clone(), prompt.clone(), 5, 30)
    };
    let fresh = Plan::new(band, prompt, 5, 30);
    let alone = tell(&mut teller(-90.0), 1, vec![fresh.clone()]).remove(0);
    for fail_at in [None, Some(0), Some(2), Some(9)] {
        for (plans, at) in [([&rest, &fresh, &rest], 0), ([&fresh, &rest, &fresh], 1), ([&fresh, &fresh, &rest], 2)] {
            let mut toy = teller(-90.0);
            toy.fail_at = fail_at;
            let told = tell(&mut toy, 1, plans.map(Clone::clone).to_vec());
            assert_eq!((&told[at].tokens[..], &told[at].carried), (after, &whole.carried), "{fail_at:?}, {at}");
            let other = plans.iter().position(|plan| plan.continuation.told == 0).unwrap();
            assert_eq!((&told[other].tokens, toy.living()), (&alone.tokens, 0));
        }
    }
}

#[test]
fn what_cannot_have_been_told_is_refused() {
    let continuation = Continuation { told: 4, ..Continuation::default() };
    let plan = Plan { continuation, ..hundred(&sampler_of(&[]), 1) };
    let refused = tell(&mut teller(0.0), 1, vec![plan]).remove(0);
    assert_eq!(refused.failure(), Some("of a prompt of 3 tokens 4 cannot have been told"));
}

#[test]
fn a_story_uses_no_more_than_its_budget() {
    for horizon in ["token", "word"] {
        for alpha in ["-1", "0"] {
            let sampler = sampler(alpha, horizon);
            let endless = |budget| Plan { budget: Some(budget), max_tokens: usize::MAX, ..plan(&sampler, &[1, 2, 3], 4) };
            let least = 4 + sampler.forks(2);
            for budget in 1..least + 60 {
                let (cells, branches) = Stories::room_for(&[endless(budget)], 2);
                let mut toy = toy().with_room(Room { cells: budget, branches, batch: 9 });
                let told = tell(&mut toy, 2, vec![endless(budget)]).remove(0);
                if budget < least {
                    assert!(told.failure().is_some_and(|cause| cause.contains("no room for a story")), "{budget}");
                    continue;
                }
                assert!(cells <= budget);
                let context = budget - sampler.forks(2);
                let whole = Plan { context, max_tokens: usize::MAX, ..plan(&sampler, &[1, 2, 3], 4) };
                assert_eq!((&told.stop, told.tokens.len()), (&StopReason::Context, context - 3), "{budget}");
                assert_eq!((told.tokens, toy.living()), (by_hand_to(&whole, context - 3), 0));
            }
        }
    }
}

#[test]
fn in_its_budget_a_story_goes_on_without_what_came_first() {
    let sampler = sampler("0", "token");
    let (budget, tokens) = (sampler.forks(2) + 20, 90);
    let shifting = Plan { budget: Some(budget), context_shift: true, max_tokens: tokens, ..plan(&sampler, &[1, 2, 3], 4) };
    let by_context = Plan { budget: None, context: 20, ..shifting.clone() };
    let (_, branches) = Stories::room_for(std::slice::from_ref(&shifting), 2);
    let mut toy = toy().with_room(Room { cells: budget, branches, batch: 9 });
    let told = tell(&mut toy, 2, vec![shifting]).remove(0);
    assert_eq!(told, tell_one(2, by_context));
    assert!(told.counts.context_shifts > 3 && toy.living() == 0);
}

/// The first tokens that its sampler decides.
fn by_hand_to(plan: &Plan, tokens: usize) -> Vec<Token> {
    let told = by_hand(&Plan { max_tokens: tokens, context: plan.context, ..plan.clone() });
    assert_eq!(told.len(), tokens);
    told
}
