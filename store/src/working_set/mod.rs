//! The working set: the entities of one club that a batch of statements touches. It is loaded in a few queries, changed in
//! memory by `ingest`, and saved in a few multi-row statements within the same transaction. Versions are never overwritten:
//! one that is no longer current is marked as superseded.

use std::collections::{BTreeSet, HashMap, HashSet};

use access::Instant;
use entity::{
    company, company_person, company_version, entitlement, entitlement_person, entitlement_version,
    kind::{CompanyAspect, EntitlementKind, OfferingKind, PersonAspect, SourceAspect},
    location, member, offering, person, person_past, person_version, source_version,
};
use uuid::Uuid;

use super::ClubScope;
use crate::version::Version;

mod ended;
mod hand_over;
mod load;
mod pairs;
mod save;
mod unlisted;

pub use ended::aspect_of;
pub use load::{Keys, Roster, load, load_people};
pub use pairs::CompanyPeople;
pub use unlisted::{StoredSnapshot, load_unlisted, people_of};

/// A row of a versioned table.
pub trait Versioned {
    /// The row's id.
    fn row(&self) -> Uuid;
    /// When it happened at the source, and the key that orders versions of the same instant.
    fn version(&self) -> Version;
    /// Marks the row as no longer current from `at` on.
    fn supersede(&mut self, at: i64);
    /// Gives the row another version, because its content was stated again.
    fn set_version(&mut self, version: &Version);
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
            fn set_version(&mut self, version: &Version) {
                self.happened_at = version.happened_at.micros();
                self.version_key.clone_from(&version.key);
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

/// The current versions by key, and the changes to save.
#[derive(Debug)]
pub struct VersionedRows<K, M> {
    current: HashMap<K, M>,
    new: HashMap<Uuid, M>,
    order: Vec<Uuid>,
    superseded: Vec<Uuid>,
    /// Stored rows whose content was stated again, with their new version.
    restated: HashMap<Uuid, M>,
}

impl<K: std::hash::Hash + Eq, M: Versioned + Clone> VersionedRows<K, M> {
    fn empty() -> Self {
        Self {
            current: HashMap::new(),
            new: HashMap::new(),
            order: Vec::new(),
            superseded: Vec::new(),
            restated: HashMap::new(),
        }
    }

    /// The current version.
    pub fn current(&self, key: &K) -> Option<&M> {
        self.current.get(key)
    }

    /// All current versions.
    pub fn all_current(&self) -> impl Iterator<Item = (&K, &M)> {
        self.current.iter()
    }

    /// Adds a newer version, which supersedes the current one.
    pub fn supersede_with(&mut self, key: K, version_row: M, now: i64) {
        if let Some(old) = self.current.insert(key, version_row.clone()) {
            match self.new.get_mut(&old.row()) {
                Some(fresh) => fresh.supersede(now),
                None => self.superseded.push(old.row()),
            }
        }
        self.order.push(version_row.row());
        self.new.insert(version_row.row(), version_row);
    }

    /// Adds a version that arrived late: it is stored as superseded and never becomes current.
    pub fn insert_late(&mut self, mut version_row: M, now: i64) {
        version_row.supersede(now);
        self.order.push(version_row.row());
        self.new.insert(version_row.row(), version_row);
    }

    /// Changes the current version in place: its content was stated again with another version. Reads as of an earlier time are
    /// unaffected, because the version still counted, so that nothing known until now lies between the two.
    pub fn restate(&mut self, key: &K, change: impl FnOnce(&mut M)) {
        let Some(row) = self.current.get_mut(key) else {
            return;
        };
        change(row);
        match self.new.get_mut(&row.row()) {
            Some(fresh) => fresh.clone_from(row),
            None => {
                self.restated.insert(row.row(), row.clone());
            }
        }
    }

    fn take_restated(&mut self) -> Vec<M> {
        let mut rows: Vec<M> = std::mem::take(&mut self.restated).into_values().collect();
        rows.sort_by_key(Versioned::row);
        rows
    }

    fn take_new(&mut self) -> Vec<M> {
        let new = &mut self.new;
        std::mem::take(&mut self.order)
            .into_iter()
            .filter_map(|row| new.remove(&row))
            .collect()
    }
}

#[derive(Debug)]
pub struct WorkingSet {
    pub scope: ClubScope,
    /// When the batch was received: the `learned_at` of all new versions.
    pub now: i64,
    /// By id.
    pub persons: HashMap<Uuid, person::Model>,
    /// By source and the source's id.
    pub person_ids: HashMap<(Option<Uuid>, String), Uuid>,
    /// Versions of people.
    pub person_versions: VersionedRows<(Uuid, PersonAspect), person_version::Model>,
    /// All e-mail versions of the loaded people, current, superseded or repeats, by person.
    pub email_versions: HashMap<Uuid, Vec<person_version::Model>>,
    /// By id.
    pub companies: HashMap<Uuid, company::Model>,
    /// By source and the source's id.
    pub company_ids: HashMap<(Uuid, String), Uuid>,
    /// Versions of companies.
    pub company_versions: VersionedRows<(Uuid, CompanyAspect), company_version::Model>,
    /// The people of the companies.
    pub pairs: CompanyPeople,
    /// By source, kind and the source's id.
    pub entitlement_ids: HashMap<(Uuid, EntitlementKind, String), Uuid>,
    /// Versions of entitlements.
    pub entitlement_versions: VersionedRows<Uuid, entitlement_version::Model>,
    /// Memberships with a version, current or superseded, that reported a block; only those that a late version can affect.
    pub ever_blocked: HashSet<Uuid>,
    /// The participants of an entitlement version other than its holder, by version id.
    pub beside: HashMap<Uuid, Vec<entitlement_person::Model>>,
    /// By source, kind and the source's id.
    pub offerings: HashMap<(Uuid, OfferingKind, String), offering::Model>,
    /// By source and the source's id.
    pub locations: HashMap<(Uuid, String), location::Model>,
    /// Snapshot watermarks by source and aspect: versions older than the watermark no longer count.
    pub floors: VersionedRows<(Uuid, SourceAspect), source_version::Model>,
    /// When each removed source was removed.
    pub removed_sources: HashMap<Uuid, i64>,
    /// By id.
    pub members: HashMap<Uuid, member::Model>,
    /// The new and changed rows without versions, to be saved.
    pub changed: Changed,
}

/// The new and changed rows of tables without versions.
#[derive(Debug, Default)]
pub struct Changed {
    pub new_persons: Vec<Uuid>,
    /// People whose row changed: another member, or no longer only a guest.
    pub persons: BTreeSet<Uuid>,
    pub new_companies: Vec<Uuid>,
    /// Renamed companies.
    pub companies: BTreeSet<Uuid>,
    pub new_entitlements: Vec<entitlement::Model>,
    /// New and renamed offerings.
    pub offerings: HashSet<(Uuid, OfferingKind, String)>,
    /// New and changed locations.
    pub locations: HashSet<(Uuid, String)>,
    pub new_members: BTreeSet<Uuid>,
    /// Members whose name, e-mail or problems changed.
    pub members: BTreeSet<Uuid>,
    /// The previous member of each person that moved to another member.
    pub moved: Vec<person_past::Model>,
    /// Merged members, all of whose people moved to another member: (from, to).
    pub merged: Vec<(Uuid, Uuid)>,
    /// E-mail addresses that moved to a member.
    pub handed_over: Vec<HandOver>,
}

/// An e-mail address that moved to a member.
#[derive(Debug)]
pub struct HandOver {
    /// The member that has it now.
    pub to: Uuid,
    pub email: String,
    /// The members that may have had it before.
    pub from: BTreeSet<Uuid>,
}

impl WorkingSet {
    /// A set of nothing.
    pub fn empty(scope: ClubScope, now: i64) -> Self {
        Self {
            scope,
            now,
            persons: HashMap::new(),
            person_ids: HashMap::new(),
            person_versions: VersionedRows::empty(),
            email_versions: HashMap::new(),
            companies: HashMap::new(),
            company_ids: HashMap::new(),
            company_versions: VersionedRows::empty(),
            pairs: CompanyPeople::new(Vec::new()),
            entitlement_ids: HashMap::new(),
            entitlement_versions: VersionedRows::empty(),
            ever_blocked: HashSet::new(),
            beside: HashMap::new(),
            offerings: HashMap::new(),
            locations: HashMap::new(),
            floors: VersionedRows::empty(),
            removed_sources: HashMap::new(),
            members: HashMap::new(),
            changed: Changed::default(),
        }
    }
}
