//! Ctrl-C: what is told is kept, and what has nothing to keep ends at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::decode::Cancel;

/// Whether Ctrl-C was pressed. The first time it ends the story, the second time the program.
pub fn interrupted() -> bool {
    interruption().is_cancelled()
}

/// What Ctrl-C was to end has ended: the next one is the first again.
pub fn heed() {
    interruption().reset();
}

/// Whether Ctrl-C ends the program the first time: something runs that does not ask, and there is nothing to keep.
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// Whether what is done from here on does not ask whether it was interrupted: then Ctrl-C ends the program.
pub fn deaf(is: bool) {
    interruption();
    AT_ONCE.store(is, Ordering::Relaxed);
}

/// Does what does not ask.
pub fn at_once<T>(deed: impl FnOnce() -> T) -> T {
    deaf(true);
    let done = deed();
    deaf(false);
    done
}

/// Ends the process at once, whatever its threads are doing. The usual way out first takes down what C++ has set up, under the feet
/// of threads that still compute.
#[allow(clippy::exit, reason = "there is nothing to clean up where this is called")]
pub fn leave(code: i32) -> ! {
    #[cfg(unix)]
    signal_hook::low_level::exit(code);
    #[cfg(not(unix))]
    std::process::exit(code)
}

/// The flag that Ctrl-C sets.
pub fn interruption() -> &'static Cancel {
    static PRESSED: OnceLock<Cancel> = OnceLock::new();
    PRESSED.get_or_init(|| {
        let pressed = Cancel::new();
        let set = pressed.clone();
        // A second Ctrl-C means now, and the first one's cleaning up is what it would wait for.
        let handler = move || {
            if set.cancel() || AT_ONCE.load(Ordering::Relaxed) {
                leave(130);
            }
        };
        // Where no handler can be set, Ctrl-C ends the program as it always did.
        let _ = ctrlc::set_handler(handler);
        pressed
    })
}
