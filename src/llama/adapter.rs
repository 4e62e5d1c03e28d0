//! A LoRA adapter: read with care, loaded onto a model, and put into every memory of it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail, ensure};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::model::{LlamaLoraAdapter, LlamaModel};

use super::backend::overheard;
use super::file::plain;
use super::held::Held;
use crate::files::{Sums, words};
use crate::gguf::{Header, Value};
use crate::model::Adapter;
use crate::text::{EXCERPT, excerpt};

/// The adapter of a model, if it has one.
pub(super) struct Loaded {
    /// Its file, held open. The adapter itself lives in llama.cpp's model, and as long as that.
    files: Held,
    path: PathBuf,
    adapter: Mutex<LlamaLoraAdapter>,
    scale: f32,
}

/// Loads the adapter that is asked for onto a model of this family.
///
/// # Errors
/// More than one is asked for; or it is no adapter, is of another family or other sizes, or is damaged.
pub(super) fn load(model: &mut LlamaModel, family: &str, asked: &[Adapter]) -> Result<Option<Loaded>> {
    let (path, scale) = match asked {
        [] => return Ok(None),
        [Adapter { file, scale }] => (file.clone(), *scale),
        [..] => bail!(
            "cannot put {} adapters on one model: the bindings to llama.cpp take one\nhint: merge them into one file",
            asked.len()
        ),
    };
    let refuse = |cause: String| anyhow!("cannot load the adapter `{}`: {cause}", path.display());
    check(&path, family).map_err(|cause| refuse(format!("{cause:#}")))?;
    let paths = [path.clone()];
    let files = Held::open(&paths).map_err(|error| refuse(words(&error)))?;
    let adapter = match overheard("loading an adapter", || model.lora_adapter_init(&path)) {
        (Ok(adapter), _) => Mutex::new(adapter),
        (Err(error), cause) => return Err(refuse(plain(&cause.unwrap_or_else(|| error.to_string())))),
    };
    if !files.is_at(&paths) {
        return Err(refuse("it was changed while it was loaded\nhint: once more, when it is whole".to_owned()));
    }
    Ok(Some(Loaded { files, path, adapter, scale }))
}

impl Loaded {
    /// Puts it into a memory.
    ///
    /// # Errors
    /// llama.cpp refuses it.
    pub fn put_into(&self, context: &mut LlamaContext) -> Result<()> {
        let mut adapter = self.adapter.lock().unwrap_or_else(PoisonError::into_inner);
        let put = context.lora_adapter_set(&mut adapter, self.scale);
        put.with_context(|| format!("cannot use the adapter `{}`", self.path.display()))
    }

    /// The SHA-256 of its file; one that is remembered is not computed again.
    ///
    /// # Errors
    /// The file cannot be read again, or was written to since it was loaded.
    pub fn sha256(&self, known: Option<&Sums>) -> Result<String> {
        let sum = match known {
            Some(known) => self.files.sums(known).map(|mut sums| sums.remove(0)),
            None => self.files.sha256(),
        };
        sum.map_err(|error| anyhow!("cannot read the adapter `{}` for its checksum: {}", self.path.display(), words(&error)))
    }
}

/// Refuses what is no adapter for this family before llama.cpp reads it: it ends the process where a text or a number is of another type
/// than it believes.
fn check(path: &Path, family: &str) -> Result<()> {
    let header = Header::read(path)?;
    ensure!(path.to_str().is_some(), "its name is not UTF-8");
    let text = |key| header.text(key).unwrap_or_default();
    let shown = |text: &str| excerpt(text, EXCERPT);
    match text("general.type") {
        "adapter" => {}
        "" | "model" => bail!(
            "it is no adapter (LoRA), but a model or a part of one\nhint: an adapter is made for one model, and is small beside it"
        ),
        other => bail!("it is no adapter (LoRA): it calls itself `{}`", shown(other)),
    }
    let kind = text("adapter.type");
    ensure!(kind == "lora", "it is an adapter of the kind `{}`, and only `lora` is known", shown(kind));
    let own = text("general.architecture");
    ensure!(own == family, "it is for a model of the family `{}`, and this one is of `{}`", shown(own), shown(family));
    ensure!(
        !header.metadata.contains_key("adapter.alora.invocation_tokens"),
        "it is to be switched on by words in the prompt (aLoRA), and this program would have it on from the beginning"
    );
    match header.metadata.get("adapter.lora.alpha") {
        Some(Value::Real(alpha)) if alpha.is_finite() => {}
        None => {}
        Some(_) => bail!("it is damaged: its `adapter.lora.alpha` is no finite number"),
    }
    ensure!(!header.tensors.is_empty(), "it is an adapter without weights");
    for tensor in &header.tensors {
        let known = [".lora_a", ".lora_b", "_norm.weight"].iter().any(|end| tensor.name.ends_with(end));
        ensure!(known, "it is damaged: its weights `{}` are neither of the two parts of an adapter's", shown(&tensor.name));
        ensure!(
            tensor.kind.multiplies() && tensor.numbers > 0,
            "it is damaged: with its weights `{}` nothing can be multiplied",
            shown(&tensor.name)
        );
    }
    Ok(())
}
