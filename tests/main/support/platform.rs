//! A fake club platform API, built from the platforms' documentation: paginated lists in the three styles of TeamUp, Spacebring
//! and Clubspot, behind one API key. Tests can make it return arbitrary responses. It shares no code with the readers.

use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// A recorded request.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    pub path: String,
    pub query: HashMap<String, String>,
}

/// Replaces the correct page of a request by another status and body.
type ResponseOverride = Arc<dyn Fn(&RecordedRequest, Value) -> (u16, Value) + Send + Sync>;

struct State {
    lists: HashMap<String, Vec<Value>>,
    key: String,
    rows: usize,
    wrong: HashMap<String, ResponseOverride>,
    held: HashMap<String, Arc<Semaphore>>,
    asked: Vec<RecordedRequest>,
}

pub struct FakePlatform {
    state: Arc<Mutex<State>>,
    pub url: String,
    handle: ServerHandle,
}

impl FakePlatform {
    /// Starts the server with empty lists and the API key `key`.
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            lists: HashMap::new(),
            key: "key".to_owned(),
            rows: 100,
            wrong: HashMap::new(),
            held: HashMap::new(),
            asked: Vec::new(),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let data = web::Data::new(state.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .default_service(web::to(answer))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { state, url, handle }
    }

    /// Sets the rows of the list at a path.
    pub fn list(&self, path: &str, rows: Value) {
        let rows = rows.as_array().unwrap().clone();
        self.state
            .lock()
            .unwrap()
            .lists
            .insert(path.to_owned(), rows);
    }

    /// Sets the accepted API key.
    pub fn key(&self, key: &str) {
        key.clone_into(&mut self.state.lock().unwrap().key);
    }

    /// Sets the page size, which overrides the requested one.
    pub fn rows(&self, rows: usize) {
        self.state.lock().unwrap().rows = rows;
    }

    /// Replaces the responses at a path, until [`Platform::right`].
    pub fn override_response(
        &self,
        path: &str,
        how: impl Fn(&RecordedRequest, Value) -> (u16, Value) + Send + Sync + 'static,
    ) {
        self.state
            .lock()
            .unwrap()
            .wrong
            .insert(path.to_owned(), Arc::new(how));
    }

    /// Restores the correct responses at all paths.
    pub fn restore(&self) {
        self.state.lock().unwrap().wrong.clear();
    }

    /// Leaves the requests to a path without an answer, until [`FakePlatform::release`].
    pub fn hold(&self, path: &str) {
        let held = &mut self.state.lock().unwrap().held;
        held.insert(path.to_owned(), Arc::new(Semaphore::new(0)));
    }

    /// Answers the requests that are held, and those to come.
    pub fn release(&self) {
        for (_, held) in self.state.lock().unwrap().held.drain() {
            held.close();
        }
    }

    /// All requests so far.
    pub fn all_asked(&self) -> Vec<RecordedRequest> {
        self.state.lock().unwrap().asked.clone()
    }

    /// The requests to a path so far.
    pub fn asked(&self, path: &str) -> Vec<RecordedRequest> {
        let state = self.state.lock().unwrap();
        state
            .asked
            .iter()
            .filter(|asked| asked.path == path)
            .cloned()
            .collect()
    }

    pub async fn stop(&self) {
        self.handle.stop(false).await;
    }
}

async fn answer(
    state: web::Data<Arc<Mutex<State>>>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let path = request.path().trim_start_matches('/').to_owned();
    let query = web::Query::<HashMap<String, String>>::from_query(request.query_string()).unwrap();
    let asked = RecordedRequest {
        path,
        query: query.into_inner(),
    };
    let held = {
        let mut state = state.lock().unwrap();
        state.asked.push(asked.clone());
        state.held.get(&asked.path).cloned()
    };
    if let Some(held) = held {
        // Closed by `release`.
        let _ = held.acquire().await;
    }
    response(&mut state.lock().unwrap(), &request, &asked, &body)
}

fn response(
    state: &mut State,
    request: &HttpRequest,
    asked: &RecordedRequest,
    body: &[u8],
) -> HttpResponse {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    // The three ways to send the key: basic authentication, a bearer token, or the header `api-key`.
    let basic = format!("Basic {}", base64_of(&format!("id:{}", state.key)));
    let bearer = format!("Bearer {}", state.key);
    let good = header("api-key") == Some(state.key.as_str())
        || header("authorization").is_some_and(|value| value == basic || value == bearer);
    if !good {
        return HttpResponse::Unauthorized().finish();
    }
    let mut rows = state.lists.get(&asked.path).cloned().unwrap_or_default();
    rows.retain(|row| is_wanted(row, &asked.query));
    let page = page(asked, &rows, state.rows);
    let (status, page) = confirmation(state, &asked.path, body)
        .or_else(|| attendance(state, &asked.path))
        .or_else(|| single(state, &asked.path))
        .unwrap_or((200, page));
    let (status, body) = match state.wrong.get(&asked.path) {
        Some(wrong) => wrong(asked, page),
        None => (status, page),
    };
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).json(body)
}

fn instant(value: &Value) -> jiff::Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// One object of a Spacebring list; 400 if there is none, as its specification says.
fn single(state: &State, path: &str) -> Option<(u16, Value)> {
    let (list, id) = path.split_once("/v1/")?;
    let noun = match list.rsplit('/').next()? {
        "companies" => "company",
        nouns => nouns.trim_end_matches('s'),
    };
    let rows = state.lists.get(&format!("{list}/v1"));
    let found = rows.into_iter().flatten().find(|row| row["id"] == id);
    Some(match found {
        Some(row) => (200, json!({ noun: row })),
        None => (400, json!({ "code": "notFound" })),
    })
}

/// One of TeamUp's attendances, with its event as an id; 404 if there is none.
fn attendance(state: &State, path: &str) -> Option<(u16, Value)> {
    let id: u64 = path.strip_prefix("attendances/")?.parse().ok()?;
    let rows = state.lists.get("attendances");
    let found = rows.into_iter().flatten().find(|row| row["id"] == id);
    Some(found.map_or((404, json!({})), |row| {
        let mut row = row.clone();
        row["event"] = row["event"]["id"].clone();
        (200, row)
    }))
}

/// Confirms the attendance of a customer at one of TeamUp's events. It has an effect also where its answer is replaced.
fn confirmation(state: &mut State, path: &str, body: &[u8]) -> Option<(u16, Value)> {
    let event = path
        .strip_prefix("events/")?
        .strip_suffix("/confirm_attendance")?;
    let event: u64 = event.parse().ok()?;
    let body: Value = serde_json::from_slice(body).unwrap();
    let rows = state.lists.get_mut("attendances").into_iter().flatten();
    let mut rows =
        rows.filter(|row| row["event"]["id"] == event && row["customer"] == body["customer"]);
    Some(match rows.next() {
        Some(row) if row["status"] == "registered" => {
            row["status"] = json!("attended");
            (200, row.clone())
        }
        _ => (400, json!({ "detail": "not registered" })),
    })
}

/// TeamUp's filters by customer.
fn is_wanted(row: &Value, query: &HashMap<String, String>) -> bool {
    let id = |value: &Value| match value {
        Value::Object(_) => value["id"].to_string(),
        value => value.to_string(),
    };
    query.iter().all(|(name, wanted)| {
        let among = |value: &Value| wanted.split(',').any(|one| one == id(value));
        let shared = || row["shared_with"].as_array().into_iter().flatten();
        match name.as_str() {
            "ids" => among(&row["id"]),
            "customer" => among(&row["customer"]),
            "owned_or_shared_with_customer" => among(&row["customer"]) || shared().any(among),
            "is_active" => row["is_active"] == json!(wanted == "true"),
            "primary_only" => row["is_primary"] == true,
            // Spacebring's filters of bookings.
            "resourceRef" => row["resourceRef"] == *wanted,
            "status" if row.get("subscriptionType").is_some() => {
                wanted.split(',').any(|status| row["status"] == status)
            }
            "startDate[gt]" => instant(&row["startDate"]) > instant(&json!(wanted)),
            "startDate[lte]" => instant(&row["startDate"]) <= instant(&json!(wanted)),
            _ => true,
        }
    })
}

fn base64_of(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}

fn page(asked: &RecordedRequest, rows: &[Value], most: usize) -> Value {
    let number = |name: &str| {
        asked
            .query
            .get(name)
            .and_then(|text| text.parse::<usize>().ok())
    };
    let part = |from: usize| {
        rows.iter()
            .skip(from)
            .take(most)
            .cloned()
            .collect::<Vec<Value>>()
    };
    if asked.path.ends_with("/v1") {
        let noun = asked
            .path
            .trim_end_matches("/v1")
            .rsplit('/')
            .next()
            .unwrap();
        let from = number("nextPageToken").unwrap_or(0);
        let mut page = json!({ noun: part(from) });
        if from + most < rows.len() {
            page["nextPageToken"] = json!((from + most).to_string());
        }
        return page;
    }
    if let Some(from) = number("skip") {
        let noun = asked.path.replace('-', "_");
        return json!({ "code": "200", "has_more": from + most < rows.len(), "data": { noun: part(from) } });
    }
    let from = (number("page").unwrap_or(1) - 1) * most;
    if asked.path.starts_with("reports/") {
        return json!({ "total": rows.len(), "column_headers": [], "rows": part(from) });
    }
    let next = (from + most < rows.len()).then_some("https://example.com/next");
    json!({ "count": rows.len(), "next": next, "previous": null, "results": part(from) })
}
