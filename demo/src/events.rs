//! The events that the platforms of the story send, in the canonical format.
//!
//! Contract: the timestamp of each event is the time of the call, so that a later event about the same
//! object wins. Events do not depend on the effects of earlier ones. Called by the steps.

use jiff::{Timestamp, civil::Date};
use serde_json::{Value, json};

use super::{
    people::{ADA, BEN, EVA, KIM, LEO, MAX, TOM},
    scene::Scene,
};

/// How long the training programme lasts, in days.
const PROGRAMME_DAYS: i64 = 70;

impl Scene {
    /// The members at the start of the story.
    pub fn roster(&self) -> Value {
        let membership = |id: &str, who: Value, status: &str| {
            let plan = plan();
            json!({ "id": id, "plan": plan, "member": who, "status": status })
        };
        let memberships = [
            membership("ms-1", EVA.on("fd"), "active"),
            membership("ms-2", KIM.on("fd"), "active"),
            membership("ms-3", LEO.on("fd"), "paused"),
        ];
        self.event("roster.snapshot", json!({ "memberships": memberships }))
    }

    /// A change of Ada's membership.
    pub fn membership(&self, status: &str, blocked: Value) -> Value {
        let data = json!({
            "id": "ms-4", "plan": plan(), "member": ADA.on("fd"), "status": status,
            "blocked": blocked, "starts_at": self.day,
        });
        self.event("membership.updated", data)
    }

    /// The forged membership of Max.
    pub fn invented(&self) -> Value {
        let data = json!({
            "id": "ms-9", "plan": plan(), "member": MAX.on("fd"), "status": "active",
        });
        self.event("membership.updated", data)
    }

    /// Tom's training programme, paid.
    ///
    /// # Errors
    /// When the date is out of range.
    pub fn purchase(&self) -> anyhow::Result<Value> {
        let data = json!({
            "id": "order-1",
            "item": { "id": "strength-10", "name": "Ten weeks of strength" },
            "member": TOM.on("ex"), "status": "paid",
            "starts_at": self.day, "ends_at": self.programme_ends()?,
        });
        Ok(self.event("purchase.updated", data))
    }

    /// The last day of the training programme.
    ///
    /// # Errors
    /// When the date is out of range.
    pub fn programme_ends(&self) -> anyhow::Result<Date> {
        Ok(self
            .day
            .checked_add(jiff::Span::new().days(PROGRAMME_DAYS - 1))?)
    }

    /// A change of Ada's booking, with Ben as her guest.
    ///
    /// # Errors
    /// When the date is out of range.
    pub fn booking(&self, status: &str) -> anyhow::Result<Value> {
        let (starts, ends) = (self.booked(12)?, self.booked(16)?);
        let data = json!({
            "id": "booking-1", "kind": "room",
            "item": { "id": "simulator-1", "name": "Simulator 1" },
            "member": ADA.on("cs"), "guests": [{ "email": BEN.email, "name": BEN.name }],
            "status": status, "starts_at": starts.to_string(), "ends_at": ends.to_string(),
        });
        Ok(self.event("registration.updated", data))
    }

    /// An hour of the day of the booking, which is tomorrow.
    ///
    /// # Errors
    /// When the date is out of range.
    pub fn booked(&self, hour: i8) -> anyhow::Result<Timestamp> {
        self.hour_of(self.day.tomorrow()?, hour)
    }

    /// An hour of a day in the club's time zone.
    ///
    /// # Errors
    /// When the date is out of range.
    pub fn hour_of(&self, day: Date, hour: i8) -> anyhow::Result<Timestamp> {
        Ok(day
            .at(hour, 0, 0, 0)
            .to_zoned(self.zone.clone())?
            .timestamp())
    }

    /// A roster of the rowing section. `people`: names and e-mail addresses.
    pub fn rowers(&self, people: &[(String, String)]) -> Value {
        let membership = |(nth, (name, email)): (usize, &(String, String))| {
            json!({
                "id": format!("row-{nth}"), "plan": { "id": "rowing", "name": "Rowing" },
                "member": { "id": format!("rower-{nth}"), "email": email, "name": name }, "status": "active",
            })
        };
        let memberships: Vec<Value> = people.iter().enumerate().map(membership).collect();
        self.event("roster.snapshot", json!({ "memberships": memberships }))
    }

    fn event(&self, kind: &str, data: Value) -> Value {
        json!({ "type": kind, "timestamp": self.now().to_string(), "data": data })
    }
}

fn plan() -> Value {
    json!({ "id": "full", "name": "Full membership" })
}
