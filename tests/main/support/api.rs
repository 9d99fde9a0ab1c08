//! A client of the service that uses only GraphQL and webhooks over HTTP. Used for the worlds of the tests and for child
//! processes.

use std::time::Duration;

use access::Instant;
use latchkey::{ingest::signature, store::row::SignatureScheme};
use secrecy::SecretString;
use serde_json::{Value, json};

/// How long [`eventually`] waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client with one club's token for one server.
#[derive(Clone, Debug)]
pub struct Api {
    /// `http://…`, without a trailing slash.
    pub base: String,
    pub token: String,
    pub http: reqwest::Client,
}

#[derive(Clone, Debug)]
pub struct Source {
    pub id: String,
    pub path: String,
    pub secret: SecretString,
}

/// The response to a webhook.
#[derive(Clone, Debug)]
pub struct WebhookResponse {
    pub status: u16,
    pub body: Value,
    pub retry_after: Option<String>,
}

impl WebhookResponse {
    /// The HTTP status, and the `status` of the body.
    pub fn word(&self) -> (u16, &str) {
        (self.status, self.body["status"].as_str().unwrap_or(""))
    }

    /// The id of the delivery.
    pub fn delivery(&self) -> String {
        self.body["delivery"]
            .as_str()
            .unwrap_or_else(|| panic!("no delivery in {self:?}"))
            .to_owned()
    }
}

/// A signed webhook request, which a test may corrupt before it is sent.
#[derive(Clone, Debug)]
pub struct Signed {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Signed {
    /// Signs by Standard Webhooks.
    pub fn new(secret: &SecretString, id: &str, at: Instant, body: Vec<u8>) -> Self {
        let headers =
            signature::sign(SignatureScheme::StandardWebhooks, secret, id, at, &body).unwrap();
        Self { headers, body }
    }

    /// Replaces the value of a header; `None` removes the header.
    pub fn header(mut self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => {
                let header = self.headers.iter_mut().find(|(of, _)| *of == name).unwrap();
                value.clone_into(&mut header.1);
            }
            None => self.headers.retain(|(of, _)| *of != name),
        }
        self
    }
}

impl Api {
    pub fn new(base: String, token: String) -> Self {
        let http = latchkey::kisi::http_client(Duration::from_secs(30)).unwrap();
        Self { base, token, http }
    }

    /// A client of the same club for another server address.
    pub fn at(&self, base: String) -> Self {
        Self {
            base,
            ..self.clone()
        }
    }

    /// The whole response to a GraphQL request, including errors.
    pub async fn query_raw(&self, query: &str, variables: Value) -> Value {
        let request = self
            .http
            .post(format!("{}/graphql", self.base))
            .bearer_auth(&self.token)
            .json(&json!({ "query": query, "variables": variables }));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The data of a GraphQL request that must have no errors.
    pub async fn query(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.query_raw(query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].take()
    }

    /// The payload of a mutation, which may have user errors. Each argument is name, type, value.
    pub async fn mutate_unchecked(
        &self,
        field: &str,
        arguments: &[(&str, &str, Value)],
        selection: &str,
    ) -> Value {
        let declared: Vec<_> = arguments
            .iter()
            .map(|(name, kind, _)| format!("${name}: {kind}"))
            .collect();
        let passed: Vec<_> = arguments
            .iter()
            .map(|(name, ..)| format!("{name}: ${name}"))
            .collect();
        let query = format!(
            "mutation({}) {{ {field}({}) {{ {selection} userErrors {{ code message field }} }} }}",
            declared.join(", "),
            passed.join(", ")
        );
        let variables = arguments
            .iter()
            .map(|(name, _, value)| ((*name).to_owned(), value.clone()))
            .collect();
        self.query(&query, Value::Object(variables)).await[field].take()
    }

    /// The payload of a mutation that must have no user errors.
    pub async fn mutate(
        &self,
        field: &str,
        arguments: &[(&str, &str, Value)],
        selection: &str,
    ) -> Value {
        let payload = self.mutate_unchecked(field, arguments, selection).await;
        assert_eq!(payload["userErrors"], json!([]), "{field} {arguments:?}");
        payload
    }

    /// The codes of the user errors of a mutation.
    pub async fn refusals(&self, field: &str, arguments: &[(&str, &str, Value)]) -> Vec<String> {
        let payload = self.mutate_unchecked(field, arguments, "").await;
        let errors = payload["userErrors"].as_array().unwrap();
        errors
            .iter()
            .map(|error| error["code"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Creates a source that sends canonical events.
    pub async fn source(&self, name: &str) -> Source {
        let input = json!({ "name": name, "platform": "CANONICAL" });
        let selection = "source { id webhookPath } secret";
        let payload = self
            .mutate(
                "createSource",
                &[("input", "CreateSourceInput!", input)],
                selection,
            )
            .await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Source {
            id: text(&payload["source"]["id"]),
            path: text(&payload["source"]["webhookPath"]),
            secret: SecretString::from(text(&payload["secret"])),
        }
    }

    /// A client of the same club with a new token of this role.
    pub async fn token(&self, role: &str) -> Api {
        let input = json!({ "name": format!("a token of the role {role}"), "role": role });
        let payload = self
            .mutate(
                "createToken",
                &[("input", "CreateTokenInput!", input)],
                "token",
            )
            .await;
        Self {
            token: payload["token"].as_str().unwrap().to_owned(),
            ..self.clone()
        }
    }

    /// Sends a webhook request unchanged.
    pub async fn deliver(&self, source: &Source, signed: Signed) -> WebhookResponse {
        let mut request = self
            .http
            .post(format!("{}{}", self.base, source.path))
            .body(signed.body);
        if signed
            .headers
            .iter()
            .all(|(name, _)| name != "content-type")
        {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in signed.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        let retry_after = answer
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        WebhookResponse {
            status,
            retry_after,
            body: answer.json().await.unwrap_or(Value::Null),
        }
    }

    /// The id of the node with this name; `noun` is the list field, such as `groups` or `locks`.
    pub async fn named(&self, noun: &str, name: &str) -> String {
        let query = format!(
            "query($name: String) {{ {noun}(filter: {{search: $name}}) {{ nodes {{ id name }} }} }}"
        );
        let data = self.query(&query, json!({ "name": name })).await;
        let nodes = data[noun]["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|node| node["name"] == name);
        node.unwrap_or_else(|| panic!("no {name} among {noun}: {data}"))["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Unlocks a door for a member; `key` may be null.
    pub async fn unlock(&self, lock: &str, member: &str, key: Value) -> Value {
        let arguments = [
            ("lock", "ID!", json!(lock)),
            ("member", "ID", json!(member)),
            ("key", "String", key),
        ];
        let selection = "unlocked kisiCode lock { id } decision { allowed code }";
        self.mutate_unchecked("unlock", &arguments, selection).await
    }

    /// The messages and actors of the history entries of a kind, oldest first.
    pub async fn history_messages(&self, kind: &str) -> Vec<(String, String)> {
        let query =
            "query($kinds: [AccessEventKind!]) { history(filter: {kinds: $kinds}, first: 100) {
            nodes { message actor } } }";
        let data = self.query(query, json!({ "kinds": [kind] })).await;
        let nodes = data["history"]["nodes"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let mut messages: Vec<_> = nodes
            .iter()
            .map(|node| (text(&node["message"]), text(&node["actor"])))
            .collect();
        messages.reverse();
        messages
    }

    /// The id of the member with this e-mail.
    pub async fn member(&self, email: &str) -> Option<String> {
        let data = self
            .query(
                "query($email: String) { member(email: $email) { id } }",
                json!({ "email": email }),
            )
            .await;
        data["member"]["id"].as_str().map(str::to_owned)
    }

    /// The number of deliveries.
    pub async fn deliveries(&self) -> u64 {
        let data = self
            .query("{ deliveries(first: 1) { totalCount } }", json!({}))
            .await;
        data["deliveries"]["totalCount"].as_u64().unwrap()
    }

    /// The open work (backlog of connected accounts, accepted deliveries) as text; `None` if everything is settled.
    pub async fn open_work(&self) -> Option<String> {
        let query = "{ kisiAccounts { name status problem backlog }
            deliveries(first: 3, filter: {status: ACCEPTED}) { totalCount nodes { eventType } } }";
        let data = self.query(query, json!({})).await;
        let accounts = data["kisiAccounts"].as_array().unwrap();
        let busy = accounts
            .iter()
            .any(|account| account["status"] != "DISCONNECTED" && account["backlog"] != 0);
        (busy || data["deliveries"]["totalCount"] != 0).then(|| data.to_string())
    }
}

/// Polls `ask` every 10 ms until it returns `Some`. Panics with the text of `state` after [`PATIENCE`].
pub async fn eventually<T>(
    mut ask: impl AsyncFnMut() -> Option<T>,
    state: impl AsyncFnOnce() -> String,
) -> T {
    let polling = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    match polling.await {
        Ok(answer) => answer,
        Err(_) => panic!("gave up after {PATIENCE:?}: {}", state().await),
    }
}
