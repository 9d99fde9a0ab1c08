//! The GraphQL type `AccessPreview`: the effects of a rule change, for display. Computed by `crate::preview`; nothing is
//! decided here.

use std::sync::Arc;

use access::Target;
use async_graphql::{Context, Enum, Object, Result};

use super::{
    context,
    decision::AccessTarget,
    explanation::TimeSpan,
    group_preview::GroupPersonConnection,
    loader,
    member::Member,
    page::{self, PageArguments},
    rule::Rule,
};
use crate::{
    preview::{Changed, Changes, Preview, Removed, Side, Warning},
    store::convert::row_id,
};

/// The effect of a rule change over all members, and over the people whom others let in directly in Kisi.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
pub enum AccessEffect {
    /// Nobody gains or loses access.
    None,
    /// Some members gain access, none lose any.
    AddsOnly,
    /// Some members lose access, none gain any.
    RemovesOnly,
    /// Some members gain access and some lose it.
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

pub struct AccessPreview {
    preview: Arc<Preview>,
    based_on: String,
}

impl AccessPreview {
    /// `based_on` is the token that the mutation takes to confirm this preview.
    pub fn new(preview: Preview, based_on: String) -> Self {
        Self {
            preview: Arc::new(preview),
            based_on,
        }
    }

    fn count(&self, side: Side) -> i32 {
        i32::try_from(self.preview.count(side)).unwrap_or(i32::MAX)
    }

    async fn page(
        &self,
        context: &Context<'_>,
        side: Side,
        arguments: PageArguments,
    ) -> Result<AccessChangeConnection> {
        let preview = self.preview.clone();
        page::load(context::app(context)?, Changes { preview, side }, arguments).await
    }
}

/// The effects of a rule change on each member, for current access and for existing bookings.
#[Object(crate = "crate::graphql::resolve")]
impl AccessPreview {
    /// Pass it to the mutation, which refuses it if anything relevant has changed since.
    async fn based_on(&self) -> &str {
        &self.based_on
    }

    /// The effect over all members, and over the people in `removed`.
    async fn effect(&self) -> AccessEffect {
        self.preview.effect.into()
    }

    /// Number of assignments made by somebody else in Kisi that would be removed: the change gives a managed group its first
    /// enabled rule, and the group's policy for strangers is REMOVE. Members who gain access keep theirs.
    async fn removed_count(&self) -> i32 {
        i32::try_from(self.preview.removed_count()).unwrap_or(i32::MAX)
    }

    /// Number of members who gain access.
    async fn gain_count(&self) -> i32 {
        self.count(Side::Gains)
    }

    /// Number of members who lose access.
    async fn loss_count(&self) -> i32 {
        self.count(Side::Losses)
    }

    /// The members who gain access, by name.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn gains(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
    ) -> Result<AccessChangeConnection> {
        let arguments = PageArguments::new(first, after, last, before)?;
        self.page(context, Side::Gains, arguments).await
    }

    /// The members who lose access, by name.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn losses(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
    ) -> Result<AccessChangeConnection> {
        let arguments = PageArguments::new(first, after, last, before)?;
        self.page(context, Side::Losses, arguments).await
    }

    /// The people whose assignments, made by somebody else in Kisi, would be removed, by name. Their losses are not in `losses`,
    /// because no rule let them in.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn removed(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
    ) -> Result<GroupPersonConnection> {
        let arguments = PageArguments::new(first, after, last, before)?;
        let removed = Removed(self.preview.clone());
        page::load(context::app(context)?, removed, arguments).await
    }

    /// Problems with the rules: a rule that can never grant access, that another rule makes redundant, or that refers to
    /// something that no longer exists.
    #[graphql(complexity = "crate::graphql::page::capped_product(5, child_complexity)")]
    async fn warnings(&self) -> Vec<RuleWarning> {
        let warnings = self.preview.warnings.iter();
        warnings.cloned().map(RuleWarning).collect()
    }
}

pub struct AccessChange(Changed);

impl From<Changed> for AccessChange {
    fn from(changed: Changed) -> Self {
        Self(changed)
    }
}

/// The effect of a rule change on one member's access to one target.
#[Object(crate = "crate::graphql::resolve")]
impl AccessChange {
    /// The member.
    async fn member(&self, context: &Context<'_>) -> Result<Member> {
        let row = loader::load_required(context, loader::MemberKey(self.0.member)).await?;
        Ok(Member(row))
    }

    /// The group or lock.
    async fn target(&self, context: &Context<'_>) -> Result<AccessTarget> {
        Ok(match self.0.target {
            Target::Group(id) => {
                let row = loader::load_required(context, loader::GroupKey(row_id(id))).await?;
                row.into()
            }
            Target::Lock(id) => {
                let row = loader::load_required(context, loader::LockKey(row_id(id))).await?;
                row.into()
            }
        })
    }

    /// The periods with access under the current rules, without past ones.
    async fn before(&self) -> Vec<TimeSpan> {
        self.0.before.iter().map(TimeSpan::from).collect()
    }

    /// The periods with access after the change, without past ones.
    async fn after(&self) -> Vec<TimeSpan> {
        self.0.after.iter().map(TimeSpan::from).collect()
    }
}

page::connection!(
    /// A page of access changes.
    AccessChangeConnection,
    /// An access change and its cursor.
    AccessChangeEdge,
    AccessChange
);

/// A possible mistake in the rules.
pub struct RuleWarning(Warning);

/// A possible mistake in the rules.
#[Object(crate = "crate::graphql::resolve")]
impl RuleWarning {
    /// Stable, machine-readable code, such as SCHEDULE_OVER or NEEDLESS_RULE.
    async fn code(&self) -> &str {
        self.0.code.as_str()
    }

    /// What is wrong, as text.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// The rule concerned; null if it is the new rule of the change.
    async fn rule(&self) -> Option<Rule> {
        self.0.rule.clone().map(Rule)
    }
}
