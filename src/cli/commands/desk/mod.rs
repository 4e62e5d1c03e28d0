//! `afterword desk`: a chapter, piece by piece. The file is always what is on the screen.

mod drafts;
mod editor;
mod keys;
mod piece;

use anstyle::Style;
use anyhow::{Result, bail};

use self::drafts::tell_drafts;
use self::editor::open_editor;
use self::keys::{Deed, KEYS, LINE};
use self::piece::{Piece, Place};
use crate::cli::Outcome;
use crate::cli::args::{self, PromptArgs};
use crate::cli::chapter::Chapter;
use crate::cli::commands::drafts::check_count;
use crate::cli::interrupt::heed;
use crate::cli::keys::{Keys, Press};
use crate::cli::opening::{Opened, open};
use crate::cli::remembering::Remembered;
use crate::cli::render::line::{Ink, Line};
use crate::cli::render::progress::Progress;
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::{Chosen, seed};
use crate::cli::tell::{ENDED_AT_ONCE, Tale, stood_in_words, tell_in};
use crate::decode::{Keep, Plan, Stories};
use crate::engine::BATCH;
use crate::model::MOST_BRANCHES;
use crate::text::{some, visible};

/// How many prompts and stories stay in memory, so that again, another word and undo read nothing twice.
const KEEP: Keep = Keep { prompts: 2, stories: 4 };

/// Pieces for which there is room before the memory is opened anew.
const PIECES: usize = 8;

pub fn run(args: args::Desk, terminal: &Terminal) -> Result<Outcome> {
    let chapter = Chapter::open(&args.file, &args.with, terminal)?;
    let chosen = Chosen::of(&args.preset.preset, &args.preset.changes, &args.model)?;
    let request = args.request(seed(args.seed.or(chapter.seed())));
    request.check()?;
    let engine = open(&args.model, terminal)?;
    let mut desk = Desk {
        engine: &engine,
        chapter,
        chosen,
        seed: request.seed,
        args,
        terminal,
        keys: Keys::new(),
        last: None,
        done: Vec::new(),
    };
    desk.greet()?;
    let mut next = None;
    loop {
        let plan = desk.plan(&terminal.silent())?;
        let width = engine.width(std::slice::from_ref(&plan), 1);
        let (cells, branches) = desk.room(&plan, width)?;
        let mut session = engine.session_of(cells, branches)?;
        let mut remembered = Remembered::of(&engine, session.settings(), plan.prompt.len(), desk.args.keeping, terminal);
        let mut stories = remembered.in_mind(Stories::new(&mut *session, width).keeping(KEEP));
        let room = Room { width, cells, branches };
        next = desk.sit(&mut stories, room, next.take())?;
        drop(stories);
        remembered.tell(terminal);
        if next.is_none() {
            return Ok(Outcome::Done);
        }
    }
}

/// What memory there is.
#[derive(Debug, Clone, Copy)]
struct Room {
    width: usize,
    cells: usize,
    branches: usize,
}

/// What was done to the file, and is undone.
enum Done {
    /// A piece was added.
    Added,
    /// A piece took the place of this one, of which the text is known in any case.
    Replaced(Option<Box<Piece>>, String),
}

struct Desk<'e> {
    engine: &'e Opened,
    chapter: Chapter,
    chosen: Chosen,
    args: args::Desk,
    seed: u64,
    terminal: &'e Terminal,
    keys: Keys,
    /// The piece that was told last, while the file ends with it.
    last: Option<Box<Piece>>,
    done: Vec<Done>,
}

impl Desk<'_> {
    fn greet(&self) -> Result<()> {
        let (title, preset) = (self.engine.title(), &self.chosen.name);
        self.terminal.note(format_args!("{title} · preset {preset} · seed {}", self.seed));
        self.show()
    }

    /// The end of the text, as it stands in the file.
    fn show(&self) -> Result<()> {
        if self.terminal.shows_story {
            let mut sheet = self.terminal.story();
            sheet.say(Style::new(), self.chapter.lead())?;
            sheet.end()?;
        }
        Ok(())
    }

    /// The cells and branches for some pieces and drafts of them.
    fn room(&self, plan: &Plan, width: usize) -> Result<(usize, usize)> {
        let count = self.args.drafts;
        check_count(plan, width, count)?;
        let (cells, branches) = Stories::room_for_all(&vec![plan.clone(); count], width);
        let more = plan.most_tokens().saturating_mul(PIECES);
        Ok((cells.saturating_add(more), (branches + KEEP.prompts + KEEP.stories).min(MOST_BRANCHES)))
    }

    /// The plan of the piece that goes on from the end of the file. What is to be known of its prompt is said here.
    fn plan(&self, terminal: &Terminal) -> Result<Plan> {
        let request = self.args.request(self.seed);
        let sampler = self.chosen.sampler().with_detail();
        let vocabulary = self.engine.vocabulary();
        if let Some(last) = self.last.as_ref().filter(|last| last.is_whole(vocabulary)) {
            let (prompt, continuation) = last.behind(vocabulary);
            if prompt.len() + request.most_tokens() < self.engine.context() {
                return Ok(self.engine.plan_behind(&sampler, &prompt, &request)?.going_on(continuation));
            }
        }
        let asking = PromptArgs::raw();
        let (prompt, continuation) = self.chapter.put(self.engine, &request, &asking, terminal)?;
        Ok(self.engine.plan(&sampler, &prompt, &request)?.going_on(continuation))
    }

    /// Does what is asked for, until more room is needed: then what is to be done with it. `None` at the end.
    fn sit(&mut self, stories: &mut Stories, room: Room, mut next: Option<Deed>) -> Result<Option<Deed>> {
        loop {
            let deed = match next.take() {
                Some(deed) => deed,
                None => self.ask()?,
            };
            let done = match deed {
                Deed::Quit => return Ok(None),
                Deed::GoOn | Deed::Again | Deed::Drafts | Deed::Word(_) => match self.needs(deed, room) {
                    Ok(true) => return Ok(Some(deed)),
                    Ok(false) => self.tell(deed, stories),
                    Err(error) => Err(error),
                },
                Deed::Undo => self.undo(),
                Deed::Edit => self.edit(),
                Deed::Preset => self.choose_preset(),
                Deed::Help => {
                    self.help();
                    Ok(())
                }
            };
            heed();
            // What cannot be done is said, and the desk stays.
            if let Err(error) = done {
                if crate::cli::is_closed_pipe(&error) {
                    return Err(error);
                }
                self.terminal.error(&crate::cli::render::notes::with_hint(&error));
            }
        }
    }

    /// What is to be done next.
    fn ask(&self) -> Result<Deed> {
        if let Some(last) = &self.last {
            self.show_places(&last.places(self.engine.vocabulary()));
        }
        self.terminal.note_line(&Line::of(Ink::Dim, LINE));
        loop {
            match Deed::of(&self.keys.next()?) {
                Ok(deed) => return Ok(deed),
                Err(other) => self.terminal.err(format_args!("{other} does nothing here · {LINE}")),
            }
        }
    }

    fn show_places(&self, places: &[Place]) {
        let vocabulary = self.engine.vocabulary();
        let mut line = Line::default();
        for (number, place) in (1..).zip(places) {
            let gap = if number == 1 { "" } else { "  " };
            line = line.and(Ink::Bold, &format!("{gap}{number} "));
            line = line.and(Ink::Dim, &format!("{} → ", visible(&vocabulary.show(place.told))));
            line = line.and(Ink::Plain, &visible(&vocabulary.show(place.other)));
        }
        if !places.is_empty() {
            self.terminal.note_line(&line);
        }
    }

    /// Whether a deed needs more room than there is. A file that was changed outside is read again first.
    fn needs(&mut self, deed: Deed, room: Room) -> Result<bool> {
        if self.reread_changed()? {
            self.terminal.note("the file was changed outside, and is read again");
        }
        if deed == Deed::Again && self.last.is_none() {
            return Ok(false);
        }
        let plan = self.plan(&self.terminal.silent())?;
        let (cells, branches) =
            Stories::room_for_all(&vec![plan; if deed == Deed::Drafts { self.args.drafts } else { 1 }], room.width);
        Ok(cells > room.cells || branches > room.branches)
    }

    fn tell(&mut self, deed: Deed, stories: &mut Stories) -> Result<()> {
        match deed {
            Deed::Again => self.again(stories),
            Deed::Word(number) => self.another_word(number, stories),
            Deed::Drafts => self.drafts(stories),
            _ => {
                let plan = self.plan(self.terminal)?;
                let piece = self.piece(plan, (String::new(), 0), self.chapter.lead().to_owned(), stories)?;
                self.add(piece)
            }
        }
    }

    /// Tells a piece, each word as it comes, behind this text.
    fn piece(&self, plan: Plan, taken: (String, usize), lead: String, stories: &mut Stories) -> Result<Piece> {
        let progress = Progress::telling(self.terminal, plan.max_tokens);
        let mut sheet = self.terminal.story();
        if self.terminal.shows_story {
            sheet.begins_with(&(lead + &taken.0));
        }
        if !progress.shows_reading(plan.prompt.len(), BATCH) {
            sheet.begin()?;
        }
        let told = tell_in(stories, plan.clone(), &progress, &mut |text, _| Ok(sheet.say(Style::new(), text)?));
        progress.clear();
        let mut tale = told?;
        let broken = tale.failure();
        sheet.end()?;
        self.terminal.below_story();
        if let Some(cause) = broken {
            self.terminal.error(&cause);
        }
        let Tale { told, draws, .. } = tale;
        if told.ended_at_once() {
            self.terminal.note(ENDED_AT_ONCE);
        }
        if let Some(stood) = stood_in_words(&told.banned) {
            self.terminal.err(stood);
        }
        Ok(Piece { plan, told, draws, taken, text: String::new() })
    }

    /// Adds a piece to the file.
    fn add(&mut self, mut piece: Piece) -> Result<()> {
        piece.text = piece.taken.0.clone() + Chapter::kept(&piece.told);
        if self.chapter.add_text(&piece.text, self.terminal)? {
            self.last = Some(Box::new(piece));
            self.done.push(Done::Added);
        }
        Ok(())
    }

    /// Puts a piece into the place of the last one.
    fn replace(&mut self, mut piece: Piece) -> Result<()> {
        piece.text = piece.taken.0.clone() + Chapter::kept(&piece.told);
        if piece.text.is_empty() {
            self.terminal.note("nothing was told: the last piece stays");
            return Ok(());
        }
        let before = self.chapter.manuscript.take_back()?;
        self.chapter.add_text(&piece.text, self.terminal)?;
        self.done.push(Done::Replaced(self.last.replace(Box::new(piece)), before));
        Ok(())
    }

    /// The last piece under the next seed.
    fn again(&mut self, stories: &mut Stories) -> Result<()> {
        self.seed = self.seed.wrapping_add(1);
        let Some(last) = &self.last else { bail!("nothing was told here yet\nhint: Enter goes on with the story") };
        // A piece with a word that was taken is told again from its beginning.
        let mut plan = last.plan.clone();
        let taken = last.taken.1;
        plan.prompt.truncate(plan.prompt.len() - taken);
        plan.continuation.told = plan.continuation.told.saturating_sub(taken);
        plan.max_tokens = self.args.tokens.get();
        plan.seed = self.seed;
        let lead = self.chapter.lead_before(&last.text).to_owned();
        let piece = self.piece(plan, (String::new(), 0), lead, stories)?;
        self.replace(piece)
    }

    /// The last piece with another word in it.
    fn another_word(&mut self, number: usize, stories: &mut Stories) -> Result<()> {
        let vocabulary = self.engine.vocabulary();
        let Some(last) = &self.last else { bail!("nothing was told here yet\nhint: Enter goes on with the story") };
        let places = last.places(vocabulary);
        let found = places.get(number - 1).and_then(|place| last.with_other(place, vocabulary));
        let Some((plan, taken)) = found else {
            bail!("there is no place {number}: {}", some(places.len(), "place"));
        };
        let lead = self.chapter.lead_before(&last.text).to_owned();
        let piece = self.piece(plan, taken, lead, stories)?;
        self.replace(piece)
    }

    /// Some pieces side by side, of which one is added.
    fn drafts(&mut self, stories: &mut Stories) -> Result<()> {
        let plan = self.plan(self.terminal)?;
        let plans = (0..self.args.drafts as u64).map(|more| Plan { seed: self.seed.wrapping_add(more), ..plan.clone() });
        let told = tell_drafts(stories, plans.collect(), self.terminal)?;
        let count = told.len();
        self.terminal.err(format_args!("Which one? 1 to {count}, or another key for none"));
        let chosen = match self.keys.next()? {
            Press::Typed(typed) => typed.parse::<usize>().ok().filter(|number| (1..=count).contains(number)),
            _ => None,
        };
        let Some(number) = chosen else {
            self.terminal.note("none was chosen");
            return Ok(());
        };
        let Some(drafts::Draft { plan, told, draws }) = told.into_iter().nth(number - 1) else { return Ok(()) };
        self.seed = plan.seed;
        self.add(Piece { plan, told, draws, taken: (String::new(), 0), text: String::new() })?;
        self.show()
    }

    fn undo(&mut self) -> Result<()> {
        match self.done.pop() {
            Some(Done::Replaced(piece, text)) => {
                self.chapter.manuscript.take_back()?;
                self.chapter.manuscript.append(&text)?;
                self.last = piece;
                self.terminal.note("the piece before stands there again");
            }
            Some(Done::Added) | None => {
                let piece = self.chapter.manuscript.take_back()?;
                self.last = None;
                self.terminal.note(format_args!("took {} back", some(piece.split_whitespace().count(), "word")));
            }
        }
        self.show()
    }

    fn edit(&mut self) -> Result<()> {
        open_editor(self.chapter.manuscript.path())?;
        self.reread_changed()?;
        self.show()
    }

    /// Reads a file again that somebody has written in; whether somebody has. What was done before can no longer be undone step by step.
    fn reread_changed(&mut self) -> Result<bool> {
        if self.chapter.manuscript.is_unchanged()? {
            return Ok(false);
        }
        self.chapter.manuscript.reread()?;
        self.last = None;
        self.done.clear();
        Ok(true)
    }

    fn choose_preset(&mut self) -> Result<()> {
        self.terminal.err(format_args!("Which preset? A name or a file; nothing keeps `{}`", self.chosen.name));
        let Some(name) = self.keys.line()?.map(|line| line.trim().to_owned()).filter(|name| !name.is_empty()) else {
            return Ok(());
        };
        self.chosen = Chosen::of(&name, &self.args.preset.changes, &self.args.model)?;
        self.terminal.note(format_args!("preset {name}"));
        Ok(())
    }

    fn help(&self) {
        for (key, what) in KEYS {
            self.terminal.err(format_args!("{key:>5}  {what}"));
        }
    }
}
