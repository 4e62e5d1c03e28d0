//! The one loop in which stories are told: as many at once as there is place for, and one that ends makes room for the next.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::cancel::Cancel;
use super::observer::{Attention, Ended, Observer, Told};
use super::plan::{Completion, Plan};
use super::round::Stories;
use crate::files::causes;
use crate::model::Model;
use crate::story::StopReason;

/// What a source of stories answers when there is place for one more.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "it is handed out once a story")]
pub enum Next {
    /// This one, under a number by which its teller knows it.
    Story(usize, Plan),
    /// None now; it is asked again after the next decode. Where no story runs it is asked again at once, so there a source
    /// waits itself until it knows more.
    Later,
    /// None ever: the telling is over with the stories that run.
    Never,
}

/// Where stories come from: asked with the number of those that run whenever there is place for one more.
pub type Source<'s> = &'s mut dyn FnMut(usize) -> Next;

/// These plans, numbered by their places.
pub fn each(plans: impl IntoIterator<Item = Plan>) -> impl FnMut(usize) -> Next {
    let mut plans = plans.into_iter().enumerate();
    move |_| plans.next().map_or(Next::Never, |(number, plan)| Next::Story(number, plan))
}

/// Tells the stories that `source` hands out, `at_once` of them together, until there is none or `cancel` is set; then those
/// that run end as interrupted, and what is told of them is kept.
///
/// Every story that was handed out ends, and each ending is heard: one that cannot begin or cannot go on as one whose stop is
/// [`Failed`](crate::story::StopReason::Failed), which disturbs no other. Which stories run beside each other depends on
/// nothing but their order and lengths.
///
/// ```
/// use afterword::decode::{Cancel, Ended, Observer, Plan, Stories, drive, each};
/// use afterword::model::{Kind, Vocabulary, Toy};
/// use afterword::sampler::{Chain, Pick, Sampler};
///
/// struct Listener(Vec<String>);
///
/// impl Observer for Listener {
///     fn ended(&mut self, _: usize, ended: Ended) {
///         self.0.push(ended.completion.text);
///     }
/// }
///
/// let vocabulary = Vocabulary::new([("tick", Kind::Text), (" tock ", Kind::Text)]);
/// // After "tick" comes " tock ", after " tock " comes "tick".
/// let mut toy = Toy::bigram(vocabulary, vec![vec![0.0, 1.0], vec![1.0, 0.0]]);
/// let sampler = Sampler::new(Chain::new(Vec::new()).unwrap(), Pick::Argmax);
/// let plans = [3, 4].map(|tokens| Plan::new(sampler.clone(), vec![0], 1, tokens));
/// let mut listener = Listener(Vec::new());
/// drive(&mut Stories::new(&mut toy, 1), 1, &mut each(plans), &mut listener, &Cancel::new());
/// assert_eq!(listener.0, [" tock tick tock ", " tock tick tock tick"]);
/// ```
pub fn drive(stories: &mut Stories, at_once: usize, source: Source, observer: &mut dyn Observer, cancel: &Cancel) {
    drive_on(stories, BTreeMap::new(), at_once, source, observer, cancel);
}

/// The same where stories run already: their `numbers` are those of their teller, by those that they have among [`Stories`].
pub(super) fn drive_on(
    stories: &mut Stories,
    numbers: BTreeMap<usize, usize>,
    at_once: usize,
    source: Source,
    observer: &mut dyn Observer,
    cancel: &Cancel,
) {
    let mut numbered = Numbered { numbers, observer };
    let mut open = true;
    while !cancel.is_cancelled() {
        numbered.attend(stories);
        numbered.observer.occupied(stories.occupancy());
        while open && numbered.numbers.len() < at_once.max(1) {
            match source(numbered.numbers.len()) {
                Next::Story(number, plan) => numbered.begin(stories, number, plan),
                Next::Later => break,
                Next::Never => open = false,
            }
        }
        if stories.all_rest() {
            numbered.observer.all_rest();
        } else if !numbered.numbers.is_empty() {
            stories.round(&mut numbered);
            if numbered.observer.round_over().is_break() {
                break;
            }
        } else if !open {
            return;
        }
    }
    stories.interrupt(&mut numbered);
}

/// Tells these stories together to their ends, and returns them in their order.
#[must_use]
pub fn tell(model: &mut dyn Model, width: usize, plans: Vec<Plan>) -> Vec<Completion> {
    struct Endings(BTreeMap<usize, Completion>);

    impl Observer for Endings {
        fn ended(&mut self, story: usize, ended: Ended) {
            self.0.insert(story, ended.completion);
        }
    }

    let (count, mut endings) = (plans.len(), Endings(BTreeMap::new()));
    drive(&mut Stories::new(model, width), count, &mut each(plans), &mut endings, &Cancel::new());
    endings.0.into_values().collect()
}

/// An observer who hears of stories by the numbers of their source.
struct Numbered<'o> {
    /// The number of each story that runs, by the one that it has among [`Stories`].
    numbers: BTreeMap<usize, usize>,
    observer: &'o mut dyn Observer,
}

impl Numbered<'_> {
    fn begin(&mut self, stories: &mut Stories, number: usize, plan: Plan) {
        self.observer.began(number);
        match stories.begin(plan.clone()) {
            Ok(story) => {
                self.numbers.insert(story, number);
            }
            Err(error) => {
                let completion = Completion::unbegun(plan.prompt.len(), StopReason::Failed(causes(&error)));
                let ended = Ended { plan, completion, rest: String::new(), parts: Vec::new(), again: None };
                self.observer.ended(number, ended);
            }
        }
    }

    /// Asks every story's listener for its attention.
    fn attend(&mut self, stories: &mut Stories) {
        let running: Vec<(usize, usize)> = self.numbers.iter().map(|(&story, &number)| (story, number)).collect();
        for (story, number) in running {
            let attention = self.observer.attention(number);
            stories.rest(story, attention == Attention::Rests);
            if attention == Attention::Leaves {
                stories.cancel(story, self);
            }
        }
    }

    /// The source's number; one that came by another way has its own.
    fn number(&self, story: usize) -> usize {
        self.numbers.get(&story).copied().unwrap_or(story)
    }
}

impl Observer for Numbered<'_> {
    fn reading(&mut self, story: usize, read: usize, of: usize) -> ControlFlow<()> {
        self.observer.reading(self.number(story), read, of)
    }

    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        self.observer.told(self.number(story), told)
    }

    fn ended(&mut self, story: usize, ended: Ended) {
        let number = self.number(story);
        self.numbers.remove(&story);
        self.observer.ended(number, ended);
    }
}
