//! Which pairs are asked, and in which order.
//!
//! A cell is a prompt and two arms. In a round every cell with n and m ≥ n stories gives n pairs, in which no story of either arm
//! stands twice. Rounds differ until all n·m pairs were asked; from then on they come again with their sides changed, for whoever
//! asks twice should ask in both orders.
//!
//! Within a round the order is a Latin square: while each prompt comes once, every two arms come equally often, as far as they can.
//! So whenever a person has enough, the arms were compared evenly.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::tales::Tales;
use crate::prob::{Noise, Token};

/// What the numbers of an order are drawn for.
#[derive(Clone, Copy)]
enum Stage {
    Prompts,
    Arms,
    Stories,
    Sides,
}

/// Two stories, by their numbers in [`Tales::all`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The one that is shown first.
    pub a: usize,
    /// The other.
    pub b: usize,
}

/// The pairs of a round.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairs {
    /// The pairs, in the order in which they are asked.
    pub all: Vec<Pair>,
    /// Pairs that are left out, because both stories are the same one.
    pub equal: usize,
}

/// The stories of a cell by arm: those of the one with fewer first.
struct Cell {
    fewer: Vec<usize>,
    more: Vec<usize>,
    sides: u64,
}

impl Pairs {
    /// The pairs of a round, from 1 up, in the order that this seed gives.
    #[must_use]
    pub fn of(tales: &Tales, seed: u64, round: usize) -> Self {
        let noise = Noise::new(seed, &[]);
        let cells = cells(tales, noise);
        let prompts: BTreeSet<usize> = cells.keys().map(|(prompt, _)| *prompt).collect();
        let duels: BTreeSet<(usize, usize)> = cells.keys().map(|(_, duel)| *duel).collect();
        let prompts = shuffled(prompts.into_iter().collect(), noise, 0, Stage::Prompts);
        let duels = shuffled(duels.into_iter().collect(), noise, 0, Stage::Arms);
        let layers = cells.values().map(|cell| cell.fewer.len()).max().unwrap_or(0);
        let (mut pairs, mut asked) = (Self::default(), HashSet::new());
        for layer in 0..layers {
            for turn in 0..duels.len() {
                for (rank, &prompt) in prompts.iter().enumerate() {
                    let duel = duels[(turn + rank) % duels.len()];
                    let cell = cells.get(&(prompt, duel));
                    let Some(pair) = cell.and_then(|cell| cell.pair(layer, round.max(1) - 1)) else { continue };
                    let [a, b] = [pair.a, pair.b].map(|tale| &tales.all[tale]);
                    if a.text == b.text {
                        pairs.equal += 1;
                    } else if asked.insert([(a.arm, &a.id).min((b.arm, &b.id)), (a.arm, &a.id).max((b.arm, &b.id))]) {
                        // An arm that tells one story under two seeds may meet another such arm twice: it is one pair.
                        pairs.all.push(pair);
                    }
                }
            }
        }
        pairs
    }
}

impl Cell {
    /// The pair at this place of the round, counted from 0; `None` behind the last one.
    fn pair(&self, at: usize, round: usize) -> Option<Pair> {
        let (one, count) = (*self.fewer.get(at)?, self.more.len());
        let other = self.more[(at + round) % count];
        // Which of the two is first stays for all rounds of a pass, and is turned round in the next.
        let turned = (self.sides >> ((at + round) % count % 64)) & 1 == ((round / count) % 2) as u64;
        Some(if turned { Pair { a: other, b: one } } else { Pair { a: one, b: other } })
    }
}

/// Every prompt and two arms, the smaller number first, with their stories.
fn cells(tales: &Tales, noise: Noise) -> BTreeMap<(usize, (usize, usize)), Cell> {
    let mut stories: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (at, tale) in tales.all.iter().enumerate() {
        stories.entry((tale.prompt, tale.arm)).or_default().push(at);
    }
    let mut cells = BTreeMap::new();
    for (&(prompt, first), of_first) in &stories {
        for (&(_, second), of_second) in stories.range((prompt, first + 1)..(prompt + 1, 0)) {
            let step = (prompt * tales.arms.len() + first) * tales.arms.len() + second;
            let [mut fewer, mut more] = [(of_first, 2 * step), (of_second, 2 * step + 1)]
                .map(|(stories, step)| shuffled(stories.clone(), noise, step, Stage::Stories));
            if fewer.len() > more.len() {
                std::mem::swap(&mut fewer, &mut more);
            }
            let sides = noise.at(step, Stage::Sides as u64).bits(0);
            cells.insert((prompt, (first, second)), Cell { fewer, more, sides });
        }
    }
    cells
}

/// The same things in the order of their keyed numbers.
fn shuffled<T>(things: Vec<T>, noise: Noise, step: usize, stage: Stage) -> Vec<T> {
    let noise = noise.at(step, stage as u64);
    let mut keyed: Vec<(u64, T)> = (0..).map(|at: Token| noise.bits(at)).zip(things).collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, thing)| thing).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tales::tests::tales;
    use super::*;

    fn unordered(pair: Pair) -> (usize, usize) {
        (pair.a.min(pair.b), pair.a.max(pair.b))
    }

    #[test]
    fn a_pair_is_of_one_prompt_and_of_two_arms() {
        let tales = tales(5, &["a", "b", "c"], 3);
        let pairs = Pairs::of(&tales, 1, 1).all;
        assert_eq!(pairs.len(), 5 * 3 * 3);
        for Pair { a, b } in pairs {
            let (a, b) = (&tales.all[a], &tales.all[b]);
            assert!(a.prompt == b.prompt && a.arm != b.arm);
        }
    }

    #[test]
    fn no_pair_comes_twice_before_all_have_come() {
        let tales = tales(2, &["a", "b", "c"], 3);
        let mut seen = HashSet::new();
        for round in 1..=3 {
            assert!(Pairs::of(&tales, 7, round).all.into_iter().all(|pair| seen.insert(unordered(pair))));
        }
        assert_eq!(seen.len(), 2 * 3 * 9);
        // Then the same ones come with their sides changed.
        let turned: Vec<Pair> = Pairs::of(&tales, 7, 1).all.iter().map(|pair| Pair { a: pair.b, b: pair.a }).collect();
        assert_eq!(Pairs::of(&tales, 7, 4).all, turned);
    }

    #[test]
    fn within_a_round_no_story_meets_an_arm_twice() {
        let tales = tales(3, &["a", "b", "c"], 4);
        let mut met = HashSet::new();
        for Pair { a, b } in Pairs::of(&tales, 3, 2).all {
            assert!(met.insert((a, tales.all[b].arm)) && met.insert((b, tales.all[a].arm)));
        }
    }

    #[test]
    fn whoever_stops_has_compared_arms_and_prompts_evenly() {
        let tales = tales(12, &["a", "b", "c", "d"], 2);
        let pairs = Pairs::of(&tales, 5, 1).all;
        for some in 1..=12 {
            let part = &pairs[..some * 12];
            for prompt in 0..12 {
                assert_eq!(part.iter().filter(|pair| tales.all[pair.a].prompt == prompt).count(), some);
            }
            let duels: HashSet<(usize, usize)> = (0..4).flat_map(|one| (0..one).map(move |two| (two, one))).collect();
            for (one, two) in duels {
                let arms = |pair: &&Pair| {
                    let (a, b) = (tales.all[pair.a].arm, tales.all[pair.b].arm);
                    (a.min(b), a.max(b)) == (one, two)
                };
                assert_eq!(part.iter().filter(arms).count(), 2 * some);
            }
        }
    }

    /// Of 1,200 pairs a fair coin turns 600 ± 87 with a chance of 5·10⁻⁷ to be outside.
    #[test]
    fn which_story_is_first_is_drawn_and_depends_on_the_seed_alone() {
        let tales = tales(100, &["a", "b", "c"], 4);
        let pairs = Pairs::of(&tales, 1, 1).all;
        let first = pairs.iter().filter(|pair| tales.all[pair.a].arm < tales.all[pair.b].arm).count();
        assert!(pairs.len() == 1200 && first.abs_diff(600) < 87, "{first}");
        assert_eq!(Pairs::of(&tales, 1, 1).all, pairs);
        assert_ne!(Pairs::of(&tales, 2, 1).all, pairs);
    }

    #[test]
    fn a_story_is_not_compared_with_itself() {
        let mut tales = tales(2, &["a", "b"], 1);
        tales.all[2].text = tales.all[0].text.clone();
        let pairs = Pairs::of(&tales, 1, 1);
        assert_eq!((pairs.all.len(), pairs.equal), (1, 1));
    }

    #[test]
    fn stories_that_were_told_twice_make_one_pair() {
        let mut tales = tales(1, &["a", "b"], 2);
        for (first, again) in [(0, 1), (2, 3)] {
            tales.all[again] = tales.all[first].clone();
        }
        assert_eq!(Pairs::of(&tales, 1, 1).all.len(), 1);
    }

    #[test]
    fn an_arm_that_lacks_a_prompt_is_compared_where_it_is() {
        let mut tales = tales(3, &["a", "b", "c"], 2);
        tales.all.retain(|tale| !(tale.arm == 2 && tale.prompt == 1));
        assert_eq!(Pairs::of(&tales, 1, 1).all.len(), 2 * (3 + 1 + 3));
        assert_eq!(Pairs::of(&Tales::default(), 1, 1), Pairs::default());
    }
}
