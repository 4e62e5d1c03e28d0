//! What presets are not to say: the bans of a preset made ready, and bans apart from presets laid over them.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::find::UnknownName;
use super::mistake::{Fault, Mistake};
use super::overlay::{bans_in, below_bans, fill, value_in};
use super::schema::Preset;
use super::{lists, structure};
use crate::bans::{Bans, List, Matcher, Wrong};
use crate::files;

/// No file of bans is longer.
const LONGEST: u64 = 4 << 20;

impl Preset {
    /// Bans these phrases and patterns too.
    ///
    /// # Errors
    /// One of them cannot be meant. Phrases are counted behind those of the preset.
    pub fn ban(&mut self, more: List) -> Result<(), Wrong> {
        let mut bans = self.bans.as_ref().map_or_else(Bans::default, |bans| bans.bans().clone());
        bans.add(more);
        self.bans = (!bans.is_empty()).then(|| Matcher::new(bans)).transpose()?.map(Arc::new);
        Ok(())
    }

    /// Lays bans over those of the preset: a shipped list by its name, or a TOML file with the table `[bans]` of a preset, or only its
    /// keys. Their phrases, patterns and lists are banned too, and what else they say takes the place of what the preset says.
    ///
    /// # Errors
    /// An [`UnknownName`], with the nearest as a hint; the file cannot be read; what it says is a [`Mistake`].
    pub fn ban_listed(&mut self, name_or_path: &str) -> Result<()> {
        let path = Path::new(name_or_path);
        let is_path = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) || path.exists();
        if !is_path && !name_or_path.contains(['/', std::path::MAIN_SEPARATOR]) {
            self.ban(lists::find(name_or_path).map_err(UnknownName::of)?)?;
            return Ok(());
        }
        let text = files::read_text(path, LONGEST).with_context(|| format!("cannot read the bans `{name_or_path}`"))?;
        self.bans = laid_over(&text, self).map_err(|fault| Mistake::new(name_or_path, &text, fault).of("bans"))?;
        Ok(())
    }
}

/// The bans of a text and of a preset.
fn laid_over(text: &str, below: &Preset) -> Result<Option<Arc<Matcher>>, Fault> {
    let own = table_of(text)?;
    let stand = Standing::of(own.get_ref());
    // What is wrong in the text is counted in it.
    let ready = stand.ready(bans_in(own.clone())?)?;
    let line = below_bans(below)?;
    let (Some(ready), Some(line)) = (&ready, &line) else { return Ok(ready.or_else(|| below.bans.clone())) };
    let mut tree: Spanned<DeTable<'_>> = own;
    if let Some(bans) = tree.get_mut().get_mut("bans") {
        fill(bans, "bans", value_in(line, "bans")?);
    }
    let Bans { phrases: _, patterns: _, lists: _, within, retries, strength, at, bias } = bans_in(tree)?.unwrap_or_default();
    let all = below.bans.as_ref().map_or_else(Bans::default, |below| below.bans().clone());
    let (phrases, patterns, lists) = (all.phrases, all.patterns, all.lists);
    let mut all = Bans { phrases, patterns, lists, within, retries, strength, at, bias };
    let Bans { phrases, patterns, .. } = ready.bans().clone();
    all.add(List { phrases, patterns });
    stand.ready(Some(all))
}

/// The table `bans` of a text, which may stand there without its header.
fn table_of(text: &str) -> Result<Spanned<DeTable<'_>>, Fault> {
    let tree = DeTable::parse(text).map_err(|error| Fault::of_syntax(&error, text))?;
    let place = tree.span();
    if !tree.get_ref().contains_key("bans") {
        let bans = Spanned::new(place.clone(), DeValue::Table(tree.into_inner()));
        return Ok(Spanned::new(place.clone(), DeTable::from_iter([(Spanned::new(place, "bans".into()), bans)])));
    }
    if let Some(other) = tree.get_ref().keys().find(|key| key.get_ref() != "bans") {
        let fault = Fault::at(other.span(), format!("`{}` beside `[bans]`: a file of bans has nothing else", other.get_ref()));
        return Err(fault.hint("what a preset says of bans is meant by naming the preset"));
    }
    structure::check(tree.get_ref(), text, false)?;
    Ok(tree)
}

/// Where bans stand in a text: their table, and each of its phrases and patterns.
pub(super) struct Standing {
    table: Option<Range<usize>>,
    phrases: Vec<Range<usize>>,
    patterns: Vec<Range<usize>>,
}

impl Standing {
    /// In this tree.
    pub fn of(tree: &DeTable) -> Self {
        let bans = tree.get("bans");
        let each = |key: &str| {
            let list = bans.and_then(|bans| bans.get_ref().as_table()?.get(key)?.get_ref().as_array());
            list.into_iter().flatten().map(Spanned::span).collect()
        };
        Self { table: bans.map(Spanned::span), phrases: each("phrases"), patterns: each("patterns") }
    }

    /// Bans with all that their lists hold, ready; nothing where they ban nothing.
    ///
    /// # Errors
    /// A list that is none, or a ban that cannot be meant.
    pub fn ready(&self, bans: Option<Bans>) -> Result<Option<Arc<Matcher>>, Fault> {
        let Some(mut bans) = bans else { return Ok(None) };
        for name in std::mem::take(&mut bans.lists) {
            bans.add(lists::find(&name).map_err(|fault| Fault { span: self.table.clone(), ..fault })?);
        }
        if bans.is_empty() {
            return Ok(None);
        }
        Ok(Some(Arc::new(Matcher::new(bans).map_err(|wrong| self.fault(&wrong))?)))
    }

    fn fault(&self, wrong: &Wrong) -> Fault {
        let one = match wrong {
            Wrong::Blank { phrase } | Wrong::OneLetter { phrase, .. } => self.phrases.get(*phrase),
            Wrong::Pattern { pattern, .. } | Wrong::MatchesAll { pattern } => self.patterns.get(*pattern),
            Wrong::Range { .. } => None,
        };
        let span = one.cloned().or_else(|| self.table.clone());
        Fault { span, ..Fault::new(format!("the bans cannot be meant: {wrong}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bans::Redraw;
    use crate::preset::parse;

    fn preset(bans: &str) -> Preset {
        parse(&format!("[[chain]]\nmin-p = 0.1\n{bans}"), "p.toml").unwrap()
    }

    fn laid(below: &Preset, text: &str) -> Result<Preset, String> {
        let bans = laid_over(text, below).map_err(|fault| Mistake::new("b.toml", text, fault).of("bans").to_string())?;
        Ok(Preset { bans, ..below.clone() })
    }

    fn bans(preset: &Preset) -> &Bans {
        preset.bans.as_ref().unwrap().bans()
    }

    #[test]
    fn bans_laid_over_a_preset_are_added_and_what_they_set_counts() {
        let below = preset("[bans]\nphrases = ['a testament to']\npatterns = ['so+ it goes']\nretries = 3\nat = 'end'");
        let file = "phrases = ['shivers down', 'a testament to']\nretries = 7";
        for text in [file.to_owned(), format!("# mine\n[bans]\n{file}")] {
            let both = laid(&below, &text).unwrap();
            let Bans { phrases, patterns, lists, retries, at, .. } = bans(&both);
            assert_eq!(phrases, &["a testament to", "shivers down"]);
            assert_eq!((patterns, lists.len()), (&vec!["so+ it goes".to_owned()], 0));
            assert_eq!((retries.get(), *at), (7, Redraw::End));
            // Laid over once more they change nothing, and where nothing is banned they are what is.
            assert_eq!(laid(&both, &text).unwrap(), both);
            assert_eq!(bans(&laid(&preset(""), &text).unwrap()).retries.get(), 7);
        }
        assert!(bans(&laid(&below, "lists = ['worn']").unwrap()).phrases.len() > 20);
        assert_eq!((laid(&below, "").unwrap(), laid(&preset(""), "").unwrap()), (below.clone(), preset("")));
        let mut typed = below.clone();
        typed.ban(List { phrases: vec!["so be it".to_owned()], ..List::default() }).unwrap();
        assert_eq!(bans(&typed).phrases, ["a testament to", "so be it"]);
        typed.ban_listed("worn").unwrap();
        assert!(bans(&typed).phrases.len() > 20 && bans(&typed).at == Redraw::End);
    }

    #[test]
    fn what_is_wrong_in_a_file_of_bans_is_shown_where_it_stands() {
        let below = preset("[bans]\nphrases = ['a testament to', 'so']");
        for (text, said) in [
            (
                "phrases = ['so', 'e']",
                "cannot read the bans `b.toml`, line 1, column 18: the bans cannot be meant: phrase 2 is the one letter `e`: every text \
                 would be banned that has it as a word\n  1 | phrases = ['so', 'e']\n    |                  ^^^",
            ),
            (
                "phrases = [\n  'so',\n  ' ',\n]",
                "line 3, column 3: the bans cannot be meant: phrase 2 is blank: it bans nothing\n  3 |   ' ',",
            ),
            ("[bans]\npatterns = ['.*']", "line 2, column 13: the bans cannot be meant: pattern 1 matches every text"),
            ("phrase = ['so']", "line 1, column 1: unknown key `phrase`"),
            ("[bans]\nphrase = ['so']", "hint: did you mean `phrases`?"),
            ("phrases = 'so'", "expected an array, found the string \"so\""),
            ("lists = ['wrn']", "there is no list of bans `wrn`"),
            ("[[bans]]\nphrases = ['so']", "`bans` is one table, not a list"),
            ("[bans]\nphrases = ['so']\n[draw]\npick = 'argmax'", "`draw` beside `[bans]`: a file of bans has nothing else"),
            ("phrases = ['so'", "cannot read the bans `b.toml`, line 1"),
        ] {
            let refusal = laid(&below, text).unwrap_err();
            assert!(refusal.contains(said), "{text}: {refusal}");
        }
        let named = |name: &str| files::causes(&below.clone().ban_listed(name).unwrap_err());
        assert_eq!(named("wrn"), "there is no list of bans `wrn`\nhint: did you mean `worn`?");
        assert_eq!(named("no/such.toml"), "cannot read the bans `no/such.toml`: no such file or directory");
    }
}
