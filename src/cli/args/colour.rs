//! When to colour, and for a story that is told also by what.
//!
//! Two questions, so two options: `--colour` says when, for every command; `--colour-by` says by what, where a story is told.
//! `--colour alpha` answers both at once, for nobody who types it wants anything else.

use std::fmt;
use std::str::FromStr;

use super::{Args, Command};
use crate::cli::usage::Usage;
use crate::report::ColourScale;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// In a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
    /// As `auto`, and the words of a story by this.
    By(ColourScale),
}

impl FromStr for Colour {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        match typed {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            by => by.parse().map(Self::By).map_err(|_| {
                let tints = ColourScale::ALL.map(ColourScale::name).join("`, `");
                format!("expected `auto`, `always` or `never`, or for a story `{tints}`")
            }),
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
            Self::By(by) => by.name(),
        })
    }
}

impl Args {
    /// Takes what words are coloured by to the command that colours them.
    ///
    /// # Errors
    /// Another command than `write` and `score`, or two answers.
    pub fn settled(mut self) -> Result<Self, Usage> {
        let Colour::By(by) = self.colour else { return Ok(self) };
        let colour_by = match &mut self.command {
            Command::Write(write) => &mut write.colour_by,
            Command::Score(score) => &mut score.colour_by,
            _ => {
                return Err(Usage(format!(
                    "`--colour {}` colours words, as `write` tells and `score` reads them\nhint: expected `auto`, `always` or `never` here",
                    by.name()
                )));
            }
        };
        if let Some(other) = colour_by.replace(by).filter(|other| *other != by) {
            let (by, other) = (by.name(), other.name());
            return Err(Usage(format!("`--colour {by}` and `--colour-by {other}` cannot be had together")));
        }
        self.colour = Colour::Auto;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn settled(typed: &[&str]) -> Result<Args, Usage> {
        Args::try_parse_from([&["afterword"], typed].concat()).unwrap().settled()
    }

    #[test]
    fn a_tint_after_colour_is_one_after_colour_by() {
        for typed in
            [["write", "a", "--colour", "alpha"], ["--colour", "alpha", "write", "a"], ["write", "a", "--colour-by", "alpha"]]
        {
            let args = settled(&typed).unwrap();
            let Command::Write(write) = args.command else { panic!("{typed:?}") };
            assert_eq!((args.colour, write.colour_by), (Colour::Auto, Some(ColourScale::Alpha)));
        }
        let Command::Score(score) = settled(&["score", "a.txt", "--colour", "surprisal"]).unwrap().command else { panic!() };
        assert_eq!(score.colour_by, Some(ColourScale::Surprisal));
        let args = settled(&["write", "a", "--colour", "always", "--colour-by", "entropy"]).unwrap();
        assert_eq!(args.colour, Colour::Always);
    }

    #[test]
    fn a_tint_is_refused_where_no_words_are_coloured() {
        assert!(settled(&["presets", "list", "--colour", "alpha"]).unwrap_err().0.contains("`write`"));
        assert!(settled(&["write", "a", "--colour", "alpha", "--colour-by", "future"]).unwrap_err().0.contains("together"));
        assert!(Args::try_parse_from(["afterword", "write", "a", "--colour", "mauve"]).is_err());
    }
}
