//! The filter inputs of lists. An id of the wrong type is refused by the name of its field.

use async_graphql::{Context, Enum, ID, InputObject, Result};
use uuid::Uuid;

use crate::{
    graphql::{
        access_event::AccessEventKind,
        context::{caller, require_staff},
        delivery::DeliveryStatus,
        error::{bad_input, forbidden},
        node,
        offering::OfferingKind,
        scalar::DateTime,
    },
    id::Kind,
    store::{
        listings,
        page::ByTime,
        row::{ScopeKind, TargetKind},
    },
};

/// Filter for locks. All given fields must match.
#[derive(Clone, Debug, Default, InputObject)]
pub struct LockFilter {
    /// Text in the name: every word must occur, in any order, ignoring case and accents. Kisi's id and the URL of the page in
    /// Kisi match as well.
    pub search: Option<String>,
    /// In this place: its id, Kisi's id or its URL in Kisi.
    pub place: Option<ID>,
    /// Opened by this group: its id, Kisi's id or its URL in Kisi.
    pub group: Option<ID>,
}

/// Filter for groups. All given fields must match.
#[derive(Clone, Debug, Default, InputObject)]
pub struct GroupFilter {
    /// Text in the name: every word must occur, in any order, ignoring case and accents. Kisi's id and the URL of the page in
    /// Kisi match as well.
    pub search: Option<String>,
    /// In this place: its id, Kisi's id or its URL in Kisi.
    pub place: Option<ID>,
    /// Opens this lock: its id, Kisi's id or its URL in Kisi.
    pub lock: Option<ID>,
    /// True: managed by this service. False: not managed.
    pub managed: Option<bool>,
}

/// Filter for rules. All given fields must match.
#[derive(Clone, Debug, Default, InputObject)]
pub struct RuleFilter {
    /// Text in the name: every word must occur, in any order, ignoring case and accents.
    pub search: Option<String>,
    /// For this group or lock: its id, Kisi's id or its URL in Kisi.
    pub target: Option<ID>,
    /// True: enabled. False: disabled.
    pub enabled: Option<bool>,
}

/// Filter for members. All given fields must match.
#[derive(Clone, Debug, Default, InputObject)]
pub struct MemberFilter {
    /// Text in the name or the e-mail address: every word must occur, in any order, ignoring case and accents.
    pub search: Option<String>,
    /// Members with access to this group or lock now: its id, Kisi's id or its URL in Kisi.
    pub target: Option<ID>,
    /// False: members without access to the target now. Requires target. Defaults to true.
    pub allowed: Option<bool>,
    /// Whether the member is suspended now.
    pub suspended: Option<bool>,
    /// Members with this tag.
    pub tag: Option<String>,
    /// Whether the member has a problem that staff must resolve.
    pub has_problem: Option<bool>,
    /// Members of this company now.
    pub company: Option<ID>,
    /// Members who now hold an entitlement of this offering, such as a plan, alone, through a company or with somebody else;
    /// without those that have ended or were cancelled.
    pub offering: Option<ID>,
    /// Members about whom the history has an entry at this time or later, such as access that was granted or revoked.
    pub changed_since: Option<DateTime>,
}

/// The order of members.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
pub enum MemberOrder {
    /// By name.
    Name,
    /// The latest to become known first.
    NewestFirst,
    /// The first to become known first.
    OldestFirst,
}

impl MemberOrder {
    /// The order by time, if it is one.
    pub fn by_time(self) -> Option<ByTime> {
        match self {
            Self::Name => None,
            Self::NewestFirst => Some(ByTime::NewestFirst),
            Self::OldestFirst => Some(ByTime::OldestFirst),
        }
    }
}

/// Filter for offerings. All given fields must match.
#[derive(Clone, Debug, Default, InputObject)]
pub struct OfferingFilter {
    /// Text in the name: every word must occur, in any order, ignoring case and accents.
    pub search: Option<String>,
    /// With one of these kinds.
    pub kinds: Option<Vec<OfferingKind>>,
    /// From this source.
    pub source: Option<ID>,
}

/// Filter for deliveries. All given fields must match.
#[derive(Clone, Debug, Default, InputObject)]
pub struct DeliveryFilter {
    /// From this source.
    pub source: Option<ID>,
    /// With this status.
    pub status: Option<DeliveryStatus>,
    /// Concerning this member.
    pub member: Option<ID>,
    /// Dismissed, or not dismissed.
    pub dismissed: Option<bool>,
}

/// Filter for the access history. All given fields must match.
#[derive(Clone, Debug, Default, InputObject)]
pub struct HistoryFilter {
    /// Concerning this member.
    pub member: Option<ID>,
    /// For this group, lock, place or Kisi account: its id, Kisi's id or its URL in Kisi.
    pub target: Option<ID>,
    /// With one of these kinds.
    pub kinds: Option<Vec<AccessEventKind>>,
    /// Caused by an edit of this rule.
    pub rule: Option<ID>,
    /// Caused by the token or person with this name.
    pub actor: Option<String>,
    /// At this time or later.
    pub from: Option<DateTime>,
    /// Before this time.
    pub until: Option<DateTime>,
}

/// The order of a list by time.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::page::ByTime")]
pub enum TimeOrder {
    /// The newest first.
    NewestFirst,
    /// The oldest first.
    OldestFirst,
}

/// In characters: names and e-mail addresses are no longer.
const LONGEST_SEARCH: usize = 500;

/// Refuses a search text that is too long.
pub fn search(text: Option<String>) -> Result<Option<String>> {
    match text {
        Some(text) if text.chars().count() > LONGEST_SEARCH => Err(bad_input(format!(
            "a text of the filter is too long: at most {LONGEST_SEARCH} characters"
        ))),
        text => Ok(text),
    }
}

/// Resolves an argument that names a group or a lock.
pub async fn target(
    context: &Context<'_>,
    argument: &str,
    text: &ID,
) -> Result<(TargetKind, Uuid)> {
    let kinds = [Kind::Group, Kind::Lock];
    let (kind, id) = node::resolve_kisi_id(context, argument, &kinds, text).await?;
    let kind = match kind {
        Kind::Lock => TargetKind::Lock,
        _ => TargetKind::Group,
    };
    Ok((kind, id))
}

/// Resolves an argument that names a group, lock, place or Kisi account.
async fn scope_target(
    context: &Context<'_>,
    argument: &str,
    text: &ID,
) -> Result<(ScopeKind, Uuid)> {
    let kinds = [Kind::Group, Kind::Lock, Kind::Place, Kind::KisiAccount];
    let (kind, id) = node::resolve_kisi_id(context, argument, &kinds, text).await?;
    let kind = match kind {
        Kind::Lock => ScopeKind::Lock,
        Kind::Place => ScopeKind::Place,
        Kind::KisiAccount => ScopeKind::Account,
        _ => ScopeKind::Group,
    };
    Ok((kind, id))
}

impl HistoryFilter {
    /// The filter of the store for the caller: a member session sees only entries of its own member.
    ///
    /// # Errors
    /// FORBIDDEN if a member session names another member.
    pub async fn for_caller(self, context: &Context<'_>) -> Result<listings::HistoryFilter> {
        let mut filter = self.into_store(context).await?;
        if let Some(own) = caller(context)?.member {
            if filter.member.is_some_and(|member| member != own) {
                return Err(forbidden("a member session sees only its own history"));
            }
            filter.member = Some(own);
        } else {
            require_staff(context)?;
        }
        Ok(filter)
    }

    /// Converts to the filter of the store, and decodes the ids.
    async fn into_store(self, context: &Context<'_>) -> Result<listings::HistoryFilter> {
        let kinds = |kinds: Vec<AccessEventKind>| kinds.into_iter().map(Into::into).collect();
        let target = match &self.target {
            Some(text) => Some(scope_target(context, "filter.target", text).await?),
            None => None,
        };
        Ok(listings::HistoryFilter {
            member: node::decode_optional_id("filter.member", Kind::Member, self.member.as_ref())?,
            target,
            rule: node::decode_optional_id("filter.rule", Kind::Rule, self.rule.as_ref())?,
            actor: search(self.actor)?,
            kinds: self.kinds.map(kinds),
            from: self.from.map(|at| at.0),
            until: self.until.map(|at| at.0),
        })
    }
}
