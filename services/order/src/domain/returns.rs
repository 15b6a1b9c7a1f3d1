//! Goods that come back. The rule: a return is asked for, then approved or declined, and received once; what it was about and did not
//! come back may be asked for anew.

use kernel::{ReturnId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{parcel::SkuPieces, wording::Remark};

/// Where a return stands.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ReturnStatus {
    /// Somebody wants to give pieces back.
    Requested,
    /// They are taken once they are there.
    Approved,
    /// They are not taken.
    Declined,
    /// They came back.
    Received,
}

/// What is done with a return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnStep {
    /// It is taken once it is there.
    Approve,
    /// It is not taken.
    Decline,
    /// It is there.
    Receive,
}

/// What a step makes of a return; `None` where it was done before.
///
/// # Errors
/// Where the return stands when the step cannot be done with it any more.
pub fn advance(from: ReturnStatus, step: ReturnStep) -> Result<Option<ReturnStatus>, ReturnStatus> {
    use ReturnStatus::{Approved, Declined, Received, Requested};
    match (from, step) {
        (Requested, ReturnStep::Approve) => Ok(Some(Approved)),
        (Requested | Approved, ReturnStep::Decline) => Ok(Some(Declined)),
        // Whoever takes the goods in has approved of it.
        (Requested | Approved, ReturnStep::Receive) => Ok(Some(Received)),
        (Approved, ReturnStep::Approve) | (Declined, ReturnStep::Decline) | (Received, ReturnStep::Receive) => Ok(None),
        (Declined, ReturnStep::Approve | ReturnStep::Receive)
        | (Received, ReturnStep::Approve | ReturnStep::Decline) => Err(from),
    }
}

/// A return as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Return {
    /// Its identity.
    pub id: ReturnId,
    /// Where it stands.
    pub status: ReturnStatus,
    /// Why, in the words of staff; shoppers are not shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Remark>,
    /// What was to come back.
    pub lines: Vec<SkuPieces>,
    /// What came back and can be sold again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restocked: Vec<SkuPieces>,
    /// What came back and cannot be sold again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written_off: Vec<SkuPieces>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it was approved, declined or received, whichever was last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_is_settled_once_and_a_repeat_changes_nothing() {
        use ReturnStatus::{Approved, Declined, Received, Requested};
        let ends = [Requested, Approved, Declined, Received].map(|from| {
            [ReturnStep::Approve, ReturnStep::Decline, ReturnStep::Receive].map(|step| advance(from, step))
        });
        assert_eq!(
            ends,
            [
                [Ok(Some(Approved)), Ok(Some(Declined)), Ok(Some(Received))],
                [Ok(None), Ok(Some(Declined)), Ok(Some(Received))],
                [Err(Declined), Ok(None), Err(Declined)],
                [Err(Received), Err(Received), Ok(None)],
            ]
        );
    }
}
