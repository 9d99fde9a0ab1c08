//! Checks signatures over the raw bytes, in constant time, before anything parses them. Only `verify` makes a `Verified`,
//! and only that can be read by an adapter. Several secrets at once, for rotation; timestamps where the scheme has them.

use std::time::Duration;

use access::Instant;
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::envelope::Envelope;
use crate::store::row::SignatureScheme;

mod refusal;

pub use refusal::Refused;
use refusal::{foreign, malformed_stamp};

/// Bytes whose signature is good.
#[derive(Clone, Debug)]
pub struct Verified {
    bytes: Vec<u8>,
    delivery: String,
    envelope: Envelope,
    received_at: Instant,
    has_signed_id: bool,
}

impl Verified {
    /// The body, as it was signed; nothing of one that is unsigned.
    pub fn bytes(&self) -> &[u8] {
        if self.envelope.unsigned {
            &[]
        } else {
            &self.bytes
        }
    }

    /// The sender's id of the delivery; where the scheme signs none, a digest of what it signs.
    pub fn delivery(&self) -> &str {
        &self.delivery
    }

    /// Whether the sender named the delivery by an id that it signed. Without one, two equal requests cannot be told from one
    /// that was recorded and sent again.
    pub fn has_signed_id(&self) -> bool {
        self.has_signed_id
    }

    /// Whether the signature covers the value at a JSON pointer into the body.
    pub fn signs(&self, pointer: &str) -> bool {
        let part = self.envelope.signed_part.as_deref();
        part.is_none_or(|part| {
            pointer
                .strip_prefix(part)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// How it came.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// When it was said, where the body does not tell: the signed timestamp, else the receipt.
    pub fn said_at(&self) -> Instant {
        let signed_at = self.envelope.signed_at.map(Instant::from_timestamp);
        signed_at.unwrap_or(self.received_at)
    }

    /// A stored delivery, which was verified when it was let in.
    pub fn stored(
        bytes: Vec<u8>,
        delivery: String,
        envelope: Envelope,
        received_at: Instant,
    ) -> Self {
        Self {
            bytes,
            delivery,
            envelope,
            received_at,
            has_signed_id: false,
        }
    }

    /// The bytes, for keeping.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// What is signed, and with what.
struct Claim {
    delivery: Option<String>,
    signed_at: Option<Instant>,
    message: Vec<u8>,
    signatures: Vec<Vec<u8>>,
}

impl Claim {
    /// Whether one of the signatures was made with one of the keys.
    fn fits_any(&self, keys: impl IntoIterator<Item = Vec<u8>>) -> bool {
        keys.into_iter().any(|key| {
            self.signatures
                .iter()
                .any(|signature| fits(&key, &self.message, signature))
        })
    }
}

/// Checks a request. `header` gives a header's value by its name in lower case.
pub fn verify<'h>(
    scheme: SignatureScheme,
    secrets: &[SecretString],
    header: impl Fn(&'static str) -> Option<&'h str>,
    body: Vec<u8>,
    now: Instant,
    tolerance: Duration,
) -> Result<Verified, Refused> {
    if scheme == SignatureScheme::Nudge {
        return Ok(nudge(&header, now));
    }
    let claim = claim(scheme, &header, &body).map_err(|refused| match refused {
        Refused::Header(name) if header(name).is_none() => foreign(scheme, name, &header),
        other => other,
    })?;
    if let Some(at) = claim.signed_at {
        let (low, high) = (now.minus(tolerance), now.plus(tolerance));
        if at < low || at > high {
            let ahead_us = at.micros().saturating_sub(now.micros());
            return Err(Refused::Timestamp {
                ahead_s: ahead_us / 1_000_000,
            });
        }
    }
    let keys = secrets.iter().filter_map(|secret| key(scheme, secret));
    if !claim.fits_any(keys) {
        let misread = secrets.iter().flat_map(|secret| misread(scheme, secret));
        return Err(if claim.fits_any(misread) {
            Refused::SecretEncoding {
                is_base64: reads_base64(scheme),
            }
        } else {
            Refused::Signature
        });
    }
    let has_signed_id = claim.delivery.is_some();
    let delivery = claim
        .delivery
        .unwrap_or_else(|| content_key(scheme, &claim.message, &body));
    Ok(Verified {
        bytes: body,
        delivery,
        envelope: Envelope::sent(claim.signed_at).signing_only(signed_part(scheme)),
        received_at: now,
        has_signed_id,
    })
}

/// What a scheme asks to be checked of a request.
fn claim<'h>(
    scheme: SignatureScheme,
    header: &impl Fn(&'static str) -> Option<&'h str>,
    body: &[u8],
) -> Result<Claim, Refused> {
    match scheme {
        SignatureScheme::StandardWebhooks => standard(
            ["webhook-id", "webhook-timestamp", "webhook-signature"],
            header,
            body,
        ),
        SignatureScheme::Svix => standard(
            ["svix-id", "svix-timestamp", "svix-signature"],
            header,
            body,
        ),
        SignatureScheme::Stripe => pairs("stripe-signature", "v1", header, |at| {
            [at.as_bytes(), b".", body].concat()
        }),
        SignatureScheme::Officernd => pairs("officernd-signature", "signature", header, |at| {
            [body, b".", at.as_bytes()].concat()
        }),
        SignatureScheme::HubSha256 => plain("x-hub-signature-256", header, body.to_vec(), |v| {
            hex::decode(v.strip_prefix("sha256=")?).ok()
        }),
        SignatureScheme::Mindbody => plain("x-mindbody-signature", header, body.to_vec(), |v| {
            STANDARD.decode(v.strip_prefix("sha256=")?).ok()
        }),
        SignatureScheme::Nexudus => plain("x-nexudus-hook-signature", header, ascii(body), |v| {
            hex::decode(v).ok()
        }),
        SignatureScheme::Pushpress => {
            let data = data_member(body).ok_or(Refused::Body)?.to_vec();
            plain("webhook-signature", header, data, |v| hex::decode(v).ok())
        }
        SignatureScheme::Nudge => Err(Refused::Signature),
    }
}

/// The key of a delivery that its sender does not name: a digest of what is signed, and of nothing beside it, so that a request
/// which was recorded cannot be made another by bytes that nobody signed. The signed timestamp is left out, since it is that of
/// an attempt.
fn content_key(scheme: SignatureScheme, message: &[u8], body: &[u8]) -> String {
    let content = match scheme {
        SignatureScheme::Stripe | SignatureScheme::Officernd => body,
        _ => message,
    };
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

/// The one member of the body that is signed, where it is not the whole.
fn signed_part(scheme: SignatureScheme) -> Option<&'static str> {
    (scheme == SignatureScheme::Pushpress).then_some("/data")
}

/// What anybody may have sent who knows the address: a reason to read, and nothing more of it is kept. A sender's id tells
/// repeats apart; it is empty where there is none.
fn nudge<'h>(header: &impl Fn(&'static str) -> Option<&'h str>, now: Instant) -> Verified {
    let named = header("teamup-webhook-id").filter(|id| !id.is_empty() && id.len() <= 500);
    let delivery = named.unwrap_or_default().to_owned();
    Verified::stored(Vec::new(), delivery, Envelope::unsigned(), now)
}

/// Whether a secret can be used with a scheme: the base64 of the Standard Webhooks has to be such.
pub fn secret_is_usable(scheme: SignatureScheme, secret: &SecretString) -> bool {
    key(scheme, secret).is_some_and(|key| !key.is_empty())
}

/// The signature headers of a body, as a sender writes them; for the schemes that a command line may send.
pub fn sign(
    scheme: SignatureScheme,
    secret: &SecretString,
    delivery: &str,
    now: Instant,
    body: &[u8],
) -> Option<Vec<(&'static str, String)>> {
    let key = key(scheme, secret)?;
    let at = now.timestamp().as_second().to_string();
    let mac = |message: &[u8]| -> Option<Vec<u8>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(message);
        Some(mac.finalize().into_bytes().to_vec())
    };
    let standard = |names: [&'static str; 3]| {
        let message = [delivery.as_bytes(), b".", at.as_bytes(), b".", body].concat();
        Some(vec![
            (names[0], delivery.to_owned()),
            (names[1], at.clone()),
            (names[2], format!("v1,{}", STANDARD.encode(mac(&message)?))),
        ])
    };
    match scheme {
        SignatureScheme::StandardWebhooks => {
            standard(["webhook-id", "webhook-timestamp", "webhook-signature"])
        }
        SignatureScheme::Svix => standard(["svix-id", "svix-timestamp", "svix-signature"]),
        SignatureScheme::Stripe => {
            let message = [at.as_bytes(), b".", body].concat();
            Some(vec![(
                "stripe-signature",
                format!("t={at},v1={}", hex::encode(mac(&message)?)),
            )])
        }
        SignatureScheme::Officernd => {
            let message = [body, b".", at.as_bytes()].concat();
            Some(vec![(
                "officernd-signature",
                format!("t={at},signature={}", hex::encode(mac(&message)?)),
            )])
        }
        SignatureScheme::HubSha256 => Some(vec![(
            "x-hub-signature-256",
            format!("sha256={}", hex::encode(mac(body)?)),
        )]),
        SignatureScheme::Mindbody => Some(vec![(
            "x-mindbody-signature",
            format!("sha256={}", STANDARD.encode(mac(body)?)),
        )]),
        SignatureScheme::Nexudus => Some(vec![(
            "x-nexudus-hook-signature",
            hex::encode_upper(mac(&ascii(body))?),
        )]),
        SignatureScheme::Pushpress => Some(vec![(
            "webhook-signature",
            hex::encode(mac(data_member(body)?)?),
        )]),
        SignatureScheme::Nudge => None,
    }
}

/// As .NET's ASCII encoding writes it: a question mark for each UTF-16 unit beyond it.
fn ascii(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let units = text.encode_utf16();
    units
        .map(|unit| u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(b'?'))
        .collect()
}

/// The bytes of the one member `data`, as they stand in the body. It looks for where they begin and end, and at nothing that
/// they say.
fn data_member(body: &[u8]) -> Option<&[u8]> {
    #[derive(serde::Deserialize)]
    struct Signed<'b> {
        #[serde(borrow)]
        data: &'b serde_json::value::RawValue,
    }
    let signed: Signed<'_> = serde_json::from_slice(body).ok()?;
    Some(signed.data.get().as_bytes())
}

/// Whether the key is the base64 that the secret's text holds, rather than the text.
fn reads_base64(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::StandardWebhooks | SignatureScheme::Svix
    )
}

fn decoded(secret: &SecretString) -> Option<Vec<u8>> {
    let text = secret.expose_secret();
    let digits = text.strip_prefix("whsec_").unwrap_or(text);
    STANDARD.decode(digits).ok()
}

fn key(scheme: SignatureScheme, secret: &SecretString) -> Option<Vec<u8>> {
    if reads_base64(scheme) {
        decoded(secret)
    } else {
        Some(secret.expose_secret().as_bytes().to_vec())
    }
}

/// The keys that a sender has who took the secret for text where it is base64, or the other way round.
fn misread(scheme: SignatureScheme, secret: &SecretString) -> Vec<Vec<u8>> {
    if reads_base64(scheme) {
        let text = secret.expose_secret();
        let bare = text.strip_prefix("whsec_").unwrap_or(text);
        let texts = [text, bare].into_iter().filter(|text| !text.is_empty());
        texts.map(|text| text.as_bytes().to_vec()).collect()
    } else {
        decoded(secret).into_iter().collect()
    }
}

fn fits(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return false;
    };
    mac.update(message);
    mac.verify_slice(signature).is_ok()
}

/// Whole seconds since the Unix epoch.
fn seconds(text: &str) -> Option<Instant> {
    let digits = !text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
    let seconds: i64 = text.parse().ok().filter(|_| digits)?;
    Some(Instant::from_micros(seconds.checked_mul(1_000_000)?))
}

fn standard<'h>(
    [id, at, signature]: [&'static str; 3],
    header: &impl Fn(&'static str) -> Option<&'h str>,
    body: &[u8],
) -> Result<Claim, Refused> {
    let sound = |v: &&str| !v.is_empty() && v.len() <= 500;
    let delivery = header(id).filter(sound).ok_or(Refused::Header(id))?;
    let stamp = header(at).ok_or(Refused::Header(at))?;
    let signed_at = seconds(stamp).ok_or_else(|| malformed_stamp(at, stamp))?;
    let signatures = header(signature).ok_or(Refused::Header(signature))?;
    let signatures: Vec<_> = signatures
        .split_whitespace()
        .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
        .collect();
    if signatures.is_empty() {
        return Err(Refused::Header(signature));
    }
    let message = [delivery.as_bytes(), b".", stamp.as_bytes(), b".", body].concat();
    Ok(Claim {
        delivery: Some(delivery.to_owned()),
        signed_at: Some(signed_at),
        message,
        signatures,
    })
}

/// `t=…,name=…`, with the MAC in hex.
fn pairs<'h>(
    name: &'static str,
    signature: &str,
    header: &impl Fn(&'static str) -> Option<&'h str>,
    message: impl Fn(&str) -> Vec<u8>,
) -> Result<Claim, Refused> {
    let value = header(name).ok_or(Refused::Header(name))?;
    let parts: Vec<_> = value
        .split(',')
        .filter_map(|part| part.trim().split_once('='))
        .collect();
    let stamp = parts
        .iter()
        .find(|(k, _)| *k == "t")
        .map(|(_, v)| *v)
        .ok_or(Refused::Header(name))?;
    let signed_at = seconds(stamp).ok_or_else(|| malformed_stamp(name, stamp))?;
    let signatures: Vec<_> = parts
        .iter()
        .filter(|(k, _)| *k == signature)
        .filter_map(|(_, v)| hex::decode(v).ok())
        .collect();
    if signatures.is_empty() {
        return Err(Refused::Header(name));
    }
    Ok(Claim {
        delivery: None,
        signed_at: Some(signed_at),
        message: message(stamp),
        signatures,
    })
}

fn plain<'h>(
    name: &'static str,
    header: &impl Fn(&'static str) -> Option<&'h str>,
    message: Vec<u8>,
    decode: impl Fn(&str) -> Option<Vec<u8>>,
) -> Result<Claim, Refused> {
    let value = header(name).ok_or(Refused::Header(name))?;
    let signature = decode(value.trim()).ok_or(Refused::Header(name))?;
    Ok(Claim {
        delivery: None,
        signed_at: None,
        message,
        signatures: vec![signature],
    })
}
