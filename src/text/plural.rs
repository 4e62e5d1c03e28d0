//! Counts with their nouns.

/// A number of things: `1 token`, `2 tokens`, `2 stories`.
///
/// `thing` is the singular; the plural is regular.
#[must_use]
pub fn some(count: usize, thing: &str) -> String {
    match thing.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => plural(count, thing, &format!("{stem}ies")),
        _ => plural(count, thing, &format!("{thing}s")),
    }
}

/// A number of things whose plural is given: `1 story is`, `2 stories are`.
#[must_use]
pub fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A count with its thousands apart.
#[must_use]
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_of_a_thing_is_one_or_many() {
        for (count, thing, text) in [
            (1, "token", "1 token"),
            (0, "token", "0 tokens"),
            (2, "story", "2 stories"),
            (2, "key", "2 keys"),
            (1, "story", "1 story"),
        ] {
            assert_eq!(some(count, thing), text);
        }
        assert_eq!(
            [plural(1, "story is", "stories are"), plural(2, "story is", "stories are")],
            ["1 story is", "2 stories are"]
        );
    }
}
