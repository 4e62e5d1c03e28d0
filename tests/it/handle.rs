//! Stories of many who ask, told by one thread on the model that comes with the program.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use afterword::catalog::Machine;
use afterword::chat::InProcess;
use afterword::decode::{Completion, Continuation, Keep, Plan};
use afterword::engine::{Engine, EngineOptions, Handle, Slots, StoryEvent, StoryRequest, Ticket, spawn};
use afterword::preset::{Folders, find};
use afterword::sampler::{Draw, Sampler};
use afterword::story::StopReason;

use crate::support::BUNDLED;

fn engine() -> Arc<Engine> {
    let mut options = EngineOptions::new(BUNDLED);
    options.threads = std::num::NonZeroUsize::new(1);
    Arc::new(Engine::open(options, Machine::default(), Arc::new(InProcess), |_| true).unwrap())
}

fn preset(name: &str) -> Sampler {
    let preset = find(name, &Folders::default()).unwrap();
    preset.sampler()
}

/// Hands in a story; the receiver has what is heard of it.
fn ask(handle: &Handle, plan: Plan) -> (Ticket, Receiver<StoryEvent>) {
    let (send, heard) = channel();
    let hear = move |event: StoryEvent| match send.send(event) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    };
    (handle.tell(plan, Box::new(hear)).unwrap(), heard)
}

/// All that was drawn, and what came of it.
fn told(heard: &Receiver<StoryEvent>) -> (Vec<Draw>, Completion) {
    let mut draws = Vec::new();
    for event in heard {
        match event {
            StoryEvent::Told { draw, .. } => draws.push(*draw),
            StoryEvent::Ended { completion, .. } => return (draws, *completion),
            StoryEvent::Began | StoryEvent::Reading { .. } => {}
        }
    }
    panic!("the story has no end")
}

fn end(heard: &Receiver<StoryEvent>) -> Completion {
    let ends = |event| if let StoryEvent::Ended { completion, .. } = event { Some(*completion) } else { None };
    heard.iter().find_map(ends).unwrap()
}

#[test]
fn after_a_hundred_stories_given_up_and_asked_for_again_the_model_has_the_room_that_it_had() {
    let engine = engine();
    let request = StoryRequest::new(7, 60);
    let prompts = ["Once upon a time there was a fox. ".repeat(12), "Lily had a red ball. ".repeat(30)];
    let plan = |number: usize| {
        let tokens = engine.tokens(&prompts[number % 2]).unwrap();
        engine.plan_behind(&preset("wave"), &tokens, &request).unwrap()
    };
    let slots = Slots::for_stories(&engine, 2, &[plan(0), plan(1)]);
    for keep in [Keep::default(), Keep { prompts: 2, stories: 3 }] {
        let (handle, thread) = spawn(Arc::clone(&engine), slots.keeping(keep)).unwrap();
        let (_, before) = handle.occupancy();
        for time in 0..100 {
            let (ticket, heard) = ask(&handle, plan(time));
            // While it waits, reads, and tells.
            let enough = time % 5;
            for event in &heard {
                let is_told = matches!(event, StoryEvent::Told { ref counts, .. } if counts.tokens >= enough);
                if enough == 0 || (enough == 1 && matches!(event, StoryEvent::Reading { .. })) || is_told {
                    break;
                }
            }
            ticket.cancel();
            let completion = end(&heard);
            assert!(matches!(completion.stop, StopReason::Interrupted), "{:?}", completion.stop);
            // What was read of a prompt of 4 or 5 chunks stays, and only then.
            assert!(keep.stories > 0 || completion.cached_tokens == 0);
        }
        // A whole one makes sure that the last one is let go of.
        assert_eq!(end(&ask(&handle, plan(0)).1).stop, StopReason::Tokens);
        let (_, mut after) = handle.occupancy();
        while after.running > 0 {
            std::thread::yield_now();
            after = handle.occupancy().1;
        }
        assert_eq!((after.free_cells, after.free_branches), (before.free_cells, before.free_branches));
        if keep.stories == 0 {
            assert_eq!(after, before);
        } else {
            assert!(after.kept <= 5 && after.room.branches + after.kept == before.room.branches, "{after:?}");
        }
        drop(handle);
        thread.join().unwrap();
    }
}

/// Whatever ends up in other cells or is read in other parts has other bits: pieces are the story only where neither happens.
#[test]
fn ten_requests_of_ten_tokens_are_to_the_bit_one_of_a_hundred_and_what_was_read_is_not_read_again() {
    let engine = engine();
    let text = engine.tokens("Once upon a time there was a little fox who").unwrap();
    for (name, seed) in [("min-p", 3), ("future", 3), ("wave", 3), ("wave", 4), ("tide", 5)] {
        let sampler = preset(name);
        let on = |prompt: &[u32], tokens: usize| {
            let request = StoryRequest { stop_on_loop: false, ..StoryRequest::new(seed, tokens) };
            let plan = engine.plan_behind(&sampler, prompt, &request).unwrap();
            plan.going_on(Continuation { told: prompt.len(), ..Continuation::default() })
        };
        let slots = Slots::for_stories(&engine, 1, &[on(&text, 200)]).keeping(Keep { prompts: 1, stories: 2 });
        let in_pieces_of = |count: usize| {
            let (handle, thread) = spawn(Arc::clone(&engine), slots).unwrap();
            let (mut so_far, mut draws) = (text.clone(), Vec::new());
            let mut ends = false;
            while !ends && draws.len() < 100 {
                let (piece, completion) = told(&ask(&handle, on(&so_far, count)).1);
                let read = completion.counts.prompt - completion.cached_tokens;
                // Nothing where the last token had been looked at, and that token where it had not.
                assert!(draws.is_empty() || read <= 1, "{read} tokens behind {} were read again", draws.len());
                ends = completion.stop != StopReason::Tokens;
                so_far.extend(&completion.tokens);
                draws.extend(piece);
            }
            drop(handle);
            thread.join().unwrap();
            draws.iter().map(|draw| (draw.token, draw.log_p.to_bits(), draw.alpha.map(f64::to_bits))).collect::<Vec<_>>()
        };
        assert_eq!(in_pieces_of(10), in_pieces_of(100), "{name}");
    }
}
