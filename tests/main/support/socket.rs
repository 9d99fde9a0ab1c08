//! A WebSocket client for `graphql-transport-ws` that can also send invalid messages and frames. Frames follow RFC 6455, masked
//! with zeros.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::api::Api;

const PATIENCE: Duration = Duration::from_secs(60);
pub const PROTOCOL: &str = "Sec-WebSocket-Protocol: graphql-transport-ws";

pub struct Socket {
    stream: TcpStream,
}

/// A message from the server, or the end of the connection.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerMessage {
    Text(Value),
    Closed(u16, String),
    /// The connection ended without a close frame.
    Gone,
}

impl Socket {
    /// Performs the WebSocket handshake with additional headers. `Err` is a response status other than 101.
    pub async fn shake(api: &Api, more: &[&str]) -> Result<Self, u16> {
        let host = api.base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).await.unwrap();
        let mut head = format!(
            "GET /graphql HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        );
        for header in more {
            head.push_str(header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        if status != 101 {
            return Err(status);
        }
        assert!(
            answer.to_lowercase().contains(&PROTOCOL.to_lowercase()),
            "{answer}"
        );
        Ok(Self { stream })
    }

    /// Opens a socket, authenticates with the token of `api` and waits for the acknowledgement.
    pub async fn open(api: &Api) -> Self {
        let mut socket = Self::shake(api, &[PROTOCOL]).await.unwrap();
        socket.greet(&api.token).await;
        assert_eq!(socket.text().await, json!({ "type": "connection_ack" }));
        socket
    }

    pub async fn greet(&mut self, token: &str) {
        let payload = json!({ "authorization": format!("Bearer {token}") });
        self.send(&json!({ "type": "connection_init", "payload": payload }))
            .await;
    }

    /// Subscribes and waits for the pong of a ping: the server answers it after it has registered the subscription.
    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.ask(id, query).await;
        self.send(&json!({ "type": "ping" })).await;
        assert_eq!(self.text().await, json!({ "type": "pong" }));
    }

    pub async fn ask(&mut self, id: &str, query: &str) {
        let payload = json!({ "query": query });
        self.send(&json!({ "id": id, "type": "subscribe", "payload": payload }))
            .await;
    }

    pub async fn send(&mut self, message: &Value) {
        self.frame(0x81, message.to_string().as_bytes()).await;
    }

    /// Sends one frame with this first byte (FIN and opcode).
    pub async fn frame(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length @ 126..65536 => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        // The server may have closed already.
        let _ = self.stream.write_all(&frame).await;
    }

    /// Sends only the header of a text frame that declares a payload of `bytes`.
    pub async fn declare(&mut self, bytes: u64) {
        let mut header = vec![0x81, 0x80 | 127];
        header.extend(bytes.to_be_bytes());
        header.extend([0; 4]);
        let _ = self.stream.write_all(&header).await;
    }

    /// The next text message or the end of the connection. Answers pings.
    pub async fn said(&mut self) -> ServerMessage {
        tokio::time::timeout(PATIENCE, self.next())
            .await
            .expect("the server sent nothing in time")
            .unwrap_or(ServerMessage::Gone)
    }

    /// The next text message, as JSON.
    pub async fn text(&mut self) -> Value {
        match self.said().await {
            ServerMessage::Text(value) => value,
            other => panic!("expected a text message, got {other:?}"),
        }
    }

    /// The data of the next event of an operation.
    pub async fn event(&mut self, id: &str) -> Value {
        let mut message = self.text().await;
        assert_eq!(
            (&message["id"], &message["type"]),
            (&json!(id), &json!("next")),
            "{message}"
        );
        assert!(message["payload"].get("errors").is_none(), "{message}");
        message["payload"]["data"].take()
    }

    /// Waits for the close frame and returns its code.
    pub async fn closed(&mut self) -> u16 {
        match self.said().await {
            ServerMessage::Closed(code, _) => code,
            other => panic!("expected a close frame, got {other:?}"),
        }
    }

    async fn next(&mut self) -> std::io::Result<ServerMessage> {
        loop {
            let first = self.stream.read_u8().await?;
            let length = match self.stream.read_u8().await? {
                126 => u64::from(self.stream.read_u16().await?),
                127 => self.stream.read_u64().await?,
                length => u64::from(length),
            };
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).await?;
            match first {
                0x81 => {
                    return Ok(ServerMessage::Text(
                        serde_json::from_slice(&payload).unwrap(),
                    ));
                }
                0x88 => {
                    let code = u16::from_be_bytes(payload[..2].try_into().unwrap());
                    let reason = String::from_utf8(payload[2..].to_vec()).unwrap();
                    return Ok(ServerMessage::Closed(code, reason));
                }
                0x89 => self.frame(0x8a, &payload).await,
                0x8a => {}
                other => panic!("unexpected first byte of a frame: {other:#x}"),
            }
        }
    }
}
