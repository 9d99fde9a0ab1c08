//! Checks signatures over the raw bytes, in constant time, before anything parses them. Only `verify` makes a `Verified`,
//! and only that can be read by an adapter. Several secrets at once, for rotation; timestamps where the scheme has them.

use std::time::Duration;

use access::Instant;
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::envelope::Envelope;
use crate::{clock::new_id, store::row::SignatureScheme};

/// Bytes whose signature is good.
#[derive(Clone, Debug)]
pub struct Verified {
    bytes: Vec<u8>,
    delivery: String,
    envelope: Envelope,
    received_at: Instant,
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

    /// The sender's id of the delivery; where the scheme has none, one made from the body.
    pub fn delivery(&self) -> &str {
        &self.delivery
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
        }
    }

    /// The bytes, for keeping.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Why a request is not let in. Whoever sent it learns which header, and nothing of the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A header is not there, or not readable.
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    /// The timestamp lies too far from now.
    #[error("the timestamp in {0} is too far from the present time")]
    Timestamp(&'static str),
    /// No signature fits any secret.
    #[error(
        "the signature does not fit the body: is the secret right, and are the raw bytes signed?"
    )]
    Signature,
    /// The body has not what is signed.
    #[error("the body is no JSON object with one member data, which is what is signed")]
    Body,
}

/// What is signed, and with what.
struct Claim {
    delivery: Option<String>,
    signed_at: Option<Instant>,
    message: Vec<u8>,
    signatures: Vec<Vec<u8>>,
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
        return Ok(nudge(&header, body, now));
    }
    let claim = match scheme {
        SignatureScheme::StandardWebhooks => standard(
            ["webhook-id", "webhook-timestamp", "webhook-signature"],
            &header,
            &body,
        )?,
        SignatureScheme::Svix => standard(
            ["svix-id", "svix-timestamp", "svix-signature"],
            &header,
            &body,
        )?,
        SignatureScheme::Stripe => pairs("stripe-signature", "v1", &header, |at| {
            [at.as_bytes(), b".", &body].concat()
        })?,
        SignatureScheme::Officernd => pairs("officernd-signature", "signature", &header, |at| {
            [&body[..], b".", at.as_bytes()].concat()
        })?,
        SignatureScheme::HubSha256 => plain("x-hub-signature-256", &header, body.clone(), |v| {
            hex::decode(v.strip_prefix("sha256=")?).ok()
        })?,
        SignatureScheme::Mindbody => plain("x-mindbody-signature", &header, body.clone(), |v| {
            STANDARD.decode(v.strip_prefix("sha256=")?).ok()
        })?,
        SignatureScheme::Nexudus => {
            plain("x-nexudus-hook-signature", &header, ascii(&body), |v| {
                hex::decode(v).ok()
            })?
        }
        SignatureScheme::Pushpress => {
            let data = data_member(&body).ok_or(Refused::Body)?.to_vec();
            plain("webhook-signature", &header, data, |v| hex::decode(v).ok())?
        }
        SignatureScheme::Nudge => return Err(Refused::Signature),
    };
    if let Some(at) = claim.signed_at {
        let (low, high) = (now.minus(tolerance), now.plus(tolerance));
        if at < low || at > high {
            return Err(Refused::Timestamp("the signature"));
        }
    }
    let good = secrets.iter().any(|secret| {
        let Some(key) = key(scheme, secret) else {
            return false;
        };
        claim
            .signatures
            .iter()
            .any(|signature| fits(&key, &claim.message, signature))
    });
    if !good {
        return Err(Refused::Signature);
    }
    let delivery = claim
        .delivery
        .unwrap_or_else(|| format!("sha256:{}", hex::encode(Sha256::digest(&body))));
    Ok(Verified {
        bytes: body,
        delivery,
        envelope: Envelope::sent(claim.signed_at),
        received_at: now,
    })
}

/// What anybody may have sent who knows the address: kept, and a reason to read. A sender's id tells repeats apart; without one
/// each is taken for itself, since two that look alike may be about two changes.
fn nudge<'h>(
    header: &impl Fn(&'static str) -> Option<&'h str>,
    body: Vec<u8>,
    now: Instant,
) -> Verified {
    let named = header("teamup-webhook-id").filter(|id| !id.is_empty() && id.len() <= 500);
    let delivery = named.map_or_else(|| format!("nudge:{}", new_id().simple()), str::to_owned);
    Verified::stored(body, delivery, Envelope::unsigned(), now)
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

fn key(scheme: SignatureScheme, secret: &SecretString) -> Option<Vec<u8>> {
    let text = secret.expose_secret();
    match scheme {
        SignatureScheme::StandardWebhooks | SignatureScheme::Svix => STANDARD
            .decode(text.strip_prefix("whsec_").unwrap_or(text))
            .ok(),
        _ => Some(text.as_bytes().to_vec()),
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
    let signed_at = seconds(stamp).ok_or(Refused::Header(at))?;
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
    let signed_at = seconds(stamp).ok_or(Refused::Header(name))?;
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
