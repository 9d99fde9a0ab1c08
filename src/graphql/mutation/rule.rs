//! Mutations of rules: create, edit, delete. Nothing is overwritten: an edit adds a version, and a deletion ends the last one.
//! Each change marks all members due. An edit that is based on a preview is preapproved for the brake, and refused if its effect
//! has changed since the preview. For ADMIN tokens.

use access::Instant;
use async_graphql::{Context, ID, InputObject, Object, Result};
use uuid::Uuid;

use super::{Editor, form::Form, id_of, not_found, stale};
use crate::{
    clock::new_id,
    graphql::{
        error::{Refusal, internal_error},
        input::{
            rule::RuleInput,
            rule_draft::{Draft, draft},
        },
        rule::Rule,
    },
    id::{Kind, encode},
    preview::{PreviewToken, Proposal},
    store::{
        ClubScope, Connection, StoreError, clubs, due,
        history::{self, Entry},
        row, rules,
    },
    transaction,
};

#[derive(Default)]
pub struct RuleMutations;

payload! {
    /// The created rule.
    CreateRulePayload {
        /// The rule; null if the mutation was refused.
        rule: Rule
    }
}
payload! {
    /// The new version of the rule.
    UpdateRulePayload {
        /// The rule; null if the mutation was refused.
        rule: Rule
    }
}
payload! {
    /// The deleted rule.
    DeleteRulePayload {
        /// The id of the deleted rule; null if the mutation was refused.
        deleted_id: ID
    }
}

/// The rule to delete.
#[derive(InputObject)]
pub struct DeleteRuleInput {
    /// The rule.
    pub rule: ID,
    /// The basedOn of a preview of this edit. Default: the brake judges the resulting revocations.
    pub based_on: Option<String>,
}

#[Object(crate = "crate::graphql::resolve")]
impl RuleMutations {
    /// Creates a rule. With basedOn from a preview, the edit is refused as STALE if anything relevant has changed since;
    /// otherwise its revocations count as approved, and the brake does not hold them. The same goes for updateRule and
    /// deleteRule.
    async fn create_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The new rule.")] input: RuleInput,
        #[graphql(
            desc = "The basedOn of a preview of this edit. Default: the brake judges the resulting revocations."
        )]
        based_on: Option<String>,
    ) -> Result<CreateRulePayload> {
        let admin = Editor::admin(context)?;
        CreateRulePayload::of(create(admin, input, based_on).await)
    }

    /// Edits a rule: adds a version that replaces the current one completely.
    async fn update_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The rule.")] rule: ID,
        #[graphql(desc = "The new version of the rule.")] input: RuleInput,
        #[graphql(
            desc = "The basedOn of a preview of this edit. Default: the brake judges the resulting revocations."
        )]
        based_on: Option<String>,
    ) -> Result<UpdateRulePayload> {
        let admin = Editor::admin(context)?;
        UpdateRulePayload::of(update(admin, &rule, input, based_on).await)
    }

    /// Deletes a rule. Access that only this rule granted is revoked.
    async fn delete_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The rule to delete.")] input: Option<DeleteRuleInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The rule.")] rule: Option<ID>,
        #[graphql(
            deprecation = "Use `input`.",
            desc = "The basedOn of a preview of this edit. Default: the brake judges the resulting revocations."
        )]
        based_on: Option<String>,
    ) -> Result<DeleteRulePayload> {
        let admin = Editor::admin(context)?;
        let loose = rule.map(|rule| DeleteRuleInput { rule, based_on });
        let (form, input) = Form::of(input, loose)?;
        let deleted = delete(admin, &input.rule, input.based_on).await;
        DeleteRulePayload::of(form.paths(deleted))
    }
}

async fn create(
    admin: Editor,
    input: RuleInput,
    based_on: Option<String>,
) -> Result<row::Rule, Refusal> {
    let seen = PreviewArgument::of(&admin, based_on, None, Some(&input)).await?;
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let rule = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let draft = draft(tx, scope, &input, "input").await?;
        let own_word = seen.holds(tx, scope, None, Some(&draft), now).await?;
        let rule = first_version(scope, draft, &actor, now)?;
        rules::insert_version(tx, scope, rule.clone()).await?;
        record_change(tx, scope, &rule, actor, now, "created", own_word).await?;
        Ok::<_, Refusal>(rule)
    })
    .await?;
    app.waker.wake(scope);
    Ok(rule)
}

async fn update(
    admin: Editor,
    rule: &str,
    input: RuleInput,
    based_on: Option<String>,
) -> Result<row::Rule, Refusal> {
    let id = id_of(Kind::Rule, "rule", "rule", rule)?;
    let seen = PreviewArgument::of(&admin, based_on, Some(id), Some(&input)).await?;
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let rule = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let before = rules::get(tx, scope, id)
            .await?
            .ok_or_else(|| not_found("rule", "rule"))?;
        let draft = draft(tx, scope, &input, "input").await?;
        let own_word = seen.holds(tx, scope, Some(id), Some(&draft), now).await?;
        let next = first_version(scope, draft, &actor, now)?;
        let rule = row::Rule {
            rule_id: id,
            version: before.version.saturating_add(1),
            ..next
        };
        rules::insert_version(tx, scope, rule.clone()).await?;
        record_change(tx, scope, &rule, actor, now, "edited", own_word).await?;
        Ok::<_, Refusal>(rule)
    })
    .await?;
    app.waker.wake(scope);
    Ok(rule)
}

async fn delete(admin: Editor, rule: &str, based_on: Option<String>) -> Result<ID, Refusal> {
    let id = id_of(Kind::Rule, "rule", "rule", rule)?;
    let seen = PreviewArgument::of(&admin, based_on, Some(id), None).await?;
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let rule = rules::get(tx, scope, id)
            .await?
            .ok_or_else(|| not_found("rule", "rule"))?;
        let own_word = seen.holds(tx, scope, Some(id), None, now).await?;
        rules::supersede(tx, scope, id, now).await?;
        record_change(tx, scope, &rule, actor, now, "deleted", own_word).await?;
        Ok::<_, Refusal>(())
    })
    .await?;
    app.waker.wake(scope);
    Ok(ID(encode(Kind::Rule, id)))
}

/// The preview that an edit is based on, if any.
struct PreviewArgument(Option<PreviewToken>);

impl PreviewArgument {
    /// Opens the preview and refuses the edit if its effect has changed since. This may evaluate every member, so it is done
    /// before the transaction.
    async fn of(
        admin: &Editor,
        based_on: Option<String>,
        rule: Option<Uuid>,
        input: Option<&RuleInput>,
    ) -> Result<Self, Refusal> {
        let Some(text) = based_on else {
            return Ok(Self(None));
        };
        let (db, scope) = (admin.app.db.read(), admin.scope);
        let to = match input {
            Some(input) => Some(draft(db, scope, input, "input").await?),
            None => None,
        };
        let basis = PreviewToken::open(&admin.app.sealer, scope, &text).map_err(stale)?;
        let proposal = proposal(rule, to.as_ref());
        let now = Instant::from_micros(admin.now);
        let turns = Some(admin.app.evaluations.as_ref());
        let basis = Box::pin(basis.check(db, scope, &proposal, now, 0, turns)).await;
        Ok(Self(Some(basis.map_err(stale)?)))
    }

    /// Whether a preview preapproves the edit. Called inside the transaction that has touched the club; checks again if
    /// something was written in between.
    async fn holds(
        self,
        connection: &impl Connection,
        scope: ClubScope,
        rule: Option<Uuid>,
        to: Option<&Draft>,
        now: i64,
    ) -> Result<bool, Refusal> {
        let Some(basis) = self.0 else {
            return Ok(false);
        };
        let proposal = proposal(rule, to);
        let now = Instant::from_micros(now);
        let checked = Box::pin(basis.check(connection, scope, &proposal, now, 1, None)).await;
        checked.map_err(stale)?;
        Ok(true)
    }
}

fn proposal(rule: Option<Uuid>, to: Option<&Draft>) -> Proposal {
    let to = to.cloned().map(Into::into);
    Proposal { rule, to }
}

/// The first version of a new rule.
fn first_version(
    scope: ClubScope,
    draft: Draft,
    actor: &str,
    now: i64,
) -> Result<row::Rule, Refusal> {
    let conditions = serde_json::to_string(&draft.conditions).map_err(internal_error)?;
    Ok(row::Rule {
        id: new_id(),
        club_id: scope.club,
        rule_id: new_id(),
        version: 1,
        target_kind: draft.target_kind,
        target_id: draft.target_id,
        name: draft.name,
        folded_name: String::new(),
        enabled: draft.enabled,
        conditions,
        actor: Some(actor.to_owned()),
        learned_at: now,
        superseded_at: None,
    })
}

/// Writes the change of a rule to the history and marks all members due.
async fn record_change(
    connection: &impl Connection,
    scope: ClubScope,
    rule: &row::Rule,
    actor: String,
    now: i64,
    what: &str,
    own_word: bool,
) -> Result<(), StoreError> {
    let description = format!(
        "the rule “{}” was {what} (version {})",
        rule.name, rule.version
    );
    let cause = if own_word {
        due::Cause::preapproved(description)
    } else {
        due::Cause::enforced(description)
    };
    let cause = due::Cause {
        rule: Some(rule.rule_id),
        ..cause.by(&actor)
    };
    due::mark_all_members(connection, scope, now, &cause).await?;
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
