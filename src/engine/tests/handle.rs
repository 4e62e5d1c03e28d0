//! Stories of many who ask, told by one thread.

use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::decode::{Keep, Occupancy};
use crate::engine::{Handle, Listener, Ticket};
use crate::story::StopReason;

/// Listens to a story; the receiver has what was heard.
pub(super) fn listener() -> (Box<dyn Listener>, Receiver<StoryEvent>) {
    let (send, heard) = channel();
    let hear = move |event: StoryEvent| match send.send(event) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    };
    (Box::new(hear), heard)
}

/// Hands in a story and listens to it.
pub(super) fn ask(handle: &Handle, plan: &Plan) -> (Ticket, Receiver<StoryEvent>) {
    let (listener, heard) = listener();
    (handle.tell(plan.clone(), listener).unwrap(), heard)
}

/// The text and the end of a story, when it has one.
pub(super) fn all(heard: &Receiver<StoryEvent>) -> (String, Completion) {
    let mut text = String::new();
    for event in heard {
        match event {
            StoryEvent::Told { text: more, .. } => text += &more,
            StoryEvent::Ended { completion, rest, .. } => return (text + &rest, *completion),
            StoryEvent::Began | StoryEvent::Reading { .. } => {}
        }
    }
    panic!("the story has no end")
}

pub(super) fn plans(engine: &Engine, count: u64, max_tokens: usize) -> Vec<Plan> {
    let tokens = prompt(engine, "once upon a time ,").tokens;
    (0..count).map(|seed| engine.plan_behind(&wave(), &tokens, &StoryRequest::new(seed, max_tokens)).unwrap()).collect()
}

#[test]
fn stories_of_many_who_ask_are_those_told_alone() {
    let engine = Arc::new(engine());
    let plans = plans(&engine, 7, 25);
    let slots = Slots::for_stories(&engine, 3, &plans);
    let (handle, thread) = spawn(Arc::clone(&engine), slots).unwrap();
    let heard: Vec<_> = plans
        .iter()
        .map(|plan| {
            slots.check(plan).unwrap();
            let (listener, heard) = listener();
            handle.tell(plan.clone(), listener).unwrap();
            heard
        })
        .collect();
    for (plan, heard) in plans.iter().zip(&heard) {
        let (text, completion) = all(heard);
        let alone = tell(&engine, plan, None).0.completion.unwrap();
        assert_eq!((completion.tokens, text), (alone.tokens, alone.text));
    }
    // Where nobody can ask any more, the thread ends.
    drop(handle);
    thread.join().unwrap();
}

#[test]
fn a_story_is_given_up_waiting_or_running_and_no_other_with_it() {
    let engine = Arc::new(engine());
    let plans = plans(&engine, 3, 400);
    let (handle, thread) = spawn(Arc::clone(&engine), Slots::for_stories(&engine, 1, &plans)).unwrap();
    let (first, running) = listener();
    let first = handle.tell(plans[0].clone(), first).unwrap();
    let (second, waiting) = listener();
    let second = handle.tell(plans[1].clone(), second).unwrap();
    // Who leaves is not told to.
    let (third, _) = listener();
    handle.tell(plans[2].clone(), third).unwrap();
    second.cancel();
    while !matches!(running.recv().unwrap(), StoryEvent::Told { .. }) {}
    first.cancel();
    let (_, completion) = all(&running);
    assert_eq!(completion.stop, StopReason::Interrupted);
    assert!((1..400).contains(&completion.tokens.len()), "{}", completion.tokens.len());
    let (text, completion) = all(&waiting);
    assert_eq!((text.as_str(), completion.stop, completion.tokens.len()), ("", StopReason::Interrupted, 0));
    drop(handle);
    thread.join().unwrap();
}

#[test]
fn all_stories_end_where_the_thread_is_shut_down() {
    let engine = Arc::new(engine());
    let asked = plans(&engine, 5, 400);
    let (handle, thread) = spawn(Arc::clone(&engine), Slots::for_stories(&engine, 2, &asked)).unwrap();
    let heard: Vec<_> = asked
        .into_iter()
        .map(|plan| {
            let (listener, heard) = listener();
            handle.tell(plan, listener).unwrap();
            heard
        })
        .collect();
    handle.shut_down();
    for heard in &heard {
        assert_eq!(all(heard).1.stop, StopReason::Interrupted);
    }
    thread.join().unwrap();
    let (late, _) = listener();
    let again = plans(&engine, 1, 5).remove(0);
    assert!(handle.tell(again, late).is_err());
}

#[test]
fn a_thread_without_work_is_shut_down_too() {
    let engine = Arc::new(engine());
    let slots = Slots::for_stories(&engine, 2, &plans(&engine, 1, 5));
    let (handle, thread) = spawn(engine, slots).unwrap();
    handle.shut_down();
    thread.join().unwrap();
}

#[test]
fn a_story_too_long_for_its_place_is_refused() {
    let engine = engine();
    let slots = Slots::for_stories(&engine, 2, &plans(&engine, 1, 20));
    assert_eq!(slots.check(&plans(&engine, 1, 500)[0]).unwrap_err().remedy, Remedy::ShorterPrompt);
}

/// Waits until something holds of the thread: it is at work meanwhile, or asleep where it holds.
pub(super) fn until(handle: &Handle, holds: impl Fn(usize, Occupancy) -> bool) {
    for _ in 0..100_000 {
        let (waiting, occupancy) = handle.occupancy();
        if holds(waiting, occupancy) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_micros(100));
    }
    panic!("it never holds: {:?}", handle.occupancy());
}

#[test]
fn after_a_hundred_stories_given_up_and_asked_for_again_there_is_the_room_that_there_was() {
    let engine = Arc::new(engine());
    // The first is long enough to be given up in its midst.
    let plans = [plans(&engine, 1, 900).remove(0), plans(&engine, 2, 60).remove(1)];
    let neighbour = tell(&engine, &plans[1], None).0.completion.unwrap();
    for keep in [Keep::default(), Keep { prompts: 2, stories: 3 }] {
        let slots = Slots::for_stories(&engine, 2, &plans).keeping(keep);
        let (handle, thread) = spawn(Arc::clone(&engine), slots).unwrap();
        let before = handle.occupancy().1;
        for time in 0..100 {
            let (ticket, heard) = ask(&handle, &plans[0]);
            let (_, beside) = ask(&handle, &plans[1]);
            let enough = time % 7;
            let mut told = 0;
            while told < enough {
                told += usize::from(matches!(heard.recv().unwrap(), StoryEvent::Told { .. }));
            }
            ticket.cancel();
            assert_eq!(all(&heard).1.stop, StopReason::Interrupted);
            if time % 10 == 0 {
                assert_eq!(all(&beside).1.tokens, neighbour.tokens, "a neighbour hears nothing of it");
            }
        }
        let free = |occupancy: Occupancy| (occupancy.running, occupancy.free_cells, occupancy.free_branches);
        until(&handle, |waiting, occupancy| waiting == 0 && free(occupancy) == free(before));
        let after = handle.occupancy().1;
        if keep == Keep::default() {
            assert_eq!(after, before);
        } else {
            assert!((1..=5).contains(&after.kept), "{after:?}");
            assert_eq!(after.room.branches + after.kept, before.room.branches);
        }
        drop(handle);
        thread.join().unwrap();
    }
}

#[test]
fn what_is_kept_is_not_read_again_and_changes_no_token() {
    let engine = Arc::new(engine());
    let tell_on = |text: &str, seed| {
        let tokens = prompt(&engine, text).tokens;
        engine.plan_behind(&wave(), &tokens, &StoryRequest::new(seed, 12)).unwrap()
    };
    let text = "once upon a time , there was a cat . ".repeat(8);
    let plans = [
        tell_on(&text, 1),
        tell_on(&text, 2),
        tell_on(&format!("{text}it "), 3),
        tell_on(&text.replacen("cat . once upon a time , there was a cat . once", "dog . once", 1), 4),
        tell_on("write a story ", 5),
    ];
    let slots = Slots::for_stories(&engine, 1, &plans).keeping(Keep { prompts: 2, stories: 2 });
    let (handle, thread) = spawn(Arc::clone(&engine), slots).unwrap();
    let cached: Vec<usize> = plans
        .iter()
        .map(|plan| {
            let (_, completion) = all(&ask(&handle, plan).1);
            let alone = tell(&engine, plan, None).0.completion.unwrap();
            assert_eq!((alone.tokens, alone.log_p, alone.cached_tokens), (completion.tokens, completion.log_p, 0));
            completion.cached_tokens
        })
        .collect();
    let whole = plans[0].prompt.len();
    let same = plans[3].prompt.iter().zip(&plans[0].prompt).take_while(|(a, b)| a == b).count();
    assert_eq!(cached, [0, whole, whole, same, 0]);
    drop(handle);
    thread.join().unwrap();
}

#[test]
fn strictly_one_story_is_told_at_a_time_in_a_cleared_memory() {
    let engine = Arc::new(engine());
    let plans = plans(&engine, 4, 20);
    let slots = Slots::for_stories(&engine, 3, &plans).keeping(Keep { prompts: 1, stories: 1 }).strictly();
    let (handle, thread) = spawn(Arc::clone(&engine), slots).unwrap();
    let all_heard: Vec<_> = plans.iter().map(|plan| ask(&handle, plan).1).collect();
    for (plan, heard) in plans.iter().zip(&all_heard) {
        let (_, completion) = all(heard);
        assert_eq!(completion, tell(&engine, plan, None).0.completion.unwrap());
        assert!(handle.occupancy().1.running <= 1);
    }
    drop(handle);
    thread.join().unwrap();
}

#[test]
fn where_the_thread_breaks_off_all_its_stories_have_failed_and_the_handle_knows() {
    let broken = ToyBackend::new(vocabulary(), |text| {
        assert!(text.len() < 30, "the model is broken");
        row(text)
    });
    let engine = Arc::new(engine_of(broken, |_| ()));
    let plans = plans(&engine, 3, 40);
    let (handle, thread) = spawn(Arc::clone(&engine), Slots::for_stories(&engine, 2, &plans)).unwrap();
    let come = |plan: &Plan| {
        let (listener, heard) = listener();
        (handle.tell(plan.clone(), listener).is_ok(), heard)
    };
    for (was_taken, heard) in plans.iter().map(come).collect::<Vec<_>>() {
        let end = all(&heard).1;
        // Who comes when it has broken off already is not taken, and hears of an end all the same.
        let expected = was_taken.then_some("the thread that tells stories broke off");
        assert_eq!(end.failure(), expected);
    }
    assert!(thread.join().is_err());
    assert!(handle.has_broken_off() && !handle.is_open());
    let (late, _heard) = listener();
    assert!(handle.tell(plans[0].clone(), late).is_err());
}

#[test]
fn a_listener_that_panics_takes_no_words_from_the_others() {
    let engine = Arc::new(engine());
    // Long enough that the first has not ended when the second breaks off.
    let plans = plans(&engine, 2, 900);
    let (handle, thread) = spawn(Arc::clone(&engine), Slots::for_stories(&engine, 2, &plans)).unwrap();
    let (_, heard) = ask(&handle, &plans[0]);
    let panics = |event: StoryEvent| match event {
        StoryEvent::Told { counts, .. } if counts.tokens == 3 => panic!("a listener breaks off"),
        _ => ControlFlow::Continue(()),
    };
    handle.tell(plans[1].clone(), Box::new(panics)).unwrap();
    assert!(all(&heard).1.failure().is_some());
    assert!(thread.join().is_err() && handle.has_broken_off());
}

#[test]
fn a_story_goes_on_while_a_long_prompt_is_read_beside_it() {
    let engine = Arc::new(engine());
    let short = plans(&engine, 1, 30).remove(0);
    let long = Plan { prompt: prompt(&engine, &"x".repeat(900)).tokens, ..short.clone() };
    let long = Plan { context: 1000, ..long };
    let slots = Slots::for_stories(&engine, 2, &[short.clone(), long.clone()]);
    let (handle, thread) = spawn(Arc::clone(&engine), slots).unwrap();
    // The long one has come first, and both are there before the first decode.
    let (begins, may_begin) = channel::<()>();
    let (send, heard) = channel();
    let ear = |is_long: bool, gate: Option<Receiver<()>>| {
        let send = send.clone();
        Box::new(move |event: StoryEvent| {
            if let (StoryEvent::Began, Some(gate)) = (&event, &gate) {
                let _ = gate.recv();
            }
            let _ = send.send((is_long, event));
            ControlFlow::Continue(())
        })
    };
    handle.tell(long.clone(), ear(true, Some(may_begin))).unwrap();
    handle.tell(short.clone(), ear(false, None)).unwrap();
    drop((begins, send));
    let mut told_before = 0;
    for (is_long, event) in heard.iter().take_while(|(is_long, event)| !(*is_long && matches!(event, StoryEvent::Told { .. })))
    {
        told_before += usize::from(!is_long && matches!(event, StoryEvent::Told { .. }));
    }
    // 900 tokens are read in four decodes, and the short one has a part in each.
    assert!(told_before >= 2, "{told_before}");
    drop(handle);
    thread.join().unwrap();
}
