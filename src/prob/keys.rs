//! The keys of a table in the order in which its type declares them, which a JSON Schema does not keep.

use schemars::Schema;
use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

/// Under this word a schema holds them.
pub const KEYS: &str = "x-keys";

/// Writes the keys of a table into its schema: a transformation for `#[schemars(transform = …)]`.
pub fn keys_in_order<'de, T: Deserialize<'de>>(schema: &mut Schema) {
    let mut keys: &[&str] = &[];
    // It always fails: it is asked, and told nothing.
    let _ = T::deserialize(Asks(&mut keys));
    schema.insert(KEYS.to_owned(), keys.into());
}

/// A deserializer that listens to which keys a type asks for.
struct Asks<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asks<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(self, _: &str, keys: &'static [&'static str], _: V) -> Result<V::Value, Error> {
        *self.0 = keys;
        Err(Error::custom("nothing is told"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("nothing is told"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}
