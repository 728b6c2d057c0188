use std::fmt;

use crate::query::keyset::{Label, Term};
use crate::query::{Filter, Sort, Text};
use crate::table::{Name, PgTable, Place, quote_ident, sql};

/// What rows of a table are asked for.
pub(in crate::query) struct Select<'q, T: ?Sized> {
    filter: Filter<'q, T>,
    pub(in crate::query) order: Vec<Sort<'q, T>>,
    /// Bound like any value, so that the pages of a list are one statement.
    pub(in crate::query) limit: Option<i64>,
    pub(in crate::query) offset: Option<i64>,
    pub(super) distinct: bool,
    pub(super) lock: Option<Lock>,
}

/// How the rows are locked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lock {
    pub(super) strength: &'static str,
    pub(super) wait: &'static str,
}

impl Lock {
    pub(super) const UPDATE: Self = Self::of(" FOR UPDATE");

    pub(super) const fn of(strength: &'static str) -> Self {
        Self { strength, wait: "" }
    }
}

impl<T: ?Sized> fmt::Debug for Select<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("filter", &self.filter)
            .field("order", &self.order)
            .field("limit", &self.limit)
            .field("offset", &self.offset)
            .field("distinct", &self.distinct)
            .field("lock", &self.lock)
            .finish()
    }
}

impl<'q, T: PgTable> Select<'q, T> {
    pub(super) fn new(filter: Filter<'q, T>) -> Self {
        Self { filter, order: Vec::new(), limit: None, offset: None, distinct: false, lock: None }
    }

    /// The statement that reads whole rows.
    pub(super) fn rows<'f>(&'f self, place: &Place) -> Text<'f, 'q> {
        self.behind(self.columns(place))
    }

    /// The statement that reads some columns.
    pub(super) fn some<'f>(&'f self, place: &Place, columns: &[Name]) -> Text<'f, 'q> {
        self.behind(self.of(place, |text| text.names(columns)))
    }

    /// The statement that makes one value of all rows: `count(*)`, or a function of a column.
    pub(in crate::query) fn aggregate<'f>(
        &'f self,
        place: &Place,
        function: &str,
        column: Option<Name>,
    ) -> Text<'f, 'q> {
        let mut text = Text::new(format!("SELECT {function}("));
        match &column {
            Some(column) => text.column(column),
            None => text.push("*"),
        }
        text.push(") FROM ");
        if self.is_cut() {
            text.push("(");
            let inner = match column {
                _ if self.distinct => self.columns(place),
                Some(column) => self.of(place, |text| text.column(&column)),
                None => self.of(place, |text| text.push("1")),
            };
            text.push(&inner.sql);
            self.end(&mut text);
            text.push(") AS \"rows\"");
        } else {
            text.push(&place.quoted());
            text.filter(&self.filter);
        }
        text
    }

    /// The statement that says whether there is a row.
    pub(in crate::query) fn exists<'f>(&'f self, place: &Place) -> Text<'f, 'q> {
        let inner = if self.distinct { self.columns(place) } else { self.of(place, |text| text.push("1")) };
        let mut text = self.behind(Text::new(format!("SELECT EXISTS ({}", inner.sql)));
        text.push(")");
        text
    }

    /// The statement that reads a page's rows, up to its condition, with what they are sorted by beside them where that
    /// is no column.
    pub(in crate::query) fn page<'f>(&'f self, place: &Place, terms: &'f [Term<'f, 'q>]) -> Text<'f, 'q> {
        let mut text = self.of(place, |text| {
            text.names(T::SPECS.iter().map(|spec| &spec.name));
            for term in terms {
                if let Label::Beside(name) = &term.label {
                    text.push(", ");
                    text.fragment(term.by);
                    text.push(&format!(" AS {}", quote_ident(name)));
                }
            }
        });
        text.filter(&self.filter);
        text
    }

    /// Whether the condition is the one that every row meets.
    pub(in crate::query) fn is_of_all(&self) -> bool {
        self.filter.is_all()
    }

    /// Appends what stands behind a page's condition.
    pub(in crate::query) fn end_of_page<'f>(&'f self, text: &mut Text<'f, 'q>, limit: &'f i64) {
        text.order(&self.order);
        text.push(" LIMIT ");
        text.param(limit);
        self.lock_rows(text);
    }

    /// Whether other rows are meant than all that meet the condition, or these are locked.
    fn is_cut(&self) -> bool {
        self.distinct || self.limit.is_some() || self.offset.is_some() || self.lock.is_some()
    }

    fn columns<'f>(&self, place: &Place) -> Text<'f, 'q> {
        let select = place.statement::<T>(T::SELECT, sql::select);
        match select.strip_prefix("SELECT ") {
            Some(columns) if self.distinct => Text::new(format!("SELECT DISTINCT {columns}")),
            _ => Text::new(select),
        }
    }

    fn of<'f>(&self, place: &Place, put: impl FnOnce(&mut Text<'f, 'q>)) -> Text<'f, 'q> {
        let mut text = Text::new(if self.distinct { "SELECT DISTINCT " } else { "SELECT " });
        put(&mut text);
        text.push(" FROM ");
        text.push(&place.quoted());
        text
    }

    fn behind<'f>(&'f self, mut text: Text<'f, 'q>) -> Text<'f, 'q> {
        self.end(&mut text);
        text
    }

    /// Appends what stands behind the table.
    fn end<'f>(&'f self, text: &mut Text<'f, 'q>) {
        text.filter(&self.filter);
        text.order(&self.order);
        for (word, rows) in [(" LIMIT ", &self.limit), (" OFFSET ", &self.offset)] {
            if let Some(rows) = rows {
                text.push(word);
                text.param(rows);
            }
        }
        self.lock_rows(text);
    }

    fn lock_rows(&self, text: &mut Text<'_, '_>) {
        if let Some(lock) = self.lock {
            text.push(lock.strength);
            text.push(lock.wait);
        }
    }
}
