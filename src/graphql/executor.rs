//! Executes requests on the service's main runtime, without the guard where the result is the same. The guard checks every
//! field of a response, only to find that it is permitted and did not fail. Permissions are therefore checked from the
//! document before execution; if a field then fails, the query is run again under the guard, which puts null where the
//! specification requires it. The response always equals that of the guarded schema. A mutation is never run twice, and a
//! document that was not checked never runs without the guard. Called by the route of the API.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_graphql::{Request, Response, ServerError, Value, Variables, parser};
use lru::LruCache;
use tokio::time::Instant;
use tracing::Instrument;

use super::{
    admission::ConcurrencyLimiter,
    batch,
    http::{
        Runs,
        answer::{Refusal, Written},
        finished,
        guard::{Kind, kind_of, lets_pass},
        limits::Limits,
    },
    prompt::{Unguarded, Way},
    reach::Reach,
    roles::may,
    schema::{self, ApiSchema, context_data},
};
use crate::{
    app::App,
    auth::{self, Caller},
    store::{StoreError, row::Role},
};

/// The schema with and without its guard.
#[derive(Clone)]
pub struct Schemas {
    /// Executes every request.
    pub guarded: ApiSchema,
    bare: ApiSchema,
    reach: Arc<Reach>,
    verdicts: Arc<Mutex<VerdictCache>>,
    pub(super) admission: Arc<ConcurrencyLimiter>,
}

/// How an operation may be executed without the guard; None if it may not. The key is the role, the operation name and the
/// document's text.
type VerdictCache = LruCache<(Role, Option<String>, String), Option<Way>>;

/// The number of cached verdicts.
const MAX_CACHED_VERDICTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(511);

/// The longest document whose verdict is cached, in bytes.
const MAX_CACHED_DOCUMENT_BYTES: usize = 4 * 1024;

impl Schemas {
    /// `guarded` is the schema with its guard.
    ///
    /// # Errors
    ///
    /// If the SDL of the schema cannot be parsed.
    pub fn new(guarded: ApiSchema) -> Result<Self, parser::Error> {
        let reach = Arc::new(Reach::of(&guarded.sdl())?);
        Ok(Self {
            guarded,
            bare: schema::bare(),
            reach,
            admission: Arc::default(),
            verdicts: Arc::new(Mutex::new(LruCache::new(MAX_CACHED_VERDICTS))),
        })
    }

    /// Looks up the token before anything else of the request is read, and returns the executor for its caller. None if the
    /// token is invalid.
    ///
    /// # Errors
    ///
    /// If the token cannot be looked up.
    pub async fn executor(&self, app: Arc<App>, token: &str) -> Result<Option<Asked>, StoreError> {
        let token: Arc<str> = token.into();
        let known_at = Instant::now();
        let caller = app
            .run_on_main_runtime(looked_up(app.clone(), token.clone()))
            .await?;
        Ok(caller.map(|caller| Asked {
            schemas: self.clone(),
            app,
            token,
            caller,
            known_at,
        }))
    }

    /// Executes a request for a caller. Must be awaited on the service's main runtime.
    pub(super) async fn response(
        self,
        app: Arc<App>,
        caller: Caller,
        kind: Option<Kind>,
        mut request: Request,
    ) -> Response {
        let _admitted = match self.admission.admit(&caller, kind).await {
            Ok(admitted) => admitted,
            Err(refused) => return Response::from_errors(vec![refused]),
        };
        let way = self.way(caller.role, &mut request);
        context_data(app.clone(), caller.clone(), &mut request.data);
        let Some(way) = way else {
            return self.guarded.execute(request).await;
        };
        let again = Again::of(&request);
        let reach = self.reach;
        request.data.insert(Unguarded { way, reach });
        let limits = Limits::default();
        let run = batch::run(self.bare.execute(request));
        match tokio::time::timeout(limits.time, run).await {
            Ok(response) if response.errors.is_empty() => response,
            // Running it again under the guard would exceed the limit again, at the same cost.
            Ok(response) if response.errors.iter().any(is_too_complex) => {
                let mut errors = response.errors;
                errors.retain(is_too_complex);
                errors.truncate(1);
                errors.iter_mut().for_each(|error| error.path.clear());
                Response::from_errors(errors)
            }
            Ok(_) => self.guarded.execute(again.request(app, caller)).await,
            Err(_) => Response::from_errors(vec![limits.too_slow()]),
        }
    }

    /// How to execute a request of this role without the guard. None if the guard would refuse the document or one of its
    /// fields.
    pub(super) fn way(&self, role: Role, request: &mut Request) -> Option<Way> {
        let limits = Limits::default();
        let name = request.operation_name.clone();
        lets_pass(request, |text, document, query| {
            let key = (role, name, text.to_owned());
            if let Some(verdict) = self.verdicts().get(&key) {
                return *verdict;
            }
            let is_permitted = |kind: &str, field: &str| may(role, kind, field);
            let passes =
                limits.check(document).is_ok() && self.reach.all(document, query, is_permitted);
            let verdict = passes.then(|| {
                if self.reach.repeats(document, query) {
                    Way::Tree
                } else {
                    Way::Text
                }
            });
            if text.len() <= MAX_CACHED_DOCUMENT_BYTES {
                self.verdicts().put(key, verdict);
            }
            verdict
        })
    }

    fn verdicts(&self) -> MutexGuard<'_, VerdictCache> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_too_complex(error: &ServerError) -> bool {
    let extensions = error.extensions.as_ref();
    let code = extensions.and_then(|extensions| extensions.get("code"));
    matches!(code, Some(Value::String(code)) if code == "TOO_COMPLEX")
}

/// Executes the requests of one caller.
#[derive(Clone)]
pub struct Asked {
    schemas: Schemas,
    app: Arc<App>,
    token: Arc<str>,
    caller: Caller,
    known_at: Instant,
}

/// How long the look-up of a token stays valid. A body may take longer to arrive; the token is then looked up again.
const TOKEN_LOOKUP_VALIDITY: Duration = Duration::from_millis(500);

async fn looked_up(app: Arc<App>, token: Arc<str>) -> Result<Option<Caller>, StoreError> {
    auth::by_token(&app, &token).await
}

impl Asked {
    async fn written(self, mut request: Request, request_id: String) -> Option<Written> {
        let Self {
            schemas,
            app,
            token,
            caller,
            known_at,
        } = self;
        let caller = if known_at.elapsed() < TOKEN_LOOKUP_VALIDITY {
            Ok(Some(caller))
        } else {
            looked_up(app.clone(), token).await
        };
        match caller {
            Ok(Some(caller)) => {
                let kind = kind_of(&mut request);
                let response = Box::pin(schemas.response(app, caller, kind, request));
                let written = async move { Written::new(response.await, &request_id) };
                finished(kind, written).await
            }
            Ok(None) => Some(Written::refused(Refusal::unauthenticated())),
            Err(problem) => {
                tracing::error!(error = ?problem, request_id, "failed to look up a token");
                Some(Written::refused(Refusal::unavailable()))
            }
        }
    }
}

impl Runs for Asked {
    async fn run(&self, request: Request, request_id: String) -> Option<Written> {
        let written = self.clone().written(request, request_id);
        self.app
            .run_on_main_runtime(written.in_current_span())
            .await
    }
}

/// The parts of a query that are needed to run it again.
struct Again {
    query: String,
    name: Option<String>,
    variables: Variables,
}

impl Again {
    fn of(request: &Request) -> Self {
        Self {
            query: request.query.clone(),
            name: request.operation_name.clone(),
            variables: request.variables.clone(),
        }
    }

    fn request(self, app: Arc<App>, caller: Caller) -> Request {
        let mut request = Request::new(self.query).variables(self.variables);
        request.operation_name = self.name;
        context_data(app, caller, &mut request.data);
        request
    }
}
