//! Refuses NUL characters in a request: PostgreSQL cannot store them in text and SQLite can, so they would cause an internal
//! error on one database and odd names on the other. Called by the preparation of requests, on every transport.

use async_graphql::{
    ErrorExtensionValues, Positioned, ServerError, ServerResult, Value, Variables,
    parser::types::{Directive, ExecutableDocument, Selection, SelectionSet},
};

/// Refuses variables and literals that contain NUL. Follows no fragment spreads, so its recursion is bounded by the nesting of
/// the text.
pub(super) fn check(
    text: &str,
    document: &ExecutableDocument,
    variables: &Variables,
) -> ServerResult<()> {
    if let Some((name, _)) = variables.iter().find(|(_, value)| contains_nul(value)) {
        return Err(refused(&format!("the variable ${name}")));
    }
    // Most texts cannot contain NUL, which saves the walk.
    if !text.contains('\0') && !text.contains("\\u0000") {
        return Ok(());
    }
    for (_, operation) in document.operations.iter() {
        let defaults = &operation.node.variable_definitions;
        let mut defaults = defaults
            .iter()
            .filter_map(|variable| variable.node.default_value());
        if defaults.any(contains_nul) {
            return Err(refused("a default value"));
        }
        directives(&operation.node.directives)?;
        selections(&operation.node.selection_set.node)?;
    }
    for fragment in document.fragments.values() {
        directives(&fragment.node.directives)?;
        selections(&fragment.node.selection_set.node)?;
    }
    Ok(())
}

/// Refuses arguments that contain NUL. A macro, because the type of a literal with variables cannot be named.
macro_rules! arguments {
    ($arguments:expr) => {
        for (name, value) in &$arguments {
            // Variables are checked separately.
            let value = value.node.clone();
            let value = value.into_const_with(|_| Ok::<_, ()>(Value::Null));
            if value.is_ok_and(|value| contains_nul(&value)) {
                return Err(refused(&format!("the argument {}", name.node)));
            }
        }
    };
}

fn selections(set: &SelectionSet) -> ServerResult<()> {
    set.items.iter().try_for_each(|item| match &item.node {
        Selection::Field(field) => {
            arguments!(field.node.arguments);
            directives(&field.node.directives)?;
            selections(&field.node.selection_set.node)
        }
        Selection::InlineFragment(inline) => {
            directives(&inline.node.directives)?;
            selections(&inline.node.selection_set.node)
        }
        Selection::FragmentSpread(spread) => directives(&spread.node.directives),
    })
}

fn directives(all: &[Positioned<Directive>]) -> ServerResult<()> {
    for directive in all {
        arguments!(directive.node.arguments);
    }
    Ok(())
}

fn contains_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::List(all) => all.iter().any(contains_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name.contains('\0') || contains_nul(value)),
        _ => false,
    }
}

fn refused(place: &str) -> ServerError {
    let message = format!("{place} contains NUL (U+0000), which is not allowed in text");
    let mut error = ServerError::new(message, None);
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", "BAD_USER_INPUT");
    error.extensions = Some(extensions);
    error
}
