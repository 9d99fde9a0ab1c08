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

fn word(at: i64, person: u128, source: u128, email: Option<&str>) -> EmailVersion {
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
fn two_sources_that_name_one_email_mean_one_member() {
    let all = resolve(vec![word(1, 1, 1, Some("a")), word(2, 2, 2, Some("a"))], []);
    assert_eq!(all.len(), 1);
    assert!(!all[0].is_shared);
}

#[test]
fn a_changed_email_is_followed() {
    let all = resolve(vec![word(2, 1, 1, Some("b")), word(1, 1, 1, Some("a"))], []);
    assert_eq!((all.len(), all[0].email.as_deref()), (1, Some("b")));
}

#[test]
fn nobody_is_merged_by_guess() {
    let words = vec![
        word(1, 1, 1, Some("a")),
        word(2, 2, 2, Some("b")),
        word(3, 2, 2, Some("a")),
    ];
    let all = resolve(words, []);
    assert_eq!(all.len(), 2);
    assert_eq!(
        (all[1].email.as_deref(), all[1].contested.as_deref()),
        (Some("b"), Some("a"))
    );
}

#[test]
fn an_email_that_became_free_is_taken() {
    let words = vec![
        word(1, 1, 1, Some("a")),
        word(2, 2, 2, Some("b")),
        word(3, 2, 2, Some("a")),
        word(4, 1, 1, Some("c")),
    ];
    let all = resolve(words, []);
    assert_eq!(all[1].email.as_deref(), Some("a"));
    assert_eq!(all[1].contested, None);
}

#[test]
fn two_people_of_one_source_under_one_email_are_marked() {
    let all = resolve(vec![word(1, 1, 1, Some("a")), word(2, 2, 1, Some("a"))], []);
    assert!(all.len() == 1 && all[0].is_shared);
}

#[test]
fn two_people_who_shared_an_email_are_parted_by_another() {
    let shared = vec![word(1, 1, 1, Some("a")), word(2, 2, 1, Some("a"))];
    let parted = [shared.clone(), vec![word(3, 2, 1, Some("b"))]].concat();
    let repeated = [parted.clone(), vec![word(4, 1, 1, Some("a"))]].concat();
    for words in [parted, repeated] {
        let all = resolve(words, []);
        let emails: Vec<_> = all.iter().map(|one| one.email.as_deref()).collect();
        assert_eq!(emails, [Some("a"), Some("b")]);
        assert!(
            all.iter()
                .all(|one| !one.is_shared && one.contested.is_none())
        );
    }
    // The first of them may be the one who leaves.
    let all = resolve([shared, vec![word(3, 1, 1, Some("b"))]].concat(), []);
    let emails: Vec<_> = all.iter().map(|one| one.email.as_deref()).collect();
    assert_eq!(emails, [Some("a"), Some("b")]);
    assert_eq!(all[1].people, [(Uuid::from_u128(1), Tie::Living)]);
}

#[test]
fn whoever_is_known_elsewhere_by_the_new_email_leaves_too() {
    let words = vec![
        word(1, 1, 1, Some("a")),
        word(2, 2, 1, Some("a")),
        word(3, 3, 2, Some("a")),
        word(4, 3, 2, Some("b")),
        word(5, 2, 1, Some("b")),
    ];
    let all = resolve(words, []);
    let people: Vec<_> = all.iter().map(|one| one.people.len()).collect();
    assert_eq!(people, [1, 2]);
    assert_eq!(all[1].email.as_deref(), Some("b"));
}

#[test]
fn an_email_that_became_free_parts_people_too() {
    let words = vec![
        word(1, 1, 1, Some("a")),
        word(2, 2, 1, Some("a")),
        word(3, 3, 1, Some("b")),
        word(4, 2, 1, Some("b")),
        word(5, 3, 1, Some("c")),
    ];
    let all = resolve(words, []);
    let mut emails: Vec<_> = all.iter().map(|one| one.email.as_deref()).collect();
    emails.sort_unstable();
    assert_eq!(emails, [Some("a"), Some("b"), Some("c")]);
}

#[test]
fn of_equal_versions_the_name_decides_and_not_who_came_first() {
    for (first, second) in [(1, 2), (2, 1)] {
        let named = |person, source: u128, at, email| EmailVersion {
            name: (Some(Uuid::from_u128(source)), "x".to_owned()),
            ..word(at, person, source, Some(email))
        };
        let words = vec![
            named(first, 1, 1, "a"),
            named(second, 2, 2, "a"),
            named(first, 1, 3, "b"),
            named(second, 2, 3, "c"),
        ];
        let all = resolve(words, []);
        assert_eq!(all[0].email.as_deref(), Some("c"), "{first} came first");
    }
}

proptest! {
    #[test]
    fn any_order_ends_alike(
        said in proptest::collection::vec((0i64..9, 0u128..5, proptest::option::of("[abc]")), 0..12),
        turns in any::<u64>(),
    ) {
        // Some words share a version, as those of one snapshot do, and our own ids are of the order of arrival.
        let words: Vec<_> = said
            .iter()
            .enumerate()
            .map(|(n, (at, person, email))| EmailVersion {
                version: Version { happened_at: Instant::from_micros(*at), key: (n / 2).to_string() },
                ..word(*at, *person, person % 2, email.as_deref())
            })
            .collect();
        let mut seen = std::collections::HashSet::new();
        let words: Vec<_> = words
            .into_iter()
            .filter(|word| seen.insert((word.version.clone(), word.person)))
            .collect();
        let other = |id: Uuid| Uuid::from_u128(9 - id.as_u128());
        let mut shuffled: Vec<_> = words
            .iter()
            .map(|word| EmailVersion { person: other(word.person), ..word.clone() })
            .collect();
        let mut state = turns | 1;
        for index in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(index, (state >> 33) as usize % (index + 1));
        }
        let mut came = resolve(shuffled, []);
        for one in &mut came {
            one.people.iter_mut().for_each(|(id, _)| *id = other(*id));
        }
        prop_assert_eq!(resolve(words, []), came);
    }
}
