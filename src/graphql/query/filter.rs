//! What lists can be narrowed by. An id of another kind is refused by the name of its field.

use async_graphql::{Context, ID, InputObject, Result};
use uuid::Uuid;

use crate::{
    graphql::{
        access_event::AccessEventKind, delivery::DeliveryStatus, error::bad_input, node,
        offering::OfferingKind, scalar::DateTime,
    },
    id::Kind,
    store::{
        listings,
        row::{ScopeKind, TargetKind},
    },
};

/// Narrows locks.
#[derive(Clone, Debug, Default, InputObject)]
pub struct LockFilter {
    /// In the name: every word of it, in any order, without case and accents. Kisi's id and the URL of its page at Kisi find it
    /// as well.
    pub search: Option<String>,
    /// In this place: its id, or Kisi's id or URL of it.
    pub place: Option<ID>,
    /// Opened by this group: its id, or Kisi's id or URL of it.
    pub group: Option<ID>,
}

/// Narrows groups.
#[derive(Clone, Debug, Default, InputObject)]
pub struct GroupFilter {
    /// In the name: every word of it, in any order, without case and accents. Kisi's id and the URL of its page at Kisi find it
    /// as well.
    pub search: Option<String>,
    /// In this place: its id, or Kisi's id or URL of it.
    pub place: Option<ID>,
    /// With this lock: its id, or Kisi's id or URL of it.
    pub lock: Option<ID>,
    /// True: those that this service writes to; false: the others.
    pub managed: Option<bool>,
}

/// Narrows rules.
#[derive(Clone, Debug, Default, InputObject)]
pub struct RuleFilter {
    /// In the name: every word of it, in any order, without case and accents.
    pub search: Option<String>,
    /// On this group or lock: its id, or Kisi's id or URL of it.
    pub target: Option<ID>,
    /// True: those that give access; false: those that are switched off.
    pub enabled: Option<bool>,
}

/// Narrows members. search matches name and e-mail, in any case, anywhere in the word.
#[derive(Clone, Debug, Default, InputObject)]
pub struct MemberFilter {
    /// In the name and the e-mail: every word of it, in any order, without case and accents.
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
    /// In the name: every word of it, in any order, without case and accents.
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
    /// At this group, lock, place or Kisi account: its id, or Kisi's id or URL of it.
    pub target: Option<ID>,
    /// Of one of these kinds.
    pub kinds: Option<Vec<AccessEventKind>>,
    /// At this instant or later.
    pub from: Option<DateTime>,
    /// Before this instant.
    pub until: Option<DateTime>,
}

/// The longest search, in characters: names and addresses are no longer.
const LONGEST_SEARCH: usize = 500;

/// What is searched for.
pub fn search(text: Option<String>) -> Result<Option<String>> {
    match text {
        Some(text) if text.chars().count() > LONGEST_SEARCH => Err(bad_input(format!(
            "filter.search: {LONGEST_SEARCH} characters at most"
        ))),
        text => Ok(text),
    }
}

/// A group or a lock, by an argument.
pub async fn target(
    context: &Context<'_>,
    argument: &str,
    text: &ID,
) -> Result<(TargetKind, Uuid)> {
    let kinds = [Kind::Group, Kind::Lock];
    let (kind, id) = node::named_in_kisi(context, argument, &kinds, text).await?;
    let kind = match kind {
        Kind::Lock => TargetKind::Lock,
        _ => TargetKind::Group,
    };
    Ok((kind, id))
}

/// Anything that access can be given to, by an argument.
async fn anywhere(context: &Context<'_>, argument: &str, text: &ID) -> Result<(ScopeKind, Uuid)> {
    let kinds = [Kind::Group, Kind::Lock, Kind::Place, Kind::KisiAccount];
    let (kind, id) = node::named_in_kisi(context, argument, &kinds, text).await?;
    let kind = match kind {
        Kind::Lock => ScopeKind::Lock,
        Kind::Place => ScopeKind::Place,
        Kind::KisiAccount => ScopeKind::Account,
        _ => ScopeKind::Group,
    };
    Ok((kind, id))
}

impl HistoryFilter {
    /// As the store wants it.
    pub async fn into_store(self, context: &Context<'_>) -> Result<listings::HistoryFilter> {
        let kinds = |kinds: Vec<AccessEventKind>| kinds.into_iter().map(Into::into).collect();
        let target = match &self.target {
            Some(text) => Some(anywhere(context, "filter.target", text).await?),
            None => None,
        };
        Ok(listings::HistoryFilter {
            member: node::maybe_named("filter.member", Kind::Member, self.member.as_ref())?,
            target,
            kinds: self.kinds.map(kinds),
            from: self.from.map(|at| at.0),
            until: self.until.map(|at| at.0),
        })
    }
}
