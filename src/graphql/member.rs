//! The GraphQL type `Member`: the member's profile, entitlements, access decisions, shares, suspension and Kisi users.
//! Member sessions may read it for their own member only; `problems` needs a staff token.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use access::{Instant, Target, Via};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    company::Company,
    context::require_staff,
    decision::AccessDecision,
    door::Door,
    entitlement::Entitlement,
    erasure::Erasure,
    error::internal_error,
    grant::{Grant, KisiUser},
    loader, node, page,
    scalar::DateTime,
    share::Share,
    suspension::Suspension,
    timeline::{self, AccessTimeline},
};
use crate::{
    id::Kind,
    store::{convert, facts::Holdings, members::TWO_PEOPLE, row},
    unlock::restriction::for_member,
};

/// A problem with a member's data that staff must resolve.
#[derive(Clone, Debug, Deserialize, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct MemberProblem {
    /// Stable, machine-readable code, such as NO_EMAIL.
    code: String,
    /// What is wrong, and what to do next.
    message: String,
}

#[derive(Clone, Debug)]
pub struct Member(pub row::Member);

impl From<row::Member> for Member {
    fn from(row: row::Member) -> Self {
        Self(row)
    }
}

impl Member {
    async fn holdings(&self, context: &Context<'_>) -> Result<Arc<Holdings>> {
        loader::load_required(context, loader::HoldingsOf(self.0.id)).await
    }
}

/// Whether the member is allowed to open the lock now. False for an unknown lock or member.
pub(super) async fn may_open(context: &Context<'_>, member: Uuid, lock: Uuid) -> Result<bool> {
    let now = loader::instant(context, None)?;
    let access_context = loader::access_context(context).await?;
    let holdings = loader::load(context, loader::HoldingsOf(member)).await?;
    let target = access::Target::Lock(convert::id(lock));
    Ok(access_context.layout.lock(lock).is_some()
        && holdings.is_some_and(|it| access_context.may_pass(&it.facts, target, now)))
}

/// A person of the club, merged from all sources that report them.
#[Object(crate = "crate::graphql::resolve")]
impl Member {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Member, self.0.id)
    }

    /// Full name, as reported by the platforms or entered by the admin who created the member.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// E-mail address. Kisi identifies users by it: a member without one gets no access in Kisi. Null if no platform reported
    /// one.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// The companies that the member currently belongs to, sorted by name.
    #[graphql(complexity = "crate::graphql::page::capped_product(5, child_complexity)")]
    async fn companies(&self, context: &Context<'_>) -> Result<Vec<Company>> {
        let holdings = self.holdings(context).await?;
        let keys = holdings.companies.iter().copied().map(loader::CompanyKey);
        let mut companies = loader::load_many(context, keys).await?;
        companies.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(companies.into_iter().map(Company).collect())
    }

    /// Tags and member groups, spelled as on the platforms.
    async fn tags(&self, context: &Context<'_>) -> Result<Vec<String>> {
        Ok(self.holdings(context).await?.facts.tags.clone())
    }

    /// The member's memberships, registrations and purchases as last reported by the platforms, including past and future
    /// ones. With at, only those whose period includes that point in time.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn entitlements(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "The point in time. Defaults to all entitlements, past, current and future."
        )]
        at: Option<DateTime>,
    ) -> Result<Vec<Entitlement>> {
        let at = at.map(|at| access::Instant::from_micros(at.0));
        let holdings = loader::load_required(context, loader::EntitlementsOf(self.0.id)).await?;
        let lasting = holdings
            .held
            .iter()
            .filter(|held| at.is_none_or(|at| held.span.contains(at)));
        Ok(lasting.cloned().map(Entitlement::from).collect())
    }

    /// The access decision for each group and lock that a rule or a share of this member covers, allowed or not.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn access(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The point in time. Defaults to now.")] at: Option<DateTime>,
    ) -> Result<Vec<AccessDecision>> {
        let at = loader::instant(context, at)?;
        let (access_context, holdings) =
            futures_util::future::try_join(loader::access_context(context), self.holdings(context))
                .await?;
        let facts = &holdings.facts;
        let targets = access_context.targets(facts).into_iter();
        Ok(targets
            .filter_map(|target| AccessDecision::new(&access_context, facts, target, at))
            .collect())
    }

    /// When the member has access to each group and lock that a rule or a share of this member covers, and what grants it. Of
    /// the past, as is known now; for what was known then, see `explain(asKnownAt:)`.
    #[graphql(complexity = "crate::graphql::page::capped_product(50, child_complexity)")]
    async fn timeline(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Start of the period. Defaults to now.")] from: Option<DateTime>,
        #[graphql(
            desc = "End of the period, at most 92 days after its start. Defaults to seven days after its start."
        )]
        until: Option<DateTime>,
    ) -> Result<Vec<AccessTimeline>> {
        let period = timeline::period(loader::instant(context, from)?, until)?;
        let (access_context, holdings) =
            futures_util::future::try_join(loader::access_context(context), self.holdings(context))
                .await?;
        Ok(timeline::of(
            &access_context,
            (self.0.id, &holdings.facts),
            period,
        ))
    }

    /// The locks that this member may open now, by a group, a rule on the lock or a share.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn doors(&self, context: &Context<'_>) -> Result<Vec<Door>> {
        let now = loader::instant(context, None)?;
        let (access_context, holdings, grants) = futures_util::future::try_join3(
            loader::access_context(context),
            self.holdings(context),
            loader::load(context, loader::GrantsOf(self.0.id)),
        )
        .await?;
        let (facts, grants) = (&holdings.facts, grants.unwrap_or_default());
        let mut doors = Vec::new();
        for lock in &access_context.layout.locks {
            let target = access::Target::Lock(convert::id(lock.id));
            if access_context.may_pass(facts, target, now) {
                doors.push(Door::new(
                    lock.clone(),
                    &access_context.decide(facts, target, now),
                    for_member(&access_context.layout, lock, &grants, now),
                ));
            }
        }
        Ok(doors)
    }

    /// Access granted manually that nobody has ended.
    #[graphql(complexity = "crate::graphql::page::capped_product(5, child_complexity)")]
    async fn shares(&self, context: &Context<'_>) -> Result<Vec<Share>> {
        let shares = loader::load(context, loader::SharesOf(self.0.id)).await?;
        Ok(shares.unwrap_or_default().into_iter().map(Share).collect())
    }

    /// The suspension that currently blocks all access of the member; null if there is none.
    async fn suspension(&self, context: &Context<'_>) -> Result<Option<Suspension>> {
        let now = loader::instant(context, None)?.micros();
        let row = loader::load(context, loader::SuspensionOf(self.0.id)).await?;
        Ok(row
            .filter(|row| row.until_at.is_none_or(|until| until > now))
            .map(Suspension))
    }

    /// The member's user in each Kisi organization that has confirmed one.
    #[graphql(complexity = "crate::graphql::page::capped_product(2, child_complexity)")]
    async fn kisi_users(&self, context: &Context<'_>) -> Result<Vec<KisiUser>> {
        let users = loader::load(context, loader::KisiUsersOf(self.0.id)).await?;
        let grants = loader::load(context, loader::GrantsOf(self.0.id))
            .await?
            .unwrap_or_default();
        let kisi_users = users.into_iter().flatten().filter_map(|user| {
            // A user without a Kisi id has not been confirmed by Kisi yet.
            let kisi_id = user.kisi_id?;
            let of_user = grants.iter().filter(|grant| grant.kisi_user_id == user.id);
            Some(KisiUser {
                kisi_id: kisi_id.into(),
                grants: of_user.cloned().map(Grant).collect(),
                account_id: user.account_id,
            })
        });
        Ok(kisi_users.collect())
    }

    /// The erasure of this member; null if nobody asked for it.
    async fn erasure(&self, context: &Context<'_>) -> Result<Option<Erasure>> {
        require_staff(context)?;
        Erasure::of(&self.0)
    }

    /// Problems that staff must resolve, such as a missing e-mail address or two people with the same address.
    async fn problems(&self, context: &Context<'_>) -> Result<Vec<MemberProblem>> {
        require_staff(context)?;
        let Some(text) = self.0.problems.as_deref() else {
            return Ok(Vec::new());
        };
        let mut problems: Vec<MemberProblem> =
            serde_json::from_str(text).map_err(internal_error)?;
        if problems.iter().any(|problem| problem.code == TWO_PEOPLE) {
            let now = loader::instant(context, None)?;
            let holdings = self.holdings(context).await?;
            problems.retain(|problem| {
                problem.code != TWO_PEOPLE || !is_two_people_resolved(&holdings, now)
            });
        }
        Ok(problems)
    }
}

/// Whether, for every source, only one person still holds an entitlement that is neither void nor over. The other person
/// records are then earlier ones of the same member, such as from before they left and rejoined under a new id: TWO_PEOPLE is
/// resolved. False if nobody holds any.
fn is_two_people_resolved(holdings: &Holdings, now: Instant) -> bool {
    let mut holders: HashMap<Uuid, HashSet<Uuid>> = HashMap::new();
    let entitlements = holdings.facts.entitlements.iter().zip(&holdings.held);
    for (entitlement, held) in entitlements {
        let is_void = entitlement.holding.is_over();
        let is_over = held.span.until <= now;
        let holder = held.version.person_id.filter(|_| held.via == Via::Own);
        if let Some(person) = holder.filter(|_| !is_void && !is_over) {
            let of_source = holders.entry(held.version.source_id).or_default();
            of_source.insert(person);
        }
    }
    !holders.is_empty() && holders.values().all(|people| people.len() == 1)
}

pub struct MemberEdge {
    cursor: String,
    node: Member,
    /// In a list of the members with access: to what, and when.
    access: Option<(Target, Instant)>,
}

impl MemberEdge {
    fn new(cursor: String, node: Member) -> Self {
        Self {
            cursor,
            node,
            access: None,
        }
    }

    async fn decide(&self, context: &Context<'_>) -> Result<Option<AccessDecision>> {
        let Some((target, at)) = self.access else {
            return Ok(None);
        };
        let (access_context, holdings) = futures_util::future::try_join(
            loader::access_context(context),
            self.node.holdings(context),
        )
        .await?;
        Ok(AccessDecision::new(
            &access_context,
            &holdings.facts,
            target,
            at,
        ))
    }
}

/// A member and its cursor.
#[Object(crate = "crate::graphql::resolve")]
impl MemberEdge {
    /// The position of the element: pass it to `after` or `before`.
    async fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The element.
    async fn node(&self) -> &Member {
        &self.node
    }

    /// In `allowedMembers`: why the member has access; null in other lists.
    async fn decision(&self, context: &Context<'_>) -> Result<Option<AccessDecision>> {
        self.decide(context).await
    }

    /// In `allowedMembers`: when the access ends; null if no end is known, and in other lists.
    async fn until(&self, context: &Context<'_>) -> Result<Option<DateTime>> {
        let decision = self.decide(context).await?;
        Ok(decision.and_then(|decision| decision.ends()))
    }
}

impl MemberConnection {
    /// The same page as a list of the members with access to a target.
    pub fn with_access(mut self, target: Target, at: Instant) -> Self {
        for edge in &mut self.edges {
            edge.access = Some((target, at));
        }
        self
    }
}

page::connection!(
    /// A page of members.
    MemberConnection,
    of MemberEdge,
    Member
);
