//! A preset laid over another: what `extends` and edits change, and where a new stage stands.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::additions::{Lacking, lacking};
use super::banning::Standing;
use super::check;
use super::mistake::Fault;
use super::schema::{Draw, Preset, value_of};
use super::structure;
use super::vocabulary::is_stage;
use super::writing::line;
use crate::bans::Bans;
use crate::sampler::{Chain, Stage};

/// The word that takes a stage away.
pub(super) const OFF: &str = "off";

/// The text of a preset, before it is known what it extends.
pub(super) struct Draft<'t> {
    tree: Spanned<DeTable<'t>>,
    text: &'t str,
    /// Whether it stands on the command line, and not in a file.
    typed: bool,
}

/// The form of a preset in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    description: Option<String>,
    // It has been followed before this is read.
    #[serde(rename = "extends")]
    _extends: Option<String>,
    #[serde(default)]
    chain: Vec<Stage>,
    draw: Option<Draw>,
    bans: Option<Bans>,
}

/// What one table of a file does to the chain below it.
#[derive(Debug, Clone)]
enum Change {
    /// The stages at these places of the chain below go.
    Off(Vec<usize>),
    /// The stage at this place of the chain below becomes this one.
    Replace(usize, Stage),
    /// A new stage comes where [`place`] says.
    Add(Stage),
}

/// A table of a file before its stage has been read.
struct Table {
    /// Where the table, the name of its stage and the value stand.
    spans: [Range<usize>; 3],
    /// The places of the chain below that it takes away or replaces; none where the stage is new.
    places: Vec<usize>,
    off: bool,
    /// What a new stage lacks.
    lacking: Option<Lacking>,
}

impl<'t> Draft<'t> {
    /// Reads the syntax of a text.
    pub fn read(text: &'t str) -> Result<Self, Fault> {
        let tree = DeTable::parse(text).map_err(|error| Fault::of_syntax(&error, text))?;
        Ok(Self { tree, text, typed: false })
    }

    /// The same, where it was typed as a value of `--set`.
    pub fn typed(self) -> Self {
        Self { typed: true, ..self }
    }

    /// What it extends, and where it says so.
    pub fn extends(&self) -> Option<(Range<usize>, &str)> {
        let value = self.tree.get_ref().get("extends")?;
        Some((value.span(), value.get_ref().as_str()?))
    }

    /// The preset that it says, laid over the one below where there is one.
    ///
    /// A key that is written changes, and what is not written stays as it is below, in every table. The first stage of a name
    /// changes the first of that name below, the second the second. A stage that is new comes at its [`place`], and one that
    /// is `"off"` goes.
    pub fn resolve(self, below: Option<&Preset>) -> Result<Preset, Fault> {
        let Self { tree, text, typed } = self;
        structure::check(tree.get_ref(), text, below.is_some())?;
        let bans_stand = Standing::of(tree.get_ref());
        let Some(below) = below else {
            let Written { description, chain, draw, bans, .. } = written(tree)?;
            let chain = Chain::new(chain).map_err(|error| Fault::of_chain(&error))?;
            let (description, pick) = (description.unwrap_or_default(), draw.unwrap_or_default().pick);
            return Ok(Preset { description, chain, pick, bans: bans_stand.ready(bans)? });
        };
        let stages = below.chain.stages();
        let texts = Texts::of(below)?;
        // With what it takes from them, the tree lives no longer than the texts below.
        let mut tree: Spanned<DeTable<'_>> = tree;
        let tables = lay_under(tree.get_mut(), stages, &texts, text)?;
        if let Some((table, Lacking { cause, whole: [name, whole] })) =
            tables.iter().find_map(|table| Some((table, table.lacking.as_ref()?)))
        {
            // What is wrong in it besides is said first.
            let wrong = check::check(tree.get_ref()).err().filter(|fault| !table.is_told_of_by(fault));
            let whole = if typed { format!("'{name}={whole}'") } else { format!("{name} = {whole}") };
            let place = (!typed).then(|| table.spans[2].clone());
            let fault = Fault { span: place, ..Fault::new(cause) };
            return Err(wrong.unwrap_or_else(|| fault.hint(format!("give it whole: `{whole}`"))));
        }
        let Written { description, chain, draw, bans, .. } = written(tree)?;
        let mut read = chain.into_iter();
        let change = |table: &Table| match (table.off, table.places.first(), (!table.off).then(|| read.next()).flatten()) {
            (false, Some(&at), Some(stage)) => Change::Replace(at, stage),
            (false, None, Some(stage)) => Change::Add(stage),
            _ => Change::Off(table.places.clone()),
        };
        let changes: Vec<Change> = tables.iter().map(change).collect();
        let chain = Chain::new(lay(stages, &changes)).map_err(|error| {
            // The last change before which the chain was still whole is the one that breaks it.
            let breaks = (0..changes.len()).rev().find(|&at| Chain::new(lay(stages, &changes[..at])).is_ok());
            Fault { span: breaks.map(|at| tables[at].spans[1].clone()), ..Fault::of_chain(&error) }
        })?;
        Ok(Preset {
            description: description.unwrap_or_else(|| below.description.clone()),
            chain,
            pick: draw.map_or(below.pick, |Draw { pick }| pick),
            bans: if bans.is_some() { bans_stand.ready(bans)? } else { below.bans.clone() },
        })
    }
}

impl Table {
    /// Whether this is the table in which a key is said to be missing.
    fn is_told_of_by(&self, fault: &Fault) -> bool {
        fault.cause.ends_with("is missing") && fault.span.as_ref().is_some_and(|span| self.spans.contains(span))
    }
}

/// Reads the preset of a text that extends nothing.
pub(super) fn read(text: &str) -> Result<Preset, Fault> {
    Draft::read(text)?.resolve(None)
}

/// The bans of a tree.
pub(super) fn bans_in(tree: Spanned<DeTable>) -> Result<Option<Bans>, Fault> {
    Ok(written(tree)?.bans)
}

/// What a tree means.
fn written(tree: Spanned<DeTable>) -> Result<Written, Fault> {
    check::check(tree.get_ref())?;
    let values = structure::values_of_stages(tree.get_ref());
    Written::deserialize(toml::Deserializer::from(tree)).map_err(|error| {
        let fault = Fault { span: error.span(), ..Fault::new(error.message()) };
        // A number out of range is reported for the table around it, which has one value: that one.
        match values.into_iter().find(|(table, _)| fault.span.as_ref() == Some(table)) {
            Some((_, value)) => Fault { span: Some(value), ..fault },
            None => fault,
        }
    })
}

/// The stages and the draw of a preset, each as a line of TOML.
struct Texts {
    stages: Vec<String>,
    draw: String,
    bans: Option<String>,
}

impl Texts {
    fn of(preset: &Preset) -> Result<Self, Fault> {
        let unwritten = |error: anyhow::Error| Fault::new(error.to_string());
        let stage = |stage: &Stage| Ok(line(stage.name(), &value_of(stage)?));
        let stages = preset.chain.stages().iter().map(stage).collect::<anyhow::Result<_>>().map_err(unwritten)?;
        let draw = toml::Value::try_from(Draw { pick: preset.pick }).map_err(|error| Fault::new(error.to_string()))?;
        let bans = below_bans(preset)?;
        Ok(Self { stages, draw: line("draw", &draw), bans })
    }
}

/// Puts what stands below under what is written, and takes the tables out that switch something off.
fn lay_under<'t>(tree: &mut DeTable<'t>, below: &[Stage], texts: &'t Texts, text: &str) -> Result<Vec<Table>, Fault> {
    if let Some(draw) = tree.get_mut("draw") {
        fill(draw, "draw", value_in(&texts.draw, "draw")?);
    }
    if let (Some(bans), Some(below)) = (tree.get_mut("bans"), &texts.bans) {
        fill(bans, "bans", value_in(below, "bans")?);
    }
    let Some(DeValue::Array(written)) = tree.get_mut("chain").map(Spanned::get_mut) else { return Ok(Vec::new()) };
    let mut free = vec![true; below.len()];
    let mut tables = Vec::new();
    let mut kept = DeArray::new();
    for mut stage in std::mem::replace(written, DeArray::new()) {
        let place = stage.span();
        let entry = if let DeValue::Table(table) = stage.get_mut() { table.iter_mut().next() } else { None };
        let Some((name, value)) = entry else { continue };
        let spans = [place, name.span(), value.span()];
        let name = name.get_ref().as_ref();
        let mut places: Vec<usize> = (0..below.len()).filter(|&at| free[at] && below[at].name() == name).collect();
        let off = value.get_ref().as_str() == Some(OFF) && is_stage(name);
        if !off {
            places.truncate(1);
            if let Some(&at) = places.first() {
                fill(value, name, value_in(&texts.stages[at], name)?);
            }
        }
        for &at in &places {
            free[at] = false;
        }
        let lacking = if off || !places.is_empty() { None } else { lacking(name, value.get_ref(), text) };
        tables.push(Table { spans, places, off, lacking });
        if !off {
            kept.push(stage);
        }
    }
    *written = kept;
    Ok(tables)
}

/// The bans of a preset as a line of TOML.
pub(super) fn below_bans(preset: &Preset) -> Result<Option<String>, Fault> {
    let Some(bans) = &preset.bans else { return Ok(None) };
    let bans = toml::Value::try_from(bans.bans()).map_err(|error| Fault::new(error.to_string()))?;
    Ok(Some(line("bans", &bans)))
}

/// The value in a line of TOML.
pub(super) fn value_in<'t>(line: &'t str, key: &str) -> Result<DeValue<'t>, Fault> {
    let mut table = DeTable::parse(line).map_err(|error| Fault::of_syntax(&error, line))?.into_inner();
    table.remove(key).map(Spanned::into_inner).ok_or_else(|| Fault::new(format!("`{key}` is not written")))
}

/// Gives a table the keys of another that it does not have, and so on in its tables. Where a table names one thing of several
/// (`alpha`), it takes nothing of another thing.
pub(super) fn fill<'t>(written: &mut Spanned<DeValue<'t>>, name: &str, below: DeValue<'t>) {
    let place = written.span();
    let (DeValue::Table(table), DeValue::Table(below)) = (written.get_mut(), below) else { return };
    if structure::NUMBER_OR_NAMED.contains(&name) && !below.keys().any(|key| table.contains_key(key.get_ref().as_ref())) {
        return;
    }
    for (key, value) in below {
        let key = key.into_inner();
        match table.get_mut(key.as_ref()) {
            Some(written) => fill(written, &key, value.into_inner()),
            // It stands nowhere in the text: what is said of it is said of the table.
            None => drop(table.insert(Spanned::new(place.clone(), key), Spanned::new(place.clone(), value.into_inner()))),
        }
    }
}

/// The chain below with these changes, one after the other.
fn lay(below: &[Stage], changes: &[Change]) -> Vec<Stage> {
    let mut chain: Vec<(Option<usize>, Stage)> =
        below.iter().cloned().enumerate().map(|(at, stage)| (Some(at), stage)).collect();
    for change in changes {
        match change {
            Change::Off(places) => chain.retain(|(at, _)| !at.is_some_and(|at| places.contains(&at))),
            Change::Replace(at, stage) => {
                chain.iter_mut().filter(|(place, _)| *place == Some(*at)).for_each(|slot| slot.1 = stage.clone());
            }
            Change::Add(stage) => {
                let stages: Vec<Stage> = chain.iter().map(|(_, stage)| stage.clone()).collect();
                chain.insert(place(&stages, stage), (None, stage.clone()));
            }
        }
    }
    chain.into_iter().map(|(_, stage)| stage).collect()
}

/// Where a new stage stands: where the fewest of the others stand on the wrong side of it, by the order of their roles: words and
/// penalties, cuts, `xtc`, `future`, temperatures, what draws; and of such places at the last. So in a chain of that order it comes behind
/// what is of its kind, and `future` stands behind every cut even where a temperature came first.
fn place(chain: &[Stage], stage: &Stage) -> usize {
    let wrong = |at: usize| {
        let before = chain[..at].iter().filter(|other| other.role() > stage.role()).count();
        before + chain[at..].iter().filter(|other| other.role() < stage.role()).count()
    };
    (0..=chain.len()).rev().min_by_key(|&at| wrong(at)).unwrap_or(0)
}
