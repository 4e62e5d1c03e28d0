//! Words of a preset, and the tokens by which a model spells them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text that stands for tokens: every token that is this very text, and, where it does not itself begin with white space,
/// every one that is a space and this text. Longer tokens that begin with it are other words and not meant: `cat` is not `cats`.
///
/// At least one character. A text that a model spells with several tokens stands for none of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("minLength" = 1))]
pub struct TokenPattern(String);

impl TokenPattern {
    /// Whether this piece of a vocabulary is the text, or a space and the text.
    pub(super) fn is(&self, piece: &[u8]) -> bool {
        let Self(text) = self;
        let with_space = || !text.starts_with(char::is_whitespace) && piece.strip_prefix(b" ") == Some(text.as_bytes());
        piece == text.as_bytes() || with_space()
    }
}

impl fmt::Display for TokenPattern {
    /// In quotes where white space matters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            write!(f, "`{text:?}`")
        } else {
            write!(f, "`{text}`")
        }
    }
}

impl TryFrom<String> for TokenPattern {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() { Err("an empty text is no token: expected at least one character") } else { Ok(Self(text)) }
    }
}

impl From<TokenPattern> for String {
    fn from(TokenPattern(text): TokenPattern) -> Self {
        text
    }
}

#[cfg(test)]
mod tests {
    use crate::sampler::Stage;

    #[test]
    fn an_empty_text_is_no_pattern() {
        assert!(toml::from_str::<Stage>("ban = ['']").unwrap_err().message().contains("at least one character"));
    }
}
