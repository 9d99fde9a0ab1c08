//! The unlock button: checks who asks for whom, and says what became of it. Everything else is `crate::unlock`'s work.

use access::{Instant, Target};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::{id_of, invalid, named_in_kisi, not_found, text_of};
use crate::{
    graphql::{
        context::{self, Caller},
        decision::{AccessDecision, Audience},
        error::{Refusal, UserError, UserErrorCode, forbidden, internal},
        lock::Lock,
        scalar::format_instant,
    },
    id::Kind,
    store::{
        Scope, StoreError, clubs,
        facts::Known,
        members,
        row::{self, PressState, Role},
        setup,
    },
    unlock::{self, Answer, Ask, Judged, Location, MOST_PRESSES, NoDoor, Words},
};

/// The longest key that is taken, in characters.
const LONGEST_KEY: usize = 200;

/// Unlocks.
#[derive(Default)]
pub struct UnlockMutations;

/// What became of an unlock.
#[derive(SimpleObject)]
pub struct UnlockPayload {
    /// Whether the door took the command to open.
    pub unlocked: bool,
    /// The door; null where the press was not taken.
    pub lock: Option<Lock>,
    /// Why not, when it was refused by the rules; else null.
    pub decision: Option<AccessDecision>,
    /// Kisi's own code, when Kisi refused and gave one; else null.
    pub kisi_code: Option<String>,
    /// Why it did not open; empty where it did.
    pub user_errors: Vec<UserError>,
}

/// Where somebody is, as their device says.
#[derive(InputObject)]
pub struct UnlockLocationInput {
    /// In degrees north of the equator, from -90 to 90.
    pub latitude: f64,
    /// In degrees east of Greenwich, from -180 to 180.
    pub longitude: f64,
}

#[Object]
impl UnlockMutations {
    /// Opens a door: with an ADMIN or APP token, for the member named; with a member session, for itself. Two calls
    /// with one key within five minutes are one press: the second gives the first one's answer. Ten presses a minute
    /// are taken of a member.
    async fn unlock(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The lock to open.")] lock: ID,
        #[graphql(
            desc = "For whom: needed with a token. Left out with a member session, which opens for its own member."
        )]
        member: Option<ID>,
        #[graphql(
            desc = "Made anew for each press, and sent with each try of it; 1 to 200 characters. Left out: each call is a press."
        )]
        key: Option<String>,
        #[graphql(
            desc = "Where the member is. A door with the restriction GEOFENCE opens only for somebody near it, others take no \
                    notice. It is handed to Kisi and not kept."
        )]
        location: Option<UnlockLocationInput>,
    ) -> Result<UnlockPayload> {
        match open(context, &lock, member.as_ref(), (key, location)).await {
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

/// The member for whom the caller may unlock.
async fn who(
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
                return Err(forbidden("a member session unlocks for itself alone").into());
            }
        }
        (Role::Member, None) => return Err(internal("a member session without a member").into()),
        (Role::Admin | Role::App, _) => named?.ok_or_else(|| {
            invalid(
                "member",
                "it has to be said for whom: only a member session goes without",
            )
        })?,
        (Role::Reader, _) => {
            return Err(forbidden(
                "this needs a token with the role ADMIN or APP, or a member session",
            )
            .into());
        }
    };
    let app = context::app(context)?;
    let found = members::get(app.db.read(), caller.scope, id).await?;
    found.ok_or_else(|| not_found("member", "member"))
}

async fn open(
    context: &Context<'_>,
    lock: &ID,
    member: Option<&ID>,
    (key, location): (Option<String>, Option<UnlockLocationInput>),
) -> Result<UnlockPayload, Refusal> {
    let (app, caller) = (context::app(context)?, context::caller(context)?);
    let scope = caller.scope;
    let member = who(context, caller, member).await?;
    let db = app.db.read();
    let (_, id) = named_in_kisi(db, scope, &[Kind::Lock], "lock", "lock", lock).await?;
    let lock = setup::lock(app.db.read(), scope, id).await?;
    let lock = lock.ok_or_else(|| not_found("lock", "lock"))?;
    let key = key
        .map(|key| text_of("key", "a key", &key, LONGEST_KEY))
        .transpose()?;
    let location = location
        .map(|at| {
            let location = Location::new(at.latitude, at.longitude);
            location.ok_or_else(|| invalid("location", "it has to be in degrees: a latitude from -90 to 90, a longitude from -180 to 180"))
        })
        .transpose()?;
    if let Some(no_door) = unlock::way_to(app, scope, &lock).await? {
        return Err(without_door(no_door));
    }
    let now = (app.clock.now(), Known::Now);
    let judged = unlock::judge(app.db.read(), scope, &lock, &member, now).await?;
    let Some(said) = said(&judged, &lock) else {
        return Err(without_door(NoDoor::Gone));
    };
    let ask = Ask {
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
    let words = Words {
        member: said.words(Audience::Member),
        desk: said.words(Audience::Desk),
    };
    let press = match unlock::press(app, ask, &judged, words).await? {
        Answer::Press(press) => *press,
        Answer::TooMany(again_at) => return Err(too_many(app, scope, again_at).await?),
    };
    let decision = match press.state {
        PressState::Denied if press.asked_at == now.0.micros() => Some(said),
        // As it was judged when it was pressed.
        PressState::Denied => {
            let then = (
                Instant::from_micros(press.asked_at),
                Known::At(press.asked_at),
            );
            let judged = unlock::judge(app.db.read(), scope, &lock, &member, then).await?;
            self::said(&judged, &lock)
        }
        _ => None,
    };
    Ok(UnlockPayload {
        unlocked: press.state == PressState::Unlocked,
        lock: Some(Lock(lock)),
        decision,
        user_errors: error_of(&press).into_iter().collect(),
        kisi_code: press.kisi_code,
    })
}

/// The decision as callers see it.
fn said(judged: &Judged, lock: &row::Lock) -> Option<AccessDecision> {
    let target = Target::Lock(crate::decide::id(lock.id));
    AccessDecision::of(&judged.premises, target, judged.decision)
}

fn error_of(press: &row::Press) -> Option<UserError> {
    let code = match press.state {
        PressState::Unlocked => return None,
        PressState::Denied => UserErrorCode::AccessDenied,
        PressState::NotVisible => UserErrorCode::UnlockNotVisible,
        PressState::Refused => UserErrorCode::KisiRefused,
        PressState::Unauthorized => UserErrorCode::KisiUnauthorized,
        PressState::Asked | PressState::Taken | PressState::NotSent | PressState::Unknown => {
            UserErrorCode::KisiUnreachable
        }
    };
    let not_yet = "Kisi has not answered yet, so it is not known whether the door opens. It is not sent again: ask once more \
                   with the same key to learn what became of it.";
    let message = press.message.clone().unwrap_or_else(|| not_yet.to_owned());
    Some(UserError::at(code, "", message))
}

fn without_door(no_door: NoDoor) -> Refusal {
    let (code, message) = match no_door {
        NoDoor::Gone => (
            UserErrorCode::NotFound,
            "Kisi has this lock no more: an admin takes it out of the rules, or adds it in Kisi again",
        ),
        NoDoor::Disconnected => (
            UserErrorCode::Invalid,
            "its Kisi account is disconnected: an admin connects the organization again first",
        ),
    };
    UserError::at(code, "lock", message).into()
}

async fn too_many(
    app: &crate::app::App,
    scope: Scope,
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
        "{MOST_PRESSES} presses a minute are taken of one member: again at {at} ({})",
        format_instant(again_at.micros())
    );
    Ok(UserError::at(UserErrorCode::RateLimited, "", message).into())
}
