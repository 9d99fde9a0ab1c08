//! Refuses NUL in what a request says: PostgreSQL can store no text with it and SQLite can, so it would be a fault of the service
//! on one database and a strange name on the other. The guard asks, on every transport, before anything is resolved.

use async_graphql::{
    ErrorExtensionValues, Positioned, ServerError, ServerResult, Value, Variables,
    parser::types::{Directive, ExecutableDocument, Selection, SelectionSet},
};

/// Refuses variables and literals with NUL in them. Follows no spread of a fragment, so it goes no deeper than the text's own
/// nesting.
pub(super) fn check(
    text: &str,
    document: &ExecutableDocument,
    variables: &Variables,
) -> ServerResult<()> {
    if let Some((name, _)) = variables.iter().find(|(_, value)| bears_nul(value)) {
        return Err(refused(&format!("the variable ${name}")));
    }
    // Most texts can have none, and need not be followed.
    if !text.contains('\0') && !text.contains("\\u0000") {
        return Ok(());
    }
    for (_, operation) in document.operations.iter() {
        let defaults = &operation.node.variable_definitions;
        let mut defaults = defaults.iter().filter_map(|one| one.node.default_value());
        if defaults.any(bears_nul) {
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

/// Refuses arguments with NUL in them. A macro, since the type of a literal that may have variables in it cannot be named.
macro_rules! arguments {
    ($arguments:expr) => {
        for (name, value) in &$arguments {
            // A variable is checked as such.
            let value = value.node.clone();
            let value = value.into_const_with(|_| Ok::<_, ()>(Value::Null));
            if value.is_ok_and(|value| bears_nul(&value)) {
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

fn bears_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::List(all) => all.iter().any(bears_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name.contains('\0') || bears_nul(value)),
        _ => false,
    }
}

fn refused(place: &str) -> ServerError {
    let message = format!("{place} has NUL (U+0000) in it: no text may");
    let mut error = ServerError::new(message, None);
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", "BAD_USER_INPUT");
    error.extensions = Some(extensions);
    error
}
