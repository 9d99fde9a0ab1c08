//! Offerings made known by hand, before the first event that names them. What is said here bears a version like an event's,
//! so that a later event says it better and an earlier one does not undo it. Called by admins.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{Admin, id_of, name, source::find, text_of};
use crate::{
    graphql::{
        error::{Refusal, internal},
        offering::{Offering, OfferingKind},
    },
    id::Kind,
    ingest::{
        apply::Apply,
        statement::{OfferingWord, Statement, Version},
    },
    store::{
        clubs, row,
        working_set::{self, Keys},
    },
};

/// The longest id of a platform that is taken, in characters.
pub(super) const LONGEST_ID: usize = 500;

/// Makes offerings known.
#[derive(Default)]
pub struct OfferingMutations;

/// Something that a platform sells or lets people book.
#[derive(InputObject)]
pub struct SaveOfferingInput {
    /// The source that it is of.
    pub source: ID,
    /// The platform's own id.
    pub external_id: ID,
    /// What sort of thing it is.
    pub kind: OfferingKind,
    /// What the platform calls it.
    pub name: String,
}

payload! {
    /// The offering as it stands.
    SaveOfferingPayload {
        /// The offering; null where nothing was changed.
        offering: Offering
    }
}

#[Object]
impl OfferingMutations {
    /// Makes an offering known before the first event that names it, so that rules can be written ahead.
    async fn save_offering(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The offering.")] input: SaveOfferingInput,
    ) -> Result<SaveOfferingPayload> {
        let admin = Admin::of(context)?;
        SaveOfferingPayload::of(save(admin, input).await)
    }
}

async fn save(admin: Admin, input: SaveOfferingInput) -> Result<row::Offering, Refusal> {
    let Admin { app, scope, .. } = admin;
    let now = app.clock.now();
    let source = id_of(Kind::Source, "input.source", "source", &input.source)?;
    let external = text_of(
        "input.externalId",
        "the platform's id",
        &input.external_id,
        LONGEST_ID,
    )?;
    let name = name("input.name", &input.name)?;
    let kind = row::OfferingKind::from(input.kind);
    let statement = Statement::Offering(OfferingWord {
        kind,
        id: external.clone(),
        name: Some(name),
    });
    app.db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                find(tx, scope, source, "input.source").await?;
                let mut keys = Keys::default();
                keys.add(Some(source), &statement);
                let mut set = working_set::load(tx, scope, now.micros(), &keys).await?;
                let version = Version {
                    happened_at: now,
                    key: String::new(),
                };
                Apply::new(&mut set, Some(source), version).all(&[statement]);
                set.save(tx).await?;
                let offering = set.offerings.remove(&(source, kind, external));
                offering.ok_or_else(|| internal("an offering that was saved is not there").into())
            })
        })
        .await
}
