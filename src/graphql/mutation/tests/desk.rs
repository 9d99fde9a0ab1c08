//! What the role DESK may change: shares of at most a day, and suspensions of its own.

use super::{shares::newcomer, *};
use crate::store::overrides;

/// The front desk of a club with a connected organization, a managed group and a member with a share that lasts for good.
async fn desk() -> (TestClub, String, Uuid) {
    let mut club = TestClub::new().await;
    club.connected().await;
    let group = club.managed("Members").await;
    let ann = newcomer(&club, &group, "ann@example.com").await;
    club.role = row::Role::Desk;
    (club, group, ann)
}

#[tokio::test]
async fn the_front_desk_shares_for_a_day_at_most() {
    let (club, group, ann) = desk().await;
    let member = id(Kind::Member, ann);
    let share = |scope: &str, from: Option<&str>, until: Option<&str>| {
        share_access(json!({
            "who": {"member": member}, "scope": scope, "from": from, "until": until
        }))
    };
    let account = kisi_accounts::all(club.app.db.read(), club.scope)
        .await
        .unwrap()
        .pop()
        .unwrap();
    let account = id(Kind::KisiAccount, account.id);
    let (evening, tomorrow) = ("2026-03-02T20:00:00Z", "2026-03-03T12:00:01Z");
    for (mutation, path) in [
        (share(&group, None, None), "input.until"),
        (share(&group, None, Some(tomorrow)), "input.until"),
        (
            share(&group, Some("2026-03-01T00:00:00Z"), Some(tomorrow)),
            "input.until",
        ),
        (
            share(
                &group,
                Some("2026-03-09T12:00:01Z"),
                Some("2026-03-09T13:00:00Z"),
            ),
            "input.from",
        ),
        (share(&account, None, Some(evening)), "input.scope"),
    ] {
        assert_eq!(club.refused(mutation).await, refusal("INVALID", path));
    }
    let made = club.good(share(&group, None, Some(evening))).await;
    let later = share(
        &group,
        Some("2026-03-09T11:00:00Z"),
        Some("2026-03-10T11:00:00Z"),
    );
    club.good(later).await;

    club.good(end_share(made["share"]["id"].clone())).await;
    let shares = overrides::shares_of(club.app.db.read(), club.scope, &[ann])
        .await
        .unwrap();
    assert_eq!(shares.len(), 2, "{shares:?}");
    let lasting = shares.iter().find(|share| share.until_at.is_none());
    let lasting = id(Kind::Share, lasting.unwrap().id);
    let refused = club.refused(end_share(lasting)).await;
    assert_eq!(refused, refusal("INVALID", "share"));
}

#[tokio::test]
async fn the_front_desk_lifts_only_its_own_suspensions() {
    let (mut club, _, ann) = desk().await;
    let member = id(Kind::Member, ann);
    let suspend = |until: Option<&str>| {
        suspend_member(json!({"member": member, "reason": "lost card", "until": until}))
    };
    club.good(suspend(None)).await;
    club.good(suspend(Some("2026-03-02T20:00:00Z"))).await;
    club.good(resume_member(&member)).await;
    club.good(suspend(Some("2026-03-02T12:00:01Z"))).await;

    let admin = row::Suspension {
        id: new_id(),
        club_id: club.scope.club,
        member_id: ann,
        reason: "violence".to_owned(),
        until_at: None,
        actor: Some("the manager".to_owned()),
        learned_at: instant(NOON),
        superseded_at: None,
    };
    let stored = transaction!(club.app.db, |tx| overrides::suspend(tx, admin).await);
    stored.await.unwrap();
    let refused = club.refused(resume_member(&member)).await;
    assert_eq!(refused, refusal("INVALID", "member"));
    // A shorter suspension would replace the other one.
    let refused = club.refused(suspend(Some("2026-03-02T12:00:01Z"))).await;
    assert_eq!(refused, refusal("INVALID", "input.member"));
    club.role = row::Role::Admin;
    club.good(resume_member(&member)).await;
}
