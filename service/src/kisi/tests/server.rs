//! A minimal HTTP server with one response per connection, which can also fail in several ways.
//!
//! It records every request as received. Used by the tests of this module.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use url::Url;

use crate::kisi::{Client, Pacer, http_client};

pub struct Request {
    pub method: String,
    pub url: Url,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Request {
    pub fn query(&self, key: &str) -> Option<String> {
        let (_, value) = self.url.query_pairs().find(|(name, _)| name == key)?;
        Some(value.into_owned())
    }

    pub fn number(&self, key: &str) -> u64 {
        self.query(key).unwrap().parse().unwrap()
    }

    pub fn header(&self, key: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// For example `POST /users`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.url.path())
    }
}

pub enum Reply {
    Http {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// Closes the connection before the announced content length.
    Truncated(&'static str),
    Close,
    Stall(Duration),
}

impl Reply {
    pub fn json(status: u16, body: Value) -> Self {
        Self::text(status, body.to_string())
    }

    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self::Http {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub fn empty(status: u16) -> Self {
        Self::text(status, "")
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        if let Self::Http { headers, .. } = &mut self {
            headers.push((name, value.to_string()));
        }
        self
    }
}

#[derive(Clone)]
pub struct Server {
    pub url: Url,
    requests: Arc<Mutex<Vec<Arc<Request>>>>,
}

impl Server {
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url: Url = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let server = Self {
            url: url.clone(),
            requests: Arc::default(),
        };
        let (requests, answer) = (Arc::clone(&server.requests), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, answer, url) =
                    (Arc::clone(&requests), Arc::clone(&answer), url.clone());
                std::thread::spawn(move || {
                    let Some(request) = read(&stream, &url) else {
                        return;
                    };
                    let request = Arc::new(request);
                    requests.lock().unwrap().push(Arc::clone(&request));
                    write(stream, answer(&request));
                });
            }
        });
        server
    }

    pub fn requests(&self) -> Vec<Arc<Request>> {
        self.requests.lock().unwrap().clone()
    }

    pub fn last(&self) -> Arc<Request> {
        self.requests().pop().unwrap()
    }

    pub fn client(&self) -> Client {
        self.client_with(Pacer::new(1000), Duration::from_secs(5))
    }

    pub fn client_with(&self, pacer: Arc<Pacer>, timeout: Duration) -> Client {
        let http = http_client(timeout).unwrap();
        Client::new(self.url.clone(), "s3cret".to_owned().into(), pacer, http)
    }
}

fn read(stream: &TcpStream, base: &Url) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?);
    let url = base.join(path).ok()?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Request {
        method,
        url,
        headers,
        body,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own, with no task on it"
)]
fn write(mut stream: TcpStream, reply: Reply) {
    let bytes = match reply {
        Reply::Http {
            status,
            headers,
            body,
        } => {
            let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            if status != 204 {
                head.push_str(&format!("content-length: {}\r\n", body.len()));
            }
            format!("{head}\r\n{body}")
        }
        Reply::Truncated(body) => {
            format!(
                "HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n{body}",
                body.len() + 10
            )
        }
        Reply::Close => String::new(),
        Reply::Stall(time) => {
            std::thread::sleep(time);
            String::new()
        }
    };
    let _ = stream.write_all(bytes.as_bytes());
    let _ = stream.shutdown(Shutdown::Both);
}
