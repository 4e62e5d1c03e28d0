//! The reference of what can be written in a preset: a page for people.

use super::form::{Entry, Form};
use super::vocabulary::{self, SCHEDULES, STAGES};

/// A part of the reference: a name, what may stand behind it, and what it does; `depth` is how deep it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph {
    /// 0 for a stage, 1 for a key of it.
    pub depth: usize,
    /// The name; empty for a heading.
    pub name: String,
    /// What may stand behind it, and what holds where it is absent.
    pub form: String,
    /// What it does.
    pub what: String,
}

/// The reference of all stages, then of the schedules.
#[must_use]
pub fn reference() -> Vec<Paragraph> {
    let heading = |what: &str| Paragraph { depth: 0, name: String::new(), form: String::new(), what: what.to_owned() };
    let mut page = vec![heading(
        "Stages. Each stands under a `[[chain]]` of its own, and they run in the order of the file; what is absent is off.",
    )];
    for entry in STAGES.iter() {
        tell(&mut page, 0, entry);
    }
    page.push(heading(
        "Under `extends` a table of the chain changes the stage of its name in what is extended: the keys that it names, and no \
         others. `\"off\"` in the place of a stage takes it away. A stage that is new comes behind those of its kind, in the order \
         bias, bans and penalties, cuts, xtc, future, temperatures, mirostat or adaptive-p. An edit beside the preset does \
         the same: `future.alpha=0.5`, `dry=off`.",
    ));
    page.push(heading(
        "Schedules. Where a number may breathe, it is a number or a table with one of these: \
         `alpha = { wave = { period = 60 } }`.",
    ));
    for entry in SCHEDULES.iter() {
        tell(&mut page, 0, entry);
    }
    page.push(heading(
        "Bans. What stories are not to say stands in a table of its own, `[bans]`, beside the chain. Whatever is said all the same is taken \
         back before anybody hears of it, and told otherwise from the word on where it begins or ends; a `future` sees it coming.",
    ));
    tell(&mut page, 0, &Entry::of("bans", &vocabulary::bans(), false));
    page
}

fn tell(page: &mut Vec<Paragraph>, depth: usize, entry: &Entry) {
    let Entry { name, form, usual, example: _, what } = entry;
    let absent = match usual {
        Some(usual) => format!("; without it {usual}"),
        None if depth > 0 => "; needed".to_owned(),
        None => String::new(),
    };
    // A minus as it is set in print.
    let words = form.words().replace('-', "−");
    page.push(Paragraph { depth, name: name.clone(), form: format!("{words}{absent}"), what: what.clone() });
    if let Form::Table(keys) = form {
        for key in keys {
            tell(page, depth + 1, key);
        }
    }
}

/// The reference as Markdown.
#[must_use]
pub fn markdown() -> String {
    let line = |Paragraph { depth, name, form, what }: &Paragraph| match (depth, name.as_str()) {
        (_, "") => format!("\n{what}\n\n"),
        (depth, name) => format!("{}- **`{name}`** ({form}): {what}\n", "  ".repeat(*depth)),
    };
    "# What can be written in a preset\n".to_owned() + &reference().iter().map(line).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::super::overlay::read;
    use super::super::schema::value_of;
    use super::super::vocabulary::names;
    use super::*;

    #[test]
    fn what_holds_where_a_key_is_absent_is_what_the_reference_says() {
        let sample = |form: &Form| match form {
            Form::Word(words) => format!("\"{}\"", words[0]),
            _ => "1".to_owned(),
        };
        for entry in STAGES.iter() {
            let Form::Table(keys) = &entry.form else { continue };
            let needed: Vec<String> = keys
                .iter()
                .filter(|key| key.usual.is_none())
                .map(|key| {
                    format!("{} = {}", key.name, if key.name == "entropy-top" { "2".to_owned() } else { sample(&key.form) })
                })
                .collect();
            let text = format!("[[chain]]\n{} = {{ {} }}", entry.name, needed.join(", "));
            let preset = read(&text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
            let value = value_of(&preset.chain.stages()[0]).unwrap();
            for key in keys {
                let (Some(usual), Some(value)) = (&key.usual, value.get(&key.name)) else { continue };
                let usual: toml::Table = toml::from_str(&format!("x = {usual}")).unwrap();
                let number = |value: &toml::Value| value.as_integer().map(|x| x as f64).or(value.as_float());
                let same = number(&usual["x"]).map_or(usual["x"] == *value, |usual| Some(usual) == number(value));
                assert!(same, "{}.{}: {value} is not {usual}", entry.name, key.name);
            }
        }
    }

    #[test]
    fn the_page_names_every_stage_with_its_keys() {
        let page = markdown();
        for name in names().iter().chain(&["centre", "fade-in", "surprisal", "keyframes", "entropy-top"]) {
            assert!(page.contains(&format!("**`{name}`**")), "{name}");
        }
        assert!(page.contains("- **`min-p`** (a number from 0 to 1, or a schedule): "));
        assert!(page.contains("  - **`base`** (a number from 0 up; without it 1.75): "));
    }
}
