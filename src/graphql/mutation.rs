//! What admins change: the root of all mutations, and what they share. Each checks its input, writes in one transaction
//! together with whom it makes due and what the history says of it, and wakes the loop after the commit.
//!
//! Promises that a mistake of the caller is a `UserError` and changes nothing. Kisi is called by connecting an account and
//! by changing its credentials alone, and never while a transaction is open.

use access::Instant;
use async_graphql::{Context, MergedObject};
use uuid::Uuid;

use super::{
    context,
    error::{Refusal, UserError, UserErrorCode},
    node::SEVERAL,
};
use crate::{
    app::App,
    id::{self, Kind},
    preview::CheckError,
    sentinel,
    store::{
        Connection, Scope,
        kisi_names::{self, Named},
    },
};

/// A payload: the object that was made or changed, or why not.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident { $(#[$field_doc:meta])* $field:ident: $object:ty }) => {
        $(#[$doc])*
        #[derive(async_graphql::SimpleObject)]
        pub struct $name {
            $(#[$field_doc])*
            pub $field: Option<$object>,
            /// Why nothing was changed; empty where it was.
            pub user_errors: Vec<$crate::graphql::error::UserError>,
        }

        impl $name {
            fn of(
                outcome: Result<impl Into<$object>, $crate::graphql::error::Refusal>,
            ) -> async_graphql::Result<Self> {
                Ok(match outcome {
                    Ok(object) => Self { $field: Some(object.into()), user_errors: Vec::new() },
                    Err(refusal) => Self { $field: None, user_errors: refusal.into_user_errors()? },
                })
            }
        }
    };
}

pub mod club;
mod connection;
pub mod delivery;
pub mod group;
pub mod kisi_account;
pub mod listening;
pub mod location;
pub mod offering;
pub mod reading;
pub mod retry;
pub mod revocation;
pub mod rule;
pub mod session;
pub mod share;
pub mod source;
pub mod suspension;
#[cfg(test)]
mod tests;
pub mod token;
pub mod unlock;

/// What can be changed. Each is for ADMIN tokens alone, but for unlock and createMemberSession.
#[derive(MergedObject, Default)]
pub struct Mutation(
    club::ClubMutations,
    kisi_account::KisiAccountMutations,
    listening::ListeningMutations,
    group::GroupMutations,
    source::SourceMutations,
    reading::ReadingMutations,
    retry::RetryMutations,
    offering::OfferingMutations,
    location::LocationMutations,
    delivery::DeliveryMutations,
    revocation::RevocationMutations,
    rule::RuleMutations,
    share::ShareMutations,
    suspension::SuspensionMutations,
    token::TokenMutations,
    unlock::UnlockMutations,
    session::SessionMutations,
);

/// The admin who asks, and what a change needs of the service.
#[derive(Clone)]
struct Admin {
    app: std::sync::Arc<App>,
    scope: Scope,
    actor: String,
    /// The instant of the change.
    now: i64,
}

impl Admin {
    /// Refuses whoever is no admin.
    fn of(context: &Context<'_>) -> async_graphql::Result<Self> {
        let caller = context::administers(context)?;
        let app = context::app(context)?.clone();
        let now = app.clock.now().micros();
        Ok(Self {
            scope: caller.scope,
            actor: caller.actor(),
            now,
            app,
        })
    }
}

/// The longest name that is taken, in characters.
const LONGEST_NAME: usize = 200;

/// A mistake in a field.
fn invalid(path: &str, message: impl Into<String>) -> Refusal {
    UserError::at(UserErrorCode::Invalid, path, message).into()
}

/// An id that names nothing of the kind that belongs there.
fn not_found(path: &str, what: &str) -> Refusal {
    let message = format!("there is no such {what} in this club");
    UserError::at(UserErrorCode::NotFound, path, message).into()
}

/// Something is not any more as a preview showed it.
fn stale(error: CheckError) -> Refusal {
    match error {
        CheckError::Stale(message) => {
            UserError::at(UserErrorCode::Stale, "basedOn", message).into()
        }
        CheckError::Store(error) => error.into(),
    }
}

/// The name is another's.
fn taken(path: &str, what: &str) -> Refusal {
    let message = format!("there is a {what} of this name already: choose another");
    UserError::at(UserErrorCode::AlreadyExists, path, message).into()
}

/// A name without blanks around it.
fn name(path: &str, text: &str) -> Result<String, Refusal> {
    text_of(path, "a name", text, LONGEST_NAME)
}

/// Text with something in it, of so many characters at most, without blanks around it.
fn text_of(path: &str, what: &str, text: &str, longest: usize) -> Result<String, Refusal> {
    let text = text.trim();
    // PostgreSQL holds no NUL.
    if text.is_empty() || text.contains('\0') || text.chars().count() > longest {
        return Err(invalid(
            path,
            format!("it has to be {what} of 1 to {longest} characters"),
        ));
    }
    Ok(text.to_owned())
}

/// The id of a kind.
fn id_of(kind: Kind, path: &str, what: &str, id: &str) -> Result<Uuid, Refusal> {
    id::decode_as(kind, id).ok_or_else(|| not_found(path, what))
}

/// What an argument names that Kisi has as well, by its id, or by Kisi's id or URL. A number that several things have at Kisi is
/// refused.
pub(in crate::graphql) async fn named_in_kisi(
    connection: &impl Connection,
    scope: Scope,
    kinds: &[Kind],
    path: &str,
    what: &str,
    text: &str,
) -> Result<(Kind, Uuid), Refusal> {
    match kisi_names::named(connection, scope, kinds, text).await? {
        Named::One(kind, id) => Ok((kind, id)),
        Named::Nothing => Err(not_found(path, what)),
        Named::Several(_) => Err(invalid(path, SEVERAL)),
    }
}

/// An end that has to lie ahead; none where none was given, or a date that stands for none.
fn ahead(
    path: &str,
    at: Option<super::scalar::DateTime>,
    now: i64,
) -> Result<Option<i64>, Refusal> {
    match at {
        Some(at) if at.0 <= now => Err(invalid(path, "it has to lie in the future")),
        at => Ok(at
            .and_then(|at| sentinel::end(Instant::from_micros(at.0)))
            .map(Instant::micros)),
    }
}
