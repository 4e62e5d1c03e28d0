//! The tree of texts, whose rows are those of fresh readings whatever was asked before.

use super::continuing::sampler_of;
use super::ledger::{Dice, Ledger};
use super::*;
use crate::decode::{Budget, Closely, Continuation, Explorer, NodeId};

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
    let samplers = [sampler("0", "token"), sampler("1", "word")].map(|sampler| sampler.bind(&vocabulary()).unwrap());
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
    for sampler in all_kinds() {
        let plan = plan(&sampler, &[1, 2, 3], 7);
        let told = tell_one(1, plan.clone());
        let bound = sampler.bind(&vocabulary()).unwrap();
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

/// Samplers of every kind that remembers, looks ahead, or looks back.
fn all_kinds() -> Vec<Sampler> {
    let band = "temperature = { band = { surprisal = [1.0, 1.2], window = 8, gain = 3 } }";
    let dry = "dry = { multiplier = 0.8 }";
    vec![
        sampler("0", "token"),
        sampler("{ wave = { period = 9 } }", "word"),
        sampler_of(&[band]),
        sampler_of(&["mirostat = { tau = 2, eta = 0.5 }"]),
        sampler_of(&[dry, "temperature = 1.2"]),
    ]
}

/// The same story, of which so many tokens were told before.
fn on_from(plan: &Plan, told: &[Token], more: usize) -> Plan {
    let continuation = Continuation { told: told.len(), planned: Some(plan.planned()), ..Continuation::default() };
    Plan { prompt: [&plan.prompt, told].concat(), max_tokens: more, continuation, ..plan.clone() }
}

#[test]
fn a_story_told_on_in_the_tree_is_the_one_that_is_told_at_once() {
    for (steps_back, sampler) in all_kinds().iter().flat_map(|sampler| [(true, sampler), (false, sampler)]) {
        let plan = plan(sampler, &[1, 2, 3], 7);
        let whole = tell_one(1, plan.clone()).tokens;
        let mut ledger = Ledger::new(large(), steps_back);
        let mut explorer = Explorer::new(&mut ledger, BUDGET);
        let mut told: Vec<Token> = Vec::new();
        for more in [4, 1, 7, 60] {
            let more = more.min(whole.len() - told.len());
            let mut ear = Ear::default();
            explorer.tell(vec![on_from(&plan, &told, more)], 1, &mut ear, &Cancel::new()).unwrap();
            told.extend(&ear.completions()[0].tokens);
            assert_eq!(told, whole[..told.len()]);
            // What was told is in the tree, with its memory: a word behind it costs one decode.
            let (before, end) = (explorer.decodes(), explorer.add(explorer.root(), &[&plan.prompt[..], &told].concat()));
            let text = explorer.text(end);
            assert_eq!(explorer.row(end).unwrap(), row(&text));
            assert!(explorer.decodes() <= before + 1, "{} decodes", explorer.decodes() - before);
        }
        assert_eq!(told, whole);
        drop(explorer);
        assert_eq!((ledger.toy.living(), ledger.cells.len()), (0, 0));
    }
}

#[test]
fn a_story_that_stood_there_already_goes_on_as_it_was_told() {
    for sampler in all_kinds().into_iter().filter(|sampler| !sampler.chain().has_feedback()) {
        let plan = plan(&sampler, &[1, 2, 3], 7);
        let whole = tell_one(1, plan.clone()).tokens;
        let mut ledger = Ledger::new(large(), true);
        let mut explorer = Explorer::new(&mut ledger, BUDGET);
        // Nothing is known of the first thirty: where it is needed it is computed.
        let mut tell = |told: usize, more| {
            let (mut ear, before) = (Ear::default(), explorer.evaluations());
            explorer.tell(vec![on_from(&plan, &whole[..told], more)], 1, &mut ear, &Cancel::new()).unwrap();
            assert_eq!(ear.completions()[0].tokens, whole[told..told + more]);
            explorer.evaluations() - before
        };
        assert!(tell(30, 5) >= 33);
        // And it is known then.
        assert!(tell(35, 1) < 33);
    }
}

#[test]
fn a_text_that_was_scored_is_known_as_one_that_was_told() {
    let band = sampler_of(&["temperature = { band = { surprisal = [1.0, 1.2], window = 8, gain = 3 } }"]);
    let plan = plan(&band, &[1, 2, 3], 7);
    let told = tell_one(1, plan.clone());
    let text = [&plan.prompt[..], &told.tokens].concat();
    let mut ledger = Ledger::new(large(), true);
    let mut explorer = Explorer::new(&mut ledger, BUDGET);
    let end = explorer.add(explorer.root(), &text);
    assert!(!explorer.remembers(end, 1));
    let hear = &mut |_, _| ControlFlow::Continue(());
    let scores = explorer.score(end, told.tokens.len(), hear, &Cancel::new()).unwrap().unwrap();
    let surprisals: Vec<f64> = scores.iter().map(|score| score.unwrap().surprisal).collect();
    assert_eq!(surprisals, told.carried.surprisals);
    assert_eq!(explorer.history(end, told.tokens.len()).carried(), told.carried);
    assert!(explorer.remembers(end, told.tokens.len()));
    // There is nothing before the first token of all.
    assert_eq!(explorer.score(end, text.len(), hear, &Cancel::new()).unwrap().unwrap()[0], None);
}

#[test]
fn drafts_told_on_from_a_node_are_the_stories_that_are_told_alone() {
    for sampler in all_kinds() {
        let plans: Vec<Plan> = (1..4).map(|seed| plan(&sampler, &[5, 2, 3], seed)).collect();
        let mut ledger = Ledger::new(large(), true);
        let mut explorer = Explorer::new(&mut ledger, Budget { branches: 99, rows: 40 });
        let mut ear = Ear::default();
        explorer.tell(plans.clone(), 2, &mut ear, &Cancel::new()).unwrap();
        let alone = plans.iter().map(|plan| tell_one(2, plan.clone()).tokens);
        assert_eq!(ear.completions().into_iter().map(|told| told.tokens).collect::<Vec<_>>(), alone.collect::<Vec<_>>());
        drop(explorer);
        assert_eq!((ledger.toy.living(), ledger.cells.len()), (0, 0));
    }
}

#[test]
fn the_decision_behind_a_story_is_the_draw_that_it_makes_there() {
    let healed = Plan { heal: " w".to_owned(), ..plan(&sampler("0.3", "token"), &[1, 3], 7) };
    let plans = all_kinds().into_iter().map(|sampler| plan(&sampler, &[1, 2, 3], 7)).chain([healed]);
    for plan in plans {
        let whole = tell_one(1, plan.clone()).tokens;
        let closely = plan.sampler.with_reach(Reach::Exhaustive).with_detail().bind(&vocabulary()).unwrap();
        let mut ledger = Ledger::new(large(), true);
        let mut explorer = Explorer::new(&mut ledger, BUDGET);
        explorer.tell(vec![plan.clone()], 1, &mut (), &Cancel::new()).unwrap();
        for at in 0..whole.len() {
            let how = Closely { nexts: 2, width: 1, keeps: true, own: Some(whole[at]) };
            let place = on_from(&plan, &whole[..at], 1);
            let hear = &mut |_, _| ControlFlow::Continue(());
            let decided = explorer.decide_next(&place, &closely, how, hear, &Cancel::new()).unwrap().unwrap();
            assert_eq!((decided.draw.token, decided.own.unwrap().log_p), (whole[at], decided.draw.log_p), "{at}");
            // Whatever was looked at can be taken without a decode.
            let (before, at) = (explorer.decodes(), explorer.add(explorer.root(), &place.prompt));
            for candidate in decided.draw.candidates.iter().filter(|one| one.future.is_some()) {
                let taken = explorer.add(at, &[candidate.token]);
                let text = explorer.text(taken);
                assert_eq!(explorer.row(taken).unwrap(), row(&text));
            }
            assert_eq!(explorer.decodes(), before);
        }
    }
}

#[test]
fn ways_lead_to_the_end_of_their_words_and_no_farther_than_they_may() {
    let mut ledger = Ledger::new(large(), true);
    let mut explorer = Explorer::new(&mut ledger, BUDGET);
    let end = explorer.add(explorer.root(), &trunk(20));
    let words: Vec<NodeId> = (0..12).map(|token| explorer.add(end, &[token])).collect();
    for (most, count) in [(40, 1), (40, 3), (2, 3)] {
        let mut ways: BTreeMap<usize, Vec<Token>> = BTreeMap::new();
        explorer
            .roll(&words, count, most, &mut |number, tokens| {
                ways.insert(number, tokens.to_vec());
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(ways.len(), 12);
        for (number, way) in ways {
            let mut text = [&trunk(20)[..], &[Token::try_from(number).unwrap()]].concat();
            let (mut word, mut by_hand) = (1, Vec::new());
            loop {
                let next = crate::prob::top(&row(&text), 1)[0].token;
                let begins = !vocabulary().continues_word(next);
                if next == 13 || by_hand.len() + 1 >= most || begins && word == count {
                    break;
                }
                word += usize::from(begins);
                by_hand.push(next);
                text.push(next);
            }
            assert_eq!(way, by_hand);
        }
    }
}

#[test]
fn whoever_cancels_a_telling_loses_nothing_that_was_told() {
    let plan = plan(&sampler("0.2", "token"), &[1, 2, 3], 7);
    let whole = tell_one(1, plan.clone()).tokens;
    let mut ledger = Ledger::new(large(), true);
    let mut explorer = Explorer::new(&mut ledger, BUDGET);
    let mut ear = Ear { leaves: Some((0, 9)), ..Ear::default() };
    explorer.tell(vec![plan.clone()], 1, &mut ear, &Cancel::new()).unwrap();
    let told = ear.completions().remove(0);
    assert_eq!((told.stop, &told.tokens[..]), (StopReason::Interrupted, &whole[..9]));
    let gone = Cancel::new();
    gone.cancel();
    let mut nobody = Ear::default();
    explorer.tell(vec![plan.clone()], 1, &mut nobody, &gone).unwrap();
    assert!(nobody.ended.is_empty());
    drop(explorer);
    assert_eq!(ledger.toy.living(), 0);
}
