//! `afterword serve`: the model behind an address, for the front-ends that writers have.

use std::env;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::json;

use crate::catalog::ModelCard;
use crate::cli::Outcome;
use crate::cli::args::{ModelArgs, Serve};
use crate::cli::defaults::SERVER_KEY;
use crate::cli::interrupt::{interruption, leave};
use crate::cli::opening::{bundled, open_with};
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::{Chosen, folders, lay_bans, now, seed};
use crate::cli::usage::Usage;
use crate::engine::EngineOptions;
use crate::files::read_text;
use crate::preset::list;
use crate::serve::{App, Edge, Ending, Options, Server, Voice, listen, recipes};
use crate::text::grouped;

/// The most tokens of prompt and story where nothing is said: a model may be trained for more than memory holds.
const CONTEXT: usize = 8192;

/// No file of keys has more bytes.
const LONGEST: u64 = 1 << 20;

pub fn run(args: Serve, terminal: &Terminal) -> Result<Outcome> {
    let voices = voices(&args, terminal)?;
    let (model, json) = (options(&args.model)?, args.json);
    let keys = keys(&args)?;
    let listener = listen(args.host, args.port).map_err(|error| {
        anyhow::anyhow!(
            "{error:#}\nhint: `--port {}` would be another one, `--port 0` is any that is free",
            args.port.wrapping_add(1)
        )
    })?;
    let log = *terminal;
    let edge = Edge {
        now,
        local: || chrono::Local::now().naive_local(),
        seed: || seed(None),
        log: Box::new(move |line| log.note(line)),
    };
    let mut server = Server::start(listener, asked(args, keys), edge, interruption().clone())?;
    let address = address(server.address());
    if json {
        let mut out = terminal.out();
        writeln!(out, "{}", json!({ "address": address, "port": server.address().port() }))?;
        out.flush()?;
    }
    terminal.note(format_args!("listening at {address}"));
    let opened = open_with(model, terminal)?;
    let app = server.open(Arc::new(opened.engine), voices)?;
    greet(&address, &app, terminal);
    match server.wait()? {
        Ending::Quiet => Ok(Outcome::Interrupted),
        // Something still computes, and would do so under the feet of what is taken down.
        Ending::CutOff => leave(130),
    }
}

/// The address as it is typed on this machine.
fn address(place: SocketAddr) -> String {
    let here = if place.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { place.ip() };
    format!("http://{}", SocketAddr::new(here, place.port()))
}

/// What there is, and where the address is typed.
fn greet(address: &str, app: &App, terminal: &Terminal) {
    let catalogue = &app.catalogue;
    let first = catalogue.voices().first().map_or(String::new(), |voice| format!("{}@{}", catalogue.model(), voice.name));
    let stories = if app.options.strict {
        "one story at a time, exactly".to_owned()
    } else {
        format!("{} stories at once", app.slots.count)
    };
    let context = grouped(app.engine.context());
    terminal.note(format_args!("{} is ready: {stories}, {context} tokens of prompt and story", app.engine.title()));
    terminal.note(format_args!("models: {} · `{first}` where none is named", catalogue.ids().join(", ")));
    for recipe in recipes(address, &first) {
        let (client, place) = (recipe.client, recipe.place);
        let more = if recipe.more.is_empty() { String::new() } else { format!(" · {}", recipe.more) };
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        terminal.note(format_args!("{client:<14} {place}{}{more}", recipe.typed));
    }
}

/// All presets that have a name, the chosen one first. One that cannot be read is told of, and left out.
fn voices(args: &Serve, terminal: &Terminal) -> Result<Vec<Voice>> {
    let chosen = Chosen::of(&args.preset.preset, &args.preset.changes, &args.model)?;
    // A file is called as one would call the preset in it.
    let name = Path::new(&chosen.name).file_stem().map_or(chosen.name.clone(), |stem| stem.to_string_lossy().into_owned());
    let mut voices = vec![Voice { name, preset: Arc::new(chosen.preset) }];
    for listed in list(&folders())? {
        if listed.hidden || listed.name == voices[0].name {
            continue;
        }
        match listed.preset {
            Ok(mut preset) => {
                // What is not to be said is not, whoever tells.
                lay_bans(&mut preset, &args.preset.changes)?;
                voices.push(Voice { name: listed.name, preset: Arc::new(preset) });
            }
            Err(error) => {
                let cause = crate::files::causes(&error);
                terminal.note(format_args!("left out: {}", cause.lines().next().unwrap_or_default()));
            }
        }
    }
    Ok(voices)
}

/// How the model is opened.
fn options(args: &ModelArgs) -> Result<EngineOptions> {
    let options = args.options(args.model.clone().map_or_else(bundled, Ok)?);
    let trained = || ModelCard::read(&options.model).ok().and_then(|card| usize::try_from(card.context?).ok());
    let context = options.context.or_else(|| NonZeroUsize::new(trained()?.min(CONTEXT)));
    Ok(EngineOptions { context, ..options })
}

/// The keys that let somebody in; none where everybody may come.
fn keys(args: &Serve) -> Result<Vec<String>> {
    if args.no_key {
        return Ok(Vec::new());
    }
    let mut keys = args.api_key.clone();
    if let Some(path) = &args.api_key_file {
        let text = read_text(path, LONGEST).with_context(|| format!("cannot read the keys `{}`", path.display()))?;
        let before = keys.len();
        keys.extend(text.lines().map(str::to_owned));
        if keys[before..].iter().all(|key| key.trim().is_empty()) {
            return Err(Usage(format!("the file `{}` holds no key\nhint: a key is a line of it", path.display())).into());
        }
    }
    keys.extend(env::var(SERVER_KEY).ok());
    let mut keys: Vec<String> = keys.iter().map(|key| key.trim().to_owned()).collect();
    keys.retain(|key| !key.is_empty());
    if keys.is_empty() && !args.host.is_loopback() {
        let cause = format!("`--host {}` lets others than this machine ask, and there is no key", args.host);
        return Err(Usage(format!("{cause}\nhint: `--api-key-file FILE` asks for one, `--no-key` lets everybody")).into());
    }
    Ok(keys)
}

/// What was typed as what it means.
fn asked(args: Serve, keys: Vec<String>) -> Options {
    Options {
        stories: args.stories,
        queue: args.queue,
        tokens: args.tokens.get(),
        alias: args.alias,
        sampling: args.sampling,
        clock: args.clock,
        strict: args.strict,
        keys,
        origins: args.allow_origin,
        is_local: args.host.is_loopback(),
        grace: args.grace,
        stall: args.stall,
        verbose: args.verbose,
        kobold: args.kobold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_can_be_typed_on_this_machine() {
        for (place, typed) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:8080", "http://127.0.0.1:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("192.168.1.2:8080", "http://192.168.1.2:8080"),
        ] {
            assert_eq!(address(place.parse().unwrap()), typed);
        }
    }
}
