//! Revocations: access that a plan would take away early. A revocation starts as pending, passes the brake or is held by it, is
//! approved or dismissed by an admin, and counts towards the brake's limit for the length of its window.

use crate::bulk::select_by_ids;
use entity::{
    kind::{GrantState, RevocationState},
    kisi_grant, revocation,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{BinOper, Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use std::collections::BTreeMap;

use super::{
    ClubScope, StoreError,
    bulk::{self, MOST_VALUES},
    due::{self, Cause, DueKey},
};

/// The open revocations of members in an account: all states but `Counted`.
pub async fn open(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    members: &[Uuid],
) -> Result<Vec<revocation::Model>, StoreError> {
    let open = scope
        .find_for_ids::<revocation::Entity>()
        .filter(revocation::Column::AccountId.eq(account))
        .filter(revocation::Column::State.ne(RevocationState::Counted));
    select_by_ids(connection, open, revocation::Column::MemberId, members).await
}

/// Inserts revocations. An open one for the same member and target stays in its state: it was written after the caller
/// read, and an admin may already have decided it.
pub async fn insert(
    connection: &impl ConnectionTrait,
    rows: Vec<revocation::Model>,
) -> Result<(), StoreError> {
    let open = OnConflict::new().do_nothing().to_owned();
    bulk::insert_on(connection, rows, Some(open)).await
}

/// The club's revocations in a state, oldest first.
pub async fn in_state(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    state: RevocationState,
) -> Result<Vec<revocation::Model>, StoreError> {
    Ok(scope
        .find::<revocation::Entity>()
        .filter(revocation::Column::State.eq(state))
        .order_by_asc(revocation::Column::Id)
        .all(connection)
        .await?)
}

/// The members with a revocation that passed the brake after `since`.
pub async fn passed_since(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    since: i64,
) -> Result<Vec<Uuid>, StoreError> {
    Ok(scope
        .find::<revocation::Entity>()
        .select_only()
        .column(revocation::Column::MemberId)
        .distinct()
        .filter(
            revocation::Column::State.is_in([RevocationState::Passed, RevocationState::Counted]),
        )
        .filter(revocation::Column::DecidedAt.gt(since))
        .into_tuple()
        .all(connection)
        .await?)
}

/// The members with a grant in Kisi that is valid at an instant.
pub async fn with_access(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    now: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let begun = Condition::any()
        .add(kisi_grant::Column::ValidFrom.is_null())
        .add(kisi_grant::Column::ValidFrom.lte(now));
    let not_over = Condition::any()
        .add(kisi_grant::Column::ValidUntil.is_null())
        .add(kisi_grant::Column::ValidUntil.gt(now));
    Ok(scope
        .find::<kisi_grant::Entity>()
        .select_only()
        .column(kisi_grant::Column::MemberId)
        .distinct()
        .filter(kisi_grant::Column::KisiId.is_not_null())
        .filter(begun)
        .filter(not_over)
        .into_tuple()
        .all(connection)
        .await?)
}

/// A decision about revocations.
#[derive(Copy, Clone)]
pub struct Decision<'a> {
    /// Their new state.
    pub state: RevocationState,
    /// The new text of their cause; `None` keeps it.
    pub cause: Option<&'a str>,
    /// Whether that text says that the source is the likelier fault.
    pub outage_suspected: bool,
    /// The cause of the members' new marks; `None` uses the revocation's cause.
    pub mark: Option<&'a (dyn Fn(&revocation::Model) -> Cause + Sync)>,
}

impl Decision<'_> {
    /// A decision that changes only the state.
    pub fn of(state: RevocationState) -> Self {
        Self {
            state,
            cause: None,
            outage_suspected: false,
            mark: None,
        }
    }
}

/// Decides revocations, and updates the grants' states (`Held` or `Confirmed`) with them. Whatever the decision, the members
/// become due in the account of their revocation: the caller must wake the loop after the commit.
pub async fn decide(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    rows: &[revocation::Model],
    answer: Decision<'_>,
    now: i64,
) -> Result<(), StoreError> {
    let Decision {
        state,
        cause,
        outage_suspected,
        mark,
    } = answer;
    // In the order in which settling locks rows: grants, due rows, revocations.
    let (from, to) = if state == RevocationState::Held {
        (GrantState::Confirmed, GrantState::Held)
    } else {
        (GrantState::Held, GrantState::Confirmed)
    };
    update_grant_states(connection, scope, rows, from, to).await?;
    // The loop skips disconnected accounts: a mark there would stay open.
    let working = due::accounts(connection, scope).await?;
    let marks: BTreeMap<DueKey, Cause> = rows
        .iter()
        .filter(|row| working.contains(&row.account_id))
        .map(|row| {
            let key = DueKey {
                account: row.account_id,
                member: row.member_id,
            };
            let cause = mark.map_or_else(|| Cause::of_revocation(row), |of| of(row));
            (key, cause)
        })
        .collect();
    due::mark_keeping_cause(connection, scope, marks, now).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    for chunk in ids.chunks(MOST_VALUES) {
        let mut update = scope
            .update::<revocation::Entity>()
            .col_expr(revocation::Column::State, Expr::value(state))
            .col_expr(revocation::Column::DecidedAt, Expr::value(Some(now)));
        if let Some(cause) = cause {
            update = update
                .col_expr(revocation::Column::Cause, Expr::value(cause.to_owned()))
                .col_expr(
                    revocation::Column::OutageSuspected,
                    Expr::value(outage_suspected),
                );
        }
        update
            .filter(revocation::Column::Id.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// Appends to the cause of revocations that their source is the likelier fault.
pub async fn suspect_outage(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
    note: &str,
) -> Result<(), StoreError> {
    let cause = Expr::col(revocation::Column::Cause).binary(BinOper::Custom("||"), note);
    for chunk in ids.chunks(MOST_VALUES) {
        scope
            .update::<revocation::Entity>()
            .col_expr(revocation::Column::Cause, cause.clone())
            .col_expr(revocation::Column::OutageSuspected, Expr::value(true))
            .filter(revocation::Column::Id.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// Deletes revocations whose access is no longer going to be taken away.
pub async fn forget(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    rows: &[revocation::Model],
) -> Result<(), StoreError> {
    let (from, to) = (GrantState::Held, GrantState::Confirmed);
    update_grant_states(connection, scope, rows, from, to).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    for chunk in ids.chunks(MOST_VALUES) {
        scope
            .delete::<revocation::Entity>()
            .filter(revocation::Column::Id.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

async fn update_grant_states(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    rows: &[revocation::Model],
    from: GrantState,
    to: GrantState,
) -> Result<(), StoreError> {
    let members: Vec<Uuid> = rows.iter().map(|row| row.member_id).collect();
    let scopes: std::collections::BTreeSet<Uuid> = rows.iter().map(|row| row.scope_id).collect();
    for chunk in members.chunks(MOST_VALUES) {
        scope
            .update::<kisi_grant::Entity>()
            .col_expr(kisi_grant::Column::State, Expr::value(to))
            .filter(kisi_grant::Column::State.eq(from))
            .filter(kisi_grant::Column::MemberId.is_in(chunk.iter().copied()))
            .filter(kisi_grant::Column::ScopeId.is_in(scopes.iter().copied()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// Updates the revocations of members whose state in Kisi is now as desired: passed ones are only counted from now on, approved
/// ones are deleted.
pub async fn settle(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
    members: &[Uuid],
) -> Result<(), StoreError> {
    for chunk in members.chunks(MOST_VALUES) {
        scope
            .update::<revocation::Entity>()
            .col_expr(
                revocation::Column::State,
                Expr::value(RevocationState::Counted),
            )
            .filter(revocation::Column::State.eq(RevocationState::Passed))
            .filter(revocation::Column::AccountId.eq(account))
            .filter(revocation::Column::MemberId.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
        scope
            .delete::<revocation::Entity>()
            .filter(revocation::Column::State.eq(RevocationState::Approved))
            .filter(revocation::Column::AccountId.eq(account))
            .filter(revocation::Column::MemberId.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// Deletes the dismissed revocations of members whose facts changed, so that the brake judges them anew.
pub async fn forget_dismissed(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    members: &[Uuid],
) -> Result<(), StoreError> {
    for chunk in members.chunks(MOST_VALUES) {
        scope
            .delete::<revocation::Entity>()
            .filter(revocation::Column::State.eq(RevocationState::Dismissed))
            .filter(revocation::Column::MemberId.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// Deletes the undecided, held, approved and dismissed revocations of a disconnected account. Passed ones stay counted.
pub async fn forget_account(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    account: Uuid,
) -> Result<(), StoreError> {
    let counts = [RevocationState::Passed, RevocationState::Counted];
    scope
        .delete::<revocation::Entity>()
        .filter(revocation::Column::AccountId.eq(account))
        .filter(revocation::Column::State.is_not_in(counts))
        .exec(connection)
        .await?;
    Ok(())
}

/// The number of held revocations of all clubs.
pub async fn count_held(connection: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let held = revocation::Entity::find()
        .filter(revocation::Column::State.is_in([RevocationState::Held]))
        .count(connection)
        .await?;
    Ok(i64::try_from(held).unwrap_or(i64::MAX))
}
