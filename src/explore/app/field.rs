//! A line that is typed.

use super::super::key::{Code, Key};

/// What a line is typed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A change of the preset, `key=value`.
    Set,
    /// Words to search for.
    Search,
    /// A note on the branch.
    Note,
    /// Where an export goes.
    Export,
    /// Where the tree is saved.
    SaveAs,
}

impl Asked {
    /// What stands before the line.
    #[must_use]
    pub fn question(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Search => "search",
            Self::Note => "note",
            Self::Export => "export to",
            Self::SaveAs => "save as",
        }
    }
}

/// A line that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What for.
    pub asked: Asked,
    /// What is typed so far.
    pub text: String,
    /// How it may go on, likeliest first.
    pub completions: Vec<String>,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// It is still typed.
    On,
    /// It is done.
    Done,
    /// It was given up.
    Left,
}

impl Field {
    /// A line that begins with this text.
    #[must_use]
    pub fn new(asked: Asked, text: String) -> Self {
        Self { asked, text, completions: Vec::new() }
    }

    /// Takes a key. Tab goes on as far as all completions agree.
    pub fn hear(&mut self, key: Key) -> Typed {
        match (key.code, key.ctrl) {
            (Code::Enter, _) => return Typed::Done,
            (Code::Escape, _) => return Typed::Left,
            (Code::Backspace, _) => {
                self.text.pop();
            }
            (Code::Char('u' | 'w'), true) => self.text.clear(),
            (Code::Char(c), false) if !c.is_control() => self.text.push(c),
            (Code::Tab, _) => self.complete(),
            _ => {}
        }
        Typed::On
    }

    fn complete(&mut self) {
        let Some((first, rest)) = self.completions.split_first() else { return };
        let agree = |one: &str, other: &str| one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
        let shared = rest.iter().map(|other| agree(first, other)).min().unwrap_or(first.chars().count());
        if shared > self.text.chars().count() {
            self.text = first.chars().take(shared).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_typed_completed_and_given_up() {
        let mut field = Field::new(Asked::Set, String::new());
        for c in "fut狼".chars() {
            assert_eq!(field.hear(Key::typed(c)), Typed::On);
        }
        field.hear(Key::plain(Code::Backspace));
        field.completions = vec!["future.alpha=".into(), "future.alpha.wave=".into()];
        field.hear(Key::plain(Code::Tab));
        assert_eq!(field.text, "future.alpha");
        field.hear(Key::plain(Code::Tab));
        assert_eq!(field.text, "future.alpha");
        field.hear(Key::ctrl(Code::Char('u')));
        assert_eq!(field.text, "");
        assert_eq!((field.hear(Key::plain(Code::Enter)), field.hear(Key::plain(Code::Escape))), (Typed::Done, Typed::Left));
    }
}
