//! What managing a group would do to the people who are in it in Kisi, before it is managed: who is adopted, who is left as
//! they are, who is removed and who is newly granted. Judged by the very plan that would be carried out, on a list that was
//! read of Kisi, so that the preview and the work cannot differ.
//!
//! Promises that nothing is written to Kisi, and to the database only what [`Confirmed::write`] is asked for. Called by the
//! API's preview of a group, and by the mutation that manages one.

use std::{collections::HashMap, time::Duration};

use access::{Instant, Span, Step};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    execute::window_of,
    member_state::{self, AccountSnapshot, MemberState, known},
};
use crate::{
    app::App,
    kisi::Assignment,
    store::{
        ClubScope, StoreError, fold, members,
        page::Key,
        row::{self, StrangerPolicy},
    },
};

mod confirmed;
mod others;
mod people;
mod reading;

pub use confirmed::{Confirmed, PreviewToken};
use others::Others;
pub use people::People;
pub use reading::{ReadError, Reading, Readings, read};

/// How many members are held in memory at once.
const CHUNK: usize = 500;

/// A group, and what is to become of the strangers in it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The group.
    pub group: Uuid,
    /// What becomes of those who are there by somebody else's doing.
    pub strangers: StrangerPolicy,
}

/// What becomes of somebody's access to the group.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// An assignment that somebody else made becomes this service's, since the rules want it.
    Adopted,
    /// An assignment of somebody else's stays as it is.
    Kept,
    /// An assignment of somebody else's is removed.
    Removed,
    /// The rules want the member in, and Kisi has no assignment that could be adopted.
    Granted,
}

/// Somebody in a preview: an assignment that is there, or a member who has none.
#[derive(Clone, Debug)]
pub struct Person {
    /// What becomes of it.
    pub fate: Fate,
    /// The member; none for somebody whom no source names.
    pub member: Option<Uuid>,
    /// The member's name, else Kisi's; empty where Kisi shows none.
    pub name: String,
    /// The member's e-mail, else Kisi's; empty where Kisi shows none.
    pub email: String,
    /// Kisi's id of the role that is held, such as `group_basic`; none where nothing is held.
    pub role: Option<String>,
    /// When Kisi lets the person in now; none where nothing is held.
    pub held: Option<Span>,
    /// When the rules want the member in, up to the horizon; only of those who are adopted or granted.
    pub wanted: Vec<Span>,
    /// When access that is open now is to end earlier than Kisi holds it; only of those who are adopted.
    ends_early: Option<Instant>,
    /// Kisi's id of the assignment; none where nothing is held.
    assignment: Option<i64>,
    /// Where the person stands among the others.
    key: Key,
}

/// What managing a group would do.
pub struct Preview {
    /// Whether an enabled rule is about the group: before there is one, nobody is removed.
    pub has_rule: bool,
    /// By name, then by id.
    people: Vec<Person>,
    /// What is in the group, for the database.
    others: Others,
}

impl Preview {
    /// How many share a fate.
    pub fn count(&self, fate: Fate) -> usize {
        self.of(fate).count()
    }

    fn of(&self, fate: Fate) -> impl DoubleEndedIterator<Item = &Person> {
        self.people.iter().filter(move |person| person.fate == fate)
    }

    /// Equal while the same people share the same fates, and lose the same of what is open.
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

    /// With when the rules want the member in.
    fn adopted(mut self, wanted: Vec<Span>, now: Instant) -> Self {
        let open = wanted.iter().find(|window| window.contains(now));
        let end = open.map_or(now, |window| window.whole_seconds().until);
        let is_lost = |held: &Span| held.contains(now) && end < held.until;
        self.ends_early = self.held.filter(is_lost).map(|_| end);
        self.wanted = wanted;
        self
    }

    /// Somebody who holds an assignment.
    fn holding(
        fate: Fate,
        member: Option<Uuid>,
        (name, email): (&str, &str),
        row: &Assignment,
    ) -> Self {
        let folded = fold(if name.is_empty() { email } else { name });
        Self {
            fate,
            member,
            name: name.to_owned(),
            email: email.to_owned(),
            role: Some(row.role_id.clone()),
            held: Some(window_of(row)),
            wanted: Vec::new(),
            ends_early: None,
            assignment: Some(row.id),
            key: Key {
                name: folded,
                id: Uuid::from_u128(u128::from(row.id.unsigned_abs())),
            },
        }
    }

    /// A member who holds nothing yet.
    fn to_grant(member: &row::Member, wanted: Vec<Span>) -> Self {
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

/// What managing a group would do now, to those whom Kisi was read to have in it and to all members. Everybody is evaluated, in
/// the turns that are given.
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
    let taken_over = row::Group {
        managed: true,
        strangers,
        read_at: Some(now.micros()),
        evaluated_at: Some(now.micros()),
        ..group.clone()
    };
    let group = group.id;
    let snapshot = AccountSnapshot::of_groups(&app.db, account, vec![taken_over]).await?;
    let mut outcome = Outcome {
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
        // It is never closed.
        let _turn = turns.acquire().await.ok();
        let due = ids.iter().map(|id| nothing_due(&snapshot, *id)).collect();
        for member_state in member_state::load(&app.db, &snapshot, due).await? {
            outcome.member(member_state);
        }
        tokio::task::yield_now().await;
    }
    outcome.strangers();
    let mut people = outcome.people;
    people.sort_by(|one, other| people::order(one).cmp(&people::order(other)));
    Ok(Preview {
        has_rule: snapshot.has_rule(group),
        people,
        others,
    })
}

/// What is found out, person by person.
struct Outcome<'a> {
    snapshot: &'a AccountSnapshot,
    group: Uuid,
    others: &'a Others,
    /// What Kisi holds, by its id.
    rows: HashMap<i64, &'a Assignment>,
    now: Instant,
    horizon: Duration,
    people: Vec<Person>,
}

impl Outcome<'_> {
    /// As the loop would treat a member: what the rules want is adopted, and the rest is planned.
    fn member(&mut self, mut member_state: MemberState) {
        self.others.add_to(&mut member_state);
        // What the brake holds of it is the admin's to say now.
        member_state.revocations.clear();
        let Some(member) = member_state.member.clone() else {
            return;
        };
        let adopted = member_state.to_adopt(self.snapshot, self.now, self.horizon);
        for grant in &mut member_state.grants {
            if adopted.contains(&grant.id) {
                (grant.external, grant.adopted) = (false, true);
            }
        }
        let scope = access::AccessScope::Group(access::Id(self.group.as_u128()));
        let plan = member_state.plan(self.snapshot, self.now, self.horizon);
        let desired = member_state.desired(self.snapshot, self.now, self.horizon);
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
            let id = known(grant).id;
            let is_changed =
                |step: &Step| matches!(*step, Step::Change { grant, .. } if grant == id);
            let is_deleted = |step: &Step| *step == Step::Delete { grant: id };
            let fate = if adopted.contains(&grant.id) {
                Fate::Adopted
            } else if !grant.external {
                // This service's own already.
                continue;
            } else if plan.steps.iter().any(is_changed) {
                Fate::Adopted
            } else if plan.steps.iter().any(is_deleted) {
                Fate::Removed
            } else {
                Fate::Kept
            };
            let email = member.email.as_deref().unwrap_or(&row.email);
            let known = (member.name.as_str(), email);
            let person = Person::holding(fate, Some(member.id), known, row);
            self.people.push(match fate {
                Fate::Adopted => person.adopted(wanted.clone(), self.now),
                _ => person,
            });
        }
        let is_created =
            |step: &Step| matches!(*step, Step::Create { scope: at, .. } if at == scope);
        if plan.steps.iter().any(is_created) && !member_state.has_ours(scope) {
            self.people.push(Person::to_grant(&member, wanted));
        }
    }

    /// Those who are there and no members, or with another role.
    fn strangers(&mut self) {
        let fate = if self.snapshot.removes(self.group) {
            Fate::Removed
        } else {
            Fate::Kept
        };
        let all = self.others.strangers.iter();
        let rows = all.filter_map(|(member, id)| Some((*member, *self.rows.get(id)?)));
        let people: Vec<Person> = rows
            .map(|(member, row)| Person::holding(fate, member, (&row.name, &row.email), row))
            .collect();
        self.people.extend(people);
    }
}

/// As if a member were looked at now for no cause.
fn nothing_due(snapshot: &AccountSnapshot, member: Uuid) -> row::Due {
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
