//! The mutation of the settings of a club. For ADMIN tokens.

use async_graphql::{Context, InputObject, Object, Result};

use super::{Editor, differences, invalid, name, record};
use crate::{
    duration::format_duration,
    graphql::{
        club::{Club, UnlockVisibility},
        error::{Refusal, checked, internal},
        input::given::Given,
        scalar::{Duration, TimeZone},
    },
    store::{clubs, row},
    transaction,
};

/// The maximum window of the brake, in seconds.
const LONGEST_WINDOW_S: u64 = 366 * 86_400;

#[derive(Default)]
pub struct ClubMutations;

/// The changes to the club; fields that are left out keep their values.
#[derive(InputObject)]
pub struct UpdateClubInput {
    /// The club's name.
    pub name: Option<String>,
    /// The club's time zone.
    pub time_zone: Option<Given<TimeZone>>,
    /// The settings of the brake on mass revocation.
    pub brake: Option<BrakeInput>,
    /// Who may unlock doors from a front end.
    pub unlock_visibility: Option<UnlockVisibility>,
}

/// The changes to the brake; fields that are left out keep their values.
#[derive(InputObject)]
pub struct BrakeInput {
    /// Whether the brake holds revocations. If switched off, revocations already held stay held until approved or dismissed.
    pub enabled: Option<bool>,
    /// How many people may lose access early within the window before the brake holds revocations; 0 or more.
    pub people: Option<i32>,
    /// The same limit as a percentage of the people who have access, 0 to 100; the larger of the two limits counts.
    pub percent: Option<i32>,
    /// The time window, up to now, in which early revocations are counted; from PT1S to P366D.
    pub window: Option<Given<Duration>>,
}

payload! {
    /// The updated club.
    UpdateClubPayload {
        /// The club; null if the mutation was refused.
        club: Club
    }
}

#[Object(crate = "crate::graphql::resolve")]
impl ClubMutations {
    /// Changes the club's name, time zone, brake, or who may unlock doors from a front end.
    async fn update_club(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The changes.")] input: UpdateClubInput,
    ) -> Result<UpdateClubPayload> {
        let admin = Editor::admin(context)?;
        UpdateClubPayload::of(update(admin, input).await)
    }
}

async fn update(admin: Editor, input: UpdateClubInput) -> Result<row::Club, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    checked! {
        new_name = input.name.as_deref().map(|text| name("input.name", text)).transpose();
        time_zone = Given::optional(input.time_zone.as_ref(), "input.timeZone");
        brake = input.brake.map(validate_brake).transpose();
    }
    transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let mut club = clubs::get(tx, scope)
            .await?
            .ok_or_else(|| internal("the club of the token no longer exists"))?;
        let before = club.clone();
        if let Some(name) = new_name {
            club.name = name;
        }
        if let Some(zone) = time_zone {
            club.time_zone = zone.0;
        }
        if let Some(visibility) = input.unlock_visibility {
            club.unlock_visibility = visibility.into();
        }
        if let Some((brake, window_s)) = brake {
            club.brake_enabled = brake.enabled.unwrap_or(club.brake_enabled);
            club.brake_people = brake.people.unwrap_or(club.brake_people);
            club.brake_percent = brake.percent.unwrap_or(club.brake_percent);
            club.brake_window_s = window_s.unwrap_or(club.brake_window_s);
        }
        clubs::set(tx, &club).await?;
        if let Some(changes) = changes(&before, &club) {
            let message = format!("The club's settings were changed: {changes}.");
            let kind = row::HistoryKind::ClubChanged;
            record(tx, scope, (&actor, now), kind, message).await?;
        }
        Ok(club)
    })
    .await
}

fn visible(club: &row::Club) -> &'static str {
    match club.unlock_visibility {
        row::UnlockVisibility::Members => "members",
        row::UnlockVisibility::Public => "everybody",
    }
}

/// What was changed, with the values before and after.
fn changes(before: &row::Club, after: &row::Club) -> Option<String> {
    let pair = |name, text: &dyn Fn(&row::Club) -> String| (name, text(before), text(after));
    let window = |club: &row::Club| {
        let seconds = u64::try_from(club.brake_window_s).unwrap_or_default();
        format_duration(std::time::Duration::from_secs(seconds))
    };
    let on = |club: &row::Club| if club.brake_enabled { "on" } else { "off" }.to_owned();
    differences([
        pair("name", &|club| format!("“{}”", club.name)),
        pair("time zone", &|club| club.time_zone.clone()),
        pair("unlock visibility", &|club| visible(club).to_owned()),
        pair("brake", &on),
        pair("brake's people", &|club| club.brake_people.to_string()),
        pair("brake's percent", &|club| club.brake_percent.to_string()),
        pair("brake's window", &window),
    ])
}

/// The settings, and the window in seconds.
fn validate_brake(brake: BrakeInput) -> Result<(BrakeInput, Option<i64>), Refusal> {
    let require = |holds: bool, field: &str, message: &str| match holds {
        true => Ok(()),
        false => Err(invalid(&format!("input.brake.{field}"), message)),
    };
    let is_percent = brake
        .percent
        .is_none_or(|percent| (0..=100).contains(&percent));
    checked! {
        _people = require(brake.people.is_none_or(|it| it >= 0), "people", "must be 0 or more");
        _percent = require(is_percent, "percent", "must be from 0 to 100");
        window_s = brake.window.as_ref().map(window).transpose();
    }
    Ok((brake, window_s))
}

fn window(given: &Given<Duration>) -> Result<i64, Refusal> {
    const PATH: &str = "input.brake.window";
    match given.check(PATH)?.0.as_secs() {
        seconds @ 1..=LONGEST_WINDOW_S => Ok(i64::try_from(seconds).unwrap_or(i64::MAX)),
        _ => Err(invalid(PATH, "must be from PT1S to P366D")),
    }
}
