//! Kisi's states in words that an admin can act on: what the matter is, and who can mend it.
//!
//! Promises: a known code is explained whatever status came with it, since Kisi documents no status
//! per code. Must never invent a cause: without a known code, the kind of the error and Kisi's own
//! text are all that is said. Called by the error type alone.

use super::error::Error;

/// What a known code means. The first half says what, the second who can mend it.
fn of_code(code: &str) -> Option<&'static str> {
    credentials(code)
        .or_else(|| rights(code))
        .or_else(|| nearness(code))
        .or_else(|| devices(code))
}

fn credentials(code: &str) -> Option<&'static str> {
    Some(match code {
        "afc516" => {
            "Kisi does not accept the credentials. If it is a key, it was deleted, it expired or \
             its owner lost the right to it: an owner of the organization makes a new one. If it \
             is e-mail address and password, one of them, the code or the organization's domain \
             is wrong."
        }
        "afc526" => {
            "Kisi asks for the code of the second factor. Whoever connects the account enters the \
             present code of their authenticator app."
        }
        "afc536" => {
            "The code of the second factor is wrong or used up. Whoever connects the account \
             enters the next one."
        }
        "afc546" => {
            "The backup code of the second factor is wrong or used. Whoever connects the account \
             enters another."
        }
        "afc507" => "This link to sign in is not valid any more. Ask Kisi for a new one.",
        "faa9ff" => "The card is not activated. An administrator activates it in Kisi.",
        "faa9ef" => "Kisi does not know the card. An administrator enrols it in Kisi.",
        "cabbeb" => {
            "A card with the same number is enrolled already. An administrator removes one."
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
            "Kisi denies it: the person in whose name it was asked has no right to this. To a \
             door, a rule must give it; to change things in Kisi, an owner makes the person of \
             the key an administrator."
        }
        "f298bf" | "f398de" => {
            "Kisi holds no right for this person to this door. A rule must give it, or an \
             administrator in Kisi."
        }
        "fcd8ff" => {
            "This person's access is switched off in Kisi as a whole. An administrator switches \
             it on at the user in Kisi."
        }
        "f358de" => "The right has not begun yet in Kisi. It opens by itself when its time comes.",
        "f35ade" => "The right has ended in Kisi. A new membership or booking brings another.",
        "34ffaa" => {
            "The door or its group is restricted to certain times in Kisi. Wait, or an \
             administrator changes the schedule in Kisi."
        }
        "f01337" => {
            "The group does not let people open by app. An administrator allows app access at the \
             group in Kisi."
        }
        "bbc93f" => {
            "The group lets people in only by tapping the reader. Tap it, or an administrator \
             lifts that restriction at the group in Kisi."
        }
        "34bd8f" => {
            "The group lets people in only with their main device. Use that one, or an \
             administrator lifts the restriction at the group in Kisi."
        }
        "f298cf" | "f298df" => {
            "Access links are not allowed here. An administrator allows them at the place or \
             group in Kisi."
        }
        "f29aef" => "The access link is not valid. An administrator issues a new one.",
        "fad137" | "aaa345" | "fad126" | "fad129" | "adf234" | "fad144" | "fad146" => {
            "An alarm zone forbids or hinders it. Whoever looks after the alarm disarms the zone."
        }
        _ => return None,
    })
}

fn nearness(code: &str) -> Option<&'static str> {
    Some(match code {
        "bb4faa" | "bb5bff" => {
            "The door opens only for somebody who stands at its reader, so not from afar. An \
             administrator lifts the reader restriction at the lock and its groups in Kisi."
        }
        "a3995f" | "bbb99f" => {
            "The door opens only for somebody near it, and Kisi was told no place near. An \
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
            "The controller of the door is offline. Somebody on site checks its power and network."
        }
        "fac003" | "fac004" => {
            "A device at the door is offline. Somebody on site checks its power and network."
        }
        "fbc000" => "The controller is updating itself. Try again in a minute.",
        "ff420a" => "The door has no controller. An administrator assigns one in Kisi.",
        "fad108" => "The controller is not set up. An administrator finishes that in Kisi.",
        "fad105" => "The door is not set up properly. An administrator mends that in Kisi.",
        "ecc123" => {
            "The controller failed in a way it does not explain. Kisi's support can tell more."
        }
        "fad10f" | "fad106" | "fad107" => {
            "The wireless lock cannot be reached. Somebody on site checks its battery and gateway."
        }
        "fad112" => "The wireless lock is opening already. Wait a moment.",
        "fad10e" => {
            "Kisi has no such door any more. An administrator takes it out of the rules, or adds \
             it again."
        }
        "fad001" => "The door is locked down. An administrator lifts the lockdown in Kisi.",
        "fad002" => "The place is locked down. An administrator lifts the lockdown in Kisi.",
        "fad110" => "The door stands open by its schedule already.",
        "fad334" | "fad121" | "fad122" | "fad123" | "fad124" => {
            "The elevator stop is missing, not set up, locked down or on a schedule. An \
             administrator looks at it in Kisi."
        }
        "abbb11" | "abcc11" | "abdd11" | "abee11" | "abfe11" | "abff11" => {
            "The system that Kisi passes this door on to does not take it. An administrator looks \
             at the integration in Kisi."
        }
        _ => return None,
    })
}

/// Whether the code is one by which a door says that it cannot be opened just now.
pub(super) fn is_of_a_device(code: &str) -> bool {
    devices(code).is_some()
}

/// What can be told from Kisi's own text alone, where it bears no code that says more.
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
            "Kisi allows ten API keys a person, and all are in use. The person whose account it \
             is deletes one that is not needed, in Kisi under My Account, API.",
        );
    }
    if says(&["two factor", "two-factor", "2fa", "otp"]) {
        return of_code("afc526");
    }
    if says(&["confirm your email", "confirm their email"]) {
        return Some(
            "The person has not confirmed their e-mail address at Kisi. The person does, by \
             Kisi's e-mail.",
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
    "The organization's account with Kisi is past due. Its owner settles that with Kisi.";

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
            "Kisi does not accept the key: it was deleted, it expired, or its owner lost the \
             right to have one. An owner of the organization makes a new one."
        }
        Error::Forbidden { .. } => {
            "The person whose key this is may not do that in Kisi. An owner of the organization \
             makes them an administrator, or connects with their own key."
        }
        Error::NotFound { .. } => {
            "Kisi does not have it any more. An administrator takes it out of the settings here, \
             or makes it again in Kisi."
        }
        Error::Withheld => "Another replica has taken the work over.",
        Error::Conflict { .. } => "Kisi says that it contradicts what is there already.",
        Error::Unprocessable { .. } => "Kisi says that what was sent is not valid.",
        Error::RateLimited { .. } => {
            "Kisi takes no more requests for the moment. It goes on by itself; if this stays, \
             something else uses the same person's keys: an owner gives each system a person of \
             its own."
        }
        Error::Refused { status: 402, .. } => PAST_DUE,
        Error::Refused { .. } => "Kisi refused.",
        Error::NotSent(_) => {
            "Kisi cannot be reached. Nothing is lost and it goes on by itself; if this stays, \
             whoever runs Latchkey checks its way to the internet."
        }
        Error::Unknown { .. } => {
            "Kisi gave no answer that can be trusted. Nothing is lost: it is looked up there and \
             goes on by itself. If this stays, Kisi's status page or support can tell more."
        }
        Error::TooLong => "Kisi shows no more than 20,000 rows of a list, and this one is longer.",
        Error::Malformed { .. } => {
            "Kisi's answer is not as Kisi documents it, so nothing is concluded from it. If this \
             stays, whoever runs Latchkey reports it."
        }
    };
    let own = error.message();
    if own.is_empty() {
        words.to_owned()
    } else {
        format!("{words} Kisi's own words: {own}")
    }
}
