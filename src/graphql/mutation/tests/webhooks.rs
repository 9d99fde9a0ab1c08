//! Mutations of endpoints and their messages.

use super::*;

const URL: &str = "https://hooks.example.com/latchkey?key=hidden";

impl TestClub {
    /// Creates an endpoint and returns its id.
    async fn endpoint(&self, name: &str) -> String {
        let input =
            json!({"name": name, "url": URL, "events": ["ACCESS_CHANGED", "ACCESS_CHANGED"]});
        let made = self.good(create_webhook_endpoint(input)).await;
        assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
        made["endpoint"]["id"].as_str().unwrap().to_owned()
    }

    async fn endpoints(&self) -> Value {
        let query =
            "{ webhookEndpoints { id name url status events failingSince oldSecretUntil } }";
        self.read(query, json!({})).await["webhookEndpoints"].take()
    }

    async fn read(&self, query: &str, variables: Value) -> Value {
        let caller = self.caller(row::Role::Admin, None);
        let response = self.send(caller, query, variables).await;
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        response.data.into_json().unwrap()
    }

    async fn messages(&self, filter: Value) -> Vec<Value> {
        let query = "query($filter: WebhookMessageFilter) { webhookMessages(filter: $filter) { nodes {
            id webhookId event status body endpoint { name } attempts { problem } nextAttemptAt finishedAt } } }";
        let mut data = self.read(query, json!({"filter": filter})).await;
        serde_json::from_value(data["webhookMessages"]["nodes"].take()).unwrap()
    }
}

#[tokio::test]
async fn an_endpoint_is_created_changed_and_removed() {
    let club = TestClub::new().await;
    let id = club.endpoint("Zapier").await;
    let changes = json!({"endpoint": id, "name": "Make", "events": ["DOOR_DENIED", "REVOCATION_HELD"], "paused": true});
    let payload = club.good(update_webhook_endpoint(changes)).await;
    assert_eq!(payload["endpoint"]["status"], "PAUSED");
    assert_eq!(
        payload["endpoint"]["events"],
        json!(["DOOR_DENIED", "REVOCATION_HELD"])
    );
    let changes = json!({"endpoint": id, "paused": false});
    let payload = club.good(update_webhook_endpoint(changes)).await;
    assert_eq!(payload["endpoint"]["status"], "ACTIVE");
    assert_eq!(payload["endpoint"]["url"], URL);
    let payload = club
        .good(rotate_webhook_endpoint_secret(json!({"endpoint": id})))
        .await;
    assert_eq!(
        payload["endpoint"]["oldSecretUntil"],
        "2026-03-03T12:00:00Z"
    );
    club.good(remove_webhook_endpoint(json!({"endpoint": id})))
        .await;
    assert_eq!(club.endpoints().await, json!([]));
    let gone = club
        .refused(send_test_message(json!({"endpoint": id})))
        .await;
    assert_eq!(gone, ("NOT_FOUND".to_owned(), "input.endpoint".to_owned()));

    let rows = club.history(row::HistoryKind::WebhooksChanged).await;
    let messages: Vec<String> = rows.into_iter().map(|row| row.message).collect();
    assert_eq!(
        messages,
        [
            "The endpoint “Make” was removed.",
            "The secret of the endpoint “Make” was replaced.",
            "The endpoint “Make” was changed: state (paused → active).",
            "The endpoint “Make” was changed: name (Zapier → Make), events (access.changed → door.denied revocation.held), \
             state (active → paused).",
            "Events are sent to the endpoint “Zapier”: access.changed.",
        ]
    );
}

#[tokio::test]
async fn mistakes_of_an_endpoint_are_refused_at_once() {
    let club = TestClub::new().await;
    let id = club.endpoint("Zapier").await;
    let input = json!({"name": " ", "url": "http://10.0.0.1", "events": []});
    let payload = club.run(&create_webhook_endpoint(input)).await;
    let errors = payload["userErrors"].as_array().unwrap();
    let fields: Vec<&Value> = errors.iter().map(|error| &error["field"][1]).collect();
    assert_eq!(fields, ["name", "url", "events"]);
    assert_eq!(payload["secret"], Value::Null);
    for (mutation, refusal) in [
        (
            create_webhook_endpoint(
                json!({"name": "Zapier", "url": URL, "events": ["DOOR_DENIED"]}),
            ),
            ("ALREADY_EXISTS", "input.name"),
        ),
        (
            create_webhook_endpoint(
                json!({"name": "Own", "url": "https://169.254.169.254/", "events": ["DOOR_DENIED"]}),
            ),
            ("INVALID", "input.url"),
        ),
        (
            update_webhook_endpoint(json!({"endpoint": id, "url": "https://localhost/"})),
            ("INVALID", "input.url"),
        ),
        (
            rotate_webhook_endpoint_secret(json!({"endpoint": id, "keepOldFor": "P367D"})),
            ("INVALID", "input.keepOldFor"),
        ),
        (
            replay_webhook_messages(json!({"since": NOON})),
            ("INVALID", "input"),
        ),
        (
            replay_webhook_messages(json!({"messages": []})),
            ("INVALID", "input.messages"),
        ),
    ] {
        let (code, path) = club.refused(mutation).await;
        assert_eq!((code.as_str(), path.as_str()), refusal);
    }
    for number in 1..20 {
        club.endpoint(&number.to_string()).await;
    }
    let more = json!({"name": "More", "url": URL, "events": ["DOOR_DENIED"]});
    let refusal = club.refused(create_webhook_endpoint(more)).await;
    assert_eq!(refusal, ("INVALID".to_owned(), "input".to_owned()));
}

#[tokio::test]
async fn a_test_waits_and_can_be_cancelled_and_replayed() {
    let club = TestClub::new().await;
    let id = club.endpoint("Zapier").await;
    let other = club.endpoint("Make").await;
    let payload = club.good(send_test_message(json!({"endpoint": id}))).await;
    assert_eq!(payload["message"]["event"], "ENDPOINT_TEST");
    let message = payload["message"]["id"].clone();
    let all = club.messages(json!({"endpoint": id})).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["status"], "WAITING");
    assert_eq!(all[0]["nextAttemptAt"], NOON);
    let body: Value = serde_json::from_str(all[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["type"], "endpoint.test");
    assert_eq!(club.messages(json!({"endpoint": other})).await.len(), 0);
    let node =
        "query($id: ID!) { node(id: $id) { id ... on WebhookMessage { endpoint { url } } } }";
    let node = club.read(node, json!({"id": message})).await;
    assert_eq!(node["node"]["endpoint"]["url"], URL);

    club.good(remove_webhook_endpoint(json!({"endpoint": id})))
        .await;
    let all = club.messages(json!({"statuses": ["CANCELLED"]})).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["finishedAt"], NOON);
    let replay = json!({"messages": [message]});
    let payload = club.good(replay_webhook_messages(replay)).await;
    assert_eq!(payload["replayed"], 0, "its endpoint is removed");
    let payload = club
        .good(send_test_message(json!({"endpoint": other})))
        .await;
    let replay = json!({"messages": [payload["message"]["id"]]});
    let payload = club.good(replay_webhook_messages(replay)).await;
    assert_eq!(payload["replayed"], 1);
}

#[tokio::test]
async fn only_admins_see_endpoints() {
    let club = TestClub::new().await;
    let id = club.endpoint("Zapier").await;
    for role in [row::Role::App, row::Role::Desk, row::Role::Reader] {
        for query in [
            "{ webhookEndpoints { name } }",
            "{ webhookMessages { nodes { event } } }",
            "query($id: ID!) { node(id: $id) { ... on WebhookEndpoint { url } } }",
        ] {
            let response = club
                .send(club.caller(role, None), query, json!({"id": id}))
                .await;
            let response = serde_json::to_value(&response).unwrap();
            assert_eq!(
                response["errors"][0]["extensions"]["code"], "FORBIDDEN",
                "{query}"
            );
        }
    }
}
