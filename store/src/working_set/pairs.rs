//! Which person is in which company, indexed by pair, by company and by person, so that processing a list takes time linear in
//! its length. Part of the working set; pure.

use std::collections::{BTreeSet, HashMap};

use entity::company_person;
use uuid::Uuid;

use super::{Versioned, VersionedRows};
use crate::version::Version;

/// Versions of pairs of a company and a person.
#[derive(Debug)]
pub struct CompanyPeople {
    pub(super) version_rows: VersionedRows<(Uuid, Uuid), company_person::Model>,
    of_company: HashMap<Uuid, BTreeSet<Uuid>>,
    of_person: HashMap<Uuid, BTreeSet<Uuid>>,
}

impl CompanyPeople {
    pub(super) fn new(rows: Vec<company_person::Model>) -> Self {
        let mut pairs = Self {
            version_rows: VersionedRows::empty(),
            of_company: HashMap::new(),
            of_person: HashMap::new(),
        };
        for row in rows {
            pairs.index(row.company_id, row.person_id);
            let key = (row.company_id, row.person_id);
            pairs.version_rows.current.insert(key, row);
        }
        pairs
    }

    fn index(&mut self, company: Uuid, person: Uuid) {
        self.of_company.entry(company).or_default().insert(person);
        self.of_person.entry(person).or_default().insert(company);
    }

    /// The current version of a pair.
    pub fn current(&self, company: Uuid, person: Uuid) -> Option<&company_person::Model> {
        self.version_rows.current(&(company, person))
    }

    /// All current versions, unordered.
    pub fn all(&self) -> impl Iterator<Item = &company_person::Model> {
        self.version_rows.all_current().map(|(_, pair)| pair)
    }

    /// The current versions of a company's people, including people that have left it.
    pub fn of_company(&self, company: Uuid) -> impl Iterator<Item = &company_person::Model> {
        let people = self.of_company.get(&company).into_iter().flatten();
        people.filter_map(move |person| self.current(company, *person))
    }

    /// The current versions of a person's companies, including companies that the person has left.
    pub fn of_person(&self, person: Uuid) -> impl Iterator<Item = &company_person::Model> {
        let companies = self.of_person.get(&person).into_iter().flatten();
        companies.filter_map(move |company| self.current(*company, person))
    }

    /// Gives the current version of a pair a later version, because it was stated again.
    pub fn restate(&mut self, company: Uuid, person: Uuid, version: &Version) {
        self.version_rows
            .restate(&(company, person), |row| row.set_version(version));
    }

    /// Adds a newer version, which supersedes the current one.
    pub fn say(&mut self, row: company_person::Model, now: i64) {
        self.index(row.company_id, row.person_id);
        self.version_rows
            .supersede_with((row.company_id, row.person_id), row, now);
    }
}
