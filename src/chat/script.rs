//! A prompt as it was put together: what a template wrote, and what the writer did.

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
    // More private characters than a text of 64 MiB of them in turn would be expected to hold; in any, one of them is a
    // mark good enough, because what is put together with it is compared with the rendered text.
    ('\u{f0000}'..='\u{ffffd}').find(|c| !texts.iter().any(|text| text.contains(*c))).unwrap_or('\u{f0000}')
}

/// The parts of `whole`, found by where the marks of these texts stand in `marked`. `None` where the texts do not stand there,
/// as they are or trimmed.
pub(super) fn placed(marked: &str, marks: &[String], texts: &[&str], whole: &str) -> Option<Script> {
    let ways = texts.iter().map(|text| [*text, text.trim(), text.trim_start(), text.trim_end()]);
    let ways: Vec<[&str; 4]> = ways.collect();
    (0..4_usize.pow(u32::try_from(texts.len()).ok()?)).find_map(|choice| {
        let chosen = |number: usize| ways[number][choice / 4_usize.pow(u32::try_from(number).unwrap_or(0)) % 4];
        let (mut script, mut rest) = (Script::default(), marked);
        while let Some((at, number)) =
            marks.iter().enumerate().filter_map(|(n, mark)| Some((rest.find(mark.as_str())?, n))).min()
        {
            script.add(&rest[..at], Whose::Template);
            script.add(chosen(number), Whose::Writer);
            rest = &rest[at + marks[number].len()..];
        }
        script.add(rest, Whose::Template);
        (script.text() == whole).then_some(script)
    })
}
