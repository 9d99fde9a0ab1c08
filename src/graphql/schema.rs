//! Builds the schema from queries, mutations and subscriptions, with the limit on the cost of a document. The file
//! `schema.graphql` is printed from it; a test fails if that file is stale.

use std::sync::Arc;

use async_graphql::{Data, SDLExportOptions, Schema, SchemaBuilder};

use super::{
    access_event::AccessPoint, loader, mutation::Mutation, prepare::limits::Limits, query::Query,
    resolve::Root, role_descriptions::RoleDescriptions, subscription::Subscription,
};
use crate::{app::App, auth::Caller, decide::EvaluationBudget};

pub type ApiSchema = Schema<Root<Query>, Root<Mutation>, Subscription>;

fn builder() -> SchemaBuilder<Root<Query>, Root<Mutation>, Subscription> {
    Schema::build(Root::default(), Root::default(), Subscription)
        .register_output_type::<AccessPoint>()
        .register_output_type::<RoleDescriptions>()
}

/// The schema. Its requests have to be prepared (see [`super::service`]); [`context_data`] adds to each what the resolvers need.
pub fn build() -> ApiSchema {
    builder()
        .limit_complexity(Limits::default().cost)
        .disable_suggestions()
        .finish()
}

/// The schema in SDL. Needs no database.
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .prefer_single_line_descriptions()
        .include_specified_by();
    let mut text = builder().finish().sdl_with_options(options);
    while text.ends_with("\n\n") {
        text.pop();
    }
    text
}

/// Adds to a request what its resolvers need: the caller, the app, new loaders and the count of evaluations.
pub fn context_data(app: Arc<App>, caller: Caller, data: &mut Data) {
    data.insert(loader::loaders(app.clone(), caller.scope));
    data.insert(Arc::new(EvaluationBudget::new(app.evaluations.clone())));
    data.insert(app);
    data.insert(caller);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nested pages multiply the cost: the product must not overflow to a small number.
    #[tokio::test]
    async fn the_cost_of_nested_pages_does_not_overflow() {
        let mut inner = "id".to_owned();
        for _ in 0..5 {
            inner = format!(
                "doors {{ lock {{ allowedMembers(first: 250) {{ nodes {{ {inner} }} }} }} }}"
            );
        }
        let query = format!("{{ members(first: 250) {{ nodes {{ {inner} }} }} }}");
        let response = build().execute(query).await;
        let errors = serde_json::to_value(&response.errors).unwrap();
        assert_eq!(errors[0]["message"], "Query is too complex.", "{errors}");
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
