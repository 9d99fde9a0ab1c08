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
#[expect(missing_docs, reason = "the names say it")]
pub enum DecisionCode {
    AllowedByRule,
    AllowedByShare,
    Suspended,
    NoRule,
    NoMembership,
    MembershipNotStarted,
    MembershipPaused,
    MembershipBlocked,
    MembershipUsedUp,
    MembershipEnded,
    NoRegistration,
    TooEarly,
    TooLate,
    RegistrationNotConfirmed,
    NoPurchase,
    PurchaseNotValid,
    TagMissing,
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
    async fn target(&self) -> &AccessTarget {
        &self.target
    }

    async fn at(&self) -> DateTime {
        DateTime(self.decision.at.micros())
    }

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
        #[graphql(default_with = "Audience::Member")] audience: Audience,
    ) -> Result<String> {
        Ok(words::of_decision(&self.saying, audience.told(context)?))
    }
}
