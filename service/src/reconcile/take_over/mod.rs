//! Previews the effects of managing a group on the people in it: who is adopted, kept, removed and newly granted. It applies the
//! loop's own planner to a list read from Kisi, so that the preview and the result agree.
//!
//! It writes nothing to Kisi, and to the database only in [`Confirmed::write`]. Called by the API: by the preview of a group, and
//! by the mutation that manages one.

use std::{collections::HashMap, time::Duration};

use access::{Instant, Span, Step};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    account_snapshot::AccountSnapshot,
    execute::window_of,
    member_state::{self, MemberState},
};
use crate::{
    app::App,
    kisi::Assignment,
    store::{
        ClubScope, StoreError,
        convert::{self, id},
        fold, members,
        page::Key,
        row::{self, StrangerPolicy},
    },
};

mod confirmed;
mod others;
mod people;
mod reading;

pub use super::adoption::is_adoptable;
pub use confirmed::{Confirmed, PreviewToken};
use others::Others;
pub use people::{People, compare, order};
pub use reading::{ReadError, Reading, Readings, read};

/// How many members are loaded at once.
const CHUNK: usize = 500;

/// A group to manage, with its policy for strangers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub group: Uuid,
    /// What happens to external assignments that the rules do not want.
    pub strangers: StrangerPolicy,
}

/// What happens to a person's access to the group.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// An external assignment becomes managed by this service, because the rules want it.
    Adopted,
    /// An external assignment stays as it is.
    Kept,
    /// An external assignment is removed.
    Removed,
    /// The rules want the member in, and Kisi has no assignment to adopt.
    Granted,
}

/// A person in a preview: the holder of an existing assignment, or a member without one.
#[derive(Clone, Debug)]
pub struct Person {
    /// What happens to the access.
    pub fate: Fate,
    /// `None` for a stranger.
    pub member: Option<Uuid>,
    /// The member's name, else the one in Kisi; empty if Kisi shows none.
    pub name: String,
    /// The member's e-mail, else the one in Kisi; empty if Kisi shows none.
    pub email: String,
    /// Kisi's id of the assigned role, such as `group_basic`; `None` without an assignment, or if the role is not known.
    pub role: Option<String>,
    /// The window of the assignment; `None` without an assignment.
    pub held: Option<Span>,
    /// When the rules want the member in, up to the horizon. Only for adopted and granted members.
    pub wanted: Vec<Span>,
    /// When open access will end, if that is earlier than in Kisi now. Only for adopted members.
    ends_early: Option<Instant>,
    /// Kisi's id of the assignment; `None` without one.
    assignment: Option<i64>,
    /// The sort key.
    key: Key,
}

/// The effects of managing a group.
pub struct Preview {
    /// Whether the group has an enabled rule. Without one, nobody is removed.
    pub has_rule: bool,
    /// Ordered by name, then by id.
    people: Vec<Person>,
    /// The assignments in the group that are not stored yet.
    others: Others,
}

impl Preview {
    /// The number of people with a fate.
    pub fn count(&self, fate: Fate) -> usize {
        self.with_fate(fate).count()
    }

    fn with_fate(&self, fate: Fate) -> impl DoubleEndedIterator<Item = &Person> {
        self.people.iter().filter(move |person| person.fate == fate)
    }

    /// A hash of the people with their fates and early ends.
    fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut all: Vec<_> = self.people.iter().map(Person::identity).collect();
        all.sort_unstable();
        for (fate, assignment, member, ends_early) in all {
            hash.update([fate as u8]);
            hash.update(ends_early.map_or(0, Instant::micros).to_be_bytes());
            hash.update(assignment.unwrap_or_default().to_be_bytes());
            hash.update(member.unwrap_or_default());
        }
        hash.finalize().into()
    }
}

impl Person {
    fn identity(&self) -> (Fate, Option<i64>, Option<Uuid>, Option<Instant>) {
        (self.fate, self.assignment, self.member, self.ends_early)
    }

    /// Adds when the rules want the member in, and whether open access ends early.
    fn adopted(mut self, wanted: Vec<Span>, now: Instant) -> Self {
        let open = wanted.iter().find(|window| window.contains(now));
        let end = open.map_or(now, |window| window.whole_seconds().until);
        let is_lost = |held: &Span| held.contains(now) && end < held.until;
        self.ends_early = self.held.filter(is_lost).map(|_| end);
        self.wanted = wanted;
        self
    }

    fn assigned(
        fate: Fate,
        member: Option<Uuid>,
        name_and_email: (&str, &str),
        row: &Assignment,
    ) -> Self {
        Self {
            role: Some(row.role_id.clone()),
            ..Self::with_assignment(fate, member, name_and_email, (window_of(row), row.id))
        }
    }

    /// The holder of an assignment with this window and this id in Kisi.
    pub fn with_assignment(
        fate: Fate,
        member: Option<Uuid>,
        (name, email): (&str, &str),
        (held, kisi_id): (Span, i64),
    ) -> Self {
        let folded = fold(if name.is_empty() { email } else { name });
        Self {
            fate,
            member,
            name: name.to_owned(),
            email: email.to_owned(),
            role: None,
            held: Some(held),
            wanted: Vec::new(),
            ends_early: None,
            assignment: Some(kisi_id),
            key: Key {
                name: folded,
                id: Uuid::from_u128(u128::from(kisi_id.unsigned_abs())),
            },
        }
    }

    fn newly_granted(member: &row::Member, wanted: Vec<Span>) -> Self {
        Self {
            fate: Fate::Granted,
            member: Some(member.id),
            name: member.name.clone(),
            email: member.email.clone().unwrap_or_default(),
            role: None,
            held: None,
            wanted,
            ends_early: None,
            assignment: None,
            key: Key {
                name: member.folded_name.clone(),
                id: member.id,
            },
        }
    }
}

/// Computes the effects that managing a group would have now, on the people in the list read from Kisi and on all members. All
/// members are evaluated; each batch waits for a permit of `turns`.
pub async fn preview(
    app: &App,
    account: row::KisiAccount,
    group: &row::Group,
    strangers: StrangerPolicy,
    reading: &Reading,
    turns: &Semaphore,
) -> Result<Preview, StoreError> {
    let now = app.clock.now();
    let scope = ClubScope::new(account.club_id);
    let others = Others::of(app, &account, group, reading).await?;
    let managed_group = row::Group {
        managed: true,
        strangers,
        read_at: Some(now.micros()),
        evaluated_at: Some(now.micros()),
        ..group.clone()
    };
    let group = group.id;
    let snapshot = AccountSnapshot::with_groups(&app.db, account, vec![managed_group]).await?;
    let mut builder = PreviewBuilder {
        snapshot: &snapshot,
        group,
        others: &others,
        rows: reading.rows.iter().map(|row| (row.id, row)).collect(),
        now,
        horizon: app.config.horizon,
        people: Vec::new(),
    };
    let everybody = members::ids(app.db.read(), scope).await?;
    for ids in everybody.chunks(CHUNK) {
        // The semaphore is never closed.
        let _turn = turns.acquire().await.ok();
        let due = ids.iter().map(|id| synthetic_due(&snapshot, *id)).collect();
        for member_state in
            member_state::load(&app.db, &snapshot, due, now, builder.horizon).await?
        {
            builder.member(member_state);
        }
        tokio::task::yield_now().await;
    }
    builder.strangers();
    let mut people = builder.people;
    people.sort_by(|one, other| people::order(one).cmp(&people::order(other)));
    Ok(Preview {
        has_rule: snapshot.has_rule(group),
        people,
        others,
    })
}

/// Collects the people of a preview.
struct PreviewBuilder<'a> {
    snapshot: &'a AccountSnapshot,
    group: Uuid,
    others: &'a Others,
    /// The assignments in Kisi, by Kisi's id.
    rows: HashMap<i64, &'a Assignment>,
    now: Instant,
    horizon: Duration,
    people: Vec<Person>,
}

impl PreviewBuilder<'_> {
    /// Adds a member, treated as the loop would: wanted assignments are adopted, then the plan is made.
    fn member(&mut self, mut member_state: MemberState) {
        self.others.apply_to(&mut member_state);
        // Held revocations are ignored, because confirming the preview approves them.
        member_state.revocations.clear();
        let Some(member) = member_state.member.clone() else {
            return;
        };
        let adopted = member_state.adoptable_grants(self.snapshot, self.now);
        for grant in &mut member_state.grants {
            if adopted.contains(&grant.id) {
                (grant.external, grant.adopted) = (false, true);
            }
        }
        let scope = access::AccessScope::Group(id(self.group));
        let plan = member_state.plan(self.snapshot, self.now, self.horizon);
        let desired = member_state.desired(self.snapshot);
        let desired = desired.into_iter().find(|wish| wish.scope == scope);
        let wanted: Vec<Span> = desired.map_or_else(Vec::new, |wish| {
            let ahead = wish.windows.iter().filter(|window| window.until > self.now);
            ahead.copied().collect()
        });
        for grant in member_state
            .grants
            .iter()
            .filter(|grant| grant.scope_id == self.group)
        {
            let Some(row) = grant.kisi_id.and_then(|id| self.rows.get(&id)) else {
                continue;
            };
            let id = convert::grant(grant).id;
            let is_changed =
                |step: &Step| matches!(*step, Step::Change { grant, .. } if grant == id);
            let is_deleted = |step: &Step| *step == Step::Delete { grant: id };
            let fate = if adopted.contains(&grant.id) {
                Fate::Adopted
            } else if !grant.external {
                // This service manages it already.
                continue;
            } else if plan.steps.iter().any(is_changed) {
                Fate::Adopted
            } else if plan.steps.iter().any(is_deleted) {
                Fate::Removed
            } else {
                Fate::Kept
            };
            let email = member.email.as_deref().unwrap_or(&row.email);
            let name_and_email = (member.name.as_str(), email);
            let person = Person::assigned(fate, Some(member.id), name_and_email, row);
            self.people.push(match fate {
                Fate::Adopted => person.adopted(wanted.clone(), self.now),
                _ => person,
            });
        }
        let is_created =
            |step: &Step| matches!(*step, Step::Create { scope: at, .. } if at == scope);
        if plan.steps.iter().any(is_created) && !member_state.has_own_grant(scope) {
            self.people.push(Person::newly_granted(&member, wanted));
        }
    }

    /// Adds strangers, and members with another role.
    fn strangers(&mut self) {
        let fate = if self.snapshot.removes_strangers(self.group) {
            Fate::Removed
        } else {
            Fate::Kept
        };
        let all = self.others.strangers.iter();
        let rows = all.filter_map(|(member, id)| Some((*member, *self.rows.get(id)?)));
        let people: Vec<Person> = rows
            .map(|(member, row)| Person::assigned(fate, member, (&row.name, &row.email), row))
            .collect();
        self.people.extend(people);
    }
}

/// A due row for a member without a cause, which is not stored.
fn synthetic_due(snapshot: &AccountSnapshot, member: Uuid) -> row::Due {
    row::Due {
        account_id: snapshot.account.id,
        member_id: member,
        club_id: snapshot.scope.club,
        due_at: 0,
        generation: 0,
        settled_generation: 0,
        lane: None,
        attempts: 0,
        cause: String::new(),
        cause_id: Uuid::nil(),
        cause_delivery: None,
        cause_rule: None,
        cause_actor: None,
        brake_policy: row::BrakePolicy::Enforce,
    }
}
