//! What lists can be narrowed by. An id of another kind is refused by the name of its field.

use async_graphql::{ID, InputObject, Result};
use uuid::Uuid;

use crate::{
    graphql::{
        access_event::AccessEventKind, delivery::DeliveryStatus, error::bad_input,
        offering::OfferingKind, scalar::DateTime,
    },
    id::{self, Kind},
    store::{
        listings,
        row::{ScopeKind, TargetKind},
    },
};

/// Narrows locks.
#[derive(Clone, Debug, Default, InputObject)]
pub struct LockFilter {
    /// In the name, in any case.
    pub search: Option<String>,
    /// In this place.
    pub place: Option<ID>,
    /// Opened by this group.
    pub group: Option<ID>,
}

/// Narrows groups.
#[derive(Clone, Debug, Default, InputObject)]
pub struct GroupFilter {
    /// In the name, in any case.
    pub search: Option<String>,
    /// In this place.
    pub place: Option<ID>,
    /// With this lock.
    pub lock: Option<ID>,
    /// True: those that this service writes to; false: the others.
    pub managed: Option<bool>,
}

/// Narrows rules.
#[derive(Clone, Debug, Default, InputObject)]
pub struct RuleFilter {
    /// In the name, in any case.
    pub search: Option<String>,
    /// On this group or lock.
    pub target: Option<ID>,
    /// True: those that give access; false: those that are switched off.
    pub enabled: Option<bool>,
}

/// Narrows members. search matches name and e-mail, in any case, anywhere in the word.
#[derive(Clone, Debug, Default, InputObject)]
pub struct MemberFilter {
    /// In the name or the e-mail.
    pub search: Option<String>,
    /// Who may pass this group or lock now.
    pub target: Option<ID>,
    /// False: who may not pass the target now. It needs a target.
    pub allowed: Option<bool>,
    /// Whether a suspension of theirs lasts now.
    pub suspended: Option<bool>,
    /// Who bears this tag.
    pub tag: Option<String>,
    /// Whether something about them needs a human.
    pub has_problem: Option<bool>,
}

/// Narrows offerings.
#[derive(Clone, Debug, Default, InputObject)]
pub struct OfferingFilter {
    /// In the name, in any case.
    pub search: Option<String>,
    /// Of one of these kinds.
    pub kinds: Option<Vec<OfferingKind>>,
    /// Of this source.
    pub source: Option<ID>,
}

/// Narrows deliveries.
#[derive(Clone, Debug, Default, InputObject)]
pub struct DeliveryFilter {
    /// From this source.
    pub source: Option<ID>,
    /// Of this status.
    pub status: Option<DeliveryStatus>,
    /// About this member.
    pub member: Option<ID>,
}

/// Narrows the history.
#[derive(Clone, Debug, Default, InputObject)]
pub struct HistoryFilter {
    /// Of this member.
    pub member: Option<ID>,
    /// At this group, lock, place or Kisi account.
    pub target: Option<ID>,
    /// Of one of these kinds.
    pub kinds: Option<Vec<AccessEventKind>>,
    /// At this instant or later.
    pub from: Option<DateTime>,
    /// Before this instant.
    pub until: Option<DateTime>,
}

/// A group or a lock, by an argument.
pub fn target(argument: &str, text: &ID) -> Result<(TargetKind, Uuid)> {
    match id::decode(text) {
        Some((Kind::Group, id)) => Ok((TargetKind::Group, id)),
        Some((Kind::Lock, id)) => Ok((TargetKind::Lock, id)),
        _ => Err(bad_input(format!(
            "{argument}: it is no id of a group or a lock"
        ))),
    }
}

/// Anything that access can be given to, by an argument.
fn anywhere(argument: &str, text: &ID) -> Result<(ScopeKind, Uuid)> {
    match id::decode(text) {
        Some((Kind::Group, id)) => Ok((ScopeKind::Group, id)),
        Some((Kind::Lock, id)) => Ok((ScopeKind::Lock, id)),
        Some((Kind::Place, id)) => Ok((ScopeKind::Place, id)),
        Some((Kind::KisiAccount, id)) => Ok((ScopeKind::Account, id)),
        _ => {
            let kinds = "a group, a lock, a place or a Kisi account";
            Err(bad_input(format!("{argument}: it is no id of {kinds}")))
        }
    }
}

impl HistoryFilter {
    /// As the store wants it.
    pub fn into_store(self) -> Result<listings::HistoryFilter> {
        let member = |text: &ID| {
            let id = id::decode_as(Kind::Member, text);
            id.ok_or_else(|| bad_input("filter.member: it is no id of a member"))
        };
        let kinds = |kinds: Vec<AccessEventKind>| kinds.into_iter().map(Into::into).collect();
        Ok(listings::HistoryFilter {
            member: self.member.as_ref().map(member).transpose()?,
            target: self
                .target
                .as_ref()
                .map(|it| anywhere("filter.target", it))
                .transpose()?,
            kinds: self.kinds.map(kinds),
            from: self.from.map(|at| at.0),
            until: self.until.map(|at| at.0),
        })
    }
}
