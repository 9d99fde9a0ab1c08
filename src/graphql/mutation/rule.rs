//! Rules: made, edited, deleted. Nothing is overwritten: an edit is a new version, and a deletion ends the last. Everybody is
//! looked at again afterwards. An edit that names a preview is the admin's own word, and is refused where it would no longer
//! do what was shown. Called by admins.

use access::Instant;
use async_graphql::{Context, ID, Object, Result};
use uuid::Uuid;

use super::{Admin, id_of, not_found, stale};
use crate::{
    clock::new_id,
    graphql::{
        error::{Refusal, inside},
        input::{
            rule::RuleInput,
            rule_draft::{Draft, draft},
        },
        rule::Rule,
    },
    id::{Kind, encode},
    preview::{Basis, Proposal},
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
        /// The rule; null where nothing was changed.
        rule: Rule
    }
}
payload! {
    /// The rule as it is now.
    UpdateRulePayload {
        /// The rule; null where nothing was changed.
        rule: Rule
    }
}
payload! {
    /// What was deleted.
    DeleteRulePayload {
        /// The id of the rule that is gone; null where nothing was changed.
        deleted_id: ID
    }
}

#[Object]
impl RuleMutations {
    /// Makes a rule. With basedOn from a preview, the edit is refused as STALE if anything that matters has changed since;
    /// and what it takes away is the admin's own word, which the brake does not hold. So for updateRule and deleteRule.
    async fn create_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What it is to say.")] input: RuleInput,
        #[graphql(
            desc = "The basedOn of a preview of this edit. Left out: the brake judges what it takes away."
        )]
        based_on: Option<String>,
    ) -> Result<CreateRulePayload> {
        let admin = Admin::of(context)?;
        CreateRulePayload::of(create(admin, input, based_on).await)
    }

    /// Edits a rule: what is given takes the place of all that it said.
    async fn update_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The rule.")] rule: ID,
        #[graphql(desc = "What it is to say, in the place of all that it says.")] input: RuleInput,
        #[graphql(
            desc = "The basedOn of a preview of this edit. Left out: the brake judges what it takes away."
        )]
        based_on: Option<String>,
    ) -> Result<UpdateRulePayload> {
        let admin = Admin::of(context)?;
        UpdateRulePayload::of(update(admin, &rule, input, based_on).await)
    }

    /// Deletes a rule; what it alone gave is taken away.
    async fn delete_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The rule.")] rule: ID,
        #[graphql(
            desc = "The basedOn of a preview of this edit. Left out: the brake judges what it takes away."
        )]
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
    let seen = Seen::of(&admin, based_on, None, Some(&input)).await?;
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
                let own_word = seen.holds(tx, scope, None, Some(&draft), now).await?;
                let rule = version(scope, draft, &actor, now)?;
                rules::stand(tx, scope, rule.clone()).await?;
                changed(tx, scope, &rule, actor, now, "made", own_word).await?;
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
    let id = id_of(Kind::Rule, "rule", "rule", rule)?;
    let seen = Seen::of(&admin, based_on, Some(id), Some(&input)).await?;
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
                let before = rules::get(tx, scope, id)
                    .await?
                    .ok_or_else(|| not_found("rule", "rule"))?;
                let draft = draft(tx, scope, &input, "input").await?;
                let own_word = seen.holds(tx, scope, Some(id), Some(&draft), now).await?;
                let next = version(scope, draft, &actor, now)?;
                let rule = row::Rule {
                    rule_id: id,
                    version: before.version.saturating_add(1),
                    ..next
                };
                rules::stand(tx, scope, rule.clone()).await?;
                changed(tx, scope, &rule, actor, now, "edited", own_word).await?;
                Ok::<_, Refusal>(rule)
            })
        })
        .await?;
    app.waker.wake();
    Ok(rule)
}

async fn delete(admin: Admin, rule: &str, based_on: Option<String>) -> Result<ID, Refusal> {
    let id = id_of(Kind::Rule, "rule", "rule", rule)?;
    let seen = Seen::of(&admin, based_on, Some(id), None).await?;
    let Admin {
        app,
        scope,
        actor,
        now,
    } = admin;
    app.db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let rule = rules::get(tx, scope, id)
                    .await?
                    .ok_or_else(|| not_found("rule", "rule"))?;
                let own_word = seen.holds(tx, scope, Some(id), None, now).await?;
                rules::supersede(tx, scope, id, now).await?;
                changed(tx, scope, &rule, actor, now, "deleted", own_word).await?;
                Ok::<_, Refusal>(())
            })
        })
        .await?;
    app.waker.wake();
    Ok(ID(encode(Kind::Rule, id)))
}

/// What a preview showed of an edit, where one is named.
struct Seen(Option<Basis>);

impl Seen {
    /// Refuses a preview of which the edit would now do anything else. Everybody may have to be judged for that, so that it
    /// is done before the transaction.
    async fn of(
        admin: &Admin,
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
        let basis = Basis::open(&admin.app.sealer, scope, &text).map_err(stale)?;
        let proposal = proposal(rule, to.as_ref());
        let now = Instant::from_micros(admin.now);
        let turns = Some(admin.app.evaluations.as_ref());
        let basis = Box::pin(basis.check(db, scope, &proposal, now, 0, turns)).await;
        Ok(Self(Some(basis.map_err(stale)?)))
    }

    /// Within the transaction that has touched the club: whether the edit is the admin's own word. Looks again where
    /// somebody else has written in between.
    async fn holds(
        self,
        connection: &impl Connection,
        scope: Scope,
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
        folded_name: String::new(),
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
    own_word: bool,
) -> Result<(), StoreError> {
    let words = format!("the rule “{}” {what} (version {})", rule.name, rule.version);
    let cause = if own_word {
        due::Cause::own_word(words)
    } else {
        due::Cause::judged(words)
    };
    let cause = due::Cause {
        rule: Some(rule.rule_id),
        ..cause.by(&actor)
    };
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
