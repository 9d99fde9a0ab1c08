//! The query for what an edit of a rule would do. Changes nothing; judges everybody, and is priced so.

use access::Instant;
use async_graphql::{Context, Object, Result};

use crate::{
    graphql::{
        context::{self, reads},
        error::{Refusal, bad_input, inside, unlisted},
        input::rule_change::{RuleChangeInput, proposal},
        preview::AccessPreview,
        scalar::DateTime,
    },
    preview::{self, Basis},
    store::{
        listings::{self, MemberFilter},
        page::Listed,
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
        let members = listings::members(scope, &MemberFilter::default());
        let members = members.count(&app.db).await.map_err(inside)?;
        let conditions = proposal.to.as_ref().map_or(0, |to| to.conditions.len());
        let each = 1 + u64::try_from(conditions).unwrap_or(u64::MAX);
        let spent = evaluations.spend(&evaluations.begin(), members.saturating_mul(each));
        spent.map_err(unlisted)?;
        let turns = Some(evaluations.turns());
        let preview = preview::preview(db, scope, &proposal, at, turns).await;
        let preview = preview.map_err(inside)?;
        let preview = preview.ok_or_else(|| bad_input("change: there is no such rule any more"))?;
        let basis = Basis::of(&preview, &proposal, now);
        let based_on = basis.seal(&app.sealer, scope).map_err(inside)?;
        Ok(AccessPreview::new(preview, based_on))
    }
}
