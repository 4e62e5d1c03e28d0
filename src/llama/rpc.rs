//! llama.cpp's RPC: devices of other machines among those of this one, and this machine's devices for others.
//!
//! Its header is not among the bindings, so its functions are asked for by name; their forms are those of the pinned sources, and a test
//! holds them against these. What answers is to be asked before whether it is a worker: llama.cpp ends the process where it is none.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_char, c_void};
use std::net::SocketAddrV4;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use llama_cpp_sys_2 as sys;

use super::backend::{backend, fenced};

/// Adds the devices of a server, of this endpoint: `ggml_backend_rpc_add_server`.
type AddServer = unsafe extern "C" fn(endpoint: *const c_char) -> sys::ggml_backend_reg_t;

/// Serves these devices at an endpoint and does not return, if nothing fails: `ggml_backend_rpc_start_server`.
type StartServer = unsafe extern "C" fn(
    endpoint: *const c_char,
    cache_folder: *const c_char,
    threads: usize,
    count: usize,
    devices: *mut sys::ggml_backend_dev_t,
);

/// A function of the RPC backend, by its name.
fn function(name: &CStr) -> Result<*mut c_void> {
    backend()?;
    // SAFETY: terminated strings; both functions only look things up, and the registry lives as long as the process.
    let found = unsafe {
        let rpc = sys::ggml_backend_reg_by_name(c"RPC".as_ptr());
        ensure!(
            !rpc.is_null(),
            "this program was built without llama.cpp's RPC\nhint: build it in its own folder, whose `.cargo/config.toml` asks for it"
        );
        sys::ggml_backend_reg_get_proc_address(rpc, name.as_ptr())
    };
    ensure!(!found.is_null(), "llama.cpp's RPC has no function `{}`", name.to_string_lossy());
    Ok(found)
}

/// Puts the devices of these workers among those of this process, where they are not yet. They are found by the names `RPC0`, `RPC1` and so
/// on, and stay until it ends.
///
/// # Errors
/// The program was built without RPC; or a worker has no devices.
pub fn join(workers: &[SocketAddrV4]) -> Result<()> {
    static JOINED: Mutex<BTreeSet<SocketAddrV4>> = Mutex::new(BTreeSet::new());
    if workers.is_empty() {
        return Ok(());
    }
    let add = function(c"ggml_backend_rpc_add_server")?;
    // SAFETY: the function of this name has this form in the pinned sources.
    let add = unsafe { std::mem::transmute::<*mut c_void, AddServer>(add) };
    let mut joined = JOINED.lock().unwrap_or_else(PoisonError::into_inner);
    for worker in workers {
        if joined.contains(worker) {
            continue;
        }
        let endpoint = CString::new(worker.to_string()).context("an address is text")?;
        // SAFETY: a terminated string, of which llama.cpp takes a copy; what it returns lives as long as the process.
        let devices = fenced("joining a worker", || unsafe { add(endpoint.as_ptr()) });
        ensure!(!devices.is_null(), "the worker `{worker}` has no devices");
        // SAFETY: not null, and registered once.
        unsafe { sys::ggml_backend_register(devices) };
        joined.insert(*worker);
    }
    Ok(())
}

/// A device that can be lent, and its name.
struct Lent {
    device: sys::ggml_backend_dev_t,
    name: String,
}

/// Devices to lend: those of these names, or all GPUs and what else is beside the processor, or else the processor.
fn lent(names: Option<&[String]>) -> Result<Vec<Lent>> {
    backend()?;
    // SAFETY: indices below the count; devices and their names live as long as the process.
    let all = unsafe {
        (0..sys::ggml_backend_dev_count()).map(|index| {
            let device = sys::ggml_backend_dev_get(index);
            let is_processor = sys::ggml_backend_dev_type(device) == sys::GGML_BACKEND_DEVICE_TYPE_CPU;
            (Lent { device, name: super::backend::text_of(sys::ggml_backend_dev_name(device)) }, is_processor)
        })
    };
    let (processors, others): (Vec<_>, Vec<_>) = all.partition(|(_, is_processor)| *is_processor);
    let plain = |devices: Vec<(Lent, bool)>| devices.into_iter().map(|(lent, _)| lent).collect::<Vec<_>>();
    let Some(names) = names else {
        return Ok(plain(if others.is_empty() { processors } else { others }));
    };
    let mut all = plain([processors, others].into_iter().flatten().collect());
    let mut chosen = Vec::new();
    for name in names {
        let Some(at) = all.iter().position(|lent| lent.name.eq_ignore_ascii_case(name)) else {
            let there: Vec<String> = all.iter().map(|lent| format!("`{}`", lent.name)).collect();
            bail!("there is no device `{name}`\nhint: there is {}", there.join(", "));
        };
        chosen.push(all.remove(at));
    }
    Ok(chosen)
}

/// Computes for others at this address, one client at a time, with these devices or all; `begun` hears their names before. A folder keeps
/// what weights were sent, so that they need not be sent again. What llama.cpp prints of clients goes to standard error, if `logs`.
///
/// # Errors
/// It could not begin, or not go on; else it does not return.
pub fn serve(
    address: SocketAddrV4,
    devices: Option<&[String]>,
    threads: usize,
    cache: Option<&Path>,
    logs: bool,
    begun: impl FnOnce(&[String]),
) -> Result<()> {
    let start = function(c"ggml_backend_rpc_start_server")?;
    // SAFETY: the function of this name has this form in the pinned sources.
    let start = unsafe { std::mem::transmute::<*mut c_void, StartServer>(start) };
    let lent = lent(devices)?;
    let text = |path: &Path| {
        let path = path.to_str().context("the name of the folder for weights is not UTF-8")?;
        CString::new(path).context("the name of the folder for weights holds a NUL character")
    };
    let cache = cache.map(text).transpose()?;
    let endpoint = CString::new(address.to_string()).context("an address is text")?;
    let names: Vec<String> = lent.iter().map(|lent| lent.name.clone()).collect();
    let mut devices: Vec<sys::ggml_backend_dev_t> = lent.into_iter().map(|lent| lent.device).collect();
    begun(&names);
    print_elsewhere(logs);
    let folder = cache.as_ref().map_or(std::ptr::null(), |cache| cache.as_ptr());
    // SAFETY: terminated strings and a list of devices of the given length, all of which live until the call returns.
    fenced("computing for others", || unsafe {
        start(endpoint.as_ptr(), folder, threads, devices.len(), devices.as_mut_ptr());
    });
    bail!("llama.cpp does not serve at `{address}`")
}

/// Lets what C prints on standard output come on standard error, or nowhere: the one is for results, and there are none.
fn print_elsewhere(logs: bool) {
    #[cfg(unix)]
    {
        use std::os::fd::AsRawFd;
        let nowhere = std::fs::OpenOptions::new().write(true).open("/dev/null");
        let to = match &nowhere {
            Ok(nowhere) if !logs => nowhere.as_raw_fd(),
            _ => libc::STDERR_FILENO,
        };
        // SAFETY: both descriptors are open in this process; where it fails nothing is changed.
        unsafe { libc::dup2(to, libc::STDOUT_FILENO) };
    }
    #[cfg(not(unix))]
    let _ = logs;
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// The header of the bindings that are linked.
    fn header() -> String {
        // What only other platforms need was perhaps never fetched.
        let about = String::from_utf8(output_of(Command::new("rustc").arg("-vV"))).unwrap();
        let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let metadata = ["metadata", "--format-version=1", "--offline", "--filter-platform", host];
        let output = output_of(Command::new(env!("CARGO")).args(metadata));
        let metadata: serde_json::Value = serde_json::from_slice(&output).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let bindings = packages.iter().find(|package| package["name"] == "llama-cpp-sys-2").unwrap();
        let manifest = Path::new(bindings["manifest_path"].as_str().unwrap());
        std::fs::read_to_string(manifest.with_file_name("llama.cpp/ggml/include/ggml-rpc.h")).unwrap()
    }

    fn output_of(command: &mut Command) -> Vec<u8> {
        let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    #[test]
    fn the_functions_have_the_forms_of_the_pinned_sources() {
        let header: String = header().split_whitespace().collect::<Vec<_>>().join(" ");
        for line in [
            "#define RPC_PROTO_MAJOR_VERSION 7 ",
            "#define RPC_PROTO_MINOR_VERSION 0 ",
            "#define RPC_PROTO_PATCH_VERSION 0 ",
            "#define GGML_RPC_MAX_SERVERS 16 ",
            "void ggml_backend_rpc_start_server(const char * endpoint, const char * cache_dir, size_t n_threads, size_t n_devices, \
             ggml_backend_dev_t * devices);",
            "ggml_backend_reg_t ggml_backend_rpc_add_server(const char * endpoint);",
        ] {
            assert!(header.contains(line), "`{line}` is not in:\n{header}");
        }
    }

    #[test]
    fn a_device_that_is_not_there_cannot_be_lent() {
        let said = lent(Some(&["GPU99".to_owned()])).err().unwrap().to_string();
        assert!(said.starts_with("there is no device `GPU99`\nhint: there is ") && said.contains("`CPU`"), "{said}");
        assert_eq!(lent(Some(&["cpu".to_owned()])).unwrap().len(), 1);
        assert!(!lent(None).unwrap().is_empty());
    }
}
