//! What a person does: keys, clicks and the wheel, whatever terminal they come from.

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Which one.
    pub code: Code,
    /// Whether Ctrl was held.
    pub ctrl: bool,
}

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// A character, as it is typed.
    Char(char),
    /// Enter.
    Enter,
    /// Esc.
    Escape,
    /// Backspace.
    Backspace,
    /// Tab.
    Tab,
    /// Tab with Shift.
    BackTab,
    /// ←
    Left,
    /// →
    Right,
    /// ↑
    Up,
    /// ↓
    Down,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
}

impl Key {
    /// This key alone.
    #[must_use]
    pub fn plain(code: Code) -> Self {
        Self { code, ctrl: false }
    }

    /// This character.
    #[must_use]
    pub fn typed(c: char) -> Self {
        Self::plain(Code::Char(c))
    }

    /// This key with Ctrl.
    #[must_use]
    pub fn ctrl(code: Code) -> Self {
        Self { code, ctrl: true }
    }
}

/// The keys of the page, in the order of the help: what is pressed, and what it does.
pub const PAGE: [(&str, &str); 27] = [
    ("← →", "a token back, on"),
    ("Ctrl-← →", "a word back, on"),
    ("Home End", "to the beginning, to the end"),
    ("↑ ↓", "another candidate"),
    ("Enter", "take the candidate: where the story goes on otherwise it becomes a branch beside it"),
    ("Space", "tell on from the cursor; again to stop"),
    ("s p", "tell to the end of the sentence, of the paragraph"),
    ("n", "three drafts from the cursor, each a branch"),
    ("r", "tell the piece at the cursor again, with the next seed"),
    ("Tab", "the next branch that goes on from the same place"),
    ("Backspace", "a token back, and out of sight; its branch is kept"),
    ("u Ctrl-r", "undo, redo"),
    ("e", "edit the text from the cursor on; what was there stays a branch"),
    ("c", "colour the words: off, p, surprisal, entropy, Ĥ, α"),
    ("g", "the ghost line: where each candidate would lead"),
    ("[ ]", "the preset before, behind"),
    ("{ }", "α less by 0.1, more"),
    ("=", "change one value of the preset"),
    ("b B", "set or take a bookmark, show all"),
    ("i", "a note on the branch"),
    ("/", "search all branches"),
    ("t", "the tree"),
    ("|", "compare with another branch"),
    ("x", "export"),
    ("?", "this help"),
    ("Esc", "stop what is being told or read"),
    ("q", "quit"),
];

/// The keys of the tree.
pub const TREE: [(&str, &str); 9] = [
    ("↑ ↓", "another branch"),
    ("← →", "close and open; to the branch before"),
    ("Enter", "go there"),
    ("d", "prune: the branch and all behind it; u brings it back"),
    ("m", "merge with the branch before"),
    ("h", "show only what grows from here, or all again"),
    ("o", "sort by time, mean log p, mean Ĥ"),
    ("v", "which of two is better? without names, 1 or 2"),
    ("t Esc", "back to the page"),
];
