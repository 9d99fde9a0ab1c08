//! Tests of the protocol: the step for each message in each state.

use async_graphql::{PathSegment, Response, ServerError, Value as Answer};
use serde_json::{Value, json};

use super::*;

fn open() -> Protocol {
    let mut protocol = Protocol::new();
    let init = json!({ "type": "connection_init", "payload": { "Authorization": "Bearer x" } });
    match protocol.take(&init.to_string()) {
        Step::Authenticate(credentials) => {
            assert_eq!(credentials.authorization.as_deref(), Some("Bearer x"));
        }
        other => panic!("{other:?}"),
    }
    assert!(!protocol.is_open());
    assert_eq!(protocol.acknowledge(), r#"{"type":"connection_ack"}"#);
    assert!(protocol.is_open());
    protocol
}

fn subscribe(id: &str) -> String {
    let payload = json!({ "query": "{ a }" });
    json!({ "id": id, "type": "subscribe", "payload": payload }).to_string()
}

fn run(protocol: &mut Protocol, id: &str) -> u64 {
    match protocol.take(&subscribe(id)) {
        Step::Run { number, .. } => number,
        other => panic!("{other:?}"),
    }
}

fn closes(protocol: &mut Protocol, text: &str) -> u16 {
    match protocol.take(text) {
        Step::Close(close) => close.code,
        other => panic!("{text}: {other:?}"),
    }
}

fn says(text: Option<String>) -> Value {
    serde_json::from_str(&text.expect("no message is sent")).unwrap()
}

#[test]
fn malformed_messages_close_with_4400() {
    for text in [
        "",
        "nonsense",
        "[]",
        "{}",
        r#"{"type": 1}"#,
        r#"{"type": "start"}"#,
        r#"{"type": "next", "id": "a"}"#,
        r#"{"type": "ping", "payload": 1}"#,
        r#"{"type": "subscribe"}"#,
        r#"{"type": "subscribe", "id": 1, "payload": {"query": "{a}"}}"#,
        r#"{"type": "subscribe", "id": "", "payload": {"query": "{a}"}}"#,
        r#"{"type": "subscribe", "id": "a"}"#,
        r#"{"type": "subscribe", "id": "a", "payload": "{a}"}"#,
        r#"{"type": "subscribe", "id": "a", "payload": {}}"#,
        r#"{"type": "subscribe", "id": "a", "payload": {"query": 1}}"#,
        r#"{"type": "subscribe", "id": "a", "payload": {"query": "{a}", "variables": []}}"#,
        r#"{"type": "complete"}"#,
    ] {
        assert_eq!(closes(&mut open(), text), 4400, "{text}");
    }
    let text = r#"{"type": "connection_init", "payload": "x"}"#;
    assert_eq!(closes(&mut Protocol::new(), text), 4400);
}

#[test]
fn only_pings_are_allowed_before_connection_init() {
    assert_eq!(closes(&mut Protocol::new(), &subscribe("a")), 4401);
    let complete = r#"{"type": "complete", "id": "a"}"#;
    assert_eq!(closes(&mut Protocol::new(), complete), 4401);
    let mut protocol = Protocol::new();
    let init = r#"{"type": "connection_init"}"#;
    assert!(matches!(
        protocol.take(init),
        Step::Authenticate(credentials) if credentials == Credentials::default()
    ));
    // `connection_init` was sent, but not acknowledged yet.
    assert_eq!(closes(&mut protocol, &subscribe("a")), 4401);
    assert_eq!(closes(&mut protocol, init), 4429);
    assert_eq!(closes(&mut open(), init), 4429);
}

#[test]
fn pings_are_answered_with_their_payload() {
    for mut protocol in [Protocol::new(), open()] {
        for (ping, pong) in [
            (json!({ "type": "ping" }), json!({ "type": "pong" })),
            (
                json!({ "type": "ping", "payload": { "a": 1 } }),
                json!({ "type": "pong", "payload": { "a": 1 } }),
            ),
        ] {
            match protocol.take(&ping.to_string()) {
                Step::Send(text) => assert_eq!(says(Some(text)), pong),
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(
            protocol.take(r#"{"type": "pong"}"#),
            Step::Nothing
        ));
    }
}

#[test]
fn an_id_belongs_to_one_operation_at_a_time() {
    let mut protocol = open();
    let first = run(&mut protocol, "a");
    run(&mut protocol, "b");
    assert_eq!(
        says(protocol.end(first)),
        json!({ "id": "a", "type": "complete" })
    );
    let second = run(&mut protocol, "a");
    assert_ne!(first, second);
    assert_eq!(closes(&mut protocol, &subscribe("a")), 4409);
}

#[test]
fn nothing_is_sent_about_a_completed_operation() {
    let mut protocol = open();
    let number = run(&mut protocol, "a");
    let complete = r#"{"type": "complete", "id": "a"}"#;
    assert!(matches!(protocol.take(complete), Step::Stop { number: n } if n == number));
    assert!(matches!(protocol.take(complete), Step::Nothing));
    let again = run(&mut protocol, "a");
    assert_eq!(protocol.answer(number, &Response::default()), None);
    assert_eq!(protocol.end(number), None);
    assert!(protocol.end(again).is_some());
}

#[test]
fn the_number_of_operations_is_limited() {
    let mut protocol = open();
    let numbers: Vec<u64> = (0..MAX_OPERATIONS)
        .map(|n| run(&mut protocol, &n.to_string()))
        .collect();
    let refused = protocol.take(&subscribe("more"));
    assert!(matches!(
        refused,
        Step::Refuse {
            refusal: TOO_MANY,
            ..
        }
    ));
    protocol.end(numbers[0]);
    run(&mut protocol, "more");
}

#[test]
fn a_hash_alone_is_not_enough() {
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": "00" } });
    let payload = json!({ "extensions": extensions });
    let text = json!({ "id": "a", "type": "subscribe", "payload": payload }).to_string();
    let refused = open().take(&text);
    assert!(matches!(
        refused,
        Step::Refuse {
            refusal: NOT_PERSISTED,
            ..
        }
    ));
}

#[test]
fn a_failure_before_execution_is_an_error_and_ends_the_operation() {
    let failed = |path: &[&str]| {
        let path = path
            .iter()
            .map(|name| PathSegment::Field((*name).to_owned()));
        let error = ServerError::new("no", None).with_path(path.collect());
        Response::from_errors(vec![error])
    };
    let mut protocol = open();
    let number = run(&mut protocol, "a");
    let said = says(protocol.answer(number, &failed(&[])));
    assert_eq!(
        (&said["type"], &said["payload"][0]["message"]),
        (&json!("error"), &json!("no"))
    );
    assert_eq!(protocol.end(number), None);
    // A query with a failed field was executed; a subscription whose first response fails has not started.
    let query = run(&mut protocol, "a");
    assert_eq!(
        says(protocol.answer(query, &failed(&["a"])))["type"],
        "next"
    );
    let begun = run(&mut protocol, "b");
    protocol.mark_subscription(begun);
    let event = Response::new(Answer::from(1));
    assert_eq!(
        says(protocol.answer(begun, &event))["payload"],
        json!({ "data": 1 })
    );
    assert_eq!(
        says(protocol.answer(begun, &failed(&["b"])))["type"],
        "next"
    );
    let unbegun = run(&mut protocol, "c");
    protocol.mark_subscription(unbegun);
    assert_eq!(
        says(protocol.answer(unbegun, &failed(&["c"])))["type"],
        "error"
    );
}
