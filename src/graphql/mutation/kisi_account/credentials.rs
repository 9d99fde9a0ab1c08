//! What opens a Kisi organization: a key that was given, or one that a login makes, and what Kisi says of it.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::App,
    connect::{self, Introduction},
    graphql::{
        error::{Refusal, UserError, UserErrorCode},
        input::kisi_credentials::{KisiCredentialsInput, KisiLoginInput},
        mutation::{invalid, text_of},
    },
    kisi::{self, ApiLogin, Client, Lane, Login},
};

/// A key that was made for a connection which is refused would be one of the ten that Kisi allows: it is deleted. What failed
/// within may have been stored all the same.
pub(super) async fn forget_refused<T>(app: &App, key: &ApiLogin, outcome: &Result<T, Refusal>) {
    let Some(id) = key.id.filter(|_| matches!(outcome, Err(Refusal::User(_)))) else {
        return;
    };
    let client = app.kisi.with_key(key.secret.clone()).in_lane(Lane::Urgent);
    if let Err(error) = client.delete_login(id).await {
        tracing::warn!(error = %error, "an API login that nobody needs could not be deleted in Kisi");
    }
}

/// The key that was given, or that the login makes; only that one has an id here.
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
                .ok_or_else(|| invalid("input.credentials.apiKey", "it has to be a key"))
        }
        KisiCredentialsInput::Login(login) => {
            let KisiLoginInput {
                email,
                password,
                domain,
                otp,
            } = login;
            let path = |field: &str| format!("input.credentials.login.{field}");
            let login = Login {
                email: text_of(&path("email"), "an e-mail address", &email, 320)?,
                password: SecretString::from(password),
                domain: text_of(
                    &path("domain"),
                    "the organization's domain at Kisi",
                    &domain,
                    200,
                )?,
                otp: otp
                    .map(|code| code.trim().to_owned())
                    .filter(|code| !code.is_empty()),
            };
            app.kisi.log_in(&login).await.map_err(|error| {
                if has_too_many_logins(&error) {
                    let message = "Kisi allows ten API logins a person, and all are in use. The person deletes one that \
                                   is not needed, in Kisi under My Account, API, or a key that is there is used.";
                    let code = UserErrorCode::KisiTooManyLogins;
                    return UserError::at(code, "input.credentials.login", message).into();
                }
                of_kisi(error)
            })
        }
    }
}

pub(super) async fn introduce(client: &Client) -> Result<Introduction, Refusal> {
    let known = connect::introduce(client).await.map_err(of_kisi)?;
    if !known.administers {
        let message = "The person whose key this is may not give access to others in Kisi. An owner of the organization \
                       makes them an administrator, or connects with their own key.";
        return Err(
            UserError::at(UserErrorCode::KisiNotAdmin, "input.credentials", message).into(),
        );
    }
    Ok(known)
}

/// Kisi documents no code for it: its text is all there is.
fn has_too_many_logins(error: &kisi::Error) -> bool {
    let text = error.message().to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    says(&["login", "api key"]) && says(&["limit", "maximum", "too many", "exceed", "10 ", "ten "])
}

/// What Kisi's refusal means for whoever gave the credentials.
pub(super) fn of_kisi(error: kisi::Error) -> Refusal {
    let code = match &error {
        _ if matches!(error.code(), Some("afc526" | "afc536")) => UserErrorCode::KisiCodeNeeded,
        kisi::Error::Unauthorized { .. } => UserErrorCode::KisiUnauthorized,
        kisi::Error::Forbidden { .. } => UserErrorCode::KisiNotAdmin,
        error if error.is_outage() => UserErrorCode::KisiUnreachable,
        _ => UserErrorCode::KisiRefused,
    };
    tracing::info!(error = %error, "Kisi refused to be connected");
    UserError::at(code, "input.credentials", error.for_people()).into()
}
