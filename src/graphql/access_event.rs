//! The GraphQL type `AccessEvent`: one entry of the access history.

use async_graphql::{Context, Enum, ID, Interface, Object, Result, Union};

use super::{
    context::{self, require_staff},
    delivery::Delivery,
    group::Group,
    kisi_account::KisiAccount,
    loader::{self, RuleVersions},
    lock::Lock,
    member::Member,
    node, page,
    place::Place,
    resolve::one_of,
    rule::{Rule, RuleVersion},
    scalar::DateTime,
};
use crate::{
    id::Kind,
    store::row::{self, Role, ScopeKind},
};

/// The kind of event.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::HistoryKind")]
pub enum AccessEventKind {
    /// Access was granted in Kisi, from now on or for a time window.
    Granted,
    /// An assignment that somebody else made in Kisi matches the rules; this service manages it from now on.
    Adopted,
    /// The time window of an assignment in Kisi was changed.
    Changed,
    /// Access was revoked in Kisi before its scheduled end.
    Revoked,
    /// The brake holds a revocation until an admin approves or dismisses it.
    Held,
    /// Kisi rejected a change; the message contains Kisi's reason.
    RefusedByKisi,
    /// Kisi's state differed from the expected state, such as after a change made directly in Kisi.
    DriftFound,
    /// A door was unlocked through this service or by other means in Kisi.
    Unlocked,
    /// A door did not unlock, or the outcome is unknown; the message says why.
    UnlockDenied,
    /// Access was granted manually.
    Shared,
    /// Manually granted access was ended.
    ShareEnded,
    /// The member was suspended.
    Suspended,
    /// A suspension was lifted.
    Resumed,
    /// A rule was created, edited or deleted.
    RuleChanged,
    /// An admin approved or dismissed revocations that the brake held.
    RevocationsDecided,
    /// The club's settings were changed, such as those of the brake.
    ClubChanged,
    /// A Kisi account was connected, changed or disconnected, or a group is managed from now on, or no longer.
    KisiChanged,
    /// A source was created, changed or removed, its secret replaced, or its reading confirmed.
    SourceChanged,
    /// A token was created or revoked.
    TokenChanged,
    /// An endpoint for outbound webhooks was created, changed or removed, or its secret replaced.
    WebhooksChanged,
}

/// Anything that access can be granted to.
#[derive(Clone, Debug, Union)]
#[graphql(crate = "crate::graphql::resolve::interface")]
#[expect(missing_docs, reason = "the names say it")]
pub enum AccessScope {
    Group(Group),
    Lock(Lock),
    Place(Place),
    KisiAccount(KisiAccount),
}

one_of!(AccessScope: Group, Lock, Place, KisiAccount);

/// What all that access can be granted to has in common.
#[derive(Debug, Interface)]
#[graphql(
    crate = "crate::graphql::resolve::interface",
    field(name = "id", ty = "ID", desc = "Opaque, globally unique id."),
    field(name = "name", ty = "&str", desc = "Display name."),
    field(
        name = "kisi_id",
        ty = "Option<ID>",
        desc = "Kisi's id of it; null for an organization that was never read."
    )
)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AccessPoint {
    Group(Group),
    Lock(Lock),
    Place(Place),
    KisiAccount(KisiAccount),
}

one_of!(AccessPoint: Group, Lock, Place, KisiAccount);

#[derive(Clone, Debug)]
pub struct AccessEvent(pub row::HistoryEntry);

impl From<row::HistoryEntry> for AccessEvent {
    fn from(row: row::HistoryEntry) -> Self {
        Self(row)
    }
}

/// An entry of the access history.
#[Object(crate = "crate::graphql::resolve")]
impl AccessEvent {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::AccessEvent, self.0.id)
    }

    /// When the event happened.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// The kind of event.
    async fn kind(&self) -> AccessEventKind {
        self.0.kind.into()
    }

    /// The member affected; null for rule edits and for people who are not members.
    async fn member(&self, context: &Context<'_>) -> Result<Option<Member>> {
        match self.0.member_id {
            Some(id) => Ok(loader::load(context, loader::MemberKey(id))
                .await?
                .map(Member)),
            None => Ok(None),
        }
    }

    /// What the access is for; null for a suspension, which applies to all doors.
    async fn target(&self, context: &Context<'_>) -> Result<Option<AccessScope>> {
        let (Some(kind), Some(id)) = (self.0.target_kind, self.0.target_id) else {
            return Ok(None);
        };
        scope_of(context, kind, id).await
    }

    /// What caused it: a delivery, a rule edit, a share, the passing of time, or Kisi.
    async fn cause(&self) -> &str {
        &self.0.cause
    }

    /// The delivery that caused it; null if it had another cause.
    async fn delivery(&self, context: &Context<'_>) -> Result<Option<Delivery>> {
        require_staff(context)?;
        match self.0.delivery_id {
            Some(id) => Ok(loader::load(context, loader::DeliveryKey(id))
                .await?
                .map(Delivery)),
            None => Ok(None),
        }
    }

    /// The current version of the rule involved; null if there is none or it was deleted.
    async fn rule(&self, context: &Context<'_>) -> Result<Option<Rule>> {
        require_staff(context)?;
        match self.0.rule_id {
            Some(id) => Ok(loader::load(context, loader::RuleKey(id)).await?.map(Rule)),
            None => Ok(None),
        }
    }

    /// For RULE_CHANGED: the rule before the edit; null if the edit created it, and for other events.
    async fn rule_before(&self, context: &Context<'_>) -> Result<Option<RuleVersion>> {
        Ok(self.rule_versions(context).await?.before.map(RuleVersion))
    }

    /// For RULE_CHANGED: the rule after the edit; null if the edit deleted it, and for other events.
    async fn rule_after(&self, context: &Context<'_>) -> Result<Option<RuleVersion>> {
        Ok(self.rule_versions(context).await?.after.map(RuleVersion))
    }

    /// The name of the token or person who did it; null for automatic events, such as the passing of time.
    async fn actor(&self) -> Option<&str> {
        self.0.actor.as_deref()
    }

    /// What happened, as one readable sentence. A member session gets a text for members, without what staff wrote.
    async fn message(&self, context: &Context<'_>) -> Result<&str> {
        Ok(match context::caller(context)?.role {
            Role::Member => for_member(self.0.kind),
            Role::Admin | Role::App | Role::Desk | Role::Reader => &self.0.message,
        })
    }
}

impl AccessEvent {
    async fn rule_versions(&self, context: &Context<'_>) -> Result<RuleVersions> {
        require_staff(context)?;
        let edited = self
            .0
            .rule_id
            .filter(|_| self.0.kind == row::HistoryKind::RuleChanged);
        match edited {
            Some(rule) => {
                let versions = loader::load(context, loader::RuleEdit(rule, self.0.at)).await?;
                Ok(versions.unwrap_or_default())
            }
            None => Ok(RuleVersions::default()),
        }
    }
}

/// The text of an entry for its member.
fn for_member(kind: row::HistoryKind) -> &'static str {
    use row::HistoryKind::{
        Adopted, Changed, ClubChanged, DriftFound, Granted, Held, KisiChanged, RefusedByKisi,
        Resumed, RevocationsDecided, Revoked, RuleChanged, ShareEnded, Shared, SourceChanged,
        Suspended, TokenChanged, UnlockDenied, Unlocked, WebhooksChanged,
    };
    match kind {
        Granted | Adopted => "You were given access.",
        Changed => "The time of your access was changed.",
        Revoked => "Your access ended.",
        Held => "A change of your access waits for the club's decision.",
        RefusedByKisi => "A change of your access could not be made yet; the club knows about it.",
        DriftFound => "A difference in your access was found and is being corrected.",
        Unlocked => "You unlocked a door.",
        UnlockDenied => "A door did not unlock for you.",
        Shared => "The club gave you access.",
        ShareEnded => "The access that the club gave you ended.",
        Suspended => "Your access was suspended.",
        Resumed => "The suspension of your access was lifted.",
        // Of no single member, so no member sees them.
        RuleChanged | RevocationsDecided | ClubChanged | KisiChanged | SourceChanged
        | TokenChanged | WebhooksChanged => "The club's settings were changed.",
    }
}

/// Loads the target of a scope. None if it no longer exists.
pub async fn scope_of(
    context: &Context<'_>,
    kind: ScopeKind,
    id: uuid::Uuid,
) -> Result<Option<AccessScope>> {
    Ok(match kind {
        ScopeKind::Group => {
            let row = loader::load(context, loader::GroupKey(id)).await?;
            row.map(|row| AccessScope::Group(Group(row)))
        }
        ScopeKind::Lock => {
            let row = loader::load(context, loader::LockKey(id)).await?;
            row.map(|row| AccessScope::Lock(Lock(row)))
        }
        ScopeKind::Place => {
            let row = loader::load(context, loader::PlaceKey(id)).await?;
            row.map(|row| AccessScope::Place(Place(row)))
        }
        ScopeKind::Account => {
            let row = loader::load(context, loader::AccountKey(id)).await?;
            row.map(|row| AccessScope::KisiAccount(KisiAccount(row)))
        }
    })
}

page::connection!(
    /// A page of history entries.
    AccessEventConnection,
    /// A history entry and its cursor.
    AccessEventEdge,
    AccessEvent
);
