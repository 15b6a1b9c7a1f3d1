//! When many facts of one kind become a number.
//! The rule: only what is as it should be is collapsed. What somebody has to look at is spelled out.

use std::collections::BTreeMap;

use kernel::{DestinationId, OrganisationId, Timestamp};

use super::{FactKind, end_of_minute};

/// Who hears of what: an organisation's destination, or the chat of the configuration.
type Heard = (OrganisationId, Option<DestinationId>, FactKind);

/// Counts, per destination and kind, what was heard of within a minute.
#[derive(Debug, Default)]
pub struct Flood {
    /// From how many facts within a minute on there is a flood; none: there never is one.
    from: Option<u32>,
    heard: BTreeMap<Heard, u32>,
}

impl Flood {
    /// Counts on from what was `heard` of in the last minute.
    #[must_use]
    pub fn new(from: Option<u32>, heard: impl IntoIterator<Item = (Heard, u32)>) -> Self {
        Self { from, heard: heard.into_iter().collect() }
    }

    /// Counts one more fact. When it is one too many, it is told with the others when the minute is over: then.
    pub fn next(&mut self, of: Heard, now: Timestamp) -> Option<Timestamp> {
        let from = self.from.filter(|_| of.2.collapses())?;
        let heard = self.heard.entry(of).or_default();
        *heard = heard.saturating_add(1);
        (*heard > from).then(|| end_of_minute(now))
    }
}

#[cfg(test)]
mod tests {
    use kernel::Clock;

    use super::*;

    #[test]
    fn more_than_so_many_of_a_kind_for_one_destination_are_told_when_the_minute_is_over() {
        let (organisation, now) = (OrganisationId::new(), Clock::now());
        let placed = (organisation, None, FactKind::OrderPlaced);
        let mut flood = Flood::new(Some(3), [(placed, 2)]);
        assert_eq!(flood.next(placed, now), None);
        assert_eq!(flood.next(placed, now), Some(end_of_minute(now)));
        let elsewhere = (organisation, Some(DestinationId::new()), FactKind::OrderPlaced);
        assert_eq!(flood.next(elsewhere, now), None, "another destination has heard nothing");
        for _ in 0..9 {
            assert_eq!(flood.next((organisation, None, FactKind::OrderRejected), now), None, "urgent facts are told");
        }
        let mut never = Flood::new(None, [(placed, 1_000)]);
        assert_eq!(never.next(placed, now), None);
    }
}
