//! Whether the service can do its work: `GET /readyz`. It is not ready where the database does not answer or is not migrated, where
//! nothing can be stored, where deliveries wait too long, and where stored secrets cannot be opened; it recovers by itself.

use std::time::Duration;

use actix_web::{HttpResponse, web};

use crate::{app::App, sealed, store::StoreError};

/// How long the database may take for each thing that is asked of it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why the service is not ready. The text is public: nothing inside it may be.
#[derive(Debug, thiserror::Error)]
enum NotReady {
    #[error("the database does not answer")]
    Silent,
    #[error("the database does not answer")]
    Store(#[from] StoreError),
    #[error("the database is not migrated")]
    NotMigrated,
    #[error("nothing can be stored: the disk may be full, or the database locked or read only")]
    CannotWrite(#[source] StoreError),
    #[error("deliveries wait too long to be stored")]
    Stalled,
    #[error("{0}")]
    Unreadable(String),
}

/// Answers 200, or 503 and why.
pub async fn readyz(app: web::Data<App>) -> HttpResponse {
    match check(&app).await {
        Ok(()) => HttpResponse::Ok()
            .content_type("text/plain")
            .body("ready\n"),
        Err(problem) => {
            tracing::warn!(error = ?problem, "the service is not ready");
            HttpResponse::ServiceUnavailable()
                .content_type("text/plain")
                .body(format!("{problem}\n"))
        }
    }
}

async fn check(app: &App) -> Result<(), NotReady> {
    if app.queue.is_stalled() {
        return Err(NotReady::Stalled);
    }
    if !within(app.db.ready()).await?? {
        return Err(NotReady::NotMigrated);
    }
    within(app.db.can_write())
        .await?
        .map_err(NotReady::CannotWrite)?;
    match within(sealed::unreadable(&app.db, &app.sealer)).await?? {
        Some(kind) => Err(NotReady::Unreadable(sealed::problem(kind))),
        None => Ok(()),
    }
}

async fn within<T>(asked: impl Future<Output = T>) -> Result<T, NotReady> {
    let answer = tokio::time::timeout(PATIENCE, asked).await;
    answer.map_err(|_| NotReady::Silent)
}
