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

/// The most places in a prompt where the writer's texts may stand. Most templates have one for each.
const PLACES: usize = 64;

/// The parts of `whole`, found by where the marks of these texts stand in `marked`. `None` where the texts do not stand there,
/// as they are or trimmed.
pub(super) fn placed(marked: &str, sign: char, texts: &[&str], whole: &str) -> Option<Script> {
    let mut between = marked.split(sign);
    let first = between.next()?;
    let mut places = Vec::new();
    while let Some(number) = between.next() {
        let number: usize = number.parse().ok().filter(|number| *number < texts.len())?;
        places.push((number, between.next()?));
        if places.len() > PLACES {
            return None;
        }
    }
    let ways: Vec<[&str; 4]> = texts.iter().map(|text| [*text, text.trim(), text.trim_start(), text.trim_end()]).collect();
    (0..4_usize.pow(u32::try_from(texts.len()).ok()?)).find_map(|choice| {
        let mut script = Script::default();
        let mut rest = whole.strip_prefix(first)?;
        script.add(first, Whose::Template);
        for (number, behind) in &places {
            let text = ways[*number][choice / 4_usize.pow(u32::try_from(*number).ok()?) % 4];
            rest = rest.strip_prefix(text)?.strip_prefix(behind)?;
            script.add(text, Whose::Writer);
            script.add(behind, Whose::Template);
        }
        rest.is_empty().then_some(script)
    })
}
