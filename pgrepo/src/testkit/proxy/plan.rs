use std::time::Duration;

/// What the proxy does to its connections; part of [`Faults`](super::Faults).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// Both sides get a reset (RST).
    Reset,
    /// Both sides get an orderly end (FIN).
    Close,
    /// Nothing more is forwarded, and neither side is told.
    Silence,
}

/// When a [`Cut`] strikes, seen from the message it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Moment {
    /// The server never sees the message.
    Before,
    /// The server has the message and acts on it; its answer is lost. The proxy lets the server finish (it waits, up to 10 s,
    /// until the server has ended the session) before the client sees the cut, so the outcome is settled by then.
    After,
}

/// The frontend messages that a [`Cut`] counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// Any message after the startup packets.
    Any,
    /// Messages with this type byte: `b'd'` is COPY data, `b'S'` is Sync.
    Type(u8),
    /// A simple query or an Execute whose SQL begins so, whatever the case: `"COMMIT"`. After an Execute the server still
    /// waits for a Sync, so an autocommit statement is lost with it; a COMMIT is not.
    Sql(String),
}

impl Message {
    pub(super) fn matches(&self, kind: u8, sql: Option<&str>) -> bool {
        match self {
            Self::Any => kind != 0,
            Self::Type(wanted) => kind == *wanted,
            Self::Sql(start) => sql.is_some_and(|sql| {
                let sql = sql.trim_start().as_bytes();
                sql.len() >= start.len() && sql[..start.len()].eq_ignore_ascii_case(start.as_bytes())
            }),
        }
    }
}

/// An order to end the connection on which a certain message passes.
///
/// Messages are counted over all connections from the moment the cut is ordered.
#[derive(Clone, Debug)]
pub struct Cut {
    /// What is counted.
    pub message: Message,
    /// Which of them is hit; the first is 1.
    pub nth: u64,
    /// Whether the server still gets it.
    pub moment: Moment,
    /// How the connection ends.
    pub ending: Ending,
    /// Whether every n-th one is hit, or only the first n-th.
    pub repeat: bool,
}

impl Cut {
    /// Returns the order to reset the connection before the first such message.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::testkit::{Cut, Message, Moment};
    /// let third_piece_of_a_copy = Cut { nth: 3, ..Cut::before(Message::Type(b'd')) };
    /// assert_eq!(third_piece_of_a_copy.moment, Moment::Before);
    /// ```
    pub fn before(message: Message) -> Self {
        Self { message, nth: 1, moment: Moment::Before, ending: Ending::Reset, repeat: false }
    }

    /// Returns the order to reset the connection after the first such message.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::testkit::{Cut, Message, Moment};
    /// let commit = Cut::after(Message::Sql("COMMIT".into()));
    /// assert_eq!((commit.moment, commit.nth), (Moment::After, 1));
    /// ```
    pub fn after(message: Message) -> Self {
        Self { moment: Moment::After, ..Self::before(message) }
    }
}

/// The cuts that are ordered, and what each has counted.
#[derive(Debug, Default)]
pub(super) struct Cuts(Vec<(Cut, u64)>);

impl Cuts {
    pub(super) fn order(&mut self, cut: Cut) {
        self.0.push((cut, 0));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Counts a message, and returns the cut that it sets off.
    pub(super) fn strike(&mut self, kind: u8, sql: Option<&str>) -> Option<(Moment, Ending)> {
        let mut struck = None;
        self.0.retain_mut(|(cut, seen)| {
            if struck.is_some() || !cut.message.matches(kind, sql) {
                return true;
            }
            *seen += 1;
            if *seen < cut.nth {
                return true;
            }
            *seen = 0;
            struck = Some((cut.moment, cut.ending));
            cut.repeat
        });
        struck
    }
}

/// The lasting faults.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) to_server: Duration,
    pub(super) to_client: Duration,
    pub(super) slow: Option<(u64, Duration)>,
    pub(super) slice: Option<usize>,
    pub(super) black_hole: bool,
    pub(super) close_new: bool,
}

#[cfg(test)]
mod tests {
    use super::{Cut, Cuts, Ending, Message, Moment};

    #[test]
    fn the_nth_is_struck_once_or_again() {
        let mut cuts = Cuts::default();
        cuts.order(Cut { nth: 2, ..Cut::before(Message::Type(b'd')) });
        let struck: Vec<bool> = (0..5).map(|_| cuts.strike(b'd', None).is_some()).collect();
        assert_eq!(struck, [false, true, false, false, false]);
        cuts.order(Cut { nth: 2, repeat: true, ..Cut::after(Message::Sql("commit".into())) });
        assert_eq!(cuts.strike(b'Q', Some("SELECT 1")), None);
        assert_eq!(cuts.strike(b'Q', Some(" COMMIT")), None);
        assert_eq!(cuts.strike(b'E', Some("Commit")), Some((Moment::After, Ending::Reset)));
        assert_eq!(cuts.strike(b'Q', Some("COMM")), None);
        assert_eq!(cuts.strike(b'Q', Some("COMMIT")), None);
        assert!(cuts.strike(b'Q', Some("COMMIT")).is_some());
    }
}
