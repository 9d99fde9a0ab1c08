//! Why a member may or may not pass: the evaluation that decided, laid open. Everything in it comes from that one
//! evaluation; the rows are looked up only to be shown.

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
    error::{bad_input, inside},
    grant::Grant,
    restriction::{self, UnlockRestriction},
    rule::{Condition, Rule},
    scalar::DateTime,
    share::Share,
    suspension::Suspension,
    words::{self, Saying},
};
use crate::{
    decide::{Deciding, Premises, around, row_id},
    store::{
        Connection, Scope, StoreError,
        facts::{Holdings, Known},
        grants, members, overrides, row, rules,
    },
    unlock::restriction::for_member,
};

/// From inclusive, until exclusive; null is without end on that side.
#[derive(Clone, Debug, SimpleObject)]
pub struct TimeSpan {
    /// The first instant in it.
    #[graphql(name = "from")]
    begins: Option<DateTime>,
    /// The first instant after it.
    until: Option<DateTime>,
}

impl From<&Span> for TimeSpan {
    fn from(span: &Span) -> Self {
        let known = |at: Instant| at.known().map(|at| DateTime(at.micros()));
        Self {
            begins: known(span.from),
            until: known(span.until),
        }
    }
}

/// An entitlement that would make a condition hold, but for one thing.
#[derive(Clone, Debug, SimpleObject)]
pub struct NearMiss {
    /// The entitlement.
    entitlement: Entitlement,
    /// The one thing, as a stable word.
    code: DecisionCode,
    /// The one thing, for the front desk.
    message: String,
}

/// Whether one condition holds, and by what.
#[derive(Clone, Debug, SimpleObject)]
pub struct ConditionExplanation {
    /// The condition.
    condition: Condition,
    /// Whether it holds at the instant.
    holds: bool,
    /// When the condition holds, around the instant asked for.
    spans: Vec<TimeSpan>,
    /// The entitlements that make it hold at the instant; empty for a tag or a schedule.
    because: Vec<Entitlement>,
    /// The entitlements that would, but for one thing.
    near_misses: Vec<NearMiss>,
}

/// Whether one rule holds, and by what.
#[derive(Clone, Debug, SimpleObject)]
pub struct RuleExplanation {
    /// The rule.
    rule: Rule,
    /// Whether it holds at the instant.
    holds: bool,
    /// When the rule holds, around the instant asked for.
    spans: Vec<TimeSpan>,
    /// Each of its conditions.
    conditions: Vec<ConditionExplanation>,
}

/// Who can mend a cause.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "access::FixParty")]
pub enum FixParty {
    /// The person at the door, be it by waiting.
    Member,
    /// The person at the front desk.
    Desk,
    /// Who writes the rules.
    ClubAdmin,
    /// The club platform.
    Platform,
    /// Who runs the Kisi account.
    KisiAdmin,
}

/// Something to be mended.
#[derive(Clone, Debug)]
pub struct Fix {
    by: Vec<FixParty>,
    saying: Saying,
}

/// One of the smallest changes that would let the member pass.
#[Object(crate = "crate::graphql::prompt")]
impl Fix {
    /// What is wrong, as a stable word.
    async fn code(&self) -> DecisionCode {
        self.saying.code.into()
    }

    /// Who can do it.
    async fn by(&self) -> &[FixParty] {
        &self.by
    }

    /// What is wrong and what to do, in words. A member session is told the words for the person at
    /// the door, whoever they are asked for.
    async fn message(
        &self,
        context: &Context<'_>,
        #[graphql(default_with = "Audience::Desk", desc = "For whom the words are.")]
        audience: Audience,
    ) -> Result<String> {
        Ok(words::of_decision(&self.saying, audience.told(context)?))
    }
}

/// Said of a member whom Kisi cannot know.
const NO_EMAIL: &str = "The member has no e-mail address, and Kisi knows people by nothing else: once the platform has one for \
                        the member, access follows.";

/// Why a member may or may not pass.
pub struct Explanation {
    decision: AccessDecision,
    rules: Vec<RuleExplanation>,
    shares: Vec<Share>,
    suspension: Option<Suspension>,
    grants: Vec<Grant>,
    unlock_restrictions: Vec<UnlockRestriction>,
    /// The member, where Kisi is to let the member pass now.
    to_let_in: Option<Uuid>,
    fixes: Vec<Fix>,
    next_change_at: Option<DateTime>,
}

/// Why a member may or may not pass.
#[Object(crate = "crate::graphql::prompt")]
impl Explanation {
    /// The answer, and its one cause.
    async fn decision(&self) -> &AccessDecision {
        &self.decision
    }

    /// Every rule for the target, those that grant first.
    #[graphql(complexity = "crate::graphql::page::times(10, child_complexity)")]
    async fn rules(&self, context: &Context<'_>) -> Result<&[RuleExplanation]> {
        context::reads(context)?;
        Ok(&self.rules)
    }

    /// Access given by hand that covers the target, whenever it does.
    async fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// The suspension that lasts at the instant; null where none does.
    async fn suspension(&self) -> Option<&Suspension> {
        self.suspension.as_ref()
    }

    /// What Kisi holds for this member and target; empty for a lock that is only unlocked by this
    /// service.
    async fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// Where a lock is asked about: what in Kisi's settings can make Kisi refuse an unlock for this member though the member
    /// may pass. Empty where nothing can.
    async fn unlock_restrictions(&self) -> &[UnlockRestriction] {
        &self.unlock_restrictions
    }

    /// In words, what keeps Kisi from letting the member pass though the member may, and who can mend it: such as a member
    /// without an e-mail, whom Kisi cannot know. Null where nothing is known to.
    async fn kisi_problem(&self, context: &Context<'_>) -> Result<Option<String>> {
        let scope = context::reads(context)?;
        let Some(member) = self.to_let_in else {
            return Ok(None);
        };
        let db = context::app(context)?.db.read();
        let of_person = kisi_problem(db, scope, member).await.map_err(inside)?;
        let of_grant = || self.grants.iter().find_map(|grant| grant.0.problem.clone());
        Ok(of_person.or_else(of_grant))
    }

    /// The smallest changes that would let the member pass, easiest first; empty when the member
    /// may pass.
    async fn fixes(&self) -> &[Fix] {
        &self.fixes
    }

    /// When the answer changes next, if nothing else happens; null where no change is foreseen.
    async fn next_change_at(&self) -> Option<DateTime> {
        self.next_change_at
    }
}

/// What is to be explained.
pub struct Asked {
    /// Who.
    pub member: Uuid,
    /// Where.
    pub target: Target,
    /// When.
    pub at: Instant,
    /// From what was known when.
    pub known: Known,
}

/// Explains.
pub async fn explain(context: &Context<'_>, scope: Scope, asked: Asked) -> Result<Explanation> {
    let db = context::app(context)?.db.read();
    let Asked {
        member,
        target,
        at,
        known,
    } = asked;
    let deciding = Deciding::load(db, scope, &[member], known)
        .await
        .map_err(inside)?;
    let Deciding {
        premises,
        mut holdings,
    } = deciding;
    let (premises, holdings) = (
        Arc::new(premises),
        holdings.remove(&member).unwrap_or_default(),
    );
    let access = premises.access(&holdings.facts, target, around(at));
    let decision = AccessDecision::of(&premises, target, access.decide(at))
        .ok_or_else(|| bad_input("target: it names no group or lock that is there"))?;
    let mut rules = Vec::new();
    for rule in &access.rules {
        rules.extend(of_rule(&premises, &holdings, rule, at)?);
    }
    rules.sort_by_key(|rule| !rule.holds);
    let covering: Vec<Uuid> = access
        .shares
        .iter()
        .map(|(share, _)| row_id(share.id))
        .collect();
    let shares = overrides::some_shares(db, scope, &covering)
        .await
        .map_err(inside)?;
    let suspension = access
        .suspension
        .filter(|suspension| suspension.span.contains(at));
    let suspension = match suspension {
        Some(it) => overrides::get_suspension(db, scope, row_id(it.id))
            .await
            .map_err(inside)?,
        None => None,
    };
    let scopes: Vec<(row::ScopeKind, Uuid)> = premises
        .covering(target)
        .into_iter()
        .map(scope_row)
        .collect();
    let held = grants::grants_of(db, scope, &[member])
        .await
        .map_err(inside)?;
    let lock = match target {
        Target::Lock(id) => premises.layout.lock(row_id(id)),
        Target::Group(_) => None,
    };
    let in_the_way = lock.map(|lock| for_member(&premises.layout, lock, &held, at));
    let covers = |grant: &row::Grant| scopes.contains(&(grant.scope_kind, grant.scope_id));
    let is_to_let_in = known == Known::Now && access.decide(at).allowed && !scopes.is_empty();
    Ok(Explanation {
        to_let_in: is_to_let_in.then_some(member),
        fixes: fixes(&premises, &access, at),
        next_change_at: access
            .next_edge_after(at)
            .map(|edge| DateTime(edge.micros())),
        decision,
        rules,
        shares: shares.into_iter().map(Share).collect(),
        suspension: suspension.map(Suspension),
        unlock_restrictions: restriction::shown(in_the_way.unwrap_or_default()),
        grants: held.into_iter().filter(covers).map(Grant).collect(),
    })
}

/// What keeps Kisi from letting a member pass anywhere.
async fn kisi_problem(
    connection: &impl Connection,
    scope: Scope,
    member: Uuid,
) -> Result<Option<String>, StoreError> {
    let Some(member) = members::get(connection, scope, member).await? else {
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

fn scope_row(scope: access::Scope) -> (row::ScopeKind, Uuid) {
    match scope {
        access::Scope::Group(id) => (row::ScopeKind::Group, row_id(id)),
        access::Scope::Place(id) => (row::ScopeKind::Place, row_id(id)),
        access::Scope::Account(id) => (row::ScopeKind::Account, row_id(id)),
    }
}

/// The spans that lie around an instant: what was long ago explains nothing.
fn spans(spans: &SpanSet, at: Instant) -> Vec<TimeSpan> {
    let window = around(at);
    spans
        .iter()
        .filter(|span| span.overlaps(&window))
        .map(TimeSpan::from)
        .collect()
}

fn of_rule(
    premises: &Premises,
    holdings: &Holdings,
    rule: &RuleAccess<'_>,
    at: Instant,
) -> Result<Option<RuleExplanation>> {
    let Some(row) = premises.row(rule.rule.id) else {
        return Ok(None);
    };
    let held: HashMap<Uuid, Entitlement> = holdings
        .held
        .iter()
        .map(|held| (held.version.entitlement_id, Entitlement::from(held.clone())))
        .collect();
    let stored = rules::conditions(row).map_err(inside)?;
    let shown = stored
        .into_iter()
        .zip(&rule.conditions)
        .map(|(stored, condition)| {
            let nearest = near(premises, row, &holdings.facts, condition, &held, at);
            let because = condition
                .because
                .iter()
                .filter(|(_, spans)| spans.contains(at));
            let because = because.filter_map(|(it, _)| held.get(&row_id(it.id)).cloned());
            ConditionExplanation {
                condition: stored.into(),
                holds: condition.spans.contains(at),
                spans: spans(&condition.spans, at),
                because: because.collect(),
                near_misses: nearest,
            }
        });
    Ok(Some(RuleExplanation {
        conditions: shown.collect(),
        rule: Rule(row.clone()),
        holds: rule.spans.contains(at),
        spans: spans(&rule.spans, at),
    }))
}

fn near(
    premises: &Premises,
    rule: &row::Rule,
    facts: &Facts,
    condition: &ConditionAccess<'_>,
    held: &HashMap<Uuid, Entitlement>,
    at: Instant,
) -> Vec<NearMiss> {
    let misses = near_misses(condition.condition, facts, at).into_iter();
    let shown = misses.filter_map(|miss| {
        let saying = Saying {
            code: miss.code,
            at,
            edge: miss.edge,
            until: None,
            by_share: false,
            rule: Some(rule.name.clone()),
            zone: premises.zone.clone(),
        };
        Some(NearMiss {
            entitlement: held.get(&row_id(miss.entitlement.id))?.clone(),
            code: miss.code.into(),
            message: words::of_decision(&saying, Audience::Desk),
        })
    });
    shown.collect()
}

/// The fixes of the ways that need the fewest, easiest first; one that several ways share is said
/// once.
fn fixes(premises: &Premises, access: &Access<'_>, at: Instant) -> Vec<Fix> {
    let ways = access::fixes(access, at);
    let fewest = ways.iter().map(Vec::len).min().unwrap_or(0);
    let mut said: Vec<access::Fix> = Vec::new();
    for fix in ways.into_iter().filter(|way| way.len() == fewest).flatten() {
        if !said.contains(&fix) {
            said.push(fix);
        }
    }
    let shown = said.into_iter().map(|fix| Fix {
        by: fix.by.iter().map(|party| FixParty::from(*party)).collect(),
        saying: Saying {
            code: fix.code,
            at,
            edge: fix.edge,
            until: None,
            by_share: fix.share.is_some(),
            rule: fix
                .rule
                .and_then(|rule| premises.row(rule))
                .map(|row| row.name.clone()),
            zone: premises.zone.clone(),
        },
    });
    shown.collect()
}
