//! Applies statements to a working set: which word stands is decided by its version, never by when it came. Says who has to
//! be looked at again because of it. Works in memory; whoever calls it loads before and saves after.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::statement::{CompanyRef, CompanyWord, PersonWord, Statement, Version};
use crate::store::{
    row::{CompanyAspect, PersonAspect, SourceAspect},
    working_set::{Versioned, WorkingSet},
};

mod ends;
mod hold;
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
    /// Of what this delivery is the latest snapshot, and the version of the one before.
    raised: HashMap<SourceAspect, Option<Version>>,
    /// Companies whose people are due already.
    company_due: HashSet<Uuid>,
}

/// Whom and what a snapshot names; none where it has no such list.
#[derive(Default)]
struct Listed {
    persons: Option<BTreeSet<Uuid>>,
    companies: Option<BTreeSet<Uuid>>,
}

impl<'a> Apply<'a> {
    /// Words of one version and one source, none for what is entered by hand, that are not yet said.
    pub fn new(set: &'a mut WorkingSet, source: Option<Uuid>, version: Version) -> Self {
        Self {
            set,
            source,
            version,
            delivery: None,
            again: false,
            led: Led::default(),
            raised: HashMap::new(),
            company_due: HashSet::new(),
        }
    }

    /// Applies the statements in their order. What a snapshot's lists do not name is over then.
    pub fn all(&mut self, statements: &[Statement]) {
        let mut listed = Listed::default();
        for statement in statements {
            self.one(statement, &mut listed);
        }
        self.unlist(listed);
        self.end_unnamed();
        self.led.named.extend(&self.led.due);
    }

    fn one(&mut self, statement: &Statement, listed: &mut Listed) {
        match statement {
            Statement::Person(word) => {
                let person = self.person(word);
                listed.persons.iter_mut().for_each(|all| {
                    all.insert(person);
                });
            }
            Statement::Joined(word, company) => {
                let person = self.person(word);
                if let Some(source) = self.source {
                    let company = self.company_named(source, company);
                    self.pair(company, person, true);
                }
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
            .of_person(person)
            .filter(|pair| pair.present && !named.contains(&pair.company_id))
            .map(|pair| pair.company_id)
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
            .of_company(company)
            .filter(|pair| pair.present && !named.contains(&pair.person_id))
            .map(|pair| pair.person_id)
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
        let standing = self.set.pairs.standing(company, person);
        let before = standing.is_some_and(|pair| self.is_inside(pair));
        let said = lists
            .into_iter()
            .flatten()
            .chain(standing.map(Versioned::version))
            .max();
        if said.is_some_and(|said| said > self.version) {
            return;
        }
        let row = make::company_person(self, company, person, present);
        self.set.pairs.say(row, self.set.now);
        if before != present {
            self.led.changed = true;
            self.led.due.insert(person);
        }
    }
}
