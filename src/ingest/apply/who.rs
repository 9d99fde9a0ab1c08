//! Settles who is who after a batch: parts the people at hand into members, keeps the members that there are, makes those
//! that are new, and writes down what follows for each: name, e-mail, and what a human has to look at.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;
use uuid::Uuid;

use access::Instant;

use crate::{
    clock::new_id,
    ingest::{
        identity::{EmailVersion, IdentityCluster, IdentityHistory, Name, Tie, resolve},
        statement::Version,
    },
    store::{
        fold, members,
        row::{Member, Person, PersonAspect, PersonPast, SourceAspect},
        working_set::{HandOver, Versioned, WorkingSet},
    },
};

/// Gives every person of the set, and everybody in `spoken_of`, a member; the members whose people or e-mail changed, those
/// among them who have become another's with it.
pub fn settle(set: &mut WorkingSet, spoken_of: &BTreeSet<Uuid>) -> BTreeSet<Uuid> {
    let before: BTreeMap<Uuid, Person> = set
        .persons
        .iter()
        .filter(|(id, person)| !person.member_id.is_nil() || spoken_of.contains(id))
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
        if describe(set, member, cluster, kept.is_none()) {
            due.insert(member);
            readdressed.extend(cluster.email.clone().map(|email| (member, email)));
        }
        for (id, _) in &cluster.people {
            due.extend(move_person(set, *id, member));
        }
    }
    merge_leftovers(set, &before, &taken);
    due.extend(hand_over(set, &readdressed));
    // Those who are nobody's any more as well: whoever works on them at this moment may leave something in Kisi.
    due
}

/// All that was ever said of these people's e-mails, and what ended them.
fn history(set: &WorkingSet, people: &BTreeMap<Uuid, Person>) -> IdentityHistory {
    let name = |person: &Person| -> Name { (person.source_id, person.external_id.clone()) };
    let versions = set.email_words.values().flatten();
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
    let told: BTreeSet<Uuid> = emails.iter().map(|email| email.person).collect();
    let silent = people.keys().filter(|id| !told.contains(id)).copied();
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

/// What ended a person's claims: a deletion, or a list of everybody that does not name the person. People known only as guests
/// stay, whatever a list does not name.
fn ends_of(set: &WorkingSet, person: &Person) -> Vec<Version> {
    let standing = |aspect| {
        let row = set.person_words.standing(&(person.id, aspect));
        row.map(Versioned::version)
    };
    let deleted = standing(PersonAspect::Deleted);
    if person.guest_only {
        return deleted.into_iter().collect();
    }
    // Whoever is known by nothing but memberships is named by a list of all memberships, or is gone.
    let of_their_own = [PersonAspect::Tags, PersonAspect::Companies];
    let is_more = of_their_own
        .into_iter()
        .any(|aspect| standing(aspect).is_some());
    let source = person.source_id.filter(|_| !is_more);
    let list = source.and_then(|source| set.floors.standing(&(source, SourceAspect::Memberships)));
    let list = list.map(Versioned::version);
    let unlisted = standing(PersonAspect::Unlisted);
    deleted.into_iter().chain(unlisted).chain(list).collect()
}

/// Which member each cluster goes on being, so that what was given or shut by hand stays with the person whom it was meant for:
/// a member stays with the people who are there and have an id, else with any of its people.
fn kept_members(
    clusters: &[IdentityCluster],
    before: &BTreeMap<Uuid, Person>,
) -> HashMap<usize, Uuid> {
    let mut heirs: BTreeMap<Uuid, (bool, usize, bool)> = BTreeMap::new();
    for (index, cluster) in clusters.iter().enumerate() {
        for (id, tie) in &cluster.people {
            let member = before.get(id).map(|person| person.member_id);
            if let Some(member) = member.filter(|id| !id.is_nil()) {
                let rank = (*tie != Tie::Living, index, *tie == Tie::Address);
                let heir = heirs.entry(member).or_insert(rank);
                *heir = (*heir).min(rank);
            }
        }
    }
    // Of several that become one, the oldest stays; before those who were known by an address alone.
    let mut kept: HashMap<usize, (bool, Uuid)> = HashMap::new();
    for (member, (_, index, is_address)) in heirs {
        let candidate = (is_address, member);
        let best = kept.entry(index).or_insert(candidate);
        *best = (*best).min(candidate);
    }
    let kept = kept.into_iter();
    kept.map(|(index, (_, member))| (index, member)).collect()
}

/// Makes a person one of this member's; the members whom that changes.
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

/// A member none of whose people are left has become the member of the first of them.
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

/// What Kisi holds for an address is the member's whose address it is now: Kisi knows people by nothing else. Those who may
/// have had it.
fn hand_over(set: &mut WorkingSet, readdressed: &[(Uuid, String)]) -> BTreeSet<Uuid> {
    let mut bearers: HashMap<&str, BTreeSet<Uuid>> = HashMap::new();
    let wanted: BTreeSet<&str> = readdressed.iter().map(|(_, e)| e.as_str()).collect();
    for row in set.email_words.values().flatten() {
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

/// Writes down what follows for a member; whether the e-mail is another one.
fn describe(set: &mut WorkingSet, id: Uuid, cluster: &IdentityCluster, is_new: bool) -> bool {
    let names = cluster
        .people
        .iter()
        .filter_map(|(person, _)| set.person_words.standing(&(*person, PersonAspect::Name)));
    let name = names
        .max_by_key(|word| word.version())
        .and_then(|word| word.value.clone());
    let external = cluster
        .people
        .first()
        .and_then(|(person, _)| set.persons.get(person));
    let name = name
        .or_else(|| cluster.email.clone())
        .or_else(|| external.map(|person| person.external_id.clone()))
        .unwrap_or_default();
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
        created_at: set.members.get(&id).map_or(set.now, |old| old.created_at),
    };
    let old = set.members.get(&id);
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
            "message": "No platform gives an e-mail address, and Kisi knows people by nothing else: \
                        add one at the platform.",
        }));
    }
    if let Some(email) = &cluster.contested {
        problems.push(json!({
            "code": "CONTESTED_EMAIL",
            "message": format!(
                "A platform says {email}, which is another member's. Nobody was merged: mend the address at one of the platforms."
            ),
        }));
    }
    if cluster.is_shared {
        problems.push(json!({
            "code": members::TWO_PEOPLE,
            "message": "One platform has two people under this e-mail address. Kisi takes them for one, so each may pass \
                        where the other may: give them addresses of their own at the platform.",
        }));
    }
    (!problems.is_empty()).then(|| serde_json::Value::from(problems).to_string())
}
