//! Tests of the mutations of sources, of offerings and locations entered by hand, and of replayed deliveries.

use secrecy::ExposeSecret;

use super::*;
use crate::{
    ingest::batch::{Job, Outcome},
    secret::SecretKind,
    store::{lookup, row},
};
use ::access::Instant;

/// A canonical event that names a member.
pub(super) fn member_event(member: &str, email: &str) -> Value {
    let data = json!({"id": member, "email": email, "name": "Ann"});
    json!({"type": "member.updated", "timestamp": "2026-03-02T13:00:00Z", "data": data})
}

/// Stores a delivery as if it had been received, and returns its id.
pub(super) async fn deliver(house: &TestClub, source: &str, external: &str, event: &Value) -> Uuid {
    let body = event.to_string().into_bytes();
    let (club, source) = (house.scope.club, crate::id::decode(source).unwrap().1);
    let now = Instant::from_micros(instant(NOON));
    let job = Job::canonical(club, source, external.to_owned(), body, now);
    match house.app.queue.store(job).await.unwrap() {
        Outcome::Stored { delivery, .. } | Outcome::Duplicate { delivery } => delivery,
    }
}

async fn kept(house: &TestClub, source: &str) -> row::Source {
    let id = crate::id::decode(source).unwrap().1;
    lookup::by_id::<row::Source>(house.app.db.read(), house.scope, id)
        .await
        .unwrap()
        .unwrap()
}

fn opened(house: &TestClub, source: &row::Source, kind: SecretKind) -> Option<String> {
    let sealed = match kind {
        SecretKind::OldSourceSecret => source.old_secret.as_ref(),
        SecretKind::SourceCredentials => source.credentials.as_ref(),
        _ => source.secret.as_ref(),
    };
    let open = |sealed| house.app.sealer.open(kind, source.id, sealed).unwrap();
    sealed.map(|sealed| open(sealed).expose_secret().to_owned())
}

#[tokio::test]
async fn a_source_is_created_with_a_secret() {
    let house = TestClub::new().await;
    let input = json!({"name": "Books", "platform": "EXERCISE_COM"});
    let made = house
        .good(create_source(input.clone()).select("source { id } secret"))
        .await;
    let source = kept(&house, made["source"]["id"].as_str().unwrap()).await;
    assert_eq!(source.signature, row::SignatureScheme::StandardWebhooks);
    assert_eq!(
        (source.time_zone.as_str(), source.path_key.len()),
        ("Europe/Berlin", 32)
    );
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"));
    assert_eq!(
        opened(&house, &source, SecretKind::SourceSecret).as_deref(),
        Some(secret)
    );
    let twice = house.refused(create_source(input)).await;
    assert_eq!(twice, refusal("ALREADY_EXISTS", "input.name"));
    let own = json!({"name": "Shop", "platform": "CANONICAL", "signature": "STRIPE", "secret": "hush", "timeZone": "Asia/Tokyo"});
    let made = house
        .good(create_source(own).select("source { id } secret"))
        .await;
    assert_eq!(made["secret"], json!("hush"));
    assert_eq!(
        kept(&house, made["source"]["id"].as_str().unwrap())
            .await
            .time_zone,
        "Asia/Tokyo"
    );
}

#[tokio::test]
async fn sources_that_cannot_work_are_refused() {
    let house = TestClub::new().await;
    let with = |field: &str, value: Value| {
        let mut input = json!({"name": "Books", "platform": "CANONICAL"});
        input[field] = value;
        input
    };
    let credentials = json!({"clubspot": {"apiKey": "k", "clubId": "c"}});
    for (input, path) in [
        (with("name", json!("")), "input.name"),
        (with("platform", json!("TEAMUP")), "input.credentials"),
        (with("platform", json!("MAPPED")), "input.mapping"),
        (with("signature", json!("NUDGE")), "input.signature"),
        (with("signature", json!("PUSHPRESS")), "input.signature"),
        (with("secret", json!("no base64!")), "input.secret"),
        (with("credentials", credentials), "input.credentials"),
        (with("readEvery", json!("P1D")), "input.readEvery"),
        (with("mapping", json!({})), "input.mapping"),
    ] {
        let answer = house.refused(create_source(input)).await;
        assert_eq!(answer, refusal("INVALID", path));
    }
}

#[tokio::test]
async fn credentials_are_sealed_and_of_the_platform_that_is_read() {
    let house = TestClub::new().await;
    let token = json!({"teamUp": {"token": " a token ", "providerId": "7"}});
    let input = json!({"name": "Gym", "platform": "TEAMUP", "credentials": token});
    let made = house
        .good(
            create_source(input)
                .select("source { id signature readEvery lastReadAt problem } secret"),
        )
        .await;
    assert_eq!(made["secret"], Value::Null);
    let (signature, every) = (&made["source"]["signature"], &made["source"]["readEvery"]);
    assert_eq!((signature, every), (&json!("NUDGE"), &json!("P1D")));
    let id = made["source"]["id"].as_str().unwrap();
    let source = kept(&house, id).await;
    assert_eq!((source.read_due_at, &source.secret), (instant(NOON), &None));
    let sealed = source.credentials.clone().unwrap();
    assert!(!sealed.windows(7).any(|bytes| bytes == b"a token"));
    assert_eq!(
        opened(&house, &source, SecretKind::SourceCredentials).as_deref(),
        Some(r#"{"platform":"teamup","token":"a token","provider":"7"}"#)
    );
    let rotated = house.refused(rotate_source_secret(json!(id))).await;
    assert_eq!(rotated, refusal("INVALID", "source"));

    let often = json!({"source": id, "readEvery": "PT1H"});
    let changed = house
        .good(update_source(often).select("source { readEvery }"))
        .await;
    assert_eq!(changed["source"]["readEvery"], json!("PT1H"));
    let read = house.good(read_source(json!(id))).await;
    assert_eq!(read["source"]["id"], json!(id));
    let now = kept(&house, id).await;
    assert_eq!((now.read_asked, now.read_answered), (1, 0));
    house.good(remove_source(json!(id))).await;
    assert_eq!(kept(&house, id).await.credentials, None);
}

#[tokio::test]
async fn what_a_platform_cannot_do_is_refused_by_its_field() {
    let house = TestClub::new().await;
    let with = |platform: &str, more: Value| {
        let mut input = json!({"name": "Books", "platform": platform});
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        input
    };
    let (teamup, clubspot) = (
        json!({"teamUp": {"token": "t"}}),
        json!({"clubspot": {"apiKey": "k", "clubId": "c"}}),
    );
    let credentials = |given: &Value, more: Value| {
        let mut more = more;
        more["credentials"] = given.clone();
        more
    };
    for (input, path) in [
        (with("TEAMUP", json!({})), "input.credentials"),
        (
            with("TEAMUP", credentials(&clubspot, json!({}))),
            "input.credentials",
        ),
        (
            with("TEAMUP", credentials(&teamup, json!({"signature": "SVIX"}))),
            "input.signature",
        ),
        (
            with("TEAMUP", credentials(&teamup, json!({"secret": "s"}))),
            "input.secret",
        ),
        (
            with("TEAMUP", credentials(&teamup, json!({"readEvery": "PT1M"}))),
            "input.readEvery",
        ),
        (
            with("TEAMUP", credentials(&teamup, json!({"readEvery": "P2D"}))),
            "input.readEvery",
        ),
        (
            with("CLUBSPOT", json!({"readEvery": "PT1H"})),
            "input.readEvery",
        ),
        (
            with("CLUBSPOT", json!({"signature": "NUDGE"})),
            "input.credentials",
        ),
        (
            with("SPACEBRING", json!({"signature": "STRIPE"})),
            "input.signature",
        ),
        (with("SPACEBRING", json!({"mapping": {}})), "input.mapping"),
    ] {
        let answer = house.refused(create_source(input.clone())).await;
        assert_eq!(answer, refusal("INVALID", path), "{input}");
    }
}

#[tokio::test]
async fn an_old_secret_stays_good_for_a_while() {
    let house = TestClub::new().await;
    let id = house.source("Books").await;
    let before = kept(&house, &id).await;
    let old = opened(&house, &before, SecretKind::SourceSecret);
    let made = house.good(rotate_source_secret(json!(id))).await;
    let now = kept(&house, &id).await;
    assert_eq!(
        opened(&house, &now, SecretKind::SourceSecret).as_deref(),
        made["secret"].as_str()
    );
    assert_eq!(opened(&house, &now, SecretKind::OldSourceSecret), old);
    assert_eq!(now.old_secret_until, Some(instant("2026-03-03T12:00:00Z")));
    let keep_old_for =
        |length: &str| rotate_source_secret(&id).with("keepOldFor", "Duration!", length);
    house.good(keep_old_for("PT0S")).await;
    let now = kept(&house, &id).await;
    assert_eq!((now.old_secret, now.old_secret_until), (None, None));
    let bad = rotate_source_secret(&id).with("secret", "String", "~");
    assert_eq!(house.refused(bad).await, refusal("INVALID", "secret"));
    assert_eq!(
        house.refused(keep_old_for("P367D")).await,
        refusal("INVALID", "keepOldFor")
    );
    let other = house.neighbour().await;
    let answer = other.refused(rotate_source_secret(json!(id))).await;
    assert_eq!(answer, refusal("NOT_FOUND", "source"));
}

#[tokio::test]
async fn a_source_without_an_api_is_not_read() {
    let house = TestClub::new().await;
    let id = house.source("Books").await;
    let answer = house.refused(read_source(id)).await;
    assert_eq!(answer, refusal("INVALID", "source"));
    let answer = house.refused(read_source("nothing")).await;
    assert_eq!(answer, refusal("NOT_FOUND", "source"));
}

#[tokio::test]
async fn a_source_is_renamed_moved_and_removed() {
    let house = TestClub::new().await;
    let account = house.connected().await;
    let id = house.source("Books").await;
    house.source("Shop").await;
    deliver(&house, &id, "one", &member_event("7", "ann@example.com")).await;
    house.settle(account.id).await;
    let input = |name: &str, zone: &str| {
        update_source(json!({"source": id, "name": name, "timeZone": zone}))
    };
    house.good(input("Books", "Europe/Berlin")).await;
    assert_eq!(house.backlog(account.id).await, 0);
    house.good(input("Ledger", "Asia/Tokyo")).await;
    assert_eq!(house.backlog(account.id).await, 1);
    let now = kept(&house, &id).await;
    assert_eq!(
        (now.name.as_str(), now.time_zone.as_str()),
        ("Ledger", "Asia/Tokyo")
    );
    let taken = house.refused(input("Shop", "Asia/Tokyo")).await;
    assert_eq!(taken, refusal("ALREADY_EXISTS", "input.name"));
    let reads = json!({"source": id, "readEvery": "P1D"});
    let answer = house.refused(update_source(reads)).await;
    assert_eq!(answer, refusal("INVALID", "input.readEvery"));

    house.settle(account.id).await;
    let gone = house.good(remove_source(&id)).await;
    assert_eq!(gone["removedId"], json!(id));
    assert_eq!(house.backlog(account.id).await, 1);
    assert_eq!(
        house.refused(remove_source(&id)).await,
        refusal("NOT_FOUND", "source")
    );
    assert_eq!(
        house.refused(input("x", "Asia/Tokyo")).await,
        refusal("NOT_FOUND", "input.source")
    );
    house.source("Ledger").await;
}

#[tokio::test]
async fn offerings_and_locations_are_saved_and_renamed() {
    let house = TestClub::new().await;
    let account = house.connected().await;
    let source = house.source("Books").await;
    let plan = house.offering(&source, "MEMBERSHIP", "Unlimited").await;
    let input =
        json!({"source": source, "externalId": "Unlimited", "kind": "MEMBERSHIP", "name": "Gold"});
    house
        .app
        .clock
        .advance_to(Instant::from_micros(instant("2026-03-02T12:00:01Z")));
    let again = house.good(save_offering(input)).await;
    assert_eq!(again["offering"]["id"], json!(plan));
    let id = crate::id::decode(&plan).unwrap().1;
    let row = lookup::by_ids::<row::Offering>(house.app.db.read(), house.scope, &[id])
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(row.name, "Gold");

    deliver(
        &house,
        &source,
        "one",
        &member_event("7", "ann@example.com"),
    )
    .await;
    house.settle(account.id).await;
    let save = async |name: &str, zone: Value| {
        let input = json!({"source": source, "externalId": "hq", "name": name, "timeZone": zone});
        let made = house.good(save_location(input)).await;
        let id = crate::id::decode(made["location"]["id"].as_str().unwrap())
            .unwrap()
            .1;
        let row = lookup::by_ids::<row::Location>(house.app.db.read(), house.scope, &[id])
            .await
            .unwrap()
            .pop()
            .unwrap();
        (row.id, row.name, row.time_zone)
    };
    let (first, ..) = save("HQ", json!("Europe/Berlin")).await;
    assert_eq!(house.backlog(account.id).await, 0);
    house
        .app
        .clock
        .advance_to(Instant::from_micros(instant("2026-03-02T12:00:02Z")));
    assert_eq!(
        save("Main", Value::Null).await,
        (first, "Main".to_owned(), Some("Europe/Berlin".to_owned()))
    );
    house
        .app
        .clock
        .advance_to(Instant::from_micros(instant("2026-03-02T12:00:03Z")));
    assert_eq!(
        save("Main", json!("Asia/Tokyo")).await.2.as_deref(),
        Some("Asia/Tokyo")
    );
    let open = due::backlog(
        house.app.db.read(),
        account.id,
        instant("2026-03-02T12:00:03Z"),
    )
    .await
    .unwrap();
    assert_eq!(open, 1);

    let blank = json!({"source": source, "externalId": " ", "kind": "ROOM", "name": "x"});
    let answer = house.refused(save_offering(blank)).await;
    assert_eq!(answer, refusal("INVALID", "input.externalId"));
    let nameless = json!({"source": source, "externalId": "x", "name": ""});
    let answer = house.refused(save_location(nameless)).await;
    assert_eq!(answer, refusal("INVALID", "input.name"));
    let other = house.neighbour().await;
    let foreign = json!({"source": source, "externalId": "x", "kind": "ROOM", "name": "x"});
    let answer = other.refused(save_offering(foreign)).await;
    assert_eq!(answer, refusal("NOT_FOUND", "input.source"));
}

#[tokio::test]
async fn a_delivery_is_read_again() {
    let house = TestClub::new().await;
    let source = house.source("Books").await;
    let delivery = deliver(&house, &source, "one", &json!({"type": "unheard.of"})).await;
    let replay = || replay_delivery(id(Kind::Delivery, delivery));
    house.good(replay()).await;
    let row = lookup::by_id::<row::Delivery>(house.app.db.read(), house.scope, delivery)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.status, row::DeliveryStatus::Failed);
    let answer = house.neighbour().await.refused(replay()).await;
    assert_eq!(answer, refusal("NOT_FOUND", "delivery"));
}
