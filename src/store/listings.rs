//! What can be listed, and by what it can be narrowed. A search finds every word of it, anywhere in a name, without case and
//! accents; of locks and groups, Kisi's id or URL as well.

use entity::{
    access_group, company_person, delivery, delivery_member, group_lock, history,
    kind::{DeliveryStatus, HistoryKind, OfferingKind, RevocationState, ScopeKind, TargetKind},
    location, lock, member, offering, person, place, revocation, rule, suspension,
};
use sea_orm::{
    ColumnTrait, Condition, Iterable, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, LikeExpr, Query, SelectStatement},
};
use uuid::Uuid;

use super::{
    Scope, fold,
    kisi_names::bears,
    page::{Listing, Order},
};
use crate::id::{Kind, KisiName};

/// What contains a text, whatever stands in it.
pub(super) fn like(text: &str) -> LikeExpr {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    LikeExpr::new(format!("%{escaped}%")).escape('\\')
}

/// A folded text that has every word of a search in it, in whatever order.
fn found<C: ColumnTrait>(folded: C, search: Option<&str>) -> Condition {
    let words = fold(search.unwrap_or_default());
    let each = words.split(' ').filter(|word| !word.is_empty());
    each.fold(Condition::all(), |all, word| {
        all.add(folded.like(like(word)))
    })
}

/// The same, or what the text names at Kisi.
fn found_or_named<C: ColumnTrait>(
    kind: Kind,
    [folded, kisi_id, account_id]: [C; 3],
    search: Option<&str>,
) -> Condition {
    let found = found(folded, search);
    match search.and_then(KisiName::parse) {
        None => found,
        Some(name) => Condition::any()
            .add(found)
            .add(bears(kind, kisi_id, account_id, &name)),
    }
}

/// Adds a condition where there is something to ask for.
fn given<T>(value: Option<T>, condition: impl FnOnce(T) -> Condition) -> Condition {
    value.map_or_else(Condition::all, condition)
}

/// Places.
pub fn places(scope: Scope) -> Listing<place::Entity> {
    let select = scope
        .find::<place::Entity>()
        .filter(place::Column::GoneAt.is_null());
    Listing {
        select,
        order: Order::ByName(place::Column::FoldedName, place::Column::Id),
    }
}

/// Locks, of a place or a group where one is named.
pub fn locks(
    scope: Scope,
    search: Option<&str>,
    place: Option<Uuid>,
    group: Option<Uuid>,
) -> Listing<lock::Entity> {
    let opened = |group: Uuid| {
        let of_group = Query::select()
            .column(group_lock::Column::LockId)
            .from(group_lock::Entity)
            .and_where(group_lock::Column::GroupId.eq(group))
            .to_owned();
        Condition::all().add(lock::Column::Id.in_subquery(of_group))
    };
    let select = scope
        .find::<lock::Entity>()
        .filter(lock::Column::GoneAt.is_null())
        .filter(found_or_named(
            Kind::Lock,
            [
                lock::Column::FoldedName,
                lock::Column::KisiId,
                lock::Column::AccountId,
            ],
            search,
        ))
        .filter(given(place, |place| {
            Condition::all().add(lock::Column::PlaceId.eq(place))
        }))
        .filter(given(group, opened));
    Listing {
        select,
        order: Order::ByName(lock::Column::FoldedName, lock::Column::Id),
    }
}

/// Groups, of a place or with a lock where one is named.
pub fn groups(
    scope: Scope,
    search: Option<&str>,
    place: Option<Uuid>,
    lock: Option<Uuid>,
    managed: Option<bool>,
) -> Listing<access_group::Entity> {
    let opening = |lock: Uuid| {
        let of_lock = Query::select()
            .column(group_lock::Column::GroupId)
            .from(group_lock::Entity)
            .and_where(group_lock::Column::LockId.eq(lock))
            .to_owned();
        Condition::all().add(access_group::Column::Id.in_subquery(of_lock))
    };
    let select = scope
        .find::<access_group::Entity>()
        .filter(access_group::Column::GoneAt.is_null())
        .filter(found_or_named(
            Kind::Group,
            [
                access_group::Column::FoldedName,
                access_group::Column::KisiId,
                access_group::Column::AccountId,
            ],
            search,
        ))
        .filter(given(place, |place| {
            Condition::all().add(access_group::Column::PlaceId.eq(place))
        }))
        .filter(given(lock, opening))
        .filter(given(managed, |managed| {
            Condition::all().add(access_group::Column::Managed.eq(managed))
        }));
    Listing {
        select,
        order: Order::ByName(access_group::Column::FoldedName, access_group::Column::Id),
    }
}

/// Rules that stand.
pub fn rules(
    scope: Scope,
    search: Option<&str>,
    target: Option<(TargetKind, Uuid)>,
    enabled: Option<bool>,
) -> Listing<rule::Entity> {
    let on_target = |(kind, id): (TargetKind, Uuid)| {
        Condition::all()
            .add(rule::Column::TargetKind.eq(kind))
            .add(rule::Column::TargetId.eq(id))
    };
    let select = scope
        .find::<rule::Entity>()
        .filter(rule::Column::SupersededAt.is_null())
        .filter(found(rule::Column::FoldedName, search))
        .filter(given(target, on_target))
        .filter(given(enabled, |enabled| {
            Condition::all().add(rule::Column::Enabled.eq(enabled))
        }));
    Listing {
        select,
        order: Order::ByName(rule::Column::FoldedName, rule::Column::RuleId),
    }
}

/// What members are narrowed by in the database; what only the heart can say is asked of the rows that remain.
#[derive(Clone, Debug, Default)]
pub struct MemberFilter {
    /// In the name or the e-mail.
    pub search: Option<String>,
    /// Whether a suspension stands, and lasts at this instant.
    pub suspended: Option<(bool, i64)>,
    /// Whether a human has to look.
    pub has_problem: Option<bool>,
    /// Members among these.
    pub among: Option<Vec<Uuid>>,
    /// Whoever a source ever said to be in this company.
    pub company: Option<Uuid>,
}

/// Members.
pub fn members(scope: Scope, filter: &MemberFilter) -> Listing<member::Entity> {
    use member::Column;
    let is_null = |is: bool, column: Column| {
        if is {
            column.is_not_null()
        } else {
            column.is_null()
        }
    };
    let suspended = |(is, now): (bool, i64)| {
        let lasting = suspended_at(scope, now);
        let column = if is {
            Column::Id.in_subquery(lasting)
        } else {
            Column::Id.not_in_subquery(lasting)
        };
        Condition::all().add(column)
    };
    let select = scope
        .find::<member::Entity>()
        .filter(found(Column::Search, filter.search.as_deref()))
        .filter(given(filter.suspended, suspended))
        .filter(given(filter.has_problem, |is| {
            Condition::all().add(is_null(is, Column::Problems))
        }))
        .filter(given(filter.among.clone(), |ids| {
            Condition::all().add(Column::Id.is_in(ids))
        }))
        .filter(given(filter.company, |id| {
            Condition::all().add(Column::Id.in_subquery(ever_in(scope, id)))
        }));
    Listing {
        select,
        order: Order::ByName(Column::FoldedName, Column::Id),
    }
}

fn suspended_at(scope: Scope, now: i64) -> SelectStatement {
    use suspension::Column;
    let lasting = Condition::any()
        .add(Column::UntilAt.is_null())
        .add(Column::UntilAt.gt(now));
    Query::select()
        .column(Column::MemberId)
        .from(suspension::Entity)
        .and_where(Column::ClubId.eq(scope.club))
        .and_where(Column::SupersededAt.is_null())
        .and_where(Column::LearnedAt.lte(now))
        .cond_where(lasting)
        .to_owned()
}

fn ever_in(scope: Scope, company: Uuid) -> SelectStatement {
    use company_person::Column as Pair;
    Query::select()
        .column(person::Column::MemberId)
        .from(person::Entity)
        .inner_join(
            company_person::Entity,
            Expr::col((company_person::Entity, Pair::PersonId))
                .equals((person::Entity, person::Column::Id)),
        )
        .and_where(Expr::col((company_person::Entity, Pair::ClubId)).eq(scope.club))
        .and_where(Expr::col((company_person::Entity, Pair::CompanyId)).eq(company))
        .to_owned()
}

/// Offerings.
pub fn offerings(
    scope: Scope,
    search: Option<&str>,
    kinds: Option<Vec<OfferingKind>>,
    source: Option<Uuid>,
) -> Listing<offering::Entity> {
    let select = scope
        .find::<offering::Entity>()
        .filter(found(offering::Column::FoldedName, search))
        .filter(given(kinds, |kinds| {
            Condition::all().add(offering::Column::Kind.is_in(kinds))
        }))
        .filter(given(source, |source| {
            Condition::all().add(offering::Column::SourceId.eq(source))
        }));
    Listing {
        select,
        order: Order::ByName(offering::Column::FoldedName, offering::Column::Id),
    }
}

/// Locations.
pub fn locations(scope: Scope) -> Listing<location::Entity> {
    let select = scope.find::<location::Entity>();
    Listing {
        select,
        order: Order::ByName(location::Column::FoldedName, location::Column::Id),
    }
}

/// Deliveries, newest first, without their bodies.
pub fn deliveries(
    scope: Scope,
    source: Option<Uuid>,
    status: Option<DeliveryStatus>,
    member: Option<Uuid>,
) -> Listing<delivery::Entity> {
    use delivery::Column;
    let about = |member: Uuid| {
        let of_member = Query::select()
            .column(delivery_member::Column::DeliveryId)
            .from(delivery_member::Entity)
            .and_where(delivery_member::Column::MemberId.eq(member))
            .to_owned();
        Condition::all().add(Column::Id.in_subquery(of_member))
    };
    let select = without_bodies(scope)
        .filter(given(source, |source| {
            Condition::all().add(Column::SourceId.eq(source))
        }))
        .filter(given(status, |status| {
            Condition::all().add(Column::Status.eq(status))
        }))
        .filter(given(member, about));
    Listing {
        select,
        order: Order::NewestFirst(Column::Id),
    }
}

/// Deliveries with an empty body each: a page of them shall not carry megabytes that nobody asked for.
pub(super) fn without_bodies(scope: Scope) -> sea_orm::Select<delivery::Entity> {
    use delivery::Column;
    scope
        .find::<delivery::Entity>()
        .select_only()
        .columns(Column::iter().filter(|column| !matches!(column, Column::Body)))
        .expr_as(Expr::value(Vec::<u8>::new()), "body")
}

/// What the brake holds, the latest first.
pub fn held_revocations(scope: Scope) -> Listing<revocation::Entity> {
    let select = scope
        .find::<revocation::Entity>()
        .filter(revocation::Column::State.eq(RevocationState::Held));
    Listing {
        select,
        order: Order::NewestFirst(revocation::Column::Id),
    }
}

/// What entries of the history are narrowed by.
#[derive(Clone, Debug, Default)]
pub struct HistoryFilter {
    /// About this member.
    pub member: Option<Uuid>,
    /// About this target.
    pub target: Option<(ScopeKind, Uuid)>,
    /// Of one of these kinds.
    pub kinds: Option<Vec<HistoryKind>>,
    /// At this instant or later.
    pub from: Option<i64>,
    /// Before this instant.
    pub until: Option<i64>,
}

impl HistoryFilter {
    /// Whether an entry is among those that `history` would list by this filter.
    pub fn admits(&self, row: &history::Model) -> bool {
        let target = row.target_kind.zip(row.target_id);
        self.member.is_none_or(|id| row.member_id == Some(id))
            && self.target.is_none_or(|it| target == Some(it))
            && self
                .kinds
                .as_ref()
                .is_none_or(|kinds| kinds.contains(&row.kind))
            && self.from.is_none_or(|from| row.at >= from)
            && self.until.is_none_or(|until| row.at < until)
    }
}

/// The history, newest first.
pub fn history(scope: Scope, filter: HistoryFilter) -> Listing<history::Entity> {
    use history::Column;
    let on_target = |(kind, id): (ScopeKind, Uuid)| {
        Condition::all()
            .add(Column::TargetKind.eq(kind))
            .add(Column::TargetId.eq(id))
    };
    let select = scope
        .find::<history::Entity>()
        .filter(given(filter.member, |member| {
            Condition::all().add(Column::MemberId.eq(member))
        }))
        .filter(given(filter.target, on_target))
        .filter(given(filter.kinds, |kinds| {
            Condition::all().add(Column::Kind.is_in(kinds))
        }))
        .filter(given(filter.from, |from| {
            Condition::all().add(Column::At.gte(from))
        }))
        .filter(given(filter.until, |until| {
            Condition::all().add(Column::At.lt(until))
        }));
    Listing {
        select,
        order: Order::NewestFirst(Column::Id),
    }
}
