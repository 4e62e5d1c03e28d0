//! Models that think before they answer: where their thinking begins and ends.

use super::script::{Script, Whose};

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
    /// The first of those known that a source names, though it may do so only to cut them from earlier answers.
    pub(super) fn named(source: &str) -> Option<Self> {
        KNOWN.into_iter().find(|marks| marks.stand_in(source))
    }

    fn stand_in(self, text: &str) -> bool {
        text.contains(self.open) || text.contains(self.close)
    }
}

/// A model that thinks before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thinking {
    /// What stands around its thoughts.
    pub marks: Marks,
    /// Whether its template makes another text of a conversation in which it may think: then the template has said all that
    /// there is to be said.
    switches: bool,
}

impl Thinking {
    /// Whether a template that names these marks is that of a model that thinks: it `switches`, or one of the texts that it has
    /// `written` holds them. `None` for one that knows them only to cut them from earlier answers: it says nothing of this
    /// model.
    pub(super) fn of(marks: Marks, switches: bool, written: &[String]) -> Option<Self> {
        let writes = written.iter().any(|text| marks.stand_in(text));
        (switches || writes).then_some(Self { marks, switches })
    }

    /// How the prompt's last words leave it.
    #[must_use]
    pub fn thought(self, script: &Script) -> Thought {
        let tail = script.tail();
        match (tail.rfind(self.marks.open), tail.rfind(self.marks.close)) {
            (None, None) => Thought::Unsaid,
            (Some(open), close) if close.is_none_or(|close| close < open) => Thought::Open,
            _ => Thought::Closed,
        }
    }

    /// Lets the prompt open the thinking, if it says nothing of it; returns whether the model now thinks.
    pub fn open(self, script: &mut Script) -> bool {
        if self.thought(script) == Thought::Unsaid {
            script.add(&format!("{}{}", self.marks.open, self.marks.inside), Whose::Template);
        }
        self.thought(script) == Thought::Open
    }

    /// Ends the thinking that the prompt has opened. Where the template says nothing of it and has no switch, empty thinking is
    /// put there, so that the model does not begin by itself.
    pub fn close(self, script: &mut Script) {
        let Marks { open, close, inside, after, stop: _ } = self.marks;
        let opened = script.text().ends_with(inside);
        match self.thought(script) {
            Thought::Closed => {}
            Thought::Open if opened => script.add(&format!("{inside}{close}{after}"), Whose::Template),
            Thought::Open => script.add(&format!("{inside}{inside}{close}{after}"), Whose::Template),
            Thought::Unsaid if self.switches => {}
            Thought::Unsaid => script.add(&format!("{open}{inside}{inside}{close}{after}"), Whose::Template),
        }
    }

    /// Goes on behind what was thought.
    pub fn end(self, script: &mut Script, thinking: &str) {
        let Marks { close, inside, after, .. } = self.marks;
        script.add(thinking, Whose::Writer);
        let gap = if thinking.is_empty() || thinking.ends_with(inside) { "" } else { inside };
        script.add(&format!("{gap}{close}{after}"), Whose::Template);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Part;

    fn thinking(source: &str, switches: bool) -> Thinking {
        Thinking { marks: Marks::named(source).unwrap(), switches }
    }

    /// What becomes of a prompt that ends like this.
    fn closed(tail: &str, switches: bool) -> String {
        let request = Part { text: "<think>x".into(), whose: Whose::Writer };
        let mut script = Script::new(vec![request, Part { text: tail.into(), whose: Whose::Template }]);
        thinking("</think>", switches).close(&mut script);
        script.text()["<think>x".len()..].to_owned()
    }

    #[test]
    fn thinking_that_was_opened_is_closed_and_else_none_is_begun() {
        for switches in [false, true] {
            assert_eq!(closed("a<think>\n", switches), "a<think>\n\n</think>\n\n");
            assert_eq!(closed("a<think>", switches), "a<think>\n\n</think>\n\n");
            assert_eq!(closed("a<think></think>", switches), "a<think></think>");
            assert_eq!(closed("a</think>", switches), "a</think>");
        }
        assert_eq!(closed("a\n", false), "a\n<think>\n\n</think>\n\n");
        assert_eq!(closed("a\n", true), "a\n");
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
            let thinking = thinking(source, false);
            for tail in ["a".to_owned(), format!("a{opened}")] {
                let mut script = Script::new(vec![Part { text: tail, whose: Whose::Template }]);
                assert!(thinking.open(&mut script));
                thinking.end(&mut script, "hm");
                assert_eq!(script.text(), format!("a{opened}hm{ended}"));
                let ended = Script::new(vec![Part { text: ended.into(), whose: Whose::Template }]);
                assert_eq!(thinking.thought(&ended), Thought::Closed);
            }
        }
        assert_eq!(Marks::named("plain"), None);
    }

    #[test]
    fn a_model_thinks_if_its_template_has_a_switch_or_writes_the_marks_itself() {
        let marks = Marks::named("<think>").unwrap();
        let of = |switches, written: &[&str]| {
            let written: Vec<String> = written.iter().map(|text| (*text).to_owned()).collect();
            Thinking::of(marks, switches, &written).map(|thinking| thinking.switches)
        };
        assert_eq!(of(false, &["a", "b"]), None);
        assert_eq!(of(false, &[]), None);
        assert_eq!(of(true, &["a", "b"]), Some(true));
        assert_eq!(of(false, &["a<think>"]), Some(false));
        assert_eq!(of(false, &["a", "b</think>c"]), Some(false));
    }
}
