//! The query that shows what a mapping makes of a body, before the mapping is saved. Changes nothing.

use access::Instant;
use async_graphql::{Context, Error, ID, Object, Result, SimpleObject};
use jiff::tz;

use crate::{
    graphql::{
        context,
        error::{bad_input, internal_error},
        node,
        scalar::{Json, TimeZone},
    },
    id::Kind,
    ingest::{
        adapter::{Mapping, TranslateError},
        envelope::Envelope,
        signature::{self, Verification, Verified},
    },
    store::{ClubScope, Reader, clubs, lookup, row},
};

#[derive(Default)]
pub struct MappingPreviews;

/// What a mapping makes of a body.
#[derive(SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct MappingPreview {
    /// The sender's event type; null if it could not be read.
    pub event_type: Option<String>,
    /// The canonical events in the order of the body, each with type, timestamp and data; empty if the body is ignored.
    pub events: Vec<Json>,
    /// What is wrong with the mapping or with parts of the body; empty if everything was understood.
    pub problems: Vec<MappingProblem>,
    /// Why the body is ignored, and what else the delivery would show.
    pub note: Option<String>,
}

/// A fault of a mapping, or what it cannot translate.
#[derive(SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct MappingProblem {
    /// What is wrong, and what is expected.
    pub message: String,
    /// The keys that lead to the fault in the mapping; null if the mapping itself is valid.
    pub mapping_path: Option<Vec<String>>,
    /// The place in the body, or the canonical field; null if the problem is not with one of them.
    pub field: Option<String>,
}

/// A body to translate, and the time zone of its local times.
struct Sample {
    verified: Verified,
    zone: String,
}

#[Object(crate = "crate::graphql::resolve")]
impl MappingPreviews {
    /// Shows the canonical events that a mapping makes of a body, for createSource and updateSource of a MAPPED source. Changes
    /// nothing. Give either `body` or `delivery`. Requires an ADMIN token.
    #[graphql(complexity = "crate::graphql::page::capped_product(1, child_complexity) + 500")]
    async fn preview_mapping(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The mapping.")] mapping: Json,
        #[graphql(
            desc = "The body as JSON; a text is the raw body, which is JSON or form-encoded."
        )]
        body: Option<Json>,
        #[graphql(desc = "A stored delivery whose body is translated.")] delivery: Option<ID>,
        #[graphql(
            desc = "The source that will have the mapping: its signature scheme may sign only a part of the body."
        )]
        source: Option<ID>,
        #[graphql(
            desc = "The time zone of local times. Defaults to that of the source or the delivery's source, else of the club."
        )]
        time_zone: Option<TimeZone>,
    ) -> Result<MappingPreview> {
        let scope = context::require_admin(context)?.scope;
        let app = context::app(context)?;
        let db = app.db.read();
        let mut sample = match (body, delivery) {
            (Some(Json(body)), None) => of_body(db, scope, source, body, app.clock.now()).await?,
            (None, Some(delivery)) => of_delivery(db, scope, &delivery).await?,
            _ => return Err(bad_input("give either body or delivery")),
        };
        if let Some(zone) = time_zone {
            sample.zone = zone.0;
        }
        let zone = tz::TimeZone::get(&sample.zone).map_err(internal_error)?;
        let mapping = match Mapping::parse(&mapping.0) {
            Ok(mapping) => mapping,
            Err(fault) => {
                return Ok(refused(MappingProblem {
                    message: fault.message,
                    mapping_path: Some(fault.path),
                    field: None,
                }));
            }
        };
        Ok(match mapping.translate(&sample.verified, zone) {
            Ok(translated) => MappingPreview {
                event_type: Some(translated.event.kind).filter(|kind| !kind.is_empty()),
                events: translated.canonical.into_iter().map(Json).collect(),
                problems: translated.failed.into_iter().map(problem).collect(),
                note: translated.event.note,
            },
            Err(wrong) => MappingPreview {
                event_type: wrong.kind.clone(),
                ..refused(problem(wrong))
            },
        })
    }
}

fn refused(problem: MappingProblem) -> MappingPreview {
    MappingPreview {
        event_type: None,
        events: Vec::new(),
        problems: vec![problem],
        note: None,
    }
}

fn problem(wrong: TranslateError) -> MappingProblem {
    MappingProblem {
        message: wrong.message,
        mapping_path: None,
        field: wrong.field,
    }
}

async fn of_body(
    db: &Reader,
    scope: ClubScope,
    source: Option<ID>,
    body: serde_json::Value,
    now: Instant,
) -> Result<Sample> {
    let (bytes, form) = match body {
        serde_json::Value::String(text) => {
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            (text.into_bytes(), !is_json)
        }
        json => (json.to_string().into_bytes(), false),
    };
    let mut envelope = Envelope::signed(None).with_form(form);
    let zone = match source {
        None => {
            let club = clubs::get(db, scope).await.map_err(internal_error)?;
            club.map_or_else(|| "UTC".to_owned(), |club| club.time_zone)
        }
        Some(text) => {
            let id = node::decode_id("source", Kind::Source, &text)?;
            let source = lookup::by_id::<row::Source>(db, scope, id).await;
            let source = source.map_err(internal_error)?;
            let source = source.ok_or_else(|| missing("source"))?;
            if let Some(Verification::Mac(rule)) = signature::of_source(&source) {
                envelope = envelope.signing_only(rule.signed_part());
            }
            source.time_zone
        }
    };
    let verified = Verified::stored(bytes, String::new(), envelope, now);
    Ok(Sample { verified, zone })
}

async fn of_delivery(db: &Reader, scope: ClubScope, text: &ID) -> Result<Sample> {
    let id = node::decode_id("delivery", Kind::Delivery, text)?;
    let delivery = lookup::by_id::<row::Delivery>(db, scope, id).await;
    let delivery = delivery.map_err(internal_error)?;
    let delivery = delivery.ok_or_else(|| missing("delivery"))?;
    let source = lookup::by_id::<row::Source>(db, scope, delivery.source_id).await;
    let source = source.map_err(internal_error)?;
    let source = source.ok_or_else(|| bad_input("delivery: its source no longer exists"))?;
    let verified = Verified::stored(
        delivery.body,
        delivery.external_id,
        Envelope::from_json(&delivery.headers),
        Instant::from_micros(delivery.received_at),
    );
    Ok(Sample {
        verified,
        zone: source.time_zone,
    })
}

fn missing(name: &str) -> Error {
    bad_input(format!("{name}: no such {name} exists in this club"))
}
