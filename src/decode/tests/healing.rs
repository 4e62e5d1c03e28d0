//! A healed story is told as one that was drawn freely and thrown away until it began with the writer's bytes.

use super::continuing::{assert_same, hundred, sampler_of, teller};
use super::*;

const N: u64 = 4_000;

/// Pieces that share beginnings, with an end.
fn pieces() -> Vocabulary {
    let text = [" ", " the", " tower", "the", "wn", " bro", " brown", "n", "o", " b", "ro", "."];
    Vocabulary::new(text.map(|piece| (piece, Kind::Text)).into_iter().chain([("</s>", Kind::End)]))
}

const END: Token = 12;

/// Rows in which everything may come, differently behind every text.
#[allow(clippy::cast_possible_truncation)]
fn logits(text: &[Token]) -> Vec<f32> {
    let noise = Noise::new(11, text).at(0, 0);
    (0..=END).map(|token| (noise.uniform(token) * 3.0) as f32).collect()
}

fn healing(heal: &str, chain: &[&str], seed: u64, tokens: usize) -> Plan {
    Plan { heal: heal.to_owned(), ..Plan::new(sampler_of(chain), vec![3, 5], seed, tokens) }
}

fn told(plan: Plan) -> Completion {
    tell(&mut Toy::new(pieces(), logits), 1, vec![plan]).remove(0)
}

/// The tokens of many stories, counted: those under seeds from `from` on for which this holds.
fn counted(from: u64, plan: impl Fn(u64) -> Plan, holds: impl Fn(&Completion) -> bool) -> BTreeMap<Vec<Token>, f64> {
    let mut counts = BTreeMap::new();
    for told in (from..from + N).map(|seed| told(plan(seed))).filter(holds) {
        *counts.entry(told.tokens).or_default() += 1.0;
    }
    counts
}

/// χ² of two counts of the same thing, and its degrees of freedom: cells with fewer than ten in all are put together.
fn chi2(one: &BTreeMap<Vec<Token>, f64>, two: &BTreeMap<Vec<Token>, f64>) -> (f64, f64) {
    let (sum_one, sum_two) = (one.values().sum::<f64>(), two.values().sum::<f64>());
    let mut cells = vec![(0.0, 0.0)];
    for key in one.keys().chain(two.keys().filter(|key| !one.contains_key(*key))) {
        let cell = (one.get(key).copied().unwrap_or(0.0), two.get(key).copied().unwrap_or(0.0));
        if cell.0 + cell.1 < 10.0 {
            cells[0] = (cells[0].0 + cell.0, cells[0].1 + cell.1);
        } else {
            cells.push(cell);
        }
    }
    let (a, b) = ((sum_two / sum_one).sqrt(), (sum_one / sum_two).sqrt());
    let cells: Vec<f64> = cells.iter().filter(|(x, y)| x + y > 0.0).map(|(x, y)| (a * x - b * y).powi(2) / (x + y)).collect();
    (cells.iter().sum(), cells.len() as f64 - 1.0)
}

#[test]
fn a_blank_healed_is_the_story_that_was_thrown_away_until_it_began_with_one() {
    // Where a cut sees what is left it sees it renormalised: a free story's cut would have seen more. So chains that cut are held
    // against the same chain on rows that are cut before.
    for chain in [&[][..], &["temperature = 0.7"], &["penalties = { repeat = 1.5 }"]] {
        let healed = counted(0, |seed| healing(" ", chain, seed, 2), |_| true);
        let free = counted(N, |seed| healing("", chain, seed, 2), |told| told.text.starts_with(' '));
        let (chi2, freedom) = chi2(&healed, &free);
        // Beyond the mean by five deviations: by chance less than once in a million.
        assert!(chi2 < freedom + 5.0 * (2.0 * freedom).sqrt(), "{chain:?}: χ² = {chi2} at {freedom}");
        assert!(free.values().sum::<f64>() > 800.0 && healed.len() > 20);
    }
}

#[test]
fn every_draw_on_the_way_is_the_models_own_among_what_fits() {
    let healed = counted(0, |seed| healing(" bro", &[], seed, 2), |_| true);
    let softmax = |text: &[Token], fits: &[Token]| -> BTreeMap<Token, f64> {
        let row = logits(text);
        let sum: f64 = fits.iter().map(|&token| f64::from(row[token as usize]).exp()).sum();
        fits.iter().map(|&token| (token, f64::from(row[token as usize]).exp() / sum)).collect()
    };
    let all: Vec<Token> = (0..=END).collect();
    let mut expected: BTreeMap<Vec<Token>, f64> = BTreeMap::new();
    // A blank alone leaves "bro", which nothing but "b…" spells: the vocabulary has none, so it is no beginning that can be gone on with.
    for (first, p) in softmax(&[3, 5], &[5, 6, 9]) {
        let next = if first == 9 { softmax(&[3, 5, 9], &[10]) } else { softmax(&[3, 5, first], &all) };
        for (second, q) in next {
            expected.insert(vec![first, second], p * q * N as f64);
        }
    }
    let chi2: f64 = expected.iter().map(|(key, e)| (healed.get(key).copied().unwrap_or(0.0) - e).powi(2) / e).sum();
    let freedom = expected.len() as f64 - 1.0;
    assert!(healed.keys().all(|key| expected.contains_key(key)));
    assert!(chi2 < freedom + 5.0 * (2.0 * freedom).sqrt(), "χ² = {chi2} at {freedom}");
}

#[test]
fn the_writers_bytes_are_not_told_and_the_rest_is() {
    for heal in [" ", " bro", "the", " t", "."] {
        for seed in 0..200 {
            let plan = healing(heal, &[], seed, 12);
            let ear = hear(&mut Toy::new(pieces(), logits), 1, vec![plan], Ear::default());
            let (heard, told) = (ear.text(0), ear.completions().remove(0));
            let ended = told.tokens.strip_suffix(&[END]).unwrap_or(&told.tokens);
            assert_eq!(pieces().text(ended), format!("{heal}{}", told.text));
            assert_eq!(heard, told.text);
        }
    }
}

#[test]
fn a_healed_story_is_what_its_sampler_decides_on_rows_of_what_fits() {
    // As in `by_hand`: no branches and no rounds, and every row cut by what is left of the bytes.
    let vocabulary = pieces();
    let fits = |text: &[Token]| -> Vec<f32> {
        let mut left = &b" bro"[..];
        for &token in &text[2..] {
            left = left.strip_prefix(vocabulary.piece(token)).unwrap_or_default();
        }
        // " bro", " brown", or " b" and "ro"; a blank leaves what nothing spells.
        let may = |token: Token| match left {
            b" bro" => matches!(token, 5 | 6 | 9),
            b"ro" => token == 10,
            _ => true,
        };
        (0..).zip(logits(text)).map(|(token, logit)| if may(token) { logit } else { f32::NEG_INFINITY }).collect()
    };
    for horizon in ["token", "word"] {
        for reach in [Reach::Lazy, Reach::Full, Reach::Exhaustive] {
            let future = format!("future = {{ candidates = 6, entropy-top = 5, alpha = 0.3, horizon = '{horizon}' }}");
            let sampler = sampler_of(&["min-p = 0.05", &future, "temperature = 0.9"]).with_reach(reach);
            for (seed, width) in (0..80).map(|seed| (seed, 1 + usize::try_from(seed).unwrap() % 3)) {
                let plan = Plan { sampler: sampler.clone(), ..healing(" bro", &[], seed, 9) };
                let bound = sampler.bind(&vocabulary).unwrap();
                let (mut history, noise) = (History::of_prompt(&plan.prompt).planning(9), Noise::new(seed, &plan.prompt));
                while history.step() < 9 && history.told().last() != Some(&END) {
                    let mut turn = bound.turn(&history, &fits(history.text()), noise).unwrap();
                    let draw = loop {
                        match turn.ask() {
                            Ask::Take(draw) => break draw,
                            Ask::Look(paths) => turn.learn(&paths[0], &fits(&[history.text(), &paths[0].0].concat())),
                        }
                    };
                    history = history.after(&draw);
                }
                let told = tell(&mut Toy::new(pieces(), logits), width, vec![plan]).remove(0);
                assert_eq!(told.tokens, history.told(), "{horizon}, {reach:?}, {seed}");
            }
        }
    }
}

#[test]
fn stories_that_share_a_prompt_are_healed_or_not_each_by_itself() {
    let future = "future = { candidates = 6, entropy-top = 5, alpha = 0.3 }";
    let plans: Vec<Plan> =
        (0..12).map(|seed| healing(["", " ", " bro"][usize::try_from(seed).unwrap() % 3], &[future], seed, 9)).collect();
    let mut toy = Toy::new(pieces(), logits);
    let together = tell(&mut toy, 2, plans.clone());
    assert_eq!(toy.living(), 0);
    for (plan, one) in plans.into_iter().zip(together) {
        assert_eq!(told(plan).tokens, one.tokens);
    }
}

#[test]
fn a_healed_story_is_told_in_pieces_as_at_once() {
    for (heal, stages) in [
        (" W1", &["temperature = { band = { surprisal = [1.0, 1.2], window = 8, gain = 3 } }"][..]),
        (" W1", &["temperature = { band = { surprisal = [0.8, 0.9], unit = 'entropy', window = 8, gain = 3 } }"]),
        (" ", &["temperature = { wave = { period = 3, unit = 'sentence' } }"]),
        (".", &["min-p = 0.02", "future = { candidates = 9, entropy-top = 9, alpha = 0 }"]),
    ] {
        let plan = Plan { heal: heal.to_owned(), ..hundred(&sampler_of(stages), 5) };
        let all = [super::continuing::Hands::Text, super::continuing::Hands::All];
        assert_same(|| teller(-90.0), &plan, &all, &format!("{heal:?}, {stages:?}"));
    }
}

#[test]
fn what_no_token_spells_is_refused() {
    let refused = told(healing("q", &[], 1, 3));
    assert_eq!(refused.failure(), Some("no token of the vocabulary begins as the end of the prompt does"));
}
