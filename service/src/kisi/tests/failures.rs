//! How the client classifies each failure.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::server::{Reply, Server};
use crate::kisi::{Client, Error, Pacer, http_client};

type Answer = fn() -> Reply;

/// The errors of a read and of a write that get this response.
async fn both(reply: impl Fn() -> Reply + Send + Sync + 'static) -> (Error, Error) {
    let server = Server::start(move |_| reply());
    let read = server.client().me().await.unwrap_err();
    let write = server
        .client()
        .change_window(1, None, None)
        .await
        .unwrap_err();
    (read, write)
}

async fn write_error(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Error {
    both(reply).await.1
}

#[tokio::test]
async fn each_status_has_its_kind_and_reason() {
    let body = || json!({ "error": "No.", "code": "afc496" });
    for status in [400, 401, 403, 404, 409, 418, 422] {
        let error = write_error(move || Reply::json(status, body())).await;
        let right = match (status, &error) {
            (401, Error::Unauthorized { .. }) | (403, Error::Forbidden { .. }) => true,
            (404, Error::NotFound { .. }) | (409, Error::Conflict { .. }) => true,
            (422, Error::Unprocessable { .. }) => true,
            (
                400 | 418,
                Error::Refused {
                    status: refused, ..
                },
            ) => *refused == status,
            _ => false,
        };
        assert!(right, "{status}: {error:?}");
        assert_eq!((error.code(), error.message()), (Some("afc496"), "No."));
        assert!(error.outcome_is_known() && !error.is_outage());
    }
}

#[tokio::test]
async fn reasons_are_read_from_every_known_field() {
    let cases = [
        (
            json!({ "errors": { "email": ["is taken", "is odd"], "name": "is long" } }),
            "email is taken; email is odd; name is long",
        ),
        (json!({ "errors": ["one", "two"] }), "one; two"),
        (json!({ "error": "", "errors": "both" }), "both"),
        (
            json!({ "error": "first", "errors": { "a": ["second"] } }),
            "first",
        ),
        (json!({ "error_description": "of OAuth" }), "of OAuth"),
        (json!({ "code": "bb4faa" }), ""),
        (json!({}), ""),
    ];
    for (body, reason) in cases {
        let error = write_error(move || Reply::json(422, body.clone())).await;
        assert_eq!(error.message(), reason);
    }
    for status in [401, 403, 404, 409, 422] {
        let error = write_error(move || Reply::empty(status)).await;
        assert!(error.outcome_is_known(), "{status}: {error:?}");
        assert_eq!((error.code(), error.message()), (None, ""));
        assert!(!error.for_people().is_empty());
    }
}

#[tokio::test]
async fn untrustworthy_responses_are_unknown() {
    let replies: Vec<Answer> = vec![
        || Reply::text(502, "<html>Bad Gateway</html>"),
        || Reply::json(500, json!({ "error": "Unexpected", "code": "ffffff" })),
        || Reply::json(503, json!({ "error": "Controller", "code": "fac001" })),
        || Reply::empty(504),
        || Reply::empty(408),
        || Reply::text(403, "<!doctype html>blocked"),
        || Reply::text(404, "404 page not found"),
        || Reply::text(200, "<html>Sign in to the Wi-Fi</html>"),
        || Reply::text(200, "{\"id\": 7, \"na"),
        || Reply::Truncated("{\"id\": 7}"),
        || Reply::Close,
        || Reply::empty(302).with("Location", "https://example.com/"),
    ];
    for (number, reply) in replies.into_iter().enumerate() {
        let (read, write) = both(reply).await;
        for error in [read, write] {
            assert!(
                matches!(error, Error::Unknown { .. }),
                "{number}: {error:?}"
            );
            assert!(!error.outcome_is_known() && error.is_outage());
            assert!(!error.to_string().contains('<'));
        }
    }
}

#[tokio::test]
async fn a_time_out_is_unknown() {
    let server = Server::start(|_| Reply::Stall(Duration::from_secs(3)));
    let client = server.client_with(Pacer::new(1000), Duration::from_millis(150));
    let error = client.change_window(1, None, None).await.unwrap_err();
    assert!(matches!(&error, Error::Unknown { reason, .. } if reason == "the response timed out"));
    assert_eq!(server.requests().len(), 1, "nothing is sent twice");
}

#[tokio::test]
async fn no_connection_means_not_sent() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let http = http_client(Duration::from_secs(2)).unwrap();
    for base in [format!("http://{closed}"), "http://kisi.invalid".to_owned()] {
        let secret = "s".to_owned().into();
        let pacer = Pacer::new(1000);
        let client = Client::new(base.parse().unwrap(), secret, pacer, http.clone());
        let error = client.user_by_email("ada@example.com").await.unwrap_err();
        assert!(matches!(error, Error::NotSent(_)), "{error:?}");
        assert!(error.outcome_is_known() && error.is_outage());
        assert!(!format!("{error:?} {error}").contains("ada"), "{error:?}");
    }
}

#[tokio::test]
async fn a_429_stops_the_pacer() {
    let second = Duration::from_secs(1);
    let cases: Vec<(Answer, Option<Duration>)> = vec![
        (|| Reply::empty(429), None),
        (
            || Reply::text(429, "<html>slow down</html>").with("Retry-After", "soon"),
            None,
        ),
        (
            || Reply::empty(429).with("Retry-After", 7),
            Some(7 * second),
        ),
        (
            || Reply::json(429, json!({ "error": "x" })).with("Retry-After", "0.5"),
            Some(second / 2),
        ),
        (
            || {
                Reply::empty(429)
                    .with("Date", "Wed, 21 Oct 2026 07:28:00 GMT")
                    .with("Retry-After", "Wed, 21 Oct 2026 07:28:30 GMT")
            },
            Some(30 * second),
        ),
    ];
    for (reply, named) in cases {
        let server = Server::start(move |_| reply());
        let pacer = Pacer::new(1000);
        let error = server
            .client_with(pacer.clone(), 5 * second)
            .me()
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::RateLimited { after } if after == named),
            "{error:?}"
        );
        assert!(error.is_outage() && error.outcome_is_known());
        let left = pacer.paused_for().unwrap();
        let whole = named.unwrap_or(second);
        assert!(
            left <= whole && left + second / 4 > whole,
            "{left:?} of {whole:?}"
        );
    }
}

#[tokio::test]
async fn a_patient_client_repeats_reads_after_a_short_pause() {
    let limited = |pause: &'static str, times: usize| {
        let asked = AtomicUsize::new(0);
        Server::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
            nth if nth < times => Reply::empty(429).with("Retry-After", pause),
            _ => Reply::json(200, json!([])),
        })
    };
    let client = |server: &Server| server.client_with(Pacer::new(1000), Duration::from_secs(5));
    let read = async |client: Client| client.user_by_email("ada@example.com").await;
    let is_limited = |error: &Error| matches!(error, Error::RateLimited { .. });

    let server = limited("0.05", 3);
    assert!(read(client(&server).patient()).await.unwrap().is_none());
    assert_eq!(server.requests().len(), 4);

    let refused: [(&str, usize, bool, usize); 3] = [
        ("0.05", 1, false, 1), // Nobody waits for the answer.
        ("6", 1, true, 1),     // The pause is too long.
        ("0.05", 9, true, 4),  // It does not end.
    ];
    for (pause, times, is_patient, requests) in refused {
        let server = limited(pause, times);
        let client = client(&server);
        let client = if is_patient { client.patient() } else { client };
        assert!(is_limited(&read(client).await.unwrap_err()));
        assert_eq!(server.requests().len(), requests, "{pause}, {times} times");
    }

    let server = limited("0.05", 1);
    let written = client(&server).patient().change_window(1, None, None).await;
    assert!(is_limited(&written.unwrap_err()));
    assert_eq!(server.requests().len(), 1, "a write is never repeated");
}

#[tokio::test]
async fn an_unlock_reports_an_unavailable_device() {
    for code in ["fac001", "fbc000", "ff420a", "fad107", "ecc123"] {
        let server =
            Server::start(move |_| Reply::json(503, json!({ "error": "No.", "code": code })));
        let error = server.client().unlock(3, None).await.unwrap_err();
        assert!(
            matches!(error, Error::Refused { status: 503, .. }),
            "{error:?}"
        );
        assert_eq!(error.code(), Some(code));
        assert!(!error.is_outage());
    }
    for body in [json!({ "error": "x", "code": "ffffff" }), json!({})] {
        let server = Server::start(move |_| Reply::json(503, body.clone()));
        let error = server.client().unlock(3, None).await.unwrap_err();
        assert!(matches!(error, Error::Unknown { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn only_kisi_itself_can_say_that_something_is_gone() {
    let gone: Vec<Answer> = vec![|| Reply::empty(404), || {
        Reply::json(404, json!({ "error": "Not found.", "code": "000000" }))
    }];
    for reply in gone {
        let client = Server::start(move |_| reply()).client();
        client.delete_assignment(1).await.unwrap();
        client.delete_integration(1).await.unwrap();
        assert_eq!(client.assignment(1).await.unwrap(), None);
    }
    let away: Vec<Answer> = vec![
        || Reply::text(404, "404 page not found"),
        || Reply::text(404, "<html>Not Found</html>"),
        || {
            let text = "The endpoint does not exist, please check your request.";
            Reply::json(404, json!({ "code": "000404", "error": text }))
        },
    ];
    for reply in away {
        let client = Server::start(move |_| reply()).client();
        client.delete_assignment(1).await.unwrap_err();
        client.assignment(1).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_write_with_an_unreadable_response_has_an_unknown_outcome() {
    let client = Server::start(|_| Reply::json(200, json!({ "ok": true }))).client();
    let error = client
        .create_login_on_behalf("ada@example.com")
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Malformed { of_write: true, .. }),
        "{error:?}"
    );
    assert!(!error.outcome_is_known());
    let error = client.me().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Malformed {
                of_write: false,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.outcome_is_known() && !error.is_outage());
}

#[tokio::test]
async fn messages_for_people_say_the_cause_and_who_can_fix_it() {
    let refused = |status: u16, body: serde_json::Value| async move {
        write_error(move || Reply::json(status, body.clone()))
            .await
            .for_people()
    };
    assert!(
        refused(401, json!({}))
            .await
            .contains("An owner of the organization creates a new key")
    );
    assert!(refused(403, json!({})).await.contains("administrator"));
    assert!(refused(402, json!({})).await.contains("past due"));
    assert!(
        refused(403, json!({ "error": "Account is past due" }))
            .await
            .contains("past due")
    );
    assert!(
        refused(422, json!({ "error": "Maximum of 10 logins" }))
            .await
            .contains("ten API keys")
    );
    assert!(
        refused(401, json!({ "code": "afc526" }))
            .await
            .contains("second factor")
    );
    // The code counts, whatever the status.
    assert!(
        refused(409, json!({ "code": "bb4faa" }))
            .await
            .contains("reader restriction")
    );
    assert!(
        refused(403, json!({ "code": "f358de" }))
            .await
            .contains("not begun")
    );
    assert!(
        refused(422, json!({ "error": "Odd." }))
            .await
            .ends_with("Kisi's message: Odd.")
    );
}

#[tokio::test]
async fn a_key_that_is_no_valid_header_value_is_refused_without_a_call() {
    let server = Server::start(|_| Reply::empty(500));
    let http = http_client(Duration::from_secs(2)).unwrap();
    let secret = "ab\ncd".to_owned().into();
    let client = Client::new(server.url.clone(), secret, Pacer::new(1000), http);
    let error = client.me().await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    assert!(server.requests().is_empty());
}
