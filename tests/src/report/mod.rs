//! The benchmark's results: one JSON object a line, from which the tables and the plots are made.

use serde::{Deserialize, Serialize};

/// What one metric of one subject came to, over all rounds of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The workload's name.
    pub workload: String,
    /// Who did it.
    pub subject: String,
    /// Where client and server ran: `free`, `one processor`, `two processors`.
    pub placement: String,
    /// What was read, with its unit as the last part.
    pub metric: String,
    /// The middle one of the rounds.
    pub median: f64,
    /// The smallest one.
    pub min: f64,
    /// The largest one.
    pub max: f64,
    /// How many there were.
    pub rounds: usize,
}
