//! The root of all mutations, and their shared checks. A mutation checks its input, writes in one transaction together with
//! the work that it makes due and its history entries, and wakes the reconcile loop after the commit.
//!
//! A mistake of the caller becomes a `UserError` and changes nothing. Kisi is called only when an account is connected or its
//! credentials change, and never while a transaction is open.

use access::Instant;
use async_graphql::{Context, MergedObject};
use uuid::Uuid;

use super::{
    context,
    error::{Refusal, UserError, UserErrorCode},
    node::AMBIGUOUS_KISI_NUMBER,
};
use crate::{
    app::App,
    auth::Caller,
    id::{self, Kind},
    preview::CheckError,
    sentinel,
    store::{
        ClubScope, Connection, StoreError,
        history::{self, Entry},
        kisi_names::{self, Resolved},
        row::{HistoryKind, Role},
    },
};

/// Defines the payload of a mutation: the object that was created or changed, or the user errors.
macro_rules! payload {
    (@object $(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* }) => {
        $(#[$doc])*
        #[derive(async_graphql::SimpleObject)]
        #[graphql(crate = "crate::graphql::resolve")]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
            /// Why nothing was changed; empty on success.
            pub user_errors: Vec<$crate::graphql::error::UserError>,
        }
    };
    ($(#[$doc:meta])* $name:ident { $(#[$field_doc:meta])* $field:ident: $object:ty }) => {
        payload! { @object $(#[$doc])* $name { $(#[$field_doc])* $field: $object } }

        impl $name {
            pub fn of(
                outcome: Result<impl Into<$object>, $crate::graphql::error::Refusal>,
            ) -> async_graphql::Result<Self> {
                Ok(match outcome {
                    Ok(object) => Self { $field: Some(object.into()), user_errors: Vec::new() },
                    Err(refusal) => Self { $field: None, user_errors: refusal.into_user_errors()? },
                })
            }
        }
    };
    // With a secret that is returned only here.
    (
        $(#[$doc:meta])* $name:ident {
            $(#[$field_doc:meta])* $field:ident: $object:ty,
            $(#[$secret_doc:meta])* secret
        }
    ) => {
        payload! {
            @object $(#[$doc])* $name {
                $(#[$field_doc])* $field: $object,
                $(#[$secret_doc])* secret: String
            }
        }

        impl $name {
            pub fn of(
                outcome: Result<
                    (impl Into<$object>, impl Into<Option<secrecy::SecretString>>),
                    $crate::graphql::error::Refusal,
                >,
            ) -> async_graphql::Result<Self> {
                let show = |secret: secrecy::SecretString| {
                    secrecy::ExposeSecret::expose_secret(&secret).to_owned()
                };
                Ok(match outcome {
                    Ok((object, secret)) => Self {
                        $field: Some(object.into()),
                        secret: secret.into().map(show),
                        user_errors: Vec::new(),
                    },
                    Err(refusal) => Self {
                        $field: None,
                        secret: None,
                        user_errors: refusal.into_user_errors()?,
                    },
                })
            }
        }
    };
}

pub mod club;
mod connection;
pub mod delivery;
pub mod erasure;
mod form;
pub mod group;
pub mod invitation;
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
pub mod webhook;

/// All changes. `roles` says which role may use which.
#[derive(MergedObject, Default)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct Mutation(
    club::ClubMutations,
    kisi_account::KisiAccountMutations,
    listening::ListeningMutations,
    group::GroupMutations,
    invitation::InvitationMutations,
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
    erasure::ErasureMutations,
    token::TokenMutations,
    webhook::WebhookMutations,
    unlock::UnlockMutations,
    session::SessionMutations,
);

/// The caller who changes something, and what a mutation needs from the service.
#[derive(Clone)]
struct Editor {
    app: std::sync::Arc<App>,
    scope: ClubScope,
    role: Role,
    actor: String,
    /// The time of the change, in microseconds since 1970-01-01T00:00:00Z.
    now: i64,
}

impl Editor {
    /// # Errors
    /// FORBIDDEN for a caller who is not an admin.
    fn admin(context: &Context<'_>) -> async_graphql::Result<Self> {
        Self::of(context, context::require_admin(context)?)
    }

    /// # Errors
    /// FORBIDDEN for a caller who is neither an admin nor the front desk.
    fn admin_or_desk(context: &Context<'_>) -> async_graphql::Result<Self> {
        Self::of(context, context::require_admin_or_desk(context)?)
    }

    fn of(context: &Context<'_>, caller: &Caller) -> async_graphql::Result<Self> {
        let app = context::app(context)?.clone();
        let now = app.clock.now().micros();
        Ok(Self {
            scope: caller.scope,
            role: caller.role,
            actor: caller.actor(),
            now,
            app,
        })
    }

    fn is_desk(&self) -> bool {
        self.role == Role::Desk
    }
}

/// Writes to the history what a person changed about the club's set-up.
async fn record(
    connection: &impl Connection,
    scope: ClubScope,
    (actor, now): (&str, i64),
    kind: HistoryKind,
    message: String,
) -> Result<(), StoreError> {
    let entry = Entry {
        kind,
        member: None,
        target: None,
        cause: "an edit".to_owned(),
        delivery: None,
        rule: None,
        actor: Some(actor.to_owned()),
        message,
    };
    history::write(connection, scope, now, vec![entry]).await
}

/// "A (1 → 2), B (3 → 4)" for the settings whose texts differ; none if all are equal.
fn differences<const N: usize>(settings: [(&str, String, String); N]) -> Option<String> {
    let changed = settings
        .into_iter()
        .filter(|(_, before, after)| before != after);
    let texts: Vec<String> = changed
        .map(|(name, before, after)| format!("{name} ({before} → {after})"))
        .collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// In characters.
const MAX_NAME_CHARS: usize = 200;
/// The maximum length of a reason, in characters.
const MAX_REASON_CHARS: usize = 1_000;

/// INVALID, for the input field at `path`.
fn invalid(path: &str, message: impl Into<String>) -> Refusal {
    UserError::at(UserErrorCode::Invalid, path, message).into()
}

/// NOT_FOUND: `what` is the type of object that the id at `path` should name.
fn not_found(path: &str, what: &str) -> Refusal {
    let message = format!("no such {what} exists in this club");
    UserError::at(UserErrorCode::NotFound, path, message).into()
}

/// STALE if the state has changed since the preview; otherwise the internal error.
fn stale(error: CheckError) -> Refusal {
    match error {
        CheckError::Stale(message) => {
            UserError::at(UserErrorCode::Stale, "basedOn", message).into()
        }
        CheckError::Store(error) => error.into(),
    }
}

/// ALREADY_EXISTS: the name at `path` belongs to another object of the type `what`.
fn name_taken(path: &str, what: &str) -> Refusal {
    let message = format!("a {what} with this name already exists: choose another name");
    UserError::at(UserErrorCode::AlreadyExists, path, message).into()
}

/// Trims a name and checks its length.
fn name(path: &str, text: &str) -> Result<String, Refusal> {
    text_of(path, "a name", text, MAX_NAME_CHARS)
}

/// Trims a text and checks that it has 1 to `longest` characters.
fn text_of(path: &str, what: &str, text: &str, longest: usize) -> Result<String, Refusal> {
    let text = text.trim();
    // PostgreSQL cannot store NUL.
    if text.is_empty() || text.contains('\0') || text.chars().count() > longest {
        return Err(invalid(
            path,
            format!("must be {what} of 1 to {longest} characters"),
        ));
    }
    Ok(text.to_owned())
}

/// Decodes an id of the given kind. `path` and `what` name the field and the type in the error.
fn id_of(kind: Kind, path: &str, what: &str, id: &str) -> Result<Uuid, Refusal> {
    id::decode_as(kind, id).ok_or_else(|| not_found(path, what))
}

/// Resolves an argument that is an id of this API, Kisi's id or a Kisi URL. A Kisi number that several objects share is
/// refused as INVALID.
pub(in crate::graphql) async fn resolve_kisi_id(
    connection: &impl Connection,
    scope: ClubScope,
    kinds: &[Kind],
    path: &str,
    what: &str,
    text: &str,
) -> Result<(Kind, Uuid), Refusal> {
    match kisi_names::resolve(connection, scope, kinds, text).await? {
        Resolved::One(kind, id) => Ok((kind, id)),
        Resolved::Nothing => Err(not_found(path, what)),
        Resolved::Several(_) => Err(invalid(path, AMBIGUOUS_KISI_NUMBER)),
    }
}

/// Checks that an end is in the future. None if none was given, or if the date is a placeholder for "no end", such as the
/// year 9999.
fn future_end(
    path: &str,
    at: Option<super::scalar::DateTime>,
    now: i64,
) -> Result<Option<i64>, Refusal> {
    match at {
        Some(at) if at.0 <= now => Err(invalid(path, "must be in the future")),
        at => Ok(at
            .and_then(|at| sentinel::end(Instant::from_micros(at.0)))
            .map(Instant::micros)),
    }
}
