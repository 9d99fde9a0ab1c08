//! Check-ins: TeamUp is told once who opens a door for a class, whatever happens on the way, and no door waits for it.

use std::time::Duration;

use jiff::ToSpan;
use latchkey::store::check_ins;
use serde_json::{Value, json};

use super::{customer, read, state};
use crate::kisi_events::{at_kisi, listen};
use crate::support::{
    api::{Source, eventually},
    world::World,
};

const ATTENDANCE: &str = "attendances/20";
const CONFIRMATION: &str = "events/31/confirm_attendance";

on_both!(
    an_unlock_checks_in_once,
    a_door_event_of_kisi_checks_in_once,
    a_lost_answer_is_repeated_without_harm,
    a_refusal_is_shown_and_given_up_after_a_day,
    an_unlock_does_not_wait_for_the_platform,
    nothing_is_sent_unless_it_is_switched_on,
    what_staff_noted_stays,
);

/// Ada and her class of the next hour, which opens the front door.
struct Class {
    source: Source,
    door: String,
    ada: String,
}

async fn a_class(world: &mut World, check_in: bool) -> Class {
    world.connect().await;
    let group = world.manage("Members").await;
    let margin = json!({ "opensBefore": "PT2H", "kinds": ["CLASS"] });
    world
        .rule(&group, json!([{ "registration": margin }]))
        .await;
    world.emails.insert("ada@example.com".to_owned());
    world
        .platform
        .list("customers", json!([customer(1, "ada")]));
    let starts = world.now() + 10.minutes();
    let ends = starts + 1.hour();
    let event = json!({ "id": 31, "name": "Spin", "starts_at": starts.to_string(), "ends_at": ends.to_string(), "status": "active" });
    let class = json!({ "id": 20, "customer": 1, "event": event, "status": "registered", "waitlist_spot": null });
    world.platform.list("attendances", json!([class]));
    let input = json!({ "name": "TeamUp", "platform": "TEAMUP", "credentials": { "teamUp": { "token": "key" } },
        "checkIn": check_in });
    let payload = world
        .api
        .mutate(
            "createSource",
            &[("input", "CreateSourceInput!", input)],
            "source { id webhookPath checkIn }",
        )
        .await;
    assert_eq!(payload["source"]["checkIn"], json!(check_in));
    let source = Source {
        id: payload["source"]["id"].as_str().unwrap().to_owned(),
        path: payload["source"]["webhookPath"]
            .as_str()
            .unwrap()
            .to_owned(),
        secret: String::new().into(),
    };
    read(world, &source).await;
    let door = world.api.named("locks", "Front door").await;
    let ada = world.api.member("ada@example.com").await.unwrap();
    Class { source, door, ada }
}

impl Class {
    async fn unlock(&self, world: &World) {
        let payload = world.api.unlock(&self.door, &self.ada, Value::Null).await;
        assert_eq!(payload["unlocked"], true, "{payload}");
    }

    async fn problems(&self, world: &World) -> Value {
        let query =
            "query($id: ID!) { node(id: $id) { ... on Source { problems { kind fixedBy } } } }";
        let response = world
            .api
            .query(query, json!({ "id": self.source.id }))
            .await;
        response["node"]["problems"].clone()
    }

    async fn wait_for_problem(&self, world: &World, fixer: &str) {
        let shown = json!([{ "kind": "CHECK_INS_FAILING", "fixedBy": fixer }]);
        let ask = async || (self.problems(world).await == shown).then_some(());
        eventually(ask, async || self.problems(world).await.to_string()).await;
    }
}

/// Waits until no check-in has still to be sent.
async fn all_sent(world: &World) {
    let waiting = async || {
        let due = check_ins::due(world.app().db.read(), i64::MAX).await;
        due.unwrap()
    };
    let ask = async || waiting().await.is_empty().then_some(());
    eventually(ask, async || format!("{:?}", waiting().await)).await;
}

fn confirmations(world: &World) -> usize {
    world.platform.asked(CONFIRMATION).len()
}

async fn an_unlock_checks_in_once(world: &mut World) {
    let class = a_class(world, true).await;
    class.unlock(world).await;
    all_sent(world).await;
    assert_eq!(confirmations(world), 1);
    // Again, within the class and after it was read as attended.
    class.unlock(world).await;
    all_sent(world).await;
    world.turn_to(world.now() + 30.minutes());
    super::request_reading(world, &class.source).await;
    read(world, &class.source).await;
    class.unlock(world).await;
    all_sent(world).await;
    assert_eq!(confirmations(world), 1);
    assert_eq!(class.problems(world).await, json!([]));
}

async fn a_door_event_of_kisi_checks_in_once(world: &mut World) {
    let class = a_class(world, true).await;
    let payload = listen(world).await;
    assert_eq!(payload["account"]["listening"], true, "{payload}");
    at_kisi(world, "ada@example.com", "Front door").await;
    let sent = async || (confirmations(world) == 1).then_some(());
    eventually(sent, async || "nothing is sent".to_owned()).await;
    class.unlock(world).await;
    all_sent(world).await;
    assert_eq!(confirmations(world), 1);
}

async fn a_lost_answer_is_repeated_without_harm(world: &mut World) {
    let class = a_class(world, true).await;
    // TeamUp notes the attendance, but the answer is another.
    world
        .platform
        .override_response(CONFIRMATION, |_, _| (502, json!({})));
    class.unlock(world).await;
    class.wait_for_problem(world, "PLATFORM").await;
    world.turn_to(world.now() + 31.seconds());
    all_sent(world).await;
    assert_eq!(
        confirmations(world),
        1,
        "it was looked up, and not sent again"
    );
    assert_eq!(world.platform.asked(ATTENDANCE).len(), 2);
    assert_eq!(class.problems(world).await, json!([]));
}

async fn a_refusal_is_shown_and_given_up_after_a_day(world: &mut World) {
    let class = a_class(world, true).await;
    world
        .platform
        .override_response(ATTENDANCE, |_, _| (403, json!({})));
    class.unlock(world).await;
    class.wait_for_problem(world, "ADMIN").await;
    world.turn_to(world.now() + 31.seconds());
    let again = async || (world.platform.asked(ATTENDANCE).len() == 2).then_some(());
    eventually(again, async || "it is not tried again".to_owned()).await;
    world.turn_to(world.now() + Duration::from_secs(25 * 3600));
    all_sent(world).await;
    class.wait_for_problem(world, "ADMIN").await;
    assert_eq!(confirmations(world), 0);
}

async fn an_unlock_does_not_wait_for_the_platform(world: &mut World) {
    let class = a_class(world, true).await;
    world.platform.hold(ATTENDANCE);
    class.unlock(world).await;
    let asked = async || (world.platform.asked(ATTENDANCE).len() == 1).then_some(());
    eventually(asked, async || "nothing is sent".to_owned()).await;
    class.unlock(world).await;
    world.platform.release();
    all_sent(world).await;
    assert_eq!(confirmations(world), 1);
}

async fn nothing_is_sent_unless_it_is_switched_on(world: &mut World) {
    let class = a_class(world, false).await;
    class.unlock(world).await;
    all_sent(world).await;
    assert_eq!(world.platform.asked(ATTENDANCE).len(), 0);
    let on = |on: bool| json!({ "source": class.source.id, "checkIn": on });
    let update = async |input: Value| {
        let variable = [("input", "UpdateSourceInput!", input)];
        let selection = "source { checkIn }";
        world.api.mutate("updateSource", &variable, selection).await
    };
    assert_eq!(update(on(true)).await["source"]["checkIn"], true);
    world.platform.hold(ATTENDANCE);
    class.unlock(world).await;
    let asked = async || (world.platform.asked(ATTENDANCE).len() == 1).then_some(());
    eventually(asked, async || "nothing is sent".to_owned()).await;
    world.platform.release();
    all_sent(world).await;
    assert_eq!(confirmations(world), 1);
    // Other platforms take none.
    let input = json!({ "name": "Desk", "platform": "CANONICAL", "checkIn": true });
    let variable = [("input", "CreateSourceInput!", input)];
    assert_eq!(
        world.api.refusals("createSource", &variable).await,
        ["INVALID"]
    );
    assert_eq!(state(world, &class.source).await.1, Value::Null);
}

async fn what_staff_noted_stays(world: &mut World) {
    let class = a_class(world, true).await;
    let noted = json!({ "id": 20, "customer": 1, "event": { "id": 31 }, "status": "no_show" });
    world
        .platform
        .override_response(ATTENDANCE, move |_, _| (200, noted.clone()));
    class.unlock(world).await;
    all_sent(world).await;
    assert_eq!(world.platform.asked(ATTENDANCE).len(), 1);
    assert_eq!(confirmations(world), 0);
    assert_eq!(class.problems(world).await, json!([]));
}
