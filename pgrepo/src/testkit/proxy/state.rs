use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::plan::{Cuts, Ending, Plan};

/// What the handles order and what the connections report.
#[derive(Debug)]
pub(super) struct State {
    pub(super) plan: watch::Sender<Plan>,
    cuts: Mutex<Cuts>,
    open: Mutex<HashMap<u64, watch::Sender<Option<Ending>>>>,
    pub(super) connections: AtomicU64,
    pub(super) to_server: AtomicU64,
    pub(super) to_client: AtomicU64,
    messages: [AtomicU64; 256],
    endings: [AtomicU64; 256],
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            plan: watch::Sender::new(Plan::default()),
            cuts: Mutex::default(),
            open: Mutex::default(),
            connections: AtomicU64::new(0),
            to_server: AtomicU64::new(0),
            to_client: AtomicU64::new(0),
            messages: std::array::from_fn(|_| AtomicU64::new(0)),
            endings: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    pub(super) fn cuts(&self) -> MutexGuard<'_, Cuts> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open(&self) -> MutexGuard<'_, HashMap<u64, watch::Sender<Option<Ending>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count_message(&self, kind: u8) {
        self.messages[usize::from(kind)].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that the proxy ended, under the last message that it had forwarded.
    pub(super) fn count_ending(&self, last: u8) {
        self.endings[usize::from(last)].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> ProxyCounts {
        let all = |counters: &[AtomicU64; 256]| counters.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        ProxyCounts {
            connections: self.connections.load(Ordering::Relaxed),
            open: self.open().len(),
            to_server: self.to_server.load(Ordering::Relaxed),
            to_client: self.to_client.load(Ordering::Relaxed),
            messages: all(&self.messages),
            endings: all(&self.endings),
        }
    }
}

/// What has passed through a proxy so far.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyCounts {
    /// Connections that clients opened.
    pub connections: u64,
    /// Those of them that are open now.
    pub open: usize,
    /// Bytes forwarded to the server.
    pub to_server: u64,
    /// Bytes forwarded to clients.
    pub to_client: u64,
    messages: Vec<u64>,
    endings: Vec<u64>,
}

impl ProxyCounts {
    /// Returns how many frontend messages with this type byte were forwarded; 0 stands for the packets before the startup's
    /// end. Encrypted connections count only these.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// println!("{} messages of COPY data", proxy.counts().messages(b'd'));
    /// # }
    /// ```
    pub fn messages(&self, kind: u8) -> u64 {
        self.messages[usize::from(kind)]
    }

    /// Returns how many connections the proxy ended while this was the last message forwarded: the phase that was hit.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// println!("{} connections ended in the middle of a COPY", proxy.counts().endings_after(b'd'));
    /// # }
    /// ```
    pub fn endings_after(&self, kind: u8) -> u64 {
        self.endings[usize::from(kind)]
    }

    /// Returns how many connections the proxy ended by [`Cut`](super::Cut)s and [`end_all`](super::Faults::end_all).
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// assert_eq!(proxy.counts().endings(), 0);
    /// # }
    /// ```
    pub fn endings(&self) -> u64 {
        self.endings.iter().sum()
    }
}
