//! Who is in which company, found by the pair, by the company and by the person, so that a long list costs what it is long.
//! Part of the working set; never touches the database.

use std::collections::{BTreeSet, HashMap};

use entity::company_person;
use uuid::Uuid;

use super::Words;

/// The words on pairs of a company and a person.
#[derive(Debug)]
pub struct Pairs {
    pub(super) words: Words<(Uuid, Uuid), company_person::Model>,
    of_company: HashMap<Uuid, BTreeSet<Uuid>>,
    of_person: HashMap<Uuid, BTreeSet<Uuid>>,
}

impl Pairs {
    pub(super) fn new(rows: Vec<company_person::Model>) -> Self {
        let mut pairs = Self {
            words: Words::empty(),
            of_company: HashMap::new(),
            of_person: HashMap::new(),
        };
        for row in rows {
            pairs.know(row.company_id, row.person_id);
            let key = (row.company_id, row.person_id);
            pairs.words.standing.insert(key, row);
        }
        pairs
    }

    fn know(&mut self, company: Uuid, person: Uuid) {
        self.of_company.entry(company).or_default().insert(person);
        self.of_person.entry(person).or_default().insert(company);
    }

    /// The word on a pair that stands.
    pub fn standing(&self, company: Uuid, person: Uuid) -> Option<&company_person::Model> {
        self.words.standing(&(company, person))
    }

    /// All words that stand, in no order.
    pub fn all(&self) -> impl Iterator<Item = &company_person::Model> {
        self.words.all_standing().map(|(_, pair)| pair)
    }

    /// The words that stand on a company's people, whether they are in it or not.
    pub fn of_company(&self, company: Uuid) -> impl Iterator<Item = &company_person::Model> {
        let people = self.of_company.get(&company).into_iter().flatten();
        people.filter_map(move |person| self.standing(company, *person))
    }

    /// The words that stand on a person's companies, whether the person is in them or not.
    pub fn of_person(&self, person: Uuid) -> impl Iterator<Item = &company_person::Model> {
        let companies = self.of_person.get(&person).into_iter().flatten();
        companies.filter_map(move |company| self.standing(*company, person))
    }

    /// A newer word takes the place of the one that stands.
    pub fn say(&mut self, row: company_person::Model, now: i64) {
        self.know(row.company_id, row.person_id);
        self.words.say((row.company_id, row.person_id), row, now);
    }
}
