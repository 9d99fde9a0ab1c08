//! The problems of sources and Kisi accounts that the club's endpoints were told about.

use entity::announced_problem::{Column, Entity, Model};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk};

/// A problem of a source or an account.
pub type Announced = Model;

pub async fn all(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<Announced>, StoreError> {
    Ok(scope.find::<Entity>().all(connection).await?)
}

pub async fn add(
    connection: &impl ConnectionTrait,
    problems: Vec<Announced>,
) -> Result<(), StoreError> {
    bulk::insert(connection, problems).await
}

pub async fn remove(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    subject: Uuid,
    problem: &str,
) -> Result<(), StoreError> {
    scope
        .delete::<Entity>()
        .filter(Column::SubjectId.eq(subject))
        .filter(Column::Problem.eq(problem))
        .exec(connection)
        .await?;
    Ok(())
}
