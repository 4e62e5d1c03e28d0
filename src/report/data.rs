//! What a page keeps of traces, compact: the script of the page reads it and draws what is asked for.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::colour_scale::{ColourScale, STEPS};
use super::story::Story;
use crate::story::{TracedCandidate, TracedSkip, TracedToken};

/// The data of a page. Every number is that of the record, to its last digit.
#[derive(Debug, Serialize)]
pub struct Data<'a> {
    /// The scales by which words are coloured.
    tints: Vec<Value>,
    /// Steps of a scale.
    steps: usize,
    /// All texts, each once: tokens name them by number.
    pieces: Vec<&'a str>,
    /// The names of stages of chains.
    stages: Vec<&'a str>,
    stories: Vec<Value>,
    /// Whether they were given and read, and not told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    read: bool,
}

/// Texts with their numbers.
#[derive(Default)]
struct Numbered<'a> {
    texts: Vec<&'a str>,
    numbers: HashMap<&'a str, usize>,
}

impl<'a> Numbered<'a> {
    fn number(&mut self, text: &'a str) -> usize {
        *self.numbers.entry(text).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() - 1
        })
    }
}

impl<'a> Data<'a> {
    /// The data of these stories; the tokens before `partings` are those that a story shares with the first one.
    pub fn of(stories: &'a [Story], partings: &[Option<usize>]) -> Self {
        let (mut pieces, mut stages) = (Numbered::default(), Numbered::default());
        let mut told = Vec::with_capacity(stories.len());
        for (at, story) in stories.iter().enumerate() {
            let rows = story.trace.iter().zip(&story.slices);
            let rows: Vec<Value> = rows.map(|(token, slice)| row(token, slice, &mut pieces, &mut stages)).collect();
            let mut data = json!({
                "name": story.name,
                "file": story.file,
                "label": story.label,
                "lead": if story.answers { &story.begun } else { &story.prompt },
                "rest": if story.trace.is_empty() { story.text.as_str() } else { "" },
                "parts": partings.get(at).copied().flatten(),
                "rows": rows,
            });
            // What was taken back: before which token, and as it stood there.
            let back: Vec<(usize, &String)> =
                story.unsaid.iter().filter_map(|one| Some((one.at, one.text.as_ref()?))).collect();
            if !back.is_empty() {
                data["unsaid"] = json!(back);
            }
            told.push(data);
        }
        Self {
            tints: ColourScale::ALL.map(scale).to_vec(),
            steps: STEPS,
            pieces: pieces.texts,
            stages: stages.texts,
            stories: told,
            read: stories.iter().any(|story| story.read),
        }
    }
}

/// A scale, and where in a row its value stands.
fn scale(by: ColourScale) -> Value {
    let scale = by.scale();
    let column = match by {
        ColourScale::Probability => 2,
        ColourScale::Surprisal => 4,
        ColourScale::Entropy => 5,
        ColourScale::Alpha => 7,
        ColourScale::Future => 8,
    };
    json!({
        "name": by.name(), "column": column, "least": scale.least, "most": scale.most,
        "diverges": scale.diverges, "low": scale.low, "high": scale.high,
    })
}

/// A token: its slice of the text, its piece, p, rank, surprisal, entropy, Ĥ now, α, Ĥ after it, why nothing was looked at,
/// candidates (piece, p, Ĥ, s, whether chosen, Ĥ as it was weighed), stages (name, removed), T, cuts that move (name, value), how far it had gone beyond its model. What is missing at the end is left out.
fn row<'a>(token: &'a TracedToken, slice: &'a str, pieces: &mut Numbered<'a>, stages: &mut Numbered<'a>) -> Value {
    let TracedToken { id, piece, p, rank, surprisal, entropy, normalised_entropy, alpha, temperature, .. } = token;
    let TracedToken { future, skipped, candidates, removed, cuts, excess, .. } = token;
    let skipped = skipped.map(|skipped| match skipped {
        TracedSkip::OneSurvivor => 1,
        TracedSkip::OwnVoice => 2,
    });
    let mut candidate = |one: &'a TracedCandidate| {
        let TracedCandidate { id: other, piece, p, future, openness, left: _, s } = one;
        let mut cells = vec![json!(pieces.number(piece)), json!(p), json!(future), json!(s)];
        if other == id || openness.is_some() {
            cells.push(json!(u8::from(other == id)));
        }
        cells.extend(openness.map(|openness| json!(openness)));
        Value::Array(cells)
    };
    let candidates: Vec<Value> = candidates.iter().map(&mut candidate).collect();
    let removed: Vec<Value> = removed.iter().map(|(stage, count)| json!([stages.number(stage), count])).collect();
    let cuts: Vec<Value> = cuts.iter().map(|(stage, value)| json!([stages.number(stage), value])).collect();
    let mut row = vec![
        json!(pieces.number(slice)),
        json!(pieces.number(piece)),
        json!(p),
        json!(rank),
        json!(surprisal),
        json!(entropy),
        json!(normalised_entropy),
        json!(alpha),
        json!(future),
        json!(skipped.unwrap_or(0)),
        Value::Array(candidates),
        Value::Array(removed),
        json!(temperature),
        Value::Array(cuts),
        json!(excess),
    ];
    let says_nothing = |value: &Value| *value == json!([]) || *value == json!(0) || value.is_null();
    while row.len() > 6 && row.last().is_some_and(says_nothing) {
        row.pop();
    }
    Value::Array(row)
}
