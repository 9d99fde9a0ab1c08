//! The operation that a request selects, and the checks on it that depend on the request.

use std::sync::Arc;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
};
use async_graphql::{ServerError, ServerResult, Value, Variables};

/// The source of the error that refuses a mutation by GET.
pub(in crate::graphql) struct MutationByGet;

/// The kind of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    Query,
    Subscription,
    Mutation,
}

impl OperationKind {
    pub(super) fn of(operation: &OperationDefinition) -> Self {
        match operation.ty {
            OperationType::Mutation => Self::Mutation,
            OperationType::Query => Self::Query,
            OperationType::Subscription => Self::Subscription,
        }
    }
}

/// The operation with this name, or the only one of the document.
pub(super) fn selected<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> ServerResult<&'a OperationDefinition> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            let first = all.next().filter(|_| all.next().is_none());
            let missing = || ServerError::new("Operation name required in request.", None);
            Some(first.ok_or_else(missing)?)
        }
    };
    let unknown = || {
        let name = name.unwrap_or_default();
        ServerError::new(format!("Unknown operation named \"{name}\""), None)
    };
    operation.map(|it| &it.node).ok_or_else(unknown)
}

/// Refuses a request without a required variable: async-graphql would notice only when a resolver reads it, after other resolvers
/// have run.
pub(super) fn check_variables(
    operation: &OperationDefinition,
    variables: &Variables,
) -> ServerResult<()> {
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
pub(super) fn check_roots(operation: &OperationDefinition) -> ServerResult<()> {
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

pub(super) fn mutation_by_get() -> ServerError {
    let mut error = ServerError::new("Mutations must be sent by POST", None);
    error.source = Some(Arc::new(MutationByGet));
    error
}
