//! The GraphQL type `GroupPreview`: the effects of managing a group, for display. Computed by `reconcile::take_over`; nothing
//! is decided here.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use super::{
    context,
    explanation::TimeSpan,
    loader,
    member::Member,
    page::{self, PageArguments},
    scalar::DateTime,
};
use crate::reconcile::take_over::{Fate, People, Person, Preview, Reading};

pub struct GroupPreview {
    preview: Arc<Preview>,
    reading: Arc<Reading>,
    based_on: String,
}

impl GroupPreview {
    /// `based_on` is the token that the mutation takes to confirm this preview.
    pub fn new(preview: Preview, reading: Arc<Reading>, based_on: String) -> Self {
        Self {
            preview: Arc::new(preview),
            reading,
            based_on,
        }
    }

    fn count(&self, fate: Fate) -> i32 {
        i32::try_from(self.preview.count(fate)).unwrap_or(i32::MAX)
    }

    async fn page(
        &self,
        context: &Context<'_>,
        fate: Fate,
        arguments: PageArguments,
    ) -> Result<GroupPersonConnection> {
        let preview = self.preview.clone();
        page::load(context::app(context)?, People { preview, fate }, arguments).await
    }
}

/// The effects of managing a group on the people who are in it in Kisi, and on the members whom its rules grant access to.
#[Object(crate = "crate::graphql::resolve")]
impl GroupPreview {
    /// Pass it to manageGroup, which refuses it if anything relevant has changed since.
    async fn based_on(&self) -> &str {
        &self.based_on
    }

    /// Identifies the data that was read from Kisi. Pass it to previewGroup to page through the same preview. Kept for ten
    /// minutes.
    async fn reading(&self) -> String {
        self.reading.id.simple().to_string()
    }

    /// When the data was read from Kisi.
    async fn read_at(&self) -> DateTime {
        DateTime(self.reading.at.micros())
    }

    /// Whether the group has an enabled rule. Without one, nobody is adopted, granted or removed.
    async fn has_rule(&self) -> bool {
        self.preview.has_rule
    }

    /// Number of assignments that would be adopted.
    async fn adopted_count(&self) -> i32 {
        self.count(Fate::Adopted)
    }

    /// Number of assignments that would be kept.
    async fn kept_count(&self) -> i32 {
        self.count(Fate::Kept)
    }

    /// Number of assignments that would be removed.
    async fn removed_count(&self) -> i32 {
        self.count(Fate::Removed)
    }

    /// Number of members who would newly get access.
    async fn granted_count(&self) -> i32 {
        self.count(Fate::Granted)
    }

    /// Assignments made by somebody else that match the rules: this service would manage them and set their times to those of
    /// the rules.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn adopted(
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
        self.page(context, Fate::Adopted, arguments).await
    }

    /// Assignments made by somebody else that would be kept unchanged.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn kept(
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
        self.page(context, Fate::Kept, arguments).await
    }

    /// Assignments made by somebody else that the rules do not require and the policy would remove.
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
        self.page(context, Fate::Removed, arguments).await
    }

    /// Members whom the rules grant access to and who have no assignment to adopt.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn granted(
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
        self.page(context, Fate::Granted, arguments).await
    }
}

pub struct GroupPerson(Person);

impl From<Person> for GroupPerson {
    fn from(person: Person) -> Self {
        Self(person)
    }
}

/// An assignment in a Kisi group, or a member who does not have one there yet.
#[Object(crate = "crate::graphql::resolve")]
impl GroupPerson {
    /// The member; null for a Kisi user whom no source reports.
    async fn member(&self, context: &Context<'_>) -> Result<Option<Member>> {
        match self.0.member {
            Some(id) => Ok(loader::load(context, loader::MemberKey(id))
                .await?
                .map(Member)),
            None => Ok(None),
        }
    }

    /// The member's name, or else the name in Kisi; empty if Kisi shows none.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The member's e-mail address, or else the one in Kisi; empty if Kisi shows none.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// Kisi's id of the assigned role, such as group_basic; null if there is no assignment.
    async fn role(&self) -> Option<&str> {
        self.0.role.as_deref()
    }

    /// The validity of the current assignment in Kisi; null if there is no assignment.
    async fn holds(&self) -> Option<TimeSpan> {
        self.0.held.as_ref().map(TimeSpan::from)
    }

    /// The periods in which the rules grant access, limited to what would be written to Kisi ahead of time; empty for
    /// assignments that are kept or removed.
    async fn wanted(&self) -> Vec<TimeSpan> {
        self.0.wanted.iter().map(TimeSpan::from).collect()
    }
}

page::connection!(
    /// A page of assignments and members in a group preview.
    GroupPersonConnection,
    /// An assignment or member and its cursor.
    GroupPersonEdge,
    GroupPerson
);
