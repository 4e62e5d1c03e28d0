//! Models that think before they answer: where their thinking begins and ends.

use super::script::{Script, Whose};
use super::template::Template;

/// The two texts around thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Opens it.
    pub open: &'static str,
    /// Ends it.
    pub close: &'static str,
}

/// The marks of the families of models that have any.
const KNOWN: [Marks; 4] = [
    Marks { open: "<think>", close: "</think>" },
    Marks { open: "[THINK]", close: "[/THINK]" },
    Marks { open: "<|START_THINKING|>", close: "<|END_THINKING|>" },
    Marks { open: "<seed:think>", close: "</seed:think>" },
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
        KNOWN.into_iter().find(|marks| template.source().contains(marks.close))
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
            script.add(&format!("{}\n", self.open), Whose::Template);
        }
        self.thought(script) == Thought::Open
    }

    /// Ends the thinking that the prompt has opened. Where the template says nothing of it and cannot be asked for none,
    /// empty thinking is put there, so that the model does not begin by itself.
    pub fn close(self, script: &mut Script, template: &Template) {
        let Self { open, close } = self;
        let gap = if script.text().ends_with('\n') { "\n" } else { "\n\n" };
        match self.thought(script) {
            Thought::Closed => {}
            Thought::Open => script.add(&format!("{gap}{close}\n\n"), Whose::Template),
            Thought::Unsaid if template.source().contains("enable_thinking") => {}
            Thought::Unsaid => script.add(&format!("{open}\n\n{close}\n\n"), Whose::Template),
        }
    }

    /// Goes on behind what was thought.
    pub fn end(self, script: &mut Script, thinking: &str) {
        script.add(thinking, Whose::Writer);
        let gap = if thinking.is_empty() || thinking.ends_with('\n') { "" } else { "\n" };
        script.add(&format!("{gap}{}\n\n", self.close), Whose::Template);
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
    fn thinking_is_opened_once_and_ended_on_a_line_of_its_own() {
        let template = Template::new("[/THINK]").unwrap();
        let marks = Marks::of(&template).unwrap();
        for (tail, before) in [("a", "a[THINK]\n"), ("a[THINK]", "a[THINK]")] {
            let mut script = Script::new(vec![Part { text: tail.into(), whose: Whose::Template }]);
            assert!(marks.open(&mut script));
            marks.end(&mut script, "hm");
            assert_eq!(script.text(), format!("{before}hm\n[/THINK]\n\n"));
            assert!(!marks.open(&mut script), "it is over");
        }
        assert_eq!(Marks::of(&Template::new("plain").unwrap()), None);
    }
}
