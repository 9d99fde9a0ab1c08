//! Ids as the outside sees them: opaque, globally unique, the same for ever. An id bears its kind, so that one of a wrong
//! kind is refused before the database is asked. Kisi's own ids and the URLs of its pages are read here as well.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use url::Url;
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

/// How Kisi names a lock, a group or a place: by a number, which says of itself neither what it is of nor where, or by a URL.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct KisiName {
    /// What it is of; none where that is not said.
    pub kind: Option<Kind>,
    /// Kisi's id of the organization; none where that is not said.
    pub organization: Option<i64>,
    /// Kisi's id of the thing.
    pub id: i64,
}

/// The words of Kisi's URLs, the narrowest first.
const PAGES: [(&str, Kind); 3] = [
    ("locks", Kind::Lock),
    ("groups", Kind::Group),
    ("places", Kind::Place),
];

impl KisiName {
    /// Reads a number, or the URL of a page at Kisi, such as
    /// `https://web.kisi.io/organization/123/places/5432/locks/123456`, with or without its scheme.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(id) = number(text) {
            return Some(Self {
                kind: None,
                organization: None,
                id,
            });
        }
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let url = Url::parse(&with_scheme).ok()?;
        let host = url.host_str()?;
        if host != "kisi.io" && !host.ends_with(".kisi.io") {
            return None;
        }
        let parts: Vec<&str> = url.path_segments()?.collect();
        let behind = |word: &str| {
            let mut pairs = parts.iter().zip(parts.iter().skip(1));
            pairs.find_map(|(part, next)| number(next).filter(|_| *part == word))
        };
        let page = |(word, kind): &(&str, Kind)| Some((*kind, behind(word)?));
        let (kind, id) = PAGES.iter().find_map(page)?;
        Some(Self {
            kind: Some(kind),
            organization: behind("organization").or_else(|| behind("organizations")),
            id,
        })
    }
}

fn number(text: &str) -> Option<i64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| is_number && *id > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kisis_ids_and_urls_are_read() {
        let name = |kind, organization, id| {
            Some(KisiName {
                kind,
                organization,
                id,
            })
        };
        let lock = name(Some(Kind::Lock), Some(123), 456);
        for (text, read) in [
            ("456", name(None, None, 456)),
            (" 456\n", name(None, None, 456)),
            (
                "https://web.kisi.io/organization/123/places/5/locks/456",
                lock,
            ),
            (
                "https://web.kisi.io/organization/123/places/5/locks/456/settings?tab=1#top",
                lock,
            ),
            (
                "https://web.kisi.io/organization/123/groups/8/locks/456",
                lock,
            ),
            ("web.kisi.io/organization/123/locks/456/", lock),
            (
                "https://web.kisi.io/locks/456",
                name(Some(Kind::Lock), None, 456),
            ),
            (
                "https://web.kisi.io/organization/123/groups/7",
                name(Some(Kind::Group), Some(123), 7),
            ),
            (
                "https://web.kisi.io/organization/123/places/5",
                name(Some(Kind::Place), Some(123), 5),
            ),
            ("https://example.com/organization/123/locks/456", None),
            ("https://kisi.io.example.com/locks/456", None),
            ("https://web.kisi.io/organization/123/locks/new", None),
            ("https://web.kisi.io/organization/123", None),
            ("", None),
            ("0", None),
            ("-4", None),
            ("+4", None),
            ("99999999999999999999", None),
            ("front door", None),
        ] {
            assert_eq!(KisiName::parse(text), read, "{text}");
        }
    }

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
