use std::error::Error as StdError;

use tokio::sync::mpsc;

use crate::error::{Error, ErrorKind, Result};

use super::reject::Rejected;
use super::reject_table::RejectTable;

type Cause = Box<dyn StdError + Send + Sync>;

/// Who takes the rejects.
pub(super) enum Sink<'k, R> {
    Keep(&'k mut Vec<Rejected<R>>),
    Call(&'k mut (dyn FnMut(Rejected<R>) -> Result<(), Cause> + Send)),
    Channel(mpsc::Sender<Rejected<R>>),
    Table(RejectTable<R>),
}

impl<R> Sink<'_, R> {
    /// Hands the rejects of a batch over; a table has been given them with the batch.
    pub(super) async fn take(&mut self, rejects: Vec<Rejected<R>>) -> Result<()> {
        match self {
            Self::Keep(kept) => kept.extend(rejects),
            Self::Call(take) => {
                for reject in rejects {
                    let index = reject.index;
                    take(reject).map_err(|cause| {
                        let message = "the callback that takes the rejects ended the load";
                        Error::new(ErrorKind::Copy, message).at_row(index).caused_by(cause)
                    })?;
                }
            }
            Self::Channel(channel) => {
                for reject in rejects {
                    let index = reject.index;
                    channel.send(reject).await.map_err(|_| {
                        let message = "nobody takes the rejects any more: the channel's receiver is gone";
                        Error::new(ErrorKind::Copy, message).at_row(index)
                    })?;
                }
            }
            Self::Table(_) => {}
        }
        Ok(())
    }
}
