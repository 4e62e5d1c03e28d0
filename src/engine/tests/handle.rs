//! Stories of many who ask, told by one thread.

use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::engine::Listener;
use crate::story::StopReason;

/// Listens to a story; the receiver has what was heard.
fn listener() -> (Listener, Receiver<StoryEvent>) {
    let (send, heard) = channel();
    (Box::new(move |event| if send.send(event).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }), heard)
}

/// The text and the end of a story, when it has one.
fn all(heard: &Receiver<StoryEvent>) -> (String, Completion) {
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

fn plans(engine: &Engine, count: u64, max_tokens: usize) -> Vec<Plan> {
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
