//! The club in the middle of the story, and how its platforms reach the service.
//!
//! Promises: an event that was sent has led to all that it leads to before the story goes on. Must
//! never send anything unsigned, nor wait without a bound. Called by the steps.

use anyhow::Context;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    api::{Api, Sender, text},
    people::Person,
    tell::Teller,
};
use crate::sandbox::Sandbox;

/// A Kisi group that the story is about.
pub struct Group {
    /// The service's id of it.
    pub id: String,
    /// Its name.
    pub name: &'static str,
    /// Kisi's number of it.
    pub kisi_id: i64,
}

/// An event that was sent, to be sent again.
pub struct Letter {
    /// The delivery's id.
    pub id: &'static str,
    /// The body.
    pub event: Value,
}

/// The club in the middle of the story.
pub struct Scene {
    /// The way to the service.
    pub api: Api,
    /// Kisi.
    pub sandbox: Sandbox,
    /// The club's time zone.
    pub zone: TimeZone,
    /// Sends memberships.
    pub front_desk: Sender,
    /// Sends bookings.
    pub clubspot: Sender,
    /// Sends purchases.
    pub exercise: Sender,
    /// Whom the clubhouse is for.
    pub members: Group,
    /// Whom the simulator is for.
    pub simulator: Group,
    /// The day of the story in that zone: the same to its end, even past midnight.
    pub day: Date,
    /// What was sent so far.
    pub sent: Vec<Letter>,
}

impl Scene {
    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.api.clock().now().timestamp()
    }

    /// An instant as the club's clocks show it, to the second where it is no whole minute.
    pub fn local(&self, at: Timestamp) -> String {
        let shown = at.to_zoned(self.zone.clone());
        let form = if shown.second() == 0 {
            "%a %-d %b %H:%M"
        } else {
            "%a %-d %b %H:%M:%S"
        };
        shown.strftime(form).to_string()
    }

    /// Sends an event that has to be taken in, and waits until Kisi holds what follows from it.
    ///
    /// # Errors
    /// Where the service does not answer, or Kisi is not made so in time.
    pub async fn deliver(
        &mut self,
        from: fn(&Self) -> &Sender,
        id: &'static str,
        event: Value,
        teller: &mut Teller,
    ) -> anyhow::Result<()> {
        teller.wait("sending")?;
        let sender = from(self);
        let answer = sender.send(id, &event).await?;
        let kind = text(&event, "/type")?;
        let came = format!("{kind} from {}, signed: {}", sender.name, answer.status);
        teller.fact(
            "sent",
            came,
            answer.status == 202,
            format!("202; it said {}", answer.body),
        )?;
        self.sent.push(Letter { id, event });
        teller.wait("waiting for Kisi")?;
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        self.api.settled(&text(&body, "/delivery")?).await
    }

    /// The service's id of a person; none where it knows nobody of the e-mail.
    ///
    /// # Errors
    /// Where the service does not say.
    pub async fn member(&self, who: Person) -> anyhow::Result<Option<String>> {
        const QUERY: &str = "query($email: String) { member(email: $email) { id } }";
        let data = self.api.ask(QUERY, json!({ "email": who.email })).await?;
        Ok(data
            .pointer("/member/id")
            .and_then(Value::as_str)
            .map(str::to_owned))
    }

    /// How many deliveries were let in.
    ///
    /// # Errors
    /// Where the service does not say.
    pub async fn deliveries(&self) -> anyhow::Result<u64> {
        let data = self
            .api
            .ask("{ deliveries(first: 1) { totalCount } }", Value::Null)
            .await?;
        data.pointer("/deliveries/totalCount")
            .and_then(Value::as_u64)
            .context("no count came")
    }
}
