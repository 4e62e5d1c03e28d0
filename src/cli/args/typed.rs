//! Which options were typed, where an option that was not has its usual value.

use std::collections::BTreeSet;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

/// The options that stood on the command line, by the names of their fields. It must be the first field of its command: what is read
/// before it is no longer seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Typed(BTreeSet<String>);

impl Typed {
    /// Whether this option was typed.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

impl FromArgMatches for Typed {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        Ok(Self(matches.ids().map(clap::Id::as_str).filter(|id| typed(id)).map(str::to_owned).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Typed {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Args, Command};

    #[test]
    fn what_has_its_usual_value_was_not_typed() {
        let typed = |line: &str| match Args::try_parse_from(line.split(' ')).unwrap().command {
            Command::Write(write) => ["preset", "tokens", "seed", "resume"].map(|name| write.typed.has(name)),
            other => panic!("{other:?}"),
        };
        assert_eq!(typed("afterword write x"), [false; 4]);
        assert_eq!(typed("afterword write x --preset wave --seed 3"), [true, false, true, false]);
        assert_eq!(typed("afterword write --resume s.json --tokens 300"), [false, true, false, true]);
    }
}
