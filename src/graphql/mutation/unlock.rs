//! The unlock mutation: checks which member the caller may unlock for, and reports the result. `crate::unlock` does the rest.

use access::{Instant, Target};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::{form::Form, id_of, invalid, not_found, resolve_kisi_id, text_of};
use crate::{
    app::App,
    auth::Caller,
    graphql::{
        context,
        decision::{AccessDecision, Audience},
        error::{Refusal, UserError, UserErrorCode, checked, forbidden, internal},
        lock::Lock,
        scalar::format_instant,
    },
    id::Kind,
    store::{
        ClubScope, StoreError, clubs, convert,
        facts::AsOf,
        lookup,
        row::{self, Role, UnlockState},
    },
    unlock::{
        self, DoorUnavailable, Location, MAX_REQUESTS, RefusalTexts, UnlockCall, UnlockCheck,
        UnlockOutcome,
    },
};

/// The maximum length of an idempotency key, in characters.
const MAX_KEY_CHARS: usize = 200;

#[derive(Default)]
pub struct UnlockMutations;

/// The result of an unlock request.
#[derive(SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct UnlockPayload {
    /// Whether the lock accepted the unlock command.
    pub unlocked: bool,
    /// The lock; null if the request was not accepted.
    pub lock: Option<Lock>,
    /// The decision, if access was denied by the rules; else null.
    pub decision: Option<AccessDecision>,
    /// Kisi's error code, if Kisi refused and gave one; else null.
    pub kisi_code: Option<String>,
    /// Why the door was not unlocked; empty on success.
    pub user_errors: Vec<UserError>,
}

/// A member's position, as reported by their device.
#[derive(InputObject)]
pub struct UnlockLocationInput {
    /// Degrees north of the equator, from -90 to 90.
    pub latitude: f64,
    /// Degrees east of Greenwich, from -180 to 180.
    pub longitude: f64,
}

/// The door to unlock, and the member.
#[derive(InputObject)]
pub struct UnlockInput {
    /// The lock to unlock.
    pub lock: ID,
    /// The member to unlock for: required with a token. With a member session, leave it out: the session unlocks for its own
    /// member.
    pub member: Option<ID>,
    /// The idempotency key: new for each unlock request, the same for each retry of it; 1 to 200 characters. Default: each call
    /// is a new request.
    pub key: Option<String>,
    /// The member's position. A lock with the restriction GEOFENCE unlocks only for somebody near it; other locks ignore the
    /// position. It is passed to Kisi and not stored.
    pub location: Option<UnlockLocationInput>,
}

#[Object(crate = "crate::graphql::resolve")]
impl UnlockMutations {
    /// Unlocks a door: with an ADMIN, APP or DESK token, for the given member; with a member session, for its own member. Calls with
    /// the same key within five minutes are one unlock request: the later ones return the result of the first. A member may
    /// make ten unlock requests a minute.
    async fn unlock(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The door and the member.")] input: Option<UnlockInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The lock to unlock.")] lock: Option<ID>,
        #[graphql(
            deprecation = "Use `input`.",
            desc = "The member to unlock for: required with a token. With a member session, leave it out: the session unlocks for \
                    its own member."
        )]
        member: Option<ID>,
        #[graphql(
            deprecation = "Use `input`.",
            desc = "The idempotency key: new for each unlock request, the same for each retry of it; 1 to 200 characters. \
                    Default: each call is a new request."
        )]
        key: Option<String>,
        #[graphql(
            deprecation = "Use `input`.",
            desc = "The member's position. A lock with the restriction GEOFENCE unlocks only for somebody near it; other locks \
                    ignore the position. It is passed to Kisi and not stored."
        )]
        location: Option<UnlockLocationInput>,
    ) -> Result<UnlockPayload> {
        let loose = lock.map(|lock| UnlockInput {
            lock,
            member,
            key,
            location,
        });
        let (form, input) = Form::of(input, loose)?;
        let extras = (input.key, input.location);
        let opened = open(context, &input.lock, input.member.as_ref(), extras).await;
        match form.paths(opened) {
            Ok(payload) => Ok(payload),
            Err(refusal) => Ok(UnlockPayload {
                unlocked: false,
                lock: None,
                decision: None,
                kisi_code: None,
                user_errors: refusal.into_user_errors()?,
            }),
        }
    }
}

/// The member that the caller may unlock for.
async fn target_member(
    context: &Context<'_>,
    caller: &Caller,
    named: Option<&ID>,
) -> Result<row::Member, Refusal> {
    let named = named
        .map(|id| id_of(Kind::Member, "member", "member", id))
        .transpose();
    let id = match (caller.role, caller.member) {
        (Role::Member, Some(own)) => {
            if named
                .ok()
                .is_some_and(|named| named.is_none_or(|named| named == own))
            {
                own
            } else {
                return Err(forbidden("a member session unlocks only for its own member").into());
            }
        }
        (Role::Member, None) => return Err(internal("a member session has no member").into()),
        (Role::Admin | Role::App | Role::Desk, _) => named?.ok_or_else(|| {
            invalid(
                "member",
                "required with a token: only a member session may leave it out",
            )
        })?,
        (Role::Reader, _) => {
            return Err(forbidden(
                "this needs a token with the role ADMIN, APP or DESK, or a member session",
            )
            .into());
        }
    };
    let app = context::app(context)?;
    let member = lookup::by_id::<row::Member>(app.db.read(), caller.scope, id).await?;
    member.ok_or_else(|| not_found("member", "member"))
}

async fn find_lock(app: &App, scope: ClubScope, named: &ID) -> Result<row::Lock, Refusal> {
    let db = app.db.read();
    let (_, id) = resolve_kisi_id(db, scope, &[Kind::Lock], "lock", "lock", named).await?;
    let lock = lookup::by_id::<row::Lock>(db, scope, id).await?;
    lock.ok_or_else(|| not_found("lock", "lock"))
}

fn position(at: UnlockLocationInput) -> Result<Location, Refusal> {
    let message = "must be in degrees: a latitude from -90 to 90, a longitude from -180 to 180";
    Location::new(at.latitude, at.longitude).ok_or_else(|| invalid("location", message))
}

async fn open(
    context: &Context<'_>,
    lock: &ID,
    member: Option<&ID>,
    (key, location): (Option<String>, Option<UnlockLocationInput>),
) -> Result<UnlockPayload, Refusal> {
    let (app, caller) = (context::app(context)?, context::caller(context)?);
    let scope = caller.scope;
    checked! {
        lock = find_lock(app, scope, lock).await;
        member = target_member(context, caller, member).await;
        key = key.map(|key| text_of("key", "a key", &key, MAX_KEY_CHARS)).transpose();
        location = location.map(position).transpose();
    }
    if let Some(no_door) = unlock::door_availability(app, scope, &lock).await? {
        return Err(lock_unavailable(no_door));
    }
    let now = (app.clock.now(), AsOf::Now);
    let judged = unlock::check(app.db.read(), scope, &lock, &member, now).await?;
    let Some(said) = access_decision(&judged, &lock) else {
        return Err(lock_unavailable(DoorUnavailable::Gone));
    };
    let ask = UnlockCall {
        scope,
        lock: lock.clone(),
        actor: caller
            .token_name
            .clone()
            .unwrap_or_else(|| member.name.clone()),
        member: member.clone(),
        key,
        location,
    };
    let words = RefusalTexts {
        member: said.message_for(context, Audience::Member).await?,
        desk: said.message_for(context, Audience::Desk).await?,
    };
    let unlock_request = match unlock::unlock_request(app, ask, &judged, words).await? {
        UnlockOutcome::UnlockRequest(unlock_request) => *unlock_request,
        UnlockOutcome::TooMany(again_at) => return Err(too_many(app, scope, again_at).await?),
    };
    let decision = match unlock_request.state {
        UnlockState::Denied if unlock_request.asked_at == now.0.micros() => Some(said),
        // The denial belongs to an earlier request with this key: show the decision of that time.
        UnlockState::Denied => {
            let then = (
                Instant::from_micros(unlock_request.asked_at),
                AsOf::At(unlock_request.asked_at),
            );
            let judged = unlock::check(app.db.read(), scope, &lock, &member, then).await?;
            self::access_decision(&judged, &lock)
        }
        _ => None,
    };
    Ok(UnlockPayload {
        unlocked: unlock_request.state == UnlockState::Unlocked,
        lock: Some(Lock(lock)),
        decision,
        user_errors: error_of(&unlock_request).into_iter().collect(),
        kisi_code: unlock_request.kisi_code,
    })
}

/// The decision in its GraphQL form.
fn access_decision(judged: &UnlockCheck, lock: &row::Lock) -> Option<AccessDecision> {
    let target = Target::Lock(convert::id(lock.id));
    AccessDecision::of(&judged.access_context, target, judged.decision)
}

fn error_of(unlock_request: &row::UnlockRequest) -> Option<UserError> {
    let code = match unlock_request.state {
        UnlockState::Unlocked => return None,
        UnlockState::Denied => UserErrorCode::AccessDenied,
        UnlockState::NotVisible => UserErrorCode::UnlockNotVisible,
        UnlockState::Refused => UserErrorCode::KisiRefused,
        UnlockState::Unauthorized => UserErrorCode::KisiUnauthorized,
        UnlockState::Asked | UnlockState::Taken | UnlockState::NotSent | UnlockState::Unknown => {
            UserErrorCode::KisiUnreachable
        }
    };
    let not_yet = "Kisi has not answered yet, so it is not known whether the door opens. The command is not sent again: repeat \
                   the call with the same key to get its result.";
    let message = unlock_request
        .message
        .clone()
        .unwrap_or_else(|| not_yet.to_owned());
    Some(UserError::at(code, "", message))
}

fn lock_unavailable(no_door: DoorUnavailable) -> Refusal {
    let (code, message) = match no_door {
        DoorUnavailable::Gone => (
            UserErrorCode::NotFound,
            "this lock no longer exists in Kisi: an admin must remove it from the rules, or add it in Kisi again",
        ),
        DoorUnavailable::Disconnected => (
            UserErrorCode::Invalid,
            "the Kisi account is disconnected: an admin must connect the organization again first",
        ),
    };
    UserError::at(code, "lock", message).into()
}

async fn too_many(
    app: &crate::app::App,
    scope: ClubScope,
    again_at: Instant,
) -> Result<Refusal, StoreError> {
    let club = clubs::get(app.db.read(), scope).await?;
    let zone = club.and_then(|club| jiff::tz::TimeZone::get(&club.time_zone).ok());
    let zone = zone.unwrap_or(jiff::tz::TimeZone::UTC);
    let at = zone
        .to_datetime(again_at.timestamp())
        .strftime("%H:%M:%S")
        .to_string();
    let message = format!(
        "{MAX_REQUESTS} unlock requests a minute are allowed per member: try again at {at} ({})",
        format_instant(again_at.micros())
    );
    Ok(UserError::at(UserErrorCode::RateLimited, "", message).into())
}
