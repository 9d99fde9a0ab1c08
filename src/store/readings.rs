//! Which sources are to be read from their platform's API, what was last read of each, and what became of it. A source is due
//! by its time, and by whoever asked since it was last read: a counter, not a flag, so that one who asks while it is being read
//! is not lost.

use entity::{
    delivery, entitlement,
    kind::{DeliveryStatus, EntitlementKind, ReadingDoubt},
    person, reading, source,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::{Scope, StoreError, bulk};

/// When a reading was last said whole of which all is to be said again.
const NEVER: i64 = i64::MIN;

/// What the ids of deliveries begin with that say what was read.
pub const OURS: &str = "read:";

/// The sources of every club that are to be read now, by club.
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

/// Something happened at the platform: what changed is to be read.
pub async fn ask(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<(), StoreError> {
    let more = Expr::col(source::Column::ReadAsked).add(1);
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::ReadAsked, more)
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    Ok(())
}

/// Everything is to be read now and said whole, however lately that was tried.
pub async fn order(
    connection: &impl ConnectionTrait,
    scope: Scope,
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
    forget(connection, scope, id).await?;
    ask(connection, scope, id).await
}

/// Everything is to be read by an instant at the latest.
pub async fn within(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// What became of a reading that went well.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// When it began.
    pub begun: i64,
    /// How many had asked by then.
    pub asked: i64,
    /// By when everything had to be read then.
    pub due_at: i64,
    /// By when everything is to be read again.
    pub next: i64,
    /// Nothing is read before this.
    pub not_before: i64,
    /// What was doubtful when it began.
    pub doubt: Option<ReadingDoubt>,
}

/// A reading went well, and all that follows from it is stored.
pub async fn done(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
    done: Done,
) -> Result<(), StoreError> {
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::LastReadAt, Expr::value(Some(done.begun)))
        .col_expr(source::Column::ReadAnswered, Expr::value(done.asked))
        .col_expr(source::Column::ReadFailures, Expr::value(0_i64))
        .col_expr(source::Column::Problem, Expr::value(None::<String>))
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    doubt(connection, scope, id, done.doubt, None).await?;
    schedule(connection, scope, id, done).await
}

/// Changes what is doubtful about a source's readings, unless somebody else did meanwhile.
async fn doubt(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// A reading is doubtful for the first time: it is read once more, and nothing was concluded from it.
pub async fn doubted(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
    done: Done,
    problem: String,
) -> Result<(), StoreError> {
    say(connection, scope, id, problem).await?;
    let collapsed = Some(ReadingDoubt::Collapsed);
    doubt(connection, scope, id, done.doubt, collapsed).await?;
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::ReadNotBefore, Expr::value(done.not_before))
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    ask(connection, scope, id).await
}

/// A reading is doubtful again: it waits for an admin, and the source is read by its times meanwhile.
pub async fn doubted_again(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
    done: Done,
    problem: String,
) -> Result<(), StoreError> {
    say(connection, scope, id, problem).await?;
    let waits = Some(ReadingDoubt::ConfirmationNeeded);
    doubt(connection, scope, id, done.doubt, waits).await?;
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::ReadAnswered, Expr::value(done.asked))
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    schedule(connection, scope, id, done).await
}

async fn say(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
    problem: String,
) -> Result<(), StoreError> {
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::Problem, Expr::value(Some(problem)))
        .col_expr(source::Column::ReadFailures, Expr::value(0_i64))
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    Ok(())
}

/// An admin confirms what the latest readings said: the next one, at once, is believed.
pub async fn confirm(
    connection: &impl ConnectionTrait,
    scope: Scope,
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
    ask(connection, scope, id).await
}

/// How many people and memberships are known of a source, whatever became of them.
pub async fn known_of(
    connection: &impl ConnectionTrait,
    scope: Scope,
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
    scope: Scope,
    id: Uuid,
    done: Done,
) -> Result<(), StoreError> {
    // Where an admin has asked meanwhile, that stands: it is read again at once.
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

/// A reading failed: in words why, and when it is tried again. Nothing was concluded from it.
pub async fn failed(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
    problem: String,
    not_before: i64,
) -> Result<(), StoreError> {
    let more = Expr::col(source::Column::ReadFailures).add(1);
    scope
        .update::<source::Entity>()
        .col_expr(source::Column::Problem, Expr::value(Some(problem)))
        .col_expr(source::Column::ReadFailures, more)
        .col_expr(source::Column::ReadNotBefore, Expr::value(not_before))
        .filter(source::Column::Id.eq(id))
        .exec(connection)
        .await?;
    Ok(())
}

/// What was read of a source.
#[derive(Clone, Debug)]
pub struct Reading {
    /// When that began.
    pub read_at: i64,
    /// When everything was last said, rather than what had changed.
    pub whole_at: i64,
    /// A roster, as JSON.
    pub body: Vec<u8>,
}

impl Reading {
    /// Whether all is to be said again, whatever was read.
    pub fn is_forgotten(&self) -> bool {
        self.whole_at == NEVER
    }
}

/// What was last read; none where nothing ever was.
pub async fn last(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Keeps what was read in place of what was read before.
pub async fn keep(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Whether anything but readings was said of a source since an instant, and understood: what stands may then be other than what
/// was read.
pub async fn contradicted_since(
    connection: &impl ConnectionTrait,
    scope: Scope,
    source: Uuid,
    since: i64,
) -> Result<bool, StoreError> {
    let said = [
        DeliveryStatus::Accepted,
        DeliveryStatus::Settled,
        DeliveryStatus::Held,
    ];
    let found: Option<Uuid> = scope
        .find::<delivery::Entity>()
        .select_only()
        .column(delivery::Column::Id)
        .filter(delivery::Column::SourceId.eq(source))
        .filter(delivery::Column::Status.is_in(said))
        .filter(delivery::Column::ReceivedAt.gte(since))
        .filter(delivery::Column::ExternalId.not_like(format!("{OURS}%")))
        .into_tuple()
        .one(connection)
        .await?;
    Ok(found.is_some())
}

/// The next reading says everything. What was read last is kept, to tell whether that reading has collapsed.
pub async fn forget(
    connection: &impl ConnectionTrait,
    scope: Scope,
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

/// Deletes what was read of a source that is removed.
pub async fn delete(
    connection: &impl ConnectionTrait,
    scope: Scope,
    source: Uuid,
) -> Result<(), StoreError> {
    scope
        .delete::<reading::Entity>()
        .filter(reading::Column::SourceId.eq(source))
        .exec(connection)
        .await?;
    Ok(())
}
