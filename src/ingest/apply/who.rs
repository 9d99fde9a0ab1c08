//! Settles who is who after a batch: parts the people at hand into members, keeps the members that there are, makes those
//! that are new, and writes down what follows for each: name, e-mail, and what a human has to look at.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::json;
use uuid::Uuid;

use crate::{
    clock::new_id,
    ingest::identity::{EmailWord, Somebody, resolve},
    store::{
        fold,
        row::{Member, Person, PersonAspect, PersonPast},
        working_set::{Versioned, WorkingSet},
    },
};

/// Gives every person of the set, and everybody in `spoken_of`, a member; the members whose people or e-mail changed, those
/// among them who have become another's with it.
pub fn settle(set: &mut WorkingSet, spoken_of: &BTreeSet<Uuid>) -> BTreeSet<Uuid> {
    let real: BTreeMap<Uuid, Person> = set
        .persons
        .iter()
        .filter(|(id, person)| !person.member_id.is_nil() || spoken_of.contains(id))
        .map(|(id, person)| (*id, person.clone()))
        .collect();
    let words: Vec<EmailWord> = set
        .email_words
        .values()
        .flatten()
        .filter_map(|word| {
            let person = real.get(&word.person_id)?;
            let name = (person.source_id, person.external_id.clone());
            Some(EmailWord {
                version: word.version(),
                person: person.id,
                name,
                email: word.value.clone(),
            })
        })
        .collect();
    let told: HashSet<Uuid> = words.iter().map(|word| word.person).collect();
    let silent: Vec<Uuid> = real
        .keys()
        .filter(|id| !told.contains(id))
        .copied()
        .collect();
    let everybody = resolve(words, silent);
    let mut taken: BTreeSet<Uuid> = BTreeSet::new();
    let mut due = BTreeSet::new();
    for somebody in &everybody {
        let before: BTreeSet<Uuid> = somebody
            .persons
            .iter()
            .filter_map(|id| real.get(id))
            .map(|p| p.member_id)
            .collect();
        let kept = before
            .iter()
            .copied()
            .find(|id| !id.is_nil() && !taken.contains(id));
        let member = kept.unwrap_or_else(new_id);
        taken.insert(member);
        describe(set, member, somebody, kept.is_none(), &mut due);
        for id in &somebody.persons {
            let Some(person) = set.persons.get_mut(id) else {
                continue;
            };
            if person.member_id != member {
                due.extend(
                    [person.member_id, member]
                        .into_iter()
                        .filter(|id| !id.is_nil()),
                );
                if !person.member_id.is_nil() {
                    set.changed.moved.push(PersonPast {
                        id: new_id(),
                        club_id: set.scope.club,
                        person_id: *id,
                        member_id: person.member_id,
                        superseded_at: set.now,
                    });
                }
                person.member_id = member;
                set.changed.persons.insert(*id);
            }
        }
    }
    merge_leftovers(set, &real, &taken);
    // Those who are nobody's any more as well: whoever works on them at this moment may leave something in Kisi.
    due
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

fn describe(
    set: &mut WorkingSet,
    id: Uuid,
    somebody: &Somebody,
    is_new: bool,
    due: &mut BTreeSet<Uuid>,
) {
    let names = somebody
        .persons
        .iter()
        .filter_map(|person| set.person_words.standing(&(*person, PersonAspect::Name)));
    let name = names
        .max_by_key(|word| word.version())
        .and_then(|word| word.value.clone());
    let external = somebody
        .persons
        .first()
        .and_then(|person| set.persons.get(person));
    let name = name
        .or_else(|| somebody.email.clone())
        .or_else(|| external.map(|person| person.external_id.clone()))
        .unwrap_or_default();
    let row = Member {
        id,
        club_id: set.scope.club,
        folded_name: fold(&name),
        search: fold(&format!(
            "{name} {}",
            somebody.email.as_deref().unwrap_or_default()
        )),
        name,
        email: somebody.email.clone(),
        problems: problems(somebody),
        created_at: set.members.get(&id).map_or(set.now, |old| old.created_at),
    };
    let old = set.members.get(&id);
    if old == Some(&row) {
        return;
    }
    if old.is_none_or(|old| old.email != row.email) {
        due.insert(id);
    }
    if is_new {
        set.changed.new_members.insert(id);
    }
    set.changed.members.insert(id);
    set.members.insert(id, row);
}

fn problems(somebody: &Somebody) -> Option<String> {
    let mut problems = Vec::new();
    if somebody.email.is_none() {
        problems.push(json!({
            "code": "NO_EMAIL",
            "message": "No platform gives an e-mail address, and Kisi knows people by nothing else: \
                        add one at the platform.",
        }));
    }
    if let Some(email) = &somebody.contested {
        problems.push(json!({
            "code": "CONTESTED_EMAIL",
            "message": format!(
                "A platform says {email}, which is another member's. Nobody was merged: mend the address at one of the platforms."
            ),
        }));
    }
    if somebody.shared {
        problems.push(json!({
            "code": "TWO_PEOPLE_ONE_EMAIL",
            "message": "One platform has two people under this e-mail address. Kisi takes them for one, so each may pass \
                        where the other may: give them addresses of their own at the platform.",
        }));
    }
    (!problems.is_empty()).then(|| serde_json::Value::from(problems).to_string())
}
