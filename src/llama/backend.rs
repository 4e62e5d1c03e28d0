//! The one llama.cpp of the process: its start, what it says, and its sudden end.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_void};
use std::sync::OnceLock;
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_sys_2 as sys;

use crate::text::{EXCERPT, excerpt};

/// How many lines of complaint are kept; the first of them names the cause, the later ones repeat it from further away.
const KEPT: usize = 32;

thread_local! {
    /// What the thread is having done, as `loading the weights`.
    static DEED: Cell<&'static str> = const { Cell::new("work") };

    /// Warnings and errors of the running deed. llama.cpp loads and decodes on the calling thread, so what one thread
    /// hears is about what it asked for, however many load models at once.
    static HEARD: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Who is told the last words.
static LISTENER: OnceLock<fn(&str)> = OnceLock::new();

struct Line {
    severe: bool,
    text: String,
}

/// The backend, started at the first call and never stopped: llama.cpp keeps global state that must outlive every model.
///
/// # Errors
/// Another part of the process started llama.cpp through the same bindings.
pub(super) fn backend() -> Result<&'static LlamaBackend> {
    static BACKEND: OnceLock<Option<LlamaBackend>> = OnceLock::new();
    let started = BACKEND.get_or_init(|| {
        // SAFETY: `hear` matches the callback's signature, never unwinds and needs no user data. It is set before the
        // start, because finding devices already logs; this also sets the log of ggml.
        unsafe { sys::llama_log_set(Some(hear), std::ptr::null_mut()) };
        LlamaBackend::init().ok()
    });
    match started {
        Some(backend) => Ok(backend),
        None => bail!("cannot start llama.cpp: something else in this process has started it"),
    }
}

/// Does the deed of C++, which has this name. An exception that it does not catch itself cannot go on through Rust: it ends the
/// process, as an abort would, by way of the listener of [`on_abort`].
pub(super) fn fenced<T>(name: &'static str, deed: impl FnOnce() -> T) -> T {
    /// Is dropped before its time by what unwinds the stack.
    struct Fence;

    impl Drop for Fence {
        fn drop(&mut self) {
            // A panic of our own says itself what it is.
            if !std::thread::panicking() {
                thrown();
            }
        }
    }

    let before = DEED.replace(name);
    let fence = Fence;
    let done = deed();
    std::mem::forget(fence);
    DEED.set(before);
    done
}

/// Tells the listener of an exception, of which nothing is known here but what was being done.
extern "C" fn thrown() {
    if let Some(listener) = LISTENER.get() {
        let deed = DEED.try_with(Cell::get).unwrap_or("work");
        let _ = std::panic::catch_unwind(|| listener(&format!("it failed at {deed}")));
    }
}

/// Does the deed and returns with it the cause that llama.cpp logged, if it complained: one line without the name of the
/// C++ function.
pub(super) fn overheard<T>(name: &'static str, deed: impl FnOnce() -> T) -> (T, Option<String>) {
    HEARD.with_borrow_mut(Vec::clear);
    let done = fenced(name, deed);
    let cause = HEARD.with_borrow(|lines| {
        let severe = lines.iter().find(|line| line.severe);
        severe.or(lines.last()).map(|line| plain(&tidy(&line.text)))
    });
    (done, cause)
}

/// Whether llama.cpp complained of this in the deed that was last overheard.
pub(super) fn heard(word: &str) -> bool {
    HEARD.with_borrow(|lines| lines.iter().any(|line| line.text.contains(word)))
}

/// Receives what llama.cpp and ggml log. Progress and facts are dropped; the library asks for those it needs.
unsafe extern "C" fn hear(level: sys::ggml_log_level, text: *const c_char, _: *mut c_void) {
    // A thread that is ending has no place for lines any more: then there is nobody to tell.
    let _ = HEARD.try_with(|heard| {
        let Ok(mut lines) = heard.try_borrow_mut() else { return };
        if text.is_null() {
            return;
        }
        // SAFETY: not null, and llama.cpp passes a terminated string that lives during the call.
        let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
        let severe = level == sys::GGML_LOG_LEVEL_ERROR;
        if severe || level == sys::GGML_LOG_LEVEL_WARN {
            // Of many complaints the first and the last ones are kept.
            if lines.len() >= KEPT {
                lines.remove(KEPT / 2);
            }
            lines.push(Line { severe, text: text.into_owned() });
        }
    });
}

/// `load_thing: error loading model: no such tensor\n` becomes `no such tensor`.
fn tidy(line: &str) -> String {
    let mut rest = line.trim();
    while let Some((head, tail)) = rest.split_once(": ") {
        let function = !head.is_empty() && head.chars().all(|c| c.is_ascii_alphanumeric() || "_:~".contains(c));
        if !function && !head.starts_with("error loading model") && !head.starts_with("failed to initialize") {
            break;
        }
        rest = tail.trim_start();
    }
    rest.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned()
}

/// A cause as people understand it. What the C++ library throws names its own functions, and what of it is a text from the file
/// may be of any length.
fn plain(cause: &str) -> String {
    const NO_MEMORY: [&str; 3] = ["bad_alloc", "bad_array_new_length", "cannot create std::"];
    const LIBRARY: [&str; 10] =
        ["std::", "__", "_M_", "_Map_base", "::at", "basic_string", "vector", "stoi", "stof", "invalid map"];
    let any = |words: &[&str]| words.iter().any(|word| cause.contains(word));
    if any(&NO_MEMORY) {
        "there is not enough memory for it, or a number in its header is damaged".to_owned()
    } else if any(&LIBRARY) {
        "it is damaged: something in its header is missing, or shorter than it must be".to_owned()
    } else {
        excerpt(cause, 2 * EXCERPT)
    }
}

/// Sets what is told the last words of llama.cpp before it aborts the process. Without a listener they and a backtrace
/// go to stderr. The listener should say one sentence and exit; when it returns, the process aborts. The first listener
/// stays.
pub fn on_abort(listener: fn(&str)) {
    // The C++ runtime asks this handler where an exception reaches a function that promised to throw none. Its name is that
    // of `std::set_terminate` in the ABI of both C++ libraries of Unix.
    #[cfg(unix)]
    unsafe extern "C" {
        #[link_name = "_ZSt13set_terminatePFvvE"]
        fn set_terminate(handler: extern "C" fn()) -> *const c_void;
    }

    unsafe extern "C" fn last_words(message: *const c_char) {
        let message = if message.is_null() {
            std::borrow::Cow::Borrowed("no reason given")
        } else {
            // SAFETY: not null, and ggml passes a terminated string that lives during the call.
            unsafe { CStr::from_ptr(message) }.to_string_lossy()
        };
        if let Some(listener) = LISTENER.get() {
            // A panic must not unwind through C; after it the process aborts as it would have.
            let _ = std::panic::catch_unwind(|| listener(&message));
        }
    }

    if LISTENER.set(listener).is_ok() {
        // SAFETY: `last_words` matches the callback's signature and never unwinds.
        unsafe { sys::ggml_set_abort_callback(Some(last_words)) };
        #[cfg(unix)]
        // SAFETY: the function is that of the C++ library that llama.cpp is linked to, and `thrown` never unwinds. When it
        // returns, the runtime aborts.
        unsafe {
            set_terminate(thrown);
        }
        #[cfg(unix)]
        hear_of_shortened();
    }
}

/// Hears of the signal that is raised where weights are read behind the end of their mapped file.
///
/// It takes the place of the handler that Rust has set for the signal, and does not call it: that one gives the signal back its usual
/// effect before it returns, and the second thread that reads there would end the process before the first one has said why. And it runs
/// on the thread's own stack, for the one that is set aside for signals is too small to say a sentence.
#[cfg(unix)]
fn hear_of_shortened() {
    extern "C" fn raised(_: libc::c_int) {
        shortened();
    }

    // SAFETY: a structure of integers and a pointer, for which zeros are values; the handler has the form that is asked for without
    // `SA_SIGINFO`. The signal is raised where ggml reads weights, and nowhere else in this process: there no lock is held that
    // `shortened` could wait for.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = raised as *const () as libc::sighandler_t;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut());
    }
}

/// What the listener of [`on_abort`] is told where a mapped file became shorter.
pub const SHORTENED: &str = "its file became shorter while it was in use";

/// Tells the listener that a mapped file became shorter: the reading cannot go on, and without a word the process would end.
#[cfg(unix)]
fn shortened() {
    static TOLD: AtomicBool = AtomicBool::new(false);
    // All threads that compute come here, and one of them has the word.
    while TOLD.swap(true, Ordering::Relaxed) {
        std::thread::park();
    }
    if let Some(listener) = LISTENER.get() {
        let _ = std::panic::catch_unwind(|| listener(SHORTENED));
    }
    // The reading would be tried again.
    std::process::abort();
}

/// The versions of llama.cpp and ggml that are linked: `llama.cpp …, ggml …`, with ggml's commit where the build knows it.
#[must_use]
pub fn build() -> String {
    // SAFETY: the three functions return terminated strings that live as long as the process.
    let [llama, ggml, commit] = unsafe { [sys::llama_version(), sys::ggml_version(), sys::ggml_commit()] }.map(text_of);
    let commit = if commit.is_empty() || commit == "unknown" { String::new() } else { format!(" ({commit})") };
    format!("llama.cpp {llama}, ggml {ggml}{commit}")
}

/// A string that llama.cpp owns for the life of the process; empty for null.
pub(super) fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null; the callers pass terminated strings with static lifetime.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_one_line_without_the_names_of_functions() {
        assert_eq!(tidy("llama_model_load: error loading model: missing tensor 'a.b'\n"), "missing tensor 'a.b'");
        assert_eq!(tidy("gguf_init: tensor data: out of\n bounds"), "tensor data: out of bounds");
        assert_eq!(tidy("plain"), "plain");
    }

    #[test]
    fn a_cause_names_no_functions_and_repeats_no_long_text() {
        assert!(plain("std::bad_alloc").starts_with("there is not enough memory"));
        for thrown in [
            "basic_string::substr: __pos (which is 3) > this->size() (which is 1)",
            "vector::_M_range_check: __n (which is 9) >= this->size() (which is 9)",
            "_Map_base::at",
            "unordered_map::at: key not found",
            "stoi",
        ] {
            assert!(plain(thrown).starts_with("it is damaged: "), "{thrown}");
        }
        assert_eq!(plain("missing tensor 'a.b'"), "missing tensor 'a.b'");
        assert_eq!(plain(&format!("unknown model architecture: '{}'", "x".repeat(11_000))).chars().count(), 160);
    }

    #[test]
    fn the_first_error_is_the_cause_and_the_last_warnings_are_heard() {
        let ((), cause) = overheard("a test", || {
            let many = std::iter::repeat_n((sys::GGML_LOG_LEVEL_WARN, c"f: a warning\n"), 100);
            for (level, text) in many.chain([(sys::GGML_LOG_LEVEL_WARN, c"failed to mlock\n")]) {
                // SAFETY: terminated strings.
                unsafe { hear(level, text.as_ptr(), std::ptr::null_mut()) };
            }
        });
        assert_eq!((cause.as_deref(), heard("mlock"), heard("a warning")), (Some("failed to mlock"), true, true));
        let ((), cause) = overheard("a test", || {
            for (level, text) in [
                (sys::GGML_LOG_LEVEL_WARN, c"f: a warning\n"),
                (sys::GGML_LOG_LEVEL_ERROR, c"g: the cause\n"),
                (sys::GGML_LOG_LEVEL_ERROR, c"h: failed\n"),
            ] {
                // SAFETY: terminated strings.
                unsafe { hear(level, text.as_ptr(), std::ptr::null_mut()) };
            }
        });
        assert_eq!(cause.as_deref(), Some("the cause"));
        assert_eq!((overheard("a test", || ()).1, heard("mlock")), (None, false));
    }

    #[test]
    fn an_abort_says_its_last_words_and_nothing_else() {
        let law = "llama::backend::tests::aborts";
        let program = std::env::current_exe().unwrap();
        let output = std::process::Command::new(program).args(["--exact", law, "--ignored", "--nocapture"]).output();
        let output = output.unwrap();
        assert!(!output.status.success());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "last words: here:7: GGML_ASSERT(sane) failed\n");
    }

    #[test]
    #[ignore = "ends its process; the test above runs it in one of its own"]
    fn aborts() {
        on_abort(|message| eprintln!("last words: {message}"));
        // SAFETY: terminated strings, and a format without arguments.
        unsafe { sys::ggml_abort(c"here".as_ptr(), 7, c"GGML_ASSERT(sane) failed".as_ptr()) };
    }

    /// An exception meets a fence where it may unwind, and the last handler of the C++ runtime where it may not.
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn an_exception_says_that_it_was_thrown_and_nothing_else() {
        for law in ["throws", "terminates"] {
            let law = format!("llama::backend::tests::{law}");
            let program = std::env::current_exe().unwrap();
            let output = std::process::Command::new(program).args(["--exact", &law, "--ignored", "--nocapture"]).output();
            let output = output.unwrap();
            assert_eq!(output.status.code(), Some(3), "{law}");
            let said = "last words: it failed at being tested\n";
            assert_eq!(String::from_utf8_lossy(&output.stderr), said, "{law}");
        }
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(clippy::exit, reason = "behind this call the process aborts, and a test asks with what code it ended")]
    fn last_words(message: &str) {
        eprintln!("last words: {message}");
        std::process::exit(3);
    }

    #[test]
    #[ignore = "ends its process; a test above runs it in one of its own"]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn throws() {
        unsafe extern "C-unwind" {
            #[link_name = "_ZSt17__throw_bad_allocv"]
            fn throw_bad_alloc();
        }
        on_abort(last_words);
        // SAFETY: a function of the C++ library without arguments, declared as what it is: it unwinds.
        fenced("being tested", || unsafe { throw_bad_alloc() });
    }

    #[test]
    #[ignore = "ends its process; a test above runs it in one of its own"]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn terminates() {
        unsafe extern "C" {
            #[link_name = "_ZSt9terminatev"]
            fn terminate() -> !;
        }
        on_abort(last_words);
        // SAFETY: a function of the C++ library without arguments, which calls the last handler and never returns.
        fenced("being tested", || unsafe { terminate() });
    }

    #[test]
    fn the_build_names_both_libraries() {
        assert!(build().starts_with("llama.cpp ") && build().contains("ggml "));
    }
}
