//! Collects the keys of all entities that a batch of events refers to, so that a few queries load them before anything is
//! applied.

use std::collections::{BTreeMap, BTreeSet};

use access::Instant;
use uuid::Uuid;

use super::statement::{
    CompanyRef, EntitlementWord, Event, Holder, OfferingWord, PersonWord, Statement,
};
use crate::store::{row::SourceAspect, working_set::Keys};

/// The keys of everything that the events of these sources refer to.
pub fn of<'a>(events: impl Iterator<Item = (Uuid, &'a Event)>) -> Keys {
    let mut keys = Keys::default();
    let mut latest: Option<Instant> = None;
    for (source, event) in events {
        for (happened_at, statements) in event.parts() {
            keys.out_of_order |= latest.is_some_and(|latest| happened_at <= latest);
            latest = latest.max(Some(happened_at));
            let oldest = keys.oldest.unwrap_or(happened_at);
            keys.oldest = Some(oldest.min(happened_at));
            for statement in statements {
                add(&mut keys, Some(source), statement);
            }
            add_snapshot(&mut keys, source, statements);
        }
    }
    keys
}

/// The keys of what some of an event's statements refer to, without what their snapshots end.
pub fn of_slice(source: Uuid, happened_at: Instant, statements: &[Statement]) -> Keys {
    let mut keys = Keys {
        oldest: Some(happened_at),
        ..Keys::default()
    };
    for statement in statements {
        if !matches!(statement, Statement::Snapshot(_)) {
            add(&mut keys, Some(source), statement);
        }
    }
    keys
}

/// Adds the keys of everything that a statement refers to. `source` is none for what is entered by hand.
pub fn add(keys: &mut Keys, source: Option<Uuid>, statement: &Statement) {
    match statement {
        Statement::Person(word) => add_person(keys, source, word),
        Statement::PersonDeleted(id) => {
            keys.persons.entry(source).or_default().insert(id.clone());
            insert(&mut keys.deleted_persons, source, id);
        }
        Statement::Joined(word, company) => {
            add_person(keys, source, word);
            add_company(keys, source, company);
            keys.pairs = true;
        }
        Statement::Company(word) => {
            add_company(keys, source, &word.company);
            keys.pairs |= word.people.is_some();
            word.people
                .iter()
                .flatten()
                .for_each(|person| add_person(keys, source, person));
        }
        Statement::CompanyDeleted(id) => {
            add_company(
                keys,
                source,
                &CompanyRef {
                    id: id.clone(),
                    name: None,
                },
            );
        }
        Statement::Entitlement(word) => add_entitlement(keys, source, word),
        Statement::EntitlementDeleted(_, id) => insert(&mut keys.entitlements, source, id),
        Statement::Offering(OfferingWord { id, .. }) => insert(&mut keys.offerings, source, id),
        Statement::Snapshot(aspect) => {
            let roster = source.map(|source| keys.snapshots.entry(source).or_default());
            roster.into_iter().for_each(|roster| {
                roster.aspects.insert(*aspect);
            });
            // People who leave a source leave its companies too.
            keys.pairs |= *aspect == SourceAspect::Members;
        }
    }
}

/// Adds the people in the snapshot of members of one event. Of several snapshots, only people that are in all of them are
/// kept.
fn add_snapshot(keys: &mut Keys, source: Uuid, statements: &[Statement]) {
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
    let roster = keys.snapshots.entry(source).or_default();
    if let Some(before) = &roster.listed {
        named.retain(|id| before.contains(id));
    }
    roster.listed = Some(named);
}

fn add_person(keys: &mut Keys, source: Option<Uuid>, word: &PersonWord) {
    keys.persons
        .entry(source)
        .or_default()
        .insert(word.id.clone());
    keys.emails.extend(word.email.iter().flatten().cloned());
    keys.pairs |= word.companies.is_some();
    word.companies
        .iter()
        .flatten()
        .for_each(|company| add_company(keys, source, company));
}

fn add_company(keys: &mut Keys, source: Option<Uuid>, word: &CompanyRef) {
    insert(&mut keys.companies, source, &word.id);
}

fn add_entitlement(keys: &mut Keys, source: Option<Uuid>, word: &EntitlementWord) {
    insert(&mut keys.entitlements, source, &word.id);
    insert(&mut keys.offerings, source, &word.offering.id);
    if let Some(location) = &word.location {
        insert(&mut keys.locations, source, &location.id);
    }
    match &word.holder {
        Holder::Person(person) => add_person(keys, source, person),
        Holder::Company(company) => add_company(keys, source, company),
    }
    word.shared_with
        .iter()
        .chain(&word.guests)
        .for_each(|person| add_person(keys, source, person));
}

fn insert(keys: &mut BTreeMap<Uuid, BTreeSet<String>>, source: Option<Uuid>, id: &str) {
    if let Some(source) = source {
        keys.entry(source).or_default().insert(id.to_owned());
    }
}
