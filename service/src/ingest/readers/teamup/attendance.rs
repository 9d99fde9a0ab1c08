//! Tells TeamUp that a customer came to a class or an appointment. The attendance is read first: it names the event and the
//! customer, and shows whether an earlier call, whose answer was lost, or staff have noted something already.

use serde_json::{Value, json};

use super::rows::{id_of, key_of};
use crate::ingest::readers::{api::Api, check_ins::CheckedIn, failure::ReadError};

/// Confirms an attendance, unless it is confirmed or no longer a registration.
pub async fn check_in(api: &Api, attendance: &str) -> Result<CheckedIn, ReadError> {
    let path = format!("attendances/{attendance}");
    let row = match api.get(&path, &[]).await {
        Err(ReadError::Status { status: 404, .. }) => return Ok(CheckedIn::NotStanding),
        row => row?,
    };
    let odd = |what: &str| ReadError::odd("attendances", what);
    match row.get("status").and_then(Value::as_str) {
        Some("registered") => {}
        Some("attended") => return Ok(CheckedIn::Attended),
        Some("not_registered" | "no_show" | "late_cancelled") => {
            return Ok(CheckedIn::NotStanding);
        }
        _ => return Err(odd("a status is none of the documented ones")),
    }
    let event = key_of(row.get("event")).ok_or_else(|| odd("a row names no event"))?;
    let customer = id_of(row.get("customer")).ok_or_else(|| odd("a row names no customer"))?;
    let path = format!("events/{event}/confirm_attendance");
    api.post(&path, &json!({ "customer": customer })).await?;
    Ok(CheckedIn::Attended)
}
