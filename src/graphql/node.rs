//! The GraphQL interface `Node`, and the decoding of ids. Ids are decoded only here, so that an id of the wrong type is
//! refused by the name of its argument before the database is queried.

use async_graphql::{Context, ID, Interface, Result};
use uuid::Uuid;

use super::{
    access_event::AccessEvent,
    club::Club,
    company::Company,
    context,
    delivery::Delivery,
    entitlement::{self, Entitlement, Membership, Purchase, Registration},
    error::{bad_input, forbidden, internal_error},
    grant::Grant,
    group::Group,
    held_revocation::HeldRevocation,
    kisi_account::KisiAccount,
    loader,
    location::Location,
    lock::Lock,
    member::{self, Member},
    offering::Offering,
    place::Place,
    resolve::one_of,
    rule::Rule,
    share::Share,
    source::Source,
    suspension::Suspension,
    token::Token,
    webhook::{WebhookEndpoint, WebhookMessage},
};
use crate::{
    id::{self, Kind, KisiRef},
    store::{
        ClubScope, clubs,
        kisi_names::{self, Resolved},
        lookup, revocations, row,
        row::RevocationState,
    },
};

/// An object with a globally unique id.
#[derive(Interface)]
#[graphql(
    crate = "crate::graphql::resolve::interface",
    field(name = "id", ty = "ID", desc = "Opaque, globally unique id.")
)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Node {
    Club(Club),
    KisiAccount(KisiAccount),
    Place(Place),
    Lock(Lock),
    Group(Group),
    Member(Member),
    Company(Company),
    Membership(Membership),
    Registration(Registration),
    Purchase(Purchase),
    Location(Location),
    Offering(Offering),
    Rule(Rule),
    Share(Share),
    Suspension(Suspension),
    Grant(Grant),
    Source(Source),
    Delivery(Delivery),
    AccessEvent(AccessEvent),
    HeldRevocation(HeldRevocation),
    WebhookEndpoint(WebhookEndpoint),
    WebhookMessage(WebhookMessage),
    Token(Token),
}

one_of!(Node: Club, KisiAccount, Place, Lock, Group, Member, Company, Membership, Registration, Purchase, Location, Offering, Rule, Share, Suspension, Grant, Source, Delivery, AccessEvent, HeldRevocation, WebhookEndpoint, WebhookMessage, Token);

pub fn id(kind: Kind, id: Uuid) -> ID {
    ID(id::encode(kind, id))
}

/// Decodes an id of the given kind.
///
/// # Errors
/// BAD_USER_INPUT with the name of the argument.
pub fn decode_id(argument: &str, kind: Kind, text: &ID) -> Result<Uuid> {
    id::decode_as(kind, text).ok_or_else(|| {
        bad_input(format!(
            "{argument}: this is not a valid {} id",
            kind_name(kind)
        ))
    })
}

/// Resolves an argument of a query that is an id of this API, Kisi's id or a Kisi URL, of one of these kinds. If several
/// objects share a Kisi number, the lock is used.
///
/// # Errors
/// BAD_USER_INPUT if nothing has this id, or if several objects share the number and none is a lock.
pub async fn resolve_kisi_id(
    context: &Context<'_>,
    argument: &str,
    kinds: &[Kind],
    text: &ID,
) -> Result<(Kind, Uuid)> {
    let scope = context::caller(context)?.scope;
    let db = context::app(context)?.db.read();
    match kisi_names::resolve(db, scope, kinds, text)
        .await
        .map_err(internal_error)?
    {
        Resolved::One(kind, id) => Ok((kind, id)),
        // Reading the wrong object is harmless. Mutations refuse an ambiguous number instead.
        Resolved::Several(Some(lock)) => Ok((Kind::Lock, lock)),
        Resolved::Several(None) => Err(bad_input(format!("{argument}: {AMBIGUOUS_KISI_NUMBER}"))),
        Resolved::Nothing => {
            let words: Vec<&str> = kinds.iter().map(|kind| kind_name(*kind)).collect();
            let (last, others) = words.split_last().unwrap_or((&"thing", &[]));
            let words = if others.is_empty() {
                (*last).to_owned()
            } else {
                format!("{} or {last}", others.join(", "))
            };
            Err(bad_input(format!(
                "{argument}: no {words} in this club has this id"
            )))
        }
    }
}

/// The error for a Kisi number that several objects share.
pub const AMBIGUOUS_KISI_NUMBER: &str = "several objects in Kisi have this number: use the URL of its page in Kisi, or its id in this API";

/// [`resolve_kisi_id`] for one kind and an optional argument.
pub async fn resolve_optional_kisi_id(
    context: &Context<'_>,
    argument: &str,
    kind: Kind,
    text: Option<&ID>,
) -> Result<Option<Uuid>> {
    match text {
        None => Ok(None),
        Some(text) => {
            let (_, id) = resolve_kisi_id(context, argument, &[kind], text).await?;
            Ok(Some(id))
        }
    }
}

/// [`decode_id`] for an optional argument.
pub fn decode_optional_id(argument: &str, kind: Kind, text: Option<&ID>) -> Result<Option<Uuid>> {
    text.map(|text| decode_id(argument, kind, text)).transpose()
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Club => "club",
        Kind::KisiAccount => "Kisi account",
        Kind::Place => "place",
        Kind::Lock => "lock",
        Kind::Group => "group",
        Kind::Member => "member",
        Kind::Company => "company",
        Kind::Entitlement => "membership, registration or purchase",
        Kind::Offering => "offering",
        Kind::Location => "location",
        Kind::Rule => "rule",
        Kind::Share => "share",
        Kind::Suspension => "suspension",
        Kind::Grant => "grant",
        Kind::Source => "source",
        Kind::Delivery => "delivery",
        Kind::AccessEvent => "history entry",
        Kind::HeldRevocation => "held revocation",
        Kind::WebhookEndpoint => "endpoint",
        Kind::WebhookMessage => "message",
        Kind::Token => "token",
    }
}

/// Loads the object with this id. None if nothing in the caller's club has it. A member session may load its own member, its
/// club and the locks that it may open.
///
/// # Errors
/// FORBIDDEN for a member session and any other object.
pub async fn find(context: &Context<'_>, text: &ID) -> Result<Option<Node>> {
    let caller = context::caller(context)?;
    let named = decode_or_resolve(context, caller.scope, text).await?;
    if let Some(member) = caller.member {
        let is_permitted = match named {
            Some((Kind::Member, id)) => id == member,
            Some((Kind::Club, id)) => id == caller.scope.club,
            Some((Kind::Lock, id)) => member::may_open(context, member, id).await?,
            _ => false,
        };
        if !is_permitted {
            return Err(forbidden(
                "a member session can read only its own member and that member's doors",
            ));
        }
    }
    let Some((kind, id)) = named else {
        return Ok(None);
    };
    let scope = caller.scope;
    let db = context::app(context)?.db.read();
    Ok(match kind {
        Kind::Club if id == scope.club => {
            let row = clubs::get(db, scope).await.map_err(internal_error)?;
            row.map(|row| Node::Club(Club(row)))
        }
        Kind::Club => None,
        Kind::HeldRevocation => {
            let revocations = revocations::in_state(db, scope, RevocationState::Held)
                .await
                .map_err(internal_error)?;
            let row = revocations.into_iter().find(|row| row.id == id);
            row.map(|row| Node::HeldRevocation(HeldRevocation(row)))
        }
        Kind::Entitlement => {
            entitlement::find(context, id)
                .await?
                .map(|entitlement| match entitlement {
                    Entitlement::Membership(it) => Node::Membership(it),
                    Entitlement::Registration(it) => Node::Registration(it),
                    Entitlement::Purchase(it) => Node::Purchase(it),
                })
        }
        Kind::Share => {
            let row = lookup::by_id::<row::Share>(db, scope, id)
                .await
                .map_err(internal_error)?;
            row.map(|row| Node::Share(Share(row)))
        }
        Kind::Suspension => {
            let row = lookup::by_id::<row::Suspension>(db, scope, id)
                .await
                .map_err(internal_error)?;
            row.map(|row| Node::Suspension(Suspension(row)))
        }
        Kind::Token => {
            let row = lookup::by_id::<row::Token>(db, scope, id)
                .await
                .map_err(internal_error)?;
            // A session is stored beside the tokens.
            let row = row.filter(|row| row.member_id.is_none() && row.subject.is_none());
            row.map(|row| Node::Token(Token(row)))
        }
        Kind::Grant => {
            let row = lookup::by_id::<row::Grant>(db, scope, id)
                .await
                .map_err(internal_error)?;
            row.map(|row| Node::Grant(Grant(row)))
        }
        Kind::AccessEvent => {
            let row = lookup::by_id::<row::HistoryEntry>(db, scope, id)
                .await
                .map_err(internal_error)?;
            row.map(|row| Node::AccessEvent(AccessEvent(row)))
        }
        kind => loaded(context, kind, id).await?,
    })
}

/// The type and id of an id of this service, or of a URL of an object in Kisi.
async fn decode_or_resolve(
    context: &Context<'_>,
    scope: ClubScope,
    text: &ID,
) -> Result<Option<(Kind, Uuid)>> {
    if let Some(named) = id::decode(text) {
        return Ok(Some(named));
    }
    // A bare Kisi number does not say what type it belongs to, so only URLs are resolved.
    if KisiRef::parse(text).is_none_or(|name| name.kind.is_none()) {
        return Ok(None);
    }
    let kinds = [Kind::Lock, Kind::Group, Kind::Place];
    let db = context::app(context)?.db.read();
    let resolved = kisi_names::resolve(db, scope, &kinds, text).await;
    match resolved.map_err(internal_error)? {
        Resolved::One(kind, id) => Ok(Some((kind, id))),
        Resolved::Nothing => Ok(None),
        Resolved::Several(_) => Err(bad_input(format!("id: {AMBIGUOUS_KISI_NUMBER}"))),
    }
}

/// Loads the types that have a loader.
async fn loaded(context: &Context<'_>, kind: Kind, id: Uuid) -> Result<Option<Node>> {
    macro_rules! load {
        ($key:ident, $node:ident) => {
            loader::load(context, loader::$key(id))
                .await?
                .map(|row| Node::$node($node(row)))
        };
    }
    Ok(match kind {
        Kind::KisiAccount => load!(AccountKey, KisiAccount),
        Kind::WebhookEndpoint => load!(EndpointKey, WebhookEndpoint),
        Kind::WebhookMessage => load!(MessageKey, WebhookMessage),
        Kind::Place => load!(PlaceKey, Place),
        Kind::Lock => load!(LockKey, Lock),
        Kind::Group => load!(GroupKey, Group),
        Kind::Member => load!(MemberKey, Member),
        Kind::Company => load!(CompanyKey, Company),
        Kind::Location => load!(LocationKey, Location),
        Kind::Offering => load!(OfferingKey, Offering),
        Kind::Rule => load!(RuleKey, Rule),
        Kind::Source => load!(SourceKey, Source),
        Kind::Delivery => load!(DeliveryKey, Delivery),
        _ => None,
    })
}
