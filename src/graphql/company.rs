//! The GraphQL type `Company`: a company whose people are members of the club through it.

use async_graphql::{Context, ID, Object, Result};

use super::{
    context::{self, require_staff},
    member::MemberConnection,
    node,
    page::{self, PageArguments},
};
use crate::{
    decide::{FilteredMembers, MemberCriteria},
    id::Kind,
    store::{
        listings::{self, MemberFilter},
        row,
    },
};

#[derive(Clone, Debug)]
pub struct Company(pub row::Company);

impl From<row::Company> for Company {
    fn from(row: row::Company) -> Self {
        Self(row)
    }
}

/// A company whose people are members of the club through it.
#[Object(crate = "crate::graphql::resolve")]
impl Company {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Company, self.0.id)
    }

    /// Name on the platform.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The current members of the company, by name.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn members(
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
    ) -> Result<MemberConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let company = Some(self.0.id);
        let members = listings::members(
            scope,
            &MemberFilter {
                company,
                ..Default::default()
            },
        );
        let wanted = MemberCriteria {
            company,
            ..MemberCriteria::default()
        };
        let app = context::app(context)?;
        page::load(
            app,
            FilteredMembers {
                scope,
                members,
                criteria: wanted,
                evaluations: context::evaluations(context)?.clone(),
                cache_key: String::new(),
            },
            arguments,
        )
        .await
    }
}

page::connection!(
    /// A page of companies.
    CompanyConnection,
    /// A company and its cursor.
    CompanyEdge,
    Company
);
