//! Reading a platform's API at an admin's word. Promises to refuse in words where there is nothing to read, and never to look
//! as if something were read. Called by admins.

use async_graphql::{Context, ID, Object, Result};

use super::{Admin, id_of, invalid, source::find};
use crate::{
    graphql::{error::Refusal, source::Source},
    id::Kind,
    store::row,
};

/// Reads what platforms hold.
#[derive(Default)]
pub struct ReadingMutations;

payload! {
    /// The source that is being read.
    ReadSourcePayload {
        /// The source.
        source: Source
    }
}

#[Object]
impl ReadingMutations {
    /// Reads everything from the platform's API now. Refused where the platform sends everything by itself: a
    /// `roster.snapshot` that it sends says all that there is.
    async fn read_source(&self, context: &Context<'_>, source: ID) -> Result<ReadSourcePayload> {
        let admin = Admin::of(context)?;
        ReadSourcePayload::of(read(&admin, &source).await)
    }
}

/// Credentials for an API are taken for no platform (see `source`), so that none can be read.
async fn read(admin: &Admin, source: &str) -> std::result::Result<row::Source, Refusal> {
    let id = id_of(Kind::Source, "source", "source", source)?;
    let source = find(admin.app.db.read(), admin.scope, id, "source").await?;
    let message = format!(
        "nothing is read from “{}”: its platform sends everything by itself. Have it send a roster.snapshot",
        source.name
    );
    Err(invalid("source", message))
}
