//! Applies statements to a working set in memory. The version of a statement, not its time of arrival, decides what is current.
//! Collects the people whose access may have changed. The caller loads the working set before and saves it after.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::statement::{CompanyRef, CompanyWord, PersonWord, Statement};
use crate::{
    store::{
        row::{CompanyAspect, PersonAspect, SourceAspect},
        working_set::{StoredSnapshot, Versioned, WorkingSet},
    },
    version::Version,
};

pub mod assign_members;
mod deletions;
mod entitlements;
mod rows;
mod upsert;

/// The effects of one delivery's statements.
#[derive(Debug, Default)]
pub struct Effects {
    /// People that a statement names, and people that one of its effects reaches.
    pub named: BTreeSet<Uuid>,
    /// People whose access may have changed.
    pub due: BTreeSet<Uuid>,
    /// All members of the source have to be evaluated again.
    pub whole_source: bool,
    /// Any current version has changed.
    pub changed: bool,
    /// People who are new or whose e-mail a statement gives: their member has to be resolved again.
    pub identities: BTreeSet<Uuid>,
}

/// Applies the statements of one delivery.
pub struct Apply<'a> {
    pub set: &'a mut WorkingSet,
    /// The source of the statements; none for what is entered by hand.
    pub source: Option<Uuid>,
    /// The version that all statements of the delivery share.
    pub version: Version,
    pub delivery: Option<Uuid>,
    /// The delivery is replayed: its superseded versions were stored the first time.
    pub again: bool,
    pub effects: Effects,
    pub progress: Progress,
}

/// What later statements of the same version have to know of the earlier ones, which may have been applied to another set.
#[derive(Default)]
pub struct Progress {
    listed: SnapshotLists,
    /// The aspects of which this delivery is the latest snapshot, each with the version of the snapshot before it.
    raised_watermarks: HashMap<SourceAspect, Option<Version>>,
    /// Companies whose people are marked due already.
    company_due: HashSet<Uuid>,
    /// The people of the entitlements.
    holders: HashSet<Uuid>,
}

impl Progress {
    /// The snapshot among the statements, now that they are stored; none if there is none.
    pub fn snapshot(&self, source: Uuid, version: &Version) -> Option<StoredSnapshot> {
        let (persons, companies) = (&self.listed.persons, &self.listed.companies);
        if self.raised_watermarks.is_empty() && persons.is_none() && companies.is_none() {
            return None;
        }
        Some(StoredSnapshot {
            source,
            version: version.clone(),
            before: self.raised_watermarks.clone(),
            persons: persons.clone(),
            companies: companies.clone(),
        })
    }
}

/// The people and companies that a snapshot lists; none where the snapshot has no such list.
#[derive(Default)]
struct SnapshotLists {
    persons: Option<BTreeSet<Uuid>>,
    companies: Option<BTreeSet<Uuid>>,
}

impl<'a> Apply<'a> {
    /// `source` is none for what is entered by hand. The new `Apply` has no delivery and no effects.
    pub fn new(set: &'a mut WorkingSet, source: Option<Uuid>, version: Version) -> Self {
        Self {
            set,
            source,
            version,
            delivery: None,
            again: false,
            effects: Effects::default(),
            progress: Progress::default(),
        }
    }

    /// Applies the statements in order, then ends what a snapshot among them does not list.
    pub fn apply_all(&mut self, statements: &[Statement]) {
        self.apply(statements);
        self.finish();
    }

    /// Applies statements in order. The last ones are followed by `finish`.
    pub fn apply(&mut self, statements: &[Statement]) {
        for statement in statements {
            self.apply_statement(statement);
        }
    }

    /// Ends what a snapshot among the statements does not list.
    pub fn finish(&mut self) {
        let listed = std::mem::take(&mut self.progress.listed);
        self.unlist(listed);
        self.end_unnamed();
        self.effects.named.extend(&self.effects.due);
    }

    fn apply_statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Person(version_row) => {
                let person = self.person(version_row);
                let listed = self.progress.listed.persons.iter_mut();
                listed.for_each(|all| {
                    all.insert(person);
                });
            }
            Statement::Joined(version_row, company) => {
                let person = self.person(version_row);
                if let Some(source) = self.source {
                    let company = self.upsert_company(source, company);
                    self.company_person(company, person, true);
                }
            }
            Statement::PersonDeleted(id) => self.person_gone(id),
            Statement::Company(version_row) => {
                let company = self.company(version_row);
                let listed = self.progress.listed.companies.iter_mut();
                listed.for_each(|all| all.extend(company));
            }
            Statement::CompanyDeleted(id) => self.company_gone(id),
            Statement::Entitlement(version_row) => self.entitlement(version_row),
            Statement::EntitlementDeleted(kind, id) => self.entitlement_gone(*kind, id),
            Statement::Offering(version_row) => {
                self.offering(version_row);
            }
            Statement::Snapshot(aspect) => {
                let listed = &mut self.progress.listed;
                match aspect {
                    SourceAspect::Members => listed.persons = Some(BTreeSet::new()),
                    SourceAspect::Companies => listed.companies = Some(BTreeSet::new()),
                    _ => {}
                }
                self.record_snapshot(*aspect);
            }
        }
    }

    /// Stores each aspect of a person as a version of its own; returns the person's id.
    fn person(&mut self, version_row: &PersonWord) -> Uuid {
        let id = self.upsert_person(&version_row.id, version_row.guest);
        if let Some(email) = &version_row.email {
            self.email(id, email.clone());
        }
        if let Some(name) = &version_row.name {
            self.person_aspect(id, PersonAspect::Name, Some(name.clone()), false);
            self.effects.identities.insert(id);
        }
        if let Some(tags) = &version_row.tags {
            let tags: BTreeSet<&str> = tags.iter().map(|tag| tag.trim()).collect();
            self.person_aspect(
                id,
                PersonAspect::Tags,
                serde_json::to_string(&tags).ok(),
                true,
            );
        }
        if let Some(companies) = &version_row.companies {
            self.companies_of(id, companies);
        }
        id
    }

    fn companies_of(&mut self, person: Uuid, companies: &[CompanyRef]) {
        let Some(source) = self.source else { return };
        let named: BTreeSet<Uuid> = companies
            .iter()
            .map(|c| self.upsert_company(source, c))
            .collect();
        let others: Vec<Uuid> = self
            .set
            .pairs
            .of_person(person)
            .filter(|pair| pair.present && !named.contains(&pair.company_id))
            .map(|pair| pair.company_id)
            .collect();
        for company in &named {
            self.company_person(*company, person, true);
        }
        for company in others {
            self.company_person(company, person, false);
        }
        let list = serde_json::to_string(&named).ok();
        self.person_aspect(person, PersonAspect::Companies, list, false);
    }

    fn company(&mut self, version_row: &CompanyWord) -> Option<Uuid> {
        let source = self.source?;
        let company = self.upsert_company(source, &version_row.company);
        let Some(people) = &version_row.people else {
            return Some(company);
        };
        let named: BTreeSet<Uuid> = people.iter().map(|person| self.person(person)).collect();
        let others: Vec<Uuid> = self
            .set
            .pairs
            .of_company(company)
            .filter(|pair| pair.present && !named.contains(&pair.person_id))
            .map(|pair| pair.person_id)
            .collect();
        for person in &named {
            self.company_person(company, *person, true);
        }
        for person in others {
            self.company_person(company, person, false);
        }
        let list = serde_json::to_string(&named).ok();
        self.company_aspect(company, CompanyAspect::People, list);
        Some(company)
    }

    /// Stores whether a person is in a company. A later list of the person's companies or of the company's people also decides
    /// about each pair: a pair that such a list leaves out is absent as of that list.
    fn company_person(&mut self, company: Uuid, person: Uuid, present: bool) {
        self.effects.named.insert(person);
        let lists = [
            self.set
                .person_versions
                .current(&(person, PersonAspect::Companies))
                .map(Versioned::version),
            self.set
                .company_versions
                .current(&(company, CompanyAspect::People))
                .map(Versioned::version),
        ];
        let current = self.set.pairs.current(company, person);
        let before = current.is_some_and(|pair| self.is_inside(pair));
        let latest = lists
            .into_iter()
            .flatten()
            .chain(current.map(Versioned::version))
            .max();
        if latest.is_some_and(|latest| latest > self.version) {
            return;
        }
        let repeats = current.is_some_and(|pair| pair.present == present) && before == present;
        if repeats {
            self.set.pairs.restate(company, person, &self.version);
            return;
        }
        let row = rows::company_person(self, company, person, present);
        self.set.pairs.say(row, self.set.now);
        if before != present {
            self.effects.changed = true;
            self.effects.due.insert(person);
        }
    }
}
