//! The GraphQL type `Group`: a Kisi access group with its locks, rules and allowed members. Nothing here writes to Kisi.

use async_graphql::{Context, Enum, ID, Object, Result};

use super::{
    context::require_staff,
    kisi_account::KisiAccount,
    loader,
    lock::{Lock, allowed},
    member::MemberConnection,
    node,
    page::{self, PageArguments},
    place::Place,
    rule::{self, Rule},
    scalar::DateTime,
    unlisted::{self, UnlistedAccess},
};
use crate::{
    id::Kind,
    store::{
        convert,
        row::{self, TargetKind},
    },
};

/// What happens to assignments in a managed group that somebody else made in Kisi and the rules do not require.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::StrangerPolicy")]
pub enum StrangerPolicy {
    /// They are kept unchanged.
    Keep,
    /// They are removed: the group contains only what the rules require.
    Remove,
}

#[derive(Clone, Debug)]
pub struct Group(pub row::Group);

impl From<row::Group> for Group {
    fn from(row: row::Group) -> Self {
        Self(row)
    }
}

/// A Kisi access group.
#[Object(crate = "crate::graphql::resolve")]
impl Group {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Group, self.0.id)
    }

    /// Kisi's id of the group.
    pub async fn kisi_id(&self) -> ID {
        self.0.kisi_id.into()
    }

    /// Name in Kisi.
    pub async fn name(&self) -> &str {
        &self.0.name
    }

    /// Description in Kisi; null if there is none.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// The place that it belongs to; null for a group of the whole organization.
    async fn place(&self, context: &Context<'_>) -> Result<Option<Place>> {
        match self.0.place_id {
            Some(id) => Ok(loader::load(context, loader::PlaceKey(id))
                .await?
                .map(Place)),
            None => Ok(None),
        }
    }

    /// The Kisi account that it was read from.
    async fn account(&self, context: &Context<'_>) -> Result<KisiAccount> {
        loader::load_required(context, loader::AccountKey(self.0.account_id))
            .await
            .map(KisiAccount)
    }

    /// The locks that it opens.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn locks(&self, context: &Context<'_>) -> Result<Vec<Lock>> {
        let layout = loader::layout(context).await?;
        Ok(layout.locks_of(self.0.id).cloned().map(Lock).collect())
    }

    /// Whether this service manages the group. Only managed groups are changed in Kisi; unmanaged groups, such as groups for
    /// staff, are shown but never changed.
    async fn managed(&self) -> bool {
        self.0.managed
    }

    /// What happens to assignments in a managed group that somebody else made in Kisi and the rules do not require.
    async fn strangers(&self) -> StrangerPolicy {
        self.0.strangers.into()
    }

    /// The rules that grant access to it, enabled or not.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn rules(&self, context: &Context<'_>) -> Result<Vec<Rule>> {
        require_staff(context)?;
        let rules = loader::load(context, loader::RulesOn(TargetKind::Group, self.0.id)).await?;
        Ok(rules.unwrap_or_default().into_iter().map(Rule).collect())
    }

    /// The enabled rules as readable sentences.
    async fn summary(&self, context: &Context<'_>) -> Result<String> {
        require_staff(context)?;
        let rules = loader::load(context, loader::RulesOn(TargetKind::Group, self.0.id)).await?;
        rule::summary_of(context, &self.0, &rules.unwrap_or_default()).await
    }

    /// What is wrong and who can resolve it, such as a group that was deleted in Kisi or that another integration keeps
    /// changing; null if there is no problem.
    async fn problem(&self, context: &Context<'_>) -> Result<Option<String>> {
        require_staff(context)?;
        let gone = || {
            self.0.gone_at.map(|_| {
                "The group was deleted in Kisi. Create a new group in Kisi and move the rules to it, then \
                 stop managing this one."
                    .to_owned()
            })
        };
        Ok(self.0.problem.clone().or_else(gone))
    }

    /// Who can open it in Kisi now although allowedMembers does not list them.
    #[graphql(complexity = "page::capped_product(5, child_complexity)")]
    async fn unlisted_access(&self, context: &Context<'_>) -> Result<UnlistedAccess> {
        unlisted::of(context, access::Target::Group(convert::id(self.0.id))).await
    }

    /// The members with access to the group at a point in time; each edge has its end and reason.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn allowed_members(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The point in time. Defaults to now.")] at: Option<DateTime>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
    ) -> Result<MemberConnection> {
        let target = access::Target::Group(convert::id(self.0.id));
        let arguments = PageArguments::new(first, after, last, before)?;
        allowed(context, target, at, arguments).await
    }
}

page::connection!(
    /// A page of groups.
    GroupConnection,
    /// A group and its cursor.
    GroupEdge,
    Group
);
