//! An edit of a rule as an admin writes it, to look at what it would do. Promises that the path of each mistake is the
//! input's. Never writes.

use access::Target;
use async_graphql::{ID, InputObject, OneofObject};

use super::{
    rule::RuleInput,
    rule_draft::{Draft, draft},
};
use crate::{
    decide,
    graphql::error::{Refusal, UserError, UserErrorCode},
    id::{self, Kind},
    preview::{Proposal, Wording},
    store::{Connection, Scope, row::TargetKind, rules},
};

/// A change to the rules: one of the three.
#[derive(Clone, Debug, OneofObject)]
pub enum RuleChangeInput {
    /// A rule that is not there yet.
    Create(RuleInput),
    /// Another wording of a rule.
    Update(RuleUpdateInput),
    /// The rule that goes.
    Delete(ID),
}

/// Another wording of a rule.
#[derive(Clone, Debug, InputObject)]
pub struct RuleUpdateInput {
    /// The rule that is edited.
    pub rule: ID,
    /// What it is to say, in the place of all that it says.
    pub input: RuleInput,
}

impl From<Draft> for Wording {
    fn from(draft: Draft) -> Self {
        let target = decide::id(draft.target_id);
        Self {
            name: draft.name,
            enabled: draft.enabled,
            target: match draft.target_kind {
                TargetKind::Group => Target::Group(target),
                TargetKind::Lock => Target::Lock(target),
            },
            conditions: draft.conditions,
        }
    }
}

/// The edit that is meant; `path` is where the input stands, such as `change`.
///
/// # Errors
/// The first mistake, by the path of its field.
pub async fn proposal(
    connection: &impl Connection,
    scope: Scope,
    change: &RuleChangeInput,
    path: &str,
) -> Result<Proposal, Refusal> {
    let (rule, input) = match change {
        RuleChangeInput::Create(input) => (None, Some((input, format!("{path}.create")))),
        RuleChangeInput::Update(update) => {
            let at = format!("{path}.update.rule");
            let rule = named(connection, scope, &update.rule, &at).await?;
            let at = format!("{path}.update.input");
            (Some(rule), Some((&update.input, at)))
        }
        RuleChangeInput::Delete(rule) => {
            let at = format!("{path}.delete");
            (Some(named(connection, scope, rule, &at).await?), None)
        }
    };
    let to = match input {
        Some((input, path)) => Some(draft(connection, scope, input, &path).await?.into()),
        None => None,
    };
    Ok(Proposal { rule, to })
}

async fn named(
    connection: &impl Connection,
    scope: Scope,
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
