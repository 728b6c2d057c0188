//! How far a load is, for whoever wants to watch it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::pool::{LockWait, ServerProgress, Session};

use super::load::CopyReport;
use super::options::CopyInOptions;

/// How often the server is asked, unless [`Progress::with_interval`] says otherwise.
const INTERVAL: Duration = Duration::from_millis(250);

/// The sending end of a load's progress: goes into [`CopyInOptions::progress`](crate::CopyInOptions::progress).
///
/// What the client hands over is told when it is. What the server makes of it is asked a few times a second over the
/// control connection, which is none of the pool's, by a task that ends with the load; when nobody holds the receiver any
/// more it ends too. A load without a `Progress` asks nothing. Where the server cannot be asked the load goes on, and
/// [`LoadProgress::server`] stays as it was.
#[derive(Debug, Clone)]
pub struct Progress {
    told: Arc<watch::Sender<LoadProgress>>,
    interval: Duration,
}

impl Progress {
    /// Makes both ends. The receiver is one of tokio's: it always shows the newest state, and `changed` waits for another.
    ///
    /// It can be cloned, and outlives the load; once the load and its options are gone `changed` is an error.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::{CopyInOptions, Progress};
    ///
    /// let (progress, mut seen) = Progress::channel();
    /// let bar = tokio::spawn(async move {
    ///     while seen.changed().await.is_ok() {
    ///         // 42 % of 1000000 rows, 12.3 MiB, 81200 rows/s, 7 s left
    ///         eprint!("\r\x1b[K{}", *seen.borrow_and_update());
    ///     }
    ///     eprintln!();
    /// });
    /// let options = CopyInOptions::default().expected_rows(users.len() as u64).progress(progress);
    /// let loaded = db.repository::<User>().copy_in_with(users, options).await;
    /// // The load and its options are gone, and with them the bar.
    /// let _drawn = bar.await;
    /// println!("{} rows", loaded?.rows);
    /// # Ok(())
    /// # }
    /// ```
    pub fn channel() -> (Self, watch::Receiver<LoadProgress>) {
        let (told, seen) = watch::channel(LoadProgress::default());
        (Self { told: Arc::new(told), interval: INTERVAL }, seen)
    }

    /// Asks the server so often; 250 ms where this is not called, 10 ms at the least.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use pgrepo::{CopyInOptions, Progress};
    ///
    /// let (progress, seen) = Progress::channel();
    /// let options = CopyInOptions::default().progress(progress.with_interval(Duration::from_secs(1)));
    /// assert_eq!(seen.borrow().rows_sent, 0);
    /// ```
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(10));
        self
    }

    /// A load begins: whatever was told of one before is forgotten.
    fn begin(&self, expected_rows: Option<u64>) {
        let began = Some(Instant::now());
        self.told.send_replace(LoadProgress { began, expected_rows, ..LoadProgress::default() });
    }

    /// The server waits for rows; of a load in batches it may be the next one's.
    pub(crate) fn sending(&self) {
        self.tell(|now| {
            now.phase = LoadPhase::Sending;
            now.sending_since.get_or_insert_with(Instant::now);
        });
    }

    /// So many rows and bytes have been handed over by now.
    pub(crate) fn sent(&self, rows: u64, bytes: u64) {
        self.tell(|now| (now.rows_sent, now.bytes_sent) = (rows, bytes));
    }

    /// All rows have been handed over.
    pub(crate) fn finishing(&self) {
        self.tell(|now| now.phase = LoadPhase::Finishing);
    }

    /// Changes what is told, unless that is the last word.
    fn tell(&self, change: impl FnOnce(&mut LoadProgress)) {
        tell(&self.told, change);
    }
}

fn tell(told: &watch::Sender<LoadProgress>, change: impl FnOnce(&mut LoadProgress)) {
    told.send_if_modified(|now| {
        if now.phase.is_over() {
            return false;
        }
        change(now);
        now.elapsed = now.began.map_or(Duration::ZERO, |began| began.elapsed());
        now.sending = now.sending_since.map_or(Duration::ZERO, |since| since.elapsed());
        true
    });
}

impl PartialEq for Progress {
    /// Whether both tell the same receivers.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.told, &other.told) && self.interval == other.interval
    }
}

impl Eq for Progress {}

/// Where a load stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadPhase {
    /// It waits for a connection, or for its table, or has not begun.
    #[default]
    Starting,
    /// Rows are handed over.
    Sending,
    /// All rows have been handed over; the server stores the last of them, checks what is checked at the end, and commits.
    Finishing,
    /// All rows are stored; in a transaction they are when that is committed.
    Stored,
    /// It failed, was aborted or was dropped. Nothing of it is stored but the batches that were
    /// [committed by themselves](crate::Commit::EachBatch), whose rows [`LoadProgress::rows_stored`] counts. What was being
    /// committed then may be stored too: the whole of a load that was [`Finishing`](Self::Finishing), or one more batch;
    /// [`Error::committed`](crate::Error::committed) and [`Error::fault_class`](crate::Error::fault_class) say what is known.
    Failed,
}

impl LoadPhase {
    /// Whether nothing comes any more.
    ///
    /// # Examples
    /// ```
    /// assert!(pgrepo::LoadPhase::Stored.is_over());
    /// assert!(!pgrepo::LoadPhase::Finishing.is_over());
    /// ```
    pub fn is_over(self) -> bool {
        matches!(self, Self::Stored | Self::Failed)
    }
}

/// How far a load is: see [`Progress`]. Displayed it is one line for a terminal.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LoadProgress {
    /// Where it stands.
    pub phase: LoadPhase,
    /// The rows that were handed over to the connection, in pieces of some 32 KiB.
    pub rows_sent: u64,
    /// The bytes of COPY data that were.
    pub bytes_sent: u64,
    /// How many rows are to come, where that was [announced](crate::CopyInOptions::expected_rows).
    pub expected_rows: Option<u64>,
    /// What the server has processed, when it was asked last. `None` until then, and always before PostgreSQL 14, or
    /// where `track_activities` is off.
    pub server: Option<ServerProgress>,
    /// What the load waits for, when the server was asked last.
    pub waiting_for: Option<LockWait>,
    /// The rows that are stored, once it is over: what [`CopyReport::rows`] says. With a
    /// [commit of each batch](crate::Commit::EachBatch) those that are committed so far.
    pub rows_stored: u64,
    /// The time since the load began, when this was told.
    pub elapsed: Duration,
    began: Option<Instant>,
    sending_since: Option<Instant>,
    sending: Duration,
}

impl LoadProgress {
    /// The rows that are done with: those that the server has processed or left out, as far as it tells, else those that
    /// were handed over.
    ///
    /// # Examples
    /// ```
    /// let (_progress, seen) = pgrepo::Progress::channel();
    /// assert_eq!(seen.borrow().rows_done(), 0);
    /// ```
    pub fn rows_done(&self) -> u64 {
        match (&self.server, self.phase) {
            (Some(server), LoadPhase::Starting | LoadPhase::Sending | LoadPhase::Finishing) => {
                server.rows_processed.saturating_add(server.rows_excluded).min(self.rows_sent)
            }
            _ => self.rows_sent,
        }
    }

    /// The rows done for each second since the first one could be sent; 0 before.
    ///
    /// # Examples
    /// ```
    /// let (_progress, seen) = pgrepo::Progress::channel();
    /// assert_eq!(seen.borrow().rows_per_second(), 0.0);
    /// ```
    pub fn rows_per_second(&self) -> f64 {
        per_second(self.rows_done(), self.sending)
    }

    /// The bytes handed over for each second since the first one could be sent; 0 before.
    ///
    /// # Examples
    /// ```
    /// let (_progress, seen) = pgrepo::Progress::channel();
    /// assert_eq!(seen.borrow().bytes_per_second(), 0.0);
    /// ```
    pub fn bytes_per_second(&self) -> f64 {
        per_second(self.bytes_sent, self.sending)
    }

    /// The share of the announced rows that is done, from 0 to 1.
    ///
    /// # Examples
    /// ```
    /// let (_progress, seen) = pgrepo::Progress::channel();
    /// assert_eq!(seen.borrow().share(), None, "nothing was announced");
    /// ```
    pub fn share(&self) -> Option<f64> {
        let expected = self.expected_rows?;
        Some(if expected == 0 { 1.0 } else { (float(self.rows_done()) / float(expected)).min(1.0) })
    }

    /// How long the rest takes, if it goes on as so far; `None` where the number of rows was not announced, or none is
    /// done yet.
    ///
    /// # Examples
    /// ```
    /// let (_progress, seen) = pgrepo::Progress::channel();
    /// assert_eq!(seen.borrow().estimate(), None, "nothing was announced");
    /// ```
    pub fn estimate(&self) -> Option<Duration> {
        let left = self.expected_rows?.saturating_sub(self.rows_done());
        let rate = self.rows_per_second();
        if rate > 0.0 { Duration::try_from_secs_f64(float(left) / rate).ok() } else { None }
    }
}

impl fmt::Display for LoadProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.share(), self.expected_rows) {
            (Some(share), Some(expected)) => write!(f, "{:.0} % of {expected} rows", (share * 100.0).floor())?,
            _ => write!(f, "{} rows", self.rows_done())?,
        }
        write!(f, ", {:.1} MiB, {:.0} rows/s", float(self.bytes_sent) / 1_048_576.0, self.rows_per_second())?;
        match self.phase {
            LoadPhase::Stored => return write!(f, ", stored {} in {:.1?}", self.rows_stored, self.elapsed),
            LoadPhase::Failed => return write!(f, ", failed after {:.1?}", self.elapsed),
            _ => {}
        }
        if let Some(left) = self.estimate() {
            write!(f, ", {} s left", left.as_secs())?;
        }
        if let Some(LockWait { on, sessions, .. }) = &self.waiting_for {
            write!(f, ", waits for a lock ({on})")?;
            for (i, session) in sessions.iter().enumerate() {
                write!(f, "{}{session}", if i == 0 { " of session " } else { ", " })?;
            }
        }
        Ok(())
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 { float(count) / seconds } else { 0.0 }
}

#[allow(clippy::cast_precision_loss, reason = "for people to read")]
fn float(count: u64) -> f64 {
    count as f64
}

/// A load that is followed: dropped before its rows are stored, it has failed.
#[derive(Debug, Default)]
pub(crate) struct Following {
    progress: Option<Progress>,
    asking: Option<AbortHandle>,
}

impl Following {
    /// A load with these options begins.
    pub(super) fn begin(options: &CopyInOptions) -> Self {
        Self::of(options.progress.as_ref(), options.expected_rows)
    }

    /// A load, or a merge, begins of which somebody may want to know how far it is.
    pub(super) fn of(progress: Option<&Progress>, expected_rows: Option<u64>) -> Self {
        if let Some(progress) = progress {
            progress.begin(expected_rows);
        }
        Self { progress: progress.cloned(), asking: None }
    }

    /// Who wants to know how far it is.
    pub(super) fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref()
    }

    /// Asks the server what the session does, from now until the load is over or another session is asked about. Only of one
    /// whole COPY its count of rows is the load's.
    pub(super) fn ask(&mut self, session: Option<&Session>, whole: bool) {
        let (Some(progress), Some(session)) = (&self.progress, session) else { return };
        let (told, interval) = (Arc::clone(&progress.told), progress.interval);
        let (control, who) = (Arc::clone(&session.control), session.who.clone());
        let asking = session.runtime.spawn(async move {
            while !told.is_closed() {
                sleep(interval).await;
                // What was not answered is not known: what was told last stands.
                let Some(seen) = control.look(&who).await else { continue };
                tell(&told, |now| {
                    now.waiting_for = seen.waits;
                    if whole {
                        now.server = seen.copied.or(now.server);
                    }
                });
            }
        });
        if let Some(before) = self.asking.replace(asking.abort_handle()) {
            before.abort();
        }
    }

    /// So many rows are stored by now.
    pub(super) fn committed(&self, rows: u64) {
        if let Some(progress) = &self.progress {
            progress.tell(|now| now.rows_stored = rows);
        }
    }

    /// The rows are stored.
    pub(super) fn stored(&self, report: &CopyReport) {
        if let Some(progress) = &self.progress {
            progress.tell(|now| {
                (now.phase, now.waiting_for) = (LoadPhase::Stored, None);
                (now.rows_stored, now.bytes_sent) = (report.rows, report.bytes);
            });
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(asking) = &self.asking {
            asking.abort();
        }
        if let Some(progress) = &self.progress {
            progress.tell(|now| (now.phase, now.waiting_for) = (LoadPhase::Failed, None));
        }
    }
}
