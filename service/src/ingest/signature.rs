//! Verifies webhook signatures over the raw bytes, in constant time, before anything parses them. Adapters accept only a
//! `Verified`, which `verify` makes (and `Verified::stored` for stored deliveries). Supports several secrets at once, for
//! rotation, and timestamps where the scheme has them.

use std::time::Duration;

use access::Instant;
use secrecy::{ExposeSecret, SecretString};

use super::envelope::Envelope;
use crate::{
    clock::new_id,
    store::row::{SignatureScheme, Source},
};

mod mac;
mod refusal;
pub mod rule;
pub mod settings;

use mac::Parts;
pub use refusal::SignatureError;
use refusal::{malformed_stamp, other_scheme};
pub use rule::Verification;
use rule::{Algorithm, IdPlace, MacRule, SharedSecret, Stamp, StampPlace};
pub use settings::Settings;

/// The longest id of a delivery, in bytes.
const LONGEST_ID: usize = 500;

/// A body whose signature was verified.
#[derive(Clone, Debug)]
pub struct Verified {
    bytes: Vec<u8>,
    delivery: String,
    envelope: Envelope,
    received_at: Instant,
    has_signed_id: bool,
}

impl Verified {
    /// The body; empty for an unsigned request.
    pub fn bytes(&self) -> &[u8] {
        if self.envelope.unsigned {
            &[]
        } else {
            &self.bytes
        }
    }

    /// The sender's id of the delivery; if the scheme signs no id, a digest of the signed content.
    pub fn delivery(&self) -> &str {
        &self.delivery
    }

    /// Whether the signature covers an id of the delivery. Without one, two equal requests look like one request that was
    /// recorded and sent again.
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

    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The time of the event if the body gives none: the signed timestamp, otherwise the time of receipt.
    pub fn event_time(&self) -> Instant {
        let signed_at = self.envelope.signed_at.map(Instant::from_timestamp);
        signed_at.unwrap_or(self.received_at)
    }

    /// A stored delivery, or one that was made here. Stored deliveries were verified when they were received.
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

    /// The raw body, for storage.
    pub fn into_bytes(self) -> Vec<u8> {
        if self.envelope.unsigned {
            Vec::new()
        } else {
            self.bytes
        }
    }

    /// The body of an unsigned request. Anybody can have written it: it may say what to read, and nothing else.
    pub fn hint(&self) -> &[u8] {
        if self.envelope.unsigned {
            &self.bytes
        } else {
            &[]
        }
    }
}

/// The verification of a source; none if its stored settings cannot be read.
pub fn of_source(source: &Source) -> Option<Verification> {
    let settings = || Settings::from_json(source.signature_rule.as_deref()?);
    Verification::preset(source.signature)
        .or_else(|| settings()?.verification(source.signature).ok())
}

/// The signed content of a request, and its signatures.
struct SignedRequest {
    /// The id that is signed beside the body.
    header_id: Option<String>,
    signed_at: Option<Instant>,
    message: Vec<u8>,
    signatures: Vec<Vec<u8>>,
}

impl SignedRequest {
    /// Whether one of the signatures fits one of the keys.
    fn matches_any(&self, algorithm: Algorithm, keys: impl IntoIterator<Item = Vec<u8>>) -> bool {
        keys.into_iter().any(|key| {
            self.signatures
                .iter()
                .any(|signature| mac::verify(algorithm, &key, &self.message, signature))
        })
    }
}

/// Verifies a request. `header` returns a header's value by its name in lower case.
pub fn verify<'h>(
    verification: &Verification,
    secrets: &[SecretString],
    header: impl Fn(&str) -> Option<&'h str>,
    body: Vec<u8>,
    now: Instant,
    tolerance: Duration,
) -> Result<Verified, SignatureError> {
    match verification {
        Verification::Nudge => Ok(nudge(&header, body, now)),
        Verification::SharedSecret(shared) => {
            has_secret(shared, secrets, &header)?;
            let id = id_of(shared.id.as_ref(), &header, &body);
            // Two equal requests may both be meant, so a request without an id is never taken for a repeat.
            let has_id = id.is_some();
            let delivery = id.unwrap_or_else(|| format!("request:{}", new_id()));
            let envelope = Envelope::signed(None).with_form(is_form(&header));
            Ok(verified(body, delivery, envelope, now, has_id))
        }
        Verification::Mac(rule) => {
            let claim = verify_mac(rule, secrets, &header, &body, now, tolerance)?;
            let id = claim.header_id;
            let id = id.or_else(|| id_of(rule.id.as_ref(), &header, &body));
            let has_id = id.is_some();
            let delivery = id.unwrap_or_else(|| mac::content_key(rule, &body));
            let envelope = Envelope::signed(claim.signed_at)
                .signing_only(rule.signed_part())
                .with_form(is_form(&header));
            Ok(verified(body, delivery, envelope, now, has_id))
        }
    }
}

fn verified(
    bytes: Vec<u8>,
    delivery: String,
    envelope: Envelope,
    received_at: Instant,
    has_signed_id: bool,
) -> Verified {
    Verified {
        bytes,
        delivery,
        envelope,
        received_at,
        has_signed_id,
    }
}

fn verify_mac<'h>(
    rule: &MacRule,
    secrets: &[SecretString],
    header: &impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    now: Instant,
    tolerance: Duration,
) -> Result<SignedRequest, SignatureError> {
    let claim = claim(rule, header, body).map_err(|refused| match refused {
        SignatureError::Header(name) if header(&name).is_none() => {
            other_scheme(&rule.header, name, header)
        }
        other => other,
    })?;
    if let Some(at) = claim.signed_at {
        let tolerance = rule.tolerance.unwrap_or(tolerance);
        let (low, high) = (now.minus(tolerance), now.plus(tolerance));
        if at < low || at > high {
            let ahead_us = at.micros().saturating_sub(now.micros());
            return Err(SignatureError::Timestamp {
                ahead_s: ahead_us / 1_000_000,
            });
        }
    }
    let keys = secrets
        .iter()
        .filter_map(|secret| mac::key(rule.key, secret));
    if claim.matches_any(rule.algorithm, keys) {
        return Ok(claim);
    }
    let misread = secrets
        .iter()
        .flat_map(|secret| mac::misencoded_keys(rule.key, secret));
    Err(if claim.matches_any(rule.algorithm, misread) {
        SignatureError::SecretEncoding { key: rule.key }
    } else {
        SignatureError::Signature
    })
}

/// Extracts the signed content and the signatures.
fn claim<'h>(
    rule: &MacRule,
    header: &impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
) -> Result<SignedRequest, SignatureError> {
    let missing = |name: &str| SignatureError::Header(name.to_owned());
    let id = match &rule.id {
        Some(IdPlace::Header(name)) => {
            let sound = |id: &&str| !id.is_empty() && id.len() <= LONGEST_ID;
            Some(header(name).filter(sound).ok_or_else(|| missing(name))?)
        }
        _ => None,
    };
    let outside = rule
        .timestamp
        .as_ref()
        .and_then(|stamp| match &stamp.place {
            StampPlace::Header(name) => Some((stamp, name)),
            StampPlace::Prefix(_) => None,
        });
    let outside = outside.map(|(stamp, name)| {
        let text = header(name).ok_or_else(|| missing(name))?;
        Ok((text, read_stamp(stamp, name, text)?))
    });
    let outside = outside.transpose()?;
    let value = header(&rule.header).ok_or_else(|| missing(&rule.header))?;
    let entries = entries(rule, value);
    let inside = rule
        .timestamp
        .as_ref()
        .and_then(|stamp| match &stamp.place {
            StampPlace::Prefix(prefix) => Some((stamp, prefix)),
            StampPlace::Header(_) => None,
        });
    let inside = inside.map(|(stamp, prefix)| {
        let text = entries.iter().find_map(|entry| after(prefix, entry));
        let text = text.ok_or_else(|| missing(&rule.header))?;
        Ok((text, read_stamp(stamp, &rule.header, text)?))
    });
    let stamp = outside.or(inside.transpose()?);
    let signatures: Vec<_> = entries
        .iter()
        .filter_map(|entry| mac::decode(rule.encoding, after(&rule.prefix, entry)?.trim()))
        .filter(|signature| !signature.is_empty())
        .collect();
    if signatures.is_empty() {
        return Err(missing(&rule.header));
    }
    let parts = Parts {
        body,
        timestamp: stamp.map_or("", |(text, _)| text),
        id: id.unwrap_or(""),
    };
    Ok(SignedRequest {
        header_id: id.map(str::to_owned),
        signed_at: stamp.map(|(_, at)| at),
        message: mac::message(rule, parts).ok_or(SignatureError::Body)?,
        signatures,
    })
}

/// The entries of a header with several signatures, such as `t=1,v1=ab,v1=cd` and `v1,ab v1,cd`. A separator that a prefix
/// contains does not separate.
fn entries<'h>(rule: &MacRule, value: &'h str) -> Vec<&'h str> {
    let of_stamp = match rule.timestamp.as_ref().map(|stamp| &stamp.place) {
        Some(StampPlace::Prefix(prefix)) => prefix,
        _ => "",
    };
    let separates = |c: char| {
        (c.is_whitespace() || c == ',' || c == ';')
            && !rule.prefix.contains(c)
            && !of_stamp.contains(c)
    };
    let entries = value.split(separates).map(str::trim);
    entries.filter(|entry| !entry.is_empty()).collect()
}

/// What follows a prefix, in upper or lower case.
fn after<'h>(prefix: &str, text: &'h str) -> Option<&'h str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn read_stamp(stamp: &Stamp, header: &str, text: &str) -> Result<Instant, SignatureError> {
    let most_digits = if stamp.per_second == 1 { 12 } else { 15 };
    let digits = !text.is_empty()
        && text.len() <= most_digits
        && text.bytes().all(|byte| byte.is_ascii_digit());
    let units: Option<i64> = text.parse().ok().filter(|_| digits);
    let micros = units.and_then(|units| units.checked_mul(1_000_000 / stamp.per_second));
    micros
        .map(Instant::from_micros)
        .ok_or_else(|| malformed_stamp(header, text))
}

/// The id of an event, from a header or from the body. Only for requests that are verified.
fn id_of<'h>(
    place: Option<&IdPlace>,
    header: &impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
) -> Option<String> {
    let id = match place? {
        IdPlace::Header(name) => header(name)?.to_owned(),
        IdPlace::Member(pointer) => {
            let body: serde_json::Value = serde_json::from_slice(body).ok()?;
            match body.pointer(pointer)? {
                serde_json::Value::String(id) => id.clone(),
                serde_json::Value::Number(id) => id.to_string(),
                _ => return None,
            }
        }
    };
    let is_sound = !id.trim().is_empty() && id.len() <= LONGEST_ID && !id.contains('\0');
    is_sound.then_some(id)
}

/// Whether a header repeats one of the secrets, compared in constant time.
fn has_secret<'h>(
    shared: &SharedSecret,
    secrets: &[SecretString],
    header: &impl Fn(&str) -> Option<&'h str>,
) -> Result<(), SignatureError> {
    let missing = || SignatureError::Header(shared.header.clone());
    let given = header(&shared.header).ok_or_else(missing)?;
    let given = after(&shared.prefix, given).ok_or_else(missing)?.trim();
    let digest = |text: &str| mac::sign(Algorithm::Sha256, b"shared secret", text.as_bytes());
    let given = digest(given).unwrap_or_default();
    let is_one = |secret: &SecretString| {
        let message = secret.expose_secret().as_bytes();
        mac::verify(Algorithm::Sha256, b"shared secret", message, &given)
    };
    if secrets.iter().any(is_one) {
        Ok(())
    } else {
        Err(SignatureError::SharedSecret(shared.header.clone()))
    }
}

fn is_form<'h>(header: &impl Fn(&str) -> Option<&'h str>) -> bool {
    let kind = header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// An unsigned request, which anybody who knows the address can send: it triggers a reading of the platform's API, and its body
/// is dropped. A sender's id identifies repeats; it is empty if there is none.
fn nudge<'h>(header: &impl Fn(&str) -> Option<&'h str>, body: Vec<u8>, now: Instant) -> Verified {
    let named = header("teamup-webhook-id").filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
    let delivery = named.unwrap_or_default().to_owned();
    Verified::stored(body, delivery, Envelope::unsigned(), now)
}

/// Whether a secret can be used: its text has to be in the encoding of the key.
pub fn secret_is_usable(verification: &Verification, secret: &SecretString) -> bool {
    match verification {
        Verification::Nudge => false,
        Verification::SharedSecret(_) => !secret.expose_secret().is_empty(),
        Verification::Mac(rule) => mac::key(rule.key, secret).is_some_and(|key| !key.is_empty()),
    }
}

/// Signs a body by a known scheme.
pub fn sign(
    scheme: SignatureScheme,
    secret: &SecretString,
    delivery: &str,
    now: Instant,
    body: &[u8],
) -> Option<Vec<(String, String)>> {
    sign_by(&Verification::preset(scheme)?, secret, delivery, now, body)
}

/// Signs a body as a sender does, and returns the headers; none where nothing is signed or the secret cannot be used.
pub fn sign_by(
    verification: &Verification,
    secret: &SecretString,
    delivery: &str,
    now: Instant,
    body: &[u8],
) -> Option<Vec<(String, String)>> {
    let rule = match verification {
        Verification::Nudge => return None,
        Verification::SharedSecret(shared) => {
            let value = format!("{}{}", shared.prefix, secret.expose_secret());
            return Some(vec![(shared.header.clone(), value)]);
        }
        Verification::Mac(rule) => rule,
    };
    let mut headers = Vec::new();
    if let Some(IdPlace::Header(name)) = &rule.id {
        headers.push((name.to_string(), delivery.to_owned()));
    }
    let mut at = String::new();
    let mut value = String::new();
    if let Some(stamp) = &rule.timestamp {
        at = (now.micros() / (1_000_000 / stamp.per_second)).to_string();
        match &stamp.place {
            StampPlace::Header(name) => headers.push((name.to_string(), at.clone())),
            StampPlace::Prefix(prefix) => value = format!("{prefix}{at},"),
        }
    }
    let parts = Parts {
        body,
        timestamp: &at,
        id: delivery,
    };
    let key = mac::key(rule.key, secret)?;
    let code = mac::sign(rule.algorithm, &key, &mac::message(rule, parts)?)?;
    value.push_str(&rule.prefix);
    value.push_str(&mac::encode(rule.encoding, &code));
    headers.push((rule.header.to_string(), value));
    Some(headers)
}
