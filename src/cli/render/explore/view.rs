//! The screen: its head and foot, what stands between them, and where what can be clicked lies.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui_textarea::{TextArea, WrapMode};
use unicode_width::UnicodeWidthStr;

use super::look::{BOLD, DIM, Look};
use super::page::put;
use super::{page, pair, rest, tree};
use crate::cli::render::prose::safe;
use crate::cli::render::terminal::fit;
use crate::explore::{App, Screen, Target};
use crate::text::plural;

/// The smallest screen.
const LEAST: (u16, u16) = (60, 16);

/// Where what can be clicked lies.
#[derive(Debug, Clone, Default)]
pub struct Hits(Vec<(Rect, Target)>);

impl Hits {
    /// A whole row of a part of the screen.
    pub fn row(&mut self, area: Rect, row: usize, target: Target) {
        self.run(area, (usize::from(area.x), row), usize::from(area.width), Some(target));
    }

    /// So many columns from a column on, in a row of a part of the screen.
    pub fn run(&mut self, area: Rect, (column, row): (usize, usize), width: usize, target: Option<Target>) {
        let small = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        if let Some(target) = target
            && row < usize::from(area.height)
        {
            self.0.push((Rect::new(small(column), area.y + small(row), small(width), 1).intersection(area), target));
        }
    }

    fn at(&self, column: u16, row: u16) -> Option<Target> {
        self.0.iter().find(|(area, _)| area.contains(Position::new(column, row))).map(|(_, target)| *target)
    }
}

/// What is on the screen beside the explorer's own state.
#[derive(Debug, Default)]
pub struct View {
    hits: Hits,
    editor: Option<TextArea<'static>>,
}

impl View {
    /// Begins to edit a text.
    pub fn edit(&mut self, text: &str) {
        let mut editor = TextArea::new(text.split('\n').map(str::to_owned).collect());
        editor.set_wrap_mode(WrapMode::WordOrGlyph);
        editor.set_cursor_line_style(Style::new());
        self.editor = Some(editor);
    }

    /// The editor, while there is one.
    pub fn editor(&mut self) -> Option<&mut TextArea<'static>> {
        self.editor.as_mut()
    }

    /// Ends the editing; what the text is now.
    pub fn edited(&mut self) -> Option<String> {
        self.editor.take().map(|editor| editor.into_lines().join("\n"))
    }

    /// What was drawn last at a place of the screen.
    pub fn at(&self, column: u16, row: u16) -> Option<Target> {
        self.hits.at(column, row)
    }

    /// Draws all of it.
    pub fn draw(&mut self, frame: &mut Frame, app: &App, look: Look) {
        let area = frame.area();
        self.hits = Hits::default();
        if area.width < LEAST.0 || area.height < LEAST.1 {
            let text = format!("make it larger: {} × {} at least", LEAST.0, LEAST.1);
            return put(frame.buffer_mut(), area, 0, &Line::raw(text));
        }
        let inner = Rect::new(area.x, area.y + 1, area.width, area.height - 3);
        let foot = Rect::new(area.x, area.bottom() - 2, area.width, 2);
        head(frame.buffer_mut(), area, app);
        if let Some(editor) = &self.editor {
            frame.render_widget(editor, inner);
            let keys = "Ctrl-S takes the text as a new branch · Esc leaves it as it was";
            put(frame.buffer_mut(), foot, 1, &Line::styled(fit(keys, usize::from(area.width)), DIM));
            return look.finish(frame.buffer_mut());
        }
        let buffer = frame.buffer_mut();
        match app.screen() {
            Screen::Page => page::draw(buffer, inner, app, look, &mut self.hits),
            Screen::Tree => tree::draw(buffer, inner, app, &mut self.hits),
            Screen::Compare(comparison) => pair::compare(buffer, inner, app, comparison),
            Screen::Blind(blind) => pair::blind(buffer, inner, app, blind),
            Screen::List(list) => rest::list(buffer, inner, list, &mut self.hits),
            Screen::Forms => rest::forms(buffer, inner),
            Screen::Help(scrolled) => rest::help(buffer, inner, *scrolled),
            Screen::Leave => rest::leave(buffer, inner),
        }
        self::foot(frame, foot, app);
        look.finish(frame.buffer_mut());
    }
}

/// What was said, or what is typed; and the keys.
fn foot(frame: &mut Frame, area: Rect, app: &App) {
    let columns = usize::from(area.width);
    if let Some(field) = app.field() {
        let asked = format!("{}: ", field.asked.question());
        // The end of a long line is what is being typed.
        let room = columns.saturating_sub(asked.width() + 1);
        let text = safe(&field.text).replace('\n', " ");
        let mut from = 0;
        while text[from..].width() > room {
            from += text[from..].chars().next().map_or(1, char::len_utf8);
        }
        let shown = &text[from..];
        let line = Line::from(vec![Span::styled(asked.clone(), BOLD), Span::raw(shown.to_owned())]);
        put(frame.buffer_mut(), area, 0, &line);
        let hints = field.completions.join("  ");
        put(frame.buffer_mut(), area, 1, &Line::styled(fit(&hints, columns), DIM));
        let column = u16::try_from(asked.width() + shown.width()).unwrap_or(u16::MAX);
        frame.set_cursor_position(Position::new(area.x + column.min(area.width - 1), area.y));
        return;
    }
    let said = app.said().map(|said| Line::styled(fit(said, columns), BOLD));
    let said = said.or_else(|| app.doing().map(|doing| Line::styled(fit(&doing, columns), DIM)));
    if let Some(said) = said {
        put(frame.buffer_mut(), area, 0, &said);
    }
    put(frame.buffer_mut(), area, 1, &Line::styled(fit(keys(app.screen()), columns), DIM));
}

/// What is told by which model, with what.
fn head(buffer: &mut Buffer, area: Rect, app: &App) {
    let recipe = app.voices().recipe();
    let mut facts = vec![app.tree().model().name.clone(), format!("preset {}", recipe.name)];
    facts.extend(recipe.set.iter().cloned());
    facts.extend([format!("seed {}", app.seed()), format!("token {} of {}", app.cursor(), app.len())]);
    facts.extend(app.layer().map(|by| format!("coloured by {}", by.sign())));
    let file = app.file().map(|file| file.display().to_string());
    facts.push(match (file, app.is_unsaved()) {
        (Some(file), false) => file,
        (Some(file), true) => format!("{file} …"),
        (None, true) => "not saved".to_owned(),
        (None, false) => plural(app.tree().len(), "branch", "branches"),
    });
    let line = facts.into_iter().filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(" · ");
    put(buffer, area, 0, &Line::styled(fit(&line, usize::from(area.width)), DIM));
}

/// The keys that are used most, as many as have room.
fn keys(screen: &Screen) -> &'static str {
    match screen {
        Screen::Page => {
            "? help · ←→ token · ↑↓ Enter take · Space tell on · u undo · r retry · n drafts · t tree · e edit · x export · q quit"
        }
        Screen::Tree => {
            "Enter go · ←→ close, open · d prune · m merge · h hoist · o sort · v blind pair · u undo · t page · ? help"
        }
        Screen::Compare(_) => "↑↓ scroll · Tab another branch · Enter go there · Esc page",
        Screen::Blind(_) => "1 or 2: which is better? · Esc neither",
        Screen::List(_) => "↑↓ choose · Enter go · Esc page",
        Screen::Forms => "1-6 choose a form · Esc page",
        Screen::Help(_) => "↑↓ scroll · Esc page",
        Screen::Leave => "s save · d discard · Esc stay",
    }
}
