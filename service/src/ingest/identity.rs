//! Identity resolution: which people are one member, and which member owns each address. A pure function of all versions of
//! people's e-mails and of people's ends. It reads them in the order of their versions, not of their arrival, so any order of the
//! same events gives the same members.
//!
//! Identity: a person is one id of one source. The first mention of a person decides their member: a new person whose address is
//! claimed at that moment, or was the last address of a member whose people are all gone, joins that member. Existing people are
//! never merged later; a human decides that. Two living people of one source with different addresses are two members.
//!
//! Addresses (`owners`): a member claims the address that a source gave last to one of its living people, and owns it while the
//! claim lasts. Earlier addresses, and those of people who are gone, are kept only while nobody else claims them. So people may
//! swap addresses in any order, and an address that was given up is free.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use crate::version::Version;

mod owners;
#[cfg(test)]
mod tests;

/// A source and its id for a person. Unlike our own ids, it is independent of the order of arrival.
pub type Name = (Option<Uuid>, String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailVersion {
    /// The order; for equal versions the person's `Name` decides, so that the order is independent of the order of arrival.
    pub version: Version,
    pub person: Uuid,
    /// The person's id at the source.
    pub name: Name,
    /// None where the source says that the person has no e-mail.
    pub email: Option<String>,
}

/// The input of identity resolution.
#[derive(Clone, Debug, Default)]
pub struct IdentityHistory {
    pub emails: Vec<EmailVersion>,
    /// Deletions of people, and snapshots that do not list them: older e-mails are no claims any more.
    pub ends: Vec<(Version, Name)>,
    /// Removed sources with the time of removal, from which on their people claim nothing.
    pub removed: HashMap<Uuid, Version>,
    /// People without any version of an e-mail: each is a member alone.
    pub silent: Vec<Uuid>,
}

/// Why a person belongs to a member.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Tie {
    /// By a source's id; the person is living.
    LivingId,
    /// By a source's id; the person is gone.
    GoneId,
    /// By the address alone, such as a guest without an id: the person follows the address.
    Address,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityCluster {
    /// In the order of their first mention.
    pub people: Vec<(Uuid, Tie)>,
    /// The address that identifies the member in Kisi.
    pub email: Option<String>,
    /// An address that a source gives this member although another member claimed it first and still does.
    pub contested: Option<String>,
    /// Two living people of one source have the same e-mail.
    pub is_shared: bool,
    pub is_gone: bool,
}

/// Groups people into members, and assigns each address to one member.
pub fn resolve(history: IdentityHistory) -> Vec<IdentityCluster> {
    let silent = history.silent.clone();
    let alone = silent.into_iter().map(|person| IdentityCluster {
        people: vec![(person, Tie::LivingId)],
        ..IdentityCluster::default()
    });
    let mut clusters = owners::assign(IdentityResolver::replay(history));
    clusters.extend(alone);
    clusters
}

/// Among equal versions, ends come first, then changes, so that a new person never joins somebody whom the same snapshot moves.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    End,
    Change,
    FirstMention,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    version: Version,
    kind: Kind,
    name: Name,
    email: Option<String>,
    person: Uuid,
}

/// A person at the current position of the replay. Positions in the ordered history replace versions here.
#[derive(Debug)]
struct Person {
    id: Uuid,
    name: Name,
    cluster: usize,
    claim: Option<String>,
    /// The position since which the claim is unbroken; for a person who joined a member by the address, since when the member
    /// claims it.
    since: usize,
    /// The position of the last version of the e-mail, or of the end.
    last: usize,
    is_living: bool,
    /// The address that the member owned before the current claim, which is contested.
    before: Option<String>,
}

impl Person {
    /// Whether the person is identified by the address alone.
    fn is_address(&self) -> bool {
        let named = self.name.1.strip_prefix("mailto:");
        named.is_some() && named == self.claim.as_deref()
    }
}

/// One member at the current position of the replay. Only living people are counted.
#[derive(Debug, Default)]
struct Cluster {
    living: usize,
    /// By source and address: the number of people. At the end of each event a source has at most one address here.
    of_source: HashMap<Uuid, HashMap<Option<String>, usize>>,
    /// By address: (position since when, index of the person).
    claims: BTreeMap<String, BTreeSet<(usize, usize)>>,
    /// By address: how many of its claimants are identified by an id.
    by_id: HashMap<String, usize>,
}

impl Cluster {
    /// The address that the member claims, with its position: the one that a source changed last. A source that repeats an older
    /// address does not take it back.
    fn claim(&self) -> Option<(usize, &String)> {
        let claims = self.claims.iter();
        let claims = claims.filter_map(|(email, who)| Some((who.first()?.0, email)));
        claims.max()
    }

    fn since(&self, email: &str) -> Option<usize> {
        Some(self.claims.get(email)?.first()?.0)
    }

    fn claims_by_id(&self, email: &str) -> bool {
        self.by_id.contains_key(email)
    }

    /// Whether a person of this source with another address is in the cluster.
    fn has_another(&self, source: Option<Uuid>, email: Option<&str>) -> bool {
        let here = source.and_then(|source| self.of_source.get(&source));
        here.is_some_and(|here| here.keys().any(|claim| claim.as_deref() != email))
    }
}

/// Replays the history from its beginning.
#[derive(Debug, Default)]
struct IdentityResolver {
    /// In the order of their first mention.
    persons: Vec<Person>,
    by_name: HashMap<Name, usize>,
    clusters: Vec<Cluster>,
    /// By address: the clusters with living people who have it, and how many.
    bearers: HashMap<String, BTreeMap<usize, usize>>,
    /// By last address: (position of the end, index) of the people who are gone.
    gone: HashMap<String, BTreeSet<(usize, usize)>>,
    removed: HashMap<Uuid, Version>,
}

impl IdentityResolver {
    fn replay(history: IdentityHistory) -> Self {
        let mut resolver = Self {
            removed: history.removed.clone(),
            ..Self::default()
        };
        for (at, event) in events(history).into_iter().enumerate() {
            resolver.observe(at, event);
        }
        resolver
    }

    fn observe(&mut self, at: usize, event: Event) {
        let person = self.by_name.get(&event.name).copied();
        match (event.kind, person) {
            (Kind::End, person) => {
                if let Some(index) = person {
                    self.end(at, index);
                }
            }
            (_, Some(index)) => self.change(at, index, event),
            (_, None) => self.add_person(at, event),
        }
    }

    fn end(&mut self, at: usize, index: usize) {
        self.leave(index);
        if let Some(person) = self.persons.get_mut(index) {
            (person.is_living, person.last, person.before) = (false, at, None);
        }
        self.enter(index);
    }

    fn add_person(&mut self, at: usize, event: Event) {
        let email = event.email.as_deref();
        let host = email.and_then(|email| self.host(email, event.name.0));
        let since = host.zip(email).and_then(|(host, email)| {
            let cluster = self.clusters.get(host)?;
            cluster.since(email)
        });
        let cluster = host.unwrap_or_else(|| self.new_cluster());
        let index = self.persons.len();
        self.by_name.insert(event.name.clone(), index);
        let is_living = !self.is_removed(&event);
        self.persons.push(Person {
            id: event.person,
            name: event.name,
            cluster,
            claim: event.email,
            since: since.unwrap_or(at),
            last: at,
            is_living,
            before: None,
        });
        self.enter(index);
    }

    fn change(&mut self, at: usize, index: usize, event: Event) {
        let is_living = !self.is_removed(&event);
        let holds = self.holds(index);
        self.leave(index);
        let Some(person) = self.persons.get_mut(index) else {
            return;
        };
        if person.claim != event.email {
            if holds || event.email.is_none() {
                person.before = person.claim.clone().filter(|_| event.email.is_some());
            }
            person.since = at;
        } else if !person.is_living {
            person.since = at;
        }
        (person.claim, person.last, person.is_living) = (event.email, at, is_living);
        let (source, claim, from) = (person.name.0, person.claim.clone(), person.cluster);
        let here = self.clusters.get(from);
        if is_living && here.is_some_and(|here| here.has_another(source, claim.as_deref())) {
            self.split(index, from, claim);
        }
        self.enter(index);
    }

    /// Events of a removed source after its removal have no effect, whatever its clock.
    fn is_removed(&self, event: &Event) -> bool {
        let removed = event.name.0.and_then(|source| self.removed.get(&source));
        removed.is_some_and(|removed| event.version >= *removed)
    }

    /// The cluster that a new person with this address joins.
    fn host(&self, email: &str, source: Option<Uuid>) -> Option<usize> {
        if let Some(claimant) = self.claimant(email) {
            let cluster = self.clusters.get(claimant)?;
            return (!cluster.has_another(source, Some(email))).then_some(claimant);
        }
        let gone = self.gone.get(email).into_iter().flatten().rev();
        let mut clusters = gone.filter_map(|(_, index)| Some(self.persons.get(*index)?.cluster));
        clusters.find(|index| {
            let cluster = self.clusters.get(*index);
            cluster.is_some_and(|cluster| cluster.living == 0)
        })
    }

    /// The cluster that owns the address: among those whose living people have it, current claims come first, then claims by an
    /// id, then the oldest.
    fn claimant(&self, email: &str) -> Option<usize> {
        let bearers = self.bearers.get(email).into_iter().flatten();
        let ranked = bearers.filter_map(|(index, _)| {
            let cluster = self.clusters.get(*index)?;
            let is_stale = cluster.claim().is_none_or(|(_, claim)| claim != email);
            let since = cluster.since(email)?;
            Some((is_stale, !cluster.claims_by_id(email), since, *index))
        });
        ranked.min().map(|(.., index)| index)
    }

    /// Whether the person's cluster owns the person's address.
    fn holds(&self, index: usize) -> bool {
        let person = self.persons.get(index).filter(|person| person.is_living);
        let of = person.and_then(|person| Some((person.cluster, person.claim.as_deref()?)));
        of.is_some_and(|(cluster, email)| self.claimant(email) == Some(cluster))
    }

    fn new_cluster(&mut self) -> usize {
        self.clusters.push(Cluster::default());
        self.clusters.len().saturating_sub(1)
    }

    /// Moves a person to a new cluster, together with everybody in the old one who has the person's new address already. The
    /// caller called `leave` for the person.
    fn split(&mut self, index: usize, from: usize, claim: Option<String>) {
        let to = self.new_cluster();
        let here = self.clusters.get(from);
        let alike = claim.and_then(|claim| here?.claims.get(&claim));
        let movers: Vec<usize> = alike.into_iter().flatten().map(|(_, one)| *one).collect();
        for mover in movers {
            self.leave(mover);
            self.set_cluster(mover, to);
            self.enter(mover);
        }
        self.set_cluster(index, to);
    }

    fn set_cluster(&mut self, index: usize, cluster: usize) {
        if let Some(person) = self.persons.get_mut(index) {
            person.cluster = cluster;
        }
    }

    /// Adds a person to the counts of its cluster and address.
    fn enter(&mut self, index: usize) {
        let Some(person) = self.persons.get(index) else {
            return;
        };
        if !person.is_living {
            if let Some(claim) = &person.claim {
                let gone = self.gone.entry(claim.clone()).or_default();
                gone.insert((person.last, index));
            }
            return;
        }
        let Some(cluster) = self.clusters.get_mut(person.cluster) else {
            return;
        };
        cluster.living += 1;
        if let Some(source) = person.name.0 {
            let here = cluster.of_source.entry(source).or_default();
            *here.entry(person.claim.clone()).or_default() += 1;
        }
        let Some(claim) = &person.claim else { return };
        let who = cluster.claims.entry(claim.clone()).or_default();
        who.insert((person.since, index));
        if !person.is_address() {
            *cluster.by_id.entry(claim.clone()).or_default() += 1;
        }
        let bearers = self.bearers.entry(claim.clone()).or_default();
        *bearers.entry(person.cluster).or_default() += 1;
    }

    /// Removes a person from the counts. Change a person only between `leave` and `enter`.
    fn leave(&mut self, index: usize) {
        let Some(person) = self.persons.get(index) else {
            return;
        };
        if !person.is_living {
            if let Some(gone) = person.claim.as_ref().and_then(|e| self.gone.get_mut(e)) {
                gone.remove(&(person.last, index));
            }
            return;
        }
        let Some(cluster) = self.clusters.get_mut(person.cluster) else {
            return;
        };
        cluster.living = cluster.living.saturating_sub(1);
        if let Some(here) = person.name.0.and_then(|s| cluster.of_source.get_mut(&s)) {
            count_down(here, &person.claim);
        }
        let Some(claim) = &person.claim else { return };
        if let Some(who) = cluster.claims.get_mut(claim) {
            who.remove(&(person.since, index));
            if who.is_empty() {
                cluster.claims.remove(claim);
            }
        }
        if !person.is_address() {
            count_down(&mut cluster.by_id, claim);
        }
        if let Some(bearers) = self.bearers.get_mut(claim)
            && let Some(count) = bearers.get_mut(&person.cluster)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                bearers.remove(&person.cluster);
            }
        }
    }
}

fn count_down<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// The history as one ordered list.
fn events(history: IdentityHistory) -> Vec<Event> {
    let mut first: HashMap<Name, Version> = HashMap::new();
    for email in &history.emails {
        let version = first.entry(email.name.clone());
        let version = version.or_insert_with(|| email.version.clone());
        if email.version < *version {
            version.clone_from(&email.version);
        }
    }
    let of_removed = first.keys().filter_map(|name| {
        let removed = name.0.and_then(|source| history.removed.get(&source))?;
        Some((removed.clone(), name.clone()))
    });
    let ends: Vec<(Version, Name)> = of_removed.chain(history.ends).collect();
    let ends = ends.into_iter().map(|(version, name)| Event {
        version,
        kind: Kind::End,
        name,
        email: None,
        person: Uuid::nil(),
    });
    let emails = history.emails.into_iter().map(|email| Event {
        kind: if first.get(&email.name) == Some(&email.version) {
            Kind::FirstMention
        } else {
            Kind::Change
        },
        version: email.version,
        name: email.name,
        email: email.email,
        person: email.person,
    });
    let mut events: Vec<Event> = ends.chain(emails).collect();
    events.sort();
    events
}
