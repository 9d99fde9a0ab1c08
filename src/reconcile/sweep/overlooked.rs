//! Members whose work is said to be done though it is not: nobody is about to look at them, and what Kisi is known to hold is
//! not what the rules want now. There is no way that this comes about; whatever way there is all the same, the sweep ends it
//! within its interval. Evaluates the whole club in batches, with nothing locked, and writes only where somebody was
//! overlooked.

use std::collections::{BTreeMap, HashMap};

use access::Instant;
use uuid::Uuid;

use super::{Sweep, list::count};
use crate::{
    reconcile::{
        execute::AccountError,
        member_state::{self, AccountSnapshot, MemberState},
        worker::SORTED_AT_ONCE,
    },
    store::{
        StoreError, due,
        due::{Cause, DueKey},
        kisi_accounts, row, sweep,
    },
};

/// What the brake and the history are told.
const OVERLOOKED: &str = "the sweep: what Kisi holds is not what the rules want";

impl Sweep {
    /// Marks them due; how many there were.
    pub(super) async fn overlooked(&self) -> Result<u64, AccountError> {
        let db = &self.app.db;
        let account = kisi_accounts::get(db.read(), self.scope, self.account.id).await?;
        let Some(account) = account else {
            return Ok(0);
        };
        let snapshot = AccountSnapshot::load(db, account).await?;
        let everybody = sweep::all_holders(db.read(), self.scope, self.account.id).await?;
        let mut overlooked = 0;
        let cause = Cause::enforced(OVERLOOKED);
        let at_once = usize::try_from(SORTED_AT_ONCE).unwrap_or(usize::MAX);
        for members in everybody.chunks(at_once) {
            let now = self.app.clock.now();
            let quiet = self.quiet(members, now).await?;
            let mut marks = BTreeMap::new();
            for member_state in member_state::load(db, &snapshot, quiet).await? {
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
            tracing::error!(account = %self.account.id, members = overlooked, "members were overlooked; they are looked at now");
        }
        Ok(overlooked)
    }

    /// The rows of those whom nobody is about to look at. Whoever was never marked gets a row that is not stored.
    async fn quiet(&self, members: &[Uuid], now: Instant) -> Result<Vec<row::Due>, StoreError> {
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
                cause: OVERLOOKED.to_owned(),
                cause_id: Uuid::nil(),
                cause_delivery: None,
                cause_rule: None,
                cause_actor: None,
                brake_policy: row::BrakePolicy::Enforce,
            })
        };
        let is_quiet =
            |row: &row::Due| row.generation <= row.settled_generation && row.due_at > now.micros();
        Ok(members.iter().map(row).filter(is_quiet).collect())
    }

    fn has_work(
        &self,
        member_state: &MemberState,
        snapshot: &AccountSnapshot,
        now: Instant,
    ) -> bool {
        let horizon = self.app.config.horizon;
        let adopts = !member_state.to_adopt(snapshot, now, horizon).is_empty();
        adopts
            || member_state.is_asking()
            || !member_state.plan(snapshot, now, horizon).steps.is_empty()
    }

    async fn mark(&self, marks: BTreeMap<DueKey, Cause>, now: Instant) -> Result<(), AccountError> {
        if marks.is_empty() {
            return Ok(());
        }
        if !(self.guard)() {
            return Err(AccountError::LeaseLost);
        }
        let (scope, now) = (self.scope, now.micros());
        let marked: Result<(), StoreError> = (self.app.db)
            .write(move |tx| {
                Box::pin(async move { due::mark_keeping_cause(tx, scope, marks, now).await })
            })
            .await;
        marked?;
        self.app.waker.wake();
        Ok(())
    }
}
