//! Lists of bans that come with the program.

use super::mistake::Fault;
use super::words;
use crate::bans::List;

/// The shipped lists, by name: the texts of `configs/bans/*.toml` at the time of the build.
const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/bans.rs"));

/// The list of this name.
///
/// # Errors
/// There is none.
pub(super) fn find(name: &str) -> Result<List, Fault> {
    let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    let Some((_, text)) = BUILT_IN.iter().find(|(list, _)| *list == name) else {
        return Err(Fault::new(format!("there is no list of bans `{name}`")).hint(words::suggestion(name, &names)));
    };
    read(text)
}

/// A list in this text.
///
/// # Errors
/// It is none.
pub(super) fn read(text: &str) -> Result<List, Fault> {
    toml::from_str(text).map_err(|error| Fault { span: error.span(), ..Fault::new(error.message()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bans::{Bans, Matcher};

    #[test]
    fn every_shipped_list_can_be_meant() {
        assert!(!BUILT_IN.is_empty());
        for (name, _) in BUILT_IN {
            let mut bans = Bans::default();
            bans.add(find(name).unwrap());
            assert!(bans.phrases.len() > 20, "{name}");
            Matcher::new(bans).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        }
    }
}
