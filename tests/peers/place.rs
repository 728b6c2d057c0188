//! On which processors the client and the server run.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use pgrepo::testkit::Server;

use crate::task::Result;

/// Where client and server run. Waking another processor costs several times what the protocol does, so what is made
/// of round trips is measured in both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Wherever the system puts them.
    Free,
    /// Both on the first processor.
    One,
    /// The server on the first, the client on the second.
    Two,
}

impl Placement {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::One => "one processor",
            Self::Two => "two processors",
        }
    }

    /// The client's processor.
    pub(crate) fn client(self) -> Option<usize> {
        match self {
            Self::Free => None,
            Self::One => Some(0),
            Self::Two => Some(1),
        }
    }

    /// Holds the server's next sessions.
    pub(crate) fn hold(self, server: &Server) -> Result<()> {
        let file = server.data_dir().ok_or("the server is not a private one")?.join("postmaster.pid");
        let text = std::fs::read_to_string(file)?;
        let postmaster = text.lines().next().ok_or("the server has no process id")?.trim().parse()?;
        let processor = if self == Self::Free { None } else { Some(0) };
        hold(Pid::from_raw(postmaster), processor)
    }
}

/// Holds a process, and those that it starts from now on, on one processor or on none.
pub(crate) fn hold(process: Pid, processor: Option<usize>) -> Result<()> {
    let mut set = CpuSet::new();
    let count = std::thread::available_parallelism()?.get();
    for one in 0..count {
        if processor.is_none_or(|only| only == one) {
            set.set(one)?;
        }
    }
    Ok(sched_setaffinity(process, &set)?)
}

/// Holds this process.
pub(crate) fn hold_this(processor: Option<usize>) -> Result<()> {
    match processor {
        Some(_) => hold(Pid::from_raw(0), processor),
        None => Ok(()),
    }
}
