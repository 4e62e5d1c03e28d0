//! Stories that rest, and those that are given up while they wait, rest or read.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};

use super::handle::{all, ask, listener, plans, until};
use super::*;
use crate::engine::{Handle, Listener, Ticket};
use crate::story::StopReason;

/// A listener that can hear only so many events more.
struct Slow {
    hear: Box<dyn Listener>,
    room: Arc<AtomicUsize>,
}

impl Listener for Slow {
    fn hear(&mut self, event: StoryEvent) -> ControlFlow<()> {
        let _ = self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |room| Some(room.saturating_sub(1)));
        self.hear.hear(event)
    }

    fn is_ready(&self) -> bool {
        self.room.load(Ordering::SeqCst) > 0
    }
}

/// The same as [`ask`], with room for so many events.
fn ask_slowly(handle: &Handle, plan: &Plan, room: usize) -> (Ticket, Receiver<StoryEvent>, Arc<AtomicUsize>) {
    let (hear, heard) = listener();
    let room = Arc::new(AtomicUsize::new(room));
    let slow = Slow { hear, room: Arc::clone(&room) };
    (handle.tell(plan.clone(), Box::new(slow)).unwrap(), heard, room)
}

#[test]
fn a_story_rests_while_its_reader_is_full_and_no_other_with_it() {
    let engine = Arc::new(engine());
    let plans = plans(&engine, 3, 40);
    let (handle, thread) = spawn(Arc::clone(&engine), Slots::for_stories(&engine, 2, &plans)).unwrap();
    let (ticket, slow, room) = ask_slowly(&handle, &plans[0], 7);
    let others: Vec<_> = plans[1..].iter().map(|plan| ask(&handle, plan).1).collect();
    for (plan, heard) in plans[1..].iter().zip(&others) {
        let alone = tell(&engine, plan, None).0.completion.unwrap();
        assert_eq!(all(heard).1.tokens, alone.tokens);
    }
    until(&handle, |_, occupancy| occupancy.resting == 1 && occupancy.running == 1);
    let mut events: Vec<StoryEvent> = slow.try_iter().collect();
    // What follows from one decode is heard at once, and here that is a few tokens at most.
    assert!((7..12).contains(&events.len()), "{}", events.len());
    room.store(usize::MAX, Ordering::SeqCst);
    ticket.look();
    events.extend(slow.iter());
    let tokens: Vec<Token> = events
        .iter()
        .filter_map(|event| if let StoryEvent::Told { draw, .. } = event { Some(draw.token) } else { None })
        .collect();
    assert_eq!(tokens, tell(&engine, &plans[0], None).0.completion.unwrap().tokens);
    drop(handle);
    thread.join().unwrap();
}

#[test]
fn a_story_that_waits_or_rests_hears_at_once_that_it_is_given_up() {
    let engine = Arc::new(engine());
    let plans = plans(&engine, 3, 40);
    let (handle, thread) = spawn(Arc::clone(&engine), Slots::for_stories(&engine, 1, &plans)).unwrap();
    let (first, slow, _) = ask_slowly(&handle, &plans[0], 5);
    let (second, waiting) = ask(&handle, &plans[1]);
    until(&handle, |waiting, occupancy| occupancy.resting == 1 && waiting == 1);
    second.cancel();
    let (_, completion) = all(&waiting);
    assert_eq!(
        (completion.stop, completion.tokens.len(), completion.counts.prompt),
        (StopReason::Interrupted, 0, plans[1].prompt.len())
    );
    // The place is taken as long as the one that rests holds it.
    let (_, third) = ask(&handle, &plans[2]);
    until(&handle, |waiting, _| waiting == 1);
    first.cancel();
    let (_, completion) = all(&slow);
    assert_eq!(completion.stop, StopReason::Interrupted);
    assert!(!completion.tokens.is_empty());
    assert_eq!(all(&third).1.stop, StopReason::Tokens);
    drop(handle);
    thread.join().unwrap();
}

#[test]
fn a_story_is_given_up_behind_the_part_of_its_prompt_that_is_being_read() {
    let engine = Arc::new(engine());
    let tokens = prompt(&engine, &"x".repeat(700)).tokens;
    let plan = engine.plan_behind(&wave(), &tokens, &StoryRequest::new(1, 20)).unwrap();
    let (handle, thread) = spawn(Arc::clone(&engine), Slots::for_stories(&engine, 2, std::slice::from_ref(&plan))).unwrap();
    let before = handle.occupancy().1;
    let (hold, gate) = channel::<()>();
    let (mut hear, heard) = listener();
    let reads = move |event: StoryEvent| {
        if let StoryEvent::Reading { .. } = event {
            let _ = gate.recv();
        }
        hear.hear(event)
    };
    let ticket = handle.tell(plan.clone(), Box::new(reads)).unwrap();
    // It reads, and waits in the middle of that for its reader.
    ticket.cancel();
    drop(hold);
    let events: Vec<StoryEvent> = heard.iter().collect();
    let read = events.iter().filter(|event| matches!(event, StoryEvent::Reading { .. })).count();
    assert!(read <= 1, "{events:?}");
    assert!(matches!(events.last(), Some(StoryEvent::Ended { completion, .. }) if completion.stop == StopReason::Interrupted));
    // One that leaves by itself where it hears of the first part.
    let (mut hear, heard) = listener();
    let leaves = move |event: StoryEvent| {
        let leaves = matches!(event, StoryEvent::Reading { .. });
        let _ = hear.hear(event);
        if leaves { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let _ = handle.tell(plan, Box::new(leaves)).unwrap();
    let events: Vec<StoryEvent> = heard.iter().collect();
    assert!(
        matches!(events[..], [StoryEvent::Began, StoryEvent::Reading { read: 256, of: 700 }, StoryEvent::Ended { .. }]),
        "{events:?}"
    );
    until(&handle, |_, occupancy| occupancy == before);
    drop(handle);
    thread.join().unwrap();
}
