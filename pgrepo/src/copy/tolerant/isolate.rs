//! The bad rows of a batch that the server has refused, found by sending parts of it again.
//!
//! Each row's verdict is the server's own. An attempt sends some of the rows in their order, so of two that exclude each
//! other the later one is rejected. What is still to be done is a stack of ranges:
//!
//! - the server named a row: those before it, then it alone unless its own values are to blame, then those behind it;
//! - it named none: a half of the rows, then the other one, until there is one row only.
//!
//! Rows that violate a foreign key are found together by one query ([`suspects`]), and wait until all others of the batch
//! are settled, since they may refer to each other or to rows that were not sent yet; then they go in together. So does a
//! row of a merge by itself whose value another one has: that one may be updated yet. Those that the same constraint has
//! refused are tried together, as long as that helps. Rows that go in together only, and not one by one, such as two that
//! change their values with each other, are rejected with a bad one that the same constraint refuses.
//!
//! After a failure the next range is half as long, after a success twice as long. So what was sent in vain since the last
//! success is at most what that success has stored: all in all a row is sent some four times, however many are bad, and
//! each bad row costs a few short COPYs.

use std::collections::BTreeMap;
use std::mem;

use crate::copy::failed::placed;
use crate::copy::feed::settle;
use crate::copy::merge::of_row;
use crate::error::{Error, Result};
use crate::table::WriteRow;

use super::blame::{Line, line as trust};
use super::intake::Until;
use super::reject::Rejected;
use super::run::Run;
use super::suspects;

/// What became of an attempt; if it was refused, nothing of it is there.
pub(super) enum Outcome {
    Stored,
    /// The server named the line, or nobody; lines are counted from 0, in the order in which the rows were sent.
    Refused {
        line: Option<usize>,
        error: Error,
    },
}

/// How often rows that wait are tried together while that helps.
const ROUNDS: u32 = 8;

/// What is left to be done with a batch, as ranges of its rows.
enum Task {
    /// Nothing is known of them.
    Range(usize, usize),
    /// They are believed to be good: the server went past them.
    Passed(usize, usize),
    /// One of them at least is bad.
    Known(usize, usize),
    /// One of them at least is bad: here, before the second number, or from there on.
    Halves(usize, usize, usize),
    /// These rows by themselves, which are left out of ranges until then.
    Alone(Vec<usize>),
    /// The row is bad.
    Bad(usize, Error),
}

/// The rows of a batch while they are told apart.
struct Apart {
    tasks: Vec<Task>,
    /// The rows that are left out of ranges.
    out: Vec<bool>,
    bad: Vec<(usize, Error)>,
    /// How many rows to send together.
    length: usize,
    /// The rows that are refused as long as others are not there, by what refused them.
    waiting: BTreeMap<String, Vec<usize>>,
    /// How many rows were stored since the last that wait were tried.
    stored: usize,
    /// Nothing is left to be waited for.
    last: bool,
}

impl Apart {
    fn let_in(&mut self, place: usize) {
        if let Some(out) = self.out.get_mut(place) {
            *out = false;
        }
    }

    fn leave_out(&mut self, place: usize) {
        if let Some(out) = self.out.get_mut(place) {
            *out = true;
        }
    }

    /// Rows wait that were refused so.
    fn wait(&mut self, error: &Error, places: impl IntoIterator<Item = usize>) {
        let refused = format!("{:?} {:?} {:?}", error.sqlstate(), error.table(), error.constraint());
        self.waiting.entry(refused).or_default().extend(places);
    }

    /// The rows of a range that are to be sent.
    fn of(&self, from: usize, to: usize) -> Vec<usize> {
        (from..to).filter(|place| !self.out.get(*place).copied().unwrap_or(true)).collect()
    }
}

impl<R: WriteRow> Run<'_, '_, R> {
    /// Tells good rows from bad ones after the first attempt of a batch, and empties the batch. All but the rejects, which
    /// are returned in the order of the source, are stored then.
    pub(super) async fn isolate(&mut self, first: Option<Outcome>, until: Option<Until>) -> Result<Vec<Rejected<R>>> {
        let mut bad = Vec::new();
        match first {
            None | Some(Outcome::Stored) => self.within_budget(&mut bad)?,
            Some(refused) => bad = self.tell_apart(refused, until).await?,
        }
        self.batch.bytes = 0;
        let mut rejects = mem::take(&mut self.batch.rejects);
        bad.sort_by_key(|(place, _)| *place);
        let mut bad = bad.into_iter().peekable();
        if bad.peek().is_none() {
            self.keep_all();
            return Ok(rejects);
        }
        for (place, (index, row)) in mem::take(&mut self.batch.rows).into_iter().enumerate() {
            match bad.next_if(|(bad, _)| *bad == place) {
                Some((_, error)) => rejects.push(Rejected::new(Some(row), index, self.blamed(error, index))),
                None => self.keep(index, row),
            }
        }
        rejects.sort_by_key(|reject| reject.index);
        Ok(rejects)
    }

    async fn tell_apart(&mut self, first: Outcome, until: Option<Until>) -> Result<Vec<(usize, Error)>> {
        let rows = self.batch.rows.len();
        let mut apart = Apart {
            tasks: Vec::new(),
            out: vec![false; rows],
            bad: Vec::new(),
            length: rows,
            waiting: BTreeMap::new(),
            stored: 0,
            last: false,
        };
        let all = apart.of(0, rows);
        self.follow(&mut apart, &all, first).await?;
        self.work_off(&mut apart, until).await?;
        let mut round = 0;
        while !apart.waiting.is_empty() {
            round += 1;
            apart.last = apart.stored == 0 || round == ROUNDS;
            apart.stored = 0;
            // One that is bad for another reason is in nobody's way.
            for places in mem::take(&mut apart.waiting).into_values() {
                apart.length = rows;
                apart.out = vec![true; rows];
                for place in places {
                    apart.let_in(place);
                }
                apart.tasks.push(Task::Passed(0, rows));
                self.work_off(&mut apart, until).await?;
            }
        }
        Ok(apart.bad)
    }

    async fn work_off(&mut self, apart: &mut Apart, until: Option<Until>) -> Result<()> {
        while let Some(task) = apart.tasks.pop() {
            until.map_or(Ok(()), Until::in_time)?;
            match task {
                Task::Bad(place, error) => apart.bad.push((place, error)),
                Task::Alone(places) => {
                    for place in places.into_iter().rev() {
                        apart.let_in(place);
                        apart.tasks.push(Task::Range(place, place + 1));
                    }
                }
                Task::Passed(from, to) => {
                    let places = apart.of(from, to);
                    self.try_these(apart, &places).await?;
                }
                Task::Range(from, to) => {
                    let mut places = apart.of(from, to);
                    if let Some(&next) = places.get(apart.length) {
                        apart.tasks.push(Task::Range(next, to));
                        places.truncate(apart.length);
                    }
                    self.try_these(apart, &places).await?;
                }
                Task::Known(from, to) => {
                    let places = apart.of(from, to);
                    match places.get(places.len() / 2) {
                        Some(middle) if places.len() > 1 => apart.tasks.push(Task::Halves(from, *middle, to)),
                        _ => apart.tasks.push(Task::Range(from, to)),
                    }
                }
                Task::Halves(from, middle, to) => {
                    let places = apart.of(from, middle);
                    match self.attempt(&places).await? {
                        Outcome::Stored => {
                            apart.stored += places.len();
                            apart.tasks.push(Task::Known(middle, to));
                        }
                        refused => {
                            apart.tasks.push(Task::Range(middle, to));
                            self.follow(apart, &places, refused).await?;
                        }
                    }
                }
            }
            self.within_budget(&mut apart.bad)?;
        }
        Ok(())
    }

    async fn try_these(&mut self, apart: &mut Apart, places: &[usize]) -> Result<()> {
        if places.is_empty() {
            return Ok(());
        }
        match self.attempt(places).await? {
            Outcome::Stored => {
                apart.stored += places.len();
                if places.len() >= apart.length {
                    apart.length = apart.length.saturating_mul(2);
                }
                Ok(())
            }
            refused => self.follow(apart, places, refused).await,
        }
    }

    /// Draws the consequences of a refusal of these rows.
    async fn follow(&mut self, apart: &mut Apart, places: &[usize], refused: Outcome) -> Result<()> {
        let Outcome::Refused { line, error } = refused else { return Ok(()) };
        let (Some(&first), Some(&last)) = (places.first(), places.last()) else { return Ok(()) };
        let end = last + 1;
        if places.len() == 1 {
            match self.may_go_in_later(&error) && !apart.last && self.may_wait(apart) {
                true => apart.wait(&error, [first]),
                false => apart.bad.push((first, error)),
            }
            return Ok(());
        }
        let named = line.and_then(|line| places.get(line).copied()).map(|place| (place, trust(&error)));
        match named {
            Some((place, trust @ (Line::Sure | Line::Likely))) => {
                apart.tasks.push(Task::Range(place + 1, end));
                apart.tasks.push(match trust {
                    Line::Sure => Task::Bad(place, error),
                    _ => Task::Range(place, place + 1),
                });
                apart.tasks.push(Task::Passed(first, place));
            }
            _ => {
                let suspects = self.suspects(places, &error).await?;
                if !suspects.is_empty() {
                    for place in &suspects {
                        apart.leave_out(*place);
                    }
                    match apart.last {
                        true => apart.tasks.push(Task::Alone(suspects)),
                        false => apart.wait(&error, suspects),
                    }
                    apart.tasks.push(Task::Passed(first, end));
                    return Ok(());
                }
                apart.tasks.push(Task::Known(first, end));
            }
        }
        apart.length = (places.len() / 2).max(1);
        Ok(())
    }

    /// Whether one more row may wait that was refused by itself: as many as may be rejected do, and no more, since each of them
    /// may be bad, and is judged once more.
    fn may_wait(&self, apart: &Apart) -> bool {
        let waiting: usize = apart.waiting.values().map(Vec::len).sum();
        self.settings.budget.count::<R>(waiting as u64 + 1, || None).is_ok()
    }

    /// Whether a row may be refused for others of the batch that are not there yet: those that it refers to, or of a merge
    /// those that are to give up what it takes.
    fn may_go_in_later(&self, error: &Error) -> bool {
        let merges = self.merging.as_ref().is_some_and(|merging| merging.begun);
        error.is_foreign_key_violation()
            || merges && error.sqlstate().is_some_and(|state| matches!(state.as_str(), "23505" | "23P01"))
    }

    /// Looks for the rows that violate a foreign key. They are suspected only: each is judged by an attempt.
    async fn suspects(&mut self, places: &[usize], error: &Error) -> Result<Vec<usize>> {
        if !error.is_foreign_key_violation() {
            return Ok(Vec::new());
        }
        let Self { lease, plan, columns, batch, backend, .. } = self;
        let rows = places.iter().filter_map(|place| batch.rows.get(*place));
        let mut step = lease.step()?.untimed();
        let found = suspects::find(step.session(), *backend, &plan.target, columns, rows, error).await;
        let found = match settle(step, found) {
            Ok(found) => found,
            Err(error) if suspects::can_be_missed(&error) => Vec::new(),
            Err(error) => return Err(placed(error, &plan.target.name).0),
        };
        self.back().await?;
        Ok(found.into_iter().filter_map(|nth| places.get(nth).copied()).collect())
    }

    /// Checks the number of rejects: those that are told, those of the batch that were not sent, and these.
    fn within_budget(&mut self, bad: &mut Vec<(usize, Error)>) -> Result<()> {
        let rejected = self.tally.all_rejected() + self.batch.rejects.len() as u64 + bad.len() as u64;
        let budget = self.settings.budget;
        budget.count(rejected, || match bad.pop() {
            Some((place, error)) => {
                let index = self.batch.rows.get(place).map_or(0, |(index, _)| *index);
                Some(Rejected::new(None, index, self.blamed(error, index)))
            }
            None => self.batch.rejects.pop(),
        })
    }

    /// The error of a row, which names it, and the field of the column that the server names.
    pub(super) fn blamed(&self, error: Error, index: u64) -> Error {
        let error = error.at_row(index);
        // The server's word for it may be of the merge's own table.
        let error = if self.merging.is_some() { of_row::<R>(error, &[]) } else { error };
        self.columns.blame(error)
    }
}
