//! Pages as they are made from records: always the same bytes, every number as it was kept, nothing hostile alive.
//!
//! `SNAPSHOTS=overwrite` writes the pages of the fixed records anew; look at them before keeping them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Ends, afterword, folder, kept, read_json};
use afterword::explore::{How, Tree};
use afterword::report::{ColourScale, Page, Story, figure, page};
use afterword::story::{Banned, Record, Rewind, Stood, TracedToken};
use serde_json::Value;

const FIXED: [&str; 3] = ["wave", "plain", "hostile"];

fn fixed(name: &str) -> PathBuf {
    Path::new("tests/pages").join(format!("{name}.json"))
}

fn record(name: &str) -> Record {
    read_json(fixed(name))
}

fn made(name: &str) -> String {
    let story = Story::of(&record(name), name).in_file(&fixed(name));
    page(Page::Story, &story.title(), &[story]).unwrap()
}

/// The data that a page's script reads.
fn data(page: &str) -> Value {
    let text = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_page_is_made_again_to_the_byte() {
    for name in FIXED {
        let made = made(name);
        kept(made.clone(), &fixed(name).with_extension("html")).unwrap_or_else(|parted| panic!("{parted}"));
        let out = folder(&format!("again-{name}")).join("page.html");
        afterword(["report", fixed(name).to_str().unwrap(), "--out", out.to_str().unwrap()]).done();
        assert!(fs::read_to_string(out).unwrap() == made, "the program makes another page of `{name}`");
    }
}

#[test]
fn a_page_has_the_command_that_explains_a_token_for_a_shell() {
    let file = |path: &str| {
        let story = Story::of(&record("wave"), "wave").in_file(Path::new(path));
        data(&page(Page::Story, "wave", &[story]).unwrap())["stories"][0]["file"].clone()
    };
    for (path, word) in [
        ("stories/wave-1.json", "stories/wave-1.json"),
        ("my story.json", "'my story.json'"),
        ("it's.json", r"'it'\''s.json'"),
        ("-x.json", "./-x.json"),
        ("狼.json", "狼.json"),
        ("$(rm).json", "'$(rm).json'"),
    ] {
        assert_eq!(file(path), word);
    }
    let script = made("wave");
    assert!(script.contains("afterword explain --record ${file} --token ${index + 1}"));
    assert!(script.contains("afterword write --resume ${file} --at ${index + 1} --take ${quoted}"));
}

#[test]
fn a_temperature_that_moves_is_on_the_page() {
    let mut record = record("wave");
    record.trace[1].temperature = Some(1.25);
    let data = data(&page(Page::Story, "breathing", &[Story::of(&record, "breathing")]).unwrap());
    let temperature = |token: usize| data["stories"][0]["rows"][token][12].as_f64();
    assert_eq!((temperature(0), temperature(1)), (None, Some(1.25)));
}

#[test]
fn what_was_not_said_is_on_the_page_at_its_place_and_in_a_table() {
    let mut record = record("wave");
    let back = |at: usize, text: &str| Rewind { at, ban: "a <b>".to_owned(), text: text.to_owned(), tokens: vec![5, 6] };
    record.banned = Banned {
        rewinds: vec![back(1, " a\u{1b} hush"), back(1, " a hiss"), back(usize::MAX, "of a story that ended before")],
        stood: vec![Stood { at: 2, ban: "so be it".to_owned() }],
        ..Banned::default()
    };
    let page = page(Page::Story, "banned", &[Story::of(&record, "banned")]).unwrap();
    let unsaid = serde_json::json!([[1, " a\u{fffd} hush"], [1, " a hiss"], [usize::MAX, "of a story that ended before"]]);
    assert_eq!(data(&page)["stories"][0]["unsaid"], unsaid);
    let table = page.split("What was not said").nth(1).unwrap().split("</table>").next().unwrap();
    assert_eq!((table.matches("<tr>").count(), table.matches("<del").count()), (5, 3), "{table}");
    assert!(table.contains("<th scope=\"row\">2</th>") && table.contains("a &lt;b&gt;"), "{table}");
    assert!(table.contains("it stands") && table.contains("so be it"), "{table}");
    let none = made("wave");
    assert!(!none.contains("<summary>What was not said") && data(&none)["stories"][0].get("unsaid").is_none());
}

#[test]
fn every_number_of_a_trace_is_on_the_page_as_it_was_kept() {
    let (record, data) = (record("wave"), data(&made("wave")));
    let piece = |at: &Value| data["pieces"][usize::try_from(at.as_u64().unwrap()).unwrap()].as_str().unwrap();
    let rows = data["stories"][0]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), record.trace.len());
    let mut candidates = 0;
    for (row, token) in rows.iter().zip(&record.trace) {
        assert_eq!((piece(&row[1]), row[3].as_u64()), (token.piece.as_str(), Some(token.rank as u64)));
        let kept =
            [Some(token.p), Some(token.surprisal), Some(token.entropy), token.normalised_entropy, token.alpha, token.future];
        assert_eq!([2, 4, 5, 6, 7, 8].map(|column: usize| row[column].as_f64()), kept);
        for (cell, one) in row[10].as_array().into_iter().flatten().zip(&token.candidates) {
            let numbers = [1, 2, 3].map(|column: usize| cell[column].as_f64().unwrap());
            assert_eq!((piece(&cell[0]), numbers), (one.piece.as_str(), [one.p, one.future, one.s]));
            assert_eq!(cell[4] == 1, one.id == token.id);
            candidates += 1;
        }
    }
    assert!(candidates > 300, "only {candidates} candidates were compared");
}

#[test]
fn hostile_text_is_no_element_and_hides_nothing() {
    let page = made("hostile");
    // The page's own: its data and its script.
    assert_eq!((page.matches("<script").count(), page.matches("</script").count(), page.matches("</style").count()), (2, 2, 1));
    for element in ["<img", "<b ", "<!--"] {
        assert!(!page.contains(element), "{element}");
    }
    assert!(!page.contains(['\0', '\u{202e}', '\u{2028}']));
    assert!(page.contains("&lt;script&gt;alert(1)"), "the text is still there");
    let mut story = Story::of(&record("hostile"), "</title><script>");
    story.label = "</text><script>".into();
    let svg = figure("</title><script>", &[story], ColourScale::Alpha);
    assert!(!svg.contains("<script") && !svg.contains('\0'));
}

#[test]
fn a_page_asks_for_nothing_from_anywhere() {
    for name in FIXED {
        // The name of SVG looks like an address, and is none.
        let page = made(name).replace("http://www.w3.org/2000/svg", "");
        for asks in ["src=\"", "url(", "@import", "<link", "fetch(", "http:", "https:"] {
            assert!(!page.contains(asks), "`{name}` holds `{asks}`");
        }
        assert!(page.contains("default-src 'none'"));
    }
}

#[test]
fn a_record_without_a_trace_gets_a_page_that_says_so() {
    let page = made("plain");
    assert!(page.contains("This record has no trace") && !page.contains("<form"));
    assert!(page.contains(record("plain").text.trim().lines().next().unwrap()));
}

#[test]
fn a_hundred_stories_of_a_thousand_tokens_are_at_most_25_megabytes() {
    let mut record = record("wave");
    // As many candidates as a story looks at, and some more: on the bundled model it is 1.3 a token.
    let traced = |at: usize| {
        let token = &record.trace[at % record.trace.len()];
        let candidates = token.candidates.iter().take(3).cloned().collect();
        TracedToken { p: token.p + at as f64 * 1e-7, candidates, ..token.clone() }
    };
    record.trace = (0..1000).map(traced).collect();
    record.text = record.trace.iter().map(|token| token.piece.as_str()).collect();
    record.tokens = record.trace.iter().map(|token| token.id).collect();
    let stories: Vec<Story> = (0..100).map(|at| Story::of(&record, &format!("story-{at}"))).collect();
    let page = page(Page::Folder, "many", &stories).unwrap();
    assert!(page.len() <= 25_000_000, "{} bytes", page.len());
    // What stands in templates and data are no elements of the page until they are asked for.
    let shown = page.split("<template").next().unwrap();
    let elements = shown.matches('<').count() - shown.matches("</").count();
    assert!(elements < 3000, "{elements} elements");
    assert_eq!(data(&page)["stories"].as_array().unwrap().len(), 100);
}

#[test]
fn a_folder_becomes_a_page_with_a_row_for_each_preset() {
    let place = folder("many");
    fs::create_dir(place.join("stories")).unwrap();
    for name in FIXED {
        fs::copy(fixed(name), place.join("stories").join(format!("{name}.json"))).unwrap();
    }
    assert_eq!(afterword(["report", place.to_str().unwrap()]).prints(), "");
    let page = fs::read_to_string(place.join("index.html")).unwrap();
    assert_eq!(page.matches("<th scope=\"row\">").count(), 3);
    assert_eq!(page.matches("<a href=\"#story-").count(), 3);
    assert!(afterword(["report", place.to_str().unwrap(), "--out", "-"]).prints() == page);
}

#[test]
fn what_is_no_record_is_refused_in_one_sentence() {
    let place = folder("none");
    let file = place.join("torn.json");
    fs::write(&file, "{\"format\": 1").unwrap();
    for (path, what) in [
        (place.join("nothing.json"), "cannot read the record"),
        (file, "it is torn: it ends in the middle"),
        (folder("empty"), "holds no record"),
    ] {
        let said = afterword(["report", path.to_str().unwrap()]).refused(1);
        assert!(said.starts_with("error: ") && said.contains(what), "{said}");
    }
}

#[test]
fn a_tree_has_a_page_with_each_of_its_branches() {
    let record = record("wave");
    let mut tree = Tree::of_record(&record, None, 0);
    let root = tree.end(tree.root());
    tree.grow(root, b" and <b>lived</b>", vec![], How::Typed, 0).unwrap();
    let path = folder("tree").join("tree.json");
    fs::write(&path, tree.to_json().unwrap()).unwrap();
    let page = afterword(["report", path.to_str().unwrap(), "--out", "-"]).done().stdout;
    let page = String::from_utf8(page).unwrap();
    let stories = &data(&page)["stories"];
    assert_eq!((stories.as_array().unwrap().len(), &stories[1]["rest"]), (2, &Value::from(" and <b>lived</b>")));
    assert!(stories[0]["rest"].as_str().unwrap().starts_with(&record.text[..20]) && !page.contains("<b>lived"));

    // What is neither is no record; a tree that is torn says so.
    for (text, says) in [("{\"a\": 1}", "it is no record"), ("{\"afterword-tree\": 9}", "the tree is of form 9")] {
        fs::write(&path, text).unwrap();
        let output = afterword(["report", path.to_str().unwrap(), "--out", "-"]).ended();
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains(says), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
