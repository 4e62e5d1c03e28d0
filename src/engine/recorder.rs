//! The record of a story: what was asked, what was told, and everything that decided about it.

use anyhow::Result;

use super::engine::Engine;
use super::prompt::Prompt;
use crate::decode::{Completion, Plan};
use crate::model::{Adapter, Detokenizer, SessionSettings, Vocabulary};
use crate::prob::Token;
use crate::story::{AdapterFile, Draft, FORMAT, ModelFile, Record, Resumed, Run, Times, TracedToken, Versions};

/// What all records of one run have in common.
#[derive(Debug, Clone)]
pub struct Recorder {
    model: ModelFile,
    versions: Versions,
    /// How it is computed; the limits are those of each story.
    run: Run,
    load: f64,
    vocabulary: Vocabulary,
}

/// The adapters of a model, with their checksums.
fn adapters(engine: &Engine) -> Result<Vec<AdapterFile>> {
    let sums = engine.backend().adapter_sums()?;
    let named = |(Adapter { file, scale }, sha256): (&Adapter, String)| {
        let file = file.display().to_string();
        AdapterFile { file, sha256, scale: *scale }
    };
    Ok(engine.options().adapters.iter().zip(sums).map(named).collect())
}

/// A story that is to be recorded.
#[derive(Debug)]
pub struct Recorded<'s> {
    /// What its preset is called.
    pub preset: &'s str,
    /// The preset as it ran, as TOML.
    pub resolved: String,
    /// The prompt.
    pub prompt: &'s Prompt,
    /// What was asked for.
    pub plan: &'s Plan,
    /// What came of it.
    pub completion: Completion,
    /// Seconds for the prompt, and for the story.
    pub times: [f64; 2],
    /// What was known and decided at each token, where that is to be kept.
    pub trace: Vec<TracedToken>,
    /// Which of several drafts it is, and how many there are.
    pub draft: Option<(Draft, usize)>,
}

impl Recorder {
    /// A recorder of stories that a memory with these settings tells. It reads the model's file once more, for its checksum:
    /// before a story is told, so that its record is not kept waiting. `load` is how long the model was loaded, in seconds.
    ///
    /// # Errors
    /// The file cannot be read again.
    pub fn new(engine: &Engine, settings: &SessionSettings, width: usize, load: f64) -> Result<Self> {
        let (info, options) = (engine.info(), engine.options());
        let model = ModelFile {
            file: info.path.display().to_string(),
            size: info.file_size,
            sha256: engine.backend().sha256()?,
            architecture: info.architecture.clone(),
            quantisation: info.quantisation.clone(),
        };
        let run = Run {
            limit: 0,
            to: None,
            context: engine.context(),
            min_tokens: 0,
            slides: false,
            may_loop: false,
            drafts: 1,
            stops: Vec::new(),
            width,
            tuned: engine.tuned().map(str::to_owned),
            cells: settings.cells,
            branches: settings.branches,
            batch: settings.batch,
            threads: settings.threads,
            gpu_layers: engine.gpu_layers(),
            devices: engine.devices(),
            main_gpu: options.main_gpu,
            split: options.split,
            mmap: options.use_mmap,
            mlock: options.use_mlock,
            flash_attention: settings.flash_attention,
            cache: [settings.keys, settings.values],
            adapters: adapters(engine)?,
        };
        Ok(Self {
            model,
            versions: Versions::here(engine.backend().version()),
            run,
            load,
            vocabulary: engine.vocabulary().clone(),
        })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &ModelFile {
        &self.model
    }

    /// The program.
    #[must_use]
    pub fn versions(&self) -> &Versions {
        &self.versions
    }

    /// How stories with these limits are computed.
    #[must_use]
    pub fn run(&self, max_tokens: usize, stops: &[String]) -> Run {
        Run { limit: max_tokens, stops: stops.to_vec(), ..self.run.clone() }
    }

    /// The record of a story that has ended: of all of it, where it went on from what was told before.
    #[must_use]
    pub fn record(&self, story: Recorded) -> Record {
        let Recorded { preset, resolved, prompt, plan, completion, times: [read, tell], trace, draft } = story;
        let taken = plan.continuation.taken;
        // What was told before stands in the prompt of a text that grows, and behind that of a story that is gone on with.
        let before = &plan.prompt[prompt.tokens.len().clamp(plan.origin().len(), plan.prompt.len())..];
        let told = before.len();
        let stands = plan.prompt.len() - told;
        let feedback = plan.continuation.carried.as_ref().and_then(|carried| carried.feedback);
        let resumed = (told > 0).then_some(Resumed { tokens: told, taken, feedback });
        let run = Run {
            to: plan.to,
            context: plan.context,
            min_tokens: plan.sampler.min_tokens(),
            slides: plan.context_shift,
            may_loop: !plan.stop_on_loop,
            drafts: draft.map_or(1, |(_, drafts)| drafts),
            ..self.run(told.saturating_add(plan.max_tokens), &plan.stops)
        };
        Record {
            format: FORMAT,
            text: prompt.story(&(told_text(before, &plan.heal, &self.vocabulary) + &completion.text)),
            prompt: prompt.text.clone(),
            mode: prompt.mode.clone(),
            parse_special: prompt.parse_special,
            healed: plan.heal.clone(),
            stop: completion.stop,
            preset: preset.to_owned(),
            resolved,
            seed: plan.seed,
            model: self.model.clone(),
            resumed,
            draft: draft.map(|(draft, _)| draft),
            baseline: plan.sampler.baseline().map(|baseline| baseline.checksum().to_owned()),
            run,
            versions: self.versions.clone(),
            prompt_tokens: plan.prompt[..stands].to_vec(),
            clock: stands - plan.origin().len(),
            feedback: completion.carried.feedback,
            banned: completion.banned.counted_from(stands - plan.origin().len()),
            mean_log_p: if told > 0 {
                // Of all tokens, which were scored while they were read.
                let all = &completion.carried.surprisals;
                let surprisals = &all[all.len().saturating_sub(told + completion.tokens.len())..];
                -surprisals.iter().sum::<f64>() / surprisals.len().max(1) as f64
            } else {
                completion.log_p / completion.tokens.len().max(1) as f64
            },
            tokens: [before, &completion.tokens].concat(),
            evaluations: completion.counts.evaluations,
            decodes: completion.counts.decodes,
            slides: completion.counts.context_shifts,
            times: Times { load: self.load, read, tell },
            trace,
        }
    }
}

/// The text of the first tokens of a story, in whole characters, without the end of the writer's own text that they spell.
#[must_use]
pub fn told_text(tokens: &[Token], healed: &str, vocabulary: &Vocabulary) -> String {
    let bytes = vocabulary.bytes(tokens);
    Detokenizer::text_of(&bytes[healed.len().min(bytes.len())..])
}
