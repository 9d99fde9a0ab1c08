//! Conversions between rows and the types of the `access` crate, which knows no database. All of them are here: `kinds` has
//! the enums, `rules` the rules and their conditions. Pure.

use access::{
    Abilities, Ability, AccessScope, Grant, Granularity, Id, Instant, Lane, Span, Target,
};
use uuid::Uuid;

use super::row;

pub mod kinds;
pub mod rules;

pub fn id(id: Uuid) -> Id {
    Id(id.as_u128())
}

pub fn row_id(id: Id) -> Uuid {
    Uuid::from_u128(id.0)
}

/// A stored start and end, in microseconds, as a span. `None` is unbounded.
pub fn span(from: Option<i64>, until: Option<i64>) -> Span {
    Span::new(
        Instant::from_option_start(from.map(Instant::from_micros)),
        Instant::from_option_end(until.map(Instant::from_micros)),
    )
}

/// The columns of a span.
pub fn span_columns(span: Span) -> (Option<i64>, Option<i64>) {
    (
        span.from.known().map(Instant::micros),
        span.until.known().map(Instant::micros),
    )
}

/// Grants and shares are of groups, places and accounts. Only the history refers to a lock.
pub fn scope(kind: row::ScopeKind, of: Uuid) -> AccessScope {
    match kind {
        row::ScopeKind::Group | row::ScopeKind::Lock => AccessScope::Group(id(of)),
        row::ScopeKind::Place => AccessScope::Place(id(of)),
        row::ScopeKind::Account => AccessScope::Account(id(of)),
    }
}

/// The columns of a scope.
pub fn scope_columns(scope: AccessScope) -> (row::ScopeKind, Uuid) {
    match scope {
        AccessScope::Group(id) => (row::ScopeKind::Group, row_id(id)),
        AccessScope::Place(id) => (row::ScopeKind::Place, row_id(id)),
        AccessScope::Account(id) => (row::ScopeKind::Account, row_id(id)),
    }
}

/// The scope that a revocation ends.
pub fn revoked_scope(row: &row::Revocation) -> AccessScope {
    scope(row.scope_kind, row.scope_id)
}

pub fn target(kind: row::TargetKind, of: Uuid) -> Target {
    match kind {
        row::TargetKind::Group => Target::Group(id(of)),
        row::TargetKind::Lock => Target::Lock(id(of)),
    }
}

/// A grant for the planner, with the window that is stored, not a requested one.
pub fn grant(row: &row::Grant) -> Grant {
    Grant {
        id: id(row.id),
        scope: scope(row.scope_kind, row.scope_id),
        user: id(row.kisi_user_id),
        window: span(row.valid_from, row.valid_until),
    }
}

/// The column of a lane: the most urgent has the least number.
pub fn lane_column(lane: Lane) -> i32 {
    match lane {
        Lane::Revocation => 0,
        Lane::Now => 1,
        Lane::Rest => 2,
        Lane::Cleanup => 3,
    }
}

/// What is known about the Kisi of an account.
pub fn abilities(account: &row::KisiAccount) -> Abilities {
    Abilities {
        change_window: ability(account.change_window),
        duplicate_assignments: ability(account.duplicate_assignments),
        granularity: Granularity::from_seconds(account.granularity_s),
    }
}

fn ability(column: row::Ability) -> Ability {
    match column {
        row::Ability::Unknown => Ability::Unknown,
        row::Ability::Yes => Ability::Yes,
        row::Ability::No => Ability::No,
    }
}

pub fn ability_column(ability: Ability) -> row::Ability {
    match ability {
        Ability::Unknown => row::Ability::Unknown,
        Ability::Yes => row::Ability::Yes,
        Ability::No => row::Ability::No,
    }
}
