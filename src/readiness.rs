//! The readiness check `GET /readyz`. The service is not ready if the database does not answer, is not migrated or cannot be
//! written, if deliveries wait too long to be stored, or if a stored secret cannot be decrypted. It recovers by itself.

use std::time::Duration;

use actix_web::{HttpResponse, web};

use crate::{app::App, sealed, store::StoreError};

/// The timeout of each database query of the check.
const QUERY_TIMEOUT: Duration = Duration::from_secs(3);

/// Why the service is not ready. `Display` is the public response, so it contains no internal text.
#[derive(Debug, thiserror::Error)]
enum NotReady {
    #[error("the database does not answer")]
    Timeout,
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

/// 200, or 503 with the reason as text.
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
    match within(sealed::find_undecryptable(&app.db, &app.sealer)).await?? {
        Some(kind) => Err(NotReady::Unreadable(sealed::problem(kind))),
        None => Ok(()),
    }
}

async fn within<T>(query: impl Future<Output = T>) -> Result<T, NotReady> {
    let response = tokio::time::timeout(QUERY_TIMEOUT, query).await;
    response.map_err(|_| NotReady::Timeout)
}
