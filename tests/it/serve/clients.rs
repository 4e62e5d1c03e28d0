//! Real clients against the server: what programs of others make of its answers.
//!
//! They are other people's packages, so these tests run where somebody has them: `AFTERWORD_PYTHON` names a Python in which `openai` and
//! `llm` can be imported.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::toy::Toy;

/// The Python that has the packages.
fn python() -> Command {
    Command::new(std::env::var_os("AFTERWORD_PYTHON").expect("AFTERWORD_PYTHON names a Python with `openai` and `llm`"))
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{out}\n{err}");
    out
}

#[test]
#[ignore = "needs a Python with `openai`"]
fn openai_for_python_reads_every_answer() {
    let toy = Toy::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/serve/openai_reads.py");
    said(&python().arg(script).arg(format!("http://{}", toy.address)).output().unwrap());
}

#[test]
#[ignore = "needs a Python with `llm`"]
fn llm_completes_and_chats_whole_and_streamed() {
    let (toy, folder) = (Toy::new(), tempfile::tempdir().unwrap());
    let base = format!("http://{}/v1", toy.address);
    let model = |id: &str, more: &str| format!("- model_id: {id}\n  model_name: tale@wave\n  api_base: {base}\n{more}");
    let models = model("talk", "") + &model("tell", "  completion: true\n");
    fs::write(folder.path().join("extra-openai-models.yaml"), models).unwrap();
    let ask = |more: &[&str]| {
        let mut llm = python();
        llm.args(["-m", "llm", "prompt", "--no-log"]).args(more).env("LLM_USER_PATH", folder.path());
        said(&llm.args(["-o", "max_tokens", "12", "-o", "seed", "7", "once upon a time"]).output().unwrap())
    };
    for model in ["talk", "tell"] {
        let whole = ask(&["-m", model, "--no-stream"]);
        assert_eq!(whole.trim_end_matches('\n'), ask(&["-m", model]).trim_end_matches('\n'));
        assert!(whole.len() >= 12, "{whole}");
    }
}
