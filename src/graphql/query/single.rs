//! Queries for one thing, and for the few of which there is a handful.

use async_graphql::{Context, ID, Object, Result};

use super::filter;
use crate::{
    graphql::{
        club::Club,
        context::{self, reads, sees},
        error::{bad_input, inside, internal},
        explanation::{Asked, Explanation, explain},
        kisi_account::KisiAccount,
        loader,
        member::Member,
        node::{self, Node},
        scalar::DateTime,
        source::Source,
        viewer::Viewer,
    },
    id::Kind,
    store::{clubs, facts::Known, kisi_accounts, members, row::TargetKind, sources},
};

/// How many ids may be asked for at once.
const MOST_NODES: usize = 250;

/// One thing at a time.
#[derive(Default)]
pub struct Single;

#[Object]
impl Single {
    /// Whatever has this id; null for an id that names nothing in this club. A member session may ask for itself, its
    /// club and the locks that it may open.
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of anything.")] id: ID,
    ) -> Result<Option<Node>> {
        node::find(context, &id).await
    }

    /// Whatever has these ids, in their order; null for one that names nothing in this club.
    #[graphql(complexity = "crate::graphql::page::times(ids.len(), child_complexity)")]
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of anything, 250 at most.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > MOST_NODES {
            return Err(bad_input(format!("ids: {MOST_NODES} at most")));
        }
        let found = ids.iter().map(|id| node::find(context, id));
        futures_util::future::try_join_all(found).await
    }

    /// Whoever holds the token that the request carries.
    async fn viewer(&self) -> Viewer {
        Viewer
    }

    /// The club that the token belongs to. Every other field answers within this club alone.
    async fn club(&self, context: &Context<'_>) -> Result<Club> {
        let scope = context::caller(context)?.scope;
        let row = clubs::get(context::app(context)?.db.read(), scope)
            .await
            .map_err(inside)?;
        row.map(Club)
            .ok_or_else(|| internal("the club of a token is not there"))
    }

    /// The connections to Kisi organizations, oldest first, with those that were given up.
    #[graphql(complexity = "crate::graphql::page::times(5, child_complexity)")]
    async fn kisi_accounts(&self, context: &Context<'_>) -> Result<Vec<KisiAccount>> {
        let scope = reads(context)?;
        let rows = kisi_accounts::all(context::app(context)?.db.read(), scope).await;
        Ok(rows.map_err(inside)?.into_iter().map(KisiAccount).collect())
    }

    /// The sources by name, without those that were removed.
    #[graphql(complexity = "crate::graphql::page::times(5, child_complexity)")]
    async fn sources(&self, context: &Context<'_>) -> Result<Vec<Source>> {
        let scope = reads(context)?;
        let rows = sources::all(context::app(context)?.db.read(), scope).await;
        Ok(rows.map_err(inside)?.into_iter().map(Source).collect())
    }

    /// One member, by id or by e-mail: exactly one of the two; a member session names itself by its id, or leaves
    /// both out. Null where there is none.
    async fn member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member's id.")] id: Option<ID>,
        #[graphql(desc = "The member's e-mail, in any case.")] email: Option<String>,
    ) -> Result<Option<Member>> {
        match (id, email) {
            (None, None) if context::caller(context)?.member.is_some() => {
                Viewer.member(context).await
            }
            (Some(id), None) => {
                let id = node::named("id", Kind::Member, &id)?;
                sees(context, id)?;
                Ok(loader::one(context, loader::MemberKey(id))
                    .await?
                    .map(Member))
            }
            (None, Some(email)) => {
                let scope = reads(context)?;
                let db = context::app(context)?.db.read();
                Ok(members::by_email(db, scope, &email)
                    .await
                    .map_err(inside)?
                    .map(Member))
            }
            _ => Err(bad_input("id and email: give exactly one of them")),
        }
    }

    /// Why this member may or may not pass, at an instant (now if left out). A lock's rules are its
    /// own and those of the groups that contain it; shares of a place or an account cover their
    /// locks, and put nobody into a group. With asKnownAt, from the facts, rules and overrides as
    /// this service knew them at that moment, whatever has come in since.
    async fn explain(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose access.")] member: ID,
        #[graphql(desc = "Where: a group or a lock, by its id, or by Kisi's id or URL of it.")]
        target: ID,
        #[graphql(desc = "When the member would pass. Left out: now.")] at: Option<DateTime>,
        #[graphql(desc = "From what was known at this instant. Left out: from what is known now.")]
        as_known_at: Option<DateTime>,
    ) -> Result<Explanation> {
        let member = node::named("member", Kind::Member, &member)?;
        let (kind, target) = filter::target(context, "target", &target).await?;
        sees(context, member)?;
        if loader::one(context, loader::MemberKey(member))
            .await?
            .is_none()
        {
            return Err(bad_input("member: it names no member of this club"));
        }
        let target = match kind {
            TargetKind::Group => access::Target::Group(crate::decide::id(target)),
            TargetKind::Lock => access::Target::Lock(crate::decide::id(target)),
        };
        let asked = Asked {
            member,
            target,
            at: loader::instant(context, at)?,
            known: as_known_at.map_or(Known::Now, |at| Known::At(at.0)),
        };
        explain(context, context::caller(context)?.scope, asked).await
    }
}
