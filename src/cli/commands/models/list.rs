//! `afterword models list`: the models that are on this machine, and what is broken of them.

use std::io::Write;

use anyhow::Result;
use serde_json::json;

use super::info::{billions, stored};
use super::places;
use crate::catalog::{Found, find, in_words};
use crate::cli::render::prose::safe;
use crate::cli::render::terminal::{BOLD, DIM, Terminal};
use crate::files::{causes, words};
use crate::text::{EXCERPT, excerpt};

/// Names them.
pub fn run(as_json: bool, terminal: &Terminal) -> Result<()> {
    let found = find(&places());
    let mut out = terminal.out();
    if as_json {
        let entry = |Found { place, labels, path, blob, card }: &Found| {
            let mistake = card.as_ref().err().map(causes);
            json!({ "place": place, "labels": labels, "path": path, "blob": blob, "card": card.as_ref().ok(), "mistake": mistake })
        };
        let entries: Vec<_> = found.iter().map(entry).collect();
        terminal.json(&entries)?;
        return Ok(());
    }
    for Found { place, labels, path, blob, card } in &found {
        let what = match card {
            Ok(card) => {
                let kind = stored(card, 1);
                format!(
                    "{} · {} · {} · {kind} · {}",
                    excerpt(&card.title(), EXCERPT),
                    excerpt(&card.architecture, EXCERPT),
                    billions(card.parameters),
                    in_words(card.size)
                )
            }
            Err(error) => format!("cannot be read: {}", why(error)),
        };
        let path = path.display().to_string();
        let called = if labels.is_empty() { path.clone() } else { labels.join(", ") };
        writeln!(out, "{BOLD}{}{BOLD:#} {DIM}({place}){DIM:#}", safe(&called))?;
        writeln!(out, "  {}", safe(&what))?;
        if !labels.is_empty() {
            writeln!(out, "  {DIM}{}{DIM:#}", safe(&path))?;
        }
        if let Some(blob) = blob {
            writeln!(out, "  {DIM}→ {}{DIM:#}", safe(&blob.display().to_string()))?;
        }
    }
    if found.is_empty() {
        terminal.note("no models were found; `afterword doctor` tells where they are looked for");
    }
    Ok(())
}

/// Why a model cannot be read, without its path, which stands beside it.
fn why(error: &anyhow::Error) -> String {
    let own = usize::from(error.chain().count() > 1);
    let causes = error.chain().skip(own).map(|cause| cause.downcast_ref().map_or_else(|| cause.to_string(), words));
    causes.collect::<Vec<_>>().join(": ")
}
