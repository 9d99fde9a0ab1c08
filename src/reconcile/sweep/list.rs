//! One list: read whole, compared with the grants as they are known after the reading, and handed over to be written down.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{
    Report, Subject, Sweep,
    compare::{self, Differences, Sorted},
    conclude::{self, Conclusions, FOUGHT},
    email_matches::{holders, met},
};
use crate::{
    kisi::{Assignment, Error, Lane},
    reconcile::execute::{AccountError, GROUP_ROLE},
    store::{StoreError, clubs, row, sweep},
};

/// What is said of a group that is too large for Kisi to list.
const TOO_LONG: &str = "Kisi lists no more than 20,000 assignments of a group, and this one has more: what others change \
                        or add there is found only when this service has work with the person concerned. Whoever runs the \
                        Kisi account can split the group.";

impl Sweep {
    pub(super) async fn list(
        &self,
        subject: &Subject,
        lane: Lane,
        report: &mut Report,
    ) -> Result<(), AccountError> {
        self.recent_writes.begin();
        let client = self.client.in_lane(lane);
        let rows = match client.assignments(subject.filter).await {
            Ok(rows) => rows,
            Err(Error::TooLong) => {
                self.say(subject, Some(TOO_LONG)).await?;
                // What is there is found where a member's own turn comes.
                return Ok(self.was_read(subject).await?);
            }
            Err(problem) => return Err(problem.into()),
        };
        report.lists += 1;
        report.rows += count(rows.len());
        let (db, account) = (self.app.db.read(), &self.account);
        let rows = rows
            .into_iter()
            .filter(|row| row.applies_to == subject.applies_to)
            .collect();
        let grants = sweep::grants_at(db, self.scope, account.id, subject.at).await?;
        let mut busy: BTreeSet<_> = compare::in_flight(&grants).collect();
        // Nothing was written to a group that is read for the first time.
        let is_first = subject.unread_group().is_some();
        if !is_first {
            busy.extend(self.recent_writes.all());
        }
        let role = subject.group.as_ref().map(|_| GROUP_ROLE);
        let mut found = Differences::of(rows, &grants, role, &busy);
        let unknown = std::mem::take(&mut found.unknown);
        let sorted = self.sort(subject, unknown, &grants, &mut busy).await?;
        let conclusions = Conclusions::of(self, subject, found, sorted).await?;
        if !(self.guard)() {
            return Err(AccountError::LeaseLost);
        }
        conclusions.write(self, report).await?;
        Ok(())
    }

    /// Whose the assignments are that nobody here knows of; of those that would be left alone, nobody asks.
    async fn sort(
        &self,
        subject: &Subject,
        mut unknown: Vec<Assignment>,
        grants: &[row::Grant],
        busy: &mut BTreeSet<Uuid>,
    ) -> Result<Sorted, StoreError> {
        let own = self.account.kisi_user_id;
        if subject.group.is_none() {
            unknown.retain(|row| own.is_some() && row.created_by_id == own);
        }
        if unknown.is_empty() {
            return Ok(Sorted::default());
        }
        let db = self.app.db.read();
        let mut users = holders(db, self.scope, self.account.id, &unknown).await?;
        let mut met = met(db, self.scope, self.account.id, &unknown, &users).await?;
        let recent_writes = self.recent_writes.all();
        met.retain(|user| !recent_writes.contains(&user.member_id));
        users.extend(met.iter().cloned());
        if subject.unread_group().is_none() {
            busy.extend(self.recent_writes.all());
        }
        let role = subject.group.as_ref().map(|_| GROUP_ROLE);
        let mut sorted = compare::sort(unknown, grants, users, own, role, busy);
        if subject.group.is_none() {
            sorted.of_members.clear();
        }
        if !subject.removes {
            sorted.of_strangers.clear();
        }
        sorted.met = met;
        Ok(sorted)
    }

    /// A group was read as far as it can be: its members' turn has come, where it was the first time.
    async fn was_read(&self, subject: &Subject) -> Result<(), StoreError> {
        let Some(group) = subject.unread_group().cloned() else {
            return Ok(());
        };
        let (scope, now) = (self.scope, self.app.clock.now().micros());
        let read = self.app.db.write(move |tx| {
            Box::pin(async move {
                clubs::lock(tx, scope).await?;
                conclude::was_read(tx, scope, &group, now).await
            })
        });
        read.await?;
        self.app.waker.wake();
        Ok(())
    }

    /// Says what is wrong with a group, where that is not said already.
    pub(super) async fn say(
        &self,
        subject: &Subject,
        problem: Option<&'static str>,
    ) -> Result<(), StoreError> {
        let Some(group) = &subject.group else {
            return Ok(());
        };
        if group.problem.as_deref() == problem {
            return Ok(());
        }
        if problem == Some(FOUGHT) {
            tracing::warn!(account = %self.account.id, group = %group.id, "somebody else undoes what is made in a group");
        }
        let (scope, id) = (self.scope, group.id);
        let words = problem.map(str::to_owned);
        let said = self.app.db.write(move |tx| {
            Box::pin(async move { sweep::set_problem(tx, scope, id, words).await })
        });
        said.await
    }
}

pub(super) fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
