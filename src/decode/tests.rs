//! The loop, on the toy model.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::{Cancel, Completion, Ended, Next, Observer, Plan, Stories, Told, drive, each, tell};
use crate::model::{Kind, Room, Toy, Vocabulary};
use crate::prob::{Noise, Token};
use crate::sampler::{Ask, Chain, History, Pick, Reach, Sampler, Stage};
use crate::story::StopReason;

mod answering;
mod banning;
mod continuing;
mod drafts;
mod driving;
mod exploring;
mod healing;
mod keeping;
mod ledger;
mod long;
mod remembering;
mod whole;

const V: Token = 14;

fn vocabulary() -> Vocabulary {
    Vocabulary::new((0..V).map(|t| match t {
        13 => ("</s>".to_string(), Kind::End),
        _ if t.is_multiple_of(3) => (format!("{t}"), Kind::Text),
        _ => (format!(" w{t}"), Kind::Text),
    }))
}

/// Pseudo-random logits; the end is unlikely.
#[allow(clippy::cast_possible_truncation)]
fn row(text: &[Token]) -> Vec<f32> {
    let noise = Noise::new(5, text).at(0, 0);
    (0..V).map(|token| (noise.uniform(token) * 4.0) as f32 - if token == 13 { 4.0 } else { 0.0 }).collect()
}

fn toy() -> Toy {
    Toy::new(vocabulary(), row)
}

fn sampler(alpha: &str, horizon: &str) -> Sampler {
    let future = format!("future = {{ candidates = 8, entropy-top = 5, alpha = {alpha}, horizon = '{horizon}' }}");
    let stages = ["min-p = 0.05", &future, "temperature = 0.9"].map(|stage| toml::from_str::<Stage>(stage).unwrap());
    Sampler::new(Chain::new(stages.to_vec()).unwrap(), Pick::Sample)
}

fn plan(sampler: &Sampler, prompt: &[Token], seed: u64) -> Plan {
    Plan { context: 4096, ..Plan::new(sampler.clone(), prompt.to_vec(), seed, 60) }
}

/// All that is heard of stories.
#[derive(Default)]
struct Ear {
    read: Vec<(usize, usize, usize)>,
    /// The text of each token that was told, by story.
    told: BTreeMap<usize, Vec<String>>,
    ended: BTreeMap<usize, Ended>,
    /// The story that nobody hears behind so many tokens.
    leaves: Option<(usize, usize)>,
}

impl Ear {
    /// The text of a story as it was heard: token by token and at its end.
    fn text(&self, story: usize) -> String {
        self.told.get(&story).map_or(String::new(), |told| told.concat()) + &self.ended[&story].rest
    }

    /// The stories in the order of their numbers.
    fn completions(self) -> Vec<Completion> {
        self.ended.into_values().map(|ended| ended.completion).collect()
    }
}

impl Observer for Ear {
    fn reading(&mut self, story: usize, read: usize, of: usize) -> ControlFlow<()> {
        self.read.push((story, read, of));
        ControlFlow::Continue(())
    }

    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        let all = self.told.entry(story).or_default();
        all.push(told.text.to_owned());
        if self.leaves == Some((story, all.len())) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn ended(&mut self, story: usize, ended: Ended) {
        assert!(self.ended.insert(story, ended).is_none(), "a story has ended twice");
    }
}

/// Tells these stories together and hears all of it.
fn hear(toy: &mut Toy, width: usize, plans: Vec<Plan>, mut ear: Ear) -> Ear {
    let count = plans.len();
    drive(&mut Stories::new(toy, width), count, &mut each(plans), &mut ear, &Cancel::new());
    assert_eq!(toy.living(), 0, "a branch has leaked");
    ear
}

fn tell_one(width: usize, plan: Plan) -> Completion {
    let mut toy = toy();
    let told = tell(&mut toy, width, vec![plan]).remove(0);
    assert_eq!(toy.living(), 0, "a branch has leaked");
    told
}

/// What the sampler decides when every row it asks for is computed afresh: no branches, no rounds.
fn by_hand(plan: &Plan) -> Vec<Token> {
    let mut history = History::of_prompt(&plan.prompt).planning(plan.planned());
    let noise = Noise::new(plan.seed, &plan.prompt);
    let sampler = plan.sampler.bind(&vocabulary()).unwrap();
    while history.step() < plan.max_tokens {
        let mut turn = sampler.turn(&history, &row(history.text()), noise).unwrap();
        let draw = loop {
            match turn.ask() {
                Ask::Take(draw) => break draw,
                Ask::Look(paths) => turn.learn(&paths[0], &row(&[history.text(), &paths[0].0].concat())),
            }
        };
        history = history.after(&draw);
        if draw.token == 13 {
            break;
        }
    }
    history.told().to_vec()
}

#[test]
fn a_story_is_what_its_sampler_decides() {
    for alpha in ["-1", "0", "1", "{ wave = { period = 20 } }"] {
        for horizon in ["token", "word"] {
            for width in [1, 3, 50] {
                let plan = plan(&sampler(alpha, horizon), &[1, 2, 3], 7);
                assert_eq!(tell_one(width, plan.clone()).tokens, by_hand(&plan), "α = {alpha}, {horizon}, {width}");
            }
        }
    }
}

#[test]
fn stories_told_together_are_those_told_alone() {
    let prompts: Vec<Vec<Token>> = (0..9).map(|last| (0..=last).collect()).collect();
    let alphas = ["-1", "0", "1"].iter().cycle();
    let plans: Vec<Plan> = prompts.iter().zip(alphas).map(|(prompt, a)| plan(&sampler(a, "token"), prompt, 3)).collect();
    let mut toy = toy();
    let together = tell(&mut toy, 2, plans.clone());
    assert_eq!(toy.living(), 0);
    for (told, plan) in together.iter().zip(&plans) {
        assert_eq!(told.tokens, by_hand(plan));
        assert_eq!(told.counts.evaluations, tell_one(2, plan.clone()).counts.evaluations);
    }
    let alone: usize = together.iter().map(|told| told.counts.decodes).sum();
    assert!(toy.decodes < alone, "{} decodes for what takes {alone} alone", toy.decodes);
}

#[test]
fn the_models_own_voice_costs_one_evaluation_a_token() {
    let told = tell_one(1, plan(&sampler("-1", "token"), &[1, 2, 3], 1));
    assert_eq!((told.counts.evaluations, told.tokens.len()), (60, 60));
}

#[test]
fn a_chosen_token_is_never_evaluated_twice() {
    // All that was evaluated: the prompt, and what the story counted beyond the prompt's last row.
    let mut toy = toy();
    let told = tell(&mut toy, 1, vec![plan(&sampler("0", "token"), &[1, 2, 3], 1)]).remove(0);
    assert_eq!(toy.evaluations, 3 + told.counts.evaluations - 1);
    assert!(told.counts.evaluations > told.tokens.len());
    let full = tell_one(1, plan(&sampler("0", "token").with_reach(Reach::Full), &[1, 2, 3], 1));
    assert!(told.counts.evaluations * 2 < full.counts.evaluations, "{:?} and {:?}", told.counts, full.counts);
    assert_eq!(told.tokens, full.tokens);
}

#[test]
fn what_was_rolled_to_the_end_of_a_word_is_not_decoded_again() {
    let mut toy = toy();
    let told = tell(&mut toy, 1, vec![plan(&sampler("0", "word"), &[1, 2, 3], 1)]).remove(0);
    assert_eq!(toy.evaluations, 3 + told.counts.evaluations - 1);
    assert_eq!(toy.living(), 0);
}

#[test]
fn a_prompt_is_read_in_parts_and_its_progress_is_told() {
    let prompt: Vec<Token> = (0..600).map(|i| i % 13).collect();
    let plan = plan(&sampler("-1", "token"), &prompt, 1);
    let ear = hear(&mut toy(), 1, vec![plan.clone()], Ear::default());
    assert_eq!(ear.read, [(0, 256, 600), (0, 512, 600)]);
    assert_eq!(ear.completions()[0].tokens, by_hand(&plan));
}

#[test]
fn a_prompt_beside_busy_neighbours_is_read_in_what_room_is_left() {
    let mut toy = toy().with_room(Room { cells: 9000, branches: 200, batch: 5 });
    let prompt: Vec<Token> = (0..40).map(|i| i % 13).collect();
    let plans = vec![plan(&sampler("0", "token"), &[1], 1), plan(&sampler("0", "token"), &prompt, 1)];
    let told = tell(&mut toy, 4, plans.clone());
    assert_eq!(told[1].tokens, by_hand(&plans[1]));
}

#[test]
fn a_story_without_lookahead_needs_one_branch() {
    let mut toy = toy().with_room(Room { cells: 63, branches: 1, batch: 9 });
    let plan = plan(&Sampler::new(Chain::new(Vec::new()).unwrap(), Pick::Sample), &[1, 2, 3], 1);
    assert_eq!(tell(&mut toy, 1, vec![plan.clone()])[0].tokens, by_hand(&plan));
}

#[test]
fn every_ending_has_its_reason() {
    let sampler = sampler("-1", "token");
    let ending = |change: &dyn Fn(&mut Plan)| {
        let mut plan = plan(&sampler, &[1, 2, 3], 2);
        change(&mut plan);
        tell_one(1, plan)
    };
    assert_eq!(ending(&|_| ()).stop, StopReason::Tokens);
    let full = ending(&|plan| plan.context = 20);
    assert_eq!((full.stop, full.tokens.len()), (StopReason::Context, 17));
    let stopped = ending(&|plan| plan.stops = vec![" w7".into()]);
    assert_eq!(stopped.stop, StopReason::Stop(" w7".into()));
    assert!(!stopped.text.contains(" w7"));
    // After ten tokens nothing but the end is left.
    let only_end = |text: &[Token]| (0..V).map(|t| if t == 13 { 9.0 } else { f32::NEG_INFINITY }).take(text.len()).collect();
    let rows = move |text: &[Token]| if text.len() < 14 { row(text) } else { only_end(text) };
    let ended = tell(&mut Toy::new(vocabulary(), rows), 1, vec![plan(&sampler, &[1, 2, 3], 2)]).remove(0);
    assert_eq!((ended.stop, ended.tokens.len(), ended.tokens.last()), (StopReason::End, 12, Some(&13)));
    assert!(!ended.text.contains("</s>"));
}

#[test]
fn an_interruption_keeps_what_is_told() {
    let mut toy = toy();
    let mut stories = Stories::new(&mut toy, 1);
    stories.begin(plan(&sampler("0", "token"), &[1, 2], 1)).unwrap();
    let mut ear = Ear::default();
    for _ in 0..12 {
        stories.round(&mut ear);
    }
    stories.interrupt(&mut ear);
    assert_eq!(stories.running(), 0);
    assert_eq!(
        (ear.text(0), &ear.ended[&0].completion.stop),
        (ear.ended[&0].completion.text.clone(), &StopReason::Interrupted)
    );
    drop(stories);
    assert_eq!(toy.living(), 0);
}

#[test]
fn what_cannot_be_told_is_refused_before_anything_is_decoded() {
    let mut toy = toy().with_room(Room { cells: 100, branches: 6, batch: 9 });
    let mut stories = Stories::new(&mut toy, 1);
    let begin = |stories: &mut Stories, change: &dyn Fn(&mut Plan)| {
        let mut plan = plan(&sampler("0", "token"), &[1, 2], 1);
        change(&mut plan);
        stories.begin(plan).map_err(|error| error.to_string())
    };
    assert!(begin(&mut stories, &|plan| plan.prompt.clear()).unwrap_err().contains("the prompt is empty"));
    assert!(begin(&mut stories, &|plan| plan.context = 2).unwrap_err().contains("leaves no room"));
    assert!(begin(&mut stories, &|plan| plan.max_tokens = 0).unwrap_err().contains("no token"));
    assert_eq!(begin(&mut stories, &|_| ()), Ok(0));
    assert!(begin(&mut stories, &|_| ()).unwrap_err().contains("needs room for 64 tokens"));
    drop(stories);
    assert_eq!(toy.decodes, 0);
}

#[test]
fn a_row_of_nothing_fails_one_story_and_no_other() {
    let mut toy = Toy::new(vocabulary(), |text| if text == [1, 2] { vec![f32::NAN; V as usize] } else { row(text) });
    let plans = [[1, 2], [1, 3]].map(|prompt| plan(&sampler("0", "token"), &prompt, 1));
    let told = tell(&mut toy, 1, plans.to_vec());
    assert!(told[0].failure().is_some_and(|cause| cause.contains("a probability that is a number")), "{:?}", told[0].stop);
    assert_eq!((told[1].failure(), told[1].tokens.len(), toy.living()), (None, 60, 0));
}

#[test]
fn a_failed_decode_ends_a_story_that_runs_alone_and_leaks_no_branch() {
    for fail_at in 0..12 {
        let mut toy = toy();
        toy.fail_at = Some(fail_at);
        let told = tell(&mut toy, 2, vec![plan(&sampler("0", "word"), &[1, 2], 1)]);
        assert_eq!(told[0].failure(), Some("the toy was told to fail here"));
        assert_eq!(toy.living(), 0);
    }
}

#[test]
fn stories_survive_a_shared_decode_that_failed() {
    let plans: Vec<Plan> = (1..5).map(|first| plan(&sampler("0", "word"), &[first, 2, 3], 6)).collect();
    for fail_at in 0..40 {
        let mut toy = toy();
        toy.fail_at = Some(fail_at);
        for (told, plan) in tell(&mut toy, 2, plans.clone()).iter().zip(&plans) {
            assert_eq!(told.tokens, by_hand(plan));
        }
        assert_eq!(toy.living(), 0);
    }
}

#[test]
fn a_story_that_always_fails_disturbs_no_other() {
    let plans: Vec<Plan> = (1..5).map(|first| plan(&sampler("0", "token"), &[first, 2, 3], 6)).collect();
    let mut toy = toy();
    // The third story's fifth token cannot be evaluated, and is looked at before it is told.
    toy.fail_on = Some(by_hand(&plans[2])[..5].iter().fold(vec![3, 2, 3], |text, token| [text, vec![*token]].concat()));
    let told = tell(&mut toy, 2, plans.clone());
    for number in [0, 1, 3] {
        assert_eq!(told[number].tokens, by_hand(&plans[number]));
    }
    assert_eq!((told[2].failure(), told[2].tokens.len()), (Some("the toy was told to fail here"), 4));
    assert_eq!(toy.living(), 0);
}

#[test]
fn ten_thousand_tokens_leak_no_branch() {
    let mut toy = toy();
    let mut plan = plan(&sampler("0", "token"), &[1, 2], 1);
    (plan.max_tokens, plan.context) = (2500, 9000);
    let told = tell(
        &mut toy,
        2,
        vec![plan.clone(), Plan { seed: 2, ..plan.clone() }, Plan { seed: 3, ..plan.clone() }, Plan { seed: 4, ..plan }],
    );
    assert_eq!(told.iter().map(|told| told.tokens.len()).sum::<usize>(), 10_000);
    assert_eq!(toy.living(), 0);
}

#[test]
fn a_story_never_ends_in_half_a_character() {
    // A model that says 狼 byte by byte, over and over, until it ends or is ended after so many tokens.
    let whole = |tokens: usize| "狼".repeat(tokens / 3);
    for tokens in 1..8 {
        for (ends_after, limit, interrupted) in [(99, tokens, 99), (tokens, 99, 99), (99, 99, tokens)] {
            let bytes = "狼".bytes().map(|byte| (vec![byte], Kind::Text));
            let vocabulary = Vocabulary::new(bytes.chain([(b"</s>".to_vec(), Kind::End)]));
            let mut toy = Toy::new(vocabulary, move |text| {
                let said = text.len() - 1;
                let next = if said == ends_after { 3 } else { said % 3 };
                (0..4).map(|token| if token == next { 9.0 } else { 0.0 }).collect()
            });
            let sampler = Sampler::new(Chain::new(Vec::new()).unwrap(), Pick::Argmax);
            let mut stories = Stories::new(&mut toy, 1);
            stories.begin(Plan { max_tokens: limit, ..plan(&sampler, &[2], 1) }).unwrap();
            let mut ear = Ear::default();
            for _ in 0..interrupted {
                stories.round(&mut ear);
            }
            stories.interrupt(&mut ear);
            drop(stories);
            let (text, count) = (ear.text(0), ear.told[&0].len());
            let told = ear.completions().remove(0);
            assert_eq!((text.as_str(), told.text.as_str()), (&*whole(tokens), &*whole(tokens)), "{:?}", told.stop);
            assert_eq!((told.tokens.len(), count), (tokens + usize::from(ends_after == tokens), told.tokens.len()));
        }
    }
}

#[test]
fn every_token_is_heard_once_and_every_piece_as_that_of_its_token() {
    /// The text of each token, whenever it came.
    #[derive(Default)]
    struct Pieces(BTreeMap<usize, String>, usize);

    impl Observer for Pieces {
        fn told(&mut self, _: usize, told: &Told) -> ControlFlow<()> {
            told.pieces().for_each(|(token, text)| self.0.entry(token).or_default().push_str(text));
            self.1 += 1;
            ControlFlow::Continue(())
        }

        fn ended(&mut self, _: usize, ended: Ended) {
            ended.pieces().for_each(|(token, text)| self.0.entry(token).or_default().push_str(text));
            assert_eq!(self.1, ended.completion.tokens.len());
            assert_eq!(self.0.values().cloned().collect::<String>(), ended.completion.text);
            let piece =
                |token: &usize| String::from_utf8_lossy(vocabulary().piece(ended.completion.tokens[*token])).into_owned();
            // The token in which the stop string begins has the text before it.
            let whole = self.0.iter().filter(|(token, text)| **text == piece(token)).count();
            assert!(whole + 1 >= self.0.len() && self.0.iter().all(|(token, text)| piece(token).starts_with(text.as_str())));
        }
    }

    for stop in ["3 w", " w7 w", "9 w1", "w10", "66", "#"] {
        for (horizon, seed) in [("token", 1), ("word", 2), ("word", 3)] {
            let plan = Plan { stops: vec![stop.to_owned()], ..plan(&sampler("0", horizon), &[1, 2, 3], seed) };
            drive(&mut Stories::new(&mut toy(), 2), 1, &mut each([plan]), &mut Pieces::default(), &Cancel::new());
        }
    }
}
