//! A company whose people are members together.

use async_graphql::{Context, ID, Object, Result};

use super::{
    context::{self, reads},
    member::MemberConnection,
    node,
    page::{self, Arguments},
};
use crate::{
    decide::{Standing, Wanted},
    id::Kind,
    store::{
        listings::{self, MemberFilter},
        row,
    },
};

/// A company, by its row.
#[derive(Clone, Debug)]
pub struct Company(pub row::Company);

impl From<row::Company> for Company {
    fn from(row: row::Company) -> Self {
        Self(row)
    }
}

/// A company whose people are members together.
#[Object(crate = "crate::graphql::prompt")]
impl Company {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::Company, self.0.id)
    }

    /// What the platform calls it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Who is in it now.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn members(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<MemberConnection> {
        let scope = reads(context)?;
        let arguments = Arguments::new(first, after, last, before)?;
        let company = Some(self.0.id);
        let members = listings::members(
            scope,
            &MemberFilter {
                company,
                ..Default::default()
            },
        );
        let wanted = Wanted {
            company,
            ..Wanted::default()
        };
        let app = context::app(context)?;
        page::load(
            app,
            Standing {
                scope,
                members,
                wanted,
                evaluations: context::evaluations(context)?.clone(),
                narrowed: String::new(),
            },
            arguments,
        )
        .await
    }
}
