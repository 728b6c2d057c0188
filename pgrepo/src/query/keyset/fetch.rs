use std::pin::pin;

use sqlx::postgres::PgRow;
use sqlx::{Column, Row};

use crate::driver_row::{self, type_info};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Encoded, Handle, Param, Values};
use crate::query::explained::{Explain, explained};
use crate::query::find::Select;
use crate::query::run::Run;
use crate::query::{Text, open_again};
use crate::table::{OwnedRow, Place, PrimaryKey};
use crate::value::TypeInfo;

use super::order::{Label, Order, Term};
use super::position::Bound;
use super::token::TokenValue;
use super::{Page, PageToken};

/// What a page is asked for by.
pub(super) struct Ask<'q, T: ?Sized> {
    pub(super) select: Select<'q, T>,
    pub(super) size: usize,
    pub(super) after: Option<PageToken<T>>,
}

impl<'q, T: PrimaryKey> Ask<'q, T> {
    pub(super) fn sql(&self, schema: Option<&str>) -> Result<String> {
        let place = Place::of::<T>(schema);
        let order = Order::of(&self.select.order);
        let statement = self.statement(&place, &order, &0).map_err(|e| place.blame(e));
        Ok(statement?.text.sql)
    }

    pub(super) async fn page(&self, on: impl Handle, operation: &'static str) -> Result<Page<T>>
    where
        T: OwnedRow,
    {
        let place = Place::of::<T>(on.schema());
        let told = on.observe(operation, place.subject());
        told.watch(pin!(self.fetch(on, operation, &place))).await.map_err(|e| place.blame(e.during(operation)))
    }

    async fn fetch(&self, on: impl Handle, operation: &'static str, place: &Place) -> Result<Page<T>>
    where
        T: OwnedRow,
    {
        let order = Order::of(&self.select.order);
        let limit = self.limit();
        let statement = self.statement(place, &order, &limit)?;
        let run = open_again(on, operation, &statement.text.sql, &statement, Some(T::FIELDS)).await?;
        let (rows, last) = run.page::<T>(self.size, &order.terms).await?;
        let next = last.map(|values| PageToken::new(place, order.fingerprint, values));
        Ok(Page { rows, next })
    }

    pub(super) async fn explain(&self, on: impl Handle) -> Result<String> {
        let place = Place::of::<T>(on.schema());
        let order = Order::of(&self.select.order);
        let limit = self.limit();
        let statement = self.statement(&place, &order, &limit).map_err(|e| place.blame(e.during("explain")))?;
        explained(on, Explain::Plan, &place, &statement.text.sql, &statement).await
    }

    /// One row more than the page has.
    fn limit(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX).saturating_add(1)
    }

    fn statement<'f>(&'f self, place: &Place, order: &'f Order<'f, 'q>, limit: &'f i64) -> Result<Statement<'f, 'q>> {
        if self.select.limit.is_some() || self.select.offset.is_some() {
            let message = "a page has a size and a token: a limit or an offset has no place beside them";
            return Err(Error::new(ErrorKind::Query, message));
        }
        let values = self.after.as_ref().map(|token| token.values_for(place, order)).transpose()?;
        let mut bound = Bound::new(values.unwrap_or_default());
        let mut text = self.select.page(place, &order.terms);
        if values.is_some() {
            text.push(if self.select.is_of_all() { " WHERE " } else { " AND " });
            text.behind_row(&order.terms, 0, &mut bound);
        }
        self.select.end_of_page(&mut text, limit);
        Ok(Statement { text, terms: &order.terms, values: values.unwrap_or_default(), numbers: bound.numbers })
    }
}

/// The statement of a page, with the values that are bound in it.
struct Statement<'f, 'q> {
    text: Text<'f, 'q>,
    terms: &'f [Term<'f, 'q>],
    values: &'f [TokenValue],
    numbers: Vec<Option<usize>>,
}

impl Values for Statement<'_, '_> {
    fn count(&self) -> usize {
        self.text.params.len()
    }

    fn encode(&self, types: &[TypeInfo]) -> Result<Encoded> {
        for ((term, value), number) in self.terms.iter().zip(self.values).zip(&self.numbers) {
            if let Some(ty) = number.and_then(|number| types.get(number - 1)) {
                value.check(ty).map_err(|e| term.blame(e))?;
            }
        }
        let params: &Vec<&Param<'_>> = &self.text.params;
        params.encode(types)
    }
}

impl Run<'_> {
    /// Reads so many rows, and what the order goes by of the last one if another one follows.
    async fn page<T: OwnedRow>(
        mut self,
        size: usize,
        terms: &[Term<'_, '_>],
    ) -> Result<(Vec<T>, Option<Vec<TokenValue>>)> {
        let operation = self.operation;
        let mut plan = self.plan()?;
        let (mut rows, mut last, mut more) = (Vec::new(), Vec::new(), false);
        self.drive(&mut |row, index| {
            if index == 0 {
                plan.refreshed(row).map_err(|e| e.during(operation))?;
            }
            if rows.len() == size {
                more = true;
                return Ok(());
            }
            rows.push(plan.read::<T>(row, index)?);
            if rows.len() == size {
                last = terms.iter().map(|term| term.value(row)).collect::<Result<_>>().map_err(|e| e.at_row(index))?;
            }
            Ok(())
        })
        .await?;
        Ok((rows, more.then_some(last)))
    }
}

impl Term<'_, '_> {
    /// What a row is sorted by.
    fn value(&self, row: &PgRow) -> Result<TokenValue> {
        let unreadable =
            || Error::new(ErrorKind::Decode, "the value that the page ends with cannot be kept in a token");
        let column = row.columns().iter().find(|column| self.label.is(column.name()));
        let column = column.ok_or_else(|| self.blame(unreadable()))?;
        let value = driver_row::body(row, column.ordinal())
            .and_then(|body| TokenValue::of(&type_info(column.type_info()), body));
        value.map_err(|e| self.blame(unreadable().caused_by(e)))
    }

    fn blame(&self, error: Error) -> Error {
        match &self.label {
            Label::Column(name) => error.at_column(name),
            Label::Beside(_) => error,
        }
    }
}
