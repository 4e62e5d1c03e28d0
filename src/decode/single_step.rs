//! One decision by itself: the first token after a prompt, or one of a story that was told.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::again::{Again, Seen};
use super::cancel::Cancel;
use super::drive::{Next, drive_on};
use super::explorer::{Budget, Closely, Explorer};
use super::observer::{Ended, Observer, Told};
use super::plan::{Completion, Plan};
use super::round::Stories;
use crate::model::Model;
use crate::prob::Token;
use crate::sampler::{BoundSampler, Draw, Reach, Sampler, TopTokenTrace};
use crate::story::{Rewind, StopReason};

/// A place in a story.
#[derive(Debug, Clone, Copy)]
pub struct StoryStep<'a> {
    /// The story, and those that were told together with it.
    pub plans: &'a [Plan],
    /// Which of them it is.
    pub which: usize,
    /// The tokens that stand before it, as far as this plan tells them.
    pub told: &'a [Token],
    /// The places that it went back to, in the order in which it did, counted as these tokens are.
    pub rewinds: &'a [Rewind],
    /// The token that the story has there, where it is known.
    pub own: Option<Token>,
}

/// A decision, seen closely.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The draw, with every candidate looked at.
    pub draw: Draw,
    /// The story's own token there, with the log-probability that it has now.
    pub own: Option<TopTokenTrace>,
    /// The first of the tokens before it for which another one is drawn now, counted from 0 as far as this plan tells them.
    pub strayed: Option<usize>,
    /// What is likeliest after each candidate, likeliest first.
    pub next: BTreeMap<Token, Vec<TopTokenTrace>>,
}

/// Decides about the token at this place of the story, as the story did when it came to it.
///
/// The story is told again up to there, with all that it looked at and beside those that were told with it, along its own
/// tokens: so on the machine that told it, and with a memory of the same kind, every number is what it was to the last bit.
/// `closely` decides about the token itself, with all candidates looked at; where it is the plan's own sampler the draw is the
/// story's. `nexts` tokens after each candidate are told; `width`, at least 1, is how many candidates are looked at in one
/// decode. `observer` hears what is read, and what is told of the story itself; where it breaks off or `cancel` is set there is
/// no decision.
///
/// # Errors
/// A plan that cannot be told, a story that ends before the place, one that strayed although its preset steers by every draw,
/// a failed decode, too little room, or a row that no decision can be made from.
pub fn decide(
    model: &mut dyn Model,
    closely: &Sampler,
    place: StoryStep,
    nexts: usize,
    width: usize,
    observer: &mut dyn Observer,
    cancel: &Cancel,
) -> Result<Option<Decided>> {
    let StoryStep { plans, which, told, rewinds, own } = place;
    let plan = plans.get(which).context("there is no story to be told again")?;
    ensure!(told.len() < plan.most_tokens(), "the story has at most {} tokens", plan.most_tokens());
    let closely = closely.with_reach(Reach::Exhaustive).with_detail().bind(model.vocabulary())?;
    if let ([Plan { heal, .. }], [], None) = (plans, told, own)
        && heal.is_empty()
    {
        return decide_behind(model, plan, &closely, nexts, width, observer, cancel);
    }
    let mut stories = Stories::new(model, width);
    let mut numbers = BTreeMap::new();
    for (at, plan) in plans.iter().enumerate() {
        let number = stories.begin(plan.clone())?;
        if at == which {
            stories.lead(number, Again::new(told, rewinds, closely.clone(), nexts));
        }
        numbers.insert(number, at);
    }
    let mut witness = Witness { observer, which, ended: None, left: false };
    drive_on(&mut stories, numbers, plans.len(), &mut |_| Next::Never, &mut witness, cancel);
    let Witness { ended, left, .. } = witness;
    let (completion, again) = ended.context("the story does not end")?;
    match completion.stop {
        StopReason::Failed(cause) => Err(anyhow!(cause)),
        _ if left || cancel.is_cancelled() => Ok(None),
        stop => {
            let ended = format!("told again the story ends after {} tokens: {stop}", completion.tokens.len());
            decided(plan, own, again.context("the story is not told again")?, &ended).map(Some)
        }
    }
}

/// Decides about the first token behind a prompt, which nobody has told yet: there is no story to be kept to.
fn decide_behind(
    model: &mut dyn Model,
    plan: &Plan,
    closely: &BoundSampler,
    nexts: usize,
    width: usize,
    observer: &mut dyn Observer,
    cancel: &Cancel,
) -> Result<Option<Decided>> {
    let branches = model.room().branches;
    let mut explorer = Explorer::new(model, Budget { branches, rows: branches + 1 });
    let how = Closely { nexts, width, keeps: false, own: None };
    explorer.decide_next(plan, closely, how, &mut |read, of| observer.reading(0, read, of), cancel)
}

/// The decision with all that was seen on the way to it; `ended` is how the story ended, where it did not come there.
fn decided(plan: &Plan, own: Option<Token>, again: Again, ended: &str) -> Result<Decided> {
    let own = own.map(|token| TopTokenTrace { token, log_p: again.log_p(token) });
    let Seen { draw, strayed, lost, next } = again.seen();
    if let Some(lost) = lost {
        bail!(
            "told again the story goes back to its token {} because of what it was not to say, and did not when it was told: of what \
             came then nothing is known",
            lost + 1
        );
    }
    let draw = draw.with_context(|| ended.to_owned())?;
    if let Some(strayed) = strayed.filter(|_| plan.sampler.chain().has_feedback()) {
        bail!(
            "told again another token is drawn at the story's token {}, and its preset (`mirostat`, `adaptive-p`) steers by \
             every draw: what it remembered is not recorded",
            strayed + 1
        );
    }
    Ok(Decided { draw, own, strayed, next })
}

/// Hears of one story up to the draw that is asked for, and ends all with it.
struct Witness<'o> {
    observer: &'o mut dyn Observer,
    which: usize,
    ended: Option<(Completion, Option<Again>)>,
    /// Whether nobody listens any more.
    left: bool,
}

impl Observer for Witness<'_> {
    fn reading(&mut self, story: usize, read: usize, of: usize) -> ControlFlow<()> {
        self.left |= self.observer.reading(story, read, of).is_break();
        ControlFlow::Continue(())
    }

    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        if story == self.which {
            self.left |= self.observer.told(story, told).is_break();
        }
        ControlFlow::Continue(())
    }

    fn ended(&mut self, story: usize, ended: Ended) {
        if story == self.which {
            self.ended = Some((ended.completion, ended.again));
        }
    }

    fn round_over(&mut self) -> ControlFlow<()> {
        let over = self.left || self.ended.is_some();
        if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::drive::{drive, each, tell};
    use crate::model::{Kind, Toy, Vocabulary};
    use crate::sampler::{Chain, Pick, Stage};

    fn toy() -> Toy {
        Toy::new(Vocabulary::new(["a", "b", "c", "d"].map(|piece| (piece, Kind::Text))), row)
    }

    fn row(text: &[Token]) -> Vec<f32> {
        let sum = text.iter().fold(7_u32, |sum, token| sum.wrapping_mul(31).wrapping_add(*token));
        (0..4_u32).map(|token| f32::from(u8::try_from((sum >> (token * 4)) % 16).unwrap()) / 5.0).collect()
    }

    fn sampler(stages: &[&str]) -> Sampler {
        let stages = stages.iter().map(|stage| toml::from_str::<Stage>(stage).unwrap());
        Sampler::new(Chain::new(stages.collect()).unwrap(), Pick::Sample)
    }

    fn plan(sampler: &Sampler) -> Plan {
        Plan { context: 20, context_shift: true, ..Plan::new(sampler.clone(), vec![0, 1], 3, 30) }
    }

    struct Draws(Vec<Draw>);

    impl Observer for Draws {
        fn told(&mut self, _: usize, told: &Told) -> ControlFlow<()> {
            self.0.push(told.draw.clone());
            ControlFlow::Continue(())
        }
    }

    /// The draws of a story.
    fn told(plan: Plan) -> Vec<Draw> {
        let mut draws = Draws(Vec::new());
        drive(&mut Stories::new(&mut toy(), 2), 1, &mut each([plan]), &mut draws, &Cancel::new());
        draws.0
    }

    fn tokens(draws: &[Draw]) -> Vec<Token> {
        draws.iter().map(|draw| draw.token).collect()
    }

    const FUTURE: &str = "future = { candidates = 4, entropy-top = 3, alpha = 0.3 }";

    #[test]
    fn every_token_of_a_story_is_decided_again_as_it_was() {
        // The second remembers what it drew, the third looks at all at once, the last at paths of several tokens. All slide.
        let word = "future = { candidates = 4, entropy-top = 3, alpha = 0.3, horizon = 'word' }";
        for stages in [&[FUTURE][..], &["mirostat = { tau = 1 }"], &[FUTURE, "top-p = 0.9"], &[word, "temperature = 2"]] {
            let sampler = sampler(stages);
            let seen = sampler.with_reach(Reach::Exhaustive).with_detail();
            let (draws, shown) = (told(plan(&sampler)), told(plan(&seen)));
            let all = tokens(&draws);
            assert_eq!((draws.len(), &tokens(&shown)), (30, &all));
            for (at, draw) in shown.iter().enumerate() {
                let (mut model, plans) = (toy(), [plan(&sampler)]);
                let place = StoryStep { plans: &plans, which: 0, told: &all[..at], rewinds: &[], own: Some(all[at]) };
                let again = decide(&mut model, &sampler, place, 2, 2, &mut (), &Cancel::new()).unwrap().unwrap();
                assert_eq!((&again.draw, model.living()), (draw, 0));
                assert_eq!((again.strayed, again.own.unwrap().log_p), (None, draw.log_p));
                let shown = if stages.len() == 1 && stages[0] != FUTURE { 0 } else { 4 };
                assert_eq!((again.next.len(), again.next.values().all(|next| next.len() == 2)), (shown, true));
            }
        }
    }

    #[test]
    fn a_story_told_again_costs_what_it_cost_and_one_close_look() {
        let sampler = sampler(&[FUTURE]);
        let all = tokens(&told(plan(&sampler)));
        let mut model = toy();
        let _ = tell(&mut model, 1, vec![Plan { max_tokens: 16, ..plan(&sampler) }]);
        let (cost, mut model) = (model.evaluations, toy());
        let place = StoryStep { plans: &[plan(&sampler)], which: 0, told: &all[..15], rewinds: &[], own: None };
        decide(&mut model, &sampler, place, 1, 1, &mut (), &Cancel::new()).unwrap();
        assert!(model.evaluations <= cost + 4, "{} for {cost}", model.evaluations);
    }

    #[test]
    fn a_story_that_others_told_is_kept_to_its_tokens_and_the_straying_is_told() {
        let sampler = sampler(&[FUTURE]);
        let mut all = tokens(&told(plan(&sampler)));
        all[4] = (all[4] + 1) % 4;
        let place = StoryStep { plans: &[plan(&sampler)], which: 0, told: &all[..9], rewinds: &[], own: Some(2) };
        let again = decide(&mut toy(), &sampler, place, 1, 1, &mut (), &Cancel::new()).unwrap().unwrap();
        assert_eq!(again.strayed, Some(4));
        // The row behind the story's own tokens is the one that decides.
        let row = row(&[&[0, 1], &all[..9]].concat());
        let partition = crate::prob::Partition::of(&row).unwrap();
        assert_eq!(again.own, Some(TopTokenTrace { token: 2, log_p: partition.log_p(row[2]) }));
        assert_eq!(again.draw.now.entropy, partition.entropy());
    }

    #[test]
    fn what_steers_by_every_draw_cannot_be_explained_behind_others() {
        let sampler = sampler(&["mirostat = { tau = 1 }"]);
        let mut all = tokens(&told(plan(&sampler)));
        all[4] = (all[4] + 1) % 4;
        let place = StoryStep { plans: &[plan(&sampler)], which: 0, told: &all[..9], rewinds: &[], own: None };
        let refused = decide(&mut toy(), &sampler, place, 1, 1, &mut (), &Cancel::new()).unwrap_err().to_string();
        assert!(refused.contains("token 5,") && refused.contains("mirostat"), "{refused}");
    }

    #[test]
    fn a_draft_is_decided_again_beside_the_others() {
        let sampler = sampler(&[FUTURE]);
        let plans: Vec<Plan> = (3..6).map(|seed| Plan { seed, ..plan(&sampler) }).collect();
        let draws = told(plans[1].clone());
        let (all, mut model) = (tokens(&draws), toy());
        let place = StoryStep { plans: &plans, which: 1, told: &all[..9], rewinds: &[], own: Some(all[9]) };
        let mut heard = Draws(Vec::new());
        let again = decide(&mut model, &sampler, place, 1, 1, &mut heard, &Cancel::new()).unwrap().unwrap();
        assert_eq!((again.strayed, again.draw.token, model.living()), (None, all[9], 0));
        assert_eq!(tokens(&heard.0), all[..=9], "more was heard than the draft itself");
    }

    #[test]
    fn another_sampler_decides_at_the_place_and_nowhere_else() {
        let (own, other) = (sampler(&[FUTURE]), sampler(&["temperature = 0"]));
        let all = tokens(&told(plan(&own)));
        let place = StoryStep { plans: &[plan(&own)], which: 0, told: &all[..9], rewinds: &[], own: Some(all[9]) };
        let again = decide(&mut toy(), &other, place, 1, 1, &mut (), &Cancel::new()).unwrap().unwrap();
        assert_eq!((again.strayed, again.draw.now.rank), (None, Some(0)));
    }

    #[test]
    fn a_decode_that_fails_leaves_no_branch_and_whoever_stops_it_gets_nothing() {
        struct Gone;

        impl Observer for Gone {
            fn told(&mut self, _: usize, _: &Told) -> ControlFlow<()> {
                ControlFlow::Break(())
            }
        }

        let sampler = sampler(&[]);
        let place = StoryStep { plans: &[plan(&sampler)], which: 0, told: &[1], rewinds: &[], own: None };
        let mut model = toy();
        model.fail_at = Some(1);
        assert!(decide(&mut model, &sampler, place, 1, 1, &mut (), &Cancel::new()).is_err());
        assert_eq!(model.living(), 0);
        let (mut model, cancel) = (toy(), Cancel::new());
        assert_eq!(decide(&mut model, &sampler, place, 1, 1, &mut Gone, &cancel).unwrap(), None);
        cancel.cancel();
        assert_eq!(decide(&mut model, &sampler, place, 1, 1, &mut (), &cancel).unwrap(), None);
        assert_eq!(model.living(), 0);
    }
}
