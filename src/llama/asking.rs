//! The chat template of a model file, and its scripts as tokens.

use std::sync::Arc;

use anyhow::Result;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token_type::LlamaTokenAttr;

use super::weights::Weights;
use crate::chat::{Renderer, Script, Template, Whose};
use crate::model::Token;

/// A token that has a name in text and none of its letters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Control {
    name: String,
    token: LlamaToken,
    /// Whether white space before it belongs to it, and behind it.
    strips: (bool, bool),
}

/// What a script is made of, seen by the tokeniser.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Control(LlamaToken),
    Text(&'a str),
}

impl Weights {
    /// The chat template of the file, which is rendered by this renderer; `None` for a base model.
    #[must_use]
    pub fn chat_template(&self, renderer: Arc<dyn Renderer>) -> Option<Template> {
        // Some files hold several under names, and the one for plain conversations may be among them.
        let keys = ["tokenizer.chat_template", "tokenizer.chat_template.default"];
        let source = keys.iter().filter_map(|key| self.meta(key)).find(|source| !source.trim().is_empty());
        source.map(|source| Template::new(&source, renderer))
    }

    /// The texts of the tokens that begin and end a text; empty where the model has none.
    #[must_use]
    pub fn ends_of_text(&self) -> (String, String) {
        let vocabulary = self.model.vocab();
        (self.name_of(vocabulary.bos()), self.name_of(vocabulary.eos()))
    }

    /// The names of all control tokens.
    #[must_use]
    pub fn control_names(&self) -> Vec<String> {
        self.controls().into_iter().map(|control| control.name).collect()
    }

    /// The token that has this name; `None` where it is no token of its own.
    #[must_use]
    pub fn token_named(&self, name: &str) -> Option<Token> {
        match self.model.vocab().tokenize(name.as_bytes(), false, true)[..] {
            [token] if self.name_of(token) == name => Token::try_from(token.0).ok(),
            _ => None,
        }
    }

    /// Cuts a script into tokens, the token that begins a text first and once, if the model wants one or the template writes
    /// it.
    ///
    /// Names of control tokens are those tokens where the template wrote them, and letters elsewhere. Between two of them all
    /// text is cut as one, whoever wrote it: so a script in which the writer names none is equivalent to its text with
    /// control tokens parsed.
    ///
    /// # Errors
    /// As [`Weights::tokenize`].
    pub fn tokenize_script(&self, script: &Script) -> Result<Vec<Token>> {
        let text = script.text();
        let mut tokens = Vec::new();
        for piece in pieces(&text, &template_ranges(script), &self.controls()) {
            match piece {
                Piece::Control(LlamaToken(token)) => tokens.push(Token::try_from(token)?),
                Piece::Text(text) => tokens.extend(self.tokenize(text, false, false)?),
            }
        }
        let vocabulary = self.model.vocab();
        // A model without such a token has a negative number for it.
        let wanted = Token::try_from(vocabulary.bos().0).ok().filter(|_| vocabulary.should_add_bos());
        if let Some(bos) = wanted.filter(|bos| tokens.first() != Some(bos)) {
            tokens.insert(0, bos);
        }
        Ok(tokens)
    }

    fn name_of(&self, token: LlamaToken) -> String {
        let vocabulary = self.model.vocab();
        let known = (0..self.model.n_vocab()).contains(&token.0);
        let name = if known { vocabulary.text(token) } else { None };
        name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn controls(&self) -> Vec<Control> {
        let vocabulary = self.model.vocab();
        let control = |token| {
            let attributes = vocabulary.attr(token);
            let strips = (attributes.contains(LlamaTokenAttr::LStrip), attributes.contains(LlamaTokenAttr::RStrip));
            attributes.intersects(LlamaTokenAttr::Control | LlamaTokenAttr::Unknown).then(|| Control {
                name: self.name_of(token),
                token,
                strips,
            })
        };
        vocabulary.tokens().filter_map(control).filter(|control| !control.name.is_empty()).collect()
    }
}

/// Where the template's parts stand in the text of a script; parts beside each other are one.
fn template_ranges(script: &Script) -> Vec<std::ops::Range<usize>> {
    let (mut ranges, mut end): (Vec<std::ops::Range<usize>>, usize) = (Vec::new(), 0);
    for part in script.parts() {
        let start = end;
        end += part.text.len();
        match ranges.last_mut() {
            _ if part.whose == Whose::Writer => {}
            Some(last) if last.end == start => last.end = end,
            _ => ranges.push(start..end),
        }
    }
    ranges
}

/// Finds the control tokens in the template's ranges, the first of them first and of several at one place the longest.
fn pieces<'a>(text: &'a str, template: &[std::ops::Range<usize>], controls: &[Control]) -> Vec<Piece<'a>> {
    let mut starting: Vec<Vec<&Control>> = vec![Vec::new(); 256];
    for control in controls {
        starting[usize::from(control.name.as_bytes()[0])].push(control);
    }
    let (mut pieces, mut told) = (Vec::new(), 0);
    for range in template {
        let mut at = range.start.max(told);
        while at < range.end {
            let rest = &text.as_bytes()[at..range.end];
            let here = starting[usize::from(rest[0])].iter().filter(|control| rest.starts_with(control.name.as_bytes()));
            let Some(control) = here.max_by_key(|control| control.name.len()) else {
                at += 1;
                continue;
            };
            // Names are whole characters, so what stands around one is too.
            let before = &text[told..at];
            let before = if control.strips.0 { before.trim_ascii_end() } else { before };
            pieces.push(Piece::Text(before));
            pieces.push(Piece::Control(control.token));
            at += control.name.len();
            if control.strips.1 {
                at = text.len() - text[at..].trim_ascii_start().len();
            }
            told = at;
        }
    }
    pieces.push(Piece::Text(&text[told..]));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Part;

    fn controls() -> Vec<Control> {
        let control = |(number, name): (i32, &str)| Control {
            name: name.into(),
            token: LlamaToken(number),
            strips: (name == "<l>", name == "<r>"),
        };
        (0..).zip(["<a>", "<a><b>", "<l>", "<r>", "狼"]).map(control).collect()
    }

    /// The pieces of parts that take turns, the template's first.
    fn cut(parts: &[&str]) -> Vec<String> {
        let whose = [Whose::Template, Whose::Writer].into_iter().cycle();
        let part = |(text, whose): (&&str, Whose)| Part { text: (*text).to_owned(), whose };
        let script = Script::new(parts.iter().zip(whose).map(part).collect());
        let show = |piece| match piece {
            Piece::Control(LlamaToken(token)) => token.to_string(),
            Piece::Text(text) => format!("`{text}`"),
        };
        pieces(&script.text(), &template_ranges(&script), &controls()).into_iter().map(show).collect()
    }

    #[test]
    fn only_the_template_writes_control_tokens() {
        assert_eq!(cut(&["<a>x ", "<a>", "y<a>"]), ["0", "`x <a>y`", "0"]);
        // Nor do both together.
        assert_eq!(cut(&["<", "a>", "<", "a", ">"]), ["`<a><a>`"]);
    }

    #[test]
    fn the_longest_name_wins_and_names_of_any_script_are_found() {
        assert_eq!(cut(&["<a><b><a>é狼é"]), ["1", "0", "`é`", "4", "`é`"]);
    }

    #[test]
    fn white_space_that_belongs_to_a_token_goes_with_it() {
        assert_eq!(cut(&["x <l> y <r> ", " z"]), ["`x`", "2", "` y `", "3", "`z`"]);
        assert_eq!(cut(&["<r>", "  ", "<a>"]), ["3", "0"]);
    }
}
