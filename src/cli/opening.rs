//! From arguments to a model that tells: loading with its progress, and last words where llama.cpp gives up.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::cli::args::{Colour, ModelArgs};
use crate::cli::interrupt::{interrupted, leave};
use crate::cli::machine::machine;
use crate::cli::missing;
use crate::cli::render::notes::words;
use crate::cli::render::progress::Progress;
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::{states, tables, tuned};
use crate::cli::template_process::renderer;
use crate::cli::workers;
use crate::engine::{Cancelled, Engine, EngineOptions};
use crate::llama;
use crate::text::{EXCERPT, excerpt};

/// The model that comes with the program, in a folder `models`.
pub const BUNDLED: &str = "fable-3m-q8_0.gguf";

/// The model that is in use, for last words about it.
static MODEL: OnceLock<PathBuf> = OnceLock::new();

/// A loaded model, and how long that took.
pub struct Opened {
    pub engine: Engine,
    pub load_time: Duration,
}

impl std::ops::Deref for Opened {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

/// Loads the model that the arguments name, or the bundled one.
pub fn open(args: &ModelArgs, terminal: &Terminal) -> Result<Opened> {
    open_with(args.options(args.model.clone().map_or_else(bundled, Ok)?), terminal)
}

/// Loads a model with these options.
pub fn open_with(options: EngineOptions, terminal: &Terminal) -> Result<Opened> {
    llama::on_abort(last_words);
    missing::there(&options.model)?;
    // The first one stays: a second one would be the same.
    let _ = MODEL.set(options.model.clone());
    let machine = machine(options.devices.as_deref(), options.split, options.main_gpu)?;
    let progress = Progress::loading(terminal, &options.model);
    let started = Instant::now();
    let on_share = {
        let progress = progress.clone();
        move |share| {
            progress.share(share);
            !interrupted()
        }
    };
    let opened = Engine::open(options, machine, Arc::new(renderer()?), on_share);
    progress.clear();
    let engine = match opened {
        Err(_) if interrupted() => return Err(Cancelled.into()),
        opened => opened?,
    };
    let engine = match tables() {
        Some(folder) => engine.keeping_baselines_in(folder),
        None => engine,
    };
    let engine = match states()? {
        // What other machines compute with is not known here, and it decides about bits.
        Some(folder) if folder.limit() > 0 && !workers::are_there() => engine.keeping_states_in(folder),
        _ => engine,
    };
    let engine = match tuned() {
        Some(folder) => {
            let (engine, note) = engine.tuned_by(&folder);
            if let Some(note) = note {
                terminal.note(words(&note));
            }
            engine
        }
        None => engine,
    };
    let load_time = started.elapsed();
    let cores = std::thread::available_parallelism().map_or(usize::MAX, NonZeroUsize::get);
    for note in engine.idle_options(cores) {
        terminal.note(words(&note));
    }
    Ok(Opened { engine, load_time })
}

/// llama.cpp found something it cannot go on from; that becomes the one sentence.
/// Behind this call llama.cpp would abort the process.
pub fn last_words(message: &str) {
    let model = MODEL.get().map_or(String::new(), |path| format!(" on the model `{}`", path.display()));
    let said = if message.contains(OF_RPC) { worker_lost(&model, &workers::gone()) } else { given_up(&model, message) };
    Terminal::new(Colour::Auto, false).error(&anyhow::anyhow!(said));
    leave(1)
}

/// The file of llama.cpp in which it speaks to workers, as it stands in last words.
const OF_RPC: &str = "ggml-rpc.cpp:";

/// What is said where a worker does not answer as it must; `gone` are those that do not listen any more.
fn worker_lost(model: &str, gone: &[String]) -> String {
    let cause = match gone {
        [] => "a worker of `--rpc` has hung up, or answers what cannot be".to_owned(),
        [worker] => format!("the worker {worker} is gone"),
        several => format!("the workers {} are gone", several.join(", ")),
    };
    format!(
        "it broke off{model}: {cause}\nhint: once they all listen again, the same command tells; `batch` goes on where it was"
    )
}

/// What is said for llama.cpp's last words. A check of its own that failed is named behind the hint, for those who know its source.
fn given_up(model: &str, message: &str) -> String {
    if message == llama::SHORTENED {
        return format!("the telling broke off{model}: {message}\nhint: `--no-mmap` reads it once, into memory");
    }
    let message = message.lines().next().unwrap_or_default();
    // It begins with a place in a source file, whose folder is that of another machine.
    let message = message.rsplit_once("/llama.cpp/").map_or(message, |(_, place)| place);
    let message = excerpt(message, 2 * EXCERPT);
    let (place, cause) = match message.split_once(": ") {
        Some((place, cause)) if place.ends_with(|c: char| c.is_ascii_digit()) => (format!(" ({message})"), cause.to_owned()),
        _ => (String::new(), message.clone()),
    };
    let cause = match cause.as_str() {
        check if check.starts_with("GGML_ASSERT") || check == "fatal error" => "something in it is not as it must be",
        cause => cause,
    };
    let hint = "the file may be damaged, or not what it says it is, or memory may not suffice";
    format!("llama.cpp gave up{model}: {cause}\nhint: {hint}{place}")
}

/// The bundled model: beside the working directory, the program, or the source.
pub fn bundled() -> Result<PathBuf> {
    let program = std::env::current_exe().ok();
    let beside = program.iter().flat_map(|program| program.ancestors().skip(1).take(4));
    let mut folders =
        std::iter::once(Path::new("")).chain(beside).chain(std::iter::once(Path::new(env!("CARGO_MANIFEST_DIR"))));
    let found = folders.find_map(|folder| Some(folder.join("models").join(BUNDLED)).filter(|path| path.is_file()));
    match found {
        Some(path) => Ok(path),
        None => bail!("the bundled model `models/{BUNDLED}` is not there\nhint: name a GGUF file with `--model PATH`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_a_sentence_with_the_place_behind_it() {
        let said = given_up(" on the model `m`", "/build/llama.cpp/ggml/src/ops.cpp:3760: GGML_ASSERT(eps >= 0.0f) failed");
        let (error, hint) = said.trim_end().split_once('\n').unwrap();
        assert_eq!(error, "llama.cpp gave up on the model `m`: something in it is not as it must be");
        assert!(
            hint.starts_with("hint: ") && hint.ends_with(" (ggml/src/ops.cpp:3760: GGML_ASSERT(eps >= 0.0f) failed)"),
            "{hint}"
        );
        let said = given_up("", "/x/llama.cpp/src/llama-vocab.cpp:4080: fatal error");
        assert!(said.starts_with("llama.cpp gave up: something in it is not as it must be\nhint: "), "{said}");
        let said = given_up("", "/x/llama.cpp/ggml/src/ggml-cuda.cu:98: CUDA error");
        assert!(said.starts_with("llama.cpp gave up: CUDA error\nhint: "), "{said}");
        let lost = |gone: &[&str]| worker_lost("", &gone.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(lost(&["`a:1`"]).starts_with("it broke off: the worker `a:1` is gone\nhint: "));
        assert!(lost(&["`a:1`", "`b:2`"]).starts_with("it broke off: the workers `a:1`, `b:2` are gone\nhint: "));
        assert!(lost(&[]).starts_with("it broke off: a worker of `--rpc` has hung up, or answers what cannot be\nhint: "));
        let said = given_up("", "it failed at reading the vocabulary");
        assert!(said.starts_with("llama.cpp gave up: it failed at reading the vocabulary\nhint: "), "{said}");
    }
}
