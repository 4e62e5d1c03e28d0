//! The lookahead on real rows: exact, cheap, and alike however it is run.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use crate::support::BUNDLED;
use afterword::decode::{self, Completion, Plan, Stories};
use afterword::llama::Weights;
use afterword::model::{LoadOptions, Model, Origin, Rows, SessionOptions, Step, Token};
use afterword::preset::{Folders, Preset, find};
use afterword::prob::Noise;
use afterword::sampler::{Ask, Baseline, Chain, History, Horizon, Pick, Reach, Sampler, Stage};

const PROMPTS: [&str; 8] = [
    "Once upon a time",
    "The old king had three daughters, and",
    "In a forest far away there lived a wolf who",
    "\"Open the door,\" said the giant,",
    "There was once a poor miller's son who",
    "When the moon rose over the sea,",
    "The princess looked into the well and",
    "Long ago, when wishes still came true,",
];

fn weights() -> Weights {
    Weights::load(Path::new(BUNDLED), &LoadOptions::default(), |_| true).unwrap()
}

fn sampler(chain: &[&str]) -> Sampler {
    let stages = chain.iter().map(|stage| toml::from_str::<Stage>(stage).unwrap());
    Sampler::new(Chain::new(stages.collect()).unwrap(), Pick::Sample)
}

fn future(alpha: &str) -> Sampler {
    let future = format!("future = {{ candidates = 20, entropy-top = 20, alpha = {alpha} }}");
    sampler(&["min-p = 0.05", &future, "temperature = 1"])
}

fn plans(weights: &Weights, sampler: &Sampler, seeds: std::ops::Range<u64>) -> Vec<Plan> {
    let tokens = |prompt: &str| weights.tokenize(prompt, true, false).unwrap();
    let plan = |prompt: &str, seed| Plan { context: 1024, ..Plan::new(sampler.clone(), tokens(prompt), seed, 100) };
    PROMPTS.iter().flat_map(|prompt| seeds.clone().map(move |seed| plan(prompt, seed))).collect()
}

fn tell(weights: &Weights, plans: &[Plan], width: usize, together: usize) -> Vec<Completion> {
    let (cells, branches) = Stories::room_for(plans, width);
    let (cells, branches) = (cells * together, branches * together);
    let options = SessionOptions { cells, branches, batch: 128, threads: Some(1), ..SessionOptions::default() };
    let mut session = weights.session(&options).unwrap();
    let room = session.room();
    let mut told = Vec::new();
    for part in plans.chunks(together) {
        told.extend(decode::tell(&mut session, width, part.to_vec()));
        assert_eq!(session.room(), room, "a branch has leaked");
    }
    told
}

/// Evaluations a token over all stories.
fn cost(told: &[Completion]) -> f64 {
    let sum = |count: fn(&Completion) -> usize| told.iter().map(count).sum::<usize>() as f64;
    sum(|told| told.counts.evaluations) / sum(|told| told.counts.tokens)
}

#[test]
fn looking_ahead_costs_few_evaluations_a_token() {
    let weights = weights();
    let at_0 = cost(&tell(&weights, &plans(&weights, &future("0"), 0..4), 1, 1));
    let preset: Preset = find("wave", &Folders::default()).unwrap();
    let on_the_wave = cost(&tell(&weights, &plans(&weights, &preset.sampler(), 0..4), 1, 1));
    let under = "future = { candidates = 20, entropy-top = 20, alpha = 0, ceiling = 0.5 }";
    let ceiling = cost(&tell(&weights, &plans(&weights, &sampler(&["min-p = 0.05", under, "temperature = 1"]), 0..4), 1, 1));
    let own_voice = cost(&tell(&weights, &plans(&weights, &future("-1"), 0..1), 1, 1));
    println!(
        "evaluations a token: {at_0:.3} at α = 0, {on_the_wave:.3} on the wave, {own_voice:.3} at α = −1, {ceiling:.3} under a ceiling"
    );
    assert!(at_0 <= 2.2 && on_the_wave <= 1.6, "{at_0}, {on_the_wave}");
    assert!(ceiling <= 1.2, "{ceiling}");
    assert_eq!(own_voice, 1.0);
}

#[test]
fn stories_told_together_cost_as_few_evaluations_and_fewer_decodes() {
    let weights = weights();
    let alone = tell(&weights, &plans(&weights, &future("0"), 0..1), 1, 1);
    let together = tell(&weights, &plans(&weights, &future("0"), 0..1), 1, 8);
    assert!((cost(&together) - cost(&alone)).abs() < 0.2, "{} and {}", cost(&together), cost(&alone));
    // Batches of another width have other bits, so texts may part; none ends before its time.
    assert!(together.iter().all(|told| told.failure().is_none()
        && (told.tokens.len() == 100 || weights.vocabulary().ends(*told.tokens.last().unwrap()))));
}

#[test]
fn on_recorded_rows_the_lazy_and_the_full_turn_take_the_same_tokens() {
    let weights = weights();
    let mut session = weights.session(&SessionOptions { threads: Some(1), ..SessionOptions::default() }).unwrap();
    let table: RefCell<HashMap<Vec<Token>, Vec<f32>>> = RefCell::default();
    // Every row is evaluated once, alone and afresh, and is from then on a fact.
    let mut row = |text: Vec<Token>| {
        if let Some(known) = table.borrow().get(&text) {
            return known.clone();
        }
        let mut row = Vec::new();
        let step = Step { from: Origin::Root, tokens: &text, rows: Rows::Last };
        let branches = session.extend(&[step], &mut |_, _, r| row = r.to_vec()).unwrap();
        session.release(branches[0]);
        table.borrow_mut().insert(text, row.clone());
        row
    };
    let mut story = |sampler: &Sampler, prompt: &[Token], seed| {
        let (mut history, noise) = (History::of_prompt(prompt), Noise::new(seed, prompt));
        let sampler = sampler.bind(weights.vocabulary()).unwrap();
        for _ in 0..25 {
            let mut turn = sampler.turn(&history, &row(history.text().to_vec()), noise).unwrap();
            let draw = loop {
                match turn.ask() {
                    Ask::Take(draw) => break draw,
                    Ask::Look(paths) => {
                        turn.learn(&paths[0], &row([history.text(), &paths[0].0].concat()));
                    }
                }
            };
            history = history.after(&draw);
        }
        history.told().to_vec()
    };
    // Some of the words are known to open much, others little.
    let openness = |token: Token| [0.2, 0.5, 0.9, 0.7][token as usize % 4];
    let size = weights.vocabulary().len();
    let seen = |horizon| Baseline::of(&"0".repeat(64), 20, horizon, size, (0..1000).map(|token| (token, openness(token))));
    for (alpha, more) in [
        ("-0.5", ""),
        ("0", ""),
        ("1", ""),
        ("{ wave = { period = 20 } }", ""),
        ("0", ", ceiling = 0.5"),
        ("0", ", baseline = 'model'"),
        ("{ wave = { period = 20 } }", ", ceiling = 0.4, baseline = 'model'"),
    ] {
        for (horizon, measured) in [("token", Horizon::Token), ("word", Horizon::Word)] {
            let chain =
                format!("future = {{ candidates = 12, entropy-top = 20, alpha = {alpha}, horizon = '{horizon}'{more} }}");
            let lazy = sampler(&["min-p = 0.05", &chain, "temperature = 1.2"]).with_baseline(seen(measured).unwrap().into());
            let prompt = weights.tokenize("The witch", true, false).unwrap();
            assert_eq!(
                story(&lazy, &prompt, 3),
                story(&lazy.with_reach(Reach::Exhaustive), &prompt, 3),
                "α = {alpha}, {horizon}{more}"
            );
        }
    }
}
