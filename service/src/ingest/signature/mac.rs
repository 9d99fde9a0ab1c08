//! The bytes, keys and codes of a MAC rule: what is signed, by which key, and how a signature is written.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256, Sha512};

use super::rule::{Algorithm, Encoding, KeyEncoding, MacRule, Piece};

/// Base64 of signatures, with or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT_PADDING);
const LENIENT_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT_PADDING);
const LENIENT_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The parts of a request that a signature can cover.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    pub body: &'a [u8],
    pub timestamp: &'a str,
    pub id: &'a str,
}

/// The signed bytes; none if the body lacks the member that is signed.
pub fn message(rule: &MacRule, parts: Parts<'_>) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(parts.body.len() + 64);
    for piece in rule.content.iter() {
        match piece {
            Piece::Text(text) => message.extend_from_slice(text.as_bytes()),
            Piece::Body => message.extend_from_slice(parts.body),
            Piece::AsciiBody => message.extend(ascii(parts.body)),
            Piece::DataMember => message.extend_from_slice(data_member(parts.body)?),
            Piece::Timestamp => message.extend_from_slice(parts.timestamp.as_bytes()),
            Piece::Id => message.extend_from_slice(parts.id.as_bytes()),
        }
    }
    Some(message)
}

/// The id of a delivery for which the sender signs none: a digest of the signed part of the body alone, so that changing unsigned
/// bytes does not make a recorded request a new delivery. The signed timestamp is left out, since each attempt has its own.
pub fn content_key(rule: &MacRule, body: &[u8]) -> String {
    let of_body = |piece: &&Piece| matches!(piece, Piece::AsciiBody | Piece::DataMember);
    let digest = match rule.content.iter().find(of_body) {
        Some(Piece::AsciiBody) => Sha256::digest(ascii(body)),
        Some(Piece::DataMember) => Sha256::digest(data_member(body).unwrap_or_default()),
        _ => Sha256::digest(body),
    };
    format!("sha256:{}", hex::encode(digest))
}

pub fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Hex | Encoding::UpperHex => hex::decode(text).ok(),
        Encoding::Base64 => {
            let standard = LENIENT.decode(text).ok();
            standard.or_else(|| LENIENT_URL_SAFE.decode(text).ok())
        }
    }
}

pub fn encode(encoding: Encoding, mac: &[u8]) -> String {
    match encoding {
        Encoding::Hex => hex::encode(mac),
        Encoding::UpperHex => hex::encode_upper(mac),
        Encoding::Base64 => STANDARD.encode(mac),
    }
}

/// Whether the MAC of the message is this one, compared in constant time.
pub fn verify(algorithm: Algorithm, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    match algorithm {
        Algorithm::Sha256 => keyed::<Hmac<Sha256>>(key, message)
            .is_some_and(|mac| mac.verify_slice(signature).is_ok()),
        Algorithm::Sha512 => keyed::<Hmac<Sha512>>(key, message)
            .is_some_and(|mac| mac.verify_slice(signature).is_ok()),
    }
}

pub fn sign(algorithm: Algorithm, key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    Some(match algorithm {
        Algorithm::Sha256 => keyed::<Hmac<Sha256>>(key, message)?
            .finalize()
            .into_bytes()
            .to_vec(),
        Algorithm::Sha512 => keyed::<Hmac<Sha512>>(key, message)?
            .finalize()
            .into_bytes()
            .to_vec(),
    })
}

fn keyed<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Option<M> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    mac.update(message);
    Some(mac)
}

/// The key that a secret stands for; none if its text is not in the encoding.
pub fn key(encoding: KeyEncoding, secret: &SecretString) -> Option<Vec<u8>> {
    let text = secret.expose_secret();
    match encoding {
        KeyEncoding::Text => Some(text.as_bytes().to_vec()),
        KeyEncoding::Base64 => STANDARD
            .decode(text.strip_prefix("whsec_").unwrap_or(text))
            .ok(),
        KeyEncoding::Hex => hex::decode(text).ok(),
    }
}

/// The keys of a sender who uses the secret's text where its decoded form is expected, or the other way round.
pub fn misencoded_keys(encoding: KeyEncoding, secret: &SecretString) -> Vec<Vec<u8>> {
    if encoding == KeyEncoding::Text {
        return key(KeyEncoding::Base64, secret).into_iter().collect();
    }
    let text = secret.expose_secret();
    let bare = text.strip_prefix("whsec_").unwrap_or(text);
    let texts = [text, bare].into_iter().filter(|text| !text.is_empty());
    texts.map(|text| text.as_bytes().to_vec()).collect()
}

/// Encodes like .NET's ASCII encoding: a question mark for each UTF-16 unit above 127.
fn ascii(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let units = text.encode_utf16();
    units
        .map(|unit| u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(b'?'))
        .collect()
}

/// The raw bytes of the member `data`. Only finds where they begin and end; does not interpret them.
fn data_member(body: &[u8]) -> Option<&[u8]> {
    #[derive(serde::Deserialize)]
    struct Signed<'b> {
        #[serde(borrow)]
        data: &'b serde_json::value::RawValue,
    }
    let signed: Signed<'_> = serde_json::from_slice(body).ok()?;
    Some(signed.data.get().as_bytes())
}
