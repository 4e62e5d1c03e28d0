//! `afterword models` and `doctor`, and what the options about devices do: the binary, on tiny models of every family.

use std::fs;
use std::path::Path;

use crate::support::gguf::{Family, Value, tiny};
use crate::support::{Ends, afterword, err, folder, out, read_json, shell};
use afterword::model::{CacheType, FlashAttention, Split};
use afterword::story::{Mode, Record};
use serde_json::Value as Json;

fn json(args: &[&str]) -> Json {
    serde_json::from_str(&afterword(args).prints()).unwrap()
}

/// Whose words are whose, and where the answer begins.
const TEMPLATE: &str = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}\
                        {% if add_generation_prompt %}assistant:{% endif %}";

/// The record of an answer by this model.
fn answered(model: &Path) -> Record {
    let record = model.with_extension("answer.json");
    let story = ["write", "once the", "--chat", "--seed", "7", "--tokens", "12", "--set", "future.entropy-top=5"];
    afterword([&story[..], &["--model", model.to_str().unwrap(), "--record", record.to_str().unwrap()]].concat()).prints();
    read_json(record)
}

/// A story's record, told by this model.
fn recorded(model: &Path, more: &[&str]) -> Record {
    let record = model.with_extension("json");
    let story = ["write", "once the", "--seed", "7", "--tokens", "12", "--set", "future.entropy-top=5", "--threads", "1"];
    let files = ["--model", model.to_str().unwrap(), "--record", record.to_str().unwrap()];
    let text = afterword([&story[..], &files, more].concat()).prints();
    let record: Record = read_json(record);
    assert_eq!(text, format!("once the{}", record.text));
    record
}

#[test]
fn every_family_is_described_and_tells_whole_and_in_parts() {
    assert_eq!(Family::ALL.len(), 8);
    for family in Family::ALL {
        let folder = folder(&format!("{family:?}"));
        let mut model = tiny(family, 7);
        let whole = folder.join("tale.gguf");
        fs::write(&whole, model.bytes()).unwrap();
        for (part, number) in model.split(3).iter().zip(1..) {
            fs::write(folder.join(format!("tale-{number:05}-of-00003.gguf")), part.bytes()).unwrap();
        }
        let first = folder.join("tale-00001-of-00003.gguf");
        let info = |path: &Path| json(&["models", "info", path.to_str().unwrap(), "--ctx", "512", "--stories", "3", "--json"]);
        let (one, three) = (info(&whole), info(&first));
        assert_eq!((&one["model"]["parts"], &three["model"]["parts"]), (&Json::from(1), &Json::from(3)));
        assert_eq!(one["need-estimated"], three["need-estimated"], "{family:?}");
        assert_eq!(one["model"]["name"], Json::from(format!("Tiny {family:?}")));
        assert_eq!((&one["model"]["quantisation"], &one["misfit"]), (&Json::from("F32"), &Json::Null));
        assert!(one["machine"]["memory"]["total"].as_u64().unwrap() > 1 << 28);

        let (one, three) = (recorded(&whole, &[]), recorded(&first, &[]));
        assert_eq!((one.tokens.len(), &one.tokens), (12, &three.tokens), "{family:?}");
        // Whichever part is named, the first one stands for all.
        let second = recorded(&folder.join("tale-00002-of-00003.gguf"), &[]);
        assert_eq!((&second.tokens, &second.model.file), (&three.tokens, &first.display().to_string()), "{family:?}");
        assert_eq!((one.mode, &one.model.architecture), (Mode::Raw, &three.model.architecture));

        // The same with a template: told that the prompt is an instruction, the model is asked in its own words.
        model.set("tokenizer.chat_template", Value::Text(TEMPLATE.into()));
        fs::write(&whole, model.bytes()).unwrap();
        for (part, number) in model.split(3).iter().zip(1..) {
            fs::write(folder.join(format!("tale-{number:05}-of-00003.gguf")), part.bytes()).unwrap();
        }
        for path in [&whole, &first] {
            assert_eq!(info(path)["model"]["template"], Json::from(true), "{family:?}");
            let (raw, chat) = (recorded(path, &["--raw"]), answered(path));
            assert_eq!((raw.mode, &raw.tokens), (Mode::Raw, &one.tokens), "{family:?}");
            let Mode::Chat(asked) = chat.mode else { panic!("{family:?} is not asked") };
            assert_eq!((asked.rendered.as_str(), chat.tokens.len()), ("user: once the\nassistant:", 12), "{family:?}");
        }
    }
}

#[test]
fn a_model_is_described_in_lines() {
    let mut model = tiny(Family::Gemma3, 7);
    model.set("tokenizer.chat_template", Value::Text("{{ messages }}".into()));
    model.set("general.sampling.temp", Value::F32(0.7));
    let file = model.write();
    let page = afterword(["models", "info", file.to_str().unwrap(), "--kv-type", "q8_0,f16"]).prints();
    for line in [
        "architecture   gemma3",
        "quantisation   F32\n",
        "context        4,096 tokens",
        "vocabulary     298 tokens, llama",
        "heads          4, 2 with keys and values, of 8",
        "window         8 tokens in some layers",
        "template       yes: it takes instructions",
        "advice         temp = 0.7",
        "needs, estimated, for one story of up to 4,096 tokens",
        "q8_0, f16",
        "so             it fits",
    ] {
        assert!(page.contains(line), "`{line}` is not in\n{page}");
    }
}

#[test]
fn what_the_models_makers_advise_is_a_preset_wherever_one_is_named() {
    let mut model = tiny(Family::Llama, 7);
    model.set("general.sampling.temp", Value::F32(0.7));
    model.set("general.sampling.top_k", Value::I32(5));
    let file = model.write();
    let path = file.to_str().unwrap();
    let told = |preset: &[&str]| {
        let typed = ["compare", "once", "--model", path, "--seed", "3", "--tokens", "20", "--json", "--no-loop-stop"];
        let told: Json = json(&[&typed[..], preset].concat());
        told["stories"].as_array().unwrap().iter().map(|story| story["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let preset = folder("advised").join("advised.toml");
    fs::write(&preset, "[[chain]]\ntop-k = 5\n[[chain]]\ntemperature = 0.7\n").unwrap();
    let both = told(&["--presets", &format!("model,{}", preset.to_str().unwrap())]);
    assert_eq!(both[0], both[1]);
    assert!(!both[0].is_empty());
    let shown = |args: &[&str]| {
        let text = afterword(["presets", "show"]).args(args).prints();
        text.lines().filter(|line| !line.starts_with("description")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(shown(&["model", "--model", path]), shown(&[preset.to_str().unwrap()]));
    let said = afterword(["write", "Once", "--preset", "model"]).refused(1);
    assert!(said.contains("the model `Fable 3M` advises nothing about sampling"), "{said}");
}

#[test]
fn the_list_names_the_bundled_model_and_what_the_caches_hold() {
    let home = folder("home");
    let hub = home.join(".cache/huggingface/hub/models--a--tale/snapshots/1");
    fs::create_dir_all(&hub).unwrap();
    fs::write(hub.join("tale.gguf"), tiny(Family::Qwen3, 7).bytes()).unwrap();
    let mut command = afterword(["models", "list", "--json"]);
    for variable in ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "LLAMA_CACHE", "OLLAMA_MODELS"] {
        command.env_remove(variable);
    }
    let list: Json = serde_json::from_str(&command.env("HOME", &home).prints()).unwrap();
    let names: Vec<_> =
        list.as_array().unwrap().iter().map(|one| (one["place"].as_str(), one["card"]["name"].as_str())).collect();
    assert!(names.contains(&(Some("models/"), Some("Fable 3M"))), "{names:?}");
    assert!(names.contains(&(Some("Hugging Face"), Some("Tiny Qwen3"))), "{names:?}");
}

#[test]
fn a_model_of_two_names_is_listed_by_both() {
    let folder = folder("ollama");
    for name in ["registry.ollama.ai/library/tale/4b", "hf.co/some/Tale-GGUF/Q8_0"] {
        let manifest = folder.join("manifests").join(name);
        fs::create_dir_all(manifest.parent().unwrap()).unwrap();
        let layer = r#"{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:00ff"}]}"#;
        fs::write(manifest, layer).unwrap();
    }
    fs::create_dir_all(folder.join("blobs")).unwrap();
    fs::write(folder.join("blobs/sha256-00ff"), tiny(Family::Qwen3, 7).bytes()).unwrap();
    let list = afterword(["models", "list"]).env("OLLAMA_MODELS", &folder).prints();
    assert!(list.contains("some/Tale-GGUF:Q8_0, tale:4b (Ollama)\n  Tiny Qwen3 · qwen3 · "), "{list}");

    // Either name is enough to mean it, or the beginning of one.
    let tells = |name: &str| {
        let args = ["write", "--seed", "1", "--tokens", "4", "--threads", "1", "Once", "-m", name];
        afterword(args).env("OLLAMA_MODELS", &folder).prints()
    };
    let path = folder.join("blobs/sha256-00ff");
    let told = tells(path.to_str().unwrap());
    for name in ["tale:4b", "hf.co/some/Tale-GGUF:Q8_0", "tale-gguf", "Tiny Qwen3", "tale:"] {
        assert_eq!(tells(name), told, "{name}");
    }
}

#[test]
fn a_model_is_named_wherever_one_is_wanted() {
    let cache = folder("named");
    for (name, family) in [("tale-small.gguf", Family::Llama), ("tale-large.gguf", Family::Qwen3)] {
        fs::write(cache.join(name), tiny(family, 7).bytes()).unwrap();
    }
    let here = |args: &[&str]| {
        let mut command = afterword(args);
        command.env("LLAMA_CACHE", &cache).env("HOME", &cache).env_remove("XDG_CACHE_HOME");
        command
    };
    let text = cache.join("text.txt");
    fs::write(&text, "Once upon a time").unwrap();
    let text = text.to_str().unwrap();
    for args in [
        &["write", "Once", "-n", "2", "--threads", "1", "-m", "tale-s"][..],
        &["compare", "Once", "--tokens", "2", "--threads", "1", "--model", "tale-s"],
        &["explain", "Once", "--threads", "1", "--model", "TALE-SMALL"],
        &["score", text, "--threads", "1", "--model", "tale-small.gguf"],
        &["models", "info", "tale-s"],
        &["presets", "show", "wave", "--model", "tale-s"],
    ] {
        here(args).done();
    }
    let refused = |code: i32, args: &[&str]| here(args).refused(code);
    let said = refused(2, &["write", "Once", "--model", "tale"]);
    assert!(
        said.ends_with(
            "`tale` may be one of several models: `tale-large.gguf`, `tale-small.gguf`\nhint: type more of its name, or its path\n"
        ),
        "{said}"
    );
    let said = refused(1, &["models", "info", "tale-larg-small"]);
    assert!(
        said.contains("cannot load the model `tale-larg-small`: there is no such file")
            && said.contains("hint: did you mean `tale-"),
        "{said}"
    );
    let said = refused(1, &["eval", "nowhere", "--judge", "talle-large"]);
    assert!(said.contains("there is no such file\nhint: did you mean `tale-large.gguf`"), "{said}");
    // What is there is meant, whatever else has such a name.
    fs::write(cache.join("tale-s"), "no model").unwrap();
    let said = here(&["write", "Once", "--model", "tale-s"]).current_dir(&cache).refused(1);
    assert!(said.contains("`tale-s`: it is not a GGUF file"), "{said}");
}

#[test]
fn what_a_file_says_of_itself_reaches_a_terminal_harmless_and_short() {
    let mut model = tiny(Family::Llama, 7);
    model.set("general.name", Value::Text("Evil\u{1b}]0;title\u{7}\u{202e}\nName ".to_owned() + &"x".repeat(20_000)));
    let harmless = |text: &str| {
        assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{text:?}");
        assert!(text.lines().all(|line| line.chars().count() < 300), "{text}");
    };
    let file = model.write();
    let path = file.to_str().unwrap();
    harmless(&afterword(["models", "info", path]).prints());
    let output = afterword(["write", "once", "--model", path, "--tokens", "2", "--set", "future.entropy-top=5"]).ended();
    harmless(&err(&output));
    for key in ["general.architecture", "tokenizer.ggml.model", "tokenizer.ggml.pre"] {
        for value in ["y".repeat(11_000), "\u{1b}[2Jz".to_owned()] {
            let mut model = tiny(Family::Llama, 7);
            model.set(key, Value::Text(value));
            let file = model.write();
            let path = file.to_str().unwrap();
            let output =
                afterword(["write", "once", "--model", path, "--tokens", "2", "--set", "future.entropy-top=5"]).ended();
            harmless(&err(&output));
            let output = afterword(["models", "info", path]).ended();
            harmless(&(out(&output) + &err(&output)));
        }
    }
}

/// The notes on standard error of a story of two tokens.
fn noted(options: &[&str]) -> String {
    err(&afterword(["write", "Once", "--tokens", "2", "--seed", "1"]).args(options).done())
}

#[test]
fn an_option_is_obeyed_or_spoken_of() {
    if json(&["doctor", "--json"])["devices"].as_array().unwrap().iter().all(|device| device["kind"] == "cpu") {
        for (options, note) in [
            (&["--gpu-layers", "99"][..], "`--gpu-layers 99` does nothing: there is no GPU to use\n"),
            (&["--split", "row"], "`--split` does nothing: there is no GPU to use\n"),
        ] {
            assert!(noted(options).starts_with(note), "{options:?}");
        }
        assert!(!noted(&["--gpu-layers", "0"]).contains("does nothing"));
    }
    let said = noted(&["--device", "CPU", "--gpu-layers", "5"]);
    assert!(said.starts_with("`--gpu-layers 5` does nothing: `--device CPU` uses no GPU\n"), "{said}");
    let said = noted(&["--threads", "500"]);
    assert!(
        said.starts_with("`--threads 500` is more than the ") && said.contains(" that there are: threads will wait"),
        "{said}"
    );
    // Nothing was asked for, and nothing is said.
    assert!(!noted(&["--threads", "1"]).contains("--"));
}

/// Whoever may lock memory, as root may, sees no note.
#[test]
#[cfg(target_os = "linux")]
fn memory_that_cannot_be_locked_is_spoken_of() {
    let typed =
        "ulimit -l 8; exec setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock -- \"$0\" write Once --tokens 2 --mlock";
    let output = shell(typed, [""; 0]).ended();
    let said = err(&output);
    if !output.status.success() {
        eprintln!("skipped: without `setpriv` nothing can be forbidden here: {said}");
        return;
    }
    assert!(said.starts_with("`--mlock` was refused by the system"), "{said}");
}

#[test]
fn a_width_beyond_the_memory_is_cut_to_what_fits() {
    let folder = folder("width");
    let model = folder.join("tale.gguf");
    fs::write(&model, tiny(Family::Llama, 7).bytes()).unwrap();
    let many = ["--preset", "article-wave", "--set", "future.candidates=250", "--set", "min-p=0"];
    let run = recorded(&model, &[&many[..], &["--width", "1000"]].concat()).run;
    assert!((200..=256).contains(&run.width) && run.branches <= 256, "{} of {}", run.width, run.branches);
    assert_eq!(recorded(&model, &[&many[..], &["--width", "3"]].concat()).run.width, 3);
}

#[test]
fn as_many_memories_are_opened_as_were_asked_for() {
    let folder = folder("sessions");
    let prompts = folder.join("prompts.txt");
    fs::write(&prompts, "Once\n").unwrap();
    let place = folder.join("out");
    let plan = |more: &[&str]| {
        let typed = ["batch", prompts.to_str().unwrap(), "--out", place.to_str().unwrap(), "--seeds", "1..32", "--tokens", "4"];
        let output = afterword([&typed[..], &["--threads", "1", "--dry-run"], more].concat()).done();
        (out(&output), err(&output))
    };
    assert!(plan(&["--sessions", "16"]).0.contains("at once   16 in 16 memories"));
    assert!(plan(&["--sessions", "16", "--strict"]).0.contains("at once   16 in 16 memories"));
    assert!(plan(&["--sessions", "2", "--parallel", "8"]).0.contains("at once   8 in 2 memories"));
    let note = "`--width 8` does nothing: `--strict` looks at one candidate at a time";
    assert!(plan(&["--strict", "--width", "8"]).1.contains(note));
    assert!(!plan(&["--strict", "--width", "1"]).1.contains("does nothing"));
}

#[test]
fn a_record_whose_model_has_moved_says_how_to_name_its_place() {
    let folder = folder("moved");
    let model = folder.join("tale.gguf");
    fs::write(&model, tiny(Family::Llama, 7).bytes()).unwrap();
    recorded(&model, &[]);
    let (record, now) = (folder.join("tale.json"), folder.join("elsewhere.gguf"));
    fs::rename(&model, &now).unwrap();
    let record = record.to_str().unwrap();
    for command in [&["replay", record][..], &["explain", "--record", record]] {
        let said = afterword(command).refused(1);
        let error = format!("error: the model that told it, `{}`, is not there any more\nhint: `--model ", model.display());
        assert!(said.starts_with(&error), "{said}");
    }
    afterword(["replay", record, "--model", now.to_str().unwrap()]).done();
}

#[test]
fn what_decides_about_devices_is_in_the_record() {
    let folder = folder("devices");
    let model = folder.join("tale.gguf");
    fs::write(&model, tiny(Family::Llama, 7).bytes()).unwrap();
    let options = ["--kv-type", "f32,f16", "--flash-attention", "off", "--no-mmap", "--gpu-layers", "0", "--split", "row"];
    let run = recorded(&model, &options).run;
    assert_eq!((run.cache, run.flash_attention), ([CacheType::F32, CacheType::F16], FlashAttention::Off));
    assert_eq!((run.mmap, run.mlock, run.gpu_layers, run.split), (false, false, Some(0), Split::Row));
    let run = recorded(&model, &["--device", "CPU"]).run;
    assert_eq!((run.devices, run.gpu_layers, run.width, run.mmap), (Vec::new(), None, 1, true));
}

#[test]
fn a_device_or_a_type_that_is_not_there_is_named_with_those_that_are() {
    let said = afterword(["write", "Once", "--device", "GPU99"]).refused(1);
    assert!(said.starts_with("error: there is no device `GPU99`\nhint: there is ") && said.contains("`CPU`"), "{said}");
    let said = afterword(["write", "Once", "--kv-type", "q9"]).refused(2);
    assert!(said.starts_with("error: `q9` is no value of `--kv-type`: expected one of `f32`, "), "{said}");
    assert!(afterword(["write", "Once", "--gpu-layers", "-1"]).refused(2).contains("from 0 up, or `auto`"));
    assert!(
        afterword(["write", "Once", "--device", "CPU", "--main-gpu", "9"])
            .refused(1)
            .contains("there is no GPU 9, counted from 0")
    );
}

#[test]
fn a_model_that_cannot_fit_is_refused_before_it_is_loaded() {
    let mut model = tiny(Family::Llama, 7);
    for tensor in &mut model.tensors {
        // Keys and values out of one matrix: then heads and sizes tell what a token costs.
        tensor.name = tensor.name.replace("attn_k.", "attn_qkv.");
    }
    model.set("llama.attention.key_length", Value::U32(1 << 30));
    let file = model.write();
    let said = afterword(["write", "Once", "--model", file.to_str().unwrap()]).refused(1);
    let beginning = format!("error: cannot load the model `{}`: it needs about ", file.display());
    assert!(said.starts_with(&beginning) && said.contains(" of memory, and this machine has "), "{said}");
    assert!(said.lines().nth(1).is_some_and(|hint| hint.starts_with("hint: ")), "{said}");
    let info = json(&["models", "info", file.to_str().unwrap(), "--json"]);
    assert!(info["misfit"]["cause"].is_string(), "{info}");
}

#[test]
fn the_doctor_names_what_there_is_and_proves_that_it_works() {
    let report = json(&["doctor", "--json"]);
    assert_eq!(
        (&report["versions"]["afterword"], &report["broken"]),
        (&Json::from(env!("CARGO_PKG_VERSION")), &Json::from(Vec::<Json>::new()))
    );
    assert!(report["tokens-a-second"].as_f64().unwrap() > 0.0);
    let devices = report["devices"].as_array().unwrap();
    assert!(devices.iter().any(|device| device["name"] == "CPU"), "{report}");
    assert!(report["versions"]["backend"].as_str().unwrap().starts_with("llama.cpp "));
    let page = afterword(["doctor"]).prints();
    for line in
        ["backend        llama.cpp ", "features       ", "processor      ", "device         CPU", "so             it works"]
    {
        assert!(page.contains(line), "`{line}` is not in\n{page}");
    }
}

/// By the flags that Linux names, which are the processor's own and not those of this build.
#[test]
fn the_doctor_names_the_kernels_for_what_the_processor_has() {
    let report = json(&["doctor", "--json"]);
    let build = report["versions"]["build"].as_str().unwrap();
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let Some(flags) = processor.lines().find_map(|line| line.strip_prefix("flags")) else {
        eprintln!("skipped: this machine does not tell what its processor has");
        return;
    };
    if !build.contains("target-cpu=native") {
        eprintln!("skipped: this build is for other processors too: {build}");
        return;
    }
    let has = |flag: &str| flags.split_whitespace().any(|one| one == flag);
    let named = |kernel: &str| report["processor"].as_array().unwrap().contains(&Json::from(kernel));
    for (flag, kernel) in [
        ("avx2", "AVX2"),
        ("fma", "FMA"),
        ("f16c", "F16C"),
        ("avx512f", "AVX512"),
        ("avx512vbmi", "AVX512_VBMI"),
        ("avx512_vnni", "AVX512_VNNI"),
        ("avx512_bf16", "AVX512_BF16"),
        ("avx_vnni", "AVX_VNNI"),
    ] {
        assert_eq!(named(kernel), has(flag), "{kernel}: {report}");
    }
    assert!(!has("avx512_vnni") || afterword(["doctor"]).prints().contains("AVX512_VNNI"));
}
