//! What an edit of a rule would do, as callers see it. Reckoned elsewhere; nothing is decided in here.

use std::sync::Arc;

use access::Target;
use async_graphql::{Context, Enum, Object, Result};

use super::{
    context,
    decision::AccessTarget,
    explanation::TimeSpan,
    loader,
    member::Member,
    page::{self, Arguments},
    rule::Rule,
};
use crate::{
    decide::row_id,
    preview::{Changed, Changes, Preview, Side, Warning},
};

/// What an edit does to people's access, over all members.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
pub enum AccessEffect {
    /// Nobody gains or loses anything.
    None,
    /// Somebody gains, and nobody loses.
    AddsOnly,
    /// Somebody loses, and nobody gains.
    RemovesOnly,
    /// Some gain and some lose.
    AddsAndRemoves,
}

impl From<access::Effect> for AccessEffect {
    fn from(effect: access::Effect) -> Self {
        match (effect.adds, effect.removes) {
            (false, false) => Self::None,
            (true, false) => Self::AddsOnly,
            (false, true) => Self::RemovesOnly,
            (true, true) => Self::AddsAndRemoves,
        }
    }
}

/// What an edit would do.
pub struct AccessPreview {
    preview: Arc<Preview>,
    based_on: String,
}

impl AccessPreview {
    /// A preview, and what an edit is to name to be made on its word.
    pub fn new(preview: Preview, based_on: String) -> Self {
        Self {
            preview: Arc::new(preview),
            based_on,
        }
    }

    fn counted(&self, side: Side) -> i32 {
        i32::try_from(self.preview.count(side)).unwrap_or(i32::MAX)
    }

    async fn page(
        &self,
        context: &Context<'_>,
        side: Side,
        arguments: Arguments,
    ) -> Result<AccessChangeConnection> {
        let preview = self.preview.clone();
        page::load(context::app(context)?, Changes { preview, side }, arguments).await
    }
}

/// What a change to the rules would do, to whom, now and for what is booked already.
#[Object(crate = "crate::graphql::prompt")]
impl AccessPreview {
    /// Hand it to the mutation: it is refused if anything that matters has changed since.
    async fn based_on(&self) -> &str {
        &self.based_on
    }

    /// What it does over all members.
    async fn effect(&self) -> AccessEffect {
        self.preview.effect.into()
    }

    /// How many members gain something.
    async fn gain_count(&self) -> i32 {
        self.counted(Side::Gains)
    }

    /// How many members lose something.
    async fn loss_count(&self) -> i32 {
        self.counted(Side::Losses)
    }

    /// Who gains something, by name.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn gains(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<AccessChangeConnection> {
        let arguments = Arguments::new(first, after, last, before)?;
        self.page(context, Side::Gains, arguments).await
    }

    /// Who loses something, by name.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn losses(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<AccessChangeConnection> {
        let arguments = Arguments::new(first, after, last, before)?;
        self.page(context, Side::Losses, arguments).await
    }

    /// Rules that can never hold, that another rule makes needless, or that name something that is
    /// gone.
    #[graphql(complexity = "crate::graphql::page::times(5, child_complexity)")]
    async fn warnings(&self) -> Vec<RuleWarning> {
        let warnings = self.preview.warnings.iter();
        warnings.cloned().map(RuleWarning).collect()
    }
}

/// Somebody whose access to a target would change.
pub struct AccessChange(Changed);

impl From<Changed> for AccessChange {
    fn from(changed: Changed) -> Self {
        Self(changed)
    }
}

/// What a change to the rules would do to one member's access.
#[Object(crate = "crate::graphql::prompt")]
impl AccessChange {
    /// Whose access.
    async fn member(&self, context: &Context<'_>) -> Result<Member> {
        let row = loader::needed(context, loader::MemberKey(self.0.member)).await?;
        Ok(Member(row))
    }

    /// Where: a group or a lock.
    async fn target(&self, context: &Context<'_>) -> Result<AccessTarget> {
        Ok(match self.0.target {
            Target::Group(id) => {
                let row = loader::needed(context, loader::GroupKey(row_id(id))).await?;
                row.into()
            }
            Target::Lock(id) => {
                let row = loader::needed(context, loader::LockKey(row_id(id))).await?;
                row.into()
            }
        })
    }

    /// When the member may pass as the rules are; what is over is left out.
    async fn before(&self) -> Vec<TimeSpan> {
        self.0.before.iter().map(TimeSpan::from).collect()
    }

    /// When the member may pass with the change; what is over is left out.
    async fn after(&self) -> Vec<TimeSpan> {
        self.0.after.iter().map(TimeSpan::from).collect()
    }
}

page::connection!(
    /// Changes of people's access, a page of them.
    AccessChangeConnection,
    /// One of the list, with its cursor.
    AccessChangeEdge,
    AccessChange
);

/// Something in the rules that is worth a second look.
pub struct RuleWarning(Warning);

/// Something in the rules that is worth a second look.
#[Object(crate = "crate::graphql::prompt")]
impl RuleWarning {
    /// A stable word for programs, such as SCHEDULE_OVER or NEEDLESS_RULE.
    async fn code(&self) -> &str {
        self.0.code.word()
    }

    /// What is wrong, in words.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// In which rule; null for one that is not there yet.
    async fn rule(&self) -> Option<Rule> {
        self.0.rule.clone().map(Rule)
    }
}
