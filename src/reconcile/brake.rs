//! The brake in the loop: what a sorted case would take away early is asked first, judged together with everything of the
//! same cause, and held where that is too much. Grants flow all the while. The pending are rows, so that they survive a
//! restart.

use std::collections::{BTreeMap, BTreeSet};

use access::{Brake, Instant};
use uuid::Uuid;

use super::{
    execute::stored_scope,
    member_state::{AccountSnapshot, MemberState},
};
use crate::{
    app::App,
    clock::new_id,
    store::{
        ClubScope, StoreError, Transaction, clubs, due,
        history::{self, Entry},
        members,
        revocations::{self, Decision},
        row::{self, BrakePolicy, HistoryKind, RevocationState},
    },
};

mod source_outage;

use source_outage::SourceOutageDetector;

/// How long a count is kept beyond the longest window that a club would set.
const KEPT: std::time::Duration = std::time::Duration::from_hours(31 * 24);

/// What has to be written before a case goes on: new pending, and those that are answered by themselves.
#[derive(Default)]
pub struct PendingRevocations {
    asked: Vec<row::Revocation>,
    gone: Vec<row::Revocation>,
}

impl PendingRevocations {
    /// Whether nothing has to be written.
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.gone.is_empty()
    }

    /// Looks at a case; its entries are as they will be written.
    pub fn of(
        &mut self,
        member_state: &mut MemberState,
        snapshot: &AccountSnapshot,
        now: Instant,
        app: &App,
    ) {
        let losses = member_state.losses(snapshot, now, app.config.horizon);
        // A suspension goes over all that the brake was asked before, whatever else came since.
        let suspended = member_state
            .holdings
            .facts
            .suspension
            .is_some_and(|one| one.span.contains(now));
        let cause = due::Cause::of(&member_state.due);
        let brake_policy = if suspended {
            BrakePolicy::Exempt
        } else {
            cause.brake_policy
        };
        // Any other word is about what it ends itself, and answers no question about anything else.
        let overrules = |row: &row::Revocation| {
            suspended
                || (brake_policy != BrakePolicy::Enforce && row.state == RevocationState::Asked)
        };
        let (stay, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut member_state.revocations)
            .into_iter()
            .partition(|row| {
                is_decided(row) || (losses.contains(&revocations::target(row)) && !overrules(row))
            });
        member_state.revocations = stay;
        self.gone.extend(gone);
        for scope in losses {
            if member_state
                .revocations
                .iter()
                .any(|row| revocations::target(row) == scope)
            {
                continue;
            }
            let (scope_kind, scope_id) = stored_scope(scope);
            let state = match brake_policy {
                BrakePolicy::Enforce => RevocationState::Asked,
                BrakePolicy::Exempt => RevocationState::Passed,
                BrakePolicy::Preapproved => RevocationState::Approved,
            };
            let row = row::Revocation {
                id: new_id(),
                club_id: snapshot.scope.club,
                account_id: snapshot.account.id,
                member_id: member_state.due.member_id,
                scope_kind,
                scope_id,
                state,
                cause: cause.text.clone(),
                cause_id: cause.id,
                outage_suspected: false,
                delivery_id: cause.delivery,
                rule_id: cause.rule,
                actor: cause.actor.clone(),
                asked_at: now.micros(),
                decided_at: (state != RevocationState::Asked).then_some(now.micros()),
            };
            member_state.revocations.push(row.clone());
            self.asked.push(row);
        }
    }

    /// Writes them.
    pub async fn write(self, app: &App, scope: ClubScope) -> Result<(), StoreError> {
        app.db
            .write(move |tx| {
                Box::pin(async move {
                    revocations::forget(tx, scope, &self.gone).await?;
                    revocations::insert(tx, self.asked).await
                })
            })
            .await
    }
}

/// What passed or was approved is on its way, whether or not it is a loss still.
pub(super) fn is_decided(row: &row::Revocation) -> bool {
    matches!(
        row.state,
        RevocationState::Passed | RevocationState::Approved
    )
}

/// Judges every open question of a club whose cause has been sorted in all of its accounts, a cause at a time, the oldest
/// first. True where one was answered: whoever it is about is due anew then, whichever account asked it, and the loop is
/// woken. What cannot be judged yet stays open, and its members stay unsettled.
pub async fn judge(app: &App, scope: ClubScope, account: Uuid) -> Result<bool, StoreError> {
    let asked = revocations::in_state(app.db.read(), scope, RevocationState::Asked).await?;
    if asked.is_empty() {
        return Ok(false);
    }
    let now = app.clock.now().micros();
    let answered: Result<bool, StoreError> = app
        .db
        .write(move |tx| Box::pin(judge_in(tx, scope, account, now)))
        .await;
    let is_answered = answered?;
    if is_answered {
        app.waker.wake();
    }
    Ok(is_answered)
}

async fn judge_in(
    tx: &Transaction,
    scope: ClubScope,
    account: Uuid,
    now: i64,
) -> Result<bool, StoreError> {
    // The club is recent_writes first, so that two accounts of one club judge one after the other.
    clubs::touch(tx, scope).await?;
    let mut asked = by_cause(revocations::in_state(tx, scope, RevocationState::Asked).await?);
    let under_way = due::unsorted_causes(tx, scope, account, now).await?;
    asked.retain(|rows| {
        rows.first()
            .is_some_and(|row| !under_way.contains(&row.cause_id))
    });
    let Some(club) = clubs::get(tx, scope).await?.filter(|_| !asked.is_empty()) else {
        return Ok(false);
    };
    let window = club.brake_window_s.saturating_mul(1_000_000);
    let through = revocations::passed_since(tx, scope, now.saturating_sub(window)).await?;
    let mut through: BTreeSet<Uuid> = through.into_iter().collect();
    let with_access = revocations::with_access(tx, scope, now).await?;
    let kept = i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX);
    revocations::forget_counted(tx, scope, now.saturating_sub(kept)).await?;
    let mut held = Vec::new();
    for rows in asked {
        let people: BTreeSet<Uuid> = rows.iter().map(|row| row.member_id).collect();
        let fresh = people.difference(&through).count();
        let holds =
            settings(&club).holds(count(fresh), count(through.len()), count(with_access.len()));
        if holds {
            held.push(rows);
        } else {
            let passed = Decision::of(RevocationState::Passed);
            revocations::decide(tx, scope, &rows, passed, now).await?;
            through.extend(people);
        }
    }
    if !held.is_empty() {
        let rows: Vec<&row::Revocation> = held.iter().flatten().collect();
        let outages = SourceOutageDetector::find(tx, scope, &rows, &with_access, &through).await?;
        hold(tx, scope, &held, &outages, now).await?;
    }
    Ok(true)
}

fn settings(club: &row::Club) -> Brake {
    Brake {
        enabled: club.brake_enabled,
        people: u64::try_from(club.brake_people).unwrap_or(0),
        percent: u64::try_from(club.brake_percent).unwrap_or(0),
    }
}

fn count(people: usize) -> u64 {
    u64::try_from(people).unwrap_or(u64::MAX)
}

/// The pending of one cause each, in the order in which the causes first asked.
fn by_cause(asked: Vec<row::Revocation>) -> Vec<Vec<row::Revocation>> {
    let mut order: Vec<Vec<row::Revocation>> = Vec::new();
    let mut index: BTreeMap<Uuid, usize> = BTreeMap::new();
    for row in asked {
        let at = *index.entry(row.cause_id).or_insert_with(|| {
            order.push(Vec::new());
            order.len() - 1
        });
        if let Some(rows) = order.get_mut(at) {
            rows.push(row);
        }
    }
    order
}

/// Holds pending, a cause at a time.
async fn hold(
    connection: &impl crate::store::Connection,
    scope: ClubScope,
    causes: &[Vec<row::Revocation>],
    outages: &SourceOutageDetector,
    now: i64,
) -> Result<(), StoreError> {
    let ids: BTreeSet<Uuid> = causes.iter().flatten().map(|row| row.member_id).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let names = members::names(connection, scope, &ids).await?;
    let mut entries = Vec::new();
    for rows in causes {
        let Some(first) = rows.first() else { continue };
        let note = outages.note(first);
        let cause = format!("{}{note}", first.cause);
        let answer = Decision {
            cause: Some(&cause),
            outage_suspected: !note.is_empty(),
            ..Decision::of(RevocationState::Held)
        };
        revocations::decide(connection, scope, rows, answer, now).await?;
        entries.extend(rows.iter().map(|row| Entry {
            kind: HistoryKind::Held,
            member: Some(row.member_id),
            target: Some((row.scope_kind, row.scope_id)),
            cause: cause.clone(),
            delivery: row.delivery_id,
            rule: row.rule_id,
            actor: row.actor.clone(),
            message: format!(
                "The brake holds the revocation of {}'s access until an admin approves or dismisses it.",
                names.get(&row.member_id).map_or("a member", String::as_str)
            ),
        }));
    }
    outages.tell_earlier(connection, scope).await?;
    history::write(connection, scope, now, entries).await
}
