//! `afterword eval plan`: the presets and prompts of a fair sweep, and the commands that tell and compare its stories.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use crate::batch::{PromptEntry, Source};
use crate::cli::Outcome;
use crate::cli::args::EvalPlan;
use crate::cli::render::terminal::Terminal;
use crate::eval::Corpus;
use crate::eval::plan::{Candidate, Family, families, matched, matched_preset};
use crate::files::{self, Form, Inputs, Output};
use crate::text::{grouped, some};

/// The baseline of the sweep, and its family.
const BASELINE: &str = "temperature--1";
const TEMPERATURE: &str = "temperature";

/// Seeds of each test story: there are fewer settings, and less chance is wanted.
const TEST_SEEDS: usize = 3;

/// No preset or list of prompts that was planned has more bytes.
const LONGEST: u64 = 16 << 20;

/// The prompts that come with the program, to develop with and to test with.
const OPENINGS: [&str; 2] = [
    include_str!("../../../../configs/prompts/openings-dev.toml"),
    include_str!("../../../../configs/prompts/openings-test.toml"),
];
const INSTRUCTIONS: [&str; 2] = [
    include_str!("../../../../configs/prompts/instructions-dev.toml"),
    include_str!("../../../../configs/prompts/instructions-test.toml"),
];

pub fn run(args: &EvalPlan, terminal: &Terminal) -> Result<Outcome> {
    let [dev, test] = if args.instructions { INSTRUCTIONS } else { OPENINGS };
    let (dev, test) = (chosen(dev, args.dev.get())?, chosen(test, args.test.get())?);
    let presets = args.out.join("presets");
    fs::create_dir_all(&presets).with_context(|| format!("cannot make the folder `{}`", presets.display()))?;
    let families = families(usize::from(args.settings));
    let mut sweep = Sweep { args, families: Vec::new(), matched: Vec::new() };
    for family in &families {
        let paths = family.settings.iter().map(|candidate| write_preset(&presets, family.about, candidate));
        sweep.families.push((family, paths.collect::<Result<_>>()?));
    }
    if let Some(folder) = &args.matching {
        sweep.matched = write_matched(folder, &presets, terminal)?;
    }
    keep(&sweep.prompts("dev"), &list(dev)?)?;
    keep(&sweep.prompts("test"), &list(test)?)?;
    let mut out = terminal.out();
    sweep.commands().iter().try_for_each(|line| writeln!(out, "{line}"))?;
    out.flush()?;
    let settings: usize = families.iter().map(|family| family.settings.len()).sum();
    terminal.note(format_args!(
        "{} of {}, {} each · {}",
        some(settings, "setting"),
        some(families.len(), "family"),
        args.settings,
        args.out.display()
    ));
    Ok(Outcome::Done)
}

/// The first prompts of a list, genre after genre: the first word of a name is its genre.
fn chosen(list: &str, count: usize) -> Result<Vec<PromptEntry>> {
    let all = Source::Toml.read(list).context("cannot read the prompts that come with the program")?.entries;
    ensure!(count <= all.len(), "{} are asked for, and there are {}", some(count, "prompt"), grouped(all.len()));
    let genre =
        |prompt: &PromptEntry| prompt.name.as_deref().unwrap_or_default().split('-').next().unwrap_or_default().to_owned();
    let mut genres: Vec<(String, usize)> = Vec::new();
    // Each with how many of its genre stand before it: all first ones come before all second ones.
    let mut placed: Vec<(usize, PromptEntry)> = Vec::new();
    for prompt in all {
        let genre = genre(&prompt);
        let at = genres.iter().position(|(known, _)| *known == genre).unwrap_or_else(|| {
            genres.push((genre, 0));
            genres.len() - 1
        });
        placed.push((genres[at].1, prompt));
        genres[at].1 += 1;
    }
    placed.sort_by_key(|(before, _)| *before);
    Ok(placed.into_iter().take(count).map(|(_, prompt)| prompt).collect())
}

/// Prompts as a list that `batch` reads.
fn list(prompt: Vec<PromptEntry>) -> Result<String> {
    #[derive(Serialize)]
    struct List {
        prompt: Vec<PromptEntry>,
    }
    toml::to_string_pretty(&List { prompt }).context("cannot write the prompts as TOML")
}

fn write_preset(folder: &Path, about: &str, candidate: &Candidate) -> Result<PathBuf> {
    let path = folder.join(format!("{}.toml", candidate.name));
    keep(&path, &format!("# Of a sweep: {about}.\n{}", candidate.preset))?;
    Ok(path)
}

/// The temperatures that let the writer be as surprised as futures do, as presets.
fn write_matched(folder: &Path, presets: &Path, terminal: &Terminal) -> Result<Vec<PathBuf>> {
    let corpus = Corpus::read(&[folder.to_owned()], None)?;
    let found = matched(&corpus);
    ensure!(
        found.iter().any(|one| one.temperature.is_some()),
        "cannot match temperatures with the stories of `{}`: no setting with a future is as surprising as some of its temperatures\n\
         hint: tell the sweep's stories first",
        folder.display()
    );
    let mut paths = Vec::new();
    for one in found {
        let Some(temperature) = one.temperature else {
            terminal.note(format_args!("{}: {:.2} nats, beyond every temperature", one.arm, one.surprisal));
            continue;
        };
        // Three digits are more than stories of a sweep can tell.
        let temperature = (temperature * 1000.0).round() / 1000.0;
        terminal.note(format_args!("{}: {:.2} nats, as at temperature {temperature}", one.arm, one.surprisal));
        paths.push(write_preset(presets, "a matched temperature", &matched_preset(&one.arm, temperature))?);
    }
    Ok(paths)
}

/// Writes a file that is not there; one that is there must hold the same.
fn keep(path: &Path, text: &str) -> Result<()> {
    match files::read_text(path, LONGEST) {
        Ok(there) if there == text => Ok(()),
        Ok(_) => bail!(
            "cannot write `{}`: there is another file\nhint: name another folder, or move it away if its stories are not told yet",
            path.display()
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Output::new(path.to_owned(), Form::TEXT, &Inputs::streams())?.write(text.as_bytes())
        }
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// A sweep with the files of its settings.
struct Sweep<'a> {
    args: &'a EvalPlan,
    families: Vec<(&'a Family, Vec<PathBuf>)>,
    matched: Vec<PathBuf>,
}

impl Sweep<'_> {
    fn prompts(&self, of: &str) -> PathBuf {
        self.args.out.join(format!("prompts-{of}.toml"))
    }

    /// The commands in their order, each behind a line that says what it is for.
    fn commands(&self) -> Vec<String> {
        let EvalPlan { model, out, dev, test, seeds, .. } = self.args;
        let (model, seeds) = (quoted(model), seeds.get());
        let all: Vec<&PathBuf> = self.families.iter().flat_map(|(_, paths)| paths).collect();
        let curve = self.families.iter().filter(|(family, _)| family.name == TEMPERATURE).flat_map(|(_, paths)| paths);
        let baseline = out.join("presets").join(format!("{BASELINE}.toml"));
        let stories = |settings: usize, prompts: usize, seeds: usize| grouped(settings * prompts * seeds);
        let again = |of: &str, seeds: usize| {
            self.batch(of, &format!("{of}-again"), &quoted(&baseline), &format!("{}..{}", seeds + 1, 2 * seeds))
        };
        let mut lines = vec![
            "# Once for the model: what is usual after each of its tokens.".to_owned(),
            format!("afterword calibrate --model {model} --threads {}", self.args.threads),
            format!("# Development: {} settings, {} stories.", all.len(), stories(all.len(), dev.get(), seeds)),
            self.batch("dev", "dev", &joined(all), &format!("1..{seeds}")),
            "# The baseline once more under other seeds: what chance alone does.".to_owned(),
            again("dev", seeds),
            self.compare("dev"),
            "# Temperatures at which the model is as surprised as with each future: writes them, and prints these commands with them.".to_owned(),
            self.again_matching(),
        ];
        if !self.matched.is_empty() {
            lines.push("# The matched temperatures on the development prompts.".to_owned());
            lines.push(self.batch("dev", "dev-matched", &joined(&self.matched), &format!("1..{seeds}")));
        }
        lines.extend([
            format!(
                "# Test, once, on {test} other prompts: the temperature curve and the best setting of each family, by name."
            ),
            format!(
                "CHOSEN={}",
                joined(
                    self.families
                        .iter()
                        .filter(|(family, _)| family.name != TEMPERATURE)
                        .filter_map(|(_, paths)| paths.first())
                )
            ),
            self.batch("test", "test", &format!("{},\"$CHOSEN\"", joined(curve)), &format!("1..{TEST_SEEDS}")),
            again("test", TEST_SEEDS),
            self.compare("test"),
        ]);
        lines
    }

    fn batch(&self, prompts: &str, folder: &str, presets: &str, seeds: &str) -> String {
        let EvalPlan { model, out, tokens, threads, instructions, .. } = self.args;
        let put = if *instructions { "--chat" } else { "--raw" };
        format!(
            "nice afterword batch {} --out {} --preset {presets} --seeds {seeds} --tokens {tokens} {put} --threads {threads} --model {}",
            quoted(&self.prompts(prompts)),
            quoted(&out.join(folder)),
            quoted(model)
        )
    }

    fn compare(&self, of: &str) -> String {
        let out = &self.args.out;
        let more = if of == "dev" && !self.matched.is_empty() {
            format!(" {}", quoted(&out.join("dev-matched")))
        } else {
            String::new()
        };
        let judges: String =
            self.args.judge.iter().map(|judge| format!(" --judge {}", quoted(judge))).collect::<Vec<_>>().concat();
        format!(
            "afterword eval {} {}{more} --baseline {BASELINE} --threads {}{judges} --out {}",
            quoted(&out.join(of)),
            quoted(&out.join(format!("{of}-again"))),
            self.args.threads,
            quoted(&out.join(format!("{of}.html")))
        )
    }

    /// This very command, with the stories that are told by then.
    fn again_matching(&self) -> String {
        let EvalPlan { model, out, judge, instructions, settings, dev, test, seeds, tokens, threads, matching: _ } = self.args;
        let judges: String = judge.iter().map(|judge| format!(" --judge {}", quoted(judge))).collect::<Vec<_>>().concat();
        let instructions = if *instructions { " --instructions" } else { "" };
        format!(
            "afterword eval plan --model {} --out {}{judges}{instructions} --settings {settings} --dev {dev} --test {test} --seeds {seeds} \
             --tokens {tokens} --threads {threads} --matching {}",
            quoted(model),
            quoted(out),
            quoted(&out.join("dev"))
        )
    }
}

/// Paths as one argument of a list.
fn joined<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> String {
    paths.into_iter().map(|path| quoted(path)).collect::<Vec<_>>().join(",")
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    shlex::try_quote(&path).map(std::borrow::Cow::into_owned).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_chosen_genre_after_genre() {
        let genres = |list: &str, count: usize| {
            let names = chosen(list, count).unwrap().into_iter().map(|prompt| prompt.name.unwrap());
            names.map(|name| name.split('-').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for list in [OPENINGS, INSTRUCTIONS].concat() {
            let first = genres(list, 10);
            assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), 10, "{first:?}");
            assert_eq!(genres(list, 12)[10..], first[..2]);
        }
        assert!(chosen(OPENINGS[0], 31).unwrap_err().to_string().starts_with("31 prompts are asked for, and there are 30"));
    }

    #[test]
    fn a_list_of_chosen_prompts_reads_back() {
        let all = chosen(INSTRUCTIONS[1], 7).unwrap();
        assert_eq!(Source::Toml.read(&list(all.clone()).unwrap()).unwrap().entries, all);
    }
}
