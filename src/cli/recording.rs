//! The record of a story: what was asked, what was told, and everything that decided about it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::args::ModelArgs;
use super::asking::Asked;
use super::engine::{Engine, bundled};
use super::usage::Usage;
use crate::decode::{Completion, Plan};
use crate::files::{Form, Inputs, Output};
use crate::llama;
use crate::model::SessionSettings;
use crate::story::{FORMAT, ModelFile, Record, Run, Times, TracedToken, Versions};

/// What all records of one run have in common.
pub struct Recorder {
    model: ModelFile,
    versions: Versions,
    /// How it is computed; the limits are those of each story.
    run: Run,
    load: f64,
}

/// A story that is to be recorded.
pub struct Recorded<'s> {
    /// What its preset is called.
    pub preset: String,
    /// The preset as it ran, as TOML.
    pub resolved: String,
    pub asked: &'s Asked,
    pub plan: &'s Plan,
    pub told: Completion,
    /// Seconds for the prompt, and for the story.
    pub times: [f64; 2],
    pub trace: Vec<TracedToken>,
}

impl Recorder {
    /// Reads the model's file once more, for its checksum: before a story is told, so that its record is not kept waiting.
    pub fn new(engine: &Engine, settings: &SessionSettings, width: usize) -> Result<Self> {
        let weights = &engine.weights;
        let model = ModelFile {
            file: weights.path().display().to_string(),
            size: weights.file_size(),
            sha256: weights.sha256()?,
            architecture: weights.architecture(),
            quantisation: weights.quantisation().map(str::to_string),
        };
        let run = Run {
            limit: 0,
            context: engine.context,
            min_tokens: 0,
            slides: false,
            may_loop: false,
            drafts: 1,
            stops: Vec::new(),
            width,
            cells: settings.cells,
            branches: settings.branches,
            batch: settings.batch,
            threads: settings.threads,
            gpu_layers: engine.gpu_layers,
            devices: engine.devices(),
            main_gpu: engine.args.device.main_gpu,
            split: engine.split(),
            mmap: !engine.args.device.no_mmap,
            mlock: engine.args.device.mlock,
            flash_attention: settings.flash_attention,
            cache: [settings.keys, settings.values],
        };
        Ok(Self { model, versions: Versions::here(llama::build()), run, load: engine.load_time.as_secs_f64() })
    }

    /// The model.
    pub fn model(&self) -> &ModelFile {
        &self.model
    }

    /// The program.
    pub fn versions(&self) -> &Versions {
        &self.versions
    }

    /// How stories with these limits are computed.
    pub fn run(&self, limit: usize, stops: &[String]) -> Run {
        Run { limit, stops: stops.to_vec(), ..self.run.clone() }
    }

    /// The record of a story that has an end.
    pub fn record(&self, story: Recorded) -> Record {
        let Recorded { preset, resolved, asked, plan, told, times: [read, tell], trace } = story;
        Record {
            format: FORMAT,
            text: asked.story(&told.text),
            prompt: asked.prompt.clone(),
            mode: asked.mode.clone(),
            parse_special: asked.parse_special,
            stop: told.stop,
            preset,
            resolved,
            seed: plan.seed,
            model: self.model.clone(),
            draft: None,
            run: Run {
                context: plan.context,
                min_tokens: plan.sampler.min_tokens(),
                slides: plan.context_shift,
                may_loop: !plan.stop_on_loop,
                ..self.run(plan.max_tokens, &plan.stops)
            },
            versions: self.versions.clone(),
            prompt_tokens: plan.prompt.clone(),
            mean_log_p: told.log_p / told.tokens.len().max(1) as f64,
            tokens: told.tokens,
            evaluations: told.counts.evaluations,
            decodes: told.counts.decodes,
            slides: told.counts.context_shifts,
            times: Times { load: self.load, read, tell },
            trace,
        }
    }
}

/// Asks for the file of a record, before its story is told; `inputs` are not to be lost.
pub fn record_at(path: PathBuf, inputs: &Inputs) -> Result<Output> {
    if path == Path::new("-") {
        let hint = "name a file; `./-` is one of that name";
        return Err(Usage(format!("`--record -` cannot go to standard output, where the story goes\nhint: {hint}")).into());
    }
    Output::new(path, Form::RECORD, inputs)
}

/// The files that a story is told from, none of which an output may take the place of.
pub fn inputs<'a>(model: &ModelArgs, presets: impl IntoIterator<Item = &'a str>) -> Inputs {
    let model = model.model.clone().or_else(|| bundled().ok());
    let inputs = model.iter().fold(Inputs::streams(), |inputs, path| inputs.with(path, "the model"));
    presets.into_iter().map(Path::new).fold(inputs, |inputs, path| match path.extension() {
        Some(_) => inputs.with(path, "a preset"),
        None => inputs,
    })
}

/// The SHA-256 of a file, in hexadecimal digits.
pub fn sha256(path: &Path) -> Result<String> {
    let sum = || -> io::Result<String> {
        let (mut file, mut hasher, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; 1 << 20]);
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(hasher.finalize().iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}")));
            }
            hasher.update(&buffer[..read]);
        }
    };
    sum().with_context(|| format!("cannot read `{}` again for its checksum", path.display()))
}
