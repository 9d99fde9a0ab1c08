//! Offerings entered by an admin before the first event that refers to them. The entry has a version like an event's, so that a
//! later event overrides it and an earlier one does not. For ADMIN tokens.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{Editor, id_of, name, source::find, text_of};
use crate::{
    graphql::{
        error::Refusal,
        offering::{Offering, OfferingKind},
    },
    id::Kind,
    ingest::{manual, statement::OfferingWord},
    store::{clubs, row},
    transaction,
};

/// The maximum length of a platform's id, in characters.
pub(super) const MAX_ID_CHARS: usize = 500;

#[derive(Default)]
pub struct OfferingMutations;

/// An offering: something that a platform sells or lets people book.
#[derive(InputObject)]
pub struct SaveOfferingInput {
    /// The source that the offering belongs to.
    pub source: ID,
    /// The platform's id of the offering.
    pub external_id: ID,
    /// The kind of the offering.
    pub kind: OfferingKind,
    /// The platform's name of the offering.
    pub name: String,
}

payload! {
    /// The saved offering.
    SaveOfferingPayload {
        /// The offering; null if the mutation was refused.
        offering: Offering
    }
}

#[Object(crate = "crate::graphql::resolve")]
impl OfferingMutations {
    /// Creates or updates an offering before the first event that refers to it, so that rules can be written ahead.
    async fn save_offering(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The offering.")] input: SaveOfferingInput,
    ) -> Result<SaveOfferingPayload> {
        let admin = Editor::admin(context)?;
        SaveOfferingPayload::of(save(admin, input).await)
    }
}

async fn save(admin: Editor, input: SaveOfferingInput) -> Result<row::Offering, Refusal> {
    let Editor { app, scope, .. } = admin;
    let now = app.clock.now();
    let source = id_of(Kind::Source, "input.source", "source", &input.source)?;
    let external = text_of(
        "input.externalId",
        "the platform's id",
        &input.external_id,
        MAX_ID_CHARS,
    )?;
    let name = name("input.name", &input.name)?;
    let kind = row::OfferingKind::from(input.kind);
    let offering = OfferingWord {
        kind,
        id: external,
        name: Some(name),
        groups: None,
    };
    transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        find(tx, scope, source, "input.source").await?;
        Ok(manual::save_offering(tx, scope, source, offering, now).await?)
    })
    .await
}
