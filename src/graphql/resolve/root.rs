//! The root of queries and mutations. The library resolves the fields of the root; this wrapper makes them conform as the fields
//! of all other objects do.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_graphql::{
    ContainerType, Context, ContextSelectionSet, Name, ObjectType, OutputType, Positioned,
    Response, ServerResult, Value, indexmap::IndexMap, parser::types::Field, registry::Registry,
};

use super::{Arc, Cow, collect, is_recorded, resolve_field};

/// A root type of the schema. Each request needs [`RootFields`] in its data, which complete its response.
#[derive(Default)]
pub struct Root<T>(pub T);

/// The state of the root fields of one request.
#[derive(Default)]
pub struct RootFields(Mutex<State>);

#[derive(Default)]
struct State {
    /// The response keys in document order; empty until a field is resolved.
    order: Vec<Name>,
    started: HashSet<Name>,
    has_non_null_failure: bool,
}

impl RootFields {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can panic halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this is the first field with its response key. Later ones are merged into the first.
    fn start(&self, context: &Context<'_>, root: &str) -> bool {
        let mut state = self.state();
        if state.order.is_empty() {
            let set = root_set(context);
            let fields = collect::fields(&set, root, None);
            let keys = fields.iter().map(|field| field.field().node.response_key());
            state.order = keys.map(|key| key.node.clone()).collect();
        }
        let key = &context.item.node.response_key().node;
        state.started.insert(key.clone())
    }

    /// Puts the root fields in document order, and null in place of all data if a non-null field failed.
    pub(in crate::graphql) fn complete(&self, mut response: Response) -> Response {
        let state = self.state();
        response.errors.retain(|error| !is_recorded(error));
        response.data = match response.data {
            _ if state.has_non_null_failure => Value::Null,
            // The library gives null if every selection is skipped.
            Value::Null if response.errors.is_empty() => Value::Object(IndexMap::new()),
            Value::Object(mut fields) if !state.order.is_empty() => {
                let mut ordered = IndexMap::with_capacity(fields.len());
                for key in &state.order {
                    ordered.extend(fields.swap_remove_entry(key));
                }
                Value::Object(ordered)
            }
            data => data,
        };
        response
    }
}

fn root_set<'a>(context: &Context<'a>) -> ContextSelectionSet<'a> {
    context.with_selection_set(&context.query_env.operation.node.selection_set)
}

impl<T: ObjectType> ContainerType for Root<T> {
    fn is_empty() -> bool {
        T::is_empty()
    }

    async fn resolve_field(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        #[cfg(test)]
        if super::is_by_library(context) {
            return self.0.resolve_field(context).await;
        }
        let state = context.data::<Arc<RootFields>>();
        let state = state.map_err(|error| error.into_server_error(context.item.pos))?;
        let root = T::type_name();
        if !state.start(context, &root) {
            return Err(super::propagated());
        }
        let set = root_set(context);
        let key = context.item.node.response_key();
        let fields = collect::fields(&set, &root, Some(&key.node));
        let field = fields.first().map_or(context.item, |field| field.field());
        let mut around = set.clone();
        around.path_node = None;
        let value = resolve_field(&around, &self.0, field).await;
        if value.is_err() {
            state.state().has_non_null_failure = true;
        }
        value.map(Some)
    }
}

impl<T: ObjectType> OutputType for Root<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        context: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        self.0.resolve(context, field).await
    }
}

impl<T: ObjectType> ObjectType for Root<T> {}
