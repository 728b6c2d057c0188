//! One client that uploads without pause, and keeps account of what it was told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::client::{Answer, Client, ClientError};

use super::{Error, PATIENCE, lines};

/// The lines of a piece.
const PIECE: u64 = 250;

/// From this piece on an upload may be held open: several batches of it are in the table by then.
const OPEN: u64 = 9;

/// What a client was told of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It is stored.
    Stored,
    /// Nothing of it is stored.
    NotStored,
}

/// An upload of which is known what became of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) id: Uuid,
    pub(super) rows: u64,
    pub(super) told: Told,
}

/// An account of many uploads.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) records: Vec<Record>,
    /// Answers that said it is stored.
    pub(super) acknowledged: u64,
    /// Answers that said nothing is stored.
    pub(super) refused: u64,
    /// Those whose answer did not come, or said that it is not known.
    pub(super) lost: u64,
    /// Of these, those that were found stored by their id.
    pub(super) found: u64,
    /// Those that were sent a second time by the same id.
    pub(super) repeated: u64,
}

/// What the one who kills tells the uploaders, and is told.
#[derive(Clone)]
pub(super) struct Signals {
    /// How far uploads may go.
    pub(super) gate: watch::Receiver<Gate>,
    /// How many are held open: their bodies have begun and not ended.
    pub(super) held: watch::Sender<u64>,
    /// How long it took of late from the end of a body to its answer, in microseconds.
    pub(super) tail: Arc<AtomicU64>,
    /// It is over.
    pub(super) over: watch::Receiver<bool>,
}

/// How far uploads may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// To their ends.
    Open,
    /// To the last pieces of their bodies, the first uploader's not so far.
    Closed,
    /// All but the first uploader's to their ends, so that a kill meets them there.
    OneClosed,
}

pub(super) struct Uploader {
    client: Client,
    number: u64,
    signals: Signals,
}

impl Uploader {
    pub(super) fn new(address: SocketAddr, number: u64, signals: Signals) -> Self {
        Self { client: Client::new(address), number, signals }
    }

    /// Uploads until it is over.
    pub(super) async fn work(mut self) -> Result<Account, Error> {
        let mut account = Account::default();
        let mut upload = 0;
        while !*self.signals.over.borrow() {
            let (id, rows) = (Uuid::from_u128(fastrand::u128(..)), fastrand::u64(OPEN + 3..20) * PIECE);
            let mut told = self.once(&mut account, id, upload, rows).await?;
            if told == Told::NotStored && fastrand::bool() && !*self.signals.over.borrow() {
                account.repeated += 1;
                told = self.once(&mut account, id, upload, rows).await?;
            }
            account.records.push(Record { id, rows, told });
            upload += 1;
        }
        Ok(account)
    }

    async fn once(&mut self, account: &mut Account, id: Uuid, upload: u64, rows: u64) -> Result<Told, Error> {
        let (body, ended) = self.body(upload, rows);
        let sent = timeout(PATIENCE, self.client.upload(id, "application/x-ndjson", body)).await;
        let answer = sent.map_err(|_| format!("the upload {id} has no end"))?;
        if let (Ok(answer), Some(ended)) = (&answer, ended.get())
            && answer.status.is_success()
        {
            let micros = u64::try_from(ended.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.signals.tail.store(micros, Ordering::Relaxed);
        }
        match answer.map(|answer| (answer.status, answer)) {
            Ok((StatusCode::OK | StatusCode::CREATED, _)) => {
                account.acknowledged += 1;
                Ok(Told::Stored)
            }
            Ok((_, answer)) if answer.reason() != "outcome-unknown" => {
                account.refused += 1;
                // Nobody hurries while the database is away.
                sleep(Duration::from_millis(50)).await;
                Ok(Told::NotStored)
            }
            Ok(_) | Err(_) => {
                account.lost += 1;
                let told = self.ask(id).await?;
                account.found += u64::from(told == Told::Stored);
                Ok(told)
            }
        }
    }

    /// Asks what became of an upload until it is told.
    async fn ask(&mut self, id: Uuid) -> Result<Told, Error> {
        let began = Instant::now();
        loop {
            let asked: Result<Answer, ClientError> = self.client.get(&format!("/uploads/{id}")).await;
            match asked.map(|answer| answer.status) {
                Ok(StatusCode::OK) => return Ok(Told::Stored),
                Ok(StatusCode::NOT_FOUND) => return Ok(Told::NotStored),
                _ if began.elapsed() > PATIENCE => return Err(format!("nobody tells of the upload {id}").into()),
                _ => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// The body of an upload, in pieces, held open before its end as long as it has to; and when it ended.
    fn body(&self, upload: u64, rows: u64) -> (Body, Arc<OnceLock<Instant>>) {
        let ended = Arc::new(OnceLock::new());
        let end = Arc::clone(&ended);
        let prefix = format!("{:x}-{upload:x}", self.number);
        let (first, signals) = (self.number == 0, self.signals.clone());
        let pieces = stream::unfold(0, move |piece| {
            let (prefix, mut signals, end) = (prefix.clone(), signals.clone(), Arc::clone(&end));
            async move {
                let from = piece * PIECE;
                if from >= rows {
                    return None;
                }
                let last = from + PIECE == rows;
                if (last || (first && piece >= OPEN)) && *signals.gate.borrow() == Gate::Closed {
                    signals.held.send_modify(|held| *held += 1);
                    let lets = |gate: &Gate| *gate == Gate::Open || (*gate == Gate::OneClosed && !first);
                    // Whoever closed it may be gone: then it is over.
                    let _open = signals.gate.wait_for(lets).await;
                }
                sleep(Duration::from_millis(fastrand::u64(0..4))).await;
                if last {
                    end.get_or_init(Instant::now);
                }
                Some((Ok::<_, Infallible>(Bytes::from(lines(&prefix, from..from + PIECE))), piece + 1))
            }
        });
        (Body::from_stream(pieces), ended)
    }
}
