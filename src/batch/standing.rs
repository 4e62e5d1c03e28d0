//! Which records are stories of a run, and which are whole.

use super::matrix::Item;
use super::run::RunFile;
use crate::engine::Heal;
use crate::model::Choice;
use crate::story::{FORMAT, Mode, Record, StopReason};

/// What a record is to a run in whose folder it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// A whole story of the run.
    Whole,
    /// A story of the run, and no whole one: it is told again.
    Torn,
    /// Not a story of the run, for this reason; whoever put it there may want it.
    Foreign(String),
}

impl RunFile {
    /// What this record is, where the story `item` belongs.
    pub(super) fn standing(&self, item: Item, record: &Record) -> Standing {
        match self.foreign(item, record) {
            Some(why) => Standing::Foreign(why),
            None if self.is_whole(item, record) => Standing::Whole,
            None => Standing::Torn,
        }
    }

    /// Why a record is not of this run, as a clause. Threads and devices are no reason: parts of a run may be told on several
    /// machines, and each record says on which.
    fn foreign(&self, item: Item, record: &Record) -> Option<String> {
        let (prompt, run, settings) = (&self.prompt[item.prompt], &record.run, &self.settings);
        let stops = prompt.stop.as_ref().unwrap_or(&settings.stops);
        let tells = |yes: bool| if yes { "is" } else { "is not" };
        let number = |what: &str, now: usize, run: usize| format!("{what} is {now} (that of the run is {run})");
        let checks = [
            (record.format > FORMAT, format!("it has the form {}, and this program reads up to {FORMAT}", record.format)),
            (record.model.sha256 != self.model.sha256, format!("its model is another, `{}`", record.model.file)),
            (record.prompt != prompt.text, "its prompt is another".to_owned()),
            (record.resolved != self.preset[item.voice].resolved, "its preset is another".to_owned()),
            (record.seed != item.seed, format!("its seed is {}", record.seed)),
            (run.limit != self.limit(item), number("its most tokens", run.limit, self.limit(item))),
            (run.to != settings.to, "it ends with another unit of text".to_owned()),
            (run.context != settings.context, number("its context", run.context, settings.context)),
            (run.min_tokens != settings.min_tokens, number("its fewest tokens", run.min_tokens, settings.min_tokens)),
            (run.stops != *stops, "it ends before other texts".to_owned()),
            (run.slides != settings.slides, format!("it {} told on at a full context", tells(run.slides))),
            (run.may_loop != settings.may_loop, format!("it {} told on where it repeats itself", tells(run.may_loop))),
            (run.drafts != settings.drafts, format!("it is one of {} drafts", run.drafts)),
            (self.puts_otherwise(item, record), "its prompt was put to the model in another way".to_owned()),
        ];
        checks.into_iter().find(|(differs, _)| *differs).map(|(_, why)| why)
    }

    /// Whether the prompt was put to the model in a way that this run has not asked for.
    fn puts_otherwise(&self, item: Item, record: &Record) -> bool {
        // A prompt that cannot be told from was put in no way.
        if matches!(record.stop, StopReason::Failed(_)) {
            return false;
        }
        let asked = self.asking.mode.as_deref();
        let mode = match &record.mode {
            Mode::Raw => asked != Some("chat"),
            Mode::Chat(chat) => {
                let system = self.prompt[item.prompt].system.as_ref().or(self.asking.system.as_ref());
                let prefill = self.asking.prefill.as_deref().unwrap_or_default();
                asked != Some("raw") && chat.system.as_ref() == system && chat.prefill == prefill
            }
        };
        let healed = !record.healed.is_empty() && self.asking.heal.as_deref() == Some(Heal::Off.name());
        !mode || healed || record.parse_special != self.asking.parse_special
    }

    /// Whether a story of the run ended as its record says, and the record tells what the run asks for.
    fn is_whole(&self, item: Item, record: &Record) -> bool {
        let (told, limit) = (record.tokens.len(), self.limit(item));
        let most = self.settings.to.map_or(limit, |unit| unit.most(limit));
        let ended = match record.stop {
            StopReason::Interrupted => false,
            StopReason::Failed(_) => told <= most,
            StopReason::Tokens => told == most,
            StopReason::Whole(unit) => self.settings.to == Some(unit) && (limit..=most).contains(&told),
            StopReason::End | StopReason::Stop(_) | StopReason::Context | StopReason::Loop => (1..=most).contains(&told),
        };
        ended && (told == 0 || record.trace.is_empty() == self.trace.is_none())
    }

    /// The most tokens of a story.
    #[must_use]
    pub fn limit(&self, item: Item) -> usize {
        self.prompt[item.prompt].tokens.map_or(self.settings.limit, std::num::NonZeroUsize::get)
    }
}

#[cfg(test)]
mod tests {
    use super::super::folder::tests::{Change, record};
    use super::super::run::tests::example;
    use super::*;

    #[test]
    fn a_record_belongs_to_the_run_if_model_settings_and_limits_do() {
        let run = example();
        let item = run.matrix().items().next().unwrap();
        let changed = |change: Change| {
            let mut record = record(&run, item);
            change(&mut record);
            run.standing(item, &record)
        };
        assert_eq!(changed(|_| ()), Standing::Whole);
        // Another machine told it, or it took longer.
        assert_eq!(changed(|record| (record.run.threads, record.times.tell) = (7, 9.0)), Standing::Whole);
        let foreign: [(Change, &str); 11] = [
            (|record| record.format = 999, "it has the form 999"),
            (|record| record.model.sha256.push('b'), "its model is another, `a.gguf`"),
            (|record| record.prompt.push('!'), "its prompt is another"),
            (|record| record.resolved.push('#'), "its preset is another"),
            (|record| record.seed = 99, "its seed is 99"),
            (|record| record.run.limit = 5, "its most tokens is 5 (that of the run is 9)"),
            (|record| record.run.to = Some(crate::sampler::TextUnit::Sentence), "it ends with another unit of text"),
            (|record| record.run.stops.clear(), "it ends before other texts"),
            (|record| record.run.min_tokens = 3, "its fewest tokens is 3"),
            (|record| record.run.drafts = 2, "it is one of 2 drafts"),
            (|record| record.parse_special = true, "put to the model in another way"),
        ];
        for (change, why) in foreign {
            let found = changed(change);
            assert!(matches!(&found, Standing::Foreign(said) if said.contains(why)), "{found:?}: {why}");
        }
        let torn: [Change; 5] = [
            |record| record.stop = StopReason::Whole(crate::sampler::TextUnit::Sentence),
            |record| record.stop = StopReason::Interrupted,
            |record| record.tokens.truncate(8),
            |record| record.tokens.push(1),
            |record| (record.stop, record.tokens) = (StopReason::End, Vec::new()),
        ];
        for (at, change) in torn.into_iter().enumerate() {
            assert_eq!(changed(change), Standing::Torn, "{at}");
        }
    }
    #[test]
    fn a_story_to_a_whole_unit_may_be_longer_than_its_limit() {
        let unit = crate::sampler::TextUnit::Sentence;
        let mut run = example();
        run.settings.to = Some(unit);
        let item = run.matrix().items().next().unwrap();
        let standing = |told: usize, stop: StopReason| {
            let record = record(&run, item);
            run.standing(item, &Record { tokens: vec![1; told], stop, ..record })
        };
        for (told, stop, standing_as) in [
            (9, StopReason::Whole(unit), Standing::Whole),
            (49, StopReason::Whole(unit), Standing::Whole),
            (8, StopReason::Whole(unit), Standing::Torn),
            (50, StopReason::Whole(unit), Standing::Torn),
            (9, StopReason::Tokens, Standing::Torn),
            (49, StopReason::Tokens, Standing::Whole),
            (20, StopReason::End, Standing::Whole),
        ] {
            assert_eq!(standing(told, stop.clone()), standing_as, "{told}, {stop}");
        }
    }
}
