//! Matches offerings and groups by name, for platforms that map nothing to Kisi's groups. Only a name that one offering of its kind
//! and one group have is a match. Pure.

use std::collections::BTreeMap;

use super::AmbiguousName;
use crate::store::{
    fold,
    row::{self, OfferingKind},
};

/// Words that say what a name is for, and not which one it is.
const FILLERS: [&str; 16] = [
    "access",
    "customer",
    "customers",
    "door",
    "doors",
    "group",
    "groups",
    "kisi",
    "member",
    "members",
    "membership",
    "memberships",
    "plan",
    "plans",
    "the",
    "type",
];

/// What the comparison found.
#[derive(Default)]
pub(super) struct SameNames<'a> {
    pub pairs: Vec<(&'a row::Offering, &'a row::Group)>,
    pub ambiguous: Vec<AmbiguousName>,
}

/// Compares memberships and billing items, unless the platform says what their groups are, with the groups.
pub(super) fn same<'a>(offerings: &'a [row::Offering], groups: &[&'a row::Group]) -> SameNames<'a> {
    let mut by_name: BTreeMap<String, Vec<&'a row::Group>> = BTreeMap::new();
    for group in groups.iter().copied() {
        by_name
            .entry(comparable(&group.name))
            .or_default()
            .push(group);
    }
    let mut sold: BTreeMap<_, Vec<&'a row::Offering>> = BTreeMap::new();
    for offering in offerings {
        let is_sold = matches!(
            offering.kind,
            OfferingKind::Membership | OfferingKind::BillingItem
        );
        let name = comparable(&offering.name);
        if is_sold && offering.groups_happened_at.is_none() && !name.is_empty() {
            let is_membership = offering.kind == OfferingKind::Membership;
            sold.entry((!is_membership, name))
                .or_default()
                .push(offering);
        }
    }
    let mut same = SameNames::default();
    for ((_, name), offerings) in sold {
        match (offerings.as_slice(), by_name.get(&name).map(Vec::as_slice)) {
            (_, None | Some([])) => {}
            ([offering], Some([group])) => same.pairs.push((offering, group)),
            (offerings, Some(groups)) => same.ambiguous.push(AmbiguousName {
                offerings: offerings.iter().map(|it| (*it).clone()).collect(),
                groups: groups.iter().map(|it| (*it).clone()).collect(),
            }),
        }
    }
    same
}

/// The name without case, accents, punctuation and fillers; empty if it consists of fillers.
fn comparable(name: &str) -> String {
    let folded = fold(name);
    let words = folded.split(|letter: char| !letter.is_alphanumeric() && letter != '+');
    let words = words.filter(|word| !word.is_empty() && !FILLERS.contains(word));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_spaces_and_fillers_make_no_difference() {
        for (one, other) in [
            ("Unlimited Membership", "unlimited"),
            ("Élite", "ELITE  members"),
            ("Off-peak", "Off peak (access)"),
            ("Gold", "Gold Access Group"),
        ] {
            assert_eq!(comparable(one), comparable(other), "{one}");
        }
        for (one, other) in [("Gold", "Gold+"), ("Gold", "Golden"), ("Day 1", "Day 2")] {
            assert_ne!(comparable(one), comparable(other), "{one}");
        }
        assert_eq!(comparable("Members access"), "");
    }
}
