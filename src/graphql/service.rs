//! A schema with the preparation of its requests: the one pipeline of all transports. A request is prepared
//! (`GraphqlService::prepare`), admitted, and executed. The server holds one service.

use std::sync::Arc;

use async_graphql::{
    ObjectType, Request, Response, Schema, ServerError, ServerResult, SubscriptionType, parser,
};
use futures_util::stream::{self, Stream, StreamExt};

use super::{
    admission::ConcurrencyLimiter,
    batch,
    field_analysis::FieldAnalysis,
    mutation::Mutation,
    prepare::{OperationKind, Preparation, limits::Limits},
    query::Query,
    resolve::{Root, RootFields, is_recorded},
    schema::context_data,
    subscription::Subscription,
};
use crate::auth::Caller;
use crate::{app::App, store::row::Role};

/// Executes the requests of all callers. The limit on the cost of a document must be set on the schema.
pub struct GraphqlService<Q = Root<Query>, M = Root<Mutation>, S = Subscription> {
    schema: Schema<Q, M, S>,
    preparation: Arc<Preparation>,
    pub(super) admission: Arc<ConcurrencyLimiter>,
}

impl<Q, M, S> Clone for GraphqlService<Q, M, S> {
    fn clone(&self) -> Self {
        Self {
            schema: self.schema.clone(),
            preparation: self.preparation.clone(),
            admission: self.admission.clone(),
        }
    }
}

impl<Q, M, S> GraphqlService<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    /// # Errors
    ///
    /// If the SDL of the schema cannot be parsed.
    pub fn new(schema: Schema<Q, M, S>, limits: Limits) -> Result<Self, parser::Error> {
        let analysis = FieldAnalysis::of(&schema.sdl())?;
        Ok(Self {
            schema,
            preparation: Arc::new(Preparation::new(analysis, limits)),
            admission: Arc::default(),
        })
    }

    /// Checks and authorizes a request before its execution. See [`Preparation::prepare`].
    ///
    /// # Errors
    ///
    /// The reason of the refusal.
    pub(crate) fn prepare(&self, role: Role, request: &mut Request) -> ServerResult<OperationKind> {
        self.preparation.prepare(role, request)
    }

    /// Executes a prepared query or mutation for a caller, once it is admitted. Must be awaited on the service's main runtime.
    pub(super) async fn respond(
        &self,
        app: Arc<App>,
        caller: Caller,
        kind: OperationKind,
        mut request: Request,
    ) -> Response {
        let _admitted = match self.admission.admit(&caller, kind).await {
            Ok(admitted) => admitted,
            Err(refused) => return Response::from_errors(vec![refused]),
        };
        context_data(app, caller, &mut request.data);
        self.execute(kind, request).await
    }

    /// Executes a prepared query or mutation. Only a query is cut off at the time limit: a mutation that has begun is finished.
    pub(crate) async fn execute(&self, kind: OperationKind, mut request: Request) -> Response {
        let root = Arc::new(RootFields::default());
        request.data.insert(root.clone());
        let limits = self.preparation.limits;
        let run = batch::run(self.schema.execute(request));
        let response = if kind == OperationKind::Query {
            match tokio::time::timeout(limits.time, run).await {
                Ok(response) => response,
                Err(_) => return Response::from_errors(vec![limits.too_slow()]),
            }
        } else {
            run.await
        };
        if response.errors.iter().any(is_too_costly) {
            return Response::from_errors(vec![limits.too_costly()]);
        }
        root.complete(response)
    }

    /// Executes a prepared subscription: the responses to its events.
    pub(super) fn subscribe(
        &self,
        app: Arc<App>,
        caller: Caller,
        mut request: Request,
    ) -> impl Stream<Item = Response> + Send + use<Q, M, S> {
        context_data(app, caller, &mut request.data);
        let events = self.schema.execute_stream(request);
        let limits = self.preparation.limits;
        stream::unfold(events, move |mut events| async move {
            let mut response = batch::run(events.next()).await?;
            if response.errors.iter().any(is_too_costly) {
                response.errors = vec![limits.too_costly()];
            }
            response.errors.retain(|error| !is_recorded(error));
            Some((response, events))
        })
    }
}

/// Whether the library refused a document by its cost.
fn is_too_costly(error: &ServerError) -> bool {
    error.path.is_empty() && error.message == "Query is too complex."
}

#[cfg(test)]
impl<Q, M, S> GraphqlService<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    /// Prepares and executes a request whose data is complete, for its caller or an admin. The response has no JSON text in it.
    pub(crate) async fn run(&self, mut request: Request) -> Response {
        let caller = request.data.get(&std::any::TypeId::of::<Caller>());
        let caller = caller.and_then(|caller| caller.downcast_ref::<Caller>());
        let role = caller.map_or(Role::Admin, |caller| caller.role);
        match self.prepare(role, &mut request) {
            Ok(kind) => {
                let mut response = self.execute(kind, request).await;
                response.data = super::resolve::json::to_plain(&response.data);
                response
            }
            Err(refusal) => Response::from_errors(vec![refusal]),
        }
    }

    /// Executes a request by the library alone.
    pub(super) async fn run_by_library(&self, mut request: Request) -> Response {
        request.data.insert(super::resolve::ByLibrary);
        batch::run(self.schema.execute(request)).await
    }
}
