//! How a server ends.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use afterword::serve::{Ending, Options};

use super::toy::{Toy, story, streamed};
use crate::support::http::Asking;

const ROUTE: &str = "/v1/completions";

fn patient(grace: u64) -> Toy {
    Toy::of(Options { stories: 1, grace: Duration::from_millis(grace), ..Options::default() })
}

#[test]
fn what_runs_ends_within_the_grace_with_what_it_has_and_what_waits_ends_at_once() {
    let toy = patient(300);
    let mut running = Asking::post(toy.address, ROUTE, &streamed("once a king", -1));
    assert_eq!(running.head().0, 200);
    running.event().unwrap();
    // The model waits, so that the story is not at its end before the grace is over.
    toy.gate.shut();
    toy.gate.wait();
    let waiting = Asking::post(toy.address, ROUTE, &story("once a wolf", 5));
    toy.until("it waits", |toy| toy.stories() == (1, 1));
    toy.stop.cancel();
    assert_ne!(waiting.reply().status, 500);
    let address = toy.address;
    toy.until("nobody new is let in", |_| TcpStream::connect(address).is_err());
    toy.gate.open();
    let mut last = None;
    while let Some(event) = running.event() {
        last = Some(event);
    }
    let last = last.unwrap();
    let finished = last["choices"][0]["finish_reason"].as_str();
    assert!(matches!(finished, Some("stop" | "length")), "{last}");
    assert_eq!(toy.end().unwrap(), Ending::Quiet);
}

#[test]
fn a_stream_without_end_is_interrupted_when_the_grace_is_over() {
    let toy = patient(0);
    let mut running = Asking::post(toy.address, ROUTE, &streamed("once a king", -1));
    assert_eq!(running.head().0, 200);
    running.event().unwrap();
    toy.gate.shut();
    toy.gate.wait();
    toy.stop.cancel();
    let address = toy.address;
    toy.until("nobody new is let in", |_| TcpStream::connect(address).is_err());
    toy.gate.permit(5);
    let mut last = None;
    while let Some(event) = running.event() {
        last = Some(event);
    }
    let last = last.unwrap();
    assert_eq!((&last["choices"][0]["finish_reason"], &last["afterword"]["stop"]), (&"stop".into(), &"interrupted".into()));
    assert_eq!(toy.end().unwrap(), Ending::Quiet);
}

#[test]
fn a_decode_that_does_not_end_and_a_client_that_does_not_read_are_not_waited_for() {
    let mut toy = patient(0);
    let asking = Asking::post(toy.address, ROUTE, &streamed("once a king", -1));
    toy.gate.shut();
    toy.until("it has a place", |toy| toy.stories() == (1, 0));
    toy.gate.wait();
    let begun = Instant::now();
    toy.stop.cancel();
    assert_eq!(toy.wait().unwrap(), Ending::CutOff);
    assert!(begun.elapsed() < Duration::from_secs(20));
    drop(asking);
}

#[test]
fn an_idle_connection_keeps_nobody() {
    let toy = patient(60_000);
    let idle = TcpStream::connect(toy.address).unwrap();
    let kept = Asking::send(toy.address, "GET", "/health", &[("Connection", "keep-alive")], b"");
    toy.until("it is answered", |toy| toy.log().iter().any(|line| line.contains("/health")));
    let begun = Instant::now();
    toy.end().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
    drop((idle, kept));
}

#[test]
fn a_server_that_can_tell_nothing_any_more_ends() {
    let mut toy = Toy::of(Options { stories: 1, ..Options::default() });
    toy.gate.shut();
    let whole = Asking::post(toy.address, ROUTE, &story("once a king", 50));
    toy.until("it has a place", |toy| toy.stories() == (1, 0));
    let waiting = Asking::post(toy.address, ROUTE, &story("once a wolf", 50));
    toy.until("it waits", |toy| toy.stories() == (1, 1));
    toy.gate.break_down();
    for asking in [whole, waiting] {
        let reply = asking.reply();
        assert!(reply.status >= 500, "{}", reply.text());
        reply.fault();
    }
    // Nobody told it to.
    let error = toy.wait().unwrap_err();
    assert_eq!(format!("{error:#}"), "the thread that tells stories broke off: the toy breaks");
}

#[test]
fn while_it_ends_nobody_is_told_a_new_story() {
    let toy = patient(2000);
    toy.gate.shut();
    let running = Asking::post(toy.address, ROUTE, &story("once a king", 3));
    toy.until("it has a place", |toy| toy.stories() == (1, 0));
    // A connection that stands, and asks when it is too late.
    toy.stop.cancel();
    let address = toy.address;
    toy.until("nobody new is let in", |_| TcpStream::connect(address).is_err());
    toy.gate.open();
    let reply = running.reply();
    assert_eq!((reply.status, reply.json()["choices"][0]["finish_reason"].as_str()), (200, Some("length")));
    assert_eq!(toy.end().unwrap(), Ending::Quiet);
}
