//! What was typed becomes what it means.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use etcetera::BaseStrategy;

use crate::bans::{Bans, List, Matcher};
use crate::catalog::ModelCard;
#[cfg(feature = "llama")]
use crate::cli::args::ModelArgs;
use crate::cli::args::{ChangeArgs, Trace};
#[cfg(feature = "llama")]
use crate::cli::machine::processor;
#[cfg(feature = "llama")]
use crate::cli::opening::bundled;
use crate::cli::usage::Usage;
use crate::engine::StateFolder;
#[cfg(feature = "llama")]
use crate::engine::TunedFolder;
use crate::preset::{Edit, Folders, Preset, UnknownName, find, of_model, parse, vary};
use crate::sampler::{Reach, Sampler};
use crate::text::{EXCERPT, excerpt, grouped};

/// The name of the preset that a model brings with it.
pub const OF_THE_MODEL: &str = "model";

/// A preset as it will run, under the name by which it was asked for.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub name: String,
    pub preset: Preset,
}

impl Chosen {
    /// Finds a preset and makes the changes.
    pub fn find(name: &str, changes: &ChangeArgs) -> Result<Self> {
        Self::changed(name, found(name)?, changes)
    }

    /// A preset that is at hand, under this name and with these changes. Bans come first, so that a value of them can be changed.
    pub fn changed(name: &str, mut preset: Preset, changes: &ChangeArgs) -> Result<Self> {
        lay_bans(&mut preset, changes)?;
        for edit in &changes.set {
            // An edit stands on the command line, so what is wrong in it is wrong usage.
            let edited = Edit::parse(edit).and_then(|edit| preset.set(&edit));
            edited.map_err(|error| Usage(format!("{error:#}")))?;
        }
        Ok(Self { name: name.to_string(), preset })
    }

    /// The preset of this name with these changes; `model` is what the makers of this model advise, or of the bundled one.
    pub fn advised(name: &str, changes: &ChangeArgs, model: Option<&Path>) -> Result<Self> {
        if name != OF_THE_MODEL {
            return Self::find(name, changes);
        }
        let path = model.map_or_else(usual_model, |path| Ok(path.to_owned()))?;
        let card = ModelCard::read(&path)?;
        let advised = of_model(&card.sampling, &card.title())?;
        let preset = parse(&advised.toml, &card.title())?;
        Self::changed(OF_THE_MODEL, preset, changes)
    }

    /// As [`Chosen::advised`], with the model that tells the story.
    #[cfg(feature = "llama")]
    pub fn of(name: &str, changes: &ChangeArgs, model: &ModelArgs) -> Result<Self> {
        Self::advised(name, changes, model.model.as_deref())
    }

    /// Its sampler.
    pub fn sampler(&self) -> Sampler {
        self.preset.sampler()
    }

    /// Its sampler, which knows as much as such a trace tells.
    pub fn sampler_traced(&self, trace: Option<Trace>) -> Sampler {
        match trace {
            None => self.sampler(),
            Some(Trace::Looked) => self.sampler().with_detail(),
            Some(Trace::Full) => self.sampler().with_detail().with_reach(Reach::Exhaustive),
        }
    }
}

/// Lays what is not to be said over the bans of a preset.
///
/// # Errors
/// A phrase that cannot be meant, or bans that cannot be read.
pub fn lay_bans(preset: &mut Preset, changes: &ChangeArgs) -> Result<()> {
    let ChangeArgs { set: _, ban, bans } = changes;
    for one in bans {
        preset.ban_listed(one).map_err(|error| match error.downcast::<UnknownName>() {
            Ok(unknown) => Usage(unknown.to_string()).into(),
            Err(error) => error,
        })?;
    }
    for phrase in ban {
        let alone = Bans { phrases: vec![phrase.clone()], ..Bans::default() };
        Matcher::new(alone).map_err(|wrong| {
            Usage(format!(
                "cannot ban `{}`: it {}\nhint: `--ban \"a testament to\"` bans a phrase",
                excerpt(phrase, EXCERPT),
                wrong.what()
            ))
        })?;
    }
    if !ban.is_empty() {
        preset.ban(List { phrases: ban.clone(), ..List::default() })?;
    }
    Ok(())
}

/// The preset of this name or path. A name that nobody has is wrong usage, as a wrong option is.
pub fn found(name: &str) -> Result<Preset> {
    find(name, &folders()).map_err(|error| match error.downcast::<UnknownName>() {
        Ok(_) if name == OF_THE_MODEL => {
            let hint = format!("`afterword presets show {OF_THE_MODEL} --model PATH` shows what a model's makers advise");
            Usage(format!("no preset lies under the name `{OF_THE_MODEL}`\nhint: {hint}")).into()
        }
        Ok(unknown) => Usage(unknown.to_string()).into(),
        Err(error) => error,
    })
}

/// The model that is meant where none is named.
#[cfg(feature = "llama")]
fn usual_model() -> Result<PathBuf> {
    bundled()
}

/// The model that is meant where none is named.
#[cfg(not(feature = "llama"))]
fn usual_model() -> Result<PathBuf> {
    Err(Usage("no model is named\nhint: name a GGUF file with `--model PATH`".into()).into())
}

/// Where presets are looked for.
pub fn folders() -> Folders {
    let user = etcetera::choose_base_strategy().ok().map(|base| base.config_dir().join("afterword").join("presets"));
    Folders { configs: Some("configs".into()), user }
}

/// The folder that a variable names, if it names one.
pub fn named_by(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// Where the program keeps what it can make again: `AFTERWORD_CACHE`, or its folder in the user's cache.
fn cache() -> Option<PathBuf> {
    named_by("AFTERWORD_CACHE").or_else(|| Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("afterword")))
}

/// Where models are kept that came from an address of the net.
pub fn fetched() -> Option<PathBuf> {
    Some(cache()?.join("models"))
}

/// Where tables of what is usual after a token are kept.
#[cfg(feature = "llama")]
pub fn tables() -> Option<PathBuf> {
    Some(cache()?.join("baselines"))
}

/// Where it is kept what `tune` found for this machine.
#[cfg(feature = "llama")]
pub fn tuned() -> Option<TunedFolder> {
    Some(TunedFolder::new(cache()?.join("tuned"), processor()))
}

/// The bytes that kept prompts may take of the disk, where nothing is said.
const USUAL_LIMIT: u64 = 2_000_000_000;

/// Where states of prompts are kept, and how much of the disk they may take: `AFTERWORD_CACHE_LIMIT`. `None` where the user has no folder
/// for such things.
pub fn states() -> Result<Option<StateFolder>> {
    let typed = std::env::var("AFTERWORD_CACHE_LIMIT").unwrap_or_default();
    let limit = if typed.is_empty() { Some(USUAL_LIMIT) } else { bytes(&typed) };
    let limit = limit.ok_or_else(|| {
        Usage(format!(
            "the variable AFTERWORD_CACHE_LIMIT is `{typed}`, and no number of bytes\nhint: a number with its unit, such as \
             `500MB` or `4GB`; `0` keeps nothing"
        ))
    })?;
    Ok(cache().map(|folder| StateFolder::new(folder.join("states"), limit, now())))
}

/// What time it is, since 1970.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A number of bytes as people write it: `500MB`, `1.5 GB`, `0`.
fn bytes(typed: &str) -> Option<u64> {
    let typed = typed.trim().to_lowercase();
    let digits = typed.find(|sign: char| !sign.is_ascii_digit() && sign != '.').unwrap_or(typed.len());
    let unit: f64 = match typed[digits..].trim() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        _ => return None,
    };
    let number: f64 = typed[..digits].parse().ok()?;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and a larger one is the largest"
    )]
    Some((number * unit) as u64)
}

/// Where journals are kept of what was added to writers' files: below `AFTERWORD_STATE`, or the user's state.
pub fn journals() -> Option<PathBuf> {
    let usual = || {
        let base = etcetera::choose_base_strategy().ok()?;
        Some(base.state_dir().unwrap_or_else(|| base.data_dir()).join("afterword"))
    };
    Some(named_by("AFTERWORD_STATE").or_else(usual)?.join("journals"))
}

/// More presets than anybody compares; each of them is kept ready.
const MOST_VOICES: usize = 10_000;

/// Every combination of values that are to be varied, each option with its values: `future.alpha=-1,0,1`. It is one without a
/// change where nothing is varied. `presets` have each of them.
pub fn combinations(varied: &[String], presets: usize) -> Result<Vec<Vec<Edit>>> {
    let mut all: Vec<Vec<Edit>> = vec![Vec::new()];
    for varied in varied {
        let edits = vary(varied).map_err(|error| Usage(format!("{error:#}")))?;
        let count = all.len().saturating_mul(edits.len()).saturating_mul(presets);
        if count > MOST_VOICES {
            let (count, most) = (grouped(count), grouped(MOST_VOICES));
            return Err(Usage(format!("`--vary` makes {count} presets: more than {most}\nhint: vary fewer values")).into());
        }
        let with = |before: &Vec<Edit>| {
            edits.iter().map(|edit| [&before[..], std::slice::from_ref(edit)].concat()).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
    }
    Ok(all)
}

/// The seed, and whether it was chosen here.
pub fn seed(typed: Option<u64>) -> u64 {
    // Short enough to be typed again.
    typed.unwrap_or_else(|| u64::from(rand::random::<u32>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_bytes_has_a_unit_or_none() {
        for (typed, number) in [
            ("0", Some(0)),
            ("500MB", Some(500_000_000)),
            ("1.5 gb", Some(1_500_000_000)),
            ("2G", Some(2_000_000_000)),
            (" 12 kB ", Some(12_000)),
            ("1e9TB", None),
            ("99999999999 TB", Some(u64::MAX)),
            ("GB", None),
            ("-1", None),
            ("4 GiB", None),
            ("1.2.3", None),
        ] {
            assert_eq!(bytes(typed), number, "{typed}");
        }
    }
}
