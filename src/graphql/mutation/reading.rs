//! Reading a platform's API at an admin's word. Promises to refuse in words where there is nothing to read, and never to look
//! as if something were read: the loop of `ingest::readers` reads, and says on the source what became of it. Called by admins.

use async_graphql::{Context, ID, Object, Result};

use super::{Admin, id_of, invalid, source::find};
use crate::{
    graphql::{error::Refusal, source::Source},
    id::Kind,
    store::{readings, row},
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

payload! {
    /// The source whose reading was confirmed.
    ConfirmReadingPayload {
        /// The source.
        source: Source
    }
}

#[Object]
impl ReadingMutations {
    /// Confirms that a platform has as little left as the latest readings said (`readingNeedsConfirmation`): it is read again
    /// now, and believed that once. What anybody loses by it, the brake judges.
    async fn confirm_reading(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The source.")] source: ID,
    ) -> Result<ConfirmReadingPayload> {
        let admin = Admin::of(context)?;
        ConfirmReadingPayload::of(confirm(admin, &source).await)
    }

    /// Reads everything from the platform's API now: `lastReadAt` or `problem` say what became of it. Refused where there is
    /// none, or no credentials for it.
    async fn read_source(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The source.")] source: ID,
    ) -> Result<ReadSourcePayload> {
        let admin = Admin::of(context)?;
        ReadSourcePayload::of(read(admin, &source).await)
    }
}

async fn read(admin: Admin, source: &str) -> std::result::Result<row::Source, Refusal> {
    let Admin {
        app, scope, now, ..
    } = admin;
    let id = id_of(Kind::Source, "source", "source", source)?;
    let ordered = app.db.write(move |tx| {
        Box::pin(async move {
            let source = find(tx, scope, id, "source").await?;
            if source.credentials.is_none() {
                return Err(invalid("source", nothing_to_read(&source)));
            }
            readings::order(tx, scope, id, now).await?;
            find(tx, scope, id, "source").await
        })
    });
    let source = ordered.await?;
    app.waker.wake();
    Ok(source)
}

async fn confirm(admin: Admin, source: &str) -> std::result::Result<row::Source, Refusal> {
    let Admin {
        app, scope, now, ..
    } = admin;
    let id = id_of(Kind::Source, "source", "source", source)?;
    let confirmed = app.db.write(move |tx| {
        Box::pin(async move {
            let source = find(tx, scope, id, "source").await?;
            if source.reading_doubt != Some(row::ReadingDoubt::ConfirmationNeeded) {
                let name = &source.name;
                let words = format!(
                    "no reading of “{name}” waits to be confirmed (readingNeedsConfirmation)"
                );
                return Err(invalid("source", words));
            }
            readings::confirm(tx, scope, id, now).await?;
            find(tx, scope, id, "source").await
        })
    });
    let source = confirmed.await?;
    app.waker.wake();
    Ok(source)
}

fn nothing_to_read(source: &row::Source) -> String {
    let name = &source.name;
    match source.platform {
        row::Platform::Spacebring | row::Platform::Teamup | row::Platform::Clubspot => {
            format!(
                "“{name}” has no credentials for its platform's API: give it some (updateSource)"
            )
        }
        _ => format!(
            "nothing is read from “{name}”: its platform sends everything by itself. Have it send a roster.snapshot, or import \
             one (latchkey roster import)"
        ),
    }
}
