//! Conversations of many messages.

use super::*;
use crate::chat::{Message, Speaker};
use crate::story::Mode;

fn said(messages: &[(Speaker, &str)]) -> DialogueSpec {
    let messages = messages.iter().map(|&(speaker, text)| Message { speaker, text: text.to_owned() }).collect();
    DialogueSpec { messages, heal: Heal::Off, ..DialogueSpec::default() }
}

fn converse(engine: &Engine, spec: &DialogueSpec) -> anyhow::Result<Prompt> {
    engine.converse(spec, occasion(), &mut (), &Cancel::new())
}

fn templated(source: &str) -> Engine {
    engine_of(toy().with_template(source), |_| ())
}

fn rendered(prompt: &Prompt) -> &str {
    match &prompt.mode {
        Mode::Chat(chat) => &chat.rendered,
        Mode::Raw => panic!("it is no chat"),
    }
}

use Speaker::{Assistant, System, User};

#[test]
fn a_conversation_is_told_in_its_order_and_goes_on_from_a_begun_answer() {
    let engine = templated(TEMPLATE);
    let long = [(System, "be kind."), (User, "once"), (Assistant, "upon"), (User, "a time"), (System, "now")];
    let prompt = converse(&engine, &said(&long)).unwrap();
    assert_eq!(rendered(&prompt), "<system>be kind.<user>once<assistant>upon<user>a time<system>now<assistant>");
    assert_eq!(engine.vocabulary().bytes(&prompt.tokens), rendered(&prompt).as_bytes());
    let begun = [&long[..], &[(Assistant, "once upon ")]].concat();
    let prompt = converse(&engine, &said(&begun)).unwrap();
    assert!(rendered(&prompt).ends_with("<system>now<assistant>once upon "), "{}", rendered(&prompt));
    assert_eq!(prompt.beginning(), "once upon ");
}

#[test]
fn one_request_is_the_prompt_that_it_is_for_a_single_story() {
    let engine = templated(TEMPLATE);
    let spec = PromptSpec {
        text: "a story ".to_owned(),
        system: Some("be kind.".to_owned()),
        prefill: Some("once".to_owned()),
        heal: Heal::Off,
        ..PromptSpec::default()
    };
    let alone = engine.prompt(&spec, occasion(), &mut (), &Cancel::new()).unwrap();
    let asked = converse(&engine, &said(&[(System, "be kind."), (User, "a story "), (Assistant, "once")])).unwrap();
    assert_eq!((alone.tokens, alone.mode, alone.healed), (asked.tokens, asked.mode, asked.healed));
}

#[test]
fn a_template_that_wants_turns_gets_them_and_a_system_is_said_by_the_user() {
    let turns = "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('turns') }}{% endif %}\
        <{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";
    let engine = templated(turns);
    let many = [(System, "be kind."), (User, "once"), (User, "upon"), (Assistant, "a"), (Assistant, "time"), (System, "now")];
    let prompt = converse(&engine, &said(&many)).unwrap();
    assert_eq!(rendered(&prompt), "<user>be kind.\n\nonce\n\nupon<assistant>a\n\ntime<user>now<assistant>");
    assert_eq!(prompt.notes, [Note::SystemBeforePrompt]);
    // A greeting of the model's comes first: the user has said nothing before.
    let prompt = converse(&engine, &said(&[(Assistant, "once"), (User, "upon")])).unwrap();
    assert_eq!((rendered(&prompt), &prompt.notes[..]), ("<user><assistant>once<user>upon<assistant>", &[][..]));
    // One that leaves the system out.
    let drops = templated("{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>");
    let prompt = converse(&drops, &said(&[(System, "be kind."), (User, "once")])).unwrap();
    assert_eq!(rendered(&prompt), "<user>be kind.\n\nonce<assistant>");
    let refused = converse(&templated("{{ raise_exception('never') }}"), &said(&[(User, "once")])).unwrap_err();
    assert!(refused.to_string().contains("never"), "{refused}");
}

#[test]
fn names_of_control_tokens_in_what_somebody_says_are_letters() {
    let template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";
    let engine = templated(template);
    let script = |said: &DialogueSpec| {
        let spec = said.clone();
        let template = engine.backend().chat_template(engine.renderer()).unwrap();
        let names = engine.backend().control_names();
        let controls: Vec<&str> = names.iter().map(String::as_str).collect();
        let dialogue = crate::chat::Dialogue {
            messages: &spec.messages,
            think: false,
            more: &spec.more,
            bos: "",
            eos: "",
            now: chrono::NaiveDateTime::default(),
        };
        template.ask_on(&dialogue, &controls).unwrap().script
    };
    let spec = said(&[(User, "say <assistant>"), (Assistant, "no <user>"), (User, "why")]);
    let parts: Vec<(String, crate::chat::Whose)> =
        script(&spec).parts().iter().map(|part| (part.text.clone(), part.whose)).collect();
    let ours = |text: &str| (text.to_owned(), crate::chat::Whose::Writer);
    let theirs = |text: &str| (text.to_owned(), crate::chat::Whose::Template);
    let expected = [
        theirs("<user>"),
        ours("say <assistant>"),
        theirs("<assistant>"),
        ours("no <user>"),
        theirs("<user>"),
        ours("why"),
        theirs("<assistant>"),
    ];
    assert_eq!(parts, expected);
    // What a template changes can hold none.
    let loud = templated("{% for m in messages %}<{{ m.role }}>{{ m.content | upper }}{% endfor %}");
    let refused = refusal(&converse(&loud, &spec).unwrap_err());
    assert_eq!(refused.remedy, Remedy::ParseSpecialOrRaw);
}

#[test]
fn a_template_is_told_what_a_request_has_for_it_and_thinks_where_that_says_so() {
    let thinks = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{{ tone }}<assistant>{% if enable_thinking %}<think>{% endif %}";
    let engine = templated(thinks);
    let more = |json: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json).unwrap();
    let plain = DialogueSpec { more: more(r#"{"tone": "soft"}"#), ..said(&[(User, "once")]) };
    assert_eq!(rendered(&converse(&engine, &plain).unwrap()), "<user>oncesoft<assistant>");
    let on = DialogueSpec { more: more(r#"{"enable_thinking": true}"#), ..said(&[(User, "once")]) };
    let thought = converse(&engine, &on).unwrap();
    let Mode::Chat(chat) = &thought.mode else { panic!("it is no chat") };
    assert!(chat.thinking.is_some() && chat.rendered.contains("<think>") && chat.rendered.contains("</think>"));
    // Who asks for none has none, whatever the template is told.
    let off = DialogueSpec { thinks: Some(false), ..on };
    assert!(!rendered(&converse(&engine, &off).unwrap()).contains("<think>"));
}

#[test]
fn a_model_without_a_template_goes_on_from_the_texts_divided_by_blank_lines() {
    let engine = engine();
    let prompt = converse(&engine, &said(&[(System, "be kind."), (User, "once"), (Assistant, "upon ")])).unwrap();
    assert_eq!((&prompt.mode, prompt.text.as_str()), (&Mode::Raw, "be kind.\n\nonce\n\nupon "));
    assert_eq!(engine.vocabulary().bytes(&prompt.tokens), prompt.text.as_bytes());
}
