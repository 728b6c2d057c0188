use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::Connection;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::config::DbConfig;
use crate::error::{Error, ErrorKind, FaultClass, Result};
use crate::observe::About;

use super::connect::Session;
use super::control::Control;
use super::hook::AfterConnect;
use super::places::{Place, Places};
use super::status::{Counters, PoolStatus, Reason};

/// How long a connection that has idled may take to answer: one that takes longer is better made anew.
const PING: Duration = Duration::from_secs(1);

/// After how long what is unanswered and given up speaks against all connections that idle.
const SILENCE: Duration = Duration::from_millis(250);

/// What all clones of a database share: the connections that idle, and the places of those that are lent.
///
/// An operation takes a slot first, in the order of asking, then the connection that came back last, so that those which
/// are not needed age and are closed. Who finds none makes one, for which a session must have been ended for certain.
pub(super) struct Pool {
    pub(super) config: DbConfig,
    pub(super) control: Arc<Control>,
    /// What is said of the database.
    pub(super) about: Arc<About>,
    after_connect: Option<Box<AfterConnect>>,
    slots: Arc<Places>,
    sessions: Arc<Places>,
    idle: Mutex<Idle>,
    /// One connection at a time is replaced because of its age: the others are lent for as long.
    renewal: Semaphore,
    waiting: AtomicUsize,
    made: Instant,
    /// Microseconds after `made`: who has idled since before then is pinged first.
    doubtful_before: AtomicU64,
    pub(super) counters: Counters,
    reaper: OnceLock<AbortHandle>,
}

#[derive(Default)]
struct Idle {
    /// Whoever came back last stands last.
    #[allow(clippy::vec_box, reason = "a session is large, and is passed on as a box each time that it is lent")]
    sessions: Vec<Box<Session>>,
    closed: bool,
}

impl Pool {
    /// Must be called on a runtime.
    pub(super) fn new(config: DbConfig, after_connect: Option<Box<AfterConnect>>, about: Arc<About>) -> Arc<Self> {
        let max = config.max_connections;
        let pool = Arc::new(Self {
            control: Arc::new(Control::new(config.clone())),
            about,
            after_connect,
            slots: Places::new(max),
            sessions: Places::new(max),
            idle: Mutex::default(),
            renewal: Semaphore::new(1),
            waiting: AtomicUsize::new(0),
            made: Instant::now(),
            doubtful_before: AtomicU64::new(0),
            counters: Counters::default(),
            reaper: OnceLock::new(),
            config,
        });
        if let Some(limit) = pool.config.max_idle {
            let reaper = tokio::spawn(reap(Arc::downgrade(&pool), limit));
            pool.reaper.get_or_init(|| reaper.abort_handle());
        }
        pool
    }

    /// Lends a connection.
    pub(super) async fn lend(self: &Arc<Self>) -> Result<Lent> {
        let slot = self.slot().await?;
        let session = match self.idle_one().await {
            Some(session) => session,
            None => {
                let place = self.sessions.take().await.map_err(|_| closed())?;
                // In a box: it is large, and a part of every operation's future, which seldom needs it.
                Box::pin(self.open(place)).await?
            }
        };
        self.counters.acquired();
        Ok(Lent { pool: Arc::clone(self), session, slot })
    }

    /// Takes a slot, or waits for one unless too many others do.
    async fn slot(&self) -> Result<Place> {
        if let Some(slot) = self.slots.try_take() {
            return Ok(slot);
        }
        if self.slots.is_closed() {
            return Err(closed());
        }
        let _waiting = Waiting::among(self)?;
        self.slots.take().await.map_err(|_| closed())
    }

    /// An idle connection that may be used.
    async fn idle_one(&self) -> Option<Box<Session>> {
        loop {
            let mut session = self.idle().sessions.pop()?;
            let now = Instant::now();
            let idled = now.saturating_duration_since(session.touched);
            if self.config.max_idle.is_some_and(|limit| idled > limit) {
                self.close_one(session, Reason::Idling);
                continue;
            }
            if session.expires.is_some_and(|at| at <= now)
                && let Ok(_renewal) = self.renewal.try_acquire()
            {
                self.counters.closed(Reason::Age);
                match self.renew(*session).await {
                    Ok(session) => return Some(session),
                    // Another one may be there; else the next attempt tells why there is none.
                    Err(error) => {
                        tracing::warn!(?error, "a connection that was too old could not be replaced");
                        continue;
                    }
                }
            }
            let doubtful = idled > self.config.idle_check || session.touched <= self.doubtful_before();
            if !doubtful || Box::pin(self.answers(&mut session)).await {
                session.touched = now;
                return Some(session);
            }
        }
    }

    async fn renew(&self, old: Session) -> Result<Box<Session>> {
        let place = match old.retire() {
            Some(place) => place,
            None => self.sessions.take().await.map_err(|_| closed())?,
        };
        Box::pin(self.open(place)).await
    }

    async fn open(&self, place: Place) -> Result<Box<Session>> {
        let session = Session::open(&self.config, self.after_connect.as_deref(), &self.control, &self.about, place)
            .await
            .map_err(Error::connecting)?;
        self.counters.opened();
        Ok(session)
    }

    async fn answers(&self, session: &mut Session) -> bool {
        let mut asked = Asked { pool: self, since: Instant::now(), heard: None };
        let answer = timeout(self.config.connect_timeout.min(PING), session.conn.ping()).await;
        asked.heard = answer.ok().map(|answer| answer.is_ok());
        asked.heard == Some(true)
    }

    fn close_one(&self, session: Box<Session>, reason: Reason) {
        self.counters.closed(reason);
        drop(session);
    }

    fn close_all(&self, sessions: impl IntoIterator<Item = Box<Session>>, reason: Reason) {
        for session in sessions {
            self.close_one(session, reason);
        }
    }

    fn doubtful_before(&self) -> Instant {
        self.made + Duration::from_micros(self.doubtful_before.load(Ordering::Relaxed))
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what has idled for too long; those that have idled longest stand first.
    fn reap(&self, limit: Duration) {
        let mut idle = self.idle();
        let old = idle.sessions.iter().take_while(|session| session.touched.elapsed() > limit).count();
        let old: Vec<_> = idle.sessions.drain(..old).collect();
        drop(idle);
        self.close_all(old, Reason::Idling);
    }

    /// Changes the most connections that there may be.
    pub(super) fn resize(&self, max: usize) -> Result<()> {
        let mut idle = self.idle();
        if idle.closed {
            return Err(closed());
        }
        self.slots.resize(max);
        self.sessions.resize(max);
        let surplus = self.sessions.surplus().min(idle.sessions.len());
        let surplus: Vec<_> = idle.sessions.drain(..surplus).collect();
        drop(idle);
        self.close_all(surplus, Reason::Size);
        Ok(())
    }

    /// Closes what idles, lends nothing any more, and waits until all that is lent has come back and what is being ended
    /// has ended, but no longer than the limit; returns how many are left.
    pub(super) async fn close(&self, limit: Duration) -> usize {
        let sessions = {
            let mut idle = self.idle();
            idle.closed = true;
            self.slots.close();
            self.sessions.close();
            std::mem::take(&mut idle.sessions)
        };
        self.close_all(sessions, Reason::Size);
        if let Some(reaper) = self.reaper.get() {
            reaper.abort();
        }
        let all_back = timeout(limit, async {
            self.slots.all_back().await;
            self.sessions.all_back().await;
        });
        if all_back.await.is_ok() {
            self.control.close();
        }
        self.sessions.taken().max(self.slots.taken())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.slots.is_closed()
    }

    pub(super) fn max(&self) -> usize {
        self.slots.max()
    }

    pub(super) fn status(&self) -> PoolStatus {
        let (idle, in_use) = (self.idle().sessions.len(), self.slots.taken());
        self.counters.complete(PoolStatus {
            max: if self.is_closed() { 0 } else { self.max() },
            idle,
            in_use,
            waiting: self.waiting.load(Ordering::Relaxed),
            ..PoolStatus::default()
        })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(reaper) = self.reaper.get() {
            reaper.abort();
        }
    }
}

/// Closes what idles for too long, for as long as there is the pool.
async fn reap(pool: Weak<Pool>, limit: Duration) {
    // Often enough that nothing idles for much longer, seldom enough to cost nothing.
    let pause = (limit / 4).clamp(Duration::from_millis(50), Duration::from_secs(60));
    loop {
        sleep(pause).await;
        match pool.upgrade() {
            Some(pool) => pool.reap(limit),
            None => return,
        }
    }
}

/// One of the operations that wait.
struct Waiting<'p> {
    pool: &'p Pool,
    since: Instant,
}

impl<'p> Waiting<'p> {
    fn among(pool: &'p Pool) -> Result<Self> {
        let most = pool.config.max_waiting.unwrap_or(usize::MAX);
        let one_more = |waiting: usize| (waiting < most).then_some(waiting + 1);
        if pool.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_err() {
            pool.counters.rejected();
            let message =
                format!("{most} operations wait for a connection already, which is max_waiting: nothing was sent");
            return Err(Error::new(ErrorKind::Overload, message).of_fault(FaultClass::Overload));
        }
        Ok(Self { pool, since: Instant::now() })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.pool.waiting.fetch_sub(1, Ordering::Relaxed);
        let waited = self.since.elapsed();
        self.pool.counters.waited(waited);
        self.pool.about.figures().waited(waited);
    }
}

/// A ping. One that nothing is heard of for long, also because whoever asked gives up, speaks against all connections
/// that idle: each would cost somebody as long.
struct Asked<'p> {
    pool: &'p Pool,
    since: Instant,
    /// Whether the connection is good, once that is known.
    heard: Option<bool>,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if self.heard != Some(true) {
            self.pool.counters.closed(Reason::Silence);
        }
        if self.heard.is_none() && self.since.elapsed() >= SILENCE {
            let silent = std::mem::take(&mut self.pool.idle().sessions);
            self.pool.close_all(silent, Reason::Silence);
        }
    }
}

/// A connection on loan.
pub(super) struct Lent {
    pool: Arc<Pool>,
    pub(super) session: Box<Session>,
    slot: Place,
}

impl Lent {
    /// Whether no other connection of the pool is on loan or waited for.
    pub(super) fn is_alone(&self) -> bool {
        self.pool.slots.taken() <= 1 && self.pool.waiting.load(Ordering::Relaxed) == 0
    }

    /// Whatever idles now is pinged before it is lent.
    pub(super) fn doubt_others(&self) {
        let micros = u64::try_from(self.pool.made.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.pool.doubtful_before.fetch_max(micros, Ordering::Relaxed);
    }

    /// Gives it back, for others.
    pub(super) fn give_back(self) {
        let Self { pool, mut session, slot } = self;
        session.touched = Instant::now();
        let mut idle = pool.idle();
        if idle.closed || pool.sessions.surplus() > 0 {
            drop(idle);
            pool.close_one(session, Reason::Size);
        } else {
            idle.sessions.push(session);
            drop(idle);
        }
        drop(slot);
    }

    /// Takes it out of the pool, which is to make another.
    pub(super) fn take_out(self) -> Session {
        self.pool.counters.closed(Reason::Use);
        // Most often a deadline: of the server, which is slow, or of a network that is silent for the others as well.
        if self.session.touched.elapsed() >= SILENCE {
            self.doubt_others();
        }
        *self.session
    }
}

pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Connection, "the pool is closed").of_fault(FaultClass::Fatal)
}
