//! The baseline for webhooks: inserts the rows that the service wrote into another database, in batches, and does nothing else.

use latchkey::transaction;
use std::time::Instant as Stopwatch;

use entity::{
    delivery, delivery_member, entitlement, entitlement_version, member, person, person_version,
};
use latchkey::store::{Db, StoreError, bulk};
use sea_orm::{EntityTrait, QueryOrder};

use super::service::Service;

/// Inserts the rows of `batch` webhooks per transaction. Returns webhooks per second, and rows per webhook.
pub async fn insert_again(service: &Service, database: &str, batch: usize) -> (f64, f64) {
    let read = service.app.db.read();
    let deliveries = delivery::Entity::find()
        .order_by_asc(delivery::Column::Id)
        .all(read)
        .await
        .expect("rows");
    let about = delivery_member::Entity::find()
        .order_by_asc(delivery_member::Column::MemberId)
        .all(read)
        .await
        .expect("rows");
    let members = member::Entity::find()
        .order_by_asc(member::Column::Id)
        .all(read)
        .await
        .expect("rows");
    let persons = person::Entity::find()
        .order_by_asc(person::Column::Id)
        .all(read)
        .await
        .expect("rows");
    let version_rows = person_version::Entity::find()
        .order_by_asc(person_version::Column::Id)
        .all(read)
        .await
        .expect("rows");
    let entitlements = entitlement::Entity::find()
        .order_by_asc(entitlement::Column::Id)
        .all(read)
        .await
        .expect("rows");
    let versions = entitlement_version::Entity::find()
        .order_by_asc(entitlement_version::Column::Id)
        .all(read)
        .await
        .expect("rows");
    let count = deliveries.len();
    let rows = count
        + about.len()
        + members.len()
        + persons.len()
        + version_rows.len()
        + entitlements.len()
        + versions.len();
    let db = Db::connect(database).await.expect("a database");
    db.migrate().await.expect("migrated");
    let began = Stopwatch::now();
    let share = |all: usize, from: usize| {
        let to = (from + batch).min(count);
        all * from / count..all * to / count
    };
    for from in (0..count).step_by(batch) {
        let deliveries = deliveries[share(count, from)].to_vec();
        let about = about[share(about.len(), from)].to_vec();
        let members = members[share(members.len(), from)].to_vec();
        let persons = persons[share(persons.len(), from)].to_vec();
        let version_rows = version_rows[share(version_rows.len(), from)].to_vec();
        let entitlements = entitlements[share(entitlements.len(), from)].to_vec();
        let versions = versions[share(versions.len(), from)].to_vec();
        let written: Result<(), StoreError> = transaction!(db, |tx| {
            bulk::insert(tx, members).await?;
            bulk::insert(tx, persons).await?;
            bulk::insert(tx, version_rows).await?;
            bulk::insert(tx, entitlements).await?;
            bulk::insert(tx, versions).await?;
            bulk::insert(tx, deliveries).await?;
            bulk::insert(tx, about).await
        })
        .await;
        written.expect("written");
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    db.close().await;
    (rate, rows as f64 / count as f64)
}
