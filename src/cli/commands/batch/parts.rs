//! Parts of a run for several machines: which one this is, and what parts that are joined lack.

use anyhow::Result;

use super::summary::shown;
use crate::batch::{Allotted, Missing, NotAllotted, SHARDS, Shard, Short};
use crate::cli::args::Part;
use crate::cli::render::terminal::Terminal;
use crate::cli::usage::Usage;
use crate::text::grouped;

/// The part that is to be told. Where a scheduler tells it, it is said who did: a variable may be there of which nobody thinks.
pub fn shard(part: Option<Part>, terminal: &Terminal) -> Result<Option<Shard>> {
    match part {
        None => Ok(None),
        Some(Part::Named(shard)) => Ok(Some(shard)),
        Some(Part::Allotted) => {
            let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
            let Allotted { shard, by } = Allotted::read(&variable).map_err(|cause| refused(&cause))?;
            terminal.note(format_args!("{}, from {by}", of(shard)));
            Ok(Some(shard))
        }
    }
}

/// `part 3 of 8`.
fn of(shard: Shard) -> String {
    format!("part {}", shard.to_string().replace('/', " of "))
}

fn refused(cause: &NotAllotted) -> Usage {
    let hint = match cause {
        NotAllotted::Both(..) => "unset those of one of them, or name the part with `--shard 3/8`".to_owned(),
        NotAllotted::Missing { missing: SHARDS, .. } | NotAllotted::Beyond { .. } => {
            format!("in the manifest of the Job, `{SHARDS}` is what `completions` is")
        }
        NotAllotted::Nobody | NotAllotted::Missing { .. } | NotAllotted::NoNumber { .. } => {
            "`--shard 3/8` names a part".to_owned()
        }
        NotAllotted::Gaps { .. } => {
            "an array as `--array=1-8` has a number for each part; to tell some of them again, name each with `--shard 3/8`"
                .to_owned()
        }
    };
    Usage(format!("{cause}\nhint: {hint}"))
}

/// Says what no folder holds that was joined, and where it should have been.
pub fn lacking(missing: &Missing, terminal: &Terminal) {
    let Missing { stories, parts, short } = missing;
    let are = if stories.len() == 1 { "1 story is".to_owned() } else { format!("{} stories are", grouped(stories.len())) };
    terminal.note(format_args!("{are} in none of these folders: {}", shown(stories)));
    if !parts.is_empty() {
        let parts: Vec<String> = parts.iter().map(|part| of(*part)).collect();
        let is = if parts.len() == 1 { "is" } else { "are" };
        terminal.note(format_args!("{} {is} not among them", shown(&parts)));
    }
    for Short { folder, lacks, of } in short {
        let (folder, lacks, of) = (
            folder.display(),
            grouped(*lacks),
            if *of == 1 { "story".to_owned() } else { format!("{} stories", grouped(*of)) },
        );
        terminal.note(format_args!("`{folder}` lacks {lacks} of its {of}: the command that told it goes on there"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_a_sentence_with_what_helps() {
        let number = NotAllotted::NoNumber { name: SHARDS, value: "x".into(), expected: "a whole number from 1 up" };
        for cause in [
            NotAllotted::Nobody,
            NotAllotted::Both("A", "B"),
            NotAllotted::Missing { set: "A", missing: SHARDS },
            NotAllotted::Missing { set: "A", missing: "B" },
            number,
            NotAllotted::Gaps { numbers: [4, 1, 1, 9, 4] },
            NotAllotted::Beyond { index: 8, shards: 8 },
        ] {
            let said = refused(&cause).to_string();
            let (sentence, hint) = said.split_once("\nhint: ").unwrap();
            assert!(!sentence.contains("--") && !sentence.contains('\n') && hint.contains('`'), "{said}");
        }
    }
}
