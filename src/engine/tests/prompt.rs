//! How prompts are put.

use super::*;
use crate::story::Mode;

fn spec(text: &str) -> PromptSpec {
    PromptSpec { text: text.to_owned(), is_typed: true, ..PromptSpec::default() }
}

fn put(engine: &Engine, spec: &PromptSpec) -> anyhow::Result<Prompt> {
    engine.prompt(spec, occasion(), &mut (), &Cancel::new())
}

fn instruct() -> Engine {
    engine_of(toy().with_template(TEMPLATE), |_| ())
}

#[test]
fn a_typed_instruction_is_a_request_where_the_model_has_a_template() {
    let request = spec("write a story .");
    let asked = put(&instruct(), &request).unwrap();
    let Mode::Chat(chat) = &asked.mode else { panic!("{:?}", asked.mode) };
    assert_eq!(chat.rendered, "<user>write a story .<assistant>");
    assert_eq!(asked.notes, [Note::TakenAsInstruction]);
    // A base model goes on with what it is given, and nothing was decided.
    let raw = put(&engine(), &request).unwrap();
    assert_eq!((raw.mode, raw.notes.as_slice()), (Mode::Raw, &[][..]));
    // A text that lay ready is one to go on from, and so is what does not read like an instruction.
    for text in [PromptSpec { is_typed: false, ..request.clone() }, spec("once upon a time ,")] {
        let raw = put(&instruct(), &text).unwrap();
        assert_eq!((raw.mode, raw.notes.as_slice()), (Mode::Raw, &[Note::TakenAsBeginning][..]));
    }
    let raw = put(&instruct(), &PromptSpec { put: Put::Raw, ..request }).unwrap();
    assert_eq!((raw.mode, raw.notes.as_slice()), (Mode::Raw, &[][..]));
}

#[test]
fn what_asks_for_a_chat_decides_and_a_base_model_has_none() {
    let chat = PromptSpec { put: Put::Chat, ..spec("the sea") };
    let system = PromptSpec { system: Some("you tell".to_owned()), ..spec("the sea") };
    let prefill = PromptSpec { prefill: Some("once ".to_owned()), ..spec("the sea") };
    let thinks = PromptSpec { thinks: true, ..spec("the sea") };
    for (asks, what) in [
        (&chat, AsksForChat::Put),
        (&system, AsksForChat::System),
        (&prefill, AsksForChat::Prefill),
        (&thinks, AsksForChat::Thinking),
    ] {
        assert!(matches!(put(&instruct(), asks).unwrap().mode, Mode::Chat(_)));
        let refused = refusal(&put(&engine(), asks).unwrap_err());
        assert_eq!((refused.remedy, refused.is_usage), (Remedy::NoChat(what), true));
    }
    let asked = put(&instruct(), &prefill).unwrap();
    assert_eq!((asked.beginning(), asked.story("upon ").as_str()), ("once ", "once upon "));
    assert_eq!((asked.notes.as_slice(), asked.healed.as_str()), (&[][..], "once "));
    assert_eq!(put(&instruct(), &thinks).unwrap().notes, [Note::NoThinking]);
}

#[test]
fn a_system_text_without_a_place_stands_before_the_prompt() {
    let source = "{% for m in messages %}{% if m.role == 'user' %}<user>{{ m.content }}{% endif %}{% endfor %}<assistant>";
    let engine = engine_of(toy().with_template(source), |_| ());
    let asked = put(&engine, &PromptSpec { system: Some("you tell".to_owned()), ..spec("the sea") }).unwrap();
    let Mode::Chat(chat) = asked.mode else { panic!("no chat") };
    assert_eq!(
        (chat.rendered.as_str(), asked.notes.as_slice()),
        ("<user>you tell\n\nthe sea<assistant>", &[Note::SystemBeforePrompt][..])
    );
}

#[test]
fn a_template_that_fails_can_be_left_out() {
    let engine = engine_of(toy().with_template("{{ raise_exception('no') }}"), |_| ());
    let error = put(&engine, &PromptSpec { put: Put::Chat, ..spec("the sea") }).unwrap_err();
    assert_eq!(refusal(&error).remedy, Remedy::Raw);
    assert!(error.to_string().starts_with("the chat template of `toy` fails: "), "{error}");
}

#[test]
fn names_of_control_tokens_in_a_prompt_are_letters_unless_they_are_to_be_tokens() {
    let text = "the <user>";
    // The toy cannot write these letters.
    assert!(put(&engine(), &spec(text)).is_err());
    let parsed = put(&engine(), &PromptSpec { parse_special: true, ..spec(text) }).unwrap();
    let user = engine().backend().token_named("<user>").unwrap();
    assert_eq!(parsed.tokens.last(), Some(&user));
}

#[test]
fn a_prompt_without_room_for_a_story_says_what_helps() {
    let short = |trained, context: Option<usize>| {
        engine_of(toy().trained_for(trained), move |options| options.context = context.and_then(NonZeroUsize::new))
    };
    let text = "abc".repeat(10);
    let remedy = |engine: &Engine| refusal(&put(engine, &spec(&text)).unwrap_err()).remedy;
    assert_eq!(remedy(&short(40, Some(30))), Remedy::LargerContext(40));
    assert_eq!(remedy(&short(20, None)), Remedy::LastBytes(15));
    assert!(put(&short(40, Some(31)), &spec(&text)).is_ok());
    // So long a text is not cut at all: no token is longer than 11 bytes.
    let long = "a".repeat(11 * 20 + 1);
    assert_eq!(refusal(&put(&short(20, None), &spec(&long)).unwrap_err()).remedy, Remedy::ShorterPrompt);
    assert_eq!(refusal(&put(&short(40, Some(20)), &spec(&long)).unwrap_err()).remedy, Remedy::LargerContext(40));
}

#[test]
fn what_ends_oddly_is_told_of() {
    let notes = |text: &str, is_typed| {
        let heal = Heal::Off;
        let spec = PromptSpec { text: text.to_owned(), is_typed, heal, ..PromptSpec::default() };
        put(&engine(), &spec).unwrap().notes
    };
    assert_eq!(notes("the sea ", true), [Note::PromptEndsInSpace]);
    assert_eq!(notes("the sea\n", false), [Note::PromptEndsInLineBreak]);
    assert_eq!(notes("the sea\n", true), []);
    assert_eq!(notes("the\nsea\n", false), []);
    assert_eq!(notes("the sea", false), []);
}

/// A model that thinks "ab" and then ends its thinking.
fn thinker() -> Engine {
    let template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>{% if enable_thinking %}<think>\n{% endif %}";
    let vocabulary = vocabulary();
    let token = move |name: &str| (0..99).find(|&token| vocabulary.piece(token) == name.as_bytes()).unwrap();
    let (open, close, [a, b]) = (token("<think>"), token("</think>"), [token("a"), token("b")]);
    let rows = move |text: &[Token]| {
        let thought = text.iter().rposition(|&token| token == open).map(|at| text.len() - at - 2);
        let next = match thought {
            Some(0) => a,
            Some(1) => b,
            Some(2) => close,
            _ => return row(text),
        };
        (0..).take(row(text).len()).map(|token| if token == next { 20.0 } else { 0.0 }).collect()
    };
    engine_of(ToyBackend::new(super::vocabulary(), rows).with_template(template), |_| ())
}

#[derive(Default)]
struct Overheard {
    text: String,
    began: usize,
    over: usize,
}

impl PromptObserver for Overheard {
    fn thinks(&mut self, _: usize) {
        self.began += 1;
    }

    fn thought(&mut self, text: &str, _: crate::decode::Counts) {
        self.text += text;
    }

    fn thought_through(&mut self) {
        self.over += 1;
    }
}

#[test]
fn a_model_thinks_first_only_where_it_is_asked_to() {
    let engine = thinker();
    let mut overheard = Overheard::default();
    let spec = PromptSpec { thinks: true, ..spec("the sea") };
    let asked = engine.prompt(&spec, occasion(), &mut overheard, &Cancel::new()).unwrap();
    assert_eq!((overheard.text.as_str(), overheard.began, overheard.over), ("ab", 1, 1));
    let Mode::Chat(chat) = asked.mode else { panic!("no chat") };
    assert_eq!(chat.rendered, "<user>the sea<assistant><think>\nab\n</think>\n\n");
    assert_eq!(chat.thinking.as_deref(), Some("ab"));
    let asked = put(&engine, &PromptSpec { thinks: false, put: Put::Chat, ..spec }).unwrap();
    let Mode::Chat(chat) = asked.mode else { panic!("no chat") };
    assert_eq!((chat.rendered.as_str(), chat.thinking), ("<user>the sea<assistant>", None));
}

#[test]
fn a_thinking_that_is_cancelled_is_no_prompt() {
    let cancel = Cancel::new();
    cancel.cancel();
    let spec = PromptSpec { thinks: true, ..spec("the sea") };
    let error = thinker().prompt(&spec, occasion(), &mut (), &cancel).unwrap_err();
    assert!(error.is::<Cancelled>(), "{error:#}");
}
