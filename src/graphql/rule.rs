//! Rules as people read them. The conditions are shown from their stored shape, so that the API never depends on the
//! heart's.

use async_graphql::{Context, ID, Object, Result};

use super::{decision::AccessTarget, error::inside, loader, node, page, scalar::DateTime};
use crate::{
    id::Kind,
    store::{
        row::{self, TargetKind},
        rules,
    },
};

pub mod condition;
mod summary;

pub use condition::{BlockedPolicy, Condition, RegistrationSpan, Weekday};
pub use summary::summary_of;

/// A rule, by the row of one of its versions.
#[derive(Clone, Debug)]
pub struct Rule(pub row::Rule);

impl From<row::Rule> for Rule {
    fn from(row: row::Rule) -> Self {
        Self(row)
    }
}

/// A rule gives access to its target whenever all of its conditions hold. A member may pass when
/// any rule or share says so and no suspension forbids it.
#[Object(crate = "crate::graphql::prompt")]
impl Rule {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::Rule, self.0.rule_id)
    }

    /// How people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it gives access to.
    async fn target(&self, context: &Context<'_>) -> Result<AccessTarget> {
        let id = self.0.target_id;
        Ok(match self.0.target_kind {
            TargetKind::Group => loader::needed(context, loader::GroupKey(id)).await?.into(),
            TargetKind::Lock => loader::needed(context, loader::LockKey(id)).await?.into(),
        })
    }

    /// All of them must hold.
    #[graphql(complexity = "crate::graphql::page::times(5, child_complexity)")]
    async fn conditions(&self) -> Result<Vec<Condition>> {
        let stored = rules::conditions(&self.0).map_err(inside)?;
        Ok(stored.into_iter().map(Condition::from).collect())
    }

    /// Whether it gives access at all.
    async fn enabled(&self) -> bool {
        self.0.enabled
    }

    /// What it says, in one sentence for people.
    async fn summary(&self, context: &Context<'_>) -> Result<String> {
        summary::of_rule(context, &self.0).await
    }

    /// 1 at first; grows with each edit.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When it was last edited; when it was made, where it never was.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.learned_at)
    }
}

page::connection!(
    /// Rules, a page of them.
    RuleConnection,
    /// One of the list, with its cursor.
    RuleEdge,
    Rule
);
