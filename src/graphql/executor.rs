//! Executes the HTTP requests of one caller on the service's main runtime. Called by the route of the API.

use std::{sync::Arc, time::Duration};

use async_graphql::{Request, Response};
use tokio::time::Instant;
use tracing::Instrument;

use super::{
    http::{
        RequestExecutor,
        answer::{Refusal, SerializedResponse},
        finished,
    },
    prepare::OperationKind,
    service::GraphqlService,
};
use crate::auth::Caller;
use crate::{app::App, auth, store::StoreError};

/// Executes the requests of one caller.
#[derive(Clone)]
pub struct CallerExecutor {
    service: GraphqlService,
    app: Arc<App>,
    token: Arc<str>,
    caller: Caller,
    looked_up_at: Instant,
}

/// How long the look-up of a token stays valid. A body may take longer to arrive; the token is then looked up again.
const TOKEN_LOOKUP_VALIDITY: Duration = Duration::from_millis(500);

/// Runs an operation: a query on the threads of queries, anything else here.
pub(super) async fn on_its_runtime<T: Send + 'static>(
    app: Arc<App>,
    kind: OperationKind,
    operation: impl Future<Output = T> + Send + 'static,
) -> T {
    match kind {
        OperationKind::Query => app.run_as_query(operation.in_current_span()).await,
        OperationKind::Mutation | OperationKind::Subscription => operation.await,
    }
}

async fn look_up(app: Arc<App>, token: Arc<str>) -> Result<Option<Caller>, StoreError> {
    auth::by_token(&app, &token).await
}

impl CallerExecutor {
    /// Looks up the token before anything else of the request is read, and returns the executor for its caller. None if the
    /// token is invalid.
    ///
    /// # Errors
    ///
    /// If the token cannot be looked up.
    pub async fn authenticate(
        service: &GraphqlService,
        app: Arc<App>,
        token: &str,
    ) -> Result<Option<Self>, StoreError> {
        let token: Arc<str> = token.into();
        let looked_up_at = Instant::now();
        let caller = app
            .run_on_main_runtime(look_up(app.clone(), token.clone()))
            .await?;
        Ok(caller.map(|caller| Self {
            service: service.clone(),
            app,
            token,
            caller,
            looked_up_at,
        }))
    }

    async fn execute(self, mut request: Request, id: String) -> Option<SerializedResponse> {
        let Self {
            service,
            app,
            token,
            caller,
            looked_up_at,
        } = self;
        let caller = if looked_up_at.elapsed() < TOKEN_LOOKUP_VALIDITY {
            Ok(Some(caller))
        } else {
            look_up(app.clone(), token).await
        };
        match caller {
            Ok(Some(caller)) => match service.prepare(caller.role, &mut request) {
                Ok(kind) => {
                    let of = app.clone();
                    let response = async move {
                        let response = Box::pin(service.respond(of, caller, kind, request));
                        SerializedResponse::new(response.await, &id)
                    };
                    finished(kind, on_its_runtime(app, kind, response)).await
                }
                Err(refusal) => {
                    let response = Response::from_errors(vec![refusal]);
                    Some(SerializedResponse::new(response, &id))
                }
            },
            Ok(None) => Some(SerializedResponse::refused(Refusal::unauthenticated())),
            Err(problem) => {
                tracing::error!(error = ?problem, request_id = id, "failed to look up a token");
                Some(SerializedResponse::refused(Refusal::unavailable()))
            }
        }
    }
}

impl RequestExecutor for CallerExecutor {
    async fn execute(&self, request: Request, request_id: String) -> Option<SerializedResponse> {
        let response = Self::execute(self.clone(), request, request_id);
        self.app
            .run_on_main_runtime(response.in_current_span())
            .await
    }
}
