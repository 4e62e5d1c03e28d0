//! Who gets a place when, and what becomes of those who leave.

use std::time::Duration;

use afterword::serve::Options;
use serde_json::{Value, json};

use super::toy::{CONTEXT, Toy, story, streamed};
use crate::support::http::{Asking, Reply};

const ROUTE: &str = "/v1/completions";

/// One place, and a queue of two.
fn narrow() -> Toy {
    Toy::of(Options { stories: 1, queue: 2, ..Options::default() })
}

/// Somebody who asks for a stream and has read its first event.
fn reading(toy: &Toy, body: &Value) -> (Asking, Value) {
    let mut asking = Asking::post(toy.address, ROUTE, body);
    assert_eq!(asking.head().0, 200);
    let first = asking.event().unwrap();
    (asking, first)
}

fn text_of(reply: &Reply) -> String {
    reply.json()["choices"][0]["text"].as_str().unwrap_or_else(|| panic!("{}", reply.text())).to_owned()
}

/// What is said in the log of the request that ended last.
fn ended(toy: &Toy, word: &str) -> bool {
    toy.log().iter().any(|line| line.contains(ROUTE) && line.contains(word))
}

#[test]
fn whoever_leaves_while_told_frees_the_place_and_changes_no_word_of_others() {
    let alone = text_of(&Toy::new().post(ROUTE, &story("once a wolf", 120)));
    let toy = Toy::new();
    toy.gate.shut();
    let neighbour = Asking::post(toy.address, ROUTE, &story("once a wolf", 120));
    toy.until("it has a place", |toy| toy.stories() == (1, 0));
    let leaving = Asking::post(toy.address, ROUTE, &streamed("once a king", -1));
    toy.until("both have places", |toy| toy.stories() == (2, 0));
    toy.gate.permit(40);
    let mut leaving = leaving;
    assert_eq!(leaving.head().0, 200);
    leaving.event().unwrap();
    drop(leaving);
    toy.until("its end", |toy| ended(toy, "left"));
    // One decode is under way, which ends; in the next it has no part.
    toy.gate.permit(3);
    toy.until("one place is free", |toy| toy.stories().0 <= 1);
    toy.gate.open();
    assert_eq!(text_of(&neighbour.reply()), alone);
}

#[test]
fn whoever_leaves_while_the_prompt_is_read_is_not_read_to_the_end() {
    let toy = Toy::new();
    let before = toy.app.as_ref().unwrap().desk().occupancy().1.room;
    toy.gate.shut();
    let neighbour = Asking::post(toy.address, ROUTE, &streamed("once a wolf", -1));
    toy.gate.wait();
    // 3,000 tokens are read in twelve decodes, in each of which the neighbour has a token told.
    let leaving = Asking::post(toy.address, ROUTE, &streamed(&"k".repeat(3000), 5));
    toy.until("both have places", |toy| toy.stories() == (2, 0));
    toy.gate.permit(3);
    drop(leaving);
    toy.until("its end", |toy| ended(toy, "left"));
    toy.gate.permit(3);
    toy.until("its place is free", |toy| toy.stories() == (1, 0));
    drop(neighbour);
    toy.until("the neighbour is gone", |toy| toy.log().iter().filter(|line| line.contains("left")).count() == 2);
    toy.gate.open();
    toy.until("all is as it was", |toy| toy.stories() == (0, 0));
    let kept = toy.app.as_ref().unwrap().desk().occupancy().1;
    assert!(kept.room.cells <= before.cells && kept.running == 0);
}

#[test]
fn whoever_leaves_while_waiting_is_never_begun() {
    let toy = narrow();
    toy.gate.shut();
    let first = Asking::post(toy.address, ROUTE, &story("once a wolf", 5));
    toy.until("it has a place", |toy| toy.stories() == (1, 0));
    let whole = Asking::post(toy.address, ROUTE, &story("once a king", 5));
    toy.until("it waits", |toy| toy.stories() == (1, 1));
    let stream = Asking::post(toy.address, ROUTE, &streamed("once a king", 5));
    toy.until("both wait", |toy| toy.stories() == (1, 2));
    drop(whole);
    toy.until("one waits", |toy| toy.stories() == (1, 1));
    drop(stream);
    toy.until("nobody waits", |toy| toy.stories() == (1, 0));
    let passed = toy.gate.passed();
    toy.gate.open();
    assert_eq!(first.reply().status, 200);
    assert_eq!(toy.gate.passed() - passed, 5, "only the first story's rows were computed");
}

#[test]
fn those_who_wait_are_told_in_their_order_and_see_their_position() {
    let toy = narrow();
    toy.gate.shut();
    let first = Asking::post(toy.address, ROUTE, &story("once a wolf", 3));
    toy.until("it has a place", |toy| toy.stories() == (1, 0));
    let mut waiting = Vec::new();
    for at in 0..2 {
        waiting.push(Asking::post(toy.address, ROUTE, &story("once a king", 3)));
        toy.until("it waits", |toy| toy.stories() == (1, at + 1));
    }
    let slots = toy.get("/slots").json();
    assert_eq!(slots.as_array().map(Vec::len), Some(3));
    assert_eq!((&slots[0]["id"], &slots[0]["is_processing"]), (&json!(0), &json!(true)));
    for at in 1..3 {
        assert_eq!((&slots[at]["id"], &slots[at]["afterword"]["position"]), (&json!(-1), &json!(at)));
        assert!(slots[at]["id_task"].as_u64() > slots[at - 1]["id_task"].as_u64());
    }
    // Drafts of one request count once, and a further one finds no room.
    let turned_away = toy.post(ROUTE, &story("once a king", 3));
    assert_eq!((turned_away.status, turned_away.header("retry-after")), (503, "2"));
    assert!(turned_away.fault().contains("1 stories are being told and 2 requests wait"), "{}", turned_away.fault());
    assert_eq!(turned_away.json()["error"]["type"], "unavailable_error");
    toy.gate.open();
    let texts: Vec<String> = waiting.into_iter().map(|asking| text_of(&asking.reply())).collect();
    assert_eq!(first.reply().status, 200);
    assert_eq!(texts[0], texts[1]);
    toy.until("nobody is left", |toy| toy.stories() == (0, 0));
    assert_eq!(toy.post(ROUTE, &story("once a king", 3)).status, 200);
}

#[test]
fn many_drafts_wait_as_one_request() {
    let toy = narrow();
    let mut body = story("once a king", 4);
    body["n"] = 6.into();
    let reply = toy.post(ROUTE, &body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let choices = reply.json()["choices"].as_array().unwrap().len();
    assert_eq!(choices, 6);
}

#[test]
fn a_hundred_who_cancel_and_ask_again_leave_nothing_behind() {
    let toy = Toy::new();
    let body = streamed("once upon a time a wolf", -1);
    let mut before = None;
    for round in 0..100 {
        let (asking, _) = reading(&toy, &body);
        drop(asking);
        if round % 20 == 19 {
            toy.until("nobody is left", |toy| toy.stories() == (0, 0));
            toy.until("nothing runs", |toy| toy.app.as_ref().unwrap().desk().occupancy().1.running == 0);
            let occupancy = toy.app.as_ref().unwrap().desk().occupancy().1;
            let free = (occupancy.free_cells, occupancy.free_branches);
            assert_eq!(*before.get_or_insert(free), free, "after {round}");
        }
    }
    assert_eq!(toy.post(ROUTE, &story("once ", 3)).status, 200);
}

#[test]
fn one_that_reads_slowly_rests_and_the_others_go_on() {
    let toy = Toy::new();
    let mut asking = Asking::post(toy.address, ROUTE, &with_logprobs(-1));
    assert_eq!(asking.head().0, 200);
    let told = |toy: &Toy| toy.app.as_ref().unwrap().desk().shown().first().map_or(0, |shown| shown.told);
    // What the sockets hold, and the buffer before them, is full at some time; then its story stands.
    let stands = || {
        let at = told(&toy);
        toy.post(ROUTE, &story("once a wolf", 60));
        told(&toy) == at && at > 0
    };
    toy.until("it rests", |_| stands());
    let rested = told(&toy);
    assert!(rested < CONTEXT - 100, "it did not rest: {rested}");
    // Whoever reads on gets everything.
    let mut count = 0;
    while asking.event().is_some() {
        count += 1;
    }
    assert!(count >= CONTEXT - 20, "{count}");
}

#[test]
fn one_that_does_not_read_at_all_is_given_up() {
    let toy = Toy::of(Options { stall: Duration::from_millis(200), ..Options::default() });
    let mut asking = Asking::post(toy.address, ROUTE, &with_logprobs(-1));
    assert_eq!(asking.head().0, 200);
    toy.until("its place is free", |toy| toy.stories() == (0, 0));
    // What it was told until then it still can read, and its end.
    let mut last = Value::Null;
    while let Some(event) = asking.event() {
        last = event;
    }
    assert_eq!(last["afterword"]["stop"], "interrupted", "{last}");
    toy.until("a line of the log", |toy| ended(toy, "did not read"));
}

/// A stream whose events are large: sockets of this machine hold some megabytes.
fn with_logprobs(tokens: i64) -> Value {
    let mut body = streamed("once a king", tokens);
    body["logprobs"] = 100.into();
    body["afterword"] = json!({ "trace": "candidates" });
    body
}

#[test]
fn strictly_one_story_is_told_at_a_time() {
    let toy = Toy::of(Options { strict: true, stories: 4, ..Options::default() });
    assert_eq!(toy.get("/props").json()["total_slots"], 1);
    let asking: Vec<Asking> = (0..3).map(|_| Asking::post(toy.address, ROUTE, &story("once a king", 20))).collect();
    let texts: Vec<String> = asking.into_iter().map(|asking| text_of(&asking.reply())).collect();
    assert!(texts.iter().all(|text| *text == texts[0]));
    assert_eq!(toy.app.as_ref().unwrap().desk().occupancy().1.kept, 0);
}
