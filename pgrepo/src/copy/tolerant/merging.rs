//! A merge that goes on past bad rows, when all of them are in its table.

use std::mem;

use crate::copy::failed::Failed;
use crate::copy::feed::{Unfed, settle};
use crate::copy::merge::{Job, MergeReport, Part};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::Step;
use crate::table::WriteRow;

use super::blame;
use super::intake::Until;
use super::isolate::Outcome;
use super::reject::Rejected;
use super::run::Run;

/// The rows of a merge.
pub(super) struct Merging<R> {
    /// Those that are in its table, with their numbers, in their order.
    rows: Vec<(u64, R)>,
    /// Whether all of them are there, so that an attempt is one of merging.
    pub(super) begun: bool,
}

impl<R> Default for Merging<R> {
    fn default() -> Self {
        Self { rows: Vec::new(), begun: false }
    }
}

impl<R: WriteRow> Run<'_, '_, R> {
    /// Keeps a row that is settled, if it is to be merged.
    pub(super) fn keep(&mut self, index: u64, row: R) {
        if let Some(merging) = self.merging.as_mut().filter(|merging| !merging.begun) {
            merging.rows.push((index, row));
        }
    }

    /// Keeps all rows of the batch, which is empty then.
    pub(super) fn keep_all(&mut self) {
        match self.merging.as_mut().filter(|merging| !merging.begun) {
            Some(merging) => merging.rows.append(&mut self.batch.rows),
            None => self.batch.rows.clear(),
        }
    }

    /// Merges the rows, all of which are in the merge's table; returns those that are bad. The others are handed over as they
    /// are then, if somebody takes them.
    pub(super) async fn merge(&mut self, until: Option<Until>) -> Result<Vec<Rejected<R>>> {
        let Some(merging) = &mut self.merging else { return Ok(Vec::new()) };
        merging.begun = true;
        self.batch.rows = mem::take(&mut merging.rows);
        self.settle_duplicates().await?;
        let all: Vec<usize> = (0..self.batch.rows.len()).collect();
        let first = self.merge_these(&all).await?;
        if matches!(first, Outcome::Refused { .. }) {
            let (job, mut step) = self.job()?;
            let prepared = job.prepare(step.session()).await;
            told(step, prepared)?;
            self.store().await?;
        }
        let rejects = self.isolate(Some(first), until).await?;
        let (job, mut step) = self.job()?;
        let read = job.read_but(step.session(), rejects.iter().map(|reject| reject.index).collect()).await;
        told(step, read)?;
        if !self.bounds.own {
            let (job, mut step) = self.job()?;
            let closed = job.close(step.session()).await;
            told(step, closed)?;
        }
        Ok(rejects)
    }

    /// Settles which of the rows with the same key is merged; where none may be but the first, the others are rejects.
    async fn settle_duplicates(&mut self) -> Result<()> {
        let (job, mut step) = self.job()?;
        let refuses = job.refuses_duplicates();
        let counted = job.settle_duplicates(step.session()).await;
        let count = told(step, counted)?;
        if !refuses {
            self.tally.merged.duplicates = count;
        } else if count > 0 {
            // Before they are asked for, since they may be many.
            self.settings.budget.count::<R>(self.tally.all_rejected() + count, || None)?;
            let (job, mut step) = self.job()?;
            let refused = job.refused_duplicates(step.session()).await;
            let mut refused = told(step, refused)?.into_iter().peekable();
            for (index, row) in mem::take(&mut self.batch.rows) {
                match refused.next_if(|(bad, _)| *bad == index) {
                    Some((_, error)) => {
                        let error = self.blamed(error, index);
                        self.batch.rejects.push(Rejected::new(Some(row), index, error));
                    }
                    None => self.batch.rows.push((index, row)),
                }
            }
        }
        self.store().await
    }

    /// Merges these of the rows, and keeps that or undoes it.
    pub(super) async fn merge_these(&mut self, places: &[usize]) -> Result<Outcome> {
        let part = self.part(places);
        let (job, mut step) = self.job()?;
        let merged = job.merge_part(step.session(), &part).await;
        match told(step, merged) {
            Ok(MergeReport { inserted, updated, unchanged, missing, .. }) => {
                let merged = &mut self.tally.merged;
                merged.inserted += inserted;
                merged.updated += updated;
                merged.unchanged += unchanged;
                merged.missing += missing;
                self.store().await?;
                Ok(Outcome::Stored)
            }
            Err(error) if blame::is_of_a_row(&error) => {
                self.back().await?;
                Ok(Outcome::Refused { line: None, error })
            }
            Err(error) => Err(error),
        }
    }

    /// What the server does with the rows, and the step that it does it in.
    fn job(&mut self) -> Result<(&mut Job<'static>, Step<'_>)> {
        let Self { lease, plan, .. } = self;
        match &mut plan.job {
            Some(job) => Ok((job, lease.step()?.untimed())),
            None => Err(Error::new(ErrorKind::Copy, "a load was to be merged that is no merge")),
        }
    }

    /// These rows as the server knows them, by the shorter list of numbers.
    fn part(&self, places: &[usize]) -> Part {
        let number = |place: usize| self.batch.rows.get(place).map(|(index, _)| *index);
        let (Some(first), Some(last)) = (places.first().copied(), places.last().copied()) else {
            return Part::Only(Vec::new());
        };
        let (Some(from), Some(to)) = (number(first), number(last)) else { return Part::Only(Vec::new()) };
        if last - first + 1 > places.len() * 2 {
            return Part::Only(places.iter().filter_map(|place| number(*place)).collect());
        }
        let mut these = places.iter().copied().peekable();
        let but = (first..=last).filter(|place| these.next_if_eq(place).is_none());
        Part::Between(from, to, but.filter_map(number).collect())
    }
}

fn told<T>(step: Step<'_>, outcome: Result<T, Failed>) -> Result<T> {
    settle(step, outcome.map_err(Unfed::Seen))
}
