//! A door: who may pass it, and by what. A member session sees a lock, but neither its rules nor other people.

use async_graphql::{Context, ID, Object, Result};

use super::{
    context::{self, reads},
    group::Group,
    loader,
    member::MemberConnection,
    node,
    page::{self, Arguments},
    place::Place,
    restriction::{self, UnlockRestriction},
    rule::Rule,
    scalar::DateTime,
};
use crate::{
    decide::{Passing, Standing, Wanted},
    id::Kind,
    store::{
        listings,
        row::{self, TargetKind},
    },
    unlock::restriction::{Restriction, at_door},
};

/// A lock, by its row.
#[derive(Clone, Debug)]
pub struct Lock(pub row::Lock);

impl From<row::Lock> for Lock {
    fn from(row: row::Lock) -> Self {
        Self(row)
    }
}

/// A door.
#[Object(crate = "crate::graphql::prompt")]
impl Lock {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::Lock, self.0.id)
    }

    /// Kisi's own id of the lock.
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

    /// The place where it is; null where Kisi names none.
    async fn place(&self, context: &Context<'_>) -> Result<Option<Place>> {
        match self.0.place_id {
            Some(id) => Ok(loader::one(context, loader::PlaceKey(id)).await?.map(Place)),
            None => Ok(None),
        }
    }

    /// The groups that open it.
    #[graphql(complexity = "crate::graphql::page::times(10, child_complexity)")]
    async fn groups(&self, context: &Context<'_>) -> Result<Vec<Group>> {
        let layout = loader::layout(context).await?;
        Ok(layout.groups_of(self.0.id).cloned().map(Group).collect())
    }

    /// Whether it was online when Kisi was last read; null where Kisi does not say.
    async fn online(&self) -> Option<bool> {
        self.0.online
    }

    /// Whether Kisi takes an unlock from anywhere and at any time: false where there are unlockRestrictions.
    async fn remote_unlockable(&self, context: &Context<'_>) -> Result<bool> {
        Ok(self.restrictions(context).await?.is_empty())
    }

    /// What in Kisi's settings of the lock and of the managed groups that open it can make Kisi refuse an unlock; of several
    /// groups, the one that restricts least counts. Empty where nothing can.
    async fn unlock_restrictions(&self, context: &Context<'_>) -> Result<Vec<UnlockRestriction>> {
        Ok(restriction::shown(self.restrictions(context).await?))
    }

    /// Rules that open this lock by this service's own unlock alone, without any right in Kisi.
    #[graphql(complexity = "crate::graphql::page::times(10, child_complexity)")]
    async fn rules(&self, context: &Context<'_>) -> Result<Vec<Rule>> {
        reads(context)?;
        let rules = loader::one(context, loader::RulesOn(TargetKind::Lock, self.0.id)).await?;
        Ok(rules.unwrap_or_default().into_iter().map(Rule).collect())
    }

    /// Who may pass at an instant (now if left out).
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
        let target = access::Target::Lock(access::Id(self.0.id.as_u128()));
        let arguments = Arguments::new(first, after, last, before)?;
        allowed(context, target, at, arguments).await
    }
}

impl Lock {
    async fn restrictions(&self, context: &Context<'_>) -> Result<Vec<Restriction>> {
        let layout = loader::layout(context).await?;
        Ok(at_door(&self.0, layout.managed_groups_of(self.0.id)))
    }
}

/// Who may pass a target at an instant, as a page.
pub(super) async fn allowed(
    context: &Context<'_>,
    target: access::Target,
    at: Option<DateTime>,
    arguments: Arguments,
) -> Result<MemberConnection> {
    let scope = reads(context)?;
    let app = context::app(context)?;
    let at = at.map_or_else(|| app.clock.now(), |at| access::Instant::from_micros(at.0));
    let passing = Passing {
        premises: loader::premises(context).await?,
        target,
        at,
        allowed: true,
    };
    let wanted = Wanted {
        passing: Some(passing),
        ..Wanted::default()
    };
    let members = listings::members(scope, &listings::MemberFilter::default());
    page::load(
        app,
        Standing {
            scope,
            members,
            wanted,
            evaluations: context::evaluations(context)?.clone(),
            narrowed: String::new(),
        },
        arguments,
    )
    .await
}

page::connection!(
    /// Locks, a page of them.
    LockConnection,
    /// One of the list, with its cursor.
    LockEdge,
    Lock
);
