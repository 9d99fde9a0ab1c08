//! The GraphQL type `Explanation`: why a member has or lacks access to a target, with the rules, conditions, near misses and
//! fixes. Everything comes from one evaluation by the `access` crate; rows are loaded for display only. Called by the query
//! `explain`.

use std::{collections::HashMap, sync::Arc};

use access::{
    Access, ConditionAccess, Facts, Instant, RuleAccess, Span, SpanSet, Target, near_misses,
};
use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use uuid::Uuid;

use super::{
    context,
    decision::{AccessDecision, Audience, DecisionCode},
    entitlement::Entitlement,
    error::{bad_input, internal_error},
    grant::Grant,
    messages::{self, Cause, Message},
    offering::Offering,
    restriction::{self, UnlockRestriction},
    rule::{Condition, Rule},
    scalar::DateTime,
    share::Share,
    suspension::Suspension,
};
use crate::{
    decide::{AccessContext, MemberDecisions, around},
    store::{
        ClubScope, Connection, StoreError,
        convert::{self, row_id},
        facts::{AsOf, Holdings},
        grants, lookup, overrides, row, rules,
    },
    unlock::restriction::for_member,
};

/// A period: from is inclusive, until is exclusive; null means unbounded on that side.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct TimeSpan {
    /// Start, inclusive; null if unbounded.
    #[graphql(name = "from")]
    begins: Option<DateTime>,
    /// End, exclusive; null if unbounded.
    until: Option<DateTime>,
}

impl From<&Span> for TimeSpan {
    fn from(span: &Span) -> Self {
        let bound = |at: Instant| at.known().map(|at| DateTime(at.micros()));
        Self {
            begins: bound(span.from),
            until: bound(span.until),
        }
    }
}

#[derive(Clone, Debug)]
pub struct NearMiss {
    entitlement: Entitlement,
    message: Message,
}

/// An entitlement that misses a condition for exactly one reason.
#[Object(crate = "crate::graphql::resolve")]
impl NearMiss {
    /// The entitlement.
    async fn entitlement(&self) -> &Entitlement {
        &self.entitlement
    }

    /// The reason as a stable, machine-readable code.
    async fn code(&self) -> DecisionCode {
        self.message.code().into()
    }

    /// The reason as text for the front desk.
    async fn message(&self, context: &Context<'_>) -> Result<String> {
        let message = self.message.with_names(context).await?;
        Ok(messages::of_decision(&message, Audience::Desk))
    }
}

/// The evaluation of one condition of a rule.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct ConditionExplanation {
    /// The condition.
    condition: Condition,
    /// Whether it is satisfied at the requested time.
    holds: bool,
    /// The periods in which the condition is satisfied, near the requested time.
    spans: Vec<TimeSpan>,
    /// The entitlements that satisfy it at the requested time; empty for tag and schedule conditions.
    because: Vec<Entitlement>,
    /// The entitlements that miss it for exactly one reason.
    near_misses: Vec<NearMiss>,
}

/// The evaluation of one rule.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct RuleExplanation {
    /// The rule.
    rule: Rule,
    /// Whether it is satisfied at the requested time.
    holds: bool,
    /// The periods in which the rule grants access, near the requested time.
    spans: Vec<TimeSpan>,
    /// The evaluation of each condition.
    conditions: Vec<ConditionExplanation>,
}

/// Who can resolve the cause of a denial.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "access::FixParty")]
pub enum FixParty {
    /// The member, possibly by waiting.
    Member,
    /// Front desk staff.
    Desk,
    /// The admin who edits the rules.
    ClubAdmin,
    /// The club platform.
    Platform,
    /// The administrator of the Kisi organization.
    KisiAdmin,
}

#[derive(Clone, Debug)]
pub struct Fix {
    by: Vec<FixParty>,
    message: Message,
}

/// One of the smallest changes that would give the member access.
#[Object(crate = "crate::graphql::resolve")]
impl Fix {
    /// The cause as a stable, machine-readable code.
    async fn code(&self) -> DecisionCode {
        self.message.code().into()
    }

    /// Who can make the change.
    async fn by(&self) -> &[FixParty] {
        &self.by
    }

    /// The rule that is not satisfied; null for a suspension, for a share, and if the target has no rule.
    async fn rule(&self) -> Option<Rule> {
        self.message.rule()
    }

    /// The offerings that the change is about: that of the entitlement that is nearest to satisfying the rule, else those that
    /// the rule accepts; empty if it accepts all.
    async fn offerings(&self, context: &Context<'_>) -> Result<Vec<Offering>> {
        self.message.offerings(context).await
    }

    /// The tags that the rule accepts, for TAG_MISSING; else empty.
    async fn tags(&self) -> &[String] {
        self.message.tags()
    }

    /// When the cause ends, if that is ahead, or when it began; null if it has no such time.
    async fn edge(&self) -> Option<DateTime> {
        self.message.edge()
    }

    /// What to do, as text. A member session always gets the text for the audience MEMBER, whatever it
    /// asks for.
    async fn message(
        &self,
        context: &Context<'_>,
        #[graphql(default_with = "Audience::Desk", desc = "The audience of the text.")]
        audience: Audience,
    ) -> Result<String> {
        let message = self.message.with_names(context).await?;
        Ok(messages::of_fix(&message, audience.for_caller(context)?))
    }
}

const NO_EMAIL: &str = "The member has no e-mail address, and Kisi identifies users by e-mail only. Add the address on the \
                        platform; access follows automatically.";

/// Why a member has or lacks access to a target.
pub struct Explanation {
    decision: AccessDecision,
    rules: Vec<RuleExplanation>,
    shares: Vec<Share>,
    suspension: Option<Suspension>,
    grants: Vec<Grant>,
    unlock_restrictions: Vec<UnlockRestriction>,
    /// The member's id if Kisi should grant access at the requested time. None if it should not, if the explanation uses an
    /// earlier state of knowledge, or if no Kisi scope covers the target.
    entitled_member: Option<Uuid>,
    fixes: Vec<Fix>,
    next_change_at: Option<DateTime>,
}

/// Why a member has or lacks access to a target.
#[Object(crate = "crate::graphql::resolve")]
impl Explanation {
    /// The decision and its main cause.
    async fn decision(&self) -> &AccessDecision {
        &self.decision
    }

    /// All rules for the target, those that currently grant access first.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn rules(&self, context: &Context<'_>) -> Result<&[RuleExplanation]> {
        context::require_staff(context)?;
        Ok(&self.rules)
    }

    /// Manually granted access of the member that covers the target, including past and future shares.
    async fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// The suspension in effect at the requested time; null if there is none.
    async fn suspension(&self) -> Option<&Suspension> {
        self.suspension.as_ref()
    }

    /// The member's grants in Kisi for the target; empty for a lock that only this service unlocks.
    async fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// If the target is a lock: the Kisi settings that can make Kisi refuse this member's unlock even though the decision
    /// allows it. Empty if there are none.
    async fn unlock_restrictions(&self) -> &[UnlockRestriction] {
        &self.unlock_restrictions
    }

    /// If the member is allowed but Kisi does not grant access: the reason and who can resolve it, such as a member without
    /// an e-mail address. Null if there is no known problem.
    async fn kisi_problem(&self, context: &Context<'_>) -> Result<Option<String>> {
        let scope = context::require_staff(context)?;
        let Some(member) = self.entitled_member else {
            return Ok(None);
        };
        let db = context::app(context)?.db.read();
        let of_person = kisi_problem(db, scope, member)
            .await
            .map_err(internal_error)?;
        let of_grant = || self.grants.iter().find_map(|grant| grant.0.problem.clone());
        Ok(of_person.or_else(of_grant))
    }

    /// The smallest changes that would give the member access, easiest first; empty if the member has access.
    async fn fixes(&self) -> &[Fix] {
        &self.fixes
    }

    /// When the decision changes next if no new event arrives; null if no change is foreseen.
    async fn next_change_at(&self) -> Option<DateTime> {
        self.next_change_at
    }
}

pub struct ExplainArguments {
    pub member: Uuid,
    pub target: Target,
    pub at: Instant,
    /// The point in time of the facts, rules and overrides that are read.
    pub as_of: AsOf,
}

/// Evaluates the member's access to the target and collects what the schema type shows.
pub async fn explain(
    context: &Context<'_>,
    scope: ClubScope,
    asked: ExplainArguments,
) -> Result<Explanation> {
    let db = context::app(context)?.db.read();
    let ExplainArguments {
        member,
        target,
        at,
        as_of: known,
    } = asked;
    let deciding = MemberDecisions::load(db, scope, &[member], known)
        .await
        .map_err(internal_error)?;
    let MemberDecisions {
        access_context,
        mut holdings,
    } = deciding;
    let (access_context, holdings) = (
        Arc::new(access_context),
        holdings.remove(&member).unwrap_or_default(),
    );
    let access = access_context.access(&holdings.facts, target, around(at));
    let decision = AccessDecision::of(&access_context, target, access.decide(at))
        .ok_or_else(|| bad_input("target: no such group or lock exists in this club"))?;
    let mut rules = Vec::new();
    for rule in &access.rules {
        rules.extend(explain_rule(&access_context, &holdings, rule, at)?);
    }
    rules.sort_by_key(|rule| !rule.holds);
    let covering: Vec<Uuid> = access
        .shares
        .iter()
        .map(|(share, _)| row_id(share.id))
        .collect();
    let shares = overrides::some_shares(db, scope, &covering)
        .await
        .map_err(internal_error)?;
    let suspension = access
        .suspension
        .filter(|suspension| suspension.span.contains(at));
    let suspension = match suspension {
        Some(it) => lookup::by_id::<row::Suspension>(db, scope, row_id(it.id))
            .await
            .map_err(internal_error)?,
        None => None,
    };
    let scopes: Vec<(row::ScopeKind, Uuid)> = access_context
        .covering(target)
        .into_iter()
        .map(scope_row)
        .collect();
    let grant_rows = grants::grants_of(db, scope, &[member])
        .await
        .map_err(internal_error)?;
    let lock = match target {
        Target::Lock(id) => access_context.layout.lock(row_id(id)),
        Target::Group(_) => None,
    };
    let restrictions = lock.map(|lock| for_member(&access_context.layout, lock, &grant_rows, at));
    let covers = |grant: &row::Grant| scopes.contains(&(grant.scope_kind, grant.scope_id));
    let is_to_let_in = known == AsOf::Now && access.decide(at).allowed && !scopes.is_empty();
    Ok(Explanation {
        entitled_member: is_to_let_in.then_some(member),
        fixes: fixes(&access_context, &access, at),
        next_change_at: access
            .next_edge_after(at)
            .map(|edge| DateTime(edge.micros())),
        decision,
        rules,
        shares: shares.into_iter().map(Share).collect(),
        suspension: suspension.map(Suspension),
        unlock_restrictions: restriction::to_graphql(restrictions.unwrap_or_default()),
        grants: grant_rows.into_iter().filter(covers).map(Grant).collect(),
    })
}

/// A problem that blocks the member everywhere in Kisi: no e-mail address, or a problem of the Kisi user with that address.
async fn kisi_problem(
    connection: &impl Connection,
    scope: ClubScope,
    member: Uuid,
) -> Result<Option<String>, StoreError> {
    let Some(member) = lookup::by_id::<row::Member>(connection, scope, member).await? else {
        return Ok(None);
    };
    if member.email.is_none() {
        return Ok(Some(NO_EMAIL.to_owned()));
    }
    let users = grants::users_of(connection, scope, &[member.id]).await?;
    let mut present = users
        .into_iter()
        .filter(|user| Some(&user.email) == member.email.as_ref());
    Ok(present.find_map(|user| user.problem))
}

pub(super) fn scope_row(scope: access::AccessScope) -> (row::ScopeKind, Uuid) {
    match scope {
        access::AccessScope::Group(id) => (row::ScopeKind::Group, row_id(id)),
        access::AccessScope::Place(id) => (row::ScopeKind::Place, row_id(id)),
        access::AccessScope::Account(id) => (row::ScopeKind::Account, row_id(id)),
    }
}

/// Keeps the spans that overlap the display window around `at`: older ones explain nothing.
fn spans_around(spans: &SpanSet, at: Instant) -> Vec<TimeSpan> {
    let window = around(at);
    spans
        .iter()
        .filter(|span| span.overlaps(&window))
        .map(TimeSpan::from)
        .collect()
}

fn explain_rule(
    access_context: &Arc<AccessContext>,
    holdings: &Holdings,
    rule: &RuleAccess<'_>,
    at: Instant,
) -> Result<Option<RuleExplanation>> {
    let Some(row) = access_context.row(rule.rule.id) else {
        return Ok(None);
    };
    let entitlements: HashMap<Uuid, Entitlement> = holdings
        .held
        .iter()
        .map(|held| (held.version.entitlement_id, Entitlement::from(held.clone())))
        .collect();
    let stored = rules::conditions(row).map_err(internal_error)?;
    let conditions = stored
        .into_iter()
        .zip(&rule.conditions)
        .map(|(stored, condition)| {
            let nearest = near_misses_for(
                access_context,
                row,
                &holdings.facts,
                condition,
                &entitlements,
                at,
            );
            let because = condition
                .because
                .iter()
                .filter(|(_, spans)| spans.contains(at));
            let because = because.filter_map(|(it, _)| entitlements.get(&row_id(it.id)).cloned());
            ConditionExplanation {
                condition: stored.into(),
                holds: condition.spans.contains(at),
                spans: spans_around(&condition.spans, at),
                because: because.collect(),
                near_misses: nearest,
            }
        });
    Ok(Some(RuleExplanation {
        conditions: conditions.collect(),
        rule: Rule(row.clone()),
        holds: rule.spans.contains(at),
        spans: spans_around(&rule.spans, at),
    }))
}

fn near_misses_for(
    access_context: &Arc<AccessContext>,
    rule: &row::Rule,
    facts: &Facts,
    condition: &ConditionAccess<'_>,
    entitlements: &HashMap<Uuid, Entitlement>,
    at: Instant,
) -> Vec<NearMiss> {
    let misses = near_misses(condition.condition, facts, at).into_iter();
    let shown = misses.filter_map(|miss| {
        let message = Message::new(
            access_context,
            Cause {
                code: miss.code,
                at,
                edge: miss.edge,
                until: None,
                by_share: false,
                rule: Some(convert::id(rule.rule_id)),
                condition: None,
                offering: Some(miss.entitlement.offering),
                is_cancelled: miss.is_cancelled,
            },
        );
        Some(NearMiss {
            entitlement: entitlements.get(&row_id(miss.entitlement.id))?.clone(),
            message,
        })
    });
    shown.collect()
}

/// The fixes from the alternatives with the fewest fixes, easiest first and without duplicates.
fn fixes(access_context: &Arc<AccessContext>, access: &Access<'_>, at: Instant) -> Vec<Fix> {
    let ways = access::fixes(access, at);
    let fewest = ways.iter().map(Vec::len).min().unwrap_or(0);
    let mut unique: Vec<access::Fix> = Vec::new();
    for fix in ways.into_iter().filter(|way| way.len() == fewest).flatten() {
        if !unique.contains(&fix) {
            unique.push(fix);
        }
    }
    let shown = unique.into_iter().map(|fix| Fix {
        by: fix.by.iter().map(|party| FixParty::from(*party)).collect(),
        message: Message::new(
            access_context,
            Cause {
                code: fix.code,
                at,
                edge: fix.edge,
                until: None,
                by_share: fix.share.is_some(),
                rule: fix.rule,
                condition: fix.condition,
                offering: fix.offering,
                is_cancelled: fix.is_cancelled,
            },
        ),
    });
    shown.collect()
}
