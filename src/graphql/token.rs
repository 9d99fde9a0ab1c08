//! The GraphQL type `Token`: a bearer token without its secret, which is stored only as a hash.

use async_graphql::{ID, Object, SimpleObject};

use super::{node, page, scalar::DateTime, viewer::Role};
use crate::{id::Kind, store::row};

#[derive(Clone, Debug)]
pub struct Token(pub row::Token);

impl From<row::Token> for Token {
    fn from(row: row::Token) -> Self {
        Self(row)
    }
}

/// A bearer token of the club. It is shown only once, when it is created.
#[Object(crate = "crate::graphql::resolve")]
impl Token {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Token, self.0.id)
    }

    /// The name, unique in the club; revokeToken takes it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What the token may do.
    async fn role(&self) -> Role {
        self.0.role.into()
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it expires, or expired; null if it does not.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(DateTime)
    }
}

/// A session of somebody of the staff who signed in to the console with the identity provider.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct StaffSession {
    /// The person's name, as in the history; endStaffSessions takes it.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// When the person signed in.
    pub created_at: DateTime,
    /// When the session ends by itself.
    pub expires_at: DateTime,
}

impl From<row::Token> for StaffSession {
    fn from(row: row::Token) -> Self {
        Self {
            name: row.name,
            role: row.role.into(),
            created_at: DateTime(row.created_at),
            expires_at: DateTime(row.expires_at.unwrap_or(row.created_at)),
        }
    }
}

page::connection!(
    /// A page of tokens.
    TokenConnection,
    /// A token and its cursor.
    TokenEdge,
    Token
);
