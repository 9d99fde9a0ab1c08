//! Assigns e-mail addresses after people are grouped into members. An address belongs to the member that claims it now; of
//! several, to the one that has claimed it for longest, and the others get a problem. Addresses without a claim stay with earlier
//! owners: members whose own claim is contested keep the address that they had before, and so do members whose people are all
//! gone.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{IdentityCluster, IdentityResolver, Tie};

/// By address: the index of the owning cluster.
type Owners = BTreeMap<String, usize>;

pub(super) fn assign(mut resolver: IdentityResolver) -> Vec<IdentityCluster> {
    let mut owners = claimants(&resolver);
    // When people leave a cluster with an address, the cluster may claim an older address again.
    while follow(&mut resolver, &owners) {
        owners = claimants(&resolver);
    }
    let mut clusters: Vec<IdentityCluster> = resolver
        .clusters
        .iter()
        .map(|cluster| IdentityCluster {
            is_gone: cluster.living == 0,
            ..IdentityCluster::default()
        })
        .collect();
    for (cluster, email) in assign_addresses(&resolver, owners, &mut clusters) {
        if let Some(cluster) = clusters.get_mut(cluster) {
            cluster.email = Some(email);
        }
    }
    people(&resolver, &mut clusters);
    clusters.retain(|cluster| !cluster.people.is_empty());
    clusters
}

/// The current claimant of each address. A claim by an id precedes a claim by the address alone.
fn claimants(resolver: &IdentityResolver) -> Owners {
    let mut ranked: BTreeMap<String, (bool, usize, usize)> = BTreeMap::new();
    for (index, cluster) in resolver.clusters.iter().enumerate() {
        if let Some((since, email)) = cluster.claim() {
            let rank = (!cluster.claims_by_id(email), since, index);
            let first = ranked.entry(email.clone()).or_insert(rank);
            *first = (*first).min(rank);
        }
    }
    let owners = ranked.into_iter();
    owners.map(|(email, (.., index))| (email, index)).collect()
}

/// Moves people identified by an address alone to the address's owner; returns whether anybody moved.
fn follow(resolver: &mut IdentityResolver, owners: &Owners) -> bool {
    let persons = resolver.persons.iter().enumerate();
    let moves: Vec<(usize, usize, Option<usize>)> = persons
        .filter(|(_, person)| person.is_living && person.is_address())
        .filter_map(|(index, person)| {
            let email = person.claim.as_ref()?;
            let owner = owners
                .get(email)
                .filter(|owner| **owner != person.cluster)?;
            let since = resolver.clusters.get(*owner)?.since(email);
            Some((index, *owner, since))
        })
        .collect();
    let is_any = !moves.is_empty();
    for (index, owner, since) in moves {
        resolver.leave(index);
        if let Some(person) = resolver.persons.get_mut(index) {
            // Keeps the age of the owner's claim.
            (person.cluster, person.since) = (owner, since.unwrap_or(person.since));
        }
        resolver.enter(index);
    }
    is_any
}

/// Pairs of cluster and owned address. Sets `contested` for claims on an address of another cluster.
fn assign_addresses(
    resolver: &IdentityResolver,
    mut owners: Owners,
    clusters: &mut [IdentityCluster],
) -> Vec<(usize, String)> {
    let mut owned = Vec::new();
    let mut waiting: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (index, cluster) in resolver.clusters.iter().enumerate() {
        let Some((since, email)) = cluster.claim() else {
            continue;
        };
        if owners.get(email) == Some(&index) {
            owned.push((index, email.clone()));
        } else {
            waiting.insert((since, index));
            if let Some(cluster) = clusters.get_mut(index) {
                cluster.contested = Some(email.clone());
            }
        }
    }
    let mut take = |index: usize, email: &String| {
        let is_free = !owners.contains_key(email);
        if is_free {
            owners.insert(email.clone(), index);
            owned.push((index, email.clone()));
        }
        is_free
    };
    for (_, index) in waiting.into_iter().rev() {
        let had = had_before(resolver, index);
        had.iter().any(|email| take(index, email));
    }
    let persons = resolver.persons.iter();
    let mut gone: Vec<_> = persons
        .filter(|person| {
            let cluster = resolver.clusters.get(person.cluster);
            cluster.is_some_and(|cluster| cluster.living == 0)
        })
        .filter_map(|person| Some((person.last, person.cluster, person.claim.as_ref()?)))
        .collect();
    gone.sort_unstable();
    let mut has: BTreeSet<usize> = BTreeSet::new();
    for (_, index, email) in gone.into_iter().rev() {
        // Only the latest of several addresses counts, whether it is free or not.
        if has.insert(index) {
            take(index, email);
        }
    }
    owned
}

/// The addresses that a member with a contested claim may keep for now, the best first.
fn had_before(resolver: &IdentityResolver, index: usize) -> Vec<String> {
    let Some(cluster) = resolver.clusters.get(index) else {
        return Vec::new();
    };
    let claim = cluster.claim().map(|(_, email)| email);
    let claims = cluster.claims.iter();
    let mut others: Vec<(usize, &String)> = claims
        .filter(|(email, _)| Some(*email) != claim)
        .filter_map(|(email, who)| Some((who.first()?.0, email)))
        .collect();
    others.sort_unstable();
    let claimants = claim.and_then(|claim| cluster.claims.get(claim));
    let claimants = claimants.into_iter().flatten().rev();
    let before = claimants.filter_map(|(_, person)| resolver.persons.get(*person)?.before.clone());
    let others = others.into_iter().rev().map(|(_, email)| email.clone());
    others.chain(before).collect()
}

/// Fills in the people of each cluster, and whether several living people of one source share it.
fn people(resolver: &IdentityResolver, clusters: &mut [IdentityCluster]) {
    let mut met: BTreeSet<(usize, Uuid)> = BTreeSet::new();
    for person in &resolver.persons {
        let Some(cluster) = clusters.get_mut(person.cluster) else {
            continue;
        };
        let tie = match (person.is_address(), person.is_living) {
            (true, _) => Tie::Address,
            (false, true) => Tie::LivingId,
            (false, false) => Tie::GoneId,
        };
        if let (Tie::LivingId, Some(source)) = (tie, person.name.0) {
            cluster.is_shared |= !met.insert((person.cluster, source));
        }
        cluster.people.push((person.id, tie));
    }
}
