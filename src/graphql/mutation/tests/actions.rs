//! What people change about the set-up is in the history, with who did it; never a secret.

use super::*;

/// The entries of a kind: actor and message, the newest first.
async fn entries(club: &TestClub, kind: row::HistoryKind) -> Vec<(String, String)> {
    let rows = club.history(kind).await.into_iter();
    rows.map(|row| (row.actor.unwrap(), row.message)).collect()
}

fn by_office(message: &str) -> (String, String) {
    ("the office".to_owned(), message.to_owned())
}

#[tokio::test]
async fn a_change_of_the_brake_is_recorded_with_the_values_before_and_after() {
    let club = TestClub::new().await;
    let brake = json!({"people": 5, "window": "PT2H"});
    club.good(update_club(json!({"brake": brake}))).await;
    club.good(update_club(json!({"brake": brake}))).await;
    club.refused(update_club(json!({"brake": {"people": -1}})))
        .await;
    let message =
        "The club's settings were changed: brake's people (3 → 5), brake's window (PT1H → PT2H).";
    let recorded = entries(&club, row::HistoryKind::ClubChanged).await;
    assert_eq!(recorded, [by_office(message)]);
}

#[tokio::test]
async fn tokens_are_recorded_without_themselves() {
    let club = TestClub::new().await;
    let made = club
        .good(create_token(json!({"name": "front desk", "role": "DESK"})))
        .await;
    club.good(revoke_token("front desk")).await;
    club.good(revoke_token("front desk")).await;
    let recorded = entries(&club, row::HistoryKind::TokenChanged).await;
    assert_eq!(
        recorded,
        [
            by_office("The token “front desk” was revoked."),
            by_office("The token “front desk” with the role DESK was created."),
        ]
    );
    let token = made["token"].as_str().unwrap();
    assert!(recorded.iter().all(|(_, message)| !message.contains(token)));
}

#[tokio::test]
async fn sources_and_kisi_accounts_are_recorded() {
    let club = TestClub::new().await;
    let account = club.connected().await;
    let group = club.managed("Members").await;
    let source = club.source("Books").await;
    let input = json!({"source": source, "name": "Ledger", "timeZone": "Asia/Tokyo"});
    club.good(update_source(input)).await;
    club.good(rotate_source_secret(&source)).await;
    club.good(remove_source(&source)).await;
    let messages: Vec<String> = entries(&club, row::HistoryKind::SourceChanged)
        .await
        .into_iter()
        .map(|(_, message)| message)
        .collect();
    assert_eq!(
        messages,
        [
            "The source “Ledger” was removed.",
            "The secret of the source “Ledger” was replaced.",
            "The source “Books” was changed: name (“Books” → “Ledger”), time zone (Europe/Berlin → Asia/Tokyo).",
            "The source “Books” was created.",
        ]
    );
    let account = id(Kind::KisiAccount, account.id);
    let input =
        json!({"account": account, "inviteByEmail": false, "credentials": {"apiKey": "good-key"}});
    club.good(update_kisi_account(input)).await;
    club.good(manage_group(json!({"group": group, "managed": false})))
        .await;
    let recorded = entries(&club, row::HistoryKind::KisiChanged).await;
    let message = "The Kisi account “House” was changed: invitations by e-mail (on → off), credentials (old → new).";
    assert_eq!(
        recorded,
        [
            by_office("The group “Members” is no longer managed."),
            by_office(message),
            by_office("The group “Members” was taken over."),
            by_office("The Kisi account “House” was connected."),
        ]
    );
}

#[tokio::test]
async fn the_history_of_a_rule_has_its_versions_and_is_found_by_rule_and_actor() {
    let club = TestClub::new().await;
    club.connected().await;
    let group = club.managed("Members").await;
    let rule = |name: &str| json!({"name": name, "target": group, "conditions": [{"tag": {"tags": ["staff"]}}]});
    let a_second_later = || {
        let clock = &club.app.clock;
        clock.advance_to(clock.now().plus(std::time::Duration::from_secs(1)));
    };
    let made = club.good(create_rule(rule("Staff"))).await;
    let rule_id = made["rule"]["id"].clone();
    a_second_later();
    club.good(update_rule(&rule_id, rule("Team"))).await;
    club.good(create_rule(rule("Others"))).await;
    a_second_later();
    club.good(delete_rule(&rule_id)).await;
    let ask = async |filter: Value, order: &str| {
        let query = format!(
            "query ($filter: HistoryFilter) {{ history(filter: $filter, orderBy: {order}) {{ nodes {{
                message ruleBefore {{ name version summary }} ruleAfter {{ name version enabled }} }} }} }}"
        );
        let caller = club.caller(row::Role::Reader, None);
        let response = club.send(caller, &query, json!({ "filter": filter })).await;
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        response.data.into_json().unwrap()["history"]["nodes"].take()
    };
    let entries = ask(json!({ "rule": rule_id }), "OLDEST_FIRST").await;
    let of = |index: usize, field: &str| entries[index][field].clone();
    let named =
        |name: &str, version: i32| json!({ "name": name, "version": version, "enabled": true });
    assert_eq!(entries.as_array().unwrap().len(), 3, "{entries}");
    assert_eq!(of(0, "ruleBefore"), Value::Null);
    assert_eq!(of(0, "ruleAfter"), named("Staff", 1));
    assert_eq!(of(1, "ruleBefore")["name"], "Staff");
    assert_eq!(of(1, "ruleAfter"), named("Team", 2));
    assert_eq!(of(2, "ruleBefore")["name"], "Team");
    assert_eq!(of(2, "ruleAfter"), Value::Null);
    let newest = ask(json!({ "rule": rule_id }), "NEWEST_FIRST").await;
    let mut reversed = newest.as_array().unwrap().clone();
    reversed.reverse();
    assert_eq!(json!(reversed), entries);
    let of_nobody = ask(json!({ "actor": "nobody" }), "NEWEST_FIRST").await;
    assert_eq!(of_nobody, json!([]));
    let of_office = ask(json!({ "actor": "the office" }), "NEWEST_FIRST").await;
    assert!(of_office.as_array().unwrap().len() >= 6, "{of_office}");
}
