//! A page: one HTML file that needs nothing else.

use std::fmt::Write;

use anyhow::{Context, Result};
use minijinja::{Value, context};

use super::chart::{COLUMN, SMALL, WIDE, chart};
use super::colour_scale::{ColourScale, DARK, LIGHT, Palette, STEPS};
use super::data::Data;

use super::story::{Story, Unsaid};
use crate::files::MARK;
use crate::text::{html_page, sanitize, script_json};

/// What a page is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// One story.
    Story,
    /// A table of many, and each of them.
    Folder,
    /// Stories of one prompt side by side, each measured against the first.
    Comparison,
}

/// The page of these stories, of which there is at least one, as HTML; `title` stands over it.
///
/// Stories without a trace are shown as text. The page holds its styles, its script and its data, asks for nothing from
/// anywhere, and keeps at most the shown stories' tokens as elements.
///
/// # Errors
/// Numbers that JSON cannot hold.
pub fn page(kind: Page, title: &str, stories: &[Story]) -> Result<String> {
    // The stories are harmless already.
    let title = &*sanitize(title);
    let partings: Vec<Option<usize>> = match kind {
        Page::Comparison => stories.iter().map(|story| parting(&stories[0], story)).collect(),
        Page::Story | Page::Folder => Vec::new(),
    };
    let data = script_json(&Data::of(stories, &partings)).context("cannot write the data of the page")?;
    let safe = |text: &str| Value::from_safe_string(text.to_owned());
    let shown: Vec<Value> = stories.iter().enumerate().map(|(at, story)| shown(kind, story, at)).collect();
    let read = stories.iter().any(|story| story.read);
    let tints = ColourScale::ALL.into_iter().filter(|by| !read || !by.needs_future());
    let values = context! {
        title,
        mark => MARK,
        kind => match kind { Page::Story => "story", Page::Folder => "folder", Page::Comparison => "comparison" },
        style => safe(&style()),
        script => safe(include_str!("page.js")),
        data => safe(&data),
        stories => shown,
        read,
        traced => stories.iter().any(|story| !story.trace.is_empty()),
        presets => presets(stories),
        tints => tints.map(|by| context! { name => by.name(), sign => label(by) }).collect::<Vec<_>>(),
    };
    html_page(include_str!("page.html"), values)
}

/// What the template needs of a story.
fn shown(kind: Page, story: &Story, at: usize) -> Value {
    let traced = !story.trace.is_empty();
    let safe = |text: String| Value::from_safe_string(text);
    context! {
        at,
        name => &story.name,
        label => &story.label,
        title => story.title(),
        lead => if story.answers { &story.begun } else { &story.prompt },
        request => story.answers.then_some(&story.prompt),
        text => &story.text,
        traced,
        chart => traced.then(|| safe(chart(&story.trace, if kind == Page::Comparison { COLUMN } else { WIDE }, true))),
        small => (traced && kind == Page::Folder).then(|| safe(chart(&story.trace, SMALL, false))),
        tokens => story.tokens,
        surprisal => format!("{:.2}", story.surprisal),
        evaluations => format!("{:.2}", story.evaluations),
        preset => &story.preset,
        read => story.read,
        facts => story.facts.iter().map(|(name, value)| context! { name, value }).collect::<Vec<_>>(),
        resolved => &story.resolved,
        unsaid => story.unsaid.iter().map(unsaid).collect::<Vec<_>>(),
        beginning => beginning(&story.text),
    }
}

/// What the template needs of something that a story was not to say. Tokens are counted from 1.
fn unsaid(one: &Unsaid) -> Value {
    let Unsaid { at, text, ban, tokens } = one;
    context! { token => at.saturating_add(1), text, ban, tokens }
}

/// Some words of a story, for a list.
fn beginning(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut some = words.iter().take(18).copied().collect::<Vec<_>>().join(" ");
    if words.len() > 18 {
        some.push('…');
    }
    some.chars().take(160).collect()
}

/// The stories by preset, in the order of their first ones. Means are over tokens, so that long stories weigh more.
fn presets(stories: &[Story]) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for story in stories {
        if !names.contains(&story.preset.as_str()) {
            names.push(&story.preset);
        }
    }
    let summary = |preset: &str| {
        let all = || stories.iter().filter(|story| story.preset == preset);
        let tokens: usize = all().map(|story| story.tokens).sum();
        let mean = |value: fn(&Story) -> f64| {
            let sum: f64 = all().map(|story| value(story) * story.tokens as f64).sum();
            format!("{:.2}", sum / tokens.max(1) as f64)
        };
        context! {
            preset,
            stories => all().count(),
            tokens,
            surprisal => mean(|story| story.surprisal),
            evaluations => mean(|story| story.evaluations),
        }
    };
    names.into_iter().map(summary).collect()
}

/// How many tokens a story shares with the first one; `None` where none differs.
pub(super) fn parting(first: &Story, other: &Story) -> Option<usize> {
    let (one, two) = (&first.trace, &other.trace);
    let common = one.iter().zip(two).take_while(|(one, two)| one.id == two.id).count();
    (common < one.len().max(two.len())).then_some(common)
}

/// What a choice of colours is called.
fn label(by: ColourScale) -> &'static str {
    match by {
        ColourScale::Alpha => "α",
        ColourScale::Future => "future Ĥ",
        ColourScale::Probability => "probability",
        ColourScale::Surprisal => "surprisal",
        ColourScale::Entropy => "entropy",
    }
}

/// The style of every page, as CSS, with the colours of the scales: classes `d0`, … for those that diverge, `s0`, … for the others.
#[must_use]
pub fn style() -> String {
    include_str!("page.css").replace("/* colours */", &colours())
}

/// The scales as CSS: classes d0… for those that diverge, s0… for the others.
fn colours() -> String {
    let rules = |palette: &Palette| {
        let mut rules = String::new();
        for step in 0..STEPS {
            for (name, diverges) in [("d", true), ("s", false)] {
                let _ = write!(rules, ".{name}{step}{{background:{}}}", palette.colour(diverges, step).css());
            }
        }
        let Palette { paper, ink, .. } = palette;
        format!(":root{{--paper:{};--ink:{}}}{rules}", paper.css(), ink.css())
    };
    format!("{}\n@media screen and (prefers-color-scheme: dark){{{}}}", rules(&LIGHT), rules(&DARK))
}
