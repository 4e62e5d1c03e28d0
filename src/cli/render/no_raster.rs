//! A program without pixels.

use anyhow::Result;

use crate::cli::usage::Usage;

/// Refuses to draw.
pub fn check(_: &str) -> Result<()> {
    let hint = "`.svg` and `.html` need no pixels; the feature `pictures` draws them";
    Err(Usage(format!("cannot draw a PNG: this program was built without\nhint: {hint}")).into())
}

/// Refuses to draw.
pub fn png(svg: &str) -> Result<Vec<u8>> {
    check(svg).map(|()| Vec::new())
}
