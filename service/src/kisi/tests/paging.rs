//! Paged lists are read completely or fail.

use serde_json::{Value, json};

use super::server::{Reply, Request, Server};
use crate::kisi::{Error, Place};

fn rows(from: u64, to: u64) -> Value {
    (from..to)
        .map(|id| json!({ "id": id, "name": format!("p{id}"), "extra": [1] }))
        .collect()
}

/// As in Kisi: the end of the range is not clipped, an empty page is `*`.
fn range(request: &Request, total: u64) -> String {
    let (offset, limit) = (request.number("offset"), request.number("limit"));
    if offset >= total {
        return format!("*/{total}");
    }
    format!("{offset}-{}/{total}", offset + limit - 1)
}

fn page_of(request: &Request, total: u64) -> Value {
    let (offset, limit) = (request.number("offset"), request.number("limit"));
    rows(offset.min(total), (offset + limit).min(total))
}

fn honest(total: u64) -> Server {
    Server::start(move |request| {
        Reply::json(200, page_of(request, total)).with("X-Collection-Range", range(request, total))
    })
}

async fn places(
    answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> Result<Vec<Place>, Error> {
    Server::start(answer).client().places().await
}

async fn fails_with(words: &str, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
    match places(answer).await {
        Err(Error::Malformed {
            what,
            of_write: false,
        }) => {
            assert!(what.contains(words), "{what}, not {words}")
        }
        other => panic!("{words}: {other:?}"),
    }
}

#[tokio::test]
async fn every_page_is_read_and_no_more() {
    for (total, calls) in [
        (0, 1),
        (1, 1),
        (249, 1),
        (250, 1),
        (251, 2),
        (500, 2),
        (620, 3),
    ] {
        let server = honest(total);
        let places = server.client().places().await.unwrap();
        let ids: Vec<_> = places
            .iter()
            .map(|place| place.id.cast_unsigned())
            .collect();
        assert_eq!(ids, (0..total).collect::<Vec<_>>());
        assert_eq!(server.requests().len(), calls, "{total} rows");
    }
}

#[tokio::test]
async fn without_a_range_a_short_page_is_the_last() {
    for (total, calls) in [(0, 1), (249, 1), (250, 2), (620, 3)] {
        let server = Server::start(move |request| Reply::json(200, page_of(request, total)));
        assert_eq!(server.client().places().await.unwrap().len() as u64, total);
        assert_eq!(server.requests().len(), calls, "{total} rows");
    }
}

#[tokio::test]
async fn a_list_that_grows_while_it_is_read_is_fine() {
    let result = places(|request| {
        let total = if request.number("offset") == 0 {
            300
        } else {
            301
        };
        Reply::json(200, page_of(request, total)).with("X-Collection-Range", range(request, total))
    });
    assert_eq!(result.await.unwrap().len(), 301);
}

#[tokio::test]
async fn a_page_that_is_no_array_fails() {
    fails_with("no array", |_| Reply::json(200, json!({ "places": [] }))).await;
    fails_with("no array", |_| Reply::json(200, json!(null))).await;
    fails_with("no array", |_| Reply::empty(200)).await;
    fails_with("no array", |_| Reply::empty(204)).await;
    let result = places(|_| Reply::text(200, "<html>Sign in to the Wi-Fi</html>")).await;
    assert!(matches!(result, Err(Error::Unknown { .. })), "{result:?}");
}

#[tokio::test]
async fn a_repeated_row_fails() {
    fails_with("twice", |_| {
        Reply::json(200, json!([{ "id": 1 }, { "id": 1 }]))
    })
    .await;
    fails_with("twice", |request| {
        let offset = request.number("offset").saturating_sub(1);
        Reply::json(200, rows(offset, (offset + 250).min(400)))
    })
    .await;
}

#[tokio::test]
async fn a_page_that_contradicts_its_range_fails() {
    fails_with("short", |request| {
        Reply::json(200, rows(0, 10)).with("X-Collection-Range", range(request, 11))
    })
    .await;
    fails_with("short", |request| {
        let shown = page_of(request, 260);
        Reply::json(200, shown).with("X-Collection-Range", range(request, 300))
    })
    .await;
    fails_with("short", |_| {
        Reply::json(200, json!([])).with("X-Collection-Range", "*/4")
    })
    .await;
    fails_with("longer", |_| {
        Reply::json(200, rows(0, 3)).with("X-Collection-Range", "*/0")
    })
    .await;
    fails_with("longer", |_| Reply::json(200, rows(0, 251))).await;
    fails_with("another offset", |_| {
        Reply::json(200, rows(0, 10)).with("X-Collection-Range", "10-259/10")
    })
    .await;
    fails_with("another offset", |_| {
        Reply::json(200, rows(0, 250)).with("X-Collection-Range", "0-249/500")
    })
    .await;
}

#[tokio::test]
async fn rows_that_disappear_during_the_reading_fail() {
    fails_with("disappeared", |request| {
        let total = if request.number("offset") == 0 {
            400
        } else {
            399
        };
        Reply::json(200, page_of(request, total)).with("X-Collection-Range", range(request, total))
    })
    .await;
}

#[tokio::test]
async fn an_odd_range_fails() {
    for odd in ["", "0-249", "a-b/c", "0-249/-1", "x/5"] {
        fails_with("unreadable range", move |_| {
            Reply::json(200, rows(0, 5)).with("X-Collection-Range", odd)
        })
        .await;
    }
    fails_with("no range", |request| {
        let reply = Reply::json(200, page_of(request, 400));
        if request.number("offset") == 0 {
            reply.with("X-Collection-Range", range(request, 400))
        } else {
            reply
        }
    })
    .await;
}

#[tokio::test]
async fn more_rows_than_can_be_paged_fail() {
    let with_range = places(|request| {
        Reply::json(200, page_of(request, 20_001))
            .with("X-Collection-Range", range(request, 20_001))
    });
    let without = places(|request| Reply::json(200, page_of(request, 30_000)));
    for answer in [with_range.await, without.await] {
        assert!(matches!(answer, Err(Error::TooLong)), "{answer:?}");
    }
    assert_eq!(
        honest(20_000).client().places().await.unwrap().len(),
        20_000
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_read_fails_without_being_quoted() {
    fails_with("a row is not", |_| {
        Reply::json(200, json!([{ "id": "ada@example.com" }]))
    })
    .await;
    let result = places(|_| Reply::json(200, json!([{ "id": "ada@example.com" }]))).await;
    assert!(!format!("{:?}", result.unwrap_err()).contains("ada"));
}

#[tokio::test]
async fn a_failing_page_fails_the_list() {
    let result = places(|request| match request.number("offset") {
        0 => {
            Reply::json(200, page_of(request, 400)).with("X-Collection-Range", range(request, 400))
        }
        _ => Reply::text(502, "<html>bad gateway</html>"),
    });
    assert!(matches!(result.await, Err(Error::Unknown { .. })));
}
