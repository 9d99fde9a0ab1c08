//! Queries for single objects and for short lists without pages.

use async_graphql::{Context, ID, Object, Result};

use super::filter;
use crate::{
    graphql::{
        club::Club,
        context::{self, require_self_or_staff, require_staff},
        error::{bad_input, internal, internal_error, not_retained},
        explanation::{ExplainArguments, Explanation, explain},
        kisi_account::KisiAccount,
        loader,
        member::Member,
        node::{self, Node},
        scalar::DateTime,
        source::Source,
        viewer::Viewer,
    },
    id::{self, Kind},
    retention,
    store::{clubs, convert, facts::AsOf, kisi_accounts, members, sources},
};

/// The most ids per request.
const MOST_NODES: usize = 250;

#[derive(Default)]
pub struct Single;

#[Object(crate = "crate::graphql::resolve")]
impl Single {
    /// The object with this id; null if nothing in this club has it. A member session may load its own member, its club and
    /// the locks that it may open.
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The id of any object.")] id: ID,
    ) -> Result<Option<Node>> {
        node::find(context, &id).await
    }

    /// The objects with these ids, in their order; null for an id that nothing in this club has.
    #[graphql(complexity = "crate::graphql::page::capped_product(ids.len(), child_complexity)")]
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Ids of any objects, at most 250.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > MOST_NODES {
            return Err(bad_input(format!("ids: at most {MOST_NODES}")));
        }
        let lookups = ids.iter().map(|id| node::find(context, id));
        futures_util::future::try_join_all(lookups).await
    }

    /// The caller: the holder of the token or member session of the request.
    async fn viewer(&self) -> Viewer {
        Viewer
    }

    /// The club that the token belongs to. All other fields return data of this club only.
    async fn club(&self, context: &Context<'_>) -> Result<Club> {
        let scope = context::caller(context)?.scope;
        let row = clubs::get(context::app(context)?.db.read(), scope)
            .await
            .map_err(internal_error)?;
        row.map(Club)
            .ok_or_else(|| internal("the club of a token does not exist"))
    }

    /// The connections to Kisi organizations, oldest first, including disconnected ones.
    #[graphql(complexity = "crate::graphql::page::capped_product(5, child_complexity)")]
    async fn kisi_accounts(&self, context: &Context<'_>) -> Result<Vec<KisiAccount>> {
        let scope = require_staff(context)?;
        let rows = kisi_accounts::all(context::app(context)?.db.read(), scope).await;
        Ok(rows
            .map_err(internal_error)?
            .into_iter()
            .map(KisiAccount)
            .collect())
    }

    /// The sources, by name, without removed ones.
    #[graphql(complexity = "crate::graphql::page::capped_product(5, child_complexity)")]
    async fn sources(&self, context: &Context<'_>) -> Result<Vec<Source>> {
        let scope = require_staff(context)?;
        let rows = sources::all(context::app(context)?.db.read(), scope).await;
        Ok(rows
            .map_err(internal_error)?
            .into_iter()
            .map(Source)
            .collect())
    }

    /// One member, by id or by e-mail address: exactly one of them is required. A member session may give its own id or omit
    /// both. Null if there is no such member.
    async fn member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member's id.")] id: Option<ID>,
        #[graphql(desc = "The member's e-mail address, ignoring case.")] email: Option<String>,
    ) -> Result<Option<Member>> {
        match (id, email) {
            (None, None) if context::caller(context)?.member.is_some() => {
                Viewer.member(context).await
            }
            (Some(id), None) => {
                // As with `node`, an id of nothing gives null. A member session learns nothing about other ids.
                let named = id::decode_as(Kind::Member, &id);
                require_self_or_staff(context, named.unwrap_or_default())?;
                let Some(id) = named else {
                    return Ok(None);
                };
                Ok(loader::load(context, loader::MemberKey(id))
                    .await?
                    .map(Member))
            }
            (None, Some(email)) => {
                let scope = require_staff(context)?;
                let db = context::app(context)?.db.read();
                Ok(members::by_email(db, scope, &email)
                    .await
                    .map_err(internal_error)?
                    .map(Member))
            }
            _ => Err(bad_input("id and email: exactly one of them is required")),
        }
    }

    /// Why this member has or lacks access to a target. The rules of a lock are its own and those of the groups that contain
    /// it; a share of a place or Kisi account covers the locks in it, but adds nobody to a group. With asKnownAt, uses the
    /// facts, rules and overrides that this service knew at that time, without what arrived later; before `Club.knownSince` the
    /// error NOT_RETAINED.
    async fn explain(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member's id.")] member: ID,
        #[graphql(desc = "The group or lock: its id, Kisi's id or its URL in Kisi.")] target: ID,
        #[graphql(desc = "The point in time of the decision. Defaults to now.")] at: Option<
            DateTime,
        >,
        #[graphql(desc = "Uses only what this service knew at this time. Defaults to now.")]
        as_known_at: Option<DateTime>,
    ) -> Result<Explanation> {
        let member = node::decode_id("member", Kind::Member, &member)?;
        let (kind, target) = filter::target(context, "target", &target).await?;
        require_self_or_staff(context, member)?;
        if loader::load(context, loader::MemberKey(member))
            .await?
            .is_none()
        {
            return Err(bad_input("member: no such member exists in this club"));
        }
        let target = convert::target(kind, target);
        let asked = ExplainArguments {
            member,
            target,
            at: loader::instant(context, at)?,
            as_of: as_known_at.map_or(AsOf::Now, |at| AsOf::At(at.0)),
        };
        let scope = context::caller(context)?.scope;
        let explanation = explain(context, scope, asked).await?;
        // Checked last: versions may have been deleted while they were read.
        if let Some(at) = as_known_at {
            let app = context::app(context)?;
            let since = retention::forgotten_before(app, scope, at.0).await;
            if let Some(since) = since.map_err(internal_error)? {
                return Err(not_retained("asKnownAt", DateTime(since.micros())));
            }
        }
        Ok(explanation)
    }
}
