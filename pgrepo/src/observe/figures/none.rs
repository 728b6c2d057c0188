//! No figures: the feature `metrics` is off.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::table::TableName;

use super::{About, Copied, Status};

#[derive(Debug)]
pub(crate) struct Figures;

impl Figures {
    pub(super) fn new(_pool: String) -> Self {
        Self
    }

    pub(super) fn copied(&self, _: &Copied) {}

    pub(crate) fn waited(&self, _: Duration) {}

    pub(crate) fn repeated(&self, _: Cow<'static, str>) {}

    pub(crate) fn breaker(&self, _to: &'static str, _number: f64) {}
}

#[derive(Debug)]
pub(super) struct Measured;

impl Measured {
    pub(super) fn begin(_: &Arc<About>, _: &'static str, _: Option<TableName<'static>>) -> Self {
        Self
    }

    pub(super) fn none() -> Self {
        Self
    }

    pub(super) fn copied(&self, _: &Copied) {}

    pub(super) fn end(&mut self, _: Status, _: Option<&Error>) {}
}
