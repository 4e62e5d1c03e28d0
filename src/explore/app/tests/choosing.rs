//! Words are chosen, and texts edited.

use super::*;

#[test]
fn the_word_that_would_be_drawn_is_chosen_first() {
    let mut sitting = Sitting::new();
    assert_eq!(sitting.app.decision().map(|(_, chosen)| chosen), Some(1));
    sitting.press("⏎");
    assert_eq!((sitting.text().as_str(), sitting.app.cursor()), (" king", 1));
    // Within a story it is the one that stands there.
    sitting.press("↓⏎⇤");
    assert_eq!(sitting.text(), " king had");
    sitting.press("→");
    assert_eq!(sitting.app.decision().map(|(_, chosen)| chosen), Some(2));
}

#[test]
fn another_word_grows_a_branch_and_overwrites_nothing() {
    let mut sitting = Sitting::new();
    sitting.press(" ");
    let told = sitting.text();
    sitting.press("⇤→→");
    let token_there = sitting.app.token_at(2).unwrap();
    let other = (token_there as usize + 1) % WORDS.len();
    let choose = |sitting: &mut Sitting, word: usize| {
        sitting.press(&"↑".repeat(WORDS.len()));
        sitting.press(&"↓".repeat(word));
        sitting.press("⏎");
    };
    let before: usize = sitting.app.spots().take(2).map(|spot| spot.text.len()).sum();
    choose(&mut sitting, other);
    let branch = format!("{}{}", &told[..before], WORDS[other]);
    assert_eq!((sitting.text(), sitting.app.cursor(), sitting.app.tree().len()), (branch.clone(), 3, 4));
    assert_eq!(sitting.texts(), [told.clone(), branch.clone()]);
    // Whoever takes a word that a branch begins with stands in that branch.
    for (word, text) in [(token_there as usize, &told), (other, &branch)] {
        sitting.press("←");
        choose(&mut sitting, word);
        assert_eq!((&sitting.text(), sitting.app.cursor(), sitting.app.tree().len()), (text, 3, 4));
    }
}

#[test]
fn what_is_rewound_is_out_of_sight_and_kept() {
    let mut sitting = Sitting::new();
    sitting.press(" ");
    let told = sitting.text();
    sitting.press("⌫⌫");
    assert_eq!((sitting.app.len(), sitting.texts()), (4, vec![told.clone()]));
    sitting.press("→");
    assert_eq!(sitting.app.len(), 5);
    sitting.press("⇱");
    assert_eq!(sitting.text(), told);
    // What is told from there is a branch.
    sitting.press("⌫⌫n");
    assert_eq!((sitting.texts().len(), &sitting.texts()[0]), (4, &told));
}

#[test]
fn an_edited_text_is_a_branch_from_where_it_differs() {
    let mut sitting = Sitting::new();
    sitting.press(" ⇤→e");
    let Some(Effect::Edit(text)) = sitting.effects.pop() else { panic!("nothing is edited") };
    let told = sitting.text();
    assert_eq!(text, &told[sitting.app.spots().next().unwrap().text.len()..]);
    let cut = text.len() - 1;
    let edited = format!("{}狼", &text[..cut]);
    sitting.hear(Event::Edited(Some(edited.clone())));
    assert_eq!(sitting.texts(), [told.clone(), format!("{}{edited}", &told[..told.len() - text.len()])]);
    assert_eq!((sitting.app.cursor(), sitting.app.decision().is_some()), (sitting.app.len(), true));
    // What is taken away at the end stays a branch too, and what is left as it was is none.
    sitting.press("⇤e");
    let Some(Effect::Edit(all)) = sitting.effects.pop() else { panic!("nothing is edited") };
    let nodes = sitting.app.tree().len();
    sitting.hear(Event::Edited(Some(all.clone())));
    sitting.hear(Event::Edited(None));
    assert_eq!(sitting.app.tree().len(), nodes);
    sitting.hear(Event::Edited(Some(all[..all.len() - "狼".len()].to_owned())));
    assert_eq!(sitting.text(), &all[..all.len() - "狼".len()]);
    assert_eq!(sitting.texts().len(), 2);
}

#[test]
fn words_are_found_and_gone_to() {
    let mut sitting = Sitting::new();
    sitting.press("  ⇤→b/king⏎");
    let Screen::List(list) = sitting.app.screen() else { panic!("{:?}", sitting.app.screen()) };
    assert!(list.found.iter().all(|found| found.words.contains("king")) && !list.found.is_empty());
    sitting.press("⏎");
    // Behind them, where the story went on from there.
    let before: Vec<u8> = sitting.app.spots().take(sitting.app.cursor()).flat_map(|spot| spot.text.to_vec()).collect();
    assert!(before.ends_with(b"king"));
    sitting.press("B⏎");
    assert_eq!(sitting.app.cursor(), 0);
    sitting.press("/dragon⏎");
    assert_eq!(sitting.said(), "search: dragon: nothing");
}

#[test]
fn presets_and_alpha_are_turned_and_a_wrong_change_is_told() {
    let mut sitting = Sitting::new();
    let recipe = |sitting: &Sitting| sitting.app.voices().recipe().clone();
    sitting.press("}}{");
    assert_eq!(recipe(&sitting).set, ["future.alpha.wave.centre=0.1"]);
    sitting.press("]");
    assert_eq!((recipe(&sitting).name.as_str(), recipe(&sitting).set.len()), ("open", 0));
    sitting.press("=min-p=0.2⏎");
    assert_eq!((recipe(&sitting).set.clone(), sitting.said()), (vec!["min-p=0.2".to_owned()], ""));
    sitting.press("=min-p=7⏎");
    assert!(sitting.said().starts_with("cannot set `min-p=7`"), "{}", sitting.said());
    assert_eq!(recipe(&sitting).set, ["min-p=0.2"]);
    sitting.press("=future.al⇥");
    assert_eq!(sitting.app.field().unwrap().text, "future.alpha=");
}
