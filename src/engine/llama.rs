//! llama.cpp's weights as a backend.

use std::sync::Arc;

use anyhow::Result;

use super::backend::{Backend, ModelInfo, Session};
use crate::chat::{Renderer, Script, Template};
use crate::files::Sums;
use crate::llama::{self, Weights};
use crate::model::{SessionOptions, SessionSettings, Token, Vocabulary};

/// A loaded GGUF file.
pub(super) struct Loaded {
    weights: Weights,
    info: ModelInfo,
}

impl Loaded {
    pub fn new(weights: Weights) -> Self {
        let info = ModelInfo {
            path: weights.path().to_owned(),
            name: weights.name(),
            architecture: weights.architecture(),
            quantisation: weights.quantisation().map(str::to_owned),
            file_size: weights.file_size(),
            size: weights.size(),
            trained_context: weights.trained_context(),
            locked: weights.is_locked(),
        };
        Self { weights, info }
    }
}

impl Session for llama::Session<'_> {
    fn settings(&self) -> &SessionSettings {
        self.settings()
    }

    fn clear(&mut self) {
        self.clear();
    }
}

impl Backend for Loaded {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn vocabulary(&self) -> &Vocabulary {
        self.weights.vocabulary()
    }

    fn tokenize(&self, text: &str, begins: bool, parse_special: bool) -> Result<Vec<Token>> {
        self.weights.tokenize(text, begins, parse_special)
    }

    fn tokenize_on(&self, text: &str) -> Result<Vec<Token>> {
        self.weights.tokenize_on(text)
    }

    fn tokenize_script(&self, script: &Script) -> Result<Vec<Token>> {
        self.weights.tokenize_script(script)
    }

    fn longest_text(&self, tokens: usize) -> Option<usize> {
        self.weights.longest_text(tokens)
    }

    fn chat_template(&self, renderer: Arc<dyn Renderer>) -> Option<Template> {
        self.weights.chat_template(renderer)
    }

    fn control_names(&self) -> Vec<String> {
        self.weights.control_names()
    }

    fn ends_of_text(&self) -> (String, String) {
        self.weights.ends_of_text()
    }

    fn token_named(&self, name: &str) -> Option<Token> {
        self.weights.token_named(name)
    }

    fn open(&self, options: &SessionOptions) -> Result<Box<dyn Session + '_>> {
        Ok(Box::new(self.weights.session(options)?))
    }

    fn sha256(&self) -> Result<String> {
        self.weights.sha256()
    }

    fn adapter_sums(&self) -> Result<Vec<String>> {
        self.weights.adapter_sums()
    }

    fn sums(&self, known: &Sums) -> Result<Vec<String>> {
        self.weights.sums(known)
    }

    fn is_unchanged(&self) -> bool {
        self.weights.is_unchanged()
    }

    fn version(&self) -> String {
        llama::build()
    }

    fn system(&self) -> String {
        llama::system_info()
    }
}
