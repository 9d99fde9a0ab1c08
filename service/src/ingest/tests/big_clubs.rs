//! The cost of work for a few members does not depend on the size of their club: no statement reads the whole club.

use super::*;
use crate::{
    store::{grants, lookup, row},
    transaction,
};

const LARGE: [&str; 10] = [
    "member",
    "person",
    "person_version",
    "company_person",
    "entitlement",
    "entitlement_version",
    "kisi_user",
    "kisi_grant",
    "due",
    "delivery",
];

/// Whether a step of a query plan reads a large table completely, or all rows of a club, source or account.
fn looks_through(step: &str) -> bool {
    let mut version_rows = step.split_whitespace();
    let (way, table) = (version_rows.next(), version_rows.next().unwrap_or_default());
    let whole = ["(club_id=?)", "(source_id=?)", "(account_id=?)"];
    // These indexes answer whether the club has any row at all, and stop at the first one.
    let any = ["entitlement_person_club_id", "company_person_club_id"];
    LARGE.contains(&table)
        && !version_rows.any(|version_row| any.contains(&version_row))
        && (way == Some("SCAN") || whole.iter().any(|terms| step.ends_with(terms)))
}

#[tokio::test]
async fn no_statement_for_a_few_members_reads_the_whole_club() {
    let mut books = TestClub::open().await;
    // The statistics that SQLite gathers for a club of one member must not lead to bad plans once the club has grown.
    let first = person("first");
    let founded = membership("founding", &first, json!({}));
    books.say("membership.updated", -1, founded).await;
    books.reopen().await;
    let statements = books.db.record();
    let said: Vec<SentEvent> = (0..64)
        .map(|number| {
            let holder = person(&format!("p{number}"));
            let data = membership(&format!("m{number}"), &holder, json!({}));
            ("membership.updated", number, data)
        })
        .collect();
    let jobs: Vec<Job> = said.iter().map(|said| books.job(said)).collect();
    let (scope, now) = (books.scope, Instant::from_micros(noon()));
    let stored = transaction!(books.db, |tx| batch::store(tx, scope, all(&jobs), now)
        .await);
    stored.await.unwrap();
    let read = books.db.read();
    let by_webhooks = statements.lock().unwrap().len();
    let ids = members::ids(read, scope).await.unwrap();
    assert_eq!(ids.len(), 65);
    let everybody = statements.lock().unwrap().drain(by_webhooks..).count();
    assert_eq!(everybody, 1, "the one list of all is not looked at here");
    let held = facts::load(read, scope, &ids, AsOf::Now).await.unwrap();
    assert!(held.values().all(|held| held.held.len() == 1));
    let account = books.account;
    lookup::by_ids::<row::Member>(read, scope, &ids)
        .await
        .unwrap();
    members::names(read, scope, &ids).await.unwrap();
    grants::users_in(read, scope, account, &ids).await.unwrap();
    grants::grants_in(read, scope, account, &ids).await.unwrap();
    due::without_lane(read, account, noon(), 500).await.unwrap();
    due::next(read, account, noon(), 500).await.unwrap();
    due::next_at(read, account).await.unwrap();
    let statements: Vec<_> = statements.lock().unwrap().drain(..).collect();
    assert!(statements.len() > 25, "{statements:?}");
    for statement in statements {
        let sql = statement.sql.clone();
        if !["SELECT", "INSERT", "UPDATE"]
            .iter()
            .any(|version_row| sql.starts_with(version_row))
        {
            continue;
        }
        let steps = books.db.steps(statement).await.unwrap();
        let wide = steps.iter().find(|step| looks_through(step));
        assert_eq!(wide, None, "{sql}");
    }
}
