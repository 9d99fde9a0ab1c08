//! Full reads of a platform's API on request: the mutations only schedule a read, and refuse a source that has nothing to read.
//! The loop in `ingest::readers` reads, and writes the result to the source. For ADMIN tokens.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{
    Editor,
    form::Form,
    id_of, invalid,
    source::{find, record_source},
};
use crate::{
    graphql::{error::Refusal, source::Source},
    id::Kind,
    store::{readings, row},
    transaction,
};

#[derive(Default)]
pub struct ReadingMutations;

payload! {
    /// The source that is read.
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

/// The source whose reading is confirmed.
#[derive(InputObject)]
pub struct ConfirmReadingInput {
    /// The source.
    pub source: ID,
}

/// The source to read.
#[derive(InputObject)]
pub struct ReadSourceInput {
    /// The source.
    pub source: ID,
}

#[Object(crate = "crate::graphql::resolve")]
impl ReadingMutations {
    /// Confirms that a platform really has as few records as the latest readings found (`readingNeedsConfirmation`): it is read
    /// again now, and that one reading is accepted. The brake judges the resulting revocations.
    async fn confirm_reading(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The source whose reading is confirmed.")] input: Option<
            ConfirmReadingInput,
        >,
        #[graphql(deprecation = "Use `input`.", desc = "The source.")] source: Option<ID>,
    ) -> Result<ConfirmReadingPayload> {
        let admin = Editor::admin(context)?;
        let loose = source.map(|source| ConfirmReadingInput { source });
        let (form, input) = Form::of(input, loose)?;
        ConfirmReadingPayload::of(form.paths(confirm(admin, &input.source).await))
    }

    /// Reads everything from the platform's API now; `lastReadAt` or `problem` show the result. Refused if the platform has no
    /// API to read, or the source has no credentials for it.
    async fn read_source(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The source to read.")] input: Option<ReadSourceInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The source.")] source: Option<ID>,
    ) -> Result<ReadSourcePayload> {
        let admin = Editor::admin(context)?;
        let loose = source.map(|source| ReadSourceInput { source });
        let (form, input) = Form::of(input, loose)?;
        ReadSourcePayload::of(form.paths(read(admin, &input.source).await))
    }
}

async fn read(admin: Editor, source: &str) -> std::result::Result<row::Source, Refusal> {
    let Editor {
        app, scope, now, ..
    } = admin;
    let id = id_of(Kind::Source, "source", "source", source)?;
    let ordered = transaction!(app.db, |tx| {
        let source = find(tx, scope, id, "source").await?;
        if source.credentials.is_none() {
            return Err(invalid("source", nothing_to_read(&source)));
        }
        readings::request_full_read(tx, scope, id, now).await?;
        find(tx, scope, id, "source").await
    });
    let source = ordered.await?;
    app.waker.wake_with_readers(scope);
    Ok(source)
}

async fn confirm(admin: Editor, source: &str) -> std::result::Result<row::Source, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let id = id_of(Kind::Source, "source", "source", source)?;
    let confirmed = transaction!(app.db, |tx| {
        let source = find(tx, scope, id, "source").await?;
        if source.reading_doubt != Some(row::ReadingDoubt::ConfirmationNeeded) {
            let name = &source.name;
            let message = format!(
                "no reading of “{name}” is waiting for confirmation (readingNeedsConfirmation)"
            );
            return Err(invalid("source", message));
        }
        readings::confirm(tx, scope, id, now).await?;
        let message = format!("The reading of the source “{}” was confirmed.", source.name);
        record_source(tx, scope, (&actor, now), message).await?;
        find(tx, scope, id, "source").await
    });
    let source = confirmed.await?;
    app.waker.wake_with_readers(scope);
    Ok(source)
}

fn nothing_to_read(source: &row::Source) -> String {
    let name = &source.name;
    match source.platform {
        row::Platform::Spacebring | row::Platform::Teamup | row::Platform::Clubspot => {
            format!(
                "“{name}” has no credentials for its platform's API: add them with updateSource"
            )
        }
        _ => format!(
            "“{name}” has no API to read: its platform sends everything by itself. Have it send a roster.snapshot, or import \
             one (latchkey roster import)"
        ),
    }
}
