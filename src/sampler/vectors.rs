//! Value stability: what every stage leaves of one fixed row, to the last bit.
//!
//! `tests/stages/vectors.txt` holds for each stage the candidates and their logits, as the bits of an `f64` and as a number for
//! people. A changed bit there is a changed story. With `SNAPSHOTS=overwrite` the file is written anew, to be read before it is
//! committed: a new stage adds lines, and none that was there may change.

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::model::{Kind, Vocabulary};
    use crate::prob::{Candidates, Noise, Place, Token};
    use crate::sampler::binding::Binding;
    use crate::sampler::prepared::{Scene, run};
    use crate::sampler::{Ask, Chain, History, Pick, Reach, Sampler, Stage};

    /// The stages at their usual values and near their ends.
    const STAGES: &[&str] = &[
        "bias = { w3 = 1.5, w7 = -2 }",
        "ban = ['w0', 'w2', 'w5']",
        "penalties = { repeat = 1.3 }",
        "penalties = { repeat = 0.8, frequency = 0.3, presence = -0.2, last = 5 }",
        "dry = { multiplier = 0.8 }",
        "dry = { multiplier = 0.8, base = 1.3, allowed-length = 1, last = 'all', breakers = [], at = 'token' }",
        "top-n-sigma = 1",
        "top-n-sigma = 0.1",
        "top-k = 1",
        "top-k = 7",
        "typical = 0.2",
        "typical = 0.9",
        "top-p = 0.3",
        "top-p = 0.95",
        "min-p = 0.05",
        "min-p = 1",
        "top-h = 0.4",
        "top-h = 0.9",
        "xtc = { probability = 1, threshold = 0.1 }",
        "xtc = { probability = 1, threshold = 0.02 }",
        "temperature = 0",
        "temperature = 0.7",
        "temperature = { wave = { period = 7, phase = 0.1 } }",
        "dynamic-temperature = { low = 0.5, high = 1.5 }",
        "dynamic-temperature = { low = 0.1, high = 2, exponent = 2.5 }",
        "mirostat = { tau = 1 }",
        "mirostat = { tau = 2.5 }",
        "adaptive-p = { target = 0.3 }",
        "adaptive-p = { target = 0.9, decay = 0.5 }",
        "top-a = 0.3",
        "epsilon = 0.02",
        "eta = 0.05",
        "tail-free = 0.9",
        "quadratic = { factor = 0.2 }",
        "quadratic = { factor = 0.3, curve = 4 }",
        "min-p = { wave = { period = 7, phase = 0.1, below = 0 } }",
    ];

    /// `future` weighs rows that come after this one.
    const FUTURES: &[&str] = &[
        "future = { candidates = 6, entropy-top = 5, alpha = 0 }",
        "future = { candidates = 6, entropy-top = 5, alpha = -0.5 }",
        "future = { candidates = 6, entropy-top = 9, alpha = 0.6, curve = 'crossfade', end-of-text = 'article' }",
        "future = { candidates = 6, entropy-top = 5, alpha = 1, end-of-text = 'never' }",
        "future = { candidates = 6, entropy-top = 5, alpha = 0.3, ceiling = 0.75 }",
        "future = { candidates = 6, entropy-top = 5, alpha = 0.4, curve = 'openness' }",
        "shuffle = { candidates = 6, entropy-top = 5, alpha = 0 }",
    ];

    const V: Token = 24;

    /// A logit for every token: two that are equal, one that is none, and steps of eighths, which are exact.
    fn row(turned: Token) -> Vec<f32> {
        let eighth = |token: Token| f32::from(u8::try_from((token * 11 + turned * 5) % 29).unwrap()) / 4.0 - 2.375;
        (0..V).map(|token| if token == 21 { f32::NEG_INFINITY } else { eighth(token - u32::from(token == 13)) }).collect()
    }

    fn vocabulary() -> Vocabulary {
        Vocabulary::new((0..V).map(|token| match token {
            4 => ("</s>".to_owned(), Kind::End),
            9 => (".\n".to_owned(), Kind::Text),
            11 | 19 => (format!("ly{token}"), Kind::Text),
            _ => (format!(" w{token}"), Kind::Text),
        }))
    }

    /// Words that come again, and in the end a name of two pieces.
    const TEXT: [Token; 14] = [5, 3, 11, 7, 2, 5, 3, 11, 7, 1, 8, 5, 3, 11];

    fn stage(text: &str) -> Stage {
        toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// What the stage leaves of the row.
    fn left(text: &str) -> Vec<(Token, f64)> {
        let (vocabulary, history, stage) = (vocabulary(), History::of_prompt(&TEXT), stage(text));
        let bound = Binding::of(&Chain::new(vec![stage.clone()]).unwrap(), &vocabulary);
        let coins = Noise::new(7, &TEXT).at(0, 1);
        let mut scene =
            Scene { history: &history, place: &Place::default(), vocabulary: &vocabulary, bound: &bound, coins, thrown: 0 };
        let acts = scene.prepare(&[stage]);
        let mut candidates = Candidates::of(&row(0), |_| true).unwrap();
        run(&acts, &mut candidates, &[]);
        candidates.iter().map(|candidate| (candidate.token, candidate.logit)).collect()
    }

    /// The weights ln s of the candidates, in nats.
    fn weighed(text: &str) -> Vec<(Token, f64)> {
        let sampler = Sampler::new(Chain::new(vec![stage(text)]).unwrap(), Pick::Sample).with_reach(Reach::Exhaustive);
        let mut turn =
            sampler.bind(&vocabulary()).unwrap().turn(&History::of_prompt(&TEXT), &row(0), Noise::new(7, &TEXT)).unwrap();
        loop {
            match turn.ask() {
                Ask::Look(paths) => {
                    for path in &paths {
                        turn.learn(path, &row(path.0[0] + 1));
                    }
                }
                Ask::Take(draw) => return draw.candidates.iter().map(|one| (one.token, one.log_s.unwrap())).collect(),
            }
        }
    }

    fn told() -> String {
        let mut page = String::new();
        let mut tell = |stage: &str, numbers: Vec<(Token, f64)>| {
            writeln!(page, "{stage}").unwrap();
            for (token, x) in numbers {
                writeln!(page, "  {token:2} {:016x} {x:?}", x.to_bits()).unwrap();
            }
        };
        for stage in STAGES {
            tell(stage, left(stage));
        }
        for stage in FUTURES {
            tell(stage, weighed(stage));
        }
        page
    }

    #[test]
    fn every_stage_leaves_what_it_has_always_left_to_the_last_bit() {
        let (told, file) = (told(), "tests/stages/vectors.txt");
        if std::env::var("SNAPSHOTS").is_ok_and(|action| action == "overwrite") {
            std::fs::write(file, &told).unwrap();
        }
        let kept = std::fs::read_to_string(file).unwrap();
        for (line, (now, then)) in told.lines().zip(kept.lines()).enumerate() {
            assert_eq!(now, then, "line {} of {file}", line + 1);
        }
        assert_eq!(told, kept);
    }
}
