//! The names under which the model and its presets are asked for: front-ends have a list of models, and none of presets.

use std::sync::Arc;

use super::fault::Fault;
use super::options::Sampling;
use crate::engine::Engine;
use crate::preset::Preset;
use crate::sampler::Sampler;
use crate::text::{EXCERPT, excerpt};

/// A preset under its name.
#[derive(Debug, Clone)]
pub struct Voice {
    /// The name.
    pub name: String,
    /// What it says.
    pub preset: Arc<Preset>,
}

impl Voice {
    /// Its sampler.
    #[must_use]
    pub fn sampler(&self) -> Sampler {
        self.preset.sampler()
    }
}

/// What a name of a model asks for beside the model.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The preset behind `@`.
    pub voice: Option<Voice>,
    /// `client` or another word for who decides behind `@`.
    pub sampling: Option<Sampling>,
}

/// The model under its name, and its presets.
#[derive(Debug)]
pub struct Catalogue {
    model: String,
    voices: Vec<Voice>,
}

impl Catalogue {
    /// The presets of a model; the first one rules where none is named. The model is called as `alias` says, or as its file.
    #[must_use]
    pub fn new(engine: &Engine, alias: Option<&str>, voices: Vec<Voice>) -> Self {
        let file = || engine.info().path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self { model: alias.map_or_else(file, str::to_owned), voices }
    }

    /// What the model is called.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The presets, the ruling one first.
    #[must_use]
    pub fn voices(&self) -> &[Voice] {
        &self.voices
    }

    /// The preset of this name.
    ///
    /// # Errors
    /// 404 with those that there are.
    pub fn voice(&self, name: &str) -> Result<Voice, Fault> {
        let known = self.voices.iter().find(|voice| voice.name == name);
        known.cloned().ok_or_else(|| {
            let names: Vec<&str> = self.voices.iter().map(|voice| voice.name.as_str()).collect();
            let name = excerpt(name, EXCERPT);
            Fault::not_found(format!("there is no preset `{name}`; hint: there are {}", names.join(", ")))
        })
    }

    /// All ids: the model's, one for each preset, and one for those who bring their own sampler.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        let presets = self.voices.iter().map(|voice| format!("{}@{}", self.model, voice.name));
        let client = format!("{}@{}", self.model, Sampling::Client.name());
        std::iter::once(self.model.clone()).chain(presets).chain([client]).collect()
    }

    /// What this name of a model means. A model of another name is taken for the one that there is, for front-ends keep stale ones.
    ///
    /// # Errors
    /// 404 for a preset that there is not.
    pub fn asked(&self, model: &str) -> Result<Asked, Fault> {
        let behind = match model.strip_prefix(self.model.as_str()) {
            Some("") => None,
            Some(rest) if rest.starts_with('@') => Some(&rest[1..]),
            _ => model.rsplit_once('@').map(|(_, behind)| behind),
        };
        behind.map_or(Ok(Asked::default()), |name| self.called(name))
    }

    /// What this name of a preset means: `client`, `both` and `preset` name whose values count, where no preset is called so.
    ///
    /// # Errors
    /// 404 where it is neither.
    pub fn called(&self, name: &str) -> Result<Asked, Fault> {
        match self.voice(name) {
            Ok(voice) => Ok(Asked { voice: Some(voice), sampling: None }),
            Err(fault) => match Sampling::named(name) {
                Some(sampling) => Ok(Asked { voice: None, sampling: Some(sampling) }),
                None => Err(fault),
            },
        }
    }
}
