//! Looks up or creates the entities that an event refers to, by source and the source's id, and stores their aspects.

use serde_json::json;
use uuid::Uuid;

use super::{Apply, rows};
use crate::{
    clock::new_id,
    ingest::statement::{CompanyRef, LocationWord, OfferingWord},
    store::{
        repeats,
        row::{
            Company, CompanyAspect, Entitlement, EntitlementKind, Location, Offering, Person,
            PersonAspect, SourceAspect,
        },
        working_set::Versioned,
    },
    version::Version,
};

impl Apply<'_> {
    /// Looks up or creates a person.
    pub(super) fn upsert_person(&mut self, external: &str, guest: bool) -> Uuid {
        let key = (self.source, external.to_owned());
        let id = match self.set.person_ids.get(&key) {
            Some(id) => *id,
            None => self.create_person(external),
        };
        if let Some(person) = self.set.persons.get_mut(&id) {
            if person.guest_only && !guest {
                person.guest_only = false;
                self.set.changed.persons.insert(id);
                self.effects.due.insert(id);
            }
            if person.member_id.is_nil() {
                self.effects.identities.insert(id);
            }
        }
        self.effects.named.insert(id);
        id
    }

    /// Creates a person. The person's member is resolved after the whole batch was applied. Until then the member id is nil, and
    /// it stays nil for people with nothing but a deletion.
    pub(super) fn create_person(&mut self, external: &str) -> Uuid {
        let person = Person {
            id: new_id(),
            club_id: self.set.scope.club,
            source_id: self.source,
            external_id: external.to_owned(),
            member_id: Uuid::nil(),
            guest_only: true,
        };
        let id = person.id;
        self.set
            .person_ids
            .insert((self.source, external.to_owned()), id);
        self.set.persons.insert(id, person);
        self.set.changed.new_persons.push(id);
        // Snapshots that came before did not list this person.
        if let Some(snapshot) = self.floor_before(SourceAspect::Members) {
            let mut row = rows::person_version(self, id, PersonAspect::AbsentFromSnapshot, None);
            row.happened_at = snapshot.happened_at.micros();
            row.version_key = snapshot.key;
            self.set.person_versions.supersede_with(
                (id, PersonAspect::AbsentFromSnapshot),
                row,
                self.set.now,
            );
        }
        id
    }

    /// Stores an aspect of a person. Returns whether it is now current and differs from what was current before.
    pub(super) fn person_aspect(
        &mut self,
        person: Uuid,
        aspect: PersonAspect,
        value: Option<String>,
        bears_on_access: bool,
    ) -> bool {
        let current = self.set.person_versions.current(&(person, aspect));
        let is_end = matches!(
            aspect,
            PersonAspect::Deleted | PersonAspect::AbsentFromSnapshot
        );
        let differs = current.is_none_or(|version_row| {
            version_row.value != value
                || is_end
                || self.is_void(&version_row.version(), Some(person), None)
        });
        if current.is_some_and(|version_row| version_row.version() > self.version)
            || (!differs
                && current.is_some_and(|version_row| version_row.version() == self.version))
        {
            return false;
        }
        let version = &self.version;
        if !differs && current.is_some() {
            let key = (person, aspect);
            self.set
                .person_versions
                .restate(&key, |row| row.set_version(version));
            return false;
        }
        let row = rows::person_version(self, person, aspect, value);
        self.set
            .person_versions
            .supersede_with((person, aspect), row, self.set.now);
        if differs {
            self.effects.changed = true;
            if bears_on_access {
                self.effects.due.insert(person);
            }
        }
        differs
    }

    /// Stores a person's e-mail. Older versions are stored too: identity resolution reads all of them.
    pub(super) fn email(&mut self, person: Uuid, email: Option<String>) {
        self.effects.identities.insert(person);
        let version_rows = self.set.email_versions.entry(person).or_default();
        let same_version = version_rows
            .iter()
            .rev()
            .find(|version_row| version_row.version() == self.version);
        if same_version.is_some_and(|version_row| version_row.value == email) {
            return;
        }
        if self.repeats_email(person, email.as_deref()) {
            return;
        }
        let row = rows::person_version(self, person, PersonAspect::Email, email);
        self.set
            .email_versions
            .entry(person)
            .or_default()
            .push(row.clone());
        let current = self
            .set
            .person_versions
            .current(&(person, PersonAspect::Email));
        if current.is_some_and(|version_row| version_row.version() > self.version) {
            self.set.person_versions.insert_late(row, self.set.now);
            return;
        }
        if current.is_none_or(|version_row| version_row.value != row.value) {
            self.effects.changed = true;
            self.effects.due.insert(person);
        }
        self.set
            .person_versions
            .supersede_with((person, PersonAspect::Email), row, self.set.now);
    }

    /// Adds this version to the current e-mail of a person, if it states the same and the person has not ended since. The
    /// repeat is remembered, earlier or later than the current version, because identity resolution reads all of them.
    fn repeats_email(&mut self, person: Uuid, email: Option<&str>) -> bool {
        let key = (person, PersonAspect::Email);
        let current = self.set.person_versions.current(&key);
        let Some(current) = current.filter(|row| row.value.as_deref() == email) else {
            return false;
        };
        let before = current.version();
        if self.is_void(&before, Some(person), None) {
            return false;
        }
        let mut statement = current.clone();
        statement.set_version(&self.version);
        let all = self.set.email_versions.entry(person).or_default();
        let others: Vec<Version> = all
            .iter()
            .filter(|row| row.value.as_deref() != email)
            .map(Versioned::version)
            .collect();
        all.push(statement);
        let (earlier, later) = if before < self.version {
            (before, self.version.clone())
        } else {
            (self.version.clone(), before)
        };
        self.set.person_versions.restate(&key, |row| {
            row.repeats = repeats::add(row.repeats.as_deref(), earlier, &others);
            row.set_version(&later);
        });
        true
    }

    /// Looks up or creates a company, and stores its name.
    pub(super) fn upsert_company(&mut self, source: Uuid, version_row: &CompanyRef) -> Uuid {
        let key = (source, version_row.id.clone());
        let id = match self.set.company_ids.get(&key) {
            Some(id) => *id,
            None => self.create_company(source, version_row),
        };
        if let Some(name) = &version_row.name {
            self.company_aspect(id, CompanyAspect::Name, Some(name.clone()));
            let current = self
                .set
                .company_versions
                .current(&(id, CompanyAspect::Name));
            let stands = current.and_then(|version_row| version_row.value.clone());
            if let (Some(name), Some(company)) = (stands, self.set.companies.get_mut(&id))
                && company.name != name
            {
                company.name = name;
                self.set.changed.companies.insert(id);
            }
        }
        id
    }

    fn create_company(&mut self, source: Uuid, version_row: &CompanyRef) -> Uuid {
        let company = Company {
            id: new_id(),
            club_id: self.set.scope.club,
            source_id: source,
            external_id: version_row.id.clone(),
            name: version_row
                .name
                .clone()
                .unwrap_or_else(|| version_row.id.clone()),
        };
        let id = company.id;
        self.set
            .company_ids
            .insert((source, version_row.id.clone()), id);
        self.set.companies.insert(id, company);
        self.set.changed.new_companies.push(id);
        if let Some(snapshot) = self.floor_before(SourceAspect::Companies) {
            let mut row = rows::company_version(self, id, CompanyAspect::AbsentFromSnapshot, None);
            row.happened_at = snapshot.happened_at.micros();
            row.version_key = snapshot.key;
            self.set.company_versions.supersede_with(
                (id, CompanyAspect::AbsentFromSnapshot),
                row,
                self.set.now,
            );
        }
        id
    }

    /// Stores an aspect of a company. Returns whether it is now current.
    pub(super) fn company_aspect(
        &mut self,
        company: Uuid,
        aspect: CompanyAspect,
        value: Option<String>,
    ) -> bool {
        let current = self.set.company_versions.current(&(company, aspect));
        if current.is_some_and(|version_row| version_row.version() >= self.version) {
            return false;
        }
        let is_end = matches!(
            aspect,
            CompanyAspect::Deleted | CompanyAspect::AbsentFromSnapshot
        );
        if !is_end && current.is_some_and(|version_row| version_row.value == value) {
            let version = &self.version;
            self.set
                .company_versions
                .restate(&(company, aspect), |row| row.set_version(version));
            return true;
        }
        let row = rows::company_version(self, company, aspect, value);
        self.set
            .company_versions
            .supersede_with((company, aspect), row, self.set.now);
        true
    }

    /// Looks up or creates an entitlement.
    pub(super) fn upsert_entitlement(
        &mut self,
        source: Uuid,
        kind: EntitlementKind,
        external: &str,
    ) -> Uuid {
        let key = (source, kind, external.to_owned());
        if let Some(id) = self.set.entitlement_ids.get(&key) {
            return *id;
        }
        let row = Entitlement {
            id: new_id(),
            club_id: self.set.scope.club,
            source_id: source,
            kind,
            external_id: external.to_owned(),
        };
        let id = row.id;
        self.set.entitlement_ids.insert(key, id);
        self.set.changed.new_entitlements.push(row);
        id
    }

    /// Looks up or creates an offering; the latest name and the latest groups are kept.
    pub(super) fn offering(&mut self, version_row: &OfferingWord) -> Uuid {
        let Some(source) = self.source else {
            return Uuid::nil();
        };
        let key = (source, version_row.kind, version_row.id.clone());
        let version = self.version.clone();
        let (club, now) = (self.set.scope.club, &mut self.set.changed);
        let offering = self.set.offerings.entry(key.clone()).or_insert_with(|| {
            now.offerings.insert(key.clone());
            Offering {
                id: new_id(),
                club_id: club,
                source_id: source,
                kind: version_row.kind,
                external_id: version_row.id.clone(),
                name: version_row.id.clone(),
                // Computed when the row is stored.
                folded_name: String::new(),
                happened_at: i64::MIN,
                version_key: String::new(),
                kisi_group: None,
                item_groups: None,
                groups_happened_at: None,
                groups_version_key: None,
            }
        });
        if let Some(name) = &version_row.name
            && is_later(&version, offering.happened_at, &offering.version_key)
        {
            now.offerings.insert(key.clone());
            self.effects.changed |= *name != offering.name;
            offering.name.clone_from(name);
            offering.happened_at = version.happened_at.micros();
            offering.version_key.clone_from(&version.key);
        }
        if let Some(groups) = &version_row.groups
            && is_newer_mapping(&version, offering)
        {
            now.offerings.insert(key);
            let items = (!groups.of_items.is_empty()).then(|| json!(groups.of_items).to_string());
            self.effects.changed |=
                (offering.kisi_group, &offering.item_groups) != (groups.group, &items);
            offering.kisi_group = groups.group;
            offering.item_groups = items;
            offering.groups_happened_at = Some(version.happened_at.micros());
            offering.groups_version_key = Some(version.key);
        }
        offering.id
    }

    /// Looks up or creates a location; the latest name and the latest time zone are kept. A new time zone moves the ends of the
    /// entitlements there, so everybody of the source becomes due.
    pub(super) fn location(&mut self, source: Uuid, version_row: &LocationWord) -> Uuid {
        let key = (source, version_row.id.clone());
        let version = self.version.clone();
        let (club, now) = (self.set.scope.club, &mut self.set.changed);
        let known = self.set.locations.contains_key(&key);
        let location = self.set.locations.entry(key.clone()).or_insert_with(|| {
            now.locations.insert(key.clone());
            Location {
                id: new_id(),
                club_id: club,
                source_id: source,
                external_id: version_row.id.clone(),
                name: version_row.id.clone(),
                // Computed when the row is stored.
                folded_name: String::new(),
                time_zone: None,
                happened_at: i64::MIN,
                version_key: String::new(),
                zone_happened_at: i64::MIN,
                zone_version_key: String::new(),
            }
        });
        if let Some(name) = &version_row.name
            && is_later(&version, location.happened_at, &location.version_key)
        {
            now.locations.insert(key.clone());
            self.effects.changed |= location.name != *name;
            location.name.clone_from(name);
            location.happened_at = version.happened_at.micros();
            location.version_key.clone_from(&version.key);
        }
        let (zone_at, zone_key) = (location.zone_happened_at, &location.zone_version_key);
        if version_row.time_zone.is_some() && is_later(&version, zone_at, zone_key) {
            now.locations.insert(key);
            let differs = location.time_zone != version_row.time_zone;
            self.effects.changed |= differs;
            self.effects.whole_source |= known && differs;
            location.time_zone.clone_from(&version_row.time_zone);
            location.zone_happened_at = version.happened_at.micros();
            location.zone_version_key = version.key;
        }
        location.id
    }

    /// Records a snapshot of everything of one kind: older versions of that kind have no effect any more.
    pub(super) fn record_snapshot(&mut self, aspect: SourceAspect) {
        let Some(source) = self.source else { return };
        let current = self.set.floors.current(&(source, aspect));
        if current.is_some_and(|version_row| version_row.version() >= self.version) {
            return;
        }
        let before = current.map(Versioned::version);
        let row = rows::source_version(self, source, aspect);
        self.set
            .floors
            .supersede_with((source, aspect), row, self.set.now);
        self.progress.raised_watermarks.insert(aspect, before);
        self.effects.changed = true;
    }
}

/// Whether the version states the groups of an offering later than the one before.
fn is_newer_mapping(version: &Version, offering: &Offering) -> bool {
    let key = offering.groups_version_key.as_deref().unwrap_or_default();
    let stated_at = offering.groups_happened_at;
    stated_at.is_none_or(|stated_at| is_later(version, stated_at, key))
}

fn is_later(version: &Version, happened_at: i64, key: &str) -> bool {
    (version.happened_at.micros(), version.key.as_str()) > (happened_at, key)
}
