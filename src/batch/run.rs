//! `run.toml`: everything that is needed to tell the stories of a folder again, and to notice what has changed.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};

use super::matrix::{self, Item, Matrix, Voice};
use super::mistake::translate;
use super::prompts::PromptEntry;
use super::seeds::Seeds;
use super::shard::Shard;
use crate::files;
use crate::story::{ModelFile, Run, Versions};
use crate::text::{EXCERPT, excerpt};

/// The version of the form of `run.toml`.
pub const RUN_FORMAT: u32 = 1;

/// No `run.toml` has more bytes: those of the prompts, of which each may take six.
const LONGEST: u64 = 512 << 20;

/// More memories than any machine has room for.
const MOST_SESSIONS: usize = 4096;

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RunFile {
    /// [`RUN_FORMAT`].
    pub format: u32,
    /// The part of the stories that this folder holds; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Whether every story is told alone in an empty memory.
    pub strict: bool,
    /// Whether records tell why each token was chosen: `looked` or `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The seeds.
    pub seeds: Seeds,
    /// The SHA-256 of the model's other files, where it lies in several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model_parts: Vec<String>,
    /// How many stories run at once.
    pub parallel: Parallel,
    /// How prompts are put to the model.
    pub asking: Asking,
    /// What else decides the bits; `limit` and `stops` are those of prompts that have none of their own.
    pub settings: Run,
    /// The model.
    pub model: ModelFile,
    /// The program.
    pub versions: Versions,
    /// The presets.
    pub preset: Vec<Voice>,
    /// The prompts.
    pub prompt: Vec<PromptEntry>,
}

/// How many stories run at once, in how many memories of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Parallel {
    /// Memories, each with its own threads.
    pub sessions: usize,
    /// Stories in each of them, one decode a round.
    pub streams: usize,
}

/// How prompts are put to the model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Asking {
    /// `chat` or `raw`, where that was asked for; else the prompt decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Who an instruct model is told to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// How its answers begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill: Option<String>,
    /// Whether names of control tokens are taken as those.
    #[serde(default)]
    pub parse_special: bool,
    /// What at the end of prompts is told anew, where that is not the usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal: Option<String>,
}

impl RunFile {
    /// The run in a file; `None` where there is no such file.
    ///
    /// # Errors
    /// It is no file or cannot be read; it is none of a run, or of one that a newer program has begun; or its numbers cannot be.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let text = match files::read_text(path, LONGEST) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("cannot read the run `{}`", path.display()))?,
        };
        Self::parse(&text).map(Some).with_context(|| format!("cannot read the run `{}`", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        // A newer form may hold what is unknown here, so the number is asked first.
        let format = text.parse::<toml::Table>().ok().and_then(|table| table.get("format")?.as_integer());
        if let Some(newer) = format.filter(|format| *format > i64::from(RUN_FORMAT)) {
            return Err(anyhow!(
                "it has the form {newer}, and this program reads up to {RUN_FORMAT}\nhint: a newer version of afterword wrote it, and goes on with it"
            ));
        }
        let run: Self = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            let line = 1 + text.get(..span.start).map_or(0, |before| before.matches('\n').count());
            let (cause, _) = translate(error.message());
            anyhow!("line {line}: {}", excerpt(&cause, 2 * EXCERPT))
        })?;
        let Parallel { sessions, streams } = run.parallel;
        ensure!((1..=MOST_SESSIONS).contains(&sessions), "`sessions` is {sessions}: expected 1 to {MOST_SESSIONS}");
        ensure!(streams > 0, "`streams` is 0: expected a whole number from 1 up");
        matrix::count(&run.prompt, run.preset.len(), &run.seeds)?;
        Ok(run)
    }

    /// As it stands in its file.
    pub(super) fn to_toml(&self) -> Result<Vec<u8>> {
        Ok(toml::to_string_pretty(self).context("cannot write the run as TOML")?.into_bytes())
    }

    /// Whether a story belongs to the part that its folder holds.
    #[must_use]
    pub fn holds(&self, item: Item) -> bool {
        self.shard.is_none_or(|shard| shard.holds(item.number))
    }

    /// Its stories, those of other shards among them.
    #[must_use]
    pub fn matrix(&self) -> Matrix {
        Matrix::new(&self.prompt, &self.preset, &self.seeds)
    }

    /// What is another story here than there: each as a clause, `the preset `wave` is another`. Empty where both tell the same
    /// stories, though perhaps on other machines, in which case bits may differ.
    #[must_use]
    pub fn differences(&self, before: &Self) -> Vec<String> {
        [self.other_ways(before), self.other_stories(before)].concat()
    }

    /// What is told in another way than there, each as a clause, whichever prompts, presets and seeds there are.
    pub(super) fn other_ways(&self, before: &Self) -> Vec<String> {
        let Self {
            format: _,
            shard: _,
            strict,
            trace,
            seeds: _,
            model_parts,
            parallel: _,
            asking,
            settings,
            model,
            versions: _,
            preset: _,
            prompt: _,
        } = self;
        let mut found = Vec::new();
        let mut note = |differs: bool, what: String| found.extend(differs.then_some(what));
        let is_another = (&model.sha256, model_parts) != (&before.model.sha256, &before.model_parts);
        note(is_another, format!("the model is another (it was `{}`)", before.model.file));
        let adapted =
            |run: &Self| -> Vec<_> { run.settings.adapters.iter().map(|one| (one.sha256.clone(), one.scale)).collect() };
        note(adapted(self) != adapted(before), "the model has other adapters".to_owned());
        note(*strict != before.strict, format!("`strict` was {}given", if before.strict { "" } else { "not " }));
        let how = |trace: &Option<String>| trace.as_ref().map_or("off".to_owned(), |name| format!("`{name}`"));
        let on = |trace: &Option<String>| if trace.is_some() { "on" } else { "off" }.to_owned();
        let said = if trace.is_some() && before.trace.is_some() { how } else { on };
        note(*trace != before.trace, format!("`trace` is {} (it was {})", said(trace), said(&before.trace)));
        note(*asking != before.asking, "prompts are put to the model in another way".to_owned());
        let (limit, old) = (settings.limit, before.settings.limit);
        note(limit != old, format!("`tokens` is {limit} (it was {old})"));
        let unit = |run: &Run| run.to.map_or("no whole unit", crate::model::Choice::name);
        let (to, old) = (unit(settings), unit(&before.settings));
        note(to != old, format!("`to` is {to} (it was {old})"));
        let (least, old) = (settings.min_tokens, before.settings.min_tokens);
        note(least != old, format!("`min-tokens` is {least} (it was {old})"));
        let given = |yes: bool| if yes { "" } else { "not " };
        note(settings.slides != before.settings.slides, format!("`continue` was {}given", given(before.settings.slides)));
        note(
            settings.may_loop != before.settings.may_loop,
            format!("`no-loop-stop` was {}given", given(before.settings.may_loop)),
        );
        note(settings.stops != before.settings.stops, "`stop` is another".to_owned());
        let (context, old) = (settings.context, before.settings.context);
        note(context != old, format!("the context is {context} tokens (it was {old})"));
        found
    }

    /// What else decides the bits and is not as it was, each as a clause: a story told under both would not be one.
    #[must_use]
    pub fn other_bits(&self, before: &Self) -> Vec<String> {
        let (now, old) = (&self.settings, &before.settings);
        let mut found = Vec::new();
        let mut note = |what: &str, now: String, old: String| {
            if now != old {
                found.push(format!("{what} {now} (it was {old})"));
            }
        };
        note("`width` is", now.width.to_string(), old.width.to_string());
        note("`threads` is", now.threads.to_string(), old.threads.to_string());
        note("`gpu-layers` is", words(now.gpu_layers), words(old.gpu_layers));
        note("`device` is", listed(&now.devices), listed(&old.devices));
        note("`split` is", now.split.to_string(), old.split.to_string());
        note("`flash-attention` is", now.flash_attention.to_string(), old.flash_attention.to_string());
        let types = |run: &Run| run.cache.map(|cache| cache.to_string()).join(",");
        note("`kv-type` is", types(now), types(old));
        let program = |run: &Self| format!("{} on {}", run.versions.afterword, run.versions.backend);
        note("the program is", program(self), program(before));
        found
    }
}

fn words(layers: Option<u32>) -> String {
    layers.map_or("none".to_owned(), |layers| layers.to_string())
}

fn listed(devices: &[String]) -> String {
    if devices.is_empty() { "the processor".to_owned() } else { devices.join(",") }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{CacheType, FlashAttention, Split};

    /// A run of two prompts, told by `wave` under two seeds.
    pub fn example() -> RunFile {
        let prompt = |text: &str| PromptEntry { text: text.into(), ..PromptEntry::default() };
        RunFile {
            format: RUN_FORMAT,
            shard: None,
            strict: true,
            trace: None,
            seeds: "1..2".parse().unwrap(),
            model_parts: Vec::new(),
            parallel: Parallel { sessions: 1, streams: 2 },
            asking: Asking::default(),
            settings: Run {
                limit: 9,
                to: None,
                context: 99,
                min_tokens: 0,
                slides: false,
                may_loop: false,
                drafts: 1,
                stops: vec!["###".into()],
                width: 1,
                tuned: None,
                cells: 64,
                branches: 4,
                batch: 32,
                threads: 1,
                gpu_layers: None,
                devices: Vec::new(),
                main_gpu: 0,
                split: Split::Layer,
                mmap: true,
                mlock: false,
                flash_attention: FlashAttention::Auto,
                cache: [CacheType::F16; 2],
                adapters: Vec::new(),
            },
            model: ModelFile {
                file: "a.gguf".into(),
                size: 1,
                sha256: "aa".into(),
                architecture: "llama".into(),
                quantisation: None,
            },
            versions: Versions::here("none".into()),
            preset: vec![Voice {
                preset: "wave".into(),
                edits: Vec::new(),
                resolved: "[[chain]]\nmin-p = 0.05\n".into(),
                baseline: None,
            }],
            prompt: vec![prompt("a wolf\nin a wood"), prompt("ab")],
        }
    }

    #[test]
    fn a_run_reads_back_as_it_was_written() {
        let mut run = example();
        run.shard = Some("2/3".parse().unwrap());
        run.seeds = Seeds::one(u64::MAX);
        run.model_parts = vec!["bb".into(), "cc".into()];
        run.prompt[0].tokens = std::num::NonZeroUsize::new(3);
        run.asking.system = Some("A \"system\"\n".into());
        let text = toml::to_string_pretty(&run).unwrap();
        assert_eq!(toml::from_str::<RunFile>(&text).unwrap(), run, "{text}");
    }

    #[test]
    fn what_tells_another_story_is_named() {
        let before = example();
        let same = RunFile { shard: Some("1/2".parse().unwrap()), parallel: Parallel { sessions: 9, streams: 9 }, ..example() };
        assert_eq!(same.differences(&before), [""; 0]);
        let change = |change: fn(&mut RunFile), told: &str| {
            let mut run = example();
            change(&mut run);
            assert_eq!(run.differences(&before).join("; "), told);
        };
        change(|run| run.model.sha256 = "bb".into(), "the model is another (it was `a.gguf`)");
        change(|run| run.model_parts = vec!["cc".into()], "the model is another (it was `a.gguf`)");
        change(|run| run.seeds = Seeds::one(3), "the seeds are 3 (they were 1..2)");
        change(|run| run.strict = false, "`strict` was given");
        change(|run| run.settings.limit = 10, "`tokens` is 10 (it was 9)");
        change(|run| run.preset[0].resolved.push('x'), "the preset `wave` is another");
        change(|run| run.preset[0].preset = "open".into(), "the preset `open` is another (it was `wave`)");
        change(|run| run.prompt[1].text.push('!'), "prompt 2 is another");
        change(|run| drop(run.prompt.pop()), "there is 1 prompt (there were 2), and `ab` is not as it was");
        change(|run| run.preset.extend(run.preset.clone()), "there are 2 presets (there was 1)");
        change(|run| run.settings.slides = true, "`continue` was not given");
        change(|run| run.settings.may_loop = true, "`no-loop-stop` was not given");
        change(|run| run.trace = Some("full".into()), "`trace` is on (it was off)");
        change(|run| run.settings.min_tokens = 5, "`min-tokens` is 5 (it was 0)");
        change(|run| run.asking.mode = Some("raw".into()), "prompts are put to the model in another way");
    }

    #[test]
    fn how_a_trace_has_changed_is_told() {
        let with = |trace: Option<&str>| RunFile { trace: trace.map(Into::into), ..example() };
        for (now, before, told) in [
            (None, Some("looked"), "`trace` is off (it was on)"),
            (Some("full"), None, "`trace` is on (it was off)"),
            (Some("full"), Some("looked"), "`trace` is `full` (it was `looked`)"),
        ] {
            assert_eq!(with(now).differences(&with(before)), [told]);
        }
    }

    #[test]
    fn what_no_run_can_have_written_is_refused() {
        let text = toml::to_string_pretty(&example()).unwrap();
        assert_eq!(RunFile::parse(&text).unwrap(), example());
        for (from, to, cause) in [
            ("format = 1", "format = 999\nfuture = true", "it has the form 999, and this program reads up to 1\nhint: "),
            ("sessions = 1", "sessions = 0", "`sessions` is 0: expected 1 to 4096"),
            ("streams = 2", "streams = 0", "`streams` is 0"),
            ("strict = true", "strict = 1", "expected a boolean, found 1"),
            ("seeds = \"1..2\"", "seeds = \"1..1000000\"", "2,000,000 stories: more than 1,000,000"),
        ] {
            assert!(text.contains(from), "{text}");
            let error = RunFile::parse(&text.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(cause), "{error}");
        }
    }

    #[test]
    fn what_decides_only_the_bits_is_named_apart() {
        let (before, mut run) = (example(), example());
        run.settings.threads = 2;
        run.settings.cells = 1000;
        assert_eq!(run.other_bits(&before), ["`threads` is 2 (it was 1)"]);
        assert_eq!(run.differences(&before), [""; 0]);
    }
}
