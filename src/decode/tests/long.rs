//! Stories longer than their context, and stories that go in circles.

use super::*;

/// The story when its sampler is asked by hand, with the rows of what is left where a full context is cut by hand.
fn slid_by_hand(plan: &Plan) -> (Vec<Token>, usize) {
    let mut memory = Memory::of_prompt(&plan.prompt).planning(plan.planned());
    let noise = Noise::new(plan.seed, &plan.prompt);
    let (mut seen, mut slides) = (plan.prompt.clone(), 0);
    let sampler = plan.sampler.bind(&lexicon()).unwrap();
    while memory.step() < plan.max_tokens {
        let mut turn = sampler.turn(&memory, &row(&seen), noise).unwrap();
        let draw = loop {
            match turn.ask() {
                Ask::Take(draw) => break draw,
                Ask::Look(paths) => turn.learn(&paths[0], &row(&[&seen[..], &paths[0].0].concat())),
            }
        };
        memory = memory.after(&draw);
        seen.push(draw.token);
        if draw.token == 13 {
            break;
        }
        if seen.len() == plan.context && memory.step() < plan.max_tokens {
            let told = seen.len() - plan.prompt.len();
            seen.drain(plan.prompt.len()..plan.prompt.len() + told.div_ceil(2));
            slides += 1;
        }
    }
    (memory.told().to_vec(), slides)
}

/// A plan that slides.
fn long(alpha: &str, horizon: &str, context: usize, seed: u64) -> Plan {
    Plan { context, context_shift: true, max_tokens: 90, ..plan(&sampler(alpha, horizon), &[1, 2, 3, 4, 5], seed) }
}

#[test]
fn a_story_that_slides_is_the_one_whose_older_half_is_cut_by_hand() {
    for context in [6, 7, 20, 33, 95, 96] {
        for horizon in ["token", "word"] {
            for alpha in ["-1", "0", "1"] {
                let plan = long(alpha, horizon, context, 7);
                let told = tell_one(2, plan.clone());
                assert_eq!((told.tokens, told.counts.context_shifts), slid_by_hand(&plan), "{context} {horizon} {alpha}");
            }
        }
    }
}

#[test]
fn stories_of_one_prompt_slide_in_the_room_that_was_counted_for_them() {
    let plans: Vec<Plan> = (0..3).map(|seed| long("0", "word", 24, seed)).collect();
    let (cells, branches) = Stories::room_for_all(&plans, 2);
    let mut toy = toy().with_room(Room { cells, branches, batch: 9 });
    for (told, plan) in tell(&mut toy, 2, plans.clone()).into_iter().zip(&plans) {
        assert!(told.counts.context_shifts > 2);
        assert_eq!((told.tokens, told.counts.context_shifts), slid_by_hand(plan));
    }
    assert_eq!(toy.living(), 0);
}

#[test]
fn a_decode_that_fails_takes_at_most_the_one_draft_that_was_alone_in_it() {
    let plans: Vec<Plan> = (0..3).map(|seed| long("0", "word", 24, seed)).collect();
    let (cells, branches) = Stories::room_for_all(&plans, 2);
    for fail_at in 0..250 {
        let mut toy = toy().with_room(Room { cells, branches, batch: 9 });
        toy.fail_at = Some(fail_at);
        let told = tell(&mut toy, 2, plans.clone());
        let failed = told.iter().filter(|told| told.failure().is_some()).count();
        assert!(failed <= 1, "{fail_at}");
        for (told, plan) in told.into_iter().zip(&plans) {
            let (tokens, slides) = slid_by_hand(plan);
            match told.stop {
                StopReason::Failed(_) => assert_eq!(told.tokens[..], tokens[..told.tokens.len()], "{fail_at}"),
                _ => assert_eq!((told.tokens, told.counts.context_shifts), (tokens, slides), "{fail_at}"),
            }
        }
        assert_eq!(toy.living(), 0);
    }
}

#[test]
fn a_story_that_repeats_itself_for_good_ends_unless_it_may() {
    let circle = |text: &[Token]| (0..V).map(|t| if t == (text[text.len() - 1] + 1) % 5 { 30.0 } else { 0.0 }).collect();
    let circling = Plan { max_tokens: 150, stop_on_loop: true, ..plan(&sampler("-1", "token"), &[4], 1) };
    let told = tell(&mut Toy::new(lexicon(), circle), 1, vec![circling.clone()]).remove(0);
    assert_eq!((told.stop, told.tokens.len()), (StopReason::Loop, 96));
    let told = tell(&mut Toy::new(lexicon(), circle), 1, vec![Plan { stop_on_loop: false, ..circling }]).remove(0);
    assert_eq!((told.stop, told.tokens.len()), (StopReason::Tokens, 150));
}
