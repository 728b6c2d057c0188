//! A numeric as it is sent.
//!
//! The body is four 16-bit numbers (how many digits follow, the first one's power of 10,000, the sign, how many
//! decimal digits are shown behind the point) and then the digits, to the base 10,000, without leading or
//! trailing zeros.

use super::super::number::exactly;
use super::super::{ValueError, ValueErrorKind, encode_sized};

/// The most decimal digits behind the point.
pub(super) const MAX_SCALE: i64 = 16_383;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::value) enum Sign {
    Plus,
    Minus,
    NaN,
    Infinity,
    NegInfinity,
}

impl Sign {
    const fn code(self) -> u16 {
        match self {
            Self::Plus => 0,
            Self::Minus => 0x4000,
            Self::NaN => 0xc000,
            Self::Infinity => 0xd000,
            Self::NegInfinity => 0xf000,
        }
    }

    pub(in crate::value) const fn special(self) -> Option<&'static str> {
        match self {
            Self::Plus | Self::Minus => None,
            Self::NaN => Some("NaN"),
            Self::Infinity => Some("Infinity"),
            Self::NegInfinity => Some("-Infinity"),
        }
    }
}

/// A body taken apart; leading and trailing zeros of the digits are gone.
#[derive(Clone, Copy)]
pub(in crate::value) struct Parts<'r> {
    pub(in crate::value) sign: Sign,
    pub(in crate::value) weight: i16,
    pub(in crate::value) scale: u16,
    /// Big-endian pairs, each below 10,000.
    digits: &'r [[u8; 2]],
}

impl<'r> Parts<'r> {
    pub(in crate::value) fn read(body: &'r [u8]) -> Result<Self, ValueError> {
        let (head, rest) = body.split_at_checked(8).ok_or_else(|| invalid("the numeric is cut"))?;
        let word = |at: usize| exactly(&head[at..at + 2]);
        let (mut digits, odd) = rest.as_chunks::<2>();
        if usize::from(u16::from_be_bytes(word(0)?)) != digits.len() || !odd.is_empty() {
            return Err(invalid("the numeric has another number of digits than it declares"));
        }
        let sign = match u16::from_be_bytes(word(4)?) {
            0 => Sign::Plus,
            0x4000 => Sign::Minus,
            0xc000 => Sign::NaN,
            0xd000 => Sign::Infinity,
            0xf000 => Sign::NegInfinity,
            _ => return Err(invalid("the numeric has a sign that is not PostgreSQL's")),
        };
        if sign.special().is_some() {
            return Ok(Self { sign, weight: 0, scale: 0, digits: &[] });
        }
        let mut weight = i16::from_be_bytes(word(2)?);
        let scale = u16::from_be_bytes(word(6)?);
        if i64::from(scale) > MAX_SCALE || digits.iter().any(|d| u16::from_be_bytes(*d) > 9_999) {
            return Err(invalid("the numeric's digits or scale are not PostgreSQL's"));
        }
        while let [[0, 0], more @ ..] = digits {
            digits = more;
            weight = weight.checked_sub(1).ok_or_else(|| invalid("the numeric's weight is not PostgreSQL's"))?;
        }
        while let [more @ .., [0, 0]] = digits {
            digits = more;
        }
        if digits.is_empty() {
            return Ok(Self { sign: Sign::Plus, weight: 0, scale, digits });
        }
        Ok(Self { sign, weight, scale, digits })
    }

    pub(in crate::value) fn digits(&self) -> impl ExactSizeIterator<Item = u16> + 'r {
        self.digits.iter().map(|d| u16::from_be_bytes(*d))
    }
}

/// Appends a numeric's field.
pub(in crate::value) fn put_numeric(
    sign: Sign,
    weight: i16,
    scale: u16,
    digits: &[u16],
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    encode_sized(out, |out| {
        let count = u16::try_from(digits.len()).map_err(|_| ValueErrorKind::TooLarge { length: digits.len() })?;
        for word in [count.to_be_bytes(), weight.to_be_bytes(), sign.code().to_be_bytes(), scale.to_be_bytes()] {
            out.extend_from_slice(&word);
        }
        digits.iter().for_each(|d| out.extend_from_slice(&d.to_be_bytes()));
        Ok(())
    })
}

/// The digits of `mantissa`, which is below 10^36, at `scale` decimal places: weight and digits.
pub(in crate::value) fn groups(mantissa: u128, scale: u16) -> (i16, Groups) {
    let pad = (4 - scale % 4) % 4;
    let behind = (scale + pad) / 4;
    let mut rest = mantissa * 10_u128.pow(u32::from(pad));
    let mut groups = Groups { digits: [0; 10], from: 10, to: 10 };
    while rest > 0 && groups.from > 0 {
        groups.from -= 1;
        groups.digits[groups.from] = u16::try_from(rest % 10_000).unwrap_or_default();
        rest /= 10_000;
    }
    let count = i32::try_from(groups.to - groups.from).unwrap_or_default();
    while let [.., 0] = groups.as_slice() {
        groups.to -= 1;
    }
    let weight = if count == 0 { 0 } else { count - 1 - i32::from(behind) };
    (i16::try_from(weight).unwrap_or_default(), groups)
}

/// Up to ten digits to the base 10,000, without zeros around them.
pub(in crate::value) struct Groups {
    digits: [u16; 10],
    from: usize,
    to: usize,
}

impl Groups {
    pub(in crate::value) fn as_slice(&self) -> &[u16] {
        &self.digits[self.from..self.to]
    }
}

#[cold]
fn invalid(reason: &str) -> ValueError {
    ValueErrorKind::Invalid(reason.to_owned()).into()
}
