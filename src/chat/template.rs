//! A model's own chat template: a small program in Jinja that comes with the weights.

use std::sync::Arc;

use anyhow::{Result, anyhow, ensure};
use chrono::NaiveDateTime;
use minijinja::{Value, context};
use serde_json::Map;

use super::renderer::{Job, Renderer};
use super::script::{Part, Script, Whose, mark, placed, unused};
use super::thinking::{Marks, Thinking};

/// What is asked of an instruct model at once: a [`Dialogue`] of one request.
#[derive(Debug, Clone, Copy)]
pub struct Conversation<'a> {
    /// What the model is told about itself, if anything.
    pub system: Option<&'a str>,
    /// What it is asked for.
    pub request: &'a str,
    /// Whether it may think first. Templates that know no thinking do not ask.
    pub think: bool,
    /// The text of the token that begins a text.
    pub bos: &'a str,
    /// The text of the token that ends one.
    pub eos: &'a str,
    /// The time that a template is told when it asks for it.
    pub now: NaiveDateTime,
}

impl Conversation<'_> {
    /// Its messages.
    fn messages(&self) -> Vec<Message> {
        let said = |speaker, text: &str| Message { speaker, text: text.to_owned() };
        let system = self.system.map(|text| said(Speaker::System, text));
        system.into_iter().chain([said(Speaker::User, self.request)]).collect()
    }

    /// The same with these messages, which are its own.
    fn of<'m>(&self, messages: &'m [Message]) -> Dialogue<'m>
    where
        Self: 'm,
    {
        let Self { think, bos, eos, now, .. } = *self;
        Dialogue { messages, think, more: &NO_MORE, bos, eos, now }
    }
}

/// What a template is told of a conversation beside what it is told anyway.
static NO_MORE: std::sync::LazyLock<Map<String, serde_json::Value>> = std::sync::LazyLock::new(Map::new);

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Whoever tells the model about itself.
    System,
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
}

impl Speaker {
    /// The role by which templates know them.
    #[must_use]
    pub fn role(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who says it.
    pub speaker: Speaker,
    /// What is said.
    pub text: String,
}

/// A conversation up to where the model answers.
#[derive(Debug, Clone, Copy)]
pub struct Dialogue<'a> {
    /// What was said, in its order.
    pub messages: &'a [Message],
    /// Whether the model may think first. Templates that know no thinking do not ask.
    pub think: bool,
    /// Variables for the template beside those that it is told anyway, which they do not change.
    pub more: &'a Map<String, serde_json::Value>,
    /// The text of the token that begins a text.
    pub bos: &'a str,
    /// The text of the token that ends one.
    pub eos: &'a str,
    /// The time that a template is told when it asks for it.
    pub now: NaiveDateTime,
}

/// A conversation in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The text up to where the model's answer begins, and who wrote what of it.
    pub script: Script,
    /// How the model is kept from thinking, or made to; `None` for one that does not think.
    pub thinking: Option<Thinking>,
}

/// A template changes the prompt, and the prompt holds the name of this control token: the writer's cannot be told from the
/// template's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HidesControl(pub String);

impl std::fmt::Display for HidesControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it changes the prompt, and the prompt holds `{}`, which is a control token of the model", self.0)
    }
}

impl std::error::Error for HidesControl {}

/// A chat template.
///
/// ```
/// use std::sync::Arc;
///
/// use afterword::chat::{Conversation, InProcess, Template};
///
/// let source = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";
/// let template = Template::new(source, Arc::new(InProcess));
/// let now = chrono::NaiveDateTime::default();
/// let asked = Conversation { system: None, request: "A story!", think: false, bos: "", eos: "", now };
/// assert_eq!(template.render(&asked)?, "<user>A story!<assistant>");
/// # anyhow::Ok(())
/// ```
#[derive(Debug, Clone)]
pub struct Template {
    source: String,
    renderer: Arc<dyn Renderer>,
}

impl Template {
    /// A template of this source, which is read when it is rendered.
    #[must_use]
    pub fn new(source: &str, renderer: Arc<dyn Renderer>) -> Self {
        Self { source: source.to_owned(), renderer }
    }

    /// The program itself, as it comes with the model.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text up to where the model's answer begins. It is what Python's Jinja2 makes of the template with blocks trimmed
    /// (`trim_blocks`, `lstrip_blocks`), `add_generation_prompt`, no tools, and the variables that models with switchable
    /// thinking read (`enable_thinking`, `thinking`).
    ///
    /// # Errors
    /// The template is no Jinja, refuses the conversation, fails, or does not come to an end; the cause is a clause without its
    /// subject.
    pub fn render(&self, conversation: &Conversation) -> Result<String> {
        let mut texts = self.renderings(conversation.now, vec![variables(&conversation.of(&conversation.messages()))])?;
        texts.pop().unwrap_or_else(missing).map_err(|reason| anyhow!(reason))
    }

    /// The rendered text, who wrote what of it, and whether the model thinks. `controls` are the names of control tokens.
    ///
    /// The template is rendered again with marks in the place of the writer's texts; where it changes them beyond trimming,
    /// nothing is known of whose text is whose. And where it names the marks of thinking, what it makes of the other switch and
    /// of an earlier answer that was thought about tells whether they are this model's.
    ///
    /// # Errors
    /// As [`Template::render`]; or the template leaves the request out; or it changes a text that holds the name of a control
    /// token, so that this cannot be told from the template's own.
    pub fn ask(&self, conversation: &Conversation, controls: &[&str]) -> Result<Request> {
        self.ask_on(&conversation.of(&conversation.messages()), controls)
    }

    /// The same for a conversation of many messages.
    ///
    /// # Errors
    /// As [`Template::ask`], where each of the user's messages is a request.
    pub fn ask_on(&self, conversation: &Dialogue, controls: &[&str]) -> Result<Request> {
        let messages = conversation.messages;
        let texts: Vec<&str> = messages.iter().map(|message| message.text.as_str()).collect();
        let sign = unused(&[&[self.source.as_str(), conversation.bos, conversation.eos], texts.as_slice()].concat());
        let signed = |(number, message): (usize, &Message)| Message { text: mark(sign, number), ..*message };
        let signed: Vec<Message> = messages.iter().enumerate().map(signed).collect();
        let marked = Dialogue { messages: &signed, ..*conversation };
        let turned = Dialogue { think: !conversation.think, ..*conversation };
        let mut asked = vec![variables(conversation), variables(&marked)];
        let named = Marks::named(&self.source);
        if named.is_some() {
            asked.extend([variables(&turned), thought_about(conversation)]);
        }
        let mut texts_of = self.renderings(conversation.now, asked)?.into_iter();
        let whole = texts_of.next().unwrap_or_else(missing).map_err(|reason| anyhow!(reason))?;
        // A template that fails on a mark looks into the text: then it counts as one that changes it.
        let marked = texts_of.next().and_then(Result::ok);
        let is_dropped = |(message, mark): (&Message, &Message)| {
            let dropped = marked.as_ref().is_some_and(|marked| !marked.contains(mark.text.as_str()));
            message.speaker == Speaker::User && dropped && !whole.contains(message.text.trim())
        };
        ensure!(!messages.iter().zip(&signed).any(is_dropped), "it leaves the prompt out");
        let thinking = named.and_then(|marks| {
            let switches = texts_of.next().and_then(Result::ok).is_some_and(|turned| turned != whole);
            let written: Vec<String> = marked.iter().cloned().chain(texts_of.next().and_then(Result::ok)).collect();
            Thinking::of(marks, switches, &written)
        });
        let known = marked.and_then(|marked| placed(&marked, sign, &texts, &whole));
        match controls.iter().find(|name| known.is_none() && texts.iter().any(|text| text.contains(**name))) {
            None => {
                let script = known.unwrap_or_else(|| Script::new(vec![Part { text: whole, whose: Whose::Template }]));
                Ok(Request { script, thinking })
            }
            Some(name) => Err(HidesControl((*name).to_owned()).into()),
        }
    }

    fn renderings(&self, now: NaiveDateTime, variables: Vec<Value>) -> Result<Vec<Result<String, String>>> {
        self.renderer.render(&Job { source: self.source.clone(), now, variables })
    }
}

/// What stands for a text that the renderer has left out.
fn missing() -> Result<String, String> {
    Err("it was not rendered".to_owned())
}

fn message(role: &str, content: &str) -> Value {
    context! { role, content }
}

/// What a template may read of a conversation.
fn variables(conversation: &Dialogue) -> Value {
    let Dialogue { messages, think, more, bos, eos, now: _ } = *conversation;
    let messages: Vec<Value> = messages.iter().map(|one| message(one.speaker.role(), &one.text)).collect();
    let more = serde_json::from_value::<Value>(serde_json::Value::Object(more.clone()));
    let more = more.unwrap_or_else(|_| unreachable!("whatever is JSON is a value of a template"));
    context! {
        messages,
        tools => (),
        documents => (),
        add_generation_prompt => true,
        enable_thinking => think,
        thinking => think,
        bos_token => bos,
        eos_token => eos,
        ..more
    }
}

/// A conversation in which the model has thought and answered, with its thought under all names that it goes by.
fn thought_about(conversation: &Dialogue) -> Value {
    let thought = "a thought";
    let answer = context! {
        role => "assistant",
        content => "an answer",
        reasoning_content => thought,
        reasoning => thought,
        thinking => thought,
    };
    let messages = vec![message("user", "a request"), answer];
    let rest = variables(&Dialogue { think: true, ..*conversation });
    context! { messages, add_generation_prompt => false, ..rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::InProcess;

    fn template(source: &str) -> Template {
        Template::new(source, Arc::new(InProcess))
    }

    fn asked(request: &str) -> Conversation<'_> {
        Conversation { system: None, request, think: false, bos: "<s>", eos: "</s>", now: NaiveDateTime::default() }
    }

    fn refusal(source: &str) -> String {
        template(source).render(&asked("x")).unwrap_err().to_string()
    }

    #[test]
    fn a_template_that_fails_says_why_in_one_clause() {
        assert_eq!(refusal("{{ raise_exception('no\nroles') }}"), "`no roles` in its line 1");
        assert!(refusal("a\n{% if %}").contains("in its line 2"));
        assert!(refusal("{{ messages[0].a.b }}").contains("undefined"));
        assert_eq!(refusal("{{ strftime_now('%Q') }}"), "`%Q is no format of a date` in its line 1");
        assert!(refusal("{% include 'other' %}").contains("other"));
        let long = refusal(&format!("{{{{ raise_exception('{}') }}}}", "long ".repeat(20_000)));
        assert!(long.ends_with("long…` in its line 1") || long.ends_with("…` in its line 1"), "{long}");
        assert!(long.chars().count() < 110, "{long}");
        assert_eq!(refusal(&"x".repeat(300 << 10)), "its source has 300 kB, and the longest that is read 256");
    }

    #[test]
    fn a_template_without_end_is_stopped_with_little_memory() {
        for source in [
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "{% set n = namespace(s='x') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
            "{% for a in range(99999) %}{{ 'x' * 99999 }}{% endfor %}",
            "{{ ('x' * 2000000).replace('x', 'x' * 2000000) | length }}",
            "{{ 'x'.zfill(4000000000) | length }}",
        ] {
            assert!(matches!(refusal(source).as_str(), "it does not come to an end" | "it writes more than 16 MB"), "{source}");
        }
        assert!(refusal("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}").contains("recursion"));
    }

    #[test]
    fn the_writers_texts_are_known_as_they_are_or_trimmed() {
        let template = template("<s>{% for m in messages %}[{{ m.content | trim }}]{% endfor %}<end>");
        let script = template.ask(&Conversation { system: Some("s"), ..asked(" a<end>\n") }, &["<end>"]).unwrap().script;
        let parts: Vec<(&str, Whose)> = script.parts().iter().map(|part| (part.text.as_str(), part.whose)).collect();
        let (ours, theirs) = (Whose::Writer, Whose::Template);
        assert_eq!(parts, [("<s>[", theirs), ("s", ours), ("][", theirs), ("a<end>", ours), ("]<end>", theirs)]);
    }

    #[test]
    fn a_changed_text_passes_unless_it_names_a_control_token() {
        let template = template("{{ messages[0].content | upper }}<end>");
        assert_eq!(template.ask(&asked("a"), &["<end>"]).unwrap().script.text(), "A<end>");
        let refusal = template.ask(&asked("a<end>"), &["<end>"]).unwrap_err().to_string();
        assert!(refusal.contains("holds `<end>`"), "{refusal}");
    }

    #[test]
    fn a_template_that_drops_the_prompt_is_noticed() {
        for source in ["{% if messages[0].content is mapping %}{{ messages[0].content }}{% endif %}", "<s>user:"] {
            assert_eq!(template(source).ask(&asked("Tell on"), &[]).unwrap_err().to_string(), "it leaves the prompt out");
        }
        // One that says it in other letters does not drop it.
        assert_eq!(template("{{ messages[0].content | upper }}").ask(&asked("Tell"), &[]).unwrap().script.text(), "TELL");
        assert_eq!(template("user:").ask(&asked(" \n"), &[]).unwrap().script.text(), "user:");
    }

    #[test]
    fn of_a_long_conversation_it_is_known_who_said_what() {
        let source = "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}<end>{% endfor %}{% if x %}{{ x }}{% endif %}<assistant>";
        let speakers = [Speaker::User, Speaker::Assistant];
        let said = |number: usize| Message { speaker: speakers[number % 2], text: format!(" [{number}] <end> \n") };
        let system = Message { speaker: Speaker::System, text: "Be brief.".to_owned() };
        let messages: Vec<Message> = std::iter::once(system).chain((0..200).map(said)).collect();
        let more: Map<String, serde_json::Value> =
            [("x", "told"), ("bos_token", "no")].map(|(key, x)| (key.to_owned(), x.into())).into_iter().collect();
        let dialogue =
            Dialogue { messages: &messages, think: false, more: &more, bos: "<s>", eos: "</s>", now: NaiveDateTime::default() };
        let script = template(source).ask_on(&dialogue, &["<end>"]).unwrap().script;
        let ours: Vec<&str> =
            script.parts().iter().filter(|part| part.whose == Whose::Writer).map(|part| part.text.as_str()).collect();
        assert_eq!((ours.len(), ours[0], ours[200]), (201, "Be brief.", "[199] <end>"));
        assert!(script.text().ends_with("<assistant>[199] <end><end>told<assistant>"), "{}", script.tail());
        // What is told anyway no caller changes.
        assert_eq!(
            template("{{ bos_token }}{{ messages | length }}").renderings(dialogue.now, vec![variables(&dialogue)]).unwrap(),
            [Ok("<s>201".to_owned())]
        );
        // A message of the user's in the middle is not left out.
        let drops = template("{% for m in messages %}{% if loop.index > 5 %}{{ m.content }}{% endif %}{% endfor %}");
        assert_eq!(drops.ask_on(&dialogue, &[]).unwrap_err().to_string(), "it leaves the prompt out");
    }

    #[test]
    fn texts_of_blanks_are_placed_in_no_time() {
        let messages: Vec<Message> =
            (0..150).map(|number| Message { speaker: Speaker::Assistant, text: " ".repeat(number % 3) }).collect();
        let dialogue =
            Dialogue { messages: &messages, think: false, more: &NO_MORE, bos: "", eos: "", now: NaiveDateTime::default() };
        // It says another thing of a blank than of a mark.
        let source =
            "{% for m in messages %}{{ m.content }} {% endfor %}{% if messages[2].content | trim %}a{% else %}b{% endif %}";
        assert_eq!(template(source).ask_on(&dialogue, &[]).unwrap().script.parts().len(), 1);
    }

    #[test]
    fn a_text_that_stands_in_a_thousand_places_is_found_in_no_time() {
        let template = template("{% for i in range(99999) %}{{ messages[-1].content }}{% endfor %}");
        let request = template.ask(&Conversation { system: Some("s"), ..asked("x") }, &[]).unwrap();
        assert_eq!(request.script.text().len(), 99_999);
    }

    /// Whether a model of this template thinks, and what the prompt says of it when it may not and when it may.
    fn thinking(source: &str) -> (bool, String, String) {
        let prompt = |think| {
            let Request { mut script, thinking } =
                template(source).ask(&Conversation { think, ..asked("<think>x") }, &[]).unwrap();
            let thinks = thinking.is_some_and(|thinking| {
                if think {
                    thinking.open(&mut script)
                } else {
                    thinking.close(&mut script);
                    true
                }
            });
            (thinks, script.tail())
        };
        let ((thinks, off), (opens, on)) = (prompt(false), prompt(true));
        assert_eq!(thinks, opens);
        (thinks, off, on)
    }

    #[test]
    fn no_empty_thought_is_put_into_the_mouth_of_a_model_that_does_not_think() {
        let turns = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
        let cuts = "{% for m in messages %}{% set text = m.content %}\
            {% if m.role == 'assistant' and '</think>' in text %}{% set text = text.split('</think>')[-1] %}{% endif %}\
            {{ m.role }}: {{ text }}\n{% endfor %}in: ";
        assert_eq!(thinking(cuts), (false, "\nin: ".into(), "\nin: ".into()));
        // A switch of whatever name has worked where the two prompts differ.
        for switch in ["enable_thinking", "thinking"] {
            let head = format!("{{% if {switch} %}}Think between <think> and </think>.\n{{% endif %}}{turns}in: ");
            assert_eq!(thinking(&head), (true, "\nin: ".into(), "\nin: <think>\n".into()));
            let tail = format!("{turns}in: {{% if not {switch} %}}</think>{{% endif %}}");
            assert_eq!(thinking(&tail), (true, "\nin: </think>".into(), "\nin: <think>\n".into()));
        }
        // These think, and have no switch.
        let opens = format!("{turns}in: {{{{ '<think>\\n' }}}}");
        assert_eq!(thinking(&opens), (true, "\nin: <think>\n\n</think>\n\n".into(), "\nin: <think>\n".into()));
        let writes = "{% for m in messages %}{{ m.role }}: {% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>\
            {% endif %}{{ m.content }}\n{% endfor %}in: ";
        let tells = format!("{{% set who = 'Think in [THINK] and [/THINK].' %}}{{{{ who }}}}\n{turns}in: ");
        assert_eq!(thinking(writes), (true, "\nin: <think>\n\n</think>\n\n".into(), "\nin: <think>\n".into()));
        assert_eq!(thinking(&tells), (true, "\nin: [THINK][/THINK]".into(), "\nin: [THINK]".into()));
    }
}
