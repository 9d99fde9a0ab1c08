//! Leaves erased people out of events. Their platform may go on to report them; they are recognised by keyed hashes of the ids and
//! addresses that they had. Until an admin lifts the erasure, what an event says of them is ignored and its body is not stored.
//! `batch` calls it for each batch.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::{
    batch::Job,
    statement::{Event, Holder, PersonWord, Statement},
};
use crate::{
    clock::new_id,
    secret::random_key,
    store::{
        ClubScope, Connection, StoreError,
        erasure::{self, Identifiers, Mark},
    },
};

/// The hashes of a club, by key.
#[derive(Debug, Default)]
pub struct ErasedPeople(HashMap<Vec<u8>, HashSet<Vec<u8>>>);

/// The marks by which a member is recognised from now on.
pub fn marks(scope: ClubScope, member: Uuid, of: &Identifiers) -> Vec<Mark> {
    let key = random_key();
    let ids = of.ids.iter().map(|(source, id)| by_id(*source, id));
    let emails = of.emails.iter().map(|email| by_email(email));
    let entitlements = of.entitlements.iter();
    let entitlements = entitlements.map(|(source, id)| by_entitlement(*source, id));
    let texts: HashSet<String> = ids.chain(emails).chain(entitlements).collect();
    let mark = |text: String| Mark {
        id: new_id(),
        club_id: scope.club,
        member_id: member,
        hash_key: key.to_vec(),
        hash: hash(&key, &text),
    };
    texts.into_iter().map(mark).collect()
}

fn by_id(source: Option<Uuid>, id: &str) -> String {
    format!("person {} {id}", source.unwrap_or_default())
}

fn by_email(email: &str) -> String {
    format!("email {email}")
}

fn by_entitlement(source: Uuid, id: &str) -> String {
    format!("entitlement {source} {id}")
}

fn hash(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC accepts keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

impl ErasedPeople {
    pub async fn load(connection: &impl Connection, scope: ClubScope) -> Result<Self, StoreError> {
        let mut all = Self::default();
        for mark in erasure::marks(connection, scope).await? {
            all.0.entry(mark.hash_key).or_default().insert(mark.hash);
        }
        Ok(all)
    }

    /// The jobs without what they say of erased people. Those that name none are not copied.
    pub fn left_out_of<'a>(&self, mut jobs: Vec<Cow<'a, Job>>) -> Vec<Cow<'a, Job>> {
        for job in &mut jobs {
            if self.is_any_named(job) {
                self.leave_out(job.to_mut());
            }
        }
        jobs
    }

    fn is_any_named(&self, job: &Job) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let parts = job.event.iter().flat_map(Event::parts);
        let mut statements = parts.flat_map(|(_, statements)| statements);
        statements.any(|statement| {
            let mut is_changed = false;
            !self.keep(job.source, &mut statement.clone(), &mut is_changed) || is_changed
        })
    }

    fn leave_out(&self, job: &mut Job) {
        let Ok(event) = &mut job.event else { return };
        if self.strip(job.source, event) {
            job.names_erased = true;
            job.body.clear();
            job.headers.clear();
        }
    }

    /// Removes what an event says of erased people. Returns whether there was anything.
    fn strip(&self, source: Uuid, event: &mut Event) -> bool {
        let mut found = false;
        let earlier = event.earlier.iter_mut().map(|part| &mut part.statements);
        for statements in earlier.chain([&mut event.statements]) {
            statements.retain_mut(|statement| {
                let stays = self.keep(source, statement, &mut found);
                found |= !stays;
                stays
            });
        }
        if found {
            // Both may quote what was left out.
            event.warnings.clear();
            event.note =
                Some("it names a person who was erased: that part was left out".to_owned());
        }
        found
    }

    /// Whether a statement stays. Erased people in its lists are removed, which sets `found`.
    fn keep(&self, source: Uuid, statement: &mut Statement, found: &mut bool) -> bool {
        let mut leave_out = |people: &mut Vec<PersonWord>| {
            let before = people.len();
            people.retain(|person| !self.has(source, person));
            *found |= people.len() < before;
        };
        match statement {
            Statement::Person(person) | Statement::Joined(person, _) => !self.has(source, person),
            Statement::PersonDeleted(id) => !self.has_text(&by_id(Some(source), id)),
            Statement::EntitlementDeleted(_, id) => !self.has_text(&by_entitlement(source, id)),
            Statement::Company(company) => {
                company.people.iter_mut().for_each(leave_out);
                true
            }
            Statement::Entitlement(entitlement) => {
                leave_out(&mut entitlement.shared_with);
                leave_out(&mut entitlement.guests);
                let is_of =
                    matches!(&entitlement.holder, Holder::Person(it) if self.has(source, it));
                !is_of && !self.has_text(&by_entitlement(source, &entitlement.id))
            }
            Statement::CompanyDeleted(_) | Statement::Offering(_) | Statement::Snapshot(_) => true,
        }
    }

    fn has(&self, source: Uuid, person: &PersonWord) -> bool {
        let email = person.email.iter().flatten();
        self.has_text(&by_id(Some(source), &person.id))
            || email
                .into_iter()
                .any(|email| self.has_text(&by_email(email)))
    }

    fn has_text(&self, text: &str) -> bool {
        let keys = self.0.iter();
        keys.into_iter()
            .any(|(key, hashes)| hashes.contains(&hash(key, text)))
    }
}
