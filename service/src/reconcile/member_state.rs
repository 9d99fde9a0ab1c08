//! The state of one member in one account: its facts, its Kisi users and grants, and the plan that follows from them. States are
//! loaded in batches; planning is pure and reads only the state and the account snapshot.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use access::{
    Abilities, AccessScope, Desired, Grant, Granularity, Id, Instant, Lane, Plan, Span, SpanSet,
    held_back, losses, plan,
};
use futures_util::future::try_join5;
use uuid::Uuid;

use super::{account_snapshot::AccountSnapshot, record::Write};
use crate::connect::DoorRoles;
use crate::store::{
    Db, StoreError,
    convert::{self, id},
    facts::{self, AsOf, Holdings},
    grants, lookup, revocations, row,
};

/// Members under a rule with a weekly schedule are planned daily, because a schedule never ends.
const DAY: Duration = Duration::from_hours(24);

pub struct MemberState {
    /// The due row that led here.
    pub due: row::Due,
    /// `None` for a stranger, or if the member was merged into another one.
    pub member: Option<row::Member>,
    /// The facts that rules are evaluated on.
    pub holdings: Holdings,
    /// The current and former Kisi users of the member.
    pub users: Vec<row::KisiUser>,
    /// The member's assignments in managed groups and of shares, including external ones.
    pub grants: Vec<row::Grant>,
    /// Open revocations, with the decisions of the brake.
    pub revocations: Vec<row::Revocation>,
    /// When the rules and shares let the member in, by scope. Evaluated once, when the state was loaded.
    pub evaluation: Vec<Desired>,
    /// Scopes in which Kisi refused something in this pass. Nothing else is tried there.
    pub refused_scopes: BTreeSet<AccessScope>,
    /// Whether one of these refusals may end by itself. The others need a person.
    pub has_temporary_refusal: bool,
    /// A coarser granularity on trial, because it may explain why a change of a window had no effect.
    pub tried_granularity: Option<Granularity>,
    /// Results of calls that are to be stored with the next intent, or when the member is settled.
    pub(super) queued: Vec<Write>,
}

/// What the loop has to do for a member in an account.
#[derive(Debug)]
pub enum Assessment {
    /// Nothing until this instant, if no fact changes before.
    Settled(Option<Instant>),
    /// Nothing until this is resolved.
    Blocked(Blocked),
    /// The steps of this plan.
    Plan(Plan),
}

/// What a blocked member waits for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// The outcome of a call is unknown and must be looked up in Kisi.
    UnknownAnswer,
    /// The first read of a group, which marks all members due.
    FirstReading,
    /// A revocation is pending at the brake. The rest is planned again at the instant, if any.
    Brake(Option<Instant>),
}

/// Loads the states of due members and evaluates the rules for each, from `now` to a day beyond `horizon`.
pub async fn load(
    db: &Db,
    snapshot: &AccountSnapshot,
    due: Vec<row::Due>,
    now: Instant,
    horizon: Duration,
) -> Result<Vec<MemberState>, StoreError> {
    let ids: Vec<Uuid> = due.iter().map(|row| row.member_id).collect();
    let (scope, account) = (snapshot.scope, snapshot.account.id);
    let (people, mut holdings, users, grants, revocations) = try_join5(
        lookup::by_ids::<row::Member>(db.read(), scope, &ids),
        Box::pin(facts::load(db.read(), scope, &ids, AsOf::Now)),
        grants::users_in(db.read(), scope, account, &ids),
        grants::grants_in(db.read(), scope, account, &ids),
        revocations::open(db.read(), scope, account, &ids),
    )
    .await?;
    let mut people: HashMap<Uuid, row::Member> =
        people.into_iter().map(|row| (row.id, row)).collect();
    let mut users = by_member(users, |row| row.member_id);
    let mut grants = by_member(grants, |row| row.member_id);
    let mut revocations = by_member(revocations, |row| row.member_id);
    let member_states = due.into_iter().map(|due| {
        let member = people.remove(&due.member_id);
        let holdings = holdings.remove(&due.member_id).unwrap_or_default();
        MemberState {
            evaluation: evaluation(snapshot, member.as_ref(), &holdings, now, horizon),
            member,
            holdings,
            users: users.remove(&due.member_id).unwrap_or_default(),
            grants: grants.remove(&due.member_id).unwrap_or_default(),
            revocations: revocations.remove(&due.member_id).unwrap_or_default(),
            refused_scopes: BTreeSet::new(),
            has_temporary_refusal: false,
            tried_granularity: None,
            queued: Vec::new(),
            due,
        }
    });
    Ok(member_states.collect())
}

fn by_member<R>(rows: Vec<R>, member: impl Fn(&R) -> Uuid) -> HashMap<Uuid, Vec<R>> {
    let mut by_member: HashMap<Uuid, Vec<R>> = HashMap::new();
    for row in rows {
        by_member.entry(member(&row)).or_default().push(row);
    }
    by_member
}

impl MemberState {
    /// Whether it is unknown what Kisi holds: the response to a call is not stored, or a list of Kisi's did not show a grant as
    /// stored.
    pub fn is_in_flight(&self) -> bool {
        self.grants.iter().any(is_open)
    }

    /// Whether a revocation of the member is pending at the brake. Until it is decided, the member is not settled.
    pub fn is_brake_pending(&self) -> bool {
        let is_asked = |row: &row::Revocation| row.state == row::RevocationState::Asked;
        self.revocations.iter().any(is_asked)
    }

    /// Whether this is a stranger: a Kisi user without a member who has an assignment in a managed group.
    pub fn is_stranger(&self) -> bool {
        self.member.is_none() && self.users.iter().any(|user| user.id == user.member_id)
    }

    /// The member's current Kisi user. Kisi identifies people by e-mail, so a member without one has none.
    pub fn user(&self) -> Option<&row::KisiUser> {
        if self.is_stranger() {
            return self.users.iter().find(|user| user.id == user.member_id);
        }
        let email = self.member.as_ref()?.email.as_deref()?;
        let mut users = self.users.iter().filter(|user| user.kisi_id.is_some());
        users.find(|user| user.email == email)
    }

    /// The calls to make. Access whose revocation is pending, held or dismissed at the brake stays in Kisi.
    pub fn plan(&self, snapshot: &AccountSnapshot, now: Instant, horizon: Duration) -> Plan {
        let user = self.user().map(|user| id(user.id));
        let mut grants = self.planned_grants(snapshot);
        grants.retain(|grant| !self.refused_scopes.contains(&grant.scope));
        let mut desired = self.desired(snapshot);
        desired.retain(|wish| {
            !self.refused_scopes.contains(&wish.scope) && !snapshot.is_unread(wish.scope)
        });
        let adopts_at = self.exclude_covered_by_others(snapshot, &mut desired);
        desired = held_back(&desired, &grants, &self.held_scopes());
        let check_at = self.accept_rounded_windows(snapshot, &desired, &mut grants, now);
        let abilities = Abilities {
            granularity: self.granularity(snapshot),
            ..snapshot.abilities()
        };
        for wish in &mut desired {
            keep_past_starts(wish, &grants, user, abilities.granularity, now);
        }
        let mut plan = plan(&desired, &grants, user, abilities, now, horizon);
        let tomorrow = snapshot.has_schedules.then(|| now.plus(DAY));
        let again_at = [plan.replan_at, tomorrow, adopts_at, check_at];
        plan.replan_at = again_at.into_iter().flatten().min();
        plan
    }

    /// What the loop has to do about the member in this account.
    pub fn assess(
        &self,
        snapshot: &AccountSnapshot,
        now: Instant,
        horizon: Duration,
    ) -> Assessment {
        if self.is_in_flight() {
            return Assessment::Blocked(Blocked::UnknownAnswer);
        }
        let mut plan = self.plan(snapshot, now, horizon);
        if !plan.steps.is_empty() {
            if self.is_brake_pending() {
                // The brake decides about all losses of a cause at once, so none of its members may wait in a slower lane.
                plan.lane = Lane::Revocation;
            }
            return Assessment::Plan(plan);
        }
        if self.is_waiting_for_reading(snapshot) {
            Assessment::Blocked(Blocked::FirstReading)
        } else if self.is_brake_pending() {
            Assessment::Blocked(Blocked::Brake(plan.replan_at))
        } else {
            Assessment::Settled(plan.replan_at)
        }
    }

    /// When to plan again a member that can be settled without being served; `None` if it must be served. A member with a grant
    /// that Kisi refused is served once more, which removes refused grants that are no longer wanted.
    pub fn settled_until(
        &self,
        snapshot: &AccountSnapshot,
        now: Instant,
        horizon: Duration,
    ) -> Option<Option<Instant>> {
        match self.assess(snapshot, now, horizon) {
            Assessment::Settled(again_at) => {
                let is_in_kisi = |grant: &row::Grant| grant.kisi_id.is_some();
                self.grants.iter().all(is_in_kisi).then_some(again_at)
            }
            Assessment::Blocked(_) | Assessment::Plan(_) => None,
        }
    }

    /// The scopes in which the plan, without the brake, would end open access early.
    pub fn losses(&self, snapshot: &AccountSnapshot, now: Instant) -> BTreeSet<AccessScope> {
        let mut grants = self.planned_grants(snapshot);
        self.use_requested_windows(&mut grants);
        if grants.iter().all(|grant| !grant.window.contains(now)) {
            return BTreeSet::new();
        }
        let mut desired = self.desired(snapshot);
        // Time beyond the end that exists only because of rounding is no early loss.
        for wish in &mut desired {
            let windows = wish.windows.iter();
            wish.windows = windows
                .map(|window| self.granularity(snapshot).outward(window))
                .collect();
        }
        losses(&desired, &grants, now)
    }

    fn held_scopes(&self) -> BTreeSet<AccessScope> {
        use row::RevocationState::{Asked, Dismissed, Held};
        let held = |row: &&row::Revocation| matches!(row.state, Asked | Held | Dismissed);
        self.revocations
            .iter()
            .filter(held)
            .map(convert::revoked_scope)
            .collect()
    }

    /// Whether Kisi has no role here that can only open doors, and yet holds an assignment of ours: an earlier version of this
    /// service assigned a role that can do more, which must be deleted.
    fn has_excess_role(&self, snapshot: &AccountSnapshot, scope: AccessScope) -> bool {
        let lacks_role = |roles: DoorRoles| match scope {
            AccessScope::Place(_) => roles.place.is_none(),
            AccessScope::Account(_) => roles.organization.is_none(),
            AccessScope::Group(_) => false,
        };
        DoorRoles::of_account(&snapshot.account).is_some_and(lacks_role)
            && self
                .planned_grants(snapshot)
                .iter()
                .any(|grant| grant.scope == scope)
    }

    /// When the member may pass, by scope, without scopes that have an excess role.
    pub(super) fn desired(&self, snapshot: &AccountSnapshot) -> Vec<Desired> {
        let is_possible = |wish: &&Desired| {
            matches!(wish.scope, AccessScope::Group(_))
                || !self.has_excess_role(snapshot, wish.scope)
        };
        self.evaluation
            .iter()
            .filter(is_possible)
            .cloned()
            .collect()
    }
}

/// Evaluates the rules and shares of a member: by managed group, and by place and account for shares.
fn evaluation(
    snapshot: &AccountSnapshot,
    member: Option<&row::Member>,
    holdings: &Holdings,
    now: Instant,
    horizon: Duration,
) -> Vec<Desired> {
    let is_known_to_kisi = |member: &&row::Member| member.email.is_some() && !snapshot.is_leaving;
    if member.filter(is_known_to_kisi).is_none() {
        return Vec::new();
    }
    // A day beyond the horizon, so that a window that begins just after it is planned in time.
    let around = Span::new(now, now.plus(horizon).plus(DAY));
    let facts = &holdings.facts;
    let managed =
        (snapshot.groups.values()).filter(|group| group.managed && group.gone_at.is_none());
    let places = snapshot.places.keys();
    let shared = places
        .map(|place| AccessScope::Place(id(*place)))
        .chain([AccessScope::Account(id(snapshot.account.id))])
        .filter(|scope| facts.shares.iter().any(|share| share.scope == *scope));
    managed
        .map(|group| AccessScope::Group(id(group.id)))
        .chain(shared)
        .map(|scope| Desired {
            scope,
            windows: snapshot.spans(facts, scope, around),
        })
        .collect()
}

/// Whether the state of a grant in Kisi is unknown.
pub fn is_open(grant: &row::Grant) -> bool {
    grant.intent != row::Intent::None || grant.missed_at.is_some()
}

/// Replaces wanted windows by those of existing grants if only their starts differ and both are in the past, which saves calls.
fn keep_past_starts(
    wish: &mut Desired,
    grants: &[Grant],
    user: Option<Id>,
    granularity: Granularity,
    now: Instant,
) {
    let rounded = |window: &Span| granularity.outward(window);
    // A window that has ended but for its rounding is left to the planner.
    let ahead = (wish.windows.iter()).filter(|window| rounded(window).until > now);
    let windows = ahead.map(|window| {
        let (whole, rounded) = (window.whole_seconds(), rounded(window));
        let same = grants.iter().find(|grant| {
            grant.scope == wish.scope
                && Some(grant.user) == user
                && (grant.window.until == whole.until || grant.window.until == rounded.until)
                && grant.window.from <= now
                && whole.from <= now
        });
        same.map_or(*window, |grant| grant.window)
    });
    wish.windows = SpanSet::of(windows.collect::<Vec<_>>());
}
