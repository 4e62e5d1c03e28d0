//! A comparison as a file to be looked at: a page, or a figure.

use std::path::Path;

use anyhow::{Context, Result, bail};
use resvg::{tiny_skia, usvg};

use super::report::write;
use super::terminal::Terminal;
use super::usage::Usage;
use crate::report::{Page, Story, Tint, figure, page};

/// Pixels of a picture for one unit of its drawing.
const SCALE: f32 = 2.0;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Page,
    Svg,
    Png,
}

impl Form {
    /// The form that the name of a file asks for; asked before a story is told.
    pub fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("html" | "htm") => Ok(Self::Page),
            Some("svg") => Ok(Self::Svg),
            Some("png") => {
                fonts()?;
                Ok(Self::Png)
            }
            _ => {
                Err(Usage(format!("`--out {}` has no form\nhint: end it in `.html`, `.svg` or `.png`", path.display())).into())
            }
        }
    }
}

/// Draws compared stories into a file.
pub fn draw(path: &Path, title: &str, stories: &[Story], tint: Option<Tint>, terminal: &Terminal) -> Result<()> {
    let has_alpha = stories.iter().any(|story| story.trace.iter().any(|token| token.alpha.is_some()));
    let tint = tint.unwrap_or(if has_alpha { Tint::Alpha } else { Tint::Surprisal });
    let bytes = match Form::of(path)? {
        Form::Page => page(Page::Comparison, title, stories)?.into_bytes(),
        Form::Svg => figure(title, stories, tint).into_bytes(),
        Form::Png => png(&figure(title, stories, tint))?,
    };
    write(path, &bytes, terminal)?;
    terminal.note(format_args!("drawn to {}", path.display()));
    Ok(())
}

/// The fonts of this machine.
fn fonts() -> Result<usvg::fontdb::Database> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_system_fonts();
    let Some(any) = fonts.faces().next().and_then(|face| face.families.first()).map(|family| family.0.clone()) else {
        bail!(
            "cannot draw a PNG: this machine has no font\nhint: install one, or draw an `.svg`, which takes those of its reader"
        )
    };
    // What the drawing names may not be here: then it is the first of these that is, or any.
    let here = |name: &&str| fonts.faces().any(|face| face.families.iter().any(|family| family.0 == **name));
    let serif = ["Times New Roman", "Liberation Serif", "Tinos", "Nimbus Roman", "DejaVu Serif", "Noto Serif", "DejaVu Sans"];
    let serif = serif.iter().copied().find(|name| here(name)).map_or(any, str::to_owned);
    fonts.set_serif_family(serif);
    Ok(fonts)
}

fn png(svg: &str) -> Result<Vec<u8>> {
    let options = usvg::Options { fontdb: std::sync::Arc::new(fonts()?), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options).context("cannot read the figure that was drawn")?;
    let size = tree.size().to_int_size().scale_by(SCALE).context("the figure is too large for a PNG")?;
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height())
        .with_context(|| format!("the figure is too large for a PNG: {} × {}", size.width(), size.height()))?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().context("cannot write the PNG")
}
