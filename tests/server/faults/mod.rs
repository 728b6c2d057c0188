//! One fault each; the numbers are those of the list of faults that pgrepo survives.

mod cancel;
mod commits;
mod conflicts;
mod copy;
mod listed;
mod names;
mod retired;
mod transactions;
mod values;
