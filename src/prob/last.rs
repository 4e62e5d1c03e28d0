//! How far a penalty looks back.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroUsize;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Token;

/// The latest tokens that count: so many, or all of them. It is written as a number or as `"all"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// At most so many tokens.
    Tokens(NonZeroUsize),
    /// The whole text, the prompt with it.
    All,
}

impl Last {
    /// So many tokens; all of them for 0.
    pub(crate) const fn usual(tokens: usize) -> Self {
        match NonZeroUsize::new(tokens) {
            Some(tokens) => Self::Tokens(tokens),
            None => Self::All,
        }
    }

    /// The end of a text that counts.
    #[must_use]
    pub fn of(self, text: &[Token]) -> &[Token] {
        match self {
            Self::Tokens(tokens) => &text[text.len().saturating_sub(tokens.get())..],
            Self::All => text,
        }
    }

    /// How many tokens it is; `None` where it is all of them.
    #[must_use]
    pub fn tokens(self) -> Option<NonZeroUsize> {
        match self {
            Self::Tokens(tokens) => Some(tokens),
            Self::All => None,
        }
    }
}

impl JsonSchema for Last {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Last".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "const": "all" }] })
    }
}

impl Serialize for Last {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Tokens(tokens) => tokens.serialize(serializer),
            Self::All => serializer.serialize_str("all"),
        }
    }
}

impl<'de> Deserialize<'de> for Last {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Last;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a whole number from 1 up, or \"all\"")
            }

            fn visit_u64<E: Error>(self, tokens: u64) -> Result<Last, E> {
                let whole = usize::try_from(tokens).ok().and_then(NonZeroUsize::new).map(Last::Tokens);
                whole.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(tokens), &self))
            }

            fn visit_i64<E: Error>(self, tokens: i64) -> Result<Last, E> {
                let whole = u64::try_from(tokens).map_err(|_| E::invalid_value(Unexpected::Signed(tokens), &self))?;
                self.visit_u64(whole)
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Last, E> {
                if word == "all" { Ok(Last::All) } else { Err(E::invalid_value(Unexpected::Str(word), &self)) }
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Looks {
        last: Last,
    }

    #[test]
    fn all_is_the_whole_text_and_a_number_its_end() {
        let text = [1, 2, 3];
        let last = |n| Last::Tokens(NonZeroUsize::new(n).unwrap());
        assert_eq!((last(1).of(&text), last(3).of(&text), last(4).of(&text)), (&text[2..], &text[..], &text[..]));
        assert_eq!(Last::All.of(&text), &text);
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        for (written, last) in [("last = 64\n", Last::usual(64)), ("last = \"all\"\n", Last::All)] {
            assert_eq!(toml::from_str::<Looks>(written).unwrap(), Looks { last });
            assert_eq!(toml::to_string(&Looks { last }).unwrap(), written);
            let record = serde_json::to_string(&Looks { last }).unwrap();
            assert_eq!(serde_json::from_str::<Looks>(&record).unwrap(), Looks { last });
        }
        for wrong in ["0", "-1", "1.5", "\"none\"", "true", "[]"] {
            let message = toml::from_str::<Looks>(&format!("last = {wrong}")).unwrap_err().to_string();
            assert!(message.contains("expected a whole number from 1 up, or \"all\""), "{message}");
        }
    }
}
