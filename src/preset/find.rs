//! From a name or a path to a preset: the shipped ones, then `configs/`, then the user's own.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use anyhow::{Context, Result};

use super::mistake::{Fault, Mistake};
use super::overlay::Draft;
use super::schema::Preset;
use super::words;
use crate::files;

/// The shipped presets, by name: the texts of `configs/*.toml` at the time of the build.
const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/presets.rs"));

/// No preset is longer; what is, is something else (a model, say), and is not read into memory to find out.
const LONGEST: u64 = 1 << 20;

/// No chain of `extends` is longer: with more, nobody can tell what a preset does.
const DEEPEST: usize = 16;

/// Where presets are looked for besides the shipped ones, in this order. A folder that does not exist is an empty one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folders {
    /// The `configs` of the working directory.
    pub configs: Option<PathBuf>,
    /// The user's own, in the platform's configuration folder.
    pub user: Option<PathBuf>,
}

/// Where a preset comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresetOrigin {
    /// Shipped with the program, under this name.
    BuiltIn(&'static str),
    /// This file.
    File(PathBuf),
}

/// A line of a list of presets.
#[derive(Debug)]
pub struct Listed {
    /// The name by which it is found.
    pub name: String,
    /// Where it comes from.
    pub origin: PresetOrigin,
    /// What it says, or why it cannot be read.
    pub preset: Result<Preset>,
    /// Whether a preset of the same name stands before it, so that only its path leads here.
    pub hidden: bool,
}

/// No preset, or no list of bans, has the name that was asked for.
#[derive(Debug)]
pub struct UnknownName(String);

impl UnknownName {
    pub(super) fn of(fault: Fault) -> Self {
        Self(match fault.hint {
            Some(hint) => format!("{}\nhint: {hint}", fault.cause),
            None => fault.cause,
        })
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnknownName {}

/// Finds a preset by name or path. What ends in `.toml` or holds a separator is a path; a name is looked up among the shipped
/// presets, then in each of the folders.
///
/// # Errors
/// An [`UnknownName`], with the nearest as a hint; the file cannot be read; what it says is a [`Mistake`].
pub fn find(name_or_path: &str, folders: &Folders) -> Result<Preset> {
    let origin = locate(name_or_path, None, folders).map_err(UnknownName::of)?;
    load(&origin, folders, &mut Vec::new())
}

/// Reads the preset in a file, whatever the file is called.
///
/// # Errors
/// The file cannot be read; what it says is a [`Mistake`].
pub fn read(path: &Path, folders: &Folders) -> Result<Preset> {
    load(&PresetOrigin::File(path.to_owned()), folders, &mut Vec::new())
}

/// Reads the preset of this text; `name` is what the text is called where it is wrong.
///
/// # Errors
/// What it says is a [`Mistake`]; so is that it extends another preset, for a text has no folder beside it.
pub fn parse(text: &str, name: &str) -> Result<Preset> {
    let alone = |draft: Draft| match draft.extends() {
        Some((place, _)) => Err(Fault::at(place, "a text that stands in no file extends nothing")),
        None => draft.resolve(None),
    };
    Ok(Draft::read(text).and_then(alone).map_err(|fault| Mistake::new(name, text, fault))?)
}

/// Whether this is the name of a shipped preset.
#[must_use]
pub fn is_shipped(name: &str) -> bool {
    BUILT_IN.iter().any(|(shipped, _)| *shipped == name)
}

/// What a shipped preset says of itself: the comment at its head, each line with its `#`.
#[must_use]
pub fn head(name: &str) -> Option<String> {
    let (_, text) = BUILT_IN.iter().find(|(shipped, _)| *shipped == name)?;
    Some(text.lines().take_while(|line| line.starts_with('#')).flat_map(|line| [line, "\n"]).collect())
}

/// All presets that have a name: the shipped ones, then those of each folder, sorted within each.
///
/// A file with the very text of a shipped preset of its name is that preset, and is not listed again.
///
/// # Errors
/// A folder is there, but cannot be read.
pub fn list(folders: &Folders) -> Result<Vec<Listed>> {
    let mut found: Vec<(String, PresetOrigin)> =
        BUILT_IN.iter().map(|(name, _)| ((*name).to_owned(), PresetOrigin::BuiltIn(name))).collect();
    for folder in folders.each() {
        let files = files_in(folder).with_context(|| format!("cannot list the presets in `{}`", folder.display()))?;
        found.extend(files.into_iter().filter(|(name, origin)| !is_copy(name, origin)));
    }
    let earlier = |at: usize| found[..at].iter().any(|(name, _)| *name == found[at].0);
    let hidden: Vec<bool> = (0..found.len()).map(earlier).collect();
    let line = |((name, origin), hidden): ((String, PresetOrigin), bool)| {
        let preset = load(&origin, folders, &mut Vec::new());
        Listed { name, origin, preset, hidden }
    };
    Ok(found.into_iter().zip(hidden).map(line).collect())
}

impl Folders {
    fn each(&self) -> impl Iterator<Item = &Path> {
        let Self { configs, user } = self;
        [configs, user].into_iter().filter_map(|folder| folder.as_deref())
    }
}

impl fmt::Display for PresetOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(name) => f.write_str(name),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl PresetOrigin {
    /// Whether two origins are one, however their paths are spelled.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::BuiltIn(a), Self::BuiltIn(b)) => a == b,
            (Self::File(a), Self::File(b)) => {
                a == b || fs::canonicalize(a).ok().is_some_and(|a| fs::canonicalize(b).ok() == Some(a))
            }
            (Self::BuiltIn(_), Self::File(_)) | (Self::File(_), Self::BuiltIn(_)) => false,
        }
    }
}

/// Where the preset of this name or path is. A path is relative to `beside`, the folder of the file that names it.
fn locate(name_or_path: &str, beside: Option<&Path>, folders: &Folders) -> Result<PresetOrigin, Fault> {
    let path = Path::new(name_or_path);
    if name_or_path.contains(['/', MAIN_SEPARATOR]) || is_toml(path) {
        // Put together from its components, the path has no `/./` in its middle.
        return Ok(PresetOrigin::File(
            beside.map_or_else(|| path.to_owned(), |folder| folder.join(path).components().collect()),
        ));
    }
    if let Some((name, _)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
        return Ok(PresetOrigin::BuiltIn(name));
    }
    let file = |folder: &Path| folder.join(format!("{name_or_path}.toml"));
    match folders.each().map(file).find(|path| path.is_file()) {
        Some(path) => Ok(PresetOrigin::File(path)),
        None => Err(unknown(name_or_path, &file(beside.unwrap_or(Path::new(""))), folders)),
    }
}

fn unknown(name: &str, file: &Path, folders: &Folders) -> Fault {
    let own: Vec<String> = folders.each().filter_map(|folder| files_in(folder).ok()).flatten().map(|(name, _)| name).collect();
    let mut names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    for name in &own {
        // A shipped preset often lies in `configs` too, and is named once.
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let hint = if file.is_file() {
        format!("for the file `{name}.toml` in this folder write the whole name, `{name}.toml`")
    } else {
        words::suggestion(name, &names)
    };
    Fault::new(format!("there is no preset `{name}`")).hint(hint)
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

/// The presets in a folder, by name. No folder, no presets.
fn files_in(folder: &Path) -> std::io::Result<Vec<(String, PresetOrigin)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if is_toml(&path) && path.is_file() {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, PresetOrigin::File(path)));
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

fn is_copy(name: &str, origin: &PresetOrigin) -> bool {
    let shipped = BUILT_IN.iter().find(|(shipped, _)| *shipped == name);
    shipped.is_some_and(|(_, shipped)| text_of(origin).is_ok_and(|text| text == *shipped))
}

/// Reads a preset and what it extends. `trail` holds those that led here, the first one first.
fn load(origin: &PresetOrigin, folders: &Folders, trail: &mut Vec<PresetOrigin>) -> Result<Preset> {
    let file = origin.to_string();
    let text = text_of(origin)?;
    let wrong = |fault: Fault| Mistake::new(&file, &text, fault);
    let draft = Draft::read(&text).map_err(wrong)?;
    trail.push(origin.clone());
    let below = match draft.extends() {
        None => None,
        Some((place, extends)) => {
            let at = |fault: Fault| wrong(Fault { span: Some(place.clone()), ..fault });
            let folder = match origin {
                PresetOrigin::BuiltIn(_) => None,
                PresetOrigin::File(path) => path.parent(),
            };
            let below = locate(extends, folder, folders).map_err(at)?;
            check_trail(trail, &below).map_err(at)?;
            if let PresetOrigin::File(path) = &below
                && !path.exists()
            {
                return Err(at(Fault::new(format!("there is no file `{}`", path.display()))).into());
            }
            Some(load(&below, folders, trail)?)
        }
    };
    Ok(draft.resolve(below.as_ref()).map_err(wrong)?)
}

fn check_trail(trail: &[PresetOrigin], next: &PresetOrigin) -> Result<(), Fault> {
    let spelled = |trail: &[PresetOrigin]| {
        let names: Vec<String> = trail.iter().chain([next]).map(|origin| format!("`{origin}`")).collect();
        names.join(" → ")
    };
    if let Some(start) = trail.iter().position(|origin| origin.is(next)) {
        return Err(Fault::new(format!("it extends itself: {}", spelled(&trail[start..]))));
    }
    if trail.len() >= DEEPEST {
        return Err(Fault::new(format!("more than {DEEPEST} presets extend each other: {}", spelled(trail))));
    }
    Ok(())
}

/// The text of a preset.
fn text_of(origin: &PresetOrigin) -> Result<String> {
    let path = match origin {
        PresetOrigin::BuiltIn(name) => {
            let text = BUILT_IN.iter().find(|(shipped, _)| shipped == name).map(|(_, text)| (*text).to_owned());
            return text.with_context(|| format!("there is no shipped preset `{name}`"));
        }
        PresetOrigin::File(path) => path,
    };
    let name = origin.to_string();
    let bytes = bytes_of(path).map_err(|fault| Mistake::unread(&name, fault))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes()[at];
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        Mistake::new(&name, &text, Fault::at(at..at, format!("it is not UTF-8 text: byte 0x{byte:02X}"))).into()
    })
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, Fault> {
    if path.is_dir() {
        return Err(Fault::new("it is a folder").hint("name a file in it, or a preset"));
    }
    // One byte more than any preset has, so that a longer file is known as a model where it is one.
    match files::open(path).and_then(|file| beginning(file, LONGEST + 1)) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut longer = path.as_os_str().to_owned();
            longer.push(".toml");
            let longer = Path::new(&longer);
            let fault = Fault::new("there is no such file");
            Err(if longer.is_file() { fault.hint(format!("did you mean `{}`?", longer.display())) } else { fault })
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Fault::new("permission denied")),
        Err(error) => Err(Fault::new(files::words(&error))),
        Ok(bytes) if bytes.starts_with(b"GGUF") => {
            Err(Fault::new("it is a model, not a preset").hint("name it as the model, and a preset beside it"))
        }
        Ok(bytes) if bytes.len() as u64 > LONGEST => Err(Fault::new("it is longer than 1 MiB, which no preset is")),
        Ok(bytes) => Ok(bytes),
    }
}

/// At most so many bytes of a file.
fn beginning(file: fs::File, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
