//! Says what somebody holds: whom a version of an entitlement reaches, whether it stands, and for whom that changes what
//! they hold. A version that came late is kept and never stands.

use std::{cmp::Ordering, collections::HashSet};

use uuid::Uuid;

use super::{Apply, make};
use crate::{
    ingest::statement::{EntitlementWord, Holder, Moment},
    store::{
        row::{EntitlementKind, EntitlementVersion, Part},
        working_set::Versioned,
    },
};

impl Apply<'_> {
    pub(super) fn entitlement(&mut self, word: &EntitlementWord) {
        let Some(source) = self.source else { return };
        let id = self.entitlement_named(source, word.kind, &word.id);
        let mut row = make::entitlement_version(self, source, (id, &word.id), word.kind);
        row.status = word.status.to_owned();
        row.offering_id = Some(self.offering(&word.offering));
        row.offering_kind = Some(word.offering.kind);
        row.location_id = word
            .location
            .as_ref()
            .map(|location| self.location(source, location));
        match &word.holder {
            Holder::Person(person) => row.person_id = Some(self.person(person)),
            Holder::Company(company) => row.company_id = Some(self.company_named(source, company)),
        }
        (row.starts_at, row.starts_on) = moment(word.starts);
        (row.ends_at, row.ends_on) = moment(word.ends);
        row.block_reason = word.block.map(|(reason, _)| reason);
        row.block_since = word.block.map(|(_, since)| since.micros());
        let mut beside: Vec<(Uuid, Part)> = Vec::new();
        let mut met: HashSet<Uuid> = row.person_id.into_iter().collect();
        for (people, part) in [
            (&word.shared_with, Part::Shared),
            (&word.guests, Part::Guest),
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
        let named = self.entitlement_named(source, kind, id);
        let mut row = make::entitlement_version(self, source, (named, id), kind);
        row.deleted = true;
        self.stand(row, Vec::new());
    }

    /// Lets a version of an entitlement stand, if it is the latest.
    fn stand(&mut self, row: EntitlementVersion, beside: Vec<(Uuid, Part)>) {
        let id = row.entitlement_id;
        let old = self.set.entitlement_words.standing(&id).cloned();
        let others: HashSet<(Uuid, Part)> = beside.iter().copied().collect();
        let before = old
            .as_ref()
            .map(|old| self.beside_of(old))
            .unwrap_or_default();
        let same = old.as_ref().is_some_and(|old| {
            others == before && says_the_same(old, &row) && self.counts(old, &before)
        });
        let order = old.as_ref().map(|old| old.version().cmp(&row.version()));
        let (late, repeated) = (
            order == Some(Ordering::Greater),
            order == Some(Ordering::Equal),
        );
        if (late && self.again) || (repeated && same) {
            return;
        }
        let rows = make::beside(self, row.id, &beside);
        self.set.beside.insert(row.id, rows);
        let reached = row
            .person_id
            .into_iter()
            .chain(beside.iter().map(|(person, _)| *person));
        self.led.named.extend(reached);
        if row.block_since.is_some() {
            self.set.ever_blocked.insert(id);
        }
        // When a membership was blocked is read from all that was ever said of it, so a late word counts there too.
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
            self.set.entitlement_words.keep(row, self.set.now);
        } else {
            self.set.entitlement_words.say(id, row, self.set.now);
        }
    }

    /// Whom a version reaches beside its holder.
    fn beside_of(&self, version: &EntitlementVersion) -> HashSet<(Uuid, Part)> {
        let rows = self.set.beside.get(&version.id).into_iter().flatten();
        rows.map(|row| (row.person_id, row.part)).collect()
    }

    /// Whether a version that stands counts for everybody whom it names: nothing from above has ended it.
    fn counts(&self, version: &EntitlementVersion, beside: &HashSet<(Uuid, Part)>) -> bool {
        let said = version.version();
        let people = version
            .person_id
            .into_iter()
            .chain(beside.iter().map(|(id, _)| *id));
        !self.is_ended_by_snapshot(version)
            && !self.is_void(&said, None, version.company_id)
            && people
                .into_iter()
                .all(|person| !self.is_void(&said, Some(person), None))
    }

    /// What a version gives has changed, for everybody whom it reaches.
    pub(super) fn is_due(&mut self, version: &EntitlementVersion) {
        self.led.changed = true;
        self.led.due.extend(version.person_id);
        let beside = self.set.beside.get(&version.id).into_iter().flatten();
        self.led.due.extend(beside.map(|row| row.person_id));
        if let Some(company) = version.company_id {
            self.company_is_due(company);
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

/// Whether two versions differ in nothing but when and by whom they were said.
fn says_the_same(a: &EntitlementVersion, b: &EntitlementVersion) -> bool {
    let blank = |row: &EntitlementVersion| EntitlementVersion {
        id: Uuid::nil(),
        happened_at: 0,
        version_key: String::new(),
        learned_at: 0,
        superseded_at: None,
        delivery_id: None,
        ..row.clone()
    };
    blank(a) == blank(b)
}
