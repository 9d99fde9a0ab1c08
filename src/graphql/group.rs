//! A Kisi access group: what it opens, who may be in it and why. Nothing in here writes to Kisi.

use async_graphql::{Context, Enum, ID, Object, Result};

use super::{
    context::reads,
    kisi_account::KisiAccount,
    loader,
    lock::{Lock, allowed},
    member::MemberConnection,
    node,
    page::{self, Arguments},
    place::Place,
    rule::{self, Rule},
    scalar::DateTime,
};
use crate::{
    id::Kind,
    store::row::{self, TargetKind},
};

/// What becomes of people in a managed group who are there by somebody else's doing.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::StrangerPolicy")]
pub enum StrangerPolicy {
    /// Somebody else's assignments are left alone.
    Keep,
    /// The group is this service's own: any assignment that it does not want is removed.
    Remove,
}

/// A group, by its row.
#[derive(Clone, Debug)]
pub struct Group(pub row::Group);

impl From<row::Group> for Group {
    fn from(row: row::Group) -> Self {
        Self(row)
    }
}

/// A Kisi access group.
#[Object(crate = "crate::graphql::prompt")]
impl Group {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::Group, self.0.id)
    }

    /// Kisi's own id of the group.
    async fn kisi_id(&self) -> ID {
        self.0.kisi_id.into()
    }

    /// Its name in Kisi.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its description in Kisi; null where it has none.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// The place that it belongs to; null for a group of the whole organization.
    async fn place(&self, context: &Context<'_>) -> Result<Option<Place>> {
        match self.0.place_id {
            Some(id) => Ok(loader::one(context, loader::PlaceKey(id)).await?.map(Place)),
            None => Ok(None),
        }
    }

    /// The Kisi account that it is read by.
    async fn account(&self, context: &Context<'_>) -> Result<KisiAccount> {
        loader::needed(context, loader::AccountKey(self.0.account_id))
            .await
            .map(KisiAccount)
    }

    /// The locks that it opens.
    #[graphql(complexity = "crate::graphql::page::times(10, child_complexity)")]
    async fn locks(&self, context: &Context<'_>) -> Result<Vec<Lock>> {
        let layout = loader::layout(context).await?;
        Ok(layout.locks_of(self.0.id).cloned().map(Lock).collect())
    }

    /// Whether this service writes to it. Only managed groups are ever written to. Staff groups stay unmanaged:
    /// shown, and left alone.
    async fn managed(&self) -> bool {
        self.0.managed
    }

    /// What becomes of people in a managed group who are there by somebody else's doing.
    async fn strangers(&self) -> StrangerPolicy {
        self.0.strangers.into()
    }

    /// The rules that give access to it, enabled or not.
    #[graphql(complexity = "crate::graphql::page::times(10, child_complexity)")]
    async fn rules(&self, context: &Context<'_>) -> Result<Vec<Rule>> {
        reads(context)?;
        let rules = loader::one(context, loader::RulesOn(TargetKind::Group, self.0.id)).await?;
        Ok(rules.unwrap_or_default().into_iter().map(Rule).collect())
    }

    /// The rules in one or two sentences, for people.
    async fn summary(&self, context: &Context<'_>) -> Result<String> {
        reads(context)?;
        let rules = loader::one(context, loader::RulesOn(TargetKind::Group, self.0.id)).await?;
        rule::summary_of(context, &self.0, &rules.unwrap_or_default()).await
    }

    /// In words, what is wrong and who can mend it: gone in Kisi, fought over by another
    /// integration; null while all is well.
    async fn problem(&self, context: &Context<'_>) -> Result<Option<String>> {
        reads(context)?;
        let gone = || {
            self.0.gone_at.map(|_| {
                "The group is gone in Kisi: whoever runs the Kisi account can make another; let \
                 this one go and write its rules for that."
                    .to_owned()
            })
        };
        Ok(self.0.problem.clone().or_else(gone))
    }

    /// Who may be in it at an instant (now if left out).
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn allowed_members(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The instant. Left out: now.")] at: Option<DateTime>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<MemberConnection> {
        let target = access::Target::Group(access::Id(self.0.id.as_u128()));
        let arguments = Arguments::new(first, after, last, before)?;
        allowed(context, target, at, arguments).await
    }
}

page::connection!(
    /// Groups, a page of them.
    GroupConnection,
    /// One of the list, with its cursor.
    GroupEdge,
    Group
);
