//! Records that nobody wrote: torn, changed in a byte or a value, or hostile. Each is read, or refused in one sentence; a page of
//! it is bounded; and telling it again ends.

use std::path::Path;
use std::time::{Duration, Instant};

use afterword::report::{Page, Story, page};
use afterword::story::Record;
use serde_json::{Value, json};

/// A generator of numbers that is the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % end.max(1) as u64).unwrap()
    }
}

/// The records that are changed: with a trace, without, and one that is hostile already.
fn seeds() -> Vec<Vec<u8>> {
    ["wave", "plain", "hostile"]
        .map(|name| std::fs::read(Path::new("tests/pages").join(format!("{name}.json"))).unwrap())
        .into()
}

/// Something that does not belong there.
fn strange(numbers: &mut Numbers) -> Value {
    match numbers.below(22) {
        0 => Value::Null,
        1 => json!(-1),
        2 => json!(0),
        3 => json!(u64::MAX),
        4 => json!(1e308),
        5 => json!(-1e308),
        6 => json!(5e-324),
        7 => json!(true),
        8 => json!([]),
        9 => json!({}),
        10 => json!(""),
        11 => json!("\u{1b}]0;x\u{7}\u{1b}[2J\u{202e}\0\n</script><script>"),
        12 => json!("x".repeat(100_000)),
        13 => json!(vec![0; 10_000]),
        14 => json!(1_u64 << 32),
        15 => json!(i64::MIN),
        16 => json!("🐺\u{fffd}\u{2028}"),
        17 => json!(["f16", "f16"]),
        18 => json!("[[chain]]\nfuture = { candidates = 999999999, entropy-top = 2, alpha = 1e300 }"),
        19 => json!({"stop": ""}),
        20 => json!(4_294_967_295_u64),
        _ => json!(1.5),
    }
}

/// Something that could stand there, and does not.
fn alike(value: &Value, numbers: &mut Numbers) -> Value {
    let text = |numbers: &mut Numbers| match numbers.below(5) {
        0 => String::new(),
        1 => "\u{1b}]0;x\u{7}\u{1b}[2J\u{202e}\0\n</script><script>".to_owned(),
        2 => "wolf ".repeat(20_000),
        3 => "[[chain]]\nfuture = { candidates = 99999999, entropy-top = 2, alpha = 1.0 }\n".to_owned(),
        _ => "🐺\u{fffd}\u{2028}".to_owned(),
    };
    match value {
        Value::Null => json!(numbers.below(100)),
        Value::Bool(is) => json!(!is),
        Value::Number(number) if number.is_f64() => json!([0.0, -0.5, 1e308, -1e308, 5e-324, 1e-9][numbers.below(6)]),
        Value::Number(_) => match numbers.below(7) {
            0 => json!(0),
            1 => json!(4_294_967_295_u64),
            2 => json!(u64::MAX),
            3 => json!(4_294_967_296_u64),
            _ => json!(numbers.below(5000)),
        },
        Value::String(_) => json!(text(numbers)),
        Value::Array(values) => json!(values.iter().take(numbers.below(values.len() + 1)).collect::<Vec<_>>()),
        Value::Object(_) => value.clone(),
    }
}

/// Puts something strange at some place of a value, takes that place away, or gives it to another.
fn change(value: &mut Value, numbers: &mut Numbers) {
    let inside = numbers.below(5) > 0;
    match value {
        Value::Object(fields) if inside && !fields.is_empty() => {
            let at = numbers.below(fields.len());
            let key = fields.keys().nth(at).unwrap().clone();
            match numbers.below(12) {
                0 => drop(fields.remove(&key)),
                1 => drop(fields.insert(format!("{key}x"), json!(1))),
                2 => {
                    let other = fields.values().nth(numbers.below(fields.len())).unwrap().clone();
                    fields.insert(key, other);
                }
                _ => change(&mut fields[&key], numbers),
            }
        }
        Value::Array(values) if inside && !values.is_empty() => {
            let at = numbers.below(values.len());
            match numbers.below(8) {
                0 => drop(values.remove(at)),
                1 => values.truncate(at),
                2 => {
                    let again = values[at].clone();
                    values.extend(std::iter::repeat_n(again, 100));
                }
                _ => change(&mut values[at], numbers),
            }
        }
        value if numbers.below(4) == 0 => *value = strange(numbers),
        value => *value = alike(value, numbers),
    }
}

/// The record with this number.
fn mutated(number: u64, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut numbers = Numbers(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    numbers.below(1);
    let seed = &seeds[numbers.below(seeds.len())];
    if numbers.below(4) == 0 {
        let mut bytes = seed.clone();
        match numbers.below(4) {
            0 => bytes.truncate(numbers.below(seed.len())),
            1 => {
                let (at, length) = (numbers.below(seed.len()), numbers.below(200));
                bytes.drain(at..(at + length).min(seed.len()));
            }
            2 => {
                let at = numbers.below(seed.len());
                bytes.splice(at..at, std::iter::repeat_n(b"[{\"\\"[numbers.below(4)], 1 + numbers.below(5000)));
            }
            _ => {
                for _ in 0..=numbers.below(8) {
                    let at = numbers.below(seed.len());
                    bytes[at] = u8::try_from(numbers.below(256)).unwrap();
                }
            }
        }
        return bytes;
    }
    let mut value: Value = serde_json::from_slice(seed).unwrap();
    for _ in 0..=numbers.below(3) {
        change(&mut value, &mut numbers);
    }
    value.to_string().into_bytes()
}

/// Reads so many of them and makes a page of each that can be read. Returns how many could, and the longest time of one.
fn read_all(count: u64) -> (usize, Duration) {
    let seeds = seeds();
    let (mut read, mut longest) = (0, Duration::ZERO);
    for number in 0..count {
        let bytes = mutated(number, &seeds);
        let began = Instant::now();
        match Record::parse(&bytes) {
            Ok(record) => {
                let story = Story::of(&record, "mutated");
                let title = story.title();
                let html = page(Page::Story, &title, &[story]);
                if let Ok(html) = html {
                    assert!(html.len() < 100_000 + 40 * bytes.len(), "record {number}: a page of {} bytes", html.len());
                    assert_eq!(html.matches("<script").count(), 2, "record {number}");
                }
                read += 1;
            }
            Err(error) => {
                let said = format!("{error:#}");
                let lines: Vec<&str> = said.lines().collect();
                assert!(
                    lines.len() <= 2 && lines.iter().skip(1).all(|line| line.starts_with("hint: ")),
                    "record {number}: {said}"
                );
                assert!(said.chars().count() < 300, "record {number}: {said}");
                let jargon = ["u64", "usize", "f64", "expected", "struct", "EOF", "invalid"];
                // What stands in quotes is the record's own.
                let ours: String = said.split('"').step_by(2).collect();
                let plain = jargon.iter().all(|word| !ours.contains(word));
                assert!(plain, "record {number}: {said}");
            }
        }
        longest = longest.max(began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(10), "record {number} took {:?}", began.elapsed());
    }
    (read, longest)
}

#[test]
fn a_record_that_nobody_wrote_is_read_or_refused_in_one_sentence() {
    let (read, _) = read_all(500);
    assert!((100..450).contains(&read), "{read} of 500 could be read");
}

#[test]
#[ignore = "takes minutes"]
fn ten_thousand_records_that_nobody_wrote_are_read_or_refused() {
    let (read, longest) = read_all(10_000);
    println!("{read} of 10,000 could be read, each in at most {longest:?}");
}

#[cfg(all(feature = "llama", feature = "cli"))]
mod told {
    use std::process::Stdio;

    use super::*;
    use crate::support::{afterword, folder};

    /// Tells so many of those that can be read again, and explains one of their tokens. Each ends, in its time and with a code
    /// that is ours. Returns how many were the same story, and how many were refused.
    fn tell_all(count: usize) -> [usize; 3] {
        let folder = folder(&format!("{count}"));
        let (path, seeds) = (folder.join("record.json"), seeds());
        let readable = (0..).filter(|&number| Record::parse(&mutated(number, &seeds)).is_ok());
        let mut codes = [0; 3];
        for number in readable.take(count) {
            std::fs::write(&path, mutated(number, &seeds)).unwrap();
            let record = path.to_str().unwrap();
            for args in [&["replay", record][..], &["explain", "--record", record, "--after", "3"], &["report", record]] {
                let said = std::fs::File::create(folder.join("said")).unwrap();
                let began = Instant::now();
                let mut child = afterword(args).stdout(Stdio::null()).stderr(said).spawn().unwrap();
                let code = loop {
                    if let Some(status) = child.try_wait().unwrap() {
                        break status.code();
                    }
                    if began.elapsed() > Duration::from_secs(60) {
                        child.kill().unwrap();
                        panic!("record {number}: {args:?} does not end");
                    }
                    std::thread::sleep(Duration::from_millis(2));
                };
                let said = std::fs::read_to_string(folder.join("said")).unwrap();
                assert!(matches!(code, Some(0..=2)), "record {number}: {args:?} ended with {code:?}: {said}");
                assert!(!said.contains("panicked") && !said.contains('\u{1b}'), "record {number}: {said}");
                if args[0] == "replay" {
                    codes[usize::try_from(code.unwrap()).unwrap()] += 1;
                }
            }
        }
        codes
    }

    #[test]
    fn a_record_that_nobody_wrote_is_told_again_or_refused() {
        let [same, other, wrong] = tell_all(25);
        assert!(same + other + wrong == 25 && other + wrong > 0);
    }

    #[test]
    #[ignore = "takes minutes"]
    fn many_records_that_nobody_wrote_are_told_again_or_refused() {
        println!("same story, other or refused, wrong usage: {:?}", tell_all(700));
    }
}
