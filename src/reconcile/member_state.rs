//! One member's case in one account: what is known of the member, what Kisi is known to hold, and the plan that follows.
//! Loaded for many at once; planning is pure and reads nothing but the case.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use access::{
    Abilities, Ability, AccessScope, Desired, Grant, Granularity, Id, Instant, Lane, Plan, Rule,
    Span, SpanSet, Target, evaluate, held_back, losses, plan,
};
use futures_util::future::try_join5;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::connect::DoorRoles;
use crate::store::{
    self, Db, StoreError, clubs,
    facts::{self, AsOf, Holdings},
    grants, members, revocations, row, rules, setup,
};

/// Rules of the week never end, so whoever they reach is looked at daily.
const DAY: Duration = Duration::from_hours(24);

/// What is the same for every case of an account.
pub struct AccountSnapshot {
    /// The club.
    pub scope: store::ClubScope,
    /// The account as it is now.
    pub account: row::KisiAccount,
    /// Its groups, by id.
    pub groups: HashMap<Uuid, row::Group>,
    /// Its places, by id.
    pub places: HashMap<Uuid, row::Place>,
    /// The club's time zone.
    pub zone: TimeZone,
    /// The rules of each managed group.
    rules: HashMap<Uuid, Vec<Rule>>,
    /// What has been learned of Kisi's ways; the cases that are served at once learn together.
    abilities: Mutex<Abilities>,
    /// Whether a rule has times of the week.
    recurs: bool,
    /// Whether the account is being disconnected: nothing is desired there any more.
    is_leaving: bool,
}

/// See the module.
pub struct MemberState {
    /// The row that was due.
    pub due: row::Due,
    /// The member; none where it has become another.
    pub member: Option<row::Member>,
    /// What the member holds.
    pub holdings: Holdings,
    /// Who the member is, or was, in Kisi.
    pub users: Vec<row::KisiUser>,
    /// The assignments that are ours.
    pub grants: Vec<row::Grant>,
    /// What the brake was asked, and what it said.
    pub revocations: Vec<row::Revocation>,
    /// Scopes where Kisi refused in this pass: nothing more is tried there.
    pub refused: BTreeSet<AccessScope>,
    /// Whether one of those refusals passes with time; the others wait for somebody.
    pub passes: bool,
    /// A coarser granularity that may explain why a change changed nothing; it is not known yet whether it does.
    pub tried_granularity: Option<Granularity>,
}

impl AccountSnapshot {
    /// Reads what is the same for every case.
    pub async fn load(db: &Db, account: row::KisiAccount) -> Result<Self, StoreError> {
        let scope = store::ClubScope::new(account.club_id);
        let groups = setup::groups(db.read(), scope, account.id).await?;
        Self::of_groups(db, account, groups).await
    }

    /// As `load`, with these groups in the place of the stored ones.
    pub(super) async fn of_groups(
        db: &Db,
        account: row::KisiAccount,
        groups: Vec<row::Group>,
    ) -> Result<Self, StoreError> {
        let scope = store::ClubScope::new(account.club_id);
        let places = setup::places(db.read(), scope, account.id).await?;
        let mut by_group: HashMap<Uuid, Vec<Rule>> = HashMap::new();
        let mut recurs = false;
        for rule in rules::load(db.read(), scope, AsOf::Now).await? {
            let Target::Group(group) = rule.target else {
                continue;
            };
            let group = Uuid::from_u128(group.0);
            if groups
                .iter()
                .any(|row| row.id == group && row.managed && row.gone_at.is_none())
            {
                let conditions = rule
                    .current()
                    .into_iter()
                    .flat_map(|version| &version.conditions);
                recurs |= conditions
                    .into_iter()
                    .any(|one| matches!(one, access::Condition::Schedule(_)));
                by_group.entry(group).or_default().push(rule);
            }
        }
        let club = clubs::get(db.read(), scope).await?;
        let zone = club.and_then(|club| TimeZone::get(&club.time_zone).ok());
        Ok(Self {
            scope,
            zone: zone.unwrap_or(TimeZone::UTC),
            groups: groups.into_iter().map(|row| (row.id, row)).collect(),
            places: places.into_iter().map(|row| (row.id, row)).collect(),
            rules: by_group,
            recurs,
            abilities: Mutex::new(abilities(&account)),
            is_leaving: account.status == row::KisiStatus::Disconnecting,
            account,
        })
    }

    /// Whether an enabled rule is about a group.
    pub(super) fn has_rule(&self, group: Uuid) -> bool {
        let rules = self.rules.get(&group).into_iter().flatten();
        let mut current = rules.flat_map(Rule::current);
        current.any(|version| version.enabled)
    }

    /// What has been learned of Kisi's ways.
    pub fn abilities(&self) -> Abilities {
        *self.known_abilities()
    }

    fn known_abilities(&self) -> MutexGuard<'_, Abilities> {
        (self.abilities.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    /// Something more was learned; all that is known then.
    pub(super) fn learn(
        &self,
        change: Option<Ability>,
        duplicate_assignments: Option<Ability>,
    ) -> Abilities {
        let mut known = self.known_abilities();
        known.change_window = change.unwrap_or(known.change_window);
        known.duplicate_assignments = duplicate_assignments.unwrap_or(known.duplicate_assignments);
        *known
    }

    /// Kisi turned out to round windows to a unit of time; false where a coarser one is known.
    pub(super) fn learn_granularity(&self, unit: Granularity) -> bool {
        let mut known = self.known_abilities();
        let is_coarser = unit > known.granularity;
        if is_coarser {
            known.granularity = unit;
        }
        is_coarser
    }
}

fn abilities(account: &row::KisiAccount) -> Abilities {
    let ability = |stored| match stored {
        row::Ability::Unknown => Ability::Unknown,
        row::Ability::Yes => Ability::Yes,
        row::Ability::No => Ability::No,
    };
    Abilities {
        change_window: ability(account.change_window),
        duplicate_assignments: ability(account.duplicate_assignments),
        granularity: Granularity::from_seconds(account.granularity_s),
    }
}

/// Reads the cases of the members that are due.
pub async fn load(
    db: &Db,
    snapshot: &AccountSnapshot,
    due: Vec<row::Due>,
) -> Result<Vec<MemberState>, StoreError> {
    let ids: Vec<Uuid> = due.iter().map(|row| row.member_id).collect();
    let (scope, account) = (snapshot.scope, snapshot.account.id);
    let (people, mut holdings, all_users, all_grants, all_revocations) = try_join5(
        members::find_by_ids(db.read(), scope, &ids),
        Box::pin(facts::load(db.read(), scope, &ids, AsOf::Now)),
        grants::users_in(db.read(), scope, account, &ids),
        grants::grants_in(db.read(), scope, account, &ids),
        revocations::open(db.read(), scope, account, &ids),
    )
    .await?;
    let mut people: HashMap<Uuid, row::Member> =
        people.into_iter().map(|row| (row.id, row)).collect();
    let mut users: HashMap<Uuid, Vec<row::KisiUser>> = HashMap::new();
    for row in all_users {
        users.entry(row.member_id).or_default().push(row);
    }
    let mut held: HashMap<Uuid, Vec<row::Grant>> = HashMap::new();
    for row in all_grants {
        held.entry(row.member_id).or_default().push(row);
    }
    let mut asked: HashMap<Uuid, Vec<row::Revocation>> = HashMap::new();
    for row in all_revocations {
        asked.entry(row.member_id).or_default().push(row);
    }
    let member_states = due.into_iter().map(|due| MemberState {
        member: people.remove(&due.member_id),
        holdings: holdings.remove(&due.member_id).unwrap_or_default(),
        users: users.remove(&due.member_id).unwrap_or_default(),
        grants: held.remove(&due.member_id).unwrap_or_default(),
        revocations: asked.remove(&due.member_id).unwrap_or_default(),
        refused: BTreeSet::new(),
        passes: false,
        tried_granularity: None,
        due,
    });
    Ok(member_states.collect())
}

impl MemberState {
    /// Whether it is not known what Kisi holds: a call was made, or was about to be, and its answer is not stored; or a
    /// list of Kisi's missed what should be there.
    pub fn is_in_flight(&self) -> bool {
        self.grants.iter().any(is_open)
    }

    /// Whether the brake has not answered a question about the member yet. Until it does, the member is not settled.
    pub fn is_asking(&self) -> bool {
        let is_asked = |row: &row::Revocation| row.state == row::RevocationState::Asked;
        self.revocations.iter().any(is_asked)
    }

    /// Whether this is somebody whom no source names, and who has something in a group that is this service's own.
    pub fn is_stranger(&self) -> bool {
        self.member.is_none() && self.users.iter().any(|user| user.id == user.member_id)
    }

    /// The user in Kisi who is the member now. Kisi knows people by their addresses, so whoever has none is nobody there.
    pub fn user(&self) -> Option<&row::KisiUser> {
        if self.is_stranger() {
            return self.users.iter().find(|user| user.id == user.member_id);
        }
        let email = self.member.as_ref()?.email.as_deref()?;
        let mut known = self.users.iter().filter(|user| user.kisi_id.is_some());
        known.find(|user| user.email == email)
    }

    /// What Kisi has to be told. What the brake holds, or was asked and has not answered, Kisi goes on holding.
    pub fn plan(&self, snapshot: &AccountSnapshot, now: Instant, horizon: Duration) -> Plan {
        let user = self.user().map(|user| id(user.id));
        let mut grants = self.planned(snapshot);
        grants.retain(|grant| !self.refused.contains(&grant.scope));
        let mut desired = self.desired(snapshot, now, horizon);
        desired
            .retain(|wish| !self.refused.contains(&wish.scope) && !snapshot.is_unread(wish.scope));
        let adopts_at = self.covered_by_others(snapshot, &mut desired);
        desired = held_back(&desired, &grants, &self.held());
        let held_longer = self.count_answers(snapshot, &desired, &mut grants, now);
        let abilities = Abilities {
            granularity: self.granularity(snapshot),
            ..snapshot.abilities()
        };
        for wish in &mut desired {
            keep_past_starts(wish, &grants, user, abilities.granularity, now);
        }
        let mut plan = plan(&desired, &grants, user, abilities, now, horizon);
        let tomorrow = snapshot.recurs.then(|| now.plus(DAY));
        let again_at = [plan.replan_at, tomorrow, adopts_at, held_longer];
        plan.replan_at = again_at.into_iter().flatten().min();
        plan
    }

    /// Whether there is nothing to be done, asked or found out; when to look again then.
    pub fn at_rest(
        &self,
        snapshot: &AccountSnapshot,
        now: Instant,
        horizon: Duration,
    ) -> Option<Option<Instant>> {
        let in_kisi = |grant: &row::Grant| grant.kisi_id.is_some() && !is_open(grant);
        if self.is_asking()
            || !self.grants.iter().all(in_kisi)
            || self.is_waiting_for_reading(snapshot, now, horizon)
        {
            return None;
        }
        let plan = self.plan(snapshot, now, horizon);
        plan.steps.is_empty().then_some(plan.replan_at)
    }

    /// Where the member would lose access early if the plan were carried out unchecked.
    pub fn losses(
        &self,
        snapshot: &AccountSnapshot,
        now: Instant,
        horizon: Duration,
    ) -> BTreeSet<AccessScope> {
        let mut grants = self.planned(snapshot);
        self.as_given(&mut grants);
        if grants.iter().all(|grant| !grant.window.contains(now)) {
            return BTreeSet::new();
        }
        let mut desired = self.desired(snapshot, now, horizon);
        // What is given beyond its end by rounding alone is not lost early when it ends.
        for wish in &mut desired {
            let windows = wish.windows.iter();
            wish.windows = windows
                .map(|window| self.granularity(snapshot).outward(window))
                .collect();
        }
        losses(&desired, &grants, now)
    }

    fn held(&self) -> BTreeSet<AccessScope> {
        use row::RevocationState::{Asked, Dismissed, Held};
        let held = |row: &&row::Revocation| matches!(row.state, Asked | Held | Dismissed);
        self.revocations
            .iter()
            .filter(held)
            .map(revocations::target)
            .collect()
    }

    /// Whether Kisi holds an assignment here though it has no role for that which only opens doors: an earlier version gave one
    /// that can do more, which has to go.
    fn holds_too_much(&self, snapshot: &AccountSnapshot, scope: AccessScope) -> bool {
        let lacks_role = |roles: DoorRoles| match scope {
            AccessScope::Place(_) => roles.place.is_none(),
            AccessScope::Account(_) => roles.organization.is_none(),
            AccessScope::Group(_) => false,
        };
        DoorRoles::of_account(&snapshot.account).is_some_and(lacks_role)
            && self
                .planned(snapshot)
                .iter()
                .any(|grant| grant.scope == scope)
    }

    /// When the member may pass, by group, and by place and account for what was shared.
    pub(super) fn desired(
        &self,
        snapshot: &AccountSnapshot,
        now: Instant,
        horizon: Duration,
    ) -> Vec<Desired> {
        let Some(member) = self.member.as_ref().filter(|_| !snapshot.is_leaving) else {
            return Vec::new();
        };
        if member.email.is_none() {
            return Vec::new();
        }
        // A day beyond the horizon, so that what begins just after it is seen coming.
        let around = Span::new(now, now.plus(horizon).plus(DAY));
        let facts = &self.holdings.facts;
        let mut desired = Vec::new();
        for group in snapshot
            .groups
            .values()
            .filter(|group| group.managed && group.gone_at.is_none())
        {
            let scope = AccessScope::Group(id(group.id));
            let rules: Vec<&Rule> = snapshot
                .rules
                .get(&group.id)
                .into_iter()
                .flatten()
                .collect();
            let windows = evaluate(facts, &rules, &[scope], around).spans;
            desired.push(Desired { scope, windows });
        }
        let places = snapshot
            .places
            .keys()
            .map(|place| AccessScope::Place(id(*place)));
        for scope in places.chain([AccessScope::Account(id(snapshot.account.id))]) {
            if facts.shares.iter().any(|share| share.scope == scope)
                && !self.holds_too_much(snapshot, scope)
            {
                let windows = evaluate(facts, &[], &[scope], around).spans;
                desired.push(Desired { scope, windows });
            }
        }
        desired
    }
}

/// Whether Kisi has to be asked about a grant.
pub fn is_open(grant: &row::Grant) -> bool {
    grant.intent != row::Intent::None || grant.missed_at.is_some()
}

/// Where a window is open and only the past differs, Kisi need not be told.
fn keep_past_starts(
    wish: &mut Desired,
    grants: &[Grant],
    user: Option<Id>,
    granularity: Granularity,
    now: Instant,
) {
    let rounded = |window: &Span| granularity.outward(window);
    // Whether one that only rounding prolongs is over is for the plan to say.
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

/// A grant as the planner knows it.
pub fn known(row: &row::Grant) -> Grant {
    let of = id(row.scope_id);
    let scope = match row.scope_kind {
        row::ScopeKind::Group | row::ScopeKind::Lock => AccessScope::Group(of),
        row::ScopeKind::Place => AccessScope::Place(of),
        row::ScopeKind::Account => AccessScope::Account(of),
    };
    Grant {
        id: id(row.id),
        scope,
        user: id(row.kisi_user_id),
        window: window(row.valid_from, row.valid_until),
    }
}

/// Two stored ends as a span.
pub fn window(from: Option<i64>, until: Option<i64>) -> Span {
    Span::new(
        Instant::from_option_start(from.map(Instant::from_micros)),
        Instant::from_option_end(until.map(Instant::from_micros)),
    )
}

/// The lane of a due row.
pub fn lane_number(lane: Lane) -> i32 {
    match lane {
        Lane::Revocation => 0,
        Lane::Now => 1,
        Lane::Rest => 2,
        Lane::Cleanup => 3,
    }
}

fn id(id: Uuid) -> Id {
    Id(id.as_u128())
}
