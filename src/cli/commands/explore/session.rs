//! A session at the terminal: keys and what the model reports go to the explorer, and what it asks for is done.

use std::io::stdout;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use ratatui::crossterm::event::{Event as Occurrence, KeyEventKind, poll, read};
use ratatui::crossterm::execute;

use crate::cli::interrupt::interrupted;
use crate::cli::render::explore::{Heard, Look, View, heard};
use crate::cli::settings::now;
use crate::explore::{App, Code, Effect, Event, Export, Guide, Key, Report};
use crate::files::{self, Inputs, Output, causes};

/// How often is looked for what the model has to say, while it works.
const BUSY: Duration = Duration::from_millis(25);

/// And while it does not.
const IDLE: Duration = Duration::from_millis(250);

/// How often the explorer hears that time passes: it saves then.
const TICK: Duration = Duration::from_secs(1);

/// The screen, which is given back however the session ends.
struct Borrowed(DefaultTerminal);

impl Borrowed {
    fn new() -> Result<Self> {
        let terminal = Self(ratatui::try_init().context("cannot take the terminal")?);
        // Without a mouse all goes by keys.
        let _ = execute!(stdout(), EnableMouseCapture, EnableBracketedPaste);
        Ok(terminal)
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let _ = execute!(stdout(), DisableBracketedPaste, DisableMouseCapture);
        let _ = ratatui::try_restore();
    }
}

/// An explorer, its model and its terminal.
pub struct Session<'g> {
    pub app: App,
    pub guide: &'g Guide,
    pub reports: Receiver<Report>,
    pub look: Look,
    /// Where the tree is kept.
    output: Option<Output>,
    view: View,
    /// Whether something has happened since the screen was drawn.
    is_stale: bool,
    is_over: bool,
}

impl<'g> Session<'g> {
    pub fn new(app: App, guide: &'g Guide, reports: Receiver<Report>, look: Look, output: Option<Output>) -> Self {
        Self { app, guide, reports, look, output, view: View::default(), is_stale: true, is_over: false }
    }

    /// Takes the terminal until the writer leaves; whether somebody ended it from outside.
    pub fn run(mut self) -> Result<bool> {
        let mut terminal = Borrowed::new()?;
        let first = self.app.begin();
        self.perform(first);
        let mut ticked = Instant::now();
        while !self.is_over {
            // What has not changed need not be laid out again.
            if std::mem::take(&mut self.is_stale) {
                terminal.0.draw(|frame| self.view.draw(frame, &self.app, self.look)).context("cannot draw on the terminal")?;
            }
            let wait = if self.app.doing().is_some() { BUSY } else { IDLE };
            if poll(wait).context("cannot read from the terminal")? {
                let occurrence = read().context("cannot read from the terminal")?;
                self.is_stale = true;
                self.happened(&occurrence);
            }
            while let Ok(report) = self.reports.try_recv() {
                self.hear(Event::Reported(report));
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                self.hear(Event::Tick(now().as_secs()));
            }
            if interrupted() {
                self.hear(Event::Tick(now().as_secs()));
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn hear(&mut self, event: Event) {
        self.is_stale = true;
        let effects = self.app.hear(event);
        self.perform(effects);
    }

    fn happened(&mut self, occurrence: &Occurrence) {
        if self.view.editor().is_some() {
            return self.edit(occurrence);
        }
        match (occurrence, heard(occurrence)) {
            // Of what is pasted into a line each character is typed.
            (Occurrence::Paste(text), _) if self.app.field().is_some() => {
                text.chars().filter(|c| !c.is_control()).for_each(|c| self.hear(Event::Key(Key::typed(c))));
            }
            (_, Heard::Key(key)) => self.hear(Event::Key(key)),
            (_, Heard::Click(column, row)) => {
                if let Some(target) = self.view.at(column, row) {
                    self.hear(Event::Click(target));
                }
            }
            (_, Heard::Wheel(notches)) => self.hear(Event::Wheel(notches)),
            (_, Heard::Other) => {}
        }
    }

    /// What happens while a text is edited.
    fn edit(&mut self, occurrence: &Occurrence) {
        if let Heard::Key(key) = heard(occurrence) {
            if key == Key::ctrl(Code::Char('s')) {
                let text = self.view.edited();
                return self.hear(Event::Edited(text));
            }
            if key.code == Code::Escape || key == Key::ctrl(Code::Char('c')) {
                self.view.edited();
                return self.hear(Event::Edited(None));
            }
        }
        let Some(editor) = self.view.editor() else { return };
        match occurrence {
            Occurrence::Paste(text) => drop(editor.insert_str(text)),
            Occurrence::Key(key) if key.kind != KeyEventKind::Release => drop(editor.input(*key)),
            _ => {}
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask(request) => {
                    self.guide.cancel();
                    // Whoever is not there any more has said so.
                    let _ = self.guide.ask(*request);
                }
                Effect::Cancel => self.guide.cancel(),
                Effect::Edit(text) => self.view.edit(&text),
                Effect::Save(path) => {
                    let saved = self.save(path).map_err(|error| causes(&error).replace("\nhint: ", " · "));
                    self.hear(Event::Saved(saved));
                }
                Effect::Export(form, path) => {
                    let exported = self.export(form, &path).map_err(|error| causes(&error).replace("\nhint: ", " · "));
                    self.hear(Event::Exported(exported.map(|()| path)));
                }
                Effect::Quit => self.is_over = true,
            }
        }
    }

    fn save(&mut self, path: PathBuf) -> Result<()> {
        let output = match &self.output {
            Some(output) if output.path() == path => output,
            _ => self.output.insert(Output::new(path, files::Form::TREE, &Inputs::streams())?),
        };
        output.write(self.app.tree().to_json()?.as_bytes())
    }

    fn export(&self, form: Export, path: &Path) -> Result<()> {
        let file = if form == Export::Page { files::Form::PAGE } else { files::Form::TEXT };
        let text = self.app.tree().export(form)?;
        Output::new(path, file, &Inputs::streams())?.write(&text)
    }
}
