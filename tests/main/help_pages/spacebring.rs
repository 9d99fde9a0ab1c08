//! Spacebring's help page on Kisi, with Spacebring's own people, companies and subscriptions. `spacebring_bookings` has bookings.
//!
//! | Behaviour | Test |
//! |---|---|
//! | Access for people and for companies is temporary | `a_subscription_counts_from_its_start_to_its_end_whatever_its_invoices_say`, `everybody_in_a_company_loses_access_with_its_subscription` |
//! | Each location has a Kisi account of its own | `each_location_has_its_own_kisi_account` |
//! | The group of a plan gives access to those who subscribe to it | `platforms::suggestions::what_spacebring_maps_becomes_suggestions` |
//! | Signing up gives access, with a new subscription by an admin as with one's own | `who_signs_up_has_access_at_once`, `platforms::spacebring::a_webhook_reads_the_object_that_it_names` |
//! | Adding or editing access of a subscription takes effect immediately | `an_edited_subscription_takes_effect_at_once` |
//! | Who qualifies is a user in Kisi, with full name and address | `who_qualifies_is_a_user_in_kisi_with_name_and_address` |
//! | A subscription is active from its start to its end or cancellation, whatever its invoices say | `a_subscription_counts_from_its_start_to_its_end_whatever_its_invoices_say`, `platforms::spacebring::a_subscription_remains_active_until_its_end` |
//! | An end that is scheduled, or a cancellation, revokes access | `a_scheduled_end_and_a_cancellation_revoke_access` |
//! | A company's subscription gives access to all of its users | `platforms::spacebring_is_read_whole`, `platforms::spacebrings_events_are_used_without_api_access` |
//! | It is cancelled or expires for all of them | `everybody_in_a_company_loses_access_with_its_subscription` |
//! | After Kisi is disconnected nothing new is given, and what was given stays in Kisi | `a_disconnected_account_keeps_what_was_given_and_gets_nothing_new` |
//! | Groups that were used before, and assignments by others in them | `take_over::assignments_that_match_the_rules_are_adopted`, `bad_kisi::existing_users_are_adopted_and_strangers_left_alone` |
//! | Connecting fails with wrong credentials or without the owner's role, and the reason is told | `bad_kisi::a_connection_that_cannot_be_made_changes_nothing`, `bad_kisi::a_refused_key_is_shown_and_work_goes_on_with_a_good_one` |

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::{RANGE, a_read_source, change, let_in, utc};
use crate::{
    platforms::{a_source, read, read_again, svix_now, user, works_at},
    support::{
        api::Source,
        event::with,
        world::{Setup, World, connect_to},
    },
};

on_both!(
    a_subscription_counts_from_its_start_to_its_end_whatever_its_invoices_say,
    a_scheduled_end_and_a_cancellation_revoke_access,
    everybody_in_a_company_loses_access_with_its_subscription,
    who_signs_up_has_access_at_once,
    an_edited_subscription_takes_effect_at_once,
    who_qualifies_is_a_user_in_kisi_with_name_and_address,
    a_disconnected_account_keeps_what_was_given_and_gets_nothing_new,
);

on_both!(with Setup { bare: true, ..Setup::default() }; each_location_has_its_own_kisi_account);

pub(super) const CREDENTIALS: [&str; 2] = ["id", "key"];

pub(super) fn credentials() -> Value {
    let [id, secret] = CREDENTIALS;
    json!({ "spacebring": { "clientId": id, "clientSecret": secret } })
}

/// Ada, Bob and Cy are people of the location HQ.
pub(super) async fn a_location(world: &mut World) -> Source {
    let locations = json!([{ "id": "hq", "title": "HQ", "timezoneId": "Europe/Berlin" }]);
    world.platform.list("locations/v1", locations);
    let people = ["ada", "bob", "cy"].map(|name| works_at(name, None));
    world
        .platform
        .list("community/memberships/v1", json!(people));
    a_read_source(world, "SPACEBRING", credentials()).await
}

async fn members_rule(world: &World) {
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
}

pub(super) fn subscription(id: &str, name: &str, more: Value) -> Value {
    let subscription = json!({
        "id": id, "status": "active", "subscriptionType": "user", "customerRef": format!("in-{name}"), "locationRef": "hq",
        "customer": { "id": format!("in-{name}"), "type": "user", "user": user(name) },
        "startDate": "2025-01-01T00:00:00+01:00", "period": "month", "timezoneId": "Europe/Berlin",
        "items": [{ "id": "i1", "planRef": "desk", "plan": { "id": "desk", "title": "Desk" } }],
    });
    with(subscription, more)
}

fn of_company(id: &str, more: Value) -> Value {
    let company = json!({
        "subscriptionType": "company", "customerRef": "acme", "customer": { "id": "acme", "type": "company", "title": "Acme" },
    });
    with(with(subscription(id, "ada", json!({})), company), more)
}

async fn a_subscription_counts_from_its_start_to_its_end_whatever_its_invoices_say(
    world: &mut World,
) {
    let source = a_location(world).await;
    members_rule(world).await;
    let dates = json!({ "status": "scheduled", "startDate": "2026-01-06T00:00:00+01:00", "endDate": "2026-01-08T23:59:59+01:00" });
    let rows = json!([subscription("s1", "ada", dates)]);
    world.platform.list("subscriptions/v1", rows);
    read(world, &source).await;
    let [starts, ends] = [utc("2026-01-05T23:00:00Z"), utc("2026-01-08T22:59:59Z")];
    let is_right = |world: &World| {
        let is_open = |at: Timestamp| !let_in(world, RANGE, at).is_empty();
        assert!(!is_open(starts - 1.second()), "not before the start");
        assert!(is_open(starts) && is_open(ends - 1.second()));
        assert!(!is_open(ends + 1.second()), "not after the end");
    };
    is_right(world);
    // An invoice is overdue: the subscription is as it was.
    world.turn_to(world.now() + 31.seconds());
    let invoice = json!({ "id": "v1", "status": "overdue", "subscriptionRef": "s1" });
    svix_now(
        world,
        &source,
        json!({ "type": "invoice.overdue", "invoice": invoice }),
    )
    .await;
    world.settled().await;
    is_right(world);
    read_again(world, &source).await;
    is_right(world);
}

async fn a_scheduled_end_and_a_cancellation_revoke_access(world: &mut World) {
    let source = a_location(world).await;
    members_rule(world).await;
    let [ada, bob] = [
        subscription("s1", "ada", json!({})),
        subscription("s2", "bob", json!({})),
    ];
    world.platform.list("subscriptions/v1", json!([ada, bob]));
    read(world, &source).await;
    let [ends, later] = [utc("2026-01-06T11:00:00Z"), utc("2026-01-10T11:00:00Z")];
    assert_eq!(let_in(world, RANGE, later), ["ada", "bob"]);
    world.turn_to(world.now() + 31.seconds());
    let ending = with(ada.clone(), json!({ "endDate": ends.to_string() }));
    let cancelled = with(bob.clone(), json!({ "status": "canceled" }));
    world
        .platform
        .list("subscriptions/v1", json!([ending, cancelled]));
    for named in [&ada, &bob] {
        // A reading follows at once; the next one at least thirty seconds later.
        world.turn_to(world.now() + 31.seconds());
        let event = with(named.clone(), json!({ "status": null }));
        svix_now(world, &source, event).await;
        read(world, &source).await;
    }
    assert_eq!(let_in(world, RANGE, world.now()), ["ada"]);
    assert_eq!(let_in(world, RANGE, ends - 1.second()), ["ada"]);
    assert!(let_in(world, RANGE, ends).is_empty());
}

async fn everybody_in_a_company_loses_access_with_its_subscription(world: &mut World) {
    let source = a_location(world).await;
    let company = json!([{ "id": "acme", "title": "Acme" }]);
    world.platform.list("community/companies/v1", company);
    let people = json!([
        works_at("ada", Some("acme")),
        works_at("bob", Some("acme")),
        works_at("cy", None)
    ]);
    world.platform.list("community/memberships/v1", people);
    members_rule(world).await;
    // Cy has a subscription of the own, which stays.
    let of_cy = subscription("s2", "cy", json!({}));
    let ends = utc("2026-01-06T11:00:00Z");
    let rows = json!([
        of_company("s1", json!({ "endDate": ends.to_string() })),
        of_cy
    ]);
    world.platform.list("subscriptions/v1", rows);
    read(world, &source).await;
    assert_eq!(
        let_in(world, RANGE, ends - 1.second()),
        ["ada", "bob", "cy"]
    );
    assert_eq!(let_in(world, RANGE, ends), ["cy"], "it expires for both");
    let rows = json!([of_company("s1", json!({})), of_cy]);
    world.platform.list("subscriptions/v1", rows);
    read_again(world, &source).await;
    assert_eq!(
        let_in(world, RANGE, ends),
        ["ada", "bob", "cy"],
        "it was prolonged"
    );
    let cancelled = json!([of_company("s1", json!({ "status": "canceled" })), of_cy]);
    world.platform.list("subscriptions/v1", cancelled);
    read_again(world, &source).await;
    assert_eq!(let_in(world, RANGE, world.now()), ["cy"]);
}

/// Without credentials, so that the events themselves are used.
async fn who_signs_up_has_access_at_once(world: &mut World) {
    world.connect().await;
    members_rule(world).await;
    world.emails.insert("ada@example.com".to_owned());
    let source = a_source(world, "SPACEBRING", None).await;
    let bought = json!({
        "id": "s1", "user": user("ada"), "locationRef": "hq", "startDate": "2026-01-01T00:00:00+01:00", "period": "month",
        "timezoneId": "Europe/Berlin", "items": [{ "id": "i1", "planRef": "desk" }],
    });
    svix_now(world, &source, bought).await;
    world.settled().await;
    assert_eq!(let_in(world, RANGE, world.now()), ["ada"]);
}

async fn an_edited_subscription_takes_effect_at_once(world: &mut World) {
    let source = a_location(world).await;
    members_rule(world).await;
    let without = json!({ "items": [{ "id": "i1", "title": "Coffee", "kisiGroupRef": null }] });
    let rows = json!([subscription("s1", "ada", without)]);
    world.platform.list("subscriptions/v1", rows);
    read(world, &source).await;
    assert!(let_in(world, RANGE, world.now()).is_empty());
    world.turn_to(world.now() + 31.seconds());
    let with_access = json!({ "items": [{ "id": "i1", "title": "Coffee", "kisiGroupRef": 7 }] });
    let edited = subscription("s1", "ada", with_access);
    world.platform.list("subscriptions/v1", json!([edited]));
    svix_now(world, &source, with(edited, json!({ "status": null }))).await;
    read(world, &source).await;
    assert_eq!(let_in(world, RANGE, world.now()), ["ada"]);
}

async fn who_qualifies_is_a_user_in_kisi_with_name_and_address(world: &mut World) {
    let source = a_location(world).await;
    members_rule(world).await;
    let rows = json!([subscription("s1", "ada", json!({}))]);
    world.platform.list("subscriptions/v1", rows);
    read(world, &source).await;
    let user = world.sandbox.user("ada@example.com").unwrap();
    assert_eq!(
        (user.name.as_str(), user.email.as_str()),
        ("ada Doe", "ada@example.com")
    );
    assert!(world.sandbox.user("bob@example.com").is_none());
}

async fn a_disconnected_account_keeps_what_was_given_and_gets_nothing_new(world: &mut World) {
    let source = a_location(world).await;
    members_rule(world).await;
    let rows = json!([
        subscription("s1", "ada", json!({})),
        subscription("s3", "cy", json!({}))
    ]);
    world.platform.list("subscriptions/v1", rows);
    read(world, &source).await;
    let account = world.account.take();
    let arguments = [
        ("account", "ID!", json!(account)),
        ("access", "DisconnectPolicy!", json!("KEEP")),
    ];
    change(world, "disconnectKisi", &arguments, "account { status }").await;
    let rows = json!([
        subscription("s2", "bob", json!({})),
        subscription("s3", "cy", json!({}))
    ]);
    world.platform.list("subscriptions/v1", rows);
    read_again(world, &source).await;
    let member = world.api.member("bob@example.com").await;
    assert!(member.is_some(), "the platform is still read");
    assert_eq!(let_in(world, RANGE, world.now()), ["ada", "cy"]);
}

async fn each_location_has_its_own_kisi_account(world: &mut World) {
    let locations = json!([{ "id": "hq", "title": "HQ" }, { "id": "pier", "title": "Pier" }]);
    world.platform.list("locations/v1", locations);
    let people = ["ada", "bob"].map(|name| works_at(name, None));
    world
        .platform
        .list("community/memberships/v1", json!(people));
    let rows = json!([
        subscription("s1", "ada", json!({ "locationRef": "hq" })),
        subscription("s2", "bob", json!({ "locationRef": "pier" })),
    ]);
    world.platform.list("subscriptions/v1", rows);
    // The API lists the subscriptions of the location that is asked for.
    world
        .platform
        .override_response("subscriptions/v1", |asked, mut page| {
            let rows = page["subscriptions"].as_array_mut().unwrap();
            rows.retain(|row| row["locationRef"] == *asked.query["locationRef"]);
            (200, page)
        });
    world
        .emails
        .extend(["ada", "bob"].map(|name| format!("{name}@example.com")));
    let source = a_source(world, "SPACEBRING", Some(credentials())).await;
    read(world, &source).await;
    let query = "{ locations(first: 9) { nodes { id name } } }";
    let response = world.api.query(query, json!({})).await;
    let nodes = response["locations"]["nodes"].as_array().unwrap().clone();
    for site in ["HQ", "Pier"] {
        let place = world.sandbox.add_place(site, "Europe/Berlin");
        let door = world.sandbox.add_lock(place, &format!("{site} door"));
        let name = format!("{site} members");
        world.sandbox.add_group(&name, Some(place), &[door]);
        world.account = Some(connect_to(&world.api, &world.sandbox, Some(place)).await);
        let group = world.manage(&name).await;
        let location = nodes.iter().find(|node| node["name"] == site).unwrap();
        let condition = json!({ "membership": { "locations": [location["id"]] } });
        world.rule(&group, json!([condition])).await;
    }
    world.settled().await;
    assert_eq!(let_in(world, "HQ door", world.now()), ["ada"]);
    assert_eq!(let_in(world, "Pier door", world.now()), ["bob"]);
}
