//! What a file says of itself before it is loaded, and what is found on a machine: no backend is asked.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use crate::support::gguf::{Family, Gguf, Scratch, Value, mutant, tiny};
use crate::support::{BUNDLED, folder};
use afterword::catalog::{
    Gpu, Header, Instead, Machine, Memory, ModelCard, Need, Places, Value as Read, Wish, check, find, place,
};
use afterword::model::{CacheType, GpuLayers};

fn parse(bytes: &[u8]) -> Result<Header, String> {
    Header::parse(Cursor::new(bytes), bytes.len() as u64).map_err(|error| format!("{error:#}"))
}

fn card(family: Family) -> ModelCard {
    ModelCard::read(&tiny(family, 7).write()).unwrap()
}

fn bundled() -> ModelCard {
    ModelCard::read(Path::new(BUNDLED)).unwrap()
}

fn wish(cells: u64) -> Wish {
    let half = CacheType::F16;
    Wish { cells, branches: 2, stories: 1, batch: 256, keys: half, values: half, flash_attention: true }
}

#[test]
fn the_bundled_model_is_as_its_page_says() {
    let card = bundled();
    assert_eq!((card.title().as_str(), card.architecture.as_str()), ("Fable 3M", "llama"));
    assert_eq!((card.parameters, card.layers, card.context), (3_443_136, 6, Some(1024)));
    assert_eq!((card.heads, card.kv_heads, card.head_sizes), (Some(6), Some(6), Some([32, 32])));
    assert_eq!((card.vocabulary.kind.as_deref(), card.vocabulary.size), (Some("llama"), 4096));
    assert_eq!((card.quantisation, card.window, card.template), (Some("Q8_0"), None, false));
    assert_eq!(card.size, fs::metadata(BUNDLED).unwrap().len());
    assert_eq!(card.types.iter().map(|share| share.share).sum::<f64>(), 1.0);
}

#[test]
fn every_family_tells_what_its_layers_remember() {
    for (family, keys, states) in [
        (Family::Llama, vec![16, 16], vec![0, 0]),
        (Family::Mixture, vec![16, 16], vec![0, 0]),
        (Family::Qwen2, vec![16, 16], vec![0, 0]),
        (Family::Qwen3, vec![16, 16], vec![0, 0]),
        (Family::Gemma3, vec![16; 6], vec![0; 6]),
        (Family::Mamba, vec![0, 0], vec![3 * 64 + 4 * 64; 2]),
        (Family::Lfm2, vec![0, 16, 0, 16], vec![64, 0, 64, 0]),
        (Family::Gpt2, vec![32, 32], vec![0, 0]),
    ] {
        let card = card(family);
        assert_eq!(card.layer.iter().map(|layer| layer.keys).collect::<Vec<_>>(), keys, "{family:?}");
        assert_eq!(card.layer.iter().map(|layer| layer.values).collect::<Vec<_>>(), keys, "{family:?}");
        assert_eq!(card.layer.iter().map(|layer| layer.state).collect::<Vec<_>>(), states, "{family:?}");
        assert_eq!((card.weights, card.context), (4 * card.parameters, Some(4096)));
    }
    assert_eq!(card(Family::Gemma3).window, Some(8));
    assert_eq!(card(Family::Mixture).experts, Some([8, 2]));
}

#[test]
fn template_and_advice_for_sampling_are_told() {
    let mut file = tiny(Family::Qwen3, 7);
    file.set("tokenizer.chat_template", Value::Text("{{ messages }}".into()));
    file.set("general.sampling.temp", Value::F32(0.7));
    file.set("general.sampling.top_k", Value::I32(20));
    let card = ModelCard::read(&file.write()).unwrap();
    assert!(card.template);
    let advice: Vec<_> = card.sampling.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(advice, [("temp", "0.7"), ("top_k", "20")]);
}

#[test]
fn a_model_in_parts_is_the_model_whichever_part_is_named() {
    for family in Family::ALL {
        let whole = tiny(family, 7);
        let folder = folder(&format!("split-{family:?}"));
        let path = |number: usize| folder.join(format!("a-tale-{number:05}-of-00003.gguf"));
        for (part, number) in whole.split(3).iter().zip(1..) {
            fs::write(path(number), part.bytes()).unwrap();
        }
        let one = ModelCard::read(&whole.write()).unwrap();
        for number in 1..=3 {
            let split = ModelCard::read(&path(number)).unwrap();
            assert_eq!((split.parts, split.path), (3, path(1)));
            assert_eq!((split.parameters, &split.layer, split.ends), (one.parameters, &one.layer, one.ends));
        }
        fs::remove_file(path(2)).unwrap();
        let error = format!("{:#}", ModelCard::read(&path(1)).unwrap_err());
        assert!(error.contains("a-tale-00002-of-00003.gguf`: there is no such file"), "{error}");
        fs::rename(path(3), path(2)).unwrap();
        let error = format!("{:#}", ModelCard::read(&path(1)).unwrap_err());
        assert!(error.ends_with("a-tale-00002-of-00003.gguf` is not part 2 of 3"), "{error}");
        fs::rename(path(1), folder.join("renamed.gguf")).unwrap();
        let error = format!("{:#}", ModelCard::read(&folder.join("renamed.gguf")).unwrap_err());
        assert!(error.ends_with("it is one of 3 parts, and its name does not end in `-00001-of-00003.gguf`"), "{error}");
    }
}

#[test]
fn a_header_that_is_cut_off_is_refused_wherever_it_ends() {
    let whole = tiny(Family::Llama, 7).bytes();
    assert!(parse(&whole).is_ok());
    for length in (0..9_000.min(whole.len())).chain([whole.len() / 2, whole.len() - 32]) {
        let cause = parse(&whole[..length]).unwrap_err();
        let known = ["cut off", "it is empty", "it is not a GGUF file"];
        assert!(known.iter().any(|known| cause.contains(known)), "{length}: {cause}");
    }
}

#[test]
fn no_count_is_believed() {
    let file = tiny(Family::Llama, 7).bytes();
    let with = |at: usize, number: u64| {
        let mut file = file.clone();
        file[at..at + 8].copy_from_slice(&number.to_le_bytes());
        parse(&file).unwrap_err()
    };
    assert!(with(8, u64::MAX).contains("it names 18446744073709551615 tensors"));
    assert!(with(16, 1 << 40).contains("metadata entries"));
    assert!(with(24, 1 << 60).contains("a metadata key is"));
    // The length of the first key, then its type, then the length of its text.
    assert!(with(24 + 8 + 20 + 4, u64::MAX).contains("bytes"));
}

/// A file of any size costs its owner nothing where it is sparse: its counts are no reason to read it.
#[test]
#[cfg(unix)]
fn a_header_of_any_size_is_answered_at_once() {
    use std::os::unix::fs::FileExt;

    let sparse = |name: &str, size: u64, entries: u64, first: &[u8]| {
        let path = folder("sparse").join(name);
        let file = fs::File::create(&path).unwrap();
        let beginning = [b"GGUF\x03\0\0\0", &1_u64.to_le_bytes()[..], &entries.to_le_bytes(), first].concat();
        file.write_at(&beginning, 0).unwrap();
        file.set_len(size).unwrap();
        let (started, header) = (std::time::Instant::now(), Header::read(&path));
        assert!(started.elapsed().as_secs() < 10, "{name}");
        fs::remove_file(path).unwrap();
        format!("{:#}", header.unwrap_err())
    };
    let array = |key: &str, kind: u32, count: u64| {
        let key = [&(key.len() as u64).to_le_bytes()[..], key.as_bytes()].concat();
        [&key[..], &9_u32.to_le_bytes(), &kind.to_le_bytes(), &count.to_le_bytes()].concat()
    };
    let (huge, tokens) = (64 << 30, "tokenizer.ggml.tokens");
    for (name, entries, first, expected) in [
        ("tokens", 1, array(tokens, 8, 8_000_000_000), "8000000000 texts, which is more than any model has"),
        ("more tokens than any", 1, array(tokens, 8, (1 << 22) + 1), "4194305 texts, and there can be 4194304"),
        ("numbers", 1, array("tokenizer.ggml.scores", 6, 8_000_000_000), "8000000000 numbers, which is more than any"),
        ("entries", 1_000_000_000, Vec::new(), "1000000000 metadata entries, which is more than any"),
        ("entries of nothing", 65_537, Vec::new(), "it names 65537 metadata entries"),
        ("an array of nothing", 1 << 16, array("x", 8, 1 << 22), "damaged"),
    ] {
        let said = sparse(name, huge, entries, &first);
        assert!(said.contains(expected), "{name}: {said}");
    }
    // Sizes that a small file cannot hold are no news.
    assert!(sparse("small", 4096, 1, &array(tokens, 8, 1 << 20)).contains("1048576 texts, and only"));
}

#[test]
fn no_piece_of_a_vocabulary_is_longer_than_a_tokenizer_can_bear() {
    for kind in ["llama", "gpt2", "t5", "rwkv", "plamo2", "bert", "gemma4"] {
        let with = |length: usize| {
            let mut file = tiny(Family::Llama, 7);
            file.set("tokenizer.ggml.model", Value::Text(kind.into()));
            file.set("tokenizer.ggml.tokens", Value::Texts(vec!["a".into(), "x".repeat(length)]));
            parse(&file.bytes()).map(|header| header.pieces)
        };
        let said = with(60_000).unwrap_err();
        assert!(said.ends_with("it is damaged: its text 1 is 60000 bytes long, and can be 4096"), "{kind}: {said}");
        let pieces = with(4096).unwrap();
        assert_eq!((pieces.longest, pieces.bytes, pieces.cubes), (4096, 4097, (1 << 36) + 1));
    }
    let mut file = tiny(Family::Llama, 7);
    file.set("tokenizer.ggml.tokens", Value::Texts(vec!["x".repeat(4096); 4097]));
    let said = parse(&file.bytes()).unwrap_err();
    assert!(said.ends_with("its texts have 16781312 bytes together, and can have 16777216"), "{said}");
    // Texts of other keys are no pieces.
    let mut file = tiny(Family::Llama, 7);
    file.set("general.tags", Value::Texts(vec!["x".repeat(60_000)]));
    assert!(parse(&file.bytes()).is_ok());
}

#[test]
fn the_quantisation_is_called_as_people_call_it() {
    let mut file = tiny(Family::Llama, 7);
    let called = |file: &Gguf| ModelCard::read(&file.write()).unwrap().quantisation;
    assert_eq!(called(&file), Some("F32"));
    file.set("general.file_type", Value::U32(15));
    assert_eq!(called(&file), Some("Q4_K_M"));
    file.set("general.file_type", Value::U32(999));
    assert_eq!(called(&file), Some("F32"), "where the number says nothing, the weights do");
}

#[test]
fn no_changed_byte_breaks_the_reader() {
    let mut file = Gguf { tensors: tiny(Family::Llama, 7).tensors[..2].to_vec(), ..Gguf::default() };
    file.set("general.architecture", Value::Text("llama".into()));
    file.set("llama.block_count", Value::U32(2));
    file.set("llama.attention.head_count_kv", Value::U32s(vec![2, 2]));
    file.set("tokenizer.ggml.tokens", Value::Texts(vec!["a".into(), "b".into()]));
    let whole = file.bytes();
    let header = whole.len() - file.tensors.iter().map(|tensor| 4 * tensor.data.len()).sum::<usize>();
    for at in 0..header {
        for byte in [0, 1, 7, 0x7F, 0x80, 0xFF] {
            let mut broken = whole.clone();
            broken[at] = byte;
            if let Ok(header) = parse(&broken)
                && let Ok(card) = ModelCard::of(Path::new("x.gguf"), &[header])
            {
                let _ = place(&card, &wish(u64::MAX), &Machine::default(), GpuLayers::Auto);
            }
        }
    }
}

#[test]
fn no_changed_header_breaks_the_reader() {
    read_mutants(0..2_000);
}

#[test]
#[ignore = "takes a minute"]
fn no_changed_header_of_thousands_breaks_the_reader() {
    read_mutants(2_000..22_000);
}

fn read_mutants(numbers: std::ops::Range<u64>) {
    let (mut whole, mut cards) = (0, 0);
    for number in numbers {
        let (bytes, what) = mutant(number);
        let started = std::time::Instant::now();
        match parse(&bytes) {
            Ok(header) => {
                whole += 1;
                if let Ok(card) = ModelCard::of(Path::new("x.gguf"), &[header]) {
                    cards += 1;
                    let _ = place(&card, &wish(u64::MAX), &Machine::default(), GpuLayers::Auto);
                    let _ = check(&card, &wish(1 << 20), &Machine::default(), GpuLayers::Auto);
                }
            }
            Err(cause) => assert!(cause.chars().count() < 300 && !cause.contains("os error"), "{what}: {cause}"),
        }
        assert!(started.elapsed().as_secs() < 10, "{what}");
    }
    assert!(whole > 0 && cards > 0, "{whole} headers were read, {cards} of them described: nothing was tried");
    assert!(whole > 0 && cards > 0);
}

#[test]
fn long_arrays_are_counted_and_not_kept() {
    let header = parse(&tiny(Family::Llama, 7).bytes()).unwrap();
    assert_eq!(header.metadata["tokenizer.ggml.tokens"], Read::Many(298));
    assert_eq!(header.length("tokenizer.ggml.scores"), Some(298));
}

#[test]
fn what_is_remembered_grows_with_the_text_and_a_state_with_the_branches() {
    let card = bundled();
    let need = |cells| Need::of(&card, &wish(cells));
    // 6 layers, 192 numbers of 2 bytes for keys and as many for values.
    assert_eq!(need(1024).cache, 1024 * 6 * 2 * 192 * 2);
    assert_eq!((need(1).cache, need(1).weights), (need(256).cache, card.weights));
    let mamba = self::card(Family::Mamba);
    let branches = |branches| Need::of(&mamba, &Wish { branches, ..wish(256) }).cache;
    assert_eq!((branches(1), branches(5)), (2 * 4 * (3 * 64 + 4 * 64), 5 * branches(1)));
}

#[test]
fn what_cannot_fit_is_refused_with_what_would() {
    let card = bundled();
    let machine = |total| Machine { memory: Some(Memory { total, available: total }), gpus: Vec::new() };
    let need = Need::of(&card, &wish(8192)).total;
    let verdict = |wish: &Wish, total| check(&card, wish, &machine(total), GpuLayers::Auto);
    assert_eq!(verdict(&wish(8192), need), Ok(()));
    assert_eq!(verdict(&wish(8192), need - 1).unwrap_err().instead(), Instead::Cache(CacheType::Q8_0));
    // A longer context than the model was trained for is none that anybody can ask for.
    assert_eq!(verdict(&wish(8192), need / 2).unwrap_err().instead(), Instead::SmallerModel);
    let long = ModelCard { context: Some(8192), ..bundled() };
    let instead = |wish: &Wish, total| check(&long, wish, &machine(total), GpuLayers::Auto).unwrap_err().instead();
    let context = |wish: &Wish, total| match instead(wish, total) {
        Instead::Context(tokens) => tokens,
        other => panic!("{other:?}"),
    };
    let fits = |wish: &Wish, total| check(&long, wish, &machine(total), GpuLayers::Auto).is_ok();
    let one = context(&wish(8192), need / 2);
    assert!(fits(&wish(one + 1), need / 2) && !fits(&wish(one + 257), need / 2), "{one}");
    let three = |context: u64| Wish { stories: 3, branches: 6, ..wish(3 * (context + 1)) };
    assert_eq!(instead(&three(8192), need + 2_000_000), Instead::FewerStories);
    let eight = CacheType::Q8_0;
    let eighths = |context: u64| Wish { keys: eight, values: eight, ..three(context) };
    let each = context(&eighths(8192), need / 3);
    assert!(fits(&eighths(each), need / 3) && !fits(&eighths(each + 256), need / 3) && each < one, "{each}");
    assert_eq!(verdict(&wish(8192), 1000).unwrap_err().instead(), Instead::SmallerModel);
    assert!(verdict(&wish(8192), 1 << 20).unwrap_err().to_string().ends_with("and this machine has 1.0 MB"));
    assert_eq!(check(&card, &wish(1 << 40), &Machine::default(), GpuLayers::Auto), Ok(()), "nothing is known of the machine");
}

#[test]
fn layers_go_to_a_gpu_as_far_as_they_fit_or_as_asked() {
    let card = bundled();
    let gpu = |free| Gpu { name: "GPU0".into(), total: 1 << 40, free };
    let machine = |free| Machine { memory: None, gpus: vec![gpu(free)] };
    let placed = |free, asked| place(&card, &wish(1024), &machine(free), asked).gpu_layers;
    assert_eq!((placed(1 << 40, GpuLayers::Auto), placed(0, GpuLayers::Auto)), (7, 0));
    assert_eq!((placed(1 << 40, GpuLayers::Fixed(3)), placed(0, GpuLayers::Fixed(99))), (3, 7));
    let all = place(&card, &wish(1024), &machine(1 << 40), GpuLayers::Auto);
    let half = placed((all.gpu / 10 + 1) * 8, GpuLayers::Auto);
    assert!((1..7).contains(&half), "{half}");
    assert_eq!(place(&card, &wish(1024), &Machine::default(), GpuLayers::Fixed(5)).gpu_layers, 0);
}

#[test]
fn more_layers_than_fit_on_a_gpu_are_refused_with_as_many_as_do() {
    let card = bundled();
    let machine = |total, free| Machine { memory: None, gpus: vec![Gpu { name: "GPU0".into(), total, free }] };
    let asked = GpuLayers::Fixed(7);
    let needed = place(&card, &wish(1024), &machine(1 << 40, 0), asked).gpu;
    assert_eq!(check(&card, &wish(1024), &machine(1 << 40, needed), asked), Ok(()));
    let misfit = check(&card, &wish(1024), &machine(1 << 40, needed - 1), asked).unwrap_err();
    let Instead::GpuLayers(fewer) = misfit.instead() else { panic!("{misfit:?}") };
    assert!((1..7).contains(&fewer), "{fewer}");
    assert_eq!(check(&card, &wish(1024), &machine(1 << 40, needed - 1), GpuLayers::Fixed(fewer)), Ok(()));
    let misfit = check(&card, &wish(1024), &machine(1 << 40, 1000), asked).unwrap_err();
    assert_eq!(misfit.instead(), Instead::GpuLayers(0));
    assert!(misfit.to_string().ends_with(" of the memory of GPUs, and 1 kB of it is free"), "{misfit}");
    // As many as fit always do, and what does not tell its memory is trusted.
    assert_eq!(check(&card, &wish(1024), &machine(1 << 40, 1000), GpuLayers::Auto), Ok(()));
    assert_eq!(check(&card, &wish(1024), &machine(0, 0), asked), Ok(()));
    // Where the processor has no room for the rest either, another wish would fit.
    let memory = Some(Memory { total: 1000, available: 1000 });
    let small = Machine { memory, ..machine(1 << 40, 1000) };
    assert_eq!(check(&card, &wish(1024), &small, asked).unwrap_err().instead(), Instead::SmallerModel);
}

#[test]
fn models_are_found_where_other_programs_put_them() {
    let folder = folder("find");
    let (hub, ollama) = (folder.join("hub"), folder.join("ollama"));
    let snapshot = hub.join("models--somebody--tale/snapshots/abc");
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir_all(ollama.join("blobs")).unwrap();
    fs::create_dir_all(ollama.join("manifests/registry.ollama.ai/library/tale")).unwrap();
    let model = tiny(Family::Llama, 7);
    fs::write(snapshot.join("tale.gguf"), model.bytes()).unwrap();
    fs::write(snapshot.join("tale.txt"), "no model").unwrap();
    fs::write(snapshot.join("._tale.gguf"), "a note of another system on the file").unwrap();
    fs::create_dir_all(hub.join(".locks")).unwrap();
    fs::write(hub.join(".locks/tale.gguf"), "").unwrap();
    fs::write(snapshot.join("torn.GGUF"), &model.bytes()[..99]).unwrap();
    for (part, number) in model.split(2).iter().zip(1..) {
        fs::write(snapshot.join(format!("long-{number:05}-of-00002.gguf")), part.bytes()).unwrap();
    }
    let mut eyes = model.clone();
    eyes.set("general.type", Value::Text("mmproj".into()));
    fs::write(snapshot.join("eyes.gguf"), eyes.bytes()).unwrap();
    fs::write(ollama.join("blobs/sha256-00ff"), model.bytes()).unwrap();
    let manifest = r#"{"layers":[{"mediaType":"application/vnd.ollama.image.license","digest":"sha256:11"},
        {"mediaType":"application/vnd.ollama.image.model","digest":"sha256:00ff"}]}"#;
    for tag in ["4b", "latest"] {
        fs::write(ollama.join("manifests/registry.ollama.ai/library/tale").join(tag), manifest).unwrap();
    }
    fs::write(ollama.join("manifests/registry.ollama.ai/library/tale/broken"), "{").unwrap();

    let folders = vec![("hub".to_owned(), hub.clone()), ("again".to_owned(), hub), ("none".to_owned(), folder.join("no"))];
    let found = find(&Places { folders, ollama: Some(ollama) });
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let names: Vec<_> = found.iter().map(|one| (one.place.as_str(), name(&one.path), one.card.is_ok())).collect();
    let hub = |name: &str, reads| ("hub", name.to_owned(), reads);
    let blob = ("Ollama", "sha256-00ff".to_owned(), true);
    assert_eq!(names, [hub("long-00001-of-00002.gguf", true), hub("tale.gguf", true), hub("torn.GGUF", false), blob]);
    assert_eq!(found[3].labels, ["tale:4b", "tale:latest"]);
}

#[test]
fn a_file_that_is_no_model_is_named_with_its_cause() {
    let refused = |path: &Path| format!("{:#}", ModelCard::read(path).unwrap_err());
    let file = Scratch::new("text.gguf", b"Once upon a time");
    assert_eq!(
        refused(&file),
        format!("cannot read the model `{}`: it is not a GGUF file: it begins with `Once upo`", file.display())
    );
    assert!(refused(Path::new("/nowhere/x.gguf")).ends_with("there is no such file"));
    assert!(refused(Path::new("src")).ends_with("it is a directory"));
    assert!(refused(&Gguf::default().write()).ends_with("it is a GGUF without weights"));
}
