//! The laws of the tree: it is whole after every change, and every change can be undone.

use super::*;
use crate::story::Mode;

/// A tree that goes on from these words.
pub(super) fn tree_of(prompt: &str) -> Tree {
    let beginning = Beginning { prompt: prompt.to_owned(), mode: Mode::Raw, ..Beginning::default() };
    Tree::new(beginning, ModelName::default(), 5)
}

/// A text of one token a byte.
pub(super) fn pieces(text: &[u8]) -> Vec<Piece> {
    text.iter().map(|byte| Piece { token: Token::from(*byte), len: 1, trace: None }).collect()
}

fn grown(tree: &mut Tree, place: Place, text: &str) -> NodeId {
    tree.grow(place, text.as_bytes(), pieces(text.as_bytes()), How::Typed, 7).unwrap()
}

fn whole(tree: &Tree, node: NodeId) -> String {
    String::from_utf8(tree.text(node)).unwrap()
}

/// Every node is there once, behind a parent that knows it, and its tokens spell its text.
pub(super) fn assert_whole(tree: &Tree) {
    let order = tree.in_order();
    assert_eq!(order.len(), tree.len());
    assert!(order.contains(&tree.current()));
    for id in order {
        let node = tree.node(id).unwrap();
        assert_eq!(node.parent.is_none(), id == tree.root());
        for child in &node.children {
            assert_eq!(tree.node(*child).unwrap().parent, Some(id));
        }
        let length: usize = node.tokens.iter().map(|piece| piece.len).sum();
        assert!(node.tokens.is_empty() || length == node.text.len());
        assert_eq!(node.pieces().map(<[u8]>::len).sum::<usize>(), node.text.len());
        assert_eq!((node.pieces().count(), node.bytes_before(node.len())), (node.len(), node.text.len()));
    }
}

#[test]
fn another_word_in_the_middle_is_a_sibling_and_what_stood_there_stands() {
    let mut tree = tree_of("Once");
    let root = tree.end(tree.root());
    let first = grown(&mut tree, root, " upon a time");
    let other = grown(&mut tree, Place { node: first, at: 5 }, " the hill");
    assert_whole(&tree);
    assert_eq!((whole(&tree, first).as_str(), whole(&tree, other).as_str()), ("Once upon a time", "Once upon the hill"));
    assert_eq!((tree.current(), tree.siblings(other)), (other, &[first, other][..]));
    // At the seam nothing is split any more.
    let count = tree.len();
    let third = grown(&mut tree, Place { node: first, at: 0 }, " them");
    assert_eq!((tree.len(), whole(&tree, third).as_str()), (count + 1, "Once upon them"));
    assert_eq!(tree.siblings(third), [first, other, third]);
    assert_eq!(tree.after(Place { node: tree.root(), at: 1 }, third), tree.node(third).unwrap().parent);
}

#[test]
fn split_and_merged_a_node_is_what_it_was() {
    let mut tree = tree_of("Once");
    let root = tree.end(tree.root());
    let node = grown(&mut tree, root, " upon a time");
    tree.mark(node, true).unwrap();
    let before = tree.clone();
    let head = tree.split(Place { node, at: 3 }).unwrap();
    assert_eq!((tree.node(head).unwrap().shown(), tree.node(node).unwrap().shown()), (" up".into(), "on a time".into()));
    assert_whole(&tree);
    tree.merge(node).unwrap();
    assert_eq!(tree, before);
}

#[test]
fn what_cannot_be_changed_stays_and_says_why() {
    let mut tree = tree_of("Once");
    let root = tree.root();
    let behind = |tree: &mut Tree, node: NodeId, text: &str| {
        let end = tree.end(node);
        grown(tree, end, text)
    };
    let node = behind(&mut tree, root, " upon");
    let (left, right) = (behind(&mut tree, node, " a"), behind(&mut tree, node, " the"));
    let before = tree.clone();
    let uncut = |tree: &mut Tree| tree.grow(Place { node: right, at: 9 }, b"x", vec![], How::Typed, 0);
    assert_eq!(tree.prune(root), Err(Unchanged::Root));
    assert_eq!(tree.merge(node), Err(Unchanged::Root));
    assert_eq!(tree.merge(left), Err(Unchanged::HasSiblings));
    assert_eq!(tree.prune(NodeId(99)), Err(Unchanged::Gone));
    assert_eq!(uncut(&mut tree), Err(Unchanged::NoPlace));
    assert_eq!(tree.split(Place { node: root, at: 0 }), Err(Unchanged::NoPlace));
    assert_eq!(tree.vote(left, node, 0), Err(Unchanged::NoSiblings));
    assert_eq!(tree.vote(left, left, 0), Err(Unchanged::NoSiblings));
    assert_eq!(tree, before);
    assert_eq!((0..9).take_while(|_| tree.undo()).count(), 3);
    assert_eq!((0..9).take_while(|_| tree.redo()).count(), 3);
    tree.vote(left, right, 8).unwrap();
    assert_eq!(tree.node(left).unwrap().votes, [Vote { over: right, at: 8 }]);
}

#[test]
fn what_is_told_belongs_to_the_change_that_made_the_node() {
    let mut tree = tree_of("Once");
    let root = tree.end(tree.root());
    let node = tree.sprout(root, vec![How::Typed], 0).unwrap()[0];
    let tell = |tree: &mut Tree, text: &str| text.bytes().all(|byte| tree.append(node, &[byte], &pieces(&[byte])[0]));
    assert!(tell(&mut tree, " upon"));
    // A change in between does not divide what is told.
    tree.annotate(node, "well").unwrap();
    let other = grown(&mut tree, Place { node, at: 3 }, "stairs");
    assert!(tell(&mut tree, " a time"));
    assert_whole(&tree);
    assert_eq!((whole(&tree, node).as_str(), whole(&tree, other).as_str()), ("Once upon a time", "Once upstairs"));
    assert!(tree.trim(node, 7, b"!", &pieces(b"!")));
    assert_eq!(whole(&tree, node), "Once upon a ti!");
    let now = tree.clone();
    assert!(tree.undo() && tree.undo());
    assert_eq!((whole(&tree, node).as_str(), tree.node(node).unwrap().note.as_str()), ("Once upon a ti!", ""));
    assert!(tree.undo());
    assert!(tree.node(node).is_none() && !tell(&mut tree, "?") && !tree.undo());
    assert!(tree.redo() && tree.redo() && tree.redo() && !tree.redo());
    assert_eq!(tree, now);
    // Into a text that goes on nothing is told.
    let parent = tree.node(node).unwrap().parent.unwrap();
    assert!(!tree.append(parent, b"x", &pieces(b"x")[0]));
}

#[test]
fn tokens_that_are_learnt_are_no_change_and_stay_known() {
    let mut tree = tree_of("Once");
    let typed = tree.grow(tree.end(tree.root()), b" upon", vec![], How::Typed, 0).unwrap();
    assert_eq!((tree.node(typed).unwrap().len(), tree.node(typed).unwrap().bytes_before(1)), (1, 5));
    tree.mark(typed, true).unwrap();
    assert!(!tree.learn(typed, &pieces(b" up")), "they do not spell it");
    assert!(tree.learn(typed, &pieces(b" upon")));
    assert_eq!(tree.node(typed).unwrap().len(), 5);
    tree.undo();
    assert_eq!((tree.node(typed).unwrap().len(), tree.node(typed).unwrap().bookmark), (5, false));
    tree.undo();
    tree.redo();
    assert_eq!(tree.node(typed).unwrap().len(), 5);
    assert_whole(&tree);
}

#[test]
fn a_sprout_that_nothing_was_told_into_goes_as_if_it_had_never_been() {
    let mut tree = tree_of("Once");
    let root = tree.end(tree.root());
    let told = grown(&mut tree, root, " upon a time");
    let before = tree.clone();
    let end = tree.end(told);
    let sprout = tree.sprout(end, vec![How::Typed], 0).unwrap()[0];
    assert!(tree.withdraw(sprout) && !tree.withdraw(sprout) && !tree.withdraw(told));
    assert_eq!((&tree, tree.can_undo_and_redo()), (&before, [true, false]));
    // Of several only the empty ones go, and what was done in between stays.
    let sprouts = tree.sprout(Place { node: told, at: 5 }, vec![How::Typed; 3], 0).unwrap();
    tree.append(sprouts[1], b"!", &pieces(b"!")[0]);
    tree.mark(told, true).unwrap();
    assert!(tree.withdraw(sprouts[0]) && !tree.withdraw(sprouts[1]) && tree.withdraw(sprouts[2]));
    assert_whole(&tree);
    let now = tree.clone();
    assert!(tree.undo() && tree.undo());
    assert_eq!(tree, before);
    assert!(tree.redo() && tree.redo());
    assert_eq!(tree, now);
}

#[test]
fn another_model_gets_the_texts_without_the_tokens_of_the_first() {
    let name = |sha256: &str| ModelName { name: "Toy".to_owned(), sha256: sha256.to_owned() };
    let mut tree = Tree { model: name("1"), ..tree_of("Once") };
    tree.beginning.prompt_tokens = vec![1];
    let root = tree.end(tree.root());
    let told = grown(&mut tree, root, " upon");
    let (same, uncut) = tree.clone().for_model(name("1")).unwrap();
    assert_eq!((same, uncut), (tree.clone(), 0));
    let (other, uncut) = tree.clone().for_model(name("2")).unwrap();
    assert_eq!((uncut, whole(&other, told).as_str(), other.model().sha256.as_str()), (1, "Once upon", "2"));
    assert!(!other.node(told).unwrap().is_cut() && other.beginning().prompt_tokens.is_empty());
    let nobody = Tree { model: name(""), ..tree.clone() };
    assert_eq!(nobody.for_model(name("1")).unwrap(), (tree, 0));
}

#[test]
fn t_is_the_number_of_tokens_told_before() {
    let mut tree = tree_of("Once");
    let root = tree.end(tree.root());
    let told = grown(&mut tree, root, " upon");
    tree.split(Place { node: told, at: 2 }).unwrap();
    assert_eq!(
        [root, Place { node: told, at: 0 }, Place { node: told, at: 2 }].map(|place| tree.told_before(place)),
        [0, 2, 4]
    );
}

/// Numbers without a pattern, below a bound.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

/// A change of some kind somewhere; whether it was made.
fn change(tree: &mut Tree, dice: &mut Dice) -> bool {
    let all = tree.in_order();
    let mut any = || all[dice.below(all.len())];
    let (one, other) = (any(), any());
    let place = Place { node: one, at: dice.below(tree.node(one).unwrap().len() + 2) };
    let text = &b"some words of a text"[..=dice.below(19)];
    match dice.below(9) {
        0 => tree.prune(one).is_ok(),
        1 => tree.merge(one).is_ok(),
        2 => tree.mark(one, dice.below(2) == 0).is_ok(),
        3 => tree.annotate(one, "note").is_ok(),
        4 => tree.vote(one, other, 3).is_ok(),
        5 => tree.split(place).is_ok(),
        6 => tree.grow(place, text, vec![], How::Typed, 1).is_ok(),
        7 => tree.sprout(place, vec![How::Chosen { rank: 2 }; 3], 1).is_ok(),
        _ => tree.grow(place, text, pieces(text), How::Typed, 1).is_ok(),
    }
}

#[test]
fn after_any_changes_the_tree_is_whole_and_undoing_goes_back_through_each() {
    for seed in 0..60 {
        let (mut tree, mut dice) = (tree_of("Once"), Dice(seed));
        let mut before = vec![tree.clone()];
        for _ in 0..60 {
            if change(&mut tree, &mut dice) {
                assert_whole(&tree);
                before.push(tree.clone());
            }
            if dice.below(4) == 0 && before.len() > 1 {
                let now = before.pop().unwrap();
                assert!(tree.undo());
                assert_eq!(Some(&tree), before.last());
                if dice.below(2) == 0 {
                    assert!(tree.redo());
                    assert_eq!(tree, now);
                    before.push(now);
                }
            }
        }
        let last = tree.clone();
        let count = before.len() - 1;
        for was in before[..count].iter().rev() {
            assert!(tree.undo());
            assert_eq!(tree, *was, "{seed}");
        }
        assert!(!tree.undo());
        assert!((0..count).all(|_| tree.redo()));
        assert_eq!(tree, last);
    }
}
