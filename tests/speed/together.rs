//! What telling many stories at once gains: `afterword batch` with numbers of stories and memories, in turns.

use std::path::Path;
use std::process::{Command, Stdio};

/// Every number of stories at once, and in how many memories; the first is what the program chooses, the second the peer.
const WAYS: [(&str, &str); 8] =
    [("auto", "auto"), ("1", "1"), ("2", "2"), ("4", "1"), ("8", "1"), ("8", "2"), ("16", "1"), ("16", "2")];

/// What `auto` must reach of the best.
const LEAST: f64 = 0.95;

const TURNS: usize = 3;

/// Tells 16 stories of so many tokens in every way, and prints tokens a second and the ratio to one story at a time.
pub fn measure(name: &str, model: &Path, prompts: &str, tokens: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("together");
    let mut best = [0.0_f64; WAYS.len()];
    for _ in 0..TURNS {
        for (way, best) in WAYS.iter().zip(&mut best) {
            *best = best.max(tell(&folder, model, prompts, tokens, *way));
        }
    }
    println!("{name}: 16 stories of {tokens} tokens, plain, the best of {TURNS}");
    for ((parallel, sessions), pace) in WAYS.iter().zip(best) {
        println!("  {parallel:>4} at once in {sessions:>4} memories: {pace:8.1} tokens/s, {:5.2} times one", pace / best[1]);
    }
    let share = best[0] / best[1..].iter().copied().fold(0.0, f64::max);
    println!("{} auto is {share:.2} of the best", if share >= LEAST { "holds  " } else { "MISSED " });
}

/// Tokens a second.
fn tell(folder: &Path, model: &Path, prompts: &str, tokens: &str, (parallel, sessions): (&str, &str)) -> f64 {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    let file = folder.join("prompts.txt");
    std::fs::write(&file, prompts).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_afterword"))
        .arg("batch")
        .args([file.as_os_str(), "--out".as_ref(), folder.join("out").as_os_str(), "--model".as_ref(), model.as_os_str()])
        .args(["--preset", "min-p", "--seeds", "1..4", "--tokens", tokens, "--raw", "--json-progress"])
        .args(["--parallel", parallel, "--sessions", sessions])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let end: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    end["tokens"].as_f64().unwrap() / end["seconds"].as_f64().unwrap()
}
