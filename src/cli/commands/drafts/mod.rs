//! `afterword write --drafts`: stories of one prompt, told together, one decode a round, and shown one after another.

mod kept;

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Instant;

use anstyle::Style;
use anyhow::{Context, Result, bail};

pub use self::kept::Kept;
use crate::cli::Outcome;
use crate::cli::args::{KeepingArgs, Trace};
use crate::cli::interrupt::interruption;
use crate::cli::opening::Opened;
use crate::cli::remembering::Remembered;
use crate::cli::render::line::{Ink, Line};
use crate::cli::render::progress::Progress;
use crate::cli::render::story_colours::{Depth, StoryColours};
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::Chosen;
use crate::cli::tell::{ENDED_AT_ONCE, stood_in_words, stop_in_words};
use crate::cli::usage::Usage;
use crate::decode::{Completion, Counts, Ended, Observer, Plan, Stories, Told, drive, each};
use crate::engine::{Prompt, Recorded, Recorder};
use crate::files::{Form, Staged, commit_together};
use crate::model::MOST_BRANCHES;
use crate::report::ColourScale;
use crate::sampler::Draw;
use crate::story::{self, Record, StopReason, TracedToken};
use crate::text::some;

/// What all drafts have in common.
pub struct Drafts<'a> {
    pub engine: &'a Opened,
    pub chosen: &'a Chosen,
    pub prompt: &'a Prompt,
    pub width: usize,
    /// Where they are kept; shown where they are not.
    pub kept: Option<Kept>,
    /// What records tell of why each token was chosen.
    pub trace: Option<Trace>,
    /// What colours the words.
    pub by: Option<ColourScale>,
    pub keeping: KeepingArgs,
    /// The words that the text begins with: those that the story goes on from, as far as they are to be shown.
    pub beginning: String,
    /// What is known of the tokens that were told before, where records keep that.
    pub before: Vec<TracedToken>,
}

/// A draft on its way.
struct Draft {
    plan: Plan,
    /// The text as it appeared, with the draws that let it.
    words: Vec<(String, Option<Draw>)>,
    /// When its first token was told, and when it ended.
    first: Option<Instant>,
    ended: Option<Instant>,
    counts: Counts,
    told: Option<Completion>,
    /// Where it is to be kept and its text could not be saved.
    unsaved: bool,
}

impl Draft {
    fn new(plan: Plan) -> Self {
        let (words, counts) = (Vec::new(), Counts::default());
        Self { plan, words, first: None, ended: None, counts, told: None, unsaved: false }
    }
}

impl Drafts<'_> {
    /// Tells so many drafts of this plan, under its seed and those that follow it.
    pub fn run(mut self, plan: &Plan, count: NonZeroUsize, terminal: &Terminal) -> Result<Outcome> {
        let plans = self.plans(plan, count.get())?;
        let (cells, branches) = Stories::room_for_all(&plans, self.width);
        let mut session = self.engine.session_of(cells, branches)?;
        let kept = match self.kept.take() {
            Some(folder) => {
                Some((folder, Recorder::new(self.engine, session.settings(), self.width, self.engine.load_time.as_secs_f64())?))
            }
            None => None,
        };
        let preset = &self.chosen.name;
        terminal.note(format_args!("{} · preset {preset} · {}", self.engine.title(), seeds(&plans)));
        if plans.len() > 1 && plan.sampler.draws_nothing() {
            terminal.note(format_args!("{preset} draws nothing: all drafts are the same"));
        }
        plan.check(self.engine.vocabulary())?;
        let tokens = plan.max_tokens.saturating_mul(plans.len());
        let mut desk = Desk {
            common: &self,
            kept: kept.as_ref(),
            terminal,
            progress: Progress::telling_apart(terminal, &some(plans.len(), "draft"), tokens),
            began: Instant::now(),
            drafts: plans.iter().cloned().map(Draft::new).collect(),
            just_ended: Vec::new(),
            shown: 0,
            broken: None,
            lost: false,
            failed: None,
        };
        let mut remembered = Remembered::of(self.engine, session.settings(), plan.prompt.len(), self.keeping, terminal);
        let mut stories = remembered.in_mind(Stories::new(&mut *session, self.width));
        drive(&mut stories, plans.len(), &mut each(plans), &mut desk, interruption());
        drop(stories);
        let outcome = desk.finish();
        remembered.tell(terminal);
        outcome
    }

    /// The plans of the drafts, if there is room for so many.
    fn plans(&self, plan: &Plan, count: usize) -> Result<Vec<Plan>> {
        check_count(plan, self.width, count)?;
        let last = plan.seed.checked_add(count as u64 - 1).map(|last| plan.seed..=last);
        let Some(seeds) = last else {
            let message = format!("no {count} seeds follow each other from {} on: the last seed is {}", plan.seed, u64::MAX);
            return Err(Usage(message).into());
        };
        Ok(seeds.map(|seed| Plan { seed, ..plan.clone() }).collect())
    }

    /// Writes the texts and the records of drafts that have ended: first all texts, for they are what a person wants, and
    /// small. Returns what could not be saved, and why.
    fn keep(
        &self,
        folder: &Kept,
        recorder: &Recorder,
        ended: &[usize],
        drafts: &mut [Draft],
        began: Instant,
    ) -> Vec<anyhow::Error> {
        let count = drafts.len();
        let write = |number: usize, extension, form, bytes: &[u8]| folder.output(number + 1, extension, form)?.stage(bytes);
        let text = |&number: &usize| {
            let told = drafts[number].told.as_ref().context("a draft that goes on cannot be kept")?;
            let beginning = &self.beginning;
            write(number, "txt", Form::TEXT, format!("{beginning}{}\n", told.text).as_bytes())
        };
        let texts: Vec<Result<Staged>> = ended.iter().map(text).collect();
        let record = |&number: &usize| {
            let exhaustive = self.trace == Some(Trace::Full);
            let draft = (count > 1).then_some((story::Draft { number: number + 1, exhaustive }, count));
            let record = self.record(recorder, &drafts[number], draft, began)?;
            write(number, "json", Form::RECORD, &record.to_json()?)
        };
        let records: Vec<Result<Staged>> = ended.iter().map(record).collect();
        let (mut errors, mut staged, mut whose) = (Vec::new(), Vec::new(), Vec::new());
        for (&number, (text, record)) in ended.iter().zip(texts.into_iter().zip(records)) {
            for (is_text, file) in [(true, text), (false, record)] {
                match file {
                    Ok(file) => {
                        staged.push(file);
                        whose.push((number, is_text));
                    }
                    Err(error) => {
                        drafts[number].unsaved |= is_text;
                        errors.push(error);
                    }
                }
            }
        }
        for ((number, is_text), named) in whose.into_iter().zip(commit_together(staged)) {
            if let Err(error) = named {
                drafts[number].unsaved |= is_text;
                errors.push(error);
            }
        }
        errors
    }

    /// The record of a draft that has ended.
    fn record(
        &self,
        recorder: &Recorder,
        draft: &Draft,
        number: Option<(story::Draft, usize)>,
        began: Instant,
    ) -> Result<Record> {
        let told = draft.told.as_ref().context("a draft that goes on cannot be recorded")?;
        let ended = draft.ended.unwrap_or(began);
        let first = draft.first.unwrap_or(ended);
        let draws = || draft.words.iter().filter_map(|(_, draw)| draw.as_ref());
        let vocabulary = self.engine.vocabulary();
        let traced = draws().filter(|_| self.trace.is_some()).map(|draw| TracedToken::of(draw, vocabulary));
        Ok(recorder.record(Recorded {
            resolved: self.chosen.preset.to_toml()?,
            preset: &self.chosen.name,
            prompt: self.prompt,
            plan: &draft.plan,
            completion: told.clone(),
            draft: number,
            times: [first - began, ended - first].map(|time| time.as_secs_f64()),
            trace: self.before.iter().cloned().chain(traced).collect(),
        }))
    }

    /// Prints a draft under its heading.
    fn show(&self, number: usize, draft: &Draft, terminal: &Terminal) -> Result<()> {
        let space = if number == 0 { "" } else { "\n" };
        let head = Line::of(Ink::Bold, &format!("draft {}", number + 1));
        let head = head.and(Ink::Plain, &format!(" · seed {}", draft.plan.seed));
        let rule = Line::of(Ink::Dim, &"─".repeat(terminal.width_now().min(80)));
        writeln!(terminal.out(), "{space}{head}\n{rule}")?;
        let mut sheet = terminal.story();
        sheet.begins_with(&self.beginning);
        let vocabulary = self.engine.vocabulary();
        let mut colours = self.by.map(|by| StoryColours::new(by, Depth::here()));
        for (text, draw) in &draft.words {
            let traced = || draw.as_ref().map(|draw| TracedToken::of(draw, vocabulary));
            let style = colours.as_mut().map_or(Style::new(), |colours| colours.next_of(traced().as_ref()));
            sheet.say(style, text)?;
        }
        sheet.end_line()?;
        terminal.note(ending(number, draft));
        if draft.told.as_ref().is_some_and(Completion::ended_at_once) {
            terminal.note(ENDED_AT_ONCE);
        }
        if let Some(stood) = draft.told.as_ref().and_then(|told| stood_in_words(&told.banned)) {
            terminal.err(stood);
        }
        Ok(())
    }
}

/// Where drafts lie while they are told: each is kept as it ends, and shown in its turn.
struct Desk<'a> {
    common: &'a Drafts<'a>,
    /// Where they are kept, if they are.
    kept: Option<&'a (Kept, Recorder)>,
    terminal: &'a Terminal,
    progress: Progress,
    began: Instant,
    drafts: Vec<Draft>,
    /// Those that ended in this round.
    just_ended: Vec<usize>,
    /// How many are shown.
    shown: usize,
    /// What broke off first.
    broken: Option<String>,
    /// Whether one could not be saved.
    lost: bool,
    /// Why no more can be shown.
    failed: Option<anyhow::Error>,
}

impl Desk<'_> {
    /// Keeps and shows what has ended.
    fn put_away(&mut self) -> Result<()> {
        let ended = std::mem::take(&mut self.just_ended);
        if let Some((folder, recorder)) = self.kept {
            for error in self.common.keep(folder, recorder, &ended, &mut self.drafts, self.began) {
                self.lost = true;
                self.progress.clear_for(|| self.terminal.error(&error));
            }
        }
        while let Some(draft) = self.drafts.get_mut(self.shown).filter(|draft| draft.told.is_some()) {
            let (shown, terminal) = (self.shown, self.terminal);
            self.progress.clear_for(|| match self.kept {
                Some((folder, _)) if !draft.unsaved => {
                    let place = folder.path(shown + 1, "txt");
                    terminal.note(format_args!("{} · `{}`", ending(shown, draft), place.display()));
                    Ok(())
                }
                _ => self.common.show(shown, draft, terminal),
            })?;
            // What was shown need not be remembered.
            draft.words = Vec::new();
            self.shown += 1;
        }
        Ok(())
    }

    /// How it went, all in all.
    fn finish(mut self) -> Result<Outcome> {
        // Who was interrupted ends behind the last round.
        let put = self.failed.take().map_or_else(|| self.put_away(), Err);
        self.progress.clear();
        put?;
        if let Some(broken) = self.broken {
            bail!(broken);
        }
        let cut = |draft: &Draft| draft.told.as_ref().is_none_or(|told| told.stop == StopReason::Interrupted);
        // What could not be saved has been said.
        let outcome = if self.drafts.iter().any(cut) { Outcome::Interrupted } else { Outcome::Done };
        Ok(if self.lost { Outcome::Failed } else { outcome })
    }
}

impl Observer for Desk<'_> {
    fn reading(&mut self, _: usize, read: usize, of: usize) -> ControlFlow<()> {
        if self.drafts.iter().all(|draft| draft.counts.tokens == 0) {
            self.progress.read(read, of);
        }
        ControlFlow::Continue(())
    }

    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        let draft = &mut self.drafts[story];
        draft.first.get_or_insert_with(Instant::now);
        draft.words.push((told.text.to_owned(), Some(told.draw.clone())));
        draft.counts = Counts { tokens: draft.counts.tokens + 1, ..told.counts };
        self.progress.told(self.drafts.iter().fold(Counts::default(), |sum, draft| with(sum, draft.counts)));
        ControlFlow::Continue(())
    }

    fn ended(&mut self, story: usize, ended: Ended) {
        let draft = &mut self.drafts[story];
        draft.words.push((ended.rest, None));
        draft.ended = Some(Instant::now());
        if let Some(cause) = ended.completion.failure() {
            self.broken.get_or_insert_with(|| format!("draft {} broke off: {cause}", story + 1));
        }
        draft.told = Some(ended.completion);
        self.just_ended.push(story);
    }

    fn round_over(&mut self) -> ControlFlow<()> {
        self.just_ended.sort_unstable();
        self.failed = self.put_away().err();
        if self.failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// The seeds of the drafts, which follow each other.
fn seeds(plans: &[Plan]) -> String {
    match plans {
        [first, .., last] => format!("{} drafts · seeds {} to {}", plans.len(), first.seed, last.seed),
        one => one.first().map_or(String::new(), |plan| format!("seed {}", plan.seed)),
    }
}

/// Asks that so many drafts of a plan can be told together.
pub fn check_count(plan: &Plan, width: usize, count: usize) -> Result<(), Usage> {
    let (_, each) = Stories::room_for(std::slice::from_ref(plan), width);
    // The prompt that they share has a branch of its own.
    let most = ((MOST_BRANCHES - 1) / each).max(1);
    if count > most {
        let cause = format!("the memory has {MOST_BRANCHES} branches, and each draft of this preset needs {each}");
        return Err(Usage(format!("{count} drafts are too many to be told together: {cause}\nhint: at most {most} fit")));
    }
    Ok(())
}

/// The costs of two stories together.
pub fn with(sum: Counts, more: Counts) -> Counts {
    Counts { tokens: sum.tokens + more.tokens, evaluations: sum.evaluations + more.evaluations, ..sum }
}

/// How long a draft became, and why it ended.
fn ending(number: usize, draft: &Draft) -> String {
    let stop = draft.told.as_ref().map_or(String::new(), |told| format!(" · {}", stop_in_words(&told.stop, &draft.plan)));
    format!("draft {}: {}{stop}", number + 1, some(draft.counts.tokens, "token"))
}
