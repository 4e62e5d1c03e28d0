//! `afterword write`: tells a story to standard output, as it comes.

use std::num::NonZeroUsize;
use std::path::Path;

use anstyle::Style;
use anyhow::Result;

use crate::cli::args::{KeepingArgs, PromptArgs, Trace, Write};
use crate::cli::chapter::Chapter;
use crate::cli::commands::drafts::{Drafts, Kept};
use crate::cli::commands::resume;
use crate::cli::opening::{Opened, open};
use crate::cli::prompt;
use crate::cli::prompting::put;
use crate::cli::recording::{inputs, record_at};
use crate::cli::remembering::Remembered;
use crate::cli::render::progress::{Progress, pace};
use crate::cli::render::sheet::Sheet;
use crate::cli::render::story_colours::{Depth, StoryColours};
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::{Chosen, seed};
use crate::cli::tell::{ENDED_AT_ONCE, Tale, rewinds_in_words, stood_in_words, stop_in_words, tell_in};
use crate::cli::usage::Usage;
use crate::cli::{Outcome, is_closed_pipe};
use crate::decode::{Plan, Stories};
use crate::engine::{BATCH, Prompt, Recorded, Recorder, Session};
use crate::files::Output;
use crate::model::SessionSettings;
use crate::report::ColourScale;
use crate::story::{Mode, StopReason, TracedToken};
use crate::text::some;

pub fn run(mut args: Write, terminal: &Terminal) -> Result<Outcome> {
    if let Some(path) = args.append.take() {
        let chapter = Chapter::open(&path, &args.with, terminal)?;
        return if args.undo { take_back(chapter, terminal) } else { append(chapter, &path, args, terminal) };
    }
    check_file_named(&args)?;
    check_kept(args.record.is_some(), args.out.is_some(), args.trace.is_some(), args.drafts)?;
    let begun = match (args.resume.take(), args.again.take()) {
        (Some(record), _) => resume::resumed(&args, &record, terminal)?,
        (None, Some(record)) => resume::again(&args, &record, terminal)?,
        (None, None) => fresh(&mut args, terminal)?,
    };
    let told = begun.tell(&args, terminal)?;
    #[cfg(feature = "hub")]
    if args.model.model.is_none() && told == Outcome::Done {
        terminal.advise("for a real model: `afterword models known`, and `afterword models pull NAME`");
    }
    Ok(told)
}

/// A story that is about to be told.
pub struct Begun {
    pub engine: Opened,
    pub chosen: Chosen,
    pub prompt: Prompt,
    pub plan: Plan,
    /// The words that the text begins with: those that the story goes on from, as far as they are to be shown.
    pub beginning: String,
    /// What is known of the tokens that were told before, where that is to be kept.
    pub before: Vec<TracedToken>,
    /// What records tell of why each token was chosen.
    pub trace: Option<Trace>,
    pub outputs: Outputs,
}

/// Where a story goes, asked for before its model is loaded.
pub struct Outputs {
    colours: Option<StoryColours>,
    record: Option<Output>,
    folder: Option<Kept>,
}

impl Outputs {
    /// What the arguments ask for.
    pub fn of(args: &Write, chosen: &Chosen, terminal: &Terminal) -> Result<Self> {
        let colours = colours(args.colour_by, chosen, terminal)?;
        let inputs = inputs(&args.model, &args.preset.changes, [args.preset.preset.as_str()]);
        let record = args.record.clone().map(|path| record_at(path, &inputs)).transpose()?;
        let folder = args.out.clone().map(|folder| Kept::new(folder, args.drafts, inputs)).transpose()?;
        Ok(Self { colours, record, folder })
    }

    /// Whether stories are recorded.
    pub fn keeps_records(&self) -> bool {
        self.record.is_some() || self.folder.is_some()
    }
}

/// A story of a prompt.
fn fresh(args: &mut Write, terminal: &Terminal) -> Result<Begun> {
    let chosen = Chosen::of(&args.preset.preset, &args.preset.changes, &args.model)?;
    let prompt = prompt::TypedPrompt::of(args.prompt.take(), args.asking.asked())?;
    let outputs = Outputs::of(args, &chosen, terminal)?;
    let seed = seed(args.story.seed);
    let request = args.story.request(seed);
    request.check()?;
    let engine = open(&args.model, terminal)?;
    let prompt = put(&engine, prompt, &args.asking, seed, args.story.tokens.get(), terminal)?;
    let plan = engine.plan(&chosen.sampler_traced(args.trace), &prompt, &request)?;
    // The words in which an answer was begun are part of the story, and no prompt.
    let shows = !args.no_prompt || prompt.mode != Mode::Raw;
    let beginning = if shows { prompt.beginning().to_owned() } else { String::new() };
    Ok(Begun { engine, chosen, prompt, plan, beginning, before: Vec::new(), trace: args.trace, outputs })
}

impl Begun {
    /// Tells it, or so many drafts of it.
    fn tell(self, args: &Write, terminal: &Terminal) -> Result<Outcome> {
        let &Write { drafts, colour_by, keeping, .. } = args;
        let Self { engine, chosen, prompt, plan, beginning, before, trace, outputs: Outputs { colours, record, folder } } =
            self;
        let width = engine.width(std::slice::from_ref(&plan), drafts.get());
        if drafts.get() > 1 || folder.is_some() {
            let (engine, chosen, prompt, by) = (&engine, &chosen, &prompt, colours.and(colour_by));
            let told = Drafts { engine, chosen, prompt, width, kept: folder, trace, by, keeping, beginning, before };
            return told.run(&plan, drafts, terminal);
        }
        let trace = trace.is_some();
        let chapter = None;
        Story { engine: &engine, chosen, prompt, plan, width, colours, record, trace, beginning, before, chapter, keeping }
            .tell(terminal)
    }
}

/// Tells on from a file and adds to it. A terminal shows its last paragraph before; into a pipe goes what is told.
fn append(chapter: Chapter, path: &Path, args: Write, terminal: &Terminal) -> Result<Outcome> {
    let Write { preset, story, model, keeping, record, trace, no_prompt, colour_by, .. } = args;
    let chosen = Chosen::of(&preset.preset, &preset.changes, &model)?;
    let colours = colours(colour_by, &chosen, terminal)?;
    check_kept(record.is_some(), false, trace.is_some(), NonZeroUsize::MIN)?;
    let inputs = inputs(&model, &preset.changes, [preset.preset.as_str()]);
    let inputs = inputs.with(path, "the file that is told on");
    let record = record.map(|path| record_at(path, &inputs)).transpose()?;
    let request = story.request(seed(story.seed.or(chapter.seed())));
    request.check()?;
    let engine = open(&model, terminal)?;
    let asking = PromptArgs { raw: true, ..args.asking };
    let (prompt, continuation) = chapter.put(&engine, &request, &asking, terminal)?;
    let plan = engine.plan(&chosen.sampler_traced(trace), &prompt, &request)?;
    let plan = plan.going_on(continuation);
    let width = engine.width(std::slice::from_ref(&plan), 1);
    let beginning = if terminal.shows_story && !no_prompt { chapter.lead().to_owned() } else { String::new() };
    let (trace, chapter, before) = (trace.is_some(), Some(chapter), Vec::new());
    Story { engine: &engine, chosen, prompt, plan, width, colours, record, trace, beginning, before, chapter, keeping }
        .tell(terminal)
}

/// Takes the last piece back that was added to a file, and prints it.
fn take_back(mut chapter: Chapter, terminal: &Terminal) -> Result<Outcome> {
    let piece = chapter.manuscript.take_back()?;
    let mut sheet = terminal.story();
    sheet.say(Style::new(), &piece)?;
    sheet.end()?;
    let words = some(piece.split_whitespace().count(), "word");
    terminal.note(format_args!("took {words} back from `{}`", chapter.manuscript.path().display()));
    Ok(Outcome::Done)
}

/// A story that is told to standard output, and perhaps recorded.
struct Story<'e> {
    engine: &'e Opened,
    chosen: Chosen,
    prompt: Prompt,
    plan: Plan,
    width: usize,
    colours: Option<StoryColours>,
    record: Option<Output>,
    /// Whether the record tells why each token was chosen.
    trace: bool,
    /// The words that the text begins with.
    beginning: String,
    /// What is known of the tokens that were told before.
    before: Vec<TracedToken>,
    /// The file that it is added to, if it is.
    chapter: Option<Chapter>,
    keeping: KeepingArgs,
}

impl Story<'_> {
    fn tell(mut self, terminal: &Terminal) -> Result<Outcome> {
        let mut session = self.engine.session(std::slice::from_ref(&self.plan), self.width)?;
        let recorder = self.recorder(session.settings())?;
        let (title, preset, seed) = (self.engine.title(), &self.chosen.name, self.plan.seed);
        let from = match self.plan.continuation.told {
            0 => String::new(),
            told => format!(" · from token {}", told + 1),
        };
        terminal.note(format_args!("{title} · preset {preset} · seed {seed}{from}"));
        if let Some(colours) = &self.colours {
            terminal.note_line(&colours.legend());
        }
        let mut sheet = terminal.story();
        let mut remembered = Remembered::of(self.engine, session.settings(), self.plan.prompt.len(), self.keeping, terminal);
        let mut tale = self.show(&mut *session, &mut remembered, &mut sheet, terminal)?;
        let broken = tale.failure();
        if broken.as_ref().is_some_and(is_closed_pipe) {
            // Who closed the pipe had read enough: that is an end from outside, as Ctrl-C is.
            tale.told.stop = StopReason::Interrupted;
        } else if broken.is_none() {
            sheet.end()?;
        }
        terminal.below_story();
        match broken {
            Some(_) => sheet.break_off(),
            None => self.sum_up(&tale, terminal),
        }
        if let Some(stood) = stood_in_words(&tale.told.banned) {
            terminal.err(stood);
        }
        let interrupted = tale.told.stop == StopReason::Interrupted;
        let added = self.chapter.take().map_or(Ok(()), |mut chapter| chapter.add(&tale.told, terminal));
        let saved = recorder.map_or(Ok(()), |(recorder, output)| self.save(&recorder, &output, tale));
        let saved = match (added, saved) {
            (Err(first), saved) => {
                saved.unwrap_or_else(|error| terminal.error(&error));
                Err(first)
            }
            (Ok(()), saved) => saved,
        };
        remembered.tell(terminal);
        match broken {
            Some(cause) => {
                // Both are to be known, and the first is the one that came first.
                saved.unwrap_or_else(|error| terminal.error(&error));
                Err(cause)
            }
            None if saved.is_err() => saved.map(|()| Outcome::Failed),
            None if interrupted => Ok(Outcome::Interrupted),
            None => Ok(Outcome::Done),
        }
    }

    /// What will record it, and where, if it is to be recorded.
    fn recorder(&mut self, settings: &SessionSettings) -> Result<Option<(Recorder, Output)>> {
        let Some(output) = self.record.take() else { return Ok(None) };
        let recorder = Recorder::new(self.engine, settings, self.width, self.engine.load_time.as_secs_f64())?;
        Ok(Some((recorder, output)))
    }

    /// Tells it, each word as it comes.
    fn show(
        &mut self,
        session: &mut dyn Session,
        remembered: &mut Remembered,
        sheet: &mut Sheet,
        terminal: &Terminal,
    ) -> Result<Tale> {
        let progress = Progress::telling(terminal, self.plan.max_tokens);
        sheet.begins_with(&self.beginning);
        // Where a line of progress stands below, the prompt waits until it is read: behind it the line would be in the text.
        if !progress.shows_reading(self.plan.prompt.len(), BATCH) {
            sheet.begin()?;
        }
        let (vocabulary, colours) = (self.engine.vocabulary(), &mut self.colours);
        let mut stories = remembered.in_mind(Stories::new(session, self.width));
        let told = tell_in(&mut stories, self.plan.clone(), &progress, &mut |text, draw| {
            let traced = || draw.map(|draw| TracedToken::of(draw, vocabulary));
            let style = colours.as_mut().map_or(Style::new(), |colours| colours.next_of(traced().as_ref()));
            Ok(sheet.say(style, text)?)
        });
        progress.clear();
        told
    }

    /// Says what it took, and why it ended.
    fn sum_up(&self, tale: &Tale, terminal: &Terminal) {
        if let Some(wave) = self.colours.as_ref().and_then(|colours| colours.wave(terminal.width_now())) {
            terminal.note_line(&wave);
        }
        terminal.note(summary(tale, &self.plan));
        if tale.told.ended_at_once() {
            terminal.note(ENDED_AT_ONCE);
        }
    }

    fn save(&self, recorder: &Recorder, output: &Output, tale: Tale) -> Result<()> {
        let Tale { told, draws, read_time, tell_time, unshown: _ } = tale;
        let vocabulary = self.engine.vocabulary();
        let draws = draws.iter().filter(|_| self.trace).map(|draw| TracedToken::of(draw, vocabulary));
        let record = recorder.record(Recorded {
            resolved: self.chosen.preset.to_toml()?,
            preset: &self.chosen.name,
            prompt: &self.prompt,
            plan: &self.plan,
            completion: told,
            draft: None,
            times: [read_time, tell_time].map(|time| time.as_secs_f64()),
            trace: self.before.iter().cloned().chain(draws).collect(),
        });
        output.write(&record.to_json()?)
    }
}

/// Whether what concerns a file names one. The parser would not ask for it beside a prompt.
fn check_file_named(args: &Write) -> Result<(), Usage> {
    let option = if args.undo { "--undo" } else { "--with" };
    if args.undo || !args.with.is_empty() {
        let values = if args.undo { "" } else { " FILE" };
        let hint = format!("name the file: `--append FILE {option}{values}`");
        return Err(Usage(format!("`{option}` is for a file that is told on, and none is named\nhint: {hint}")));
    }
    Ok(())
}

/// Whether what is to be kept has a place: a record is of one story, and a trace is in a record.
fn check_kept(record: bool, folder: bool, trace: bool, drafts: NonZeroUsize) -> Result<(), Usage> {
    if record && drafts.get() > 1 {
        let message = format!("`--record` keeps one story, and {drafts} drafts are asked for");
        return Err(Usage(message + "\nhint: `--out DIR` keeps each draft and its record"));
    }
    if trace && !record && !folder {
        let hint = "name one with `--record FILE`, or a folder of them with `--out DIR`";
        return Err(Usage(format!("`--trace` is kept in a record, and none is asked for\nhint: {hint}")));
    }
    Ok(())
}

/// What colours the words, if they are to be coloured and can be.
fn colours(by: Option<ColourScale>, chosen: &Chosen, terminal: &Terminal) -> Result<Option<StoryColours>> {
    let Some(by) = by else { return Ok(None) };
    if by.needs_future() && chosen.preset.chain.split().1.is_none() {
        let (name, by) = (&chosen.name, by.name());
        let hint = "`probability`, `surprisal` and `entropy` are known of every preset";
        return Err(
            Usage(format!("the preset `{name}` has no `future`, so there is no {by} to colour by\nhint: {hint}")).into()
        );
    }
    Ok(terminal.colours_out().then(|| StoryColours::new(by, Depth::here())))
}

/// What it took, and why it ended.
fn summary(tale: &Tale, plan: &Plan) -> String {
    let counts = tale.told.counts;
    let banned = rewinds_in_words(&tale.told.banned);
    let stop = stop_in_words(&tale.told.stop, plan);
    format!("{} · {} · {stop}{banned}", some(counts.tokens, "token"), pace(counts, tale.tell_time))
}
