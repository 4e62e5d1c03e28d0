//! The loop around one story, that a person can interrupt.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::engine::interrupted;
use super::progress::Progress;
use crate::decode::{Event, Plan, Stories, Told};
use crate::model::Model;
use crate::sampler::Draw;

/// What helps where nothing was told.
pub const ENDED_AT_ONCE: &str = "the model ended the story at once: `--min-tokens 50` makes it go on";

/// A story that was told, with its times.
#[derive(Debug)]
pub struct Tale {
    pub told: Told,
    pub draws: Vec<Draw>,
    pub read_time: Duration,
    pub tell_time: Duration,
}

/// A story that broke off: what was told of it, and why it did not go on.
#[derive(Debug)]
pub struct Broken {
    pub tale: Tale,
    pub cause: anyhow::Error,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the story broke off")
    }
}

impl std::error::Error for Broken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.cause)
    }
}

/// Tells one story; `hear` gets each piece of text as it appears, and may stop it by an error.
///
/// # Errors
/// A plan that cannot be told; or [`Broken`], with what was told, where the story could not go on or `hear` stopped it.
pub fn tell(
    model: &mut dyn Model,
    plan: Plan,
    width: usize,
    progress: &Progress,
    mut hear: impl FnMut(&str) -> Result<()>,
) -> Result<Tale> {
    tell_why(model, plan, width, progress, |text, _| hear(text))
}

/// As [`tell`]; `hear` also gets the draw that let the text appear, if it was one.
///
/// # Errors
/// As there.
pub fn tell_why(
    model: &mut dyn Model,
    plan: Plan,
    width: usize,
    progress: &Progress,
    mut hear: impl FnMut(&str, Option<&Draw>) -> Result<()>,
) -> Result<Tale> {
    let started = Instant::now();
    let (mut first, mut draws) = (None, Vec::new());
    let (mut heard, mut failed) = (0, None);
    let mut stories = Stories::new(model, width);
    stories.begin(plan)?;
    while stories.running() > 0 && failed.is_none() {
        let mut listen = |text: &str, draw: Option<&Draw>, failed: &mut Option<anyhow::Error>| {
            if failed.is_none() && !text.is_empty() {
                *failed = hear(text, draw).err();
                heard += text.len();
            }
        };
        let mut listener = |event: Event| match event {
            // What is read again once the story has begun is no prompt.
            Event::Read { read, of, .. } if draws.is_empty() => progress.read(read, of),
            Event::Read { .. } => {}
            Event::Told { draw, text, counts, .. } => {
                first.get_or_insert_with(Instant::now);
                draws.push(draw.clone());
                progress.told(counts);
                listen(text, Some(draw), &mut failed);
            }
            Event::Ended { rest, .. } => listen(rest, None, &mut failed),
            Event::Failed { rest, error, .. } => {
                listen(rest, None, &mut failed);
                failed.get_or_insert(error);
            }
        };
        if interrupted() {
            stories.interrupt(&mut listener);
        } else if let Err(error) = stories.round(&mut listener) {
            failed = Some(error);
        }
    }
    let told = stories.finish().pop().context("no story was told")?;
    let first = first.unwrap_or_else(Instant::now);
    let (read_time, tell_time) = (first - started, first.elapsed());
    let Some(cause) = failed else { return Ok(Tale { told, draws, read_time, tell_time }) };
    // What was held back for the sake of a stop string is part of the story now.
    let rest = told.text.get(heard..).unwrap_or_default();
    if !rest.is_empty() {
        // The cause stands already; that nobody hears the rest is no other.
        let _ = hear(rest, None);
    }
    Err(Broken { tale: Tale { told, draws, read_time, tell_time }, cause }.into())
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;
    use crate::cli::args::Colour;
    use crate::cli::terminal::Terminal;
    use crate::model::{Kind, Lexicon, Toy};
    use crate::sampler::Sampler;
    use crate::sampler::{Chain, Pick};

    /// Tells 30 tokens on a toy whose decode with this number fails; returns what was heard.
    fn tell_until(fail_at: Option<usize>, stop: &str, hear: impl Fn(&str) -> Result<()>) -> (String, Result<Tale>) {
        let lexicon = Lexicon::new(["a", "b", "c"].map(|piece| (piece, Kind::Text)));
        let mut toy = Toy::new(lexicon, |text| (0_u8..3).map(|token| f32::from(token) * (text.len() % 3) as f32).collect());
        toy.fail_at = fail_at;
        let sampler = Sampler::new(Chain::new(Vec::new()).unwrap(), Pick::Sample);
        let (prompt, stops) = (vec![0], vec![stop.into()]);
        let plan = Plan { sampler, prompt, seed: 1, tokens: 30, context: 100, slides: false, may_loop: true, stops };
        let progress = Progress::telling(&Terminal::new(Colour::Never, true), 30);
        let mut heard = String::new();
        let tale = tell(&mut toy, plan, 1, &progress, |text| {
            heard.push_str(text);
            hear(&heard)
        });
        assert_eq!(toy.living(), 0);
        (heard, tale)
    }

    #[test]
    fn a_decode_that_fails_takes_nothing_that_was_told() {
        let (whole, tale) = tell_until(None, "#", |_| Ok(()));
        assert_eq!((whole.len(), tale.unwrap().told.text), (30, whole.clone()));
        for at in 1..30_usize {
            // Whatever was told last may begin this, and is held back when the decode fails.
            let stop = format!("{}#", &whole[at.saturating_sub(3)..at]);
            for stop in ["#", &stop] {
                let (heard, tale) = tell_until(Some(at), stop, |_| Ok(()));
                let Broken { tale, cause } = tale.unwrap_err().downcast().unwrap();
                assert_eq!((heard.as_str(), tale.told.text.as_str()), (&whole[..at], &whole[..at]));
                assert_eq!((tale.draws.len(), tale.told.stop), (at, None));
                assert!(!cause.to_string().is_empty());
            }
        }
    }

    #[test]
    fn whoever_stops_hearing_stops_the_story() {
        let (heard, tale) = tell_until(None, "#", |heard| if heard.len() < 5 { Ok(()) } else { bail!("enough") });
        let broken = tale.unwrap_err();
        assert_eq!((heard.len(), format!("{broken:#}").as_str()), (5, "the story broke off: enough"));
    }
}
