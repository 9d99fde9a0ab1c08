//! What a schema needs around it on every transport: checks of the document before, and null where
//! a field failed.
//!
//! Promises that no field is resolved which the schema's law refuses to whoever asks, that a
//! document whose fragments unfold into too much is refused in time that grows with its text, and
//! that a mutation known by its hash alone is refused by GET as any other. Never
//! recurses deeper than its limits allow, so no document exhausts the stack. Whoever builds the schema
//! calls [`guarded`]; `serve` asks for the kind of an operation.

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

/// How many persisted queries are kept; the one that was not used for longest goes first.
const PERSISTED_QUERIES: usize = 256;

/// The longest document that is kept as a persisted query, in bytes: callers shall not fill the
/// memory.
const MAX_PERSISTED_BYTES: usize = 8 * 1024;

/// An error where whoever asks may not resolve a field, by the names of its type and itself. Asked
/// for every field before it is resolved, and for those of a subscription's root before it begins.
pub type Law = fn(&ExtensionContext<'_>, &str, &str) -> Result<(), Error>;

/// Adds persisted queries, the checks of this module, and null for failed fields to a schema.
#[must_use]
pub fn guarded<Q, M, S>(
    builder: SchemaBuilder<Q, M, S>,
    limits: Limits,
    law: Law,
) -> SchemaBuilder<Q, M, S> {
    // The first that is added wraps the second, and so sees the document that a hash stood for.
    builder
        .extension(Guard { limits, law })
        .extension(ApolloPersistedQueries::new(LruCacheStorage::new(
            PERSISTED_QUERIES,
        )))
}

/// In a request's data: nothing but a query may run.
pub(super) struct QueriesOnly;

/// The source of the error by which a mutation is refused under [`QueriesOnly`].
pub(super) struct MutationByGet;

/// What an operation may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum Kind {
    /// Reads.
    Query,
    /// Reads again and again.
    Subscription,
    /// May change something.
    Mutation,
}

/// The kind of the operation that the request selects; None where its document cannot be parsed, is
/// not known yet, or has no such operation.
pub(in crate::graphql) fn kind_of(request: &mut Request) -> Option<Kind> {
    documents::unhash(request);
    if request.query.is_empty() {
        return None;
    }
    documents::read(request);
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

/// What `judge` says of the text, the document and the operation that a request selects, where all operations of the document
/// are queries in which the guard would refuse nothing before they are executed. `judge` is to ask [`Limits::check`] and
/// whether all may be seen; what it says may be kept, since it hangs on no variable.
///
/// The request may then be executed without a guard, which costs a good deal less, since an extension is asked about every
/// field of every element of every list: where nothing fails the answer is the same.
pub(in crate::graphql) fn lets_pass<T>(
    request: &mut Request,
    judge: impl FnOnce(&str, &ExecutableDocument, &OperationDefinition) -> Option<T>,
) -> Option<T> {
    // What a hash stands for is not known here.
    if request.extensions.contains_key("persistedQuery") || documents::parsed(request).is_err() {
        return None;
    }
    // Set aside while the document, which is there by now, borrows the request.
    let name = request.operation_name.take();
    let text = std::mem::take(&mut request.query);
    let variables = std::mem::take(&mut request.variables);
    // The text was checked above, and is not there to be parsed again.
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

/// Refuses a request that leaves out a variable which must not be null: async-graphql would notice
/// only when a resolver reads it, after others have run.
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

/// Refuses a subscription to more than one thing, as GraphQL does, and to a fragment: async-graphql would take the first and
/// tell nothing of the second.
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

/// Adds nothing to a schema by itself: each request gets a [`Checks`].
struct Guard {
    limits: Limits,
    law: Law,
}

/// The checks before execution, and null where a field fails.
struct Checks {
    limits: Limits,
    law: Law,
    /// What has begun to change something is finished, however long it takes.
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
            // It is executed all the same, and its hash is not found the next time.
            request.extensions.remove("persistedQuery");
        }
        // A text that comes with its hash is parsed by what runs next.
        check_text(&request.query)?;
        let mut request = next.run(ctx, request).await?;
        let name = request.operation_name.clone();
        let queries_only = request.data.contains_key(&TypeId::of::<QueriesOnly>());
        documents::parsed(&mut request)?;
        // Set aside while the document, which is there by now, borrows the request.
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
            let mut error = ServerError::new("Mutations are sent by POST", None);
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
        // A subscription's stream is made before any field of it is resolved.
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
        // An element of a list was asked about with the field that it is of.
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
        self.nulls.of_field(&place, resolved)
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

/// Asks the law for each field that stands at the root, fragments unfolded.
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
