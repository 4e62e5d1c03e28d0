//! `afterword calibrate`: measures once for a model how open a story usually is after each of its tokens.

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::cli::Outcome;
use crate::cli::args::Calibrate as Args;
use crate::cli::commands::bench::{ModelName, model};
use crate::cli::interrupt::interruption;
use crate::cli::opening::open;
use crate::cli::render::progress::Progress;
use crate::cli::render::prose::safe;
use crate::cli::render::terminal::Terminal;
use crate::cli::usage::Usage;
use crate::engine::{Calibration, CalibrationObserver};
use crate::prob::Top;
use crate::sampler::Baseline;
use crate::text::{grouped, some};

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let top = Top::new(args.entropy_top).map_err(|error| Usage(format!("`--entropy-top`: {error}")))?;
    if args.prompt.iter().any(|prompt| prompt.trim().is_empty()) {
        return Err(Usage("a prompt is empty\nhint: give the story a first word".into()).into());
    }
    let mut wanted = Calibration::usual(top, args.horizon)?;
    (wanted.max_tokens, wanted.seed) = (args.tokens, args.seed);
    if !args.prompt.is_empty() {
        wanted.openings.clone_from(&args.prompt);
    }
    let engine = open(&args.model, terminal)?;
    let place = engine.place_of_baseline(wanted.future())?;
    let progress = Progress::measuring(terminal, wanted.openings.len() * args.tokens.get());
    let mut steps = Steps { progress: &progress, of: wanted.openings.len() };
    let baseline = engine.calibrate(&wanted, &mut steps, interruption());
    progress.clear();
    let Some(baseline) = baseline? else { return Ok(Outcome::Interrupted) };
    place.write(&baseline.to_json()?)?;
    let (observations, tokens) = baseline.counts();
    let [between, within] = baseline.variances();
    let mut out = terminal.out();
    if args.json {
        let report = Report {
            model: model(&engine),
            file: place.path(),
            checksum: baseline.checksum(),
            entropy_top: args.entropy_top,
            horizon: args.horizon.name(),
            observations,
            tokens,
            mean: baseline.mean(),
            variance_between: between,
            variance_within: within,
        };
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        write!(out, "{}", told(&baseline, place.path()))?;
    }
    Ok(Outcome::Done)
}

/// What was found, in a few lines.
fn told(baseline: &Baseline, path: &Path) -> String {
    let (observations, tokens) = baseline.counts();
    let [between, within] = baseline.variances();
    let share = 100.0 * between / (between + within).max(f64::MIN_POSITIVE);
    format!(
        "{} looks after {} · mean Ĥ {:.3} · the token explains {share:.0} % of its variance\n{}\n",
        grouped(observations),
        some(tokens, "token"),
        baseline.mean(),
        safe(&path.display().to_string())
    )
}

/// All that was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report<'a> {
    model: ModelName,
    file: &'a Path,
    checksum: &'a str,
    entropy_top: usize,
    horizon: &'static str,
    observations: usize,
    tokens: usize,
    mean: f64,
    variance_between: f64,
    variance_within: f64,
}

/// Shows how far it has come.
struct Steps<'a> {
    progress: &'a Progress,
    of: usize,
}

impl CalibrationObserver for Steps<'_> {
    fn told(&mut self, story: usize, seen: usize) {
        self.progress.names(&format!("{} of {}, {} looks", story + 1, self.of, grouped(seen)));
        self.progress.more(1);
    }
}
