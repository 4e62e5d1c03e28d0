//! One decode for all: collects what the running stories want, and hands out the answers.

use anyhow::{Result, ensure};

use super::storyteller::{Plan, Settled, Storyteller, Told, Want};
use crate::model::{Branch, From, Model, Rows, Step};
use crate::sampler::Draw;
use crate::story::StopReason;

/// The most tokens of a prompt that are read in one decode, so that its progress can be seen and it can be interrupted.
const CHUNK: usize = 256;

/// What happened, to the story with this number.
#[derive(Debug)]
pub enum Event<'a> {
    /// So many tokens of the prompt have been read.
    Read {
        /// The story's number.
        story: usize,
        /// Tokens read.
        read: usize,
        /// Tokens of the prompt in all.
        of: usize,
    },
    /// A token was told.
    Told {
        /// The story's number.
        story: usize,
        /// The decision.
        draw: &'a Draw,
        /// The text that it let appear: often its piece, nothing while a character or a possible stop string is incomplete.
        text: &'a str,
    },
    /// The story ended.
    Ended {
        /// The story's number.
        story: usize,
        /// The text that had been held back.
        rest: &'a str,
        /// The story.
        told: &'a Told,
    },
    /// The story cannot go on.
    Failed {
        /// The story's number.
        story: usize,
        /// The text that had been held back.
        rest: &'a str,
        /// Why.
        error: anyhow::Error,
    },
}

/// Stories that are told together.
///
/// Which stories run beside it changes nothing in a story's decisions, only how many decodes they share.
pub struct Stories<'m> {
    model: &'m mut dyn Model,
    width: usize,
    tellers: Vec<Storyteller>,
    /// Cells and branches that no running story has been promised.
    unpromised: (usize, usize),
    promised: Vec<(usize, usize)>,
}

impl<'m> Stories<'m> {
    /// No story yet, on this model, whose free room is theirs. `width`, at least 1, is how many candidates of a story are
    /// looked at in one decode: it changes the cost and not the decisions.
    pub fn new(model: &'m mut dyn Model, width: usize) -> Self {
        let room = model.room();
        Self { model, width: width.max(1), tellers: Vec::new(), unpromised: (room.cells, room.branches), promised: Vec::new() }
    }

    /// The cells and branches in which any one of these plans can be told.
    #[must_use]
    pub fn room_for(plans: &[Plan], width: usize) -> (usize, usize) {
        let needs = plans.iter().map(|plan| Storyteller::needs(plan, width.max(1)));
        needs.fold((1, 1), |(cells, branches), need| (cells.max(need.0), branches.max(need.1)))
    }

    /// Takes a story in and reserves all the room that it can come to need, so that none ends because of its neighbours;
    /// returns its number.
    ///
    /// # Errors
    /// A plan that cannot be told: an empty prompt, one that leaves no room in the context, a sampler that does not fit the
    /// vocabulary, or not enough room beside the stories that run.
    pub fn begin(&mut self, plan: Plan) -> Result<usize> {
        let (cells, branches) = Storyteller::needs(&plan, self.width);
        let story = Storyteller::new(plan, self.model.lexicon())?;
        let (free_cells, free_branches) = self.unpromised;
        ensure!(
            cells <= free_cells && branches <= free_branches,
            "the story needs room for {cells} tokens and {branches} branches, but only {free_cells} and {free_branches} are free"
        );
        self.unpromised = (free_cells - cells, free_branches - branches);
        self.promised.push((cells, branches));
        self.tellers.push(story);
        Ok(self.tellers.len() - 1)
    }

    /// How many stories have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tellers.iter().filter(|story| story.is_running()).count()
    }

    /// One decode for all running stories, and all that follows from it. Call it until [`Stories::running`] is 0.
    ///
    /// # Errors
    /// A decode that failed. The stories that had a part in it have lost their place: call [`Stories::finish`].
    pub fn round(&mut self, listener: &mut dyn FnMut(Event)) -> Result<()> {
        let wants = self.collect();
        if wants.is_empty() {
            ensure!(self.running() == 0, "the model has no room left for any of {} stories", self.running());
            return Ok(());
        }
        let steps: Vec<Step> =
            wants.iter().map(|(_, want)| Step { from: want.from, tokens: &want.tokens, rows: Rows::Last }).collect();
        let mut rows: Vec<Vec<f32>> = vec![Vec::new(); steps.len()];
        let branches = self.model.extend(&steps, &mut |step, _, row| rows[step] = row.to_vec())?;

        let mut last = None;
        for (((number, want), branch), row) in wants.into_iter().zip(branches).zip(rows) {
            let story = &mut self.tellers[number];
            if last.replace(number) != Some(number) {
                story.count_decode();
            }
            match story.answer(want, branch, row, self.model.lexicon()) {
                Ok(free) => self.release(free),
                Err(error) => {
                    self.fail(number, error, listener);
                    self.model.release(branch);
                }
            }
            if let Some(read) = self.tellers[number].reading() {
                let of = self.tellers[number].told().counts.prompt;
                listener(Event::Read { story: number, read, of });
            }
        }
        for number in 0..self.tellers.len() {
            self.settle(number, listener);
        }
        Ok(())
    }

    /// What the stories want next, as much of it as one decode holds. Every story that has a part gets its first wish before
    /// any gets a second.
    fn collect(&self) -> Vec<(usize, Want)> {
        let room = self.model.room();
        let (mut tokens, mut branches) = (room.batch, room.branches);
        let mut wishes: Vec<(usize, std::vec::IntoIter<Want>)> = Vec::new();
        for (number, story) in self.tellers.iter().enumerate().filter(|(_, story)| story.is_running()) {
            wishes.push((number, story.wants(self.width, CHUNK.min(room.batch)).into_iter()));
        }
        let mut wants = Vec::new();
        loop {
            let before = wants.len();
            for (number, wish) in &mut wishes {
                let Some(mut want) = wish.next() else { continue };
                // A branch that moves takes no new one.
                let made = usize::from(!matches!(want.from, From::Move(_)));
                if tokens > 0 && made <= branches {
                    // Only a part of a prompt is longer than one token; a shorter part serves as well.
                    want.tokens.truncate(tokens);
                    tokens -= want.tokens.len();
                    branches -= made;
                    wants.push((*number, want));
                }
            }
            if wants.len() == before {
                break;
            }
        }
        // The answers of one story stand together and keep their order.
        wants.sort_by_key(|(number, _)| *number);
        wants
    }

    /// Lets a story decide what it can.
    fn settle(&mut self, number: usize, listener: &mut dyn FnMut(Event)) {
        let was_running = self.tellers[number].is_running();
        match self.tellers[number].settle(self.model.lexicon()) {
            Ok(Settled { told, free }) => {
                for (draw, text) in &told {
                    listener(Event::Told { story: number, draw, text });
                }
                self.release(free);
                if was_running && !self.tellers[number].is_running() {
                    let stop = self.tellers[number].told().stop.clone();
                    self.end(number, stop, listener);
                }
            }
            Err(error) => self.fail(number, error, listener),
        }
    }

    /// Ends every story that still runs.
    pub fn interrupt(&mut self, listener: &mut dyn FnMut(Event)) {
        for number in 0..self.tellers.len() {
            if self.tellers[number].is_running() {
                self.end(number, Some(StopReason::Interrupted), listener);
            }
        }
    }

    /// All stories, in the order in which they began; those that have not ended end here, without a stop reason.
    #[must_use]
    pub fn finish(mut self) -> Vec<Told> {
        for number in 0..self.tellers.len() {
            if self.tellers[number].is_running() {
                self.free(number, None);
            }
        }
        self.tellers.into_iter().map(Storyteller::into_told).collect()
    }

    fn end(&mut self, number: usize, stop: Option<StopReason>, listener: &mut dyn FnMut(Event)) {
        let rest = self.free(number, stop);
        listener(Event::Ended { story: number, rest: &rest, told: self.tellers[number].told() });
    }

    fn fail(&mut self, number: usize, error: anyhow::Error, listener: &mut dyn FnMut(Event)) {
        let rest = self.free(number, None);
        listener(Event::Failed { story: number, rest: &rest, error });
    }

    /// Ends a story and gives its room back; returns the text that had been held back.
    fn free(&mut self, number: usize, stop: Option<StopReason>) -> String {
        let (rest, branches) = self.tellers[number].end(stop);
        self.release(branches);
        let (cells, branches) = std::mem::take(&mut self.promised[number]);
        self.unpromised = (self.unpromised.0 + cells, self.unpromised.1 + branches);
        rest
    }

    fn release(&mut self, branches: Vec<Branch>) {
        for branch in branches {
            self.model.release(branch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Lexicon, Room, Toy};
    use crate::prob::{Noise, Token};
    use crate::sampler::{Ask, Chain, Memory, Pick, Reach, Sampler, Stage};

    const V: Token = 14;

    fn lexicon() -> Lexicon {
        Lexicon::new((0..V).map(|t| match t {
            13 => ("</s>".to_string(), Kind::End),
            _ if t.is_multiple_of(3) => (format!("{t}"), Kind::Text),
            _ => (format!(" w{t}"), Kind::Text),
        }))
    }

    /// Pseudo-random logits; the end is unlikely.
    #[allow(clippy::cast_possible_truncation)]
    fn row(text: &[Token]) -> Vec<f32> {
        let noise = Noise::new(5, text).at(0, 0);
        (0..V).map(|token| (noise.uniform(token) * 4.0) as f32 - if token == 13 { 4.0 } else { 0.0 }).collect()
    }

    fn toy() -> Toy {
        Toy::new(lexicon(), row)
    }

    fn sampler(alpha: &str, horizon: &str) -> Sampler {
        let future = format!("future = {{ candidates = 8, entropy-top = 5, alpha = {alpha}, horizon = '{horizon}' }}");
        let stages = ["min-p = 0.05", &future, "temperature = 0.9"].map(|stage| toml::from_str::<Stage>(stage).unwrap());
        Sampler::new(Chain::new(stages.to_vec()).unwrap(), Pick::Sample)
    }

    fn plan(sampler: &Sampler, prompt: &[Token], seed: u64) -> Plan {
        Plan { sampler: sampler.clone(), prompt: prompt.to_vec(), seed, tokens: 60, context: 4096, stops: Vec::new() }
    }

    fn tell(toy: &mut Toy, width: usize, plans: Vec<Plan>) -> Vec<Told> {
        let mut stories = Stories::new(toy, width);
        for plan in plans {
            stories.begin(plan).unwrap();
        }
        while stories.running() > 0 {
            stories.round(&mut |_| ()).unwrap();
        }
        stories.finish()
    }

    fn tell_one(width: usize, plan: Plan) -> Told {
        let mut toy = toy();
        let told = tell(&mut toy, width, vec![plan]).remove(0);
        assert_eq!(toy.living(), 0, "a branch has leaked");
        told
    }

    /// What the sampler decides when every row it asks for is computed afresh: no branches, no rounds.
    fn by_hand(plan: &Plan) -> Vec<Token> {
        let mut memory = Memory::of_prompt(&plan.prompt);
        let noise = Noise::new(plan.seed, &plan.prompt);
        while memory.step() < plan.tokens {
            let mut turn = plan.sampler.turn(&memory, &row(memory.text()), &lexicon(), noise).unwrap();
            let draw = loop {
                match turn.ask() {
                    Ask::Take(draw) => break draw,
                    Ask::Look(paths) => turn.learn(&paths[0], &row(&[memory.text(), &paths[0].0].concat()), &lexicon()),
                }
            };
            memory = memory.after(draw.token);
            if draw.token == 13 {
                break;
            }
        }
        memory.told().to_vec()
    }

    #[test]
    fn a_story_is_what_its_sampler_decides() {
        for alpha in ["-1", "0", "1", "{ wave = { period = 20 } }"] {
            for horizon in ["token", "word"] {
                for width in [1, 3, 50] {
                    let plan = plan(&sampler(alpha, horizon), &[1, 2, 3], 7);
                    assert_eq!(tell_one(width, plan.clone()).tokens, by_hand(&plan), "α = {alpha}, {horizon}, {width}");
                }
            }
        }
    }

    #[test]
    fn stories_told_together_are_those_told_alone() {
        let prompts: Vec<Vec<Token>> = (0..9).map(|last| (0..=last).collect()).collect();
        let alphas = ["-1", "0", "1"].iter().cycle();
        let plans: Vec<Plan> = prompts.iter().zip(alphas).map(|(prompt, a)| plan(&sampler(a, "token"), prompt, 3)).collect();
        let mut toy = toy();
        let together = tell(&mut toy, 2, plans.clone());
        assert_eq!(toy.living(), 0);
        for (told, plan) in together.iter().zip(&plans) {
            assert_eq!(told.tokens, by_hand(plan));
            assert_eq!(told.counts.evaluations, tell_one(2, plan.clone()).counts.evaluations);
        }
        let alone: usize = together.iter().map(|told| told.counts.decodes).sum();
        assert!(toy.decodes < alone, "{} decodes for what takes {alone} alone", toy.decodes);
    }

    #[test]
    fn the_models_own_voice_costs_one_evaluation_a_token() {
        let told = tell_one(1, plan(&sampler("-1", "token"), &[1, 2, 3], 1));
        assert_eq!((told.counts.evaluations, told.tokens.len()), (60, 60));
    }

    #[test]
    fn a_chosen_token_is_never_evaluated_twice() {
        // All that was evaluated: the prompt, and what the story counted beyond the prompt's last row.
        let mut toy = toy();
        let told = tell(&mut toy, 1, vec![plan(&sampler("0", "token"), &[1, 2, 3], 1)]).remove(0);
        assert_eq!(toy.evaluations, 3 + told.counts.evaluations - 1);
        assert!(told.counts.evaluations > told.tokens.len());
        let full = tell_one(1, plan(&sampler("0", "token").with_reach(Reach::Full), &[1, 2, 3], 1));
        assert!(told.counts.evaluations * 2 < full.counts.evaluations, "{:?} and {:?}", told.counts, full.counts);
        assert_eq!(told.tokens, full.tokens);
    }

    #[test]
    fn what_was_rolled_to_the_end_of_a_word_is_not_decoded_again() {
        let mut toy = toy();
        let told = tell(&mut toy, 1, vec![plan(&sampler("0", "word"), &[1, 2, 3], 1)]).remove(0);
        assert_eq!(toy.evaluations, 3 + told.counts.evaluations - 1);
        assert_eq!(toy.living(), 0);
    }

    #[test]
    fn a_prompt_is_read_in_parts_and_its_progress_is_told() {
        let mut toy = toy();
        let prompt: Vec<Token> = (0..600).map(|i| i % 13).collect();
        let plan = plan(&sampler("-1", "token"), &prompt, 1);
        let mut stories = Stories::new(&mut toy, 1);
        stories.begin(plan.clone()).unwrap();
        let mut parts = Vec::new();
        while stories.running() > 0 {
            stories
                .round(&mut |event| {
                    if let Event::Read { read, of: 600, .. } = event {
                        parts.push(read);
                    }
                })
                .unwrap();
        }
        assert_eq!(parts, [256, 512]);
        assert_eq!(stories.finish()[0].tokens, by_hand(&plan));
    }

    #[test]
    fn a_prompt_beside_busy_neighbours_is_read_in_what_room_is_left() {
        let mut toy = toy().with_room(Room { cells: 9000, branches: 200, batch: 5 });
        let prompt: Vec<Token> = (0..40).map(|i| i % 13).collect();
        let plans = vec![plan(&sampler("0", "token"), &[1], 1), plan(&sampler("0", "token"), &prompt, 1)];
        let told = tell(&mut toy, 4, plans.clone());
        assert_eq!(told[1].tokens, by_hand(&plans[1]));
    }

    #[test]
    fn a_story_without_lookahead_needs_one_branch() {
        let mut toy = toy().with_room(Room { cells: 63, branches: 1, batch: 9 });
        let plan = plan(&Sampler::new(Chain::new(Vec::new()).unwrap(), Pick::Sample), &[1, 2, 3], 1);
        assert_eq!(tell(&mut toy, 1, vec![plan.clone()])[0].tokens, by_hand(&plan));
    }

    #[test]
    fn every_ending_has_its_reason() {
        let sampler = sampler("-1", "token");
        let ending = |change: &dyn Fn(&mut Plan)| {
            let mut plan = plan(&sampler, &[1, 2, 3], 2);
            change(&mut plan);
            tell_one(1, plan)
        };
        assert_eq!(ending(&|_| ()).stop, Some(StopReason::Tokens));
        let full = ending(&|plan| plan.context = 20);
        assert_eq!((full.stop, full.tokens.len()), (Some(StopReason::Context), 17));
        let stopped = ending(&|plan| plan.stops = vec![" w7".into()]);
        assert_eq!(stopped.stop, Some(StopReason::Stop(" w7".into())));
        assert!(!stopped.text.contains(" w7"));
        // After ten tokens nothing but the end is left.
        let only_end =
            |text: &[Token]| (0..V).map(|t| if t == 13 { 9.0 } else { f32::NEG_INFINITY }).take(text.len()).collect();
        let rows = move |text: &[Token]| if text.len() < 14 { row(text) } else { only_end(text) };
        let ended = tell(&mut Toy::new(lexicon(), rows), 1, vec![plan(&sampler, &[1, 2, 3], 2)]).remove(0);
        assert_eq!((ended.stop, ended.tokens.len(), ended.tokens.last()), (Some(StopReason::End), 12, Some(&13)));
        assert!(!ended.text.contains("</s>"));
    }

    #[test]
    fn an_interruption_keeps_what_is_told() {
        let mut toy = toy();
        let mut stories = Stories::new(&mut toy, 1);
        stories.begin(plan(&sampler("0", "token"), &[1, 2], 1)).unwrap();
        let mut text = String::new();
        for _ in 0..12 {
            stories
                .round(&mut |event| {
                    if let Event::Told { text: more, .. } = event {
                        text.push_str(more);
                    }
                })
                .unwrap();
        }
        stories.interrupt(&mut |event| {
            let Event::Ended { rest, told, .. } = event else { panic!("{event:?}") };
            assert_eq!(told.text, format!("{text}{rest}"));
            assert_eq!(told.stop, Some(StopReason::Interrupted));
        });
        assert_eq!(stories.running(), 0);
        drop(stories);
        assert_eq!(toy.living(), 0);
    }

    #[test]
    fn what_cannot_be_told_is_refused_before_anything_is_decoded() {
        let mut toy = toy().with_room(Room { cells: 100, branches: 6, batch: 9 });
        let mut stories = Stories::new(&mut toy, 1);
        let begin = |stories: &mut Stories, change: &dyn Fn(&mut Plan)| {
            let mut plan = plan(&sampler("0", "token"), &[1, 2], 1);
            change(&mut plan);
            stories.begin(plan).map_err(|error| error.to_string())
        };
        assert!(begin(&mut stories, &|plan| plan.prompt.clear()).unwrap_err().contains("the prompt is empty"));
        assert!(begin(&mut stories, &|plan| plan.context = 2).unwrap_err().contains("leaves no room"));
        assert!(begin(&mut stories, &|plan| plan.tokens = 0).unwrap_err().contains("no token"));
        assert_eq!(begin(&mut stories, &|_| ()), Ok(0));
        assert!(begin(&mut stories, &|_| ()).unwrap_err().contains("needs room for 64 tokens"));
        drop(stories);
        assert_eq!(toy.decodes, 0);
    }

    #[test]
    fn a_row_of_nothing_fails_one_story_and_no_other() {
        let mut toy = Toy::new(lexicon(), |text| if text == [1, 2] { vec![f32::NAN; V as usize] } else { row(text) });
        let mut stories = Stories::new(&mut toy, 1);
        for prompt in [[1, 2], [1, 3]] {
            stories.begin(plan(&sampler("0", "token"), &prompt, 1)).unwrap();
        }
        let mut failed = Vec::new();
        while stories.running() > 0 {
            stories
                .round(&mut |event| {
                    if let Event::Failed { story, .. } = event {
                        failed.push(story);
                    }
                })
                .unwrap();
        }
        assert_eq!(failed, [0]);
        let told = stories.finish();
        assert_eq!((told[0].stop.clone(), told[1].tokens.len()), (None, 60));
        assert_eq!(toy.living(), 0);
    }

    #[test]
    fn a_failed_decode_leaks_no_branch() {
        for fail_at in 0..12 {
            let mut toy = toy();
            toy.fail_at = Some(fail_at);
            let mut stories = Stories::new(&mut toy, 2);
            stories.begin(plan(&sampler("0", "token"), &[1, 2], 1)).unwrap();
            while stories.round(&mut |_| ()).is_ok() {}
            assert_eq!(stories.finish().len(), 1);
            assert_eq!(toy.living(), 0);
        }
    }
}
