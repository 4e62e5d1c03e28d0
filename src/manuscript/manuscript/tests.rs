//! The laws of the file.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A chapter in a folder of its own, beside the folder of journals.
fn chapter(bytes: impl AsRef<[u8]>) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (file, journals) = (folder.path().join("chapter.md"), folder.path().join("journals"));
    fs::write(&file, bytes).unwrap();
    (folder, file, journals)
}

fn open(file: &Path, journals: &Path) -> Manuscript {
    Manuscript::open(file, Some(journals)).unwrap()
}

#[test]
fn a_piece_comes_behind_what_stands_there_and_goes_again() {
    let (_folder, file, journals) = chapter("The sea was calm.\n");
    let mut manuscript = open(&file, &journals);
    assert_eq!((manuscript.text(), manuscript.told()), ("The sea was calm.\n", 0));
    manuscript.append("We slept.").unwrap();
    manuscript.append(" Then we woke.").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "The sea was calm.\nWe slept. Then we woke.");
    assert_eq!(manuscript.told(), "We slept. Then we woke.".len());
    drop(manuscript);
    // Another day.
    let mut manuscript = open(&file, &journals);
    assert_eq!(manuscript.take_back().unwrap(), " Then we woke.");
    assert_eq!(manuscript.take_back().unwrap(), "We slept.");
    assert_eq!(fs::read_to_string(&file).unwrap(), "The sea was calm.\n");
    let none = manuscript.take_back().unwrap_err().to_string();
    assert!(none.contains("no piece of") && none.contains("is known"), "{none}");
}

#[test]
fn a_file_with_line_ends_of_windows_keeps_to_them() {
    let (_folder, file, journals) = chapter("\u{feff}One.\r\n\r\nTwo.\r\n");
    let mut manuscript = open(&file, &journals);
    assert_eq!(manuscript.text(), "One.\n\nTwo.\n");
    manuscript.append("Three.\n\nFour.").unwrap();
    assert_eq!(fs::read(&file).unwrap(), "\u{feff}One.\r\n\r\nTwo.\r\nThree.\r\n\r\nFour.".as_bytes());
    assert_eq!((manuscript.text(), manuscript.told()), ("One.\n\nTwo.\nThree.\n\nFour.", "Three.\n\nFour.".len()));
    manuscript.take_back().unwrap();
    assert_eq!(fs::read(&file).unwrap(), "\u{feff}One.\r\n\r\nTwo.\r\n".as_bytes());
}

#[test]
fn what_was_written_meanwhile_stays_and_what_was_told_is_kept_beside_it() {
    let (folder, file, journals) = chapter("The sea was calm.");
    let mut manuscript = open(&file, &journals);
    fs::write(&file, "The sea was never calm.").unwrap();
    let said = manuscript.append(" We slept.").unwrap_err().to_string();
    assert!(said.contains("changed while the story was told\nhint: ") && said.contains("chapter.told.md"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "The sea was never calm.");
    assert_eq!(fs::read_to_string(folder.path().join("chapter.told.md")).unwrap(), " We slept.");
    // A second one takes no name that is taken.
    manuscript.append(" Again.").unwrap_err();
    assert_eq!(fs::read_to_string(folder.path().join("chapter.told-2.md")).unwrap(), " Again.");
    assert!(!manuscript.is_unchanged().unwrap());
    manuscript.reread().unwrap();
    manuscript.append(" It roared.").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "The sea was never calm. It roared.");
}

#[test]
fn only_the_last_piece_is_taken_and_only_while_it_is_the_end() {
    let (_folder, file, journals) = chapter("One.");
    let mut manuscript = open(&file, &journals);
    manuscript.append(" Two.").unwrap();
    drop(manuscript);
    fs::write(&file, "One. Two. Mine.").unwrap();
    let mut manuscript = open(&file, &journals);
    assert!(manuscript.take_back().unwrap_err().to_string().ends_with("no longer ends with it"));
    assert_eq!(manuscript.told(), 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "One. Two. Mine.");
    drop(manuscript);
    // What was changed before it does not matter.
    fs::write(&file, "Once. Two.").unwrap();
    assert_eq!(open(&file, &journals).take_back().unwrap(), " Two.");
    assert_eq!(fs::read_to_string(&file).unwrap(), "Once.");
}

#[test]
fn what_changes_while_it_is_to_be_cut_is_not_cut() {
    let (_folder, file, journals) = chapter("One.");
    let mut manuscript = open(&file, &journals);
    manuscript.append(" Two.").unwrap();
    fs::write(&file, "One. Two. Two.").unwrap();
    assert!(manuscript.take_back().unwrap_err().to_string().ends_with("somebody writes in it"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "One. Two. Two.");
}

#[test]
fn a_piece_that_was_being_added_when_the_program_ended_counts_if_it_is_there() {
    for (file_after, takes) in [("One.", None), ("One. T", None), ("One. Two.", Some(" Two.")), ("One! Two", None)] {
        let (_folder, file, journals) = chapter("One.");
        let mut manuscript = open(&file, &journals);
        // As if it had ended right here.
        let place = manuscript.place.clone();
        manuscript.journal.as_mut().unwrap().begin(&place, " Two.", 4).unwrap();
        drop(manuscript);
        fs::write(&file, file_after).unwrap();
        let mut manuscript = open(&file, &journals);
        assert_eq!(manuscript.take_back().ok().as_deref(), takes, "{file_after}");
        assert_eq!(fs::read_to_string(&file).unwrap(), if takes.is_some() { "One." } else { file_after });
    }
}

#[test]
fn two_at_once_are_one_too_many() {
    let (_folder, file, journals) = chapter("One.");
    let _first = open(&file, &journals);
    let said = Manuscript::open(&file, Some(&journals)).unwrap_err().to_string();
    assert!(said.contains("another afterword adds to"), "{said}");
}

#[test]
fn what_is_no_text_to_add_to_is_refused_at_once() {
    let (folder, file, journals) = chapter(b"caf\xe9");
    let said = |path: &Path| files::causes(&Manuscript::open(path, Some(&journals)).unwrap_err());
    assert!(said(&file).ends_with("it is not UTF-8: byte 3 begins no character"), "{}", said(&file));
    assert!(said(&folder.path().join("none.md")).ends_with("no such file or directory"));
    assert!(said(folder.path()).contains("it is a folder"));
    fs::write(&file, "a\0b").unwrap();
    assert!(said(&file).ends_with("it holds a NUL character, at byte 1: it is no text"));
    fs::write(&file, "One.").unwrap();
    let mut rights = fs::metadata(&file).unwrap().permissions();
    rights.set_readonly(true);
    fs::set_permissions(&file, rights).unwrap();
    assert!(said(&file).ends_with("it is protected against writing"));
}

#[cfg(unix)]
#[test]
fn a_link_leads_to_the_file_and_stays_a_link() {
    let (folder, file, journals) = chapter("One.");
    let link = folder.path().join("link.md");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let mut manuscript = open(&link, &journals);
    assert_eq!(manuscript.behind_link(), Some(&*file.canonicalize().unwrap()));
    manuscript.append(" Two.").unwrap();
    drop(manuscript);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&file).unwrap(), "One. Two.");
    // The journal is the file's, whatever it is called.
    assert_eq!(open(&file, &journals).take_back().unwrap(), " Two.");
}

#[test]
fn without_a_place_for_a_journal_pieces_are_added_and_stay() {
    let (_folder, file, _) = chapter("One.");
    let mut manuscript = Manuscript::open(&file, None).unwrap();
    manuscript.append(" Two.").unwrap();
    assert!(manuscript.take_back().unwrap_err().to_string().contains("no place for a journal"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "One. Two.");
}

#[test]
fn a_damaged_journal_takes_nothing_back() {
    let (_folder, file, journals) = chapter("One.");
    open(&file, &journals).append(" Two.").unwrap();
    for entry in fs::read_dir(&journals).unwrap() {
        fs::write(entry.unwrap().path(), b"{\"format\":1,").unwrap();
    }
    let mut manuscript = open(&file, &journals);
    assert!(manuscript.take_back().is_err());
    manuscript.append(" Three.").unwrap();
    assert_eq!(manuscript.take_back().unwrap(), " Three.");
    assert_eq!(fs::read_to_string(&file).unwrap(), "One. Two.");
}

/// Texts as writers have them: line ends of both kinds, marks, right-to-left, emoji, blank lines at the end, none at all.
fn texts() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        "[a-z .,]{0,12}",
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\n\n\n".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("שלום עולם".to_owned()),
        Just("👩‍👩‍👧‍👦 狼".to_owned()),
        Just("\t  ".to_owned()),
    ];
    proptest::collection::vec(parts, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn the_file_is_what_it_was_and_what_was_told(before in texts(), told in proptest::collection::vec(texts(), 1..4)) {
        prop_assume!(!before.starts_with("+++"));
        let (_folder, file, journals) = chapter(&before);
        let all_of_windows = before.contains('\n') && before.matches('\n').count() == before.matches("\r\n").count();
        let mut manuscript = open(&file, &journals);
        let mut states = vec![before.clone().into_bytes()];
        for piece in told.iter().filter(|piece| !piece.is_empty()) {
            let piece = piece.replace("\r\n", "\n");
            manuscript.append(&piece).unwrap();
            let added = if all_of_windows { piece.replace('\n', "\r\n") } else { piece };
            let expected = [&states.last().unwrap()[..], added.as_bytes()].concat();
            prop_assert_eq!(&fs::read(&file).unwrap(), &expected);
            states.push(expected);
        }
        // What another run reads is what this one has in mind.
        drop(manuscript);
        let mut manuscript = open(&file, &journals);
        let whole = String::from_utf8(states.last().unwrap().clone()).unwrap();
        prop_assert_eq!(manuscript.text(), crate::text::decode(whole.into_bytes()).unwrap());
        for state in states.iter().rev().skip(1) {
            manuscript.take_back().unwrap();
            prop_assert_eq!(&fs::read(&file).unwrap(), state);
        }
    }
}
