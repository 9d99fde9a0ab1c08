//! Managing a group with the token of a preview. It is refused if it would now do something else than the preview showed. The
//! list read for the check counts as the group's first read, so that nobody waits for a sweep, and the revocations that the
//! preview showed count as approved by the admin.

use std::collections::{BTreeMap, BTreeSet};

use access::Instant;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Fate, Preview, Proposal};
use crate::{
    clock::new_id,
    preview::{CheckError, VALID_FOR, open_token, seal_token, stale},
    reconcile::brake::is_decided,
    secret::{Sealer, SecretError},
    store::{
        ClubScope, StoreError, Transaction, due, grants, members,
        revocations::{self, Decision},
        row::{self, RevocationState, StrangerPolicy},
        setup,
    },
};

/// What a preview showed, as far as it is checked again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PreviewToken {
    group: Uuid,
    removes: bool,
    people: [u8; 32],
    has_rule: bool,
    counts: [usize; 4],
    made_at: i64,
}

/// The query named in `STALE` errors.
const PREVIEW_QUERY: &str = "previewGroup";

const FATES: [Fate; 4] = [Fate::Adopted, Fate::Kept, Fate::Removed, Fate::Granted];

impl PreviewToken {
    /// The token of a preview that is shown at `now`.
    pub fn of(preview: &Preview, proposal: Proposal, now: Instant) -> Self {
        Self {
            group: proposal.group,
            removes: proposal.strangers == StrangerPolicy::Remove,
            people: preview.fingerprint(),
            has_rule: preview.has_rule,
            counts: FATES.map(|fate| preview.count(fate)),
            made_at: now.micros(),
        }
    }

    /// The text for the client.
    pub fn seal(&self, sealer: &Sealer, scope: ClubScope) -> Result<String, SecretError> {
        seal_token(sealer, scope, self)
    }

    /// Reads the text from the client.
    ///
    /// # Errors
    /// Stale, if the text is no token of this club, is for a different proposal, or is older than a day.
    pub fn open(
        sealer: &Sealer,
        scope: ClubScope,
        text: &str,
        proposal: Proposal,
        now: Instant,
    ) -> Result<Self, CheckError> {
        let Some(token) = open_token::<Self>(sealer, scope, text) else {
            return stale(
                PREVIEW_QUERY,
                "the preview token is not valid for this club",
            );
        };
        if token.group != proposal.group {
            return stale(PREVIEW_QUERY, "the preview is of a different group");
        }
        if token.removes != (proposal.strangers == StrangerPolicy::Remove) {
            return stale(
                PREVIEW_QUERY,
                "the preview is with a different policy for strangers",
            );
        }
        if now > Instant::from_micros(token.made_at).plus(VALID_FOR) {
            return stale(PREVIEW_QUERY, "the preview is older than a day");
        }
        Ok(token)
    }

    /// Checks that managing the group still has the effects that the preview showed.
    ///
    /// # Errors
    /// Stale, with what changed.
    pub fn check(self, fresh: Preview) -> Result<Confirmed, CheckError> {
        if fresh.has_rule != self.has_rule {
            return stale(
                PREVIEW_QUERY,
                "the group gained its first enabled rule, or lost its last one, since the preview",
            );
        }
        if fresh.fingerprint() == self.people {
            return Ok(Confirmed::of(fresh));
        }
        let counts = FATES.map(|fate| fresh.count(fate));
        if counts == self.counts {
            return stale(
                PREVIEW_QUERY,
                "it would now affect other people than the preview showed",
            );
        }
        let text = |[adopted, kept, removed, granted]: [usize; 4]| {
            format!("{adopted} adopted, {kept} kept, {removed} removed and {granted} newly granted")
        };
        let (now, then) = (text(counts), text(self.counts));
        stale(
            PREVIEW_QUERY,
            format!("it would now be {now}, but the preview showed {then}"),
        )
    }
}

/// Approves the revocations of these members in a group, because the preview showed them to the admin.
async fn approve(
    tx: &Transaction,
    scope: ClubScope,
    group: &row::Group,
    members: &BTreeSet<Uuid>,
    cause: &due::Cause,
    now: i64,
) -> Result<(), StoreError> {
    let row = |member: &Uuid| row::Revocation {
        id: new_id(),
        club_id: scope.club,
        account_id: group.account_id,
        member_id: *member,
        scope_kind: row::ScopeKind::Group,
        scope_id: group.id,
        state: RevocationState::Approved,
        cause: cause.text.clone(),
        cause_id: cause.id,
        outage_suspected: false,
        delivery_id: None,
        rule_id: None,
        actor: cause.actor.clone(),
        asked_at: now,
        decided_at: Some(now),
    };
    // Insert before the look-up, so that revocations that the loop inserts at the same time are found and decided.
    revocations::insert(tx, members.iter().map(row).collect()).await?;
    let ids: Vec<Uuid> = members.iter().copied().collect();
    let mut open = revocations::open(tx, scope, group.account_id, &ids).await?;
    // Revocations that passed stay as they are, because they count towards the limit.
    open.retain(|row| row.scope_id == group.id && !is_decided(row));
    let approved = Decision::of(RevocationState::Approved);
    revocations::decide(tx, scope, &open, approved, now).await
}

/// A preview that was checked and is still correct.
pub struct Confirmed {
    preview: Preview,
    /// Members who lose access according to the preview: it is removed, or ends earlier under the rules.
    members: BTreeSet<Uuid>,
    /// The assignments that are removed or end earlier, by Kisi's ids.
    assignments: BTreeSet<i64>,
}

impl Confirmed {
    fn of(preview: Preview) -> Self {
        let shown = || {
            // Members who lose nothing get no approval: it would also apply to other losses before the work is done.
            let adopted = preview.with_fate(Fate::Adopted);
            let narrowed = adopted.filter(|person| person.ends_early.is_some());
            preview.with_fate(Fate::Removed).chain(narrowed)
        };
        Self {
            members: shown().filter_map(|person| person.member).collect(),
            assignments: shown().filter_map(|person| person.assignment).collect(),
            preview,
        }
    }

    /// Stores the list that was read, in the transaction that manages the group, approves the losses that the preview showed, and
    /// marks all members due. The brake judges any other loss. `group` is the row as managed; `cause` the text for the brake and
    /// the history.
    pub async fn write(
        mut self,
        tx: &Transaction,
        scope: ClubScope,
        group: &row::Group,
        now: i64,
        cause: &str,
        actor: &str,
    ) -> Result<(), StoreError> {
        setup::mark_read(tx, scope, group.id, now).await?;
        if group.strangers == StrangerPolicy::Remove && self.preview.has_rule {
            // All members were evaluated for the preview, and are evaluated again before anything is removed.
            setup::mark_evaluated(tx, scope, &[group.id], now).await?;
        }
        let conclusions = &mut self.preview.others.conclusions;
        let concerned = conclusions.store(tx).await?;
        let ids: Vec<i64> = self.assignments.iter().copied().collect();
        let holders = grants::by_kisi_ids(tx, scope, group.account_id, &ids).await?;
        let mut shown: BTreeSet<Uuid> = holders.into_iter().map(|(_, member)| member).collect();
        shown.extend(&self.members);
        let cause = due::Cause::enforced(cause).by(actor);
        let everybody = members::ids(tx, scope).await?;
        let marked = everybody
            .into_iter()
            .chain(concerned.into_keys())
            .chain(shown.iter().copied());
        let marks: BTreeMap<Uuid, due::Cause> =
            marked.map(|member| (member, cause.clone())).collect();
        approve(tx, scope, group, &shown, &cause, now).await?;
        due::mark_in(tx, scope, &[group.account_id], marks, now).await
    }
}
