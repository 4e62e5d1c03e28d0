//! From arguments to a run: what is told, by whom, and how many at once.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::parallel::{parallel, wanted};
use super::summary::shown;
use super::workers::{Work, tell_all};
use crate::batch::{
    self, Asking, Finished, Folder, Heard, Item, Matrix, Pace, Parallel, PromptEntry, Prompts, RUN_FORMAT, RunFile, Shard,
    Source, Voice,
};
use crate::catalog::in_words;
use crate::cli::args::{Batch, PromptArgs, Think, Trace};
use crate::cli::opening::Opened;
use crate::cli::prompt;
use crate::cli::prompting::quietly;
use crate::cli::render::notes::is_usage;
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::{Chosen, combinations, states};
use crate::cli::usage::Usage;
use crate::decode::{Completion, Plan, Stories};
use crate::engine::{self, Heal, Recorder, Slots, StoryRequest, Width};
use crate::files::Sums;
use crate::gguf::part_of;
use crate::model::Choice;
use crate::preset::Edit;
use crate::sampler::Sampler;
use crate::story::{Mode, Run, StopReason};
use crate::text::{grouped, plural, some};

/// Tokens that are told to estimate how long a run will take.
const TRIED: usize = 24;

/// A run that is about to begin.
pub struct Setup<'a> {
    pub run: RunFile,
    pub pace: Pace,
    /// Branches of each memory.
    pub branches: usize,
    pub recorder: Recorder,
    args: &'a Batch,
    matrix: Matrix,
    /// Each prompt as it is put to the model, or why it cannot be told from.
    asked: Vec<Result<engine::Prompt, String>>,
    samplers: Vec<Sampler>,
    context: usize,
    /// What the folder's run has not asked for yet, each as a clause; `None` where it has not grown.
    grown: Option<Vec<String>>,
}

impl<'a> Setup<'a> {
    /// Reads the prompts and presets, and decides how many stories are told at once.
    pub fn new(args: &'a Batch, shard: Option<Shard>, engine: &Opened, terminal: &Terminal) -> Result<Self> {
        check(args)?;
        let (request, seeds) = (args.story.request(0), args.seeds());
        let prompts = prompts(args, terminal)?;
        let (mut voices, samplers) = voices(args)?;
        batch::count(&prompts, voices.len(), &seeds).map_err(|error| Usage(error.to_string()))?;
        warn(args, &voices, &samplers, terminal);
        let samplers = samplers.iter().map(|sampler| engine.furnished(sampler)).collect::<Result<Vec<_>>>()?;
        for (voice, sampler) in voices.iter_mut().zip(&samplers) {
            sampler.check(engine.vocabulary())?;
            voice.baseline = sampler.baseline().map(|baseline| baseline.checksum().to_owned());
        }
        let asked = asked(&prompts, args, engine, terminal)?;
        let matrix = Matrix::new(&prompts, &voices, &seeds);
        let before = Folder::run(&args.out).ok().flatten();
        // A run of few stories says nothing of how many of many are best told at once.
        let parallel_before = before.as_ref().filter(|run| run.matrix().len() >= matrix.len()).map(|run| run.parallel);

        // The shape of a memory follows from all stories, whichever of them are told now: it decides bits.
        let plans = longest(&prompts, &asked, &samplers, args, engine.context());
        let width = if args.strict { 1 } else { engine.width(&plans, wanted(args, parallel_before, matrix.len())) };
        if let (true, Width::Fixed(width)) = (args.strict, args.model.width)
            && width.get() > 1
        {
            terminal.note(format_args!("`--width {width}` does nothing: `--strict` looks at one candidate at a time"));
        }
        let (cells, branches) = Stories::room_for(&plans, width);
        let parallel = parallel(args, engine, parallel_before, (cells, branches), matrix.len())?;
        // Of stories told at once those of one prompt share it, and a branch more keeps it for them.
        let (cells, branches) = Slots::new(parallel.streams, cells, branches, width).room();
        let settings = engine.session_of(cells, branches)?.settings().clone();
        let recorder = Recorder::new(engine, &settings, width, engine.load_time.as_secs_f64())?;
        let run = RunFile {
            format: RUN_FORMAT,
            shard,
            strict: args.strict,
            trace: args.trace.map(|trace| if trace == Trace::Full { "full" } else { "looked" }.to_owned()),
            seeds,
            model_parts: model_parts(engine)?,
            parallel,
            asking: asking(&args.asking),
            settings: Run {
                to: request.to,
                min_tokens: request.min_tokens,
                slides: request.context_shift,
                may_loop: !request.stop_on_loop,
                ..recorder.run(request.max_tokens, &request.stops)
            },
            model: recorder.model().clone(),
            versions: recorder.versions().clone(),
            preset: voices,
            prompt: prompts,
        };
        let pace = Pace { streams: parallel.streams, width, keeps_draws: args.trace.is_some() };
        let grown = before.as_ref().and_then(|before| run.growth(before)).filter(|_| !args.force);
        Ok(Self { run, pace, branches, recorder, args, matrix, asked, samplers, context: engine.context(), grown })
    }

    /// The stories of this run or part of one.
    pub fn items(&self) -> Vec<Item> {
        self.matrix.items().filter(|item| self.run.holds(*item)).collect()
    }

    /// The prompt of a story as it is put to the model, or why it cannot be told from.
    pub fn asked(&self, item: Item) -> Result<&engine::Prompt, &String> {
        self.asked[item.prompt].as_ref()
    }

    /// The same; a prompt that cannot be told from stands as it was typed.
    pub fn asked_or_prompt(&self, item: Item) -> engine::Prompt {
        self.asked(item).cloned().unwrap_or_else(|_| engine::Prompt {
            text: self.run.prompt[item.prompt].text.clone(),
            mode: Mode::Raw,
            parse_special: self.args.asking.parse_special,
            tokens: Vec::new(),
            healed: String::new(),
            notes: Vec::new(),
        })
    }

    /// The most tokens of a story.
    pub fn limit(&self, item: Item) -> usize {
        self.run.limit(item)
    }

    /// What is told.
    pub fn plan(&self, item: Item) -> Plan {
        let stops = self.run.prompt[item.prompt].stop.as_ref().unwrap_or(&self.args.story.stop).clone();
        let (prompt, heal) =
            self.asked(item).map_or_else(|_| Default::default(), |asked| (asked.tokens.clone(), asked.healed.clone()));
        let request = StoryRequest { max_tokens: self.limit(item), stops, ..self.args.story.request(item.seed) };
        Plan { heal, ..request.plan(&self.samplers[item.voice], prompt, self.context) }
    }

    /// A story whose prompt cannot be told from.
    pub fn unbegun(&self, item: Item) -> Finished {
        let cause = self.asked(item).err().cloned().unwrap_or_default();
        let told = Completion::unbegun(0, StopReason::Failed(cause));
        Finished { number: item.number, plan: self.plan(item), told, draws: Vec::new() }
    }

    /// Says what is about to happen.
    pub fn announce(&self, all: usize, missing: usize, root: &Path, terminal: &Terminal) {
        let Parallel { sessions, streams } = self.run.parallel;
        if let Some(grown) = &self.grown {
            terminal.note(format_args!("the run grows: {}", grown.join("; ")));
        }
        if missing == 0 {
            return terminal.note(format_args!("nothing is missing in `{}`", root.display()));
        }
        let there = if missing < all { format!(", {} are there", grouped(all - missing)) } else { String::new() };
        let strict = if self.args.strict { " · strict" } else { "" };
        let at_once = (sessions * streams).min(missing.max(1));
        let stories = if all == 1 { "story" } else { "stories" };
        terminal.note(format_args!("{} {stories} to `{}`{there} · {at_once} at once{strict}", grouped(all), root.display()));
    }

    /// `--dry-run`: what would be told of `all` stories, and what it would take.
    pub fn show_plan(&self, engine: &Opened, all: usize, items: &[Item], terminal: &Terminal) -> Result<()> {
        use std::io::Write as _;

        let most: usize = items.iter().map(|item| self.limit(*item)).sum();
        let read: usize = items.iter().map(|item| self.asked(*item).map_or(0, |asked| asked.tokens.len())).sum();
        let broken = self.asked.iter().filter(|asked| asked.is_err()).count();
        let Parallel { sessions, streams } = self.run.parallel;
        let mut out = terminal.out();
        let shard = self.run.shard.map_or(String::new(), |shard| format!(", part {shard}"));
        let run = &self.run;
        let (prompts, presets) = (some(run.prompt.len(), "prompt"), some(run.preset.len(), "preset"));
        let seeds = seeds(run);
        let there = match all - items.len() {
            0 => String::new(),
            there => format!(", {} there already", plural(there, "is", "are")),
        };
        writeln!(out, "stories   {} = {prompts} × {presets} × {seeds}{shard}{there}", grouped(all))?;
        if let Some(grown) = &self.grown {
            writeln!(out, "grows     {}", grown.join("; "))?;
        }
        writeln!(out, "tokens    at most {}, behind {} of prompts", grouped(most), grouped(read))?;
        let together = if sessions == 1 { "one memory".to_owned() } else { format!("{sessions} memories") };
        writeln!(out, "at once   {} in {together}", sessions * streams)?;
        if let Some(need) = engine.need(self.run.settings.cells, self.branches) {
            let all = need.weights + (need.cache + need.compute) * sessions as u64;
            writeln!(out, "memory    about {}", in_words(all))?;
        }
        if let Some(pace) = self.try_out(engine, items)? {
            writeln!(out, "time      about {} at {pace:.0} tokens/s", duration(most as f64 / pace))?;
        }
        if broken > 0 {
            writeln!(out, "broken    {broken} of the prompts cannot be told from")?;
        }
        if let Some(item) = items.first() {
            writeln!(out, "names     {}", self.matrix.name(*item))?;
        }
        Ok(())
    }

    /// Tokens a second, by telling the beginnings of the first stories.
    fn try_out(&self, engine: &Opened, items: &[Item]) -> Result<Option<f64>> {
        let Parallel { sessions, streams } = self.run.parallel;
        let some: Vec<Item> = items.iter().copied().filter(|item| self.asked(*item).is_ok()).take(sessions * streams).collect();
        let work =
            Work { cells: self.run.settings.cells, branches: self.branches, parallel: self.run.parallel, pace: self.pace };
        let (mut tokens, mut first) = (0_usize, None);
        let plan = |item| {
            let plan = self.plan(item);
            Plan { max_tokens: plan.max_tokens.min(TRIED), ..plan }
        };
        tell_all(engine, &work, &some, &plan, &mut |_, heard| {
            if matches!(heard, Heard::Told(..)) {
                first.get_or_insert_with(Instant::now);
                tokens += 1;
            }
            Ok(())
        })?;
        let pace = first.map(|first| tokens.saturating_sub(1) as f64 / first.elapsed().as_secs_f64());
        Ok(pace.filter(|pace| *pace > 0.0 && pace.is_finite()))
    }
}

/// The checksums of the model's files behind the first: a run that is told in parts is one only where all of them are the same.
fn model_parts(engine: &Opened) -> Result<Vec<String>> {
    if part_of(&engine.info().path.to_string_lossy()).is_none() {
        return Ok(Vec::new());
    }
    // Where nothing can be remembered they are computed each time.
    let fresh = tempfile::tempdir().context("cannot compute the checksums of the model's files")?;
    let known = states()?.map_or_else(|| Sums::new(fresh.path().to_owned()), |folder| folder.sums());
    let mut sums = engine.backend().sums(&known)?;
    sums.truncate(sums.len().saturating_sub(engine.options().adapters.len()));
    Ok(sums.split_off(1.min(sums.len())))
}

/// Whether the stories can be meant.
fn check(args: &Batch) -> Result<()> {
    if args.asking.think.is_some_and(|think| think != Think::Off) {
        let hint = "`afterword write` lets a model think before one story";
        return Err(Usage(format!("`--think` is not for many stories at once\nhint: {hint}")).into());
    }
    Ok(args.story.request(0).check()?)
}

/// The seeds that each prompt is told under: `4 seeds`, `1 to 4 seeds`.
fn seeds(run: &RunFile) -> String {
    let of = |prompt: &PromptEntry| prompt.seeds.as_ref().unwrap_or(&run.seeds).all().len();
    let counts = || run.prompt.iter().map(of);
    let (least, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
    if least == most { some(most, "seed") } else { format!("{} to {}", grouped(least), some(most, "seed")) }
}

/// How prompts are put, as the folder keeps it.
fn asking(args: &PromptArgs) -> Asking {
    let PromptArgs { chat, raw, system, prefill, think: _, parse_special, heal } = args.clone();
    let mode = if chat { Some("chat".to_owned()) } else { raw.then(|| "raw".to_owned()) };
    let heal = (heal != Heal::default()).then(|| heal.name().to_owned());
    Asking { mode, system, prefill, parse_special, heal }
}

/// So long, in words: `40 s`, `3 min`, `2.5 h`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        short if short < 1.0 => "a second".to_owned(),
        short if short < 100.0 => format!("{short:.0} s"),
        minutes if minutes < 6000.0 => format!("{:.0} min", minutes / 60.0),
        hours => format!("{:.1} h", hours / 3600.0),
    }
}

fn prompts(args: &Batch, terminal: &Terminal) -> Result<Vec<PromptEntry>> {
    let Prompts { entries, passed_by } = match &args.prompts {
        Some(path) if path.as_os_str() != "-" => PromptEntry::read(path),
        _ => Source::Text.read(&prompt::TypedPrompt::of(Some("-".to_owned()), true)?.text),
    }?;
    if !passed_by.is_empty() {
        let keys: Vec<String> = passed_by.iter().map(|key| format!("`{key}`")).collect();
        terminal.note(format_args!("of the prompts nothing is made of {}", shown(&keys)));
    }
    Ok(entries)
}

/// Every preset with every combination of the varied values.
fn voices(args: &Batch) -> Result<(Vec<Voice>, Vec<Sampler>)> {
    let combinations = combinations(&args.vary, args.preset.len())?;
    let (mut voices, mut samplers) = (Vec::new(), Vec::new());
    for name in &args.preset {
        let chosen = Chosen::of(name, &args.changes, &args.model)?;
        for edits in &combinations {
            let mut chosen = chosen.clone();
            for edit in edits {
                chosen.preset.set(edit).map_err(|error| Usage(format!("{error:#}")))?;
            }
            let edits = edits.iter().map(Edit::to_string).collect();
            voices.push(Voice { preset: name.clone(), edits, resolved: chosen.preset.to_toml()?, baseline: None });
            samplers.push(chosen.sampler_traced(args.trace));
        }
    }
    Ok((voices, samplers))
}

/// Says where several seeds are no several stories.
fn warn(args: &Batch, voices: &[Voice], samplers: &[Sampler], terminal: &Terminal) {
    let certain: Vec<String> =
        voices.iter().zip(samplers).filter(|(_, sampler)| sampler.draws_nothing()).map(|(voice, _)| voice.label()).collect();
    let seeds = args.seeds().all().len();
    if seeds > 1 && !certain.is_empty() {
        let draw = if certain.len() == 1 { "draws" } else { "draw" };
        let each = if certain.len() == 1 { "its stories" } else { "their stories" };
        terminal.note(format_args!("{} {draw} nothing: {each} are the same under all {seeds} seeds", shown(&certain)));
    }
}

/// Puts every prompt to the model. What is wrong with one is its own failure; what is wrong with the command is everybody's.
fn asked(
    prompts: &[PromptEntry],
    args: &Batch,
    engine: &Opened,
    terminal: &Terminal,
) -> Result<Vec<Result<engine::Prompt, String>>> {
    let silent = terminal.silent();
    // The lines of a list were written to be prompts; a folder of texts holds texts to go on from.
    let chapters = args.prompts.as_deref().is_some_and(Path::is_dir);
    let mut all = Vec::new();
    for prompt in prompts {
        if prompt.text.trim().is_empty() || prompt.text.contains('\0') {
            let cause = if prompt.text.contains('\0') { "the prompt holds a NUL character" } else { "the prompt is empty" };
            all.push(Err(cause.to_owned()));
            continue;
        }
        let asking = PromptArgs { system: prompt.system.clone().or(args.asking.system.clone()), ..args.asking.clone() };
        let tokens = prompt.tokens.unwrap_or(args.story.tokens).get();
        let spec = asking.spec(prompt.text.clone(), !chapters);
        match quietly(engine, &spec, 0, tokens, false, &silent) {
            Ok(asked) => all.push(Ok(asked)),
            Err(error) if is_usage(&error) => return Err(error),
            Err(error) => all.push(Err(format!("{error:#}").lines().next().unwrap_or_default().to_owned())),
        }
    }
    let in_chat = all.iter().flatten().filter(|asked| asked.mode != Mode::Raw).count();
    if in_chat > 0 && !args.asking.chat {
        terminal.note(format_args!("{} · `--chat` and `--raw` decide", taken(in_chat, all.len() - in_chat)));
    }
    Ok(all)
}

/// How so many prompts are taken.
fn taken(in_chat: usize, raw: usize) -> String {
    let chat = plural(in_chat, "prompt is taken as an instruction", "prompts are taken as instructions");
    match raw {
        0 => chat,
        1 => format!("{chat}, 1 as a beginning"),
        _ => format!("{chat}, {raw} as beginnings"),
    }
}

/// For every prompt and voice the longest story, for its room.
fn longest(
    prompts: &[PromptEntry],
    asked: &[Result<engine::Prompt, String>],
    samplers: &[Sampler],
    args: &Batch,
    context: usize,
) -> Vec<Plan> {
    let longest = prompts.iter().zip(asked).filter_map(|(prompt, asked)| {
        Some((asked.as_ref().ok()?.tokens.len(), prompt.tokens.unwrap_or(args.story.tokens).get()))
    });
    let request = |tokens: usize| StoryRequest { max_tokens: tokens, ..args.story.request(0) };
    let longest = longest.max_by_key(|(prompt, tokens)| prompt + request(*tokens).most_tokens()).unwrap_or((1, 1));
    let plan = |sampler: &Sampler| request(longest.1).plan(sampler, vec![0; longest.0], context);
    samplers.iter().map(plan).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_prompt_is_taken_and_several_are() {
        assert_eq!(taken(1, 5), "1 prompt is taken as an instruction, 5 as beginnings");
        assert_eq!(taken(2, 1), "2 prompts are taken as instructions, 1 as a beginning");
        assert_eq!(taken(2, 0), "2 prompts are taken as instructions");
    }
}
