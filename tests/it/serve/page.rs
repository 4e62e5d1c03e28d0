//! The page of the server in a real browser. Ignored, and run by `.ci/run` where there is a Chromium.

use afterword::serve::Options;
use serde_json::{Value, json};

use super::toy::Toy;
use crate::browser::{Browser, axe, barriers};

const STATE: &str = "document.getElementById('state').textContent";
const WORDS: &str = "document.querySelectorAll('#told .w').length";

/// Tells a story on the page, and waits until it has its end.
fn tell(browser: &mut Browser, tokens: usize) -> String {
    browser.run(&format!("document.getElementById('tokens').value = {tokens}; document.getElementById('tell').click()"));
    let ended = format!(
        "new Promise(done => {{ const look = () => document.getElementById('tell').disabled ? setTimeout(look, 10) : done({STATE}); look() }})"
    );
    browser.run(&ended).as_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs Chromium"]
fn a_prompt_is_tried_on_the_page() {
    let toy = Toy::new();
    let mut browser = Browser::open();
    browser.visit(&format!("http://{}/", toy.address));
    browser.run("document.getElementById('prompt').value = 'once upon a'; document.getElementById('model').value = 'toy@wave'");
    browser.run("document.getElementById('seed').value = '12345'");
    let state = tell(&mut browser, 30);
    assert_eq!(browser.run(WORDS), 30);
    assert!(state.starts_with("30 tokens · wave · seed 12345"), "{state}");
    // What is shown is what a client gets.
    let body = json!({ "model": "toy@wave", "prompt": "once upon a", "max_tokens": 30, "seed": 12345 });
    let told = toy.post("/v1/completions", &body).json()["choices"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(browser.run("document.getElementById('told').textContent"), json!(format!("once upon a{told}")));

    // Words have colours, by what is chosen.
    let colours = "JSON.stringify([...document.querySelectorAll('#told .w')].map(w => getComputedStyle(w).backgroundColor))";
    let by_surprisal = browser.run(colours);
    browser.run("document.querySelector('[value=future]').click()");
    assert_ne!(browser.run(colours), by_surprisal);

    // Pointing at a word, or going to it, shows what stood beside it.
    browser.point("document.querySelectorAll('#told .w')[4]");
    let said = "document.querySelector('#why').textContent";
    assert!(browser.run(said).as_str().unwrap().contains("token 5 of 30"), "{}", browser.run(said));
    assert!(browser.run("document.querySelectorAll('#why tbody tr').length").as_u64() >= Some(10));
    assert_eq!(browser.run("document.querySelectorAll('#why .chosen').length"), 1);
    assert!(browser.run("[...document.querySelectorAll('#why td.h')].some(cell => cell.textContent)").as_bool().unwrap());
    browser.run("document.getElementById('told').focus()");
    browser.press("End");
    assert!(browser.run(said).as_str().unwrap().contains("token 30 of 30"));
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

#[test]
#[ignore = "needs Chromium"]
fn a_story_is_stopped_on_the_page_and_a_fault_is_told() {
    let toy = Toy::new();
    let mut browser = Browser::open();
    browser.visit(&format!("http://{}/", toy.address));
    browser.run("document.getElementById('prompt').value = 'once ';document.getElementById('tokens').value = 2000");
    browser.run("document.getElementById('tell').click(); new Promise(done => { const look = () => document.querySelectorAll('#told .w').length ? done(1) : setTimeout(look, 5); look() })");
    browser.run("document.getElementById('stop').click()");
    toy.until("its place is free", |toy| toy.stories() == (0, 0));
    assert!(browser.run(STATE).as_str().unwrap().contains("tokens"));
    browser.run("document.getElementById('prompt').value = ''");
    let said = tell(&mut browser, 5);
    assert!(said.contains("`prompt`"), "{said}");
}

#[test]
#[ignore = "needs Chromium"]
fn with_the_key_the_page_tells_and_without_it_says_so() {
    let toy = Toy::of(Options { keys: vec!["open-up".to_owned()], ..Options::default() });
    let mut browser = Browser::open();
    browser.visit(&format!("http://localhost:{}/", toy.address.port()));
    browser.run("document.getElementById('prompt').value = 'once '");
    assert!(tell(&mut browser, 5).contains("a key is wanted"));
    browser.run("document.getElementById('key-of-server').value = 'open-up'");
    assert!(tell(&mut browser, 5).starts_with("5 tokens"));
}

#[test]
#[ignore = "needs Chromium and axe-core"]
fn nobody_is_kept_from_trying() {
    let toy = Toy::new();
    let (mut browser, axe) = (Browser::open(), axe());
    for scheme in ["light", "dark"] {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        browser.call("Emulation.setEmulatedMedia", json!({ "features": features }));
        browser.visit(&format!("http://{}/", toy.address));
        browser.run("document.getElementById('prompt').value = 'once '");
        tell(&mut browser, 20);
        for tint in ["surprisal", "future", "probability", "entropy", "alpha"] {
            browser
                .run(&format!("document.querySelector('[value={tint}]').click(); document.querySelectorAll('.w')[3].click()"));
            assert_eq!(barriers(&mut browser, &axe), Vec::<Value>::new(), "{scheme}, by {tint}");
        }
    }
}
