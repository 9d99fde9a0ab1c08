//! A login of Kisi's that creates an API key, and the reason if Kisi refuses it. Kisi gives one answer for a wrong e-mail address, a
//! wrong password and a wrong domain; what it tells everybody about the domain's organization leaves fewer of these.

use secrecy::SecretString;

use super::of_kisi;
use crate::{
    app::App,
    graphql::{
        error::{Refusal, UserError, UserErrorCode},
        input::kisi_credentials::KisiLoginInput,
        mutation::text_of,
    },
    kisi::{self, ApiLogin, Login},
};

const CREDENTIALS: &str = "input.credentials";
const LOGIN: &str = "input.credentials.login";
const DOMAIN: &str = "input.credentials.login.domain";

/// Logs in and creates a key.
pub(super) async fn log_in(app: &App, input: KisiLoginInput) -> Result<ApiLogin, Refusal> {
    let KisiLoginInput {
        email,
        password,
        domain,
        otp,
    } = input;
    let path = format!("{LOGIN}.email");
    let login = Login {
        email: text_of(&path, "an e-mail address", &email, 320)?,
        password: SecretString::from(password),
        domain: text_of(DOMAIN, "the organization's domain at Kisi", &domain, 200)?,
        otp: otp
            .map(|code| code.trim().to_owned())
            .filter(|code| !code.is_empty()),
    };
    match app.kisi.log_in(&login).await {
        Ok(key) => Ok(key),
        Err(error) => Err(reason(app, &login, error).await),
    }
}

/// Why Kisi refused the login, as far as it tells.
async fn reason(app: &App, login: &Login, error: kisi::Error) -> Refusal {
    if has_too_many_logins(&error) {
        let message = "Kisi allows ten API logins per person, and all are in use. Delete one that is not needed, in Kisi under \
                       My Account, API, or connect with an existing key.";
        return UserError::at(UserErrorCode::KisiTooManyLogins, LOGIN, message).into();
    }
    if asks_for_code(&error) || !is_about_the_login(&error) {
        return of_kisi(error);
    }
    let organization = match app.kisi.organization_of(login).await {
        Ok(organization) => organization,
        Err(lookup) if lookup.is_object_missing() => {
            tracing::info!(error = %error, "Kisi refused a login to an organization that it does not have");
            let message = "Kisi has no organization with this domain. Enter the domain alone, as it is in the organization's \
                           Kisi address, without https:// and without a path.";
            return UserError::at(UserErrorCode::KisiDomainUnknown, DOMAIN, message).into();
        }
        // Without an answer, the reason stays open.
        Err(lookup) => {
            tracing::info!(error = %lookup, "Kisi did not tell whether the domain of a refused login exists");
            return of_kisi(error);
        }
    };
    tracing::info!(error = %error, "Kisi refused a login to an organization that it has");
    let (code, path, message) = if organization.sso_flow_enabled == Some(true) {
        (
            UserErrorCode::KisiSingleSignOn,
            LOGIN,
            "The domain is right, but the organization uses single sign-on, so only its owner can log in with a password, and \
             Kisi refused this login. Log in as the owner, or connect with an API key that the owner creates in Kisi under My \
             Account, API.",
        )
    } else if is_denied(&error) {
        (
            UserErrorCode::KisiNotAdmin,
            CREDENTIALS,
            "Kisi knows this login, but its user may not create an API key: they are not an owner or administrator of the \
             organization. Log in as the owner, or ask the owner to make them an administrator.",
        )
    } else if error.is_unauthorized() {
        (
            UserErrorCode::KisiUnauthorized,
            CREDENTIALS,
            "The domain is right, but the e-mail address or the password is wrong: Kisi does not say which. Check both, and use \
             the login of the organization's owner.",
        )
    } else {
        return of_kisi(error);
    };
    UserError::at(code, path, message).into()
}

/// Whether Kisi's answer means the person or the organization of the login, and not the service or the network.
fn is_about_the_login(error: &kisi::Error) -> bool {
    matches!(
        error,
        kisi::Error::Unauthorized { .. }
            | kisi::Error::Forbidden { .. }
            | kisi::Error::NotFound { .. }
    )
}

/// Whether the e-mail address and the password were right, and the code of the second factor is missing or wrong.
fn asks_for_code(error: &kisi::Error) -> bool {
    matches!(error.code(), Some("afc526" | "afc536" | "afc546"))
}

fn is_denied(error: &kisi::Error) -> bool {
    let has_code = matches!(error.code(), Some("afc496" | "fcd8ef") | None);
    matches!(error, kisi::Error::Forbidden { .. }) && has_code
}

/// Recognized by the text, because Kisi documents no code for this error.
fn has_too_many_logins(error: &kisi::Error) -> bool {
    let text = error.message().to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    says(&["login", "api key"]) && says(&["limit", "maximum", "too many", "exceed", "10 ", "ten "])
}
