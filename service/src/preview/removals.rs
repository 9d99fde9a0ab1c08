//! Assignments that somebody else made in Kisi and that an edit of a rule removes. A managed group whose policy for strangers is
//! `Remove` removes what its rules do not want from its first enabled rule on, so the edit that gives it that rule takes access
//! from people who are not affected by the rule itself. Called by previews.

use std::collections::{BTreeSet, HashMap};

use access::{Instant, Rule, SpanSet, Target};
use uuid::Uuid;

use super::RuleDiff;
use crate::{
    reconcile::take_over::{self, Fate, Person},
    store::{
        Connection, StoreError,
        convert::{self, row_id},
        members, row, sweep,
    },
};

/// A stored assignment that somebody else made, in the target with this index.
#[derive(Debug)]
pub(super) struct HandMade {
    target: usize,
    grant: row::Grant,
}

impl HandMade {
    /// The member; `None` for a stranger.
    fn member(&self) -> Option<Uuid> {
        let grant = &self.grant;
        (grant.member_id != grant.kisi_user_id).then_some(grant.member_id)
    }
}

/// When the rules want a member in, by member and index of the target.
pub(super) type Wanted = HashMap<(Uuid, usize), SpanSet>;

/// The assignments by others in the groups that get their first enabled rule, without those that are over.
pub(super) async fn hand_made(
    connection: &impl Connection,
    diff: &RuleDiff,
) -> Result<Vec<HandMade>, StoreError> {
    let mut all = Vec::new();
    for (target, group) in first_ruled(diff) {
        let at = (row::ScopeKind::Group, group.id);
        let grants = sweep::grants_at(connection, diff.scope, group.account_id, at).await?;
        let is_open = |grant: &row::Grant| convert::grant(grant).window.until > diff.at;
        let others = grants
            .into_iter()
            .filter(|grant| grant.external && is_open(grant));
        all.extend(others.map(|grant| HandMade { target, grant }));
    }
    all.sort_by_key(|hand_made| hand_made.grant.id);
    Ok(all)
}

/// The managed groups that remove what their rules do not want, and get their first enabled rule by the edit.
fn first_ruled(diff: &RuleDiff) -> impl Iterator<Item = (usize, &row::Group)> {
    let targets = diff.targets.iter().enumerate();
    targets.filter_map(|(index, target)| {
        let Target::Group(group) = *target else {
            return None;
        };
        let group = diff.access_context.layout.group(row_id(group))?;
        let removes = group.managed && group.strangers == row::StrangerPolicy::Remove;
        let rules = |rule: &Rule| {
            rule.target == *target && rule.current().is_some_and(|version| version.enabled)
        };
        let had = diff.other_rules(*target).into_iter().any(rules)
            || diff.before.as_ref().is_some_and(rules);
        let gets = diff.after.as_ref().is_some_and(rules);
        (removes && !had && gets).then_some((index, group))
    })
}

/// The members with such an assignment.
pub(super) fn holders(diff: &RuleDiff) -> BTreeSet<Uuid> {
    let hand_made = diff.hand_made.iter();
    hand_made.filter_map(HandMade::member).collect()
}

/// The ids of the assignments, for the fingerprint of what a preview depends on.
pub(super) fn ids(diff: &RuleDiff) -> impl Iterator<Item = Uuid> {
    diff.hand_made.iter().map(|hand_made| hand_made.grant.id)
}

/// The people whose assignments are removed: those that the rules do not let in with them. `wanted` is when the edited rules want
/// the holders in.
pub(super) async fn removed(
    connection: &impl Connection,
    diff: &RuleDiff,
    wanted: &Wanted,
) -> Result<Vec<Person>, StoreError> {
    let going = diff.hand_made.iter();
    let going: Vec<&HandMade> = going
        .filter(|hand_made| !is_adopted(hand_made, wanted, diff.at))
        .collect();
    let ids: Vec<Uuid> = going.iter().filter_map(|it| it.member()).collect();
    let names = members::names(connection, diff.scope, &ids).await?;
    let users: Vec<Uuid> = going.iter().map(|it| it.grant.kisi_user_id).collect();
    let users = sweep::users(connection, diff.scope, &users).await?;
    let emails: HashMap<Uuid, String> = users.into_iter().map(|it| (it.id, it.email)).collect();
    let empty = String::new();
    let person = |hand_made: &HandMade| {
        let member = hand_made.member();
        let name = member.and_then(|id| names.get(&id)).unwrap_or(&empty);
        let email = emails.get(&hand_made.grant.kisi_user_id).unwrap_or(&empty);
        let held = convert::grant(&hand_made.grant).window;
        let kisi_id = hand_made.grant.kisi_id.unwrap_or_default();
        Person::with_assignment(Fate::Removed, member, (name, email), (held, kisi_id))
    };
    let mut people: Vec<Person> = going.into_iter().map(person).collect();
    people.sort_by(|one, other| take_over::order(one).cmp(&take_over::order(other)));
    Ok(people)
}

/// Whether the reconcile loop would adopt the assignment.
fn is_adopted(hand_made: &HandMade, wanted: &Wanted, now: Instant) -> bool {
    let window = convert::grant(&hand_made.grant).window;
    let of_member = |member| wanted.get(&(member, hand_made.target));
    let wanted = hand_made.member().and_then(of_member);
    wanted.is_some_and(|spans| take_over::is_adoptable(&window, spans, now))
}
