//! Ends from above: deletions of people and companies, and snapshots, which end what they do not name. Finds exactly those
//! for whom something that counted counts no more; whoever lost nothing by it is not looked at again.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::{Apply, Listed};
use crate::{
    ingest::statement::{CompanyRef, Version},
    store::{
        row::{CompanyAspect, CompanyPerson, EntitlementVersion, PersonAspect, SourceAspect},
        working_set::{Versioned, aspect_of},
    },
};

impl Apply<'_> {
    pub(super) fn person_gone(&mut self, id: &str) {
        let person = match self.set.person_ids.get(&(self.source, id.to_owned())) {
            Some(person) => *person,
            None => self.person_unmet(id),
        };
        self.led.named.insert(person);
        let before = self.person_end(person);
        if self.person_aspect(person, PersonAspect::Deleted, None, true) {
            self.holders_ended(&HashMap::from([(person, before)]));
        }
    }

    pub(super) fn company_gone(&mut self, id: &str) {
        let Some(source) = self.source else { return };
        let word = CompanyRef {
            id: id.to_owned(),
            name: None,
        };
        let company = self.company_named(source, &word);
        self.company_end_said(company, CompanyAspect::Deleted);
    }

    /// What a snapshot's lists of people and companies do not name is over.
    pub(super) fn unlist(&mut self, listed: Listed) {
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
                self.company_end_said(company, CompanyAspect::Unlisted);
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
        let heard = self.heard_since_their_end();
        let before = self.floor_before(SourceAspect::Members);
        let mut ended = HashMap::new();
        for (person, guest_only) in others {
            let end = self.person_end(person);
            // Whom the snapshot before did not name either has lost all of it then, but for what was said since.
            let was_out = before.is_some() && end >= before;
            let loses = !guest_only && (!was_out || heard.contains(&person));
            let said = self.person_aspect(person, PersonAspect::Unlisted, None, loses);
            if said && loses {
                ended.insert(person, end);
            }
        }
        self.holders_ended(&ended);
    }

    /// People of whom something was said that is later than the end of what they held.
    fn heard_since_their_end(&self) -> HashSet<Uuid> {
        let mut heard = HashSet::new();
        let mut hear = |person: Uuid, said: Version| {
            if self.person_end(person).is_none_or(|end| said >= end) {
                heard.insert(person);
            }
        };
        for (_, version) in self.set.entitlement_words.all_standing() {
            let beside = self.set.beside.get(&version.id).into_iter().flatten();
            let beside = beside.map(|row| row.person_id);
            for person in version.person_id.into_iter().chain(beside) {
                hear(person, version.version());
            }
        }
        for ((person, aspect), word) in self.set.person_words.all_standing() {
            if *aspect == PersonAspect::Tags {
                hear(*person, word.version());
            }
        }
        for pair in self.set.pairs.all().filter(|pair| pair.present) {
            hear(pair.person_id, pair.version());
        }
        heard
    }

    /// What these people held is over, and with it whatever of it reached others. By person: the end that stood before.
    fn holders_ended(&mut self, ended: &HashMap<Uuid, Option<Version>>) {
        let theirs = |this: &Self, version: &EntitlementVersion| {
            let before = version.person_id.and_then(|holder| ended.get(&holder));
            before.is_some_and(|before| {
                let said = version.version();
                !version.deleted
                    && said < this.version
                    && before.as_ref().is_none_or(|before| said >= *before)
                    && !this.is_ended_by_snapshot(version)
            })
        };
        self.each_is_due(theirs);
    }

    /// What a snapshot of its kind did not name, and no snapshot before it had ended, is over.
    pub(super) fn end_unnamed(&mut self) {
        if self.raised.is_empty() {
            return;
        }
        let unnamed = |this: &Self, version: &EntitlementVersion| {
            Some(version.source_id) == this.source
                && this.raised.contains_key(&aspect_of(version.kind))
                && !version.deleted
                && version.version() < this.version
                && !this.is_ended_by_snapshot(version)
        };
        self.each_is_due(unnamed);
    }

    fn each_is_due(&mut self, which: impl Fn(&Self, &EntitlementVersion) -> bool) {
        let words = self.set.entitlement_words.all_standing();
        let found: Vec<EntitlementVersion> = words
            .map(|(_, version)| version)
            .filter(|version| which(self, version))
            .cloned()
            .collect();
        for version in found {
            self.is_due(&version);
        }
    }

    /// Up to when words about a person count no more.
    fn person_end(&self, person: Uuid) -> Option<Version> {
        let row = self.set.persons.get(&person);
        // People known only as guests stay, whatever a snapshot of the members does not name.
        let unlisted = row
            .is_none_or(|row| !row.guest_only)
            .then_some(PersonAspect::Unlisted);
        let ends = [PersonAspect::Deleted].into_iter().chain(unlisted);
        let words = ends.filter_map(|end| self.set.person_words.standing(&(person, end)));
        words.map(Versioned::version).max()
    }

    fn company_end(&self, company: Uuid) -> Option<Version> {
        let ends = [CompanyAspect::Deleted, CompanyAspect::Unlisted];
        let words = ends
            .iter()
            .filter_map(|end| self.set.company_words.standing(&(company, *end)));
        words.map(Versioned::version).max()
    }

    /// Whether a word about a person or a company is older than the end of either, and so counts no more.
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

    /// Whether a pair says that somebody is in a company, and that counts.
    pub(super) fn is_inside(&self, pair: &CompanyPerson) -> bool {
        let (person, company) = (Some(pair.person_id), Some(pair.company_id));
        pair.present && !self.is_void(&pair.version(), person, company)
    }

    /// Whether a snapshot of its kind, before this delivery, came after a version and so ended it.
    pub(super) fn is_ended_by_snapshot(&self, old: &EntitlementVersion) -> bool {
        let aspect = aspect_of(old.kind);
        let snapshot = match self.raised.get(&aspect) {
            Some(before) => before.clone(),
            None => {
                let word = self.set.floors.standing(&(old.source_id, aspect));
                word.map(Versioned::version)
            }
        };
        snapshot.is_some_and(|snapshot| snapshot > old.version())
    }

    /// The latest snapshot of a kind that another delivery of the source was.
    pub(super) fn floor_before(&self, aspect: SourceAspect) -> Option<Version> {
        if let Some(before) = self.raised.get(&aspect) {
            return before.clone();
        }
        let word = self.set.floors.standing(&(self.source?, aspect))?;
        Some(word.version()).filter(|version| *version != self.version)
    }

    fn company_end_said(&mut self, company: Uuid, aspect: CompanyAspect) {
        let pairs = self.set.pairs.of_company(company);
        let inside: Vec<Uuid> = pairs
            .filter(|pair| self.is_inside(pair))
            .map(|pair| pair.person_id)
            .collect();
        if self.company_aspect(company, aspect, None) {
            self.led.changed = true;
            self.led.due.extend(inside);
        }
    }

    /// What a company holds has changed, for everybody in it.
    pub(super) fn company_is_due(&mut self, company: Uuid) {
        if !self.company_due.insert(company) {
            return;
        }
        let pairs = self.set.pairs.of_company(company);
        let inside: Vec<Uuid> = pairs
            .filter(|pair| self.is_inside(pair))
            .map(|pair| pair.person_id)
            .collect();
        self.led.due.extend(inside);
        self.led.changed = true;
    }
}
