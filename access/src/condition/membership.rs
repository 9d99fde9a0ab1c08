//! Membership conditions: from start to end of an active membership, minus its blocks as the policy says.
//!
//! Own, company-held and shared memberships count alike. A block that has ended stops counting. Payments matter only through
//! blocks. Called by `condition`.

use std::time::Duration;

use super::{Miss, is_selected};
use crate::{
    code::Code,
    fact::{Block, Entitlement, Facts, Holding, MembershipStatus, Via},
    instant::Instant,
    rule::{BlockedPolicy, MembershipCondition},
    span::{Span, SpanSet},
};

pub(super) fn spans(condition: &MembershipCondition, entitlement: &Entitlement) -> SpanSet {
    let Some((status, blocks)) = matching(condition, entitlement) else {
        return SpanSet::new();
    };
    if !is_active(status, entitlement) {
        return SpanSet::new();
    }
    let span = SpanSet::from(entitlement.span);
    if blocks.is_empty() {
        span
    } else {
        span.subtract(&blocked_spans(condition.when_blocked, blocks))
    }
}

/// Whether the member has an active membership at an instant, blocked or not.
#[must_use]
pub fn has_active_membership(facts: &Facts, at: Instant) -> bool {
    let any = MembershipCondition {
        offerings: Vec::new(),
        locations: Vec::new(),
        when_blocked: BlockedPolicy::Allow,
    };
    let mut entitlements = facts.entitlements.iter();
    entitlements.any(|entitlement| spans(&any, entitlement).contains(at))
}

fn matching<'e>(
    condition: &MembershipCondition,
    entitlement: &'e Entitlement,
) -> Option<(MembershipStatus, &'e [Block])> {
    let Holding::Membership { status, blocks } = &entitlement.holding else {
        return None;
    };
    let counts = entitlement.via != Via::Guest
        && is_selected(&condition.offerings, &condition.locations, entitlement);
    counts.then_some((*status, blocks.as_slice()))
}

fn is_active(status: MembershipStatus, entitlement: &Entitlement) -> bool {
    match status {
        MembershipStatus::Active => true,
        MembershipStatus::Scheduled => entitlement.span.from != Instant::BEGINNING,
        MembershipStatus::Paused | MembershipStatus::UsedUp | MembershipStatus::Ended => false,
    }
}

/// The spans in which blocks suspend a membership.
fn blocked_spans(policy: BlockedPolicy, blocks: &[Block]) -> SpanSet {
    match policy {
        BlockedPolicy::Allow => SpanSet::new(),
        BlockedPolicy::Deny => SpanSet::of(blocks.iter().map(|block| block.span)),
        BlockedPolicy::Grace(grace) => {
            let blocked = SpanSet::of(blocks.iter().map(|block| block.span));
            SpanSet::of(
                merge_blocks(&blocked, grace).map(|run| Span::new(run.from.plus(grace), run.until)),
            )
        }
    }
}

/// Merges blocks that are less than the grace period apart.
fn merge_blocks(blocked: &SpanSet, grace: Duration) -> impl Iterator<Item = Span> {
    let mut blocks = blocked.iter().copied().peekable();
    std::iter::from_fn(move || {
        let mut run = blocks.next()?;
        while let Some(next) = blocks.next_if(|next| next.from < run.until.plus(grace)) {
            run.until = next.until;
        }
        Some(run)
    })
}

pub(super) fn miss<'a>(
    condition: &MembershipCondition,
    entitlement: &'a Entitlement,
    at: Instant,
) -> Option<Miss<'a>> {
    let (status, blocks) = matching(condition, entitlement)?;
    let Span { from, until } = entitlement.span;
    let over = (until <= at).then_some(until);
    let (code, edge) = match status {
        MembershipStatus::Ended => (Code::MembershipEnded, over),
        _ if over.is_some() => (Code::MembershipEnded, over),
        MembershipStatus::Scheduled if from == Instant::BEGINNING => {
            (Code::MembershipNotStarted, None)
        }
        _ if from > at => (Code::MembershipNotStarted, Some(from)),
        MembershipStatus::Paused => (Code::MembershipPaused, None),
        MembershipStatus::UsedUp => (Code::MembershipUsedUp, None),
        MembershipStatus::Active | MembershipStatus::Scheduled => {
            let cut = blocked_spans(condition.when_blocked, blocks).span_at(at)?;
            (Code::MembershipBlocked, Some(cut.from))
        }
    };
    Some(Miss::new(code, edge, at))
}
