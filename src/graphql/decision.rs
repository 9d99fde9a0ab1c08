//! A decision as callers see it: may somebody pass, the one cause, and the cause in words. Made by the heart; nothing is
//! decided in here.

use std::sync::Arc;

use access::{Code, Decision, Facts, Instant, Target};
use async_graphql::{Context, Enum, Object, Result, Union};

use super::{
    context,
    group::Group,
    lock::Lock,
    scalar::DateTime,
    words::{self, Saying},
};
use crate::{
    decide::{Premises, row_id},
    store::row::{self, Role},
};

/// What a rule gives access to.
#[derive(Clone, Debug, Union)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AccessTarget {
    Group(Group),
    Lock(Lock),
}

impl From<row::Group> for AccessTarget {
    fn from(row: row::Group) -> Self {
        Self::Group(Group(row))
    }
}

impl From<row::Lock> for AccessTarget {
    fn from(row: row::Lock) -> Self {
        Self::Lock(Lock(row))
    }
}

/// The cause of a decision, as a stable word.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "access::Code")]
pub enum DecisionCode {
    /// A rule holds at the instant.
    AllowedByRule,
    /// No rule holds, but access given by hand does.
    AllowedByShare,
    /// The member is suspended: nothing else counts while that lasts.
    Suspended,
    /// No enabled rule and no share of the member is about the target: an admin has to write one.
    NoRule,
    /// The member holds no membership of a kind that the rule asks for.
    NoMembership,
    /// The membership begins later.
    MembershipNotStarted,
    /// The membership is frozen or on hold.
    MembershipPaused,
    /// A payment failed or staff blocked the membership, and the rule's grace, if any, is over.
    MembershipBlocked,
    /// Nothing is left of the pack.
    MembershipUsedUp,
    /// The membership is over.
    MembershipEnded,
    /// There is no booking that counts here; a cancelled one does not.
    NoRegistration,
    /// There is a booking or a share, and its time has not begun.
    TooEarly,
    /// There was a booking or a share, and its time is over.
    TooLate,
    /// The booking is tentative or on a waiting list.
    RegistrationNotConfirmed,
    /// The billing item that the rule asks for was not bought.
    NoPurchase,
    /// It was bought, but is not paid, was refunded or voided, or is not valid at this time.
    PurchaseNotValid,
    /// The member bears none of the tags that the rule asks for.
    TagMissing,
    /// The rule gives access at other times.
    OutsideSchedule,
}

/// For whom a message is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
pub enum Audience {
    /// The person at the door.
    Member,
    /// The person at the front desk.
    Desk,
    /// The person who reads logs.
    Engineer,
}

impl Audience {
    /// For whom a message is that is asked for: a member session hears nothing that is meant for staff.
    pub(super) fn told(self, context: &Context<'_>) -> Result<Self> {
        Ok(match context::caller(context)?.role {
            Role::Member => Self::Member,
            Role::Admin | Role::App | Role::Reader => self,
        })
    }
}

/// A decision, with what its message needs.
#[derive(Clone, Debug)]
pub struct AccessDecision {
    target: AccessTarget,
    decision: Decision,
    saying: Saying,
}

impl AccessDecision {
    /// The decision about a target at an instant. None for a target that is not there.
    pub fn new(
        premises: &Arc<Premises>,
        facts: &Facts,
        target: Target,
        at: Instant,
    ) -> Option<Self> {
        Self::of(premises, target, premises.decide(facts, target, at))
    }

    /// A decision that was made.
    pub fn of(premises: &Arc<Premises>, target: Target, decision: Decision) -> Option<Self> {
        let target: AccessTarget = match target {
            Target::Group(id) => premises.layout.group(row_id(id))?.clone().into(),
            Target::Lock(id) => premises.layout.lock(row_id(id))?.clone().into(),
        };
        let rule = decision.rule.and_then(|rule| premises.row(rule));
        let saying = Saying {
            code: decision.code,
            at: decision.at,
            edge: decision.edge,
            until: decision.until,
            by_share: decision.share.is_some(),
            rule: rule.map(|row| row.name.clone()),
            zone: premises.zone.clone(),
        };
        Some(Self {
            target,
            decision,
            saying,
        })
    }

    /// Whether the member may pass.
    pub fn is_allowed(&self) -> bool {
        self.decision.allowed
    }

    /// The cause in words.
    pub fn words(&self, audience: Audience) -> String {
        words::of_decision(&self.saying, audience)
    }

    /// The cause.
    pub fn cause(&self) -> Code {
        self.decision.code
    }
}

/// Whether a member may pass a target at an instant, and why.
#[Object(crate = "crate::graphql::prompt")]
impl AccessDecision {
    /// Where: a group or a lock.
    async fn target(&self) -> &AccessTarget {
        &self.target
    }

    /// The instant that the decision is about.
    async fn at(&self) -> DateTime {
        DateTime(self.decision.at.micros())
    }

    /// Whether the member may pass at that instant.
    async fn allowed(&self) -> bool {
        self.decision.allowed
    }

    /// The end of the present answer, where one is known.
    async fn until(&self) -> Option<DateTime> {
        self.decision.until.map(|until| DateTime(until.micros()))
    }

    /// A stable word for programs: the one cause that an operator should look at first.
    async fn code(&self) -> DecisionCode {
        self.decision.code.into()
    }

    /// The cause in words, with times in the club's time zone. A member session is told the words
    /// for the person at the door, whoever they are asked for.
    async fn message(
        &self,
        context: &Context<'_>,
        #[graphql(default_with = "Audience::Member", desc = "For whom the words are.")]
        audience: Audience,
    ) -> Result<String> {
        Ok(words::of_decision(&self.saying, audience.told(context)?))
    }
}
