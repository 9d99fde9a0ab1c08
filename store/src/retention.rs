//! Finds and deletes what is kept for a limited time, in steps of a few hundred rows that each take one index range. The current
//! version of a fact, versions of e-mails and versions of memberships that were ever blocked stay: members, and the times of
//! blocks, are computed from all of them. Called by the pruning loop only.

use entity::{
    club, company_person, company_version, delivery, delivery_member, entitlement_person,
    entitlement_version, history,
    kind::{BodyRemoval, DeliveryStatus, PersonAspect, RevocationState},
    person_past, person_version, revocation, share, source_version, suspension, unlock_request,
    webhook_attempt, webhook_message,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement},
};
use uuid::Uuid;

use super::{ClubScope, StoreError, scope::OfClub};

/// Rows of one kind that are deleted once they are old.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Headers and bodies of deliveries; the rows stay.
    Bodies,
    /// Deliveries without a body.
    Deliveries,
    History,
    /// Messages to endpoints with their attempts, also those that wait for a paused one.
    WebhookMessages,
    UnlockRequests,
    /// Revocations that only count towards the brake's limit.
    Revocations,
    /// Superseded versions of an aspect of people.
    People(PersonAspect),
    /// Earlier members of people.
    EarlierMembers,
    Companies,
    CompanyPeople,
    Entitlements,
    Snapshots,
    Shares,
    Suspensions,
}

impl Step {
    /// All steps. Superseded versions come first, because explanations of the past depend on them.
    pub const ALL: [Self; 18] = [
        Self::People(PersonAspect::Name),
        Self::People(PersonAspect::Tags),
        Self::People(PersonAspect::Companies),
        Self::People(PersonAspect::Deleted),
        Self::People(PersonAspect::AbsentFromSnapshot),
        Self::EarlierMembers,
        Self::Companies,
        Self::CompanyPeople,
        Self::Entitlements,
        Self::Snapshots,
        Self::Shares,
        Self::Suspensions,
        Self::Bodies,
        Self::Deliveries,
        Self::History,
        Self::WebhookMessages,
        Self::UnlockRequests,
        Self::Revocations,
    ];

    /// Whether reads as of an earlier time need the rows.
    pub fn is_of_versions(self) -> bool {
        matches!(
            self,
            Self::People(_)
                | Self::EarlierMembers
                | Self::Companies
                | Self::CompanyPeople
                | Self::Entitlements
                | Self::Snapshots
                | Self::Shares
                | Self::Suspensions
        )
    }
}

/// The ids of the oldest rows of a step from before an instant, at most `most`.
pub async fn find(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    step: Step,
    limits: (i64, u64),
) -> Result<Vec<Uuid>, StoreError> {
    if step.is_of_versions() {
        return find_superseded(connection, scope, step, limits).await;
    }
    macro_rules! oldest {
        ($table:ident, $at:ident, $which:expr) => {{
            let select = scope.find::<$table::Entity>().filter($which);
            let columns = ($table::Column::Id, $table::Column::$at);
            oldest(connection, select, columns, limits).await
        }};
    }
    match step {
        Step::Bodies => oldest!(delivery, ReceivedAt, body_may_go()),
        Step::Deliveries => oldest!(delivery, ReceivedAt, delivery_may_go()),
        Step::History => oldest!(history, At, Condition::all()),
        Step::WebhookMessages => oldest!(webhook_message, CreatedAt, Condition::all()),
        Step::UnlockRequests => oldest!(unlock_request, AskedAt, Condition::all()),
        _ => {
            let counted = revocation::Column::State.eq(RevocationState::Counted);
            oldest!(revocation, DecidedAt, counted)
        }
    }
}

async fn find_superseded(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    step: Step,
    limits: (i64, u64),
) -> Result<Vec<Uuid>, StoreError> {
    macro_rules! oldest {
        ($table:ident, $which:expr) => {{
            let select = scope.find::<$table::Entity>().filter($which);
            let columns = ($table::Column::Id, $table::Column::SupersededAt);
            oldest(connection, select, columns, limits).await
        }};
        ($table:ident) => {
            oldest!($table, Condition::all())
        };
    }
    match step {
        Step::People(aspect) => {
            oldest!(person_version, person_version::Column::Aspect.eq(aspect))
        }
        Step::EarlierMembers => oldest!(person_past),
        Step::Companies => oldest!(company_version),
        Step::CompanyPeople => oldest!(company_person),
        Step::Entitlements => {
            oldest!(entitlement_version, Expr::exists(block_of_the_same()).not())
        }
        Step::Snapshots => oldest!(source_version),
        Step::Shares => oldest!(share),
        _ => oldest!(suspension),
    }
}

async fn oldest<E: OfClub>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    (id, at): (E::Column, E::Column),
    (before, most): (i64, u64),
) -> Result<Vec<Uuid>, StoreError> {
    Ok(select
        .select_only()
        .column(id)
        .filter(at.lt(before))
        .order_by_asc(at)
        .limit(most)
        .into_tuple()
        .all(connection)
        .await?)
}

/// Deletes rows that `find` returned. Deleting versions raises the instant since when the club's versions are complete.
pub async fn remove(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    step: Step,
    before: i64,
    ids: &[Uuid],
) -> Result<(), StoreError> {
    macro_rules! delete {
        ($table:ident) => {
            delete::<$table::Entity>(connection, scope, $table::Column::Id, ids).await
        };
    }
    if step.is_of_versions() {
        raise_known_since(connection, scope, before).await?;
    }
    match step {
        Step::Bodies => {
            let which = body_may_go().add(delivery::Column::Id.is_in(ids.iter().copied()));
            remove_bodies(connection, scope, which, BodyRemoval::Expired).await
        }
        Step::Deliveries => {
            let of = delivery_member::Column::DeliveryId;
            delete::<delivery_member::Entity>(connection, scope, of, ids).await?;
            delete!(delivery)
        }
        Step::History => delete!(history),
        Step::WebhookMessages => {
            let of = webhook_attempt::Column::MessageId;
            delete::<webhook_attempt::Entity>(connection, scope, of, ids).await?;
            delete!(webhook_message)
        }
        Step::UnlockRequests => delete!(unlock_request),
        Step::Revocations => delete!(revocation),
        Step::People(_) => delete!(person_version),
        Step::EarlierMembers => delete!(person_past),
        Step::Companies => delete!(company_version),
        Step::CompanyPeople => delete!(company_person),
        Step::Entitlements => {
            let of = entitlement_person::Column::VersionId;
            delete::<entitlement_person::Entity>(connection, scope, of, ids).await?;
            delete!(entitlement_version)
        }
        Step::Snapshots => delete!(source_version),
        Step::Shares => delete!(share),
        Step::Suspensions => delete!(suspension),
    }
}

async fn delete<E: OfClub>(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: E::Column,
    ids: &[Uuid],
) -> Result<(), StoreError> {
    scope
        .delete_for_ids::<E>()
        .filter(id.is_in(ids.iter().copied()))
        .exec(connection)
        .await?;
    Ok(())
}

/// Removes headers and bodies of deliveries.
pub async fn remove_bodies(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    which: Condition,
    reason: BodyRemoval,
) -> Result<(), StoreError> {
    scope
        .update_for_ids::<delivery::Entity>()
        .col_expr(delivery::Column::Headers, Expr::value(""))
        .col_expr(delivery::Column::Body, Expr::value(Vec::<u8>::new()))
        .col_expr(delivery::Column::BodyRemoved, Expr::value(Some(reason)))
        .filter(which)
        .exec(connection)
        .await?;
    Ok(())
}

/// A stored body, unless its delivery failed and nobody has dealt with that: it is needed for the replay.
fn body_may_go() -> Condition {
    use delivery::Column;
    let is_done = Condition::any()
        .add(Column::Status.ne(DeliveryStatus::Failed))
        .add(Column::DismissedAt.is_not_null());
    Condition::all()
        .add(Column::BodyRemoved.is_null())
        .add(is_done)
}

/// A delivery without a body and without open work.
fn delivery_may_go() -> Condition {
    use delivery::Column;
    let open = [DeliveryStatus::Accepted, DeliveryStatus::Held];
    Condition::all()
        .add(Column::BodyRemoved.is_not_null())
        .add(Column::Status.is_not_in(open))
}

/// Subquery: a version of the outer query's entitlement that reports a block.
fn block_of_the_same() -> SelectStatement {
    use entitlement_version::{Column, Entity};
    let blocked = Alias::new("blocked");
    Query::select()
        .expr(Expr::value(1))
        .from_as(Entity, blocked.clone())
        .and_where(
            Expr::col((blocked.clone(), Column::EntitlementId))
                .equals((Entity, Column::EntitlementId)),
        )
        .and_where(Expr::col((blocked, Column::BlockSince)).is_not_null())
        .to_owned()
}

async fn raise_known_since(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    since: i64,
) -> Result<(), StoreError> {
    let is_earlier = Condition::any()
        .add(club::Column::KnownSince.is_null())
        .add(club::Column::KnownSince.lt(since));
    scope
        .update::<club::Entity>()
        .col_expr(club::Column::KnownSince, Expr::value(Some(since)))
        .filter(is_earlier)
        .exec(connection)
        .await?;
    Ok(())
}
