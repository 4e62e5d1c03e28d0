//! A page on which a person judges: one HTML file that needs nothing else, and gives the same lines that a [`super::Ledger`] keeps.

use anyhow::{Context, Result};
use minijinja::{Value, context};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::judgement::JUDGEMENT_FORMAT;
use super::pairs::Pairs;
use super::tales::Tales;
use crate::files::{MARK, hexadecimal};
use crate::text::{html_page, sanitize, script_json};

/// What the page's script reads.
#[derive(Serialize)]
struct Data<'t> {
    format: u32,
    round: usize,
    words: Option<usize>,
    /// Under this name the browser keeps what was said.
    key: &'t str,
    /// The names of arms in hexadecimal digits, so that nobody who looks at the page's source reads them without wanting to.
    arms: Vec<String>,
    /// Names and texts.
    prompts: Vec<(&'t str, String)>,
    /// Arm, prompt, name in judgements, text.
    tales: Vec<(usize, usize, &'t str, String)>,
    /// The stories of each pair, the one that is shown first first.
    pairs: Vec<(usize, usize)>,
}

/// The page of the pairs of a round, as HTML. The arms are told by nothing that can be seen.
///
/// What is said is kept by the browser, and can be saved as a file of judgements.
///
/// # Errors
/// The page cannot be written as a text.
pub fn page(tales: &Tales, pairs: &Pairs, round: usize, words: Option<usize>) -> Result<String> {
    let shown = |text: &str| sanitize(text).into_owned();
    let pairs: Vec<(usize, usize)> = pairs.all.iter().map(|pair| (pair.a, pair.b)).collect();
    let mut hash = Sha256::new().chain_update(format!("{round} {words:?} {pairs:?}"));
    tales.all.iter().for_each(|tale| hash.update(&tale.id));
    let key = format!("afterword-{}", hexadecimal(&hash.finalize()[..8]));
    let data = Data {
        format: JUDGEMENT_FORMAT,
        round,
        words,
        key: &key,
        arms: tales.arms.iter().map(|arm| hexadecimal(arm.as_bytes())).collect(),
        prompts: tales.prompts.iter().map(|prompt| (prompt.name.as_str(), shown(&prompt.text))).collect(),
        tales: tales.all.iter().map(|tale| (tale.arm, tale.prompt, tale.id.as_str(), shown(&tale.text))).collect(),
        pairs,
    };
    let data = script_json(&data).context("cannot write the data of the page")?;
    let safe = |text: &str| Value::from_safe_string(text.to_owned());
    let values = context! {
        mark => MARK,
        style => safe(include_str!("page.css")),
        script => safe(include_str!("page.js")),
        data => safe(&data),
    };
    html_page(include_str!("page.html"), values)
}

#[cfg(test)]
mod tests {
    use super::super::tales::tests::tales;
    use super::*;

    fn made(text: &str) -> String {
        let mut tales = tales(2, &["wave", "temperature"], 1);
        tales.all[0].text = text.to_owned();
        page(&tales, &Pairs::of(&tales, 1, 1), 1, None).unwrap()
    }

    #[test]
    fn a_page_names_no_arm_and_asks_for_nothing() {
        let page = made("There was a king.").replace("A tale by temperature", "").replace("A tale by wave", "");
        for arm in ["wave", "temperature"] {
            assert!(!page.contains(arm), "{arm}");
        }
        for asks in ["src=\"", "url(", "@import", "<link", "fetch(", "http:", "https:"] {
            assert!(!page.contains(asks), "{asks}");
        }
        assert!(page.contains("default-src 'none'") && page.starts_with("<!doctype html>"));
        assert!((crate::files::Form::PAGE.is)(page.as_bytes()));
    }

    #[test]
    fn hostile_text_is_no_element() {
        let page = made("</script><script>alert(1)</script><!--\u{202e}\0");
        assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (2, 2));
        assert!(!page.contains("<!--") && !page.contains(['\0', '\u{202e}']) && page.contains("alert(1)"));
    }

    #[test]
    fn another_set_of_pairs_is_kept_under_another_name() {
        let key = |page: &str| page.split_once("\"key\":\"").unwrap().1[..26].to_owned();
        assert_eq!(key(&made("a")), key(&made("b")), "the names of stories are the same here");
        let tales = tales(2, &["wave", "temperature"], 1);
        let of = |seed, round| page(&tales, &Pairs::of(&tales, seed, round), round, None).unwrap();
        assert_ne!(key(&of(1, 1)), key(&of(1, 2)));
    }
}
