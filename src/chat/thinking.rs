//! Models that think before they answer: where their thinking begins and ends.

use super::script::{Script, Whose};
use super::template::Template;

/// What stands around thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Opens it.
    pub open: &'static str,
    /// What the model writes to end it.
    pub stop: &'static str,
    /// Ends it and leads over to the answer: mostly the same.
    pub close: &'static str,
    /// The white space between the marks and what is thought.
    inside: &'static str,
    /// The white space before the answer.
    after: &'static str,
}

impl Marks {
    const fn plain(open: &'static str, close: &'static str, inside: &'static str, after: &'static str) -> Self {
        Self { open, stop: close, close, inside, after }
    }
}

/// The marks of the families of models that have any.
const KNOWN: [Marks; 6] = [
    Marks::plain("<think>", "</think>", "\n", "\n\n"),
    Marks::plain("[THINK]", "[/THINK]", "", ""),
    Marks::plain("<|START_THINKING|>", "<|END_THINKING|>", "", ""),
    Marks::plain("<seed:think>", "</seed:think>", "", "\n"),
    Marks::plain("<|channel>thought", "<channel|>", "\n", ""),
    // Thinking is a message of its own there, in another channel than the answer.
    Marks {
        open: "<|channel|>analysis<|message|>",
        stop: "<|end|>",
        close: "<|end|><|start|>assistant<|channel|>final<|message|>",
        inside: "",
        after: "",
    },
];

/// How far a prompt has come with thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thought {
    /// It says nothing of it.
    Unsaid,
    /// The model is to think on.
    Open,
    /// The thinking is over.
    Closed,
}

impl Marks {
    /// Those that a template speaks of; `None` for a model that does not think.
    #[must_use]
    pub fn of(template: &Template) -> Option<Self> {
        let source = template.source();
        KNOWN.into_iter().find(|marks| source.contains(marks.open) || source.contains(marks.close))
    }

    /// How the prompt's last words leave it.
    #[must_use]
    pub fn thought(self, script: &Script) -> Thought {
        let tail = script.tail();
        match (tail.rfind(self.open), tail.rfind(self.close)) {
            (None, None) => Thought::Unsaid,
            (Some(open), close) if close.is_none_or(|close| close < open) => Thought::Open,
            _ => Thought::Closed,
        }
    }

    /// Lets the prompt open the thinking, if it says nothing of it; returns whether the model now thinks.
    pub fn open(self, script: &mut Script) -> bool {
        if self.thought(script) == Thought::Unsaid {
            script.add(&format!("{}{}", self.open, self.inside), Whose::Template);
        }
        self.thought(script) == Thought::Open
    }

    /// Ends the thinking that the prompt has opened. Where the template says nothing of it and cannot be asked for none,
    /// empty thinking is put there, so that the model does not begin by itself.
    pub fn close(self, script: &mut Script, template: &Template) {
        let Self { open, close, inside, after, stop: _ } = self;
        let opened = script.text().ends_with(inside);
        match self.thought(script) {
            Thought::Closed => {}
            Thought::Open if opened => script.add(&format!("{inside}{close}{after}"), Whose::Template),
            Thought::Open => script.add(&format!("{inside}{inside}{close}{after}"), Whose::Template),
            Thought::Unsaid if template.source().contains("enable_thinking") => {}
            Thought::Unsaid => script.add(&format!("{open}{inside}{inside}{close}{after}"), Whose::Template),
        }
    }

    /// Goes on behind what was thought.
    pub fn end(self, script: &mut Script, thinking: &str) {
        let Self { close, inside, after, .. } = self;
        script.add(thinking, Whose::Writer);
        let gap = if thinking.is_empty() || thinking.ends_with(inside) { "" } else { inside };
        script.add(&format!("{gap}{close}{after}"), Whose::Template);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Part;

    /// What becomes of a prompt that ends like this.
    fn closed(tail: &str, source: &str) -> String {
        let template = Template::new(source).unwrap();
        let request = Part { text: "<think>x".into(), whose: Whose::Writer };
        let mut script = Script::new(vec![request, Part { text: tail.into(), whose: Whose::Template }]);
        Marks::of(&template).unwrap().close(&mut script, &template);
        script.text()["<think>x".len()..].to_owned()
    }

    #[test]
    fn thinking_that_was_opened_is_closed_and_else_none_is_begun() {
        assert_eq!(closed("a<think>\n", "</think>"), "a<think>\n\n</think>\n\n");
        assert_eq!(closed("a<think>", "</think>"), "a<think>\n\n</think>\n\n");
        assert_eq!(closed("a<think></think>", "</think>"), "a<think></think>");
        assert_eq!(closed("a</think>", "</think>"), "a</think>");
        assert_eq!(closed("a\n", "</think>"), "a\n<think>\n\n</think>\n\n");
        assert_eq!(closed("a\n", "</think>{{ enable_thinking }}"), "a\n");
    }

    #[test]
    fn thinking_is_opened_once_and_ended_as_its_family_does() {
        for (source, opened, ended) in [
            ("<think>", "<think>\n", "\n</think>\n\n"),
            ("[/THINK]", "[THINK]", "[/THINK]"),
            (
                "<|channel|>analysis<|message|>",
                "<|channel|>analysis<|message|>",
                "<|end|><|start|>assistant<|channel|>final<|message|>",
            ),
        ] {
            let marks = Marks::of(&Template::new(source).unwrap()).unwrap();
            for tail in ["a".to_owned(), format!("a{opened}")] {
                let mut script = Script::new(vec![Part { text: tail, whose: Whose::Template }]);
                assert!(marks.open(&mut script));
                marks.end(&mut script, "hm");
                assert_eq!(script.text(), format!("a{opened}hm{ended}"));
                assert!(
                    marks.thought(&Script::new(vec![Part { text: ended.into(), whose: Whose::Template }])) == Thought::Closed
                );
            }
        }
        assert_eq!(Marks::of(&Template::new("plain").unwrap()), None);
    }
}
