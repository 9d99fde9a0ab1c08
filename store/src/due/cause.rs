//! The cause of a mark: an event, an edit, a sweep or the clock. Each has an id, made where the cause comes up; the clock has
//! one for ever. Created by the code that marks members due, read by the brake and the history.

use entity::{
    due,
    kind::{BrakePolicy, KisiStatus},
    kisi_account, revocation,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter, QuerySelect,
    sea_query::{ExprTrait, Query},
};
use uuid::Uuid;

use crate::{ClubScope, StoreError, clock::new_id};

/// A cause that comes up again and again. It is the same cause for the brake each time, so that many small repairs are judged
/// together.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Recurring {
    /// Only time passed.
    Clock,
    /// A grant is missing in Kisi.
    MissingGrant,
    /// A grant has another window or role in Kisi.
    ChangedGrant,
    /// Somebody without a member has access to a managed group.
    Strangers,
    /// A member has an assignment that another integration or administrator made.
    ExternalAssignment,
    /// Kisi holds an assignment twice.
    Duplicate,
    /// The answer to a call was lost.
    LostAnswer,
    /// A sweep found that Kisi does not hold what the rules want, though nobody was due.
    Overlooked,
    /// Kisi sent an event about a change.
    KisiEvent,
}

impl Recurring {
    fn id(self) -> Uuid {
        // Stored: never renumber.
        Uuid::from_u128(match self {
            Self::Clock => 0,
            Self::MissingGrant => 1,
            Self::ChangedGrant => 2,
            Self::Strangers => 3,
            Self::ExternalAssignment => 4,
            Self::Duplicate => 5,
            Self::LostAnswer => 6,
            Self::Overlooked => 7,
            Self::KisiEvent => 8,
        })
    }

    /// The text for people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Clock => "the clock",
            Self::MissingGrant => "Kisi: a grant is missing there",
            Self::ChangedGrant => "Kisi: somebody changed the times of a grant",
            Self::Strangers => "Kisi: people without a membership have access to a managed group",
            Self::ExternalAssignment => "Kisi: somebody else had given the member access",
            Self::Duplicate => "Kisi: an assignment exists twice",
            Self::LostAnswer => "Kisi: the answer to a call was lost",
            Self::Overlooked => "a sweep: Kisi does not hold what the rules want",
            Self::KisiEvent => "Kisi: an event about a change",
        }
    }
}

/// Why a member was marked due. The brake judges all revocations of one cause together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Shared by everything that this cause marks. The brake judges all revocations of one id together.
    pub id: Uuid,
    /// Text for people.
    pub text: String,
    /// The delivery, if the cause is one.
    pub delivery: Option<Uuid>,
    /// The rule, if the cause is an edit of one.
    pub rule: Option<Uuid>,
    /// The user who caused it, if any.
    pub actor: Option<String>,
    /// How the brake treats the cause.
    pub brake_policy: BrakePolicy,
}

impl Cause {
    fn new(text: impl Into<String>, brake_policy: BrakePolicy) -> Self {
        Self {
            id: new_id(),
            text: text.into(),
            delivery: None,
            rule: None,
            actor: None,
            brake_policy,
        }
    }

    /// A cause that the brake judges, such as a delivery or an edit.
    pub fn enforced(text: impl Into<String>) -> Self {
        Self::new(text, BrakePolicy::Enforce)
    }

    /// A cause that comes up again and again; the brake judges it.
    pub fn recurring(cause: Recurring) -> Self {
        Self {
            id: cause.id(),
            ..Self::enforced(cause.text())
        }
    }

    /// An admin's action on one named person: the brake never holds it, but counts it.
    pub fn exempt(text: impl Into<String>) -> Self {
        Self::new(text, BrakePolicy::Exempt)
    }

    /// A change that an admin previewed and approved: the brake neither holds nor counts it.
    pub fn preapproved(text: impl Into<String>) -> Self {
        Self::new(text, BrakePolicy::Preapproved)
    }

    /// Makes a delivery the cause.
    pub fn of_delivery(self, delivery: Uuid) -> Self {
        Self {
            id: delivery,
            delivery: Some(delivery),
            ..self
        }
    }

    /// Sets the user who caused it.
    pub fn by(self, actor: &str) -> Self {
        let actor = Some(actor.to_owned());
        Self { actor, ..self }
    }

    /// The cause of a revocation.
    pub fn of_revocation(row: &revocation::Model) -> Self {
        Self {
            id: row.cause_id,
            text: row.cause.clone(),
            delivery: row.delivery_id,
            rule: row.rule_id,
            actor: row.actor.clone(),
            brake_policy: BrakePolicy::Enforce,
        }
    }

    /// The cause of a due row: that of its last mark while the mark is open, else the clock.
    pub fn of(row: &due::Model) -> Self {
        if row.generation <= row.settled_generation {
            return Self::recurring(Recurring::Clock);
        }
        Self {
            id: row.cause_id,
            text: row.cause.clone(),
            delivery: row.cause_delivery,
            rule: row.cause_rule,
            actor: row.cause_actor.clone(),
            brake_policy: row.brake_policy,
        }
    }
}

/// The delivery that marked a member due, while the mark is open.
pub fn open_delivery(row: &due::Model) -> Option<Uuid> {
    row.cause_delivery
        .filter(|_| row.generation > row.settled_generation)
}

/// The ids of the causes that still have due rows without a lane in a working account other than `sorted`, so
/// that the brake cannot judge them yet. An account that Kisi told to back off sorts nothing meanwhile and is left out.
pub async fn unsorted_causes(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    sorted: Option<Uuid>,
    now: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let working = Query::select()
        .column(kisi_account::Column::Id)
        .from(kisi_account::Entity)
        .and_where(kisi_account::Column::ClubId.eq(scope.club))
        .and_where(
            kisi_account::Column::Status.is_in([KisiStatus::Connected, KisiStatus::Disconnecting]),
        )
        .and_where(
            kisi_account::Column::StoppedUntil
                .is_null()
                .or(kisi_account::Column::StoppedUntil.lte(now)),
        )
        .and_where_option(sorted.map(|sorted| kisi_account::Column::Id.ne(sorted)))
        .to_owned();
    Ok(scope
        .find::<due::Entity>()
        .select_only()
        .column(due::Column::CauseId)
        .distinct()
        .filter(due::Column::AccountId.in_subquery(working))
        .filter(due::Column::DueAt.lte(now))
        .filter(due::Column::Lane.is_null())
        .into_tuple()
        .all(connection)
        .await?)
}
