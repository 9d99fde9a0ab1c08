//! Stores versions of entitlements: the people that a version reaches, whether it becomes the current one, and whose access that
//! changes. A version that is older than the current one is stored and never becomes current.

use std::{cmp::Ordering, collections::HashSet};

use uuid::Uuid;

use super::{Apply, rows};
use crate::{
    ingest::statement::{EntitlementWord, Holder, Moment},
    store::{
        repeats,
        row::{EntitlementKind, EntitlementVersion, Part},
        working_set::Versioned,
    },
};

impl Apply<'_> {
    pub(super) fn entitlement(&mut self, version_row: &EntitlementWord) {
        let Some(source) = self.source else { return };
        let id = self.upsert_entitlement(source, version_row.kind, &version_row.id);
        let mut row =
            rows::entitlement_version(self, source, (id, &version_row.id), version_row.kind);
        row.status = version_row.status.to_owned();
        row.offering_id = Some(self.offering(&version_row.offering));
        row.offering_kind = Some(version_row.offering.kind);
        row.location_id = version_row
            .location
            .as_ref()
            .map(|location| self.location(source, location));
        match &version_row.holder {
            Holder::Person(person) => row.person_id = Some(self.person(person)),
            Holder::Company(company) => row.company_id = Some(self.upsert_company(source, company)),
        }
        (row.starts_at, row.starts_on) = moment(version_row.starts);
        (row.ends_at, row.ends_on) = moment(version_row.ends);
        row.block_reason = version_row.block.map(|(reason, _)| reason);
        row.block_since = version_row.block.map(|(_, since)| since.micros());
        let mut beside: Vec<(Uuid, Part)> = Vec::new();
        let mut met: HashSet<Uuid> = row.person_id.into_iter().collect();
        for (people, part) in [
            (&version_row.shared_with, Part::Shared),
            (&version_row.guests, Part::Guest),
        ] {
            for person in people {
                let person = self.person(person);
                if met.insert(person) {
                    beside.push((person, part));
                }
            }
        }
        self.stand(row, beside);
    }

    pub(super) fn entitlement_gone(&mut self, kind: EntitlementKind, id: &str) {
        let Some(source) = self.source else { return };
        let named = self.upsert_entitlement(source, kind, id);
        let mut row = rows::entitlement_version(self, source, (named, id), kind);
        row.deleted = true;
        self.stand(row, Vec::new());
    }

    /// Stores a version of an entitlement, and makes it current if it is the latest.
    fn stand(&mut self, row: EntitlementVersion, beside: Vec<(Uuid, Part)>) {
        let id = row.entitlement_id;
        let old = self.set.entitlement_versions.current(&id).cloned();
        let others: HashSet<(Uuid, Part)> = beside.iter().copied().collect();
        let before = old
            .as_ref()
            .map(|old| self.beside_of(old))
            .unwrap_or_default();
        let same = old.as_ref().is_some_and(|old| {
            others == before && same_content(old, &row) && self.is_effective(old, &before)
        });
        let order = old.as_ref().map(|old| old.version().cmp(&row.version()));
        let (late, repeated) = (
            order == Some(Ordering::Greater),
            order == Some(Ordering::Equal),
        );
        if (late && self.again) || (repeated && same) {
            return;
        }
        let reached = row
            .person_id
            .into_iter()
            .chain(beside.iter().map(|(person, _)| *person));
        let reached: Vec<Uuid> = reached.collect();
        self.effects.named.extend(&reached);
        self.progress.holders.extend(reached);
        if let Some(old) = old.as_ref().filter(|_| same && !late) {
            self.restate(old);
            return;
        }
        let rows = rows::beside(self, row.id, &beside);
        self.set.beside.insert(row.id, rows);
        if row.block_since.is_some() {
            self.set.ever_blocked.insert(id);
        }
        // The time of a membership's block is computed from all of its versions, so an older version changes it too.
        let changes = if late {
            row.kind == EntitlementKind::Membership && self.set.ever_blocked.contains(&id)
        } else {
            !same
        };
        if changes {
            let new = (!late).then_some(&row);
            for version in old.iter().chain(new) {
                self.is_due(version);
            }
        }
        if late {
            self.set.entitlement_versions.insert_late(row, self.set.now);
        } else {
            self.set
                .entitlement_versions
                .supersede_with(id, row, self.set.now);
        }
    }

    /// Gives the current version of an entitlement this version, because it was stated again. The times of blocks are computed
    /// from all versions of a membership.
    fn restate(&mut self, old: &EntitlementVersion) {
        let (earlier, version) = (old.version(), &self.version);
        let id = old.entitlement_id;
        self.set.entitlement_versions.restate(&id, |row| {
            if row.kind == EntitlementKind::Membership {
                row.repeats = repeats::add(row.repeats.as_deref(), earlier, &[]);
            }
            row.set_version(version);
        });
    }

    /// The people with a share and the guests of a version.
    fn beside_of(&self, version: &EntitlementVersion) -> HashSet<(Uuid, Part)> {
        let rows = self.set.beside.get(&version.id).into_iter().flatten();
        rows.map(|row| (row.person_id, row.part)).collect()
    }

    /// Whether a current version has effect for everybody in it: no snapshot and no deletion has ended it.
    fn is_effective(&self, version: &EntitlementVersion, beside: &HashSet<(Uuid, Part)>) -> bool {
        let own_version = version.version();
        let people = version
            .person_id
            .into_iter()
            .chain(beside.iter().map(|(id, _)| *id));
        !self.is_ended_by_snapshot(version)
            && !self.is_void(&own_version, None, version.company_id)
            && people
                .into_iter()
                .all(|person| !self.is_void(&own_version, Some(person), None))
    }

    /// Marks everybody due that a version reaches, because the version's effect has changed.
    pub(super) fn is_due(&mut self, version: &EntitlementVersion) {
        self.effects.changed = true;
        self.effects.due.extend(version.person_id);
        let beside = self.set.beside.get(&version.id).into_iter().flatten();
        self.effects.due.extend(beside.map(|row| row.person_id));
        if let Some(company) = version.company_id {
            self.mark_company_due(company);
        }
    }
}

fn moment(moment: Option<Moment>) -> (Option<i64>, Option<String>) {
    match moment {
        None => (None, None),
        Some(Moment::At(instant)) => (Some(instant.micros()), None),
        Some(Moment::On(date)) => (None, Some(date.to_string())),
    }
}

/// Whether two versions differ only in their version, time of receipt and delivery.
fn same_content(a: &EntitlementVersion, b: &EntitlementVersion) -> bool {
    let blank = |row: &EntitlementVersion| EntitlementVersion {
        id: Uuid::nil(),
        happened_at: 0,
        version_key: String::new(),
        learned_at: 0,
        superseded_at: None,
        delivery_id: None,
        repeats: None,
        ..row.clone()
    };
    blank(a) == blank(b)
}
