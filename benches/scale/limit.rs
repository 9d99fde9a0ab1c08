//! What the machine itself can do in the same run: reading the rows that a decision about everybody needs, with nothing
//! made of them, and deciding about everybody, with nothing read.

use std::{
    hint::black_box,
    time::{Duration, Instant as Stopwatch},
};

use access::{Span, Target, evaluate};
use futures_util::TryStreamExt;
use latchkey::{
    clock::Clock,
    decide::{Deciding, around, id},
    store::{facts::Known, members},
};
use sea_orm::{Database, Statement, StreamTrait};

use super::club::Club;

/// All columns of the tables that facts are made of, each row once, in the order in which they lie.
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
        let mut found = read.stream_raw(statement).await.expect("rows");
        while found.try_next().await.expect("a row").is_some() {
            rows += 1;
        }
    }
    (began.elapsed(), rows)
}

/// Everybody at every group, as the loop asks: what is held was loaded before the clock runs.
pub async fn decide(club: &Club) -> (Duration, usize) {
    let (mut took, mut decisions) = (Duration::ZERO, 0);
    let now = Clock::system().now();
    let within = Span::new(now, around(now).until);
    let everybody = members::ids(club.db.read(), club.scope).await;
    for ids in everybody.expect("members").chunks(10_000) {
        let deciding = Deciding::load(club.db.read(), club.scope, ids, Known::Now).await;
        let Deciding { premises, holdings } = deciding.expect("what they hold");
        let groups = premises
            .layout
            .groups
            .iter()
            .map(|group| Target::Group(id(group.id)));
        let bearing: Vec<_> = groups
            .map(|group| (premises.rules_for(group), premises.covering(group)))
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
