//! The GraphQL type `RuleVersion`: a rule as it was before or after an edit. It has no id, so that caches do not take it for the
//! current rule.

use async_graphql::{Context, Object, Result};

use super::{Condition, summary};
use crate::{
    graphql::error::internal_error,
    store::{row, rules},
};

#[derive(Clone, Debug)]
pub struct RuleVersion(pub row::Rule);

/// A version of a rule.
#[Object(crate = "crate::graphql::resolve")]
impl RuleVersion {
    /// Version number: 1 when created, increased by each edit.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// Display name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether the rule was enabled.
    async fn enabled(&self) -> bool {
        self.0.enabled
    }

    /// The conditions; all of them had to be satisfied.
    #[graphql(complexity = "crate::graphql::page::capped_product(5, child_complexity)")]
    async fn conditions(&self) -> Result<Vec<Condition>> {
        let stored = rules::conditions(&self.0).map_err(internal_error)?;
        Ok(stored.into_iter().map(Condition::from).collect())
    }

    /// The conditions as one readable sentence.
    async fn summary(&self, context: &Context<'_>) -> Result<String> {
        summary::of_rule(context, &self.0).await
    }
}
