//! Figures as people read them.

use std::fmt;
use std::time::{Duration, SystemTime};

/// What a line is about, in a column of its own.
pub(super) struct Line(pub(super) &'static str);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {:<20}", self.0)
    }
}

/// Bytes, as `pg_size_pretty` shows them: up to 10,239 of a unit.
pub(super) struct Bytes(pub(super) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut amount, mut unit) = (self.0, "bytes");
        for next in ["kB", "MB", "GB", "TB", "PB"] {
            if amount < 10 * 1024 {
                break;
            }
            (amount, unit) = ((amount + 512) / 1024, next);
        }
        write!(f, "{amount} {unit}")
    }
}

/// A time by its two largest units.
pub(super) struct Took(pub(super) Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
        let seconds = self.0.as_secs();
        if seconds == 0 {
            return write!(f, "{} ms", self.0.as_millis());
        }
        let largest = UNITS.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(3);
        let (unit, name) = UNITS[largest];
        write!(f, "{} {name}", seconds / unit)?;
        match UNITS.get(largest + 1) {
            Some((smaller, name)) if seconds % unit / smaller > 0 => write!(f, " {} {name}", seconds % unit / smaller),
            _ => Ok(()),
        }
    }
}

/// How long ago something was, behind a word; nothing if it was never.
pub(super) struct Ago(pub(super) &'static str, pub(super) Option<SystemTime>);

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(at) = self.1 else { return Ok(()) };
        // A clock that is behind the server's has it in the future.
        write!(f, "{} {} ago", self.0, Took(at.elapsed().unwrap_or(Duration::ZERO)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_the_server_shows_them() {
        // SELECT pg_size_pretty(n)
        for (bytes, shown) in [
            (0, "0 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 kB"),
            (10_752, "11 kB"),
            (10_485_247, "10239 kB"),
            (12_582_912, "12 MB"),
            (1 << 40, "1024 GB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), shown);
        }
    }

    #[test]
    fn times_are_shown_by_their_two_largest_units() {
        for (seconds, shown) in
            [(0.25, "250 ms"), (1.0, "1 s"), (61.0, "1 min 1 s"), (3_600.0, "1 h"), (90_061.0, "1 d 1 h")]
        {
            assert_eq!(Took(Duration::from_secs_f64(seconds)).to_string(), shown);
        }
    }
}
