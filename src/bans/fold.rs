//! Which differences between texts make none.

use unicode_normalization::char::decompose_canonical;

/// The characters as which this one is compared, of none to some.
///
/// White space of all kinds is a space, quotes and dashes of all kinds are the straight ones, `…` is three dots, soft hyphens and
/// zero-width spaces are nothing. Letters are lower-case, by the rules of no language (`I` is `i`, also in Turkish), and taken apart from
/// their accents, so that it makes no difference in which of Unicode's forms a text is.
///
/// ```
/// use afterword::bans::fold;
///
/// let folded = |text: &str| text.chars().flat_map(fold).collect::<String>();
/// assert_eq!(folded("Don’t — “go”…"), "don't - \"go\"...");
/// assert_eq!(folded("É"), folded("e\u{301}"));
/// ```
pub fn fold(c: char) -> impl Iterator<Item = char> {
    let text: &[char] = match c {
        _ if c.is_whitespace() => &[' '],
        '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}' => &[],
        '‘' | '’' | '‚' | '‛' | 'ʼ' | '′' | '`' | '´' => &['\''],
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => &['"'],
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => &['-'],
        '…' => &['.', '.', '.'],
        'ς' => &['σ'],
        _ => return Folded::Letters(letters(c).into_iter()),
    };
    Folded::Sign(text.iter())
}

/// A letter in lower case, without and then with its accents.
fn letters(c: char) -> Vec<char> {
    let mut letters = Vec::with_capacity(1);
    for lower in c.to_lowercase() {
        decompose_canonical(lower, |part| letters.push(part));
    }
    letters
}

/// What a character is compared as.
enum Folded {
    Sign(std::slice::Iter<'static, char>),
    Letters(std::vec::IntoIter<char>),
}

impl Iterator for Folded {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self {
            Self::Sign(signs) => signs.next().copied(),
            Self::Letters(letters) => letters.next(),
        }
    }
}
