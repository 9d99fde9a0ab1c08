//! Purchase conditions: from start to end of a paid purchase.
//!
//! A refunded or void purchase gives no access for any time, from the moment that its status is known. Called by `condition`.

use super::{Miss, is_selected};
use crate::{
    code::Code,
    fact::{Entitlement, Holding, PurchaseStatus},
    instant::Instant,
    rule::PurchaseCondition,
    span::SpanSet,
};

pub(super) fn spans(condition: &PurchaseCondition, entitlement: &Entitlement) -> SpanSet {
    match matching(condition, entitlement) {
        Some(PurchaseStatus::Paid) => SpanSet::from(entitlement.span),
        _ => SpanSet::new(),
    }
}

fn matching(condition: &PurchaseCondition, entitlement: &Entitlement) -> Option<PurchaseStatus> {
    let Holding::Purchase { status } = entitlement.holding else {
        return None;
    };
    is_selected(&condition.offerings, &condition.locations, entitlement).then_some(status)
}

pub(super) fn miss<'a>(
    condition: &PurchaseCondition,
    entitlement: &'a Entitlement,
    at: Instant,
) -> Option<Miss<'a>> {
    let status = matching(condition, entitlement)?;
    let span = entitlement.span;
    let edge = if at < span.from {
        Some(span.from)
    } else if at >= span.until {
        Some(span.until)
    } else {
        None
    };
    let wrong = u8::from(status != PurchaseStatus::Paid) + u8::from(edge.is_some());
    (wrong > 0).then(|| Miss {
        wrong,
        ..Miss::new(Code::PurchaseNotValid, edge, at)
    })
}
