//! Tests of identity resolution: small histories, and properties of any history.

use access::Instant;
use proptest::prelude::*;

use super::{resolve as resolve_history, *};

fn resolve(emails: Vec<EmailVersion>, silent: [Uuid; 0]) -> Vec<IdentityCluster> {
    resolve_history(IdentityHistory {
        emails,
        silent: silent.into(),
        ..IdentityHistory::default()
    })
}

fn version_row(at: i64, person: u128, source: u128, email: Option<&str>) -> EmailVersion {
    EmailVersion {
        version: Version {
            happened_at: Instant::from_micros(at),
            key: format!("k{at}"),
        },
        person: Uuid::from_u128(person),
        name: (Some(Uuid::from_u128(source)), person.to_string()),
        email: email.map(str::to_owned),
    }
}

#[test]
fn two_sources_with_the_same_email_give_one_member() {
    let all = resolve(
        vec![
            version_row(1, 1, 1, Some("a")),
            version_row(2, 2, 2, Some("a")),
        ],
        [],
    );
    assert_eq!(all.len(), 1);
    assert!(!all[0].is_shared);
}

#[test]
fn a_changed_email_is_followed() {
    let all = resolve(
        vec![
            version_row(2, 1, 1, Some("b")),
            version_row(1, 1, 1, Some("a")),
        ],
        [],
    );
    assert_eq!((all.len(), all[0].email.as_deref()), (1, Some("b")));
}

#[test]
fn existing_members_are_never_merged() {
    let version_rows = vec![
        version_row(1, 1, 1, Some("a")),
        version_row(2, 2, 2, Some("b")),
        version_row(3, 2, 2, Some("a")),
    ];
    let all = resolve(version_rows, []);
    assert_eq!(all.len(), 2);
    assert_eq!(
        (all[1].email.as_deref(), all[1].contested.as_deref()),
        (Some("b"), Some("a"))
    );
}

#[test]
fn an_email_that_became_free_is_assigned() {
    let version_rows = vec![
        version_row(1, 1, 1, Some("a")),
        version_row(2, 2, 2, Some("b")),
        version_row(3, 2, 2, Some("a")),
        version_row(4, 1, 1, Some("c")),
    ];
    let all = resolve(version_rows, []);
    assert_eq!(all[1].email.as_deref(), Some("a"));
    assert_eq!(all[1].contested, None);
}

#[test]
fn two_people_of_one_source_under_one_email_are_marked() {
    let all = resolve(
        vec![
            version_row(1, 1, 1, Some("a")),
            version_row(2, 2, 1, Some("a")),
        ],
        [],
    );
    assert!(all.len() == 1 && all[0].is_shared);
}

#[test]
fn people_who_shared_an_email_are_split_when_one_changes_it() {
    let shared = vec![
        version_row(1, 1, 1, Some("a")),
        version_row(2, 2, 1, Some("a")),
    ];
    let parted = [shared.clone(), vec![version_row(3, 2, 1, Some("b"))]].concat();
    let repeated = [parted.clone(), vec![version_row(4, 1, 1, Some("a"))]].concat();
    for version_rows in [parted, repeated] {
        let all = resolve(version_rows, []);
        let emails: Vec<_> = all.iter().map(|one| one.email.as_deref()).collect();
        assert_eq!(emails, [Some("a"), Some("b")]);
        assert!(
            all.iter()
                .all(|one| !one.is_shared && one.contested.is_none())
        );
    }
    // Also when the person who was there first changes the e-mail.
    let all = resolve([shared, vec![version_row(3, 1, 1, Some("b"))]].concat(), []);
    let emails: Vec<_> = all.iter().map(|one| one.email.as_deref()).collect();
    assert_eq!(emails, [Some("a"), Some("b")]);
    assert_eq!(all[1].people, [(Uuid::from_u128(1), Tie::LivingId)]);
}

#[test]
fn a_person_of_another_source_with_the_new_email_moves_too() {
    let version_rows = vec![
        version_row(1, 1, 1, Some("a")),
        version_row(2, 2, 1, Some("a")),
        version_row(3, 3, 2, Some("a")),
        version_row(4, 3, 2, Some("b")),
        version_row(5, 2, 1, Some("b")),
    ];
    let all = resolve(version_rows, []);
    let people: Vec<_> = all.iter().map(|one| one.people.len()).collect();
    assert_eq!(people, [1, 2]);
    assert_eq!(all[1].email.as_deref(), Some("b"));
}

#[test]
fn an_email_that_became_free_splits_people_too() {
    let version_rows = vec![
        version_row(1, 1, 1, Some("a")),
        version_row(2, 2, 1, Some("a")),
        version_row(3, 3, 1, Some("b")),
        version_row(4, 2, 1, Some("b")),
        version_row(5, 3, 1, Some("c")),
    ];
    let all = resolve(version_rows, []);
    let mut emails: Vec<_> = all.iter().map(|one| one.email.as_deref()).collect();
    emails.sort_unstable();
    assert_eq!(emails, [Some("a"), Some("b"), Some("c")]);
}

#[test]
fn equal_versions_are_ordered_by_name_and_not_by_arrival() {
    for (first, second) in [(1, 2), (2, 1)] {
        let named = |person, source: u128, at, email| EmailVersion {
            name: (Some(Uuid::from_u128(source)), "x".to_owned()),
            ..version_row(at, person, source, Some(email))
        };
        let version_rows = vec![
            named(first, 1, 1, "a"),
            named(second, 2, 2, "a"),
            named(first, 1, 3, "b"),
            named(second, 2, 3, "c"),
        ];
        let all = resolve(version_rows, []);
        assert_eq!(all[0].email.as_deref(), Some("c"), "{first} came first");
    }
}

proptest! {
    #[test]
    fn any_order_ends_alike(
        said in proptest::collection::vec((0i64..9, 0u128..5, proptest::option::of("[abc]")), 0..12),
        turns in any::<u64>(),
        ends in proptest::collection::vec((0i64..9, 0u128..5), 0..3),
    ) {
        // Some entries share a version, as those of one snapshot do, and our own ids are in the order of arrival.
        let version_rows: Vec<_> = said
            .iter()
            .enumerate()
            .map(|(n, (at, person, email))| EmailVersion {
                version: Version { happened_at: Instant::from_micros(*at), key: (n / 2).to_string() },
                ..version_row(*at, *person, person % 2, email.as_deref())
            })
            .collect();
        let mut seen = std::collections::HashSet::new();
        let version_rows: Vec<_> = version_rows
            .into_iter()
            .filter(|version_row| seen.insert((version_row.version.clone(), version_row.person)))
            .collect();
        let other = |id: Uuid| Uuid::from_u128(9 - id.as_u128());
        let mut shuffled: Vec<_> = version_rows
            .iter()
            .map(|version_row| EmailVersion { person: other(version_row.person), ..version_row.clone() })
            .collect();
        let mut state = turns | 1;
        for index in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(index, (state >> 33) as usize % (index + 1));
        }
        let ends: Vec<_> = ends.iter().map(|(at, who)| gone(*at, *who, who % 2)).collect();
        let resolve = |emails, ends| {
            resolve_history(IdentityHistory { emails, ends, ..IdentityHistory::default() })
        };
        let mut came = resolve(shuffled, ends.iter().rev().cloned().collect());
        for one in &mut came {
            one.people.iter_mut().for_each(|(id, _)| *id = other(*id));
        }
        prop_assert_eq!(resolve(version_rows, ends), came);
    }
}

fn gone(at: i64, person: u128, source: u128) -> (Version, Name) {
    let version_row = version_row(at, person, source, None);
    (version_row.version, version_row.name)
}

/// By living person: the member's address.
fn addresses(all: &[IdentityCluster]) -> BTreeMap<u128, Option<&str>> {
    let people = all.iter().flat_map(|one| {
        let living = one.people.iter().filter(|(_, tie)| *tie == Tie::LivingId);
        living.map(|(id, _)| (id.as_u128(), one.email.as_deref()))
    });
    people.collect()
}

#[test]
fn a_swap_counts_when_the_first_source_reports_it() {
    // Two sources know both people and report the swap at different times.
    let mut version_rows = vec![
        version_row(1, 1, 1, Some("a")),
        version_row(1, 2, 1, Some("b")),
        version_row(2, 11, 2, Some("a")),
        version_row(2, 12, 2, Some("b")),
        version_row(3, 1, 1, Some("b")),
        version_row(4, 2, 1, Some("a")),
    ];
    for told in [&[][..], &[(5, 11, "b")], &[(5, 11, "b"), (6, 12, "a")]] {
        let told = told
            .iter()
            .map(|(at, who, email)| version_row(*at, *who, 2, Some(*email)));
        version_rows.extend(told);
        let all = resolve(version_rows.clone(), []);
        let emails: Vec<_> = all.iter().map(|one| one.email.as_deref()).collect();
        assert_eq!(emails, [Some("b"), Some("a")]);
        assert!(all.iter().all(|one| one.contested.is_none()), "{all:?}");
    }
}

#[test]
fn a_source_that_repeats_an_older_address_does_not_take_it_back() {
    let version_rows = vec![
        version_row(1, 1, 1, Some("a")),
        version_row(2, 11, 2, Some("a")),
        version_row(3, 1, 1, Some("b")),
        version_row(4, 11, 2, Some("a")),
    ];
    assert_eq!(resolve(version_rows, [])[0].email.as_deref(), Some("b"));
}

#[test]
fn a_new_person_at_an_abandoned_address_is_a_new_member() {
    let mut version_rows = vec![
        version_row(1, 1, 1, Some("a")),
        version_row(2, 2, 2, Some("b")),
        version_row(3, 1, 1, Some("b")),
        version_row(4, 3, 3, Some("a")),
    ];
    let all = resolve(version_rows.clone(), []);
    assert_eq!(
        addresses(&all),
        [(1, None), (2, Some("b")), (3, Some("a"))].into()
    );
    version_rows.push(version_row(5, 2, 2, Some("c")));
    let all = resolve(version_rows, []);
    assert_eq!(
        addresses(&all),
        [(1, Some("b")), (2, Some("c")), (3, Some("a"))].into()
    );
}

#[test]
fn a_person_identified_by_an_address_alone_follows_it() {
    let guest = EmailVersion {
        name: (Some(Uuid::from_u128(2)), "mailto:g".to_owned()),
        ..version_row(1, 9, 2, Some("g"))
    };
    let mut version_rows = vec![
        guest,
        version_row(2, 1, 1, Some("a")),
        version_row(3, 1, 1, Some("g")),
    ];
    let all = resolve(version_rows.clone(), []);
    assert_eq!((all.len(), all[0].people.len()), (1, 2));
    version_rows.push(version_row(4, 1, 1, Some("h")));
    let all = resolve(version_rows, []);
    assert_eq!((all.len(), addresses(&all)), (2, [(1, Some("h"))].into()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, failure_persistence: None, ..ProptestConfig::default() })]

    /// If no two living people of a source claim the same address in the end, each person has their own, whatever happened
    /// before: people arrived, left, came back and passed addresses on.
    #[test]
    fn each_address_is_whose_it_was_said_to_be_last(
        said in proptest::collection::vec((0u128..6, proptest::option::of(0u8..5)), 0..24),
        turn in Just(vec![0u8, 1, 2, 3, 4, 5]).prop_shuffle(),
        is_gone in any::<[bool; 6]>(),
    ) {
        let name = |address: u8| (b'a' + address).to_string();
        let (mut emails, mut ends) = (Vec::new(), Vec::new());
        let last = turn.iter().zip(0u128..).map(|(address, who)| {
            (who, (!is_gone[usize::from(*address)]).then_some(*address))
        });
        // People without an address in the end are gone.
        for (at, (who, address)) in (1i64..).zip(said.iter().copied().chain(last)) {
            match address {
                Some(address) => emails.push(version_row(at, who, 1, Some(&name(address)))),
                None => {
                    ends.retain(|(_, (_, gone)): &(Version, Name)| *gone != who.to_string());
                    ends.push(gone(at, who, 1));
                }
            }
        }
        let all = resolve_history(IdentityHistory { emails, ends, ..IdentityHistory::default() });
        let mut expected = BTreeMap::new();
        for (who, address) in (0u128..).zip(&turn) {
            if !is_gone[usize::from(*address)] {
                expected.insert(who, Some(name(*address)));
            }
        }
        let found: BTreeMap<u128, Option<String>> = addresses(&all)
            .into_iter()
            .map(|(who, email)| (who, email.map(str::to_owned)))
            .collect();
        prop_assert_eq!(found, expected, "{:#?}", all);
        prop_assert!(all.iter().all(|one| one.contested.is_none() && !one.is_shared), "{:#?}", all);
        let mut had: BTreeSet<&str> = BTreeSet::new();
        let emails = all.iter().filter_map(|one| one.email.as_deref());
        prop_assert!(emails.into_iter().all(|email| had.insert(email)), "{:#?}", all);
    }
}
