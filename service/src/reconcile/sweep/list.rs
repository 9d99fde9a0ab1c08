//! Processes one list: reads it completely, compares it with the grants loaded after the read, and stores what follows.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{
    Listing, Report, Sweep,
    compare::{self, Classified, Differences},
    conclude::{self, CONFLICT_PROBLEM, Conclusions},
    email_matches::{known_users, match_by_email},
};
use crate::{
    kisi::{Assignment, Error, Lane},
    reconcile::execute::{AccountError, GROUP_ROLE},
    store::{StoreError, clubs, row, sweep},
    transaction,
};

/// The problem of a group that is too large for Kisi to list.
const TOO_LONG: &str = "Kisi lists no more than 20,000 assignments of a group, and this group has more. Changes that others \
                        make in it are found only when this service updates the person concerned. Split the group in Kisi to \
                        have all changes found.";

impl Sweep {
    pub(super) async fn list(
        &self,
        listing: &Listing,
        lane: Lane,
        report: &mut Report,
    ) -> Result<(), AccountError> {
        self.recent_writes.begin();
        let client = self.client.in_lane(lane);
        let rows = match client.assignments(listing.filter).await {
            Ok(rows) => rows,
            Err(Error::TooLong) => {
                self.set_group_problem(listing, Some(TOO_LONG)).await?;
                // Existing assignments are found when each member is served.
                return Ok(self.mark_group_read(listing).await?);
            }
            Err(problem) => return Err(problem.into()),
        };
        report.lists += 1;
        report.rows += count(rows.len());
        let (db, account) = (self.app.db.read(), &self.account);
        let rows = rows
            .into_iter()
            .filter(|row| row.applies_to == listing.applies_to)
            .collect();
        let grants = sweep::grants_at(db, self.scope, account.id, listing.at).await?;
        let mut busy: BTreeSet<_> = compare::in_flight(&grants).collect();
        // Before the first read nothing is written to a group, so no recent write concerns it.
        let is_first = listing.unread_group().is_some();
        if !is_first {
            busy.extend(self.recent_writes.all());
        }
        let role = listing.group.as_ref().map(|_| GROUP_ROLE);
        let mut differences = Differences::of(rows, &grants, role, &busy);
        let unknown = std::mem::take(&mut differences.unknown);
        let classified = self.classify(listing, unknown, &grants, &mut busy).await?;
        let conclusions = Conclusions::of(self, listing, differences, classified).await?;
        if !(self.guard)() {
            return Err(AccountError::NotOwned);
        }
        conclusions.write(self, report).await?;
        Ok(())
    }

    /// Finds the owners of unknown assignments. Assignments that would be ignored are left out.
    async fn classify(
        &self,
        listing: &Listing,
        mut unknown: Vec<Assignment>,
        grants: &[row::Grant],
        busy: &mut BTreeSet<Uuid>,
    ) -> Result<Classified, StoreError> {
        let own = self.account.kisi_user_id;
        if listing.group.is_none() {
            unknown.retain(|row| own.is_some() && row.created_by_id == own);
        }
        if unknown.is_empty() {
            return Ok(Classified::default());
        }
        let db = self.app.db.read();
        let mut users = known_users(db, self.scope, self.account.id, &unknown).await?;
        let mut matched = match_by_email(db, self.scope, self.account.id, &unknown, &users).await?;
        let recent_writes = self.recent_writes.all();
        matched.retain(|user| !recent_writes.contains(&user.member_id));
        users.extend(matched.iter().cloned());
        if listing.unread_group().is_none() {
            busy.extend(self.recent_writes.all());
        }
        let role = listing.group.as_ref().map(|_| GROUP_ROLE);
        let mut classified = compare::classify(unknown, grants, users, own, role, busy);
        if listing.group.is_none() {
            classified.of_members.clear();
        }
        if !listing.removes_strangers {
            classified.of_strangers.clear();
        }
        classified.matched = matched;
        Ok(classified)
    }

    /// Records the first read of a group that is too large to list, and marks all members due.
    async fn mark_group_read(&self, listing: &Listing) -> Result<(), StoreError> {
        let Some(group) = listing.unread_group().cloned() else {
            return Ok(());
        };
        let (scope, now) = (self.scope, self.app.clock.now().micros());
        let stored = transaction!(self.app.db, |tx| {
            clubs::lock(tx, scope).await?;
            conclude::mark_group_read(tx, scope, &group, now).await
        });
        stored.await?;
        self.app.waker.wake(self.scope);
        Ok(())
    }

    /// Sets or clears the problem of a group, if it differs from the stored one.
    pub(super) async fn set_group_problem(
        &self,
        listing: &Listing,
        problem: Option<&'static str>,
    ) -> Result<(), StoreError> {
        let Some(group) = &listing.group else {
            return Ok(());
        };
        if group.problem.as_deref() == problem {
            return Ok(());
        }
        if problem == Some(CONFLICT_PROBLEM) {
            tracing::warn!(account = %self.account.id, group = %group.id, "somebody else keeps undoing changes in a managed group; repairs are delayed");
        }
        let (scope, id) = (self.scope, group.id);
        let text = problem.map(str::to_owned);
        let stored = transaction!(self.app.db, |tx| sweep::set_problem(tx, scope, id, text)
            .await);
        stored.await
    }
}

pub(super) fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
