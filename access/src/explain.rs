//! Explains a refusal: what would let a member pass, and who can fix it.
//!
//! The ways are sorted nearest first: fewest failing conditions, then the easiest fix, then the order of the rules. A way lists
//! only conditions that fail. Texts for people are written by the callers. Called by `decide` and for explanations.

use crate::{
    code::Code,
    condition::{Miss, nearest_miss},
    evaluate::Access,
    fact::{BlockReason, Holding, Id},
    instant::Instant,
    span::Span,
};

/// Who can fix a cause.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FixParty {
    /// The person at the door, possibly just by waiting.
    Member,
    /// The staff at the front desk.
    Desk,
    /// The person who edits the rules.
    ClubAdmin,
    /// The club platform.
    Platform,
    /// The administrator of the Kisi account.
    KisiAdmin,
}

/// One thing to fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The cause.
    pub code: Code,
    /// Who can fix it, most likely first.
    pub by: Vec<FixParty>,
    /// The rule with the failing condition. `None` for a suspension, for a share, and where the target has no rule.
    pub rule: Option<Id>,
    /// The index of that condition in the rule.
    pub condition: Option<usize>,
    /// The share that is not valid at that time.
    pub share: Option<Id>,
    /// The time at which the cause ends or began; as in [`crate::Decision`].
    pub edge: Option<Instant>,
    /// The offering of the entitlement that is nearest to satisfying the condition.
    pub offering: Option<Id>,
    /// Whether that entitlement is a cancelled booking.
    pub is_cancelled: bool,
}

/// The changes that would let the member pass at `at`. Each element is one alternative whose fixes are all needed; the
/// alternative with the fewest fixes comes first, and among those the easiest. Empty where the member may pass.
#[must_use]
pub fn fixes(access: &Access<'_>, at: Instant) -> Vec<Vec<Fix>> {
    if access.spans.contains(at) {
        return Vec::new();
    }
    let bare = |code, by: &[FixParty], edge| Fix {
        code,
        by: by.to_vec(),
        rule: None,
        condition: None,
        share: None,
        edge,
        offering: None,
        is_cancelled: false,
    };
    let suspension = access
        .suspension
        .filter(|suspension| suspension.span.contains(at));
    let suspended = suspension.map(|suspension| {
        let by = [FixParty::Desk, FixParty::ClubAdmin];
        bare(Code::Suspended, &by, suspension.span.until.known())
    });
    let opens = |way: &Way<'_>| way.failing.is_empty();
    let ways = ways(access, at);
    let mut all: Vec<Vec<Fix>> = match ways.first() {
        None => vec![vec![bare(Code::NoRule, &[FixParty::ClubAdmin], None)]],
        Some(first) if opens(first) => vec![Vec::new()],
        Some(_) => ways.iter().map(|way| fixes_of(way, at)).collect(),
    };
    if let Some(suspended) = suspended {
        for way in &mut all {
            way.insert(0, suspended.clone());
        }
    }
    all
}

fn fixes_of(way: &Way<'_>, at: Instant) -> Vec<Fix> {
    let (rule, share) = match way.origin {
        Origin::Rule(rule) => (Some(rule), None),
        Origin::Share(share) => (None, Some(share)),
    };
    let fix = |(place, miss): &(usize, Miss<'_>)| Fix {
        code: miss.code,
        by: parties(miss, way.origin, at),
        rule,
        condition: rule.map(|_| *place),
        share,
        edge: miss.edge,
        offering: miss.offering(),
        is_cancelled: miss.is_cancelled(),
    };
    way.failing.iter().map(fix).collect()
}

/// The rule or share that a way belongs to.
#[derive(Copy, Clone)]
pub(crate) enum Origin {
    Rule(Id),
    Share(Id),
}

/// A rule or a share that could let the member pass, with its failing conditions: the index and the miss of each.
pub(crate) struct Way<'a> {
    pub origin: Origin,
    pub failing: Vec<(usize, Miss<'a>)>,
}

/// All ways, nearest first. Ignores suspensions.
pub(crate) fn ways<'a>(access: &Access<'a>, at: Instant) -> Vec<Way<'a>> {
    let by_rules = access
        .rules
        .iter()
        .filter(|rule| rule.can_hold)
        .map(|rule| {
            let conditions = rule.conditions.iter().enumerate();
            let failing = conditions.filter(|(_, held)| !held.spans.contains(at));
            let failing = failing
                .map(|(place, held)| (place, nearest_miss(held, access.facts, at)))
                .collect();
            Way {
                origin: Origin::Rule(rule.rule.id),
                failing,
            }
        });
    let by_shares = access.shares.iter().map(|(share, _)| {
        let failing = share_miss(share.span, at)
            .map(|miss| (0, miss))
            .into_iter()
            .collect();
        Way {
            origin: Origin::Share(share.id),
            failing,
        }
    });
    let mut ways: Vec<_> = by_rules.chain(by_shares).collect();
    ways.sort_by_cached_key(|way| {
        let hardest = way.failing.iter().map(|(_, miss)| miss.effort()).max();
        (way.failing.len(), hardest)
    });
    ways
}

fn share_miss<'a>(span: Span, at: Instant) -> Option<Miss<'a>> {
    if span.contains(at) {
        None
    } else if at < span.from {
        Some(Miss::new(Code::TooEarly, Some(span.from), at))
    } else {
        Some(Miss::new(Code::TooLate, Some(span.until), at))
    }
}

fn parties(miss: &Miss<'_>, origin: Origin, at: Instant) -> Vec<FixParty> {
    use FixParty::{ClubAdmin, Desk, Member, Platform};
    let parties: &[FixParty] = match miss.code {
        Code::AllowedByRule | Code::AllowedByShare => &[],
        Code::NoRule => &[ClubAdmin],
        Code::Suspended => &[Desk, ClubAdmin],
        Code::TooLate if matches!(origin, Origin::Share(_)) => &[Desk, ClubAdmin],
        Code::MembershipBlocked => match block_reason(miss, at) {
            Some(BlockReason::Manual) => &[Desk],
            Some(BlockReason::PaymentRetrying) => &[Member, Platform, Desk],
            Some(BlockReason::PaymentFailed) | None => &[Member, Desk],
        },
        Code::NoMembership
        | Code::MembershipEnded
        | Code::MembershipUsedUp
        | Code::MembershipPaused
        | Code::MembershipNotStarted
        | Code::NoRegistration
        | Code::TooEarly
        | Code::TooLate
        | Code::NoPurchase
        | Code::PurchaseNotValid => &[Member, Desk],
        Code::RegistrationNotConfirmed | Code::TagMissing => &[Desk],
        Code::OutsideSchedule => &[Member, ClubAdmin],
    };
    parties.to_vec()
}

/// The reason of the latest block that began by `at`.
fn block_reason(miss: &Miss<'_>, at: Instant) -> Option<BlockReason> {
    let Holding::Membership { blocks, .. } = &miss.entitlement?.holding else {
        return None;
    };
    let begun = blocks.iter().filter(|block| block.span.from <= at);
    begun
        .max_by_key(|block| (block.span.until, block.span.from))
        .map(|block| block.reason)
}
