//! numeric as [`Decimal`]: 28 or 29 decimal digits, exact or an error.
//!
//! The scale is kept both ways (`1.50` stays `1.50`). Only where a number with all of its zeros does not fit, as
//! `1.5` in a `numeric(60, 40)` column, zeros behind its last digit are left out: the value is the same. NaN, the
//! infinities and numbers with more digits are errors; [`Numeric`](super::Numeric) holds them.

use rust_decimal::Decimal;

use super::numeric::{Numeric, Parts, Sign, groups, put_numeric};
use super::{Decode, Element, Encode, PgType, SqlType, TypeInfo, ValueError, ValueErrorKind};

/// The largest mantissa: 96 bits.
const MAX_MANTISSA: u128 = (1 << 96) - 1;
const MAX_SCALE: u32 = 28;

impl SqlType for Decimal {
    const TYPES: &'static [PgType] = &[PgType::NUMERIC];
}

impl Element for Decimal {}

impl Encode for Decimal {
    fn encode(&self, _: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let mantissa = self.mantissa();
        let scale = u16::try_from(self.scale()).unwrap_or_default();
        let (weight, digits) = groups(mantissa.unsigned_abs(), scale);
        let sign = if mantissa < 0 { Sign::Minus } else { Sign::Plus };
        put_numeric(sign, weight, scale, digits.as_slice(), out)
    }
}

impl<'r> Decode<'r> for Decimal {
    fn decode(_: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        let parts = Parts::read(body)?;
        if let Some(special) = parts.sign.special() {
            return Err(ValueErrorKind::Range(format!(
                "the value is {special}, which Decimal cannot hold; use Numeric"
            ))
            .into());
        }
        exact(&parts).ok_or_else(too_large)
    }
}

fn exact(parts: &Parts<'_>) -> Option<Decimal> {
    let digits = parts.digits();
    // Nine hold 33 decimal digits or more: beyond what fits, and within 128 bits.
    if digits.len() > 9 {
        return None;
    }
    let behind = 4 * (i32::try_from(digits.len()).ok()? - 1 - i32::from(parts.weight));
    let mut mantissa = digits.fold(0_u128, |n, d| n * 10_000 + u128::from(d));
    let mut scale = 0;
    if mantissa > 0 {
        if behind < 0 {
            mantissa = mantissa.checked_mul(10_u128.checked_pow(behind.unsigned_abs())?)?;
        } else {
            scale = behind.unsigned_abs();
        }
    }
    while scale > 0 && mantissa.is_multiple_of(10) {
        mantissa /= 10;
        scale -= 1;
    }
    while scale < u32::from(parts.scale).min(MAX_SCALE) && mantissa <= MAX_MANTISSA / 10 {
        mantissa *= 10;
        scale += 1;
    }
    if mantissa > MAX_MANTISSA || scale > MAX_SCALE {
        return None;
    }
    let mut value = Decimal::try_from_i128_with_scale(i128::try_from(mantissa).ok()?, scale).ok()?;
    value.set_sign_negative(parts.sign == Sign::Minus);
    Some(value)
}

impl From<Decimal> for Numeric {
    fn from(value: Decimal) -> Self {
        let mantissa = value.mantissa();
        Self::new(mantissa < 0, mantissa.unsigned_abs(), u16::try_from(value.scale()).unwrap_or_default())
    }
}

#[cold]
fn too_large() -> ValueError {
    ValueErrorKind::Range("the number has more digits than Decimal can hold; use Numeric".to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{body, round};
    use super::*;

    fn parse(text: &str) -> Result<Decimal, ValueError> {
        let numeric: Numeric = text.parse().unwrap();
        Decimal::decode(&TypeInfo::builtin(PgType::NUMERIC), &body(&numeric, PgType::NUMERIC))
    }

    #[test]
    fn round_trips_with_the_scale() {
        for value in [
            Decimal::ZERO,
            Decimal::ONE,
            Decimal::MAX,
            Decimal::MIN,
            Decimal::new(1, 28),
            Decimal::new(-150, 2),
            Decimal::new(0, 5),
            Decimal::new(i64::MAX, 9),
            Decimal::from_i128_with_scale(MAX_MANTISSA.cast_signed(), 28),
            Decimal::from_i128_with_scale(10_000_000_000_000_000_000_000_000_000, 3),
        ] {
            let back = round(&value, PgType::NUMERIC);
            assert_eq!((back, back.scale()), (value, value.scale()));
            let numeric = Numeric::from(value);
            assert_eq!(numeric.to_string(), value.to_string());
            assert_eq!(body(&numeric, PgType::NUMERIC), body(&value, PgType::NUMERIC));
        }
    }

    #[test]
    fn minus_zero_is_zero() {
        let mut zero = Decimal::ZERO;
        zero.set_sign_negative(true);
        assert_eq!(body(&zero, PgType::NUMERIC), [0; 8]);
    }

    #[test]
    fn exact_or_an_error() {
        assert_eq!(parse("79228162514264337593543950335").unwrap(), Decimal::MAX);
        for text in [
            "79228162514264337593543950336",
            "1e29",
            "1e100",
            "1e-29",
            "0.12345678901234567890123456789",
            "1234567890123456789012345678901234567890",
        ] {
            assert!(matches!(parse(text).unwrap_err().kind(), ValueErrorKind::Range(_)), "{text}");
        }
        for special in ["NaN", "Infinity", "-Infinity"] {
            assert!(parse(special).unwrap_err().to_string().contains(special));
        }
        assert_eq!(parse("1e28").unwrap().to_string(), "10000000000000000000000000000");
    }

    #[test]
    fn zeros_that_do_not_fit_are_left_out() {
        let value = parse(&format!("1.5{}", "0".repeat(39))).unwrap();
        assert_eq!(value, Decimal::new(15, 1));
        assert_eq!(value.scale(), 28);
        let value = parse("12345678901234567890.5000000000000000").unwrap();
        assert_eq!(value.to_string(), "12345678901234567890.500000000");
        assert_eq!(parse(&format!("0.{}", "0".repeat(60))).unwrap(), Decimal::ZERO);
    }
}
