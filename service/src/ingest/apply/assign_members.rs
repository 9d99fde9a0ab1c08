//! Assigns people to members after a batch: resolves identities, keeps the members that exist, creates new ones, and updates each
//! member's name, e-mail and problems.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;
use uuid::Uuid;

use access::Instant;

use crate::{
    clock::new_id,
    ingest::identity::{EmailVersion, IdentityCluster, IdentityHistory, Name, Tie, resolve},
    store::{
        fold, members,
        row::{ErasureState, Member, Person, PersonAspect, PersonPast, SourceAspect},
        working_set::{HandOver, Versioned, WorkingSet},
    },
    version::Version,
};

/// Gives every person of the set that has a member, and everybody in `spoken_of`, a member. Returns the members whose people or
/// e-mail changed, and those that were merged into another.
pub fn assign_members(set: &mut WorkingSet, spoken_of: &BTreeSet<Uuid>) -> BTreeSet<Uuid> {
    let before: BTreeMap<Uuid, Person> = set
        .persons
        .iter()
        .filter(|(id, person)| !person.member_id.is_nil() || spoken_of.contains(id))
        .filter(|(_, person)| !is_erased(set, person))
        .map(|(id, person)| (*id, person.clone()))
        .collect();
    let clusters = resolve(history(set, &before));
    let kept = kept_members(&clusters, &before);
    let mut taken: BTreeSet<Uuid> = BTreeSet::new();
    let mut due = BTreeSet::new();
    let mut readdressed: Vec<(Uuid, String)> = Vec::new();
    for (index, cluster) in clusters.iter().enumerate() {
        let kept = kept.get(&index).copied();
        let member = kept.unwrap_or_else(new_id);
        taken.insert(member);
        if update_member(set, member, cluster, kept.is_none()) {
            due.insert(member);
            readdressed.extend(cluster.email.clone().map(|email| (member, email)));
        }
        for (id, _) in &cluster.people {
            due.extend(move_person(set, *id, member));
        }
    }
    merge_leftovers(set, &before, &taken);
    due.extend(hand_over(set, &readdressed));
    // Members without people are included: a worker that handles one of them at this moment may leave something in Kisi.
    due
}

/// Whether the person's member is erased: nothing is left that could identify the person.
fn is_erased(set: &WorkingSet, person: &Person) -> bool {
    let member = set.members.get(&person.member_id);
    member.is_some_and(|member| member.erasure == Some(ErasureState::Erased))
}

/// All versions of these people's e-mails, and the ends of the people.
fn history(set: &WorkingSet, people: &BTreeMap<Uuid, Person>) -> IdentityHistory {
    let name = |person: &Person| -> Name { (person.source_id, person.external_id.clone()) };
    let versions = set.email_versions.values().flatten();
    let emails: Vec<EmailVersion> = versions
        .filter_map(|row| {
            let person = people.get(&row.person_id)?;
            Some(EmailVersion {
                version: row.version(),
                person: person.id,
                name: name(person),
                email: row.value.clone(),
            })
        })
        .collect();
    let with_email: BTreeSet<Uuid> = emails.iter().map(|email| email.person).collect();
    let silent = people.keys().filter(|id| !with_email.contains(id)).copied();
    let silent = silent.collect();
    let ends = people.values().flat_map(|person| {
        let ends = ends_of(set, person).into_iter();
        ends.map(|version| (version, name(person)))
    });
    let ends = ends.collect();
    let removed = set.removed_sources.iter().map(|(source, at)| {
        let version = Version {
            happened_at: Instant::from_micros(*at),
            key: String::new(),
        };
        (*source, version)
    });
    IdentityHistory {
        emails,
        ends,
        removed: removed.collect(),
        silent,
    }
}

/// The ends of a person's e-mail claims: a deletion, or a snapshot that does not list the person. Snapshots do not end people
/// known only as guests.
fn ends_of(set: &WorkingSet, person: &Person) -> Vec<Version> {
    let current = |aspect| {
        let row = set.person_versions.current(&(person.id, aspect));
        row.map(Versioned::version)
    };
    let deleted = current(PersonAspect::Deleted);
    if person.guest_only {
        return deleted.into_iter().collect();
    }
    // A person known only by memberships is listed by every snapshot of memberships, or is gone.
    let of_their_own = [PersonAspect::Tags, PersonAspect::Companies];
    let is_more = of_their_own
        .into_iter()
        .any(|aspect| current(aspect).is_some());
    let source = person.source_id.filter(|_| !is_more);
    let list = source.and_then(|source| set.floors.current(&(source, SourceAspect::Memberships)));
    let list = list.map(Versioned::version);
    let unlisted = current(PersonAspect::AbsentFromSnapshot);
    deleted.into_iter().chain(unlisted).chain(list).collect()
}

/// Which existing member each cluster keeps, so that manual grants and blocks stay with the person that they were made for: a
/// member stays with its people who are living and have an id, otherwise with any of its people.
fn kept_members(
    clusters: &[IdentityCluster],
    before: &BTreeMap<Uuid, Person>,
) -> HashMap<usize, Uuid> {
    let mut heirs: BTreeMap<Uuid, (bool, usize, bool)> = BTreeMap::new();
    for (index, cluster) in clusters.iter().enumerate() {
        for (id, tie) in &cluster.people {
            let member = before.get(id).map(|person| person.member_id);
            if let Some(member) = member.filter(|id| !id.is_nil()) {
                let rank = (*tie != Tie::LivingId, index, *tie == Tie::Address);
                let heir = heirs.entry(member).or_insert(rank);
                *heir = (*heir).min(rank);
            }
        }
    }
    // If several members become one, the oldest stays; members known only by an address come last.
    let mut kept: HashMap<usize, (bool, Uuid)> = HashMap::new();
    for (member, (_, index, is_address)) in heirs {
        let candidate = (is_address, member);
        let best = kept.entry(index).or_insert(candidate);
        *best = (*best).min(candidate);
    }
    let kept = kept.into_iter();
    kept.map(|(index, (_, member))| (index, member)).collect()
}

/// Moves a person to this member; returns the members that this changes.
fn move_person(set: &mut WorkingSet, id: Uuid, member: Uuid) -> Vec<Uuid> {
    let Some(person) = set.persons.get_mut(&id) else {
        return Vec::new();
    };
    let before = person.member_id;
    if before == member {
        return Vec::new();
    }
    person.member_id = member;
    set.changed.persons.insert(id);
    if before.is_nil() {
        return vec![member];
    }
    set.changed.moved.push(PersonPast {
        id: new_id(),
        club_id: set.scope.club,
        person_id: id,
        member_id: before,
        superseded_at: set.now,
    });
    vec![before, member]
}

/// Redirects members without people to the member that their first person moved to.
fn merge_leftovers(set: &mut WorkingSet, before: &BTreeMap<Uuid, Person>, taken: &BTreeSet<Uuid>) {
    let mut merged: BTreeSet<Uuid> = BTreeSet::new();
    for (id, person) in before {
        let old = person.member_id;
        if old.is_nil() || taken.contains(&old) || !merged.insert(old) {
            continue;
        }
        if let Some(now) = set.persons.get(id) {
            set.changed.merged.push((old, now.member_id));
        }
    }
}

/// Records that what Kisi holds for an address now belongs to the address's new member, since Kisi identifies people by e-mail
/// alone. Returns the members that may have had the address before.
fn hand_over(set: &mut WorkingSet, readdressed: &[(Uuid, String)]) -> BTreeSet<Uuid> {
    let mut bearers: HashMap<&str, BTreeSet<Uuid>> = HashMap::new();
    let wanted: BTreeSet<&str> = readdressed.iter().map(|(_, e)| e.as_str()).collect();
    for row in set.email_versions.values().flatten() {
        let email = row.value.as_deref().filter(|email| wanted.contains(email));
        let member = set.persons.get(&row.person_id).map(|p| p.member_id);
        if let (Some(email), Some(member)) = (email, member.filter(|id| !id.is_nil())) {
            bearers.entry(email).or_default().insert(member);
        }
    }
    let mut givers = BTreeSet::new();
    let mut hand_overs = Vec::new();
    for (to, email) in readdressed {
        let mut from = bearers.remove(email.as_str()).unwrap_or_default();
        from.remove(to);
        givers.extend(&from);
        if !from.is_empty() {
            hand_overs.push(HandOver {
                to: *to,
                email: email.clone(),
                from,
            });
        }
    }
    set.changed.handed_over = hand_overs;
    givers
}

/// Writes the member's row; returns whether its e-mail changed.
fn update_member(set: &mut WorkingSet, id: Uuid, cluster: &IdentityCluster, is_new: bool) -> bool {
    let names = cluster
        .people
        .iter()
        .filter_map(|(person, _)| set.person_versions.current(&(*person, PersonAspect::Name)));
    let name = names
        .max_by_key(|version_row| version_row.version())
        .and_then(|version_row| version_row.value.clone());
    let external = cluster
        .people
        .first()
        .and_then(|(person, _)| set.persons.get(person));
    let name = name
        .or_else(|| cluster.email.clone())
        .or_else(|| external.map(|person| person.external_id.clone()))
        .unwrap_or_default();
    let old = set.members.get(&id);
    let row = Member {
        id,
        club_id: set.scope.club,
        folded_name: fold(&name),
        search: fold(&format!(
            "{name} {}",
            cluster.email.as_deref().unwrap_or_default()
        )),
        name,
        email: cluster.email.clone(),
        problems: problems(cluster),
        created_at: old.map_or(set.now, |old| old.created_at),
        erasure: old.and_then(|old| old.erasure),
        erasure_report: old.and_then(|old| old.erasure_report.clone()),
    };
    if old == Some(&row) {
        return false;
    }
    let is_readdressed = old.is_none_or(|old| old.email != row.email);
    if is_new {
        set.changed.new_members.insert(id);
    }
    set.changed.members.insert(id);
    set.members.insert(id, row);
    is_readdressed
}

fn problems(cluster: &IdentityCluster) -> Option<String> {
    let mut problems = Vec::new();
    if cluster.email.is_none() && !cluster.is_gone {
        problems.push(json!({
            "code": "NO_EMAIL",
            "message": "No platform gives an e-mail address, and Kisi identifies people by nothing else: \
                        add one at the platform.",
        }));
    }
    if let Some(email) = &cluster.contested {
        problems.push(json!({
            "code": "CONTESTED_EMAIL",
            "message": format!(
                "A platform gives {email}, which is another member's address. The two were not merged: correct the address at one of the platforms."
            ),
        }));
    }
    if cluster.is_shared {
        problems.push(json!({
            "code": members::TWO_PEOPLE,
            "message": "One platform has two people under this e-mail address. Kisi treats them as one person, so each has the \
                        access of the other: give each their own address at the platform.",
        }));
    }
    (!problems.is_empty()).then(|| serde_json::Value::from(problems).to_string())
}
