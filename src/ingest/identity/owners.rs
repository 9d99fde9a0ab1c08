//! Whose each address is, once it is known who is who. An address belongs to the member who claims it now, of several to the
//! one who has claimed it for longest; the others bear a problem. What is left goes to those who had it: to members whose claim
//! is another's, who keep the address that they had before, and to members whose people are all gone.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{IdentityCluster, IdentityResolver, Tie};

/// By address: the cluster.
type Owners = BTreeMap<String, usize>;

/// The members with their addresses.
pub(super) fn assign(mut resolver: IdentityResolver) -> Vec<IdentityCluster> {
    let mut owners = claimed(&resolver);
    // An address that its people leave may uncover an older one, which then is claimed.
    while follow(&mut resolver, &owners) {
        owners = claimed(&resolver);
    }
    let mut clusters: Vec<IdentityCluster> = resolver
        .clusters
        .iter()
        .map(|cluster| IdentityCluster {
            is_gone: cluster.living == 0,
            ..IdentityCluster::default()
        })
        .collect();
    for (cluster, email) in held(&resolver, owners, &mut clusters) {
        if let Some(cluster) = clusters.get_mut(cluster) {
            cluster.email = Some(email);
        }
    }
    people(&resolver, &mut clusters);
    clusters.retain(|cluster| !cluster.people.is_empty());
    clusters
}

/// Those who claim addresses now; an address alone is no claim beside an id.
fn claimed(resolver: &IdentityResolver) -> Owners {
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

/// Lets people who are known by an address alone follow it; whether anybody did.
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
            // What the owner claims stays as old as it is.
            (person.cluster, person.since) = (owner, since.unwrap_or(person.since));
        }
        resolver.enter(index);
    }
    is_any
}

/// Which cluster has which address. Notes the claims that are another's.
fn held(
    resolver: &IdentityResolver,
    mut owners: Owners,
    clusters: &mut [IdentityCluster],
) -> Vec<(usize, String)> {
    let mut held = Vec::new();
    let mut waiting: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (index, cluster) in resolver.clusters.iter().enumerate() {
        let Some((since, email)) = cluster.claim() else {
            continue;
        };
        if owners.get(email) == Some(&index) {
            held.push((index, email.clone()));
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
            held.push((index, email.clone()));
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
        // Of several, the latest is the member's, whether it is still to be had or not.
        if has.insert(index) {
            take(index, email);
        }
    }
    held
}

/// The addresses that a member whose claim is another's may have meanwhile, the best first.
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
    let before = claimants.filter_map(|(_, one)| resolver.persons.get(*one)?.before.clone());
    let others = others.into_iter().rev().map(|(_, email)| email.clone());
    others.chain(before).collect()
}

/// Says of each cluster who it is, and whether one source has several living people in it.
fn people(resolver: &IdentityResolver, clusters: &mut [IdentityCluster]) {
    let mut met: BTreeSet<(usize, Uuid)> = BTreeSet::new();
    for person in &resolver.persons {
        let Some(cluster) = clusters.get_mut(person.cluster) else {
            continue;
        };
        let tie = match (person.is_address(), person.is_living) {
            (true, _) => Tie::Address,
            (false, true) => Tie::Living,
            (false, false) => Tie::Gone,
        };
        if let (Tie::Living, Some(source)) = (tie, person.name.0) {
            cluster.is_shared |= !met.insert((person.cluster, source));
        }
        cluster.people.push((person.id, tie));
    }
}
