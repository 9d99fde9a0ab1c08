//! The ids of the API: opaque, globally unique and permanent. An id contains its kind, so that an id of the wrong kind is refused
//! without a database query. Also parses Kisi's own ids and the URLs of its pages.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use url::Url;
use uuid::Uuid;

/// The kind of object that an id belongs to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Club,
    /// A connection to Kisi.
    KisiAccount,
    Place,
    Lock,
    Group,
    Member,
    Company,
    /// A membership, registration or purchase.
    Entitlement,
    Offering,
    Location,
    Rule,
    Share,
    Suspension,
    Grant,
    Source,
    Delivery,
    /// An entry of the history.
    AccessEvent,
    /// A revocation that the brake holds.
    HeldRevocation,
    /// An address to which events are sent.
    WebhookEndpoint,
    /// An event for one endpoint.
    WebhookMessage,
    /// A bearer token.
    Token,
}

/// Every kind with its mark, the first byte of an id. A mark must never be reused for another kind.
const KIND_TAGS: [(Kind, u8); 21] = [
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
    (Kind::WebhookEndpoint, 19),
    (Kind::WebhookMessage, 20),
    (Kind::Token, 21),
];

/// Encodes an id as text: URL-safe base64 of the mark and the UUID.
pub fn encode(kind: Kind, id: Uuid) -> String {
    let mark = KIND_TAGS
        .iter()
        .find(|(of, _)| *of == kind)
        .map_or(0, |(_, mark)| *mark);
    let mut bytes = [0; 17];
    let (first, rest) = bytes.split_at_mut(1);
    first.fill(mark);
    rest.copy_from_slice(id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes a text into kind and id; `None` if it is not an id.
pub fn decode(text: &str) -> Option<(Kind, Uuid)> {
    let bytes: [u8; 17] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let (mark, id) = bytes.split_first()?;
    let kind = KIND_TAGS.iter().find(|(_, of)| of == mark)?.0;
    Some((kind, Uuid::from_slice(id).ok()?))
}

/// Decodes an id; `None` if it is not an id of this kind.
pub fn decode_as(kind: Kind, text: &str) -> Option<Uuid> {
    decode(text).filter(|(of, _)| *of == kind).map(|(_, id)| id)
}

/// Kisi's reference to a lock, a group or a place: a plain number, which contains neither kind nor organization, or a URL.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct KisiRef {
    /// `None` for a plain number.
    pub kind: Option<Kind>,
    /// Kisi's id of the organization, if the URL contains it.
    pub organization: Option<i64>,
    /// Kisi's id of the lock, group or place.
    pub id: i64,
}

/// The path segments of Kisi's URLs; the most specific first, because a lock's URL can also contain its place.
const PAGES: [(&str, Kind); 3] = [
    ("locks", Kind::Lock),
    ("groups", Kind::Group),
    ("places", Kind::Place),
];

impl KisiRef {
    /// Parses a number, or the URL of a page at Kisi, such as
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
    fn ids_and_urls_of_kisi_are_parsed() {
        let name = |kind, organization, id| {
            Some(KisiRef {
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
            assert_eq!(KisiRef::parse(text), read, "{text}");
        }
    }

    #[test]
    fn every_kind_survives_encoding_and_decoding() {
        for (kind, _) in KIND_TAGS {
            let id = Uuid::from_u128(7);
            assert_eq!(decode(&encode(kind, id)), Some((kind, id)));
        }
    }

    #[test]
    fn ids_of_another_kind_and_invalid_texts_are_rejected() {
        let group = encode(Kind::Group, Uuid::from_u128(7));
        assert_eq!(decode_as(Kind::Lock, &group), None);
        assert_eq!(decode("nonsense"), None);
        assert_eq!(decode(""), None);
    }
}
