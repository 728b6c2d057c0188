//! One client that uploads without pause, and keeps account of what it was told.

use std::convert::Infallible;
use std::net::SocketAddr;
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
    /// Uploads are to be held open.
    pub(super) hold: watch::Receiver<bool>,
    /// One is: its body has begun and not ended.
    pub(super) held: watch::Sender<bool>,
    /// It is over.
    pub(super) over: watch::Receiver<bool>,
}

pub(super) struct Uploader {
    client: Client,
    number: u64,
    /// Whether it is the one that holds uploads open when it is told to; the others are wherever they are.
    holds: bool,
    signals: Signals,
}

impl Uploader {
    pub(super) fn new(address: SocketAddr, number: u64, signals: Signals) -> Self {
        Self { client: Client::new(address), number, holds: number == 0, signals }
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
        let sent = timeout(PATIENCE, self.client.upload(id, "application/x-ndjson", self.body(upload, rows))).await;
        let answer = sent.map_err(|_| format!("the upload {id} has no end"))?;
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

    /// The body of an upload, in pieces; before its last ones it is held open as long as it has to.
    fn body(&self, upload: u64, rows: u64) -> Body {
        let prefix = format!("{:x}-{upload:x}", self.number);
        let (holds, signals) = (self.holds, self.signals.clone());
        let pieces = stream::unfold(0, move |piece| {
            let (prefix, mut signals) = (prefix.clone(), signals.clone());
            async move {
                let from = piece * PIECE;
                if from >= rows {
                    return None;
                }
                if holds && piece >= OPEN && *signals.hold.borrow() {
                    signals.held.send_replace(true);
                    // Whoever held it may be gone: then it is over.
                    let _released = signals.hold.wait_for(|hold| !hold).await;
                }
                sleep(Duration::from_millis(fastrand::u64(0..4))).await;
                Some((Ok::<_, Infallible>(Bytes::from(lines(&prefix, from..from + PIECE))), piece + 1))
            }
        });
        Body::from_stream(pieces)
    }
}
