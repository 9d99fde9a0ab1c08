//! What a platform says that a member or a company holds: memberships, registrations, purchases. Each is shown by the
//! version that stands, with its ends as the heart reads them.

use std::sync::Arc;

use access::{Instant, Via};
use async_graphql::{
    Context, ContextSelectionSet, Enum, ID, Interface, Object, Result, ServerResult, SimpleObject,
    Value,
};
use uuid::Uuid;

use super::{
    company::Company,
    context,
    error::{inside, internal},
    loader,
    location::Location,
    node,
    offering::Offering,
    prompt::{OneOf, resolve_container},
    scalar::DateTime,
    source::Source,
};
use crate::{
    decide::row_id,
    id::Kind,
    store::{
        entitlements,
        facts::{Held, Holdings, kinds},
        row::{self, EntitlementKind},
    },
};

/// How a membership stands, by the platform's word.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "access::MembershipStatus")]
pub enum MembershipStatus {
    /// Running.
    Active,
    /// Not begun yet.
    Scheduled,
    /// Frozen or on hold.
    Paused,
    /// Nothing is left of a pack.
    UsedUp,
    /// Over: cancelled, completed, expired.
    Ended,
}

/// How a booking stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "access::RegistrationStatus")]
pub enum RegistrationStatus {
    /// It counts.
    Confirmed,
    /// Not confirmed yet: it does not count.
    Tentative,
    /// On a waiting list: it does not count.
    Waitlisted,
    /// Called off: it does not count.
    Cancelled,
}

/// How a purchase stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "access::PurchaseStatus")]
pub enum PurchaseStatus {
    /// It counts.
    Paid,
    /// Not paid: it does not count.
    Unpaid,
    /// The money was given back: it does not count.
    Refunded,
    /// Declared void: it does not count.
    Void,
}

/// Why a membership is blocked.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::BlockReason")]
pub enum BlockReason {
    /// A payment failed.
    PaymentFailed,
    /// A payment failed and is tried again.
    PaymentRetrying,
    /// Staff blocked it.
    Manual,
}

/// That a membership is blocked.
#[derive(Clone, Debug, SimpleObject)]
pub struct Block {
    /// Why it is blocked.
    reason: BlockReason,
    /// Since when it is blocked.
    since: DateTime,
}

/// Something that a platform says a member or a company holds, for a time.
#[derive(Clone, Debug, Interface)]
#[graphql(
    crate = "crate::graphql::prompt::interface",
    field(name = "id", ty = "ID", desc = "Opaque and globally unique."),
    field(name = "source", ty = "Source", desc = "The source that says so."),
    field(name = "external_id", ty = "ID", desc = "The platform's own id."),
    field(
        name = "offering",
        ty = "Offering",
        desc = "What it is of: something that the platform sells or lets people book."
    ),
    field(
        name = "location",
        ty = "Option<Location>",
        desc = "The location that it is tied to; null where the platform does not tie it to one."
    ),
    field(
        name = "company",
        ty = "Option<Company>",
        desc = "The company that holds it, where it reaches the member through a company; else null."
    ),
    field(
        name = "starts_at",
        ty = "Option<DateTime>",
        desc = "From when on it lasts; null is without end on that side."
    ),
    field(
        name = "ends_at",
        ty = "Option<DateTime>",
        desc = "Until when it lasts, exclusive; null is without end on that side."
    ),
    field(
        name = "updated_at",
        ty = "DateTime",
        desc = "When the platform last changed it."
    )
)]
#[expect(missing_docs, reason = "the names say it")]
#[expect(
    clippy::duplicated_attributes,
    reason = "several fields are of one type"
)]
pub enum Entitlement {
    Membership(Membership),
    Registration(Registration),
    Purchase(Purchase),
}

impl OneOf for Entitlement {
    async fn resolve_object<'a>(
        &'a self,
        context: &ContextSelectionSet<'a>,
    ) -> ServerResult<Value> {
        match self {
            Self::Membership(membership) => resolve_container(context, membership).await,
            Self::Registration(registration) => resolve_container(context, registration).await,
            Self::Purchase(purchase) => resolve_container(context, purchase).await,
        }
    }
}

impl From<Arc<Held>> for Entitlement {
    fn from(held: Arc<Held>) -> Self {
        match held.version.kind {
            EntitlementKind::Membership => Self::Membership(Membership(held)),
            EntitlementKind::Registration => Self::Registration(Registration(held)),
            EntitlementKind::Purchase => Self::Purchase(Purchase(held)),
        }
    }
}

/// The entitlement of an id, as it reaches whoever holds it. None where nobody does.
pub async fn find(context: &Context<'_>, id: Uuid) -> Result<Option<Entitlement>> {
    let scope = context::reads(context)?;
    let db = context::app(context)?.db.read();
    let holders = entitlements::holders(db, scope, id).await.map_err(inside)?;
    let keys = holders.into_iter().map(loader::EntitlementsOf);
    let holdings: Vec<Arc<Holdings>> = loader::many(context, keys).await?;
    let mut held = holdings.iter().flat_map(|holdings| &holdings.held);
    Ok(held
        .find(|held| held.version.entitlement_id == id)
        .cloned()
        .map(Entitlement::from))
}

fn unreadable() -> async_graphql::Error {
    internal("a stored status cannot be read")
}

macro_rules! entitlement {
    (
        $(#[$doc:meta])* $name:ident { $($own:tt)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Arc<Held>);

        $(#[$doc])*
        #[Object(crate = "crate::graphql::prompt")]
        impl $name {
            /// Opaque and globally unique.
            pub async fn id(&self) -> ID {
                node::id(Kind::Entitlement, self.0.version.entitlement_id)
            }

            /// The source that says so.
            async fn source(&self, context: &Context<'_>) -> Result<Source> {
                loader::needed(context, loader::SourceKey(self.0.version.source_id)).await.map(Source)
            }

            /// The platform's own id.
            async fn external_id(&self) -> ID {
                ID(self.0.version.external_id.clone())
            }

            /// What it is of: something that the platform sells or lets people book.
            async fn offering(&self, context: &Context<'_>) -> Result<Offering> {
                let id = self.0.version.offering_id.unwrap_or_default();
                loader::needed(context, loader::OfferingKey(id)).await.map(Offering)
            }

            /// The location that it is tied to; null where the platform does not tie it to one.
            async fn location(&self, context: &Context<'_>) -> Result<Option<Location>> {
                match self.0.version.location_id {
                    Some(id) => Ok(loader::one(context, loader::LocationKey(id)).await?.map(Location)),
                    None => Ok(None),
                }
            }

            /// The company that holds it, where it reaches the member through a company; else null.
            async fn company(&self, context: &Context<'_>) -> Result<Option<Company>> {
                match self.0.via {
                    Via::Company(id) => {
                        let key = loader::CompanyKey(row_id(id));
                        Ok(loader::one(context, key).await?.map(Company))
                    }
                    Via::Own | Via::Shared | Via::Guest => Ok(None),
                }
            }

            /// From when on it lasts; null is without end on that side.
            async fn starts_at(&self) -> Option<DateTime> {
                self.0.span.from.known().map(instant)
            }

            /// Until when it lasts, exclusive; null is without end on that side.
            async fn ends_at(&self) -> Option<DateTime> {
                self.0.span.until.known().map(instant)
            }

            /// When the platform last changed it.
            async fn updated_at(&self) -> DateTime {
                DateTime(self.0.version.happened_at)
            }

            $($own)*
        }
    };
}

fn instant(at: Instant) -> DateTime {
    DateTime(at.micros())
}

entitlement! {
    /// A membership, held by a member or a company.
    Membership {
        /// How it stands, by the platform's word.
        async fn status(&self) -> Result<MembershipStatus> {
            let status = kinds::membership(&self.0.version.status);
            Ok(status.ok_or_else(unreadable)?.into())
        }

        /// Set while the membership is blocked: a payment failed, is retried, or staff blocked it.
        async fn blocked(&self) -> Option<Block> {
            let version = &self.0.version;
            let reason: row::BlockReason = version.block_reason?;
            let since = DateTime(version.block_since?);
            Some(Block { reason: reason.into(), since })
        }
    }
}

entitlement! {
    /// A booking, reservation or registration.
    Registration {
        /// How it stands, by the platform's word.
        async fn status(&self) -> Result<RegistrationStatus> {
            let status = kinds::registration(&self.0.version.status);
            Ok(status.ok_or_else(unreadable)?.into())
        }

        /// True where the member was invited by the one who booked.
        async fn as_guest(&self) -> bool {
            self.0.via == Via::Guest
        }
    }
}

entitlement! {
    /// A billing item that was bought: a season pass, an add-on.
    Purchase {
        /// How it stands, by the platform's word.
        async fn status(&self) -> Result<PurchaseStatus> {
            let status = kinds::purchase(&self.0.version.status);
            Ok(status.ok_or_else(unreadable)?.into())
        }
    }
}
