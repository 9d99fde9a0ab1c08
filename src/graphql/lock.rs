//! The GraphQL type `Lock`: a door with its groups, rules, allowed members and unlock restrictions. A member session can read
//! a lock, but not its rules or other members.

use async_graphql::{Context, ID, Object, Result};

use super::{
    context::{self, require_staff},
    group::Group,
    loader,
    member::MemberConnection,
    node,
    page::{self, PageArguments},
    place::Place,
    restriction::{self, UnlockRestriction},
    rule::Rule,
    scalar::DateTime,
    unlisted::{self, UnlistedAccess},
};
use crate::{
    decide::{AccessCriterion, FilteredMembers, MemberCriteria},
    id::Kind,
    store::{
        convert, listings,
        row::{self, TargetKind},
    },
    unlock::restriction::{Restriction, at_door},
};

#[derive(Clone, Debug)]
pub struct Lock(pub row::Lock);

impl From<row::Lock> for Lock {
    fn from(row: row::Lock) -> Self {
        Self(row)
    }
}

/// A door with a Kisi lock.
#[Object(crate = "crate::graphql::resolve")]
impl Lock {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Lock, self.0.id)
    }

    /// Kisi's id of the lock.
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

    /// The place that it belongs to; null if Kisi names none.
    async fn place(&self, context: &Context<'_>) -> Result<Option<Place>> {
        match self.0.place_id {
            Some(id) => Ok(loader::load(context, loader::PlaceKey(id))
                .await?
                .map(Place)),
            None => Ok(None),
        }
    }

    /// The groups that open it.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn groups(&self, context: &Context<'_>) -> Result<Vec<Group>> {
        let layout = loader::layout(context).await?;
        Ok(layout.groups_of(self.0.id).cloned().map(Group).collect())
    }

    /// Whether it was online when Kisi was last read; null if Kisi does not say.
    async fn online(&self) -> Option<bool> {
        self.0.online
    }

    /// Whether Kisi accepts an unlock from anywhere at any time: false if there are unlockRestrictions.
    async fn remote_unlockable(&self, context: &Context<'_>) -> Result<bool> {
        Ok(self.restrictions(context).await?.is_empty())
    }

    /// The Kisi settings of the lock and of the managed groups that open it that can make Kisi refuse an unlock; of several
    /// groups, the least restrictive applies. Empty if there are none.
    async fn unlock_restrictions(&self, context: &Context<'_>) -> Result<Vec<UnlockRestriction>> {
        Ok(restriction::to_graphql(self.restrictions(context).await?))
    }

    /// Rules directly on this lock. They allow unlocking through this service only and grant nothing in Kisi.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn rules(&self, context: &Context<'_>) -> Result<Vec<Rule>> {
        require_staff(context)?;
        let rules = loader::load(context, loader::RulesOn(TargetKind::Lock, self.0.id)).await?;
        Ok(rules.unwrap_or_default().into_iter().map(Rule).collect())
    }

    /// Who can open it in Kisi now although allowedMembers does not list them.
    #[graphql(complexity = "page::capped_product(5, child_complexity)")]
    async fn unlisted_access(&self, context: &Context<'_>) -> Result<UnlistedAccess> {
        unlisted::of(context, access::Target::Lock(convert::id(self.0.id))).await
    }

    /// The members with access to the lock at a point in time; each edge has its end and reason.
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
        let target = access::Target::Lock(convert::id(self.0.id));
        let arguments = PageArguments::new(first, after, last, before)?;
        allowed(context, target, at, arguments).await
    }
}

impl Lock {
    async fn restrictions(&self, context: &Context<'_>) -> Result<Vec<Restriction>> {
        let layout = loader::layout(context).await?;
        Ok(at_door(&self.0, layout.managed_groups_of(self.0.id)))
    }
}

/// A page of the members with access to the target at `at` (default: now). Requires a staff token.
pub(super) async fn allowed(
    context: &Context<'_>,
    target: access::Target,
    at: Option<DateTime>,
    arguments: PageArguments,
) -> Result<MemberConnection> {
    let scope = require_staff(context)?;
    let app = context::app(context)?;
    let at = at.map_or_else(|| app.clock.now(), |at| access::Instant::from_micros(at.0));
    let passing = AccessCriterion {
        access_context: loader::access_context(context).await?,
        target,
        at,
        allowed: true,
    };
    let wanted = MemberCriteria {
        access: Some(passing),
        ..MemberCriteria::default()
    };
    let members = listings::members(scope, &listings::MemberFilter::default());
    let page: MemberConnection = page::load(
        app,
        FilteredMembers {
            scope,
            members,
            criteria: wanted,
            evaluations: context::evaluations(context)?.clone(),
            cache_key: String::new(),
        },
        arguments,
    )
    .await?;
    Ok(page.with_access(target, at))
}

page::connection!(
    /// A page of locks.
    LockConnection,
    /// A lock and its cursor.
    LockEdge,
    Lock
);
