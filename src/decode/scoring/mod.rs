//! Scoring of given texts by teacher forcing: what each of their tokens was worth to the model, many texts in one decode.
//!
//! Texts that begin alike share that beginning, as stories share a prompt: it is read once, and its branch is forked. So a
//! prompt costs once for all texts behind it, and so does the first half of a story that is the context of others. A softmax over a large
//! vocabulary can take longer than a GPU takes for the row, so rows are looked at by several threads.

mod tree;

use std::ops::{ControlFlow, Range};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use self::tree::{Node, Tree};
use super::cancel::Cancel;
use crate::model::{Branch, Model, Origin, Rows, Step};
use crate::prob::{Partition, Score, Token};

/// The most texts that begin beside the one that is read: a branch more has its price, though few tokens are in it.
const MOST_BESIDE: usize = 32;

/// A text to be scored, as tokens.
#[derive(Debug, Clone, Copy)]
pub struct Given<'t> {
    /// What the model has read before it, at least one token: nothing is likely or unlikely before there is a row.
    pub context: &'t [Token],
    /// The text itself; its tokens are scored, the end behind it is not.
    pub text: &'t [Token],
}

/// Texts that are scored together.
///
/// A token's score is what the row before it says, so a text's last token is never read. Each row is looked at where the model
/// left it, and its softmax is taken once, whatever follows it in several texts.
#[derive(Debug)]
pub struct Scoring {
    tree: Tree,
    /// The nodes, each before those behind it: what must be read first stands first.
    order: Vec<usize>,
    /// By node.
    states: Vec<State>,
    /// Nodes that have begun and are not read to their ends.
    open: Vec<usize>,
    /// Of each token of a node, where it is known.
    scores: Vec<Vec<Option<Score>>>,
    /// Of each text the length of its context.
    contexts: Vec<usize>,
    /// The most tokens of a text that are read, and the most branches on the way to its end.
    most: (usize, usize),
}

/// How far a node is read.
#[derive(Debug, Default)]
struct State {
    /// What it is read into; gone as soon as nothing will go on from it.
    branch: Option<Branch>,
    read: usize,
    /// Nodes behind it that have not begun.
    waiting: usize,
}

/// A part of a node for one decode.
struct Part {
    node: usize,
    from: Origin,
    tokens: Range<usize>,
}

impl Scoring {
    /// These texts.
    #[must_use]
    pub fn of(given: &[Given]) -> Self {
        let tree = Tree::of(given);
        let waits = |node: &Node| node.children.iter().filter(|&&child| tree.nodes[child].to_read() > 0).count();
        let states = tree.nodes.iter().map(|node| State { waiting: waits(node), ..State::default() }).collect();
        let scores = tree.nodes.iter().map(|node| vec![None; node.tokens.len()]).collect();
        let contexts = given.iter().map(|one| one.context.len()).collect();
        let most = (tree.longest(), tree.deepest());
        Self { order: tree.in_order(), states, open: Vec::new(), scores, contexts, most, tree }
    }

    /// The cells and branches of a memory in which decodes of so many tokens are full: beside the text that is read the next
    /// ones begin.
    #[must_use]
    pub fn room(&self, batch: usize) -> (usize, usize) {
        let ((longest, deepest), whole, nodes) = (self.most, self.tree.to_read(), self.order.len());
        let cells = whole.min(longest + longest.max(batch)).max(1);
        let beside = 1 + batch * nodes / whole.max(1);
        (cells, deepest.max(1) + beside.min(nodes).min(MOST_BESIDE))
    }

    /// How many tokens must be read.
    #[must_use]
    pub fn to_read(&self) -> usize {
        self.tree.to_read()
    }

    /// Reads all texts and returns the scores of each, in the order in which they were given; a token that the model holds
    /// impossible has none. After each decode `heard` is told how many tokens have been read. `None` where it breaks off, or the
    /// flag was set. No branch lives on.
    ///
    /// # Errors
    /// A decode fails.
    pub fn run(
        mut self,
        model: &mut dyn Model,
        heard: &mut dyn FnMut(usize) -> ControlFlow<()>,
        cancel: &Cancel,
    ) -> Result<Option<Vec<Vec<Option<Score>>>>> {
        let (mut first, mut read) = (0, 0);
        loop {
            first += self.order[first..].iter().take_while(|&&node| self.rest(node) == 0).count();
            if first == self.order.len() {
                return Ok(Some(self.scores_of_texts()));
            }
            let parts = self.collect(model, first);
            read += parts.iter().map(|part| part.tokens.len()).sum::<usize>();
            let decoded = if cancel.is_cancelled() { Ok(ControlFlow::Break(())) } else { self.decode(model, &parts) };
            match decoded {
                Ok(ControlFlow::Continue(())) if heard(read).is_continue() => {}
                stopped => {
                    self.states.iter_mut().filter_map(|state| state.branch.take()).for_each(|branch| model.release(branch));
                    return stopped.map(|_| None);
                }
            }
        }
    }

    /// How many tokens of a node are still to be read.
    fn rest(&self, node: usize) -> usize {
        self.tree.nodes[node].to_read() - self.states[node].read
    }

    /// What is read next: of the first node that is not read as much as a decode holds, and of those behind it what still fits.
    ///
    /// Another text begins only where the longest one finds room beside it, so that what must be read first always can be.
    fn collect(&self, model: &dyn Model, first: usize) -> Vec<Part> {
        let room = model.room();
        let owed: usize = self.open.iter().map(|&node| self.rest(node)).sum();
        let (mut cells, mut branches) = (room.cells.saturating_sub(owed), room.branches);
        // What lies on the way to the first one serves the longest text, if it is that one.
        let order = &self.order[first..];
        let first = order[0];
        let way = std::iter::successors(Some(first), |&node| self.tree.nodes[node].parent).count();
        let served = (self.tree.nodes[first].start + self.tree.nodes[first].to_read(), way);
        let (mut tokens, mut parts) = (room.batch, Vec::new());
        for &node in order {
            let rest = self.rest(node);
            let parent = self.tree.nodes[node].parent;
            if rest == 0 || parent.is_some_and(|parent| self.rest(parent) > 0) {
                continue;
            }
            let State { branch, read, .. } = self.states[node];
            let from = match branch {
                Some(branch) => Origin::Move(branch),
                None if node == first || (cells + served.0 >= rest + self.most.0 && branches + served.1 > self.most.1) => {
                    (cells, branches) = (cells.saturating_sub(rest), branches.saturating_sub(1));
                    parent.and_then(|parent| self.states[parent].branch).map_or(Origin::Root, Origin::Fork)
                }
                None => break,
            };
            let taken = rest.min(tokens);
            tokens -= taken;
            parts.push(Part { node, from, tokens: read..read + taken });
            if tokens == 0 {
                break;
            }
        }
        parts
    }

    /// Reads these parts in one decode.
    fn decode(&mut self, model: &mut dyn Model, parts: &[Part]) -> Result<ControlFlow<()>> {
        let Self { tree, states, open, scores, .. } = self;
        let steps: Vec<Step> = parts.iter().map(|part| part.step(&tree.nodes[part.node])).collect();
        let scores = Mutex::new(scores);
        let branches = model.extend_unordered(&steps, &|step, position, row| {
            let Part { node, tokens, .. } = &parts[step];
            let found = scores_of_row(tree, *node, tokens.start + position, row);
            let mut scores = scores.lock().unwrap_or_else(PoisonError::into_inner);
            for (node, at, score) in found {
                scores[node][at] = score;
            }
        })?;
        let mut done = Vec::new();
        for (&Part { node, ref tokens, .. }, branch) in parts.iter().zip(branches) {
            (states[node].branch, states[node].read) = (Some(branch), tokens.end);
            if tokens.start == 0 {
                open.push(node);
                if let Some(parent) = tree.nodes[node].parent {
                    states[parent].waiting -= 1;
                    done.push(parent);
                }
            }
            done.push(node);
        }
        open.retain(|&node| states[node].read < tree.nodes[node].to_read());
        for node in done {
            let state = &mut states[node];
            if state.read == tree.nodes[node].to_read() && state.waiting == 0 {
                state.branch.take().into_iter().for_each(|branch| model.release(branch));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn scores_of_texts(&self) -> Vec<Vec<Option<Score>>> {
        let of_text = |(text, &context): (usize, &usize)| {
            self.tree.way(text).into_iter().flat_map(|node| &self.scores[node]).skip(context).copied().collect()
        };
        self.contexts.iter().enumerate().map(of_text).collect()
    }
}

impl Part {
    /// Asks for the rows before tokens that are to be scored.
    fn step<'t>(&self, node: &'t Node) -> Step<'t> {
        let first = node.scored.saturating_sub(1).saturating_sub(node.start + self.tokens.start);
        Step { from: self.from, tokens: &node.tokens[self.tokens.clone()], rows: Rows::From(first) }
    }
}

/// The scores of all tokens that come next after this token of a node, by the row behind it: node, place in it, and score.
fn scores_of_row(tree: &Tree, node: usize, at: usize, row: &[f32]) -> Vec<(usize, usize, Option<Score>)> {
    let Node { start, tokens, children, .. } = &tree.nodes[node];
    let (ends, alone) = (at + 1 == tokens.len(), [node]);
    let (next, at) = if ends { (&children[..], 0) } else { (&alone[..], at + 1) };
    let place = if ends { start + tokens.len() } else { start + at };
    let mut wanted = next.iter().filter(|&&node| tree.nodes[node].scored <= place).peekable();
    let Some(partition) = wanted.peek().and_then(|_| Partition::of(row)) else { return Vec::new() };
    wanted.map(|&node| (node, at, Score::of(row, &partition, tree.nodes[node].tokens[at]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Room, Toy, Vocabulary};
    use crate::prob::Noise;

    /// Pseudo-random logits that depend on the whole text.
    fn row(text: &[Token]) -> Vec<f32> {
        let noise = Noise::new(3, text).at(0, 0);
        #[allow(clippy::cast_possible_truncation, reason = "a logit")]
        (0..9).map(|token| noise.uniform(token) as f32 * 5.0).collect()
    }

    fn toy(cells: usize, branches: usize, batch: usize) -> Toy {
        let vocabulary = Vocabulary::new((0..9).map(|token| (format!("w{token} "), Kind::Text)));
        Toy::new(vocabulary, row).with_room(Room { cells, branches, batch })
    }

    /// What the definition says: every token by the row behind all before it.
    fn plainly(context: &[Token], text: &[Token]) -> Vec<Option<Score>> {
        let whole = [context, text].concat();
        let score = |at: usize| {
            let row = row(&whole[..at]);
            Score::of(&row, &Partition::of(&row)?, whole[at])
        };
        (context.len()..whole.len()).map(score).collect()
    }

    fn some(seed: u64, length: usize) -> Vec<Token> {
        let noise = Noise::new(seed, &[]).at(0, 0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
        (0..length).map(|at| (noise.uniform(u32::try_from(at).unwrap()) * 9.0) as Token).collect()
    }

    fn run(model: &mut Toy, given: &[Given]) -> Vec<Vec<Option<Score>>> {
        let scoring = Scoring::of(given);
        let (all, mut last) = (scoring.to_read(), 0);
        let mut heard = |read| {
            last = read;
            ControlFlow::Continue(())
        };
        let scores = scoring.run(model, &mut heard, &Cancel::new()).unwrap().unwrap();
        assert_eq!((last, model.living()), (all, 0));
        scores
    }

    #[test]
    fn scores_are_those_of_the_definition_in_every_room() {
        // Texts of one prompt, of others, one that goes on from another, equal ones, and of every length.
        let prompts = [some(1, 5), some(2, 1), some(3, 17)];
        let mut texts: Vec<(Vec<Token>, Vec<Token>)> =
            (0..40).map(|at| (prompts[at % 3].clone(), some(10 + at as u64, 1 + at * at % 23))).collect();
        let longer = ([&texts[4].0[..], &texts[4].1].concat(), some(99, 6));
        texts.extend([longer, texts[7].clone()]);
        let given: Vec<Given> = texts.iter().map(|(context, text)| Given { context, text }).collect();
        let expected: Vec<_> = given.iter().map(|one| plainly(one.context, one.text)).collect();
        let most = Scoring::of(&given).most;
        for batch in [1, 3, 8, 64, 500] {
            let (cells, branches) = Scoring::of(&given).room(batch);
            for room in [(cells, branches), most, (most.0 + 3, most.1 + 1), (1 << 20, 256)] {
                assert_eq!(run(&mut toy(room.0, room.1, batch), &given), expected, "{room:?} in batches of {batch}");
            }
        }
    }

    #[test]
    fn a_shared_prompt_is_read_once_and_decodes_are_full() {
        let prompt = some(1, 30);
        let texts: Vec<Vec<Token>> = (0..9).map(|first| [vec![first], some(u64::from(first), 20)].concat()).collect();
        let given: Vec<Given> = texts.iter().map(|text| Given { context: &prompt, text }).collect();
        let scoring = Scoring::of(&given);
        assert_eq!(scoring.to_read(), 30 + 9 * 20);
        let (cells, branches) = scoring.room(64);
        let mut model = toy(cells, branches, 64);
        run(&mut model, &given);
        // One for the prompt, behind which all texts must wait, and full ones for the rest.
        assert_eq!((model.evaluations, model.decodes), (30 + 9 * 20, 1 + 3));
    }

    #[test]
    fn a_text_of_one_token_needs_its_context_alone() {
        let mut model = toy(100, 4, 8);
        let given = [Given { context: &[1, 2], text: &[3] }];
        assert_eq!(run(&mut model, &given), [plainly(&[1, 2], &[3])]);
        assert_eq!(model.evaluations, 2);
        assert_eq!(run(&mut model, &[]), Vec::<Vec<Option<Score>>>::new());
    }

    #[test]
    fn an_impossible_token_has_no_score_and_its_neighbours_have() {
        let vocabulary = Vocabulary::new(["a", "b"].map(|piece| (piece, Kind::Text)));
        let mut model = Toy::new(vocabulary, |_| vec![0.0, f32::NEG_INFINITY]);
        let scores = run(&mut model, &[Given { context: &[0], text: &[0, 1, 0] }]);
        assert_eq!(scores[0].iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn whoever_stops_it_or_fails_leaves_no_branch() {
        let texts = [some(1, 40), some(2, 40)];
        let given = [Given { context: &texts[0][..9], text: &texts[0][9..] }, Given { context: &[1], text: &texts[1] }];
        let (mut model, cancel) = (toy(200, 8, 16), Cancel::new());
        let mut stop = |read| if read > 20 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        assert_eq!(Scoring::of(&given).run(&mut model, &mut stop, &cancel).unwrap(), None);
        model.fail_at = Some(model.decodes + 1);
        let mut on = |_| ControlFlow::Continue(());
        assert!(Scoring::of(&given).run(&mut model, &mut on, &cancel).is_err());
        cancel.cancel();
        assert_eq!(Scoring::of(&given).run(&mut model, &mut on, &cancel).unwrap(), None);
        assert_eq!(model.living(), 0);
    }
}
