//! The conversation with the identity provider: OpenID Connect, authorization code with PKCE. Its metadata and keys are read when a
//! person signs in, and kept for ten minutes.

use std::{sync::Arc, time::Duration};

use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IdTokenClaims, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, StandardErrorResponse,
    StandardTokenResponse, TokenResponse as _, UserInfoClaims,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
        CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken,
        CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::{
    clock::Stopwatch,
    config::Config,
    http_client::{self, ClientError, ExchangeError},
    proxy::Proxies,
};

const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest response of the provider, in bytes.
const MAX_RESPONSE: usize = 1024 * 1024;
/// How long metadata and keys are kept.
const METADATA_VALIDITY: Duration = Duration::from_secs(600);
/// The most characters of a person's name.
const MAX_NAME: usize = 200;

/// The claims beside the standard ones.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct OtherClaims {
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for OtherClaims {}

type IdFields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type OidcClient = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<IdFields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why a sign-in failed at the provider. The texts are for the log.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("the settings of the identity provider are not usable: {0}")]
    Settings(String),
    #[error("the identity provider's metadata or keys cannot be read: {0}")]
    Discovery(String),
    #[error("the identity provider did not exchange the code: {0}")]
    Exchange(String),
    #[error("the identity provider's answer is not valid: {0}")]
    Invalid(String),
}

/// What the callback needs to know about the request that led to it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Pending {
    pub state: String,
    pub nonce: String,
    pub verifier: String,
}

/// A person whom the provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The issuer and the provider's id of the person.
    pub subject: String,
    /// For the history.
    pub name: String,
    /// The values of the claim with the roles.
    pub values: Vec<String>,
}

pub struct Provider {
    issuer: String,
    client_id: String,
    client_secret: Option<String>,
    claim: String,
    http: reqwest::Client,
    metadata: Mutex<Option<(Stopwatch, Arc<CoreProviderMetadata>)>>,
}

impl Provider {
    /// The provider in the settings; none without one.
    ///
    /// # Errors
    /// If the HTTP client cannot be made.
    pub fn new(config: &Config) -> Result<Option<Self>, ClientError> {
        let (Some(issuer), Some(client_id)) = (&config.oidc_issuer, &config.oidc_client_id) else {
            return Ok(None);
        };
        let secret = config.oidc_client_secret.as_ref();
        Ok(Some(Self {
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            client_secret: secret.map(|secret| secret.expose_secret().to_owned()),
            claim: config.oidc_claim.clone(),
            http: http_client::builder(&Proxies::from_environment(), TIMEOUT).build()?,
            metadata: Mutex::default(),
        }))
    }

    /// The address at the provider that the browser is sent to, and what the callback needs.
    ///
    /// # Errors
    /// If the settings cannot be used or the provider's metadata cannot be read.
    pub async fn begin(&self, callback: &str) -> Result<(String, Pending), ProviderError> {
        let client = self.client(callback).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        );
        // `openid` is always asked for.
        for scope in ["profile", "email"] {
            request = request.add_scope(Scope::new(scope.to_owned()));
        }
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        let pending = Pending {
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
        };
        Ok((url.into(), pending))
    }

    /// Exchanges the code of the callback, and verifies who signed in.
    ///
    /// # Errors
    /// If the provider refuses the code, or if its answer is not valid.
    pub async fn finish(
        &self,
        callback: &str,
        code: String,
        pending: &Pending,
    ) -> Result<Person, ProviderError> {
        let client = self.client(callback).await?;
        let http = |request| send(self.http.clone(), request);
        let response = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| ProviderError::Discovery(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()))
            .request_async(&http)
            .await
            .map_err(|error| ProviderError::Exchange(causes(&error)))?;
        let invalid = |error: &dyn std::error::Error| ProviderError::Invalid(causes(error));
        let token = response
            .id_token()
            .ok_or_else(|| ProviderError::Invalid("there is no ID token".to_owned()))?;
        let verifier = client.id_token_verifier();
        let nonce = Nonce::new(pending.nonce.clone());
        let claims = match token.claims(&verifier, &nonce) {
            Ok(claims) => claims,
            Err(error) => {
                // The provider may have new keys: the next sign-in reads them.
                *self.metadata.lock().await = None;
                return Err(invalid(&error));
            }
        };
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = token.signing_alg().map_err(|error| invalid(&error))?;
            let key = token
                .signing_key(&verifier)
                .map_err(|error| invalid(&error))?;
            let actual = AccessTokenHash::from_token(response.access_token(), algorithm, key)
                .map_err(|error| invalid(&error))?;
            if actual != *expected {
                let message = "the access token is of somebody else".to_owned();
                return Err(ProviderError::Invalid(message));
            }
        }
        let mut values = values(&claims.additional_claims().all, &self.claim);
        // Some providers tell it only at the endpoint for user information.
        if values.is_empty()
            && let Ok(request) = client.user_info(
                response.access_token().to_owned(),
                Some(claims.subject().clone()),
            )
        {
            let user: UserInfoClaims<OtherClaims, CoreGenderClaim> = request
                .request_async(&http)
                .await
                .map_err(|error| ProviderError::Exchange(causes(&error)))?;
            values = self::values(&user.additional_claims().all, &self.claim);
        }
        let name = name_of(claims);
        Ok(Person {
            subject: format!("{} {}", self.issuer, claims.subject().as_str()),
            name,
            values,
        })
    }

    async fn client(&self, callback: &str) -> Result<OidcClient, ProviderError> {
        let metadata = self.metadata().await?;
        let settings = |error: &dyn std::error::Error| ProviderError::Settings(error.to_string());
        let callback = RedirectUrl::new(callback.to_owned()).map_err(|error| settings(&error))?;
        let client = OidcClient::from_provider_metadata(
            CoreProviderMetadata::clone(&metadata),
            ClientId::new(self.client_id.clone()),
            self.client_secret.clone().map(ClientSecret::new),
        );
        Ok(client.set_redirect_uri(callback))
    }

    async fn metadata(&self) -> Result<Arc<CoreProviderMetadata>, ProviderError> {
        // The lock is held during the request, so that a crowd reads it once.
        let mut kept = self.metadata.lock().await;
        if let Some((since, metadata)) = kept.as_ref()
            && since.elapsed() < METADATA_VALIDITY
        {
            return Ok(metadata.clone());
        }
        let issuer = IssuerUrl::new(self.issuer.clone())
            .map_err(|error| ProviderError::Settings(error.to_string()))?;
        let http = |request| send(self.http.clone(), request);
        let metadata = CoreProviderMetadata::discover_async(issuer, &http)
            .await
            .map_err(|error| ProviderError::Discovery(causes(&error)))?;
        let metadata = Arc::new(metadata);
        *kept = Some((Stopwatch::start(), metadata.clone()));
        Ok(metadata)
    }
}

/// Why a request to the provider failed.
#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error("the request or the response is not HTTP")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let malformed = |error: reqwest::Error| HttpError::Malformed(error.without_url().into());
    let request = reqwest::Request::try_from(request).map_err(malformed)?;
    let request = reqwest::RequestBuilder::from_parts(client, request);
    let response = http_client::exchange(request, MAX_RESPONSE).await?;
    let mut answer = HttpResponse::new(response.body);
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    Ok(answer)
}

/// The name of a person in the history: a verified e-mail address, or what the provider calls the person with its id, because
/// anybody could choose the name of somebody else.
fn name_of(claims: &IdTokenClaims<OtherClaims, CoreGenderClaim>) -> String {
    let email = claims
        .email()
        .filter(|_| claims.email_verified() == Some(true));
    let name = claims.name().and_then(|name| name.get(None));
    let name = claims
        .preferred_username()
        .map(|name| name.as_str())
        .or(name.map(|name| name.as_str()));
    let subject = claims.subject().as_str();
    let text = match (email, name) {
        (Some(email), _) => email.to_string(),
        (None, Some(name)) => format!("{name} ({subject})"),
        (None, None) => subject.to_owned(),
    };
    let letters = text.chars().filter(|letter| !letter.is_control());
    letters.take(MAX_NAME).collect()
}

/// The texts of a claim: a list of texts, or one text.
fn values(claims: &Map<String, Value>, claim: &str) -> Vec<String> {
    match claims.get(claim) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(all)) => {
            let texts = all.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = all.map(ToString::to_string).collect();
    texts.join(": ")
}
