//! A prompt as it was put together: what a template wrote, and what the writer did.

use std::collections::HashSet;

/// Who wrote a part of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The template: names of control tokens in it are those tokens.
    Template,
    /// The writer, or the model: names of control tokens in it are letters.
    Writer,
}

/// A part of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its text.
    pub text: String,
    /// Who wrote it.
    pub whose: Whose,
}

/// A prompt in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    parts: Vec<Part>,
}

impl Script {
    /// A prompt of these parts; empty ones are left out.
    #[must_use]
    pub fn new(parts: Vec<Part>) -> Self {
        let mut script = Self::default();
        for Part { text, whose } in parts {
            script.add(&text, whose);
        }
        script
    }

    /// Its parts, none of them empty.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Adds a part at the end.
    pub fn add(&mut self, text: &str, whose: Whose) {
        if !text.is_empty() {
            self.parts.push(Part { text: text.to_owned(), whose });
        }
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.parts.iter().map(|part| part.text.as_str()).collect()
    }

    /// What the template wrote behind the writer's last word.
    #[must_use]
    pub fn tail(&self) -> String {
        let last = self.parts.iter().rposition(|part| part.whose == Whose::Writer).map_or(0, |at| at + 1);
        self.parts[last..].iter().map(|part| part.text.as_str()).collect()
    }

    /// The same text, all of it the template's.
    #[must_use]
    pub fn all_template(&self) -> Self {
        Self::new(vec![Part { text: self.text(), whose: Whose::Template }])
    }
}

/// A character that stands in none of these texts.
pub(super) fn unused(texts: &[&str]) -> char {
    let private = '\u{f0000}'..='\u{ffffd}';
    let used: HashSet<char> = texts.iter().flat_map(|text| text.chars()).filter(|c| private.contains(c)).collect();
    // Where all of them are used, any is a mark good enough: what is put together with it is compared with the rendered text.
    private.into_iter().find(|c| !used.contains(c)).unwrap_or('\u{f0000}')
}

/// The mark of the text of this number.
pub(super) fn mark(sign: char, number: usize) -> String {
    format!("{sign}{number}{sign}")
}

/// The most places in a prompt where each of the writer's texts may stand, all in all. Most templates have one for each.
const PLACES: usize = 64;

/// The most ways that are tried of reading the writer's texts at their places. Where they are known at sight one is enough for each.
const TRIALS: usize = 100_000;

/// The parts of `whole`, found by where the marks of these texts stand in `marked`. `None` where the texts do not stand there,
/// as they are or trimmed.
pub(super) fn placed(marked: &str, sign: char, texts: &[&str], whole: &str) -> Option<Script> {
    let mut between = marked.split(sign);
    let first = between.next()?;
    let mut places = Vec::new();
    while let Some(number) = between.next() {
        let number: usize = number.parse().ok().filter(|number| *number < texts.len())?;
        places.push((number, between.next()?));
        if places.len() > PLACES.max(2 * texts.len()) {
            return None;
        }
    }
    let found = find_ways(&places, texts, whole.strip_prefix(first)?)?;
    let mut script = Script::default();
    script.add(first, Whose::Template);
    for ((_, behind), text) in places.iter().zip(found) {
        script.add(text, Whose::Writer);
        script.add(behind, Whose::Template);
    }
    Some(script)
}

/// The text that stands at each place, where they make up the rest of a prompt: one and the same way of trimming for all places of a
/// text.
fn find_ways<'t>(places: &[(usize, &str)], texts: &[&'t str], rest: &str) -> Option<Vec<&'t str>> {
    let ways = |text: &'t str| {
        let mut ways = vec![text];
        for way in [text.trim(), text.trim_start(), text.trim_end()] {
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        ways
    };
    // What is still to be tried at each place that was reached, the next one last, and what stands there by now.
    let mut open: Vec<(Vec<&'t str>, &str)> = Vec::new();
    let mut found: Vec<&'t str> = Vec::new();
    let (mut rest, mut trials) = (rest, 0);
    loop {
        if found.len() == places.len() && rest.is_empty() {
            return Some(found);
        }
        if let Some(&(number, _)) = places.get(found.len()) {
            let before = places.iter().zip(&found).find(|((other, _), _)| *other == number).map(|(_, text)| *text);
            let mut tried = before.map_or_else(|| ways(texts[number]), |text| vec![text]);
            tried.reverse();
            open.push((tried, rest));
        }
        // The nearest place at which something is still to be tried, and the way that fits there.
        loop {
            trials += 1;
            let depth = open.len();
            let (tried, from) = open.last_mut().filter(|_| trials < TRIALS)?;
            found.truncate(depth - 1);
            let Some(text) = tried.pop() else {
                open.pop();
                continue;
            };
            if let Some(behind) = from.strip_prefix(text).and_then(|rest| rest.strip_prefix(places[found.len()].1)) {
                found.push(text);
                rest = behind;
                break;
            }
        }
    }
}
