//! The queries for what an edit of a rule, or managing a group, would do. Change nothing; evaluate everybody, and are priced so.

use access::Instant;
use async_graphql::{Context, Error, ID, Object, Result};
use uuid::Uuid;

use crate::{
    graphql::{
        context::{self, reads},
        error::{Refusal, bad_input, inside, unlisted},
        group::StrangerPolicy,
        group_preview::GroupPreview,
        input::rule_change::{RuleChangeInput, proposal},
        kisi_error::of_kisi,
        mutation::group::unmanageable,
        node::SEVERAL,
        preview::AccessPreview,
        scalar::DateTime,
    },
    id::Kind,
    preview::{self, Basis},
    reconcile::take_over::{self, ReadError},
    store::{
        kisi_accounts,
        kisi_names::{self, Named},
        listings::{self, MemberFilter},
        page::Listed,
        row, setup,
    },
};

/// Previews.
#[derive(Default)]
pub struct Previews;

#[Object]
impl Previews {
    /// What a change to the rules would do, to whom, before it is made. Changes nothing.
    #[graphql(complexity = "crate::graphql::page::times(1, child_complexity) + 5_000")]
    async fn preview_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The change to look at.")] change: RuleChangeInput,
        #[graphql(desc = "The instant: what is over by then does not count. Left out: now.")]
        at: Option<DateTime>,
    ) -> Result<AccessPreview> {
        let scope = reads(context)?;
        let app = context::app(context)?;
        let db = app.db.read();
        let now = app.clock.now();
        let at = at.map_or(now, |at| Instant::from_micros(at.0));
        let proposal = proposal(db, scope, &change, "change").await;
        let proposal = proposal.map_err(|refusal| match refusal {
            Refusal::User(mistake) => {
                let path = mistake.field.unwrap_or_default().join(".");
                bad_input(format!("{path}: {}", mistake.message))
            }
            Refusal::Inside(error) => error,
        })?;
        let evaluations = context::evaluations(context)?;
        let conditions = proposal.to.as_ref().map_or(0, |to| to.conditions.len());
        let each = 1 + u64::try_from(conditions).unwrap_or(u64::MAX);
        evaluate_everybody(context, each).await?;
        let turns = Some(evaluations.turns());
        let preview = preview::preview(db, scope, &proposal, at, turns).await;
        let preview = preview.map_err(inside)?;
        let preview = preview.ok_or_else(|| bad_input("change: there is no such rule any more"))?;
        let basis = Basis::of(&preview, &proposal, now);
        let based_on = basis.seal(&app.sealer, scope).map_err(inside)?;
        Ok(AccessPreview::new(preview, based_on))
    }

    /// What managing a group would do to those who are in it in Kisi, which is read for this, and to the members whom its rules
    /// want in. Changes nothing. For ADMIN tokens alone.
    #[graphql(complexity = "crate::graphql::page::times(1, child_complexity) + 5_000")]
    async fn preview_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The group, by its id or Kisi's.")] group: ID,
        #[graphql(
            desc = "What becomes of people in it who are there by somebody else's doing.",
            default_with = "StrangerPolicy::from(row::StrangerPolicy::Keep)"
        )]
        strangers: StrangerPolicy,
        #[graphql(
            desc = "The reading of an earlier preview, to page through that. Left out: Kisi is read."
        )]
        reading: Option<String>,
    ) -> Result<GroupPreview> {
        let scope = context::administers(context)?.scope;
        let app = context::app(context)?;
        let db = app.db.read();
        let named = kisi_names::named(db, scope, &[Kind::Group], &group).await;
        let found = match named.map_err(inside)? {
            Named::One(_, id) => setup::some_groups(db, scope, &[id]).await,
            Named::Nothing => Ok(Vec::new()),
            Named::Several(_) => return Err(bad_input(format!("group: {SEVERAL}"))),
        };
        let group = found.map_err(inside)?.pop();
        let group = group.ok_or_else(|| bad_input("group: there is no such group in this club"))?;
        let account = kisi_accounts::get(db, scope, group.account_id).await;
        let account = account.map_err(inside)?;
        let account = account.ok_or_else(|| bad_input("group: its account is gone"))?;
        if let Some(problem) = unmanageable(&account, &group) {
            return Err(bad_input(format!("group: {problem}")));
        }
        evaluate_everybody(context, 2).await?;
        let reading = match reading {
            None => {
                let read = take_over::read(app, &account, &group).await;
                app.group_readings.keep(read.map_err(unread)?)
            }
            Some(text) => {
                let id = Uuid::try_parse(&text).ok();
                let now = app.clock.now();
                let kept = id.and_then(|id| app.group_readings.get(id, group.id, now));
                kept.ok_or_else(|| {
                    bad_input(
                        "reading: it is not kept any more; leave it out, and Kisi is read again",
                    )
                })?
            }
        };
        let strangers = row::StrangerPolicy::from(strangers);
        let turns = context::evaluations(context)?.turns();
        let preview = take_over::preview(app, account, &group, strangers, &reading, turns).await;
        let preview = preview.map_err(inside)?;
        let proposal = take_over::Proposal {
            group: group.id,
            strangers,
        };
        let basis = take_over::Basis::of(&preview, proposal, app.clock.now());
        let based_on = basis.seal(&app.sealer, scope).map_err(inside)?;
        Ok(GroupPreview::new(preview, reading, based_on))
    }
}

/// Refuses what would have more members evaluated than a document may.
async fn evaluate_everybody(context: &Context<'_>, each: u64) -> Result<()> {
    let (app, scope) = (context::app(context)?, context::caller(context)?.scope);
    let evaluations = context::evaluations(context)?;
    let members = listings::members(scope, &MemberFilter::default());
    let members = members.count(&app.db).await.map_err(inside)?;
    let spent = evaluations.spend(&evaluations.begin(), members.saturating_mul(each));
    spent.map_err(unlisted)
}

fn unread(problem: ReadError) -> Error {
    match problem {
        ReadError::Kisi(problem) => of_kisi(&problem),
        secret @ ReadError::Secret(_) => inside(secret),
    }
}
