//! What can be done at the desk, and the keys for it.

use crate::cli::keys::Press;

/// Something that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    GoOn,
    Again,
    /// Another word at this place, counted from 1.
    Word(usize),
    Drafts,
    Undo,
    Edit,
    Preset,
    Help,
    Quit,
}

/// The keys, each with what it does.
pub const KEYS: [(&str, &str); 9] = [
    ("Enter", "go on with the story"),
    ("r", "again: the last piece, told with the next seed"),
    ("1-9", "another word: the last piece goes on from that place with the word behind the arrow"),
    ("d", "drafts: several pieces side by side, of which one is chosen"),
    ("u", "undo: what was done last, and then piece by piece what was added before"),
    ("e", "edit: open the file in your editor"),
    ("p", "preset: tell on with another one"),
    ("?", "this help"),
    ("q", "quit; the file is as you see it"),
];

/// What is shown of them between pieces.
pub const LINE: &str = "Enter on · r again · 1-9 word · d drafts · u undo · e edit · p preset · ? · q";

impl Deed {
    /// What a key or a line asks for; what is none comes back as it is named.
    pub fn of(press: &Press) -> Result<Self, String> {
        let typed = match press {
            Press::Enter => return Ok(Self::GoOn),
            Press::Escape | Press::Other => return Err("this key".to_owned()),
            Press::End => return Ok(Self::Quit),
            Press::Typed(typed) => typed.to_lowercase(),
        };
        Ok(match typed.as_str() {
            "" => Self::GoOn,
            "r" => Self::Again,
            "d" => Self::Drafts,
            "u" => Self::Undo,
            "e" => Self::Edit,
            "p" => Self::Preset,
            "?" | "h" => Self::Help,
            "q" => Self::Quit,
            digit => match digit.parse() {
                Ok(place @ 1..=9) => Self::Word(place),
                _ => return Err(format!("`{typed}`")),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_help_does_something() {
        let typed = |text: &str| Deed::of(&Press::Typed(text.to_owned()));
        for (key, _) in KEYS {
            match key {
                "Enter" => assert_eq!((Deed::of(&Press::Enter), typed("")), (Ok(Deed::GoOn), Ok(Deed::GoOn))),
                "1-9" => assert_eq!((typed("1"), typed("9")), (Ok(Deed::Word(1)), Ok(Deed::Word(9)))),
                key => assert!(typed(key).is_ok(), "{key}"),
            }
        }
        assert_eq!(typed("R"), Ok(Deed::Again));
        for none in ["0", "10", "x", "ru"] {
            assert_eq!(typed(none), Err(format!("`{none}`")));
        }
        assert_eq!(Deed::of(&Press::End), Ok(Deed::Quit));
    }
}
