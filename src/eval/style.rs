//! Sentences, dialogue and dashes: what a reader sees before the first word. Guards with two sides, read on the text as it was written.

use unicode_segmentation::UnicodeSegmentation;

use super::words::words;

/// What stands before a full stop that ends no sentence.
const ABBREVIATIONS: [&str; 8] = ["Mr.", "Mrs.", "Ms.", "Dr.", "St.", "Mt.", "Prof.", "vs."];

/// Sentences and marks of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// The mean of its sentences' lengths in words; NaN without any.
    pub sentence: f64,
    /// The standard deviation of those lengths (over n); NaN without any.
    pub deviation: f64,
    /// The share of words that stand between quotation marks.
    pub dialogue: f64,
    /// Em dashes (—, or -- between words) for 1,000 words.
    pub dashes: f64,
}

/// The style of a text.
#[must_use]
pub fn style(text: &str) -> Style {
    let lengths: Vec<f64> =
        sentences(text).map(|sentence| words(sentence).count() as f64).filter(|&words| words > 0.0).collect();
    let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
    let variance = lengths.iter().map(|length| (length - mean).powi(2)).sum::<f64>() / lengths.len() as f64;
    let all = lengths.iter().sum::<f64>();
    let dashes = text.matches('—').count() + text.matches("--").count();
    Style {
        sentence: mean,
        deviation: variance.sqrt(),
        dialogue: spoken(text) as f64 / all,
        dashes: 1000.0 * dashes as f64 / all,
    }
}

/// The sentences of a text as UAX #29 cuts them, but not behind `Mr.` and its like, nor before a small letter: `“Who?” she asked.` is
/// one. Each is a slice of the text.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut bounds = text.split_sentence_bound_indices().peekable();
    std::iter::from_fn(move || {
        let (start, first) = bounds.next()?;
        let mut end = start + first.len();
        let goes_on = |end: usize, next: &str| {
            let before = text[start..end].trim_end();
            next.starts_with(char::is_lowercase) || ABBREVIATIONS.iter().any(|abbreviation| before.ends_with(abbreviation))
        };
        while let Some((at, more)) = bounds.next_if(|(at, next)| goes_on(*at, next)) {
            end = at + more.len();
        }
        Some(&text[start..end])
    })
}

/// The words between double quotation marks or guillemets. A paragraph ends what was left open.
fn spoken(text: &str) -> usize {
    let mut spoken = 0;
    for paragraph in text.lines() {
        let mut open = None;
        for (at, c) in paragraph.char_indices() {
            match (c, open) {
                ('“' | '«' | '„' | '"', None) => open = Some(at),
                ('”' | '»' | '“' | '"', Some(start)) => {
                    spoken += words(&paragraph[start..at]).count();
                    open = None;
                }
                _ => {}
            }
        }
        spoken += open.map_or(0, |start| words(&paragraph[start..]).count());
    }
    spoken
}

/// Whether a text breaks off: its end is no end of a sentence, or a quotation is still open in its last paragraph.
#[must_use]
pub fn is_unfinished(text: &str) -> bool {
    let text = text.trim_end();
    let bare = text.trim_end_matches(['"', '”', '’', '\'', '»', '“', ')', ']', '*', '_']);
    let ends = bare.ends_with(['.', '!', '?', '…', '。', '！', '？', '」', '』', '।', '؟', '۔']);
    let last = text.lines().next_back().unwrap_or_default();
    let count = |mark: char| last.matches(mark).count();
    let open = !count('"').is_multiple_of(2) || count('“') > count('”') + count('„');
    !ends || open
}

#[cfg(test)]
mod tests {
    use super::super::distinct::tests::near;
    use super::*;

    #[test]
    fn a_sentence_goes_on_behind_mister() {
        let text = "Mr. Fox ran. He met Dr. Owl! “Who?” she asked. ";
        assert_eq!(
            sentences(text).map(str::trim).collect::<Vec<_>>(),
            ["Mr. Fox ran.", "He met Dr. Owl!", "“Who?” she asked."]
        );
        assert_eq!(sentences("It was Mr.").collect::<Vec<_>>(), ["It was Mr."]);
        assert_eq!(sentences("").count(), 0);
    }

    #[test]
    fn style_counts_sentences_dialogue_and_dashes() {
        let told = style("\"Run now,\" she said — and ran. He stayed.");
        near(told.sentence, 4.0);
        near(told.deviation, 2.0);
        near(told.dialogue, 2.0 / 8.0);
        near(told.dashes, 1000.0 / 8.0);
        assert!(style("…").sentence.is_nan());
    }

    #[test]
    fn a_quotation_that_is_left_open_ends_with_its_paragraph() {
        assert_eq!(spoken("\"One two\nthree four"), 2);
        assert_eq!(spoken("“One,” two «three» four"), 2);
        assert_eq!(spoken("„Eins“, zwei"), 1);
    }

    #[test]
    fn an_ending_is_finished_where_a_sentence_is() {
        for text in ["He ran.", "“He ran.”", "He ran…\n", "Did he?)", "狼が来た。", "*He ran.*"] {
            assert!(!is_unfinished(text), "{text}");
        }
        for text in ["He ran and", "He ran,", "“He ran.", "\"He ran.", "", "—"] {
            assert!(is_unfinished(text), "{text}");
        }
    }
}
