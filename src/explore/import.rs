//! Trees of others: what loomsidian, loom and simpler programs keep, and the record of a told story.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use jsonc_parser::tokens::Token as Word;
use jsonc_parser::{Scanner, ScannerOptions};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::file::MOST;
use super::in_order::InOrder;
use super::tree::{Beginning, How, ModelName, Node, NodeId, Piece, Told, Tree};
use crate::files::{read_text, words};
use crate::model::{Detokenizer, Vocabulary};
use crate::story::{Mode, Record};

/// A node of somebody else's tree.
#[derive(Debug, Default)]
struct Foreign {
    /// The place of its parent among them.
    parent: Option<usize>,
    name: Option<String>,
    text: String,
    bookmark: bool,
}

/// What tells the forms from each other.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "afterword-tree")]
    own: Option<IgnoredAny>,
    nodes: Option<IgnoredAny>,
    root: Option<IgnoredAny>,
    text: Option<IgnoredAny>,
    children: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoomsidianNode {
    text: String,
    #[serde(default)]
    parent_id: Option<String>,
    #[serde(default)]
    bookmarked: bool,
}

#[derive(Deserialize)]
struct Loomsidian {
    #[serde(default)]
    current: Option<String>,
    nodes: InOrder<LoomsidianNode>,
}

impl Tree {
    /// The tree in a file of this program's, of loomsidian's, of loom's, or of texts with children; `created` is when its nodes are made
    /// here, in seconds since 1970. All texts but those of this program are texts that somebody wrote.
    ///
    /// # Errors
    /// It is none of these, or is not whole.
    pub fn import(text: &str, created: u64) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let head: Head = serde_json::from_str(text).map_err(|error| anyhow!("it is no JSON of a tree: {error}"))?;
        let (nodes, current) = match head {
            Head { own: Some(_), .. } => return Self::of_json(text),
            Head { nodes: Some(_), .. } => of_loomsidian(text)?,
            Head { root: Some(_), .. } | Head { text: Some(_), .. } | Head { children: Some(_), .. } => of_nested(text)?,
            _ => bail!("it is no tree: it has neither `nodes` nor `root`, `text` or `children`"),
        };
        Self::of_foreign(nodes, current, created)
    }

    /// The tree of a file at this path, as [`Tree::import`] has it.
    ///
    /// # Errors
    /// It cannot be read, or as there.
    pub fn import_file(path: &Path, created: u64) -> Result<Self> {
        let refusal = || format!("cannot read the tree `{}`", path.display());
        let text = read_text(path, MOST).map_err(|error| anyhow!(words(&error))).with_context(refusal)?;
        Self::import(&text, created).with_context(refusal)
    }

    fn of_foreign(nodes: Vec<Foreign>, current: Option<usize>, created: u64) -> Result<Self> {
        let roots: Vec<usize> = (0..nodes.len()).filter(|&at| nodes[at].parent.is_none()).collect();
        // Several beginnings are ways on from nothing.
        let root = if let [root] = roots[..] { root } else { nodes.len() };
        let name = |at: usize| NodeId(at as u64);
        let prompt = nodes.get(root).map_or(String::new(), |node| node.text.clone());
        let mut all: BTreeMap<NodeId, Arc<Node>> = BTreeMap::new();
        if root == nodes.len() {
            all.insert(name(root), Arc::new(Node { created, ..Node::default() }));
        }
        let parents: Vec<Option<usize>> =
            nodes.iter().enumerate().map(|(at, node)| node.parent.or((at != root).then_some(root))).collect();
        for (at, Foreign { text, bookmark, .. }) in nodes.into_iter().enumerate() {
            let parent = parents[at].map(name);
            let node = Node { parent, text: text.into_bytes(), bookmark, created, ..Node::default() };
            all.insert(name(at), Arc::new(node));
        }
        for (at, parent) in parents.iter().enumerate() {
            if let Some(above) = parent.and_then(|parent| all.get_mut(&name(parent))) {
                Arc::make_mut(above).children.push(name(at));
            }
        }
        let beginning = Beginning { prompt, ..Beginning::default() };
        Self::of_nodes(beginning, ModelName::default(), all, name(root), name(current.unwrap_or(root)))
    }

    /// The tree of a recorded story: its beginning, and behind that what was told with its trace. `vocabulary` is that of the model that
    /// told it; where another one is at hand, or none, the story is a text that is not cut.
    #[must_use]
    pub fn of_record(record: &Record, vocabulary: Option<&Vocabulary>, created: u64) -> Self {
        let model = Path::new(&record.model.file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let whose = ModelName { name: model.clone(), sha256: record.model.sha256.clone() };
        let mut tree = Self::new(Beginning::of_record(record), whose, created);
        let begun = match &record.mode {
            Mode::Raw => "",
            Mode::Chat(chat) => chat.prefill.as_str(),
        };
        let text = record.text.strip_prefix(begun).unwrap_or(&record.text);
        let (told, pieces) = match vocabulary {
            Some(vocabulary) => pieces_of(record, text, vocabulary),
            None => (text.as_bytes().to_vec(), Vec::new()),
        };
        let by = |t: usize| {
            let Record { preset, seed, .. } = record;
            let told = Told { preset: preset.clone(), set: Vec::new(), seed: *seed, t, model: model.clone() };
            How::Told(Box::new(told))
        };
        // The story may end within a token, before a stop string or behind a sentence.
        let rest = text.get(Detokenizer::text_of(&told).len()..).unwrap_or_default();
        for (text, pieces, t) in [(&told[..], pieces.clone(), 0), (rest.as_bytes(), Vec::new(), pieces.len())] {
            if !text.is_empty() {
                let end = tree.end(tree.current());
                // The end of a node that is there is a place.
                let _ = tree.grow(end, text, pieces, by(record.clock + t), created);
            }
        }
        tree.forget_past();
        tree
    }
}

/// The tokens of a record as far as they lie within its text, which may end before a stop string, and the bytes that they spell.
fn pieces_of(record: &Record, text: &str, vocabulary: &Vocabulary) -> (Vec<u8>, Vec<Piece>) {
    let (mut pieces, mut bytes, mut owed) = (Vec::new(), Vec::new(), record.healed.len());
    for (at, &token) in record.tokens.iter().enumerate() {
        let piece = if vocabulary.ends(token) { &[] } else { vocabulary.piece(token) };
        let (own, piece) = piece.split_at(owed.min(piece.len()));
        owed -= own.len();
        let longer = [&bytes[..], piece].concat();
        if !text.starts_with(&Detokenizer::text_of(&longer)) {
            break;
        }
        bytes = longer;
        let trace = record.trace.get(at).filter(|trace| trace.id == token).cloned().map(Arc::new);
        pieces.push(Piece { token, len: piece.len(), trace });
    }
    (bytes, pieces)
}

/// Nodes that name their parents.
fn of_loomsidian(text: &str) -> Result<(Vec<Foreign>, Option<usize>)> {
    let reader = &mut serde_json::Deserializer::from_str(text);
    let tree: Loomsidian =
        serde_path_to_error::deserialize(reader).map_err(|error| anyhow!("`{}` is wrong: {}", error.path(), error.inner()))?;
    let Loomsidian { current, nodes: InOrder(nodes) } = tree;
    let places: HashMap<String, usize> = nodes.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect();
    ensure!(places.len() == nodes.len(), "the tree has two nodes of one name");
    let mut all = Vec::new();
    for (name, LoomsidianNode { text, parent_id, bookmarked }) in nodes {
        let parent = match parent_id {
            None => None,
            Some(parent) => {
                let place = places.get(&parent);
                Some(*place.with_context(|| format!("node `{name}` of the tree goes on from `{parent}`, which is not there"))?)
            }
        };
        all.push(Foreign { parent, name: Some(name), text, bookmark: bookmarked });
    }
    let current = current.and_then(|current| places.get(&current).copied());
    Ok((all, current))
}

/// What is open while nodes within nodes are read.
enum Open {
    /// A node, by its place, and the key whose value comes next.
    Node(usize, Option<String>),
    /// The children of a node.
    Children(usize),
    /// Something of which nothing is known here.
    Other,
}

/// Nodes within each other, however deep; the one that is selected where the file says so.
fn of_nested(text: &str) -> Result<(Vec<Foreign>, Option<usize>)> {
    let mut scanner = Scanner::new(text, &ScannerOptions::default());
    let (mut nodes, mut open, mut selected): (Vec<Foreign>, Vec<Open>, Option<String>) = Default::default();
    // Where there is a `root`, the object around it is none of the nodes.
    let mut root = 0;
    while let Some(word) = scanner.scan().map_err(|error| anyhow!("it is no JSON of a tree: {error}"))? {
        match word {
            Word::OpenBrace => open.push(match open.last() {
                None => node(&mut nodes, None),
                Some(Open::Node(0, Some(key))) if key == "root" => {
                    root = nodes.len();
                    node(&mut nodes, None)
                }
                Some(&Open::Children(parent)) => node(&mut nodes, Some(parent)),
                Some(_) => Open::Other,
            }),
            Word::OpenBracket => open.push(match open.last() {
                Some(Open::Node(at, Some(key))) if key == "children" => Open::Children(*at),
                _ => Open::Other,
            }),
            Word::CloseBrace | Word::CloseBracket => {
                open.pop();
                forget_key(&mut open);
            }
            Word::String(text) => {
                if let Some(Open::Node(at, key)) = open.last_mut() {
                    match key.take() {
                        None => *key = Some(text.into_owned()),
                        Some(key) if key == "text" => nodes[*at].text = text.into_owned(),
                        Some(key) if key == "id" => nodes[*at].name = Some(text.into_owned()),
                        Some(key) if key == "selected_node_id" => selected = Some(text.into_owned()),
                        Some(_) => {}
                    }
                }
            }
            Word::Number(_) | Word::Boolean(_) | Word::Null | Word::Word(_) => forget_key(&mut open),
            Word::Colon | Word::Comma | Word::CommentLine(_) | Word::CommentBlock(_) => {}
        }
    }
    ensure!(!nodes.is_empty(), "it is no tree: it holds no node");
    nodes.drain(..root);
    for node in &mut nodes {
        node.parent = node.parent.map(|parent| parent.saturating_sub(root));
    }
    let current = selected.and_then(|selected| nodes.iter().position(|node| node.name.as_ref() == Some(&selected)));
    Ok((nodes, current))
}

fn node(nodes: &mut Vec<Foreign>, parent: Option<usize>) -> Open {
    nodes.push(Foreign { parent, ..Foreign::default() });
    Open::Node(nodes.len() - 1, None)
}

/// The value of a key is over.
fn forget_key(open: &mut [Open]) {
    if let Some(Open::Node(_, key)) = open.last_mut() {
        *key = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Export;
    use super::super::tree::Place;
    use super::*;

    /// A tree with two ways on, one of which parts within a character.
    fn tree() -> Tree {
        let beginning = Beginning { prompt: "Once".to_owned(), ..Beginning::default() };
        let mut tree = Tree::new(beginning, ModelName::default(), 5);
        let root = tree.end(tree.root());
        let piece = |token, len| Piece { token, len, trace: None };
        let told = tree.grow(root, b" a \xE7\x8B\xBC", vec![piece(1, 4), piece(2, 2)], How::Typed, 6).unwrap();
        tree.grow(Place { node: told, at: 1 }, b"\x8B\xBC!", vec![], How::Typed, 7).unwrap();
        let last = tree.grow(root, b" b\n\"", vec![], How::Chosen { rank: 1 }, 8).unwrap();
        tree.mark(last, true).unwrap();
        tree.annotate(last, "good").unwrap();
        tree
    }

    /// The texts of all leaves, in their order.
    fn texts(tree: &Tree) -> Vec<String> {
        tree.leaves().into_iter().map(|leaf| String::from_utf8(tree.text(leaf)).unwrap()).collect()
    }

    #[test]
    fn a_tree_comes_back_from_the_files_of_others_with_all_its_texts() {
        let tree = tree();
        assert_eq!(texts(&tree), ["Once a 狼", "Once a 狼!", "Once b\n\""]);
        for form in [Export::Loomsidian, Export::Loom, Export::Simple] {
            let file = String::from_utf8(tree.export(form).unwrap()).unwrap();
            let back = Tree::import(&file, 9).unwrap();
            assert_eq!(texts(&back), texts(&tree), "{file}");
            assert_eq!(back.beginning().shown(), "Once");
            let current = back.node(back.current()).unwrap();
            if form != Export::Simple {
                assert_eq!(current.shown(), " b\n\"");
            }
            assert_eq!(current.bookmark, form == Export::Loomsidian);
            assert_eq!(tree.export(form).unwrap(), file.as_bytes());
        }
        assert_eq!(Tree::import(&tree.to_json().unwrap(), 9).unwrap(), tree);
    }

    #[test]
    fn loomsidian_and_loom_find_what_they_look_for() {
        let file: serde_json::Value = serde_json::from_slice(&tree().export(Export::Loomsidian).unwrap()).unwrap();
        let nodes = file["nodes"].as_object().unwrap();
        let current = &nodes[file["current"].as_str().unwrap()];
        for (key, value) in [
            ("text", " b\n\"".into()),
            ("collapsed", false.into()),
            ("unread", false.into()),
            ("bookmarked", true.into()),
            ("lastVisited", 8000.into()),
            ("searchResultState", serde_json::Value::Null),
        ] {
            assert_eq!(current[key], value, "{key}");
        }
        assert_eq!(nodes[current["parentId"].as_str().unwrap()]["parentId"], serde_json::Value::Null);
        assert_eq!(
            (&file["hoisted"], &file["searchTerm"], &file["generating"]),
            (&serde_json::json!([]), &"".into(), &false.into())
        );
        let is_uuid = |name: &String| {
            let lengths: Vec<usize> = name.split('-').map(str::len).collect();
            lengths == [8, 4, 4, 4, 12]
                && name.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
                && name.as_bytes()[14] == b'8'
        };
        assert!(nodes.keys().all(is_uuid) && nodes.len() == 5);

        let file: serde_json::Value = serde_json::from_slice(&tree().export(Export::Loom).unwrap()).unwrap();
        let last = &file["root"]["children"][1];
        assert_eq!(
            (&last["text"], &last["id"], &last["children"]),
            (&" b\n\"".into(), &file["selected_node_id"], &serde_json::json!([]))
        );
    }

    #[test]
    fn a_tree_of_many_thousand_levels_goes_out_and_in() {
        let mut tree = tree();
        for _ in 0..3000 {
            tree.grow(tree.end(tree.current()), b"x", vec![], How::Typed, 0).unwrap();
        }
        for form in [Export::Loom, Export::Simple, Export::Loomsidian] {
            let file = String::from_utf8(tree.export(form).unwrap()).unwrap();
            assert_eq!(texts(&Tree::import(&file, 9).unwrap()), texts(&tree));
        }
        assert_eq!(Tree::of_json(&tree.to_json().unwrap()).unwrap(), tree);
    }

    #[test]
    fn several_beginnings_go_on_from_nothing_and_what_is_strange_is_left_alone() {
        let loom = r#"{"nodes": {"a": {"text": "A", "parentId": null}, "c": {"text": "C", "parentId": "b", "x": [1]}, "b": {"text": "B"}}}"#;
        assert_eq!(texts(&Tree::import(loom, 9).unwrap()), ["A", "BC"]);
        let nested = r#"{"tags": ["text", {"text": "no"}], "text": "A", "children": [{"id": 7, "text": "B", "meta": {"children": [{"text": "no"}]}}, {"children": [], "text": "C"}]}"#;
        assert_eq!(texts(&Tree::import(nested, 9).unwrap()), ["AB", "AC"]);
        for (text, says) in [
            ("[1", "it is no JSON of a tree"),
            ("{\"a\": 1}", "it is no tree: it has neither `nodes` nor `root`, `text` or `children`"),
            (
                r#"{"nodes": {"a": {"text": "A", "parentId": "z"}}}"#,
                "node `a` of the tree goes on from `z`, which is not there",
            ),
            (r#"{"nodes": {"a": {"text": 7}}}"#, "`nodes.a.text` is wrong: invalid type"),
            (
                r#"{"nodes": {"a": {"text": "A", "parentId": "b"}, "b": {"text": "B", "parentId": "a"}}}"#,
                "nodes of the tree go on from each other",
            ),
        ] {
            let said = format!("{:#}", Tree::import(text, 9).unwrap_err());
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn branches_are_headings_in_markdown_and_the_text_is_the_one_that_is_shown() {
        let tree = tree();
        let page = String::from_utf8(tree.export(Export::Markdown).unwrap()).unwrap();
        assert_eq!(page, "Once\n\n# 1\n\n a \n\n## 1.1\n\n狼\n\n## 1.2\n\n狼!\n\n# 2 · chosen · ★\n\n> good\n\n b\n\"\n");
        assert_eq!(tree.export(Export::Text).unwrap(), b"Once b\n\"");
    }
}
