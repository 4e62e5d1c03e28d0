//! A model's own chat template: a small program in Jinja that comes with the weights.

use anyhow::{Result, anyhow};
use chrono::NaiveDateTime;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value, context};

use super::python::furnish;
use super::script::{Part, Script, Whose, placed, unused};

/// How much work a template may be: some thousand times that of the longest ones, and well under a second. Bytes that it
/// writes or keeps count too, so it bounds the memory as well.
const FUEL: u64 = 5_000_000;

/// What is asked of an instruct model.
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

/// A chat template.
///
/// ```
/// use afterword::chat::{Conversation, Template};
///
/// let template = Template::new("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>")?;
/// let now = chrono::NaiveDateTime::default();
/// let asked = Conversation { system: None, request: "A story!", think: false, bos: "", eos: "", now };
/// assert_eq!(template.render(&asked)?, "<user>A story!<assistant>");
/// # anyhow::Ok(())
/// ```
#[derive(Debug, Clone)]
pub struct Template {
    source: String,
}

impl Template {
    /// A template of this source.
    ///
    /// # Errors
    /// It is no Jinja; the cause is a clause without its subject.
    pub fn new(source: &str) -> Result<Self> {
        let template = Self { source: plain_blocks(source) };
        environment(NaiveDateTime::default()).template_from_str(&template.source).map_err(|error| cause(&error))?;
        Ok(template)
    }

    /// The source, as it is rendered.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text up to where the model's answer begins. It is what Python's Jinja2 makes of the template with blocks trimmed
    /// (`trim_blocks`, `lstrip_blocks`), `add_generation_prompt`, no tools, and the variables that models with switchable
    /// thinking read (`enable_thinking`, `thinking`).
    ///
    /// # Errors
    /// The template refuses the conversation, fails, or does not come to an end; the cause is a clause without its subject.
    pub fn render(&self, conversation: &Conversation) -> Result<String> {
        let Conversation { system, request, think, bos, eos, now } = *conversation;
        let message = |role: &str, content: &str| context! { role, content };
        let system = system.map(|content| message("system", content));
        let messages: Vec<Value> = system.into_iter().chain([message("user", request)]).collect();
        let given = context! {
            messages,
            tools => (),
            documents => (),
            add_generation_prompt => true,
            enable_thinking => think,
            thinking => think,
            bos_token => bos,
            eos_token => eos,
        };
        environment(now)
            .template_from_str(&self.source)
            .and_then(|template| template.render(given))
            .map_err(|error| cause(&error))
    }

    /// The rendered text, and who wrote what of it. `controls` are the names of control tokens.
    ///
    /// The template is rendered a second time with marks in the place of the writer's texts; where it changes them beyond
    /// trimming, nothing is known of whose text is whose.
    ///
    /// # Errors
    /// As [`Template::render`]; or the template changes a text that holds the name of a control token, so that this cannot be
    /// told from the template's own.
    pub fn ask(&self, conversation: &Conversation, controls: &[&str]) -> Result<Script> {
        let whole = self.render(conversation)?;
        let texts: Vec<&str> = conversation.system.into_iter().chain([conversation.request]).collect();
        let sign = unused(&[self.source.as_str(), &whole]);
        let marks: Vec<String> = (0..texts.len()).map(|number| format!("{sign}{number}{sign}")).collect();
        let marked = Conversation {
            system: conversation.system.map(|_| marks[0].as_str()),
            request: &marks[texts.len() - 1],
            ..*conversation
        };
        // A template that fails on a mark looks into the text: then it counts as one that changes it.
        let known = self.render(&marked).ok().and_then(|marked| placed(&marked, &marks, &texts, &whole));
        if let Some(script) = known {
            return Ok(script);
        }
        match controls.iter().find(|name| texts.iter().any(|text| text.contains(**name))) {
            None => Ok(Script::new(vec![Part { text: whole, whose: Whose::Template }])),
            Some(name) => Err(anyhow!(
                "it changes the prompt, and the prompt holds `{name}`, which is a control token of the model\n\
                 hint: `--parse-special` takes it as that token, `--raw` leaves the template out"
            )),
        }
    }
}

fn environment(now: NaiveDateTime) -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.unwrap_or_default());
    environment.set_fuel(Some(FUEL));
    environment.set_debug(false);
    furnish(&mut environment, now);
    environment
}

/// `{% generation %}` marks what a model is trained on and changes no text; no engine but one knows it. A block without
/// names to it does the same, down to the trimming of what stands around it.
fn plain_blocks(source: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(source.len()), source);
    while let Some(at) = rest.find("{%") {
        let (before, block) = rest.split_at(at + 2);
        plain.push_str(before);
        let inside = block.trim_start_matches(['-', '+']);
        let word = inside.trim_start();
        let opening = &block[..block.len() - word.len()];
        let name = ["endgeneration", "generation"].into_iter().find(|name| {
            let after = word.strip_prefix(name).map(|rest| rest.trim_start().trim_start_matches(['-', '+']));
            after.is_some_and(|after| after.starts_with("%}"))
        });
        plain.push_str(opening);
        rest = word;
        if let Some(name) = name {
            plain.push_str(if name == "generation" { "with" } else { "endwith" });
            rest = &word[name.len()..];
        }
    }
    plain + rest
}

/// Why a template failed, in one clause.
fn cause(error: &Error) -> anyhow::Error {
    let place = error.line().map_or(String::new(), |line| format!(" in its line {line}"));
    let reason = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => return anyhow!("it does not come to an end"),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    anyhow!("`{reason}`{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(request: &str) -> Conversation<'_> {
        Conversation { system: None, request, think: false, bos: "<s>", eos: "</s>", now: NaiveDateTime::default() }
    }

    fn refusal(source: &str) -> String {
        Template::new(source).and_then(|template| template.render(&asked("x"))).unwrap_err().to_string()
    }

    #[test]
    fn a_template_that_fails_says_why_in_one_clause() {
        assert_eq!(refusal("{{ raise_exception('no\nroles') }}"), "`no roles` in its line 1");
        assert!(refusal("a\n{% if %}").contains("in its line 2"));
        assert!(refusal("{{ messages[0].a.b }}").contains("undefined"));
        assert_eq!(refusal("{{ strftime_now('%Q') }}"), "`%Q is no format of a date` in its line 1");
        assert!(refusal("{% include 'other' %}").contains("other"));
    }

    #[test]
    fn a_template_without_end_is_stopped_with_little_memory() {
        for source in [
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "{% set n = namespace(s='x') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
            "{% for a in range(99999) %}{{ 'x' * 99999 }}{% endfor %}",
        ] {
            assert_eq!(refusal(source), "it does not come to an end", "{source}");
        }
        assert!(refusal("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}").contains("recursion"));
    }

    #[test]
    fn the_writers_texts_are_known_as_they_are_or_trimmed() {
        let template = Template::new("<s>{% for m in messages %}[{{ m.content | trim }}]{% endfor %}<end>").unwrap();
        let script = template.ask(&Conversation { system: Some("s"), ..asked(" a<end>\n") }, &["<end>"]).unwrap();
        let parts: Vec<(&str, Whose)> = script.parts().iter().map(|part| (part.text.as_str(), part.whose)).collect();
        let (ours, theirs) = (Whose::Writer, Whose::Template);
        assert_eq!(parts, [("<s>[", theirs), ("s", ours), ("][", theirs), ("a<end>", ours), ("]<end>", theirs)]);
    }

    #[test]
    fn a_changed_text_passes_unless_it_names_a_control_token() {
        let template = Template::new("{{ messages[0].content | upper }}<end>").unwrap();
        assert_eq!(template.ask(&asked("a"), &["<end>"]).unwrap().text(), "A<end>");
        let refusal = template.ask(&asked("a<end>"), &["<end>"]).unwrap_err().to_string();
        assert!(refusal.contains("holds `<end>`"), "{refusal}");
    }

    #[test]
    fn generation_blocks_are_plain_blocks_and_their_name_elsewhere_is_text() {
        assert_eq!(plain_blocks("a{%- generation -%}b{% endgeneration %}"), "a{%- with -%}b{% endwith %}");
        for other in ["{% if generation %}", "generation", "{{ generation }}", "{% generations %}", "{%", "{% generation"] {
            assert_eq!(plain_blocks(other), other);
        }
    }
}
