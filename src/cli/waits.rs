//! How long the threads of a model spin where they wait for each other. Their library reads that before a program begins.

#[cfg(all(target_os = "linux", feature = "llama"))]
use std::env;
use std::ffi::OsString;

/// Turns that a thread spins at a barrier before it sleeps: some tenth of a millisecond.
///
/// The threads of llama.cpp meet some hundred times a token, at barriers of GNU's OpenMP, which spins 300,000 turns: where one
/// thread has no core, that is longer than the system would need to run it. With one of two cores busy, two threads then are
/// several times slower than one. With so few turns they are hardly slower than one there, and nearly as fast as ever on an
/// idle machine. Shorter waits, or sleep at once, cost more than they save.
#[cfg(all(target_os = "linux", feature = "llama"))]
const TURNS: &str = "3000";

/// Begins the program again, as the same process and with short waits, unless the environment says already how to wait. Where
/// that cannot be done it goes on as it is: slower on a busy machine, and otherwise alike.
pub fn shorten(typed: &[OsString]) {
    #[cfg(all(target_os = "linux", feature = "llama"))]
    {
        use std::os::unix::process::CommandExt;

        let says = |name| env::var_os(name).is_some();
        let (Some((name, args)), Ok(program)) = (typed.split_first(), env::current_exe()) else { return };
        if says("GOMP_SPINCOUNT") || says("OMP_WAIT_POLICY") || crate::llama::physical_cores() == 1 {
            return;
        }
        let _ = std::process::Command::new(program).arg0(name).args(args).env("GOMP_SPINCOUNT", TURNS).exec();
    }
    #[cfg(not(all(target_os = "linux", feature = "llama")))]
    let _ = typed;
}
