//! What an admin enters by hand: people without a source, and offerings before the first event that refers to them. Each is a
//! versioned statement like an event's, so that a later event overrides it and an earlier one does not. The API calls it within
//! a transaction of its own.

use access::Instant;
use uuid::Uuid;

use super::{
    apply::{Apply, assign_members},
    keys,
    statement::{OfferingWord, PersonWord, Statement},
};
use crate::{
    store::{
        ClubScope, Connection, StoreError, due, members,
        row::{Member, Offering},
        working_set::{self, Keys},
    },
    version::Version,
};

/// A person that no source has reported yet, validated.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// Lower case and trimmed.
    pub email: String,
    pub name: String,
}

/// Why an entry failed.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault of the program: the statement was applied without the effect that it must have.
    #[error("the entry was applied, but what it says is missing from the working set")]
    Missing,
}

/// The member with this e-mail, or a new member without a source. A source that reports the e-mail later finds the same member.
pub async fn find_or_create_member(
    connection: &impl Connection,
    scope: ClubScope,
    newcomer: NewPerson,
    now: i64,
) -> Result<Member, EntryError> {
    if let Some(member) = members::by_email(connection, scope, &newcomer.email).await? {
        return Ok(member);
    }
    let id = format!("mailto:{}", newcomer.email);
    let statement = Statement::Person(PersonWord {
        id: id.clone(),
        email: Some(Some(newcomer.email)),
        name: Some(newcomer.name),
        ..PersonWord::default()
    });
    let mut keys = Keys::default();
    keys::add(&mut keys, None, &statement);
    let mut set = working_set::load(connection, scope, now, &keys).await?;
    let mut apply = Apply::new(&mut set, None, version(Instant::from_micros(now)));
    apply.apply_all(&[statement]);
    let effects = apply.effects;
    let due = assign_members::assign_members(&mut set, &effects.identities);
    set.save(connection).await?;
    let cause = due::Cause::enforced("a new person was entered by an admin");
    due::mark(connection, scope, due, now, &cause).await?;
    let person = set
        .person_ids
        .get(&(None, id))
        .and_then(|id| set.persons.get(id));
    let member = person
        .and_then(|person| set.members.get(&person.member_id))
        .cloned();
    member.ok_or(EntryError::Missing)
}

/// Creates or updates an offering of a source.
pub async fn save_offering(
    connection: &impl Connection,
    scope: ClubScope,
    source: Uuid,
    offering: OfferingWord,
    now: Instant,
) -> Result<Offering, EntryError> {
    let name = (source, offering.kind, offering.id.clone());
    let statement = Statement::Offering(offering);
    let mut keys = Keys::default();
    keys::add(&mut keys, Some(source), &statement);
    let mut set = working_set::load(connection, scope, now.micros(), &keys).await?;
    Apply::new(&mut set, Some(source), version(now)).apply_all(&[statement]);
    set.save(connection).await?;
    set.offerings.remove(&name).ok_or(EntryError::Missing)
}

/// The least version of its instant, so that an event of the same instant overrides the entry.
fn version(happened_at: Instant) -> Version {
    Version {
        happened_at,
        key: String::new(),
    }
}
