//! Ends entitlements as a consequence of something else: deleted people and companies, and snapshots that leave something out.
//! Marks exactly those people due who lose something by it.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::{Apply, SnapshotLists};
use crate::{
    ingest::statement::CompanyRef,
    store::{
        row::{CompanyAspect, CompanyPerson, EntitlementVersion, PersonAspect, SourceAspect},
        working_set::{Versioned, aspect_of},
    },
    version::Version,
};

impl Apply<'_> {
    pub(super) fn person_gone(&mut self, id: &str) {
        let person = match self.set.person_ids.get(&(self.source, id.to_owned())) {
            Some(person) => *person,
            None => self.create_person(id),
        };
        self.effects.named.insert(person);
        let before = self.person_end(person);
        if self.person_aspect(person, PersonAspect::Deleted, None, true) {
            self.end_holders(&HashMap::from([(person, before)]));
        }
    }

    pub(super) fn company_gone(&mut self, id: &str) {
        let Some(source) = self.source else { return };
        let version_row = CompanyRef {
            id: id.to_owned(),
            name: None,
        };
        let company = self.upsert_company(source, &version_row);
        self.end_company(company, CompanyAspect::Deleted);
    }

    /// Ends the people and companies that a snapshot's lists leave out.
    pub(super) fn unlist(&mut self, listed: SnapshotLists) {
        if let Some(named) = listed.persons {
            self.unlist_persons(&named);
        }
        if let Some(named) = listed.companies {
            let companies = self.set.companies.values();
            let ours = companies.filter(|company| Some(company.source_id) == self.source);
            let others: Vec<Uuid> = ours
                .map(|company| company.id)
                .filter(|id| !named.contains(id))
                .collect();
            for company in others {
                self.end_company(company, CompanyAspect::AbsentFromSnapshot);
            }
        }
    }

    fn unlist_persons(&mut self, named: &BTreeSet<Uuid>) {
        let persons = self.set.persons.values();
        let ours = persons.filter(|person| person.source_id == self.source);
        let others: Vec<(Uuid, bool)> = ours
            .filter(|person| !named.contains(&person.id))
            .map(|person| (person.id, person.guest_only))
            .collect();
        let heard = self.mentioned_since_end();
        let before = self.floor_before(SourceAspect::Members);
        let mut ended = HashMap::new();
        for (person, guest_only) in others {
            let end = self.person_end(person);
            // A person that the previous snapshot left out too has lost everything then, except what later statements gave back.
            let was_out = before.is_some() && end >= before;
            let loses = !guest_only && (!was_out || heard.contains(&person));
            let is_new = self.person_aspect(person, PersonAspect::AbsentFromSnapshot, None, loses);
            if is_new && loses {
                ended.insert(person, end);
            }
        }
        self.end_holders(&ended);
    }

    /// People with a statement that is later than the end of what they held.
    fn mentioned_since_end(&self) -> HashSet<Uuid> {
        let mut mentioned = HashSet::new();
        let mut mention = |person: Uuid, version_of_mention: Version| {
            if self
                .person_end(person)
                .is_none_or(|end| version_of_mention >= end)
            {
                mentioned.insert(person);
            }
        };
        for (_, version) in self.set.entitlement_versions.all_current() {
            let beside = self.set.beside.get(&version.id).into_iter().flatten();
            let beside = beside.map(|row| row.person_id);
            for person in version.person_id.into_iter().chain(beside) {
                mention(person, version.version());
            }
        }
        for ((person, aspect), version_row) in self.set.person_versions.all_current() {
            if *aspect == PersonAspect::Tags {
                mention(*person, version_row.version());
            }
        }
        for pair in self.set.pairs.all().filter(|pair| pair.present) {
            mention(pair.person_id, pair.version());
        }
        // Their entitlements may have been stored before.
        for person in &self.progress.holders {
            mention(*person, self.version.clone());
        }
        mentioned
    }

    /// Marks everybody due who loses something because these people ended. `ended`: each person's end that was current before.
    fn end_holders(&mut self, ended: &HashMap<Uuid, Option<Version>>) {
        let theirs = |this: &Self, version: &EntitlementVersion| {
            let before = version.person_id.and_then(|holder| ended.get(&holder));
            before.is_some_and(|before| {
                let own_version = version.version();
                !version.deleted
                    && own_version < this.version
                    && before.as_ref().is_none_or(|before| own_version >= *before)
                    && !this.is_ended_by_snapshot(version)
            })
        };
        self.mark_each_due(theirs);
    }

    /// Marks everybody due who loses an entitlement that this snapshot leaves out and no earlier snapshot had ended.
    pub(super) fn end_unnamed(&mut self) {
        if self.progress.raised_watermarks.is_empty() {
            return;
        }
        let unnamed = |this: &Self, version: &EntitlementVersion| {
            Some(version.source_id) == this.source
                && this
                    .progress
                    .raised_watermarks
                    .contains_key(&aspect_of(version.kind))
                && !version.deleted
                && version.version() < this.version
                && !this.is_ended_by_snapshot(version)
        };
        self.mark_each_due(unnamed);
    }

    fn mark_each_due(&mut self, which: impl Fn(&Self, &EntitlementVersion) -> bool) {
        let version_rows = self.set.entitlement_versions.all_current();
        let versions: Vec<EntitlementVersion> = version_rows
            .map(|(_, version)| version)
            .filter(|version| which(self, version))
            .cloned()
            .collect();
        for version in versions {
            self.is_due(&version);
        }
    }

    /// The end of a person: older versions about the person have no effect.
    fn person_end(&self, person: Uuid) -> Option<Version> {
        let row = self.set.persons.get(&person);
        // A snapshot of the members does not list guests, so it does not end people known only as guests.
        let unlisted = row
            .is_none_or(|row| !row.guest_only)
            .then_some(PersonAspect::AbsentFromSnapshot);
        let ends = [PersonAspect::Deleted].into_iter().chain(unlisted);
        let version_rows = ends.filter_map(|end| self.set.person_versions.current(&(person, end)));
        version_rows.map(Versioned::version).max()
    }

    fn company_end(&self, company: Uuid) -> Option<Version> {
        let ends = [CompanyAspect::Deleted, CompanyAspect::AbsentFromSnapshot];
        let version_rows = ends
            .iter()
            .filter_map(|end| self.set.company_versions.current(&(company, *end)));
        version_rows.map(Versioned::version).max()
    }

    /// Whether a version is older than the end of its person or its company, and so has no effect.
    pub(super) fn is_void(
        &self,
        said: &Version,
        person: Option<Uuid>,
        company: Option<Uuid>,
    ) -> bool {
        let of_person = person.and_then(|person| self.person_end(person));
        let of_company = company.and_then(|company| self.company_end(company));
        of_person.max(of_company).is_some_and(|end| end > *said)
    }

    /// Whether a pair puts the person into the company, and neither of the two has ended since.
    pub(super) fn is_inside(&self, pair: &CompanyPerson) -> bool {
        let (person, company) = (Some(pair.person_id), Some(pair.company_id));
        pair.present && !self.is_void(&pair.version(), person, company)
    }

    /// Whether a snapshot of another delivery is later than the version and so ended it.
    pub(super) fn is_ended_by_snapshot(&self, old: &EntitlementVersion) -> bool {
        let aspect = aspect_of(old.kind);
        let snapshot = match self.progress.raised_watermarks.get(&aspect) {
            Some(before) => before.clone(),
            None => {
                let version_row = self.set.floors.current(&(old.source_id, aspect));
                version_row.map(Versioned::version)
            }
        };
        snapshot.is_some_and(|snapshot| snapshot > old.version())
    }

    /// The version of the latest snapshot of this aspect that came from another delivery.
    pub(super) fn floor_before(&self, aspect: SourceAspect) -> Option<Version> {
        if let Some(before) = self.progress.raised_watermarks.get(&aspect) {
            return before.clone();
        }
        let version_row = self.set.floors.current(&(self.source?, aspect))?;
        Some(version_row.version()).filter(|version| *version != self.version)
    }

    fn end_company(&mut self, company: Uuid, aspect: CompanyAspect) {
        let pairs = self.set.pairs.of_company(company);
        let inside: Vec<Uuid> = pairs
            .filter(|pair| self.is_inside(pair))
            .map(|pair| pair.person_id)
            .collect();
        if self.company_aspect(company, aspect, None) {
            self.effects.changed = true;
            self.effects.due.extend(inside);
        }
    }

    /// Marks everybody in a company due, because what the company holds has changed.
    pub(super) fn mark_company_due(&mut self, company: Uuid) {
        if !self.progress.company_due.insert(company) {
            return;
        }
        let pairs = self.set.pairs.of_company(company);
        let inside: Vec<Uuid> = pairs
            .filter(|pair| self.is_inside(pair))
            .map(|pair| pair.person_id)
            .collect();
        self.effects.due.extend(inside);
        self.effects.changed = true;
    }
}
