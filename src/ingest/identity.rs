//! Who is who, and whose an address is. A pure function of all versions of people's e-mails and of the ends of people, read in
//! the order of their versions and not of their arrival, so that any order of the same events ends in the same members.
//!
//! The two questions are answered apart. A person is what a source's id names. Which people are one member follows from the
//! first mention of each: a person who is new and bears an address that is claimed at that moment, or was the last address of a
//! member whose people are all gone, is that member. Nobody who is known is merged later: the design asks for a human there.
//! Two living people of one source who have different addresses are two members.
//!
//! An address belongs to whoever claims it now (`owners`): a member claims the address that a source gave last to one of its
//! living people. What was claimed before, or by people who are gone, is held only while nobody else claims it. So people may
//! swap addresses in any order, and an address that was given up is free.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::statement::Version;

mod owners;
#[cfg(test)]
mod tests;

/// A source and its id for a person: unlike our own ids, the same whatever came first.
pub type Name = (Option<Uuid>, String);

/// One version of a person's e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailVersion {
    /// When it was said; of equals, the name of the person decides, so that the order is one whatever came first.
    pub version: Version,
    /// The person.
    pub person: Uuid,
    /// What the source calls the person.
    pub name: Name,
    /// The e-mail; none where the source says that there is none.
    pub email: Option<String>,
}

/// All that who is who follows from.
#[derive(Clone, Debug, Default)]
pub struct IdentityHistory {
    /// Every version of every e-mail.
    pub emails: Vec<EmailVersion>,
    /// Deletions of people, and snapshots that do not name them: older e-mails are claims no more.
    pub ends: Vec<(Version, Name)>,
    /// Sources that were removed, and when: none of their people claims anything since.
    pub removed: HashMap<Uuid, Version>,
    /// People of whom no e-mail was ever said: each is a member alone.
    pub silent: Vec<Uuid>,
}

/// What ties a person to the member.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Tie {
    /// A source's id, of somebody who is there.
    Living,
    /// A source's id, of somebody who is gone.
    Gone,
    /// The address alone, as of a guest without an id: such a person follows the address.
    Address,
}

/// People who are one member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityCluster {
    /// In the order in which they were first spoken of.
    pub people: Vec<(Uuid, Tie)>,
    /// The address that Kisi knows the member by.
    pub email: Option<String>,
    /// An address that a source gives the member, though another member claimed it first and still does.
    pub contested: Option<String>,
    /// Two living people of one source bear one e-mail.
    pub is_shared: bool,
    /// All of the people are gone.
    pub is_gone: bool,
}

/// Parts people into members, and gives each address to one of them.
pub fn resolve(history: IdentityHistory) -> Vec<IdentityCluster> {
    let silent = history.silent.clone();
    let alone = silent.into_iter().map(|person| IdentityCluster {
        people: vec![(person, Tie::Living)],
        ..IdentityCluster::default()
    });
    let mut clusters = owners::assign(IdentityResolver::replay(history));
    clusters.extend(alone);
    clusters
}

/// Of equal versions ends come first, then what changes, so that a new person never joins somebody whom the same snapshot moves.
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

/// A person as of what was read so far. Positions in the history stand for versions.
#[derive(Debug)]
struct Person {
    id: Uuid,
    name: Name,
    cluster: usize,
    /// The address that the source gave last.
    claim: Option<String>,
    /// Since when, without a break; of a person who joined a member by the address, since when the member has claimed it.
    since: usize,
    /// The last version of the e-mail, or the end.
    last: usize,
    is_living: bool,
    /// The address that was the member's before a claim that is another's.
    before: Option<String>,
}

impl Person {
    /// Whether nothing but the address says who this is.
    fn is_address(&self) -> bool {
        let named = self.name.1.strip_prefix("mailto:");
        named.is_some() && named == self.claim.as_deref()
    }
}

/// People who are one member, as of what was read so far. Only the living are counted.
#[derive(Debug, Default)]
struct Cluster {
    living: usize,
    /// Of each source, how many have which address. More than one address is never kept.
    of_source: HashMap<Uuid, HashMap<Option<String>, usize>>,
    /// Who has which address, with the position since when.
    claims: BTreeMap<String, BTreeSet<(usize, usize)>>,
    /// How many of these are known by an id.
    by_id: HashMap<String, usize>,
}

impl Cluster {
    /// The address that the member claims, and since when: what a source changed last. A source that repeats an older address
    /// does not take it back.
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

    /// Whether the source has somebody here with another address.
    fn has_another(&self, source: Option<Uuid>, email: Option<&str>) -> bool {
        let here = source.and_then(|source| self.of_source.get(&source));
        here.is_some_and(|here| here.keys().any(|claim| claim.as_deref() != email))
    }
}

/// Reads the history from its beginning.
#[derive(Debug, Default)]
struct IdentityResolver {
    /// In the order in which they were first spoken of.
    persons: Vec<Person>,
    by_name: HashMap<Name, usize>,
    clusters: Vec<Cluster>,
    /// How many living people of which cluster have an address.
    bearers: HashMap<String, BTreeMap<usize, usize>>,
    /// The people who are gone by their last address, with the position of their end.
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
        let known = self.by_name.get(&event.name).copied();
        match (event.kind, known) {
            (Kind::End, known) => {
                if let Some(index) = known {
                    self.end(at, index);
                }
            }
            (_, Some(index)) => self.change(at, index, event),
            (_, None) => self.meet(at, event),
        }
    }

    fn end(&mut self, at: usize, index: usize) {
        self.leave(index);
        if let Some(person) = self.persons.get_mut(index) {
            (person.is_living, person.last, person.before) = (false, at, None);
        }
        self.enter(index);
    }

    fn meet(&mut self, at: usize, event: Event) {
        let email = event.email.as_deref();
        let host = email.and_then(|email| self.host(email, event.name.0));
        let since = host.zip(email).and_then(|(host, email)| {
            let cluster = self.clusters.get(host)?;
            cluster.since(email)
        });
        let cluster = host.unwrap_or_else(|| self.found());
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

    /// A removed source says nothing more, whatever its clock.
    fn is_removed(&self, event: &Event) -> bool {
        let removed = event.name.0.and_then(|source| self.removed.get(&source));
        removed.is_some_and(|removed| event.version >= *removed)
    }

    /// The member who somebody new with this address is.
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

    /// Of the members whose living people have an address: who claims it, by an id, and first.
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

    /// Whether the person's address is the one that the member has.
    fn holds(&self, index: usize) -> bool {
        let person = self.persons.get(index).filter(|person| person.is_living);
        let of = person.and_then(|person| Some((person.cluster, person.claim.as_deref()?)));
        of.is_some_and(|(cluster, email)| self.claimant(email) == Some(cluster))
    }

    fn found(&mut self) -> usize {
        self.clusters.push(Cluster::default());
        self.clusters.len().saturating_sub(1)
    }

    /// Makes a member of a person, who has left, and of all others there who have the person's new address already.
    fn split(&mut self, index: usize, from: usize, claim: Option<String>) {
        let to = self.found();
        let here = self.clusters.get(from);
        let alike = claim.and_then(|claim| here?.claims.get(&claim));
        let movers: Vec<usize> = alike.into_iter().flatten().map(|(_, one)| *one).collect();
        for mover in movers {
            self.leave(mover);
            self.put(mover, to);
            self.enter(mover);
        }
        self.put(index, to);
    }

    fn put(&mut self, index: usize, cluster: usize) {
        if let Some(person) = self.persons.get_mut(index) {
            person.cluster = cluster;
        }
    }

    /// Counts a person where it is.
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

    /// Counts a person no more; what changes of the person changes between this and `enter`.
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

/// The history in its order.
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
