//! What managing a group would do, as callers see it. Worked out elsewhere; nothing is decided in here.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use super::{
    context,
    explanation::TimeSpan,
    loader,
    member::Member,
    page::{self, Arguments},
    scalar::DateTime,
};
use crate::reconcile::take_over::{Fate, People, Person, Preview, Reading};

/// What managing a group would do.
pub struct GroupPreview {
    preview: Arc<Preview>,
    reading: Arc<Reading>,
    based_on: String,
}

impl GroupPreview {
    /// A preview of what was read, and what the mutation is to name to be made on its word.
    pub fn new(preview: Preview, reading: Arc<Reading>, based_on: String) -> Self {
        Self {
            preview: Arc::new(preview),
            reading,
            based_on,
        }
    }

    fn counted(&self, fate: Fate) -> i32 {
        i32::try_from(self.preview.count(fate)).unwrap_or(i32::MAX)
    }

    async fn page(
        &self,
        context: &Context<'_>,
        fate: Fate,
        arguments: Arguments,
    ) -> Result<GroupPersonConnection> {
        let preview = self.preview.clone();
        page::load(context::app(context)?, People { preview, fate }, arguments).await
    }
}

/// What managing a group would do to the people who are in it in Kisi, and to the members whom its rules want in.
#[Object(crate = "crate::graphql::prompt")]
impl GroupPreview {
    /// Hand it to manageGroup: it is refused if anything that matters has changed since.
    async fn based_on(&self) -> &str {
        &self.based_on
    }

    /// Names what was read of Kisi: hand it to previewGroup to page through the same list. Kept for ten minutes.
    async fn reading(&self) -> String {
        self.reading.id.simple().to_string()
    }

    /// When Kisi was read.
    async fn read_at(&self) -> DateTime {
        DateTime(self.reading.at.micros())
    }

    /// Whether an enabled rule is about the group. Before there is one nobody is adopted, granted or removed.
    async fn has_rule(&self) -> bool {
        self.preview.has_rule
    }

    /// How many assignments are adopted.
    async fn adopted_count(&self) -> i32 {
        self.counted(Fate::Adopted)
    }

    /// How many assignments are kept.
    async fn kept_count(&self) -> i32 {
        self.counted(Fate::Kept)
    }

    /// How many assignments are removed.
    async fn removed_count(&self) -> i32 {
        self.counted(Fate::Removed)
    }

    /// How many members are newly granted access.
    async fn granted_count(&self) -> i32 {
        self.counted(Fate::Granted)
    }

    /// Assignments that somebody else made and the rules want: they become this service's, and get the times of the rules.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn adopted(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<GroupPersonConnection> {
        let arguments = Arguments::new(first, after, last, before)?;
        self.page(context, Fate::Adopted, arguments).await
    }

    /// Assignments that somebody else made and that stay as they are.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn kept(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<GroupPersonConnection> {
        let arguments = Arguments::new(first, after, last, before)?;
        self.page(context, Fate::Kept, arguments).await
    }

    /// Assignments that somebody else made, the rules do not want, and the policy removes.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn removed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<GroupPersonConnection> {
        let arguments = Arguments::new(first, after, last, before)?;
        self.page(context, Fate::Removed, arguments).await
    }

    /// Members whom the rules want in and who have no assignment that could be adopted.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn granted(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<GroupPersonConnection> {
        let arguments = Arguments::new(first, after, last, before)?;
        self.page(context, Fate::Granted, arguments).await
    }
}

/// An assignment in a group, or a member who has none there.
pub struct GroupPerson(Person);

impl From<Person> for GroupPerson {
    fn from(person: Person) -> Self {
        Self(person)
    }
}

/// An assignment in a Kisi group, or a member who has none there yet.
#[Object(crate = "crate::graphql::prompt")]
impl GroupPerson {
    /// The member; null for somebody whom no source names.
    async fn member(&self, context: &Context<'_>) -> Result<Option<Member>> {
        match self.0.member {
            Some(id) => Ok(loader::one(context, loader::MemberKey(id))
                .await?
                .map(Member)),
            None => Ok(None),
        }
    }

    /// The member's name, else Kisi's; empty where Kisi shows none.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The member's e-mail, else Kisi's; empty where Kisi shows none.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// Kisi's id of the role that is held, such as group_basic; null where nothing is held.
    async fn role(&self) -> Option<&str> {
        self.0.role.as_deref()
    }

    /// When Kisi lets the person in now; null where nothing is held.
    async fn holds(&self) -> Option<TimeSpan> {
        self.0.held.as_ref().map(TimeSpan::from)
    }

    /// When the rules want the member in, as far ahead as Kisi is told; empty for who is kept or removed.
    async fn wanted(&self) -> Vec<TimeSpan> {
        self.0.wanted.iter().map(TimeSpan::from).collect()
    }
}

page::connection!(
    /// Assignments and members in a preview of a group, a page of them.
    GroupPersonConnection,
    /// One of the list, with its cursor.
    GroupPersonEdge,
    GroupPerson
);
