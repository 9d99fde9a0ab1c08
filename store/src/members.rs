//! Members and their companies, looked up by id, e-mail or tag.

use crate::bulk::{select_by_ids, select_by_texts};
use std::collections::{BTreeSet, HashMap};

use entity::{kind::PersonAspect, member, person, person_version};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk::MOST_VALUES, listings::like};

/// The problem code of a member whose source has two people with the same e-mail.
pub const TWO_PEOPLE: &str = "TWO_PEOPLE_ONE_EMAIL";

/// Reads a member and locks its row until the transaction ends. SQLite needs no row lock: it has one writer at a time.
pub async fn lock(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
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

/// The member with this e-mail, ignoring case and surrounding whitespace.
pub async fn by_email(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    email: &str,
) -> Result<Option<member::Model>, StoreError> {
    let email = email.trim().to_lowercase();
    Ok(scope
        .find::<member::Entity>()
        .filter(member::Column::Email.eq(email))
        .one(connection)
        .await?)
}

/// The members with these e-mails, which must be trimmed and in lower case.
pub async fn by_emails(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    emails: &[String],
) -> Result<Vec<member::Model>, StoreError> {
    let emails: BTreeSet<&String> = emails.iter().collect();
    let all = scope.find::<member::Entity>();
    select_by_texts(connection, scope, all, member::Column::Email, emails).await
}

/// The ids of all members, ascending.
pub async fn ids(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<Uuid>, StoreError> {
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

/// The ids of members with a tag, from the current versions of their people.
pub async fn tagged(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    tag: &str,
) -> Result<Vec<Uuid>, StoreError> {
    let needle = serde_json::to_string(tag).unwrap_or_default();
    let version_rows = scope
        .find::<person_version::Entity>()
        .filter(person_version::Column::Aspect.eq(PersonAspect::Tags))
        .filter(person_version::Column::SupersededAt.is_null())
        .filter(person_version::Column::Value.like(like(&needle)))
        .all(connection)
        .await?;
    let persons: Vec<Uuid> = version_rows
        .into_iter()
        .map(|version_row| version_row.person_id)
        .collect();
    let people = select_by_ids(
        connection,
        scope.find_for_ids::<person::Entity>(),
        person::Column::Id,
        &persons,
    )
    .await?;
    Ok(people.into_iter().map(|person| person.member_id).collect())
}

pub async fn names(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, String>, StoreError> {
    let mut names = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(MOST_VALUES) {
        let rows: Vec<(Uuid, String)> = scope
            .find_for_ids::<member::Entity>()
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
