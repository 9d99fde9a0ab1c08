//! How a sender signs its webhooks, as data: where the signature, the timestamp and the id are, and which bytes are signed. Each
//! known scheme is such a rule; a source of the scheme CUSTOM brings its own (`settings`).

use std::{borrow::Cow, time::Duration};

use crate::store::row::SignatureScheme;

/// How the requests of a source are verified.
#[derive(Clone, Debug)]
pub enum Verification {
    /// Nothing is verified: a request only triggers a reading.
    Nudge,
    /// A header repeats the secret. It proves who sends, and nothing about the body.
    SharedSecret(SharedSecret),
    /// A MAC over the body.
    Mac(MacRule),
}

impl Verification {
    /// The rule of a known scheme; none for the schemes that need settings.
    pub fn preset(scheme: SignatureScheme) -> Option<Self> {
        let rule = match scheme {
            SignatureScheme::StandardWebhooks => standard("webhook"),
            SignatureScheme::Svix => standard("svix"),
            SignatureScheme::Stripe => pairs("stripe-signature", "v1=", &STAMP_THEN_BODY)
                .with_id(IdPlace::Member(Cow::Borrowed("/id"))),
            SignatureScheme::Officernd => {
                pairs("officernd-signature", "signature=", &BODY_THEN_STAMP)
            }
            SignatureScheme::HubSha256 => body("x-hub-signature-256", "sha256=", Encoding::Hex),
            SignatureScheme::Mindbody => body("x-mindbody-signature", "sha256=", Encoding::Base64)
                .with_id(IdPlace::Member(Cow::Borrowed("/messageId"))),
            SignatureScheme::Nexudus => MacRule {
                content: Cow::Borrowed(&[Piece::AsciiBody]),
                ..body("x-nexudus-hook-signature", "", Encoding::UpperHex)
            },
            SignatureScheme::Pushpress => MacRule {
                content: Cow::Borrowed(&[Piece::DataMember]),
                ..body("webhook-signature", "", Encoding::Hex)
            },
            SignatureScheme::Nudge => return Some(Self::Nudge),
            SignatureScheme::Custom | SignatureScheme::SharedSecret => return None,
        };
        Some(Self::Mac(rule))
    }
}

/// A secret in a header.
#[derive(Clone, Debug)]
pub struct SharedSecret {
    /// In lower case.
    pub header: String,
    /// The text before the secret, such as `Bearer `.
    pub prefix: String,
    /// Where an id of the event is.
    pub id: Option<IdPlace>,
}

/// A MAC over the body, and where its parts are in the request.
#[derive(Clone, Debug)]
pub struct MacRule {
    /// The header with the signatures, in lower case.
    pub header: Cow<'static, str>,
    /// The text before each signature, such as `sha256=`.
    pub prefix: Cow<'static, str>,
    pub encoding: Encoding,
    pub algorithm: Algorithm,
    /// What is signed.
    pub content: Cow<'static, [Piece]>,
    pub timestamp: Option<Stamp>,
    pub id: Option<IdPlace>,
    pub key: KeyEncoding,
    /// How far the timestamp may be from now; none for the deployment's setting.
    pub tolerance: Option<Duration>,
}

impl MacRule {
    fn with_id(self, id: IdPlace) -> Self {
        Self {
            id: Some(id),
            ..self
        }
    }

    /// A pointer to the one member of the body that is signed; none where the whole body is.
    pub fn signed_part(&self) -> Option<&'static str> {
        let covers_data_alone = self.content.contains(&Piece::DataMember);
        covers_data_alone.then_some("/data")
    }
}

/// A part of the signed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(Cow<'static, str>),
    Body,
    /// The body as .NET's ASCII encoding writes it.
    AsciiBody,
    /// The raw bytes of the body's member `data`.
    DataMember,
    Timestamp,
    Id,
}

/// How a signature is written.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Read in either case.
    Hex,
    /// Read in either case, written in upper case.
    UpperHex,
    Base64,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    Sha256,
    Sha512,
}

/// How the secret's text gives the key.
#[derive(Copy, Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyEncoding {
    /// Its bytes.
    Text,
    /// What its base64 stands for, after `whsec_` if it begins so.
    Base64,
    /// What its hexadecimal digits stand for.
    Hex,
}

/// Where the signed timestamp is, and its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub place: StampPlace,
    /// Units per second: 1 or 1000.
    pub per_second: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StampPlace {
    Header(Cow<'static, str>),
    /// In the header with the signatures, after this text.
    Prefix(Cow<'static, str>),
}

/// Where the event's id is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdPlace {
    Header(Cow<'static, str>),
    /// A JSON pointer into the body.
    Member(Cow<'static, str>),
}

const STAMP_THEN_BODY: [Piece; 3] = [
    Piece::Timestamp,
    Piece::Text(Cow::Borrowed(".")),
    Piece::Body,
];
const BODY_THEN_STAMP: [Piece; 3] = [
    Piece::Body,
    Piece::Text(Cow::Borrowed(".")),
    Piece::Timestamp,
];
const STANDARD: [Piece; 5] = [
    Piece::Id,
    Piece::Text(Cow::Borrowed(".")),
    Piece::Timestamp,
    Piece::Text(Cow::Borrowed(".")),
    Piece::Body,
];

fn standard(family: &'static str) -> MacRule {
    let header = |part: &str| Cow::Owned(format!("{family}-{part}"));
    MacRule {
        header: header("signature"),
        prefix: Cow::Borrowed("v1,"),
        content: Cow::Borrowed(&STANDARD),
        timestamp: Some(Stamp {
            place: StampPlace::Header(header("timestamp")),
            per_second: 1,
        }),
        id: Some(IdPlace::Header(header("id"))),
        key: KeyEncoding::Base64,
        ..body("", "", Encoding::Base64)
    }
}

/// Header format `t=…,name=…`, with the MAC in hex.
fn pairs(header: &'static str, prefix: &'static str, content: &'static [Piece]) -> MacRule {
    MacRule {
        content: Cow::Borrowed(content),
        timestamp: Some(Stamp {
            place: StampPlace::Prefix(Cow::Borrowed("t=")),
            per_second: 1,
        }),
        ..body(header, prefix, Encoding::Hex)
    }
}

/// A MAC over the body alone.
fn body(header: &'static str, prefix: &'static str, encoding: Encoding) -> MacRule {
    MacRule {
        header: Cow::Borrowed(header),
        prefix: Cow::Borrowed(prefix),
        encoding,
        algorithm: Algorithm::Sha256,
        content: Cow::Borrowed(&[Piece::Body]),
        timestamp: None,
        id: None,
        key: KeyEncoding::Text,
        tolerance: None,
    }
}
