//! One story, that a person can interrupt, with its times.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::cli::interrupt::interruption;
use crate::cli::render::progress::Progress;
use crate::decode::{Completion, Ended, Observer, Plan, Stories, Told, drive, each};
use crate::files::causes;
use crate::model::{Choice, Model};
use crate::sampler::Draw;
use crate::story::{Banned, StopReason};
use crate::text::{EXCERPT, excerpt, some};

/// What helps where nothing was told.
pub const ENDED_AT_ONCE: &str = "the model ended the story at once: `--min-tokens 50` makes it go on";

/// Why a story ended; where it was to end with a whole unit of text and did not, that too.
pub fn stop_in_words(stop: &StopReason, plan: &Plan) -> String {
    match (stop, plan.to) {
        (StopReason::Tokens | StopReason::Context | StopReason::Loop, Some(unit)) => {
            format!("{stop}; the last {} did not end", unit.name())
        }
        _ => stop.to_string(),
    }
}

/// How often a story was told otherwise than it was going to be, behind a dot; nothing where nothing banned was met.
pub fn rewinds_in_words(banned: &Banned) -> String {
    let places = banned.rewinds.len();
    if places == 0 { String::new() } else { format!(" · {} told otherwise", some(places, "place")) }
}

/// What a story says that it was not to say, since nothing else would come there: a fault of the result, which is told whoever wants
/// quiet.
pub fn stood_in_words(banned: &Banned) -> Option<String> {
    const NAMED: usize = 3;
    let mut bans: Vec<&str> = Vec::new();
    for stood in &banned.stood {
        if !bans.contains(&stood.ban.as_str()) {
            bans.push(&stood.ban);
        }
    }
    let named: Vec<String> = bans.iter().take(NAMED).map(|ban| format!("`{}`", excerpt(ban, EXCERPT))).collect();
    let more = if bans.len() > NAMED { " and others" } else { "" };
    (!bans.is_empty())
        .then(|| format!("it says what is banned, since nothing else would come there: {}{more}", named.join(", ")))
}

/// A story that was told, with its times.
#[derive(Debug)]
pub struct Tale {
    /// What was told; where it broke off its stop tells why, whether it could not go on or not be shown.
    pub told: Completion,
    pub draws: Vec<Draw>,
    pub read_time: Duration,
    pub tell_time: Duration,
    /// Why it could no longer be shown, which is why it ended.
    pub unshown: Option<anyhow::Error>,
}

impl Tale {
    /// Why it broke off, if it did.
    pub fn failure(&mut self) -> Option<anyhow::Error> {
        let cause = self.unshown.take().or(self.told.failure().map(|cause| anyhow!(cause.to_owned())))?;
        Some(cause.context("the story broke off"))
    }

    /// The tale, if it is whole.
    ///
    /// # Errors
    /// It broke off.
    pub fn whole(mut self) -> Result<Self> {
        self.failure().map_or(Ok(self), Err)
    }
}

/// Tells one story; `hear` gets each piece of text as it appears, and may stop it by an error.
///
/// # Errors
/// A plan that cannot be told.
pub fn tell(
    model: &mut dyn Model,
    plan: Plan,
    width: usize,
    progress: &Progress,
    mut hear: impl FnMut(&str) -> Result<()>,
) -> Result<Tale> {
    tell_in(&mut Stories::new(model, width), plan, progress, &mut |text, _| hear(text))
}

/// As [`tell`], with whatever these stories keep of others; `hear` also gets the draw that let the text appear, if it was one.
///
/// # Errors
/// As there.
pub fn tell_in(
    stories: &mut Stories,
    plan: Plan,
    progress: &Progress,
    hear: &mut dyn FnMut(&str, Option<&Draw>) -> Result<()>,
) -> Result<Tale> {
    stories.check(&plan)?;
    let prompt = plan.prompt.len();
    let started = Instant::now();
    let mut teller = Teller::new(progress, hear);
    drive(stories, 1, &mut each([plan]), &mut teller, interruption());
    let Teller { first, draws, unshown, told, .. } = teller;
    let mut told = told.unwrap_or_else(|| Completion::unbegun(prompt, StopReason::Interrupted));
    let first = first.unwrap_or_else(Instant::now);
    if let Some(error) = &unshown {
        told.stop = StopReason::Failed(causes(error));
    }
    Ok(Tale { told, draws, read_time: first - started, tell_time: first.elapsed(), unshown })
}

/// Hears a story and shows it.
pub struct Teller<'a> {
    progress: &'a Progress,
    hear: &'a mut dyn FnMut(&str, Option<&Draw>) -> Result<()>,
    /// When the first token came.
    first: Option<Instant>,
    draws: Vec<Draw>,
    /// Why it could no longer be shown.
    pub unshown: Option<anyhow::Error>,
    told: Option<Completion>,
}

impl<'a> Teller<'a> {
    /// `hear` gets each piece of text as it appears, with the draw that let it, if it was one.
    pub fn new(progress: &'a Progress, hear: &'a mut dyn FnMut(&str, Option<&Draw>) -> Result<()>) -> Self {
        Self { progress, hear, first: None, draws: Vec::new(), unshown: None, told: None }
    }

    fn show(&mut self, text: &str, draw: Option<&Draw>) {
        if self.unshown.is_none() && !text.is_empty() {
            self.unshown = (self.hear)(text, draw).err();
        }
    }
}

impl Observer for Teller<'_> {
    fn reading(&mut self, _: usize, read: usize, of: usize) -> ControlFlow<()> {
        // What is read again once the story has begun is no prompt.
        if self.draws.is_empty() {
            self.progress.read(read, of);
        }
        ControlFlow::Continue(())
    }

    fn told(&mut self, _: usize, told: &Told) -> ControlFlow<()> {
        self.first.get_or_insert_with(Instant::now);
        self.draws.push(told.draw.clone());
        self.progress.told(told.counts);
        self.show(told.text, Some(told.draw));
        if self.unshown.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn ended(&mut self, _: usize, ended: Ended) {
        self.show(&ended.rest, None);
        self.told = Some(ended.completion);
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;
    use crate::cli::args::Colour;
    use crate::cli::render::terminal::Terminal;
    use crate::model::{Kind, Toy, Vocabulary};
    use crate::sampler::Sampler;
    use crate::sampler::{Chain, Pick};

    /// Tells 30 tokens on a toy whose decode with this number fails; returns what was heard.
    fn tell_until(fail_at: Option<usize>, stop: &str, hear: impl Fn(&str) -> Result<()>) -> (String, Result<Tale>) {
        let vocabulary = Vocabulary::new(["a", "b", "c"].map(|piece| (piece, Kind::Text)));
        let mut toy = Toy::new(vocabulary, |text| (0_u8..3).map(|token| f32::from(token) * (text.len() % 3) as f32).collect());
        toy.fail_at = fail_at;
        let sampler = Sampler::new(Chain::new(Vec::new()).unwrap(), Pick::Sample);
        let (prompt, stops) = (vec![0], vec![stop.into()]);
        let plan = Plan { stops, ..Plan::new(sampler, prompt, 1, 30) };
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
                let mut tale = tale.unwrap();
                assert_eq!((heard.as_str(), tale.told.text.as_str()), (&whole[..at], &whole[..at]));
                assert_eq!((tale.draws.len(), tale.told.failure()), (at, Some("the toy was told to fail here")));
                let said = format!("{:#}", tale.failure().unwrap());
                assert_eq!(said, "the story broke off: the toy was told to fail here");
            }
        }
    }

    #[test]
    fn whoever_stops_hearing_stops_the_story() {
        let (heard, tale) = tell_until(None, "#", |heard| if heard.len() < 5 { Ok(()) } else { bail!("enough") });
        let tale = tale.unwrap();
        assert_eq!((heard.len(), tale.told.tokens.len(), tale.told.failure()), (5, 5, Some("enough")));
        assert_eq!(format!("{:#}", tale.whole().unwrap_err()), "the story broke off: enough");
    }
}
