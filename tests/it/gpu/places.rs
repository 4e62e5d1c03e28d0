//! Where a model goes: layers, devices by name, what fits, and memory that is given back.

use std::path::Path;
use std::sync::Arc;

use super::{OnGpu, on_processor};
use crate::support::{BUNDLED, Ends, afterword, err, folder, read_json};
use afterword::catalog::{Machine, ModelCard, in_words};
use afterword::chat::InProcess;
use afterword::engine::{Engine, EngineOptions, StoryRequest};
use afterword::llama::{DeviceKind, Weights};
use afterword::model::{GpuLayers, LoadOptions, SessionOptions, Split};
use afterword::preset::{Folders, find};
use afterword::story::Record;
use serde_json::Value;

/// Layers of the bundled model, the output counted as one.
const LAYERS: u32 = 7;

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&afterword(args).prints()).unwrap()
}

/// The record of a story whose tokens are the likeliest, and what was said.
#[track_caller]
fn told(name: &str, args: &[&str]) -> (Record, String) {
    let path = folder(name).join("story.json");
    let write = ["write", "Once upon a time", "--preset", "greedy", "--tokens", "20", "--threads", "1", "--record"];
    let said = err(&afterword(write).arg(&path).args(args).done());
    (read_json(path), said)
}

#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn the_doctor_lists_the_device_and_its_memory_and_proves_that_it_tells() {
    let gpu = OnGpu::first();
    println!(
        "{}: {}, {:?}, {} of {} free",
        gpu.name,
        gpu.description,
        gpu.kind,
        in_words(gpu.free()),
        in_words(gpu.memory as u64)
    );
    assert!(matches!(gpu.kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu));
    let report = json(&["doctor", "--json"]);
    let listed = report["devices"].as_array().unwrap().iter().find(|device| device["name"] == gpu.name.as_str());
    let listed = listed.unwrap_or_else(|| panic!("{report}"));
    assert_eq!((&listed["description"], listed["memory"].as_u64()), (&gpu.description.clone().into(), Some(gpu.memory as u64)));
    assert_eq!(report["machine"]["gpus"][0]["name"], gpu.name.as_str());
    assert_eq!((report["tokens-a-second"].as_f64() > Some(0.0), &report["broken"]), (true, &Vec::<Value>::new().into()));
    let page = afterword(["doctor"]).prints();
    assert!(page.contains(&format!("\ndevice         {}: {}\n", gpu.name, gpu.description)), "{page}");
}

#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn as_many_layers_go_there_as_are_asked_for_and_the_story_is_the_same() {
    let gpu = OnGpu::first();
    let (there, _) = told("processor", &["--device", "CPU"]);
    assert_eq!((there.run.gpu_layers, there.run.devices.len(), there.tokens.len()), (None, 0, 20));
    for (name, args, layers) in [
        ("auto", &[][..], LAYERS),
        ("all", &["--gpu-layers", "99"], 99),
        ("some", &["--gpu-layers", "2"], 2),
        ("output", &["--gpu-layers", "1"], 1),
        ("none", &["--gpu-layers", "0"], 0),
    ] {
        let (record, said) = told(name, args);
        assert_eq!((record.run.gpu_layers, &record.run.devices), (Some(layers), &vec![gpu.name.clone()]), "{name}");
        assert_eq!(record.tokens, there.tokens, "{name}");
        assert!(!said.contains("does nothing"), "{said}");
    }
    let on_gpus = |args: &[&str]| {
        let info = json(&[&["models", "info", BUNDLED, "--json"], args].concat());
        (info["placement-estimated"]["gpu-layers"].as_u64(), info["placement-estimated"]["of"].as_u64())
    };
    let all = u64::from(LAYERS);
    assert_eq!(on_gpus(&[]), (Some(all), Some(all)));
    assert_eq!(on_gpus(&["--gpu-layers", "2"]), (Some(2), Some(all)));
    assert_eq!(on_gpus(&["--gpu-layers", "0"]), (Some(0), Some(all)));
    assert_eq!(on_gpus(&["--device", "CPU"]), (Some(0), Some(all)));
}

/// A layer's keys and values lie where the layer is: 768 bytes a cell for each of the six.
#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn the_memory_of_the_device_holds_what_was_put_there() {
    const A_LAYER: u64 = CELLS as u64 * 768;
    const CELLS: usize = 1 << 16;
    let gpu = OnGpu::first();
    let taken = |options: &LoadOptions| {
        let weights = Weights::load(Path::new(BUNDLED), options, |_| true).unwrap();
        let options = SessionOptions { cells: CELLS, branches: 2, batch: 8, threads: Some(1), ..SessionOptions::default() };
        // What a device takes once for itself is no model's.
        drop(weights.session(&SessionOptions { cells: 256, ..options }).unwrap());
        let before = gpu.free();
        let session = weights.session(&options).unwrap();
        let taken = before.saturating_sub(gpu.free());
        drop(session);
        taken
    };
    let [all, some, none] = [None, Some(4), Some(0)].map(|layers| taken(&gpu.options(layers)));
    let elsewhere = taken(&on_processor());
    println!(
        "{} cells take {} of the device with all layers there, {} with the output and three, {} with none, {} without the device",
        CELLS,
        in_words(all),
        in_words(some),
        in_words(none),
        in_words(elsewhere)
    );
    if all == 0 {
        println!("this device does not tell what is free on it, so where memory lies was not seen");
        return;
    }
    assert!((6 * A_LAYER..8 * A_LAYER).contains(&all), "{all} for six layers of {A_LAYER}");
    assert!((3 * A_LAYER..5 * A_LAYER).contains(&some), "{some} for three layers of {A_LAYER}");
    assert!(none < A_LAYER / 2 && elsewhere == 0, "{none} for no layer of {A_LAYER}, {elsewhere} for none at all");
}

#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn a_device_is_known_by_its_name_and_others_are_refused_with_it() {
    let gpu = OnGpu::first();
    for name in [gpu.name.clone(), gpu.name.to_lowercase()] {
        assert_eq!(told("named", &["--device", &name]).0.run.devices, [gpu.name.as_str()]);
    }
    let (record, said) = told("cpu", &["--device", "cpu", "--gpu-layers", "3", "--split", "row"]);
    assert_eq!((record.run.devices.len(), record.run.width), (0, 1));
    assert!(said.contains("`--gpu-layers 3` does nothing: `--device cpu` uses no GPU\n"), "{said}");
    assert!(said.contains("`--device cpu` uses no GPU"), "{said}");
    for unknown in ["GPU99", "none"] {
        let refused = afterword(["write", "Once", "--device", unknown]).refused(1);
        assert!(refused.starts_with(&format!("error: there is no device `{unknown}`\nhint: there is ")), "{refused}");
        assert!(refused.contains(&format!("`{}`", gpu.name)) && refused.contains("`CPU`"), "{refused}");
    }
}

#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn one_gpu_holds_everything_however_a_model_is_divided() {
    let gpu = OnGpu::first();
    let device = ["--device", gpu.name.as_str()];
    let (whole, _) = told("layer", &device);
    for split in [Split::Layer, Split::Row, Split::None] {
        let typed = split.to_string();
        let divided = [&device[..], &["--split", &typed]].concat();
        // Not every backend has matrices that lie here and there by their rows.
        let refused = afterword([&["write", "Once", "--seed", "1", "--tokens", "1"], &divided[..]].concat()).ended();
        if split == Split::Row && refused.status.code() == Some(1) {
            println!("{} has no split by rows", gpu.name);
            let sentence =
                format!(": `{}` cannot hold a matrix by its rows\nhint: divide the model by whole layers\n", gpu.name);
            assert!(
                err(&refused).starts_with("error: cannot load the model `") && err(&refused).ends_with(&sentence),
                "{}",
                err(&refused)
            );
            continue;
        }
        let (record, _) = told(&typed, &divided);
        assert_eq!((record.run.split, record.run.gpu_layers), (split, Some(LAYERS)));
        assert_eq!(record.tokens, whole.tokens, "{split}");
    }
    for split in ["layer", "none"] {
        let command = [&["write", "Once", "--main-gpu", "5", "--split", split][..], &device].concat();
        let refused = afterword(command).refused(1);
        assert!(refused.contains("there is no GPU 5, counted from 0: 1 can be used"), "{refused}");
    }
}

/// The bundled model on a machine that has only this GPU, with so much free on it.
fn engine(machine: Machine, gpu_layers: GpuLayers) -> anyhow::Result<Engine> {
    let options = EngineOptions { threads: std::num::NonZeroUsize::new(1), gpu_layers, ..EngineOptions::new(BUNDLED) };
    let devices = Some(machine.gpus.iter().map(|gpu| gpu.name.clone()).collect());
    Engine::open(EngineOptions { devices, ..options }, machine, Arc::new(InProcess), |_| true)
}

/// The tokens of a short story.
fn tell(engine: &Engine) -> Vec<u32> {
    let sampler = find("greedy", &Folders::default()).unwrap().sampler();
    let prompt = engine.tokens("Once upon a time").unwrap();
    let plan = engine.plan_behind(&sampler, &prompt, &StoryRequest::new(7, 12)).unwrap();
    let width = engine.width(std::slice::from_ref(&plan), 1);
    let mut session = engine.session(std::slice::from_ref(&plan), width).unwrap();
    let told = afterword::decode::tell(&mut *session, width, vec![plan]).remove(0);
    assert_eq!((told.failure(), told.tokens.len()), (None, 12));
    told.tokens
}

#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn a_model_too_large_for_what_is_free_is_placed_in_part_and_tells_the_same() {
    let gpu = OnGpu::first();
    let whole = engine(gpu.machine(gpu.free()), GpuLayers::Auto).unwrap();
    assert_eq!((whole.gpu_layers(), whole.is_on_gpu()), (Some(LAYERS), true));
    let tokens = tell(&whole);
    let card = ModelCard::read(Path::new(BUNDLED)).unwrap();
    let mut seen = Vec::new();
    for tenth in 0..=10 {
        // From nothing to what all of it needs and the tenth that stays free.
        let need = whole.need(512, 2).unwrap().total;
        let free = need * tenth / 8;
        let machine = gpu.machine(free);
        let part = engine(machine.clone(), GpuLayers::Auto).unwrap();
        let layers = part.gpu_layers().unwrap();
        let placed = afterword::catalog::place(&card, &part.options().wish(512, 2, 256), &machine, GpuLayers::Auto);
        assert!(placed.gpu <= free && part.is_on_gpu() == (layers > 0), "{layers} layers, {} of {free}", placed.gpu);
        assert_eq!(tell(&part), tokens, "{layers} layers");
        seen.push(layers);
    }
    println!("layers on the device, from nothing free to enough: {seen:?}");
    assert!(seen.is_sorted() && seen[0] == 0 && *seen.last().unwrap() == LAYERS, "{seen:?}");
    assert!(seen.iter().any(|layers| (1..LAYERS).contains(layers)), "{seen:?}");
}

#[test]
#[ignore = "needs a GPU: bash tests/gpu/run.sh"]
fn engines_that_are_dropped_give_their_memory_back() {
    let gpu = OnGpu::first();
    let free_behind_one = || {
        let engine = engine(gpu.machine(gpu.free()), GpuLayers::Auto).unwrap();
        let tokens = tell(&engine);
        drop(engine);
        (gpu.free(), tokens)
    };
    let (first, tokens) = free_behind_one();
    let mut last = first;
    for _ in 0..20 {
        let (free, again) = free_behind_one();
        assert_eq!(again, tokens);
        last = free;
    }
    println!("free on the device: {first} bytes after one engine, {last} after twenty more");
    // Drivers keep pages of their own; twenty models would be more.
    let model = std::fs::metadata(BUNDLED).unwrap().len();
    assert!(first.abs_diff(last) < 10 * model, "{first} became {last}");
}
