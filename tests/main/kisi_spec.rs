//! The client and the sandbox conform to Kisi's OpenAPI specification: the client's requests are valid, it reads every possible
//! answer, and the sandbox sends only valid answers.

mod spec;

use std::{
    collections::BTreeSet,
    net::TcpListener,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use access::Instant;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use jiff::Timestamp;
use latchkey::{
    clock::Clock,
    kisi::{
        AppliesTo, AssignmentFilter, Client, Error, Location, Login, NewAssignment, NewUser, Pacer,
        http_client, log_in, public_organization,
    },
};
use latchkey_sandbox::Sandbox;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use crate::{
    support::{
        event::{email, membership},
        world::{self, World},
    },
    unlocks::{TestClub, test_club},
};
use spec::{Operation, operation, operations};

/// Fields of a change that the specification leaves out and Kisi's guides show.
const WINDOW: [&str; 2] = ["valid_from", "valid_until"];

fn sandbox() -> (Sandbox, Url) {
    let noon: Timestamp = "2026-03-01T12:00:00.75Z".parse().unwrap();
    let clock = Clock::manual(Instant::from_timestamp(noon));
    let (sandbox, _, url) = world::kisi(&clock, None, false);
    (sandbox, url.parse().unwrap())
}

fn http() -> reqwest::Client {
    static HTTP: LazyLock<reqwest::Client> =
        LazyLock::new(|| http_client(Duration::from_secs(20)).unwrap());
    HTTP.clone()
}

fn client(url: &Url) -> Client {
    Client::new(
        url.clone(),
        SecretString::from("key"),
        Pacer::new(1000),
        http(),
    )
}

fn pacer() -> Arc<Pacer> {
    Pacer::new(1000)
}

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

/// Makes every call of the client; returns the calls that failed, with their errors.
async fn every_call(client: &Client, url: &Url) -> Vec<(&'static str, Error)> {
    let mut failures = Vec::new();
    macro_rules! calls {
        ($($name:literal: $call:expr;)*) => {
            $(if let Err(error) = $call.await {
                failures.push(($name, error));
            })*
        };
    }
    let events = ["lock.unlock", "role_assignment.create"];
    let signing = SecretString::from("signing-key");
    let address: Url = "https://latchkey.example.com/kisi-events/a"
        .parse()
        .unwrap();
    let new = |applies_to, role: &str| NewAssignment {
        user: 2,
        applies_to,
        role_id: role.to_owned(),
        valid_from: None,
        valid_until: None,
        notify: false,
    };
    let of_group = NewAssignment {
        valid_from: at("2026-03-01T09:00:00Z"),
        valid_until: at("2026-03-01T12:30:00.5Z"),
        ..new(AppliesTo::Group(1), "group_basic")
    };
    let person = |email: &str, name: &str, send_emails| NewUser {
        email: email.to_owned(),
        name: name.to_owned(),
        send_emails,
    };
    let login = Login {
        email: "owner@example.com".to_owned(),
        password: SecretString::from("correct horse battery staple"),
        domain: "example-club".to_owned(),
        otp: Some("123456".to_owned()),
    };
    let location = Some(Location {
        latitude: 52.52,
        longitude: 13.405,
    });
    calls! {
        "me": client.me();
        "organization": client.organization();
        "roles": client.roles();
        "places": client.places();
        "locks": client.locks();
        "groups": client.groups();
        "group_locks": client.group_locks(1);
        "create_user": client.create_user(&person("ada@example.com", "Ada", false));
        "create_user": client.create_user(&person("bob@example.com", "", true));
        "user_by_email": client.user_by_email("ada@example.com");
        "create_assignment": client.create_assignment(&of_group);
        "create_assignment": client.create_assignment(&new(AppliesTo::Place(1), "place_basic"));
        "create_assignment": client.create_assignment(&new(AppliesTo::Organization(18), "organization_basic"));
        "assignments": client.assignments(AssignmentFilter::User(2));
        "assignments": client.assignments(AssignmentFilter::Group(1));
        "assignments": client.assignments(AssignmentFilter::Place(1));
        "assignments": client.assignments(AssignmentFilter::Organization);
        "assignment": client.assignment(2);
        "change_window": client.change_window(2, None, at("2026-03-02T12:00:00Z"));
        "unlock": client.unlock(1, None);
        "unlock": client.unlock(1, location);
        "create_login_on_behalf": client.create_login_on_behalf("ada@example.com");
        "create_event_webhook": client.create_event_webhook(&address, &signing, &events);
        "integrations": client.integrations();
        "integration": client.integration(1);
        "update_event_webhook": client.update_event_webhook(1, &address, &signing, &events);
        "delete_integration": client.delete_integration(1);
        "delete_assignment": client.delete_assignment(2);
        "delete_login": client.delete_login(3);
        "log_in": log_in(url.clone(), http(), pacer(), &login);
        "public_organization": public_organization(url.clone(), http(), pacer(), "example-club");
    }
    failures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_sends_valid_requests() {
    let (sandbox, url) = sandbox();
    sandbox.set_otp_code("owner@example.com", Some("123456"));
    let failures = every_call(&client(&url), &url).await;
    assert!(failures.is_empty(), "{failures:?}");
    let (requested, faults) = check_requests(&sandbox);
    assert_eq!(faults, Vec::<String>::new());
    assert!(requested.len() >= 20, "{requested:?}");
}

/// The operations that the sandbox was asked for, and the faults of the requests.
fn check_requests(sandbox: &Sandbox) -> (BTreeSet<(&'static str, &'static str)>, Vec<String>) {
    let mut faults = Vec::new();
    let mut requested = BTreeSet::new();
    for call in sandbox.calls() {
        let Some(operation) = operation(&call.method, &call.path) else {
            faults.push(format!("Kisi has no {} {}", call.method, call.path));
            continue;
        };
        requested.insert((operation.method, operation.path));
        faults.extend(operation.faults_of_request(&call.query, call.body.as_ref()));
        let is_page = operation.is_list() && operation.is_sortable();
        if is_page && !call.query.contains("sort=") {
            faults.push(format!(
                "{operation:?} is read in pages without a sort order"
            ));
        }
        let Some(body) = &call.body else {
            continue;
        };
        for field in operation.unnamed_fields(body) {
            let is_window =
                operation.path == "/role_assignments/{id}" && WINDOW.contains(&field.as_str());
            if !is_window {
                faults.push(format!("{operation:?} does not define {field}"));
            }
        }
    }
    (requested, faults)
}

on_both!(the_service_sends_valid_requests);

/// End to end: everything that the service itself requests from Kisi.
async fn the_service_sends_valid_requests(world: &mut World) {
    let TestClub { ann, front, source } = test_club(world).await;
    let arguments = [
        ("account", "ID!", json!(world.account)),
        ("publicUrl", "String!", json!(world.api.base)),
    ];
    world
        .api
        .mutate("listenToKisi", &arguments, "account { listening }")
        .await;
    world.api.unlock(&front, &ann, Value::Null).await;
    let input = json!({ "account": world.account, "inviteByEmail": true });
    let input = [("input", "UpdateKisiAccountInput!", input)];
    world
        .api
        .mutate("updateKisiAccount", &input, "account { id }")
        .await;
    world
        .send(&source, "membership.updated", membership("m-bob", "bob"))
        .await;
    world.settled().await;
    let calls = world.sandbox.calls();
    let users: Vec<Value> = calls
        .iter()
        .filter(|call| call.method == "POST" && call.path == "/users")
        .map(|call| call.body.clone().unwrap())
        .collect();
    let user = |name: &str, send_emails: bool| {
        json!({ "user": {
            "email": email(name), "name": name, "send_emails": send_emails, "confirm": true,
        } })
    };
    assert_eq!(users, [user("ann", false), user("bob", true)]);
    let (_, faults) = check_requests(&world.sandbox);
    assert_eq!(faults, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_reads_every_possible_answer() {
    let faults: Vec<String> = operations()
        .flat_map(Operation::faults_of_examples)
        .collect();
    assert_eq!(faults, Vec::<String>::new(), "the examples are invalid");
    let mut failures = Vec::new();
    let most = operations().map(|one| one.examples().len()).max().unwrap();
    for nth in 0..most {
        let url = example_server(nth);
        failures.extend(every_call(&client(&url), &url).await);
    }
    let failures: BTreeSet<String> = failures
        .iter()
        .map(|(name, error)| format!("{name}: {error:?}"))
        .collect();
    assert_eq!(failures, BTreeSet::new());
}

/// A server that answers each request with the `nth` example of its operation, or the last one if there are fewer.
fn example_server(nth: usize) -> Url {
    let answer = move |request: HttpRequest| async move {
        let Some(operation) = operation(request.method().as_str(), request.path()) else {
            return HttpResponse::NotFound().finish();
        };
        let examples = operation.examples();
        let Some(example) = examples.get(nth.min(examples.len().saturating_sub(1))) else {
            return HttpResponse::NoContent().finish();
        };
        let mut answer = HttpResponse::Ok();
        if let Some(rows) = example.as_array() {
            let range = match rows.len() {
                0 => "*/0".to_owned(),
                rows => format!("0-249/{rows}"),
            };
            answer.insert_header(("X-Collection-Range", range));
        }
        answer.json(example)
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = HttpServer::new(move || App::new().default_service(web::to(answer)));
    let server = server
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap();
    tokio::spawn(server.run());
    url.parse().unwrap()
}

/// Sends requests to the sandbox and records the faults of its answers.
struct CheckedClient {
    url: Url,
    key: &'static str,
    faults: Mutex<Vec<String>>,
    answered: Mutex<Vec<(Operation, u16)>>,
}

impl CheckedClient {
    async fn ask(&self, method: &str, path: &str, body: Value, status: u16) -> Value {
        let operation = path
            .split('?')
            .next()
            .and_then(|path| operation(method, path));
        let operation = operation.unwrap_or_else(|| panic!("{method} {path}"));
        let method: reqwest::Method = method.parse().unwrap();
        let mut request = http().request(method.clone(), self.url.join(path).unwrap());
        request = request.header("authorization", format!("KISI-LOGIN {}", self.key));
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        let headers: Vec<String> = answer.headers().keys().map(ToString::to_string).collect();
        let text = answer.text().await.unwrap();
        let value = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap(),
        };
        let faults = operation.faults_of_answer(status, &headers, &value);
        self.faults.lock().unwrap().extend(faults);
        self.answered.lock().unwrap().push((operation, status));
        value
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_sends_valid_answers() {
    let (sandbox, url) = sandbox();
    let asker = CheckedClient {
        url,
        key: "key",
        faults: Mutex::default(),
        answered: Mutex::default(),
    };
    sandbox.set_otp_code("owner@example.com", None);
    successes(&asker).await;
    refusals(&asker).await;
    assert_eq!(*asker.faults.lock().unwrap(), Vec::<String>::new());
    let answered = asker.answered.lock().unwrap();
    let good = |operation: &Operation| {
        answered
            .iter()
            .any(|(one, status)| one == operation && *status < 300)
    };
    let left: Vec<Operation> = operations().filter(|one| !good(one)).collect();
    assert!(left.is_empty(), "no request covers {left:?}");
}

async fn successes(asker: &CheckedClient) {
    let get = async |path: &str| asker.ask("GET", path, Value::Null, 200).await;
    let post = async |path: &str, body: Value| asker.ask("POST", path, body, 200).await;
    let patch = async |path: &str, body: Value| asker.ask("PATCH", path, body, 204).await;
    let delete = async |path: &str| asker.ask("DELETE", path, Value::Null, 204).await;
    let user = json!({ "email": "ada@example.com", "name": "Ada", "confirm": true, "metadata": { "a": 1 } });
    let ada = post("/users", json!({ "user": user })).await["id"].clone();
    patch(
        &format!("/users/{ada}"),
        json!({ "user": { "notes": "a note" } }),
    )
    .await;
    let group = json!({ "group": { "name": "Clubhouse", "place_id": 1 } });
    let house = post("/groups", group).await["id"].clone();
    patch(
        &format!("/groups/{house}"),
        json!({ "group": { "login_enabled": false } }),
    )
    .await;
    let pair = json!({ "group_lock": { "group_id": house, "lock_id": 4 } });
    let pair = post("/group_locks", pair).await["id"].clone();
    let mut assignments = Vec::new();
    for (kind, id, role) in [
        ("Group", &house, "group_basic"),
        ("Place", &json!(1), "place_basic"),
        ("Organization", &json!(18), "organization_basic"),
    ] {
        let body = json!({ "role_assignment": {
            "applies_to_type": kind, "applies_to_id": id, "assignee_type": "User", "assignee_id": ada,
            "role_id": role, "notify": false,
        } });
        assignments.push(post("/role_assignments", body).await["id"].clone());
    }
    let change = json!({ "role_assignment": { "valid_until": "2026-04-01T00:00:00Z" } });
    patch(&format!("/role_assignments/{}", assignments[0]), change).await;
    let body = |kind: &str| {
        json!({ "login": { "type": kind, "name": "Test" }, "user": {
        "domain": "example-club", "email": "owner@example.com", "password": "correct horse battery staple",
    } })
    };
    post("/logins", body("api")).await;
    let device = post("/logins", body("device")).await["id"].clone();
    let on_behalf =
        json!({ "login": { "type": "device", "os_name": "Web", "email": "ada@example.com" } });
    post("/logins", on_behalf).await;
    let webhook = json!({ "integration": {
        "type": "event_webhook", "name": "A", "url": "https://example.com/a", "enabled_events": ["lock.unlock"],
    } });
    let webhook = post("/integrations", webhook).await["id"].clone();
    patch(
        &format!("/integrations/{webhook}"),
        json!({ "integration": { "enabled": false } }),
    )
    .await;
    post("/locks/1/unlock", json!({})).await;
    for path in [
        "/user",
        "/organization",
        "/organizations",
        "/organizations/example-club/public",
        "/roles",
        "/roles/group_basic",
        "/login",
        "/users",
        "/users?email=nobody@example.com",
        "/users/1",
        "/places",
        "/places/1",
        "/locks",
        "/locks/1",
        "/groups",
        "/groups/1",
        "/group_locks?group_id=1",
        "/group_locks/1",
        "/role_assignments",
        "/role_assignments/1",
        "/logins",
        "/integrations",
        "/integrations/1",
    ] {
        get(path).await;
    }
    get(&format!("/groups/{house}")).await;
    for id in &assignments {
        get(&format!("/role_assignments/{id}")).await;
    }
    delete(&format!("/integrations/{webhook}")).await;
    delete(&format!("/logins/{device}")).await;
    delete(&format!("/role_assignments/{}", assignments[0])).await;
    delete(&format!("/group_locks/{pair}")).await;
    delete(&format!("/groups/{house}")).await;
    delete(&format!("/users/{ada}")).await;
}

/// Provokes 401, 404 and 422 at the operations that document them.
async fn refusals(asker: &CheckedClient) {
    let stranger = CheckedClient {
        url: asker.url.clone(),
        key: "no key",
        faults: Mutex::default(),
        answered: Mutex::default(),
    };
    for operation in operations() {
        let path = operation.path.replace("{id}", "987654");
        let path = path.replace("{domain}", "no-such-club");
        let method = operation.method.to_uppercase();
        let statuses: Vec<&str> = operation.statuses().collect();
        let needs_key = statuses.contains(&"401");
        if needs_key && (path != "/logins" || method != "POST") {
            stranger.ask(&method, &path, Value::Null, 401).await;
        }
        if statuses.contains(&"404") && operation.path.contains('{') {
            let noun = operation
                .path
                .split('/')
                .nth(1)
                .unwrap()
                .trim_end_matches('s');
            let body = match operation.method {
                "patch" => json!({ noun: {} }),
                _ => Value::Null,
            };
            asker.ask(&method, &path, body, 404).await;
        }
        if statuses.contains(&"422") && operation.method == "post" {
            let noun = operation
                .path
                .split('/')
                .nth(1)
                .unwrap()
                .trim_end_matches('s');
            asker.ask(&method, &path, json!({ noun: {} }), 422).await;
        }
    }
    let faults = std::mem::take(&mut *stranger.faults.lock().unwrap());
    asker.faults.lock().unwrap().extend(faults);
}
