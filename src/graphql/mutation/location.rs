//! Locations entered by an admin before the first event that refers to them. The entry has a version like an event's, so that a
//! later event overrides it and an earlier one does not. For ADMIN tokens.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{Editor, id_of, name, offering::MAX_ID_CHARS, source::find, text_of};
use crate::{
    clock::new_id,
    graphql::{
        error::{Refusal, checked},
        input::given::Given,
        location::Location,
        scalar::TimeZone,
    },
    id::Kind,
    store::{
        clubs, due, row,
        working_set::{self, Keys},
    },
    transaction,
};

#[derive(Default)]
pub struct LocationMutations;

/// A location, as a platform knows it.
#[derive(InputObject)]
pub struct SaveLocationInput {
    /// The source that the location belongs to.
    pub source: ID,
    /// The platform's id of the location.
    pub external_id: ID,
    /// The platform's name of the location.
    pub name: String,
    /// The location's time zone. Default: the stored one, else the source's.
    pub time_zone: Option<Given<TimeZone>>,
}

payload! {
    /// The saved location.
    SaveLocationPayload {
        /// The location; null if the mutation was refused.
        location: Location
    }
}

#[Object(crate = "crate::graphql::resolve")]
impl LocationMutations {
    /// Creates or updates a location before the first event that refers to it, so that rules can be written ahead.
    async fn save_location(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The location.")] input: SaveLocationInput,
    ) -> Result<SaveLocationPayload> {
        let admin = Editor::admin(context)?;
        SaveLocationPayload::of(save(admin, input).await)
    }
}

async fn save(admin: Editor, input: SaveLocationInput) -> Result<row::Location, Refusal> {
    let Editor {
        app, scope, now, ..
    } = admin;
    let external = &input.external_id;
    checked! {
        source = id_of(Kind::Source, "input.source", "source", &input.source);
        external = text_of("input.externalId", "the platform's id", external, MAX_ID_CHARS);
        name = name("input.name", &input.name);
        zone = Given::optional(input.time_zone.as_ref(), "input.timeZone");
    }
    let zone = zone.map(|zone| zone.0);
    let location = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        find(tx, scope, source, "input.source").await?;
        let mut keys = Keys::default();
        keys.locations
            .entry(source)
            .or_default()
            .insert(external.clone());
        let mut set = working_set::load(tx, scope, now, &keys).await?;
        let key = (source, external);
        let before = set.locations.get(&key).cloned();
        let mut location = before.clone().unwrap_or_else(|| row::Location {
            id: new_id(),
            club_id: scope.club,
            source_id: source,
            external_id: key.1.clone(),
            name: name.clone(),
            folded_name: String::new(),
            time_zone: None,
            happened_at: i64::MIN,
            version_key: String::new(),
            zone_happened_at: i64::MIN,
            zone_version_key: String::new(),
        });
        // As among events, the later version wins; at equal times the greater key wins, and the key here is empty.
        if location.happened_at < now {
            (location.name, location.happened_at) = (name, now);
            location.version_key = String::new();
        }
        if zone.is_some() && location.zone_happened_at < now {
            (location.time_zone, location.zone_happened_at) = (zone, now);
            location.zone_version_key = String::new();
        }
        set.locations.insert(key.clone(), location.clone());
        set.changed.locations.insert(key);
        set.save(tx).await?;
        if before.is_some_and(|before| before.time_zone != location.time_zone) {
            // Dates without a time now begin and end at other instants.
            let cause = due::Cause::enforced("a location was changed");
            due::mark_source(tx, scope, source, now, &cause).await?;
        }
        Ok::<_, Refusal>(location)
    })
    .await?;
    app.waker.wake(scope);
    Ok(location)
}
