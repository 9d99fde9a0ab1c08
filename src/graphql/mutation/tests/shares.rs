//! Tests of the mutations of shares and suspensions.

use super::*;
use crate::store::{lookup, members, overrides, row};

/// Shares a scope with a person by e-mail, and returns the id of their member.
pub(super) async fn newcomer(house: &TestClub, scope: &str, email: &str) -> Uuid {
    let input = json!({"who": {"new": {"email": email, "name": "Ann"}}, "scope": scope});
    house.good(share_access(input)).await;
    members::by_email(house.app.db.read(), house.scope, email)
        .await
        .unwrap()
        .unwrap()
        .id
}

#[tokio::test]
async fn a_share_of_somebody_new_makes_a_member_once() {
    let house = TestClub::new().await;
    let account = house.connected().await;
    let group = house.managed("Members").await;
    let ann = newcomer(&house, &group, " Ann@Example.com ").await;
    let member = lookup::by_id::<row::Member>(house.app.db.read(), house.scope, ann)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (member.name.as_str(), member.email.as_deref()),
        ("Ann", Some("ann@example.com"))
    );
    assert_eq!(house.backlog(account.id).await, 1);
    let place = setup::places(house.app.db.read(), house.scope, account.id)
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(
        newcomer(&house, &id(Kind::Place, place.id), "ann@example.com").await,
        ann
    );
    let input = json!({
        "who": {"member": id(Kind::Member, ann)}, "scope": id(Kind::KisiAccount, account.id), "notify": true,
        "from": "2026-04-01T00:00:00Z", "until": "2026-05-01T00:00:00Z", "note": " a guest ",
    });
    house.good(share_access(input)).await;
    let shares = overrides::shares_of(house.app.db.read(), house.scope, &[ann])
        .await
        .unwrap();
    let kinds: Vec<_> = shares.iter().map(|share| share.scope_kind).collect();
    assert_eq!(
        kinds,
        [
            row::ScopeKind::Group,
            row::ScopeKind::Place,
            row::ScopeKind::Account
        ]
    );
    let last = shares.last().unwrap();
    assert_eq!((last.notify, last.note.as_deref()), (true, Some("a guest")));
    assert_eq!(
        (last.from_at, last.until_at),
        (
            Some(instant("2026-04-01T00:00:00Z")),
            Some(instant("2026-05-01T00:00:00Z"))
        )
    );
    assert_eq!(house.history(row::HistoryKind::Shared).await.len(), 3);
}

#[tokio::test]
async fn a_source_that_names_the_e_mail_later_means_the_same_member() {
    let house = TestClub::new().await;
    house.connected().await;
    let group = house.managed("Members").await;
    let ann = newcomer(&house, &group, "ann@example.com").await;
    let event = super::sources::member_event("7", "ann@example.com");
    super::sources::deliver(&house, &house.source("Books").await, "one", &event).await;
    let member = members::by_email(house.app.db.read(), house.scope, "ann@example.com")
        .await
        .unwrap();
    assert_eq!(member.unwrap().id, ann);
}

#[tokio::test]
async fn shares_that_make_no_sense_are_refused() {
    let house = TestClub::new().await;
    house.connected().await;
    let group = house.managed("Members").await;
    let ann = newcomer(&house, &group, "ann@example.com").await;
    let good = json!({"who": {"member": id(Kind::Member, ann)}, "scope": group});
    let with = |field: &str, value: Value| {
        let mut input = good.clone();
        input[field] = value;
        input
    };
    let unmanaged = id(Kind::Group, house.group("Staff").await.id);
    let both = {
        let mut input = with("from", json!("2026-04-02T00:00:00Z"));
        input["until"] = json!("2026-04-02T00:00:00Z");
        input
    };
    let new = |email: &str, name: &str| json!({"new": {"email": email, "name": name}});
    for (input, code, path) in [
        (
            with("who", json!({"member": group})),
            "NOT_FOUND",
            "input.who.member",
        ),
        (
            with("who", json!({"member": id(Kind::Member, new_id())})),
            "NOT_FOUND",
            "input.who.member",
        ),
        (
            with("who", new("ann@", "Ann")),
            "INVALID",
            "input.who.new.email",
        ),
        (
            with("who", new("ann smith@example.com", "Ann")),
            "INVALID",
            "input.who.new.email",
        ),
        (
            with("who", new("bob@example.com", " ")),
            "INVALID",
            "input.who.new.name",
        ),
        (with("scope", json!(unmanaged)), "INVALID", "input.scope"),
        (
            with("scope", json!(id(Kind::Lock, house.lock("Range").await.id))),
            "NOT_FOUND",
            "input.scope",
        ),
        (
            with("scope", json!(id(Kind::Place, new_id()))),
            "NOT_FOUND",
            "input.scope",
        ),
        (with("until", json!(NOON)), "INVALID", "input.until"),
        (both, "INVALID", "input.until"),
    ] {
        assert_eq!(
            house.refused(share_access(input)).await,
            refusal(code, path)
        );
    }
}

#[tokio::test]
async fn a_share_is_ended_and_stays_so() {
    let house = TestClub::new().await;
    let account = house.connected().await;
    let group = house.managed("Members").await;
    let ann = newcomer(&house, &group, "ann@example.com").await;
    let share = overrides::shares_of(house.app.db.read(), house.scope, &[ann])
        .await
        .unwrap()
        .pop()
        .unwrap();
    house.settle(account.id).await;
    let end = || end_share(id(Kind::Share, share.id));
    house.good(end()).await;
    house.good(end()).await;
    let ended = lookup::by_id::<row::Share>(house.app.db.read(), house.scope, share.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended.superseded_at, Some(instant(NOON)));
    assert_eq!(house.backlog(account.id).await, 1);
    assert_eq!(house.history(row::HistoryKind::ShareEnded).await.len(), 1);
    let answer = house.neighbour().await.refused(end()).await;
    assert_eq!(answer, refusal("NOT_FOUND", "share"));
}

#[tokio::test]
async fn a_member_is_suspended_and_resumed() {
    let house = TestClub::new().await;
    let account = house.connected().await;
    let group = house.managed("Members").await;
    let ann = newcomer(&house, &group, "ann@example.com").await;
    house.settle(account.id).await;
    let member = json!(id(Kind::Member, ann));
    let suspend = |reason: &str, until: Value| {
        suspend_member(json!({"member": member, "reason": reason, "until": until}))
    };
    let resume = || resume_member(&member);
    assert_eq!(house.refused(resume()).await, refusal("INVALID", "member"));
    assert_eq!(
        house.refused(suspend(" ", Value::Null)).await,
        refusal("INVALID", "input.reason")
    );
    assert_eq!(
        house.refused(suspend("x", json!(NOON))).await,
        refusal("INVALID", "input.until")
    );

    house.good(suspend("rowdy", Value::Null)).await;
    house
        .good(suspend("very rowdy", json!("2027-01-01T00:00:00Z")))
        .await;
    let current = overrides::suspensions_of(house.app.db.read(), house.scope, &[ann])
        .await
        .unwrap();
    assert_eq!(current.len(), 1);
    assert_eq!(
        (current[0].reason.as_str(), current[0].until_at),
        ("very rowdy", Some(instant("2027-01-01T00:00:00Z")))
    );
    assert_eq!(house.backlog(account.id).await, 1);

    house.settle(account.id).await;
    house.good(resume()).await;
    assert_eq!(house.backlog(account.id).await, 1);
    assert_eq!(house.refused(resume()).await, refusal("INVALID", "member"));
    assert_eq!(house.history(row::HistoryKind::Suspended).await.len(), 2);
    assert_eq!(house.history(row::HistoryKind::Resumed).await.len(), 1);
    let foreign = house.neighbour().await;
    assert_eq!(
        foreign.refused(resume()).await,
        refusal("NOT_FOUND", "member")
    );
    let answer = foreign.refused(suspend("x", Value::Null)).await;
    assert_eq!(answer, refusal("NOT_FOUND", "input.member"));
}
