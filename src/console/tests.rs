//! Tests of the console's routes: the pages, and the sign-in against a provider on this machine.

mod provider;

use std::{net::TcpListener, time::Duration};

use reqwest::{
    Response, StatusCode,
    header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE},
};
use serde_json::{Value, json};

use crate::{
    app::App,
    fixture::{TestApp, at_noon, create_club},
    graphql::schema,
    http, http_client,
    proxy::Proxies,
    store::{
        row::Role,
        tokens::{self, exists},
    },
    transaction,
};
use provider::Provider;

struct Console {
    club: TestApp,
    provider: Provider,
    base: String,
    client: reqwest::Client,
    /// The cookies of the browser.
    cookies: Vec<(String, String)>,
}

impl Console {
    async fn start() -> Self {
        Self::with(&[("LATCHKEY_OIDC_ROLES", "door-admins=ADMIN; front=DESK")]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        let provider = Provider::start();
        let issuer = provider.issuer();
        let mut all = vec![
            ("LATCHKEY_OIDC_ISSUER", issuer.as_str()),
            ("LATCHKEY_OIDC_CLIENT_ID", "latchkey"),
            ("LATCHKEY_OIDC_CLIENT_SECRET", "hidden"),
            ("LATCHKEY_OIDC_NAME", "Example SSO"),
        ];
        all.extend_from_slice(settings);
        Self::serve(TestApp::start(at_noon(), &all).await, provider)
    }

    fn serve(club: TestApp, provider: Provider) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = http::server(club.app.clone(), schema::build(), listener, 1).unwrap();
        tokio::spawn(server);
        let client = http_client::builder(&Proxies::default(), Duration::from_secs(10));
        Self {
            club,
            provider,
            base,
            client: client.build().unwrap(),
            cookies: Vec::new(),
        }
    }

    fn app(&self) -> &App {
        &self.club.app
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let pairs = self.cookies.iter();
        let pairs: Vec<String> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = self.client.request(method, format!("{}{path}", self.base));
        request.header(COOKIE, pairs.join("; "))
    }

    async fn get(&mut self, path: &str) -> Response {
        let request = self.request(reqwest::Method::GET, path);
        let response = request.send().await.unwrap();
        self.keep_cookies(&response);
        response
    }

    /// Does with `Set-Cookie` what a browser does.
    fn keep_cookies(&mut self, response: &Response) {
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.retain(|(other, _)| other != name);
            if !cookie.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// Goes to the provider and back; returns where the browser ends.
    async fn sign_in(&mut self) -> String {
        let back = self.at_the_provider("/console/sign-in").await;
        self.come_back(&back).await
    }

    /// The address that the provider sends the browser back to.
    async fn at_the_provider(&mut self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        self.provider.authorize(location(&response))
    }

    async fn come_back(&mut self, address: &str) -> String {
        let path = address.strip_prefix(&self.base).unwrap();
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        location(&response).to_owned()
    }

    async fn session(&mut self) -> Value {
        self.get("/console/session").await.json().await.unwrap()
    }

    /// The status and the answer to a query with the cookies, and this header.
    async fn query(&self, csrf: Option<&str>) -> (StatusCode, Value) {
        let mut request = self.request(reqwest::Method::POST, "/graphql");
        if let Some(csrf) = csrf {
            request = request.header("x-latchkey-csrf", csrf);
        }
        let query =
            json!({ "query": "{ viewer { role tokenName expiresAt } tokens { totalCount } }" });
        let response = request.json(&query).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }
}

fn location(response: &Response) -> &str {
    response.headers()[LOCATION].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_in_uses_the_api_and_signs_out() {
    let mut console = Console::start().await;
    let before = json!({ "signIn": "/console/sign-in", "name": "Example SSO", "signedIn": false });
    assert_eq!(console.session().await, before);
    console.provider.person(json!({
        "sub": "248289761001", "email": "anna@example.com", "email_verified": true, "groups": ["everyone", "front", "door-admins"],
    }));
    assert_eq!(console.sign_in().await, "/console/");
    let session = console.session().await;
    assert_eq!(session["signedIn"], true);
    let csrf = session["csrf"].as_str().unwrap();
    let (status, answer) = console.query(Some(csrf)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let viewer = json!({ "role": "ADMIN", "tokenName": "anna@example.com", "expiresAt": "2026-03-03T00:00:00Z" });
    assert_eq!(answer["data"]["viewer"], viewer);
    assert_eq!(answer["data"]["tokens"]["totalCount"], 0);

    // A page of a stranger has the cookie sent, and not the header.
    assert_eq!(console.query(None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(console.query(Some("0")).await.0, StatusCode::UNAUTHORIZED);
    let out = console.request(reqwest::Method::POST, "/console/sign-out");
    assert_eq!(out.send().await.unwrap().status(), StatusCode::FORBIDDEN);

    let out = console
        .request(reqwest::Method::POST, "/console/sign-out")
        .header("x-latchkey-csrf", csrf);
    let kept = console.cookies.clone();
    let response = out.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    console.keep_cookies(&response);
    assert_eq!(console.cookies, []);
    console.cookies = kept;
    assert_eq!(console.query(Some(csrf)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(console.session().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_by_itself_and_is_no_token() {
    let mut console = Console::start().await;
    let person = json!({ "sub": "1", "name": "Anna", "groups": "front" });
    console.provider.person(person);
    console.sign_in().await;
    let session = console.session().await;
    let csrf = session["csrf"].as_str().unwrap();
    let (_, answer) = console.query(Some(csrf)).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    // A token of the same name is another thing.
    let (app, scope) = (console.app(), console.club.scope);
    assert!(!exists(app.db.read(), scope, "Anna (1)").await.unwrap());
    let revoked: Result<bool, crate::store::StoreError> =
        transaction!(app.db, |tx| tokens::revoke(tx, scope, "Anna (1)").await).await;
    assert!(!revoked.unwrap());
    assert_eq!(console.query(Some(csrf)).await.0, StatusCode::OK);
    let clock = &console.app().clock;
    clock.advance_to(clock.now().plus(Duration::from_hours(12)));
    assert_eq!(console.query(Some(csrf)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(console.session().await["signedIn"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_may_be_signed_in_twice_and_an_admin_ends_it() {
    let mut laptop = Console::start().await;
    let anna = json!({ "sub": "1", "preferred_username": "anna", "email": "boss@example.com", "groups": ["door-admins"] });
    laptop.provider.person(anna);
    assert_eq!(laptop.sign_in().await, "/console/");
    let on_laptop = std::mem::take(&mut laptop.cookies);
    assert_eq!(laptop.sign_in().await, "/console/");
    let on_phone = laptop.cookies.clone();
    // Another sign-in of the same browser ends its earlier session.
    assert_eq!(laptop.sign_in().await, "/console/");
    let again = laptop.cookies.clone();
    let is_signed_in = async |console: &mut Console, cookies: &[(String, String)]| {
        console.cookies = cookies.to_vec();
        console.session().await["signedIn"] == true
    };
    assert!(is_signed_in(&mut laptop, &on_laptop).await);
    assert!(!is_signed_in(&mut laptop, &on_phone).await);
    assert!(is_signed_in(&mut laptop, &again).await);
    let csrf = laptop.session().await["csrf"].as_str().unwrap().to_owned();
    let ask = async |query: &str| {
        let request = laptop.request(reqwest::Method::POST, "/graphql");
        let request = request.header("x-latchkey-csrf", &csrf);
        let response = request.json(&json!({ "query": query })).send().await;
        response.unwrap().json::<Value>().await.unwrap()
    };
    let answer = ask("{ staffSessions { name role expiresAt } }").await;
    // An address that the provider did not verify is nobody's name.
    let session =
        json!({ "name": "anna (1)", "role": "ADMIN", "expiresAt": "2026-03-03T00:00:00Z" });
    assert_eq!(answer["data"]["staffSessions"], json!([session, session]));
    let ended = "mutation { endStaffSessions(input: { name: \"anna (1)\" }) { ended userErrors { message } } }";
    assert_eq!(ask(ended).await["data"]["endStaffSessions"]["ended"], 2);
    assert!(!is_signed_in(&mut laptop, &on_laptop).await);
    assert!(!is_signed_in(&mut laptop, &again).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_claim_may_come_from_the_endpoint_for_user_information() {
    let mut console = Console::with(&[("LATCHKEY_OIDC_CLAIM", "doors")]).await;
    console
        .provider
        .person(json!({ "sub": "1", "email": "bo@example.com" }));
    console
        .provider
        .user_information(json!({ "sub": "1", "doors": ["READER"] }));
    assert_eq!(console.sign_in().await, "/console/");
    console
        .provider
        .user_information(json!({ "sub": "2", "doors": ["ADMIN"] }));
    assert_eq!(console.sign_in().await, "/console/?problem=provider");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_lead_back_to_the_page_with_their_reason() {
    let mut console = Console::start().await;
    let anna = json!({ "sub": "1", "email": "anna@example.com", "groups": ["front"] });
    for (over, problem) in [
        (json!({ "groups": ["everyone"] }), "no-role"),
        (json!({ "groups": null }), "no-role"),
        (json!({ "nonce": "other" }), "provider"),
        (json!({ "aud": "another-client" }), "provider"),
        (
            json!({ "iss": "https://elsewhere.example.com" }),
            "provider",
        ),
        (json!({ "exp": 1_000_000 }), "provider"),
    ] {
        let mut person = anna.clone();
        let fields = over.as_object().unwrap().clone();
        person.as_object_mut().unwrap().extend(fields);
        console.provider.person(person);
        let end = console.sign_in().await;
        assert_eq!(end, format!("/console/?problem={problem}"), "{over}");
        assert_eq!(console.cookies, []);
    }
    console.provider.person(anna);
    console.provider.sign_with_another_key(true);
    assert_eq!(console.sign_in().await, "/console/?problem=provider");
    console.provider.sign_with_another_key(false);

    let back = console.at_the_provider("/console/sign-in").await;
    let other_state = back.replace("state=", "state=x");
    assert_eq!(
        console.come_back(&other_state).await,
        "/console/?problem=expired"
    );
    assert_eq!(
        console.come_back(&back).await,
        "/console/?problem=expired",
        "the first answer ended the sign-in"
    );
    let back = console.at_the_provider("/console/sign-in").await;
    let refused = back.replace("code=", "error=access_denied&not_code=");
    assert_eq!(
        console.come_back(&refused).await,
        "/console/?problem=denied"
    );
    let back = console.at_the_provider("/console/sign-in").await;
    let clock = &console.app().clock;
    clock.advance_to(clock.now().plus(Duration::from_secs(600)));
    assert_eq!(console.come_back(&back).await, "/console/?problem=expired");
    // What the code was issued for is bound to this browser's verifier.
    let back = console.at_the_provider("/console/sign-in").await;
    console.provider.expect_another_verifier();
    assert_eq!(console.come_back(&back).await, "/console/?problem=provider");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_several_clubs_a_role_names_its_club() {
    let provider = Provider::start();
    let issuer = provider.issuer();
    let settings = [
        ("LATCHKEY_OIDC_ISSUER", issuer.as_str()),
        ("LATCHKEY_OIDC_CLIENT_ID", "latchkey"),
    ];
    let club = TestApp::start(at_noon(), &settings).await;
    let other = create_club(&club.app, "Other").await;
    let id = |club| crate::id::encode(crate::id::Kind::Club, club);
    let (first, second) = (id(club.scope.club), id(other.club));
    let mut console = Console::serve(club, provider);
    console
        .provider
        .person(json!({ "sub": "1", "groups": ["ADMIN"] }));
    assert_eq!(console.sign_in().await, "/console/?problem=no-role");
    let groups = [format!("DESK@{first}"), format!("READER@{second}")];
    console
        .provider
        .person(json!({ "sub": "1", "groups": groups }));
    let back = console
        .at_the_provider(&format!("/console/sign-in?club={second}"))
        .await;
    assert_eq!(console.come_back(&back).await, "/console/");
    let session = console
        .cookies
        .iter()
        .find(|(name, _)| name == "latchkey")
        .unwrap();
    let caller = crate::auth::by_token(console.app(), &session.1).await;
    let caller = caller.unwrap().unwrap();
    assert_eq!((caller.scope.club, caller.role), (other.club, Role::Reader));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_provider_there_are_only_tokens() {
    let club = TestApp::start(at_noon(), &[]).await;
    let mut console = Console::serve(club, Provider::start());
    let response = console.get("/console/session").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let response = console.get("/console/sign-in").await;
    assert_eq!(location(&response), "/console/?problem=settings");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_path_without_a_file_is_the_page() {
    let club = TestApp::start(at_noon(), &[]).await;
    let mut console = Console::serve(club, Provider::start());
    let is_built = super::Bundle::get(super::INDEX).is_some();
    let (status, kind) = if is_built {
        (StatusCode::OK, "text/html; charset=utf-8")
    } else {
        (StatusCode::NOT_FOUND, "text/plain; charset=utf-8")
    };
    for path in ["/console", "/console/", "/console/people/BgGXW"] {
        let response = console.get(path).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()[CONTENT_TYPE], kind, "{path}");
    }
    for path in [
        "/console/assets/nothing.js",
        "/console/../Cargo.toml",
        "/console/%2e%2e/Cargo.toml",
    ] {
        let response = console.get(path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
