//! Barcodes: the GTINs of GS1 with 8, 12, 13 or 14 digits. The rule: the last digit checks the others, so a barcode that was
//! mistyped in one digit does not exist.

use kernel::Malformed;

/// A GTIN, as it is printed.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Barcode(String);

impl Barcode {
    /// Takes the digits of a GTIN.
    ///
    /// # Errors
    /// When it has another number of digits, something else than digits, or another check digit than its digits have.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let trimmed = text.trim();
        if !matches!(trimmed.len(), 8 | 12 | 13 | 14) || !trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Malformed::new("barcode", "must be a GTIN of 8, 12, 13 or 14 digits"));
        }
        let (digits, last) = trimmed.split_at(trimmed.len() - 1);
        let expected = check_digit(digits);
        if last.as_bytes() != [expected] {
            let reason = format!("must end with its check digit, which is {}", char::from(expected));
            return Err(Malformed::new("barcode", reason));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

/// From the right, the digits count three times and once in turn; the check digit makes the sum a multiple of ten.
fn check_digit(digits: &str) -> u8 {
    let weighted = digits.bytes().rev().zip([3_u32, 1].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    b'0' + u8::try_from((10 - sum % 10) % 10).unwrap_or_default()
}

kernel::text!(Barcode, {"type": "string", "pattern": "^([0-9]{8}|[0-9]{12,14})$"});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_ones_are_taken() {
        // GTIN-8, UPC-A, EAN-13 (two), GTIN-14.
        for real in ["96385074", "036000291452", "4006381333931", "8934563138165", "10614141000415"] {
            assert_eq!(Barcode::parse(real).map(|barcode| barcode.to_string()), Ok(real.to_owned()));
        }
        assert_eq!(Barcode::parse(" 96385074 ").unwrap().as_str(), "96385074");
    }

    #[test]
    fn a_digit_that_is_wrong_is_noticed_wherever_it_stands() {
        let real = "4006381333931";
        for at in 0..real.len() {
            for digit in b'0'..=b'9' {
                let mut typed = real.as_bytes().to_vec();
                typed[at] = digit;
                let typed = String::from_utf8(typed).unwrap();
                assert_eq!(Barcode::parse(&typed).is_ok(), typed == real, "{typed}");
            }
        }
        let refused = Barcode::parse("4006381333932").unwrap_err();
        assert_eq!(refused.reason(), "must end with its check digit, which is 1");
    }

    #[test]
    fn what_is_no_gtin_is_refused() {
        for wrong in ["", "0", "123456789", "40063813339３1", "400638133393X", "123456789012345"] {
            assert!(Barcode::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
