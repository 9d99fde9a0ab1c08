//! The GraphQL input of a rule edit to preview. Errors carry the path of the input field. Read-only.

use async_graphql::{ID, InputObject, OneofObject};

use super::{
    rule::RuleInput,
    rule_draft::{Draft, draft},
};
use crate::{
    graphql::error::{Refusal, UserError, UserErrorCode},
    id::{self, Kind},
    preview::{Proposal, RuleContent},
    store::{ClubScope, Connection, convert, rules},
};

/// A change to the rules: exactly one of these.
#[derive(Clone, Debug, OneofObject)]
pub enum RuleChangeInput {
    /// A new rule.
    Create(RuleInput),
    /// A new version of a rule.
    Update(RuleUpdateInput),
    /// The rule to delete.
    Delete(ID),
}

/// A new version of a rule.
#[derive(Clone, Debug, InputObject)]
pub struct RuleUpdateInput {
    /// The rule to edit.
    pub rule: ID,
    /// The new version, which replaces the current one completely.
    pub input: RuleInput,
}

impl From<Draft> for RuleContent {
    fn from(draft: Draft) -> Self {
        Self {
            name: draft.name,
            enabled: draft.enabled,
            target: convert::target(draft.target_kind, draft.target_id),
            conditions: draft.conditions,
        }
    }
}

/// Validates a change and converts it for the preview; `path` is the path of the input, such as `change`.
///
/// # Errors
/// The first invalid field, with its path.
pub async fn proposal(
    connection: &impl Connection,
    scope: ClubScope,
    change: &RuleChangeInput,
    path: &str,
) -> Result<Proposal, Refusal> {
    let (rule, input) = match change {
        RuleChangeInput::Create(input) => (None, Some((input, format!("{path}.create")))),
        RuleChangeInput::Update(update) => {
            let at = format!("{path}.update.rule");
            let rule = find_rule(connection, scope, &update.rule, &at).await?;
            let at = format!("{path}.update.input");
            (Some(rule), Some((&update.input, at)))
        }
        RuleChangeInput::Delete(rule) => {
            let at = format!("{path}.delete");
            (Some(find_rule(connection, scope, rule, &at).await?), None)
        }
    };
    let to = match input {
        Some((input, path)) => Some(draft(connection, scope, input, &path).await?.into()),
        None => None,
    };
    Ok(Proposal { rule, to })
}

async fn find_rule(
    connection: &impl Connection,
    scope: ClubScope,
    rule: &str,
    path: &str,
) -> Result<uuid::Uuid, Refusal> {
    let none = || {
        let message = "there is no such rule in this club";
        UserError::at(UserErrorCode::NotFound, path, message)
    };
    let id = id::decode_as(Kind::Rule, rule).ok_or_else(none)?;
    let row = rules::get(connection, scope, id).await?;
    Ok(row.ok_or_else(none)?.rule_id)
}
