//! What is fetched, as a line at the bottom of the terminal; without one as a line for each tenth.

use indicatif::{HumanDuration, ProgressBar};

use crate::catalog::in_words;
use crate::cli::render::figures::gauge;
use crate::cli::render::margin::{columns, line, target};
use crate::cli::render::terminal::Terminal;
use crate::hub::{Anew, Event, Plan, Remedy, Why};
use crate::text::{EXCERPT, excerpt};

/// The most models that a hint lists.
const LISTED: usize = 12;

/// Watches a model come.
pub struct Fetching<'t> {
    terminal: &'t Terminal,
    bar: ProgressBar,
    /// The file that comes.
    file: String,
    /// Its bytes.
    size: u64,
    /// Bytes of files before it, and of it.
    before: u64,
    here: u64,
    /// Those that were here when it began.
    kept: u64,
    all: u64,
    /// The last tenth that was told.
    tenth: u64,
}

impl<'t> Fetching<'t> {
    /// Before something is known of it.
    pub fn asking(terminal: &'t Terminal) -> Self {
        let bar = ProgressBar::with_draw_target(None, target(terminal.draws_progress())).with_style(line());
        Self { terminal, bar, file: String::new(), size: 0, before: 0, here: 0, kept: 0, all: 0, tenth: 0 }
    }

    /// Before the files of this plan come.
    pub fn of(terminal: &'t Terminal, plan: &Plan) -> Self {
        let before: u64 = plan.files.iter().filter(|file| file.is_here()).map(|file| file.size).sum();
        Self { before, all: plan.size(), ..Self::asking(terminal) }
    }

    /// Something happened.
    pub fn show(&mut self, event: Event) {
        match event {
            Event::Asking(site) => self.bar.set_message(format!("asking {site}")),
            Event::Begun { file, kept, size } => {
                if kept > 0 {
                    self.note(&format!("going on behind {} of {} · {file}", in_words(kept), in_words(size)));
                }
                self.bar.reset_elapsed();
                (self.file, self.size, self.here, self.kept) = (file, size, kept, kept);
                self.tenth = self.tenths();
            }
            Event::Bytes(here) => {
                self.kept = self.kept.min(here);
                self.here = here;
                self.draw();
            }
            Event::Whole => (self.before, self.here) = (self.before + self.size, 0),
            Event::Anew(why) => {
                self.note(anew(why));
                self.tenth = 0;
            }
            other => {
                if let Some(words) = words(&other) {
                    self.note(&words);
                }
            }
        }
    }

    /// Takes the line away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn note(&self, words: &str) {
        self.bar.suspend(|| self.terminal.note(words));
    }

    fn tenths(&self) -> u64 {
        10 * (self.before + self.here) / self.all.max(1)
    }

    fn draw(&mut self) {
        let come = self.before + self.here;
        let share = come as f64 / self.all.max(1) as f64;
        if self.bar.is_hidden() {
            let tenth = self.tenths();
            if tenth > self.tenth && !self.terminal.draws_progress() {
                self.terminal.note(format_args!("{} % · {} of {}", 10 * tenth, in_words(come), in_words(self.all)));
            }
            self.tenth = tenth;
            return;
        }
        let seconds = self.bar.elapsed().as_secs_f64();
        let pace = (self.here - self.kept) as f64 / seconds.max(1e-9);
        let amount = format!("{} of {}", in_words(come), in_words(self.all));
        let name = excerpt(&self.file, 40);
        let mut forms =
            vec![(name, amount.clone()), (String::new(), amount), (String::new(), format!("{:.0} %", 100.0 * share))];
        if seconds > 1.0 && pace > 0.0 {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a speed is no more than its count of bytes"
            )]
            let speed = in_words(pace as u64);
            let left = std::time::Duration::from_secs_f64(((self.all - come) as f64 / pace).min(1e6));
            forms.insert(0, (forms[0].0.clone(), format!("{} · {speed}/s · {:#} left", forms[0].1, HumanDuration(left))));
        }
        self.bar.set_message(gauge(&forms, share, columns()));
    }
}

fn anew(why: Anew) -> &'static str {
    match why {
        Anew::Changed => "the server has another file there by now: it begins again",
        Anew::NoParts => "the server does not go on where it broke off: it begins again",
        Anew::WrongSum => "its checksum is wrong: it is fetched once more",
    }
}

/// What is said of an event that is no progress.
fn words(event: &Event) -> Option<String> {
    Some(match event {
        Event::PassedOver(path) => format!("`{}` is passed over: no file can be called so", excerpt(path, EXCERPT)),
        Event::Retrying { cause, wait, next, of } => {
            format!("{cause} · try {next} of {of} in {:.1} s", wait.as_secs_f64())
        }
        Event::Waiting(what) => format!("another process fetches `{what}`: waiting for it"),
        Event::NotLocked => "nothing can be locked in this place: let nothing else fetch into it meanwhile".to_owned(),
        Event::Unreachable(cause) => format!("{cause} · what is here is used"),
        Event::Asking(_) | Event::Begun { .. } | Event::Bytes(_) | Event::Whole | Event::Anew(_) => return None,
    })
}

/// Why a model was chosen.
pub fn why(why: Why) -> &'static str {
    match why {
        Why::File => "the file that you name",
        Why::Quantisation => "the quantisation that you name",
        Why::Likeness => "its name holds what you name",
        Why::Usual => "what most would take: small, and hardly worse than the original",
        Why::Only => "the only model there",
        Why::First => "the first by name: it has neither Q4_K_M nor Q8_0",
    }
}

/// What would help where something could not be brought.
pub fn hint(remedy: &Remedy) -> String {
    let known = "`afterword models known` names some to begin with";
    match remedy {
        Remedy::NameIt => format!("as in `afterword models pull bartowski/Qwen_Qwen3-4B-GGUF:Q4_K_M`; {known}"),
        Remedy::Licence { page, had_token: true } => format!("accept its licence on {page}, as the one whose token it is"),
        Remedy::Licence { page, had_token: false } => {
            format!("if it is there, accept its licence on {page}, and set HF_TOKEN or name a `--token-file`")
        }
        Remedy::LookUp => format!("look its name up on the hub; {known}"),
        Remedy::Revisions(names) if names.is_empty() => "it has no other either".to_owned(),
        Remedy::Revisions(names) => format!("it has `{}`", names[..names.len().min(LISTED)].join("`, `")),
        Remedy::Models(models) => {
            let told =
                models.iter().take(LISTED).map(|(name, size)| format!("{} ({})", excerpt(name, EXCERPT), in_words(*size)));
            let more = models.len().saturating_sub(LISTED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("it holds {}{more}", told.collect::<Vec<_>>().join(", "))
        }
        Remedy::Again => "the same command goes on where it ended".to_owned(),
        Remedy::Online => "without `--offline` and HF_HUB_OFFLINE it is fetched".to_owned(),
        Remedy::Space(bytes) => {
            format!("make room for {} more, or name another place with `--dir` or HF_HUB_CACHE", in_words(*bytes))
        }
        Remedy::AnotherFolder => "name another folder with `--dir`".to_owned(),
        Remedy::Https => "`--insecure` asks it all the same".to_owned(),
    }
}
