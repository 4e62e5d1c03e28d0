//! Drafts of one piece, told together and shown side by side.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::ControlFlow;

use anyhow::Result;

use crate::cli::args::Layout;
use crate::cli::chapter::Chapter;
use crate::cli::commands::drafts::with;
use crate::cli::interrupt::interruption;
use crate::cli::render::columns::{Shown, page};
use crate::cli::render::progress::Progress;
use crate::cli::render::terminal::Terminal;
use crate::decode::{Completion, Counts, Ended, Observer, Plan, Stories, Told, drive, each};
use crate::sampler::Draw;

/// One of them.
pub struct Draft {
    pub plan: Plan,
    pub told: Completion,
    pub draws: Vec<Draw>,
}

/// Tells drafts and shows them, each under its number.
pub fn tell_drafts(stories: &mut Stories, plans: Vec<Plan>, terminal: &Terminal) -> Result<Vec<Draft>> {
    let count = plans.len();
    let tokens = plans.iter().map(|plan| plan.max_tokens).sum();
    let progress = Progress::telling_apart(terminal, &format!("{count} drafts"), tokens);
    let mut telling =
        Telling { progress, draws: vec![Vec::new(); count], counts: vec![Counts::default(); count], told: BTreeMap::new() };
    drive(stories, count, &mut each(plans), &mut telling, interruption());
    telling.progress.clear();
    let Telling { draws, told, .. } = telling;
    let drafts: Vec<Draft> = told
        .into_iter()
        .map(|(number, ended)| Draft { plan: ended.plan, told: ended.completion, draws: draws[number].clone() })
        .collect();
    let shown = (1..).zip(&drafts).map(|(number, draft)| Shown {
        label: number.to_string(),
        text: Chapter::kept(&draft.told).trim_start().to_owned(),
        parting: None,
        facts: vec![format!("seed {}", draft.plan.seed), draft.told.stop.to_string()],
    });
    let mut out = terminal.out();
    for line in page(&shown.collect::<Vec<_>>(), Layout::Auto, terminal.width_now()) {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(drafts)
}

struct Telling {
    progress: Progress,
    draws: Vec<Vec<Draw>>,
    counts: Vec<Counts>,
    told: BTreeMap<usize, Ended>,
}

impl Observer for Telling {
    fn reading(&mut self, _: usize, read: usize, of: usize) -> ControlFlow<()> {
        if self.draws.iter().all(Vec::is_empty) {
            self.progress.read(read, of);
        }
        ControlFlow::Continue(())
    }

    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        self.draws[story].push(told.draw.clone());
        self.counts[story] = told.counts;
        self.progress.told(self.counts.iter().fold(Counts::default(), |sum, &one| with(sum, one)));
        ControlFlow::Continue(())
    }

    fn ended(&mut self, story: usize, ended: Ended) {
        self.told.insert(story, ended);
    }
}
