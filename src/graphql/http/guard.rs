//! The extension that guards a schema on every transport: it checks the document before execution, and puts null where a field
//! failed.
//!
//! It resolves no field that the field policy refuses to the caller, refuses a document that expands beyond its limits in time
//! linear in the text, and refuses a mutation by GET even if only its hash was sent. Its recursion is bounded by the limits, so
//! no document exhausts the stack. The builder of the schema calls [`guarded`]; `serve` calls [`kind_of`].

use std::any::TypeId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::extensions::apollo_persisted_queries::{
    ApolloPersistedQueries, LruCacheStorage,
};
use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextPrepareRequest,
    NextResolve, NextValidation, ResolveInfo,
};
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{
    Error, QueryPathSegment, Request, Response, SchemaBuilder, ServerError, ServerResult,
    ValidationResult, Value, Variables, async_trait,
};

use super::documents;
use super::limits::{Limits, check_text};
use super::nul;
use super::nulls::{FieldPlace, Nulls};
use crate::graphql::batch;

/// The capacity of the cache of persisted queries; the least recently used one is evicted.
const PERSISTED_QUERIES: usize = 256;

/// The maximum size of a persisted query, in bytes, so that callers cannot fill the memory.
const MAX_PERSISTED_BYTES: usize = 8 * 1024;

/// Returns an error if the caller may not resolve a field; the arguments are the name of the type and of the field. Called for
/// every field before it is resolved, and for the root fields of a subscription before it begins.
pub type Law = fn(&ExtensionContext<'_>, &str, &str) -> Result<(), Error>;

/// Adds persisted queries, the checks of this module, and nulls for failed fields to a schema.
#[must_use]
pub fn guarded<Q, M, S>(
    builder: SchemaBuilder<Q, M, S>,
    limits: Limits,
    law: Law,
) -> SchemaBuilder<Q, M, S> {
    // The extension that is added first wraps the second, so it gets the document that the hash was resolved to.
    builder
        .extension(Guard { limits, law })
        .extension(ApolloPersistedQueries::new(LruCacheStorage::new(
            PERSISTED_QUERIES,
        )))
}

/// Marker in a request's data: only queries may run.
pub(super) struct QueriesOnly;

/// The source of the error that refuses a mutation under [`QueriesOnly`].
pub(super) struct MutationByGet;

/// The kind of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum Kind {
    Query,
    Subscription,
    Mutation,
}

/// The kind of the operation that the request selects. `None` if the document cannot be parsed, is unknown by its hash, or has no
/// such operation.
pub(in crate::graphql) fn kind_of(request: &mut Request) -> Option<Kind> {
    documents::resolve_hash(request);
    if request.query.is_empty() {
        return None;
    }
    documents::parse_cached(request);
    let name = request.operation_name.clone();
    kind_in(documents::parsed(request).ok()?, name.as_deref())
}

fn kind_in(document: &ExecutableDocument, name: Option<&str>) -> Option<Kind> {
    Some(match selected(document, name)?.ty {
        OperationType::Mutation => Kind::Mutation,
        OperationType::Query => Kind::Query,
        OperationType::Subscription => Kind::Subscription,
    })
}

fn selected<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => operation,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name)?,
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            all.next().filter(|_| all.next().is_none())?
        }
    };
    Some(&operation.node)
}

/// Returns the verdict of `judge` on the text, document and selected operation of a request, if all operations of the document
/// are queries that pass the other checks of the guard before execution. `judge` must call [`Limits::check`] and check the field
/// permissions; its verdict may be cached, because it does not depend on variables.
///
/// The request may then be executed without the guard, with the same response as long as no field fails. This costs much less,
/// because an extension is called for every field of every element of every list.
pub(in crate::graphql) fn lets_pass<T>(
    request: &mut Request,
    judge: impl FnOnce(&str, &ExecutableDocument, &OperationDefinition) -> Option<T>,
) -> Option<T> {
    // The document behind a hash is unknown here.
    if request.extensions.contains_key("persistedQuery") || documents::parsed(request).is_err() {
        return None;
    }
    // Taken out while the document, which is parsed by now, borrows the request.
    let name = request.operation_name.take();
    let text = std::mem::take(&mut request.query);
    let variables = std::mem::take(&mut request.variables);
    // This returns the document that was parsed above: the text is taken out.
    let verdict = documents::parsed(request).ok().and_then(|document| {
        let mut operations = document.operations.iter();
        let query = selected(document, name.as_deref())?;
        let passes = operations.all(|(_, operation)| operation.node.ty == OperationType::Query)
            && check_variables(query, &variables).is_ok()
            && nul::check(&text, document, &variables).is_ok();
        passes.then(|| judge(&text, document, query)).flatten()
    });
    request.operation_name = name;
    request.query = text;
    request.variables = variables;
    verdict
}

/// Refuses a request without a required variable: async-graphql would notice only when a resolver reads it, after other resolvers
/// have run.
fn check_variables(operation: &OperationDefinition, variables: &Variables) -> ServerResult<()> {
    for definition in &operation.variable_definitions {
        let (variable, kind) = (&definition.node, &definition.node.var_type.node);
        let given = variables
            .get(&variable.name.node)
            .is_some_and(|value| *value != Value::Null);
        if !kind.nullable && !given && variable.default_value.is_none() {
            return Err(ServerError::new(
                format!(
                    "The variable ${} of type {kind} is missing",
                    variable.name.node
                ),
                Some(definition.pos),
            ));
        }
    }
    Ok(())
}

/// Refuses a subscription with more than one root field, as GraphQL requires, or with a fragment at the root: async-graphql would
/// run the first and silently ignore the others.
fn check_roots(operation: &OperationDefinition) -> ServerResult<()> {
    let one = match operation.selection_set.node.items.as_slice() {
        [root] => matches!(root.node, Selection::Field(_)),
        _ => false,
    };
    if one || operation.ty != OperationType::Subscription {
        return Ok(());
    }
    let message = "A subscription selects one field at its root, and no fragment";
    let at = operation.selection_set.pos;
    Err(ServerError::new(message, Some(at)))
}

/// Creates a [`Checks`] for each request.
struct Guard {
    limits: Limits,
    law: Law,
}

/// The checks before execution, and the nulls of failed fields, of one request.
struct Checks {
    limits: Limits,
    law: Law,
    /// Whether execution may be cut off at the time limit: only queries may, because a mutation that has begun is finished.
    may_stop: AtomicBool,
    nulls: Nulls,
}

impl ExtensionFactory for Guard {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Checks {
            limits: self.limits,
            law: self.law,
            may_stop: AtomicBool::new(false),
            nulls: Nulls::default(),
        })
    }
}

#[async_trait::async_trait]
impl Extension for Checks {
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        mut request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        if request.query.len() > MAX_PERSISTED_BYTES {
            // It is executed all the same, but not stored under its hash.
            request.extensions.remove("persistedQuery");
        }
        // The next extension parses a text that comes with its hash, so it is checked before.
        check_text(&request.query)?;
        let mut request = next.run(ctx, request).await?;
        let name = request.operation_name.clone();
        let queries_only = request.data.contains_key(&TypeId::of::<QueriesOnly>());
        documents::parsed(&mut request)?;
        // Taken out while the document, which is parsed by now, borrows the request.
        let variables = std::mem::take(&mut request.variables);
        let text = std::mem::take(&mut request.query);
        let document = documents::parsed(&mut request)?;
        self.limits.check(document)?;
        nul::check(&text, document, &variables)?;
        if let Some(operation) = selected(document, name.as_deref()) {
            check_variables(operation, &variables)?;
            check_roots(operation)?;
        }
        let kind = kind_in(document, name.as_deref());
        self.may_stop
            .store(kind == Some(Kind::Query), Ordering::Relaxed);
        if queries_only && kind == Some(Kind::Mutation) {
            let mut error = ServerError::new("Mutations must be sent by POST", None);
            error.source = Some(Arc::new(MutationByGet));
            return Err(error);
        }
        request.variables = variables;
        request.query = text;
        Ok(request)
    }

    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let document = next.run(ctx, query, variables).await?;
        // The stream of a subscription is created before `resolve` is called for any of its fields.
        for (_, operation) in document.operations.iter() {
            if operation.node.ty == OperationType::Subscription {
                let set = &operation.node.selection_set.node;
                check_root(&document, set, &|field| {
                    (self.law)(ctx, "Subscription", field)
                })?;
            }
        }
        Ok(document)
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await?;
        self.limits
            .check_cost(result.complexity)
            .map_err(|error| vec![error])?;
        Ok(result)
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let place = FieldPlace::of(&info);
        // The elements of a list are covered by the check of the list field.
        let is_element = matches!(info.path_node.segment, QueryPathSegment::Index(_));
        let lawful = if is_element {
            Ok(())
        } else {
            (self.law)(ctx, info.parent_type, info.name)
        };
        let resolved = match lawful {
            Ok(()) => next.run(ctx, info).await,
            Err(refused) => Err(refused.into_server_error(info.field.name.pos)),
        };
        self.nulls.complete_field(&place, resolved)
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        self.nulls.begin();
        let run = batch::run(next.run(ctx, operation_name));
        let response = if self.may_stop.load(Ordering::Relaxed) {
            match tokio::time::timeout(self.limits.time, run).await {
                Ok(response) => response,
                Err(_) => return Response::from_errors(vec![self.limits.too_slow()]),
            }
        } else {
            run.await
        };
        self.nulls.finish(response)
    }
}

/// Applies the field policy to each field at the root, with fragments expanded.
fn check_root(
    document: &ExecutableDocument,
    set: &SelectionSet,
    law: &impl Fn(&str) -> Result<(), Error>,
) -> ServerResult<()> {
    set.items.iter().try_for_each(|item| match &item.node {
        Selection::Field(field) => {
            let name = &field.node.name;
            law(&name.node).map_err(|refused| refused.into_server_error(name.pos))
        }
        Selection::InlineFragment(inline) => {
            check_root(document, &inline.node.selection_set.node, law)
        }
        Selection::FragmentSpread(spread) => {
            let fragment = document.fragments.get(&spread.node.fragment_name.node);
            fragment.map_or(Ok(()), |fragment| {
                check_root(document, &fragment.node.selection_set.node, law)
            })
        }
    })
}
