//! An identity provider on this machine: discovery, keys, tokens and user information.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpResponse, HttpServer, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use openidconnect::{
    JsonWebKeyId, PrivateSigningKey,
    core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::clock::Clock;

/// Test keys of nobody.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEICZVq37MiX25aI3AcE1gT53fJhDA4C6ezRw5JRV3Fl3k
-----END PRIVATE KEY-----";
const OTHER_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----";

#[derive(Default)]
struct State {
    issuer: String,
    /// The claims of the person who signs in.
    person: Value,
    user_information: Option<Value>,
    nonce: String,
    challenge: String,
    has_other_key: bool,
}

#[derive(Clone, Default)]
pub struct Provider(Arc<Mutex<State>>);

impl Provider {
    pub fn start() -> Self {
        let provider = Self::default();
        let data = web::Data::new(provider.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .route(
                    "/.well-known/openid-configuration",
                    web::get().to(configuration),
                )
                .route("/keys", web::get().to(keys))
                .route("/token", web::post().to(token))
                .route("/user", web::get().to(user))
        });
        let server = server.workers(1).bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        provider.0.lock().unwrap().issuer = format!("http://{address}");
        tokio::spawn(server.run());
        provider
    }

    pub fn issuer(&self) -> String {
        self.0.lock().unwrap().issuer.clone()
    }

    /// The claims of the person who signs in next, over the usual ones of an ID token.
    pub fn person(&self, claims: Value) {
        self.0.lock().unwrap().person = claims;
    }

    pub fn user_information(&self, claims: Value) {
        self.0.lock().unwrap().user_information = Some(claims);
    }

    pub fn sign_with_another_key(&self, is_other: bool) {
        self.0.lock().unwrap().has_other_key = is_other;
    }

    pub fn expect_another_verifier(&self) {
        self.0.lock().unwrap().challenge = "of somebody else".to_owned();
    }

    /// The person agrees; the address that the browser is sent back to.
    pub fn authorize(&self, url: &str) -> String {
        let url = Url::parse(url).unwrap();
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let mut state = self.0.lock().unwrap();
        assert!(url.as_str().starts_with(&state.issuer));
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], "latchkey");
        assert_eq!(query["scope"], "openid profile email");
        assert_eq!(query["code_challenge_method"], "S256");
        state.nonce.clone_from(&query["nonce"]);
        state.challenge.clone_from(&query["code_challenge"]);
        format!(
            "{}?code=good&state={}",
            query["redirect_uri"], query["state"]
        )
    }
}

async fn configuration(provider: web::Data<Provider>) -> HttpResponse {
    let state = provider.0.lock().unwrap();
    let issuer = &state.issuer;
    let mut all = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
    });
    if state.user_information.is_some() {
        all["userinfo_endpoint"] = json!(format!("{issuer}/user"));
    }
    HttpResponse::Ok().json(all)
}

fn key(pem: &str) -> CoreEdDsaPrivateSigningKey {
    let id = JsonWebKeyId::new("one".to_owned());
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(pem, Some(id)).unwrap()
}

async fn keys() -> HttpResponse {
    let key = key(KEY).as_verification_key();
    HttpResponse::Ok().json(json!({ "keys": [key] }))
}

async fn token(
    provider: web::Data<Provider>,
    form: web::Form<HashMap<String, String>>,
) -> HttpResponse {
    let state = provider.0.lock().unwrap();
    let challenge = BASE64.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    if form["code"] != "good" || challenge != state.challenge {
        return HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" }));
    }
    let now = Clock::system().now().micros() / 1_000_000;
    let mut claims = json!({
        "iss": state.issuer, "aud": "latchkey", "iat": now, "exp": now + 300, "nonce": state.nonce,
    });
    let person = state.person.as_object().unwrap().clone();
    claims.as_object_mut().unwrap().extend(person);
    let part = |value: &Value| BASE64.encode(value.to_string());
    let header = json!({ "alg": "EdDSA", "kid": "one", "typ": "JWT" });
    let signed = format!("{}.{}", part(&header), part(&claims));
    let key = key(if state.has_other_key { OTHER_KEY } else { KEY });
    let signature = key
        .sign(&CoreJwsSigningAlgorithm::EdDsa, signed.as_bytes())
        .unwrap();
    HttpResponse::Ok().json(json!({
        "access_token": "access",
        "token_type": "Bearer",
        "id_token": format!("{signed}.{}", BASE64.encode(signature)),
    }))
}

async fn user(provider: web::Data<Provider>) -> HttpResponse {
    HttpResponse::Ok().json(provider.0.lock().unwrap().user_information.clone())
}
