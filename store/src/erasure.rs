//! Erases a person: replaces names, addresses, ids and texts in every table, and keeps rows, times and counts. The caller has made
//! sure that nothing of the member is open in Kisi, and owns the transaction.

use entity::{kind::*, *};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{
    ClubScope, StoreError, bulk, retention::remove_bodies, scope::OfClub, webhook_messages,
};
use crate::clock::new_id;

/// The text in place of an erased one.
pub const ERASED: &str = "(erased)";

/// What identified a person: what is looked for in texts, and what later events are recognised by.
#[derive(Clone, Debug, Default)]
pub struct Identifiers {
    /// Source and the source's id.
    pub ids: Vec<(Option<Uuid>, String)>,
    /// All that the person ever had.
    pub emails: Vec<String>,
    /// All that the person ever had.
    pub names: Vec<String>,
    /// The ids of the person's entitlements at their source.
    pub entitlements: Vec<(Uuid, String)>,
}

/// Numbers of erased rows.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    pub people: usize,
    pub entitlements: usize,
    pub history: u64,
    pub bodies: usize,
}

/// A stored hash of an identifier of an erased person.
pub type Mark = erased_identifier::Model;

/// The members whose access is being ended before they are erased, of all clubs.
pub async fn pending(connection: &impl ConnectionTrait) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    Ok(member::Entity::find()
        .select_only()
        .columns([member::Column::ClubId, member::Column::Id])
        .filter(member::Column::Erasure.eq(ErasureState::EndingAccess))
        .into_tuple()
        .all(connection)
        .await?)
}

/// Sets the state of a member's erasure; false if there is no such member.
pub async fn set_state(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
    state: ErasureState,
) -> Result<bool, StoreError> {
    let set = scope
        .update::<member::Entity>()
        .col_expr(member::Column::Erasure, Expr::value(Some(state)))
        .filter(member::Column::Id.eq(member))
        .exec(connection)
        .await?;
    Ok(set.rows_affected > 0)
}

/// Whether something of the member is open: work that is due, or an assignment in Kisi that this service made.
pub async fn is_open(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
) -> Result<bool, StoreError> {
    let work = scope
        .find_for_ids::<due::Entity>()
        .filter(due::Column::MemberId.eq(member))
        .filter(Expr::col(due::Column::Generation).gt(Expr::col(due::Column::SettledGeneration)))
        .one(connection)
        .await?;
    let grant = scope
        .find_for_ids::<kisi_grant::Entity>()
        .filter(kisi_grant::Column::MemberId.eq(member))
        .filter(kisi_grant::Column::External.eq(false))
        .filter(kisi_grant::Column::AccountId.is_in(super::due::accounts(connection, scope).await?))
        .one(connection)
        .await?;
    Ok(work.is_some() || grant.is_some())
}

/// What identifies the member's people.
pub async fn identifiers(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
) -> Result<Identifiers, StoreError> {
    let mut all = Identifiers::default();
    let people = people(connection, scope, member).await?;
    let ids: Vec<Uuid> = people.iter().map(|row| row.id).collect();
    let versions = scope.find_for_ids::<person_version::Entity>();
    let of = person_version::Column::PersonId;
    for row in bulk::select_by_ids(connection, versions, of, &ids).await? {
        match row.aspect {
            PersonAspect::Email => all.emails.extend(row.value),
            PersonAspect::Name => all.names.extend(row.value),
            _ => {}
        }
    }
    let users = scope
        .find_for_ids::<kisi_user::Entity>()
        .filter(kisi_user::Column::MemberId.eq(member));
    let users = users.all(connection).await?;
    all.emails.extend(users.into_iter().map(|row| row.email));
    let held = scope.find_for_ids::<entitlement_version::Entity>();
    let of = entitlement_version::Column::PersonId;
    let held = bulk::select_by_ids(connection, held, of, &ids).await?;
    let held = held.into_iter().map(|row| (row.source_id, row.external_id));
    all.entitlements = held.collect();
    let row = scope
        .find_for_ids::<member::Entity>()
        .filter(member::Column::Id.eq(member));
    if let Some(row) = row.one(connection).await? {
        all.emails.extend(row.email);
        all.names.push(row.name);
    }
    all.ids = people
        .into_iter()
        .map(|row| (row.source_id, row.external_id))
        .collect();
    for list in [&mut all.emails, &mut all.names] {
        list.sort();
        list.dedup();
    }
    all.entitlements.sort();
    all.entitlements.dedup();
    Ok(all)
}

/// Those of the addresses that somebody else has now: events with them alone are about that person.
pub async fn emails_of_others(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
    emails: &[String],
) -> Result<Vec<String>, StoreError> {
    let ours = people(connection, scope, member).await?;
    let ours: Vec<Uuid> = ours.into_iter().map(|row| row.id).collect();
    Ok(scope
        .find::<person_version::Entity>()
        .select_only()
        .column(person_version::Column::Email)
        .filter(person_version::Column::Email.is_in(emails.iter().cloned()))
        .filter(person_version::Column::SupersededAt.is_null())
        .filter(person_version::Column::PersonId.is_not_in(ours))
        .into_tuple()
        .all(connection)
        .await?)
}

async fn people(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
) -> Result<Vec<person::Model>, StoreError> {
    Ok(scope
        .find_for_ids::<person::Entity>()
        .filter(person::Column::MemberId.eq(member))
        .order_by_asc(person::Column::Id)
        .all(connection)
        .await?)
}

/// Stores what was erased.
pub async fn set_report(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
    report: &str,
) -> Result<(), StoreError> {
    scope
        .update::<member::Entity>()
        .col_expr(member::Column::ErasureReport, Expr::value(Some(report)))
        .filter(member::Column::Id.eq(member))
        .exec(connection)
        .await?;
    Ok(())
}

/// Erases the member in all tables but deliveries and their bodies.
pub async fn erase(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
    now: i64,
) -> Result<Erased, StoreError> {
    let people = people(connection, scope, member).await?;
    for person in &people {
        erase_person(connection, scope, person.id, now).await?;
    }
    let ids: Vec<Uuid> = people.iter().map(|row| row.id).collect();
    let entitlements = erase_entitlements(connection, scope, &ids).await?;
    let history = erase_texts(connection, scope, member).await?;
    erase_kisi(connection, scope, member).await?;
    for source in people.iter().filter_map(|row| row.source_id) {
        super::readings::delete(connection, scope, source).await?;
    }
    scope
        .update::<member::Entity>()
        .col_expr(member::Column::Name, Expr::value(ERASED))
        .col_expr(member::Column::FoldedName, Expr::value(ERASED))
        .col_expr(member::Column::Email, Expr::value(None::<String>))
        .col_expr(member::Column::Search, Expr::value(""))
        .col_expr(member::Column::Problems, Expr::value(None::<String>))
        .col_expr(
            member::Column::Erasure,
            Expr::value(Some(ErasureState::Erased)),
        )
        .filter(member::Column::Id.eq(member))
        .exec(connection)
        .await?;
    Ok(Erased {
        people: ids.len(),
        entitlements,
        history,
        bodies: 0,
    })
}

/// Removes what a source says of a person, and ends the person.
async fn erase_person(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    scope
        .update::<person::Entity>()
        .col_expr(
            person::Column::ExternalId,
            Expr::value(format!("erased:{id}")),
        )
        .filter(person::Column::Id.eq(id))
        .exec(connection)
        .await?;
    scope
        .delete_for_ids::<person_version::Entity>()
        .filter(person_version::Column::PersonId.eq(id))
        .exec(connection)
        .await?;
    let end = person_version::Model {
        id: new_id(),
        club_id: scope.club,
        person_id: id,
        aspect: PersonAspect::Deleted,
        value: None,
        email: None,
        happened_at: now,
        version_key: String::new(),
        learned_at: now,
        superseded_at: None,
        delivery_id: None,
        repeats: None,
    };
    bulk::insert(connection, vec![end]).await
}

async fn erase_entitlements(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    people: &[Uuid],
) -> Result<usize, StoreError> {
    let held = scope.find_for_ids::<entitlement_version::Entity>();
    let of = entitlement_version::Column::PersonId;
    let held = bulk::select_by_ids(connection, held, of, people).await?;
    let mut ids: Vec<Uuid> = held.into_iter().map(|row| row.entitlement_id).collect();
    ids.sort_unstable();
    ids.dedup();
    for id in &ids {
        let name = Expr::value(format!("erased:{id}"));
        scope
            .update::<entitlement::Entity>()
            .col_expr(entitlement::Column::ExternalId, name.clone())
            .filter(entitlement::Column::Id.eq(*id))
            .exec(connection)
            .await?;
        scope
            .update::<entitlement_version::Entity>()
            .col_expr(entitlement_version::Column::ExternalId, name.clone())
            .filter(entitlement_version::Column::EntitlementId.eq(*id))
            .exec(connection)
            .await?;
        scope
            .update::<check_in::Entity>()
            .col_expr(check_in::Column::ExternalId, name)
            .filter(check_in::Column::EntitlementId.eq(*id))
            .exec(connection)
            .await?;
    }
    Ok(ids.len())
}

/// Replaces the texts in rows about the member. Returns the number of history entries.
async fn erase_texts(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
) -> Result<u64, StoreError> {
    macro_rules! replace {
        ($table:ident, [$($text:ident),*], [$($none:ident),*]) => {
            scope
                .update::<$table::Entity>()
                $(.col_expr($table::Column::$text, Expr::value(ERASED)))*
                $(.col_expr($table::Column::$none, Expr::value(None::<String>)))*
                .filter($table::Column::MemberId.eq(member))
                .exec(connection)
                .await?
        };
    }
    let history = replace!(history, [Message, Cause], [Actor]).rows_affected;
    webhook_messages::erase(connection, scope, member).await?;
    replace!(share, [], [Note]);
    replace!(suspension, [Reason], []);
    replace!(due, [Cause], [CauseActor]);
    replace!(revocation, [Cause], [Actor]);
    replace!(unlock_request, [Actor], [Message, IdempotencyKey]);
    scope
        .update::<unlock_request::Entity>()
        .col_expr(unlock_request::Column::LatitudeE7, Expr::value(None::<i64>))
        .col_expr(
            unlock_request::Column::LongitudeE7,
            Expr::value(None::<i64>),
        )
        .filter(unlock_request::Column::MemberId.eq(member))
        .exec(connection)
        .await?;
    Ok(history)
}

/// Removes the member's sessions, Kisi users with their logins, and the record of assignments that others made in Kisi.
async fn erase_kisi(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
) -> Result<(), StoreError> {
    let users = scope
        .find_for_ids::<kisi_user::Entity>()
        .filter(kisi_user::Column::MemberId.eq(member));
    let users = users.all(connection).await?;
    let users: Vec<Uuid> = users.into_iter().map(|row| row.id).collect();
    scope
        .delete_for_ids::<kisi_login::Entity>()
        .filter(kisi_login::Column::KisiUserId.is_in(users))
        .exec(connection)
        .await?;
    delete_of::<kisi_grant::Entity>(connection, scope, kisi_grant::Column::MemberId, member)
        .await?;
    delete_of::<kisi_user::Entity>(connection, scope, kisi_user::Column::MemberId, member).await?;
    delete_of::<token::Entity>(connection, scope, token::Column::MemberId, member).await
}

async fn delete_of<E: OfClub>(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    column: E::Column,
    member: Uuid,
) -> Result<(), StoreError> {
    scope
        .delete_for_ids::<E>()
        .filter(column.eq(member))
        .exec(connection)
        .await?;
    Ok(())
}

/// A delivery with the texts that may name a person.
#[derive(Debug, FromQueryResult)]
pub struct Texts {
    pub id: Uuid,
    pub body: Vec<u8>,
    pub problem: Option<String>,
    /// A JSON list.
    pub warnings: Option<String>,
}

/// The texts of the club's deliveries after an id, at most `most`.
pub async fn texts_after(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    after: Uuid,
    most: u64,
) -> Result<Vec<Texts>, StoreError> {
    use delivery::Column;
    Ok(scope
        .find::<delivery::Entity>()
        .select_only()
        .columns([Column::Id, Column::Body, Column::Problem, Column::Warnings])
        .filter(Column::Id.gt(after))
        .order_by_asc(Column::Id)
        .limit(most)
        .into_model::<Texts>()
        .all(connection)
        .await?)
}

/// The deliveries about a member.
pub async fn deliveries_of(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
) -> Result<Vec<Uuid>, StoreError> {
    Ok(scope
        .find_for_ids::<delivery_member::Entity>()
        .select_only()
        .column(delivery_member::Column::DeliveryId)
        .filter(delivery_member::Column::MemberId.eq(member))
        .into_tuple()
        .all(connection)
        .await?)
}

/// Removes headers, bodies and messages of deliveries.
pub async fn erase_bodies(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<(), StoreError> {
    for chunk in ids.chunks(bulk::MOST_VALUES) {
        let which = || {
            let ids = delivery::Column::Id.is_in(chunk.iter().copied());
            Condition::all().add(ids)
        };
        remove_bodies(connection, scope, which(), BodyRemoval::Erased).await?;
        scope
            .update_for_ids::<delivery::Entity>()
            .col_expr(delivery::Column::Problem, Expr::value(None::<String>))
            .col_expr(delivery::Column::Warnings, Expr::value(None::<String>))
            .filter(which())
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// Stores what later events about an erased member are recognised by.
pub async fn insert_marks(
    connection: &impl ConnectionTrait,
    rows: Vec<Mark>,
) -> Result<(), StoreError> {
    bulk::insert(connection, rows).await
}

/// The marks of all erased members of a club.
pub async fn marks(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<Mark>, StoreError> {
    Ok(scope
        .find::<erased_identifier::Entity>()
        .all(connection)
        .await?)
}

/// Forgets an erased member's marks: later events about the person make a new member.
pub async fn delete_marks(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    member: Uuid,
) -> Result<(), StoreError> {
    delete_of::<erased_identifier::Entity>(
        connection,
        scope,
        erased_identifier::Column::MemberId,
        member,
    )
    .await
}
