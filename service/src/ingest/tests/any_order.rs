//! Events in any order give the same result, and everybody whose facts change on the way becomes due.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{SentEvent, TestClub, booking, for_company, membership, names, of, person};
use crate::store::{offerings, row};

#[tokio::test]
async fn name_and_time_zone_of_a_location_have_separate_versions() {
    let at = |location: Value| {
        let span =
            json!({ "location": location, "starts_at": "2026-03-02", "ends_at": "2026-03-03" });
        membership("m1", &person("ada"), span)
    };
    let said = [
        (
            "membership.updated",
            1,
            at(json!({ "id": "l", "time_zone": "Asia/Tokyo" })),
        ),
        (
            "membership.updated",
            2,
            at(json!({ "id": "l", "name": "Hall" })),
        ),
    ];
    let (in_order, reversed) = (TestClub::open().await, TestClub::open().await);
    for (kind, minute, data) in &said {
        in_order.say(kind, *minute, data.clone()).await;
    }
    for (kind, minute, data) in said.iter().rev() {
        reversed.say(kind, *minute, data.clone()).await;
    }
    let [one, other] = [in_order.held().await, reversed.held().await];
    assert!(one.values().next().unwrap().contains("Tokyo"), "{one:?}");
    assert!(one.into_values().eq(other.into_values()));
}

#[tokio::test]
async fn name_and_groups_of_an_offering_have_separate_versions() {
    let stated = |group: i64| json!({ "id": "p", "kind": "membership", "kisi_group": group, "item_kisi_groups": [9] });
    let said = [
        ("offering.updated", 1, stated(8)),
        ("offering.updated", 2, stated(7)),
        (
            "offering.updated",
            3,
            json!({ "id": "p", "kind": "membership", "name": "Desk" }),
        ),
    ];
    for reverse in [false, true] {
        let club = TestClub::open().await;
        let mut said = said.to_vec();
        if reverse {
            said.reverse();
        }
        for (kind, minute, data) in said {
            club.say(kind, minute, data).await;
        }
        let kind = row::OfferingKind::Membership;
        let found = offerings::named(club.db.read(), club.scope, club.source, kind, "p").await;
        let row = found.unwrap().unwrap();
        let groups = (row.kisi_group, row.item_groups.as_deref());
        assert_eq!(
            (row.name.as_str(), groups),
            ("Desk", (Some(7), Some("[9]")))
        );
    }
}

#[tokio::test]
async fn a_person_first_seen_in_a_later_snapshot_is_absent_from_the_earlier_one() {
    let roster = |names: &[&str]| {
        let people: Vec<Value> = names.iter().map(|name| person(name)).collect();
        json!({ "members": people })
    };
    let acme = json!({ "companies": [{ "id": "acme", "members": [person("ida")] }] });
    let said = [
        ("membership.updated", 3, of("m1", "ada")),
        ("membership.updated", 4, for_company("c1", "acme")),
        (
            "company.updated",
            4,
            json!({ "id": "acme", "members": [person("ida")] }),
        ),
        ("roster.snapshot", 5, roster(&["bob"])),
        ("roster.snapshot", 6, json!({ "companies": [] })),
        ("roster.snapshot", 9, roster(&["ada", "bob", "ida"])),
        ("roster.snapshot", 10, acme),
    ];
    let mut ends = Vec::new();
    for order in [
        [0, 1, 2, 3, 4, 5, 6],
        [3, 4, 5, 6, 0, 1, 2],
        [5, 6, 3, 4, 2, 1, 0],
    ] {
        let books = TestClub::open().await;
        for nth in order {
            let (kind, minute, data) = &said[nth];
            let (minute, data) = (*minute * 10 + i64::try_from(nth).unwrap(), data.clone());
            books.say(kind, minute, data).await;
        }
        ends.push((books.holders().await, order));
    }
    for (holders, order) in ends {
        assert_eq!(holders, names([]), "{order:?}");
    }
}

/// One of many small events; `what` selects its kind, `nth` and `other` the people and companies in it.
fn anything(what: u8, nth: u8, other: u8) -> (&'static str, Value) {
    const PEOPLE: [&str; 4] = ["ada", "bob", "cyd", "dan"];
    const COMPANIES: [&str; 2] = ["acme", "bolt"];
    let who = PEOPLE[usize::from(nth % 4)];
    let whom = PEOPLE[usize::from(other % 4)];
    let company = COMPANIES[usize::from(other % 2)];
    let some = |bits: u8| {
        PEOPLE
            .iter()
            .enumerate()
            .filter(move |(nth, _)| bits >> nth & 1 == 1)
    };
    let people = |bits: u8| {
        some(bits)
            .map(|(_, name)| person(name))
            .collect::<Vec<Value>>()
    };
    let own = format!("m-{who}");
    let since = format!("2026-03-01T0{}:00:00Z", other % 8);
    let block = json!({ "blocked": { "reason": "manual", "since": since } });
    let tagged =
        json!({ "id": who, "name": who, "email": format!("{who}@example.com"), "tags": [whom] });
    let inside = json!({ "id": company, "members": people(nth) });
    let held = |bits: u8| {
        some(bits)
            .map(|(_, name)| of(&format!("m-{name}"), name))
            .collect::<Vec<Value>>()
    };
    let moved = json!({ "id": who, "email": format!("{whom}@example.com") });
    match what % 18 {
        0 => ("membership.updated", of(&own, who)),
        1 => (
            "membership.updated",
            membership(&own, &person(who), json!({ "shared_with": [person(whom)] })),
        ),
        2 => ("membership.updated", membership(&own, &person(who), block)),
        3 => ("membership.updated", of(&own, whom)),
        4 => (
            "membership.updated",
            for_company(&format!("c-{company}"), company),
        ),
        5 => ("membership.deleted", json!({ "id": own })),
        6 => (
            "registration.updated",
            booking(&format!("b-{who}"), who, &[whom]),
        ),
        7 => ("member.updated", tagged),
        8 => (
            "member.updated",
            json!({ "id": who, "companies": [{ "id": company }] }),
        ),
        9 => ("member.deleted", json!({ "id": who })),
        10 => ("company.updated", inside),
        11 => ("company.deleted", json!({ "id": company })),
        12 => ("roster.snapshot", json!({ "members": people(nth) })),
        13 => ("roster.snapshot", json!({ "memberships": held(nth) })),
        14 => ("roster.snapshot", json!({ "companies": [inside] })),
        15 => ("member.updated", moved),
        16 => ("member.updated", json!({ "id": who, "email": null })),
        _ => (
            "roster.snapshot",
            // Some hold a membership without being listed.
            json!({ "members": people(nth), "memberships": held(other), "registrations": [] }),
        ),
    }
}

pub(super) fn story() -> impl Strategy<Value = Vec<SentEvent>> {
    let one = (any::<u8>(), any::<u8>(), any::<u8>());
    proptest::collection::vec(one, 1..14).prop_map(|all| {
        let said = all.into_iter().zip(1i64..);
        said.map(|((what, nth, other), minute)| {
            let (kind, data) = anything(what, nth, other);
            (kind, minute, data)
        })
        .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Everybody whose holdings an event changes becomes due, in whatever order the events come, and every order gives the same
    /// result.
    #[test]
    fn everybody_changed_is_due_and_any_order_gives_the_same_result(
        (told, shuffled) in story().prop_flat_map(|told| (Just(told.clone()), Just(told).prop_shuffle())),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let mut ends: Vec<Vec<String>> = Vec::new();
        for order in [&told, &shuffled] {
            let end = runtime.block_on(async {
                let books = TestClub::open().await;
                let mut before = books.held().await;
                for said in order {
                    let due = books.take_in(std::slice::from_ref(said)).await;
                    let after = books.held().await;
                    for id in before.keys().chain(after.keys()) {
                        let (was, is) = (before.get(id), after.get(id));
                        assert!(was == is || due.contains(id), "{said:?}: {was:?} became {is:?}, in {order:#?}");
                    }
                    before = after;
                }
                let mut end: Vec<String> = before.into_values().collect();
                end.sort();
                end
            });
            ends.push(end);
        }
        prop_assert_eq!(&ends[0], &ends[1]);
    }
}
