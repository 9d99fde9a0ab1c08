//! Managing a group on the word of a preview: refused where it would now do anything else than was shown. What was read then is
//! the group's first reading, so that nobody waits for a sweep, and what it removes is the admin's own word.

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

/// What a preview rests on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PreviewToken {
    group: Uuid,
    removes: bool,
    people: [u8; 32],
    has_rule: bool,
    counts: [usize; 4],
    made_at: i64,
}

/// The query to look again with.
const PREVIEW: &str = "previewGroup";

const FATES: [Fate; 4] = [Fate::Adopted, Fate::Kept, Fate::Removed, Fate::Granted];

impl PreviewToken {
    /// What this preview rests on, made at an instant.
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

    /// As it is handed out.
    pub fn seal(&self, sealer: &Sealer, scope: ClubScope) -> Result<String, SecretError> {
        seal_token(sealer, scope, self)
    }

    /// From what was handed out by this club, for this proposal.
    ///
    /// # Errors
    /// Stale for anything else, and for what is older than a day.
    pub fn open(
        sealer: &Sealer,
        scope: ClubScope,
        text: &str,
        proposal: Proposal,
        now: Instant,
    ) -> Result<Self, CheckError> {
        let Some(basis) = open_token::<Self>(sealer, scope, text) else {
            return stale(PREVIEW, "this names no preview of a group of this club");
        };
        if basis.group != proposal.group {
            return stale(PREVIEW, "the preview was of another group");
        }
        if basis.removes != (proposal.strangers == StrangerPolicy::Remove) {
            return stale(PREVIEW, "the preview was of another policy for strangers");
        }
        if now > Instant::from_micros(basis.made_at).plus(VALID_FOR) {
            return stale(PREVIEW, "the preview is older than a day");
        }
        Ok(basis)
    }

    /// Whether managing the group does what was shown.
    ///
    /// # Errors
    /// Stale, with what has moved.
    pub fn check(self, fresh: Preview) -> Result<Confirmed, CheckError> {
        if fresh.has_rule != self.has_rule {
            return stale(
                PREVIEW,
                "whether the group has an enabled rule has changed since the preview",
            );
        }
        if fresh.fingerprint() == self.people {
            return Ok(Confirmed::of(fresh));
        }
        let counts = FATES.map(|fate| fresh.count(fate));
        if counts == self.counts {
            return stale(PREVIEW, "other people would be affected now");
        }
        let words = |[adopted, kept, removed, granted]: [usize; 4]| {
            format!("{adopted} adopted, {kept} kept, {removed} removed and {granted} newly granted")
        };
        let (now, then) = (words(counts), words(self.counts));
        stale(
            PREVIEW,
            format!("there would be {now} now, where the preview said {then}"),
        )
    }
}

/// Answers for the brake what these members lose in a group: the admin has seen it.
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
    // Written first, decided second: a question that the loop writes at the same time is one of those that are found.
    revocations::insert(tx, members.iter().map(row).collect()).await?;
    let ids: Vec<Uuid> = members.iter().copied().collect();
    let mut open = revocations::open(tx, scope, group.account_id, &ids).await?;
    // What passed is counted, and goes on being so.
    open.retain(|row| row.scope_id == group.id && !is_decided(row));
    let approved = Decision::of(RevocationState::Approved);
    revocations::decide(tx, scope, &open, approved, now).await
}

/// A preview that was seen and still holds.
pub struct Confirmed {
    preview: Preview,
    /// Members who were shown to lose something: it is removed, or ends earlier by the rules.
    members: BTreeSet<Uuid>,
    /// What is so, by Kisi's ids.
    assignments: BTreeSet<i64>,
}

impl Confirmed {
    fn of(preview: Preview) -> Self {
        let shown = || {
            // Whoever loses nothing needs no answer, which would stay for whatever else comes before the work is done.
            let adopted = preview.of(Fate::Adopted);
            let narrowed = adopted.filter(|person| person.ends_early.is_some());
            preview.of(Fate::Removed).chain(narrowed)
        };
        Self {
            members: shown().filter_map(|person| person.member).collect(),
            assignments: shown().filter_map(|person| person.assignment).collect(),
            preview,
        }
    }

    /// Writes down what was read, in the transaction that manages the group, and marks everybody due. What members were shown to
    /// lose there is approved; anything else is for the brake to judge. `group` is as it is managed.
    pub async fn write(
        mut self,
        tx: &Transaction,
        scope: ClubScope,
        group: &row::Group,
        now: i64,
        words: &str,
        actor: &str,
    ) -> Result<(), StoreError> {
        setup::mark_read(tx, scope, group.id, now).await?;
        if group.strangers == StrangerPolicy::Remove && self.preview.has_rule {
            // Everybody was evaluated for the preview, and is again before anything of theirs is removed.
            setup::mark_evaluated(tx, scope, &[group.id], now).await?;
        }
        let conclusions = &mut self.preview.others.conclusions;
        let recent_writes = conclusions.store(tx).await?;
        let ids: Vec<i64> = self.assignments.iter().copied().collect();
        let holders = grants::by_kisi_ids(tx, scope, group.account_id, &ids).await?;
        let mut shown: BTreeSet<Uuid> = holders.into_iter().map(|(_, member)| member).collect();
        shown.extend(&self.members);
        let cause = due::Cause::enforced(words).by(actor);
        let everybody = members::ids(tx, scope).await?;
        let marked = everybody
            .into_iter()
            .chain(recent_writes.into_keys())
            .chain(shown.iter().copied());
        let marks: BTreeMap<Uuid, due::Cause> =
            marked.map(|member| (member, cause.clone())).collect();
        approve(tx, scope, group, &shown, &cause, now).await?;
        due::mark_in(tx, scope, &[group.account_id], marks, now).await
    }
}
