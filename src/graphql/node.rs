//! Whatever has an id: from the id to the thing. An id is read in here alone, so that one of another kind is refused by
//! name before the database is asked.

use async_graphql::{Context, ID, Interface, Result};
use uuid::Uuid;

use super::{
    access_event::AccessEvent,
    club::Club,
    company::Company,
    context,
    delivery::Delivery,
    entitlement::{self, Entitlement, Membership, Purchase, Registration},
    error::{bad_input, forbidden, inside},
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
    rule::Rule,
    share::Share,
    source::Source,
    suspension::Suspension,
};
use crate::{
    id::{self, Kind, KisiName},
    store::{
        clubs, grants, history,
        kisi_names::{self, Named},
        overrides, revocations,
        row::RevocationState,
    },
};

/// Whatever has an id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Opaque and globally unique."))]
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
}

/// The id of a thing.
pub fn id(kind: Kind, id: Uuid) -> ID {
    ID(id::encode(kind, id))
}

/// What an argument names, where it must be of one kind.
pub fn named(argument: &str, kind: Kind, text: &ID) -> Result<Uuid> {
    id::decode_as(kind, text)
        .ok_or_else(|| bad_input(format!("{argument}: it is no id of a {}", word(kind))))
}

/// What an argument of a query names that Kisi has as well, where it must be of one of these kinds: by its id, or by Kisi's id
/// or URL. A number that several things have at Kisi is the lock's.
pub async fn named_in_kisi(
    context: &Context<'_>,
    argument: &str,
    kinds: &[Kind],
    text: &ID,
) -> Result<(Kind, Uuid)> {
    let scope = context::caller(context)?.scope;
    let db = context::app(context)?.db.read();
    match kisi_names::named(db, scope, kinds, text)
        .await
        .map_err(inside)?
    {
        Named::One(kind, id) => Ok((kind, id)),
        // To look at the lock does no harm. What changes something asks which is meant.
        Named::Several(Some(lock)) => Ok((Kind::Lock, lock)),
        Named::Several(None) => Err(bad_input(format!("{argument}: {SEVERAL}"))),
        Named::Nothing => {
            let words: Vec<&str> = kinds.iter().map(|kind| word(*kind)).collect();
            let (last, others) = words.split_last().unwrap_or((&"thing", &[]));
            let words = if others.is_empty() {
                (*last).to_owned()
            } else {
                format!("{} or a {last}", others.join(", a "))
            };
            Err(bad_input(format!("{argument}: it is no id of a {words}")))
        }
    }
}

/// Where Kisi's number alone does not say which is meant.
pub const SEVERAL: &str =
    "several things at Kisi have this number: give the URL of its page at Kisi, or its id here";

/// The same for one kind and an argument that may be left out.
pub async fn maybe_named_in_kisi(
    context: &Context<'_>,
    argument: &str,
    kind: Kind,
    text: Option<&ID>,
) -> Result<Option<Uuid>> {
    match text {
        None => Ok(None),
        Some(text) => {
            let (_, id) = named_in_kisi(context, argument, &[kind], text).await?;
            Ok(Some(id))
        }
    }
}

/// The same for an argument that may be left out.
pub fn maybe_named(argument: &str, kind: Kind, text: Option<&ID>) -> Result<Option<Uuid>> {
    text.map(|text| named(argument, kind, text)).transpose()
}

fn word(kind: Kind) -> &'static str {
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
    }
}

/// What an id names; none where it names nothing in the club of the caller. A member session may
/// ask for itself, its club and the locks that it may open.
pub async fn find(context: &Context<'_>, text: &ID) -> Result<Option<Node>> {
    let caller = context::caller(context)?;
    let named = match id::decode(text) {
        Some(named) => Some(named),
        // A number does not say what it is of.
        None if KisiName::parse(text).is_some_and(|name| name.kind.is_some()) => {
            let kinds = [Kind::Lock, Kind::Group, Kind::Place];
            let db = context::app(context)?.db.read();
            let named = kisi_names::named(db, caller.scope, &kinds, text).await;
            match named.map_err(inside)? {
                Named::One(kind, id) => Some((kind, id)),
                Named::Nothing => None,
                Named::Several(_) => return Err(bad_input(format!("id: {SEVERAL}"))),
            }
        }
        None => None,
    };
    if let Some(member) = caller.member {
        let sees = match named {
            Some((Kind::Member, id)) => id == member,
            Some((Kind::Club, id)) => id == caller.scope.club,
            Some((Kind::Lock, id)) => member::may_open(context, member, id).await?,
            _ => false,
        };
        if !sees {
            return Err(forbidden(
                "a member session sees itself and its doors alone",
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
            let row = clubs::get(db, scope).await.map_err(inside)?;
            row.map(|row| Node::Club(Club(row)))
        }
        Kind::Club => None,
        Kind::HeldRevocation => {
            let held = revocations::in_state(db, scope, RevocationState::Held)
                .await
                .map_err(inside)?;
            let row = held.into_iter().find(|row| row.id == id);
            row.map(|row| Node::HeldRevocation(HeldRevocation(row)))
        }
        Kind::Entitlement => entitlement::find(context, id)
            .await?
            .map(|found| match found {
                Entitlement::Membership(it) => Node::Membership(it),
                Entitlement::Registration(it) => Node::Registration(it),
                Entitlement::Purchase(it) => Node::Purchase(it),
            }),
        Kind::Share => {
            let row = overrides::get_share(db, scope, id).await.map_err(inside)?;
            row.map(|row| Node::Share(Share(row)))
        }
        Kind::Suspension => {
            let row = overrides::get_suspension(db, scope, id)
                .await
                .map_err(inside)?;
            row.map(|row| Node::Suspension(Suspension(row)))
        }
        Kind::Grant => {
            let row = grants::get(db, scope, id).await.map_err(inside)?;
            row.map(|row| Node::Grant(Grant(row)))
        }
        Kind::AccessEvent => {
            let row = history::get(db, scope, id).await.map_err(inside)?;
            row.map(|row| Node::AccessEvent(AccessEvent(row)))
        }
        kind => loaded(context, kind, id).await?,
    })
}

/// What edges lead to as well, through the loaders.
async fn loaded(context: &Context<'_>, kind: Kind, id: Uuid) -> Result<Option<Node>> {
    macro_rules! load {
        ($key:ident, $node:ident) => {
            loader::one(context, loader::$key(id))
                .await?
                .map(|row| Node::$node($node(row)))
        };
    }
    Ok(match kind {
        Kind::KisiAccount => load!(AccountKey, KisiAccount),
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
