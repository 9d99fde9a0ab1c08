//! Registration conditions: a confirmed booking with margins, or the whole local days that it touches.
//!
//! The time zone is used for DAY only. The caller chooses the bookings, and so the rule version that applies to each. Called by
//! `condition`, and by `evaluate` for ongoing bookings under an earlier version.

use jiff::{ToSpan, civil, tz::TimeZone};

use super::{Miss, is_selected};
use crate::{
    code::Code,
    fact::{Entitlement, Holding, RegistrationStatus, Via},
    instant::Instant,
    rule::{RegistrationCondition, RegistrationSpan},
    span::Span,
};

/// When the booking gives access; `None` where it gives none.
pub(crate) fn span(condition: &RegistrationCondition, entitlement: &Entitlement) -> Option<Span> {
    let status = matching(condition, entitlement)?;
    let counts = status == RegistrationStatus::Confirmed && counts_as_guest(condition, entitlement);
    if counts {
        around(condition, entitlement)
    } else {
        None
    }
}

fn matching(
    condition: &RegistrationCondition,
    entitlement: &Entitlement,
) -> Option<RegistrationStatus> {
    let Holding::Registration { kind, status } = entitlement.holding else {
        return None;
    };
    let is_match = (condition.kinds.is_empty() || condition.kinds.contains(&kind))
        && is_selected(&condition.offerings, &condition.locations, entitlement);
    is_match.then_some(status)
}

fn counts_as_guest(condition: &RegistrationCondition, entitlement: &Entitlement) -> bool {
    condition.guests || entitlement.via != Via::Guest
}

/// The booking, or its days, with the margins; `None` for a booking that ends before it begins.
fn around(condition: &RegistrationCondition, entitlement: &Entitlement) -> Option<Span> {
    let booking = entitlement.span;
    if booking.from > booking.until {
        return None;
    }
    let bare = match condition.span {
        RegistrationSpan::Booking => booking,
        RegistrationSpan::Day => whole_days(booking, &entitlement.zone),
    };
    let span = bare.widened(condition.opens_before, condition.closes_after);
    (!span.is_empty()).then_some(span)
}

/// From the local midnight before the booking to the one after it; open ends stay open.
fn whole_days(booking: Span, zone: &TimeZone) -> Span {
    let midnight = |date: civil::Date| {
        let midnight = zone
            .to_ambiguous_timestamp(date.at(0, 0, 0, 0))
            .compatible();
        midnight.ok().map(Instant::from_timestamp)
    };
    let from = booking
        .from
        .known()
        .and_then(|from| midnight(zone.to_datetime(from.timestamp()).date()));
    let until = booking.until.known().and_then(|until| {
        // The end is exclusive: a booking that ends at midnight does not touch the next day.
        let last = Instant::from_micros(until.micros().saturating_sub(1)).max(booking.from);
        let next_day = zone
            .to_datetime(last.timestamp())
            .date()
            .checked_add(1.day())
            .ok()?;
        midnight(next_day)
    });
    Span::new(from.unwrap_or(booking.from), until.unwrap_or(booking.until))
}

pub(super) fn miss<'a>(
    condition: &RegistrationCondition,
    entitlement: &'a Entitlement,
    at: Instant,
) -> Option<Miss<'a>> {
    let status = matching(condition, entitlement)?;
    let span = around(condition, entitlement)?;
    let timing = if at < span.from {
        Some((Code::TooEarly, span.from))
    } else if at >= span.until {
        Some((Code::TooLate, span.until))
    } else {
        None
    };
    let unfit = match status {
        RegistrationStatus::Cancelled => Some(Code::NoRegistration),
        _ if !counts_as_guest(condition, entitlement) => Some(Code::NoRegistration),
        RegistrationStatus::Tentative | RegistrationStatus::Waitlisted => {
            Some(Code::RegistrationNotConfirmed)
        }
        RegistrationStatus::Confirmed => None,
    };
    match (unfit, timing) {
        (None, None) => None,
        (None, Some((code, edge))) => Some(Miss::new(code, Some(edge), at)),
        (Some(code), None) => Some(Miss::new(code, None, at)),
        // A booking that was never confirmed and has ended explains nothing.
        (Some(_), Some((Code::TooLate, _))) => None,
        (Some(code), Some((_, edge))) => Some(Miss {
            wrong: 2,
            ..Miss::new(code, Some(edge), at)
        }),
    }
}
