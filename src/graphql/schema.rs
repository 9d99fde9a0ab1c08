//! The schema: queries, mutations and subscriptions put together, with the limits that keep one document from asking for too much. The
//! file `schema.graphql` is printed from it, and a test fails where it is stale.

use std::sync::Arc;

use async_graphql::{Data, SDLExportOptions, Schema, SchemaBuilder};

use super::{
    context::Caller,
    http::{guard::guarded, limits::Limits},
    loader,
    mutation::Mutation,
    query::Query,
    roles,
    subscription::Subscription,
};
use crate::{app::App, decide::Evaluations};

/// The schema of the API.
pub type ApiSchema = Schema<Query, Mutation, Subscription>;

pub(super) fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription)
}

/// Builds the schema, with its limits. What resolvers look up is added to each request.
pub fn build() -> ApiSchema {
    guarded(builder(), Limits::default(), roles::law)
        .disable_suggestions()
        .finish()
}

/// The same without the guard, for requests that `http::guard::lets_pass` says yes to, and only as long as nothing fails.
pub(super) fn bare() -> ApiSchema {
    builder()
        .limit_complexity(Limits::default().cost)
        .disable_suggestions()
        .finish()
}

/// The schema as text. Needs no database.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().prefer_single_line_descriptions();
    let mut text = builder().finish().sdl_with_options(options);
    while text.ends_with("\n\n") {
        text.pop();
    }
    text
}

/// Adds to a request what its resolvers look up: who asks, the parts of the service, and loaders of
/// its own.
pub fn context_data(app: Arc<App>, caller: Caller, data: &mut Data) {
    data.insert(loader::loaders(app.clone(), caller.scope));
    data.insert(Arc::new(Evaluations::new(app.evaluations.clone())));
    data.insert(app);
    data.insert(caller);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages within pages multiply: what they cost must not run over and begin at nothing again.
    #[tokio::test]
    async fn no_document_costs_so_much_that_it_costs_little() {
        let mut inner = "id".to_owned();
        for _ in 0..5 {
            inner = format!(
                "doors {{ lock {{ allowedMembers(first: 250) {{ nodes {{ {inner} }} }} }} }}"
            );
        }
        let query = format!("{{ members(first: 250) {{ nodes {{ {inner} }} }} }}");
        let response = build().execute(query).await;
        let errors = serde_json::to_value(&response.errors).unwrap();
        assert_eq!(errors[0]["extensions"]["limit"], "complexity", "{errors}");
    }

    #[test]
    fn schema_graphql_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, sdl()).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stored == sdl(),
            "schema.graphql is stale: run this test with UPDATE_SCHEMA=1"
        );
    }
}
