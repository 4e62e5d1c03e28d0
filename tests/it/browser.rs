//! Pages in a real browser: headless Chromium, driven over its own protocol through two pipes.
//!
//! Ignored, and run by `.ci/run` where there is a Chromium: `cargo test --test it -- --ignored browser:: serve::page::`. axe-core, which judges
//! accessibility, is looked for at `target/axe-core/axe.min.js` or where `AFTERWORD_AXE` says.

#![allow(clippy::assigning_clones, clippy::needless_pass_by_value)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::support::{ROOT, folder, nowhere, read_json};
use afterword::judging::{self, Choice, Ledger, Pairs, Tales};
use afterword::report::{Page, Story, page};
use serde_json::{Value, json};

/// A browser with one page.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: String,
    sent: u64,
    /// All that the page said and asked for.
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub fn open() -> Self {
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let found =
            names.iter().find(|name| Command::new(name).arg("--version").output().is_ok_and(|out| out.status.success()));
        let name = found.expect("these tests need Chromium (Debian's package is `chromium`)");
        let profile = tempfile::tempdir().unwrap();
        // The protocol runs over the descriptors 3 and 4, which a shell makes of the standard ones.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null", name])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--remote-debugging-pipe",
                "--window-size=1280,1000",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut browser = Self { child, to, from, session: String::new(), sent: 0, events: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let answer = self.hear();
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn hear(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).unwrap();
        assert!(!bytes.is_empty(), "the browser is gone");
        serde_json::from_slice(&bytes[..bytes.len() - 1]).unwrap()
    }

    fn go(&mut self, path: &Path) {
        self.visit(&format!("file://{}", path.canonicalize().unwrap().display()));
    }

    /// Goes to a page.
    pub fn visit(&mut self, url: &str) {
        self.events.clear();
        self.call("Page.navigate", json!({ "url": url }));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.hear();
            self.events.push(event);
        }
    }

    /// The value of an expression on the page.
    pub fn run(&mut self, code: &str) -> Value {
        let params = json!({ "expression": code, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{code}: {answer}");
        answer["result"]["value"].clone()
    }

    pub fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let code = match key {
                "Tab" => 9,
                "ArrowRight" => 39,
                "End" => 35,
                _ => 27,
            };
            self.call(
                "Input.dispatchKeyEvent",
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code }),
            );
        }
    }

    /// Moves the mouse to the middle of what `code` finds.
    pub fn point(&mut self, code: &str) {
        let at = self.run(&format!(
            "(() => {{ const b = ({code}).getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] }})()"
        ));
        self.call("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": at[0], "y": at[1] }));
    }

    /// What the page complained of, and all it asked for beyond itself.
    pub fn complaints(&self) -> Vec<&Value> {
        let complains = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded") => true,
            Some("Network.requestWillBeSent") => event["params"]["type"] != "Document" && !is_own(&event["params"]),
            _ => false,
        };
        self.events.iter().filter(complains).collect()
    }

    /// Prints the page, and sees that something comes out.
    fn print(&mut self) {
        let printed = self.call("Page.printToPDF", json!({ "printBackground": false }));
        assert!(printed["data"].as_str().is_some_and(|data| data.len() > 5000));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a request goes to the server that the page is from.
fn is_own(request: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (page, url) = (text(&request["documentURL"]), text(&request["request"]["url"]));
    let server = page.split('/').take(3).collect::<Vec<_>>().join("/");
    server.starts_with("http") && url.starts_with(&format!("{server}/"))
}

fn story(name: &str) -> Story {
    Story::of(&read_json(format!("tests/pages/{name}.json")), name)
}

/// A page in a file of its own.
fn written(name: &str, kind: Page, stories: &[Story]) -> PathBuf {
    let path = nowhere(&format!("{name}.html"));
    fs::write(&path, page(kind, &stories[0].title(), stories).unwrap()).unwrap();
    path
}

/// The axe-core script.
pub fn axe() -> String {
    let here = Path::new(ROOT).join("target/axe-core/axe.min.js");
    let path = std::env::var_os("AFTERWORD_AXE").map_or(here, PathBuf::from);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("this test needs axe-core at `{}`: {error}", path.display()))
}

/// What axe-core finds to be serious.
pub fn barriers(browser: &mut Browser, axe: &str) -> Vec<Value> {
    browser.run(&format!("{axe};null"));
    let found = browser.run("axe.run().then(r => r.violations.map(v => ({id: v.id, impact: v.impact, at: v.nodes.slice(0, 3).map(n => n.html + ' ' + n.failureSummary)})))");
    let serious = |one: &&Value| one["impact"] == "serious" || one["impact"] == "critical";
    found.as_array().unwrap().iter().filter(serious).cloned().collect()
}

#[test]
#[ignore = "needs Chromium"]
fn a_page_is_read_by_mouse_and_by_keyboard() {
    let mut browser = Browser::open();
    browser.go(&written("wave", Page::Story, &[story("wave")]));
    let word = |at: usize| format!("document.querySelectorAll('.w')[{at}]");
    assert_eq!(browser.run("document.querySelectorAll('.w').length"), 40);

    // The switch recolours.
    let colours = "JSON.stringify([...document.querySelectorAll('.w')].map(w => getComputedStyle(w).backgroundColor))";
    let by_alpha = browser.run(colours);
    browser.run("document.querySelector('[value=surprisal]').click()");
    let by_surprisal = browser.run(colours);
    assert_ne!(by_alpha, by_surprisal);
    browser.run("document.querySelector('[value=none]').click()");
    assert_eq!(
        browser.run("new Set([...document.querySelectorAll('.w')].map(w => getComputedStyle(w).backgroundColor)).size"),
        1
    );
    browser.run("document.querySelector('[value=alpha]').click()");
    assert_eq!(browser.run(colours), by_alpha);

    // Pointing at a word shows its candidates, and where it stands in the chart.
    let candidates = "document.querySelectorAll('#why tbody tr').length";
    assert_eq!(browser.run(candidates), 0);
    browser.point(&word(5));
    assert!(browser.run(candidates).as_u64().unwrap() > 1);
    assert_eq!(browser.run("document.querySelectorAll('#why .chosen').length"), 1);
    let cursor = "document.querySelector('.cursor')?.getAttribute('d') ?? ''";
    let at_five = browser.run(cursor);
    assert_ne!(at_five, "");

    // And the chart marks the word.
    browser.point("document.querySelector('.chart')");
    assert_ne!(browser.run(cursor), at_five);
    let here = "[...document.querySelectorAll('.w')].findIndex(w => w.classList.contains('here'))";
    let middle = browser.run(here).as_i64().unwrap();
    assert!((17..=23).contains(&middle), "{middle}");
    browser.call("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": 1, "y": 1 }));
    assert_eq!(browser.run(here), -1);

    // The keyboard comes to the story and goes from word to word.
    for _ in 0..10 {
        browser.press("Tab");
        if browser.run("document.activeElement.className") == "text" {
            break;
        }
    }
    assert_eq!(browser.run(here), 0);
    browser.press("ArrowRight");
    browser.press("ArrowRight");
    assert_eq!(browser.run(here), 2);
    assert!(browser.run("document.querySelector('#why p').textContent").as_str().unwrap().starts_with("token 3 of 40"));
    browser.press("End");
    assert_eq!(browser.run(here), 39);
    browser.press("Escape");
    assert_eq!(browser.run(here), -1);
    browser.print();
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

#[test]
#[ignore = "needs Chromium"]
fn what_the_page_shows_is_what_the_record_keeps() {
    let mut browser = Browser::open();
    let kept = story("wave");
    browser.go(&written("numbers", Page::Story, std::slice::from_ref(&kept)));
    for (at, token) in kept.trace.iter().enumerate() {
        browser.run(&format!("document.querySelectorAll('.w')[{at}].click()"));
        let shown = browser.run("[...document.querySelectorAll('#why tbody tr')].map(r => [...r.querySelectorAll('td')].map(c => Number(c.dataset.value)))");
        let numbers: Vec<[f64; 3]> = token.candidates.iter().map(|one| [one.p, one.future, one.s]).collect();
        assert_eq!(shown, json!(numbers), "token {at}");
    }
    let text = browser.run("document.querySelector('.text').textContent");
    assert_eq!(text, json!(format!("{}{}", kept.prompt, kept.text)));
}

#[test]
#[ignore = "needs Chromium"]
fn a_folder_opens_each_of_its_stories() {
    let mut browser = Browser::open();
    browser.go(&written("folder", Page::Folder, &[story("wave"), story("plain"), story("hostile")]));
    assert_eq!(browser.run("document.querySelectorAll('.w').length"), 0);
    for (at, words) in [(0, 40), (1, 0), (2, 6)] {
        browser.run(&format!("location.hash = '#story-{at}'; new Promise(done => setTimeout(done, 50))"));
        assert_eq!(browser.run("document.querySelectorAll('.w').length"), words);
        assert_eq!(browser.run("document.getElementById('index').hidden"), true);
        assert_eq!(browser.run("document.getElementById('untraced').hidden"), at != 1);
    }
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

#[test]
#[ignore = "needs Chromium"]
fn hostile_text_does_nothing() {
    let mut browser = Browser::open();
    browser.go(&written("hostile", Page::Story, &[story("hostile")]));
    assert_eq!(browser.run("document.querySelectorAll('img, b, .text script').length"), 0);
    assert_eq!(browser.run("document.scripts.length"), 2);
    assert_eq!(browser.run("document.querySelectorAll('.w').length"), 6);
    browser.point("document.querySelectorAll('.w')[1]");
    assert!(browser.run("document.querySelector('#why').textContent").as_str().unwrap().contains("<script>alert(3)</script>"));
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

/// A page to judge on: four stories of one prompt, and the hostile one.
fn judged(name: &str) -> PathBuf {
    let stories = folder(&format!("{name}-stories"));
    for (number, arm) in ["wave", "open", "wave", "open"].into_iter().enumerate() {
        let mut record: Value = read_json("tests/pages/hostile.json");
        record["preset"] = json!(arm);
        record["resolved"] = json!(arm);
        record["text"] = json!(format!("{} {number}", record["text"].as_str().unwrap()));
        fs::write(stories.join(format!("once--{arm}--{number}.json")), record.to_string()).unwrap();
    }
    let tales = Tales::read(&[stories]).unwrap();
    let path = nowhere(&format!("{name}.html"));
    fs::write(&path, judging::page(&tales, &Pairs::of(&tales, 1, 1), 1, Some(200)).unwrap()).unwrap();
    path
}

#[test]
#[ignore = "needs Chromium"]
fn what_is_judged_on_a_page_is_kept_there_and_saved_as_a_file_of_judgements() {
    let mut browser = Browser::open();
    let (page, place) = (judged("judging"), folder("saved"));
    browser.go(&page);
    let progress = "document.getElementById('progress').textContent";
    assert_eq!(browser.run(progress), "0 of 2 judged");
    assert_eq!(browser.run("document.querySelectorAll('img, b, .text script').length"), 0);
    let shown = browser.run("document.getElementById('a').textContent");
    browser.press("a");
    assert_eq!(browser.run(progress), "1 of 2 judged");
    assert_ne!(browser.run("document.getElementById('a').textContent"), shown);
    browser.press("u");
    assert_eq!(browser.run("document.getElementById('a').textContent"), shown);
    browser.run("document.querySelector('[data-choice=tie]').click()");
    // A name has letters that are answers elsewhere.
    browser.run("document.getElementById('judge').focus()");
    for (key, text) in [("b", "b"), ("a", "a")] {
        browser.call("Input.dispatchKeyEvent", json!({ "type": "keyDown", "key": key, "text": text }));
    }
    assert_eq!(
        (browser.run("document.getElementById('judge').value"), browser.run(progress)),
        (json!("ba"), json!("1 of 2 judged"))
    );

    // The browser is closed and comes back.
    browser.go(&page);
    assert_eq!(
        (browser.run(progress), browser.run("document.getElementById('judge').value")),
        (json!("1 of 2 judged"), json!("ba"))
    );
    assert_eq!(browser.run("document.getElementById('unkept').hidden"), true);
    browser.press("b");
    assert_eq!(browser.run("document.getElementById('done').hidden"), false);

    browser.call("Page.setDownloadBehavior", json!({ "behavior": "allow", "downloadPath": place }));
    browser.run("document.getElementById('save').click()");
    let file = place.join("judgements-ba.jsonl");
    for _ in 0..200 {
        if file.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let kept = Ledger::read(&file).unwrap();
    let choices: Vec<Choice> = kept.iter().map(|judgement| judgement.choice).collect();
    assert_eq!(choices, [Choice::A, Choice::Undone, Choice::Tie, Choice::B]);
    for judgement in kept {
        assert_eq!((judgement.judge.as_deref(), judgement.prompt.as_str(), judgement.words), (Some("ba"), "once", Some(200)));
        let mut arms = [judgement.a.arm, judgement.b.arm];
        arms.sort();
        assert_eq!(arms, ["open", "wave"]);
    }
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

#[test]
#[ignore = "needs Chromium and axe-core"]
fn nobody_is_kept_from_reading() {
    let (mut browser, axe) = (Browser::open(), axe());
    let (wave, plain) = (story("wave"), story("plain"));
    let pages = [
        written("axe-story", Page::Story, std::slice::from_ref(&wave)),
        written("axe-plain", Page::Story, std::slice::from_ref(&plain)),
        written("axe-folder", Page::Folder, &[wave.clone(), plain]),
        written("axe-compared", Page::Comparison, &[wave.clone(), wave]),
        judged("axe-judging"),
    ];
    for scheme in ["light", "dark"] {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        browser.call("Emulation.setEmulatedMedia", json!({ "features": features }));
        for path in &pages {
            browser.go(path);
            let axe = &axe;
            assert_eq!(barriers(&mut browser, axe), Vec::<Value>::new(), "{scheme}: {}", path.display());
            // With a word's candidates on the page, and its colours by every number.
            for tint in ["alpha", "future", "probability", "surprisal", "entropy"] {
                browser.run(&format!(
                    "document.querySelector('[value={tint}]')?.click(); document.querySelectorAll('.w')[3]?.click()"
                ));
                let found = barriers(&mut browser, axe);
                assert_eq!(found, Vec::<Value>::new(), "{scheme}, by {tint}: {}", path.display());
            }
        }
    }
}
