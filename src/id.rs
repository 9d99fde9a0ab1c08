//! Ids as the outside sees them: opaque, globally unique, the same for ever. An id bears its kind, so that one of a wrong
//! kind is refused before the database is asked.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

/// What an id is of.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A club.
    Club,
    /// A connection to Kisi.
    KisiAccount,
    /// A place.
    Place,
    /// A lock.
    Lock,
    /// A group.
    Group,
    /// A member.
    Member,
    /// A company.
    Company,
    /// A membership, registration or purchase.
    Entitlement,
    /// An offering.
    Offering,
    /// A location.
    Location,
    /// A rule.
    Rule,
    /// A share.
    Share,
    /// A suspension.
    Suspension,
    /// A grant.
    Grant,
    /// A source.
    Source,
    /// A delivery.
    Delivery,
    /// An entry of the history.
    AccessEvent,
    /// A revocation that the brake holds.
    HeldRevocation,
}

/// Every kind with its mark. A mark is never given to another kind.
const MARKS: [(Kind, u8); 18] = [
    (Kind::Club, 1),
    (Kind::KisiAccount, 2),
    (Kind::Place, 3),
    (Kind::Lock, 4),
    (Kind::Group, 5),
    (Kind::Member, 6),
    (Kind::Company, 7),
    (Kind::Entitlement, 8),
    (Kind::Offering, 9),
    (Kind::Location, 10),
    (Kind::Rule, 11),
    (Kind::Share, 12),
    (Kind::Suspension, 13),
    (Kind::Grant, 14),
    (Kind::Source, 15),
    (Kind::Delivery, 16),
    (Kind::AccessEvent, 17),
    (Kind::HeldRevocation, 18),
];

/// The id as text.
pub fn encode(kind: Kind, id: Uuid) -> String {
    let mark = MARKS
        .iter()
        .find(|(of, _)| *of == kind)
        .map_or(0, |(_, mark)| *mark);
    let mut bytes = [0; 17];
    let (first, rest) = bytes.split_at_mut(1);
    first.fill(mark);
    rest.copy_from_slice(id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The kind and id that a text stands for; none where it stands for nothing.
pub fn decode(text: &str) -> Option<(Kind, Uuid)> {
    let bytes: [u8; 17] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let (mark, id) = bytes.split_first()?;
    let kind = MARKS.iter().find(|(_, of)| of == mark)?.0;
    Some((kind, Uuid::from_slice(id).ok()?))
}

/// The id of a kind that a text stands for.
pub fn decode_as(kind: Kind, text: &str) -> Option<Uuid> {
    decode(text).filter(|(of, _)| *of == kind).map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_back() {
        for (kind, _) in MARKS {
            let id = Uuid::from_u128(7);
            assert_eq!(decode(&encode(kind, id)), Some((kind, id)));
        }
    }

    #[test]
    fn another_kind_and_nonsense_are_nothing() {
        let group = encode(Kind::Group, Uuid::from_u128(7));
        assert_eq!(decode_as(Kind::Lock, &group), None);
        assert_eq!(decode("nonsense"), None);
        assert_eq!(decode(""), None);
    }
}
