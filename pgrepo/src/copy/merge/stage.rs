//! The rows of a merge on their way into its table.

use std::sync::atomic::AtomicBool;

use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};
use crate::pool::Handle;
use crate::table::{ColumnMeta, FieldError, Name, Place, Record, Spec, WriteRow};
use crate::value::TypeInfo;

use super::super::catalog::Target;
use super::super::failed::{refused, unsendable};
use super::super::frame;
use super::super::load::{CHUNK, Load};
use super::super::plan::{How, Plan, Started};
use super::super::progress::{Following, Progress};
use super::job::{Job, Take};
use super::sql::{Columns, Statements};
use super::{MergeReport, Task, Updated, What};

/// A COPY of rows with their numbers.
pub(super) struct Stage<'s> {
    load: Load<'s>,
    report: oneshot::Receiver<MergeReport>,
    marks: Vec<bool>,
    types: Vec<TypeInfo>,
    buffer: Vec<u8>,
    rows: u64,
    /// The bytes that were sent.
    bytes: u64,
    progress: Option<Progress>,
}

impl<'s> Stage<'s> {
    /// Begins a merge of rows that send the columns which the first one sends.
    pub(super) async fn open<H, R>(
        on: H,
        place: &Place,
        task: Task,
        first: &R,
        following: Following,
        read: Option<Box<Take<'s>>>,
    ) -> Result<Self>
    where
        H: Handle + 's,
        R: WriteRow,
    {
        let sent = frame::sent(first).map_err(|e| refused::<R>(e, 0))?;
        let progress = task.progress.clone();
        let (sender, report) = oneshot::channel();
        let (plan, marks) = plan::<R>(place, task, sent, following, read, Some(sender))?;
        let told = on.observe(plan.operation, place.subject());
        let (load, Started { types, .. }) = Load::start(on, plan, told).await?;
        if let Some(progress) = &progress {
            progress.sending();
        }
        Ok(Self { load, report, marks, types, buffer: frame::HEADER.to_vec(), rows: 0, bytes: 0, progress })
    }

    /// Whether what has gathered is worth sending.
    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() >= CHUNK
    }

    /// Sends what has gathered.
    pub(super) async fn flush(mut self) -> Result<Self> {
        self.bytes += self.buffer.len() as u64;
        self.buffer = self.load.send(self.buffer).await?;
        if let Some(progress) = &self.progress {
            progress.sent(self.rows, self.bytes);
        }
        Ok(self)
    }

    /// Ends the merge without storing anything.
    pub(super) async fn abort_by(self, error: &Error) -> Result<()> {
        self.load.abort_by(error).await
    }

    pub(super) async fn abort_otherwise(self) -> Result<()> {
        self.load.abort_otherwise().await
    }

    /// Ends the COPY, and merges what was sent.
    pub(super) async fn finish(mut self) -> Result<MergeReport> {
        self.buffer.extend_from_slice(&frame::TRAILER);
        let Self { load, mut report, rows, progress, .. } = self.flush().await?;
        if let Some(progress) = &progress {
            progress.finishing();
        }
        load.finish(rows, false).await?;
        let untold = |e| Error::new(ErrorKind::Copy, "the merge ended without its report").caused_by(Box::new(e));
        report.try_recv().map_err(untold)
    }

    /// Encodes a row, behind which its number stands.
    pub(super) fn encode<R: WriteRow>(&mut self, row: &R) -> Result<()> {
        let start = self.buffer.len();
        encode(row, &self.marks, &self.types, self.rows, &mut self.buffer).map_err(|e| refused::<R>(e, self.rows))?;
        frame::row_length(self.buffer.len() - start).map_err(|e| unsendable(e, self.rows))?;
        self.rows += 1;
        Ok(())
    }
}

/// Appends a row as one tuple, with its number behind it.
pub(crate) fn encode<R: WriteRow>(
    row: &R,
    marks: &[bool],
    types: &[TypeInfo],
    number: u64,
    out: &mut Vec<u8>,
) -> Result<(), FieldError> {
    let start = out.len();
    frame::encode_marked(row, marks, types, out)?;
    if let Some((count, _)) = out.get_mut(start..).and_then(|tuple| tuple.split_first_chunk_mut::<2>()) {
        *count = u16::from_be_bytes(*count).saturating_add(1).to_be_bytes();
    }
    out.extend_from_slice(&8_i32.to_be_bytes());
    out.extend_from_slice(&number.to_be_bytes());
    Ok(())
}

/// The load of a merge's rows if the first one sends `sent`; and which of their fields are sent.
pub(crate) fn plan<'s, R: WriteRow>(
    place: &Place,
    task: Task,
    sent: Vec<bool>,
    following: Following,
    read: Option<Box<Take<'s>>>,
    report: Option<oneshot::Sender<MergeReport>>,
) -> Result<(Plan<'s>, Vec<bool>)> {
    let mut marks = sent;
    for (mark, meta) in marks.iter_mut().zip(R::COLUMNS) {
        let in_key = task.key.contains(&meta.spec.name);
        *mark &= in_key || !meta.spec.identity && task.what != What::Delete;
    }
    let all = <R::Table as Record>::COLUMNS;
    let columns = columns(R::COLUMNS, all, &marks, &task)?;
    let statements = Statements::new(place, &columns);
    let reads = read.is_some();
    let plan = Plan {
        operation: task.operation,
        target: Target::new(place.name()),
        table: Some(place.declared()),
        sql: statements.copy(),
        check: Box::new({
            let marks = marks.clone();
            move |table| {
                if reads {
                    all.iter().try_for_each(|meta| table.fit(meta).map(drop))?;
                }
                table.fit_row(R::COLUMNS, &marks)
            }
        }),
        how: How { following, ..How::default() },
        job: Some(Box::new(Job {
            operation: task.operation,
            statements,
            duplicates: task.duplicates,
            alone: AtomicBool::default(),
            key: task.key,
            read: read.map(|take| (all.iter().map(|meta| meta.spec.name).collect(), take)),
            report,
        })),
    };
    Ok((plan, marks))
}

/// The columns of a merge: what is sent, and what is updated of it.
fn columns<'a>(
    written: &'static [ColumnMeta],
    all: &'static [ColumnMeta],
    marks: &[bool],
    task: &'a Task,
) -> Result<Columns<'a>> {
    let specs = || written.iter().zip(marks).filter(|(_, sent)| **sent).map(|(meta, _)| &meta.spec);
    let is_sent = |name: &Name| specs().any(|s| s.name == *name);
    let refused = |name: &Name, message| Err(Error::new(ErrorKind::Mismatch, message).at_column(name));
    if let Some(name) = task.key.iter().find(|name| !is_sent(name)) {
        return refused(name, "the rows do not write this column, by which their places in the table are found");
    }
    let is_version = |name: &Name| all.iter().any(|m| m.spec.version && m.spec.name == *name);
    let updated: Vec<&Name> = match &task.updated {
        Updated::All => {
            let plain = |s: &&Spec| !s.primary_key && !s.version && !task.key.contains(&s.name);
            specs().filter(plain).map(|s| &s.name).collect()
        }
        Updated::Only(names) => {
            for name in names {
                if task.key.contains(name) {
                    return refused(name, "the rows are found by this column, so it cannot be updated by them");
                }
                if is_version(name) {
                    return refused(name, "the version is counted up with each update, and not given by the rows");
                }
                if !is_sent(name) {
                    return refused(name, "the rows do not write this column, so it cannot be updated by them");
                }
            }
            names.iter().collect()
        }
    };
    let version = all.iter().find(|m| m.spec.version).map(|m| &m.spec.name);
    Ok(Columns {
        all,
        sent: specs().map(|s| &s.name).collect(),
        key: &task.key,
        version: version.filter(|_| !updated.is_empty()),
        updated,
        what: task.what,
        numbered: specs().any(|s| s.identity),
    })
}
