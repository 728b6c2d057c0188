use std::fmt;

use super::{Error, FaultClass};

/// What a load has stored for good when it ended before its time: see [`Error::committed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Committed {
    /// The batches that were committed.
    pub batches: u64,
    /// The rows that are stored with them.
    pub rows: u64,
    /// The rows that were rejected in them.
    pub rejected: u64,
    /// How many of the source's rows they are, rejected ones among them: the first so many. No other row is stored, unless
    /// [`unknown`](Self::unknown) says so, so a load of the same source without these goes on where this one ended.
    pub settled: u64,
    /// Whether more may be stored: a COMMIT was not answered, and what became of it could not be found out. That is the
    /// whole load, or with a [commit of each batch](crate::Commit::EachBatch) the one batch behind the settled rows.
    /// [`Db::outcome`](crate::Db::outcome) tells later, by [`Error::tx_id`]; to load again before is to store twice, perhaps.
    pub unknown: bool,
}

impl fmt::Display for Committed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batches, rows, settled, unknown, .. } = self;
        match batches {
            0 if *unknown => return f.write_str("whether any of the load is stored is unknown"),
            0 => f.write_str("nothing of the load is stored"),
            1 => write!(f, "one batch with {rows} rows is stored, and the source's first {settled} rows are settled"),
            _ => {
                write!(
                    f,
                    "{batches} batches with {rows} rows are stored, and the source's first {settled} rows are settled"
                )
            }
        }?;
        if *unknown { f.write_str("; whether the batch behind them is stored too is unknown") } else { Ok(()) }
    }
}

impl Error {
    /// What a load in batches had stored for good when it failed: nothing, unless each batch was
    /// [committed by itself](crate::Commit::EachBatch), or a COMMIT was not answered ([`Committed::unknown`]). `None` for
    /// errors of anything else.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db, users: Vec<User>) -> pgrepo::Result<()> {
    /// use pgrepo::Commit;
    ///
    /// let load = db.repository::<User>().load(&users).commit(Commit::EachBatch);
    /// if let Err(error) = load.collect().await {
    ///     match error.committed() {
    ///         Some(committed) if committed.unknown => println!("{error}; ask Db::outcome of {:?}", error.tx_id()),
    ///         committed => println!("{error}; go on with row {}", committed.map_or(0, |committed| committed.settled)),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn committed(&self) -> Option<Committed> {
        self.0.committed
    }

    /// Says what a load had stored before it failed by this. With a part of it stored, running it again would store that
    /// twice.
    pub(crate) fn of_load(mut self, committed: Committed) -> Self {
        self.0.committed = Some(committed);
        if committed.batches > 0 || committed.unknown {
            self.0.fault = Some(FaultClass::Indeterminate);
        }
        self
    }
}
