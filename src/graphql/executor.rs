//! Executes requests in the service's own runtime, and without the guard what the guard would let pass: it is asked about
//! every field of an answer, only to say that it may be seen and did not fail. That all may be seen is proven from the text
//! before; where one failed, the query is run once more under guard, which puts null where null belongs. So the answer is
//! always the guard's. Never runs a mutation twice, and nothing without guard that was not proven. The route of the API
//! calls it.

use std::sync::Arc;

use async_graphql::{Request, Response, Variables, parser};
use tracing::Instrument;

use super::{
    batch,
    context::Caller,
    http::{Runs, answer::Written, guard::lets_pass, limits::Limits},
    prompt::Unguarded,
    reach::Reach,
    roles::may,
    schema::{self, ApiSchema, context_data},
};
use crate::{app::App, store::row::Role};

/// The schema with its guard, and without.
#[derive(Clone)]
pub struct Schemas {
    /// For everything.
    pub guarded: ApiSchema,
    bare: ApiSchema,
    reach: Arc<Reach>,
}

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
        })
    }

    /// Executes for one caller.
    pub fn executor(&self, app: Arc<App>, caller: Caller) -> Asked {
        let schemas = self.clone();
        Asked {
            schemas,
            app,
            caller,
        }
    }

    /// Whether the guard would refuse nothing of a request to a role before it is executed, nor any field of it.
    pub(super) fn needs_no_guard(&self, role: Role, request: &mut Request) -> bool {
        lets_pass(request, &Limits::default(), |document, query| {
            let sees = |kind: &str, field: &str| may(role, kind, field);
            self.reach.all(document, query, sees)
        })
    }
}

/// The executor of one caller's request.
#[derive(Clone)]
pub struct Asked {
    schemas: Schemas,
    app: Arc<App>,
    caller: Caller,
}

impl Asked {
    /// What a request is answered with. To be awaited in the service's own runtime.
    pub(super) fn response(
        &self,
        mut request: Request,
    ) -> impl Future<Output = Response> + Send + use<> {
        let Schemas { guarded, bare, .. } = self.schemas.clone();
        let (app, caller) = (self.app.clone(), self.caller.clone());
        let needs_no_guard = self.schemas.needs_no_guard(caller.role, &mut request);
        async move {
            if !needs_no_guard {
                return guarded.execute(request).await;
            }
            let again = Again::of(&request);
            request.data.insert(Unguarded);
            let limits = Limits::default();
            let run = batch::run(bare.execute(request));
            match tokio::time::timeout(limits.time, run).await {
                Ok(response) if response.errors.is_empty() => response,
                Ok(_) => guarded.execute(again.request(app, caller)).await,
                Err(_) => Response::from_errors(vec![limits.too_slow()]),
            }
        }
    }
}

impl Runs for Asked {
    async fn run(&self, request: Request, request_id: String) -> Written {
        let response = self.response(request);
        let written = async move { Written::new(response.await, &request_id) };
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
