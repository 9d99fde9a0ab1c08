//! A receiver of messages on this machine.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{App as WebApp, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};

/// A request as the receiver saw it.
#[derive(Clone, Debug)]
pub struct Received {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let header = self.headers.iter().find(|(key, _)| key == name);
        header.map_or("", |(_, value)| value)
    }
}

#[derive(Default)]
pub struct Receiver {
    received: Mutex<Vec<Received>>,
    /// The next answers; 200 without one.
    answers: Mutex<VecDeque<u16>>,
}

impl Receiver {
    /// Listens on a free port; the URL.
    pub fn start(self: &Arc<Self>) -> String {
        let shared = web::Data::from(self.clone());
        let server = HttpServer::new(move || {
            WebApp::new()
                .app_data(shared.clone())
                .route("/hook", web::post().to(take))
                .route("/slow", web::post().to(never))
        });
        let server = server.workers(1).bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        tokio::spawn(server.run());
        format!("http://{address}/hook")
    }

    pub fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.answers.lock().unwrap().extend(statuses);
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn take(
    request: HttpRequest,
    body: web::Bytes,
    receiver: web::Data<Receiver>,
) -> HttpResponse {
    let headers = request.headers().iter().map(|(name, value)| {
        let value = value.to_str().unwrap_or_default();
        (name.as_str().to_owned(), value.to_owned())
    });
    receiver.received.lock().unwrap().push(Received {
        headers: headers.collect(),
        body: body.to_vec(),
    });
    let status = receiver.answers.lock().unwrap().pop_front().unwrap_or(200);
    let status = StatusCode::from_u16(status).unwrap();
    HttpResponse::build(status)
        .insert_header(("location", "/elsewhere"))
        .body("heard")
}

async fn never() -> HttpResponse {
    tokio::time::sleep(Duration::from_secs(600)).await;
    HttpResponse::Ok().finish()
}
