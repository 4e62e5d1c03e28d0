//! A real terminal for tests: a program runs in it, and what a person sees is what its emulator shows, scrolled-back lines among
//! it.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::Command;

use pty_process::Size;
use pty_process::blocking::{Command as InTerminal, Pty, open};

/// What was seen of a program that has ended.
#[derive(Debug)]
pub struct Seen {
    /// Its exit code.
    pub code: Option<i32>,
    /// All that it wrote, to both streams.
    pub bytes: Vec<u8>,
    /// The lines that stand there in the end, without the spaces at their ends.
    pub lines: Vec<String>,
    /// Whether a line ever ran over the edge, so that the terminal broke it.
    pub ran_over: bool,
    /// Titles that were set, and bells that were rung.
    pub alarms: usize,
}

impl Seen {
    /// All that stands there.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// The words that stand there.
    pub fn words(&self) -> Vec<&str> {
        self.lines.iter().flat_map(|line| line.split_whitespace()).collect()
    }

    /// Whether so much was ever written.
    pub fn wrote(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.bytes).contains(text)
    }
}

/// What a person does while the program runs.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    Nothing,
    /// Ctrl-C.
    Interrupt,
    /// These keys.
    Type(&'static str),
    /// The terminal is made so many lines high and so many columns wide.
    Resize(u16, u16),
}

/// Runs the command in a terminal of so many lines and columns to its end.
pub fn see(command: Command, rows: u16, columns: u16) -> Seen {
    see_while(command, rows, columns, |_| Act::Nothing)
}

/// The same; `act` is asked after each part of the output what a person does who has seen all of it.
pub fn see_while(command: Command, rows: u16, columns: u16, mut act: impl FnMut(&str) -> Act) -> Seen {
    run(command, rows, columns, |bytes, _| act(&String::from_utf8_lossy(bytes)))
}

/// The same of a program that draws on the whole screen; `act` is asked what a person does who sees this on it.
#[cfg(feature = "explore")]
pub fn see_screen(command: Command, rows: u16, columns: u16, mut act: impl FnMut(&str) -> Act) -> Seen {
    run(command, rows, columns, |_, screen| act(&screen.contents()))
}

fn run(command: Command, rows: u16, columns: u16, mut act: impl FnMut(&[u8], &vt100::Screen) -> Act) -> Seen {
    let (mut pty, end) = open().unwrap();
    pty.resize(Size::new(rows, columns)).unwrap();
    let command = InTerminal::from(command).env("TERM", "xterm-256color").env_remove("NO_COLOR").env_remove("COLORTERM");
    let mut child = command.spawn(end).unwrap();
    let count = |count| NonZeroU16::new(count).unwrap();
    let mut emulator = vt100::Parser::new_with_callbacks(count(rows), count(columns), 10_000, Alarms::default());
    let (mut bytes, mut part, mut ran_over) = (Vec::new(), [0; 4096], false);
    // Behind the last process a terminal ends in an error.
    while let Ok(length @ 1..) = pty.read(&mut part) {
        bytes.extend_from_slice(&part[..length]);
        emulator.process(&part[..length]);
        let screen = emulator.screen();
        ran_over |= (0..screen.size().0.get()).any(|row| screen.row_wrapped(row));
        let act = act(&bytes, emulator.screen());
        perform(act, &mut pty, &mut emulator);
    }
    let code = child.wait().unwrap().code();
    let alarms = emulator.callbacks().0;
    Seen { code, bytes, lines: lines(emulator.screen_mut()), ran_over, alarms }
}

fn perform(act: Act, pty: &mut Pty, emulator: &mut vt100::Parser<Alarms>) {
    match act {
        Act::Nothing => {}
        Act::Interrupt => pty.write_all(b"\x03").unwrap(),
        Act::Type(keys) => pty.write_all(keys.as_bytes()).unwrap(),
        Act::Resize(rows, columns) => {
            pty.resize(Size::new(rows, columns)).unwrap();
            emulator.set_size(NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap());
        }
    }
}

/// From the first line that was scrolled away to the last one.
fn lines(screen: &mut vt100::Screen) -> Vec<String> {
    let columns = screen.size().1.get();
    let mut lines = Vec::new();
    for above in (1..=screen.scrollback_len()).rev() {
        screen.set_scrollback(above);
        lines.extend(screen.rows(0, columns).next());
    }
    screen.set_scrollback(0);
    lines.extend(screen.rows(0, columns));
    let mut lines: Vec<String> = lines.iter().map(|line| line.trim_end().to_owned()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Counts what reaches beyond the screen.
#[derive(Debug, Default)]
struct Alarms(usize);

impl vt100::Callbacks for Alarms {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.0 += 1;
    }

    fn set_window_title(&mut self, _: &mut vt100::Screen, _: &[u8]) {
        self.0 += 1;
    }

    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], _: &[u8]) {
        self.0 += 1;
    }
}
