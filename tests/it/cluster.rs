//! Runs on many machines: the recipes in `configs/cluster`, as far as they can be held without the systems that they are for. What stands
//! in for those has their variables and calls what it is told to call.
//!
//! That Kubernetes knows every field of the manifest was asked of `kubectl set env --local -o json`, which leaves out what it does not know.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Ends, PROGRAM, ROOT, deaf, err, folder};

/// As GNU parallel, of one word that is put where `{}` stands: options have their values behind `=`, or have none.
const PARALLEL: &str = r#"#!/bin/sh
while case $1 in -*) true ;; *) false ;; esac; do shift; done
line=
while [ "$1" != ::: ]; do line="$line '$1'"; shift; done
shift
for word in "$@"; do eval "$(printf '%s' "$line" | sed "s/{}/$word/g")" || exit 1; done
"#;

/// As `srun` for one task.
const SRUN: &str = r#"#!/bin/sh
[ "$1" = --cpus-per-task=1 ] || exit 9
shift
exec "$@"
"#;

/// A place for a run: prompts, and a folder of programs that stands before all others.
struct Place {
    root: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let root = folder(name);
        fs::write(root.join("prompts.txt"), "Once upon a time\nThe door opened\nA wolf\n").unwrap();
        let bin = root.join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(PROGRAM, bin.join("afterword")).unwrap();
        for (name, script) in [("parallel", PARALLEL), ("srun", SRUN)] {
            fs::write(bin.join(name), script).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { root }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A shell that finds those programs, with these variables.
    fn shell(&self, shell: &str, args: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = deaf(shell);
        let path = format!("{}:{}", self.at("bin").display(), std::env::var("PATH").unwrap());
        command.args(args).current_dir(ROOT).env("PATH", path).envs(variables.iter().copied());
        command.env("PROMPTS", self.at("prompts.txt")).env("OUT", self.at("out"));
        command
    }

    /// What a task of the array does.
    fn task(&self, id: usize, args: &str) -> Command {
        let id = id.to_string();
        let [first, last, count] = array().map(|number| number.to_string());
        let variables = [
            ("SLURM_ARRAY_TASK_ID", id.as_str()),
            ("SLURM_ARRAY_TASK_MIN", &first),
            ("SLURM_ARRAY_TASK_MAX", &last),
            ("SLURM_ARRAY_TASK_STEP", "1"),
            ("SLURM_ARRAY_TASK_COUNT", &count),
            ("SLURM_CPUS_PER_TASK", "1"),
            ("ARGS", args),
        ];
        self.shell("bash", &["configs/cluster/slurm.sbatch"], &variables)
    }
}

fn recipe(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join("configs/cluster").join(name)).unwrap()
}

/// The first, the last and the count of the tasks that the script asks Slurm for.
fn array() -> [usize; 3] {
    let script = recipe("slurm.sbatch");
    let range = script.lines().find_map(|line| line.strip_prefix("#SBATCH --array=")).unwrap();
    let (first, last) = range.split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    [first, last, last - first + 1]
}

/// Holds that a line was read and done; without a backend that it was read.
fn is_told(command: &mut Command) {
    let output = command.ended();
    if cfg!(feature = "llama") {
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    } else {
        assert!(err(&output).contains("built without a backend"), "{}", err(&output));
    }
}

#[test]
fn slurm_reads_what_the_script_asks_for() {
    let script = recipe("slurm.sbatch");
    // Slurm reads no more of them behind the first command.
    let first = script.lines().position(|line| !line.is_empty() && !line.starts_with('#')).unwrap();
    let asked = script.lines().enumerate().filter(|(_, line)| line.starts_with("#SBATCH"));
    assert!(asked.clone().count() > 5 && asked.clone().all(|(number, _)| number < first), "{script}");
    assert!(script.starts_with("#!/bin/bash\n"));
    // As many processors as the threads that decide about bits, and a signal that reaches the program.
    assert!(script.contains("\n#SBATCH --cpus-per-task=4\n") && script.contains("\n#SBATCH --signal=TERM@60\n"));
}

#[test]
fn a_task_of_the_array_tells_its_part() {
    let place = Place::new("task");
    is_told(&mut place.task(3, "--seeds 1..2 --tokens 5"));
    if cfg!(feature = "llama") {
        let run = fs::read_to_string(place.at("out/part-3/run.toml")).unwrap();
        assert!(run.contains("\nshard = \"3/8\"\n") && run.contains("\nstrict = true\n"), "{run}");
        assert!(run.contains("\nthreads = 1\n"), "{run}");
    }
}

#[test]
fn parts_that_gnu_parallel_has_told_are_joined() {
    let place = Place::new("parallel");
    let script = ["configs/cluster/parallel.sh", "--tokens", "5", "--seeds", "1..2"];
    is_told(&mut place.shell("sh", &script, &[("PARTS", "4")]));
    if cfg!(feature = "llama") {
        let index = fs::read_to_string(place.at("out/whole/index.jsonl")).unwrap();
        assert_eq!(index.lines().count(), 6);
    }
}

/// The text at a place of a manifest.
fn text<'v>(value: &'v Value, place: &str) -> &'v str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("{place} is no text in {value}"))
}

/// The value of a variable of a container.
fn variable<'v>(container: &'v Value, name: &str) -> &'v str {
    let all = container["env"].as_array().unwrap();
    text(all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{container} has no {name}")), "/value")
}

/// The manifest: the claim of its volume, and its Job.
fn manifest() -> [Value; 2] {
    let all: Vec<Value> = serde_saphyr::from_multiple(&recipe("kubernetes.yaml")).unwrap();
    all.try_into().unwrap()
}

#[test]
fn the_manifest_gives_each_pod_its_part_and_all_of_them_one_volume() {
    let [claim, job] = manifest();
    let (spec, pod) = (&job["spec"], &job["spec"]["template"]["spec"]);
    assert_eq!((text(&job, "/apiVersion"), text(&job, "/kind")), ("batch/v1", "Job"));
    assert_eq!(text(spec, "/completionMode"), "Indexed");
    let [model, tell] = [&pod["initContainers"][0], &pod["containers"][0]];
    // A pod's part is counted among as many as there are, and a failed one comes again as often as that.
    assert_eq!(variable(tell, "AFTERWORD_SHARDS"), spec["completions"].to_string());
    assert!(spec["parallelism"].as_u64() <= spec["completions"].as_u64());
    assert!(spec["backoffLimitPerIndex"].as_u64() > Some(0));
    // What Kubernetes asks of a Job that counts failures by index.
    assert_eq!(text(pod, "/restartPolicy"), "Never");
    let rule = &spec["podFailurePolicy"]["rules"][1]["onExitCodes"];
    assert_eq!((text(rule, "/containerName"), &rule["values"]), (text(tell, "/name"), &serde_json::json!([2])));
    // Both have the volume, the model lies on it, and so do the stories.
    let place = "/volumeMounts/0/mountPath";
    let (mount, script) = (text(tell, place), text(tell, "/command/2"));
    assert_eq!(mount, text(model, place));
    assert!(script.contains(&format!("--out \"{mount}/stories/part-$JOB_COMPLETION_INDEX\"")), "{script}");
    for container in [model, tell] {
        assert!(variable(container, "HF_HUB_CACHE").starts_with(&format!("{mount}/")));
        assert_eq!(text(container, "/image"), text(tell, "/image"));
    }
    let volumes: Vec<&str> = pod["volumes"].as_array().unwrap().iter().map(|volume| text(volume, "/name")).collect();
    for mounted in [model, tell].into_iter().flat_map(|container| container["volumeMounts"].as_array().unwrap()) {
        assert!(volumes.contains(&text(mounted, "/name")), "{mounted}");
    }
    assert_eq!(text(pod, "/volumes/0/persistentVolumeClaim/claimName"), text(&claim, "/metadata/name"));
    assert_eq!(claim["spec"]["accessModes"], serde_json::json!(["ReadWriteMany"]));
    // What is fetched is what tells.
    let fetched = text(model, "/command/3");
    assert!(script.contains(&format!("--model {fetched} ")), "{script}");
}

#[test]
fn the_script_of_a_pod_tells_its_part() {
    let place = Place::new("pod");
    let [_, job] = manifest();
    let tell = &job["spec"]["template"]["spec"]["containers"][0];
    let mut script = text(tell, "/command/2").to_owned();
    // The places of this machine, the model that lies in the repository, and few stories.
    for (there, here) in [
        ("/prompts/prompts.txt", place.at("prompts.txt").display().to_string()),
        ("/data/stories", place.at("out").display().to_string()),
        ("--model smollm2", "--tokens 5".to_owned()),
        ("--seeds 1..100", "--seeds 1..2".to_owned()),
        ("--threads 4", "--threads 1".to_owned()),
    ] {
        assert!(script.contains(there), "{script}");
        script = script.replace(there, &here);
    }
    let variables = [("JOB_COMPLETION_INDEX", "7"), ("AFTERWORD_SHARDS", variable(tell, "AFTERWORD_SHARDS"))];
    is_told(&mut place.shell("sh", &["-c", &script], &variables));
    if cfg!(feature = "llama") {
        let run = fs::read_to_string(place.at("out/part-7/run.toml")).unwrap();
        assert!(run.contains("\nshard = \"8/8\"\n") && run.contains("\nstrict = true\n"), "{run}");
    }
}

#[cfg(feature = "hub")]
#[test]
fn a_pod_asks_for_its_model_as_a_person_does() {
    let place = Place::new("fetch");
    let [_, job] = manifest();
    let command = job["spec"]["template"]["spec"]["initContainers"][0]["command"].as_array().unwrap();
    let line: Vec<&str> = command.iter().map(|word| word.as_str().unwrap()).collect();
    // Nobody is asked here, so that is as far as it comes.
    let cache = place.at("hub").display().to_string();
    let variables = [("HF_HUB_CACHE", cache.as_str()), ("HF_HUB_OFFLINE", "1")];
    let output = place.shell(line[0], &line[1..], &variables).ended();
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(err(&output).contains("HF_HUB_OFFLINE"), "{}", err(&output));
}

#[cfg(feature = "llama")]
mod telling {
    use std::collections::BTreeMap;
    use std::process::Stdio;
    use std::time::Duration;

    use afterword::story::{Record, Times};

    use super::*;
    use crate::support::{afterword, read_json, signal};

    const STORIES: &str = "--seeds 1..8 --tokens 40 --preset wave,temperature";

    /// The records of a folder without what time decides, and the texts, by name.
    fn stories(root: &Path) -> BTreeMap<String, (Record, String)> {
        let files = fs::read_dir(root.join("stories")).unwrap().map(|file| file.unwrap().path());
        let records = files.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
        let story = |path: PathBuf| {
            let record: Record = read_json(&path);
            let text = fs::read_to_string(path.with_extension("txt")).unwrap();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), (Record { times: Times::default(), ..record }, text))
        };
        records.map(story).collect()
    }

    /// Eight tasks at once, killed again and again at moments of a fixed seed, and each begun again until it ends.
    #[test]
    fn parts_of_eight_processes_that_are_killed_become_the_strict_run_of_one() {
        let place = Place::new("killed");
        let whole = place.at("undisturbed");
        let mut one = afterword(["batch"]);
        one.arg(place.at("prompts.txt")).arg("--out").arg(&whole).args(STORIES.split(' ')).args(["--strict", "--threads", "1"]);
        one.done();
        let parts: Vec<PathBuf> = (1..=8).map(|id| place.at(&format!("out/part-{id}"))).collect();
        let told = || parts.iter().filter(|part| part.join("stories").exists()).map(|part| stories(part).len()).sum::<usize>();
        let (mut state, mut most) = (5_u64, 0);
        for _ in 0..4 {
            let begin = |id| place.task(id, STORIES).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let mut tasks: Vec<_> = (1..=8).map(begin).collect();
            // However slow the machine is, the moments fall into the telling.
            let grown = |_: &usize| told() > most;
            assert!((0..3000).inspect(|_| std::thread::sleep(Duration::from_millis(20))).find(grown).is_some());
            for task in &mut tasks {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                std::thread::sleep(Duration::from_millis((state >> 33) % 20));
                task.kill().unwrap();
                task.wait().unwrap();
            }
            let there = told();
            assert!(there > most, "{there} after {most}");
            most = there;
        }
        // One part is still missing when they are joined for the first time.
        let joined = place.at("joined");
        let join = |parts: &[PathBuf]| {
            let mut command = afterword(["batch", "--merge"]);
            command.args(parts).arg("--out").arg(&joined);
            command
        };
        for id in 1..8 {
            place.task(id, STORIES).done();
        }
        let lacking = join(&parts[..7]).ended();
        assert_eq!(lacking.status.code(), Some(1), "{}", err(&lacking));
        assert!(err(&lacking).contains("6 stories are in none of these folders: "), "{}", err(&lacking));
        assert!(err(&lacking).ends_with("part 8 of 8 is not among them\n"), "{}", err(&lacking));
        let last = place.task(8, STORIES).done();
        assert!(err(&last).starts_with("part 8 of 8, from SLURM_ARRAY_TASK_ID\n"), "{}", err(&last));
        join(&parts).done();
        assert_eq!(stories(&joined), stories(&whole));
        assert_eq!(stories(&whole).len(), 48);
        let index = |root: &Path| fs::read_to_string(root.join("index.jsonl")).unwrap().lines().count();
        assert_eq!(index(&joined), index(&whole));
    }

    /// What Slurm and Kubernetes send before they kill.
    #[test]
    fn sigterm_ends_a_part_as_ctrl_c_does() {
        let place = Place::new("terminated");
        let mut task = place.task(1, "--seeds 1..400 --tokens 200");
        let child = task.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let index = place.at("out/part-1/index.jsonl");
        let begun = |_: &usize| fs::read_to_string(&index).is_ok_and(|index| index.lines().count() > 1);
        assert!((0..1500).inspect(|_| std::thread::sleep(Duration::from_millis(20))).find(begun).is_some());
        signal(&child, "TERM");
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", err(&output));
        assert!(err(&output).ends_with("interrupted · the same command goes on from here\n"), "{}", err(&output));
        let kept = stories(&place.at("out/part-1"));
        assert!(kept.len() > 1 && kept.values().all(|(record, _)| record.stop != afterword::story::StopReason::Interrupted));
        let lacking = afterword(["batch", "--merge"]).arg(place.at("out/part-1")).arg("--out").arg(place.at("whole")).ended();
        assert_eq!(lacking.status.code(), Some(1));
        let told = err(&lacking);
        assert!(told.contains("part 2 of 8, part 3 of 8, part 4 of 8 and 4 more are not among them\n"), "{told}");
        assert!(told.contains(" of its 150 stories: the command that told it goes on there\n"), "{told}");
    }

    #[test]
    fn a_part_is_told_by_one_scheduler_or_by_name() {
        let place = Place::new("schedulers");
        let run = |shard: &str, variables: &[(&str, &str)]| {
            let mut command = afterword(["batch", "--shard", shard, "--tokens", "3", "--dry-run", "--out"]);
            command.arg(place.at("never")).arg(place.at("prompts.txt")).envs(variables.iter().copied());
            command
        };
        let pod = [("JOB_COMPLETION_INDEX", "1"), ("AFTERWORD_SHARDS", "3")];
        let refused = run("auto", &[]).refused(2);
        assert!(refused.contains("no scheduler tells which part this is: ") && refused.contains("\nhint: `--shard 3/8`"));
        let both = [&pod[..], &[("SLURM_ARRAY_TASK_ID", "1")]].concat();
        assert!(run("auto", &both).refused(2).contains("both `SLURM_ARRAY_TASK_ID` and `JOB_COMPLETION_INDEX` are set"));
        assert!(run("auto", &pod[..1]).refused(2).contains("`AFTERWORD_SHARDS` is what `completions` is"));
        let told = run("auto", &pod).done();
        assert!(err(&told).starts_with("part 2 of 3, from JOB_COMPLETION_INDEX\n"), "{}", err(&told));
        assert!(crate::support::out(&told).contains(", part 2/3"), "{}", crate::support::out(&told));
        // What nobody asks for does not make a run smaller.
        let all = afterword(["batch", "--tokens", "3", "--dry-run", "--out"])
            .arg(place.at("never"))
            .arg(place.at("prompts.txt"))
            .envs(pod)
            .done();
        assert!(crate::support::out(&all).starts_with("stories   3 = ") && !err(&all).contains("part"), "{}", err(&all));
    }
}
