//! Texts as a tree: what several of them begin with stands there once.

use super::Given;
use crate::prob::Token;

/// The most nodes on the way to the end of a text: each is a branch of memory while others go on from it.
const DEEPEST: usize = 16;

/// Tokens that follow each other in all texts that come here.
#[derive(Debug)]
pub(super) struct Node {
    pub parent: Option<usize>,
    /// How many tokens stand before it.
    pub start: usize,
    pub tokens: Vec<Token>,
    /// The place in the whole text of the first token that some text wants scored.
    pub scored: usize,
    pub children: Vec<usize>,
    /// Nodes on the longest way down, this one among them.
    height: usize,
}

impl Node {
    /// How many of its tokens must be read: behind the last one of a text nothing is asked.
    pub fn to_read(&self) -> usize {
        self.tokens.len() - usize::from(self.children.is_empty())
    }
}

/// A tree of texts.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    roots: Vec<usize>,
    /// The node with whose last token each text ends.
    ends: Vec<usize>,
}

impl Tree {
    /// The tree of these texts.
    pub fn of(given: &[Given]) -> Self {
        let mut order: Vec<(usize, Vec<Token>)> =
            given.iter().map(|one| [one.context, one.text].concat()).enumerate().collect();
        order.sort_by(|(_, one), (_, other)| one.cmp(other));
        let mut tree = Self { ends: vec![0; given.len()], ..Self::default() };
        for (number, text) in order {
            tree.ends[number] = tree.insert(&text, given[number].context.len());
        }
        tree
    }

    /// Adds a text that no one before it is behind in the order of tokens, and returns the node in which it ends.
    fn insert(&mut self, text: &[Token], scored: usize) -> usize {
        let (mut parent, mut at, mut depth) = (None, 0, 1);
        while let Some(child) = self.children(parent).last().copied() {
            let node = &self.nodes[child];
            let common = node.tokens.iter().zip(&text[at..]).take_while(|(one, other)| one == other).count();
            let (splits, ends) = (common < node.tokens.len(), at + common == text.len());
            // So deep would be the way behind it.
            let deep = depth + if splits { node.height } else { usize::from(!ends) };
            if common == 0 || deep > DEEPEST {
                break;
            }
            let upper = if splits { self.split(child, common) } else { child };
            self.nodes[upper].scored = self.nodes[upper].scored.min(scored);
            (parent, at, depth) = (Some(upper), at + common, depth + 1);
            if ends {
                return upper;
            }
        }
        self.add(Node { parent, start: at, tokens: text[at..].to_vec(), scored, children: Vec::new(), height: 1 })
    }

    fn children(&self, parent: Option<usize>) -> &[usize] {
        parent.map_or(&self.roots, |parent| &self.nodes[parent].children)
    }

    fn siblings(&mut self, parent: Option<usize>) -> &mut Vec<usize> {
        match parent {
            Some(parent) => &mut self.nodes[parent].children,
            None => &mut self.roots,
        }
    }

    fn add(&mut self, node: Node) -> usize {
        let (number, parent) = (self.nodes.len(), node.parent);
        self.nodes.push(node);
        self.siblings(parent).push(number);
        self.heighten(number);
        number
    }

    /// Parts the last child of a node behind so many of its tokens. The lower part keeps its number; that of the upper one is
    /// returned.
    fn split(&mut self, child: usize, common: usize) -> usize {
        let (upper, node) = (self.nodes.len(), &mut self.nodes[child]);
        let (parent, start, scored, height) = (node.parent, node.start, node.scored, node.height + 1);
        let tokens = node.tokens.drain(..common).collect();
        (node.parent, node.start) = (Some(upper), start + common);
        self.nodes.push(Node { parent, start, tokens, scored, children: vec![child], height });
        if let Some(last) = self.siblings(parent).last_mut() {
            *last = upper;
        }
        self.heighten(upper);
        upper
    }

    /// Tells the nodes above one how high it is.
    fn heighten(&mut self, mut child: usize) {
        while let Some(parent) = self.nodes[child].parent {
            let height = self.nodes[child].height + 1;
            if self.nodes[parent].height >= height {
                return;
            }
            self.nodes[parent].height = height;
            child = parent;
        }
    }

    /// All nodes, each before those behind it.
    pub fn in_order(&self) -> Vec<usize> {
        let (mut order, mut open) = (Vec::with_capacity(self.nodes.len()), self.roots.clone());
        open.reverse();
        while let Some(node) = open.pop() {
            order.push(node);
            open.extend(self.nodes[node].children.iter().rev());
        }
        order
    }

    /// The nodes of a text, its first one first.
    pub fn way(&self, text: usize) -> Vec<usize> {
        let mut way: Vec<usize> = std::iter::successors(Some(self.ends[text]), |&node| self.nodes[node].parent).collect();
        way.reverse();
        way
    }

    /// How many tokens must be read in all.
    pub fn to_read(&self) -> usize {
        self.nodes.iter().map(Node::to_read).sum()
    }

    /// The most tokens of a text that must be read.
    pub fn longest(&self) -> usize {
        self.nodes.iter().map(|node| node.start + node.to_read()).max().unwrap_or(0)
    }

    /// The most nodes on a way.
    pub fn deepest(&self) -> usize {
        self.roots.iter().map(|&root| self.nodes[root].height).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(texts: &[(&[Token], &[Token])]) -> Tree {
        let given: Vec<Given> = texts.iter().map(|&(context, text)| Given { context, text }).collect();
        let tree = Tree::of(&given);
        for (number, (context, text)) in texts.iter().enumerate() {
            let way: Vec<Token> = tree.way(number).iter().flat_map(|&node| tree.nodes[node].tokens.clone()).collect();
            assert_eq!(way, [*context, *text].concat());
            assert!(tree.way(number).iter().all(|&node| tree.nodes[node].scored <= context.len()));
        }
        tree
    }

    #[test]
    fn what_texts_begin_with_stands_there_once() {
        let tree = tree(&[(&[1, 2], &[3, 4]), (&[1, 2], &[3, 5]), (&[1, 2], &[6]), (&[7], &[8])]);
        let nodes: Vec<(usize, &[Token])> =
            tree.in_order().iter().map(|&node| (tree.nodes[node].start, &tree.nodes[node].tokens[..])).collect();
        let expected: [(usize, &[Token]); 6] = [(0, &[1, 2]), (2, &[3]), (3, &[4]), (3, &[5]), (2, &[6]), (0, &[7, 8])];
        assert_eq!(nodes, expected);
        // Behind 4, 5, 6 and 8 nothing is asked.
        assert_eq!((tree.to_read(), tree.longest(), tree.deepest()), (4, 3, 3));
    }

    #[test]
    fn a_text_may_end_where_another_goes_on_and_equals_are_one() {
        let tree = tree(&[(&[1], &[2]), (&[1, 2], &[3]), (&[1], &[2]), (&[1, 2, 3, 4], &[5])]);
        assert_eq!((tree.nodes.len(), tree.to_read(), tree.deepest()), (3, 4, 3));
    }

    #[test]
    fn a_way_has_a_bounded_number_of_branches_whatever_the_texts() {
        let long: Vec<Token> = (0..100).collect();
        let texts: Vec<Vec<Token>> = (0..99).map(|at| [&long[..=at], &[500]].concat()).chain([long.clone()]).collect();
        let pairs: Vec<(&[Token], &[Token])> = texts.iter().map(|text| text.split_at(1)).collect();
        let tree = tree(&pairs);
        assert!((2..=DEEPEST).contains(&tree.deepest()), "{}", tree.deepest());
    }
}
