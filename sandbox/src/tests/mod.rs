//! Tests of the sandbox over HTTP through raw sockets: the server, the client and the clock of the
//! tests.

mod doors;
mod failures;
mod rows;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;

struct Reply {
    status: u16,
    head: String,
    body: Value,
}

struct Wire {
    sandbox: Sandbox,
    address: SocketAddr,
    now: Arc<Mutex<Timestamp>>,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Serves the example organization at noon, without rate limit; the test sets the clock.
fn start() -> Wire {
    let now = Arc::new(Mutex::new(at("2026-03-01T12:00:00.75Z")));
    let clock = Arc::clone(&now);
    let begun = Instant::now();
    let sandbox = example(Arc::new(move || *clock.lock().unwrap()), "key".to_owned())
        .with_stopwatch(Arc::new(move || begun.elapsed()));
    sandbox.set(Switches {
        rate: None,
        ..Switches::default()
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = sandbox.clone();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async { served.serve(listener).unwrap().await })
    });
    Wire {
        sandbox,
        address,
        now,
    }
}

impl Wire {
    fn raw(&self, method: &str, path: &str, key: &str, body: Option<&Value>) -> Vec<u8> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: kisi\r\nConnection: close\r\n\
             Authorization: KISI-LOGIN {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        // A connection reset also ends the response.
        let _ = stream.read_to_end(&mut bytes);
        bytes
    }

    fn ask(&self, method: &str, path: &str, key: &str, body: Option<Value>) -> Reply {
        let text = String::from_utf8(self.raw(method, path, key, body.as_ref())).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Reply {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_lowercase(),
            body: serde_json::from_str(body).unwrap_or(Value::Null),
        }
    }

    fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, "key", None)
    }

    fn post(&self, path: &str, body: Value) -> Reply {
        self.ask("POST", path, "key", Some(body))
    }

    fn grant(&self, user: i64, group: i64, from: Value, until: Value) -> Reply {
        self.post(
            "/role_assignments",
            json!({"role_assignment": {
                "user_id": user, "group_id": group, "role_id": "group_basic",
                "valid_from": from, "valid_until": until,
            }}),
        )
    }

    fn switch(&self, change: impl FnOnce(&mut Switches)) {
        let mut switches = self.sandbox.switches();
        change(&mut switches);
        self.sandbox.set(switches);
    }
}
