//! Reads of platforms' APIs: which sources are due, the last reading of each, and its outcome. A source is due at its time, or
//! when a read was requested since the last one. Requests are a counter, not a flag, so that a request made during a read is
//! not lost.

use entity::{
    delivery, entitlement,
    kind::{DeliveryStatus, EntitlementKind, ReadingDoubt, SourceProblemKind},
    person, read_request, reading, source,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk, clock::new_id};

/// The `whole_at` of a reading after which the next one must be applied as a complete roster.
const NEVER: i64 = i64::MIN;

/// The prefix of the external ids of deliveries that contain readings.
pub const READING_ID_PREFIX: &str = "read:";

/// The sources of all clubs that are due for a read, as pairs of (club, source).
pub async fn due(
    connection: &impl ConnectionTrait,
    now: i64,
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let asked = Expr::col(source::Column::ReadAsked).gt(Expr::col(source::Column::ReadAnswered));
    Ok(source::Entity::find()
        .select_only()
        .columns([source::Column::ClubId, source::Column::Id])
        .filter(source::Column::Credentials.is_not_null())
        .filter(source::Column::RemovedAt.is_null())
        .filter(source::Column::ReadNotBefore.lte(now))
        .filter(
            Condition::any()
                .add(source::Column::ReadDueAt.lte(now))
                .add(asked),
        )
        .into_tuple()
        .all(connection)
        .await?)
}

/// The most requests that a source keeps; beyond, everything is read.
const MOST_REQUESTS: u64 = 100;

/// Requests a read of the source's changes: of these objects, or of everything.
pub async fn request_read(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    objects: Option<&[String]>,
) -> Result<(), StoreError> {
    let request = |object: Option<&String>| read_request::Model {
        id: new_id(),
        club_id: scope.club,
        source_id: id,
        object: object.cloned(),
    };
    let rows = match objects {
        Some(objects) => objects.iter().map(|object| request(Some(object))).collect(),
        None => vec![request(None)],
    };
    let kept = scope
        .find::<read_request::Entity>()
        .filter(read_request::Column::SourceId.eq(id))
        .count(connection)
        .await?;
    if kept.saturating_add(rows.len().try_into().unwrap_or(u64::MAX)) > MOST_REQUESTS {
        delete_requests(connection, scope, id, None).await?;
        bulk::insert(connection, vec![request(None)]).await?;
    } else {
        bulk::insert(connection, rows).await?;
    }
    let more = Expr::col(source::Column::ReadAsked).add(1);
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::ReadAsked, more)
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    Ok(())
}

/// The requests that no reading has answered: each with its object, none for everything.
pub async fn requests(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
) -> Result<Vec<(Uuid, Option<String>)>, StoreError> {
    Ok(scope
        .find::<read_request::Entity>()
        .select_only()
        .columns([read_request::Column::Id, read_request::Column::Object])
        .filter(read_request::Column::SourceId.eq(source))
        .into_tuple()
        .all(connection)
        .await?)
}

/// Deletes requests that a reading has answered: these, or all of the source.
pub async fn delete_requests(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
    ids: Option<&[Uuid]>,
) -> Result<(), StoreError> {
    let mut deleted = scope
        .delete::<read_request::Entity>()
        .filter(read_request::Column::SourceId.eq(source));
    if let Some(ids) = ids {
        deleted = deleted.filter(read_request::Column::Id.is_in(ids.iter().copied()));
    }
    deleted.exec(connection).await?;
    Ok(())
}

/// Requests an immediate read whose complete roster is applied, regardless of recent attempts.
pub async fn request_full_read(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::ReadDueAt, Expr::value(now))
        .col_expr(source::Column::ReadNotBefore, Expr::value(now))
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    require_full(connection, scope, id).await?;
    request_read(connection, scope, id, None).await
}

/// Makes a source due at `at` at the latest.
pub async fn make_due_by(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    at: i64,
) -> Result<(), StoreError> {
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::ReadDueAt, Expr::value(at))
        .filter(source::Column::Id.eq(id))
        .filter(source::Column::ReadDueAt.gt(at))
        .exec(connection)
        .await?;
    Ok(())
}

/// The bookkeeping of a successful read.
#[derive(Clone, Copy, Debug)]
pub struct ReadRecord {
    /// When the read began.
    pub begun: i64,
    /// The request counter when it began.
    pub asked: i64,
    /// The source's due instant when it began.
    pub due_at: i64,
    /// The next due instant.
    pub next: i64,
    /// No read starts before this instant.
    pub not_before: i64,
    /// The source's doubt when it began.
    pub doubt: Option<ReadingDoubt>,
}

/// A problem of a source, stored until a read succeeds.
#[derive(Clone, Debug)]
pub struct Problem {
    pub kind: SourceProblemKind,
    /// When a problem of this kind began.
    pub since: i64,
    /// The text for people.
    pub text: String,
}

/// Records a successful read whose results are stored. `unknown`: the statuses of memberships that it could not understand, as
/// JSON, with the problem.
pub async fn record_success(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    done: ReadRecord,
    unknown: Option<(String, Problem)>,
) -> Result<(), StoreError> {
    let (statuses, problem) = unknown.unzip();
    set_problem(connection, scope, id, problem, Expr::value(0_i64)).await?;
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::LastReadAt, Expr::value(Some(done.begun)))
        .col_expr(source::Column::ReadAnswered, Expr::value(done.asked))
        .col_expr(source::Column::UnknownStatuses, Expr::value(statuses))
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    set_doubt(connection, scope, id, done.doubt, None).await?;
    schedule(connection, scope, id, done).await
}

/// Changes the doubt about a source's readings, unless it is no longer `before`.
async fn set_doubt(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    before: Option<ReadingDoubt>,
    after: Option<ReadingDoubt>,
) -> Result<(), StoreError> {
    let unchanged = match before {
        Some(doubt) => source::Column::ReadingDoubt.eq(doubt),
        None => source::Column::ReadingDoubt.is_null(),
    };
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::ReadingDoubt, Expr::value(after))
        .filter(source::Column::Id.eq(id))
        .filter(unchanged)
        .exec(connection)
        .await?;
    Ok(())
}

/// Records that a reading is doubtful for the first time: it was not applied, and a second read is requested.
pub async fn record_first_doubt(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    done: ReadRecord,
    problem: Problem,
) -> Result<(), StoreError> {
    set_problem(connection, scope, id, Some(problem), Expr::value(0_i64)).await?;
    let collapsed = Some(ReadingDoubt::Collapsed);
    set_doubt(connection, scope, id, done.doubt, collapsed).await?;
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::ReadNotBefore, Expr::value(done.not_before))
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    request_read(connection, scope, id, None).await
}

/// Records that the second reading is doubtful too: it waits for an admin's confirmation, and the source is read on schedule
/// meanwhile.
pub async fn record_second_doubt(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    done: ReadRecord,
    problem: Problem,
) -> Result<(), StoreError> {
    set_problem(connection, scope, id, Some(problem), Expr::value(0_i64)).await?;
    let waits = Some(ReadingDoubt::ConfirmationNeeded);
    set_doubt(connection, scope, id, done.doubt, waits).await?;
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::ReadAnswered, Expr::value(done.asked))
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    schedule(connection, scope, id, done).await
}

/// Replaces the problem of a source, and sets its number of failures.
async fn set_problem(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    problem: Option<Problem>,
    failures: Expr,
) -> Result<(), StoreError> {
    let kind = problem.as_ref().map(|problem| problem.kind);
    let since = problem.as_ref().map(|problem| problem.since);
    let text = problem.map(|problem| problem.text);
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::Problem, Expr::value(text))
        .col_expr(source::Column::ProblemKind, Expr::value(kind))
        .col_expr(source::Column::ProblemSince, Expr::value(since))
        .col_expr(source::Column::ReadFailures, failures)
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    Ok(())
}

/// Records that an admin confirmed the doubtful readings: the next reading is requested at once and applied.
pub async fn confirm(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    scope
        .update::<source::Entity>()
        .col_expr(
            source::Column::ReadingDoubt,
            Expr::value(Some(ReadingDoubt::Confirmed)),
        )
        .col_expr(source::Column::ReadDueAt, Expr::value(now))
        .col_expr(source::Column::ReadNotBefore, Expr::value(now))
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    request_read(connection, scope, id, None).await
}

/// The numbers of people (without guests) and memberships ever stored for a source, including ended and deleted ones.
pub async fn counts(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
) -> Result<(u64, u64), StoreError> {
    let people = scope
        .find::<person::Entity>()
        .filter(person::Column::SourceId.eq(source))
        .filter(person::Column::GuestOnly.eq(false))
        .count(connection)
        .await?;
    let memberships = scope
        .find::<entitlement::Entity>()
        .filter(entitlement::Column::SourceId.eq(source))
        .filter(entitlement::Column::Kind.eq(EntitlementKind::Membership))
        .count(connection)
        .await?;
    Ok((people, memberships))
}

async fn schedule(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    done: ReadRecord,
) -> Result<(), StoreError> {
    // If an admin requested a read meanwhile, the due instant has changed and stays, so that the source is read again at once.
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::ReadDueAt, Expr::value(done.next))
        .col_expr(source::Column::ReadNotBefore, Expr::value(done.not_before))
        .filter(source::Column::Id.eq(id))
        .filter(source::Column::ReadDueAt.eq(done.due_at))
        .exec(connection)
        .await?;
    Ok(())
}

/// Records a failed read, with the problem and the earliest instant of the next attempt. Nothing was applied.
pub async fn record_failure(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
    problem: Problem,
    not_before: i64,
) -> Result<(), StoreError> {
    let more = Expr::col(source::Column::ReadFailures).add(1);
    set_problem(connection, scope, id, Some(problem), more).await?;
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::ReadNotBefore, Expr::value(not_before))
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    Ok(())
}

/// The content of one read of a source.
#[derive(Clone, Debug)]
pub struct Reading {
    /// When the read began.
    pub read_at: i64,
    /// When a complete roster was last applied, rather than only changes.
    pub whole_at: i64,
    /// The roster as JSON.
    pub body: Vec<u8>,
}

impl Reading {
    /// Whether the next reading must be applied as a complete roster.
    pub fn needs_full(&self) -> bool {
        self.whole_at == NEVER
    }
}

/// The last reading of a source, if there is one.
pub async fn last(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
) -> Result<Option<Reading>, StoreError> {
    let row = scope
        .find::<reading::Entity>()
        .filter(reading::Column::SourceId.eq(source))
        .one(connection)
        .await?;
    Ok(row.map(|row| Reading {
        read_at: row.read_at,
        whole_at: row.whole_at,
        body: row.body,
    }))
}

/// Stores a reading in place of the previous one.
pub async fn store(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
    reading: Reading,
) -> Result<(), StoreError> {
    let row = reading::Model {
        source_id: source,
        club_id: scope.club,
        read_at: reading.read_at,
        whole_at: reading.whole_at,
        body: reading.body,
    };
    let newer = OnConflict::column(reading::Column::SourceId)
        .update_columns([
            reading::Column::ReadAt,
            reading::Column::WholeAt,
            reading::Column::Body,
        ])
        .to_owned();
    bulk::insert_on(connection, vec![row], Some(newer)).await
}

/// Whether any delivery other than readings was processed for the source at `since` or later: the current facts may then
/// differ from the last reading.
pub async fn has_other_deliveries_since(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
    since: i64,
) -> Result<bool, StoreError> {
    let processed = [
        DeliveryStatus::Accepted,
        DeliveryStatus::Settled,
        DeliveryStatus::Held,
    ];
    let delivery: Option<Uuid> = scope
        .find::<delivery::Entity>()
        .select_only()
        .column(delivery::Column::Id)
        .filter(delivery::Column::SourceId.eq(source))
        .filter(delivery::Column::Status.is_in(processed))
        .filter(delivery::Column::ReceivedAt.gte(since))
        .filter(delivery::Column::ExternalId.not_like(format!("{READING_ID_PREFIX}%")))
        .into_tuple()
        .one(connection)
        .await?;
    Ok(delivery.is_some())
}

/// Makes the next reading a complete roster. The last one is kept, to detect whether the next one is suspiciously small.
pub async fn require_full(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
) -> Result<(), StoreError> {
    scope
        .update::<reading::Entity>()
        .col_expr(reading::Column::WholeAt, Expr::value(NEVER))
        .filter(reading::Column::SourceId.eq(source))
        .exec(connection)
        .await?;
    Ok(())
}

/// Deletes the reading and the requests of a removed source.
pub async fn delete(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
) -> Result<(), StoreError> {
    delete_requests(connection, scope, source, None).await?;
    scope
        .delete::<reading::Entity>()
        .filter(reading::Column::SourceId.eq(source))
        .exec(connection)
        .await?;
    Ok(())
}
