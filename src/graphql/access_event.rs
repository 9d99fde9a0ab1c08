//! What happened to people's access.

use async_graphql::{Context, Enum, ID, Object, Result, Union};

use super::{
    context::reads, delivery::Delivery, group::Group, kisi_account::KisiAccount, loader,
    lock::Lock, member::Member, node, page, place::Place, rule::Rule, scalar::DateTime,
};
use crate::{
    id::Kind,
    store::row::{self, ScopeKind},
};

/// What kind of thing happened.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::HistoryKind")]
pub enum AccessEventKind {
    /// Kisi lets the member in, from now on or for a window.
    Granted,
    /// Somebody else had let the member in at Kisi, and the rules do too: the assignment is looked after from now on.
    Adopted,
    /// The window of an assignment in Kisi was changed.
    Changed,
    /// Kisi no longer lets the member in: access was taken away before its end.
    Revoked,
    /// The brake holds a revocation until an admin approves or dismisses it.
    Held,
    /// Kisi refused what it was told; the message bears its reason.
    RefusedByKisi,
    /// Kisi held something else than it should, such as where somebody changed it there.
    DriftFound,
    /// A door was opened: through this service, or at Kisi by other means.
    Unlocked,
    /// A door did not open, or it is not known whether it did; the message says why.
    UnlockDenied,
    /// Access was given by hand.
    Shared,
    /// Access given by hand was ended.
    ShareEnded,
    /// The member was suspended.
    Suspended,
    /// A suspension was lifted.
    Resumed,
    /// A rule was made, edited or deleted.
    RuleChanged,
}

/// Anything that access can be given to.
#[derive(Clone, Debug, Union)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AccessScope {
    Group(Group),
    Lock(Lock),
    Place(Place),
    KisiAccount(KisiAccount),
}

/// An entry of the history, by its row.
#[derive(Clone, Debug)]
pub struct AccessEvent(pub row::HistoryEntry);

impl From<row::HistoryEntry> for AccessEvent {
    fn from(row: row::HistoryEntry) -> Self {
        Self(row)
    }
}

/// Something that happened to somebody's access.
#[Object(crate = "crate::graphql::prompt")]
impl AccessEvent {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::AccessEvent, self.0.id)
    }

    /// When it happened.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// What kind of thing happened.
    async fn kind(&self) -> AccessEventKind {
        self.0.kind.into()
    }

    /// Whose access it is about; null for an edit of a rule, and for somebody who is no member.
    async fn member(&self, context: &Context<'_>) -> Result<Option<Member>> {
        match self.0.member_id {
            Some(id) => Ok(loader::one(context, loader::MemberKey(id))
                .await?
                .map(Member)),
            None => Ok(None),
        }
    }

    /// Where; null for a suspension, which is about every door.
    async fn target(&self, context: &Context<'_>) -> Result<Option<AccessScope>> {
        let (Some(kind), Some(id)) = (self.0.target_kind, self.0.target_id) else {
            return Ok(None);
        };
        if matches!(kind, ScopeKind::Place | ScopeKind::Account) {
            reads(context)?;
        }
        scope_of(context, kind, id).await
    }

    /// What led to it: a delivery, a rule edit, a share, the clock, Kisi.
    async fn cause(&self) -> &str {
        &self.0.cause
    }

    /// The delivery that led to it; null where none did.
    async fn delivery(&self, context: &Context<'_>) -> Result<Option<Delivery>> {
        reads(context)?;
        match self.0.delivery_id {
            Some(id) => Ok(loader::one(context, loader::DeliveryKey(id))
                .await?
                .map(Delivery)),
            None => Ok(None),
        }
    }

    /// The rule as it is now; null where it was deleted.
    async fn rule(&self, context: &Context<'_>) -> Result<Option<Rule>> {
        reads(context)?;
        match self.0.rule_id {
            Some(id) => Ok(loader::one(context, loader::RuleKey(id)).await?.map(Rule)),
            None => Ok(None),
        }
    }

    /// Who did it, by the name of a token or a person; null where nobody did, such as by the clock.
    async fn actor(&self) -> Option<&str> {
        self.0.actor.as_deref()
    }

    /// What happened, in one sentence for people.
    async fn message(&self) -> &str {
        &self.0.message
    }
}

/// What access can be given to, by its id; none where it is gone.
pub async fn scope_of(
    context: &Context<'_>,
    kind: ScopeKind,
    id: uuid::Uuid,
) -> Result<Option<AccessScope>> {
    Ok(match kind {
        ScopeKind::Group => {
            let row = loader::one(context, loader::GroupKey(id)).await?;
            row.map(|row| AccessScope::Group(Group(row)))
        }
        ScopeKind::Lock => {
            let row = loader::one(context, loader::LockKey(id)).await?;
            row.map(|row| AccessScope::Lock(Lock(row)))
        }
        ScopeKind::Place => {
            let row = loader::one(context, loader::PlaceKey(id)).await?;
            row.map(|row| AccessScope::Place(Place(row)))
        }
        ScopeKind::Account => {
            let row = loader::one(context, loader::AccountKey(id)).await?;
            row.map(|row| AccessScope::KisiAccount(KisiAccount(row)))
        }
    })
}

page::connection!(
    /// Entries of the history, a page of them.
    AccessEventConnection,
    /// One of the list, with its cursor.
    AccessEventEdge,
    AccessEvent
);
