//! One fault each; the numbers are those of the list of faults that pgrepo survives.

mod cancel;
mod copy;
mod listed;
mod names;
mod network;
mod outage;
mod queue;
mod retired;
mod values;
