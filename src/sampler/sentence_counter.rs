//! How far a text has come, in sentences and paragraphs.

/// A count of the sentences and paragraphs that are over, from one character to the next.
///
/// - A sentence ends with `.`, `!`, `?` or `…` and whatever quotes and brackets close behind it. Where no white space follows
///   (`3.14`), or a small letter does (`"Stop!" she said`), it goes on after all: so the count is right one token late there.
///   It does not end with the full stop of a title (`Mr.`, `Mrs.`, `Ms.`, `Dr.`, `Prof.`, `St.`) or of an initial (`J.`).
/// - `。`, `！` and `？` end one with nothing behind them.
/// - A line break ends the sentence that is open, and the paragraph, if its line holds a letter or a digit: blank lines are no
///   paragraphs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SentenceCounter {
    sentences: usize,
    paragraphs: usize,
    state: State,
    /// The letters before the last character.
    word: String,
    /// Whether the line holds a letter or a digit.
    line: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// No word since the last end.
    #[default]
    Between,
    /// In a sentence.
    Within,
    /// Behind an end, with nothing but closing signs since.
    Ended,
    /// Behind an end and white space.
    Apart,
}

/// Titles that are written with a full stop.
const TITLES: [&str; 6] = ["Mr", "Mrs", "Ms", "Dr", "Prof", "St"];

impl SentenceCounter {
    /// How many sentences and paragraphs of `told` are over; `before` is what stands before it, where a sentence may be open.
    #[must_use]
    pub fn of(before: &str, told: &str) -> (usize, usize) {
        let mut counter = Self::default();
        before.chars().for_each(|c| counter.hear(c));
        let (sentences, paragraphs) = (counter.sentences, counter.paragraphs);
        told.chars().for_each(|c| counter.hear(c));
        // An end that the prompt seemed to have may turn out to be none.
        (counter.sentences.saturating_sub(sentences), counter.paragraphs - paragraphs)
    }

    /// How many sentences and paragraphs are over, by what is known now.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.sentences, self.paragraphs)
    }

    /// Whether this character, right behind the end of a sentence, still belongs to it: a closing quote or bracket, a sign of
    /// emphasis, or one more mark that ends.
    #[must_use]
    pub fn belongs_to_end(c: char) -> bool {
        closes(c) || matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？')
    }

    /// Takes in the next character.
    pub fn hear(&mut self, c: char) {
        match (self.state, c) {
            (_, '\n') => self.end_line(),
            (State::Within, '。' | '！' | '？') => self.end(State::Apart),
            (State::Within, '!' | '?' | '…') => self.end(State::Ended),
            (State::Within, '.') if !self.abbreviates() => self.end(State::Ended),
            (State::Ended, '.' | '!' | '?' | '…') => {}
            (State::Ended, c) if closes(c) => {}
            (State::Ended, c) if c.is_whitespace() => self.state = State::Apart,
            (State::Ended, _) => self.go_on(),
            (State::Apart, c) if c.is_lowercase() => self.go_on(),
            (State::Between | State::Apart, c) if c.is_alphanumeric() => self.state = State::Within,
            (State::Between | State::Within | State::Apart, _) => {}
        }
        self.line |= c.is_alphanumeric();
        if c.is_alphabetic() {
            self.word.push(c);
        } else {
            self.word.clear();
        }
    }

    fn end(&mut self, state: State) {
        self.sentences += 1;
        self.state = state;
    }

    /// The end was none.
    fn go_on(&mut self) {
        self.sentences = self.sentences.saturating_sub(1);
        self.state = State::Within;
    }

    fn end_line(&mut self) {
        self.sentences += usize::from(self.state == State::Within);
        self.paragraphs += usize::from(std::mem::take(&mut self.line));
        self.state = State::Between;
    }

    fn abbreviates(&self) -> bool {
        let initial = self.word.chars().count() == 1 && self.word.starts_with(char::is_uppercase) && self.word != "I";
        initial || TITLES.contains(&self.word.as_str())
    }
}

/// Quotes and brackets that close, and signs of emphasis.
fn closes(c: char) -> bool {
    matches!(c, '"' | '\'' | '”' | '’' | '»' | ')' | ']' | '」' | '』' | '*' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_a_reader_ends_them() {
        for (told, sentences) in [
            ("", 0),
            ("The fox", 0),
            ("The fox ran.", 1),
            ("The fox ran. It", 1),
            ("The fox ran. It hid.", 2),
            ("Stop!! Now?! Yes…", 3),
            ("Wait... Then he left.", 2),
            ("Wait... then he left.", 1),
            ("\"Stop!\" she said. \"Why?\" He ran.", 3),
            ("He paid 3.14 pounds.", 1),
            ("Mr. Fox met Dr. Owl and J. Hare.", 1),
            ("It was I. He knew.", 2),
            ("(So it ended.) She left.", 2),
            ("狐が走った。森は静か。", 2),
            ("「走れ。」と言った。", 2),
            ("A heading\nA sentence.\n", 2),
            ("... . ! ", 0),
        ] {
            assert_eq!(SentenceCounter::of("", told).0, sentences, "{told:?}");
        }
    }

    #[test]
    fn paragraphs_end_with_their_lines_and_blank_lines_are_none() {
        for (told, paragraphs) in [("One.", 0), ("One.\n", 1), ("One.\n\n\nTwo.\n* * *\nThree", 2), ("\n\n", 0)] {
            assert_eq!(SentenceCounter::of("", told).1, paragraphs, "{told:?}");
        }
    }

    #[test]
    fn what_stood_before_is_not_counted_but_continued() {
        assert_eq!(SentenceCounter::of("One. Two. The fox", " ran. It"), (1, 0));
        assert_eq!(SentenceCounter::of("One. The fox", ".\n"), (1, 1));
        assert_eq!(SentenceCounter::of("He met Mr", ". Fox"), (0, 0));
        // The end that was counted before turns out to be none.
        assert_eq!(SentenceCounter::of("\"Stop!\"", " she said. It"), (0, 0));
    }

    #[test]
    fn an_end_counts_at_once_and_is_taken_back_where_the_sentence_goes_on() {
        let counts: Vec<usize> = ["\"Stop", "!\"", " she", " said", ".", " He"]
            .iter()
            .scan(String::new(), |told, piece| {
                told.push_str(piece);
                Some(SentenceCounter::of("", told).0)
            })
            .collect();
        assert_eq!(counts, [0, 1, 0, 0, 1, 1]);
    }
}
