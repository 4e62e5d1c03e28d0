//! The tree in the forms of others: as a text to be read, and as the files of other programs that grow trees of texts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use super::in_order::InOrder;
use super::tree::{How, Node, NodeId, Tree, open_character};
use crate::files::sha256;

/// A form in which a tree is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Export {
    /// The text in which the writer stands.
    Text,
    /// All branches in Markdown, each stretch under a heading.
    Markdown,
    /// The tree of loomsidian, an Obsidian plugin.
    Loomsidian,
    /// The tree of loom.
    Loom,
    /// Texts with their children, and nothing else.
    Simple,
    /// A page of all branches.
    Page,
}

impl Export {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Text, Self::Markdown, Self::Page, Self::Loomsidian, Self::Loom, Self::Simple];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Loomsidian => "loomsidian",
            Self::Loom => "loom",
            Self::Simple => "simple",
            Self::Page => "page",
        }
    }

    /// The ending of its files.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Markdown => "md",
            Self::Loomsidian | Self::Loom | Self::Simple => "json",
            Self::Page => "html",
        }
    }
}

/// A node as loomsidian has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LoomsidianNode {
    text: String,
    parent_id: Option<String>,
    collapsed: bool,
    unread: bool,
    bookmarked: bool,
    /// In milliseconds since 1970.
    last_visited: u64,
    search_result_state: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Loomsidian {
    current: String,
    hoisted: Vec<String>,
    search_term: String,
    nodes: InOrder<LoomsidianNode>,
    generating: bool,
}

impl Tree {
    /// The tree in this form. A text that no form could hold, with half a character at its end, gives that to those behind it.
    ///
    /// # Errors
    /// A number that JSON cannot hold.
    pub fn export(&self, form: Export) -> Result<Vec<u8>> {
        Ok(match form {
            Export::Text => self.text(self.current()),
            Export::Markdown => self.markdown().into_bytes(),
            Export::Loomsidian => self.loomsidian()?.into_bytes(),
            Export::Loom => {
                let (root, selected) = (self.nested(true)?, quoted(&self.current().0.to_string())?);
                format!("{{\"root\":{root},\"selected_node_id\":{selected}}}").into_bytes()
            }
            Export::Simple => self.nested(false)?.into_bytes(),
            Export::Page => self.page()?.into_bytes(),
        })
    }

    /// The own text of each node in whole characters: what a node cannot end goes to those behind it.
    fn whole_texts(&self) -> BTreeMap<NodeId, String> {
        let (mut texts, mut carried) = (BTreeMap::new(), BTreeMap::from([(self.root(), Vec::new())]));
        for id in self.in_order() {
            let Some(Node { text, children, .. }) = self.node(id) else { continue };
            let mut bytes = carried.remove(&id).unwrap_or_default();
            bytes.extend_from_slice(text);
            let open = if children.is_empty() { Vec::new() } else { open_character(&bytes).to_vec() };
            bytes.truncate(bytes.len() - open.len());
            texts.insert(id, String::from_utf8_lossy(&bytes).into_owned());
            carried.extend(children.iter().map(|child| (*child, open.clone())));
        }
        texts
    }

    /// All branches: where a text goes on in several ways, each has a heading with its number.
    fn markdown(&self) -> String {
        let (texts, mut numbers, mut page) = (self.whole_texts(), BTreeMap::<NodeId, Vec<usize>>::new(), String::new());
        for id in self.in_order() {
            let Some(node) = self.node(id) else { continue };
            let number = numbers.remove(&id).unwrap_or_default();
            let is_alone = self.siblings(id).len() == 1;
            if node.parent.is_some() && !is_alone {
                if !page.is_empty() {
                    page.push_str("\n\n");
                }
                let names: Vec<String> = number.iter().map(usize::to_string).collect();
                let _ = write!(page, "{} {}{}\n\n", "#".repeat(number.len().min(6)), names.join("."), by(node));
            }
            if !node.note.is_empty() {
                let lines: Vec<String> = node.note.lines().map(|line| format!("> {line}")).collect();
                let _ = write!(page, "{}\n\n", lines.join("\n"));
            }
            page.push_str(&texts[&id]);
            for (at, child) in node.children.iter().enumerate() {
                let mut number = number.clone();
                if node.children.len() > 1 {
                    number.push(at + 1);
                }
                numbers.insert(*child, number);
            }
        }
        page.push('\n');
        page
    }

    fn loomsidian(&self) -> Result<String> {
        let texts = self.whole_texts();
        let mut nodes = Vec::new();
        for id in self.in_order() {
            let Some(node) = self.node(id) else { continue };
            let parent_id = node.parent.map(|parent| self.uuid(parent)).transpose()?;
            let (text, last_visited) = (texts[&id].clone(), node.created.saturating_mul(1000));
            let bookmarked = node.bookmark;
            let node = LoomsidianNode {
                text,
                parent_id,
                collapsed: false,
                unread: false,
                bookmarked,
                last_visited,
                search_result_state: None,
            };
            nodes.push((self.uuid(id)?, node));
        }
        let (current, search_term) = (self.uuid(self.current())?, String::new());
        let tree = Loomsidian { current, hoisted: Vec::new(), search_term, nodes: InOrder(nodes), generating: false };
        serde_json::to_string(&tree).context("cannot write the tree as JSON")
    }

    /// A name of a node like no other: a UUID of the kind that everybody makes as they like (version 8), always the same of the same tree.
    fn uuid(&self, node: NodeId) -> Result<String> {
        let created = self.node(self.root()).map_or(0, |root| root.created);
        let what = format!("{} {created} {} {}", self.model().sha256, node.0, self.beginning().prompt);
        let sum = sha256(what.as_bytes())?;
        Ok(format!("{}-{}-8{}-8{}-{}", &sum[..8], &sum[8..12], &sum[12..15], &sum[15..18], &sum[18..30]))
    }

    /// Nodes within each other, however deep.
    fn nested(&self, named: bool) -> Result<String> {
        let texts = self.whole_texts();
        let (mut json, mut open) = (String::new(), vec![(self.root(), false)]);
        while let Some((id, is_done)) = open.pop() {
            if is_done {
                json.push_str("]}");
                continue;
            }
            if !(json.is_empty() || json.ends_with('[')) {
                json.push(',');
            }
            json.push('{');
            if named {
                let _ = write!(json, "\"id\":{},", quoted(&id.0.to_string())?);
            }
            let _ = write!(json, "\"text\":{},\"children\":[", quoted(&texts[&id])?);
            open.push((id, true));
            open.extend(self.children(id).iter().rev().map(|child| (*child, false)));
        }
        Ok(json)
    }
}

fn quoted(text: &str) -> Result<String> {
    serde_json::to_string(text).context("cannot write the tree as JSON")
}

/// How a node came to be there, behind its number.
fn by(node: &Node) -> String {
    let how = match &node.how {
        How::Typed => String::new(),
        How::Told(told) => format!(" · {} · seed {}", told.recipe(), told.seed),
        How::Chosen { .. } => " · chosen".to_owned(),
    };
    how + if node.bookmark { " · ★" } else { "" }
}
