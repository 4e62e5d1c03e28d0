//! Doubts about the loop that tells stories, each put to the toy model: the ends of every range, and what is left when it fails.

use std::ops::ControlFlow;

use afterword::decode::{Cancel, Completion, Ended, Observer, Plan, Stories, Told, drive, each};
use afterword::model::{Kind, Lexicon, Toy};
use afterword::prob::{Noise, Token};
use afterword::sampler::{Chain, Pick, Sampler, Stage};
use afterword::story::StopReason;

const V: Token = 12;
const END: Token = 11;

fn lexicon() -> Lexicon {
    Lexicon::new((0..V).map(|t| if t == END { (String::new(), Kind::End) } else { (format!(" w{t}"), Kind::Text) }))
}

/// Pseudo-random logits; the end is very unlikely.
#[allow(clippy::cast_possible_truncation)]
fn row(text: &[Token]) -> Vec<f32> {
    let noise = Noise::new(5, text).at(0, 0);
    (0..V).map(|token| (noise.uniform(token) * 4.0) as f32 - if token == END { 30.0 } else { 0.0 }).collect()
}

fn sampler(stages: &[&str]) -> Sampler {
    let stages = stages.iter().map(|stage| toml::from_str::<Stage>(stage).unwrap()).collect();
    Sampler::new(Chain::new(stages).unwrap(), Pick::Sample)
}

fn future(candidates: usize, entropy_top: Token) -> Sampler {
    sampler(&[&format!("future = {{ candidates = {candidates}, entropy-top = {entropy_top}, alpha = 0 }}")])
}

fn plan(sampler: &Sampler) -> Plan {
    Plan { context: 1000, ..Plan::new(sampler.clone(), vec![1, 2, 3], 7, 40) }
}

/// A story with the text that was heard of it, and the branches that it left.
#[derive(Default)]
struct Heard {
    told: Option<Completion>,
    text: String,
    left: usize,
}

impl Observer for Heard {
    fn told(&mut self, _: usize, told: &Told) -> ControlFlow<()> {
        self.text.push_str(told.text);
        ControlFlow::Continue(())
    }

    fn ended(&mut self, _: usize, ended: Ended) {
        self.text.push_str(&ended.rest);
        self.told = Some(ended.completion);
    }
}

fn tell_on(mut toy: Toy, plan: Plan) -> (Completion, Heard) {
    let mut heard = Heard::default();
    drive(&mut Stories::new(&mut toy, 2), 1, &mut each([plan]), &mut heard, &Cancel::new());
    heard.left = toy.living();
    (heard.told.take().unwrap(), heard)
}

fn tell(plan: Plan) -> Completion {
    let (told, heard) = tell_on(Toy::new(lexicon(), row), plan);
    assert_eq!((heard.text.as_str(), told.failure(), heard.left), (told.text.as_str(), None, 0));
    told
}

#[test]
fn a_prompt_may_leave_room_for_one_token_and_no_less() {
    for sampler in [sampler(&[]), future(8, 5)] {
        let told = tell(Plan { context: 4, ..plan(&sampler) });
        assert_eq!((told.tokens.len(), told.stop), (1, StopReason::Context));
        let mut toy = Toy::new(lexicon(), row);
        assert!(Stories::new(&mut toy, 1).begin(Plan { context: 3, ..plan(&sampler) }).is_err());
    }
}

#[test]
fn a_story_without_a_limit_ends_with_its_context() {
    let told = tell(Plan { max_tokens: usize::MAX, context: 30, ..plan(&future(8, 5)) });
    assert_eq!((told.tokens.len(), told.stop), (27, StopReason::Context));
    assert_eq!(Stories::room_for(&[Plan { max_tokens: usize::MAX, context: 30, ..plan(&sampler(&[])) }], 1), (30, 1));
}

#[test]
fn more_candidates_than_tokens_are_all_tokens() {
    let told = |candidates| tell(plan(&future(candidates, 5))).tokens;
    assert_eq!(told(V as usize), told(1_000_000));
    assert_eq!(tell(plan(&sampler(&["top-k = 1000000"]))).tokens, tell(plan(&sampler(&[]))).tokens);
}

#[test]
fn an_entropy_may_be_measured_over_the_whole_vocabulary_and_no_more() {
    assert_eq!(tell(plan(&future(8, V))).tokens.len(), 40);
    let mut toy = Toy::new(lexicon(), row);
    let refused = Stories::new(&mut toy, 1).begin(plan(&future(8, V + 1))).unwrap_err();
    assert_eq!(refused.to_string(), "`future.entropy-top` is 13, but the model's vocabulary has only 12 tokens");
}

#[test]
fn of_stop_strings_that_begin_alike_the_one_that_is_complete_first_ends_the_story() {
    let whole = tell(plan(&sampler(&[])));
    let words: Vec<&str> = whole.text.split_inclusive(char::is_whitespace).collect();
    let longer = words[5..8].concat();
    let shorter: String = longer.chars().take(longer.chars().count() - 3).collect();
    for stops in [[longer.clone(), shorter.clone()], [shorter.clone(), longer.clone()]] {
        let told = tell(Plan { stops: stops.to_vec(), ..plan(&sampler(&[])) });
        assert_eq!(told.text, whole.text.split(&shorter).next().unwrap());
        assert_eq!(told.stop, StopReason::Stop(shorter.clone()));
    }
    // One that never becomes complete holds text back, and gives it back at the end.
    let never = format!("{}!", &whole.text[whole.text.len() - 9..]);
    assert_eq!(tell(Plan { stops: vec![never], ..plan(&sampler(&[])) }).text, whole.text);
}

#[test]
fn a_vocabulary_of_control_tokens_fails_with_a_sentence() {
    let silent = || Lexicon::new((0..V).map(|t| (format!("<{t}>"), Kind::Control)));
    for sampler in [sampler(&[]), future(8, 5)] {
        let (told, heard) = tell_on(Toy::new(silent(), row), plan(&sampler));
        assert_eq!(told.failure(), Some("the model gives no word that may be taken a probability that is a number"));
        assert_eq!((told.tokens.len(), heard.left), (0, 0));
    }
}

#[test]
fn a_story_that_fails_keeps_every_word_before_it() {
    // After nine words no row says anything: it is met as the trunk's row by plain sampling, and as that of a candidate that
    // was looked at before it was taken by the future.
    let broken = |text: &[Token]| if text.len() < 12 { row(text) } else { vec![f32::NAN; V as usize] };
    for sampler in
        [sampler(&[]), future(8, 5), sampler(&["future = { candidates = 4, entropy-top = 5, alpha = 0 }", "top-p = 1"])]
    {
        let whole = tell(plan(&sampler));
        // The last three letters could begin a stop string, and are held back when the failure comes.
        let told_before: String = whole.tokens[..8].iter().map(|&token| lexicon().show(token)).collect();
        let stop = format!("{}#", &told_before[told_before.len() - 3..]);
        for stops in [Vec::new(), vec![stop]] {
            let (told, heard) = tell_on(Toy::new(lexicon(), broken), Plan { stops, ..plan(&sampler) });
            assert!(told.failure().unwrap().contains("a probability that is a number"));
            assert_eq!(heard.text, told.text, "what was told was not heard");
            assert!(heard.text.starts_with(&told_before), "{} does not begin with {told_before}", heard.text);
            assert_eq!((told.tokens.len(), heard.left), (9, 0));
        }
    }
}

#[test]
fn a_penalty_of_nothing_changes_nothing_however_it_grows() {
    let plain = tell(plan(&sampler(&["temperature = 0.3"])));
    let dry = sampler(&["dry = { multiplier = 0, base = 1e308, allowed-length = 1 }", "temperature = 0.3"]);
    assert_eq!(tell(plan(&dry)).tokens, plain.tokens);
}
