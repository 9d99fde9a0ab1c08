//! What a schema needs around it on every transport: checks of the document before, and null where
//! a field failed.
//!
//! Promises that a document whose fragments unfold into too much is refused in time that grows with
//! its text, and that a mutation known by its hash alone is refused by GET as any other. Never
//! recurses deeper than [`MAX_DEPTH`], so no document exhausts the stack. Whoever builds the schema
//! calls [`guarded`]; `serve` asks for the kind of an operation.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::extensions::apollo_persisted_queries::{
    ApolloPersistedQueries, LruCacheStorage,
};
use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextPrepareRequest, NextResolve,
    ResolveInfo,
};
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{
    ErrorExtensionValues, Request, Response, SchemaBuilder, ServerError, ServerResult, Value,
    Variables, async_trait,
};

use super::nulls::{FieldPlace, Nulls};

/// How many selections a document may hold once every fragment stands where it is spread.
pub const MAX_SELECTIONS: usize = 10_000;

/// How deep selections may be nested, fragments unfolded; async-graphql itself refuses more than
/// 32.
pub const MAX_DEPTH: usize = 40;

/// How many persisted queries are kept; the one that was not used for longest goes first.
const PERSISTED_QUERIES: usize = 256;

/// The longest document that is kept as a persisted query, in bytes: callers shall not fill the
/// memory.
const MAX_PERSISTED_BYTES: usize = 8 * 1024;

/// Adds persisted queries, the checks of this module, and null for failed fields to a schema.
#[must_use]
pub fn guarded<Q, M, S>(builder: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S> {
    // The first that is added wraps the second, and so sees the document that a hash stood for.
    builder
        .extension(Guard)
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
    if request.query.is_empty() {
        return None;
    }
    let name = request.operation_name.clone();
    kind_in(request.parsed_query().ok()?, name.as_deref())
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
struct Guard;

/// The checks before execution, and null where a field fails.
#[derive(Default)]
struct Checks {
    nulls: Nulls,
}

impl ExtensionFactory for Guard {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Checks::default())
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
        let mut request = next.run(ctx, request).await?;
        let name = request.operation_name.clone();
        let queries_only = request.data.contains_key(&TypeId::of::<QueriesOnly>());
        // Set aside while the document borrows the request.
        let variables = std::mem::take(&mut request.variables);
        let document = request.parsed_query()?;
        check_size(document)?;
        if let Some(operation) = selected(document, name.as_deref()) {
            check_variables(operation, &variables)?;
            check_roots(operation)?;
        }
        if queries_only && kind_in(document, name.as_deref()) == Some(Kind::Mutation) {
            let mut error = ServerError::new("Mutations are sent by POST", None);
            error.source = Some(Arc::new(MutationByGet));
            return Err(error);
        }
        request.variables = variables;
        Ok(request)
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let place = FieldPlace::of(&info);
        self.nulls.of_field(&place, next.run(ctx, info).await)
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        self.nulls.begin();
        self.nulls.finish(next.run(ctx, operation_name).await)
    }
}

/// Refuses a document that unfolds into more than [`MAX_SELECTIONS`] or deeper than [`MAX_DEPTH`].
/// A validator that follows each spread by itself would take time exponential in the document's
/// length.
fn check_size(document: &ExecutableDocument) -> ServerResult<()> {
    let mut sizes = Sizes {
        document,
        of_fragments: HashMap::new(),
    };
    let total = document
        .operations
        .iter()
        .try_fold(0_usize, |total, (_, operation)| {
            Some(total.saturating_add(sizes.of(&operation.node.selection_set.node, 0)?))
        });
    if total.is_some_and(|total| total <= MAX_SELECTIONS) {
        return Ok(());
    }
    let mut error = ServerError::new("The document unfolds into too many selections", None);
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", "TOO_COMPLEX");
    error.extensions = Some(extensions);
    Err(error)
}

struct Sizes<'a> {
    document: &'a ExecutableDocument,
    of_fragments: HashMap<&'a str, usize>,
}

impl<'a> Sizes<'a> {
    /// How many selections the set unfolds into; None where it is too deep, as a fragment within
    /// itself is.
    fn of(&mut self, set: &'a SelectionSet, depth: usize) -> Option<usize> {
        if depth > MAX_DEPTH {
            return None;
        }
        set.items.iter().try_fold(0_usize, |total, item| {
            let inner = match &item.node {
                Selection::Field(field) => self.of(&field.node.selection_set.node, depth + 1)?,
                Selection::InlineFragment(inline) => {
                    self.of(&inline.node.selection_set.node, depth + 1)?
                }
                Selection::FragmentSpread(spread) => {
                    self.of_fragment(spread.node.fragment_name.node.as_str(), depth + 1)?
                }
            };
            Some(total.saturating_add(1).saturating_add(inner))
        })
    }

    fn of_fragment(&mut self, name: &'a str, depth: usize) -> Option<usize> {
        if let Some(size) = self.of_fragments.get(name) {
            return Some(*size);
        }
        // A fragment that is not there is the validator's to refuse.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Some(0);
        };
        let size = self.of(&fragment.node.selection_set.node, depth)?;
        self.of_fragments.insert(name, size);
        Some(size)
    }
}
