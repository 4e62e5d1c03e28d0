//! `afterword models pull`, and models that are named by `hf:` or an address: fetched when that was asked for.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use serde_json::json;

use super::info::{USUAL_CONTEXT, billions, wish};
use crate::catalog::{Instead, Misfit, ModelCard, check, in_words};
use crate::cli::Outcome;
use crate::cli::args::{HubArgs, KvTypes, Pull as Args};
use crate::cli::fetching::{apart, hub, is_offline};
use crate::cli::interrupt::{at_once, interrupted};
use crate::cli::machine::machine;
use crate::cli::render::fetching::{Fetching, why};
use crate::cli::render::notes::fitting;
use crate::cli::render::terminal::Terminal;
use crate::cli::usage::Usage;
use crate::hub::{Hub, Kept, Known, Plan, Pulled, Wanted};
use crate::model::{FlashAttention, GpuLayers, Split};
use crate::text::{EXCERPT, excerpt};

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let wanted: Wanted = Known::named(&args.name).map_or(args.name.as_str(), |known| known.wanted).parse()?;
    let hub = hub(&args.hub)?;
    let kept = args.dir.clone().map_or(Kept::Cache, Kept::Folder);
    let plan = if is_offline(&args.hub) { hub.offline(&wanted, &kept)? } else { plan(&hub, &wanted, kept, terminal)? };
    tell(&plan, terminal);
    let misfit = misfit(&plan.card)?;
    let fits = fits(&plan, misfit.as_ref(), terminal);
    if !args.force && !args.dry_run {
        fits?;
    }
    let pulled = if args.dry_run { None } else { Some(fetch(&hub, &plan, terminal)?) };
    if args.json {
        terminal.json(&page(&plan, pulled.as_ref(), misfit.as_ref()))?;
    } else {
        writeln!(terminal.out(), "{}", plan.file().display())?;
    }
    let next = match (&pulled, plan.missing()) {
        (Some(_), _) => format!("`afterword models use {}` makes it the one that tells", short(args, &plan)),
        (None, 0) => "nothing would be fetched: it is all here".to_owned(),
        (None, missing) => format!("{} would be fetched", in_words(missing)),
    };
    terminal.note(next);
    Ok(Outcome::Done)
}

/// How the model is named again.
fn short(args: &Args, plan: &Plan) -> String {
    match (Known::named(&args.name), &plan.wanted, &args.dir) {
        (_, _, Some(_)) => plan.file().display().to_string(),
        (Some(known), ..) => known.name.to_owned(),
        (None, Wanted::Repository(name), _) => format!("hf:{name}"),
        (None, Wanted::Address(address), _) => address.to_string(),
    }
}

/// The file of a model that was typed as a name of the hub or an address. What is here is taken, and nobody is asked; else it is
/// fetched, if that is wanted: by `yes`, or by whoever sits before the terminal.
pub fn named(typed: &str, yes: bool, terminal: &Terminal) -> Result<PathBuf> {
    let wanted: Wanted = typed.parse()?;
    let args = HubArgs::default();
    let hub = hub(&args)?;
    if let Some(plan) = hub.here(&wanted, &Kept::Cache)? {
        return Ok(plan.file().to_owned());
    }
    if is_offline(&args) {
        return Ok(hub.offline(&wanted, &Kept::Cache)?.file().to_owned());
    }
    let can_ask = io::stdin().is_terminal() && io::stderr().is_terminal();
    let typed = excerpt(typed, EXCERPT);
    if !yes && !can_ask {
        let hint = format!("`--yes` fetches it, and so does `afterword models pull {}`", typed.trim_start_matches("hf:"));
        return Err(
            Usage(format!("the model `{typed}` is not here, and nothing is fetched without your word\nhint: {hint}")).into()
        );
    }
    let plan = plan(&hub, &wanted, Kept::Cache, terminal)?;
    tell(&plan, terminal);
    fits(&plan, misfit(&plan.card)?.as_ref(), terminal)?;
    if !yes && !asked(&format!("Fetch {}?", in_words(plan.missing())))? {
        return Err(Usage(format!("the model `{typed}` is not here, and is not fetched")).into());
    }
    fetch(&hub, &plan, terminal)?;
    Ok(plan.file().to_owned())
}

/// The file of a model in the cache, if it is here; nobody is asked.
pub fn here(wanted: &Wanted) -> Result<Option<PathBuf>> {
    Ok(hub(&HubArgs::default())?.here(wanted, &Kept::Cache)?.map(|plan| plan.file().to_owned()))
}

/// Asks whoever sits before the terminal; whatever is not yes is no.
fn asked(question: &str) -> Result<bool> {
    write!(io::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    at_once(|| io::stdin().lock().read_line(&mut answer))?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn plan(hub: &Hub, wanted: &Wanted, kept: Kept, terminal: &Terminal) -> Result<Plan> {
    let mut screen = Fetching::asking(terminal);
    let (hub, wanted) = (hub.clone(), wanted.clone());
    let plan = apart(move |watch| hub.plan(&wanted, &kept, watch), |event| screen.show(event));
    screen.clear();
    plan
}

fn fetch(hub: &Hub, plan: &Plan, terminal: &Terminal) -> Result<Pulled> {
    let mut screen = Fetching::of(terminal, plan);
    let (hub, plan) = (hub.clone(), plan.clone());
    let pulled = apart(move |watch| hub.pull(&plan, watch), |event| screen.show(event));
    screen.clear();
    if pulled.is_err() && interrupted() {
        terminal.note("what is here is kept: the same command goes on");
    }
    pulled
}

/// Says what was chosen and why.
fn tell(plan: &Plan, terminal: &Terminal) {
    if let (Wanted::Repository(name), Some((revision, commit))) = (&plan.wanted, &plan.revision) {
        terminal.note(format_args!("{} · {revision} · commit {:.7}", name.place(), commit));
    }
    let [first, rest @ ..] = &plan.files[..] else { return };
    let parts = if rest.is_empty() { String::new() } else { format!(" and {} more parts", rest.len()) };
    let path = excerpt(&first.path, EXCERPT);
    terminal.note(format_args!("{path}{parts} · {} · {}", in_words(plan.size()), why(plan.why)));
    if let [other, more @ ..] = &plan.others[..] {
        let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
        terminal.note(format_args!("it could as well be `{}`{more}: name one by its file", excerpt(other, EXCERPT)));
    }
    let ModelCard { architecture, parameters, quantisation, template, .. } = &plan.card;
    let kind = if *template { "takes instructions" } else { "goes on with beginnings" };
    let quantisation = quantisation.unwrap_or("no weights");
    let architecture = excerpt(architecture, EXCERPT);
    terminal.note(format_args!("{architecture} · {} parameters · {quantisation} · {kind}", billions(*parameters)));
}

/// Why a model does not fit into this machine, with a text of usual length.
fn misfit(card: &ModelCard) -> Result<Option<Misfit>> {
    let machine = machine(None, Split::Layer, 0)?;
    let trained = card.context.and_then(|context| usize::try_from(context).ok()).unwrap_or(USUAL_CONTEXT);
    let wish = wish(trained.min(USUAL_CONTEXT), 1, KvTypes::default(), FlashAttention::default(), &machine);
    Ok(check(card, &wish, &machine, GpuLayers::Auto).err())
}

/// Asks whether any use of a model fits; where only some does, it is said.
fn fits(plan: &Plan, misfit: Option<&Misfit>, terminal: &Terminal) -> Result<()> {
    match misfit {
        None => Ok(()),
        Some(misfit) if misfit.instead() == Instead::SmallerModel => {
            let (path, hint) = (&plan.files[0].path, fitting(misfit.instead()));
            Err(anyhow!(
                "`{path}` will not fit: {misfit}\nhint: {hint}; `afterword models pull --force` fetches it all the same"
            ))
        }
        Some(misfit) => {
            terminal.note(format_args!("{misfit}; {}", fitting(misfit.instead())));
            Ok(())
        }
    }
}

/// All that is known, for programs.
fn page(plan: &Plan, pulled: Option<&Pulled>, misfit: Option<&Misfit>) -> serde_json::Value {
    let (revision, commit) = plan.revision.clone().unzip();
    let file = |file: &crate::hub::Planned| json!({ "path": file.path, "size": file.size, "sha256": file.sum, "file": file.file, "here": file.here });
    json!({
        "name": plan.wanted.to_string(), "revision": revision, "commit": commit, "why": why(plan.why), "others": plan.others,
        "files": plan.files.iter().map(file).collect::<Vec<_>>(), "file": plan.file(), "size": plan.size(), "missing": plan.missing(),
        "card": plan.card, "misfit": misfit.map(ToString::to_string), "dry-run": pulled.is_none(), "came": pulled.map(|pulled| pulled.came),
    })
}
