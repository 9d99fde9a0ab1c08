//! Completes the descriptions in the schema with the roles that may use a field, from the table in `roles`, so that introspection,
//! `schema.graphql` and the playground show them.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, Value,
    parser::types::Field,
    registry::{MetaType, Registry},
};

use super::roles::{ALL, may};

/// The roles of staff, who read everything that is not limited to ADMIN.
const STAFF: &str = "ADMIN, APP, DESK, READER";

/// What precedes the roles in the description of a field.
const LABEL: &str = "Roles: ";

/// Adds to the descriptions in a schema which roles may use a field: for the fields of the roots always, for other fields unless
/// it is all of the staff and nobody else.
fn describe(registry: &mut Registry) {
    for (name, kind) in &mut registry.types {
        let MetaType::Object { fields, .. } = kind else {
            continue;
        };
        let is_root = ["Query", "Mutation", "Subscription"].contains(&name.as_str());
        for field in fields
            .values_mut()
            .filter(|field| !field.name.starts_with("__"))
        {
            let permitted = ALL.iter().filter(|(_, role)| may(*role, name, &field.name));
            let permitted: Vec<&str> = permitted.map(|(word, _)| *word).collect();
            let permitted = if permitted.len() == ALL.len() {
                "all".to_owned()
            } else {
                permitted.join(", ")
            };
            let text = field.description.get_or_insert_default();
            if is_root || permitted != STAFF {
                let gap = if text.contains('\n') { "\n" } else { " " };
                text.push_str(&format!("{gap}{LABEL}{permitted}."));
            }
        }
    }
}

/// Registered as a type of a schema after all others, it completes their descriptions and adds no type.
pub struct RoleDescriptions;

impl OutputType for RoleDescriptions {
    fn type_name() -> Cow<'static, str> {
        "Query".into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        describe(registry);
        Self::type_name().into_owned()
    }

    async fn resolve(
        &self,
        _: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}
