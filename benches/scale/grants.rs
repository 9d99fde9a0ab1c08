//! Writes the grants of a Kisi account that is fully in step: a user and the assignments of each member, from the `access` crate
//! that the service uses, and no member due. All work after an edit is then caused by that edit.

use latchkey::transaction;
use std::time::Duration;

use access::{
    Abilities, Ability, AccessScope as Where, Desired, Granularity, Instant, Span, Step, Target,
    evaluate, plan,
};
use entity::{due, kisi_grant, kisi_user};
use latchkey::{
    clock::new_id,
    decide::MemberDecisions,
    store::{
        ClubScope, Db, StoreError, bulk,
        convert::{id, row_id},
        facts::AsOf,
        row,
    },
};
use uuid::Uuid;

use super::members::email;

const AT_ONCE: usize = 2_000;
const DAY: Duration = Duration::from_hours(24);
const HORIZON: Duration = Duration::from_hours(7 * 24);
const ABILITIES: Abilities = Abilities {
    change_window: Ability::Yes,
    duplicate_assignments: Ability::Yes,
    granularity: Granularity::SECOND,
};

#[derive(Default)]
struct Rows {
    users: Vec<kisi_user::Model>,
    grants: Vec<kisi_grant::Model>,
    due: Vec<due::Model>,
}

/// Writes the users and grants of `members`, whose Kisi user ids count up from `first`. Returns the number of assignments.
pub async fn insert_grants(
    db: &Db,
    (scope, account): (ClubScope, Uuid),
    members: &[Uuid],
    first: i64,
    now: Instant,
) -> usize {
    let mut count = 0;
    for (turn, chunk) in members.chunks(AT_ONCE).enumerate() {
        let deciding = MemberDecisions::load(db.read(), scope, chunk, AsOf::Now).await;
        let deciding = deciding.expect("what they hold");
        let mut rows = Rows::default();
        for (index, member) in chunk.iter().enumerate() {
            let number = turn * AT_ONCE + index;
            let kisi_id = first + i64::try_from(number).expect("a number");
            rows.insert_grants(
                &deciding,
                account,
                scope.club,
                *member,
                (kisi_id, number),
                now,
            );
        }
        count += rows.grants.len();
        let written: Result<(), StoreError> = transaction!(db, |tx| {
            bulk::insert(tx, rows.users).await?;
            bulk::insert(tx, rows.grants).await?;
            bulk::insert(tx, rows.due).await
        })
        .await;
        written.expect("kept");
    }
    count
}

impl Rows {
    fn insert_grants(
        &mut self,
        deciding: &MemberDecisions,
        account: Uuid,
        club: Uuid,
        member: Uuid,
        (kisi_id, number): (i64, usize),
        now: Instant,
    ) {
        let user = new_id();
        self.users.push(kisi_user::Model {
            id: user,
            club_id: club,
            account_id: account,
            member_id: member,
            email: email(number),
            kisi_id: Some(kisi_id),
            sent: true,
            problem: None,
        });
        let desired = desired(deciding, member, now);
        let plan = plan(&desired, &[], Some(id(user)), ABILITIES, now, HORIZON);
        for step in plan.steps {
            let Step::Create {
                scope: Where::Group(group),
                window,
            } = step
            else {
                panic!("the plan has a step other than creating an assignment to a group");
            };
            let micros = |at: Instant| at.known().map(Instant::micros);
            self.grants.push(kisi_grant::Model {
                id: new_id(),
                club_id: club,
                account_id: account,
                member_id: member,
                kisi_user_id: user,
                scope_kind: row::ScopeKind::Group,
                scope_id: row_id(group),
                kisi_id: Some(kisi_id * 100 + i64::try_from(self.grants.len() % 100).expect("few")),
                valid_from: micros(window.from),
                valid_until: micros(window.until),
                state: row::GrantState::Confirmed,
                intent: row::Intent::None,
                want_from: None,
                want_until: None,
                notify: false,
                problem: None,
                created_at: now.micros(),
                confirmed_at: Some(now.micros()),
                missed_at: None,
                external: false,
                adopted: false,
                asked_differs: false,
                asked_from: None,
                asked_until: None,
            });
        }
        self.due.push(due::Model {
            account_id: account,
            member_id: member,
            club_id: club,
            due_at: now.plus(DAY).micros(),
            generation: 1,
            settled_generation: 1,
            lane: None,
            attempts: 0,
            cause: "membership.updated".to_owned(),
            cause_id: Uuid::nil(),
            cause_delivery: None,
            cause_rule: None,
            cause_actor: None,
            brake_policy: row::BrakePolicy::Enforce,
        });
    }
}

/// The desired windows of a member in each group.
fn desired(deciding: &MemberDecisions, member: Uuid, now: Instant) -> Vec<Desired> {
    let held = deciding.holdings.get(&member).expect("what is held");
    let around = Span::new(now, now.plus(HORIZON).plus(DAY));
    let groups = deciding.access_context.layout.groups.iter();
    let wishes = groups.map(|group| {
        let scope = Where::Group(id(group.id));
        let rules = deciding
            .access_context
            .rules_for(Target::Group(id(group.id)));
        let windows = evaluate(&held.facts, &rules, &[scope], around).spans;
        Desired { scope, windows }
    });
    wishes.collect()
}
