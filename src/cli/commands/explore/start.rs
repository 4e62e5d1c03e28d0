//! From arguments to a tree, a model and a terminal.

use std::io::{IsTerminal, stdout};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

use anyhow::Result;

use super::session::Session;
use crate::cli::Outcome;
use crate::cli::args::{ChangeArgs, Explore};
use crate::cli::opening::{Opened, open, open_with};
use crate::cli::prompt::TypedPrompt;
use crate::cli::prompting::put;
use crate::cli::recorded::{as_recorded, preset_of};
use crate::cli::recording::inputs;
use crate::cli::render::explore::Look;
use crate::cli::render::story_colours::Depth;
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::{Chosen, folders, now, seed};
use crate::cli::usage::Usage;
use crate::engine::StoryRequest;
use crate::explore::{App, Beginning, Guide, ModelName, Recipe, Setup, Tree, Voice, Voices};
use crate::files::{Form, Output};
use crate::preset::{Preset, list};
use crate::story::Record;

/// A story has no other end here than where the writer stops it.
const LONGEST: usize = 1 << 20;

pub fn run(args: Explore, terminal: &Terminal) -> Result<Outcome> {
    if !stdout().is_terminal() {
        let hint = "`afterword write` tells into a file or pipe, and `afterword desk FILE` takes a key a line";
        return Err(Usage(format!("`explore` draws on a terminal, and standard output is none\nhint: {hint}")).into());
    }
    let source = Source::of(&args)?;
    let (chosen, base) = decisions(&args, &source)?;
    check_new(args.out.as_deref())?;
    let output = args.open.as_ref().or(args.out.as_ref());
    let inputs = inputs(&args.model, &args.preset.changes, [args.preset.preset.as_str()]);
    let output = output.map(|path| Output::new(path, Form::TREE, &inputs)).transpose()?;
    let seed = seed(args.seed.or(source.seed()));
    let voices = Voices::new(recipe(chosen, &args), base, others()?);
    let (opened, tree) = begin(&args, source, seed, terminal)?;
    let story = StoryRequest::new(seed, LONGEST);
    let file = args.open.or(args.out);
    let setup = Setup { voices, story, tokens: args.tokens.get(), file: file.clone(), now: now().as_secs() };
    let (hear, reports) = channel();
    let engine = Arc::new(opened.engine);
    // Whoever does not hear any more needs nothing to be said.
    let (guide, thread) = Guide::spawn(engine, move |report| drop(hear.send(report)))?;
    let look = Look(terminal.colours_out().then(Depth::here));
    let session = Session::new(App::new(tree, setup), &guide, reports, look, output);
    let interrupted = session.run();
    drop(guide);
    let _ = thread.join();
    if let Some(file) = file {
        terminal.note(format_args!("the tree is in `{}`", file.display()));
    }
    Ok(if interrupted? { Outcome::Interrupted } else { Outcome::Done })
}

/// What the tree comes from.
enum Source {
    Prompt(TypedPrompt),
    Tree(Box<Tree>),
    Record(Box<Record>),
}

impl Source {
    fn of(args: &Explore) -> Result<Self> {
        let tree = |path: &Path| Tree::read(path).map(|tree| Self::Tree(Box::new(tree)));
        match (&args.open, &args.record, &args.import) {
            (Some(path), _, _) => tree(path),
            (_, Some(path), _) => Ok(Self::Record(Box::new(Record::read(path)?))),
            (_, _, Some(path)) => Ok(Self::Tree(Box::new(Tree::import_file(path, now().as_secs())?))),
            (None, None, None) => Ok(Self::Prompt(TypedPrompt::of(args.prompt.clone(), args.asking.asked())?)),
        }
    }

    fn seed(&self) -> Option<u64> {
        if let Self::Record(record) = self { Some(record.seed) } else { None }
    }
}

/// By what is decided first: what was typed, or for a record its own preset; and that without changes of single values.
fn decisions(args: &Explore, source: &Source) -> Result<(Chosen, Preset)> {
    let (name, changes, model) = (&args.preset.preset, &args.preset.changes, &args.model);
    let bare = ChangeArgs { set: Vec::new(), ..changes.clone() };
    match source {
        Source::Record(record) => Ok((preset_of(record, changes)?, preset_of(record, &bare)?.preset)),
        Source::Prompt(_) | Source::Tree(_) => Ok((Chosen::of(name, changes, model)?, Chosen::of(name, &bare, model)?.preset)),
    }
}

/// Whether a new tree would take the place of one that is there: that is gone on with instead.
fn check_new(path: Option<&Path>) -> Result<(), Usage> {
    match path.filter(|path| std::fs::metadata(path).is_ok_and(|there| there.len() > 0)) {
        Some(path) => {
            let file = path.display();
            Err(Usage(format!("there is something in `{file}` already\nhint: `--open {file}` goes on with a tree")))
        }
        None => Ok(()),
    }
}

fn recipe(chosen: Chosen, args: &Explore) -> Recipe {
    let Chosen { name, preset } = chosen;
    Recipe { name, set: args.preset.changes.set.clone(), preset }
}

/// All presets that have a name.
fn others() -> Result<Vec<Voice>> {
    let listed = list(&folders())?.into_iter().filter(|listed| !listed.hidden);
    // One that cannot be read says so where it is asked for.
    Ok(listed.filter_map(|listed| Some(Voice { name: listed.name, preset: listed.preset.ok()? })).collect())
}

/// The model and the tree.
fn begin(args: &Explore, source: Source, seed: u64, terminal: &Terminal) -> Result<(Opened, Tree)> {
    let now = now().as_secs();
    match source {
        Source::Prompt(typed) => {
            let opened = open(&args.model, terminal)?;
            let prompt = put(&opened, typed, &args.asking, seed, args.tokens.get(), terminal)?;
            let tree = Tree::new(Beginning::of_prompt(&prompt), name_of(&opened)?, now);
            Ok((opened, tree))
        }
        Source::Tree(tree) => {
            let opened = open(&args.model, terminal)?;
            let (own, here) = (tree.model(), name_of(&opened)?);
            if !own.sha256.is_empty() && own.sha256 != here.sha256 {
                let message = format!("the tree is of the model `{}`, and this one is `{}`", own.name, here.name);
                return Err(Usage(message + "\nhint: `--model` names the one that it was told by").into());
            }
            Ok((opened, tree.for_model(here)?.0))
        }
        Source::Record(record) => {
            let opened = open_with(as_recorded(&args.model, &record)?, terminal)?;
            let tree = Tree::of_record(&record, Some(opened.vocabulary()), now);
            Ok((opened, tree))
        }
    }
}

fn name_of(opened: &Opened) -> Result<ModelName> {
    Ok(ModelName { name: opened.title(), sha256: opened.backend().sha256()? })
}
