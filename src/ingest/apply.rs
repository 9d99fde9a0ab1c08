//! Applies statements to a working set: which word stands is decided by its version, never by when it came. Says who has to
//! be looked at again because of it. Works in memory; whoever calls it loads before and saves after.

use std::collections::{BTreeSet, HashSet};

use uuid::Uuid;

use super::statement::{
    CompanyRef, CompanyWord, EntitlementWord, Holder, Moment, PersonWord, Statement, Version,
};
use crate::store::{
    row::{
        CompanyAspect, CompanyPerson, EntitlementKind, EntitlementVersion, Part, PersonAspect,
        SourceAspect,
    },
    working_set::{Versioned, WorkingSet},
};

mod make;
mod meet;
pub mod who;

/// What a batch of statements from one source led to.
#[derive(Debug, Default)]
pub struct Led {
    /// People who were spoken of, or whom something reaches that was.
    pub named: BTreeSet<Uuid>,
    /// People whose access may have changed.
    pub due: BTreeSet<Uuid>,
    /// Whether everybody of the source has to be looked at again.
    pub whole_source: bool,
    /// Whether anything that stands has changed.
    pub changed: bool,
    /// People whose e-mail was spoken of, or who are new.
    pub identities: BTreeSet<Uuid>,
}

/// One delivery's statements, being applied.
pub struct Apply<'a> {
    /// What they are about.
    pub set: &'a mut WorkingSet,
    /// Who says it; none for what is entered by hand.
    pub source: Option<Uuid>,
    /// The version of every word of the delivery.
    pub version: Version,
    /// The delivery.
    pub delivery: Option<Uuid>,
    /// Whether it was applied before: what did not stand then was kept then.
    pub again: bool,
    /// What it led to.
    pub led: Led,
}

/// Whom and what a snapshot names; none where it has no such list.
#[derive(Default)]
struct Listed {
    persons: Option<BTreeSet<Uuid>>,
    companies: Option<BTreeSet<Uuid>>,
}

impl Apply<'_> {
    /// Applies the statements in their order. What a snapshot's lists do not name is over then.
    pub fn all(&mut self, statements: &[Statement]) {
        let mut listed = Listed::default();
        for statement in statements {
            self.one(statement, &mut listed);
        }
        self.unlist(listed);
    }

    fn one(&mut self, statement: &Statement, listed: &mut Listed) {
        match statement {
            Statement::Person(word) => {
                let person = self.person(word);
                listed.persons.iter_mut().for_each(|all| {
                    all.insert(person);
                });
            }
            Statement::PersonGone(id) => self.person_gone(id),
            Statement::Company(word) => {
                let company = self.company(word);
                listed
                    .companies
                    .iter_mut()
                    .for_each(|all| all.extend(company));
            }
            Statement::CompanyGone(id) => self.company_gone(id),
            Statement::Entitlement(word) => self.entitlement(word),
            Statement::EntitlementGone(kind, id) => self.entitlement_gone(*kind, id),
            Statement::Offering(word) => {
                self.offering(word);
            }
            Statement::Everything(aspect) => {
                match aspect {
                    SourceAspect::Members => listed.persons = Some(BTreeSet::new()),
                    SourceAspect::Companies => listed.companies = Some(BTreeSet::new()),
                    _ => {}
                }
                self.everything(*aspect);
            }
        }
    }

    fn unlist(&mut self, listed: Listed) {
        if let Some(named) = listed.persons {
            let persons = self.set.persons.values();
            let ours = persons.filter(|person| person.source_id == self.source);
            let others: Vec<Uuid> = ours
                .map(|person| person.id)
                .filter(|id| !named.contains(id))
                .collect();
            for person in others {
                self.person_aspect(person, PersonAspect::Unlisted, None, true);
            }
        }
        if let Some(named) = listed.companies {
            let companies = self.set.companies.values();
            let ours = companies.filter(|company| Some(company.source_id) == self.source);
            let others: Vec<Uuid> = ours
                .map(|company| company.id)
                .filter(|id| !named.contains(id))
                .collect();
            for company in others {
                if self.company_aspect(company, CompanyAspect::Unlisted, None) {
                    self.company_is_due(company);
                }
            }
        }
    }

    /// Says everything about a person, each aspect by itself; gives the person's id.
    fn person(&mut self, word: &PersonWord) -> Uuid {
        let id = self.person_named(&word.id, word.guest);
        if let Some(email) = &word.email {
            self.email(id, email.clone());
        }
        if let Some(name) = &word.name {
            self.person_aspect(id, PersonAspect::Name, Some(name.clone()), false);
            self.led.identities.insert(id);
        }
        if let Some(tags) = &word.tags {
            let tags: BTreeSet<&str> = tags.iter().map(|tag| tag.trim()).collect();
            self.person_aspect(
                id,
                PersonAspect::Tags,
                serde_json::to_string(&tags).ok(),
                true,
            );
        }
        if let Some(companies) = &word.companies {
            self.companies_of(id, companies);
        }
        id
    }

    fn companies_of(&mut self, person: Uuid, companies: &[CompanyRef]) {
        let Some(source) = self.source else { return };
        let named: BTreeSet<Uuid> = companies
            .iter()
            .map(|c| self.company_named(source, c))
            .collect();
        let others: Vec<Uuid> = self
            .set
            .pairs
            .all_standing()
            .filter(|((company, of), pair)| {
                *of == person && pair.present && !named.contains(company)
            })
            .map(|((company, _), _)| *company)
            .collect();
        for company in &named {
            self.pair(*company, person, true);
        }
        for company in others {
            self.pair(company, person, false);
        }
        let list = serde_json::to_string(&named).ok();
        self.person_aspect(person, PersonAspect::Companies, list, false);
    }

    fn person_gone(&mut self, id: &str) {
        let person = match self.set.person_ids.get(&(self.source, id.to_owned())) {
            Some(person) => *person,
            None => self.person_unmet(id),
        };
        self.led.named.insert(person);
        self.person_aspect(person, PersonAspect::Deleted, None, true);
    }

    fn company(&mut self, word: &CompanyWord) -> Option<Uuid> {
        let source = self.source?;
        let company = self.company_named(source, &word.company);
        let Some(people) = &word.people else {
            return Some(company);
        };
        let named: BTreeSet<Uuid> = people.iter().map(|person| self.person(person)).collect();
        let others: Vec<Uuid> = self
            .set
            .pairs
            .all_standing()
            .filter(|((of, person), pair)| {
                *of == company && pair.present && !named.contains(person)
            })
            .map(|((_, person), _)| *person)
            .collect();
        for person in &named {
            self.pair(company, *person, true);
        }
        for person in others {
            self.pair(company, person, false);
        }
        let list = serde_json::to_string(&named).ok();
        self.company_aspect(company, CompanyAspect::People, list);
        Some(company)
    }

    fn company_gone(&mut self, id: &str) {
        let Some(source) = self.source else { return };
        let company = self.company_named(
            source,
            &CompanyRef {
                id: id.to_owned(),
                name: None,
            },
        );
        if self.company_aspect(company, CompanyAspect::Deleted, None) {
            self.company_is_due(company);
        }
    }

    /// A word on whether somebody is in a company. The list that either side gave last is a word on each pair as well:
    /// one that is later than this, and made no pair of it, said that there is none.
    fn pair(&mut self, company: Uuid, person: Uuid, present: bool) {
        self.led.named.insert(person);
        let lists = [
            self.set
                .person_words
                .standing(&(person, PersonAspect::Companies))
                .map(Versioned::version),
            self.set
                .company_words
                .standing(&(company, CompanyAspect::People))
                .map(Versioned::version),
        ];
        let standing = self.set.pairs.standing(&(company, person));
        let counts = |pair: &&CompanyPerson| {
            let (person, company) = (Some(person), Some(company));
            pair.present && !self.is_void(&pair.version(), person, company)
        };
        let before = standing.filter(counts).is_some();
        let said = lists
            .into_iter()
            .flatten()
            .chain(standing.map(Versioned::version))
            .max();
        if said.is_some_and(|said| said > self.version) {
            return;
        }
        let row = make::company_person(self, company, person, present);
        self.set.pairs.say((company, person), row, self.set.now);
        if before != present {
            self.led.changed = true;
            self.led.due.insert(person);
        }
    }

    fn entitlement(&mut self, word: &EntitlementWord) {
        let Some(source) = self.source else { return };
        let id = self.entitlement_named(source, word.kind, &word.id);
        let mut row = make::entitlement_version(self, source, id, word.kind);
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
        for (people, part) in [
            (&word.shared_with, Part::Shared),
            (&word.guests, Part::Guest),
        ] {
            for person in people {
                let person = self.person(person);
                let twice =
                    row.person_id == Some(person) || beside.iter().any(|(p, _)| *p == person);
                if !twice {
                    beside.push((person, part));
                }
            }
        }
        self.stand(row, beside);
    }

    fn entitlement_gone(&mut self, kind: EntitlementKind, id: &str) {
        let Some(source) = self.source else { return };
        let id = self.entitlement_named(source, kind, id);
        let mut row = make::entitlement_version(self, source, id, kind);
        row.deleted = true;
        self.stand(row, Vec::new());
    }

    /// Lets a version of an entitlement stand, if it is the latest.
    fn stand(&mut self, row: EntitlementVersion, beside: Vec<(Uuid, Part)>) {
        let id = row.entitlement_id;
        let old = self.set.entitlement_words.standing(&id).cloned();
        let others: HashSet<(Uuid, Part)> = beside.iter().copied().collect();
        let before: HashSet<(Uuid, Part)> = old
            .iter()
            .flat_map(|old| self.set.beside.get(&old.id).into_iter().flatten())
            .map(|row| (row.person_id, row.part))
            .collect();
        let stood = |old: &EntitlementVersion| {
            let people = old
                .person_id
                .into_iter()
                .chain(before.iter().map(|(id, _)| *id));
            let said = old.version();
            !self.is_ended_by_snapshot(old)
                && !self.is_void(&said, None, old.company_id)
                && people
                    .into_iter()
                    .all(|person| !self.is_void(&said, Some(person), None))
        };
        let same = old
            .as_ref()
            .is_some_and(|old| says_the_same(old, &row) && stood(old))
            && others == before;
        let late = old
            .as_ref()
            .is_some_and(|old| old.version() > row.version());
        let repeated = old
            .as_ref()
            .is_some_and(|old| old.version() == row.version());
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
        if late {
            self.set.entitlement_words.keep(row, self.set.now);
            return;
        }
        if !same {
            self.led.changed = true;
            for version in old.iter().chain([&row]) {
                self.led.due.extend(version.person_id);
                if let Some(company) = version.company_id {
                    self.company_is_due(company);
                }
            }
            self.led
                .due
                .extend(others.union(&before).map(|(person, _)| *person));
            self.led
                .named
                .extend(old.iter().filter_map(|old| old.person_id));
            self.led
                .named
                .extend(before.iter().map(|(person, _)| *person));
        }
        self.set.entitlement_words.say(id, row, self.set.now);
    }

    /// Whether a word about a person or a company is older than the end of either, and so counts no more.
    fn is_void(&self, said: &Version, person: Option<Uuid>, company: Option<Uuid>) -> bool {
        let ends = [PersonAspect::Deleted, PersonAspect::Unlisted];
        let of_person = ends
            .iter()
            .filter_map(|end| self.set.person_words.standing(&(person?, *end)))
            .map(Versioned::version);
        let ends = [CompanyAspect::Deleted, CompanyAspect::Unlisted];
        let of_company = ends
            .iter()
            .filter_map(|end| self.set.company_words.standing(&(company?, *end)))
            .map(Versioned::version);
        of_person.chain(of_company).any(|end| end > *said)
    }

    /// Whether a snapshot of its kind came after a version, and so ended it.
    fn is_ended_by_snapshot(&self, old: &EntitlementVersion) -> bool {
        let aspect = match old.kind {
            EntitlementKind::Membership => SourceAspect::Memberships,
            EntitlementKind::Registration => SourceAspect::Registrations,
            EntitlementKind::Purchase => SourceAspect::Purchases,
        };
        let snapshot = self.set.floors.standing(&(old.source_id, aspect));
        snapshot.is_some_and(|snapshot| snapshot.version() > old.version())
    }

    fn company_is_due(&mut self, company: Uuid) {
        let people: Vec<Uuid> = self
            .set
            .pairs
            .all_standing()
            .filter(|((of, _), pair)| *of == company && pair.present)
            .map(|((_, person), _)| *person)
            .collect();
        self.led.named.extend(&people);
        self.led.due.extend(people);
        self.led.changed = true;
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
