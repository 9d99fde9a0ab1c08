//! Statements: what an adapter makes of an event, about people, companies and entitlements, in the terms of the domain. Adapters
//! are pure: they read no database, no clock and no other event. The version of a statement, not its time of arrival, decides
//! which one is current.

use access::Instant;
use jiff::civil::Date;

use crate::store::row::{BlockReason, EntitlementKind, OfferingKind, SourceAspect};

/// What an event asks to be read from the platform's API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    #[default]
    Nothing,
    /// These objects, as the platform's reader names them.
    Objects(Vec<String>),
    Everything,
}

/// The content of one delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The sender's name for the event type.
    pub kind: String,
    /// The time of the event at the source.
    pub happened_at: Instant,
    /// Applied in this order; they share one version.
    pub statements: Vec<Statement>,
    /// The parts of a body with several events that happened before `happened_at`, oldest first.
    pub earlier: Vec<Timed>,
    /// What is wrong with the parts of a body with several events that could not be translated. The delivery counts as failed,
    /// and the other parts apply.
    pub failure: Option<String>,
    /// What could not be used although the rest could; shown with the delivery.
    pub note: Option<String>,
    pub reads: Reads,
    /// Fields that were ignored; returned to the sender.
    pub warnings: Vec<String>,
}

impl Event {
    /// An event without statements.
    pub fn empty(kind: &str, happened_at: Instant) -> Self {
        Self {
            kind: kind.to_owned(),
            happened_at,
            statements: Vec::new(),
            earlier: Vec::new(),
            failure: None,
            note: None,
            reads: Reads::Nothing,
            warnings: Vec::new(),
        }
    }

    /// All parts with their times, oldest first.
    pub fn parts(&self) -> impl Iterator<Item = (Instant, &[Statement])> {
        let earlier = self.earlier.iter();
        earlier
            .map(|part| (part.happened_at, part.statements.as_slice()))
            .chain([(self.happened_at, self.statements.as_slice())])
    }
}

/// Statements of one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    pub happened_at: Instant,
    pub statements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// A person's attributes.
    Person(PersonWord),
    /// The person with this id is deleted, and everything that they hold from the source ends.
    PersonDeleted(String),
    /// A person is in a company. The person's other companies stay as they are.
    Joined(PersonWord, CompanyRef),
    /// A company's attributes.
    Company(CompanyWord),
    /// The company with this id is deleted: everybody leaves it.
    CompanyDeleted(String),
    /// The complete new state of an entitlement.
    Entitlement(Box<EntitlementWord>),
    /// The entitlement of this kind with this id is deleted.
    EntitlementDeleted(EntitlementKind, String),
    /// The name and the Kisi groups of something that the platform sells or lets people book.
    Offering(OfferingWord),
    /// The delivery lists everything of this kind: older statements of the kind have no effect any more.
    Snapshot(SourceAspect),
}

/// A person as a source describes them. `None` means that the source did not say: the current value stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PersonWord {
    /// The source's own id; for a person without one, `mailto:` and the address.
    pub id: String,
    /// Lower case and trimmed. `Some(None)`: the source says that there is none.
    pub email: Option<Option<String>>,
    pub name: Option<String>,
    /// All tags and member groups.
    pub tags: Option<Vec<String>>,
    /// All companies that the person is in.
    pub companies: Option<Vec<CompanyRef>>,
    /// Named only as a guest of a member.
    pub guest: bool,
}

/// A reference to a company from another entity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompanyRef {
    /// The source's own id.
    pub id: String,
    /// `None` where the source did not say.
    pub name: Option<String>,
}

/// A company as a source describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct CompanyWord {
    pub company: CompanyRef,
    /// All people in it; `None` where the source did not say.
    pub people: Option<Vec<PersonWord>>,
}

/// Who holds an entitlement.
#[derive(Clone, Debug, PartialEq)]
pub enum Holder {
    Person(PersonWord),
    /// Everybody in the company.
    Company(CompanyRef),
}

/// The complete state of an entitlement at its source.
#[derive(Clone, Debug, PartialEq)]
pub struct EntitlementWord {
    pub kind: EntitlementKind,
    /// The source's own id.
    pub id: String,
    pub holder: Holder,
    pub shared_with: Vec<PersonWord>,
    /// People invited to a registration.
    pub guests: Vec<PersonWord>,
    /// The API's name of the status, such as `ACTIVE`, `CONFIRMED` or `PAID`.
    pub status: &'static str,
    pub offering: OfferingWord,
    pub location: Option<LocationWord>,
    pub starts: Option<Moment>,
    pub ends: Option<Moment>,
    /// The reason of a block and its beginning.
    pub block: Option<(BlockReason, Instant)>,
}

/// The start or the end of an entitlement.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    At(Instant),
    /// A local day: as a start, its first instant; as an end, its last.
    On(Date),
}

/// Something that a platform sells or lets people book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferingWord {
    pub kind: OfferingKind,
    /// The source's own id.
    pub id: String,
    /// `None` where the source did not say.
    pub name: Option<String>,
    /// `None` where the source did not say.
    pub groups: Option<OfferingGroups>,
}

/// The Kisi groups to which the platform itself maps an offering. They give no access: rules do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferingGroups {
    /// Kisi's id of the group; `None` if the offering has none.
    pub group: Option<i64>,
    /// Kisi's ids of the groups that single sales have instead.
    pub of_items: Vec<i64>,
}

/// A site of the club.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationWord {
    /// The source's own id.
    pub id: String,
    /// `None` where the source did not say.
    pub name: Option<String>,
    /// An IANA time zone; `None` where the source did not say.
    pub time_zone: Option<String>,
}
