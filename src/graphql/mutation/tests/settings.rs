//! Tests of the mutations of the club's settings and tokens.

use secrecy::SecretString;

use super::*;
use crate::{
    secret::hash_token,
    store::{clubs, tokens},
};

#[tokio::test]
async fn only_the_given_settings_of_a_club_change() {
    let house = TestClub::new().await;
    let input = json!({
        "name": "  Yacht Club ", "timeZone": "America/New_York", "unlockVisibility": "PUBLIC",
        "brake": {"percent": 10, "window": "PT2H"},
    });
    house.good(update_club(input)).await;
    let club = clubs::get(house.app.db.read(), house.scope)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (club.name.as_str(), club.time_zone.as_str()),
        ("Yacht Club", "America/New_York")
    );
    assert_eq!(club.unlock_visibility, row::UnlockVisibility::Public);
    assert_eq!(
        (
            club.brake_enabled,
            club.brake_people,
            club.brake_percent,
            club.brake_window_s
        ),
        (true, 3, 10, 7_200)
    );
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let house = TestClub::new().await;
    for (input, path) in [
        (json!({"name": "  "}), "input.name"),
        (json!({"brake": {"people": -1}}), "input.brake.people"),
        (json!({"brake": {"percent": 101}}), "input.brake.percent"),
        (json!({"brake": {"window": "PT0S"}}), "input.brake.window"),
    ] {
        let answer = house.refused(update_club(input)).await;
        assert_eq!(answer, refusal("INVALID", path));
    }
}

#[tokio::test]
async fn nobody_but_an_admin_changes_anything() {
    let mut house = TestClub::new().await;
    use row::Role::{App, Desk, Member, Reader};
    for role in [App, Desk, Reader, Member] {
        house.role = role;
        let input = json!({"name": "Mine"});
        let answer = house.answer(&update_club(input)).await;
        let code = answer.errors[0]
            .extensions
            .as_ref()
            .unwrap()
            .get("code")
            .unwrap()
            .to_string();
        assert_eq!(code, "\"FORBIDDEN\"");
    }
}

#[tokio::test]
async fn a_token_is_shown_once_and_kept_as_a_hash() {
    let house = TestClub::new().await;
    let input = json!({"name": "front desk", "role": "APP", "expiresAt": "2027-01-01T00:00:00Z"});
    let made = house.good(create_token(input.clone())).await;
    let token = SecretString::from(made["token"].as_str().unwrap().to_owned());
    let hash = hash_token(secrecy::ExposeSecret::expose_secret(&token));
    let kept = tokens::by_hash(house.app.db.read(), hash.clone())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (kept.name.as_str(), kept.role, kept.club_id),
        ("front desk", row::Role::App, house.scope.club)
    );
    assert_eq!(kept.expires_at, Some(instant("2027-01-01T00:00:00Z")));
    let twice = house.refused(create_token(input.clone())).await;
    assert_eq!(twice, refusal("ALREADY_EXISTS", "input.name"));
    let neighbour = house.neighbour().await;
    neighbour.good(create_token(input)).await;

    let name = json!("front desk");
    let gone = house.good(revoke_token(name.clone())).await;
    assert_eq!(gone["revoked"], json!(true));
    assert!(
        tokens::by_hash(house.app.db.read(), hash)
            .await
            .unwrap()
            .is_none()
    );
    let again = house.good(revoke_token(name)).await;
    assert_eq!(again["revoked"], json!(false));
}

#[tokio::test]
async fn a_token_for_a_member_or_for_the_past_is_refused() {
    let house = TestClub::new().await;
    for (input, path) in [
        (json!({"name": "x", "role": "MEMBER"}), "input.role"),
        (json!({"name": " ", "role": "READER"}), "input.name"),
        (
            json!({"name": "x", "role": "READER", "expiresAt": NOON}),
            "input.expiresAt",
        ),
    ] {
        let answer = house.refused(create_token(input)).await;
        assert_eq!(answer, refusal("INVALID", path));
    }
}
