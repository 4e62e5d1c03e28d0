//! `afterword models`: what models are here, what one of them is and needs, and how others come here.

mod info;
#[cfg(feature = "hub")]
mod known;
mod list;
#[cfg(feature = "hub")]
pub mod pull;

use std::path::{Path, PathBuf};

use anyhow::Result;
use etcetera::BaseStrategy;

use crate::catalog::Places;
use crate::cli::Outcome;
use crate::cli::args::Models;
use crate::cli::commands::config;
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::{fetched, named_by};

pub use self::info::holds;

pub fn run(args: Models, yes: bool, terminal: &Terminal) -> Result<Outcome> {
    match args {
        #[cfg(feature = "hub")]
        Models::Pull(args) => return pull::run(&args, terminal),
        #[cfg(feature = "hub")]
        Models::Known { json } => known::run(json, terminal)?,
        Models::Use { name } => config::keep_model(&name, yes, terminal)?,
        Models::List { json } => list::run(json, terminal)?,
        Models::Info { path, ctx, stories, device, json } => {
            let context = ctx.map(std::num::NonZeroUsize::get);
            info::run(&path, context, stories.get(), &device, json, terminal)?;
        }
    }
    Ok(Outcome::Done)
}

/// The home of whoever runs the program.
fn at_home(path: &str) -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.home_dir().join(path))
}

/// The folder of the hub's own programs, in which a token may lie.
pub fn hub_home() -> Option<PathBuf> {
    named_by("HF_HOME")
        .or_else(|| named_by("XDG_CACHE_HOME").map(|folder| folder.join("huggingface")))
        .or_else(|| at_home(".cache/huggingface"))
}

/// The cache of the hub, which other programs share.
pub fn hub_cache() -> Option<PathBuf> {
    let named = named_by("HF_HUB_CACHE").or_else(|| named_by("HUGGINGFACE_HUB_CACHE"));
    named.or_else(|| hub_home().map(|folder| folder.join("hub")))
}

/// Where models may be on this machine, by the environment variables that the other programs read.
pub fn places() -> Places {
    let cache = etcetera::choose_base_strategy().ok().map(|base| base.cache_dir());
    let llama = named_by("LLAMA_CACHE")
        .or_else(|| if cfg!(target_os = "macos") { at_home("Library/Caches/llama.cpp") } else { None })
        .or_else(|| cache.map(|cache| cache.join("llama.cpp")));
    let own = Path::new("models").to_owned();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let folders = [
        ("models/", Some(own)),
        ("bundled", Some(shipped)),
        ("Hugging Face", hub_cache()),
        ("llama.cpp", llama),
        ("LM Studio", at_home(".lmstudio/models")),
        ("LM Studio", at_home(".cache/lm-studio/models")),
        ("fetched", fetched()),
    ];
    let named = |(name, folder): (&str, Option<PathBuf>)| folder.map(|folder| (name.to_owned(), folder));
    Places {
        folders: folders.into_iter().filter_map(named).collect(),
        ollama: named_by("OLLAMA_MODELS").or_else(|| at_home(".ollama/models")),
    }
}
