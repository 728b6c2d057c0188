use super::{Error, ErrorKind, ServerError, SqlClass};

/// When something failed, seen from the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// While no connection was there yet: the server's answer to an attempt to connect, or none.
    Connecting,
    /// The server answered the statement with an error, and the session lives on.
    Refused,
    /// The server ended the session.
    Ended,
    /// The connection broke, or a deadline passed, and the server had not answered.
    Broken,
    /// pgrepo refused.
    Ours,
}

/// A rule of the table: what begins so, at that moment, is of this class.
struct Rule {
    moment: Moment,
    state: &'static str,
    class: FaultClass,
    #[cfg(test)]
    why: &'static str,
}

/// Writes the table twice: as what decides, and as what is read.
macro_rules! faults {
    ($($moment:ident $state:literal $class:ident $why:literal,)*) => {
        /// What an error says about the operation's effect, and whether to run it again.
        ///
        /// The class is taken from the first row of this table that fits. A SQLSTATE of two characters stands for all of
        /// its class, none for any other, or for a failure without one
        /// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>). *Connecting* is the server's answer to an
        /// attempt to connect, or that there was none; *Refused* an error that it answered a statement with; *Ended* that
        /// it ended the session; *Broken* that the connection broke or a deadline passed with no answer; *Ours* what
        /// pgrepo refuses by itself.
        ///
        /// | when | SQLSTATE | class | why |
        /// |---|---|---|---|
        $(#[doc = concat!(
            "| ", stringify!($moment), " | ", $state, " | [`", stringify!($class), "`](Self::", stringify!($class), ") | ",
            $why, " |"
        )])*
        ///
        /// Where pgrepo knows more it says so: what broke in a transaction before its COMMIT was sent is `RolledBack`, and so
        /// is what a closed socket did not take, in plain text; that no connection of the pool was free in time is
        /// `Overload`. A load that had committed batches before it failed is `Indeterminate` whatever it failed by: run
        /// again as a whole, it would store these twice.
        ///
        /// # Examples
        /// ```no_run
        /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
        /// use pgrepo::FaultClass;
        /// match db.query("INSERT INTO t VALUES (1)").execute().await {
        ///     Err(e) if e.fault_class() == FaultClass::Indeterminate => println!("is it stored? look before you repeat it"),
        ///     Err(e) if e.is_retryable() => println!("nothing was stored: repeat it"),
        ///     other => println!("{other:?}"),
        /// }
        /// # Ok(())
        /// # }
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum FaultClass {
            /// The server never saw the operation.
            NotSent,
            /// The server has undone all of it, and it may succeed when it is run again.
            RolledBack,
            /// What a connection had prepared or looked up no longer fits the schema; nothing was run.
            StaleCache,
            /// Whether it took effect is unknown: only what has none, or is the same when done twice, may be run again.
            Indeterminate,
            /// The server or the pool has no room: nothing took effect; repeat it later and seldom.
            Overload,
            /// It took no effect, and would fail again in the same way.
            Fatal,
        }

        const TABLE: &[Rule] = &[$(Rule {
            moment: Moment::$moment,
            state: $state,
            class: FaultClass::$class,
            #[cfg(test)]
            why: $why,
        },)*];
    };
}

faults! {
    Connecting "53400" Fatal "a configured limit refuses the session, and will again",
    Connecting "53" Overload "the server has no connection (53300) or memory left",
    Connecting "57P04" Fatal "the database was dropped",
    Connecting "57" NotSent "the server starts up (57P03), shuts down (57P01) or recovers from a crash (57P02)",
    Connecting "28" Fatal "the role may not connect, or its password is wrong",
    Connecting "3D" Fatal "there is no such database",
    Connecting "22" Fatal "a setting of the session is refused",
    Connecting "42" Fatal "a setting of the session is refused, or a privilege is missing",
    Connecting "0A" Fatal "the server does not support what the session asks for",
    Connecting "" NotSent "refused by the network, broken or late: no session was there to send anything to",
    Refused "40001" RolledBack "could not be serialised with other transactions",
    Refused "40002" Fatal "a constraint was violated at COMMIT",
    Refused "40003" Indeterminate "the server itself does not know",
    Refused "40" RolledBack "a deadlock (40P01), or rolled back for another reason of the server's",
    Refused "55P03" RolledBack "a lock was not available in time",
    Refused "57014" Fatal "cancelled, by `statement_timeout` or on request: it would take as long again",
    Refused "57P04" Fatal "the database was dropped",
    Refused "57" RolledBack "a server behind this one shuts down or starts up",
    Refused "53400" Fatal "a configured limit was exceeded, and will be again",
    Refused "53" Overload "connections, memory or disk ran out",
    Refused "08001" RolledBack "a server behind this one could not be reached",
    Refused "08004" RolledBack "a server behind this one refused the connection",
    Refused "08P01" Fatal "the protocol was not followed",
    Refused "08" Indeterminate "a connection behind this one broke",
    Refused "26000" StaleCache "the prepared statement is gone",
    Refused "72" RolledBack "the snapshot had become too old",
    Refused "" Fatal "the server refuses the same again: values, constraints, syntax, privileges, read-only, internal errors",
    Ended "57P05" NotSent "the session had idled for too long before the statement came",
    Ended "25P03" RolledBack "the transaction had idled for too long",
    Ended "25P04" Fatal "the transaction took too long, and would again",
    Ended "57P04" Fatal "the database was dropped",
    Ended "" Indeterminate "shut down, terminated or crashed, and the statement may have been run before",
    Broken "" Indeterminate "sent, and not answered",
    Ours "" Fatal "a setting, a value, a type or a row's absence, which stays the same",
}

fn classify(moment: Moment, state: &str) -> FaultClass {
    let rule = TABLE.iter().find(|rule| rule.moment == moment && state.starts_with(rule.state));
    rule.map_or(FaultClass::Fatal, |rule| rule.class)
}

impl FaultClass {
    /// Whether to run the operation again: it is known to have had no effect, or to be the same when done twice, and
    /// the cause may pass.
    ///
    /// `idempotent` says that doing it twice is the same as doing it once, as with everything that only reads.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::FaultClass;
    /// assert!(FaultClass::RolledBack.may_repeat(false));
    /// // Whether it took effect is not known: harmless only where twice is as once.
    /// assert!(FaultClass::Indeterminate.may_repeat(true) && !FaultClass::Indeterminate.may_repeat(false));
    /// ```
    pub fn may_repeat(self, idempotent: bool) -> bool {
        match self {
            Self::NotSent | Self::RolledBack | Self::StaleCache | Self::Overload => true,
            Self::Indeterminate => idempotent,
            Self::Fatal => false,
        }
    }
}

/// Whether the server refused since what was prepared no longer fits the schema. 0A000 and XX000 mean other things too.
pub(crate) fn is_stale(state: &str, routine: Option<&str>, message: &str) -> bool {
    match state {
        "0A000" => routine == Some("RevalidateCachedQuery"),
        "26000" => true,
        // An enum or another type that was dropped and made anew: the plan names the one that is gone.
        "XX000" => message.starts_with("cache lookup failed for type"),
        _ => false,
    }
}

impl ServerError {
    fn fault(&self) -> FaultClass {
        if is_stale(self.sqlstate().as_str(), self.routine(), self.message()) {
            return FaultClass::StaleCache;
        }
        classify(if self.ended() { Moment::Ended } else { Moment::Refused }, self.sqlstate().as_str())
    }

    /// Whether it ended the session.
    fn ended(&self) -> bool {
        matches!(self.severity(), "FATAL" | "PANIC")
    }
}

impl Error {
    /// What the error says about the operation's effect: see the table of [`FaultClass`].
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// use pgrepo::FaultClass;
    /// if error.fault_class() == FaultClass::Indeterminate {
    ///     println!("it may have taken effect: {error}");
    /// }
    /// # }
    /// ```
    pub fn fault_class(&self) -> FaultClass {
        // What was said about it, at the outermost place; else the server's own word.
        let (mut known, mut broken) = (None, false);
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if let Some(ours) = error.downcast_ref::<Self>() {
                known = known.or(ours.0.fault);
                broken |= matches!(ours.kind(), ErrorKind::Connection | ErrorKind::Timeout);
            }
            cause = error.source();
        }
        let unanswered = if broken { Moment::Broken } else { Moment::Ours };
        known.or_else(|| self.server().map(ServerError::fault)).unwrap_or_else(|| classify(unanswered, ""))
    }

    /// Whether running the operation again is safe and may help: it is known to have had no effect, and the cause may
    /// pass.
    ///
    /// Of a statement in a transaction it is the whole transaction that must be run again. For what only reads, or is
    /// the same when done twice, ask [`FaultClass::may_repeat`].
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut outcome = db.query("UPDATE t SET n = n + 1").execute().await;
    /// if outcome.as_ref().is_err_and(pgrepo::Error::is_retryable) {
    ///     outcome = db.query("UPDATE t SET n = n + 1").execute().await;
    /// }
    /// # outcome.map(drop)
    /// # }
    /// ```
    pub fn is_retryable(&self) -> bool {
        self.fault_class().may_repeat(false)
    }

    /// Whether the server or the way to it failed, as opposed to what was asked of it.
    pub(crate) fn is_infrastructure(&self) -> bool {
        match (self.fault_class(), self.server()) {
            (FaultClass::NotSent | FaultClass::Overload | FaultClass::Indeterminate, _) => true,
            (FaultClass::RolledBack, None) => !self.is_contention(),
            (FaultClass::RolledBack, Some(server)) => {
                server.ended()
                    || matches!(server.sqlstate().class(), SqlClass::Connection | SqlClass::OperatorIntervention)
            }
            (FaultClass::StaleCache | FaultClass::Fatal, _) => false,
        }
    }

    /// Whether other transactions stood in the way: the server says so, or a merge that they were always ahead of.
    pub(crate) fn is_contention(&self) -> bool {
        match self.server() {
            Some(server) => server.sqlstate().class() == SqlClass::TransactionRollback,
            None => self.kind() == ErrorKind::Copy && self.fault_class() == FaultClass::RolledBack,
        }
    }

    /// No connection was there yet: the class by the server's answer to the attempt, or by its absence.
    pub(crate) fn connecting(self) -> Self {
        let class = match (self.server(), self.kind()) {
            (Some(server), _) => classify(Moment::Connecting, server.sqlstate().as_str()),
            (None, ErrorKind::Config) => FaultClass::Fatal,
            (None, _) => classify(Moment::Connecting, ""),
        };
        self.of_fault(class)
    }

    /// Says of which class it is; where that was said before it stands.
    pub(crate) fn of_fault(mut self, class: FaultClass) -> Self {
        self.0.fault.get_or_insert(class);
        self
    }

    /// Nothing of it can take effect any more, whether it was answered or not: a transaction before its COMMIT.
    pub(crate) fn undone(self) -> Self {
        match self.fault_class() {
            FaultClass::Indeterminate => self.of_fault(FaultClass::RolledBack),
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ServerFields, SqlState};
    use super::*;

    fn server(state: &str, severity: &str, routine: Option<&str>) -> Error {
        let fields = ServerFields {
            severity: severity.to_owned(),
            state: SqlState::new(state),
            routine: routine.map(str::to_owned),
            ..ServerFields::default()
        };
        Error::new(ErrorKind::Query, "the server refused").caused_by(ServerError(Box::new(fields)))
    }

    #[test]
    fn every_rule_is_reached_and_every_moment_has_a_last_one() {
        for (i, rule) in TABLE.iter().enumerate() {
            assert!(!rule.why.is_empty() && rule.state.len() <= 5, "{} {}", rule.state, rule.why);
            let earlier = TABLE[..i].iter().find(|r| r.moment == rule.moment && rule.state.starts_with(r.state));
            assert!(earlier.is_none(), "{:?} {} is never reached", rule.moment, rule.state);
        }
        for moment in [Moment::Connecting, Moment::Refused, Moment::Ended, Moment::Broken, Moment::Ours] {
            assert!(TABLE.iter().any(|rule| rule.moment == moment && rule.state.is_empty()), "{moment:?}");
        }
    }

    #[test]
    fn the_table_says_what_callers_rely_on() {
        use FaultClass::*;
        let connecting =
            [("53300", Overload), ("57P03", NotSent), ("57P01", NotSent), ("28P01", Fatal), ("3D000", Fatal)];
        for (state, class) in connecting {
            assert_eq!(server(state, "FATAL", None).connecting().fault_class(), class, "connecting, {state}");
        }
        let refused = [
            ("40001", RolledBack),
            ("40P01", RolledBack),
            ("55P03", RolledBack),
            ("40003", Indeterminate),
            ("57014", Fatal),
            ("53200", Overload),
            ("08006", Indeterminate),
            ("08001", RolledBack),
            ("26000", StaleCache),
            ("0A000", Fatal),
            ("23505", Fatal),
            ("25006", Fatal),
            ("25P02", Fatal),
            ("XX000", Fatal),
        ];
        for (state, class) in refused {
            assert_eq!(server(state, "ERROR", None).fault_class(), class, "refused, {state}");
        }
        let ended = [("57P01", Indeterminate), ("57P02", Indeterminate), ("57P05", NotSent), ("25P03", RolledBack)];
        for (state, class) in ended {
            assert_eq!(server(state, "FATAL", None).fault_class(), class, "ended, {state}");
        }
        assert_eq!(server("0A000", "ERROR", Some("RevalidateCachedQuery")).fault_class(), StaleCache);
    }

    #[test]
    fn what_the_server_refuses_is_no_failure_of_the_server() {
        for state in ["40001", "40P01", "55P03", "57014", "23505", "42P01", "25P02", "XX000", "26000"] {
            assert!(!server(state, "ERROR", None).is_infrastructure(), "{state}");
        }
        for state in ["53200", "53300", "57P03", "08006"] {
            assert!(server(state, "ERROR", None).is_infrastructure(), "{state}");
        }
        for state in ["57P01", "25P03", "XX000"] {
            assert!(server(state, "FATAL", None).is_infrastructure(), "{state}");
        }
        assert!(!server("28P01", "FATAL", None).connecting().is_infrastructure());
        assert!(Error::new(ErrorKind::Connection, "it broke").undone().is_infrastructure());
        assert!(Error::new(ErrorKind::Timeout, "a deadline passed").is_infrastructure());
        assert!(!Error::new(ErrorKind::Mismatch, "ours").is_infrastructure());
    }

    #[test]
    fn without_an_answer_the_place_decides() {
        let broken = || {
            let io = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            Error::new(ErrorKind::Connection, "the connection broke").caused_by(io)
        };
        assert_eq!(broken().fault_class(), FaultClass::Indeterminate);
        assert_eq!(broken().connecting().fault_class(), FaultClass::NotSent);
        assert_eq!(broken().undone().fault_class(), FaultClass::RolledBack);
        assert!(!broken().is_retryable() && broken().fault_class().may_repeat(true));
        let lost = Error::new(ErrorKind::Transaction, "COMMIT was not answered").caused_by(broken());
        assert_eq!(lost.fault_class(), FaultClass::Indeterminate);
        let around = Error::new(ErrorKind::Copy, "around it").caused_by(broken().connecting());
        assert_eq!(around.fault_class(), FaultClass::NotSent);
        for kind in [ErrorKind::Config, ErrorKind::Encode, ErrorKind::Mismatch, ErrorKind::NoRow, ErrorKind::Conflict] {
            assert_eq!(Error::new(kind, "ours").fault_class(), FaultClass::Fatal, "{kind:?}");
        }
    }
}
