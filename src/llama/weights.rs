//! A model file in memory: what it is, and its vocabulary.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Result, ensure};
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_sys_2 as sys;

use super::backend::{backend, fenced, heard, overheard};
use super::cutting::letters_alone;
use super::held::Held;
use super::{adapter, device, file, vocabulary};
use crate::files::{Sums, words};
use crate::gguf::mixture;
use crate::model::{LoadOptions, Vocabulary};
use crate::text::{EXCERPT, excerpt};

/// A loaded model file. [`Weights::session`] makes it tell.
pub struct Weights {
    pub(super) model: LlamaModel,
    path: PathBuf,
    files: Held,
    pub(super) adapter: Option<adapter::Loaded>,
    vocabulary: Vocabulary,
    /// The only letters that can be written, where that is not all of them.
    pub(super) alone: Option<BTreeSet<char>>,
    /// The bytes of the longest piece, once somebody has asked.
    pub(super) longest: OnceLock<usize>,
    locked: bool,
    /// Whether a GPU computes some of it.
    pub(super) on_gpu: bool,
}

impl Weights {
    /// Loads a model that can tell stories. `progress` hears the share that is done, 0 to 1, and stops the loading by
    /// returning false.
    ///
    /// # Errors
    /// The file is not a readable GGUF of a language model with vocabulary, weights and a decoder; it does not fit into
    /// memory; an adapter is none, or none for this model; or the loading was stopped.
    pub fn load(path: &Path, options: &LoadOptions, mut progress: impl FnMut(f32) -> bool + 'static) -> Result<Self> {
        let refuse = |cause: String| anyhow::anyhow!("cannot load the model `{}`: {cause}", path.display());
        let paths = file::check(path).map_err(|cause| refuse(format!("{cause:#}")))?;
        let files = Held::open(&paths).map_err(|error| refuse(words(&error)))?;
        // Of a model in several files llama.cpp wants the first one.
        let path = &paths[0];

        let backend = backend()?;
        let stopped = std::rc::Rc::new(std::cell::Cell::new(false));
        let stop = stopped.clone();
        let mut parameters = LlamaModelParams::default().with_use_mmap(options.use_mmap).with_progress_callback(move |share| {
            let on = progress(share);
            stop.set(stop.get() || !on);
            on
        });
        parameters = parameters.with_use_mlock(options.use_mlock);
        if let Some(layers) = options.gpu_layers {
            parameters = parameters.with_n_gpu_layers(layers);
        }
        let on_gpu;
        (parameters, on_gpu) = device::choose(parameters, options).map_err(|cause| refuse(cause.to_string()))?;
        let mut model = match overheard("loading the weights", || LlamaModel::load_from_file(backend, path, &parameters)) {
            (Ok(model), _) => model,
            (Err(_), _) if stopped.get() => return Err(refuse("the loading was stopped".to_owned())),
            (Err(error), cause) => return Err(refuse(file::plain(&cause.unwrap_or_else(|| error.to_string())))),
        };
        tells(&model).map_err(|cause| refuse(cause.to_string()))?;
        let locked = options.use_mlock && !heard("mlock");
        let family = architecture(&model);
        let adapter = adapter::load(&mut model, &family, &options.adapters)?;
        let vocabulary = fenced("reading the vocabulary", || vocabulary::read(&model.vocab()));
        let alone = letters_alone(&model);
        if !files.is_at(&paths) {
            return Err(refuse("it was changed while it was loaded\nhint: once more, when it is whole".to_owned()));
        }
        Ok(Self { model, path: path.clone(), files, adapter, vocabulary, alone, longest: OnceLock::new(), locked, on_gpu })
    }

    /// The file, as it was given; where there are several, the first one.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the weights are kept from being written out to disk: that was asked for, and the system allows it.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// The size of the file in bytes.
    #[must_use]
    pub fn file_size(&self) -> u64 {
        self.files.size()
    }

    /// The SHA-256 of the file that was loaded, in hexadecimal digits; of several files, of the first. Another file under the
    /// same name has no part in it.
    ///
    /// # Errors
    /// The file cannot be read again, or was written to since it was loaded.
    pub fn sha256(&self) -> Result<String> {
        self.files.sha256().map_err(|error| self.without_sum(&error))
    }

    /// The SHA-256 of every file that was loaded, adapters among them; those that are remembered are not computed again.
    ///
    /// # Errors
    /// As [`Weights::sha256`].
    pub fn sums(&self, known: &Sums) -> Result<Vec<String>> {
        let mut sums = self.files.sums(known).map_err(|error| self.without_sum(&error))?;
        sums.extend(self.adapter.as_ref().map(|adapter| adapter.sha256(Some(known))).transpose()?);
        Ok(sums)
    }

    /// The SHA-256 of every adapter that was loaded with them.
    ///
    /// # Errors
    /// Its file cannot be read again, or was written to since.
    pub fn adapter_sums(&self) -> Result<Vec<String>> {
        let sums = self.adapter.iter().map(|adapter| adapter.sha256(None));
        sums.collect()
    }

    fn without_sum(&self, error: &std::io::Error) -> anyhow::Error {
        anyhow::anyhow!("cannot read the model `{}` for its checksum: {}", self.path.display(), words(error))
    }

    /// Whether the files that were loaded are as they were then: mapped weights change with their file. What became of their
    /// names does not matter.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.files.is_unchanged()
    }

    /// The vocabulary.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// A metadata value as text; `None` where the file has none under this key.
    #[must_use]
    pub fn meta(&self, key: &str) -> Option<String> {
        self.model.meta_val_str(key).ok()
    }

    /// What the model calls itself.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.meta("general.name")
    }

    /// The family: `llama`, `qwen3`, `mamba`.
    #[must_use]
    pub fn architecture(&self) -> String {
        architecture(&self.model)
    }

    /// One line of llama.cpp's about family, size and quantisation.
    #[must_use]
    pub fn description(&self) -> String {
        let mut line = [0_u8; 256];
        // SAFETY: the model lives, and llama.cpp writes at most the given length with its terminator.
        unsafe { sys::llama_model_desc(raw(&self.model), line.as_mut_ptr().cast(), line.len()) };
        let end = line.iter().position(|&byte| byte == 0).unwrap_or(line.len());
        String::from_utf8_lossy(&line[..end]).into_owned()
    }

    /// How most weights are stored, such as `Q4_K_M`; a guess from the weights where the file does not say.
    #[must_use]
    pub fn quantisation(&self) -> Option<&'static str> {
        // SAFETY: the model lives.
        let kind = unsafe { sys::llama_model_ftype(raw(&self.model)) };
        mixture(u64::from(kind & !sys::LLAMA_FTYPE_GUESSED))
    }

    /// The number of weights.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.model.n_params()
    }

    /// The weights in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.model.size()
    }

    /// The longest text in tokens that the model was trained on.
    #[must_use]
    pub fn trained_context(&self) -> usize {
        self.model.n_ctx_train() as usize
    }

    /// Whether all memory is one state of fixed size (Mamba, RWKV).
    #[must_use]
    pub fn is_recurrent(&self) -> bool {
        self.model.is_recurrent()
    }

    /// Whether part of the memory is such a state.
    #[must_use]
    pub fn is_hybrid(&self) -> bool {
        self.model.is_hybrid()
    }

    /// The tokens that some layers look back over; `None` where all layers see the whole text.
    #[must_use]
    pub fn window(&self) -> Option<usize> {
        // SAFETY: the model lives.
        let window = unsafe { sys::llama_model_n_swa(raw(&self.model)) };
        usize::try_from(window).ok().filter(|&window| window > 0)
    }
}

fn architecture(model: &LlamaModel) -> String {
    model.meta_val_str("general.architecture").unwrap_or_default()
}

/// Whether llama.cpp says that the model can tell a story: it must read tokens of a vocabulary from left to right.
fn tells(model: &LlamaModel) -> Result<()> {
    let family = excerpt(&architecture(model), EXCERPT);
    // SAFETY: the model lives, and so does the vocabulary that it owns.
    let (encoder, decoder, diffusion, vocabulary) = unsafe {
        let model = raw(model);
        (
            sys::llama_model_has_encoder(model),
            sys::llama_model_has_decoder(model),
            sys::llama_model_is_diffusion(model),
            sys::llama_vocab_type(sys::llama_model_get_vocab(model)),
        )
    };
    ensure!(!encoder, "`{family}` is an encoder-decoder model: it rewrites texts, and cannot go on with one");
    ensure!(decoder, "`{family}` is an embedding model, and cannot tell stories");
    ensure!(!diffusion, "`{family}` is a diffusion model: it does not write from left to right");
    ensure!(vocabulary != sys::LLAMA_VOCAB_TYPE_NONE && model.n_vocab() > 0, "it holds no vocabulary");
    Ok(())
}

/// Whether the vocabulary is of `SentencePiece`'s kind.
pub(super) fn is_sentence_piece(model: &LlamaModel) -> bool {
    // SAFETY: the model lives, and so does the vocabulary that it owns. The bindings ask the same, and panic for half of the kinds.
    let kind = unsafe { sys::llama_vocab_type(sys::llama_model_get_vocab(raw(model))) };
    kind == sys::LLAMA_VOCAB_TYPE_SPM
}

/// The C pointer of a model, for the few questions that the bindings do not wrap.
fn raw(model: &LlamaModel) -> *const sys::llama_model {
    // SAFETY: `LlamaModel` is documented `repr(transparent)` over a non-null pointer to the C model, which lives as long
    // as the borrow.
    unsafe { *std::ptr::from_ref(model).cast::<*const sys::llama_model>() }
}
