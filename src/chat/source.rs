//! Sources of templates as the engine reads them: what it does not know is said in other words.

/// The source in the engine's words: it makes of them what Python's Jinja2 makes of the source.
///
/// - `{% generation %}` marks what a model is trained on and changes no text; no engine but one knows it. A block without names
///   to it does the same, down to the trimming of what stands around it.
/// - `"%s: %s" % (a, b)`: the engine's `%` is for numbers only, and a filter does it. Where the format is no literal it stays,
///   and is refused.
pub(super) fn for_the_engine(source: &str) -> String {
    let (mut words, mut rest) = (String::with_capacity(source.len()), source);
    while let Some(at) = rest.find('{') {
        let (text, tag) = rest.split_at(at);
        words.push_str(text);
        let (tag, behind) = tag.split_at(length(tag));
        rest = behind;
        match name(tag) {
            _ if tag.len() < 2 || tag.starts_with("{#") => words.push_str(tag),
            "generation" => words.push_str(&tag.replacen("generation", "with", 1)),
            "endgeneration" => words.push_str(&tag.replacen("endgeneration", "endwith", 1)),
            "raw" => {
                let (text, behind) = rest.split_at(raw(rest));
                words.push_str(tag);
                words.push_str(text);
                rest = behind;
            }
            _ => formatted(tag, &mut words),
        }
    }
    words + rest
}

/// The length of the text that a raw block is.
fn raw(text: &str) -> usize {
    let ends = |at: &usize| text[at + 2..].trim_start_matches(['-', '+']).trim_start().starts_with("endraw");
    text.match_indices("{%").map(|(at, _)| at).find(ends).unwrap_or(text.len())
}

/// The length of what begins with this brace: a tag or comment with its end, or the brace alone.
fn length(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.get(1) {
        Some(b'#') => text.find("#}").map_or(text.len(), |end| end + 2),
        Some(kind @ (b'{' | b'%')) => {
            let (mut at, mut depth) = (2, 0_usize);
            while at < bytes.len() {
                let ends = bytes.get(at + 1) == Some(&b'}');
                match bytes[at] {
                    b'%' if *kind == b'%' && ends => return at + 2,
                    b'}' if *kind == b'{' && ends && depth == 0 => return at + 2,
                    b'"' | b'\'' => at = string(bytes, at),
                    b'{' | b'(' | b'[' => {
                        depth += 1;
                        at += 1;
                    }
                    b'}' | b')' | b']' => {
                        depth = depth.saturating_sub(1);
                        at += 1;
                    }
                    _ => at += 1,
                }
            }
            text.len()
        }
        _ => 1,
    }
}

/// The word of a whole tag that stands alone in it, such as `raw`; empty for others.
fn name(tag: &str) -> &str {
    let inside = tag.strip_prefix("{%").and_then(|tag| tag.strip_suffix("%}")).unwrap_or_default();
    let word = inside.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim();
    if word.contains(|c: char| !c.is_ascii_lowercase()) { "" } else { word }
}

/// Adds a tag in which the formats that are literals are filters.
fn formatted(tag: &str, words: &mut String) {
    let bytes = tag.as_bytes();
    let (mut at, mut told) = (0, 0);
    while at < bytes.len() {
        if !matches!(bytes[at], b'"' | b'\'') {
            at += 1;
            continue;
        }
        at = string(bytes, at);
        let percent = behind_space(bytes, at);
        if bytes.get(percent) != Some(&b'%') || bytes.get(percent + 1) == Some(&b'}') {
            continue;
        }
        let start = behind_space(bytes, percent + 1);
        if let Some(end) = operand(bytes, start) {
            words.push_str(&tag[told..at]);
            words.push_str("|printf(");
            words.push_str(&tag[start..end]);
            words.push(')');
            (at, told) = (end, end);
        }
    }
    words.push_str(&tag[told..]);
}

fn behind_space(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Where the string that begins here ends.
fn string(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == bytes[from] => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Where the name or number that begins here ends; where it begins, if there is none.
fn word(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte >= 0x80).count()
}

/// Where the bracket that begins here is closed.
fn bracket(bytes: &[u8], from: usize) -> Option<usize> {
    let (mut at, mut depth) = (from, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'"' | b'\'' => {
                at = string(bytes, at);
                continue;
            }
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Where the operand that begins here ends: a literal, name or bracket with the attributes, calls and filters behind it.
fn operand(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = match bytes.get(from)? {
        b'"' | b'\'' => string(bytes, from),
        b'{' | b'(' | b'[' => bracket(bytes, from)?,
        _ => word(bytes, from),
    };
    if at == from {
        return None;
    }
    loop {
        let next = behind_space(bytes, at);
        at = match bytes.get(next) {
            Some(b'(' | b'[') => bracket(bytes, next)?,
            Some(b'.' | b'|') => word(bytes, behind_space(bytes, next + 1)),
            _ => return Some(at),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_blocks_are_plain_blocks_and_their_name_elsewhere_is_text() {
        assert_eq!(for_the_engine("a{%- generation -%}b{% endgeneration %}"), "a{%- with -%}b{% endwith %}");
        for other in [
            "{% if generation %}",
            "generation",
            "{{ generation }}",
            "{% generations %}",
            "{%",
            "{% generation",
            "{",
            "{{ '{% generation %}' }}",
            "{# {% generation %} #}",
            "{% raw %}{% generation %}{{ '%s' % x }}{% endraw %}",
        ] {
            assert_eq!(for_the_engine(other), other);
        }
    }

    #[test]
    fn a_format_that_is_a_literal_becomes_a_filter() {
        for (source, words) in [
            ("{{ \"%s: %s\" % (a, b) }}", "{{ \"%s: %s\"|printf((a, b)) }}"),
            (
                "{% set x = '%s'%m['a'].b(')')|upper ~ 1 %}'%s' % x",
                "{% set x = '%s'|printf(m['a'].b(')')|upper) ~ 1 %}'%s' % x",
            ),
            (
                "{{ '%d%%' % 5 }}{% raw %}{{ '%s' % x }}{% endraw %}{{ '\\'%s' % '}}' }}",
                "{{ '%d%%'|printf(5) }}{% raw %}{{ '%s' % x }}{% endraw %}{{ '\\'%s'|printf('}}') }}",
            ),
            ("{{ '%(a)s' % {'a': {'b': 1}} }}", "{{ '%(a)s'|printf({'a': {'b': 1}}) }}"),
        ] {
            assert_eq!(for_the_engine(source), words);
        }
        for other in
            ["{% if 'a' %}", "{{ 5 % 3 }}", "{{ 'a' % }}", "{{ 'a' % (b", "{{ a % 'b' }}", "{{ 'a", "it's {{ a }} % b's"]
        {
            assert_eq!(for_the_engine(other), other);
        }
    }
}
