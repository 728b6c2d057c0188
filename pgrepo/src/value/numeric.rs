//! numeric of any size (<https://www.postgresql.org/docs/current/datatype-numeric.html#DATATYPE-NUMERIC-DECIMAL>).

use std::fmt;
use std::str::FromStr;

use super::{Decode, Element, Encode, PgType, SqlType, TypeInfo, ValueError};

mod body;
mod text;

use body::MAX_SCALE;
pub(super) use body::{Parts, Sign, groups, put_numeric};

/// The most decimal digits before the point.
const MAX_WHOLE: i64 = 131_072;

/// A `numeric` of any size, exact: also NaN, the infinities, and numbers far beyond a machine's words.
///
/// It does no arithmetic: it keeps the server's digits, takes and gives their text.
/// Two are equal when value and scale are: `1.0` is not `1.00`.
///
/// # Errors
/// Parsing refuses what is no number, and one that numeric cannot hold: more than 131,072 digits before or 16,383
/// behind the point.
///
/// # Examples
/// ```
/// use pgrepo::value::Numeric;
/// let n: Numeric = "-1e40".parse()?;
/// assert_eq!(n.to_string(), "-10000000000000000000000000000000000000000");
/// # Ok::<(), pgrepo::value::ParseNumericError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Numeric {
    sign: Sign,
    /// The power of 10,000 of the first digit.
    weight: i16,
    scale: u16,
    /// To the base 10,000; neither the first nor the last is 0.
    digits: Vec<u16>,
}

impl Numeric {
    /// The number of decimal digits behind the point.
    ///
    /// # Examples
    /// ```
    /// let price: pgrepo::Numeric = "12.50".parse()?;
    /// assert_eq!(price.scale(), 2);
    /// # Ok::<(), pgrepo::value::ParseNumericError>(())
    /// ```
    pub fn scale(&self) -> u16 {
        self.scale
    }

    /// Whether it is a number: neither NaN nor one of the infinities.
    ///
    /// # Examples
    /// ```
    /// let not_a_number: pgrepo::Numeric = "NaN".parse()?;
    /// assert!(!not_a_number.is_finite());
    /// # Ok::<(), pgrepo::value::ParseNumericError>(())
    /// ```
    pub fn is_finite(&self) -> bool {
        self.sign.special().is_none()
    }

    pub(super) fn new(negative: bool, mantissa: u128, scale: u16) -> Self {
        let (weight, groups) = groups(mantissa, scale);
        let sign = if negative && mantissa != 0 { Sign::Minus } else { Sign::Plus };
        Self { sign, weight, scale, digits: groups.as_slice().to_vec() }
    }

    fn special(sign: Sign) -> Self {
        Self { sign, weight: 0, scale: 0, digits: Vec::new() }
    }
}

impl From<i64> for Numeric {
    fn from(value: i64) -> Self {
        Self::new(value < 0, u128::from(value.unsigned_abs()), 0)
    }
}

impl SqlType for Numeric {
    const TYPES: &'static [PgType] = &[PgType::NUMERIC];
}

impl Element for Numeric {}

impl Encode for Numeric {
    fn encode(&self, _: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        // The infinities have no scale; the server, which reads one out of their sign's bits, sends 32.
        let scale = if matches!(self.sign, Sign::Infinity | Sign::NegInfinity) { 32 } else { self.scale };
        put_numeric(self.sign, self.weight, scale, &self.digits, out)
    }
}

impl<'r> Decode<'r> for Numeric {
    fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        let parts = Parts::read(body)?;
        Ok(Self { sign: parts.sign, weight: parts.weight, scale: parts.scale, digits: parts.digits().collect() })
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(special) = self.sign.special() {
            return f.write_str(special);
        }
        if self.sign == Sign::Minus {
            f.write_str("-")?;
        }
        let weight = i32::from(self.weight);
        let digit = |power: i32| {
            usize::try_from(weight - power).ok().and_then(|i| self.digits.get(i)).copied().unwrap_or_default()
        };
        write!(f, "{}", digit(weight.max(0)))?;
        for power in (0..weight).rev() {
            write!(f, "{:04}", digit(power))?;
        }
        if self.scale > 0 {
            f.write_str(".")?;
        }
        let mut left = usize::from(self.scale);
        let mut power = -1;
        while left > 0 {
            let group = digit(power);
            let shown = left.min(4);
            let cut = [1_000, 100, 10, 1].get(shown - 1).copied().unwrap_or(1);
            write!(f, "{:0shown$}", group / cut)?;
            left -= shown;
            power -= 1;
        }
        Ok(())
    }
}

impl fmt::Debug for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Numeric({self})")
    }
}

/// A text that is no number which `numeric` can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a number that numeric can hold")]
pub struct ParseNumericError;

impl FromStr for Numeric {
    type Err = ParseNumericError;

    fn from_str(text: &str) -> Result<Self, ParseNumericError> {
        let (negative, rest) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        if rest.eq_ignore_ascii_case(b"nan") {
            return Ok(Self::special(Sign::NaN));
        }
        if rest.eq_ignore_ascii_case(b"infinity") || rest.eq_ignore_ascii_case(b"inf") {
            return Ok(Self::special(if negative { Sign::NegInfinity } else { Sign::Infinity }));
        }
        let (number, exponent) = match rest.iter().position(|b| matches!(b, b'e' | b'E')) {
            None => (rest, 0),
            Some(at) => {
                let exponent = std::str::from_utf8(&rest[at + 1..]).ok().and_then(|e| e.parse::<i32>().ok());
                (&rest[..at], i64::from(exponent.ok_or(ParseNumericError)?))
            }
        };
        let point = number.iter().position(|b| *b == b'.').unwrap_or(number.len());
        let digits: Vec<u8> = number.iter().enumerate().filter(|(i, _)| *i != point).map(|(_, b)| *b).collect();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(ParseNumericError);
        }
        let length = |n: usize| i64::try_from(n).map_err(|_| ParseNumericError);
        let whole = length(point)? + exponent;
        let scale = (length(digits.len())? - whole).max(0);
        let zeros = digits.iter().take_while(|b| **b == b'0').count();
        let digits = &digits[zeros..];
        let whole = whole - length(zeros)?;
        if scale > MAX_SCALE || (whole > MAX_WHOLE && !digits.is_empty()) {
            return Err(ParseNumericError);
        }
        Ok(Self::of_decimals(negative, digits, whole, u16::try_from(scale).unwrap_or_default()))
    }
}

impl Numeric {
    /// The number whose first decimal digit, which is not 0, stands `whole` places before the point.
    fn of_decimals(negative: bool, decimals: &[u8], whole: i64, scale: u16) -> Self {
        let weight = (whole - 1).div_euclid(4);
        let lead = usize::try_from(3 - (whole - 1).rem_euclid(4)).unwrap_or_default();
        let mut digits = Vec::with_capacity(decimals.len() / 4 + 2);
        let (first, rest) = decimals.split_at(decimals.len().min(4 - lead));
        for (index, group) in std::iter::once(first).chain(rest.chunks(4)).enumerate() {
            let places = if index == 0 { 4 - lead } else { 4 };
            let padded = group.iter().map(|b| u16::from(b - b'0')).chain(std::iter::repeat(0)).take(places);
            digits.push(padded.fold(0, |n, d| n * 10 + d));
        }
        while let Some(0) = digits.last() {
            digits.pop();
        }
        if digits.is_empty() {
            return Self { scale, ..Self::special(Sign::Plus) };
        }
        let sign = if negative { Sign::Minus } else { Sign::Plus };
        Self { sign, weight: i16::try_from(weight).unwrap_or_default(), scale, digits }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{body, round};
    use super::*;

    fn words(words: &[i32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()[2..].to_vec()).collect()
    }

    fn parse(text: &str) -> Numeric {
        text.parse().unwrap()
    }

    #[test]
    fn bodies_are_those_of_the_server() {
        for (text, expected) in [
            ("0", &[0, 0, 0, 0][..]),
            ("0.00", &[0, 0, 0, 2]),
            ("1", &[1, 0, 0, 0, 1]),
            ("10000", &[1, 1, 0, 0, 1]),
            ("-12345.678", &[3, 1, 0x4000, 3, 1, 2345, 6780]),
            ("0.0001", &[1, -1, 0, 4, 1]),
            ("0.00001", &[1, -2, 0, 5, 1000]),
            ("1e8", &[1, 2, 0, 0, 1]),
            ("NaN", &[0, 0, 0xc000, 0]),
            ("-inf", &[0, 0, 0xf000, 32]),
        ] {
            assert_eq!(body(&parse(text), PgType::NUMERIC), words(expected), "{text}");
        }
    }

    #[test]
    fn texts() {
        for text in [
            "0",
            "0.000",
            "-1",
            "123456789012345678901234567890123456789012345678901234567890",
            "0.00000000000000000000000000000000000000012",
            "-99999.99999",
            "100000000.5",
            "NaN",
            "Infinity",
            "-Infinity",
        ] {
            assert_eq!(round(&parse(text), PgType::NUMERIC).to_string(), text);
        }
        assert_eq!(parse("+1.50e2").to_string(), "150");
        assert_eq!(parse("1.5e-3").to_string(), "0.0015");
        assert_eq!(parse(".5").to_string(), "0.5");
        assert_eq!(parse("5.").to_string(), "5");
        assert_eq!(parse("-0").to_string(), "0");
        assert_eq!(parse("1e131071").to_string().len(), 131_072);
        assert_eq!(parse("1e-16383").scale(), 16_383);
        assert_eq!(Numeric::from(i64::MIN).to_string(), i64::MIN.to_string());
        assert_eq!(Numeric::from(0), parse("0"));
        for bad in ["", ".", "-", "1e", "e1", "1.2.3", "1e131072", "1e-16384", "0x1", " 1", "1e99999999999", "²"] {
            assert_eq!(bad.parse::<Numeric>(), Err(ParseNumericError), "{bad}");
        }
    }

    #[test]
    fn zeros_around_the_digits_are_dropped() {
        let ty = TypeInfo::builtin(PgType::NUMERIC);
        let padded = words(&[4, 2, 0, 1, 0, 0, 7, 0]);
        assert_eq!(Numeric::decode(&ty, &padded).unwrap(), parse("7.0"));
        let none = words(&[1, 5, 0x4000, 0, 0]);
        assert_eq!(Numeric::decode(&ty, &none).unwrap(), parse("0"));
    }

    #[test]
    fn hostile() {
        let ty = TypeInfo::builtin(PgType::NUMERIC);
        for bad in [
            &[][..],
            &[1, 0, 0, 0],
            &[0, 0, 0, 0, 1],
            &[1, 0, 0, 0, 10_000],
            &[1, 0, 1, 0, 1],
            &[0, 0, 0, 0x4000],
            &[2, -32768, 0, 0, 0, 1],
        ] {
            assert!(Numeric::decode(&ty, &words(bad)).is_err(), "{bad:?}");
        }
    }
}
