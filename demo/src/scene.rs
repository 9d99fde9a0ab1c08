//! The state of the story: the club's API, sandbox, platforms and groups.
//!
//! Contract: `deliver` returns only after Kisi has everything that follows from the event. Sends only
//! signed events; every wait has a limit. Called by the steps.

use anyhow::Context;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use latchkey_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{
    api::{Api, Sender, text},
    console::Console,
    people::Person,
};

/// A Kisi group of the story.
pub struct Group {
    /// Latchkey's id.
    pub id: String,
    pub name: &'static str,
    /// Kisi's id.
    pub kisi_id: i64,
}

/// A sent event, kept so that it can be sent again.
pub struct SentEvent {
    pub id: &'static str,
    pub event: Value,
}

pub struct Scene {
    pub api: Api,
    pub sandbox: Sandbox,
    /// The club's time zone.
    pub zone: TimeZone,
    /// Sends memberships.
    pub front_desk: Sender,
    /// Sends bookings.
    pub clubspot: Sender,
    /// Sends purchases.
    pub exercise: Sender,
    /// The group that opens the clubhouse.
    pub members: Group,
    /// The group that opens the simulator.
    pub simulator: Group,
    /// The day of the story in that zone; it does not change at midnight.
    pub day: Date,
    /// The events sent so far.
    pub sent: Vec<SentEvent>,
}

impl Scene {
    pub fn now(&self) -> Timestamp {
        self.sandbox.now()
    }

    /// An instant in the club's time zone, with seconds if it is not a whole minute.
    pub fn local(&self, at: Timestamp) -> String {
        let shown = at.to_zoned(self.zone.clone());
        let form = if shown.second() == 0 {
            "%a %-d %b %H:%M"
        } else {
            "%a %-d %b %H:%M:%S"
        };
        shown.strftime(form).to_string()
    }

    /// Sends an event and waits until Kisi has everything that follows from it.
    ///
    /// # Errors
    /// When the service does not answer, or the delivery does not settle in time.
    pub async fn deliver(
        &mut self,
        from: fn(&Self) -> &Sender,
        id: &'static str,
        event: Value,
        console: &mut Console,
    ) -> anyhow::Result<()> {
        console.wait("sending")?;
        let sender = from(self);
        let answer = sender.send(id, &event).await?;
        let kind = text(&event, "/type")?;
        let came = format!("{kind} from {}, signed: {}", sender.name, answer.status);
        console.fact(
            "sent",
            came,
            answer.status == 202,
            format!("202; the response was {}", answer.body),
        )?;
        self.sent.push(SentEvent { id, event });
        console.wait("waiting for Kisi")?;
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        self.api
            .wait_until_settled(&text(&body, "/delivery")?)
            .await
    }

    /// The id of the member with the person's e-mail address; `None` if there is none.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn member(&self, who: Person) -> anyhow::Result<Option<String>> {
        const QUERY: &str = "query($email: String) { member(email: $email) { id } }";
        let data = self.api.query(QUERY, json!({ "email": who.email })).await?;
        Ok(data
            .pointer("/member/id")
            .and_then(Value::as_str)
            .map(str::to_owned))
    }

    /// The number of stored deliveries.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn deliveries(&self) -> anyhow::Result<u64> {
        let data = self
            .api
            .query("{ deliveries(first: 1) { totalCount } }", Value::Null)
            .await?;
        data.pointer("/deliveries/totalCount")
            .and_then(Value::as_u64)
            .context("the response has no totalCount")
    }
}
