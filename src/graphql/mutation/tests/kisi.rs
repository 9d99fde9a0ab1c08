//! Tests of the mutations of Kisi accounts and groups, against the sandbox.

use super::*;
use crate::store::{grants, kisi_accounts::CallCredentials, lookup, row};
use crate::transaction;
use latchkey_sandbox::{Fault, FaultKind};

mod logins;

fn by_key(key: &str) -> Value {
    json!({"name": "House", "credentials": {"apiKey": key}})
}

fn by_login(password: &str, otp: Option<&str>) -> Value {
    let login =
        json!({"email": "owner@example.com", "password": password, "domain": DOMAIN, "otp": otp});
    json!({"name": "House", "credentials": {"login": login}})
}

const DOMAIN: &str = "example-club";
const PASSWORD: &str = "correct horse battery staple";

/// Stores a confirmed grant of a new member in a group, as the reconcile loop would have made it.
async fn grant(house: &TestClub, account: Uuid, group: Uuid) -> Uuid {
    let email = format!("{}@example.com", new_id());
    let member = super::shares::newcomer(house, &id(Kind::Group, group), &email).await;
    let row = row::Grant {
        id: new_id(),
        club_id: house.scope.club,
        account_id: account,
        member_id: member,
        kisi_user_id: new_id(),
        scope_kind: row::ScopeKind::Group,
        scope_id: group,
        kisi_id: Some(1),
        valid_from: None,
        valid_until: None,
        state: row::GrantState::Confirmed,
        intent: row::Intent::None,
        want_from: None,
        want_until: None,
        notify: false,
        problem: None,
        created_at: 0,
        missed_at: None,
        external: false,
        adopted: false,
        asked_differs: false,
        asked_from: None,
        asked_until: None,
        confirmed_at: Some(0),
    };
    let put: Result<(), StoreError> =
        transaction!(house.app.db, |tx| grants::add_grant(tx, row).await).await;
    put.unwrap();
    member
}

#[tokio::test]
async fn an_organization_is_connected_and_read_and_nothing_is_written() {
    let house = TestClub::new().await;
    let account = house.connected().await;
    assert_eq!(
        (account.status, account.problem.as_deref()),
        (row::KisiStatus::Connected, None)
    );
    assert_eq!(account.last_read_at, None, "nothing was compared yet");
    assert_eq!(account.read_due_at, instant(NOON));
    assert_eq!(account.place_role.as_deref(), Some("place_basic"));
    assert_eq!(
        account.organization_role.as_deref(),
        Some("organization_basic")
    );
    assert!(account.organization_id.is_some() && account.kisi_user_id.is_some());
    let opened = house
        .app
        .sealer
        .open(
            crate::secret::SecretKind::KisiCredentials,
            account.id,
            &account.credentials,
        )
        .unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&opened), "good-key");
    assert_eq!(
        setup::all_groups(house.app.db.read(), house.scope)
            .await
            .unwrap()
            .len(),
        3
    );
    let locks = setup::all_locks(house.app.db.read(), house.scope)
        .await
        .unwrap();
    assert_eq!(locks.len(), 4);
    assert!(
        locks
            .iter()
            .all(|lock| lock.place_id.is_some() && lock.restrictions == 0)
    );
    assert!(!house.group("Members").await.managed);
    assert_eq!(house.sandbox.writes(), []);
}

#[tokio::test]
async fn a_login_makes_a_key() {
    let house = TestClub::new().await;
    house.good(connect_kisi(by_login(PASSWORD, None))).await;
    let calls = house.sandbox.calls();
    let changes: Vec<&str> = calls
        .iter()
        .filter(|call| call.method != "GET")
        .map(|call| call.path.as_str())
        .collect();
    assert_eq!(changes, ["/logins"]);
}

#[tokio::test]
async fn each_refusal_of_kisi_has_its_code() {
    let house = TestClub::new().await;
    let connect = async |input: Value| house.refused(connect_kisi(input)).await;
    let (key, login) = ("input.credentials", "input.credentials.login");
    assert_eq!(
        connect(by_key("bad-key")).await,
        refusal("KISI_UNAUTHORIZED", key)
    );
    assert_eq!(
        connect(by_login("wrong", None)).await,
        refusal("KISI_UNAUTHORIZED", key)
    );
    house
        .sandbox
        .set_otp_code("owner@example.com", Some("123456"));
    assert_eq!(
        connect(by_login(PASSWORD, None)).await,
        refusal("KISI_CODE_NEEDED", key)
    );
    assert_eq!(
        connect(by_login(PASSWORD, Some("654321"))).await,
        refusal("KISI_CODE_NEEDED", key)
    );
    house.sandbox.set_otp_code("owner@example.com", None);
    for _ in 0..9 {
        house
            .app
            .kisi
            .log_in(&crate::kisi::Login {
                email: "owner@example.com".to_owned(),
                password: PASSWORD.to_owned().into(),
                domain: DOMAIN.to_owned(),
                otp: None,
            })
            .await
            .unwrap();
    }
    assert_eq!(
        connect(by_login(PASSWORD, None)).await,
        refusal("KISI_TOO_MANY_LOGINS", login)
    );
    house
        .sandbox
        .fault(Fault::new("*", "/", FaultKind::ServerError), 1);
    assert_eq!(
        connect(by_key("good-key")).await,
        refusal("KISI_UNREACHABLE", key)
    );
    house
        .sandbox
        .fault(Fault::new("GET", "/groups", FaultKind::NotAList), 1);
    assert_eq!(
        connect(by_key("good-key")).await,
        refusal("KISI_REFUSED", key)
    );
    assert!(
        kisi_accounts::all(house.app.db.read(), house.scope)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_user_without_the_right_to_grant_access_cannot_connect() {
    let house = TestClub::new().await;
    // Kisi itself refuses a user who has no view of the organization.
    assert!(house.sandbox.set_owner_role("organization_basic"));
    let answer = house.refused(connect_kisi(by_key("good-key"))).await;
    assert_eq!(answer, refusal("KISI_NOT_ADMIN", "input.credentials"));
    // An observer has read access to everything, which must not be enough.
    assert!(house.sandbox.set_owner_role("organization_owner"));
    let observer = house.sandbox.add_user("observer@example.com", "Otto");
    house
        .sandbox
        .add_role(observer, None, "organization_observer")
        .unwrap();
    let owner = house.app.kisi.with_key("good-key".to_owned().into());
    let secret = owner
        .create_login_on_behalf("observer@example.com")
        .await
        .unwrap();
    let key = secrecy::ExposeSecret::expose_secret(&secret.secret);
    let answer = house.refused(connect_kisi(by_key(key))).await;
    assert_eq!(answer, refusal("KISI_NOT_ADMIN", "input.credentials"));
}

#[tokio::test]
async fn a_connection_can_be_limited_to_one_place() {
    let house = TestClub::new().await;
    let annex = house.sandbox.add_place("Annex", "Europe/Berlin");
    let shed = house.sandbox.add_lock(annex, "Shed");
    house
        .sandbox
        .add_group("Annex members", Some(annex), &[shed]);
    for place in ["annex".to_owned(), annex.to_string()] {
        let club = house.neighbour().await;
        let mut input = by_key("good-key");
        input["place"] = json!(place);
        club.good(connect_kisi(input)).await;
        let locks = setup::all_locks(club.app.db.read(), club.scope)
            .await
            .unwrap();
        assert_eq!(
            locks
                .iter()
                .map(|lock| lock.name.as_str())
                .collect::<Vec<_>>(),
            ["Shed"]
        );
        let groups = setup::all_groups(club.app.db.read(), club.scope)
            .await
            .unwrap();
        assert_eq!(groups.len(), 4);
        let account = kisi_accounts::all(club.app.db.read(), club.scope)
            .await
            .unwrap()
            .pop()
            .unwrap();
        assert_eq!(account.place_kisi_id, Some(annex));
    }
    let mut input = by_key("good-key");
    input["place"] = json!("Nowhere");
    let answer = house.refused(connect_kisi(input)).await;
    assert_eq!(answer, refusal("NOT_FOUND", "input.place"));
    let empty = house.refused(connect_kisi(by_key("  "))).await;
    assert_eq!(empty, refusal("INVALID", "input.credentials.apiKey"));
}

#[tokio::test]
async fn new_credentials_are_verified_and_reconnect_the_account() {
    let house = TestClub::new().await;
    let account = house.connected().await;
    let stored = lookup::by_id::<row::KisiAccount>(
        house.app.db.read(),
        ClubScope::new(account.club_id),
        account.id,
    );
    let call = CallCredentials::of(&stored.await.unwrap().unwrap());
    let refused = "Kisi refuses the key".to_owned();
    let set: Result<bool, StoreError> = transaction!(house.app.db, |tx| {
        let status = row::KisiStatus::Unauthorized;
        kisi_accounts::set_status(tx, &call, status, Some(refused)).await
    })
    .await;
    assert!(set.unwrap());
    let input = |credentials: Value| {
        let id = id(Kind::KisiAccount, account.id);
        update_kisi_account(json!({"account": id, "name": "Our house", "credentials": credentials}))
    };
    let bad = house.refused(input(json!({"apiKey": "bad"}))).await;
    assert_eq!(bad, refusal("KISI_UNAUTHORIZED", "input.credentials"));
    house.good(input(json!({"apiKey": "good-key"}))).await;
    let now = lookup::by_id::<row::KisiAccount>(house.app.db.read(), house.scope, account.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (now.status, now.problem, now.name.as_str()),
        (row::KisiStatus::Connected, None, "Our house")
    );

    let foreign = house.neighbour().await;
    let other = foreign.refused(input(json!({"apiKey": "good-key"}))).await;
    assert_eq!(other, refusal("NOT_FOUND", "input.account"));
}

#[tokio::test]
async fn credentials_of_another_organization_are_refused() {
    let house = TestClub::new().await;
    let account = house.connected().await;
    let id_of_account = account.id;
    let moved = row::KisiAccount {
        id: new_id(),
        organization_id: Some(-1),
        ..account
    };
    let account = moved.id;
    let made: Result<(), StoreError> =
        transaction!(house.app.db, |tx| kisi_accounts::create(tx, moved).await).await;
    made.unwrap();
    assert_ne!(account, id_of_account);
    let input =
        json!({"account": id(Kind::KisiAccount, account), "credentials": {"apiKey": "good-key"}});
    let answer = house.refused(update_kisi_account(input)).await;
    assert_eq!(answer, refusal("INVALID", "input.credentials"));
}

#[tokio::test]
async fn a_refresh_is_left_to_the_reconcile_loop() {
    let house = TestClub::new().await;
    let account = house.connected().await;
    let again: Result<(), StoreError> = transaction!(house.app.db, |tx| {
        let due_at = account.read_due_at;
        kisi_accounts::schedule_sweep(tx, account.id, due_at, i64::MAX).await
    })
    .await;
    again.unwrap();
    let woken = house.app.waker.register();
    let account_id = json!(id(Kind::KisiAccount, account.id));
    house.good(refresh_kisi(account_id)).await;
    woken.await;
    let now = lookup::by_id::<row::KisiAccount>(house.app.db.read(), house.scope, account.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(now.read_due_at, instant(NOON));
    let group = json!(id(Kind::Group, account.id));
    let answer = house.refused(refresh_kisi(group)).await;
    assert_eq!(answer, refusal("NOT_FOUND", "account"));
}

#[tokio::test]
async fn a_group_is_managed_by_one_connection_alone() {
    let house = TestClub::new().await;
    house.connected().await;
    house.managed("Members").await;
    assert!(house.group("Members").await.managed);
    let neighbour = house.neighbour().await;
    neighbour.connected().await;
    let group = id(Kind::Group, neighbour.group("Members").await.id);
    let input = json!({"group": group, "managed": true});
    let answer = neighbour.refused(manage_group(input)).await;
    assert_eq!(answer, refusal("GROUP_IN_USE", "input.group"));
    let foreign =
        json!({"group": id(Kind::Group, house.group("Members").await.id), "managed": false});
    let answer = neighbour.refused(manage_group(foreign)).await;
    assert_eq!(answer, refusal("NOT_FOUND", "input.group"));
}

#[tokio::test]
async fn a_group_that_is_let_go_keeps_its_people_or_loses_them() {
    let house = TestClub::new().await;
    let account = house.connected().await;
    for (access, ours) in [("REVOKE", 1), ("KEEP", 0)] {
        house.managed("Members").await;
        let group = house.group("Members").await;
        let member = grant(&house, account.id, group.id).await;
        house.settle(account.id).await;
        let input = json!({"group": id(Kind::Group, group.id), "managed": false, "access": access, "strangers": "REMOVE"});
        house.good(manage_group(input)).await;
        let left = grants::grants_of(house.app.db.read(), house.scope, &[member])
            .await
            .unwrap();
        assert_eq!(left.len(), ours, "{access}");
        let group = house.group("Members").await;
        assert_eq!(
            (group.managed, group.strangers),
            (false, row::StrangerPolicy::Remove)
        );
        assert!(house.backlog(account.id).await > 0);
    }
}

#[tokio::test]
async fn disconnecting_keeps_or_revokes() {
    let house = TestClub::new().await;
    let account = house.connected().await;
    house.managed("Members").await;
    let group = house.group("Members").await;
    let member = grant(&house, account.id, group.id).await;
    house.settle(account.id).await;
    let disconnect = async |access: &str| {
        let account_id = id(Kind::KisiAccount, account.id);
        house.good(disconnect_kisi(account_id, access)).await;
        let now = lookup::by_id::<row::KisiAccount>(house.app.db.read(), house.scope, account.id)
            .await
            .unwrap()
            .unwrap();
        let left = grants::grants_of(house.app.db.read(), house.scope, &[member]).await;
        (now, left.unwrap().len())
    };
    let (now, left) = disconnect("REVOKE").await;
    assert_eq!(now.status, row::KisiStatus::Disconnecting);
    assert_eq!((left, house.backlog(account.id).await), (1, 1));
    assert!(!house.group("Members").await.managed);
    let input = json!({"group": id(Kind::Group, group.id), "managed": true});
    let answer = house.refused(manage_group(input)).await;
    assert_eq!(answer, refusal("INVALID", "input.group"));

    let (now, left) = disconnect("KEEP").await;
    assert_eq!(
        (now.status, now.problem),
        (row::KisiStatus::Disconnected, None)
    );
    assert_eq!((left, house.backlog(account.id).await), (0, 0));
    let again = house
        .refused(refresh_kisi(json!(id(Kind::KisiAccount, account.id))))
        .await;
    assert_eq!(again, refusal("INVALID", "account"));
}

#[tokio::test]
async fn what_is_found_in_kisi_does_not_replace_the_cause_of_open_work() {
    let house = TestClub::new().await;
    let account = house.connected().await;
    house.managed("Members").await;
    let group = house.group("Members").await;
    let settled = grant(&house, account.id, group.id).await;
    house.settle(account.id).await;
    let open = grant(&house, account.id, group.id).await;
    let (scope, now) = (house.scope, instant(NOON));
    let exempt = due::Cause::exempt("a suspension");
    let found = due::Cause::enforced("the group was read for the first time");
    let marked: Result<(), StoreError> = transaction!(house.app.db, |tx| {
        due::mark(tx, scope, [open], now, &exempt).await?;
        due::mark_all_members_keeping_causes(tx, scope, now, &found).await
    })
    .await;
    marked.unwrap();
    let rows = due::of_members(house.app.db.read(), scope, account.id, &[open, settled]).await;
    let mut rows: Vec<_> = rows.unwrap().into_iter().collect();
    rows.sort_by_key(|row| row.member_id != open);
    let causes = rows.iter().map(|row| (&*row.cause, row.brake_policy));
    assert_eq!(
        causes.collect::<Vec<_>>(),
        [
            ("a suspension", row::BrakePolicy::Enforce),
            (
                "the group was read for the first time",
                row::BrakePolicy::Enforce
            ),
        ]
    );
}
