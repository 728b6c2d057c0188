//! A process's own memory, measured and limited, where the system is Linux.

use std::error::Error;

use rustix::process::{Resource, Rlimit, setrlimit};

/// All the memory that [`limit`] leaves to a process: everything that is mapped, its program too, touched or not.
pub const LIMIT: usize = 256 << 20;

/// The peak of resident memory so far, in KiB, without the pages of program files: these come and go with the system's
/// needs, and the more of a program is run.
///
/// # Errors
/// The system tells nothing of the kind.
pub fn peak() -> Result<u64, Box<dyn Error + Send + Sync>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kib = |name: &str| -> Result<u64, Box<dyn Error + Send + Sync>> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("it is not told")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    };
    Ok(kib("VmHWM:")? - kib("RssFile:")?)
}

/// Limits this process to [`LIMIT`] from here on, and sees that the system keeps to it.
///
/// # Errors
/// The system refuses the limit, or gives more all the same.
pub fn limit() -> Result<(), Box<dyn Error + Send + Sync>> {
    let bytes = Some(LIMIT as u64);
    setrlimit(Resource::As, Rlimit { current: bytes, maximum: bytes })?;
    if Vec::<u8>::new().try_reserve_exact(LIMIT).is_ok() {
        return Err("the system gives more memory than the limit".into());
    }
    Ok(())
}
