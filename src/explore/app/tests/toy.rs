//! The explorer with a model: the toy, behind its own thread.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::random::{Dice, KEYS, assert_undone, assert_whole};
use super::*;
use crate::explore::guide::Guide;
use crate::explore::guide::tests::{engine, prompt};

/// An explorer and its model.
struct Desk {
    app: App,
    guide: Guide,
    heard: Receiver<Report>,
}

impl Desk {
    fn new() -> Self {
        let (engine, (tell, heard)) = (engine(), channel());
        let tree = Tree::new(Beginning::of_prompt(&prompt(&engine, "once upon a")), ModelName::default(), 0);
        let (guide, _) = Guide::spawn(engine, move |report| drop(tell.send(report))).unwrap();
        let mut desk = Self { app: App::new(tree, setup()), guide, heard };
        let effects = desk.app.begin();
        desk.perform(effects);
        desk
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask(request) => {
                    self.guide.cancel();
                    assert!(self.guide.ask(*request));
                }
                Effect::Cancel => self.guide.cancel(),
                Effect::Edit(text) => self.hear(Event::Edited(Some(text + " king"))),
                Effect::Save(_) => self.hear(Event::Saved(Ok(()))),
                Effect::Export(..) | Effect::Quit => {}
            }
        }
    }

    fn hear(&mut self, event: Event) {
        let effects = self.app.hear(event);
        self.perform(effects);
    }

    fn press(&mut self, key: Key) {
        self.hear(Event::Key(key));
    }

    /// Waits until the model rests.
    fn settle(&mut self) {
        while self.app.doing().is_some() {
            let report = self.heard.recv_timeout(Duration::from_secs(60)).expect("every request is over at last");
            self.hear(Event::Reported(report));
        }
    }
}

#[test]
fn a_word_is_chosen_and_told_on_from_with_a_model() {
    let mut desk = Desk::new();
    desk.settle();
    let (decision, chosen) = desk.app.decision().unwrap();
    let taken = decision.candidates[chosen].named.clone();
    assert_eq!(taken.token, decision.taken.named.token);
    assert!(desk.app.ghost(taken.token).is_some_and(|ghost| ghost.starts_with(&taken.piece)));
    desk.press(Key::plain(Code::Enter));
    desk.press(Key::typed(' '));
    desk.settle();
    assert_eq!((desk.app.cursor(), desk.app.len()), (7, 7));
    assert_eq!(desk.app.spots().next().unwrap().text, taken.piece.as_bytes());
    assert!(desk.app.spots().all(|spot| spot.trace().is_some()));
    // The decision at a place of the story is the one that was made there.
    for at in (1..7).rev() {
        desk.press(Key::plain(Code::Left));
        desk.settle();
        let (decision, _) = desk.app.decision().unwrap();
        assert_eq!((decision.moment.step, Some(decision.taken.named.token)), (at, desk.app.token_at(at)));
    }
}

#[test]
fn whatever_is_pressed_while_a_model_works_the_tree_is_whole() {
    press_whatever(0..4);
}

#[test]
#[ignore = "takes minutes: a hundred thousand keys"]
fn whatever_of_a_hundred_thousand_keys_is_pressed_the_tree_is_whole() {
    press_whatever(0..1000);
}

/// Presses a hundred keys under each of these seeds, some while the model works.
fn press_whatever(seeds: std::ops::Range<u64>) {
    let keys: Vec<char> = KEYS.chars().collect();
    for seed in seeds {
        let (mut dice, mut desk) = (Dice(seed), Desk::new());
        let first = desk.app.tree().clone();
        for _ in 0..100 {
            if desk.app.screen() == &Screen::Leave {
                desk.press(Key::plain(Code::Escape));
            }
            desk.press(pressed(keys[dice.below(keys.len())]));
            match dice.below(4) {
                0 => desk.settle(),
                1 => {
                    while let Ok(report) = desk.heard.try_recv() {
                        desk.hear(Event::Reported(report));
                    }
                }
                _ => {}
            }
        }
        desk.settle();
        assert_whole(&desk.app);
        assert_undone(&mut desk.app, &first);
    }
}
