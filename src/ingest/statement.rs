//! What an adapter makes of an event: statements about people, companies and what they hold, in the domain's words. An
//! adapter is pure: it knows no database, no clock and no other event. Which statement stands is decided by its version,
//! never by when it came.

use access::Instant;
use jiff::civil::Date;

use crate::store::row::{BlockReason, EntitlementKind, OfferingKind, SourceAspect};

/// What orders the words about one thing: the later time at the source stands, of equal ones the greater key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// When it happened at the source.
    pub happened_at: Instant,
    /// The sender's id of the delivery that said it.
    pub key: String,
}

/// What one delivery says.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The sender's word for it.
    pub kind: String,
    /// When it happened at the source.
    pub happened_at: Instant,
    /// In the order in which they are to be applied; they share one version.
    pub statements: Vec<Statement>,
    /// What could not be used though the rest could, for the person who looks at the delivery.
    pub note: Option<String>,
    /// It is a reason to read the platform's API.
    pub reads: bool,
    /// Fields that were not read, for the sender.
    pub warnings: Vec<String>,
}

impl Event {
    /// An event that says nothing.
    pub fn empty(kind: &str, happened_at: Instant) -> Self {
        Self {
            kind: kind.to_owned(),
            happened_at,
            statements: Vec::new(),
            note: None,
            reads: false,
            warnings: Vec::new(),
        }
    }
}

/// One thing that a source says.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// Something about a person.
    Person(PersonWord),
    /// All that the person with this id holds from the source is over.
    PersonGone(String),
    /// Somebody is in a company; in which others is not said.
    Joined(PersonWord, CompanyRef),
    /// Something about a company.
    Company(CompanyWord),
    /// Nobody is in the company with this id any more.
    CompanyGone(String),
    /// What somebody holds.
    Entitlement(Box<EntitlementWord>),
    /// Nobody holds it any more.
    EntitlementGone(EntitlementKind, String),
    /// What the platform calls something that it sells or lets people book.
    Offering(OfferingWord),
    /// Older words about this kind count no more: the delivery named all that there is of it.
    Everything(SourceAspect),
}

/// A person as a source names them. What is `None` was not said and stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PersonWord {
    /// The source's own id; `mailto:` and the address for somebody without one.
    pub id: String,
    /// Lower case and trimmed. `Some(None)`: the source says that there is none.
    pub email: Option<Option<String>>,
    /// As people call them.
    pub name: Option<String>,
    /// All tags and member groups.
    pub tags: Option<Vec<String>>,
    /// All companies that the person is in.
    pub companies: Option<Vec<CompanyRef>>,
    /// Named as somebody's guest, and not as a member.
    pub guest: bool,
}

/// A company as it is named beside something else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompanyRef {
    /// The source's own id.
    pub id: String,
    /// Its name, where it was said.
    pub name: Option<String>,
}

/// A company as a source describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct CompanyWord {
    /// Id and name.
    pub company: CompanyRef,
    /// Everybody in it, where that was said.
    pub people: Option<Vec<PersonWord>>,
}

/// Who holds an entitlement.
#[derive(Clone, Debug, PartialEq)]
pub enum Holder {
    /// One person.
    Person(PersonWord),
    /// Everybody in a company.
    Company(CompanyRef),
}

/// An entitlement as a source describes it, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct EntitlementWord {
    /// What kind of thing is held.
    pub kind: EntitlementKind,
    /// The source's own id.
    pub id: String,
    /// Who holds it.
    pub holder: Holder,
    /// People it is shared with.
    pub shared_with: Vec<PersonWord>,
    /// People invited to it.
    pub guests: Vec<PersonWord>,
    /// The word of the API for its status, such as `ACTIVE`, `CONFIRMED` or `PAID`.
    pub status: &'static str,
    /// What is held.
    pub offering: OfferingWord,
    /// Where it holds.
    pub location: Option<LocationWord>,
    /// From when.
    pub starts: Option<Moment>,
    /// Until when.
    pub ends: Option<Moment>,
    /// Why and since when it is blocked.
    pub block: Option<(BlockReason, Instant)>,
}

/// One end of an entitlement.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// An instant.
    At(Instant),
    /// A local day: from its start, or to its end.
    On(Date),
}

/// Something that a platform sells or lets people book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferingWord {
    /// What kind of thing.
    pub kind: OfferingKind,
    /// The source's own id.
    pub id: String,
    /// Its name, where it was said.
    pub name: Option<String>,
}

/// A site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationWord {
    /// The source's own id.
    pub id: String,
    /// Its name, where it was said.
    pub name: Option<String>,
    /// Its IANA time zone, where it was said.
    pub time_zone: Option<String>,
}
