//! Rules: made, edited, deleted. Nothing is overwritten: an edit is a new version, and a deletion ends the last. Everybody is
//! looked at again afterwards. Called by admins.

use async_graphql::{Context, ID, Object, Result};

use super::{Admin, id_of, not_found};
use crate::{
    clock::new_id,
    graphql::{
        error::{Refusal, UserError, UserErrorCode, inside},
        input::{
            rule::RuleInput,
            rule_draft::{Draft, draft},
        },
        rule::Rule,
    },
    id::{Kind, encode},
    store::{
        Connection, Scope, StoreError, clubs, due,
        history::{self, Entry},
        row, rules,
    },
};

/// Makes, edits and deletes rules.
#[derive(Default)]
pub struct RuleMutations;

payload! {
    /// The rule that was made.
    CreateRulePayload {
        /// The rule.
        rule: Rule
    }
}
payload! {
    /// The rule as it is now.
    UpdateRulePayload {
        /// The rule.
        rule: Rule
    }
}
payload! {
    /// What was deleted.
    DeleteRulePayload {
        /// The id of the rule that is gone.
        deleted_id: ID
    }
}

#[Object]
impl RuleMutations {
    /// Makes a rule. With basedOn from a preview, the edit is refused as STALE if anything that matters has changed since.
    async fn create_rule(
        &self,
        context: &Context<'_>,
        input: RuleInput,
        based_on: Option<String>,
    ) -> Result<CreateRulePayload> {
        let admin = Admin::of(context)?;
        CreateRulePayload::of(create(admin, input, based_on).await)
    }

    /// Edits a rule: what is given takes the place of all that it said.
    async fn update_rule(
        &self,
        context: &Context<'_>,
        rule: ID,
        input: RuleInput,
        based_on: Option<String>,
    ) -> Result<UpdateRulePayload> {
        let admin = Admin::of(context)?;
        UpdateRulePayload::of(update(admin, &rule, input, based_on).await)
    }

    /// Deletes a rule; what it alone gave is taken away.
    async fn delete_rule(
        &self,
        context: &Context<'_>,
        rule: ID,
        based_on: Option<String>,
    ) -> Result<DeleteRulePayload> {
        let admin = Admin::of(context)?;
        DeleteRulePayload::of(delete(admin, &rule, based_on).await)
    }
}

async fn create(
    admin: Admin,
    input: RuleInput,
    based_on: Option<String>,
) -> Result<row::Rule, Refusal> {
    refuse_unknown_preview(based_on)?;
    let Admin {
        app,
        scope,
        actor,
        now,
    } = admin;
    let rule = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let draft = draft(tx, scope, &input, "input").await?;
                let rule = version(scope, draft, &actor, now)?;
                rules::stand(tx, scope, rule.clone()).await?;
                changed(tx, scope, &rule, actor, now, "made").await?;
                Ok::<_, Refusal>(rule)
            })
        })
        .await?;
    app.waker.wake();
    Ok(rule)
}

async fn update(
    admin: Admin,
    rule: &str,
    input: RuleInput,
    based_on: Option<String>,
) -> Result<row::Rule, Refusal> {
    let Admin {
        app,
        scope,
        actor,
        now,
    } = admin;
    let id = id_of(Kind::Rule, "rule", "rule", rule)?;
    refuse_unknown_preview(based_on)?;
    let rule = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let before = rules::get(tx, scope, id)
                    .await?
                    .ok_or_else(|| not_found("rule", "rule"))?;
                let draft = draft(tx, scope, &input, "input").await?;
                let next = version(scope, draft, &actor, now)?;
                let rule = row::Rule {
                    rule_id: id,
                    version: before.version.saturating_add(1),
                    ..next
                };
                rules::stand(tx, scope, rule.clone()).await?;
                changed(tx, scope, &rule, actor, now, "edited").await?;
                Ok::<_, Refusal>(rule)
            })
        })
        .await?;
    app.waker.wake();
    Ok(rule)
}

async fn delete(admin: Admin, rule: &str, based_on: Option<String>) -> Result<ID, Refusal> {
    let Admin {
        app,
        scope,
        actor,
        now,
    } = admin;
    let id = id_of(Kind::Rule, "rule", "rule", rule)?;
    refuse_unknown_preview(based_on)?;
    app.db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let rule = rules::get(tx, scope, id)
                    .await?
                    .ok_or_else(|| not_found("rule", "rule"))?;
                rules::supersede(tx, scope, id, now).await?;
                changed(tx, scope, &rule, actor, now, "deleted").await?;
                Ok::<_, Refusal>(())
            })
        })
        .await?;
    app.waker.wake();
    Ok(ID(encode(Kind::Rule, id)))
}

/// No preview that this version made can be fresh.
fn refuse_unknown_preview(based_on: Option<String>) -> Result<(), Refusal> {
    if based_on.is_none() {
        return Ok(());
    }
    let message = "this names no preview that is still good: make a preview first, or leave it out";
    Err(UserError::at(UserErrorCode::Stale, "basedOn", message).into())
}

/// The first version of a new rule.
fn version(scope: Scope, draft: Draft, actor: &str, now: i64) -> Result<row::Rule, Refusal> {
    let conditions = serde_json::to_string(&draft.conditions).map_err(inside)?;
    Ok(row::Rule {
        id: new_id(),
        club_id: scope.club,
        rule_id: new_id(),
        version: 1,
        target_kind: draft.target_kind,
        target_id: draft.target_id,
        name: draft.name,
        enabled: draft.enabled,
        conditions,
        actor: Some(actor.to_owned()),
        learned_at: now,
        superseded_at: None,
    })
}

/// Says in the history what became of a rule, and has everybody looked at again.
async fn changed(
    connection: &impl Connection,
    scope: Scope,
    rule: &row::Rule,
    actor: String,
    now: i64,
    what: &str,
) -> Result<(), StoreError> {
    let cause = due::Cause::judged(format!(
        "the rule “{}” {what} (version {})",
        rule.name, rule.version
    ));
    due::mark_everybody(connection, scope, now, &cause).await?;
    let kind = match rule.target_kind {
        row::TargetKind::Group => row::ScopeKind::Group,
        row::TargetKind::Lock => row::ScopeKind::Lock,
    };
    let entry = Entry {
        kind: row::HistoryKind::RuleChanged,
        member: None,
        target: Some((kind, rule.target_id)),
        cause: "a rule edit".to_owned(),
        delivery: None,
        rule: Some(rule.rule_id),
        actor: Some(actor),
        message: format!("The rule \"{}\" was {what}.", rule.name),
    };
    history::write(connection, scope, now, vec![entry]).await
}
