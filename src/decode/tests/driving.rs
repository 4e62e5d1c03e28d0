//! What the one loop promises to those who hear it.

use std::cell::Cell;

use super::*;

fn plain(prompt: &[Token], tokens: usize) -> Plan {
    let sampler = Sampler::new(Chain::new(Vec::new()).unwrap(), Pick::Sample);
    Plan { max_tokens: tokens, ..plan(&sampler, prompt, 1) }
}

#[test]
fn who_stops_hearing_a_story_ends_it_and_no_other() {
    for (horizon, behind) in [("token", 1), ("token", 7), ("word", 20)] {
        let plans: Vec<Plan> = (1..4).map(|seed| plan(&sampler("0", horizon), &[1, 2, 3], seed)).collect();
        let ear = hear(&mut toy(), 2, plans.clone(), Ear { leaves: Some((1, behind)), ..Ear::default() });
        let (text, heard) = (ear.text(1), ear.told[&1].len());
        let told = ear.completions();
        assert_eq!((&told[1].stop, heard), (&StopReason::Interrupted, behind));
        // What was told by then is kept, and what was not heard of it comes with the end.
        assert_eq!((&told[1].text, &told[1].tokens[..]), (&text, &by_hand(&plans[1])[..told[1].tokens.len()]));
        for other in [0, 2] {
            assert_eq!(told[other].tokens, by_hand(&plans[other]));
        }
    }
}

#[test]
fn who_stops_hearing_while_a_prompt_is_read_leaves_it_to_those_who_share_it() {
    struct Impatient(Ear);

    impl Observer for Impatient {
        fn reading(&mut self, story: usize, read: usize, of: usize) -> ControlFlow<()> {
            let _ = self.0.reading(story, read, of);
            if story == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }

        fn ended(&mut self, story: usize, ended: Ended) {
            self.0.ended(story, ended);
        }
    }

    let prompt: Vec<Token> = (0..600).map(|i| i % 13).collect();
    let plans: Vec<Plan> = (0..2).map(|seed| plan(&sampler("0", "token"), &prompt, seed)).collect();
    let (mut toy, mut ear) = (toy(), Impatient(Ear::default()));
    drive(&mut Stories::new(&mut toy, 1), 2, &mut each(plans.clone()), &mut ear, &Cancel::new());
    assert_eq!(ear.0.read, [(0, 256, 600), (1, 256, 600), (1, 512, 600)]);
    let told = ear.0.completions();
    assert_eq!((&told[0].stop, told[0].tokens.len()), (&StopReason::Interrupted, 0));
    assert_eq!((&told[1].tokens, toy.living()), (&by_hand(&plans[1]), 0));
}

#[test]
fn a_story_can_be_cancelled_by_its_number_and_the_others_go_on() {
    let plans: Vec<Plan> = (1..4).map(|seed| plan(&sampler("0", "word"), &[1, 2, 3], seed)).collect();
    let (mut toy, mut ear) = (toy(), Ear::default());
    let mut stories = Stories::new(&mut toy, 2);
    for plan in &plans {
        stories.begin(plan.clone()).unwrap();
    }
    (0..9).for_each(|_| stories.round(&mut ear));
    stories.cancel(1, &mut ear);
    stories.cancel(1, &mut ear);
    stories.cancel(77, &mut ear);
    assert_eq!(stories.running(), 2);
    // Its number is free for another.
    assert_eq!(stories.begin(Plan { seed: 9, ..plans[0].clone() }).unwrap(), 1);
    assert_eq!(ear.ended.remove(&1).unwrap().completion.stop, StopReason::Interrupted);
    while stories.running() > 0 {
        stories.round(&mut ear);
    }
    drop(stories);
    assert_eq!(toy.living(), 0);
    let told = ear.completions();
    assert_eq!(told[1].tokens, by_hand(&Plan { seed: 9, ..plans[0].clone() }));
    assert_eq!((&told[0].tokens, &told[2].tokens), (&by_hand(&plans[0]), &by_hand(&plans[2])));
}

#[test]
fn a_cancelled_telling_keeps_what_is_told_and_asks_for_nothing_more() {
    struct Until(Ear, Cancel);

    impl Observer for Until {
        fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
            if self.0.told.values().map(Vec::len).sum::<usize>() == 25 {
                self.1.cancel();
            }
            self.0.told(story, told)
        }

        fn ended(&mut self, story: usize, ended: Ended) {
            self.0.ended(story, ended);
        }
    }

    let (cancel, asked) = (Cancel::new(), Cell::new(0));
    let mut plans = each((1..9).map(|seed| Plan { seed, ..plain(&[1, 2], 10) }));
    let mut source = |running| {
        asked.set(asked.get() + 1);
        plans(running)
    };
    let (mut toy, mut ear) = (toy(), Until(Ear::default(), cancel.child()));
    let watched = ear.1.clone();
    drive(&mut Stories::new(&mut toy, 1), 2, &mut source, &mut ear, &watched);
    // Ten tokens take ten rounds: two stories are whole, two on their way, and four were never asked for.
    let stops: Vec<StopReason> = ear.0.completions().into_iter().map(|told| told.stop).collect();
    let cut = StopReason::Interrupted;
    assert_eq!((stops, asked.get()), (vec![StopReason::Tokens, StopReason::Tokens, cut.clone(), cut], 4));
    assert_eq!((toy.living(), cancel.is_cancelled()), (0, false));
    // Who is cancelled from the start asks for nothing.
    cancel.cancel();
    drive(&mut Stories::new(&mut toy, 1), 2, &mut |_| panic!("it asks"), &mut (), &cancel.child());
}

#[test]
fn a_story_that_cannot_begin_ends_and_the_others_go_on() {
    struct Order<'a>(&'a mut Ear, &'a mut Vec<String>);

    impl Observer for Order<'_> {
        fn began(&mut self, story: usize) {
            self.1.push(format!("{story} began"));
        }

        fn ended(&mut self, story: usize, ended: Ended) {
            self.1.push(format!("{story} ended"));
            self.0.ended(story, ended);
        }
    }

    let plans = vec![plain(&[1], 4), plain(&[], 4), plain(&[1], 90), plain(&[2], 4)];
    let mut toy = toy().with_room(Room { cells: 20, branches: 9, batch: 9 });
    let (mut ear, mut order) = (Ear::default(), Vec::new());

    drive(&mut Stories::new(&mut toy, 1), 2, &mut each(plans), &mut Order(&mut ear, &mut order), &Cancel::new());
    let began: Vec<&str> = order.iter().map(String::as_str).collect();
    assert_eq!(began[..6], ["0 began", "1 began", "1 ended", "2 began", "2 ended", "3 began"]);
    let told = ear.completions();
    assert_eq!((told[1].failure(), told[1].counts.prompt), (Some("the prompt is empty"), 0));
    assert!(told[2].failure().unwrap().contains("needs room for 91 tokens"));
    assert_eq!((&told[0].stop, &told[3].stop), (&StopReason::Tokens, &StopReason::Tokens));
}

#[test]
fn a_source_that_has_nothing_now_is_asked_again() {
    let mut waiting =
        vec![Next::Never, Next::Story(7, plain(&[2], 3)), Next::Later, Next::Later, Next::Story(4, plain(&[1], 3))];
    let mut running = Vec::new();
    let mut source = |stories| {
        running.push(stories);
        waiting.pop().unwrap()
    };
    let (mut toy, mut ear) = (toy(), Ear::default());
    drive(&mut Stories::new(&mut toy, 1), 2, &mut source, &mut ear, &Cancel::new());
    // Once before each of two decodes beside the first story, and once more beside it.
    assert_eq!(running, [0, 1, 1, 1, 1]);
    assert_eq!(ear.ended.keys().collect::<Vec<_>>(), [&4, &7]);
}

#[test]
fn where_there_is_no_room_for_any_story_all_have_failed() {
    /// A model that takes stories in, and then has no branch left.
    struct Crowded(Toy, Cell<bool>);

    impl crate::model::Model for Crowded {
        fn lexicon(&self) -> &Lexicon {
            self.0.lexicon()
        }

        fn extend(
            &mut self,
            steps: &[crate::model::Step],
            read: &mut dyn FnMut(usize, usize, &[f32]),
        ) -> anyhow::Result<Vec<crate::model::Branch>> {
            self.0.extend(steps, read)
        }

        fn prefix(&mut self, of: crate::model::Branch, len: usize) -> anyhow::Result<Option<crate::model::Branch>> {
            self.0.prefix(of, len)
        }

        fn release(&mut self, branch: crate::model::Branch) {
            self.0.release(branch);
        }

        fn room(&self) -> Room {
            let branches = if self.1.replace(true) { 0 } else { 99 };
            Room { branches, ..self.0.room() }
        }
    }

    let mut crowded = Crowded(toy(), Cell::new(false));
    let told = tell(&mut crowded, 1, vec![plain(&[1], 3), plain(&[2], 3)]);
    assert!(told.iter().all(|told| told.failure() == Some("the model has no room left for any of 2 stories")));
}
