//! What the terminal hears, in the words of the explorer.

use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use crate::explore::{Code, Key};

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Key(Key),
    /// A place of the screen was clicked: column and row.
    Click(u16, u16),
    /// The wheel was turned by so many notches, down where they are more than nothing.
    Wheel(i32),
    /// Something else, after which the screen is drawn anew.
    Other,
}

/// What an event of the terminal is.
pub fn heard(event: &Event) -> Heard {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => of_key(key).map_or(Heard::Other, Heard::Key),
        Event::Mouse(MouseEvent { kind, column, row, .. }) => match kind {
            MouseEventKind::Down(MouseButton::Left) => Heard::Click(*column, *row),
            MouseEventKind::ScrollDown => Heard::Wheel(1),
            MouseEventKind::ScrollUp => Heard::Wheel(-1),
            _ => Heard::Other,
        },
        _ => Heard::Other,
    }
}

fn of_key(key: &KeyEvent) -> Option<Key> {
    let code = match key.code {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Escape,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        _ => return None,
    };
    Some(Key { code, ctrl: key.modifiers.contains(KeyModifiers::CONTROL) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_heard_when_it_is_pressed() {
        let key = |code, modifiers| Event::Key(KeyEvent::new(code, modifiers));
        assert_eq!(heard(&key(KeyCode::Char('B'), KeyModifiers::SHIFT)), Heard::Key(Key::typed('B')));
        assert_eq!(heard(&key(KeyCode::Left, KeyModifiers::CONTROL)), Heard::Key(Key::ctrl(Code::Left)));
        assert_eq!(heard(&key(KeyCode::F(1), KeyModifiers::NONE)), Heard::Other);
        let released = KeyEvent::new_with_kind(KeyCode::Enter, KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(heard(&Event::Key(released)), Heard::Other);
        let mouse = |kind| Event::Mouse(MouseEvent { kind, column: 7, row: 3, modifiers: KeyModifiers::NONE });
        assert_eq!(heard(&mouse(MouseEventKind::Down(MouseButton::Left))), Heard::Click(7, 3));
        assert_eq!(heard(&mouse(MouseEventKind::ScrollUp)), Heard::Wheel(-1));
        assert_eq!(heard(&mouse(MouseEventKind::Moved)), Heard::Other);
    }
}
