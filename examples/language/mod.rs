//! A language of eighteen words, in which every word knows what may follow it and how likely. A model of it is a table.

use afterword::model::{Kind, Lexicon, Toy};
use afterword::prob::Token;

/// Each word, and the weights of those that follow it. Behind the full stop the text ends.
const WORDS: [(&str, &[(&str, f32)]); 18] = [
    ("The", &[(" king", 5.0), (" wolf", 4.0), (" door", 2.0)]),
    (" the", &[(" king", 2.0), (" wolf", 2.0), (" door", 3.0), (" sea", 2.0), (" moon", 1.0)]),
    (" a", &[(" king", 2.0), (" wolf", 3.0), (" door", 2.0)]),
    (" king", &[(" slept", 9.0), (" opened", 1.0)]),
    (" wolf", &[(" ran", 3.0), (" sang", 3.0), (" waited", 3.0), (" opened", 2.0)]),
    (" door", &[(" opened", 5.0), (" waited", 2.0), (".", 3.0)]),
    (" sea", &[(" sang", 4.0), (" slept", 2.0), (".", 5.0)]),
    (" moon", &[(" waited", 2.0), (" sang", 2.0), (".", 5.0)]),
    (" slept", &[(".", 5.0), (" at", 3.0), (" and", 1.0)]),
    (" opened", &[(" the", 5.0), (" a", 3.0), (" and", 1.0)]),
    (" ran", &[(" to", 6.0), (" and", 1.0)]),
    (" sang", &[(" to", 6.0), (" and", 1.0), (".", 3.0)]),
    (" waited", &[(" at", 6.0), (" and", 1.0), (".", 3.0)]),
    (" to", &[(" the", 3.0), (" a", 2.0), (" sea", 1.0)]),
    (" at", &[(" the", 3.0), (" a", 2.0), (" sea", 1.0)]),
    (" and", &[(" sang", 5.0), (" slept", 1.0)]),
    (".", &[("", 1.0)]),
    ("", &[(".", 1.0)]),
];

/// The number of a word.
pub fn word(word: &str) -> Token {
    let at = WORDS.iter().position(|(other, _)| *other == word).expect("a word of the language");
    Token::try_from(at).expect("a small language")
}

/// The model: its row behind a text is the table's row of the last word, as logarithms.
pub fn toy() -> Toy {
    let kind = |word: &str| if word.is_empty() { Kind::End } else { Kind::Text };
    let lexicon = Lexicon::new(WORDS.map(|(word, _)| (word, kind(word))));
    let row = |(_, followers): (&str, &[(&str, f32)])| {
        let mut row = vec![f32::NEG_INFINITY; WORDS.len()];
        for (follower, weight) in followers {
            row[word(follower) as usize] = weight.ln();
        }
        row
    };
    Toy::bigram(lexicon, WORDS.map(row).into())
}
