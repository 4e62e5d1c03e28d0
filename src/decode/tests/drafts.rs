//! Stories that share a prompt.

use super::*;

/// Drafts of one prompt: equal plans but for the seed.
fn drafts(sampler: &Sampler, prompt: &[Token], seeds: std::ops::Range<u64>) -> Vec<Plan> {
    seeds.map(|seed| plan(sampler, prompt, seed)).collect()
}

#[test]
fn drafts_are_the_stories_told_alone_and_their_prompt_is_read_once() {
    let prompt: Vec<Token> = (0..700).map(|i| i % 13).collect();
    for horizon in ["token", "word"] {
        for alpha in ["-1", "0", "1"] {
            let plans = drafts(&sampler(alpha, horizon), &prompt, 0..5);
            let mut toy = toy();
            let told = tell(&mut toy, 2, plans.clone());
            assert_eq!(toy.living(), 0, "a branch has leaked");
            let mut evaluations = prompt.len();
            for (told, plan) in told.iter().zip(&plans) {
                assert_eq!(told.tokens, by_hand(plan));
                let alone = tell_one(2, plan.clone());
                assert_eq!((&told.text, &told.stop, told.counts), (&alone.text, &alone.stop, alone.counts));
                // The first row of each is the prompt's.
                evaluations += told.counts.evaluations - 1;
            }
            assert_eq!(toy.evaluations, evaluations);
        }
    }
}

#[test]
fn drafts_and_other_stories_are_told_in_the_room_that_was_counted_for_all() {
    let sampler = sampler("0", "word");
    let mut plans = drafts(&sampler, &[1, 2, 3, 4, 5, 6], 0..3);
    plans.push(plan(&sampler, &[1, 2, 3], 0));
    let (cells, branches) = Stories::room_for_all(&plans, 2);
    let alone = Stories::room_for(&plans[..1], 2);
    assert_eq!((cells, branches), (4 * alone.0 - 2 * 6 - 3, 4 * alone.1 + 1));
    let mut toy = toy().with_room(Room { cells, branches, batch: 7 });
    for (told, plan) in tell(&mut toy, 2, plans.clone()).iter().zip(&plans) {
        assert_eq!(told.tokens, by_hand(plan));
    }
    let mut toy = toy.with_room(Room { cells: cells - 1, branches, batch: 7 });
    let mut stories = Stories::new(&mut toy, 2);
    let begun: Vec<bool> = plans.into_iter().map(|plan| stories.begin(plan).is_ok()).collect();
    assert_eq!(begun, [true, true, true, false]);
}

#[test]
fn where_no_branch_is_left_to_keep_a_prompt_each_story_reads_it() {
    let plans = drafts(&sampler("0", "token"), &[1, 2, 3], 0..2);
    let (cells, branches) = Stories::room_for(&plans, 1);
    let mut toy = toy().with_room(Room { cells: 2 * cells, branches: 2 * branches, batch: 9 });
    for (told, plan) in tell(&mut toy, 1, plans.clone()).iter().zip(&plans) {
        assert_eq!(told.tokens, by_hand(plan));
    }
}

#[test]
fn a_prompt_is_kept_as_long_as_a_story_of_it_runs_and_shared_by_who_comes_later() {
    let prompt: Vec<Token> = (0..90).map(|i| i % 13).collect();
    let mut plans = drafts(&sampler("-1", "token"), &prompt, 0..5);
    // No two of them end in the same round.
    plans.iter_mut().zip([1, 60, 40, 50, 30]).for_each(|(plan, tokens)| plan.max_tokens = tokens);
    let (cells, branches) = Stories::room_for_all(&drafts(&sampler("-1", "token"), &prompt, 0..2), 1);
    let mut toy = toy().with_room(Room { cells, branches, batch: 512 });
    // Two at a time: who begins takes the room of who has ended.
    let mut ear = Ear::default();
    drive(&mut Stories::new(&mut toy, 1), 2, &mut each(plans.clone()), &mut ear, &Cancel::new());
    let told = ear.completions();
    for (told, plan) in told.iter().zip(&plans) {
        assert_eq!(told.tokens, by_hand(plan));
    }
    let rows: usize = told.iter().map(|told| told.counts.evaluations - 1).sum();
    assert_eq!((toy.evaluations, toy.living()), (prompt.len() + rows, 0));
}

#[test]
fn drafts_survive_a_shared_decode_that_failed_in_the_room_of_drafts() {
    let plans = drafts(&sampler("0", "word"), &[1, 2, 3, 4, 5, 6, 7, 8], 0..4);
    let (cells, branches) = Stories::room_for_all(&plans, 2);
    for fail_at in 1..40 {
        let mut toy = toy().with_room(Room { cells, branches, batch: 99 });
        toy.fail_at = Some(fail_at);
        for (told, plan) in tell(&mut toy, 2, plans.clone()).iter().zip(&plans) {
            assert_eq!(told.tokens, by_hand(plan), "{fail_at}");
        }
        assert_eq!(toy.living(), 0);
    }
}

#[test]
fn where_the_reader_of_a_shared_prompt_fails_the_next_one_reads_it() {
    let plans = drafts(&sampler("0", "token"), &[1, 2, 3], 0..3);
    let mut toy = toy();
    toy.fail_at = Some(0);
    let told = tell(&mut toy, 1, plans.clone());
    assert_eq!((told[0].failure().is_some(), told[0].tokens.len()), (true, 0));
    for number in 1..3 {
        assert_eq!(told[number].tokens, by_hand(&plans[number]));
    }
    assert_eq!(toy.living(), 0);
}
