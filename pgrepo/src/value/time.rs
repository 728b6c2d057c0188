//! date, time, timestamp and timestamptz
//! (<https://www.postgresql.org/docs/current/datatype-datetime.html>), as chrono's types.
//!
//! | SQL | Rust | body |
//! |---|---|---|
//! | `date` | [`NaiveDate`] | `i32`, days since 2000-01-01 |
//! | `time` | [`NaiveTime`] | `i64`, microseconds since midnight |
//! | `timestamp` | [`NaiveDateTime`] | `i64`, microseconds since 2000-01-01 00:00 |
//! | `timestamptz` | [`DateTime`] | the same, in UTC |
//! What is cut off and what is refused is told in the module above.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc};

mod text;

use super::number::exactly;
use super::{Decode, Element, Encode, PgType, SqlType, TypeInfo, ValueError, ValueErrorKind};

/// The days from 0001-01-01, counted as chrono does, to 2000-01-01.
const EPOCH_DAYS: i32 = 730_120;
/// The microseconds from 1970 to 2000.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The first day that PostgreSQL has: Julian day 0, 4714-11-24 BC.
const MIN_DAYS: i32 = -2_451_545;
/// The same in microseconds.
const MIN_MICROS: i64 = MIN_DAYS as i64 * 86_400_000_000;
const NANOS_PER_SECOND: u32 = 1_000_000_000;

/// A date or timestamp that may lie before or after all others: PostgreSQL's `-infinity` and `infinity`.
///
/// The plain types refuse these two, because they have no value for them. Finite values compare as themselves.
///
/// # Examples
/// ```
/// use chrono::NaiveDate;
/// use pgrepo::value::Infinite;
/// let until = Infinite::from(NaiveDate::MAX);
/// assert!(until < Infinite::Infinity);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Infinite<T> {
    /// `-infinity`: before every value.
    NegInfinity,
    /// A value.
    Finite(T),
    /// `infinity`: after every value.
    Infinity,
}

impl<T> Infinite<T> {
    /// The value, unless it is one of the infinities.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Infinite;
    /// assert_eq!(Infinite::Finite(7).finite(), Some(7));
    /// assert_eq!(Infinite::<i32>::Infinity.finite(), None);
    /// ```
    pub fn finite(self) -> Option<T> {
        match self {
            Self::Finite(value) => Some(value),
            Self::NegInfinity | Self::Infinity => None,
        }
    }
}

impl<T> From<T> for Infinite<T> {
    fn from(value: T) -> Self {
        Self::Finite(value)
    }
}

macro_rules! time_type {
    ($([$($g:tt)*] $rust:ty as $sql:ident in $repr:ty;)+) => {$(
        impl<$($g)*> SqlType for $rust {
            const TYPES: &'static [PgType] = &[PgType::$sql];
        }

        impl<$($g)*> Element for $rust {}

        impl<$($g)*> Encode for $rust {
            #[inline]
            fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
                self.count()?.encode(ty, out)
            }
        }
    )+};
}
time_type! {
    [] NaiveDate as DATE in i32;
    [] NaiveTime as TIME in i64;
    [] NaiveDateTime as TIMESTAMP in i64;
    [Tz: TimeZone] DateTime<Tz> as TIMESTAMPTZ in i64;
}

macro_rules! decode {
    ($($rust:ty as $sql:ident in $repr:ident $(, $infinite:literal)?;)+) => {$(
        impl<'r> Decode<'r> for $rust {
            #[inline]
            fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
                let count = $repr::from_be_bytes(exactly(body)?);
                $(if count == $repr::MIN || count == $repr::MAX {
                    return Err(infinite(count > 0, $infinite));
                })?
                Self::at(count)
            }
        }
        $(
            #[doc = concat!("`", $infinite, "` with its infinities.")]
            impl SqlType for Infinite<$rust> {
                const TYPES: &'static [PgType] = &[PgType::$sql];
            }

            impl Element for Infinite<$rust> {}

            impl Encode for Infinite<$rust> {
                #[inline]
                fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
                    match self {
                        Self::NegInfinity => $repr::MIN.encode(ty, out),
                        Self::Finite(value) => value.encode(ty, out),
                        Self::Infinity => $repr::MAX.encode(ty, out),
                    }
                }
            }

            impl<'r> Decode<'r> for Infinite<$rust> {
                #[inline]
                fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
                    match $repr::from_be_bytes(exactly(body)?) {
                        $repr::MIN => Ok(Self::NegInfinity),
                        $repr::MAX => Ok(Self::Infinity),
                        count => <$rust>::at(count).map(Self::Finite),
                    }
                }
            }
        )?
    )+};
}
decode! {
    NaiveDate as DATE in i32, "NaiveDate";
    NaiveTime as TIME in i64;
    NaiveDateTime as TIMESTAMP in i64, "NaiveDateTime";
    DateTime<Utc> as TIMESTAMPTZ in i64, "DateTime<Utc>";
    DateTime<FixedOffset> as TIMESTAMPTZ in i64, "DateTime<FixedOffset>";
}

/// What PostgreSQL counts, and the value at a count; neither is one of the infinities.
trait Counted: Sized {
    type Count;
    fn count(&self) -> Result<Self::Count, ValueError>;
}

trait At<Count>: Sized {
    fn at(count: Count) -> Result<Self, ValueError>;
}

impl Counted for NaiveDate {
    type Count = i32;

    #[inline]
    fn count(&self) -> Result<i32, ValueError> {
        let days = self.num_days_from_ce() - EPOCH_DAYS;
        if days < MIN_DAYS { Err(too_early()) } else { Ok(days) }
    }
}

impl At<i32> for NaiveDate {
    #[inline]
    fn at(days: i32) -> Result<Self, ValueError> {
        days.checked_add(EPOCH_DAYS).and_then(Self::from_num_days_from_ce_opt).ok_or_else(too_far)
    }
}

impl Counted for NaiveTime {
    type Count = i64;

    #[inline]
    fn count(&self) -> Result<i64, ValueError> {
        if self.nanosecond() >= NANOS_PER_SECOND {
            return Err(leap_second());
        }
        Ok(i64::from(self.num_seconds_from_midnight()) * 1_000_000 + i64::from(self.nanosecond() / 1_000))
    }
}

impl At<i64> for NaiveTime {
    fn at(micros: i64) -> Result<Self, ValueError> {
        if micros == 86_400_000_000 {
            return Err(range("the time is 24:00:00, which NaiveTime cannot hold"));
        }
        let seconds = u32::try_from(micros.div_euclid(1_000_000)).ok();
        let nanos = u32::try_from(micros.rem_euclid(1_000_000) * 1_000).ok();
        seconds
            .zip(nanos)
            .and_then(|(seconds, nanos)| Self::from_num_seconds_from_midnight_opt(seconds, nanos))
            .ok_or_else(|| ValueErrorKind::Invalid(format!("{micros} µs is no time of a day")).into())
    }
}

impl Counted for NaiveDateTime {
    type Count = i64;

    #[inline]
    fn count(&self) -> Result<i64, ValueError> {
        self.and_utc().count()
    }
}

impl At<i64> for NaiveDateTime {
    #[inline]
    fn at(micros: i64) -> Result<Self, ValueError> {
        <DateTime<Utc>>::at(micros).map(|t| t.naive_utc())
    }
}

impl<Tz: TimeZone> Counted for DateTime<Tz> {
    type Count = i64;

    #[inline]
    fn count(&self) -> Result<i64, ValueError> {
        if self.timestamp_subsec_nanos() >= NANOS_PER_SECOND {
            return Err(leap_second());
        }
        match self.timestamp_micros().checked_sub(EPOCH_MICROS) {
            Some(micros) if micros >= MIN_MICROS => Ok(micros),
            _ => Err(too_early()),
        }
    }
}

impl At<i64> for DateTime<Utc> {
    #[inline]
    fn at(micros: i64) -> Result<Self, ValueError> {
        micros.checked_add(EPOCH_MICROS).and_then(Self::from_timestamp_micros).ok_or_else(too_far)
    }
}

impl At<i64> for DateTime<FixedOffset> {
    #[inline]
    fn at(micros: i64) -> Result<Self, ValueError> {
        <DateTime<Utc>>::at(micros).map(|t| t.fixed_offset())
    }
}

#[cold]
fn range(reason: &str) -> ValueError {
    ValueErrorKind::Range(reason.to_owned()).into()
}

#[cold]
fn too_early() -> ValueError {
    range("the date is before 4714-11-24 BC, the first that PostgreSQL has")
}

#[cold]
fn too_far() -> ValueError {
    range("the year is outside of chrono's range, -262143 to 262142")
}

#[cold]
fn leap_second() -> ValueError {
    range("the time is within a leap second, which PostgreSQL does not have")
}

#[cold]
fn infinite(positive: bool, rust: &str) -> ValueError {
    let value = if positive { "infinity" } else { "-infinity" };
    range(&format!("the value is {value}, which {rust} cannot hold; use Infinite<{rust}>"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{body, refused, round};
    use super::*;

    fn day(y: i32, m: u32, d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(y, m, d).unwrap()
    }

    #[test]
    fn dates() {
        assert_eq!(body(&day(2000, 1, 1), PgType::DATE), [0; 4]);
        // chrono's year -4713 is 4714 BC.
        assert_eq!(body(&day(-4713, 11, 24), PgType::DATE), MIN_DAYS.to_be_bytes());
        for date in
            [day(-4713, 11, 24), day(0, 2, 29), day(1, 1, 1), day(1970, 1, 1), day(9999, 12, 31), NaiveDate::MAX]
        {
            assert_eq!(round(&date, PgType::DATE), date);
        }
        for date in [day(-4713, 11, 23), NaiveDate::MIN] {
            assert!(matches!(refused(&date, PgType::DATE).kind(), ValueErrorKind::Range(_)));
        }
    }

    #[test]
    fn far_and_infinite_dates() {
        let ty = TypeInfo::builtin(PgType::DATE);
        // 5874897-12-31, PostgreSQL's last.
        let last = (2_147_483_493_i32 - 2_451_545).to_be_bytes();
        assert!(NaiveDate::decode(&ty, &last).unwrap_err().to_string().contains("chrono's range"));
        let error = NaiveDate::decode(&ty, &i32::MAX.to_be_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "the value is infinity, which NaiveDate cannot hold; use Infinite<NaiveDate>");
        assert!(NaiveDate::decode(&ty, &i32::MIN.to_be_bytes()).unwrap_err().to_string().contains("-infinity"));
        for date in [Infinite::NegInfinity, Infinite::Finite(day(2024, 2, 29)), Infinite::Infinity] {
            assert_eq!(round(&date, PgType::DATE), date);
        }
        assert!(Infinite::<NaiveDate>::decode(&ty, &last).is_err());
    }

    #[test]
    fn times() {
        let at = |h, m, s, n| NaiveTime::from_hms_nano_opt(h, m, s, n).unwrap();
        assert_eq!(body(&at(0, 0, 1, 1_000), PgType::TIME), 1_000_001_i64.to_be_bytes());
        for time in [NaiveTime::MIN, at(23, 59, 59, 999_999_000)] {
            assert_eq!(round(&time, PgType::TIME), time);
        }
        assert_eq!(round(&at(12, 0, 0, 999), PgType::TIME), at(12, 0, 0, 0));
        assert_eq!(round(&at(23, 59, 59, 999_999_999), PgType::TIME), at(23, 59, 59, 999_999_000));
        assert!(refused(&at(23, 59, 59, 1_500_000_000), PgType::TIME).to_string().contains("leap second"));
        let ty = TypeInfo::builtin(PgType::TIME);
        let midnight = NaiveTime::decode(&ty, &86_400_000_000_i64.to_be_bytes()).unwrap_err();
        assert!(midnight.to_string().contains("24:00:00"));
        for micros in [-1, 86_400_000_001, i64::MIN, i64::MAX] {
            assert!(NaiveTime::decode(&ty, &micros.to_be_bytes()).is_err());
        }
    }

    #[test]
    fn timestamps() {
        let at = |d: NaiveDate, n| d.and_hms_nano_opt(1, 2, 3, n).unwrap();
        assert_eq!(body(&day(2000, 1, 1).and_time(NaiveTime::MIN), PgType::TIMESTAMP), [0; 8]);
        for t in
            [at(day(-4713, 11, 24), 1_000), at(day(1999, 12, 31), 999_999_000), NaiveDate::MAX.and_time(NaiveTime::MIN)]
        {
            assert_eq!(round(&t, PgType::TIMESTAMP), t);
            assert_eq!(round(&t.and_utc(), PgType::TIMESTAMPTZ), t.and_utc());
        }
        let leap = day(2016, 12, 31).and_hms_nano_opt(23, 59, 59, 1_000_000_000).unwrap();
        // Towards the past before 1970 and before 2000 as well.
        assert_eq!(round(&at(day(1950, 1, 1), 1_999), PgType::TIMESTAMP), at(day(1950, 1, 1), 1_000));
        assert_eq!(round(&at(day(1950, 1, 1), 999), PgType::TIMESTAMP), at(day(1950, 1, 1), 0));
        assert!(refused(&leap, PgType::TIMESTAMP).to_string().contains("leap second"));
        assert!(refused(&NaiveDateTime::MIN, PgType::TIMESTAMP).to_string().contains("4714-11-24 BC"));
        assert!(refused(&DateTime::<Utc>::MIN_UTC, PgType::TIMESTAMPTZ).to_string().contains("4714-11-24 BC"));
        round(&DateTime::<Utc>::MAX_UTC, PgType::TIMESTAMPTZ);
    }

    #[test]
    fn every_count_is_a_value_or_an_error() {
        let ty = TypeInfo::builtin(PgType::TIMESTAMPTZ);
        // 294276-12-31 23:59:59.999999, PostgreSQL's last.
        for micros in [9_223_371_331_199_999_999, i64::MAX - 1, i64::MIN + 1] {
            let error = DateTime::<Utc>::decode(&ty, &micros.to_be_bytes()).unwrap_err();
            assert!(error.to_string().contains("chrono's range"), "{error}");
            assert!(Infinite::<NaiveDateTime>::decode(&ty, &micros.to_be_bytes()).is_err());
        }
        let error = DateTime::<Utc>::decode(&ty, &i64::MIN.to_be_bytes()).unwrap_err();
        assert!(error.to_string().ends_with("use Infinite<DateTime<Utc>>"));
        for t in [Infinite::NegInfinity, Infinite::Finite(DateTime::UNIX_EPOCH), Infinite::Infinity] {
            assert_eq!(round(&t, PgType::TIMESTAMPTZ), t);
        }
    }

    #[test]
    fn zones_are_instants() {
        let zone = FixedOffset::east_opt(2 * 3_600).unwrap();
        let t = zone.with_ymd_and_hms(2024, 6, 1, 12, 0, 0).unwrap();
        let back = round(&t, PgType::TIMESTAMPTZ);
        assert_eq!(back, t);
        assert_eq!(back.offset().local_minus_utc(), 0);
        assert!(!DateTime::<Utc>::accepts(&TypeInfo::builtin(PgType::TIMESTAMP)));
        assert!(!NaiveDateTime::accepts(&TypeInfo::builtin(PgType::TIMESTAMPTZ)));
    }
}
