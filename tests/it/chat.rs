//! Instruct models as a person meets them: tiny ones that carry a chat template, and the binary.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::gguf::{Family, Gguf, Scratch, Value, tiny};
use crate::support::{Ends, afterword, err, read_json};
use afterword::chat::{Part, Script, Whose};
use afterword::llama::Weights;
use afterword::model::LoadOptions;
use afterword::story::{Chat, Mode, Record};

/// Turns between control tokens, begun by `<s>`, which the tokeniser would add as well.
const TURNS: &str = "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content | trim }}{{ eos_token }}{% endfor %}in: ";

/// The same for a model that can think.
const THINKING: &str = "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}in: {% if not enable_thinking %}<think>\n\n</think>\n\n{% endif %}";

fn with_template(template: &str) -> Gguf {
    let mut file = tiny(Family::Llama, 7);
    file.set("tokenizer.chat_template", Value::Text(template.into()));
    file
}

/// A model whose vocabulary has `</think>`, as a token of this type, in place of one that no text here needs.
fn with_thinking(kind: i32) -> Scratch {
    let mut file = with_template(THINKING);
    for (key, value) in &mut file.metadata {
        match (key.as_str(), value) {
            ("tokenizer.ggml.tokens", Value::Texts(tokens)) => tokens[259] = "</think>".into(),
            ("tokenizer.ggml.token_type", Value::I32s(types)) => types[259] = kind,
            _ => {}
        }
    }
    file.write()
}

/// The program on this model.
fn on(model: &Path, args: &[&str]) -> Command {
    let mut command = afterword(args);
    command.arg("--model").arg(model).args(["--threads", "1", "--ctx", "500"]);
    command
}

fn run(model: &Path, args: &[&str]) -> Output {
    on(model, args).ended()
}

/// The record of a story that ends well, with what was printed.
fn recorded(model: &Path, args: &[&str]) -> (Record, Output) {
    let record = Scratch::new("record.json", b"");
    let always = ["--seed", "3", "--tokens", "12", "--record", record.to_str().unwrap()];
    let output = on(model, &[&["write"], args, &always].concat()).done();
    (read_json(&*record), output)
}

fn chat(record: &Record) -> &Chat {
    let Mode::Chat(chat) = &record.mode else { panic!("{:?}", record.mode) };
    chat
}

/// A refusal: one sentence and perhaps hints, and this exit code.
fn refused(model: &Path, args: &[&str], code: i32) -> String {
    on(model, args).refused(code)
}

#[test]
fn a_script_that_names_no_control_token_is_its_text_with_control_tokens_parsed() {
    let file = with_template(TURNS).write();
    let weights = Weights::load(&file, &LoadOptions::default(), |_| true).unwrap();
    let part = |text: &str, whose| Part { text: text.into(), whose };
    let (ours, theirs) = (Whose::Writer, Whose::Template);
    let script =
        Script::new(vec![part("<s>the ", theirs), part("once 狼", ours), part("</s> on<mark>", theirs), part(" in", ours)]);
    let tokens = weights.tokenize_script(&script).unwrap();
    assert_eq!(tokens, weights.tokenize(&script.text(), true, true).unwrap());
    assert_eq!(tokens.iter().filter(|token| **token == 1).count(), 1, "one beginning");
    // Without the template's own beginning it is added.
    let bare = Script::new(vec![part("once", ours)]);
    assert_eq!(weights.tokenize_script(&bare).unwrap(), weights.tokenize("once", true, false).unwrap());
    // A name in the writer's text is letters.
    let tokens = weights.tokenize_script(&Script::new(vec![part("on</s>", ours), part("</s>", theirs)])).unwrap();
    assert_eq!(tokens.iter().filter(|token| **token == 2).count(), 1);
    assert_eq!(weights.tokenize_script(&script.all_template()).unwrap(), weights.tokenize_script(&script).unwrap());
    assert_eq!((weights.token_named("</s>"), weights.token_named("once")), (Some(2), None));
}

#[test]
fn an_instruction_is_put_in_the_template_and_a_beginning_is_not() {
    let file = with_template(TURNS).write();
    let (record, output) = recorded(&file, &["Tell of the thing</s>. "]);
    assert_eq!(chat(&record).rendered, "<s>user: Tell of the thing</s>.</s>in: ");
    assert_eq!(record.prompt_tokens.iter().filter(|token| **token == 1).count(), 1);
    assert_eq!(record.prompt_tokens.iter().filter(|token| **token == 2).count(), 1);
    assert_eq!(String::from_utf8_lossy(&output.stdout), record.text);
    assert!(err(&output).contains("taken as an instruction to the model · `--raw`"), "{}", err(&output));
    let (special, _) = recorded(&file, &["Tell of the thing</s>. ", "--parse-special"]);
    assert_eq!(special.prompt_tokens.iter().filter(|token| **token == 2).count(), 2);
    assert!(special.parse_special && !record.parse_special);

    let (begun, output) = recorded(&file, &["once on"]);
    assert_eq!(begun.mode, Mode::Raw);
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("once on"));
    assert!(err(&output).contains("taken as the beginning of a story · `--chat`"));
    let (asked, output) = recorded(&file, &["once on", "--chat"]);
    assert_eq!(chat(&asked).rendered, "<s>user: once on</s>in: ");
    assert!(!err(&output).contains("taken as"), "who has said so is not told");
    assert_eq!(recorded(&file, &["Tell on", "--raw"]).0.mode, Mode::Raw);
}

#[test]
fn a_text_from_a_file_is_gone_on_from_however_it_begins() {
    let file = with_template(TURNS).write();
    let prompt = "Tell on";
    let told = |more: &[&str]| {
        let output = on(&file, &["write", "--tokens", "4", "--seed", "1"]).args(more).fed(prompt.as_bytes());
        (String::from_utf8_lossy(&output.stdout).into_owned(), err(&output))
    };
    for source in [&["-"][..], &[]] {
        let (text, said) = told(source);
        assert!(text.starts_with(prompt) && said.contains("taken as the beginning of a story"), "{text:?} {said}");
    }
    let (text, _) = told(&["--chat"]);
    assert!(!text.starts_with(prompt), "{text:?}");
    assert!(told(&["Tell on"]).1.contains("taken as an instruction"));
}

#[test]
fn the_writers_own_words_begin_the_answer_and_are_part_of_the_story() {
    let file = with_template(TURNS).write();
    let (record, output) = recorded(&file, &["the thing", "--system", "on", "--prefill", "once the "]);
    assert_eq!(chat(&record).rendered, "<s>system: on</s>user: the thing</s>in: once the ");
    assert!(record.text.starts_with("once the "));
    assert_eq!(String::from_utf8_lossy(&output.stdout), record.text);
}

#[test]
fn a_system_that_the_template_has_no_place_for_stands_before_the_prompt() {
    let refusing = format!("{{% if messages[0].role == 'system' %}}{{{{ raise_exception('no') }}}}{{% endif %}}{TURNS}");
    for template in [refusing.as_str(), "{{ bos_token }}user: {{ messages[-1].content }}{{ eos_token }}in: "] {
        let (record, output) = recorded(&with_template(template).write(), &["the thing", "--system", "on"]);
        assert_eq!(chat(&record).rendered, "<s>user: on\n\nthe thing</s>in: ");
        assert!(err(&output).contains("has no place for `--system`"));
    }
}

#[test]
fn thinking_is_closed_unless_it_is_asked_for_and_never_part_of_the_story() {
    // User-defined, and a control token, which no sampler of stories would take.
    for kind in [4, 3] {
        let file = with_thinking(kind);
        let (off, _) = recorded(&file, &["the thing", "--chat"]);
        assert_eq!(chat(&off).rendered, "<s>user: the thing\nin: <think>\n\n</think>\n\n");
        assert_eq!(chat(&off).thinking, None);
        let (hidden, output) = recorded(&file, &["the thing", "--think", "hide", "--prefill", "on"]);
        let thinking = chat(&hidden).thinking.clone().unwrap();
        let gap = if thinking.is_empty() || thinking.ends_with('\n') { "" } else { "\n" };
        let rendered = format!("<s>user: the thing\nin: <think>\n{thinking}{gap}</think>\n\non");
        assert_eq!(chat(&hidden).rendered, rendered);
        assert_eq!(String::from_utf8_lossy(&output.stdout), hidden.text);
        assert!(!err(&output).contains(&*thinking) || thinking.trim().is_empty());
        let (shown, output) = recorded(&file, &["the thing", "--think", "show", "--prefill", "on"]);
        assert_eq!((&shown.text, &shown.mode), (&hidden.text, &hidden.mode));
        let visible = thinking.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), "\u{fffd}");
        assert!(err(&output).contains(visible.lines().next().unwrap_or_default()), "{}", err(&output));
        assert_eq!(hidden.tokens.len(), 12, "room for the story is left");
    }
}

#[test]
fn a_model_that_does_not_think_says_so() {
    let (record, output) = recorded(&with_template(TURNS).write(), &["the thing", "--think", "show"]);
    assert_eq!(chat(&record).thinking, None);
    assert!(err(&output).contains("knows no thinking"));
}

#[test]
fn no_thought_is_put_into_the_mouth_of_a_model_whose_template_only_cuts_thoughts() {
    let cuts = "{{ bos_token }}{% for m in messages %}{{ m.role }}: {% if m.role == 'assistant' and '</think>' in m.content %}\
        {{ m.content.split('</think>')[-1] }}{% else %}{{ m.content }}{% endif %}{{ '\n' }}{% endfor %}in: ";
    let file = with_template(cuts).write();
    for think in ["off", "show", "hide"] {
        let (record, output) = recorded(&file, &["the thing", "--chat", "--think", think]);
        assert_eq!(chat(&record).rendered, "<s>user: the thing\nin: ");
        assert_eq!(chat(&record).thinking, None);
        assert_eq!(err(&output).contains("knows no thinking"), think != "off", "{}", err(&output));
    }
}

#[test]
fn a_template_that_asks_whether_nothing_can_be_iterated_renders() {
    let template = "{% if tools is iterable and tools | length > 0 %}tools{% endif %}\
        {% for m in messages %}{% if m.content is sequence %}{{ '%s: %s' % (m.role, m.content) }}{% endif %}{% endfor %} in: ";
    let (record, _) = recorded(&with_template(template).write(), &["Tell on"]);
    assert_eq!(chat(&record).rendered, "user: Tell on in: ");
}

#[test]
fn whatever_a_template_does_it_ends_in_one_sentence_that_names_a_way_out() {
    let grown = "{% set n = namespace(l=[]) %}{% for i in range(600) %}{% for j in range(600) %}{% set n.l = [n.l] %}{% endfor %}{% endfor %}{{ n.l }}";
    let doubled = "{% set n = namespace(l='x',m='x') %}{% for i in range(40) %}{% set n.l=[n.l,n.l] %}{% set n.m=[n.m,n.m] %}{% endfor %}";
    for (template, why) in [
        (grown.to_owned(), "it is nested too deeply"),
        ("{% set n = namespace() %}{% set n.n = n %}{{ n }}".to_owned(), "it is nested too deeply"),
        (format!("{doubled}{{{{ n.l == n.m }}}}"), "it does not come to an end"),
        (
            "{% if messages[0].content is mapping %}{{ messages[0].content }}{% endif %}in: ".to_owned(),
            "it leaves the prompt out",
        ),
        ("x".repeat(300 << 10), "its source has 300 kB, and the longest that is read 256"),
    ] {
        let file = with_template(&template).write();
        let said = refused(&file, &["write", "Tell on", "--quiet"], 1);
        let sentence = format!("error: the chat template of `{}` fails: {why}\n", file.display());
        assert_eq!(said, format!("{sentence}hint: `--raw` leaves the template out\n"));
        assert_eq!(run(&file, &["write", "Tell on", "--raw", "--tokens", "2"]).status.code(), Some(0));
    }
}

#[test]
fn compare_and_explain_put_the_prompt_as_write_does() {
    let file = with_template(TURNS).write();
    let (record, _) = recorded(&file, &["Tell on", "--preset", "greedy", "--prefill", "once"]);
    let always = ["Tell on", "--prefill", "once", "--json", "--seed", "3"];
    let json = |args: &[&str]| -> serde_json::Value {
        let output = run(&file, &[args, &always].concat());
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let compared = json(&["compare", "--presets", "greedy", "--tokens", "12"]);
    assert_eq!(compared["stories"][0]["text"], record.text.as_str());
    let explained = json(&["explain", "--preset", "greedy"]);
    assert_eq!(explained["taken"]["token"], record.tokens[0]);
    assert_eq!(explained["prompt-tokens"], serde_json::json!(record.prompt_tokens));
}

#[test]
fn a_template_under_the_name_default_serves_too() {
    let mut file = tiny(Family::Llama, 7);
    file.set("tokenizer.chat_template.default", Value::Text(TURNS.into()));
    let (record, _) = recorded(&file.write(), &["Tell on"]);
    assert_eq!(chat(&record).rendered, "<s>user: Tell on</s>in: ");
}

#[test]
fn what_cannot_be_asked_is_refused_in_one_sentence() {
    let base = tiny(Family::Llama, 7).write();
    for option in [&["--chat"][..], &["--system", "x"], &["--prefill", "x"], &["--think", "hide"]] {
        let said = refused(&base, &[&["write", "once"], option].concat(), 2);
        assert!(said.contains("has no chat template, which a request needs\nhint: "), "{said}");
        assert!(said.trim_end().ends_with(&format!("leave `{}` out", option[0])), "{said}");
    }
    for (template, why) in [
        ("{% for %}", "in its line 1"),
        ("{{ raise_exception('roles must\nalternate') }}", "fails: `roles must alternate` in its line 1"),
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
            "fails: it does not come to an end",
        ),
        ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "recursion"),
        ("{{ messages[0].content | upper }}", "holds `</s>`"),
    ] {
        let file = with_template(template).write();
        let said = refused(&file, &["write", "--chat", "on</s>"], 1);
        assert!(said.starts_with("error: ") && said.contains(why), "{said}");
        assert!(said.contains(file.to_str().unwrap()), "{said}");
        assert!(said.lines().all(|line| line.starts_with("error: ") || line.starts_with("hint: ")), "{said}");
        // Whoever does not ask does not need it.
        assert_eq!(run(&file, &["write", "once", "--tokens", "2"]).status.code(), Some(0), "{template}");
    }
    let said = refused(&base, &["write", "once", "--raw", "--chat"], 2);
    assert!(said.contains("--raw") || said.contains("--chat"), "{said}");
}
