//! `afterword eval`: whether stories are better, by measures, statistics over prompts, and judges.

#[cfg(feature = "llama")]
mod judging;
mod plan;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use crate::cli::Outcome;
use crate::cli::args::{Eval, EvalCommand};
use crate::cli::render::evaluation::{table, verdicts};
use crate::cli::render::terminal::Terminal;
use crate::cli::usage::Usage;
use crate::eval::slop::SlopList;
use crate::eval::{Corpus, Ground, Judge, LeftOut, Options, evaluate};
use crate::files::{self, Form, Inputs, Output};
use crate::report::evaluation_page;
use crate::text::{decode, excerpt, plural, some};

/// No list of words has more bytes.
const LONGEST_LIST: u64 = 16 << 20;

/// So many names of files that were left out are told.
const NAMED: usize = 3;

/// Below so many prompts little can be shown.
const FEW: usize = 12;

pub fn run(args: &Eval, terminal: &Terminal) -> Result<Outcome> {
    if let Some(EvalCommand::Plan(args)) = &args.before {
        return plan::run(args, terminal);
    }
    let place = args.out.as_deref().map(|path| page_at(path, args)).transpose()?;
    let slop = args.slop_list.as_deref().map_or_else(|| Ok(SlopList::own()), slop_list)?;
    let corpus = Corpus::read(&args.folders, args.human.as_deref())?;
    say_left_out(&corpus.left_out, terminal);
    let ground = Ground::new(&corpus, args.words.get(), args.seed, args.baseline.as_deref())?;
    say_what_is_odd(&ground, &corpus, terminal);
    let judges = judges(args, &ground, terminal)?;
    let options = Options {
        seed: args.seed,
        resamples: args.resamples.get(),
        slop,
        threads: args.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, std::num::NonZero::get),
    };
    let evaluation = evaluate(&ground, &judges, &options)?;
    if args.json {
        terminal.json(&evaluation)?;
    } else {
        let mut out = terminal.out();
        for line in table(&evaluation, terminal.width_now()) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
        for line in verdicts(&evaluation) {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
    }
    if let Some(place) = place {
        let called = |folder: &PathBuf| folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
        let title = args.folders.iter().map(called).collect::<Vec<_>>().join(", ");
        place.write(evaluation_page(&excerpt(&title, TITLE), &evaluation)?.as_bytes())?;
        terminal.note(place.path().display());
    }
    let stories: usize = evaluation.arms.iter().map(|arm| arm.stories).sum();
    let prompts = some(evaluation.prompts.len(), "prompt");
    terminal.note(format_args!("{} of {prompts}, cut to {} words", some(stories, "story"), evaluation.length));
    Ok(Outcome::Done)
}

/// The longest title of a page, in characters.
const TITLE: usize = 120;

/// Asks for the file of the page before any story is read.
fn page_at(path: &Path, args: &Eval) -> Result<Output> {
    if path == Path::new("-") {
        let hint = "name a file; `./-` is one of that name";
        return Err(Usage(format!("`--out -` cannot go to standard output, where the table goes\nhint: {hint}")).into());
    }
    let inputs = args.judge.iter().fold(Inputs::streams(), |inputs, path| inputs.with(path, "a judge"));
    let inputs = args.slop_list.iter().fold(inputs, |inputs, path| inputs.with(path, "the slop list"));
    Output::new(path.to_owned(), Form::PAGE, &inputs)
}

fn slop_list(path: &Path) -> Result<SlopList> {
    let refusal = || format!("cannot read the slop list `{}`", path.display());
    let bytes = files::read(path, LONGEST_LIST).with_context(refusal)?;
    let text = decode(bytes).map_err(|found| anyhow!("it is {found}")).with_context(refusal)?;
    SlopList::parse(&text).with_context(refusal)
}

fn say_left_out(left_out: &[LeftOut], terminal: &Terminal) {
    if left_out.is_empty() {
        return;
    }
    let more = if left_out.len() > NAMED { ", …" } else { "" };
    let name = |path: &PathBuf| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let names: Vec<String> = left_out.iter().take(NAMED).map(|file| format!("`{}` {}", name(&file.path), file.why)).collect();
    let count = plural(left_out.len(), "file is no story", "files are no stories");
    terminal.note(format_args!("{count}, and left out: {}{more}", names.join(", ")));
}

fn say_what_is_odd(ground: &Ground, corpus: &Corpus, terminal: &Terminal) {
    if ground.unshared > 0 {
        let prompts = plural(ground.unshared, "prompt is", "prompts are");
        terminal.note(format_args!("{prompts} left out: not all arms have a story of it"));
    }
    if corpus.human.is_some() && ground.human.is_none() {
        terminal.note(format_args!("no text of people has {} words, so nothing is compared with them", ground.length));
    }
    if ground.arms.iter().all(|arm| arm.stories.windows(2).all(|pair| pair[0].prompt != pair[1].prompt)) {
        terminal.note("every prompt has one story an arm: how stories of one prompt differ cannot be measured");
    }
    if ground.arms.len() == 1 {
        terminal.note("there is one arm: its measures stand alone, and nothing is compared");
    } else if ground.temperatures().is_empty() {
        terminal.note("no two arms differ in their temperature only, so there is no temperature curve to compare with");
    }
    if ground.prompts.len() < FEW {
        terminal.note(format_args!("{} are few: expect wide intervals", some(ground.prompts.len(), "prompt")));
    }
}

#[cfg(feature = "llama")]
fn judges(args: &Eval, ground: &Ground, terminal: &Terminal) -> Result<Vec<Judge>> {
    args.judge.iter().map(|path| judging::judge(path, args, ground, terminal)).collect()
}

#[cfg(not(feature = "llama"))]
fn judges(args: &Eval, _: &Ground, _: &Terminal) -> Result<Vec<Judge>> {
    if args.judge.is_empty() {
        return Ok(Vec::new());
    }
    anyhow::bail!("this program was built without a backend, so no judge can read\nhint: build it with the feature `llama`")
}
