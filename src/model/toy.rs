//! The reference implementation of the seam: a model whose rows are a function of the text.

use std::collections::HashMap;

use anyhow::{Result, bail, ensure};

use super::{Branch, Model, Origin, Room, Step, Token, Vocabulary};

/// The row after a text.
type Rule = dyn Fn(&[Token]) -> Vec<f32>;

/// A model whose logits are a pure function of the whole text, so that a test can know them.
///
/// It remembers whole texts, counts what is asked of it, and can be told to fail.
///
/// ```
/// use afterword::model::{Origin, Kind, Vocabulary, Model, Rows, Step, Toy};
///
/// let vocabulary = Vocabulary::new([("a", Kind::Text), ("b", Kind::Text)]);
/// // After "a" comes "b", after "b" comes "a".
/// let mut toy = Toy::bigram(vocabulary, vec![vec![0.0, 1.0], vec![1.0, 0.0]]);
/// let step = Step { from: Origin::Root, tokens: &[0], rows: Rows::Last };
/// toy.extend(&[step], &mut |_, _, row| assert_eq!(row, [0.0, 1.0])).unwrap();
/// ```
pub struct Toy {
    vocabulary: Vocabulary,
    rows: Box<Rule>,
    texts: HashMap<Branch, Vec<Token>>,
    next: u64,
    limits: Room,
    /// How many times [`Model::extend`] evaluated something.
    pub decodes: usize,
    /// How many tokens were evaluated in all.
    pub evaluations: usize,
    /// Fail the decode with this number, counted from 0.
    pub fail_at: Option<usize>,
    /// What it says of its threads. It has none.
    pub threads: usize,
    /// Fail every decode that has a part in a text that begins like this.
    pub fail_on: Option<Vec<Token>>,
}

impl Toy {
    /// A model whose row after a text is `rows(text)`.
    pub fn new(vocabulary: Vocabulary, rows: impl Fn(&[Token]) -> Vec<f32> + 'static) -> Self {
        Self {
            vocabulary,
            rows: Box::new(rows),
            texts: HashMap::new(),
            next: 0,
            limits: Room { cells: 1 << 20, branches: 256, batch: 512 },
            decodes: 0,
            evaluations: 0,
            threads: 1,
            fail_at: None,
            fail_on: None,
        }
    }

    /// A model whose row depends on the last token alone: `table[last]`.
    #[must_use]
    pub fn bigram(vocabulary: Vocabulary, table: Vec<Vec<f32>>) -> Self {
        Self::new(vocabulary, move |text| table[text[text.len() - 1] as usize].clone())
    }

    /// The same model with less room.
    #[must_use]
    pub fn with_room(mut self, room: Room) -> Self {
        self.limits = room;
        self
    }

    /// How many branches live.
    #[must_use]
    pub fn living(&self) -> usize {
        self.texts.len()
    }

    /// Cells in use: the nodes of the tree that the living texts make.
    fn cells(&self) -> usize {
        let mut texts: Vec<&[Token]> = self.texts.values().map(Vec::as_slice).collect();
        texts.sort_unstable();
        let shared = texts.windows(2).map(|pair| pair[0].iter().zip(pair[1]).take_while(|(a, b)| a == b).count());
        texts.iter().map(|text| text.len()).sum::<usize>() - shared.sum::<usize>()
    }

    fn parent(&self, from: Origin) -> Result<&[Token]> {
        match from {
            Origin::Root => Ok(&[]),
            Origin::Fork(branch) | Origin::Move(branch) => match self.texts.get(&branch) {
                Some(text) => Ok(text),
                None => bail!("branch {} does not live", branch.0),
            },
        }
    }

    fn grow(&mut self, text: Vec<Token>) -> Branch {
        let branch = Branch(self.next);
        self.next += 1;
        self.texts.insert(branch, text);
        branch
    }
}

impl Model for Toy {
    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn extend(&mut self, steps: &[Step], read: &mut dyn FnMut(usize, usize, &[f32])) -> Result<Vec<Branch>> {
        let room = self.room();
        let tokens: usize = steps.iter().map(|step| step.tokens.len()).sum();
        let made = steps.iter().filter(|step| !matches!(step.from, Origin::Move(_))).count();
        ensure!(tokens <= room.cells, "{tokens} tokens do not fit into {} free cells", room.cells);
        ensure!(made <= room.branches, "{made} branches asked for, {} are free", room.branches);
        let mut texts = Vec::with_capacity(steps.len());
        for step in steps {
            ensure!(!step.tokens.is_empty(), "a step without tokens");
            for &token in step.tokens {
                ensure!((token as usize) < self.vocabulary.len(), "token {token} is outside the vocabulary");
            }
            texts.push([self.parent(step.from)?, step.tokens].concat());
        }

        let hopeless = |text: &Vec<Token>| self.fail_on.as_ref().is_some_and(|prefix| text.starts_with(prefix));
        let failing = self.fail_at == Some(self.decodes) || texts.iter().any(hopeless);
        self.decodes += tokens.div_ceil(self.limits.batch.max(1));
        self.evaluations += tokens;
        for step in steps {
            if let Origin::Move(branch) = step.from {
                self.texts.remove(&branch);
            }
        }
        ensure!(!failing, "the toy was told to fail here");

        for (number, (step, text)) in steps.iter().zip(&texts).enumerate() {
            let before = text.len() - step.tokens.len();
            for position in 0..step.tokens.len() {
                if step.rows.wants(position, step.tokens.len()) {
                    read(number, position, &(self.rows)(&text[..=before + position]));
                }
            }
        }
        Ok(texts.into_iter().map(|text| self.grow(text)).collect())
    }

    fn prefix(&mut self, of: Branch, len: usize) -> Result<Option<Branch>> {
        let text = self.parent(Origin::Fork(of))?;
        ensure!(len >= 1 && len <= text.len(), "no prefix of {len} tokens of a branch of {}", text.len());
        ensure!(self.room().branches > 0, "no branch is free");
        let text = text[..len].to_vec();
        Ok(Some(self.grow(text)))
    }

    fn release(&mut self, branch: Branch) {
        self.texts.remove(&branch);
    }

    fn save(&mut self, branch: Branch, most: u64) -> Result<Option<Vec<u8>>> {
        let text = self.parent(Origin::Fork(branch))?;
        let bytes: Vec<u8> = text.iter().flat_map(|token| token.to_le_bytes()).collect();
        ensure!(bytes.len() as u64 <= most, "the memory has {} bytes, and may have {most}", bytes.len());
        Ok((self.texts.len() == 1).then_some(bytes))
    }

    fn restore(&mut self, state: &[u8], len: usize, keep: usize) -> Result<Option<Branch>> {
        ensure!(keep >= 1 && keep <= len, "no prefix of {keep} tokens of a text of {len}");
        let (tokens, rest) = state.as_chunks();
        ensure!(rest.is_empty() && tokens.len() == len, "these bytes are no memory of {len} tokens");
        let text: Vec<Token> = tokens.iter().map(|token| Token::from_le_bytes(*token)).collect();
        ensure!(text.iter().all(|&token| (token as usize) < self.vocabulary.len()), "a token is outside the vocabulary");
        let fits = self.texts.is_empty() && len <= self.limits.cells && self.limits.branches > 0;
        Ok(fits.then(|| self.grow(text[..keep].to_vec())))
    }

    fn threads(&self) -> usize {
        self.threads
    }

    fn room(&self) -> Room {
        Room {
            cells: self.limits.cells - self.cells(),
            branches: self.limits.branches - self.texts.len(),
            batch: self.limits.batch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Rows};

    fn toy() -> Toy {
        let vocabulary = Vocabulary::new(["a", "b", "c"].map(|piece| (piece, Kind::Text)));
        Toy::new(vocabulary, |text| vec![text.len() as f32, text[0] as f32, text[text.len() - 1] as f32])
    }

    fn last(toy: &mut Toy, from: Origin, tokens: &[Token]) -> (Branch, Vec<f32>) {
        let mut row = Vec::new();
        let branches = toy.extend(&[Step { from, tokens, rows: Rows::Last }], &mut |_, _, r| row = r.to_vec()).unwrap();
        (branches[0], row)
    }

    #[test]
    fn a_fork_leaves_its_parent_and_equals_a_fresh_prefill() {
        let mut toy = toy();
        let (trunk, _) = last(&mut toy, Origin::Root, &[0, 1]);
        let (_, forked) = last(&mut toy, Origin::Fork(trunk), &[2]);
        let (_, again) = last(&mut toy, Origin::Fork(trunk), &[2]);
        let (_, fresh) = last(&mut toy, Origin::Root, &[0, 1, 2]);
        assert_eq!(forked, fresh);
        assert_eq!(again, fresh);
    }

    #[test]
    fn a_restored_branch_goes_on_as_the_saved_one() {
        let (mut one, mut other) = (toy(), toy());
        let (branch, _) = last(&mut one, Origin::Root, &[0, 1, 2]);
        let saved = one.save(branch, 12).unwrap().unwrap();
        assert!(one.save(branch, 11).is_err());
        for keep in 1..=3 {
            let restored = other.restore(&saved, 3, keep).unwrap().unwrap();
            assert!(other.restore(&saved, 3, keep).unwrap().is_none(), "only a new memory is given one");
            let (_, fresh) = last(&mut toy(), Origin::Root, &[&[0, 1, 2][..keep], &[1]].concat());
            let (branch, row) = last(&mut other, Origin::Move(restored), &[1]);
            assert_eq!(row, fresh);
            other.release(branch);
        }
        assert_eq!(other.evaluations, 3);
        for (bytes, len) in [(&saved[..11], 3), (&saved[..], 2), (&[9; 12][..], 3)] {
            assert!(other.restore(bytes, len, 1).is_err());
        }
        assert!(other.restore(&saved, 3, 0).is_err() && other.restore(&saved, 3, 4).is_err());
    }

    #[test]
    fn a_move_takes_the_name_away() {
        let mut toy = toy();
        let (trunk, _) = last(&mut toy, Origin::Root, &[0]);
        let (child, row) = last(&mut toy, Origin::Move(trunk), &[1]);
        assert_eq!(row, [2.0, 0.0, 1.0]);
        assert_eq!(toy.living(), 1);
        let gone = Step { from: Origin::Fork(trunk), tokens: &[1], rows: Rows::Last };
        assert!(toy.extend(&[gone], &mut |_, _, _| ()).is_err());
        toy.release(child);
        assert_eq!(toy.living(), 0);
    }

    #[test]
    fn shared_tokens_count_once() {
        let mut toy = toy().with_room(Room { cells: 4, branches: 9, batch: 9 });
        let (trunk, _) = last(&mut toy, Origin::Root, &[0, 1]);
        let fork = |token| Step { from: Origin::Fork(trunk), tokens: token, rows: Rows::Last };
        toy.extend(&[fork(&[0]), fork(&[1])], &mut |_, _, _| ()).unwrap();
        assert_eq!(toy.room().cells, 0);
        assert!(toy.extend(&[fork(&[2])], &mut |_, _, _| ()).is_err());
    }

    #[test]
    fn a_failed_decode_leaves_forked_parents_and_no_new_branch() {
        let mut toy = toy();
        let (trunk, _) = last(&mut toy, Origin::Root, &[0, 1]);
        toy.fail_at = Some(1);
        let fork = Step { from: Origin::Fork(trunk), tokens: &[2], rows: Rows::Last };
        assert!(toy.extend(&[fork], &mut |_, _, _| ()).is_err());
        assert_eq!(toy.living(), 1);
    }

    #[test]
    fn all_rows_come_in_order() {
        let mut toy = toy();
        let mut seen = Vec::new();
        let step = Step { from: Origin::Root, tokens: &[0, 1, 2], rows: Rows::All };
        toy.extend(&[step], &mut |step, position, row| seen.push((step, position, row[0]))).unwrap();
        assert_eq!(seen, [(0, 0, 1.0), (0, 1, 2.0), (0, 2, 3.0)]);
    }

    #[test]
    fn rows_from_a_position_are_the_last_of_all_and_never_none() {
        for (first, positions) in [(0, vec![0, 1, 2]), (1, vec![1, 2]), (2, vec![2]), (7, vec![2])] {
            let mut seen = Vec::new();
            let step = Step { from: Origin::Root, tokens: &[0, 1, 2], rows: Rows::From(first) };
            toy().extend(&[step], &mut |_, position, _| seen.push(position)).unwrap();
            assert_eq!(seen, positions, "from {first}");
        }
    }

    #[test]
    fn a_prefix_steps_back() {
        let mut toy = toy();
        let (trunk, _) = last(&mut toy, Origin::Root, &[0, 1, 2]);
        let back = toy.prefix(trunk, 1).unwrap().unwrap();
        let (_, row) = last(&mut toy, Origin::Fork(back), &[1]);
        assert_eq!(row, [2.0, 0.0, 1.0]);
        assert!(toy.prefix(trunk, 4).is_err());
    }
}
