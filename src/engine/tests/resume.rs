//! A recorded story that is gone on with is the story told at once.

use super::story::{explained, preset, recorded_of, recorded_plan, replayed};
use super::*;
use crate::decode::Counts;
use crate::preset::{Folders, Preset, read};
use crate::story::{Record, StopReason};

fn begin(engine: &Engine, preset: &Preset, request: &StoryRequest) -> (Record, Listener) {
    let prompt = prompt(engine, "the sea ");
    let plan = engine.plan(&preset.sampler().with_detail(), &prompt, request).unwrap();
    recorded_plan(engine, preset, &prompt, &plan, None)
}

/// What the story of a record becomes behind what stands of it, through a file.
fn on(engine: &Engine, record: &Record, at: Option<usize>, take: Option<&str>, request: &StoryRequest) -> (Record, Listener) {
    let record = Record::parse(&record.to_json().unwrap()).unwrap();
    let preset = Preset::of_record(&record.resolved).unwrap();
    let standing = engine.standing(&record, at, take).unwrap();
    let sampler = preset.sampler().with_detail();
    let plan = engine.resume(&sampler, &record, &standing, request).unwrap();
    recorded_plan(engine, &preset, &Prompt::of_record(&record), &plan, None)
}

/// What of a record is the story, and not how it came to be told.
fn story(record: &Record) -> impl PartialEq + std::fmt::Debug {
    let Record { prompt, healed, text, tokens, prompt_tokens, stop, seed, .. } = record.clone();
    (prompt, healed, text, tokens, prompt_tokens, stop, seed, (record.mean_log_p * 1e9).round())
}

#[test]
fn twelve_tokens_and_twelve_more_are_the_twenty_four_of_every_shipped_preset() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut presets: Vec<Preset> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| read(&path, &Folders::default()).unwrap())
        .collect();
    assert!(presets.len() >= 11);
    for chain in ["mirostat = { tau = 2, eta = 0.5 }", "adaptive-p = { target = 0.3, decay = 0.9 }"] {
        presets.push(crate::preset::parse(&format!("[[chain]]\nmin-p = 0.01\n[[chain]]\n{chain}\n"), "test").unwrap());
    }
    let engine = engine();
    let mut told = 0;
    for preset in presets.iter().filter(|preset| preset.chain.measured().is_none()) {
        for seed in 0..3 {
            let (whole, _) = begin(&engine, preset, &StoryRequest::new(seed, 24));
            let (half, _) = begin(&engine, preset, &StoryRequest::new(seed, 12));
            if half.stop != StopReason::Tokens || whole.tokens.len() < 24 {
                continue;
            }
            let (resumed, listener) = on(&engine, &half, None, None, &StoryRequest::new(seed, 12));
            assert_eq!(story(&resumed), story(&whole), "{preset:?}");
            assert_eq!((resumed.run.limit, resumed.stood(), resumed.feedback), (24, 12, whole.feedback));
            assert!(whole.text.ends_with(&listener.text) && listener.draws.len() == 12);
            // Once more, and what it is told again to is what was told since.
            let (thrice, _) = on(&engine, &resumed, None, None, &StoryRequest::new(seed, 6));
            assert_eq!((&thrice.tokens[..24], thrice.tokens.len().min(25)), (&whole.tokens[..], 25));
            assert_eq!(parting(&thrice, &replayed(&engine, &thrice)), None);
            assert_eq!(parting(&resumed, &replayed(&engine, &resumed)), None);
            told += 1;
        }
    }
    assert!(told > 20, "{told}");
}

#[test]
fn from_any_place_the_same_words_come_again_and_under_another_seed_others() {
    let engine = engine();
    let (record, _) = begin(&engine, &preset(), &StoryRequest::new(3, 20));
    assert_eq!(record.tokens.len(), 20);
    for at in 1..=20 {
        let (again, _) = on(&engine, &record, Some(at), None, &StoryRequest::new(3, 21 - at));
        assert_eq!((&again.tokens, &again.text), (&record.tokens, &record.text), "from token {at}");
        let (other, _) = on(&engine, &record, Some(at), None, &StoryRequest::new(4, 30));
        assert_eq!(other.tokens[..at - 1], record.tokens[..at - 1]);
        assert_ne!(other.tokens, record.tokens);
    }
}

#[test]
fn a_word_that_is_taken_stands_there_and_the_story_goes_on_behind_it() {
    let engine = engine();
    let (record, _) = begin(&engine, &preset(), &StoryRequest::new(3, 20));
    let text = |tokens: &[Token]| engine.vocabulary().text(tokens);
    for (at, word, count) in [(7, "upon ", 1), (7, "a wolf,", 7), (21, ".", 1)] {
        let (taken, _) = on(&engine, &record, Some(at), Some(word), &StoryRequest::new(3, 8));
        let resumed = taken.resumed.unwrap();
        assert_eq!((resumed.tokens, resumed.taken), (at - 1 + count, count));
        assert_eq!(text(&taken.tokens[at - 1..at - 1 + count]), word);
        assert_eq!(taken.text, text(&taken.tokens)[taken.healed.len()..]);
        // Whoever takes the word and goes on in two steps comes to the same.
        let (first, _) = on(&engine, &record, Some(at), Some(word), &StoryRequest::new(3, 3));
        let (second, listener) = on(&engine, &first, None, None, &StoryRequest::new(3, 5));
        assert_eq!((&second.tokens, &second.text), (&taken.tokens, &taken.text));
        assert_eq!(parting(&taken, &replayed(&engine, &taken)), None);
        // What was told since is explained as it was decided; what stood is another record's.
        let replay = Replay::of(&second).unwrap();
        for (at, draw) in listener.draws.iter().enumerate() {
            let decided = explained(&engine, &Question::within(&replay, &second, second.stood() + at).unwrap());
            assert_eq!((decided.draw.token, decided.draw.log_p, decided.strayed), (draw.token, draw.log_p, None));
        }
        let earlier = Question::within(&replay, &second, second.stood() - 1).unwrap_err();
        assert_eq!(earlier.remedy, Remedy::EarlierRecord);
        assert!(Question::within(&replay, &second, second.tokens.len()).is_err());
    }
    // The word that the story has there changes nothing.
    let own = text(&record.tokens[4..5]);
    let (same, _) = on(&engine, &record, Some(5), Some(&own), &StoryRequest::new(3, 15));
    assert_eq!(same.tokens, record.tokens);
    // The first token spells the writer's blank, whether the word that is taken does or not.
    for word in [" a", "a"] {
        let (first, _) = on(&engine, &record, Some(1), Some(word), &StoryRequest::new(3, 5));
        assert!(first.text.starts_with('a') && text(&first.tokens).starts_with(" a"), "{:?}", first.text);
    }
}

#[test]
fn a_story_that_the_model_ended_goes_on_without_that_end() {
    // Every second token is an end, as far as the model is asked.
    let last = Token::try_from(vocabulary().len() - 1).unwrap();
    let rows = move |text: &[Token]| {
        let mut row = row(text);
        row[last as usize] = if text.len() > 12 { 9.0 } else { -9.0 };
        row
    };
    let engine = engine_of(ToyBackend::new(vocabulary(), rows), |_| ());
    let (record, _) = begin(&engine, &preset(), &StoryRequest::new(3, 40));
    assert_eq!((&record.stop, record.tokens.last()), (&StopReason::End, Some(&last)));
    let (longer, _) = on(&engine, &record, None, None, &StoryRequest::new(3, 40));
    let stood = record.tokens.len() - 1;
    assert_eq!((longer.stood(), &longer.tokens[..stood]), (stood, &record.tokens[..stood]));
    assert!(longer.tokens.len() > record.tokens.len() && longer.text.starts_with(&record.text));
    assert_eq!(parting(&longer, &replayed(&engine, &longer)), None);
}

#[test]
fn what_cannot_be_gone_on_with_is_refused_with_what_helps() {
    let engine = engine();
    let (record, _) = begin(&engine, &preset(), &StoryRequest::new(3, 20));
    let refused = |record: &Record, at, take| {
        let refused = refusal(&engine.standing(record, at, take).unwrap_err());
        assert!(refused.is_usage);
        (refused.message, refused.remedy)
    };
    let none = Record { tokens: Vec::new(), ..record.clone() };
    assert_eq!(refused(&none, None, None).1, Remedy::TellAgain);
    assert_eq!(refused(&Record { prompt_tokens: Vec::new(), ..record.clone() }, None, None).1, Remedy::TellAgain);
    assert_eq!(
        refused(&record, Some(21), None),
        ("the story has 20 tokens, and none with the number 21".to_owned(), Remedy::PlaceUpTo(20))
    );
    assert_eq!(refused(&record, Some(22), Some("a")).1, Remedy::PlaceUpTo(21));
    assert_eq!(refused(&record, Some(2), Some("Ω")), ("the model's vocabulary cannot write `Ω`".to_owned(), Remedy::OtherWord));
    // A record that cannot be: more stood than there is.
    let mut torn = record.clone();
    torn.resumed = Some(crate::story::Resumed { tokens: 99, taken: 0, feedback: None });
    assert!(Replay::of(&torn).is_err() && torn.stood() == 20);
    assert_eq!(Counts::default().tokens, 0);
}

#[test]
fn what_was_told_before_ends_no_story_at_once_for_its_length() {
    let engine = engine();
    let prompt = prompt(&engine, "the sea ");
    let least = StoryRequest { min_tokens: 18, ..StoryRequest::new(3, 20) };
    let (record, _) = recorded_of(&engine, &prompt, &least, None);
    // The least number is that of the whole story, and may be above how many more are told.
    let (longer, _) = on(&engine, &record, None, None, &StoryRequest { min_tokens: 24, ..StoryRequest::new(3, 6) });
    assert_eq!((longer.tokens.len(), longer.run.min_tokens, longer.run.limit), (26, 24, 26));
}
