//! Whatever is pressed, the tree is whole.

use super::*;

/// The keys, those that change something more often than others.
pub(super) const KEYS: &str = "←→↑↓⏎⌫⇥⎋⇤⇱↻ spnruecg[]{}=bBi/t|x?mdhov12⏎⏎⏎→→→←←   uuu↻a.d";

/// Numbers that look random, the same every time.
pub(super) struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

/// Every node is its parent's child, once, its pieces make up its text, and a file keeps all of it.
pub(super) fn assert_whole(app: &App) {
    let tree = app.tree();
    let nodes = tree.in_order();
    assert_eq!(nodes.len(), tree.len());
    for id in nodes {
        let node = tree.node(id).unwrap();
        assert!(node.children.iter().all(|child| tree.node(*child).unwrap().parent == Some(id)));
        assert_eq!(node.pieces().map(<[u8]>::len).sum::<usize>(), node.text.len());
    }
    assert!(tree.node(tree.current()).is_some() && app.cursor() <= app.len());
    let kept = Tree::of_json(&tree.to_json().unwrap()).unwrap();
    assert!(kept == *tree, "what is kept is another tree");
}

pub(super) fn assert_undone(app: &mut App, first: &Tree) {
    let last = app.tree().clone();
    let mut undone = 0;
    while app.tree.undo() {
        undone += 1;
    }
    assert!(app.tree == *first, "after {undone} changes were taken back");
    for _ in 0..undone {
        assert!(app.tree.redo());
    }
    app.tree.go(last.current()).unwrap();
    assert!(app.tree == last, "after {undone} changes were made again");
}

#[test]
fn whatever_is_pressed_the_tree_is_whole_and_can_be_undone_and_kept() {
    let keys: Vec<char> = KEYS.chars().collect();
    for seed in 0..100 {
        let (mut dice, mut sitting) = (Dice(seed), Sitting::new());
        let first = sitting.app.tree().clone();
        for _ in 0..1000 {
            sitting.answers = dice.below(4) > 0;
            let key = keys[dice.below(keys.len())];
            if sitting.app.screen() == &Screen::Leave || (key == 'd' && dice.below(8) > 0) {
                sitting.press("⎋");
            }
            sitting.press(&key.to_string());
            if dice.below(3) == 0 {
                sitting.answer(dice.below(6));
            }
            match sitting.effects.pop() {
                Some(Effect::Edit(text)) => {
                    let kept: String = text.chars().take(dice.below(20)).collect();
                    sitting.hear(Event::Edited([None, Some(kept.clone() + "狼"), Some(kept)][dice.below(3)].clone()));
                }
                Some(Effect::Save(_)) => sitting.hear(Event::Saved(Ok(()))),
                _ => {}
            }
        }
        assert_whole(&sitting.app);
        assert_undone(&mut sitting.app, &first);
    }
}
