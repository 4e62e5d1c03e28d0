//! Settings of other programs as presets, and the schema that editors read.

use std::fs;

use crate::support::shipped;
use afterword::model::{Kind, Vocabulary};
use afterword::preset::{Folders, Imported, find, import, list, parse, schema};
use afterword::prob::Noise;
use afterword::sampler::{Ask, History};

fn imported(file: &str) -> Imported {
    import(&fs::read_to_string(format!("tests/imports/{file}")).unwrap(), file).unwrap()
}

/// The stages of an imported file, a line each.
fn stages(file: &str) -> Vec<String> {
    stages_of(&imported(file))
}

fn stages_of(imported: &Imported) -> Vec<String> {
    let toml = &imported.toml;
    parse(toml, "mine").unwrap();
    toml.lines()
        .filter(|line| !line.starts_with(['#', '[']) && !line.starts_with("description") && !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The stages of a text of settings, each by its name, and the notes as one text.
fn names_and_notes(text: &str) -> (Vec<String>, String) {
    let imported = import(text, "mine").unwrap_or_else(|error| panic!("{text}: {error:#}"));
    let names = stages_of(&imported).iter().map(|stage| stage.split(" = ").next().unwrap().to_owned()).collect();
    (names, imported.notes.join("\n"))
}

/// The tokens that an imported file leaves of a row of logits.
fn survivors(file: &str, row: &[f32]) -> Vec<u32> {
    let preset = parse(&imported(file).toml, file).unwrap();
    let vocabulary = Vocabulary::new((0..row.len()).map(|n| (format!(" {n}"), Kind::Text)));
    let sampler = preset.sampler().with_detail();
    let mut turn = sampler.bind(&vocabulary).unwrap().turn(&History::of_prompt(&[39]), row, Noise::new(1, &[])).unwrap();
    let Ask::Take(draw) = turn.ask() else { panic!("a chain without future looks at nothing") };
    let mut left: Vec<u32> = draw.candidates.iter().map(|one| one.token).collect();
    left.sort_unstable();
    left
}

/// Logits from 0 down by a quarter: p falls by e^(−1/4) a token.
fn row() -> Vec<f32> {
    (0_u8..40).map(|n| -f32::from(n) / 4.0).collect()
}

#[test]
fn sillytavern_keeps_its_order_and_tells_what_is_not_here() {
    assert_eq!(
        stages("sillytavern.json"),
        [
            "penalties = { repeat = 1.05, frequency = 0.0, presence = 0.0, last = 1024 }",
            r#"dry = { multiplier = 0.8, base = 1.75, allowed-length = 3, last = "all", breakers = ["\n", ":", "\"", "*"], at = "token" }"#,
            "xtc = { probability = 0.5, threshold = 0.1 }",
            "top-p = 0.98",
            "min-p = 0.025",
            "temperature = 1.15",
            "quadratic = { factor = 0.2, curve = 1.0 }",
        ]
    );
    let notes = imported("sillytavern.json").notes.join("\n");
    assert!(
        notes.contains("`quadratic` has no place in llama.cpp's order") && notes.contains("the order is that of `samplers`"),
        "{notes}"
    );
}

#[test]
fn koboldcpp_keeps_its_numbers_and_its_min_p_behind_its_top_p() {
    assert_eq!(
        stages("koboldcpp.json"),
        [
            "penalties = { repeat = 1.07, frequency = 0.0, presence = 0.1, last = 360 }",
            "dynamic-temperature = { low = 0.5, high = 1.0, exponent = 1.2 }",
            "top-k = 100",
            "tail-free = 0.97",
            "top-p = 0.92",
            "min-p = 0.05",
        ]
    );
    assert!(!imported("koboldcpp.json").notes.iter().any(|note| note.contains("tfs")));
}

/// The samplers that only some of them have, at values at which they do something, and at those at which they do nothing.
const RARE: [(&str, &str, &str); 6] = [
    ("smoothing_factor", "0.3", "0"),
    ("smoothing_curve", "4", "1"),
    ("tfs", "0.95", "1"),
    ("top_a", "0.2", "0"),
    ("epsilon_cutoff", "3", "0"),
    ("eta_cutoff", "10.42", "0"),
];

#[test]
fn text_generation_webuis_rarer_samplers_stand_where_it_runs_them() {
    let on = RARE.map(|(key, on, _)| format!("{key}: {on}\n")).concat();
    let text = format!("temperature: 0.9\ntop_k: 40\ntop_p: 0.9\ntypical_p: 0.9\nmin_p: 0.05\n{on}");
    assert_eq!(
        stages_of(&import(&text, "mine").unwrap()),
        [
            "temperature = 0.9",
            "quadratic = { factor = 0.3, curve = 4.0 }",
            "top-k = 40",
            "top-p = 0.9",
            "typical = 0.9",
            // They are written in ten-thousandths there.
            "epsilon = 0.0003",
            "eta = 0.001042",
            "tail-free = 0.95",
            "top-a = 0.2",
            "min-p = 0.05",
        ]
    );
    // Its list of samplers names them too, and `temperature_last` takes the smoothing with the temperature.
    let listed = "sampler_priority: |-\n  quadratic_sampling\n  temperature\n  top_a\n  tfs\n  eta_cutoff\n  epsilon_cutoff\n  \
                  typical_p\n  min_p\n  top_p\n  top_k";
    let (names, notes) = names_and_notes(&format!("{text}temperature_last: true\n{listed}"));
    let cuts = ["top-a", "tail-free", "eta", "epsilon", "typical", "min-p", "top-p", "top-k"];
    assert_eq!(names, [&cuts[..], &["temperature", "quadratic"]].concat(), "{notes}");
    let off = RARE.map(|(key, _, off)| format!("{key}: {off}\n")).concat();
    let (names, notes) = names_and_notes(&format!("temperature: 0.9\n{off}"));
    assert_eq!((names, notes.as_str()), (vec!["temperature".to_owned()], ""));
}

#[test]
fn koboldcpp_smooths_behind_its_temperature_and_cuts_the_tail_where_its_numbers_say() {
    let on = r#""rep_pen": 1.0, "temperature": 0.8, "top_p": 1, "top_k": 50, "top_a": 0.2, "tfs": 0.9, "typical": 0.95,
                "smoothing_factor": 0.3, "nsigma": 2"#;
    let (names, notes) = names_and_notes(&format!(r#"{{ {on}, "sampler_order": [6, 0, 1, 3, 4, 2, 5] }}"#));
    let cuts = ["top-k", "top-a", "tail-free", "typical"];
    assert_eq!(names, [&cuts[..], &["temperature", "quadratic", "top-n-sigma"]].concat(), "{notes}");
    // What its list does not name did not run.
    let (names, notes) = names_and_notes(&format!(r#"{{ {on}, "sampler_order": [6, 0, 4, 2, 5] }}"#));
    assert!(!names.contains(&"top-a".to_owned()) && notes.contains("`top-a = 0.2` was left out: it is not in the order"));
    // Mirostat has the temperature beside it, and the smoothing with it.
    let (names, _) = names_and_notes(&format!(r#"{{ {on}, "mirostat": 2 }}"#));
    assert_eq!(names, ["temperature", "quadratic", "mirostat"]);
}

#[test]
fn sillytavern_and_ollama_and_an_older_llama_have_the_rarer_samplers_too() {
    let on: Vec<String> = RARE.iter().map(|(key, on, _)| format!(r#""{key}": {on}"#)).collect();
    for order in [r#""samplers": ["top_k", "temperature"]"#, r#""sampler_priority": ["top_k", "temperature"]"#] {
        let text = format!(r#"{{ "temp": 0.7, "min_p": 0.05, "freq_pen": 0, {}, {order} }}"#, on.join(", "));
        let (names, notes) = names_and_notes(&text);
        let mut sorted = names.clone();
        sorted.sort();
        assert_eq!(sorted, ["epsilon", "eta", "min-p", "quadratic", "tail-free", "temperature", "top-a"], "{notes}");
        assert!(!notes.contains("left out"), "{notes}");
        let at = |name: &str| names.iter().position(|other| other == name).unwrap();
        assert!(at("temperature") < at("quadratic"), "{names:?}");
    }
    let (names, _) = names_and_notes("FROM llama2\nPARAMETER temperature 1\nPARAMETER tfs_z 0.9");
    assert_eq!(names, ["penalties", "top-k", "tail-free", "top-p", "temperature"]);
    let (names, _) = names_and_notes("main --temp 0.7 --tfs 0.9 --sampling-seq kfypmt");
    assert_eq!(names, ["top-k", "tail-free", "top-p", "min-p", "temperature"]);
}

#[test]
fn the_webui_keeps_its_priority_and_puts_the_temperature_last() {
    assert_eq!(
        stages("webui.yaml"),
        [
            r#"penalties = { repeat = 1.0, frequency = 0.2, presence = 0.0, last = "all" }"#,
            r#"dry = { multiplier = 0.8, base = 1.75, allowed-length = 2, last = "all", breakers = ["\n", ":", "\"", "*"], at = "token" }"#,
            "min-p = 0.05",
            "typical = 0.97",
            "xtc = { probability = 0.4, threshold = 0.12 }",
            "temperature = 1.3",
        ]
    );
}

#[test]
fn a_command_line_of_llama_keeps_its_samplers_and_its_defaults() {
    assert_eq!(stages("llama.txt"), ["min-p = 0.1", "top-k = 12", "temperature = 0.9"]);
    let notes = imported("llama.txt").notes.join("\n");
    assert!(notes.contains("`top-p = 0.95` was left out: it is not in the order"), "{notes}");
    // min-p 0.1: e^(−n/4) ≥ 0.1 up to n = 9, so ten are left, which top-k 12 lets pass.
    assert_eq!(survivors("llama.txt", &row()), (0..10).collect::<Vec<u32>>());
}

#[test]
fn the_json_of_llamas_server_is_found_within_and_its_short_numbers_are_short() {
    assert_eq!(
        stages("llama-server.json"),
        [
            r#"penalties = { repeat = 1.0, frequency = 0.0, presence = 0.5, last = "all" }"#,
            r#"dry = { multiplier = 0.5, base = 1.75, allowed-length = 2, last = "all", breakers = ["\n", ":"], at = "token" }"#,
            "top-n-sigma = 1.5",
            "top-k = 40",
            "top-p = 0.95",
            "temperature = 0.8",
        ]
    );
    assert!(imported("llama-server.json").notes.iter().any(|note| note.contains("`logit_bias`")));
    // σ of 0, −¼, … −39/4 is ¼·√((40² − 1)/12) = 2.886: 1.5 σ reach 4.329 down, to n = 17. Of these eighteen, top-p 0.95 keeps
    // those before which less than 0.95 lies: (1 − e^(−m/4)) / (1 − e^(−18/4)) ≥ 0.95 first at m = 12.
    assert_eq!(survivors("llama-server.json", &row()), (0..12).collect::<Vec<u32>>());
}

const OLD_SAMPLERS: &str = r#"["top_k", "tfs_z", "typical_p", "top_p", "min_p", "temperature"]"#;

#[test]
fn a_sillytavern_preset_of_either_age_keeps_what_its_order_does_not_name() {
    // Until the end of 2024 penalties stood in front of the order, outside of it; since then every name that is missing is put
    // at its place when a preset is loaded.
    let old = format!(r#"{{ "temp": 0.7, "rep_pen": 1.2, "freq_pen": 0, "min_p": 0.05, "samplers": {OLD_SAMPLERS} }}"#);
    assert_eq!(
        stages_of(&import(&old, "mine").unwrap()),
        [r#"penalties = { repeat = 1.2, frequency = 0.0, presence = 0.0, last = "all" }"#, "min-p = 0.05", "temperature = 0.7"]
    );
    let on = r#""temp": 0.7, "rep_pen": 1.2, "min_p": 0.05, "top_p": 0.9, "top_k": 40, "typical_p": 0.9, "nsigma": 2,
                "dry_multiplier": 0.8, "xtc_probability": 0.5, "xtc_threshold": 0.1"#;
    let all = ["penalties", "dry", "top-n-sigma", "top-k", "typical", "top-p", "min-p", "xtc", "temperature"];
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    for order in [
        format!(r#""samplers": {OLD_SAMPLERS}"#),
        r#""samplers": ["temperature"]"#.into(),
        r#""sampler_priority": ["temperature", "top_k", "top_p", "min_p"]"#.into(),
        r#""sampler_order": [6, 0, 1, 3, 4, 2, 5]"#.into(),
        r#""sampler_order": [0, 1, 2, 3, 4, 5]"#.into(),
        r#""samplers": []"#.into(),
    ] {
        let (names, notes) = names_and_notes(&format!("{{ {on}, {order} }}"));
        assert_eq!(sorted(&names), sorted(&all.map(str::to_owned)), "{order}: {notes}");
        assert!(!notes.contains("did not run"), "{order}: {notes}");
        let at = |name: &str| names.iter().position(|other| other == name).unwrap();
        assert!(at("penalties") < at("top-k") && at("dry") < at("top-k"), "{order}: {names:?}");
    }
    // Where the list names all, nothing is put anywhere else.
    let own = r#""samplers": ["temperature", "min_p", "xtc", "top_p", "typ_p", "top_k", "top_n_sigma", "dry", "penalties"]"#;
    let (names, _) = names_and_notes(&format!("{{ {on}, {own} }}"));
    assert_eq!(names, ["temperature", "min-p", "xtc", "top-p", "typical", "top-k", "top-n-sigma", "dry", "penalties"]);
}

#[test]
fn koboldcpp_runs_what_its_order_names_and_dry_and_xtc_around_it() {
    let on = r#""rep_pen": 1.1, "temperature": 0.8, "nsigma": 1.5, "dry_multiplier": 0.8, "xtc_probability": 0.5, "top_p": 1, "top_k": 0"#;
    let (names, notes) = names_and_notes(&format!(r#"{{ {on}, "sampler_order": [6, 5, 0, 1, 3, 4, 2] }}"#));
    assert_eq!(names, ["dry", "penalties", "temperature", "top-n-sigma", "xtc"], "{notes}");
    // Six numbers are of KoboldAI, which puts the penalty in front.
    let (names, notes) = names_and_notes(&format!(r#"{{ {on}, "sampler_order": [0, 1, 2, 3, 4, 5] }}"#));
    assert_eq!((names[1].as_str(), notes.contains("it runs first")), ("penalties", true));
    // What is not named anywhere is as the program has it.
    let toml = import(r#"{ "rep_pen": 1.1, "dry_multiplier": 1, "xtc_probability": 0.5 }"#, "mine").unwrap().toml;
    for line in [
        "last = 320 }",
        "allowed-length = 2, last = 320, breakers = [], at = \"token\" }",
        "threshold = 0.2 }",
        "top-k = 100",
        "top-p = 0.92",
        "temperature = 0.75",
    ] {
        assert!(toml.contains(line), "{line}: {toml}");
    }
}

#[test]
fn text_generation_webui_looks_back_over_1024_tokens_where_nothing_is_said() {
    let stages = stages_of(&import("temperature: 0.87\nrepetition_penalty: 1.01\ndry_multiplier: 1\n", "mine").unwrap());
    assert!(stages[0].contains("repeat = 1.01") && stages[0].ends_with("last = 1024 }"), "{stages:?}");
    assert!(stages[1].starts_with("dry = ") && stages[1].contains("last = 1024, "), "{stages:?}");
    // What its list does not name runs there before what it names.
    let (names, _) =
        names_and_notes("temperature: 0.9\nmin_p: 0.1\nrepetition_penalty: 1.1\nsampler_priority: |-\n  temperature\n  min_p");
    assert_eq!(names, ["penalties", "temperature", "min-p"]);
    let greedy = import("do_sample: false\n", "mine").unwrap();
    assert_eq!(parse(&greedy.toml, "mine").unwrap().pick, afterword::sampler::Pick::Argmax);
}

#[test]
fn breakers_of_a_command_line_are_read_as_llama_reads_them() {
    let breakers = |arguments: &str| {
        let toml = import(&format!("llama-cli --temp 0.7 --dry-multiplier 0.8 {arguments}"), "mine").unwrap().toml;
        let line = toml.lines().find(|line| line.starts_with("dry = ")).unwrap().to_owned();
        line.split_once("breakers = ").unwrap().1.trim_end_matches(", at = \"token\" }").to_owned()
    };
    for (arguments, read) in [
        ("", r#"["\n", ":", "\"", "*"]"#),
        ("--dry-sequence-breaker none", "[]"),
        (r#"--dry-sequence-breaker "\n""#, r#"["\n"]"#),
        (r"--dry-sequence-breaker '\n' --dry-sequence-breaker ':'", r#"["\n", ":"]"#),
        (r"--dry-sequence-breaker ':' --dry-sequence-breaker none --dry-sequence-breaker '*'", r#"["*"]"#),
        (r"--no-escape --dry-sequence-breaker '\n'", r#"["\\n"]"#),
        (r"--dry-sequence-breaker '\n' --no-escape", r#"["\\n"]"#),
    ] {
        assert_eq!(breakers(arguments), read, "{arguments}");
    }
}

#[test]
fn what_is_not_of_the_sampler_is_told_in_one_line() {
    for (text, line) in [
        (
            r#"{ "rep_pen": 1.1, "sampler_order": [6, 0, 1, 3, 4, 2, 5], "stop_sequence": ["\nYou:", "END"], "max_length": 240,
                 "bypass_eos": true, "max_context_length": 8192, "sampler_seed": -1, "memory": "", "trim_stop": false }"#,
            r"not of the sampler: max_context_length → `--ctx 8192`, max_length → `--tokens 240`, stop_sequence → `--stop $'\nYou:'` `--stop END`, bypass_eos",
        ),
        (
            r#"{ "temp": 1, "genamt": 400, "max_length": 16384, "stopping_strings": [], "seed": 0, "ban_eos_token": true, "do_sample": true }"#,
            "not of the sampler: genamt → `--tokens 400`, max_length → `--ctx 16384`, seed → `--seed 0`, ban_eos_token",
        ),
        (
            "temperature: 1.1\ncustom_stopping_strings: 'END'\nmax_new_tokens: 512\nauto_max_new_tokens: true\n",
            "not of the sampler: custom_stopping_strings → `--stop END`, max_new_tokens → `--tokens 512`, auto_max_new_tokens",
        ),
        (
            "llama-cli -m story.gguf -c 8192 --temp 0.9 -n 240 -r END --ignore-eos -t 8 -s 7 -p 'Once' --mlock",
            "not of the sampler: ctx_size → `--ctx 8192`, mlock → `--mlock`, model → `--model`, n_predict → `--tokens 240`, \
             prompt → the prompt, reverse_prompt → `--stop END`, seed → `--seed 7`, threads → `--threads 8`, ignore_eos",
        ),
        (
            "FROM llama3.2\nPARAMETER temperature 1\nPARAMETER stop \"<|user|>\"\nPARAMETER num_ctx 4096\nTEMPLATE \"\"\"{{ .Prompt }}\"\"\"",
            "not of the sampler: from → `--model`, num_ctx → `--ctx 4096`, stop → `--stop '<|user|>'`, template",
        ),
    ] {
        let (_, notes) = names_and_notes(text);
        let told: Vec<&str> = notes.lines().filter(|note| note.starts_with("not of")).collect();
        assert_eq!(told, [line]);
    }
    // A saved session has a hundred more.
    let many: Vec<String> = (0..40).map(|n| format!(r#""window_{n}": 1"#)).collect();
    let (_, notes) = names_and_notes(&format!(r#"{{ "rep_pen": 1.1, {} }}"#, many.join(", ")));
    assert!(notes.ends_with("window_18, window_19, 28 more") || notes.ends_with("28 more"), "{notes}");
    assert_eq!(names_and_notes(r#"{ "rep_pen": 1.1, "sampler_order": [6, 0, 1, 3, 4, 2, 5] }"#).1, "");
}

#[test]
fn json_may_hold_comments_and_a_comma_too_many() {
    let plain = r#"{ "temp": 0.7, "min_p": 0.05, "freq_pen": 0 }"#;
    let kept = "{\n  // what I like\n  \"temp\": 0.7, /* warm */\n  \"min_p\": 0.05,\n  \"freq_pen\": 0,\n}";
    assert_eq!(import(kept, "mine").unwrap(), import(plain, "mine").unwrap());
    let deep = format!("{{ // deep\n \"temp\": {}", "[".repeat(100_000));
    assert!(import(&deep, "mine").is_err());
}

#[test]
fn a_modelfile_of_ollama_is_read_with_ollamas_own_defaults() {
    let text = "FROM llama3.2\n# warmer\nPARAMETER temperature 1\nPARAMETER min_p 0.05\nPARAMETER repeat_last_n -1\n\
                SYSTEM \"\"\"You are a bard.\nPARAMETER top_k 1\"\"\"";
    let imported = import(text, "Modelfile").unwrap();
    assert_eq!(imported.program, "Ollama");
    assert_eq!(
        stages_of(&imported),
        [
            r#"penalties = { repeat = 1.1, frequency = 0.0, presence = 0.0, last = "all" }"#,
            "top-k = 40",
            "top-p = 0.9",
            "min-p = 0.05",
            "temperature = 1.0",
        ]
    );
}

#[test]
fn what_is_none_of_the_five_is_refused_in_one_sentence() {
    for (text, words) in [
        ("{", "it is JSON that ends too early"),
        ("{\n \"temp\": ?\n}", "it is JSON with a mistake in line 2, column 10"),
        ("{}", "neither SillyTavern's, KoboldCpp's nor llama.cpp's"),
        ("just words", "it is in no form that can be read here\nhint: it may be JSON ("),
        ("a: [", "it is in no form that can be read here"),
        ("--seed '4", "a quote in the command line has no end"),
        ("max_new_tokens: 20", "it holds no sampler that does something"),
        ("temperature: 1\nmin_p: 7", "`min-p = 7.0` cannot be: 7 is not a probability"),
    ] {
        let message = format!("{:#}", import(text, "mine").unwrap_err());
        assert!(message.starts_with("cannot import `mine`: ") && message.contains(words), "{text}: {message}");
    }
}

#[test]
fn every_shipped_preset_fits_the_schema_and_most_wrong_ones_do_not() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let json = |text: &str| serde_json::to_value(toml::from_str::<toml::Table>(text).ok()?).ok();
    for path in shipped() {
        let text = json(&fs::read_to_string(&path).unwrap()).unwrap();
        let mistakes: Vec<String> = schema.iter_errors(&text).map(|error| error.to_string()).collect();
        assert!(mistakes.is_empty(), "{}: {mistakes:?}", path.display());
    }
    let part = "[[chain]]\nfuture = { alpha = 0.5 }\n[[chain]]\ndry = \"off\"\n[[chain]]\npenalties.last = \"all\"";
    assert!(schema.is_valid(&json(&format!("extends = \"wave\"\n{part}")).unwrap()));
    assert!(!schema.is_valid(&json(part).unwrap()));
    for wrong in ["[[chain]]\nfuture = { alfa = 0.5 }", "[[chain]]\ndry = \"no\"", "[[chain]]\ndry = { last = \"none\" }"] {
        assert!(!schema.is_valid(&json(&format!("extends = \"wave\"\n{wrong}")).unwrap()), "{wrong}");
    }
    // A preset as it is shown has every key written out.
    for listed in list(&Folders::default()).unwrap() {
        let text = find(&listed.name, &Folders::default()).unwrap().to_toml().unwrap();
        assert!(schema.is_valid(&json(&text).unwrap()), "{text}");
    }
    let wrong = fs::read_dir("tests/presets").unwrap().map(|entry| entry.unwrap().path());
    let wrong: Vec<_> = wrong.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    let caught = |path: &&std::path::PathBuf| {
        let text = String::from_utf8(fs::read(path).unwrap()).unwrap_or_default();
        json(&text).is_none_or(|value| !schema.is_valid(&value))
    };
    let count = wrong.iter().filter(caught).count();
    // What extends itself, stands twice or in the wrong order is beyond a schema.
    assert!(count * 5 >= wrong.len() * 4, "only {count} of {} wrong presets are caught", wrong.len());
}
