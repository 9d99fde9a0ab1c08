//! The brake in the loop. Early losses in a member's plan become pending revocations, are judged together with all losses of the
//! same cause, and are held if they exceed the club's limit. Grants are never held. Pending revocations are stored, so that they
//! survive a restart.

use std::collections::{BTreeMap, BTreeSet};

use access::{Brake, Instant};
use uuid::Uuid;

use super::{account_snapshot::AccountSnapshot, member_state::MemberState};
use crate::{
    app::App,
    clock::new_id,
    store::{
        ClubScope, StoreError, Transaction, clubs,
        convert::{revoked_scope, scope_columns},
        due,
        history::{self, Entry},
        members,
        revocations::{self, Decision},
        row::{self, BrakePolicy, HistoryKind, RevocationState},
    },
    transaction,
};

mod source_outage;

use source_outage::SourceOutageDetector;

/// Changes to store before members are served: new revocations, and pending ones that became obsolete.
#[derive(Default)]
pub struct PendingRevocations {
    added: Vec<row::Revocation>,
    obsolete: Vec<row::Revocation>,
}

impl PendingRevocations {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.obsolete.is_empty()
    }

    /// Collects the changes for a member, and updates the revocations in its state accordingly.
    pub fn collect(
        &mut self,
        member_state: &mut MemberState,
        snapshot: &AccountSnapshot,
        now: Instant,
    ) {
        let losses = member_state.losses(snapshot, now);
        // A suspension overrides all earlier revocations of the member, whatever marked the member last.
        let suspended = member_state
            .holdings
            .facts
            .suspension
            .is_some_and(|suspension| suspension.span.contains(now));
        let cause = due::Cause::of(&member_state.due);
        let brake_policy = if suspended {
            BrakePolicy::Exempt
        } else {
            cause.brake_policy
        };
        // Other causes that the brake does not enforce replace pending revocations only; held and dismissed ones keep their
        // decision.
        let overrules = |row: &row::Revocation| {
            suspended
                || (brake_policy != BrakePolicy::Enforce && row.state == RevocationState::Asked)
        };
        let (kept, obsolete): (Vec<_>, Vec<_>) = std::mem::take(&mut member_state.revocations)
            .into_iter()
            .partition(|row| {
                is_decided(row) || (losses.contains(&revoked_scope(row)) && !overrules(row))
            });
        member_state.revocations = kept;
        self.obsolete.extend(obsolete);
        for scope in losses {
            if member_state
                .revocations
                .iter()
                .any(|row| revoked_scope(row) == scope)
            {
                continue;
            }
            let (scope_kind, scope_id) = scope_columns(scope);
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
            self.added.push(row);
        }
    }

    pub async fn write(self, app: &App, scope: ClubScope) -> Result<(), StoreError> {
        transaction!(app.db, |tx| {
            revocations::forget(tx, scope, &self.obsolete).await?;
            revocations::insert(tx, self.added).await
        })
        .await
    }
}

/// Passed and approved revocations are being carried out, so they are kept even if they are no loss any more.
pub(super) fn is_decided(row: &row::Revocation) -> bool {
    matches!(
        row.state,
        RevocationState::Passed | RevocationState::Approved
    )
}

/// Judges all pending revocations of a club whose cause has been sorted in all of its accounts, cause by cause, the oldest first.
/// `sorted` is an account whose members are all sorted, or are being sorted by the caller. Returns true if any was decided: then
/// its members are due again in every account, and the loop is woken. The others stay pending, and their members stay unsettled.
pub async fn judge(app: &App, scope: ClubScope, sorted: Option<Uuid>) -> Result<bool, StoreError> {
    let pending = revocations::in_state(app.db.read(), scope, RevocationState::Asked).await?;
    if pending.is_empty() {
        return Ok(false);
    }
    let now = app.clock.now().micros();
    let decided: Result<bool, StoreError> = app
        .db
        .write(move |tx| Box::pin(judge_in(tx, scope, sorted, now)))
        .await;
    let has_decided = decided?;
    if has_decided {
        app.waker.wake(scope);
    }
    Ok(has_decided)
}

async fn judge_in(
    tx: &Transaction,
    scope: ClubScope,
    sorted: Option<Uuid>,
    now: i64,
) -> Result<bool, StoreError> {
    // Locks the club, so that two accounts of one club judge one after the other.
    clubs::touch(tx, scope).await?;
    let mut causes = by_cause(revocations::in_state(tx, scope, RevocationState::Asked).await?);
    let under_way = due::unsorted_causes(tx, scope, sorted, now).await?;
    causes.retain(|rows| {
        rows.first()
            .is_some_and(|row| !under_way.contains(&row.cause_id))
    });
    let Some(club) = clubs::get(tx, scope).await?.filter(|_| !causes.is_empty()) else {
        return Ok(false);
    };
    let window = club.brake_window_s.saturating_mul(1_000_000);
    let passed_members = revocations::passed_since(tx, scope, now.saturating_sub(window)).await?;
    let mut passed_members: BTreeSet<Uuid> = passed_members.into_iter().collect();
    let with_access = revocations::with_access(tx, scope, now).await?;
    let mut held = Vec::new();
    for rows in causes {
        let people: BTreeSet<Uuid> = rows.iter().map(|row| row.member_id).collect();
        let fresh = people.difference(&passed_members).count();
        let holds = settings(&club).holds(
            count(fresh),
            count(passed_members.len()),
            count(with_access.len()),
        );
        if holds {
            held.push(rows);
        } else {
            let passed = Decision::of(RevocationState::Passed);
            revocations::decide(tx, scope, &rows, passed, now).await?;
            passed_members.extend(people);
        }
    }
    if !held.is_empty() {
        let rows: Vec<&row::Revocation> = held.iter().flatten().collect();
        let outages =
            SourceOutageDetector::find(tx, scope, &rows, &with_access, &passed_members).await?;
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

/// The pending revocations grouped by cause, in the order of the first revocation of each cause.
fn by_cause(pending: Vec<row::Revocation>) -> Vec<Vec<row::Revocation>> {
    let mut order: Vec<Vec<row::Revocation>> = Vec::new();
    let mut index: BTreeMap<Uuid, usize> = BTreeMap::new();
    for row in pending {
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

/// Holds pending revocations and writes their history entries.
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
        let decision = Decision {
            cause: Some(&cause),
            outage_suspected: !note.is_empty(),
            ..Decision::of(RevocationState::Held)
        };
        revocations::decide(connection, scope, rows, decision, now).await?;
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
    outages.note_earlier(connection, scope).await?;
    history::write(connection, scope, now, entries).await
}
