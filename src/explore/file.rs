//! The tree as a file of its own: JSON with everything that is known of it, and not a byte of the writer's text changed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};

use super::in_order::InOrder;
use super::tree::{Beginning, How, ModelName, Node, NodeId, Piece, Tree, Vote};
use crate::files::{hexadecimal, read_text, words};
use crate::prob::Token;
use crate::story::TracedToken;
use crate::text::{EXCERPT, excerpt};

/// The version of the form of a tree's file; it rises when a field changes its meaning.
pub const TREE_FORMAT: u64 = 1;

/// The largest file that is read, in bytes.
pub(super) const MOST: u64 = 1 << 30;

/// A file that is no tree of this program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoTree;

impl fmt::Display for NoTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is no tree of afterword's: it has no `afterword-tree`")
    }
}

impl std::error::Error for NoTree {}

/// A file. What is not known here is of a later program, and is left alone.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct TreeFile {
    afterword_tree: u64,
    #[serde(default)]
    model: ModelName,
    #[serde(flatten)]
    beginning: Beginning,
    root: NodeId,
    current: NodeId,
    /// Each before those behind it: siblings stand in their order.
    nodes: InOrder<NodeFile>,
}

/// A node.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct NodeFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<NodeId>,
    /// Its text, where that is whole characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Its text in hexadecimal digits, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
    #[serde(default)]
    how: How,
    /// Each token, and how many bytes of the text it spells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<(Token, usize)>,
    /// What was known at each token; nothing at all where nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    trace: Vec<Option<TracedToken>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    bookmark: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    note: String,
    #[serde(default)]
    created: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    votes: Vec<Vote>,
}

impl Tree {
    /// The file of the tree.
    ///
    /// # Errors
    /// A number that JSON cannot hold.
    pub fn to_json(&self) -> Result<String> {
        let nodes = self.in_order().into_iter().filter_map(|id| Some((id.0.to_string(), NodeFile::of(self.node(id)?))));
        let file = TreeFile {
            afterword_tree: TREE_FORMAT,
            model: self.model().clone(),
            beginning: self.beginning().clone(),
            root: self.root(),
            current: self.current(),
            nodes: InOrder(nodes.collect()),
        };
        serde_json::to_string(&file).context("cannot write the tree as JSON")
    }

    /// The tree of such a file.
    ///
    /// # Errors
    /// It is no JSON, no tree ([`NoTree`]), a tree of a later form, or one that is not whole.
    pub fn of_json(text: &str) -> Result<Self> {
        let version = version(text)?;
        ensure!(
            version <= TREE_FORMAT,
            "the tree is of form {version}, and this program reads forms up to {TREE_FORMAT}\nhint: a later afterword wrote it, and reads it"
        );
        let reader = &mut serde_json::Deserializer::from_str(text);
        let file: TreeFile = serde_path_to_error::deserialize(reader).map_err(|error| wrong(&error))?;
        let TreeFile { afterword_tree: _, model, beginning, root, current, nodes } = file;
        let mut all: BTreeMap<NodeId, Arc<Node>> = BTreeMap::new();
        let mut order = Vec::new();
        for (number, node) in nodes.0 {
            let id = NodeId(number.parse().with_context(|| format!("`{}` is no number of a node", excerpt(&number, EXCERPT)))?);
            let node = node.read().with_context(|| format!("node {} of the tree cannot be read", id.0))?;
            ensure!(all.insert(id, Arc::new(node)).is_none(), "the tree has two nodes of the number {}", id.0);
            order.push(id);
        }
        for id in order {
            let Some(parent) = all.get(&id).and_then(|node| node.parent) else { continue };
            let Some(above) = all.get_mut(&parent) else {
                bail!("node {} of the tree goes on from node {}, which is not there", id.0, parent.0);
            };
            Arc::make_mut(above).children.push(id);
        }
        Self::of_nodes(beginning, model, all, root, current)
    }

    /// The tree of a file at this path.
    ///
    /// # Errors
    /// It cannot be read, or as [`Tree::of_json`].
    pub fn read(path: &Path) -> Result<Self> {
        let refusal = || format!("cannot read the tree `{}`", path.display());
        let text = read_text(path, MOST).map_err(|error| anyhow!(words(&error))).with_context(refusal)?;
        Self::of_json(&text).with_context(refusal)
    }
}

/// The form of the file.
fn version(text: &str) -> Result<u64> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Head {
        afterword_tree: Option<u64>,
    }

    let head: Head = serde_json::from_str(text).map_err(|error| anyhow!("it is no JSON of a tree: {error}"))?;
    head.afterword_tree.ok_or_else(|| NoTree.into())
}

fn wrong(error: &serde_path_to_error::Error<serde_json::Error>) -> anyhow::Error {
    let (path, cause) = (error.path().to_string(), error.inner());
    if path == "." {
        anyhow!("the tree is not whole: {cause}")
    } else {
        anyhow!("`{}` is wrong: {cause}", excerpt(&path, EXCERPT))
    }
}

impl NodeFile {
    fn of(node: &Node) -> Self {
        let Node { parent, children: _, text, tokens, how, bookmark, note, created, votes } = node;
        let (text, bytes) = match std::str::from_utf8(text) {
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (None, Some(hexadecimal(text))),
        };
        let known = tokens.iter().any(|piece| piece.trace.is_some());
        Self {
            parent: *parent,
            text,
            bytes,
            how: how.clone(),
            tokens: tokens.iter().map(|piece| (piece.token, piece.len)).collect(),
            trace: if known { tokens.iter().map(|piece| piece.trace.as_deref().cloned()).collect() } else { Vec::new() },
            bookmark: *bookmark,
            note: note.clone(),
            created: *created,
            votes: votes.clone(),
        }
    }

    fn read(self) -> Result<Node> {
        let Self { parent, text, bytes, how, tokens, trace, bookmark, note, created, votes } = self;
        let text = match (text, bytes) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(bytes)) => bytes_of(&bytes).context("its `bytes` are no hexadecimal digits")?,
            (None, None) => bail!("it has neither `text` nor `bytes`"),
            (Some(_), Some(_)) => bail!("it has both `text` and `bytes`"),
        };
        let length = tokens.iter().fold(0_usize, |sum, (_, len)| sum.saturating_add(*len));
        ensure!(tokens.is_empty() || length == text.len(), "its tokens spell {length} bytes, and its text has {}", text.len());
        ensure!(
            trace.is_empty() || trace.len() == tokens.len(),
            "it has {} tokens, and a trace of {}",
            tokens.len(),
            trace.len()
        );
        let traces = trace.into_iter().map(|trace| trace.map(Arc::new)).chain(std::iter::repeat(None));
        let tokens = tokens.into_iter().zip(traces).map(|((token, len), trace)| Piece { token, len, trace }).collect();
        Ok(Node { parent, children: Vec::new(), text, tokens, how, bookmark, note, created, votes })
    }
}

/// The bytes that these hexadecimal digits are.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

#[cfg(test)]
mod tests {
    use super::super::tree::{Place, Told};
    use super::*;
    use crate::story::ScoredToken;

    fn tree() -> Tree {
        let beginning = Beginning { prompt: "Once \"upon\"".to_owned(), prompt_tokens: vec![3, 4], ..Beginning::default() };
        let model = ModelName { name: "Toy".to_owned(), sha256: "0".repeat(64) };
        let mut tree = Tree::new(beginning, model, 5);
        let root = tree.end(tree.root());
        let read = TracedToken::read(&ScoredToken { id: 7, bytes: 2, surprisal: 0.5, rank: 1, entropy: 2.0 }, " a".to_owned());
        let told = Told { preset: "wave".to_owned(), set: vec!["dry=off".to_owned()], seed: 9, t: 0, model: "Toy".to_owned() };
        let pieces = vec![
            Piece { token: 7, len: 2, trace: Some(Arc::new(read)) },
            Piece { token: 8, len: 2, trace: None },
            Piece { token: 9, len: 1, trace: None },
        ];
        // A character is cut in two.
        let told = tree.grow(root, b" a\xE7\x8B\xBC", pieces, How::Told(Box::new(told)), 11).unwrap();
        tree.split(Place { node: told, at: 2 }).unwrap();
        let other = tree.grow(root, " b\u{0}\n\u{2028}".as_bytes(), vec![], How::Chosen { rank: 3 }, 12).unwrap();
        let third = tree.grow(root, b" c", vec![], How::Typed, 13).unwrap();
        tree.vote(other, third, 14).unwrap();
        tree.mark(other, true).unwrap();
        tree.annotate(other, "the best").unwrap();
        tree.go(other).unwrap();
        tree
    }

    #[test]
    fn a_tree_comes_back_from_its_file_as_it_was() {
        let tree = tree();
        let text = tree.to_json().unwrap();
        assert!(text.starts_with("{\"afterword-tree\":1,"), "{text}");
        let again = Tree::of_json(&text).unwrap();
        assert_eq!((&again, again.to_json().unwrap()), (&tree, text));
        assert_eq!(again.can_undo_and_redo(), [false, false]);
        // New nodes have names that none had.
        let mut again = again;
        let new = again.grow(again.end(again.current()), b"!", vec![], How::Typed, 1).unwrap();
        assert!(tree.node(new).is_none());
    }

    #[test]
    fn what_is_not_known_is_left_alone() {
        let text = tree().to_json().unwrap().replacen("\"root\"", "\"colour\":[1,{}],\"root\"", 1);
        let text = text.replacen("\"created\"", "\"mood\":\"dark\",\"created\"", 1);
        assert_eq!(Tree::of_json(&text).unwrap(), tree());
        let little = r#"{"afterword-tree": 1, "prompt": "Once", "root": 4, "current": 4, "nodes": {"4": {"text": "Once"}}}"#;
        assert_eq!(Tree::of_json(little).unwrap().len(), 1);
    }

    #[test]
    fn what_is_wrong_is_said_in_a_sentence() {
        let file = |nodes: &str| format!(r#"{{"afterword-tree":1,"prompt":"A","root":0,"current":1,"nodes":{{{nodes}}}}}"#);
        let root = r#""0":{"text":"A"}"#;
        for (text, says) in [
            ("{".to_owned(), "it is no JSON of a tree: EOF"),
            ("{}".to_owned(), "it is no tree of afterword's"),
            (r#"{"afterword-tree":2}"#.to_owned(), "the tree is of form 2, and this program reads forms up to 1\nhint: "),
            (file(root), "the tree stands at node 1, which is not there"),
            (file(r#""1":{"text":"A"}"#), "the tree begins with node 0, which is not there"),
            (
                file(&format!(r#"{root},"1":{{"parent":7,"text":"b"}}"#)),
                "node 1 of the tree goes on from node 7, which is not there",
            ),
            (file(&format!(r#"{root},"1":{{"text":"b"}}"#)), "node 1 of the tree goes on from nothing"),
            (
                file(&format!(r#"{root},"1":{{"parent":2,"text":"b"}},"2":{{"parent":1,"text":"b"}}"#)),
                "nodes of the tree go on from each other",
            ),
            (
                file(&format!(r#"{root},"1":{{"parent":0}}"#)),
                "node 1 of the tree cannot be read: it has neither `text` nor `bytes`",
            ),
            (file(&format!(r#"{root},"1":{{"parent":0,"text":"b","bytes":"00"}}"#)), "it has both `text` and `bytes`"),
            (file(&format!(r#"{root},"1":{{"parent":0,"bytes":"0g"}}"#)), "its `bytes` are no hexadecimal digits"),
            (
                file(&format!(r#"{root},"1":{{"parent":0,"text":"b","tokens":[[1,2]]}}"#)),
                "its tokens spell 2 bytes, and its text has 1",
            ),
            (file(&format!(r#"{root},"1":{{"parent":0,"text":"b","trace":[null]}}"#)), "it has 0 tokens, and a trace of 1"),
            (
                file(&format!(r#"{root},"1":{{"parent":0,"text":"b"}},"1":{{"parent":0,"text":"b"}}"#)),
                "two nodes of the number 1",
            ),
            (file(&format!(r#"{root},"x":{{"parent":0,"text":"b"}}"#)), "`x` is no number of a node"),
            (file(&format!(r#"{root},"1":{{"parent":0,"text":7}}"#)), "invalid type: integer `7`, expected a string"),
            (
                file(r#""0":{"text":"B"},"1":{"parent":0,"text":"b"}"#),
                "the tree begins with another text than that of its prompt",
            ),
        ] {
            let said = format!("{:#}", Tree::of_json(&text).unwrap_err());
            assert!(said.contains(says), "{said}\n{text}");
        }
    }
}
