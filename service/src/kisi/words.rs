//! Messages for admins about failed Kisi calls: the problem, and who can fix it.
//!
//! Contract: a known code is explained whatever the HTTP status, because Kisi documents no status
//! per code. Never invents a cause: without a known code, the message says the kind of the error and
//! quotes Kisi's own text. Called by `error`; `refusal` asks which codes are about devices.

use super::error::Error;

/// The message for a known code: the problem first, then who can fix it.
fn of_code(code: &str) -> Option<&'static str> {
    credentials(code)
        .or_else(|| rights(code))
        .or_else(|| nearness(code))
        .or_else(|| devices(code))
}

fn credentials(code: &str) -> Option<&'static str> {
    Some(match code {
        "afc516" => {
            "Kisi does not accept the credentials. An API key was deleted, has expired, or its \
             owner lost the right to have one: an owner of the organization creates a new key. \
             With e-mail address and password, one of the two, the second factor's code or the \
             organization's domain is wrong."
        }
        "afc526" => {
            "Kisi asks for the code of the second factor. Enter the current code of the \
             authenticator app."
        }
        "afc536" => "The code of the second factor is wrong or already used. Enter the next code.",
        "afc546" => {
            "The backup code of the second factor is wrong or already used. Enter another one."
        }
        "afc507" => "This sign-in link is no longer valid. Request a new one from Kisi.",
        "faa9ff" => "The card is not activated. An administrator activates it in Kisi.",
        "faa9ef" => "The card is not enrolled. An administrator enrols it in Kisi.",
        "cabbeb" => {
            "A card with the same number is already enrolled. An administrator removes one."
        }
        "facced" => {
            "Kisi cannot read the device's certificate. The member signs in to the app again."
        }
        _ => return None,
    })
}

fn rights(code: &str) -> Option<&'static str> {
    Some(match code {
        "afc496" | "fcd8ef" => {
            "Kisi denied the call: its user has no permission for it. To open a door, the user \
             needs access by a rule; to change things in Kisi, an owner makes the owner of the \
             API key an administrator."
        }
        "f298bf" | "f398de" => {
            "This person has no access to this door in Kisi. A rule grants it, or an \
             administrator does in Kisi."
        }
        "fcd8ff" => {
            "All access of this person is switched off in Kisi. An administrator switches it on \
             at the user in Kisi."
        }
        "f358de" => {
            "The access in Kisi has not begun yet. The door opens when its start time is reached."
        }
        "f35ade" => "The access in Kisi has ended. A new membership or booking gives access again.",
        "34ffaa" => {
            "The door or its group is restricted to certain times in Kisi. Wait, or an \
             administrator changes the schedule in Kisi."
        }
        "f01337" => {
            "The group does not allow opening by app. An administrator allows app access at the \
             group in Kisi."
        }
        "bbc93f" => {
            "The group allows opening only by tapping the reader. Tap it, or an administrator \
             lifts that restriction at the group in Kisi."
        }
        "34bd8f" => {
            "The group allows opening only with the person's primary device. Use that one, or an \
             administrator lifts the restriction at the group in Kisi."
        }
        "f298cf" | "f298df" => {
            "Access links are not allowed here. An administrator allows them at the place or \
             group in Kisi."
        }
        "f29aef" => "The access link is not valid. An administrator issues a new one.",
        "fad137" | "aaa345" | "fad126" | "fad129" | "adf234" | "fad144" | "fad146" => {
            "An alarm zone blocks the door. The person responsible for the alarm disarms the zone."
        }
        _ => return None,
    })
}

fn nearness(code: &str) -> Option<&'static str> {
    Some(match code {
        "bb4faa" | "bb5bff" => {
            "The door opens only for a person at its reader, so not remotely. An administrator \
             lifts the reader restriction at the lock and its groups in Kisi."
        }
        "a3995f" | "bbb99f" => {
            "The door opens only for a person near it, and Kisi received no location near it. An \
             administrator lifts the geofence at the lock and its groups in Kisi."
        }
        "bbb93f" => "The lock has no valid location. An administrator sets it in Kisi.",
        "bb4fff" | "bb4bff" => {
            "Kisi's app may not use Bluetooth. The member allows it on the phone."
        }
        "a7793f" | "a3799f" | "a3793f" => {
            "Kisi's app may not use the location. The member allows it on the phone."
        }
        _ => return None,
    })
}

fn devices(code: &str) -> Option<&'static str> {
    Some(match code {
        "fac001" | "fac002" => {
            "The controller of the door is offline. Check its power and network on site."
        }
        "fac003" | "fac004" => {
            "A device at the door is offline. Check its power and network on site."
        }
        "fbc000" => "The controller is updating itself. Try again in a minute.",
        "ff420a" => "The door has no controller. An administrator assigns one in Kisi.",
        "fad108" => "The controller is not set up. An administrator completes its setup in Kisi.",
        "fad105" => "The door is not set up correctly. An administrator corrects that in Kisi.",
        "ecc123" => "The controller failed for an unknown reason. Ask Kisi's support.",
        "fad10f" | "fad106" | "fad107" => {
            "The wireless lock cannot be reached. Check its battery and gateway on site."
        }
        "fad112" => "The wireless lock is already opening. Wait a moment.",
        "fad10e" => {
            "The door no longer exists in Kisi. An administrator removes it from the rules, or \
             adds it to Kisi again."
        }
        "fad001" => "The door is locked down. An administrator lifts the lockdown in Kisi.",
        "fad002" => "The place is locked down. An administrator lifts the lockdown in Kisi.",
        "fad110" => "The door is already unlocked by its schedule.",
        "fad334" | "fad121" | "fad122" | "fad123" | "fad124" => {
            "The elevator stop is missing, not set up, locked down or on a schedule. An \
             administrator checks it in Kisi."
        }
        "abbb11" | "abcc11" | "abdd11" | "abee11" | "abfe11" | "abff11" => {
            "The external system that controls this door refused the command. An administrator \
             checks the integration in Kisi."
        }
        _ => return None,
    })
}

/// Whether the code reports that a device at the door cannot open it now.
pub(super) fn is_of_a_device(code: &str) -> bool {
    devices(code).is_some()
}

/// A message derived from Kisi's own text, for responses without a known code.
fn of_text(message: &str) -> Option<&'static str> {
    let text = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&[
        "past due",
        "overdue",
        "unpaid",
        "subscription",
        "billing",
        "payment",
    ]) {
        return Some(PAST_DUE);
    }
    if says(&["login", "api key"]) && says(&["limit", "maximum", "many", "exceed", "10", "ten "]) {
        return Some(
            "Kisi allows ten API keys per person, and all are in use. The owner of the account \
             deletes one that is not needed, in Kisi under My Account, API.",
        );
    }
    if says(&["two factor", "two-factor", "2fa", "otp"]) {
        return of_code("afc526");
    }
    if says(&["confirm your email", "confirm their email"]) {
        return Some(
            "The person has not confirmed their e-mail address with Kisi. The link in Kisi's \
             e-mail confirms it.",
        );
    }
    if says(&["reader restriction", "nearby reader"]) {
        return of_code("bb4faa");
    }
    if says(&["detect your location", "geofence"]) {
        return of_code("a3995f");
    }
    None
}

const PAST_DUE: &str =
    "The organization's Kisi account is past due. Its owner settles the payment with Kisi.";

pub(super) fn for_people(error: &Error) -> String {
    let known = error
        .code()
        .and_then(of_code)
        .or_else(|| of_text(error.message()));
    if let Some(words) = known {
        return words.to_owned();
    }
    let words = match error {
        Error::Unauthorized { .. } => {
            "Kisi does not accept the API key: it was deleted, has expired, or its owner lost the \
             right to have one. An owner of the organization creates a new key."
        }
        Error::Forbidden { .. } => {
            "The owner of this API key may not do that in Kisi. An owner of the organization \
             makes that person an administrator, or connects with their own key."
        }
        Error::NotFound { .. } => {
            "This no longer exists in Kisi. An administrator removes it from Latchkey's settings, \
             or creates it in Kisi again."
        }
        Error::Withheld => "Another replica has taken over the work.",
        Error::Conflict { .. } => "Kisi reports a conflict with existing data.",
        Error::Unprocessable { .. } => "Kisi rejected the request as invalid.",
        Error::RateLimited { .. } => {
            "Kisi's request limit is reached. Latchkey continues by itself; if this lasts, another \
             system uses API keys of the same person: an owner gives each system a Kisi user of \
             its own."
        }
        Error::Refused { status: 402, .. } => PAST_DUE,
        Error::Refused { .. } => "Kisi refused the call.",
        Error::NotSent(_) => {
            "Kisi cannot be reached. Nothing is lost, and Latchkey tries again by itself; if this \
             lasts, the operator of Latchkey checks its internet connection."
        }
        Error::Unknown { .. } => {
            "Kisi did not answer properly. Nothing is lost: Latchkey checks the state in Kisi and \
             continues by itself. If this lasts, see Kisi's status page or ask its support."
        }
        Error::TooLong => {
            "Kisi returns no more than 20,000 rows of a list, and this list is longer."
        }
        Error::Malformed { .. } => {
            "Kisi's response is not as documented, so Latchkey ignores it. If this lasts, the \
             operator of Latchkey reports it."
        }
    };
    let own = error.message();
    if own.is_empty() {
        words.to_owned()
    } else {
        format!("{words} Kisi's message: {own}")
    }
}
