//! The lists of the API and their filters. A search matches names that contain all of its words, ignoring case and accents; for
//! locks and groups it also matches Kisi's id or URL.

use entity::{
    access_group, company, company_person, delivery, delivery_member, group_lock, history,
    kind::{DeliveryStatus, HistoryKind, OfferingKind, RevocationState, ScopeKind, TargetKind},
    location, lock, member, offering, person, place, revocation, rule, share, suspension, token,
};
use sea_orm::{
    ColumnTrait, Condition, Iterable, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, LikeExpr, Query, SelectStatement},
};
use uuid::Uuid;

use super::{
    ClubScope, fold,
    kisi_names::has_kisi_id,
    page::{ByTime, Listing, Order},
};
use crate::{
    clock::id_lower_bound,
    id::{Kind, KisiRef},
};

/// A LIKE pattern that matches everything that contains `text` literally.
pub(super) fn like(text: &str) -> LikeExpr {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    LikeExpr::new(format!("%{escaped}%")).escape('\\')
}

/// The condition that a folded text contains every word of a search, in any order.
fn matches_search<C: ColumnTrait>(folded: C, search: Option<&str>) -> Condition {
    let version_rows = fold(search.unwrap_or_default());
    let each = version_rows
        .split(' ')
        .filter(|version_row| !version_row.is_empty());
    each.fold(Condition::all(), |all, version_row| {
        all.add(folded.like(like(version_row)))
    })
}

/// Like the text search alone, or matches the object whose Kisi id or URL is the search text.
fn matches_search_or_kisi_id<C: ColumnTrait>(
    kind: Kind,
    [folded, kisi_id, account_id]: [C; 3],
    search: Option<&str>,
) -> Condition {
    let found = matches_search(folded, search);
    match search.and_then(KisiRef::parse) {
        None => found,
        Some(name) => Condition::any()
            .add(found)
            .add(has_kisi_id(kind, kisi_id, account_id, &name)),
    }
}

/// The condition for a value, or no condition without one.
fn if_some<T>(value: Option<T>, condition: impl FnOnce(T) -> Condition) -> Condition {
    value.map_or_else(Condition::all, condition)
}

pub fn places(scope: ClubScope) -> Listing<place::Entity> {
    let select = scope
        .find::<place::Entity>()
        .filter(place::Column::GoneAt.is_null());
    Listing {
        select,
        order: Order::ByName(place::Column::FoldedName, place::Column::Id),
    }
}

/// Locks that are not gone, optionally of one place or opened by one group.
pub fn locks(
    scope: ClubScope,
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
        .filter(matches_search_or_kisi_id(
            Kind::Lock,
            [
                lock::Column::FoldedName,
                lock::Column::KisiId,
                lock::Column::AccountId,
            ],
            search,
        ))
        .filter(if_some(place, |place| {
            Condition::all().add(lock::Column::PlaceId.eq(place))
        }))
        .filter(if_some(group, opened));
    Listing {
        select,
        order: Order::ByName(lock::Column::FoldedName, lock::Column::Id),
    }
}

/// Groups that are not gone, optionally of one place or opening one lock.
pub fn groups(
    scope: ClubScope,
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
        .filter(matches_search_or_kisi_id(
            Kind::Group,
            [
                access_group::Column::FoldedName,
                access_group::Column::KisiId,
                access_group::Column::AccountId,
            ],
            search,
        ))
        .filter(if_some(place, |place| {
            Condition::all().add(access_group::Column::PlaceId.eq(place))
        }))
        .filter(if_some(lock, opening))
        .filter(if_some(managed, |managed| {
            Condition::all().add(access_group::Column::Managed.eq(managed))
        }));
    Listing {
        select,
        order: Order::ByName(access_group::Column::FoldedName, access_group::Column::Id),
    }
}

/// Current rules.
pub fn rules(
    scope: ClubScope,
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
        .filter(matches_search(rule::Column::FoldedName, search))
        .filter(if_some(target, on_target))
        .filter(if_some(enabled, |enabled| {
            Condition::all().add(rule::Column::Enabled.eq(enabled))
        }));
    Listing {
        select,
        order: Order::ByName(rule::Column::FoldedName, rule::Column::RuleId),
    }
}

/// The filters on members that the database applies. Filters that need a decision of the `access` crate run on the result.
#[derive(Clone, Debug, Default)]
pub struct MemberFilter {
    /// Words in the name or the e-mail.
    pub search: Option<String>,
    /// Whether the member is suspended at this instant.
    pub suspended: Option<(bool, i64)>,
    /// Whether the member has a problem that a person must resolve.
    pub has_problem: Option<bool>,
    /// Only these members.
    pub among: Option<Vec<Uuid>>,
    /// Members that were ever in this company.
    pub company: Option<Uuid>,
    /// Members with a history entry at this instant or later, and how long ago that is, so that only new entries are read.
    pub changed_since: Option<(i64, std::time::Duration)>,
    /// By the time of their creation in place of their names.
    pub by_time: Option<ByTime>,
}

/// How much later than its entry a history row may be created.
const WRITTEN_WITHIN: std::time::Duration = std::time::Duration::from_mins(5);

/// The members with a history entry since an instant. Ids grow with time, so older entries are not read.
fn changed_since(scope: ClubScope, at: i64, ago: std::time::Duration) -> SelectStatement {
    use history::Column;
    let oldest = id_lower_bound(ago.saturating_add(WRITTEN_WITHIN));
    Query::select()
        .column(Column::MemberId)
        .from(history::Entity)
        .and_where(Column::ClubId.eq(scope.club))
        .and_where(Column::Id.gte(oldest))
        .and_where(Column::At.gte(at))
        .and_where(Column::MemberId.is_not_null())
        .to_owned()
}

pub fn members(scope: ClubScope, filter: &MemberFilter) -> Listing<member::Entity> {
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
        .filter(matches_search(Column::Search, filter.search.as_deref()))
        .filter(if_some(filter.suspended, suspended))
        .filter(if_some(filter.has_problem, |is| {
            Condition::all().add(is_null(is, Column::Problems))
        }))
        .filter(if_some(filter.among.clone(), |ids| {
            Condition::all().add(Column::Id.is_in(ids))
        }))
        .filter(if_some(filter.company, |id| {
            Condition::all().add(Column::Id.in_subquery(ever_in(scope, id)))
        }))
        .filter(if_some(filter.changed_since, |(at, ago)| {
            Condition::all().add(Column::Id.in_subquery(changed_since(scope, at, ago)))
        }));
    let order = match filter.by_time {
        Some(order) => order.by(Column::Id),
        None => Order::ByName(Column::FoldedName, Column::Id),
    };
    Listing { select, order }
}

fn suspended_at(scope: ClubScope, now: i64) -> SelectStatement {
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

fn ever_in(scope: ClubScope, company: Uuid) -> SelectStatement {
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

pub fn offerings(
    scope: ClubScope,
    search: Option<&str>,
    kinds: Option<Vec<OfferingKind>>,
    source: Option<Uuid>,
) -> Listing<offering::Entity> {
    let select = scope
        .find::<offering::Entity>()
        .filter(matches_search(offering::Column::FoldedName, search))
        .filter(if_some(kinds, |kinds| {
            Condition::all().add(offering::Column::Kind.is_in(kinds))
        }))
        .filter(if_some(source, |source| {
            Condition::all().add(offering::Column::SourceId.eq(source))
        }));
    Listing {
        select,
        order: Order::ByName(offering::Column::FoldedName, offering::Column::Id),
    }
}

pub fn locations(scope: ClubScope) -> Listing<location::Entity> {
    let select = scope.find::<location::Entity>();
    Listing {
        select,
        order: Order::ByName(location::Column::FoldedName, location::Column::Id),
    }
}

/// Deliveries, newest first, without their bodies.
pub fn deliveries(
    scope: ClubScope,
    source: Option<Uuid>,
    status: Option<DeliveryStatus>,
    member: Option<Uuid>,
    dismissed: Option<bool>,
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
        .filter(if_some(source, |source| {
            Condition::all().add(Column::SourceId.eq(source))
        }))
        .filter(if_some(status, |status| {
            Condition::all().add(Column::Status.eq(status))
        }))
        .filter(if_some(member, about))
        .filter(if_some(dismissed, |dismissed| {
            let at = Column::DismissedAt;
            Condition::all().add(if dismissed {
                at.is_not_null()
            } else {
                at.is_null()
            })
        }));
    Listing {
        select,
        order: Order::NewestFirst(Column::Id),
    }
}

/// Deliveries with an empty body, because the bodies of a page can be megabytes.
pub(super) fn without_bodies(scope: ClubScope) -> sea_orm::Select<delivery::Entity> {
    use delivery::Column;
    scope
        .find::<delivery::Entity>()
        .select_only()
        .columns(Column::iter().filter(|column| !matches!(column, Column::Body)))
        .expr_as(Expr::value(Vec::<u8>::new()), "body")
}

/// The revocations that the brake holds, newest first.
/// Shares, newest first; those that were ended or are over at `now` only if `ended`.
pub fn shares(scope: ClubScope, ended: bool, now: i64) -> Listing<share::Entity> {
    use share::Column;
    let lasting = Condition::all()
        .add(Column::SupersededAt.is_null())
        .add(not_over(Column::UntilAt, now));
    Listing {
        select: scope
            .find::<share::Entity>()
            .filter(if_some((!ended).then_some(lasting), |it| it)),
        order: Order::NewestFirst(Column::Id),
    }
}

/// Suspensions, newest first; those that were lifted or are over at `now` only if `ended`.
pub fn suspensions(scope: ClubScope, ended: bool, now: i64) -> Listing<suspension::Entity> {
    use suspension::Column;
    let lasting = Condition::all()
        .add(Column::SupersededAt.is_null())
        .add(not_over(Column::UntilAt, now));
    Listing {
        select: scope
            .find::<suspension::Entity>()
            .filter(if_some((!ended).then_some(lasting), |it| it)),
        order: Order::NewestFirst(Column::Id),
    }
}

fn not_over(until: impl ColumnTrait, now: i64) -> Condition {
    Condition::any().add(until.is_null()).add(until.gt(now))
}

/// Tokens by name, without sessions.
pub fn tokens(scope: ClubScope) -> Listing<token::Entity> {
    use token::Column;
    Listing {
        select: scope
            .find::<token::Entity>()
            .filter(Column::MemberId.is_null())
            .filter(Column::Subject.is_null()),
        order: Order::ByName(Column::Name, Column::Id),
    }
}

/// Companies by name.
pub fn companies(scope: ClubScope) -> Listing<company::Entity> {
    use company::Column;
    Listing {
        select: scope.find::<company::Entity>(),
        order: Order::ByName(Column::Name, Column::Id),
    }
}

pub fn held_revocations(scope: ClubScope, cause: Option<Uuid>) -> Listing<revocation::Entity> {
    let select = scope
        .find::<revocation::Entity>()
        .filter(revocation::Column::State.eq(RevocationState::Held))
        .filter(if_some(cause, |cause| {
            Condition::all().add(revocation::Column::CauseId.eq(cause))
        }));
    Listing {
        select,
        order: Order::NewestFirst(revocation::Column::Id),
    }
}

/// The filters on history entries.
#[derive(Clone, Debug, Default)]
pub struct HistoryFilter {
    /// Entries about this member.
    pub member: Option<Uuid>,
    /// Entries about this target.
    pub target: Option<(ScopeKind, Uuid)>,
    /// Entries whose cause is an edit of this rule.
    pub rule: Option<Uuid>,
    /// Entries caused by the token or person with this name.
    pub actor: Option<String>,
    /// Entries of one of these kinds.
    pub kinds: Option<Vec<HistoryKind>>,
    /// Entries at this instant or later.
    pub from: Option<i64>,
    /// Entries before this instant.
    pub until: Option<i64>,
}

impl HistoryFilter {
    /// Whether `history` would list this entry with this filter.
    pub fn matches(&self, row: &history::Model) -> bool {
        let target = row.target_kind.zip(row.target_id);
        self.member.is_none_or(|id| row.member_id == Some(id))
            && self.target.is_none_or(|it| target == Some(it))
            && self.rule.is_none_or(|id| row.rule_id == Some(id))
            && (self.actor.is_none() || row.actor == self.actor)
            && self
                .kinds
                .as_ref()
                .is_none_or(|kinds| kinds.contains(&row.kind))
            && self.from.is_none_or(|from| row.at >= from)
            && self.until.is_none_or(|until| row.at < until)
    }
}

pub fn history(scope: ClubScope, filter: HistoryFilter, order: ByTime) -> Listing<history::Entity> {
    use history::Column;
    let on_target = |(kind, id): (ScopeKind, Uuid)| {
        Condition::all()
            .add(Column::TargetKind.eq(kind))
            .add(Column::TargetId.eq(id))
    };
    let select = scope
        .find::<history::Entity>()
        .filter(if_some(filter.member, |member| {
            Condition::all().add(Column::MemberId.eq(member))
        }))
        .filter(if_some(filter.target, on_target))
        .filter(if_some(filter.rule, |rule| {
            Condition::all().add(Column::RuleId.eq(rule))
        }))
        .filter(if_some(filter.actor, |actor| {
            Condition::all().add(Column::Actor.eq(actor))
        }))
        .filter(if_some(filter.kinds, |kinds| {
            Condition::all().add(Column::Kind.is_in(kinds))
        }))
        .filter(if_some(filter.from, |from| {
            Condition::all().add(Column::At.gte(from))
        }))
        .filter(if_some(filter.until, |until| {
            Condition::all().add(Column::At.lt(until))
        }));
    Listing {
        select,
        order: order.by(Column::Id),
    }
}
