//! The engine: what a template makes of its variables, in steps and bytes that are counted.

use std::io::{self, Write};

use chrono::NaiveDateTime;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Template, Value};

use super::python::furnish;
use super::renderer::{Job, Rendered};
use super::source::for_the_engine;
use crate::text::{EXCERPT, excerpt};

/// How much work a template may be: some thousand times that of the longest ones, and well under a second. Bytes that it
/// writes or keeps count too.
const FUEL: u64 = 5_000_000;

/// The longest source, in bytes: ten times that of the longest ones.
const LONGEST: usize = 256 << 10;

/// The most bytes of a text: no prompt of that length fits any model.
const MOST: usize = 16 << 20;

/// Renders a template once with each set of variables.
pub(super) fn render(job: &Job) -> Rendered {
    let refused = |reason: String| job.variables.iter().map(|_| Err(reason.clone())).collect();
    if job.source.len() > LONGEST {
        return refused(format!(
            "its source has {} kB, and the longest that is read {}",
            job.source.len() >> 10,
            LONGEST >> 10
        ));
    }
    let source = for_the_engine(&job.source);
    let environment = environment(job.now);
    match environment.template_from_str(&source) {
        Ok(template) => job.variables.iter().map(|variables| text(&template, variables)).collect(),
        Err(error) => refused(cause(&error)),
    }
}

fn text(template: &Template<'_, '_>, variables: &Value) -> Result<String, String> {
    let mut text = Bounded(Vec::new());
    match template.render_captured_to(variables.clone(), &mut text) {
        Ok(_) => String::from_utf8(text.0).map_err(|_| "what it writes is no text".to_owned()),
        Err(error) if error.kind() == ErrorKind::WriteFailure => Err(format!("it writes more than {} MB", MOST >> 20)),
        Err(error) => Err(cause(&error)),
    }
}

fn environment(now: NaiveDateTime) -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.unwrap_or_default());
    environment.set_fuel(Some(FUEL));
    environment.set_debug(false);
    furnish(&mut environment, now);
    environment
}

/// Why a template failed, in one clause.
fn cause(error: &Error) -> String {
    let place = error.line().map_or(String::new(), |line| format!(" in its line {line}"));
    let reason = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => return "it does not come to an end".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    format!("`{}`{place}", excerpt(&reason, EXCERPT))
}

/// A text that does not outgrow [`MOST`].
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
