//! The answer at one instant, with the one cause to look at first.
//!
//! Promises: `allowed` is what the spans say; the code of a refusal is the first failing condition
//! of the way that is nearest to holding, the same that `fixes` puts first. Never: evaluates
//! anything again. Called for every decision.

use crate::{
    code::Code,
    evaluate::Access,
    explain::{Origin, ways},
    fact::Id,
    instant::Instant,
};

/// May the member pass at an instant, and the cause.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The instant asked for.
    pub at: Instant,
    /// Whether the member may pass.
    pub allowed: bool,
    /// When the present answer ends, where that is known.
    pub until: Option<Instant>,
    /// The cause.
    pub code: Code,
    /// The rule that allows it (the first that holds), or that is nearest to it.
    pub rule: Option<Id>,
    /// The share that allows it, or that is nearest to it.
    pub share: Option<Id>,
    /// When it opens, for too early, not started and outside a schedule; when it closed, for too
    /// late, ended and blocked; when a suspension ends.
    pub edge: Option<Instant>,
}

impl Access<'_> {
    /// The answer at `at`.
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
            Some((_, miss)) => Decision {
                code: miss.code,
                edge: miss.edge,
                ..decision
            },
            None => decision,
        }
    }
}
