//! The query that suggests rules. It changes nothing, and reads only what is stored.

use async_graphql::{Context, ID, Object, Result};

use crate::{
    graphql::{
        context,
        error::{bad_input, internal_error},
        node,
        suggestion::RuleSuggestions,
    },
    id::Kind,
    store::{lookup, row},
    suggest,
};

#[derive(Default)]
pub struct SuggestionQuery;

#[Object(crate = "crate::graphql::resolve")]
impl SuggestionQuery {
    /// Suggests rules for a source: by the Kisi groups that the platform itself gives with its plans and resources, or, where the
    /// platform has none, by names that memberships and groups have in common. Changes nothing: pass the `input` of a suggestion
    /// to `createRule`. Requires an ADMIN token.
    async fn suggest_rules(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The source.")] source: ID,
    ) -> Result<RuleSuggestions> {
        let scope = context::require_admin(context)?.scope;
        let db = context::app(context)?.db.read();
        let id = node::decode_id("source", Kind::Source, &source)?;
        let source = lookup::by_id::<row::Source>(db, scope, id).await;
        let source = source.map_err(internal_error)?;
        let source = source
            .filter(|source| source.removed_at.is_none())
            .ok_or_else(|| bad_input("source: no such source exists in this club"))?;
        let found = suggest::suggest(db, scope, &source).await;
        let found = found.map_err(internal_error)?;
        Ok(RuleSuggestions::new(source, found))
    }
}
