//! Texts that stay in memory for the stories that begin alike.

use super::ledger::{Dice, Ledger};
use super::*;
use crate::decode::Keep;
use crate::model::Model;

const KEEP: Keep = Keep { prompts: 2, stories: 3 };

fn large() -> Room {
    Room { cells: 4000, branches: 90, batch: 256 }
}

/// Tells stories one after another, of which texts are kept.
fn in_turn(model: &mut dyn Model, keep: Keep, plans: &[Plan]) -> Vec<Completion> {
    let mut ear = Ear::default();
    let mut stories = Stories::new(model, 2).keeping(keep);
    drive(&mut stories, 1, &mut each(plans.to_vec()), &mut ear, &Cancel::new());
    ear.completions()
}

fn prompt(length: Token) -> Vec<Token> {
    (0..length).map(|at| (at * 5 + at / 7) % 13).collect()
}

#[test]
fn one_prompt_told_by_several_presets_is_read_once_and_the_stories_are_the_same() {
    let plans: Vec<Plan> = [("0", "token"), ("1", "word"), ("-1", "token")]
        .iter()
        .map(|(alpha, horizon)| plan(&sampler(alpha, horizon), &prompt(600), 3))
        .collect();
    // Whether a memory can step back or not: what is kept ends where the prompt does. It takes a branch and no room.
    let (cells, branches) = Stories::room_for(&plans, 2);
    for steps_back in [true, false] {
        let mut ledger = Ledger::new(Room { cells, branches: branches + 1, batch: 256 }, steps_back);
        let told = in_turn(&mut ledger, Keep { prompts: 1, stories: 0 }, &plans);
        for (told, plan) in told.iter().zip(&plans) {
            let alone = tell_one(2, plan.clone());
            assert_eq!((&told.tokens, &told.text, told.counts), (&alone.tokens, &alone.text, alone.counts));
        }
        assert_eq!(told.iter().map(|told| told.cached_tokens).collect::<Vec<_>>(), [0, 600, 600]);
        let rows: usize = told.iter().map(|told| told.counts.evaluations - 1).sum();
        assert_eq!((ledger.toy.evaluations, ledger.toy.living()), (600 + rows, 0));
    }
}

#[test]
fn a_story_that_goes_on_from_an_ended_one_reads_what_is_new() {
    let first = plan(&sampler("0", "token"), &prompt(500), 3);
    for steps_back in [true, false] {
        // A slot for one story is enough for what it goes on from: who takes it over gives its room back.
        let room = Room { cells: 500 + 60 + 63 + sampler("0", "token").forks(2), branches: 99, batch: 256 };
        let mut ledger = Ledger::new(room, steps_back);
        let mut ear = Ear::default();
        let mut stories = Stories::new(&mut ledger, 2).keeping(KEEP);
        drive(&mut stories, 1, &mut each([first.clone()]), &mut ear, &Cancel::new());
        let told = ear.ended.remove(&0).unwrap().completion.tokens;
        // As a chat goes on, with another turn behind the answer.
        let next = plan(&sampler("0", "token"), &[&first.prompt[..], &told, &[4, 5, 6]].concat(), 8);
        drive(&mut stories, 1, &mut each([next.clone()]), &mut ear, &Cancel::new());
        drop(stories);
        let answer = ear.completions().remove(0);
        assert_eq!((&answer.tokens, answer.cached_tokens), (&by_hand(&next), 500 + told.len()));
        assert_eq!(ledger.toy.living(), 0);
    }
}

#[test]
fn who_goes_on_from_all_of_a_story_whose_last_token_was_looked_at_has_its_row() {
    for (alpha, read) in [("0", 0), ("-1", 1)] {
        let first = plan(&sampler(alpha, "token"), &prompt(50), 3);
        for steps_back in [true, false] {
            let mut ledger = Ledger::new(large(), steps_back);
            let told = in_turn(&mut ledger, KEEP, std::slice::from_ref(&first)).remove(0);
            let next = plan(&sampler(alpha, "token"), &[&first.prompt[..], &told.tokens].concat(), 8);
            let answer = in_turn(&mut ledger, KEEP, &[first.clone(), next.clone()]).remove(1);
            assert_eq!((&answer.tokens, answer.counts.prompt - answer.cached_tokens), (&by_hand(&next), read), "{alpha}");
            assert_eq!(ledger.toy.living(), 0);
        }
    }
}

#[test]
fn a_prompt_that_parts_from_a_kept_text_is_read_from_there_where_the_memory_can_step_back() {
    let first = plan(&sampler("0", "token"), &prompt(500), 3);
    let mut other = first.prompt.clone();
    other[300] = (other[300] + 1) % 13;
    let plans = [first.clone(), plan(&sampler("0", "word"), &other, 3), Plan { seed: 9, ..first }];
    for (steps_back, cached) in [(true, [0, 300, 500]), (false, [0, 0, 500])] {
        let mut ledger = Ledger::new(large(), steps_back);
        let told = in_turn(&mut ledger, KEEP, &plans);
        assert_eq!(told.iter().map(|told| told.cached_tokens).collect::<Vec<_>>(), cached);
        assert!(told.iter().zip(&plans).all(|(told, plan)| told.tokens == by_hand(plan)));
        assert_eq!(ledger.toy.living(), 0);
    }
}

#[test]
fn nothing_is_kept_that_nobody_asked_for() {
    let plans = [3, 4].map(|seed| plan(&sampler("0", "word"), &prompt(90), seed));
    let mut ledger = Ledger::new(large(), true);
    let told = in_turn(&mut ledger, Keep::default(), &plans);
    assert!(told.iter().all(|told| told.cached_tokens == 0));
    let rows: usize = told.iter().map(|told| told.counts.evaluations - 1).sum();
    assert_eq!(ledger.toy.evaluations, 2 * 90 + rows);
}

#[test]
fn drafts_count_the_prompt_that_another_one_read() {
    let plans: Vec<Plan> = (0..3).map(|seed| plan(&sampler("0", "token"), &prompt(90), seed)).collect();
    let told = tell(&mut toy(), 1, plans);
    assert_eq!(told.iter().map(|told| told.cached_tokens).collect::<Vec<_>>(), [0, 90, 90]);
}

#[test]
fn who_leaves_while_a_long_prompt_is_read_leaves_what_was_read_of_it() {
    struct Impatient(Ear);

    impl Observer for Impatient {
        fn reading(&mut self, _: usize, read: usize, _: usize) -> ControlFlow<()> {
            if read == 512 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }

        fn ended(&mut self, story: usize, ended: Ended) {
            self.0.ended(story, ended);
        }
    }

    let plan = plan(&sampler("0", "token"), &prompt(600), 3);
    let (mut ledger, mut left) = (Ledger::new(large(), true), Impatient(Ear::default()));
    let mut stories = Stories::new(&mut ledger, 2).keeping(KEEP);
    drive(&mut stories, 1, &mut each([plan.clone()]), &mut left, &Cancel::new());
    let mut ear = Ear::default();
    drive(&mut stories, 1, &mut each([plan.clone()]), &mut ear, &Cancel::new());
    drop(stories);
    assert_eq!(left.0.completions()[0].stop, StopReason::Interrupted);
    let told = ear.completions().remove(0);
    assert_eq!((told.tokens, told.cached_tokens, ledger.toy.living()), (by_hand(&plan), 512, 0));
}

#[test]
fn those_that_run_and_those_that_are_kept_are_no_more_than_were_asked_for() {
    let plans: Vec<Plan> = (0..6).map(|seed| plan(&sampler("-1", "token"), &prompt(20 + seed), seed.into())).collect();
    let mut ledger = Ledger::new(large(), true);
    let mut stories = Stories::new(&mut ledger, 2).keeping(Keep { prompts: 0, stories: 3 });
    drive(&mut stories, 1, &mut each(plans[..3].to_vec()), &mut (), &Cancel::new());
    assert_eq!(stories.occupancy().kept, 3);
    for (running, plan) in (1..).zip(&plans[3..]) {
        stories.begin(plan.clone()).unwrap();
        assert_eq!((stories.occupancy().running, stories.occupancy().kept), (running, 3 - running));
    }
    while stories.running() > 0 {
        stories.round(&mut ());
        assert!(stories.occupancy().running + stories.occupancy().kept <= 3);
    }
    assert_eq!(stories.occupancy().kept, 3);
    drop(stories);
    assert_eq!(ledger.toy.living(), 0);
}

#[test]
fn what_is_kept_goes_before_a_story_lacks_room() {
    let plans: Vec<Plan> = (0..6).map(|seed| plan(&sampler("0", "word"), &prompt(40 + seed), seed.into())).collect();
    // Just the room of the largest: whatever is kept has to go when the next one begins, but its own beginning.
    let (cells, branches) = Stories::room_for(&plans, 2);
    for more in 0..3 {
        for steps_back in [true, false] {
            let mut ledger = Ledger::new(Room { cells: cells + 20 * more, branches: branches + more, batch: 64 }, steps_back);
            let told = in_turn(&mut ledger, KEEP, &plans);
            assert!(told.iter().zip(&plans).all(|(told, plan)| told.tokens == by_hand(plan)));
            assert_eq!(ledger.toy.living(), 0);
        }
    }
}

#[test]
fn whatever_is_kept_cancelled_or_fails_every_story_is_the_one_told_alone_and_nothing_leaks() {
    let samplers = [sampler("-1", "token"), sampler("0", "token"), sampler("1", "word")];
    let mut cached = 0;
    for round in 0..60 {
        let mut dice = Dice(round);
        let at_once = 1 + dice.below(3);
        // Texts that begin alike: parts of one, or parting from it somewhere.
        let mut plans: Vec<Plan> = Vec::new();
        for seed in 0..8 {
            let mut text = prompt(20 + dice.token(50));
            if dice.below(3) > 0 {
                let at = dice.below(text.len());
                text[at] = dice.token(13);
            }
            let mut plan = plan(&samplers[dice.below(3)], &text, seed);
            plan.max_tokens = 1 + dice.below(30);
            if let (1, Some(before)) = (dice.below(2), plans.last()) {
                plan.prompt = [&before.prompt[..], &by_hand(before)].concat();
            }
            plans.push(plan);
        }
        let (cells, branches) = Stories::room_for(&plans, 2);
        let room = Room {
            cells: cells * at_once + dice.below(100),
            branches: branches * at_once + at_once + dice.below(4),
            batch: 1 + dice.below(40),
        };
        let mut ledger = Ledger::new(room, dice.below(3) > 0);
        ledger.toy.fail_at = (dice.below(2) == 0).then(|| dice.below(60));
        let keep = Keep { prompts: dice.below(3), stories: dice.below(4) };
        let mut ear = Ear { leaves: Some((dice.below(8), 1 + dice.below(9))), ..Ear::default() };
        let mut stories = Stories::new(&mut ledger, 2).keeping(keep);
        drive(&mut stories, at_once, &mut each(plans.clone()), &mut ear, &Cancel::new());
        drop(stories);
        assert_eq!((ledger.toy.living(), ledger.cells.len()), (0, 0), "{round}");
        let told = ear.completions();
        let failed = told.iter().filter(|told| told.failure().is_some()).count();
        assert!(
            failed <= usize::from(ledger.toy.fail_at.is_some()),
            "{round}: {:?}",
            told.iter().find_map(Completion::failure)
        );
        for (told, plan) in told.iter().zip(&plans) {
            let whole = by_hand(plan);
            let ended = told.failure().is_none() && told.stop != StopReason::Interrupted;
            assert_eq!(told.tokens[..], whole[..told.tokens.len()], "{round}");
            assert!(!ended || told.tokens.len() == whole.len(), "{round}");
            assert!(told.cached_tokens <= plan.prompt.len());
            cached += told.cached_tokens;
        }
    }
    assert!(cached > 2000, "only {cached} tokens were taken over");
}

#[test]
fn the_first_token_behind_what_is_kept_costs_one_decode_at_most() {
    let free = Sampler::new(Chain::new(Vec::new()).unwrap(), Pick::Sample);
    let first = plan(&free, &prompt(900), 3);
    for steps_back in [true, false] {
        let mut ledger = Ledger::new(large(), steps_back);
        let mut text = first.prompt.clone();
        // The prompt itself, then the same again, then what was told of it as a front-end sends it for more.
        let mut stories = Stories::new(&mut ledger, 2).keeping(KEEP);
        for seed in 0..5 {
            let mut ear = Ear::default();
            let next = Plan { prompt: text.clone(), seed, max_tokens: 1, ..first.clone() };
            let mut rounds = 0;
            stories.begin(next).unwrap();
            while stories.running() > 0 {
                stories.round(&mut ear);
                rounds += 1;
            }
            // A round is a decode at most, and one that shares a prompt is none.
            let told = ear.ended.remove(&0).unwrap().completion;
            let reads = told.counts.prompt - told.cached_tokens;
            assert!(
                if seed == 0 { rounds == 4 && reads == 900 } else { rounds <= 1 && reads <= 1 },
                "{seed}: {rounds}, {reads}"
            );
            if seed > 0 {
                text.extend(told.tokens);
            }
        }
    }
}
