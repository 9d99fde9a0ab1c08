//! The GraphQL type `Rule`. Conditions are converted from their stored form, so that the API does not depend on the types of
//! the `access` crate.

use async_graphql::{Context, ID, Object, Result};

use super::{decision::AccessTarget, error::internal_error, loader, node, page, scalar::DateTime};
use crate::{
    id::Kind,
    store::{
        row::{self, TargetKind},
        rules,
    },
};

pub mod condition;
mod summary;
mod version;

pub use condition::{BlockedPolicy, Condition, RegistrationSpan, Weekday};
pub use summary::summary_of;
pub use version::RuleVersion;

#[derive(Clone, Debug)]
pub struct Rule(pub row::Rule);

impl From<row::Rule> for Rule {
    fn from(row: row::Rule) -> Self {
        Self(row)
    }
}

/// A rule grants access to its target while all of its conditions are satisfied. A member has access if any rule or share
/// grants it and no suspension blocks it.
#[Object(crate = "crate::graphql::resolve")]
impl Rule {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Rule, self.0.rule_id)
    }

    /// Display name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The group or lock that it grants access to.
    async fn target(&self, context: &Context<'_>) -> Result<AccessTarget> {
        let id = self.0.target_id;
        Ok(match self.0.target_kind {
            TargetKind::Group => loader::load_required(context, loader::GroupKey(id))
                .await?
                .into(),
            TargetKind::Lock => loader::load_required(context, loader::LockKey(id))
                .await?
                .into(),
        })
    }

    /// The conditions; all of them must be satisfied.
    #[graphql(complexity = "crate::graphql::page::capped_product(5, child_complexity)")]
    async fn conditions(&self) -> Result<Vec<Condition>> {
        let stored = rules::conditions(&self.0).map_err(internal_error)?;
        Ok(stored.into_iter().map(Condition::from).collect())
    }

    /// Whether the rule is enabled. A disabled rule grants no access.
    async fn enabled(&self) -> bool {
        self.0.enabled
    }

    /// The conditions as one readable sentence.
    async fn summary(&self, context: &Context<'_>) -> Result<String> {
        summary::of_rule(context, &self.0).await
    }

    /// Version number: 1 when created, increased by each edit.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When the rule was last edited, or created if it was never edited.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.learned_at)
    }
}

page::connection!(
    /// A page of rules.
    RuleConnection,
    /// A rule and its cursor.
    RuleEdge,
    Rule
);
