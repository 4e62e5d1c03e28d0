//! LoRA adapters: what is added to a model's weights tells another story, is recorded, and is checked before llama.cpp reads it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use afterword::catalog::Header;
use afterword::llama::Weights;
use afterword::model::{Adapter, CacheType, FlashAttention, LoadOptions, Model, Origin, Rows, SessionOptions, Step};

use crate::support::gguf::{Family, Gguf, Tensor, Value, pick, tiny};
use crate::support::{BUNDLED, Ends, afterword, err, folder, out, read_json};

const RANK: usize = 2;
const ALPHA: f32 = 3.0;

/// Numbers around 0 that are a function of the seed.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    (0..count as u64).map(|at| (pick(seed, at, 2001) as f32 - 1000.0) / 4000.0).collect()
}

/// An adapter of a family for matrices of these names, each with as many numbers as it takes in and gives out.
fn adapter(family: &str, matrices: &[(&str, [usize; 2])]) -> Gguf {
    let mut file = Gguf::default();
    file.set("general.architecture", Value::Text(family.into()));
    file.set("general.type", Value::Text("adapter".into()));
    file.set("adapter.type", Value::Text("lora".into()));
    file.set("adapter.lora.alpha", Value::F32(ALPHA));
    for (number, (name, [takes, gives])) in (1..).zip(matrices) {
        let a = Tensor { name: format!("{name}.lora_a"), shape: vec![*takes, RANK], data: numbers(takes * RANK, number) };
        let b = Tensor { name: format!("{name}.lora_b"), shape: vec![RANK, *gives], data: numbers(gives * RANK, number + 100) };
        file.tensors.extend([a, b]);
    }
    file
}

const MATRICES: [(&str, [usize; 2]); 3] =
    [("blk.0.attn_q.weight", [32, 32]), ("blk.1.attn_v.weight", [32, 16]), ("blk.1.ffn_down.weight", [64, 32])];

/// The model with an adapter in its own weights: W + scale · α/r · B A.
fn merged(mut model: Gguf, adapter: &Gguf, scale: f32) -> Gguf {
    for pair in adapter.tensors.chunks(2) {
        let name = pair[0].name.trim_end_matches(".lora_a");
        let (takes, a, b) = (pair[0].shape[0], &pair[0].data, &pair[1].data);
        let weights = &mut model.tensors.iter_mut().find(|tensor| tensor.name == name).unwrap().data;
        for (at, weight) in weights.iter_mut().enumerate() {
            let (row, column) = (at / takes, at % takes);
            let product: f32 = (0..RANK).map(|r| b[row * RANK + r] * a[r * takes + column]).sum();
            *weight += scale * ALPHA / RANK as f32 * product;
        }
    }
    model
}

fn load(model: &Path, adapters: &[(&Path, f32)]) -> anyhow::Result<Weights> {
    let adapters = adapters.iter().map(|(file, scale)| Adapter { file: file.to_path_buf(), scale: *scale }).collect();
    Weights::load(model, &LoadOptions { adapters, ..LoadOptions::default() }, |_| true)
}

/// The row behind a text, computed in 32 bits.
fn row(weights: &Weights) -> Vec<f32> {
    let exact = SessionOptions {
        cells: 64,
        branches: 1,
        threads: Some(1),
        flash_attention: FlashAttention::Off,
        keys: CacheType::F32,
        values: CacheType::F32,
        ..SessionOptions::default()
    };
    let (mut session, mut row) = (weights.session(&exact).unwrap(), Vec::new());
    let step = Step { from: Origin::Root, tokens: &[270, 265, 280, 290, 271], rows: Rows::Last };
    session.extend(&[step], &mut |_, _, new| row = new.to_vec()).unwrap();
    row
}

fn apart(row: &[f32], other: &[f32]) -> f32 {
    let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(f32::NEG_INFINITY, f32::max);
    let spread = largest(&mut row.iter().copied()) + largest(&mut row.iter().map(|value| -value));
    largest(&mut row.iter().zip(other).map(|(a, b)| (a - b).abs())) / spread
}

#[test]
fn a_model_with_an_adapter_is_the_one_with_its_weights_added() {
    for (family, name) in [(Family::Llama, "llama"), (Family::Qwen3, "qwen3")] {
        let (model, added) = (tiny(family, 7), adapter(name, &MATRICES));
        let (path, file) = (model.write(), added.write());
        let bare = row(&load(&path, &[]).unwrap());
        assert!(row(&load(&path, &[(&file, 0.0)]).unwrap()) == bare, "{name}: added no times it changes no bit");
        for scale in [1.0, 0.5, -2.0] {
            let with = row(&load(&path, &[(&file, scale)]).unwrap());
            let one = row(&load(&merged(model.clone(), &added, scale).write(), &[]).unwrap());
            assert!(apart(&with, &one) < 1e-4, "{name} {scale}: {}", apart(&with, &one));
            assert!(apart(&with, &bare) > 0.01, "{name} {scale}: {}", apart(&with, &bare));
        }
    }
}

#[test]
fn what_is_no_adapter_for_the_model_is_refused_with_its_reason() {
    let model = tiny(Family::Llama, 7).write();
    let changed = |change: &dyn Fn(&mut Gguf)| {
        let mut file = adapter("llama", &MATRICES);
        change(&mut file);
        file.write()
    };
    let text = |text: &str| Value::Text(text.into());
    let other = tiny(Family::Llama, 8).write();
    let cases: Vec<(_, &str)> = vec![
        (changed(&|file| file.set("general.type", text("model"))), "it is no adapter (LoRA), but a model"),
        (changed(&|file| file.set("general.type", text("imatrix"))), "it calls itself `imatrix`"),
        (changed(&|file| file.set("general.type", Value::U32(1))), "it is no adapter (LoRA), but a model"),
        (changed(&|file| file.set("adapter.type", text("control"))), "of the kind `control`, and only `lora` is known"),
        (changed(&|file| file.set("general.architecture", text("qwen3"))), "of the family `qwen3`, and this one is of `llama`"),
        (changed(&|file| file.set("adapter.lora.alpha", text("much"))), "its `adapter.lora.alpha` is no finite number"),
        (changed(&|file| file.set("adapter.lora.alpha", Value::F32(f32::NAN))), "its `adapter.lora.alpha` is no finite number"),
        (changed(&|file| file.set("adapter.alora.invocation_tokens", Value::U32s(vec![1]))), "switched on by words"),
        (changed(&|file| file.tensors.clear()), "without weights"),
        (changed(&|file| file.tensors[0].name = "blk.0.attn_q.weight".into()), "neither of the two parts"),
        (changed(&|file| drop(file.tensors.remove(1))), "missing one component"),
        (changed(&|file| file.tensors.truncate(0)), "without weights"),
        (
            changed(&|file| {
                for tensor in &mut file.tensors[..2] {
                    tensor.name = tensor.name.replace("blk.0", "blk.9");
                }
            }),
            "does not exist in base model",
        ),
        (
            changed(&|file| {
                let tensor = &mut file.tensors[0];
                (tensor.shape, tensor.data) = (vec![16, RANK], numbers(16 * RANK, 1));
            }),
            "incorrect shape",
        ),
    ];
    let said = |path: &Path| format!("{:#}", load(&model, &[(path, 1.0)]).err().unwrap());
    for (file, cause) in &cases {
        let said = said(file);
        assert!(said.starts_with("cannot load the adapter `") && said.contains(cause), "{cause}: {said}");
    }
    assert!(said(&other).contains("it is no adapter (LoRA), but a model"), "{}", said(&other));
    assert!(said(Path::new("/nowhere.gguf")).contains("there is no such file"));
    let whole = adapter("llama", &MATRICES).bytes();
    let room = folder("cut");
    for length in [0, 3, 40, whole.len() / 2, whole.len() - 64] {
        let path = room.join("cut.gguf");
        fs::write(&path, &whole[..length]).unwrap();
        assert!(said(&path).starts_with("cannot load the adapter `"), "{length}");
    }
    let file = changed(&|_| ());
    let two = format!("{:#}", load(&model, &[(&file, 1.0), (&file, 1.0)]).err().unwrap());
    assert!(two.contains("cannot put 2 adapters on one model"), "{two}");
}

/// An adapter for the bundled model, in a folder of this name.
fn for_the_bundled(room: &Path) -> PathBuf {
    let header = Header::read(Path::new(BUNDLED)).unwrap();
    let shape = |name: &str| {
        let shape = &header.tensors.iter().find(|tensor| tensor.name == name).unwrap().shape;
        [shape[0], shape[1]].map(|size| usize::try_from(size).unwrap())
    };
    let names = ["blk.0.attn_q.weight", "blk.1.ffn_down.weight"];
    let path = room.join("adapter.gguf");
    fs::write(&path, adapter("llama", &names.map(|name| (name, shape(name)))).bytes()).unwrap();
    path
}

fn write(more: &[&str]) -> Command {
    let mut command = afterword(["write", "Once upon a time there was", "--raw", "--seed", "5", "--tokens", "40"]);
    command.args(["--threads", "1"]).args(more);
    command
}

#[test]
fn a_story_with_an_adapter_is_another_is_recorded_and_is_told_again() {
    let room = folder("stories");
    let path = for_the_bundled(&room);
    let (file, record) = (path.to_str().unwrap(), room.join("story.json"));
    let record = record.to_str().unwrap();
    let bare = write(&[]).prints();
    assert_eq!(write(&["--lora", &format!("{file}:0")]).prints(), bare);
    let told = write(&["--lora", &format!("{file}:1.5"), "--record", record]).prints();
    assert_ne!(told, bare);
    let kept: serde_json::Value = read_json(record);
    let adapter = &kept["run"]["adapters"][0];
    assert_eq!((adapter["file"].as_str(), adapter["scale"].as_f64()), (Some(file), Some(1.5)));
    assert_eq!(adapter["sha256"], afterword::files::sha256(&fs::read(&path).unwrap()[..]).unwrap());
    let replay = afterword(["replay", record]).done();
    assert!(err(&replay).contains("the same story: 40 tokens"), "{}", err(&replay));
    let explained = afterword(["explain", "--record", record, "--token", "3"]).ended();
    assert_eq!(explained.status.code(), Some(0), "{}", err(&explained));
    // Elsewhere, and another.
    let moved = room.join("moved.gguf");
    fs::rename(&path, &moved).unwrap();
    let said = afterword(["replay", record]).refused(2);
    assert!(said.contains("cannot read the record's adapter") && said.contains("`--lora FILE` says where it is now"), "{said}");
    let again = afterword(["replay", record, "--lora", &format!("{}:1.5", moved.display())]).done();
    assert!(err(&again).contains("the same story"), "{}", err(&again));
    fs::write(&path, fs::read(&moved).unwrap().into_iter().chain([0; 32]).collect::<Vec<_>>()).unwrap();
    assert!(afterword(["replay", record]).refused(2).contains("is not the record's"));
    // A record of before, and one without an adapter, say nothing of adapters.
    let plain = room.join("plain.json");
    write(&["--record", plain.to_str().unwrap()]).done();
    assert!(!fs::read_to_string(plain).unwrap().contains("adapters"));
}

#[test]
fn no_output_takes_the_place_of_an_adapter_and_what_is_none_is_said() {
    let room = folder("inputs");
    let path = for_the_bundled(&room);
    let file = path.to_str().unwrap();
    let said = write(&["--lora", file, "--record", file]).refused(1);
    assert!(said.contains("it is an adapter, and stays"), "{said}");
    let said = write(&["--lora", BUNDLED]).refused(1);
    assert!(said.contains("it is no adapter (LoRA), but a model"), "{said}");
    let said = write(&["--model", file]).refused(1);
    assert!(said.contains("it is an adapter (LoRA)"), "{said}");
}

#[test]
fn what_is_kept_of_a_prompt_is_of_its_adapter_and_scale() {
    let room = folder("kept");
    let path = for_the_bundled(&room);
    let file = path.to_str().unwrap();
    let prompt = "The wolf went to the river and said nothing to the fox. ".repeat(40);
    let write = |more: &[&str]| {
        let mut command = afterword(["write", prompt.trim_end(), "--raw", "--seed", "5", "--tokens", "10", "--threads", "1"]);
        command.args(more).env("AFTERWORD_CACHE", room.join("cache")).env_remove("AFTERWORD_CACHE_LIMIT");
        let output = command.done();
        (out(&output), err(&output).contains("were in the cache"))
    };
    let halved = format!("{file}:0.5");
    let (bare, with, half) = (&[][..], &["--lora", file][..], &["--lora", &halved][..]);
    let fresh = [bare, with, half].map(write);
    assert!(fresh.iter().all(|(_, cached)| !cached));
    for (args, (told, _)) in [bare, with, half].into_iter().zip(fresh) {
        assert_eq!(write(args), (told, true));
    }
}

#[test]
fn a_batch_goes_on_with_its_adapter_and_no_other() {
    let room = folder("batch");
    let path = for_the_bundled(&room);
    let (prompts, stories) = (room.join("prompts.txt"), room.join("stories"));
    fs::write(&prompts, "Once upon a time\nThe wolf said\n").unwrap();
    let batch = |more: &[&str]| {
        let mut command = afterword(["batch", prompts.to_str().unwrap(), "--out", stories.to_str().unwrap(), "--raw"]);
        command.args(["--tokens", "10", "--threads", "1", "--seeds", "1"]).args(more);
        command
    };
    batch(&["--lora", path.to_str().unwrap()]).done();
    let run = fs::read_to_string(stories.join("run.toml")).unwrap();
    assert!(run.contains("[[settings.adapters]]") && run.contains("scale = 1.0"), "{run}");
    batch(&["--lora", path.to_str().unwrap()]).done();
    let said = err(&batch(&[]).ended());
    assert!(said.contains("the model has other adapters"), "{said}");
}
