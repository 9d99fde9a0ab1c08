//! Collects the keys of all entities that a batch of events refers to, so that a few queries load them before anything is
//! applied.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::statement::{
    CompanyRef, EntitlementWord, Event, Holder, OfferingWord, PersonWord, Statement,
};
use crate::store::{row::SourceAspect, working_set::Keys};

impl Keys {
    /// The keys of everything that the events of these sources refer to.
    pub fn of<'a>(events: impl Iterator<Item = (Uuid, &'a Event)>) -> Self {
        let mut keys = Self::default();
        for (source, event) in events {
            let oldest = keys.oldest.unwrap_or(event.happened_at);
            keys.oldest = Some(oldest.min(event.happened_at));
            for statement in &event.statements {
                keys.add(Some(source), statement);
            }
            keys.add_snapshot(source, &event.statements);
        }
        keys
    }

    /// Adds the keys of everything that a statement refers to. `source` is none for what is entered by hand.
    pub fn add(&mut self, source: Option<Uuid>, statement: &Statement) {
        match statement {
            Statement::Person(word) => self.person(source, word),
            Statement::PersonDeleted(id) => {
                self.persons.entry(source).or_default().insert(id.clone());
                add(&mut self.deleted_persons, source, id);
            }
            Statement::Joined(word, company) => {
                self.person(source, word);
                self.company(source, company);
                self.pairs = true;
            }
            Statement::Company(word) => {
                self.company(source, &word.company);
                self.pairs |= word.people.is_some();
                word.people
                    .iter()
                    .flatten()
                    .for_each(|person| self.person(source, person));
            }
            Statement::CompanyDeleted(id) => {
                self.company(
                    source,
                    &CompanyRef {
                        id: id.clone(),
                        name: None,
                    },
                );
            }
            Statement::Entitlement(word) => self.entitlement(source, word),
            Statement::EntitlementDeleted(_, id) => add(&mut self.entitlements, source, id),
            Statement::Offering(OfferingWord { id, .. }) => add(&mut self.offerings, source, id),
            Statement::Snapshot(aspect) => {
                let roster = source.map(|source| self.snapshots.entry(source).or_default());
                roster.into_iter().for_each(|roster| {
                    roster.aspects.insert(*aspect);
                });
                // People who leave a source leave its companies too.
                self.pairs |= *aspect == SourceAspect::Members;
            }
        }
    }

    /// Adds the people in the snapshot of members of one event. Of several snapshots, only people that are in all of them are
    /// kept.
    fn add_snapshot(&mut self, source: Uuid, statements: &[Statement]) {
        let is_list =
            |statement: &Statement| matches!(statement, Statement::Snapshot(SourceAspect::Members));
        let Some(begins) = statements.iter().position(is_list) else {
            return;
        };
        let named = statements
            .iter()
            .skip(begins)
            .filter_map(|statement| match statement {
                Statement::Person(word) => Some(word.id.clone()),
                _ => None,
            });
        let mut named: BTreeSet<String> = named.collect();
        let roster = self.snapshots.entry(source).or_default();
        if let Some(before) = &roster.listed {
            named.retain(|id| before.contains(id));
        }
        roster.listed = Some(named);
    }

    fn person(&mut self, source: Option<Uuid>, word: &PersonWord) {
        self.persons
            .entry(source)
            .or_default()
            .insert(word.id.clone());
        self.emails.extend(word.email.iter().flatten().cloned());
        self.pairs |= word.companies.is_some();
        word.companies
            .iter()
            .flatten()
            .for_each(|company| self.company(source, company));
    }

    fn company(&mut self, source: Option<Uuid>, word: &CompanyRef) {
        add(&mut self.companies, source, &word.id);
    }

    fn entitlement(&mut self, source: Option<Uuid>, word: &EntitlementWord) {
        add(&mut self.entitlements, source, &word.id);
        add(&mut self.offerings, source, &word.offering.id);
        if let Some(location) = &word.location {
            add(&mut self.locations, source, &location.id);
        }
        match &word.holder {
            Holder::Person(person) => self.person(source, person),
            Holder::Company(company) => self.company(source, company),
        }
        word.shared_with
            .iter()
            .chain(&word.guests)
            .for_each(|person| self.person(source, person));
    }
}

fn add(keys: &mut BTreeMap<Uuid, BTreeSet<String>>, source: Option<Uuid>, id: &str) {
    if let Some(source) = source {
        keys.entry(source).or_default().insert(id.to_owned());
    }
}
