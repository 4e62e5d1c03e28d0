//! Which part of the text each token let appear.

use crate::story::TracedToken;

/// The slices of `text` that the tokens told, in their order; joined they are the text.
///
/// Mostly a token's slice is its piece. Tokens of a broken character have `�` for a piece: the last of them has the whole
/// character, the others nothing. A stop string is no part of the text, so the last tokens may have less than their pieces;
/// what no token accounts for stands with the last one.
fn slices<'a>(text: &'a str, trace: &[TracedToken]) -> Vec<&'a str> {
    let mut rest = text;
    let mut slices = Vec::with_capacity(trace.len());
    for (at, token) in trace.iter().enumerate() {
        let length = if at + 1 == trace.len() { rest.len() } else { told(rest, &token.piece, &trace[at + 1..]) };
        let (slice, after) = rest.split_at(length);
        slices.push(slice);
        rest = after;
    }
    slices
}

/// The same of a story whose first tokens spell the end of the writer's own text, `healed`, before they tell.
#[must_use]
pub fn slices_behind(healed: &str, text: &str, trace: &[TracedToken]) -> Vec<String> {
    let (all, mut own) = (format!("{healed}{text}"), healed.len());
    let told = |slice: &str| {
        let skipped = own.min(slice.len());
        own -= skipped;
        slice[skipped..].to_owned()
    };
    slices(&all, trace).into_iter().map(told).collect()
}

/// How much of the text a piece accounts for.
fn told(rest: &str, piece: &str, next: &[TracedToken]) -> usize {
    if rest.starts_with(piece) && (!piece.contains('\u{fffd}') || rest.starts_with('\u{fffd}')) {
        return piece.len();
    }
    // Some vocabularies begin every text with a space that is not told.
    let trimmed = piece.trim_start_matches(' ');
    if !trimmed.is_empty() && !piece.contains('\u{fffd}') && rest.starts_with(trimmed) {
        return trimmed.len();
    }
    if !piece.contains('\u{fffd}') || next.first().is_some_and(|next| next.piece.contains('\u{fffd}')) {
        return 0;
    }
    // The last token of a broken character: up to where the next whole piece stands. An empty one stands everywhere, and
    // tells nothing about where; a space may stand far from here only behind other pieces.
    let whole = next.iter().find(|next| !next.piece.is_empty()).map(|next| next.piece.as_str());
    whole.and_then(|piece| rest.find(piece)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(piece: &&str) -> TracedToken {
        TracedToken {
            id: 0,
            piece: (*piece).into(),
            p: 1.0,
            rank: 0,
            surprisal: 0.0,
            entropy: 0.0,
            normalised_entropy: None,
            alpha: None,
            excess: None,
            temperature: None,
            future: None,
            skipped: None,
            candidates: Vec::new(),
            removed: Vec::new(),
            cuts: Vec::new(),
        }
    }

    fn aligned<'a>(text: &'a str, pieces: &[&str]) -> Vec<&'a str> {
        slices(text, &pieces.iter().map(token).collect::<Vec<_>>())
    }

    #[test]
    fn a_token_has_its_piece() {
        assert_eq!(aligned(" a king", &[" a", " king"]), [" a", " king"]);
        assert_eq!(aligned("a king", &[" a", " king", ""]), ["a", " king", ""]);
    }

    #[test]
    fn the_last_token_of_a_character_has_it() {
        assert_eq!(aligned("a狼 b", &["a", "�", "�", "�", " b"]), ["a", "", "", "狼", " b"]);
        assert_eq!(aligned("a狼", &["a", "�", "�"]), ["a", "", "狼"]);
        assert_eq!(aligned("a�b", &["a", "�", "b"]), ["a", "�", "b"]);
    }

    #[test]
    fn what_tokens_spell_of_the_writers_text_is_not_told() {
        for (healed, text, pieces, slices) in [
            (" ", "king came", &[" king", " came"][..], &["king", " came"][..]),
            ("  ", "king", &[" ", " king"], &["", "king"]),
            (" bro", "wn", &[" ", "bro", "wn"], &["", "", "wn"]),
            ("", " king", &[" king"], &[" king"]),
        ] {
            let trace: Vec<TracedToken> = pieces.iter().map(token).collect();
            assert_eq!(slices_behind(healed, text, &trace), slices, "{healed:?}");
        }
    }

    #[test]
    fn slices_are_the_text_whatever_the_pieces() {
        for (text, pieces) in [("a kin", &["a", " king", "x"][..]), ("", &["a", "b"]), ("one two", &["three", "�", "�", ""])]
        {
            assert_eq!(aligned(text, pieces).concat(), text);
        }
    }
}
