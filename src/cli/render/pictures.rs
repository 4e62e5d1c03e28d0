//! A comparison as a file to be looked at: a page, or a figure.

use std::path::PathBuf;

use anyhow::Result;

use super::raster;
use crate::cli::render::terminal::Terminal;
use crate::cli::usage::Usage;
use crate::files::{Form, Inputs, Output};
use crate::report::{ColourScale, Page, Story, figure, page};

/// What is drawn, and where to.
#[derive(Debug)]
pub struct Picture {
    kind: Kind,
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Page,
    Svg,
    Png,
}

impl Picture {
    /// A picture of so many stories, in the form that the name of the file asks for; asked before a story is told, with the
    /// files that are not to be lost.
    pub fn new(path: PathBuf, stories: usize, inputs: &Inputs) -> Result<Self> {
        let ending = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
        let (kind, form) = match ending.as_str() {
            "html" | "htm" => (Kind::Page, Form::PAGE),
            "svg" => (Kind::Svg, Form::SVG),
            "png" => (Kind::Png, Form::PNG),
            _ => {
                let message = format!("`--out {}` has no form\nhint: end it in `.html`, `.svg` or `.png`", path.display());
                return Err(Usage(message).into());
            }
        };
        if kind == Kind::Png {
            // Without a word in them the columns have this size already.
            let empty: Vec<Story> = vec![Story::told("", "", "", &[]); stories.max(1)];
            raster::check(&figure("", &empty, ColourScale::Surprisal))?;
        }
        Ok(Self { kind, output: Output::new(path, form, inputs)? })
    }

    /// Draws compared stories into the file.
    pub fn draw(&self, title: &str, stories: &[Story], by: Option<ColourScale>, terminal: &Terminal) -> Result<()> {
        let has_alpha = stories.iter().any(|story| story.trace.iter().any(|token| token.alpha.is_some()));
        let by = by.unwrap_or(if has_alpha { ColourScale::Alpha } else { ColourScale::Surprisal });
        let bytes = match self.kind {
            Kind::Page => page(Page::Comparison, title, stories)?.into_bytes(),
            Kind::Svg => figure(title, stories, by).into_bytes(),
            Kind::Png => raster::png(&figure(title, stories, by))?,
        };
        self.output.write(&bytes)?;
        terminal.note(format_args!("drawn to {}", self.output.path().display()));
        Ok(())
    }
}
