//! A figure in pixels.

use anyhow::{Context, Result, bail};
use resvg::{tiny_skia, usvg};

use crate::cli::usage::Usage;
use crate::files::MARK;

/// Pixels of a picture for one unit of its drawing.
const SCALE: f32 = 2.0;

/// The most pixels of a picture, in millions: 256 MB while it is drawn, and more than programs like to show.
const MOST_MEGAPIXELS: u64 = 64;

/// Asks whether this figure can be drawn here: whether there is a font, and whether it is not too large.
pub fn check(svg: &str) -> Result<()> {
    size(&tree(svg)?).map(drop)
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

fn tree(svg: &str) -> Result<usvg::Tree> {
    let options = usvg::Options { fontdb: std::sync::Arc::new(fonts()?), ..usvg::Options::default() };
    usvg::Tree::from_str(svg, &options).context("cannot read the figure that was drawn")
}

/// Its size in pixels, if it is not too large.
fn size(tree: &usvg::Tree) -> Result<[u32; 2]> {
    let size = tree.size().to_int_size().scale_by(SCALE).map(|size| [size.width(), size.height()]);
    let fits = |[width, height]: &[u32; 2]| u64::from(*width) * u64::from(*height) <= MOST_MEGAPIXELS * 1_000_000;
    match size {
        Some(size) if fits(&size) => Ok(size),
        _ => {
            let hint = "draw an `.svg`, which may be of any size, or fewer stories";
            let size = size.map_or(String::new(), |[width, height]| format!(" of {width} × {height} pixels"));
            let most = format!("at most {MOST_MEGAPIXELS} million pixels are drawn");
            Err(Usage(format!("the figure is too large for a PNG{size}: {most}\nhint: {hint}")).into())
        }
    }
}

/// The figure as a PNG, which says who drew it.
pub fn png(svg: &str) -> Result<Vec<u8>> {
    let tree = tree(svg)?;
    let [width, height] = size(&tree)?;
    let mut pixels = tiny_skia::Pixmap::new(width, height).context("there is no memory for the picture")?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let write = |mut encoder: png::Encoder<&mut Vec<u8>>| {
        encoder.add_text_chunk("Software".to_owned(), MARK.to_owned())?;
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&pixels.take_demultiplied())?;
        writer.finish()
    };
    write(encoder).context("cannot write the PNG")?;
    Ok(bytes)
}
