//! n-grams of up to four words: each is one number, exactly, so that nothing collides.

use super::words::Word;

/// Up to four words: 32 bits each.
pub type Gram = u128;

/// The n-grams of a story in their order, for n from 1 to 4; none where it has fewer than n words. They never reach from one story
/// into another, for a story is all that is given.
///
/// # Panics
/// n is 0 or above 4.
pub fn grams(words: &[Word], n: usize) -> impl Iterator<Item = Gram> + '_ {
    assert!((1..=4).contains(&n), "a gram has 1 to 4 words, not {n}");
    words.windows(n).map(|window| window.iter().fold(0, |gram, &word| gram << 32 | Gram::from(word)))
}

/// The different n-grams of a story, ascending.
#[must_use]
pub fn set(words: &[Word], n: usize) -> Vec<Gram> {
    let mut grams: Vec<Gram> = grams(words, n).collect();
    grams.sort_unstable();
    grams.dedup();
    grams
}

/// The different n-grams of a story, ascending, each with how often it stands there.
#[must_use]
pub fn counts(words: &[Word], n: usize) -> Vec<(Gram, usize)> {
    let mut grams: Vec<Gram> = grams(words, n).collect();
    grams.sort_unstable();
    grams.chunk_by(|one, two| one == two).map(|same| (same[0], same.len())).collect()
}

/// What two ascending lists have in common: for each key that both hold, what they hold of it.
pub fn common<'a, T, U>(one: &'a [(Gram, T)], two: &'a [(Gram, U)]) -> impl Iterator<Item = (&'a T, &'a U)> {
    let mut rest = two;
    one.iter().filter_map(move |(gram, value)| {
        while rest.first().is_some_and(|(other, _)| other < gram) {
            rest = &rest[1..];
        }
        rest.first().filter(|(other, _)| other == gram).map(|(_, other)| (value, other))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gram_is_its_words_and_nothing_else() {
        let all: Vec<Gram> = grams(&[1, 2, 1, u32::MAX], 2).collect();
        assert_eq!(all, [1 << 32 | 2, 2 << 32 | 1, 1 << 32 | 0xFFFF_FFFF]);
        assert_eq!(grams(&[1, 2, 3], 4).count(), 0);
        assert_eq!(set(&[7, 7, 7], 2).len(), 1);
        assert_eq!(counts(&[3, 1, 3], 1), [(1, 1), (3, 2)]);
    }

    #[test]
    fn what_two_lists_share_is_found_in_one_walk() {
        let (one, two) = ([(1, 'a'), (3, 'b'), (9, 'c')], [(2, 'x'), (3, 'y'), (9, 'z'), (12, 'w')]);
        assert_eq!(common(&one, &two).collect::<Vec<_>>(), [(&'b', &'y'), (&'c', &'z')]);
    }
}
