//! Published and computed examples for every signature scheme: the valid signature is accepted, and every other one is refused.

use std::{fs, path::Path, time::Duration};

use access::Instant;
use latchkey::{
    ingest::signature::{SignatureError, Verification, verify},
    store::row::SignatureScheme,
};
use secrecy::SecretString;
use serde::Deserialize;

#[derive(Clone, Deserialize)]
struct Vector {
    name: String,
    scheme: String,
    secret: String,
    id: Option<String>,
    timestamp: Option<String>,
    body: String,
    header: String,
}

const TOLERANCE: Duration = Duration::from_secs(300);

fn vectors() -> Vec<(SignatureScheme, Vector)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/signatures.json");
    let all: Vec<Vector> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let scheme = |word: &str| match word {
        "standard-webhooks" => Some(SignatureScheme::StandardWebhooks),
        "svix" => Some(SignatureScheme::Svix),
        "stripe" => Some(SignatureScheme::Stripe),
        "officernd" => Some(SignatureScheme::Officernd),
        "hub-sha256" => Some(SignatureScheme::HubSha256),
        "mindbody" => Some(SignatureScheme::Mindbody),
        "nexudus" => Some(SignatureScheme::Nexudus),
        "pushpress" => Some(SignatureScheme::Pushpress),
        _ => None,
    };
    all.into_iter()
        .filter_map(|vector| Some((scheme(&vector.scheme)?, vector)))
        .collect()
}

/// Verifies a vector `late_s` seconds after it was signed.
fn check(scheme: SignatureScheme, vector: &Vector, late_s: i64) -> Result<Vec<u8>, SignatureError> {
    let [prefix, signature] = match scheme {
        SignatureScheme::Svix => ["svix", "svix-signature"],
        SignatureScheme::StandardWebhooks => ["webhook", "webhook-signature"],
        SignatureScheme::Stripe => ["", "stripe-signature"],
        SignatureScheme::Officernd => ["", "officernd-signature"],
        SignatureScheme::HubSha256 => ["", "x-hub-signature-256"],
        SignatureScheme::Mindbody => ["", "x-mindbody-signature"],
        SignatureScheme::Pushpress => ["", "webhook-signature"],
        _ => ["", "x-nexudus-hook-signature"],
    };
    let header = |name: &str| match name.strip_prefix(prefix).filter(|_| !prefix.is_empty()) {
        Some("-id") => vector.id.as_deref(),
        Some("-timestamp") => vector.timestamp.as_deref(),
        _ => (name == signature).then_some(vector.header.as_str()),
    };
    let signed_at: i64 = vector
        .timestamp
        .as_deref()
        .map_or(0, |text| text.parse().unwrap());
    let now = Instant::from_micros((signed_at + late_s) * 1_000_000);
    let secrets = [
        SecretString::from("whsec_AAAA"),
        SecretString::from(vector.secret.clone()),
    ];
    verify(
        &Verification::preset(scheme).unwrap(),
        &secrets,
        header,
        vector.body.clone().into_bytes(),
        now,
        TOLERANCE,
    )
    .map(|good| good.into_bytes())
}

#[test]
fn every_published_example_is_valid() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 11, "eight schemes");
    for (scheme, vector) in vectors {
        let verified = check(scheme, &vector, 0);
        assert_eq!(
            verified.as_deref(),
            Ok(vector.body.as_bytes()),
            "{}",
            vector.name
        );
    }
}

#[test]
fn another_body_or_secret_is_refused() {
    for (scheme, vector) in vectors() {
        let name = vector.name.clone();
        let body = vector.body.replace('e', "3");
        assert_eq!(
            check(scheme, &Vector { body, ..vector }, 0),
            Err(SignatureError::Signature),
            "{name}"
        );
    }
    for (scheme, vector) in vectors() {
        let name = vector.name.clone();
        let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYY".to_owned();
        assert_eq!(
            check(scheme, &Vector { secret, ..vector }, 0),
            Err(SignatureError::Signature),
            "{name}"
        );
    }
}

#[test]
fn a_signed_timestamp_is_valid_within_the_tolerance() {
    for (scheme, vector) in vectors()
        .into_iter()
        .filter(|(_, vector)| vector.timestamp.is_some())
    {
        for (late_s, good) in [(300, true), (-300, true), (301, false), (-301, false)] {
            assert_eq!(
                check(scheme, &vector, late_s).is_ok(),
                good,
                "{} at {late_s} s",
                vector.name
            );
        }
    }
}

#[test]
fn a_header_that_is_missing_or_nonsense_is_refused() {
    for (scheme, vector) in vectors() {
        for header in ["", "v1,", "v2,AAAA", "t=soon,v1=00", "sha256=", "nonsense"] {
            let spoiled = Vector {
                header: header.to_owned(),
                ..vector.clone()
            };
            assert!(
                check(scheme, &spoiled, 0).is_err(),
                "{} with {header:?}",
                vector.name
            );
        }
        if vector.id.is_some() {
            assert!(
                check(
                    scheme,
                    &Vector {
                        id: None,
                        ..vector.clone()
                    },
                    0
                )
                .is_err(),
                "{}",
                vector.name
            );
            assert!(
                check(
                    scheme,
                    &Vector {
                        id: Some("msg_other".into()),
                        ..vector.clone()
                    },
                    0
                )
                .is_err()
            );
        }
    }
}

#[test]
fn pushpress_signs_one_json_field_only() {
    let (scheme, vector) = vectors()
        .into_iter()
        .find(|(scheme, _)| *scheme == SignatureScheme::Pushpress)
        .unwrap();
    let of = |body: String| {
        check(
            scheme,
            &Vector {
                body,
                ..vector.clone()
            },
            0,
        )
    };
    let unsigned = vector.body.replace("evt_1", "evt_2");
    assert!(of(unsigned).is_ok(), "the other fields are not signed");
    for body in [
        "[]".to_owned(),
        "{}".to_owned(),
        vector.body.replace("\"data\":", "\"data\":1,\"data\":"),
        vector.body.replace("\"data\":", "\"DATA\":"),
    ] {
        assert_eq!(of(body.clone()), Err(SignatureError::Body), "{body}");
    }
    let spaced = vector.body.replace("\"data\":{", "\"data\":{ ");
    assert_eq!(of(spaced), Err(SignatureError::Signature));
}
