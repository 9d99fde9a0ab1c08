//! The decision at one instant, with the most important cause.
//!
//! `allowed` comes from the spans. The code of a refusal is the first failing condition of the rule or share that is nearest to
//! giving access, which is also the first entry of `fixes`. Evaluates nothing again. Called for every decision.

use crate::{
    code::Code,
    evaluate::Access,
    explain::{Origin, ways},
    fact::Id,
    instant::Instant,
};

/// Whether a member may pass at an instant, and the cause.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The instant of the decision.
    pub at: Instant,
    /// Whether the member may pass.
    pub allowed: bool,
    /// When the result changes next; `None` where no later change is known.
    pub until: Option<Instant>,
    /// The most important cause.
    pub code: Code,
    /// The rule that allows it (the first that holds), or the one that is nearest to holding.
    pub rule: Option<Id>,
    /// The share that allows it, or the one that is nearest to giving access.
    pub share: Option<Id>,
    /// The relevant edge. When access begins: for too early, not started and outside a schedule. When it ended: for too late,
    /// ended and blocked. For a suspension: when it ends.
    pub edge: Option<Instant>,
    /// The index of the failing condition in the rule.
    pub condition: Option<usize>,
    /// The offering of the entitlement that allows it, or that is nearest to satisfying the condition.
    pub offering: Option<Id>,
    /// Whether that entitlement is a cancelled booking.
    pub is_cancelled: bool,
}

impl Access<'_> {
    /// The decision at `at`.
    #[must_use]
    pub fn decide(&self, at: Instant) -> Decision {
        let decision = Decision {
            at,
            allowed: self.spans.contains(at),
            until: self.spans.next_edge_after(at),
            code: Code::NoRule,
            rule: None,
            share: None,
            edge: None,
            condition: None,
            offering: None,
            is_cancelled: false,
        };
        if decision.allowed {
            self.allow(decision)
        } else {
            self.refuse(decision)
        }
    }

    fn allow(&self, decision: Decision) -> Decision {
        let at = decision.at;
        if let Some(rule) = self.rules.iter().find(|rule| rule.spans.contains(at)) {
            return Decision {
                code: Code::AllowedByRule,
                rule: Some(rule.rule.id),
                offering: rule.offering_at(at),
                ..decision
            };
        }
        let share = self.shares.iter().find(|(_, spans)| spans.contains(at));
        let share = share.map(|(share, _)| share.id);
        Decision {
            code: Code::AllowedByShare,
            share,
            ..decision
        }
    }

    fn refuse(&self, decision: Decision) -> Decision {
        if let Some(suspension) = self.suspension.filter(|it| it.span.contains(decision.at)) {
            let edge = suspension.span.until.known();
            return Decision {
                code: Code::Suspended,
                edge,
                ..decision
            };
        }
        let ways = ways(self, decision.at);
        let Some(way) = ways.first() else {
            return decision;
        };
        let decision = match way.origin {
            Origin::Rule(rule) => Decision {
                rule: Some(rule),
                ..decision
            },
            Origin::Share(share) => Decision {
                share: Some(share),
                ..decision
            },
        };
        match way.failing.first() {
            Some((index, miss)) => Decision {
                code: miss.code,
                edge: miss.edge,
                condition: decision.rule.map(|_| *index),
                offering: miss.offering(),
                is_cancelled: miss.is_cancelled(),
                ..decision
            },
            None => decision,
        }
    }
}
