//! The GraphQL type `AccessDecision`: whether a member has access, the main cause, and the cause as text. The `access` crate
//! makes the decision; this file only presents it.

use std::sync::Arc;

use access::{Code, Decision, Facts, Instant, Target};
use async_graphql::{Context, Enum, Object, Result, Union};

use super::{
    context,
    group::Group,
    lock::Lock,
    messages::{self, Cause, Message},
    offering::Offering,
    resolve::one_of,
    rule::Rule,
    scalar::DateTime,
};
use crate::{
    decide::AccessContext,
    store::{
        convert::row_id,
        row::{self, Role},
    },
};

/// What a rule grants access to.
#[derive(Clone, Debug, Union)]
#[graphql(crate = "crate::graphql::resolve::interface")]
#[expect(missing_docs, reason = "the names say it")]
pub enum AccessTarget {
    Group(Group),
    Lock(Lock),
}

one_of!(AccessTarget: Group, Lock);

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

/// The main cause of a decision. The codes are stable.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "access::Code")]
pub enum DecisionCode {
    /// A rule grants access at the requested time.
    AllowedByRule,
    /// No rule grants access, but a share (access granted manually) does.
    AllowedByShare,
    /// The member is suspended. A suspension overrides all rules and shares while it is in effect.
    Suspended,
    /// No enabled rule covers the target, and the member has no share for it. An admin has to add a rule.
    NoRule,
    /// The member has no membership of a kind that the rule requires.
    NoMembership,
    /// The membership has not started yet.
    MembershipNotStarted,
    /// The membership is frozen or on hold.
    MembershipPaused,
    /// The membership is blocked because a payment failed or staff blocked it, and the rule's grace period, if any, is over.
    MembershipBlocked,
    /// All visits or credits of the pack are used up.
    MembershipUsedUp,
    /// The membership has ended.
    MembershipEnded,
    /// No booking satisfies the rule; cancelled bookings do not count.
    NoRegistration,
    /// The access period of a booking or share has not started yet.
    TooEarly,
    /// The access period of a booking or share is over.
    TooLate,
    /// The booking is tentative or on a waiting list.
    RegistrationNotConfirmed,
    /// The member has not bought a billing item that the rule requires.
    NoPurchase,
    /// The purchase is unpaid, refunded, voided or not valid at the requested time.
    PurchaseNotValid,
    /// The member has none of the tags that the rule requires.
    TagMissing,
    /// The requested time is outside the rule's schedule.
    OutsideSchedule,
}

/// The audience of a message.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
pub enum Audience {
    /// The member at the door.
    Member,
    /// Front desk staff.
    Desk,
    /// Engineers who read logs.
    Engineer,
}

impl Audience {
    /// The audience to use for this caller: a member session always gets the texts for members, never those for staff.
    pub(super) fn for_caller(self, context: &Context<'_>) -> Result<Self> {
        Ok(match context::caller(context)?.role {
            Role::Member => Self::Member,
            Role::Admin | Role::App | Role::Desk | Role::Reader => self,
        })
    }
}

#[derive(Clone, Debug)]
pub struct AccessDecision {
    target: AccessTarget,
    decision: Decision,
    message: Message,
}

impl AccessDecision {
    /// Decides about the target at `at`. None if the target does not exist in the club.
    pub fn new(
        access_context: &Arc<AccessContext>,
        facts: &Facts,
        target: Target,
        at: Instant,
    ) -> Option<Self> {
        Self::of(
            access_context,
            target,
            access_context.decide(facts, target, at),
        )
    }

    /// Wraps a decision that was already made. None if the target does not exist in the club.
    pub fn of(
        access_context: &Arc<AccessContext>,
        target: Target,
        decision: Decision,
    ) -> Option<Self> {
        let target: AccessTarget = match target {
            Target::Group(id) => access_context.layout.group(row_id(id))?.clone().into(),
            Target::Lock(id) => access_context.layout.lock(row_id(id))?.clone().into(),
        };
        let message = Message::new(
            access_context,
            Cause {
                code: decision.code,
                at: decision.at,
                edge: decision.edge,
                until: decision.until,
                by_share: decision.share.is_some(),
                rule: decision.rule,
                condition: decision.condition,
                offering: decision.offering,
                is_cancelled: decision.is_cancelled,
            },
        );
        Some(Self {
            target,
            decision,
            message,
        })
    }

    pub fn is_allowed(&self) -> bool {
        self.decision.allowed
    }

    pub async fn message_for(&self, context: &Context<'_>, audience: Audience) -> Result<String> {
        let message = self.message.with_names(context).await?;
        Ok(messages::of_decision(&message, audience))
    }

    /// When the decision changes next.
    pub fn ends(&self) -> Option<DateTime> {
        self.decision.until.map(|until| DateTime(until.micros()))
    }

    pub fn cause(&self) -> Code {
        self.decision.code
    }
}

/// Whether a member has access to a target at a point in time, and why.
#[Object(crate = "crate::graphql::resolve")]
impl AccessDecision {
    /// The group or lock.
    async fn target(&self) -> &AccessTarget {
        &self.target
    }

    /// The point in time that the decision applies to.
    async fn at(&self) -> DateTime {
        DateTime(self.decision.at.micros())
    }

    /// Whether the member has access at that time.
    async fn allowed(&self) -> bool {
        self.decision.allowed
    }

    /// When the decision changes next; null if that is not known.
    async fn until(&self) -> Option<DateTime> {
        self.ends()
    }

    /// The main cause as a stable, machine-readable code: the one to look at first.
    async fn code(&self) -> DecisionCode {
        self.decision.code.into()
    }

    /// The rule that grants access, else the one that is nearest to granting it; null for a suspension, a share, and if the
    /// target has no rule. With asKnownAt, the version of that time.
    async fn rule(&self) -> Option<Rule> {
        self.message.rule()
    }

    /// The offerings that the cause is about: that of the entitlement that grants access or is nearest to granting it, else
    /// those that the rule accepts; empty if it accepts all.
    async fn offerings(&self, context: &Context<'_>) -> Result<Vec<Offering>> {
        self.message.offerings(context).await
    }

    /// When access begins, for TOO_EARLY, MEMBERSHIP_NOT_STARTED and OUTSIDE_SCHEDULE; when it ended, for TOO_LATE,
    /// MEMBERSHIP_ENDED and MEMBERSHIP_BLOCKED; when it ends, for SUSPENDED. Null for other codes, and if it is not known.
    async fn edge(&self) -> Option<DateTime> {
        self.message.edge()
    }

    /// The cause as text, with times in the club's time zone. A member session always gets the text for the audience MEMBER,
    /// whatever it asks for.
    async fn message(
        &self,
        context: &Context<'_>,
        #[graphql(default_with = "Audience::Member", desc = "The audience of the text.")]
        audience: Audience,
    ) -> Result<String> {
        self.message_for(context, audience.for_caller(context)?)
            .await
    }
}
