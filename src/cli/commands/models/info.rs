//! `afterword models info`: what one model is, and what it needs of this machine.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::catalog::{Machine, ModelCard, Need, Placement, Wish, check, in_words, place};
use crate::cli::args::{DeviceArgs, KvTypes};
use crate::cli::machine::machine;
use crate::cli::render::figures::grouped;
use crate::cli::render::notes::fitting;
use crate::cli::render::prose::safe;
use crate::cli::render::terminal::{BOLD, DIM, Terminal, fit};
use crate::cli::usage::Usage;
use crate::engine::BATCH;
use crate::model::FlashAttention;
use crate::text::{EXCERPT, excerpt};

/// Where a context is neither asked for nor known.
pub const USUAL_CONTEXT: usize = 4096;

/// Tells what a model is and needs.
pub fn run(
    path: &Path,
    context: Option<usize>,
    stories: usize,
    device: &DeviceArgs,
    as_json: bool,
    terminal: &Terminal,
) -> Result<()> {
    let card = ModelCard::read(path)?;
    let trained = card.context.and_then(|context| usize::try_from(context).ok());
    if let (Some(context), Some(trained)) = (context, trained) {
        within(context, trained, path)?;
    }
    let context = context.or(trained).unwrap_or(USUAL_CONTEXT);
    let machine = machine(device.device.as_deref(), device.split, device.main_gpu)?;
    let wish = wish(context, stories, device.kv_types(), device.flash(), &machine);
    let need = Need::of(&card, &wish);
    let placement = place(&card, &wish, &machine, device.gpu_layers);
    let misfit = check(&card, &wish, &machine, device.gpu_layers).err();
    let mut out = terminal.out();
    if as_json {
        let misfit = misfit.map(|misfit| json!({ "cause": misfit.to_string(), "instead": fitting(misfit.instead()) }));
        let page = json!({ "model": card, "context": context, "stories": stories, "need-estimated": need, "machine": machine,
                           "placement-estimated": placement, "misfit": misfit });
        terminal.json(&page)?;
        return Ok(());
    }
    let page = Page { card: &card, context, stories, device, machine: &machine, need, placement };
    let verdict = misfit.map_or("it fits".to_owned(), |misfit| format!("{misfit}; {}", fitting(misfit.instead())));
    page.print(&verdict, &mut out)
}

/// So many stories of texts of so many tokens.
pub fn wish(context: usize, stories: usize, kinds: KvTypes, flash: FlashAttention, machine: &Machine) -> Wish {
    // A story's trunk, and the candidates that are looked at in one decode.
    let branches = if machine.gpus.is_empty() { 2 } else { 9 };
    let cells = context.saturating_add(branches - 1).saturating_mul(stories);
    Wish {
        cells: cells as u64,
        branches: branches.saturating_mul(stories) as u64,
        stories: stories as u64,
        batch: BATCH as u64,
        keys: kinds.keys,
        values: kinds.values,
        flash_attention: flash != FlashAttention::Off,
    }
}

/// What is told of a model in lines.
struct Page<'a> {
    card: &'a ModelCard,
    context: usize,
    stories: usize,
    device: &'a DeviceArgs,
    machine: &'a Machine,
    need: Need,
    placement: Placement,
}

impl Page<'_> {
    fn print(&self, verdict: &str, out: &mut impl Write) -> Result<()> {
        let Self { card, context, stories, device, machine, need, placement } = self;
        writeln!(out, "{BOLD}{}{BOLD:#}", safe(&excerpt(&card.title(), EXCERPT)))?;
        for (name, value) in facts(card) {
            writeln!(out, "  {DIM}{}{DIM:#} {}", fit(name, 14), safe(&value))?;
        }
        let plural = if *stories == 1 { "one story" } else { &format!("{stories} stories") };
        writeln!(out, "\n{BOLD}needs, estimated{BOLD:#}, for {plural} of up to {} tokens", grouped(*context))?;
        let Need { weights, cache, compute, total } = *need;
        let KvLine(kinds) = KvLine::of(device);
        for (name, bytes) in [("weights", weights), (kinds.as_str(), cache), ("computing", compute), ("together", total)] {
            writeln!(out, "  {DIM}{}{DIM:#} {}", fit(name, 14), in_words(bytes))?;
        }
        writeln!(out, "\n{BOLD}this machine{BOLD:#}")?;
        for (name, value) in holds(machine) {
            writeln!(out, "  {DIM}{}{DIM:#} {}", fit(&name, 14), safe(&value))?;
        }
        let offload = match (machine.gpus.is_empty(), placement.gpu_layers) {
            (true, _) => "none: there is no GPU to use".to_owned(),
            (false, 0) => "none".to_owned(),
            (false, layers) => format!("{layers} of {} layers, about {}", placement.of, in_words(placement.gpu)),
        };
        writeln!(out, "  {DIM}{}{DIM:#} {offload}", fit("on GPUs", 14))?;
        writeln!(out, "  {DIM}{}{DIM:#} {verdict}", fit("so", 14))?;
        Ok(())
    }
}

/// Asks that a context is none that the model was never trained for.
fn within(context: usize, trained: usize, model: &Path) -> Result<(), Usage> {
    let message = || format!("`--ctx` is {context}, but the model `{}` was trained for {trained} tokens", model.display());
    if context > trained { Err(Usage(message())) } else { Ok(()) }
}

/// The name of the line about the memory of keys and values.
struct KvLine(String);

impl KvLine {
    fn of(device: &DeviceArgs) -> Self {
        let KvTypes { keys, values } = device.kv_types();
        Self(if keys == values { format!("memory, {keys}") } else { format!("{keys}, {values}") })
    }
}

/// What a model is, each fact with its name.
fn facts(card: &ModelCard) -> Vec<(&'static str, String)> {
    let kind = card.vocabulary.kind.as_deref().map_or("none".to_owned(), |kind| excerpt(kind, EXCERPT));
    let heads = card.heads.map(|heads| match (card.kv_heads, card.head_sizes) {
        (Some(kv), Some([key, _])) => format!("{heads}, {kv} with keys and values, of {key}"),
        _ => heads.to_string(),
    });
    let advice = card.sampling.iter().map(|(key, value)| excerpt(&format!("{key} = {value}"), EXCERPT)).collect::<Vec<_>>();
    let files = if card.parts > 1 { format!(" in {} files", card.parts) } else { String::new() };
    let facts = [
        ("file", Some(format!("{}, {}{files}", card.path.display(), in_words(card.size)))),
        ("architecture", Some(excerpt(&card.architecture, EXCERPT))),
        ("parameters", Some(billions(card.parameters))),
        ("quantisation", Some(stored(card, usize::MAX))),
        ("context", card.context.map(|context| format!("{} tokens", grouped(usize::try_from(context).unwrap_or(usize::MAX))))),
        (
            "vocabulary",
            Some(format!("{} tokens, {kind}", grouped(usize::try_from(card.vocabulary.size).unwrap_or(usize::MAX)))),
        ),
        ("layers", Some(format!("{} of width {}", card.layers, card.embedding))),
        ("heads", heads),
        ("window", card.window.map(|window| format!("{window} tokens in some layers"))),
        ("experts", card.experts.map(|[all, used]| format!("{all}, {used} for a token"))),
        ("template", Some(if card.template { "yes: it takes instructions" } else { "no" }.to_owned())),
        ("advice", (!advice.is_empty()).then(|| advice.join(", "))),
    ];
    facts.into_iter().filter_map(|(name, fact)| Some((name, fact?))).collect()
}

/// What people call the quantisation of a model, and of which types it is, with so many of their shares: `Q4_K_M (Q8_0 63 %, …)`.
/// What is less than half of one in a hundred goes without saying.
pub fn stored(card: &ModelCard, most: usize) -> String {
    let name = card.quantisation.unwrap_or("no weights");
    let shares: Vec<_> = card.types.iter().filter(|one| one.share >= 0.005).collect();
    if let [only] = shares[..]
        && only.kind.name() == name
    {
        return name.to_owned();
    }
    let told = shares.iter().take(most).map(|one| format!("{} {:.0} %", one.kind, 100.0 * one.share));
    let rest = (shares.len() > most).then(|| "…".to_owned());
    format!("{name} ({})", told.chain(rest).collect::<Vec<_>>().join(", "))
}

/// Memory, each with the name of what has it.
pub fn holds(machine: &Machine) -> Vec<(String, String)> {
    let memory = machine.memory.map_or("not known".to_owned(), |memory| {
        format!("{}, {} of it available", in_words(memory.total), in_words(memory.available))
    });
    let gpu =
        |gpu: &crate::catalog::Gpu| (gpu.name.clone(), format!("{}, {} of it free", in_words(gpu.total), in_words(gpu.free)));
    std::iter::once(("memory".to_owned(), memory)).chain(machine.gpus.iter().map(gpu)).collect()
}

/// A number of weights: `3.4 million`.
pub fn billions(parameters: u64) -> String {
    match parameters as f64 {
        many if many >= 1e9 => format!("{:.1} billion", many / 1e9),
        many if many >= 1e6 => format!("{:.1} million", many / 1e6),
        _ => grouped(usize::try_from(parameters).unwrap_or(usize::MAX)),
    }
}
