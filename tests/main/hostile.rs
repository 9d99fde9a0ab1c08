//! Requests that are made to stop or exhaust the service are refused, and everybody else is served.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{
    api::{Api, Source},
    child,
    event::membership,
    socket::{PROTOCOL, ServerMessage, Socket},
    world::World,
};

on_both!(
    deep_documents_stop_nothing,
    a_frame_that_declares_too_much_is_refused_at_its_header,
    nobody_unknown_has_a_body_read,
    what_is_compressed_is_not_read,
    a_body_that_does_not_come_is_not_waited_for,
    a_socket_ends_with_its_session,
    a_revoked_token_is_told_nothing_more,
);

/// Documents that would overflow the parser's stack by recursion.
fn deep_documents() -> Vec<String> {
    let around = |open: &str, inner: &str, close: &str, count: usize| {
        format!("{}{inner}{}", open.repeat(count), close.repeat(count))
    };
    vec![
        format!(
            "{{ viewer {{ role @skip(if: {}) }} }}",
            around("[", "", "]", 2_000)
        ),
        format!(
            "{{ viewer {{ role @skip(if: {}) }} }}",
            around("{a:", "1", "}", 1_500)
        ),
        around("{ a ", "a", "}", 10_000),
        format!(
            "query($a: {}) {{ viewer {{ role }} }}",
            around("[", "Int", "]", 20_000)
        ),
        format!("{{ viewer(a: [\"\"\" \" {}", "[".repeat(20_000)),
    ]
}

/// The API with a session of the member Ada.
async fn session_of_ada(world: &mut World, source: &Source) -> Api {
    world.connect().await;
    world
        .send(source, "membership.updated", membership("m1", "ada"))
        .await;
    world.settled().await;
    let ada = world.api.member("ada@example.com").await.unwrap();
    let arguments = [("member", "ID!", json!(ada))];
    let opened = world
        .api
        .mutate("createMemberSession", &arguments, "session")
        .await;
    let mut session = world.api.clone();
    opened["session"]
        .as_str()
        .unwrap()
        .clone_into(&mut session.token);
    session
}

async fn deep_documents_stop_nothing(world: &mut World) {
    let source = world.api.source("Front desk").await;
    let member = session_of_ada(world, &source).await;
    let mut socket = Socket::open(&member).await;
    for document in deep_documents() {
        let by_post = member.query_raw(&document, json!({})).await;
        let by_get = member
            .http
            .get(format!("{}/graphql", member.base))
            .bearer_auth(&member.token)
            .query(&[("query", document.chars().take(8_000).collect::<String>())]);
        let by_get: Value = by_get.send().await.unwrap().json().await.unwrap();
        for answer in [by_post, by_get] {
            let code = &answer["errors"][0]["extensions"]["code"];
            assert_eq!(code, "TOO_COMPLEX", "{answer}");
        }
        socket.ask("deep", &document).await;
        let refused = socket.text().await;
        let error = &refused["payload"][0]["extensions"]["code"];
        assert_eq!(
            (&refused["type"], error),
            (&json!("error"), &json!("TOO_COMPLEX"))
        );
    }
    // JSON that is nested as deeply, in each place that parses JSON.
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body =
        format!("{{\"query\": \"{{ viewer {{ role }} }}\", \"variables\": {{\"a\": {deep}}}}}");
    let request = member.http.post(format!("{}/graphql", member.base));
    let request = request.bearer_auth(&member.token).body(body);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    let signed = world.signed(&source, "deep", deep.clone().into_bytes());
    assert_eq!(world.api.deliver(&source, signed).await.word().1, "failed");
    world.api.query("{ viewer { role } }", json!({})).await;
}

async fn a_frame_that_declares_too_much_is_refused_at_its_header(world: &mut World) {
    let mut unknown = Socket::shake(&world.api, &[PROTOCOL]).await.unwrap();
    unknown.declare(1 << 40).await;
    assert_eq!(unknown.closed().await, 1009);
    let mut unknown = Socket::shake(&world.api, &[PROTOCOL]).await.unwrap();
    unknown.declare(9 * 1024).await;
    assert_eq!(unknown.closed().await, 1009);
    let mut known = Socket::open(&world.api).await;
    known.declare(256 * 1024 + 1).await;
    assert_eq!(known.closed().await, 1009);
    // After `connection_init`, a message within the limit is read as a whole.
    let mut known = Socket::open(&world.api).await;
    let query = format!("{{ viewer {{ role }} }} # {}", "x".repeat(50_000));
    known.ask("long", &query).await;
    assert_eq!(known.event("long").await["viewer"]["role"], "ADMIN");
}

/// The status for a request whose head arrives and whose body never does.
async fn answer_to_head(world: &World, path: &str, headers: &[&str]) -> u16 {
    let host = world.api.base.trim_start_matches("http://").to_owned();
    let mut head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(host).unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line
    });
    let line = answer.await.unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

async fn nobody_unknown_has_a_body_read(world: &mut World) {
    let json = "Content-Type: application/json";
    let nobody = "Authorization: Bearer lk_nobodys";
    assert_eq!(answer_to_head(world, "/graphql", &[json]).await, 401);
    assert_eq!(
        answer_to_head(world, "/graphql", &[json, nobody]).await,
        401
    );
    assert_eq!(
        answer_to_head(world, "/webhooks/nobody", &[json]).await,
        404
    );
    assert_eq!(
        answer_to_head(world, "/kisi-events/nobody", &[json]).await,
        401
    );
}

async fn what_is_compressed_is_not_read(world: &mut World) {
    let source = world.api.source("Front desk").await;
    let token = format!("Authorization: Bearer {}", world.api.token);
    let (json, gzip) = ("Content-Type: application/json", "Content-Encoding: gzip");
    for path in ["/graphql", source.path.as_str()] {
        let status = answer_to_head(world, path, &[json, gzip, &token]).await;
        assert_eq!(status, 415, "{path}");
    }
}

async fn a_body_that_does_not_come_is_not_waited_for(world: &mut World) {
    let source = world.api.source("Front desk").await;
    let token = format!("Authorization: Bearer {}", world.api.token);
    let headers = ["Content-Type: application/json", token.as_str()];
    let statuses = futures_util::join!(
        answer_to_head(world, "/graphql", &headers),
        answer_to_head(world, &source.path, &headers)
    );
    assert_eq!(statuses, (408, 408));
}

async fn a_socket_ends_with_its_session(world: &mut World) {
    let source = world.api.source("Front desk").await;
    let session = session_of_ada(world, &source).await;
    let mut socket = Socket::open(&session).await;
    socket.ask("a", "{ viewer { role } }").await;
    assert_eq!(socket.event("a").await["viewer"]["role"], "MEMBER");
    assert_eq!(socket.text().await["type"], "complete");
    world.turn_to(world.now() + Duration::from_secs(3_601));
    // The socket is closed even if neither side sends anything.
    assert_eq!(socket.closed().await, 4403);
}

async fn a_revoked_token_is_told_nothing_more(world: &mut World) {
    let source = world.api.source("Front desk").await;
    let input = json!({ "name": "screen", "role": "READER" });
    let payload = world
        .api
        .mutate(
            "createToken",
            &[("input", "CreateTokenInput!", input)],
            "token",
        )
        .await;
    let mut screen = world.api.clone();
    payload["token"]
        .as_str()
        .unwrap()
        .clone_into(&mut screen.token);
    let mut socket = Socket::open(&screen).await;
    socket
        .subscribe("a", "subscription { deliveries { id } }")
        .await;
    world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    assert!(socket.event("a").await["deliveries"]["id"].is_string());
    let name = [("name", "String!", json!("screen"))];
    world.api.mutate("revokeToken", &name, "revoked").await;
    world
        .send(&source, "membership.updated", membership("m2", "bo"))
        .await;
    // A later state of the first delivery may be sent before the token is revoked, but nothing about the second delivery.
    let second = world
        .api
        .query("{ deliveries(first: 1) { nodes { id } } }", json!({}))
        .await;
    let second = &second["deliveries"]["nodes"][0]["id"];
    loop {
        match socket.said().await {
            ServerMessage::Closed(code, _) => break assert_eq!(code, 4403),
            ServerMessage::Text(text) => {
                let delivery_id = &text["payload"]["data"]["deliveries"]["id"];
                assert_ne!(delivery_id, second, "{text}");
            }
            ServerMessage::Gone => panic!("the connection ended without a close frame"),
        }
    }
}

/// Sends bytes, closes the sending side, and waits until the server has closed the connection.
fn exchange(address: &str, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn malformed_requests_of_strangers_are_no_errors_of_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/club.db?mode=rwc", folder.path().display());
    let settings = [("DATABASE_URL", database.as_str()), ("LOG", "info")];
    let mut process = child::command(&["serve", "--listen", "127.0.0.1:0"], &settings)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut lines = BufReader::new(process.stdout.take().unwrap());
    lines.read_line(&mut line).unwrap();
    let address = line
        .trim()
        .trim_start_matches("listening on http://")
        .to_owned();
    let shake = |version: u8| {
        format!(
            "GET /graphql HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: {version}\r\n{PROTOCOL}\r\n\r\n"
        )
    };
    let post = |path: &str, headers: &str, body: &str| {
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        )
    };
    let bearer = "Authorization: Bearer lk_nobodys\r\nContent-Type: application/json\r\n";
    for request in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"POST /graphql HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_vec(),
        b"POST /webhooks/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(300_000)).into_bytes(),
        shake(12).into_bytes(),
        [shake(13).as_bytes(), b"GET / HTTP/1.1\r\n\r\n"].concat(),
        [
            shake(13).as_bytes(),
            &[0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        ]
        .concat(),
        [shake(13).as_bytes(), &[0x83, 0x80, 0, 0, 0, 0]].concat(),
        // A new message begins within a fragmented one.
        [
            shake(13).as_bytes(),
            &[0x01, 0x80, 0, 0, 0, 0, 0x01, 0x80, 0, 0, 0, 0],
        ]
        .concat(),
        [shake(13).as_bytes(), &[0x81, 0x81, 0, 0, 0, 0, b'{']].concat(),
        post("/graphql", bearer, "{{{{").into_bytes(),
        post("/graphql", "", "{{{{").into_bytes(),
        post("/webhooks/nobody", "", "{{{{").into_bytes(),
        post("/kisi-events/nobody", "", "{{{{").into_bytes(),
    ] {
        exchange(&address, &request);
    }
    process.kill().unwrap();
    let mut log = String::new();
    process
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    process.wait().unwrap();
    assert!(log.contains("INFO"), "the log is empty: {log}");
    for line in log.lines() {
        assert!(!line.contains("ERROR") && !line.contains("WARN"), "{line}");
    }
}
