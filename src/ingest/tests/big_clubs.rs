//! What is done for some members costs what they are many, however large their club is: no statement looks through it.

use super::*;
use crate::store::grants;

/// The tables that grow with a club.
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

/// Whether a step reads a large table by nothing but whose rows they are, or from end to end.
fn looks_through(step: &str) -> bool {
    let mut words = step.split_whitespace();
    let (way, table) = (words.next(), words.next().unwrap_or_default());
    let whole = ["(club_id=?)", "(source_id=?)", "(account_id=?)"];
    // Whether a club has any at all is told by the first that is found.
    let any = ["entitlement_person_club_id", "company_person_club_id"];
    LARGE.contains(&table)
        && !words.any(|word| any.contains(&word))
        && (way == Some("SCAN") || whole.iter().any(|terms| step.ends_with(terms)))
}

#[tokio::test]
async fn no_statement_for_some_looks_through_the_whole_club() {
    let mut books = Books::open().await;
    // What SQLite might learn of a club of one must not lead it through what the club becomes.
    let first = person("first");
    let founded = membership("founding", &first, json!({}));
    books.say("membership.updated", -1, founded).await;
    books.reopen().await;
    let statements = books.db.record();
    let said: Vec<Said> = (0..64)
        .map(|number| {
            let holder = person(&format!("p{number}"));
            let data = membership(&format!("m{number}"), &holder, json!({}));
            ("membership.updated", number, data)
        })
        .collect();
    let jobs: Vec<Job> = said.iter().map(|said| books.job(said)).collect();
    let (scope, now) = (books.scope, Instant::from_micros(noon()));
    let stored = books
        .db
        .write(move |tx| Box::pin(async move { batch::store(tx, scope, &jobs, now).await }));
    stored.await.unwrap();
    let read = books.db.read();
    let by_webhooks = statements.lock().unwrap().len();
    let ids = members::ids(read, scope).await.unwrap();
    assert_eq!(ids.len(), 65);
    let everybody = statements.lock().unwrap().drain(by_webhooks..).count();
    assert_eq!(everybody, 1, "the one list of all is not looked at here");
    let held = facts::load(read, scope, &ids, Known::Now).await.unwrap();
    assert!(held.values().all(|held| held.held.len() == 1));
    let account = books.account;
    members::some(read, scope, &ids).await.unwrap();
    members::names(read, scope, &ids).await.unwrap();
    grants::users_in(read, scope, account, &ids).await.unwrap();
    grants::grants_in(read, scope, account, &ids).await.unwrap();
    due::unsorted(read, account, noon(), 500).await.unwrap();
    due::next(read, account, noon(), 500).await.unwrap();
    due::next_at(read, account).await.unwrap();
    let statements: Vec<_> = statements.lock().unwrap().drain(..).collect();
    assert!(statements.len() > 25, "{statements:?}");
    for statement in statements {
        let sql = statement.sql.clone();
        if !["SELECT", "INSERT", "UPDATE"]
            .iter()
            .any(|word| sql.starts_with(word))
        {
            continue;
        }
        let steps = books.db.steps(statement).await;
        let wide = steps.iter().find(|step| looks_through(step));
        assert_eq!(wide, None, "{sql}");
    }
}
