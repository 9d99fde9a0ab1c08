//! The baselines of the same run: reading the rows that deciding about all members needs, without processing them, and deciding
//! about all members, without reading.

use std::{
    hint::black_box,
    time::{Duration, Instant as Stopwatch},
};

use access::{Span, Target, evaluate};
use futures_util::TryStreamExt;
use latchkey::{
    clock::Clock,
    decide::{MemberDecisions, around},
    store::{convert::id, facts::AsOf, members},
};
use sea_orm::{Database, Statement, StreamTrait};

use super::club::Club;

/// Reads all columns of the tables that facts are built from, in storage order. Returns the time and the number of rows.
pub async fn read(club: &Club) -> (Duration, usize) {
    let tables = [
        "SELECT * FROM member",
        "SELECT * FROM person",
        "SELECT * FROM person_version WHERE superseded_at IS NULL",
        "SELECT * FROM company_person",
        "SELECT * FROM entitlement_version WHERE superseded_at IS NULL",
    ];
    let read = Database::connect(&club.database)
        .await
        .expect("the database");
    let (mut rows, began) = (0, Stopwatch::now());
    for table in tables {
        let statement = Statement::from_string(read.get_database_backend(), table);
        let mut stream = read.stream_raw(statement).await.expect("rows");
        while stream.try_next().await.expect("a row").is_some() {
            rows += 1;
        }
    }
    (began.elapsed(), rows)
}

/// Evaluates every member at every group, as the reconcile loop does. Loading the facts is not measured. Returns the time and
/// the number of decisions.
pub async fn decide(club: &Club) -> (Duration, usize) {
    let (mut took, mut decisions) = (Duration::ZERO, 0);
    let now = Clock::system().now();
    let within = Span::new(now, around(now).until);
    let everybody = members::ids(club.db.read(), club.scope).await;
    for ids in everybody.expect("members").chunks(10_000) {
        let deciding = MemberDecisions::load(club.db.read(), club.scope, ids, AsOf::Now).await;
        let MemberDecisions {
            access_context,
            holdings,
        } = deciding.expect("what they hold");
        let groups = access_context
            .layout
            .groups
            .iter()
            .map(|group| Target::Group(id(group.id)));
        let bearing: Vec<_> = groups
            .map(|group| {
                (
                    access_context.rules_for(group),
                    access_context.covering(group),
                )
            })
            .collect();
        let began = Stopwatch::now();
        for held in holdings.values() {
            for (rules, covering) in &bearing {
                black_box(evaluate(&held.facts, rules, covering, within).spans);
                decisions += 1;
            }
        }
        took += began.elapsed();
    }
    (took, decisions)
}
