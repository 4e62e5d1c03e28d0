//! `afterword serve`: the model behind an address, for the front-ends that writers have.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::catalog::ModelCard;
use crate::cli::Outcome;
use crate::cli::args::{ModelArgs, Serve};
use crate::cli::interrupt::interruption;
use crate::cli::opening::{bundled, open_with};
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::{Chosen, folders, now, seed};
use crate::engine::EngineOptions;
use crate::preset::list;
use crate::serve::{Edge, Options, Server, Voice, listen};

/// The most tokens of prompt and story where nothing is said: a model may be trained for more than memory holds.
const CONTEXT: usize = 8192;

pub fn run(args: Serve, terminal: &Terminal) -> Result<Outcome> {
    let voices = voices(&args)?;
    let listener = listen(args.host, args.port)?;
    let (model, json) = (options(&args.model)?, args.json);
    let log = Terminal::new(crate::cli::args::Colour::Auto, false);
    let edge = Edge {
        now,
        local: || chrono::Local::now().naive_local(),
        seed: || seed(None),
        log: Box::new(move |line| log.note(line)),
    };
    let mut server = Server::start(listener, asked(args)?, edge, interruption().clone())?;
    let opened = open_with(model, terminal)?;
    let app = server.open(Arc::new(opened.engine), voices)?;
    greet(server.address(), &app.catalogue.ids(), json, terminal)?;
    server.wait()?;
    Ok(Outcome::Interrupted)
}

/// Where the server is, and what it has.
fn greet(address: SocketAddr, ids: &[String], json: bool, terminal: &Terminal) -> Result<()> {
    let url = format!("http://{address}");
    if json {
        use std::io::Write;
        writeln!(terminal.out(), "{}", json!({ "address": url, "models": ids }))?;
    }
    terminal.note(format_args!("listening at {url}"));
    for id in ids {
        terminal.note(format_args!("  {id}"));
    }
    Ok(())
}

/// All presets that have a name, the chosen one first.
fn voices(args: &Serve) -> Result<Vec<Voice>> {
    let chosen = Chosen::of(&args.preset.preset, &args.preset.set, &args.model)?;
    let others = list(&folders())?.into_iter().filter(|listed| !listed.hidden && listed.name != chosen.name);
    let others = others.filter_map(|listed| Some(Voice { name: listed.name, preset: Arc::new(listed.preset.ok()?) }));
    let first = Voice { name: chosen.name, preset: Arc::new(chosen.preset) };
    Ok(std::iter::once(first).chain(others).collect())
}

/// How the model is opened.
fn options(args: &ModelArgs) -> Result<EngineOptions> {
    let options = args.options(args.model.clone().map_or_else(bundled, Ok)?);
    let trained = || ModelCard::read(&options.model).ok().and_then(|card| usize::try_from(card.context?).ok());
    let context = options.context.or_else(|| NonZeroUsize::new(trained()?.min(CONTEXT)));
    Ok(EngineOptions { context, ..options })
}

/// What was typed as what it means.
fn asked(args: Serve) -> Result<Options> {
    let mut keys = args.api_key;
    if let Some(path) = &args.api_key_file {
        let text =
            crate::files::read_text(path, 1 << 20).with_context(|| format!("cannot read the keys `{}`", path.display()))?;
        keys.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    let is_local = args.host.is_loopback();
    if keys.is_empty() && !is_local && !args.no_key {
        bail!("without a key nobody is to reach the server from the network\nhint: `--api-key-file FILE`, or `--no-key`");
    }
    Ok(Options {
        stories: args.stories.get(),
        queue: args.queue,
        tokens: args.tokens.get(),
        alias: args.alias,
        sampling: args.sampling,
        clock: args.clock,
        strict: args.strict,
        keys,
        origins: args.allow_origin,
        is_local,
        grace: args.grace,
        stall: args.stall,
        verbose: args.verbose,
        kobold: args.kobold,
    })
}
