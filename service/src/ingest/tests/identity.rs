//! Identity while people change, swap, give up and take over addresses: a member follows the source's ids, and an address belongs
//! to the member that claims it now.

use crate::transaction;
use proptest::prelude::*;

use super::*;
use crate::{
    ingest::removal,
    store::{lookup, row},
};

/// A person with this local part of an address; none means that the source says that there is no e-mail.
fn at(id: &str, email: Option<&str>) -> Value {
    let email = email.map(|name| format!("{name}@example.com"));
    json!({ "id": id, "name": id, "email": email })
}

fn gold(id: &str, who: &str, email: &str) -> Value {
    membership(id, &at(who, Some(email)), json!({}))
}

impl TestClub {
    /// By member name: the local part of the address, and the codes of the problems.
    async fn people(&self) -> BTreeMap<String, (Option<String>, Vec<String>)> {
        let ids: Vec<Uuid> = self.names().await.into_keys().collect();
        let rows = lookup::by_ids::<row::Member>(self.db.read(), self.scope, &ids)
            .await
            .unwrap();
        let local = |email: String| email.split('@').next().unwrap_or_default().to_owned();
        let shown = rows.into_iter().map(|row| {
            let problems: Vec<Value> =
                serde_json::from_str(row.problems.as_deref().unwrap_or("[]")).unwrap();
            let codes = problems
                .iter()
                .map(|one| one["code"].as_str().unwrap_or_default().to_owned());
            (row.name, (row.email.map(local), codes.collect()))
        });
        shown.collect()
    }

    async fn id_of(&self, name: &str) -> Uuid {
        let names = self.names().await;
        names.into_iter().find(|(_, one)| one == name).unwrap().0
    }
}

fn without_problems<const N: usize>(
    people: [(&str, Option<&str>); N],
) -> BTreeMap<String, (Option<String>, Vec<String>)> {
    let owned =
        people.map(|(name, email)| (name.to_owned(), (email.map(str::to_owned), Vec::new())));
    owned.into()
}

#[tokio::test]
async fn two_people_swap_addresses_in_any_order() {
    let said = [
        ("membership.updated", 1, gold("m1", "ada", "a")),
        ("membership.updated", 2, gold("m2", "bob", "b")),
        ("member.updated", 3, at("ada", Some("b"))),
        ("member.updated", 4, at("bob", Some("a"))),
    ];
    for order in [[0, 1, 2, 3], [0, 1, 3, 2], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let books = TestClub::open().await;
        for nth in order {
            books.take_in(&said[nth..=nth]).await;
        }
        let swapped = without_problems([("ada", Some("b")), ("bob", Some("a"))]);
        assert_eq!(books.people().await, swapped, "{order:?}");
    }
}

#[tokio::test]
async fn three_people_swap_addresses_within_one_snapshot() {
    let books = TestClub::open().await;
    let roster = |emails: [&str; 3]| {
        let people = ["ada", "bob", "cyd"].into_iter().zip(emails);
        let people: Vec<Value> = people.map(|(id, email)| at(id, Some(email))).collect();
        json!({ "members": people })
    };
    books
        .say("roster.snapshot", 1, roster(["a", "b", "c"]))
        .await;
    let before = books.id_of("ada").await;
    books
        .say("roster.snapshot", 2, roster(["b", "c", "a"]))
        .await;
    let swapped = without_problems([("ada", Some("b")), ("bob", Some("c")), ("cyd", Some("a"))]);
    assert_eq!(books.people().await, swapped);
    assert_eq!(books.id_of("ada").await, before);
}

#[tokio::test]
async fn the_address_of_a_deleted_person_is_free() {
    let books = TestClub::open().await;
    books
        .say("membership.updated", 1, gold("m1", "ada", "a"))
        .await;
    books
        .say("membership.updated", 2, gold("m2", "bob", "b"))
        .await;
    books.say("member.updated", 3, at("ada", Some("b"))).await;
    let (email, problems) = books.people().await["ada"].clone();
    assert_eq!(
        (email.as_deref(), problems),
        (Some("a"), vec!["CONTESTED_EMAIL".to_owned()])
    );
    let due = books.say("member.deleted", 4, json!({ "id": "bob" })).await;
    assert!(due.contains("ada"), "{due:?}");
    let free = without_problems([("ada", Some("b")), ("bob", None)]);
    assert_eq!(books.people().await, free);
}

#[tokio::test]
async fn the_address_of_a_person_absent_from_a_snapshot_is_free() {
    let books = TestClub::open().await;
    let both = json!({ "members": [at("ada", Some("a")), at("bob", Some("b"))] });
    books.say("roster.snapshot", 1, both).await;
    books
        .say(
            "roster.snapshot",
            2,
            json!({ "members": [at("ada", Some("a"))] }),
        )
        .await;
    books.say("member.updated", 3, at("ada", Some("b"))).await;
    let free = without_problems([("ada", Some("b")), ("bob", None)]);
    assert_eq!(books.people().await, free);
}

#[tokio::test]
async fn the_address_of_a_guest_without_an_id_is_free() {
    let books = TestClub::open().await;
    books
        .say("membership.updated", 1, gold("m1", "ada", "a"))
        .await;
    let mut visit = booking("b1", "ada", &[]);
    visit["member"] = at("ada", Some("a"));
    visit["guests"] = json!([{ "email": "g@example.com" }]);
    books.say("registration.updated", 2, visit).await;
    let ada = books.id_of("ada").await;
    assert_eq!(books.people().await.len(), 2);
    books.say("member.updated", 3, at("ada", Some("G"))).await;
    assert_eq!(books.people().await, without_problems([("ada", Some("g"))]));
    assert_eq!(books.id_of("ada").await, ada);
}

#[tokio::test]
async fn the_address_of_a_removed_source_is_free() {
    let books = TestClub::open().await;
    let desk = TestClub {
        source: new_id(),
        ..TestClub::open().await
    };
    let (scope, source, now) = (books.scope, desk.source, noon());
    let of_desk = TestClub {
        db: books.db.clone(),
        scope,
        account: books.account,
        ..desk
    };
    let made = transaction!(books.db, |tx| {
        let row = row::Source {
            name: "desk".to_owned(),
            path_key: "desk".to_owned(),
            ..source_row(scope, source)
        };
        sources::create(tx, row).await
    });
    made.await.unwrap();
    of_desk
        .say("membership.updated", 1, gold("m1", "bob", "b"))
        .await;
    books
        .say("membership.updated", 2, gold("m2", "ada", "a"))
        .await;
    books.say("member.updated", 3, at("ada", Some("b"))).await;
    assert_eq!(books.people().await["ada"].1, ["CONTESTED_EMAIL"]);
    let removed = transaction!(books.db, |tx| {
        sources::remove(tx, scope, source, now).await?;
        removal::free_addresses(tx, scope, source, now, &due::Cause::enforced("removed")).await
    });
    removed.await.unwrap();
    let free = without_problems([("ada", Some("b")), ("bob", None)]);
    assert_eq!(books.people().await, free);
}

#[tokio::test]
async fn a_person_who_comes_back_under_a_new_id_stays_the_same_member() {
    let said = [
        ("membership.updated", 1, gold("c1", "id1", "x")),
        ("member.deleted", 2, json!({ "id": "id1" })),
        ("membership.updated", 3, gold("c2", "id2", "x")),
        ("member.updated", 4, at("id2", Some("y"))),
    ];
    for order in [[0, 1, 2, 3], [0, 2, 1, 3], [0, 2, 3, 1]] {
        let books = TestClub::open().await;
        books.take_in(&said[..1]).await;
        let member = books.id_of("id1").await;
        for nth in &order[1..] {
            books.take_in(&said[*nth..=*nth]).await;
        }
        assert_eq!(
            books.people().await,
            without_problems([("id2", Some("y"))]),
            "{order:?}"
        );
        assert_eq!(books.id_of("id2").await, member, "{order:?}");
    }
}

#[tokio::test]
async fn nothing_changes_when_all_people_of_a_club_come_back_under_new_ids() {
    let roster = |prefix: &str, with_people: bool| {
        let held = |n: u8| {
            gold(
                &format!("{prefix}{n}"),
                &format!("{prefix}{n}"),
                &format!("e{n}"),
            )
        };
        let people = |n: u8| at(&format!("{prefix}{n}"), Some(&format!("e{n}")));
        let (people, held): (Vec<Value>, Vec<Value>) =
            (0..20).map(|n| (people(n), held(n))).unzip();
        let mut roster = json!({ "memberships": held });
        if with_people {
            roster["members"] = json!(people);
        }
        roster
    };
    for with_people in [true, false] {
        let books = TestClub::open().await;
        books
            .say("roster.snapshot", 1, roster("old", with_people))
            .await;
        let before: BTreeSet<Uuid> = books.names().await.into_keys().collect();
        books
            .say("roster.snapshot", 2, roster("new", with_people))
            .await;
        let people = books.people().await;
        assert!(
            people.values().all(|(_, problems)| problems.is_empty()),
            "{people:?}"
        );
        let after: BTreeSet<Uuid> = books.names().await.into_keys().collect();
        assert_eq!(before, after);
        assert_eq!(books.holders().await.len(), 20);
        // A person who came back stays the same member under another address.
        let member = books.id_of("new3").await;
        books.say("member.updated", 3, at("new3", Some("z"))).await;
        assert_eq!(books.id_of("new3").await, member);
        assert_eq!(
            books.people().await["new3"],
            (Some("z".to_owned()), Vec::new())
        );
    }
}

#[tokio::test]
async fn an_address_that_was_given_up_belongs_to_the_next_claimant() {
    let books = TestClub::open().await;
    books
        .say("membership.updated", 1, gold("m1", "ada", "a"))
        .await;
    books
        .say("membership.updated", 2, gold("m2", "bob", "b"))
        .await;
    books.say("member.updated", 3, at("ada", None)).await;
    books.say("member.updated", 4, at("bob", Some("a"))).await;
    let people = books.people().await;
    assert_eq!(people["ada"], (None, vec!["NO_EMAIL".to_owned()]));
    assert_eq!(people["bob"], (Some("a".to_owned()), Vec::new()));
}

/// The steps of a history: indexes of the person, the action and the address.
fn steps() -> impl Strategy<Value = Vec<(usize, u8, usize)>> {
    proptest::collection::vec((0usize..4, 0u8..4, 0usize..4), 1..14)
}

const PEOPLE: [&str; 4] = ["ada", "bob", "cyd", "dan"];
const ADDRESSES: [&str; 4] = ["a", "b", "c", "d"];

fn step((who, what, address): (usize, u8, usize), minute: i64) -> SentEvent {
    let (id, email) = (PEOPLE[who], ADDRESSES[address]);
    match what {
        0 => ("member.deleted", minute, json!({ "id": id })),
        1 => (
            "membership.updated",
            minute,
            gold(&format!("m-{id}"), id, email),
        ),
        _ => ("member.updated", minute, at(id, Some(email))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// However people passed addresses on, in the end each has the address that was reported for them last, and is the same
    /// member as in the beginning.
    #[test]
    fn each_address_ends_with_the_person_who_said_it_last(
        told in steps(),
        turn in Just(vec![0usize, 1, 2, 3]).prop_shuffle(),
        gone in any::<[bool; 4]>(),
        late in any::<prop::sample::Index>(),
        shuffle in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let begin: Vec<SentEvent> = (0..4).map(|who| step((who, 1, who), who as i64 + 1)).collect();
        let mut story: Vec<SentEvent> = told.iter().zip(10..).map(|(one, minute)| step(*one, minute)).collect();
        for (who, minute) in (0..4).zip(100..) {
            // A person who is deleted at the end leaves an address that another person takes, or nobody.
            let what = if gone[who] { 0 } else { 2 };
            story.push(step((who, what, turn[who]), minute));
        }
        if shuffle {
            let at = late.index(story.len());
            story.rotate_left(at);
            story.push(story[0].clone());
        }
        runtime.block_on(async {
            let books = TestClub::open().await;
            books.take_in(&begin).await;
            let mut before = BTreeMap::new();
            for name in PEOPLE {
                before.insert(name, books.id_of(name).await);
            }
            for said in &story {
                books.take_in(std::slice::from_ref(said)).await;
            }
            let people = books.people().await;
            assert_eq!(people.len(), 4, "{story:#?}");
            for (who, name) in PEOPLE.into_iter().enumerate() {
                assert_eq!(books.id_of(name).await, before[name], "{name} in {story:#?}");
                let (email, problems) = &people[name];
                assert!(problems.is_empty(), "{name} {people:?} in {story:#?}");
                if !gone[who] {
                    assert_eq!(email.as_deref(), Some(ADDRESSES[turn[who]]), "{name} in {story:#?}");
                }
            }
        });
    }
}
