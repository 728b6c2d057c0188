//! One fault each; the numbers are those of the list of faults that pgrepo survives.

mod breaker;
mod cancel;
mod commits;
mod conflicts;
mod copy;
mod listed;
mod names;
mod network;
mod outage;
mod queue;
mod refusals;
mod retired;
mod retry;
mod transactions;
mod values;
