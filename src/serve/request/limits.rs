//! How far a story goes: lengths, ends, seed and drafts.

use std::time::Duration;

use super::fields::{Fields, whole};
use super::words;
use crate::serve::Fault;

/// The most drafts of one prompt.
pub const MOST_DRAFTS: i64 = 16;

/// Seeds are told as numbers that JavaScript can hold; those that are drawn are below this.
pub const SEEDS: u64 = 1 << 53;

/// How many tokens are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// As many as the server tells where nobody says.
    Usual,
    /// As many as there is room for.
    ToTheEnd,
    /// At most so many; 0 reads the prompt only.
    Most(usize),
}

/// The limits of a story.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Its length.
    pub length: Length,
    /// Before so many tokens it does not end by itself.
    pub min_tokens: usize,
    /// Whether it never ends by itself: neither where the model would end it nor where it only repeats itself.
    pub ignores_end: bool,
    /// Texts before which it ends.
    pub stops: Vec<String>,
    /// The seed of its noise; `None`: one is drawn.
    pub seed: Option<u64>,
    /// How many drafts there are of each prompt, each with a seed of its own.
    pub drafts: usize,
    /// After so long of telling it ends.
    pub time: Option<Duration>,
}

/// Names of the length of a story.
const LENGTH: [&str; 6] = ["max_completion_tokens", "max_tokens", "n_predict", "max_new_tokens", "num_predict", "max_length"];

impl Limits {
    /// Reads them; `usual` is the length where the request names none.
    ///
    /// # Errors
    /// A field that cannot be meant.
    pub fn of(fields: Fields, usual: Length) -> Result<Self, Fault> {
        let length = match fields.whole(&LENGTH, i64::MIN..=i64::MAX)? {
            None => usual,
            Some(..0) => Length::ToTheEnd,
            Some(most) => Length::Most(usize::try_from(most).unwrap_or(usize::MAX)),
        };
        let min_tokens = fields.clamped(&["min_tokens", "min_length"], 0..=i64::MAX)?.unwrap_or(0);
        let milliseconds = fields.clamped(&["t_max_predict_ms"], 0..=i64::from(u32::MAX))?.unwrap_or(0);
        Ok(Self {
            length,
            min_tokens: usize::try_from(min_tokens).unwrap_or(usize::MAX),
            ignores_end: fields.flag(&["ignore_eos", "ban_eos_token"])?.unwrap_or(false),
            stops: words::stops(fields)?,
            seed: seed(fields, &["seed", "sampler_seed"])?,
            drafts: drafts(fields)?,
            time: u64::try_from(milliseconds).ok().filter(|&most| most > 0).map(Duration::from_millis),
        })
    }
}

/// The seed; a negative one, and the largest of 32 bits, stand for any.
pub fn seed(fields: Fields, names: &[&'static str]) -> Result<Option<u64>, Fault> {
    let Some(field) = fields.get(names) else { return Ok(None) };
    let exact = field.value.as_u64().or_else(|| field.value.as_str()?.trim().parse().ok());
    let seed = match (exact, whole(field.value)) {
        (None, Some(..0)) => return Ok(None),
        (exact, whole) => exact.or_else(|| u64::try_from(whole?).ok()),
    };
    let seed = seed.ok_or_else(|| field.wrong("a whole number, or a negative one for any,"))?;
    Ok(Some(seed).filter(|&seed| seed != u64::from(u32::MAX)))
}

/// How many drafts.
fn drafts(fields: Fields) -> Result<usize, Fault> {
    let drafts = fields.whole(&["n", "n_cmpl"], 1..=MOST_DRAFTS)?;
    if let Some(best_of) = fields.whole(&["best_of"], 1..=MOST_DRAFTS)?
        && best_of != drafts.unwrap_or(1)
    {
        let cause = format!("it is {best_of}, and stories are not ranked here: it may only be as many as `n`");
        return Err(Fault::field("best_of", cause));
    }
    Ok(drafts.and_then(|drafts| usize::try_from(drafts).ok()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: &Value) -> Result<Limits, String> {
        Limits::of(Fields::of(body.as_object().unwrap()), Length::Usual).map_err(|fault| fault.message)
    }

    #[test]
    fn every_name_of_the_length_is_read_and_a_negative_one_is_no_limit() {
        for name in LENGTH {
            assert_eq!(read(&json!({ name: 60 })).unwrap().length, Length::Most(60), "{name}");
        }
        let length = |value: Value| read(&json!({ "n_predict": value })).unwrap().length;
        assert_eq!(length(json!(-1)), Length::ToTheEnd);
        assert_eq!(length(json!(0)), Length::Most(0));
        assert_eq!(length(Value::Null), Length::Usual);
        assert!(read(&json!({"max_tokens": "many"})).unwrap_err().starts_with("`max_tokens`"));
    }

    #[test]
    fn a_seed_that_is_absent_null_or_negative_is_to_be_drawn() {
        let seed = |body: Value| read(&body).unwrap().seed;
        for any in
            [json!({}), json!({"seed": null}), json!({"seed": -1}), json!({"seed": 4_294_967_295_u64}), json!({"seed": "-1"})]
        {
            assert_eq!(seed(any.clone()), None, "{any}");
        }
        assert_eq!(seed(json!({"seed": 7})), Some(7));
        assert_eq!(seed(json!({"sampler_seed": "8"})), Some(8));
        assert_eq!(seed(json!({"seed": u64::MAX})), Some(u64::MAX));
        assert!(read(&json!({"seed": 0.5})).unwrap_err().contains("a whole number"));
    }

    #[test]
    fn drafts_are_bounded_and_nothing_is_the_best_of_more_than_there_are() {
        assert_eq!(read(&json!({"n": 5, "best_of": 5})).unwrap().drafts, 5);
        assert_eq!(read(&json!({"n_cmpl": "3"})).unwrap().drafts, 3);
        assert_eq!(read(&json!({"best_of": 1})).unwrap().drafts, 1);
        assert!(read(&json!({"n": 1_000_000_000})).unwrap_err().contains("from 1 to 16"));
        assert!(read(&json!({"n": 0})).unwrap_err().starts_with("`n`"));
        assert!(read(&json!({"n": 2, "best_of": 5})).unwrap_err().starts_with("`best_of`"));
    }

    #[test]
    fn either_name_keeps_a_story_from_ending() {
        let read = |body: Value| read(&body).unwrap();
        assert!(read(json!({"ban_eos_token": true})).ignores_end);
        assert!(read(json!({"ignore_eos": 1})).ignores_end && !read(json!({})).ignores_end);
        assert_eq!(read(json!({"min_tokens": -3})).min_tokens, 0);
        assert_eq!(read(json!({"t_max_predict_ms": 250})).time, Some(Duration::from_millis(250)));
        assert_eq!(read(json!({"t_max_predict_ms": -1})).time, None);
    }
}
