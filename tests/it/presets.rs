//! Presets as a user meets them: every mistake beside the message that it gives, and what is found where.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{folder, kept, shipped};
use afterword::preset::{Edit, Folders, Preset, PresetOrigin, find, list, parse, read};

/// The gallery: `NAME.toml` is a wrong preset, `NAME.txt` what is said of it.
#[test]
fn every_mistake_has_its_message() {
    // What a picture extends, and no mistake itself.
    let sound = ["hot.toml"];
    let mut files: Vec<PathBuf> = fs::read_dir("tests/presets").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.retain(|file| !sound.iter().any(|sound| file.ends_with(sound)));
    files.sort();
    assert!(files.len() >= 50, "the gallery has {} pictures", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let said = match read(&file, &Folders::default()) {
            Ok(preset) => format!("no mistake: {preset:?}\n"),
            Err(error) => format!("{error:#}\n"),
        };
        wrong.extend(kept(said, &file.with_extension("txt")).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A fresh folder with these files in it.
fn place(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = folder(name);
    for (file, text) in files {
        fs::write(folder.join(file), text).unwrap();
    }
    folder
}

fn message(name: &str, folders: &Folders) -> String {
    format!("{:#}", find(name, folders).unwrap_err())
}

fn stages(preset: &Preset) -> Vec<&str> {
    preset.chain.stages().iter().map(afterword::sampler::Stage::name).collect()
}

#[test]
fn the_shipped_presets_are_found_by_name_and_nothing_is_known_against_them() {
    let shipped = list(&Folders::default()).unwrap();
    let names: Vec<&str> = shipped.iter().map(|listed| listed.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "article",
            "article-wave",
            "creative",
            "crossfade",
            "future",
            "greedy",
            "judge",
            "min-p",
            "open",
            "steady",
            "temperature",
            "tide",
            "wave"
        ]
    );
    for listed in &shipped {
        let preset = listed.preset.as_ref().unwrap();
        assert_eq!(&find(&listed.name, &Folders::default()).unwrap(), preset);
        assert_eq!(afterword::preset::lint(preset), [], "{}", listed.name);
        assert!((1..=64).contains(&preset.description.chars().count()), "{}", preset.description);
    }
}

#[test]
fn a_shipped_preset_says_first_what_it_feels_like_and_what_it_costs() {
    for path in shipped() {
        let text = fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        assert!(lines.next().unwrap().starts_with("# Feels like: "));
        assert!(lines.next().unwrap().starts_with("# Costs: "));
    }
}

#[test]
fn a_name_is_shipped_first_then_in_configs_then_the_users() {
    let text = |description: &str| format!("description = \"{description}\"");
    let configs = place("configs", &[("mine.toml", &text("from configs")), ("wave.toml", &text("hidden"))]);
    let user = place("user", &[("mine.toml", &text("hidden too")), ("own.toml", &text("the user's")), ("torn.toml", "[")]);
    let folders = Folders { configs: Some(configs.clone()), user: Some(user) };
    assert!(find("wave", &folders).unwrap().description.contains("breathes"));
    assert_eq!(find("mine", &folders).unwrap().description, "from configs");
    assert_eq!(find("own", &folders).unwrap().description, "the user's");
    assert_eq!(find(configs.join("wave.toml").to_str().unwrap(), &folders).unwrap().description, "hidden");

    let listed = list(&folders).unwrap();
    let own: Vec<(&str, bool, bool)> = listed
        .iter()
        .filter(|listed| matches!(listed.origin, PresetOrigin::File(_)))
        .map(|listed| (listed.name.as_str(), listed.hidden, listed.preset.is_ok()))
        .collect();
    assert_eq!(
        own,
        [("mine", false, true), ("wave", true, true), ("mine", true, true), ("own", false, true), ("torn", false, false)]
    );
}

#[test]
fn a_copy_of_a_shipped_preset_is_not_listed_again() {
    let folders = Folders { configs: Some("configs".into()), user: Some("nowhere".into()) };
    assert!(list(&folders).unwrap().iter().all(|listed| matches!(listed.origin, PresetOrigin::BuiltIn(_))));
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest() {
    let user = place("unknown", &[("lullaby.toml", "")]);
    let folders = Folders { configs: None, user: Some(user.clone()) };
    assert_eq!(message("wve", &folders), "there is no preset `wve`\nhint: did you mean `wave`?");
    assert_eq!(message("lulaby", &folders), "there is no preset `lulaby`\nhint: did you mean `lullaby`?");
    assert!(message("", &folders).starts_with("there is no preset ``\nhint: expected `article`, `article-wave`, `creative`"));
    let path = user.join("lullaby");
    let (path, longer) = (path.display(), user.join("lullaby.toml"));
    let expected =
        format!("cannot read the preset `{path}`: there is no such file\nhint: did you mean `{}`?", longer.display());
    assert_eq!(message(&path.to_string(), &folders), expected);
}

#[test]
fn a_folder_and_a_missing_file_are_refused() {
    let none = Folders::default();
    assert_eq!(message("nowhere.toml", &none), "cannot read the preset `nowhere.toml`: there is no such file");
    assert!(message("./tests", &none).starts_with("cannot read the preset `./tests`: it is a folder"));
    let file = place("long", &[("long.toml", &"# so much to say\n".repeat(100_000))]).join("long.toml");
    assert!(message(file.to_str().unwrap(), &none).ends_with("it is longer than 1 MiB, which no preset is"));
}

#[test]
fn a_preset_extends_a_shipped_one_or_a_file_beside_it() {
    let files = [
        ("slow.toml", "extends = \"wave\"\n[[chain]]\ntop-k = 50\n[[chain]]\nmin-p = 0.1\n[draw]\npick = \"argmax\""),
        ("slower.toml", "description = \"slower\"\nextends = \"slow.toml\"\n[[chain]]\ntemperature = 0.5"),
        ("wave.toml", "extends = \"wave\""),
    ];
    let folder = place("extends", &files);
    let read = |file: &str| read(&folder.join(file), &Folders::default()).unwrap();
    let wave = find("wave", &Folders::default()).unwrap();
    assert_eq!(read("wave.toml"), wave);
    assert_eq!(stages(&read("slow.toml")), ["dry", "min-p", "top-k", "future", "temperature"]);
    assert_eq!(read("slow.toml").description, wave.description);
    let slower = read("slower.toml");
    assert_eq!((stages(&slower), slower.pick), (stages(&read("slow.toml")), read("slow.toml").pick));
    assert_eq!(slower.description, "slower");
    assert_eq!(slower.chain.stages()[3], wave.chain.stages()[2]);
    assert_ne!(slower.chain.stages()[4], wave.chain.stages()[3]);
}

/// What can be written of a stage, as TOML behind its name.
const CHANGES: &[(&str, &str)] = &[
    ("bias", "{ rain = 2 }"),
    ("ban", "['cat']"),
    ("penalties", "{ repeat = 1.1, last = 'all' }"),
    ("dry", "{ multiplier = 1 }"),
    ("dry", "{ multiplier = 1, last = 'all' }"),
    ("dry", "'off'"),
    ("top-n-sigma", "1.5"),
    ("top-k", "40"),
    ("min-p", "0.2"),
    ("min-p", "'off'"),
    ("typical", "0.9"),
    ("top-h", "0.4"),
    ("top-a", "0.2"),
    ("epsilon", "0.0003"),
    ("eta", "0.0003"),
    ("tail-free", "0.95"),
    ("quadratic", "{ factor = 0.2 }"),
    ("xtc", "{ probability = 0.5, threshold = 0.1 }"),
    ("temperature", "1.5"),
    ("temperature", "{ wave = { period = 9 } }"),
    ("temperature", "'off'"),
    ("dynamic-temperature", "{ low = 0.5, high = 1.5 }"),
    ("future", "{ candidates = 9, entropy-top = 9, alpha = 0.5 }"),
    ("future", "{ alpha = 0.5 }"),
    ("future", "'off'"),
    ("mirostat", "{ tau = 5 }"),
    ("adaptive-p", "{ target = 0.4 }"),
];

#[test]
fn what_a_file_changes_and_what_is_set_give_the_same_sampler() {
    let below = [
        (
            "temperature-first.toml",
            "[[chain]]\npenalties.repeat = 1.2\n[[chain]]\ntemperature = 0.7\n[[chain]]\ntop-k = 90\n[[chain]]\nmin-p = 0.1",
        ),
        ("steered.toml", "[[chain]]\nmin-p = 0.05\n[[chain]]\nmirostat.tau = 4"),
    ];
    let folder = place("both-ways", &below);
    let (mut same, mut refused) = (0, 0);
    for name in ["greedy", "min-p", "creative", "future", "wave", "temperature-first.toml", "steered.toml"] {
        let named =
            if Path::new(name).extension().is_some() { folder.join(name).display().to_string() } else { name.to_owned() };
        for (stage, value) in CHANGES {
            fs::write(folder.join("child.toml"), format!("extends = \"{name}\"\n[[chain]]\n{stage} = {value}")).unwrap();
            let written = read(&folder.join("child.toml"), &Folders::default());
            let mut set = find(&named, &Folders::default()).unwrap();
            let change = set.set(&Edit::parse(&format!("{stage}={value}")).unwrap());
            assert_eq!(written.is_ok(), change.is_ok(), "{name} {stage} = {value}: {written:?} {change:?}");
            match written {
                Ok(preset) => {
                    assert_eq!(preset, set, "{name} {stage} = {value}");
                    same += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    // `future` and what draws do not stand beside each other, and a part of a stage that is not there is none.
    assert!(same > 120 && refused > 5, "{same} the same, {refused} refused");
}

#[test]
fn future_comes_before_the_temperature_of_what_it_extends() {
    let folder = place(
        "imported",
        &[
            ("st.toml", "[[chain]]\npenalties.repeat = 1.1\n[[chain]]\nmin-p = 0.05\n[[chain]]\ntemperature = 0.8"),
            ("mine.toml", "extends = \"st.toml\"\n[[chain]]\nfuture = { candidates = 20, entropy-top = 20, alpha = 0 }"),
        ],
    );
    let mine = read(&folder.join("mine.toml"), &Folders::default()).unwrap();
    assert_eq!(stages(&mine), ["penalties", "min-p", "future", "temperature"]);
}

#[test]
fn a_text_without_a_file_extends_nothing() {
    let refusal = format!("{:#}", parse("extends = \"wave\"", "mine").unwrap_err());
    assert!(refusal.contains("line 1, column 11: a text that stands in no file extends nothing"), "{refusal}");
}

#[test]
fn a_record_whose_preset_is_none_says_so_in_one_line() {
    for (resolved, words) in [("chain = [", "unclosed array"), ("[[chain]]\nfuture = 3", "expected a table, found 3")] {
        let refusal = format!("{:#}", Preset::of_record(resolved).unwrap_err());
        assert!(refusal.contains(words) && refusal.lines().count() == 1, "{refusal}");
    }
    let wave = find("wave", &Folders::default()).unwrap();
    assert_eq!(Preset::of_record(&wave.to_toml().unwrap()).unwrap(), wave);
}

#[test]
fn an_endless_chain_of_presets_is_refused() {
    let files: Vec<(String, String)> =
        (0..20).map(|n| (format!("{n}.toml"), format!("extends = \"{}.toml\"", n + 1))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = place("endless", &files);
    let refusal = message(folder.join("0.toml").to_str().unwrap(), &Folders::default());
    assert!(refusal.contains("15.toml`, line 1, column 11: more than 16 presets extend each other: "), "{refusal}");
}
