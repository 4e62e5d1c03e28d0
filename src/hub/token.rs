//! The secret that the hub knows somebody by.

use std::fmt;

/// A token. It goes to the hub's own server alone, and nothing shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// What stands in a file or a variable, without the white space around it; `None` where there is nothing.
    ///
    /// # Errors
    /// It is no token. What it is is not repeated.
    pub fn read(text: &str) -> Result<Option<Self>, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let is_one = text.len() <= 1024 && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_one {
            Ok(Some(Self(text.to_owned())))
        } else {
            Err("it holds no token: one is a word of letters and digits, as in `hf_…`")
        }
    }

    /// The header that holds it.
    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_word_and_nothing_shows_it() {
        let token = Token::read(" hf_secret\n").unwrap().unwrap();
        assert_eq!((token.header().as_str(), format!("{token:?}").as_str()), ("Bearer hf_secret", "Token(…)"));
        assert_eq!(Token::read(" \n"), Ok(None));
        for text in ["hf_a b", "hf_\u{e9}", "hf_a\nX-Evil: 1", "hf_\0"] {
            let said = Token::read(text).unwrap_err();
            assert!(!said.contains("evil") && !said.contains("hf_a"), "{said}");
        }
    }
}
