//! Access that would be lost early: asked for when a plan would take it away, let pass or held by the brake, approved or
//! dismissed by an admin, and counted for as long as the brake's window. Survives a restart like everything else.

use access::Scope as Where;
use entity::{
    kind::{GrantState, RevocationState, ScopeKind},
    kisi_grant, revocation,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{BinOper, Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use std::collections::{BTreeMap, HashSet};

use super::{
    Scope, StoreError,
    bulk::{self, MOST_VALUES},
    due::{self, Cause, DueKey},
    facts::among,
    one_of,
};

/// What an entry is about, as the heart knows it.
pub fn about(row: &revocation::Model) -> Where {
    let id = access::Id(row.scope_id.as_u128());
    match row.scope_kind {
        ScopeKind::Group | ScopeKind::Lock => Where::Group(id),
        ScopeKind::Place => Where::Place(id),
        ScopeKind::Account => Where::Account(id),
    }
}

/// The open entries of members in an account: all but those that are only counted.
pub async fn open(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    members: &[Uuid],
) -> Result<Vec<revocation::Model>, StoreError> {
    let open = scope
        .among::<revocation::Entity>()
        .filter(revocation::Column::AccountId.eq(account))
        .filter(revocation::Column::State.ne(RevocationState::Counted));
    among(connection, open, revocation::Column::MemberId, members).await
}

/// Those of the members who have a question without an answer in an account.
pub async fn unanswered(
    connection: &impl ConnectionTrait,
    scope: Scope,
    account: Uuid,
    members: &[Uuid],
) -> Result<HashSet<Uuid>, StoreError> {
    let mut asked = HashSet::new();
    for chunk in members.chunks(MOST_VALUES) {
        let some = scope
            .among::<revocation::Entity>()
            .select_only()
            .column(revocation::Column::MemberId)
            .filter(revocation::Column::AccountId.eq(account))
            .filter(revocation::Column::State.eq(RevocationState::Asked))
            .filter(one_of(connection, revocation::Column::MemberId, chunk));
        asked.extend(some.into_tuple::<Uuid>().all(connection).await?);
    }
    Ok(asked)
}

/// Writes new entries. Where one is open about the same member and target it stays, in whatever state: it was written since
/// the caller looked, and an admin may have answered it.
pub async fn ask(
    connection: &impl ConnectionTrait,
    rows: Vec<revocation::Model>,
) -> Result<(), StoreError> {
    let open = OnConflict::new().do_nothing().to_owned();
    bulk::insert_on(connection, rows, Some(open)).await
}

/// The entries of a club in a state, oldest first.
pub async fn in_state(
    connection: &impl ConnectionTrait,
    scope: Scope,
    state: RevocationState,
) -> Result<Vec<revocation::Model>, StoreError> {
    Ok(scope
        .find::<revocation::Entity>()
        .filter(revocation::Column::State.eq(state))
        .order_by_asc(revocation::Column::Id)
        .all(connection)
        .await?)
}

/// How many people lost access since an instant, by the club's own count.
pub async fn let_through(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Who has access in Kisi at an instant.
pub async fn with_access(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// An answer to questions.
#[derive(Copy, Clone)]
pub struct Answer<'a> {
    /// What becomes of them.
    pub state: RevocationState,
    /// What is said of their cause from now on; none: what was said.
    pub cause: Option<&'a str>,
    /// What the members are looked at again for; none: what the question was for.
    pub mark: Option<&'a (dyn Fn(&revocation::Model) -> Cause + Sync)>,
}

impl Answer<'_> {
    /// Nothing but what becomes of them.
    pub fn of(state: RevocationState) -> Self {
        Self {
            state,
            cause: None,
            mark: None,
        }
    }
}

/// Decides entries. What is held shows on the grants as well. Whatever the answer is, whoever it is about is due in the
/// account of the question: the caller wakes the loop after the commit.
pub async fn decide(
    connection: &impl ConnectionTrait,
    scope: Scope,
    rows: &[revocation::Model],
    answer: Answer<'_>,
    now: i64,
) -> Result<(), StoreError> {
    let Answer { state, cause, mark } = answer;
    // No work is done for an account that is disconnected: a mark there would stay open.
    let working = due::accounts(connection, scope).await?;
    let marks: BTreeMap<DueKey, Cause> = rows
        .iter()
        .filter(|row| working.contains(&row.account_id))
        .map(|row| {
            let key = DueKey {
                account: row.account_id,
                member: row.member_id,
            };
            let cause = mark.map_or_else(|| Cause::of_question(row), |of| of(row));
            (key, cause)
        })
        .collect();
    due::look_again(connection, scope, marks, now).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    for chunk in ids.chunks(MOST_VALUES) {
        let mut update = scope
            .update::<revocation::Entity>()
            .col_expr(revocation::Column::State, Expr::value(state))
            .col_expr(revocation::Column::DecidedAt, Expr::value(Some(now)));
        if let Some(cause) = cause {
            update = update.col_expr(revocation::Column::Cause, Expr::value(cause.to_owned()));
        }
        update
            .filter(revocation::Column::Id.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
    }
    let (from, to) = if state == RevocationState::Held {
        (GrantState::Confirmed, GrantState::Held)
    } else {
        (GrantState::Held, GrantState::Confirmed)
    };
    show(connection, scope, rows, from, to).await
}

/// Adds words to what is said of the cause of entries.
pub async fn add_to_cause(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
    words: &str,
) -> Result<(), StoreError> {
    let cause = Expr::col(revocation::Column::Cause).binary(BinOper::Custom("||"), words);
    for chunk in ids.chunks(MOST_VALUES) {
        scope
            .update::<revocation::Entity>()
            .col_expr(revocation::Column::Cause, cause.clone())
            .filter(revocation::Column::Id.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// Forgets entries: what they were about is no longer lost.
pub async fn forget(
    connection: &impl ConnectionTrait,
    scope: Scope,
    rows: &[revocation::Model],
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    for chunk in ids.chunks(MOST_VALUES) {
        scope
            .delete::<revocation::Entity>()
            .filter(revocation::Column::Id.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
    }
    show(
        connection,
        scope,
        rows,
        GrantState::Held,
        GrantState::Confirmed,
    )
    .await
}

async fn show(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Kisi holds what it should for these members: what passed is only counted from now on, what was approved is done.
pub async fn settled(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// The facts about these members changed: what an admin dismissed is judged anew.
pub async fn forget_dismissed(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// An account is disconnected: nobody will ask or answer anything there any more. What went through stays counted.
pub async fn forget_account(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// What was counted before an instant counts no more.
pub async fn forget_counted(
    connection: &impl ConnectionTrait,
    scope: Scope,
    before: i64,
) -> Result<(), StoreError> {
    scope
        .delete::<revocation::Entity>()
        .filter(revocation::Column::State.eq(RevocationState::Counted))
        .filter(revocation::Column::DecidedAt.lt(before))
        .exec(connection)
        .await?;
    Ok(())
}
