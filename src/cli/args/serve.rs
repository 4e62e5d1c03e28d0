//! What `afterword serve` is asked.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::shared::{from_nothing, from_one};
use super::{ModelArgs, PresetArgs};
use crate::serve::{Clock, MOST_STORIES, Sampling};

/// `afterword serve`
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each stands for itself")]
#[command(after_help = r#"Examples:
  afterword serve --model gemma --preset tide
  afterword serve --host 0.0.0.0 --api-key-file key.txt

Where to type the address, http://127.0.0.1:8080:
  SillyTavern    API Text Completion, type llama.cpp: the address
  mikupad        llama.cpp: the address
  Open WebUI     Connections, OpenAI: the address with /v1, any key
  LibreChat      a custom endpoint: the address with /v1
  Tapestry Loom  the address with /v1/completions
  Python         OpenAI(base_url="http://127.0.0.1:8080/v1", api_key="none")
Presets are chosen as models: MODEL@PRESET."#)]
pub struct Serve {
    /// The decisions where a request names no preset; what is banned is so in every preset.
    #[command(flatten)]
    pub preset: PresetArgs,

    /// The address to listen at. From another one than this machine's own it can be reached from the network, and wants a key.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1", help_heading = "Access", value_parser = host)]
    pub host: IpAddr,

    /// The port to listen at; 0 is any that is free.
    #[arg(long, value_name = "N", default_value_t = 8080, help_heading = "Access", value_parser = port, allow_negative_numbers = true)]
    pub port: u16,

    /// How many stories are told at once; others wait for their turn.
    #[arg(long, value_name = "N", default_value = "2", help_heading = "Server", value_parser = places, allow_negative_numbers = true)]
    pub stories: usize,

    /// How many requests may wait; more are told to come again.
    #[arg(long, value_name = "N", default_value = "32", help_heading = "Server", value_parser = from_nothing, allow_negative_numbers = true)]
    pub queue: usize,

    /// The most tokens of a completion that names no number of them.
    #[arg(long, short = 'n', value_name = "N", default_value = "256", help_heading = "Server", value_parser = from_one, allow_negative_numbers = true)]
    pub tokens: NonZeroUsize,

    /// What the model is called; without it as its file.
    #[arg(long, value_name = "NAME", help_heading = "Server", value_parser = alias)]
    pub alias: Option<String>,

    /// Whose sampler decides where a request does not say: the `preset` alone, the `client`'s values alone, or `both`: the client's
    /// penalties and truncations, then the preset's look at the future.
    #[arg(long, value_name = "WHOSE", default_value = "preset", help_heading = "Server", value_parser = sampling())]
    pub sampling: Sampling,

    /// What time it is for waves: `text` is the position in the whole text, so that a story asked for in pieces is the one told at once;
    /// `request` begins at each request, as `afterword write` does.
    #[arg(long, value_name = "text|request", default_value = "text", help_heading = "Server", value_parser = clock())]
    pub clock: Clock,

    /// One story at a time, each in an empty memory: equal requests then get equal answers to the last bit.
    #[arg(long, help_heading = "Server")]
    pub strict: bool,

    /// Ask for a key, one a line of this file; `AFTERWORD_API_KEY` may hold one, too.
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    pub api_key_file: Option<PathBuf>,

    /// Ask for this key. Others on this machine can see it in the list of processes: a file is better.
    #[arg(long, value_name = "KEY", help_heading = "Access")]
    pub api_key: Vec<String>,

    /// Let everybody ask who can reach the address, and without a key.
    #[arg(long, help_heading = "Access", conflicts_with_all = ["api_key", "api_key_file"])]
    pub no_key: bool,

    /// Let pages of this origin ask, as `https://example.org`; `*` is every page. Those of this machine may. May be repeated.
    #[arg(long, value_name = "URL", help_heading = "Access", value_parser = origin)]
    pub allow_origin: Vec<String>,

    /// How many seconds running stories may go on after Ctrl-C.
    #[arg(long, value_name = "SECONDS", default_value = "5", help_heading = "Server", value_parser = seconds, allow_negative_numbers = true)]
    pub grace: Duration,

    /// After how many seconds without reading a client is given up.
    #[arg(long, value_name = "SECONDS", default_value = "60", help_heading = "Server", value_parser = seconds, allow_negative_numbers = true)]
    pub stall: Duration,

    /// Serve KoboldAI's routes, too.
    #[arg(long, help_heading = "Server")]
    pub kobold: bool,

    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,

    /// Log prompts, too.
    #[arg(long, short, help_heading = "Output")]
    pub verbose: bool,

    /// Print one line of JSON with the address.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

fn host(typed: &str) -> Result<IpAddr, &'static str> {
    if typed == "localhost" {
        Ok(Ipv4Addr::LOCALHOST.into())
    } else {
        typed.parse().map_err(|_| "expected an address, as 127.0.0.1")
    }
}

fn port(typed: &str) -> Result<u16, String> {
    let port = from_nothing(typed)?;
    port.try_into().map_err(|_| format!("expected a whole number from 0 to {}", u16::MAX))
}

fn places(typed: &str) -> Result<usize, String> {
    let places = from_one(typed)?.get();
    if places > MOST_STORIES { Err(format!("at most {MOST_STORIES}")) } else { Ok(places) }
}

/// What a browser calls a page's origin: no path stands behind it.
fn origin(typed: &str) -> Result<String, &'static str> {
    let bare = typed.trim_end_matches('/');
    let named =
        bare.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty() && !rest.contains('/'));
    if named || ["*", "null"].contains(&bare) { Ok(bare.to_owned()) } else { Err("expected an origin, as https://example.org") }
}

fn alias(typed: &str) -> Result<String, &'static str> {
    if typed.trim().is_empty() || typed.contains(char::is_control) { Err("expected a name") } else { Ok(typed.to_owned()) }
}

fn sampling() -> impl TypedValueParser<Value = Sampling> {
    let names = Sampling::ALL.map(|(_, name)| name);
    PossibleValuesParser::new(names).try_map(|name| Sampling::named(&name).ok_or("expected whose sampler decides"))
}

fn clock() -> impl TypedValueParser<Value = Clock> {
    PossibleValuesParser::new(["text", "request"]).map(|name| if name == "text" { Clock::Text } else { Clock::Request })
}

fn seconds(typed: &str) -> Result<Duration, &'static str> {
    let seconds = typed.parse().ok().filter(|seconds: &f64| (0.0..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or("expected seconds from 0 to 86400")
}
