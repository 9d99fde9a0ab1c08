//! Executes requests in the service's own runtime, and without the guard what the guard would let pass: it is asked about
//! every field of an answer, only to say that it may be seen and did not fail. That all may be seen is proven from the text
//! before; where one failed, the query is run once more under guard, which puts null where null belongs. So the answer is
//! always the guard's. Never runs a mutation twice, and nothing without guard that was not proven. The route of the API
//! calls it.

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
    admission::Admission,
    batch,
    context::Caller,
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
    auth,
    store::{StoreError, row::Role},
};

/// The schema with its guard, and without.
#[derive(Clone)]
pub struct Schemas {
    /// For everything.
    pub guarded: ApiSchema,
    bare: ApiSchema,
    reach: Arc<Reach>,
    verdicts: Arc<Mutex<Verdicts>>,
    pub(super) admission: Arc<Admission>,
}

/// How a role's operation of that name in a text may be executed without guard, where it may.
type Verdicts = LruCache<(Role, Option<String>, String), Option<Way>>;

/// How many verdicts are kept.
const MOST_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(511);

/// The longest text of which a verdict is kept, in bytes.
const LONGEST_KEPT: usize = 4 * 1024;

impl Schemas {
    /// Of the guarded one.
    ///
    /// # Errors
    ///
    /// Where the schema's own text cannot be read.
    pub fn new(guarded: ApiSchema) -> Result<Self, parser::Error> {
        let reach = Arc::new(Reach::of(&guarded.sdl())?);
        Ok(Self {
            guarded,
            bare: schema::bare(),
            reach,
            admission: Arc::default(),
            verdicts: Arc::new(Mutex::new(LruCache::new(MOST_KEPT))),
        })
    }

    /// Looks up whose token it is, before anything else of a request is read, and executes for its holder. None where nobody
    /// holds it.
    ///
    /// # Errors
    ///
    /// Where it cannot be looked up.
    pub async fn executor(&self, app: Arc<App>, token: &str) -> Result<Option<Asked>, StoreError> {
        let token: Arc<str> = token.into();
        let known_at = Instant::now();
        let caller = app.at_home(looked_up(app.clone(), token.clone())).await?;
        Ok(caller.map(|caller| Asked {
            schemas: self.clone(),
            app,
            token,
            caller,
            known_at,
        }))
    }

    /// What a caller's request is answered with. To be awaited in the service's own runtime.
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
            // Under guard it would cost as much once more.
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

    /// How a request of a role is executed without guard, where the guard would refuse nothing of it before it is executed,
    /// nor any field of it.
    pub(super) fn way(&self, role: Role, request: &mut Request) -> Option<Way> {
        let limits = Limits::default();
        let name = request.operation_name.clone();
        lets_pass(request, |text, document, query| {
            let key = (role, name, text.to_owned());
            if let Some(verdict) = self.verdicts().get(&key) {
                return *verdict;
            }
            let sees = |kind: &str, field: &str| may(role, kind, field);
            let passes = limits.check(document).is_ok() && self.reach.all(document, query, sees);
            let verdict = passes.then(|| {
                if self.reach.repeats(document, query) {
                    Way::Tree
                } else {
                    Way::Text
                }
            });
            if text.len() <= LONGEST_KEPT {
                self.verdicts().put(key, verdict);
            }
            verdict
        })
    }

    fn verdicts(&self) -> MutexGuard<'_, Verdicts> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_too_complex(error: &ServerError) -> bool {
    let extensions = error.extensions.as_ref();
    let code = extensions.and_then(|extensions| extensions.get("code"));
    matches!(code, Some(Value::String(code)) if code == "TOO_COMPLEX")
}

/// The executor of one request.
#[derive(Clone)]
pub struct Asked {
    schemas: Schemas,
    app: Arc<App>,
    token: Arc<str>,
    caller: Caller,
    known_at: Instant,
}

/// For so long a look-up of a token is good: a body may take longer to arrive.
const FRESH: Duration = Duration::from_millis(500);

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
        let caller = if known_at.elapsed() < FRESH {
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
                tracing::error!(error = ?problem, request_id, "a token cannot be looked up");
                Some(Written::refused(Refusal::unavailable()))
            }
        }
    }
}

impl Runs for Asked {
    async fn run(&self, request: Request, request_id: String) -> Option<Written> {
        let written = self.clone().written(request, request_id);
        self.app.at_home(written.in_current_span()).await
    }
}

/// What a query is made of, to ask it once more.
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
