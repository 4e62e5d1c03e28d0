//! What is saved, and what is asked before it is lost.

use super::*;

#[test]
fn who_has_changed_nothing_leaves_at_once() {
    let mut sitting = Sitting::new();
    sitting.press("q");
    assert!(matches!(sitting.effects[..], [Effect::Quit]));
}

#[test]
fn what_is_not_saved_is_asked_about() {
    let mut sitting = Sitting::new();
    sitting.press(" q");
    assert_eq!((sitting.app.screen(), sitting.effects.len()), (&Screen::Leave, 0));
    sitting.press("⎋");
    assert_eq!(sitting.app.screen(), &Screen::Page);
    sitting.press("qs");
    assert_eq!(sitting.app.field().map(|field| field.text.as_str()), Some("tree.json"));
    sitting.press("⏎");
    assert!(matches!(&sitting.effects[..], [Effect::Save(path)] if path.ends_with("tree.json")));
    sitting.hear(Event::Saved(Ok(())));
    assert!(matches!(sitting.effects[..], [Effect::Save(_), Effect::Quit]));
}

#[test]
fn what_cannot_be_saved_is_not_left() {
    let mut sitting = Sitting::new();
    sitting.press(" qs⏎");
    sitting.hear(Event::Saved(Err("cannot write `tree.json`: no room".to_owned())));
    assert_eq!((sitting.said(), sitting.app.is_unsaved()), ("cannot write `tree.json`: no room", true));
    assert!(!sitting.effects.iter().any(|effect| matches!(effect, Effect::Quit)));
    sitting.press("qd");
    assert!(sitting.effects.iter().any(|effect| matches!(effect, Effect::Quit)));
}

#[test]
fn a_tree_with_a_file_is_saved_when_time_passes() {
    let mut sitting = Sitting::new();
    sitting.app.file = Some("tree.json".into());
    sitting.hear(Event::Tick(101));
    assert!(sitting.effects.is_empty());
    sitting.press(" ");
    sitting.hear(Event::Tick(102));
    assert!(matches!(sitting.effects[..], [Effect::Save(_)]) && !sitting.app.is_unsaved());
    sitting.hear(Event::Saved(Ok(())));
    sitting.hear(Event::Tick(103));
    sitting.press("q");
    assert!(matches!(sitting.effects[..], [Effect::Save(_), Effect::Quit]));
}

#[test]
fn exports_have_a_form_and_a_place() {
    let mut sitting = Sitting::new();
    sitting.press("x1");
    let form = Export::ALL[0];
    assert_eq!(sitting.app.field().map(|field| field.text.clone()), Some(format!("story.{}", form.ending())));
    sitting.press("⏎");
    assert!(matches!(&sitting.effects[..], [Effect::Export(chosen, _)] if *chosen == form));
    sitting.hear(Event::Exported(Ok("story.md".into())));
    assert_eq!(sitting.said(), "exported to `story.md`");
    sitting.press("x9");
    assert_eq!((sitting.app.screen(), sitting.app.field()), (&Screen::Page, None));
}
