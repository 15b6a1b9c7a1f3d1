//! A country, as ISO 3166-1 names it with two letters.

use crate::malformed::Malformed;

/// The officially assigned codes of ISO 3166-1 alpha-2.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV \
    BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM \
    FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM \
    JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR \
    MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS \
    RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ \
    UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// An ISO 3166-1 alpha-2 code in upper case.
#[derive(Clone, PartialEq, Eq)]
pub struct Country(String);

impl Country {
    /// Checks a code; its case does not matter.
    ///
    /// # Errors
    /// `Malformed` when no country has it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let code = text.to_ascii_uppercase();
        if code.len() == 2 && CODES.split_ascii_whitespace().any(|known| known == code) {
            return Ok(Self(code));
        }
        Err(Malformed::new("country", "must be a code of two letters that ISO 3166-1 assigns, such as VN"))
    }
}

crate::text!(Country, {
    "type": "string",
    "minLength": 2, "maxLength": 2,
    "description": "An ISO 3166-1 alpha-2 code, such as VN.",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_assigned_codes_are_countries() {
        assert_eq!(Country::parse("vn").unwrap().as_str(), "VN");
        for refused in ["", "V", "XX", "EU", "VNM", "V N", "UK"] {
            assert!(Country::parse(refused).is_err(), "{refused}");
        }
        assert_eq!(CODES.split_ascii_whitespace().count(), 249);
    }
}
