//! The GraphQL interface `Entitlement` with its types `Membership`, `Registration` and `Purchase`. Each shows the current
//! version of what the platform reported, with the start and end that the `access` crate uses for decisions.

use std::sync::Arc;

use access::{Instant, Via};
use async_graphql::{Context, Enum, ID, Interface, Object, Result, SimpleObject};
use uuid::Uuid;

use super::{
    company::Company,
    context,
    error::{internal, internal_error},
    loader,
    location::Location,
    node,
    offering::Offering,
    resolve::one_of,
    scalar::DateTime,
    source::Source,
};
use crate::{
    id::Kind,
    store::{
        convert::{kinds, row_id},
        entitlements,
        facts::{HeldEntitlement, Holdings},
        row::{self, EntitlementKind},
    },
};

/// Status of a membership, as reported by the platform.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "access::MembershipStatus")]
pub enum MembershipStatus {
    /// Active.
    Active,
    /// Starts in the future.
    Scheduled,
    /// Frozen or on hold.
    Paused,
    /// All visits or credits of a pack are used up.
    UsedUp,
    /// Cancelled, completed or expired.
    Ended,
}

/// Status of a booking. Only confirmed bookings give access.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "access::RegistrationStatus")]
pub enum RegistrationStatus {
    /// Gives access.
    Confirmed,
    /// Not confirmed yet; gives no access.
    Tentative,
    /// On a waiting list; gives no access.
    Waitlisted,
    /// Cancelled; gives no access.
    Cancelled,
}

/// Status of a purchase. Only paid purchases give access.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "access::PurchaseStatus")]
pub enum PurchaseStatus {
    /// Gives access.
    Paid,
    /// Not paid; gives no access.
    Unpaid,
    /// Refunded; gives no access.
    Refunded,
    /// Voided; gives no access.
    Void,
}

/// Why a membership is blocked.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::BlockReason")]
pub enum BlockReason {
    /// A payment failed.
    PaymentFailed,
    /// A payment failed and is being retried.
    PaymentRetrying,
    /// Staff blocked it.
    Manual,
}

/// A block on a membership.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct Block {
    /// The reason of the block.
    reason: BlockReason,
    /// When the block started.
    since: DateTime,
}

/// A membership, registration or purchase of a member or a company, as reported by a platform.
#[derive(Clone, Debug, Interface)]
#[graphql(
    crate = "crate::graphql::resolve::interface",
    field(name = "id", ty = "ID", desc = "Opaque, globally unique id."),
    field(name = "source", ty = "Source", desc = "The source that reported it."),
    field(name = "external_id", ty = "ID", desc = "The platform's id."),
    field(
        name = "offering",
        ty = "Offering",
        desc = "The offering: what the platform sells or lets people book."
    ),
    field(
        name = "location",
        ty = "Option<Location>",
        desc = "The location it is limited to; null if it is not limited to one."
    ),
    field(
        name = "company",
        ty = "Option<Company>",
        desc = "The company that the member has it through; null if the member has it directly."
    ),
    field(
        name = "starts_at",
        ty = "Option<DateTime>",
        desc = "Start, inclusive; null if unbounded."
    ),
    field(
        name = "ends_at",
        ty = "Option<DateTime>",
        desc = "End, exclusive; null if unbounded."
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

one_of!(Entitlement: Membership, Registration, Purchase);

impl From<Arc<HeldEntitlement>> for Entitlement {
    fn from(held: Arc<HeldEntitlement>) -> Self {
        match held.version.kind {
            EntitlementKind::Membership => Self::Membership(Membership(held)),
            EntitlementKind::Registration => Self::Registration(Registration(held)),
            EntitlementKind::Purchase => Self::Purchase(Purchase(held)),
        }
    }
}

/// Finds an entitlement by id, as held by one of its members. None if no member holds it.
pub async fn find(context: &Context<'_>, id: Uuid) -> Result<Option<Entitlement>> {
    let scope = context::require_staff(context)?;
    let db = context::app(context)?.db.read();
    let holders = entitlements::holders(db, scope, id)
        .await
        .map_err(internal_error)?;
    let keys = holders.into_iter().map(loader::EntitlementsOf);
    let holdings: Vec<Arc<Holdings>> = loader::load_many(context, keys).await?;
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
        pub struct $name(Arc<HeldEntitlement>);

        $(#[$doc])*
        #[Object(crate = "crate::graphql::resolve")]
        impl $name {
            /// Opaque, globally unique id.
            pub async fn id(&self) -> ID {
                node::id(Kind::Entitlement, self.0.version.entitlement_id)
            }

            /// The source that reported it.
            async fn source(&self, context: &Context<'_>) -> Result<Source> {
                loader::load_required(context, loader::SourceKey(self.0.version.source_id)).await.map(Source)
            }

            /// The platform's id.
            async fn external_id(&self) -> ID {
                ID(self.0.version.external_id.clone())
            }

            /// The offering: what the platform sells or lets people book.
            async fn offering(&self, context: &Context<'_>) -> Result<Offering> {
                let id = self.0.version.offering_id.unwrap_or_default();
                loader::load_required(context, loader::OfferingKey(id)).await.map(Offering)
            }

            /// The location it is limited to; null if it is not limited to one.
            async fn location(&self, context: &Context<'_>) -> Result<Option<Location>> {
                match self.0.version.location_id {
                    Some(id) => Ok(loader::load(context, loader::LocationKey(id)).await?.map(Location)),
                    None => Ok(None),
                }
            }

            /// The company that the member has it through; null if the member has it directly.
            async fn company(&self, context: &Context<'_>) -> Result<Option<Company>> {
                match self.0.via {
                    Via::Company(id) => {
                        let key = loader::CompanyKey(row_id(id));
                        Ok(loader::load(context, key).await?.map(Company))
                    }
                    Via::Own | Via::Shared | Via::Guest => Ok(None),
                }
            }

            /// Start, inclusive; null if unbounded.
            async fn starts_at(&self) -> Option<DateTime> {
                self.0.span.from.known().map(instant)
            }

            /// End, exclusive; null if unbounded.
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
    /// A membership of a member or a company.
    Membership {
        /// Status, as reported by the platform.
        async fn status(&self) -> Result<MembershipStatus> {
            let status = kinds::membership(&self.0.version.status);
            Ok(status.ok_or_else(unreadable)?.into())
        }

        /// Set while the membership is blocked because a payment failed, is being retried, or staff blocked it.
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
        /// Status, as reported by the platform.
        async fn status(&self) -> Result<RegistrationStatus> {
            let status = kinds::registration(&self.0.version.status);
            Ok(status.ok_or_else(unreadable)?.into())
        }

        /// Whether the member is a guest who was invited by the person who booked.
        async fn as_guest(&self) -> bool {
            self.0.via == Via::Guest
        }
    }
}

entitlement! {
    /// A purchased billing item, such as a season pass or an add-on.
    Purchase {
        /// Status, as reported by the platform.
        async fn status(&self) -> Result<PurchaseStatus> {
            let status = kinds::purchase(&self.0.version.status);
            Ok(status.ok_or_else(unreadable)?.into())
        }
    }
}
