//! The toy as a backend: the whole application on a model whose every logit a test can know.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, anyhow};

use super::backend::{Backend, ModelInfo, Session};
use crate::chat::{Renderer, Script, Template};
use crate::files::Sums;
use crate::model::{Branch, Kind, MOST_BRANCHES, Model, Room, SessionOptions, SessionSettings, Step, Token, Toy, Vocabulary};

/// The row of logits after a text.
type Rule = dyn Fn(&[Token]) -> Vec<f32> + Send + Sync;

/// A model whose logits are a function of the whole text; it cuts texts into the longest pieces that it has.
#[derive(Clone)]
pub struct ToyBackend {
    info: ModelInfo,
    vocabulary: Vocabulary,
    rows: Arc<Rule>,
    template: Option<String>,
}

impl ToyBackend {
    /// A model of this vocabulary whose row after a text is `rows(text)`, trained for 1,000 tokens.
    pub fn new(vocabulary: Vocabulary, rows: impl Fn(&[Token]) -> Vec<f32> + Send + Sync + 'static) -> Self {
        let info = ModelInfo {
            path: PathBuf::from("toy"),
            name: Some("Toy".to_owned()),
            architecture: "toy".to_owned(),
            quantisation: None,
            file_size: 0,
            size: 0,
            trained_context: 1000,
            locked: false,
        };
        Self { info, vocabulary, rows: Arc::new(rows), template: None }
    }

    /// The same model with a chat template.
    #[must_use]
    pub fn with_template(mut self, source: &str) -> Self {
        self.template = Some(source.to_owned());
        self
    }

    /// The same model, trained for so many tokens.
    #[must_use]
    pub fn trained_for(mut self, tokens: usize) -> Self {
        self.info.trained_context = tokens;
        self
    }

    fn cut(&self, text: &str, may: impl Fn(Token) -> bool) -> Result<Vec<Token>> {
        let (mut tokens, mut rest) = (Vec::new(), text.as_bytes());
        while !rest.is_empty() {
            let all = (0..).take(self.vocabulary.len()).filter(|&token| may(token));
            let fitting = all.filter(|&token| {
                let piece = self.vocabulary.piece(token);
                !piece.is_empty() && rest.starts_with(piece)
            });
            // Of the longest the first.
            let longest = fitting.max_by_key(|&token| (self.vocabulary.piece(token).len(), std::cmp::Reverse(token)));
            let token = longest.ok_or_else(|| {
                anyhow!("cannot tokenize the text: the vocabulary has nothing for its byte {}", text.len() - rest.len())
            })?;
            tokens.push(token);
            rest = &rest[self.vocabulary.piece(token).len()..];
        }
        Ok(tokens)
    }
}

impl Backend for ToyBackend {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn tokenize(&self, text: &str, _: bool, parse_special: bool) -> Result<Vec<Token>> {
        self.cut(text, |token| parse_special || self.vocabulary.kind(token) == Kind::Text)
    }

    fn tokenize_on(&self, text: &str) -> Result<Vec<Token>> {
        self.tokenize(text, false, false)
    }

    fn tokenize_script(&self, script: &Script) -> Result<Vec<Token>> {
        self.cut(&script.text(), |_| true)
    }

    fn longest_text(&self, tokens: usize) -> Option<usize> {
        let longest = (0..).take(self.vocabulary.len()).map(|token| self.vocabulary.piece(token).len()).max()?;
        longest.checked_mul(tokens)
    }

    fn chat_template(&self, renderer: Arc<dyn Renderer>) -> Option<Template> {
        self.template.as_deref().map(|source| Template::new(source, renderer))
    }

    fn control_names(&self) -> Vec<String> {
        let controls = (0..).take(self.vocabulary.len()).filter(|&token| self.vocabulary.kind(token) != Kind::Text);
        controls.map(|token| String::from_utf8_lossy(self.vocabulary.piece(token)).into_owned()).collect()
    }

    fn ends_of_text(&self) -> (String, String) {
        (String::new(), String::new())
    }

    fn token_named(&self, name: &str) -> Option<Token> {
        (0..).take(self.vocabulary.len()).find(|&token| self.vocabulary.piece(token) == name.as_bytes())
    }

    fn open(&self, options: &SessionOptions) -> Result<Box<dyn Session + '_>> {
        let SessionOptions { cells, branches, batch, threads, flash_attention, keys, values } = *options;
        anyhow::ensure!(
            (1..=MOST_BRANCHES).contains(&branches),
            "cannot keep {branches} branches: at least 1, at most {MOST_BRANCHES}"
        );
        let settings = SessionSettings {
            cells,
            branches,
            batch: batch.min(cells),
            threads: threads.unwrap_or(1),
            flash_attention,
            keys,
            values,
        };
        Ok(Box::new(ToySession::new(self, settings)))
    }

    fn sha256(&self) -> Result<String> {
        Ok("0".repeat(64))
    }

    fn adapter_sums(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn sums(&self, _: &Sums) -> Result<Vec<String>> {
        Ok(vec![self.sha256()?])
    }

    fn is_unchanged(&self) -> bool {
        true
    }

    fn version(&self) -> String {
        "toy".to_owned()
    }

    fn system(&self) -> String {
        String::new()
    }
}

/// A memory of the toy's.
struct ToySession {
    toy: Toy,
    rows: Arc<Rule>,
    settings: SessionSettings,
}

impl ToySession {
    fn new(backend: &ToyBackend, settings: SessionSettings) -> Self {
        let toy = Self::toy(backend.vocabulary.clone(), &backend.rows, &settings);
        Self { toy, rows: Arc::clone(&backend.rows), settings }
    }

    fn toy(vocabulary: Vocabulary, rows: &Arc<Rule>, settings: &SessionSettings) -> Toy {
        let SessionSettings { cells, branches, batch, .. } = *settings;
        let rows = Arc::clone(rows);
        Toy::new(vocabulary, move |text| rows(text)).with_room(Room { cells, branches, batch })
    }
}

impl Session for ToySession {
    fn settings(&self) -> &SessionSettings {
        &self.settings
    }

    fn clear(&mut self) {
        self.toy = Self::toy(self.toy.vocabulary().clone(), &self.rows, &self.settings);
    }
}

impl Model for ToySession {
    fn vocabulary(&self) -> &Vocabulary {
        self.toy.vocabulary()
    }

    fn extend(&mut self, steps: &[Step], read: &mut dyn FnMut(usize, usize, &[f32])) -> Result<Vec<Branch>> {
        self.toy.extend(steps, read)
    }

    fn prefix(&mut self, of: Branch, len: usize) -> Result<Option<Branch>> {
        self.toy.prefix(of, len)
    }

    fn release(&mut self, branch: Branch) {
        self.toy.release(branch);
    }

    fn save(&mut self, branch: Branch, most: u64) -> Result<Option<Vec<u8>>> {
        self.toy.save(branch, most)
    }

    fn restore(&mut self, state: &[u8], len: usize, keep: usize) -> Result<Option<Branch>> {
        self.toy.restore(state, len, keep)
    }

    fn room(&self) -> Room {
        self.toy.room()
    }
}
