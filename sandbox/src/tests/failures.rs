//! Tests of the rate limit and of injected faults.

use serde_json::json;

use super::super::*;
use super::*;

#[test]
fn the_limit_applies_per_user_and_the_peak_is_counted() {
    let wire = start();
    wire.switch(|switches| switches.rate = Some(5));
    let statuses: Vec<u16> = (0..7).map(|_| wire.get("/user").status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429]);
    let refused = wire.get("/user");
    assert!(refused.head.contains("retry-after: 1"), "{}", refused.head);
    wire.switch(|switches| {
        switches.retry_after = false;
        switches.rate_body = false;
    });
    let bare = wire.get("/user");
    assert!(bare.status == 429 && bare.body.is_null() && !bare.head.contains("retry-after"));
    assert_eq!(wire.sandbox.peak_rate(), 9);
    wire.sandbox.clear_calls();
    assert_eq!(
        (wire.sandbox.peak_rate(), wire.sandbox.calls().len()),
        (0, 0)
    );
}

#[test]
fn a_fault_applies_to_as_many_calls_as_requested() {
    let wire = start();
    let plant = |kind| wire.sandbox.fault(Fault::new("*", "/groups", kind), 1);
    for (kind, status) in [
        (FaultKind::TooMany, 429),
        (FaultKind::ServerError, 500),
        (FaultKind::HtmlBadGateway, 502),
        (FaultKind::Unauthorized, 401),
    ] {
        plant(kind);
        assert_eq!(wire.get("/user").status, 200, "another path");
        assert_eq!(
            (wire.get("/groups").status, wire.get("/groups").status),
            (status, 200)
        );
    }
    plant(FaultKind::ShortPage);
    let short = wire.get("/groups");
    assert_eq!(short.body.as_array().unwrap().len(), 1);
    assert!(short.head.contains("x-collection-range: 0-9/3"));
    plant(FaultKind::NotAList);
    assert!(wire.get("/groups").body.is_object());
    plant(FaultKind::Hang(Duration::from_millis(120)));
    let begun = Instant::now();
    assert_eq!(wire.get("/groups").status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(120));
}

#[test]
fn a_closed_connection_has_no_response() {
    let wire = start();
    let user = json!({"user": {"email": "ada@example.com"}});
    let plant = |kind| wire.sandbox.fault(Fault::new("POST", "/users", kind), 1);
    plant(FaultKind::Close);
    assert_eq!(wire.raw("POST", "/users", "key", Some(&user)), b"");
    assert!(wire.sandbox.user("ada@example.com").is_none() && wire.sandbox.writes().is_empty());
    plant(FaultKind::Lost);
    assert_eq!(wire.raw("POST", "/users", "key", Some(&user)), b"");
    assert!(wire.sandbox.user("ada@example.com").is_some());
    let writes = wire.sandbox.writes();
    assert_eq!(
        (writes.len(), writes[0].status, writes[0].body.as_ref()),
        (1, None, Some(&user))
    );
}

#[test]
fn a_kept_alive_connection_closes_without_a_response() {
    let wire = start();
    wire.sandbox
        .fault(Fault::new("GET", "/groups", FaultKind::Lost), 1);
    let mut stream = TcpStream::connect(wire.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut send = |path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: kisi\r\nAuthorization: KISI-LOGIN key");
        stream
            .write_all(format!("{head}\r\n\r\n").as_bytes())
            .unwrap();
        let mut bytes = [0; 4096];
        let read = stream.read(&mut bytes).unwrap_or(0);
        bytes[..read].to_vec()
    };
    assert!(send("/user").starts_with(b"HTTP/1.1 200"));
    assert_eq!(send("/groups"), b"");
    let calls = wire.sandbox.calls();
    let statuses: Vec<_> = calls.iter().map(|call| call.status).collect();
    assert_eq!(statuses, [Some(200), None]);
}

#[test]
fn old_calls_are_dropped() {
    let wire = start();
    wire.sandbox.keep_calls(2);
    for _ in 0..5 {
        assert_eq!(wire.get("/user").status, 200);
    }
    let calls = wire.sandbox.calls();
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call.status == Some(200)));
}
