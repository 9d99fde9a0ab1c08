//! Members: lists for people to look through, and what is said of each.

use std::collections::HashMap;

use entity::{company, kind::PersonAspect, member, person, person_version};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::{Scope, StoreError, bulk::MOST_VALUES, facts::among, listings::like};

/// A member.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<Option<member::Model>, StoreError> {
    Ok(scope
        .find::<member::Entity>()
        .filter(member::Column::Id.eq(id))
        .one(connection)
        .await?)
}

/// The code of what is wrong where one source has two people under one e-mail.
pub const TWO_PEOPLE: &str = "TWO_PEOPLE_ONE_EMAIL";

/// A member, kept from others that would lock it until the transaction ends. SQLite has one writer at a time anyhow.
pub async fn lock(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<Option<member::Model>, StoreError> {
    use sea_orm::QuerySelect;
    Ok(scope
        .find::<member::Entity>()
        .filter(member::Column::Id.eq(id))
        .lock_exclusive()
        .one(connection)
        .await?)
}

/// Members by id, in no order.
pub async fn some(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<Vec<member::Model>, StoreError> {
    among(
        connection,
        scope.among::<member::Entity>(),
        member::Column::Id,
        ids,
    )
    .await
}

/// The member with this e-mail, whatever its case.
pub async fn by_email(
    connection: &impl ConnectionTrait,
    scope: Scope,
    email: &str,
) -> Result<Option<member::Model>, StoreError> {
    let email = email.trim().to_lowercase();
    Ok(scope
        .find::<member::Entity>()
        .filter(member::Column::Email.eq(email))
        .one(connection)
        .await?)
}

/// Who bears each of these addresses, which are trimmed and in lower case.
pub async fn by_emails(
    connection: &impl ConnectionTrait,
    scope: Scope,
    emails: &[String],
) -> Result<Vec<member::Model>, StoreError> {
    let mut found = Vec::new();
    for chunk in emails.chunks(MOST_VALUES) {
        let some = scope
            .find::<member::Entity>()
            .filter(member::Column::Email.is_in(chunk.iter().cloned()));
        found.extend(some.all(connection).await?);
    }
    Ok(found)
}

/// The ids of all members, ascending.
pub async fn ids(connection: &impl ConnectionTrait, scope: Scope) -> Result<Vec<Uuid>, StoreError> {
    let mut ids: Vec<Uuid> = scope
        .find::<member::Entity>()
        .select_only()
        .column(member::Column::Id)
        .into_tuple()
        .all(connection)
        .await?;
    ids.sort_unstable();
    Ok(ids)
}

/// Companies by id.
pub async fn companies(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<Vec<company::Model>, StoreError> {
    among(
        connection,
        scope.among::<company::Entity>(),
        company::Column::Id,
        ids,
    )
    .await
}

/// The ids of members who bear a tag, by what is said of them now.
pub async fn tagged(
    connection: &impl ConnectionTrait,
    scope: Scope,
    tag: &str,
) -> Result<Vec<Uuid>, StoreError> {
    let needle = serde_json::to_string(tag).unwrap_or_default();
    let words = scope
        .find::<person_version::Entity>()
        .filter(person_version::Column::Aspect.eq(PersonAspect::Tags))
        .filter(person_version::Column::SupersededAt.is_null())
        .filter(person_version::Column::Value.like(like(&needle)))
        .all(connection)
        .await?;
    let persons: Vec<Uuid> = words.into_iter().map(|word| word.person_id).collect();
    let people = among(
        connection,
        scope.among::<person::Entity>(),
        person::Column::Id,
        &persons,
    )
    .await?;
    Ok(people.into_iter().map(|person| person.member_id).collect())
}

/// The names of members, by id.
pub async fn names(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, String>, StoreError> {
    let mut names = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(MOST_VALUES) {
        let rows: Vec<(Uuid, String)> = scope
            .among::<member::Entity>()
            .select_only()
            .column(member::Column::Id)
            .column(member::Column::Name)
            .filter(member::Column::Id.is_in(chunk.iter().copied()))
            .into_tuple()
            .all(connection)
            .await?;
        names.extend(rows);
    }
    Ok(names)
}
