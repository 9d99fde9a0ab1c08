//! Finds overlooked members: they are settled, but Kisi is known to hold something else than the rules want. This should never
//! happen; if it does for any reason, the sweep ends it within its interval. Evaluates the whole club in batches, without locks,
//! and writes only if a member was overlooked.

use std::collections::{BTreeMap, HashMap};

use access::Instant;
use uuid::Uuid;

use super::{Sweep, list::count};
use crate::{
    reconcile::{
        account_snapshot::AccountSnapshot,
        execute::AccountError,
        member_state::{self, Assessment, Blocked, MemberState},
        worker::SORT_BATCH,
    },
    store::{
        StoreError, due,
        due::{Cause, DueKey, Recurring},
        lookup, row, sweep,
    },
    transaction,
};

impl Sweep {
    /// Marks overlooked members due. Returns their number.
    pub(super) async fn mark_overlooked(&self) -> Result<u64, AccountError> {
        let db = &self.app.db;
        let account =
            lookup::by_id::<row::KisiAccount>(db.read(), self.scope, self.account.id).await?;
        let Some(account) = account else {
            return Ok(0);
        };
        let snapshot = AccountSnapshot::load(db, account).await?;
        let everybody = sweep::all_holders(db.read(), self.scope, self.account.id).await?;
        let mut overlooked = 0;
        let cause = Cause::recurring(Recurring::Overlooked);
        let at_once = usize::try_from(SORT_BATCH).unwrap_or(usize::MAX);
        for members in everybody.chunks(at_once) {
            let now = self.app.clock.now();
            let rows = self.idle_rows(members, now).await?;
            let mut marks = BTreeMap::new();
            for member_state in
                member_state::load(db, &snapshot, rows, now, self.app.config.horizon).await?
            {
                if self.has_work(&member_state, &snapshot, now) {
                    let key = DueKey {
                        account: self.account.id,
                        member: member_state.due.member_id,
                    };
                    marks.insert(key, cause.clone());
                }
            }
            overlooked += count(marks.len());
            self.mark(marks, now).await?;
        }
        if overlooked > 0 {
            tracing::error!(account = %self.account.id, members = overlooked, "members were settled although Kisi does not hold what the rules want; they were marked due");
        }
        Ok(overlooked)
    }

    /// The due rows of members that are settled. A member that was never marked due gets a row that is not stored.
    async fn idle_rows(&self, members: &[Uuid], now: Instant) -> Result<Vec<row::Due>, StoreError> {
        let db = self.app.db.read();
        let rows = due::of_members(db, self.scope, self.account.id, members).await?;
        let mut rows: HashMap<Uuid, row::Due> =
            rows.into_iter().map(|row| (row.member_id, row)).collect();
        let row = |member: &Uuid| {
            rows.remove(member).unwrap_or_else(|| row::Due {
                account_id: self.account.id,
                member_id: *member,
                club_id: self.scope.club,
                due_at: i64::MAX,
                generation: 0,
                settled_generation: 0,
                lane: None,
                attempts: 0,
                cause: Recurring::Overlooked.text().to_owned(),
                cause_id: Uuid::nil(),
                cause_delivery: None,
                cause_rule: None,
                cause_actor: None,
                brake_policy: row::BrakePolicy::Enforce,
            })
        };
        let is_idle =
            |row: &row::Due| row.generation <= row.settled_generation && row.due_at > now.micros();
        Ok(members.iter().map(row).filter(is_idle).collect())
    }

    fn has_work(
        &self,
        member_state: &MemberState,
        snapshot: &AccountSnapshot,
        now: Instant,
    ) -> bool {
        if member_state.is_brake_pending()
            || !member_state.adoptable_grants(snapshot, now).is_empty()
        {
            return true;
        }
        let horizon = self.app.config.horizon;
        match member_state.assess(snapshot, now, horizon) {
            Assessment::Plan(_) | Assessment::Blocked(Blocked::Brake(_)) => true,
            // A grant that one list missed waits for the next list.
            Assessment::Blocked(Blocked::UnknownAnswer) => {
                !member_state.plan(snapshot, now, horizon).steps.is_empty()
            }
            Assessment::Settled(_) | Assessment::Blocked(Blocked::FirstReading) => false,
        }
    }

    async fn mark(&self, marks: BTreeMap<DueKey, Cause>, now: Instant) -> Result<(), AccountError> {
        if marks.is_empty() {
            return Ok(());
        }
        if !(self.guard)() {
            return Err(AccountError::NotOwned);
        }
        let (scope, now) = (self.scope, now.micros());
        let marked: Result<(), StoreError> =
            transaction!(self.app.db, |tx| due::mark_keeping_cause(
                tx, scope, marks, now
            )
            .await)
            .await;
        marked?;
        self.app.waker.wake(self.scope);
        Ok(())
    }
}
