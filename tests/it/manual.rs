//! `afterword completions` and `afterword man`: they name what is there, and nothing that is hidden.

use std::fs;

use crate::support::{Ends, afterword, folder, out};

/// The command that the program calls itself with.
const HIDDEN: &str = "render-templates";

#[test]
fn every_shell_completes_commands_options_and_values() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = afterword(["completions", shell]).prints();
        for word in ["write", "presets", "import", "flash-attention", "min-tokens", "completions"] {
            assert!(script.contains(word), "{shell} does not know `{word}`");
        }
        assert!(!script.contains(HIDDEN), "{shell}");
    }
    let said = afterword(["completions", "csh"]).refused(2);
    assert!(said.contains("`csh`") && said.contains("fish"), "{said}");
}

/// The script is one that the shell itself reads, and it answers.
#[cfg(unix)]
#[test]
fn bash_completes_a_command() {
    let script = folder("bash").join("afterword");
    fs::write(&script, afterword(["completions", "bash"]).prints()).unwrap();
    let asks = "source \"$0\" && COMP_WORDS=(afterword pres) COMP_CWORD=1 && _afterword afterword pres afterword \
                && echo \"${COMPREPLY[@]}\"";
    let mut bash = std::process::Command::new("bash");
    assert_eq!(out(&bash.args(["--norc", "-c", asks]).arg(&script).done()), "presets\n");
}

#[test]
fn every_command_has_a_page_in_the_manual() {
    let page = afterword(["man"]).prints();
    assert!(page.contains(".TH afterword 1") && page.contains("afterword\\-write(1)") && !page.contains(HIDDEN), "{page}");
    let place = folder("pages").join("man1");
    afterword(["man", "--out", place.to_str().unwrap()]).done();
    let names: Vec<String> =
        fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for name in ["afterword.1", "afterword-write.1", "afterword-presets-import.1", "afterword-models-info.1"] {
        assert!(names.contains(&name.to_owned()), "{name} is not among {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains(HIDDEN) || name.contains("help")), "{names:?}");
    let write = fs::read_to_string(place.join("afterword-write.1")).unwrap();
    assert!(write.contains("\\-\\-min\\-tokens") && write.starts_with(".ie "), "{write}");
    // They are written anew; what is not ours stays.
    afterword(["man", "--out", place.to_str().unwrap()]).done();
    fs::write(place.join("afterword.1"), "my notes\n").unwrap();
    let said = afterword(["man", "--out", place.to_str().unwrap()]).refused(1);
    assert!(said.contains("that is no page of the manual of this program"), "{said}");
    assert_eq!(fs::read_to_string(place.join("afterword.1")).unwrap(), "my notes\n");
}
