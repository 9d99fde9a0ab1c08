//! Meets the things that statements name: finds each by its source and the source's id, or makes it, and says its aspects.

use uuid::Uuid;

use super::{Apply, make};
use crate::{
    clock::new_id,
    ingest::statement::{CompanyRef, LocationWord, OfferingWord, Version},
    store::{
        row::{
            Company, CompanyAspect, Entitlement, EntitlementKind, Location, Offering, Person,
            PersonAspect, SourceAspect,
        },
        working_set::Versioned,
    },
};

impl Apply<'_> {
    /// A person who is spoken of.
    pub(super) fn person_named(&mut self, external: &str, guest: bool) -> Uuid {
        let key = (self.source, external.to_owned());
        let id = match self.set.person_ids.get(&key) {
            Some(id) => *id,
            None => self.person_unmet(external),
        };
        if let Some(person) = self.set.persons.get_mut(&id) {
            if person.guest_only && !guest {
                person.guest_only = false;
                self.set.changed.persons.insert(id);
                self.led.due.insert(id);
            }
            if person.member_id.is_nil() {
                self.led.identities.insert(id);
            }
        }
        self.led.named.insert(id);
        id
    }

    /// A person of whom nothing was known. Whose member it is, is found once the whole batch is known: until then, and
    /// where nothing but a deletion is ever said, it is nobody's.
    pub(super) fn person_unmet(&mut self, external: &str) -> Uuid {
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
        // Of the snapshots that came before, none named this person.
        if let Some(snapshot) = self.floor_before(SourceAspect::Members) {
            let mut row = make::person_version(self, id, PersonAspect::Unlisted, None);
            row.happened_at = snapshot.happened_at.micros();
            row.version_key = snapshot.key;
            self.set
                .person_words
                .say((id, PersonAspect::Unlisted), row, self.set.now);
        }
        id
    }

    /// Says an aspect of a person; whether it now stands and differs from what stood.
    pub(super) fn person_aspect(
        &mut self,
        person: Uuid,
        aspect: PersonAspect,
        value: Option<String>,
        bears_on_access: bool,
    ) -> bool {
        let standing = self.set.person_words.standing(&(person, aspect));
        let is_end = matches!(aspect, PersonAspect::Deleted | PersonAspect::Unlisted);
        let differs = standing.is_none_or(|word| {
            word.value != value || is_end || self.is_void(&word.version(), Some(person), None)
        });
        if standing.is_some_and(|word| word.version() > self.version)
            || (!differs && standing.is_some_and(|word| word.version() == self.version))
        {
            return false;
        }
        let row = make::person_version(self, person, aspect, value);
        self.set
            .person_words
            .say((person, aspect), row, self.set.now);
        if differs {
            self.led.changed = true;
            if bears_on_access {
                self.led.due.insert(person);
            }
        }
        differs
    }

    /// Says a person's e-mail. Late words are kept too: who is who is read from all of them.
    pub(super) fn email(&mut self, person: Uuid, email: Option<String>) {
        self.led.identities.insert(person);
        let words = self.set.email_words.entry(person).or_default();
        let said = words
            .iter()
            .rev()
            .find(|word| word.version() == self.version);
        if said.is_some_and(|word| word.value == email) {
            return;
        }
        let row = make::person_version(self, person, PersonAspect::Email, email);
        self.set
            .email_words
            .entry(person)
            .or_default()
            .push(row.clone());
        let standing = self
            .set
            .person_words
            .standing(&(person, PersonAspect::Email));
        if standing.is_some_and(|word| word.version() > self.version) {
            self.set.person_words.keep(row, self.set.now);
            return;
        }
        if standing.is_none_or(|word| word.value != row.value) {
            self.led.changed = true;
            self.led.due.insert(person);
        }
        self.set
            .person_words
            .say((person, PersonAspect::Email), row, self.set.now);
    }

    /// A company that is spoken of.
    pub(super) fn company_named(&mut self, source: Uuid, word: &CompanyRef) -> Uuid {
        let key = (source, word.id.clone());
        let id = match self.set.company_ids.get(&key) {
            Some(id) => *id,
            None => self.company_unmet(source, word),
        };
        if let Some(name) = &word.name {
            self.company_aspect(id, CompanyAspect::Name, Some(name.clone()));
            let standing = self.set.company_words.standing(&(id, CompanyAspect::Name));
            let stands = standing.and_then(|word| word.value.clone());
            if let (Some(name), Some(company)) = (stands, self.set.companies.get_mut(&id))
                && company.name != name
            {
                company.name = name;
                self.set.changed.companies.insert(id);
            }
        }
        id
    }

    fn company_unmet(&mut self, source: Uuid, word: &CompanyRef) -> Uuid {
        let company = Company {
            id: new_id(),
            club_id: self.set.scope.club,
            source_id: source,
            external_id: word.id.clone(),
            name: word.name.clone().unwrap_or_else(|| word.id.clone()),
        };
        let id = company.id;
        self.set.company_ids.insert((source, word.id.clone()), id);
        self.set.companies.insert(id, company);
        self.set.changed.new_companies.push(id);
        if let Some(snapshot) = self.floor_before(SourceAspect::Companies) {
            let mut row = make::company_version(self, id, CompanyAspect::Unlisted, None);
            row.happened_at = snapshot.happened_at.micros();
            row.version_key = snapshot.key;
            self.set
                .company_words
                .say((id, CompanyAspect::Unlisted), row, self.set.now);
        }
        id
    }

    /// Says an aspect of a company; whether it now stands.
    pub(super) fn company_aspect(
        &mut self,
        company: Uuid,
        aspect: CompanyAspect,
        value: Option<String>,
    ) -> bool {
        let standing = self.set.company_words.standing(&(company, aspect));
        if standing.is_some_and(|word| word.version() >= self.version) {
            return false;
        }
        let row = make::company_version(self, company, aspect, value);
        self.set
            .company_words
            .say((company, aspect), row, self.set.now);
        true
    }

    /// An entitlement that is spoken of.
    pub(super) fn entitlement_named(
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

    /// An offering, by the latest name that was given to it.
    pub(super) fn offering(&mut self, word: &OfferingWord) -> Uuid {
        let Some(source) = self.source else {
            return Uuid::nil();
        };
        let key = (source, word.kind, word.id.clone());
        let version = self.version.clone();
        let (club, now) = (self.set.scope.club, &mut self.set.changed);
        let offering = self.set.offerings.entry(key.clone()).or_insert_with(|| {
            now.offerings.insert(key.clone());
            Offering {
                id: new_id(),
                club_id: club,
                source_id: source,
                kind: word.kind,
                external_id: word.id.clone(),
                name: word.id.clone(),
                // Folded when it is stored.
                folded_name: String::new(),
                happened_at: i64::MIN,
                version_key: String::new(),
            }
        });
        if let Some(name) = &word.name
            && is_later(&version, offering.happened_at, &offering.version_key)
        {
            now.offerings.insert(key);
            self.led.changed |= *name != offering.name;
            offering.name.clone_from(name);
            offering.happened_at = version.happened_at.micros();
            offering.version_key = version.key;
        }
        offering.id
    }

    /// A location, by the latest name and the latest time zone that were said of it. Another time zone moves the ends of what is held there.
    pub(super) fn location(&mut self, source: Uuid, word: &LocationWord) -> Uuid {
        let key = (source, word.id.clone());
        let version = self.version.clone();
        let (club, now) = (self.set.scope.club, &mut self.set.changed);
        let known = self.set.locations.contains_key(&key);
        let location = self.set.locations.entry(key.clone()).or_insert_with(|| {
            now.locations.insert(key.clone());
            Location {
                id: new_id(),
                club_id: club,
                source_id: source,
                external_id: word.id.clone(),
                name: word.id.clone(),
                // Folded when it is stored.
                folded_name: String::new(),
                time_zone: None,
                happened_at: i64::MIN,
                version_key: String::new(),
                zone_happened_at: i64::MIN,
                zone_version_key: String::new(),
            }
        });
        if let Some(name) = &word.name
            && is_later(&version, location.happened_at, &location.version_key)
        {
            now.locations.insert(key.clone());
            self.led.changed |= location.name != *name;
            location.name.clone_from(name);
            location.happened_at = version.happened_at.micros();
            location.version_key.clone_from(&version.key);
        }
        let (zone_at, zone_key) = (location.zone_happened_at, &location.zone_version_key);
        if word.time_zone.is_some() && is_later(&version, zone_at, zone_key) {
            now.locations.insert(key);
            let differs = location.time_zone != word.time_zone;
            self.led.changed |= differs;
            self.led.whole_source |= known && differs;
            location.time_zone.clone_from(&word.time_zone);
            location.zone_happened_at = version.happened_at.micros();
            location.zone_version_key = version.key;
        }
        location.id
    }

    /// Everything of a kind was named: older words about it count no more.
    pub(super) fn everything(&mut self, aspect: SourceAspect) {
        let Some(source) = self.source else { return };
        let standing = self.set.floors.standing(&(source, aspect));
        if standing.is_some_and(|word| word.version() >= self.version) {
            return;
        }
        let before = standing.map(Versioned::version);
        let row = make::source_version(self, source, aspect);
        self.set.floors.say((source, aspect), row, self.set.now);
        self.raised.insert(aspect, before);
        self.led.changed = true;
    }
}

fn is_later(version: &Version, happened_at: i64, key: &str) -> bool {
    (version.happened_at.micros(), version.key.as_str()) > (happened_at, key)
}
