//! What an edit of a rule would have changed about recorded entries and refusals.

use super::*;
use crate::store::history::{self, Entry};

const DAY: &str = "2026-03-02T00:00:00Z";

impl TestClub {
    async fn recorded(&self, name: &str, lock: Uuid, kind: row::HistoryKind, at: &str) {
        let entry = Entry {
            kind,
            member: Some(self.member(name).await),
            target: Some((row::ScopeKind::Lock, lock)),
            cause: "Kisi".to_owned(),
            delivery: None,
            rule: None,
            actor: None,
            message: format!("{name} at {at}"),
        };
        let (scope, at) = (self.scope, instant(at));
        self.write(move |tx| Box::pin(history::write(tx, scope, at, vec![entry])))
            .await;
    }

    async fn back_test(&self, change: &str) -> Value {
        let query = format!(
            r#"{{ backtestRule(change: {{{change}}}, from: "{DAY}") {{
                entryCount refusalCount unexplainedCount refusedEntryCount allowedRefusalCount endsEarlyAt
                refusedEntries {{ message }} allowedRefusals {{ message }} }} }}"#
        );
        self.query(&query).await["backtestRule"].clone()
    }
}

#[tokio::test]
async fn an_edit_is_evaluated_against_recorded_entries() {
    use row::HistoryKind::{UnlockDenied, Unlocked};
    let house = TestClub::new().await;
    let (front, simulator) = (house.front, house.simulator);
    // The rule is satisfied from 06:00 to 23:00 in Berlin, an hour ahead.
    for (name, lock, kind, at) in [
        ("ann", front, Unlocked, "2026-03-01T12:00:00Z"),
        ("ann", front, UnlockDenied, "2026-03-02T04:00:00Z"),
        ("ann", front, Unlocked, "2026-03-02T07:00:00Z"),
        ("ann", front, Unlocked, "2026-03-02T09:00:00Z"),
        ("bob", front, Unlocked, "2026-03-02T09:01:00Z"),
        ("bob", front, UnlockDenied, "2026-03-02T09:02:00Z"),
        ("ann", simulator, Unlocked, "2026-03-02T09:03:00Z"),
    ] {
        house.recorded(name, lock, kind, at).await;
    }
    let rule = house.rule_id("Unlimited").await;
    let group = gid(Kind::Group, house.members);
    let update = |conditions: &str| {
        format!(
            r#"update: {{rule: "{rule}", input: {{name: "U", target: "{group}", conditions: [{conditions}]}}}}"#
        )
    };
    let late = r#"{membership: {}}, {schedule: {days: [MONDAY], from: "09:00", until: "24:00", timeZone: "Europe/Berlin"}}"#;
    let of_late = house.back_test(&update(late)).await;
    assert_eq!(
        of_late,
        json!({
            "entryCount": 3, "refusalCount": 2, "unexplainedCount": 1, "endsEarlyAt": null,
            "refusedEntryCount": 1, "allowedRefusalCount": 0, "allowedRefusals": [],
            "refusedEntries": [{ "message": "ann at 2026-03-02T07:00:00Z" }],
        })
    );
    let of_always = house.back_test(&update("{membership: {}}")).await;
    assert_eq!(of_always["refusedEntryCount"], 0);
    let denied = json!([{ "message": "ann at 2026-03-02T04:00:00Z" }]);
    assert_eq!(of_always["allowedRefusals"], denied);
    let of_deletion = house.back_test(&format!(r#"delete: "{rule}""#)).await;
    assert_eq!(of_deletion["refusedEntryCount"], 2);

    for period in [
        r#"from: "2026-03-02T12:00:00Z""#,
        r#"from: "2025-01-01T00:00:00Z""#,
    ] {
        let query = format!(
            r#"{{ backtestRule(change: {{delete: "{rule}"}}, {period}) {{ entryCount }} }}"#
        );
        let response = house.answer(Role::Reader, None, &query).await;
        let refused = response.errors.first().map(code);
        assert_eq!(refused.as_deref(), Some("BAD_USER_INPUT"), "{period}");
    }
}
