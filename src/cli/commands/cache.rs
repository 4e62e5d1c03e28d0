//! `afterword cache`: what is kept of prompts, so that nothing is read twice.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use crate::catalog::in_words;
use crate::cli::Outcome;
use crate::cli::args::{Cache as Args, CacheDeed};
use crate::cli::render::figures::grouped;
use crate::cli::render::prose::safe;
use crate::cli::render::table;
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::{now, states};
use crate::engine::{KeptState, StateFile, StateFolder};
use crate::files::causes;
use crate::text::{EXCERPT, excerpt, plural, some};

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let folder = states()?.context("the user has no folder for caches\nhint: name one with the variable AFTERWORD_CACHE")?;
    match args.deed {
        Some(CacheDeed::Clear) => clear(&folder, args.json, terminal)?,
        None => list(&folder, args.json, terminal)?,
    }
    Ok(Outcome::Done)
}

fn clear(folder: &StateFolder, as_json: bool, terminal: &Terminal) -> Result<()> {
    let (states, bytes) = folder.clear()?;
    if as_json {
        return terminal.json(&json!({ "folder": folder.path(), "states": states, "bytes": bytes }));
    }
    terminal.note(format_args!("{} removed: {}", plural(states, "state is", "states are"), in_words(bytes)));
    Ok(())
}

fn list(folder: &StateFolder, as_json: bool, terminal: &Terminal) -> Result<()> {
    let all: Vec<(KeptState, Result<StateFile>)> = folder.all()?.into_iter().map(|kept| (kept.clone(), kept.head())).collect();
    if as_json {
        let entry = |(kept, head): &(KeptState, Result<StateFile>)| {
            let (head, mistake) = (head.as_ref().ok(), head.as_ref().err().map(causes));
            json!({
                "path": kept.path, "bytes": kept.size, "used": kept.used.as_secs(), "mistake": mistake,
                "model": head.map(|head| &head.about.model), "tokens": head.map(|head| head.tokens.len()),
            })
        };
        let states: Vec<_> = all.iter().map(entry).collect();
        return terminal.json(&json!({ "folder": folder.path(), "limit": folder.limit(), "states": states }));
    }
    let mut names = vec!["model".to_owned()];
    let mut columns = ["tokens", "size", "last used"].map(|head| vec![head.to_owned()]);
    for (kept, head) in &all {
        let (name, tokens) = match head {
            Ok(head) => (excerpt(&head.about.model, EXCERPT), grouped(head.tokens.len())),
            Err(error) => (format!("unusable: {}", causes(error)), "–".to_owned()),
        };
        names.push(safe(&name));
        let cells = [tokens, in_words(kept.size), ago(now().saturating_sub(kept.used))];
        columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
    }
    if !all.is_empty() {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut out = terminal.out();
        for line in table::lines(&names, columns.to_vec(), terminal.width_now()) {
            writeln!(out, "{line}")?;
        }
    }
    let taken = all.iter().map(|(kept, _)| kept.size).sum();
    let (states, place) = (some(all.len(), "state"), folder.path().display());
    terminal.note(format_args!("{states} · {} of at most {} · `{place}`", in_words(taken), in_words(folder.limit())));
    Ok(())
}

/// How long ago, in the largest unit that fits.
fn ago(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    let whole = |number: u64, thing| format!("{} ago", some(usize::try_from(number).unwrap_or(usize::MAX), thing));
    match (minutes, minutes / 60, minutes / (24 * 60)) {
        (0, ..) => "just now".to_owned(),
        (minutes, 0, _) => whole(minutes, "minute"),
        (_, hours, 0) => whole(hours, "hour"),
        (.., days) => whole(days, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_its_largest_unit() {
        for (seconds, said) in [
            (59, "just now"),
            (60, "1 minute ago"),
            (3_599, "59 minutes ago"),
            (3_600, "1 hour ago"),
            (86_399, "23 hours ago"),
            (86_400, "1 day ago"),
            (864_000, "10 days ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(seconds)), said);
        }
    }
}
