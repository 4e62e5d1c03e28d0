//! The tree of texts, whose rows are those of fresh readings whatever was asked before.

use super::ledger::{Dice, Ledger};
use super::*;
use crate::decode::{Budget, Explorer, NodeId};

fn large() -> Room {
    Room { cells: 9000, branches: 99, batch: 512 }
}

const BUDGET: Budget = Budget { branches: 40, rows: 40 };

fn trunk(length: Token) -> Vec<Token> {
    (0..length).map(|at| (at * 5 + at / 7) % 13).collect()
}

#[test]
fn another_word_in_the_middle_of_a_long_text_costs_one_decode() {
    let text = trunk(1000);
    for (steps_back, decodes, evaluations) in [(true, 1, 1), (false, 2, 500)] {
        let mut ledger = Ledger::new(large(), steps_back);
        let mut explorer = Explorer::new(&mut ledger, BUDGET);
        let end = explorer.add(explorer.root(), &text);
        assert_eq!(explorer.row(end).unwrap(), row(&text));
        let before = (explorer.decodes(), explorer.evaluations());
        assert_eq!(before, (4, 1000));
        let at = explorer.add(explorer.root(), &text[..499]);
        let other = explorer.add(at, &[(text[499] + 1) % 13]);
        assert_eq!(explorer.row(other).unwrap(), row(&[&text[..499], &[(text[499] + 1) % 13]].concat()));
        // A memory that cannot step back reads what stands before.
        assert_eq!((explorer.decodes() - before.0, explorer.evaluations() - before.1), (decodes, evaluations));
        // What was asked once is known, and the trunk is there as it was.
        assert_eq!(explorer.row(other).unwrap().len(), V as usize);
        let longer = explorer.add(end, &[3]);
        assert_eq!(explorer.row(longer).unwrap(), row(&[&text[..], &[3]].concat()));
        assert_eq!(explorer.decodes() - before.0, decodes + 1);
        drop(explorer);
        assert_eq!((ledger.toy.living(), ledger.cells.len()), (0, 0));
    }
}

#[test]
fn several_words_at_one_place_cost_one_decode_and_nodes_cost_nothing() {
    let (text, mut ledger) = (trunk(60), Ledger::new(large(), true));
    let mut explorer = Explorer::new(&mut ledger, BUDGET);
    let end = explorer.add(explorer.root(), &text);
    assert_eq!((explorer.decodes(), explorer.text(end)), (0, text.clone()));
    explorer.row(end).unwrap();
    let words: Vec<NodeId> = (0..12).map(|token| explorer.add(end, &[token])).collect();
    let rows = explorer.rows(&words).unwrap();
    assert_eq!((explorer.decodes(), explorer.evaluations()), (2, 72));
    for (token, known) in (0..).zip(&rows) {
        assert_eq!(*known, row(&[&text[..], &[token]].concat()));
    }
    assert_eq!(explorer.children(end).map(|(_, node)| node).collect::<Vec<_>>(), words);
    // The same again, and the same node twice, from what is known.
    assert_eq!(explorer.rows(&[words[3], words[3]]).unwrap(), [rows[3].clone(), rows[3].clone()]);
    assert_eq!(explorer.decodes(), 2);
}

#[test]
fn what_cannot_be_computed_is_an_error_and_the_tree_goes_on() {
    let mut ledger = Ledger::new(Room { cells: 20, branches: 3, batch: 9 }, true);
    let mut explorer = Explorer::new(&mut ledger, BUDGET);
    let root = explorer.root();
    assert!(explorer.row(root).is_err());
    let (long, strange, good) = (explorer.add(root, &trunk(21)), explorer.add(root, &[1, 99]), explorer.add(root, &[1, 2]));
    assert!(explorer.row(long).unwrap_err().to_string().contains("no room for a text of 21 tokens"));
    assert!(explorer.row(strange).is_err());
    assert_eq!(explorer.row(good).unwrap(), row(&[1, 2]));
    drop(explorer);
    assert_eq!(ledger.toy.living(), 0);
}

/// The node of a text somewhere in the tree: one of a few long ones, and behind it something short.
fn somewhere(explorer: &mut Explorer, dice: &mut Dice) -> NodeId {
    let (text, from) = (trunk(40), explorer.root());
    let mut at = explorer.add(from, &text[..=dice.below(40)]);
    for _ in 0..dice.below(4) {
        at = explorer.add(at, &[dice.token(4)]);
    }
    at
}

#[test]
fn in_any_tree_and_any_room_a_row_is_that_of_its_text_and_nothing_leaks() {
    let samplers = [sampler("0", "token"), sampler("1", "word")].map(|sampler| sampler.bind(&lexicon()).unwrap());
    for round in 0..120 {
        let mut dice = Dice(round);
        let budget = Budget { branches: 1 + dice.below(7), rows: 1 + dice.below(9) };
        let room = Room { cells: 50 + dice.below(120), branches: 1 + dice.below(9), batch: 1 + dice.below(30) };
        let mut ledger = Ledger::new(room, dice.below(2) == 0);
        ledger.toy.fail_at = (dice.below(2) == 0).then(|| dice.below(60));
        let (mut explorer, mut failures) = (Explorer::new(&mut ledger, budget), 0);
        for _ in 0..60 {
            let node = somewhere(&mut explorer, &mut dice);
            let text = explorer.text(node);
            let done = match dice.below(6) {
                0 => {
                    explorer.release(node);
                    Ok(())
                }
                1 | 2 => {
                    let words: Vec<NodeId> = (0..dice.token(5)).map(|token| explorer.add(node, &[token])).collect();
                    explorer.rows(&words).map(|rows| {
                        for (token, known) in (0..).zip(rows) {
                            assert_eq!(known, row(&[&text[..], &[token]].concat()), "{round}");
                        }
                    })
                }
                3 => {
                    let (memory, noise) = (explorer.history(node, 0), Noise::new(1, &text));
                    let (width, sampler) = (1 + dice.below(9), &samplers[dice.below(2)]);
                    explorer.decide(node, sampler, &memory, noise, width, &mut |_, _| ()).map(|draw| {
                        let plan = Plan {
                            prompt: text.clone(),
                            max_tokens: 1,
                            seed: 1,
                            ..plan(&self::sampler("0", "token"), &[1], 1)
                        };
                        if std::ptr::eq(sampler, &raw const samplers[0]) {
                            assert_eq!(vec![draw.token], by_hand(&plan), "{round}");
                        }
                    })
                }
                _ => explorer.row(node).map(|known| assert_eq!(known, row(&text), "{round}")),
            };
            if let Err(error) = done {
                // The room is enough for the longest text and a word behind it.
                assert_eq!(error.to_string(), "the toy was told to fail here", "{round}");
                failures += 1;
            }
        }
        drop(explorer);
        assert!(failures <= 1);
        assert_eq!((ledger.toy.living(), ledger.cells.len()), (0, 0), "{round}");
    }
}

#[test]
fn a_story_told_by_hand_in_the_tree_is_the_one_that_is_told() {
    let band = "temperature = { band = { surprisal = [1.0, 1.2], window = 8, gain = 3 } }";
    let steering = "mirostat = { tau = 2, eta = 0.5 }";
    let stages = |stages: &[&str]| {
        let stages = stages.iter().map(|stage| toml::from_str::<Stage>(stage).unwrap());
        Sampler::new(Chain::new(stages.collect()).unwrap(), Pick::Sample)
    };
    for sampler in [sampler("0", "token"), sampler("{ wave = { period = 9 } }", "word"), stages(&[band]), stages(&[steering])] {
        let plan = plan(&sampler, &[1, 2, 3], 7);
        let told = tell_one(1, plan.clone());
        let bound = sampler.bind(&lexicon()).unwrap();
        for budget in [BUDGET, Budget { branches: 2, rows: 1 }] {
            let mut ledger = Ledger::new(large(), true);
            let mut explorer = Explorer::new(&mut ledger, budget);
            let mut at = explorer.add(explorer.root(), &plan.prompt);
            for step in 0..told.tokens.len() {
                let memory = explorer.history(at, step).planning(plan.planned());
                let noise = Noise::new(plan.seed, &plan.prompt);
                let draw = explorer.decide(at, &bound, &memory, noise, 1, &mut |_, _| ()).unwrap();
                at = explorer.take(at, &draw);
            }
            assert_eq!(explorer.text(at)[3..], told.tokens);
            assert_eq!(explorer.history(at, told.tokens.len()).carried(), told.carried);
            // A drawn token that was looked at is not decoded again.
            if budget == BUDGET {
                assert_eq!(explorer.evaluations(), 3 + told.counts.evaluations - 1);
            }
        }
    }
}
