//! Rows that several threads look at.

use super::{Completion, Plan, Toy, plan, row, sampler, tell};
use crate::model::{Kind, Vocabulary, WORTH_THREADS};
use crate::prob::Token;

/// Tokens of a vocabulary whose rows are worth threads where eight stories tell.
const WIDE: usize = WORTH_THREADS / 4;

/// The small toy within a large vocabulary; behind the token 7 nothing can come.
fn wide(threads: usize) -> Toy {
    let kind = |token| if token == 13 { Kind::End } else { Kind::Text };
    let vocabulary = Vocabulary::new((0..WIDE).map(|token| (format!(" w{token}"), kind(token))));
    let rule = |text: &[Token]| {
        let (small, filling) = if text.contains(&7) { (Vec::new(), f32::NEG_INFINITY) } else { (row(text), -20.0) };
        small.into_iter().chain(std::iter::repeat(filling)).take(WIDE).collect()
    };
    let mut toy = Toy::new(vocabulary, rule);
    toy.threads = threads;
    toy
}

#[test]
fn as_many_threads_as_there_are_tell_the_same_stories() {
    // Half of them look ahead, and the others run into what those see.
    let alpha = |seed| if seed % 2 == 0 { "0.4" } else { "-1.0" };
    let story = |seed| Plan { max_tokens: 12, ..plan(&sampler(alpha(seed), "word"), &[2], seed) };
    let plans: Vec<Plan> = (1..9).map(story).collect();
    let told = |threads| -> (Vec<Completion>, usize, usize) {
        let mut toy = wide(threads);
        let told = tell(&mut toy, 2, plans.clone());
        assert_eq!(toy.living(), 0);
        (told, toy.decodes, toy.evaluations)
    };
    let alone = told(1);
    let failed = alone.0.iter().filter(|told| told.failure().is_some()).count();
    assert!((1..8).contains(&failed), "{failed} of 8 stories come to a place where nothing can come");
    for threads in [2, 3, 8, 99] {
        assert_eq!(told(threads), alone, "{threads} threads");
    }
}
