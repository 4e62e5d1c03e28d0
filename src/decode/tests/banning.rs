//! What is not to be said, and is told otherwise.

use std::sync::Arc;

use super::ledger::Ledger;
use super::*;
use crate::bans::{Bans, Matcher, Redraw};
use crate::decode::{Continuation, StoryStep, decide};
use crate::model::Model;
use crate::prob::{Bits, Candidates, Rate};
use crate::sampler::{Draw, Mirostat};
use crate::story::Rewind;

/// Phrases that the toy says now and then: words of its own, one by one and two together.
const PHRASES: [&str; 5] = ["w1", "w5 w2", "w4 w7", "w8", "w10 w2"];

fn bans(phrases: &[&str], at: Redraw) -> Arc<Matcher> {
    let phrases = phrases.iter().map(ToString::to_string).collect();
    Arc::new(Matcher::new(Bans { phrases, at, ..Bans::default() }).unwrap())
}

fn banning(plan: Plan, phrases: &[&str], at: Redraw) -> Plan {
    let sampler = plan.sampler.with_bans(Some(bans(phrases, at)));
    Plan { sampler, ..plan }
}

/// Whether a text holds any of these phrases, as whole words.
fn says(text: &str, phrases: &[&str]) -> bool {
    let mut watch = crate::bans::Watch::new(bans(phrases, Redraw::Start));
    watch.push(text.as_bytes()).or(watch.finish()).is_some()
}

fn plain(stages: &[&str]) -> Sampler {
    let stages = stages.iter().map(|stage| toml::from_str::<Stage>(stage).unwrap());
    Sampler::new(Chain::new(stages.collect()).unwrap(), Pick::Sample)
}

#[test]
fn nothing_banned_is_told_and_all_that_is_heard_is_the_story() {
    for (number, at) in [Redraw::Start, Redraw::End, Redraw::Auto].into_iter().enumerate() {
        let mut hits = 0;
        for (alpha, horizon) in [("-1", "token"), ("0", "token"), ("1", "word")] {
            for seed in 0..12 {
                let plan = banning(plan(&sampler(alpha, horizon), &[1, 4], 100 * number as u64 + seed), &PHRASES, at);
                let ear = hear(&mut toy(), 2, vec![plan], Ear::default());
                let ended = &ear.ended[&0];
                let Completion { text, tokens, banned, stop, .. } = &ended.completion;
                assert_eq!((says(text, &PHRASES), banned.stood.len()), (false, 0), "{text}");
                assert_eq!(*text, ear.text(0));
                let told: Vec<u8> = vocabulary().bytes(tokens);
                assert_eq!(String::from_utf8(told).unwrap().trim_end_matches("</s>"), text);
                assert!(tokens.len() == 60 || *stop == StopReason::End, "{} tokens, {stop:?}", tokens.len());
                assert_eq!(ended.completion.counts.tokens, tokens.len());
                hits += banned.rewinds.len();
                for rewind in &banned.rewinds {
                    assert!(says(&rewind.text, &PHRASES), "{rewind:?} in {text} of {banned:?}");
                    assert!(PHRASES.contains(&rewind.ban.as_str()) && rewind.text.ends_with(&rewind.ban), "{rewind:?}");
                }
            }
        }
        assert!(hits > 12, "only {hits} bans were met");
    }
}

#[test]
fn a_story_that_says_nothing_banned_is_the_one_told_without_bans() {
    for seed in 0..20 {
        let free = plan(&sampler("0", "token"), &[1, 4], seed);
        let told = tell_one(2, free.clone());
        let never = tell_one(2, banning(free, &["no such words", "w99"], Redraw::Auto));
        assert_eq!(told, never);
    }
}

/// How often each outcome came, against what is to be expected of it.
fn chi_squared(counts: &BTreeMap<Vec<Token>, usize>, expected: &BTreeMap<Vec<Token>, f64>, all: usize) -> f64 {
    assert!(counts.keys().all(|outcome| expected.contains_key(outcome)), "{counts:?}");
    let square = |(outcome, p): (&Vec<Token>, &f64)| {
        let (is, should) = (counts.get(outcome).copied().unwrap_or_default() as f64, p * all as f64);
        (is - should).powi(2) / should
    };
    expected.iter().map(square).sum()
}

#[test]
fn what_is_drawn_instead_is_what_drawing_without_it_draws() {
    // Of three words: " w1" is likeliest, and behind it " w2"; "w1 w2" is not to be said.
    let words = Vocabulary::new([" w0", " w1", " w2"].map(|piece| (piece, Kind::Text)));
    let first = [0.2, 0.5, 0.3_f64];
    let second = |before: usize| if before == 1 { [0.1, 0.3, 0.6] } else { [0.4, 0.4, 0.2_f64] };
    #[allow(clippy::cast_possible_truncation)]
    let logits = |p: [f64; 3]| p.map(|p| p.ln() as f32).to_vec();
    let told = |seed: u64, at: Redraw| {
        let rows =
            move |text: &[Token]| if text.len() == 1 { logits(first) } else { logits(second(text[text.len() - 1] as usize)) };
        let plan = banning(Plan::new(plain(&[]), vec![0], seed, 2), &["w1 w2"], at);
        tell(&mut Toy::new(words.clone(), rows), 1, vec![plan]).remove(0).tokens
    };
    let all = 20_000;
    let counted = |at: Redraw| {
        let mut counts = BTreeMap::new();
        (0..all as u64).for_each(|seed| *counts.entry(told(seed, at)).or_default() += 1);
        counts
    };
    let tokens = |a: usize, b: usize| [a, b].map(|token| Token::try_from(token).unwrap()).to_vec();
    let free = |a: usize, b: usize| first[a] * second(a)[b];
    let outcomes = || (0..3).flat_map(|a| (0..3).map(move |b| (a, b))).filter(|&(a, b)| (a, b) != (1, 2));
    // From the start: another first word, by its share among the others.
    let start = outcomes().map(|(a, b)| {
        let instead = if a == 1 { 0.0 } else { first[1] * second(1)[2] * first[a] / (1.0 - first[1]) * second(a)[b] };
        (tokens(a, b), free(a, b) + instead)
    });
    // At the end: another last word.
    let end = outcomes().map(|(a, b)| {
        let instead = if a == 1 { free(1, 2) * second(1)[b] / (1.0 - second(1)[2]) } else { 0.0 };
        (tokens(a, b), free(a, b) + instead)
    });
    for (at, expected) in [(Redraw::Start, start.collect::<BTreeMap<_, _>>()), (Redraw::End, end.collect())] {
        assert!((expected.values().sum::<f64>() - 1.0).abs() < 1e-12);
        let chi = chi_squared(&counted(at), &expected, all);
        // Seven degrees of freedom: beyond 24.3 lies one of a thousand.
        assert!(chi < 24.3, "{at:?}: {chi}");
    }
}

#[test]
fn a_first_word_that_is_to_come_less_often_does_by_its_factor_and_lazily_as_fully() {
    let leaning = |sampler: &Sampler, bias: f64| {
        let phrases = vec!["w1 w9".to_owned(), "w2 w9".to_owned()];
        sampler.with_bans(Some(Arc::new(Matcher::new(Bans { phrases, bias, ..Bans::default() }).unwrap())))
    };
    // Without a future: p·e^b among all, of the tokens with which a first word is whole.
    let words = Vocabulary::new([" w0", " w1", " w2", " w"].map(|piece| (piece, Kind::Text)));
    let p = [0.2, 0.4, 0.1, 0.3_f64];
    #[allow(clippy::cast_possible_truncation)]
    let row = p.map(|p| p.ln() as f32).to_vec();
    let (all, sampler) = (20_000, leaning(&plain(&[]), -1.0));
    let mut counts: BTreeMap<Vec<Token>, usize> = BTreeMap::new();
    for seed in 0..all as u64 {
        let row = row.clone();
        let mut toy = Toy::new(words.clone(), move |_| row.clone());
        let told = tell(&mut toy, 1, vec![Plan::new(sampler.clone(), vec![0], seed, 1)]).remove(0);
        *counts.entry(told.tokens).or_default() += 1;
    }
    let weights = [p[0], p[1] * (-1.0_f64).exp(), p[2] * (-1.0_f64).exp(), p[3]];
    let sum: f64 = weights.iter().sum();
    let expected = (0..4).zip(weights).map(|(token, weight)| (vec![token], weight / sum)).collect();
    let chi = chi_squared(&counts, &expected, all);
    // Three degrees of freedom: beyond 16.3 lies one of a thousand.
    assert!(chi < 16.3, "{chi}");
    // With one: lazily and fully the same, and another story than without.
    let mut others = 0;
    for seed in 0..12 {
        let told = |sampler: &Sampler| tell_one(2, plan(sampler, &[1, 4], seed)).tokens;
        let free = super::sampler("0.3", "token");
        let lazy = leaning(&free, -2.5);
        assert_eq!(told(&lazy), told(&lazy.with_reach(Reach::Exhaustive)));
        others += usize::from(told(&lazy) != told(&leaning(&free, 0.0)));
    }
    assert!(others > 6, "{others}");
}

#[test]
fn the_memory_of_a_story_that_went_back_is_that_of_its_text() {
    // Every row is a function of the text: so a story whose tokens were all likely where they stand was told from its own text.
    for steps_back in [true, false] {
        let mut ledger = Ledger::new(Room { cells: 4000, branches: 60, batch: 256 }, steps_back);
        let before = ledger.room();
        let plans: Vec<Plan> =
            (0..6).map(|seed| banning(plan(&sampler("-1", "token"), &[1, 4], seed), &PHRASES, Redraw::Start)).collect();
        let told = tell(&mut ledger, 2, plans.clone());
        assert_eq!(ledger.room(), before);
        assert!(told.iter().map(|told| told.banned.rewinds.len()).sum::<usize>() > 3);
        for (plan, told) in plans.iter().zip(&told) {
            let mut text = plan.prompt.clone();
            let mut log_p = 0.0;
            for (token, surprisal) in told.tokens.iter().zip(&told.carried.surprisals) {
                let row = row(&text);
                let own = crate::prob::Partition::of(&row).unwrap().log_p(row[*token as usize]);
                assert_eq!(-own, *surprisal);
                log_p += own;
                text.push(*token);
            }
            assert!((log_p - told.log_p).abs() < 1e-9);
            assert_eq!(told.carried.surprisals.len(), told.tokens.len());
            // Told beside others or alone, in a memory that steps back or reads again: the same story.
            assert_eq!(tell_one(2, plan.clone()).tokens, told.tokens);
        }
    }
}

#[test]
fn what_a_stage_remembers_goes_back_with_the_story() {
    let stage = Mirostat { tau: Bits::new(2.0).unwrap(), eta: Rate::new(0.3).unwrap() };
    let steered = plain(&["mirostat = { tau = 2.0, eta = 0.3 }"]);
    for seed in 0..8 {
        let plan = banning(plan(&steered, &[1, 4], seed), &PHRASES, Redraw::Start);
        let told = tell_one(1, plan.clone());
        assert!(!told.banned.rewinds.is_empty());
        // What each place did without in the end.
        let mut without: BTreeMap<usize, Vec<Token>> = BTreeMap::new();
        for rewind in &told.banned.rewinds {
            without.retain(|&step, _| step <= rewind.at);
            without.entry(rewind.at).or_default().push(rewind.tokens[0]);
        }
        let (mut mu, mut text) = (stage.begin(), plan.prompt.clone());
        for (step, &token) in told.tokens.iter().enumerate() {
            let mut row = row(&text);
            without.get(&step).into_iter().flatten().for_each(|&token| row[token as usize] = f32::NEG_INFINITY);
            let mut left = Candidates::of(&row, |_| true).unwrap();
            stage.cut(&mut left, mu);
            mu = stage.follow(mu, left.log_p(token).unwrap());
            text.push(token);
        }
        let off = (told.carried.feedback.unwrap() - mu).abs();
        assert!(off < 1e-9, "μ is {off} off");
    }
}

/// The draws of a story, and what came of it.
fn draws(plan: Plan) -> (Vec<Draw>, Completion) {
    #[derive(Default)]
    struct Draws(Vec<Draw>, Option<Completion>);

    impl Observer for Draws {
        fn told(&mut self, _: usize, told: &Told) -> ControlFlow<()> {
            self.0.push(told.draw.clone());
            ControlFlow::Continue(())
        }

        fn ended(&mut self, _: usize, ended: Ended) {
            self.1 = Some(ended.completion);
        }
    }

    let mut heard = Draws::default();
    drive(&mut Stories::new(&mut toy(), 2), 1, &mut each([plan]), &mut heard, &Cancel::new());
    (heard.0, heard.1.unwrap())
}

#[test]
fn every_token_of_a_story_that_went_back_is_decided_again_as_it_was() {
    let (mut rewinds, mut behind) = (0, 0);
    for (number, at) in [Redraw::Start, Redraw::End, Redraw::Auto].into_iter().enumerate() {
        for sampler in [sampler("-1", "token"), sampler("0.6", "word"), plain(&["mirostat = { tau = 2.0 }"])] {
            for seed in 0..2 {
                let own = banning(plan(&sampler, &[1, 4], 10 * number as u64 + seed), &PHRASES, at);
                let shown = Plan { sampler: own.sampler.with_reach(Reach::Exhaustive).with_detail(), ..own.clone() };
                let (shown, told) = draws(shown);
                let lazy = tell_one(2, own.clone());
                assert_eq!((lazy.tokens, lazy.banned), (told.tokens.clone(), told.banned.clone()));
                rewinds += told.banned.rewinds.len();
                let back = |at: usize| told.banned.rewinds.iter().any(|back| back.at == at);
                for (at, draw) in shown.iter().enumerate().filter(|(at, _)| at % 7 == 0 || back(*at)) {
                    let before = &told.tokens[..at];
                    let (mut model, plans) = (toy(), [own.clone()]);
                    let place = StoryStep {
                        plans: &plans,
                        which: 0,
                        told: before,
                        rewinds: &told.banned.rewinds,
                        own: Some(told.tokens[at]),
                    };
                    let again = decide(&mut model, &own.sampler, place, 2, 2, &mut (), &Cancel::new()).unwrap().unwrap();
                    assert_eq!(
                        (&again.draw, again.strayed, model.living()),
                        (draw, None, 0),
                        "token {at} of {:?}",
                        told.banned
                    );
                    behind += usize::from(told.banned.time_of(at) > 0);
                }
            }
        }
    }
    assert!(rewinds > 20 && behind > 60, "{rewinds} rewinds, {behind} tokens behind one");
}

#[test]
fn a_story_that_others_told_is_explained_only_as_far_as_it_goes_back_where_it_did() {
    let own = banning(plan(&sampler("-1", "token"), &[1, 4], 1), &PHRASES, Redraw::Start);
    let told = tell_one(2, own.clone());
    let first = told.banned.rewinds[0].at;
    let decided = |rewinds: &[Rewind], at: usize| {
        let plans = [own.clone()];
        let place = StoryStep { plans: &plans, which: 0, told: &told.tokens[..at], rewinds, own: None };
        decide(&mut toy(), &own.sampler, place, 1, 2, &mut (), &Cancel::new())
    };
    assert!(decided(&told.banned.rewinds, first + 2).is_ok());
    let other = |tokens: &[Token]| {
        let mut rewinds = told.banned.rewinds.clone();
        rewinds[0].tokens = tokens.to_vec();
        decided(&rewinds, first + 2).unwrap_err().to_string()
    };
    // " w8" stands behind another word there, and so it is to that place that it goes back.
    let refused = other(&[0, 8, 11]);
    assert!(refused.contains(&format!("goes back to its token {}", first + 2)), "{refused}");
    // With nothing that is banned it never goes back there, and the place is not found.
    let refused = other(&[0, 0]);
    assert!(refused.starts_with("told again the story "), "{refused}");
}

#[test]
fn a_story_that_went_back_and_is_gone_on_with_is_the_one_told_at_once() {
    let mut behind = 0;
    for seed in 0..8 {
        let plan = banning(plan(&sampler("-1", "token"), &[1, 4], seed), &PHRASES, Redraw::Start);
        let whole = tell_one(2, plan.clone());
        for at in [7, 20, 33] {
            let kept = &whole.tokens[..at.min(whole.tokens.len())];
            let time = whole.banned.time_of(kept.len());
            let continuation = Continuation { told: kept.len(), planned: Some(60), time, ..Continuation::default() };
            let prompt = [&plan.prompt[..], kept].concat();
            let on = Plan { prompt, max_tokens: 60 - kept.len(), ..plan.clone() }.going_on(continuation);
            let on = tell_one(2, on);
            assert_eq!([kept, &on.tokens].concat(), whole.tokens, "from {at} of {:?}", whole.banned);
            behind += usize::from(time > 0);
        }
    }
    assert!(behind > 8, "{behind}");
}

#[test]
fn a_phrase_over_the_seam_of_the_prompt_is_not_completed() {
    // The prompt ends with " w1": no story begins with " w2".
    for seed in 0..60 {
        let told = tell_one(1, banning(plan(&sampler("-1", "token"), &[4, 1], seed), &["w1 w2"], Redraw::Start));
        assert!(!says(&format!(" w4 w1{}", told.text), &["w1 w2"]), "{}", told.text);
    }
}

#[test]
fn a_stop_that_is_complete_first_ends_the_story_and_one_behind_a_ban_does_not() {
    let mut stopped = 0;
    for seed in 0..60 {
        let free = Plan { stops: vec![" w1".to_owned()], ..plan(&sampler("-1", "token"), &[4, 4], seed) };
        let told = tell_one(1, banning(free, &["w2 w1", "w1 w2"], Redraw::Start));
        assert!(!told.text.contains(" w1") && !says(&told.text, &["w2 w1", "w1 w2"]), "{}", told.text);
        stopped += usize::from(matches!(told.stop, StopReason::Stop(_)));
    }
    assert!(stopped > 30, "{stopped}");
}

#[test]
fn where_nothing_else_can_come_it_stands_and_is_counted() {
    let words = Vocabulary::new([" w0", " w1"].map(|piece| (piece, Kind::Text)));
    // Only " w1" is ever possible behind " w1".
    let rows = |text: &[Token]| if text.last() == Some(&1) { vec![f32::NEG_INFINITY, 0.0] } else { vec![0.0, 0.0] };
    let plan = banning(Plan::new(plain(&[]), vec![1], 7, 12), &["w1 w1"], Redraw::Auto);
    let told = tell(&mut Toy::new(words, rows), 1, vec![plan]).remove(0);
    assert_eq!((told.tokens.len(), told.failure()), (12, None));
    let stood = &told.banned.stood;
    assert!(stood.iter().all(|stood| told.tokens[stood.at] == 1 && stood.ban == "w1 w1"));
    assert!(!stood.is_empty(), "{:?}", told.banned);
}

#[test]
fn a_weaker_ban_says_it_less_often_and_not_never() {
    let said = |strength: f64| {
        let bans = Bans { phrases: vec!["w1".to_owned()], strength, at: Redraw::Start, ..Bans::default() };
        let bans = Some(Arc::new(Matcher::new(bans).unwrap()));
        let stories = (0..40).map(|seed| plan(&plain(&[]).with_bans(bans.clone()), &[4], seed));
        stories.map(|plan| tell_one(1, plan).text.matches(" w1 ").count()).sum::<usize>()
    };
    let (free, half, full) = (said(0.001), said(0.5), said(1.0));
    assert!(full == 0 && half > 0 && half < free, "{full} < {half} < {free}");
}

#[test]
fn a_ban_is_seen_coming() {
    // Behind " w1" only " w2" comes, which is not to be said there: looking ahead, " w1" is not drawn at all.
    let words = Vocabulary::new([" w0", " w1", " w2"].map(|piece| (piece, Kind::Text)));
    let rows = |text: &[Token]| match text.last() {
        Some(1) => vec![-9.0, -9.0, 9.0],
        _ => vec![0.0, 1.0, 0.0],
    };
    let future = "future = { candidates = 3, entropy-top = 3, alpha = -0.5 }";
    let rewinds = |stage: &[&str]| {
        let plans = (0..20).map(|seed| banning(Plan::new(plain(stage), vec![0], seed, 30), &["w1 w2"], Redraw::Start));
        let told = plans.map(|plan| tell(&mut Toy::new(words.clone(), rows), 1, vec![plan]).remove(0));
        told.map(|told| told.banned.rewinds.len()).sum::<usize>()
    };
    let (blind, seeing) = (rewinds(&[]), rewinds(&[future]));
    assert!(blind > 50 && seeing * 20 < blind, "{seeing} against {blind}");
}

#[test]
fn who_leaves_while_text_is_held_has_heard_what_is_certain() {
    let plan = banning(plan(&sampler("0", "token"), &[1, 4], 3), &PHRASES, Redraw::Start);
    let whole = tell_one(2, plan.clone());
    for tokens in 1..30 {
        let ear = hear(&mut toy(), 2, vec![plan.clone()], Ear { leaves: Some((0, tokens)), ..Ear::default() });
        let ended = &ear.ended[&0].completion;
        assert!(whole.text.starts_with(&ended.text), "{:?} is no beginning of {:?}", ended.text, whole.text);
        assert_eq!(ended.tokens, whole.tokens[..ended.tokens.len()]);
        assert_eq!(ended.text, ear.text(0));
    }
}
