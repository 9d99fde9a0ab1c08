//! The API key of a Kisi organization: given by the caller or created by a login, and checked for what its user may do.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::App,
    connect::{self, ApiKeyInfo},
    graphql::{
        error::{Refusal, UserError, UserErrorCode},
        input::kisi_credentials::KisiCredentialsInput,
        mutation::invalid,
    },
    kisi::{self, ApiLogin, Client, Lane},
};

mod login;

/// A client for the calls that an admin waits for.
pub(super) fn patient_client(app: &App, key: &ApiLogin) -> Client {
    let client = app.kisi.with_key(key.secret.clone());
    client.in_lane(Lane::Urgent).patient()
}

/// Deletes the API login that was created for a connection that is then refused, because Kisi allows a person only ten. After an
/// internal error it is kept, because the connection may have been stored all the same.
pub(super) async fn forget_refused<T>(app: &App, key: &ApiLogin, outcome: &Result<T, Refusal>) {
    let Some(id) = key.id.filter(|_| matches!(outcome, Err(Refusal::User(_)))) else {
        return;
    };
    let client = patient_client(app, key);
    if let Err(error) = client.delete_login(id).await {
        tracing::warn!(error = %error, "an unused API login could not be deleted in Kisi: delete it there under My Account, API");
    }
}

/// The given key, or a new one created by the login; only a new one has an id.
pub(super) async fn key(app: &App, credentials: KisiCredentialsInput) -> Result<ApiLogin, Refusal> {
    match credentials {
        KisiCredentialsInput::ApiKey(key) => {
            let key = SecretString::from(key.trim().to_owned());
            let is_written = !key.expose_secret().is_empty();
            let given = ApiLogin {
                secret: key,
                id: None,
            };
            is_written
                .then_some(given)
                .ok_or_else(|| invalid("input.credentials.apiKey", "must be an API key"))
        }
        KisiCredentialsInput::Login(login) => login::log_in(app, login).await,
    }
}

pub(super) async fn introduce(client: &Client) -> Result<ApiKeyInfo, Refusal> {
    let known = connect::read_api_key_info(client).await.map_err(of_kisi)?;
    if !known.administers {
        let message = "The user of this key may not give access to others in Kisi. Ask an owner of the organization to make \
                       them an administrator, or to connect with the owner's own key.";
        return Err(
            UserError::at(UserErrorCode::KisiNotAdmin, "input.credentials", message).into(),
        );
    }
    Ok(known)
}

/// Converts an error of Kisi to a user error about the credentials.
pub(super) fn of_kisi(error: kisi::Error) -> Refusal {
    let code = match &error {
        _ if matches!(error.code(), Some("afc526" | "afc536")) => UserErrorCode::KisiCodeNeeded,
        kisi::Error::Unauthorized { .. } => UserErrorCode::KisiUnauthorized,
        kisi::Error::Forbidden { .. } => UserErrorCode::KisiNotAdmin,
        error if error.is_outage() => UserErrorCode::KisiUnreachable,
        _ => UserErrorCode::KisiRefused,
    };
    tracing::info!(error = %error, "Kisi refused the connection");
    // Unlike the loop, a mutation is not repeated by the service.
    let message = if code == UserErrorCode::KisiUnreachable {
        "Kisi cannot be reached, so nothing was changed: try again. If this lasts, the operator of Latchkey checks its internet \
         connection and Kisi's status page."
            .to_owned()
    } else {
        error.for_people()
    };
    UserError::at(code, "input.credentials", message).into()
}
