//! A client of the service as strangers have one: GraphQL and webhooks over HTTP, and nothing else. Used by the worlds of
//! the tests and for child processes alike.

use std::time::Duration;

use access::Instant;
use latchkey::{ingest::signature, store::row::SignatureScheme};
use secrecy::SecretString;
use serde_json::{Value, json};

/// How long anything may take until a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// One club's token at one server.
#[derive(Clone, Debug)]
pub struct Api {
    /// `http://…`, without a slash at its end.
    pub base: String,
    pub token: String,
    pub http: reqwest::Client,
}

/// A source and its secret.
#[derive(Clone, Debug)]
pub struct Source {
    pub id: String,
    pub path: String,
    pub secret: SecretString,
}

/// What a webhook was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub retry_after: Option<String>,
}

impl Answer {
    /// The status and the word of the body.
    pub fn word(&self) -> (u16, &str) {
        (self.status, self.body["status"].as_str().unwrap_or(""))
    }

    /// The delivery's id.
    pub fn delivery(&self) -> String {
        self.body["delivery"]
            .as_str()
            .unwrap_or_else(|| panic!("no delivery in {self:?}"))
            .to_owned()
    }
}

/// A signed request, which a test may spoil before it is sent.
#[derive(Clone, Debug)]
pub struct Signed {
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Signed {
    /// By Standard Webhooks.
    pub fn new(secret: &SecretString, id: &str, at: Instant, body: Vec<u8>) -> Self {
        let headers =
            signature::sign(SignatureScheme::StandardWebhooks, secret, id, at, &body).unwrap();
        Self { headers, body }
    }

    /// With another value of a header; `None` leaves it out.
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

    /// The same club at another address.
    pub fn at(&self, base: String) -> Self {
        Self {
            base,
            ..self.clone()
        }
    }

    /// The whole answer to a GraphQL request.
    pub async fn raw(&self, query: &str, variables: Value) -> Value {
        let request = self
            .http
            .post(format!("{}/graphql", self.base))
            .bearer_auth(&self.token)
            .json(&json!({ "query": query, "variables": variables }));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The data of a request that must not fail.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.raw(query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].take()
    }

    /// A mutation's payload, whatever its user errors. Each argument: name, type, value.
    pub async fn attempt(
        &self,
        field: &str,
        arguments: &[(&str, &str, Value)],
        selection: &str,
    ) -> Value {
        let declared: Vec<_> = arguments
            .iter()
            .map(|(name, kind, _)| format!("${name}: {kind}"))
            .collect();
        let handed: Vec<_> = arguments
            .iter()
            .map(|(name, ..)| format!("{name}: ${name}"))
            .collect();
        let query = format!(
            "mutation({}) {{ {field}({}) {{ {selection} userErrors {{ code message field }} }} }}",
            declared.join(", "),
            handed.join(", ")
        );
        let variables = arguments
            .iter()
            .map(|(name, _, value)| ((*name).to_owned(), value.clone()))
            .collect();
        self.ask(&query, Value::Object(variables)).await[field].take()
    }

    /// A mutation that must succeed.
    pub async fn change(
        &self,
        field: &str,
        arguments: &[(&str, &str, Value)],
        selection: &str,
    ) -> Value {
        let payload = self.attempt(field, arguments, selection).await;
        assert_eq!(payload["userErrors"], json!([]), "{field} {arguments:?}");
        payload
    }

    /// The codes of the user errors of a mutation.
    pub async fn refusals(&self, field: &str, arguments: &[(&str, &str, Value)]) -> Vec<String> {
        let payload = self.attempt(field, arguments, "").await;
        let errors = payload["userErrors"].as_array().unwrap();
        errors
            .iter()
            .map(|error| error["code"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Makes a source that sends canonical events.
    pub async fn source(&self, name: &str) -> Source {
        let input = json!({ "name": name, "platform": "CANONICAL" });
        let selection = "source { id webhookPath } secret";
        let made = self
            .change(
                "createSource",
                &[("input", "CreateSourceInput!", input)],
                selection,
            )
            .await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Source {
            id: text(&made["source"]["id"]),
            path: text(&made["source"]["webhookPath"]),
            secret: SecretString::from(text(&made["secret"])),
        }
    }

    /// The same club by another token, of this role.
    pub async fn token(&self, role: &str) -> Api {
        let input = json!({ "name": format!("a token of the role {role}"), "role": role });
        let made = self
            .change(
                "createToken",
                &[("input", "CreateTokenInput!", input)],
                "token",
            )
            .await;
        Self {
            token: made["token"].as_str().unwrap().to_owned(),
            ..self.clone()
        }
    }

    /// Sends a webhook as it is.
    pub async fn deliver(&self, source: &Source, signed: Signed) -> Answer {
        let mut request = self
            .http
            .post(format!("{}{}", self.base, source.path))
            .header("content-type", "application/json")
            .body(signed.body);
        for (name, value) in signed.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        let retry_after = answer
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        Answer {
            status,
            retry_after,
            body: answer.json().await.unwrap_or(Value::Null),
        }
    }

    /// The id of the group or lock that bears this name.
    pub async fn named(&self, noun: &str, name: &str) -> String {
        let query = format!(
            "query($name: String) {{ {noun}(filter: {{search: $name}}) {{ nodes {{ id name }} }} }}"
        );
        let found = self.ask(&query, json!({ "name": name })).await;
        let nodes = found[noun]["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|node| node["name"] == name);
        node.unwrap_or_else(|| panic!("no {name} among {noun}: {found}"))["id"]
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
        self.attempt("unlock", &arguments, selection).await
    }

    /// The messages of a kind in the history, oldest first, each with its actor.
    pub async fn told(&self, kind: &str) -> Vec<(String, String)> {
        let query =
            "query($kinds: [AccessEventKind!]) { history(filter: {kinds: $kinds}, first: 100) {
            nodes { message actor } } }";
        let found = self.ask(query, json!({ "kinds": [kind] })).await;
        let nodes = found["history"]["nodes"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let mut told: Vec<_> = nodes
            .iter()
            .map(|node| (text(&node["message"]), text(&node["actor"])))
            .collect();
        told.reverse();
        told
    }

    /// The id of the member with this address.
    pub async fn member(&self, email: &str) -> Option<String> {
        let found = self
            .ask(
                "query($email: String) { member(email: $email) { id } }",
                json!({ "email": email }),
            )
            .await;
        found["member"]["id"].as_str().map(str::to_owned)
    }

    /// How many deliveries there are.
    pub async fn deliveries(&self) -> u64 {
        let found = self
            .ask("{ deliveries(first: 1) { totalCount } }", json!({}))
            .await;
        found["deliveries"]["totalCount"].as_u64().unwrap()
    }

    /// What is left to do, in words; none where everything is settled.
    pub async fn open_work(&self) -> Option<String> {
        let query = "{ kisiAccounts { name status problem backlog }
            deliveries(first: 3, filter: {status: ACCEPTED}) { totalCount nodes { eventType } } }";
        let found = self.ask(query, json!({})).await;
        let accounts = found["kisiAccounts"].as_array().unwrap();
        let busy = accounts
            .iter()
            .any(|one| one["status"] != "DISCONNECTED" && one["backlog"] != 0);
        (busy || found["deliveries"]["totalCount"] != 0).then(|| found.to_string())
    }
}

/// Asks again and again until there is an answer; gives up with what `state` says.
pub async fn eventually<T>(
    mut ask: impl AsyncFnMut() -> Option<T>,
    state: impl AsyncFnOnce() -> String,
) -> T {
    let asked = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    match asked.await {
        Ok(answer) => answer,
        Err(_) => panic!("gave up after {PATIENCE:?}: {}", state().await),
    }
}
