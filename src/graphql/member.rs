//! A member: what the platforms say of somebody, and where that lets them pass.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use access::{Holding, Instant, MembershipStatus, PurchaseStatus, RegistrationStatus, Via};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    company::Company,
    context::reads,
    decision::AccessDecision,
    door::Door,
    entitlement::Entitlement,
    error::inside,
    grant::{Grant, KisiUser},
    loader, node, page,
    scalar::DateTime,
    share::Share,
    suspension::Suspension,
};
use crate::{
    id::Kind,
    store::{facts::Holdings, members::TWO_PEOPLE, row},
    unlock::restriction::for_member,
};

/// Something about a person that needs a human.
#[derive(Clone, Debug, Deserialize, SimpleObject)]
pub struct MemberProblem {
    /// A stable word for programs, such as NO_EMAIL.
    code: String,
    /// What is wrong, and what to do next.
    message: String,
}

/// A member, by the row.
#[derive(Clone, Debug)]
pub struct Member(pub row::Member);

impl From<row::Member> for Member {
    fn from(row: row::Member) -> Self {
        Self(row)
    }
}

impl Member {
    async fn holdings(&self, context: &Context<'_>) -> Result<Arc<Holdings>> {
        loader::needed(context, loader::HoldingsOf(self.0.id)).await
    }
}

/// Whether a member may open a lock now.
pub(super) async fn may_open(context: &Context<'_>, member: Uuid, lock: Uuid) -> Result<bool> {
    let now = loader::instant(context, None)?;
    let premises = loader::premises(context).await?;
    let holdings = loader::one(context, loader::HoldingsOf(member)).await?;
    let target = access::Target::Lock(crate::decide::id(lock));
    Ok(premises.layout.lock(lock).is_some()
        && holdings.is_some_and(|it| premises.may_pass(&it.facts, target, now)))
}

/// Somebody who may hold something: one person, by whatever sources.
#[Object(crate = "crate::graphql::prompt")]
impl Member {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::Member, self.0.id)
    }

    /// As the platforms give it, or whoever entered the member.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What Kisi knows the member by. Null where no platform gave one; such a member cannot be in Kisi.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// The companies that the member is in now, by name.
    #[graphql(complexity = "crate::graphql::page::times(5, child_complexity)")]
    async fn companies(&self, context: &Context<'_>) -> Result<Vec<Company>> {
        let holdings = self.holdings(context).await?;
        let keys = holdings.companies.iter().copied().map(loader::CompanyKey);
        let mut companies = loader::many(context, keys).await?;
        companies.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(companies.into_iter().map(Company).collect())
    }

    /// Tags and member groups, as the platforms write them.
    async fn tags(&self, context: &Context<'_>) -> Result<Vec<String>> {
        Ok(self.holdings(context).await?.facts.tags.clone())
    }

    /// What the platforms say now that the member holds, be it over or still to come; with an instant, what lasts at
    /// that instant.
    #[graphql(complexity = "crate::graphql::page::times(10, child_complexity)")]
    async fn entitlements(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The instant. Left out: all, whenever it lasts.")] at: Option<DateTime>,
    ) -> Result<Vec<Entitlement>> {
        let at = at.map(|at| access::Instant::from_micros(at.0));
        let holdings = loader::needed(context, loader::EntitlementsOf(self.0.id)).await?;
        let lasting = holdings
            .held
            .iter()
            .filter(|held| at.is_none_or(|at| held.span.contains(at)));
        Ok(lasting.cloned().map(Entitlement::from).collect())
    }

    /// Where this member may pass at an instant (now if left out), and where not: an answer for each group and lock
    /// that a rule, or a share of the member, bears on.
    #[graphql(complexity = "crate::graphql::page::times(10, child_complexity)")]
    async fn access(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The instant. Left out: now.")] at: Option<DateTime>,
    ) -> Result<Vec<AccessDecision>> {
        let at = loader::instant(context, at)?;
        let (premises, holdings) =
            futures_util::future::try_join(loader::premises(context), self.holdings(context))
                .await?;
        let facts = &holdings.facts;
        let targets = premises.targets(facts).into_iter();
        Ok(targets
            .filter_map(|target| AccessDecision::new(&premises, facts, target, at))
            .collect())
    }

    /// Each lock that this member may open at this instant: by a group, by a rule on the lock, by a
    /// share.
    #[graphql(complexity = "crate::graphql::page::times(10, child_complexity)")]
    async fn doors(&self, context: &Context<'_>) -> Result<Vec<Door>> {
        let now = loader::instant(context, None)?;
        let (premises, holdings, held) = futures_util::future::try_join3(
            loader::premises(context),
            self.holdings(context),
            loader::one(context, loader::GrantsOf(self.0.id)),
        )
        .await?;
        let (facts, held) = (&holdings.facts, held.unwrap_or_default());
        let mut doors = Vec::new();
        for lock in &premises.layout.locks {
            let target = access::Target::Lock(crate::decide::id(lock.id));
            if premises.may_pass(facts, target, now) {
                doors.push(Door::new(
                    lock.clone(),
                    &premises.decide(facts, target, now),
                    for_member(&premises.layout, lock, &held, now),
                ));
            }
        }
        Ok(doors)
    }

    /// Access given by hand that was not ended.
    #[graphql(complexity = "crate::graphql::page::times(5, child_complexity)")]
    async fn shares(&self, context: &Context<'_>) -> Result<Vec<Share>> {
        let shares = loader::one(context, loader::SharesOf(self.0.id)).await?;
        Ok(shares.unwrap_or_default().into_iter().map(Share).collect())
    }

    /// What shuts every door to the member now; null where nothing does.
    async fn suspension(&self, context: &Context<'_>) -> Result<Option<Suspension>> {
        let now = loader::instant(context, None)?.micros();
        let row = loader::one(context, loader::SuspensionOf(self.0.id)).await?;
        Ok(row
            .filter(|row| row.until_at.is_none_or(|until| until > now))
            .map(Suspension))
    }

    /// Who this member is in each Kisi organization.
    #[graphql(complexity = "crate::graphql::page::times(2, child_complexity)")]
    async fn kisi_users(&self, context: &Context<'_>) -> Result<Vec<KisiUser>> {
        let users = loader::one(context, loader::KisiUsersOf(self.0.id)).await?;
        let grants = loader::one(context, loader::GrantsOf(self.0.id))
            .await?
            .unwrap_or_default();
        let known = users.into_iter().flatten().filter_map(|user| {
            // Whom Kisi has not confirmed yet is nobody there so far.
            let kisi_id = user.kisi_id?;
            let of_user = grants.iter().filter(|grant| grant.kisi_user_id == user.id);
            Some(KisiUser {
                kisi_id: kisi_id.into(),
                grants: of_user.cloned().map(Grant).collect(),
                account_id: user.account_id,
            })
        });
        Ok(known.collect())
    }

    /// What about this person needs a human: two people under one e-mail, no e-mail, and the like.
    async fn problems(&self, context: &Context<'_>) -> Result<Vec<MemberProblem>> {
        reads(context)?;
        let Some(text) = self.0.problems.as_deref() else {
            return Ok(Vec::new());
        };
        let mut problems: Vec<MemberProblem> = serde_json::from_str(text).map_err(inside)?;
        if problems.iter().any(|one| one.code == TWO_PEOPLE) {
            let now = loader::instant(context, None)?;
            let holdings = self.holdings(context).await?;
            problems.retain(|one| one.code != TWO_PEOPLE || !is_one_again(&holdings, now));
        }
        Ok(problems)
    }
}

/// Whether of each source one person alone holds something that is not over: the others are who that person was before, as
/// of somebody who left and came back under a new id, and nobody passes by what another holds.
fn is_one_again(holdings: &Holdings, now: Instant) -> bool {
    let mut holders: HashMap<Uuid, HashSet<Uuid>> = HashMap::new();
    let stated = holdings.facts.entitlements.iter().zip(&holdings.held);
    for (entitlement, held) in stated {
        let is_void = matches!(
            entitlement.holding,
            Holding::Membership {
                status: MembershipStatus::Ended,
                ..
            } | Holding::Registration {
                status: RegistrationStatus::Cancelled,
                ..
            } | Holding::Purchase {
                status: PurchaseStatus::Refunded | PurchaseStatus::Void
            }
        );
        let is_over = held.span.until <= now;
        let holder = held.version.person_id.filter(|_| held.via == Via::Own);
        if let Some(person) = holder.filter(|_| !is_void && !is_over) {
            let of_source = holders.entry(held.version.source_id).or_default();
            of_source.insert(person);
        }
    }
    !holders.is_empty() && holders.values().all(|people| people.len() == 1)
}

page::connection!(
    /// Members, a page of them.
    MemberConnection,
    /// One of the list, with its cursor.
    MemberEdge,
    Member
);
