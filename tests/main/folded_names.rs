//! Rows of an earlier version: the migration folds their names, on both databases.

use latchkey::clock::new_id;
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, Database, DatabaseConnection, EntityTrait, QueryFilter,
    QueryOrder,
    sea_query::{Alias, Query},
};

use crate::support::postgres;

/// The number of migrations before the one under test.
const BEFORE: u32 = 3;

#[tokio::test]
async fn old_rows_are_folded_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("old").display());
    old_rows_are_folded(&url).await;
}

#[tokio::test]
async fn old_rows_are_folded_on_postgres() {
    if let Some(database) = postgres::fresh().await {
        old_rows_are_folded(database.url()).await;
        database.remove().await;
    }
}

async fn old_rows_are_folded(url: &str) {
    let connection = Database::connect(url).await.unwrap();
    Migrator::up(&connection, Some(BEFORE)).await.unwrap();
    let club = new_id();
    let mut members = Query::insert();
    let columns = ["id", "club_id", "name", "email", "search", "created_at"];
    members
        .into_table(Alias::new("member"))
        .columns(columns.map(Alias::new));
    for nth in 0..1_001_i64 {
        let (name, email) = (
            format!("Müller {nth:04}"),
            (nth % 2 == 0).then(|| format!("m{nth}@example.com")),
        );
        let values = [
            new_id().into(),
            club.into(),
            name.clone().into(),
            email.into(),
            name.to_lowercase().into(),
            nth.into(),
        ];
        members.values_panic(values);
    }
    connection.execute(&members).await.unwrap();
    let mut place = Query::insert();
    let columns = ["id", "club_id", "account_id", "kisi_id", "name"];
    place
        .into_table(Alias::new("place"))
        .columns(columns.map(Alias::new));
    place.values_panic([
        new_id().into(),
        club.into(),
        new_id().into(),
        1_i64.into(),
        "Ölraum".into(),
    ]);
    connection.execute(&place).await.unwrap();

    for _ in 0..2 {
        Migrator::up(&connection, None).await.unwrap();
        holds(&connection, club).await;
        Migrator::down(&connection, Some(1)).await.unwrap();
    }
    Migrator::up(&connection, None).await.unwrap();
    connection.close().await.unwrap();
}

async fn holds(connection: &DatabaseConnection, club: uuid::Uuid) {
    use entity::{member, place};
    let members = member::Entity::find()
        .filter(member::Column::ClubId.eq(club))
        .order_by_asc(member::Column::CreatedAt)
        .all(connection)
        .await
        .unwrap();
    assert_eq!(members.len(), 1_001);
    for (nth, member) in members.iter().enumerate() {
        let folded = format!("muller {nth:04}");
        assert_eq!(member.folded_name, folded);
        let search = if nth % 2 == 0 {
            format!("{folded} m{nth}@example.com")
        } else {
            folded
        };
        assert_eq!(member.search, search);
    }
    let place = place::Entity::find()
        .one(connection)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(place.folded_name, "olraum");
}
