//! The settings of a club. Called by admins.

use async_graphql::{Context, InputObject, Object, Result};

use super::{Admin, invalid, name};
use crate::{
    graphql::{
        club::{Club, UnlockVisibility},
        error::{Refusal, internal},
        scalar::{Duration, TimeZone},
    },
    store::{clubs, row},
};

/// The longest window of the brake, in seconds.
const LONGEST_WINDOW_S: u64 = 366 * 86_400;

/// Changes the club.
#[derive(Default)]
pub struct ClubMutations;

/// What to change of a club; what is left out stays.
#[derive(InputObject)]
pub struct UpdateClubInput {
    /// Its name.
    pub name: Option<String>,
    /// Where its clocks are.
    pub time_zone: Option<TimeZone>,
    /// The brake on mass revocation.
    pub brake: Option<BrakeInput>,
    /// Who may open doors from a front end.
    pub unlock_visibility: Option<UnlockVisibility>,
}

/// What to change of the brake; what is left out stays.
#[derive(InputObject)]
pub struct BrakeInput {
    /// Off: nothing new is held. What is held stays so until it is approved or dismissed.
    pub enabled: Option<bool>,
    /// How many people may lose access early within the window; 0 or more.
    pub people: Option<i32>,
    /// The same as a percentage of those who have access, 0 to 100; the larger of the two counts.
    pub percent: Option<i32>,
    /// How far back early revocations are counted, from PT1S to P366D.
    pub window: Option<Duration>,
}

payload! {
    /// The club as it is now.
    UpdateClubPayload {
        /// The club; null where nothing was changed.
        club: Club
    }
}

#[Object]
impl ClubMutations {
    /// Changes the club's name, time zone, brake, or who may open doors from a front end.
    async fn update_club(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateClubInput,
    ) -> Result<UpdateClubPayload> {
        let admin = Admin::of(context)?;
        UpdateClubPayload::of(update(admin, input).await)
    }
}

async fn update(admin: Admin, input: UpdateClubInput) -> Result<row::Club, Refusal> {
    let scope = admin.scope;
    let new_name = input
        .name
        .as_deref()
        .map(|text| name("input.name", text))
        .transpose()?;
    let brake = input.brake.map(checked).transpose()?;
    admin
        .app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let mut club = clubs::get(tx, scope)
                    .await?
                    .ok_or_else(|| internal("the club of a token is gone"))?;
                if let Some(name) = new_name {
                    club.name = name;
                }
                if let Some(zone) = input.time_zone {
                    club.time_zone = zone.0;
                }
                if let Some(visibility) = input.unlock_visibility {
                    club.unlock_visibility = visibility.into();
                }
                if let Some(brake) = brake {
                    club.brake_enabled = brake.enabled.unwrap_or(club.brake_enabled);
                    club.brake_people = brake.people.unwrap_or(club.brake_people);
                    club.brake_percent = brake.percent.unwrap_or(club.brake_percent);
                    let window = brake
                        .window
                        .and_then(|window| i64::try_from(window.0.as_secs()).ok());
                    club.brake_window_s = window.unwrap_or(club.brake_window_s);
                }
                clubs::set(tx, &club).await?;
                Ok(club)
            })
        })
        .await
}

fn checked(brake: BrakeInput) -> Result<BrakeInput, Refusal> {
    if brake.people.is_some_and(|people| people < 0) {
        return Err(invalid("input.brake.people", "it has to be 0 or more"));
    }
    if brake
        .percent
        .is_some_and(|percent| !(0..=100).contains(&percent))
    {
        return Err(invalid("input.brake.percent", "it has to be from 0 to 100"));
    }
    if brake
        .window
        .is_some_and(|window| !(1..=LONGEST_WINDOW_S).contains(&window.0.as_secs()))
    {
        return Err(invalid(
            "input.brake.window",
            "it has to be from PT1S to P366D",
        ));
    }
    Ok(brake)
}
