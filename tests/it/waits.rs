//! How the threads of the program wait for each other: it begins with short waits, where nobody has said how.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Ends, afterword};

/// What a program that waits for its prompt has in its environment under this name, once it has begun.
fn environment(name: &str, given: Option<&str>) -> Option<String> {
    let mut command = afterword(["write", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env_remove("GOMP_SPINCOUNT").env_remove("OMP_WAIT_POLICY");
    if let Some(given) = given {
        command.env(name, given);
    }
    let mut child = command.spawn().unwrap();
    let (place, began) = (format!("/proc/{}/environ", child.id()), Instant::now());
    let mut found = None;
    while found.is_none() && began.elapsed() < Duration::from_secs(10) {
        let text = std::fs::read(&place).unwrap();
        let mut all = text.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        found = all.find_map(|one| one.strip_prefix(&format!("{name}=")).map(str::to_owned));
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    found
}

#[test]
fn threads_wait_for_a_short_time_and_as_the_environment_says_where_it_says() {
    if afterword::llama::physical_cores() > 1 {
        assert_eq!(environment("GOMP_SPINCOUNT", None).as_deref(), Some("3000"));
    }
    assert_eq!(environment("GOMP_SPINCOUNT", Some("7")).as_deref(), Some("7"));
}

#[test]
fn a_program_that_begins_again_is_the_same_process_with_the_same_arguments() {
    assert!(afterword(["write", "--no-such", "a b"]).refused(2).contains("`--no-such`"));
}
