//! What a batch of statements is about: loaded in a few queries, changed in memory by `ingest`, and saved in a few
//! multi-row statements within the same transaction. It keeps the versions: a word that no longer stands is superseded,
//! never overwritten. One club's.

use std::collections::{BTreeSet, HashMap, HashSet};

use access::Instant;
use entity::{
    company, company_person, company_version, entitlement, entitlement_person, entitlement_version,
    kind::{CompanyAspect, EntitlementKind, OfferingKind, PersonAspect, SourceAspect},
    location, member, offering, person, person_past, person_version, source_version,
};
use uuid::Uuid;

use super::Scope;
use crate::ingest::statement::Version;

mod ended;
mod hand_over;
mod load;
mod pairs;
mod save;

pub use ended::aspect_of;
pub use load::{Keys, Roster, load};
pub use pairs::Pairs;

/// A row of a table of versions.
pub trait Versioned {
    /// Its own id.
    fn row(&self) -> Uuid;
    /// When it happened at the source, and the key that decides between equals.
    fn version(&self) -> Version;
    /// From when on it no longer stands.
    fn supersede(&mut self, at: i64);
}

macro_rules! versioned {
    ($($table:ident),*) => {$(
        impl Versioned for $table::Model {
            fn row(&self) -> Uuid {
                self.id
            }
            fn version(&self) -> Version {
                Version {
                    happened_at: Instant::from_micros(self.happened_at),
                    key: self.version_key.clone(),
                }
            }
            fn supersede(&mut self, at: i64) {
                self.superseded_at = Some(at);
            }
        }
    )*};
}

versioned!(
    company_person,
    company_version,
    entitlement_version,
    person_version,
    source_version
);

/// The words that stand, by what they are about, and what is to be written.
#[derive(Debug)]
pub struct Words<K, M> {
    standing: HashMap<K, M>,
    new: HashMap<Uuid, M>,
    order: Vec<Uuid>,
    superseded: Vec<Uuid>,
}

impl<K: std::hash::Hash + Eq, M: Versioned + Clone> Words<K, M> {
    fn empty() -> Self {
        Self {
            standing: HashMap::new(),
            new: HashMap::new(),
            order: Vec::new(),
            superseded: Vec::new(),
        }
    }

    /// The word that stands.
    pub fn standing(&self, key: &K) -> Option<&M> {
        self.standing.get(key)
    }

    /// All words that stand.
    pub fn all_standing(&self) -> impl Iterator<Item = (&K, &M)> {
        self.standing.iter()
    }

    /// A newer word takes the place of the one that stands.
    pub fn say(&mut self, key: K, word: M, now: i64) {
        if let Some(old) = self.standing.insert(key, word.clone()) {
            match self.new.get_mut(&old.row()) {
                Some(fresh) => fresh.supersede(now),
                None => self.superseded.push(old.row()),
            }
        }
        self.order.push(word.row());
        self.new.insert(word.row(), word);
    }

    /// An older word came late: it is kept, and never stood.
    pub fn keep(&mut self, mut word: M, now: i64) {
        word.supersede(now);
        self.order.push(word.row());
        self.new.insert(word.row(), word);
    }

    fn take_new(&mut self) -> Vec<M> {
        let new = &mut self.new;
        std::mem::take(&mut self.order)
            .into_iter()
            .filter_map(|row| new.remove(&row))
            .collect()
    }
}

/// See the module.
#[derive(Debug)]
pub struct WorkingSet {
    /// The club.
    pub scope: Scope,
    /// When the batch was taken in: what is learned now is learned at this instant.
    pub now: i64,
    /// By id.
    pub persons: HashMap<Uuid, person::Model>,
    /// By source and the source's id.
    pub person_ids: HashMap<(Option<Uuid>, String), Uuid>,
    /// What is said of people.
    pub person_words: Words<(Uuid, PersonAspect), person_version::Model>,
    /// Every word about the e-mails of the people at hand, standing or not, by person.
    pub email_words: HashMap<Uuid, Vec<person_version::Model>>,
    /// By id.
    pub companies: HashMap<Uuid, company::Model>,
    /// By source and the source's id.
    pub company_ids: HashMap<(Uuid, String), Uuid>,
    /// What is said of companies.
    pub company_words: Words<(Uuid, CompanyAspect), company_version::Model>,
    /// Who is in which company.
    pub pairs: Pairs,
    /// By source, kind and the source's id.
    pub entitlement_ids: HashMap<(Uuid, EntitlementKind, String), Uuid>,
    /// What is said of entitlements.
    pub entitlement_words: Words<Uuid, entitlement_version::Model>,
    /// Memberships of which a word, standing or not, ever told of a block, as far as a late word could matter.
    pub ever_blocked: HashSet<Uuid>,
    /// Whom a version reaches beside its holder.
    pub beside: HashMap<Uuid, Vec<entitlement_person::Model>>,
    /// By source, kind and the source's id.
    pub offerings: HashMap<(Uuid, OfferingKind, String), offering::Model>,
    /// By source and the source's id.
    pub locations: HashMap<(Uuid, String), location::Model>,
    /// From when on older words about a kind count no more, by source.
    pub floors: Words<(Uuid, SourceAspect), source_version::Model>,
    /// Sources that were removed, and when.
    pub removed_sources: HashMap<Uuid, i64>,
    /// By id.
    pub members: HashMap<Uuid, member::Model>,
    /// What was made or changed, to be saved.
    pub changed: Changed,
}

/// The ids of rows without versions that were made or changed.
#[derive(Debug, Default)]
pub struct Changed {
    /// People made now.
    pub new_persons: Vec<Uuid>,
    /// People whose row changed: another member, no guest alone any more.
    pub persons: BTreeSet<Uuid>,
    /// Companies made now.
    pub new_companies: Vec<Uuid>,
    /// Companies with another name.
    pub companies: BTreeSet<Uuid>,
    /// Entitlements made now.
    pub new_entitlements: Vec<entitlement::Model>,
    /// Offerings made or renamed.
    pub offerings: HashSet<(Uuid, OfferingKind, String)>,
    /// Locations made or changed.
    pub locations: HashSet<(Uuid, String)>,
    /// Members made now.
    pub new_members: BTreeSet<Uuid>,
    /// Members with another name, e-mail or problem.
    pub members: BTreeSet<Uuid>,
    /// Whose people were who are another member's from now on.
    pub moved: Vec<person_past::Model>,
    /// Members whose people are all another member's now: from, to.
    pub merged: Vec<(Uuid, Uuid)>,
    /// Addresses that became a member's, and may have been others' before.
    pub handed_over: Vec<HandOver>,
}

/// An address that became a member's.
#[derive(Debug)]
pub struct HandOver {
    /// Whose it is now.
    pub to: Uuid,
    /// The address.
    pub email: String,
    /// Who may have had it before.
    pub from: BTreeSet<Uuid>,
}

impl WorkingSet {
    fn new(scope: Scope, now: i64) -> Self {
        Self {
            scope,
            now,
            persons: HashMap::new(),
            person_ids: HashMap::new(),
            person_words: Words::empty(),
            email_words: HashMap::new(),
            companies: HashMap::new(),
            company_ids: HashMap::new(),
            company_words: Words::empty(),
            pairs: Pairs::new(Vec::new()),
            entitlement_ids: HashMap::new(),
            entitlement_words: Words::empty(),
            ever_blocked: HashSet::new(),
            beside: HashMap::new(),
            offerings: HashMap::new(),
            locations: HashMap::new(),
            floors: Words::empty(),
            removed_sources: HashMap::new(),
            members: HashMap::new(),
            changed: Changed::default(),
        }
    }
}
